/*! `tollgate check` on the way to providers: TLS, names, keys, signatures, paths. */

// Helpers of tests may stop at the first surprise, as tests may.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const FILE: &str = include_str!("../../envoy/providers.yaml");
const CHAIN: &str = include_str!("../../envoy/chain.yaml");
const PAGE: &str = include_str!("../../docs/providers.md");

const OK: &str = "ok (6 backends, 1 models, 1 tenants)";
const CHAIN_OK: &str = "ok (2 backends, 2 models, 2 tenants)";

const OPTIONS: &str =
    "typed_extension_protocol_options.\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"";
const VALIDATION: &str = "transport_socket.typed_config.common_tls_context.validation_context";

/// The clusters of the file, in its order.
const CLUSTERS: [&str; 7] = [
    "none",
    "openai",
    "azure",
    "anthropic",
    "bedrock",
    "gemini",
    "vllm",
];

/// What is said of a file.
fn check(name: &str, text: &str) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("providers-{}-{name}-{number}.yaml", std::process::id());
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

/// The file with `from` replaced by `to`, once, in the cluster `name`.
fn with(name: &str, from: &str, to: &str) -> String {
    let start = FILE.find("\n  clusters:\n").unwrap();
    let (policy, clusters) = FILE.split_at(start);
    let (before, own) = clusters
        .split_once(&format!("\n  - name: {name}\n"))
        .unwrap();
    let end = own.find("\n  - ").unwrap();
    let (own, after) = own.split_at(end);
    assert!(own.contains(from), "cluster {name} has no {from:?}");
    let own = own.replacen(from, to, 1);
    format!("{policy}{before}\n  - name: {name}\n{own}{after}")
}

/// What stands from `start` to before `end`.
fn part<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_at(text.find(start).unwrap());
    rest.split_at(rest.find(end).unwrap()).0
}

/// A cluster's TLS.
fn tls(name: &str) -> &'static str {
    let own = FILE.split_once(&format!("\n  - name: {name}\n")).unwrap().1;
    part(
        own,
        "    transport_socket:",
        "    typed_extension_protocol_options:",
    )
}

/// What adds a cluster's key.
fn key(name: &str) -> &'static str {
    let own = FILE.split_once(&format!("\n  - name: {name}\n")).unwrap().1;
    let filter = match name {
        "bedrock" => "        - name: envoy.filters.http.aws_request_signing",
        _ => "        - name: envoy.filters.http.credential_injector",
    };
    part(
        own,
        filter,
        "        - name: envoy.filters.http.upstream_codec",
    )
}

/// The path of what stands in a cluster.
fn at(name: &str, rest: &str) -> String {
    let index = CLUSTERS.iter().position(|known| *known == name).unwrap();
    format!("static_resources.clusters[{index}].{rest}")
}

enum Told {
    Nothing,
    Warning,
    Error,
}

/// A cluster, a change of it, and what is then said where, in one line.
type Case<'c> = (&'c str, &'c str, &'c str, Told, &'c str, &'c str);

