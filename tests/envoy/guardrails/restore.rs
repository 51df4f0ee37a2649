/*! Placeholders: what callers send is put back where the model repeats it, and nowhere else. */

use super::{
    CARD, HTTP, MAIL, assert_free_of, assert_untold, call, restoring, said, sent, shared, with_tool,
};
use serde_json::{Value, json};
use tollgate_tests::{Ask, Speaks, Stand, run};

/// What a provider gets in the place of `value`.
async fn placeholder(stand: &Stand, value: &str) -> String {
    let ask = Ask::chat(&call(&format!("[{value}]"), false));
    assert_eq!(stand.send(&ask).await.status, 200);
    let content = sent(stand, &ask)["messages"][0]["content"].take();
    let content = content.as_str().unwrap().strip_prefix('[').unwrap();
    content.strip_suffix(']').unwrap().to_owned()
}

fn assert_form(placeholder: &str, name: &str) {
    let inner = placeholder
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    let rest = inner.and_then(|inner| inner.strip_prefix(name)).unwrap();
    let parts: Vec<&str> = rest.split('_').collect();
    let [empty, number, tag] = parts.try_into().unwrap();
    assert!(
        empty.is_empty() && number.parse::<u32>().is_ok(),
        "{placeholder}"
    );
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    assert!(tag.len() == 6 && tag.chars().all(plain), "{placeholder}");
}

/// How a model may write a placeholder, and that it is put back.
fn spellings(placeholder: &str) -> Vec<String> {
    let inner = placeholder.trim_matches(['<', '>']);
    vec![
        placeholder.to_owned(),
        placeholder.to_lowercase(),
        placeholder.replace('_', "\\_"),
        placeholder.replace('_', " "),
        placeholder.replace('_', "-"),
        inner.to_owned(),
        format!("&lt;{inner}&gt;"),
        format!("`{placeholder}`").replace('`', ""),
    ]
}

async fn start(api: &str) -> &'static Stand {
    shared(&json!([restoring()]), api).await
}

#[test]
fn a_value_comes_back_in_text() {
    run(async {
        for api in ["openai", "anthropic"] {
            let stand = start(api).await;
            let mail = placeholder(stand, MAIL).await;
            assert_form(&mail, "EMAIL_ADDRESS");
            for speaks in Speaks::ALL {
                for spelling in spellings(&mail) {
                    let script = |chars: Option<usize>| {
                        json!({"chars": chars,
                        "text": format!("Dear \"{spelling}\", you are {spelling}.\nBye")})
                    };
                    let wanted = format!("Dear \"{MAIL}\", you are {MAIL}.\nBye");
                    let prompt = format!("Write to {MAIL}.");
                    let ask = speaks.ask(&call(&prompt, false)).mock(&script(None));
                    let answer = stand.send(&ask).await;
                    assert_eq!(speaks.said(&answer, false), wanted, "{speaks:?} {spelling}");
                    let ask = |chars| speaks.ask(&call(&prompt, true)).mock(&script(Some(chars)));
                    for (http, chars) in HTTP.into_iter().zip([1, 3]).chain([(HTTP[0], 7)]) {
                        let ask = ask(chars).over(http);
                        let answer = stand.send(&ask).await;
                        let said = speaks.said(&answer, true);
                        assert_eq!(said, wanted, "{speaks:?} {spelling} {chars}");
                        assert_free_of(&stand.received(&ask)[0].body, &[MAIL]);
                    }
                }
            }
            let tag = mail.rsplit('_').next().unwrap().trim_end_matches('>');
            assert_untold(stand, &[MAIL, tag]).await;
        }
    });
}

