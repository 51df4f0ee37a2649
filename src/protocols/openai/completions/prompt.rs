/*! `prompt`: a text, tokens, or several of them. */

use crate::json::{Kind, Reader};
use crate::protocols::Traits;
use crate::protocols::reading::{Stop, field};

const PROBLEM: &str = "must be a string, an array of strings, or an array of tokens";

/// Counts the prompts, and what they come to. Null stands for one that says nothing.
pub(super) fn read(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<u64, Stop> {
    match reader.kind()? {
        Kind::String | Kind::Null => {
            traits.add_text(reader)?;
            Ok(1)
        }
        Kind::Array => list(reader, traits),
        _ => field("prompt", PROBLEM),
    }
}

/// What stands in an array, of which all items are of one kind.
fn list(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<u64, Stop> {
    let mut kind = None;
    let mut items = 0_u64;
    reader.array(|reader| {
        let own = reader.kind()?;
        if *kind.get_or_insert(own) != own {
            return field("prompt", PROBLEM);
        }
        items = items.saturating_add(1);
        match own {
            Kind::String => traits.add_text(reader),
            Kind::Array => tokens(reader, traits),
            Kind::Number => token(reader, traits),
            _ => field("prompt", PROBLEM),
        }
    })?;
    match kind {
        None => field("prompt", "must not be empty"),
        Some(Kind::Number) => Ok(1),
        Some(_) => Ok(items),
    }
}

fn tokens(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<(), Stop> {
    reader.array(|reader| match reader.kind()? {
        Kind::Number => token(reader, traits),
        _ => field("prompt", PROBLEM),
    })
}

fn token(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<(), Stop> {
    traits.add_framing(1);
    reader.skip().map(drop).map_err(Stop::from)
}
