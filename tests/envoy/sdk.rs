/*! Real clients, at their pinned versions: the tests in tests/sdk. */

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tollgate_tests::{
    Config, Fleet, Form, Stand, demo_policy, env_path, eventually, fleet_policy, repo, run,
    stopping,
};

/// A client's tests that take longer than this have failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a client's test file against the shipped gateway. `marker` is what each test in
/// the file starts with.
fn client(program: PathBuf, args: &[&str], file: &str, marker: &str) {
    run(async {
        let stand = Stand::shared().await;
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(program);
        command.args(args).arg(file);
        check_run(command, stand.envoy.port(), folder.path(), file, marker).await;
        check_calls(&stand, &folder.path().join("calls")).await;
    });
}

/// Runs a client's tests: all of them pass.
async fn check_run(command: Command, port: u16, folder: &Path, file: &str, marker: &str) {
    let (status, output) = finish(command, port, folder).await;
    let failed = status.is_none_or(|status| !status.success());
    assert!(!failed, "{file}: {status:?}\n{output}");
    let text = std::fs::read_to_string(repo("tests/sdk").join(file)).expect("the tests");
    let there = text.lines().filter(|line| line.starts_with(marker)).count();
    let ran = passed(&output);
    assert!(there > 0 && ran >= there, "{ran} of {there}:\n{output}");
}

/// Runs a command of the tests; how it ended if it did in time, and all that it said.
async fn finish(mut command: Command, port: u16, folder: &Path) -> (Option<ExitStatus>, String) {
    let output = folder.join("output");
    let log = std::fs::File::create(&output).expect("a log");
    // Nothing of the caller's: proxies, keys and settings of clients.
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BASE_URL", format!("http://127.0.0.1:{port}/v1"))
        .env("ACME_KEY", "demo-acme-key")
        .env("BLUE_KEY", "demo-blue-key")
        .env("ADMIN_KEY", "demo-admin-key")
        .env("CALLS", folder.join("calls"))
        .current_dir(repo("tests/sdk"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a handle"))
        .stderr(log)
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("{error}: {command:?}: `make setup` installs the clients");
    });
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.ok();
    let status = status.map(|status| status.expect("a status"));
    let output = std::fs::read(&output).expect("the log");
    (status, String::from_utf8_lossy(&output).into_owned())
}

/// How many tests passed, as pytest (`3 passed in 1.00s`) or Node (`# pass 3`) tells at
/// the end.
fn passed(output: &str) -> usize {
    let words: Vec<&str> = output.split_whitespace().collect();
    let count = words.windows(2).rev().find_map(|pair| match pair {
        ["pass", count] | [count, "passed"] => count.parse().ok(),
        _ => None,
    });
    count.unwrap_or(0)
}

/// Checks what the clients expect of their calls: how often each reached the provider,
/// how it is recorded, and that nothing of the caller's went along.
async fn check_calls(stand: &Stand, file: &Path) {
    let text = std::fs::read_to_string(file).expect("calls were made");
    for line in text.lines() {
        let call: Value = serde_json::from_str(line).expect("JSON");
        let id = call["id"].as_str().expect("an id");
        if let Some(outcomes) = call["outcomes"].as_array() {
            let mut wanted: Vec<&str> = outcomes.iter().filter_map(Value::as_str).collect();
            wanted.sort_unstable();
            let mut found = recorded(stand, id, wanted.len()).await;
            found.sort_unstable();
            assert_eq!(found, wanted, "outcomes of {id}");
        }
        let received = stand.mock.received(|received| {
            let found = received.headers.get("x-request-id");
            found.is_some_and(|found| found == id)
        });
        assert_eq!(
            call["requests"],
            received.len(),
            "requests of {id} at the provider"
        );
        for received in received {
            let headers = &received.headers;
            for private in ["openai-organization", "openai-project"] {
                assert!(!headers.contains_key(private), "{private} of {id}");
            }
            assert!(!format!("{headers:?}").contains("demo-"), "the key of {id}");
            assert_eq!(received.json()["model"], "gpt-5.1", "{id}");
        }
    }
}

/// The outcomes of the records of a call, once there are `count`.
async fn recorded(stand: &Stand, id: &str, count: usize) -> Vec<String> {
    eventually(&format!("{count} records of {id}"), 15, async || {
        let records = stand.envoy.records().into_iter();
        let of_call = records.filter(|record| record["tollgate"]["request_id"] == id);
        let outcomes: Vec<String> = of_call
            .filter_map(|record| record["tollgate"]["outcome"].as_str().map(str::to_owned))
            .collect();
        (outcomes.len() >= count).then_some(outcomes)
    })
    .await
}

fn pytest(file: &str, marker: &str) {
    let python = env_path("TOLLGATE_PYTHON");
    client(python, &["-m", "pytest", "-q"], file, marker);
}

/// Runs tests of Python's clients against a gateway that is there.
pub(crate) async fn python_at(port: u16, file: &str) {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(env_path("TOLLGATE_PYTHON"));
    command.args(["-m", "pytest", "-q", file]);
    check_run(command, port, folder.path(), file, "def test_").await;
}

#[test]
fn python_openai() {
    pytest("test_openai.py", "def test_");
}

#[test]
fn python_responses() {
    pytest("test_responses.py", "def test_");
}

