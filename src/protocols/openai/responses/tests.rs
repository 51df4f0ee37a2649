use super::*;
use crate::json::tests::{Tape, arb_string, arb_tape, arb_value, cases, render};
use crate::protocols::openai::Adapt;
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Value, json};

fn body(members: Value) -> String {
    let mut body = members;
    body["model"] = json!("smart");
    body.to_string()
}

fn with_items(items: Value) -> String {
    body(json!({"input": items}))
}

fn request(body: &str) -> ResponsesRequest<'_> {
    read_responses(body.as_bytes(), Prompt::default()).expect(body)
}

fn refused(body: &str) -> (&'static str, Option<String>) {
    let refusal = read_responses(body.as_bytes(), Prompt::default()).expect_err(body);
    assert_eq!(refusal.kind.status(), 400);
    (refusal.code, refusal.param)
}

const PLAIN: Adapt<'_> = Adapt {
    model: "smart",
    remove_fields: &[],
    max_tokens_field: None,
    max_output: None,
    default_output: None,
    ask_usage: true,
    store: false,
};

fn adapted(body: &str, adapt: &Adapt<'_>) -> Option<Value> {
    let rewrite = request(body).adapt(body.as_bytes(), adapt)?;
    let new = rewrite.whole(body.as_bytes());
    assert_eq!(new.len(), rewrite.length);
    Some(serde_json::from_slice(&new).unwrap())
}

#[test]
fn text_and_framing() {
    for (members, messages, bytes) in [
        (json!({"input": "abc"}), 1, 3),
        (json!({"input": "abc", "instructions": "de"}), 2, 5),
        (
            json!({"input": "abc", "instructions": null, "text": null}),
            1,
            3,
        ),
        (json!({"input": [{"role": "user", "content": "abc"}]}), 1, 3),
        (
            json!({"input": [{"role": "user", "content": "abc"},
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "de", "annotations": []}]}]}),
            2,
            5,
        ),
        (
            json!({"input": [
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "four"},
                {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "five5"}]}]}),
            3,
            12,
        ),
    ] {
        let text = body(members);
        let traits = request(&text).traits;
        let framing = messages * framing::MESSAGE + framing::REQUEST;
        assert_eq!(
            (traits.framing, traits.text.bytes()),
            (framing, bytes),
            "{text}"
        );
        assert!(traits.media.is_empty(), "{text}");
    }
}

#[test]
fn regression_what_is_encrypted_is_no_text() {
    let of = |length: usize| {
        let sealed = "gAAA".repeat(length / 4);
        request(&with_items(json!([{"type": "reasoning", "id": "rs_1",
            "summary": [{"text": "abc"}], "encrypted_content": sealed}])))
        .traits
    };
    let without = of(0);
    assert!(!without.uncounted);
    for (length, tokens) in [(4, 1), (4000, 800)] {
        let traits = of(length);
        assert_eq!((traits.text.bytes(), traits.uncounted), (3, true));
        assert_eq!(traits.framing, without.framing + tokens);
    }
}

#[test]
fn media() {
    let image =
        |part: Value| request(&with_items(json!([{"role": "user", "content": [part]}]))).traits;
    let low = image(
        json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}),
    );
    assert!(low.image && !low.file && !low.audio);
    assert_eq!((low.media.image, low.text.bytes()), (85, 0));
    let remote = image(json!({"type": "input_image", "file_id": "file-1"}));
    assert_eq!((remote.media.image, remote.text.bytes()), (1536, 0));
    let file = image(
        json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}),
    );
    assert!(file.file && !file.image);
    assert_eq!((file.media.file, file.text.bytes()), (3000, 5));
    let url = image(json!({"type": "input_file", "file_url": "https://example.org/a.pdf"}));
    assert_eq!((url.media.file, url.text.bytes()), (30000, 0));
    let sound =
        image(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}));
    assert!(sound.audio && sound.media.audio > 0);
    assert_eq!(sound.text.bytes(), 0);
    for item in [
        json!({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}}),
        json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"}),
        json!({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "https://example.org/a.png"}]}),
    ] {
        let traits = request(&with_items(json!([item]))).traits;
        assert!(traits.image && traits.media.image == 1536, "{item}");
        assert_eq!(traits.text.bytes(), 0, "{item}");
    }
}

