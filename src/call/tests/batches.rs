//! Batches: files of requests, what they come to, and who may make one of them.

use super::*;
use crate::tokens::media;
use crate::wrapped::{Kind, Mark, Secrets, Thing};

mod settled;

const FILES: &str = "/v1/files";
const PATH: &str = "/v1/batches";
const SECRET: &str = "a secret of 20 bytes";
const BLUE: (&str, &str) = ("x-api-key", "blue-secret");
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=bnd");
const FILE: &str = r#"{"id":"file-6F2ksmvXxt4VdoqmHRw6kL","object":"file","purpose":"batch"}"#;
const BATCH: &str = r#"{"id":"batch_0a0b","object":"batch","status":"completed","input_file_id":"file-6F2ksmvXxt4VdoqmHRw6kL","output_file_id":"file-Out1","error_file_id":null,"metadata":{"id":"x"}}"#;

/// `smart` costs 1 and 2 dollars for a million tokens, and half of that in batches.
fn keeping() -> Value {
    let mut policy = policy();
    policy["stored"] = json!({"secrets": [SECRET], "files": "far",
        "batches": {"lines": 3, "price": 0.5}});
    policy["models"]["smart"]["targets"] = json!([
        {"backend": "near", "model": "elsewhere"},
        {"backend": "far", "model": "gpt-5", "price": {"input": 1, "output": 2}}]);
    policy["tenants"]["blue"]["models"] = json!(["hidden", "smart"]);
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
    policy["limits"] = json!({"body": 100_000, "held_per_tenant": 200_000});
    policy
}

fn secrets() -> Secrets {
    Secrets::new(&[SECRET.to_owned()])
}

fn chat_line(id: &str, text: &str) -> Value {
    json!({"custom_id": id, "method": "POST", "url": CHAT, "body": {
        "model": "smart", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}})
}

fn lines(lines: &[Value]) -> String {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    lines.join("\n") + "\n"
}

fn form(file: &str) -> String {
    format!(
        "--bnd\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--bnd\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{file}\r\n--bnd--\r\n"
    )
}

