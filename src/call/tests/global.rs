/*! What Envoy's rate limit filter is told of calls, and what callers of its refusals. */

use super::*;
use crate::call::global::FilterState;

fn bench(limits: Value) -> Bench {
    let mut policy = policy();
    policy["global_limits"] = limits;
    policy["models"]["smart"]["targets"][0]["price"] = json!({"input": 1.25, "output": 10});
    policy["other_paths"] = json!({"pass": "far"});
    Bench::of(&policy)
}

/// 10 tokens of prompt, two answers of 50: 110 tokens, 1013 millionths of a USD.
const TWICE: &str = r#"{"model":"smart","messages":[{"role":"user","content":"PROMPT text"}],"max_tokens":50,"n":2}"#;

fn start(run: &mut Run<'_>, body: &str) -> FilterState {
    let OnBody::Forward(outgoing) = run.body(body) else {
        panic!("refused")
    };
    outgoing.limits
}

fn texts(state: &FilterState) -> Vec<(&str, &str)> {
    let entries = state.iter();
    entries.map(|(key, text)| (*key, text.as_str())).collect()
}

/// How a call ends that Envoy has to be asked about.
fn end(status: u16, details: &str) -> impl FnOnce() -> End {
    let details = details.to_owned();
    move || End {
        status,
        details,
        request_id: String::new(),
    }
}

/// What is charged when the call is over; nothing a second time.
fn charges(run: &mut Run<'_>, status: u16, details: &str) -> FilterState {
    let host = &run.bench.host;
    let record = run.call.finish(host, &Way(details), end(status, details));
    assert!(record.is_some());
    let state = run.call.charges();
    assert_eq!(run.call.charges(), Vec::new());
    state
}

/// What is charged and given back in tokens, and in millionths of a USD.
fn corrections(state: &FilterState) -> [&str; 4] {
    let keys = ["over", "under", "cost_over", "cost_under"];
    let keys = keys.map(|key| format!("tollgate.limit.{key}"));
    assert_eq!(state.len(), keys.len(), "{state:?}");
    keys.map(|key| {
        let entry = state.iter().find(|(known, _)| *known == key);
        entry.unwrap().1.as_str()
    })
}

#[test]
fn without_global_limits_nothing_is_told() {
    let bench = Bench::new();
    let mut run = bench.reading();
    assert_eq!(start(&mut run, BODY), Vec::new());
    run.answer("200", JSON);
    run.data(ANSWER, true);
    assert_eq!(charges(&mut run, 200, ""), Vec::new());
}

#[test]
fn who_asks_and_what_it_used() {
    let bench = bench(json!({}));
    let mut run = bench.reading();
    // printf %s ci | sha256sum | cut -c1-32
    let user = "1b158839f8aa339e89bb50b1603e90ec";
    let wanted = [
        ("tollgate.limit.tenant", "acme"),
        ("tollgate.limit.tier", "premium"),
        ("tollgate.limit.model", "smart"),
        ("tollgate.limit.user", user),
        ("tollgate.limit.tokens", "0"),
        ("tollgate.limit.cost", "0"),
    ];
    assert_eq!(texts(&start(&mut run, BODY)), wanted);
    run.answer("200", JSON);
    run.data(ANSWER, true);
    let charged = charges(&mut run, 200, "");
    assert_eq!(
        texts(&charged),
        [
            ("tollgate.limit.tokens", "13"),
            ("tollgate.limit.cost", "52")
        ]
    );
}

#[test]
fn estimates_and_what_they_missed() {
    let usage = |input: u64, output: u64| json!({"choices": [{"message": {"content": "ANSWER"}}], "usage": {"prompt_tokens": input, "completion_tokens": output}});
    for (answer, wanted) in [
        (usage(9, 4), ["0", "97", "0", "961"]),
        (usage(10, 100), ["0", "0", "0", "0"]),
        (usage(10, 120), ["20", "0", "200", "0"]),
        (
            usage(1_000_000_000, 1_000_000_000),
            ["999999890", "0", "999998987", "0"],
        ),
    ] {
        let bench = bench(json!({"charge": "estimate"}));
        let mut run = bench.reading();
        let state = start(&mut run, TWICE);
        let numbers: Vec<_> = texts(&state).split_off(4);
        let told = [
            ("tollgate.limit.estimate", "110"),
            ("tollgate.limit.over", "0"),
            ("tollgate.limit.under", "0"),
            ("tollgate.limit.cost_estimate", "1013"),
            ("tollgate.limit.cost_over", "0"),
            ("tollgate.limit.cost_under", "0"),
        ];
        assert_eq!(numbers, told);
        run.answer("200", JSON);
        run.data(&answer.to_string(), true);
        assert_eq!(corrections(&charges(&mut run, 200, "")), wanted, "{answer}");
    }
}

