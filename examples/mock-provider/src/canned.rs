/*! Answers for benchmarks: no parsing, no memory, an answer made once. */

use crate::answer::{Api, JSON, Request as Asked, SSE, answer};
use crate::kept::NOT_KEPT;
use crate::play::{Answered, head};
use crate::script::Script;
use bytes::Bytes;
use http_body_util::{BodyExt, Channel};
use hyper::Request;
use hyper::body::Incoming;
use serde_json::json;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

/// What one API says.
struct Canned {
    whole: Bytes,
    stream: Vec<Bytes>,
}

/// What the text is.
#[derive(Clone, Copy)]
enum Text {
    /// A few words.
    Short,
    /// With personal data.
    Personal,
    /// So long that a whole answer has about 2 KB.
    Long,
}

/// By API and text.
static ALL: [OnceLock<Canned>; PLACES] = [const { OnceLock::new() }; PLACES];
const TEXTS: usize = Text::Long as usize + 1;
const PLACES: usize = (Api::Bedrock as usize + 1) * TEXTS;

/// What is said where masking is measured: a finding in each 40 words or so.
const PERSONAL: &str = "The order is on its way to the customer, who asked for it last week, \
    and the invoice has gone to ada.example@example.org as before. It was paid with the card \
    4111 1111 1111 1111, and the rest comes back to DE89 3704 0044 0532 0130 00 in a few days. \
    If anything of this is wrong, please call the office at +1 415 555 0132 between ten and four, \
    or answer this message and say what has to change; nobody there knows the order by heart, so \
    have its number ready. ";

impl Text {
    fn words(self) -> Option<String> {
        match self {
            Self::Short => None,
            Self::Personal => Some(PERSONAL.to_owned()),
            Self::Long => Some("Nothing in this text has to be looked at twice. ".repeat(36)),
        }
    }
}

impl Canned {
    fn new(path: &str, text: Text) -> Self {
        let text = text.words();
        let parts = |stream, script: &Script| {
            // As many embeddings as a client asks for at once, of the length that models give.
            let body = json!({"model": "mock", "stream": stream, "messages": [],
                "input": vec!["text"; 16], "dimensions": 1536,
                "stream_options": {"include_usage": true}});
            let request = Asked {
                path,
                body: &body,
                id: NOT_KEPT,
            };
            answer(&request, script).parts
        };
        let script = Script {
            events: Some(200),
            text: text.clone(),
            ..Script::default()
        };
        let whole = Script {
            text,
            ..Script::default()
        };
        Self {
            whole: parts(false, &whole).concat().into(),
            stream: parts(true, &script).into_iter().map(Bytes::from).collect(),
        }
    }

    fn of(path: &str, text: Text) -> &'static Self {
        let index = Api::of(path) as usize * TEXTS + text as usize;
        ALL[index].get_or_init(|| Self::new(path, text))
    }
}

/// `stream` is a stream of 200 events, `paced` the same with a millisecond between them, so
/// that each travels alone; anything else is a whole answer. With `-personal` behind it, there
/// is personal data in the text, with `-2k` a whole answer has about 2 KB.
pub(crate) async fn canned(request: Request<Incoming>, kind: &[u8]) -> Answered {
    let texts: [(&[u8], Text); 2] = [(b"-personal", Text::Personal), (b"-2k", Text::Long)];
    let mut texts = texts
        .iter()
        .filter_map(|(end, text)| Some((kind.strip_suffix(*end)?, *text)));
    let (kind, text) = texts.next().unwrap_or((kind, Text::Short));
    let canned = Canned::of(request.uri().path(), text);
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        frame.map_err(io::Error::other)?;
    }
    if !matches!(kind, b"stream" | b"paced") {
        return Ok(head(200, JSON, canned.whole.clone()));
    }
    let paced = kind == b"paced";
    let (mut sender, channel) = Channel::new(16);
    tokio::spawn(async move {
        for event in &canned.stream {
            if sender.send_data(event.clone()).await.is_err() {
                return;
            }
            if paced {
                tokio::time::sleep(Duration::from_millis(1)).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut response = head(200, SSE, Bytes::new());
    *response.body_mut() = channel.boxed();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_every_api_has_every_text() {
        let ends = [
            "chat/completions",
            "completions",
            "responses",
            "embeddings",
            "messages",
        ];
        for path in ends.map(|end| format!("/v1/{end}")) {
            for text in [Text::Short, Text::Personal, Text::Long] {
                let whole = &Canned::of(&path, text).whole;
                let said = text.words().unwrap_or_default();
                let said = said.split('.').next().unwrap_or_default();
                let there = whole
                    .windows(said.len().max(1))
                    .any(|at| at == said.as_bytes());
                assert!(
                    there || said.is_empty() || path.ends_with("embeddings"),
                    "{path}"
                );
                assert!(whole.len() > 20, "{path}");
            }
        }
        let long = Canned::of("/v1/chat/completions", Text::Long).whole.len();
        assert!((1_900..2_200).contains(&long), "{long}");
    }
}
