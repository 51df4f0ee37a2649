/*! Wasm filters of an Envoy file, wherever in it they are: which are Tollgate's, and the
policy that they hold. */

use super::at::At;
use super::envoy::types;
use super::sources::{Held, PolicyTree, Source};
use std::borrow::Cow;
use tollgate::config::Tree;

const NEEDS_TYPE: &str = "must have \"@type\": type.googleapis.com/google.protobuf.Struct and the \
    policy in value (or google.protobuf.StringValue and the policy as JSON text)";

/// One Wasm filter.
pub(super) struct Filter<'t> {
    /// Its `envoy.extensions.wasm.v3.PluginConfig`.
    pub(super) plugin: At<'t>,
    /// What it is in, from the document down to its `typed_config`.
    pub(super) above: Vec<At<'t>>,
}

impl<'t> Filter<'t> {
    /// The plugin's name, else its root id.
    fn name(&self) -> &'t str {
        let name = self.plugin.text("name");
        name.or_else(|| self.plugin.text("root_id"))
            .unwrap_or_default()
    }

    pub(super) fn is_called_tollgate(&self) -> bool {
        let ids = ["name", "root_id"].map(|field| self.plugin.text(field));
        ids.into_iter().flatten().any(is_tollgates)
    }

    /// Whether it is a filter of a cluster, run once per try.
    fn is_upstream(&self) -> bool {
        let mut above = self.above.iter();
        above.any(|at| types::is(at, types::UPSTREAM_OPTIONS))
    }

    /// The filter as a source, if it is Tollgate's. A cluster's filter holds a policy only
    /// if it looks like one: Tollgate's filters there know their provider only.
    fn source(self) -> Option<Source<'t>> {
        let policy = self.policy();
        let looks = policy.as_ref().is_ok_and(PolicyTree::looks_like_one);
        let meant = looks || (self.is_called_tollgate() && !self.is_upstream());
        meant.then(|| Source {
            name: self.name().to_owned(),
            policy,
            held: Held::Filters(vec![self]),
        })
    }

    /// Where its policy is written.
    pub(super) fn value(&self) -> Option<At<'t>> {
        self.plugin.fields(&["configuration", "value"])
    }

    /// What is configured, which for a gateway is its policy.
    pub(super) fn policy(&self) -> Result<PolicyTree<'t>, (At<'t>, String)> {
        let configuration = self.plugin.field_or_gap("configuration");
        if *configuration.tree == Tree::Null {
            return Err((configuration, "is missing: it holds the policy".to_owned()));
        }
        let value = configuration.field_or_gap("value");
        match types::name(&configuration) {
            Some("google.protobuf.Struct") => Ok(PolicyTree::at(&value)),
            Some("google.protobuf.StringValue") => json(value),
            _ => Err((configuration, NEEDS_TYPE.to_owned())),
        }
    }
}

/// Whether a filter with this name or root id is Tollgate's.
pub(super) fn is_tollgates(id: &str) -> bool {
    id.to_ascii_lowercase().contains("tollgate")
}

/// The policy in the text at `value`.
fn json(value: At<'_>) -> Result<PolicyTree<'_>, (At<'_>, String)> {
    let Some(text) = value.tree.as_str() else {
        let problem = "must be a string that holds the policy as JSON";
        return Err((value, problem.to_owned()));
    };
    match Tree::from_json(text.as_bytes()) {
        Ok(tree) => Ok(PolicyTree {
            tree: Cow::Owned(tree),
            position: value.position,
        }),
        Err(problem) => Err((value, problem)),
    }
}

/// Tollgate's filters in `root`, in order.
pub(super) fn sources<'t>(root: &At<'t>) -> Vec<Source<'t>> {
    filters(root)
        .into_iter()
        .filter_map(Filter::source)
        .collect()
}

/// All Wasm filters in `at`, in order.
pub(super) fn filters<'t>(at: &At<'t>) -> Vec<Filter<'t>> {
    let mut filters = Vec::new();
    find(at, &mut Vec::new(), &mut filters);
    filters
}

fn find<'t>(at: &At<'t>, above: &mut Vec<At<'t>>, filters: &mut Vec<Filter<'t>>) {
    above.push(at.clone());
    if types::is(at, types::WASM) {
        filters.extend(types::body(at).field("config").map(|plugin| Filter {
            plugin,
            above: above.clone(),
        }));
    } else {
        at.children().for_each(|child| find(&child, above, filters));
    }
    above.pop();
}
