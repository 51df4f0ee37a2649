/*! Budgets that outlive Envoy: `kill -9`, hot restart, and a store that is down, slow or
spoilt. The store is nginx. */

use serde_json::{Value, json};
use std::time::Duration;
use tollgate_tests::{
    Answer, Ask, Config, Form, Kv, Release, Stand, demo_policy, env_path, eventually, run,
};

/// Two tenants: acme may make ten calls a month, blue as many as it likes in a minute. A month,
/// since a test that runs at midnight would begin a day with one count and end it with another.
fn policy(until_loaded: &str) -> Value {
    let mut policy = demo_policy();
    policy["tenants"]["acme"]["limits"] = json!([{"requests": 10, "per": "month"}]);
    policy["tenants"]["blue"]["limits"] = json!([{"requests": 1000, "per": "minute"}]);
    policy["ledger"] = json!({"store": {
        "cluster": "store", "every": "1s", "timeout": "500ms", "until_loaded": until_loaded,
    }});
    policy
}

fn config(store: &Kv, policy: &Value) -> Config {
    let port = format!("port_value: {}", store.port());
    let config = Config::shipped("durable.yaml").policy(policy, Form::Struct);
    config.replace("port_value: 8090", &port)
}

async fn start(store: &Kv, until_loaded: &str) -> Stand {
    Stand::start(config(store, &policy(until_loaded))).await
}

fn hello(model: &str) -> Ask {
    Ask::chat(&json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}))
}

async fn acme(stand: &Stand) -> Answer {
    stand.send(&hello("smart")).await
}

async fn blue(stand: &Stand) -> Answer {
    stand.send(&hello("light").key("demo-blue-key")).await
}

/// Makes calls that must be good.
async fn calls(stand: &Stand, count: usize) {
    for number in 0..count {
        let answer = acme(stand).await;
        assert_eq!(answer.status, 200, "call {number}: {}", answer.text());
    }
}

async fn is_ready(stand: &Stand) {
    eventually("the store is loaded", 20, async || {
        let answer = acme(stand).await;
        match answer.status {
            // A call that counts.
            200 => Some(()),
            _ => {
                assert_eq!(answer.code(), "ledger_loading");
                None
            }
        }
    })
    .await;
}

/// Waits until all that was used is in the store: no object is written any more.
async fn saved(stand: &Stand) {
    let written = "wasmcustom.tollgate.store_saves_total";
    let mut last = 0;
    eventually("all is saved", 30, async || {
        let before = stand.envoy.stat(written).await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        last = stand.envoy.stat(written).await;
        (before == last && last > 0).then_some(())
    })
    .await;
}

/// How many calls acme can still make.
async fn left(stand: &Stand) -> usize {
    for number in 0..=10 {
        let answer = acme(stand).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 429, "{}", answer.text());
            return number;
        }
    }
    panic!("more than ten calls");
}

#[test]
fn budgets_hold_after_kill_9() {
    run(async {
        let store = Kv::start().await;
        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        calls(&stand, 3).await;
        saved(&stand).await;
        stand.envoy.kill();

        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        calls(&stand, 1).await;
        saved(&stand).await;
        stand.envoy.kill();

        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        // 1 + 3, 1 + 1, 1 so far.
        assert_eq!(left(&stand).await, 3);
        let log = stand.envoy.log();
        assert_eq!(log.matches("records loaded").count(), 1, "by one worker");
        assert!(log.contains("ledger.store: 1 records loaded"), "{log}");
    });
}

#[test]
fn what_kill_9_loses_is_bounded() {
    run(async {
        let store = Kv::start().await;
        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        calls(&stand, 4).await;
        saved(&stand).await;
        // These may be lost, no others.
        calls(&stand, 2).await;
        stand.envoy.kill();

        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        let left = left(&stand).await;
        assert!(
            (2..=4).contains(&left),
            "{left}: 8 calls are known, 5 of them surely"
        );
    });
}

#[test]
fn without_the_store_calls_under_long_limits_wait() {
    run(async {
        let mut store = Kv::start().await;
        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        calls(&stand, 4).await;
        saved(&stand).await;
        stand.envoy.kill();
        store.go_down();

        let stand = start(&store, "refuse").await;
        for _ in 0..5 {
            let refused = acme(&stand).await;
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (503, "ledger_loading")
            );
            assert_eq!(refused.header("retry-after"), "1");
            assert_eq!(blue(&stand).await.status, 200, "its limits are short");
        }
        eventually("the failures are counted", 10, async || {
            let failures = "wasmcustom.tollgate.store_load_failures_total";
            (stand.envoy.stat(failures).await > 1).then_some(())
        })
        .await;
        let smart = stand.mock.received(|it| it.json()["model"] == "gpt-5.1");
        assert!(smart.is_empty(), "no refused call reached the provider");
        store.go_up().await;
        is_ready(&stand).await;
        assert_eq!(left(&stand).await, 4);
    });
}

