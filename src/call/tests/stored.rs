//! Responses that providers keep, and the ids by which callers know them.

use super::*;
use crate::wrapped::{Kind, Mark, Secrets, Thing};

mod background;
mod conversations;

const PATH: &str = "/v1/responses";
const SECRET: &str = "a secret of 20 bytes";
const BLUE: (&str, &str) = ("x-api-key", "blue-secret");
const PLAIN: &str = r#"{"model":"smart","input":"hi"}"#;

fn keeping() -> Value {
    let mut policy = policy();
    policy["stored"] = json!({"secrets": [SECRET]});
    policy["tenants"]["blue"]["models"] = json!(["hidden", "smart"]);
    policy
}

fn secrets() -> Secrets {
    Secrets::new(&[SECRET.to_owned()])
}

/// An id of ours, of a response at `backend` that brings 1,000 tokens.
fn told(tenant: &str, backend: &str) -> String {
    let thing = Thing {
        kind: Kind::Response,
        id: "resp_0a".to_owned(),
        backend: Mark::of(backend),
        tokens: 1_000,
    };
    secrets().wrap(tenant, &thing).unwrap()
}

fn opened(id: &Value) -> Thing {
    let id = id.as_str().unwrap();
    secrets().open("acme", Kind::Response, id).expect(id)
}

fn goes_on(model: &str, id: &str) -> String {
    json!({"model": model, "input": "hi", "previous_response_id": id}).to_string()
}

fn answer(id: &str, previous: &Value) -> String {
    json!({"id": id, "object": "response", "model": "m", "output": [], "status": "completed",
        "previous_response_id": previous,
        "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}})
    .to_string()
}

/// What becomes of a request, and what is sent.
fn send(run: &mut Run<'_>, key: (&str, &str), body: &str) -> Result<Value, (u16, String)> {
    assert_eq!(run.head("POST", PATH, &[key], false), OnHead::Hold);
    match run.body(body) {
        OnBody::Forward(outgoing) => {
            let sent = outgoing
                .rewrite
                .map(|rewrite| rewrite.whole(body.as_bytes()));
            let sent = sent.unwrap_or_else(|| body.as_bytes().to_vec());
            Ok(serde_json::from_slice(&sent).unwrap())
        }
        other => Err(refused_body(&other)),
    }
}

fn replaced(on: OnData) -> Value {
    let OnData::Replace(new) = on else {
        panic!("{on:?}")
    };
    serde_json::from_slice(&new).unwrap()
}

#[test]
fn an_answer_tells_an_id_by_which_the_next_call_goes_on() {
    let bench = Bench::of(&keeping());
    let mut run = bench.run();
    let sent = send(&mut run, USER, PLAIN).unwrap();
    assert_eq!(
        sent.get("store"),
        None,
        "the provider keeps it, as its API has it"
    );
    assert!(matches!(run.answer("200", JSON), OnAnswer::Hold(_)));
    let whole = answer("resp_0a", &Value::Null);
    let (front, _) = whole.split_at(20);
    assert_eq!(run.data(front, false), OnData::Hold);
    let first = replaced(run.data(&whole, true));
    assert_eq!(opened(&first["id"]).tokens, 13);
    let record = run.done();
    says(
        &record,
        json!({"input_tokens": 9, "output_tokens": 4, "usage": "reported"}),
    );

    let id = first["id"].as_str().unwrap();
    let mut run = bench.run();
    let sent = send(&mut run, USER, &goes_on("smart", id)).unwrap();
    assert_eq!(sent["previous_response_id"], "resp_0a");
    run.answer("200", JSON);
    let next = replaced(run.data(&answer("resp_0b", &json!("resp_0a")), true));
    assert_eq!(next["previous_response_id"], id);
    assert_eq!(opened(&next["id"]).id, "resp_0b");
    run.done();
}

#[test]
fn what_goes_before_is_reserved() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_500, "per": "day"}]);
    policy["ledger"] = json!({"default_output": {"tokens": 100}});
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    send(&mut run, USER, &goes_on("smart", &told("acme", "far"))).unwrap();
    let Phase::Sent { ask, .. } = &run.call.phase else {
        panic!()
    };
    assert!(
        (1_001..1_020).contains(&ask.held.prompt),
        "{}",
        ask.held.prompt
    );
    let mut second = bench.run();
    let refused = send(&mut second, USER, &goes_on("smart", &told("acme", "far"))).unwrap_err();
    assert_eq!(refused.0, 429);
    second.done();
    run.answer("200", JSON);
    run.data(&answer("resp_0b", &Value::Null), true);
    says(&run.done(), json!({"input_tokens": 9}));
    let mut third = bench.run();
    send(&mut third, USER, &goes_on("smart", &told("acme", "far"))).unwrap();
}

