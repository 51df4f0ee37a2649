//! Answers of other Envoys, and to questions in other words.

use super::*;
use crate::http::Callout;

/// A gateway that has a store beside it, or a model of embeddings.
fn beside(cache: &Value) -> Bench {
    bench(|policy| {
        for (name, value) in cache.as_object().unwrap() {
            policy["cache"][name] = value.clone();
        }
    })
}

fn later(bench: &Bench, millis: u64) {
    let now = bench.host.now().0;
    bench.host.set_now(now + millis * 1_000_000);
}

fn answer_of(status: u16, body: &[u8]) -> Answer {
    Answer {
        status,
        body: body.to_vec(),
    }
}

/// A call that waits for somebody beyond this Envoy, and whom it asks.
fn waits<'b>(bench: &'b Bench, body: &str) -> (Run<'b>, Callout) {
    let mut run = bench.run();
    assert_eq!(run.head("POST", CHAT, &[USER], false), OnHead::Hold);
    match run.body(body) {
        OnBody::Ask(mut callouts) => (run, callouts.pop().unwrap()),
        other => panic!("{other:?}"),
    }
}

fn told(bench: &Bench, run: &mut Run<'_>, token: u64, answer: Option<&Answer>) -> OnBody {
    match run.call.service_answered(&bench.host, token, answer) {
        OnAnswered::Request(on) => on,
        other => panic!("{other:?}"),
    }
}

fn forwarded(on: OnBody) -> Outgoing {
    match on {
        OnBody::Forward(outgoing) => outgoing,
        other => panic!("{other:?}"),
    }
}

/// The provider answers; what the store is told, and the record.
fn goes_on(bench: &Bench, mut run: Run<'_>, answer: &str) -> (Option<Callout>, Value) {
    let (OnAnswer::Forward(_) | OnAnswer::Hold(_)) = run.answer("200", JSON) else {
        panic!("no answer")
    };
    run.data(answer, true);
    let passage = Straight;
    let end = || End {
        status: 200,
        details: String::new(),
        request_id: String::new(),
    };
    let record = run.call.finish(&bench.host, &passage, end).unwrap();
    let record = serde_json::from_slice(&record).unwrap();
    (run.call.last_ask(&bench.host), record)
}

/// Nothing that Envoy knows.
struct Straight;

impl Passage for Straight {
    fn details(&self) -> String {
        "via_upstream".to_owned()
    }

    fn tries(&self) -> Vec<u8> {
        Vec::new()
    }
}

fn with_store() -> Value {
    json!({"store": {"cluster": "far", "path": "/cache/{key}"}})
}

#[test]
fn what_one_envoy_has_asked_another_gives() {
    let one = beside(&with_store());
    let body = chat("hello");
    let (mut run, asked) = waits(&one, &body);
    assert_eq!((asked.method, asked.cluster.as_str()), ("GET", "far"));
    forwarded(told(
        &one,
        &mut run,
        asked.token,
        Some(&answer_of(404, b"")),
    ));
    let (saved, record) = goes_on(&one, run, &answer("Hi.", "stop"));
    assert_eq!(record["cache"], "miss");
    let saved = saved.unwrap();
    assert_eq!((saved.method, &saved.path), ("PUT", &asked.path));
    assert!(!String::from_utf8_lossy(&saved.body).contains("hello"));
    // Here it is at hand.
    let (_, record) = one.hit(&body, &[USER]);
    assert_eq!(record["cache_reason"], Value::Null);

    let other = beside(&with_store());
    let before = other.taken();
    later(&other, 1_000);
    let (mut run, again) = waits(&other, &streamed("hello"));
    assert_eq!(again.path, asked.path);
    let reply = told(
        &other,
        &mut run,
        again.token,
        Some(&answer_of(200, &saved.body)),
    );
    let OnBody::Reply(reply) = reply else {
        panic!("{reply:?}")
    };
    assert!(reply.headers.contains(&("x-cache", "HIT".to_owned())));
    assert!(String::from_utf8_lossy(&reply.body).contains("Hi."));
    let record = run.finish(200, "");
    assert_eq!(
        (&record["cache"], &record["cache_reason"]),
        (&json!("hit"), &json!("store"))
    );
    assert_eq!(other.taken(), before);
    // It lies here now, too.
    let (_, record) = other.hit(&body, &[USER]);
    assert_eq!(record["cache_reason"], Value::Null);
}

#[test]
fn a_store_that_is_down_is_left_alone_for_a_while() {
    let bench = beside(&with_store());
    for answer in [Some(answer_of(503, b"")), Some(answer_of(504, b"")), None] {
        let (mut run, asked) = waits(&bench, &chat("hello"));
        forwarded(told(&bench, &mut run, asked.token, answer.as_ref()));
        // It is not told anything either.
        let (saved, record) = goes_on(&bench, run, &answer_text());
        assert_eq!((saved, &record["cache"]), (None, &json!("miss")));
        // Nobody waits for it now.
        let Asked::Sent(run) = bench.asks(&chat("something else"), &[USER]) else {
            panic!("the cache has answered")
        };
        run.finish(0, "downstream_remote_disconnect");
        later(&bench, 5_001);
        let purged = crate::cache::purge::Whose::All;
        let done = crate::cache::purge::purge(&bench.host, &bench.gateway.space, purged, None);
        assert!(matches!(done, Ok(Ok(_))));
    }
    assert_eq!(
        bench
            .host
            .recorded("tollgate.cache_store_failures_total")
            .len(),
        3
    );
}

