/*! The response cache, over two workers: what it gives, to whom, and what it never does. */

mod beyond;

use crate::policy::{discovered, put};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tollgate_tests::{
    Answer, Ask, Config, Fleet, Form, Protocol, Stand, demo_policy, eventually, fleet_policy, run,
};

const MAIL: &str = "quilliam@zwexford.org";

/// The demo policy with this cache.
fn policy(cache: Value) -> Value {
    let mut policy = demo_policy();
    policy["tenants"]["blue"]["models"] = json!(["smart", "light"]);
    policy["cache"] = cache;
    policy
}

async fn stand(policy: &Value) -> Stand {
    Stand::start(Config::gateway().policy(policy, Form::Struct)).await
}

fn chat(text: &str) -> Value {
    json!({"model": "smart", "messages": [{"role": "user", "content": text}]})
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

/// What the cache says of an answer.
fn said(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-cache")
}

/// Makes a call, and waits until it is over.
async fn over(stand: &Stand, ask: &Ask) -> (Answer, Value) {
    let answer = stand.send(ask).await;
    let record = stand.record(ask).await;
    (answer, record)
}

/// Makes a call whose answer is stored.
async fn stored(stand: &Stand, ask: &Ask) -> Answer {
    let (answer, record) = over(stand, ask).await;
    assert_eq!(record["cache_stored"], "stored", "{record}");
    answer
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

#[test]
fn the_shipped_file_answers_again_on_every_worker_and_charges_nothing() {
    run(async {
        let stand = Stand::start(Config::shipped("cache.yaml")).await;
        let first = stored(&stand, &Ask::chat(&chat("What is a star?"))).await;
        assert_eq!((said(&first), first.header("age")), ("MISS", ""));
        let usage = Ask::new("GET", "/tollgate/usage").key("demo-admin-key");
        let used = async || stand.send(&usage).await.json()["limits"][0]["used"].take();
        let before = used().await;
        for round in 0..20 {
            let protocol = [Protocol::Http1, Protocol::Http2][round % 2];
            let ask = Ask::chat(&chat("What is a star?")).over(protocol);
            let (answer, record) = over(&stand, &ask).await;
            assert_eq!((said(&answer), &answer.body), ("HIT", &first.body));
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(number(answer.header("age")) < 60);
            assert!(stand.received(&ask).is_empty());
            assert_eq!(
                (&record["cache"], &record["outcome"], &record["usage"]),
                (&json!("hit"), &json!("ok"), &json!("none"))
            );
            assert!(record["cache_saved_nano_usd"].as_u64() > Some(0));
            assert_eq!(record["cost_nano_usd"], 0);
        }
        assert_eq!(used().await, before, "no limit has counted a hit");
        let stats = stand.envoy.admin("/stats/prometheus").await;
        let line = stats.lines().find(|line| {
            line.starts_with("tollgate_cache_requests_total{") && line.contains("outcome=\"hit\"")
        });
        let line = line.expect("hits are counted");
        assert!(
            line.contains("tenant=\"acme\"") && line.contains("gen_ai_request_model=\"smart\"")
        );
        assert!(line.ends_with(" 20"), "{line}");
        assert!(stats.contains("tollgate_cache_saved_tokens_total"));
        // The models of the file: scopes, temperature, and one that is asked each time.
        let fresh = json!({"model": "fresh", "messages": chat("x")["messages"]});
        assert_eq!(said(&over(&stand, &Ask::chat(&fresh)).await.0), "BYPASS");
        assert_eq!(said(&stand.send(&Ask::chat(&fresh)).await), "BYPASS");
        let mut light = json!({"model": "light", "messages": chat("x")["messages"]});
        assert_eq!(said(&over(&stand, &Ask::chat(&light)).await.0), "BYPASS");
        light["temperature"] = json!(0);
        stored(&stand, &Ask::chat(&light)).await;
        let admin = Ask::chat(&light).key("demo-admin-key");
        assert_eq!(said(&stand.send(&admin).await), "HIT", "of the same tenant");
        let blue = Ask::chat(&light).key("demo-blue-key");
        assert_eq!(said(&stand.send(&blue).await), "MISS");
        let admin = Ask::chat(&chat("What is a star?")).key("demo-admin-key");
        assert_eq!(said(&stand.send(&admin).await), "MISS", "of another user");
    });
}

/// A call of each API; its text in whole answers and in events of streams.
fn apis() -> [(Ask, Ask, &'static str, &'static str); 4] {
    let hi = json!([{"role": "user", "content": "hi"}]);
    let chat = json!({"model": "smart", "messages": hi});
    let completion = json!({"model": "smart", "prompt": "hi"});
    let response = json!({"model": "smart", "input": "hi"});
    let messages = json!({"model": "smart", "messages": hi, "max_tokens": 100});
    [
        (
            Ask::chat(&chat),
            Ask::chat(&streamed(chat)),
            "/choices/0/message/content",
            "/choices/0/delta/content",
        ),
        (
            Ask::completion(&completion),
            Ask::completion(&streamed(completion)),
            "/choices/0/text",
            "/choices/0/text",
        ),
        (
            Ask::response(&response),
            Ask::response(&streamed(response)),
            "/output/0/content/0/text",
            "/delta",
        ),
        (
            Ask::messages(&messages),
            Ask::messages(&streamed(messages)),
            "/content/0/text",
            "/delta/text",
        ),
    ]
}

fn text_at(answer: &Answer, pointer: &str) -> String {
    let values = match answer.header("content-type") {
        "application/json" => vec![answer.json()],
        _ => answer.events(),
    };
    let texts = values
        .iter()
        .filter_map(|value| value.pointer(pointer)?.as_str());
    texts.collect()
}

#[test]
fn streams_and_whole_answers_stand_for_each_other_in_every_api() {
    run(async {
        for first_streams in [false, true] {
            let stand = stand(&policy(json!({}))).await;
            for (whole, stream, in_whole, in_events) in apis() {
                let first = if first_streams { &stream } else { &whole };
                let first = stored(&stand, first).await;
                let pointer = if first_streams { in_events } else { in_whole };
                let text = text_at(&first, pointer);
                assert!(!text.is_empty());
                for (ask, pointer, kind) in [
                    (&whole, in_whole, "application/json"),
                    (&stream, in_events, "text/event-stream"),
                ] {
                    let again = ask.clone().header("x-request-id", "again");
                    let answer = stand.send(&again).await;
                    assert_eq!(said(&answer), "HIT", "{ask:?}");
                    assert_eq!(answer.header("content-type"), kind);
                    assert_eq!(text_at(&answer, pointer), text, "{}", answer.text());
                    assert!(answer.complete);
                }
            }
        }
    });
}

#[test]
fn with_fallback_answers_of_any_provider_are_given_again() {
    run(async {
        let mut policy = fleet_policy();
        policy["cache"] = json!({});
        let fleet = Fleet::start(Config::fallback().policy(&policy, Form::Struct)).await;
        for model in ["smart", "light"] {
            for stream in [false, true] {
                let mut body = chat(&format!("{stream}"));
                body["model"] = json!(model);
                body["max_tokens"] = json!(50);
                let asks: [fn(&Value) -> Ask; 2] = [Ask::chat, Ask::messages];
                for ask in asks {
                    body["stream"] = json!(stream);
                    let first = ask(&body);
                    let answer = fleet.send(&first).await;
                    assert_eq!(said(&answer), "MISS");
                    assert_eq!(fleet.record(&first).await["cache_stored"], "stored");
                    for again in [false, true] {
                        body["stream"] = json!(again);
                        let again = ask(&body);
                        let answer = fleet.send(&again).await;
                        assert_eq!(said(&answer), "HIT");
                        assert_eq!(fleet.tries(&again), [0, 0]);
                    }
                }
            }
        }
        // What a provider failed at is not stored, what the next one said is.
        let failing = json!({"a": {"status": 500}});
        let first = Ask::chat(&chat("fails")).mock(&failing);
        assert_eq!(said(&fleet.send(&first).await), "MISS");
        assert_eq!(fleet.tries(&first), [1, 1]);
        assert_eq!(fleet.record(&first).await["cache_stored"], "stored");
        assert_eq!(said(&fleet.send(&Ask::chat(&chat("fails"))).await), "HIT");
    });
}

#[test]
fn callers_decide_about_their_calls() {
    run(async {
        let stand = stand(&policy(json!({}))).await;
        let ask = || Ask::chat(&chat("What time is it?"));
        for (name, value) in [
            ("x-tollgate-cache", "bypass"),
            ("cache-control", "no-store"),
        ] {
            let bypassing = ask().header(name, value);
            let (answer, received) = stand.pass(&bypassing).await;
            assert_eq!(said(&answer), "BYPASS");
            assert_eq!(received.header("x-tollgate-cache"), "");
            let record = stand.record(&bypassing).await;
            assert_eq!(
                (&record["cache"], &record["cache_reason"]),
                (&json!("bypass"), &json!("asked"))
            );
        }
        let stale =
            json!({"text": "noon", "headers": {"x-cache": "Hit from elsewhere", "age": "77"}});
        let (answer, _) = over(&stand, &ask().mock(&stale)).await;
        assert_eq!((said(&answer), answer.header("age")), ("MISS", ""));
        let refresh = ask()
            .header("x-tollgate-cache", "refresh")
            .mock(&json!({"text": "evening"}));
        let (answer, record) = over(&stand, &refresh).await;
        assert_eq!(
            (said(&answer), &record["cache_stored"]),
            ("BYPASS", &json!("stored"))
        );
        let answer = stand.send(&ask()).await;
        assert_eq!(said(&answer), "HIT");
        assert!(answer.text().contains("evening"));
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let young = ask()
            .header("cache-control", "max-age=1")
            .mock(&json!({"text": "night"}));
        assert_eq!(said(&over(&stand, &young).await.0), "MISS");
        let answer = stand
            .send(&ask().header("cache-control", "max-age=60"))
            .await;
        assert_eq!(said(&answer), "HIT");
        assert!(answer.text().contains("night"));
        let slip = stand
            .send(&ask().header("x-tollgate-cache", "byepass"))
            .await;
        assert_eq!((slip.status, slip.code().as_str()), (400, "invalid_value"));
    });
}

#[test]
fn what_did_not_end_well_is_not_given_again() {
    run(async {
        let stand = stand(&policy(json!({"max_entry": "16KiB"}))).await;
        for script in [
            json!({"status": 500}),
            json!({"status": 429}),
            json!({"body": "{\"choices\":", "headers": {"content-type": "application/json"}}),
            json!({"stop": "content_filter"}),
            json!({"text": "x", "stop": "length"}),
            json!({"fault": "reset_mid_body"}),
        ] {
            for body in [chat("unlucky"), streamed(chat("unlucky"))] {
                let ask = Ask::chat(&body).mock(&script);
                stand.send(&ask).await;
                let record = stand.record(&ask).await;
                assert_ne!(record["cache_stored"], "stored", "{script} {record}");
                assert_eq!(record["cache"], "miss");
            }
        }
        let long = json!({"text": "x".repeat(400), "events": 100});
        let ask = Ask::chat(&streamed(chat("unlucky"))).mock(&long);
        assert_eq!(over(&stand, &ask).await.1["cache_stored"], "too_long");
        stored(&stand, &Ask::chat(&chat("unlucky"))).await;
    });
}

#[test]
fn guardrails_see_hits_and_values_come_back_to_each_caller() {
    run(async {
        let mut policy = policy(json!({"scope": "tenant"}));
        policy["guardrails"] = json!([
            {"name": "in", "phase": "input", "detect": "personal_data", "action": "mask", "restore": true},
            {"name": "out", "phase": "output", "detect": "personal_data", "action": "mask"},
        ]);
        let stand = stand(&policy).await;
        let body = chat(&format!("Write to {MAIL}"));
        let first = Ask::chat(&body);
        let (answer, received) = stand.pass(&first).await;
        assert_eq!(said(&answer), "MISS");
        let sent = received.json()["messages"][0]["content"].clone();
        let placeholder = sent
            .as_str()
            .unwrap()
            .strip_prefix("Write to ")
            .unwrap()
            .to_owned();
        assert!(placeholder.starts_with("<EMAIL_ADDRESS_1_"));
        assert_eq!(stand.record(&first).await["cache_stored"], "stored");
        let refresh = Ask::chat(&body)
            .header("x-tollgate-cache", "refresh")
            .mock(&json!({"text": format!("Dear {placeholder}, hello.")}));
        stored(&stand, &refresh).await;
        for body in [body.clone(), streamed(body)] {
            let ask = Ask::chat(&body).key("demo-admin-key");
            let answer = stand.send(&ask).await;
            assert_eq!(said(&answer), "HIT");
            let whole = answer.text().contains("Dear quilliam@zwexford.org, hello.");
            let pieces =
                text_at(&answer, "/choices/0/delta/content") == format!("Dear {MAIL}, hello.");
            assert!(whole || pieces, "{}", answer.text());
        }
        let other = Ask::chat(&chat("Write to other@zwexford.org"));
        assert_eq!(said(&stand.send(&other).await), "MISS");
        // What had to be masked is not stored.
        let leaking = Ask::chat(&chat("leak")).mock(&json!({"text": format!("It is {MAIL}.")}));
        let (answer, record) = over(&stand, &leaking).await;
        assert!(answer.text().contains("<EMAIL_ADDRESS>"));
        assert_eq!(record["cache_stored"], "guarded");
    });
}

#[test]
fn admins_purge() {
    run(async {
        let mut policy = policy(json!({"scope": "tenant", "purge_all": ["blue"]}));
        policy["tenants"]["blue"]["keys"][0]["role"] = json!("admin");
        let stand = stand(&policy).await;
        let ask = |key: &str| Ask::chat(&chat("purge me")).key(key);
        let (acme, admin, blue) = ("demo-acme-key", "demo-admin-key", "demo-blue-key");
        let purge = async |key: &str, body: &str| {
            let ask = Ask::new("POST", "/tollgate/cache/purge").key(key);
            let ask = match body {
                "" => ask,
                body => ask
                    .header("content-type", "application/json")
                    .body(body.to_owned()),
            };
            stand.send(&ask).await
        };
        for key in [acme, blue] {
            stored(&stand, &ask(key)).await;
        }
        assert_eq!(purge(acme, "").await.status, 403);
        assert_eq!(
            purge(admin, r#"{"all": true}"#).await.code(),
            "purge_all_not_allowed"
        );
        let purged = purge(admin, "").await;
        assert_eq!(
            (purged.status, &purged.json()["purged"]),
            (200, &json!("tenant"))
        );
        assert_eq!(said(&stand.send(&ask(blue)).await), "HIT");
        let (answer, _) = over(&stand, &ask(acme)).await;
        assert_eq!(said(&answer), "MISS", "it was purged");
        assert_eq!(
            purge(blue, r#"{"all": true}"#).await.json()["purged"],
            "all"
        );
        assert_eq!(said(&stand.send(&ask(blue)).await), "MISS");
        assert_eq!(purge(blue, r#"{"every": true}"#).await.status, 400);
        let generation = purged.json()["generation"].as_u64().unwrap();
        let named = |number: u64| json!({"generation": number}).to_string();
        let again = purge(admin, &named(generation)).await;
        assert_eq!(
            (again.status, again.json()["generation"].as_u64()),
            (200, Some(generation))
        );
        let back = purge(admin, &named(generation - 1)).await;
        assert_eq!(
            (back.status, back.code()),
            (400, "generation_passed".to_owned())
        );
    });
}

#[test]
fn a_reload_keeps_what_means_the_same_and_drops_what_does_not() {
    run(async {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("tollgate.yaml");
        let config = |policy: &Value| {
            let config = Config::gateway().policy(policy, Form::Struct);
            discovered(config, &file)
        };
        let mut policy = policy(json!({"memory": "8MiB"}));
        let (config_with, resource) = config(&policy);
        put(&file, &resource);
        let stand = Stand::start(config_with).await;
        let ask = || Ask::chat(&chat("stay")).mock(&json!({"text": "as it was"}));
        stored(&stand, &ask()).await;
        let reload = async |policy: &mut Value, name: &str| {
            policy["models"][name] = policy["models"]["light"].clone();
            policy["tenants"]["acme"]["models"] = json!(["smart", "light", name]);
            put(&file, &config(policy).1);
            let models = Ask::new("GET", "/v1/models").key("demo-acme-key");
            eventually("the new policy is there", 30, async || {
                for _ in 0..5 {
                    let list = stand.send(&models).await;
                    list.text().contains(name).then_some(())?;
                }
                Some(())
            })
            .await;
        };
        policy["models"]["smart"]["targets"][0]["price"] = json!({"input": 1, "output": 1});
        reload(&mut policy, "first").await;
        assert_eq!(
            said(&stand.send(&ask()).await),
            "HIT",
            "prices shape no answer"
        );
        policy["models"]["smart"]["targets"][0]["model"] = json!("gpt-6");
        reload(&mut policy, "second").await;
        assert_eq!(
            said(&over(&stand, &ask()).await.0),
            "MISS",
            "another model does"
        );
        policy["cache"]["memory"] = json!("16MiB");
        reload(&mut policy, "third").await;
        assert_eq!(stand.send(&ask()).await.status, 200);
    });
}

/// Any answer that comes from the cache is one that this question was answered with.
#[test]
fn many_at_once_never_get_an_answer_of_another_question() {
    run(async {
        let cache = json!({"memory": "4MiB", "max_entry": "128KiB"});
        let stand = stand(&policy(cache)).await;
        let (port, slots) = (stand.envoy.port(), Arc::new(Semaphore::new(32)));
        let mut running = JoinSet::new();
        for n in 0..1_200_u64 {
            // Some are asked often, most of them a few times; some are long.
            let question = if n % 3 == 0 { n % 7 } else { 100 + n % 400 };
            let long = question % 5 == 0;
            let stream = long || n % 4 == 1;
            let text = format!("answer to {question}: {} ", "x".repeat(300));
            let repeated = if long { 250 } else { 1 };
            let mut body = chat(&format!("question {question}"));
            body["stream"] = json!(stream);
            let script = json!({"text": text, "events": repeated, "chars": 1_000, "piece": 4_000});
            let (ask, slots) = (Ask::chat(&body).mock(&script), Arc::clone(&slots));
            running.spawn(async move {
                let _slot = slots.acquire_owned().await.expect("a slot");
                let answer = ask.send(port).await;
                let hit = said(&answer) == "HIT";
                let got = match stream {
                    true => text_at(&answer, "/choices/0/delta/content"),
                    false => text_at(&answer, "/choices/0/message/content"),
                };
                assert_eq!(got, text.repeat(repeated), "hit: {hit}");
                hit
            });
        }
        let all = running.join_all().await;
        let hits = all.into_iter().filter(|hit| *hit).count();
        assert!(hits > 300, "{hits}");
    });
}

#[test]
fn two_mebibytes_are_given_again() {
    run(async {
        let stand = stand(&policy(json!({"max_entry": "2MiB"}))).await;
        let text = "y".repeat(19_000);
        let script = json!({"text": text, "events": 100, "chars": 20_000});
        let ask = Ask::chat(&streamed(chat("long")));
        let first = stored(&stand, &ask.clone().mock(&script)).await;
        let text = text.repeat(100);
        assert!(text_at(&first, "/choices/0/delta/content") == text);
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = stand.send(&Ask::chat(&chat("long")).over(protocol)).await;
            assert_eq!((said(&answer), answer.complete), ("HIT", true));
            assert!(text_at(&answer, "/choices/0/message/content") == text);
            let again = ask.clone().header("x-request-id", "again").over(protocol);
            let answer = stand.send(&again).await;
            assert_eq!((said(&answer), answer.complete), ("HIT", true));
            assert!(text_at(&answer, "/choices/0/delta/content") == text);
        }
    });
}
