/*! A Redis of one service, on a socket in a folder of its own. */

use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running Redis; it ends with this value, or with the process.
#[derive(Debug)]
pub(crate) struct Redis {
    folder: TempDir,
    guard: Child,
}

/// Runs a program and ends it when the standard input closes.
const GUARD: &str =
    r#""$@" </dev/null & pid=$!; cat >/dev/null; kill "$pid" 2>/dev/null; wait "$pid""#;

impl Redis {
    /// Starts the program that `TOLLGATE_REDIS` names.
    pub(crate) async fn start() -> Self {
        let program = std::env::var_os("TOLLGATE_REDIS");
        let program = program.expect("TOLLGATE_REDIS is not set: run tests by `make test`");
        let folder = TempDir::new().expect("a folder");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(program);
        guard.args(["--port", "0", "--save", "", "--appendonly", "no"]);
        guard.arg("--unixsocket").arg(folder.path().join("socket"));
        let guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let redis = Self {
            folder,
            guard: guard.expect("a shell"),
        };
        redis.wait().await;
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "redis+unix://{}",
            self.folder.path().join("socket").display()
        )
    }

    async fn wait(&self) {
        for _ in 0..500 {
            if tokio::net::UnixStream::connect(self.folder.path().join("socket"))
                .await
                .is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Redis does not start");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
