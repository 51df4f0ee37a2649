/*! Where a cluster's hosts are, as far as their names tell. */

use crate::check::at::At;
use std::net::IpAddr;

/// Who can listen on the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nobody: it does not leave the machine.
    Local,
    /// Whoever is in the operator's own network. Keys and prompts may go there in plain text: a
    /// model that runs beside the gateway, say.
    Private,
    /// Anybody.
    Public,
}

/// One host of a cluster.
pub(super) struct Host<'t> {
    pub(super) name: &'t str,
    pub(super) port: Option<u64>,
    pub(super) reach: Reach,
}

/// Ends of names that no public name server knows.
const PRIVATE: [&str; 11] = [
    "internal",
    "local",
    "localdomain",
    "lan",
    "home",
    "home.arpa",
    "corp",
    "private",
    "intranet",
    "consul",
    "test",
];

/// The elements of `lb_endpoints` of a cluster.
pub(super) fn endpoints<'t>(cluster: &At<'t>) -> Vec<At<'t>> {
    let groups = cluster.field_or_gap("load_assignment").list("endpoints");
    let all = groups.iter().flat_map(|group| group.list("lb_endpoints"));
    all.collect()
}

/// The hosts of a cluster; none where a control plane names them.
pub(super) fn of<'t>(cluster: &At<'t>) -> Vec<Host<'t>> {
    endpoints(cluster).iter().filter_map(host).collect()
}

/// Whether any of its hosts is reached by the network.
pub(super) fn leave_the_machine(cluster: &At<'_>) -> bool {
    let hosts = of(cluster);
    hosts.is_empty() || hosts.iter().any(|host| host.reach != Reach::Local)
}

fn host<'t>(endpoint: &At<'t>) -> Option<Host<'t>> {
    let address = endpoint.fields(&["endpoint", "address"])?;
    let Some(socket) = address.field("socket_address") else {
        // A unix socket, or a listener of this same Envoy.
        return Some(Host {
            name: "",
            port: None,
            reach: Reach::Local,
        });
    };
    let name = socket.text("address").unwrap_or_default();
    Some(Host {
        name,
        port: socket.field("port_value").and_then(|at| at.number()),
        reach: reach(name),
    })
}

fn reach(host: &str) -> Reach {
    match host.parse::<IpAddr>() {
        Ok(address) => reach_of_address(address.to_canonical()),
        Err(_) => reach_of_name(&host.trim_end_matches('.').to_ascii_lowercase()),
    }
}

fn reach_of_address(address: IpAddr) -> Reach {
    if address.is_loopback() || address.is_unspecified() {
        return Reach::Local;
    }
    let private = match address {
        IpAddr::V4(address) => {
            // 100.64.0.0/10, which providers of clouds and networks share among their customers.
            let shared = matches!(address.octets(), [100, 64..=127, ..]);
            address.is_private() || address.is_link_local() || shared
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    if private {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn reach_of_name(name: &str) -> Reach {
    let below = |end: &str| {
        let rest = name.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if below("localhost") {
        return Reach::Local;
    }
    // A name of one word is of the own network.
    let private = !name.contains('.') || is_service(name) || PRIVATE.iter().any(|end| below(end));
    if private {
        Reach::Private
    } else {
        Reach::Public
    }
}

/// Whether it is a service's name in Kubernetes: `NAME.NAMESPACE.svc`, with the cluster's domain or
/// without. Elsewhere the word says nothing.
fn is_service(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let at = labels.iter().rposition(|label| *label == "svc");
    at.is_some_and(|at| at >= 2 || at.saturating_add(1) == labels.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_where_hosts_are() {
        for (host, expected) in [
            ("127.0.0.1", Reach::Local),
            ("127.8.0.1", Reach::Local),
            ("::1", Reach::Local),
            ("::ffff:127.0.0.1", Reach::Local),
            ("localhost", Reach::Local),
            ("a.LOCALHOST.", Reach::Local),
            ("10.1.2.3", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("192.168.0.1", Reach::Private),
            ("169.254.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("fd00::1", Reach::Private),
            ("fe80::1", Reach::Private),
            ("vllm", Reach::Private),
            ("vllm.internal", Reach::Private),
            ("vllm.ai.svc", Reach::Private),
            ("vllm.ai.svc.cluster.local", Reach::Private),
            ("vllm.ai.svc.cluster.example.com", Reach::Private),
            ("vllm.svc", Reach::Private),
            ("a.vllm.ai.svc.cluster.local", Reach::Private),
            ("svc.example.com", Reach::Public),
            ("api.svc.example.com", Reach::Public),
            ("vllm.ai.mysvc.example.com", Reach::Public),
            ("vllm.ai.svc-a.example.com", Reach::Public),
            ("host.docker.internal", Reach::Private),
            ("box.home.arpa", Reach::Private),
            ("api.openai.com", Reach::Public),
            ("API.OPENAI.COM.", Reach::Public),
            ("notlocalhost.com", Reach::Public),
            ("a.mylocal", Reach::Public),
            ("8.8.8.8", Reach::Public),
            ("100.128.0.1", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("2001:4860:4860::8888", Reach::Public),
        ] {
            assert_eq!(reach(host), expected, "{host}");
        }
    }
}
