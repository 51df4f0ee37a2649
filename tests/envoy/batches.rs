/*! Batches, made of the files of [`super::files`], whose gateway they share: `blue` has a budget,
and `bulk` is used here alone. */

use super::files::{ACME, BLUE, GREEN, fleet};
use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Fleet, run};

const CHAT: &str = "/v1/chat/completions";
const FILES: &str = "/v1/files";
const PATH: &str = "/v1/batches";

fn line(id: &str, text: &str) -> Value {
    line_for("smart", id, text)
}

fn line_for(model: &str, id: &str, text: &str) -> Value {
    json!({"custom_id": id, "method": "POST", "url": CHAT, "body": {
        "model": model, "max_tokens": 300, "messages": [{"role": "user", "content": text}]}})
}

fn file(key: &str, lines: &[Value]) -> Ask {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let body = format!(
        "--bnd\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--bnd\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{}\r\n--bnd--\r\n",
        lines.join("\n")
    );
    Ask::new("POST", FILES)
        .key(key)
        .header("content-type", "multipart/form-data; boundary=bnd")
        .body(body)
}

fn batch(key: &str, file: &str) -> Ask {
    let body = json!({"input_file_id": file, "endpoint": CHAT, "completion_window": "24h",
        "metadata": {"of": "tests"}});
    Ask::chat(&body).path(PATH).key(key)
}

fn about(key: &str, method: &str, id: &str, below: &str) -> Ask {
    Ask::new(method, &format!("{PATH}/{id}{below}")).key(key)
}

fn content(key: &str, id: &str) -> Ask {
    Ask::new("GET", &format!("{FILES}/{id}/content")).key(key)
}

fn id(answer: &Answer, name: &str) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()[name].as_str().expect("an id").to_owned();
    assert!(!id.contains("MoCk") && !id.contains("00000000"), "{id}");
    id
}

#[test]
fn a_batch_is_made_charged_and_read_by_its_tenant() {
    run(async {
        let fleet = fleet().await;
        let upload = file(ACME, &[line("1", "one"), line("2", "two")]);
        let input = id(&fleet.send(&upload).await, "id");
        let received = fleet.received("a", &upload).remove(0);
        let text = String::from_utf8_lossy(&received.body).into_owned();
        assert!(
            text.contains("\"model\":\"gpt-5.1\"") && !text.contains("smart"),
            "{text}"
        );
        let make = batch(ACME, &input);
        let made = fleet.send(&make).await;
        let own = id(&made, "id");
        assert_eq!(made.json()["input_file_id"], input);
        assert_eq!(made.json()["metadata"], json!({"of": "tests"}));
        assert_eq!(fleet.tries(&make)[..2], [1, 0]);
        let record = fleet.record(&make).await;
        let prompts = record["input_tokens"].as_u64().expect("tokens");
        for (name, value) in [
            ("operation", json!("batches_create")),
            ("outcome", json!("ok")),
            ("model", json!("smart")),
            ("usage", json!("estimated")),
            ("output_tokens", json!(600)),
            ("cost_nano_usd", json!((prompts * 1000 + 600 * 2000) / 2)),
        ] {
            assert_eq!(record[name], value, "{record}");
        }
        let read = about(ACME, "GET", &own, "");
        let told = fleet.send(&read).await;
        assert_eq!(told.json(), made.json());
        assert_eq!(fleet.record(&read).await["input_tokens"], 0);
        let output = id(&told, "output_file_id");
        let answers = fleet.send(&content(ACME, &output)).await;
        let lines: Vec<Value> = answers
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines.len(), 2);
        for (line, id) in lines.iter().zip(["1", "2"]) {
            assert_eq!(line["custom_id"], id);
            assert_eq!(line["response"]["body"]["model"], "gpt-5.1");
        }
        let cancelled = fleet.send(&about(ACME, "POST", &own, "/cancel")).await;
        assert_eq!(
            (cancelled.json()["status"].as_str(), id(&cancelled, "id")),
            (Some("cancelling"), own)
        );
    });
}

