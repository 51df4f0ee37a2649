/*! Answers for benchmarks: no parsing, no memory, an answer made once. */

use crate::answer::{JSON, Request as Asked, SSE, answer};
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

/// What one protocol says.
struct Canned {
    whole: Bytes,
    stream: Vec<Bytes>,
}

static OPENAI: OnceLock<Canned> = OnceLock::new();
static ANTHROPIC: OnceLock<Canned> = OnceLock::new();

impl Canned {
    fn new(path: &str) -> Self {
        let parts = |stream, script: &Script| {
            let body = json!({"model": "mock", "stream": stream, "messages": [],
                "stream_options": {"include_usage": true}});
            let request = Asked { path, body: &body };
            answer(&request, script).parts
        };
        let script = Script {
            events: Some(200),
            ..Script::default()
        };
        Self {
            whole: parts(false, &Script::default()).concat().into(),
            stream: parts(true, &script).into_iter().map(Bytes::from).collect(),
        }
    }

    fn of(path: &str) -> &'static Self {
        if path.ends_with("/messages") {
            ANTHROPIC.get_or_init(|| Self::new("/messages"))
        } else {
            OPENAI.get_or_init(|| Self::new("/chat/completions"))
        }
    }
}

/// `stream` is a stream of 200 events, `paced` the same with a millisecond between them, so
/// that each travels alone; anything else is a whole answer.
pub(crate) async fn canned(request: Request<Incoming>, kind: &[u8]) -> Answered {
    let canned = Canned::of(request.uri().path());
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