/// What the provider gets of an upload.
fn sent(run: &mut Run<'_>, file: &str) -> Result<String, Value> {
    let body = form(file);
    assert_eq!(run.head("POST", FILES, &[USER, FORM], false), OnHead::Hold);
    match run.body(&body) {
        OnBody::Forward(outgoing) => {
            let new = outgoing.rewrite.map(|new| new.whole(body.as_bytes()));
            let new = String::from_utf8(new.unwrap_or(body.into_bytes())).unwrap();
            let (front, rest) = new.split_once("a.jsonl\"\r\n\r\n").unwrap();
            assert!(front.contains("batch"));
            Ok(rest.strip_suffix("\r\n--bnd--\r\n").unwrap().to_owned())
        }
        OnBody::Reply(reply) => Err(serde_json::from_slice(&reply.body).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn replaced(on: OnData) -> Value {
    let OnData::Replace(new) = on else {
        panic!("{on:?}")
    };
    serde_json::from_slice(&new).unwrap()
}

/// The id of an uploaded file.
fn uploaded(bench: &Bench, file: &str) -> String {
    let mut run = bench.run();
    sent(&mut run, file).unwrap();
    run.answer("200", JSON);
    let answer = replaced(run.data(FILE, true));
    run.done();
    answer["id"].as_str().unwrap().to_owned()
}

fn create(file: &str) -> String {
    json!({"input_file_id": file, "endpoint": CHAT, "completion_window": "24h"}).to_string()
}

/// Makes a batch: what the provider gets.
fn make(run: &mut Run<'_>, key: (&str, &str), body: &str) -> Result<Value, (u16, String)> {
    assert_eq!(run.head("POST", PATH, &[key], false), OnHead::Hold);
    match run.body(body) {
        OnBody::Forward(outgoing) => {
            let path = outgoing.edits.set.iter().find(|(name, _)| *name == ":path");
            assert_eq!(path.unwrap().1, "/api/v1/batches");
            let new = outgoing.rewrite.unwrap().whole(body.as_bytes());
            Ok(serde_json::from_slice(&new).unwrap())
        }
        other => Err(refused_body(&other)),
    }
}

#[test]
fn lines_are_made_the_providers_and_nothing_else_changes() {
    let bench = Bench::of(&keeping());
    let file = concat!(
        "{\"custom_id\": \"1\", \"method\":\"POST\",\"url\":\"/v1/chat/completions\", \"body\" : {\"messages\":[{\"role\":\"user\",\"content\":\"a\"}], \"model\":\"smart\" ,\"max_tokens\": 9}}\r\n",
        "{\"body\":{\"model\":\"smart\",\"messages\":[{\"role\":\"user\",\"content\":\"b\"}],\"max_tokens\":7},\"url\":\"/v1/chat/completions\",\"method\":\"POST\",\"custom_id\":\"2\"}\n\n",
    );
    let mut run = bench.run();
    let new = sent(&mut run, file).unwrap();
    assert_eq!(new, file.replace("\"smart\"", "\"gpt-5\""));
}

#[test]
fn callers_who_set_no_bound_get_one() {
    let mut policy = keeping();
    policy["ledger"] = json!({"default_output": {"tokens": 50}});
    let bench = Bench::of(&policy);
    let mut line = chat_line("1", "a");
    line["body"].as_object_mut().unwrap().remove("max_tokens");
    let mut run = bench.run();
    let new = sent(&mut run, &line.to_string()).unwrap();
    let new: Value = serde_json::from_str(&new).unwrap();
    assert_eq!(new["body"]["max_completion_tokens"], 50);
    // Also where none is needed for a live call: the charge is the most that a batch can take.
    let mut soft = policy.clone();
    soft["ledger"]["default_output"]["soft"] = json!(true);
    let mut unlimited = policy;
    let acme = unlimited["tenants"]["acme"].as_object_mut();
    acme.unwrap().remove("limits");
    for policy in [soft, unlimited] {
        let bench = Bench::of(&policy);
        let mut run = bench.run();
        let new = sent(&mut run, &line.to_string()).unwrap();
        let new: Value = serde_json::from_str(&new).unwrap();
        assert_eq!(new["body"]["max_completion_tokens"], 50);
    }
    // Nor does one get another bound.
    let mut embedding = json!({"custom_id": "1", "method": "POST", "url": "/v1/embeddings",
        "body": {"model": "smart", "input": "a"}});
    let mut run = bench.run();
    let new = sent(&mut run, &embedding.to_string()).unwrap();
    embedding["body"]["model"] = json!("gpt-5");
    assert_eq!(serde_json::from_str::<Value>(&new).unwrap(), embedding);
    // Nothing is kept of what can't be found.
    let response = json!({"custom_id": "1", "method": "POST", "url": "/v1/responses",
        "body": {"model": "smart", "input": "a", "store": true}});
    let mut run = bench.run();
    let new = sent(&mut run, &response.to_string()).unwrap();
    let new: Value = serde_json::from_str(&new).unwrap();
    assert_eq!(new["body"]["store"], false);
}

#[test]
fn what_a_line_may_not_be() {
    let bench = Bench::of(&keeping());
    let good = chat_line("good", "a");
    let with = |name: &str, value: Value| {
        let mut line = chat_line("bad", "a");
        line["body"][name] = value;
        line
    };
    let mut other_api = good.clone();
    other_api["custom_id"] = json!("bad");
    other_api["url"] = json!("/v1/completions");
    other_api["body"] = json!({"model": "smart", "prompt": "a"});
    let response = |name: &str, value: Value| {
        let mut line = json!({"custom_id": "bad", "method": "POST", "url": "/v1/responses",
            "body": {"model": "smart", "input": "a"}});
        line["body"][name] = value;
        line
    };
    let part =
        json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]);
    for (bad, code, said) in [
        (
            with("stream", json!(true)),
            "invalid_value",
            "Line 2 (bad): 'body.stream' must not be true.",
        ),
        (
            with("messages", json!(7)),
            "invalid_value",
            "Line 2 (bad): 'messages' must be an array.",
        ),
        (
            with("model", json!("none")),
            "model_not_found",
            "Line 2 (bad): The model",
        ),
        (
            with("model", json!("hidden")),
            "model_not_allowed",
            "Line 2 (bad): Tenant",
        ),
        (
            with("model", json!("same")),
            "invalid_value",
            "Line 2 (bad): 'body.model' must be the same",
        ),
        (
            with("messages", part),
            "unsupported_parameter",
            "Line 2 (bad): 'body.messages[0].content[0].file.file_id'",
        ),
        (
            response("previous_response_id", json!("resp_1")),
            "unsupported_parameter",
            "Line 2 (bad): 'previous_response_id'",
        ),
        (
            response("conversation", json!("conv_1")),
            "unsupported_parameter",
            "Line 2 (bad): 'conversation'",
        ),
        (
            response("conversation", json!({"id": "conv_1"})),
            "unsupported_parameter",
            "Line 2 (bad): 'conversation'",
        ),
        (
            response("background", json!(true)),
            "invalid_value",
            "Line 2 (bad): 'body.background' must not be true.",
        ),
        (
            other_api,
            "invalid_value",
            "Line 2 (bad): 'url' must be the same in all lines: it is /v1/completions here",
        ),
        (
            json!(7),
            "invalid_value",
            "Line 2: 'body' must be a JSON object.",
        ),
    ] {
        let mut run = bench.run();
        let error = sent(&mut run, &lines(&[good.clone(), bad])).unwrap_err();
        let message = error["error"]["message"].as_str().unwrap();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(message.starts_with(said), "{message}");
        assert_eq!(error["error"]["param"], "file");
        run.done();
    }
    // Steps of a workflow are not made for a batch.
    let mut policy = keeping();
    policy["models"]["smart"]["workflow"] =
        json!({"moderate": {"cluster": "c", "categories": ["violence"], "threshold": 0.5}});
    let steps = Bench::of(&policy);
    let mut run = steps.run();
    let error = sent(&mut run, &good.to_string()).unwrap_err();
    let said = "Line 1 (good): 'body.model' must have no workflow.";
    assert_eq!(error["error"]["message"], said);
    // What a batch has used is told in one sum, of one target's tokens.
    let mut policy = keeping();
    policy["models"]["smart"]["targets"] = json!([
        {"backend": "far", "model": "gpt-5", "accepts": "text"},
        {"backend": "far", "model": "gpt-5-sees"}]);
    let seeing = Bench::of(&policy);
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c"}}]}]);
    let image = with("messages", image);
    let mut run = seeing.run();
    let error = sent(&mut run, &lines(&[good.clone(), image.clone()])).unwrap_err();
    let said = "Line 2 (bad): 'body' must be one that the target of the first line takes.";
    assert_eq!(error["error"]["message"], said);
    let mut run = seeing.run();
    let new = sent(&mut run, &lines(&[image, good.clone()])).unwrap();
    assert_eq!(new.matches("\"gpt-5-sees\"").count(), 2, "{new}");
    // Where no target is where files are kept.
    let mut run = bench.run();
    let error = sent(&mut run, &with("model", json!("same")).to_string()).unwrap_err();
    assert_eq!(error["error"]["code"], "invalid_value", "{error}");
    let mut run = bench.run();
    let error = sent(
        &mut run,
        &lines(&["a", "b", "c", "d"].map(|id| chat_line(id, "a"))),
    )
    .unwrap_err();
    assert_eq!(
        error["error"]["message"],
        "'file' must not have more than 3 lines."
    );
    for empty in ["\n", " "] {
        let mut run = bench.run();
        let error = sent(&mut run, empty).unwrap_err();
        assert_eq!(error["error"]["message"], "'file' must have lines.");
    }
}

#[test]
fn lines_go_through_guardrails_and_rules() {
    let guard = |guardrail: Value| {
        let mut policy = keeping();
        policy["guardrails"] = json!([guardrail]);
        Bench::of(&policy)
    };
    let two = lines(&[chat_line("1", "hi"), chat_line("2", "ann@zwexford.org")]);
    let bench = guard(
        json!({"name": "pii", "phase": "input", "detect": "personal_data", "action": "mask"}),
    );
    let mut run = bench.run();
    let new = sent(&mut run, &two).unwrap();
    assert_eq!(
        new,
        two.replace("ann@zwexford.org", "<EMAIL_ADDRESS>")
            .replace("\"smart\"", "\"gpt-5\"")
    );
    run.answer("200", JSON);
    replaced(run.data(FILE, true));
    let record = run.done();
    assert_eq!(
        record["guardrails"][0]["found"],
        json!({"EMAIL_ADDRESS": 1})
    );
    // What can't be told can't be inspected either.
    let mut run = bench.run();
    let error = sent(&mut run, &chat_line("ann@zwexford.org", "hi").to_string()).unwrap_err();
    assert!(!error.to_string().contains("ann@"), "{error}");
    assert_eq!(error["error"]["code"], "invalid_value");
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c"}}]}]);
    let mut line = chat_line("1", "");
    line["body"]["messages"] = image;
    let mut run = bench.run();
    let error = sent(&mut run, &line.to_string()).unwrap_err();
    assert_eq!(error["error"]["code"], "unscannable_request");

    for (guardrail, code) in [
        (
            json!({"name": "w", "phase": "input", "detect": {"phrases": ["zwexford"]}, "action": "block"}),
            "content_filter",
        ),
        (
            json!({"name": "w", "phase": "input", "detect": {"request": {"bytes": 85}}, "action": "block"}),
            "request_not_allowed",
        ),
    ] {
        let bench = guard(guardrail);
        let mut run = bench.run();
        let error = sent(&mut run, &two).unwrap_err();
        assert_eq!(error["error"]["code"], code, "{error}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("Line 2 (2): ") && !message.contains("zwexford"),
            "{message}"
        );
        let record = run.done();
        assert_eq!(record["guardrails"][0]["name"], "w", "{record}");
    }
}

#[test]
fn a_batch_is_charged_when_it_is_made() {
    let bench = Bench::of(&keeping());
    let file = uploaded(
        &bench,
        &lines(&[chat_line("1", "hi"), chat_line("2", "hi")]),
    );
    assert_eq!(bench.totals("acme", "smart")[4..], [0, 0]);
    let mut run = bench.run();
    let got = make(&mut run, USER, &create(&file)).unwrap();
    assert_eq!(got["input_file_id"], "file-6F2ksmvXxt4VdoqmHRw6kL");
    assert!(matches!(run.answer("200", JSON), OnAnswer::Hold(_)));
    let batch = replaced(run.data(BATCH, true));
    let opened = |kind, name: &str| {
        let id = batch[name].as_str().unwrap();
        secrets().open("acme", kind, id).unwrap().id
    };
    assert_eq!(opened(Kind::Batch, "id"), "batch_0a0b");
    assert_eq!(opened(Kind::File, "output_file_id"), "file-Out1");
    assert_eq!(batch["input_file_id"], file);
    assert_eq!(
        (&batch["error_file_id"], &batch["metadata"]),
        (&Value::Null, &json!({"id": "x"}))
    );
    let record = run.done();
    says(
        &record,
        json!({"operation": "batches_create", "model": "smart", "outcome": "ok", "usage": "estimated",
            "output_tokens": 200, "backend": "far"}),
    );
    let input = record["input_tokens"].as_u64().unwrap();
    assert!((8..60).contains(&input), "{input}");
    // Half of a dollar, and of two, for a million.
    assert_eq!(record["cost_nano_usd"], (input * 1000 + 200 * 2000) / 2);
    assert_eq!(bench.totals("acme", "smart")[4..], [input, 200]);

    // Reading it costs nothing, and tells the same ids.
    let id = batch["id"].as_str().unwrap();
    for (method, below, operation) in [
        ("GET", "", "batches_retrieve"),
        ("POST", "/cancel", "batches_cancel"),
    ] {
        let mut run = bench.run();
        let edits = forwarded(run.head(method, &format!("{PATH}/{id}{below}"), &[USER], true));
        let path = edits.set.iter().find(|(name, _)| *name == ":path");
        assert_eq!(
            path.unwrap().1,
            format!("/api/v1/batches/batch_0a0b{below}")
        );
        run.answer("200", JSON);
        assert_eq!(replaced(run.data(BATCH, true)), batch);
        says(
            &run.done(),
            json!({"operation": operation, "input_tokens": 0, "cost_nano_usd": 0}),
        );
    }
    assert_eq!(bench.totals("acme", "smart")[4..], [input, 200]);
}

/// A line of a batch's output.
fn output(id: &str, text: &str) -> String {
    let body = json!({"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]});
    json!({"id": "b", "custom_id": id, "response": {"status_code": 200, "request_id": "r", "body": body}, "error": null}).to_string()
}

#[test]
fn the_output_goes_through_guardrails_line_by_line() {
    let read = |guardrail: Value, lines: &[&str]| {
        let mut policy = keeping();
        policy["guardrails"] = json!([guardrail]);
        let bench = Bench::of(&policy);
        let file = uploaded(&bench, &chat_line("1", "hi").to_string());
        let mut run = bench.run();
        make(&mut run, USER, &create(&file)).unwrap();
        run.answer("200", JSON);
        let batch = replaced(run.data(BATCH, true));
        let id = batch["output_file_id"].as_str().unwrap().to_owned();
        run.done();
        let mut run = bench.run();
        forwarded(run.head("GET", &format!("{FILES}/{id}/content"), &[USER], true));
        let kind = [("content-type", "application/octet-stream")];
        assert!(matches!(run.answer("200", &kind), OnAnswer::Hold(_)));
        let file = lines.join("\n");
        assert_eq!(run.data(&file[..file.len() / 2], false), OnData::Hold);
        let on = run.data(&file, true);
        (on, run.done())
    };
    let mask =
        json!({"name": "pii", "phase": "output", "detect": "personal_data", "action": "mask"});
    let plain = output("1", "hi");
    let mail = output("ann@zwexford.org", "to ann@zwexford.org");
    let failed = r#"{"id":"b","custom_id":"3","response":{"status_code":400,"request_id":"r","body":{"error":{"message":"no ann@zwexford.org"}}},"error":null}"#;
    let (on, record) = read(mask.clone(), &[&plain, &mail, failed]);
    let OnData::Replace(new) = on else {
        panic!("{on:?}")
    };
    // The caller's own name for a line is no news.
    let wanted = [
        plain.clone(),
        mail.replace("to ann@zwexford.org", "to <EMAIL_ADDRESS>"),
        failed.replace("ann@zwexford.org", "<EMAIL_ADDRESS>"),
    ];
    assert_eq!(String::from_utf8(new).unwrap(), wanted.join("\n"));
    says(
        &record,
        json!({"operation": "files_content", "outcome": "ok", "cost_nano_usd": 0}),
    );
    assert_eq!(
        record["guardrails"][0]["found"],
        json!({"EMAIL_ADDRESS": 2})
    );
    assert_eq!(read(mask.clone(), &[&plain, &plain]).0, OnData::Pass);

    let block = json!({"name": "w", "phase": "output", "detect": {"phrases": ["falcon"]}, "action": "block"});
    let secret = output("2", "the falcon flies");
    let (on, record) = read(block, &[&plain, &secret, &plain]);
    let OnData::Replace(new) = on else {
        panic!("{on:?}")
    };
    let new = String::from_utf8(new).unwrap();
    let lines: Vec<&str> = new.lines().collect();
    assert_eq!((lines[0], lines[2]), (&*plain, &*plain));
    let blocked: Value = serde_json::from_str(lines[1]).unwrap();
    let choice = &blocked["response"]["body"]["choices"][0];
    assert_eq!(choice["finish_reason"], "content_filter", "{blocked}");
    assert!(!new.contains("falcon"));
    says(&record, json!({"outcome": "guardrail_blocked"}));

    let (on, record) = read(mask, &[&plain, "{", ""]);
    assert!(matches!(on, OnData::Reply(_)), "{on:?}");
    says(&record, json!({"outcome": "unscannable_answer"}));
}

#[test]
fn a_batch_that_does_not_fit_is_not_made() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 500, "per": "day"}]);
    let bench = Bench::of(&policy);
    let file = uploaded(
        &bench,
        &lines(&[chat_line("1", "hi"), chat_line("2", "hi")]),
    );
    for wanted in [None, None, Some(429)] {
        let mut run = bench.run();
        let made = make(&mut run, USER, &create(&file));
        assert_eq!(made.err().map(|(status, _)| status), wanted);
        if wanted.is_none() {
            run.answer("200", JSON);
            run.data(BATCH, true);
        }
        run.done();
    }
    // What the provider does not take is not charged.
    let bench = Bench::of(&policy);
    for _ in 0..4 {
        let mut run = bench.run();
        make(&mut run, USER, &create(&file)).unwrap();
        run.answer("400", JSON);
        run.data(r#"{"error":{"message":"no"}}"#, true);
        says(
            &run.done(),
            json!({"input_tokens": 0, "cost_nano_usd": 0, "outcome": "upstream_error"}),
        );
    }
    // Nobody knows what became of one whose caller has left.
    let mut run = bench.run();
    make(&mut run, USER, &create(&file)).unwrap();
    says(
        &run.finish(0, "downstream_remote_disconnect"),
        json!({"output_tokens": 200, "outcome": "client_closed", "model": "smart"}),
    );
    // Nor of one whose connection was lost.
    let mut run = bench.run();
    make(&mut run, USER, &create(&file)).unwrap();
    run.envoy(
        "503",
        "upstream_reset_before_response_started{connection_termination}",
    );
    says(
        &run.done(),
        json!({"output_tokens": 200, "outcome": "upstream_unavailable", "model": "smart"}),
    );
    // Limits of a model count its batches.
    policy["models"]["smart"]["limits"] = json!([{"tokens": 300, "per": "day"}]);
    let bench = Bench::of(&policy);
    for wanted in [None, Some(429)] {
        let mut run = bench.run();
        let made = make(&mut run, USER, &create(&file));
        assert_eq!(made.err().map(|(status, _)| status), wanted);
    }
}

