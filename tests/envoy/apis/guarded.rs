/*! Guardrails: masked, restored and blocked, whole and in streams of every cut. */

use super::{Api, BOTH};
use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Form, Lease, Stand, demo_policy, run};

const MAIL: &str = "quilliam@zwexford.org";
const OTHER: &str = "drusilla@kwolek.org";
const SECRET: &str = "ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS";

async fn guarded() -> Lease<Stand> {
    let mut policy = demo_policy();
    policy["guardrails"] = json!([
        {"name": "pii-in", "phase": "input", "detect": "personal_data", "action": "mask",
         "restore": {"key": "a key for the tests of restoring"}},
        {"name": "secrets", "phase": "both", "detect": "secrets", "action": "block"},
        {"name": "pii-out", "phase": "output", "detect": "personal_data", "action": "mask"},
    ]);
    Stand::of(Config::gateway().policy(&policy, Form::Struct)).await
}

/// How a stream is cut: characters of text in an event, and bytes of a piece.
const CUTS: [(Option<usize>, usize); 4] =
    [(None, 5000), (Some(1), 41), (Some(3), 7), (Some(7), 190)];

fn cut(mut script: Value, (chars, piece): (Option<usize>, usize)) -> Value {
    script["piece"] = json!(piece);
    if let Some(chars) = chars {
        script["chars"] = json!(chars);
    }
    script
}

/// All strings of a JSON document.
fn strings(value: &Value) -> String {
    value.to_string()
}

#[test]
fn what_a_model_says_is_masked() {
    run(async {
        let stand = guarded().await;
        let script = json!({"text": format!("Write to {OTHER}, \"soon\".\nBye")});
        let masked = "Write to <EMAIL_ADDRESS>, \"soon\".\nBye";
        for api in BOTH {
            let ask = api.ask(&api.body("hi", false)).mock(&script);
            let answer = stand.send(&ask).await.json();
            assert_eq!(api.said(&answer), masked);
            assert!(!strings(&answer).contains(OTHER));
            for piece in CUTS {
                let ask = api
                    .ask(&api.body("hi", true))
                    .mock(&cut(script.clone(), piece));
                let answer = stand.send(&ask).await;
                api.check(&answer);
                assert_eq!(api.streamed(&answer.events()), masked, "{api:?} {piece:?}");
                assert!(!answer.text().contains("kwolek"), "{}", answer.text());
                let record = stand.record(&ask).await;
                // Texts that are repeated count once.
                let found = &record["guardrails"][0]["found"];
                assert_eq!(found, &json!({"EMAIL_ADDRESS": 1}), "{record}");
            }
        }
    });
}

#[test]
fn what_the_caller_said_is_hidden_from_the_provider_and_comes_back() {
    run(async {
        let stand = guarded().await;
        for api in BOTH {
            for stream in [false, true] {
                for piece in CUTS {
                    let mut body = api.body(&format!("I am {MAIL}."), stream);
                    body["mock_echo"] = json!(format!("Hello {MAIL}!"));
                    let ask = api.ask(&body).mock(&cut(json!({}), piece));
                    let (answer, received) = stand.pass(&ask).await;
                    let sent = received.json();
                    assert!(!strings(&sent).contains("zwexford"), "{sent}");
                    let said = if stream {
                        api.check(&answer);
                        api.streamed(&answer.events())
                    } else {
                        api.said(&answer.json())
                    };
                    assert_eq!(said, format!("Hello {MAIL}!"), "{api:?} {piece:?}");
                }
            }
        }
    });
}

/// The last event of a response says all of it again.
#[test]
fn regression_a_response_may_be_longer_than_a_mebibyte() {
    run(async {
        let text = format!("Hello {MAIL}! ") + &"The sea was calm at noon. ".repeat(60_000);
        let mut body = Api::Responses.body(&format!("I am {MAIL}."), true);
        body["mock_echo"] = json!(text);
        let plain = Stand::of(Config::gateway().policy(&demo_policy(), Form::Struct)).await;
        for (stand, guards) in [(guarded().await, true), (plain, false)] {
            let ask = Ask::response(&body).mock(&json!({"chars": 50_000}));
            let (answer, received) = stand.pass(&ask).await;
            assert_eq!(strings(&received.json()).contains(MAIL), !guards);
            let events = answer.events();
            assert_eq!(Api::Responses.streamed(&events), text);
            let last = events.last().unwrap();
            assert_eq!(last["type"], "response.completed");
            assert!(last.to_string().len() > 1024 * 1024);
            assert_eq!(Api::Responses.said(&last["response"]), text);
            let record = stand.record(&ask).await;
            assert_eq!(
                (&record["outcome"], &record["usage"]),
                (&json!("ok"), &json!("reported"))
            );
        }
    });
}

