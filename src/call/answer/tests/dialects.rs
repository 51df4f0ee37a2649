//! Both protocols: what is read, streams that end early, the model's name.

use super::*;

/// A reader of good answers to calls of a virtual model.
fn judging(protocol: Protocol, content_type: &str, model: Option<&str>) -> AnswerReader {
    let reading = Reading {
        ids: None,
        api: protocol.chat(),
        strip_usage: true,
        judges_end: true,
        model: model.map(str::to_owned),
        stop: Stop::Never,
        guard: None,
    };
    AnswerReader::new(reading, 200, content_type)
}

fn openai_stream(text: &str) -> (Came, Seen) {
    all_cuts(|| judging(Protocol::OpenAi, STREAM, None), text)
}

fn anthropic_stream(text: &str) -> (Came, Seen) {
    all_cuts(|| judging(Protocol::Anthropic, STREAM, None), text)
}

/// What the events below report.
const WRITTEN: Usage = Usage {
    cache_write: 6,
    ..COUNTS
};

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"content\":[],\"usage\":{\"input_tokens\":9,\"cache_creation_input_tokens\":6,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}";
const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}";
const BLOCK: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}";
const HELLO: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"héllo\"}}";
const BLOCK_STOP: &str =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":10,\"output_tokens_details\":{\"thinking_tokens\":3}}}";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}";

const FINISH: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const DONE: &str = "data: [DONE]";

#[test]
fn an_anthropic_stream_is_read_alike_over_all_cuts_and_line_endings() {
    for ending in ["\n", "\r\n", "\r"] {
        let events = [START, PING, BLOCK, HELLO, BLOCK_STOP, DELTA, STOP];
        let text = stream("\n", &events).replace('\n', ending);
        let (came, seen) = anthropic_stream(&text);
        assert_eq!(came.out, text, "{ending:?}");
        assert_eq!((came.usage, came.text_bytes), (Some(WRITTEN), 6));
        assert!(came.spoke && seen.done && !seen.error && !seen.incomplete);
    }
}

#[test]
fn the_first_text_of_an_anthropic_stream_is_no_ping() {
    let mut reader = judging(Protocol::Anthropic, STREAM, None);
    let mut seen = Seen::default();
    for (now, event) in [START, PING, BLOCK, HELLO, HELLO].iter().enumerate() {
        let now = u64::try_from(now).unwrap();
        let text = stream("\n", &[event]);
        let passed = reader.data(&mut seen, text.as_bytes(), false, &mut at(now));
        assert_eq!(passed, OnData::Pass);
    }
    assert_eq!(seen.first_text, Some(Instant(3)));
}

#[test]
fn a_cut_anthropic_stream_is_estimated_from_the_prompt_that_was_reported() {
    let (came, seen) = anthropic_stream(&stream("\n", &[START, BLOCK, HELLO]));
    assert_eq!(came.usage, None, "the 1 of message_start is no count");
    let wanted = Usage {
        output: 2,
        reasoning: 0,
        ..WRITTEN
    };
    assert_eq!(
        seen.estimate(Usage {
            input: 1_000_000,
            ..Usage::NONE
        }),
        wanted
    );
    let (_, unreported) = anthropic_stream(&stream("\n", &[HELLO]));
    let wanted = Usage {
        input: 3,
        output: 2,
        ..Usage::default()
    };
    assert_eq!(
        unreported.estimate(Usage {
            input: 3,
            ..Usage::NONE
        }),
        wanted
    );
}

#[test]
fn anthropic_json_is_read_over_all_cuts() {
    let text = r#"{"id":"msg_1","type":"message","model":"claude-x","content":[{"type":"text","text":"\"usage\":1"}],"usage":{"input_tokens":9,"cache_creation_input_tokens":6,"cache_read_input_tokens":4,"output_tokens":10,"output_tokens_details":{"thinking_tokens":3}}}"#;
    let reader = || judging(Protocol::Anthropic, "application/json", None);
    let (came, _) = all_cuts(reader, text);
    assert_eq!((came.out.as_str(), came.usage), (text, Some(WRITTEN)));
    let reader = || judging(Protocol::OpenAi, "application/json", None);
    let (came, _) = all_cuts(reader, text);
    assert_eq!(came.usage, None, "the names are another protocol's");
}

