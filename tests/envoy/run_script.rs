/*! `make run`: what `scripts/run.sh` prints works as pasted, what it starts ends with it, and
a provider's key stays where it belongs. */

use mock_provider::{Mock, Received};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::TcpListener as Listener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tollgate_tests::{Ask, env_path, eventually, repo, run};

/// `scripts/run.sh` as a user starts it, in a process group of its own as a terminal does.
struct Script {
    child: Child,
    group: u32,
    /// Stops the group if this process dies.
    watchdog: std::process::Child,
    folder: TempDir,
    gateway: u16,
    admin: u16,
    mocks: [u16; 2],
}

const LAST_LINE: &str = "Ctrl-C stops everything.";

impl Script {
    /// Starts it on free ports; `variables` add to those or replace them.
    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let [gateway, admin, mock, second_mock] = [(); 4].map(|()| free_port());
        let file = |name| File::create(folder.path().join(name)).unwrap();
        // A shell can't trap a signal that was ignored when it started, as it is in the
        // background of some shells.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT,TERM,HUP");
        command.arg(repo("scripts/run.sh"));
        for name in [
            "UPSTREAM",
            "UPSTREAM_API",
            "UPSTREAM_MODEL",
            "UPSTREAM_API_KEY",
            "UPSTREAM_CA",
        ] {
            command.env_remove(name);
        }
        command
            .env("ENVOY", env_path("TOLLGATE_ENVOY"))
            .env("TOLLGATE_SKIP_BUILD", "1")
            .env("RUN_DIR", folder.path().join("run"))
            .env("GATEWAY_PORT", gateway.to_string())
            .env("ADMIN_PORT", admin.to_string())
            .env("MOCK_PORT", mock.to_string())
            .env("SECOND_MOCK_PORT", second_mock.to_string())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .process_group(0);
        let child = command.spawn().unwrap();
        let group = child.id().unwrap();
        let watchdog = watchdog(group);
        Self {
            child,
            group,
            watchdog,
            folder,
            gateway,
            admin,
            mocks: [mock, second_mock],
        }
    }

    /// Starts it and waits until it says that it is ready.
    async fn ready(variables: &[(&str, &str)]) -> Self {
        let mut script = Self::start(variables);
        eventually("run.sh is ready", 90, async || {
            let ended = script.child.try_wait().unwrap();
            assert!(ended.is_none(), "run.sh ended: {}", script.said());
            script.out().contains(LAST_LINE).then_some(())
        })
        .await;
        script
    }

    fn out(&self) -> String {
        read(&self.folder.path().join("out"))
    }

    fn err(&self) -> String {
        read(&self.folder.path().join("err"))
    }

    fn said(&self) -> String {
        format!("{}{}", self.out(), self.err())
    }

    fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The command lines that it prints.
    fn commands(&self) -> Vec<String> {
        let out = self.out();
        let (_, text) = out.split_once("In another terminal, try:").unwrap();
        let (text, _) = text.split_once("Calls are shown below").unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    /// The calls shown after the text.
    fn calls_shown(&self) -> Vec<Value> {
        let out = self.out();
        let (_, text) = out.split_once(LAST_LINE).unwrap();
        json_lines(text)
    }

    /// The process id of what was started from this program.
    fn started(&self, program: &Path) -> u32 {
        let wanted = program.to_str().unwrap();
        let processes = processes(self.group);
        let mut found = processes
            .iter()
            .filter(|(_, line)| line.starts_with(wanted));
        found
            .next()
            .unwrap_or_else(|| panic!("no {wanted} in {processes:?}"))
            .0
    }

    /// Waits until it ends; what it leaves behind is nothing.
    async fn end(&mut self) -> ExitStatus {
        let ended = timeout(Duration::from_secs(30), self.child.wait()).await;
        let status = ended.expect("run.sh did not end").unwrap();
        assert_eq!(processes(self.group), [], "left over");
        assert!(!self.run_dir().join("provider-key").exists());
        status
    }

    fn assert_ports_free(&self) {
        for port in [self.gateway, self.admin].into_iter().chain(self.mocks) {
            assert!(is_free(port), "{port} is still taken");
        }
    }

    /// Ctrl-C.
    async fn interrupt(&mut self) {
        kill("INT", &format!("-{}", self.group));
        let status = self.end().await;
        assert!(status.success(), "{status}: {}", self.said());
        assert!(self.out().ends_with("\nStopped.\n"), "{}", self.said());
        assert_eq!(self.err(), "");
        self.assert_ports_free();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        if !processes(self.group).is_empty() {
            kill("KILL", &format!("-{}", self.group));
        }
        if std::thread::panicking() {
            eprintln!("--- run.sh ---\n{}", self.said());
            eprintln!(
                "--- envoy.log ---\n{}",
                read(&self.run_dir().join("envoy.log"))
            );
        }
    }
}

