/*! Guardrails over whole answers. */

use super::{
    CARD, HTTP, MAIL, PHONE, assert_free_of, assert_untold, blocking, call, filtered, pii_out,
    policy, reasons, shared, stand,
};
use serde_json::{Value, json};
use tollgate_tests::{Ask, Speaks, run};

/// A whole answer of OpenAI's with a message.
fn answer_of(message: &Value) -> String {
    json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    .to_string()
}

#[test]
fn every_member_that_can_hold_text_is_masked() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        let arguments = json!({"to": MAIL, "card": 4_111_111_111_111_111_u64}).to_string();
        let logprobs = json!({"content": [{"token": "quilliam@", "logprob": -0.1, "bytes": null,
            "top_logprobs": []}, {"token": "zwexford.org", "logprob": -0.1, "bytes": null, "top_logprobs": []}]});
        let message = json!({"role": "assistant", "content": format!("I am {MAIL}."),
            "refusal": format!("Not for {MAIL}."),
            "reasoning_content": format!("It is {MAIL}."), "reasoning": format!("It is {MAIL}."),
            "tool_calls": [{"id": "call_1", "type": "function",
                "function": {"name": "send", "arguments": arguments}}],
            "audio": {"id": "audio_1", "data": "AAAA", "expires_at": 1, "transcript": format!("I am {MAIL}.")},
            "annotations": [{"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 1,
                "title": MAIL, "url": format!("https://x.test/{MAIL}")}}],
            "unheard_of": {"deep": [MAIL]}});
        let mut body: Value = serde_json::from_str(&answer_of(&message)).unwrap();
        body["choices"][0]["logprobs"] = logprobs;
        for http in HTTP {
            let ask = Ask::chat(&call("hi", false))
                .mock(&json!({"body": body.to_string()}))
                .over(http);
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 200);
            assert_free_of(&answer.body, &[MAIL, "4111111111111111"]);
            let wanted = body.to_string().replace(MAIL, "<EMAIL_ADDRESS>");
            let mut wanted: Value = serde_json::from_str(&wanted).unwrap();
            wanted["choices"][0]["logprobs"] = Value::Null;
            wanted["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] =
                json!(json!({"to": "<EMAIL_ADDRESS>", "card": "<CREDIT_CARD>"}).to_string());
            let mut told = answer.json();
            // Links are looked at by another rule; nothing of the value is in it.
            told["choices"][0]["message"]["annotations"][0]["url_citation"]["url"] =
                wanted["choices"][0]["message"]["annotations"][0]["url_citation"]["url"].clone();
            assert_eq!(told, wanted);
        }
    });
}

#[test]
fn an_answer_without_findings_stays_byte_for_byte() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        let text = "{ \"id\" : \"c\",\"object\":\"chat.completion\", \"created\":1,\"model\":\"m\",\n\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"K\\u00f6ln\\/\\ud83d\\ude00 é\"},\"logprobs\":{\"content\":[]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2} } ";
        for http in HTTP {
            for piece in [None, Some(9)] {
                let ask = Ask::chat(&call("hi", false))
                    .mock(&json!({"body": text, "piece": piece}))
                    .over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.text(), text);
                let record = stand.record(&ask).await;
                assert_eq!(
                    (&record["outcome"], record.get("guardrails")),
                    (&json!("ok"), None)
                );
            }
        }
    });
}

#[test]
fn several_choices_are_masked_each() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        for stream in [false, true] {
            let mut body = call("hi", stream);
            body["n"] = json!(3);
            let ask = Ask::chat(&body)
                .mock(&json!({"text": format!("I am {MAIL}. Call {PHONE}"), "chars": 3}));
            let answer = stand.send(&ask).await;
            let said = super::said(Speaks::OpenAi, &answer, stream);
            let texts: Vec<&str> = said.values().map(String::as_str).collect();
            assert_eq!(texts, ["I am <EMAIL_ADDRESS>. Call <PHONE_NUMBER>"; 3]);
            assert_free_of(&answer.body, &[MAIL, PHONE]);
            let record = stand.record(&ask).await;
            let found = json!({"EMAIL_ADDRESS": 3, "PHONE_NUMBER": 3});
            assert_eq!(record["guardrails"][0]["found"], found, "{record}");
        }
    });
}