#[test]
fn an_id_that_is_not_the_tenants_is_not_found() {
    let bench = Bench::of(&keeping());
    let mut forged = told("acme", "far");
    forged.pop();
    for (key, id) in [
        (BLUE, told("acme", "far")),
        (USER, told("blue", "far")),
        (USER, told("acme", "gone")),
        (USER, forged),
        (USER, "resp_0a".to_owned()),
        (USER, String::new()),
    ] {
        let wanted = (404, "response_not_found".to_owned());
        let mut run = bench.run();
        if id != told("acme", "gone") {
            let refused = send(&mut run, key, &goes_on("smart", &id)).unwrap_err();
            assert_eq!(refused, wanted, "{id}");
            run.done();
        }
        for (method, below) in [
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/cancel"),
            ("GET", "/input_items"),
        ] {
            if id.is_empty() {
                continue;
            }
            let mut run = bench.run();
            let on = run.head(method, &format!("{PATH}/{id}{below}"), &[key], true);
            assert_eq!(refused_head(&on), wanted, "{method} {below} {id}");
            run.done();
        }
    }
}

#[test]
fn a_call_stays_where_the_response_is_kept() {
    let mut policy = keeping();
    policy["fallback"] = json!({"attempts": 3});
    policy["models"]["smart"]["targets"] = json!([
        {"backend": "far", "model": "a"}, {"backend": "near", "model": "b"},
        {"backend": "far", "model": "c"}]);
    let bench = Bench::of(&policy);
    let plan = |body: &str| {
        let mut run = bench.run();
        run.head("POST", PATH, &[USER], false);
        let OnBody::Forward(outgoing) = run.body(body) else {
            panic!("{body}")
        };
        let plan = crate::attempt::Plan::from_json(&outgoing.plan.unwrap()).unwrap();
        assert!(plan.tries.iter().all(|entry| entry.store));
        let models: Vec<String> = plan.tries.into_iter().map(|entry| entry.model).collect();
        models.concat()
    };
    assert_eq!(plan(PLAIN), "abc");
    assert_eq!(plan(&goes_on("smart", &told("acme", "far"))), "ac");
    assert_eq!(plan(&goes_on("smart", &told("acme", "near"))), "b");
    let refused = |model: &str, backend: &str| {
        let mut run = bench.run();
        send(&mut run, USER, &goes_on(model, &told("acme", backend))).unwrap_err()
    };
    assert_eq!(
        refused("same", "far"),
        (400, "response_kept_elsewhere".to_owned())
    );
    // Lists of models hold all the same.
    assert_eq!(refused("hidden", "near").0, 403);
    // A chain comes to each of its members.
    policy["backends"]["near"]["cluster"] = json!("far-cluster");
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    let refused = send(&mut run, USER, &goes_on("smart", &told("acme", "far"))).unwrap_err();
    assert_eq!(refused, (400, "response_kept_elsewhere".to_owned()));
}

#[test]
fn what_the_caller_does_not_want_kept_keeps_its_id() {
    let bench = Bench::of(&keeping());
    let mut run = bench.run();
    let body = r#"{"model":"smart","input":"hi","store":false}"#;
    assert_eq!(send(&mut run, USER, body).unwrap()["store"], false);
    run.answer("200", JSON);
    assert_eq!(
        run.data(&answer("resp_0a", &Value::Null), true),
        OnData::Pass
    );
}

