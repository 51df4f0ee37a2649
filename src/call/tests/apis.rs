//! Calls of completions and Responses.

use super::plan::planned;
use super::*;
use crate::attempt::{Plan, Tries};
use crate::protocols::Api;
use crate::tokens::correction;

const COMPLETION: (&str, &str) = ("/v1/completions", r#"{"model":"smart","prompt":"hi"}"#);
const MESSAGES: &str = "/v1/messages";
const RESPONSE: (&str, &str) = ("/v1/responses", r#"{"model":"smart","input":"hi"}"#);

/// What becomes of a call.
fn sent(bench: &Bench, (path, body): (&str, &str)) -> OnBody {
    let mut run = bench.run();
    assert_eq!(run.head("POST", path, &[USER], false), OnHead::Hold);
    run.body(body)
}

#[test]
fn only_targets_that_a_call_can_be_said_to_are_planned() {
    let bench = Bench::of(&planned());
    for (call, api, near) in [
        (COMPLETION, Api::Completions, None),
        (RESPONSE, Api::Responses, Some(Api::Messages)),
    ] {
        let OnBody::Forward(outgoing) = sent(&bench, call) else {
            panic!("{call:?}")
        };
        let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
        assert_eq!(plan.caller, api);
        let entries = plan.tries.iter();
        let mut entries: Vec<_> = entries
            .map(|entry| (entry.backend.as_str(), entry.api, entry.path.as_str()))
            .collect();
        entries.sort_by_key(|(backend, ..)| *backend);
        let own = format!("/api/v1{}", api.path());
        let mut wanted = vec![("far", api, own.as_str())];
        wanted.extend(near.map(|api| ("near", api, "/v1/messages")));
        assert_eq!(entries, wanted);
    }
}

/// Two targets of other APIs than the caller's, each with its own words.
#[test]
fn what_is_left_out_is_known_for_each_api() {
    let mut policy = planned();
    policy["backends"]["far"]["apis"] = json!(["chat_completions"]);
    let bench = Bench::of(&policy);
    for (more, backends) in [
        (json!({}), vec!["far", "near"]),
        (
            json!({"text": {"format": {"type": "json_object"}}}),
            vec!["far"],
        ),
    ] {
        let mut body: Value = serde_json::from_str(RESPONSE.1).unwrap();
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let body = body.to_string();
        let OnBody::Forward(outgoing) = sent(&bench, (RESPONSE.0, &body)) else {
            panic!("{body}")
        };
        let plan = Plan::from_json(&outgoing.plan.unwrap()).unwrap();
        let entries = plan.tries.iter();
        let mut planned: Vec<_> = entries.map(|entry| entry.backend.as_str()).collect();
        planned.sort_unstable();
        assert_eq!(planned, backends, "{body}");
    }
    let nobody = json!({"model": "smart", "input": "hi", "tools": [{"type": "web_search"}]});
    let refused = refused_body(&sent(&bench, (RESPONSE.0, &nobody.to_string())));
    assert_eq!(refused, (400, "unsupported_by_provider".to_owned()));
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
        let refused = refused_body(&sent(&bench, COMPLETION));
        assert_eq!(refused, unsupported, "{policy}");
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

/// A tenant whose tokens are limited, and a default of 4,096 for answers of no stated length.
fn limited() -> Value {
    let mut policy = policy();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 100_000, "per": "day"}]);
    policy["ledger"] = json!({"default_output": {"tokens": 4096}});
    policy
}

/// What is reserved for the answers of a call, and the body that goes to the provider.
fn reserved(bench: &Bench, (path, body): (&str, &str)) -> (u64, Value) {
    let mut run = bench.run();
    run.head("POST", path, &[USER], false);
    let OnBody::Forward(outgoing) = run.body(body) else {
        panic!("{body}")
    };
    let Phase::Sent { ask, .. } = &run.call.phase else {
        panic!("{body}")
    };
    let sent = outgoing
        .rewrite
        .map(|rewrite| rewrite.whole(body.as_bytes()));
    let sent = sent.unwrap_or_else(|| body.as_bytes().to_vec());
    (ask.held.answer, serde_json::from_slice(&sent).unwrap())
}

