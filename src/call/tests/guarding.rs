//! Guardrails in calls: what goes on, what is refused, what is told of it.

use super::*;

const MAIL: &str = "quilliam@zwexford.org";
const TOKEN: &str = "ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS";

/// A gateway with guardrails, of which the first masks and the second blocks in both phases.
fn bench(change: impl FnOnce(&mut Value)) -> Bench {
    let mut policy = policy();
    policy["guardrails"] = json!([
        {"name": "pii", "phase": "both", "detect": "personal_data", "action": "mask", "restore": true},
        {"name": "keys", "phase": "both", "detect": "secrets", "action": "block"},
    ]);
    policy["tenants"]["acme"]["limits"] = json!([{"requests": 1, "per": "day"}]);
    change(&mut policy);
    Bench::of(&policy)
}

fn chat(text: &str) -> String {
    json!({"model": "smart", "messages": [{"role": "user", "content": text}]}).to_string()
}

/// The body that goes to the provider.
fn sent(on: OnBody, body: &str) -> Value {
    let OnBody::Forward(outgoing) = on else {
        panic!("{on:?}")
    };
    let new = outgoing.rewrite.expect("it has another name for the model");
    serde_json::from_slice(&new.whole(body.as_bytes())).unwrap()
}

fn found(bench: &Bench, labels: [&str; 4]) -> Vec<u64> {
    let [guardrail, phase, entity, action] = labels;
    let labels = [
        ("guardrail", guardrail),
        ("phase", phase),
        ("entity", entity),
        ("action", action),
    ];
    bench.counted("tollgate.guardrail_findings_total", &labels)
}

#[test]
fn regression_an_error_names_the_model_as_the_caller_did() {
    let bench = bench(|_| {});
    for (path, body) in [
        (CHAT, chat("hi")),
        (
            "/v1/completions",
            json!({"model": "smart", "prompt": "hi"}).to_string(),
        ),
        (
            "/v1/responses",
            json!({"model": "smart", "input": "hi"}).to_string(),
        ),
        (
            "/v1/messages",
            json!({"model": "smart", "max_tokens": 1,
            "messages": [{"role": "user", "content": "hi"}]})
            .to_string(),
        ),
    ] {
        let mut run = bench.run();
        run.head("POST", path, &[USER], false);
        let OnBody::Reply(reply) = run.body(&body.replace("smart", MAIL)) else {
            panic!("{body}")
        };
        let told = String::from_utf8(reply.body).unwrap();
        assert!(
            reply.status == 404 && told.contains(&format!("'{MAIL}'")),
            "{told}"
        );
    }
}

#[test]
fn a_value_goes_out_as_placeholder_and_comes_back() {
    let bench = bench(|_| {});
    let body = chat(&format!("PROMPT {MAIL}, {MAIL}"));
    let mut run = bench.reading();
    let new = sent(run.body(&body), &body);
    let text = new["messages"][0]["content"].as_str().unwrap();
    let placeholder = text.strip_prefix("PROMPT ").unwrap();
    let (placeholder, again) = placeholder.split_once(", ").unwrap();
    assert!(
        placeholder.starts_with("<EMAIL_ADDRESS_1_") && again == placeholder,
        "{text}"
    );
    run.answer("200", JSON);
    let answer = ANSWER.replace("ANSWER", &format!("{placeholder} knows other@zwexford.org"));
    let out = match run.data(&answer, true) {
        OnData::Replace(out) | OnData::Release(_, out) => out,
        other => panic!("{other:?}"),
    };
    let out: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        out["choices"][0]["message"]["content"],
        format!("{MAIL} knows <EMAIL_ADDRESS>")
    );
    let record = run.done();
    says(
        &record,
        json!({"outcome": "ok", "guardrails": [
            {"name": "pii", "phase": "input", "action": "mask", "found": {"EMAIL_ADDRESS": 2}},
            {"name": "pii", "phase": "output", "action": "mask", "found": {"EMAIL_ADDRESS": 1}}]}),
    );
    assert_eq!(
        found(&bench, ["pii", "input", "EMAIL_ADDRESS", "mask"]),
        [2]
    );
    assert_eq!(
        found(&bench, ["pii", "output", "EMAIL_ADDRESS", "mask"]),
        [1]
    );
}

#[test]
fn a_blocked_request_takes_nothing_from_limits() {
    let bench = bench(|_| {});
    for _ in 0..3 {
        let mut run = bench.reading();
        let on = run.body(&chat(&format!("PROMPT {TOKEN}")));
        assert_eq!(refused_body(&on), (400, "content_filter".to_owned()));
        says(
            &run.done(),
            json!({"outcome": "content_filter", "attempts": 0, "usage": "none"}),
        );
    }
    let run = bench.sent(&chat("PROMPT"));
    says(
        &run.finish(0, "downstream_remote_disconnect"),
        json!({"attempts": 1}),
    );
    let mut run = bench.reading();
    let on = run.body(&chat("PROMPT"));
    assert_eq!(refused_body(&on).0, 429, "the one request was still there");
}

