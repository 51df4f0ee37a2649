//! A store that several Envoys have, and questions in other words.

use super::*;
use crate::services::with_services;
use mock_provider::Mock;
use tollgate_tests::{Kv, Minilm, Python, repo};

/// A gateway with a store at this port, for the answers of all.
async fn beside(store: &Kv) -> Stand {
    let settings = json!({"cluster": "answers", "path": "/answers/{key}", "timeout": "2s"});
    let cache =
        json!({"scope": "tenant", "max_entry": "1MiB", "memory": "16MiB", "store": settings});
    let config = Config::gateway().policy(&policy(cache), Form::Struct);
    Stand::start(with_services(config, &[("answers", store.port())])).await
}

/// The shipped file beside this store and this model. A busy machine may take its time.
async fn shipped(store: &Kv, model: &Python) -> Stand {
    let config = Config::shipped("cache-shared.yaml")
        .replace("port_value: 8090", &format!("port_value: {}", store.port()))
        .replace("port_value: 8092", &format!("port_value: {}", model.port()))
        .replace("timeout: 50ms", "timeout: 2s")
        .replace("timeout: 250ms", "timeout: 10s");
    Stand::start(config).await
}

#[test]
fn the_shipped_file_has_answers_of_other_envoys_and_to_other_words() {
    run(async {
        let (store, model) = (Kv::start().await, Minilm::shared().await);
        let (one, other) = (shipped(&store, model).await, shipped(&store, model).await);
        what_one_envoy_has_stored_another_gives(&store, &one, &other).await;
        purged_by_one_number_they_go_on_sharing(&store, &one, &other).await;
        real_pairs_of_questions(&one).await;
    });
}

async fn what_one_envoy_has_stored_another_gives(store: &Kv, one: &Stand, other: &Stand) {
    let script = json!({"text": "x".repeat(19_000), "events": 10, "chars": 20_000});
    for (text, script) in [("short", json!({})), ("long", script)] {
        let ask = Ask::chat(&streamed(chat(text))).mock(&script);
        let first = stored(one, &ask).await;
        eventually("the store has it", 10, async || {
            let files = std::fs::read_dir(store.file("answers"));
            let files = files.map(|files| files.count()).unwrap_or(0);
            (files == if text == "short" { 1 } else { 2 }).then_some(())
        })
        .await;
        let ask = Ask::chat(&streamed(chat(text)));
        let (answer, record) = over(other, &ask).await;
        assert_eq!(
            (said(&answer), &record["cache_reason"]),
            ("HIT", &json!("store"))
        );
        let content = "/choices/0/delta/content";
        assert!(text_at(&answer, content) == text_at(&first, content));
        assert!(other.received(&ask).is_empty());
        // From then on it lies here.
        let (answer, record) = over(other, &Ask::chat(&chat(text))).await;
        assert_eq!(
            (said(&answer), &record["cache_reason"]),
            ("HIT", &Value::Null)
        );
    }
    // Another tenant's question is another one.
    let blue = Ask::chat(&chat("short")).key("demo-blue-key");
    assert_eq!(said(&other.send(&blue).await), "MISS");
}