/// Envoy does not charge what it cannot count, and lets the call pass.
#[test]
fn no_number_is_more_than_envoy_takes() {
    let bench = bench(json!({"charge": "estimate"}));
    for (most, estimate) in [
        ("999999997", "1000000000"),
        ("999999998", "1000000000"),
        ("18446744073709551615", "1000000000"),
    ] {
        let mut run = bench.reading();
        let state = start(
            &mut run,
            &TWICE.replace("50", most).replace("\"n\":2", "\"n\":1"),
        );
        let told = texts(&state);
        let told = told
            .iter()
            .find(|(key, _)| *key == "tollgate.limit.estimate");
        assert_eq!(told, Some(&("tollgate.limit.estimate", estimate)), "{most}");
    }
}

#[test]
fn every_end_gives_back_what_was_not_used() {
    // Of the estimate of 110; a prompt that may have been read costs 10.
    for (details, status, under) in [
        (
            "upstream_reset_before_response_started{connection_failure}",
            "503",
            "110",
        ),
        (
            "upstream_reset_before_response_started{connection_termination}",
            "503",
            "100",
        ),
        ("response_timeout", "504", "100"),
        ("some_filter_behind", "403", "110"),
        ("via_upstream", "500", "110"),
    ] {
        let bench = bench(json!({"charge": "estimate"}));
        let mut run = bench.reading();
        start(&mut run, TWICE);
        run.head_of_answer(status, JSON, details);
        let charged = charges(&mut run, 503, details);
        let cost = if under == "110" { "1013" } else { "1000" };
        assert_eq!(corrections(&charged), ["0", under, "0", cost], "{details}");
    }
}

#[test]
fn answers_of_tollgate_charge_nothing() {
    let bench = bench(json!({"charge": "estimate", "refund_refused": true}));
    let mut strange = bench.run();
    strange.head("POST", CHAT, &[], false);
    assert_eq!(charges(&mut strange, 401, ""), Vec::new());
    let mut broken = bench.reading();
    assert!(matches!(broken.body("{"), OnBody::Reply(_)));
    assert_eq!(charges(&mut broken, 400, ""), Vec::new());
    let mut list = bench.run();
    list.head("GET", "/v1/models", &[USER], true);
    assert_eq!(charges(&mut list, 200, ""), Vec::new());
}

#[test]
fn what_passes_uninspected_has_no_model_and_no_estimate() {
    let bench = bench(json!({"charge": "estimate"}));
    let mut run = bench.run();
    let OnHead::Forward(outgoing) = run.head("POST", "/v1/rerank", &[ADMIN], false) else {
        panic!("refused")
    };
    let keys: Vec<&str> = outgoing.limits.iter().map(|(key, _)| *key).collect();
    assert!(!keys.contains(&"tollgate.limit.model"), "{keys:?}");
    assert!(
        outgoing
            .limits
            .contains(&("tollgate.limit.estimate", "0".to_owned()))
    );
}

/// Every number that a call leaves is one that `limit_numbers` names, and the other way round.
#[test]
fn the_keys_that_are_named_are_those_that_are_set() {
    for limits in [json!({"charge": "actual"}), json!({"charge": "estimate"})] {
        let bench = bench(limits);
        let mut run = bench.reading();
        let state = start(&mut run, BODY);
        let keys: Vec<&str> = state.iter().map(|(key, _)| *key).collect();
        let numbers = limit_numbers(bench.gateway.policy.global_limits.unwrap());
        let named: Vec<&str> = LIMIT_NAMES.iter().chain(numbers).copied().collect();
        assert_eq!(keys, named);
        run.answer("200", JSON);
        run.data(ANSWER, true);
        for (key, _) in charges(&mut run, 200, "") {
            assert!(numbers.contains(&key), "{key}");
        }
    }
}

// Refusals

const OVER: List<'_> = &[
    ("x-ratelimit-limit", "1000, 1000;w=60"),
    ("x-ratelimit-remaining", "0"),
    ("x-ratelimit-reset", "37"),
    ("x-envoy-ratelimited", "true"),
];

