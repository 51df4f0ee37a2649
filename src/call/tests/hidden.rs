//! Answers of which nobody saw how long they were.

use super::*;
use crate::call::budget::Scopes;

/// The tenant may use 10,000 tokens a day.
fn bench() -> Bench {
    let mut policy = policy();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 10_000, "per": "day"}]);
    Bench::of(&policy)
}

/// Used and reserved.
fn counted(bench: &Bench) -> (u64, u64) {
    let mut run = bench.run();
    run.head("POST", CHAT, &[USER], false);
    let Phase::Reading(pending) = &run.call.phase else {
        panic!("not read");
    };
    let book = bench.gateway.book(&bench.host);
    let scopes = Scopes::of(&pending.caller, None).list;
    let budgets = scopes[0].budgets(&book);
    (budgets[0].used, budgets[0].reserved)
}

fn body(stream: bool) -> String {
    json!({"model": "smart", "stream": stream, "max_tokens": 2000,
        "messages": [{"role": "user", "content": "hi"}]})
    .to_string()
}

#[test]
fn regression_a_caller_who_leaves_pays_for_the_answer_that_nobody_saw() {
    for (stream, details) in [
        (false, "downstream_remote_disconnect"),
        (true, "downstream_remote_disconnect"),
        (false, "response_timeout"),
        (false, "max_duration_timeout"),
    ] {
        let bench = bench();
        let run = bench.sent(&body(stream));
        let record = run.finish(0, details);
        says(
            &record,
            json!({"usage": "estimated", "output_tokens": 2000}),
        );
        let (used, reserved) = counted(&bench);
        assert!(
            (2000..2020).contains(&used) && reserved == 0,
            "{details}: {used}"
        );
    }
}

#[test]
fn a_provider_that_breaks_off_is_not_paid_for_what_it_did_not_say() {
    let bench = bench();
    let run = bench.sent(&body(false));
    let details = "upstream_reset_before_response_started{connection_termination}";
    let record = run.finish(503, details);
    says(&record, json!({"usage": "estimated", "output_tokens": 0}));
    assert!(counted(&bench).0 < 20);
}

#[test]
fn a_stream_that_was_seen_costs_what_was_seen() {
    let bench = bench();
    let mut run = bench.sent(&body(true));
    run.answer("200", SSE);
    run.data(DELTA, false);
    let record = run.finish(200, "downstream_remote_disconnect");
    says(&record, json!({"usage": "estimated"}));
    assert!(counted(&bench).0 < 30);
}

#[test]
fn regression_early_usage_of_a_stream_that_was_cut_is_not_the_last_word() {
    let bench = bench();
    let mut run = bench.sent(&body(true));
    run.answer("200", SSE);
    let early = DELTA.replace(
        "{\"choices\"",
        "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":0},\"choices\"",
    );
    run.data(&early, false);
    for _ in 0..100 {
        run.data(DELTA, false);
    }
    let record = run.finish(200, "downstream_remote_disconnect");
    says(&record, json!({"usage": "estimated"}));
    assert!(record["output_tokens"].as_u64().unwrap() > 100, "{record}");
}

#[test]
fn regression_calls_that_pass_unread_stop_at_a_spent_limit() {
    let mut policy = policy();
    policy["other_paths"] = json!({"pass": "far"});
    policy["tenants"]["acme"]["limits"] = json!([{"output_tokens": 4, "per": "day"}]);
    let bench = Bench::of(&policy);
    let passes = || {
        let mut run = bench.run();
        let on = run.head("POST", "/v1/rerank", &[USER], false);
        let passes = matches!(on, OnHead::Forward(_));
        if passes {
            run.answer("200", JSON);
            run.data(ANSWER, true);
        }
        run.done();
        passes
    };
    // An answer takes 4 tokens.
    assert!(passes());
    assert!(!passes());
}
