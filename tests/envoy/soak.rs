/*! Many calls that end in every way: what every limit has counted in the end is what was used,
to the token and the billionth of a dollar.

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

/// Tokens of prompts and answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    input: u64,
    output: u64,
}

impl Used {
    fn plus(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            output: self.output + other.output,
        }
    }

    /// At [`price`].
    fn nano_usd(self) -> u64 {
        self.input * 1_250 + self.output * 10_000
    }
}

fn price() -> Value {
    json!({"input": 1.25, "output": 10})
}

/// The `n`th call, and what its provider says that it used; `None` where the gateway has to
/// find out.
fn call(n: u64) -> (Ask, Option<Used>) {
    let (input, output) = (3 + n % 50, 1 + n % 70);
    let usage = json!({"usage": {"prompt_tokens": input, "completion_tokens": output}});
    let most = (!n.is_multiple_of(3)).then_some(100);
    let stream = n.is_multiple_of(2);
    let good = Ask::chat(&body(stream, most)).mock(&usage);
    match n % 12 {
        0..=5 => (good, Some(Used { input, output })),
        6 => (good.mock(&json!({"no_usage": true})), None),
        7 => (good.mock(&json!({"status": 500})), Some(Used::default())),
        8 => (good.mock(&json!({"fault": "reset_before_head"})), None),
        9 => (good.mock(&json!({"fault": "reset_mid_body"})), None),
        10 => (Ask::chat_bytes("{\"model\":"), Some(Used::default())),
        // More than any limit: refused by the ledger itself.
        _ => (
            Ask::chat(&body(stream, Some(PLENTY))),
            Some(Used::default()),
        ),
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

/// Every unit and every holder of limits has one that counts all calls. No window ends soon.
fn policy() -> Value {
    let mut policy = demo_policy();
    for model in ["smart", "light"] {
        policy["models"][model]["targets"][0]["price"] = price();
    }
    let tokens =
        json!({"tokens": PLENTY / 10, "per": "month", "window": "sliding", "name": "tokens"});
    policy["models"]["smart"]["limits"] = json!([tokens]);
    let acme = &mut policy["tenants"]["acme"];
    acme["keys"][0]["user"] = json!("ada");
    acme["limits"] = json!([
        tokens,
        {"usd": 1_000_000, "per": "month", "name": "usd"},
        {"requests": 100_000_000, "per": "day", "window": "sliding", "name": "requests"},
        {"input_tokens": PLENTY, "per": "month", "name": "input"},
        {"output_tokens": PLENTY / 10, "per": "month", "name": "output"},
        {"concurrent": 1000, "name": "concurrent"},
    ]);
    acme["per_user"] = json!([
        {"tokens": PLENTY / 20, "per": "month", "name": "tokens"},
        {"requests": 100_000_000, "per": "month", "name": "requests"},
    ]);
    policy
}

/// Makes all calls; the sum of what providers said that they used, and how many were sent to
/// one.
async fn make_calls(port: u16, total: u64) -> (Used, u64) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    let (mut told, mut sent) = (Used::default(), 0);
    for n in 0..total {
        let permit = Arc::clone(&room).acquire_owned().await.unwrap();
        if n % 25 == 24 {
            sent += 1;
            running.spawn(async move {
                abort(port).await;
                drop(permit);
            });
            continue;
        }
        let (ask, uses) = call(n);
        told = told.plus(uses.unwrap_or_default());
        sent += u64::from(n % 12 < 10);
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
    (told, sent)
}

/// What calls of this source of usage took, by their records.
fn recorded(records: &[Value], source: &str) -> Used {
    let records = records.iter().map(|record| &record["tollgate"]);
    let records = records.filter(|record| record["usage"] == source);
    let used = |record: &Value| {
        let field = |name: &str| record[name].as_u64().unwrap();
        Used {
            input: field("input_tokens"),
            output: field("output_tokens"),
        }
    };
    records.map(used).fold(Used::default(), Used::plus)
}

async fn usage_page(stand: &Stand, key: &str) -> Value {
    let ask = Ask::new("GET", "/tollgate/usage").key(key);
    stand.send(&ask).await.json()
}

/// Every limit's `used`, by name; asserts that nothing is reserved any more.
fn settled(limits: &Value) -> Vec<(&str, u64)> {
    let limits = limits.as_array().unwrap().iter();
    let used = |limit: &'_ Value, name: &str| {
        let money = limit[format!("{name}_nano_usd")].as_u64();
        money.or(limit[name].as_u64()).unwrap()
    };
    let entry = |limit| {
        assert_eq!(used(limit, "reserved"), 0, "{limit}");
        (limit["name"].as_str().unwrap(), used(limit, "used"))
    };
    limits.map(entry).collect()
}

/// All limits have counted just this.
async fn assert_counted(stand: &Stand, used: Used, requests: u64) {
    let tokens = ("tokens", used.input + used.output);
    let requests = ("requests", requests);
    let page = usage_page(stand, "demo-admin-key").await;
    assert_eq!(
        settled(&page["limits"]),
        [
            tokens,
            ("usd", used.nano_usd()),
            requests,
            ("input", used.input),
            ("output", used.output),
            ("concurrent", 0),
        ]
    );
    assert_eq!(settled(&page["model_limits"]["smart"]), [tokens]);
    let nothing = [("tokens", 0), ("requests", 0)];
    assert_eq!(
        settled(&page["per_user"]),
        nothing,
        "the admin is another user"
    );
    let own = usage_page(stand, "demo-acme-key").await;
    assert_eq!(settled(&own["per_user"]), [tokens, requests]);
    let totals = &page["models"]["smart"];
    for (field, amount) in [
        ("input_tokens", used.input),
        ("output_tokens", used.output),
        ("cost_nano_usd", used.nano_usd()),
    ] {
        assert_eq!(totals[field], amount, "{field} of {totals}");
    }
}

#[test]
fn what_is_settled_is_what_was_used() {
    run(async {
        let stand = Stand::start(Config::gateway().policy(&policy(), Form::Struct)).await;
        let total = calls();
        let (told, sent) = make_calls(stand.envoy.port(), total).await;
        // A call is settled before its record is written.
        let records = eventually("every call has its record", 60, async || {
            let records = stand.envoy.records();
            (records.len() >= usize::try_from(total).unwrap()).then_some(records)
        })
        .await;
        let estimated = recorded(&records, "estimated");
        assert_eq!(recorded(&records, "reported"), told);
        assert!(estimated.input > 0 && estimated.output > 0);
        assert_counted(&stand, told.plus(estimated), sent).await;
        let lost = "wasmcustom.tollgate.settlements_lost_total";
        assert_eq!(stand.envoy.stat(lost).await, 0);
        assert!(!stand.envoy.log().contains("panicked"));
    });
}
