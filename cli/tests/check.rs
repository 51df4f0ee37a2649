/*! `tollgate check`, by its built binary: what it says of a file, and how it ends. */

// Helpers of tests may stop at the first surprise, as tests may.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const POLICY: &str = include_str!("files/policy.yaml");
const GATEWAY: &str = include_str!("files/gateway.yaml");
const WASM_PLUGIN: &str = include_str!("files/wasmplugin.yaml");
const ENVOY_FILTER: &str = include_str!("files/envoyfilter.yaml");

const GATEWAY_OK: &str = "ok (1 backends, 1 models, 1 tenants)";
const CHAIN: &str = "static_resources.listeners[0].filter_chains[0]";
const MANAGER: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config";
const FILTER: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[3].typed_config.config";
const HOST: &str = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]";

/// How the tool ended.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

fn tollgate(dir: &Folder, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let output = command.args(words).current_dir(&dir.0).output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A new folder that goes when the test ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder() -> Folder {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("check-{}-{number}", std::process::id());
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).unwrap();
    Folder(dir)
}

/// What is said of one file, without `FILE: `, and the exit code.
fn check(name: &str, text: &str) -> (Vec<String>, i32) {
    let dir = folder();
    fs::write(dir.0.join(name), text).unwrap();
    let outcome = tollgate(&dir, &["check", name]);
    assert_eq!(outcome.stderr, "");
    let lines = outcome.stdout.lines().map(|line| {
        let rest = line.strip_prefix(&format!("{name}: "));
        rest.unwrap_or_else(|| panic!("no file name: {line}"))
            .to_owned()
    });
    (lines.collect(), outcome.code)
}

/// Good files end with `ok`, after warnings if there are any; bad ones have no `ok`.
fn expect(what: &str, name: &str, text: &str, lines: &[&str]) {
    let good = lines.last().is_some_and(|line| line.contains("ok ("));
    let (said, code) = check(name, text);
    assert_eq!(said, lines, "{what}");
    assert_eq!(code, i32::from(!good), "{what}");
}

fn change(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the file has no {from:?}");
    text.replace(from, to)
}

/// The gateway with `from` replaced by `to` everywhere.
fn expect_gateway(what: &str, from: &str, to: &str, lines: &[&str]) {
    expect(what, "gateway.yaml", &change(GATEWAY, from, to), lines);
}

fn at(path: &str, rest: &str) -> String {
    format!("{path}{rest}")
}

fn warned(path: &str, rest: &str) -> String {
    format!("warning: {path}{rest}")
}

#[test]
fn files_of_every_kind_that_are_good() {
    let json = r#"{
	"backends": {"a": {"cluster": "a", "api": "openai", "authority": "a.example"}},
	"models": {"m": {"targets": [{"backend": "a", "model": "\ud83d\ude00"}]}},
	"tenants": {"t": {"models": ["m"], "keys": [{"sha256": "a2fb8545fcd457204e9fee11be92013aa3240b1b146fe262ba608fdfc159041c"}]}}
}"#;
    let documents = format!("---\n{POLICY}\n---\n# nothing\n");
    for (name, text, said) in [
        (
            "policy.yaml",
            POLICY,
            "ok (2 backends, 2 models, 1 tenants)",
        ),
        ("gateway.yaml", GATEWAY, GATEWAY_OK),
        ("envoyfilter.yaml", ENVOY_FILTER, GATEWAY_OK),
        ("policy.json", json, GATEWAY_OK),
        ("policy", json, GATEWAY_OK),
        (
            "documents.yaml",
            &documents,
            "ok (2 backends, 2 models, 1 tenants)",
        ),
    ] {
        expect(name, name, text, &[said]);
    }
}

#[test]
fn the_shipped_gateway_is_good() {
    let shipped = include_str!("../../envoy/gateway.yaml");
    let (said, code) = check("gateway.yaml", shipped);
    assert_eq!((said.len(), code), (1, 0), "{said:?}");
    assert!(said[0].starts_with("ok ("), "{said:?}");
}

#[test]
fn problems_of_a_policy() {
    for (what, from, to, line) in [
        (
            "a name that nothing has",
            "models: [ light, smart ]",
            "models: [ light, smrt ]",
            "tenants.acme.models[1]: no model \"smrt\" (did you mean \"smart\"?)",
        ),
        (
            "unknown field",
            "limits:",
            "limit:",
            "limit: unknown field (did you mean \"limits\"?)",
        ),
        (
            "duplicate key",
            "limits: { body: 20MiB }",
            "limits: { body: 20MiB, body: 30MiB }",
            "limits.body: the key stands twice",
        ),
        (
            "missing",
            "    models: [ light, smart ]\n",
            "",
            "tenants.acme.models: is missing",
        ),
    ] {
        expect(what, "policy.yaml", &change(POLICY, from, to), &[line]);
    }
}

#[test]
fn a_key_in_the_place_of_its_digest_is_not_told() {
    let digest = "a2fb8545fcd457204e9fee11be92013aa3240b1b146fe262ba608fdfc159041c";
    let (said, code) = check("policy.yaml", &change(POLICY, digest, "my-secret-key"));
    let line =
        "tenants.acme.keys[0].sha256: must be the SHA-256 of the key as 64 hexadecimal digits";
    assert_eq!(
        (said.contains(&line.to_owned()), code),
        (true, 1),
        "{said:?}"
    );
    assert!(
        said.iter().all(|line| !line.contains("my-secret-key")),
        "{said:?}"
    );
}

#[test]
fn problems_come_in_the_order_of_the_document() {
    // The core finds names that do not resolve only after everything that is misspelt.
    let text = change(POLICY, "backend: local", "backend: locl");
    let text = change(&text, "light, smart", "light, smrt");
    let text = change(&text, "tier: premium", "teir: premium");
    let text = change(&text, "20MiB", "many");
    let lines = [
        "models.light.targets[0].backend: no backend \"locl\" (did you mean \"local\"?)",
        "tenants.acme.teir: unknown field (did you mean \"tier\"?)",
        "tenants.acme.models[1]: no model \"smrt\" (did you mean \"smart\"?)",
        "limits.body: \"many\" is no size; write 20MiB, 64KiB or a number of bytes",
    ];
    expect("order", "policy.yaml", &text, &lines);
}

#[test]
fn duplicate_keys() {
    let json = r#"{
        "backends": {"a": {"cluster": "a", "api": "openai"}, "a": {"cluster": "b", "api": "openai"}},
        "models": {"m": {"targets": [{"backend": "a", "model": "x"}]}},
        "tenants": {"t": {"models": ["m"], "keys": [{"sha256": "a2fb8545fcd457204e9fee11be92013aa3240b1b146fe262ba608fdfc159041c"}]}}
    }"#;
    let twice = "backends.a: the key stands twice";
    expect("JSON", "policy.json", json, &[twice]);
    let yaml = change(
        POLICY,
        "  local:",
        "  openai: { cluster: b, api: openai }\n  local:",
    );
    expect(
        "YAML",
        "policy.yaml",
        &yaml,
        &["backends.openai: the key stands twice"],
    );
    expect_gateway(
        "in Envoy's part",
        "stat_prefix: mesh",
        "stat_prefix: mesh\n          stat_prefix: other",
        &[&at(MANAGER, ".stat_prefix: the key stands twice")],
    );
    expect_gateway(
        "in the policy of a filter, told once",
        "tenants:",
        "tenants: {}\n                    tenants:",
        &[
            "tenants: the key stands twice",
            "tenants: must not be empty",
        ],
    );
}