fn expect_all(cases: &[Case<'_>]) {
    for (name, from, to, told, path, part) in cases {
        let what = format!("{name}: {from:?} to {to:?}");
        let said = check(name, &with(name, from, to));
        let path = at(name, path);
        let (start, count) = match told {
            Told::Nothing => (OK.to_owned(), 1),
            Told::Warning => (format!("warning: {path}: "), 2),
            Told::Error => (format!("{path}: "), 1),
        };
        assert_eq!(said.len(), count, "{what}: {said:#?}");
        let first = said.first().unwrap();
        assert!(
            first.starts_with(&start),
            "{what}: wanted {start}: {said:#?}"
        );
        assert!(first.contains(part), "{what}: wanted {part}: {said:#?}");
    }
}

#[test]
fn the_shipped_providers_are_good() {
    assert_eq!(check("shipped", FILE), [OK]);
}

#[test]
fn regression_providers_without_tls_are_told() {
    use Told::{Error, Nothing, Warning};
    const SOCKET: &str = "transport_socket";
    const RAW: &str = "    transport_socket: { name: r, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }\n";
    let wrapped = "    transport_socket:\n      name: tap\n      typed_config:\n        \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap\n        transport_socket: { name: r, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }\n";
    let other = "    transport_socket: { name: o, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.alts.v3.Alts } }\n";
    let by_match = "    transport_socket_matches: [ { name: a } ]\n";
    let host = "address: vllm.internal, port_value: 8000";
    expect_all(&[
        (
            "openai",
            tls("openai"),
            "",
            Error,
            SOCKET,
            "the key, requests and answers",
        ),
        (
            "gemini",
            tls("gemini"),
            RAW,
            Error,
            SOCKET,
            "generativelanguage.googleapis.com",
        ),
        (
            "gemini",
            tls("gemini"),
            wrapped,
            Error,
            SOCKET,
            "must be TLS",
        ),
        (
            "bedrock",
            tls("bedrock"),
            "",
            Error,
            SOCKET,
            "the key, requests and answers",
        ),
        // Who knows what these do.
        ("gemini", tls("gemini"), other, Nothing, "", ""),
        ("gemini", tls("gemini"), by_match, Nothing, "", ""),
        // A network of one's own, the same machine, a proxy there.
        (
            "vllm",
            host,
            "address: 10.0.0.7, port_value: 8000",
            Nothing,
            "",
            "",
        ),
        (
            "vllm",
            host,
            "address: ollama, port_value: 11434",
            Nothing,
            "",
            "",
        ),
        (
            "vllm",
            host,
            "address: 127.0.0.1, port_value: 443",
            Nothing,
            "",
            "",
        ),
        (
            "vllm",
            "socket_address: { address: vllm.internal, port_value: 8000 }",
            "pipe: { path: /run/vllm }",
            Nothing,
            "",
            "",
        ),
        // Seldom does anybody speak plain text there, but who reads it is one's own.
        (
            "vllm",
            host,
            "address: vllm.internal, port_value: 443",
            Warning,
            SOCKET,
            "requests and answers",
        ),
        (
            "vllm",
            host,
            "address: vllm.internal, port_value: \"443\"",
            Warning,
            SOCKET,
            "requests and answers",
        ),
        (
            "vllm",
            host,
            "address: vllm.example.com, port_value: 8000",
            Warning,
            SOCKET,
            "\"vllm.example.com\"",
        ),
    ]);
    let sealed = key("openai").replace("openai-key", "gemini-key");
    let codec = "        - name: envoy.filters.http.upstream_codec";
    let keyed = format!("{sealed}{codec}");
    let public = |port| {
        let at = format!("address: vllm.example.com, port_value: {port}");
        with("vllm", codec, &keyed).replace(host, &at)
    };
    // On port 80 a sidecar may add TLS.
    for (port, warns) in [(80, true), (8000, false)] {
        let said = check("keyed", &public(port));
        // A warning leaves the verdict.
        assert_eq!(said.len(), 1 + usize::from(warns), "{said:#?}");
        let is_warned = said[0].contains("should be TLS") && said[0].contains("sidecar");
        let is_refused = said[0].contains("must be TLS");
        assert!(said[0].contains("the key"), "{said:#?}");
        assert_eq!((is_warned, is_refused), (warns, !warns), "{said:#?}");
    }
    // In a network of one's own a key may go in plain text, as it does between sidecars.
    assert_eq!(check("own", &with("vllm", codec, &keyed)), [OK]);
}

#[test]
fn regression_tls_without_a_name_to_match_is_told() {
    use Told::{Nothing, Warning};
    let names = "            match_typed_subject_alt_names:\n            - { san_type: DNS, matcher: { exact: api.openai.com } }\n";
    let ca = "            trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }\n";
    let both = format!("{ca}{names}");
    let path = format!("{VALIDATION}.match_typed_subject_alt_names");
    let mode = format!("{VALIDATION}.trust_chain_verification");
    let whole = format!("          validation_context:\n{both}");
    let combined = "          combined_validation_context:\n            default_validation_context: { trusted_ca: { filename: ca.pem } }\n            validation_context_sds_secret_config: { name: names }\n";
    let options = "        explicit_http_config: { http_protocol_options: {} }\n";
    expect_all(&[
        (
            "openai",
            names,
            "",
            Warning,
            &path,
            "should name the provider's host",
        ),
        (
            "openai",
            names,
            "            match_typed_subject_alt_names: []\n",
            Warning,
            &path,
            "anybody",
        ),
        (
            "openai",
            &both,
            "            only_verify_leaf_cert_crl: true\n",
            Warning,
            VALIDATION,
            "should have trusted_ca",
        ),
        (
            "openai",
            &whole,
            "          alpn_protocols: [ http/1.1 ]\n",
            Warning,
            VALIDATION,
            "does not check to whom",
        ),
        (
            "openai",
            names,
            &format!("{names}            trust_chain_verification: ACCEPT_UNTRUSTED\n"),
            Warning,
            &mode,
            "remove it",
        ),
        (
            "openai",
            &both,
            "            verify_certificate_spki: [ NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A= ]\n",
            Nothing,
            "",
            "",
        ),
        ("openai", &whole, combined, Nothing, "", ""),
        (
            "openai",
            options,
            &format!(
                "{options}        upstream_http_protocol_options: {{ auto_sni: true, auto_san_validation: true }}\n"
            ),
            Nothing,
            "",
            "",
        ),
    ]);
    let by_request = with("openai", names, "").replacen(
        options,
        &format!("{options}        upstream_http_protocol_options: {{ auto_sni: true, auto_san_validation: true }}\n"),
        1,
    );
    assert_eq!(check("by-request", &by_request), [OK]);
}

#[test]
fn names_of_tls_and_of_requests() {
    use Told::{Nothing, Warning};
    const SNI: &str = "transport_socket.typed_config.sni";
    let sni = "sni: api.anthropic.com";
    expect_all(&[
        (
            "anthropic",
            sni,
            "sni: api.openai.com",
            Warning,
            SNI,
            "the authority of backend \"anthropic\", \"api.anthropic.com\"",
        ),
        ("anthropic", sni, "sni: API.Anthropic.com", Nothing, "", ""),
        ("anthropic", sni, "max_session_keys: 1", Nothing, "", ""),
    ]);
    let port = FILE.replacen(
        "authority: api.anthropic.com",
        "authority: api.anthropic.com:443",
        1,
    );
    assert_eq!(check("port", &port), [OK]);
}

#[test]
fn regression_providers_without_a_key_are_told() {
    use Told::{Nothing, Warning};
    const WHERE: &str = "typed_extension_protocol_options";
    let lua = "        - name: lua\n          typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua }\n";
    let disabled = key("gemini").replacen(
        "        - name",
        "        - disabled: true\n          name",
        1,
    );
    expect_all(&[
        ("azure", key("azure"), "", Warning, WHERE, "writes api-key"),
        (
            "anthropic",
            key("anthropic"),
            "",
            Warning,
            WHERE,
            "writes x-api-key",
        ),
        (
            "gemini",
            key("gemini"),
            "",
            Warning,
            WHERE,
            "backend \"gemini\" has no key",
        ),
        (
            "gemini",
            key("gemini"),
            &disabled,
            Warning,
            WHERE,
            "writes x-goog-api-key",
        ),
        (
            "bedrock",
            key("bedrock"),
            "",
            Warning,
            WHERE,
            "aws_request_signing",
        ),
        // Many servers that speak OpenAI's protocol want none.
        ("openai", key("openai"), "", Nothing, "", ""),
        // What a filter of one's own does is not known.
        ("gemini", key("gemini"), lua, Nothing, "", ""),
    ]);
    // A server of one's own, whatever it speaks.
    let own = with("gemini", key("gemini"), "").replace(
        "address: generativelanguage.googleapis.com",
        "address: gemini.internal",
    );
    assert_eq!(check("own-gemini", &own), [OK]);
}

#[test]
fn keys_in_headers_that_their_provider_does_not_read() {
    let header = format!("{OPTIONS}.http_filters[1].typed_config.credential.typed_config.header: ");
    let told = |backend: &str, own: &str| {
        let path = format!("warning: {}", at(backend, &header));
        vec![
            format!(
                "{path}backend {backend:?} reads its key from {own}: with this header its calls are refused"
            ),
            OK.to_owned(),
        ]
    };
    let good = vec![OK.to_owned()];
    let or_token = ", or a token from authorization";
    let gemini = told("gemini", &format!("x-goog-api-key{or_token}"));
    let anthropic = told("anthropic", &format!("x-api-key{or_token}"));
    let azure = told("azure", &format!("api-key{or_token}"));
    for (from, to, wanted) in [
        ("header: x-goog-api-key", "header: x-api-key", &gemini),
        ("header: x-goog-api-key", "header: api-key", &gemini),
        // Vertex AI's tokens, also where the header is Envoy's default.
        (
            "header: x-goog-api-key",
            "header: Authorization\n                header_value_prefix: \"Bearer \"",
            &good,
        ),
        (
            "header: x-goog-api-key",
            "header_value_prefix: \"Bearer \"",
            &good,
        ),
        ("header: x-goog-api-key", "header: X-Goog-Api-Key", &good),
        ("header: x-api-key", "header: x-goog-api-key", &anthropic),
        ("header: api-key", "header: x-api-key", &azure),
        // Servers that speak OpenAI's protocol have many.
        ("header: authorization", "header: x-own-key", &good),
    ] {
        assert!(FILE.contains(from), "{from}");
        let text = FILE.replacen(&format!(" {from}\n"), &format!(" {to}\n"), 1);
        assert_eq!(&check("keys", &text), wanted, "{from} to {to}");
    }
    // Amazon's keys are in authorization, or in what signs.
    let signing = "type.googleapis.com/envoy.extensions.filters.http.aws_request_signing.v3.AwsRequestSigning";
    let injector = format!(
        "type.googleapis.com/{}\n            overwrite: true\n            credential: {{ typed_config: {{ header: x-api-key }} }}\n            #",
        "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector"
    );
    assert!(FILE.contains(signing));
    let said = check("bedrock", &FILE.replacen(signing, &injector, 1));
    assert_eq!(said, told("bedrock", "authorization"));
}

#[test]
fn keys_of_chains() {
    let public = CHAIN.replace("type: STATIC", "type: STRICT_DNS");
    let public = public.replace(
        "address: 127.0.0.1, port_value: 8002",
        "address: api.anthropic.com, port_value: 8080",
    );
    let said = check("chain", &public);
    let plain = "static_resources.clusters[2].transport_socket: must be TLS (an UpstreamTlsContext): the key";
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said.iter().all(|line| line.starts_with(plain)), "{said:#?}");
    let secured = public.replacen(
        "          metadata: { filter_metadata: { tollgate: { backend: anthropic } } }\n",
        &format!(
            "          metadata: {{ filter_metadata: {{ tollgate: {{ backend: anthropic }} }} }}\n{}",
            tls("anthropic")
        ),
        1,
    );
    let secured = secured.replacen(
        "authority: anthropic.provider",
        "authority: api.anthropic.com",
        1,
    );
    assert_eq!(check("chain-tls", &secured), [CHAIN_OK]);
    let own = "x-tollgate-internal-credential-anthropic";
    let unkeyed = secured.replace(own, "x-tollgate-internal-credential-other");
    let said = check("chain-key", &unkeyed);
    let told = format!(
        "warning: static_resources.clusters[0].typed_extension_protocol_options: should have a credential_injector that writes {own}"
    );
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said.iter().any(|line| line.starts_with(&told)), "{said:#?}");
}