fn watchdog(group: u32) -> std::process::Child {
    use std::os::unix::process::CommandExt;
    std::process::Command::new("bash")
        .args([
            "-c",
            r#"cat; kill -INT -- "-$1""#,
            "bash",
            &group.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn kill(signal: &str, target: &str) {
    let mut command = std::process::Command::new("bash");
    command.args(["-c", r#"kill -s "$1" -- "$2""#, "bash", signal, target]);
    assert!(
        command.status().unwrap().success(),
        "kill {signal} {target}"
    );
}

/// What runs in a process group: ids and command lines.
fn processes(group: u32) -> Vec<(u32, String)> {
    let in_group = |process: &u32| {
        let stat = read(&PathBuf::from(format!("/proc/{process}/stat")));
        // The name in parentheses may hold anything; state, parent and group follow.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        matches!(fields[..], [state, _, of, ..] if state != "Z" && of == group.to_string())
    };
    let with_line = |process| (process, command_line(process));
    all_processes().filter(in_group).map(with_line).collect()
}

fn all_processes() -> impl Iterator<Item = u32> {
    let names = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok())
}

fn command_line(process: u32) -> String {
    read(&PathBuf::from(format!("/proc/{process}/cmdline"))).replace('\0', " ")
}

/// A file's text; none if it is not there (any more).
fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(parse)
        .collect()
}

fn is_free(port: u16) -> bool {
    Listener::bind(("127.0.0.1", port)).is_ok()
}

/// A port below those that systems choose themselves, so that no other test is given it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 22_000 + (start + step) % 10_000;
        if is_free(port) {
            return port;
        }
    }
}

/// Runs a printed line as pasted into a terminal, in whatever folder that is.
async fn paste(line: &str) -> Output {
    let elsewhere = TempDir::new().unwrap();
    let mut command = Command::new("bash");
    // A proxy of this machine's is no matter of the test's.
    command
        .args(["-c", line])
        .env("no_proxy", "127.0.0.1")
        .current_dir(elsewhere.path());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(60), command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("hangs: {line}")).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{line}: {complaint}"
    );
    output
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// An answer that `curl -i` shows: its status line and its body.
fn head_and_json(output: &Output) -> (&str, Value) {
    let (head, body) = text(output).split_once("\r\n\r\n").unwrap();
    (
        head.lines().next().unwrap(),
        serde_json::from_str(body).unwrap(),
    )
}

