//! Conversations: made, read and written into by their tenant, and by nobody else.

use super::*;

const ALL: &str = "/v1/conversations";

fn conversing() -> Value {
    let mut policy = keeping();
    policy["stored"]["conversations"] = json!({"backend": "far"});
    policy
}

fn conversation(tenant: &str, backend: &str) -> String {
    let thing = Thing {
        kind: Kind::Conversation,
        id: "conv_0a".to_owned(),
        backend: Mark::of(backend),
        tokens: 0,
    };
    secrets().wrap(tenant, &thing).unwrap()
}

/// What is sent of a request with a body.
fn write(run: &mut Run<'_>, path: &str, body: &str) -> Result<(String, Value), (u16, String)> {
    match run.head("POST", path, &[USER, ("content-length", "2")], false) {
        OnHead::Hold => {}
        other => return Err(refused_head(&other)),
    }
    match run.body(body) {
        OnBody::Forward(outgoing) => {
            let path = outgoing.edits.set.iter();
            let path = path.filter(|(name, _)| *name == ":path");
            let path = path.map(|(_, path)| path.clone()).next().unwrap();
            let sent = outgoing
                .rewrite
                .map(|rewrite| rewrite.whole(body.as_bytes()));
            let sent = sent.unwrap_or_else(|| body.as_bytes().to_vec());
            let length = outgoing.edits.set.iter();
            for (_, length) in length.filter(|(name, _)| *name == "content-length") {
                assert_eq!(*length, sent.len().to_string());
            }
            Ok((path, serde_json::from_slice(&sent).unwrap()))
        }
        other => Err(refused_body(&other)),
    }
}

fn told(id: &str) -> String {
    json!({"id": id, "object": "conversation", "metadata": {}}).to_string()
}

#[test]
fn a_conversation_has_one_id_however_often_it_is_told() {
    let bench = Bench::of(&conversing());
    let mut run = bench.run();
    let body = json!({"items": [{"role": "user", "content": "hi"}], "metadata": {"a": "b"}});
    let (path, sent) = write(&mut run, ALL, &body.to_string()).unwrap();
    assert_eq!((path.as_str(), &sent), ("/api/v1/conversations", &body));
    run.answer("200", JSON);
    let made = replaced(run.data(&told("conv_0a"), true));
    assert_eq!(made["id"], conversation("acme", "far"));
    says(
        &run.done(),
        json!({"operation": "conversations_create", "outcome": "ok", "input_tokens": 0,
            "cost_nano_usd": 0, "usage": "reported", "backend": "far"}),
    );
    let id = made["id"].as_str().unwrap();
    for (method, below, word) in [
        ("GET", "", "conversations_retrieve"),
        ("POST", "", "conversations_update"),
        ("DELETE", "", "conversations_delete"),
        ("GET", "/items", "conversation_items_list"),
        ("POST", "/items", "conversation_items_create"),
        ("GET", "/items/msg_1", "conversation_items_retrieve"),
        ("DELETE", "/items/msg_1", "conversation_items_delete"),
    ] {
        let mut run = bench.run();
        let path = format!("{ALL}/{id}{below}?include=x&api-key=1");
        let sent = match method {
            "POST" => write(&mut run, &path, "{}").unwrap().0,
            _ => path_of(run.head(method, &path, &[USER], true)),
        };
        let wanted = format!("/api/v1/conversations/conv_0a{below}?include=x");
        assert_eq!(sent, wanted);
        run.answer("200", JSON);
        assert_eq!(replaced(run.data(&told("conv_0a"), true))["id"], id);
        says(&run.done(), json!({"operation": word, "output_tokens": 0}));
    }
}

