use super::*;
use crate::json::tests::{Tape, arb_tape, cases, render};
use proptest::prelude::*;
use std::rc::Rc;

/// A document that uses everything.
const GOOD: &str = r#"{
  "namespace": "prod",
  "backends": {
    "openai": {"cluster": "openai-cluster", "api": "openai", "base_path": "/v1/", "authority": "api.openai.com:443"},
    "local": {"cluster": "vllm", "api": "openai", "base_path": ""},
    "plain": {"cluster": "plain", "api": "openai"}
  },
  "models": {
    "smart": {"targets": [{"backend": "openai", "model": "gpt"}, {"backend": "local", "model": "llama"}]},
    "meta/light": {"targets": [{"backend": "local", "model": "llama"}]}
  },
  "tenants": {
    "acme": {
      "tier": "premium",
      "models": ["smart", "meta/light"],
      "keys": [
        {"sha256": "1111111111111111111111111111111111111111111111111111111111111111", "label": "ci", "user": "ann", "expires": "2027-01-31", "role": "admin"},
        {"sha256": "2222222222222222222222222222222222222222222222222222222222222222"}
      ],
      "jwt": ["Acme Inc."],
      "spiffe": ["spiffe://mesh/ns/acme/*", "spiffe://mesh/ns/x/sa/acme"]
    },
    "blue": {"models": ["meta/light"], "keys": [{"sha256": "3333333333333333333333333333333333333333333333333333333333333333"}]}
  },
  "identity": {
    "placeholder_keys": ["EMPTY"],
    "jwt": {"payload_in_metadata": "jwt", "tenant": "org.name", "user": "email"},
    "hops": [
      {"from": {"spiffe": "spiffe://mesh/ns/portal/*"}, "tenant": "X-Tenant", "user": "X-User"},
      {"from": {"filter_chain": "inner"}, "tenant": "x-org"}
    ]
  },
  "limits": {"body": "20MiB", "held_per_tenant": "64 MiB"},
  "other_paths": {"pass": "plain"}
}"#;

/// [`GOOD`] with some text replaced.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

/// Errors, then warnings, one line each.
fn told(text: &str) -> String {
    let tree = Tree::from_json(text.as_bytes()).unwrap();
    let (policy, warnings) = from_tree(&tree);
    let errors = policy
        .err()
        .map_or_else(String::new, |errors| errors.to_string());
    errors + &warnings.to_string()
}