#[test]
fn regression_a_batch_that_does_not_fit_says_what_its_answers_take() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 150, "per": "day"}]);
    let bench = Bench::of(&policy);
    let file = uploaded(
        &bench,
        &lines(&[chat_line("1", "hi"), chat_line("2", "hi")]),
    );
    let mut run = bench.run();
    run.head("POST", PATH, &[USER], false);
    let on = run.body(&create(&file));
    assert_eq!(refused_body(&on).0, 429);
    let end = " Tokens counted in: 200 for the answer (set a bound on the answer in each line to take less).";
    assert!(message(&on).ends_with(end), "{}", message(&on));
    run.done();
}

#[test]
fn only_files_for_batches_of_the_tenant_make_batches() {
    let bench = Bench::of(&keeping());
    let file = uploaded(&bench, &chat_line("1", "hi").to_string());
    let plain = Thing {
        kind: Kind::File,
        id: "file-1".to_owned(),
        backend: Mark::of("far"),
        tokens: media::file_of(1),
    };
    let plain = secrets().wrap("acme", &plain).unwrap();
    let not_found = (404, "file_not_found".to_owned());
    let invalid = (400, "invalid_value".to_owned());
    for (key, body, wanted) in [
        (BLUE, create(&file), &not_found),
        (USER, create("file-6F2ksmvXxt4VdoqmHRw6kL"), &not_found),
        (USER, create(&file[..file.len() - 2]), &not_found),
        (USER, create(&plain), &invalid),
        (
            USER,
            create(&file).replace(CHAT, "/v1/embeddings"),
            &invalid,
        ),
        (
            USER,
            "{}".to_owned(),
            &(400, "missing_required_parameter".to_owned()),
        ),
    ] {
        let mut run = bench.run();
        assert_eq!(make(&mut run, key, &body).unwrap_err(), *wanted, "{body}");
        run.done();
    }
    // A tenant that may not use the model any more, a model without the target, other prices.
    let mut not_allowed = keeping();
    not_allowed["tenants"]["acme"]["models"] = json!(["same"]);
    let mut gone = keeping();
    gone["models"]["smart"]["targets"][1]["model"] = json!("gpt-6");
    let mut dearer = keeping();
    dearer["models"]["smart"]["targets"][1]["price"]["reasoning"] = json!(9);
    let mut unpriced = keeping();
    let target = unpriced["models"]["smart"]["targets"][1].as_object_mut();
    target.unwrap().remove("price");
    let mut live_price = keeping();
    live_price["stored"]["batches"]["price"] = json!(1);
    for policy in [not_allowed, gone, dearer, unpriced, live_price] {
        let bench = Bench::of(&policy);
        let mut run = bench.run();
        let refused = make(&mut run, USER, &create(&file)).unwrap_err();
        assert_eq!(refused, invalid);
    }
    // What does not touch it.
    let mut other = keeping();
    other["models"]["smart"]["targets"][0]["price"] = json!({"input": 7, "output": 7});
    other["stored"]["batches"]["lines"] = json!(2);
    let bench = Bench::of(&other);
    make(&mut bench.run(), USER, &create(&file)).unwrap();
}