#[test]
fn what_is_asked_for() {
    let tools = json!([{"type": "function", "name": "f", "parameters": {}}]);
    let format = json!({"format": {"type": "json_schema", "name": "n", "schema": {}}});
    let text = body(
        json!({"input": "", "stream": true, "max_output_tokens": 9, "tools": tools, "text": format}),
    );
    let traits = request(&text).traits;
    assert!(traits.stream && traits.tools);
    assert_eq!((traits.max_output, traits.answers), (Some(9), 1));
    let counted = (tools.to_string().len() + format.to_string().len()) as u64;
    assert_eq!(traits.text.bytes(), counted);
    assert_eq!(
        traits.framing,
        framing::MESSAGE + framing::REQUEST + framing::OPENAI_TOOLS
    );
}

#[test]
fn nothing_stored_can_be_named() {
    for (members, param) in [
        (
            json!({"input": "a", "background_options": {"continuation_id": "x"}}),
            "background_options",
        ),
        (json!({"prompt": {"id": "pmpt_1"}}), "prompt"),
        (json!({"input": "a", "agent": {"name": "a"}}), "agent"),
        (json!({"input": "a", "Agent": {"name": "a"}}), "Agent"),
        (
            json!({"input": "a", "prompt_cache_options": {"comparison_response_id": "resp_1"}}),
            "prompt_cache_options.comparison_response_id",
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "msg_1"}]}),
            "input[0]",
        ),
        (
            json!({"input": [{"role": "user", "content": "a"}, {"id": "msg_1"}]}),
            "input[1]",
        ),
        (
            json!({"input": [{"type": null, "id": "msg_1"}]}),
            "input[0]",
        ),
        (
            json!({"input": [{"type": null, "role": null, "id": "msg_1"}]}),
            "input[0]",
        ),
        (
            json!({"input": [{"type": "item_reference", "role": "user", "id": "msg_1"}]}),
            "input[0]",
        ),
    ] {
        let text = body(members);
        let wanted = ("unsupported_parameter", Some(param.to_owned()));
        assert_eq!(refused(&text), wanted, "{text}");
    }
    request(&body(
        json!({"input": "a", "previous_response_id": null, "conversation": null,
        "background": null, "background_options": null, "prompt": null}),
    ));
    assert!(!request(&body(json!({"input": "a", "background": false}))).background);
    assert!(request(&body(json!({"input": "a", "background": true}))).background);
    // Keys in another case would be read by some providers.
    let text = r#"{"model":"m","input":[{"role":"user","Type":"item_reference","id":"a"}]}"#;
    assert_eq!(refused(text), ("duplicate_key", None));
}

