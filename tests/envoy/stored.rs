/*! Responses that providers keep: two tenants, two providers, and two Envoys with one secret. */

use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tollgate_tests::{
    Answer, Ask, Config, Envoy, Fleet, Form, Stand, env_path, fleet_policy, repo, run,
};

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
    let mut green = policy["tenants"]["acme"].clone();
    green["keys"] = json!([policy["tenants"]["acme"]["keys"][1]]);
    policy["tenants"]["acme"]["keys"] = json!([policy["tenants"]["acme"]["keys"][0]]);
    policy["tenants"]["green"] = green;
    policy["tenants"]["slow"] = json!({"models": ["smart"],
        "keys": [{"sha256": "e6e3abec56b36997539f37f69abd3fa831f8dd48192736bcc8623be947dcaea1", "role": "admin"}],
        "limits": [{"tokens": 100_000, "per": "day"}]});
    policy["tenants"]["blue"]["models"] = json!(["smart", "light"]);
    policy["stored"] = json!({"secrets": ["a secret for tests", "an older one for tests"],
        "conversations": {"backend": "anthropic", "tokens": 1_000}, "files": "anthropic"});
    policy["guardrails"] = json!([{"name": "pii", "phase": "both", "detect": "personal_data",
        "action": "mask", "tenants": ["green"]}]);
    policy
}

const GREEN: &str = "demo-admin-key";
const BLUE: &str = "demo-blue-key";
const SLOW: &str = "demo-slow-key";

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

/// What tenant `slow` has used: calls, of these estimated, tokens of prompts and of answers, and
/// what of its limit.
async fn used(fleet: &Fleet) -> [u64; 5] {
    let usage = Ask::new("GET", "/tollgate/usage").key(SLOW);
    let page = fleet.send(&usage).await.json();
    let (totals, limit) = (&page["models"]["smart"], &page["limits"][0]);
    assert_eq!(limit["reserved"], 0, "{page}");
    [
        &totals["calls"],
        &totals["estimated"],
        &totals["input_tokens"],
        &totals["output_tokens"],
        &limit["used"],
    ]
    .map(|count| count.as_u64().expect("a count"))
}

#[test]
fn what_is_made_in_the_background_is_settled_once_by_whoever_reads_it() {
    run(async {
        let All { fleet, twin } = all().await;
        let body = json!({"background": true, "max_output_tokens": 300});
        let make = ask("smart", body.clone()).key(SLOW);
        let made = id(&fleet.send(&make).await);
        let record = fleet.record(&make).await;
        assert_eq!(record["usage"], "estimated", "{record}");
        let input = record["input_tokens"].as_u64().expect("a count");
        let charged = [1, 1, input, 300, input + 300];
        assert_eq!(used(fleet).await, charged);
        // Others can't do anything with it.
        for (method, below) in [("GET", ""), ("POST", "/cancel"), ("GET", "?stream=true")] {
            let foreign = fleet.send(&about(method, &made, below).key(BLUE)).await;
            assert_eq!(foreign.code(), "response_not_found");
        }
        let read = async |port: u16| {
            let ask = about("GET", &made, "").key(SLOW);
            let answer = ask.send(port).await.json();
            assert_eq!(answer["id"], made);
            (answer["status"].clone(), ask)
        };
        let port = fleet.envoy.port();
        let (status, ask_in_progress) = read(port).await;
        assert_eq!(status, "in_progress");
        let record = fleet.record(&ask_in_progress).await;
        assert_eq!(record["output_tokens"], 0, "{record}");
        assert_eq!(used(fleet).await, charged);
        // Another Envoy has charged nothing.
        let (status, read_there) = read(twin.port()).await;
        assert_eq!(status, "completed");
        twin.record(&read_there.id).await;
        assert_eq!(used(fleet).await, charged);
        // Of many at once, on both workers, one settles.
        let asks: Vec<Ask> = (0..16).map(|_| about("GET", &made, "").key(SLOW)).collect();
        let mut reads = JoinSet::new();
        for ask in asks.clone() {
            reads.spawn(async move { ask.send(port).await.json()["status"].take() });
        }
        assert_eq!(reads.join_all().await, vec![json!("completed"); 16]);
        for ask in &asks {
            let record = fleet.record(ask).await;
            let says = (&record["outcome"], &record["output_tokens"]);
            assert_eq!(says, (&json!("ok"), &json!(0)), "{record}");
        }
        let [calls, estimated, input, output, limit] = used(fleet).await;
        assert_eq!((calls, estimated, output), (1, 0, 5));
        assert_eq!(limit, input + 5);

        // One that streams: its caller reads it all, then from its middle on, then whole.
        let mut streamed = body.clone();
        streamed["stream"] = json!(true);
        let make = ask("smart", streamed).key(SLOW);
        let answer = fleet.send(&make).await;
        let events = answer.events();
        let own = events[0]["response"]["id"].as_str().expect("an id");
        assert_eq!(fleet.record(&make).await["usage"], "reported");
        let again = about("GET", own, "?stream=true&starting_after=1").key(SLOW);
        let answer = fleet.send(&again).await;
        assert_eq!(answer.events(), events[2..], "{}", answer.text());
        fleet.record(&again).await;
        let whole = about("GET", own, "").key(SLOW);
        assert_eq!(id(&fleet.send(&whole).await), own);
        fleet.record(&whole).await;
        let twice = [2, 0, 2 * input, 10, 2 * (input + 5)];
        assert_eq!(used(fleet).await, twice);

        // What is cancelled, and tells nothing, stays charged.
        let make = ask("smart", body).key(SLOW);
        let made = id(&fleet.send(&make).await);
        let charged = fleet.record(&make).await["input_tokens"].as_u64();
        let charged = charged.expect("a count") + 300;
        for _ in 0..2 {
            let cancel = about("POST", &made, "/cancel").key(SLOW);
            assert_eq!(fleet.send(&cancel).await.json()["status"], "cancelled");
            fleet.record(&cancel).await;
            assert_eq!(used(fleet).await[4], twice[4] + charged);
        }
    });
}

