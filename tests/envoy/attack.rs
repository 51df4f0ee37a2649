/*! Budgets under attack: many more calls at once than a budget pays, some of whose callers hang
up, some of which take more than they reserved. The bound is the one of docs/limits.md. */

use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;
use tollgate_tests::{Answer, Ask, Config, Form, Protocol, Stand, demo_policy, eventually, run};

/// How many calls a budget pays at the same time.
const PAID: u64 = 10;
/// The bound that callers set.
const MOST: u64 = 500;
const NANO: u64 = 1_000_000_000;

/// What the budget counts.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Tokens,
    Usd,
}

impl Unit {
    /// What so many tokens take of the budget.
    fn of(self, input: u64, output: u64) -> u64 {
        match self {
            Self::Tokens => input + output,
            Self::Usd => input * 1_250 + output * 10_000,
        }
    }

    fn limit(self, amount: u64) -> Value {
        match self {
            Self::Tokens => json!({"tokens": amount, "per": "month"}),
            Self::Usd => {
                let usd = format!("{}.{:09}", amount / NANO, amount % NANO);
                json!({"usd": usd, "per": "month"})
            }
        }
    }

    /// `used` and `reserved` of the usage page.
    fn taken(self, entry: &Value) -> (u64, u64) {
        let end = match self {
            Self::Tokens => "",
            Self::Usd => "_nano_usd",
        };
        let field = |name: &str| entry[format!("{name}{end}")].as_u64().unwrap();
        (field("used"), field("reserved"))
    }
}

async fn start(limit: &Value) -> Stand {
    let mut policy = demo_policy();
    for model in ["smart", "light"] {
        policy["models"][model]["targets"][0]["price"] = json!({"input": 1.25, "output": 10});
    }
    policy["tenants"]["acme"]["limits"] = json!([limit]);
    Stand::start(Config::gateway().policy(&policy, Form::Struct)).await
}

fn body(stream: bool) -> Value {
    json!({"model": "smart", "stream": stream, "max_tokens": MOST,
        "messages": [{"role": "user", "content": "Tell me something."}]})
}

async fn taken(stand: &Stand, unit: Unit) -> (u64, u64) {
    let ask = Ask::new("GET", "/tollgate/usage").key("demo-admin-key");
    let page = stand.send(&ask).await.json();
    unit.taken(&page["limits"][0])
}

/// How many tokens of the prompt are reserved.
async fn prompt_tokens() -> u64 {
    let stand = start(&Unit::Tokens.limit(1_000_000)).await;
    let ask = Ask::chat(&body(false)).mock(&json!({"fault": "hang"}));
    let port = stand.envoy.port();
    let hanging = tokio::spawn(async move { ask.try_send(port).await });
    let reserved = eventually("a call is under way", 10, async || {
        let (_, reserved) = taken(&stand, Unit::Tokens).await;
        (reserved > 0).then_some(reserved)
    });
    let reserved = reserved.await;
    hanging.abort();
    reserved - MOST
}

/// Calls at once, over both workers and both versions of HTTP.
struct Wave(JoinSet<Option<Answer>>);

impl Wave {
    fn new(port: u16, script: &Value, count: usize) -> Self {
        let mut calls = JoinSet::new();
        for number in 0..count {
            let protocol = [Protocol::Http1, Protocol::Http2][number % 2];
            let ask = Ask::chat(&body(number % 4 < 2)).mock(script).over(protocol);
            calls.spawn(async move { ask.try_send(port).await });
        }
        Self(calls)
    }

    /// Waits for so many refusals, which come before all answers.
    async fn refused(&mut self, count: usize) {
        for _ in 0..count {
            let answer = self.0.join_next().await.unwrap().unwrap();
            assert_refused(&answer.unwrap());
        }
    }

    /// Callers who hang up.
    fn hang_up(&mut self) {
        self.0.abort_all();
    }

    /// The rest of the answers: how many were let through.
    async fn let_through(mut self) -> u64 {
        let mut good = 0;
        while let Some(done) = self.0.join_next().await {
            let Ok(answer) = done else { continue };
            let answer = answer.unwrap();
            match answer.status {
                200 => good += 1,
                _ => assert_refused(&answer),
            }
        }
        good
    }
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 429);
    let code = answer.code();
    assert!(
        ["rate_limit_exceeded", "insufficient_quota"].contains(&code.as_str()),
        "{code}"
    );
}

