/*! Files that providers keep: three tenants and two providers, of which the first one keeps files
and works on batches. */

use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;
use tollgate_tests::{Answer, Ask, Config, Fleet, Form, Lease, env_path, fleet_policy, repo, run};

const PATH: &str = "/v1/files";
pub(super) const ACME: &str = "demo-acme-key";
pub(super) const GREEN: &str = "demo-admin-key";
pub(super) const BLUE: &str = "demo-blue-key";

/// Both providers speak OpenAI's protocol; `smart` asks the first one first, `light` the second
/// one. What `green` sends and gets is masked, and `bulk` is its own; `blue` has 1,000 tokens a day.
fn policy() -> Value {
    let mut policy = fleet_policy();
    policy["backends"]["anthropic"]["api"] = json!("openai");
    let mut green = policy["tenants"]["acme"].clone();
    green["keys"] = json!([policy["tenants"]["acme"]["keys"][1]]);
    policy["tenants"]["acme"]["keys"] = json!([policy["tenants"]["acme"]["keys"][0]]);
    policy["tenants"]["green"] = green;
    policy["tenants"]["blue"]["models"] = json!(["smart", "light"]);
    policy["models"]["smart"]["targets"][0]["price"] = json!({"input": 1, "output": 2});
    policy["models"]["bulk"] = policy["models"]["smart"].clone();
    // Its limit in dollars counts both targets.
    policy["models"]["bulk"]["targets"][1]["price"] = json!({"input": 1, "output": 2});
    policy["models"]["bulk"]["limits"] =
        json!([{"tokens": 1_000_000, "per": "month"}, {"usd": 1, "per": "month"}]);
    policy["tenants"]["green"]["models"] = json!(["smart", "light", "bulk"]);
    policy["tenants"]["blue"]["limits"] = json!([{"tokens": 1_000, "per": "day"}]);
    policy["stored"] = json!({"secrets": ["a secret for tests"], "files": "openai",
        "conversations": {"backend": "openai"},
        "batches": {"lines": 1_000, "price": 0.5}});
    policy["guardrails"] = json!([{"name": "pii", "phase": "both", "detect": "personal_data",
        "action": "mask", "tenants": ["green"]}]);
    policy
}

pub(super) async fn fleet() -> Lease<Fleet> {
    Fleet::of(Config::fallback().policy(&policy(), Form::Struct)).await
}

fn form(purpose: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--bnd\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--bnd\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"to ann@zwexford.org, 2.txt\"\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--bnd--\r\n"].concat()
}

fn upload(key: &str, body: Vec<u8>) -> Ask {
    Ask::new("POST", PATH)
        .key(key)
        .header("content-type", "multipart/form-data; boundary=bnd")
        .body(body)
}

fn file(key: &str, file: &[u8]) -> Ask {
    upload(key, form("user_data", file))
}

fn about(key: &str, method: &str, id: &str, below: &str) -> Ask {
    Ask::new(method, &format!("{PATH}/{id}{below}")).key(key)
}

fn chat(key: &str, model: &str, id: &str) -> Ask {
    let part = json!({"type": "file", "file": {"file_id": id}});
    Ask::chat(&json!({"model": model, "messages": [{"role": "user", "content": [part]}]})).key(key)
}

fn response(key: &str, model: &str, id: &str) -> Ask {
    let parts =
        json!([{"type": "input_file", "file_id": id}, {"type": "input_image", "file_id": id}]);
    Ask::response(&json!({"model": model, "input": [{"role": "user", "content": parts}]})).key(key)
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    // Nothing of the provider's can be seen.
    assert!(id.starts_with("file-") && !id.contains("MoCk"), "{id}");
    id
}