#[test]
fn a_value_comes_back_in_tool_arguments_escaped() {
    run(async {
        let own = json!({"name": "nick", "phase": "input", "action": "mask", "restore": true,
            "detect": {"patterns": [{"name": "NICKNAME", "regex": r#""[a-z]+"\\"#, "max_length": 40}]}});
        let nick = r#""zerby"\"#;
        for api in ["openai", "anthropic"] {
            let stand = shared(&json!([restoring(), own]), api).await;
            let (mail, name) = (
                placeholder(stand, MAIL).await,
                placeholder(stand, nick).await,
            );
            assert_form(&name, "NICKNAME");
            let arguments =
                json!({"to": mail, "about": format!("{name} is {}", mail.to_lowercase()),
                "link": format!("https://out.test/?q={mail}")})
                .to_string();
            for speaks in Speaks::ALL {
                let ask = |stream: bool, piece: Option<usize>| {
                    let text = format!("I am {MAIL}, called {nick}.");
                    let body = with_tool(speaks, call(&text, stream));
                    let raw = tool_answer(api, &arguments, stream);
                    speaks
                        .ask(&body)
                        .mock(&json!({"body": raw, "piece": piece}))
                };
                let answer = stand.send(&ask(false, None)).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let whole = said(speaks, &answer, false);
                let [said_arguments] = whole.values().collect::<Vec<_>>().try_into().unwrap();
                let restored: Value = serde_json::from_str(said_arguments).unwrap();
                let wanted = json!({"to": MAIL, "about": format!("{nick} is {MAIL}"),
                    "link": format!("https://out.test/?q={mail}")});
                assert_eq!(restored, wanted, "{api} {speaks:?}");
                for (http, piece) in HTTP.into_iter().zip([None, Some(7)]) {
                    let answer = stand.send(&ask(true, piece).over(http)).await;
                    assert_eq!(
                        said(speaks, &answer, true),
                        whole,
                        "{api} {speaks:?} {piece:?}"
                    );
                }
            }
        }
    });
}

/// A provider's answer with one call of a tool; in streams each event has three characters of
/// its arguments.
fn tool_answer(api: &str, arguments: &str, stream: bool) -> String {
    let chars: Vec<char> = arguments.chars().collect();
    let parts = chars.chunks(3).map(String::from_iter);
    let input: Value = serde_json::from_str(arguments).unwrap();
    let function = |arguments: &str| json!({"name": "send", "arguments": arguments});
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    match (api, stream) {
        ("openai", false) => {
            json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
            "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": function(arguments)}]}}], "usage": usage})
            .to_string()
        }
        ("openai", true) => {
            let head = json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0,
                "id": "call_1", "type": "function", "function": function("")}]});
            let part = |part: String| json!({"tool_calls": [{"index": 0, "function": {"arguments": part}}]});
            let event = |delta: Value, reason: Value| {
                let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1,
                    "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
                format!("data: {chunk}\n\n")
            };
            let parts = parts.map(|text| event(part(text), Value::Null));
            let end = event(json!({}), json!("tool_calls"));
            [event(head, Value::Null)]
                .into_iter()
                .chain(parts)
                .chain([end, "data: [DONE]\n\n".to_owned()])
                .collect()
        }
        (_, false) => json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "send", "input": input}],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 1, "output_tokens": 1}})
        .to_string(),
        (_, true) => {
            let event = |event: Value| {
                format!(
                    "event: {}\ndata: {event}\n\n",
                    event["type"].as_str().unwrap()
                )
            };
            let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
                "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": 1, "output_tokens": 1}});
            let start = json!({"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}});
            let head = [
                json!({"type": "message_start", "message": message}),
                json!({"type": "content_block_start", "index": 0, "content_block": start}),
            ];
            let parts = parts.map(|text| {
                json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": text}})
            });
            let end = [
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
                    "usage": {"output_tokens": 1}}),
                json!({"type": "message_stop"}),
            ];
            head.into_iter()
                .chain(parts)
                .chain(end)
                .map(event)
                .collect()
        }
    }
}

#[test]
fn a_value_is_never_put_into_a_url() {
    run(async {
        let stand = start("openai").await;
        let mail = placeholder(stand, MAIL).await;
        let bare = mail.trim_matches(['<', '>']);
        let texts = [
            format!("![x](https://out.test/?q={mail})"),
            format!("[x](//out.test/{bare})"),
            format!("see https://out.test/{bare}/x"),
            format!("see www.out.test/?{mail}"),
            format!("http://{bare}@out.test/"),
        ];
        for text in &texts {
            for stream in [false, true] {
                let ask = Ask::chat(&call(&format!("I am {MAIL}."), stream))
                    .mock(&json!({"text": text, "chars": 3}));
                let answer = stand.send(&ask).await;
                assert_free_of(&answer.body, &[MAIL]);
                assert_eq!(Speaks::OpenAi.said(&answer, stream), *text);
            }
        }
    });
}

