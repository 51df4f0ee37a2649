/*! What each provider gets of a call, and what its caller is told: variants of OpenAI's
protocol, headers of one protocol, names of models, coding agents. */

use serde_json::{Value, json};
use std::io::Write;
use tollgate_tests::{Answer, Ask, Config, Fleet, Form, Lease, Speaks, fleet_policy, run};

async fn fleet(policy: &Value) -> Lease<Fleet> {
    Fleet::of(Config::fallback().policy(policy, Form::Struct)).await
}

fn call(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream,
           "messages": [{"role": "user", "content": "hi"}]})
}

/// The models with their first and second mocks.
const MODELS: [(&str, [&str; 2]); 2] = [("smart", ["a", "b"]), ("light", ["b", "a"])];

#[test]
fn azure_gets_its_path_and_only_what_it_knows() {
    run(async {
        let mut policy = fleet_policy();
        let openai = &mut policy["backends"]["openai"];
        openai["azure"] = json!({"api_version": "2024-10-21"});
        openai["remove_fields"] = json!(["stream_options", "seed", "user"]);
        openai["max_tokens_field"] = json!("max_completion_tokens");
        let fleet = fleet(&policy).await;
        for caller in Speaks::ALL {
            for (model, [first, _]) in MODELS {
                let mut body = call(model, true);
                if caller == Speaks::OpenAi {
                    body["seed"] = json!(1);
                    body["user"] = json!("somebody");
                } else {
                    body["metadata"] = json!({"user_id": "somebody"});
                }
                let mut scripts = json!({});
                if first == "b" {
                    scripts["b"] = json!({"status": 500});
                }
                let ask = caller.ask(&body).path(match caller {
                    Speaks::OpenAi => "/v1/chat/completions?api-version=of-the-caller",
                    Speaks::Anthropic => "/v1/messages?beta=true",
                });
                let answer = fleet.send(&ask.clone().mock(&scripts)).await;
                assert_eq!(answer.status, 200, "{:?}", answer.body);
                let received = fleet.received("a", &ask).remove(0);
                assert_eq!(
                    received.line,
                    "POST /openai/deployments/gpt-5.1/chat/completions?api-version=2024-10-21"
                );
                let sent = received.json();
                let mut fields: Vec<&String> = sent.as_object().unwrap().keys().collect();
                fields.sort();
                assert_eq!(
                    fields,
                    ["max_completion_tokens", "messages", "model", "stream"]
                );
                assert_eq!(sent["max_completion_tokens"], 100);
            }
        }
    });
}

#[test]
fn old_servers_get_max_tokens() {
    run(async {
        let mut policy = fleet_policy();
        let openai = &mut policy["backends"]["openai"];
        openai["max_tokens_field"] = json!("max_tokens");
        openai["base_path"] = json!("/api/v3");
        let fleet = fleet(&policy).await;
        let mut body = call("smart", false);
        body["max_tokens"] = Value::Null;
        body["max_completion_tokens"] = json!(100);
        for ask in [Ask::chat(&body), Ask::messages(&call("smart", false))] {
            assert_eq!(fleet.send(&ask).await.status, 200);
            let received = fleet.received("a", &ask).remove(0);
            assert_eq!(received.line, "POST /api/v3/chat/completions");
            let sent = received.json();
            assert_eq!(sent["max_tokens"], 100, "{sent}");
            assert_eq!(sent.get("max_completion_tokens"), None, "{sent}");
        }
    });
}

#[test]
fn callers_are_told_the_virtual_name_if_the_policy_says_so() {
    run(async {
        let mut policy = fleet_policy();
        for model in ["smart", "light"] {
            policy["models"][model]["answer_model"] = json!("virtual");
        }
        let fleet = fleet(&policy).await;
        for caller in Speaks::ALL {
            for (model, [first, _]) in MODELS {
                for stream in [false, true] {
                    for fault in [json!({}), json!({"status": 500})] {
                        let ask = caller
                            .ask(&call(model, stream))
                            .mock(&json!({first: fault}));
                        let answer = fleet.send(&ask).await;
                        let what = format!("{caller:?} {model} {stream} {fault}");
                        assert_eq!(answer.status, 200, "{what}");
                        assert_eq!(answer.header("x-tollgate-model"), model, "{what}");
                        let names = caller.models(&answer, stream);
                        assert!(!names.is_empty(), "{what}");
                        assert!(names.iter().all(|name| name == model), "{what} {names:?}");
                        let text = answer.text();
                        assert!(
                            !text.contains("gpt-") && !text.contains("claude-"),
                            "{text}"
                        );
                    }
                }
            }
        }
    });
}