#[test]
fn batches_of_others_lists_and_other_paths() {
    let bench = Bench::of(&keeping());
    let thing = Thing {
        kind: Kind::Batch,
        id: "batch_0a0b".to_owned(),
        backend: Mark::of("far"),
        tokens: 0,
    };
    let own = secrets().wrap("acme", &thing).unwrap();
    for (key, id) in [
        (BLUE, own.clone()),
        (USER, own[..own.len() - 1].to_owned()),
        (USER, "batch_0a0b".to_owned()),
    ] {
        for (method, below) in [("GET", ""), ("POST", "/cancel")] {
            let mut run = bench.run();
            let on = run.head(method, &format!("{PATH}/{id}{below}"), &[key], true);
            assert_eq!(refused_head(&on), (404, "batch_not_found".to_owned()));
            run.done();
        }
    }
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{own}"), &[USER], true));
    assert_eq!(
        refused_answer(&run.answer("404", JSON)).1,
        "batch_not_found"
    );
    for (method, path, status, code) in [
        ("GET", PATH.to_owned(), 404, "no_lists"),
        ("PUT", PATH.to_owned(), 405, "method_not_allowed"),
        ("DELETE", format!("{PATH}/{own}"), 405, "method_not_allowed"),
        (
            "GET",
            format!("{PATH}/{own}/cancel"),
            405,
            "method_not_allowed",
        ),
        ("GET", format!("{PATH}/{own}/more"), 404, "unknown_endpoint"),
    ] {
        let mut run = bench.run();
        let on = run.head(method, &path, &[USER], true);
        assert_eq!(
            refused_head(&on),
            (status, code.to_owned()),
            "{method} {path}"
        );
    }
    let mut policy = keeping();
    policy["stored"].as_object_mut().unwrap().remove("batches");
    let bench = Bench::of(&policy);
    let mut run = bench.run();
    let on = run.head("POST", PATH, &[USER], true);
    assert_eq!(refused_head(&on), (404, "unknown_endpoint".to_owned()));
    let mut run = bench.run();
    let error = sent(&mut run, &chat_line("1", "hi").to_string()).unwrap_err();
    assert_eq!(error["error"]["param"], "purpose");
}

