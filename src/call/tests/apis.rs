//! Calls of completions and Responses.

use super::plan::planned;
use super::*;
use crate::attempt::Plan;
use crate::protocols::Api;

const COMPLETION: (&str, &str) = ("/v1/completions", r#"{"model":"smart","prompt":"hi"}"#);
const RESPONSE: (&str, &str) = ("/v1/responses", r#"{"model":"smart","input":"hi"}"#);

/// What becomes of a call.
fn sent(bench: &Bench, (path, body): (&str, &str)) -> OnBody {
    let mut run = bench.run();
    assert_eq!(run.head("POST", path, &[USER], false), OnHead::Hold);
    run.body(body)
}

#[test]
fn only_targets_of_the_callers_api_are_planned() {
    let bench = Bench::of(&planned());
    for (call, api) in [(COMPLETION, Api::Completions), (RESPONSE, Api::Responses)] {
        let OnBody::Forward(outgoing) = sent(&bench, call) else {
            panic!("{call:?}")
        };
        let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
        assert_eq!(plan.caller, api);
        let [entry] = plan.tries.as_slice() else {
            panic!("{plan:?}")
        };
        assert_eq!((entry.backend.as_str(), entry.api), ("far", api));
        assert_eq!(entry.path, format!("/api/v1{}", api.path()));
    }
}

#[test]
fn without_a_target_that_has_the_api_a_call_is_refused() {
    let unsupported = (400, "unsupported_api".to_owned());
    let mut only = planned();
    only["models"]["smart"]["targets"] = json!([{"backend": "near", "model": "claude"}]);
    let mut alone = only.clone();
    alone.as_object_mut().unwrap().remove("fallback");
    let mut chain = planned();
    chain["backends"]["near"]["cluster"] = json!("far-cluster");
    let mut lacking = policy();
    lacking["backends"]["far"]["apis"] = json!(["chat_completions"]);
    for policy in [only, alone, chain, lacking] {
        let bench = Bench::of(&policy);
        for call in [COMPLETION, RESPONSE] {
            let refused = refused_body(&sent(&bench, call));
            assert_eq!(refused, unsupported, "{call:?} {policy}");
        }
    }
}

#[test]
fn a_chain_whose_members_all_have_the_api_is_planned_whole() {
    let mut policy = planned();
    policy["backends"]["near"]["cluster"] = json!("far-cluster");
    policy["backends"]["near"]["api"] = json!("openai");
    let bench = Bench::of(&policy);
    let OnBody::Forward(outgoing) = sent(&bench, RESPONSE) else {
        panic!()
    };
    let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
    assert_eq!(plan.tries.len(), 2);
}

#[test]
fn a_response_is_settled_by_its_own_names() {
    let bench = Bench::of(&policy());
    let usage = json!({"input_tokens": 7, "output_tokens": 3, "total_tokens": 10});
    let answer = json!({"id": "r", "object": "response", "model": "m", "output": [],
        "status": "completed", "usage": usage});
    let mut run = bench.run();
    run.head("POST", RESPONSE.0, &[USER], false);
    assert!(matches!(run.body(RESPONSE.1), OnBody::Forward(_)));
    run.answer("200", JSON);
    run.data(&answer.to_string(), true);
    let record = run.finish(200, "via_upstream");
    assert_eq!(
        (&record["operation"], &record["usage"]),
        (&json!("responses"), &json!("reported"))
    );
    assert_eq!(
        (&record["input_tokens"], &record["output_tokens"]),
        (&json!(7), &json!(3))
    );
}
