/*! OpenAI's completions and Responses: what chat completions can do, they can. */

mod faults;
mod guarded;
mod limited;

use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Config, Form, Protocol, Stand, demo_policy, run};

/// One of the two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Completions,
    Responses,
}

const BOTH: [Api; 2] = [Api::Completions, Api::Responses];

impl Api {
    fn path(self) -> &'static str {
        match self {
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
        }
    }

    fn operation(self) -> &'static str {
        match self {
            Self::Completions => "text_completion",
            Self::Responses => "responses",
        }
    }

    /// A call that says `text`.
    fn body(self, text: &str, stream: bool) -> Value {
        let mut body = json!({"model": "smart", "stream": stream});
        let prompt = match self {
            Self::Completions => "prompt",
            Self::Responses => "input",
        };
        body[prompt] = json!(text);
        body
    }

    /// The name of the field that bounds answers.
    fn bound(self) -> &'static str {
        match self {
            Self::Completions => "max_tokens",
            Self::Responses => "max_output_tokens",
        }
    }

    fn ask(self, body: &Value) -> Ask {
        Ask::chat(body).path(self.path())
    }

    /// What a whole answer says.
    fn said(self, answer: &Value) -> String {
        let text = match self {
            Self::Completions => &answer["choices"][0]["text"],
            Self::Responses => &answer["output"][0]["content"][0]["text"],
        };
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What a stream says, piece by piece.
    fn streamed(self, events: &[Value]) -> String {
        let piece = |event: &Value| match self {
            Self::Completions => event["choices"][0]["text"].as_str().map(str::to_owned),
            Self::Responses => {
                let text = event["type"] == "response.output_text.delta";
                let delta = event["delta"].as_str().filter(|_| text);
                delta.map(str::to_owned)
            }
        };
        events.iter().filter_map(piece).collect()
    }

    /// Checks that a stream is whole, and as its API demands.
    fn check(self, answer: &Answer) {
        let text = answer.text();
        match self {
            Self::Completions => assert!(text.ends_with("data: [DONE]\n\n"), "{text}"),
            Self::Responses => check_events(&answer.events()),
        }
    }
}

/// Checks the numbers of a stream's events, and that what is said again is what was said.
fn check_events(events: &[Value]) {
    let mut said = std::collections::HashMap::<String, String>::new();
    let mut last = None;
    for event in events {
        let number = event["sequence_number"].as_u64();
        assert!(number.is_some() && number > last, "{last:?} {event}");
        last = number;
        let kind = event["type"].as_str().expect("a type");
        let Some((text, end)) = kind.rsplit_once('.') else {
            continue;
        };
        let key = format!(
            "{text} {} {}",
            event["output_index"], event["content_index"]
        );
        match end {
            "delta" => said
                .entry(key)
                .or_default()
                .push_str(event["delta"].as_str().expect("a text")),
            "done" if said.contains_key(&key) => {
                let whole = ["text", "arguments", "refusal"].map(|name| event[name].as_str());
                let whole = whole.into_iter().flatten().next();
                assert_eq!(whole, Some(said[&key].as_str()), "{kind}");
            }
            _ => {}
        }
    }
    let ends = ["response.completed", "response.incomplete"];
    let kind = events.last().map(|event| event["type"].clone());
    let kind = kind.unwrap_or_default();
    assert!(ends.iter().any(|end| kind == *end), "{kind}");
    if kind == "response.incomplete" {
        return;
    }
    // The answer at the end is what came.
    let output = &events[events.len() - 1]["response"]["output"];
    let whole: String = output
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["content"][0]["text"].as_str())
        .collect();
    assert_eq!(whole, Api::Responses.streamed(events));
}

const TEXT: &str = "Hello from the mock provider. ";

#[test]
fn whole_answers() {
    run(async {
        let stand = Stand::shared().await;
        for api in BOTH {
            let (answer, received) = stand.pass(&api.ask(&api.body("hi there", false))).await;
            assert_eq!((answer.status, answer.complete), (200, true));
            assert_eq!(received.line, format!("POST {}", api.path()));
            assert_eq!(received.authority, "mock.provider");
            assert_eq!(api.said(&answer.json()), TEXT);
            assert_eq!(answer.header("x-tollgate-backend"), "mock");
            assert_eq!(answer.header("x-tollgate-model"), "gpt-5.1");
        }
    });
}

#[test]
fn bodies_change_only_where_they_must() {
    run(async {
        let stand = Stand::shared().await;
        let body = "{ \"x\" : [1.0e2, \"\\u00e9\\/\"], \"model\":\"smart\" ,\n \"prompt\":\"hi\", \"n\":2} ";
        let ask = Ask::chat_bytes(body).path("/v1/completions");
        let (_, received) = stand.pass(&ask).await;
        assert_eq!(received.body, body.replace("\"smart\"", "\"gpt-5.1\""));
        let body = "{ \"x\" : [1.0e2, \"\\u00e9\\/\"], \"model\":\"smart\" ,\n \"input\":\"hi\", \"store\":false} ";
        let ask = Ask::chat_bytes(body).path("/v1/responses");
        let (_, received) = stand.pass(&ask).await;
        assert_eq!(received.body, body.replace("\"smart\"", "\"gpt-5.1\""));
    });
}

