/*! `tollgate check` on Envoy files with fallback: everything around the policy that would keep a
call from its next provider. */

// Helpers of tests may stop at the first surprise, as tests may.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

const PLANS: &str = include_str!("../../envoy/fallback.yaml");
const CHAIN: &str = include_str!("../../envoy/chain.yaml");

const OK: &str = "ok (2 backends, 2 models, 2 tenants)";
const MANAGER: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config";
const ROUTE: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].route";
const OPTIONS: &str =
    "typed_extension_protocol_options.\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"";

/// What is said of a file.
fn check(name: &str, text: &str) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let name = format!("fallback-{}-{name}.yaml", std::process::id());
    let file = folder.join(&name);
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let output = command.args(["check", &name]).current_dir(&folder).output();
    fs::remove_file(&file).unwrap();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    let lines = said.lines();
    lines
        .map(|line| line.strip_prefix(&format!("{name}: ")).unwrap().to_owned())
        .collect()
}

/// A change of a file, and the start of what is then said: one line, or none if it is good.
type Case<'c> = (&'c str, &'c str, &'c str, &'c str);

fn expect_all(what: &str, file: &str, cases: &[Case<'_>]) {
    assert_eq!(check(what, file), [OK], "as shipped");
    for (number, (from, to, path, part)) in cases.iter().enumerate() {
        assert!(file.contains(from), "the file has no {from:?}");
        let said = check(&format!("{what}-{number}"), &file.replacen(from, to, 1));
        if path.is_empty() {
            assert_eq!(said, [OK], "{from:?} to {to:?}");
            continue;
        }
        let mut lines = said.iter().filter(|line| line.as_str() != OK);
        let line = lines.next();
        let told = line.is_some_and(|line| line.starts_with(path) && line.contains(part));
        assert!(told, "{from:?} to {to:?}: wanted {path}: {part}: {said:#?}");
        assert_eq!(lines.next(), None, "{from:?} to {to:?}: {said:#?}");
        let warns = path.starts_with("warning: ");
        assert_eq!(said.contains(&OK.to_owned()), warns, "{said:#?}");
    }
}

fn at(path: &str, rest: &str) -> String {
    format!("{path}{rest}")
}

fn warned(path: &str, rest: &str) -> String {
    format!("warning: {path}{rest}")
}

/// A cluster of the file by its index.
fn cluster(index: usize, rest: &str) -> String {
    format!("static_resources.clusters[{index}].{rest}")
}

#[test]
fn retries_of_the_route() {
    let policy = at(ROUTE, ".retry_policy");
    let conditions = at(&policy, ".retry_on: ");
    let signal = at(&policy, ".retriable_headers: ");
    let loose = warned(&policy, ".retry_on: ");
    let header = "{ name: x-tollgate-internal-retry, present_match: true }";
    let cases: Vec<Case<'_>> = vec![
        (
            "connect-failure,reset,retriable-headers",
            "\"connect-failure, reset, retriable-headers\"",
            "",
            "",
        ),
        (
            "connect-failure,reset,retriable-headers",
            "connect-failure,retriable-headers",
            &conditions,
            "must have reset",
        ),
        (
            "connect-failure,reset,retriable-headers",
            "connect-failure,reset",
            &conditions,
            "must have retriable-headers",
        ),
        (
            "connect-failure,reset,retriable-headers",
            "connect-failure,reset,retriable-headers,gateway-error",
            &loose,
            "gateway-error also tries answers again",
        ),
        (
            header,
            "{ name: x-should-retry, present_match: true }",
            &signal,
            "must have { name: x-tollgate-internal-retry",
        ),
        (
            header,
            "{ name: x-tollgate-internal-retry }",
            &signal,
            "present_match: true",
        ),
    ];
    expect_all("plans", PLANS, &cases);
    expect_all("chain", CHAIN, &cases);
    let missing = at(&policy, ": is missing");
    for (what, file) in [("no-plans", PLANS), ("no-chain", CHAIN)] {
        let cases = [(
            "retry_policy:",
            "metadata:",
            missing.as_str(),
            "tried again",
        )];
        expect_all(what, file, &cases);
    }
}

