//! Responses, where caller or provider has only another API.

use super::*;

/// A try for a caller of one API at a provider of another.
pub(super) fn between(caller: Api, provider: Api, stream: bool) -> Attempt {
    let mut plan = plan(stream);
    plan.caller = caller;
    plan.tries[0].api = provider;
    begin(plan)
}

pub(super) fn sse(events: &[Value]) -> String {
    let events = events.iter();
    events.map(|event| format!("data: {event}\n\n")).collect()
}

fn chat() -> String {
    let chunk = |delta: Value, reason: Value| json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
    let text = sse(&[
        chunk(json!({"role": "assistant", "content": ""}), Value::Null),
        chunk(json!({"content": "Grüße "}), Value::Null),
        chunk(json!({"content": "😀"}), Value::Null),
        chunk(json!({}), json!("stop")),
        json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
    ]);
    format!("{text}data: [DONE]\n\n")
}

fn responses() -> String {
    let delta = |text: &str| json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text});
    sse(&[
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}),
        delta("Grüße "),
        delta("😀"),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed",
            "usage": {"input_tokens": 3, "output_tokens": 2}}}),
    ])
}

/// All that goes on of a stream that comes in these pieces.
pub(super) fn passed(attempt: &mut Attempt, pieces: &[&[u8]]) -> Vec<u8> {
    answer_head(attempt, "200", SSE);
    let mut out = Vec::new();
    let mut waiting = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        waiting.extend_from_slice(piece);
        match attempt.answer_data(&waiting, index + 1 == pieces.len()) {
            OnAttempt::Hold => continue,
            OnAttempt::Release(_, Some(new)) | OnAttempt::Replace(new) => out.extend(new),
            other => panic!("{other:?}"),
        }
        waiting.clear();
    }
    out
}

#[test]
fn a_translated_stream_is_the_same_wherever_it_is_cut() {
    for (caller, provider, stream, end) in [
        (
            Api::Responses,
            Api::ChatCompletions,
            chat(),
            "event: response.completed\n",
        ),
        (
            Api::ChatCompletions,
            Api::Responses,
            responses(),
            "data: [DONE]\n",
        ),
        (
            Api::Messages,
            Api::Responses,
            responses(),
            "event: message_stop\n",
        ),
    ] {
        let bytes = stream.as_bytes();
        let whole = passed(&mut between(caller, provider, true), &[bytes]);
        let text = String::from_utf8(whole.clone()).unwrap();
        assert!(text.contains(end) && text.contains("😀"), "{text}");
        for at in 1..bytes.len() {
            let (one, two) = bytes.split_at(at);
            let cut = passed(&mut between(caller, provider, true), &[one, two]);
            assert_eq!(cut, whole, "{caller:?} {provider:?} {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(passed(&mut between(caller, provider, true), &single), whole);
    }
}

/// What can't be read ends a stream of Responses with an error that has the next number.
#[test]
fn broken_events_are_told_by_number() {
    let stream = chat();
    let (good, _) = stream.split_at(stream.find("data: {\"choices\":[]").unwrap());
    let mut attempt = between(Api::Responses, Api::ChatCompletions, true);
    let out = passed(
        &mut attempt,
        &[good.as_bytes(), b"data: {\"choices\":[}\n\n"],
    );
    let text = String::from_utf8(out).unwrap();
    let events: Vec<&str> = text.split_terminator("\n\n").collect();
    let (last, before) = events.split_last().unwrap();
    assert!(last.starts_with("event: error\n"), "{last}");
    let data: Value = serde_json::from_str(last.split_once("data: ").unwrap().1).unwrap();
    assert_eq!(
        (&data["code"], &data["sequence_number"]),
        (&json!("upstream_invalid_answer"), &json!(before.len()))
    );
}

/// The variants of a server hold for what was translated, too.
#[test]
fn translated_requests_fit_their_server() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}],"user":"u"}"#;
    let mut attempt = between(Api::ChatCompletions, Api::Responses, false);
    attempt.entry.remove_fields = vec!["user".to_owned()];
    attempt.entry.default_output = Some(50);
    let sent = |attempt: &Attempt, body: &[u8]| -> Value {
        let fitted = attempt.request_body(body).unwrap();
        serde_json::from_slice(&fitted.rewrite.unwrap().whole(body)).unwrap()
    };
    assert_eq!(
        sent(&attempt, body),
        json!({"model": "a-model", "store": false, "max_output_tokens": 50,
            "input": [{"type": "message", "role": "user", "content": "hi"}]})
    );
    let mut attempt = between(Api::Responses, Api::ChatCompletions, false);
    attempt.entry.max_tokens_field = Some(MaxTokensName::MaxTokens);
    let body = br#"{"model":"m","input":"hi","max_output_tokens":9}"#;
    assert_eq!(
        sent(&attempt, body),
        json!({"model": "a-model", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
    );
    let stores = br#"{"model":"m","input":"hi","store":true}"#;
    let refusal = attempt.request_body(stores).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.param.as_deref()),
        ("unsupported_by_provider", Some("store"))
    );
}

/// The API's default keeps responses; only who asks by this API can have asked for that.
#[test]
fn regression_what_is_translated_is_not_kept_though_others_may_be() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    for caller in [Api::ChatCompletions, Api::Messages] {
        let mut attempt = between(caller, Api::Responses, false);
        attempt.entry.store = true;
        let rewrite = attempt.request_body(body).unwrap().rewrite.unwrap();
        let sent: Value = serde_json::from_slice(&rewrite.whole(body)).unwrap();
        assert_eq!(sent["store"], false, "{caller:?}");
    }
    let body = br#"{"model":"a-model","input":"hi"}"#;
    let mut attempt = between(Api::Responses, Api::Responses, false);
    attempt.entry.store = true;
    assert_eq!(attempt.request_body(body).unwrap().rewrite, None);
}