#[test]
fn streams_in_every_cut_and_their_records() {
    run(async {
        let stand = Stand::shared().await;
        for api in BOTH {
            for (protocol, piece) in [
                (Protocol::Http1, 1),
                (Protocol::Http2, 7),
                (Protocol::Http1, 5000),
            ] {
                let body = api.body("hi there", true);
                let script = json!({"text": "naïve 語 🦀, and more", "piece": piece});
                let ask = api.ask(&body).mock(&script).over(protocol);
                let (answer, received) = stand.pass(&ask).await;
                assert!(answer.complete);
                api.check(&answer);
                assert_eq!(api.streamed(&answer.events()), "naïve 語 🦀, and more");
                let asks = received.json()["stream_options"]["include_usage"] == true;
                assert_eq!(asks, api == Api::Completions);
                let record = stand.record(&ask).await;
                assert_eq!(record["operation"], api.operation());
                assert_eq!(
                    (&record["stream"], &record["outcome"], &record["usage"]),
                    (&json!(true), &json!("ok"), &json!("reported"))
                );
                // Of the mock: the words of the prompt and of the answer.
                assert_eq!(
                    (
                        &record["input_tokens"],
                        &record["output_tokens"],
                        &record["cached_tokens"]
                    ),
                    (&json!(2), &json!(5), &json!(1)),
                    "{record}"
                );
                assert!(record["time_to_first_token_ms"].is_u64(), "{record}");
            }
        }
    });
}

#[test]
fn usage_in_streams_of_completions_is_told_to_those_who_ask() {
    run(async {
        let stand = Stand::shared().await;
        for (options, asked) in [
            (None, false),
            (Some(json!({"include_usage": false})), false),
            (Some(json!({"include_usage": true})), true),
        ] {
            let mut body = Api::Completions.body("hi", true);
            if let Some(options) = &options {
                body["stream_options"] = options.clone();
            }
            let answer = stand.send(&Ask::completion(&body)).await;
            let events = answer.events();
            let reported = events.iter().any(|event| event["usage"].is_object());
            assert_eq!(reported, asked, "{options:?}");
        }
    });
}

