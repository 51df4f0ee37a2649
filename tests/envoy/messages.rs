/*! Anthropic's callers: everything that OpenAI's get, in their protocol. In front of a provider
that speaks OpenAI's protocol, and of one that speaks their own. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Form, Protocol, Speaks, Stand, demo_policy, run};

const GOOD: &str =
    r#"{"model":"smart","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

fn native() -> Config {
    let mut policy = demo_policy();
    policy["backends"]["mock"]["api"] = json!("anthropic");
    Config::gateway().policy(&policy, Form::Struct)
}

fn message(body: impl Into<Vec<u8>>) -> Ask {
    Ask::messages(&Value::Null).body(body.into())
}

/// Bodies with the status and code that they earn.
fn bad_bodies() -> Vec<(Vec<u8>, u16, &'static str)> {
    let text = |body: &str, code| (body.as_bytes().to_vec(), 400, code);
    let with = |field: &str, code| text(&GOOD.replacen('{', &format!("{{{field},"), 1), code);
    let instead = |from: &str, to: &str, code| text(&GOOD.replace(from, to), code);
    let deep = format!(r#""x":{}{}"#, "[".repeat(5000), "]".repeat(5000));
    let hi = r#""content":"hi""#;
    vec![
        text("", "empty_body"),
        text(" \n", "empty_body"),
        text("hello", "invalid_json"),
        text(&GOOD[..20], "invalid_json"),
        text(&format!("{GOOD} x"), "invalid_json"),
        text(&format!("\u{feff}{GOOD}"), "invalid_json"),
        text("[]", "invalid_value"),
        instead("hi", "\\ud800", "invalid_json"),
        instead("hi", "\n", "invalid_json"),
        (
            [&GOOD.as_bytes()[..60], b"\xFF", &GOOD.as_bytes()[60..]].concat(),
            400,
            "invalid_json",
        ),
        with(&deep, "nested_too_deeply"),
        with(r#""model":"light""#, "duplicate_key"),
        with(r#""mod\u0065l":"light""#, "duplicate_key"),
        with(r#""MODEL":"light""#, "duplicate_key"),
        with(r#""max_tokens":9"#, "duplicate_key"),
        with(r#""system":"a","system":"b""#, "duplicate_key"),
        instead(hi, r#""content":"hi","content":"ho""#, "duplicate_key"),
        instead(
            r#""hi""#,
            r#"[{"type":"text","text":"a","text":"b"}]"#,
            "duplicate_key",
        ),
        instead(r#""smart""#, "7", "invalid_value"),
        instead(r#""smart""#, r#""""#, "invalid_value"),
        instead(r#""model":"smart","#, "", "missing_required_parameter"),
        instead(r#""max_tokens":10,"#, "", "missing_required_parameter"),
        instead("10", "-1", "invalid_value"),
        instead("10", "1.5", "invalid_value"),
        instead("10", r#""10""#, "invalid_value"),
        instead(r#"[{"role":"user","content":"hi"}]"#, "{}", "invalid_value"),
        instead(r#"[{"role":"user","content":"hi"}]"#, "[]", "invalid_value"),
        instead(
            r#"{"role":"user","content":"hi"}"#,
            r#""hi""#,
            "invalid_value",
        ),
        instead(r#""role":"user","#, "", "missing_required_parameter"),
        instead(r#","content":"hi""#, "", "missing_required_parameter"),
        instead(r#""hi""#, "7", "invalid_value"),
        with(r#""stream":"yes""#, "invalid_value"),
        with(r#""system":7"#, "invalid_value"),
        with(r#""tools":{}"#, "invalid_value"),
        (
            GOOD.replace("smart", "claude-9").into_bytes(),
            404,
            "model_not_found",
        ),
    ]
}

/// The kind of an error of Anthropic's that Tollgate made.
fn kind(error: &Value) -> &str {
    assert_eq!(error["type"], "error", "{error}");
    assert!(error["error"]["message"].is_string(), "{error}");
    error["error"]["type"].as_str().unwrap_or_default()
}

#[test]
fn bad_bodies_are_refused_and_reach_nobody() {
    run(async {
        let stand = Stand::shared().await;
        for (body, status, code) in bad_bodies() {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let shown = String::from_utf8_lossy(&body[..body.len().min(90)]).into_owned();
                let ask = message(body.clone()).over(protocol);
                let answer = stand.send(&ask).await;
                let found = (answer.status, answer.code());
                assert_eq!(found, (status, code.to_owned()), "{shown}");
                let wanted = ["invalid_request_error", "not_found_error"];
                assert_eq!(kind(&answer.json()), wanted[usize::from(status == 404)]);
                assert_eq!(answer.header("content-type"), "application/json");
                assert_eq!(answer.header("x-should-retry"), "false");
                assert!(stand.received(&ask).is_empty(), "{shown}");
                assert_eq!(stand.record(&ask).await["outcome"], code);
            }
        }
    });
}

#[test]
fn bad_heads_are_refused_and_reach_nobody() {
    run(async {
        let stand = Stand::shared().await;
        let good = || message(GOOD);
        let long = vec![b'x'; (20 << 20) + 1];
        let get = Ask::new("GET", "/v1/messages").header("x-api-key", "demo-acme-key");
        let invalid = "invalid_request_error";
        for (ask, status, code, wanted) in [
            (get, 405, "method_not_allowed", invalid),
            (
                good().path("/v1/messages/batches"),
                404,
                "unknown_endpoint",
                "not_found_error",
            ),
            (
                good().header("content-type", "text/plain"),
                415,
                "unsupported_media_type",
                invalid,
            ),
            (
                good().header("content-encoding", "zstd"),
                415,
                "unsupported_content_encoding",
                invalid,
            ),
            (
                good().header("content-encoding", "gzip"),
                400,
                "invalid_json",
                invalid,
            ),
            (
                message(long).over(Protocol::Http2),
                413,
                "request_too_large",
                "request_too_large",
            ),
            (
                good().header("x-api-key", "wrong"),
                401,
                "invalid_api_key",
                "authentication_error",
            ),
            (
                good().without("x-api-key"),
                401,
                "missing_credentials",
                "authentication_error",
            ),
            (
                good().header("x-api-key", "demo-blue-key"),
                403,
                "model_not_allowed",
                "permission_error",
            ),
        ] {
            let answer = stand.send(&ask).await;
            let error = answer.json();
            if code == "invalid_json" {
                // What is no gzip leaves nothing, or nothing that is JSON.
                assert!(["invalid_json", "empty_body"].contains(&answer.code().as_str()));
            } else {
                assert_eq!(answer.code(), code, "{error}");
            }
            assert_eq!((answer.status, kind(&error)), (status, wanted), "{code}");
            assert!(stand.received(&ask).is_empty(), "{code}");
        }
    });
}

#[test]
fn an_own_provider_gets_the_request_byte_for_byte() {
    run(async {
        let stand = Stand::of(native()).await;
        let body = "{ \"x_unknown\":[1.0e2, \"\\u00e9\\/\"],\n \"model\":\"smart\" ,\"max_tokens\":10, \"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\",\"cache_control\":{\"type\":\"ephemeral\"}}]}], \"stream\" : true} ";
        let ask = message(body).header("anthropic-beta", "one,two");
        let (answer, received) = stand.pass(&ask).await;
        assert_eq!((answer.status, answer.complete), (200, true));
        assert_eq!(received.line, "POST /v1/messages");
        assert_eq!(received.body, body.replace("\"smart\"", "\"gpt-5.1\""));
        assert_eq!(received.header("anthropic-version"), "2023-06-01");
        assert_eq!(received.header("anthropic-beta"), "one,two");
        assert_eq!(received.header("x-api-key"), "");
        let record = stand.record(&ask).await;
        assert_eq!(
            (&record["outcome"], &record["usage"]),
            (&json!("ok"), &json!("reported"))
        );
    });
}

/// Anthropic counts what it read from its cache apart; Tollgate counts it as input.
#[test]
fn usage_is_that_of_the_last_event() {
    run(async {
        let stand = Stand::of(native()).await;
        let usage = json!({"input_tokens": 10, "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 40, "output_tokens": 20});
        for stream in [false, true] {
            let mut body: Value = serde_json::from_str(GOOD).unwrap();
            body["stream"] = json!(stream);
            let ask = Ask::messages(&body).mock(&json!({"usage": usage}));
            assert_eq!(stand.send(&ask).await.status, 200);
            let record = stand.record(&ask).await;
            let counted = ["input_tokens", "cached_tokens", "output_tokens", "usage"];
            let counted = counted.map(|field| record[field].clone());
            let wanted = [json!(55), json!(40), json!(20), json!("reported")];
            assert_eq!(counted, wanted, "{stream}");
        }
    });
}

#[test]
fn a_stream_cut_at_every_byte_is_the_same() {
    run(async {
        let stand = Stand::of(native()).await;
        let ask = |cut: usize| {
            let script = json!({"text": "Köln ", "reasoning": "hm", "tools": 1, "cut": cut});
            let body = GOOD.replacen(
                '{',
                r#"{"stream":true,"tools":[{"name":"f","input_schema":{"type":"object"}}],"#,
                1,
            );
            message(body).mock(&script)
        };
        let whole = stand.send(&ask(0)).await;
        assert_eq!((whole.status, whole.complete), (200, true));
        assert_eq!(whole.events().last().unwrap()["type"], "message_stop");
        for cut in 1..whole.body.len() {
            let answer = stand.send(&ask(cut)).await;
            assert_eq!(answer.body, whole.body, "{cut}");
        }
    });
}

#[test]
fn faults_of_an_own_provider() {
    run(async {
        let stand = Stand::of(native()).await;
        let mut body: Value = serde_json::from_str(GOOD).unwrap();
        body["stream"] = json!(true);
        let long = json!({"text": "It rains. ", "events": 20});
        for (fault, outcome, complete) in [
            ("end_mid_body", "upstream_incomplete", true),
            ("error_mid_body", "upstream_error", true),
            ("reset_mid_body", "upstream_reset", false),
        ] {
            let mut script = long.clone();
            script["fault"] = json!(fault);
            let ask = Ask::messages(&body).mock(&script);
            let answer = stand.send(&ask).await;
            assert_eq!((answer.status, answer.complete), (200, complete), "{fault}");
            assert_eq!(stand.record(&ask).await["outcome"], outcome, "{fault}");
            if complete {
                let last = answer.events().pop().expect("events");
                assert!(Speaks::Anthropic.is_error(&last), "{fault} {last}");
            }
        }
        for (status, told, wanted) in [
            (400, 400, "invalid_request_error"),
            (401, 502, "api_error"),
            (429, 429, "rate_limit_error"),
            (500, 500, "api_error"),
            (529, 529, "overloaded_error"),
        ] {
            let ask = Ask::messages(&body).mock(&json!({"status": status}));
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, told);
            assert_eq!(kind(&answer.json()), wanted);
        }
    });
}

#[test]
fn models_and_totals_are_told_to_them_too() {
    run(async {
        let stand = Stand::start(native()).await;
        stand.send(&message(GOOD)).await;
        let get = |path: &str, key: &str| {
            let ask = Ask::new("GET", path).header("x-api-key", key);
            ask.header("anthropic-version", "2023-06-01")
        };
        let list = stand.send(&get("/v1/models", "demo-acme-key")).await.json();
        let ids: Vec<&Value> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| &m["id"])
            .collect();
        assert_eq!(ids, ["smart", "light"]);
        assert_eq!(list["data"][0]["type"], "model");
        assert_eq!(list["has_more"], false);
        let one = stand
            .send(&get("/v1/models/light", "demo-acme-key"))
            .await
            .json();
        assert_eq!(
            (&one["id"], &one["type"]),
            (&json!("light"), &json!("model"))
        );
        let usage = stand
            .send(&get("/tollgate/usage", "demo-admin-key"))
            .await
            .json();
        assert_eq!(usage["models"]["smart"]["calls"], 1);
        let reset = Ask::new("POST", "/tollgate/limits/usd/day/reset");
        let reset = reset.header("anthropic-version", "2023-06-01");
        let refused = stand.send(&reset.key("demo-acme-key")).await;
        assert_eq!(kind(&refused.json()), "permission_error");
    });
}
