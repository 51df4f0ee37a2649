/*! Bad requests: a clear 4xx in the caller's protocol, and nothing reaches a provider. */

use serde_json::json;
use tollgate_tests::{Ask, Protocol, Stand, run};

const GOOD: &str = r#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;

/// Bodies with the status and code that they earn.
fn bad_bodies() -> Vec<(Vec<u8>, u16, &'static str)> {
    let text = |body: &str, code| (body.as_bytes().to_vec(), 400, code);
    let deep = format!(
        r#"{{"model":"smart","messages":[{{"role":"user","content":"hi"}}],"x":{}{}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    vec![
        text("", "empty_body"),
        text("   ", "empty_body"),
        text("hello", "invalid_json"),
        text(&GOOD[..20], "invalid_json"),
        text(&format!("{GOOD} x"), "invalid_json"),
        text(&format!("{GOOD}{GOOD}"), "invalid_json"),
        text(&format!("\u{feff}{GOOD}"), "invalid_json"),
        text("[]", "invalid_value"),
        text("\"x\"", "invalid_value"),
        text(&deep, "nested_too_deeply"),
        text(&GOOD.replace("hi", "\\ud800"), "invalid_json"),
        text(&GOOD.replace("hi", "\n"), "invalid_json"),
        (
            GOOD.replace("hi", "\u{1}").into_bytes(),
            400,
            "invalid_json",
        ),
        (
            [&GOOD.as_bytes()[..50], b"\xFF", &GOOD.as_bytes()[50..]].concat(),
            400,
            "invalid_json",
        ),
        text(
            &GOOD.replacen('{', r#"{"model":"light","#, 1),
            "duplicate_key",
        ),
        text(
            &GOOD.replacen('{', r#"{"mod\u0065l":"light","#, 1),
            "duplicate_key",
        ),
        text(
            &GOOD.replacen('{', r#"{"MODEL":"light","#, 1),
            "duplicate_key",
        ),
        text(
            &GOOD.replace(r#""content":"hi""#, r#""content":"hi","content":"ho""#),
            "duplicate_key",
        ),
        text(&GOOD.replace(r#""smart""#, "7"), "invalid_value"),
        text(&GOOD.replace(r#""smart""#, r#""""#), "invalid_value"),
        text(
            r#"{"messages":[{"role":"user","content":"hi"}]}"#,
            "missing_required_parameter",
        ),
        text(r#"{"model":"smart"}"#, "missing_required_parameter"),
        text(r#"{"model":"smart","messages":{}}"#, "invalid_value"),
        text(r#"{"model":"smart","messages":[]}"#, "invalid_value"),
        text(r#"{"model":"smart","messages":["hi"]}"#, "invalid_value"),
        text(
            r#"{"model":"smart","messages":[{"content":"hi"}]}"#,
            "missing_required_parameter",
        ),
        text(
            &GOOD.replacen('{', r#"{"stream":"yes","#, 1),
            "invalid_value",
        ),
        text(&GOOD.replacen('{', r#"{"n":"1","#, 1), "invalid_value"),
        text(
            &GOOD.replacen('{', r#"{"stream":true,"stream_options":[],"#, 1),
            "invalid_value",
        ),
        (
            GOOD.replace("smart", "gpt-9").into_bytes(),
            404,
            "model_not_found",
        ),
    ]
}

#[test]
fn bad_bodies_are_refused_and_reach_nobody() {
    run(async {
        let stand = Stand::shared().await;
        for (body, status, code) in bad_bodies() {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
                let ask = Ask::chat_bytes(body.clone()).over(protocol);
                let answer = stand.send(&ask).await;
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (status, code),
                    "{shown}"
                );
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
        let chat = || Ask::chat_bytes(GOOD);
        let get = |path| Ask::new("GET", path).key("demo-acme-key");
        for (ask, status, code) in [
            (get("/v1/chat/completions"), 405, "method_not_allowed"),
            (
                Ask::new("DELETE", "/v1/models").key("demo-acme-key"),
                405,
                "method_not_allowed",
            ),
            (get("/v1/nothing"), 404, "unknown_endpoint"),
            (get("/"), 404, "unknown_endpoint"),
            (get("/v1/models/gpt-9"), 404, "model_not_found"),
            (
                Ask::new("POST", "/tollgate/limits/usd/day/reset").key("demo-acme-key"),
                403,
                "admin_only",
            ),
            (
                chat().header("content-type", "text/plain"),
                415,
                "unsupported_media_type",
            ),
            (
                chat().header("content-type", "application/json; charset=utf-16"),
                415,
                "unsupported_media_type",
            ),
            (
                chat().header("content-encoding", "zstd"),
                415,
                "unsupported_content_encoding",
            ),
            (chat().key("demo-blue-key"), 403, "model_not_allowed"),
        ] {
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (status, code),
                "{ask:?}"
            );
            assert!(stand.received(&ask).is_empty(), "{ask:?}");
        }
    });
}

#[test]
fn bodies_over_the_cap_are_refused() {
    run(async {
        let stand = Stand::shared().await;
        let body = vec![b'x'; (20 << 20) + 1];
        // With content-length before a byte is read; in trailers' company while reading.
        for ask in [
            Ask::chat_bytes(body.clone()),
            Ask::chat_bytes(body).trailer("x-end", "1"),
        ] {
            let ask = ask.over(Protocol::Http2);
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (413, "request_too_large")
            );
            assert!(stand.received(&ask).is_empty());
        }
    });
}

#[test]
fn an_anthropic_caller_gets_anthropic_errors() {
    run(async {
        let stand = Stand::shared().await;
        let ask = Ask::new("POST", "/v1/messages")
            .header("anthropic-version", "2023-06-01")
            .header("x-api-key", "wrong");
        let error = stand.send(&ask).await.json();
        assert_eq!(error["type"], "error");
        assert_eq!(error["error"]["type"], "authentication_error");
        for (path, kind) in [
            ("/v1/messages", "invalid_request_error"),
            ("/v1/messages/batches", "not_found_error"),
        ] {
            let ask = Ask::new("POST", path)
                .header("anthropic-version", "2023-06-01")
                .header("x-api-key", "demo-acme-key");
            let error = stand.send(&ask).await.json();
            assert_eq!(error["error"]["type"], kind, "{path}");
        }
    });
}

#[test]
fn an_error_never_repeats_what_was_sent() {
    run(async {
        let stand = Stand::shared().await;
        let secret = "sk-very-secret-value";
        let asks = [
            Ask::chat_bytes(GOOD).key(secret),
            Ask::chat_bytes(GOOD.replace("hi", secret).replace("}]", "}")),
            Ask::chat_bytes(GOOD.replacen('{', &format!(r#"{{"{secret}":"#), 1)),
        ];
        for ask in asks {
            let answer = stand.send(&ask).await;
            assert!(answer.status >= 400 && !answer.text().contains(secret));
            assert!(!stand.record(&ask).await.to_string().contains(secret));
        }
        assert!(!stand.envoy.log().contains(secret));
    });
}

#[test]
fn a_tenant_cannot_fill_the_workers_memory() {
    use tollgate_tests::{Config, Form, demo_policy};
    run(async {
        let mut policy = demo_policy();
        policy["limits"] = json!({"body": "1MiB", "held_per_tenant": "1MiB"});
        let config = Config::gateway().policy(&policy, Form::Struct);
        let stand = Stand::start(config.replace("22020096", "2097152")).await;
        // Slow uploads of one tenant fill its share of a worker; another one still passes.
        let mut uploads = Vec::new();
        for _ in 0..8 {
            uploads.push(slow_upload(stand.envoy.port(), 600_000).await);
        }
        let refused = tollgate_tests::eventually("a refusal", 10, async || {
            let records = stand.envoy.records();
            let mut outcomes = records.iter().map(|line| &line["tollgate"]["outcome"]);
            outcomes
                .any(|outcome| outcome == "too_many_bytes_held")
                .then_some(())
        });
        refused.await;
        let other = GOOD.replace("smart", "light");
        let ask = Ask::chat_bytes(other).key("demo-blue-key");
        assert_eq!(stand.send(&ask).await.status, 200);
        drop(uploads);
        // What was held is given back when the uploads end.
        tollgate_tests::eventually("the share is free again", 10, async || {
            let ask = Ask::chat_bytes(GOOD);
            (stand.send(&ask).await.status == 200).then_some(())
        })
        .await;
    });
}

/// Sends a head that promises more than `bytes`, then that many, and waits.
async fn slow_upload(port: u16, bytes: usize) -> tokio::net::TcpStream {
    use tokio::io::AsyncWriteExt;
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-acme-key\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        bytes + 1000
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let _ = socket.write_all(&vec![b' '; bytes]).await;
    socket
}