#[test]
fn with_admit_calls_go_on_and_are_added() {
    run(async {
        let mut store = Kv::start().await;
        let stand = start(&store, "admit").await;
        calls(&stand, 4).await;
        saved(&stand).await;
        stand.envoy.kill();
        store.go_down();

        let stand = start(&store, "admit").await;
        calls(&stand, 3).await;
        store.go_up().await;
        eventually("the store is loaded", 20, async || {
            stand.envoy.log().contains("records loaded").then_some(())
        })
        .await;
        assert_eq!(left(&stand).await, 3);
    });
}

#[test]
fn garbage_in_the_store_is_not_taken_for_an_unused_budget() {
    run(async {
        let store = Kv::start().await;
        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        saved(&stand).await;
        stand.envoy.kill();
        let objects = store.objects("tollgate");
        let [limits, owner] = objects.as_slice() else {
            panic!("{objects:?}");
        };
        assert!(limits.starts_with("limits-") && owner == "owner");
        let file = store.file("tollgate/tollgate").join(limits);
        let good = std::fs::read(&file).unwrap();
        let half = &good[..good.len() / 2];
        for bad in [half, b"", b"<html>Sign in</html>"] {
            std::fs::write(&file, bad).unwrap();
            let stand = start(&store, "refuse").await;
            eventually("it is told", 15, async || {
                stand
                    .envoy
                    .log()
                    .contains("restore or remove it")
                    .then_some(())
            })
            .await;
            assert_eq!(acme(&stand).await.code(), "ledger_loading");
            assert!(stand.envoy.log().contains(&format!("object {limits} is")));
            assert_eq!(std::fs::read(&file).unwrap(), bad, "it is left alone");
        }
        let stand = start(&store, "refuse").await;
        std::fs::write(&file, &good).unwrap();
        is_ready(&stand).await;
        assert_eq!(left(&stand).await, 8);
    });
}

#[test]
fn a_store_that_is_down_or_hangs_meanwhile_delays_no_call() {
    run(async {
        let mut store = Kv::start().await;
        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        store.hang();
        calls(&stand, 3).await;
        let failures = "wasmcustom.tollgate.store_save_failures_total";
        eventually("saving fails", 20, async || {
            (stand.envoy.stat(failures).await > 1).then_some(())
        })
        .await;
        calls(&stand, 1).await;
        store.goes_on();
        store.go_down();
        calls(&stand, 1).await;
        store.go_up().await;
        saved(&stand).await;
        stand.envoy.kill();

        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        assert_eq!(left(&stand).await, 3);
    });
}

#[test]
fn after_a_hot_restart_the_old_envoy_neither_writes_nor_admits() {
    run(async {
        let store = Kv::start().await;
        let old = start(&store, "refuse").await;
        is_ready(&old).await;
        calls(&old, 2).await;
        saved(&old).await;

        let new = start(&store, "refuse").await;
        is_ready(&new).await;
        calls(&new, 2).await;
        // What the old one still admits is what it does not know better of yet.
        eventually("the old one knows", 20, async || {
            let answer = acme(&old).await;
            (answer.status == 503 && answer.code() == "ledger_loading").then_some(())
        })
        .await;
        assert!(
            old.envoy
                .log()
                .contains("another Envoy has taken over the store")
        );
        saved(&new).await;
        old.envoy.kill();
        new.envoy.kill();

        let next = start(&store, "refuse").await;
        is_ready(&next).await;
        assert_eq!(
            left(&next).await,
            3,
            "3 of the old one, 3 of the new one, and 1"
        );
    });
}

#[test]
fn what_is_left_of_a_crashed_machine_is_saved() {
    run(async {
        let store = Kv::start().await;
        let wasm = env_path("TOLLGATE_PANIC_WASM").display().to_string();
        let config = config(&store, &policy("refuse"));
        let stand = Stand::start(config.replace("dist/tollgate.wasm", &wasm)).await;
        is_ready(&stand).await;
        // Some of these crash the machine that saves.
        for _ in 0..6 {
            let crash = hello("smart").header("x-test-panic", "1");
            assert_eq!(stand.send(&crash).await.status, 503);
            // Envoy waits a little before it loads a machine again, and answers by itself.
            eventually("a machine", 10, async || {
                let answer = acme(&stand).await;
                assert!(answer.status == 200 || answer.body.is_empty());
                (answer.status == 200).then_some(())
            })
            .await;
        }
        // The lease of a crashed machine runs out first.
        tokio::time::sleep(Duration::from_secs(6)).await;
        saved(&stand).await;
        stand.envoy.kill();

        let stand = start(&store, "refuse").await;
        is_ready(&stand).await;
        assert_eq!(left(&stand).await, 2, "1 + 6 and 1");
    });
}

#[test]
fn the_shipped_file_runs_with_the_documented_store() {
    run(async {
        for release in [Release::Current, Release::Oldest] {
            let store = Kv::start().await;
            let port = format!("port_value: {}", store.port());
            let config = Config::shipped("durable.yaml").replace("port_value: 8090", &port);
            let stand = Stand::start_release(release, config).await;
            eventually("the store is loaded", 20, async || {
                (acme(&stand).await.status == 200).then_some(())
            })
            .await;
            eventually("it is saved", 20, async || {
                // acme's, the user's shard, and the owner.
                (store.objects("tollgate").len() == 3).then_some(())
            })
            .await;
        }
    });
}
