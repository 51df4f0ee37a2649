/*! Where text stands in embeddings: in requests alone. Answers are numbers, or base64 of them. */

use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::openai::completions::texts::prompts;
use crate::protocols::openai::texts::head::Head;
use crate::protocols::texts::{
    AnswerTexts, Found, Member, Origin, Speech, Walk, answer_reader, walk_request,
};

pub(in crate::protocols) fn request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, member)
}

fn member<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
) -> Result<(), Error> {
    match key.value().as_ref() {
        "input" => prompts(walk, reader),
        // The latter is of Cohere's models and others.
        "encoding_format" | "dimensions" | "input_type" => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let mut reader = answer_reader(body)?;
    let mut speech = Speech::default();
    speech.own(&mut reader, known)?;
    reader.finish()?;
    Ok(AnswerTexts {
        said: speech.said,
        ..AnswerTexts::default()
    })
}

fn known(key: &str, kind: Kind) -> Member {
    match (key, kind) {
        ("embedding", Kind::Array | Kind::String) => Member::Encoded,
        ("object" | "model" | "usage", _) => Member::Name,
        ("id", _) => Member::Id,
        ("index" | "created", Kind::Number) => Member::Name,
        _ => Member::Text,
    }
}

/// The answer of which not all may be told: there are no embeddings.
pub(in crate::protocols) fn blocked(body: &[u8]) -> String {
    let head = Head::of(body);
    let usage = head.usage(body).map(|usage| format!(",\"usage\":{usage}"));
    format!(
        r#"{{{}"object":"list","data":[]{}}}"#,
        head.members(body),
        usage.unwrap_or_default()
    )
}
