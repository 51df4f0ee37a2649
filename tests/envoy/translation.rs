/*! Chat completions, Responses and Anthropic's messages, each in front of providers that have only
another one. */

use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Config, Fleet, Form, Stand, demo_policy, fleet_policy, run};

const TEXT: &str = "Hello from the mock provider. ";

/// An API, and the model whose provider has no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Chat,
    Responses,
    Messages,
}

const ALL: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

impl Api {
    const fn model(self) -> &'static str {
        match self {
            Self::Chat => "by-chat",
            Self::Responses => "by-responses",
            Self::Messages => "by-messages",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// A call that says `text`, with a tool.
    fn body(self, model: &str, text: &str, stream: bool) -> Value {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let mut body = json!({"model": model, "stream": stream});
        let messages = json!([{"role": "user", "content": text}]);
        match self {
            Self::Chat => {
                body["messages"] = messages;
                body["stream_options"] = json!({"include_usage": true});
                body["tools"] = json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}]);
                if !stream {
                    body.as_object_mut().unwrap().remove("stream_options");
                }
            }
            Self::Responses => {
                body["input"] = messages;
                body["tools"] = json!([{"type": "function", "name": "weather", "parameters": schema, "strict": false}]);
            }
            Self::Messages => {
                body["messages"] = messages;
                body["max_tokens"] = json!(100);
                body["tools"] = json!([{"name": "weather", "input_schema": schema}]);
            }
        }
        body
    }

    fn ask(self, body: &Value) -> Ask {
        match self {
            Self::Chat => Ask::chat(body),
            Self::Responses => Ask::response(body),
            Self::Messages => Ask::messages(body),
        }
    }

    /// The whole answer: of a stream, what its events come to.
    fn whole(self, answer: &Answer, stream: bool) -> Said {
        match (self, stream) {
            (_, false) => self.read(&answer.json()),
            (Self::Responses, true) => {
                let events = answer.events();
                for (number, event) in events.iter().enumerate() {
                    assert_eq!(event["sequence_number"], number, "{event}");
                }
                let last = events.last().expect("events");
                let said = self.read(&last["response"]);
                let deltas = events
                    .iter()
                    .filter(|event| event["type"] == "response.output_text.delta");
                let deltas: String = deltas.filter_map(|event| event["delta"].as_str()).collect();
                assert_eq!(deltas, said.text);
                said
            }
            (Self::Chat, true) => {
                assert!(answer.text().ends_with("data: [DONE]\n\n"));
                let events = answer.events();
                let joined = |place: &str| {
                    let texts = events.iter().filter_map(|event| event.pointer(place));
                    texts.filter_map(Value::as_str).collect::<String>()
                };
                Said {
                    thinking: joined("/choices/0/delta/reasoning_content"),
                    text: joined("/choices/0/delta/content"),
                    arguments: joined("/choices/0/delta/tool_calls/0/function/arguments"),
                    end: joined("/choices/0/finish_reason"),
                    output: events
                        .iter()
                        .find_map(|event| event["usage"]["completion_tokens"].as_u64()),
                }
            }
            (Self::Messages, true) => {
                let events = answer.events();
                let joined = |place: &str| {
                    let texts = events.iter().filter_map(|event| event.pointer(place));
                    texts.filter_map(Value::as_str).collect::<String>()
                };
                let last = events.iter().find(|event| event["type"] == "message_delta");
                Said {
                    thinking: joined("/delta/thinking"),
                    text: joined("/delta/text"),
                    arguments: joined("/delta/partial_json"),
                    end: joined("/delta/stop_reason"),
                    output: last.and_then(|last| last["usage"]["output_tokens"].as_u64()),
                }
            }
        }
    }

    fn read(self, body: &Value) -> Said {
        let of = |list: &Value, kind: &str, place: &str| {
            let items = list.as_array().cloned().unwrap_or_default();
            let items = items.into_iter().filter(|item| item["type"] == kind);
            let texts = items.filter_map(|item| item.pointer(place).cloned());
            texts
                .map(|text| text.as_str().map_or(text.to_string(), str::to_owned))
                .collect::<String>()
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::Chat => {
                let message = &body["choices"][0]["message"];
                Said {
                    thinking: text(&message["reasoning_content"]),
                    text: text(&message["content"]),
                    arguments: text(&message["tool_calls"][0]["function"]["arguments"]),
                    end: text(&body["choices"][0]["finish_reason"]),
                    output: body["usage"]["completion_tokens"].as_u64(),
                }
            }
            Self::Responses => {
                assert_eq!(
                    (&body["object"], &body["store"]),
                    (&json!("response"), &json!(false))
                );
                let output = &body["output"];
                Said {
                    thinking: of(output, "reasoning", "/summary/0/text"),
                    text: of(output, "message", "/content/0/text"),
                    arguments: of(output, "function_call", "/arguments"),
                    end: text(&body["status"]),
                    output: body["usage"]["output_tokens"].as_u64(),
                }
            }
            Self::Messages => Said {
                thinking: of(&body["content"], "thinking", "/thinking"),
                text: of(&body["content"], "text", "/text"),
                arguments: of(&body["content"], "tool_use", "/input"),
                end: text(&body["stop_reason"]),
                output: body["usage"]["output_tokens"].as_u64(),
            },
        }
    }

    /// The words for a good end, and for one with calls.
    const fn ends(self) -> [&'static str; 2] {
        match self {
            Self::Chat => ["stop", "tool_calls"],
            Self::Responses => ["completed", "completed"],
            Self::Messages => ["end_turn", "tool_use"],
        }
    }

    /// Whether this is an error of its protocol.
    fn is_error(self, event: &Value) -> bool {
        let error = &event["error"];
        let own = match self {
            Self::Chat => event["type"].is_null() && error.get("code").is_some(),
            Self::Responses => error.get("code").is_some(),
            Self::Messages => event["type"] == "error",
        };
        own && error["message"].is_string() && error["type"].is_string()
    }
}

