/*! Where text stands in answers that are no text: hardly anywhere. They are numbers, base64 of
them, of sound and of images, and scores under known names. */

use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::openai::answer::DONE;
use crate::protocols::openai::texts::head::Head;
use crate::protocols::texts::{AnswerTexts, EventTexts, Member, Said, Speech, answer_reader};

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    Ok(AnswerTexts {
        said: read(body)?,
        ..AnswerTexts::default()
    })
}

/// An event of sound or images.
pub(in crate::protocols) fn event(data: &[u8]) -> Result<EventTexts<'_>, Error> {
    if data.trim_ascii_end() == DONE {
        return Ok(EventTexts::default());
    }
    Ok(EventTexts {
        said: read(data)?,
        ..EventTexts::default()
    })
}

fn read(data: &[u8]) -> Result<Vec<Said<'_>>, Error> {
    let mut reader = answer_reader(data)?;
    let mut speech = Speech::default();
    value(&mut speech, &mut reader)?;
    reader.finish()?;
    Ok(speech.said)
}

fn value<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| member(speech, reader, key)),
        Kind::Array => reader.array(|reader| value(speech, reader)),
        _ => speech.member(reader, Member::Text),
    }
}

fn member<'a>(
    speech: &mut Speech<'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
) -> Result<(), Error> {
    match (key.value().as_ref(), reader.kind()?) {
        ("embedding", Kind::Array | Kind::String) | ("b64_json" | "audio", Kind::String) => {
            speech.member(reader, Member::Encoded)
        }
        (
            "object" | "model" | "usage" | "type" | "background" | "output_format" | "quality"
            | "size",
            _,
        ) => speech.member(reader, Member::Name),
        ("id", _) => speech.member(reader, Member::Id),
        (
            "index" | "created" | "created_at" | "partial_image_index" | "input_tokens",
            Kind::Number,
        ) => speech.member(reader, Member::Name),
        ("categories" | "category_scores" | "category_applied_input_types", Kind::Object) => reader
            .object(|reader, key| {
                if !is_category(key.text().raw()) {
                    speech.key(key);
                }
                speech.member(reader, Member::Name)
            }),
        _ => {
            speech.key(key);
            value(speech, reader)
        }
    }
}

/// Whether a key is spelled as the categories of moderations are, such as `self-harm/intent`.
fn is_category(raw: &[u8]) -> bool {
    const LONGEST: usize = 32;
    let plain = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'/');
    raw.len() <= LONGEST && raw.iter().all(plain)
}

/// The answer of which not all may be told: the list of what was asked for is empty.
pub(in crate::protocols) fn blocked(body: &[u8], list: &str) -> String {
    let head = Head::of(body);
    let usage = head.usage(body).map(|usage| format!(",\"usage\":{usage}"));
    format!(
        r#"{{{}"object":"list","{list}":[]{}}}"#,
        head.members(body),
        usage.unwrap_or_default()
    )
}
