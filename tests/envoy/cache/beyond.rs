//! A store that several Envoys have, and questions in other words.

use super::*;
use crate::services::with_services;
use mock_provider::Mock;
use tollgate_tests::Kv;

/// A gateway with a store at this port, for the answers of all.
async fn beside(store: &Kv) -> Stand {
    let settings = json!({"cluster": "answers", "path": "/answers/{key}", "timeout": "2s"});
    let cache =
        json!({"scope": "tenant", "max_entry": "1MiB", "memory": "16MiB", "store": settings});
    let config = Config::gateway().policy(&policy(cache), Form::Struct);
    Stand::start(with_services(config, &[("answers", store.port())])).await
}

#[test]
fn what_one_envoy_has_stored_another_gives() {
    run(async {
        let store = Kv::start().await;
        let (one, other) = (beside(&store).await, beside(&store).await);
        let script = json!({"text": "x".repeat(19_000), "events": 20, "chars": 20_000});
        for (text, script) in [("short", json!({})), ("long", script)] {
            let ask = Ask::chat(&streamed(chat(text))).mock(&script);
            let first = stored(&one, &ask).await;
            eventually("the store has it", 10, async || {
                let files = std::fs::read_dir(store.file("answers"));
                let files = files.map(|files| files.count()).unwrap_or(0);
                (files == if text == "short" { 1 } else { 2 }).then_some(())
            })
            .await;
            let ask = Ask::chat(&streamed(chat(text)));
            let (answer, record) = over(&other, &ask).await;
            assert_eq!(
                (said(&answer), &record["cache_reason"]),
                ("HIT", &json!("store"))
            );
            let content = "/choices/0/delta/content";
            assert!(text_at(&answer, content) == text_at(&first, content));
            assert!(other.received(&ask).is_empty());
            // From then on it lies here.
            let (answer, record) = over(&other, &Ask::chat(&chat(text))).await;
            assert_eq!(
                (said(&answer), &record["cache_reason"]),
                ("HIT", &Value::Null)
            );
        }
        // Another tenant's question is another one.
        let blue = Ask::chat(&chat("short")).key("demo-blue-key");
        assert_eq!(said(&other.send(&blue).await), "MISS");
    });
}

#[test]
fn a_store_that_is_down_or_hangs_or_talks_nonsense_is_in_nobodys_way() {
    run(async {
        let mut store = Kv::start().await;
        let stand = beside(&store).await;
        stored(&stand, &Ask::chat(&chat("one"))).await;
        // What lies there is overwritten.
        let folder = store.file("answers");
        eventually("the store has it", 10, async || {
            std::fs::read_dir(&folder).ok()?.next().map(drop)
        })
        .await;
        let other = beside(&store).await;
        for file in std::fs::read_dir(&folder).expect("a folder") {
            std::fs::write(file.expect("a file").path(), b"nonsense").expect("written");
        }
        let (answer, record) = over(&other, &Ask::chat(&chat("one"))).await;
        assert_eq!(
            (said(&answer), &record["cache_stored"]),
            ("MISS", &json!("stored"))
        );
        store.hang();
        let (answer, _) = over(&other, &Ask::chat(&chat("two"))).await;
        assert_eq!(said(&answer), "MISS");
        store.goes_on();
        store.go_down();
        for round in 0..20 {
            let ask = Ask::chat(&chat(&format!("down {round}")));
            assert_eq!(said(&over(&other, &ask).await.0), "MISS");
            assert_eq!(
                said(
                    &over(&other, &Ask::chat(&chat(&format!("down {round}"))))
                        .await
                        .0
                ),
                "HIT"
            );
        }
        let stats = other.envoy.admin("/stats/prometheus").await;
        let failures = stats
            .lines()
            .find(|line| line.starts_with("tollgate_cache_store_failures_total"));
        // Each worker has asked once or twice, and has then left it alone.
        let failures = failures
            .and_then(|line| line.rsplit(' ').next())
            .map_or(0, number);
        assert!((1..=8).contains(&failures), "{failures}");
    });
}

#[test]
fn a_question_in_other_words_gets_the_answer() {
    run(async {
        // The mock's embeddings are alike.
        let meanings = Mock::start(([127, 0, 0, 1], 0).into())
            .await
            .expect("a mock");
        let embeddings = json!({"cluster": "meanings", "model": "small", "timeout": "5s"});
        let cache = json!({"scope": "tenant", "embeddings": embeddings, "similar": 0.9});
        let config = Config::gateway().policy(&policy(cache), Form::Struct);
        let services = [("meanings", meanings.address().port())];
        let stand = Stand::start(with_services(config, &services)).await;
        // The answer takes longer than its question is understood.
        let script = json!({"delay_ms": 300, "text": "Paris."});
        let ask = Ask::chat(&chat("What is the capital of France?")).mock(&script);
        stored(&stand, &ask).await;
        let ask = Ask::chat(&streamed(chat(
            "Please tell me: what is the capital of France",
        )));
        let (answer, record) = over(&stand, &ask).await;
        assert_eq!(
            (said(&answer), &record["cache_reason"]),
            ("HIT", &json!("similar"))
        );
        assert_eq!(text_at(&answer, "/choices/0/delta/content"), "Paris.");
        assert!(stand.received(&ask).is_empty());
        for other in [
            "What is the capital of Spain?",
            "What isn't the capital of France?",
        ] {
            assert_eq!(
                said(&over(&stand, &Ask::chat(&chat(other))).await.0),
                "MISS",
                "{other}"
            );
        }
        let blue = Ask::chat(&chat("Tell me what the capital of France is")).key("demo-blue-key");
        assert_eq!(said(&stand.send(&blue).await), "MISS");
    });
}
