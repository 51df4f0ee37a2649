use super::super::Adapt;
use super::*;
use crate::protocols::Api;
use crate::protocols::texts::{Found, answer_texts, blocked_answer, request_texts};
use serde_json::{Value, json};

fn request(body: &str) -> PlainRequest<'_> {
    read_embedding(body.as_bytes(), Prompt::default()).expect(body)
}

const PLAIN: Adapt<'_> = Adapt {
    model: "text-embedding-3-small",
    remove_fields: &[],
    max_tokens_field: None,
    max_output: None,
    default_output: Some(16),
    store: false,
    ask_usage: true,
};

#[test]
fn inputs() {
    for (input, framing, bytes) in [
        (json!("abc"), 0, 3),
        (json!(["a", "bc"]), 0, 3),
        (json!([1, 2, 3]), 3, 0),
        (json!([[1, 2], [3]]), 3, 0),
    ] {
        let body = json!({"model": "m", "input": input, "dimensions": 256}).to_string();
        let traits = request(&body).traits;
        assert_eq!((traits.framing, traits.text.bytes()), (framing, bytes));
        assert_eq!((traits.max_output, traits.stream), (Some(0), false));
    }
}

#[test]
fn wrong_requests_are_refused_with_their_field() {
    for (body, code, param) in [
        (
            r#"{"input":"a"}"#,
            "missing_required_parameter",
            Some("model"),
        ),
        (
            r#"{"model":"m"}"#,
            "missing_required_parameter",
            Some("input"),
        ),
        (
            r#"{"model":"m","input":null}"#,
            "missing_required_parameter",
            Some("input"),
        ),
        (
            r#"{"model":"m","input":[]}"#,
            "invalid_value",
            Some("input"),
        ),
        (
            r#"{"model":"m","input":["a",1]}"#,
            "invalid_value",
            Some("input"),
        ),
        (
            r#"{"model":"m","input":{"text":"a"}}"#,
            "invalid_value",
            Some("input"),
        ),
        (
            r#"{"model":"m","input":"a","input":"b"}"#,
            "duplicate_key",
            None,
        ),
        (
            r#"{"model":"m","input":"a","Input":"b"}"#,
            "duplicate_key",
            None,
        ),
        ("[]", "invalid_value", Some("body")),
    ] {
        let refusal = read_embedding(body.as_bytes(), Prompt::default()).expect_err(body);
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            (code, param),
            "{body}"
        );
        assert_eq!(refusal.kind.status(), 400);
    }
}

#[test]
fn only_the_model_and_unknown_fields_change() {
    let body = r#"{ "model":"m" , "input":["a"],"user":"u","encoding_format":"base64"}"#;
    let fields = ["user".to_owned(), "input".to_owned()];
    let adapt = Adapt {
        remove_fields: &fields,
        ..PLAIN
    };
    let new = request(body).adapt(body.as_bytes(), &adapt).unwrap();
    let new = String::from_utf8(new.whole(body.as_bytes())).unwrap();
    assert_eq!(
        new,
        r#"{ "model":"text-embedding-3-small" , "input":["a"],"encoding_format":"base64"}"#
    );
    let same = Adapt {
        model: "m",
        ..PLAIN
    };
    assert!(request(body).adapt(body.as_bytes(), &same).is_none());
}

#[test]
fn texts_stand_in_requests_alone() {
    let found = |body: Value| {
        let body = body.to_string();
        let mut all = Vec::new();
        request_texts(Api::Embeddings, body.as_bytes(), &mut |found| {
            all.push(match found {
                Found::Text(text) => format!("{:?} {}", text.origin, text.text.value()),
                other => format!("{other:?}"),
            });
        })
        .unwrap();
        all
    };
    let body = json!({"model": "ada@example.org", "input": ["of Ada", "b"], "user": "u v",
        "encoding_format": "float", "dimensions": 1234567});
    assert_eq!(found(body), ["User of Ada", "User b", "Other u v"]);
    for tokens in [json!([1, 2]), json!([[1, 2], [3]])] {
        let told = found(json!({"model": "m", "input": tokens}));
        assert!(told.iter().all(|one| one == "Unscannable(Tokens)") && !told.is_empty());
    }
    let answer = |embedding: Value| {
        json!({"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0,
            "embedding": embedding}], "usage": {"prompt_tokens": 1234567, "total_tokens": 1234567}})
        .to_string()
    };
    let said = |answer: &str| {
        let texts = answer_texts(Api::Embeddings, answer.as_bytes()).unwrap();
        let said = texts.said.iter().map(|said| said.text.value().into_owned());
        said.collect::<Vec<_>>()
    };
    assert!(said(&answer(json!([0.25, -1234567.5, 1e-9]))).is_empty());
    assert!(said(&answer(json!("AACAPw=="))).is_empty());
    assert_eq!(said(&answer(json!("ada@example.org"))), ["ada@example.org"]);
    assert_eq!(said(&answer(json!([0.5, "of Ada"]))), ["of Ada"]);
    let blocked = blocked_answer(Api::Embeddings, answer(json!([0.5])).as_bytes(), &[]);
    let blocked: Value = serde_json::from_slice(&blocked).unwrap();
    assert_eq!(
        (&blocked["data"], &blocked["model"]),
        (&json!([]), &json!("m"))
    );
    assert_eq!(blocked["usage"]["prompt_tokens"], 1234567);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
        let _ = read_embedding(&bytes, Prompt::default());
    }
}
