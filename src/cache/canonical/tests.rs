use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn digest_without(body: &str, leave_out: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    request_digest(body.as_bytes(), leave_out, &mut hash).expect(body);
    hash.finalize().into()
}

fn digest(body: &str) -> [u8; 32] {
    digest_without(body, &[])
}

#[test]
fn what_does_not_matter() {
    let plain = r#"{"a":1,"b":{"x":[true,null],"y":"é\n/"},"c":"😀"}"#;
    for other in [
        r#"{"b":{"y":"é\n/","x":[true,null]},"c":"😀","a":1}"#,
        "\n{ \"a\" : 1 ,\t\"b\":{\"x\":[ true , null ],\r\"y\":\"é\\n/\"},\"c\":\"😀\" } ",
        r#"{"\u0061":1,"b":{"\u0078":[true,null],"y":"\u00e9\u000A\/"},"c":"\ud83d\ude00"}"#,
    ] {
        assert_eq!(digest(plain), digest(other), "{other}");
    }
}

#[test]
fn everything_else_matters() {
    let all = [
        "{}",
        "[]",
        "null",
        "\"\"",
        "0",
        "false",
        "true",
        "[null]",
        "[[]]",
        "[{}]",
        "[[],[]]",
        "[[[]]]",
        r#"{"a":1}"#,
        r#"{"a":1.0}"#,
        r#"{"a":1e0}"#,
        r#"{"a":-1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":[1]}"#,
        r#"{"a":null}"#,
        r#"{"a":true}"#,
        r#"{"a":{}}"#,
        r#"{"a":[]}"#,
        r#"{"A":1}"#,
        r#"{"a ":1}"#,
        r#"{"a":"1 "}"#,
        r#"{"a":"\\u0041"}"#,
        r#"{"a":"A"}"#,
        r#"{"a":"\u0000"}"#,
        r#"{"a":""}"#,
        r#"{"a":1,"b":2}"#,
        r#"{"a":2,"b":1}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":{"b":1},"c":2}"#,
        r#"{"a":{"b":1,"c":2}}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":[2,1]}"#,
        r#"{"a":[12]}"#,
        r#"{"a":["b","c"]}"#,
        r#"{"a":["bc"]}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":2,"a":1}"#,
        r#"{"a":2}"#,
        r#"{"ab":"c"}"#,
        r#"{"a":"bc"}"#,
    ];
    let digests: std::collections::HashMap<_, _> =
        all.iter().map(|body| (digest(body), body)).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn members_that_are_left_out() {
    let leave_out = ["stream", "stream_options"];
    let without = digest_without(r#"{"a":{"stream":true}}"#, &leave_out);
    for other in [
        r#"{"stream":true,"a":{"stream":true}}"#,
        r#"{"stream":false,"a":{"stream":true},"stream_options":{"include_usage":true}}"#,
        r#"{"a":{"stream":true},"str\u0065am":null}"#,
    ] {
        assert_eq!(digest_without(other, &leave_out), without, "{other}");
        assert_ne!(digest(other), without, "{other}");
    }
    // Only those of the outermost object.
    assert_ne!(digest_without(r#"{"a":{}}"#, &leave_out), without);
    // The same name in another object, or as a text.
    assert_ne!(digest_without(r#"{"a":["stream"]}"#, &leave_out), without);
}

#[test]
fn duplicates_keep_their_order() {
    let [one, two] = [r#"{"b":0,"a":1,"a":2}"#, r#"{"a":1,"b":0,"a":2}"#].map(digest);
    assert_eq!(one, two);
    assert_ne!(one, digest(r#"{"a":2,"b":0,"a":1}"#));
    // Many of them, where sorting takes another way.
    let many = |order: &[u32]| {
        let members: Vec<String> = order
            .iter()
            .map(|n| format!("\"k\":{n},\"j\":{n}"))
            .collect();
        digest(&format!("{{{}}}", members.join(",")))
    };
    let up: Vec<u32> = (0..100).collect();
    let down: Vec<u32> = up.iter().rev().copied().collect();
    assert_ne!(many(&up), many(&down));
}

#[test]
fn what_is_no_json_or_too_large() {
    let mut hash = Sha256::new();
    for body in [
        "",
        "{",
        r#"{"a":}"#,
        "{} {}",
        "\u{FEFF}{}",
        r#"{"a":"\ud800"}"#,
    ] {
        let result = request_digest(body.as_bytes(), &[], &mut hash);
        assert!(matches!(result, Err(Unhashed::Json(_))), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
    assert!(request_digest(deep.as_bytes(), &[], &mut hash).is_err());
    let members = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!("\"{n}\":0")).collect();
        format!("{{{}}}", list.join(","))
    };
    let most = members(MAX_MEMBERS);
    assert!(request_digest(most.as_bytes(), &[], &mut Sha256::new()).is_ok());
    let inside = format!("{{\"a\":{most}}}");
    for body in [&members(MAX_MEMBERS + 1), &inside] {
        let result = request_digest(body.as_bytes(), &[], &mut hash);
        assert_eq!(result, Err(Unhashed::TooManyMembers));
    }
    // One after the other they are not held at once.
    let list = format!("[{most},{most}]");
    assert!(request_digest(list.as_bytes(), &[], &mut Sha256::new()).is_ok());
    // Nothing was added.
    assert_eq!(hash.finalize(), Sha256::new().finalize());
}

/// Any JSON: few names and values, so that near ones are often the same.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-2_i64..3).prop_map(Json::from),
        "[ab\\\\\"\n\u{e9}\u{1F600}]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map("[ab\u{e9}]{0,2}", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// The same document, written in another way.
fn written(value: &Json, seed: &mut u64, out: &mut String) {
    let mut next = |below: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) % below
    };
    let space = [" ", "", "\n", "\t \r"][usize::try_from(next(4)).unwrap()];
    out.push_str(space);
    match value {
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                written(item, seed, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let turn = usize::try_from(next(8)).unwrap();
            let length = members.len().max(1);
            members.rotate_left(turn % length);
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                written(&json!(key), seed, out);
                out.push(':');
                written(value, seed, out);
            }
            out.push('}');
        }
        Json::String(text) => {
            out.push('"');
            for unit in text.encode_utf16() {
                out.push_str(&format!("\\u{unit:04x}"));
            }
            out.push('"');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
    out.push_str(space);
}

proptest! {
    #[test]
    fn the_same_is_the_same_however_it_is_written(value in any_json(), seed in any::<u64>()) {
        let mut other = String::new();
        let mut seed = seed;
        written(&value, &mut seed, &mut other);
        prop_assert_eq!(digest(&value.to_string()), digest(&other), "{}", other);
    }

    #[test]
    fn two_documents_are_two(one in any_json(), other in any_json()) {
        let same = digest(&one.to_string()) == digest(&other.to_string());
        prop_assert_eq!(same, one == other, "{} {}", one, other);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = request_digest(&bytes, &["a"], &mut Sha256::new());
    }
}