#[test]
fn regression_global_limits_know_a_batch_before_it_is_made() {
    let mut policy = keeping();
    policy["global_limits"] = json!({"charge": "estimate"});
    let bench = Bench::of(&policy);
    let file = uploaded(&bench, &chat_line("1", "hi").to_string());
    let mut run = bench.run();
    assert_eq!(run.head("POST", PATH, &[USER], false), OnHead::Hold);
    let OnBody::Forward(outgoing) = run.body(&create(&file)) else {
        panic!()
    };
    let told = |name: &str| {
        let name = format!("tollgate.limit.{name}");
        let entry = outgoing.limits.iter().find(|(key, _)| **key == *name);
        entry.unwrap().1.clone()
    };
    assert_eq!(told("model"), "smart");
    let tokens: u64 = told("estimate").parse().unwrap();
    assert!((104..140).contains(&tokens), "{tokens}");
    let nano = ((tokens - 100) * 1000 + 100 * 2000) / 2;
    assert_eq!(told("cost_estimate"), nano.div_ceil(1000).to_string());
    run.answer("200", JSON);
    run.data(BATCH, true);
    let charged = {
        let (host, way) = (&bench.host, Way(""));
        let end = || panic!("it was not cut");
        run.call.finish(host, &way, end).unwrap();
        run.call.charges()
    };
    for (_, number) in charged {
        assert_eq!(number, "0");
    }
}

