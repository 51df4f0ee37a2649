/*! Errors of providers, in the caller's protocol.

Types and statuses: OpenAI's guide to error codes; Anthropic's API reference, "Errors"; Google's
guide to errors (AIP-193) and the Gemini API's troubleshooting guide. */

use super::ChatApi;
use super::tree::{self, Value};
use super::write::{self, Writer};
use crate::protocols::{Protocol, is_context_length};

/// Longest message that is passed on, in bytes.
const MAX_MESSAGE: usize = 2000;

/// Anthropic's own status for "overloaded".
const OVERLOADED: u16 = 529;

/// An error that a provider told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    ContextLength,
    Authentication,
    Billing,
    Quota,
    Permission,
    NotFound,
    TooLarge,
    ContentPolicy,
    RateLimit,
    Overloaded,
    Timeout,
    Internal,
}

/// The type that both protocols have.
const INVALID: &str = "invalid_request_error";

/// Stands for the status where there is none: inside a stream.
const IN_STREAM: u16 = 0;

/// What begins the message of Anthropic's error for a prompt beyond the context window;
/// clients look for it.
const TOO_LONG: &str = "prompt is too long";

impl Fault {
    /// Reads an error body. What is no JSON (an HTML page, nothing) is not repeated.
    pub(super) fn of_body(status: u16, body: &[u8]) -> Self {
        match tree::parse(body) {
            Ok(value) => Self::of_value(status, &value),
            Err(_) => Self::untold(status),
        }
    }

    /// Reads an error event of a stream.
    pub(super) fn of_event(value: &Value<'_>) -> Self {
        // Some servers have the status for a code.
        let code = value.get("error").and_then(|error| error.get("code"));
        let status = code
            .and_then(Value::as_count)
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| matches!(code, 400..=599));
        Self::of_value(status.unwrap_or(IN_STREAM), value)
    }

    /// Reads an error object, in any of the shapes in use: `{"error": {…}}` of both
    /// protocols, `{"error": "…"}`, or its members without a frame (vLLM, FastAPI).
    fn of_value(status: u16, value: &Value<'_>) -> Self {
        // Google's streams that are no events are a list.
        let value = value.list().first().unwrap_or(value);
        let error = value.get("error").unwrap_or(value);
        let mut message = match error.as_text() {
            Some(text) => text.value().into_owned(),
            None => ["message", "detail", "Message"]
                .iter()
                .map(|name| error.word_at(name))
                .find(|message| !message.is_empty())
                .unwrap_or_default(),
        };
        let page = message.trim_start().starts_with('<');
        if message.trim().is_empty() || page {
            message.clear();
        }
        // Google's codes are numbers: a reason, or the status in a word, says more.
        let codes = [
            error.word_at("code"),
            reason(error),
            error.word_at("status"),
        ];
        let codes = codes.each_ref().map(String::as_str);
        let kind = Kind::of(status, &error.word_at("type"), &codes, &message);
        if message.is_empty() {
            let Self { message, .. } = Self::untold(status);
            return Self { kind, message };
        }
        Self {
            kind,
            message: bounded(message),
        }
    }

    fn untold(status: u16) -> Self {
        let message = match status {
            IN_STREAM => "The provider told of an error.".to_owned(),
            _ => format!("The provider answered with status {status}."),
        };
        Self {
            kind: Kind::of_status(status),
            message,
        }
    }

    /// The error as a whole answer: status and body.
    pub(super) fn reply(&self, to: Protocol, status: u16) -> (u16, Vec<u8>) {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.open();
        self.members(to, &mut writer);
        writer.close();
        (self.status(to, status), body)
    }

    /// The error as an event of a stream; `number` is its own, where events have one.
    pub(super) fn event(&self, to: ChatApi, number: u64, out: &mut Vec<u8>) {
        let name = match to {
            ChatApi::Completions => "",
            ChatApi::Responses | ChatApi::Messages => "error",
        };
        write::event(out, name, |writer| {
            self.members(to.protocol(), writer);
            // OpenAI's SDKs raise what stands in `error`; others go by the event's own members.
            if to == ChatApi::Responses {
                let (_, code) = self.kind.openai();
                writer.member("type", "error");
                code_member(code, writer);
                writer.member("message", &self.message);
                writer.raw_member("param", "null");
                writer.count("sequence_number", number);
            }
        });
    }

    fn members(&self, to: Protocol, writer: &mut Writer<'_>) {
        if to == Protocol::Anthropic {
            writer.member("type", "error");
        }
        writer.open_member("error");
        match to {
            Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => {
                let (kind, code) = self.kind.openai();
                writer.member("message", &self.message);
                writer.member("type", kind);
                writer.raw_member("param", "null");
                code_member(code, writer);
            }
            Protocol::Anthropic => {
                writer.member("type", self.kind.anthropic());
                writer.member("message", &self.anthropic_message());
            }
        }
        writer.close();
    }

    fn anthropic_message(&self) -> String {
        if self.kind == Kind::ContextLength && !self.message.starts_with(TOO_LONG) {
            format!("{TOO_LONG}: {}", self.message)
        } else {
            self.message.clone()
        }
    }

    const fn status(&self, to: Protocol, status: u16) -> u16 {
        match (self.kind, to, status) {
            (Kind::Overloaded, Protocol::OpenAi, OVERLOADED) => 503,
            (Kind::Overloaded, Protocol::Anthropic, 503) => OVERLOADED,
            (_, Protocol::OpenAi, OVERLOADED) => 503,
            // Google says so under a 400. It is nothing that the caller has done.
            (Kind::Authentication, _, 400) => 401,
            (Kind::Permission, _, 400) => 403,
            (_, _, 400..=599) => status,
            // No error at all, or no status: then the provider did not keep to HTTP.
            _ => 502,
        }
    }
}

