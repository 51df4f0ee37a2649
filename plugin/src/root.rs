/*! One plugin configuration in one virtual machine. */

use crate::backend::Backend;
use crate::envoy;
use crate::filter::{Closed, Filter};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::rc::Rc;
use tollgate::call::Gateway;
use tollgate::config::{Plugin, Policy, Stand};

/// Holds the part that this plugin plays; a reload makes a new one beside it, so that calls
/// keep theirs.
#[derive(Default)]
pub(crate) enum Root {
    /// Nothing was configured: Envoy does not start with it.
    #[default]
    Closed,
    /// The gateway.
    Gateway(Rc<Gateway>),
    /// In front of providers.
    Backend(Rc<Stand>),
}

impl Context for Root {}

impl Root {
    fn gateway(policy: Policy) -> Self {
        log::info!(
            "tollgate {}: policy with {} backends, {} models, {} tenants",
            env!("CARGO_PKG_VERSION"),
            policy.backends.len(),
            policy.models.len(),
            policy.tenants.len()
        );
        let name = envoy::text(&["plugin_name"]).unwrap_or_default();
        Self::Gateway(Rc::new(Gateway::new(policy, &name)))
    }
}

impl RootContext for Root {
    /// Reads the configuration. With `false` Envoy does not start, or keeps what it had.
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        *self = match Plugin::from_bytes(&bytes) {
            Ok(Plugin::Gateway(policy)) => Self::gateway(*policy),
            Ok(Plugin::Backend(stand)) => Self::Backend(Rc::new(stand)),
            Err(problems) => {
                for problem in problems.iter() {
                    log::error!("policy: {problem}");
                }
                return false;
            }
        };
        true
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self {
            Self::Gateway(gateway) => Box::new(Filter::new(gateway)),
            Self::Backend(stand) => Box::new(Backend::new(Rc::clone(stand))),
            Self::Closed => Box::new(Closed),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
