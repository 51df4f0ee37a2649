/*! Limits that hold: over two workers, both HTTP versions, every way a call can end. */

use crate::policy::{discovered, put};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::task::JoinSet;
use tollgate_tests::{
    Answer, Ask, Config, Fleet, Form, Protocol, Stand, demo_policy, env_path, eventually,
    fleet_policy, run,
};

/// The demo policy with limits of tenant acme.
fn limited(limits: &Value) -> Value {
    let mut policy = demo_policy();
    policy["tenants"]["acme"]["limits"] = limits.clone();
    policy
}

async fn stand(policy: &Value) -> Stand {
    Stand::start(Config::gateway().policy(policy, Form::Struct)).await
}

fn prompt(text: &str) -> Value {
    json!({"model": "smart", "messages": [{"role": "user", "content": text}]})
}

fn bounded(most: u64) -> Value {
    let mut body = prompt("Tell me something.");
    body["max_tokens"] = json!(most);
    body
}

fn remaining(answer: &Answer) -> u64 {
    let text = answer.header("x-ratelimit-remaining-tokens");
    text.parse().expect("remaining tokens")
}

const PLENTY: u64 = 1_000_000_000;

/// What one call reserves.
async fn reservation(body: &Value) -> u64 {
    let stand = stand(&limited(&json!([{"tokens": PLENTY, "per": "day"}]))).await;
    let answer = stand.send(&Ask::chat(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    PLENTY - remaining(&answer)
}

/// What is left of acme's tokens a day, by asking for nearly nothing.
async fn left(stand: &Stand) -> u64 {
    let mut least = prompt("");
    least["max_tokens"] = json!(1);
    least["messages"][0]["content"] = json!("x");
    let answer = stand
        .send(&Ask::chat(&least).mock(&json!({"status": 500})))
        .await;
    remaining(&answer)
}

/// A budget that pays exactly ten reservations is attacked by a hundred calls at once, while
/// answers are slow, so that none is settled before all have asked.
async fn attack(body: Value, usage: Value) {
    let each = reservation(&body).await;
    let budget = each * 10;
    let stand = stand(&limited(&json!([{"tokens": budget, "per": "day"}]))).await;
    let port = stand.envoy.port();
    let script = json!({"delay_ms": 1500, "usage": usage});
    let mut running = JoinSet::new();
    for round in 0..100 {
        let protocol = [Protocol::Http1, Protocol::Http2][round % 2];
        let ask = Ask::chat(&body).mock(&script).over(protocol);
        running.spawn(async move { ask.try_send(port).await.expect("an answer") });
    }
    let answers = running.join_all().await;
    let good = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(good.count(), 10);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.status, 429);
        assert_eq!(refused.code(), "rate_limit_exceeded");
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=86_400).contains(&wait));
    }
    assert_eq!(
        stand.mock.received(|_| true).len(),
        10,
        "no refused call reached the provider"
    );
    let spent = 10
        * (usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap());
    assert!(spent <= budget);
    let probe = reservation(&{
        let mut least = prompt("x");
        least["max_tokens"] = json!(1);
        least
    })
    .await;
    let settled = eventually("all is settled", 10, async || {
        (left(&stand).await + probe + spent == budget).then_some(())
    });
    settled.await;
}

#[test]
fn a_hundred_calls_on_a_budget_for_ten() {
    run(async {
        attack(
            bounded(500),
            json!({"prompt_tokens": 5, "completion_tokens": 400}),
        )
        .await;
    });
}

#[test]
fn a_hundred_streams_without_a_bound_on_a_budget_for_ten() {
    run(async {
        let mut body = prompt("Tell me something.");
        body["stream"] = json!(true);
        attack(body, json!({"prompt_tokens": 5, "completion_tokens": 4000})).await;
    });
}