/// What was added behind `text`, as an error of that protocol.
fn added(protocol: Protocol, out: &str, text: &str) -> Value {
    let added = out.strip_prefix(text).expect(out);
    let data = match protocol {
        Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => added.strip_prefix("data: "),
        Protocol::Anthropic => added.strip_prefix("event: error\ndata: "),
    };
    let data = data
        .and_then(|data| data.strip_suffix("\n\n"))
        .expect(added);
    serde_json::from_str(data).unwrap()
}

#[test]
fn a_stream_that_ends_early_gets_an_error_event() {
    type Case<'a> = (Protocol, &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (Protocol::OpenAi, &[]),
        (Protocol::OpenAi, &[": ping"]),
        (Protocol::OpenAi, &[TEXT, TEXT]),
        (Protocol::OpenAi, &[TEXT, "data: garbage"]),
        (Protocol::Anthropic, &[]),
        (Protocol::Anthropic, &[START, PING, BLOCK, HELLO]),
        (Protocol::Anthropic, &[START, HELLO, BLOCK_STOP, DELTA]),
    ];
    for (protocol, events) in cases {
        for ending in ["\n", "\r\n", "\r"] {
            let text = stream("\n", events).replace('\n', ending);
            let (came, seen) = all_cuts(|| judging(protocol, STREAM, None), &text);
            let error = added(protocol, &came.out, &text);
            assert_eq!(error["error"]["code"], "upstream_incomplete");
            let (kind, class) = match protocol {
                Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => {
                    (Value::Null, "server_error")
                }
                Protocol::Anthropic => (Value::from("error"), "api_error"),
            };
            assert_eq!(error["type"], kind);
            assert_eq!(error["error"]["type"], class);
            assert!(seen.error && seen.incomplete && !seen.done);
        }
    }
}

#[test]
fn a_stream_that_is_whole_gets_nothing() {
    let failed = r#"data: {"error":{"message":"x"}}"#;
    let overloaded =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}";
    type Case<'a> = (Protocol, &'a [&'a str], bool);
    let cases: [Case<'_>; 7] = [
        (Protocol::OpenAi, &[TEXT, FINISH, DONE], false),
        (Protocol::OpenAi, &[TEXT, FINISH], false),
        (Protocol::OpenAi, &[TEXT, DONE], false),
        (Protocol::OpenAi, &[DONE, ": late"], false),
        (Protocol::OpenAi, &[TEXT, failed], true),
        (Protocol::Anthropic, &[START, HELLO, STOP, PING], false),
        (Protocol::Anthropic, &[START, overloaded], true),
    ];
    for (protocol, events, error) in cases {
        for end in ["\n\n", "\n", ""] {
            let text = stream("\n", events);
            let text = text.trim_end().to_owned() + end;
            let (came, seen) = all_cuts(|| judging(protocol, STREAM, None), &text);
            assert_eq!(came.out, text);
            assert_eq!((seen.error, seen.incomplete), (error, false), "{text}");
            assert_eq!(seen.dropped, 0);
        }
    }
}

#[test]
fn an_unfinished_event_before_the_error_is_ended_or_dropped() {
    let whole = stream("\n", &[TEXT]);
    for (rest, stays) in [
        (TEXT.to_owned(), true),
        (TEXT.to_owned() + "\n", true),
        (TEXT.to_owned() + "\r", true),
        (TEXT[..TEXT.len() - 1].to_owned(), false),
        ("data: [DO".to_owned(), false),
        (": comm".to_owned(), false),
        ("event: x\n".to_owned(), false),
    ] {
        let (came, seen) = openai_stream(&(whole.clone() + &rest));
        let kept = if stays {
            format!("{whole}{rest}\n\n")
        } else {
            whole.clone()
        };
        let error = added(Protocol::OpenAi, &came.out, &kept);
        assert_eq!(error["error"]["code"], "upstream_incomplete", "{rest}");
        assert_eq!(seen.dropped, if stays { 0 } else { rest.len() }, "{rest}");
    }
}

#[test]
fn an_error_does_not_join_the_front_of_an_overlong_event() {
    let text = stream("\n", &[TEXT]) + "data: " + &"a".repeat(Framer::MAX_EVENT + 10);
    let pieces = [text.as_bytes(), b"a", b""];
    let (came, seen) = run_reader(judging(Protocol::OpenAi, STREAM, None), pieces);
    assert!(seen.incomplete);
    let (_, error) = came.out.rsplit_once("a\n\n").unwrap();
    assert_eq!(
        added(Protocol::OpenAi, error, "")["error"]["code"],
        "upstream_incomplete"
    );
}