#[test]
fn files_that_cannot_be_read() {
    let (said, code) = check("broken.yaml", "backends:\n  a: [ 1, 2\ntenants: {}\n");
    assert_eq!((said.len(), code), (1, 1));
    assert!(
        said[0].starts_with("not YAML: ") && said[0].contains("line 3 column 8"),
        "{said:?}"
    );

    let (said, code) = check("start.yaml", "@");
    assert_eq!((said.len(), code), (1, 1));
    assert!(said[0].contains("line 1 column 1"), "{said:?}");

    let (said, code) = check("broken.json", "{\n  \"backends\": }");
    assert_eq!((said.len(), code), (1, 1));
    assert!(
        said[0].starts_with("not JSON: ") && said[0].contains("line 2 column 15"),
        "{said:?}"
    );

    let (said, code) = check("tag.yaml", "backends:\n  a: !ignore b\n");
    let tag = "not YAML: backends.a: YAML tags (!name) are not supported at line 2 column 6";
    assert_eq!((said.as_slice(), code), ([tag.to_owned()].as_slice(), 1));

    let dir = folder();
    fs::write(dir.0.join("latin.yaml"), b"a: 1\nb: \xe9\n").unwrap();
    let outcome = tollgate(&dir, &["check", "latin.yaml"]);
    assert_eq!(outcome.stdout, "latin.yaml: not UTF-8 at line 2 column 4\n");
    assert_eq!(outcome.code, 1);

    let outcome = tollgate(&folder(), &["check", "absent.yaml"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stdout.starts_with("absent.yaml: cannot read: "),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.stdout.lines().count(), 1);
}

#[test]
fn files_without_a_policy() {
    let foreign = change(GATEWAY, "name: tollgate", "name: other");
    let foreign = change(&foreign, "root_id: tollgate", "root_id: other");
    let foreign = change(&foreign, "backends:", "providers:");
    let foreign = change(&foreign, "tenants:", "teams:");
    for (name, text) in [
        ("empty.yaml", ""),
        ("list.yaml", "- 1"),
        ("word.yaml", "hello"),
        ("envoy.yaml", "static_resources: { clusters: [] }"),
        ("foreign.yaml", foreign.as_str()),
        ("service.yaml", "apiVersion: v1\nkind: Service"),
        ("foreign.json", r#"{"a": 1}"#),
    ] {
        let (said, code) = check(name, text);
        assert_eq!((said.len(), code), (1, 1), "{name} {said:?}");
        assert!(said[0].starts_with("no policy here: "), "{name} {said:?}");
    }
}

#[test]
fn regression_guardrails_alone_are_told_from_other_files() {
    for (name, text) in [
        (
            "personal-data.yaml",
            include_str!("../../envoy/policies/personal-data.yaml"),
        ),
        (
            "prompt-guard.yaml",
            include_str!("../../envoy/policies/prompt-guard.yaml"),
        ),
    ] {
        let (said, code) = check(name, text);
        assert_eq!((said.len(), code), (1, 1), "{name} {said:?}");
        let told = "no policy here, only guardrails, which are a part of one: ";
        assert!(said[0].starts_with(told), "{name} {said:?}");
    }
}

#[test]
fn several_files_each_get_their_lines() {
    let dir = folder();
    fs::write(dir.0.join("good.yaml"), POLICY).unwrap();
    fs::write(dir.0.join("bad.yaml"), change(POLICY, "smart ]", "smrt ]")).unwrap();
    let outcome = tollgate(&dir, &["check", "bad.yaml", "good.yaml"]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let expected = [
        "bad.yaml: tenants.acme.models[1]: no model \"smrt\" (did you mean \"smart\"?)",
        "good.yaml: ok (2 backends, 2 models, 1 tenants)",
    ];
    assert_eq!((lines.as_slice(), outcome.code), (expected.as_slice(), 1));
}

#[test]
fn the_command_line() {
    for (words, code, part) in [
        (&["--help"][..], 0, "Usage: tollgate COMMAND"),
        (&["-h"], 0, "check FILE…"),
        (&["check", "--help"], 0, "Usage: tollgate check FILE…"),
        (
            &["--version"],
            0,
            concat!("tollgate ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
        (&[], 2, "a command is missing"),
        (
            &["chek", "x"],
            2,
            "unknown command \"chek\" (did you mean \"check\"?)",
        ),
        (&["--all"], 2, "unknown option \"--all\""),
        (&["check"], 2, "check: a FILE is missing"),
        (&["check", "--"], 2, "check: a FILE is missing"),
        (
            &["check", "--fast", "x"],
            2,
            "check: unknown option \"--fast\"",
        ),
        (&["check", "--", "--fast"], 1, "--fast: cannot read"),
    ] {
        let outcome = tollgate(&folder(), words);
        let (said, silent) = match code {
            2 => (outcome.stderr, outcome.stdout),
            _ => (outcome.stdout, outcome.stderr),
        };
        assert_eq!(outcome.code, code, "{words:?}");
        assert!(said.contains(part), "{words:?}: {said}");
        assert_eq!(silent, "", "{words:?}");
    }
}

/// `YYYY-MM-DD` of the day that is `days` away.
fn day(days: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut left = i64::try_from(now / 86_400).unwrap() + days;
    let (mut year, mut month) = (1970, 1);
    let length = |year: i64, month: i64| match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    while left >= length(year, month) {
        left -= length(year, month);
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    format!("{year:04}-{month:02}-{:02}", left + 1)
}

#[test]
fn keys_that_end() {
    let ok = "ok (2 backends, 2 models, 1 tenants)";
    for (days, state) in [
        (-1, Some("has expired")),
        (0, Some("expires within 14 days")),
        (13, Some("expires within 14 days")),
        (14, None),
        (400, None),
    ] {
        let day = day(days);
        let text = change(POLICY, "label: ci", &format!("label: ci, expires: {day}"));
        let warning = state.map(|state| {
            format!("warning: tenants.acme.keys[0]: key \"ci\" of tenant \"acme\" {state} ({day})")
        });
        let lines: Vec<&str> = warning.iter().map(String::as_str).chain([ok]).collect();
        expect(&day, "policy.yaml", &text, &lines);
    }
}

#[test]
fn an_end_in_upper_case_hex_without_label() {
    let text = change(POLICY, ", label: ci", ", expires: 2020-01-01");
    let text = change(&text, "a2fb8545fcd457", "A2FB8545FCD457");
    let lines = [
        "warning: tenants.acme.keys[0]: a key without label of tenant \"acme\" has expired (2020-01-01)",
        "ok (2 backends, 2 models, 1 tenants)",
    ];
    expect("no label", "policy.yaml", &text, &lines);
}

#[test]
fn clusters_of_backends() {
    let missing = "backends.openai.cluster: no cluster \"openai\" in static_resources.clusters";
    expect_gateway(
        "misspelt",
        "- name: openai",
        "- name: opanai",
        &[&format!("{missing} (did you mean \"opanai\"?)")],
    );
    expect_gateway("none", "  clusters:\n  - name: openai\n", "", &[missing]);
    expect_gateway(
        "CDS",
        "  clusters:\n  - name: openai\n",
        "dynamic_resources: { cds_config: { path_config_source: { path: cds.yaml } } }\n",
        &[
            "warning: backends.openai.cluster: not checked: cluster \"openai\" is not in \
             static_resources.clusters, so dynamic_resources.cds_config must bring it",
            GATEWAY_OK,
        ],
    );
}

#[test]
fn the_filters_own_settings() {
    let hang = ".allow_on_headers_stop_iteration: must be true: without it requests hang, for \
                Envoy holds back the body that Tollgate waits for";
    let reload = ".failure_policy: write FAIL_RELOAD: otherwise a filter that failed once answers \
                  503 from then on";
    let open = ".failure_policy: FAIL_OPEN lets calls pass unguarded once the filter has failed: \
                write FAIL_RELOAD";
    let fail_open = ".fail_open: lets calls pass unguarded once the filter has failed: remove it \
                     and write failure_policy: FAIL_RELOAD";
    let (stop, policy) = (
        "allow_on_headers_stop_iteration: true",
        "failure_policy: FAIL_RELOAD",
    );
    for (from, to, lines) in [
        (stop, "vm_config: {}", vec![at(FILTER, hang)]),
        (
            stop,
            "allow_on_headers_stop_iteration: false",
            vec![at(FILTER, hang)],
        ),
        (
            stop,
            "allowOnHeadersStopIteration: true",
            vec![GATEWAY_OK.to_owned()],
        ),
        (
            policy,
            "vm_config: {}",
            vec![warned(FILTER, reload), GATEWAY_OK.to_owned()],
        ),
        (
            policy,
            "failure_policy: FAIL_CLOSED",
            vec![warned(FILTER, reload), GATEWAY_OK.to_owned()],
        ),
        (policy, "failure_policy: FAIL_OPEN", vec![at(FILTER, open)]),
        (
            policy,
            "failure_policy: 3",
            vec![at(
                FILTER,
                ".failure_policy: must be a name: write FAIL_RELOAD",
            )],
        ),
        (policy, "fail_open: true", vec![at(FILTER, fail_open)]),
        (
            policy,
            "failure_policy: FAIL_RELOAD\n                fail_open: false",
            vec![GATEWAY_OK.to_owned()],
        ),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        expect_gateway(to, from, to, &lines);
    }
}

#[test]
fn they_are_checked_though_the_policy_is_broken() {
    let text = change(
        GATEWAY,
        "failure_policy: FAIL_RELOAD",
        "failure_policy: FAIL_OPEN",
    );
    let text = change(&text, "models: [ smart ]", "models: [ smrt ]");
    let text = change(&text, "timeout: 0s", "timeout: 60s");
    let (said, code) = check("gateway.yaml", &text);
    assert_eq!((said.len(), code), (3, 1), "{said:?}");
    assert!(said[0].contains("FAIL_OPEN"), "{said:?}");
    assert!(
        said[1].starts_with("tenants.acme.models[0]: no model"),
        "{said:?}"
    );
    assert!(
        said[2].starts_with("warning: ") && said[2].contains("60s"),
        "{said:?}"
    );
}

#[test]
fn room_for_bodies() {
    let limit = "request_body_buffer_limit: 1114112";
    let small = ".request_body_buffer_limit: must be at least 1114112 (limits.body of the policy, \
                 1048576, and 65536): otherwise Envoy answers 413 first, or refuses to retry";
    let of_route = "name: calls\n                request_body_buffer_limit: 9";
    let of_host = at(HOST, small);
    let of_last_route = at(HOST, &format!(".routes[1]{small}"));
    for (from, to, line) in [
        (limit, "require_tls: NONE", of_host.as_str()),
        (limit, "request_body_buffer_limit: 1114111", &of_host),
        (limit, "request_body_buffer_limit: \"1114112\"", GATEWAY_OK),
        ("name: calls", of_route, &of_last_route),
        ("name: calls", "requestBodyBufferLimit: 2000000", GATEWAY_OK),
    ] {
        expect_gateway(to, from, to, &[line]);
    }
}

#[test]
fn clusters_of_routes() {
    let route = at(HOST, ".routes[1].route");
    let header = "cluster_header: x-tollgate-internal-cluster";
    let stray = |path: &str| {
        format!(
            "{route}.{path}: calls would go to \"stray\", which is no backend's cluster: write \
             cluster_header: x-tollgate-internal-cluster in its place, or disable Tollgate for \
             this route"
        )
    };
    let other_header = format!(
        "{route}.cluster_header: must be x-tollgate-internal-cluster, where Tollgate writes its choice"
    );
    let plugin = format!(
        "warning: {route}.inline_cluster_specifier_plugin: not checked: it must choose the cluster \
         that x-tollgate-internal-cluster names"
    );
    for (to, lines) in [
        ("cluster: openai", vec![GATEWAY_OK]),
        ("cluster: stray", vec![&stray("cluster")]),
        (
            "cluster_header: X-Tollgate-Internal-Cluster",
            vec![GATEWAY_OK],
        ),
        ("cluster_header: x-cluster", vec![&other_header]),
        (
            "weighted_clusters: { clusters: [ { name: openai }, { name: stray } ] }",
            vec![&stray("weighted_clusters.clusters[1].name")],
        ),
        (
            "inline_cluster_specifier_plugin: { extension: {} }",
            vec![&plugin, GATEWAY_OK],
        ),
    ] {
        expect_gateway(to, header, to, &lines);
    }
}

#[test]
fn routes_without_tollgate_are_free() {
    let other = change(OFF, "ai:", "geo:");
    let text = change(
        GATEWAY,
        "cluster_header: x-tollgate-internal-cluster",
        "cluster: stray",
    );
    let with = |line: &str| {
        change(
            &text,
            "name: calls",
            &format!("name: calls\n                {line}"),
        )
    };
    expect("disabled", "gateway.yaml", &with(OFF), &[GATEWAY_OK]);
    let (_, code) = check("gateway.yaml", &with(&other));
    assert_eq!(code, 1, "another filter is disabled");

    let asleep = change(
        &text,
        "- name: ai",
        "- name: ai\n            disabled: true",
    );
    expect(
        "off unless a route says so",
        "gateway.yaml",
        &asleep,
        &[GATEWAY_OK],
    );
    let woken = change(
        &asleep,
        "name: calls",
        &format!(
            "name: calls\n                {}",
            change(OFF, "disabled: true", "config: {}")
        ),
    );
    let (_, code) = check("gateway.yaml", &woken);
    assert_eq!(code, 1, "a route enables it");
}

#[test]
fn timeouts_of_routes() {
    let path = at(HOST, ".routes[1].route.timeout: write 0s: ");
    let default = format!("warning: {path}the default of 15s cuts longer streams");
    let short = format!("warning: {path}60s cuts streams that last longer");
    for (to, lines) in [
        ("timeout: 0.000s", vec![GATEWAY_OK]),
        ("idle_timeout: 300s", vec![&default, GATEWAY_OK]),
        ("timeout: 60s", vec![&short, GATEWAY_OK]),
    ] {
        expect_gateway(to, "timeout: 0s", to, &lines);
    }
}

#[test]
fn routes_by_rds() {
    let begin = GATEWAY.find("          route_config:").unwrap();
    let end = GATEWAY.find("  clusters:").unwrap();
    let rds = "          rds: { route_config_name: mesh, config_source: { ads: {} } }\n";
    let text = format!("{}{rds}{}", &GATEWAY[..begin], &GATEWAY[end..]);
    let unknown = format!(
        "warning: {MANAGER}.route_config: not checked: the routes of this connection manager are \
         not in this file"
    );
    expect("elsewhere", "gateway.yaml", &text, &[&unknown, GATEWAY_OK]);
    let here = format!(
        "{text}resources:\n- \"@type\": type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n  \
         name: mesh\n  request_headers_to_remove: [ x-tollgate-internal-cluster ]\n  virtual_hosts: [ {{ request_body_buffer_limit: 1, routes: [ {{ route: {{ \
         cluster_header: x-tollgate-internal-cluster, timeout: 0s }} }} ] }} ]\n"
    );
    let (said, code) = check("gateway.yaml", &here);
    assert_eq!((said.len(), code), (1, 1), "{said:?}");
    let path = "resources[0].virtual_hosts[0].request_body_buffer_limit: must be at least 1114112";
    assert!(said[0].starts_with(path), "{said:?}");
}

#[test]
fn decompressors() {
    let path = "http_filters[0].typed_config.request_direction_config.advertise_accept_encoding";
    let warning = format!(
        "warning: {MANAGER}.{path}: write false: Envoy would ask providers for encoded answers, \
         which Tollgate cannot read"
    );
    for to in [
        "advertise_accept_encoding: true",
        "common_config: {}",
        "advertiseAcceptEncoding: true",
    ] {
        let warning = match to {
            "advertiseAcceptEncoding: true" => change(
                &warning,
                "advertise_accept_encoding",
                "advertiseAcceptEncoding",
            ),
            _ => warning.clone(),
        };
        expect_gateway(
            to,
            "advertise_accept_encoding: false",
            to,
            &[&warning, GATEWAY_OK],
        );
    }
    let text = change(
        GATEWAY,
        "advertise_accept_encoding: false",
        "common_config: {}",
    );
    let disabled = change(
        &text,
        "- name: gzip",
        "- name: gzip\n            disabled: true",
    );
    expect("disabled", "gateway.yaml", &disabled, &[GATEWAY_OK]);
    let text = change(
        &text,
        "              request_direction_config: { common_config: {} }\n",
        "",
    );
    let (said, _) = check("gateway.yaml", &text);
    assert!(said[0].contains(path), "{said:?}");
}

#[test]
fn tls_for_spiffe_ids() {
    let context = at(CHAIN, ".transport_socket.typed_config");
    let require = format!(
        "{context}.require_client_certificate: must be true: the policy knows callers by the \
         SPIFFE id in their certificate"
    );
    let verify = format!(
        "{context}.common_tls_context: needs a validation_context with trusted_ca (or one by SDS, \
         or a combined one): an unverified certificate could claim any SPIFFE id"
    );
    let untrusted = format!(
        "{context}.common_tls_context.validation_context.trust_chain_verification: remove it: an \
         unverified certificate could claim any SPIFFE id"
    );
    let validation = "validation_context: { trusted_ca: { filename: ca.pem } }";
    let required = "require_client_certificate: true";
    for (from, to, line) in [
        (
            required,
            "require_client_certificate: false",
            require.as_str(),
        ),
        (required, "session_timeout: 60s", &require),
        (validation, "tls_params: {}", &verify),
        (
            validation,
            "validation_context: { only_verify_leaf_cert_crl: true }",
            &verify,
        ),
        (
            validation,
            "validation_context: { trusted_ca: { filename: ca.pem }, trust_chain_verification: ACCEPT_UNTRUSTED }",
            &untrusted,
        ),
        (
            validation,
            "validation_context_sds_secret_config: { name: ca }",
            GATEWAY_OK,
        ),
        (
            validation,
            "combined_validation_context: { default_validation_context: {}, validation_context_sds_secret_config: { name: ca } }",
            GATEWAY_OK,
        ),
        (
            validation,
            "validation_context: { custom_validator_config: { name: spiffe, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig } } }",
            GATEWAY_OK,
        ),
    ] {
        expect_gateway(to, from, to, &[line]);
    }
}

#[test]
fn no_tls_at_all() {
    let begin = GATEWAY.find("      transport_socket:").unwrap();
    let end = GATEWAY.find("      filters:").unwrap();
    let plain = format!("{}{}", &GATEWAY[..begin], &GATEWAY[end..]);
    let line = format!(
        "{CHAIN}.transport_socket: the policy knows callers by SPIFFE id, but this filter chain \
         has no TLS: add a DownstreamTlsContext with require_client_certificate: true and a \
         validation_context with trusted_ca"
    );
    expect("ids of tenants", "gateway.yaml", &plain, &[&line]);
    let hop = change(
        &plain,
        "filter_chain: internal",
        "spiffe: \"spiffe://mesh.example/portal\"",
    );
    let hop = change(
        &hop,
        "spiffe: [ \"spiffe://mesh.example/ns/acme/*\" ]",
        "tier: free",
    );
    expect("ids of hops", "gateway.yaml", &hop, &[&line]);
    let none = change(
        &plain,
        "spiffe: [ \"spiffe://mesh.example/ns/acme/*\" ]",
        "tier: free",
    );
    expect("no ids", "gateway.yaml", &none, &[GATEWAY_OK]);
}

/// The gateway with a second listener, `edge`, that has the same filters and this TLS.
fn with_edge(tls: &str) -> String {
    let text = change(GATEWAY, "      filters:\n", "      filters: &filters\n");
    let edge = format!(
        "  - name: edge\n    filter_chains:\n    - name: public\n      filters: *filters\n{tls}  clusters:\n"
    );
    change(&text, "  clusters:\n", &edge)
}

#[test]
fn one_policy_in_two_listeners() {
    expect(
        "a public one too",
        "gateway.yaml",
        &with_edge(""),
        &[GATEWAY_OK],
    );
    let tls = |common: &str| {
        format!(
            "      transport_socket: {{ typed_config: {{ \"@type\": \
             type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, \
             common_tls_context: {{ {common} }} }} }}\n"
        )
    };
    let server_only = with_edge(&tls("tls_certificates: []"));
    expect(
        "it asks for no certificate",
        "gateway.yaml",
        &server_only,
        &[GATEWAY_OK],
    );
    let (said, code) = check("gateway.yaml", &with_edge(&tls("validation_context: {}")));
    assert_eq!((said.len(), code), (2, 1), "{said:?}");
    assert!(
        said[0].contains("listeners[1].filter_chains[0].transport_socket"),
        "{said:?}"
    );
}

#[test]
fn claims_of_tokens() {
    let payload = "payload_in_metadata: claims }";
    let other = "payload_in_metadata: other }";
    let wrong = format!(
        "{MANAGER}.http_filters[1].typed_config.providers: no provider has payload_in_metadata: \
         \"claims\", where identity.jwt of the policy looks for claims"
    );
    expect_gateway("another name", payload, other, &[&wrong]);
    let none = format!(
        "{MANAGER}.http_filters: identity.jwt of the policy needs a jwt_authn filter before Tollgate"
    );
    let jwt = "http.jwt_authn.v3.JwtAuthentication";
    expect_gateway("no such filter", jwt, "http.buffer.v3.Buffer", &[&none]);
    let begin = GATEWAY.find("          - name: jwt").unwrap();
    let middle = GATEWAY.find("          - name: geo").unwrap();
    let end = GATEWAY
        .find("          - name: envoy.filters.http.router")
        .unwrap();
    let after = format!(
        "{}{}{}{}",
        &GATEWAY[..begin],
        &GATEWAY[middle..end],
        &GATEWAY[begin..middle],
        &GATEWAY[end..]
    );
    expect("it stands after Tollgate", "gateway.yaml", &after, &[&none]);
}

#[test]
fn chains_of_hops() {
    let missing = "identity.hops[0].from.filter_chain: no filter chain of Tollgate's listener is \
                   named \"internal\"";
    expect_gateway(
        "misspelt",
        "- name: internal",
        "- name: intern",
        &[&format!("{missing} (did you mean \"intern\"?)")],
    );
    expect_gateway(
        "without a name",
        "- name: internal\n      transport",
        "- transport",
        &[missing],
    );
    let default = change(
        GATEWAY,
        "    filter_chains:\n    - name: internal\n",
        "    default_filter_chain:\n      name: internal\n",
    );
    expect("the default chain", "gateway.yaml", &default, &[GATEWAY_OK]);
}

/// What disables or enables the filter `ai` for a route, a virtual host or a cluster.
const OFF: &str = "typed_per_filter_config: { ai: { \"@type\": \
                   type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }";

#[test]
fn routes_that_reach_a_provider_without_tollgate() {
    let cause = "Tollgate is disabled for this route, so calls pass with no guard at all";
    let route = at(HOST, ".routes[1].route");
    let fixed = format!("{route}.cluster: is the cluster of backend \"openai\": {cause}");
    let header = format!("{route}.cluster_header: may name a backend's cluster: {cause}");
    let plugin = format!(
        "warning: {route}.cluster_specifier_plugin: not checked: it may choose a backend's \
         cluster, but {cause}"
    );
    let weighted = format!(
        "{route}.weighted_clusters.clusters[1].name: is the cluster of backend \"openai\": {cause}"
    );
    let of_cluster = format!(
        "weighted_clusters: {{ clusters: [ {{ name: openai }}, {{ name: openai, {OFF} }} ] }}"
    );
    let shared = format!("domains: [ \"*\" ]\n              {OFF}");
    let of_route = format!("name: calls\n                {OFF}");
    let chosen = "cluster_header: x-tollgate-internal-cluster";
    for (from, to, destination, lines) in [
        (
            "name: calls",
            of_route.as_str(),
            chosen,
            vec![header.as_str()],
        ),
        (
            "name: calls",
            &of_route,
            "cluster_header: x-any",
            vec![&header],
        ),
        ("name: calls", &of_route, "cluster: openai", vec![&fixed]),
        (
            "name: calls",
            &of_route,
            "cluster: health",
            vec![GATEWAY_OK],
        ),
        (
            "name: calls",
            &of_route,
            "cluster_specifier_plugin: lua",
            vec![&plugin, GATEWAY_OK],
        ),
        (
            "domains: [ \"*\" ]",
            &shared,
            "cluster: openai",
            vec![&fixed],
        ),
        (
            "domains: [ \"*\" ]",
            &shared,
            "cluster: health",
            vec![GATEWAY_OK],
        ),
        (
            "- name: ai",
            "- name: ai\n            disabled: true",
            chosen,
            vec![&header],
        ),
        ("name: calls", "name: calls", &of_cluster, vec![&weighted]),
    ] {
        let text = change(&change(GATEWAY, from, to), chosen, destination);
        expect(
            &format!("{to} {destination}"),
            "gateway.yaml",
            &text,
            &lines,
        );
    }
}

/// The gateway with a second Tollgate filter, named `other`, after the first.
fn with_other(plugin: &str) -> String {
    let other = format!(
        "          - name: other\n            typed_config:\n              \"@type\": \
         type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n              config: {{ \
         {plugin}, allow_on_headers_stop_iteration: true, failure_policy: FAIL_RELOAD, \
         configuration: {{ \"@type\": type.googleapis.com/google.protobuf.Struct, value: {{ SPACE limits: {{ body: 1048576, held_per_tenant: 2097152 }}, \
         backends: {{ openai: {{ cluster: openai, api: openai }} }}, models: {{ m: {{ targets: [ {{ \
         backend: openai, model: m }} ] }} }}, tenants: {{ t: {{ models: [ m ], keys: [ {{ sha256: \
         a2fb8545fcd457204e9fee11be92013aa3240b1b146fe262ba608fdfc159041c }} ] }} }} }} }} }}\n          \
         - name: envoy.filters.http.router\n"
    );
    change(
        GATEWAY,
        "          - name: envoy.filters.http.router\n",
        &other,
    )
}

#[test]
fn one_filter_that_runs_is_enough() {
    let text = change(&with_other("name: tollgate-b"), "SPACE ", "");
    let both = ["tollgate", "tollgate-b"].map(|name| format!("{name}: {GATEWAY_OK}"));
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    let one = change(
        &text,
        "name: calls",
        &format!("name: calls\n                {OFF}"),
    );
    expect("the other runs", "gateway.yaml", &one, &both);
    let none = change(
        &one,
        "- name: other",
        "- name: other\n            disabled: true",
    );
    let (said, code) = check("gateway.yaml", &none);
    assert_eq!((said.len(), code), (1, 1), "{said:?}");
    assert!(said[0].contains("with no guard at all"), "{said:?}");
}

#[test]
fn totals_of_filters() {
    let filter = |rest: &str| change(FILTER, "http_filters[3]", &format!("http_filters[4]{rest}"));
    let other = filter("");
    let shares = |vm: &str| {
        format!(
            "\"tollgate\" is also the namespace of {FILTER}, which has another policy and the same \
             vm_id {vm:?}: they would share totals, so give each policy a namespace of its own"
        )
    };
    let by_name = format!("{other}.name: {}", shares(""));
    let by_space = format!("tollgate-b: namespace: {}", shares(""));
    let empty = format!(
        "{other}.name: must not be empty, unless the policy has a namespace: totals are kept under it"
    );
    for (plugin, space, line) in [
        ("name: tollgate", "", Some(by_name.as_str())),
        (
            "name: tollgate, vm_config: { runtime: v8 }",
            "",
            Some(&by_name),
        ),
        ("name: tollgate, vm_config: { vm_id: b }", "", None),
        ("name: tollgate", "namespace: b,", None),
        ("name: tollgate-b", "", None),
        ("name: tollgate-b", "namespace: tollgate,", Some(&by_space)),
        ("root_id: tollgate-b", "", Some(&empty)),
        ("name: \"\"", "", Some(&empty)),
        ("root_id: tollgate-b", "namespace: b,", None),
    ] {
        let text = change(&with_other(plugin), "SPACE ", space);
        let (said, code) = check("gateway.yaml", &text);
        let what = format!("{plugin} {space}: {said:?}");
        match line {
            Some(line) => assert_eq!((said, code), (vec![line.to_owned()], 1), "{what}"),
            None => assert_eq!((said.len(), code), (2, 0), "{what}"),
        }
    }
    expect(
        "one policy may share",
        "gateway.yaml",
        &with_edge(""),
        &[GATEWAY_OK],
    );
}

#[test]
fn a_fixed_cluster_for_several_backends() {
    let path = at(HOST, ".routes[1].route");
    let message = "calls for backend \"local\", whose cluster is \"vllm\", would go to \"openai\" \
                   too: write cluster_header: x-tollgate-internal-cluster in its place";
    let fixed = format!("{path}.cluster: {message}");
    let weighted = format!("{path}.weighted_clusters.clusters[0].name: {message}");
    let two = change(
        GATEWAY,
        "openai: { cluster: openai, api: openai }",
        "openai: { cluster: openai, api: openai }\n                      local: { cluster: vllm, api: openai }",
    );
    let two = change(
        &two,
        "  - name: openai\n",
        "  - name: openai\n  - name: vllm\n",
    );
    let unused = "warning: backends.local: ";
    for (destination, line) in [
        ("cluster: openai", fixed.as_str()),
        (
            "weighted_clusters: { clusters: [ { name: openai } ] }",
            &weighted,
        ),
        (
            "cluster_header: x-tollgate-internal-cluster",
            "ok (2 backends, 1 models, 1 tenants)",
        ),
    ] {
        let header = "cluster_header: x-tollgate-internal-cluster";
        let (mut said, code) = check("gateway.yaml", &change(&two, header, destination));
        said.retain(|line| !line.starts_with(unused));
        assert_eq!(said, [line], "{destination}");
        assert_eq!(code, i32::from(!line.starts_with("ok")), "{destination}");
    }
    let same = change(&two, "cluster: vllm", "cluster: openai");
    let same = change(
        &same,
        "cluster_header: x-tollgate-internal-cluster",
        "cluster: openai",
    );
    let (_, code) = check("gateway.yaml", &same);
    assert_eq!(code, 0, "two backends with one cluster");
}

#[test]
fn names_of_clusters_stay_here() {
    let remove = "request_headers_to_remove: [ x-tollgate-internal-cluster ]";
    let leaks = format!(
        "warning: {HOST}.routes[1].request_headers_to_remove: should have \
         x-tollgate-internal-cluster: otherwise providers get the names of clusters"
    );
    let none = change(GATEWAY, &format!("              {remove}\n"), "");
    expect("nowhere", "gateway.yaml", &none, &[&leaks, GATEWAY_OK]);
    let another = "request_headers_to_remove: [ x-other ]";
    expect_gateway("another", remove, another, &[&leaks, GATEWAY_OK]);
    for (what, from, to) in [
        ("of the route", "name: calls\n", format!("name: calls\n                {remove}\n")),
        ("of the table", "virtual_hosts:\n", format!("{remove}\n            virtual_hosts:\n")),
        (
            "in other letters",
            "name: calls\n",
            "name: calls\n                requestHeadersToRemove: [ X-Tollgate-Internal-Cluster ]\n".to_owned(),
        ),
    ] {
        expect(what, "gateway.yaml", &change(&none, from, &to), &[GATEWAY_OK]);
    }
    let fixed = change(
        &none,
        "cluster_header: x-tollgate-internal-cluster",
        "cluster: openai",
    );
    expect(
        "a fixed cluster",
        "gateway.yaml",
        &fixed,
        &[&leaks, GATEWAY_OK],
    );
    let weighted = format!("weighted_clusters: {{ clusters: [ {{ name: openai, {remove} }} ] }}");
    let weighted = change(
        &fixed,
        "cluster: openai\n                  timeout",
        &format!("{weighted}\n                  timeout"),
    );
    expect(
        "of a weighted cluster",
        "gateway.yaml",
        &weighted,
        &[GATEWAY_OK],
    );
}

#[test]
fn retries_of_envoy() {
    let warning = |path: &str| {
        format!(
            "warning: {HOST}{path}: Tollgate counts one try a call: what tries before the last use \
             is not seen, so remove it or know that totals are too low"
        )
    };
    let of_route = warning(".routes[1].route.retry_policy");
    let of_host = warning(".retry_policy");
    for (from, to, line) in [
        (
            "timeout: 0s",
            "timeout: 0s\n                  retry_policy: { retry_on: 5xx }",
            &of_route,
        ),
        (
            "domains: [ \"*\" ]",
            "domains: [ \"*\" ]\n              retry_policy: { retry_on: 5xx }",
            &of_host,
        ),
    ] {
        expect_gateway(to, from, to, &[line, GATEWAY_OK]);
    }
    let ready = "path: /ready }\n                retry_policy: { retry_on: 5xx }";
    expect_gateway("of another route", "path: /ready }", ready, &[GATEWAY_OK]);
}

#[test]
fn reloads_that_crash_envoy() {
    let line = at(
        FILTER,
        ".reload_config.backoff.base_interval: must be at least 0.002s: with less, Envoy crashes \
         when it first reloads the filter; write 0.01s",
    );
    let from = "failure_policy: FAIL_RELOAD\n";
    for (interval, line) in [
        ("0.001s", line.as_str()),
        ("0.0019s", &line),
        ("0s", &line),
        ("0.002s", GATEWAY_OK),
        ("0.01s", GATEWAY_OK),
        ("1s", GATEWAY_OK),
    ] {
        let to = format!(
            "{from}                reload_config: {{ backoff: {{ base_interval: {interval} }} }}\n"
        );
        expect_gateway(interval, from, &to, &[line]);
    }
}

#[test]
fn tokens_that_nobody_verifies() {
    let filter = at(MANAGER, ".http_filters[1].typed_config");
    let none = format!(
        "{filter}.rules: no rule requires or allows a provider that has payload_in_metadata: \
         \"claims\", so no token is verified and identity.jwt of the policy finds no claims"
    );
    let rules =
        "rules:\n              - { match: { prefix: / }, requires: { provider_name: company } }";
    let rule = |rule: &str| format!("rules: [ {{ match: {{ prefix: / }}, {rule} }} ]");
    for (to, line) in [
        ("bypass_cors_preflight: true".to_owned(), none.as_str()),
        ("rules: []".to_owned(), &none),
        ("rules: [ { match: { prefix: / } } ]".to_owned(), &none),
        (rule("requires: { provider_name: other }"), &none),
        (
            rule(
                "requires: { requires_any: { requirements: [ { provider_name: other }, { allow_missing: {} } ] } }",
            ),
            &none,
        ),
        (rule("requirement_name: token"), &none),
        (
            "requirement_map: { token: { provider_name: company } }".to_owned(),
            &none,
        ),
        (
            rule(
                "requires: { requires_any: { requirements: [ { provider_name: company }, { allow_missing: {} } ] } }",
            ),
            GATEWAY_OK,
        ),
        (
            rule("requires: { provider_and_audiences: { provider_name: company } }"),
            GATEWAY_OK,
        ),
        (
            rule("requires: { allow_missing_or_failed: {} }"),
            GATEWAY_OK,
        ),
        (
            format!(
                "requirement_map: {{ token: {{ provider_name: company }} }}\n              {}",
                rule("requirement_name: token")
            ),
            GATEWAY_OK,
        ),
        (
            "filter_state_rules: { name: x, requires: { y: { provider_name: company } } }"
                .to_owned(),
            GATEWAY_OK,
        ),
    ] {
        expect_gateway(&to, rules, &to, &[line]);
    }
    let map = "requirement_map: { token: { provider_name: company } }";
    let of_route = "name: calls\n                typed_per_filter_config: { jwt: { requirement_name: token } }";
    let text = change(&change(GATEWAY, rules, map), "name: calls", of_route);
    expect("a route names it", "gateway.yaml", &text, &[GATEWAY_OK]);
    let blind = rule(
        "requires: { requires_any: { requirements: [ { provider_name: company }, { extract_only_without_validation: {} } ] } }",
    );
    let line = format!(
        "{filter}.rules[0].requires.requires_any.requirements[1].extract_only_without_validation: \
         remove it: it takes claims from tokens that nobody verified, so anybody could be any tenant"
    );
    expect_gateway("not verified", rules, &blind, &[&line]);
}

#[test]
fn chains_with_one_name() {
    let namesakes = |other: &str| {
        format!(
            "identity.hops[0].from.filter_chain: \"internal\" is the name of {CHAIN} and {other}: \
             who comes in on any of them could name any tenant, so give each its own name"
        )
    };
    let second = namesakes("static_resources.listeners[1].filter_chains[0]");
    let same = change(&with_edge(""), "- name: public", "- name: internal");
    expect("in two listeners", "gateway.yaml", &same, &[&second]);
    let foreign =
        "  - name: edge\n    filter_chains: [ { name: internal, filters: [] } ]\n  clusters:\n";
    expect_gateway(
        "in another's listener",
        "  clusters:\n",
        foreign,
        &[&second],
    );
    let default = namesakes("static_resources.listeners[0].default_filter_chain");
    expect_gateway(
        "in one listener",
        "    filter_chains:\n",
        "    default_filter_chain: { name: internal }\n    filter_chains:\n",
        &[&default],
    );
    let others = "  - name: a\n    filter_chains: [ { name: x } ]\n  - name: b\n    filter_chains: [ { name: x } ]\n  clusters:\n";
    expect_gateway("no hop's", "  clusters:\n", others, &[GATEWAY_OK]);
}

#[test]
fn where_the_policy_of_a_filter_is() {
    let path = at(FILTER, ".configuration");
    let missing = format!("{path}: is missing: it holds the policy");
    let begin = GATEWAY.find("                configuration:\n                  \"@type\": type.googleapis.com/google.protobuf.Struct").unwrap();
    let end = GATEWAY
        .find("          - name: envoy.filters.http.router")
        .unwrap();
    let with =
        |configuration: &str| format!("{}{configuration}{}", &GATEWAY[..begin], &GATEWAY[end..]);
    expect("none", "gateway.yaml", &with(""), &[&missing]);
    let untyped = with("                configuration: { value: {} }\n");
    let (said, code) = check("gateway.yaml", &untyped);
    assert_eq!(code, 1);
    assert!(
        said[0].starts_with(&format!("{path}: must have \"@type\"")),
        "{said:?}"
    );
    let text = with(
        "                configuration: { \"@type\": type.googleapis.com/google.protobuf.StringValue, value: '{\"backends\": ' }\n",
    );
    let (said, code) = check("gateway.yaml", &text);
    assert_eq!(code, 1);
    assert!(
        said[0].starts_with(&format!("{path}.value: not JSON: ")),
        "{said:?}"
    );
}

#[test]
fn json_text_in_a_filter() {
    for (from, to, line) in [
        (
            "\"smart\" ]",
            "\"smrt\" ]",
            "tenants.acme.models[0]: no model \"smrt\" (did you mean \"smart\"?)",
        ),
        (
            "\"openai\": {",
            "\"openai\": {}, \"openai\": {",
            "backends.openai: the key stands twice",
        ),
    ] {
        let (said, code) = check("envoyfilter.yaml", &change(ENVOY_FILTER, from, to));
        assert_eq!(
            (said.contains(&line.to_owned()), code),
            (true, 1),
            "{said:?}"
        );
    }
}

#[test]
fn several_policies_have_their_filters_name() {
    let second = "  - name: openai\n  unrelated:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n    \
                  config: { name: second, allow_on_headers_stop_iteration: true, failure_policy: FAIL_RELOAD, \
                  configuration: { \"@type\": type.googleapis.com/google.protobuf.Struct, value: { \
                  backends: { openai: { cluster: openai, api: openai } }, models: { m: { targets: [ { \
                  backend: openai, model: m } ] } }, tenants: { t: { models: [ x ] } } } } }\n";
    let text = change(GATEWAY, "  - name: openai\n", second);
    let lines = [
        "warning: second: tenants.t: nobody can be this tenant: it has no keys, jwt or spiffe",
        "second: tenants.t.models[0]: no model \"x\"",
    ];
    expect("one is bad", "gateway.yaml", &text, &lines);
    let good = change(&text, "[ x ]", "[ m ]");
    let ok = "ok (1 backends, 1 models, 1 tenants)";
    let lines = [
        lines[0].to_owned(),
        format!("tollgate: {ok}"),
        format!("second: {ok}"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    expect("both are good", "gateway.yaml", &good, &lines);
    let namesakes = change(&text, "name: second", "name: tollgate");
    let (said, _) = check("gateway.yaml", &namesakes);
    let path = "static_resources.unrelated.config: tenants.t.models[0]: ";
    assert!(said.iter().any(|line| line.starts_with(path)), "{said:?}");
}

#[test]
fn resources_and_envelopes() {
    let ecds = |config: &str| {
        format!(
            "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  \
             name: ai\n  typed_config: {config}\n"
        )
    };
    let wasm = "envoy.extensions.filters.http.wasm.v3.Wasm";
    let plugin = "config: { name: gateway, rootId: tollgate-gateway, allowOnHeadersStopIteration: true, \
                  failurePolicy: FAIL_RELOAD, configuration: { \"@type\": google.protobuf.Struct, \
                  value: { backends: { a: { cluster: a, api: openai } }, models: { m: { targets: [ \
                  { backend: a, model: m } ] } }, tenants: { t: { models: [ m ], spiffe: [ \
                  \"spiffe://mesh/t\" ] } } } } }";
    let direct = ecds(&format!(
        "{{ \"@type\": type.googleapis.com/{wasm}, {plugin} }}"
    ));
    expect("ECDS", "ecds.yaml", &direct, &[GATEWAY_OK]);
    let wrapped = ecds(&format!(
        "{{ \"@type\": type.googleapis.com/xds.type.v3.TypedStruct, type_url: \
         type.googleapis.com/{wasm}, value: {{ {plugin} }} }}"
    ));
    expect("in a TypedStruct", "ecds.yaml", &wrapped, &[GATEWAY_OK]);
    let bad = change(&wrapped, "allowOnHeadersStopIteration: true, ", "");
    let (said, code) = check("ecds.yaml", &bad);
    let path =
        "resources[0].typed_config.value.config.allow_on_headers_stop_iteration: must be true";
    assert_eq!(code, 1);
    assert!(said[0].starts_with(path), "{said:?}");
}

#[test]
fn filters_of_clusters_need_no_policy() {
    let upstream = "  - name: openai\n    typed_extension_protocol_options:\n      options:\n        \
                    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n        \
                    http_filters:\n        - name: tollgate-backend\n          typed_config: { \"@type\": \
                    type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: { name: tollgate-backend } }\n";
    expect_gateway("upstream", "  - name: openai\n", upstream, &[GATEWAY_OK]);
}

#[test]
fn wasm_plugins() {
    let stop = "warning: [1].spec: a WasmPlugin cannot set allow_on_headers_stop_iteration, \
                without which requests hang: deploy Tollgate by an EnvoyFilter";
    let open = "[1].spec.failStrategy: FAIL_OPEN lets calls pass unguarded once the plugin has \
                failed: write FAIL_RELOAD";
    let reload = "warning: [1].spec.failStrategy: write FAIL_RELOAD: otherwise a plugin that \
                  failed once answers 503 from then on";
    let name = "tenants.acme.models[0]: no model \"smrt\" (did you mean \"smart\"?)";
    for (from, to, lines) in [
        ("FAIL_RELOAD", "FAIL_RELOAD", vec![stop, GATEWAY_OK]),
        ("FAIL_RELOAD", "FAIL_OPEN", vec![stop, open]),
        (
            "  failStrategy: FAIL_RELOAD\n",
            "",
            vec![stop, reload, GATEWAY_OK],
        ),
        ("[ smart ]", "[ smrt ]", vec![stop, name]),
    ] {
        expect(to, "plugin.yaml", &change(WASM_PLUGIN, from, to), &lines);
    }
    let empty = change(WASM_PLUGIN, "name: ai", "name: tollgate");
    let empty = &empty[..empty.find("  pluginConfig").unwrap()];
    let missing = "[1].spec.pluginConfig: is missing: it holds the policy";
    expect("no policy", "plugin.yaml", empty, &[missing, stop]);
    let foreign = change(WASM_PLUGIN, "backends:", "providers:");
    let foreign = change(&foreign, "tenants:", "teams:");
    let (said, code) = check("plugin.yaml", &foreign);
    assert_eq!(code, 1);
    assert!(said[0].starts_with("no policy here: "), "{said:?}");
}

#[test]
fn envoy_filters() {
    let path = "spec.configPatches[0].patch.value.typed_config.config";
    let (said, code) = check("ef.yaml", &change(ENVOY_FILTER, "FAIL_RELOAD", "FAIL_OPEN"));
    assert_eq!(code, 1);
    assert!(
        said[0].starts_with(&format!("{path}.failure_policy: FAIL_OPEN")),
        "{said:?}"
    );
    let two = format!("{ENVOY_FILTER}---\n{WASM_PLUGIN}");
    let (said, code) = check("two.yaml", &change(&two, "\"smart\" ]", "\"smrt\" ]"));
    assert_eq!(code, 1);
    assert!(
        said[0].starts_with("tollgate: tenants.acme.models[0]: no model"),
        "{said:?}"
    );
}

/// The gateway with a store and alerts, whose clusters are `clusters`.
fn with_callouts(clusters: &str) -> String {
    let indent = " ".repeat(20);
    let settings = [
        "ledger: { store: { cluster: store } }",
        "tiers: { default: { limits: [ { requests: 9, per: day, alert_at: [ 80% ] } ] } }",
        "alerts: { cluster: alerts, path: /budget }",
        "limits:",
    ];
    let settings: Vec<String> = settings.map(|line| format!("{indent}{line}")).into();
    let settings = settings.join("\n");
    let text = change(GATEWAY, &format!("{indent}limits:"), &settings);
    format!("{}\n{clusters}", text.trim_end())
}

#[test]
fn clusters_that_tollgate_calls_itself() {
    let good = with_callouts("  - name: store\n  - name: alerts\n");
    expect("both are there", "gateway.yaml", &good, &[GATEWAY_OK]);
    let lines = [
        "ledger.store.cluster: no cluster \"store\" in static_resources.clusters",
        "alerts.cluster: no cluster \"alerts\" in static_resources.clusters",
    ];
    let none = with_callouts("");
    expect("none is there", "gateway.yaml", &none, &lines);
    let filter = |name: &str| {
        format!(
            "  - name: alerts
  - name: store
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        http_filters:
        - name: own
          typed_config:
            \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
            config: {name}
"
        )
    };
    let path = "static_resources.clusters[2].typed_extension_protocol_options.\
                \"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\".http_filters[0]\
                .typed_config.config";
    let line = format!(
        "{path}: must not be in the cluster of ledger.store.cluster: a request that Tollgate makes \
         itself must not pass its own filter, which crashes it; make a second cluster without"
    );
    for own in [
        "{ name: tollgate, vm_config: { vm_id: other } }",
        // The same machine under another name.
        "{ name: another }",
    ] {
        let text = with_callouts(&filter(own));
        expect(own, "gateway.yaml", &text, &[line.as_str()]);
    }
    let other = with_callouts(&filter("{ name: another, vm_config: { vm_id: other } }"));
    expect("another machine", "gateway.yaml", &other, &[GATEWAY_OK]);
}

#[test]
fn services_of_guardrails_have_clusters() {
    let indent = " ".repeat(20);
    let guardrails = [
        "guardrails:",
        "- { name: keys, phase: both, detect: secrets, action: block }",
        "- { name: names, phase: input, detect: { service: { cluster: presidio, kind: presidio } }, action: mask }",
        "limits:",
    ];
    let guardrails = guardrails.map(|line| format!("{indent}{line}")).join("\n");
    let gateway = change(GATEWAY, &format!("{indent}limits:"), &guardrails);
    let said = |text: &str| -> Vec<String> { check("gateway.yaml", text).0 };
    assert_eq!(
        said(&gateway),
        [
            "guardrails[1].detect.service.cluster: no cluster \"presidio\" in static_resources.clusters"
        ]
    );
    let with_cluster = format!("{}\n  - name: presidio\n", gateway.trim_end());
    assert_eq!(said(&with_cluster), [GATEWAY_OK]);
}

#[test]
fn steps_of_workflows_have_clusters() {
    let workflows = include_str!("../../envoy/workflows.yaml");
    let said = |text: &str| -> Vec<String> { check("workflows.yaml", text).0 };
    assert_eq!(
        said(workflows),
        [
            "warning: ledger.store: is missing: when Envoy is restarted, limits of an hour or more begin anew",
            "ok (1 backends, 4 models, 2 tenants)"
        ]
    );
    let text = change(
        workflows,
        "describe_images: { cluster: vision, model: seer, ",
        "describe_images: { cluster: vison, model: seer, on_error: fallback, fallback: { cluster: none, model: x, price: { input: 1, output: 1 } }, ",
    );
    let path = "models.reader.workflow.describe_images";
    let missing = |place: &str, name: &str| {
        format!("{path}.{place}: no cluster {name:?} in static_resources.clusters")
    };
    let lines = said(&text);
    let [cluster, fallback, _no_store] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(
        cluster.starts_with(&missing("cluster", "vison")),
        "{cluster}"
    );
    assert!(
        fallback.starts_with(&missing("fallback.cluster", "none")),
        "{fallback}"
    );
    let text = change(workflows, "cluster: second, api", "cluster: sekond, api");
    let text = change(
        &text,
        "judge: { cluster: judge,",
        "judge: { cluster: jugde,",
    );
    let lines = said(&text);
    let path = "models.council.workflow.panel";
    for (line, wanted) in lines.iter().zip([
        format!("{path}.members[1].cluster: no cluster \"sekond\""),
        format!("{path}.judge.cluster: no cluster \"jugde\""),
    ]) {
        assert!(line.starts_with(&wanted), "{lines:?}");
    }
}