#[test]
fn what_is_not_the_tenants_or_not_there_is_not_found() {
    let bench = Bench::of(&conversing());
    let mut forged = conversation("acme", "far");
    forged.pop();
    let wanted = (404, "conversation_not_found".to_owned());
    for id in [
        conversation("blue", "far"),
        conversation("acme", "gone"),
        forged,
        "conv_0a".to_owned(),
        super::told("acme", "far"),
    ] {
        for (method, below) in [
            ("GET", ""),
            ("POST", ""),
            ("DELETE", ""),
            ("GET", "/items"),
            ("POST", "/items"),
            ("GET", "/items/msg_1"),
            ("DELETE", "/items/msg_1"),
        ] {
            let on = bench
                .run()
                .head(method, &format!("{ALL}/{id}{below}"), &[USER], false);
            assert_eq!(refused_head(&on), wanted, "{method} {below}");
        }
        let body = json!({"model": "smart", "input": "hi", "conversation": id});
        let refused = send(&mut bench.run(), USER, &body.to_string()).unwrap_err();
        // A backend that is gone is none of the model's.
        let is_gone = id == conversation("acme", "gone");
        let elsewhere = (400, "response_kept_elsewhere".to_owned());
        assert_eq!(refused, if is_gone { elsewhere } else { wanted.clone() });
    }
    // The provider has it no more.
    let mut run = bench.run();
    let id = conversation("acme", "far");
    forwarded(run.head("GET", &format!("{ALL}/{id}"), &[USER], true));
    let OnAnswer::Reply(reply) = run.answer("404", JSON) else {
        panic!()
    };
    assert_eq!(status_and_code(&reply), wanted);
    for (method, path, wanted) in [
        ("GET", ALL.to_owned(), (405, "method_not_allowed")),
        ("PUT", format!("{ALL}/{id}"), (405, "method_not_allowed")),
        ("GET", format!("{ALL}/{id}/x"), (404, "unknown_endpoint")),
        ("GET", format!("{ALL}x"), (404, "unknown_endpoint")),
        (
            "GET",
            format!("{ALL}/{id}/items/a/b"),
            (404, "unknown_endpoint"),
        ),
    ] {
        let on = bench.run().head(method, &path, &[USER], true);
        let (status, code) = refused_head(&on);
        assert_eq!((status, code.as_str()), wanted, "{method} {path}");
    }
}

#[test]
fn without_a_backend_for_them_there_are_none() {
    let wanted = (400, "unsupported_parameter".to_owned());
    for policy in [policy(), keeping()] {
        let bench = Bench::of(&policy);
        let on = bench.run().head("POST", ALL, &[USER], false);
        assert_eq!(refused_head(&on), (404, "unknown_endpoint".to_owned()));
        let id = conversation("acme", "far");
        let body = json!({"model": "smart", "input": "hi", "conversation": id});
        let refused = send(&mut bench.run(), USER, &body.to_string()).unwrap_err();
        assert_eq!(refused, wanted);
    }
}

#[test]
fn a_response_belongs_to_a_conversation_and_says_so() {
    let bench = Bench::of(&conversing());
    let id = conversation("acme", "far");
    for named in [json!(id), json!({"id": id})] {
        for stream in [false, true] {
            let mut run = bench.run();
            let body =
                json!({"model": "smart", "input": "hi", "conversation": named, "stream": stream});
            let sent = send(&mut run, USER, &body.to_string()).unwrap();
            let inside = match &sent["conversation"] {
                Value::String(inside) => inside.clone(),
                object => object["id"].as_str().unwrap().to_owned(),
            };
            assert_eq!(inside, "conv_0a");
            let response = json!({"id": "resp_0b", "conversation": {"id": "conv_0a"},
                "usage": {"input_tokens": 9, "output_tokens": 4}, "status": "completed"});
            let told = if stream {
                run.answer("200", SSE);
                let event = json!({"type": "response.completed", "response": response});
                let OnData::Replace(text) = run.data(&format!("data: {event}\n\n"), true) else {
                    panic!()
                };
                let text = String::from_utf8(text).unwrap();
                let event = text.strip_prefix("data: ").unwrap();
                serde_json::from_str::<Value>(event).unwrap()["response"].take()
            } else {
                run.answer("200", JSON);
                replaced(run.data(&response.to_string(), true))
            };
            assert_eq!(told["conversation"]["id"], id);
            assert_eq!(opened(&told["id"]).id, "resp_0b");
            says(&run.done(), json!({"input_tokens": 9, "usage": "reported"}));
            // Read later it says the same.
            let mut run = bench.run();
            let path = format!("{PATH}/{}", told["id"].as_str().unwrap());
            forwarded(run.head("GET", &path, &[USER], true));
            run.answer("200", JSON);
            let read = replaced(run.data(&response.to_string(), true));
            assert_eq!(read["conversation"]["id"], id);
            run.done();
        }
    }
    let near = json!({"model": "same", "input": "hi", "conversation": id});
    let refused = send(&mut bench.run(), USER, &near.to_string()).unwrap_err();
    assert_eq!(refused, (400, "response_kept_elsewhere".to_owned()));
}

