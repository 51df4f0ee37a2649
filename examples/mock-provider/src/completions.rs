/*! OpenAI's completions of plain text. */

use crate::answer::{Events, Request, pieces, said};
use crate::chat::{choices, usage};
use crate::script::Script;
use serde_json::{Value, json};

/// How many texts go on: one for each prompt of a list, each as often as `n` says.
fn texts(request: &Value) -> u64 {
    let prompts = request["prompt"].as_array();
    let strings = prompts.filter(|prompts| prompts.iter().any(Value::is_string));
    let prompts = strings.map_or(1, |prompts| prompts.len() as u64);
    prompts * choices(request)
}

fn answer(request: &Request<'_>, choices: Value) -> Value {
    json!({"id": "cmpl-mock", "object": "text_completion", "created": 1_700_000_000,
           "model": request.model(), "choices": choices})
}

fn reason(script: &Script) -> &str {
    script.stop.as_deref().unwrap_or("stop")
}

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let choice = |index| {
        json!({"text": said(request.body, script), "index": index, "logprobs": null,
               "finish_reason": reason(script)})
    };
    let all: Vec<Value> = (0..texts(request.body)).map(choice).collect();
    let mut answer = answer(request, json!(all));
    if !script.no_usage {
        let output = said(request.body, script).split_whitespace().count();
        answer["usage"] = usage(request.body, script, output);
    }
    answer
}

pub(crate) fn stream(request: &Request<'_>, script: &Script) -> Events {
    let wants_usage = request.body["stream_options"]["include_usage"] == json!(true);
    let reports = wants_usage && !script.no_usage;
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = answer(request, choices);
        if reports {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n").into_bytes()
    };
    let pieces = pieces(request.body, script);
    let mut all = Vec::new();
    for index in 0..texts(request.body) {
        let texts = pieces.iter().map(|piece| (piece.as_str(), Value::Null));
        for (text, reason) in texts.chain([("", json!(reason(script)))]) {
            let choice = json!([{"text": text, "index": index, "logprobs": null,
                                 "finish_reason": reason}]);
            all.push(chunk(choice, Value::Null));
        }
    }
    if reports {
        all.push(chunk(json!([]), usage(request.body, script, pieces.len())));
    }
    all.push(b"data: [DONE]\n\n".to_vec());
    Events { all, preamble: 0 }
}
