mod alike;
mod dialects;
mod guarding;
mod long;
mod stopping;

use super::*;
use crate::json::tests::cases;
use crate::protocols::Protocol;
use crate::sse::Framer;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// A call that nothing guards.
struct Unguarded {
    now: u64,
    /// How many tokens its answer may have.
    most: u64,
}

/// One that has no limit.
const fn at(now: u64) -> Unguarded {
    let most = u64::MAX;
    Unguarded { now, most }
}

impl Context for Unguarded {
    fn now(&self) -> Instant {
        Instant(self.now)
    }

    fn passed(&mut self, output: u64) -> bool {
        output > self.most
    }

    fn room(&self) -> u64 {
        0
    }

    fn verdict(&mut self) -> &mut Verdict {
        panic!("nothing guards these answers")
    }

    fn heard(&mut self, _questions: &Questions) {
        panic!("nothing guards these answers")
    }

    fn policy(&self) -> &Policy {
        panic!("nothing guards these answers")
    }

    fn unscanned(&mut self, _passed: bool) {
        panic!("nothing guards these answers")
    }

    fn blocked(&mut self) -> Refusal {
        panic!("nothing guards these answers")
    }
}

const STREAM: &str = "text/event-stream";

/// A reader of OpenAI's answers that adds nothing.
fn passing(status: u16, content_type: &str, strip_usage: bool) -> AnswerReader {
    let reading = Reading {
        ids: None,
        api: Api::ChatCompletions,
        strip_usage,
        judges_end: false,
        model: None,
        stop: Stop::Never,
        guard: None,
    };
    AnswerReader::new(reading, status, content_type)
}

/// What came of an answer: the bytes that went on, and what was learned.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    out: String,
    usage: Option<Usage>,
    text_bytes: u64,
    spoke: bool,
}

/// Lets `pieces` through a reader as Envoy would: what is held comes again.
fn run_reader<'p>(
    mut reader: AnswerReader,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Came, Seen) {
    let (mut seen, mut out, mut held) = (Seen::default(), Vec::new(), Vec::new());
    let mut pieces = pieces.into_iter().peekable();
    let mut clock = 0;
    while let Some(piece) = pieces.next() {
        held.extend_from_slice(piece);
        clock += 1;
        match reader.data(&mut seen, &held, pieces.peek().is_none(), &mut at(clock)) {
            OnData::Pass => out.append(&mut held),
            OnData::Replace(new) => {
                held.clear();
                out.extend(new);
            }
            other @ (OnData::Release(..) | OnData::Reply(_) | OnData::Reset | OnData::Ask(_)) => {
                panic!("{other:?}")
            }
            OnData::Hold => {}
        }
        if let AnswerReader::Stream(stream) = &reader {
            assert!(stream.waiting() <= Framer::MAX_EVENT);
        }
    }
    let came = Came {
        out: String::from_utf8_lossy(&out).into_owned(),
        usage: seen.usage,
        text_bytes: seen.text.tally().bytes(),
        spoke: seen.first_text.is_some(),
    };
    (came, seen)
}

fn run<'p>(content_type: &str, strip: bool, pieces: impl IntoIterator<Item = &'p [u8]>) -> Came {
    run_reader(passing(200, content_type, strip), pieces).0
}

/// What comes of a whole text, once every cut in two and every small piece gave the same.
fn run_all_cuts(content_type: &str, strip: bool, text: &str) -> Came {
    all_cuts(|| passing(200, content_type, strip), text).0
}