#[test]
fn what_was_left_out_is_told() {
    run(async {
        let fleet = fleet(&fleet_policy()).await;
        for (model, [first, _]) in MODELS {
            for moves in [false, true] {
                let mut body = call(model, false);
                body["seed"] = json!(1);
                body["logit_bias"] = json!({});
                let fault = json!({"status": if moves { 500 } else { 200 }});
                let ask = Ask::chat(&body).mock(&json!({first: fault}));
                let answer = fleet.send(&ask).await;
                assert_eq!(answer.status, 200, "{:?}", answer.body);
                let anthropic = (first == "b") != moves;
                let record = fleet.record(&ask).await;
                if anthropic {
                    assert_eq!(answer.header("x-tollgate-dropped"), "seed");
                    assert_eq!(record["dropped"], json!(["seed"]));
                } else {
                    assert!(!answer.headers.contains_key("x-tollgate-dropped"));
                    assert_eq!(record.get("dropped"), None);
                }
            }
        }
    });
}

#[test]
fn what_cannot_be_said_goes_only_where_it_can() {
    run(async {
        let mut policy = fleet_policy();
        let anthropic = policy["models"]["light"]["targets"][0].clone();
        policy["models"]["claude"] = json!({"targets": [anthropic]});
        policy["tenants"]["acme"]["models"] = json!(["smart", "light", "claude"]);
        let fleet = fleet(&policy).await;
        let mut body = call("light", false);
        body["n"] = json!(2);
        let ask = Ask::chat(&body);
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(answer.json()["choices"].as_array().unwrap().len(), 2);
        assert_eq!(fleet.tries(&ask), [1, 0], "Anthropic gives one answer only");
        body["model"] = json!("claude");
        let ask = Ask::chat(&body);
        let answer = fleet.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "unsupported_by_provider")
        );
        assert_eq!(answer.json()["error"]["param"], "n");
        assert_eq!(fleet.tries(&ask), [0, 0]);
    });
}

/// Headers of a protocol reach its providers, and no others, wherever a call went before.
#[test]
fn headers_of_a_protocol_stay_in_it() {
    run(async {
        let fleet = fleet(&fleet_policy()).await;
        for caller in Speaks::ALL {
            for (model, [first, second]) in MODELS {
                let ask = caller
                    .ask(&call(model, false))
                    .header("openai-beta", "assistants=v2")
                    .header("anthropic-beta", "context-1m-2025-08-07")
                    .header("idempotency-key", "one-of-the-caller")
                    .header("x-stainless-lang", "python")
                    .mock(&json!({first: {"status": 500}}));
                // Without it, the shape of the answer would be Anthropic's too.
                let ask = match caller {
                    Speaks::OpenAi => ask.without("anthropic-version"),
                    Speaks::Anthropic => ask.header("anthropic-version", "2023-01-01"),
                };
                assert_eq!(fleet.send(&ask).await.status, 200);
                for mock in [first, second] {
                    let received = fleet.received(mock, &ask).remove(0);
                    let of = |name: &str| received.header(name).to_owned();
                    // Another tenant could have the same key, at the same account.
                    assert_eq!(of("idempotency-key"), "");
                    assert_eq!(of("x-stainless-lang"), "python");
                    let own = |speaks, value: &str| {
                        let passes =
                            caller == speaks && (mock == "a") == (speaks == Speaks::OpenAi);
                        (if passes { value } else { "" }).to_owned()
                    };
                    let what = format!("{caller:?} {model} {mock}");
                    let beta = own(Speaks::OpenAi, "assistants=v2");
                    assert_eq!(of("openai-beta"), beta, "{what}");
                    let beta = own(Speaks::Anthropic, "context-1m-2025-08-07");
                    assert_eq!(of("anthropic-beta"), beta, "{what}");
                    let version = match (mock, caller) {
                        ("a", _) => "",
                        (_, Speaks::OpenAi) => "2023-06-01",
                        (_, Speaks::Anthropic) => "2023-01-01",
                    };
                    assert_eq!(of("anthropic-version"), version, "{what}");
                }
            }
        }
    });
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A coding agent's request: tools, marks for the cache, 2 MB of sources.
fn agent(model: &str) -> Value {
    let cache = json!({"type": "ephemeral"});
    let source: String = (0..80_000)
        .map(|number| format!("let value_{number} = {};\n", number * 7))
        .collect();
    let tool = |name: &str| {
        json!({"name": name, "description": "Works on files.",
               "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}})
    };
    let mut last = tool("write_file");
    last["cache_control"] = cache.clone();
    json!({
        "model": model, "max_tokens": 1000, "stream": true,
        "system": [{"type": "text", "text": "You write programs.", "cache_control": cache}],
        "tools": [tool("read_file"), last],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": source, "cache_control": cache}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_a", "name": "read_file", "input": {"path": "a"}},
                {"type": "tool_use", "id": "toolu_b", "name": "read_file", "input": {"path": "b"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_a", "content": "one"},
                {"type": "tool_result", "tool_use_id": "toolu_b", "content": "two", "is_error": true},
            ]},
        ],
    })
}

/// The calls of tools in a stream of Anthropic's: name and whole input, by block.
fn tool_calls(answer: &Answer) -> Vec<(String, Value)> {
    let mut calls: Vec<(u64, String, String)> = Vec::new();
    for event in answer.events() {
        let index = event["index"].as_u64().unwrap_or_default();
        if event["content_block"]["type"] == "tool_use" {
            let name = event["content_block"]["name"].as_str().unwrap();
            calls.push((index, name.to_owned(), String::new()));
        }
        if let Some(part) = event["delta"]["partial_json"].as_str() {
            let call = calls.iter_mut().find(|(known, ..)| *known == index);
            call.expect("a block that has begun").2.push_str(part);
        }
    }
    let whole = calls.into_iter();
    whole
        .map(|(_, name, input)| (name, serde_json::from_str(&input).expect("whole JSON")))
        .collect()
}

#[test]
fn a_coding_agent_works_with_either_provider() {
    run(async {
        let fleet = fleet(&fleet_policy()).await;
        for (model, [first, second]) in MODELS {
            let body = agent(model);
            let text = body.to_string();
            assert!(text.len() > 2_000_000, "{}", text.len());
            let scripts = json!({first: {"status": 529}, second: {"tools": 2, "piece": 100}});
            let ask = Ask::messages(&body)
                .body(gzipped(text.as_bytes()))
                .header("content-encoding", "gzip")
                .header("anthropic-beta", "fine-grained-tool-streaming-2025-05-14")
                .mock(&scripts);
            let answer = fleet.send(&ask).await;
            assert_eq!(
                (answer.status, answer.complete),
                (200, true),
                "{:?}",
                answer.body
            );
            assert_eq!(fleet.tries(&ask), [1, 1]);
            let calls = tool_calls(&answer);
            let names: Vec<&str> = calls.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["read_file", "write_file"]);
            assert!(
                calls.iter().all(|(_, input)| input.is_object()),
                "{calls:?}"
            );
            let last = answer.events().pop().unwrap();
            assert_eq!(last["type"], "message_stop");
            // Anthropic's provider: nothing but the model is another.
            let mut sent = fleet.received("b", &ask).remove(0).json();
            sent["model"] = json!(model);
            assert!(sent == body, "the request is changed");
            let sent = fleet.received("a", &ask).remove(0);
            assert_eq!(sent.header("content-encoding"), "");
            check_translated(&sent.json(), &body);
        }
    });
}