#[test]
fn a_file_is_uploaded_read_named_and_removed_by_its_tenant() {
    run(async {
        let fleet = fleet().await;
        let content: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        let ask = file(ACME, &content);
        let made = fleet.send(&ask).await;
        let own = id(&made);
        assert_eq!(
            (&made.json()["bytes"], &made.json()["purpose"]),
            (&json!(300_000), &json!("user_data"))
        );
        let received = fleet.received("a", &ask).remove(0);
        assert_eq!(received.path(), PATH);
        assert_eq!(received.body, form("user_data", &content));
        let record = fleet.record(&ask).await;
        for (name, value) in [
            ("operation", json!("files_create")),
            ("outcome", json!("ok")),
            ("input_tokens", json!(0)),
            ("cost_nano_usd", json!(0)),
            ("backend", json!("openai")),
        ] {
            assert_eq!(record[name], value, "{record}");
        }
        let read = about(ACME, "GET", &own, "");
        assert_eq!(fleet.send(&read).await.json(), made.json());
        let bare = fleet
            .received("a", &read)
            .remove(0)
            .path()
            .replace("/v1/files/", "");
        assert!(bare.starts_with("file-MoCk"), "{bare}");
        let held = fleet.send(&about(ACME, "GET", &own, "/content")).await;
        assert_eq!((held.status, &held.body[..]), (200, &content[..]));

        // Whichever model is asked: at the provider that keeps it.
        for ask in [
            chat(ACME, "smart", &own),
            chat(ACME, "light", &own),
            response(ACME, "light", &own),
        ] {
            assert_eq!(fleet.send(&ask).await.status, 200);
            assert_eq!(fleet.tries(&ask)[..2], [1, 0]);
            let received = fleet.received("a", &ask).remove(0);
            let text = String::from_utf8_lossy(&received.body).into_owned();
            assert!(
                text.contains(&format!("\"{bare}\"")) && !text.contains(&own),
                "{text}"
            );
        }
        // An error of the provider's tells the caller's id.
        let failing = chat(ACME, "smart", &own);
        let failing = failing.mock(&json!({"status": 400, "text": format!("{bare} is no PDF")}));
        let error = fleet.send(&failing).await;
        assert_eq!(error.json()["error"]["message"], format!("{own} is no PDF"));

        let removed = fleet.send(&about(ACME, "DELETE", &own, "")).await;
        assert_eq!(
            removed.json(),
            json!({"id": own, "object": "file", "deleted": true})
        );
        let gone = fleet.send(&read).await;
        assert_eq!((gone.status, gone.code().as_str()), (404, "file_not_found"));
    });
}

#[test]
fn nobody_else_can_use_a_file_and_no_id_can_be_made() {
    run(async {
        let fleet = fleet().await;
        let own = id(&fleet.send(&file(ACME, b"acme's")).await);
        let theirs = id(&fleet.send(&file(BLUE, b"blue's")).await);
        let kept = fleet
            .send(&Ask::response(&json!({"model": "smart", "input": "hi"})))
            .await;
        let kept = kept.json()["id"].as_str().expect("an id").to_owned();
        let mut forged = own.clone().into_bytes();
        let last = forged.len() - 1;
        forged[last] = if forged[last] == b'A' { b'Q' } else { b'A' };
        let forged = String::from_utf8(forged).expect("text");
        let mut told = None;
        for (key, id) in [
            (BLUE, own.as_str()),
            (GREEN, &own),
            (ACME, &theirs),
            (ACME, &forged),
            (ACME, &own[..own.len() - 4]),
            (ACME, "file-MoCk000000000000000001"),
            (ACME, &kept),
            (ACME, &kept.replacen("resp_", "file-", 1)),
        ] {
            for ask in [
                about(key, "GET", id, ""),
                about(key, "GET", id, "/content"),
                about(key, "DELETE", id, ""),
                chat(key, "smart", id),
                response(key, "smart", id),
            ] {
                let answer = fleet.send(&ask).await;
                let mut error = answer.json();
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (404, "file_not_found"),
                    "{id}"
                );
                assert!(fleet.tries(&ask).iter().all(|tries| *tries == 0));
                // Whoever asks for what: all are told the same.
                error["error"]["param"] = Value::Null;
                assert_eq!(*told.get_or_insert(error.clone()), error);
                assert!(!answer.text().contains(id));
            }
        }
        // A file's id opens no response either.
        let as_response = Ask::new(
            "GET",
            &format!("/v1/responses/{}", own.replacen("file-", "resp_", 1)),
        );
        let answer = fleet.send(&as_response.key(ACME)).await;
        assert_eq!(answer.code(), "response_not_found");
        for (key, id) in [(ACME, &own), (BLUE, &theirs)] {
            assert_eq!(
                fleet.send(&about(key, "GET", id, "")).await.json()["id"],
                *id
            );
        }
        let list = Ask::new("GET", PATH).key(ACME);
        let answer = fleet.send(&list).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "no_lists"));
        assert!(fleet.tries(&list).iter().all(|tries| *tries == 0));
    });
}

