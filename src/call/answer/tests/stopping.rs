//! Streams that are ended before their provider ends them.

use super::*;

/// A call whose answer may have so many tokens.
const fn at_most(most: u64) -> Unguarded {
    Unguarded { now: 1, most }
}

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    out: String,
    stopped: bool,
    usage: Option<Usage>,
    done: bool,
    /// Whether it was cut before its end came.
    reset: bool,
}

struct Case {
    api: Api,
    asked: bool,
    bounded: bool,
    model: Option<&'static str>,
}

const OPENAI: Case = Case {
    api: Api::ChatCompletions,
    asked: false,
    bounded: true,
    model: None,
};

const ANTHROPIC: Case = Case {
    api: Api::Messages,
    ..OPENAI
};

const COMPLETIONS: Case = Case {
    api: Api::Completions,
    ..OPENAI
};

const RESPONSES: Case = Case {
    api: Api::Responses,
    ..OPENAI
};

impl Case {
    fn reader(&self) -> AnswerReader {
        let reading = Reading {
            ids: None,
            api: self.api,
            strip_usage: !self.asked,
            judges_end: true,
            model: self.model.map(str::to_owned),
            stop: Stop::Possible {
                prompt: 3,
                bounded: self.bounded,
            },
            guard: None,
        };
        AnswerReader::new(reading, 200, STREAM)
    }

    fn read<'p>(&self, most: u64, pieces: impl IntoIterator<Item = &'p [u8]>) -> Ended {
        let mut reader = self.reader();
        let (mut seen, mut out, mut reset) = (Seen::default(), Vec::new(), false);
        let mut pieces = pieces.into_iter().peekable();
        while let (false, Some(piece)) = (reset, pieces.next()) {
            let before = seen.stopped.early();
            let end = pieces.peek().is_none();
            match reader.data(&mut seen, piece, end, &mut at_most(most)) {
                OnData::Pass => out.extend_from_slice(piece),
                OnData::Replace(new) => out.extend(new),
                OnData::Reset => {
                    assert!(before && !end, "nothing is cut with what ends it");
                    reset = true;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!seen.incomplete && !seen.error && seen.dropped == 0);
        Ended {
            out: with_line_feeds(&String::from_utf8(out).unwrap()),
            stopped: seen.stopped.early(),
            usage: seen.usage,
            done: seen.done,
            reset,
        }
    }

    /// What comes of a whole text, once every cut in two and small pieces gave the same.
    fn all_cuts(&self, most: u64, text: &str) -> Ended {
        let bytes = text.as_bytes();
        let whole = self.read(most, [bytes]);
        for cut in 0..=bytes.len() {
            let (front, back) = bytes.split_at(cut);
            assert_eq!(self.read(most, [front, back]), whole, "cut at {cut}");
        }
        for size in 1..=3 {
            let pieces = bytes.chunks(size).chain([&[] as &[u8]]);
            assert_eq!(self.read(most, pieces), whole, "pieces of {size}");
        }
        whole
    }
}

/// A chunk of two tokens.
fn chunk(index: u64, model: &str) -> String {
    format!(
        r#"data: {{"id":"c1","created":7,"model":"{model}","choices":[{{"index":{index},"delta":{{"content":" one two"}}}}]}}"#
    )
}

fn last(index: u64, model: &str, usage: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"created\":7,\"model\":\"{model}\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":{index},\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"length\"}}]{usage}}}\n\n"
    )
}

/// Of an empty line's CR LF only the CR may go on: that ends the line too.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

const DONE: &str = "data: [DONE]";
const FINISH: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn a_stream_ends_with_the_event_that_passes_the_limit() {
    let one = chunk(0, "gpt");
    for ending in ["\n", "\r\n", "\r"] {
        let text = stream(ending, &[": x", &one, &one, &one, FINISH, USAGE, DONE]);
        for (most, passes) in [(1, 1), (2, 2), (3, 2), (4, 3)] {
            let front = vec![one.as_str(); passes];
            let front = stream(ending, &[&[": x"], front.as_slice()].concat());
            let ended = OPENAI.all_cuts(most, &text);
            let front = with_line_feeds(&front);
            assert_eq!(ended.out, front + &last(0, "gpt", "") + "data: [DONE]\n\n");
            assert!(ended.stopped && ended.done && !ended.reset);
            assert_eq!(
                ended.usage,
                Some(COUNTS),
                "the provider's report is still read"
            );
        }
        // Not passed, or passed when the answer is whole already.
        let without = text.replace(&stream(ending, &[USAGE]), "");
        for most in [6, 7, u64::MAX] {
            let ended = OPENAI.all_cuts(most, &text);
            assert_eq!(
                (ended.out, ended.stopped),
                (with_line_feeds(&without), false)
            );
        }
    }
}

