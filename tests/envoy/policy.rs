/*! Policies in Envoy: every form, every problem at once, reloads. */

use serde_json::{Value, json};
use std::path::Path;
use tollgate_tests::{Ask, Config, Form, Stand, demo_policy, eventually, run, validate};

fn hello(model: &str) -> Ask {
    Ask::chat(&json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}))
}

#[test]
fn a_policy_may_be_a_struct_or_json_text() {
    run(async {
        for form in [Form::Struct, Form::Json] {
            let mut policy = demo_policy();
            // A number in each way that Envoy's YAML may hand it over.
            policy["limits"] = json!({"body": 1000, "held_per_tenant": "1048576"});
            let stand = Stand::start(Config::gateway().policy(&policy, form)).await;
            assert_eq!(stand.send(&hello("smart")).await.status, 200);
            let long = hello(&"x".repeat(1000));
            assert_eq!(stand.send(&long).await.status, 413);
        }
    });
}

fn broken_policy() -> Value {
    let mut policy = demo_policy();
    policy["backends"]["mock"]["clutser"] = json!("provider");
    policy["models"]["smart"]["targets"][0]["backend"] = json!("mok");
    policy["tenants"]["acme"]["models"][1] = json!("ligth");
    policy["tenants"]["blue"]["models"] = json!([]);
    policy["tenants"]["blue"]["keys"][0]["sha256"] = json!("demo-blue-key");
    policy["limits"] = json!({"body": "a lot"});
    policy
}

#[test]
fn a_bad_policy_stops_the_start_and_tells_every_problem() {
    for form in [Form::Struct, Form::Json] {
        let error = validate(&Config::gateway().policy(&broken_policy(), form)).unwrap_err();
        for problem in [
            "backends.mock.clutser: unknown field (did you mean \"cluster\"?)",
            "models.smart.targets[0].backend: no backend \"mok\" (did you mean \"mock\"?)",
            "tenants.acme.models[1]: no model \"ligth\" (did you mean \"light\"?)",
            "tenants.blue.models: must not be an empty list",
            "tenants.blue.keys[0].sha256: must be the SHA-256 of the key as 64 hexadecimal digits",
            "limits.body: \"a lot\" is no size",
        ] {
            assert!(error.contains(problem), "{problem} is not in: {error}");
        }
        assert!(
            !error.contains("demo-blue-key"),
            "a key was pasted in: it is not told"
        );
    }
}

#[test]
fn no_policy_at_all_stops_the_start() {
    let config = Config::gateway();
    let (before, rest) = config
        .0
        .split_once("                configuration:\n")
        .unwrap();
    let (_, after) = rest
        .split_once("          - name: envoy.filters.http.router")
        .unwrap();
    let none = Config(format!(
        "{before}          - name: envoy.filters.http.router{after}"
    ));
    assert!(validate(&none).is_err());
    let text = json!("not a policy");
    assert!(validate(&Config::gateway().policy(&text, Form::Json)).is_err());
}

/// Moves the filter's configuration into a file that Envoy watches.
pub(crate) fn discovered(config: Config, file: &Path) -> (Config, String) {
    let start = "          - name: tollgate\n            typed_config:\n";
    let (before, rest) = config.0.split_once(start).unwrap();
    let (filter, after) = rest
        .split_once("          - name: envoy.filters.http.router")
        .unwrap();
    let discovery = json!({
        "config_source": {"path_config_source": {"path": file}, "resource_api_version": "V3"},
        "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
    });
    // Discovery wants to know who asks.
    let config = format!(
        "node: {{ id: gateway, cluster: gateway }}\n{before}          - name: tollgate\n            config_discovery: {discovery}\n          - name: envoy.filters.http.router{after}"
    );
    let resource = format!(
        "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  name: tollgate\n  typed_config:\n{filter}"
    );
    (Config(config), resource)
}