/// An id of the operator's organisation, and what callers see of it.
const ORG: [&str; 2] = ["org-1234567890abc", "org-*************"];

#[test]
fn regression_what_batches_tell_of_errors_names_no_account() {
    let bench = Bench::of(&keeping());
    let thing = Thing {
        kind: Kind::Batch,
        id: "batch_0a0b".to_owned(),
        backend: Mark::of("far"),
        tokens: 0,
    };
    let id = secrets().wrap("acme", &thing).unwrap();
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[USER], true));
    run.answer("200", JSON);
    let errors = json!({"data": [{"message": format!("Limit in organization {}", ORG[0])}]});
    let failed = json!({"id": "batch_0a0b", "status": "failed", "errors": errors,
        "metadata": {"user": "user-1234567890"}});
    let told = replaced(run.data(&failed.to_string(), true));
    let message = &told["errors"]["data"][0]["message"];
    assert_eq!(*message, format!("Limit in organization {}", ORG[1]));
    assert_eq!(told["metadata"]["user"], "user-1234567890");

    let thing = Thing {
        kind: Kind::File,
        id: "file-Err1".to_owned(),
        ..thing
    };
    let id = secrets().wrap_with("acme", &thing, &[0]).unwrap();
    let answer = output("1", ORG[0]);
    let error = r#"{"id":"b","custom_id":"3","response":{"status_code":429,"request_id":"r","body":{"error":{"message":"in ORG"}}},"error":null}"#;
    let file = |told: &str| format!("{answer}\n{}\n", error.replace("ORG", told));
    let mut guarded = keeping();
    guarded["guardrails"] = json!([{"name": "w", "phase": "output",
        "detect": {"phrases": ["falcon"]}, "action": "block"}]);
    for policy in [keeping(), guarded] {
        let bench = Bench::of(&policy);
        let mut run = bench.run();
        forwarded(run.head("GET", &format!("{FILES}/{id}/content"), &[USER], true));
        run.answer("200", &[("content-type", "application/octet-stream")]);
        let OnData::Replace(told) = run.data(&file(ORG[0]), true) else {
            panic!()
        };
        assert_eq!(String::from_utf8(told).unwrap(), file(ORG[1]));
        says(&run.done(), json!({"outcome": "ok", "cost_nano_usd": 0}));
    }
    // Other files are the tenant's own.
    let id = secrets().wrap("acme", &thing).unwrap();
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{FILES}/{id}/content"), &[USER], true));
    run.answer("200", &[("content-type", "application/octet-stream")]);
    assert_eq!(run.data(&file(ORG[0]), true), OnData::Pass);
}

