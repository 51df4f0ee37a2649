/*! Responses that providers keep: two tenants, two providers, and two Envoys with one secret. */

use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tollgate_tests::{Answer, Ask, Config, Envoy, Fleet, Form, env_path, fleet_policy, repo, run};

const PATH: &str = "/v1/responses";

/// One gateway in front of two providers, another one that shares its secret and providers, and
/// one beside it that has another secret.
struct All {
    fleet: Fleet,
    twin: Envoy,
}

static ALL: OnceCell<All> = OnceCell::const_new();

/// Both providers have Responses; `smart` asks the first one first, `light` the second one.
/// Tenant `blue` may use both models, answers to `green` are masked.
fn policy() -> Value {
    let mut policy = fleet_policy();
    policy["backends"]["anthropic"]["api"] = json!("openai");
    // A stream in pieces of one byte takes its time.
    let timeouts = json!({"first_token": "20s", "whole": "20s", "total": "60s"});
    for model in ["smart", "light"] {
        policy["models"][model]["timeouts"] = timeouts.clone();
    }
    let mut green = policy["tenants"]["acme"].clone();
    green["keys"] = json!([policy["tenants"]["acme"]["keys"][1]]);
    policy["tenants"]["acme"]["keys"] = json!([policy["tenants"]["acme"]["keys"][0]]);
    policy["tenants"]["green"] = green;
    policy["tenants"]["blue"]["models"] = json!(["smart", "light"]);
    policy["stored"] = json!({"secrets": ["a secret for tests", "an older one for tests"]});
    policy["guardrails"] = json!([{"name": "pii", "phase": "both", "detect": "personal_data",
        "action": "mask", "tenants": ["green"]}]);
    policy
}

const GREEN: &str = "demo-admin-key";
const BLUE: &str = "demo-blue-key";

async fn start() -> All {
    let config = Config::fallback().policy(&policy(), Form::Struct);
    let fleet = Fleet::start(config.clone()).await;
    let mut other = policy();
    other["stored"] = json!({"secrets": ["a newer one for tests", "a secret for tests"]});
    let mut config = Config::fallback().policy(&other, Form::Struct);
    for (name, port) in [("a", 8001), ("b", 8002)] {
        let own = format!("port_value: {}", fleet.mock(name).address().port());
        config = config.replace(&format!("port_value: {port}"), &own);
    }
    let twin = Envoy::start(&config).await;
    All { fleet, twin }
}

async fn all() -> &'static All {
    ALL.get_or_init(start).await
}

fn ask(model: &str, more: Value) -> Ask {
    let mut body = json!({"model": model, "input": "hi"});
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    Ask::response(&body)
}

fn about(method: &str, id: &str, below: &str) -> Ask {
    Ask::new(method, &format!("{PATH}/{id}{below}")).key("demo-acme-key")
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    // Nothing of the provider's can be seen: its ids have zeros.
    assert!(id.starts_with("resp_") && !id.contains("00000000"), "{id}");
    id
}

