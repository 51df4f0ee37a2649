/*! Tollgate as a proxy-wasm plugin: host calls in and out of the core, nothing else. */

mod backend;
mod background;
mod callouts;
mod envoy;
mod filter;
mod root;

/// The entry point: hosts look for it by a fixed name, which Rust counts as unsafe.
#[allow(unsafe_code, missing_docs)]
mod entry {
    use super::root::Root;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|_| Box::new(Root::default()));
    }}
}