fn model_ids(output: &Output) -> Vec<String> {
    let list: Value = serde_json::from_str(text(output)).unwrap();
    let ids = list["data"].as_array().unwrap().iter();
    let mut ids: Vec<String> = ids
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn run_script_prints_lines_that_work_and_ends_by_ctrl_c() {
    run(async {
        let mut script = Script::ready(&[]).await;
        let mut outputs = Vec::new();
        for line in script.commands() {
            outputs.push(paste(&line).await);
        }
        let [
            chat,
            stream,
            python,
            messages,
            failed,
            failed_stream,
            record,
            acme,
            blue,
            stranger,
            nonesuch,
            usage,
            metrics,
        ] = &outputs[..]
        else {
            panic!("other lines than this test knows: {:?}", script.commands());
        };
        let hello = "Hello from the mock provider.";
        let chat: Value = serde_json::from_str(text(chat)).unwrap();
        assert_eq!(
            chat["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .trim(),
            hello
        );
        assert!(
            text(stream).starts_with("data: {") && text(stream).ends_with("\n\ndata: [DONE]\n\n\n")
        );
        assert_eq!(text(python).trim(), hello);
        let messages: Value = serde_json::from_str(text(messages)).unwrap();
        assert_eq!(
            messages["content"][0]["text"].as_str().unwrap().trim(),
            hello
        );
        check_stepped_over(failed, failed_stream, record);
        assert_eq!(model_ids(acme), ["light", "smart"]);
        assert_eq!(model_ids(blue), ["light"]);
        for (output, status, code) in [
            (stranger, "HTTP/1.1 401 Unauthorized", "invalid_api_key"),
            (nonesuch, "HTTP/1.1 404 Not Found", "model_not_found"),
        ] {
            let (line, body) = head_and_json(output);
            assert_eq!(
                (line, body["error"]["code"].as_str().unwrap()),
                (status, code)
            );
        }
        let usage: Value = serde_json::from_str(text(usage)).unwrap();
        assert_eq!(usage["models"]["smart"]["calls"], 6, "{usage}");
        let metrics = text(metrics);
        let calls = r#"tollgate_calls_total{tenant="acme",gen_ai_request_model="smart",gen_ai_provider_name="openai",outcome="ok"} 4"#;
        assert!(metrics.lines().any(|line| line == calls), "{metrics}");
        assert!(
            metrics.contains("gen_ai_") && !metrics.contains("_bucket"),
            "{metrics}"
        );

        eventually("all calls are shown", 15, async || {
            (script.calls_shown().len() == 11).then_some(())
        })
        .await;
        assert_eq!(
            json_lines(&read(&script.run_dir().join("access.log"))),
            script.calls_shown()
        );
        script.interrupt().await;
    });
}

/// A failing provider was stepped over, whole and streamed, and the record says so.
fn check_stepped_over(whole: &Output, stream: &Output, record: &Output) {
    let (line, body) = head_and_json(whole);
    let content = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(
        (line, content.trim()),
        ("HTTP/1.1 200 OK", "Hello from the mock provider.")
    );
    assert!(text(stream).ends_with("\n\ndata: [DONE]\n\n\n"));
    for shown in [whole, stream] {
        let (head, _) = text(shown).split_once("\r\n\r\n").unwrap();
        let told = |line: &str| head.lines().any(|found| found == line);
        assert!(told("x-tollgate-backend: anthropic"), "{head}");
        assert!(told("x-tollgate-attempts: 2"), "{head}");
    }
    let record: Value = serde_json::from_str(text(record)).unwrap();
    let record = &record["tollgate"];
    let tries: Vec<_> = record["tries"].as_array().unwrap().iter().collect();
    let backends: Vec<_> = tries.iter().map(|each| &each["backend"]).collect();
    assert_eq!(backends, ["openai", "anthropic"], "{record}");
    assert_eq!(
        (&record["stream"], &record["outcome"]),
        (&json!(true), &json!("ok"))
    );
}

#[test]
fn run_script_names_a_taken_port() {
    run(async {
        for (variable, purpose) in [
            ("GATEWAY_PORT", "the gateway"),
            ("ADMIN_PORT", "Envoy's admin interface"),
            ("MOCK_PORT", "the mock of OpenAI"),
            ("SECOND_MOCK_PORT", "the mock of Anthropic"),
        ] {
            let taken = Listener::bind("127.0.0.1:0").unwrap();
            let port = taken.local_addr().unwrap().port().to_string();
            let expected = format!(
                "error: port {port} of 127.0.0.1, for {purpose}, is taken by another program; {variable}=… takes another\n"
            );
            assert_refuses(&[(variable, &port)], &expected).await;
        }
    });
}

#[test]
fn run_script_refuses_ports_and_a_folder_that_cannot_be() {
    run(async {
        for port in ["0", "080", "65536", "http", "1 2"] {
            let expected = format!("error: ADMIN_PORT={port} is no port\n");
            assert_refuses(&[("ADMIN_PORT", port)], &expected).await;
        }
        let mut first = Script::ready(&[]).await;
        let folder = first.run_dir();
        let folder = folder.to_str().unwrap();
        let expected =
            format!("error: {folder} is in use by another run; RUN_DIR=… takes another folder\n");
        assert_refuses(&[("RUN_DIR", folder)], &expected).await;
        let [chat, ..] = &first.commands()[..] else {
            panic!("no chat")
        };
        assert!(text(&paste(chat).await).contains("Hello"));
        eventually("the call is shown", 15, async || first.calls_shown().pop()).await;
        first.interrupt().await;
    });
}

/// What stands in a folder, and its mode.
fn state(folder: &Path) -> (Vec<(String, String)>, u32) {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| (name(&entry), read(&entry.path())))
        .collect();
    files.sort();
    (files, mode(folder))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn run_script_leaves_folders_alone_that_are_not_for_runs() {
    run(async {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let foreign = path("foreign");
        fs::create_dir(&foreign).unwrap();
        // One that a run would remove, and a lock that is somebody else's.
        fs::write(foreign.join("fallback.yaml"), "mine").unwrap();
        fs::write(foreign.join("lock"), "mine").unwrap();
        set_mode(&foreign, 0o755);
        let open = path("open");
        fs::create_dir(&open).unwrap();
        set_mode(&open, 0o777);
        fs::write(path("file"), "mine").unwrap();
        symlink(&foreign, path("link")).unwrap();
        symlink(repo("docs"), path("link-to-docs")).unwrap();

        let foreign_files =
            "holds files that are not of an earlier run; give an empty folder, or a new one";
        let repository = "is in the repository: there, only .run and folders in it are for runs";
        let anybody = "can be written by anybody; give a folder of your own, or a new one";
        let before = [&foreign, &open].map(|it| state(it));
        let docs = mode(&repo("docs"));
        for (run_dir, reason) in [
            (foreign.clone(), foreign_files),
            (path("link"), foreign_files),
            (folder.path().to_owned(), foreign_files),
            ("/".into(), foreign_files),
            (path("file"), "is no folder"),
            (open.clone(), anybody),
            (repo("."), repository),
            (repo("docs"), repository),
            (path("link-to-docs"), repository),
            ("docs".into(), repository),
            (".run/../docs".into(), repository),
            (".".into(), repository),
            ("not-there-yet".into(), repository),
        ] {
            let run_dir = run_dir.to_str().unwrap();
            let expected = format!("error: RUN_DIR={run_dir} {reason}\n");
            assert_refuses(&[("RUN_DIR", run_dir)], &expected).await;
        }
        assert_eq!([&foreign, &open].map(|it| state(it)), before);
        assert_eq!(read(&path("file")), "mine");
        assert_eq!(mode(&repo("docs")), docs);
        assert!(!repo("not-there-yet").exists());
    });
}

#[test]
fn run_script_takes_folders_that_are_new_empty_or_of_an_earlier_run() {
    run(async {
        let mut script = Script::ready(&[]).await;
        assert_eq!(mode(&script.run_dir()), 0o700);
        script.interrupt().await;

        let folder = TempDir::new().unwrap();
        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        set_mode(&empty, 0o755);
        // The second run finds what the first has left, and what its user put beside it.
        for _ in 0..2 {
            let mut script = Script::ready(&[("RUN_DIR", empty.to_str().unwrap())]).await;
            script.interrupt().await;
            assert_eq!(mode(&empty), 0o755, "the mode is its owner's");
            for name in ["access.log", "envoy.log", "fallback.yaml", "mock.log"] {
                assert_eq!(mode(&empty.join(name)), 0o600, "{name}");
            }
            fs::write(empty.join("notes"), "mine").unwrap();
        }
        assert_eq!(read(&empty.join("notes")), "mine");
    });
}

async fn assert_refuses(variables: &[(&str, &str)], expected: &str) {
    let mut script = Script::start(variables);
    let status = script.end().await;
    assert_eq!((status.code(), script.err().as_str()), (Some(1), expected));
    assert_eq!(script.out(), "");
}

#[test]
fn run_script_ends_with_what_it_started() {
    run(async {
        for (program, name, log) in [
            (
                PathBuf::from("target/debug/mock-provider"),
                "The mock provider",
                "mock.log",
            ),
            (
                env_path("TOLLGATE_ENVOY").canonicalize().unwrap(),
                "Envoy",
                "envoy.log",
            ),
        ] {
            let mut script = Script::ready(&[]).await;
            kill("KILL", &script.started(&program).to_string());
            assert_eq!(script.end().await.code(), Some(1), "{}", script.said());
            let log = script.run_dir().join(log);
            let message = format!("\n{name} ended. The end of {}:\n", log.display());
            assert!(script.err().contains(&message), "{}", script.said());
            script.assert_ports_free();
        }
    });
}

#[test]
fn run_script_stops_everything_when_it_alone_is_told_to() {
    run(async {
        for signal in ["TERM", "HUP"] {
            let mut script = Script::ready(&[]).await;
            kill(signal, &script.group.to_string());
            assert!(script.end().await.success());
            assert_eq!(script.err(), "");
            script.assert_ports_free();
        }
    });
}

/// A chat call with a demo key; what the provider got of it.
async fn call(script: &Script, mock: &Mock) -> Received {
    let ask = hello();
    let answer = ask.send(script.gateway).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let [received] = &received(mock, &ask)[..] else {
        panic!("not one call")
    };
    let everything = format!("{received:?}");
    assert!(
        !everything.contains("demo-acme-key"),
        "the caller's key reached the provider: {everything}"
    );
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(body["model"], "their-model");
    received.clone()
}

fn hello() -> Ask {
    Ask::chat(&json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]}))
}

