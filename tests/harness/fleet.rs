/*! An Envoy with several mock providers. */

use crate::client::{Answer, Ask};
use crate::config::Config;
use crate::envoy::{Envoy, Release};
use crate::pool::Lease;
use mock_provider::{Mock, Received};
use serde_json::Value;

/// Envoy in front of mocks that are called `a`, `b` and so on, in the order of the ports that
/// the shipped files give them.
#[derive(Debug)]
pub struct Fleet {
    /// The gateway.
    pub envoy: Envoy,
    mocks: Vec<Mock>,
}

/// The port of mock `a` in shipped files; the others follow.
const FIRST_PORT: u16 = 8001;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

impl Fleet {
    /// Starts a gateway and as many mocks as its configuration has ports for.
    pub async fn start(config: Config) -> Self {
        Self::start_release(Release::Current, config).await
    }

    /// One that all tests with this configuration share: for those that look at their own
    /// calls only, stop no mock, and use up no limit.
    pub async fn of(config: Config) -> Lease<Self> {
        Lease::of(config).await
    }

    /// As [`Fleet::start`], with a certain Envoy.
    pub async fn start_release(release: Release, mut config: Config) -> Self {
        let mut mocks = Vec::new();
        for (port, name) in (FIRST_PORT..).zip(NAMES) {
            let port = format!("port_value: {port}");
            if !config.0.contains(&port) {
                break;
            }
            let mock = Mock::named(name, ([127, 0, 0, 1], 0).into()).await;
            let mock = mock.expect("a mock");
            let own = format!("port_value: {}", mock.address().port());
            config = config.replace(&port, &own);
            mocks.push(mock);
        }
        let envoy = Envoy::start_release(release, &config).await;
        Self { envoy, mocks }
    }

    /// A mock by its name.
    pub fn mock(&self, name: &str) -> &Mock {
        let mut mocks = self.mocks.iter();
        let found = mocks.find(|mock| mock.name() == name);
        found.unwrap_or_else(|| panic!("no mock {name}"))
    }

    /// Makes a request to the gateway.
    pub async fn send(&self, ask: &Ask) -> Answer {
        ask.send(self.envoy.port()).await
    }

    /// The decision record of a request.
    pub async fn record(&self, ask: &Ask) -> Value {
        self.envoy.record(&ask.id).await["tollgate"].take()
    }

    /// What one mock got of a request.
    pub fn received(&self, name: &str, ask: &Ask) -> Vec<Received> {
        let id = ask.id.as_str();
        self.mock(name)
            .received(|received| received.header("x-request-id") == id)
    }

    /// How often each mock got a request, in their order.
    pub fn tries(&self, ask: &Ask) -> Vec<usize> {
        let mocks = self.mocks.iter();
        mocks
            .map(|mock| self.received(mock.name(), ask).len())
            .collect()
    }
}