fn check_translated(sent: &Value, body: &Value) {
    assert!(!sent.to_string().contains("cache_control"));
    assert_eq!(sent["tools"][1]["function"]["name"], "write_file");
    let messages = sent["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().filter_map(|m| m["role"].as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
    let source = &body["messages"][0]["content"][0]["text"];
    let content = &messages[1]["content"];
    assert!(content == source || content[0]["text"] == *source);
    let ids = [0, 1].map(|index| messages[2]["tool_calls"][index]["id"].clone());
    let results = [3, 4].map(|index| messages[index]["tool_call_id"].clone());
    assert_eq!(ids, results);
    assert_eq!(messages[4]["content"], "two");
}

#[test]
fn other_paths_pass_where_calls_may_move_on() {
    run(async {
        let mut policy = fleet_policy();
        policy["other_paths"] = json!({"pass": "openai"});
        let fleet = fleet(&policy).await;
        let ask = Ask::new("POST", "/v1/rerank?key=secret&x=1")
            .key("demo-acme-key")
            .header("content-type", "application/json")
            .header("openai-beta", "assistants=v2")
            .body("{ not even JSON");
        for (status, tries) in [(200, [1, 0]), (500, [1, 0]), (429, [1, 0])] {
            let ask = ask
                .clone()
                .header("x-request-id", &format!("other-{status}"));
            let ask = ask.mock(&json!({"status": status}));
            let answer = fleet.send(&ask).await;
            assert_eq!(answer.status, status, "{:?}", answer.body);
            let id = format!("other-{status}");
            let received = |mock: &str| {
                let mock = fleet.mock(mock);
                mock.received(|received| received.header("x-request-id") == id)
            };
            assert_eq!([received("a").len(), received("b").len()], tries);
            let received = received("a").remove(0);
            assert_eq!(received.line, "POST /v1/rerank?x=1");
            assert_eq!(received.body, "{ not even JSON");
            assert_eq!(received.authority, "openai.provider");
            assert_eq!(received.header("authorization"), "Bearer openai-demo-key");
            assert_eq!(received.header("openai-beta"), "assistants=v2");
            assert_eq!(answer.header("x-tollgate-backend"), "openai");
            assert_eq!(answer.header("x-tollgate-internal-retry"), "");
            let record = fleet.envoy.record(&id).await["tollgate"].take();
            let wanted = if status == 200 {
                "ok"
            } else {
                "upstream_error"
            };
            assert_eq!(
                (&record["outcome"], &record["backend"]),
                (&json!(wanted), &json!("openai"))
            );
        }
        // What Tollgate serves is still read.
        let ask = Ask::chat(&call("smart", false)).mock(&json!({"a": {"status": 500}}));
        assert_eq!(fleet.send(&ask).await.status, 200);
        assert_eq!(fleet.tries(&ask), [1, 1]);
    });
}