#[test]
fn regression_completions_reserve_what_their_api_writes() {
    let bench = Bench::of(&limited());
    for (body, answer, told) in [
        (r#"{"model":"smart","prompt":"hi"}"#, 16, json!(16)),
        (
            r#"{"model":"smart","prompt":["a","b"],"n":2,"max_tokens":null}"#,
            64,
            json!(16),
        ),
        (
            r#"{"model":"smart","prompt":"hi","max_tokens":100}"#,
            100,
            json!(100),
        ),
    ] {
        let (held, sent) = reserved(&bench, (COMPLETION.0, body));
        assert_eq!((held, &sent["max_tokens"]), (answer, &told), "{body}");
    }
    // Other APIs have no such bound.
    let (held, sent) = reserved(&bench, RESPONSE);
    assert_eq!((held, &sent["max_output_tokens"]), (4096, &json!(4096)));
}

#[test]
fn regression_a_prompt_that_an_answer_repeats_is_no_answer() {
    let prompt = "one two three four five six seven eight nine ten ".repeat(20);
    let said = |echo: bool| {
        let bench = Bench::of(&limited());
        let mut run = bench.run();
        run.head("POST", COMPLETION.0, &[USER], false);
        let body = json!({"model": "smart", "prompt": prompt, "echo": echo, "stream": true});
        assert!(matches!(run.body(&body.to_string()), OnBody::Forward(_)));
        run.answer("200", SSE);
        let chunk = json!({"choices": [{"index": 0, "text": format!("{prompt}and eleven")}]});
        run.data(&format!("data: {chunk}\n\n"), false);
        let record = run.finish(0, "downstream_remote_disconnect");
        record["output_tokens"].as_u64().unwrap()
    };
    assert!(said(false) > 180, "{}", said(false));
    assert!((1..5).contains(&said(true)), "{}", said(true));
}

#[test]
fn regression_reasoning_that_is_not_told_is_charged_as_reserved() {
    let event = |event: Value| format!("data: {event}\n\n");
    let item = |kind: &str| {
        let item = json!({"id": "i", "type": kind});
        event(json!({"type": "response.output_item.added", "output_index": 0, "item": item}))
    };
    let piece = |of: &str| {
        let name = format!("response.{of}.delta");
        event(json!({"type": name, "output_index": 0, "content_index": 0, "delta": "one two"}))
    };
    let told = item("reasoning") + &piece("reasoning_text") + &item("message");
    let hidden = item("reasoning") + &piece("reasoning_summary_text");
    for (events, details, charged) in [
        (hidden.clone(), "downstream_remote_disconnect", 4096),
        (
            hidden.clone() + &piece("output_text"),
            "stream_idle_timeout",
            4096,
        ),
        // The provider broke off by itself.
        (hidden, "upstream_reset_before_response_started", 2),
        (told, "downstream_remote_disconnect", 2),
        (
            item("message") + &piece("output_text"),
            "downstream_remote_disconnect",
            2,
        ),
    ] {
        let bench = Bench::of(&limited());
        let mut run = bench.run();
        run.head("POST", RESPONSE.0, &[USER], false);
        let body = r#"{"model":"smart","input":"hi","stream":true}"#;
        assert!(matches!(run.body(body), OnBody::Forward(_)));
        run.answer("200", SSE);
        run.data(&events, false);
        let record = run.finish(0, details);
        assert_eq!(record["output_tokens"], charged, "{events} {details}");
    }
}

#[test]
fn regression_files_that_the_provider_stores_are_nobodys() {
    let part = |part: Value| json!([{"role": "user", "content": [part]}]);
    let calls = [
        (
            CHAT,
            json!({"model": "smart", "messages": part(json!({"type": "file", "file": {"file_id": "file-1"}}))}),
        ),
        (
            RESPONSE.0,
            json!({"model": "smart", "input": part(json!({"type": "input_file", "file_id": "file-1"}))}),
        ),
        (
            RESPONSE.0,
            json!({"model": "smart", "input": part(json!({"type": "input_image", "file_id": "file-1"}))}),
        ),
        (
            RESPONSE.0,
            json!({"model": "smart", "input": [{"type": "computer_call_output", "call_id": "c",
            "output": {"type": "computer_screenshot", "file_id": "file-1"}}]}),
        ),
        (
            MESSAGES,
            json!({"model": "smart", "max_tokens": 9, "messages":
            part(json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}}))}),
        ),
        (
            MESSAGES,
            json!({"model": "smart", "max_tokens": 9, "messages":
            part(json!({"type": "container_upload", "file_id": "file_1"}))}),
        ),
    ];
    let mut policy = policy();
    policy["backends"]["near"]["api"] = json!("anthropic");
    for (path, body) in calls {
        policy["models"]["smart"]["targets"][0]["backend"] = match path {
            MESSAGES => json!("near"),
            _ => json!("far"),
        };
        policy["other_paths"] = json!("refuse");
        let body = body.to_string();
        let refused = refused_body(&sent(&Bench::of(&policy), (path, &body)));
        assert_eq!(refused, (400, "unsupported_parameter".to_owned()), "{body}");
        // No id, no file.
        let none = body
            .replace("\"file-1\"", "null")
            .replace("\"file_1\"", "null");
        assert!(
            matches!(sent(&Bench::of(&policy), (path, &none)), OnBody::Forward(_)),
            "{none}"
        );
        // Where callers may store files, all of them may read them.
        policy["other_paths"] = json!({"pass": "far"});
        let on = sent(&Bench::of(&policy), (path, &body));
        assert!(matches!(on, OnBody::Forward(_)), "{body}");
    }
}

