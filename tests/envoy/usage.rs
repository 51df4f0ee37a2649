/*! The usage page, top-up and reset: over two workers, in both protocols. */

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_tests::{Answer, Ask, Config, Form, Stand, demo_policy, eventually, run};

async fn stand(limits: &Value, per_user: &Value) -> Stand {
    let mut policy = demo_policy();
    for (name, list) in [("limits", limits), ("per_user", per_user)] {
        if list != &json!([]) {
            policy["tenants"]["acme"][name] = list.clone();
        }
    }
    for model in ["smart", "light"] {
        policy["models"][model]["targets"][0]["price"] = json!({"input": 1, "output": 2});
    }
    Stand::start(Config::gateway().policy(&policy, Form::Struct)).await
}

fn call() -> Ask {
    let body = json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]});
    Ask::chat(&body).mock(&json!({"usage": {"prompt_tokens": 10, "completion_tokens": 5}}))
}

fn admin(method: &str, path: &str) -> Ask {
    Ask::new(method, path).key("demo-admin-key")
}

fn change(path: &str, body: &Value) -> Ask {
    admin("POST", path)
        .header("content-type", "application/json")
        .body(body.to_string())
}

async fn page(stand: &Stand) -> Value {
    stand.send(&admin("GET", "/tollgate/usage")).await.json()
}

async fn statuses(stand: &Stand, count: usize) -> Vec<u16> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(stand.send(&call()).await.status);
    }
    all
}

#[test]
fn the_page_tells_of_all_workers_and_of_the_caller() {
    run(async {
        const CALLS: u64 = 40;
        let limits = json!([{"usd": 1, "per": "day"}, {"concurrent": 100}]);
        let stand = stand(&limits, &json!([{"tokens": 1_000_000, "per": "hour"}])).await;
        let port = stand.envoy.port();
        let mut calls = JoinSet::new();
        for _ in 0..CALLS {
            calls.spawn(async move { call().send(port).await.status });
        }
        assert_eq!(calls.join_all().await, [200; 40]);
        // A call is settled a moment after its answer.
        let page = eventually("all is settled", 10, async || {
            let page = page(&stand).await;
            let settled = page["limits"][1]["reserved"] == 0;
            settled.then_some(page)
        });
        let page = page.await;
        let usd = &page["limits"][0];
        assert_eq!(usd["used_nano_usd"], CALLS * 20_000);
        assert_eq!(
            (&usd["used"], &usd["remaining"]),
            (&json!("0.0008"), &json!("0.9992"))
        );
        assert_eq!(page["models"]["smart"]["calls"], CALLS);
        let own = stand
            .send(&Ask::new("GET", "/tollgate/usage").key("demo-acme-key"))
            .await
            .json();
        assert_eq!(own["per_user"][0]["used"], CALLS * 15);
        assert_eq!(
            (&own["limits"], &own["models"]),
            (&Value::Null, &Value::Null)
        );
    });
}

#[test]
fn a_top_up_lets_calls_through_again() {
    run(async {
        let limits = json!([{"requests": 3, "per": "day", "name": "calls"}]);
        let stand = stand(&limits, &json!([])).await;
        assert_eq!(statuses(&stand, 4).await, [200, 200, 200, 429]);
        let top_up = change("/tollgate/limits/calls/top-up", &json!({"amount": 2}));
        let answer = stand.send(&top_up).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["limit"]["limit"], 5);
        assert_eq!(statuses(&stand, 3).await, [200, 200, 429]);
        let reset = stand
            .send(&admin("POST", "/tollgate/limits/calls/reset"))
            .await;
        assert_eq!(reset.json()["limit"]["remaining"], 5);
        assert_eq!(statuses(&stand, 6).await, [200, 200, 200, 200, 200, 429]);
        // Who did it is on record, and what.
        let record = stand.record(&top_up).await;
        assert_eq!(
            (
                &record["operation"],
                &record["key_label"],
                &record["reason"]
            ),
            (
                &json!("limit_top_up"),
                &json!("admin"),
                &json!("calls topped up by 2")
            )
        );
        let log = stand.envoy.log();
        assert!(
            log.contains("limit of tenant acme: calls reset, by key \"admin\""),
            "{log}"
        );
    });
}

#[test]
fn top_ups_at_once_on_both_workers_all_count() {
    run(async {
        const TIMES: u64 = 60;
        let limits = json!([{"usd": 1, "per": "month"}]);
        let stand = stand(&limits, &json!([])).await;
        let port = stand.envoy.port();
        let mut changes = JoinSet::new();
        for _ in 0..TIMES {
            let path = "/tollgate/limits/usd/month/top-up";
            let ask = change(path, &json!({"amount": "0.5"}));
            changes.spawn(async move { ask.send(port).await.status });
        }
        assert_eq!(changes.join_all().await, [200; 60]);
        let page = page(&stand).await;
        assert_eq!(page["limits"][0]["limit"], "31");
        assert_eq!(page["limits"][0]["topped_up_nano_usd"], TIMES * 500_000_000);
    });
}

#[test]
fn only_admins_change_limits_and_only_with_sense() {
    run(async {
        let limits = json!([{"requests": 3, "per": "day"}]);
        let stand = stand(&limits, &json!([])).await;
        let path = "/tollgate/limits/requests/day/top-up";
        let good = json!({"amount": 5});
        let told = |answer: &Answer| (answer.status, answer.code());
        for (ask, status, code) in [
            (change(path, &good).key("demo-acme-key"), 403, "admin_only"),
            (change(path, &good).key("demo-blue-key"), 403, "admin_only"),
            (change(path, &json!({"amount": -5})), 400, "invalid_value"),
            (
                change("/tollgate/limits/other/top-up", &good),
                404,
                "limit_not_found",
            ),
            (admin("GET", path), 405, "method_not_allowed"),
        ] {
            let answer = stand.send(&ask).await;
            assert_eq!(told(&answer), (status, code.to_owned()));
        }
        assert_eq!(page(&stand).await["limits"][0]["limit"], 3);
        assert!(stand.mock.received(|_| true).is_empty());
    });
}

#[test]
fn who_reads_too_often_is_told_in_the_own_protocol() {
    run(async {
        let stand = stand(&json!([]), &json!([])).await;
        let read = || Ask::new("GET", "/tollgate/usage").key("demo-acme-key");
        for _ in 0..60 {
            assert_eq!(stand.send(&read()).await.status, 200);
        }
        let refused = stand.send(&read()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (429, "rate_limit_exceeded")
        );
        assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 66);
        let read = read().header("anthropic-version", "2023-06-01");
        let refused = stand.send(&read).await;
        assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
        assert_eq!(statuses(&stand, 1).await, [200]);
    });
}