#[test]
fn without_a_secret_nothing_is_kept() {
    let bench = Bench::new();
    let mut run = bench.run();
    assert_eq!(send(&mut run, USER, PLAIN).unwrap()["store"], false);
    let mut run = bench.run();
    let refused = send(&mut run, USER, &goes_on("smart", "resp_0a")).unwrap_err();
    assert_eq!(refused, (400, "unsupported_parameter".to_owned()));
    let mut run = bench.run();
    let path = format!("{PATH}/{}", told("acme", "far"));
    let on = run.head("GET", &path, &[USER], true);
    assert_eq!(refused_head(&on), (404, "unknown_endpoint".to_owned()));
}

/// The path that the provider gets.
fn path_of(head: OnHead) -> String {
    let edits = forwarded(head);
    let path = edits.set.into_iter().find(|(name, _)| *name == ":path");
    path.unwrap().1
}

#[test]
fn a_response_is_read_where_it_is_kept_and_costs_nothing() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] =
        json!([{"tokens": 10, "per": "day"}, {"requests": 3, "per": "day"}]);
    let bench = Bench::of(&policy);
    let id = told("acme", "far");
    for (method, below, query, operation) in [
        ("GET", "", "?include=x&api_key=y", "responses_retrieve"),
        ("GET", "/input_items", "?limit=2", "responses_input_items"),
        ("DELETE", "", "", "responses_delete"),
    ] {
        let mut run = bench.run();
        let head = run.head(method, &format!("{PATH}/{id}{below}{query}"), &[USER], true);
        let query = query.replace("&api_key=y", "");
        assert_eq!(
            path_of(head),
            format!("/api/v1/responses/resp_0a{below}{query}")
        );
        run.answer("200", JSON);
        let previous = json!("resp_00");
        let new = replaced(run.data(&answer("resp_0a", &previous), true));
        assert_eq!(new["id"], id);
        let previous = opened(&new["previous_response_id"]);
        // It brought no more than this one does.
        assert_eq!((previous.id.as_str(), previous.tokens), ("resp_00", 13));
        let record = run.done();
        says(
            &record,
            json!({"operation": operation, "status": 200, "outcome": "ok",
            "input_tokens": 0, "output_tokens": 0, "cost_nano_usd": 0, "backend": "far"}),
        );
    }
    // Calls are counted.
    let mut run = bench.run();
    let on = run.head("GET", &format!("{PATH}/{id}"), &[USER], true);
    assert_eq!(refused_head(&on).0, 429);
}

#[test]
fn what_the_provider_does_not_have_is_not_found() {
    let bench = Bench::of(&keeping());
    let path = format!("{PATH}/{}", told("acme", "far"));
    let mut run = bench.run();
    forwarded(run.head("GET", &path, &[USER], true));
    let on = run.answer("404", JSON);
    assert_eq!(refused_answer(&on), (404, "response_not_found".to_owned()));
    let record = run.finish(404, "via_upstream");
    says(
        &record,
        json!({"outcome": "response_not_found", "input_tokens": 0, "cost_nano_usd": 0}),
    );
    for (method, below, wanted) in [
        ("PUT", "", (405, "method_not_allowed")),
        ("GET", "/cancel", (405, "method_not_allowed")),
        ("POST", "/input_items", (405, "method_not_allowed")),
        ("GET", "/items", (404, "unknown_endpoint")),
        ("GET", "/input_items/x", (404, "unknown_endpoint")),
    ] {
        let mut run = bench.run();
        let on = run.head(method, &format!("{path}{below}"), &[USER], true);
        assert_eq!(
            refused_head(&on),
            (wanted.0, wanted.1.to_owned()),
            "{method} {below}"
        );
    }
    // Other endpoints are no ids.
    for below in ["compact", "input_tokens", "compact/cancel"] {
        let mut run = bench.run();
        let on = run.head("POST", &format!("{PATH}/{below}"), &[USER], true);
        let wanted = (404, "unknown_endpoint".to_owned());
        assert_eq!(refused_head(&on), wanted, "{below}");
    }
    // Lists would show what others have.
    let mut run = bench.run();
    let on = run.head("GET", PATH, &[USER], true);
    assert_eq!(refused_head(&on), (405, "method_not_allowed".to_owned()));
}

