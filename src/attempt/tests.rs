mod bedrock;
mod gemini;
mod responses;

use super::*;
use crate::config::{Backend, MaxTokensField, Target};
use crate::http::Headers;
use crate::protocols::{Api, Protocol};
use serde_json::{Value, json};
use std::rc::Rc;

const NOW: Instant = Instant(1_700_000_000_000_000_000);

/// How a caller of messages asks a model of a backend that has one API.
fn entry_of((protocol, api): (Protocol, Api), base_path: &str, model: &str, stream: bool) -> Entry {
    let backend = Backend {
        name: "far".to_owned(),
        cluster: "far".to_owned(),
        protocol,
        apis: vec![api],
        base_path: base_path.to_owned(),
        authority: None,
        azure_api_version: None,
        remove_fields: Vec::new(),
        max_tokens_field: MaxTokensField::AsSent,
    };
    let target = Target {
        backend: Rc::new(backend),
        model: model.to_owned(),
        context: None,
        max_output: None,
        accepts: None,
        gives: None,
        weight: 1,
        price: None,
        shadow: false,
        key: format!("far/{model}"),
    };
    Entry::of(&target, None, Api::Messages, stream)
}

fn entry(backend: &str, protocol: Protocol) -> Entry {
    let (path, key_header) = match protocol {
        Protocol::OpenAi => ("/v1/chat/completions", KeyHeader::Authorization),
        Protocol::Anthropic => ("/v1/messages", KeyHeader::XApiKey),
        Protocol::Bedrock => ("/model/m/converse", KeyHeader::Authorization),
        Protocol::Gemini => ("/v1beta/models/m:generateContent", KeyHeader::XGoogApiKey),
    };
    Entry {
        store: false,
        default_output: None,
        backend: backend.to_owned(),
        api: protocol.chat(),
        model: format!("{backend}-model"),
        path: path.to_owned(),
        authority: Some(format!("{backend}.example")),
        context: None,
        max_output: None,
        remove_fields: Vec::new(),
        max_tokens_field: None,
        key_header,
        told_model: None,
    }
}

fn plan(stream: bool) -> Plan {
    Plan {
        id: "call-1".to_owned(),
        caller: Api::ChatCompletions,
        stream,
        opaque: false,
        limit: 1 << 20,
        deadline: NOW.0 + 1,
        content_policy: false,
        authority: "gateway.example".to_owned(),
        headers: vec![("openai-beta".to_owned(), "x=1".to_owned())],
        tries: vec![
            entry("a", Protocol::OpenAi),
            entry("b", Protocol::Anthropic),
        ],
    }
}

fn begin(plan: Plan) -> Attempt {
    Attempt::begin(plan, Tries::default(), 1, "a", NOW).unwrap()
}

fn head(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn answer_head(attempt: &mut Attempt, status: &str, kind: &str) -> OnAttempt {
    let headers = head(&[(":status", status), ("content-type", kind)]);
    attempt.answer_head(Headers(&headers), false, NOW)
}

fn set<'e>(on: &'e OnAttempt, name: &str) -> Option<&'e str> {
    let OnAttempt::Release(edits, _) = on else {
        panic!("{on:?}");
    };
    let mut set = edits.set.iter();
    set.find(|(known, _)| *known == name)
        .map(|(_, value)| value.as_str())
}

const SSE: &str = "text/event-stream; charset=utf-8";
const ROLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";

#[test]
fn plans_and_tries_survive_their_way() {
    let plan = plan(true);
    assert_eq!(Plan::from_json(&plan.to_json()), Some(plan.clone()));
    let mut attempt = begin(plan);
    answer_head(&mut attempt, "429", "application/json");
    let tries = attempt.tries();
    assert_eq!(&Tries::from_json(&tries.to_json()), tries);
    assert_eq!(Tries::from_json(b""), Tries::default());
    assert_eq!(Plan::from_json(b""), None);
}

