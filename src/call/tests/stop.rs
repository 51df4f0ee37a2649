//! Streams that end at a limit.

use super::*;
use crate::call::budget::Scopes;

/// The tenant may use `tokens` a day, and answers of no stated length reserve 8.
fn bench(tokens: u64, stop: bool) -> Bench {
    let mut policy = policy();
    policy["tenants"]["acme"]["limits"] = json!([
        {"tokens": tokens, "per": "day"}, {"usd": "1", "per": "day"}, {"requests": 9, "per": "day"},
    ]);
    policy["default_price"] = json!({"input": 1, "output": 2});
    let output = json!({"tokens": 8, "soft": true});
    policy["ledger"] = json!({"stop_at_limit": stop, "default_output": output});
    Bench::of(&policy)
}

/// Used and reserved of each of the tenant's limits.
fn counted(bench: &Bench) -> Vec<(u64, u64)> {
    let mut run = bench.run();
    run.head("POST", CHAT, &[USER], false);
    let Phase::Reading(pending) = &run.call.phase else {
        panic!("not read");
    };
    let book = bench.gateway.book(&bench.host);
    let scopes = Scopes::of(&pending.caller, None).list;
    let budgets = scopes.iter().flat_map(|scope| scope.budgets(&book));
    budgets
        .map(|budget| (budget.used, budget.reserved))
        .collect()
}

const LAST: &str = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";

/// Two tokens.
const WORDS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\" one two\"}}]}\n\n";

/// Each [`WORDS`] has two tokens.
fn until_it_stops(run: &mut Run<'_>) -> u64 {
    for number in 1..10_000 {
        match run.data(WORDS, false) {
            OnData::Pass => {}
            OnData::Replace(new) => {
                assert_eq!(String::from_utf8(new).unwrap(), WORDS.to_owned() + LAST);
                return number;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("it never stops");
}

fn output_of(record: &Value) -> u64 {
    record["output_tokens"].as_u64().unwrap()
}

#[test]
fn a_stream_ends_where_the_budget_does() {
    for tokens in [18, 107, 307, 1007] {
        let bench = bench(tokens, true);
        let mut run = bench.answering(STREAMED, SSE);
        let stops = until_it_stops(&mut run);
        assert_eq!(run.data(WORDS, false), OnData::Reset);
        let record = run.done();
        says(
            &record,
            json!({"outcome": "budget_exhausted", "status": 200, "usage": "estimated",
                "input_tokens": 10}),
        );
        // What came behind the end was generated too.
        let output = output_of(&record);
        assert!(
            output.abs_diff(2 * (stops + 1)) <= 1 + stops / 5,
            "{output}"
        );
        let used = 10 + output;
        let nano_usd = (10 + 2 * output) * 1000;
        assert_eq!(
            counted(&bench),
            [(used, 0), (nano_usd, 0), (1, 0)],
            "{tokens}"
        );
        assert!(
            used <= tokens + 4,
            "passed by an event and by what came behind it"
        );
        // More comes in steps of 256.
        assert!(tokens < used + 256, "{used} of {tokens}");
    }
}

#[test]
fn a_provider_that_ends_by_itself_says_what_was_used() {
    let bench = bench(18, true);
    let mut run = bench.answering(STREAMED, SSE);
    until_it_stops(&mut run);
    let rest = [WORDS, USAGE, "data: [DONE]\n\n"].concat();
    assert_eq!(run.data(&rest, true), OnData::Replace(Vec::new()));
    let record = run.done();
    says(
        &record,
        json!({"outcome": "budget_exhausted", "usage": "reported", "input_tokens": 9, "output_tokens": 4}),
    );
    assert_eq!(counted(&bench)[0], (13, 0));
}

#[test]
fn a_client_that_hangs_up_at_the_end_is_settled_alike() {
    let bench = bench(18, true);
    let mut run = bench.answering(STREAMED, SSE);
    until_it_stops(&mut run);
    let record = run.finish(200, "downstream_remote_disconnect");
    says(&record, json!({"outcome": "budget_exhausted"}));
    let used = 10 + output_of(&record);
    assert!((18..=20).contains(&used), "{used}");
    assert_eq!(counted(&bench)[0], (used, 0));
}

#[test]
fn without_the_option_or_a_limit_of_output_a_stream_goes_on() {
    let mut policy = policy();
    policy["tenants"]["acme"]["limits"] = json!([{"requests": 9, "per": "day"}]);
    policy["ledger"] =
        json!({"stop_at_limit": true, "default_output": {"tokens": 8, "soft": true}});
    for bench in [bench(18, false), Bench::of(&policy)] {
        let mut run = bench.answering(STREAMED, SSE);
        for _ in 0..20 {
            assert_eq!(run.data(WORDS, false), OnData::Pass);
        }
    }
}