#[test]
fn ids_have_room_for_those_of_providers() {
    // As docs/batches.md says: bytes of a file's, and of a batch's.
    for (kind, most) in [(Kind::File, 37), (Kind::Batch, 36)] {
        for (sign, most) in [("z", most), ("0", 2 * most)] {
            let wrapped = |length: usize| {
                let id = format!("{}{}", kind.prefix(), sign.repeat(length));
                let thing = Thing {
                    kind,
                    id,
                    backend: Mark::of("far"),
                    tokens: 0,
                };
                secrets().wrap_with("acme", &thing, &[0; 29])
            };
            assert!(wrapped(most).is_some(), "{kind:?} {sign}");
            assert_eq!(wrapped(most + 2), None, "{kind:?} {sign}");
        }
    }
}

fn refused_lines(bench: &Bench, file: &str) -> (String, String) {
    let mut run = bench.run();
    let error = sent(&mut run, file).unwrap_err();
    run.done();
    let text = |name: &str| error["error"][name].as_str().unwrap().to_owned();
    assert_eq!(error["error"]["param"], "file");
    (text("code"), text("message"))
}

#[test]
fn regression_two_lines_with_one_custom_id_are_refused() {
    let bench = Bench::of(&keeping());
    let escaped = chat_line("a", "hi")
        .to_string()
        .replace("\"a\"", "\"\\u0061\"");
    for file in [
        lines(&[
            chat_line("a", "hi"),
            chat_line("b", "hi"),
            chat_line("a", "hey"),
        ]),
        format!(
            "{}{escaped}",
            lines(&[chat_line("a", "hi"), chat_line("b", "hi")])
        ),
    ] {
        let (code, message) = refused_lines(&bench, &file);
        assert_eq!(code, "duplicate_custom_id");
        assert!(message.starts_with("Line 3"), "{message}");
        assert!(message.contains("line 1"), "{message}");
    }
    // One that can't be told is compared, too.
    let long = "ann@zwexford.org".repeat(9);
    let file = lines(&[chat_line(&long, "hi"), chat_line(&long, "hi")]);
    let (code, message) = refused_lines(&bench, &file);
    assert_eq!(code, "duplicate_custom_id");
    assert!(!message.contains("ann"), "{message}");
    let other = format!("{long}.");
    let file = lines(&[
        chat_line(&long, "hi"),
        chat_line(&other, "hi"),
        chat_line("A", "hi"),
    ]);
    assert!(sent(&mut bench.run(), &file).is_ok());
}