#[test]
fn a_try_of_another_backend_is_not_made() {
    for (number, backend) in [(1, "b"), (2, "a"), (9, "a")] {
        let begun = Attempt::begin(plan(false), Tries::default(), number, backend, NOW);
        assert_eq!(begun.unwrap_err(), Misplaced::OtherBackend);
    }
    let last = Attempt::begin(plan(false), Tries::default(), 9, "b", NOW).unwrap();
    assert_eq!(last.tries().0[0].target, 1);
}

#[test]
fn no_try_but_the_first_begins_too_late() {
    let late = Instant(NOW.0 + 2);
    assert!(Attempt::begin(plan(false), Tries::default(), 1, "a", late).is_ok());
    let second = Attempt::begin(plan(false), Tries::default(), 2, "b", late);
    assert_eq!(second.unwrap_err(), Misplaced::TooLate);
}

#[test]
fn nothing_of_another_provider_is_left_in_the_head() {
    let attempt = Attempt::begin(plan(false), Tries::default(), 2, "b", NOW).unwrap();
    let headers = head(&[
        (":path", "/v1/chat/completions"),
        ("authorization", "Bearer a-key"),
        ("api-key", "a-key"),
        ("openai-beta", "x=1"),
        ("x-tollgate-internal-credential-a", "Bearer a-key"),
        ("x-tollgate-internal-credential-b", "b-key"),
        ("x-stainless-lang", "1"),
    ]);
    let edits = attempt.request_head(Headers(&headers), None);
    for name in [
        "authorization",
        "api-key",
        "openai-beta",
        "x-tollgate-internal-credential-a",
        "x-tollgate-internal-credential-b",
    ] {
        assert!(edits.remove.iter().any(|removed| removed == name), "{name}");
    }
    assert!(
        !edits
            .remove
            .iter()
            .any(|removed| removed == "x-stainless-lang")
    );
    for wanted in [
        (":path", "/v1/messages"),
        (":authority", "b.example"),
        ("x-api-key", "b-key"),
        ("anthropic-version", "2023-06-01"),
    ] {
        let found = edits.set.iter().find(|(name, _)| *name == wanted.0);
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(wanted.1));
    }
}

#[test]
fn regression_what_an_earlier_provider_was_given_is_taken_away() {
    let mut anywhere = plan(false);
    anywhere.tries[1].authority = None;
    let first = begin(anywhere.clone());
    let sent = head(&[
        (":authority", "gateway.example"),
        ("content-length", "9"),
        ("user-agent", "x"),
        ("x-litellm-key", "the caller's"),
    ]);
    let kept = first.head_to_keep(Headers(&sent)).unwrap();
    let tries = first.tries().clone();
    let second = Attempt::begin(anywhere, tries, 2, "b", NOW).unwrap();
    let left = head(&[
        (":authority", "a.example"),
        ("user-agent", "x"),
        ("x-any-name-of-a-key", "a-key"),
        ("x-litellm-key", "a-key"),
        ("content-length", "7"),
    ]);
    assert_eq!(second.head_to_keep(Headers(&left)), None);
    let edits = second.request_head(Headers(&left), Some(&kept));
    assert_eq!(edits.remove, ["x-any-name-of-a-key", "x-litellm-key"]);
    assert!(
        edits
            .set
            .contains(&(":authority", "gateway.example".to_owned()))
    );
}

#[test]
fn one_target_has_no_head_to_keep() {
    let mut alone = plan(false);
    alone.tries.truncate(1);
    assert_eq!(begin(alone).head_to_keep(Headers(&[])), None);
}

#[test]
fn headers_of_the_protocol_come_back_for_its_providers() {
    let edits = begin(plan(false)).request_head(Headers(&head(&[("openai-beta", "other")])), None);
    assert!(edits.set.contains(&("openai-beta", "x=1".to_owned())));
    let mut anthropic = plan(false);
    anthropic.headers = vec![
        ("anthropic-version".to_owned(), "2024-01-01".to_owned()),
        ("anthropic-beta".to_owned(), "y".to_owned()),
    ];
    let attempt = Attempt::begin(anthropic, Tries::default(), 2, "b", NOW).unwrap();
    let set = attempt.request_head(Headers(&[]), None).set;
    let versions = set.iter().filter(|(name, _)| *name == "anthropic-version");
    assert_eq!(
        versions
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>(),
        ["2024-01-01"]
    );
    assert!(set.contains(&("anthropic-beta", "y".to_owned())));
}

