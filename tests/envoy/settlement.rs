/*! Every call is settled exactly once, however it ends, over two workers. */

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_tests::{Ask, Config, Protocol, Stand, eventually, run};

fn call(stream: bool) -> Value {
    json!({"model": "smart", "stream": stream, "messages": [{"role": "user", "content": "12345678"}]})
}

/// Sends a raw request whose answer comes slowly and goes away after its first bytes.
async fn abort_mid_answer(port: u16) {
    let script = json!({"piece": 40, "piece_delay_ms": 30});
    let body = call(true).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-acme-key\r\ncontent-type: application/json\r\nx-mock: {script}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut some = [0; 300];
    let _ = socket.read(&mut some).await.unwrap();
}

/// Sends half of a body and goes away.
async fn abort_upload(port: u16) {
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-acme-key\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"model\":";
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.flush().await.unwrap();
    // The head must have been read, or there is no call to settle.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}

const USAGE: &str = r#"{"usage":{"prompt_tokens":11,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#;

/// The ways to end, each with what it adds to the totals of `smart`:
/// calls, estimated, failed, local, input.
fn ways() -> Vec<(Ask, [u64; 5])> {
    let usage: Value = serde_json::from_str(USAGE).unwrap();
    let mut asks_for_usage = call(true);
    asks_for_usage["stream_options"] = json!({"include_usage": true});
    vec![
        (Ask::chat(&call(false)).mock(&usage), [1, 0, 0, 0, 11]),
        (Ask::chat(&call(true)).mock(&usage), [1, 0, 0, 0, 11]),
        (Ask::chat(&asks_for_usage).mock(&usage), [1, 0, 0, 0, 11]),
        // 8 bytes, of which only the length matters here; 4 tokens for the message, 3 for the answer.
        (
            Ask::chat(&call(false)).mock(&json!({"no_usage": true})),
            [1, 1, 0, 0, 9],
        ),
        (
            Ask::chat(&call(true)).mock(&json!({"no_usage": true})),
            [1, 1, 0, 0, 9],
        ),
        (
            Ask::chat(&call(false))
                .mock(&json!({"usage": {"prompt_tokens": -5, "completion_tokens": 1}})),
            [1, 1, 0, 0, 9],
        ),
        (
            Ask::chat(&call(false)).mock(&json!({"status": 500})),
            [1, 0, 1, 0, 0],
        ),
        (
            Ask::chat(&call(false)).mock(&json!({"fault": "reset_before_head"})),
            [1, 1, 0, 0, 9],
        ),
        (
            Ask::chat(&call(true)).mock(&json!({"fault": "reset_mid_body"})),
            [1, 1, 0, 0, 9],
        ),
        (Ask::chat_bytes("{"), [0, 0, 0, 0, 0]),
        (Ask::chat_bytes(vec![b' '; 3 << 20]), [0, 0, 0, 0, 0]),
        (
            Ask::new("GET", "/v1/models").key("demo-acme-key"),
            [0, 0, 0, 0, 0],
        ),
        (Ask::chat(&call(false)).key("wrong"), [0, 0, 0, 0, 0]),
    ]
}

#[test]
fn two_hundred_calls_of_every_kind_at_once() {
    run(async {
        const ROUNDS: u64 = 16;
        let stand = Stand::start(Config::gateway()).await;
        let port = stand.envoy.port();
        let mut running = tokio::task::JoinSet::new();
        let mut wanted = [0; 5];
        for round in 0..ROUNDS {
            for (ask, adds) in ways() {
                let protocol = if round % 2 == 0 {
                    Protocol::Http1
                } else {
                    Protocol::Http2
                };
                let ask = ask.over(protocol);
                running.spawn(async move { drop(ask.try_send(port).await) });
                wanted
                    .iter_mut()
                    .zip(adds)
                    .for_each(|(sum, add)| *sum += add);
            }
            running.spawn(abort_mid_answer(port));
            running.spawn(abort_upload(port));
            wanted
                .iter_mut()
                .zip([1, 1, 0, 0, 9])
                .for_each(|(sum, add)| *sum += add);
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        let fields = ["calls", "estimated", "failed", "local", "input_tokens"];
        let mut last = Value::Null;
        let settled = eventually("all calls are settled", 10, async || {
            last = stand.totals("smart").await;
            (last["calls"] == wanted[0]).then_some(())
        });
        settled.await;
        assert_eq!(fields.map(|field| last[field].as_u64().unwrap()), wanted);
        assert_eq!(last["cached_tokens"], 3 * ROUNDS * 2);
        // Refused, listed and abandoned before a model was known, and the usage calls of
        // this test itself.
        let other = stand.totals("-").await;
        assert!(other["calls"].as_u64().unwrap() >= 4 * ROUNDS);
        assert_eq!(other["calls"], other["local"]);
        assert_metrics_agree(&stand, &last).await;
        assert!(!stand.envoy.log().contains("panicked"));
        assert_eq!(stand.envoy.stat("wasm.tollgate.vm_reload_success").await, 0);
    });
}

/// The counters that Envoy sums over workers say what the shared totals say.
async fn assert_metrics_agree(stand: &Stand, totals: &Value) {
    let prometheus = stand.envoy.admin("/stats/prometheus").await;
    let sum = |name: &str, labels: &[&str]| -> u64 {
        let lines = prometheus.lines().filter(|line| {
            line.starts_with(&format!("{name}{{"))
                && labels.iter().all(|label| line.contains(label))
        });
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    let smart = "gen_ai_request_model=\"smart\"";
    assert_eq!(
        sum("tollgate_calls_total", &[smart]),
        totals["calls"].as_u64().unwrap()
    );
    for (kind, field) in [
        ("input", "input_tokens"),
        ("output", "output_tokens"),
        ("cached", "cached_tokens"),
        ("reasoning", "reasoning_tokens"),
    ] {
        let label = format!("gen_ai_token_type=\"{kind}\"");
        let counted = sum("tollgate_tokens_total", &[smart, &label]);
        assert_eq!(counted, totals[field].as_u64().unwrap(), "{kind}");
    }
}

#[test]
fn a_client_that_leaves_while_the_provider_hangs_is_settled() {
    run(async {
        let stand = Stand::shared().await;
        for fault in ["hang", "hang_mid_body"] {
            let ask = Ask::chat(&call(true)).mock(&json!({"fault": fault}));
            let port = stand.envoy.port();
            let waiting = ask.clone();
            let task = tokio::spawn(async move { waiting.try_send(port).await });
            eventually("the provider has the call", 10, async || {
                (!stand.received(&ask).is_empty()).then_some(())
            })
            .await;
            task.abort();
            let record = stand.record(&ask).await;
            assert_eq!(record["outcome"], "client_closed", "{fault}");
            assert_eq!(record["usage"], "estimated", "{fault}");
        }
    });
}

#[test]
fn thousands_of_calls_over_two_workers_lose_nothing() {
    run(async {
        const CALLS: u64 = 4_000;
        let stand = Stand::start(Config::gateway()).await;
        let port = stand.envoy.port();
        let usage: Value = serde_json::from_str(USAGE).unwrap();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let usage = usage.clone();
            running.spawn(async move {
                for _ in 0..CALLS / 16 {
                    let ask = Ask::chat(&call(false)).mock(&usage);
                    assert_eq!(ask.send(port).await.status, 200);
                }
            });
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        let settled = eventually("all calls are settled", 10, async || {
            let totals = stand.totals("smart").await;
            (totals["calls"] == CALLS).then_some(totals)
        });
        let totals = settled.await;
        assert_eq!(totals["input_tokens"], CALLS * 11);
        assert_eq!(totals["output_tokens"], CALLS * 5);
        assert_eq!(totals["reasoning_tokens"], CALLS);
    });
}
