/*! Requests that go on with something in them masked. */

use super::{CARD, HTTP, MAIL, assert_free_of, call, pii_in, policy, sent, shared, stand};
use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Form, Speaks, run};

const MASKED: &str = "<EMAIL_ADDRESS>";

/// Requests with `MAIL` wherever text can stand.
fn everywhere(speaks: Speaks) -> Value {
    let arguments = json!({"to": MAIL, "n": 1}).to_string();
    match speaks {
        Speaks::OpenAi => json!({"model": "smart", "messages": [
            {"role": "system", "content": format!("Ops is {MAIL}.")},
            {"role": "user", "content": [{"type": "text", "text": format!("I am {MAIL}.")}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1",
                "type": "function", "function": {"name": "send", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": format!("Sent to {MAIL}.")}],
            "tools": [{"type": "function", "function": {"name": "send",
                "description": format!("Sends, but not to {MAIL}."),
                "parameters": {"type": "object", "properties": {"to": {"enum": [MAIL]}}}}}],
            "metadata": {"who": MAIL}, "user": MAIL, "stop": [MAIL],
            "unheard_of": {"deep": [[MAIL, 7, null, {"er": MAIL}]]}}),
        Speaks::Anthropic => json!({"model": "smart", "max_tokens": 100,
            "system": [{"type": "text", "text": format!("Ops is {MAIL}.")}], "messages": [
            {"role": "user", "content": [{"type": "text", "text": format!("I am {MAIL}.")},
                {"type": "document", "title": MAIL, "source":
                    {"type": "text", "media_type": "text/plain", "data": MAIL}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1",
                "name": "send", "input": {"to": [MAIL], "n": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
                "content": [{"type": "text", "text": MAIL}]}]}],
            "tools": [{"name": "send", "description": MAIL, "input_schema": {"type": "object"}}],
            "metadata": {"user_id": MAIL}, "stop_sequences": [MAIL]}),
    }
}

#[test]
fn nothing_of_a_value_reaches_the_provider() {
    run(async {
        for (speaks, api) in [(Speaks::OpenAi, "openai"), (Speaks::Anthropic, "anthropic")] {
            let stand = shared(&json!([pii_in()]), api).await;
            for http in HTTP {
                let body = everywhere(speaks);
                let ask = speaks.ask(&body).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let received = stand.received(&ask).remove(0);
                assert_free_of(&received.body, &[MAIL]);
                let wanted = body.to_string().replace(MAIL, MASKED);
                let mut wanted: Value = serde_json::from_str(&wanted).unwrap();
                wanted["model"] = json!("gpt-5.1");
                assert_eq!(received.json(), wanted);
                let record = stand.record(&ask).await;
                let found = body.to_string().matches(MAIL).count();
                let wanted = json!([{"name": "pii-in", "phase": "input", "action": "mask",
                    "found": {"EMAIL_ADDRESS": found}}]);
                assert_eq!(record["guardrails"], wanted);
            }
        }
    });
}

/// What a caller and a provider of another protocol say to each other.
#[test]
fn nothing_of_a_value_reaches_a_provider_of_the_other_protocol() {
    run(async {
        for (speaks, api) in [(Speaks::Anthropic, "openai"), (Speaks::OpenAi, "anthropic")] {
            let stand = shared(&json!([pii_in()]), api).await;
            let text = format!("I am {MAIL}, and pay with {CARD}.");
            for http in HTTP {
                let ask = speaks.ask(&call(&text, false)).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let received = stand.received(&ask).remove(0);
                assert_free_of(&received.body, &[MAIL, CARD]);
                let body = String::from_utf8_lossy(&received.body).into_owned();
                assert!(
                    body.contains("I am <EMAIL_ADDRESS>, and pay with <CREDIT_CARD>."),
                    "{body}"
                );
            }
        }
    });
}

#[test]
fn spellings_in_json_hide_nothing() {
    run(async {
        let stand = shared(&json!([pii_in()]), "openai").await;
        for written in [
            r"quilliam\u0040zwexford.org",
            r"\u0071uilliam@zwexford\u002eorg",
            "qu\\u0069lliam@zwexford.org",
            "quilliam@zwexford.org",
        ] {
            let body = format!(
                r#"{{"model":"smart","messages":[{{"role":"user","content":"I am\t{written} \ud83d\ude00."}}]}}"#
            );
            let ask = Ask::chat_bytes(body);
            assert_eq!(stand.send(&ask).await.status, 200);
            let content = sent(stand, &ask)["messages"][0]["content"].take();
            assert_eq!(content, "I am\t<EMAIL_ADDRESS> 😀.", "{written}");
        }
    });
}

#[test]
fn tool_arguments_stay_json() {
    run(async {
        let stand = shared(&json!([pii_in()]), "openai").await;
        let arguments = r#"{"to": "quilliam\u0040zwexford.org", "card": 4111111111111111, "note": "a\nb \"c\""}"#;
        let mut body = call("Go on.", false);
        body["messages"] = json!([{"role": "user", "content": "Go on."},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
             "function": {"name": "send", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "ok"}]);
        let ask = Ask::chat(&body);
        assert_eq!(stand.send(&ask).await.status, 200);
        let sent = sent(stand, &ask);
        let arguments = sent["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str();
        let arguments: Value = serde_json::from_str(arguments.unwrap()).unwrap();
        let wanted =
            json!({"to": "<EMAIL_ADDRESS>", "card": "<CREDIT_CARD>", "note": "a\nb \"c\""});
        assert_eq!(arguments, wanted);
    });
}

#[test]
fn a_request_that_would_grow_too_long_is_refused() {
    run(async {
        let mut policy = policy(&json!([pii_in()]));
        policy["limits"] = json!({"body": 100_000});
        let stand = stand(&policy).await;
        // Masks are longer than these.
        let text = "ab@cd.org ".repeat(9_000);
        for speaks in Speaks::ALL {
            for http in HTTP {
                let ask = speaks.ask(&call(&text, false)).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 413, "{}", answer.text());
                assert!(speaks.is_error(&answer.json()));
                assert!(stand.received(&ask).is_empty());
                assert_eq!(stand.record(&ask).await["outcome"], "request_too_large");
            }
        }
        let text = "ab@cd.org ".repeat(2_000);
        let ask = Ask::chat(&call(&text, false));
        assert_eq!(stand.send(&ask).await.status, 200);
        let content = sent(&stand, &ask)["messages"][0]["content"].take();
        assert_eq!(content, "<EMAIL_ADDRESS> ".repeat(2_000));
    });
}

/// Bodies that come in pieces, compressed, or end in trailers are looked at all the same.
#[test]
fn a_request_may_come_in_any_way() {
    run(async {
        let stand = shared(&json!([pii_in()]), "openai").await;
        let body = call(&format!("I am {MAIL}."), false).to_string();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut gzip, body.as_bytes()).unwrap();
        let zipped = gzip.finish().unwrap();
        for http in HTTP {
            for ask in [
                Ask::chat_bytes(body.clone())
                    .trailer("x-end", "1")
                    .over(http),
                Ask::chat_bytes(zipped.clone())
                    .header("content-encoding", "gzip")
                    .over(http),
            ] {
                assert_eq!(stand.send(&ask).await.status, 200);
                let content = sent(stand, &ask)["messages"][0]["content"].take();
                assert_eq!(content, "I am <EMAIL_ADDRESS>.");
            }
        }
    });
}

#[test]
fn the_policy_may_come_as_json() {
    run(async {
        let config = Config::gateway().policy(&policy(&json!([pii_in()])), Form::Json);
        let stand = tollgate_tests::Stand::start(config).await;
        let ask = Ask::chat(&call(MAIL, false));
        assert_eq!(stand.send(&ask).await.status, 200);
        assert_eq!(sent(&stand, &ask)["messages"][0]["content"], MASKED);
    });
}
