//! Requests, as callers send them and damaged.

use super::*;

/// A request with `text` in some place, and what holds it.
fn request(text: &str, source: &mut Source) -> (&'static str, Value) {
    match source.below(4) {
        0 => return ("/v1/completions", completion(text, source)),
        1 => return ("/v1/responses", response(text, source)),
        _ => {}
    }
    let openai = source.once_in(2);
    let arguments = json!({"to": text}).to_string();
    let tool = json!({"type": "function", "function": {"name": "n", "description": text,
        "parameters": {"type": "object", "properties": {"a": {"description": text}}}}});
    let message = match (openai, source.below(5)) {
        (_, 0) => json!({"role": "user", "content": text}),
        (_, 1) => json!({"role": "user", "content": [{"type": "text", "text": text}]}),
        (true, 2) => json!({"role": "system", "content": text}),
        (true, 3) => json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c",
            "type": "function", "function": {"name": "n", "arguments": arguments}}]}),
        (true, _) => json!({"role": "tool", "tool_call_id": "c", "content": text}),
        (false, 2) => json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c",
            "name": "n", "input": {"to": [text, {"x": text}]}}]}),
        (false, _) => json!({"role": "user", "content": [{"type": "tool_result",
            "tool_use_id": "c", "content": [{"type": "text", "text": text}]}]}),
    };
    let messages = json!([{"role": "user", "content": "hi"}, message]);
    let mut body = json!({"model": "smart", "messages": messages, "metadata": {"note": text}});
    if openai {
        body["tools"] = json!([tool]);
        (CHAT, body)
    } else {
        body["model"] = json!("same");
        body["max_tokens"] = json!(16);
        body["system"] = json!(text);
        ("/v1/messages", body)
    }
}

fn completion(text: &str, source: &mut Source) -> Value {
    let prompt = match source.below(2) {
        0 => json!(text),
        _ => json!(["hi", text]),
    };
    json!({"model": "smart", "prompt": prompt, "suffix": text, "stop": [text], "user": text})
}

fn response(text: &str, source: &mut Source) -> Value {
    let arguments = json!({"to": text}).to_string();
    let item = match source.below(6) {
        0 => json!({"role": "user", "content": text}),
        1 => json!({"role": "user", "content": [{"type": "input_text", "text": text}]}),
        2 => json!({"type": "function_call", "call_id": "c", "name": "n", "arguments": arguments}),
        3 => json!({"type": "function_call_output", "call_id": "c", "output": text}),
        4 => {
            json!({"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": text}]})
        }
        _ => json!({"type": "message", "role": "assistant", "content": [
            {"type": "output_text", "text": text, "annotations": [{"type": "url_citation", "title": text}]}]}),
    };
    let tool = json!({"type": "function", "name": "n", "description": text,
        "parameters": {"type": "object", "properties": {"a": {"description": text}}}});
    json!({"model": "smart", "instructions": text, "input": [{"role": "user", "content": "hi"}, item],
        "metadata": {"note": text}, "tools": [tool]})
}

pub(super) fn written(guarded: &Guarded, source: &mut Source) {
    let text = format!(" {} ask {} ", source.text(&[]), source::EMAIL);
    let (path, body) = request(&text, source);
    let body = body.to_string();
    let Some((run, new)) = guarded.sent(path, &body) else {
        return;
    };
    let read: Value = serde_json::from_str(&new).expect("a request stays JSON");
    let list = ["messages", "input"].map(|name| read[name].as_array().map(Vec::len));
    assert!(
        path == "/v1/completions" || list.contains(&Some(2)),
        "{read}"
    );
    let guards = &guarded.bench.gateway.policy.tenants["acme"].guards;
    if guards.restore.is_some() {
        assert!(!new.contains(source::EMAIL), "{new}");
    }
    settle(run);
}

pub(super) fn broken(guarded: &Guarded, source: &mut Source) {
    let text = source.text(&[]);
    let (path, body) = request(&text, source);
    let mut body = body.to_string().into_bytes();
    if source.once_in(8) {
        body = source.bytes();
    }
    source.damage(&mut body);
    let mut run = guarded.bench.run();
    let list: List<'_> = &[USER, ("anthropic-version", "2023-06-01")];
    let list = if path == "/v1/messages" {
        list
    } else {
        &list[..1]
    };
    run.head("POST", path, list, false);
    let on = run.call.request_body(&run.bench.host, &body, body.len());
    if let OnBody::Forward(outgoing) = on {
        let new = outgoing
            .rewrite
            .map_or(body.clone(), |rewrite| rewrite.whole(&body));
        let read = serde_json::from_slice::<serde::de::IgnoredAny>(&new);
        let was = serde_json::from_slice::<serde::de::IgnoredAny>(&body);
        assert!(
            was.is_err() || read.is_ok(),
            "{}",
            String::from_utf8_lossy(&new)
        );
    }
    settle(run);
}
