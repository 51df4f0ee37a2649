/*! Starts real Envoys with the real wasm, and talks to them.

Every server listens on loopback on a port that the system chooses, so tests run side by
side. Envoy's log is printed when a test that uses it fails. */

mod client;
mod config;
mod envoy;
mod fleet;
mod kv;
mod pool;
mod python;
mod speaks;
mod stand;

pub use client::{Answer, Ask, Protocol};
pub use config::{Config, Form, demo_policy, fleet_policy, hasty, repo, stopping};
pub use envoy::{Envoy, Release, env_path, validate};
pub use fleet::Fleet;
pub use kv::Kv;
pub use pool::Lease;
pub use python::{Minilm, Presidio, Python};
pub use speaks::Speaks;
pub use stand::Stand;

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
});

/// Runs a test's async part on the runtime that the mocks live on.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// Waits until `check` gives something; panics after `seconds`.
pub async fn eventually<T>(
    what: &str,
    seconds: u64,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    let tries = seconds * 50;
    for _ in 0..tries {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within {seconds} s: {what}");
}