/// Whether it may is the gateway's to say.
#[test]
fn a_request_names_the_response_that_it_goes_on_from() {
    let text = body(json!({"input": "a", "previous_response_id": "resp_\"1"}));
    let previous = request(&text).previous.expect("an id");
    assert_eq!(previous.id, "resp_\"1");
    let span = previous.span;
    assert_eq!(&text[span.start..span.end], r#""resp_\"1""#);
    for id in [json!(7), json!(["a"]), json!({"id": "a"}), json!(true)] {
        let text = body(json!({"input": "a", "previous_response_id": id}));
        let wanted = ("invalid_value", Some("previous_response_id".to_owned()));
        assert_eq!(refused(&text), wanted, "{text}");
    }
    for (store, stores) in [
        (json!(null), true),
        (json!(true), true),
        (json!(false), false),
    ] {
        let text = body(json!({"input": "a", "store": store}));
        assert_eq!(request(&text).stores(), stores, "{text}");
        let keeps = Adapt {
            store: true,
            ..PLAIN
        };
        assert_eq!(adapted(&text, &keeps), None, "{text}");
    }
}

#[test]
fn refusals_hold_nothing_of_the_request() {
    let text = body(json!({"input": "a", "prompt": "pmpt_secret"}));
    let refusal = read_responses(text.as_bytes(), Prompt::default()).unwrap_err();
    assert!(!refusal.message.contains("secret"), "{}", refusal.message);
    assert!(refusal.message.contains("'prompt'"));
}

#[test]
fn a_conversation_is_an_id_or_an_object_with_one() {
    for conversation in [json!("conv_1"), json!({"id": "conv_1"})] {
        let text = body(json!({"input": "a", "conversation": conversation}));
        let found = request(&text).conversation.unwrap();
        assert_eq!(found.id, "conv_1");
        assert_eq!(&text[found.span.start..found.span.end], "\"conv_1\"");
    }
    let none = body(json!({"input": "a", "conversation": null}));
    assert!(request(&none).conversation.is_none());
    for conversation in [
        json!(7),
        json!(["conv_1"]),
        json!({}),
        json!({"id": 7}),
        json!({"id": null}),
        json!({"id": "conv_1", "name": "x"}),
    ] {
        let text = body(json!({"input": "a", "conversation": conversation}));
        let wanted = ("invalid_value", Some("conversation".to_owned()));
        assert_eq!(refused(&text), wanted, "{text}");
    }
    let both = json!({"input": "a", "conversation": "conv_1", "previous_response_id": "resp_1"});
    let wanted = ("invalid_value", Some("conversation".to_owned()));
    assert_eq!(refused(&body(both)), wanted);
}

#[test]
fn wrong_requests_are_refused_with_their_field() {
    for (text, code, param) in [
        (r#"{"input":"a"}"#, "missing_required_parameter", "model"),
        (r#"{"model":"m"}"#, "missing_required_parameter", "input"),
        (
            r#"{"model":"m","input":null}"#,
            "missing_required_parameter",
            "input",
        ),
        (r#"{"model":"m","input":1}"#, "invalid_value", "input"),
        (r#"{"model":"m","input":{}}"#, "invalid_value", "input"),
        (r#"{"model":"m","input":[]}"#, "invalid_value", "input"),
        (
            r#"{"model":"m","input":["a"]}"#,
            "invalid_value",
            "input[0]",
        ),
        (
            r#"{"model":"m","input":"a","store":"no"}"#,
            "invalid_value",
            "store",
        ),
        (
            r#"{"model":"m","input":"a","background":1}"#,
            "invalid_value",
            "background",
        ),
        (
            r#"{"model":"m","input":"a","stream":1}"#,
            "invalid_value",
            "stream",
        ),
        (
            r#"{"model":"m","input":"a","tools":{}}"#,
            "invalid_value",
            "tools",
        ),
        (
            r#"{"model":"m","input":"a","max_output_tokens":-1}"#,
            "invalid_value",
            "max_output_tokens",
        ),
        ("[]", "invalid_value", "body"),
    ] {
        assert_eq!(refused(text), (code, Some(param.to_owned())), "{text}");
    }
    for text in [
        r#"{"model":"m","input":"a","input":"b"}"#,
        r#"{"model":"m","input":"a","store":false,"store":true}"#,
        r#"{"model":"m","input":[{"role":"user","type":"message","type":"item_reference"}]}"#,
        r#"{"model":"m","input":"a","Previous_Response_Id":"b","previous_response_id":null}"#,
    ] {
        assert_eq!(refused(text), ("duplicate_key", None), "{text}");
    }
}

#[test]
fn nothing_gets_stored() {
    let of = |members: Value| adapted(&body(members), &PLAIN);
    assert_eq!(of(json!({"input": "a", "store": false})), None);
    for members in [
        json!({"input": "a"}),
        json!({"input": "a", "store": true}),
        json!({"input": "a", "store": null}),
    ] {
        let wanted = json!({"model": "smart", "input": "a", "store": false});
        assert_eq!(of(members.clone()), Some(wanted), "{members}");
    }
    let removed = ["store".to_owned()];
    let unknown = Adapt {
        remove_fields: &removed,
        ..PLAIN
    };
    let text = body(json!({"input": "a", "store": true}));
    assert_eq!(
        adapted(&text, &unknown),
        Some(json!({"model": "smart", "input": "a"}))
    );
    assert_eq!(adapted(&body(json!({"input": "a"})), &unknown), None);
}

#[test]
fn the_length_of_the_answer_is_bounded() {
    let removed = ["max_output_tokens".to_owned(), "input".to_owned()];
    for (asked, adapt, wanted) in [
        (
            json!(9),
            Adapt {
                max_output: Some(5),
                default_output: Some(3),
                ..PLAIN
            },
            json!(5),
        ),
        (
            json!(4),
            Adapt {
                max_output: Some(5),
                default_output: Some(3),
                ..PLAIN
            },
            json!(4),
        ),
        (
            Value::Null,
            Adapt {
                default_output: Some(3),
                ..PLAIN
            },
            json!(3),
        ),
        (
            Value::Null,
            Adapt {
                max_output: Some(3),
                ..PLAIN
            },
            Value::Null,
        ),
        (
            Value::Null,
            Adapt {
                default_output: Some(3),
                max_tokens_field: Some("max_tokens"),
                ..PLAIN
            },
            json!(3),
        ),
        (
            json!(9),
            Adapt {
                default_output: Some(3),
                remove_fields: &removed,
                ..PLAIN
            },
            Value::Null,
        ),
    ] {
        let text = body(json!({"input": "a", "max_output_tokens": asked}));
        let new = adapted(&text, &adapt).unwrap();
        assert_eq!(new["max_output_tokens"], wanted, "{adapt:?}");
        assert_eq!((&new["input"], &new["store"]), (&json!("a"), &json!(false)));
    }
    let text = body(json!({"input": "a", "store": false}));
    let new = adapted(
        &text,
        &Adapt {
            default_output: Some(3),
            model: "big",
            ..PLAIN
        },
    )
    .unwrap();
    assert_eq!(
        new,
        json!({"model": "big", "input": "a", "store": false, "max_output_tokens": 3})
    );
}

#[test]
fn every_watched_key_has_a_bit_of_its_own() {
    let mut seen = std::collections::BTreeMap::new();
    let source = include_str!("../responses.rs");
    let keys = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("b\""));
    for key in keys {
        let (name, _) = key.split_once('"').unwrap();
        let (told, bit) = watched(name.as_bytes()).unwrap();
        assert_eq!(told, name);
        assert!(bit < 64);
        assert_eq!(seen.insert(bit, name), None, "{name}");
    }
    assert!(seen.len() > 30);
    assert_eq!(watched(b"other"), None);
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn rewriting_changes_nothing_else(
        others in btree_map("[a-f]{1,3}", arb_value(arb_string()), 0..5),
        tape in arb_tape(),
        store in proptest::sample::select(vec![json!(true), json!(false), Value::Null]),
        limit in proptest::option::of(0_u64..20),
    ) {
        let mut value = json!({"model": "m", "input": [{"role": "user", "content": "a"}], "store": store});
        for (name, other) in others {
            value[name] = other;
        }
        if let Some(limit) = limit {
            value["max_output_tokens"] = json!(limit);
        }
        let text = render(&value, &mut Tape::new(tape), false);
        let adapt = Adapt { model: "other", max_output: Some(10), default_output: Some(4), ..PLAIN };
        let new = adapted(&text, &adapt).unwrap();
        value["model"] = json!("other");
        value["store"] = json!(false);
        value["max_output_tokens"] = json!(limit.map_or(4, |limit| limit.min(10)));
        prop_assert_eq!(new, value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = read_responses(&bytes, Prompt::default());
    }
}