#[test]
fn a_response_is_gone_on_from_read_and_removed_by_its_tenant() {
    run(async {
        let all = all().await;
        let fleet = &all.fleet;
        let first = fleet.send(&ask("smart", json!({}))).await;
        let first_id = id(&first);
        let next = ask("smart", json!({"previous_response_id": first_id}));
        let answer = fleet.send(&next).await;
        let next_id = id(&answer);
        assert_eq!(answer.json()["previous_response_id"], first_id);
        let received = fleet.received("a", &next).remove(0).json();
        let inside = received["previous_response_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        assert!(inside.starts_with("resp_00000000"), "{received}");
        assert_eq!(received.get("store"), None);

        let read = about("GET", &first_id, "?include=x");
        let kept = fleet.send(&read).await;
        assert_eq!(kept.json(), first.json());
        let received = fleet.received("a", &read).remove(0);
        assert_eq!(received.path(), format!("/v1/responses/{inside}?include=x"));
        let record = fleet.record(&read).await;
        for (name, value) in [
            ("operation", json!("responses_retrieve")),
            ("outcome", json!("ok")),
            ("input_tokens", json!(0)),
            ("output_tokens", json!(0)),
            ("cost_nano_usd", json!(0)),
            ("backend", json!("openai")),
        ] {
            assert_eq!(record[name], value, "{record}");
        }
        let items = fleet.send(&about("GET", &next_id, "/input_items")).await;
        assert_eq!(items.json()["data"][0]["content"][0]["text"], "hi");
        let cancel = fleet.send(&about("POST", &next_id, "/cancel")).await;
        assert_eq!(cancel.status, 400, "{}", cancel.text());
        let removed = fleet.send(&about("DELETE", &first_id, "")).await;
        assert_eq!(removed.json()["id"], first_id);
        assert_eq!(removed.json()["deleted"], true);
        let gone = fleet.send(&about("GET", &first_id, "")).await;
        assert_eq!(
            (gone.status, gone.code().as_str()),
            (404, "response_not_found")
        );
        // A later one is still there.
        assert_eq!(id(&fleet.send(&about("GET", &next_id, "")).await), next_id);
    });
}

#[test]
fn nobody_else_can_use_an_id_and_none_can_be_made() {
    run(async {
        let fleet = &all().await.fleet;
        let own = id(&fleet.send(&ask("smart", json!({}))).await);
        let theirs = id(&fleet.send(&ask("smart", json!({})).key(BLUE)).await);
        let mut forged = own.clone().into_bytes();
        let last = forged.len() - 1;
        forged[last] = if forged[last] == b'A' { b'Q' } else { b'A' };
        let forged = String::from_utf8(forged).expect("text");
        let cut = own[..own.len() - 4].to_owned();
        let bare = format!("resp_{:050x}", 1);
        let mut told = None;
        for (key, id) in [
            (BLUE, &own),
            (GREEN, &own),
            ("demo-acme-key", &theirs),
            ("demo-acme-key", &forged),
            ("demo-acme-key", &cut),
            ("demo-acme-key", &bare),
        ] {
            let mut asks = vec![
                ask("smart", json!({"previous_response_id": id})),
                ask("smart", json!({"previous_response_id": id, "stream": true})),
                ask("light", json!({"previous_response_id": id, "store": false})),
            ];
            for (method, below) in [
                ("GET", ""),
                ("DELETE", ""),
                ("POST", "/cancel"),
                ("GET", "/input_items"),
            ] {
                asks.push(about(method, id, below));
            }
            for ask in asks {
                let ask = ask.key(key);
                let answer = fleet.send(&ask).await;
                let mut error = answer.json();
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (404, "response_not_found")
                );
                assert!(fleet.tries(&ask).iter().all(|tries| *tries == 0));
                // Whoever asks for what: all are told the same.
                error["error"]["param"] = Value::Null;
                assert_eq!(*told.get_or_insert(error.clone()), error);
                assert!(!answer.text().contains(id.as_str()));
            }
        }
        // Both are still there.
        for (key, id) in [("demo-acme-key", &own), (BLUE, &theirs)] {
            let answer = fleet.send(&about("GET", id, "").key(key)).await;
            assert_eq!(answer.json()["id"], *id);
        }
        for (method, path) in [("GET", "/v1/responses"), ("GET", "/v1/responses/")] {
            let list = Ask::new(method, path).key("demo-acme-key");
            let answer = fleet.send(&list).await;
            assert!(matches!(answer.status, 404 | 405), "{path}");
            assert!(fleet.tries(&list).iter().all(|tries| *tries == 0));
        }
    });
}

#[test]
fn a_call_goes_to_the_provider_that_keeps_what_it_goes_on_from() {
    run(async {
        let fleet = &all().await.fleet;
        // The first provider fails, so the second one keeps the response.
        let script = json!({"a": {"status": 500}, "b": {}});
        let first = ask("smart", json!({})).mock(&script);
        let first_id = id(&fleet.send(&first).await);
        assert_eq!(fleet.tries(&first)[..2], [1, 1]);
        let next = ask("smart", json!({"previous_response_id": first_id}));
        let next_id = id(&fleet.send(&next).await);
        assert_eq!(fleet.tries(&next)[..2], [0, 1]);
        // Nobody else is asked where that one fails.
        let failing = ask("smart", json!({"previous_response_id": next_id}));
        let failing = failing.mock(&json!({"status": 503}));
        assert_eq!(fleet.send(&failing).await.status, 503);
        assert_eq!(fleet.tries(&failing)[..2], [0, 1]);
        let read = about("GET", &next_id, "");
        assert_eq!(id(&fleet.send(&read).await), next_id);
        assert_eq!(fleet.tries(&read)[..2], [0, 1]);
    });
}

