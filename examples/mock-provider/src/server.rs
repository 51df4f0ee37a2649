/*! The server: HTTP/1.1 and HTTP/2 on one port. */

use crate::canned::canned;
use crate::files::Files;
use crate::form;
use crate::kept::Kept;
use crate::messages;
use crate::play::{Answered, head, play};
use crate::script::Script;
use crate::{amazon, bedrock, gemini};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, oneshot};
use tokio::task::{JoinHandle, JoinSet};

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

impl Received {
    /// The path with its query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// A header as text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON, null if it is none. Of a form, its fields.
    pub fn json(&self) -> serde_json::Value {
        let content_type = self.header("content-type");
        if content_type.starts_with("multipart/form-data") {
            return form::read(content_type, &self.body).unwrap_or_default();
        }
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A running mock; it ends with its runtime.
#[derive(Debug, Clone)]
pub struct Mock {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What all connections of a mock know.
#[derive(Debug, Default)]
struct Shared {
    /// Finds this mock's script where a request has several.
    name: String,
    received: Mutex<VecDeque<Received>>,
    /// What a request without a script of its own gets.
    script: Mutex<Script>,
    /// Responses that it keeps.
    kept: Kept,
    /// Files that it keeps.
    files: Files,
    /// What answers wait for; see [`Mock::hold`].
    gate: Arc<RwLock<()>>,
    /// Takes connections, and holds those that are open; ends with its sender.
    server: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// While it lives, a mock takes requests and answers none.
#[derive(Debug)]
pub struct Hold {
    _gate: OwnedRwLockWriteGuard<()>,
}

/// How many requests are remembered.
const MEMORY: usize = 10_000;

impl Mock {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address can't be had.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        Self::named("", address).await
    }

    /// As [`Mock::start`], for a mock that finds its script by `name`.
    ///
    /// # Errors
    /// The address can't be had.
    pub async fn named(name: &str, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let mock = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                name: name.to_owned(),
                ..Shared::default()
            }),
        };
        mock.listen(listener);
        Ok(mock)
    }

    fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        let (stop, mut stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = &mut stopped => break,
                };
                let Ok((socket, _)) = accepted else { break };
                connections.spawn(Arc::clone(&shared).serve(socket));
                while connections.try_join_next().is_some() {}
            }
            drop(listener);
            connections.shutdown().await;
        });
        *lock(&self.shared.server) = Some((stop, server));
    }

    /// Goes away: open connections break, new ones are refused. What was received stays.
    pub async fn stop(&self) {
        let server = lock(&self.shared.server).take();
        if let Some((stop, server)) = server {
            drop(stop);
            // The port is free, and no connection answers any more, once the task has gone.
            let _ = server.await;
        }
    }

    /// Comes back on the same port.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        self.listen(listener);
        Ok(())
    }

    /// What requests without a script of their own get from now on.
    pub fn set_default(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// Answers none of the requests that it takes from now on, until what this gives is dropped.
    pub async fn hold(&self) -> Hold {
        let gate = Arc::clone(&self.shared.gate);
        Hold {
            _gate: gate.write_owned().await,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The name that finds its script.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Everything received so far for which `wanted` holds.
    pub fn received(&self, wanted: impl Fn(&Received) -> bool) -> Vec<Received> {
        let received = lock(&self.shared.received);
        received.iter().filter(|r| wanted(r)).cloned().collect()
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let service = service_fn(move |request| Arc::clone(&self).handle(request));
        // A broken connection is the client's affair, or a fault that was asked for.
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(socket), service)
            .await;
    }

    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answered {
        let kind = request.headers().get("x-mock-canned").cloned();
        if let Some(kind) = kind {
            return canned(request, kind.as_bytes()).await;
        }
        let received = read(request).await;
        self.remember(received.clone());
        if !received.complete {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        drop(self.gate.read().await);
        let script = self.script(&received.headers);
        if let Ok(script) = script.as_ref()
            && script.is_plain()
            && let Some((status, kind, body)) = self.files.about(&received, script)
        {
            return Ok(head(status, kind, body));
        }
        match script {
            Ok(script) => match refusal(&received) {
                Some(refusal) => play(&received, refusal, &self.kept).await,
                None => play(&received, script, &self.kept).await,
            },
            Err(error) => {
                let refusal = Script {
                    status: Some(400),
                    text: Some(format!("bad x-mock: {error}")),
                    ..Script::default()
                };
                play(&received, refusal, &self.kept).await
            }
        }
    }

    fn script(&self, headers: &HeaderMap) -> Result<Script, String> {
        let header = headers.get("x-mock").map(HeaderValue::as_bytes);
        let own = header.map(|header| Script::read(header, &self.name));
        let own = own.transpose()?.flatten();
        Ok(own.unwrap_or_else(|| lock(&self.script).clone()))
    }

    fn remember(&self, received: Received) {
        let mut all = lock(&self.received);
        if all.len() == MEMORY {
            all.pop_front();
        }
        all.push_back(received);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// What every script is overruled by: requests that the provider would not take.
fn refusal(received: &Received) -> Option<Script> {
    let (status, text) = if received.path().contains("/messages") {
        let version = Some(received.header("anthropic-version"));
        let version = version.filter(|version| !version.is_empty());
        let counts = received.path().contains("/count_tokens");
        let refusal = messages::refusal(version, counts, &received.json())?;
        (400, refusal.to_owned())
    } else if gemini::is_at(received.path()) {
        (400, gemini::refusal(received.path(), &received.json())?)
    } else if bedrock::is_at(received.path()) {
        let model = bedrock::model(received.path()).unwrap_or_default();
        (400, amazon::refusal(model, &received.json())?)
    } else {
        let azure = received.path().contains("/openai/deployments/");
        let good = !azure || received.path().contains("?api-version=");
        (!good).then_some((404, "Resource not found".to_owned()))?
    };
    Some(Script {
        status: Some(status),
        text: Some(text),
        ..Script::default()
    })
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
