/*! A panic, which no input should cause: only its own worker's streams are cut, and the
next call works. */

use serde_json::json;
use tollgate_tests::{Ask, Config, Stand, env_path, eventually, run};

#[test]
fn a_panic_costs_one_workers_streams_and_nothing_after() {
    run(async {
        let wasm = env_path("TOLLGATE_PANIC_WASM");
        let config = Config::gateway().replace("dist/tollgate.wasm", &wasm.display().to_string());
        let stand = Stand::start(config).await;
        let body = json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]});
        let before = Ask::chat(&body);
        assert_eq!(stand.send(&before).await.status, 200);
        for _ in 0..3 {
            // Slow streams on connections of their own spread over both workers.
            let mut streamed = body.clone();
            streamed["stream"] = json!(true);
            let slow = Ask::chat(&streamed).mock(&json!({"piece": 100, "piece_delay_ms": 100}));
            let port = stand.envoy.port();
            let mut streams = tokio::task::JoinSet::new();
            for _ in 0..12 {
                let slow = slow.clone();
                streams.spawn(async move { slow.send(port).await.complete });
            }
            eventually("the streams run", 10, async || {
                (stand.received(&slow).len() == 12).then_some(())
            })
            .await;
            let crash = Ask::chat(&body).header("x-test-panic", "1");
            assert_eq!(stand.send(&crash).await.status, 503);
            assert!(stand.received(&crash).is_empty());
            let after = Ask::chat(&body);
            assert_eq!(stand.send(&after).await.status, 200, "the next call works");
            let complete = streams.join_all().await;
            let survived = complete.iter().filter(|complete| **complete).count();
            assert!(
                survived > 0,
                "the other worker's streams go on: {complete:?}"
            );
        }
        // Totals outlive the virtual machine.
        let totals = stand.totals("smart").await;
        assert!(totals["calls"].as_u64().unwrap() >= 4);
    });
}
