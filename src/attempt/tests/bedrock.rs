//! Bedrock as provider: its paths, streams and errors.

use super::responses::between;
use super::*;
use crate::eventstream::tests::message;

const STREAM: &str = "application/vnd.amazon.eventstream";

fn path(base_path: &str, model: &str, stream: bool) -> String {
    let entry = entry_of((Protocol::Bedrock, Api::Converse), base_path, model, stream);
    let wanted = (Api::Converse, KeyHeader::Authorization);
    assert_eq!((entry.api, entry.key_header), wanted);
    entry.path
}

#[test]
fn the_path_says_model_and_stream() {
    let arn = "arn:aws:bedrock:us-east-1:123:inference-profile/us.x";
    for (base, model, stream, wanted) in [
        ("", "a.b-v1:0", false, "/model/a.b-v1%3A0/converse"),
        ("", "a.b-v1:0", true, "/model/a.b-v1%3A0/converse-stream"),
        (
            "/proxy",
            arn,
            false,
            "/proxy/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123%3Ainference-profile%2Fus.x/converse",
        ),
    ] {
        assert_eq!(path(base, model, stream), wanted);
    }
}

fn bedrock(stream: bool) -> Attempt {
    between(Api::ChatCompletions, Api::Converse, stream)
}

#[test]
fn what_is_accepted_is_said() {
    for (stream, kind) in [(true, STREAM), (false, "application/json")] {
        let headers = head(&[
            ("accept", "text/event-stream"),
            ("authorization", "Bearer of-the-caller"),
            ("x-amz-security-token", "of-the-caller"),
        ]);
        let edits = bedrock(stream).request_head(Headers(&headers), None);
        assert!(edits.set.contains(&("accept", kind.to_owned())));
        for private in ["authorization", "x-amz-security-token"] {
            assert!(edits.remove.iter().any(|name| name == private), "{private}");
        }
    }
}

fn event(name: &str, payload: &Value) -> Vec<u8> {
    let headers = [(":event-type", name), (":message-type", "event")];
    message(&headers, payload.to_string().as_bytes())
}

fn exception(name: &str, text: &str) -> Vec<u8> {
    let headers = [(":exception-type", name), (":message-type", "exception")];
    message(&headers, json!({"message": text}).to_string().as_bytes())
}

fn text(text: &str) -> Vec<u8> {
    let delta = json!({"contentBlockIndex": 0, "delta": {"text": text}});
    event("contentBlockDelta", &delta)
}

fn stream() -> Vec<u8> {
    [
        event("messageStart", &json!({"role": "assistant"})),
        text("Grüße "),
        text("😀"),
        event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        event("messageStop", &json!({"stopReason": "end_turn"})),
        event(
            "metadata",
            &json!({"usage": {"inputTokens": 3, "outputTokens": 2}}),
        ),
    ]
    .concat()
}

/// All that goes on of a stream that comes in these pieces.
fn passed(attempt: &mut Attempt, pieces: &[&[u8]]) -> Vec<u8> {
    answer_head(attempt, "200", STREAM);
    let mut out = Vec::new();
    let mut waiting = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        waiting.extend_from_slice(piece);
        match attempt.answer_data(&waiting, index + 1 == pieces.len()) {
            OnAttempt::Hold => continue,
            OnAttempt::Replace(new) => out.extend(new),
            on => {
                assert_eq!(set(&on, "content-type"), Some("text/event-stream"));
                let OnAttempt::Release(_, Some(new)) = on else {
                    panic!("{on:?}");
                };
                out.extend(new);
            }
        }
        waiting.clear();
    }
    out
}

