/*! What guardrails do to calls: in requests, in whole answers, in streams, for both
protocols on both sides. */

mod example;
mod input;
mod matrix;
mod monitor;
mod native;
mod output;
mod request;
mod requests;
mod restore;
mod scores;
mod streams;
mod unscannable;

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::OnceCell;
use tollgate_tests::{Answer, Ask, Config, Form, Protocol, Speaks, Stand, demo_policy};

/// Personal data and a secret, as no other text here is like.
const MAIL: &str = "quilliam@zwexford.org";
const CARD: &str = "4111 1111 1111 1111";
const PHONE: &str = "+49 30 90182055";
const SECRET: &str = "ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS";

/// How the callers' HTTP comes.
const HTTP: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// The demo policy with these guardrails.
fn policy(guardrails: &Value) -> Value {
    let mut policy = demo_policy();
    policy["guardrails"] = guardrails.clone();
    policy
}

/// A gateway with one provider that speaks OpenAI's protocol.
async fn stand(policy: &Value) -> Stand {
    Stand::start(Config::gateway().policy(policy, Form::Struct)).await
}

static STANDS: Mutex<BTreeMap<String, &'static OnceCell<Stand>>> = Mutex::new(BTreeMap::new());

/// As [`stand`] with these guardrails, before a provider that speaks `api`: started once for
/// all tests that count nothing.
async fn shared(guardrails: &Value, api: &str) -> &'static Stand {
    let mut policy = policy(guardrails);
    policy["backends"]["mock"]["api"] = json!(api);
    let cell = {
        let mut stands = STANDS.lock().unwrap();
        let new = || &*Box::leak(Box::new(OnceCell::new()));
        *stands.entry(policy.to_string()).or_insert_with(new)
    };
    cell.get_or_init(|| stand(&policy)).await
}

/// Masks personal data in answers.
fn pii_out() -> Value {
    json!({"name": "pii-out", "phase": "output", "detect": "personal_data", "action": "mask"})
}

/// Lets no personal data pass in answers.
fn blocking() -> Value {
    json!({"name": "stop", "phase": "output", "detect": "personal_data", "action": "block"})
}

/// Masks personal data in requests.
fn pii_in() -> Value {
    json!({"name": "pii-in", "phase": "input", "detect": "personal_data", "action": "mask"})
}

/// As [`pii_in`], put back in answers.
fn restoring() -> Value {
    json!({"name": "pii-in", "phase": "input", "detect": "personal_data", "action": "mask",
           "restore": {"key": "a key for the tests of restoring"}})
}

/// A call that says `text`.
fn call(text: &str, stream: bool) -> Value {
    json!({"model": "smart", "max_tokens": 1000, "stream": stream,
           "messages": [{"role": "user", "content": text}]})
}

/// The same with a tool, as the protocol has it.
fn with_tool(speaks: Speaks, mut body: Value) -> Value {
    let schema = json!({"type": "object", "properties": {"to": {"type": "string"}}});
    body["tools"] = match speaks {
        Speaks::OpenAi => json!([{"type": "function",
            "function": {"name": "send", "parameters": schema}}]),
        Speaks::Anthropic => json!([{"name": "send", "input_schema": schema}]),
    };
    body
}

/// All that an answer says: each choice or block and each kind of text by itself, tool
/// arguments as the JSON that they are.
fn said(speaks: Speaks, answer: &Answer, stream: bool) -> BTreeMap<String, String> {
    let mut said = Said::default();
    match (speaks, stream) {
        (Speaks::OpenAi, false) => said.choices(&answer.json(), "message"),
        (Speaks::OpenAi, true) => {
            for event in answer.events() {
                said.choices(&event, "delta");
            }
        }
        (Speaks::Anthropic, false) => {
            let content = answer.json()["content"].take();
            for (index, block) in content.as_array().unwrap().iter().enumerate() {
                said.block(index, block);
            }
        }
        (Speaks::Anthropic, true) => {
            for event in answer.events() {
                let index = event["index"].as_u64().unwrap_or(0);
                let index = usize::try_from(index).unwrap();
                said.block(index, &event["content_block"]);
                said.block(index, &event["delta"]);
            }
        }
    }
    said.finish()
}

#[derive(Default)]
struct Said(BTreeMap<String, String>);

