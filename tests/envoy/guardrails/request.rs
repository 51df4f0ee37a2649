/*! Rules on requests: what breaks them stays here, in both protocols. */

use super::{HTTP, assert_untold, counted, metrics, policy, sent, stand};
use serde_json::{Value, json};
use tollgate_tests::{Speaks, Stand, run};

/// As no text of policies and of Tollgate is.
const WORD: &str = "Quellbrunnig";

/// Rules of all kinds; the fraction comes as a string from Envoy's YAML.
fn bounds(action: &str) -> Value {
    json!({"name": "bounds", "phase": "input", "tenants": ["acme"], "action": action, "detect": {"request": {
    "models": ["smart"], "bytes": "64KiB", "tokens": 5000, "messages": 3, "images": 1,
    "roles": ["system", "user", "assistant", "tool"],
    "tools": {"allow": ["search", "get_*"]},
    "system_prompt": {"starts_with": "You are Zwexford's bot."},
    "parameters": {
        "temperature": {"minimum": 0, "maximum": 0.7},
        "max_tokens": {"maximum": 1000, "required": true},
        "stream": {"enum": [true, null]},
        "logit_bias": false,
        "metadata.kind": {"enum": ["a", "b"]},
    }}}})
}

/// A call that keeps all rules, as the protocol has it.
fn good(speaks: Speaks) -> Value {
    let system = "You are Zwexford's bot. Be kind.";
    let user = json!({"role": "user", "content": "hi"});
    let mut body =
        json!({"model": "smart", "max_tokens": 1000, "temperature": 0.7, "stream": true});
    match speaks {
        Speaks::OpenAi => {
            body["messages"] = json!([{"role": "system", "content": system}, user]);
            body["tools"] = json!([{"type": "function", "function": {"name": "get_it", "parameters": {"type": "object"}}}]);
        }
        Speaks::Anthropic => {
            body["messages"] = json!([user]);
            body["system"] = json!([{"type": "text", "text": system}]);
            body["tools"] = json!([{"name": "get_it", "input_schema": {"type": "object"}}]);
        }
    }
    body
}

fn image(speaks: Speaks) -> Value {
    match speaks {
        Speaks::OpenAi => {
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}})
        }
        Speaks::Anthropic => {
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}})
        }
    }
}

fn tool(speaks: Speaks, name: &str) -> Value {
    match speaks {
        Speaks::OpenAi => json!({"type": "function", "function": {"name": name}}),
        Speaks::Anthropic => json!({"name": name, "input_schema": {"type": "object"}}),
    }
}

/// Changes of the good call, the rule that they break, and what is told of it: status, field,
/// end of the message.
fn bad(speaks: Speaks) -> Vec<(Value, &'static str, u16, Option<&'static str>, &'static str)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good(speaks);
        change(&mut body);
        body
    };
    let user = |content: Value| json!({"role": "user", "content": content});
    let say = |body: &mut Value, message: Value| {
        body["messages"].as_array_mut().unwrap().push(message);
    };
    let hi = || user(json!("hi"));
    let mut list = vec![
        (
            with(&|body| body["unheard_of"] = json!(WORD.repeat(6000))),
            "BYTES",
            413,
            None,
            "at most 65536 bytes in a request.",
        ),
        (
            with(&|body| {
                say(
                    body,
                    user(json!(format!("{WORD} is what it says. ").repeat(1000))),
                )
            }),
            "TOKENS",
            400,
            None,
            "at most 5000 tokens in a prompt, as estimated here.",
        ),
        (
            with(&|body| (0..3).for_each(|_| say(body, hi()))),
            "MESSAGES",
            400,
            Some("messages"),
            "at most 3 messages.",
        ),
        (
            with(&|body| say(body, user(json!([image(speaks), image(speaks)])))),
            "IMAGES",
            400,
            Some("messages"),
            "at most 1 images.",
        ),
        (
            with(&|body| body["tools"] = json!([tool(speaks, WORD)])),
            "TOOLS",
            400,
            Some("tools"),
            "no tools that its list does not allow.",
        ),
        (
            with(&|body| body["temperature"] = json!(0.701)),
            "PARAMETER:temperature",
            400,
            Some("temperature"),
            "'temperature' to be at most 0.7.",
        ),
        (
            with(&|body| body["temperature"] = json!(WORD)),
            "PARAMETER:temperature",
            400,
            Some("temperature"),
            "'temperature' to be a number.",
        ),
        (
            with(&|body| body["max_completion_tokens"] = json!(100_000)),
            "PARAMETER:max_tokens",
            400,
            Some("max_completion_tokens"),
            "'max_completion_tokens' to be at most 1000.",
        ),
        (
            with(&|body| body["stream"] = json!(false)),
            "PARAMETER:stream",
            400,
            Some("stream"),
            "'stream' to be one of: true, null.",
        ),
        (
            with(&|body| body["logit_bias"] = json!({"50256": -100})),
            "PARAMETER:logit_bias",
            400,
            Some("logit_bias"),
            "'logit_bias' not to be there.",
        ),
        (
            with(&|body| body["Logit_Bias"] = json!({})),
            "PARAMETER:logit_bias",
            400,
            Some("logit_bias"),
            "'logit_bias' not to be there.",
        ),
        (
            with(&|body| body["metadata"] = json!({"kind": WORD})),
            "PARAMETER:metadata.kind",
            400,
            Some("metadata.kind"),
            "'metadata.kind' to be one of: a, b.",
        ),
    ];
    let other = format!("{WORD}. You are Zwexford's bot.");
    list.push(match speaks {
        Speaks::OpenAi => (
            with(&|body| body["messages"][0]["content"] = json!(other)),
            "SYSTEM_PROMPT",
            400,
            None,
            "a system prompt in front of all else, and another beginning of it.",
        ),
        Speaks::Anthropic => (
            with(&|body| body["system"] = json!(other)),
            "SYSTEM_PROMPT",
            400,
            None,
            "a system prompt in front of all else, and another beginning of it.",
        ),
    });
    if speaks == Speaks::OpenAi {
        list.push((
            with(&|body| say(body, json!({"role": "developer", "content": "hi"}))),
            "ROLES",
            400,
            Some("messages"),
            "no roles but these: system, user, assistant, tool.",
        ));
    }
    list
}