/// What an answer says.
#[derive(Debug, PartialEq)]
struct Said {
    thinking: String,
    text: String,
    arguments: String,
    end: String,
    /// Tokens.
    output: Option<u64>,
}

/// A gateway that translates by itself, in front of three backends with one API each.
pub fn policy() -> Value {
    let mut policy = demo_policy();
    let backend = |api: &str, apis: Value| {
        let mut backend = json!({"cluster": "provider", "api": api, "authority": "mock.provider"});
        if !apis.is_null() {
            backend["apis"] = apis;
        }
        backend
    };
    policy["backends"] = json!({
        "chat": backend("openai", json!(["chat_completions"])),
        "responses": backend("openai", json!(["responses"])),
        "messages": backend("anthropic", Value::Null),
    });
    let target =
        |backend: &str, model: &str| json!({"targets": [{"backend": backend, "model": model}]});
    policy["models"] = json!({
        "by-chat": target("chat", "gpt-5.1"),
        "by-responses": target("responses", "gpt-5.1"),
        "by-messages": target("messages", "claude-sonnet-4-5"),
    });
    let models = json!(["by-chat", "by-responses", "by-messages"]);
    policy["tenants"]["acme"]["models"] = models.clone();
    policy["tenants"]["blue"]["models"] = models;
    policy["guardrails"] = json!([
        {"name": "pii-in", "phase": "input", "detect": "personal_data", "action": "mask",
         "restore": {"key": "a key for the tests of restoring"}},
        {"name": "pii-out", "phase": "output", "detect": "personal_data", "action": "mask"},
    ]);
    policy
}

#[test]
fn every_api_by_every_other() {
    run(async {
        let stand = Stand::start(Config::gateway().policy(&policy(), Form::Struct)).await;
        for caller in ALL {
            for provider in ALL.into_iter().filter(|provider| *provider != caller) {
                for stream in [false, true] {
                    texts(&stand, caller, provider, stream).await;
                    tools(&stand, caller, provider, stream).await;
                    masks(&stand, caller, provider, stream).await;
                    errors(&stand, caller, provider, stream).await;
                }
                early_ends(&stand, caller, provider).await;
            }
        }
        refusals(&stand).await;
    });
}