/// A call about conversations.
fn converse(method: &str, path: &str, body: Option<Value>) -> Ask {
    let ask = Ask::new(method, &format!("/v1/conversations{path}")).key("demo-acme-key");
    match body {
        Some(body) => ask
            .header("content-type", "application/json")
            .body(body.to_string()),
        None => ask,
    }
}

fn message(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": text})
}

#[test]
fn a_conversation_is_its_tenants_alone() {
    run(async {
        let fleet = &all().await.fleet;
        let make = json!({"items": [message("my number is 7")], "metadata": {"topic": "x"}});
        let create = converse("POST", "", Some(make));
        let made = fleet.send(&create).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let own = made.json()["id"].as_str().expect("an id").to_owned();
        assert!(
            own.starts_with("conv_") && !own.contains("00000000"),
            "{own}"
        );
        assert_eq!(made.json()["metadata"], json!({"topic": "x"}));
        let record = fleet.record(&create).await;
        assert_eq!(record["operation"], "conversations_create", "{record}");
        assert_eq!(fleet.tries(&create)[..2], [0, 1]);
        // Its responses are made where it is kept, and say whose they are.
        for (model, stream) in [("smart", false), ("light", true)] {
            let body = json!({"conversation": {"id": own}, "stream": stream});
            let talk = ask(model, body);
            let answer = fleet.send(&talk).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(fleet.tries(&talk)[..2], [0, 1]);
            let responses = match stream {
                false => vec![answer.json()],
                true => answer.events(),
            };
            let told = |response: &Value| match &response["response"] {
                Value::Null => response["conversation"]["id"].clone(),
                response => response["conversation"]["id"].clone(),
            };
            let told: Vec<Value> = responses
                .iter()
                .map(told)
                .filter(|id| !id.is_null())
                .collect();
            assert!(
                !told.is_empty() && told.iter().all(|id| *id == own),
                "{told:?}"
            );
            let record = fleet.record(&talk).await;
            assert_eq!(record["usage"], "reported", "{record}");
        }
        let items = fleet
            .send(&converse("GET", &format!("/{own}/items"), None))
            .await;
        assert_eq!(items.json()["data"].as_array().map(Vec::len), Some(5));
        let added = json!({"items": [message("and 8"), message("and 9")]});
        let added = converse("POST", &format!("/{own}/items?include=x"), Some(added));
        let list = fleet.send(&added).await.json();
        let item = list["last_id"].as_str().expect("an id");
        let received = fleet.received("b", &added).remove(0);
        assert!(
            received.path().ends_with("/items?include=x"),
            "{}",
            received.path()
        );
        let path = format!("/{own}/items/{item}");
        let read = fleet.send(&converse("GET", &path, None)).await;
        assert_eq!(read.json()["content"][0]["text"], "and 9");

        // Others can't do anything with it, nor with what nobody has.
        let theirs = fleet
            .send(&converse("POST", "", Some(json!({}))).key(BLUE))
            .await;
        let theirs = theirs.json()["id"].as_str().expect("an id").to_owned();
        let bare = format!("conv_{:050x}", 1);
        let forged = format!("{}AAAA", &own[..own.len() - 4]);
        let acme = "demo-acme-key";
        for (key, id) in [
            (BLUE, &own),
            (GREEN, &own),
            (acme, &theirs),
            (acme, &bare),
            (acme, &forged),
        ] {
            let items = json!({"items": [message("x")]});
            for refused in [
                converse("GET", &format!("/{id}"), None),
                converse("POST", &format!("/{id}"), Some(json!({"metadata": {}}))),
                converse("DELETE", &format!("/{id}"), None),
                converse("GET", &format!("/{id}/items"), None),
                converse("POST", &format!("/{id}/items"), Some(items)),
                converse("GET", &format!("/{id}/items/{item}"), None),
                converse("DELETE", &format!("/{id}/items/{item}"), None),
                ask("smart", json!({"conversation": id})),
            ] {
                let refused = refused.key(key);
                let answer = fleet.send(&refused).await;
                let told = (answer.status, answer.code());
                assert_eq!(told, (404, "conversation_not_found".to_owned()));
                assert!(fleet.tries(&refused).iter().all(|tries| *tries == 0));
            }
        }
        let removed = fleet.send(&converse("DELETE", &path, None)).await;
        assert_eq!(removed.json()["id"], own);
        let removed = fleet.send(&converse("GET", &path, None)).await;
        assert_eq!(removed.code(), "conversation_not_found");
        let removed = fleet
            .send(&converse("DELETE", &format!("/{own}"), None))
            .await;
        assert_eq!(removed.json()["id"], own);
        let gone = ask("smart", json!({"conversation": own}));
        let gone = fleet.send(&gone).await;
        assert_eq!(
            (gone.status, gone.code().as_str()),
            (404, "conversation_not_found")
        );
        assert_eq!(gone.json()["error"]["param"], "conversation");
        // The provider's own id is not told.
        assert!(!gone.text().contains("00000000"), "{}", gone.text());
        let list = fleet.send(&converse("GET", "", None)).await;
        assert_eq!(
            (list.status, list.code().as_str()),
            (405, "method_not_allowed")
        );
    });
}

