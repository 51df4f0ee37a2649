//! Guardrails that ask a service: what waits, what goes on, what is told.

use super::*;
use crate::http::{Answer, Callout};

/// Acme's requests and whole answers are shown to Presidio and to a moderation.
fn guarded(guardrails: Value) -> Bench {
    let mut policy = policy();
    policy["guardrails"] = guardrails;
    policy["limits"] = json!({"body": 1000, "held_per_tenant": 4000});
    Bench::of(&policy)
}

fn presidio(name: &str, more: Value) -> Value {
    let service = json!({"cluster": "presidio", "kind": "presidio", "timeout": "300ms"});
    with(name, service, more)
}

fn generic(name: &str, more: Value) -> Value {
    with(
        name,
        json!({"cluster": name, "kind": "generic", "path": "/judge"}),
        more,
    )
}

fn with(name: &str, service: Value, more: Value) -> Value {
    let mut guardrail =
        json!({"name": name, "phase": "input", "detect": {"service": service}, "action": "mask"});
    for (field, value) in more.as_object().unwrap() {
        guardrail[field] = value.clone();
    }
    guardrail
}

/// The callouts of a request.
fn asks(on: OnBody) -> Vec<Callout> {
    let OnBody::Ask(callouts) = on else {
        panic!("{on:?}")
    };
    callouts
}

impl Run<'_> {
    fn says(&mut self, callout: &Callout, status: u16, body: &str) -> OnAnswered {
        let answer = Answer {
            status,
            body: body.as_bytes().to_vec(),
        };
        self.call
            .service_answered(&self.bench.host, callout.token, Some(&answer))
    }

    fn not_sent(&mut self, callout: &Callout) -> OnAnswered {
        self.call
            .service_answered(&self.bench.host, callout.token, None)
    }
}

fn hit(start: usize, end: usize, name: &str) -> String {
    json!([{"start": start, "end": end, "entity_type": name, "score": 0.9}]).to_string()
}

/// The body that goes on, of a request whose body was `before`.
fn goes_on(on: OnAnswered, before: &str) -> (String, HeaderEdits) {
    let OnAnswered::Request(OnBody::Forward(outgoing)) = on else {
        panic!("{on:?}")
    };
    let rewrite = outgoing.rewrite.expect("a change");
    let body = String::from_utf8(rewrite.whole(before.as_bytes())).unwrap();
    assert_eq!(body.len(), rewrite.length);
    (body, outgoing.edits)
}

fn refused(on: OnAnswered) -> (u16, String) {
    let OnAnswered::Request(OnBody::Reply(reply)) = on else {
        panic!("{on:?}")
    };
    status_and_code(&reply)
}

/// The record of a call that no provider saw: nothing of it counts.
#[track_caller]
fn not_sent(bench: &Bench, record: &Value, (status, outcome): (u16, &str)) {
    says(
        record,
        json!({"outcome": outcome, "status": status, "attempts": 0, "usage": "none", "model": ""}),
    );
    assert_eq!(bench.totals("acme", "smart"), [0; 6]);
}

/// The record of a call whose answer was read, whatever went on of it.
#[track_caller]
fn settled(bench: &Bench, record: &Value, (status, outcome): (u16, &str)) {
    let told = json!({"outcome": outcome, "status": status, "attempts": 1, "usage": "reported",
        "input_tokens": 9, "output_tokens": 4});
    says(record, told);
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
}

fn found(record: &Value) -> &Value {
    &record["guardrails"]
}