async fn texts(stand: &Stand, caller: Api, provider: Api, stream: bool) {
    let case = format!("{caller:?} by {provider:?}, {stream}");
    let ask = caller.ask(&caller.body(provider.model(), "hi", stream));
    let ask = ask.mock(&json!({"reasoning": "Hm, well. ", "piece": 7}));
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(
        (answer.status, answer.complete),
        (200, true),
        "{case} {:?}",
        answer.body
    );
    assert_eq!(received.line, format!("POST {}", provider.path()));
    let said = caller.whole(&answer, stream);
    assert_eq!(
        (said.text.as_str(), said.thinking.as_str()),
        (TEXT, "Hm, well. "),
        "{case}"
    );
    assert_eq!(said.end, caller.ends()[0], "{case}");
    let record = stand.record(&ask).await;
    assert_eq!(
        (&record["outcome"], &record["usage"]),
        (&json!("ok"), &json!("reported")),
        "{case}"
    );
    // What the provider has told is what is settled by, and what the caller is told.
    assert_eq!(
        record["output_tokens"].as_u64(),
        said.output,
        "{case} {record}"
    );
    assert!(said.output.is_some_and(|tokens| tokens > 0), "{case}");
    let sent = received.json();
    if provider == Api::Responses {
        assert_eq!(
            (&sent["store"], &sent["tools"][0]["strict"]),
            (&json!(false), &json!(false)),
            "{case}"
        );
    }
}

async fn tools(stand: &Stand, caller: Api, provider: Api, stream: bool) {
    let case = format!("{caller:?} by {provider:?}, {stream}");
    let ask = caller.ask(&caller.body(provider.model(), "hi", stream));
    let (answer, _) = stand
        .pass(&ask.mock(&json!({"tool": true, "piece": 11})))
        .await;
    let said = caller.whole(&answer, stream);
    let arguments: Value = serde_json::from_str(&said.arguments).expect(&case);
    assert_eq!(arguments, json!({"city": "Köln"}), "{case}");
    assert_eq!(
        (said.text.as_str(), said.end.as_str()),
        ("", caller.ends()[1]),
        "{case}"
    );
}

/// The provider sees no address of the caller's, the caller gets it back, and none of others.
async fn masks(stand: &Stand, caller: Api, provider: Api, stream: bool) {
    let case = format!("{caller:?} by {provider:?}, {stream}");
    let ask = caller.ask(&caller.body(provider.model(), "I am ada@example.org", stream));
    let (_, received) = stand.pass(&ask).await;
    let sent = String::from_utf8_lossy(&received.body).into_owned();
    assert!(!sent.contains("ada@example.org"), "{case}");
    let script = json!({"text": "Write to bob@example.org now. ", "piece": 5});
    let ask = caller
        .ask(&caller.body(provider.model(), "hi", stream))
        .mock(&script);
    let (answer, _) = stand.pass(&ask).await;
    let said = caller.whole(&answer, stream);
    assert!(!answer.text().contains("bob@example.org"), "{case}");
    assert!(
        said.text.starts_with("Write to ") && said.text.ends_with(" now. "),
        "{case} {said:?}"
    );
}

async fn errors(stand: &Stand, caller: Api, provider: Api, stream: bool) {
    let case = format!("{caller:?} by {provider:?}, {stream}");
    let body = caller.body(provider.model(), "hi", stream);
    let script = json!({"status": 429, "headers": {"retry-after": "7"}, "text": "slow down"});
    let (answer, _) = stand.pass(&caller.ask(&body).mock(&script)).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, "7"),
        "{case}"
    );
    let error = answer.json();
    assert!(caller.is_error(&error), "{case} {error}");
    assert_eq!(error["error"]["type"], "rate_limit_error", "{case}");
    assert_eq!(error["error"]["message"], "slow down", "{case}");
    let long = match provider {
        Api::Messages => "prompt is too long: 210000 tokens > 200000 maximum",
        Api::Chat | Api::Responses => "This model's maximum context length is 8192 tokens.",
    };
    let script = json!({"status": 400, "text": long});
    let (answer, _) = stand.pass(&caller.ask(&body).mock(&script)).await;
    let error = answer.json();
    match caller {
        Api::Messages => {
            let message = error["error"]["message"].as_str().expect("a message");
            assert!(message.starts_with("prompt is too long"), "{case} {error}");
        }
        Api::Chat | Api::Responses => {
            assert_eq!(
                error["error"]["code"], "context_length_exceeded",
                "{case} {error}"
            );
        }
    }
}

