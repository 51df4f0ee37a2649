/*! The server: HTTP/1.1 and HTTP/2 on one port. */

use crate::answer::{Answer, answer};
use crate::script::{Fault, Script};
use bytes::Bytes;
use http_body_util::{BodyExt, Channel, Full, channel::Sender, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A request as the mock received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Method and path with query.
    pub line: String,
    /// `:authority`, or the `host` header.
    pub authority: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, as far as it came.
    pub body: Bytes,
    /// The trailers, empty if there were none.
    pub trailers: HeaderMap,
    /// Whether the body came to its end.
    pub complete: bool,
}

/// A running mock; it ends with its runtime.
#[derive(Debug, Clone)]
pub struct Mock {
    address: SocketAddr,
    received: Arc<Mutex<VecDeque<Received>>>,
}

/// How many requests are remembered.
const MEMORY: usize = 10_000;

type Answered = Result<Response<BoxBody<Bytes, io::Error>>, io::Error>;

impl Mock {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address can't be had.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let mock = Self {
            address: listener.local_addr()?,
            received: Arc::default(),
        };
        let accepting = mock.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(socket));
            }
        });
        Ok(mock)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything received so far for which `wanted` holds.
    pub fn received(&self, wanted: impl Fn(&Received) -> bool) -> Vec<Received> {
        let received = self.received.lock().unwrap_or_else(|e| e.into_inner());
        received.iter().filter(|r| wanted(r)).cloned().collect()
    }

    async fn serve(self, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let service = service_fn(move |request| self.clone().handle(request));
        // A broken connection is the client's affair, or a fault that was asked for.
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(socket), service)
            .await;
    }

    async fn handle(self, request: Request<Incoming>) -> Answered {
        let canned = request.headers().get("x-mock-canned").cloned();
        if let Some(kind) = canned {
            return canned_answer(request, kind.as_bytes()).await;
        }
        let received = read(request).await;
        let script = received.headers.get("x-mock").map(HeaderValue::as_bytes);
        let script = script.map_or_else(|| Ok(Script::default()), serde_json::from_slice);
        self.remember(received.clone());
        if !received.complete {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match script {
            Ok(script) => play(&received, script).await,
            Err(error) => Ok(plain(500, format!("bad x-mock: {error}"))),
        }
    }

    fn remember(&self, received: Received) {
        let mut all = self.received.lock().unwrap_or_else(|e| e.into_inner());
        if all.len() == MEMORY {
            all.pop_front();
        }
        all.push_back(received);
    }
}

async fn read(request: Request<Incoming>) -> Received {
    let (head, mut body) = request.into_parts();
    let host = head.headers.get("host").and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(ToString::to_string);
    let mut received = Received {
        line: format!(
            "{} {}",
            head.method,
            head.uri.path_and_query().map_or("", |path| path.as_str())
        ),
        authority: authority.unwrap_or_else(|| host.unwrap_or_default().to_owned()),
        headers: head.headers,
        body: Bytes::new(),
        trailers: HeaderMap::new(),
        complete: true,
    };
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => bytes.extend_from_slice(&data),
            Ok(Err(frame)) => received
                .trailers
                .extend(frame.into_trailers().unwrap_or_default()),
            Err(_) => received.complete = false,
        }
    }
    received.body = bytes.into();
    received
}

