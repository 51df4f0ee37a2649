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