#[test]
fn what_a_service_finds_is_masked_before_the_request_goes_on() {
    let bench = guarded(json!([presidio("names", json!({}))]));
    let mut run = bench.run();
    let framed = ("content-length", "70");
    run.head("POST", CHAT, &[USER, framed], false);
    let callouts = asks(run.body(BODY));
    let [callout] = callouts.as_slice() else {
        panic!("{callouts:?}")
    };
    assert_eq!(
        (callout.cluster.as_str(), callout.timeout_ms),
        ("presidio", 300)
    );
    assert_eq!(
        (callout.method, callout.path.as_str()),
        ("POST", "/analyze")
    );
    let asked: Value = serde_json::from_slice(&callout.body).unwrap();
    assert_eq!(asked["text"], "PROMPT text");
    assert!(!run.call.passes_request() && !run.call.reads_request());
    assert_eq!(bench.totals("acme", "smart")[0], 0);
    let (body, edits) = goes_on(run.says(callout, 200, &hit(0, 6, "PERSON")), BODY);
    let wanted = BODY
        .replace("PROMPT", "<PERSON>")
        .replace("\"smart\"", r#""gpt \"5\"""#);
    assert_eq!(body, wanted);
    assert!(
        edits
            .set
            .contains(&("content-length", wanted.len().to_string()))
    );
    assert!(run.call.passes_request());
    assert!(matches!(run.answer("200", JSON), OnAnswer::Forward(_)));
    assert_eq!(run.data(ANSWER, true), OnData::Pass);
    let record = run.done();
    settled(&bench, &record, (200, "ok"));
    let wanted =
        json!([{"name": "names", "phase": "input", "action": "mask", "found": {"PERSON": 1}}]);
    assert_eq!(found(&record), &wanted);
    let labels = [
        ("guardrail", "names"),
        ("phase", "input"),
        ("entity", "PERSON"),
        ("action", "mask"),
    ];
    assert_eq!(
        bench.counted("tollgate.guardrail_findings_total", &labels),
        [1]
    );
}

#[test]
fn a_request_in_which_nothing_is_found_goes_on_as_it_is() {
    let bench = guarded(json!([presidio("names", json!({}))]));
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    let (body, _) = goes_on(run.says(&callouts[0], 200, "[]"), BODY);
    assert_eq!(body, BODY.replace("\"smart\"", r#""gpt \"5\"""#));
    // An answer that comes twice, or late, changes nothing.
    assert_eq!(
        run.says(&callouts[0], 200, &hit(0, 6, "PERSON")),
        OnAnswered::Wait
    );
    run.answer("200", JSON);
    run.data(ANSWER, true);
    assert_eq!(found(&run.done()), &Value::Null);
}

#[test]
fn services_block() {
    let body = r#"{"flagged":true,"reasons":["off_topic"]}"#;
    let bench = guarded(json!([generic("topics", json!({"action": "block"}))]));
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    assert_eq!(callouts[0].path, "/judge");
    let on = run.says(&callouts[0], 200, body);
    assert_eq!(refused(on), (400, "content_filter".to_owned()));
    assert!(!run.call.passes_request());
    let record = run.done();
    not_sent(&bench, &record, (400, "content_filter"));
    let wanted =
        json!([{"name": "topics", "phase": "input", "action": "block", "found": {"off_topic": 1}}]);
    assert_eq!(found(&record), &wanted);
    // An objection to the whole leaves nothing to mask.
    let bench = guarded(json!([generic("topics", json!({}))]));
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    let on = run.says(&callouts[0], 200, body);
    assert_eq!(refused(on), (400, "content_filter".to_owned()));
    not_sent(&bench, &run.done(), (400, "content_filter"));
}

#[test]
fn all_services_are_asked_at_once_and_the_first_that_refuses_decides() {
    let all = || {
        guarded(json!([
            presidio("names", json!({})),
            generic("topics", json!({"action": "block"})),
            generic("watch", json!({"action": "monitor"})),
        ]))
    };
    let bench = all();
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    assert_eq!(callouts.len(), 3);
    let flagged = r#"{"flagged":true}"#;
    assert_eq!(run.says(&callouts[2], 200, flagged), OnAnswered::Wait);
    assert_eq!(
        run.says(&callouts[0], 200, &hit(0, 6, "PERSON")),
        OnAnswered::Wait
    );
    let (body, _) = goes_on(run.says(&callouts[1], 200, r#"{"flagged":false}"#), BODY);
    assert!(body.contains("<PERSON> text"));
    run.answer("200", JSON);
    run.data(ANSWER, true);
    let wanted = json!([
        {"name": "names", "phase": "input", "action": "mask", "found": {"PERSON": 1}},
        {"name": "watch", "phase": "input", "action": "monitor", "found": {"flagged": 1}},
    ]);
    assert_eq!(found(&run.done()), &wanted);

    let bench = all();
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    let on = run.says(&callouts[1], 200, flagged);
    assert_eq!(refused(on), (400, "content_filter".to_owned()));
    assert_eq!(run.says(&callouts[0], 200, "[]"), OnAnswered::Wait);
    assert_eq!(run.data("x", true), OnData::Pass);
    not_sent(&bench, &run.done(), (400, "content_filter"));
}

#[test]
fn failures_are_told_or_passed_and_counted() {
    type Say = fn(&mut Run<'_>, &Callout) -> OnAnswered;
    let cases: [(Say, &str); 5] = [
        (|run, callout| run.not_sent(callout), "not_sent"),
        (
            |run, callout| run.says(callout, 504, "upstream request timeout"),
            "timeout",
        ),
        (
            |run, callout| run.says(callout, 503, "no healthy upstream"),
            "status",
        ),
        (|run, callout| run.says(callout, 500, "{}"), "status"),
        (
            |run, callout| run.says(callout, 200, "<html>"),
            "unreadable",
        ),
    ];
    let modes = [
        json!({}),
        json!({"failure_mode": "closed"}),
        json!({"failure_mode": "open"}),
        json!({"action": "monitor"}),
    ];
    for (say, code) in cases {
        for (index, mode) in modes.iter().enumerate() {
            let bench = guarded(json!([presidio("names", mode.clone())]));
            let mut run = bench.reading();
            let callouts = asks(run.body(BODY));
            let on = say(&mut run, &callouts[0]);
            if index < 2 {
                assert_eq!(refused(on), (503, "guardrail_unavailable".to_owned()));
            } else {
                goes_on(on, BODY);
                run.answer("200", JSON);
                run.data(ANSWER, true);
            }
            let record = run.done();
            if index < 2 {
                not_sent(&bench, &record, (503, "guardrail_unavailable"));
            } else {
                settled(&bench, &record, (200, "ok"));
            }
            assert_eq!(found(&record)[0]["failure"], code, "{record}");
            assert_eq!(found(&record)[0]["found"], json!({}));
            let labels = [("guardrail", "names"), ("phase", "input"), ("kind", code)];
            assert_eq!(
                bench.counted("tollgate.guardrail_failures_total", &labels),
                [1]
            );
        }
    }
}

#[test]
fn a_prompt_that_is_too_long_for_a_service_is_a_failure() {
    let long = BODY.replace("text", &"x".repeat(crate::callout::MAX_ASKED));
    for (mode, goes_on) in [("open", true), ("closed", false)] {
        let mut policy = policy();
        policy["guardrails"] = json!([presidio("names", json!({"failure_mode": mode}))]);
        policy["limits"] = json!({"body": 2_000_000});
        let bench = Bench::of(&policy);
        let mut run = bench.reading();
        match run.body(&long) {
            OnBody::Forward(_) => assert!(goes_on),
            OnBody::Reply(reply) => {
                assert!(!goes_on);
                assert_eq!(reply.status, 503);
            }
            OnBody::Ask(_) => panic!("nothing can be asked"),
        }
        if !goes_on {
            let record = run.done();
            not_sent(&bench, &record, (503, "guardrail_unavailable"));
            assert_eq!(found(&record)[0]["failure"], "too_long");
            continue;
        }
        let record = run.finish(0, "downstream_remote_disconnect");
        says(&record, json!({"outcome": "client_closed", "attempts": 1}));
        assert_eq!(found(&record)[0]["failure"], "too_long");
    }
}

#[test]
fn masks_that_make_a_request_too_long_are_not_made() {
    let mut policy = policy();
    policy["guardrails"] = json!([presidio("names", json!({}))]);
    policy["limits"] = json!({"body": BODY.len()});
    let bench = Bench::of(&policy);
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    let on = run.says(&callouts[0], 200, &hit(0, 6, "SOME_LONG_NAME"));
    assert_eq!(refused(on), (413, "request_too_large".to_owned()));
    not_sent(&bench, &run.done(), (413, "request_too_large"));
}

#[test]
fn a_caller_may_leave_while_services_are_asked() {
    let bench = guarded(json!([presidio("names", json!({}))]));
    let mut run = bench.reading();
    asks(run.body(BODY));
    let record = run.finish(0, "downstream_remote_disconnect");
    says(&record, json!({"tenant": "acme"}));
    not_sent(&bench, &record, (0, "client_closed"));
    // What Envoy says by itself then, such as that nothing has moved for too long.
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    let told = run.envoy("504", "stream_idle_timeout");
    assert_eq!(refused_answer(&told).0, 504);
    assert_eq!(run.says(&callouts[0], 200, "[]"), OnAnswered::Wait);
    says(&run.done(), json!({"tenant": "acme", "status": 504}));
}

#[test]
fn requests_without_text_are_not_asked_about() {
    let bench = guarded(json!([presidio("names", json!({}))]));
    let mut run = bench.reading();
    let body = r#"{"model":"smart","messages":[{"role":"user","content":"..."}]}"#;
    assert!(matches!(run.body(body), OnBody::Forward(_)));
    let mut run = bench.reading();
    assert_eq!(refused_body(&run.body("{")).0, 400);
}

#[test]
fn other_tenants_are_not_asked_about() {
    let bench = guarded(json!([presidio("names", json!({"tenants": ["blue"]}))]));
    let mut run = bench.reading();
    assert!(matches!(run.body(BODY), OnBody::Forward(_)));
}

// Answers

const TOLD: &str = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"ANSWER of Bob"},"logprobs":{"content":[{"token":"Bob","logprob":-1}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;

fn output(mut guardrail: Value) -> Value {
    guardrail["phase"] = json!("output");
    guardrail
}

/// A call whose whole answer is shown to services.
fn shown<'b>(bench: &'b Bench, answer: &str) -> (Run<'b>, Vec<Callout>) {
    let mut run = bench.sent(BODY);
    let length = ("content-length", "200");
    let OnAnswer::Hold(edits) = run.answer("200", &[JSON[0], length]) else {
        panic!("the head waits")
    };
    assert!(edits.remove.iter().any(|name| name == "content-length"));
    assert_eq!(run.data(&answer[..20], false), OnData::Hold);
    let OnData::Ask(callouts) = run.data(answer, true) else {
        panic!("services are asked")
    };
    (run, callouts)
}

#[test]
fn whole_answers_are_masked() {
    let bench = guarded(json!([output(presidio("names", json!({})))]));
    let (mut run, callouts) = shown(&bench, TOLD);
    let asked: Value = serde_json::from_slice(&callouts[0].body).unwrap();
    assert!(asked["text"].as_str().unwrap().starts_with("ANSWER of Bob"));
    let on = run.says(&callouts[0], 200, &hit(10, 13, "PERSON"));
    let OnAnswered::Answer(OnData::Replace(body)) = on else {
        panic!("{on:?}")
    };
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body["choices"][0]["message"]["content"],
        "ANSWER of <PERSON>"
    );
    assert_eq!(body["choices"][0]["logprobs"], Value::Null);
    assert_eq!(body["usage"]["completion_tokens"], 4);
    assert_eq!(run.says(&callouts[0], 200, "[]"), OnAnswered::Wait);
    let record = run.done();
    settled(&bench, &record, (200, "ok"));
    let wanted =
        json!([{"name": "names", "phase": "output", "action": "mask", "found": {"PERSON": 1}}]);
    assert_eq!(found(&record), &wanted);
}

#[test]
fn whole_answers_are_blocked() {
    let bench = guarded(json!([output(generic(
        "topics",
        json!({"action": "block"})
    ))]));
    let (mut run, callouts) = shown(&bench, TOLD);
    let on = run.says(&callouts[0], 200, r#"{"flagged":true}"#);
    let OnAnswered::Answer(OnData::Replace(body)) = on else {
        panic!("{on:?}")
    };
    let body = String::from_utf8(body).unwrap();
    assert!(!body.contains("ANSWER") && !body.contains("Bob"), "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(body["usage"]["completion_tokens"], 4);
    settled(&bench, &run.done(), (200, "guardrail_blocked"));
}

#[test]
fn answers_whose_services_fail_are_kept_or_passed() {
    let bench = guarded(json!([output(presidio("names", json!({})))]));
    let (mut run, callouts) = shown(&bench, TOLD);
    let on = run.says(&callouts[0], 504, "");
    let OnAnswered::Answer(OnData::Reply(reply)) = on else {
        panic!("{on:?}")
    };
    assert_eq!(
        status_and_code(&reply),
        (503, "guardrail_unavailable".to_owned())
    );
    let record = run.done();
    assert_eq!(found(&record)[0]["failure"], "timeout");
    settled(&bench, &record, (503, "guardrail_unavailable"));
    let bench = guarded(json!([output(presidio(
        "names",
        json!({"failure_mode": "open"})
    ))]));
    let (mut run, callouts) = shown(&bench, TOLD);
    let on = run.not_sent(&callouts[0]);
    assert_eq!(
        on,
        OnAnswered::Answer(OnData::Replace(TOLD.as_bytes().to_vec()))
    );
    settled(&bench, &run.done(), (200, "ok"));
}

#[test]
fn a_caller_may_leave_while_services_are_asked_about_the_answer() {
    let bench = guarded(json!([output(presidio("names", json!({})))]));
    let (run, _) = shown(&bench, TOLD);
    let record = run.finish(0, "downstream_remote_disconnect");
    settled(&bench, &record, (0, "client_closed"));
}

/// The head of a translated answer waits too, and gets the length of what goes on.
#[test]
fn translated_answers_are_masked() {
    let mut policy = policy();
    policy["backends"]["far"]["api"] = json!("anthropic");
    policy["models"]["smart"]["targets"][0]["model"] = json!("claude");
    policy["guardrails"] = json!([output(presidio("names", json!({})))]);
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"ANSWER of Bob"}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":4}}"#;
    for (hits, wanted) in [
        (hit(10, 13, "PERSON"), "ANSWER of <PERSON>"),
        ("[]".to_owned(), "ANSWER of Bob"),
    ] {
        let bench = Bench::of(&policy);
        let mut run = bench.sent(BODY);
        let length = answer.len().to_string();
        let head = [JSON[0], ("content-length", length.as_str())];
        assert!(matches!(run.answer("200", &head), OnAnswer::Hold(_)));
        let OnData::Ask(callouts) = run.data(answer, true) else {
            panic!("services are asked")
        };
        let on = run.says(&callouts[0], 200, &hits);
        let OnAnswered::Answer(OnData::Release(edits, body)) = on else {
            panic!("{on:?}")
        };
        let mut told = edits.set.iter();
        if let Some((_, length)) = told.rfind(|(name, _)| *name == "content-length") {
            assert_eq!(length, &body.len().to_string());
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["choices"][0]["message"]["content"], wanted);
        says(
            &run.done(),
            json!({"outcome": "ok", "input_tokens": 9, "output_tokens": 4}),
        );
    }
}

#[test]
fn regression_errors_that_services_do_not_see_are_kept_back_or_counted() {
    let error = r#"{"error":{"message":"ANSWER of Bob","type":"server_error"}}"#;
    for (rule, action) in [("refuse", "refuse"), ("pass", "pass")] {
        let mut policy = policy();
        policy["guardrails"] = json!([output(presidio("names", json!({})))]);
        policy["unscannable"] = json!({"answers": rule});
        let bench = Bench::of(&policy);
        let mut run = bench.sent(BODY);
        run.answer("500", JSON);
        match run.data(error, true) {
            OnData::Pass => assert_eq!(rule, "pass"),
            OnData::Replace(out) => {
                assert_eq!(rule, "refuse");
                let out: Value = serde_json::from_slice(&out).unwrap();
                assert_eq!(out["error"]["code"], "upstream_error");
                let message = out["error"]["message"].as_str().unwrap();
                assert!(!message.contains("Bob"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        says(
            &run.done(),
            json!({"outcome": "upstream_error", "status": 500}),
        );
        let labels = [("kind", "answers"), ("action", action)];
        assert_eq!(bench.counted("tollgate.unscannable_total", &labels), [1]);
    }
}

#[test]
fn regression_streams_that_will_be_refused_are_shown_to_nobody() {
    let guardrails = json!([
        presidio("names", json!({})),
        output(presidio("told", json!({}))),
    ]);
    let bench = guarded(guardrails.clone());
    let mut run = bench.reading();
    assert_eq!(
        refused_body(&run.body(STREAMED)),
        (400, "unscannable_request".to_owned())
    );
    says(
        &run.done(),
        json!({"outcome": "unscannable_request", "status": 400, "usage": "none"}),
    );
    let labels = [("kind", "streams"), ("action", "refuse")];
    assert_eq!(bench.counted("tollgate.unscannable_total", &labels), [1]);
    let mut run = bench.reading();
    assert_eq!(asks(run.body(BODY)).len(), 1);
    // One that passes is counted once.
    let mut policy = policy();
    policy["guardrails"] = guardrails;
    policy["unscannable"] = json!({"answers": "pass"});
    let bench = Bench::of(&policy);
    let mut run = bench.reading();
    let callouts = asks(run.body(STREAMED));
    let on = run.says(&callouts[0], 200, "[]");
    assert!(matches!(on, OnAnswered::Request(OnBody::Forward(_))));
    let labels = [("kind", "streams"), ("action", "pass")];
    assert_eq!(bench.counted("tollgate.unscannable_total", &labels), [1]);
}

/// Only the service knows that there are names.
#[test]
fn regression_lookalikes_of_what_services_name_are_escaped() {
    let bench = guarded(json!([presidio("names", json!({"restore": true}))]));
    let body = BODY.replace("text", "<PERSON_1_K7Q2XM> and person_name_2_ABCDEF");
    let mut run = bench.reading();
    let callouts = asks(run.body(&body));
    let asked: Value = serde_json::from_slice(&callouts[0].body).unwrap();
    let asked = asked["text"].as_str().unwrap();
    assert!(
        !asked.contains("K7Q2XM") && !asked.contains("ABCDEF"),
        "{asked}"
    );
    assert!(asked.starts_with("PROMPT <PLACEHOLDER_1_"), "{asked}");
    let (sent, _) = goes_on(run.says(&callouts[0], 200, &hit(0, 6, "PERSON")), &body);
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let sent = sent["messages"][0]["content"].as_str().unwrap();
    assert!(sent.starts_with("<PERSON_1_"), "{sent}");
    run.answer("200", JSON);
    let answer = ANSWER.replace("\"ANSWER\"", &json!(sent).to_string());
    let OnData::Replace(out) = run.data(&answer, true) else {
        panic!("values come back")
    };
    let out: Value = serde_json::from_slice(&out).unwrap();
    let out = out["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(out, "PROMPT <PERSON_1_K7Q2XM> and person_name_2_ABCDEF");
    run.done();
}

#[test]
fn streams_are_refused_where_services_judge_answers() {
    let guardrails = json!([output(presidio("names", json!({})))]);
    let bench = guarded(guardrails.clone());
    let mut run = bench.reading();
    assert_eq!(
        refused_body(&run.body(STREAMED)),
        (400, "unscannable_request".to_owned())
    );
    not_sent(&bench, &run.done(), (400, "unscannable_request"));
    let mut policy = policy();
    policy["guardrails"] = guardrails;
    policy["unscannable"] = json!({"answers": "pass"});
    let bench = Bench::of(&policy);
    let mut run = bench.answering(STREAMED, SSE);
    assert!(matches!(
        run.data(DELTA, false),
        OnData::Pass | OnData::Replace(_)
    ));
    let labels = [("kind", "streams"), ("action", "pass")];
    assert_eq!(bench.counted("tollgate.unscannable_total", &labels), [1]);
}