#[test]
fn every_way_to_end_is_settled_with_what_it_took() {
    run(async {
        let stand = stand(&limited(&json!([{"tokens": PLENTY, "per": "day"}]))).await;
        let usage = json!({"usage": {"prompt_tokens": 11, "completion_tokens": 5}});
        let stream = || {
            let mut body = bounded(100);
            body["stream"] = json!(true);
            body
        };
        let before = left(&stand).await;
        let mut spent = 0;
        for (ask, takes) in [
            (Ask::chat(&bounded(100)).mock(&usage), 16),
            (Ask::chat(&stream()).mock(&usage), 16),
            // An error is free, and what is refused before it is sent.
            (Ask::chat(&bounded(100)).mock(&json!({"status": 500})), 0),
            (Ask::chat(&bounded(100)).mock(&json!({"status": 429})), 0),
            (Ask::chat_bytes("{"), 0),
            (Ask::chat(&json!({"model": "none", "messages": [{"role": "user"}]})), 0),
            // Never believed.
            (
                Ask::chat(&bounded(100)).mock(
                    &json!({"text": "", "usage": {"prompt_tokens": 99_999_999_999u64, "completion_tokens": 1}}),
                ),
                u64::MAX,
            ),
            (Ask::chat(&bounded(100)).mock(&json!({"fault": "reset_before_head"})), u64::MAX),
            (Ask::chat(&stream()).mock(&json!({"fault": "reset_mid_body"})), u64::MAX),
        ] {
            let answer = ask.try_send(stand.envoy.port()).await;
            let record = stand.record(&ask).await;
            let takes = match takes {
                u64::MAX => {
                    assert_eq!(record["usage"], "estimated", "{record}");
                    let tokens = |field: &str| record[field].as_u64().unwrap();
                    let takes = tokens("input_tokens") + tokens("output_tokens");
                    assert!((1..=100).contains(&takes), "{record}");
                    takes
                }
                takes => takes,
            };
            spent += takes;
            let settled = eventually("it is settled", 5, async || {
                (left(&stand).await + spent == before).then_some(())
            });
            let status = answer.map(|answer| answer.status);
            tokio::time::timeout(std::time::Duration::from_secs(8), settled)
                .await
                .unwrap_or_else(|_| panic!("{status:?} {record}"));
        }
    });
}

#[test]
fn a_default_bound_is_reserved_and_told_to_the_provider() {
    run(async {
        let mut policy = limited(&json!([{"tokens": PLENTY, "per": "day"}]));
        policy["models"]["smart"]["default_output"] = json!(300);
        let stand = stand(&policy).await;
        let (answer, received) = stand.pass(&Ask::chat(&prompt("hello"))).await;
        assert_eq!(received.json()["max_completion_tokens"], 300);
        let taken = PLENTY - remaining(&answer);
        assert!((300..330).contains(&taken), "{taken}");
        let (_, received) = stand.pass(&Ask::chat(&bounded(7))).await;
        assert_eq!(received.json()["max_tokens"], 7);
        assert_eq!(received.json()["max_completion_tokens"], Value::Null);
        // Nobody limits blue: its calls stay as they are.
        let mut light = prompt("hello");
        light["model"] = json!("light");
        let (_, received) = stand.pass(&Ask::chat(&light).key("demo-blue-key")).await;
        assert_eq!(received.json()["max_completion_tokens"], Value::Null);
    });
}

#[test]
fn a_soft_default_is_reserved_only() {
    run(async {
        let mut policy = limited(&json!([{"tokens": PLENTY, "per": "day"}]));
        policy["ledger"] = json!({"default_output": {"tokens": 300, "soft": true}});
        let stand = stand(&policy).await;
        let (answer, received) = stand.pass(&Ask::chat(&prompt("hello"))).await;
        assert_eq!(received.json()["max_completion_tokens"], Value::Null);
        assert!(PLENTY - remaining(&answer) >= 300);
    });
}

#[test]
fn several_answers_are_reserved_for() {
    run(async {
        let mut body = bounded(100);
        let one = reservation(&body).await;
        body["n"] = json!(5);
        assert_eq!(reservation(&body).await, one + 400);
    });
}

