/*! Ids of responses that a provider keeps: in requests that go on from one, and in answers. */

use crate::json::{Error, Kind, Reader, Span, Text};
use crate::protocols::event::unwatched;
use crate::protocols::reading::{Stop, field};
use std::borrow::Cow;

/// The response that a request goes on from, or the conversation that it belongs to.
#[derive(Debug, Clone)]
pub struct Previous<'a> {
    /// Its id, as the caller knows it.
    pub id: Cow<'a, str>,
    /// Where that stands, with its quotes.
    pub span: Span,
}

impl<'a> Previous<'a> {
    /// Reads the id, or null.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Option<Self>, Stop> {
        match reader.kind()? {
            Kind::Null => {
                reader.skip()?;
                Ok(None)
            }
            Kind::String => Ok(Some(Self::of(&reader.string()?))),
            _ => field("previous_response_id", "must be a string"),
        }
    }

    fn of(text: &Text<'a>) -> Self {
        Self {
            id: text.value(),
            span: text.span(),
        }
    }

    /// Reads a conversation: its id, an object with nothing else, or null.
    pub(super) fn conversation(reader: &mut Reader<'a>) -> Result<Option<Self>, Stop> {
        const PROBLEM: &str = "must be an id, or an object with an id alone";
        match reader.kind()? {
            Kind::Null => {
                reader.skip()?;
                Ok(None)
            }
            Kind::String => Ok(Some(Self::of(&reader.string()?))),
            Kind::Object => {
                let mut found = None;
                reader.object_strict(|reader, key| {
                    match (key.value().as_ref(), reader.kind()?) {
                        ("id", Kind::String) => {
                            found = Some(Self::of(&reader.string()?));
                            Ok(())
                        }
                        _ => field("conversation", PROBLEM),
                    }
                })?;
                match found {
                    None => field("conversation", PROBLEM),
                    found => Ok(found),
                }
            }
            _ => field("conversation", PROBLEM),
        }
    }
}

/// Whether a response or a batch comes to no other state, by its `status` as it stands in the
/// text.
pub fn is_over(status: &[u8]) -> bool {
    let over: [&[u8]; 5] = [
        b"\"completed\"",
        b"\"failed\"",
        b"\"cancelled\"",
        // Of responses alone.
        b"\"incomplete\"",
        // Of batches alone.
        b"\"expired\"",
    ];
    over.contains(&status)
}

/// Whose id stands in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdOf {
    /// That of the response itself.
    Itself,
    /// That of the response that it went on from.
    Previous,
    /// That of the conversation that it belongs to.
    Conversation,
}

/// Finds the ids in a response, or in an event of a stream (`event`), of which the end may still
/// be missing.
pub fn response_ids<'a>(text: &'a [u8], event: bool, found: &mut dyn FnMut(IdOf, Text<'a>)) {
    // What can't be read is told as it came: it holds no id that opens anything.
    let _ = Reader::new(text, unwatched).and_then(|mut reader| match event {
        true => reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("response", Kind::Object) => members(reader, found),
            _ => reader.skip().map(drop),
        }),
        false => members(&mut reader, found),
    });
}

/// What an error says, in the shape of OpenAI's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToldError {
    /// Its code; empty: it has none.
    pub code: String,
    /// What it says to people.
    pub message: String,
}

/// Reads an error; what can't be read says nothing.
pub fn told_error(body: &[u8]) -> ToldError {
    let mut told = ToldError::default();
    let _ = Reader::new(body, unwatched).and_then(|mut reader| {
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("error", Kind::Object) => reader.object(|reader, key| {
                match (key.value().as_ref(), reader.kind()?) {
                    ("code", Kind::String) => told.code = reader.string()?.value().into_owned(),
                    ("message", Kind::String) => {
                        told.message = reader.string()?.value().into_owned();
                    }
                    _ => drop(reader.skip()?),
                }
                Ok(())
            }),
            _ => reader.skip().map(drop),
        })
    });
    told
}

fn members<'a>(
    reader: &mut Reader<'a>,
    found: &mut dyn FnMut(IdOf, Text<'a>),
) -> Result<(), Error> {
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("id", Kind::String) => found(IdOf::Itself, reader.string()?),
            ("previous_response_id", Kind::String) => found(IdOf::Previous, reader.string()?),
            ("conversation", Kind::Object) => reader.object(|reader, key| {
                match (key.value().as_ref(), reader.kind()?) {
                    ("id", Kind::String) => found(IdOf::Conversation, reader.string()?),
                    _ => drop(reader.skip()?),
                }
                Ok::<(), Error>(())
            })?,
            _ => drop(reader.skip()?),
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, event: bool) -> Vec<(IdOf, String)> {
        let mut ids = Vec::new();
        response_ids(text.as_bytes(), event, &mut |of, id| {
            assert_eq!(
                &text[id.span().start..id.span().end],
                format!("\"{}\"", id.value())
            );
            ids.push((of, id.value().into_owned()));
        });
        ids
    }

    #[test]
    fn ids_of_responses_and_of_nothing_else() {
        let response = r#"{"id":"resp_1","object":"response","output":[{"id":"msg_1","content":[{"text":"\"id\":\"resp_2\""}]}],"metadata":{"id":"resp_3"},"previous_response_id":"resp_0","reasoning":{"id":"x"},"conversation":{"id":"conv_1"}}"#;
        let both = vec![
            (IdOf::Itself, "resp_1".to_owned()),
            (IdOf::Previous, "resp_0".to_owned()),
            (IdOf::Conversation, "conv_1".to_owned()),
        ];
        assert_eq!(found(response, false), both);
        assert_eq!(found(response, true), []);
        let event = format!(
            r#"{{"type":"response.completed","id":"ev_1","item":{{"id":"msg_1"}},"response":{response}}}"#
        );
        assert_eq!(found(&event, true), both);
        for text in [
            "",
            "[]",
            "7",
            "\"id\"",
            "[DONE]",
            r#"{"id":7,"previous_response_id":null,"conversation":"conv_1"}"#,
        ] {
            assert_eq!(found(text, false), [], "{text}");
            assert_eq!(found(text, true), [], "{text}");
        }
    }

    #[test]
    fn queued_responses_are_not_over() {
        for status in ["completed", "failed", "incomplete", "cancelled"] {
            assert!(is_over(format!("\"{status}\"").as_bytes()), "{status}");
        }
        for status in [
            "\"queued\"",
            "\"in_progress\"",
            "\"new\"",
            "null",
            "",
            "completed",
        ] {
            assert!(!is_over(status.as_bytes()), "{status}");
        }
    }

    #[test]
    fn ids_in_the_front_of_a_text_are_found_without_its_end() {
        let text = r#"{"type":"response.completed","response":{"id":"resp_1","output":["abc"#;
        assert_eq!(found(text, true), [(IdOf::Itself, "resp_1".to_owned())]);
    }

    #[test]
    fn errors_have_codes_and_messages() {
        for (text, code, message) in [
            (r#"{"error":{"code":"gone"}}"#, "gone", ""),
            (
                r#" {"a":1,"error":{"message":"x\u0021","code":"gone","b":{}}}"#,
                "gone",
                "x!",
            ),
            (r#"{"error":{"code":null,"message":7}}"#, "", ""),
            (r#"{"error":"gone"}"#, "", ""),
            (r#"{"code":"gone"}"#, "", ""),
            ("gone", "", ""),
            ("", "", ""),
        ] {
            let told = told_error(text.as_bytes());
            assert_eq!((told.code.as_str(), told.message.as_str()), (code, message));
        }
    }
}
