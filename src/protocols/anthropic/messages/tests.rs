use super::*;
use crate::json::tests::{Tape, arb_string, arb_tape, arb_value, cases, render};
use crate::tokens::Media;
use crate::tokens::Prompt;
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Value, json};

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// A request with these members besides the mandatory ones.
fn body(members: &str) -> String {
    format!(r#"{{"model":"smart","max_tokens":16,{MESSAGES}{members}}}"#)
}

/// A request with this message.
fn with_message(message: &str) -> String {
    format!(r#"{{"model":"smart","max_tokens":16,"messages":[{message}]}}"#)
}

/// A request with these content blocks.
fn with_blocks(blocks: &str) -> String {
    with_message(&format!(r#"{{"role":"user","content":[{blocks}]}}"#))
}

fn refused(body: &[u8]) -> (&'static str, Option<String>) {
    let refusal = read_messages(body, Prompt::default()).expect_err(&String::from_utf8_lossy(body));
    assert_eq!(refusal.kind.status(), 400);
    (refusal.code, refusal.param)
}

#[test]
fn good_requests() {
    let blocks = r#"{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"},"title":"t","context":"c","citations":{"enabled":true}}"#;
    let turn = r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"AAAA"},{"type":"redacted_thinking","data":"AAAA"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"Model":1,"ROLE":[]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":false,"content":[{"type":"text","text":"42"}]}]}"#;
    for text in [
        body(""),
        body(r#","system":"be brief","stream":true,"stop_sequences":["a"],"temperature":1"#),
        body(r#","system":[{"type":"text","text":"be brief"}],"stream":null"#),
        body(r#","system":null,"tools":null,"thinking":{"type":"enabled","budget_tokens":1024}"#),
        body(
            r#","tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"Type":{},"name":{"type":"string"}}}},{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"auto"}"#,
        ),
        body(
            r#","mcp_servers":[{"type":"url","url":"https://example.com","name":"x"}],"Unknown":1"#,
        ),
        with_blocks(blocks),
        with_blocks(""),
        with_message(turn),
        with_message(r#"{"role":"user","content":"a"},{"role":"system","content":"b"}"#),
        format!(" \n{}\r\n\t", body("")),
        r#"{"messages":[{"content":"hi","role":"user"}],"max_tokens":0,"mod\u0065l":"sm\u0061rt"}"#
            .to_owned(),
    ] {
        let request = read_messages(text.as_bytes(), Prompt::default()).expect(&text);
        assert_eq!(request.model, "smart", "{text}");
    }
}

#[test]
fn media_count_by_where_they_are() {
    for (block, image, file) in [
        (
            r#"{"type":"image","source":{"type":"url","url":"https://x"}}"#,
            1600,
            0,
        ),
        // A GIF of 300 × 200 pixels.
        (
            r#"{"type":"image","source":{"type":"base64","data":"R0lGODlhLAHIAAAA"}}"#,
            80,
            0,
        ),
        (
            r#"{"source":{"data":"R0lGODlhLAHIAAAA","type":"base64"},"type":"image"}"#,
            80,
            0,
        ),
        (
            r#"{"type":"document","source":{"type":"base64","data":"AAAA"}}"#,
            0,
            3000,
        ),
        (
            r#"{"type":"document","source":{"type":"file","file_id":"f"}}"#,
            0,
            30_000,
        ),
        (
            r#"{"type":"document","source":{"type":"text","data":"abc"}}"#,
            0,
            0,
        ),
        (
            r#"{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url"}}]}}"#,
            1600,
            0,
        ),
        (r#"{"type":"container_upload","file_id":"f"}"#, 0, 30_000),
    ] {
        let body = with_blocks(block);
        let traits = read_messages(body.as_bytes(), Prompt::default())
            .unwrap()
            .traits;
        assert_eq!(
            (traits.media.image, traits.media.file),
            (image, file),
            "{block}"
        );
        assert_eq!(traits.framing, 7, "{block}");
    }
}

/// What was read, with bytes of text in the place of the tokens of framing, without media.
fn by_bytes(traits: &Traits) -> Traits {
    Traits {
        framing: traits.text.bytes(),
        text: Prompt::default(),
        media: Media::default(),
        ..traits.clone()
    }
}

#[test]
fn traits() {
    let none = Traits {
        max_output: Some(16),
        ..Traits::default()
    };
    let text = |bytes| Traits {
        framing: bytes,
        ..none.clone()
    };
    let blocks = |blocks: &str, bytes, image, file| {
        let traits = Traits {
            image,
            file,
            ..text(bytes)
        };
        (with_blocks(blocks), traits)
    };
    for (request, wanted) in [
        (body(""), text(2)),
        (body(r#","system":"abc""#), text(5)),
        (
            body(r#","system":[{"type":"text","text":"abc"},{"type":"text","text":"é"}]"#),
            text(7),
        ),
        (
            body(r#","stream":true"#),
            Traits {
                stream: true,
                ..text(2)
            },
        ),
        (
            body(r#","tools":[{"name":"f"}]"#),
            Traits {
                tools: true,
                ..text(16)
            },
        ),
        (body(r#","tools":[]"#), text(2)),
        blocks(r#"{"type":"text","text":"hello"}"#, 5, false, false),
        (
            with_blocks(
                r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}"#,
            ),
            Traits {
                cache: true,
                ..text(1)
            },
        ),
        (
            body(r#","cache_control":{"type":"ephemeral"}"#),
            Traits {
                cache: true,
                ..text(2)
            },
        ),
        blocks(
            r#"{"type":"text","text":"a","cache_control":null}"#,
            1,
            false,
            false,
        ),
        blocks(
            r#"{"source":{"type":"base64","data":"AAAAAAAA"},"type":"image"}"#,
            0,
            true,
            false,
        ),
        blocks(
            r#"{"type":"image","source":{"type":"url","url":"https://example.com"}}"#,
            0,
            true,
            false,
        ),
        blocks(
            r#"{"type":"document","source":{"type":"url","url":"u"},"title":"ab","context":"c"}"#,
            3,
            false,
            true,
        ),
        blocks(
            r#"{"type":"document","source":{"data":"plain","media_type":"text/plain","type":"text"}}"#,
            5,
            false,
            true,
        ),
        blocks(
            r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"abc"},{"type":"image","source":{}}]}}"#,
            3,
            true,
            true,
        ),
        blocks(
            r#"{"type":"document","source":{"type":"content","content":"abc"}}"#,
            3,
            false,
            true,
        ),
        (
            with_blocks(r#"{"type":"container_upload","file_id":"f1"}"#),
            Traits {
                file: true,
                stored_file: true,
                ..text(0)
            },
        ),
        blocks(
            r#"{"type":"tool_use","id":"12","name":"f","input":{"a":["bcd"]}}"#,
            6,
            false,
            false,
        ),
        blocks(
            r#"{"type":"tool_result","tool_use_id":"12","content":[{"type":"text","text":"abc"},{"type":"image","source":{"type":"base64","data":"AA"}}]}"#,
            5,
            true,
            false,
        ),
        blocks(
            r#"{"type":"tool_result","tool_use_id":"12","content":"abc"}"#,
            5,
            false,
            false,
        ),
        blocks(
            r#"{"type":"thinking","thinking":"hmm","signature":"AAAAAAAA"},{"type":"redacted_thinking","data":"AAAA"}"#,
            3,
            false,
            false,
        ),
        blocks(
            r#"{"type":"search_result","source":"abc","title":"de","content":[{"type":"text","text":"f"}],"citations":{"enabled":true}}"#,
            6,
            false,
            false,
        ),
        blocks(
            r#"{"type":"web_fetch_tool_result","content":{"type":"web_fetch_result","url":"abc","content":{"type":"document","title":"d","source":{"type":"base64","data":"AAAA"}}}}"#,
            4,
            false,
            true,
        ),
        blocks(
            r#"{"type":"web_search_tool_result","content":[{"type":"web_search_result","title":"ab","encrypted_content":"AAAA"}]}"#,
            2,
            false,
            false,
        ),
    ] {
        let read = read_messages(request.as_bytes(), Prompt::default()).expect(&request);
        assert_eq!(by_bytes(&read.traits), wanted, "{request}");
    }
}

#[test]
fn what_a_provider_would_fetch_or_call() {
    for (text, remote_sources, mcp_servers) in [
        (body(""), false, false),
        (body(r#","mcp_servers":[]"#), false, false),
        (body(r#","mcp_servers":null"#), false, false),
        (body(r#","mcp_servers":[{"type":"url"}]"#), false, true),
        (
            with_blocks(r#"{"type":"image","source":{"type":"base64","data":"A"}}"#),
            false,
            false,
        ),
        (
            with_blocks(r#"{"type":"image","source":{"url":"https://example.com","type":"url"}}"#),
            true,
            false,
        ),
        (
            with_blocks(r#"{"type":"tool_result","content":[{"source":{"type":"file"}}]}"#),
            true,
            false,
        ),
        (
            with_blocks(r#"{"type":"container_upload","file_id":"f"}"#),
            true,
            false,
        ),
        (
            with_blocks(r#"{"type":"tool_use","input":{"source":{"type":"url"}}}"#),
            false,
            false,
        ),
    ] {
        let read = read_messages(text.as_bytes(), Prompt::default()).unwrap();
        let flags = (read.remote_sources, read.mcp_servers);
        assert_eq!(flags, (remote_sources, mcp_servers), "{text}");
    }
}

#[test]
fn bad_json_is_refused_with_a_code_and_no_param() {
    let deep = with_blocks(&format!(
        "{}1{}",
        r#"{"content":["#.repeat(50),
        "]}".repeat(50)
    ));
    for (text, code) in [
        (b"".as_slice(), "empty_body"),
        (b"\xEF\xBB\xBF{}", "invalid_json"),
        (b"{", "invalid_json"),
        (b"{\"model\":\"\xff\"}", "invalid_json"),
        (body(r#"} {"a":1"#).as_bytes(), "invalid_json"),
        (body(r#","model":"light""#).as_bytes(), "duplicate_key"),
        (body(r#","mod\u0065l":"light""#).as_bytes(), "duplicate_key"),
        (body(r#","Max_Tokens":1"#).as_bytes(), "duplicate_key"),
        (body(r#","sy\u017ftem":"a""#).as_bytes(), "duplicate_key"),
        (
            body(r#","system":[{"text":"a","text":"b"}]"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_message(r#"{"role":"user","role":"assistant","content":""}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_blocks(r#"{"type":"text","text":"a","Text":"b"}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_blocks(r#"{"type":"image","source":{"Data":"b"}}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_blocks(r#"{"content":[{"text":"a","TEXT":"b"}]}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            with_blocks(r#"{"input":{"input":1,"input":2}}"#).as_bytes(),
            "duplicate_key",
        ),
        (
            body(r#","tools":[{"input_schema":{},"input_schema":{}}]"#).as_bytes(),
            "duplicate_key",
        ),
        (
            body(r#","mcp_servers":[],"mcp_servers":[]"#).as_bytes(),
            "duplicate_key",
        ),
        (deep.as_bytes(), "nested_too_deeply"),
    ] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(refused(text), (code, None), "{shown}");
    }
}

#[test]
fn wrong_fields_are_refused_with_their_name() {
    let missing = "missing_required_parameter";
    for (text, code, param) in [
        ("null".to_owned(), "invalid_value", "body"),
        ("[]".to_owned(), "invalid_value", "body"),
        ("{}".to_owned(), missing, "model"),
        (
            format!(r#"{{"model":"m",{MESSAGES}}}"#),
            missing,
            "max_tokens",
        ),
        (
            format!(r#"{{"model":"m","max_tokens":null,{MESSAGES}}}"#),
            missing,
            "max_tokens",
        ),
        (
            r#"{"model":"m","max_tokens":1}"#.to_owned(),
            missing,
            "messages",
        ),
        (
            format!(r#"{{"model":1,{MESSAGES}}}"#),
            "invalid_value",
            "model",
        ),
        (
            format!(r#"{{"model":"",{MESSAGES}}}"#),
            "invalid_value",
            "model",
        ),
        (
            r#"{"model":"m","messages":"hi"}"#.to_owned(),
            "invalid_value",
            "messages",
        ),
        (
            r#"{"model":"m","messages":[]}"#.to_owned(),
            "invalid_value",
            "messages",
        ),
        (with_message("1"), "invalid_value", "messages[0]"),
        (
            with_message(r#"{"content":"a"}"#),
            missing,
            "messages[0].role",
        ),
        (
            with_message(r#"{"role":"user"}"#),
            missing,
            "messages[0].content",
        ),
        (
            with_message(r#"{"role":"user","content":"a"},{"role":"tool","content":"a"}"#),
            "invalid_value",
            "messages[1].role",
        ),
        (
            with_message(r#"{"role":null,"content":"a"}"#),
            "invalid_value",
            "messages[0].role",
        ),
        (
            with_message(r#"{"role":"user","content":null}"#),
            "invalid_value",
            "messages[0].content",
        ),
        (
            with_message(r#"{"role":"user","content":{}}"#),
            "invalid_value",
            "messages[0].content",
        ),
        (body(r#","stream":"true""#), "invalid_value", "stream"),
        (body(r#","system":{}"#), "invalid_value", "system"),
        (body(r#","tools":{}"#), "invalid_value", "tools"),
        (body("").replace("16", "-1"), "invalid_value", "max_tokens"),
        (body("").replace("16", "1.5"), "invalid_value", "max_tokens"),
        (
            body("").replace("16", "\"16\""),
            "invalid_value",
            "max_tokens",
        ),
    ] {
        let wanted = (code, Some(param.to_owned()));
        assert_eq!(refused(text.as_bytes()), wanted, "{text}");
    }
}

#[test]
fn refusals_hold_nothing_of_the_request() {
    for text in [
        r#"{"SECRET":1 2}"#.to_owned(),
        r#"{"model":["SECRET"]}"#.to_owned(),
        with_message(r#"{"role":"SECRET"}"#),
        body(r#","system":{"SECRET":"SECRET"}"#),
    ] {
        let refusal = read_messages(text.as_bytes(), Prompt::default()).unwrap_err();
        assert!(!format!("{refusal:?}").contains("SECRET"), "{refusal:?}");
    }
}

fn adapted(body: &str, model: &str) -> Option<String> {
    let request = read_messages(body.as_bytes(), Prompt::default()).expect(body);
    let rewrite = request.adapt(body.as_bytes(), model, None)?;
    let new = rewrite.whole(body.as_bytes());
    assert_eq!(new.len(), rewrite.length);
    Some(String::from_utf8(new).unwrap())
}

#[test]
fn regression_no_bound_is_above_what_the_target_can_write() {
    for (asked, most, wanted) in [
        ("64001", Some(64_000), "64000"),
        ("64000", Some(64_000), "64000"),
        ("1", Some(64_000), "1"),
        ("18446744073709551615", Some(7), "7"),
        ("64001", None, "64001"),
    ] {
        let with = |model: &str, tokens: &str| {
            format!(
                r#"{{"model":"{model}","max_tokens": {tokens} ,"messages":[{{"role":"user","content":"hi"}}]}}"#
            )
        };
        let text = with("smart", asked);
        let request = read_messages(text.as_bytes(), Prompt::default()).unwrap();
        let new = request.adapt(text.as_bytes(), "claude", most).unwrap();
        let new = String::from_utf8(new.whole(text.as_bytes())).unwrap();
        assert_eq!(new, with("claude", wanted));
        let unchanged = asked == wanted;
        let same = request.adapt(text.as_bytes(), "smart", most);
        assert_eq!(same.is_none(), unchanged, "{asked}");
    }
}

#[test]
fn every_watched_key_has_a_bit_of_its_own() {
    let source = include_str!("../messages.rs");
    let mut bits: Vec<u8> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("b\"")?.split_once('"'))
        .map(|(key, _)| {
            let (name, bit) = super::watched(key.as_bytes()).unwrap();
            assert_eq!(name, key);
            bit
        })
        .collect();
    bits.sort_unstable();
    let all: Vec<u8> = (0..u8::try_from(bits.len()).unwrap()).collect();
    assert_eq!(bits, all);
    assert!((40..=64).contains(&bits.len()));
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn adapting_changes_the_model_alone_in_any_order_of_members(
        model in arb_string().prop_map(|name| name + "m"),
        new_model in arb_string().prop_map(|name| name + "m"),
        others in btree_map("[a-f]{1,3}", arb_value(Just("k".to_owned())), 0..4),
        text in arb_string(),
        order in any::<prop::sample::Index>(),
        tape in arb_tape(),
    ) {
        let mut tape = Tape::new(tape);
        let fixed = [
            ("max_tokens", json!(7)),
            ("messages", json!([{"role": "user", "content": text}])),
            ("system", json!([{"type": "text", "text": text}])),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value));
        let mut members: Vec<String> = others
            .into_iter()
            .chain(fixed)
            .map(|(name, value)| format!(" \"{name}\": {}", render(&value, &mut tape, false)))
            .collect();
        let place = order.index(members.len() + 1);
        let told = render(&json!(model), &mut tape, false);
        members.insert(place, format!("\"model\" :{} ", told.trim()));
        let body = format!("{{{}}}", members.join(","));

        members[place] = format!("\"model\" :{} ", quote(&new_model));
        let wanted = format!("{{{}}}", members.join(","));
        let new = adapted(&body, &new_model).unwrap_or_else(|| body.clone());
        if model == new_model {
            prop_assert_eq!(&new, &body);
        } else {
            prop_assert_eq!(&new, &wanted);
        }
        let parsed: Value = serde_json::from_str(&new).unwrap();
        prop_assert_eq!(&parsed["model"], &json!(new_model));
        prop_assert_eq!(adapted(&new, &new_model), None);
    }

    #[test]
    fn mutated_requests_never_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = with_blocks(r#"{"type":"document","source":{"type":"text","data":"é"}},{"content":[{"input":{}}]}"#);
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read_messages(&bytes, Prompt::default());
        let cut = cut.index(bytes.len());
        prop_assert!(read_messages(&bytes[..cut], Prompt::default()).is_err());
    }
}

/// Blocks by letter: `t` text, `u` thinking without a signature, `s` thinking with one.
fn blocks_of(letters: &str) -> String {
    let block = |(index, letter): (usize, char)| match letter {
        't' => format!(r#"{{"type":"text","text":"{index}"}}"#),
        'u' => format!(r#"{{"type":"thinking","thinking":"{index}","signature":""}}"#),
        _ => format!(r#"{{"signature":"AA","type":"thinking","thinking":"{index}"}}"#),
    };
    let blocks: Vec<String> = letters.chars().enumerate().map(block).collect();
    blocks.join(" , ")
}

#[test]
fn thinking_that_nobody_signed_is_left_out() {
    let letters = ["", "t", "u", "s"];
    for a in letters {
        for b in letters {
            for c in letters {
                for d in letters {
                    let all = [a, b, c, d].concat();
                    let turn = format!(r#"{{"role":"assistant","content":[{}]}}"#, blocks_of(&all));
                    let text = with_message(&turn);
                    let request = read_messages(text.as_bytes(), Prompt::default()).unwrap();
                    let new = request.adapt(text.as_bytes(), "other", None).unwrap();
                    let new: Value = serde_json::from_slice(&new.whole(text.as_bytes())).unwrap();
                    let old: Value = serde_json::from_str(&text).unwrap();
                    let mut wanted = old["messages"][0]["content"].as_array().unwrap().clone();
                    if all.contains(['t', 's']) {
                        wanted.retain(|block| block["signature"] != "");
                    }
                    assert_eq!(new["messages"][0]["content"], json!(wanted), "{all}");
                    assert_eq!(new["model"], "other");
                }
            }
        }
    }
}
