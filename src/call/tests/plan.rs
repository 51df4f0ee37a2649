//! Calls whose tries are made in front of the providers.

use super::*;
use crate::attempt::{Came, Failure, PLAN_HEADER, Plan, Tries, Why, priority_groups};
use crate::protocols::Api;

pub(super) fn planned() -> Value {
    let mut policy = policy();
    policy["backends"]["near"]["api"] = json!("anthropic");
    policy["models"]["smart"]["targets"] = json!([
        {"backend": "far", "model": "gpt-5"},
        {"backend": "near", "model": "claude", "max_output": 64},
    ]);
    policy["fallback"] = json!({"attempts": 3});
    policy
}

/// What Envoy knows, with what the tries have noted.
pub(super) struct Way {
    pub(super) details: &'static str,
    tries: Tries,
}

impl Passage for Way {
    fn details(&self) -> String {
        self.details.to_owned()
    }

    fn tries(&self) -> Vec<u8> {
        self.tries.to_json()
    }
}

pub(super) fn way(came: &[Came]) -> Way {
    let mut tries = Tries::default();
    for (target, came) in came.iter().enumerate() {
        tries.begin(target, Instant(START));
        tries.latest_came(came.clone());
    }
    Way {
        details: "via_upstream",
        tries,
    }
}

pub(super) const fn failed(why: Why, until: Option<u64>) -> Came {
    Came::Failed(Failure {
        why,
        status: 500,
        until,
    })
}

/// A call that ends with this status and answer after these tries: what the caller is told,
/// and the record.
pub(super) fn ended(bench: &Bench, status: &str, body: &str, came: &[Came]) -> (OnAnswer, Value) {
    let mut run = bench.sent(BODY);
    let way = way(came);
    let head = headers(&[&[(":status", status)], JSON]);
    let on = run
        .call
        .answer_head(&bench.host, Headers(&head), false, &way);
    run.data(body, true);
    let record = run
        .call
        .finish(&bench.host, &way, || panic!("it has ended"))
        .unwrap();
    (on, serde_json::from_slice(&record).unwrap())
}

fn set<'e>(on: &'e OnAnswer, name: &str) -> &'e str {
    let set = match on {
        OnAnswer::Forward(edits) | OnAnswer::Hold(edits) => &edits.set,
        OnAnswer::Reply(reply) => &reply.headers,
        OnAnswer::Own => panic!("it is a provider's"),
    };
    let mut set = set.iter().filter(|(known, _)| *known == name);
    set.next().map_or("", |(_, value)| value.as_str())
}

