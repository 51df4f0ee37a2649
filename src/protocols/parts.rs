/*! Images, sounds and older turns in a request, and texts in their places. */

use super::Api;
use super::event::unwatched;
use super::texts::peek;
use crate::json::{Error, Kind, Reader, Span, Text, quote};
use std::borrow::Cow;

/// An image or a sound of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The whole part, an object.
    pub span: Span,
    /// What it is.
    pub medium: Medium,
}

/// What a part shows or says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Medium {
    /// An image.
    Image {
        /// A URL, or a data URL.
        url: String,
        /// How closely to look, if told.
        detail: String,
    },
    /// A sound.
    Sound {
        /// In base64.
        data: String,
        /// Such as `wav`.
        format: String,
    },
}

/// The images and sounds of a request that hold what they are, or say where it is, in their
/// order. What the provider has stored is not among them.
///
/// # Errors
/// The body is no JSON.
pub fn media(body: &[u8]) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let mut reader = Reader::new(body, unwatched)?;
    reader.object(|reader, key| match key.value().as_ref() {
        "messages" | "input" => walk(reader, &mut parts),
        _ => reader.skip().map(drop),
    })?;
    Ok(parts)
}

fn walk(reader: &mut Reader<'_>, parts: &mut Vec<Part>) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Array => reader.array(|reader| walk(reader, parts)),
        Kind::Object => {
            let [kind] = peek(reader, ["type"]);
            match kind.as_ref() {
                "image_url" | "input_image" | "image" | "input_audio" => part(reader, parts),
                _ => reader.object(|reader, _| walk(reader, parts)),
            }
        }
        _ => reader.skip().map(drop),
    }
}

/// The strings that a part and the object in it have, under their keys.
#[derive(Default)]
struct Strings<'a>(Vec<(Cow<'a, str>, Text<'a>)>);

impl<'a> Strings<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut strings = Self::default();
        reader.object(|reader, key| match reader.kind()? {
            Kind::Object => reader.object(|reader, key| strings.member(reader, key.value())),
            _ => strings.member(reader, key.value()),
        })?;
        Ok(strings)
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: Cow<'a, str>) -> Result<(), Error> {
        if reader.kind()? != Kind::String {
            return reader.skip().map(drop);
        }
        self.0.push((key, reader.string()?));
        Ok(())
    }

    fn get(&self, name: &str) -> Option<String> {
        let mut known = self.0.iter();
        let found = known.find(|(key, _)| key == name);
        found.map(|(_, text)| text.value().into_owned())
    }

    fn medium(&self) -> Option<Medium> {
        let (data, detail) = (self.get("data"), self.get("detail").unwrap_or_default());
        if let (Some(data), Some(format)) = (&data, self.get("format")) {
            let data = data.clone();
            return Some(Medium::Sound { data, format });
        }
        let embedded = data.zip(self.get("media_type"));
        let embedded = embedded.map(|(data, media)| format!("data:{media};base64,{data}"));
        let url = embedded.or_else(|| self.get("url"));
        let url = url.or_else(|| self.get("image_url"))?;
        Some(Medium::Image { url, detail })
    }
}

fn part(reader: &mut Reader<'_>, parts: &mut Vec<Part>) -> Result<(), Error> {
    let start = reader.offset();
    let strings = Strings::read(reader)?;
    let end = reader.offset();
    let span = Span { start, end };
    parts.extend(strings.medium().map(|medium| Part { span, medium }));
    Ok(())
}

/// A part that says `text`.
pub fn text_part(api: Api, text: &str) -> String {
    let kind = match api {
        Api::Responses => "input_text",
        _ => "text",
    };
    format!(r#"{{"type":"{kind}","text":{}}}"#, quote(text))
}

/// A message of the user's that says `text`.
pub fn user_message(text: &str) -> String {
    format!(r#"{{"role":"user","content":{}}}"#, quote(text))
}

/// One message or item of a request.
struct Turn {
    span: Span,
    is_system: bool,
    /// Whether the user says something new in it.
    begins: bool,
}

/// Where older turns stand that a summary can stand for: behind the system's prompt, before the
/// latest turns, of which `keep` messages or more stay. They end before something that a user
/// says, so that calls of tools stay with what came of them. `None`: there are fewer than two.
///
/// # Errors
/// The body is no JSON.
pub fn older_turns(body: &[u8], keep: usize) -> Result<Option<Span>, Error> {
    let mut turns = Vec::new();
    let mut reader = Reader::new(body, unwatched)?;
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("messages" | "input", Kind::Array) => reader.array(|reader| {
            turns.push(turn(reader)?);
            Ok::<_, Error>(())
        }),
        _ => reader.skip().map(drop),
    })?;
    Ok(older(&turns, keep))
}

fn older(turns: &[Turn], keep: usize) -> Option<Span> {
    let from = turns.iter().position(|turn| !turn.is_system)?;
    let most = turns.len().checked_sub(keep)?;
    let begins = |place: &usize| turns.get(*place).is_some_and(|turn| turn.begins);
    let to = (from..=most).rev().find(begins)?;
    let old = turns.get(from..to)?;
    // A system's prompt in the middle stays what it is.
    if old.len() < 2 || old.iter().any(|turn| turn.is_system) {
        return None;
    }
    let (first, last) = (old.first()?, old.last()?);
    Some(Span {
        start: first.span.start,
        end: last.span.end,
    })
}