fn all_cuts(reader: impl Fn() -> AnswerReader, text: &str) -> (Came, Seen) {
    let text = text.as_bytes();
    let whole = run_reader(reader(), [text]);
    let check = |(came, seen): (Came, Seen), cut: usize| {
        assert_eq!(came, whole.0, "cut at {cut}");
        let flags = |seen: &Seen| (seen.done, seen.error, seen.incomplete, seen.dropped);
        assert_eq!(flags(&seen), flags(&whole.1), "cut at {cut}");
    };
    for cut in 0..=text.len() {
        let (front, back) = text.split_at(cut);
        check(run_reader(reader(), [front, back]), cut);
    }
    for size in 1..=3 {
        let pieces = text.chunks(size).chain([&[] as &[u8]]);
        check(run_reader(reader(), pieces), size);
    }
    whole
}

const TEXT: &str = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"héllo"}}],"usage":null}"#;
const USAGE: &str = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}"#;
const COUNTS: Usage = Usage {
    input: 19,
    output: 10,
    cached: 4,
    reasoning: 3,
    ..Usage::NONE
};

/// Events, each ended by an empty line.
fn stream(ending: &str, events: &[&str]) -> String {
    events
        .iter()
        .map(|event| format!("{event}{ending}{ending}"))
        .collect()
}

#[test]
fn a_stream_is_read_alike_over_all_cuts_and_line_endings() {
    for ending in ["\n", "\r\n", "\r"] {
        let events = [": ping", TEXT, "event: x", TEXT, USAGE, "data: [DONE]"];
        let text = stream(ending, &events);
        let without = stream(ending, &[": ping", TEXT, "event: x", TEXT, "data: [DONE]"]);
        for (strip, out) in [(false, &text), (true, &without)] {
            let came = run_all_cuts(STREAM, strip, &text);
            assert_eq!(came.out, *out, "{ending:?}");
            assert_eq!(
                (came.usage, came.text_bytes, came.spoke),
                (Some(COUNTS), 12, true)
            );
        }
    }
}

#[test]
fn regression_a_stripped_event_takes_all_of_its_line_ending_along() {
    let text = stream("\r\n", &[TEXT, USAGE, "data: [DONE]"]);
    let end = text.find("\r\n\r\ndata: [DONE]").unwrap() + "\r\n\r".len();
    let (front, back) = text.as_bytes().split_at(end);
    let came = run(STREAM, true, [front, back]);
    assert_eq!(came.out, stream("\r\n", &[TEXT, "data: [DONE]"]));
}