#[test]
fn a_document_that_uses_everything() {
    assert_eq!(told(GOOD), "");
    let policy = from_plugin_bytes(GOOD.as_bytes()).unwrap();
    assert_eq!(policy.namespace.as_deref(), Some("prod"));
    let backends: Vec<_> = policy
        .backends
        .iter()
        .map(|b| {
            (
                b.name.as_str(),
                b.cluster.as_str(),
                b.base_path.as_str(),
                b.authority.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        backends,
        [
            (
                "openai",
                "openai-cluster",
                "/v1",
                Some("api.openai.com:443")
            ),
            ("local", "vllm", "", None),
            ("plain", "plain", "/v1", None),
        ]
    );
    let smart = &policy.models["smart"];
    assert_eq!(
        (
            smart.first().unwrap().backend.name.as_str(),
            smart.first().unwrap().model.as_str()
        ),
        ("openai", "gpt")
    );
    let acme = &policy.tenants["acme"];
    let models: Vec<_> = acme
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    assert_eq!(
        (acme.tier.as_str(), models),
        ("premium", vec!["smart", "meta/light"])
    );
    assert_eq!(policy.tenants["blue"].tier, "default");
    let key = policy.identity.keys.find(&[0x11; 32]).unwrap();
    assert_eq!(
        (key.label.as_deref(), key.user.as_deref()),
        (Some("ci"), Some("ann"))
    );
    assert_eq!(
        key.expires.unwrap().unix_seconds,
        1_801_440_000,
        "a day is good to its end"
    );
    assert_eq!((key.role, key.tenant.name.as_str()), (Role::Admin, "acme"));
    let key = policy.identity.keys.find(&[0x33; 32]).unwrap();
    assert_eq!((key.role, key.tenant.name.as_str()), (Role::User, "blue"));
    assert!(policy.identity.keys.find(&[0x44; 32]).is_none());
    assert_eq!(policy.identity.keys.iter().count(), 3);
    let jwt = policy.identity.jwt.as_ref().unwrap();
    assert_eq!(
        (&jwt.tenant_claim, &jwt.user_claim),
        (&vec!["org".into(), "name".into()], &vec!["email".into()])
    );
    assert_eq!(jwt.tenants["Acme Inc."].name, "acme");
    assert!(
        !jwt.tenants.contains_key("blue"),
        "a name is no claim value"
    );
    for (header, is) in [
        ("x-tenant", true),
        ("x-user", true),
        ("x-org", true),
        ("x-other", false),
    ] {
        assert_eq!(policy.identity.is_hop_header(header), is, "{header}");
    }
    assert_eq!(
        policy.limits,
        Limits {
            body: 20 << 20,
            held_per_tenant: 64 << 20
        }
    );
    let OtherPaths::Pass(backend) = &policy.other_paths else {
        panic!()
    };
    assert_eq!(backend.name, "plain");
}

#[test]
fn what_is_not_said_has_its_default() {
    let text = r#"{
      "backends": {"b": {"cluster": "c", "api": "openai", "authority": null}},
      "models": {"m": {"targets": [{"backend": "b", "model": "x"}]}},
      "tenants": {"t": {"models": ["m"], "spiffe": ["spiffe://mesh/t"], "keys": null}},
      "limits": {}, "identity": null, "other_paths": "refuse"
    }"#;
    assert_eq!(told(text), "");
    let policy = from_plugin_bytes(text.as_bytes()).unwrap();
    assert_eq!((policy.namespace, policy.limits), (None, Limits::default()));
    assert_eq!(policy.other_paths, OtherPaths::Refuse);
}

#[test]
fn every_problem_is_told_with_its_path() {
    const NO_MAP: &str = "must be a map, not a list\n";
    const BAD_HASH: &str =
        "tenants.acme.keys[1].sha256: must be the SHA-256 of the key as 64 hexadecimal digits\n";
    const BAD_SPIFFE: &str =
        "must be a SPIFFE id (spiffe://domain/path), or one that ends in /* for all below it\n";
    const NAME: &str = "a name has 1 to 128 letters, digits and . _ - : @ +\n";
    const TWOS: &str = r#""2222222222222222222222222222222222222222222222222222222222222222""#;
    let table = [
        // Types and missing fields
        (r#""prod""#, "7", "namespace: must be a string, not a number\n".to_owned()),
        (r#""prod""#, r#""""#, "namespace: must not be empty\n".to_owned()),
        (r#""prod""#, r#""a b""#, format!("namespace: {NAME}")),
        (r#"{"cluster": "vllm", "api": "openai", "base_path": ""}"#, "[]", format!("backends.local: {NO_MAP}")),
        (r#""cluster": "vllm", "#, "", "backends.local.cluster: is missing\n".to_owned()),
        (r#""cluster": "vllm""#, r#""cluster": null"#, "backends.local.cluster: is missing\n".to_owned()),
        (r#""vllm", "api": "openai""#, r#""vllm", "api": "opnai""#,
            "backends.local.api: \"opnai\" is none of: openai, anthropic, gemini, bedrock (did you mean \"openai\"?)\n".to_owned()),
        (r#""base_path": "/v1/""#, r#""base_path": "v1""#,
            "backends.openai.base_path: must be empty or a path such as /v1\n".to_owned()),
        (r#""base_path": "/v1/""#, r#""base_path": "/v1?a""#,
            "backends.openai.base_path: must be empty or a path such as /v1\n".to_owned()),
        (r#""base_path": "/v1/""#, r#""base_path": true"#,
            "backends.openai.base_path: must be a path such as /v1, not a boolean\n".to_owned()),
        (r#""api.openai.com:443""#, r#""https://api.openai.com""#,
            "backends.openai.authority: must be a host, with a port if need be\n".to_owned()),
        (r#"[{"backend": "local", "model": "llama"}]"#, "{}",
            "models.\"meta/light\".targets: must be a list, not a map\n".to_owned()),
        (r#"[{"backend": "local", "model": "llama"}]"#, "[]",
            "models.\"meta/light\".targets: must not be an empty list\n".to_owned()),
        (r#"[{"backend": "local", "model": "llama"}]"#, r#"["local"]"#,
            "models.\"meta/light\".targets[0]: must be a map, not a string\n".to_owned()),
        (r#""gpt""#, r#""""#, "models.smart.targets[0].model: must not be empty\n".to_owned()),
        (r#""tier": "premium""#, r#""tier": "very premium""#, format!("tenants.acme.tier: {NAME}")),
        (r#""models": ["smart", "meta/light"],"#, "", "tenants.acme.models: is missing\n".to_owned()),
        (r#"["smart", "meta/light"]"#, "[]", "tenants.acme.models: must not be an empty list\n".to_owned()),
        (r#"["smart", "meta/light"]"#, r#""smart""#,
            "tenants.acme.models: must be a list, not a string\n".to_owned()),
        (r#"["smart", "meta/light"]"#, r#"["smart", 1, ""]"#,
            "tenants.acme.models[1]: must be a string, not a number\ntenants.acme.models[2]: must not be empty\n".to_owned()),
        (TWOS, r#""2222""#, BAD_HASH.to_owned()),
        (TWOS, r#""sk-proj-a-real-key""#, BAD_HASH.to_owned()),
        (TWOS, "2222", "tenants.acme.keys[1].sha256: must be a string, not a number\n".to_owned()),
        (r#""2027-01-31""#, r#""31.1.2027""#,
            "tenants.acme.keys[0].expires: \"31.1.2027\" is no date; write 2027-01-31 or 2027-01-31T18:00:00Z\n".to_owned()),
        (r#""role": "admin""#, r#""role": "admn""#,
            "tenants.acme.keys[0].role: \"admn\" is none of: user, admin (did you mean \"admin\"?)\n".to_owned()),
        (r#""spiffe://mesh/ns/acme/*""#, r#""spiffe://mesh/ns/acme*""#, format!("tenants.acme.spiffe[0]: {BAD_SPIFFE}")),
        (r#""spiffe://mesh/ns/acme/*""#, r#""spiffe:///acme""#, format!("tenants.acme.spiffe[0]: {BAD_SPIFFE}")),
        (r#""spiffe://mesh/ns/acme/*""#, r#""*""#, format!("tenants.acme.spiffe[0]: {BAD_SPIFFE}")),
        (r#""spiffe://mesh/ns/acme/*""#, r#""spiffe://*/acme""#, format!("tenants.acme.spiffe[0]: {BAD_SPIFFE}")),
        (r#""spiffe://mesh/ns/acme/*""#, r#""spiffe://mesh""#, format!("tenants.acme.spiffe[0]: {BAD_SPIFFE}")),
        (r#"["EMPTY"]"#, "[]", "identity.placeholder_keys: must not be an empty list\n".to_owned()),
        (r#"{"filter_chain": "inner"}"#, "{}",
            "identity.hops[1].from: must have either spiffe or filter_chain\n".to_owned()),
        (r#"{"filter_chain": "inner"}"#, r#"{"filter_chain": "inner", "spiffe": "spiffe://a/b"}"#,
            "identity.hops[1].from: must have either spiffe or filter_chain\n".to_owned()),
        (r#""x-org""#, r#""x org""#, "identity.hops[1].tenant: is no header name\n".to_owned()),
        (r#""20MiB""#, r#""20 miles""#,
            "limits.body: \"20 miles\" is no size; write 20MiB, 64KiB or a number of bytes\n".to_owned()),
        (r#""20MiB""#, "true", "limits.body: must be a size such as 20MiB, not a boolean\n".to_owned()),
        (r#""20MiB""#, "0", "limits.body: must be between 1 byte and 256MiB\n".to_owned()),
        (r#""20MiB""#, "1.5", "limits.body: \"1.5\" is no size; write 20MiB, 64KiB or a number of bytes\n".to_owned()),
        (r#""64 MiB""#, r#""1MiB""#,
            "limits.held_per_tenant: limits.held_per_tenant must not be smaller than limits.body\n".to_owned()),
        (r#"{"pass": "plain"}"#, r#""pass""#,
            "other_paths: must be refuse, or pass: with the name of a backend, not a string\n".to_owned()),
        (r#"{"pass": "plain"}"#, r#"{"pas": "plain"}"#,
            "other_paths.pass: is missing\nother_paths.pas: unknown field (did you mean \"pass\"?)\n".to_owned()),
        // Unknown fields
        (r#""tier""#, r#""teir""#, "tenants.acme.teir: unknown field (did you mean \"tier\"?)\n".to_owned()),
        (r#""label""#, r#""colour""#, "tenants.acme.keys[0].colour: unknown field\n".to_owned()),
        (r#""other_paths": {"#, r#""Namespace": 1, "other_paths": {"#,
            "Namespace: unknown field (did you mean \"namespace\"?)\n".to_owned()),
        (r#""authority""#, r#""a b\n""#, "backends.openai.\"a b\\n\": unknown field\n".to_owned()),
        // Names
        (r#""blue""#, r#""bl ue""#, format!("tenants.\"bl ue\": {NAME}")),
        (r#""blue""#, r#""""#, format!("tenants.\"\": {NAME}")),
        (r#""plain": {"#, r#""a/b": {"cluster": "x", "api": "openai"}, "plain": {"#,
            format!("backends.\"a/b\": {NAME}")),
        (r#""smart": {"#, r#""a b": {"targets": [{"backend": "local", "model": "x"}]}, "smart": {"#,
            "models.\"a b\": a model's name has 1 to 128 letters, digits and . _ - : @ + /\n".to_owned()),
        // Names of nothing
        (r#""smart", "meta/light""#, r#""meta/light", "smrt""#,
            "tenants.acme.models[1]: no model \"smrt\" (did you mean \"smart\"?)\n".to_owned()),
        (r#""smart", "meta/light""#, r#""gpt-5""#, "tenants.acme.models[0]: no model \"gpt-5\"\n".to_owned()),
        (r#"{"backend": "openai", "model": "gpt"}"#, r#"{"backend": "openia", "model": "gpt"}"#,
            "models.smart.targets[0].backend: no backend \"openia\" (did you mean \"openai\"?)\n".to_owned()),
        (r#"{"pass": "plain"}"#, r#"{"pass": "plane"}"#,
            "other_paths.pass: no backend \"plane\" (did you mean \"plain\"?)\n".to_owned()),
        // Twice the same
        (r#""cluster": "vllm""#, r#""cluster": "a", "cluster": "vllm""#,
            "backends.local.cluster: the key stands twice\n".to_owned()),
        (r#""cluster": "vllm""#, r#""clust\u0065r": "a", "cluster": "vllm""#,
            "backends.local.cluster: the key stands twice\n".to_owned()),
        (r#""plain": {"#, r#""local": {"cluster": "x", "api": "openai"}, "plain": {"#,
            "backends.local: the key stands twice\n".to_owned()),
        (r#""smart", "meta/light""#, r#""smart", "smart""#, "tenants.acme.models[1]: \"smart\" stands twice\n".to_owned()),
        (TWOS, r#""1111111111111111111111111111111111111111111111111111111111111111""#,
            "tenants.acme.keys[1].sha256: the same key is listed before, for tenant \"acme\"\n".to_owned()),
        (r#""3333333333333333333333333333333333333333333333333333333333333333""#,
            r#""1111111111111111111111111111111111111111111111111111111111111111""#,
            "tenants.blue.keys[0].sha256: the same key is listed before, for tenant \"acme\"\n".to_owned()),
        (r#""blue": {"#, r#""blue": {"spiffe": ["spiffe://mesh/ns/acme/*"], "#,
            "tenants.blue.spiffe[0]: the same id is listed before, for tenant \"acme\"\n".to_owned()),
        (r#""blue": {"#, r#""blue": {"jwt": ["Acme Inc."], "#,
            "tenants.blue.jwt[0]: the same claim value is listed before, for tenant \"acme\"\n".to_owned()),
        (r#""jwt": {"payload_in_metadata": "jwt", "tenant": "org.name", "user": "email"},"#, "",
            "tenants.acme.jwt[0]: needs identity.jwt, which says where claims are\n".to_owned()),
    ];
    for (old, new, wanted) in table {
        assert_eq!(told(&with(old, new)), wanted, "{old} -> {new}");
    }
}

#[test]
fn the_document_itself_may_be_wrong() {
    for (text, wanted) in [
        ("[]", "must be a map, not a list\n"),
        ("null", "must be a map, not nothing\n"),
        (
            "{}",
            "backends: is missing\nmodels: is missing\ntenants: is missing\n",
        ),
        (
            r#"{"backends": {}, "models": [], "tenants": null}"#,
            "backends: must not be empty\nmodels: must be a map, not a list\ntenants: is missing\n",
        ),
    ] {
        assert_eq!(told(text), wanted, "{text}");
    }
}

#[test]
fn all_problems_come_in_one_report() {
    let text = r#"{
      "backends": {"openai": {"cluster": "", "api": "opena"}, "local": {"cluster": "c", "api": "openai", "timeout": 1}},
      "models": {"smart": {"targets": [{"backend": "openai", "model": "gpt"}]}, "light": {"targets": [{"backend": "locl", "model": "x"}]}},
      "tenants": {"acme": {"models": ["light", "smrt"], "keys": [{"sha256": "x"}]}, "blue": {"models": ["smart"]}},
      "limits": {"body": "1GiB"},
      "caches": {}
    }"#;
    assert_eq!(
        told(text),
        "backends.openai.cluster: must not be empty\n\
         backends.openai.api: \"opena\" is none of: openai, anthropic, gemini, bedrock (did you mean \"openai\"?)\n\
         backends.local.timeout: unknown field\n\
         tenants.acme.keys[0].sha256: must be the SHA-256 of the key as 64 hexadecimal digits\n\
         caches: unknown field (did you mean \"cache\"?)\n\
         limits.body: must be between 1 byte and 256MiB\n\
         limits.body: limits.held_per_tenant must not be smaller than limits.body\n\
         models.light.targets[0].backend: no backend \"locl\" (did you mean \"local\"?)\n\
         tenants.acme.models[1]: no model \"smrt\" (did you mean \"smart\"?)\n\
         warning: tenants.blue: nobody can be this tenant: it has no keys, jwt or spiffe\n"
    );
}

#[test]
fn a_broken_entry_leaves_no_dangling_names_behind() {
    let text = with(r#""cluster": "openai-cluster", "#, "");
    assert_eq!(told(&text), "backends.openai.cluster: is missing\n");
    let text = with(r#""model": "gpt""#, r#""model": 1"#);
    assert_eq!(
        told(&text),
        "models.smart.targets[0].model: must be a string, not a number\n"
    );
}

#[test]
fn a_warning_does_not_stop_a_start() {
    let text = r#"{
      "backends": {"b": {"cluster": "c", "api": "openai"}},
      "models": {"m": {"targets": [{"backend": "b", "model": "x"}]}},
      "tenants": {"t": {"models": ["m"]}}
    }"#;
    let warning = "warning: tenants.t: nobody can be this tenant: it has no keys, jwt or spiffe\n";
    assert_eq!(told(text), warning);
    assert!(from_plugin_bytes(text.as_bytes()).is_ok());
}

#[test]
fn numbers_may_be_strings() {
    for (body, bytes) in [
        ("1048576", 1 << 20),
        (r#""1048576""#, 1 << 20),
        ("1048576.0", 1 << 20),
        (r#""1MiB""#, 1 << 20),
        (r#""1 MB""#, 1_000_000),
    ] {
        let policy = from_plugin_bytes(with(r#""20MiB""#, body).as_bytes()).unwrap();
        assert_eq!(policy.limits.body, bytes, "{body}");
    }
}

#[test]
fn secrets_are_never_told() {
    for (old, new) in [
        (
            r#""2222222222222222222222222222222222222222222222222222222222222222""#,
            r#""SECRET""#,
        ),
        (
            r#""2222222222222222222222222222222222222222222222222222222222222222""#,
            r#"["SECRET"]"#,
        ),
        (r#"["EMPTY"]"#, r#"["SECRET", 1]"#),
        (r#"["EMPTY"]"#, r#"{"x": "SECRET"}"#),
        (r#""ann""#, r#"["SECRET"]"#),
        (r#""keys": ["#, r#""keys": ["SECRET", "#),
    ] {
        let report = told(&with(old, new));
        assert!(!report.is_empty(), "{old} -> {new}");
        assert!(!report.contains("SECRET"), "{report}");
    }
    let twice = with(&"2".repeat(64), &"1".repeat(64));
    assert!(!told(&twice).contains("1111"));
    for cut in 0..GOOD.len() {
        let report = from_plugin_bytes(&GOOD.as_bytes()[..cut])
            .unwrap_err()
            .to_string();
        assert!(
            report.starts_with("not JSON: ") && !report.contains("1111"),
            "{report}"
        );
    }
    let policy = from_plugin_bytes(GOOD.as_bytes()).unwrap();
    let shown = format!("{policy:?}");
    assert!(
        !shown.contains("17, 17, 17") && !shown.contains("1111"),
        "{shown}"
    );
}

// As Envoy hands it over

/// `tree` as a `google.protobuf.Value` (`number`: how numbers travel).
fn value_bytes(tree: &Tree) -> Vec<u8> {
    match tree {
        Tree::Null => vec![8, 0],
        Tree::Bool(flag) => vec![4 << 3, u8::from(*flag)],
        Tree::Number(text) => {
            let raw = text.parse::<f64>().unwrap().to_le_bytes();
            [vec![2 << 3 | 1], raw.to_vec()].concat()
        }
        Tree::String(text) => chunk(3, text.as_bytes()),
        Tree::List(list) => {
            let list: Vec<_> = list
                .iter()
                .flat_map(|v| chunk(1, &value_bytes(v)))
                .collect();
            chunk(6, &list)
        }
        Tree::Map(_) => chunk(5, &struct_bytes(tree)),
    }
}

fn struct_bytes(tree: &Tree) -> Vec<u8> {
    let entry = |(key, value): &(String, Tree)| {
        let inner = [chunk(1, key.as_bytes()), chunk(2, &value_bytes(value))].concat();
        chunk(1, &inner)
    };
    tree.as_map().unwrap().iter().flat_map(entry).collect()
}

fn chunk(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag << 3 | 2];
    let mut length = content.len();
    while length >= 128 {
        out.push((length & 127 | 128) as u8);
        length >>= 7;
    }
    out.push(length as u8);
    [out.as_slice(), content].concat()
}

#[test]
fn a_struct_and_json_give_the_same_policy() {
    let tree = Tree::from_json(with(r#""20MiB""#, "20971520").as_bytes()).unwrap();
    let policy = from_plugin_bytes(&struct_bytes(&tree)).unwrap();
    let json = from_plugin_bytes(GOOD.as_bytes()).unwrap();
    assert_eq!(policy.tenants, json.tenants);
    assert_eq!(policy.models, json.models);
    assert_eq!(policy.limits, json.limits);
    assert_eq!(policy.other_paths, json.other_paths);
    assert_eq!(policy.identity.keys.iter().count(), 3);

    let tree = Tree::from_json(with(r#""smart", "meta"#, r#""smrt", "meta"#).as_bytes()).unwrap();
    let report = from_plugin_bytes(&struct_bytes(&tree))
        .unwrap_err()
        .to_string();
    assert_eq!(
        report,
        "tenants.acme.models[0]: no model \"smrt\" (did you mean \"smart\"?)\n"
    );
}

#[test]
fn white_space_in_front_of_json_is_no_struct() {
    for space in [
        "\n",
        "\n\n",
        "\n\t",
        "\r\n",
        "\n\r\n ",
        "  \n\n\n\n\n\n\n\n\n\n\n\n",
        "\n          ",
    ] {
        let text = format!("{space}{GOOD}{space}");
        assert!(from_plugin_bytes(text.as_bytes()).is_ok(), "{space:?}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = from_plugin_bytes(&bytes);
        let _ = from_plugin_bytes(&chunk(1, &[chunk(1, b"backends"), chunk(2, &bytes)].concat()));
    }

    #[test]
    fn a_wounded_struct_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let tree = Tree::from_json(GOOD.as_bytes()).unwrap();
        let mut bytes = struct_bytes(&tree);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = from_plugin_bytes(&bytes);
        let _ = from_plugin_bytes(&bytes[..at]);
    }

    #[test]
    fn how_the_json_is_written_does_not_matter(tape in arb_tape()) {
        let value = serde_json::from_str(GOOD).unwrap();
        prop_assert_eq!(told(&render(&value, &mut Tape::new(tape), false)), "");
    }

    #[test]
    fn a_value_of_any_other_type_is_told_and_never_panics(
        at in any::<prop::sample::Index>(),
        with in proptest::sample::select(vec!["null", "true", "7", "\"~\"", "[[]]", "{\"~\": 1}"]),
    ) {
        // Puts the value in place of some other one.
        let places: Vec<_> = GOOD.match_indices(": ").map(|(place, _)| place + 2).collect();
        let place = places[at.index(places.len())];
        let mut rest = serde_json::Deserializer::from_str(&GOOD[place..]).into_iter::<Tree>();
        rest.next().unwrap().unwrap();
        let end = place + rest.byte_offset();
        let text = format!("{}{with}{}", &GOOD[..place], &GOOD[end..]);
        let report = told(&text);
        for line in report.lines() {
            prop_assert!(line.contains(": "), "{}", line);
        }
    }
}

mod background;
mod cache;
mod guardrails;
mod limits;
mod requests;
mod room;
mod routing;
mod stored;
mod workflows;

#[test]
fn global_limits() {
    let of = |limits: &str| {
        let text = with(
            r#""other_paths""#,
            &format!(r#""global_limits": {limits}, "other_paths""#),
        );
        let policy = from_plugin_bytes(text.as_bytes());
        policy
            .map(|policy| policy.global_limits)
            .map_err(|problems| problems.to_string())
    };
    let estimate = |refund_refused| Ok(Some(GlobalCharge::Estimate { refund_refused }));
    for (limits, wanted) in [
        ("null", Ok(None)),
        ("{}", Ok(Some(GlobalCharge::Actual))),
        (r#"{"charge": "actual"}"#, Ok(Some(GlobalCharge::Actual))),
        (r#"{"charge": "estimate"}"#, estimate(false)),
        (
            r#"{"charge": "estimate", "refund_refused": true}"#,
            estimate(true),
        ),
    ] {
        assert_eq!(of(limits), wanted, "{limits}");
    }
    for (limits, problem) in [
        ("true", "global_limits: must be a map"),
        (
            r#"{"charge": "estimated"}"#,
            "global_limits.charge: \"estimated\" is none of: actual, estimate",
        ),
        (
            r#"{"charge": "estimate", "refund_refused": "yes"}"#,
            "global_limits.refund_refused: must be true or false",
        ),
        (
            r#"{"refund_refused": true}"#,
            "global_limits.refund_refused: needs charge: estimate",
        ),
        (r#"{"unit": "tokens"}"#, "global_limits.unit: unknown field"),
    ] {
        let told = of(limits).unwrap_err();
        assert!(told.starts_with(problem), "{told}");
    }
}