async fn start(action: &str) -> Stand {
    stand(&policy(&json!([bounds(action)]))).await
}

#[test]
fn what_breaks_a_rule_is_refused_in_the_callers_protocol() {
    run(async {
        let stand = start("block").await;
        for speaks in Speaks::ALL {
            for http in HTTP {
                let ask = speaks.ask(&good(speaks)).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let record = stand.record(&ask).await;
                assert_eq!(record.get("guardrails"), None, "{record}");
                for (body, what, status, param, wants) in bad(speaks) {
                    let ask = speaks.ask(&body).over(http);
                    let answer = stand.send(&ask).await;
                    let error = answer.json()["error"].take();
                    let told = answer.text();
                    assert_eq!(answer.status, status, "{what}: {told}");
                    assert_eq!(error["code"], "request_not_allowed", "{told}");
                    let message = format!("The guardrail 'bounds' wants {wants}");
                    assert_eq!(error["message"], message);
                    let (kind, param) = match (speaks, status) {
                        (Speaks::Anthropic, 413) => ("request_too_large", None),
                        (Speaks::Anthropic, _) => ("invalid_request_error", None),
                        (Speaks::OpenAi, _) => ("invalid_request_error", param),
                    };
                    assert_eq!(
                        (error["type"].as_str(), error["param"].as_str()),
                        (Some(kind), param),
                        "{told}"
                    );
                    assert_eq!(answer.header("x-should-retry"), "false");
                    assert!(!told.contains("Zwexford") && !told.contains(WORD), "{told}");
                    assert!(stand.received(&ask).is_empty());
                    let record = stand.record(&ask).await;
                    let wanted = json!([{"name": "bounds", "phase": "input", "action": "block", "found": {what: 1}}]);
                    assert_eq!(record["guardrails"], wanted, "{record}");
                    assert_eq!(
                        (&record["outcome"], &record["attempts"]),
                        (&json!("request_not_allowed"), &json!(0))
                    );
                }
            }
        }
        let page = metrics(&stand).await;
        // Two in each protocol, over both HTTPs.
        let line = counted("bounds", "input", "PARAMETER:temperature", "block", 8);
        assert!(page.contains(&line), "{line}{page}");
        assert_untold(&stand, &[WORD]).await;
    });
}

#[test]
fn monitors_count_all_that_is_broken() {
    run(async {
        let stand = start("monitor").await;
        let mut body = good(Speaks::OpenAi);
        body["temperature"] = json!(2);
        body["tools"] = json!([
            tool(Speaks::OpenAi, "get_it"),
            tool(Speaks::OpenAi, "a"),
            tool(Speaks::OpenAi, "b")
        ]);
        body["messages"] =
            json!([{"role": "user", "content": "hi"}, {"role": "developer", "content": "hi"}]);
        let ask = Speaks::OpenAi.ask(&body);
        assert_eq!(stand.send(&ask).await.status, 200);
        assert_eq!(sent(&stand, &ask)["temperature"], 2);
        let record = stand.record(&ask).await;
        let found = json!({"PARAMETER:temperature": 1, "ROLES": 1, "SYSTEM_PROMPT": 1, "TOOLS": 2});
        let wanted =
            json!([{"name": "bounds", "phase": "input", "action": "monitor", "found": found}]);
        assert_eq!(record["guardrails"], wanted);
        assert_eq!(record["outcome"], "ok");
        let line = counted("bounds", "input", "TOOLS", "monitor", 2);
        let page = metrics(&stand).await;
        assert!(page.contains(&line), "{line}{page}");
    });
}

/// Rules for one model of one tenant bind no others; other guardrails act beside them.
#[test]
fn rules_bind_whom_they_are_for() {
    run(async {
        let masks =
            json!({"name": "pii", "phase": "input", "detect": "personal_data", "action": "mask"});
        let stand = stand(&policy(&json!([bounds("block"), masks]))).await;
        let mut body = json!({"model": "light", "temperature": 2,
            "messages": [{"role": "user", "content": "I am ada@example.org"}]});
        for key in ["demo-acme-key", "demo-blue-key"] {
            let ask = Speaks::OpenAi.ask(&body).key(key);
            assert_eq!(stand.send(&ask).await.status, 200);
            let content = sent(&stand, &ask)["messages"][0]["content"].take();
            assert_eq!(content, "I am <EMAIL_ADDRESS>");
        }
        body["model"] = json!("smart");
        let answer = stand.send(&Speaks::OpenAi.ask(&body)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "request_not_allowed".to_owned())
        );
    });
}
