/*! One plugin configuration in one virtual machine. */

use crate::envoy;
use crate::filter::{Closed, Filter};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::rc::Rc;
use tollgate::call::Gateway;
use tollgate::config;

/// Holds the policy; a reload makes a new one beside it, so that calls keep theirs.
#[derive(Default)]
pub(crate) struct Root {
    gateway: Option<Rc<Gateway>>,
}

impl Context for Root {}

impl RootContext for Root {
    /// Reads the policy. With `false` Envoy does not start, or keeps what it had.
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        let policy = match config::from_plugin_bytes(&bytes) {
            Ok(policy) => policy,
            Err(problems) => {
                for problem in problems.iter() {
                    log::error!("policy: {problem}");
                }
                return false;
            }
        };
        log::info!(
            "tollgate {}: policy with {} backends, {} models, {} tenants",
            env!("CARGO_PKG_VERSION"),
            policy.backends.len(),
            policy.models.len(),
            policy.tenants.len()
        );
        let name = envoy::text(&["plugin_name"]).unwrap_or_default();
        self.gateway = Some(Rc::new(Gateway::new(policy, &name)));
        true
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.gateway {
            Some(gateway) => Some(Box::new(Filter::new(gateway))),
            None => Some(Box::new(Closed)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
