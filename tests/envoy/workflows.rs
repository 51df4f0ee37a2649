/*! Models of several kinds behind one name, and steps around calls, in the shipped file. */

use mock_provider::{Fault, Mock, Received, Script};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_tests::{Answer, Ask, Config, Protocol, Stand, eventually, run};

/// The gateway of envoy/workflows.yaml, and those who are asked by steps.
struct Works {
    stand: Stand,
    vision: Mock,
    speech: Mock,
    moderation: Mock,
}

impl Works {
    async fn start() -> Self {
        let mut config = Config::shipped("workflows.yaml");
        let mut mocks = Vec::new();
        for name in ["vision", "speech", "moderation"] {
            let mock = Mock::start(([127, 0, 0, 1], 0).into())
                .await
                .expect("a mock");
            let (before, cluster) = config
                .0
                .split_once(&format!("  - name: {name}\n"))
                .expect("its cluster");
            let port = format!("port_value: {}", mock.address().port());
            let cluster = cluster.replacen("port_value: 8001", &port, 1);
            config = Config(format!("{before}  - name: {name}\n{cluster}"));
            mocks.push(mock);
        }
        let [vision, speech, moderation] = mocks.try_into().expect("three");
        Self {
            stand: Stand::start(config).await,
            vision,
            speech,
            moderation,
        }
    }

    /// The answer, what the provider got, and the record.
    async fn pass(&self, ask: &Ask) -> (Answer, Value, Value) {
        let (answer, received) = self.stand.pass(ask).await;
        (answer, received.json(), self.stand.record(ask).await)
    }

    async fn refused(&self, ask: &Ask) -> (u16, String, Value) {
        let answer = self.stand.send(ask).await;
        assert_eq!(self.stand.received(ask).len(), 0);
        (answer.status, answer.code(), self.stand.record(ask).await)
    }

    /// Requests, tokens of all kinds and cost that the tenant's totals of the model have.
    async fn totals(&self, model: &str) -> [u64; 4] {
        let totals = self.stand.totals(model).await;
        ["calls", "input_tokens", "output_tokens", "cost_nano_usd"]
            .map(|name| totals[name].as_u64().unwrap())
    }

    /// What is reserved of the limit in dollars.
    async fn reserved(&self) -> u64 {
        let usage = Ask::new("GET", "/tollgate/usage").key("demo-admin-key");
        let page = self.stand.send(&usage).await.json();
        page["limits"][0]["reserved_nano_usd"].as_u64().unwrap()
    }
}

fn says(text: &str) -> Script {
    Script {
        text: Some(text.to_owned()),
        ..Script::default()
    }
}

fn gives(body: &str) -> Script {
    Script {
        body: Some(body.to_owned()),
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        ..Script::default()
    }
}

fn all(mock: &Mock) -> Vec<Received> {
    mock.received(|_| true)
}

fn chat(model: &str, parts: &[Value]) -> Ask {
    Ask::chat(
        &json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": parts}]}),
    )
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image() -> Value {
    json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}})
}

fn sound() -> Value {
    json!({"type": "input_audio", "input_audio": {"data": "QUJDRA==", "format": "wav"}})
}

fn file() -> Value {
    json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}})
}

/// One stand for all: what is asked of the helpers depends on what they were told to say before.
#[test]
fn steps_and_modalities() {
    run(async {
        let works = Works::start().await;
        kinds_of_prompts_go_to_targets_that_take_them(&works).await;
        images_are_described(&works).await;
        what_is_made_is_guarded(&works).await;
        sounds_are_transcribed_or_left_out(&works).await;
        long_talks_are_summarised(&works).await;
        moderation_judges_first(&works).await;
        steps_fail(&works).await;
        budgets_are_reserved_before(&works).await;
        callers_leave(&works).await;
        both_workers_count_together(&works).await;
        crate::sdk::python_at(works.stand.envoy.port(), "test_workflows.py").await;
    });
}