#[test]
fn regression_what_stands_behind_the_end_spoils_nothing() {
    for caller in [Api::ChatCompletions, Api::Responses, Api::Messages] {
        let between = || between(caller, Api::Converse, true);
        let (bytes, junk) = (stream(), [0xFF_u8; 16]);
        let whole = passed(&mut between(), &[&bytes]);
        assert_eq!(passed(&mut between(), &[&bytes, &junk]), whole);
        let mut attempt = between();
        let both = [&bytes[..], &junk].concat();
        assert_eq!(passed(&mut attempt, &[&both]), whole);
        assert_eq!(attempt.tries().0[0].came, Came::Answered);
    }
}

#[test]
fn a_stream_is_the_same_wherever_it_is_cut() {
    for (caller, end) in [
        (Api::ChatCompletions, "data: [DONE]\n"),
        (Api::Responses, "event: response.completed\n"),
        (Api::Messages, "event: message_stop\n"),
    ] {
        let bytes = stream();
        let between = || between(caller, Api::Converse, true);
        let whole = passed(&mut between(), &[&bytes]);
        let told = String::from_utf8(whole.clone()).unwrap();
        assert!(told.contains(end) && told.contains("😀"), "{told}");
        for at in 1..bytes.len() {
            let (one, two) = bytes.split_at(at);
            assert_eq!(
                passed(&mut between(), &[one, two]),
                whole,
                "{caller:?} {at}"
            );
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(passed(&mut between(), &single), whole);
        // What breaks off has no end.
        let cut = [text("a"), text("b"), text("c")].concat();
        for at in text("a").len()..cut.len() {
            let told = passed(&mut between(), &[&cut[..at]]);
            let told = String::from_utf8(told).unwrap();
            assert!(!told.contains(end) && told.contains('a'), "{told}");
        }
    }
}

#[test]
fn a_wrong_sum_ends_the_stream() {
    let mut bad = text("b");
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    let pieces = [text("a"), bad.clone(), text("c")];
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let told = String::from_utf8(passed(&mut bedrock(true), &pieces)).unwrap();
    assert!(told.contains("upstream_invalid_answer"), "{told}");
    assert!(
        told.contains(r#""a""#) && !told.contains(r#""c""#),
        "{told}"
    );
    // As the first of all it is no answer.
    let mut attempt = bedrock(true);
    answer_head(&mut attempt, "200", STREAM);
    let on = attempt.answer_data(&bad, false);
    assert_eq!(set(&on, RETRY_HEADER), Some("garbage"));
}

#[test]
fn a_stream_begins_with_what_it_says() {
    let tool =
        json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}});
    for (bytes, goes_on) in [
        (event("messageStart", &json!({"role": "assistant"})), false),
        (
            event(
                "contentBlockStart",
                &json!({"contentBlockIndex": 0, "start": {}}),
            ),
            false,
        ),
        (
            event("contentBlockStop", &json!({"contentBlockIndex": 0})),
            false,
        ),
        (event("contentBlockStart", &tool), true),
        (text("a"), true),
        (
            event("messageStop", &json!({"stopReason": "content_filtered"})),
            true,
        ),
    ] {
        let mut attempt = bedrock(true);
        answer_head(&mut attempt, "200", STREAM);
        let on = attempt.answer_data(&bytes, false);
        assert_eq!(matches!(on, OnAttempt::Release(..)), goes_on, "{bytes:?}");
    }
    // Events of others are none of its.
    let mut attempt = bedrock(true);
    let on = answer_head(&mut attempt, "200", SSE);
    assert_eq!(set(&on, RETRY_HEADER), Some("garbage"));
}

