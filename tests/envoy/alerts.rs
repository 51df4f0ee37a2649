/*! Alerts, from a call to the webhook, which is another mock. */

use mock_provider::{Fault, Mock, Received, Script};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_tests::{Ask, Config, Form, Protocol, Stand, demo_policy, eventually, run};

/// Acme may make twenty calls a day, and the operator wants to know at half of them and at
/// four fifths.
fn policy() -> Value {
    let mut policy = demo_policy();
    let limit = json!({"name": "daily", "requests": 20, "per": "day", "alert_at": ["50%", "80%"]});
    policy["tenants"]["acme"]["limits"] = json!([limit]);
    policy["alerts"] = json!({"cluster": "alerts", "path": "/hooks/budget", "timeout": "1s"});
    policy
}

async fn start() -> (Stand, Mock) {
    let hook = Mock::start(([127, 0, 0, 1], 0).into()).await;
    let hook = hook.expect("a webhook");
    let port = format!("port_value: {}", hook.address().port());
    let config = Config::shipped("durable.yaml").policy(&policy(), Form::Struct);
    let stand = Stand::start(config.replace("port_value: 8091", &port)).await;
    (stand, hook)
}

/// Calls all at once, over both workers.
async fn calls(stand: &Stand, count: usize) {
    let port = stand.envoy.port();
    let mut running = JoinSet::new();
    for number in 0..count {
        let protocol = [Protocol::Http1, Protocol::Http2][number % 2];
        let body = json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]});
        let ask = Ask::chat(&body).over(protocol);
        running.spawn(async move { ask.send(port).await.status });
    }
    assert_eq!(running.join_all().await, vec![200; count]);
}

fn posts(hook: &Mock) -> Vec<Received> {
    hook.received(|received| received.path() == "/hooks/budget")
}

async fn sent(stand: &Stand, count: u64) {
    eventually("the webhook was told", 30, async || {
        let sent = stand
            .envoy
            .stat("wasmcustom.tollgate.alerts_sent_total")
            .await;
        (sent == count).then_some(())
    })
    .await;
}

#[test]
fn each_percentage_is_told_once() {
    run(async {
        let (stand, hook) = start().await;
        calls(&stand, 9).await;
        assert!(!stand.envoy.log().contains("alert:"));
        calls(&stand, 11).await;
        sent(&stand, 2).await;
        let posts = posts(&hook);
        assert_eq!(posts.len(), 2);
        let mut percents = Vec::new();
        for post in &posts {
            assert_eq!(post.line, "POST /hooks/budget");
            assert_eq!(post.authority, "alerts");
            assert_eq!(post.header("content-type"), "application/json");
            let body = post.json();
            for (field, value) in [
                ("type", json!("budget_alert")),
                ("namespace", json!("tollgate")),
                ("scope", json!("tenant")),
                ("name", json!("acme")),
                ("limit", json!("daily")),
                ("amount", json!(20)),
                ("unit", json!("requests")),
            ] {
                assert_eq!(body[field], value, "{field} of {body}");
            }
            let [start, end] = ["window_start", "window_end"].map(|it| body[it].as_u64().unwrap());
            assert_eq!((start % 86_400, end - start), (0, 86_400));
            let percent = body["percent"].as_u64().unwrap();
            assert!(body["used"].as_u64().unwrap() * 5 >= percent);
            percents.push(percent);
        }
        percents.sort_unstable();
        assert_eq!(percents, [50, 80]);
        assert_ne!(posts[0].json()["id"], posts[1].json()["id"]);
        assert_eq!(
            stand.envoy.log().matches("alert: tenant \"acme\"").count(),
            2
        );
        let metrics = stand.envoy.admin("/stats/prometheus").await;
        let counted = "tollgate_alerts_total{kind=\"tenant\",name=\"acme\"} 2";
        assert!(metrics.contains(counted), "{metrics}");
    });
}

#[test]
fn a_webhook_that_was_away_is_told_later() {
    run(async {
        let (stand, hook) = start().await;
        hook.stop().await;
        calls(&stand, 10).await;
        eventually("it was tried", 20, async || {
            let refused = "cluster.alerts.upstream_cx_connect_fail";
            (stand.envoy.stat(refused).await > 0).then_some(())
        })
        .await;
        hook.set_default(Script {
            status: Some(500),
            ..Script::default()
        });
        hook.restart().await.unwrap();
        eventually("it was refused", 30, async || {
            (!posts(&hook).is_empty()).then_some(())
        })
        .await;
        hook.set_default(Script::default());
        sent(&stand, 1).await;
        let posts = posts(&hook);
        assert!(posts.len() >= 2);
        assert!(posts.iter().all(|post| post.body == posts[0].body));
    });
}

#[test]
fn a_webhook_that_hangs_holds_no_call_up() {
    run(async {
        let (stand, hook) = start().await;
        hook.set_default(Script {
            fault: Some(Fault::Hang),
            ..Script::default()
        });
        calls(&stand, 10).await;
        eventually("it hangs", 20, async || {
            (!posts(&hook).is_empty()).then_some(())
        })
        .await;
        calls(&stand, 10).await;
        hook.set_default(Script::default());
        sent(&stand, 2).await;
    });
}