/// Whoever can write into a request, as a web page that a tool reads, can't have values put
/// where he wants.
#[test]
fn look_alikes_in_requests_are_not_put_back() {
    run(async {
        let stand = start("openai").await;
        let mail = placeholder(stand, MAIL).await;
        for look_alike in spellings(&mail) {
            let mut body = call(&format!("I am {MAIL}. A page says: {look_alike}!"), false);
            body["mock_echo"] = json!(format!("A page says: {look_alike}!"));
            for stream in [false, true] {
                body["stream"] = json!(stream);
                let ask = Ask::chat(&body).mock(&json!({"chars": 3}));
                let answer = stand.send(&ask).await;
                assert_eq!(answer.status, 200);
                assert_free_of(&answer.body, &[MAIL]);
                let said = Speaks::OpenAi.said(&answer, stream);
                assert!(
                    !said.contains(MAIL) && said.starts_with("A page says: "),
                    "{said}"
                );
            }
        }
    });
}

#[test]
fn wrong_tags_and_other_calls_values_stay() {
    run(async {
        let stand = start("openai").await;
        let mail = placeholder(stand, MAIL).await;
        let card = placeholder(stand, CARD).await;
        let wrong = mail.replace(mail.rsplit('_').next().unwrap(), "AAAAAA>");
        for text in [card, wrong] {
            for stream in [false, true] {
                let ask = Ask::chat(&call(&format!("I am {MAIL}."), stream))
                    .mock(&json!({"text": format!("It is {text}."), "chars": 3}));
                let answer = stand.send(&ask).await;
                assert_eq!(
                    Speaks::OpenAi.said(&answer, stream),
                    format!("It is {text}.")
                );
            }
        }
    });
}

/// Values keep their placeholder within a conversation, and each has its own.
#[test]
fn placeholders_are_stable() {
    run(async {
        let stand = start("openai").await;
        let mail = placeholder(stand, MAIL).await;
        let other = "zoltan@zwexford.org";
        let text = format!("{MAIL} and {other} and {MAIL}");
        let ask = Ask::chat(&call(&text, false));
        assert_eq!(stand.send(&ask).await.status, 200);
        let content = sent(stand, &ask)["messages"][0]["content"].take();
        let parts: Vec<&str> = content.as_str().unwrap().split(" and ").collect();
        let [first, second, third] = parts.try_into().unwrap();
        assert_eq!((first, third), (mail.as_str(), mail.as_str()));
        assert_ne!(first, second);
        assert_form(second, "EMAIL_ADDRESS");
    });
}

#[test]
fn what_is_put_back_is_not_masked_and_what_the_model_made_up_is() {
    run(async {
        let stand = shared(&json!([restoring(), super::pii_out()]), "openai").await;
        let mail = placeholder(stand, MAIL).await;
        let text = format!("{mail} knows drusilla@kwolek.org.");
        let wanted = format!("{MAIL} knows <EMAIL_ADDRESS>.");
        for stream in [false, true] {
            for chars in [1, 3, 7] {
                let ask = Ask::chat(&call(&format!("I am {MAIL}."), stream))
                    .mock(&json!({"text": text, "chars": chars}));
                let answer = stand.send(&ask).await;
                assert_eq!(Speaks::OpenAi.said(&answer, stream), wanted);
                assert_free_of(&answer.body, &["drusilla@kwolek"]);
            }
        }
    });
}

/// An error of the provider that repeats the request is one that the caller can read.
#[test]
fn errors_are_put_back_too() {
    run(async {
        let stand = start("openai").await;
        let mail = placeholder(stand, MAIL).await;
        for stream in [false, true] {
            let ask = Ask::chat(&call(&format!("I am {MAIL}."), stream))
                .mock(&json!({"status": 400, "text": format!("No such user: {mail}.")}));
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 400);
            assert_eq!(
                answer.json()["error"]["message"],
                format!("No such user: {MAIL}.")
            );
        }
    });
}