#[test]
fn the_plan_goes_on_and_the_body_as_it_is() {
    let bench = Bench::of(&planned());
    let mut run = bench.run();
    run.head(
        "POST",
        CHAT,
        &[USER, ("openai-beta", "x"), (":authority", "gw")],
        false,
    );
    let OnBody::Forward(outgoing) = run.body(BODY) else {
        panic!()
    };
    assert_eq!(outgoing.rewrite, None);
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!((plan.caller, plan.stream), (Api::ChatCompletions, false));
    assert_eq!(plan.deadline, START + 600_000 * MILLI);
    assert_eq!(plan.headers, [("openai-beta".to_owned(), "x".to_owned())]);
    assert_eq!(plan.authority, "gw");
    let tries: Vec<_> = plan
        .tries
        .iter()
        .map(|entry| (entry.api, entry.path.as_str()))
        .collect();
    assert_eq!(
        tries,
        [
            (Api::ChatCompletions, "/api/v1/chat/completions"),
            (Api::Messages, "/v1/messages")
        ]
    );
    let order = priority_groups(["far-cluster", "near-cluster"].into_iter());
    for (name, value) in [
        (PLAN_HEADER, order.as_str()),
        ("x-envoy-max-retries", "1"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", "300000"),
        ("x-envoy-upstream-rq-timeout-ms", "600000"),
    ] {
        let set = outgoing.edits.set.iter().find(|(known, _)| *known == name);
        assert_eq!(set.map(|(_, value)| value.as_str()), Some(value), "{name}");
    }
}

#[test]
fn a_stream_has_no_limit_for_its_whole() {
    let bench = Bench::of(&planned());
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(STREAMED) else {
        panic!()
    };
    let names: Vec<&str> = outgoing.edits.set.iter().map(|(name, _)| *name).collect();
    assert!(names.contains(&"x-envoy-upstream-rq-per-try-timeout-ms"));
    assert!(!names.contains(&"x-envoy-upstream-rq-timeout-ms"));
}

#[test]
fn a_target_that_cannot_be_asked_is_left_out() {
    let bench = Bench::of(&planned());
    let body = BODY.replace("}]", "}],\"n\":2");
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(&body) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!(plan.tries.len(), 1, "Anthropic has no n");
    let mut only = planned();
    only["models"]["smart"]["targets"] = json!([{"backend": "near", "model": "claude"}]);
    let bench = Bench::of(&only);
    let mut run = bench.reading();
    let refused = refused_body(&run.body(&body));
    assert_eq!(refused, (400, "unsupported_by_provider".to_owned()));
}

#[test]
fn the_answer_tells_who_has_given_it() {
    let bench = Bench::of(&planned());
    let came = [failed(Why::Unavailable, None), Came::Answered];
    let (on, record) = ended(&bench, "200", ANSWER, &came);
    assert_eq!(set(&on, "x-tollgate-backend"), "near");
    assert_eq!(set(&on, "x-tollgate-model"), "claude");
    assert_eq!(set(&on, "x-tollgate-attempts"), "2");
    says(
        &record,
        json!({"outcome": "ok", "backend": "near", "target_model": "claude", "attempts": 2,
            "usage": "reported", "input_tokens": 9, "output_tokens": 4,
            "tries": [{"backend": "far", "model": "gpt-5", "outcome": "unavailable"},
                      {"backend": "near", "model": "claude", "outcome": "answered"}]}),
    );
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
    for (backend, outcome) in [("far", "unavailable"), ("near", "answered")] {
        let name = series_name(
            "tollgate.tries_total",
            &[("backend", backend), ("outcome", outcome)],
        );
        assert_eq!(bench.host.recorded(&name), [1], "counted once");
    }
}

#[test]
fn tries_that_were_lost_may_have_cost() {
    // The prompt is estimated at 10 tokens.
    for (came, usage, input) in [
        (vec![Came::Sent, Came::Answered], "estimated", 9 + 10),
        (vec![Came::Unsent, Came::Answered], "reported", 9),
        (
            vec![failed(Why::Garbage, None), Came::Answered],
            "estimated",
            9 + 10,
        ),
        (
            vec![failed(Why::RateLimited, None), Came::Answered],
            "reported",
            9,
        ),
    ] {
        let bench = Bench::of(&planned());
        let (_, record) = ended(&bench, "200", ANSWER, &came);
        says(
            &record,
            json!({"usage": usage, "input_tokens": input, "output_tokens": 4}),
        );
        assert_eq!(bench.totals("acme", "smart")[4], input);
    }
}

#[test]
fn all_tries_lost_are_settled_together() {
    let bench = Bench::of(&planned());
    let mut run = bench.sent(BODY);
    let mut way = way(&[Came::Sent, Came::Sent]);
    way.details = "upstream_per_try_timeout";
    let head = headers(&[&[(":status", "504")]]);
    let on = run
        .call
        .answer_head(&bench.host, Headers(&head), false, &way);
    assert_eq!(refused_answer(&on), (504, "upstream_timeout".to_owned()));
    assert_eq!(set(&on, "x-tollgate-attempts"), "2");
    let record = run.call.finish(&bench.host, &way, || panic!()).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    says(
        &record,
        json!({"usage": "estimated", "input_tokens": 20, "attempts": 2}),
    );
}

#[test]
fn nothing_was_sent_nothing_is_charged() {
    let bench = Bench::of(&planned());
    let mut run = bench.sent(BODY);
    let mut way = way(&[Came::Unsent, Came::Unsent]);
    way.details = "upstream_reset_before_response_started{remote_connection_failure}";
    let head = headers(&[&[(":status", "503")]]);
    run.call
        .answer_head(&bench.host, Headers(&head), false, &way);
    let record = run.call.finish(&bench.host, &way, || panic!()).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    says(&record, json!({"usage": "none", "input_tokens": 0}));
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 1, 0, 0, 0]);
}

