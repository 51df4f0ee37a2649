/*! An Envoy with its mock provider. */

use crate::client::{Answer, Ask};
use crate::config::Config;
use crate::envoy::{Envoy, Release};
use crate::pool::Lease;
use mock_provider::{Mock, Received};
use serde_json::Value;

/// Envoy in front of a mock provider.
#[derive(Debug)]
pub struct Stand {
    /// The gateway.
    pub envoy: Envoy,
    /// The provider.
    pub mock: Mock,
}

impl Stand {
    /// The shipped gateway, started once for all tests that change nothing.
    pub async fn shared() -> Lease<Self> {
        Self::of(Config::gateway()).await
    }

    /// A gateway that all tests with this configuration share: for those that look at
    /// their own calls only, and use up no limit.
    pub async fn of(config: Config) -> Lease<Self> {
        Lease::of(config).await
    }

    /// Starts a gateway of its own.
    pub async fn start(config: Config) -> Self {
        Self::start_release(Release::Current, config).await
    }

    /// As [`Stand::start`], with a certain Envoy.
    pub async fn start_release(release: Release, config: Config) -> Self {
        let mock = Mock::start(([127, 0, 0, 1], 0).into())
            .await
            .expect("a mock");
        let port = format!("port_value: {}", mock.address().port());
        let config = Config(config.0.replace("port_value: 8001", &port));
        let envoy = Envoy::start_release(release, &config).await;
        Self { envoy, mock }
    }

    /// Makes a request to the gateway.
    pub async fn send(&self, ask: &Ask) -> Answer {
        ask.send(self.envoy.port()).await
    }

    /// The decision record of a request.
    pub async fn record(&self, ask: &Ask) -> Value {
        self.envoy.record(&ask.id).await["tollgate"].take()
    }

    /// What the provider got of a request.
    pub fn received(&self, ask: &Ask) -> Vec<Received> {
        self.mock.received(|received| {
            let id = received.headers.get("x-request-id");
            id.is_some_and(|id| id == ask.id.as_str())
        })
    }

    /// Makes a request and gives what the provider got of it, once.
    pub async fn pass(&self, ask: &Ask) -> (Answer, Received) {
        let answer = self.send(ask).await;
        let mut received = self.received(ask);
        assert_eq!(received.len(), 1, "{} {:?}", answer.status, answer.body);
        (answer, received.remove(0))
    }

    /// The totals of a model of tenant acme.
    pub async fn totals(&self, model: &str) -> Value {
        let ask = Ask::new("GET", "/tollgate/usage").key("demo-admin-key");
        self.send(&ask).await.json()["models"][model].take()
    }
}