fn answer_text() -> String {
    answer("Hi.", "stop")
}

#[test]
fn what_a_store_says_is_not_believed_blindly() {
    let one = beside(&with_store());
    let (mut run, asked) = waits(&one, &chat("hello"));
    forwarded(told(
        &one,
        &mut run,
        asked.token,
        Some(&answer_of(404, b"")),
    ));
    let saved = goes_on(&one, run, &answer_text()).0.unwrap().body;
    let other = beside(&with_store());
    // Of another question, damaged, none at all.
    let mut damaged = saved.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for body in [damaged.as_slice(), b"", b"{}"] {
        let (mut run, asked) = waits(&other, &chat("hello"));
        forwarded(told(
            &other,
            &mut run,
            asked.token,
            Some(&answer_of(200, body)),
        ));
        run.finish(0, "downstream_remote_disconnect");
    }
    let (mut run, asked) = waits(&other, &chat("bye"));
    forwarded(told(
        &other,
        &mut run,
        asked.token,
        Some(&answer_of(200, &saved)),
    ));
    run.finish(0, "downstream_remote_disconnect");
    // Those who hang up meanwhile are settled.
    let (run, _) = waits(&other, &chat("hello"));
    let record = run.finish(0, "downstream_remote_disconnect");
    assert_eq!(record["outcome"], "client_closed");
    // An older answer than the caller takes.
    later(&other, 10_000);
    let mut run = other.run();
    run.head("POST", CHAT, &[USER, ("cache-control", "max-age=5")], false);
    let OnBody::Ask(asked) = run.body(&chat("hello")) else {
        panic!("nobody is asked")
    };
    forwarded(told(
        &other,
        &mut run,
        asked[0].token,
        Some(&answer_of(200, &saved)),
    ));
    run.finish(0, "downstream_remote_disconnect");
}

fn with_embeddings() -> Value {
    json!({"embeddings": {"cluster": "near", "model": "small"}, "similar": 0.9})
}

fn embedding(vector: [f32; 3]) -> Answer {
    let body = json!({"object": "list", "data": [{"index": 0, "embedding": vector}]});
    answer_of(200, body.to_string().as_bytes())
}

#[test]
fn a_question_in_other_words_gets_the_answer() {
    let bench = beside(&with_embeddings());
    let first = chat("What is the capital of France?");
    let Asked::Sent(mut run) = bench.asks(&first, &[USER]) else {
        panic!("the cache has answered")
    };
    // Nobody waits for what it means, since nothing was asked before.
    let aside = run
        .call
        .service_answered(&bench.host, u64::MAX, Some(&embedding([1.0, 0.1, 0.0])));
    assert_eq!(aside, OnAnswered::Wait);
    goes_on(&bench, *run, &answer("Paris.", "stop"));
    // The words that matter are the same, and so is the meaning.
    let second = chat("Tell me: what is the capital of France");
    let (mut run, asked) = waits(&bench, &second);
    assert_eq!(
        (asked.method, asked.path.as_str()),
        ("POST", "/v1/embeddings")
    );
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["input"], "Tell me: what is the capital of France");
    let on = told(
        &bench,
        &mut run,
        asked.token,
        Some(&embedding([1.0, 0.12, 0.0])),
    );
    let OnBody::Reply(reply) = on else {
        panic!("{on:?}")
    };
    assert!(String::from_utf8_lossy(&reply.body).contains("Paris."));
    let record = run.finish(200, "");
    assert_eq!(
        (&record["cache"], &record["cache_reason"]),
        (&json!("hit"), &json!("similar"))
    );
    // Not so alike; or nothing is told.
    let answers = [Some(embedding([1.0, 2.0, 0.0])), Some(answer_of(500, b""))];
    for answer in answers {
        let (mut run, asked) = waits(&bench, &second);
        forwarded(told(&bench, &mut run, asked.token, answer.as_ref()));
        run.finish(0, "downstream_remote_disconnect");
    }
    assert_eq!(
        bench
            .host
            .recorded("tollgate.cache_embeddings_failures_total")
            .len(),
        1
    );
    // The model rests now; nobody waits for it.
    assert!(bench.misses(&second, &[USER]));
    // What differs in a word that matters is another question.
    later(&bench, 5_001);
    assert!(bench.misses(&chat("What is the capital of Spain?"), &[USER]));
    assert!(bench.misses(&chat("What is not the capital of France?"), &[USER]));
}