/// The first reason in Google's `details`; empty if there is none.
fn reason(error: &Value<'_>) -> String {
    let details = error.get("details").map_or(&[][..], Value::list).iter();
    let mut reasons = details.map(|detail| detail.word_at("reason"));
    reasons
        .find(|reason| !reason.is_empty())
        .unwrap_or_default()
}

fn code_member(code: Option<&str>, writer: &mut Writer<'_>) {
    match code {
        Some(code) => writer.member("code", code),
        None => writer.raw_member("code", "null"),
    }
}

/// Cuts between characters.
fn bounded(mut message: String) -> String {
    let mut end = MAX_MESSAGE.min(message.len());
    while !message.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    message.truncate(end);
    message
}

impl Kind {
    fn of(status: u16, kind: &str, codes: &[&str], message: &str) -> Self {
        if is_context_length(codes.iter().copied().chain([kind]), "") {
            return Self::ContextLength;
        }
        let mut known = codes.iter().filter_map(|code| Self::of_code(code));
        known
            .next()
            .or_else(|| Self::of_message(status, kind, message))
            .or_else(|| Self::of_type(status, kind))
            .unwrap_or_else(|| Self::of_status(status))
    }

    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "insufficient_quota" => Self::Quota,
            "rate_limit_exceeded" => Self::RateLimit,
            "content_policy_violation" | "content_filter" => Self::ContentPolicy,
            "model_not_found" => Self::NotFound,
            "invalid_api_key" | "API_KEY_INVALID" => Self::Authentication,
            // An account or a region that may not call.
            "FAILED_PRECONDITION" => Self::Permission,
            _ => return None,
        })
    }

    /// What only the text tells.
    fn of_message(status: u16, kind: &str, message: &str) -> Option<Self> {
        let invalid = matches!(status, 400 | 413 | 422) || kind == INVALID;
        if invalid && is_context_length([], message) {
            return Some(Self::ContextLength);
        }
        let overloaded = || message.to_ascii_lowercase().contains("overloaded");
        (matches!(status, IN_STREAM | 503 | OVERLOADED) && overloaded()).then_some(Self::Overloaded)
    }

    fn of_type(status: u16, kind: &str) -> Option<Self> {
        Some(match kind {
            // OpenAI gives this type to many statuses, which say more.
            INVALID if status == IN_STREAM => Self::Invalid,
            "authentication_error" => Self::Authentication,
            "billing_error" => Self::Billing,
            "insufficient_quota" => Self::Quota,
            "permission_error" => Self::Permission,
            "not_found_error" => Self::NotFound,
            "request_too_large" => Self::TooLarge,
            "rate_limit_error" | "tokens" | "requests" => Self::RateLimit,
            "overloaded_error" => Self::Overloaded,
            "timeout_error" => Self::Timeout,
            "api_error" => Self::Internal,
            _ => return None,
        })
    }

    const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Billing,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            OVERLOADED => Self::Overloaded,
            400..500 => Self::Invalid,
            _ => Self::Internal,
        }
    }

    /// OpenAI's type and code.
    const fn openai(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Invalid => ("invalid_request_error", None),
            Self::ContextLength => ("invalid_request_error", Some("context_length_exceeded")),
            Self::Authentication => ("authentication_error", Some("invalid_api_key")),
            Self::Billing | Self::Quota => ("insufficient_quota", Some("insufficient_quota")),
            Self::Permission => ("permission_error", None),
            Self::NotFound => ("invalid_request_error", Some("not_found")),
            Self::TooLarge => ("invalid_request_error", Some("request_too_large")),
            Self::ContentPolicy => ("invalid_request_error", Some("content_policy_violation")),
            Self::RateLimit => ("rate_limit_error", Some("rate_limit_exceeded")),
            Self::Overloaded => ("server_error", Some("overloaded")),
            Self::Timeout => ("server_error", Some("timeout")),
            Self::Internal => ("server_error", None),
        }
    }

    const fn anthropic(self) -> &'static str {
        match self {
            Self::Invalid | Self::ContextLength | Self::ContentPolicy => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Billing => "billing_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::TooLarge => "request_too_large",
            // The status of a spent quota is 429.
            Self::RateLimit | Self::Quota => "rate_limit_error",
            Self::Overloaded => "overloaded_error",
            Self::Timeout => "timeout_error",
            Self::Internal => "api_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::protocols::Protocol::{Anthropic, OpenAi};
    use crate::protocols::translate::error;
    use serde_json::{Value, json};

    fn told(from: crate::protocols::Protocol, status: u16, body: &Value) -> (u16, Value) {
        let to = if from == OpenAi { Anthropic } else { OpenAi };
        let (status, body) = error(to, status, body.to_string().as_bytes());
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn anthropic_errors_for_openai_callers() {
        let cases = [
            (
                400,
                "invalid_request_error",
                400,
                "invalid_request_error",
                None,
            ),
            (
                401,
                "authentication_error",
                401,
                "authentication_error",
                Some("invalid_api_key"),
            ),
            (
                402,
                "billing_error",
                402,
                "insufficient_quota",
                Some("insufficient_quota"),
            ),
            (403, "permission_error", 403, "permission_error", None),
            (
                404,
                "not_found_error",
                404,
                "invalid_request_error",
                Some("not_found"),
            ),
            (
                413,
                "request_too_large",
                413,
                "invalid_request_error",
                Some("request_too_large"),
            ),
            (
                429,
                "rate_limit_error",
                429,
                "rate_limit_error",
                Some("rate_limit_exceeded"),
            ),
            (500, "api_error", 500, "server_error", None),
            (504, "timeout_error", 504, "server_error", Some("timeout")),
            (
                529,
                "overloaded_error",
                503,
                "server_error",
                Some("overloaded"),
            ),
        ];
        for (status, kind, wanted, wanted_kind, code) in cases {
            let body = json!({"type": "error", "error": {"type": kind, "message": "so"}, "request_id": "req_1"});
            let error = json!({"message": "so", "type": wanted_kind, "param": null, "code": code});
            assert_eq!(
                told(Anthropic, status, &body),
                (wanted, json!({"error": error}))
            );
        }
    }

    #[test]
    fn openai_errors_for_anthropic_callers() {
        let cases = [
            (
                400,
                "invalid_request_error",
                None,
                400,
                "invalid_request_error",
            ),
            (
                401,
                "invalid_request_error",
                Some("invalid_api_key"),
                401,
                "authentication_error",
            ),
            (
                404,
                "invalid_request_error",
                Some("model_not_found"),
                404,
                "not_found_error",
            ),
            (
                429,
                "requests",
                Some("rate_limit_exceeded"),
                429,
                "rate_limit_error",
            ),
            (
                429,
                "insufficient_quota",
                Some("insufficient_quota"),
                429,
                "rate_limit_error",
            ),
            (500, "server_error", None, 500, "api_error"),
            (503, "server_error", None, 503, "api_error"),
            (504, "server_error", None, 504, "timeout_error"),
        ];
        for (status, kind, code, wanted, wanted_kind) in cases {
            let body =
                json!({"error": {"message": "so", "type": kind, "param": "n", "code": code}});
            let error = json!({"type": wanted_kind, "message": "so"});
            let wanted = (wanted, json!({"type": "error", "error": error}));
            assert_eq!(told(OpenAi, status, &body), wanted, "{status} {kind}");
        }
    }

    #[test]
    fn only_an_overload_becomes_one() {
        let body = json!({"error": {"message": "The engine is currently overloaded", "type": "server_error"}});
        let (status, told) = told(OpenAi, 503, &body);
        assert_eq!(
            (status, &told["error"]["type"]),
            (529, &json!("overloaded_error"))
        );
    }

    #[test]
    fn a_prompt_beyond_the_window_is_told_in_the_words_that_clients_know() {
        let body = json!({"error": {"message": "This model's maximum context length is 8192 tokens.",
            "type": "invalid_request_error", "code": "context_length_exceeded"}});
        let (status, anthropic) = told(OpenAi, 400, &body);
        assert_eq!(status, 400);
        assert_eq!(
            anthropic["error"]["message"],
            "prompt is too long: This model's maximum context length is 8192 tokens."
        );
        let body = json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 210000 tokens > 200000 maximum"}});
        let (_, openai) = told(Anthropic, 400, &body);
        assert_eq!(openai["error"]["code"], "context_length_exceeded");
    }

    #[test]
    fn regression_a_long_prompt_is_told_alike_in_all_words() {
        for (status, kind, code, message) in [
            (400, "invalid_request_error", "string_above_max_length", "x"),
            (
                400,
                "invalid_request_error",
                "",
                "Input is too long for requested model.",
            ),
            (
                400,
                "BadRequestError",
                "",
                "It exceeds the context of the model",
            ),
            (
                422,
                "",
                "",
                "Your input exceeds the context window of this model.",
            ),
            (
                400,
                "",
                "",
                "input length and `max_tokens` exceed context limit: 3 > 2",
            ),
        ] {
            let body = json!({"error": {"message": message, "type": kind, "code": code}});
            let (_, anthropic) = told(OpenAi, status, &body);
            assert_eq!(
                anthropic["error"]["message"],
                format!("prompt is too long: {message}")
            );
            let (_, openai) = told(Anthropic, status, &body);
            assert_eq!(openai["error"]["code"], "context_length_exceeded");
        }
        // The words alone say nothing of an error of another class.
        let body = json!({"error": {"message": "Slow down: context window", "type": "x"}});
        assert_eq!(
            told(OpenAi, 429, &body).1["error"]["type"],
            "rate_limit_error"
        );
    }

    #[test]
    fn pages_and_nothing_are_not_passed_on() {
        for body in [
            "",
            "<html><body>nginx</body></html>",
            "upstream connect error",
            "[]",
            "{}",
            r#"{"error":"<!DOCTYPE html>"}"#,
            "\u{0}",
            r#"{"error":{"message":{"a":1}}}"#,
        ] {
            for to in [Anthropic, OpenAi] {
                let (status, told) = error(to, 502, body.as_bytes());
                let told: Value = serde_json::from_slice(&told).unwrap();
                assert_eq!(status, 502);
                assert_eq!(
                    told["error"]["message"], "The provider answered with status 502.",
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn other_shapes_are_understood() {
        let shapes = [
            json!({"error": "no such model"}),
            json!({"object": "error", "message": "no such model", "type": "NotFoundError", "code": 404}),
            json!({"detail": "no such model"}),
        ];
        for body in shapes {
            let (status, told) = told(OpenAi, 404, &body);
            assert_eq!(
                (status, &told["error"]["type"]),
                (404, &json!("not_found_error"))
            );
            assert_eq!(told["error"]["message"], "no such model");
        }
    }

    #[test]
    fn messages_are_bounded_between_characters() {
        let body = json!({"error": {"message": "é".repeat(5000)}});
        let (_, told) = told(OpenAi, 400, &body);
        assert_eq!(told["error"]["message"], "é".repeat(1000));
    }

    #[test]
    fn a_status_that_is_no_error_becomes_one() {
        for status in [0, 200, 302, 999] {
            assert_eq!(error(Anthropic, status, b"").0, 502);
        }
    }
}
