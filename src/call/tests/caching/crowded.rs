//! What calls under way may hold.

use super::*;

#[test]
fn answers_under_way_are_gathered_within_a_bound() {
    let bench = bench(|policy| {
        policy["cache"]["memory"] = json!("32MiB");
        policy["cache"]["max_entry"] = json!("2MiB");
        policy["tenants"]["acme"]["limits"] = json!([{"requests": 1_000, "per": "day"}]);
    });
    let long = |of: usize| {
        let text = "x".repeat(1 << 20);
        (chat(&format!("PROMPT {of}")), answer(&text, "stop"))
    };
    let mut runs = Vec::new();
    for of in 0..36 {
        let (question, answer) = long(of);
        let Asked::Sent(mut run) = bench.asks(&question, &[USER]) else {
            panic!()
        };
        run.answer("200", JSON);
        let (front, back) = answer.split_at(1 << 20);
        run.data(front, false);
        runs.push((run, back.to_owned()));
    }
    let stored = runs.into_iter().map(|(mut run, back)| {
        run.data(&back, true);
        run.finish(200, "via_upstream")["cache_stored"].clone()
    });
    let (stored, crowded): (Vec<_>, Vec<_>) = stored.partition(|it| it == "stored");
    assert!((12..=32).contains(&stored.len()), "{}", stored.len());
    assert!(crowded.iter().all(|it| it == "crowded"), "{crowded:?}");
    // What has ended is held no more.
    let (question, answer) = long(64);
    let (record, ..) = bench.answered(&question, &[USER], &answer);
    assert_eq!(record["cache_stored"], "stored");
}

#[test]
fn a_request_that_is_long_to_hash_is_not_looked_up() {
    let bench = bench(|_| {});
    let rest = chat("").len();
    for (length, word, reason) in [
        (1 << 20, "miss", Value::Null),
        ((1 << 20) + 1, "bypass", json!("too_long")),
    ] {
        let question = chat(&"x".repeat(length - rest));
        assert_eq!(question.len(), length);
        let (record, ..) = bench.answered(&question, &[USER], &answer("hello", "stop"));
        says(&record, json!({"cache": word}));
        assert_eq!(record["cache_reason"], reason);
        assert_eq!(bench.misses(&question, &[USER]), word == "bypass");
    }
}

#[test]
fn a_request_counts_while_services_judge_its_hit() {
    let bench = bench(judged);
    let Asked::Sent(mut run) = bench.asks(&chat("PROMPT"), &[USER]) else {
        panic!()
    };
    run.answer("200", JSON);
    let OnData::Ask(callouts) = run.data(&answer("hello", "stop"), true) else {
        panic!()
    };
    let clean = Answer {
        status: 200,
        body: CLEAN.as_bytes().to_vec(),
    };
    let token = callouts[0].token;
    run.call.service_answered(&bench.host, token, Some(&clean));
    assert_eq!(run.finish(200, "")["cache_stored"], "stored");
    let mut run = bench.reading();
    assert_eq!(run.call.request_grows(chat("PROMPT").len()), None);
    assert!(matches!(run.body(&chat("PROMPT")), OnBody::Ask(_)));
    assert!(matches!(run.call.phase, Phase::Replaying(_)));
    assert!(bench.gateway.held.bytes("acme") > 0);
    run.finish(0, "downstream");
    assert_eq!(bench.gateway.held.bytes("acme"), 0);
}

#[test]
fn a_document_of_just_the_longest_length_is_stored() {
    for most in [2 << 10, 64 << 10] {
        let bench =
            bench(|policy| policy["cache"]["max_entry"] = json!(format!("{}KiB", most >> 10)));
        let empty = answer("", "stop").len();
        for (length, stored) in [(most, "stored"), (most + 1, "too_long")] {
            let text = "x".repeat(length - empty);
            let question = chat(stored);
            let (record, ..) = bench.answered(&question, &[USER], &answer(&text, "stop"));
            assert_eq!(record["cache_stored"], stored, "{length}");
        }
    }
}