fn turn(reader: &mut Reader<'_>) -> Result<Turn, Error> {
    let role = match reader.kind()? {
        Kind::Object => peek(reader, ["role"]).concat(),
        _ => String::new(),
    };
    let start = reader.offset();
    let mut answers_tool = false;
    if reader.kind()? == Kind::Object {
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("content", Kind::Array) => reader.array(|reader| {
                let kind = match reader.kind()? {
                    Kind::Object => peek(reader, ["type"]).concat(),
                    _ => String::new(),
                };
                answers_tool |= kind == "tool_result";
                reader.skip().map(drop)
            }),
            _ => reader.skip().map(drop),
        })?;
    } else {
        reader.skip()?;
    }
    let end = reader.offset();
    Ok(Turn {
        span: Span { start, end },
        is_system: matches!(role.as_str(), "system" | "developer"),
        begins: role == "user" && !answers_tool,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Edits;
    use serde_json::{Value, json};

    fn image(url: &str, detail: &str) -> Medium {
        let (url, detail) = (url.to_owned(), detail.to_owned());
        Medium::Image { url, detail }
    }

    fn found(body: &Value) -> Vec<Medium> {
        let body = body.to_string();
        let parts = media(body.as_bytes()).unwrap();
        for part in &parts {
            let text = &body[part.span.start..part.span.end];
            assert!(text.starts_with("{\"") && text.ends_with('}'), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
        }
        parts.into_iter().map(|part| part.medium).collect()
    }

    #[test]
    fn images_and_sounds_are_found_in_all_protocols() {
        let url =
            json!({"type": "image_url", "image_url": {"url": "https://a/b", "detail": "low"}});
        let sound =
            json!({"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}});
        let chat = json!({"messages": [{"role": "user", "content": [url, {"type": "text", "text": "x"}, sound]}]});
        let heard = Medium::Sound {
            data: "QUJD".to_owned(),
            format: "wav".to_owned(),
        };
        assert_eq!(found(&chat), [image("https://a/b", "low"), heard]);
        let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
        let block = json!({"type": "image", "source": source});
        let remote = json!({"type": "image", "source": {"type": "url", "url": "https://c"}});
        let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [block]});
        let messages = json!({"messages": [{"role": "user", "content": [result, remote]}]});
        let wanted = [
            image("data:image/png;base64,AA==", ""),
            image("https://c", ""),
        ];
        assert_eq!(found(&messages), wanted);
        let item = json!({"type": "input_image", "image_url": "https://d", "detail": "auto"});
        let stored = json!({"type": "input_image", "file_id": "f"});
        let responses = json!({"input": [{"role": "user", "content": [item, stored]}]});
        assert_eq!(found(&responses), [image("https://d", "auto")]);
        let elsewhere =
            json!({"metadata": {"type": "image_url", "image_url": {"url": "u"}}, "messages": "x"});
        assert_eq!(found(&elsewhere), []);
    }

    #[test]
    fn texts_stand_in_their_places() {
        let part = json!({"type": "image_url", "image_url": {"url": "u"}});
        let body = json!({"messages": [{"role": "user", "content": [part]}]}).to_string();
        let parts = media(body.as_bytes()).unwrap();
        let mut edits = Edits::default();
        edits.replace(parts[0].span, text_part(Api::ChatCompletions, "a \"cat\""));
        let new = edits.apply(body.as_bytes()).unwrap().whole(body.as_bytes());
        let new: Value = serde_json::from_slice(&new).unwrap();
        let text = json!({"type": "text", "text": "a \"cat\""});
        assert_eq!(new["messages"][0]["content"], json!([text]));
        assert!(text_part(Api::Responses, "").contains("input_text"));
    }

    /// `s`ystem, `u`ser, `a`ssistant, `t`ool, and `r`: a user's message with a tool's result.
    fn old_turns(roles: &str, keep: usize) -> Option<String> {
        let messages = roles.chars().map(|role| match role {
            's' => json!({"role": "system", "content": "s"}),
            'u' => json!({"content": "u", "role": "user"}),
            'a' => json!({"role": "assistant", "content": "a"}),
            'r' => json!({"role": "user", "content": [{"type": "tool_result"}]}),
            _ => json!({"role": "tool", "content": "t"}),
        });
        let messages: Vec<Value> = messages.collect();
        let body = json!({"messages": messages}).to_string();
        let span = older_turns(body.as_bytes(), keep).unwrap()?;
        let old: Value =
            serde_json::from_str(&format!("[{}]", &body[span.start..span.end])).unwrap();
        let (old, all) = (old.as_array().unwrap().clone(), messages);
        let from = all.windows(old.len()).position(|some| some == old).unwrap();
        Some(roles[from..from + old.len()].to_owned())
    }

    #[test]
    fn older_turns_end_before_something_that_a_user_says() {
        for (roles, keep, wanted) in [
            ("suauau", 1, Some("uaua")),
            ("suauau", 2, Some("ua")),
            ("suauau", 3, Some("ua")),
            ("suauau", 4, None),
            ("uatau", 1, Some("uata")),
            ("uataruaru", 4, Some("uatar")),
            ("su", 1, None),
            ("u", 9, None),
            ("uasau", 1, None),
            ("aaaa", 1, None),
            ("", 1, None),
        ] {
            let old = old_turns(roles, keep);
            assert_eq!(old.as_deref(), wanted, "{roles} {keep}");
        }
        assert_eq!(older_turns(br#"{"input":"text"}"#, 1), Ok(None));
    }
}