#[test]
fn a_request_that_masks_make_too_long_is_refused() {
    let bench = bench(|_| {});
    let body = chat(&"ab@cd.org ".repeat(85));
    assert!(body.len() < 1000);
    let mut run = bench.reading();
    let on = run.body(&body);
    assert_eq!(refused_body(&on), (413, "request_too_large".to_owned()));
    says(
        &run.done(),
        json!({"outcome": "request_too_large", "attempts": 0}),
    );
}

#[test]
fn what_cant_be_looked_at_follows_the_policy() {
    let body = json!({"model": "smart", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://a.example.org/i.png"}}]}]})
    .to_string();
    let counted = |bench: &Bench, action: &str| {
        bench.counted(
            "tollgate.unscannable_total",
            &[("kind", "remote"), ("action", action)],
        )
    };
    let refuses = bench(|_| {});
    let mut run = refuses.reading();
    let on = run.body(&body);
    assert_eq!(refused_body(&on), (400, "unscannable_request".to_owned()));
    says(
        &run.done(),
        json!({"outcome": "unscannable_request", "attempts": 0}),
    );
    assert_eq!(
        (counted(&refuses, "refuse"), counted(&refuses, "pass")),
        (vec![1], vec![])
    );
    let passes = bench(|policy| policy["unscannable"] = json!("pass"));
    let run = passes.sent(&body);
    says(
        &run.finish(0, "downstream_remote_disconnect"),
        json!({"attempts": 1}),
    );
    assert_eq!(
        (counted(&passes, "refuse"), counted(&passes, "pass")),
        (vec![], vec![1])
    );
}

#[test]
fn tenants_without_guardrails_pass() {
    let bench = bench(|policy| {
        policy["guardrails"][0]["tenants"] = json!(["blue"]);
        policy["guardrails"][1]["tenants"] = json!(["blue"]);
    });
    let body = chat(&format!("PROMPT {MAIL} {TOKEN}"));
    let mut run = bench.reading();
    let new = sent(run.body(&body), &body);
    assert_eq!(
        new["messages"][0]["content"],
        format!("PROMPT {MAIL} {TOKEN}")
    );
    assert!(matches!(run.answer("200", JSON), OnAnswer::Forward(_)));
    assert_eq!(
        run.data(&ANSWER.replace("ANSWER", MAIL), true),
        OnData::Pass
    );
    let record = run.done();
    assert_eq!(record.get("guardrails"), None, "{record}");
}

#[test]
fn an_answer_that_cant_be_read_is_refused() {
    let bench = bench(|_| {});
    let mut run = bench.sent(&chat("PROMPT"));
    let answer = run.answer("200", &[("content-type", "text/html")]);
    assert_eq!(
        refused_answer(&answer),
        (502, "unscannable_answer".to_owned())
    );
    says(
        &run.finish(502, ""),
        json!({"outcome": "unscannable_answer", "status": 502}),
    );
}

#[test]
fn held_text_of_a_stream_that_breaks_is_counted() {
    let bench = bench(|_| {});
    let delta = DELTA.replace("ANSWER..", "It is quilliam@zwex");
    for end in [false, true] {
        let bench_of = self::bench(|_| {});
        let mut run = bench_of.answering(STREAMED, SSE);
        let data = run.data(&delta, end);
        let OnData::Replace(out) = data else {
            panic!("{data:?}")
        };
        assert!(!String::from_utf8(out).unwrap().contains("quilliam"));
        let record = run.finish(200, "upstream_reset_before_response_started");
        assert_ne!(record["outcome"], "ok");
        assert_eq!(
            bench_of.counted("tollgate.held_text_dropped_total", &[]),
            [1],
            "{end}"
        );
    }
    let mut run = bench.answering(STREAMED, SSE);
    run.data(&delta, false);
    run.data(
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        false,
    );
    run.data("data: [DONE]\n\n", true);
    says(&run.done(), json!({"outcome": "ok"}));
    assert_eq!(
        bench.counted("tollgate.held_text_dropped_total", &[]),
        [0; 0]
    );
}

/// A value that JSON has to escape.
fn quoted(policy: &mut Value) {
    policy["guardrails"] = json!([
        {"name": "q", "phase": "input", "action": "mask", "restore": true,
            "detect": {"patterns": [{"name": "Q", "regex": "qu.t\\\\.d"}]}},
        {"name": "pii", "phase": "output", "detect": "personal_data", "action": "mask"},
    ]);
}

fn asking_for_json() -> Value {
    let text = "PROMPT qu\"t.d";
    json!({"model": "smart", "response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": text}]})
}

