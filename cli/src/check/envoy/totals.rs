/*! Where the filters' totals are kept: in memory that all filters with one `vm_id` share,
under the namespace of each. */

use super::Group;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use crate::check::wasm::Filter;
use tollgate::config::Severity;

/// One filter's place for its totals.
struct Space<'c, 't> {
    vm_id: &'t str,
    namespace: &'c str,
    /// The namespace's owner: filters with one policy may share.
    compiled: &'c Compiled,
    plugin: &'c At<'t>,
}

/// Checks that filters with different policies have totals of their own.
pub(super) fn check(groups: &[Group<'_, '_>], findings: &mut Findings) {
    let mut seen: Vec<Space<'_, '_>> = Vec::new();
    for group in groups {
        let spaces = group.compiled.into_iter().flat_map(|compiled| {
            let filters = group.filters.iter();
            filters.map(move |filter| space(filter, compiled))
        });
        let spaces: Vec<_> = spaces.collect();
        for space in &spaces {
            check_space(space, &seen, findings);
        }
        // Only now: those of one policy do not count against each other.
        seen.extend(spaces);
    }
}

fn space<'c, 't>(filter: &'c Filter<'t>, compiled: &'c Compiled) -> Space<'c, 't> {
    let plugin = &filter.plugin;
    let vm = plugin.field_or_gap("vm_config");
    let own = compiled.policy.namespace.as_deref();
    Space {
        vm_id: vm.text("vm_id").unwrap_or_default(),
        namespace: own.unwrap_or_else(|| plugin.text("name").unwrap_or_default()),
        compiled,
        plugin,
    }
}

fn check_space(space: &Space<'_, '_>, seen: &[Space<'_, '_>], findings: &mut Findings) {
    if space.namespace.is_empty() {
        let message = "must not be empty, unless the policy has a namespace: totals are kept \
                       under it";
        findings.error(&space.plugin.field_or_gap("name"), message);
        return;
    }
    let mut others = seen.iter();
    let same =
        |other: &&Space<'_, '_>| (other.vm_id, other.namespace) == (space.vm_id, space.namespace);
    if let Some(other) = others.find(same) {
        report(space, other, findings);
    }
}

fn report(space: &Space<'_, '_>, other: &Space<'_, '_>, findings: &mut Findings) {
    let message = format!(
        "{:?} is also the namespace of {}, which has another policy and the same vm_id {:?}: they \
         would share totals, so give each policy a namespace of its own",
        space.namespace, other.plugin.path, space.vm_id
    );
    if space.compiled.policy.namespace.is_some() {
        let places = &space.compiled.places;
        findings.add(places.finding("namespace", message, Severity::Error));
    } else {
        findings.error(&space.plugin.field_or_gap("name"), message);
    }
}