#[test]
fn azure_has_its_own_path() {
    let mut policy = keeping();
    policy["backends"]["far"]["azure"] = json!({"api_version": "2025-04-01-preview"});
    policy["models"]["smart"]["targets"][0]["model"] = json!("gpt");
    let bench = Bench::of(&policy);
    for query in [
        "?limit=2",
        // A version is the operator's to choose.
        "?api-version=1&limit=2",
        "?limit=2&Api%2dVersion=1",
    ] {
        let path = format!("{PATH}/{}/input_items{query}", told("acme", "far"));
        let mut run = bench.run();
        let head = run.head("GET", &path, &[USER], true);
        let wanted =
            "/api/v1/openai/responses/resp_0a/input_items?api-version=2025-04-01-preview&limit=2";
        assert_eq!(path_of(head), wanted, "{query}");
    }
}

#[test]
fn a_stream_tells_one_id_however_it_is_cut() {
    let bench = Bench::of(&keeping());
    let event = |name: &str, usage: Value| {
        let response = json!({"id": "resp_0b", "previous_response_id": "resp_0a", "usage": usage});
        let data = json!({"type": name, "response": response});
        format!("event: {name}\ndata: {data}\n\n")
    };
    let usage = json!({"input_tokens": 9, "output_tokens": 4});
    let delta = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\\"id\\\":\\\"resp_0b\\\"\"}\n\n";
    let stream =
        event("response.created", Value::Null) + delta + &event("response.completed", usage);
    let id = told("acme", "far");
    let mut body: Value = serde_json::from_str(&goes_on("smart", &id)).unwrap();
    body["stream"] = json!(true);
    body["max_output_tokens"] = json!(50);
    let passed = |cut: usize| {
        let mut run = bench.run();
        send(&mut run, USER, &body.to_string()).unwrap();
        run.answer("200", SSE);
        let mut out = String::new();
        for (piece, end) in [(&stream[..cut], false), (&stream[cut..], true)] {
            match run.data(piece, end) {
                OnData::Pass => out.push_str(piece),
                OnData::Replace(new) => out.push_str(std::str::from_utf8(&new).unwrap()),
                other => panic!("{other:?}"),
            }
        }
        says(&run.done(), json!({"outcome": "ok", "input_tokens": 9}));
        out
    };
    let whole = passed(0);
    let (_, told) = whole.split_once(r#""id":"resp_"#).unwrap();
    let own = format!("resp_{}", told.split('"').next().unwrap());
    assert!((1_051..1_070).contains(&opened(&json!(own)).tokens));
    let wanted = stream.replace("resp_0a", &id);
    let wanted = wanted.replace(r#""id":"resp_0b""#, &format!(r#""id":"{own}""#));
    assert_eq!(whole, wanted);
    for cut in 1..stream.len() {
        assert_eq!(passed(cut), wanted, "{cut}");
    }
}

fn guarded(unscannable: &str) -> Value {
    let mut policy = keeping();
    policy["limits"] = json!({"body": 10_000, "held_per_tenant": 20_000});
    policy["guardrails"] = json!([{"name": "out", "phase": "both", "detect": "personal_data",
        "action": "mask"}]);
    policy["unscannable"] = json!({"paths": unscannable});
    policy
}

#[test]
fn guardrails_look_at_what_is_read() {
    let bench = Bench::of(&guarded("refuse"));
    let id = told("acme", "far");
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[USER], true));
    run.answer("200", JSON);
    let whole = json!({"id": "resp_0a", "object": "response", "output": [{"id": "msg_1",
        "type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": "ada@example.com"}]}]});
    let new = replaced(run.data(&whole.to_string(), true));
    assert_eq!(new["id"], id);
    assert_eq!(new["output"][0]["content"][0]["text"], "<EMAIL_ADDRESS>");
    run.done();
    let items = format!("{PATH}/{id}/input_items");
    let mut run = bench.run();
    let on = run.head("GET", &items, &[USER], true);
    assert_eq!(refused_head(&on), (404, "unscannable_path".to_owned()));
    let bench = Bench::of(&guarded("pass"));
    forwarded(bench.run().head("GET", &items, &[USER], true));
}

