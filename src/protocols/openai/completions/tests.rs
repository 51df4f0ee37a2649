use super::*;
use crate::json::tests::{Tape, arb_string, arb_tape, arb_value, cases, render};
use crate::protocols::openai::Adapt;
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A request with these members besides the model.
fn body(members: &str) -> String {
    format!(r#"{{"model":"smart",{members}}}"#)
}

fn request(body: &str) -> CompletionRequest<'_> {
    read_completion(body.as_bytes(), Prompt::default()).expect(body)
}

fn traits(members: &str) -> Traits {
    request(&body(members)).traits
}

fn refused(body: &[u8]) -> (&'static str, Option<String>) {
    let refusal =
        read_completion(body, Prompt::default()).expect_err(&String::from_utf8_lossy(body));
    assert_eq!(refusal.kind.status(), 400);
    (refusal.code, refusal.param)
}

const PLAIN: Adapt<'_> = Adapt {
    model: "smart",
    remove_fields: &[],
    max_tokens_field: None,
    max_output: None,
    default_output: None,
    ask_usage: false,
    store: false,
};

fn adapted(body: &str, adapt: &Adapt<'_>) -> Option<String> {
    let rewrite = request(body).adapt(body.as_bytes(), adapt)?;
    let new = rewrite.whole(body.as_bytes());
    assert_eq!(new.len(), rewrite.length);
    Some(String::from_utf8(new).unwrap())
}

