/*! Chat completions, Responses and Anthropic's messages, each in front of providers that have only
another one, Gemini's `generateContent` or Bedrock's Converse. */

use mock_provider::Received;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Config, Fleet, Form, Stand, demo_policy, fleet_policy, run};

const TEXT: &str = "Hello from the mock provider. ";
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-v1:0";

/// An API, and the model whose provider has no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Chat,
    Responses,
    Messages,
}

const ALL: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    By(Api),
    Gemini,
    Bedrock,
}

const PROVIDERS: [Provider; 5] = [
    Provider::By(Api::Chat),
    Provider::By(Api::Responses),
    Provider::By(Api::Messages),
    Provider::Gemini,
    Provider::Bedrock,
];

impl Provider {
    const fn model(self) -> &'static str {
        match self {
            Self::By(Api::Chat) => "by-chat",
            Self::By(Api::Responses) => "by-responses",
            Self::By(Api::Messages) => "by-messages",
            Self::Gemini => "by-gemini",
            Self::Bedrock => "by-bedrock",
        }
    }

    const fn path(self, stream: bool) -> &'static str {
        match (self, stream) {
            (Self::By(api), _) => api.path(),
            (Self::Gemini, false) => "/v1beta/models/gemini-3-flash:generateContent",
            (Self::Gemini, true) => "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
            (Self::Bedrock, false) => "/model/us.anthropic.claude-sonnet-4-5-v1%3A0/converse",
            (Self::Bedrock, true) => "/model/us.anthropic.claude-sonnet-4-5-v1%3A0/converse-stream",
        }
    }
}

