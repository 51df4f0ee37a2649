/*! The question of a request: the last text of its user. */

use crate::cache::canonical::{Unhashed, request_digest};
use crate::json::{Error, Kind, Reader, Span, Text};
use crate::protocols::Api;
use sha2::Sha256;
use std::borrow::Cow;

/// The question of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// What is asked.
    pub question: Cow<'a, str>,
    /// Where it stands, with both quotes.
    pub span: Span,
}

impl<'a> Asked<'a> {
    /// Of a body that [`crate::protocols::Request::read`] accepts. `None`: its last message is not
    /// the user's, or is more than one text.
    pub fn of(api: Api, body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body, |_| None).ok()?;
        let list = match api {
            Api::ChatCompletions | Api::Messages => "messages",
            Api::Responses => "input",
            Api::Completions => "prompt",
            _ => return None,
        };
        let mut found = None;
        let read = reader.object(|reader, key| {
            if key.value() == list {
                found = last(reader)?;
            } else {
                reader.skip()?;
            }
            Ok::<(), Error>(())
        });
        read.ok()?;
        let text = found?;
        Some(Self {
            question: text.value(),
            span: text.span(),
        })
    }

    /// Adds the canonical form of the request without the question to `into`, see
    /// [`request_digest`]: only where all else is the same, one question may stand for another.
    ///
    /// # Errors
    /// As [`request_digest`].
    pub fn add_rest(
        &self,
        body: &[u8],
        leave_out: &[&str],
        into: &mut Sha256,
    ) -> Result<(), Unhashed> {
        let front = body.get(..self.span.start).unwrap_or_default();
        let behind = body.get(self.span.end..).unwrap_or_default();
        request_digest(&[front, b"\"\"", behind].concat(), leave_out, into)
    }
}

/// A text, or that of the last message in a list.
fn last<'a>(reader: &mut Reader<'a>) -> Result<Option<Text<'a>>, Error> {
    match reader.kind()? {
        Kind::String => reader.string().map(Some),
        Kind::Array => {
            let mut last = None;
            reader.array(|reader| {
                last = message(reader)?;
                Ok::<(), Error>(())
            })?;
            Ok(last)
        }
        _ => reader.skip().map(|_| None),
    }
}

/// The text of a message of the user's.
fn message<'a>(reader: &mut Reader<'a>) -> Result<Option<Text<'a>>, Error> {
    if reader.kind()? != Kind::Object {
        return reader.skip().map(|_| None);
    }
    let mut is_users = false;
    let mut text = None;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("role", Kind::String) => is_users = reader.string()?.value() == "user",
            ("content", Kind::String) => text = Some(reader.string()?),
            ("content", Kind::Array) => text = only_part(reader)?,
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    Ok(text.filter(|_| is_users))
}

/// The text of a list of parts that is one text only.
fn only_part<'a>(reader: &mut Reader<'a>) -> Result<Option<Text<'a>>, Error> {
    let mut count = 0_usize;
    let mut text = None;
    reader.array(|reader| {
        count = count.saturating_add(1);
        if reader.kind()? != Kind::Object {
            return reader.skip().map(drop);
        }
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("text", Kind::String) => {
                text = Some(reader.string()?);
                Ok(())
            }
            _ => reader.skip().map(drop),
        })
    })?;
    Ok(text.filter(|_| count == 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use sha2::Digest;

    fn question(api: Api, body: &Value) -> Option<String> {
        let body = body.to_string();
        let asked = Asked::of(api, body.as_bytes())?;
        assert_eq!(
            serde_json::from_str::<String>(&body[asked.span.start..asked.span.end]).unwrap(),
            asked.question
        );
        Some(asked.question.into_owned())
    }

    #[test]
    fn the_last_text_of_the_user() {
        let user = |content: Value| json!({"role": "user", "content": content});
        let other = json!({"role": "assistant", "content": "a"});
        let text = |kind: &str| json!([{"type": kind, "text": "q\n\"é"}]);
        let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}});
        let chat = Api::ChatCompletions;
        let q = Some("q\n\"é");
        for (api, name, value, wanted) in [
            (chat, "messages", json!([user(json!("q\n\"é"))]), q),
            (
                chat,
                "messages",
                json!([user(json!("x")), other, user(json!("q\n\"é"))]),
                q,
            ),
            (chat, "messages", json!([user(text("text"))]), q),
            (chat, "messages", json!([user(json!("x")), other]), None),
            (
                chat,
                "messages",
                json!([user(json!([image, {"type": "text", "text": "q"}]))]),
                None,
            ),
            (chat, "messages", json!([user(json!([image]))]), None),
            (chat, "messages", json!([user(json!([]))]), None),
            (chat, "messages", json!([user(json!("x")), "q"]), None),
            (chat, "messages", json!([]), None),
            (chat, "prompt", json!("q"), None),
            (Api::Messages, "messages", json!([user(text("text"))]), q),
            (Api::Responses, "input", json!("q\n\"é"), q),
            (
                Api::Responses,
                "input",
                json!([user(text("input_text"))]),
                q,
            ),
            (
                Api::Responses,
                "input",
                json!([user(json!("x")), {"type": "function_call_output", "output": "q"}]),
                None,
            ),
            (Api::Completions, "prompt", json!("q\n\"é"), q),
            (Api::Completions, "prompt", json!(["a", "b"]), None),
            (Api::Completions, "prompt", json!([1, 2]), None),
        ] {
            let body = json!({"model": "m", name: value});
            assert_eq!(question(api, &body).as_deref(), wanted, "{body}");
        }
        for body in ["", "[]", "{"] {
            assert_eq!(Asked::of(chat, body.as_bytes()), None);
        }
    }

    #[test]
    fn all_but_the_question_counts() {
        let rest = |body: &str| {
            let asked = Asked::of(Api::ChatCompletions, body.as_bytes()).unwrap();
            let mut hash = Sha256::new();
            asked
                .add_rest(body.as_bytes(), &["stream"], &mut hash)
                .unwrap();
            hash.finalize()
        };
        let one = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"one"}],"stream":true}"#;
        for same in [
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"other"}]}"#,
            r#"{ "messages":[{"content":"\u0073","role":"system"},{"content":"other","role":"user"}]}"#,
        ] {
            assert_eq!(rest(one), rest(same), "{same}");
        }
        for other in [
            r#"{"messages":[{"role":"system","content":"t"},{"role":"user","content":"one"}]}"#,
            r#"{"messages":[{"role":"user","content":"one"}]}"#,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"one"}],"n":2}"#,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"one"}]}]}"#,
        ] {
            assert_ne!(rest(one), rest(other), "{other}");
        }
    }
}