fn received(mock: &Mock, ask: &Ask) -> Vec<Received> {
    mock.received(|received| {
        received
            .headers
            .get("x-request-id")
            .is_some_and(|id| id == ask.id.as_str())
    })
}

async fn mock() -> Mock {
    Mock::start(([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// A key that no other test or program has.
fn key_of(mock: &Mock) -> String {
    format!("sk-test-upstream-{}", mock.address().port())
}

/// Fails if the key can be found by anyone but Envoy.
async fn assert_kept(script: &Script, key: &str) {
    let dump = Ask::new("GET", "/config_dump?include_eds")
        .send(script.admin)
        .await;
    let dump = String::from_utf8_lossy(&dump.body).into_owned();
    assert!(
        dump.contains("provider-key") && dump.contains("credential_injector"),
        "{dump}"
    );
    assert!(!dump.contains(key), "in /config_dump");
    assert!(!script.said().contains(key), "shown");
    let files = fs::read_dir(script.run_dir())
        .unwrap()
        .map(|entry| entry.unwrap());
    let files: Vec<_> = files
        .filter(|file| file.file_type().unwrap().is_file())
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!read(&file.path()).contains(key), "in {file:?}");
    }
    for process in all_processes() {
        let line = command_line(process);
        assert!(!line.contains(key), "among the arguments of: {line}");
    }
    let children = processes(script.group)
        .into_iter()
        .filter(|(process, _)| *process != script.group);
    let children: Vec<_> = children.collect();
    // Envoy, and the reader of its access log.
    assert_eq!(children.len(), 2, "{children:?}");
    for (process, line) in children {
        let environment = read(&PathBuf::from(format!("/proc/{process}/environ")));
        assert!(
            environment.contains("RUN_DIR=") && !environment.contains(key),
            "of {line}"
        );
    }
}

#[test]
fn run_script_calls_a_provider_by_http() {
    run(async {
        let mock = mock().await;
        let (port, key) = (mock.address().port(), key_of(&mock));
        let upstream = format!("http://127.0.0.1:{port}/some/base/v1");
        let variables = [
            ("UPSTREAM", upstream.as_str()),
            ("UPSTREAM_MODEL", "their-model"),
        ];
        let mut script =
            Script::ready(&[&variables[..], &[("UPSTREAM_API_KEY", &key)]].concat()).await;
        let received = call(&script, &mock).await;
        assert_eq!(received.line, "POST /some/base/v1/chat/completions");
        assert_eq!(received.authority, format!("127.0.0.1:{port}"));
        let sent: Vec<_> = received.headers.get_all("authorization").iter().collect();
        assert_eq!(sent, [&format!("Bearer {key}")]);
        assert_kept(&script, &key).await;
        script.interrupt().await;

        let mut script = Script::ready(&variables).await;
        let received = call(&script, &mock).await;
        assert_eq!(received.line, "POST /some/base/v1/chat/completions");
        assert!(
            !received.headers.contains_key("authorization"),
            "{received:?}"
        );
        script.interrupt().await;
    });
}

#[test]
fn run_script_calls_a_provider_that_speaks_anthropics_api() {
    run(async {
        let mock = mock().await;
        let (port, key) = (mock.address().port(), key_of(&mock));
        let upstream = format!("http://127.0.0.1:{port}/some/base/v1");
        let variables = [
            ("UPSTREAM", upstream.as_str()),
            ("UPSTREAM_API", "anthropic"),
            ("UPSTREAM_MODEL", "their-model"),
        ];
        for sent_key in [key.as_str(), ""] {
            let mut script =
                Script::ready(&[&variables[..], &[("UPSTREAM_API_KEY", sent_key)]].concat()).await;
            let received = call(&script, &mock).await;
            assert_eq!(received.line, "POST /some/base/v1/messages");
            assert_eq!(received.header("x-api-key"), sent_key);
            assert!(!received.headers.contains_key("authorization"));
            if !sent_key.is_empty() {
                assert_kept(&script, &key).await;
            }
            script.interrupt().await;
        }
    });
}

#[test]
fn run_script_asks_anthropic_for_its_models() {
    run(async {
        let (port, heads) = canned(LISTED).await;
        let upstream = format!("http://127.0.0.1:{port}/v1");
        let mut script = Script::ready(&[
            ("UPSTREAM", &upstream),
            ("UPSTREAM_API", "anthropic"),
            ("UPSTREAM_API_KEY", "sk-test"),
        ])
        .await;
        let heads = heads.lock().unwrap().clone();
        let [head] = &heads[..] else {
            panic!("not asked once")
        };
        assert!(head.starts_with("get /v1/models http/1.1\r\n"), "{head}");
        for line in ["x-api-key: sk-test", "anthropic-version: 2023-06-01"] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        assert!(!head.contains("authorization"), "{head}");
        let said = format!("smart and light, are answered by first at {upstream}\n");
        assert!(script.out().contains(&said), "{}", script.out());
        script.interrupt().await;
    });
}

#[test]
fn run_script_names_the_apis_that_it_knows() {
    run(async {
        for (upstream, api, reason) in [
            (
                "http://127.0.0.1:1/v1",
                "gemini",
                "UPSTREAM_API=gemini: wanted is openai or anthropic",
            ),
            (
                "http://127.0.0.1:1/v1/messages",
                "anthropic",
                "UPSTREAM=http://127.0.0.1:1/v1/messages: leave /messages out",
            ),
            (
                "http://127.0.0.1:1/v1/chat/completions",
                "openai",
                "UPSTREAM=http://127.0.0.1:1/v1/chat/completions: leave /chat/completions out",
            ),
        ] {
            let variables = [("UPSTREAM", upstream), ("UPSTREAM_API", api)];
            assert_refuses(&variables, &format!("error: {reason}\n")).await;
        }
    });
}

/// A certificate authority, and a TLS server before a plain one.
struct Tls {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The server names that clients asked for.
    asked: Arc<Mutex<Vec<Option<String>>>>,
    port: u16,
}

impl Tls {
    async fn before(target: u16) -> Self {
        let issuer = authority();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params
            .subject_alt_names
            .push(SanType::DnsName("localhost".try_into().unwrap()));
        params
            .subject_alt_names
            .push(SanType::IpAddress([127, 0, 0, 1].into()));
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::default();
        let names = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(terminate(
                    acceptor.clone(),
                    socket,
                    target,
                    Arc::clone(&names),
                ));
            }
        });
        Self {
            issuer,
            asked,
            port,
        }
    }
}

