/*! What all chunks of a stream repeat, and a whole answer says beside its text. */

use crate::json::{Error, Kind, Reader, Span};
use crate::protocols::event::unwatched;
use crate::protocols::openai::ending::{HEAD, MAX_VALUE, member_of_head};
use crate::protocols::texts::{index, plain, report};

/// Read from a chunk or a whole answer.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The values of [`HEAD`].
    head: [Option<Span>; HEAD.len()],
    usage: Option<Span>,
    /// Indexes of the choices.
    pub(super) choices: Vec<u32>,
}

/// What clients that demand the members of a head get where there are none.
const DEFAULTS: [&str; 3] = ["\"\"", "0", "\"\""];

impl Head {
    /// Of what is no JSON, it is empty.
    pub(super) fn of(data: &[u8]) -> Self {
        let mut head = Self::default();
        match head.read(data) {
            Ok(()) => head,
            Err(_) => Self::default(),
        }
    }

    fn read(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(data, unwatched)?;
        if reader.kind()? == Kind::Object {
            reader.object(|reader, key| {
                let name = key.value();
                match (name.as_ref(), reader.kind()?) {
                    ("choices", Kind::Array) => self.choices(reader)?,
                    ("usage", _) => self.usage = report(reader)?,
                    _ => {
                        let place = HEAD.iter().position(|known| *known == name);
                        match place.and_then(|place| self.head.get_mut(place)) {
                            Some(place) => *place = plain(reader, member_of_head(&name))?,
                            None => drop(reader.skip()?),
                        }
                    }
                }
                Ok::<(), Error>(())
            })?;
        } else {
            reader.skip()?;
        }
        reader.finish()
    }

    fn choices(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let mut place = 0_u32;
        reader.array(|reader| {
            let mut told = place;
            if reader.kind()? == Kind::Object {
                reader.object(|reader, key| {
                    if key.value() == "index" {
                        told = index(reader)?.unwrap_or(place);
                        return Ok(());
                    }
                    reader.skip().map(drop)
                })?;
            } else {
                reader.skip()?;
            }
            self.choices.push(told);
            place = place.saturating_add(1);
            Ok::<(), Error>(())
        })
    }

    /// The members as JSON, each with a comma behind it.
    pub(super) fn members(&self, data: &[u8]) -> String {
        let named = self.head.iter().zip(HEAD).enumerate();
        let members = named.map(|(place, (span, name))| {
            let value = span.and_then(|span| text(data, span));
            let value = value.filter(|value| value.len() <= MAX_VALUE);
            let value = value.or_else(|| DEFAULTS.get(place).copied());
            value.map(|value| format!("\"{name}\":{value},"))
        });
        members.flatten().collect()
    }

    /// The report of usage, as JSON.
    pub(super) fn usage<'d>(&self, data: &'d [u8]) -> Option<&'d str> {
        self.usage.and_then(|span| text(data, span))
    }
}

fn text(data: &[u8], span: Span) -> Option<&str> {
    let value = data.get(span.start..span.end)?;
    std::str::from_utf8(value).ok()
}
