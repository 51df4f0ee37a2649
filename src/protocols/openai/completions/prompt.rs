/*! `prompt` of completions and `input` of embeddings: a text, tokens, or several of them. */

use crate::json::{Kind, Reader};
use crate::protocols::Traits;
use crate::protocols::reading::{Stop, field};

const PROBLEM: &str = "must be a string, an array of strings, or an array of tokens";

/// Counts the prompts, and what they come to. Null stands for one that says nothing.
pub(in crate::protocols::openai) fn read(
    reader: &mut Reader<'_>,
    traits: &mut Traits,
    path: &str,
) -> Result<u64, Stop> {
    match reader.kind()? {
        Kind::String | Kind::Null => {
            traits.add_text(reader)?;
            Ok(1)
        }
        Kind::Array => list(reader, traits, path),
        _ => field(path, PROBLEM),
    }
}

/// What stands in an array, of which all items are of one kind.
fn list(reader: &mut Reader<'_>, traits: &mut Traits, path: &str) -> Result<u64, Stop> {
    let mut kind = None;
    let mut items = 0_u64;
    reader.array(|reader| {
        let own = reader.kind()?;
        if *kind.get_or_insert(own) != own {
            return field(path, PROBLEM);
        }
        items = items.saturating_add(1);
        match own {
            Kind::String => traits.add_text(reader),
            Kind::Array => tokens(reader, traits, path),
            Kind::Number => token(reader, traits),
            _ => field(path, PROBLEM),
        }
    })?;
    match kind {
        None => field(path, "must not be empty"),
        Some(Kind::Number) => Ok(1),
        Some(_) => Ok(items),
    }
}

fn tokens(reader: &mut Reader<'_>, traits: &mut Traits, path: &str) -> Result<(), Stop> {
    reader.array(|reader| match reader.kind()? {
        Kind::Number => token(reader, traits),
        _ => field(path, PROBLEM),
    })
}

fn token(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<(), Stop> {
    traits.add_framing(1);
    reader.skip().map(drop).map_err(Stop::from)
}
