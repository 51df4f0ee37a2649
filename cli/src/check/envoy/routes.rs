/*! The routes of a connection manager, and for which of them a filter runs. */

use super::types;
use crate::check::at::At;

/// A route that goes to a cluster, and what it is in.
pub(super) struct Route<'t> {
    table: At<'t>,
    pub(super) host: At<'t>,
    pub(super) route: At<'t>,
    pub(super) action: At<'t>,
}

/// One cluster that a route may take, or what chooses it.
pub(super) struct Destination<'t> {
    /// The field that says so.
    pub(super) at: At<'t>,
    pub(super) kind: Kind,
    /// The element of `weighted_clusters` that it is of.
    weighted: Option<At<'t>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A cluster's name.
    Cluster,
    /// The header that holds the name.
    Header,
    /// An extension of Envoy.
    Plugin,
}

const CHOICES: [(&str, Kind); 4] = [
    ("cluster", Kind::Cluster),
    ("cluster_header", Kind::Header),
    ("cluster_specifier_plugin", Kind::Plugin),
    ("inline_cluster_specifier_plugin", Kind::Plugin),
];

const WEIGHTED: [(&str, Kind); 2] = [("name", Kind::Cluster), ("cluster_header", Kind::Header)];

/// The route table: in the manager, or by the name that it asks RDS for.
pub(super) fn table<'t>(root: &At<'t>, manager: &At<'t>) -> Option<At<'t>> {
    manager.field("route_config").or_else(|| {
        let name = manager.field("rds")?.text("route_config_name")?;
        named_table(root, name)
    })
}

fn named_table<'t>(at: &At<'t>, name: &str) -> Option<At<'t>> {
    if types::is(at, types::ROUTES) && at.text("name") == Some(name) {
        return Some(types::body(at));
    }
    at.children().find_map(|child| named_table(&child, name))
}

/// The routes of a table that go to clusters.
pub(super) fn routes<'t>(table: &At<'t>) -> Vec<Route<'t>> {
    let hosts = table.list("virtual_hosts").into_iter();
    let pairs = hosts.flat_map(|host| {
        let routes = host.list("routes").into_iter();
        routes.map(move |route| (host.clone(), route))
    });
    let of_table = |(host, route): (At<'t>, At<'t>)| {
        let action = route.field("route")?;
        Some(Route {
            table: table.clone(),
            host,
            route,
            action,
        })
    };
    pairs.filter_map(of_table).collect()
}

impl<'t> Route<'t> {
    pub(super) fn destinations(&self) -> Vec<Destination<'t>> {
        let mut all = choices(&self.action, &CHOICES, None);
        let weighted = self.action.field_or_gap("weighted_clusters");
        for one in weighted.list("clusters") {
            all.extend(choices(&one, &WEIGHTED, Some(&one)));
        }
        all
    }

    /// When Envoy tries again: by the route, else by its virtual host.
    pub(super) fn retry_policy(&self) -> Option<At<'t>> {
        let places = [&self.action, &self.host];
        let mut policies = places.iter().flat_map(|at| {
            ["retry_policy", "retry_policy_typed_config"]
                .iter()
                .filter_map(|field| at.field(field))
        });
        policies.next()
    }

    /// What may have settings for a destination, the nearest first.
    pub(super) fn layers<'s>(
        &'s self,
        destination: &'s Destination<'t>,
    ) -> impl Iterator<Item = &'s At<'t>> {
        let outer = [&self.route, &self.host, &self.table];
        destination.weighted.iter().chain(outer)
    }

    /// Whether the filter `entry` runs, by the nearest layer that says so.
    pub(super) fn is_guarded(&self, destination: &Destination<'t>, entry: &At<'_>) -> bool {
        let name = entry.text("name").unwrap_or_default();
        let mut layers = self.layers(destination);
        match layers.find_map(|layer| own_config(layer, name)) {
            Some(own) if types::is(&own, types::FILTER_OF_ROUTE) => !own.is_true("disabled"),
            _ => !entry.is_true("disabled"),
        }
    }
}

fn choices<'t>(
    of: &At<'t>,
    fields: &[(&str, Kind)],
    weighted: Option<&At<'t>>,
) -> Vec<Destination<'t>> {
    let destination = |(field, kind): &(&str, Kind)| {
        let at = of.field(field)?;
        Some(Destination {
            at,
            kind: *kind,
            weighted: weighted.cloned(),
        })
    };
    fields.iter().filter_map(destination).collect()
}

/// What a route, virtual host or table says of the filter `name`.
fn own_config<'t>(layer: &At<'t>, name: &str) -> Option<At<'t>> {
    layer.field("typed_per_filter_config")?.member(name)
}