#[test]
fn regression_what_tools_of_the_providers_find_teaches_nothing_of_prompts() {
    let text = "one two three four five six seven eight nine ten ".repeat(20);
    let learned = |members: Value| {
        let bench = Bench::of(&limited());
        let mut body = json!({"model": "smart", "input": text});
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        let mut run = bench.run();
        run.head("POST", RESPONSE.0, &[USER], false);
        assert!(matches!(run.body(&body.to_string()), OnBody::Forward(_)));
        run.answer("200", JSON);
        let usage = json!({"input_tokens": 9000, "output_tokens": 1, "total_tokens": 9001});
        let answer = json!({"id": "r", "object": "response", "output": [], "usage": usage});
        run.data(&answer.to_string(), true);
        let Phase::Answering { ask, .. } = &run.call.phase else {
            panic!("not answered")
        };
        let target = ask
            .latest_target(&Tries::default())
            .map(|target| target.key.clone());
        says(&run.done(), json!({"input_tokens": 9000}));
        let correction = correction::read(&bench.host, &bench.gateway.space, &target.unwrap());
        correction.correct(1000) > 1000
    };
    assert!(learned(json!({})));
    assert!(learned(
        json!({"tools": [{"type": "function", "name": "f", "parameters": {}}]})
    ));
    assert!(!learned(json!({"tools": [{"type": "web_search"}]})));
    let reasoning = json!({"type": "reasoning", "summary": [], "encrypted_content": "QUJD"});
    let said = json!({"role": "user", "content": text});
    assert!(learned(json!({"input": [said]})));
    assert!(!learned(json!({"input": [said, reasoning]})));
}

const EMBEDDINGS: &str = "/v1/embeddings";

#[test]
fn embeddings_take_what_their_prompt_does() {
    let bench = Bench::of(&limited());
    let body = r#"{"model":"smart","input":["one two","three"]}"#;
    let (held, sent) = reserved(&bench, (EMBEDDINGS, body));
    assert_eq!(held, 0);
    assert_eq!(
        sent.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["input", "model"]
    );
    let data = json!([{"object": "embedding", "index": 0, "embedding": vec![0.25; 500]}]);
    let usage = json!({"prompt_tokens": 9, "total_tokens": 9});
    for (answer, usage, tokens) in [
        (
            json!({"object": "list", "data": data, "usage": usage}),
            "reported",
            9,
        ),
        (json!({"object": "list", "data": data}), "estimated", 3),
    ] {
        let mut run = bench.run();
        run.head("POST", EMBEDDINGS, &[USER], false);
        assert!(matches!(run.body(body), OnBody::Forward(_)));
        run.answer("200", JSON);
        run.data(&answer.to_string(), true);
        let record = run.done();
        says(
            &record,
            json!({"operation": "embeddings", "outcome": "ok", "usage": usage, "stream": false,
                "input_tokens": tokens, "output_tokens": 0}),
        );
    }
}

#[test]
fn embeddings_are_guarded_by_what_they_are_of() {
    let mut policy = policy();
    policy["guardrails"] = json!([
        {"name": "pii", "phase": "both", "detect": "personal_data", "action": "mask"},
        {"name": "rules", "phase": "input", "detect": {"request": {"messages": 2}}, "action": "block"},
    ]);
    let bench = Bench::of(&policy);
    let body = |input: Value| json!({"model": "smart", "input": input}).to_string();
    let text = body(json!(["Ask ada@example.org", "b"]));
    let (_, sent) = reserved(&bench, (EMBEDDINGS, &text));
    assert_eq!(sent["input"], json!(["Ask <EMAIL_ADDRESS>", "b"]));
    for (input, code) in [
        (json!([1, 2]), "unscannable_request"),
        (json!([[1, 2]]), "unscannable_request"),
        (json!(["a", "b", "c"]), "request_not_allowed"),
    ] {
        let refused = refused_body(&self::sent(&bench, (EMBEDDINGS, &body(input))));
        assert_eq!(refused, (400, code.to_owned()));
    }
    // Numbers go on as they are.
    let mut run = bench.run();
    run.head("POST", EMBEDDINGS, &[USER], false);
    assert!(matches!(run.body(&text), OnBody::Forward(_)));
    run.answer("200", JSON);
    let answer =
        r#"{"object":"list","data":[{"embedding":[4111111111111111,-0.5],"index":0}],"model":"m"}"#;
    assert_eq!(run.data(answer, true), OnData::Pass);
}