#[test]
fn a_refusal_is_the_callers_and_costs_nothing() {
    let bench = bench(json!({}));
    let mut run = bench.sent(BODY);
    let answer = run.head_of_answer("429", OVER, "request_rate_limited");
    assert_eq!(
        refused_answer(&answer),
        (429, "rate_limit_exceeded".to_owned())
    );
    let OnAnswer::Reply(reply) = answer else {
        panic!()
    };
    for (name, value) in [
        ("x-should-retry", "true"),
        ("x-ratelimit-limit", "1000, 1000;w=60"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "37"),
        ("retry-after", "37"),
    ] {
        let header = (name, value.to_owned());
        assert!(reply.headers.contains(&header), "{name}: {reply:?}");
    }
    assert!(
        !reply
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("x-envoy"))
    );
    let wanted = json!({
        "outcome": "global_limit", "status": 429, "model": "smart", "attempts": 0, "usage": "none",
    });
    says(&run.done(), wanted);
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 1, 0, 0]);
}

#[test]
fn the_services_own_word_for_when_to_come_back_wins() {
    for (own, reset, told) in [
        (Some("5"), Some("37"), Some("5")),
        (None, Some("37"), Some("37")),
        (None, Some("soon"), None),
        (None, None, None),
    ] {
        let bench = bench(json!({}));
        let mut run = bench.sent(BODY);
        let own = own.map(|text| ("retry-after", text));
        let reset = reset.map(|text| ("x-ratelimit-reset", text));
        let list: Vec<_> = own.into_iter().chain(reset).collect();
        let answer = run.head_of_answer("429", &list, "request_rate_limited");
        let OnAnswer::Reply(reply) = answer else {
            panic!()
        };
        let mut headers = reply.headers.iter();
        let wait = headers.find(|(name, _)| *name == "retry-after");
        assert_eq!(wait.map(|(_, text)| text.as_str()), told, "{list:?}");
    }
}

#[test]
fn a_service_that_does_not_answer_is_a_503_whatever_envoy_says() {
    for status in ["503", "500"] {
        let bench = bench(json!({"charge": "estimate", "refund_refused": true}));
        let mut run = bench.sent(BODY);
        let answer = run.envoy(status, "rate_limiter_error");
        assert_eq!(
            refused_answer(&answer),
            (503, "limits_unavailable".to_owned())
        );
        let wanted = json!({"outcome": "global_limit_unavailable", "status": 503, "usage": "none"});
        says(&run.done(), wanted);
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 1, 0, 0]);
    }
}

/// Taking back what was never taken would open the budget to whoever floods it.
#[test]
fn a_refused_estimate_is_given_back_only_where_the_policy_says_that_it_counts() {
    let refund = vec![
        ("tollgate.limit.under", "110".to_owned()),
        ("tollgate.limit.cost_under", "1013".to_owned()),
    ];
    let cases = [
        (
            json!({"charge": "estimate", "refund_refused": true}),
            "request_rate_limited",
            refund,
        ),
        (
            json!({"charge": "estimate", "refund_refused": true}),
            "rate_limiter_error",
            vec![],
        ),
        (
            json!({"charge": "estimate"}),
            "request_rate_limited",
            vec![],
        ),
        (json!({"charge": "actual"}), "request_rate_limited", vec![]),
    ];
    for (limits, details, wanted) in cases {
        let bench = bench(limits.clone());
        let mut run = bench.reading();
        start(&mut run, TWICE);
        run.envoy("429", details);
        assert_eq!(charges(&mut run, 429, ""), wanted, "{limits} {details}");
    }
}

#[test]
fn a_refused_call_gives_back_what_it_held_of_its_own_limits() {
    let mut policy = policy();
    policy["global_limits"] = json!({});
    policy["tenants"]["acme"]["limits"] = json!([{"requests": 1, "per": "day"}]);
    let bench = Bench::of(&policy);
    for _ in 0..3 {
        let mut run = bench.sent(BODY);
        run.envoy("429", "request_rate_limited");
        says(&run.done(), json!({"outcome": "global_limit"}));
    }
    bench.answering(BODY, JSON).done();
    let mut over = bench.reading();
    assert_eq!(refused_body(&over.body(BODY)).0, 429);
}

/// Where the caller sets no bound, the provider is told the one that the estimate takes.
#[test]
fn an_estimate_bounds_the_answer() {
    for (limits, bounded) in [
        (json!(null), false),
        (json!({"charge": "actual"}), false),
        (json!({"charge": "estimate"}), true),
    ] {
        let bench = bench(limits.clone());
        let mut run = bench.reading();
        let OnBody::Forward(outgoing) = run.body(BODY) else {
            panic!("refused")
        };
        let sent = outgoing
            .rewrite
            .map(|rewrite| String::from_utf8(rewrite.prefix).unwrap());
        let told = sent.unwrap_or_default().contains(":4096");
        assert_eq!(told, bounded, "{limits}");
    }
}