#[test]
fn text_is_masked_in_the_form_and_the_rest_is_refused() {
    run(async {
        let fleet = fleet().await;
        let text = "Dear ann@zwexford.org,\r\n--\r\nbye\r\n";
        let ask = file(GREEN, text.as_bytes());
        let made = fleet.send(&ask).await;
        let own = id(&made);
        assert_eq!(made.json()["filename"], "to <EMAIL_ADDRESS>, 2.txt");
        let received = fleet.received("a", &ask).remove(0);
        let body = String::from_utf8_lossy(&received.body).into_owned();
        assert!(body.contains("\r\n\r\nDear <EMAIL_ADDRESS>,"), "{body}");
        assert!(
            !body.contains("zwexford") && body.ends_with("\r\n--bnd--\r\n"),
            "{body}"
        );
        assert_eq!(received.header("content-length"), body.len().to_string());
        // It was inspected: requests may name it.
        for ask in [chat(GREEN, "smart", &own), response(GREEN, "smart", &own)] {
            assert_eq!(fleet.send(&ask).await.status, 200);
        }
        let held = fleet.send(&about(GREEN, "GET", &own, "/content")).await;
        assert_eq!(
            (held.status, held.code().as_str()),
            (404, "unscannable_path")
        );
        let image = file(GREEN, b"\x89PNG\0");
        let refused = fleet.send(&image).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "unscannable_request")
        );
        assert!(fleet.tries(&image).iter().all(|tries| *tries == 0));
    });
}

#[test]
fn a_form_that_is_cut_anywhere_is_kept_nowhere() {
    run(async {
        let fleet = fleet().await;
        let body = form("user_data", b"text");
        for at in (0..body.len() - 2).step_by(7) {
            let ask = upload(ACME, body[..at].to_vec());
            let answer = fleet.send(&ask).await;
            assert_eq!(answer.status, 400, "{at}: {}", answer.text());
            assert!(fleet.tries(&ask).iter().all(|tries| *tries == 0), "{at}");
        }
        for ask in [
            upload(ACME, form("fine-tune", b"x")),
            upload(ACME, form("user_data", b"")),
            upload(ACME, body.clone()).header("content-type", "multipart/form-data; boundary=b"),
        ] {
            assert_eq!(fleet.send(&ask).await.status, 400);
            assert!(fleet.tries(&ask).iter().all(|tries| *tries == 0));
        }
        let json = upload(ACME, body).header("content-type", "application/json");
        assert_eq!(fleet.send(&json).await.status, 415);
        // The provider's failure is told, and nothing is charged.
        let failing = file(ACME, b"x").mock(&json!({"status": 500}));
        assert_eq!(fleet.send(&failing).await.status, 500);
        assert_eq!(fleet.record(&failing).await["cost_nano_usd"], 0);
    });
}

#[test]
fn python_files_and_batches() {
    run(async {
        let fleet = fleet().await;
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(env_path("TOLLGATE_PYTHON"));
        command
            .args([
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "test_files.py",
                "test_batches.py",
                "test_names.py",
            ])
            .current_dir(repo("tests/sdk"))
            .env(
                "BASE_URL",
                format!("http://127.0.0.1:{}/v1", fleet.envoy.port()),
            )
            .env("ACME_KEY", ACME)
            .env("BLUE_KEY", BLUE)
            .env("CALLS", folder.path().join("calls"));
        let done = tokio::task::spawn_blocking(move || command.output()).await;
        let output = done.expect("a run").expect("pytest");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("passed"), "{text}");
    });
}