#[test]
fn the_order_on_its_way_to_the_route() {
    let tollgate = at(MANAGER, ".http_filters[2]: ");
    let rule = at(MANAGER, ".http_filters[3].typed_config.request_rules[0]");
    let [remove, key, kind, encoding, space] = [
        ".remove: ",
        ".on_header_present.key: ",
        ".on_header_present.type: ",
        ".on_header_present.encode: ",
        ".on_header_present.metadata_namespace: ",
    ]
    .map(|rest| at(&rule, rest));
    let refresh = at(ROUTE, ".retry_policy.refresh_cluster_on_retry: ");
    let specifier = at(ROUTE, ".inline_cluster_specifier_plugin");
    let namespace = at(
        &specifier,
        ".extension.typed_config.override_metadata_namespace: ",
    );
    let unknown = format!("warning: {specifier}: ");
    let cases = [
        (
            "header: x-tollgate-internal-plan",
            "header: x-plan",
            tollgate.as_str(),
            "header_to_metadata",
        ),
        ("remove: true", "remove: false", &remove, "must be true"),
        (
            "key: priority_groups",
            "key: groups",
            &key,
            "must be priority_groups",
        ),
        (
            "type: PROTOBUF_VALUE",
            "type: STRING",
            &kind,
            "must be PROTOBUF_VALUE",
        ),
        (
            "                  encode: BASE64\n",
            "",
            &encoding,
            "must be BASE64",
        ),
        (
            "metadata_namespace: tollgate.plan",
            "metadata_namespace: other",
            &space,
            "must be tollgate.plan",
        ),
        (
            "clear_route_cache: true",
            "clear_route_cache: false",
            &tollgate,
            "set_filter_state",
        ),
        (
            "refresh_cluster_on_retry: true",
            "refresh_cluster_on_retry: false",
            &refresh,
            "must be true",
        ),
        (
            "override_metadata_namespace: tollgate.plan\n",
            "#\n",
            &namespace,
            "is missing",
        ),
        (
            "cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier",
            "other",
            &unknown,
            "not checked",
        ),
        // The name is the operator's to choose.
        ("object_key: tollgate.planned", "object_key: other", "", ""),
    ];
    expect_all("order", PLANS, &cases);
}

#[test]
fn filters_of_providers() {
    let config = "http_filters[0].typed_config.config";
    let named = cluster(
        0,
        &format!("{OPTIONS}.{config}.configuration.value.backend: "),
    );
    let unfit = cluster(0, &format!("{OPTIONS}.{config}.configuration: "));
    let stop = cluster(
        0,
        &format!("{OPTIONS}.{config}.allow_on_headers_stop_iteration: "),
    );
    let vm_id = cluster(0, &format!("{OPTIONS}.{config}.vm_config.vm_id: "));
    let code = cluster(0, &format!("{OPTIONS}.{config}.vm_config.code: "));
    let overwrite = cluster(
        0,
        &format!("{OPTIONS}.http_filters[1].typed_config.overwrite: "),
    );
    let before = "60s }\n        http_filters:\n";
    let injector = "60s }\n        http_filters:\n        - name: early\n          typed_config:\n            \
        \"@type\": type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector\n            \
        overwrite: true\n";
    let early = cluster(0, &format!("{OPTIONS}.http_filters[0]: "));
    let own = "name: tollgate-openai\n              root_id: backend\n              allow_on_headers_stop_iteration: true";
    let own_vm = |vm: &str| format!("{vm} #");
    let other_vm =
        own_vm("vm_config: { vm_id: other, code: { local: { filename: dist/tollgate.wasm } } }");
    let other_code =
        own_vm("vm_config: { vm_id: tollgate, code: { local: { filename: other.wasm } } }");
    let cases = [
        (
            "value: { backend: openai }",
            "value: { backend: anthropic }",
            named.as_str(),
            "must be \"openai\"",
        ),
        (
            "value: { backend: openai }",
            "value: { backend: by host metadata }",
            &named,
            "must be \"openai\"",
        ),
        (
            "value: { backend: openai }",
            "value: { bakend: openai }",
            &unfit,
            "must be { backend: openai }",
        ),
        (
            own,
            "name: tollgate-openai\n              root_id: backend",
            &stop,
            "must be true",
        ),
        (
            "vm_config: *vm",
            &other_vm,
            &vm_id,
            "must be as in the gateway's filter",
        ),
        (
            "vm_config: *vm",
            &other_code,
            &code,
            "must be as in the gateway's filter",
        ),
        (
            "overwrite: true",
            "overwrite: false",
            &overwrite,
            "must be true",
        ),
        (
            before,
            injector,
            &early,
            "must stand after Tollgate's filter",
        ),
    ];
    expect_all("filters", PLANS, &cases);
}

