//! What calls cost: in the record, in the totals, in the metrics.

use super::plan::{ended, failed, planned, way};
use super::*;
use crate::attempt::{Came, Why};

/// Nano-USD of [`ANSWER`], 9 and 4 tokens, from `far` and from `near`.
const FAR: u64 = 9 * 2_000 + 4 * 10_000 + 1_000;
const NEAR: u64 = 9 * 3_000 + 4 * 15_000;
/// Nano-USD of the prompt of [`BODY`], estimated at 10 tokens.
const FAR_PROMPT: u64 = 10 * 2_000;
const NEAR_PROMPT: u64 = 10 * 3_000;

/// Two targets: `far` first, then `near`.
fn priced() -> Value {
    let mut policy = planned();
    let targets = &mut policy["models"]["smart"]["targets"];
    targets[0]["price"] = json!({"input": 2, "cached_input": "0.5", "cache_write_1h": 5, "output": 10, "request": 0.000_001});
    targets[1]["price"] = json!({"input": 3, "output": 15});
    policy
}

/// Of the totals: their cost, and how many calls had something without a price.
fn charged(bench: &Bench) -> (u64, u64) {
    let totals = Totals::read(&bench.host, &bench.gateway.space, "acme", "smart");
    (totals.cost_nano_usd, totals.unpriced)
}

fn metric(bench: &Bench, name: &str, backend: &str) -> Vec<u64> {
    let labels = [("tenant", "acme"), ("model", "smart"), ("backend", backend)];
    bench.counted(name, &labels)
}

#[test]
fn a_call_costs_what_its_target_asks_and_lost_tries_what_theirs_do() {
    let table: [(&[Came], u64, &str); 7] = [
        (&[Came::Answered], FAR, "far"),
        (&[Came::Unsent, Came::Answered], NEAR, "near"),
        (
            &[failed(Why::RateLimited, None), Came::Answered],
            NEAR,
            "near",
        ),
        (&[Came::Sent, Came::Answered], FAR_PROMPT + NEAR, "near"),
        (
            &[failed(Why::Garbage, None), Came::Answered],
            FAR_PROMPT + NEAR,
            "near",
        ),
        (
            &[failed(Why::Unavailable, None), Came::Answered],
            NEAR,
            "near",
        ),
        // Nobody has answered: there is no fee.
        (&[Came::Sent, Came::Sent], FAR_PROMPT + NEAR_PROMPT, "near"),
    ];
    for (came, cost, backend) in table {
        let bench = Bench::of(&priced());
        let record = if came.last() == Some(&Came::Answered) {
            ended(&bench, "200", ANSWER, came).1
        } else {
            let mut run = bench.sent(BODY);
            let mut way = way(came);
            way.details = "upstream_per_try_timeout";
            let head = headers(&[&[(":status", "504")]]);
            run.call
                .answer_head(&bench.host, Headers(&head), false, &way);
            let record = run.call.finish(&bench.host, &way, || panic!()).unwrap();
            serde_json::from_slice(&record).unwrap()
        };
        assert_eq!(record["cost_nano_usd"], cost, "{came:?}");
        assert_eq!(charged(&bench), (cost, 0), "{came:?}");
        let total = metric(&bench, "tollgate.cost_nano_usd_total", backend);
        assert_eq!(total, [cost], "{came:?}");
        let unpriced = metric(&bench, "tollgate.unpriced_calls_total", backend);
        assert!(unpriced.is_empty(), "{came:?}");
    }
}

#[test]
fn what_has_no_price_is_told_and_never_free_by_silence() {
    for (without, came, known, backend) in [
        (0, vec![Came::Answered], 0, "far"),
        (1, vec![Came::Unsent, Came::Answered], 0, "near"),
        (0, vec![Came::Sent, Came::Answered], NEAR, "near"),
        (1, vec![Came::Sent, Came::Answered], FAR_PROMPT, "near"),
    ] {
        let mut policy = priced();
        policy["models"]["smart"]["targets"][without]["price"] = Value::Null;
        let bench = Bench::of(&policy);
        let (_, record) = ended(&bench, "200", ANSWER, &came);
        assert_eq!(record.get("cost_nano_usd"), None, "{came:?}");
        assert_eq!(charged(&bench), (known, 1), "{came:?}");
        let unpriced = metric(&bench, "tollgate.unpriced_calls_total", backend);
        assert_eq!(unpriced, [1], "{came:?}");
        let total = metric(&bench, "tollgate.cost_nano_usd_total", backend);
        assert_eq!(total.iter().sum::<u64>(), known, "{came:?}");
    }
}

#[test]
fn an_error_of_an_unpriced_target_is_free_all_the_same() {
    let bench = Bench::of(&planned());
    let (_, record) = ended(&bench, "500", "{}", &[failed(Why::Unavailable, None)]);
    assert_eq!(record["cost_nano_usd"], 0);
    assert_eq!(charged(&bench), (0, 0));
    let mut run = bench.run();
    run.head("POST", CHAT, &[], false);
    assert_eq!(run.finish(401, "x")["cost_nano_usd"], 0);
}

