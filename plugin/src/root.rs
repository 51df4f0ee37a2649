/*! One plugin configuration in one virtual machine. */

use crate::backend::Backend;
use crate::background::Clerk;
use crate::envoy::{self, Envoy};
use crate::filter::{Closed, Filter};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use tollgate::background::Background;
use tollgate::call::Gateway;
use tollgate::config::{Plugin, Policy, Stand};
use tollgate::ledger::Dirty;

/// Holds the part that this plugin plays; a reload makes a new one beside it, so that calls
/// keep theirs.
#[derive(Default)]
pub(crate) enum Root {
    /// Nothing was configured: Envoy does not start with it.
    #[default]
    Closed,
    /// The gateway.
    Gateway {
        gateway: Rc<Gateway>,
        /// What the policy wants done beside calls.
        clerk: Option<Box<Clerk>>,
    },
    /// In front of providers.
    Backend(Rc<Stand>),
}

impl Context for Root {
    fn on_http_call_response(
        &mut self,
        token: u32,
        _headers: usize,
        body_size: usize,
        _trailers: usize,
    ) {
        if let Some(clerk) = self.clerk() {
            clerk.answered(token, body_size);
        }
    }
}

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
        let mut gateway = Gateway::new(policy, &name);
        gateway.dirty = dirty(gateway.space.namespace());
        gateway.open(&Envoy);
        let gateway = Rc::new(gateway);
        let work = Background::new(&Envoy, &gateway.policy, &gateway.space, &gateway.dirty);
        let clerk = work.map(|work| Box::new(Clerk::start(work)));
        Self::Gateway { gateway, clerk }
    }

    fn clerk(&mut self) -> Option<&mut Clerk> {
        match self {
            Self::Gateway { clerk, .. } => clerk.as_deref_mut(),
            Self::Backend(_) | Self::Closed => None,
        }
    }
}

thread_local! {
    static DIRTY: RefCell<HashMap<String, Rc<Dirty>>> = RefCell::default();
}

/// What the calls of a namespace have changed, the same before and after a reload: calls
/// that outlive their policy are saved by the one after it.
fn dirty(namespace: &str) -> Rc<Dirty> {
    DIRTY.with_borrow_mut(|known| Rc::clone(known.entry(namespace.to_owned()).or_default()))
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

    fn on_tick(&mut self) {
        if let Some(clerk) = self.clerk() {
            clerk.tick();
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self {
            Self::Gateway { gateway, .. } => Box::new(Filter::new(gateway)),
            Self::Backend(stand) => Box::new(Backend::new(Rc::clone(stand))),
            Self::Closed => Box::new(Closed),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