#[test]
fn what_is_no_answer_is_replaced() {
    let bench = Bench::of(&planned());
    let came = [failed(Why::Garbage, None), failed(Why::Garbage, None)];
    let (on, record) = ended(&bench, "502", "", &came);
    assert_eq!(
        refused_answer(&on),
        (502, "upstream_invalid_answer".to_owned())
    );
    says(
        &record,
        json!({"outcome": "upstream_invalid_answer", "input_tokens": 20}),
    );
}

#[test]
fn the_advice_is_that_of_the_first_target_to_be_back() {
    let second = 1_000 * MILLI;
    for (came, retry_after) in [
        (
            [
                failed(Why::RateLimited, Some(START + 30 * second)),
                failed(Why::RateLimited, Some(START + 60 * second)),
            ],
            "30",
        ),
        (
            [
                failed(Why::Unavailable, None),
                failed(Why::RateLimited, Some(START + 60 * second)),
            ],
            "",
        ),
    ] {
        let bench = Bench::of(&planned());
        let (on, _) = ended(&bench, "429", "{}", &came);
        assert_eq!(set(&on, "retry-after"), retry_after);
        assert_eq!(set(&on, "x-should-retry"), "true");
    }
    let bench = Bench::of(&planned());
    let (on, _) = ended(&bench, "400", "{}", &[failed(Why::Request, None)]);
    assert_eq!(set(&on, "x-should-retry"), "false");
}

#[test]
fn a_target_that_fails_goes_last_and_comes_back() {
    let mut policy = planned();
    policy["cool_down"] = json!({"failures": 2, "base": "10s"});
    let bench = Bench::of(&policy);
    let first = || {
        let mut run = bench.reading();
        let OnBody::Forward(outgoing) = run.body(BODY) else {
            panic!()
        };
        let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
        plan.tries[0].backend.clone()
    };
    for _ in 0..2 {
        assert_eq!(first(), "far");
        let came = [failed(Why::Unavailable, None), Came::Answered];
        ended(&bench, "200", ANSWER, &came);
    }
    assert_eq!(first(), "near");
    bench.after(10_001);
    assert_eq!(first(), "far", "a probe");
    assert_eq!(first(), "near", "one probe at a time");
}

#[test]
fn a_caller_who_hangs_up_blames_nobody() {
    let mut policy = planned();
    policy["cool_down"] = json!({"failures": 1});
    let bench = Bench::of(&policy);
    let run = bench.sent(BODY);
    let way = way(&[Came::Sent]);
    let end = || End {
        status: 0,
        details: "downstream_remote_disconnect".to_owned(),
        request_id: String::new(),
    };
    let mut call = run.call;
    let record = call.finish(&bench.host, &way, end).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    says(
        &record,
        json!({"outcome": "client_closed", "input_tokens": 10}),
    );
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(BODY) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!(plan.tries[0].backend, "far");
}