#[test]
fn usage_of_whole_answers_is_exact() {
    run(async {
        let stand = Stand::shared().await;
        let completions =
            json!({"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100});
        let responses = json!({"input_tokens": 70, "input_tokens_details": {"cached_tokens": 9},
            "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 100});
        for (api, usage, cached, reasoning) in [
            (Api::Completions, completions, 0, 0),
            (Api::Responses, responses, 9, 20),
        ] {
            for stream in [false, true] {
                let ask = api
                    .ask(&api.body("hi", stream))
                    .mock(&json!({"usage": usage}));
                assert_eq!(stand.send(&ask).await.status, 200);
                let record = stand.record(&ask).await;
                let counts = [
                    "input_tokens",
                    "output_tokens",
                    "cached_tokens",
                    "reasoning_tokens",
                ];
                let counts = counts.map(|name| record[name].as_u64());
                let wanted = [70, 30, cached, reasoning].map(Some);
                assert_eq!(counts, wanted, "{api:?} {stream}");
                assert_eq!(record["usage"], "reported");
            }
        }
    });
}

#[test]
fn nothing_stored_is_made_or_used() {
    run(async {
        let stand = Stand::shared().await;
        for store in [Value::Null, json!(true), json!(false)] {
            let mut body = Api::Responses.body("hi", false);
            body["store"] = store;
            let (answer, received) = stand.pass(&Ask::response(&body)).await;
            assert_eq!(answer.status, 200);
            assert_eq!(received.json()["store"], false);
        }
        for (name, value) in [
            ("previous_response_id", json!("resp_1")),
            ("conversation", json!("conv_1")),
            ("background", json!(true)),
            ("prompt", json!({"id": "pmpt_1"})),
            ("input", json!([{"type": "item_reference", "id": "msg_1"}])),
        ] {
            let mut body = Api::Responses.body("hi", false);
            body[name] = value;
            let ask = Ask::response(&body);
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 400, "{name}");
            let error = answer.json();
            let param = error["error"]["param"].as_str().unwrap_or_default();
            assert!(param.starts_with(name), "{error}");
            assert!(stand.received(&ask).is_empty());
        }
        for (method, path, status, code) in [
            ("GET", "/v1/responses/resp_1", 404, "unknown_endpoint"),
            ("DELETE", "/v1/responses/resp_1", 404, "unknown_endpoint"),
            (
                "POST",
                "/v1/responses/resp_1/cancel",
                404,
                "unknown_endpoint",
            ),
            ("GET", "/v1/responses", 405, "method_not_allowed"),
            ("GET", "/v1/completions", 405, "method_not_allowed"),
        ] {
            let ask = Ask::new(method, path).key("demo-acme-key");
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (status, code),
                "{path}"
            );
        }
    });
}

#[test]
fn bad_requests_say_what_is_wrong() {
    run(async {
        let stand = Stand::shared().await;
        for (api, body, code, param) in [
            (
                Api::Completions,
                json!({"model": "smart"}),
                "missing_required_parameter",
                "prompt",
            ),
            (
                Api::Completions,
                json!({"model": "smart", "prompt": {}}),
                "invalid_value",
                "prompt",
            ),
            (
                Api::Completions,
                json!({"model": "smart", "prompt": "a", "best_of": 0}),
                "invalid_value",
                "best_of",
            ),
            (
                Api::Responses,
                json!({"model": "smart"}),
                "missing_required_parameter",
                "input",
            ),
            (
                Api::Responses,
                json!({"model": "smart", "input": 7}),
                "invalid_value",
                "input",
            ),
            (
                Api::Responses,
                json!({"model": "smart", "input": ["hi"]}),
                "invalid_value",
                "input[0]",
            ),
            (
                Api::Responses,
                json!({"input": "hi"}),
                "missing_required_parameter",
                "model",
            ),
            (
                Api::Responses,
                json!({"model": "no", "input": "hi"}),
                "model_not_found",
                "model",
            ),
        ] {
            let ask = api.ask(&body);
            let answer = stand.send(&ask).await;
            let error = answer.json()["error"].clone();
            assert_eq!(
                (&error["code"], &error["param"]),
                (&json!(code), &json!(param)),
                "{body}"
            );
            assert!(stand.received(&ask).is_empty());
        }
    });
}

#[test]
fn tools_and_reasoning_pass() {
    run(async {
        let stand = Stand::shared().await;
        let mut body = Api::Responses.body("hi", true);
        body["tools"] = json!([{"type": "function", "name": "weather", "parameters": {}}]);
        let script = json!({"tools": 2, "reasoning": "I look for it ", "piece": 50});
        let answer = stand.send(&Ask::response(&body).mock(&script)).await;
        let events = answer.events();
        check_events(&events);
        let output = &events.last().unwrap()["response"]["output"];
        let kinds: Vec<&str> = output
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|item| item["type"].as_str())
            .collect();
        assert_eq!(kinds, ["reasoning", "function_call", "function_call"]);
        assert_eq!(output[1]["name"], "weather");
    });
}

#[test]
fn answers_have_the_virtual_name_if_the_policy_says_so() {
    run(async {
        let mut policy = demo_policy();
        policy["models"]["smart"]["answer_model"] = json!("virtual");
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        for api in BOTH {
            let whole = stand.send(&api.ask(&api.body("hi", false))).await.json();
            assert_eq!(whole["model"], "smart");
            let answer = stand.send(&api.ask(&api.body("hi", true))).await;
            api.check(&answer);
            for event in answer.events() {
                let names = [&event["model"], &event["response"]["model"]];
                let told = names.into_iter().filter(|name| !name.is_null());
                assert!(told.clone().all(|name| name == "smart"), "{event}");
                let has = api == Api::Completions || event["response"].is_object();
                assert_eq!(told.count() == 1, has, "{event}");
            }
        }
    });
}

#[test]
fn azure_has_paths_of_its_own() {
    run(async {
        let mut policy = demo_policy();
        policy["backends"]["mock"]["azure"] = json!({"api_version": "2025-04-01-preview"});
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        for (api, path) in [
            (Api::Completions, "/openai/deployments/gpt-5.1/completions"),
            (Api::Responses, "/openai/responses"),
        ] {
            let (answer, received) = stand.pass(&api.ask(&api.body("hi", false))).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                received.line,
                format!("POST {path}?api-version=2025-04-01-preview")
            );
            assert_eq!(received.json()["model"], "gpt-5.1");
        }
    });
}

#[test]
fn backends_that_lack_an_api_are_not_asked() {
    run(async {
        let mut policy = demo_policy();
        policy["backends"]["mock"]["apis"] = json!(["completions"]);
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let ask = |api: Api| api.ask(&api.body("hi", false));
        assert_eq!(stand.send(&ask(Api::Completions)).await.status, 200);
        let chat =
            Ask::chat(&json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]}));
        for refused in [ask(Api::Responses), chat] {
            let answer = stand.send(&refused).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "unsupported_api")
            );
            assert!(stand.received(&refused).is_empty());
            assert_eq!(stand.record(&refused).await["outcome"], "unsupported_api");
        }
    });
}