#[test]
fn an_envoy_with_the_same_secret_knows_the_ids() {
    run(async {
        let All { fleet, twin } = all().await;
        let first_id = id(&fleet.send(&ask("smart", json!({}))).await);
        let read = about("GET", &first_id, "");
        assert_eq!(read.send(twin.port()).await.json()["id"], first_id);
        let next = ask("smart", json!({"previous_response_id": first_id}));
        let next_id = id(&next.send(twin.port()).await);
        // That one makes ids by a newer secret, which the first one does not have yet.
        let answer = fleet.send(&about("GET", &next_id, "")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "response_not_found")
        );
        assert_eq!(
            about("GET", &next_id, "").send(twin.port()).await.status,
            200
        );
    });
}

#[test]
fn streams_tell_one_id_in_whatever_pieces_they_come() {
    run(async {
        let fleet = &all().await.fleet;
        let first_id = id(&fleet.send(&ask("smart", json!({}))).await);
        for (key, piece) in [
            ("demo-acme-key", 1),
            ("demo-acme-key", 7),
            ("demo-acme-key", 4096),
            (GREEN, 13),
        ] {
            let own = id(&fleet.send(&ask("smart", json!({})).key(key)).await);
            let first_id = if key == GREEN { &own } else { &first_id };
            let body = json!({"stream": true, "previous_response_id": first_id});
            let script = json!({"piece": piece, "text": "the response \"id\":\"resp_1\" of ada@example.com "});
            let answer = fleet.send(&ask("smart", body).key(key).mock(&script)).await;
            let events = answer.events();
            let told: Vec<&Value> = events
                .iter()
                .filter(|event| event["response"].is_object())
                .collect();
            assert_eq!(told.len(), 3);
            let own = told[0]["response"]["id"].as_str().expect("an id");
            for event in &told {
                assert_eq!(event["response"]["id"], own);
                assert_eq!(event["response"]["previous_response_id"], *first_id);
            }
            let said = told[2]["response"]["output"][0]["content"][0]["text"]
                .as_str()
                .expect("a text");
            assert!(said.contains("\"id\":\"resp_1\""), "{said}");
            assert_eq!(said.contains("ada@example.com"), key != GREEN, "{said}");
            let read = fleet.send(&about("GET", own, "").key(key)).await;
            assert_eq!(id(&read), own);
            // What is read goes through the same guardrails.
            assert_eq!(read.text().contains("ada@example.com"), key != GREEN);
        }
        let own = id(&fleet.send(&ask("smart", json!({})).key(GREEN)).await);
        let items = fleet
            .send(&about("GET", &own, "/input_items").key(GREEN))
            .await;
        assert_eq!(
            (items.status, items.code().as_str()),
            (404, "unscannable_path")
        );
    });
}

#[test]
fn a_long_answer_has_its_id_all_the_same() {
    run(async {
        let fleet = &all().await.fleet;
        // The provider says it again.
        let instructions = "word ".repeat(300_000);
        for stream in [false, true] {
            let body = json!({"stream": stream, "instructions": instructions});
            let answer = fleet.send(&ask("smart", body)).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body.len() > instructions.len());
            let ids: Vec<String> = match stream {
                false => vec![id(&answer)],
                true => {
                    let events = answer.events();
                    let told = events
                        .iter()
                        .filter_map(|event| event["response"]["id"].as_str());
                    told.map(str::to_owned).collect()
                }
            };
            assert_eq!(ids.len(), if stream { 3 } else { 1 });
            assert!(ids.iter().all(|id| *id == ids[0]));
            let read = fleet.send(&about("GET", &ids[0], "")).await;
            assert_eq!(read.json()["id"], ids[0]);
        }
    });
}

#[test]
fn python_stored() {
    run(async {
        let fleet = &all().await.fleet;
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(env_path("TOLLGATE_PYTHON"));
        command
            .args([
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "test_stored.py",
            ])
            .current_dir(repo("tests/sdk"))
            .env(
                "BASE_URL",
                format!("http://127.0.0.1:{}/v1", fleet.envoy.port()),
            )
            .env("ACME_KEY", "demo-acme-key")
            .env("BLUE_KEY", BLUE)
            .env("CALLS", folder.path().join("calls"));
        let done = tokio::task::spawn_blocking(move || command.output()).await;
        let output = done.expect("a run").expect("pytest");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("passed"), "{text}");
    });
}