#[test]
fn before_trailers_an_early_end_is_only_noted() {
    for (events, incomplete) in [(vec![TEXT], true), (vec![TEXT, FINISH], false)] {
        let mut reader = judging(Protocol::OpenAi, STREAM, None);
        let mut seen = Seen::default();
        let text = stream("\n", &events);
        reader.data(&mut seen, text.as_bytes(), false, &mut at(0));
        reader.trailers(&mut seen, &mut at(0));
        assert_eq!((seen.incomplete, seen.error), (incomplete, incomplete));
    }
}

#[test]
fn anthropic_errors_lose_the_account() {
    let id = "7f54fbff-3504-477a-b4a2-08359988239d";
    let error = format!(
        "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"rate_limit_error\",\"message\":\"limit (org: {id}, model: x)\"}},\"request_id\":\"req_011CcR9mkMvXda\"}}"
    );
    let (came, seen) = anthropic_stream(&stream("\n", &[START, &error]));
    let hidden = error.replace(id, &"*".repeat(36));
    assert_eq!(came.out, stream("\n", &[START, &hidden]));
    assert!(seen.error && !seen.incomplete);
}

#[test]
fn an_overlong_error_has_the_shape_of_the_protocol() {
    for (protocol, kind) in [
        (Protocol::OpenAi, Value::Null),
        (Protocol::Anthropic, Value::from("error")),
    ] {
        let reading = Reading {
            ids: None,
            api: protocol.chat(),
            strip_usage: false,
            judges_end: true,
            model: Some("x".to_owned()),
            stop: Stop::Never,
            guard: None,
        };
        let reader = AnswerReader::new(reading, 529, STREAM);
        let (came, seen) = run_reader(reader, [&[b'a'; MAX_ERROR_BODY + 1] as &[u8], b""]);
        let error: Value = serde_json::from_str(&came.out).unwrap();
        assert_eq!(error["type"], kind);
        assert_eq!(error["error"]["code"], "upstream_error");
        assert!(!seen.incomplete);
    }
}

#[test]
fn the_models_name_is_replaced_in_streams() {
    let name = "smart \"é\"";
    let quoted = r#""smart \"é\"""#;
    let chunk = |model: &str| {
        format!(
            r#"data: {{"id":"c", "model" : {model} ,"choices":[{{"delta":{{"content":"x"}},"finish_reason":"stop"}}]}}"#
        )
    };
    let reader = || judging(Protocol::OpenAi, STREAM, Some(name));
    for ending in ["\n", "\r\n", "\r"] {
        let events = [": ping", &chunk("\"gpt\""), &chunk("null"), DONE];
        let wanted = [": ping", &chunk(quoted), &chunk("null"), DONE];
        let (came, _) = all_cuts(reader, &stream(ending, &events));
        assert_eq!(came.out, stream(ending, &wanted));
        assert_eq!(came.text_bytes, 2);
    }
    let split = "data: {\"model\":\ndata: \"gpt\",\"choices\":[]}";
    let wanted = format!("data: {{\"model\":\ndata: {quoted},\"choices\":[]}}");
    let (came, _) = all_cuts(reader, &stream("\n", &[split, DONE]));
    assert_eq!(came.out, stream("\n", &[&wanted, DONE]));

    let events = [START, HELLO, DELTA, STOP];
    let start = START.replace("\"claude-x\"", quoted);
    let reader = || judging(Protocol::Anthropic, STREAM, Some(name));
    let (came, _) = all_cuts(reader, &stream("\n", &events));
    assert_eq!(came.out, stream("\n", &[&start, HELLO, DELTA, STOP]));
    assert_eq!(came.usage, Some(WRITTEN));
}