#[test]
fn node_responses() {
    client("node".into(), &["--test"], "responses.test.mjs", "test(");
}

#[test]
fn python_openai_async() {
    pytest("test_openai_async.py", "async def test_");
}

#[test]
fn python_anthropic() {
    pytest("test_anthropic.py", "def test_");
}

/// LangChain's models, in an environment of their own.
#[test]
fn python_langchain() {
    let python = env_path("TOLLGATE_LANGCHAIN");
    // The settings of asynchronous tests are unknown there.
    let args = ["-m", "pytest", "-q", "-p", "no:warnings"];
    client(python, &args, "test_langchain.py", "def test_");
}

#[test]
fn node_openai() {
    client("node".into(), &["--test"], "openai.test.mjs", "test(");
}

/// Both clients where a limit is reached.
#[test]
fn python_limits() {
    run(async {
        let mut policy = demo_policy();
        policy["tenants"]["acme"]["keys"][0]["user"] = json!("ada");
        policy["tenants"]["acme"]["per_user"] = json!([{"requests": 2, "per": "hour"}]);
        policy["tenants"]["blue"]["limits"] = json!([{"usd": "0.01", "per": "day"}]);
        policy["models"]["light"]["targets"][0]["price"] = json!({"input": 10, "output": 10});
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let folder = TempDir::new().expect("a folder");
        let file = "test_limits.py";
        let mut command = Command::new(env_path("TOLLGATE_PYTHON"));
        command.args(["-m", "pytest", "-q", file]);
        let port = stand.envoy.port();
        check_run(command, port, folder.path(), file, "def test_").await;
    });
}

/// Both clients with both providers: what a caller speaks is what it hears.
#[test]
fn python_pairings() {
    run(with_both("test_pairings.py", |policy| policy));
}

/// The same, with streams that end at a limit.
#[test]
fn python_stop() {
    run(with_both("test_stop.py", stopping));
}

#[test]
fn node_stop() {
    run(node("stop.test.mjs", stopping));
}

/// Clients in front of providers that have only another API.
#[test]
fn python_and_node_translation() {
    run(async {
        let policy = crate::translation::policy();
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let port = stand.envoy.port();
        let folder = TempDir::new().expect("a folder");
        let file = "test_translation.py";
        let mut command = Command::new(env_path("TOLLGATE_PYTHON"));
        command.args(["-m", "pytest", "-q", file]);
        check_run(command, port, folder.path(), file, "def test_").await;
        let file = "translation.test.mjs";
        let mut command = Command::new("node");
        command.args(["--test", file]);
        check_run(command, port, folder.path(), file, "test(").await;
    });
}

/// What the clients' tests of guardrails expect.
fn guarded(mut policy: Value) -> Value {
    policy["guardrails"] = json!([
        {"name": "pii-in", "phase": "input", "detect": "personal_data", "action": "mask",
         "restore": {"key": "a key for the tests of restoring"}},
        {"name": "secrets", "phase": "both", "detect": "secrets", "action": "block"},
        {"name": "pii-out", "phase": "output", "detect": "personal_data", "action": "mask"},
    ]);
    policy
}

/// Both clients with both providers, and guardrails.
#[test]
fn python_guardrails() {
    run(with_both("test_guardrails.py", guarded));
}

/// Both clients with both providers, where answers are given again; and the shapes of answers, by
/// the descriptions that providers publish.
#[test]
fn python_cache() {
    run(all_with_both(
        &["test_cache.py", "test_shapes.py"],
        |mut policy| {
            policy["cache"] = json!({"tools": true});
            policy
        },
    ));
}

/// Both clients where requests have rules.
#[test]
fn python_request_rules() {
    run(async {
        let mut policy = demo_policy();
        policy["guardrails"] = json!([{"name": "bounds", "phase": "input", "action": "block",
            "detect": {"request": {"bytes": 4096, "tools": {"allow": ["weather"]}, "parameters": {
                "temperature": {"maximum": 1}, "max_tokens": {"maximum": 1000, "required": true}}}}}]);
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let folder = TempDir::new().expect("a folder");
        let file = "test_request_rules.py";
        let mut command = Command::new(env_path("TOLLGATE_PYTHON"));
        command.args(["-m", "pytest", "-q", file]);
        let port = stand.envoy.port();
        check_run(command, port, folder.path(), file, "def test_").await;
        check_calls(&stand, &folder.path().join("calls")).await;
    });
}

#[test]
fn node_guardrails() {
    run(node("guardrails.test.mjs", guarded));
}

/// Node's client with a policy of its own.
async fn node(file: &str, change: impl Fn(Value) -> Value) {
    let config = Config::gateway().policy(&change(demo_policy()), Form::Struct);
    let stand = Stand::start(config).await;
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("node");
    command.args(["--test", file]);
    let port = stand.envoy.port();
    check_run(command, port, folder.path(), file, "test(").await;
}

async fn with_both(file: &str, change: impl Fn(Value) -> Value) {
    all_with_both(&[file], change).await;
}

async fn all_with_both(files: &[&str], change: impl Fn(Value) -> Value) {
    let policy = change(fleet_policy());
    let config = Config::fallback().policy(&policy, Form::Struct);
    let fleet = Fleet::start(config).await;
    for file in files {
        python_at(fleet.envoy.port(), file).await;
    }
}