impl Said {
    fn add(&mut self, key: String, text: &Value) {
        let text = text.as_str().unwrap_or_default();
        self.0.entry(key).or_default().push_str(text);
    }

    fn choices(&mut self, answer: &Value, member: &str) {
        for choice in answer["choices"].as_array().into_iter().flatten() {
            let index = &choice["index"];
            let message = &choice[member];
            for kind in ["content", "refusal", "reasoning_content"] {
                self.add(format!("{index} {kind}"), &message[kind]);
            }
            let calls = message["tool_calls"].as_array();
            for (place, call) in calls.into_iter().flatten().enumerate() {
                let number = call["index"].as_u64().unwrap_or(place as u64);
                let key = format!("{index} arguments {number}");
                self.add(key, &call["function"]["arguments"]);
            }
        }
    }

    fn block(&mut self, index: usize, block: &Value) {
        for kind in ["text", "thinking", "partial_json"] {
            let name = if kind == "partial_json" {
                "arguments"
            } else {
                kind
            };
            self.add(format!("{index} {name}"), &block[kind]);
        }
        if block["input"]
            .as_object()
            .is_some_and(|input| !input.is_empty())
        {
            let input = block["input"].to_string();
            self.add(format!("{index} arguments"), &input.into());
        }
    }

    fn finish(mut self) -> BTreeMap<String, String> {
        self.0.retain(|_, text| !text.is_empty());
        for (key, text) in &mut self.0 {
            if key.contains("arguments") {
                let json: Map<String, Value> =
                    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
                *text = Value::Object(json).to_string();
            }
        }
        self.0
    }
}

/// Why an answer ended, by its protocol's word for it.
fn reasons(speaks: Speaks, answer: &Answer, stream: bool) -> Vec<String> {
    let all = if stream {
        answer.events()
    } else {
        vec![answer.json()]
    };
    let mut reasons = Vec::new();
    for event in &all {
        match speaks {
            Speaks::OpenAi => {
                for choice in event["choices"].as_array().into_iter().flatten() {
                    reasons.extend(choice["finish_reason"].as_str());
                }
            }
            Speaks::Anthropic => {
                reasons.extend(event["delta"]["stop_reason"].as_str());
                reasons.extend(event["stop_reason"].as_str());
            }
        }
    }
    reasons.into_iter().map(str::to_owned).collect()
}

/// The protocol's word for an end by a content filter.
fn filtered(speaks: Speaks) -> &'static str {
    match speaks {
        Speaks::OpenAi => "content_filter",
        Speaks::Anthropic => "refusal",
    }
}

/// A stream has its protocol's last event.
fn assert_ended(speaks: Speaks, answer: &Answer) {
    let end = match speaks {
        Speaks::OpenAi => "data: [DONE]\n\n",
        Speaks::Anthropic => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    };
    assert!(answer.text().ends_with(end), "{}", answer.text());
}

/// No bytes hold six or more of a value in a row.
fn assert_free_of(bytes: &[u8], values: &[&str]) {
    for value in values {
        for part in value.as_bytes().windows(6) {
            let found = bytes.windows(part.len()).any(|window| window == part);
            let shown = String::from_utf8_lossy(bytes);
            let part = String::from_utf8_lossy(part);
            assert!(!found, "{part:?} of {value:?} in {shown}");
        }
    }
}

/// Nothing of these values is in any log, record or metric.
async fn assert_untold(stand: &Stand, values: &[&str]) {
    let records: Vec<String> = stand.envoy.records().iter().map(Value::to_string).collect();
    let seen = [
        records.concat(),
        stand.envoy.log(),
        stand.envoy.admin("/stats").await,
    ];
    assert_free_of(seen.concat().as_bytes(), values);
}

/// The findings of a guardrail as metrics tell them.
fn counted(guardrail: &str, phase: &str, entity: &str, action: &str, count: u64) -> String {
    format!(
        "tollgate_guardrail_findings_total{{guardrail=\"{guardrail}\",phase=\"{phase}\",entity=\"{entity}\",action=\"{action}\"}} {count}\n"
    )
}

async fn metrics(stand: &Stand) -> String {
    stand.envoy.admin("/stats/prometheus").await
}

/// The one JSON body that the provider got of a call.
fn sent(stand: &Stand, ask: &Ask) -> Value {
    let received = stand.received(ask);
    assert_eq!(received.len(), 1);
    received[0].json()
}
