/*! The main property, through everything: a stream says what the whole answer says, however
it is cut, whoever speaks which protocol. */

use super::{
    CARD, HTTP, MAIL, PHONE, assert_ended, assert_free_of, call, pii_out, said, shared, with_tool,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_tests::{Ask, Config, Fleet, Form, Protocol, Speaks, Stand, fleet_policy, run};

const APIS: [&str; 2] = ["openai", "anthropic"];

fn text() -> String {
    format!("Write to {MAIL}, or call {PHONE}: \"Köln\"\n😀 a@b. Card {CARD}; {MAIL}")
}

const MASKED: &str = "Write to <EMAIL_ADDRESS>, or call <PHONE_NUMBER>: \"Köln\"\n😀 a@b. Card <CREDIT_CARD>; <EMAIL_ADDRESS>";

/// Ways in which a stream can come.
fn cuts() -> Vec<(Protocol, Value)> {
    let mut cuts = Vec::new();
    for (round, (chars, piece)) in [
        (Some(1), None),
        (Some(3), None),
        (Some(7), None),
        (None, None),
        (Some(1), Some(61)),
        (Some(3), Some(5)),
        (Some(7), Some(1)),
        (None, Some(190)),
    ]
    .into_iter()
    .enumerate()
    {
        cuts.push((HTTP[round % 2], json!({"chars": chars, "piece": piece})));
    }
    cuts
}

fn merged(script: &Value, cut: &Value) -> Value {
    let mut script = script.clone();
    for (key, value) in cut.as_object().unwrap() {
        script[key] = value.clone();
    }
    script
}

/// Whatever cuts there are, `body` is answered by streams that say what the whole answer
/// says. Returns that.
async fn check(
    (stand, api): (&Stand, &str),
    speaks: Speaks,
    body: &Value,
    script: &Value,
) -> BTreeMap<String, String> {
    let values = [MAIL, CARD, PHONE];
    let ask = speaks.ask(body).mock(script);
    let answer = stand.send(&ask).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_free_of(&answer.body, &values);
    let whole = said(speaks, &answer, false);
    let found = found(stand, &ask).await;
    let mut body = body.clone();
    body["stream"] = json!(true);
    for (http, cut) in cuts() {
        let ask = speaks.ask(&body).mock(&merged(script, &cut)).over(http);
        let answer = stand.send(&ask).await;
        let what = format!("{api} {speaks:?} {http:?} {cut}");
        assert_eq!(answer.status, 200, "{what}");
        assert!(answer.complete, "{what}");
        assert_ended(speaks, &answer);
        assert_eq!(said(speaks, &answer, true), whole, "{what}");
        assert_free_of(&answer.body, &values);
        assert_eq!(self::found(stand, &ask).await, found, "{what}");
    }
    whole
}

/// What the record says that was found.
async fn found(stand: &Stand, ask: &Ask) -> Value {
    let mut record = stand.record(ask).await;
    assert_eq!(record["outcome"], "ok", "{record}");
    record["guardrails"].take()
}

#[test]
fn text_and_thoughts() {
    run(async {
        for api in APIS {
            let stand = shared(&json!([pii_out()]), api).await;
            for speaks in Speaks::ALL {
                let script = json!({"text": text(),
                    "reasoning": format!("He is {MAIL} I think, his card is {CARD} and he says so")});
                let whole = check((stand, api), speaks, &call("hi", false), &script).await;
                let mut texts = whole.values();
                assert!(texts.any(|text| text == MASKED), "{whole:?}");
                let same = matches!(
                    (speaks, api),
                    (Speaks::OpenAi, "openai") | (Speaks::Anthropic, "anthropic")
                );
                let thought =
                    "He is <EMAIL_ADDRESS> I think, his card is <CREDIT_CARD> and he says so";
                if same {
                    assert!(whole.values().any(|text| text == thought), "{whole:?}");
                }
            }
        }
    });
}

#[test]
fn arguments_of_tools() {
    run(async {
        for api in APIS {
            let stand = shared(&json!([pii_out()]), api).await;
            let arguments = json!({"to": [MAIL, format!("\"{MAIL}\"\n\\")], "card": 4_111_111_111_111_111_u64,
                "call": PHONE, "😀": "ö"});
            for speaks in Speaks::ALL {
                let mut body = with_tool(speaks, call("hi", false));
                body["mock_arguments"] = json!(arguments.to_string());
                let translated = (speaks == Speaks::OpenAi) != (api == "openai");
                if translated {
                    // Translation leaves out what it does not know.
                    continue;
                }
                let script = json!({"tools": 2});
                let whole = check((stand, api), speaks, &body, &script).await;
                let wanted = json!({"to": ["<EMAIL_ADDRESS>", "\"<EMAIL_ADDRESS>\"\n\\"],
                    "card": "<CREDIT_CARD>", "call": "<PHONE_NUMBER>", "😀": "ö"})
                .to_string();
                let calls: Vec<&str> = whole.values().map(String::as_str).collect();
                assert_eq!(calls, [wanted.as_str(); 2]);
            }
        }
    });
}

/// With a filter of its own for each provider, and another provider after the first has failed.
#[test]
fn several_providers() {
    run(async {
        let mut policy = fleet_policy();
        policy["guardrails"] = json!([pii_out(), super::pii_in()]);
        let fleet = Fleet::start(Config::fallback().policy(&policy, Form::Struct)).await;
        for (model, [first, second]) in [("smart", ["a", "b"]), ("light", ["b", "a"])] {
            for speaks in Speaks::ALL {
                for failing in [None, Some(first)] {
                    let mut body = call(&format!("I am {MAIL}."), false);
                    body["model"] = json!(model);
                    let scripts = |cut: &Value| {
                        let good = merged(&json!({"text": text()}), cut);
                        let first_does = match failing {
                            None => good.clone(),
                            Some(_) => json!({"status": 500, "text": MAIL}),
                        };
                        json!({first: first_does, second: good})
                    };
                    let ask = speaks.ask(&body).mock(&scripts(&json!({})));
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert_eq!(speaks.said(&answer, false), MASKED);
                    body["stream"] = json!(true);
                    for (http, cut) in cuts() {
                        let ask = speaks.ask(&body).mock(&scripts(&cut)).over(http);
                        let answer = fleet.send(&ask).await;
                        let what = format!("{model} {speaks:?} {failing:?} {http:?} {cut}");
                        assert_eq!(speaks.said(&answer, true), MASKED, "{what}");
                        assert_ended(speaks, &answer);
                        assert_free_of(&answer.body, &[MAIL, CARD, PHONE]);
                        for mock in [first, second] {
                            for received in fleet.received(mock, &ask) {
                                assert_free_of(&received.body, &[MAIL]);
                            }
                        }
                        let record = fleet.record(&ask).await;
                        assert_eq!(record["outcome"], "ok", "{record}");
                        assert_eq!(
                            record["guardrails"].as_array().map(Vec::len),
                            Some(2),
                            "{record}"
                        );
                    }
                }
            }
        }
    });
}