async fn purged_by_one_number_they_go_on_sharing(store: &Kv, one: &Stand, other: &Stand) {
    let purge = async |stand: &Stand, body: &Value| {
        let ask = Ask::new("POST", "/tollgate/cache/purge").key("demo-admin-key");
        let ask = ask.header("content-type", "application/json");
        let answer = stand.send(&ask.body(body.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["generation"].as_u64().expect("a number")
    };
    let generation = purge(one, &json!({})).await;
    let ask = || Ask::chat(&chat("short"));
    stored(one, &ask()).await;
    eventually("the store has it", 10, async || {
        let files = std::fs::read_dir(store.file("answers")).ok()?;
        // Two questions and the other tenant's are there since before.
        (files.count() == 4).then_some(())
    })
    .await;
    purge(other, &json!({"generation": generation})).await;
    let (answer, record) = over(other, &ask()).await;
    let told = (said(&answer), &record["cache_reason"]);
    assert_eq!(told, ("HIT", &json!("store")));
}

/// A question to the model that knows questions in other words. Each pair has a group of its own.
fn faq(pair: usize, question: &str) -> Ask {
    let system = json!({"role": "system", "content": format!("Answer briefly. {pair}")});
    Ask::chat(&json!({"model": "faq", "messages": [system, {"role": "user", "content": question}]}))
}

/// What the cache says of each question. Those that are new are answered when it is known what
/// they mean, however busy the machine is.
async fn all_of(stand: &Stand, questions: &[String], are_new: bool) -> Vec<String> {
    let mut said_of = Vec::new();
    for (block, questions) in questions.chunks(BLOCK).enumerate() {
        let hold = match are_new {
            true => Some(stand.mock.hold().await),
            false => None,
        };
        let before = stand.mock.received(|_| true).len();
        let asks = questions.iter().enumerate().map(|(at, question)| {
            let ask = faq(block * BLOCK + at, question);
            let port = stand.envoy.port();
            tokio::spawn(async move { ask.send(port).await })
        });
        let asks = asks.collect::<Vec<_>>();
        if hold.is_some() {
            eventually("each has been asked, and is understood", 60, async || {
                // What a question means is asked before it goes to the provider.
                let asked = stand.mock.received(|_| true).len() - before;
                let waits = stand.envoy.stat("cluster.embeddings.upstream_rq_active");
                (asked == questions.len() && waits.await == 0).then_some(())
            })
            .await;
        }
        drop(hold);
        for asked in asks {
            said_of.push(said(&asked.await.expect("an answer")).to_owned());
        }
    }
    said_of
}

const BLOCK: usize = 24;

/// The pairs that docs/cache.md tells of, with the model that it names.
async fn real_pairs_of_questions(stand: &Stand) {
    let file = std::fs::read_to_string(repo("src/cache/semantic/pairs-unseen.tsv")).expect("pairs");
    let pairs: Vec<Vec<&str>> = file
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let column = |at: usize| {
        pairs
            .iter()
            .map(|pair| pair[at].to_owned())
            .collect::<Vec<_>>()
    };
    let first = all_of(stand, &column(2), true).await;
    assert!(first.iter().all(|said| said == "MISS"));
    eventually("all are stored", 15, async || {
        let stored = counted(stand, "tollgate_cache_stores_total", "outcome=\"stored\"").await;
        (stored >= count(pairs.len())).then_some(())
    })
    .await;
    let again = all_of(stand, &column(3), false).await;
    let hits = |kind: &str| {
        let pairs = pairs.iter().zip(&again);
        let hits = pairs.filter(|(pair, said)| pair[0] == kind && *said == "HIT");
        hits.map(|(pair, _)| &pair[2..]).collect::<Vec<_>>()
    };
    assert_eq!(hits("differ"), [[""; 0]; 0], "wrong answers");
    let right = hits("same").len();
    assert!(right >= 44, "{right} found");
    let similar = "outcome=\"hit\",kind=\"similar\"";
    let similar = counted(stand, "tollgate_cache_requests_total", similar).await;
    assert_eq!(similar, count(right));
}

fn count(items: usize) -> u64 {
    u64::try_from(items).expect("not that many")
}

/// The sum of a metric's series that have these labels.
async fn counted(stand: &Stand, metric: &str, labels: &str) -> u64 {
    let stats = stand.envoy.admin("/stats/prometheus").await;
    let lines = stats.lines().filter(|line| {
        let of_metric = line.starts_with(&format!("{metric}{{"));
        of_metric && labels.split(',').all(|label| line.contains(label))
    });
    lines
        .filter_map(|line| line.rsplit(' ').next())
        .map(number)
        .sum()
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
        let ask = Ask::chat(&chat("What is the capital of France?"));
        let ask = ask.mock(&json!({"text": "Paris."}));
        // The answer ends after its question is understood.
        let hold = stand.mock.hold().await;
        let opened = async {
            eventually("it is understood", 10, async || {
                let understood = stand.envoy.stat("cluster.meanings.upstream_rq_completed");
                (understood.await == 1).then_some(())
            })
            .await;
            drop(hold);
        };
        tokio::join!(stored(&stand, &ask), opened);
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