#[test]
fn regression_a_refused_call_is_told_what_its_conversation_takes() {
    for (unit, of_answer) in [
        (
            "tokens",
            "500 for the answer (a lower bound takes less) and ",
        ),
        ("input_tokens", ""),
    ] {
        let mut policy = conversing();
        policy["tenants"]["acme"]["limits"] = json!([{unit: 1_000, "per": "day"}]);
        policy["stored"]["conversations"]["tokens"] = json!(3_000);
        let bench = Bench::of(&policy);
        let mut run = bench.run();
        let body = json!({"model": "smart", "input": "hi", "max_output_tokens": 500,
            "conversation": conversation("acme", "far")});
        run.head("POST", "/v1/responses", &[USER], false);
        let told = message(&run.body(&body.to_string()));
        let end = format!(
            " Tokens counted in: {of_answer}3000 for what the conversation may hold \
             (the operator can set stored.conversations.tokens)."
        );
        assert!(told.ends_with(&end), "{told}");
        run.done();
    }
}

#[test]
fn what_a_conversation_may_bring_is_reserved() {
    for (tokens, context, wanted) in [
        (None, None, 128_000 - 500),
        (None, Some(20_000), 20_000 - 500),
        (Some(3_000), Some(20_000), 3_000),
        (Some(3_000), Some(2_000), 2_000 - 500),
    ] {
        let mut policy = conversing();
        policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
        if let Some(tokens) = tokens {
            policy["stored"]["conversations"]["tokens"] = json!(tokens);
        }
        if let Some(context) = context {
            policy["models"]["smart"]["targets"][0]["context"] = json!(context);
        }
        let bench = Bench::of(&policy);
        let mut run = bench.run();
        let body = json!({"model": "smart", "input": "hi", "stream": true, "max_output_tokens": 500,
            "conversation": conversation("acme", "far")});
        send(&mut run, USER, &body.to_string()).unwrap();
        let Phase::Sent { ask, .. } = &run.call.phase else {
            panic!()
        };
        let reserved = ask.held.prompt;
        assert!((wanted..wanted + 20).contains(&reserved), "{reserved}");
        // The id of the response has what is known alone.
        run.answer("200", SSE);
        let event = json!({"type": "response.created", "response": {"id": "resp_0b"}});
        let OnData::Replace(text) = run.data(&format!("data: {event}\n\n"), false) else {
            panic!()
        };
        let text = String::from_utf8(text).unwrap();
        let event: Value = serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap();
        let tokens = opened(&event["response"]["id"]).tokens;
        assert!((500..530).contains(&tokens), "{tokens}");
        let usage = json!({"id": "resp_0b", "usage": {"input_tokens": 9, "output_tokens": 4}});
        let event = json!({"type": "response.completed", "response": usage});
        run.data(&format!("data: {event}\n\n"), true);
        says(&run.done(), json!({"input_tokens": 9, "usage": "reported"}));
    }
}

