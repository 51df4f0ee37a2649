/*! Where text stands in what answers plain requests: hardly anywhere. They are numbers, base64 of
them, and scores under known names. */

use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::openai::texts::head::Head;
use crate::protocols::texts::{AnswerTexts, Member, Speech, answer_reader};

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let mut reader = answer_reader(body)?;
    let mut speech = Speech::default();
    value(&mut speech, &mut reader)?;
    reader.finish()?;
    Ok(AnswerTexts {
        said: speech.said,
        ..AnswerTexts::default()
    })
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
        ("embedding", Kind::Array | Kind::String) => speech.member(reader, Member::Encoded),
        ("object" | "model" | "usage", _) => speech.member(reader, Member::Name),
        ("id", _) => speech.member(reader, Member::Id),
        ("index" | "created" | "input_tokens", Kind::Number) => speech.member(reader, Member::Name),
        ("categories" | "category_scores" | "category_applied_input_types", Kind::Object) => {
            reader.object(|reader, key| {
                if !is_category(key.text().raw()) {
                    speech.key(key);
                }
                speech.member(reader, Member::Name)
            })
        }
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