/// For benchmarks: no parsing, no memory, an answer made once. `paced` is the stream with a
/// millisecond between its events, so that each travels alone.
async fn canned_answer(request: Request<Incoming>, kind: &[u8]) -> Answered {
    use std::sync::OnceLock;
    static WHOLE: OnceLock<Bytes> = OnceLock::new();
    static STREAM: OnceLock<Vec<Bytes>> = OnceLock::new();
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        frame.map_err(io::Error::other)?;
    }
    let ask = |stream| {
        serde_json::json!({"model": "mock", "stream": stream, "messages": [],
            "stream_options": {"include_usage": true}})
    };
    if !matches!(kind, b"stream" | b"paced") {
        let body = WHOLE.get_or_init(|| answer(&ask(false), &Script::default()).body.into());
        return Ok(head(200, "application/json", body.clone()));
    }
    let script = Script {
        events: Some(200),
        ..Script::default()
    };
    let events = STREAM.get_or_init(|| split_events(&answer(&ask(true), &script).body));
    let paced = kind == b"paced";
    let (mut sender, channel) = Channel::new(16);
    tokio::spawn(async move {
        for event in events {
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
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(channel.boxed()).map_err(io::Error::other)
}

fn split_events(body: &[u8]) -> Vec<Bytes> {
    let text = String::from_utf8_lossy(body);
    let events = text.split_inclusive("\n\n");
    events
        .map(|event| Bytes::copy_from_slice(event.as_bytes()))
        .collect()
}

fn head(status: u16, content_type: &str, body: Bytes) -> Response<BoxBody<Bytes, io::Error>> {
    let body = Full::new(body).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert("content-type", value);
    }
    response
}

fn plain(status: u16, text: String) -> Response<BoxBody<Bytes, io::Error>> {
    head(status, "text/plain", text.into())
}

async fn play(received: &Received, script: Script) -> Answered {
    tokio::time::sleep(Duration::from_millis(script.delay_ms)).await;
    match script.fault {
        Some(Fault::ResetBeforeHead) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Hang) => std::future::pending::<()>().await,
        _ => {}
    }
    let request = serde_json::from_slice(&received.body).unwrap_or_default();
    let Answer { content_type, body } = answer(&request, &script);
    let mut response = head(script.status.unwrap_or(200), content_type, Bytes::new());
    for (name, value) in &script.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
        let value = HeaderValue::from_str(value).map_err(io::Error::other)?;
        response.headers_mut().insert(name, value);
    }
    if received.line.starts_with("HEAD ") || is_simple(&script) {
        *response.body_mut() = Full::new(body.into())
            .map_err(|never| match never {})
            .boxed();
        return Ok(response);
    }
    let (sender, channel) = Channel::new(1);
    tokio::spawn(send(sender, body, script));
    *response.body_mut() = channel.boxed();
    Ok(response)
}

fn is_simple(script: &Script) -> bool {
    script.piece.is_none()
        && script.cut.is_none()
        && script.piece_delay_ms == 0
        && script.trailers.is_empty()
        && script.fault.is_none()
}

async fn send(mut sender: Sender<Bytes, io::Error>, body: Vec<u8>, script: Script) {
    let body = Bytes::from(body);
    let half = body.len() / 2;
    let (body, fault) = match script.fault {
        Some(fault) => (body.slice(..half), Some(fault)),
        None => (body, None),
    };
    for piece in cut(&body, &script) {
        tokio::time::sleep(Duration::from_millis(script.piece_delay_ms)).await;
        if sender.send_data(piece).await.is_err() {
            return;
        }
    }
    match fault {
        Some(Fault::HangMidBody) => std::future::pending::<()>().await,
        Some(_) => {
            // Let what was written arrive before the break.
            tokio::time::sleep(Duration::from_millis(100)).await;
            sender.abort(io::ErrorKind::ConnectionReset.into());
        }
        None => {
            let mut trailers = HeaderMap::new();
            for (name, value) in &script.trailers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                    trailers.insert(name, value);
                }
            }
            if !trailers.is_empty() {
                let _ = sender.send_trailers(trailers).await;
            }
        }
    }
}

fn cut(body: &Bytes, script: &Script) -> Vec<Bytes> {
    let size = script.piece.unwrap_or(body.len()).max(1);
    let at = script.cut.unwrap_or(0).min(body.len());
    let (first, second) = (body.slice(..at), body.slice(at..));
    let pieces = |part: Bytes| {
        let starts = (0..part.len()).step_by(size);
        starts
            .map(move |start| part.slice(start..(start + size).min(part.len())))
            .collect::<Vec<_>>()
    };
    [pieces(first), pieces(second)].concat()
}