#[test]
fn nobody_else_can_use_it() {
    run(async {
        let fleet = fleet().await;
        let input = id(&fleet.send(&file(ACME, &[line("1", "one")])).await, "id");
        let made = fleet.send(&batch(ACME, &input)).await;
        let (own, output) = (id(&made, "id"), id(&made, "output_file_id"));
        let bare = format!("batch_{:032x}", 3);
        for (key, id) in [
            (BLUE, own.as_str()),
            (GREEN, &own),
            (ACME, &own[..own.len() - 3]),
            (ACME, &bare),
        ] {
            for ask in [about(key, "GET", id, ""), about(key, "POST", id, "/cancel")] {
                let answer = fleet.send(&ask).await;
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (404, "batch_not_found")
                );
                assert!(fleet.tries(&ask).iter().all(|tries| *tries == 0));
            }
        }
        for ask in [
            batch(BLUE, &input),
            batch(GREEN, &input),
            batch(ACME, "file-MoCk000000000000000001"),
            content(BLUE, &output),
            content(GREEN, &output),
        ] {
            let answer = fleet.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "file_not_found")
            );
            assert!(fleet.tries(&ask).iter().all(|tries| *tries == 0));
        }
        let list = Ask::new("GET", PATH).key(ACME);
        assert_eq!(fleet.send(&list).await.code(), "no_lists");
    });
}

#[test]
fn lines_are_inspected_and_a_budget_refuses_a_batch() {
    run(async {
        let fleet = fleet().await;
        let upload = file(GREEN, &[line("1", "hi"), line("2", "to ann@zwexford.org")]);
        id(&fleet.send(&upload).await, "id");
        let received = fleet.received("a", &upload).remove(0);
        let text = String::from_utf8_lossy(&received.body).into_owned();
        assert!(
            text.contains("\"to <EMAIL_ADDRESS>\"") && !text.contains("zwexford"),
            "{text}"
        );
        assert_eq!(
            received.header("content-length"),
            received.body.len().to_string()
        );
        assert!(received.json()["file"]["size"].as_u64() > Some(100));

        // What comes back is inspected, too.
        let input = id(&fleet.send(&file(GREEN, &[line("1", "hi")])).await, "id");
        let made = fleet.send(&batch(GREEN, &input)).await;
        let output = fleet
            .send(&content(GREEN, &id(&made, "output_file_id")))
            .await;
        assert_eq!(output.status, 200, "{}", output.text());
        let told: Value = serde_json::from_str(output.text()).expect("JSON");
        assert_eq!(told["custom_id"], "1");
        let input = fleet.send(&content(GREEN, &input)).await;
        assert_eq!(input.code(), "unscannable_path");

        let mut bad = line("bad", "x");
        bad["body"]["stream"] = json!(true);
        let upload = file(ACME, &[line("1", "hi"), bad]);
        let refused = fleet.send(&upload).await;
        let said = refused.json()["error"]["message"]
            .as_str()
            .expect("text")
            .to_owned();
        assert_eq!(
            (refused.status, said.as_str()),
            (400, "Line 2 (bad): 'body.stream' must not be true.")
        );
        assert!(fleet.tries(&upload).iter().all(|tries| *tries == 0));

        let lines: Vec<Value> = (0..2).map(|n| line(&n.to_string(), "hi")).collect();
        let input = id(&fleet.send(&file(BLUE, &lines)).await, "id");
        let made = fleet.send(&batch(BLUE, &input)).await;
        // The second one does not fit, until the first one has told how little it took.
        let refused = batch(BLUE, &input);
        let answer = fleet.send(&refused).await;
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert!(fleet.tries(&refused).iter().all(|tries| *tries == 0));
        let read = about(BLUE, "GET", &id(&made, "id"), "");
        assert_eq!(fleet.send(&read).await.json()["status"], "completed");
        fleet.record(&read).await;
        assert_eq!(fleet.send(&batch(BLUE, &input)).await.status, 200);
    });
}