#[test]
fn the_models_name_is_replaced_in_whole_answers() {
    let usage = r#""usage":{"prompt_tokens":19,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}"#;
    let reader = || judging(Protocol::OpenAi, "application/json", Some("smart"));
    for (before, after) in [
        (r#"{"model":"gpt",U}"#, r#"{"model":"smart",U}"#),
        (
            r#" { "x":{"model":"y"}, "model" : "gpt" ,U}"#,
            r#" { "x":{"model":"y"}, "model" : "smart" ,U}"#,
        ),
        (
            r#"{U,"choices":[{"message":{"content":"\"model\":\"gpt\""}}],"model":"g\u0070t"}"#,
            r#"{U,"choices":[{"message":{"content":"\"model\":\"gpt\""}}],"model":"smart"}"#,
        ),
        (r#"{"model":null,U}"#, r#"{"model":null,U}"#),
        (r#"{U}"#, r#"{U}"#),
    ] {
        let text = before.replace('U', usage);
        let (came, _) = all_cuts(reader, &text);
        assert_eq!(came.out, after.replace('U', usage));
        let length = u64::try_from(text.len()).unwrap();
        assert_eq!((came.usage, came.text_bytes), (Some(COUNTS), length));
    }
    for text in ["", "[]", "<html>", "{\"model\":\"gp", "{\"model\" 1}"] {
        let (came, _) = all_cuts(reader, text);
        assert_eq!(came.out, text);
    }
}

#[test]
fn a_whole_answer_is_held_no_longer_than_its_model_is_looked_for() {
    let mut reader = judging(Protocol::OpenAi, "application/json", Some("smart"));
    let mut seen = Seen::default();
    assert!(reader.holds() && reader.changes_length());
    let front = format!("{{\"model\":\"gpt\",\"x\":\"{}", "a".repeat(200));
    let out = reader.data(&mut seen, front.as_bytes(), false, &mut at(0));
    assert_eq!(
        out,
        OnData::Replace(front.replace("gpt", "smart").into_bytes())
    );
    assert!(!reader.holds());
    let rest = b"\",\"usage\":{\"prompt_tokens\":1}}";
    assert_eq!(reader.data(&mut seen, rest, true, &mut at(0)), OnData::Pass);
    assert_eq!(seen.usage.unwrap().input, 1);

    let reader = judging(Protocol::OpenAi, "application/json", Some("smart"));
    let text = format!("{{\"x\":\"{}\",\"model\":\"gpt\"}}", "a".repeat(900 * 1024));
    let (came, _) = run_reader(reader, text.as_bytes().chunks(16 * 1024));
    assert!(came.out == text, "too far behind");
}

#[test]
fn nothing_is_judged_or_replaced_where_nothing_was_asked_for() {
    let mut reader = passing(200, "application/json", true);
    assert!(!reader.holds() && !reader.changes_length());
    let mut seen = Seen::default();
    let passed = reader.data(&mut seen, b"{\"model\":\"gpt\"}", true, &mut at(0));
    assert_eq!(passed, OnData::Pass);
    let came = run_all_cuts(STREAM, false, &stream("\n", &[TEXT]));
    assert_eq!(came.out, stream("\n", &[TEXT]));
}

fn arb_events() -> impl Strategy<Value = String> {
    let events = vec![
        START, PING, BLOCK, HELLO, BLOCK_STOP, DELTA, STOP, TEXT, FINISH, DONE, USAGE, "data: {",
        ": x", "data:", "event: y", "é",
    ];
    let endings = proptest::sample::select(vec!["\n\n", "\r\n\r\n", "\r\r", "\n", ""]);
    let event = (proptest::sample::select(events), endings);
    vec(event, 0..8).prop_map(|events| {
        let text = events.iter().map(|(event, end)| format!("{event}{end}"));
        text.collect()
    })
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn any_stream_is_judged_and_renamed_alike_over_all_cuts(
        text in arb_events(),
        anthropic in any::<bool>(),
        rename in any::<bool>(),
    ) {
        let protocol = if anthropic { Protocol::Anthropic } else { Protocol::OpenAi };
        let name = rename.then_some("smart");
        let (came, seen) = all_cuts(|| judging(protocol, STREAM, name), &text);
        prop_assert_eq!(seen.incomplete, came.out.contains("upstream_incomplete"));
        // What a client reads at the end is an error or the end of the answer.
        prop_assert!(seen.incomplete || seen.error || text.contains("DONE") || text.contains("finish_reason") || text.contains("message_stop"));
    }

    #[test]
    fn mutated_streams_never_panic_and_end_alike(
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut text = stream("\n", &[START, HELLO, DELTA, STOP, TEXT, USAGE]).into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let (front, back) = text.split_at(cut.index(text.len()));
        for protocol in [Protocol::OpenAi, Protocol::Anthropic] {
            let reader = || judging(protocol, STREAM, Some("smart"));
            let whole = run_reader(reader(), [text.as_slice()]).0;
            prop_assert_eq!(&run_reader(reader(), [front, back, b""]).0, &whole);
            let _ = run_reader(judging(protocol, STREAM, None), [front]);
        }
    }
}
