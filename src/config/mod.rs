/*! What an operator writes: read whole, every problem reported with its path, and
compiled into an immutable [`Policy`].

Three steps, one file each: bytes to a [`Tree`] (`tree`, `protobuf`), the tree to typed
values (`fields`, `document`), and those to a policy with all names resolved
(`compile`). */

mod background;
mod compile;
mod document;
mod fields;
mod global;
mod guardrail;
mod limit;
mod model;
mod plugin;
mod policy;
mod problem;
pub mod protobuf;
mod rule;
mod scalars;
mod service;
mod suggest;
mod tree;
mod values;

pub use background::{AlertHook, Store, UntilLoaded};
pub use global::GlobalCharge;
pub use guardrail::{Action, Detect, Guardrail, Phase, Phases, masks};
pub use limit::{DefaultOutput, Ledger};
pub use model::{
    AnswerModel, Api, Backend, CoolDown, Fallback, Lineup, MaxTokensField, Model, Resolve,
    StickyBy, Strategy, Target, Targets, Timeouts,
};
pub use plugin::{Plugin, Stand};
pub use policy::{
    Expiry, Hop, HopFrom, IdentityRules, JwtRule, Key, KeyRing, Limits, OtherPaths, Policy, Role,
    SpiffePattern, Tenant,
};
pub use problem::{Problem, Problems, Severity};
pub use rule::{Condition, HeaderIs, Modality, Pattern, Range, Rule, Rules};
pub use scalars::nano_usd;
pub use service::{FailureMode, Moderation, Presidio, Score, Service, ServiceKind};
pub use tree::Tree;

/// Reads a policy from what Envoy hands a plugin: JSON text (from a `StringValue`, or from
/// Istio's `pluginConfig`) or the bytes of a `google.protobuf.Struct`.
///
/// # Errors
/// Every problem found; no policy is made then.
pub fn from_plugin_bytes(bytes: &[u8]) -> Result<Policy, Problems> {
    enforced(from_tree(&tree_of(bytes)?).0?)
}

fn tree_of(bytes: &[u8]) -> Result<Tree, Problems> {
    match protobuf::decode_struct(bytes) {
        Some(tree) => Ok(tree),
        None => Tree::from_json(bytes).map_err(|error| Problems::one("", &error)),
    }
}

/// Makes a policy of a tree, whatever format it came from. The second part holds the
/// warnings, which do not stop a start.
pub fn from_tree(tree: &Tree) -> (Result<Policy, Problems>, Problems) {
    let mut problems = Problems::default();
    let document = document::read(tree, &mut problems);
    let policy = document.map(|document| compile::compile(document, &mut problems));
    let (errors, warnings) = problems.split();
    match policy {
        Some(policy) if errors.is_empty() => (Ok(policy), warnings),
        _ => (Err(errors), warnings),
    }
}

/// What an error about guardrails in a policy that is to run says.
pub const NOT_ENFORCED: &str = "this version finds and masks in `tollgate scan` only: calls would \
    pass unguarded";

/// A policy that a filter can run as it is written.
fn enforced(policy: Policy) -> Result<Policy, Problems> {
    if policy.guardrails.is_empty() {
        Ok(policy)
    } else {
        Err(Problems::one("guardrails", &NOT_ENFORCED))
    }
}

/// The guardrails of a policy, or of a document that has nothing else. The second part
/// holds the warnings.
pub fn guardrails_from_tree(tree: &Tree) -> (Result<Vec<Guardrail>, Problems>, Problems) {
    let alone = tree.as_map().is_some_and(|members| {
        let mut names = members.iter().map(|(name, _)| name);
        names.all(|name| name == "guardrails")
    });
    if !alone {
        let (policy, warnings) = from_tree(tree);
        return (policy.map(|policy| policy.guardrails), warnings);
    }
    let mut problems = Problems::default();
    let guardrails = fields::Node::root(tree)
        .fields(&mut problems)
        .and_then(|mut fields| {
            let guardrails = fields.required("guardrails", document::guardrails, &mut problems);
            fields.finish(&mut problems);
            guardrails
        });
    let (errors, warnings) = problems.split();
    match guardrails {
        Some(guardrails) if errors.is_empty() => (Ok(guardrails), warnings),
        _ => (Err(errors), warnings),
    }
}

/// `parent.name`, the notation of every [`Problem::path`].
pub fn member_path(parent: &str, name: &str) -> String {
    fields::member_path(parent, name)
}

/// ` (did you mean "x"?)` for the nearest of `known` to `name`; empty if none is near.
pub fn suggestion<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    suggest::suggest(name, known)
}

#[cfg(test)]
mod tests;