#[test]
fn only_the_chunk_that_reports_nothing_else_is_stripped() {
    let both = r#"data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    for (event, stays) in [
        (USAGE, false),
        (
            "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1}}",
            false,
        ),
        (
            r#"data: {"choices":[],"usage":{"prompt_tokens":-1}}"#,
            false,
        ),
        (both, true),
        (r#"data: {"choices":[],"usage":null}"#, true),
        (r#"data: {"choices":[]}"#, true),
        (r#"data: {"usage":{"prompt_tokens":1}}"#, true),
        (
            r#"data: {"choices":null,"usage":{"prompt_tokens":1}}"#,
            true,
        ),
        (r#"data: [{"choices":[],"usage":{}}]"#, true),
    ] {
        let text = stream("\n", &[TEXT, event, "data: [DONE]"]);
        let came = run_all_cuts(STREAM, true, &text);
        let event = stays.then_some(event);
        let wanted: Vec<_> = [Some(TEXT), event, Some("data: [DONE]")]
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(came.out, stream("\n", &wanted));
    }
}

#[test]
fn what_is_no_chunk_passes_unchanged() {
    let events = [
        "data: not json",
        "data: {\"choices\":[{\"delta\":{\"content\":\"cut",
        "data: {\"choices\":{}}",
        "data:",
        "data",
        "id: 1\nretry: 5",
        "data: {} trailing",
        "data: \u{FEFF}{}",
        "\u{FEFF}",
        "",
        "data: {\"choices\":[1,null,{\"delta\":7}],\"usage\":\"many\"}",
    ];
    for event in events {
        for text in [stream("\n", &[event, TEXT]), stream("\r\n", &[event, TEXT])] {
            let came = run_all_cuts(STREAM, true, &text);
            assert_eq!(
                (came.out.as_str(), came.text_bytes, came.usage),
                (text.as_str(), 6, None)
            );
        }
    }
    let binary: &[u8] = b"data: \xff\xfe\n\n";
    assert_eq!(
        passing(200, STREAM, true).data(&mut Seen::default(), binary, true, &mut at(0)),
        OnData::Pass
    );
}

#[test]
fn whole_events_pass_without_a_copy() {
    let mut reader = passing(200, STREAM, false);
    let text = stream("\n", &[TEXT, USAGE]);
    let mut seen = Seen::default();
    assert_eq!(
        reader.data(&mut seen, text.as_bytes(), false, &mut at(1)),
        OnData::Pass
    );
    assert_eq!(reader.data(&mut seen, b"", false, &mut at(1)), OnData::Pass);
    assert_eq!(
        reader.data(&mut seen, b"data: [DONE]\n\n", true, &mut at(2)),
        OnData::Pass
    );
    assert_eq!(seen.first_text, Some(Instant(1)));
}

#[test]
fn error_events_lose_the_account_and_keep_their_length() {
    let error = r#"data: {"error":{"message":"Limit for org-abcDEF123456 with sk-proj-abcdefghi.","code":"rate_limit"}}"#;
    let redacted = r#"data: {"error":{"message":"Limit for org-************ with sk-***************","code":"rate_limit"}}"#;
    assert_eq!(error.len(), redacted.len());
    for ending in ["\n", "\r\n"] {
        let came = run_all_cuts(STREAM, true, &stream(ending, &[TEXT, error]));
        assert_eq!(came.out, stream(ending, &[TEXT, redacted]));
    }
    let chat = TEXT.replace("héllo", "org-abcDEF123456");
    let came = run_all_cuts(STREAM, true, &stream("\n", &[&chat]));
    assert_eq!(
        came.out,
        stream("\n", &[&chat]),
        "what a model says is not touched"
    );
}

#[test]
fn what_ends_without_an_empty_line_is_flushed() {
    for rest in [
        "data: [DONE]",
        "data: [DONE]\n",
        "data: {\"choi",
        "d",
        ": comment",
        TEXT,
    ] {
        let text = stream("\n", &[TEXT]) + rest;
        assert_eq!(run_all_cuts(STREAM, true, &text).out, text);
    }
    assert_eq!(run_all_cuts(STREAM, true, "").out, "");
}

#[test]
fn regression_the_last_event_is_read_even_without_its_empty_line() {
    for end in ["", "\n"] {
        let text = stream("\n", &[TEXT]) + USAGE + end;
        let came = run_all_cuts(STREAM, false, &text);
        assert_eq!((came.usage, came.out), (Some(COUNTS), text.clone()));
        let came = run_all_cuts(STREAM, true, &text);
        assert_eq!(
            (came.usage, came.out),
            (Some(COUNTS), stream("\n", &[TEXT]))
        );
        let error = r#"data: {"error":{"message":"org-abcDEF123456"}}"#;
        let came = run_all_cuts(STREAM, true, &(error.to_owned() + end));
        assert_eq!(
            came.out,
            error.replace("abcDEF123456", "************") + end
        );
    }
}

#[test]
fn the_last_usage_counts() {
    let early = USAGE.replace("\"completion_tokens\":10", "\"completion_tokens\":1");
    let absurd = r#"data: {"choices":[],"usage":{"prompt_tokens":1e99}}"#;
    let text = stream("\n", &[&early, USAGE, absurd]);
    assert_eq!(run_all_cuts(STREAM, false, &text).usage, Some(COUNTS));
}

#[test]
fn an_overlong_event_passes_and_what_follows_is_read() {
    let long = format!(
        "data: {{\"choices\":[],\"x\":\"{}\"}}",
        "a".repeat(3 * Framer::MAX_EVENT)
    );
    let text = stream("\n", &[TEXT, &long, USAGE]);
    for size in [100_000, Framer::MAX_EVENT, text.len()] {
        let came = run(STREAM, false, text.as_bytes().chunks(size));
        assert_eq!(came.out.len(), text.len());
        assert!(came.out == text, "pieces of {size}");
        assert_eq!((came.usage, came.text_bytes), (Some(COUNTS), 6));
    }
}

#[test]
fn trailers_drop_an_unfinished_event_and_say_so() {
    for (text, goes_on, dropped) in [
        (stream("\n", &[TEXT]), stream("\n", &[TEXT]), 0),
        (
            stream("\n", &[TEXT]) + "data: [DO",
            stream("\n", &[TEXT]),
            9,
        ),
        (": x\n".to_owned(), String::new(), 4),
    ] {
        let mut reader = passing(200, STREAM, false);
        let (mut seen, mut out) = (Seen::default(), Vec::new());
        match reader.data(&mut seen, text.as_bytes(), false, &mut at(0)) {
            OnData::Pass => out.extend(text.bytes()),
            OnData::Replace(new) => out.extend(new),
            other @ (OnData::Release(..) | OnData::Reply(_) | OnData::Reset | OnData::Ask(_)) => {
                panic!("{other:?}")
            }
            OnData::Hold => panic!("streams are not held"),
        }
        reader.trailers(&mut seen, &mut at(0));
        assert_eq!(
            (out, seen.dropped),
            (goes_on.into_bytes(), dropped),
            "{text}"
        );
    }
}

#[test]
fn json_is_read_over_all_cuts_and_passes() {
    let usage = USAGE.strip_prefix("data: ").unwrap();
    for (text, usage) in [
        (usage, Some(COUNTS)),
        (
            r#"{"choices":[{"message":{"content":"{\"usage\":1}"}}]}"#,
            None,
        ),
        (r#"{"usage":{"prompt_tokens":"many"}}"#, None),
        (r#"{"usage":null}"#, None),
        (r#"{"usage":{"prompt_tokens":1}"#, None),
        ("", None),
        ("[]", None),
        ("<html>", None),
    ] {
        for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
            let came = run_all_cuts(content_type, true, text);
            let all = u64::try_from(text.len()).unwrap();
            assert_eq!(
                (came.out.as_str(), came.usage, came.text_bytes),
                (text, usage, all)
            );
        }
    }
}

#[test]
fn json_before_trailers_is_read_too() {
    let mut reader = passing(200, "application/json", true);
    let mut seen = Seen::default();
    let text = USAGE.strip_prefix("data: ").unwrap();
    assert_eq!(
        reader.data(&mut seen, text.as_bytes(), false, &mut at(0)),
        OnData::Pass
    );
    assert_eq!(seen.usage, None);
    reader.trailers(&mut seen, &mut at(0));
    assert_eq!((seen.usage, seen.dropped), (Some(COUNTS), 0));
}

#[test]
fn other_types_pass_unread() {
    for content_type in [
        "",
        "text/plain",
        "audio/mpeg",
        "text/event-stream-2",
        "application/jsonl",
    ] {
        let text = stream("\n", &[USAGE]);
        let came = run_all_cuts(content_type, true, &text);
        let counted = match content_type {
            "audio/mpeg" => 0,
            _ => u64::try_from(text.len()).unwrap(),
        };
        assert_eq!(
            (came.out, came.usage, came.text_bytes),
            (text, None, counted),
            "{content_type}"
        );
    }
}

fn error_body(pieces: &[&[u8]]) -> String {
    run_reader(
        passing(429, "application/json", false),
        pieces.iter().copied(),
    )
    .0
    .out
}

#[test]
fn error_bodies_are_held_and_lose_the_account() {
    let body =
        r#"{"error":{"message":"Limit in org-abcDEF123456 on\nproj_abcdefgh of user-1234567890"}}"#;
    let wanted =
        r#"{"error":{"message":"Limit in org-************ on\nproj_******** of user-**********"}}"#;
    for cut in 0..=body.len() {
        let (front, back) = body.as_bytes().split_at(cut);
        assert_eq!(error_body(&[front, back]), wanted);
    }
    let mut reader = passing(500, STREAM, false);
    let mut seen = Seen::default();
    assert_eq!(
        reader.data(&mut seen, b"a", false, &mut at(0)),
        OnData::Hold
    );
    assert_eq!(
        reader.data(&mut seen, b"ab", true, &mut at(0)),
        OnData::Pass
    );
    assert_eq!((seen.usage, seen.text.tally().bytes()), (None, 0));
}

#[test]
fn an_overlong_error_body_is_replaced_whole() {
    let long = [b'a'; MAX_ERROR_BODY];
    assert_eq!(
        error_body(&[&long]).len(),
        MAX_ERROR_BODY,
        "the longest that is shown"
    );
    for pieces in [
        &[&long as &[u8], b"b"] as &[&[u8]],
        &[&long, b"b", &long, b""],
        &[&[b'a'; MAX_ERROR_BODY + 1]],
        &[b"a", &long],
    ] {
        let out = error_body(pieces);
        let value: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["error"]["code"], "upstream_error");
    }
}

#[test]
fn headers_of_the_providers_account_are_removed() {
    let names = [
        "content-type",
        "openai-organization",
        "openai-project",
        "openai-version",
        "set-cookie",
        "x-ratelimit-remaining-tokens",
        "anthropic-ratelimit-x",
        "x-envoy-upstream-service-time",
        "x-tollgate-x",
        "x-should-retry",
        "retry-after",
        "x-request-id",
        "www-authenticate",
        "anthropic-organization-id",
        "set-cookie",
    ];
    let headers: Vec<_> = names.map(|name| (name.to_owned(), Vec::new())).into();
    let mut removed = account_headers(Headers(&headers));
    removed.sort();
    assert_eq!(
        removed,
        [
            "anthropic-organization-id",
            "anthropic-ratelimit-x",
            "openai-organization",
            "openai-project",
            "set-cookie",
            "www-authenticate",
            "x-envoy-upstream-service-time",
            "x-ratelimit-remaining-tokens",
            "x-should-retry",
            "x-tollgate-x",
        ]
    );
}

fn arb_stream() -> impl Strategy<Value = String> {
    let lines = vec![
        TEXT,
        USAGE,
        "data: [DONE]",
        "data:",
        ": ping",
        "event: error",
        "é",
        "",
        r#"data: {"error":{"message":"org-abcDEF123456"}}"#,
        "data: {\"choices\":[",
        "data: ]}",
        "\u{FEFF}",
    ];
    let endings =
        proptest::sample::select(vec!["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r", ""]);
    let line = (proptest::sample::select(lines), endings);
    vec(line, 0..10).prop_map(|lines| {
        lines
            .iter()
            .map(|(line, end)| format!("{line}{end}"))
            .collect()
    })
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_stream_is_read_alike_over_all_cuts(text in arb_stream(), strip in any::<bool>()) {
        let came = run_all_cuts(STREAM, strip, &text);
        if !strip {
            prop_assert_eq!(came.out.len(), text.len());
        }
    }

    #[test]
    fn arbitrary_bytes_pass_alike_over_all_cuts(
        text in vec(proptest::sample::select(b"data: {}[]\"\\\n\r\n\r\xff0e,".to_vec()), 0..40),
        status in proptest::sample::select(vec![200, 500]),
        content_type in proptest::sample::select(vec![STREAM, "application/json", ""]),
    ) {
        for cut in 0..=text.len() {
            let (front, back) = text.split_at(cut);
            let reader = passing(status, content_type, true);
            let (came, _) = run_reader(reader, [front, back]);
            prop_assert_eq!(came.out, String::from_utf8_lossy(&text));
        }
    }
}