#[test]
fn other_paths_have_a_plan_of_one_try() {
    let mut policy = planned();
    policy["other_paths"] = json!({"pass": "far"});
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    let head = run.head("GET", "/v1/files", &[USER], true);
    let OnHead::Forward(outgoing) = head else {
        panic!("{head:?}")
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert!(plan.opaque);
    assert_eq!(plan.tries[0].path, "/api/v1/files");
}

#[test]
fn regression_a_provider_that_breaks_off_every_stream_goes_last() {
    let mut policy = planned();
    policy["cool_down"] = json!({"failures": 2, "base": "10s"});
    let bench = Bench::of(&policy);
    for _ in 0..2 {
        let mut run = bench.sent(STREAMED);
        let way = way(&[Came::Answered]);
        let head = headers(&[&[(":status", "200")], SSE]);
        run.call
            .answer_head(&bench.host, Headers(&head), false, &way);
        run.data(DELTA, false);
        let end = || End {
            status: 200,
            details: "upstream_reset_after_response_started{connection_termination}".to_owned(),
            request_id: String::new(),
        };
        run.call.finish(&bench.host, &way, end).unwrap();
    }
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(BODY) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!(plan.tries[0].backend, "near");
}

#[test]
fn regression_envoys_own_rate_limit_says_nothing_of_a_provider() {
    let mut policy = planned();
    policy["backends"]["near"]["api"] = json!("openai");
    policy["cool_down"] = json!({"failures": 1});
    policy.as_object_mut().unwrap().remove("fallback");
    let bench = Bench::of(&policy);
    for _ in 0..3 {
        let mut run = bench.sent(BODY);
        let refused = refused_answer(&run.envoy("429", "request_rate_limited"));
        assert_eq!(refused.0, 429);
        let record = run.done();
        says(
            &record,
            json!({"backend": "", "attempts": 0, "usage": "none"}),
        );
    }
}

#[test]
fn regression_a_missing_secret_is_the_operators() {
    let bench = Bench::of(&planned());
    let mut run = bench.sent(BODY);
    let mut way = way(&[Came::Unsent]);
    way.details = "failed_to_inject_credential";
    let head = headers(&[&[(":status", "401")]]);
    let on = run
        .call
        .answer_head(&bench.host, Headers(&head), false, &way);
    assert_eq!(refused_answer(&on), (502, "upstream_auth".to_owned()));
}

#[test]
fn regression_lines_of_the_same_header_are_one_list() {
    let bench = Bench::of(&planned());
    let mut run = bench.run();
    run.head(
        "POST",
        CHAT,
        &[USER, ("openai-beta", "one"), ("openai-beta", "two")],
        false,
    );
    let OnBody::Forward(outgoing) = run.body(BODY) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!(
        plan.headers,
        [("openai-beta".to_owned(), "one, two".to_owned())]
    );
}

#[test]
fn regression_a_chain_is_not_cut_and_refuses_what_one_of_it_cannot_say() {
    let mut policy = planned();
    policy["backends"]["near"]["cluster"] = json!("far-cluster");
    policy["fallback"]["attempts"] = json!(1);
    let bench = Bench::of(&policy);
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(BODY) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!(plan.tries.len(), 2);
    let body = BODY.replace("}]", "}],\"n\":2");
    let refused = refused_body(&bench.reading().body(&body));
    assert_eq!(refused, (400, "unsupported_by_provider".to_owned()));
}

#[test]
fn regression_the_largest_window_is_among_the_targets_tried() {
    let mut policy = planned();
    policy["models"]["smart"]["targets"] = json!([
        {"backend": "far", "model": "a", "context": 200_000},
        {"backend": "far", "model": "b", "context": 128_000},
        {"backend": "near", "model": "c", "context": 1_000_000},
    ]);
    policy["fallback"]["attempts"] = json!(2);
    let bench = Bench::of(&policy);
    let mut run = bench.reading();
    let OnBody::Forward(outgoing) = run.body(BODY) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    let models: Vec<&str> = plan
        .tries
        .iter()
        .map(|entry| entry.model.as_str())
        .collect();
    assert_eq!(models, ["a", "c"]);
}

#[test]
fn regression_an_error_of_a_foreign_provider_without_a_body_gets_one() {
    let bench = Bench::of(&planned());
    let mut run = bench.sent(BODY);
    let way = way(&[
        failed(Why::Unavailable, None),
        failed(Why::Unavailable, None),
    ]);
    let head = headers(&[&[(":status", "503")]]);
    let on = run
        .call
        .answer_head(&bench.host, Headers(&head), true, &way);
    assert_eq!(refused_answer(&on), (503, "upstream_error".to_owned()));
}