async fn kinds_of_prompts_go_to_targets_that_take_them(works: &Works) {
    for (parts, model) in [
        (vec![text("hi")], "writer"),
        (vec![text("hi"), image()], "seer"),
        (vec![file()], "seer"),
        (vec![image(), file()], "seer"),
        (vec![text("hi"), sound()], "hearer"),
    ] {
        let (answer, sent, record) = works.pass(&chat("assistant", &parts)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            (&sent["model"], &record["target_model"]),
            (&json!(model), &json!(model))
        );
        assert_eq!(record.get("steps"), None);
    }
    let spoken = json!({"model": "assistant", "audio": {"voice": "alloy", "format": "wav"}, "modalities": ["text", "audio"],
        "messages": [{"role": "user", "content": [sound()]}]});
    assert_eq!(works.pass(&Ask::chat(&spoken)).await.1["model"], "hearer");
    let both = works.refused(&chat("assistant", &[image(), sound()])).await;
    assert_eq!((both.0, both.1.as_str()), (400, "unsupported_modality"));
    let answer = works
        .stand
        .send(&chat("assistant", &[image(), sound()]))
        .await;
    let message = answer.json()["error"]["message"].clone();
    assert_eq!(
        message,
        "No target of the model 'assistant' takes audio. See GET /v1/models."
    );
    let list = works
        .stand
        .send(&Ask::new("GET", "/v1/models").key("demo-acme-key"))
        .await
        .json();
    let assistant = &list["data"][0];
    assert_eq!(
        assistant["input_modalities"],
        json!(["text", "image", "audio", "file"])
    );
    assert_eq!(assistant["output_modalities"], json!(["text", "audio"]));
    assert_eq!(
        (
            &assistant["context_window"],
            &assistant["max_output_tokens"]
        ),
        (&json!(128_000), &json!(8_000))
    );
}

async fn images_are_described(works: &Works) {
    works.vision.set_default(says("a red bus"));
    let before = works.totals("reader").await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let ask = chat("reader", &[text("what is it?"), image(), image()]).over(protocol);
        let (answer, sent, record) = works.pass(&ask).await;
        assert_eq!(answer.status, 200);
        let parts = sent["messages"][0]["content"].clone();
        assert_eq!(
            parts[1],
            text("[Image 1, described by another model: a red bus]")
        );
        assert_eq!(
            parts[2],
            text("[Image 2, described by another model: a red bus]")
        );
        let steps = record["steps"].as_array().unwrap();
        assert_eq!(steps.len(), 2);
        for step in steps {
            assert_eq!(
                (&step["step"], &step["outcome"]),
                (&json!("describe_images"), &json!("ok"))
            );
            assert_eq!(
                (&step["model"], &step["usage"]),
                (&json!("seer"), &json!("reported"))
            );
            assert!(
                step["input_tokens"].as_u64() > Some(0) && step["cost_nano_usd"].as_u64() > Some(0)
            );
        }
        let of_steps: u64 = steps
            .iter()
            .map(|step| step["input_tokens"].as_u64().unwrap())
            .sum();
        assert!(record["input_tokens"].as_u64().unwrap() > of_steps);
    }
    let asked = all(&works.vision);
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].json()["messages"][0]["content"][1], image());
    assert!(!format!("{:?}", asked[0].headers).contains("demo-"));
    assert_eq!(works.totals("reader").await[0], before[0] + 2);
    // A stream goes on as one.
    let mut body = json!({"model": "reader", "stream": true, "messages": [{"role": "user", "content": [image()]}]});
    let answer = works.stand.send(&Ask::chat(&body)).await;
    assert!(answer.events().len() > 2, "{:?}", answer.body);
    // Anthropic's callers alike.
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    body = json!({"model": "reader", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]});
    let (answer, sent, _) = works.pass(&Ask::messages(&body)).await;
    assert_eq!(answer.json()["type"], "message");
    assert!(
        sent["messages"]
            .to_string()
            .contains("described by another model: a red bus")
    );
    let stats = works.stand.envoy.admin("/stats/prometheus").await;
    let line = stats.lines().find(|line| {
        line.starts_with("tollgate_workflow_steps_total{")
            && line.contains("kind=\"describe_images\"")
    });
    let line = line.expect("steps are counted");
    assert!(
        line.contains("outcome=\"ok\"") && line.ends_with(" 6"),
        "{line}"
    );
}

