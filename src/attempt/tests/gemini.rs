//! Gemini as provider: its paths, keys, streams and errors.

use super::responses::{between, passed, sse};
use super::*;

fn path(base_path: &str, model: &str, stream: bool) -> String {
    let entry = entry_of(
        (Protocol::Gemini, Api::GenerateContent),
        base_path,
        model,
        stream,
    );
    assert_eq!(
        (entry.api, entry.key_header),
        (Api::GenerateContent, KeyHeader::XGoogApiKey)
    );
    entry.path
}

#[test]
fn the_path_says_model_and_stream() {
    let vertex = "/v1/projects/p/locations/l/publishers/google";
    for (base, model, stream, wanted) in [
        (
            "/v1beta",
            "gemini-2.5-pro",
            false,
            "/v1beta/models/gemini-2.5-pro:generateContent",
        ),
        (
            "/v1beta",
            "gemini-2.5-pro",
            true,
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        ),
        (
            vertex,
            "gemini-2.5-pro",
            false,
            "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent",
        ),
        (
            "/v1beta",
            "tunedModels/mine",
            false,
            "/v1beta/tunedModels/mine:generateContent",
        ),
        (
            "/v1/projects/p/locations/l",
            "endpoints/7",
            true,
            "/v1/projects/p/locations/l/endpoints/7:streamGenerateContent?alt=sse",
        ),
        ("", "a b?/#c", false, "/a%20b%3F/%23c:generateContent"),
    ] {
        assert_eq!(path(base, model, stream), wanted);
    }
}

fn gemini(stream: bool) -> Attempt {
    between(Api::ChatCompletions, Api::GenerateContent, stream)
}

#[test]
fn keys_and_tokens_have_headers_of_their_own() {
    for (credential, header) in [
        ("AIza-key", "x-goog-api-key"),
        ("Bearer ya29.token", "authorization"),
    ] {
        let mut plan = plan(false);
        plan.tries[0].api = Api::GenerateContent;
        plan.tries[0].key_header = KeyHeader::XGoogApiKey;
        let headers = head(&[
            ("authorization", "Bearer of-the-caller"),
            ("x-goog-api-key", "of-the-caller"),
            ("x-tollgate-internal-credential-a", credential),
        ]);
        let edits = begin(plan).request_head(Headers(&headers), None);
        let set: Vec<_> = edits
            .set
            .iter()
            .filter(|(name, _)| !name.starts_with(':'))
            .collect();
        assert_eq!(set, [&(header, credential.to_owned())]);
        for private in [
            "authorization",
            "x-goog-api-key",
            "x-tollgate-internal-credential-a",
        ] {
            assert!(edits.remove.iter().any(|name| name == private), "{private}");
        }
    }
}

/// As Google's servers write it, with carriage returns.
fn stream() -> String {
    let chunk = |text: &str, more: Value| {
        let mut chunk = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}, "responseId": "r1"});
        if !more.is_null() {
            chunk["candidates"][0]["finishReason"] = more;
        }
        chunk
    };
    sse(&[
        chunk("Grüße ", Value::Null),
        chunk("😀", Value::Null),
        chunk("", json!("STOP")),
    ])
    .replace('\n', "\r\n")
}

#[test]
fn a_stream_is_the_same_wherever_it_is_cut() {
    for (caller, end) in [
        (Api::ChatCompletions, "data: [DONE]\n"),
        (Api::Responses, "event: response.completed\n"),
        (Api::Messages, "event: message_stop\n"),
    ] {
        let stream = stream();
        let bytes = stream.as_bytes();
        let between = || between(caller, Api::GenerateContent, true);
        let whole = passed(&mut between(), &[bytes]);
        let text = String::from_utf8(whole.clone()).unwrap();
        assert!(text.contains(end) && text.contains("😀"), "{text}");
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
        let (cut, _) = stream.split_at(stream.find("STOP").unwrap());
        let text = String::from_utf8(passed(&mut between(), &[cut.as_bytes()])).unwrap();
        assert!(!text.contains(end), "{text}");
    }
}

