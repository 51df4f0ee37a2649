/*! What operators see: the decision record, metrics, and what must never be in them. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Stand, eventually, run};

fn call(stream: bool) -> Value {
    json!({"model": "smart", "stream": stream, "messages": [{"role": "user", "content": "a secret prompt"}]})
}

#[test]
fn one_record_tells_the_whole_call() {
    run(async {
        let stand = Stand::shared().await;
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens_details": {"reasoning_tokens": 5}});
        let ask = Ask::chat(&call(true)).mock(&json!({"usage": usage, "delay_ms": 50}));
        stand.send(&ask).await;
        let line = stand.envoy.record(&ask.id).await;
        assert_eq!(
            (&line["status"], &line["details"]),
            (&json!(200), &json!("via_upstream"))
        );
        let mut record = line["tollgate"].clone();
        let took = |field: &str| record[field].as_u64().unwrap();
        assert!(took("time_to_first_token_ms") >= 50);
        assert!(took("duration_ms") >= took("time_to_first_token_ms"));
        let fields = record.as_object_mut().unwrap();
        fields.remove("time_to_first_token_ms");
        fields.remove("duration_ms");
        let wanted = json!({"request_id": ask.id, "tenant": "acme", "tier": "premium", "user": "",
            "via": "key", "key_label": "demo", "operation": "chat", "model": "smart",
            "backend": "mock", "target_model": "gpt-5.1", "attempts": 1, "stream": true,
            "status": 200, "outcome": "ok", "input_tokens": 100, "output_tokens": 20, "cached_tokens": 40,
            "reasoning_tokens": 5, "usage": "reported"});
        assert_eq!(record, wanted);
    });
}

#[test]
fn metrics_have_labels_and_otel_names() {
    run(async {
        let stand = Stand::start(Config::gateway()).await;
        stand.send(&Ask::chat(&call(true))).await;
        stand.send(&Ask::chat(&call(false)).key("wrong")).await;
        stand
            .send(&Ask::chat_bytes(
                r#"{"model":"made-up-by-a-client","messages":[{"role":"user"}]}"#,
            ))
            .await;
        let labels = r#"tenant="acme",gen_ai_request_model="smart""#;
        for wanted in [
            format!(r#"tollgate_calls_total{{{labels},gen_ai_provider_name="mock",outcome="ok"}} 1"#),
            r#"tollgate_calls_total{tenant="other",gen_ai_request_model="other",gen_ai_provider_name="other",outcome="invalid_api_key"} 1"#.to_owned(),
            format!(r#"tollgate_tokens_total{{{labels},gen_ai_token_type="output"}} 5"#),
            format!(r#"gen_ai_client_token_usage_count{{{labels},gen_ai_token_type="output"}} 1"#),
            format!(r#"gen_ai_server_request_duration_ms_count{{{labels},gen_ai_provider_name="mock"}} 1"#),
            format!(r#"gen_ai_server_time_to_first_token_ms_count{{{labels},gen_ai_provider_name="mock"}} 1"#),
        ] {
            // Envoy merges histograms every five seconds.
            eventually(&wanted, 15, async || {
                let page = stand.envoy.admin("/stats/prometheus").await;
                page.contains(&wanted).then_some(())
            })
            .await;
        }
        let page = stand.envoy.admin("/stats/prometheus").await;
        assert!(
            !page.contains("made-up-by-a-client"),
            "labels come from the policy only"
        );
    });
}

#[test]
fn no_prompt_answer_or_key_is_in_any_log_or_metric() {
    run(async {
        let stand = Stand::start(Config::gateway()).await;
        let script = json!({"text": "a secret answer"});
        for ask in [
            Ask::chat(&call(false)).mock(&script),
            Ask::chat(&call(true)).mock(&script),
            Ask::chat_bytes(call(false).to_string().replace('}', "")),
            Ask::chat(&call(false)).key("a-secret-key"),
        ] {
            stand.send(&ask).await;
            stand.record(&ask).await;
        }
        let records: Vec<String> = stand.envoy.records().iter().map(Value::to_string).collect();
        let seen = [
            records.concat(),
            stand.envoy.log(),
            stand.envoy.admin("/stats").await,
        ]
        .concat();
        for secret in [
            "secret prompt",
            "secret answer",
            "a-secret-key",
            "demo-acme-key",
        ] {
            assert!(!seen.contains(secret), "{secret}");
        }
    });
}
