//! Nothing hides: whatever is not replaced is spelled as what is no text.

use super::*;
use proptest::sample::select;

/// Keys that mean something somewhere, and some that do not.
const KEYS: [&str; 66] = [
    "type",
    "id",
    "role",
    "content",
    "text",
    "name",
    "input",
    "data",
    "source",
    "url",
    "messages",
    "tools",
    "system",
    "choices",
    "delta",
    "message",
    "tool_calls",
    "function",
    "arguments",
    "custom",
    "reasoning",
    "reasoning_details",
    "thinking",
    "signature",
    "encrypted_content",
    "citations",
    "content_block",
    "usage",
    "model",
    "error",
    "audio",
    "file",
    "image_url",
    "file_data",
    "logprobs",
    "finish_reason",
    "metadata",
    "container",
    "parameters",
    "cache_control",
    "mcp_servers",
    "annotations",
    "obfuscation",
    "title",
    "x",
    "prompt",
    "suffix",
    "instructions",
    "response",
    "output",
    "item",
    "part",
    "summary",
    "action",
    "operation",
    "commands",
    "diff",
    "result",
    "results",
    "code",
    "outputs",
    "partial_image_b64",
    "file_id",
    "call_id",
    "status",
    "sequence_number",
];

const TYPES: [&str; 22] = [
    "text",
    "function",
    "tool_result",
    "content_block_delta",
    "message_start",
    "base64",
    "url",
    "document",
    "user",
    "assistant",
    "a b",
    "",
    "response.completed",
    "response.output_item.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.audio.delta",
    "message",
    "reasoning",
    "shell_call",
    "image_generation_call",
    "mcp_list_tools",
];

fn arb_body() -> impl Strategy<Value = Value> {
    let keys = prop_oneof![select(KEYS.to_vec()).prop_map(str::to_owned), arb_string()];
    let value = arb_value(keys);
    (value, select(TYPES.to_vec()), select(TYPES.to_vec())).prop_map(|(value, kind, role)| {
        let inner =
            json!({"type": kind, "role": role, "content": value, "delta": value, "source": value});
        let list = json!([inner, value]);
        let item = json!({"type": role, "content": list, "summary": list, "action": value,
            "operation": value, "result": value, "arguments": value, "output": list});
        let items = json!([item, value]);
        json!({"type": kind, "messages": list, "system": list, "tools": list, "choices": list,
            "delta": inner, "content_block": inner, "message": inner, "content": list, "x": value,
            "prompt": value, "suffix": value, "input": items, "output": items, "item": item,
            "part": inner, "response": {"output": items, "x": value, "tools": value}})
    })
}

/// All strings and keys; those that stand under a key that is cut out are left out.
fn all_strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| all_strings(value, into)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            into.push(key.clone());
            all_strings(value, into);
        }),
        _ => {}
    }
}

/// Whether a string could be left as part of the structure.
fn is_structure(text: &str) -> bool {
    let raw = quote(text);
    let raw = &raw.as_bytes()[1..raw.len() - 1];
    let all = |extra: &[u8]| {
        raw.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte))
    };
    let data_url = text.to_ascii_lowercase().starts_with("data:");
    data_url || all(b"_.:/-") || all(b"+/=_-\\") || all(b"._~+/=-")
}

fn without_delta(body: &str) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body.as_object_mut().unwrap().remove("delta");
    body.to_string()
}

const MARK: &str = "MARK MARK";

