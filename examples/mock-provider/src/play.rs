/*! Sends an answer as its script says. */

use crate::answer::{Answer, Api, JSON, Request as Asked, SSE, answer};
use crate::kept::{Kept, NOT_KEPT};
use crate::responses;
use crate::script::{Fault, Script};
use crate::server::Received;
use bytes::Bytes;
use http_body_util::{BodyExt, Channel, Full, channel::Sender, combinators::BoxBody};
use hyper::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::time::Duration;

pub(crate) type Answered = Result<Response<BoxBody<Bytes, io::Error>>, io::Error>;

pub(crate) fn head(
    status: u16,
    content_type: &str,
    body: Bytes,
) -> Response<BoxBody<Bytes, io::Error>> {
    let body = Full::new(body).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert("content-type", value);
    }
    response
}

/// Answers `received` as `script` says.
pub(crate) async fn play(received: &Received, script: Script, kept: &Kept) -> Answered {
    tokio::time::sleep(Duration::from_millis(script.delay_ms)).await;
    match script.fault {
        Some(Fault::ResetBeforeHead) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Hang) => std::future::pending::<()>().await,
        _ => {}
    }
    let body = received.json();
    let path = received.path();
    let is_plain = script.is_plain();
    if let Some(events) = kept.events(&received.line).filter(|_| is_plain) {
        return Ok(head(200, SSE, events.into()));
    }
    let stored = kept
        .about(&received.line, &body)
        .or_else(|| kept.refusal(&body));
    if let Some((status, answer)) = stored.filter(|_| is_plain) {
        return Ok(head(status, JSON, answer.to_string().into()));
    }
    let id = kept.id(&body);
    let asked = Asked {
        path,
        body: &body,
        id: &id,
    };
    if is_plain && id != NOT_KEPT && Api::of(path) == Api::Responses {
        let events = responses::stream(&asked, &script).all;
        let told = kept.keep(responses::whole(&asked, &script), events, &body);
        if let Some(queued) = told {
            return Ok(head(200, JSON, queued.to_string().into()));
        }
    }
    let Answer {
        status,
        content_type,
        parts,
        preamble,
    } = answer(&asked, &script);
    let mut response = head(status, content_type, Bytes::new());
    for (name, value) in &script.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
        let value = HeaderValue::from_str(value).map_err(io::Error::other)?;
        response.headers_mut().insert(name, value);
    }
    if received.line.starts_with("HEAD ") || is_simple(&script) {
        *response.body_mut() = Full::new(parts.concat().into())
            .map_err(|never| match never {})
            .boxed();
        return Ok(response);
    }
    let (sender, channel) = Channel::new(1);
    let ending = Ending::of(script.fault);
    let body = Bytes::from(parts.concat());
    let sent = match script.fault {
        Some(Fault::HangAfterHead | Fault::ResetAfterHead | Fault::Empty) => 0,
        Some(Fault::HangBeforeContent) => parts.iter().take(preamble).map(Vec::len).sum(),
        Some(Fault::HangMidBody | Fault::ResetMidBody | Fault::EndMidBody) => body.len() / 2,
        _ => body.len(),
    };
    tokio::spawn(send(sender, body.slice(..sent), script, ending));
    *response.body_mut() = channel.boxed();
    Ok(response)
}

/// What comes after the bytes that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Good,
    Hang,
    Reset,
}

impl Ending {
    fn of(fault: Option<Fault>) -> Self {
        match fault {
            Some(Fault::HangAfterHead | Fault::HangBeforeContent | Fault::HangMidBody) => {
                Self::Hang
            }
            Some(Fault::ResetAfterHead | Fault::ResetMidBody) => Self::Reset,
            _ => Self::Good,
        }
    }
}

fn is_simple(script: &Script) -> bool {
    script.piece.is_none()
        && script.cut.is_none()
        && script.piece_delay_ms == 0
        && script.trailers.is_empty()
        && script.fault.is_none()
}

async fn send(mut sender: Sender<Bytes, io::Error>, body: Bytes, script: Script, ending: Ending) {
    for piece in cut(&body, &script) {
        tokio::time::sleep(Duration::from_millis(script.piece_delay_ms)).await;
        if sender.send_data(piece).await.is_err() {
            return;
        }
    }
    match ending {
        Ending::Hang => std::future::pending::<()>().await,
        Ending::Reset => {
            // Let what was written arrive before the break.
            tokio::time::sleep(Duration::from_millis(100)).await;
            sender.abort(io::ErrorKind::ConnectionReset.into());
        }
        Ending::Good => {
            let trailers = trailers(&script);
            if !trailers.is_empty() {
                let _ = sender.send_trailers(trailers).await;
            }
        }
    }
}

fn trailers(script: &Script) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    for (name, value) in &script.trailers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            trailers.insert(name, value);
        }
    }
    trailers
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
