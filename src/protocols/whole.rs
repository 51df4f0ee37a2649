/*! A request for a whole answer in the place of a stream, and a whole answer that tells another
usage. */

use super::members::Members;
use super::translate::{ChatApi, usage_member};
use crate::json::{Edits, Rewrite};
use crate::ledger::Usage;

/// The change that makes a request ask for a whole answer; `None`: it does so, or is no object.
pub fn unstreamed(body: &[u8]) -> Option<Rewrite> {
    let mut edits = Edits::default();
    let gone = |name: &str| matches!(name, "stream" | "stream_options");
    members(body)?.remove(&mut edits, gone);
    edits.apply(body)
}

/// A whole answer that tells `usage` in the place of its own; as it was if it is no object.
pub fn with_usage(api: ChatApi, body: Vec<u8>, usage: &Usage) -> Vec<u8> {
    let mut edits = Edits::default();
    let Some(members) = members(&body) else {
        return body;
    };
    members.remove(&mut edits, |name| name == "usage");
    members.insert(&mut edits, &usage_member(api, usage));
    match edits.apply(&body) {
        Some(rewrite) => rewrite.whole(&body),
        None => body,
    }
}

fn members(body: &[u8]) -> Option<Members<'_>> {
    let read = Members::read(
        body,
        |_| None,
        |reader, _| reader.skip().map(drop).map_err(Into::into),
    );
    read.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn requests_ask_for_whole_answers() {
        for (body, wanted) in [
            (
                r#"{"model":"m","stream":true,"messages":[],"stream_options":{"include_usage":true}}"#,
                Some(r#"{"model":"m","messages":[]}"#),
            ),
            (r#"{"stream":true,"model":"m"}"#, Some(r#"{"model":"m"}"#)),
            (r#"{"model":"m"}"#, None),
            ("[]", None),
        ] {
            let rewrite = unstreamed(body.as_bytes());
            let new = rewrite.map(|rewrite| rewrite.whole(body.as_bytes()));
            assert_eq!(new.as_deref(), wanted.map(str::as_bytes), "{body}");
        }
    }

    #[test]
    fn answers_tell_another_usage_and_nothing_else_changes() {
        let usage = Usage {
            input: 30,
            output: 7,
            cached: 4,
            ..Usage::NONE
        };
        let wanted = [
            (
                ChatApi::Completions,
                json!({"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37,
                    "prompt_tokens_details": {"cached_tokens": 4}}),
            ),
            (
                ChatApi::Responses,
                json!({"input_tokens": 30, "output_tokens": 7, "total_tokens": 37,
                    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                    "output_tokens_details": {"reasoning_tokens": 0}}),
            ),
            (
                ChatApi::Messages,
                json!({"input_tokens": 26, "output_tokens": 7, "cache_read_input_tokens": 4,
                    "cache_creation_input_tokens": 0}),
            ),
        ];
        for (api, wanted) in wanted {
            for body in [
                r#"{"id":"a","usage":{"prompt_tokens":1},"x":1.50}"#,
                r#"{"id":"a","x":1.50}"#,
            ] {
                let new = with_usage(api, body.as_bytes().to_vec(), &usage);
                let text = String::from_utf8(new).unwrap();
                assert!(text.ends_with(r#""id":"a","x":1.50}"#), "{text}");
                let new: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(new["usage"], wanted, "{text}");
            }
        }
        assert_eq!(
            with_usage(ChatApi::Completions, b"[]".to_vec(), &usage),
            b"[]"
        );
    }
}
