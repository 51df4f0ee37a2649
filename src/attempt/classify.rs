/*! What a provider's error means for the next try. */

use super::tries::Why;
use crate::protocols::is_context_length;
use serde_json::Value;

/// The class of a status, if the status alone tells.
pub(super) const fn of_status(status: u16) -> Option<Why> {
    match status {
        429 => Some(Why::RateLimited),
        // 402: the account has no credit left.
        401..=403 => Some(Why::Auth),
        // Something is not there: the next target may have it, and this one may still be well.
        404 | 405 => Some(Why::NotFound),
        408 | 300..=399 | 500.. => Some(Why::Unavailable),
        400 | 413 | 422 => None,
        _ => Some(Why::Request),
    }
}

/// The class of an error whose status does not tell: 400, 413 or 422.
pub(super) fn of_body(status: u16, body: &[u8]) -> Why {
    let error = Told::read(body);
    let codes = error.codes.iter().map(String::as_str);
    if is_context_length(codes, &error.message)
        || error.has(&["request_too_large"])
        || status == 413
    {
        Why::ContextLength
    } else if error.has(&CONTENT_CODES) {
        Why::ContentPolicy
    } else if error.has(&ACCOUNT_CODES) {
        Why::Auth
    } else {
        Why::Request
    }
}

/// The status that an error under a good status should have had, and its class.
pub(super) fn of_hidden_error(body: &[u8]) -> (u16, Why) {
    let error = Told::read(body);
    let said = |code: &str| error.codes.iter().any(|known| known == code);
    let status = match error.status {
        Some(status) => status,
        None if said("rate_limit_error") || said("rate_limit_exceeded") => 429,
        None if said("insufficient_quota") => 429,
        None if said("authentication_error") || said("permission_error") => 401,
        None if said("overloaded_error") => 529,
        None if said("timeout_error") => 504,
        None if said("invalid_request_error") => 400,
        // Responses tell a code alone.
        None if said("context_length_exceeded") || said("invalid_prompt") => 400,
        None => 502,
    };
    let why = match said(MODEL_ERROR) {
        true => Why::Model,
        false => of_status(status).unwrap_or_else(|| of_body(status, body)),
    };
    (status, why)
}

/// What errors of [`Why::Model`] have as their `status`, in streams.
pub(super) const MODEL_ERROR: &str = "model_error";

const CONTENT_CODES: [&str; 5] = [
    "content_filter",
    "content_policy_violation",
    "moderation_blocked",
    "ResponsibleAIPolicyViolation",
    "sensitive_words_detected",
];

/// Google's, under a 400, for a key that is wrong, and for an account or a region that may not call.
const ACCOUNT_CODES: [&str; 2] = ["API_KEY_INVALID", "FAILED_PRECONDITION"];

/// The wait that Google's errors tell in their body (`google.rpc.RetryInfo`), a duration.
pub(super) fn retry_delay(body: &[u8]) -> Option<String> {
    let value = read(body);
    let error = value.get("error")?;
    let details = error.get("details")?.as_array()?;
    let mut delays = details.iter().filter_map(|detail| detail.get("retryDelay"));
    delays.next()?.as_str().map(str::to_owned)
}

/// An error body; nothing of what is no JSON. Google's streams that are no events are a list.
fn read(body: &[u8]) -> Value {
    let value = serde_json::from_slice(body).unwrap_or_default();
    match value {
        Value::Array(list) => list.into_iter().next().unwrap_or_default(),
        value => value,
    }
}

/// What an error body says, in the shape of OpenAI, of Anthropic, of Google, or of none.
#[derive(Default)]
struct Told {
    /// Its `code`, `type` and `status`, the code of an inner error (Azure) and the reasons in
    /// `details` (Google).
    codes: Vec<String>,
    message: String,
    /// A `code` that is an HTTP status.
    status: Option<u16>,
}

impl Told {
    fn read(body: &[u8]) -> Self {
        let value = read(body);
        let error = match value.get("error") {
            Some(error) => error,
            // vLLM and others: the error's members at the top.
            None => &value,
        };
        let inner = error.get("innererror").or_else(|| error.get("inner_error"));
        let inner = inner.and_then(|inner| inner.get("code"));
        let details = error.get("details").and_then(Value::as_array);
        let reasons = details.into_iter().flatten();
        let reasons = reasons.filter_map(|detail| detail.get("reason"));
        let own = ["code", "type", "status"].map(|name| error.get(name));
        let codes = own.into_iter().flatten().chain(inner).chain(reasons);
        let codes = codes.filter_map(Value::as_str);
        let status = error.get("code").and_then(Value::as_u64);
        Self {
            codes: codes.map(str::to_owned).collect(),
            message: match error.get("message").unwrap_or(error) {
                Value::String(message) => message.to_ascii_lowercase(),
                _ => String::new(),
            },
            status: status
                .and_then(|status| u16::try_from(status).ok())
                .filter(|status| (400..600).contains(status)),
        }
    }