/// Totals of `bulk`: estimated, tokens of prompts and answers, nano-USD; and what is used of its
/// limits: tokens and nano-USD.
async fn used(fleet: &Fleet) -> ([u64; 4], [u64; 2]) {
    let page = fleet
        .send(&Ask::new("GET", "/tollgate/usage").key(GREEN))
        .await
        .json();
    let (totals, limits) = (&page["models"]["bulk"], &page["model_limits"]["bulk"]);
    let names = [
        "estimated",
        "input_tokens",
        "output_tokens",
        "cost_nano_usd",
    ];
    (
        names.map(|name| totals[name].as_u64().unwrap_or(0)),
        [&limits[0]["used"], &limits[1]["used_nano_usd"]].map(|n| n.as_u64().expect("a count")),
    )
}

#[test]
fn what_batches_have_used_takes_the_place_of_what_they_were_charged() {
    run(async {
        let fleet = fleet().await;
        let lines = ["1", "2"].map(|id| line_for("bulk", id, "hi"));
        let input = id(&fleet.send(&file(GREEN, &lines)).await, "id");
        let begun = json!({"batch": {"status": "validating", "usage": null,
            "request_counts": {"total": 0, "completed": 0, "failed": 0}}});
        let make = async || {
            let ask = batch(GREEN, &input).mock(&begun);
            let own = id(&fleet.send(&ask).await, "id");
            let record = fleet.record(&ask).await;
            let count = |name: &str| record[name].as_u64().expect("a count");
            let (prompts, cost) = (count("input_tokens"), count("cost_nano_usd"));
            assert_eq!(cost, (prompts * 1000 + 600 * 2000) / 2, "{record}");
            (own, prompts, cost)
        };
        let tell = async |own: &str, (method, below): (&str, &str), told: Value| {
            let ask = about(GREEN, method, own, below).mock(&json!({"batch": told}));
            let answer = fleet.send(&ask).await;
            assert_eq!(
                (id(&answer, "id"), &answer.json()["status"]),
                (own.to_owned(), &told["status"])
            );
            assert_eq!(fleet.record(&ask).await["cost_nano_usd"], 0);
        };
        assert_eq!(used(&fleet).await, ([0; 4], [0; 2]));
        let (first, prompts, cost) = make().await;
        let charged = ([1, prompts, 600, cost], [prompts + 600, cost]);
        assert_eq!(used(&fleet).await, charged);
        let usage = json!({"input_tokens": 21, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 8}, "total_tokens": 51});
        let read = ("GET", "");
        let going = json!({"status": "in_progress", "usage": usage});
        tell(&first, read, going).await;
        assert_eq!(used(&fleet).await, charged);
        let over = json!({"status": "completed", "usage": usage,
            "request_counts": {"total": 2, "completed": 2, "failed": 0}});
        // On whichever worker, and as often as it likes.
        let took = (21 * 1000 + 30 * 2000) / 2;
        for _ in 0..6 {
            tell(&first, read, over.clone()).await;
            assert_eq!(used(&fleet).await, ([0, 21, 30, took], [51, took]));
        }
        // One that failed, one that was cancelled half-way, and one of which nothing is told.
        let (failed, ..) = make().await;
        let counts = |completed| json!({"total": 2, "completed": completed, "failed": 0});
        let gone = json!({"status": "failed", "usage": null, "request_counts": counts(0)});
        tell(&failed, read, gone).await;
        assert_eq!(used(&fleet).await, ([0, 21, 30, took], [51, took]));
        let (cancelled, ..) = make().await;
        let half = json!({"input_tokens": 10, "output_tokens": 4, "total_tokens": 14});
        let half = json!({"status": "cancelled", "usage": half, "request_counts": counts(1)});
        tell(&cancelled, ("POST", "/cancel"), half).await;
        let both = took + (10 * 1000 + 4 * 2000) / 2;
        assert_eq!(used(&fleet).await, ([0, 31, 34, both], [65, both]));
        let (silent, prompts, cost) = make().await;
        let untold = json!({"status": "expired", "usage": null, "request_counts": counts(1)});
        tell(&silent, read, untold).await;
        let all = both + cost;
        assert_eq!(
            used(&fleet).await,
            ([1, 31 + prompts, 634, all], [665 + prompts, all])
        );
    });
}