#[test]
fn guardrails_look_at_what_is_written() {
    let mut policy = guarded("refuse");
    policy["stored"] = conversing()["stored"].take();
    let bench = Bench::of(&policy);
    let body = json!({"items": [{"type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "ask ada@example.com"}]}],
        "metadata": {"who": "ada@example.com"}});
    let mut run = bench.run();
    let (_, sent) = write(&mut run, ALL, &body.to_string()).unwrap();
    let text = &sent["items"][0]["content"][0]["text"];
    assert_eq!(text, "ask <EMAIL_ADDRESS>");
    assert!(!sent.to_string().contains("ada@example.com"), "{sent}");
    run.answer("200", JSON);
    run.data(&told("conv_0a"), true);
    run.done();
    // A remote image can't be inspected.
    let image = json!({"items": [{"role": "user", "content":
        [{"type": "input_image", "image_url": "https://example.com/a.png"}]}]});
    let refused = write(&mut bench.run(), ALL, &image.to_string()).unwrap_err();
    assert_eq!(refused, (400, "unscannable_request".to_owned()));
    let id = conversation("acme", "far");
    for (method, below) in [
        ("GET", "/items"),
        ("POST", "/items"),
        ("GET", "/items/msg_1"),
    ] {
        let path = format!("{ALL}/{id}{below}");
        let on = bench.run().head(method, &path, &[USER], false);
        assert_eq!(refused_head(&on), (404, "unscannable_path".to_owned()));
    }
    for (method, below) in [("GET", ""), ("DELETE", ""), ("DELETE", "/items/msg_1")] {
        let path = format!("{ALL}/{id}{below}");
        forwarded(bench.run().head(method, &path, &[USER], true));
    }
    let mut policy = guarded("pass");
    policy["stored"] = conversing()["stored"].take();
    let bench = Bench::of(&policy);
    let path = format!("{ALL}/{id}/items");
    forwarded(bench.run().head("GET", &path, &[USER], true));
}

#[test]
fn rules_on_requests_hold_for_what_is_written() {
    let mut policy = conversing();
    policy["guardrails"] = json!([{"name": "small", "phase": "input", "action": "block",
        "detect": {"request": {"tokens": 20, "messages": 2}}}]);
    let bench = Bench::of(&policy);
    let message = |text: &str| json!({"role": "user", "content": text});
    for (items, allowed) in [
        (json!([message("hi")]), true),
        (json!([message(&"some words ".repeat(20))]), false),
        (json!([message("a"), message("b"), message("c")]), false),
    ] {
        let mut run = bench.run();
        let written = write(&mut run, ALL, &json!({ "items": items }).to_string());
        match allowed {
            true => drop(written.unwrap()),
            false => assert_eq!(
                written.unwrap_err(),
                (400, "request_not_allowed".to_owned())
            ),
        }
    }
}

#[test]
fn what_can_not_be_written_is_refused() {
    let bench = Bench::of(&conversing());
    for (body, wanted) in [
        (
            json!({"items": [{"type": "item_reference", "id": "msg_1"}]}),
            "unsupported_parameter",
        ),
        (
            json!({"items": [{"role": "user", "content":
                [{"type": "input_file", "file_id": "file-1"}]}]}),
            "unsupported_parameter",
        ),
        (json!({"model": "smart"}), "invalid_value"),
    ] {
        let mut run = bench.run();
        let refused = write(&mut run, ALL, &body.to_string()).unwrap_err();
        assert_eq!(refused, (400, wanted.to_owned()), "{body}");
        run.done();
    }
}

fn error(message: &str) -> String {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null,
        "code": null}})
    .to_string()
}

/// What a refusal in an error's place says: its status, code and `param`.
fn reworded(on: OnData) -> (u16, String, Value) {
    let OnData::Reply(reply) = on else {
        panic!("{on:?}")
    };
    let (status, code) = status_and_code(&reply);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (status, code, body["error"]["param"].clone())
}

#[test]
fn regression_a_conversation_that_the_provider_has_no_more_is_not_found() {
    let bench = Bench::of(&conversing());
    let body =
        json!({"model": "smart", "input": "hi", "conversation": conversation("acme", "far")});
    for (status, message) in [
        ("404", "Conversation with id 'conv_0a' not found."),
        ("400", "Conversation with id 'conv_0a' not found."),
    ] {
        let mut run = bench.run();
        send(&mut run, USER, &body.to_string()).unwrap();
        assert!(matches!(run.answer(status, JSON), OnAnswer::Hold(_)));
        let told = reworded(run.data(&error(message), true));
        let wanted = "conversation_not_found".to_owned();
        assert_eq!(told, (404, wanted, json!("conversation")));
        let record = run.finish(404, "direct_response");
        says(
            &record,
            json!({"outcome": "conversation_not_found", "status": 404, "input_tokens": 0,
                "cost_nano_usd": 0}),
        );
    }
    // What is not about it stays what it is.
    for (status, message) in [
        ("404", "The model 'gpt' does not exist."),
        ("404", "Conversation with id 'conv_0a1' not found."),
        ("400", "No tool output found for a call."),
    ] {
        let mut run = bench.run();
        send(&mut run, USER, &body.to_string()).unwrap();
        run.answer(status, JSON);
        assert_eq!(run.data(&error(message), true), OnData::Pass, "{message}");
    }
    let mut run = bench.run();
    send(&mut run, USER, &body.to_string()).unwrap();
    run.answer("400", JSON);
    let locked = replaced(run.data(&error("conv_0a is locked."), true));
    let id = conversation("acme", "far");
    assert_eq!(locked["error"]["message"], format!("{id} is locked."));
}

fn file(tenant: &str, backend: &str) -> String {
    let thing = Thing {
        kind: Kind::File,
        id: "file-AbC1".to_owned(),
        backend: Mark::of(backend),
        tokens: 9,
    };
    secrets().wrap(tenant, &thing).unwrap()
}

