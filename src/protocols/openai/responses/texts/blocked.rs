/*! The answer of which not all may be told. */

use crate::json::{Error, Kind, Reader, Span, quote};
use crate::protocols::event::unwatched;
use crate::protocols::openai::responses::ending::unfinished;
use crate::protocols::texts::{Member, plain, report};

/// What a response says beside its output, with what clients that demand it get where it can't be
/// told.
const HEAD: [(&str, &str); 4] = [
    ("id", "\"\""),
    ("created_at", "0"),
    ("model", "\"\""),
    ("usage", "null"),
];

#[derive(Default)]
struct Head {
    /// The values of [`HEAD`].
    values: [Option<Span>; HEAD.len()],
    /// Ids of the items.
    ids: Vec<Option<Span>>,
}

pub(in crate::protocols) fn blocked(body: &[u8], kept: &[(u32, String)]) -> String {
    let head = Head::of(body);
    let mut members = String::new();
    for ((name, default), span) in HEAD.iter().zip(head.values) {
        let value = told(body, span).unwrap_or(default);
        members.push_str(&format!("\"{name}\":{value},"));
    }
    let output = messages(body, &head, kept);
    let unfinished = unfinished(&format!("[{output}]"), "content_filter");
    let rest = unfinished.trim_end_matches(',');
    format!("{{{members}{rest}}}")
}

/// A message for each item of which some text is kept.
fn messages(body: &[u8], head: &Head, kept: &[(u32, String)]) -> String {
    let mut parts: Vec<u32> = Vec::new();
    for (part, text) in kept {
        if !text.is_empty() && !parts.contains(part) {
            parts.push(*part);
        }
    }
    let message = |part: &u32| {
        let of_part = kept.iter().filter(|(own, _)| own == part);
        let text: String = of_part.map(|(_, text)| text.as_str()).collect();
        let place = usize::try_from(*part).unwrap_or(usize::MAX);
        let id = head.ids.get(place).copied().flatten();
        format!(
            r#"{{"id":{},"type":"message","status":"incomplete","role":"assistant","content":[{{"type":"output_text","text":{},"annotations":[],"logprobs":[]}}]}}"#,
            told(body, id).unwrap_or("\"\""),
            quote(&text)
        )
    };
    let messages: Vec<String> = parts.iter().map(message).collect();
    messages.join(",")
}

fn told(body: &[u8], span: Option<Span>) -> Option<&str> {
    let value = span.and_then(|span| body.get(span.start..span.end));
    let value = value.filter(|value| *value != b"null");
    value.and_then(|value| std::str::from_utf8(value).ok())
}

impl Head {
    /// Of what is no JSON, it is empty.
    fn of(body: &[u8]) -> Self {
        let mut head = Self::default();
        match head.read(body) {
            Ok(()) => head,
            Err(_) => Self::default(),
        }
    }

    fn read(&mut self, body: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(body, unwatched)?;
        if reader.kind()? != Kind::Object {
            return Ok(());
        }
        reader.object(|reader, key| {
            let name = key.value();
            if name == "output" && reader.kind()? == Kind::Array {
                return reader.array(|reader| self.item(reader));
            }
            let place = HEAD.iter().position(|(known, _)| *known == name);
            let Some(place) = place.and_then(|place| self.values.get_mut(place)) else {
                return reader.skip().map(drop);
            };
            *place = match name.as_ref() {
                "usage" => report(reader)?,
                "id" => plain(reader, Member::Id)?,
                _ => plain(reader, Member::Name)?,
            };
            Ok(())
        })
    }

    fn item(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let mut id = None;
        if reader.kind()? == Kind::Object {
            reader.object(|reader, key| {
                match key.value().as_ref() {
                    "id" => id = plain(reader, Member::Id)?,
                    _ => drop(reader.skip()?),
                }
                Ok::<(), Error>(())
            })?;
        } else {
            reader.skip()?;
        }
        self.ids.push(id);
        Ok(())
    }
}