#[test]
fn regression_values_in_answers_that_are_json_are_escaped() {
    let bench = bench(quoted);
    let body = asking_for_json().to_string();
    let mut run = bench.reading();
    let new = sent(run.body(&body), &body);
    let placeholder = new["messages"][0]["content"].as_str().unwrap();
    let placeholder = placeholder.strip_prefix("PROMPT ").unwrap();
    run.answer("200", JSON);
    let said = json!({"a": placeholder, "card": 4_111_111_111_111_111_u64}).to_string();
    let answer = ANSWER.replace("\"ANSWER\"", &json!(said).to_string());
    let out = match run.data(&answer, true) {
        OnData::Replace(out) | OnData::Release(_, out) => out,
        other => panic!("{other:?}"),
    };
    let out: Value = serde_json::from_slice(&out).unwrap();
    let said = out["choices"][0]["message"]["content"].as_str().unwrap();
    let said: Value = serde_json::from_str(said).unwrap();
    assert_eq!(said, json!({"a": "qu\"t.d", "card": "<CREDIT_CARD>"}));
    run.done();
}

#[test]
fn regression_values_in_streams_that_are_json_are_escaped() {
    let bench = bench(quoted);
    let mut body = asking_for_json();
    body["stream"] = json!(true);
    let body = body.to_string();
    let mut run = bench.reading();
    let new = sent(run.body(&body), &body);
    let placeholder = new["messages"][0]["content"].as_str().unwrap();
    let placeholder = placeholder.strip_prefix("PROMPT ").unwrap();
    run.answer("200", SSE);
    let said = json!({"a": placeholder, "b": 1}).to_string();
    let mut came = String::new();
    let mut take = |on: OnData, piece: &str| match on {
        OnData::Pass => came.push_str(piece),
        OnData::Replace(out) => came.push_str(&String::from_utf8(out).unwrap()),
        other => panic!("{other:?}"),
    };
    for piece in said.as_bytes().chunks(3) {
        let piece = json!(std::str::from_utf8(piece).unwrap());
        let chunk = format!(
            "data: {{\"id\":\"c-1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{piece}}}}}]}}\n\n"
        );
        take(run.data(&chunk, false), &chunk);
    }
    let done = "data: [DONE]\n\n";
    take(run.data(done, true), done);
    let chunks = came
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: {"));
    let chunks = chunks.map(|chunk| serde_json::from_str::<Value>(&format!("{{{chunk}")).unwrap());
    let text: String = chunks
        .map(|chunk| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(said, json!({"a": "qu\"t.d", "b": 1}));
    run.done();
}

/// `[DONE]` says nothing of the stream: what was held goes on with the names of its chunks.
#[test]
fn regression_the_rest_before_a_bare_end_has_the_id_of_the_stream() {
    let bench = bench(|_| {});
    let mut run = bench.answering(STREAMED, SSE);
    let chunk = "data: {\"id\":\"c-77\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ada\"}}]}\n\n";
    run.data(chunk, false);
    let OnData::Replace(out) = run.data("data: [DONE]\n\n", true) else {
        panic!("the rest comes")
    };
    let out = String::from_utf8(out).unwrap();
    let rest = out.strip_prefix("data: ").unwrap();
    let rest: Value = serde_json::from_str(rest.split("\n\n").next().unwrap()).unwrap();
    assert_eq!(rest["id"], "c-77", "{out}");
    assert_eq!(rest["choices"][0]["delta"]["content"], "ada");
    assert!(out.ends_with("data: [DONE]\n\n"), "{out}");
    run.done();
}

#[test]
fn text_and_its_end_may_come_in_one_chunk() {
    let bench = bench(|_| {});
    let mut run = bench.answering(STREAMED, SSE);
    let chunk = format!(
        "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"to {MAIL}\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
    );
    let OnData::Replace(out) = run.data(&chunk, false) else {
        panic!("it is masked")
    };
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out, chunk.replace(MAIL, "<EMAIL_ADDRESS>"));
    let end = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    run.data(end, true);
    says(&run.done(), json!({"outcome": "ok"}));
}

#[test]
fn regression_system_prompts_beyond_what_is_looked_for_are_counted() {
    let labels = [("kind", "system_prompt"), ("action", "pass")];
    for (words, counted) in [(16_384_u32, vec![]), (16_385, vec![1])] {
        let bench = bench(|policy| {
            policy["guardrails"] = json!([{"name": "prompt", "phase": "output", "action": "mask",
                "detect": {"system_prompt": {"words": 12}}}]);
            policy["limits"] = json!({"body": "1MiB", "held_per_tenant": "4MiB"});
        });
        let prompt: Vec<String> = (0..words).map(|word| format!("w{word}")).collect();
        let system = json!({"role": "system", "content": prompt.join(" ")});
        let user = json!({"role": "user", "content": "PROMPT"});
        let body = json!({"model": "smart", "messages": [system, user]}).to_string();
        let run = bench.sent(&body);
        assert_eq!(
            bench.counted("tollgate.unscannable_total", &labels),
            counted
        );
        run.done();
    }
}
