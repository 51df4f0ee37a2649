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
        "messages" | "input" => each_object(reader, &mut |reader| contents(reader, &mut parts)),
        _ => reader.skip().map(drop),
    })?;
    Ok(parts)
}

/// Goes through the objects of a list; what is none is passed over.
fn each_object(
    reader: &mut Reader<'_>,
    each: &mut dyn FnMut(&mut Reader<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if reader.kind()? != Kind::Array {
        return reader.skip().map(drop);
    }
    reader.array(|reader| match reader.kind()? {
        Kind::Object => each(reader),
        _ => reader.skip().map(drop),
    })
}

/// The parts of a message, or of what came of a tool. What stands elsewhere, such as in the
/// arguments of a tool, is none, whatever it looks like.
fn contents(reader: &mut Reader<'_>, parts: &mut Vec<Part>) -> Result<(), Error> {
    reader.object(|reader, key| match key.value().as_ref() {
        "content" | "output" => each_object(reader, &mut |reader| {
            let [kind] = peek(reader, ["type"]);
            match kind.as_ref() {
                "image_url" | "input_image" | "image" | "input_audio" => part(reader, parts),
                "tool_result" => contents(reader, parts),
                _ => reader.skip().map(drop),
            }
        }),
        _ => reader.skip().map(drop),
    })
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
    /// Whether all of it is text, calls of tools and what came of them.
    is_text: bool,
}

/// Where older turns stand that a summary can stand for: behind the system's prompt, before the
/// latest turns, of which `keep` messages or more stay. They end before something that a user
/// says, so that calls of tools stay with what came of them. A turn with more than text stays,
/// with what belongs to it; of what is left, it is the longest stretch. `None`: there are fewer
/// than two turns.
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
    let mut stretches: Vec<Vec<&Turn>> = vec![Vec::new()];
    for talk in old.chunk_by(|_, next| !next.begins) {
        // A system's prompt in the middle stays what it is.
        match talk.iter().all(|turn| turn.is_text && !turn.is_system) {
            true => stretches.last_mut()?.extend(talk),
            false => stretches.push(Vec::new()),
        }
    }
    let stretches = stretches.iter().filter(|stretch| stretch.len() >= 2);
    let spans = stretches.filter_map(|stretch| {
        let (first, last) = (stretch.first()?, stretch.last()?);
        Some(Span {
            start: first.span.start,
            end: last.span.end,
        })
    });
    spans.max_by_key(|span| span.end.saturating_sub(span.start))
}

fn turn(reader: &mut Reader<'_>) -> Result<Turn, Error> {
    let [role, kind] = match reader.kind()? {
        Kind::Object => peek(reader, ["role", "type"]).map(Cow::into_owned),
        _ => <_>::default(),
    };
    let start = reader.offset();
    let mut found = Contents {
        answers_tool: false,
        is_text: is_text(&kind),
    };
    if reader.kind()? == Kind::Object {
        found.read(reader)?;
    } else {
        reader.skip()?;
    }
    let end = reader.offset();
    Ok(Turn {
        span: Span { start, end },
        is_system: matches!(role.as_str(), "system" | "developer"),
        begins: role == "user" && !found.answers_tool,
        is_text: found.is_text,
    })
}

/// What a turn has in it.
struct Contents {
    answers_tool: bool,
    is_text: bool,
}

impl Contents {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("content" | "output", Kind::Array) => each_object(reader, &mut |reader| {
                let [kind] = peek(reader, ["type"]);
                self.answers_tool |= kind == "tool_result";
                self.is_text &= is_text(&kind);
                self.read(reader)
            }),
            // Sound that the assistant has spoken.
            ("audio", Kind::Object) => {
                self.is_text = false;
                reader.skip().map(drop)
            }
            _ => reader.skip().map(drop),
        })
    }
}

/// Whether a summary can say what such a part or item says. (Messages need not tell their type.)
fn is_text(kind: &str) -> bool {
    let calls = [
        "tool_use",
        "tool_result",
        "function_call",
        "custom_tool_call",
    ];
    let thoughts = [
        "thinking",
        "redacted_thinking",
        "reasoning",
        "reasoning_text",
    ];
    matches!(kind, "" | "message" | "text" | "refusal")
        || matches!(kind, "input_text" | "output_text" | "summary_text")
        || matches!(kind, "function_call_output" | "custom_tool_call_output")
        || calls.contains(&kind)
        || thoughts.contains(&kind)
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
        let output = json!({"type": "function_call_output", "call_id": "c", "output": [item]});
        let wanted = [image("https://d", "auto")];
        assert_eq!(found(&json!({"input": [output]})), wanted);
    }

    #[test]
    fn arguments_of_tools_are_no_parts() {
        let url = json!({"type": "image_url", "image_url": {"url": "https://a/b"}});
        let used = json!({"type": "tool_use", "id": "t", "name": "n",
            "input": {"content": [url], "parts": [url]}});
        let call =
            json!({"id": "c", "type": "function", "function": {"name": "n"}, "extra": [url]});
        let body = json!({"messages": [
            {"role": "assistant", "content": [used]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "user", "content": {"content": [url]}},
            url,
        ]});
        assert_eq!(found(&body), []);
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

    /// `s`ystem, `u`ser, `a`ssistant, `t`ool, and `r`: a user's message with a tool's result;
    /// `i`: one with an image, `o`: a tool's result with one.
    fn old_turns(roles: &str, keep: usize) -> Option<String> {
        let messages = roles.chars().map(|role| match role {
            's' => json!({"role": "system", "content": "s"}),
            'u' => json!({"content": "u", "role": "user"}),
            'a' => json!({"role": "assistant", "content": "a"}),
            'r' => json!({"role": "user", "content": [{"type": "tool_result"}]}),
            'i' => json!({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}),
            'o' => json!({"role": "user", "content": [
                {"type": "tool_result", "content": [{"type": "image", "source": {}}]}]}),
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
            ("uauasau", 1, Some("ua")),
            ("iauatau", 1, Some("uata")),
            ("uaiauaruau", 1, Some("uarua")),
            ("uaua", 1, Some("ua")),
            ("uaouau", 1, Some("ua")),
            ("uaoau", 1, None),
            ("iau", 1, None),
            ("aaaa", 1, None),
            ("", 1, None),
        ] {
            let old = old_turns(roles, keep);
            assert_eq!(old.as_deref(), wanted, "{roles} {keep}");
        }
        assert_eq!(older_turns(br#"{"input":"text"}"#, 1), Ok(None));
    }
}
