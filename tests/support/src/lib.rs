/*! A rate limit service for tests: Envoy's gRPC protocol in front of the engine `limitador`,
whose counters are in a Redis.

It counts as Envoy's reference service does: hits are added first and judged then, so what is
refused counts too; negative hits take back, and never below zero. */

// Helpers of tests may stop at the first surprise, as tests may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine;
mod grpc;
mod messages;
mod server;
mod storage;

pub use engine::Limit;

use engine::Engine;
use server::Redis;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the service was asked about one descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Keys and values, in their order.
    pub entries: Vec<(String, String)>,
    /// How much it adds; `None`: the default, 1.
    pub hits: Option<u64>,
    /// Whether it takes back instead.
    pub negative: bool,
}

/// A running service; it and its Redis end with this value.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    engine: Arc<Engine>,
    delay: Arc<Mutex<Duration>>,
    server: JoinHandle<()>,
    _redis: Redis,
}

impl Service {
    /// Starts a service with these limits, on a port of loopback that the system chooses.
    pub async fn start(limits: &[Limit]) -> Self {
        let redis = Redis::start().await;
        let engine = Arc::new(Engine::new(&redis.url(), limits).await);
        let (asked, delay) = (Arc::default(), Arc::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let behind = grpc::Behind {
            engine: Arc::clone(&engine),
            log: Arc::clone(&asked),
            delay: Arc::clone(&delay),
        };
        let server = tokio::spawn(grpc::serve(listener, behind));
        Self {
            address,
            asked,
            engine,
            delay,
            server,
            _redis: redis,
        }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything that it was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Waits so long before each answer from now on.
    pub fn delay(&self, delay: Duration) {
        *self.delay.lock().expect("no panic") = delay;
    }

    /// What was used of a limit by the holder of `name`, so far in its window.
    pub async fn used(&self, limit: &Limit, name: &str) -> u64 {
        self.engine.used(limit, name).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}