/// Streams that break off, or end with an error.
async fn early_ends(stand: &Stand, caller: Api, provider: Api) {
    for (fault, outcome) in [
        ("end_mid_body", "upstream_incomplete"),
        ("error_mid_body", "upstream_error"),
    ] {
        let case = format!("{caller:?} by {provider:?}, {fault}");
        let ask = caller.ask(&caller.body(provider.model(), "hi", true));
        let ask = ask.mock(&json!({"fault": fault, "events": 40}));
        let (answer, _) = stand.pass(&ask).await;
        assert_eq!(answer.status, 200, "{case}");
        let events = answer.events();
        let (last, before) = events.split_last().expect("events");
        assert!(caller.is_error(last), "{case} {last}");
        assert!(!before.iter().any(|event| caller.is_error(event)), "{case}");
        if caller == Api::Responses {
            assert_eq!(last["type"], "error", "{case}");
            assert_eq!(last["sequence_number"], before.len(), "{case}");
        }
        assert_eq!(stand.record(&ask).await["outcome"], outcome, "{case}");
    }
}

/// What the provider's API has no words for is named, and never sent.
async fn refusals(stand: &Stand) {
    for (caller, provider, field, value, param) in [
        (Api::Responses, Api::Chat, "store", json!(true), "store"),
        (
            Api::Responses,
            Api::Messages,
            "include",
            json!(["message.output_text.logprobs"]),
            "include[0]",
        ),
        (Api::Chat, Api::Responses, "stop", json!("x"), "stop"),
        (
            Api::Messages,
            Api::Responses,
            "stop_sequences",
            json!(["x"]),
            "stop_sequences",
        ),
    ] {
        let mut body = caller.body(provider.model(), "hi", false);
        body[field] = value;
        let ask = caller.ask(&body);
        let answer = stand.send(&ask).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (400, &json!("unsupported_by_provider"))
        );
        if caller != Api::Messages {
            assert_eq!(error["param"], param);
        }
        assert_eq!(stand.received(&ask).len(), 0);
    }
    // What names something stored is refused before anyone is asked.
    for field in ["previous_response_id", "conversation"] {
        let mut body = Api::Responses.body("by-chat", "hi", false);
        body[field] = json!("resp_1");
        let answer = stand.send(&Ask::response(&body)).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!(field))
        );
    }
    let mut body = Api::Responses.body("by-chat", "hi", false);
    body["metadata"] = json!({"a": "b"});
    let ask = Ask::response(&body);
    let answer = stand.send(&ask).await;
    assert_eq!(answer.header("x-tollgate-dropped"), "metadata");
    assert_eq!(stand.record(&ask).await["dropped"], json!(["metadata"]));
}

/// One call, first by Responses, then by messages; and what each says is left out is its own.
#[test]
fn fallback_between_responses_and_messages() {
    run(async {
        let mut policy = fleet_policy();
        policy["backends"]["openai"]["apis"] = json!(["responses"]);
        for model in ["smart", "light"] {
            policy["models"][model]["timeouts"] = json!({});
        }
        let fleet = Fleet::start(Config::fallback().policy(&policy, Form::Struct)).await;
        for caller in ALL {
            for stream in [false, true] {
                for (model, first, scripts) in [
                    ("smart", "openai", json!({})),
                    ("smart", "anthropic", json!({"a": {"status": 503}})),
                    ("smart", "anthropic", json!({"a": {"fault": "error"}})),
                    ("light", "openai", json!({"b": {"fault": "garbage"}})),
                ] {
                    let case = format!("{caller:?} {stream} {model} {scripts}");
                    let mut body = caller.body(model, "hi", stream);
                    body["top_k"] = json!(3);
                    let ask = caller.ask(&body).mock(&scripts);
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{case} {:?}", answer.body);
                    assert_eq!(answer.header("x-tollgate-backend"), first, "{case}");
                    let said = caller.whole(&answer, stream);
                    assert_eq!(
                        (said.text.as_str(), said.end.as_str()),
                        (TEXT, caller.ends()[0]),
                        "{case}"
                    );
                    let dropped = match (first, caller) {
                        // Its own API gets all fields.
                        ("openai", Api::Chat | Api::Messages) => "top_k",
                        _ => "",
                    };
                    assert_eq!(answer.header("x-tollgate-dropped"), dropped, "{case}");
                    let record = fleet.record(&ask).await;
                    assert_eq!(record["outcome"], "ok", "{case}");
                    assert_eq!(record["output_tokens"].as_u64(), said.output, "{case}");
                }
                // A target without words for something is not asked.
                if caller == Api::Messages {
                    let mut body = caller.body("smart", "hi", stream);
                    body["stop_sequences"] = json!(["x"]);
                    let ask = caller.ask(&body);
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.header("x-tollgate-backend"), "anthropic");
                    assert_eq!(fleet.tries(&ask), [0, 1]);
                }
            }
        }
    });
}
