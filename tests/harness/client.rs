/*! A plain HTTP client that shows everything: pieces, trailers, breaks. */

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;

/// What carries a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Ask {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
    protocol: Protocol,
    /// Sent as `x-request-id`; finds the record.
    pub id: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as far as it came.
    pub body: Bytes,
    /// Trailers.
    pub trailers: HeaderMap,
    /// Whether the body came to its end.
    pub complete: bool,
}

/// A test that waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long Envoy's admin interface may take: it answers when all modules are compiled, which is
/// late where many Envoys start at once.
const STARTING: Duration = Duration::from_secs(60);

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Ask {
    /// A request without a body.
    pub fn new(method: &str, path: &str) -> Self {
        let id = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let ask = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            trailers: HeaderMap::new(),
            protocol: Protocol::Http1,
            id: id.clone(),
        };
        ask.header("x-request-id", &id)
    }

    /// A chat call of tenant acme with this JSON body.
    pub fn chat(body: &Value) -> Self {
        Self::chat_bytes(body.to_string().into_bytes())
    }

    /// A chat call of tenant acme with any body.
    pub fn chat_bytes(body: impl Into<Bytes>) -> Self {
        Self::new("POST", "/v1/chat/completions")
            .key("demo-acme-key")
            .header("content-type", "application/json")
            .body(body)
    }

    /// A call of OpenAI's completions of tenant acme with this JSON body.
    pub fn completion(body: &Value) -> Self {
        Self::chat(body).path("/v1/completions")
    }

    /// A call of OpenAI's Responses of tenant acme with this JSON body.
    pub fn response(body: &Value) -> Self {
        Self::chat(body).path("/v1/responses")
    }

    /// A call of Anthropic's messages of tenant acme with this JSON body.
    pub fn messages(body: &Value) -> Self {
        Self::new("POST", "/v1/messages")
            .header("x-api-key", "demo-acme-key")
            .header("anthropic-version", "2023-06-01")
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Asks for another path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(
            name,
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
        self
    }

    /// Adds a header beside one of the same name.
    #[must_use]
    pub fn add_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.append(name, value.parse().expect("a value"));
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sends a key as the OpenAI SDK does.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// Tells the mock what to do.
    #[must_use]
    pub fn mock(self, script: &Value) -> Self {
        self.header("x-mock", &script.to_string())
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Ends the request in a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.trailers.insert(name, value.parse().expect("a value"));
        self
    }

    /// Chooses what carries the request.
    #[must_use]
    pub fn over(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Makes the request to a port on loopback.
    pub async fn send(&self, port: u16) -> Answer {
        self.try_send(port).await.expect("an answer")
    }

    /// As [`Ask::send`]; `None` if no head comes back.
    pub async fn try_send(&self, port: u16) -> Option<Answer> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let answer = tokio::time::timeout(PATIENCE, self.send_on(socket)).await;
        answer.unwrap_or_else(|_| panic!("no end of an answer within {PATIENCE:?}: {self:?}"))
    }

    /// Makes the request on a connection.
    pub async fn send_on(
        &self,
        socket: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    ) -> Option<Answer> {
        let io = TokioIo::new(socket);
        let response = match self.protocol {
            Protocol::Http1 => {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(io).await.ok()?;
                tokio::spawn(connection);
                sender.send_request(self.request()).await.ok()?
            }
            Protocol::Http2 => {
                let executor = TokioExecutor::new();
                let handshake = hyper::client::conn::http2::handshake(executor, io);
                let (mut sender, connection) = handshake.await.ok()?;
                tokio::spawn(connection);
                sender.send_request(self.request()).await.ok()?
            }
        };
        Some(collect(response).await)
    }

    fn request(&self) -> Request<BoxBody<Bytes, Infallible>> {
        let uri = match self.protocol {
            Protocol::Http1 => self.path.clone(),
            Protocol::Http2 => format!("http://gateway.test{}", self.path),
        };
        let mut request = Request::builder().method(self.method.as_str()).uri(uri);
        if self.protocol == Protocol::Http1 {
            request = request.header("host", "gateway.test");
        }
        let body = if self.trailers.is_empty() {
            Full::new(self.body.clone()).boxed()
        } else {
            let frames = [
                Frame::data(self.body.clone()),
                Frame::trailers(self.trailers.clone()),
            ];
            StreamBody::new(Frames(frames.into_iter().collect())).boxed()
        };
        let mut request = request.body(body).expect("a request");
        request.headers_mut().extend(self.headers.clone());
        request
    }
}

/// Frames that are all there.
struct Frames(std::collections::VecDeque<Frame<Bytes>>);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.pop_front().map(Ok))
    }
}

async fn collect(response: Response<Incoming>) -> Answer {
    let (head, mut body) = response.into_parts();
    let mut answer = Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: Bytes::new(),
        trailers: HeaderMap::new(),
        complete: true,
    };
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => bytes.extend_from_slice(&data),
            Ok(Err(frame)) => answer.trailers = frame.into_trailers().unwrap_or_default(),
            Err(_) => {
                answer.complete = false;
                break;
            }
        }
    }
    answer.body = bytes.into();
    answer
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.body))
    }

    /// `error.code` of the body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// A header as text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(HeaderValue::to_str);
        value.transpose().expect("text").unwrap_or_default()
    }

    /// The JSON of every event of a stream but `[DONE]`.
    pub fn events(&self) -> Vec<Value> {
        let data = self
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        let chunks = data.filter(|data| *data != "[DONE]");
        chunks
            .map(|data| serde_json::from_str(data).expect("JSON in an event"))
            .collect()
    }
}

/// A simple GET; `None` if nobody answers.
pub(crate) async fn get(port: u16, path: &str) -> Option<String> {
    let ask = Ask::new("GET", path);
    let socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let answer = tokio::time::timeout(STARTING, ask.send_on(socket)).await;
    let answer = answer.ok()??;
    String::from_utf8(answer.body.to_vec()).ok()
}