async fn terminate(
    acceptor: TlsAcceptor,
    socket: TcpStream,
    target: u16,
    names: Arc<Mutex<Vec<Option<String>>>>,
) {
    // One that does not trust the certificate goes away.
    let Ok(mut socket) = acceptor.accept(socket).await else {
        return;
    };
    let name = socket.get_ref().1.server_name().map(str::to_owned);
    names.lock().unwrap().push(name);
    let mut plain = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
    let _ = copy_bidirectional(&mut socket, &mut plain).await;
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "private authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes an authority's certificate into a file for `UPSTREAM_CA`.
fn ca_file(folder: &TempDir, issuer: &CertifiedIssuer<'static, KeyPair>) -> String {
    let file = folder.path().join("ca.pem");
    fs::write(&file, issuer.pem()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn run_script_calls_a_provider_by_https() {
    run(async {
        let (mock, folder) = (mock().await, TempDir::new().unwrap());
        let tls = Tls::before(mock.address().port()).await;
        let (key, ca) = (key_of(&mock), ca_file(&folder, &tls.issuer));
        for (host, name) in [("localhost", Some("localhost")), ("127.0.0.1", None)] {
            let authority = format!("{host}:{}", tls.port);
            let mut script = Script::ready(&[
                ("UPSTREAM", &format!("https://{authority}/v1/")),
                ("UPSTREAM_MODEL", "their-model"),
                ("UPSTREAM_API_KEY", &key),
                ("UPSTREAM_CA", &ca),
            ])
            .await;
            let received = call(&script, &mock).await;
            assert_eq!(received.line, "POST /v1/chat/completions");
            assert_eq!(received.authority, authority);
            assert_eq!(received.headers["authorization"], format!("Bearer {key}"));
            assert_eq!(tls.asked.lock().unwrap().pop().unwrap().as_deref(), name);
            assert_kept(&script, &key).await;
            script.interrupt().await;
        }
    });
}

#[test]
fn run_script_sends_nothing_to_a_provider_that_nobody_vouches_for() {
    run(async {
        let (mock, folder) = (mock().await, TempDir::new().unwrap());
        let tls = Tls::before(mock.address().port()).await;
        let mut script = Script::ready(&[
            ("UPSTREAM", &format!("https://localhost:{}/v1", tls.port)),
            ("UPSTREAM_MODEL", "their-model"),
            ("UPSTREAM_API_KEY", &key_of(&mock)),
            ("UPSTREAM_CA", &ca_file(&folder, &authority())),
        ])
        .await;
        let ask = hello();
        let answer = ask.send(script.gateway).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "upstream_unavailable")
        );
        assert_eq!(mock.received(|_| true).len(), 0);
        let shown = eventually("the call is shown", 15, async || script.calls_shown().pop()).await;
        assert_eq!(shown["flags"], "UF", "{shown}");
        let stats = Ask::new("GET", "/stats?filter=ssl.fail_verify_error")
            .send(script.admin)
            .await;
        let stats = String::from_utf8_lossy(&stats.body).into_owned();
        assert_eq!(stats, "cluster.provider.ssl.fail_verify_error: 1\n");
        script.interrupt().await;
    });
}

/// A server that answers everything with this; the heads that came.
async fn canned(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = socket.read_u8().await else {
                    break;
                };
                head.push(byte);
            }
            kept.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head).to_lowercase());
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (port, heads)
}

