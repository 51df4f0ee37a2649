//! Rules on requests in calls: what is refused, what is told of it, what else is done then.

use super::*;

/// A gateway with one guardrail of rules on requests.
fn bench(action: &str, rules: Value) -> Bench {
    let mut policy = policy();
    policy["guardrails"] = json!([{"name": "bounds", "phase": "input",
        "detect": {"request": rules}, "action": action}]);
    policy["tenants"]["acme"]["limits"] = json!([{"requests": 1, "per": "day"}]);
    Bench::of(&policy)
}

fn found(bench: &Bench, what: &str, action: &str) -> Vec<u64> {
    let labels = [
        ("guardrail", "bounds"),
        ("phase", "input"),
        ("entity", what),
        ("action", action),
    ];
    bench.counted("tollgate.guardrail_findings_total", &labels)
}

const HOT: &str = r#"{"model":"smart","temperature":1.5,"messages":[{"role":"user","content":"PROMPT"},{"role":"user","content":"PROMPT"}]}"#;

#[test]
fn regression_records_of_refused_calls_tell_whether_they_asked_for_a_stream() {
    let broken =
        |stream: &str| HOT.replace(r#"{"model""#, &format!(r#"{{"stream":{stream},"model""#));
    for (body, stream) in [
        (broken("true"), true),
        (broken("false"), false),
        (HOT.to_owned(), false),
    ] {
        let bench = bench("block", json!({"messages": 1}));
        let mut run = bench.reading();
        assert!(matches!(run.body(&body), OnBody::Reply(_)));
        assert_eq!(run.done()["stream"], stream, "{body}");
    }
    let bench = Bench::new();
    for (model, messages, status) in [
        ("unknown", r#"[{"role":"user"}]"#, 404),
        ("smart", "[]", 400),
    ] {
        let body = format!(r#"{{"model":"{model}","stream":true,"messages":{messages}}}"#);
        let mut run = bench.reading();
        assert!(matches!(run.body(&body), OnBody::Reply(reply) if reply.status == status));
        assert_eq!(run.done()["stream"], true, "{body}");
    }
}

#[test]
fn what_breaks_a_rule_is_refused_and_takes_nothing_from_limits() {
    let rules = json!({"messages": 1, "parameters": {"temperature": {"maximum": 1}}});
    let bench = bench("block", rules);
    for _ in 0..2 {
        let mut run = bench.reading();
        let OnBody::Reply(reply) = run.body(HOT) else {
            panic!("it has to be refused");
        };
        assert_eq!(
            status_and_code(&reply),
            (400, "request_not_allowed".to_owned())
        );
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            body["error"],
            json!({"message": "The guardrail 'bounds' wants at most 1 messages.",
                "type": "invalid_request_error", "param": "messages", "code": "request_not_allowed"})
        );
        says(
            &run.done(),
            json!({"outcome": "request_not_allowed", "status": 400, "attempts": 0, "reason": "bounds",
                "guardrails": [{"name": "bounds", "phase": "input", "action": "block",
                    "found": {"MESSAGES": 1, "PARAMETER:temperature": 1}}]}),
        );
    }
    assert_eq!(found(&bench, "MESSAGES", "block"), [1, 1]);
    assert_eq!(found(&bench, "PARAMETER:temperature", "block"), [1, 1]);
    let run = bench.sent(BODY);
    let record = run.finish(0, "downstream_remote_disconnect");
    says(&record, json!({"attempts": 1}));
    assert_eq!(record.get("guardrails"), None, "{record}");
}

#[test]
fn monitors_only_count() {
    let bench = bench("monitor", json!({"messages": 1, "bytes": 10}));
    let run = bench.sent(HOT);
    says(
        &run.finish(0, "downstream_remote_disconnect"),
        json!({"attempts": 1, "guardrails": [{"name": "bounds", "phase": "input",
            "action": "monitor", "found": {"BYTES": 1, "MESSAGES": 1}}]}),
    );
    assert_eq!(found(&bench, "BYTES", "monitor"), [1]);
}

#[test]
fn sizes_have_their_own_status() {
    let bytes = bench("block", json!({"bytes": 20}));
    let mut run = bytes.reading();
    let refused = refused_body(&run.body(BODY));
    assert_eq!(refused, (413, "request_not_allowed".to_owned()));
    // 11 bytes of text and the frame of a message.
    for (tokens, fits) in [(1, false), (2, false), (100, true)] {
        let bench = bench("block", json!({"tokens": tokens}));
        let mut run = bench.reading();
        match (run.body(BODY), fits) {
            (OnBody::Forward(_), true) => {}
            (on, _) => assert_eq!(refused_body(&on), (400, "request_not_allowed".to_owned())),
        }
    }
}

#[test]
fn rules_are_about_the_model_that_is_asked_for() {
    let bench = bench("block", json!({"models": ["same"], "messages": 1}));
    bench.sent(HOT).finish(0, "downstream_remote_disconnect");
    let mut run = bench.reading();
    let refused = refused_body(&run.body(&HOT.replace("smart", "same")));
    assert_eq!(refused, (400, "request_not_allowed".to_owned()));
}

#[test]
fn what_cant_be_read_is_refused_as_ever() {
    let bench = bench("monitor", json!({"messages": 1}));
    for (body, code) in [
        ("", "empty_body"),
        ("{", "invalid_json"),
        ("[]", "invalid_value"),
        (r#"{"model":"smart"}"#, "missing_required_parameter"),
    ] {
        let mut run = bench.reading();
        let refused = refused_body(&run.body(body));
        assert_eq!(refused, (400, code.to_owned()), "{body}");
    }
}

#[test]
fn answers_and_media_pass_where_only_requests_have_rules() {
    let bench = bench("block", json!({"messages": 9, "images": 1}));
    let body = json!({"model": "smart", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://a.example.org/i.png"}}]}]})
    .to_string();
    let mut run = bench.sent(&body);
    assert!(matches!(run.answer("200", JSON), OnAnswer::Forward(_)));
    assert_eq!(run.data(ANSWER, true), OnData::Pass);
    says(&run.done(), json!({"outcome": "ok"}));
}

/// What passes unread would pass the rules.
#[test]
fn other_paths_are_closed_to_tenants_with_rules() {
    let mut policy = policy();
    policy["other_paths"] = json!({"pass": "far"});
    policy["guardrails"] = json!([{"name": "bounds", "phase": "input",
        "detect": {"request": {"messages": 1}}, "action": "block", "tenants": ["acme"]}]);
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    let head = run.head("POST", "/v1/rerank", &[USER], true);
    assert_eq!(refused_head(&head), (404, "unscannable_path".to_owned()));
}
