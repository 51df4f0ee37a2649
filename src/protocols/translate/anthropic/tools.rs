/*! What Anthropic's tools have to be like, and those of Converse as well: ids and schemas. */

use crate::json::{Error, Reader};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::unwatched;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The schema of a tool without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Most characters of an id that Converse takes (`ToolUseBlock`).
const MAX_ID: usize = 64;

/// What is left of an id that has to be changed, in characters.
const ID_FRONT: usize = 32;

/// What is put behind it: bytes of its hash.
const ID_HASH: usize = 12;

/// Anthropic takes ids of letters, digits, `_` and `-`, and Converse up to 64 of them; those of other
/// providers may have more. Ids that differ stay different, and calls and results are changed alike.
pub(in super::super) fn tool_id<'a>(id: &Text<'a>) -> Text<'a> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let value = id.value();
    if !value.is_empty() && value.len() <= MAX_ID && value.chars().all(fits) {
        return id.clone();
    }
    let front = value.chars().take(ID_FRONT);
    let mut short: String = front.map(|c| if fits(c) { c } else { '_' }).collect();
    short.push('_');
    let hash = Sha256::digest(value.as_bytes());
    short.extend(hash.iter().take(ID_HASH).map(|byte| format!("{byte:02x}")));
    Text::of(&short)
}

/// The schema of a tool's arguments, which have to be an object, and of which both demand that it
/// says so.
pub(in super::super) fn of_arguments(schema: Option<&str>) -> Cow<'_, str> {
    let Some(schema) = schema else {
        return Cow::Borrowed(NO_ARGUMENTS);
    };
    let inside = schema.strip_prefix('{').unwrap_or_default();
    match has_type(schema) {
        // What is no JSON was refused before.
        Ok(true) | Err(_) => Cow::Borrowed(schema),
        Ok(false) if inside.trim_start().starts_with('}') => Cow::Borrowed(NO_ARGUMENTS),
        Ok(false) => Cow::Owned(format!(r#"{{"type":"object",{inside}"#)),
    }
}

fn has_type(schema: &str) -> Result<bool, Error> {
    let mut typed = false;
    let mut reader = Reader::new(schema.as_bytes(), unwatched)?;
    reader.object(|reader, key| {
        typed |= key.value() == "type";
        reader.skip()?;
        Ok::<(), Error>(())
    })?;
    Ok(typed)
}