#[test]
fn a_stream_begins_with_what_it_says() {
    for (chunk, goes_on) in [
        (json!({"usageMetadata": {"promptTokenCount": 3}}), false),
        (
            json!({"candidates": [{"content": {"role": "model"}}]}),
            false,
        ),
        (
            json!({"candidates": [{"content": {"parts": [{"text": ""}]}}]}),
            false,
        ),
        (
            json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}),
            true,
        ),
        (
            json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}),
            true,
        ),
        (json!({"candidates": [{"finishReason": "SAFETY"}]}), true),
        (json!({"promptFeedback": {"blockReason": "SAFETY"}}), true),
    ] {
        let mut attempt = gemini(true);
        answer_head(&mut attempt, "200", SSE);
        let on = attempt.answer_data(sse(std::slice::from_ref(&chunk)).as_bytes(), false);
        assert_eq!(matches!(on, OnAttempt::Release(..)), goes_on, "{chunk}");
    }
}

/// The outcome of an error, and what the caller is told of it.
fn failed(status: &str, error: &Value) -> (Failure, OnAttempt) {
    let mut attempt = gemini(false);
    assert_eq!(
        answer_head(&mut attempt, status, "application/json; charset=UTF-8"),
        OnAttempt::Hold
    );
    let on = attempt.answer_data(error.to_string().as_bytes(), true);
    match attempt.tries().0.last().map(|tried| tried.came.clone()) {
        Some(Came::Failed(failure)) => (failure, on),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_wait_that_an_error_tells_is_kept() {
    let error = |delay: &str| {
        json!({"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]}})
    };
    let (failure, on) = failed("429", &error("34.07s"));
    assert_eq!(failure.why, Why::RateLimited);
    assert_eq!(failure.until, Some(NOW.0 + 34_070_000_000));
    assert_eq!(set(&on, "retry-after"), Some("35"));
    let (failure, on) = failed("429", &error("soon"));
    assert_eq!((failure.until, set(&on, "retry-after")), (None, None));
}

#[test]
fn errors_of_the_account_move_on() {
    let error = |status: &str, reason: &str| json!({"error": {"code": 400, "message": "no", "status": status, "details": [{"reason": reason}]}});
    for (error, why, status) in [
        (error("INVALID_ARGUMENT", ""), Why::Request, "400"),
        (
            error("INVALID_ARGUMENT", "API_KEY_INVALID"),
            Why::Auth,
            "401",
        ),
        (error("FAILED_PRECONDITION", ""), Why::Auth, "403"),
        // regression: those of its streams are a list.
        (
            json!([error("INVALID_ARGUMENT", "API_KEY_INVALID")]),
            Why::Auth,
            "401",
        ),
    ] {
        let (failure, on) = failed("400", &error);
        assert_eq!(failure.why, why, "{error}");
        assert_eq!(set(&on, ":status"), Some(status), "{error}");
        assert_eq!(set(&on, RETRY_HEADER).is_some(), why == Why::Auth);
    }
}

/// Where content moves a call on, a refused prompt does; elsewhere it is an answer.
#[test]
fn a_prompt_that_is_blocked_moves_on_if_configured() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}});
    let empty = json!({"candidates": [], "promptFeedback": {"blockReason": "SAFETY"}});
    for (moves_on, stream, blocked) in [
        (true, true, &blocked),
        (true, false, &blocked),
        (false, true, &blocked),
        (false, false, &blocked),
        // regression: an empty list is no answer, either.
        (true, true, &empty),
        (true, false, &empty),
        (false, false, &empty),
    ] {
        let mut plan = plan(stream);
        plan.tries[0].api = Api::GenerateContent;
        plan.content_policy = moves_on;
        let mut attempt = begin(plan);
        let (kind, body) = match stream {
            true => (SSE, sse(std::slice::from_ref(blocked))),
            false => ("application/json", blocked.to_string()),
        };
        answer_head(&mut attempt, "200", kind);
        let on = attempt.answer_data(body.as_bytes(), true);
        let OnAttempt::Release(_, Some(out)) = &on else {
            panic!("{on:?}");
        };
        let out = String::from_utf8(out.clone()).unwrap();
        let (status, word) = match moves_on {
            true => (Some("400"), "content_policy_violation"),
            false => (None, r#""finish_reason":"content_filter""#),
        };
        assert_eq!(set(&on, ":status"), status);
        assert_eq!(set(&on, RETRY_HEADER), moves_on.then_some("content_policy"));
        assert!(out.contains(word), "{out}");
    }
}
