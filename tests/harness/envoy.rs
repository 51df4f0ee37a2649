/*! One Envoy process. */

use crate::config::{Config, repo};
use crate::{client, eventually};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running Envoy; it ends with this value or with the test process.
#[derive(Debug)]
pub struct Envoy {
    folder: TempDir,
    admin: u16,
    ports: Vec<(String, u16)>,
    guard: Child,
}

/// Runs Envoy and ends it when its standard input closes: so it cannot outlive a test
/// process that dies.
const GUARD: &str = r#""$@" </dev/null & pid=$!; echo "$pid" >"$PID_FILE"; cat >/dev/null; kill "$pid" 2>/dev/null; wait "$pid""#;

/// The path in an environment variable that `make test` sets.
pub fn env_path(name: &str) -> PathBuf {
    let path = std::env::var_os(name);
    PathBuf::from(path.unwrap_or_else(|| panic!("{name} is not set: run tests by `make test`")))
}

/// Which of the installed Envoys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The one that everything is tested with.
    Current,
    /// The oldest one that can try a call at several providers.
    Old,
    /// The oldest one that the module runs in.
    Oldest,
}

impl Release {
    fn program(self) -> PathBuf {
        env_path(match self {
            Self::Current => "TOLLGATE_ENVOY",
            Self::Old => "TOLLGATE_ENVOY_OLD",
            Self::Oldest => "TOLLGATE_ENVOY_OLDEST",
        })
    }
}

/// Puts this machine's paths into a configuration.
fn localise(config: &Config, folder: &Path) -> String {
    let wasm = env_path("TOLLGATE_WASM");
    config
        .0
        .replace("dist/tollgate.wasm", &wasm.display().to_string())
        .replace(
            "/dev/stdout",
            &folder.join("access.log").display().to_string(),
        )
}

fn envoy(release: Release, folder: &Path, config: &str) -> Command {
    let file = folder.join("envoy.yaml");
    std::fs::write(&file, config).expect("written");
    let mut command = Command::new(release.program());
    command.current_dir(repo("")).arg("-c").arg(file);
    command.args(["--disable-hot-restart", "--log-level", "warning"]);
    command.args(["--component-log-level", "wasm:info"]);
    command
}

/// Runs `envoy --mode validate`; what it said if it refuses the configuration.
pub fn validate(config: &Config) -> Result<(), String> {
    let folder = TempDir::new().expect("a folder");
    let config = localise(config, folder.path());
    let mut command = envoy(Release::Current, folder.path(), &config);
    let output = command
        .args(["--mode", "validate"])
        .output()
        .expect("Envoy runs");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

impl Envoy {
    /// Starts Envoy with two workers and waits until it listens.
    pub async fn start(config: &Config) -> Self {
        Self::start_release(Release::Current, config).await
    }

    /// As [`Envoy::start`], with a certain Envoy.
    pub async fn start_release(release: Release, config: &Config) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = localise(config, folder.path())
            .replace("port_value: 10000", "port_value: 0")
            .replace("port_value: 9901", "port_value: 0");
        let command = envoy(release, folder.path(), &config);
        let log = std::fs::File::create(folder.path().join("envoy.log")).expect("a log");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(command.get_program());
        guard.args(command.get_args()).current_dir(repo(""));
        guard.env("PID_FILE", folder.path().join("pid"));
        guard.args(["--concurrency", "2", "--file-flush-interval-msec", "20"]);
        guard
            .arg("--admin-address-path")
            .arg(folder.path().join("admin"));
        let guard = guard
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a shell");
        let mut envoy = Self {
            folder,
            admin: 0,
            ports: Vec::new(),
            guard,
        };
        envoy.wait().await;
        envoy
    }

    async fn wait(&mut self) {
        let address = self.folder.path().join("admin");
        let found = eventually("Envoy's admin port", 60, async || {
            let text = std::fs::read_to_string(&address).ok()?;
            text.rsplit(':').next()?.trim().parse().ok()
        });
        self.admin = found.await;
        eventually("Envoy is live", 60, async || {
            let ready = client::get(self.admin, "/ready").await?;
            (ready.trim() == "LIVE").then_some(())
        })
        .await;
        self.ports = self.listeners().await;
    }

    /// Ends Envoy at once, as `kill -9` does: it gets no chance to do anything more.
    pub fn kill(mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).expect("a process id");
        let killed = Command::new("kill").args(["-9", pid.trim()]).status();
        assert!(killed.expect("kill runs").success());
        drop(self.guard.stdin.take());
        self.guard.wait().expect("Envoy has ended");
    }

    /// Ports by listener name.
    async fn listeners(&self) -> Vec<(String, u16)> {
        let text = self.admin("/listeners?format=json").await;
        let listeners: Value = serde_json::from_str(&text).expect("JSON");
        let statuses = listeners["listener_statuses"].as_array().expect("a list");
        let port = |listener: &Value| {
            let port = listener["local_address"]["socket_address"]["port_value"].as_u64();
            (
                listener["name"].as_str().unwrap_or_default().to_owned(),
                u16::try_from(port.unwrap_or(0)).expect("a port"),
            )
        };
        statuses.iter().map(port).collect()
    }

    /// The port of the listener called `gateway`.
    pub fn port(&self) -> u16 {
        self.port_of("gateway")
    }

    /// The port of a listener.
    pub fn port_of(&self, name: &str) -> u16 {
        let found = self.ports.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no listener {name}")).1
    }

    /// What the admin interface says.
    pub async fn admin(&self, path: &str) -> String {
        let answer = client::get(self.admin, path).await;
        answer.unwrap_or_else(|| panic!("the admin interface does not answer {path}"))
    }

    /// The value of a statistic, 0 if it is not there.
    pub async fn stat(&self, name: &str) -> u64 {
        let text = self.admin(&format!("/stats?filter=^{name}$")).await;
        let value = text
            .trim()
            .rsplit(": ")
            .next()
            .and_then(|value| value.parse().ok());
        value.unwrap_or(0)
    }

    /// Envoy's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("envoy.log")).unwrap_or_default()
    }

    /// The file of the access log.
    pub fn access_log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// The folder that goes with this Envoy.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every finished call's access log line.
    pub fn records(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.access_log()).unwrap_or_default();
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The access log line of the call with this `x-request-id`.
    pub async fn record(&self, id: &str) -> Value {
        eventually(&format!("the record of {id}"), 15, async || {
            let mut records = self.records().into_iter();
            records.find(|line| line["tollgate"]["request_id"] == id)
        })
        .await
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
        if std::thread::panicking() {
            eprintln!("--- Envoy's log ---\n{}", self.log());
        }
    }
}