#[test]
fn guardrails_leave_ids_alone() {
    let bench = Bench::of(&guarded("refuse"));
    let id = told("acme", "far");
    let mut run = bench.run();
    let body =
        json!({"model": "smart", "input": "ask ada@example.com", "previous_response_id": id});
    let sent = send(&mut run, USER, &body.to_string()).unwrap();
    assert_eq!(sent["previous_response_id"], "resp_0a");
    assert_eq!(sent["input"], "ask <EMAIL_ADDRESS>");
    run.answer("200", JSON);
    let new = replaced(run.data(&answer("resp_0b", &json!("resp_0a")), true));
    assert_eq!(opened(&new["id"]).id, "resp_0b");
    assert_eq!(new["previous_response_id"], id);
}

#[test]
fn what_is_kept_is_not_answered_from_the_cache() {
    let mut policy = keeping();
    policy["cache"] = json!({"ttl": "1h"});
    let bench = Bench::of(&policy);
    for (body, why) in [
        (PLAIN, "stored"),
        (r#"{"model":"smart","input":"hi","store":false}"#, ""),
    ] {
        let mut run = bench.run();
        send(&mut run, USER, body).unwrap();
        run.answer("200", JSON);
        run.data(&answer("resp_0a", &Value::Null), true);
        let record = run.done();
        assert_eq!(
            record
                .get("cache_reason")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            why,
            "{record}"
        );
    }
}

#[test]
fn regression_what_is_read_may_be_json() {
    let bench = Bench::of(&guarded("refuse"));
    let read = |text: &str| {
        let mut run = bench.run();
        let path = format!("{PATH}/{}", told("acme", "far"));
        forwarded(run.head("GET", &path, &[USER], true));
        run.answer("200", JSON);
        let whole = json!({"id": "resp_0a", "object": "response", "output": [{"id": "msg_1",
            "type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": text}]}]});
        let new = replaced(run.data(&whole.to_string(), true));
        new["output"][0]["content"][0]["text"].clone()
    };
    for (text, wanted) in [
        (
            r#"{"card":4111111111111111}"#,
            r#"{"card":"<CREDIT_CARD>"}"#,
        ),
        (
            r#"{"a":"\u0061d\u0061\u0040ex\u0061mple.com"}"#,
            r#"{"a":"<EMAIL_ADDRESS>"}"#,
        ),
        ("Ask ada@example.com, now", "Ask <EMAIL_ADDRESS>, now"),
        ("4111 1111 1111 1111 it is", "<CREDIT_CARD> it is"),
    ] {
        assert_eq!(read(text), wanted, "{text}");
    }
}

/// A guard that compares answers with the prompt, which is not at hand when one is read.
fn prompted(unscannable: &str) -> Value {
    let mut policy = guarded(unscannable);
    policy["guardrails"] = json!([{"name": "prompt", "phase": "output", "action": "block",
        "detect": {"system_prompt": {"words": 4}}}]);
    policy
}

#[test]
fn regression_a_prompt_that_is_not_at_hand_is_a_policys_to_pass() {
    let id = told("acme", "far");
    for (policy, refused, action) in [("refuse", true, "refuse"), ("pass", false, "pass")] {
        let bench = Bench::of(&prompted(policy));
        let labels = [("kind", "paths"), ("action", action)];
        let mut count = 0;
        for (method, below, looked_at) in [
            ("GET", "", true),
            ("POST", "/cancel", true),
            ("GET", "/input_items", true),
            ("DELETE", "", false),
        ] {
            let mut run = bench.run();
            let on = run.head(method, &format!("{PATH}/{id}{below}"), &[USER], true);
            if refused && looked_at {
                let wanted = (404, "unscannable_path".to_owned());
                assert_eq!(refused_head(&on), wanted, "{method} {below}");
            } else {
                forwarded(on);
            }
            count += usize::from(looked_at);
            let counted = bench.counted("tollgate.unscannable_total", &labels);
            assert_eq!(counted.len(), count, "{method} {below}");
        }
    }
}