#[test]
fn prompts_and_their_answers() {
    for (members, answers, framing, bytes) in [
        (r#""prompt":"abc""#, 1, 0, 3),
        (r#""prompt":"abc","suffix":"de""#, 1, 0, 5),
        (r#""prompt":null"#, 1, 0, 0),
        (r#""prompt":["a","bc"]"#, 2, 0, 3),
        (r#""prompt":[1,2,3]"#, 1, 3, 0),
        (r#""prompt":[[1,2],[3],[]]"#, 3, 3, 0),
        (r#""prompt":"a","n":3"#, 3, 0, 1),
        (r#""prompt":"a","n":3,"best_of":5"#, 5, 0, 1),
        (r#""prompt":["a","b"],"n":3,"best_of":null"#, 6, 0, 2),
        (r#""prompt":"a","n":18446744073709551615"#, u64::MAX, 0, 1),
        (
            r#""prompt":["a","b"],"n":18446744073709551615"#,
            u64::MAX,
            0,
            2,
        ),
    ] {
        let traits = traits(members);
        assert_eq!(traits.answers, answers, "{members}");
        assert_eq!(traits.framing, framing + framing::REQUEST, "{members}");
        assert_eq!(traits.text.bytes(), bytes, "{members}");
    }
}

#[test]
fn what_is_asked_for() {
    let traits = traits(
        r#""prompt":"a","stream":true,"max_tokens":7,"echo":true,"logprobs":5,"logit_bias":{"50256":-100}"#,
    );
    assert!(traits.stream);
    assert_eq!(traits.max_output, Some(7));
    assert!(!traits.tools && !traits.image && !traits.audio && !traits.file);
    let asks = |members: &str| request(&body(members)).asks_for_usage();
    assert!(asks(
        r#""prompt":"a","stream_options":{"include_usage":true}"#
    ));
    assert!(!asks(
        r#""prompt":"a","stream_options":{"include_usage":false}"#
    ));
    assert!(!asks(r#""prompt":"a""#));
}

#[test]
fn wrong_requests_are_refused_with_their_field() {
    for (text, code, param) in [
        (r#"{"prompt":"a"}"#, "missing_required_parameter", "model"),
        (
            r#"{"model":"smart"}"#,
            "missing_required_parameter",
            "prompt",
        ),
        (r#"{"model":1,"prompt":"a"}"#, "invalid_value", "model"),
        (r#"{"model":"m","prompt":1}"#, "invalid_value", "prompt"),
        (r#"{"model":"m","prompt":{}}"#, "invalid_value", "prompt"),
        (r#"{"model":"m","prompt":[]}"#, "invalid_value", "prompt"),
        (
            r#"{"model":"m","prompt":["a",1]}"#,
            "invalid_value",
            "prompt",
        ),
        (
            r#"{"model":"m","prompt":[1,[1]]}"#,
            "invalid_value",
            "prompt",
        ),
        (
            r#"{"model":"m","prompt":[["a"]]}"#,
            "invalid_value",
            "prompt",
        ),
        (r#"{"model":"m","prompt":[{}]}"#, "invalid_value", "prompt"),
        (
            r#"{"model":"m","prompt":[null]}"#,
            "invalid_value",
            "prompt",
        ),
        (r#"{"model":"m","prompt":"a","n":0}"#, "invalid_value", "n"),
        (
            r#"{"model":"m","prompt":"a","best_of":-1}"#,
            "invalid_value",
            "best_of",
        ),
        (
            r#"{"model":"m","prompt":"a","max_tokens":1.5}"#,
            "invalid_value",
            "max_tokens",
        ),
        (
            r#"{"model":"m","prompt":"a","stream":"yes"}"#,
            "invalid_value",
            "stream",
        ),
        (
            r#"{"model":"m","prompt":"a","stream_options":[]}"#,
            "invalid_value",
            "stream_options",
        ),
        ("[]", "invalid_value", "body"),
    ] {
        let wanted = (code, Some(param.to_owned()));
        assert_eq!(refused(text.as_bytes()), wanted, "{text}");
    }
    for (text, code) in [
        ("", "empty_body"),
        (r#"{"model":"m","prompt":"a""#, "invalid_json"),
        (r#"{"model":"m","prompt":"a"} x"#, "invalid_json"),
        (
            r#"{"model":"m","prompt":"a","prompt":"b"}"#,
            "duplicate_key",
        ),
        (
            r#"{"model":"m","prompt":"a","Prompt":"b"}"#,
            "duplicate_key",
        ),
    ] {
        assert_eq!(refused(text.as_bytes()), (code, None), "{text}");
    }
}

#[test]
fn it_is_made_to_fit() {
    let fields =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let removed = fields(&["max_tokens", "user", "prompt", "model"]);
    let options = fields(&["stream_options"]);
    for (text, adapt, wanted) in [
        (body(r#""prompt":"a""#), PLAIN, None),
        (
            body(r#""prompt":"a""#),
            Adapt {
                model: "big",
                ..PLAIN
            },
            Some(r#"{"model":"big","prompt":"a"}"#),
        ),
        (
            body(r#""prompt":"a","stream":true"#),
            Adapt {
                ask_usage: true,
                ..PLAIN
            },
            Some(
                r#"{"stream_options":{"include_usage":true},"model":"smart","prompt":"a","stream":true}"#,
            ),
        ),
        (
            body(r#""prompt":"a""#),
            Adapt {
                ask_usage: true,
                ..PLAIN
            },
            None,
        ),
        (
            body(r#""prompt":"a","stream":true"#),
            Adapt {
                ask_usage: true,
                remove_fields: &options,
                ..PLAIN
            },
            None,
        ),
        (
            body(r#""prompt":"a","max_tokens":9"#),
            Adapt {
                max_output: Some(5),
                default_output: Some(3),
                ..PLAIN
            },
            Some(r#"{"model":"smart","prompt":"a","max_tokens":5}"#),
        ),
        (
            body(r#""prompt":"a","max_tokens":null"#),
            Adapt {
                default_output: Some(3),
                ..PLAIN
            },
            Some(r#"{"max_tokens":3,"model":"smart","prompt":"a"}"#),
        ),
        (
            body(r#""prompt":"a""#),
            Adapt {
                default_output: Some(3),
                max_tokens_field: Some("max_completion_tokens"),
                ..PLAIN
            },
            Some(r#"{"max_tokens":3,"model":"smart","prompt":"a"}"#),
        ),
        (
            body(r#""prompt":"a","max_tokens":9,"user":"u""#),
            Adapt {
                remove_fields: &removed,
                max_output: Some(5),
                default_output: Some(3),
                ..PLAIN
            },
            Some(r#"{"model":"smart","prompt":"a"}"#),
        ),
    ] {
        assert_eq!(adapted(&text, &adapt).as_deref(), wanted, "{text}");
    }
}

#[test]
fn every_watched_key_has_a_bit_of_its_own() {
    assert_bits(
        watched,
        &[
            "model",
            "prompt",
            "stream",
            "stream_options",
            "include_usage",
            "n",
            "best_of",
            "max_tokens",
            "suffix",
            "response_format",
            "stop",
            "user",
        ],
    );
}

fn assert_bits(watched: fn(&[u8]) -> Option<(&'static str, u8)>, names: &[&str]) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        let (key, bit) = watched(name.as_bytes()).expect(name);
        assert_eq!(key, *name);
        assert!(bit < 64 && seen.insert(bit), "{name}");
    }
    assert_eq!(watched(b"other"), None);
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn rewriting_changes_nothing_else(
        others in btree_map("[a-f]{1,3}", arb_value(arb_string()), 0..5),
        tape in arb_tape(),
        stream in any::<bool>(),
        limit in proptest::option::of(0_u64..20),
    ) {
        let mut value = json!({"model": "m", "prompt": ["a", "b"], "stream": stream});
        for (name, other) in others {
            value[name] = other;
        }
        if let Some(limit) = limit {
            value["max_tokens"] = json!(limit);
        }
        let text = render(&value, &mut Tape::new(tape), false);
        let adapt = Adapt {
            model: "other", max_output: Some(10), default_output: Some(4), ask_usage: true, ..PLAIN
        };
        let new: Value = serde_json::from_str(&adapted(&text, &adapt).unwrap()).unwrap();
        value["model"] = json!("other");
        value["max_tokens"] = json!(limit.map_or(4, |limit| limit.min(10)));
        if stream {
            value["stream_options"] = json!({"include_usage": true});
        }
        prop_assert_eq!(new, value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = read_completion(&bytes, Prompt::default());
    }
}
