/*! Where a call goes: from the model asked for to a target. */

use crate::config::{Model, Policy, Tenant};
use crate::protocols::{ErrorKind, Refusal};
use std::rc::Rc;

/// Longest model name that is repeated in an error message, in characters.
const MAX_ECHO: usize = 64;

/// The virtual model that a tenant asks for.
///
/// # Errors
/// 404 if there is none of this name, 403 if the tenant may not use it.
pub fn find_model(policy: &Policy, tenant: &Tenant, name: &str) -> Result<Rc<Model>, Refusal> {
    let Some(model) = policy.models.get(name) else {
        let short: String = name.chars().take(MAX_ECHO).collect();
        let message = format!("The model '{short}' does not exist. See GET /v1/models.");
        let refusal = Refusal::new(ErrorKind::NotFound, "model_not_found", message);
        return Err(refusal.at("model"));
    };
    if tenant
        .models
        .iter()
        .any(|allowed| Rc::ptr_eq(allowed, model))
    {
        return Ok(Rc::clone(model));
    }
    let message = format!(
        "Tenant '{}' may not use the model '{}'. See GET /v1/models.",
        tenant.name, model.name
    );
    let refusal = Refusal::new(ErrorKind::Permission, "model_not_allowed", message);
    Err(refusal.at("model"))
}

/// 400: the call's model is left to rules, and none applies.
pub fn no_route(model: &Model) -> Refusal {
    let message = format!("No routing rule applies to this call of '{}'.", model.name);
    Refusal::new(ErrorKind::Invalid, "no_route", message).at("model")
}
#[allow(missing_docs)]
pub fn reset_hint(
    _: crate::http::Headers<'_>,
    _: crate::host::Instant,
) -> Option<crate::host::Instant> {
    None
} // STUB
// STUBS until the routing room comes.
use crate::config::Target;
use crate::host::{Host, Instant};
use crate::state::Space;
#[derive(Debug)]
pub struct Asked<'a> {
    pub tenant: &'a Tenant,
    pub user: &'a str,
    pub model: &'a str,
    pub traits: &'a crate::protocols::Traits,
    pub headers: &'a [(String, String)],
}
#[derive(Debug)]
pub struct Choice {
    pub model: Rc<Model>,
    pub tries: Vec<Rc<Target>>,
    pub rule: Option<String>,
    pub shadow: Vec<String>,
}
pub fn choose(
    _: &dyn Host,
    _: &Space,
    policy: &Policy,
    asked: &Asked<'_>,
) -> Result<Choice, Refusal> {
    let model = find_model(policy, asked.tenant, asked.model)?;
    let tries = match &model.resolve {
        crate::config::Resolve::Targets(t) => t.live.targets.clone(),
        _ => return Err(no_route(&model)),
    };
    Ok(Choice {
        model,
        tries,
        rule: None,
        shadow: vec![],
    })
}
pub mod cooldown {
    use super::*;
    use crate::config::CoolDown;
    pub fn failed(_: &dyn Host, _: &Space, _: &CoolDown, _: &Target, _: Instant) {}
    pub fn rate_limited(
        _: &dyn Host,
        _: &Space,
        _: &CoolDown,
        _: &Target,
        _: Option<Instant>,
        _: Instant,
    ) {
    }
    pub fn succeeded(_: &dyn Host, _: &Space, _: &Target) {}
}
pub mod speed {
    use super::*;
    pub fn learned(_: &dyn Host, _: &Space, _: &Target, _: u64, _: u64, _: u64, _: Instant) {}
}
