/*! Errors that Tollgate makes, in the caller's protocol.

Shapes and types: OpenAI and Anthropic API references, section "Errors". */

use super::{Api, Protocol};
use serde_json::{Value, json};

/// A complete answer made by Tollgate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `content-length`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: value.to_string().into_bytes(),
        }
    }
}

/// The class of an error; it decides status and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400
    Invalid,
    /// 401
    Authentication,
    /// 403
    Permission,
    /// 404
    NotFound,
    /// 405
    Method,
    /// 408
    RequestTimeout,
    /// 413
    TooLarge,
    /// 415
    MediaType,
    /// 429
    RateLimit,
    /// 429: the budget is spent.
    Quota,
    /// 500
    Internal,
    /// 502
    BadGateway,
    /// 503
    Unavailable,
    /// 504
    Timeout,
}

impl ErrorKind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Authentication => 401,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::RequestTimeout => 408,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::RateLimit | Self::Quota => 429,
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The class of a status that Envoy chose.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            403 => Self::Permission,
            404 => Self::NotFound,
            405 => Self::Method,
            408 => Self::RequestTimeout,
            413 => Self::TooLarge,
            415 => Self::MediaType,
            429 => Self::RateLimit,
            502 => Self::BadGateway,
            503 => Self::Unavailable,
            504 => Self::Timeout,
            400..500 => Self::Invalid,
            _ => Self::Internal,
        }
    }

    const fn openai_type(self) -> &'static str {
        match self {
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::RateLimit => "rate_limit_error",
            Self::Quota => "insufficient_quota",
            Self::Internal | Self::BadGateway | Self::Unavailable | Self::Timeout => "server_error",
            _ => "invalid_request_error",
        }
    }

    const fn anthropic_type(self) -> &'static str {
        match self {
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimit | Self::Quota => "rate_limit_error",
            Self::Timeout | Self::RequestTimeout => "timeout_error",
            Self::Internal | Self::BadGateway | Self::Unavailable => "api_error",
            _ => "invalid_request_error",
        }
    }

    /// Whether the same call may succeed if it is made again.
    const fn worth_retrying(self) -> bool {
        matches!(
            self,
            Self::RateLimit
                | Self::Unavailable
                | Self::Timeout
                | Self::RequestTimeout
                | Self::Internal
        )
    }
}

/// Why a call is refused: a stable code for programs, a message for people. Neither holds
/// any part of a prompt, an answer or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The class.
    pub kind: ErrorKind,
    /// Stable code, also the reason in records and metrics.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The field of the request that is at fault.
    pub param: Option<String>,
    /// For the operator's record: what exactly was decided; names from the policy only.
    pub detail: String,
    /// Headers that belong to it: `retry-after`, `allow`, `www-authenticate`.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal that blames no field.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            param: None,
            detail: String::new(),
            headers: Vec::new(),
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The error as JSON, as the protocol shapes it.
    fn value(&self, protocol: Protocol) -> Value {
        match protocol {
            Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => json!({"error": {
                "message": self.message,
                "type": self.kind.openai_type(),
                "param": self.param,
                "code": self.code,
            }}),
            // Anthropic's shape has no code; programs that want ours find it beside.
            Protocol::Anthropic => json!({"type": "error", "error": {
                "type": self.kind.anthropic_type(),
                "message": self.message,
                "code": self.code,
            }}),
        }
    }

    /// The event that tells a caller whose stream has begun.
    pub fn event(&self, api: Api) -> Vec<u8> {
        self.numbered_event(api, 0)
    }

    /// The same behind other events: those of Responses are numbered.
    pub fn numbered_event(&self, api: Api, number: u64) -> Vec<u8> {
        let mut value = self.value(api.protocol());
        match api {
            // OpenAI's SDKs raise what stands in `error`; others go by the event's own members.
            Api::Responses => {
                let own = json!({"type": "error", "code": self.code, "message": self.message,
                    "param": self.param, "sequence_number": number});
                if let (Some(members), Value::Object(own)) = (value.as_object_mut(), own) {
                    members.extend(own);
                }
                format!("event: error\ndata: {value}\n\n")
            }
            Api::Messages | Api::CountTokens => format!("event: error\ndata: {value}\n\n"),
            _ => format!("data: {value}\n\n"),
        }
        .into_bytes()
    }

    /// The answer that tells a caller.
    pub fn reply(&self, protocol: Protocol) -> Reply {
        let mut reply = Reply::json(self.kind.status(), &self.value(protocol));
        let said = |(name, _): &(&str, String)| *name == "x-should-retry";
        if !self.headers.iter().any(said) {
            let retry = self.kind.worth_retrying().to_string();
            reply.headers.push(("x-should-retry", retry));
        }
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}