#[test]
fn keys_that_the_listener_adds() {
    let gateway = include_str!("../../envoy/upstream.yaml");
    let good = "ok (1 backends, 2 models, 2 tenants)";
    let text = gateway.replace("api: openai, base_path: /v1,", "api: anthropic,");
    assert!(text.contains("api: anthropic"));
    let injector = part(
        gateway,
        "        - name: envoy.filters.http.credential_injector",
        "        - name: envoy.filters.http.upstream_codec",
    );
    let without = text.replacen(injector, "", 1);
    let said = check("listener", &without);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(
        said.iter().any(|line| line.contains("has no key")),
        "{said:#?}"
    );
    let route = "                  cluster_header:";
    let by_route = without.replacen(
        "              routes:\n",
        "              request_headers_to_add: [ { header: { key: x-api-key, value: k } } ]\n              routes:\n",
        1,
    );
    assert!(without.contains(route));
    assert_eq!(check("by-route", &by_route), [good]);
}

#[test]
fn regression_signatures_of_amazon() {
    use Told::{Error, Nothing, Warning};
    let signing = format!("{OPTIONS}.http_filters[1].typed_config");
    let [payload, region, service] = ["use_unsigned_payload", "region", "service_name"]
        .map(|field| format!("{signing}.{field}"));
    let first = format!("{OPTIONS}.http_filters[0]");
    let name = "            service_name: bedrock\n";
    let filters = "        http_filters:\n";
    let early = format!("{filters}{}", key("bedrock"));
    expect_all(&[
        (
            "bedrock",
            name,
            "            service_name: bedrock\n            use_unsigned_payload: true\n",
            Warning,
            &payload,
            "leaves the body out",
        ),
        (
            "bedrock",
            "region: us-east-1",
            "region: us-west-2",
            Warning,
            &region,
            "\"bedrock-runtime.us-east-1.amazonaws.com\"",
        ),
        (
            "bedrock",
            "            region: us-east-1\n",
            "",
            Nothing,
            "",
            "",
        ),
        (
            "bedrock",
            "region: us-east-1",
            "region: \"us-*\"",
            Nothing,
            "",
            "",
        ),
        (
            "bedrock",
            "service_name: bedrock",
            "service_name: bedrock-runtime",
            Warning,
            &service,
            "should be bedrock",
        ),
        (
            "bedrock",
            filters,
            &early,
            Error,
            &first,
            "must stand after Tollgate's filter",
        ),
    ]);
}

