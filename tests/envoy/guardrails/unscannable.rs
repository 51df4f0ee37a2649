/*! What guardrails can't look at. */

use super::{HTTP, MAIL, assert_free_of, call, metrics, pii_in, pii_out, policy, shared, stand};
use serde_json::{Value, json};
use tollgate_tests::{Ask, Speaks, run};

/// Parts of messages and fields that bring what can't be looked at, by kind.
fn hidden() -> Vec<(Speaks, &'static str, Value)> {
    use Speaks::{Anthropic, OpenAi};
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    let user = json!([{"role": "user", "content": "hi"}]);
    let tools = |tool: Value| json!({"messages": user, "tools": [tool]});
    let image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";
    vec![
        (
            OpenAi,
            "media",
            part(
                json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{image}")}}),
            ),
        ),
        (
            OpenAi,
            "media",
            part(json!({"type": "input_audio", "input_audio": {"format": "wav", "data": image}})),
        ),
        (
            OpenAi,
            "media",
            part(
                json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{image}")}}),
            ),
        ),
        (
            OpenAi,
            "remote",
            part(json!({"type": "image_url", "image_url": {"url": "https://a.example.org/i.png"}})),
        ),
        (
            OpenAi,
            "remote",
            part(json!({"type": "file", "file": {"file_id": "file-123"}})),
        ),
        (OpenAi, "tools", tools(json!({"type": "web_search"}))),
        (
            OpenAi,
            "tools",
            tools(
                json!({"type": "mcp", "server_label": "x", "server_url": "https://a.example.org"}),
            ),
        ),
        (
            OpenAi,
            "tools",
            json!({"messages": user, "web_search_options": {}}),
        ),
        (
            Anthropic,
            "media",
            part(
                json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}}),
            ),
        ),
        (
            Anthropic,
            "media",
            part(
                json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": image}}),
            ),
        ),
        (
            Anthropic,
            "remote",
            part(
                json!({"type": "image", "source": {"type": "url", "url": "https://a.example.org/i.png"}}),
            ),
        ),
        (
            Anthropic,
            "remote",
            part(json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}})),
        ),
        (
            Anthropic,
            "tools",
            tools(json!({"type": "web_search_20250305", "name": "web_search"})),
        ),
        (
            Anthropic,
            "tools",
            tools(json!({"type": "code_execution_20250522", "name": "code_execution"})),
        ),
        (
            Anthropic,
            "tools",
            json!({"messages": user, "mcp_servers": [{"type": "url", "url": "https://a.example.org", "name": "x"}]}),
        ),
    ]
}

fn counted(kind: &str, action: &str) -> String {
    format!("tollgate_unscannable_total{{kind=\"{kind}\",action=\"{action}\"}} ")
}

#[test]
fn what_cant_be_looked_at_is_refused_or_passed_and_counted() {
    run(async {
        for pass in [false, true] {
            for api in ["openai", "anthropic"] {
                let mut policy = policy(&json!([pii_in()]));
                policy["backends"]["mock"]["api"] = json!(api);
                if pass {
                    policy["unscannable"] = json!("pass");
                    // Callers may store files.
                    policy["other_paths"] = json!({"pass": "mock"});
                }
                let stand = stand(&policy).await;
                let mut asked = std::collections::BTreeMap::new();
                for (round, (speaks, kind, mut body)) in hidden().into_iter().enumerate() {
                    if (speaks == Speaks::OpenAi) != (api == "openai") {
                        continue;
                    }
                    body["model"] = json!("smart");
                    body["max_tokens"] = json!(100);
                    let ask = speaks.ask(&body).over(HTTP[round % 2]);
                    let answer = stand.send(&ask).await;
                    *asked.entry(kind).or_insert(0) += 1;
                    if pass {
                        assert_eq!(answer.status, 200, "{body} {}", answer.text());
                        assert_eq!(stand.received(&ask).len(), 1);
                        continue;
                    }
                    assert_eq!(answer.status, 400, "{body} {}", answer.text());
                    assert!(speaks.is_error(&answer.json()));
                    if speaks == Speaks::OpenAi {
                        assert_eq!(answer.code(), "unscannable_request");
                    }
                    assert!(stand.received(&ask).is_empty());
                    assert_eq!(stand.record(&ask).await["outcome"], "unscannable_request");
                }
                let page = metrics(&stand).await;
                for (kind, count) in asked {
                    let line = format!(
                        "{}{count}\n",
                        counted(kind, if pass { "pass" } else { "refuse" })
                    );
                    assert!(page.contains(&line), "{line}{page}");
                }
            }
        }
    });
}

#[test]
fn each_kind_has_its_own_rule() {
    run(async {
        let mut policy = policy(&json!([pii_in()]));
        policy["unscannable"] = json!({"media": "pass"});
        let stand = stand(&policy).await;
        for (speaks, kind, mut body) in hidden() {
            if speaks == Speaks::Anthropic {
                continue;
            }
            body["model"] = json!("smart");
            let answer = stand.send(&Ask::chat(&body)).await;
            assert_eq!(
                answer.status,
                if kind == "media" { 200 } else { 400 },
                "{body}"
            );
        }
    });
}

/// Tenants whose requests nothing looks at may send what they like.
#[test]
fn tenants_without_guardrails_are_not_refused() {
    run(async {
        let mut rule = pii_in();
        rule["tenants"] = json!(["blue"]);
        let mut policy = policy(&json!([rule, pii_out()]));
        // They may store files.
        policy["other_paths"] = json!({"pass": "mock"});
        let stand = stand(&policy).await;
        for (speaks, _, mut body) in hidden() {
            if speaks == Speaks::Anthropic {
                continue;
            }
            body["model"] = json!("smart");
            let answer = stand.send(&Ask::chat(&body)).await;
            assert_eq!(answer.status, 200, "{body}");
        }
    });
}

