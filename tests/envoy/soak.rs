/*! Many calls that end in every way: what is settled is what was used, to the token.

The short form runs with all tests; `make soak` runs 50,000 calls. */

use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tollgate_tests::{Ask, Config, Form, Protocol, Stand, demo_policy, eventually, run};

const PLENTY: u64 = 1_000_000_000_000;

/// Calls at once.
const AT_ONCE: usize = 48;

fn calls() -> u64 {
    let text = std::env::var("SOAK_CALLS").unwrap_or_else(|_| "1500".to_owned());
    text.parse().expect("SOAK_CALLS is a number")
}

fn body(stream: bool, most: Option<u64>) -> Value {
    let mut body = json!({"model": "smart", "stream": stream,
        "messages": [{"role": "user", "content": "Count the stars, please."}]});
    if let Some(most) = most {
        body["max_tokens"] = json!(most);
    }
    body
}

/// The `n`th call, and what its provider says that it used; `None` where the gateway has to
/// find out.
fn call(n: u64) -> (Ask, Option<u64>) {
    let (input, output) = (3 + n % 50, 1 + n % 70);
    let usage = json!({"usage": {"prompt_tokens": input, "completion_tokens": output}});
    let most = (!n.is_multiple_of(3)).then_some(100);
    let stream = n.is_multiple_of(2);
    let good = Ask::chat(&body(stream, most)).mock(&usage);
    match n % 12 {
        0..=5 => (good, Some(input + output)),
        6 => (good.mock(&json!({"no_usage": true})), None),
        7 => (good.mock(&json!({"status": 500})), Some(0)),
        8 => (good.mock(&json!({"fault": "reset_before_head"})), None),
        9 => (good.mock(&json!({"fault": "reset_mid_body"})), None),
        10 => (Ask::chat_bytes("{\"model\":"), Some(0)),
        // More than any limit: refused by the ledger itself.
        _ => (Ask::chat(&body(stream, Some(PLENTY))), Some(0)),
    }
}

/// A stream whose caller goes away.
async fn abort(port: u16) {
    let body = body(true, Some(100)).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-acme-key\r\ncontent-type: application/json\r\nx-mock: {{\"piece\":40,\"piece_delay_ms\":20}}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut some = [0; 300];
    let _ = socket.read(&mut some).await;
}

#[test]
fn what_is_settled_is_what_was_used() {
    run(async {
        let mut policy = demo_policy();
        for model in ["smart", "light"] {
            policy["models"][model]["targets"][0]["price"] = json!({"input": 1, "output": 1});
        }
        policy["tenants"]["acme"]["keys"][0]["user"] = json!("ada");
        policy["tenants"]["acme"]["limits"] = json!([
            {"tokens": PLENTY / 10, "per": "month"}, {"usd": 1_000_000, "per": "month"},
            {"requests": 100_000_000, "per": "hour"}, {"concurrent": 1000},
        ]);
        policy["tenants"]["acme"]["per_user"] = json!([{"tokens": PLENTY / 20, "per": "month"}]);
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let port = stand.envoy.port();
        let total = calls();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        let mut told = 0;
        for n in 0..total {
            let permit = Arc::clone(&room).acquire_owned().await.unwrap();
            if n % 25 == 24 {
                running.spawn(async move {
                    abort(port).await;
                    drop(permit);
                });
                continue;
            }
            let (ask, uses) = call(n);
            told += uses.unwrap_or(0);
            let ask = ask.over([Protocol::Http1, Protocol::Http2][usize::from(n % 5 == 0)]);
            running.spawn(async move {
                ask.try_send(port).await;
                drop(permit);
            });
            while running.try_join_next().is_some() {}
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        let records = eventually("every call has its record", 60, async || {
            let records = stand.envoy.records();
            (records.len() >= usize::try_from(total).unwrap()).then_some(records)
        })
        .await;
        let sum = |wanted: &str| -> u64 {
            let records = records.iter().map(|record| &record["tollgate"]);
            let records = records.filter(|record| record["usage"] == wanted);
            let tokens = |record: &Value| {
                let field = |name: &str| record[name].as_u64().unwrap();
                field("input_tokens") + field("output_tokens")
            };
            records.map(tokens).sum()
        };
        let (reported, estimated) = (sum("reported"), sum("estimated"));
        assert_eq!(reported, told, "what the provider said");
        assert!(estimated > 0);
        // The next call is told what is left after its own reservation.
        let probe = Ask::chat(&body(false, Some(1))).mock(&json!({"status": 500}));
        let left = async || -> u64 {
            let answer = stand.send(&probe).await;
            answer
                .header("x-ratelimit-remaining-tokens")
                .parse()
                .unwrap()
        };
        let (one, two) = (left().await, left().await);
        assert_eq!(one, two, "an error leaves nothing behind");
        let input = PLENTY / 20 - reported - estimated - one - 1;
        assert!(
            (1..40).contains(&input),
            "{input} of a probe's prompt are left over"
        );
        assert!(!stand.envoy.log().contains("panicked"));
    });
}