#[test]
fn tool_arguments_are_json_and_reasoning_is_text() {
    run(async {
        let stand = guarded().await;
        let mut body = Api::Responses.body(&format!("I am {MAIL}."), true);
        body["tools"] = json!([{"type": "function", "name": "send", "parameters": {}}]);
        body["mock_arguments"] = json!(json!({"from": format!("\"{MAIL}\""), "n": 1}).to_string());
        for piece in CUTS {
            let script = cut(
                json!({"tools": 2, "reasoning": format!("I ask {OTHER} first ")}),
                piece,
            );
            let answer = stand.send(&Ask::response(&body).mock(&script)).await;
            Api::Responses.check(&answer);
            assert!(!answer.text().contains("kwolek"));
            let output = answer.events().pop().unwrap()["response"]["output"].take();
            assert_eq!(
                output[0]["summary"][0]["text"],
                "I ask <EMAIL_ADDRESS> first "
            );
            for call in [&output[1], &output[2]] {
                let arguments: Value =
                    serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
                assert_eq!(arguments, json!({"from": format!("\"{MAIL}\""), "n": 1}));
            }
        }
    });
}

#[test]
fn a_block_ends_an_answer() {
    run(async {
        let stand = guarded().await;
        let script = json!({"text": format!("It is so: {SECRET} {}", "and more ".repeat(30))});
        for (api, word) in [
            (Api::Completions, "content_filter"),
            (Api::Responses, "content_filter"),
        ] {
            let ask = api.ask(&api.body("hi", false)).mock(&script);
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 200);
            let whole = answer.json();
            assert!(!strings(&whole).contains("ghp_"), "{whole}");
            let reason = match api {
                Api::Completions => &whole["choices"][0]["finish_reason"],
                Api::Responses => &whole["incomplete_details"]["reason"],
            };
            assert_eq!(reason, word, "{whole}");
            assert_eq!(stand.record(&ask).await["outcome"], "guardrail_blocked");
            for piece in CUTS {
                let mut body = api.body("hi", true);
                body[api.bound()] = json!(100);
                let ask = api.ask(&body).mock(&cut(script.clone(), piece));
                let answer = stand.send(&ask).await;
                assert!(!answer.text().contains("ghp_"), "{}", answer.text());
                api.check(&answer);
                assert_eq!(api.streamed(&answer.events()), "It is so: ", "{piece:?}");
                let last = answer.events().pop().unwrap();
                let reason = match api {
                    Api::Completions => &last["choices"][0]["finish_reason"],
                    Api::Responses => &last["response"]["incomplete_details"]["reason"],
                };
                assert_eq!(reason, word, "{last}");
                assert_eq!(stand.record(&ask).await["outcome"], "guardrail_blocked");
            }
        }
    });
}

#[test]
fn a_blocked_request_never_leaves() {
    run(async {
        let stand = guarded().await;
        for api in BOTH {
            let ask = api.ask(&api.body(&format!("It is {SECRET}"), false));
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "content_filter")
            );
            assert!(stand.received(&ask).is_empty() && !answer.text().contains("ghp_"));
        }
    });
}

#[test]
fn what_nobody_can_read_is_refused() {
    run(async {
        let stand = guarded().await;
        let message = |part: Value| json!([{"role": "user", "content": [part]}]);
        let refused = [
            (Api::Completions, "prompt", json!([1, 2, 3])),
            (Api::Completions, "prompt", json!([[1, 2], [3]])),
            (
                Api::Responses,
                "input",
                message(json!({"type": "input_image", "image_url": "https://example.org/a.png"})),
            ),
            (
                Api::Responses,
                "input",
                message(json!({"type": "input_file", "file_id": "file-1"})),
            ),
            (
                Api::Responses,
                "input",
                message(
                    json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}),
                ),
            ),
            (Api::Responses, "tools", json!([{"type": "web_search"}])),
            (
                Api::Responses,
                "tools",
                json!([{"type": "mcp", "server_label": "x", "server_url": "https://example.org"}]),
            ),
        ];
        for (api, name, value) in refused {
            let mut body = api.body("hi", false);
            body[name] = value;
            let ask = api.ask(&body);
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 400, "{body}");
            assert!(
                answer.code().starts_with("unscannable"),
                "{}",
                answer.text()
            );
            assert!(stand.received(&ask).is_empty());
        }
    });
}
