//! What steps may never do: cost more than is held, run where nobody wants them, take longer.

use super::*;

fn roomy(policy: &mut Value) {
    policy["limits"] = json!({"body": 100_000, "held_per_tenant": 400_000});
    policy["models"]["smart"]["targets"][0]["context"] = json!(100_000);
}

/// A talk of one sound of 24,000 bytes, 3 seconds.
fn sound() -> String {
    let data = "QUJD".repeat(8000);
    let sound = json!({"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}});
    json!({"model": "smart", "messages": [{"role": "user", "content": [sound]}]}).to_string()
}

fn steps_of(record: &Value, member: &str) -> Vec<Value> {
    let steps = record["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| step[member].clone()).collect()
}

#[test]
fn sound_is_paid_by_the_second() {
    let speech = json!({"cluster": "speech", "model": "whisper-1", "max_output": 40,
        "price": {"input": 0, "output": 0, "second": 0.001}});
    let tokens = r#""type":"tokens","input_tokens":5,"output_tokens":2,"total_tokens":7"#;
    for (usage, seconds, output, kind) in [
        ("", 3, 40, "estimated"),
        (
            r#","usage":{"type":"duration","seconds":8.5}"#,
            9,
            3,
            "estimated",
        ),
        (&format!(r#","usage":{{{tokens}}}"#), 3, 2, "reported"),
    ] {
        let bench = bench_of(json!({"transcribe_audio": speech}), roomy);
        let body = sound();
        let mut run = bench.reading();
        let callouts = asks(run.body(&body));
        assert!(counted(&bench)[0].1 >= 3_000_000, "{:?}", counted(&bench));
        let heard = format!(r#"{{"text":"good morning"{usage}}}"#);
        forwarded_body(run.hears(&callouts[0], 200, &heard), &body);
        run.answer("200", JSON);
        run.data(ANSWER, true);
        let record = run.done();
        assert_eq!(
            steps_of(&record, "cost_nano_usd"),
            [seconds * 1_000_000],
            "{usage}"
        );
        assert_eq!(steps_of(&record, "output_tokens"), [output], "{usage}");
        assert_eq!(steps_of(&record, "usage"), [kind], "{usage}");
        assert_eq!(counted(&bench)[0], (17_000 + seconds * 1_000_000, 0));
    }
    // And who leaves meanwhile pays what is held for it.
    let bench = bench_of(json!({"transcribe_audio": speech}), roomy);
    let mut run = bench.reading();
    asks(run.body(&sound()));
    run.finish(0, "downstream_remote_disconnect");
    assert_eq!(counted(&bench)[0], (3_000_000, 0));
}

#[test]
fn other_apis_have_no_steps() {
    let moderate = json!({"cluster": "moderation"});
    let steps = json!({"moderate": moderate, "describe_images": step("vision", json!({}))});
    let bench = bench_of(steps, |_| {});
    let count = IMAGES.replace("image_url", "image");
    for (path, body, is_asked) in [
        ("/v1/messages/count_tokens", count.as_str(), false),
        (
            "/v1/embeddings",
            r#"{"model":"smart","input":"text"}"#,
            false,
        ),
        (
            "/v1/moderations",
            r#"{"model":"smart","input":"text"}"#,
            false,
        ),
        (
            "/v1/images/generations",
            r#"{"model":"smart","prompt":"text"}"#,
            false,
        ),
        // The same model would answer without anybody having judged.
        (
            "/v1/completions",
            r#"{"model":"smart","prompt":"text"}"#,
            true,
        ),
    ] {
        let mut run = bench.run();
        assert_eq!(run.head("POST", path, &[USER], false), OnHead::Hold);
        let on = run.body(body);
        let asked = matches!(&on, OnBody::Ask(callouts) if callouts[0].cluster == "moderation");
        assert_eq!(asked, is_asked, "{path} {on:?}");
        assert_eq!(run.call.steps.ran(), is_asked, "{path}");
        run.finish(0, "downstream");
    }
}

#[test]
fn what_was_never_asked_is_free() {
    let speech =
        json!({"cluster": "speech", "model": "whisper-1", "price": {"input": 1, "output": 1}});
    let steps = json!({"describe_images": step("vision", json!({})), "transcribe_audio": speech});
    let bench = bench_of(steps, |_| {});
    let mut body: Value = serde_json::from_str(IMAGES).unwrap();
    let part =
        json!({"type": "input_audio", "input_audio": {"data": "no base64", "format": "mp3"}});
    body["messages"][0]["content"]
        .as_array_mut()
        .unwrap()
        .push(part);
    let mut run = bench.reading();
    let told = refused_body(&run.body(&body.to_string()));
    assert_eq!(told, (502, "workflow_step_failed".to_owned()));
    let record = run.done();
    let outcomes = steps_of(&record, "outcome");
    assert_eq!(outcomes, ["not_sent", "not_sent", "unreadable"]);
    assert_eq!(record["cost_nano_usd"], 0, "{record}");
    assert_eq!(counted(&bench)[0], (0, 0));
}

#[test]
fn after_a_question_that_can_not_be_sent_no_other_is() {
    let bench = describing(json!({}));
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    assert!(run.call.waits_for_services());
    let on = run
        .call
        .service_answered(&bench.host, callouts[0].token, None);
    assert_eq!(refused_step(on), (502, "workflow_step_failed".to_owned()));
    assert!(!run.call.waits_for_services());
    let on = run
        .call
        .service_answered(&bench.host, callouts[1].token, None);
    assert_eq!(on, OnAnswered::Wait);
    let record = run.done();
    assert_eq!(steps_of(&record, "outcome"), ["not_sent", "not_sent"]);
    assert_eq!(counted(&bench)[0], (0, 0));
}

#[test]
fn who_wants_only_what_is_cached_pays_no_step() {
    let bench = bench_of(
        json!({"describe_images": step("vision", json!({}))}),
        |policy| {
            policy["cache"] = json!({"memory": "8MiB", "scope": "tenant", "max_entry": "64KiB"});
        },
    );
    let mut run = bench.run();
    let only = ("cache-control", "only-if-cached");
    run.head("POST", CHAT, &[USER, only], false);
    let told = refused_body(&run.body(IMAGES));
    assert_eq!(told, (504, "not_cached".to_owned()));
    assert_eq!(run.done().get("steps"), None);
    used(&bench, [0, 0, 0]);
}

#[test]
fn a_text_that_is_longer_than_was_held_is_reserved_as_well() {
    let long = said(&"word ".repeat(1000));
    let steps = json!({"describe_images": step("vision", json!({}))});
    let bench = bench_of(steps.clone(), roomy);
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    let before = counted(&bench);
    run.hears(&callouts[0], 200, &long);
    forwarded_body(run.hears(&callouts[1], 200, &long), IMAGES);
    let after = counted(&bench);
    assert!(after[1].1 > before[1].1 + 1500, "{before:?} {after:?}");
    assert!(
        after[0].1 >= before[0].1 + 1_500_000,
        "{before:?} {after:?}"
    );
    assert_eq!(after[2], before[2]);
    run.answer("200", JSON);
    run.data(ANSWER, true);
    run.done();
    used(&bench, [417_000, 39, 1]);
    // Where there is no room for it, nobody is asked for an answer.
    let bench = bench_of(steps, |policy| {
        roomy(policy);
        policy["tenants"]["acme"]["limits"][1]["tokens"] = json!(before[1].1 + 50);
    });
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    run.hears(&callouts[0], 200, &long);
    assert_eq!(refused_step(run.hears(&callouts[1], 200, &long)).0, 429);
    run.done();
    used(&bench, [400_000, 26, 1]);
}

#[test]
fn what_steps_make_is_judged_with_the_rest() {
    let moderate =
        json!({"cluster": "moderation", "price": {"input": 0, "output": 0, "request": 0.001}});
    let steps = json!({"moderate": moderate, "describe_images": step("vision", json!({}))});
    let bench = bench_of(steps, |_| {});
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    assert!(callouts.iter().all(|callout| callout.cluster == "vision"));
    let reserved = counted(&bench);
    run.hears(&callouts[0], 200, &said("a cat"));
    let judged = asks_again(run.hears(&callouts[1], 200, &said("a threat")));
    assert_eq!(
        (judged.len(), judged[0].cluster.as_str()),
        (1, "moderation")
    );
    let asked = String::from_utf8(judged[0].body.clone()).unwrap();
    for text in ["PROMPT", "a cat", "a threat"] {
        assert!(asked.contains(text), "{asked}");
    }
    assert_eq!(counted(&bench), reserved, "all was reserved at once");
    let flagged = json!({"results": [{"flagged": true, "categories": {"violence": true}}]});
    let told = refused_step(run.hears(&judged[0], 200, &flagged.to_string()));
    assert_eq!(told, (400, "content_filter".to_owned()));
    run.done();
    used(&bench, [1_400_000, 26, 1]);
}

#[test]
fn steps_leave_what_a_response_goes_on_from() {
    let bench = bench_of(json!({"moderate": {"cluster": "moderation"}}), |policy| {
        policy["stored"] = json!({"secrets": ["a secret of 20 bytes"]});
        roomy(policy);
    });
    let secrets = crate::wrapped::Secrets::new(&["a secret of 20 bytes".to_owned()]);
    let thing = crate::wrapped::Thing {
        kind: crate::wrapped::Kind::Response,
        id: "resp_0a".to_owned(),
        backend: crate::wrapped::Mark::of("far"),
        tokens: 1_000,
    };
    let id = secrets.wrap("acme", &thing).unwrap();
    let body = json!({"model": "smart", "input": "hi", "previous_response_id": id}).to_string();
    let mut run = bench.run();
    run.head("POST", "/v1/responses", &[USER], false);
    let callouts = asks(run.body(&body));
    let fine = json!({"results": [{"flagged": false, "categories": {}}]}).to_string();
    run.hears(&callouts[0], 200, &fine);
    let Phase::Sent { ask, .. } = &run.call.phase else {
        panic!("not sent")
    };
    assert!(ask.traits.uncounted);
    let prompt = ask.held.prompt;
    assert!((1_001..1_020).contains(&prompt), "{prompt}");
    run.finish(0, "downstream");
}

#[test]
fn steps_take_of_the_time_of_their_call() {
    let fallback = json!({"cluster": "other", "model": "second"});
    let more = json!({"on_error": "fallback", "fallback": fallback});
    let bench = || {
        bench_of(
            json!({"describe_images": step("vision", more.clone())}),
            |policy| {
                policy["default_price"] = json!({"input": 1, "output": 1});
                policy["models"]["smart"]["timeouts"] =
                    json!({"total": "20s", "whole": "20s", "first_token": "20s"});
            },
        )
    };
    let (bench, late) = (bench(), bench());
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    assert_eq!(callouts[0].timeout_ms, 20_000);
    bench.after(15_000);
    let again = asks_again(run.hears(&callouts[0], 503, ""));
    assert_eq!(again[0].timeout_ms, 5_000);
    run.hears(&again[0], 200, &said("a cat"));
    bench.after(16_000);
    let OnAnswered::Request(OnBody::Forward(outgoing)) =
        run.hears(&callouts[1], 200, &said("a dog"))
    else {
        panic!("not sent")
    };
    let left = ("x-envoy-upstream-rq-timeout-ms", "4000".to_owned());
    assert!(
        outgoing.edits.set.contains(&left),
        "{:?}",
        outgoing.edits.set
    );
    run.finish(0, "downstream");
    // Afterwards nobody is asked any more, neither by steps nor for the answer.
    for status in [504, 200] {
        late.host.set_now(START);
        let mut run = late.reading();
        let callouts = asks(run.body(IMAGES));
        run.hears(&callouts[0], 200, &said("a cat"));
        late.after(20_000);
        let on = run.hears(&callouts[1], status, &said("a dog"));
        assert_eq!(refused_step(on), (504, "upstream_timeout".to_owned()));
        let record = run.done();
        assert_eq!(steps_of(&record, "model"), ["helper", "helper"]);
    }
}

#[test]
fn an_answer_without_a_head_may_have_cost_something() {
    let bench = describing(json!({"on_error": "skip"}));
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    run.hears(&callouts[0], 200, &said("a cat"));
    forwarded_body(run.hears(&callouts[1], 0, ""), IMAGES);
    run.answer("200", JSON);
    run.data(ANSWER, true);
    let record = run.done();
    let costs = steps_of(&record, "cost_nano_usd");
    assert_eq!(costs[0], 200_000);
    assert!(
        costs[1].as_u64() >= Some((85 * 10 + 50 * 20) * 1000),
        "{record}"
    );
    assert_eq!(steps_of(&record, "usage"), ["reported", "estimated"]);
}

#[test]
fn what_steps_keep_counts_as_held() {
    let bench = describing(json!({}));
    let url = format!("data:image/png;base64,{}", "A".repeat(3000));
    let body = IMAGES.replace("https://a/1", &url);
    let mut run = bench.reading();
    assert_eq!(
        refused_body(&run.body(&body)),
        (429, "too_many_bytes_held".to_owned())
    );
    run.done();
    used(&bench, [0, 0, 0]);
    let mut run = bench.reading();
    let callouts = asks(run.body(IMAGES));
    let held = bench.gateway.held.bytes("acme");
    assert_eq!(held, u64::try_from(2 * IMAGES.len() + 22).unwrap());
    run.hears(&callouts[0], 200, &said("a cat"));
    run.hears(&callouts[1], 200, &said("a dog"));
    assert_eq!(
        bench.gateway.held.bytes("acme"),
        u64::try_from(IMAGES.len()).unwrap()
    );
    run.finish(0, "downstream");
    assert_eq!(bench.gateway.held.bytes("acme"), 0);
}