#[test]
fn tokens_of_googles_accounts() {
    use Told::{Error, Nothing};
    let tokens = "        - name: gcp\n          typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.gcp_authn.v3.GcpAuthnFilterConfig }\n";
    let filters = "        http_filters:\n";
    let early = format!("{filters}{tokens}");
    let first = format!("{OPTIONS}.http_filters[0]");
    expect_all(&[
        ("gemini", key("gemini"), tokens, Nothing, "", ""),
        (
            "gemini",
            filters,
            &early,
            Error,
            &first,
            "must stand after Tollgate's filter",
        ),
    ]);
    let plain = with("gemini", key("gemini"), tokens).replacen(tls("gemini"), "", 1);
    let said = check("tokens", &plain);
    let told = |line: &String| line.contains("must be TLS") && line.contains("the key");
    assert!(said.len() == 1 && said.iter().all(told), "{said:#?}");
}

#[test]
fn paths_that_no_provider_has() {
    let gemini = "    authority: generativelanguage.googleapis.com\n";
    let based = |base: &str| {
        let indented =
            format!("                    {gemini}                        base_path: {base}\n");
        FILE.replacen(&format!("                    {gemini}"), &indented, 1)
    };
    assert_eq!(check("based", &based("/v1beta")), [OK]);
    assert_eq!(
        check("models", &based("/v1beta/models/")),
        [
            "warning: backends.gemini.base_path: should not end in /models: Tollgate adds that itself, so it would stand twice in the paths of calls",
            OK
        ]
    );
    let openai = FILE.replacen("base_path: /v1\n", "base_path: /v1/chat/completions\n", 1);
    let said = check("completions", &openai);
    assert!(
        said.iter().any(|line| line
            .starts_with("warning: backends.vllm.base_path: should not end in /completions")),
        "{said:#?}"
    );
    let id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(
        check("blank", &FILE.replacen(id, "Claude Sonnet 4.5", 1)),
        [
            "warning: models.smart.targets[3].model: has a blank, which no model's id has: its provider answers 404",
            OK
        ]
    );
    // In a body it may be any name.
    assert_eq!(
        check("body", &FILE.replacen("llama-3.1-8b", "Llama 3.1", 1)),
        [OK]
    );
}

#[test]
fn regression_clusters_of_priority_groups_are_there() {
    let said = check(
        "none",
        &FILE.replacen("- name: none\n", "- name: other\n", 1),
    );
    let path = ".priority_groups[0].clusters[0].cluster_name: no cluster \"none\" in static_resources.clusters";
    assert_eq!(said.len(), 1, "{said:#?}");
    let told = |line: &String| line.contains(path) && line.ends_with(": Envoy does not start");
    assert!(said.iter().all(told), "{said:#?}");
}

/// The YAML blocks of the page.
fn blocks() -> impl Iterator<Item = &'static str> {
    let blocks = PAGE.split("```yaml\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next())
}

fn indented(block: &str, spaces: usize) -> String {
    let lines = block.lines();
    let lines = lines.map(|line| format!("{:spaces$}{line}\n", ""));
    lines.collect()
}

#[test]
fn the_page_quotes_the_file() {
    let mut count = 0;
    for block in blocks() {
        let quoted = (0..=24).any(|spaces| FILE.contains(&indented(block, spaces)));
        assert!(quoted, "not in envoy/providers.yaml:\n{block}");
        count += 1;
    }
    assert!(count >= 6, "{count}");
}
