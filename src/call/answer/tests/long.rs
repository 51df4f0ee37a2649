//! Events that are longer than what is waited for.

use super::guarding::{Case, MAIL, RESPONSES, response_of};
use super::*;
use serde_json::json;

/// The last event of a response, longer than `least` bytes by an image in it.
fn last(text: &str, least: usize) -> String {
    let image = "QUJD".repeat(least / 4 + 1);
    let event = json!({"type": "response.completed", "response": {"id": "resp_1", "model": "m",
        "output": [{"type": "image_generation_call", "id": "ig_1", "result": image},
            {"type": "message", "content": [{"type": "output_text", "text": text}]}],
        "usage": {"input_tokens": 3, "output_tokens": 1056, "total_tokens": 1059}},
        "sequence_number": 9});
    format!("event: response.completed\ndata: {event}\n\n")
}

fn used() -> Option<Usage> {
    Some(Usage {
        input: 3,
        output: 1056,
        ..Usage::default()
    })
}

fn created() -> String {
    let event =
        json!({"type": "response.created", "response": {"id": "resp_1"}, "sequence_number": 0});
    format!("event: response.created\ndata: {event}\n\n")
}

#[test]
fn regression_the_end_of_a_response_counts_however_long_it_is() {
    let reader = || {
        let reading = Reading {
            ids: None,
            api: Api::Responses,
            strip_usage: false,
            judges_end: true,
            model: None,
            stop: Stop::Never,
            guard: None,
        };
        AnswerReader::new(reading, 200, STREAM)
    };
    let text = created() + &last("Hello.", 3 * Framer::MAX_EVENT);
    for size in [10_000, 65_536, Framer::MAX_EVENT, text.len()] {
        let pieces = text.as_bytes().chunks(size).chain([&[] as &[u8]]);
        let (came, seen) = run_reader(reader(), pieces);
        assert!(came.out == text, "pieces of {size}");
        assert_eq!(came.usage, used(), "pieces of {size}");
        assert!(seen.done && !seen.incomplete && !seen.error);
    }
    // Cut in the middle, it is no end.
    let (text, _) = text.split_at(text.len() - 20);
    let pieces = text.as_bytes().chunks(65_536).chain([&[] as &[u8]]);
    let (came, seen) = run_reader(reader(), pieces);
    assert!(seen.incomplete && !seen.done && came.usage.is_none());
}

#[test]
fn regression_a_long_end_is_inspected_like_any_other() {
    let case = Case {
        longest: 4 * Framer::MAX_EVENT,
        ..RESPONSES
    };
    let said = format!("Ask {MAIL} now.");
    let front = response_of(&[&said], &said);
    let (front, _) = front.split_at(front.find("event: response.completed").unwrap());
    let text = front.to_owned() + &last(&said, 3 * Framer::MAX_EVENT);
    for size in [65_536, text.len()] {
        let pieces = text.as_bytes().chunks(size).chain([&[] as &[u8]]);
        let (out, seen, watched) = case.run(STREAM, pieces);
        let (_, end) = out.rsplit_once("data: ").unwrap();
        let end: Value = serde_json::from_str(end).unwrap();
        let told = &end["response"]["output"][1]["content"][0]["text"];
        assert_eq!(told, "Ask <EMAIL_ADDRESS> now.");
        assert_eq!((seen.usage, watched.unscanned), (used(), vec![]));
        assert_eq!(seen.stopped, Stopped::No);
    }
}

#[test]
fn regression_what_is_too_long_to_inspect_still_says_what_was_used() {
    let said = format!("Ask {MAIL} now.");
    let text = created() + &last(&said, Framer::MAX_EVENT * 3 / 2);
    for passes_unread in [false, true] {
        let case = Case {
            passes_unread,
            ..RESPONSES
        };
        let pieces = text.as_bytes().chunks(65_536).chain([&[] as &[u8]]);
        let (out, seen, watched) = case.run(STREAM, pieces);
        assert_eq!(seen.usage, used(), "{passes_unread}");
        assert_eq!(watched.unscanned, [passes_unread]);
        if passes_unread {
            assert!(out == text);
        } else {
            assert!(!out.contains(MAIL) && !out.contains("QUJD"));
            assert_eq!(seen.stopped, Stopped::Unscannable);
        }
    }
}

#[test]
fn regression_errors_of_ours_have_all_members_of_an_error_event() {
    let told = |out: &str| {
        let (_, data) = out.rsplit_once("event: error\ndata: ").unwrap();
        let event: Value = serde_json::from_str(data).unwrap();
        assert_eq!(event["message"], event["error"]["message"]);
        assert_eq!(event["code"], event["error"]["code"]);
        assert_eq!(event["type"], "error");
        assert!(event["param"].is_null());
        (event["code"].clone(), event["sequence_number"].clone())
    };
    let (out, ..) = RESPONSES.run(STREAM, [created().as_bytes(), b""]);
    assert_eq!(told(&out), (json!("upstream_incomplete"), json!(1)));
    let broken = created() + "data: {no\n\n";
    let (out, ..) = RESPONSES.run(STREAM, [broken.as_bytes()]);
    assert_eq!(told(&out), (json!("unscannable_answer"), json!(1)));
    let reading = Reading {
        ids: None,
        api: Api::Responses,
        strip_usage: false,
        judges_end: true,
        model: None,
        stop: Stop::Never,
        guard: None,
    };
    let reader = AnswerReader::new(reading, 200, STREAM);
    let (came, _) = run_reader(reader, [created().as_bytes(), b""]);
    assert_eq!(told(&came.out), (json!("upstream_incomplete"), json!(1)));
}
