//! Whole answers and errors, as providers send them and damaged.

use super::*;

/// A whole answer that says `text` and calls a tool with it.
fn answer(api: Api, text: &str, arguments: &Value) -> Value {
    match api {
        Api::ChatCompletions => json!({"id": "c", "object": "chat.completion", "created": 1,
            "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message":
                {"role": "assistant", "content": text, "tool_calls": [{"id": "t", "type": "function",
                    "function": {"name": "n", "arguments": arguments.to_string()}}]}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}),
        Api::Completions => {
            json!({"id": "c", "object": "text_completion", "created": 1,
            "model": "m", "choices": [{"index": 0, "text": text, "logprobs": {"tokens": [text]},
                "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
        }
        Api::Responses => json!({"id": "r", "object": "response", "created_at": 1, "model": "m",
            "status": "completed", "instructions": source::PROMPT, "output": [
                {"id": "i", "type": "message", "role": "assistant", "status": "completed", "content": [
                    {"type": "output_text", "text": text, "annotations": [], "logprobs": [{"token": text}]}]},
                {"id": "j", "type": "function_call", "call_id": "t", "name": "n",
                    "arguments": arguments.to_string()}],
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}),
        _ => json!({"id": "m", "type": "message", "role": "assistant",
            "model": "c", "content": [{"type": "text", "text": text},
                {"type": "tool_use", "id": "t", "name": "n", "input": arguments}],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 1, "output_tokens": 1}}),
    }
}

fn parts(api: Api, answer: &Value) -> (&Value, &Value, &Value) {
    match api {
        Api::Completions => {
            let choice = &answer["choices"][0];
            (&choice["text"], &Value::Null, &choice["finish_reason"])
        }
        Api::Responses => {
            let output = &answer["output"];
            let text = &output[0]["content"][0]["text"];
            let reason = &answer["incomplete_details"]["reason"];
            (text, &output[1]["arguments"], reason)
        }
        Api::ChatCompletions => {
            let choice = &answer["choices"][0];
            let message = &choice["message"];
            let arguments = &message["tool_calls"][0]["function"]["arguments"];
            (&message["content"], arguments, &choice["finish_reason"])
        }
        _ => {
            let content = &answer["content"];
            let (text, input) = (&content[0]["text"], &content[1]["input"]);
            (text, input, &answer["stop_reason"])
        }
    }
}

pub(super) fn written(guarded: &Guarded, source: &mut Source) {
    let api = *source.one_of(&Api::OF_TEXT);
    let mut asked = guarded.answering(api, false);
    let text = source.text(&asked.placeholders);
    let arguments = json!({"to": source.text(&asked.placeholders), "n": [1, 2.5, null]});
    let body = answer(api, &text, &arguments).to_string();
    let out = asked.through(&source.cuts(body.as_bytes()));
    let out: Value = serde_json::from_slice(&out).expect("an answer stays JSON");
    let (said, given, reason) = parts(api, &out);
    let (wanted, mut blocked) = asked.masked(&text, Form::Text);
    let said = said.as_str().unwrap_or_default();
    // Completions call no tools.
    let arguments = match api {
        Api::Completions => String::new(),
        _ => arguments.to_string(),
    };
    let (called, blocks) = asked.masked(&arguments, Form::Json);
    blocked |= blocks;
    assert!(guarded.blocks || !blocked);
    if blocked {
        assert!(wanted.starts_with(said), "{said:?} of {wanted:?}");
        assert!(given.is_null(), "{out}");
        let filtered = ["content_filter", "refusal"].map(Value::from);
        assert!(filtered.contains(reason), "{out}");
    } else {
        assert_eq!(said, wanted);
        if api == Api::Completions {
            return asked.settle();
        }
        let given = given
            .as_str()
            .map_or_else(|| given.to_string(), str::to_owned);
        let [given, called] =
            [given, called].map(|json| serde_json::from_str::<Value>(&json).unwrap());
        assert_eq!(given, called);
    }
    asked.settle();
}

/// Also errors, which may be anything.
pub(super) fn broken(guarded: &Guarded, source: &mut Source) {
    let api = *source.one_of(&Api::OF_TEXT);
    let status = *source.one_of(&["200", "400", "500"]);
    let (bytes, cuts) = {
        let asked = guarded.asked(api, false);
        let text = source.text(&asked.placeholders);
        let mut bytes = match source.below(4) {
            0 => source.bytes(),
            1 => json!({"error": {"message": text, "type": "x"}})
                .to_string()
                .into_bytes(),
            _ => answer(api, &text, &json!({"to": text}))
                .to_string()
                .into_bytes(),
        };
        source.damage(&mut bytes);
        (bytes, source.next())
    };
    let outs = [true, false].map(|cut| {
        let mut asked = guarded.asked(api, false);
        asked.run.answer(status, JSON);
        let pieces = if cut {
            Source::new(cuts).cuts(&bytes)
        } else {
            vec![bytes.as_slice()]
        };
        let out = asked.through(&pieces);
        asked.settle();
        String::from_utf8_lossy(&out).into_owned()
    });
    assert_eq!(outs[0], outs[1], "of {}", String::from_utf8_lossy(&bytes));
    let valid = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let was = std::str::from_utf8(&bytes).is_ok_and(valid);
    assert!(
        !was || valid(&outs[0]),
        "{} of {}",
        outs[0],
        String::from_utf8_lossy(&bytes)
    );
}
