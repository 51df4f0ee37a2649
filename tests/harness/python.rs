/*! Servers in Python that tests ask. */

use crate::config::repo;
use crate::envoy::env_path;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tokio::sync::OnceCell;

/// A running server; it ends with this value, or with the test process.
#[derive(Debug)]
pub struct Python {
    port: u16,
    server: Child,
}

/// Presidio's analyzer, for guardrails that ask a service.
#[derive(Debug)]
pub struct Presidio;

/// A model of embeddings.
#[derive(Debug)]
pub struct Minilm;

static PRESIDIO: OnceCell<Python> = OnceCell::const_new();
static MINILM: OnceCell<Python> = OnceCell::const_new();

impl Presidio {
    /// The one that all tests may ask, started once.
    pub async fn shared() -> &'static Python {
        let start = async || {
            let python = Command::new(env_path("TOLLGATE_PRESIDIO"));
            Python::start(python, "tests/presidio/server.py")
        };
        PRESIDIO.get_or_init(start).await
    }
}

impl Minilm {
    /// The one that all tests may ask, started once.
    pub async fn shared() -> &'static Python {
        let start = async || {
            let mut python = Command::new(env_path("TOLLGATE_PYTHON"));
            python.env("PYTHONPATH", env_path("TOLLGATE_MINILM"));
            Python::start(python, "tests/minilm/server.py")
        };
        MINILM.get_or_init(start).await
    }
}

impl Python {
    /// Runs a file of the repository that says the port it has taken; it may take some seconds.
    fn start(mut python: Command, file: &str) -> Self {
        python.arg(repo(file));
        // It ends when its standard input closes.
        python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = python.stderr(Stdio::null()).spawn().expect("Python runs");
        let mut port = String::new();
        let mut stdout = BufReader::new(server.stdout.take().expect("a pipe"));
        stdout.read_line(&mut port).expect("a line");
        let port = port.trim().parse();
        Self {
            port: port.unwrap_or_else(|_| panic!("{file} says no port")),
            server,
        }
    }

    /// Where it listens on loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