/// A list of two models.
const LISTED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"data\": [{\"id\": \"first\"}, {\"id\": \"second\"}]}";

#[test]
fn run_script_takes_the_first_model_that_is_listed() {
    run(async {
        let (port, heads) = canned(LISTED).await;
        let (tls, folder) = (Tls::before(port).await, TempDir::new().unwrap());
        let key = format!("sk-test-upstream-{port}");
        let upstream = format!("https://localhost:{}/v1", tls.port);
        let mut script = Script::ready(&[
            ("UPSTREAM", &upstream),
            ("UPSTREAM_API_KEY", &key),
            ("UPSTREAM_CA", &ca_file(&folder, &tls.issuer)),
        ])
        .await;
        let heads = heads.lock().unwrap().clone();
        let [head] = &heads[..] else {
            panic!("not asked once")
        };
        assert!(head.starts_with("get /v1/models http/1.1\r\n"), "{head}");
        assert!(
            head.contains(&format!("\r\nauthorization: bearer {key}\r\n")),
            "{head}"
        );
        let said = format!("smart and light, are answered by first at {upstream}\n");
        assert!(script.out().contains(&said), "{}", script.out());
        let config: Value =
            serde_json::from_str(&read(&script.run_dir().join("upstream.json"))).unwrap();
        assert!(config.to_string().contains(r#""model":"first""#));
        assert_kept(&script, &key).await;
        script.interrupt().await;
    });
}

#[test]
fn run_script_says_why_no_model_could_be_chosen() {
    run(async {
        let refuses = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n";
        let leads_away = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\nconnection: close\r\n\r\n";
        let lists_none = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"data\": []}";
        for (answer, reason) in [
            (refuses, "status 401, so the key is missing or wrong"),
            (leads_away, "status 302"),
            (lists_none, "no list of models came"),
        ] {
            let (port, heads) = canned(answer).await;
            let upstream = format!("http://127.0.0.1:{port}/v1");
            let expected = format!(
                "error: no model could be chosen from {upstream}/models: {reason}.\nGive one by UPSTREAM_MODEL=name, or correct UPSTREAM or UPSTREAM_API_KEY.\n"
            );
            assert_refuses(
                &[("UPSTREAM", &upstream), ("UPSTREAM_API_KEY", "sk-test")],
                &expected,
            )
            .await;
            assert_eq!(heads.lock().unwrap().len(), 1, "{reason}");
        }
    });
}