#[test]
fn statuses_that_move_on() {
    for (status, why) in [
        ("429", "rate_limited"),
        ("401", "auth"),
        ("403", "auth"),
        ("404", "not_found"),
        ("302", "unavailable"),
        ("500", "unavailable"),
        ("529", "unavailable"),
    ] {
        let mut attempt = begin(plan(false));
        let on = answer_head(&mut attempt, status, "application/json");
        assert_eq!(set(&on, RETRY_HEADER), Some(why), "{status}");
        assert_eq!(set(&on, ":status"), None, "{status}");
        assert!(!attempt.reads_answer());
    }
    let mut attempt = begin(plan(false));
    let on = answer_head(&mut attempt, "409", "application/json");
    assert_eq!(set(&on, RETRY_HEADER), None);
}

#[test]
fn a_400_is_read_before_it_is_judged() {
    let body = br#"{"error":{"code":"context_length_exceeded"}}"#;
    for (context, larger, moves) in [
        (Some(10), Some(20), true),
        (Some(10), None, true),
        (Some(10), Some(10), false),
        (Some(20), Some(10), false),
    ] {
        let mut plan = plan(false);
        plan.tries[0].context = context;
        plan.tries[1].context = larger;
        let mut attempt = begin(plan);
        assert_eq!(
            answer_head(&mut attempt, "400", "application/json"),
            OnAttempt::Hold
        );
        assert_eq!(attempt.answer_data(&body[..9], false), OnAttempt::Hold);
        let on = attempt.answer_data(body, true);
        assert_eq!(set(&on, RETRY_HEADER).is_some(), moves);
        let OnAttempt::Release(_, None) = on else {
            panic!()
        };
    }
}

#[test]
fn refusals_for_content_move_on_only_if_configured() {
    for moves in [true, false] {
        let mut plan = plan(false);
        plan.content_policy = moves;
        let mut attempt = begin(plan);
        answer_head(&mut attempt, "400", "application/json");
        let on = attempt.answer_data(br#"{"error":{"code":"content_filter"}}"#, true);
        assert_eq!(set(&on, RETRY_HEADER).is_some(), moves);
    }
}

#[test]
fn what_is_no_answer_moves_on() {
    for (kind, body) in [
        ("text/html", "<html>"),
        ("application/json", "<html>"),
        ("application/json", "{\"choices\":["),
        ("application/json", ""),
        ("application/json", "[]"),
        (SSE, TEXT),
    ] {
        let mut attempt = begin(plan(false));
        let mut on = answer_head(&mut attempt, "200", kind);
        if on == OnAttempt::Hold {
            on = attempt.answer_data(body.as_bytes(), true);
        }
        assert_eq!(set(&on, RETRY_HEADER), Some("garbage"), "{kind} {body}");
        assert_eq!(set(&on, ":status"), Some("502"));
        assert_eq!(
            attempt.answer_data(b"more", true),
            OnAttempt::Replace(Vec::new())
        );
    }
}

#[test]
fn a_stream_goes_on_from_its_first_content() {
    for (events, content) in [
        (vec![ROLE, ": ping\n\n", TEXT], 3),
        (
            vec!["data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"],
            1,
        ),
        (
            vec!["data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n"],
            1,
        ),
    ] {
        let mut attempt = begin(plan(true));
        assert_eq!(answer_head(&mut attempt, "200", SSE), OnAttempt::Hold);
        let whole = events.concat();
        // Cut at every byte: nothing goes on before the last event is whole.
        for end in 1..whole.len() {
            let on = attempt.answer_data(&whole.as_bytes()[..end], false);
            if end < whole.len() - 1 {
                assert_eq!(on, OnAttempt::Hold, "{content} {end}");
            }
        }
        let mut attempt = begin(plan(true));
        answer_head(&mut attempt, "200", SSE);
        let on = attempt.answer_data(whole.as_bytes(), false);
        assert_eq!(set(&on, RETRY_HEADER), None);
        assert!(matches!(on, OnAttempt::Release(_, None)));
        assert_eq!(attempt.tries().0[0].came, Came::Answered);
    }
}

#[test]
fn an_error_as_first_event_gets_its_status() {
    let mut attempt = begin(plan(true));
    answer_head(&mut attempt, "200", SSE);
    let error = json!({"error": {"type": "rate_limit_error", "message": "slow"}});
    let body = format!("{ROLE}data: {error}\n\n");
    let on = attempt.answer_data(body.as_bytes(), false);
    assert_eq!(set(&on, ":status"), Some("429"));
    assert_eq!(set(&on, "content-type"), Some("application/json"));
    assert_eq!(set(&on, RETRY_HEADER), Some("rate_limited"));
    let OnAttempt::Release(_, Some(body)) = on else {
        panic!()
    };
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), error);
    assert_eq!(
        attempt.answer_data(b"data: more\n\n", true),
        OnAttempt::Replace(Vec::new())
    );
}

