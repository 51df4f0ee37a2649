/*! Guardrails that refuse requests. */

use super::{
    HTTP, MAIL, SECRET, assert_free_of, assert_untold, call, counted, metrics, policy, shared,
    stand,
};
use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Speaks, run};

fn secrets_in() -> Value {
    json!({"name": "secrets-in", "phase": "input", "detect": "secrets", "action": "block"})
}

/// The refusal of a blocked request, in each protocol's words.
fn assert_refused(speaks: Speaks, answer: &Answer, guardrail: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    let body = answer.json();
    assert!(speaks.is_error(&body), "{body}");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(guardrail), "{message}");
    match speaks {
        Speaks::OpenAi => assert_eq!(answer.code(), "content_filter"),
        Speaks::Anthropic => assert_eq!(body["error"]["type"], "invalid_request_error"),
    }
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[test]
fn a_blocked_request_goes_nowhere_and_costs_nothing() {
    run(async {
        let mut policy = policy(&json!([secrets_in()]));
        policy["tenants"]["acme"]["limits"] = json!([{"requests": 1, "per": "hour"},
            {"tokens": 1_000_000, "per": "hour"}]);
        let stand = stand(&policy).await;
        let text = format!("The token is {SECRET}, keep it.");
        for speaks in Speaks::ALL {
            for http in HTTP {
                for stream in [false, true] {
                    let ask = speaks.ask(&call(&text, stream)).over(http);
                    let answer = stand.send(&ask).await;
                    assert_refused(speaks, &answer, "secrets-in");
                    assert_free_of(&answer.body, &[SECRET, "keep it"]);
                    assert!(stand.received(&ask).is_empty());
                    let record = stand.record(&ask).await;
                    assert_eq!(record["outcome"], "content_filter", "{record}");
                    assert_eq!(record["usage"], "none", "{record}");
                    assert_eq!(record["attempts"], 0, "{record}");
                    let guardrails = record["guardrails"].as_array().unwrap();
                    assert_eq!(guardrails.len(), 1, "{record}");
                    assert_eq!(guardrails[0]["name"], "secrets-in");
                    assert_eq!(guardrails[0]["phase"], "input");
                    assert_eq!(guardrails[0]["action"], "block");
                }
            }
        }
        // The one request that the limit has room for is still there.
        let ask = Ask::chat(&call("Nothing to see.", false));
        assert_eq!(stand.send(&ask).await.status, 200);
        let ask = Ask::chat(&call("Nothing to see.", false));
        assert_eq!(stand.send(&ask).await.status, 429);
        assert_untold(&stand, &[SECRET, "keep it"]).await;
        let page = metrics(&stand).await;
        let lines: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("tollgate_guardrail_findings_total{"))
            .collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("guardrail=\"secrets-in\",phase=\"input\""));
        assert!(lines[0].ends_with("action=\"block\"} 8"), "{lines:?}");
    });
}

#[test]
fn secrets_are_found_wherever_text_can_stand() {
    run(async {
        let stand = shared(&json!([secrets_in()]), "openai").await;
        let user = json!({"role": "user", "content": "hi"});
        let arguments = json!({"key": SECRET}).to_string();
        for body in [
            json!({"messages": [{"role": "system", "content": SECRET}, user]}),
            json!({"messages": [{"role": "developer", "content": [{"type": "text", "text": SECRET}]}, user]}),
            json!({"messages": [{"role": "user", "content": "hi", "name": format!("Ada {SECRET}")}]}),
            json!({"messages": [user, {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": arguments}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": "ok"}]}),
            json!({"messages": [user, {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": SECRET}]}),
            json!({"messages": [user], "tools": [{"type": "function", "function":
                {"name": "send", "description": SECRET, "parameters": {"type": "object"}}}]}),
            json!({"messages": [user], "tools": [{"type": "function", "function":
                {"name": "send", "parameters": {"type": "object", "properties": {"a": {"enum": [SECRET]}}}}}]}),
            json!({"messages": [user], "stop": [SECRET]}),
            json!({"messages": [user], "user": SECRET}),
            json!({"messages": [user], "metadata": {"a": SECRET}}),
            json!({"messages": [user], "metadata": {SECRET: "a"}}),
            json!({"messages": [user], "prediction": {"type": "content", "content": SECRET}}),
            json!({"messages": [user], "unheard_of": {"deep": [[{"er": SECRET}]]}}),
        ] {
            let mut body = body;
            body["model"] = json!("smart");
            let ask = Ask::chat(&body);
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "content_filter"),
                "{body}"
            );
            assert!(stand.received(&ask).is_empty());
        }
        for body in [
            json!({"system": SECRET, "messages": [user]}),
            json!({"system": [{"type": "text", "text": SECRET}], "messages": [user]}),
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": SECRET}]}]}),
            json!({"messages": [user, {"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"a": [SECRET]}}]},
                {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]}]}),
            json!({"messages": [user, {"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}}]},
                {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": SECRET}]}]}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": SECRET}}]}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "document", "title": SECRET,
                "source": {"type": "text", "media_type": "text/plain", "data": "a"}}]}]}),
            json!({"messages": [user], "tools": [{"name": "send", "description": SECRET,
                "input_schema": {"type": "object"}}]}),
            json!({"messages": [user], "stop_sequences": [SECRET]}),
            json!({"messages": [user], "metadata": {"user_id": SECRET}}),
        ] {
            let mut body = body;
            body["model"] = json!("smart");
            body["max_tokens"] = json!(100);
            let ask = Ask::messages(&body);
            let answer = stand.send(&ask).await;
            assert_refused(Speaks::Anthropic, &answer, "secrets-in");
            assert!(stand.received(&ask).is_empty());
        }
    });
}

