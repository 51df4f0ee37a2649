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