/// A file of a tenant's, kept where conversations are.
async fn uploaded(fleet: &Fleet, key: &str) -> String {
    let form = "--bnd\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--bnd\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nnotes\r\n--bnd--\r\n";
    let upload = Ask::new("POST", "/v1/files")
        .key(key)
        .header("content-type", "multipart/form-data; boundary=bnd")
        .body(form);
    let made = fleet.send(&upload).await;
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn regression_items_name_files_of_the_tenant() {
    run(async {
        let fleet = &all().await.fleet;
        for key in ["demo-acme-key", GREEN] {
            let file = uploaded(fleet, key).await;
            let items = |id: &str| {
                let part = json!({"type": "input_file", "file_id": id});
                json!({"items": [message("see"), {"role": "user", "content": [part]}]})
            };
            let create = converse("POST", "", Some(items(&file))).key(key);
            let made = fleet.send(&create).await;
            assert_eq!(made.status, 200, "{}", made.text());
            let received = fleet.received("b", &create).remove(0);
            let length = received.header("content-length").to_owned();
            assert_eq!(length, received.body.len().to_string());
            let named = &received.json()["items"][1]["content"][0]["file_id"];
            let own = named.as_str().expect("an id").to_owned();
            assert!(own.starts_with("file-MoCk"), "{own}");
            for id in [own, uploaded(fleet, BLUE).await] {
                let refused = converse("POST", "", Some(items(&id))).key(key);
                let answer = fleet.send(&refused).await;
                let told = (answer.status, answer.code());
                assert_eq!(told, (404, "file_not_found".to_owned()));
                let place = answer.json()["error"]["param"].clone();
                assert_eq!(place, "items[1].content[0].file_id");
                assert!(fleet.tries(&refused).iter().all(|tries| *tries == 0));
            }
        }
    });
}

#[test]
fn regression_a_live_response_that_has_failed_names_no_account() {
    run(async {
        let stand = Stand::shared().await;
        let failed = json!({"id": "resp_1", "object": "response", "status": "failed", "output": [],
            "error": {"code": "server_error", "message": "Limit in organization org-1234567890abc"}});
        let body = json!({"model": "smart", "input": "hi"});
        let ask = Ask::response(&body).mock(&json!({"body": failed.to_string(), "piece": 1}));
        let answer = stand.send(&ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let message = &answer.json()["error"]["message"];
        assert_eq!(message, "Limit in organization org-*************");
    });
}

#[test]
fn what_is_written_into_a_conversation_is_guarded() {
    run(async {
        let fleet = &all().await.fleet;
        let items = json!({"items": [message("ask ada@example.com")]});
        let create = converse("POST", "", Some(items)).key(GREEN);
        let made = fleet.send(&create).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let received = fleet.received("b", &create).remove(0).json();
        let text = received["items"][0]["content"].as_str().expect("a text");
        assert!(text.starts_with("ask <") && !text.contains('@'), "{text}");
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        let list = converse("GET", &format!("/{id}/items"), None).key(GREEN);
        assert_eq!(fleet.send(&list).await.code(), "unscannable_path");
        let body = json!({"conversation": id, "input": "ask ada@example.com again"});
        let talk = ask("light", body).key(GREEN);
        let answer = fleet.send(&talk).await;
        assert_eq!(answer.json()["conversation"]["id"], id, "{}", answer.text());
        let received = fleet.received("b", &talk).remove(0).json().to_string();
        assert!(!received.contains("ada@"), "{received}");
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
