/*! A provider of another protocol without a filter in front of it. */

use super::*;

/// The backend of model `smart` speaks Anthropic's protocol.
fn bench() -> Bench {
    let mut policy = policy();
    policy["backends"]["far"]["api"] = json!("anthropic");
    policy["models"]["smart"]["targets"][0]["model"] = json!("claude");
    Bench::of(&policy)
}

const ANTHROPIC: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"ANSWER"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":4}}"#;
const FAULT: &str =
    r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;

fn released(data: OnData) -> (HeaderEdits, Value) {
    let OnData::Release(edits, body) = data else {
        panic!("{data:?}")
    };
    (edits, serde_json::from_slice(&body).unwrap())
}

#[test]
fn an_answer_waits_until_it_can_be_translated() {
    let bench = bench();
    let mut run = bench.sent(BODY);
    assert!(matches!(run.answer("200", JSON), OnAnswer::Hold(_)));
    assert_eq!(run.data(&ANTHROPIC[..90], false), OnData::Hold);
    let (_, body) = released(run.data(ANTHROPIC, true));
    assert_eq!(body["choices"][0]["message"]["content"], "ANSWER");
    let wanted = json!({"outcome": "ok", "input_tokens": 9, "output_tokens": 4});
    says(&run.done(), wanted);
}

#[test]
fn regression_nobody_is_asked_for_another_try() {
    let bench = bench();
    let mut run = bench.sent(BODY);
    assert!(matches!(run.answer("529", JSON), OnAnswer::Hold(_)));
    let (edits, body) = released(run.data(FAULT, true));
    let internal = |name: &str| name.starts_with("x-tollgate-internal-");
    assert!(
        !edits.set.iter().any(|(name, _)| internal(name)),
        "{edits:?}"
    );
    assert!(edits.set.contains(&(":status", "503".to_owned())));
    assert_eq!(body["error"]["code"], "overloaded");
}

#[test]
fn regression_what_is_no_answer_by_its_head_is_replaced() {
    let html: List<'_> = &[("content-type", "text/html")];
    let encoded: List<'_> = &[
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let moved: List<'_> = &[("location", "https://elsewhere.example/secret")];
    for (status, list, code) in [
        ("200", html, "upstream_invalid_answer"),
        ("200", encoded, "upstream_encoding"),
        ("302", moved, "upstream_redirect"),
    ] {
        let bench = bench();
        let mut run = bench.sent(BODY);
        let answer = run.answer(status, list);
        assert_eq!(refused_answer(&answer), (502, code.to_owned()));
        says(&run.done(), json!({"outcome": code, "status": 502}));
    }
}