/// What choices say at the same time does not run into each other.
#[test]
fn choices_that_come_in_turns_are_kept_apart() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        let event = |index: usize, delta: &str| {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": index, "delta": {"content": delta}, "finish_reason": null}]});
            format!("data: {chunk}\n\n")
        };
        let texts = [format!("I am {MAIL}!"), format!("Pay {CARD}!")];
        let mut turns = String::new();
        let chars = texts
            .each_ref()
            .map(|text| text.chars().collect::<Vec<_>>());
        for place in 0..40 {
            for (index, text) in chars.iter().enumerate() {
                if let Some(letter) = text.get(place) {
                    turns.push_str(&event(index, &letter.to_string()));
                }
            }
        }
        for index in 0..2 {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]});
            turns.push_str(&format!("data: {chunk}\n\n"));
        }
        turns.push_str("data: [DONE]\n\n");
        let mut body = call("hi", true);
        body["n"] = json!(2);
        let ask = Ask::chat(&body).mock(&json!({"body": turns, "piece": 200}));
        let answer = stand.send(&ask).await;
        let said = super::said(Speaks::OpenAi, &answer, true);
        assert_eq!(said["0 content"], "I am <EMAIL_ADDRESS>!");
        assert_eq!(said["1 content"], "Pay <CREDIT_CARD>!");
    });
}

#[test]
fn a_blocked_answer_ends_as_by_a_content_filter() {
    run(async {
        for api in ["openai", "anthropic"] {
            let stand = shared(&json!([blocking()]), api).await;
            for speaks in Speaks::ALL {
                for http in HTTP {
                    let ask = speaks.ask(&call("hi", false)).over(http)
                        .mock(&json!({"text": format!("So be it: {MAIL} is the man."), "usage": usage(api)}));
                    let answer = stand.send(&ask).await;
                    let what = format!("{api} {speaks:?} {}", answer.text());
                    assert_eq!(answer.status, 200, "{what}");
                    assert_eq!(
                        reasons(speaks, &answer, false),
                        [filtered(speaks)],
                        "{what}"
                    );
                    assert_free_of(&answer.body, &[MAIL, "is the man"]);
                    let told = answer.json();
                    match speaks {
                        Speaks::OpenAi => {
                            assert_eq!(told["usage"]["completion_tokens"], 7, "{what}")
                        }
                        Speaks::Anthropic => {
                            assert_eq!(told["usage"]["output_tokens"], 7, "{what}")
                        }
                    }
                    let record = stand.record(&ask).await;
                    assert_eq!(record["outcome"], "guardrail_blocked", "{record}");
                    assert_eq!(
                        (&record["usage"], &record["output_tokens"]),
                        (&json!("reported"), &json!(7))
                    );
                    let wanted = json!([{"name": "stop", "phase": "output", "action": "block",
                        "found": {"EMAIL_ADDRESS": 1}}]);
                    assert_eq!(record["guardrails"], wanted);
                }
            }
            assert_untold(stand, &[MAIL]).await;
        }
    });
}

/// A report of 7 tokens of output.
fn usage(api: &str) -> Value {
    match api {
        "openai" => json!({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}),
        _ => json!({"input_tokens": 5, "output_tokens": 7}),
    }
}

#[test]
fn a_blocked_call_of_a_tool_is_not_made() {
    run(async {
        let stand = shared(&json!([blocking()]), "openai").await;
        for speaks in Speaks::ALL {
            let mut body = super::with_tool(speaks, call("hi", false));
            if speaks == Speaks::OpenAi {
                body["mock_arguments"] = json!(json!({"a": "b", "to": MAIL}).to_string());
            }
            let script = match speaks {
                Speaks::OpenAi => json!({"tool": true}),
                Speaks::Anthropic => {
                    json!({"body": answer_of(&json!({"role": "assistant", "content": null,
                    "tool_calls": [{"id": "call_1", "type": "function", "function":
                    {"name": "send", "arguments": json!({"to": MAIL}).to_string()}}]}))})
                }
            };
            let answer = stand.send(&speaks.ask(&body).mock(&script)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(reasons(speaks, &answer, false), [filtered(speaks)]);
            assert_free_of(&answer.body, &[MAIL]);
            let text = answer.text();
            assert!(
                !text.contains("tool_use") && !text.contains("\"arguments\""),
                "{text}"
            );
        }
    });
}

#[test]
fn errors_of_providers_are_masked() {
    run(async {
        for api in ["openai", "anthropic"] {
            let stand = shared(&json!([pii_out()]), api).await;
            for speaks in Speaks::ALL {
                for stream in [false, true] {
                    let ask = speaks
                        .ask(&call("hi", stream))
                        .mock(&json!({"status": 400, "text": format!("Ask {MAIL} about it.")}));
                    let answer = stand.send(&ask).await;
                    assert_eq!(answer.status, 400);
                    assert!(speaks.is_error(&answer.json()), "{}", answer.text());
                    assert_free_of(&answer.body, &[MAIL]);
                    let message = answer.json()["error"]["message"].take();
                    let message = message.as_str().unwrap();
                    assert!(
                        message.contains("Ask <EMAIL_ADDRESS> about it."),
                        "{message}"
                    );
                    let record = stand.record(&ask).await;
                    assert_eq!(
                        record["guardrails"][0]["found"],
                        json!({"EMAIL_ADDRESS": 1})
                    );
                }
            }
            assert_untold(stand, &[MAIL]).await;
        }
    });
}

#[test]
fn a_blocked_error_says_only_that_there_is_one() {
    run(async {
        let stand = shared(&json!([blocking()]), "openai").await;
        for speaks in Speaks::ALL {
            let ask = speaks
                .ask(&call("hi", false))
                .mock(&json!({"status": 400, "text": format!("Ask {MAIL} about it.")}));
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 400);
            assert!(speaks.is_error(&answer.json()), "{}", answer.text());
            assert_free_of(&answer.body, &[MAIL, "about it"]);
        }
    });
}

