use super::*;

const API: Api = Api::Completions;

fn requested(members: Value) -> Vec<String> {
    let mut body = members;
    body["model"] = json!("gpt-3.5-turbo-instruct");
    found(API, &body)
}

#[test]
fn prompts() {
    for (members, wanted) in [
        (json!({"prompt": "of Ada"}), vec!["User of Ada"]),
        (
            json!({"prompt": ["a b", "c"], "echo": true}),
            vec!["User a b", "User c"],
        ),
        (json!({"prompt": null}), vec![]),
        (json!({"prompt": [], "n": 2}), vec![]),
        (json!({"prompt": [1212, 318]}), vec!["!Tokens"]),
        (
            json!({"prompt": [[1212], [318, 4]]}),
            vec!["!Tokens", "!Tokens"],
        ),
        (json!({"prompt_embeds": "AAAA"}), vec!["!Tokens"]),
        (json!({"suffix": "the end"}), vec!["User the end"]),
        (
            json!({"stop": ["a b"], "user": "ada@example.org"}),
            vec!["Other a b", "Other ada@example.org"],
        ),
        (
            json!({"logit_bias": {"eos": -100}, "logprobs": 5, "best_of": 3, "seed": 4111111111111111_u64, "max_tokens": 1234567}),
            vec![],
        ),
        (json!({"unheard_of": {"a": ["b c"]}}), vec!["Other b c"]),
        (
            json!({"unheard_of": "data:image/png;base64,AAAA"}),
            vec!["!Media"],
        ),
    ] {
        let mut found = requested(members.clone());
        found.sort();
        assert_eq!(found, wanted, "{members}");
    }
    // White space in front of the first token hides nothing.
    let mut unscannable = 0;
    request_texts(API, b"{\"prompt\":[ \n 12, 13]}", &mut |found| {
        assert!(matches!(found, Found::Unscannable(Unscannable::Tokens)));
        unscannable += 1;
    })
    .unwrap();
    assert_eq!(unscannable, 1);
}

fn chunk(choices: Value) -> Value {
    json!({"id": "cmpl-1", "object": "text_completion", "created": 17, "model": "m",
        "system_fingerprint": "fp_1", "choices": choices})
}

#[test]
fn chunks() {
    let choice = json!([{"text": "of Ada", "index": 2, "logprobs": null, "finish_reason": null}]);
    let wanted = (vec!["2 Text 0 of Ada".to_owned()], Ends::Nothing);
    assert_eq!(event(API, &chunk(choice)), wanted);
    let last = json!([{"text": "", "index": 2, "finish_reason": "stop"}]);
    assert_eq!(event(API, &chunk(last)), (vec![], Ends::Parts(vec![2])));
    let probable = json!([{"index": 0, "text": "Ada", "logprobs": {"tokens": ["Ada"], "token_logprobs": [-1.0]}, "prompt_logprobs": [{"1": {"decoded_token": "Ada"}}]}]);
    let data = chunk(probable).to_string();
    let texts = event_texts(API, data.as_bytes()).unwrap();
    assert_eq!(lines(&texts.said), ["0 Text 0 Ada"]);
    assert_eq!(texts.removed.len(), 2);
    assert_eq!(emptied(API), "null");
    assert_eq!(event_texts(API, b"[DONE]").unwrap().ends, Ends::All);
    let whole =
        chunk(json!([{"text": "a", "index": 1}, {"text": "b", "index": 0, "reasoning": "c"}]));
    let mut said = answered(API, &whole);
    said.sort();
    assert_eq!(said, ["0 Reasoning 0 c", "0 Text 0 b", "1 Text 0 a"]);
}

#[test]
fn the_rest_comes_in_chunks_like_the_last() {
    let mut last = chunk(json!([{"text": "", "index": 1, "finish_reason": "stop"}]));
    last["usage"] = json!({"prompt_tokens": 3});
    let key = |part, kind| ChannelKey {
        part,
        kind,
        index: 0,
    };
    let rest = [
        (key(1, ChannelKind::Text), "a \"b\"".to_owned()),
        (key(0, ChannelKind::Reasoning), "c".to_owned()),
    ];
    let events = String::from_utf8(rest_events(API, last.to_string().as_bytes(), &rest)).unwrap();
    let made: Vec<Value> = events
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let mut wanted = [chunk(json!([])), chunk(json!([]))];
    wanted[0]["choices"] =
        json!([{"index": 1, "text": "a \"b\"", "logprobs": null, "finish_reason": null}]);
    wanted[1]["choices"] = json!([{"index": 0, "text": "", "reasoning": "c", "logprobs": null, "finish_reason": null}]);
    for chunk in &mut wanted {
        chunk["usage"] = Value::Null;
    }
    assert_eq!(made, wanted);
    assert_eq!(event(API, &made[0]).0, ["1 Text 0 a \"b\""]);
    assert_eq!(event(API, &made[1]).0, ["0 Reasoning 0 c"]);
}

#[test]
fn a_blocked_answer_keeps_no_more_than_it_may() {
    let mut body = chunk(
        json!([{"index": 1, "text": "secret", "logprobs": {"tokens": ["secret"]}}, {"index": 0, "text": "secret"}]),
    );
    body["usage"] = json!({"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5});
    body["note"] = json!("secret");
    let kept = [
        (1, "so ".to_owned()),
        (1, "much".to_owned()),
        (9, "lost".to_owned()),
    ];
    let blocked = blocked_answer(API, body.to_string().as_bytes(), &kept);
    let blocked: Value = serde_json::from_slice(&blocked).unwrap();
    let choice = |index: u32, text: &str| json!({"index": index, "text": text, "logprobs": null, "finish_reason": "content_filter"});
    let mut wanted = chunk(json!([choice(1, "so much"), choice(0, "")]));
    wanted["usage"] = body["usage"].clone();
    assert_eq!(blocked, wanted);
}