#[test]
fn regression_a_prompt_of_an_earlier_call_is_counted_as_not_looked_for() {
    let bench = Bench::of(&prompted("refuse"));
    let labels = [("kind", "system_prompt"), ("action", "pass")];
    let counted = || bench.counted("tollgate.unscannable_total", &labels);
    send(&mut bench.run(), USER, PLAIN).unwrap();
    assert!(counted().is_empty());
    let body = goes_on("smart", &told("acme", "far"));
    send(&mut bench.run(), USER, &body).unwrap();
    assert_eq!(counted(), [1]);
}

/// The tokens of the id that a stream of a call tells, and those that were reserved for its prompt.
fn tokens_of_stream(bench: &Bench, body: &Value) -> (u64, u64) {
    let mut run = bench.run();
    send(&mut run, USER, &body.to_string()).unwrap();
    let Phase::Sent { ask, .. } = &run.call.phase else {
        panic!()
    };
    let prompt = ask.held.prompt;
    run.answer("200", SSE);
    let event = json!({"type": "response.created", "response": {"id": "resp_0b"}});
    let new = run.data(&format!("data: {event}\n\n"), false);
    let OnData::Replace(new) = new else {
        panic!("{new:?}")
    };
    let new = String::from_utf8(new).unwrap();
    let new: Value = serde_json::from_str(new.trim_start_matches("data: ").trim()).unwrap();
    (opened(&new["response"]["id"]).tokens, prompt)
}

#[test]
fn regression_ids_of_streams_do_not_grow_by_what_was_only_reserved() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
    policy["ledger"] = json!({"default_output": {"tokens": 100_000}});
    let bench = Bench::of(&policy);
    let mut body: Value = serde_json::from_str(&goes_on("smart", &told("acme", "far"))).unwrap();
    body["stream"] = json!(true);
    let (tokens, prompt) = tokens_of_stream(&bench, &body);
    assert_eq!(tokens, prompt + 500);
    body["max_output_tokens"] = json!(90_000);
    assert_eq!(tokens_of_stream(&bench, &body), (tokens, prompt));
    body["max_output_tokens"] = json!(20);
    assert_eq!(tokens_of_stream(&bench, &body), (prompt + 20, prompt));
}

#[test]
fn regression_what_goes_before_is_not_corrected_again() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
    let bench = Bench::of(&policy);
    let mut body: Value = serde_json::from_str(&goes_on("smart", &told("acme", "far"))).unwrap();
    body["stream"] = json!(true);
    body["input"] = json!("Some words that are counted. ".repeat(20));
    let (_, before) = tokens_of_stream(&bench, &body);
    let target = &bench.gateway.policy.models["smart"].live()[0].key;
    let (host, space) = (&bench.host, &bench.gateway.space);
    crate::tokens::correction::learn(host, space, target, 1_000, 2_000).unwrap();
    let (_, after) = tokens_of_stream(&bench, &body);
    assert!(before > 1_100, "{before}");
    assert_eq!(after - 1_000, 2 * (before - 1_000));
}

fn failed(code: &str) -> String {
    json!({"error": {"message": "Response with id 'resp_0a' of resp_0a1 (resp_0a).",
        "type": "invalid_request_error", "param": "resp_0a", "code": code}})
    .to_string()
}

#[test]
fn regression_errors_name_the_callers_id() {
    let bench = Bench::of(&keeping());
    let id = told("acme", "far");
    let path = format!("{PATH}/{id}");
    for reads in [true, false] {
        let mut run = bench.run();
        if reads {
            forwarded(run.head("GET", &path, &[USER], true));
        } else {
            send(&mut run, USER, &goes_on("smart", &id)).unwrap();
        }
        let on = run.answer(
            "400",
            &[
                ("content-type", "application/json"),
                ("content-length", "9"),
            ],
        );
        let OnAnswer::Hold(edits) = on else {
            panic!("{on:?}")
        };
        assert!(edits.remove.contains(&"content-length".to_owned()));
        let new = replaced(run.data(&failed("invalid_value"), true));
        let message = format!("Response with id '{id}' of resp_0a1 ({id}).");
        assert_eq!(new["error"]["message"], message);
        assert_eq!(new["error"]["param"], id);
        let record = run.finish(400, "via_upstream");
        says(
            &record,
            json!({"outcome": "upstream_error", "input_tokens": 0}),
        );
    }
}

