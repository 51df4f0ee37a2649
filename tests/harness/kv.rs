/*! A key-value store: nginx, which keeps what it gets by `PUT` in files. */

use crate::client::get;
use crate::config::repo;
use crate::envoy::env_path;
use crate::eventually;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A folder, and nginx in front of it as long as it runs.
#[derive(Debug)]
pub struct Kv {
    folder: TempDir,
    port: u16,
    nginx: Option<Child>,
}

impl Kv {
    /// A store that is not running yet.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        std::fs::create_dir(folder.path().join("kv")).expect("a folder");
        // It has to be told its port, so one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Self {
            port: free.expect("a port").port(),
            folder,
            nginx: None,
        }
    }

    /// A store that runs.
    pub async fn start() -> Self {
        let mut store = Self::new();
        store.go_up().await;
        store
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets it run.
    pub async fn go_up(&mut self) {
        let conf = self.folder.path().join("nginx.conf");
        std::fs::write(&conf, self.conf()).expect("written");
        let mut command = Command::new(env_path("TOLLGATE_NGINX"));
        command.arg("-p").arg(self.folder.path());
        command.arg("-c").arg(&conf).arg("-e").arg("error.log");
        let silent = command.stdin(Stdio::null()).stderr(Stdio::null());
        self.nginx = Some(silent.spawn().expect("nginx runs"));
        eventually("nginx answers", 15, async || get(self.port, "/").await).await;
    }

    /// The shipped file, with this port.
    fn conf(&self) -> String {
        let shipped = std::fs::read_to_string(repo("envoy/store.conf")).expect("a file");
        assert!(shipped.contains("127.0.0.1:8090;"));
        shipped.replace("127.0.0.1:8090;", &format!("127.0.0.1:{};", self.port))
    }

    /// Ends it; what it keeps stays.
    pub fn go_down(&mut self) {
        if let Some(mut nginx) = self.nginx.take() {
            let _ = nginx.kill();
            let _ = nginx.wait();
        }
    }

    /// Lets it take connections and never answer, until it [`Kv::goes_on`].
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it answer again.
    pub fn goes_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.nginx.as_ref().expect("nginx runs").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// The file of an object.
    pub fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join("kv").join(path)
    }

    /// The names of all objects of a namespace, sorted.
    pub fn objects(&self, namespace: &str) -> Vec<String> {
        let folder = self.file("tollgate").join(namespace);
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Default for Kv {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Kv {
    fn drop(&mut self) {
        self.go_down();
    }
}
