/*! Presidio's analyzer behind HTTP, for guardrails that ask a service. */

use crate::config::repo;
use crate::envoy::env_path;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tokio::sync::OnceCell;

/// A running analyzer; it ends with this value, or with the test process.
#[derive(Debug)]
pub struct Presidio {
    port: u16,
    server: Child,
}

static SHARED: OnceCell<Presidio> = OnceCell::const_new();

impl Presidio {
    /// The one that all tests may ask, started once.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(async || Self::start()).await
    }

    /// Starts one; it takes some seconds.
    pub fn start() -> Self {
        let mut command = Command::new(env_path("TOLLGATE_PRESIDIO"));
        command.arg(repo("tests/presidio/server.py"));
        // It ends when its standard input closes.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.stderr(Stdio::null()).spawn().expect("Python runs");
        let mut port = String::new();
        let mut stdout = BufReader::new(server.stdout.take().expect("a pipe"));
        stdout.read_line(&mut port).expect("a line");
        Self {
            port: port.trim().parse().expect("Presidio says its port"),
            server,
        }
    }

    /// Where it listens on loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Presidio {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
