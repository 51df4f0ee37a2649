/*! `stream_options`: whether a stream shall report its usage. */

use crate::json::{Edits, Kind, Reader, Span};
use crate::protocols::members::Members;
use crate::protocols::reading::{Stop, field, flag};

/// What the request says about `stream_options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOptions {
    /// Not there.
    Absent,
    /// `null`, standing at the span.
    Null(Span),
    /// An object without `include_usage`; the offset is one past its `{`.
    Silent {
        /// Where a member can be inserted.
        inside: usize,
        /// Whether the object has other members.
        empty: bool,
    },
    /// An object with `include_usage`.
    Says {
        /// The value; null counts as false.
        include_usage: bool,
        /// Where the value stands.
        span: Span,
    },
}

impl StreamOptions {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Stop> {
        match reader.kind()? {
            Kind::Object => Self::read_object(reader),
            Kind::Null => Ok(Self::Null(reader.skip()?)),
            _ => field("stream_options", "must be an object"),
        }
    }

    fn read_object(reader: &mut Reader<'_>) -> Result<Self, Stop> {
        let inside = reader.offset().saturating_add(1);
        let mut empty = true;
        let mut says = None;
        reader.object_strict(|reader, key| {
            empty = false;
            if key.value() != "include_usage" {
                return reader.skip().map(drop).map_err(Stop::from);
            }
            let start = reader.offset();
            let include_usage = flag(reader, "stream_options.include_usage")?;
            let end = reader.offset();
            says = Some(Self::Says {
                include_usage,
                span: Span { start, end },
            });
            Ok(())
        })?;
        Ok(says.unwrap_or(Self::Silent { inside, empty }))
    }

    /// Adds the edits that make a stream report its usage.
    pub(super) fn ask_for_usage(self, members: &Members<'_>, edits: &mut Edits) {
        match self {
            Self::Absent => members.insert(edits, r#""stream_options":{"include_usage":true}"#),
            Self::Null(span) => edits.replace(span, r#"{"include_usage":true}"#.to_owned()),
            Self::Silent { inside, empty } => {
                let comma = if empty { "" } else { "," };
                edits.insert(inside, format!(r#""include_usage":true{comma}"#));
            }
            Self::Says {
                include_usage: false,
                span,
            } => edits.replace(span, "true".to_owned()),
            Self::Says { .. } => {}
        }
    }
}