fn items_with(id: &str) -> String {
    json!({"items": [{"role": "user", "content": "hi"}, {"role": "user", "content": [
        {"type": "input_text", "text": "see"}, {"type": "input_file", "file_id": id},
        {"type": "input_image", "file_id": id, "detail": "low"}]}]})
    .to_string()
}

fn with_files(mut policy: Value) -> Value {
    policy["stored"] = conversing()["stored"].take();
    policy["stored"]["files"] = json!("far");
    policy
}

fn param(run: &mut Run<'_>, path: &str, body: &str) -> (u16, String, Value) {
    run.head("POST", path, &[USER, ("content-length", "2")], false);
    let OnBody::Reply(reply) = run.body(body) else {
        panic!()
    };
    reworded(OnData::Reply(reply))
}

#[test]
fn regression_files_of_the_tenant_stand_in_items() {
    let bench = Bench::of(&with_files(conversing()));
    let id = file("acme", "far");
    let below = format!("{ALL}/{}/items", conversation("acme", "far"));
    for path in [ALL, &below] {
        let mut run = bench.run();
        let (_, sent) = write(&mut run, path, &items_with(&id)).unwrap();
        let wanted: Value = serde_json::from_str(&items_with("file-AbC1")).unwrap();
        assert_eq!(sent, wanted);
        // Errors name the caller's id, and say what is gone.
        run.answer("400", JSON);
        let told = replaced(run.data(&error("file-AbC1 is no PDF"), true));
        assert_eq!(told["error"]["message"], format!("{id} is no PDF"));
        run.done();
        let mut run = bench.run();
        write(&mut run, path, &items_with(&id)).unwrap();
        assert!(matches!(run.answer("404", JSON), OnAnswer::Hold(_)));
        let told = reworded(run.data(&error("No such File object: file-AbC1"), true));
        let wanted = (404, "file_not_found".to_owned(), json!("file_id"));
        assert_eq!(told, wanted);
        run.done();
        for (id, wanted) in [
            (file("blue", "far"), (404, "file_not_found")),
            ("file-AbC1".to_owned(), (404, "file_not_found")),
            (file("acme", "near"), (400, "file_kept_elsewhere")),
        ] {
            let told = param(&mut bench.run(), path, &items_with(&id));
            let place = json!("items[1].content[1].file_id");
            assert_eq!(told, (wanted.0, wanted.1.to_owned(), place));
        }
    }
    let mut run = bench.run();
    write(&mut run, &below, &items_with(&id)).unwrap();
    assert!(matches!(run.answer("404", JSON), OnAnswer::Hold(_)));
    let told = reworded(run.data(&error("Conversation with id 'conv_0a' not found."), true));
    assert_eq!(told.1, "conversation_not_found");
}

#[test]
fn regression_files_in_items_were_inspected_when_they_came() {
    let bench = Bench::of(&with_files(guarded("refuse")));
    let body = items_with(&file("acme", "far")).replace("see", "ask ada@example.com");
    let (_, sent) = write(&mut bench.run(), ALL, &body).unwrap();
    let content = &sent["items"][1]["content"];
    assert_eq!(content[0]["text"], "ask <EMAIL_ADDRESS>");
    assert_eq!(content[1]["file_id"], "file-AbC1");
    let strange = body.replace("\"file_id\"", "\"FILE_ID\"");
    let refused = write(&mut bench.run(), ALL, &strange).unwrap_err();
    assert_eq!(refused.0, 400);
}

#[test]
fn regression_refusals_about_items_name_their_place() {
    let bench = Bench::of(&conversing());
    let message = json!({"role": "user", "content": "hi"});
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    for (items, wanted) in [
        (json!([7]), "items[0]"),
        (json!([]), "items"),
        (
            json!([message, {"type": "item_reference", "id": "msg_1"}]),
            "items[1]",
        ),
        (json!([message, reasoning]), "items[1]"),
        (
            json!([message, {"role": "user", "content": [{"type": "input_file", "file_id": 7}]}]),
            "items[1].content[0].file_id",
        ),
        (
            json!([message, {"role": "user", "content":
                [{"type": "input_text", "text": "a"}, {"type": "input_file", "file_id": "file-1"}]}]),
            "items[1].content[1].file_id",
        ),
    ] {
        let body = json!({ "items": items }).to_string();
        let told = param(&mut bench.run(), ALL, &body);
        assert_eq!(told.2, wanted, "{body}");
    }
}
