use super::super::Adapt;
use super::*;
use crate::protocols::Api;
use crate::protocols::texts::{Found, Unscannable, answer_texts, blocked_answer, request_texts};
use serde_json::{Value, json};

fn adapt<'a>(model: &'a str, remove_fields: &'a [String]) -> Adapt<'a> {
    Adapt {
        model,
        remove_fields,
        max_tokens_field: None,
        max_output: None,
        default_output: None,
        ask_usage: true,
        store: false,
    }
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

#[test]
fn texts_and_images() {
    let mixed = json!([{"type": "text", "text": "bc"}, image("https://example.com/a.png")]);
    for (input, bytes, has_image) in [
        (json!("abc"), 3, false),
        (json!(["a", "bc"]), 3, false),
        (mixed, 2, true),
    ] {
        let body = json!({"model": "m", "input": input}).to_string();
        let request = read_moderation(body.as_bytes(), Prompt::default()).unwrap();
        let traits = request.traits;
        assert_eq!((traits.text.bytes(), traits.image), (bytes, has_image));
        assert_eq!((traits.max_output, traits.stream), (Some(0), false));
        assert_eq!(traits.tariff, Tariff::IfPriced);
    }
}

#[test]
fn the_models_name_is_replaced_or_added() {
    for (body, fields, wanted) in [
        (
            r#"{"model":"m","input":"a","x":1}"#,
            &[][..],
            r#"{"model":"t","input":"a","x":1}"#,
        ),
        (
            r#"{"input":"a","x":1}"#,
            &["x".to_owned(), "input".to_owned()][..],
            r#"{"model":"t","input":"a"}"#,
        ),
    ] {
        let request = read_moderation(body.as_bytes(), Prompt::default()).unwrap();
        let named = if body.contains("model") {
            "m"
        } else {
            USUAL_MODEL
        };
        assert_eq!(request.model, named);
        let new = request.adapt(body.as_bytes(), &adapt("t", fields)).unwrap();
        assert_eq!(
            String::from_utf8(new.whole(body.as_bytes())).unwrap(),
            wanted
        );
    }
}

#[test]
fn wrong_requests_are_refused_with_their_field() {
    for (body, code, param) in [
        ("{}", "missing_required_parameter", "input"),
        (r#"{"input":null}"#, "missing_required_parameter", "input"),
        (r#"{"input":[]}"#, "invalid_value", "input"),
        (r#"{"input":7}"#, "invalid_value", "input"),
        (r#"{"input":["a",7]}"#, "invalid_value", "input"),
        (r#"{"input":"a","model":null}"#, "invalid_value", "model"),
        (r#"{"input":"a","model":""}"#, "invalid_value", "model"),
    ] {
        let refusal = read_moderation(body.as_bytes(), Prompt::default()).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            (code, Some(param)),
            "{body}"
        );
    }
    let twice = r#"{"input":[{"text":"a","text":"b"}]}"#;
    let refusal = read_moderation(twice.as_bytes(), Prompt::default()).unwrap_err();
    assert_eq!(refusal.code, "duplicate_key");
}

#[test]
fn what_is_looked_at() {
    let body = json!({"model": "m", "input": [{"type": "text", "text": "one"},
        image("https://example.com/two.png"), image("data:image/png;base64,AAAA")], "user": "four"});
    let body = body.to_string();
    let (mut texts, mut unscannable) = (Vec::new(), Vec::new());
    request_texts(
        Api::Moderations,
        body.as_bytes(),
        &mut |found| match found {
            Found::Text(text) => texts.push(text.text.value().into_owned()),
            Found::Unscannable(kind) => unscannable.push(kind),
            Found::AsksForJson => {}
        },
    )
    .unwrap();
    texts.sort();
    assert_eq!(texts, ["four", "https://example.com/two.png", "one"]);
    assert_eq!(unscannable, [Unscannable::Remote, Unscannable::Media]);
}

#[test]
fn scores_are_no_texts() {
    let answer = json!({"id": "modr-1", "model": "omni-moderation-latest", "results": [{
        "flagged": true, "categories": {"self-harm/intent": true, "hate": false},
        "category_scores": {"self-harm/intent": 0.9, "hate": 1.6e-7},
        "category_applied_input_types": {"self-harm/intent": ["text"]}, "note": "hidden"}]});
    let body = answer.to_string();
    let texts = answer_texts(Api::Moderations, body.as_bytes()).unwrap();
    let said: Vec<_> = texts.said.iter().map(|said| said.text.value()).collect();
    assert_eq!(said, ["hidden"]);
    let blocked = blocked_answer(Api::Moderations, body.as_bytes(), &[]);
    let blocked: Value = serde_json::from_slice(&blocked).unwrap();
    assert_eq!(blocked["results"], json!([]));
}