/// Three waves of a hundred calls; the callers of the first one hang up while the second one
/// comes. Calls that are answered take `beyond` tokens more than they reserved.
async fn attack(unit: Unit, beyond: u64) {
    let input = prompt_tokens().await;
    let each = unit.of(input, MOST);
    let budget = each * PAID;
    let stand = start(&unit.limit(budget)).await;
    let port = stand.envoy.port();
    let output = if beyond == 0 {
        MOST - 100
    } else {
        MOST + beyond
    };
    let usage = json!({"prompt_tokens": input, "completion_tokens": output});
    let hang = json!({"fault": "hang_mid_body"});
    let slow = json!({"delay_ms": 700, "usage": usage});

    let mut first = Wave::new(port, &hang, 100);
    first.refused(90).await;
    assert_eq!(taken(&stand, unit).await, (0, budget));
    eventually("all ten are at the provider", 10, async || {
        (stand.mock.received(|_| true).len() == 10).then_some(())
    })
    .await;
    let second = Wave::new(port, &slow, 100);
    first.hang_up();
    // At most ten that are under way together pass it, each by what it takes beyond.
    let bound = budget + PAID * unit.of(0, beyond);
    let watched = watch(&stand, unit, bound);
    let waves = async {
        let second = second.let_through().await;
        second + Wave::new(port, &slow, 100).let_through().await
    };
    let good = tokio::select! {
        () = watched => unreachable!(),
        good = waves => good,
    };
    // What is left pays no further call: nothing stays reserved for those who hung up.
    let rest = spend(&stand, unit, &json!({"usage": usage})).await;
    let used = eventually("all is settled", 10, async || {
        let (used, reserved) = taken(&stand, unit).await;
        (reserved == 0).then_some(used)
    });
    let used = used.await;
    assert!(used + each > budget, "{used} of {budget}");
    assert!(used <= bound, "{used} of {budget}, {bound} at most");
    assert!(beyond == 0 || used > budget, "{used} of {budget}");
    let hung_up = used - (good + rest) * unit.of(input, output);
    assert_eq!(hung_up, estimated(&stand, unit).await);
    let received = stand.mock.received(|_| true).len();
    assert_eq!(u64::try_from(received).unwrap(), PAID + good + rest);
}

/// Looks again and again: what is used and reserved together never passes `bound`.
async fn watch(stand: &Stand, unit: Unit, bound: u64) {
    loop {
        let (used, reserved) = taken(stand, unit).await;
        assert!(
            used + reserved <= bound,
            "{used} used, {reserved} reserved, {bound} at most"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One call after another until one is refused: how many were let through.
async fn spend(stand: &Stand, unit: Unit, script: &Value) -> u64 {
    let mut good = 0;
    eventually("the budget is spent", 10, async || {
        let answer = stand.send(&Ask::chat(&body(false)).mock(script)).await;
        match answer.status {
            200 => good += 1,
            // What ended just now may still be reserved.
            _ if taken(stand, unit).await.1 > 0 => {}
            _ => return Some(()),
        }
        None
    })
    .await;
    good
}

/// What the calls took whose callers hung up, by their records.
async fn estimated(stand: &Stand, unit: Unit) -> u64 {
    let records = stand.envoy.records();
    let records = records.iter().map(|record| &record["tollgate"]);
    let records: Vec<&Value> = records
        .filter(|record| record["usage"] == "estimated")
        .collect();
    assert_eq!(records.len(), 10);
    assert!(records.iter().all(|it| it["outcome"] == "client_closed"));
    let tokens = |record: &Value, field: &str| record[field].as_u64().unwrap();
    let took = records
        .iter()
        .map(|it| unit.of(tokens(it, "input_tokens"), tokens(it, "output_tokens")));
    took.sum()
}

#[test]
fn tokens_hold_when_callers_hang_up() {
    run(attack(Unit::Tokens, 0));
}

#[test]
fn dollars_hold_when_callers_hang_up() {
    run(attack(Unit::Usd, 0));
}

#[test]
fn tokens_are_passed_by_what_calls_took_beyond_and_no_more() {
    run(attack(Unit::Tokens, 300));
}

#[test]
fn dollars_are_passed_by_what_calls_took_beyond_and_no_more() {
    run(attack(Unit::Usd, 300));
}