impl Api {
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
        "gemini": backend("gemini", Value::Null),
        "bedrock": backend("bedrock", Value::Null),
    });
    let target =
        |backend: &str, model: &str| json!({"targets": [{"backend": backend, "model": model}]});
    policy["models"] = json!({
        "by-chat": target("chat", "gpt-5.1"),
        "by-responses": target("responses", "gpt-5.1"),
        "by-messages": target("messages", "claude-sonnet-4-5"),
        "by-gemini": target("gemini", "gemini-3-flash"),
        "by-bedrock": target("bedrock", CLAUDE),
        "by-nova": target("bedrock", "us.amazon.nova-pro-v1:0"),
    });
    let models = json!([
        "by-chat",
        "by-responses",
        "by-messages",
        "by-gemini",
        "by-bedrock",
        "by-nova"
    ]);
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
            let other = |provider: &Provider| *provider != Provider::By(caller);
            for provider in PROVIDERS.into_iter().filter(other) {
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

#[test]
fn regression_amazon_takes_what_callers_may_say() {
    run(async {
        let mut policy = policy();
        // On the way in, files can't be looked into.
        policy["guardrails"].as_array_mut().unwrap().remove(0);
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        amazon_takes_all(&stand).await;
    });
}

/// What callers may say and Amazon refuses as it is: blank texts, ids of any letters, schemas without
/// a type, files alone, points anywhere, and tools that may not be called. The mock is as strict.
async fn amazon_takes_all(stand: &Stand) {
    let point = json!({"type": "ephemeral", "ttl": "1h"});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "AAAA"});
    let body = |model: &str, choice: &str, stream: bool| {
        json!({"model": model, "max_tokens": 100, "stream": stream,
        "system": [{"type": "text", "text": "s", "cache_control": point}],
        "tools": [{"name": "f", "input_schema": {}, "cache_control": point}],
        "tool_choice": {"type": choice},
        "messages": [
            {"role": "user", "content": [{"type": "document", "source": pdf}, {"type": "text", "text": " \n"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a.1", "name": "f", "input": {}},
                {"type": "tool_use", "id": "a_1", "name": "g", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a.1", "content": ""},
                {"type": "tool_result", "tool_use_id": "a_1", "content": "r", "cache_control": point}]},
        ]})
    };
    let script = json!({"text": "Write to bob@example.org now. ", "piece": 5});
    for model in ["by-bedrock", "by-nova"] {
        for (choice, stream) in [("auto", false), ("auto", true), ("none", false)] {
            let case = format!("{model} {choice} {stream}");
            let ask = Ask::messages(&body(model, choice, stream)).mock(&script);
            let (answer, received) = stand.pass(&ask).await;
            assert_eq!(answer.status, 200, "{case} {:?}", answer.body);
            let sent = received.json();
            assert_eq!(sent["toolConfig"].is_null(), choice == "none", "{case}");
            let cites = &sent["messages"][0]["content"][0]["document"]["citations"];
            assert_eq!(cites.is_null(), model == "by-nova", "{case}");
            // Texts that cite are guarded like others.
            let said = Api::Messages.whole(&answer, stream);
            assert!(!answer.text().contains("bob@example.org"), "{case}");
            assert!(said.text.starts_with("Write to "), "{case} {said:?}");
        }
    }
}

async fn texts(stand: &Stand, caller: Api, provider: Provider, stream: bool) {
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
    assert_eq!(received.line, format!("POST {}", provider.path(stream)));
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
    if provider == Provider::By(Api::Responses) {
        assert_eq!(
            (&sent["store"], &sent["tools"][0]["strict"]),
            (&json!(false), &json!(false)),
            "{case}"
        );
    }
}

async fn tools(stand: &Stand, caller: Api, provider: Provider, stream: bool) {
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
async fn masks(stand: &Stand, caller: Api, provider: Provider, stream: bool) {
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

async fn errors(stand: &Stand, caller: Api, provider: Provider, stream: bool) {
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
        Provider::By(Api::Messages) => "prompt is too long: 210000 tokens > 200000 maximum",
        Provider::By(_) => "This model's maximum context length is 8192 tokens.",
        Provider::Gemini => {
            "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."
        }
        Provider::Bedrock => "Input is too long for requested model.",
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
async fn early_ends(stand: &Stand, caller: Api, provider: Provider) {
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
        let mut body = caller.body(Provider::By(provider).model(), "hi", false);
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

/// `light` is Gemini's first, `smart` OpenAI's, at Google's path for it.
fn policy_of_google() -> Value {
    let mut policy = fleet_policy();
    policy["backends"]["anthropic"]["api"] = json!("gemini");
    policy["backends"]["openai"]["base_path"] = json!("/v1beta/openai");
    for (model, place) in [("smart", 1), ("light", 0)] {
        policy["models"][model]["targets"][place]["model"] = json!("gemini-3-flash");
    }
    policy
}

/// Behind a filter of its own, Gemini's API takes part in all that others do.
#[test]
fn fallback_from_and_to_gemini() {
    run(async {
        let fleet =
            Fleet::start(Config::fallback().policy(&policy_of_google(), Form::Struct)).await;
        for caller in ALL {
            for stream in [false, true] {
                for (model, first, scripts) in [
                    ("light", "anthropic", json!({})),
                    ("smart", "anthropic", json!({"a": {"status": 503}})),
                    ("light", "openai", json!({"b": {"status": 503}})),
                    ("light", "openai", json!({"b": {"fault": "error"}})),
                    ("light", "openai", json!({"b": {"fault": "garbage"}})),
                    ("light", "openai", json!({"b": {"fault": "empty"}})),
                ] {
                    let case = format!("{caller:?} {stream} {model} {scripts}");
                    let ask = caller.ask(&caller.body(model, "hi", stream));
                    let ask = ask.mock(&scripts);
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{case} {:?}", answer.body);
                    assert_eq!(answer.header("x-tollgate-backend"), first, "{case}");
                    let said = caller.whole(&answer, stream);
                    assert_eq!(
                        (said.text.as_str(), said.end.as_str()),
                        (TEXT, caller.ends()[0]),
                        "{case}"
                    );
                    let record = fleet.record(&ask).await;
                    assert_eq!(record["outcome"], "ok", "{case}");
                    assert_eq!(record["output_tokens"].as_u64(), said.output, "{case}");
                    let received = fleet.received("b", &ask);
                    let path = Provider::Gemini.path(stream);
                    assert_eq!(received[0].line, format!("POST {path}"), "{case}");
                }
                google_refuses(&fleet, caller, stream).await;
            }
        }
        other_calls(&fleet).await;
        crate::sdk::python_at(fleet.envoy.port(), "test_pairings.py").await;
    });
}

/// Errors that the caller is told, in Google's words.
async fn google_refuses(fleet: &Fleet, caller: Api, stream: bool) {
    let error = |code: u16, status: &str, details: Value| {
        let error = json!({"code": code, "message": "no", "status": status, "details": details});
        json!({"status": code, "body": json!({"error": error}).to_string()})
    };
    let wait = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.5s"}]);
    let key = json!([{"reason": "API_KEY_INVALID"}]);
    for (script, status, backends) in [
        (error(400, "INVALID_ARGUMENT", json!([])), 400, [0, 1]),
        (error(400, "INVALID_ARGUMENT", key), 200, [1, 1]),
        (error(429, "RESOURCE_EXHAUSTED", wait.clone()), 200, [1, 1]),
    ] {
        let case = format!("{caller:?} {stream} {script}");
        let ask = caller.ask(&caller.body("light", "hi", stream));
        let ask = ask.mock(&json!({"b": script}));
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, status, "{case} {:?}", answer.body);
        let tries = ["a", "b"].map(|mock| fleet.received(mock, &ask).len());
        assert_eq!(tries, backends, "{case}");
        if status == 400 {
            assert!(caller.is_error(&answer.json()), "{case}");
        }
    }
    let script = error(429, "RESOURCE_EXHAUSTED", wait);
    let ask = caller.ask(&caller.body("light", "hi", stream));
    let ask = ask.mock(&json!({"a": {"status": 503}, "b": script}));
    let answer = fleet.send(&ask).await;
    assert_eq!(fleet.tries(&ask), [1, 1], "{caller:?} {stream}");
    assert!(caller.is_error(&answer.json()), "{caller:?} {stream}");
    let record = fleet.record(&ask).await;
    assert_ne!(record["outcome"], "ok", "{caller:?} {stream}");
}

/// What Gemini's API is not asked for.
async fn other_calls(fleet: &Fleet) {
    let body = json!({"model": "light", "input": "hi"});
    let ask = Ask::chat(&body).path("/v1/embeddings");
    let answer = fleet.send(&ask).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(fleet.tries(&ask), [1, 0]);
    let received = fleet.received("a", &ask);
    assert_eq!(received[0].line, "POST /v1beta/openai/embeddings");
    let body = json!({"model": "light", "messages": [{"role": "user", "content": "hi"}]});
    let ask = Ask::messages(&body).path("/v1/messages/count_tokens");
    let answer = fleet.send(&ask).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert!(
        answer.json()["input_tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 0)
    );
    assert_eq!(fleet.tries(&ask), [0, 0]);
    // Of two targets, one has no words for it.
    let mut body = Api::Chat.body("light", "hi", false);
    body["n"] = json!(2);
    let ask = Ask::chat(&body);
    let answer = fleet.send(&ask).await;
    assert_eq!(answer.header("x-tollgate-backend"), "openai");
    assert_eq!(fleet.tries(&ask), [1, 0]);
    // What is dropped is told.
    let mut body = Api::Chat.body("light", "hi", false);
    body["user"] = json!("u");
    let answer = fleet.send(&Ask::chat(&body)).await;
    assert_eq!(answer.header("x-tollgate-backend"), "anthropic");
    assert_eq!(answer.header("x-tollgate-dropped"), "user");
}

/// The keys that Amazon's documents use.
const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// `light` is Bedrock's first, behind Envoy's filter that signs, `smart` OpenAI's.
fn config_of_amazon() -> Config {
    let mut policy = fleet_policy();
    policy["backends"]["anthropic"]["api"] = json!("bedrock");
    policy["fallback"]["content_policy"] = json!(true);
    for (model, place) in [("smart", 1), ("light", 0)] {
        policy["models"][model]["targets"][place]["model"] = json!(CLAUDE);
    }
    let Config(text) = Config::fallback().policy(&policy, Form::Struct);
    let (before, cluster) = text.split_once("  - name: anthropic\n").unwrap();
    let injector = "        - name: envoy.filters.http.credential_injector\n";
    let codec = "        - name: envoy.filters.http.upstream_codec\n";
    let (head, rest) = cluster.split_once(injector).unwrap();
    let (_, rest) = rest.split_once(codec).unwrap();
    let signing = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.aws_request_signing.v3.AwsRequestSigning",
        "service_name": "bedrock",
        "region": "us-east-1",
        "credential_provider": {"inline_credential": {"access_key_id": KEY_ID, "secret_access_key": SECRET}},
        "match_excluded_headers": [{"prefix": "x-envoy-"}, {"exact": "x-request-id"}],
    });
    let name = "envoy.filters.http.aws_request_signing";
    let signing = format!("        - {{ name: {name}, typed_config: {signing} }}\n");
    Config(format!(
        "{before}  - name: anthropic\n{head}{signing}{codec}{rest}"
    ))
}

/// Behind a filter of its own and in front of one that signs, Bedrock's API takes part in all that
/// others do.
#[test]
fn fallback_from_and_to_bedrock() {
    run(async {
        let fleet = Fleet::start(config_of_amazon()).await;
        let guarded = json!({"text": "Sorry.", "stop": "guardrail_intervened"});
        for caller in ALL {
            for stream in [false, true] {
                for (model, first, scripts) in [
                    ("light", "anthropic", json!({})),
                    ("smart", "anthropic", json!({"a": {"status": 503}})),
                    ("light", "openai", json!({"b": {"status": 503}})),
                    ("light", "openai", json!({"b": {"fault": "error"}})),
                    ("light", "openai", json!({"b": {"fault": "garbage"}})),
                    ("light", "openai", json!({"b": {"fault": "empty"}})),
                    ("light", "openai", json!({"b": guarded})),
                ] {
                    let case = format!("{caller:?} {stream} {model} {scripts}");
                    let ask = caller.ask(&caller.body(model, "hi", stream));
                    let ask = ask.mock(&scripts);
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{case} {:?}", answer.body);
                    assert_eq!(answer.header("x-tollgate-backend"), first, "{case}");
                    let said = caller.whole(&answer, stream);
                    assert_eq!(
                        (said.text.as_str(), said.end.as_str()),
                        (TEXT, caller.ends()[0]),
                        "{case}"
                    );
                    let record = fleet.record(&ask).await;
                    assert_eq!(record["outcome"], "ok", "{case}");
                    assert_eq!(record["output_tokens"].as_u64(), said.output, "{case}");
                    let received = fleet.received("b", &ask);
                    let path = Provider::Bedrock.path(stream);
                    assert_eq!(received[0].line, format!("POST {path}"), "{case}");
                    assert_eq!(
                        signature(&received[0]),
                        signed(&received[0], path),
                        "{case}"
                    );
                    // No signature goes on to another provider.
                    for other in fleet.received("a", &ask) {
                        assert_eq!(other.header("x-amz-date"), "", "{case}");
                        assert!(!other.header("authorization").contains("AWS4"), "{case}");
                    }
                }
                amazon_refuses(&fleet, caller, stream).await;
            }
        }
        crate::sdk::python_at(fleet.envoy.port(), "test_pairings.py").await;
    });
}

/// Errors in Amazon's words.
async fn amazon_refuses(fleet: &Fleet, caller: Api, stream: bool) {
    for (status, kind, backends) in [
        (400, "ValidationException", [0, 1]),
        (400, "ThrottlingException:http://x", [1, 1]),
        (403, "ExpiredTokenException", [1, 1]),
        (424, "ModelErrorException", [1, 1]),
    ] {
        let case = format!("{caller:?} {stream} {kind}");
        let script = json!({"status": status, "headers": {"x-amzn-errortype": kind}, "text": "no"});
        let ask = caller.ask(&caller.body("light", "hi", stream));
        let ask = ask.mock(&json!({"b": script}));
        let answer = fleet.send(&ask).await;
        // Only then is it known how the target does, which the next call goes by.
        fleet.record(&ask).await;
        let tries = ["a", "b"].map(|mock| fleet.received(mock, &ask).len());
        assert_eq!(tries, backends, "{case} {:?}", answer.body);
        match backends {
            [0, _] => {
                assert_eq!(answer.status, 400, "{case}");
                assert!(caller.is_error(&answer.json()), "{case}");
            }
            _ => assert_eq!(answer.status, 200, "{case}"),
        }
    }
}

/// A member of the header that signs.
fn member(received: &Received, name: &str) -> String {
    let header = received.header("authorization");
    let (_, rest) = header.split_once(&format!("{name}=")).expect(header);
    rest.split(',').next().unwrap_or_default().to_owned()
}

fn signature(received: &Received) -> String {
    member(received, "Signature")
}

/// What the signature has to be (AWS's reference, "Create a signed AWS API request").
fn signed(received: &Received, path: &str) -> String {
    let hash = hex(digest(&SHA256, &received.body).as_ref());
    assert_eq!(received.header("x-amz-content-sha256"), hash);
    let credential = member(received, "Credential");
    let (id, scope) = credential.split_once('/').expect("a scope");
    assert_eq!(id, KEY_ID);
    let names = member(received, "SignedHeaders");
    let headers = names.split(';').map(|name| match name {
        "host" => format!("host:{}\n", received.authority),
        name => format!("{name}:{}\n", received.header(name)),
    });
    let headers: String = headers.collect();
    // Encoded once more.
    let path = path.replace('%', "%25");
    let request = format!("POST\n{path}\n\n{headers}\n{names}\n{hash}");
    let request = hex(digest(&SHA256, request.as_bytes()).as_ref());
    let date = received.header("x-amz-date");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{request}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part.as_bytes());
    }
    hex(&mac(&key, text.as_bytes()))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
