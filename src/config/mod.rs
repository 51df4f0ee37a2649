/*! What an operator writes: read whole, every problem reported with its path, and
compiled into an immutable [`Policy`].

Three steps, one file each: bytes to a [`Tree`] (`tree`, `protobuf`), the tree to typed
values (`fields`, `document`), and those to a policy with all names resolved
(`compile`). */

mod background;
mod cache;
mod compile;
mod document;
mod fields;
mod global;
mod guardrail;
mod guards;
mod limit;
mod model;
mod plugin;
mod policy;
mod problem;
pub mod protobuf;
mod rule;
mod scalars;
mod scoring;
mod service;
mod stored;
mod suggest;
mod tree;
mod unscannable;
mod values;
mod workflow;

pub use background::{AlertHook, Store, UntilLoaded};
pub use cache::{
    Cache, CacheRules, CacheScope, CacheStore, Embeddings, MAX_GENERATION, ModelCache,
};
pub use global::GlobalCharge;
pub use guardrail::{Action, Detect, Guardrail, Phase, Phases};
pub use guards::{Asked, Guards, Judgement};
pub use limit::{DefaultOutput, Ledger};
pub use model::{
    AnswerModel, Backend, CoolDown, Fallback, Lineup, MaxTokensField, Model, Resolve, StickyBy,
    Strategy, Target, Targets, Timeouts, USUAL_WINDOW,
};
pub use plugin::{Plugin, Stand};
pub use policy::{
    Expiry, Hop, HopFrom, IdentityRules, JwtRule, Key, KeyRing, Limits, OtherPaths, Policy, Role,
    SpiffePattern, Tenant,
};
pub use problem::{Problem, Problems, Severity};
pub use rule::{Condition, HeaderIs, Modality, Pattern, Range, Rule, Rules};
pub use scalars::nano_usd;
pub use scoring::{Judge, Opinion, Roles, Scored, ScoredRole, Scoring};
pub use service::{FailureMode, LlamaGuard, Moderation, Presidio, Score, Service, ServiceKind};
pub use stored::{Batches, Conversations, Stored};
pub use tree::Tree;
pub use unscannable::{UnscannableRules, Unscanned};
pub use workflow::{MAX_CANDIDATE, OnError, Step, StepKind, StepModel};

/// Reads a policy from what Envoy hands a plugin: JSON text (from a `StringValue`, or from
/// Istio's `pluginConfig`) or the bytes of a `google.protobuf.Struct`.
///
/// # Errors
/// Every problem found; no policy is made then.
pub fn from_plugin_bytes(bytes: &[u8]) -> Result<Policy, Problems> {
    from_tree(&tree_of(bytes)?).0
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
    let policy = document.map(|document| compile::compile(document, &tree.digest(), &mut problems));
    let (errors, warnings) = problems.split();
    match policy {
        Some(policy) if errors.is_empty() => (Ok(policy), warnings),
        _ => (Err(errors), warnings),
    }
}

/// The guardrails of a policy, or of a document that has nothing else, and what those for
/// `tenant` do; `None`: all together, whomever they are for. The second part holds the
/// warnings.
pub fn guardrails_from_tree(
    tree: &Tree,
    tenant: Option<&str>,
) -> (Result<(Vec<Guardrail>, Guards), Problems>, Problems) {
    let alone = tree.as_map().is_some_and(|members| {
        let mut names = members.iter().map(|(name, _)| name);
        names.all(|name| name == "guardrails" || name == "unscannable")
    });
    let mut problems = Problems::default();
    if !alone {
        let (policy, warnings) = from_tree(tree);
        problems = warnings;
        match (policy, tenant) {
            (Err(errors), _) => return (Err(errors), problems),
            (Ok(policy), Some(name)) if !policy.tenants.contains_key(name) => {
                let hint = suggest::suggest(name, policy.tenants.keys().map(String::as_str));
                let message = format!("no tenant {name:?}{hint}");
                return (Err(Problems::one("tenants", &message)), problems);
            }
            _ => {}
        }
    }
    let entries = document::guardrails_alone(tree, alone, &mut problems);
    let guards = compile::Compiler::new(&entries, &tree.digest(), &mut problems)
        .guards(tenant, &mut problems);
    let (errors, warnings) = problems.split();
    if !errors.is_empty() {
        return (Err(errors), warnings);
    }
    let guardrails = entries.into_iter().map(|entry| entry.guardrail).collect();
    (Ok((guardrails, guards)), warnings)
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