#[test]
fn regression_a_bad_line_is_named_with_what_is_wrong_in_it() {
    let bench = Bench::of(&keeping());
    let good = chat_line("good", "a");
    let with = |name: &str, value: Value| {
        let mut line = chat_line("bad", "a");
        line[name] = value;
        line.to_string()
    };
    let first = lines(&[good]);
    for (line, said) in [
        (
            with("method", json!("GET")),
            "Line 2 (bad): 'method' must be \"POST\", not \"GET\".",
        ),
        (
            with("method", json!("ask ann@zwexford.org")),
            "Line 2 (bad): 'method' must be \"POST\".",
        ),
        (
            with("url", json!("/v1/moderations")),
            "Line 2 (bad): 'url' must be /v1/chat/completions, /v1/completions, /v1/embeddings or \
             /v1/responses, not \"/v1/moderations\".",
        ),
        (
            with("url", json!("https://api.openai.com/v1/responses")),
            "Line 2 (bad): 'url' must be /v1/chat/completions, /v1/completions, /v1/embeddings or \
             /v1/responses, not \"https://api.openai.com/v1/responses\".",
        ),
        (
            with("url", json!("hello ann")),
            "Line 2 (bad): 'url' must be /v1/chat/completions, /v1/completions, /v1/embeddings or \
             /v1/responses.",
        ),
        (
            with("priority", json!("high")),
            "Line 2 (bad): 'priority' is no member of a line, which has custom_id, method, url and \
             body alone.",
        ),
        (
            with("ann@zwexford.org", json!(1)),
            "Line 2 (bad): 'body' must stand beside custom_id, method and url alone.",
        ),
        (
            with("body", json!("{}")),
            "Line 2 (bad): 'body' must be an object.",
        ),
        (
            with("url", json!("/v1/embeddings")),
            "Line 2 (bad): 'input' is missing.",
        ),
        (
            with("custom_id", json!("é".repeat(9))).replace("POST", "PUT"),
            "Line 2: 'method' must be \"POST\", not \"PUT\".",
        ),
        (
            with("custom_id", json!(7)),
            "Line 2: 'custom_id' must be a string.",
        ),
        (
            with("body", json!({"model": "smart", "Model": "smart"})),
            "Line 2 (bad): 'body' is not acceptable JSON: a key differs from \"model\"",
        ),
        (
            "{\"custom_id\":\"bad\",\"method\":".to_owned(),
            "Line 2 (bad): The line is not acceptable JSON: the text ends too early (at byte",
        ),
    ] {
        let (_, message) = refused_lines(&bench, &format!("{first}{line}"));
        assert!(message.starts_with(said), "{message}");
        assert!(!message.contains("ann"), "{message}");
    }
    let file = json!([{"role": "user", "content":
        [{"type": "text", "text": "a"}, {"type": "file", "file": {"file_id": "file-1"}}]}]);
    let mut line = chat_line("bad", "a");
    line["body"]["messages"] = file;
    let (_, message) = refused_lines(&bench, &format!("{first}{line}"));
    let said = "Line 2 (bad): 'body.messages[0].content[1].file.file_id' is not supported";
    assert!(message.starts_with(said), "{message}");
    let mut line = chat_line("bad", "a");
    line["url"] = json!("/v1/completions");
    line["body"] = json!({"model": "smart", "prompt": "a"});
    let (_, message) = refused_lines(&bench, &format!("{first}{line}"));
    let said = "Line 2 (bad): 'url' must be the same in all lines: it is /v1/completions here, and \
                /v1/chat/completions before.";
    assert_eq!(message, said);
}

#[test]
fn regression_a_batch_of_a_file_that_is_gone_is_told_so() {
    let bench = Bench::of(&keeping());
    let file = uploaded(&bench, &chat_line("1", "hi").to_string());
    let message = "No such File object: file-6F2ksmvXxt4VdoqmHRw6kL";
    let error = json!({"error": {"message": message, "type": "invalid_request_error",
        "param": null, "code": null}});
    for status in ["400", "404"] {
        let mut run = bench.run();
        make(&mut run, USER, &create(&file)).unwrap();
        run.answer(status, JSON);
        let OnData::Reply(reply) = run.data(&error.to_string(), true) else {
            panic!()
        };
        assert_eq!(status_and_code(&reply), (404, "file_not_found".to_owned()));
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["error"]["param"], "input_file_id");
        says(
            &run.done(),
            json!({"outcome": "file_not_found", "input_tokens": 0, "cost_nano_usd": 0}),
        );
    }
    assert_eq!(bench.totals("acme", "smart")[4..], [0, 0]);
}
