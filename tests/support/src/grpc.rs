/*! gRPC as far as one unary method needs it: a message behind five bytes, the status in
trailers. */

use crate::Asked;
use crate::engine::Engine;
use crate::messages::{Code, Descriptor, RateLimitRequest, RateLimitResponse};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

/// What stands behind the protocol.
#[derive(Clone)]
pub(crate) struct Behind {
    pub(crate) engine: Arc<Engine>,
    pub(crate) log: Arc<Mutex<Vec<Asked>>>,
    pub(crate) delay: Arc<Mutex<Duration>>,
}

/// Serves until it is aborted; its connections end with it.
pub(crate) async fn serve(listener: TcpListener, behind: Behind) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let behind = behind.clone();
        let service = service_fn(move |request| {
            let behind = behind.clone();
            async move { Ok::<_, Infallible>(answer(request, &behind).await) }
        });
        connections.spawn(async move {
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // An Envoy that ends breaks its connection: nothing to see to.
            let _ = http.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, behind: &Behind) -> Response<Body> {
    assert_eq!(request.uri().path(), METHOD);
    let Ok(body) = request.into_body().collect().await else {
        return response(&RateLimitResponse::default());
    };
    let mut message = body.to_bytes();
    message.advance(5);
    let request = RateLimitRequest::decode(message).expect("a request of Envoy");
    let delay = *behind.delay.lock().expect("no panic");
    tokio::time::sleep(delay).await;
    let statuses = behind.engine.judge(&request).await;
    let asked = request.descriptors.iter().map(asked);
    behind.log.lock().expect("no panic").extend(asked);
    let over = statuses
        .iter()
        .any(|status| status.code() == Code::OverLimit);
    let code = if over { Code::OverLimit } else { Code::Ok };
    response(&RateLimitResponse {
        overall_code: code.into(),
        statuses,
    })
}

fn asked(descriptor: &Descriptor) -> Asked {
    let entries = descriptor.entries.iter();
    Asked {
        entries: entries
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect(),
        hits: descriptor.hits_addend,
        negative: descriptor.is_negative_hits,
    }
}

fn response(message: &RateLimitResponse) -> Response<Body> {
    let message = message.encode_to_vec();
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("a short message"));
    framed.put_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    Response::builder()
        .header("content-type", "application/grpc")
        .body(body.boxed())
        .expect("a response")
}