/// A plan for a caller of `api`, at a provider that has it.
fn plan_of(api: Api) -> Plan {
    let mut plan = plan(true);
    plan.caller = api;
    for entry in &mut plan.tries {
        entry.api = api;
    }
    plan
}

#[test]
fn streams_of_the_other_apis_go_on_from_their_first_content() {
    const CREATED: &str = r#"{"type":"response.created","response":{"error":null}}"#;
    const GOING: &str = r#"{"type":"response.in_progress","response":{"error":null}}"#;
    const MESSAGE: &str = r#"{"type":"response.output_item.added","item":{"type":"message"}}"#;
    const PART: &str = r#"{"type":"response.content_part.added","part":{"text":""}}"#;
    const DELTA: &str = r#"{"type":"response.output_text.delta","delta":"Hi"}"#;
    const CALL: &str = r#"{"type":"response.output_item.added","item":{"type":"function_call"}}"#;
    const EMPTY: &str = r#"{"choices":[{"index":0,"text":"","finish_reason":null}]}"#;
    for (api, events) in [
        (Api::Responses, vec![CREATED, GOING, MESSAGE, PART, DELTA]),
        (Api::Responses, vec![CREATED, CALL]),
        (
            Api::Responses,
            vec![CREATED, r#"{"type":"response.completed"}"#],
        ),
        (
            Api::Completions,
            vec![EMPTY, r#"{"choices":[{"text":"Hi"}]}"#],
        ),
        (
            Api::Completions,
            vec![
                EMPTY,
                r#"{"choices":[{"text":"","finish_reason":"length"}]}"#,
            ],
        ),
    ] {
        let mut attempt = begin(plan_of(api));
        answer_head(&mut attempt, "200", SSE);
        let mut body = String::new();
        for (index, event) in events.iter().enumerate() {
            body.push_str(&format!("data: {event}\n\n"));
            let on = attempt.answer_data(body.as_bytes(), false);
            let last = index + 1 == events.len();
            assert_eq!(on == OnAttempt::Hold, !last, "{event}");
        }
        assert_eq!(attempt.tries().0[0].came, Came::Answered);
    }
}

#[test]
fn a_response_that_fails_at_once_gets_its_status() {
    let failed = |error: Value| json!({"type": "response.failed", "sequence_number": 2, "response": {"error": error}});
    for (event, status, retry, code) in [
        (
            failed(json!({"code": "server_error", "message": "x"})),
            "502",
            Some("unavailable"),
            "server_error",
        ),
        (
            failed(json!({"code": "rate_limit_exceeded", "message": "x"})),
            "429",
            Some("rate_limited"),
            "rate_limit_exceeded",
        ),
        (
            json!({"type": "error", "code": "invalid_prompt", "message": "x", "sequence_number": 1}),
            "400",
            None,
            "invalid_prompt",
        ),
        (
            json!({"type": "error", "error": {"type": "invalid_request_error", "code": "y"}}),
            "400",
            None,
            "y",
        ),
    ] {
        let mut attempt = begin(plan_of(Api::Responses));
        answer_head(&mut attempt, "200", SSE);
        let body = format!("event: x\ndata: {event}\n\n");
        let on = attempt.answer_data(body.as_bytes(), false);
        assert_eq!(set(&on, ":status"), Some(status), "{event}");
        assert_eq!(set(&on, RETRY_HEADER), retry, "{event}");
        let OnAttempt::Release(_, Some(body)) = on else {
            panic!()
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], code);
        assert!(body["error"]["sequence_number"].is_null());
    }
}

#[test]
fn regression_a_whole_response_that_failed_is_an_error() {
    let failed = |error: Value| {
        json!({"id": "resp_1", "object": "response", "status": "failed", "error": error,
            "instructions": "x".repeat(70_000), "output": [], "usage": null})
    };
    for (error, status, code) in [
        (
            json!({"code": "server_error", "message": "x"}),
            "502",
            "server_error",
        ),
        (
            json!({"code": "rate_limit_exceeded", "message": "x"}),
            "429",
            "rate_limit_exceeded",
        ),
    ] {
        let mut attempt = begin(plan_of(Api::Responses));
        answer_head(&mut attempt, "200", "application/json");
        let on = attempt.answer_data(failed(error).to_string().as_bytes(), true);
        assert_eq!(set(&on, ":status"), Some(status));
        let OnAttempt::Release(_, Some(body)) = on else {
            panic!()
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let told = json!({"error": {"type": "server_error", "code": code, "message": "x"}});
        assert_eq!(body, told);
    }
    // What has failed says why; an answer says `null` there.
    let mut attempt = begin(plan_of(Api::Responses));
    answer_head(&mut attempt, "200", "application/json");
    let on = attempt.answer_data(failed(Value::Null).to_string().as_bytes(), true);
    assert_eq!(set(&on, ":status"), None);
}

#[test]
fn instructions_that_a_response_repeats_are_no_content() {
    let long = "x".repeat(40_000);
    let event = json!({"type": "response.created", "response": {"instructions": long}});
    let mut attempt = begin(plan_of(Api::Responses));
    answer_head(&mut attempt, "200", SSE);
    let body = format!("data: {event}\n\n");
    let on = attempt.answer_data(body.as_bytes(), false);
    assert_eq!(on, OnAttempt::Hold);
}

#[test]
fn a_stream_that_ends_before_its_content_has_failed() {
    for body in ["", ROLE, "data: [DONE]\n\n", "data: {\"choi"] {
        let mut attempt = begin(plan(true));
        answer_head(&mut attempt, "200", SSE);
        let on = attempt.answer_data(body.as_bytes(), true);
        assert_eq!(set(&on, RETRY_HEADER), Some("garbage"), "{body}");
    }
}

#[test]
fn an_opening_is_not_held_for_ever() {
    let mut attempt = begin(plan(true));
    answer_head(&mut attempt, "200", SSE);
    let pings = ": ping\n\n".repeat(4096);
    let on = attempt.answer_data(pings.as_bytes(), false);
    assert!(matches!(on, OnAttempt::Release(_, None)));
}

#[test]
fn a_providers_own_signal_is_removed() {
    let mut attempt = begin(plan(false));
    let headers = head(&[(":status", "409"), (RETRY_HEADER, "x")]);
    let OnAttempt::Release(edits, _) = attempt.answer_head(Headers(&headers), true, NOW) else {
        panic!()
    };
    assert_eq!(edits.remove, [RETRY_HEADER]);
    assert!(edits.set.is_empty());
}

#[test]
fn opaque_calls_pass_whatever_comes() {
    let mut opaque = plan(false);
    opaque.opaque = true;
    let mut attempt = begin(opaque);
    assert!(attempt.request_body(b"not JSON").unwrap() == Fitted::default());
    let on = answer_head(&mut attempt, "500", "text/html");
    assert_eq!(
        on,
        OnAttempt::Release(crate::http::HeaderEdits::default(), None)
    );
    assert!(!attempt.reads_answer());
}

/// The second try of a plan, of Anthropic's provider for OpenAI's caller.
fn foreign(stream: bool) -> Attempt {
    Attempt::begin(plan(stream), Tries::default(), 2, "b", NOW).unwrap()
}

#[test]
fn regression_a_redirect_of_another_protocol_stays_one() {
    let mut attempt = foreign(false);
    let on = answer_head(&mut attempt, "302", "text/html");
    assert_eq!(set(&on, RETRY_HEADER), Some("unavailable"));
    assert_eq!(
        set(&on, ":status"),
        None,
        "the gateway knows it by its status"
    );
    assert!(!attempt.holds_answer());
}

/// What is left of an event that was cut is no event, and no end either: the gateway adds
/// that the answer is incomplete.
#[test]
fn regression_a_cut_event_of_another_protocol_is_dropped() {
    const TEXT: &str = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
    let mut attempt = foreign(true);
    assert_eq!(answer_head(&mut attempt, "200", SSE), OnAttempt::Hold);
    let start = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let opening = [start, TEXT].concat();
    let on = attempt.answer_data(opening.as_bytes(), false);
    assert!(matches!(on, OnAttempt::Release(_, Some(_))), "{on:?}");
    for at in 1..TEXT.len() - 3 {
        let mut attempt = foreign(true);
        answer_head(&mut attempt, "200", SSE);
        attempt.answer_data(opening.as_bytes(), false);
        let on = attempt.answer_data(&TEXT.as_bytes()[..at], true);
        assert_eq!(on, OnAttempt::Replace(Vec::new()), "{at}");
    }
}

#[test]
fn regression_windows_of_ordinary_errors_are_no_advice() {
    for (status, told) in [("500", false), ("429", true)] {
        let mut attempt = begin(plan(false));
        let headers = head(&[
            (":status", status),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-reset-requests", "6m0s"),
        ]);
        attempt.answer_head(Headers(&headers), false, NOW);
        let Came::Failed(failure) = &attempt.tries().0[0].came else {
            panic!()
        };
        assert_eq!(failure.until.is_some(), told, "{status}");
    }
}

#[test]
fn regression_an_answer_after_the_time_is_over_asks_for_no_other_try() {
    let mut late = plan(false);
    late.deadline = NOW.0 - 1;
    let on = answer_head(&mut begin(late), "429", "application/json");
    assert_eq!(set(&on, RETRY_HEADER), None);
}

#[test]
fn regression_an_empty_finish_reason_is_no_content() {
    let opening = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":\"\"}]}\n\n";
    let mut attempt = begin(plan(true));
    answer_head(&mut attempt, "200", SSE);
    assert_eq!(
        attempt.answer_data(opening.as_bytes(), false),
        OnAttempt::Hold
    );
}

#[test]
fn regression_a_long_error_under_a_good_status_is_not_read() {
    let mut attempt = begin(plan(false));
    answer_head(&mut attempt, "200", "application/json");
    let body = format!(r#"{{"error":{{}},"x":[{}1]}}"#, "1,".repeat(40_000));
    let on = attempt.answer_data(body.as_bytes(), true);
    assert_eq!(set(&on, RETRY_HEADER), Some("garbage"));
}

#[test]
fn regression_a_held_answer_without_a_body_is_judged_by_its_head() {
    let mut attempt = begin(plan(false));
    answer_head(&mut attempt, "200", "application/json");
    let on = attempt.answer_without_body();
    assert_eq!(set(&on, RETRY_HEADER), Some("garbage"));
    assert!(matches!(on, OnAttempt::Release(_, None)));
    let mut attempt = begin(plan(false));
    answer_head(&mut attempt, "400", "application/json");
    let on = attempt.answer_without_body();
    assert_eq!(set(&on, RETRY_HEADER), None);
    assert!(matches!(on, OnAttempt::Release(_, None)));
}