#[test]
fn the_system_prompt_and_links_do_not_leak() {
    run(async {
        let leak = json!({"name": "leak", "phase": "output", "action": "mask",
            "detect": {"system_prompt": {"words": 6}}});
        let links = json!({"name": "links", "phase": "output", "action": "mask",
            "detect": {"links": {"allow": ["example.org", "*.example.com"]}}});
        let stand = stand(&policy(&json!([leak, links]))).await;
        let prompt = "Never tell anybody that the vault opens at seven with the green key.";
        let text = "Well: NEVER tell anybody, that the *vault* opens at seven! See \
            ![i](https://evil.test/?q=1), https://example.org/a and https://a.example.com/b.";
        let masked = "Well: <SYSTEM_PROMPT>! See \
            ![i](<LINK>), https://example.org/a and https://a.example.com/b.";
        for speaks in Speaks::ALL {
            for stream in [false, true] {
                let mut body = call("hi", stream);
                match speaks {
                    Speaks::OpenAi => {
                        body["messages"] = json!([
                        {"role": "system", "content": prompt}, {"role": "user", "content": "hi"}])
                    }
                    Speaks::Anthropic => body["system"] = json!(prompt),
                }
                for chars in [1, 3, 7] {
                    let script = json!({"text": text, "chars": chars});
                    let answer = stand.send(&speaks.ask(&body).mock(&script)).await;
                    assert_eq!(
                        speaks.said(&answer, stream),
                        masked,
                        "{speaks:?} {stream} {chars}"
                    );
                }
            }
        }
    });
}

#[test]
fn a_long_answer_is_inspected_and_a_longer_one_refused() {
    run(async {
        let mut policy = policy(&json!([pii_out()]));
        policy["limits"] = json!({"body": 4_000_000});
        let stand = stand(&policy).await;
        let long = |bytes: usize| {
            let filler = "Nothing to see here. ";
            let mut text = filler.repeat(bytes / filler.len());
            text.push_str(&format!("But {MAIL} is."));
            text
        };
        for http in HTTP {
            for piece in [None, Some(65_521)] {
                let mut body = call("hi", false);
                body["mock_echo"] = json!(long(3_000_000));
                let ask = Ask::chat(&body).mock(&json!({"piece": piece})).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 200);
                let said = Speaks::OpenAi.said(&answer, false);
                assert_eq!(said, long(3_000_000).replace(MAIL, "<EMAIL_ADDRESS>"));
            }
            // Requests may be this long, their answers are longer: by what stands around the
            // text, or by masks.
            for echo in [long(3_999_750), "ab@cd.org ".repeat(260_000)] {
                let mut body = call("hi", false);
                body["mock_echo"] = json!(echo);
                let ask = Ask::chat(&body).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 502, "{}", answer.body.len());
                assert!(Speaks::OpenAi.is_error(&answer.json()));
                assert_free_of(&answer.body, &[MAIL, "ab@cd.org"]);
                let record = stand.record(&ask).await;
                assert_ne!(record["outcome"], "ok", "{record}");
            }
            let ask = Ask::chat(&call("hi", false));
            assert_eq!(stand.send(&ask).await.status, 200, "Envoy lives");
        }
    });
}