/// The outcome of a try.
fn outcome(attempt: &Attempt) -> Failure {
    match attempt.tries().0.last().map(|tried| tried.came.clone()) {
        Some(Came::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn exceptions_before_content_move_on() {
    for (name, why, status) in [
        ("throttlingException", Why::RateLimited, "429"),
        ("serviceUnavailableException", Why::Unavailable, "503"),
        ("modelStreamErrorException", Why::Model, "502"),
        ("internalServerException", Why::Unavailable, "500"),
        ("modelTimeoutException", Why::Unavailable, "504"),
        ("validationException", Why::Request, "400"),
        ("somethingNewException", Why::Unavailable, "502"),
    ] {
        let mut attempt = bedrock(true);
        answer_head(&mut attempt, "200", STREAM);
        let bytes = [event("messageStart", &json!({})), exception(name, "no")].concat();
        let on = attempt.answer_data(&bytes, true);
        assert_eq!(outcome(&attempt).why, why, "{name}");
        assert_eq!(set(&on, ":status"), Some(status), "{name}");
        assert_eq!(
            set(&on, RETRY_HEADER).is_some(),
            why != Why::Request,
            "{name}"
        );
    }
    // Behind content, the caller is told.
    let bytes = [text("a"), exception("throttlingException", "slow")].concat();
    let told = String::from_utf8(passed(&mut bedrock(true), &[&bytes])).unwrap();
    assert!(
        told.contains("rate_limit_error") && told.contains("slow"),
        "{told}"
    );
}

#[test]
fn names_of_errors_say_more_than_statuses() {
    for (status, name, message, why, told) in [
        ("400", "ValidationException", "bad", Why::Request, "400"),
        (
            "400",
            "ValidationException",
            "Input is too long for requested model.",
            Why::ContextLength,
            "400",
        ),
        (
            "400",
            "ThrottlingException:http://x",
            "slow",
            Why::RateLimited,
            "429",
        ),
        (
            "400",
            "ServiceQuotaExceededException",
            "quota",
            Why::RateLimited,
            "429",
        ),
        ("400", "ExpiredTokenException", "old", Why::Auth, "403"),
        ("424", "ModelErrorException", "no", Why::Model, "502"),
        (
            "400",
            "ValidationException",
            "The provided model identifier is invalid.",
            Why::NotFound,
            "404",
        ),
        (
            "400",
            "ValidationException",
            "Operation not allowed",
            Why::Auth,
            "403",
        ),
        (
            "403",
            "AccessDeniedException",
            "You invoked an unsupported model or your request did not allow prompt caching.",
            Why::Request,
            "400",
        ),
        (
            "408",
            "ModelTimeoutException",
            "late",
            Why::Unavailable,
            "504",
        ),
        (
            "404",
            "ResourceNotFoundException",
            "no",
            Why::NotFound,
            "404",
        ),
        ("503", "", "no", Why::Unavailable, "503"),
    ] {
        let mut attempt = bedrock(false);
        let headers = head(&[
            (":status", status),
            ("x-amzn-errortype", name),
            ("content-type", "application/json"),
        ]);
        let on = attempt.answer_head(Headers(&headers), false, NOW);
        assert_eq!(on, OnAttempt::Hold, "{name}");
        let body = json!({"message": message}).to_string();
        let on = attempt.answer_data(body.as_bytes(), true);
        assert_eq!(outcome(&attempt).why, why, "{name}");
        let OnAttempt::Release(edits, Some(body)) = on else {
            panic!("{on:?}");
        };
        let mut statuses = edits.set.iter().filter(|(name, _)| *name == ":status");
        assert_eq!(
            statuses.next_back().map(|(_, status)| status.as_str()),
            Some(told),
            "{name}"
        );
        assert!(String::from_utf8(body).unwrap().contains(message));
    }
}

fn intervened() -> Vec<u8> {
    event(
        "messageStop",
        &json!({"stopReason": "guardrail_intervened"}),
    )
}

/// What Bedrock says where its guardrail refuses a prompt.
fn refused() -> Vec<u8> {
    let start = event("messageStart", &json!({"role": "assistant"}));
    let stop = event("contentBlockStop", &json!({"contentBlockIndex": 0}));
    let usage = event("metadata", &json!({"usage": {"inputTokens": 0}}));
    [start, text("Sorry."), stop, intervened(), usage].concat()
}

fn judged(stream: bool, moves_on: bool) -> Attempt {
    let mut plan = plan(stream);
    plan.tries[0].api = Api::Converse;
    plan.content_policy = moves_on;
    begin(plan)
}

/// What goes on of a stream that is cut there, and the words by which it asks for the next target.
fn judgement(bytes: &[u8], at: usize, moves_on: bool) -> (String, Option<String>) {
    let mut attempt = judged(true, moves_on);
    answer_head(&mut attempt, "200", STREAM);
    let (mut out, mut asks, mut waiting) = (Vec::new(), None, Vec::new());
    let (one, two) = bytes.split_at(at);
    for (piece, end) in [(one, false), (two, true)] {
        waiting.extend_from_slice(piece);
        let on = attempt.answer_data(&waiting, end);
        if matches!(on, OnAttempt::Release(..)) {
            asks = set(&on, RETRY_HEADER).map(str::to_owned);
        }
        match on {
            OnAttempt::Hold => continue,
            OnAttempt::Replace(new) | OnAttempt::Release(_, Some(new)) => out.extend(new),
            on => panic!("{on:?}"),
        }
        waiting.clear();
    }
    (String::from_utf8(out).unwrap(), asks)
}

#[test]
fn regression_what_bedrocks_guardrail_refuses_moves_on_if_configured() {
    let body = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "Sorry."}]}},
        "stopReason": "guardrail_intervened", "usage": {"inputTokens": 1, "outputTokens": 1},
    });
    for moves_on in [true, false] {
        let mut attempt = judged(false, moves_on);
        answer_head(&mut attempt, "200", "application/json");
        let on = attempt.answer_data(body.to_string().as_bytes(), true);
        assert_eq!(set(&on, RETRY_HEADER), moves_on.then_some("content_policy"));
        assert_eq!(set(&on, ":status"), moves_on.then_some("400"));
        let OnAttempt::Release(_, Some(out)) = &on else {
            panic!("{on:?}");
        };
        let word = match moves_on {
            true => "content_policy_violation",
            false => r#""finish_reason":"content_filter""#,
        };
        assert!(String::from_utf8_lossy(out).contains(word), "{out:?}");
        if moves_on {
            assert_eq!(outcome(&attempt).why, Why::ContentPolicy);
        }
    }
    for bytes in [refused(), intervened()] {
        for at in 0..bytes.len() {
            let (out, asks) = judgement(&bytes, at, true);
            assert_eq!(asks.as_deref(), Some("content_policy"), "{at}");
            assert!(out.contains("content_policy_violation"), "{out}");
            let (out, asks) = judgement(&bytes, at, false);
            assert_eq!(asks, None, "{at}");
            assert!(out.contains(r#""finish_reason":"content_filter""#), "{out}");
        }
    }
}

/// Where a guardrail may still refuse it, the first text alone is not yet an answer.
#[test]
fn a_stream_waits_for_its_second_event_of_text_where_content_moves_on() {
    let begins = |pieces: &[Vec<u8>], end: bool| {
        let mut attempt = judged(true, true);
        answer_head(&mut attempt, "200", STREAM);
        let on = attempt.answer_data(&pieces.concat(), end);
        let begins = on != OnAttempt::Hold;
        assert!(!begins || set(&on, RETRY_HEADER).is_none(), "{on:?}");
        begins
    };
    let stop = event("messageStop", &json!({"stopReason": "end_turn"}));
    assert!(!begins(&[text("a")], false));
    assert!(begins(&[text("a"), text("b")], false));
    assert!(begins(&[text("a"), stop.clone()], false));
    assert!(begins(&[stop], false));
    // It broke off: what came is told.
    assert!(begins(&[text("a")], true));
    // Too late.
    assert!(begins(&[text("a"), text("b"), intervened()], true));
    let cut = stream();
    for at in 0..cut.len() {
        let (out, asks) = judgement(&cut, at, true);
        assert_eq!((out, asks), judgement(&cut, at, false), "{at}");
    }
}