/// Puts a file in place at once, as Envoy's watch demands.
pub(crate) fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    let wasm = tollgate_tests::env_path("TOLLGATE_WASM");
    std::fs::write(
        &new,
        text.replace("dist/tollgate.wasm", &wasm.display().to_string()),
    )
    .unwrap();
    std::fs::rename(new, path).unwrap();
}

#[test]
fn a_reload_takes_a_good_policy_and_keeps_the_old_one_for_a_bad_one() {
    run(async {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("tollgate.yaml");
        let with =
            |policy: &Value| discovered(Config::gateway().policy(policy, Form::Struct), &file);
        let (config, first) = with(&demo_policy());
        put(&file, &first);
        let stand = Stand::start(config).await;
        assert_eq!(stand.send(&hello("smart")).await.status, 200);
        assert_eq!(stand.send(&hello("extra")).await.status, 404);

        // A stream that is under way when the policy changes keeps its policy.
        let slow = json!({"model": "smart", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
        let slow = Ask::chat(&slow).mock(&json!({"piece": 100, "piece_delay_ms": 50}));
        let (asked, port) = (slow.clone(), stand.envoy.port());
        let running = tokio::spawn(async move { asked.send(port).await });
        eventually("the stream runs", 10, async || {
            (!stand.received(&slow).is_empty()).then_some(())
        })
        .await;

        let mut better = demo_policy();
        better["models"]["extra"] = better["models"]["light"].clone();
        better["tenants"]["acme"]["models"] = json!(["smart", "extra"]);
        put(&file, &with(&better).1);
        eventually("the new policy", 20, async || {
            (stand.send(&hello("extra")).await.status == 200).then_some(())
        })
        .await;
        let answer = running.await.unwrap();
        assert!(answer.complete && answer.text().ends_with("[DONE]\n\n"));

        put(&file, &with(&broken_policy()).1);
        eventually("the bad policy is refused", 20, async || {
            let stat = "extension_config_discovery.http_filter.tollgate.config_fail";
            let failed = stand.envoy.admin("/stats?filter=config_fail").await;
            let failed = failed
                .lines()
                .any(|line| line.contains(stat) && !line.ends_with(": 0"));
            failed.then_some(())
        })
        .await;
        assert_eq!(stand.send(&hello("extra")).await.status, 200);
        assert!(
            stand
                .envoy
                .log()
                .contains("tenants.acme.models[1]: no model")
        );
        // Totals outlive policies.
        let totals = stand.totals("smart").await;
        assert_eq!(totals["calls"], 2);
    });
}

#[test]
fn other_paths_pass_only_by_policy() {
    run(async {
        let mut policy = demo_policy();
        policy["other_paths"] = json!({"pass": "mock"});
        policy["backends"]["mock"]["base_path"] = json!("/api/v9");
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let ask = Ask::chat(&json!({"model": "any", "input": "x"}));
        let body = json!({"model": "any", "input": "x", "messages": []}).to_string();
        let ask = Ask::new("POST", "/v1/rerank?x=1")
            .key("demo-acme-key")
            .body(body.clone())
            .header("content-type", "application/json")
            .header("x-test", &ask.id);
        let (answer, received) = stand.pass(&ask).await;
        assert_eq!(answer.status, 200);
        assert_eq!(received.line, "POST /api/v9/rerank?x=1");
        assert_eq!(received.body, body);
        assert!(!received.headers.contains_key("authorization"));
        assert_eq!(stand.record(&ask).await["operation"], "other");
        let stranger = Ask::new("POST", "/v1/rerank").key("wrong");
        assert_eq!(stand.send(&stranger).await.status, 401);
        let climbing = Ask::new("GET", "/v1/%2e%2e/admin").key("demo-acme-key");
        assert_eq!(stand.send(&climbing).await.status, 404);
        // The chat path takes the base path too.
        let (_, received) = stand.pass(&hello("smart")).await;
        assert_eq!(received.line, "POST /api/v9/chat/completions");
    });
}