#[test]
fn regression_a_response_that_the_provider_has_no_more_is_not_found() {
    let bench = Bench::of(&keeping());
    let error = failed("previous_response_not_found");
    let mut run = bench.run();
    send(&mut run, USER, &goes_on("smart", &told("acme", "far"))).unwrap();
    assert!(matches!(run.answer("400", JSON), OnAnswer::Hold(_)));
    let (front, _) = error.split_at(30);
    assert_eq!(run.data(front, false), OnData::Hold);
    let OnData::Reply(reply) = run.data(&error, true) else {
        panic!()
    };
    assert_eq!(
        status_and_code(&reply),
        (404, "response_not_found".to_owned())
    );
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["error"]["param"], "previous_response_id");
    assert!(!String::from_utf8(reply.body).unwrap().contains("resp_0a"));
    let record = run.finish(404, "direct_response");
    says(
        &record,
        json!({"outcome": "response_not_found", "status": 404, "input_tokens": 0,
            "output_tokens": 0, "cost_nano_usd": 0}),
    );
    // A call that names none has no such error of ours.
    let mut run = bench.run();
    send(&mut run, USER, PLAIN).unwrap();
    run.answer("400", JSON);
    assert_eq!(run.data(&error, true), OnData::Pass);
}

#[test]
fn regression_only_what_a_provider_keeps_passes_by_the_cache() {
    let mut policy = keeping();
    policy["cache"] = json!({"ttl": "1h"});
    policy["backends"]["far"]["apis"] = json!(["chat_completions"]);
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    run.head("POST", PATH, &[USER], false);
    assert!(matches!(run.body(PLAIN), OnBody::Forward(_)));
    assert!(matches!(run.call.caching, Caching::Missed(_)));
}

#[test]
fn regression_a_response_that_is_gone_is_told_without_a_code_too() {
    let bench = Bench::of(&keeping());
    let message = "Previous response with id 'resp_0a' not found.";
    let error = json!({"error": {"message": message, "type": "invalid_request_error",
        "param": "previous_response_id", "code": null}});
    for status in ["400", "404"] {
        let mut run = bench.run();
        send(&mut run, USER, &goes_on("smart", &told("acme", "far"))).unwrap();
        run.answer(status, JSON);
        let OnData::Reply(reply) = run.data(&error.to_string(), true) else {
            panic!("{status}")
        };
        let wanted = (404, "response_not_found".to_owned());
        assert_eq!(status_and_code(&reply), wanted);
        run.done();
    }
}

/// Where nothing is kept, a response passes as it comes.
#[test]
fn regression_a_live_response_that_has_failed_names_no_account() {
    let bench = Bench::new();
    let failed = json!({"error": {"code": "x",
            "message": "Limit \"}, in organization org-1234567890abc"},
        "id": "resp_0a", "status": "failed", "output": ["org-1234567890abc"]})
    .to_string();
    let hidden = failed.replacen("org-1234567890abc", "org-*************", 1);
    let last = r#"{"output":["org-1234567890abc"],"error":"org-1234567890abc"}"#;
    let last_hidden = r#"{"output":["org-1234567890abc"],"error":"org-*************"}"#;
    let good = r#"{"error":null,"output":["org-1234567890abc"]}"#;
    let inside =
        r#"{"metadata":{"error":"org-1234567890abc"},"a":"error","b":"org-1234567890abc"}"#;
    for (whole, wanted) in [
        (failed.as_str(), hidden.as_str()),
        (last, last_hidden),
        (good, good),
        (inside, inside),
        ("[\"org-1234567890abc\"]", "[\"org-1234567890abc\"]"),
    ] {
        for cut in 0..=whole.len() {
            let mut run = bench.run();
            send(&mut run, USER, PLAIN).unwrap();
            let on = run.answer("200", JSON);
            assert!(matches!(on, OnAnswer::Forward(_)), "{on:?}");
            let mut out = String::new();
            for (piece, end) in [(&whole[..cut], false), (&whole[cut..], true)] {
                match run.data(piece, end) {
                    OnData::Pass => out.push_str(piece),
                    OnData::Replace(new) => out.push_str(std::str::from_utf8(&new).unwrap()),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(out, wanted, "{cut}");
            run.done();
        }
    }
}
