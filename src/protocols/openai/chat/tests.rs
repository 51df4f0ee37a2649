use super::*;
use crate::json::tests::{Tape, arb_string, arb_tape, arb_value, cases, render};
use crate::protocols::StoredFile;
use crate::tokens::Media;
use crate::tokens::Prompt;
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Value, json};

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// A request with these members besides model and messages.
fn body(members: &str) -> String {
    format!(r#"{{"model":"smart",{MESSAGES}{members}}}"#)
}

/// A request with this message.
fn with_message(message: &str) -> String {
    format!(r#"{{"model":"smart","messages":[{message}]}}"#)
}

fn refused(body: &[u8]) -> (&'static str, Option<String>) {
    let refusal = read_chat(body, Prompt::default()).expect_err(&String::from_utf8_lossy(body));
    assert_eq!(refusal.kind.status(), 400);
    (refusal.code, refusal.param)
}

/// The new body if the request is sent on as a request for `model`.
fn rewritten(body: &str, model: &str) -> Option<String> {
    adapted(body, &plain(model))
}

const fn plain(model: &str) -> Adapt<'_> {
    Adapt {
        model,
        remove_fields: &[],
        max_tokens_field: None,
        max_output: None,
        default_output: None,
        ask_usage: true,
        store: false,
    }
}

fn adapted(body: &str, adapt: &Adapt<'_>) -> Option<String> {
    let request = read_chat(body.as_bytes(), Prompt::default()).expect(body);
    let rewrite = request.adapt(body.as_bytes(), adapt)?;
    let new = rewrite.whole(body.as_bytes());
    assert_eq!(new.len(), rewrite.length);
    Some(String::from_utf8(new).unwrap())
}

#[test]
fn good_requests() {
    let part = r#"{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},{"type":"file","file":{"file_id":"f"}}]}"#;
    let tool = r#","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"type":{"type":"string"},"Name":{"type":"string"},"ROLE":{}}}}}],"tool_choice":"auto""#;
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"model\":1,\"model\":2}"}}]},{"role":"tool","tool_call_id":"c","content":"42"}"#;
    for text in [
        body(""),
        body(tool),
        body(r#","n":1,"max_tokens":16,"max_completion_tokens":4294967295"#),
        body(r#","max_tokens":0,"max_completion_tokens":18446744073709551615"#),
        body(r#","n":null,"max_tokens":null,"max_completion_tokens":null"#),
        body(r#","stream":true,"stream_options":null"#),
        body(r#","stream":null,"stream_options":{"include_usage":null}"#),
        body(r#","temperature":0.7,"stop":["a"],"metadata":{"a":"b"},"Unknown":[{}]"#),
        with_message(part),
        with_message(call),
        with_message(r#"{"role":"user","content":"hi","name":"bob"}"#),
        with_message(r#"{"role":"user"}"#),
        with_message(r#"{"role":"user","content":["loose text",1,[null]]}"#),
        format!(" \n{}\r\n\t", body("")),
        r#"{"messages":[{"content":"hi","role":"user"}],"model":"smart"}"#.to_owned(),
        r#"{"mod\u0065l":"sm\u0061rt","messages":[{"role":"user"}]}"#.to_owned(),
    ] {
        let request = read_chat(text.as_bytes(), Prompt::default()).expect(&text);
        assert_eq!(request.model, "smart", "{text}");
    }
}

#[test]
fn whether_a_stream_is_asked_for() {
    for (members, stream, usage) in [
        ("", false, false),
        (r#","stream":null"#, false, false),
        (r#","stream":false"#, false, false),
        (r#","stream":true"#, true, false),
        (r#","stream":true,"stream_options":{}"#, true, false),
        (
            r#","stream":true,"stream_options":{"include_usage":null}"#,
            true,
            false,
        ),
        (
            r#","stream":true,"stream_options":{"include_usage":false}"#,
            true,
            false,
        ),
        (
            r#","stream":true,"stream_options":{"include_usage":true}"#,
            true,
            true,
        ),
        (
            r#","stream_options":{"include_usage":true},"stream":true"#,
            true,
            true,
        ),
    ] {
        let text = body(members);
        let request = read_chat(text.as_bytes(), Prompt::default()).unwrap();
        assert_eq!(
            (request.traits.stream, request.asks_for_usage()),
            (stream, usage),
            "{members}"
        );
    }
}

#[test]
fn bad_json_is_refused_with_a_code_and_no_param() {
    let deep = body(&format!(",\"x\":{}{}", "[".repeat(100), "]".repeat(100)));
    for (text, code) in [
        (b"".as_slice(), "empty_body"),
        (b" \n ", "empty_body"),
        (b"\xEF\xBB\xBF{}", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[1,", "invalid_json"),
        (b"{} x", "invalid_json"),
        (b"model=smart", "invalid_json"),
        (b"{\"model\":\"\\ud800\"}", "invalid_json"),
        (b"{\"model\":\"\xff\"}", "invalid_json"),
        (body(r#"} {"a":1"#).as_bytes(), "invalid_json"),
        (body(r#","x":[1 2]"#).as_bytes(), "invalid_json"),
        (body(r#","model":"light""#).as_bytes(), "duplicate_key"),
        (body(r#","mod\u0065l":"light""#).as_bytes(), "duplicate_key"),
        (body(r#","Model":"light""#).as_bytes(), "duplicate_key"),
        (body(r#","me\u017fsages":[]"#).as_bytes(), "duplicate_key"),
        (
            body(r#","stream":true,"stream":false"#).as_bytes(),
            "duplicate_key",
        ),
        (body(r#","n":1,"N":2"#).as_bytes(), "duplicate_key"),
        (
            body(r#","x":{"y":[{"role":1,"role":2}]}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            body(r#","stream_options":{"include_usage":true,"Include_Usage":false}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_message(r#"{"role":"user","content":"a","content":"b"}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_message(r#"{"role":"user","content":"a","Content":"b"}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_message(r#"{"role":"user","content":[{"type":"text","text":"a","TEXT":"b"}]}"#)
                .as_bytes(),
            "duplicate_key",
        ),
        (deep.as_bytes(), "nested_too_deeply"),
    ] {
        assert_eq!(
            refused(text),
            (code, None),
            "{}",
            String::from_utf8_lossy(text)
        );
    }
}

#[test]
fn wrong_fields_are_refused_with_their_name() {
    let no_text = |field: &str| with_message(&format!(r#"{{"role":"user","content":{field}}}"#));
    for (text, code, param) in [
        ("null".to_owned(), "invalid_value", "body"),
        ("[]".to_owned(), "invalid_value", "body"),
        ("\"model\"".to_owned(), "invalid_value", "body"),
        ("{}".to_owned(), "missing_required_parameter", "model"),
        (
            format!("{{{MESSAGES}}}"),
            "missing_required_parameter",
            "model",
        ),
        (
            format!(r#"{{"model":"",{MESSAGES}}}"#),
            "invalid_value",
            "model",
        ),
        (
            r#"{"model":"m"}"#.to_owned(),
            "missing_required_parameter",
            "messages",
        ),
        (
            format!(r#"{{"model":null,{MESSAGES}}}"#),
            "invalid_value",
            "model",
        ),
        (
            format!(r#"{{"model":["smart"],{MESSAGES}}}"#),
            "invalid_value",
            "model",
        ),
        (
            r#"{"model":"m","messages":null}"#.to_owned(),
            "invalid_value",
            "messages",
        ),
        (
            r#"{"model":"m","messages":{}}"#.to_owned(),
            "invalid_value",
            "messages",
        ),
        (
            r#"{"model":"m","messages":[]}"#.to_owned(),
            "invalid_value",
            "messages",
        ),
        (with_message("\"hi\""), "invalid_value", "messages[0]"),
        (
            with_message(r#"{"role":"user"},null"#),
            "invalid_value",
            "messages[1]",
        ),
        (
            with_message(r#"{"content":"hi"}"#),
            "missing_required_parameter",
            "messages[0].role",
        ),
        (
            with_message(r#"{"role":"a"},{"role":"b"},{}"#),
            "missing_required_parameter",
            "messages[2].role",
        ),
        (
            with_message(r#"{"role":null}"#),
            "invalid_value",
            "messages[0].role",
        ),
        (no_text("1"), "invalid_value", "messages[0].content"),
        (no_text("{}"), "invalid_value", "messages[0].content"),
        (no_text("true"), "invalid_value", "messages[0].content"),
        (body(r#","stream":"true""#), "invalid_value", "stream"),
        (body(r#","stream":1"#), "invalid_value", "stream"),
        (
            body(r#","stream_options":true"#),
            "invalid_value",
            "stream_options",
        ),
        (
            body(r#","stream_options":[]"#),
            "invalid_value",
            "stream_options",
        ),
        (
            body(r#","stream_options":{"include_usage":"yes"}"#),
            "invalid_value",
            "stream_options.include_usage",
        ),
        (body(r#","n":"1""#), "invalid_value", "n"),
        (body(r#","n":0"#), "invalid_value", "n"),
        (body(r#","n":-1"#), "invalid_value", "n"),
        (body(r#","n":1.0"#), "invalid_value", "n"),
        (body(r#","max_tokens":-1"#), "invalid_value", "max_tokens"),
        (body(r#","max_tokens":1e2"#), "invalid_value", "max_tokens"),
        (
            body(r#","max_tokens":18446744073709551616"#),
            "invalid_value",
            "max_tokens",
        ),
        (
            body(r#","max_completion_tokens":1.5"#),
            "invalid_value",
            "max_completion_tokens",
        ),
        (body(r#","tools":{}"#), "invalid_value", "tools"),
        (body(r#","functions":"f""#), "invalid_value", "functions"),
        (body(&",\"x\":1".repeat(300)), "invalid_value", "body"),
        (body(r#","max_tokens":[1]"#), "invalid_value", "max_tokens"),
        (
            body(r#","max_completion_tokens":true"#),
            "invalid_value",
            "max_completion_tokens",
        ),
    ] {
        assert_eq!(
            refused(text.as_bytes()),
            (code, Some(param.to_owned())),
            "{text}"
        );
    }
}

#[test]
fn refusals_hold_nothing_of_the_request() {
    for text in [
        r#"{"SECRET":1 2}"#.to_owned(),
        r#"{"model":["SECRET"]}"#.to_owned(),
        with_message(r#"{"role":["SECRET"]}"#),
        with_message(r#"{"SECRET":"SECRET"}"#),
        body(r#","n":"SECRET""#),
        format!("{{\"SECRET\":\"{}", "SECRET".repeat(100)),
    ] {
        let refusal = read_chat(text.as_bytes(), Prompt::default()).unwrap_err();
        assert!(!format!("{refusal:?}").contains("SECRET"), "{refusal:?}");
    }
}

#[test]
fn text_is_counted_without_images_sounds_and_files() {
    for (message, bytes) in [
        (r#"{"role":"user","content":"hello"}"#, 5),
        (r#"{"role":"user","content":"é"}"#, 2),
        (r#"{"role":"user","content":null}"#, 0),
        (
            r#"{"role":"user","content":"abc"},{"role":"user","content":"de"}"#,
            5,
        ),
        (
            r#"{"role":"user","content":[{"type":"text","text":"hello"}]}"#,
            5,
        ),
        (
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:AAAAAAAA"}}]}"#,
            0,
        ),
        (
            r#"{"role":"user","content":[{"input_audio":{"data":"AAAA"}},{"file":{"file_data":"AA"}}]}"#,
            0,
        ),
        (
            r#"{"role":"assistant","tool_calls":[{"function":{"name":"fn","arguments":"{}"}}]}"#,
            4,
        ),
    ] {
        let text = with_message(message);
        assert_eq!(
            read_chat(text.as_bytes(), Prompt::default())
                .unwrap()
                .traits
                .text
                .bytes(),
            bytes,
            "{message}"
        );
    }
}

/// What was read, with bytes of text in the place of the tokens of framing, without media.
fn by_bytes(traits: &Traits) -> Traits {
    Traits {
        framing: traits.text.bytes(),
        text: Prompt::default(),
        media: Media::default(),
        ..traits.clone()
    }
}

#[test]
fn traits() {
    let parts = |part: &str| with_message(&format!(r#"{{"role":"user","content":[{part}]}}"#));
    let none = Traits::default();
    for (text, wanted) in [
        (
            with_message(r#"{"role":"user","content":null}"#),
            none.clone(),
        ),
        (
            with_message(r#"{"role":"user"}"#).replace(
                "\"messages\"",
                r#""n":3,"stream":true,"max_tokens":5,"max_completion_tokens":null,"messages""#,
            ),
            Traits {
                answers: 3,
                stream: true,
                max_output: Some(5),
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#).replace(
                "\"messages\"",
                r#""n":null,"max_tokens":5,"max_completion_tokens":7,"messages""#,
            ),
            Traits {
                max_output: Some(7),
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#)
                .replace("\"messages\"", r#""tools":[{"a":"b"}],"messages""#),
            Traits {
                tools: true,
                framing: 11,
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#)
                .replace("\"messages\"", r#""functions":[ 1],"messages""#),
            Traits {
                tools: true,
                framing: 4,
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#)
                .replace("\"messages\"", r#""tools":[],"functions":null,"messages""#),
            none.clone(),
        ),
        (
            with_message(r#"{"role":"user"}"#).replace(
                "\"messages\"",
                r#""audio":{"voice":"x"},"tools":[1,{"cache_control":{}}],"messages""#,
            ),
            Traits {
                tools: true,
                framing: 24,
                cache: true,
                audio_output: true,
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#).replace(
                "\"messages\"",
                r#""audio":null,"tools":[{"cache_control":null}],"messages""#,
            ),
            Traits {
                tools: true,
                framing: 24,
                ..none.clone()
            },
        ),
        (
            parts(r#"{"text":"abc","cache_control":{"type":"ephemeral"}}"#),
            Traits {
                framing: 3,
                cache: true,
                ..none.clone()
            },
        ),
        (
            parts(r#"{"image_url":{"url":"x"}}"#),
            Traits {
                image: true,
                ..none.clone()
            },
        ),
        (
            parts(r#"{"input_audio":{}},{"file":{"file_id":"x"}}"#),
            Traits {
                audio: true,
                file: true,
                stored_file: true,
                stored_files: vec![StoredFile {
                    id: "x".to_owned(),
                    span: Span { start: 93, end: 96 },
                    counted: media::file(None),
                }],
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#).replace(
                "\"messages\"",
                r#""modalities":["text"],"audio":{"voice":"x"},"messages""#,
            ),
            Traits {
                audio_output: false,
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#).replace(
                "\"messages\"",
                r#""modalities":["text","audio"],"messages""#,
            ),
            Traits {
                audio_output: true,
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"user"}"#)
                .replace("\"messages\"", r#""modalities":null,"audio":{},"messages""#),
            Traits {
                audio_output: true,
                ..none.clone()
            },
        ),
        (
            with_message(r#"{"role":"assistant","audio":{"id":"audio_1"}}"#),
            Traits {
                stored_file: true,
                stored_other: Some("audio.id"),
                ..none.clone()
            },
        ),
        (
            parts(r#"{"image_url":null,"text":"abcde"}"#),
            Traits {
                framing: 5,
                ..none.clone()
            },
        ),
    ] {
        let request = read_chat(text.as_bytes(), Prompt::default()).unwrap();
        assert_eq!(by_bytes(&request.traits), wanted, "{text}");
    }
}

#[test]
fn a_prompt_is_its_text_its_framing_and_its_media() {
    let read = |text: &str| {
        read_chat(text.as_bytes(), Prompt::default())
            .unwrap()
            .traits
    };
    let one = read(&with_message(
        r#"{"role":"user","content":"Hello, how are you?"}"#,
    ));
    assert_eq!((one.framing, one.media), (7, Media::default()));
    assert_eq!(one.prompt_tokens(), one.text.tokens() + 7);
    let escaped = read(&with_message(
        r#"{"role":"user","content":"Hello,\u0020how ar\u0065 you?"}"#,
    ));
    assert_eq!(escaped.text.tokens(), one.text.tokens());
    let two = with_message(r#"{"role":"user","content":"a"},{"role":"user","content":"b"}"#);
    assert_eq!(read(&two).framing, 11);
    let tools = two.replace("\"messages\"", r#""tools":[{"name":"f"}],"messages""#);
    assert_eq!(read(&tools).framing, 23);
    assert_eq!(read(&tools).text.bytes(), 16);
    let schema = two.replace(
        "\"messages\"",
        r#""response_format":{"type":"json_schema"},"messages""#,
    );
    assert_eq!(read(&schema).text.bytes(), 24);
    for (part, wanted) in [
        (
            r#"{"type":"image_url","image_url":{"url":"https://x","detail":"low"}}"#,
            (85, 0, 0),
        ),
        (
            r#"{"type":"image_url","image_url":{"url":"https://x"}}"#,
            (1536, 0, 0),
        ),
        (
            r#"{"type":"image_url","image_url":"https://x"}"#,
            (1536, 0, 0),
        ),
        (r#"{"type":"image_url","image_url":null}"#, (0, 0, 0)),
        (
            r#"{"type":"input_audio","input_audio":{"data":"AAAA"}}"#,
            (0, 1, 0),
        ),
        (
            r#"{"type":"file","file":{"file_data":"AAAA"}}"#,
            (0, 0, 3000),
        ),
        (r#"{"type":"file","file":{"file_id":"f"}}"#, (0, 0, 30_000)),
    ] {
        let traits = read(&with_message(&format!(
            r#"{{"role":"user","content":[{part}]}}"#
        )));
        let Media { image, audio, file } = traits.media;
        assert_eq!((image, audio, file), wanted, "{part}");
        assert_eq!(traits.prompt_tokens(), 7 + image + audio + file);
    }
}

#[test]
fn nothing_to_change_is_no_rewrite() {
    for members in [
        "",
        r#","stream":false,"stream_options":{"include_usage":false}"#,
        r#","stream_options":null"#,
        r#","stream":true,"stream_options":{"include_usage":true,"x":1}"#,
    ] {
        assert_eq!(rewritten(&body(members), "smart"), None, "{members}");
    }
}

#[test]
fn the_bytes_of_a_rewrite() {
    for (text, wanted) in [
        (
            r#"{"model":"a","messages":[{"role":""}]}"#,
            r#"{"model":"b","messages":[{"role":""}]}"#,
        ),
        (
            r#"{ "model" : "\u0061" , "x":1.50,"messages":[{"role":""}] }"#,
            r#"{ "model" : "b" , "x":1.50,"messages":[{"role":""}] }"#,
        ),
        (
            r#"{"messages":[{"role":""}],"stream":true,"model":"a"}"#,
            r#"{"stream_options":{"include_usage":true},"messages":[{"role":""}],"stream":true,"model":"b"}"#,
        ),
        (
            r#"{"model":"a","stream_options":{ },"stream":true,"messages":[{"role":""}]}"#,
            r#"{"model":"b","stream_options":{"include_usage":true },"stream":true,"messages":[{"role":""}]}"#,
        ),
        (
            r#"{"model":"a","stream_options":{"x":[]},"stream":true,"messages":[{"role":""}]}"#,
            r#"{"model":"b","stream_options":{"include_usage":true,"x":[]},"stream":true,"messages":[{"role":""}]}"#,
        ),
        (
            r#"{"model":"a","stream_options":null,"stream":true,"messages":[{"role":""}]}"#,
            r#"{"model":"b","stream_options":{"include_usage":true},"stream":true,"messages":[{"role":""}]}"#,
        ),
    ] {
        assert_eq!(rewritten(text, "b").as_deref(), Some(wanted));
    }
}

#[test]
fn the_field_for_the_length_of_the_answer_gets_the_name_that_the_provider_knows() {
    const OLD: Option<&str> = Some("max_tokens");
    const NEW: Option<&str> = Some("max_completion_tokens");
    for (field, before, after) in [
        (None, r#""max_tokens":1"#, r#""max_tokens":1"#),
        (OLD, r#""max_tokens":1"#, r#""max_tokens":1"#),
        (NEW, r#""max_tokens":1"#, r#""max_completion_tokens":1"#),
        (OLD, r#""max_completion_tokens" : 1"#, r#""max_tokens" : 1"#),
        (
            OLD,
            r#""max_completion\u005ftokens":null"#,
            r#""max_tokens":null"#,
        ),
        (
            OLD,
            r#""max_tokens":1,"max_completion_tokens":2"#,
            r#""max_tokens":1"#,
        ),
        (
            NEW,
            r#""max_tokens":1,"max_completion_tokens":2"#,
            r#""max_completion_tokens":2"#,
        ),
        (
            OLD,
            r#""max_tokens":null,"max_completion_tokens":2"#,
            r#""max_tokens":2"#,
        ),
        (
            OLD,
            r#""max_tokens":1,"max_completion_tokens":null"#,
            r#""max_tokens":1"#,
        ),
        (
            NEW,
            r#""max_tokens":null,"max_completion_tokens":null"#,
            r#""max_completion_tokens":null"#,
        ),
        (OLD, r#""x":1"#, r#""x":1"#),
    ] {
        for remove_fields in [vec![], LIMIT_FIELDS.map(str::to_owned).to_vec()] {
            let adapt = Adapt {
                max_tokens_field: field,
                remove_fields: if field.is_some() { &remove_fields } else { &[] },
                ..plain("smart")
            };
            let (text, wanted) = (body(&format!(",{before}")), body(&format!(",{after}")));
            let new = adapted(&text, &adapt).unwrap_or(text);
            assert_eq!(new, wanted, "{field:?}");
        }
    }
}

#[test]
fn regression_no_bound_is_above_what_the_target_can_write() {
    const OLD: Option<&str> = Some("max_tokens");
    const NEW: Option<&str> = Some("max_completion_tokens");
    for (field, before, after) in [
        (
            None,
            r#""max_tokens": 101 ,"x":1"#,
            r#""max_tokens": 100 ,"x":1"#,
        ),
        (None, r#""max_tokens":100"#, r#""max_tokens":100"#),
        (None, r#""max_tokens":null"#, r#""max_tokens":null"#),
        (
            None,
            r#""max_completion_tokens":18446744073709551615,"max_tokens":99"#,
            r#""max_completion_tokens":100,"max_tokens":99"#,
        ),
        (
            None,
            r#""max_tokens":200,"max_completion_tokens":300"#,
            r#""max_tokens":100,"max_completion_tokens":100"#,
        ),
        (NEW, r#""max_tokens":200"#, r#""max_completion_tokens":100"#),
        (
            OLD,
            r#""max_tokens":200,"max_completion_tokens":300"#,
            r#""max_tokens":100"#,
        ),
        (
            OLD,
            r#""max_completion_tokens":300,"max_tokens":null"#,
            r#""max_tokens":100"#,
        ),
    ] {
        let adapt = Adapt {
            max_tokens_field: field,
            max_output: Some(100),
            default_output: None,
            ..plain("smart")
        };
        let (text, wanted) = (body(&format!(",{before}")), body(&format!(",{after}")));
        let new = adapted(&text, &adapt).unwrap_or(text);
        assert_eq!(new, wanted, "{field:?}");
    }
    let removed = ["max_tokens".to_owned()];
    let adapt = Adapt {
        remove_fields: &removed,
        max_output: Some(100),
        default_output: None,
        ..plain("smart")
    };
    assert_eq!(
        adapted(&body(r#","max_tokens":200,"x":1"#), &adapt),
        Some(body(r#","x":1"#))
    );
}

#[test]
fn every_watched_key_has_a_bit_of_its_own() {
    let source = include_str!("../chat.rs");
    let mut bits: Vec<u8> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("b\"")?.split_once('"'))
        .map(|(key, _)| {
            let (name, bit) = super::watched(key.as_bytes()).unwrap();
            assert_eq!(name, key);
            bit
        })
        .collect();
    bits.sort_unstable();
    let all: Vec<u8> = (0..u8::try_from(bits.len()).unwrap()).collect();
    assert_eq!(bits, all);
    assert!((40..=64).contains(&bits.len()));
}

const LIMIT_FIELDS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

#[test]
fn fields_that_a_provider_does_not_know_are_removed() {
    let fields = [
        "user",
        "stream_options",
        "store",
        "prediction",
        "model",
        "messages",
        "stream",
    ];
    let fields = fields.map(str::to_owned);
    let adapt = Adapt {
        remove_fields: &fields,
        ..plain("m")
    };
    let messages = r#""messages":[{"role":"user","user":"x"}]"#;
    for (before, after) in [
        (
            format!(r#"{{"user":"u","model":"a",{messages}}}"#),
            format!(r#"{{"model":"m",{messages}}}"#),
        ),
        (
            format!(r#"{{"model":"a",{messages},"store":true}}"#),
            format!(r#"{{"model":"m",{messages}}}"#),
        ),
        (
            format!(r#"{{"prediction":1,"user":"u","model":"a","prediction":2,{messages},"x":3}}"#),
            format!(r#"{{"model":"m",{messages},"x":3}}"#),
        ),
        (
            format!(r#"{{"stream_options":{{}},"stream":true,"model":"a",{messages}}}"#),
            format!(r#"{{"stream":true,"model":"m",{messages}}}"#),
        ),
        (
            format!(r#"{{"stream":true,"model":"a",{messages}}}"#),
            format!(r#"{{"stream":true,"model":"m",{messages}}}"#),
        ),
    ] {
        assert_eq!(adapted(&before, &adapt), Some(after));
    }
    let quiet = Adapt {
        ask_usage: false,
        ..plain("smart")
    };
    assert_eq!(adapted(&body(r#","stream":true"#), &quiet), None);
}

/// What a request must look like for the provider.
fn wanted(mut request: Value, model: &str) -> Value {
    request["model"] = json!(model);
    if request["stream"] == json!(true) {
        if !request["stream_options"].is_object() {
            request["stream_options"] = json!({});
        }
        request["stream_options"]["include_usage"] = json!(true);
    }
    request
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_rewrite_changes_the_model_and_stream_options_alone(
        model in arb_string().prop_map(|name| name + "m"),
        new_model in arb_string().prop_map(|name| name + "m"),
        stream in proptest::sample::select(vec!["", "true", "false", "null"]),
        options in proptest::sample::select(vec![
            "", "null", "{}", r#"{"x":[1]}"#, r#"{"include_usage":true}"#,
            r#"{"include_usage":false,"y":{}}"#, r#"{"y":"}","include_usage":null}"#,
        ]),
        others in btree_map("[a-f]{1,3}", arb_value(Just("k".to_owned())), 0..4),
        order in any::<u64>(),
        tape in arb_tape(),
    ) {
        let mut tape = Tape::new(tape);
        let mut member = |name: &str, value: Value| {
            let value = render(&value, &mut tape, false);
            (name.to_owned(), value)
        };
        let mut members: Vec<_> = others.into_iter().map(|(name, v)| member(&name, v)).collect();
        let unknown = members.clone();
        members.push(member("model", json!(model)));
        members.push(member("messages", json!([{"role": "user", "content": model}])));
        for (name, text) in [("stream", stream), ("stream_options", options)] {
            if !text.is_empty() {
                members.push(member(name, serde_json::from_str(text).unwrap()));
            }
        }
        members.sort_by_key(|(name, _)| order.wrapping_mul(name.len() as u64 + u64::from(name.as_bytes()[0])) >> 32);
        let members: Vec<_> = members.iter().map(|(name, v)| format!("\"{name}\":{v}")).collect();
        let text = format!("{{{}}}", members.join(","));
        let original: Value = serde_json::from_str(&text).unwrap();

        let new = rewritten(&text, &new_model);
        let new = new.as_deref().unwrap_or(&text);
        let parsed: Value = serde_json::from_str(new).unwrap();
        prop_assert_eq!(parsed, wanted(original, &new_model));
        prop_assert!(read_chat(new.as_bytes(), Prompt::default()).is_ok());
        for (name, value) in unknown {
            prop_assert!(new.contains(&format!("\"{name}\":{value}")), "{} is untouched", name);
        }
        prop_assert_eq!(rewritten(new, &new_model), None, "a rewrite needs no other");
    }

    #[test]
    fn adapting_leaves_all_other_bytes_in_any_order_of_members(
        values in btree_map("[a-f]{1,2}", arb_value(Just("k".to_owned())), 0..4),
        removed in proptest::collection::vec("[a-f]{1,2}", 0..4),
        limits in proptest::sample::subsequence(LIMIT_FIELDS.to_vec(), 0..=2),
        null in any::<bool>(),
        field in proptest::sample::select(vec![None, Some(LIMIT_FIELDS[0]), Some(LIMIT_FIELDS[1])]),
        stream in any::<bool>(),
        drop_options in any::<bool>(),
        order in any::<prop::sample::Index>(),
        tape in arb_tape(),
    ) {
        let mut tape = Tape::new(tape);
        let mut text = |value: &Value| render(value, &mut tape, false).trim().to_owned();
        let mut members: Vec<(String, String)> = values
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        for (index, name) in limits.iter().enumerate() {
            let value = if null && index == 0 { json!(null) } else { json!(index + 7) };
            members.push(((*name).to_owned(), text(&value)));
        }
        members.push(("model".to_owned(), text(&json!("a"))));
        members.push(("messages".to_owned(), text(&json!([{"role": "user"}]))));
        members.push(("stream".to_owned(), text(&json!(stream))));
        let turn = order.index(members.len());
        members.rotate_left(turn);
        let body: Vec<_> = members.iter().map(|(name, v)| format!(" \"{name}\" :{v} ")).collect();
        let body = format!("{{{}}}", body.join(","));
        let mut fields = removed.clone();
        fields.extend(drop_options.then(|| "stream_options".to_owned()));
        let adapt = Adapt { model: "b", remove_fields: &fields, max_tokens_field: field, max_output: None, default_output: None, ask_usage: true, store: false };

        let new = adapted(&body, &adapt).unwrap();
        let parsed: Value = serde_json::from_str(&new).expect(&new);
        let mut wanted: Value = serde_json::from_str(&body).unwrap();
        let object = wanted.as_object_mut().unwrap();
        object.insert("model".to_owned(), json!("b"));
        object.retain(|name, _| !removed.contains(name));
        if stream && !drop_options {
            object.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        if let Some(to) = field {
            let from = if to == LIMIT_FIELDS[0] { LIMIT_FIELDS[1] } else { LIMIT_FIELDS[0] };
            if let Some(value) = object.remove(from) {
                let own = object.get(to).filter(|own| !own.is_null());
                // A null says no more than another null.
                if own.is_none() {
                    object.insert(to.to_owned(), value);
                }
            }
        }
        prop_assert_eq!(&parsed, &wanted);
        for (name, value) in &members {
            let kept = !removed.contains(name) && name != "model" && !LIMIT_FIELDS.contains(&name.as_str());
            if kept {
                let member = format!("\"{name}\" :{value}");
                prop_assert!(new.contains(&member), "{} is untouched", name);
            }
        }
        prop_assert_eq!(adapted(&new, &adapt), None, "once is enough");
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = read_chat(&bytes, Prompt::default());
        let _ = read_chat(&[b"{\"model\":\"a\",\"messages\":[{", bytes.as_slice()].concat(), Prompt::default());
    }
}