fn check(body: &str, sites: &[Site<'_>], removed: &[Span]) -> Result<(), TestCaseError> {
    let mut spans: Vec<Span> = sites
        .iter()
        .map(Site::span)
        .chain(removed.iter().copied())
        .collect();
    spans.sort_unstable();
    for pair in spans.windows(2) {
        prop_assert!(pair[0].end <= pair[1].start, "{pair:?} of {body}");
    }
    let mut edits = Edits::default();
    removed
        .iter()
        .for_each(|span| edits.replace(*span, "null".to_owned()));
    for site in sites {
        let with = match site {
            Site::String(_) | Site::Number { .. } => MARK.to_owned(),
            Site::Json { .. } | Site::Plain { .. } | Site::FileName { .. } => quote(MARK),
        };
        edits.replace(site.span(), site.written(with));
        if let Site::Json { json, span } = site {
            prop_assert_eq!(*json, &body[span.start..span.end]);
        }
    }
    let whole = body.as_bytes();
    let new = edits
        .apply(whole)
        .map_or(whole.to_vec(), |rewrite| rewrite.whole(whole));
    let value: Value = serde_json::from_slice(&new).unwrap();
    let mut left = Vec::new();
    all_strings(&value, &mut left);
    for text in left {
        prop_assert!(
            text == MARK || is_structure(&text),
            "{text:?} is left of {body}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn nothing_hides(body in arb_body(), tape in arb_tape()) {
        let body = render(&body, &mut Tape::new(tape), false);
        for api in Api::ALL.into_iter().filter(|api| !api.is_form()) {
            let mut sites = Vec::new();
            request_texts(api, body.as_bytes(), &mut |found| {
                if let Found::Text(input) = found {
                    sites.push(input.text);
                }
            }).unwrap();
            check(&body, &sites, &[])?;
            let texts = answer_texts(api, body.as_bytes()).unwrap();
            let sites: Vec<_> = texts.said.iter().map(|said| said.text).collect();
            let removed = texts.logprobs.iter().map(|(_, span)| *span);
            let removed: Vec<_> = removed.chain(texts.tokens).collect();
            check(&body, &sites, &removed)?;
            let texts = event_texts(api, body.as_bytes());
            // Of what is unknown no pieces are taken.
            prop_assert!(texts.is_ok() || api == Api::Responses);
            let whole = without_delta(&body);
            let (body, texts) = match texts {
                Ok(texts) => (&body, texts),
                Err(_) => (&whole, event_texts(api, whole.as_bytes()).unwrap()),
            };
            let sites: Vec<_> = texts.said.iter().map(|said| said.text).collect();
            check(body, &sites, &texts.removed)?;
        }
    }

    #[test]
    fn every_string_of_an_error_is_a_text(body in arb_value(arb_string()), tape in arb_tape()) {
        let text = render(&body, &mut Tape::new(tape), false);
        let sites = all_texts(text.as_bytes()).unwrap();
        let mut wanted = Vec::new();
        all_strings(&body, &mut wanted);
        wanted.retain(|text| !text.is_empty());
        let values: Vec<String> = sites.iter().map(|site| site.value().into_owned()).collect();
        // Keys that are spelled as keys are no texts.
        for text in wanted {
            prop_assert!(values.contains(&text) || is_structure(&text), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_told(body in arb_body(), at in any::<prop::sample::Index>()) {
        let body = body.to_string();
        let cut = &body.as_bytes()[..at.index(body.len())];
        for api in Api::ALL {
            let mut visit = |_: Found<'_>| ();
            let read = request_texts(api, cut, &mut visit);
            prop_assert!(read.is_err());
            // Transcripts may be text.
            prop_assert!(answer_texts(api, cut).is_err() || (api.is_transcript() && cut.is_empty()));
            prop_assert!(event_texts(api, cut).is_err());
            // Whatever it is made of, it is JSON.
            let blocked = blocked_answer(api, cut, &[(0, "a".to_owned())]);
            prop_assert!(serde_json::from_slice::<Value>(&blocked).is_ok() || (api.is_transcript() && cut.is_empty()));
        }
        prop_assert!(all_texts(cut).is_err());
    }
}

#[test]
fn duplicates_hide_nothing() {
    let texts = [
        r#"{"note":"one","note":"t wo","note":["three"]}"#,
        r#"{"retrieved_at":"one","retrieved_at":"t wo","retrieved_at":{"three":"th ree"}}"#,
        r#"{"file_id":"one","file_id":"t wo"}"#,
    ];
    for text in texts {
        let body = format!(
            r#"{{"messages":[{text}],"choices":[{{"delta":{text},"message":{text}}}],"delta":{text},"content":[{text}]}}"#
        );
        let response = format!(
            r#"{{"item":{text},"part":{text},"response":{{"output":[{text}],"x":{text}}}}}"#
        );
        let texts = event_texts(Api::Responses, response.as_bytes()).unwrap();
        let sites: Vec<_> = texts.said.iter().map(|said| said.text).collect();
        check(&response, &sites, &texts.removed).unwrap();
        for api in [Api::ChatCompletions, Api::Completions, Api::Messages] {
            let texts = event_texts(api, body.as_bytes()).unwrap();
            let sites: Vec<_> = texts.said.iter().map(|said| said.text).collect();
            check(&body, &sites, &texts.removed).unwrap();
        }
    }
}

#[test]
fn what_clients_could_join_in_another_way_is_no_answer() {
    let openai = [
        r#"{"choices":[{"delta":{"content":" , ","content":"ple.org now "}}]}"#,
        r#"{"choices":[{"delta":{"content":"a","cont\u0065nt":"b"}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"},"delta":{"content":"b"}}]}"#,
        r#"{"choices":[{"index":0,"index":1,"delta":{"content":"a"}}]}"#,
        r#"{"choices":[],"choices":[]}"#,
        r#"{"choices":[{"index":1.0,"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"index":1e0,"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"index":-0,"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"index":4294967296,"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"index":"1","delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":[0],"function":{"arguments":"a"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"a","arguments":"b"}}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":[{"index":true,"text":"a"}]}}]}"#,
    ];
    let anthropic = [
        r#"{"type":"content_block_delta","index":0.0,"delta":{"text":"a"}}"#,
        r#"{"type":"content_block_delta","index":4294967297,"delta":{"text":"a"}}"#,
        r#"{"type":"content_block_delta","index":"0","delta":{"text":"a"}}"#,
        r#"{"type":"content_block_delta","type":"ping","index":0}"#,
        r#"{"index":0,"delta":{"text":"a","text":"b"}}"#,
        r#"{"index":0,"delta":{"partial_json":"a","partial_json":"b"}}"#,
        r#"{"index":0,"content_block":{"thinking":"a","thinking":"b"}}"#,
    ];
    for (api, events) in [
        (Api::ChatCompletions, openai.as_slice()),
        (Api::Messages, anthropic.as_slice()),
    ] {
        for event in events {
            assert!(event_texts(api, event.as_bytes()).is_err(), "{event}");
        }
    }
    for body in openai {
        let whole = body.replace("delta", "message");
        assert!(
            answer_texts(Api::ChatCompletions, whole.as_bytes()).is_err(),
            "{whole}"
        );
    }
    let whole = r#"{"content":[{"type":"text","text":"a","text":"b"}]}"#;
    assert!(answer_texts(Api::Messages, whole.as_bytes()).is_err());
    // Some servers have null where there is no index.
    let null = r#"{"choices":[{"index":null,"delta":{"content":"a"}}]}"#;
    let texts = event_texts(Api::ChatCompletions, null.as_bytes()).unwrap();
    assert_eq!(lines(&texts.said), ["0 Text 0 a"]);
}