#[test]
fn requests_users_models_and_tiers_are_limited() {
    run(async {
        let mut policy = demo_policy();
        policy["tenants"]["acme"]["keys"][0]["user"] = json!("ada");
        policy["tenants"]["acme"]["per_user"] = json!([{"requests": 2, "per": "hour"}]);
        policy["models"]["light"]["limits"] = json!([{"requests": 3, "per": "day"}]);
        policy["tiers"] = json!({"free": {"limits": [
            {"requests": 1, "per": "day", "models": ["smart"]}, {"requests": 9, "per": "day", "name": "all"},
        ]}});
        let stand = stand(&policy).await;
        let call = |key: &str, model: &str| {
            let mut body = prompt("hello");
            body["model"] = json!(model);
            Ask::chat(&body).key(key)
        };
        for wanted in [200, 200, 429] {
            let answer = stand.send(&call("demo-acme-key", "smart")).await;
            assert_eq!(answer.status, wanted, "{}", answer.text());
        }
        // blue shares light with acme, whose user has no more calls of any model.
        for wanted in [200, 200, 200, 429] {
            let ask = call("demo-blue-key", "light");
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, wanted, "{}", answer.text());
            if wanted == 429 {
                assert!(
                    answer.text().contains("the model 'light'"),
                    "{}",
                    answer.text()
                );
                assert_eq!(stand.record(&ask).await["reason"], "model requests/day");
            }
        }
        let stats = stand.envoy.admin("/stats/prometheus").await;
        for (tenant, limit, holder) in [
            ("blue", "requests/day", "model"),
            ("acme", "requests/hour", "user"),
        ] {
            let line = format!(
                r#"tollgate_limited_total{{tenant="{tenant}",limit="{limit}",holder="{holder}"}} 1"#
            );
            assert!(stats.contains(&line), "no {line}");
        }
    });
}

#[test]
fn a_spent_budget_is_no_rate_limit() {
    run(async {
        let mut policy = limited(&json!([{"usd": "0.01", "per": "month"}]));
        for model in ["smart", "light"] {
            policy["models"][model]["targets"][0]["price"] = json!({"input": 10, "output": 10});
        }
        let stand = stand(&policy).await;
        let usage = json!({"usage": {"prompt_tokens": 100, "completion_tokens": 800}});
        assert_eq!(
            stand
                .send(&Ask::chat(&bounded(900)).mock(&usage))
                .await
                .status,
            200
        );
        let settled = eventually("the first call is settled", 5, async || {
            let answer = stand
                .send(&Ask::chat(&bounded(20)).mock(&json!({"status": 500})))
                .await;
            (answer.status == 500).then_some(())
        });
        settled.await;
        let refused = stand.send(&Ask::chat(&bounded(900))).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (429, "insufficient_quota")
        );
        assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
        assert_eq!(refused.header("x-should-retry"), "false");
        assert_eq!(refused.header("retry-after"), "");
    });
}

#[test]
fn a_call_larger_than_its_limit_is_told_so() {
    run(async {
        let stand = stand(&limited(&json!([{"tokens": 1000, "per": "minute"}]))).await;
        let refused = stand.send(&Ask::chat(&bounded(1001))).await;
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header("x-should-retry"), "false");
        assert_eq!(refused.header("retry-after"), "");
        assert!(
            refused.text().contains("more than that"),
            "{}",
            refused.text()
        );
    });
}

#[test]
fn what_is_left_is_told_in_both_protocols() {
    run(async {
        let limits = json!([
            {"requests": 10, "per": "minute"}, {"tokens": 50000, "per": "hour"},
            {"input_tokens": 20000, "per": "hour"}, {"output_tokens": 30000, "per": "hour"},
        ]);
        let stand = stand(&limited(&limits)).await;
        let answer = stand.send(&Ask::chat(&bounded(100))).await;
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "10");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), "9");
        assert!(answer.header("x-ratelimit-reset-requests").ends_with('s'));
        let message = json!({"model": "smart", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
        let answer = stand.send(&Ask::messages(&message)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("anthropic-ratelimit-requests-remaining"), "8");
        for kind in ["tokens", "input-tokens", "output-tokens"] {
            let reset = answer.header(&format!("anthropic-ratelimit-{kind}-reset"));
            assert!(reset.starts_with("20") && reset.ends_with('Z'), "{reset}");
        }
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "");
        for _ in 0..8 {
            stand.send(&Ask::messages(&message)).await;
        }
        let refused = stand.send(&Ask::messages(&message)).await;
        assert_eq!(refused.status, 429);
        assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
        assert_eq!(
            refused.header("anthropic-ratelimit-requests-remaining"),
            "0"
        );
    });
}

#[test]
fn calls_under_way_are_limited() {
    run(async {
        let stand = stand(&limited(&json!([{"concurrent": 3}]))).await;
        let port = stand.envoy.port();
        let slow = json!({"delay_ms": 1000});
        let mut running = JoinSet::new();
        for _ in 0..12 {
            let ask = Ask::chat(&prompt("hi")).mock(&slow);
            running.spawn(async move { ask.try_send(port).await.expect("an answer").status });
        }
        let mut statuses = running.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [[200; 3].as_slice(), &[429; 9]].concat());
        let again = eventually("slots are free again", 5, async || {
            let answer = stand.send(&Ask::chat(&prompt("hi"))).await;
            (answer.status == 200).then_some(())
        });
        again.await;
    });
}