#[test]
fn the_default_price_is_that_of_targets_without_one() {
    let mut policy = planned();
    policy["models"]["smart"]["targets"][1]["price"] = json!({"input": 3, "output": 15});
    policy["default_price"] = json!({"input": 1, "output": "0.5"});
    let bench = Bench::of(&policy);
    let (_, record) = ended(&bench, "200", ANSWER, &[Came::Answered]);
    assert_eq!(record["cost_nano_usd"], 9 * 1_000 + 4 * 500);
    let (_, record) = ended(&bench, "200", ANSWER, &[Came::Unsent, Came::Answered]);
    assert_eq!(record["cost_nano_usd"], NEAR, "its own");
    assert_eq!(charged(&bench).1, 0);
}

#[test]
fn every_kind_of_token_is_in_the_record_and_has_its_price() {
    let bench = Bench::of(&priced());
    let answer = r#"{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100,
        "prompt_tokens_details":{"cached_tokens":400,"cache_write_tokens":50,"audio_tokens":7,"image_tokens":8,
            "cache_creation":{"ephemeral_1h_input_tokens":20}},
        "completion_tokens_details":{"reasoning_tokens":10,"audio_tokens":6}}}"#;
    let (_, record) = ended(&bench, "200", answer, &[Came::Answered]);
    // 1000 - 400 - 50 at 2, 400 at 0.5, 30 at 2 × 1.25, 20 at 5, 100 at 10 USD a million.
    let cost = 550 * 2_000 + 400 * 500 + 30 * 2_500 + 20 * 5_000 + 100 * 10_000 + 1_000;
    says(
        &record,
        json!({"input_tokens": 1000, "output_tokens": 100, "cached_tokens": 400, "reasoning_tokens": 10,
            "cache_write_tokens": 30, "cache_write_1h_tokens": 20, "audio_input_tokens": 7,
            "audio_output_tokens": 6, "image_input_tokens": 8, "cost_nano_usd": cost}),
    );
    for (kind, count) in [
        ("cached", 400),
        ("cache_write", 30),
        ("cache_write_1h", 20),
        ("audio_input", 7),
        ("audio_output", 6),
        ("image_input", 8),
    ] {
        let labels = [("tenant", "acme"), ("model", "smart"), ("type", kind)];
        let counted = bench.counted("tollgate.tokens_total", &labels);
        assert_eq!(counted, [count], "{kind}");
    }
}

#[test]
fn of_several_reports_in_a_stream_the_last_is_charged_once() {
    let mut policy = policy();
    policy["models"]["smart"]["targets"][0]["price"] = json!({"input": 2, "output": 10});
    let bench = Bench::of(&policy);
    let mut run = bench.answering(STREAMED, SSE);
    let usage = |prompt: i64, output: i64| {
        format!(
            "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{output}}}}}\n\n"
        )
    };
    run.data(&usage(9, 1), false);
    run.data(DELTA, false);
    run.data(&usage(9, 1_000_000), false);
    run.data(&usage(9, 4), false);
    // Not believed, and of a choice, not of the answer.
    run.data(&usage(9, -4), false);
    run.data("data: {\"choices\":[{\"usage\":{\"prompt_tokens\":77,\"completion_tokens\":77},\"delta\":{}}]}\n\n", false);
    run.data("data: [DONE]\n\n", true);
    says(
        &run.done(),
        json!({"usage": "reported", "input_tokens": 9, "output_tokens": 4, "cost_nano_usd": 9 * 2_000 + 4 * 10_000}),
    );
}

#[test]
fn what_is_passed_on_unread_has_no_price() {
    let mut policy = priced();
    policy["other_paths"] = json!({"pass": "far"});
    policy["fallback"] = Value::Null;
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    run.head("GET", "/v1/files", &[USER], true);
    run.answer("200", JSON);
    run.data("{}", true);
    let record = run.done();
    says(&record, json!({"backend": "far", "usage": "estimated"}));
    assert_eq!(record.get("cost_nano_usd"), None);
    let labels = [("tenant", "acme"), ("model", ""), ("backend", "far")];
    assert_eq!(bench.counted("tollgate.unpriced_calls_total", &labels), [1]);
}

/// The first call costs what it and its lost try cost, to the nano-USD; the second one needs
/// the prompt and 4096 tokens at the dearest price of its plan.
#[test]
fn a_budget_in_dollars_is_settled_by_the_cost() {
    let spent = FAR_PROMPT + NEAR;
    let needed = NEAR_PROMPT + 4096 * 15_000;
    for (budget, admitted) in [(spent + needed, true), (spent + needed - 1, false)] {
        let mut policy = priced();
        policy["default_price"] = json!({"input": 1, "output": 1});
        let usd = format!("0.{budget:09}");
        policy["tenants"]["acme"]["limits"] = json!([{"usd": usd, "per": "day"}]);
        let bench = Bench::of(&policy);
        let (_, record) = ended(&bench, "200", ANSWER, &[Came::Sent, Came::Answered]);
        assert_eq!(record["cost_nano_usd"], spent);
        let mut run = bench.run();
        run.head("POST", CHAT, &[USER], false);
        let on = run.body(BODY);
        assert_eq!(matches!(on, OnBody::Forward(_)), admitted, "{on:?}");
    }
}