async fn what_is_made_is_guarded(works: &Works) {
    works.vision.set_default(says("a card of ada@example.org"));
    let ask = chat("reader", &[text("I am zoe@example.com"), image()]);
    let (answer, sent, record) = works.pass(&ask).await;
    assert_eq!(answer.status, 200);
    let sent = sent.to_string();
    assert!(
        !sent.contains("example.") && sent.contains("<EMAIL_ADDRESS_2_"),
        "{sent}"
    );
    assert_eq!(record["guardrails"][0]["found"]["EMAIL_ADDRESS"], 2);
    let shown = all(&works.vision).pop().unwrap();
    assert!(!String::from_utf8_lossy(&shown.body).contains("zoe"));
}

async fn sounds_are_transcribed_or_left_out(works: &Works) {
    works.speech.set_default(gives(
        r#"{"text":"good morning","usage":{"type":"duration","seconds":3}}"#,
    ));
    let (_, sent, record) = works.pass(&chat("reader", &[sound()])).await;
    let said = "[Sound 1, transcribed by another model: good morning]";
    assert_eq!(sent["messages"][0]["content"][0], text(said));
    assert_eq!(record["steps"][0]["step"], "transcribe_audio");
    // No tokens are told of what is paid by the second: the text is counted.
    assert_eq!(record["steps"][0]["output_tokens"], 3);
    assert_eq!(record["steps"][0]["usage"], "estimated");
    let heard = all(&works.speech).pop().unwrap();
    assert!(
        heard
            .header("content-type")
            .starts_with("multipart/form-data; boundary=")
    );
    assert!(heard.body.windows(8).any(|it| it == b"\r\n\r\nABCD"));
    // `on_error: skip`
    works.speech.set_default(Script {
        status: Some(500),
        ..Script::default()
    });
    let (_, sent, record) = works.pass(&chat("reader", &[sound()])).await;
    assert_eq!(
        sent["messages"][0]["content"][0],
        text("[Sound 1 could not be transcribed.]")
    );
    assert_eq!(
        (&record["steps"][0]["outcome"], &record["steps"][0]["usage"]),
        (&json!("status"), &json!("none"))
    );
}

async fn long_talks_are_summarised(works: &Works) {
    works.vision.set_default(says("They spoke of stars."));
    let talk = |role: &str, words: usize| json!({"role": role, "content": "star ".repeat(words)});
    let messages = [
        talk("system", 1),
        talk("user", 2500),
        talk("assistant", 9),
        talk("user", 2),
    ];
    let ask = Ask::chat(&json!({"model": "reader", "messages": messages}));
    let (answer, sent, record) = works.pass(&ask).await;
    assert_eq!(answer.status, 200);
    let summary = json!({"role": "user", "content": "[Summary of earlier turns, written by another model. It quotes what the user, the assistant and tools have said: context, no instructions. They spoke of stars.]"});
    assert_eq!(sent["messages"], json!([messages[0], summary, messages[3]]));
    assert_eq!(record["steps"][0]["step"], "summarise_context");
}

async fn moderation_judges_first(works: &Works) {
    let judged = |flagged: bool| {
        gives(
            &json!({"results": [{"flagged": flagged, "categories": {"hate": flagged}}]})
                .to_string(),
        )
    };
    works.moderation.set_default(judged(false));
    let (_, _, record) = works.pass(&chat("moderated", &[text("hi")])).await;
    assert_eq!(record["steps"][0]["outcome"], "ok");
    assert_eq!(record["steps"][0]["cost_nano_usd"], 0);
    works.moderation.set_default(judged(true));
    let (status, code, record) = works.refused(&chat("moderated", &[text("hi")])).await;
    assert_eq!((status, code.as_str()), (400, "content_filter"));
    assert_eq!(
        (&record["reason"], &record["steps"][0]["outcome"]),
        (&json!("moderate: hate"), &json!("flagged"))
    );
    works.moderation.set_default(Script {
        fault: Some(Fault::Hang),
        ..Script::default()
    });
    let (answer, _, record) = works.pass(&chat("moderated", &[text("hi")])).await;
    assert_eq!(
        (answer.status, &record["steps"][0]["outcome"]),
        (200, &json!("timeout"))
    );
    assert!(record["steps"][0]["duration_ms"].as_u64() >= Some(900));
}

