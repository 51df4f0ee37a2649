/*! Envoy configurations: the shipped files, with ports and policies exchanged. */

use serde_json::{Value, json};
use std::path::PathBuf;

/// An Envoy configuration in YAML.
#[derive(Debug, Clone)]
pub struct Config(pub String);

/// How a policy is written into an Envoy file.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// As plain YAML (`google.protobuf.Struct`).
    Struct,
    /// As JSON text in a `StringValue`.
    Json,
}

/// A path in the repository.
pub fn repo(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}

impl Config {
    /// A file of `envoy/`.
    pub fn shipped(name: &str) -> Self {
        let path = repo("envoy").join(name);
        Self(std::fs::read_to_string(&path).expect("a shipped configuration"))
    }

    /// `envoy/gateway.yaml`, with one provider; see [`crate::Stand`].
    pub fn gateway() -> Self {
        Self::shipped("gateway.yaml")
    }

    /// `envoy/fallback.yaml`, what `make run` starts, with two providers; see [`crate::Fleet`].
    pub fn fallback() -> Self {
        Self::shipped("fallback.yaml")
    }

    /// Replaces a piece of text that must be there.
    #[must_use]
    pub fn replace(self, from: &str, to: &str) -> Self {
        assert!(self.0.contains(from), "the configuration has no {from:?}");
        Self(self.0.replace(from, to))
    }

    /// Writes `policy` in place of the shipped one.
    #[must_use]
    pub fn policy(self, policy: &Value, form: Form) -> Self {
        let configuration = match form {
            Form::Struct => json!({
                "@type": "type.googleapis.com/google.protobuf.Struct", "value": policy,
            }),
            Form::Json => json!({
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": policy.to_string(),
            }),
        };
        let (before, rest) = self
            .0
            .split_once("                configuration:\n")
            .expect("a configuration");
        let (_, after) = rest
            .split_once("\n          - name: ")
            .expect("a filter after it");
        Self(format!(
            "{before}                configuration: {configuration}\n          - name: {after}"
        ))
    }

    /// Lets every provider cluster speak HTTP/2.
    #[must_use]
    pub fn http2_provider(self) -> Self {
        self.replace(
            "    connect_timeout: 5s\n",
            "    connect_timeout: 5s\n    typed_extension_protocol_options:\n      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n        explicit_http_config: { http2_protocol_options: {} }\n",
        )
    }
}

/// The policy of the demo, to be changed by tests.
pub fn demo_policy() -> Value {
    json!({
        "backends": { "mock": { "cluster": "provider", "api": "openai", "authority": "mock.provider" } },
        "models": {
            "smart": { "targets": [ { "backend": "mock", "model": "gpt-5.1" } ] },
            "light": { "targets": [ { "backend": "mock", "model": "gpt-5.1-mini" } ] },
        },
        "tenants": demo_tenants(),
    })
}

/// A policy for `envoy/fallback.yaml`, to be changed by tests: `smart` tries OpenAI first,
/// `light` Anthropic. Nothing is cooled for long enough to change the order.
pub fn fleet_policy() -> Value {
    let openai = json!({ "backend": "openai", "model": "gpt-5.1" });
    let anthropic =
        json!({ "backend": "anthropic", "model": "claude-sonnet-4-5", "max_output": 64000 });
    json!({
        "backends": {
            "openai": { "cluster": "openai", "api": "openai", "authority": "openai.provider" },
            "anthropic": { "cluster": "anthropic", "api": "anthropic", "authority": "anthropic.provider" },
        },
        "models": {
            "smart": { "targets": [openai, anthropic] },
            "light": { "targets": [anthropic, openai] },
        },
        "tenants": demo_tenants(),
        "fallback": { "attempts": 3 },
        "cool_down": { "failures": 1000, "rate_limited": "1ms", "base": "1ms", "max": "1ms" },
    })
}

/// `policy` with short time limits, for tests whose mocks hang. No other test is to have them:
/// a busy machine keeps a mock that does its best waiting for longer. They are shorter than
/// the two seconds for which such tests let a stream idle.
pub fn hasty(mut policy: Value) -> Value {
    for (_, model) in policy["models"].as_object_mut().into_iter().flatten() {
        model["timeouts"] = json!({ "first_token": "1s", "whole": "1500ms", "total": "10s" });
    }
    policy
}

fn demo_tenants() -> Value {
    json!({
        "acme": {
            "tier": "premium",
            "models": ["smart", "light"],
            "keys": [
                { "sha256": sha256("demo-acme-key"), "label": "demo" },
                { "sha256": sha256("demo-admin-key"), "label": "admin", "role": "admin" },
            ],
        },
        "blue": {
            "models": ["light"],
            "keys": [ { "sha256": sha256("demo-blue-key") } ],
        },
    })
}

/// SHA-256 in hexadecimal of the keys that tests use.
fn sha256(key: &str) -> &'static str {
    match key {
        "demo-acme-key" => "a2fb8545fcd457204e9fee11be92013aa3240b1b146fe262ba608fdfc159041c",
        "demo-blue-key" => "229abf8cd76cfbb4914e1b17208567e5750a8792f1ccfaa03f7ada5d89049ddb",
        _ => "ac5bb3526d3be432ba19fb1fc0712d350c160bd2169cd24401c9fcaeaac2d860",
    }
}

/// `policy` with streams that end at the limit of tenant acme: what is reserved for an answer
/// at first, 8 tokens, is never added to, because it would be by 256. What a call has used
/// counts for a second.
pub fn stopping(mut policy: Value) -> Value {
    policy["tenants"]["acme"]["limits"] = json!([{ "output_tokens": 12, "per": "second" }]);
    policy["ledger"] = json!({
        "stop_at_limit": true,
        "default_output": { "tokens": 8, "soft": true },
    });
    policy
}