    fn has(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_tell_what_a_400_means() {
        for (body, why) in [
            (
                r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
                Why::ContextLength,
            ),
            (
                r#"{"error":{"code":400,"message":"This model's maximum context length is 8192 tokens"}}"#,
                Why::ContextLength,
            ),
            (
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError"}"#,
                Why::ContextLength,
            ),
            (
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                Why::ContextLength,
            ),
            (
                r#"{"error":{"code":"content_filter","message":"x"}}"#,
                Why::ContentPolicy,
            ),
            (
                r#"{"error":{"code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
                Why::ContentPolicy,
            ),
            (
                r#"{"error":{"code":"invalid_value","message":"temperature"}}"#,
                Why::Request,
            ),
            (
                r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"API key not valid.","details":[{"@type":"x"},{"reason":"API_KEY_INVALID"}]}}"#,
                Why::Auth,
            ),
            (
                r#"{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"User location is not supported."}}"#,
                Why::Auth,
            ),
            (
                r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}"#,
                Why::ContextLength,
            ),
            ("<html>", Why::Request),
            ("", Why::Request),
        ] {
            assert_eq!(of_body(400, body.as_bytes()), why, "{body}");
        }
        assert_eq!(of_body(413, b""), Why::ContextLength);
    }

    #[test]
    fn google_tells_the_wait_in_the_body() {
        let with = |details: &str| format!(r#"{{"error":{{"code":429,"details":{details}}}}}"#);
        for (details, wait) in [
            (
                r#"[{"@type":"x"},{"@type":"y","retryDelay":"34.07s"}]"#,
                Some("34.07s"),
            ),
            (r#"[{"retryDelay":7}]"#, None),
            ("[]", None),
            ("7", None),
        ] {
            assert_eq!(retry_delay(with(details).as_bytes()).as_deref(), wait);
        }
        assert_eq!(retry_delay(b"<html>"), None);
    }

    #[test]
    fn regression_googles_errors_that_are_a_list_are_understood() {
        let listed = |error: &str| format!(r#"[{{"error":{error}}}]"#);
        for (error, why) in [
            (
                r#"{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}"#,
                Why::Auth,
            ),
            (
                r#"{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}"#,
                Why::ContextLength,
            ),
            (r#"{"code":400,"message":"x"}"#, Why::Request),
        ] {
            assert_eq!(of_body(400, listed(error).as_bytes()), why, "{error}");
        }
        let limited = listed(r#"{"code":429,"details":[{"retryDelay":"34s"}]}"#);
        assert_eq!(retry_delay(limited.as_bytes()).as_deref(), Some("34s"));
        assert_eq!(of_hidden_error(limited.as_bytes()), (429, Why::RateLimited));
        assert_eq!(of_body(400, b"[]"), Why::Request);
        assert_eq!(retry_delay(b"[[]]"), None);
    }

    #[test]
    fn hidden_errors_get_the_status_they_should_have_had() {
        for (body, status, why) in [
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
                529,
                Why::Unavailable,
            ),
            (
                r#"{"error":{"type":"rate_limit_error","code":null}}"#,
                429,
                Why::RateLimited,
            ),
            (
                r#"{"error":{"code":503,"message":"no provider"}}"#,
                503,
                Why::Unavailable,
            ),
            (
                r#"{"error":{"code":12,"message":"?"}}"#,
                502,
                Why::Unavailable,
            ),
            (
                r#"{"error":{"type":"invalid_request_error","code":"context_length_exceeded"}}"#,
                400,
                Why::ContextLength,
            ),
            (
                r#"{"error":{"type":"server_error","code":"context_length_exceeded"}}"#,
                400,
                Why::ContextLength,
            ),
            (
                r#"{"error":{"type":"server_error","code":"invalid_prompt"}}"#,
                400,
                Why::Request,
            ),
            (r#"{"error":"broken"}"#, 502, Why::Unavailable),
        ] {
            assert_eq!(of_hidden_error(body.as_bytes()), (status, why), "{body}");
        }
    }
}