#[test]
fn a_limit_in_shadow_mode_counts_only() {
    run(async {
        let limits = json!([
            {"requests": 1, "per": "day", "shadow": true, "name": "strict"},
            {"requests": 3, "per": "day"},
        ]);
        let stand = stand(&limited(&limits)).await;
        for wanted in [200, 200, 200, 429] {
            assert_eq!(stand.send(&Ask::chat(&prompt("hi"))).await.status, wanted);
        }
        let stats = stand.envoy.admin("/stats/prometheus").await;
        assert!(
            stats.contains(r#"tollgate_shadow_total{kind="limit",name="strict"} 2"#),
            "{stats}"
        );
    });
}

#[test]
fn a_spent_budget_sends_calls_to_a_cheaper_model() {
    run(async {
        let mut policy = limited(&json!([{"usd": 1, "per": "day"}]));
        for (model, price) in [("smart", 1000), ("light", 1)] {
            policy["models"][model]["targets"][0]["price"] =
                json!({"input": price, "output": price});
        }
        policy["routing"] = json!([
            {"name": "thrift", "when": {"model": "smart", "budget_used_over": "80%"}, "use": "light", "override": true},
        ]);
        let stand = stand(&policy).await;
        let usage = json!({"usage": {"prompt_tokens": 10, "completion_tokens": 800}});
        let first = Ask::chat(&bounded(900)).mock(&usage);
        assert_eq!(stand.send(&first).await.status, 200);
        assert_eq!(stand.record(&first).await["model"], "smart");
        let second = Ask::chat(&bounded(900)).mock(&usage);
        let answer = stand.send(&second).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let record = stand.record(&second).await;
        assert_eq!(
            (&record["model"], &record["rule"]),
            (&json!("light"), &json!("thrift"))
        );
    });
}

#[test]
fn tries_that_fail_are_settled_once() {
    run(async {
        let mut policy = fleet_policy();
        policy["tenants"]["acme"]["limits"] = json!([{"tokens": PLENTY, "per": "day"}]);
        let fleet = Fleet::start(Config::fallback().policy(&policy, Form::Struct)).await;
        let ask = Ask::chat(&bounded(100)).mock(&json!({"a": {"status": 503}}));
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(fleet.tries(&ask)[..2], [1, 1]);
        let record = fleet.record(&ask).await;
        let tokens = |field: &str| record[field].as_u64().unwrap();
        let took = tokens("input_tokens") + tokens("output_tokens");
        assert_eq!(record["usage"], "reported", "{record}");
        let first = PLENTY - remaining(&answer);
        let settled = eventually("it is settled", 5, async || {
            let answer = fleet
                .send(&Ask::chat(&bounded(100)).mock(&json!({"status": 400})))
                .await;
            (remaining(&answer) + first + took == PLENTY).then_some(())
        });
        settled.await;
    });
}

#[test]
fn a_reload_keeps_what_was_used() {
    run(async {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("tollgate.yaml");
        let with = |requests: u64| {
            let mut policy = limited(&json!([{"requests": requests, "per": "day"}]));
            policy["models"]["smart"]["limits"] = json!([{"tokens": PLENTY, "per": "day"}]);
            discovered(Config::gateway().policy(&policy, Form::Struct), &file)
        };
        let (config, first) = with(5);
        put(&file, &first);
        let stand = Stand::start(config).await;
        // One that is under way when the policy changes is settled where it was reserved.
        let usage =
            json!({"usage": {"prompt_tokens": 3, "completion_tokens": 4}, "delay_ms": 3000});
        let slow = Ask::chat(&bounded(1000)).mock(&usage);
        let (asked, port) = (slow.clone(), stand.envoy.port());
        let running = tokio::spawn(async move { asked.send(port).await });
        for _ in 0..3 {
            assert_eq!(stand.send(&Ask::chat(&bounded(9))).await.status, 200);
        }
        let probe = async |requests: u64| {
            eventually("the new policy", 20, async || {
                let answer = stand.send(&Ask::chat(&bounded(9))).await;
                let limit = answer.header("x-ratelimit-limit-requests").to_owned();
                (limit == requests.to_string()).then_some(answer)
            })
            .await
        };
        // Below what is used nothing passes; above it, what is left.
        put(&file, &with(2).1);
        assert_eq!(probe(2).await.status, 429);
        put(&file, &with(1000).1);
        let answer = probe(1000).await;
        assert_eq!(answer.status, 200);
        let left: u64 = answer
            .header("x-ratelimit-remaining-requests")
            .parse()
            .unwrap();
        assert!((990..=995).contains(&left), "{left}");
        assert_eq!(running.await.unwrap().status, 200);
        eventually("the slow call's reservation is gone", 20, async || {
            let answer = stand.send(&Ask::chat(&bounded(9))).await;
            let taken =
                PLENTY.saturating_sub(answer.header("x-ratelimit-remaining-tokens").parse().ok()?);
            (answer.status == 200 && taken < 1000).then_some(())
        })
        .await;
    });
}

/// Threads whose machine has crashed, by Envoy's log.
fn crashed(log: &str) -> BTreeSet<String> {
    let lines = log.lines().filter(|line| line.contains("panicked at"));
    // `[time][thread][level]…`
    let threads = lines.filter_map(|line| line.split(['[', ']']).nth(3));
    threads.map(str::to_owned).collect()
}

#[test]
fn what_a_lost_worker_held_is_over_charged_and_its_slots_come_back() {
    run(async {
        let limits = json!([{"tokens": PLENTY, "per": "day"}, {"concurrent": 2, "lease": "4s"}]);
        let wasm = env_path("TOLLGATE_PANIC_WASM");
        let config = Config::gateway()
            .policy(&limited(&limits), Form::Struct)
            .replace("dist/tollgate.wasm", &wasm.display().to_string());
        let stand = Stand::start(config).await;
        let port = stand.envoy.port();
        let hang = Ask::chat(&bounded(500)).mock(&json!({"fault": "hang"}));
        let mut lost = JoinSet::new();
        for _ in 0..2 {
            let hang = hang.clone();
            lost.spawn(async move { hang.try_send(port).await });
        }
        eventually("both are under way", 10, async || {
            (stand.received(&hang).len() == 2).then_some(())
        })
        .await;
        let small = Ask::chat(&bounded(1));
        assert_eq!(stand.send(&small).await.status, 429);
        // Each crash hits the worker that its connection is on: both are hit in time. Nobody tells
        // the calls that their machine is lost: they still hang, and hold what they held.
        let crash = Ask::chat(&bounded(1)).header("x-test-panic", "1");
        eventually("both workers lose their machine", 20, async || {
            crash.try_send(port).await;
            (crashed(&stand.envoy.log()).len() == 2).then_some(())
        })
        .await;
        let answer = eventually("the slots come back", 10, async || {
            let answer = stand.send(&Ask::chat(&bounded(1))).await;
            (answer.status == 200).then_some(answer)
        })
        .await;
        let taken = PLENTY - remaining(&answer);
        let each = reservation(&bounded(500)).await;
        assert!(
            (2 * each..2 * each + 100).contains(&taken),
            "{taken} of {each}"
        );
    });
}

#[test]
fn the_shipped_example_limits_as_it_says() {
    run(async {
        let stand = Stand::start(Config::shipped("limits.yaml")).await;
        let (answer, received) = stand.pass(&Ask::chat(&prompt("hello"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(received.json()["max_completion_tokens"], 2048);
        // Of two limits in one unit, the one that is nearer to its end.
        for (name, value) in [
            ("x-ratelimit-limit-requests", "100"),
            ("x-ratelimit-remaining-requests", "99"),
            ("x-ratelimit-limit-tokens", "200000"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
        assert!((197_000..198_000).contains(&remaining(&answer)));
        let light = json!({"model": "light", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
        let blue = || Ask::chat(&light).key("demo-blue-key");
        for left in (0..20).rev() {
            let answer = stand.send(&blue()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("x-ratelimit-limit-requests"), "20");
            let told: u64 = answer
                .header("x-ratelimit-remaining-requests")
                .parse()
                .unwrap();
            assert_eq!(told, left);
        }
        let refused = stand.send(&blue()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (429, "rate_limit_exceeded")
        );
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=65).contains(&wait), "{wait}");
        let page = Ask::new("GET", "/tollgate/usage").key("demo-admin-key");
        let page = stand.send(&page).await.json();
        let names = page["limits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|limit| &limit["name"]);
        let names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "tokens/minute",
                "strict",
                "usd/day",
                "usd/month",
                "requests/day/smart",
                "concurrent"
            ]
        );
    });
}
