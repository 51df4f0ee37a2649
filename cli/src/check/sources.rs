/*! The policies of a document, wherever they are. */

use super::at::{At, Position};
use super::istio;
use super::wasm::{self, Filter};
use std::borrow::Cow;
use tollgate::config::Tree;

/// A policy that was found, and what it was found in.
pub(crate) struct Source<'t> {
    /// What tells it from others of the file.
    pub(super) name: String,
    /// The policy; or where one should be, and what is wrong there.
    pub(crate) policy: Result<PolicyTree<'t>, (At<'t>, String)>,
    /// What holds it.
    pub(super) held: Held<'t>,
}

/// A policy before it is understood.
pub(crate) struct PolicyTree<'t> {
    /// Owned where it was text inside the document.
    pub(crate) tree: Cow<'t, Tree>,
    /// Where in the file.
    pub(super) position: Position,
}

impl<'t> PolicyTree<'t> {
    /// The policy written out at `at`.
    pub(super) fn at(at: &At<'t>) -> Self {
        Self {
            tree: Cow::Borrowed(at.tree),
            position: at.position.clone(),
        }
    }

    /// Whether this must be meant as a policy.
    pub(super) fn looks_like_one(&self) -> bool {
        ["backends", "tenants"]
            .iter()
            .any(|key| self.tree.get(key).is_some())
    }
}

/// What a policy is held by.
pub(super) enum Held<'t> {
    /// It is the document.
    Alone,
    /// Envoy Wasm filters, all with this same policy (YAML's anchors make that easy).
    Filters(Vec<Filter<'t>>),
    /// The `spec` of an Istio WasmPlugin.
    Plugin(At<'t>),
}

/// Every policy of a document, in order.
pub(crate) fn sources<'t>(root: &At<'t>) -> Vec<Source<'t>> {
    if let Some(spec) = istio::plugin_spec(root) {
        return istio::plugin_source(root, spec).into_iter().collect();
    }
    if is_policy(root) {
        return vec![alone(root)];
    }
    let mut merged = Vec::new();
    for source in wasm::sources(root) {
        merge(&mut merged, source);
    }
    merged
}

/// Adds `source`; if its policy is there already, only its filters.
fn merge<'t>(merged: &mut Vec<Source<'t>>, source: Source<'t>) {
    let same = |known: &&mut Source<'t>| match (&known.policy, &source.policy) {
        (Ok(known), Ok(new)) => known.tree == new.tree,
        _ => false,
    };
    match (merged.iter_mut().find(same), source.held) {
        (
            Some(Source {
                held: Held::Filters(known),
                ..
            }),
            Held::Filters(new),
        ) => known.extend(new),
        (_, held) => merged.push(Source { held, ..source }),
    }
}

/// `models` counts too: a policy whose other keys are all mistyped is still meant as one.
fn is_policy(root: &At<'_>) -> bool {
    let policy = PolicyTree::at(root);
    policy.looks_like_one() || policy.tree.get("models").is_some()
}

fn alone<'t>(root: &At<'t>) -> Source<'t> {
    Source {
        name: root.path.clone(),
        policy: Ok(PolicyTree::at(root)),
        held: Held::Alone,
    }
}

/// What stands before the paths of each policy: nothing if it is the only one, else its
/// name; if two have the same name, where they are.
pub(super) fn scopes<'s, 't: 's>(sources: impl Iterator<Item = &'s Source<'t>>) -> Vec<String> {
    let sources: Vec<&Source<'_>> = sources.collect();
    let scope = |source: &&Source<'_>| {
        let namesakes = sources.iter().filter(|other| other.name == source.name);
        match (sources.len(), namesakes.count(), &source.held) {
            (1, ..) => String::new(),
            (_, 1, _) | (.., Held::Alone) => source.name.clone(),
            (.., Held::Filters(filters)) => path_of_first(filters),
            (.., Held::Plugin(spec)) => spec.path.clone(),
        }
    };
    sources.iter().map(scope).collect()
}

fn path_of_first(filters: &[Filter<'_>]) -> String {
    let first = filters.first();
    first.map_or_else(String::new, |filter| filter.plugin.path.clone())
}