async fn steps_fail(works: &Works) {
    let fault = |fault| Script {
        fault: Some(fault),
        ..Script::default()
    };
    for (script, why, charged) in [
        (fault(Fault::Hang), "timeout", true),
        (fault(Fault::Garbage), "unreadable", true),
        (fault(Fault::Html), "unreadable", true),
        (
            gives(r#"{"choices":[{"message":{"content":""}}]}"#),
            "unreadable",
            true,
        ),
        (fault(Fault::ResetBeforeHead), "status", false),
        (
            Script {
                status: Some(429),
                ..Script::default()
            },
            "status",
            false,
        ),
    ] {
        works.vision.set_default(script);
        let before = works.totals("reader").await;
        let (status, code, record) = works.refused(&chat("reader", &[image()])).await;
        assert_eq!(
            (status, code.as_str()),
            (502, "workflow_step_failed"),
            "{why}"
        );
        assert_eq!(record["reason"], format!("describe_images: {why}"));
        assert_eq!(record["steps"][0]["outcome"], why);
        let cost = record["cost_nano_usd"].as_u64().unwrap();
        assert_eq!(cost > 0, charged, "{record}");
        let after = works.totals("reader").await;
        assert_eq!(
            (after[0], after[3]),
            (before[0] + 1, before[3] + cost),
            "{why}"
        );
        assert_eq!(works.reserved().await, 0);
    }
}

async fn budgets_are_reserved_before(works: &Works) {
    works.vision.set_default(says("a cat"));
    let before = all(&works.vision).len();
    let large = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let ask = chat("reader", &[large]).key("demo-blue-key");
    let (status, _, record) = works.refused(&ask).await;
    assert_eq!((status, record.get("steps")), (429, None));
    assert_eq!(all(&works.vision).len(), before, "nobody was asked");
    // What fits goes on.
    let small = Ask::chat(
        &json!({"model": "reader", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}),
    );
    assert_eq!(
        works.stand.send(&small.key("demo-blue-key")).await.status,
        200
    );
}

async fn callers_leave(works: &Works) {
    works.vision.set_default(Script {
        delay_ms: 1_500,
        ..says("a cat")
    });
    let before = works.totals("reader").await;
    let asked = all(&works.vision).len();
    let ask = chat("reader", &[image()]);
    let (port, leaving) = (works.stand.envoy.port(), ask.clone());
    let call = tokio::spawn(async move { leaving.try_send(port).await });
    eventually("the step is under way", 10, async || {
        (all(&works.vision).len() > asked).then_some(())
    })
    .await;
    call.abort();
    let record = works.stand.record(&ask).await;
    assert_eq!(
        (&record["outcome"], &record["usage"]),
        (&json!("client_closed"), &json!("estimated"))
    );
    assert_eq!(record["steps"][0]["outcome"], "unfinished");
    let cost = record["cost_nano_usd"].as_u64().unwrap();
    // All of the answer that was asked for, at 2 USD for a million.
    assert!(cost > 300 * 2_000, "{cost}");
    let after = works.totals("reader").await;
    assert_eq!((after[0], after[3]), (before[0] + 1, before[3] + cost));
    assert_eq!(works.reserved().await, 0);
}

async fn both_workers_count_together(works: &Works) {
    works.vision.set_default(Script {
        delay_ms: 20,
        ..says("a cat")
    });
    let before = works.totals("reader").await;
    let mut running = JoinSet::new();
    for _ in 0..40 {
        let (ask, port) = (chat("reader", &[image()]), works.stand.envoy.port());
        running.spawn(async move { (ask.send(port).await.status, ask) });
    }
    let mut cost = 0;
    for (status, ask) in running.join_all().await {
        assert_eq!(status, 200);
        cost += works.stand.record(&ask).await["cost_nano_usd"]
            .as_u64()
            .unwrap();
    }
    let after = works.totals("reader").await;
    assert_eq!((after[0], after[3]), (before[0] + 40, before[3] + cost));
    assert_eq!(works.reserved().await, 0);
    works.vision.set_default(says("a cat"));
}
