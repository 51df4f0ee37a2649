/*! `POST /v1/conversations`, and what is added to one: items as a request for a response has them. */

use super::input;
use crate::json::Kind;
use crate::protocols::members::Members;
use crate::protocols::reading::{Stop, field, unsupported};
use crate::protocols::{Refusal, Traits};
use crate::tokens::Prompt;

/// Reads the body of a request that makes a conversation or changes one; its text is added to
/// `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, an item that names what the provider has
/// stored.
pub fn read_items(body: &[u8], text: Prompt) -> Result<Traits, Refusal> {
    read(body, text).map_err(Refusal::from)
}

/// The keys that are read, beside those of items.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    match key {
        b"items" => Some(("items", 60)),
        b"metadata" => Some(("metadata", 61)),
        _ => super::watched(key),
    }
}

fn read(body: &[u8], text: Prompt) -> Result<Traits, Stop> {
    let mut traits = Traits {
        text,
        ..Traits::default()
    };
    Members::read(body, watched, |reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("items", Kind::Array) => {
                // Reasoning that another provider has written means nothing to this one.
                if !input::items(reader, &mut traits, "items")?.is_empty() {
                    return unsupported("items");
                }
            }
            ("items", Kind::Null) | ("metadata", _) => drop(reader.skip()?),
            ("items", _) => return field("items", "must be an array"),
            // What it means for a response is not known here.
            (name, _) => return field(name, "is not known of conversations"),
        }
        Ok(())
    })?;
    Ok(traits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn items_are_read_as_those_of_a_response() {
        let code = |body: &Value| {
            let read = read_items(body.to_string().as_bytes(), Prompt::default());
            read.err().map_or("", |refusal| refusal.code)
        };
        let message = json!({"type": "message", "role": "user", "content": "hi"});
        let part = |part: Value| json!({"role": "user", "content": [part]});
        for (body, wanted) in [
            (json!({}), ""),
            (json!({"items": null, "metadata": {"a": "b"}}), ""),
            (json!({"items": [message], "metadata": {}}), ""),
            (json!({"items": []}), "invalid_value"),
            (json!({"items": "hi"}), "invalid_value"),
            (json!({"items": ["hi"]}), "invalid_value"),
            (json!({"input": [message]}), "invalid_value"),
            (
                json!({"items": [message, {"type": "item_reference", "id": "msg_1"}]}),
                "unsupported_parameter",
            ),
            (json!({"items": [{"id": "msg_1"}]}), "unsupported_parameter"),
            (
                json!({"items": [{"type": "reasoning", "id": "rs_1"}]}),
                "unsupported_parameter",
            ),
            (
                json!({"items": [{"type": "reasoning", "id": "rs_tollgate_1"}]}),
                "unsupported_parameter",
            ),
            (json!([]), "invalid_value"),
        ] {
            assert_eq!(code(&body), wanted, "{body}");
        }
        let file = json!({"items": [part(json!({"type": "input_file", "file_id": "file-1"}))]});
        let traits = read_items(file.to_string().as_bytes(), Prompt::default()).unwrap();
        assert!(traits.stored_file);
        let long = json!({"items": [message], "metadata": {"a": "not of the prompt"}});
        let traits = read_items(long.to_string().as_bytes(), Prompt::default()).unwrap();
        assert_eq!(traits.text.bytes(), 2);
        for (text, wanted) in [
            ("", "empty_body"),
            (r#"{"items":null,"items":null}"#, "duplicate_key"),
            (
                r#"{"items":[{"role":"user","Role":"system","content":"hi"}]}"#,
                "duplicate_key",
            ),
        ] {
            let refusal = read_items(text.as_bytes(), Prompt::default()).unwrap_err();
            assert_eq!(refusal.code, wanted, "{text}");
        }
    }
}
