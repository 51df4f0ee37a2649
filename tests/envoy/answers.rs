/*! What providers answer, and what callers see of it. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Protocol, Stand, run};

fn hello() -> Value {
    json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]})
}

fn scripted(script: &Value) -> Ask {
    Ask::chat(&hello()).mock(script)
}

#[test]
fn a_providers_refusal_of_our_key_is_ours_to_mend() {
    run(async {
        let stand = Stand::shared().await;
        for status in [401, 403] {
            let body = r#"{"error":{"message":"Incorrect API key provided: sk-proj-1234****abcd","code":"invalid_api_key"}}"#;
            let ask = scripted(&json!({"status": status, "body": body, "headers": {
                "openai-organization": "org-secret-company", "www-authenticate": "Bearer"}}));
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (502, "upstream_auth")
            );
            assert!(!answer.text().contains("sk-proj"));
            assert!(!format!("{:?}", answer.headers).contains("org-secret"));
            assert_eq!(answer.header("x-should-retry"), "false");
            let record = stand.record(&ask).await;
            assert_eq!(record["outcome"], "upstream_auth");
            assert_eq!(record["reason"], format!("provider_status_{status}"));
        }
    });
}

#[test]
fn account_headers_are_removed_from_every_answer() {
    run(async {
        let stand = Stand::shared().await;
        let ask = scripted(&json!({"headers": {
            "openai-organization": "org-x", "openai-project": "proj_x", "set-cookie": "__cf_bm=1",
            "x-ratelimit-remaining-tokens": "5", "x-envoy-upstream-service-time": "3",
            "x-tollgate-model": "forged", "openai-processing-ms": "12", "x-kept": "1"}}));
        let answer = stand.send(&ask).await;
        for name in [
            "openai-organization",
            "openai-project",
            "set-cookie",
            "x-ratelimit-remaining-tokens",
            "x-envoy-upstream-service-time",
        ] {
            assert_eq!(answer.header(name), "", "{name}");
        }
        assert_eq!(answer.header("x-tollgate-model"), "gpt-5.1");
        assert_eq!(
            (
                answer.header("openai-processing-ms"),
                answer.header("x-kept")
            ),
            ("12", "1")
        );
    });
}

#[test]
fn errors_pass_without_the_operators_account() {
    run(async {
        let stand = Stand::shared().await;
        let message = "Rate limit reached for gpt-5.1 in organization org-AbCdEf123456 on tokens";
        let body =
            json!({"error": {"message": message, "code": "rate_limit_exceeded"}}).to_string();
        for (piece, trailers) in [
            (None, json!({})),
            (Some(9), json!({})),
            (Some(9), json!({"x-t": "1"})),
        ] {
            let ask = scripted(&json!({"status": 429, "body": body, "piece": piece,
                "trailers": trailers, "headers": {"retry-after": "7"}}));
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let answer = stand.send(&ask.clone().over(protocol)).await;
                assert_eq!(answer.status, 429);
                assert_eq!(answer.header("retry-after"), "7");
                assert_eq!(answer.code(), "rate_limit_exceeded");
                let wanted = body.replace("AbCdEf123456", "************");
                assert_eq!(answer.text(), wanted);
            }
        }
    });
}

#[test]
fn errors_that_end_in_trailers_pass_without_the_operators_account() {
    run(async {
        let stand = Stand::of(Config::gateway().http2_provider()).await;
        let ask = scripted(
            &json!({"status": 500, "body": "down, says org-AbCdEf123456", "piece": 5,
            "trailers": {"x-t": "1"}}),
        );
        let answer = stand.send(&ask.over(Protocol::Http2)).await;
        assert_eq!(
            (answer.status, answer.text()),
            (500, "down, says org-************")
        );
    });
}

#[test]
fn errors_of_any_kind_pass() {
    run(async {
        let stand = Stand::shared().await;
        for (status, body) in [
            (400, r#"{"error":{"message":"bad","param":"x"}}"#),
            (404, ""),
            (500, "<html><body>oops</body></html>"),
            (503, r#"{"error":{"message":"overloaded"}}"#),
        ] {
            let ask = scripted(&json!({"status": status, "body": body}));
            let answer = stand.send(&ask).await;
            assert_eq!((answer.status, answer.text()), (status, body));
            let record = stand.record(&ask).await;
            assert_eq!(
                (&record["outcome"], &record["usage"]),
                (&json!("upstream_error"), &json!("none"))
            );
        }
    });
}

#[test]
fn an_error_too_long_to_check_is_replaced() {
    run(async {
        let stand = Stand::shared().await;
        let long = format!("{}org-AbCdEf123456", "x".repeat(200_000));
        let body = json!({"model": "smart", "mock_echo": long, "messages": [{"role": "user", "content": "hi"}]});
        for piece in [None, Some(10_000)] {
            let ask = Ask::chat(&body).mock(&json!({"status": 500, "piece": piece}));
            let answer = stand.send(&ask).await;
            assert!(answer.complete, "framing must stay right");
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (500, "upstream_error")
            );
        }
    });
}

#[test]
fn an_error_event_in_a_stream_is_freed_of_the_account() {
    run(async {
        let stand = Stand::shared().await;
        let mut body = hello();
        body["stream"] = json!(true);
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"limit of org-AbCdEf123456\"}}\n\n";
        for piece in [1, 7, 1000] {
            let ask = Ask::chat(&body).mock(&json!({"body": events, "piece": piece}));
            let answer = stand.send(&ask).await;
            assert_eq!(
                answer.text(),
                events.replace("AbCdEf123456", "************")
            );
        }
    });
}

#[test]
fn a_stream_that_ends_early_becomes_an_error() {
    run(async {
        let stand = Stand::shared().await;
        let mut body = hello();
        body["stream"] = json!(true);
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        for piece in [1, 7, 1000] {
            for cut in ["", "data: {\"choices\""] {
                let script = json!({"body": format!("{events}{cut}"), "piece": piece});
                let ask = Ask::chat(&body).mock(&script);
                let answer = stand.send(&ask).await;
                let text = answer.text();
                let error = text.strip_prefix(events).unwrap();
                let error = error.strip_prefix("data: ").unwrap().trim_end();
                let error: serde_json::Value = serde_json::from_str(error).unwrap();
                assert_eq!(error["error"]["code"], "upstream_incomplete");
                assert!(answer.complete);
                assert_eq!(stand.record(&ask).await["outcome"], "upstream_incomplete");
            }
        }
    });
}

#[test]
fn an_encoded_answer_is_refused() {
    run(async {
        let stand = Stand::shared().await;
        let ask = scripted(&json!({"headers": {"content-encoding": "gzip"}}));
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (502, "upstream_encoding")
        );
        assert_eq!(stand.record(&ask).await["usage"], "estimated");
    });
}

#[test]
fn a_reset_before_the_head_is_told_in_the_callers_protocol() {
    run(async {
        let stand = Stand::shared().await;
        let ask = scripted(&json!({"fault": "reset_before_head"}));
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "upstream_unavailable")
        );
        assert_eq!(answer.header("x-should-retry"), "true");
        // The provider had the request: it may have counted it.
        assert_eq!(stand.record(&ask).await["usage"], "estimated");
    });
}

#[test]
fn a_provider_that_is_not_there_is_told_in_the_callers_protocol() {
    run(async {
        // Port 1 of loopback: nobody listens there.
        let config = Config::gateway().replace("port_value: 8001", "port_value: 1");
        let stand = Stand::start(config).await;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let ask = Ask::chat(&hello()).over(protocol);
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (503, "upstream_unavailable")
            );
            let record = stand.record(&ask).await;
            assert_eq!(
                (&record["usage"], &record["input_tokens"]),
                (&json!("none"), &json!(0))
            );
            let reason = record["reason"].as_str().unwrap();
            assert!(reason.contains("remote_connection_failure"), "{reason}");
        }
    });
}

#[test]
fn a_reset_in_the_middle_cuts_the_caller_too() {
    run(async {
        let stand = Stand::shared().await;
        for stream in [false, true] {
            let mut body = hello();
            body["stream"] = json!(stream);
            let ask = Ask::chat(&body).mock(&json!({"fault": "reset_mid_body"}));
            let answer = stand.send(&ask).await;
            assert_eq!((answer.status, answer.complete), (200, false));
            let record = stand.record(&ask).await;
            assert_eq!(
                (&record["outcome"], &record["usage"]),
                (&json!("upstream_reset"), &json!("estimated"))
            );
        }
    });
}

#[test]
fn an_answer_that_is_no_json_passes_and_is_estimated() {
    run(async {
        let stand = Stand::shared().await;
        let ask =
            scripted(&json!({"body": "just text", "headers": {"content-type": "text/plain"}}));
        let answer = stand.send(&ask).await;
        assert_eq!((answer.status, answer.text()), (200, "just text"));
        let record = stand.record(&ask).await;
        assert_eq!(
            (&record["outcome"], &record["usage"]),
            (&json!("ok"), &json!("estimated"))
        );
    });
}

#[test]
fn a_large_answer_passes_byte_for_byte() {
    run(async {
        let stand = Stand::shared().await;
        let text = "z".repeat(5 << 20);
        let body = json!({"model": "smart", "mock_echo": text, "messages": [{"role": "user", "content": "hi"}]});
        let ask = Ask::chat(&body);
        let answer = stand.send(&ask).await;
        assert_eq!(
            answer.json()["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .len(),
            text.len()
        );
        assert_eq!(stand.record(&ask).await["usage"], "reported");
    });
}

#[test]
fn redirects_are_not_passed_on() {
    run(async {
        let stand = Stand::shared().await;
        let ask = scripted(
            &json!({"status": 302, "headers": {"location": "https://elsewhere.example/"}}),
        );
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (502, "upstream_redirect")
        );
        assert_eq!(answer.header("location"), "");
        assert_eq!(stand.record(&ask).await["usage"], "none");
    });
}

#[test]
fn an_error_that_breaks_off_is_told_and_recorded_alike() {
    run(async {
        let stand = Stand::shared().await;
        let ask = scripted(&json!({"status": 400, "fault": "reset_mid_body"}));
        let answer = stand.send(&ask).await;
        let line = stand.envoy.record(&ask.id).await;
        assert_eq!(line["tollgate"]["status"], answer.status);
        assert_eq!(line["tollgate"]["outcome"], "upstream_reset");
    });
}