#[test]
fn a_cluster_without_the_filter() {
    let name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions:";
    let path = cluster(0, "typed_extension_protocol_options: ");
    let start = PLANS.find("    typed_extension_protocol_options:").unwrap();
    let end = PLANS.find("  - name: anthropic\n    type").unwrap();
    let text = format!(
        "{}{}",
        PLANS.get(..start).unwrap(),
        PLANS.get(end..).unwrap()
    );
    assert!(text.contains(name));
    let said = check("bare", &text);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said.iter().all(|line| line.starts_with(&path)), "{said:#?}");
    assert!(
        said.iter().all(|line| line.contains("{ backend: openai }")),
        "{said:#?}"
    );
}

#[test]
fn a_filter_without_fallback() {
    let cases = [(
        "fallback: { attempts: 3 }",
        "# none",
        "fallback: is missing",
        "\"openai\"",
    )];
    let text = PLANS.replacen(cases[0].0, cases[0].1, 1);
    let said = check("unasked", &text);
    for name in ["openai", "anthropic"] {
        let told = |line: &String| {
            line.starts_with("fallback: is missing") && line.contains(&format!("{name:?}"))
        };
        assert!(said.iter().any(told), "{said:#?}");
    }
}

#[test]
fn circuit_breakers_that_swallow_retries() {
    let [breakers, first, budget] = [
        "circuit_breakers: ",
        "circuit_breakers.thresholds[0].max_retries: ",
        "circuit_breakers.thresholds[0].retry_budget: ",
    ];
    let no_breakers = cluster(1, breakers);
    let low = "max_retries: 10000,";
    let budget = format!("warning: {}", cluster(0, budget));
    expect_all(
        "breakers",
        PLANS,
        &[(
            "    circuit_breakers: *breakers\n",
            "",
            &no_breakers,
            "at least 100",
        )],
    );
    // The clusters share them, so both are told.
    for (to, path, part) in [
        ("max_retries: 3,", cluster(0, first), "at least 100"),
        ("", cluster(0, first), "the default is 3"),
        (
            "priority: HIGH, max_retries: 10000,",
            cluster(0, breakers),
            "at least 100",
        ),
        ("retry_budget: {},", budget, "when most calls fail"),
    ] {
        let said = check("low", &PLANS.replacen(low, to, 1));
        let told = |line: &String| line.starts_with(&path) && line.contains(part);
        assert!(said.iter().any(told), "{to}: {said:#?}");
    }
    let high = PLANS.replacen(low, "max_retries: 100,", 1);
    assert_eq!(check("high", &high), [OK]);
}