#[test]
fn phrases_are_found_in_any_spelling() {
    run(async {
        let rule = json!({"name": "codenames", "phase": "input",
            "detect": {"phrases": ["Project Falcon"]}, "action": "block"});
        let stand = stand(&policy(&json!([rule]))).await;
        for text in [
            "about Project Falcon.",
            "about project-falcon.",
            "about PROJECTFALCON!",
            "about p r o j e c t f a l c o n",
            "about Рrоjесt Fаlсоn.",
            "about Ｐｒｏｊｅｃｔ Ｆａｌｃｏｎ.",
            "about Pro\u{200b}ject Fal\u{200d}con.",
            "about pr0j3ct f4lc0n",
        ] {
            for speaks in Speaks::ALL {
                let answer = stand.send(&speaks.ask(&call(text, false))).await;
                assert_refused(speaks, &answer, "codenames");
            }
        }
        for text in ["about projects of falconers", "a project, and a falcon"] {
            let answer = stand.send(&Ask::chat(&call(text, false))).await;
            assert_eq!(answer.status, 200, "{text}");
        }
    });
}

#[test]
fn own_patterns_ask_for_their_context_and_check_sum() {
    run(async {
        let rule = json!({"name": "staff", "phase": "input", "action": "mask", "detect": {"patterns": [
            {"name": "EMPLOYEE_ID", "regex": r"E-\d{11}", "check": "luhn", "context": ["badge"]}]}});
        let stand = stand(&policy(&json!([rule]))).await;
        for (text, goes_on) in [
            ("badge E-79927398713.", "badge <EMPLOYEE_ID>."),
            ("badge E-79927398714.", "badge E-79927398714."),
            ("paper E-79927398713.", "paper E-79927398713."),
        ] {
            let ask = Ask::chat(&call(text, false));
            assert_eq!(stand.send(&ask).await.status, 200);
            let sent = super::sent(&stand, &ask);
            assert_eq!(sent["messages"][0]["content"], goes_on);
        }
    });
}

#[test]
fn guardrails_are_those_of_the_tenant() {
    run(async {
        let mut rule = super::pii_in();
        rule["tenants"] = json!(["acme"]);
        let mut other = super::pii_in();
        other["name"] = json!("keep");
        other["mask"] = json!("keep_last_4");
        other["tenants"] = json!(["blue"]);
        let mut blocks = secrets_in();
        blocks["tenants"] = json!(["blue"]);
        let stand = stand(&policy(&json!([rule, other, blocks]))).await;
        let mut body = call(&format!("Ask {MAIL} now."), false);
        body["model"] = json!("light");
        let content = async |ask: Ask| {
            assert_eq!(stand.send(&ask).await.status, 200);
            super::sent(&stand, &ask)["messages"][0]["content"].take()
        };
        let acme = content(Ask::chat(&body)).await;
        assert_eq!(acme, "Ask <EMAIL_ADDRESS> now.");
        let blue = content(Ask::chat(&body).key("demo-blue-key")).await;
        assert!(blue.as_str().unwrap().ends_with(".org now."), "{blue}");
        assert_free_of(blue.as_str().unwrap().as_bytes(), &[MAIL]);
        body["messages"][0]["content"] = json!(SECRET);
        let acme = content(Ask::chat(&body)).await;
        assert_eq!(acme, SECRET);
        let answer = stand.send(&Ask::chat(&body).key("demo-blue-key")).await;
        assert_eq!(answer.code(), "content_filter");
        let page = metrics(&stand).await;
        assert!(
            page.contains(&counted("pii-in", "input", "EMAIL_ADDRESS", "mask", 1)),
            "{page}"
        );
        assert!(
            page.contains(&counted("keep", "input", "EMAIL_ADDRESS", "mask", 1)),
            "{page}"
        );
    });
}