/// Text beside what passes is looked at.
#[test]
fn text_beside_images_is_masked() {
    run(async {
        let mut policy = policy(&json!([pii_in()]));
        policy["unscannable"] = json!("pass");
        let stand = stand(&policy).await;
        let mut body = call("hi", false);
        body["messages"][0]["content"] = json!([{"type": "text", "text": format!("I am {MAIL}.")},
            {"type": "file", "file": {"filename": format!("{MAIL}.pdf"), "file_data": "data:application/pdf;base64,AAAA"}},
            {"type": "image_url", "image_url": {"url": format!("https://a.example.org/?who={MAIL}")}}]);
        let ask = Ask::chat(&body);
        assert_eq!(stand.send(&ask).await.status, 200);
        let received = stand.received(&ask).remove(0);
        assert_free_of(&received.body, &[MAIL]);
    });
}

#[test]
fn answers_that_are_no_json_are_refused_or_passed() {
    run(async {
        for pass in [false, true] {
            let mut policy = policy(&json!([pii_out()]));
            if pass {
                policy["unscannable"] = json!({"answers": "pass"});
            }
            let stand = stand(&policy).await;
            let mut count = 0;
            for speaks in Speaks::ALL {
                for script in [
                    json!({"fault": "html"}),
                    json!({"body": MAIL, "headers": {"content-type": "audio/mpeg"}}),
                    json!({"body": MAIL, "headers": {"content-type": "text/plain"}}),
                ] {
                    if speaks == Speaks::Anthropic {
                        // Translated ones are read or refused anyway.
                        continue;
                    }
                    for http in HTTP {
                        let ask = speaks.ask(&call("hi", false)).mock(&script).over(http);
                        let answer = stand.send(&ask).await;
                        count += 1;
                        if pass {
                            assert_eq!(answer.status, 200, "{script}");
                            continue;
                        }
                        assert_eq!(answer.status, 502, "{script}");
                        assert!(speaks.is_error(&answer.json()));
                        assert_eq!(answer.code(), "unscannable_answer");
                        assert_free_of(&answer.body, &[MAIL]);
                        assert_eq!(stand.record(&ask).await["outcome"], "unscannable_answer");
                    }
                }
            }
            let page = metrics(&stand).await;
            let line = format!(
                "{}{count}\n",
                counted("answers", if pass { "pass" } else { "refuse" })
            );
            assert!(page.contains(&line), "{line}{page}");
        }
    });
}

#[test]
fn garbage_is_refused_or_passed() {
    run(async {
        for pass in [false, true] {
            let mut policy = policy(&json!([pii_out()]));
            if pass {
                policy["unscannable"] = json!({"answers": "pass"});
            }
            let stand = stand(&policy).await;
            let broken = format!("{{\"choices\":[{{\"message\":{{\"content\":\"{MAIL}");
            for http in HTTP {
                let ask = Ask::chat(&call("hi", false))
                    .mock(&json!({"body": broken}))
                    .over(http);
                let answer = stand.send(&ask).await;
                if pass {
                    assert_eq!(answer.text(), broken);
                } else {
                    assert_eq!(
                        (answer.status, answer.code().as_str()),
                        (502, "unscannable_answer")
                    );
                    assert_free_of(&answer.body, &[MAIL]);
                }

                let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": {"content": "Good."}, "finish_reason": null}]});
                let stream = format!("data: {chunk}\n\ndata: {broken}\n\ndata: [DONE]\n\n");
                let ask = Ask::chat(&call("hi", true))
                    .mock(&json!({"body": stream}))
                    .over(http);
                let answer = stand.send(&ask).await;
                if pass {
                    assert!(answer.text().contains(&broken), "{}", answer.text());
                    continue;
                }
                assert_free_of(&answer.body, &[MAIL]);
                let events = answer.events();
                assert_eq!(events.len(), 2, "{}", answer.text());
                assert!(Speaks::OpenAi.is_error(&events[1]), "{}", answer.text());
                assert_eq!(events[1]["error"]["code"], "unscannable_answer");
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "unscannable_answer");
            }
        }
    });
}

/// Lines of a stream that clients skip can't carry text past the guards.
#[test]
fn other_lines_of_a_stream_tell_nothing() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": "Good."}, "finish_reason": "stop"}]});
        let stream =
            format!(": {MAIL}\n\nevent: {MAIL}\nid: {MAIL}\ndata: {chunk}\n\ndata: [DONE]\n\n");
        let ask = Ask::chat(&call("hi", true)).mock(&json!({"body": stream}));
        let answer = stand.send(&ask).await;
        assert_eq!(Speaks::OpenAi.said(&answer, true), "Good.");
        assert_free_of(&answer.body, &[MAIL]);
    });
}

/// A path that nobody reads is none for guarded tenants.
#[test]
fn unread_paths_are_refused() {
    run(async {
        let mut policy = policy(&json!([pii_in()]));
        policy["other_paths"] = json!({"pass": "mock"});
        let stand = stand(&policy).await;
        let ask = Ask::chat(&json!({"model": "smart", "input": MAIL})).path("/v1/rerank");
        let answer = stand.send(&ask).await;
        assert_ne!(answer.status, 200, "{}", answer.text());
        assert!(stand.received(&ask).is_empty());
    });
}