#[test]
fn every_choice_that_is_open_is_ended_under_the_name_that_callers_know() {
    let case = Case {
        asked: true,
        model: Some("smart"),
        ..OPENAI
    };
    let finish = FINISH.replace("\"index\":0", "\"index\":1");
    let (zero, one, two) = (chunk(0, "gpt"), chunk(1, "gpt"), chunk(2, "gpt"));
    let text = stream("\n", &[&zero, &one, &finish, &two, &zero, DONE]);
    let ended = case.all_cuts(5, &text);
    let (zero, one, two) = (chunk(0, "smart"), chunk(1, "smart"), chunk(2, "smart"));
    let report = "data: {\"id\":\"c1\",\"created\":7,\"model\":\"smart\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":6,\"total_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n";
    let null = ",\"usage\":null";
    let wanted = stream("\n", &[&zero, &one, &finish, &two])
        + &last(0, "smart", null)
        + &last(2, "smart", null)
        + report
        + "data: [DONE]\n\n";
    assert_eq!(ended.out, wanted);
}

#[test]
fn completions_and_responses_end_as_theirs_do() {
    let one = r#"data: {"id":"c1","created":7,"model":"m","object":"text_completion","choices":[{"index":0,"text":" one two","finish_reason":null}]}"#;
    let finish = one
        .replace("\" one two\"", "\"\"")
        .replace("null", "\"stop\"");
    let text = stream("\n", &[one, one, one, &finish, USAGE, DONE]);
    let last = one
        .replace("\" one two\"", "\"\",\"logprobs\":null")
        .replace("null}]", "\"length\"}]");
    let ended = COMPLETIONS.all_cuts(3, &text);
    assert_eq!(ended.out, stream("\n", &[one, one, &last, DONE]));
    assert_eq!((ended.stopped, ended.usage), (true, Some(COUNTS)));

    let event = |name: &str, number: u64, members: &str| {
        format!(
            "event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{number},{members}}}"
        )
    };
    let created = event(
        "response.created",
        0,
        r#""response":{"id":"r1","created_at":7,"model":"m"}"#,
    );
    let delta = |number| {
        event(
            "response.output_text.delta",
            number,
            r#""output_index":0,"content_index":0,"delta":" one two""#,
        )
    };
    let usage = r#""usage":{"input_tokens":9,"output_tokens":5,"total_tokens":14}"#;
    let completed = event(
        "response.completed",
        4,
        &format!(r#""response":{{"id":"r1",{usage}}}"#),
    );
    let text = stream(
        "\n",
        &[&created, &delta(1), &delta(2), &delta(3), &completed],
    );
    let ended = RESPONSES.all_cuts(3, &text);
    let front = stream("\n", &[&created, &delta(1), &delta(2)]);
    let last = ended.out.strip_prefix(&front).unwrap();
    let data = last
        .strip_prefix("event: response.incomplete\ndata: ")
        .unwrap();
    let data: Value = serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap();
    assert_eq!(
        (&data["sequence_number"], &data["response"]["id"]),
        (&Value::from(3), &Value::from("r1"))
    );
    assert_eq!(
        data["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(data["response"]["usage"]["total_tokens"], 7);
    let usage = Usage {
        input: 9,
        output: 5,
        ..Usage::default()
    };
    assert_eq!(
        (ended.stopped, ended.done, ended.usage),
        (true, true, Some(usage))
    );
    for most in [6, u64::MAX] {
        assert_eq!(RESPONSES.all_cuts(most, &text).out, text);
    }
}

#[test]
fn what_a_provider_without_a_bound_sends_on_is_cut() {
    let case = Case {
        bounded: false,
        ..OPENAI
    };
    let one = chunk(0, "gpt");
    let text = stream("\n", &[&one, &one, &one, FINISH, DONE]);
    let wanted = stream("\n", &[&one]) + &last(0, "gpt", "") + "data: [DONE]\n\n";
    let first = one.len() + 2;
    for cut in 0..=text.len() {
        let (front, back) = text.as_bytes().split_at(cut);
        let ended = case.read(1, [front, back, b""]);
        assert_eq!(ended.out, wanted, "cut at {cut}");
        let after = cut >= first && !back.is_empty();
        assert_eq!(ended.reset, after, "cut at {cut}");
    }
    // The end alone needs no cut.
    let ended = case.read(1, [text.as_bytes(), b""]);
    assert!(ended.stopped && !ended.reset);
}

#[test]
fn one_with_a_bound_is_cut_if_it_does_not_keep_to_it() {
    let one = stream("\n", &[&chunk(0, "gpt")]);
    let many = one.repeat(100);
    let pieces = std::iter::repeat_n(many.as_bytes(), 1000);
    let ended = OPENAI.read(1, pieces);
    assert!(ended.reset);
    assert_eq!(ended.out, one + &last(0, "gpt", "") + "data: [DONE]\n\n");
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}";
const THINKS: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}";
const THOUGHT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\" one two\"}}";
const TOOL: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"look\",\"input\":{}}}";
const INPUT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\": \"}}";

fn block_stop(index: u64) -> String {
    format!(
        "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}"
    )
}

fn message_delta(reason: &str, output: u64) -> String {
    format!(
        "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\",\"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{output}}}}}"
    )
}

const MESSAGE_STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}";

#[test]
fn thinking_and_tools_are_ended_where_they_are() {
    let (zero, one) = (block_stop(0), block_stop(1));
    let end = message_delta("tool_use", 50);
    let all = [
        START,
        THINKS,
        THOUGHT,
        THOUGHT,
        &zero,
        TOOL,
        INPUT,
        &one,
        &end,
        MESSAGE_STOP,
    ];
    let text = stream("\n", &all);
    for (most, passes, open, output) in [
        (1, 3, Some(&zero), 2),
        (3, 4, Some(&zero), 4),
        (4, 7, Some(&one), 7),
        (6, 7, Some(&one), 7),
    ] {
        let ended = ANTHROPIC.all_cuts(most, &text);
        let mut wanted = all[..passes].to_vec();
        wanted.extend(open.map(String::as_str));
        let delta = message_delta("max_tokens", output);
        wanted.extend([delta.as_str(), MESSAGE_STOP]);
        assert_eq!(ended.out, stream("\n", &wanted), "{most}");
        assert!(ended.stopped && ended.done);
        let usage = ended.usage.unwrap();
        assert_eq!((usage.input, usage.output), (9, 50));
    }
    let ended = ANTHROPIC.all_cuts(8, &text);
    assert_eq!((ended.out, ended.stopped), (text, false));
}

#[test]
fn a_stream_with_an_error_is_not_ended_twice() {
    let one = chunk(0, "gpt");
    let error = r#"data: {"error":{"message":"no"},"choices":[{"index":0,"delta":{"content":" one two9"}}]}"#;
    let text = stream("\n", &[&one, error]);
    let mut reader = OPENAI.reader();
    let mut seen = Seen::default();
    let out = reader.data(&mut seen, text.as_bytes(), true, &mut at_most(2));
    assert!(seen.error && !seen.stopped.early());
    let passed = match out {
        OnData::Pass => text.clone().into_bytes(),
        OnData::Replace(new) => new,
        other => panic!("{other:?}"),
    };
    assert_eq!(String::from_utf8(passed).unwrap(), text);
}

#[test]
fn trailers_end_a_stream_that_was_ended() {
    let mut reader = OPENAI.reader();
    let mut seen = Seen::default();
    let text = stream("\n", &[&chunk(0, "gpt")]) + USAGE;
    reader.data(&mut seen, text.as_bytes(), false, &mut at_most(1));
    reader.trailers(&mut seen, &mut at_most(1));
    assert!(seen.stopped.early() && !seen.incomplete && !seen.error);
    assert_eq!((seen.usage, seen.dropped), (Some(COUNTS), 0));
}