#[test]
fn clusters_whose_hosts_can_go() {
    let resort = "      # Refuses every";
    let start = PLANS.find(resort).unwrap();
    let end = PLANS.find("    # Retries count against").unwrap();
    let text = format!(
        "{}{}",
        PLANS.get(..start).unwrap(),
        PLANS.get(end..).unwrap()
    );
    // The second cluster's alias has nothing to stand for now.
    let text = text.replacen("      - *refuses\n", "", 1);
    assert_eq!(check("static", &text), [OK], "an address does not go");
    let endpoints = cluster(0, "load_assignment.endpoints: ");
    for (kind, more) in [
        ("STRICT_DNS", ""),
        ("LOGICAL_DNS", "that needs STRICT_DNS"),
        ("STATIC\n    outlier_detection: {}", ""),
        ("STATIC\n    health_checks: []", ""),
    ] {
        let text = text.replacen("type: STATIC\n", &format!("type: {kind}\n"), 1);
        let said = check("dns", &text);
        assert_eq!(said.len(), 1, "{kind}: {said:#?}");
        let told = |line: &String| {
            line.starts_with(&endpoints) && line.contains("that refuses") && line.contains(more)
        };
        assert!(said.iter().all(told), "{kind}: {said:#?}");
    }
    let dns = PLANS.replacen("type: STATIC\n", "type: STRICT_DNS\n", 1);
    assert_eq!(check("refuses", &dns), [OK]);
}

#[test]
fn a_secret_that_is_not_there() {
    let name = format!(
        "{}.http_filters[1].typed_config.credential.typed_config.credential.name",
        cluster(0, OPTIONS)
    );
    expect_all(
        "secret",
        PLANS,
        &[
            (
                "credential: { name: openai-key }",
                "credential: { name: openai-kye }",
                &name,
                "no secret \"openai-kye\"",
            ),
            (
                "credential: { name: openai-key }",
                "credential: { name: x, sds_config: { path_config_source: { path: /x } } }",
                "",
                "",
            ),
        ],
    );
}

#[test]
fn regression_of_a_policy_with_errors_nothing_is_said_that_fallback_would_unsay() {
    let file = PLANS.replacen("attempts: 3", "atempts: 3", 1);
    assert_ne!(file, PLANS);
    let said = check("typo", &file);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("fallback.atempts"), "{said:#?}");
}

#[test]
fn chains() {
    let priority = at(ROUTE, ".retry_policy.retry_priority: ");
    let frequency = at(&priority, "").replace(": ", ".typed_config.update_frequency: ");
    let filter =
        format!("{OPTIONS}.http_filters[2].typed_config.config.configuration.value.backend: ");
    let named = cluster(0, &filter);
    let header = format!("{OPTIONS}.http_filters[0].typed_config.credential.typed_config.header: ");
    let header = cluster(0, &header);
    let overwrite = cluster(
        0,
        &format!("{OPTIONS}.http_filters[0].typed_config.overwrite: "),
    );
    let metadata = cluster(1, "load_assignment.endpoints[0].lb_endpoints[0].metadata: ");
    let whole = "static_resources.clusters[0]: ";
    expect_all(
        "chains",
        CHAIN,
        &[
            (
                "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "other",
                &priority,
                "must be envoy.retry_priorities.previous_priorities",
            ),
            (
                "update_frequency: 1",
                "update_frequency: 2",
                &frequency,
                "must be 1",
            ),
            (
                "value: { backend: by host metadata }",
                "value: { backend: openai }",
                &named,
                "by host metadata",
            ),
            (
                "header: x-tollgate-internal-credential-openai",
                "header: authorization",
                &header,
                "must be x-tollgate-internal-credential-BACKEND",
            ),
            (
                "overwrite: true",
                "overwrite: false",
                &overwrite,
                "must be true",
            ),
            (
                "tollgate: { backend: openai }",
                "tollgate: { backend: other }",
                whole,
                "{ backend: openai }",
            ),
        ],
    );
    let text = CHAIN.replacen(
        "          metadata: { filter_metadata: { tollgate: { backend: openai } } }\n",
        "",
        1,
    );
    let said = check("unnamed", &text);
    assert!(
        said.iter().any(|line| line.starts_with(&metadata)),
        "{said:#?}"
    );
}
