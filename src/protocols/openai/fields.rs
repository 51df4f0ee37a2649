/*! What requests of several endpoints have alike. */

use super::Adapt;
use crate::json::{Edits, Kind, Reader, Span, Text};
use crate::protocols::members::Members;
use crate::protocols::reading::{self, Stop, field};

/// What a field says about the length of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Limit {
    /// It is not there.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// So many tokens.
    Tokens { count: u64, span: Span },
}

impl Limit {
    pub(super) fn read(reader: &mut Reader<'_>, path: &str) -> Result<Self, Stop> {
        let start = reader.offset();
        let count = reading::whole_number(reader, path)?;
        let span = Span {
            start,
            end: reader.offset(),
        };
        Ok(count.map_or(Self::Null, |count| Self::Tokens { count, span }))
    }

    /// So many, if it says so.
    pub(super) const fn tokens(self) -> Option<u64> {
        match self {
            Self::Tokens { count, .. } => Some(count),
            Self::Absent | Self::Null => None,
        }
    }

    /// Makes the one field named `name` fit: what is too large is lowered, and who has no bound
    /// gets one. Whether one was written in front: what stands there then goes.
    pub(super) fn fit(
        self,
        name: &str,
        adapt: &Adapt<'_>,
        members: &Members<'_>,
        edits: &mut Edits,
    ) -> bool {
        match (self, adapt.default_output, adapt.max_output) {
            (Self::Tokens { count, span }, _, Some(most)) if count > most => {
                edits.replace(span, most.to_string());
                false
            }
            (Self::Absent | Self::Null, Some(tokens), _) => {
                members.insert(edits, &format!("\"{name}\":{tokens}"));
                true
            }
            _ => false,
        }
    }
}

/// How many answers are asked for: a number above zero; null counts as one.
pub(super) fn answers(reader: &mut Reader<'_>, path: &str) -> Result<u64, Stop> {
    match reading::whole_number(reader, path)? {
        Some(0) => field(path, "must be at least 1"),
        answers => Ok(answers.unwrap_or(1)),
    }
}

/// The strings of these members of an object, as they stand between their quotes.
pub(super) fn strings<'a, const N: usize>(
    reader: &mut Reader<'a>,
    names: [&str; N],
) -> Result<[Option<&'a [u8]>; N], Stop> {
    let found = texts(reader, names)?;
    Ok(found.map(|text| text.as_ref().map(Text::raw)))
}

/// The same, and where they stand.
pub(super) fn texts<'a, const N: usize>(
    reader: &mut Reader<'a>,
    names: [&str; N],
) -> Result<[Option<Text<'a>>; N], Stop> {
    let mut found = [None; N];
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(found);
    }
    reader.object(|reader, key| {
        let wanted = names.iter().position(|name| *name == key.value());
        match wanted.and_then(|index| found.get_mut(index)) {
            Some(place) if reader.kind()? == Kind::String => *place = Some(reader.string()?),
            _ => drop(reader.skip()?),
        }
        Ok::<(), Stop>(())
    })?;
    Ok(found)
}
