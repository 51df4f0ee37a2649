/*! `usage` of messages. Anthropic counts what it read from its cache, what it wrote there
and the rest of the prompt apart; together they are the input. */

use crate::json::{Error, Kind, Reader};
use crate::ledger::Usage;
use crate::protocols::ReportedUsage;
use crate::protocols::usage::token_count;

/// What the `usage` members of one answer have said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Neither read from the cache nor written to it.
    uncached: Option<u64>,
    /// Written to the cache, for whatever time.
    cache_creation: u64,
    /// Of these, by time; older servers do not tell.
    written_5m: u64,
    written_1h: u64,
    cache_read: u64,
    audio_input: u64,
    image_input: u64,
    output: Option<u64>,
    thinking: u64,
    audio_output: u64,
}

/// Reads the `usage` of a whole answer. The reader stands before the value.
///
/// # Errors
/// The JSON is broken.
pub fn read_usage(reader: &mut Reader<'_>) -> Result<ReportedUsage, Error> {
    let mut counts = Counts::default();
    Ok(match counts.read(reader)? {
        Read::Absent => ReportedUsage::Absent,
        Read::Absurd => ReportedUsage::Absurd,
        Read::Counts => counts.total(),
    })
}

/// What a `usage` member was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocols) enum Read {
    /// Null, or without counts.
    Absent,
    /// Counts that can't be; nothing of it was taken.
    Absurd,
    /// Counts, which were added.
    Counts,
}

impl Counts {
    /// Adds one `usage` member. Those of a stream are cumulative: the last one counts, but
    /// a 0 behind a count is a server's way to say nothing.
    pub(in crate::protocols) fn read(&mut self, reader: &mut Reader<'_>) -> Result<Read, Error> {
        match reader.kind()? {
            Kind::Object => {}
            Kind::Null => return reader.skip().map(|_| Read::Absent),
            _ => return reader.skip().map(|_| Read::Absurd),
        }
        let mut new = *self;
        let mut absurd = false;
        let mut counted = false;
        reader.object(|reader, key| {
            if reader.kind()? == Kind::Null {
                return reader.skip().map(drop);
            }
            let read = match key.value().as_ref() {
                "input_tokens" => count(&mut new.uncached, reader)?,
                "output_tokens" => count(&mut new.output, reader)?,
                "cache_creation_input_tokens" => count(&mut new.cache_creation, reader)?,
                "cache_read_input_tokens" => count(&mut new.cache_read, reader)?,
                "cache_creation" => new.details(reader, of_creation)?,
                "input_tokens_details" => new.details(reader, of_input)?,
                "output_tokens_details" => new.details(reader, of_output)?,
                _ => return reader.skip().map(drop),
            };
            absurd |= !read;
            counted = true;
            Ok(())
        })?;
        if absurd || !new.usage().is_believable() {
            return Ok(Read::Absurd);
        }
        *self = new;
        Ok(if counted { Read::Counts } else { Read::Absent })
    }

    fn details(
        &mut self,
        reader: &mut Reader<'_>,
        fields: fn(&str) -> Option<Field>,
    ) -> Result<bool, Error> {
        if reader.kind()? != Kind::Object {
            return reader.skip().map(|_| false);
        }
        let mut good = true;
        reader.object(|reader, key| {
            let Some(field) = fields(&key.value()) else {
                return reader.skip().map(drop);
            };
            if reader.kind()? == Kind::Null {
                return reader.skip().map(drop);
            }
            good &= count(field(self), reader)?;
            Ok::<(), Error>(())
        })?;
        Ok(good)
    }

    /// Forgets the count of generated tokens: that of a stream's beginning is no more than
    /// a beginning.
    pub(in crate::protocols) const fn forget_output(&mut self) {
        self.output = None;
        self.thinking = 0;
        self.audio_output = 0;
    }

    /// What is known by now.
    pub(in crate::protocols) fn so_far(&self) -> ReportedUsage {
        match (self.uncached, self.output) {
            _ if self.is_nothing() => ReportedUsage::Absent,
            (Some(_), Some(_)) => self.total(),
            (Some(_), None) => ReportedUsage::Prompt(self.usage()),
            (None, _) => ReportedUsage::Absent,
        }
    }

    /// The same, of an answer that has no more to say.
    pub(in crate::protocols) fn total(&self) -> ReportedUsage {
        let unsaid = self.uncached.is_none() && self.output.is_none();
        if unsaid || self.is_nothing() {
            return ReportedUsage::Absent;
        }
        ReportedUsage::Counted(self.usage())
    }

    /// Nothing but zeros, which are no call's: what servers write that did not count, and
    /// translation where the provider told nothing.
    fn is_nothing(&self) -> bool {
        self.input() == 0 && self.output.unwrap_or(0) == 0
    }

    /// Prompt tokens written to the cache; what is told by time may be more than the sum told.
    fn written(&self) -> u64 {
        let by_time = self.written_5m.saturating_add(self.written_1h);
        self.cache_creation.max(by_time)
    }

    fn usage(&self) -> Usage {
        let usage = Usage {
            input: self.input(),
            output: self.output.unwrap_or(0),
            cached: self.cache_read,
            reasoning: self.thinking,
            // Five minutes are Anthropic's default.
            cache_write: self.written().saturating_sub(self.written_1h),
            cache_write_1h: self.written_1h,
            audio_input: self.audio_input,
            audio_output: self.audio_output,
            image_input: self.image_input,
            ..Usage::NONE
        };
        usage.with_parts_inside()
    }

    fn input(&self) -> u64 {
        let parts = [self.uncached.unwrap_or(0), self.written(), self.cache_read];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// Where a count goes.
type Field = fn(&mut Counts) -> &mut u64;

fn of_creation(name: &str) -> Option<Field> {
    Some(match name {
        "ephemeral_5m_input_tokens" => |counts| &mut counts.written_5m,
        "ephemeral_1h_input_tokens" => |counts| &mut counts.written_1h,
        _ => return None,
    })
}

/// Not Anthropic's: answers that were translated tell it so.
fn of_input(name: &str) -> Option<Field> {
    Some(match name {
        "audio_tokens" => |counts| &mut counts.audio_input,
        "image_tokens" => |counts| &mut counts.image_input,
        _ => return None,
    })
}

/// `audio_tokens` are in translated answers only.
fn of_output(name: &str) -> Option<Field> {
    Some(match name {
        "thinking_tokens" => |counts| &mut counts.thinking,
        "audio_tokens" => |counts| &mut counts.audio_output,
        _ => return None,
    })
}

/// A count that later members replace.
trait Count {
    fn say(&mut self, count: u64);
}

impl Count for u64 {
    fn say(&mut self, count: u64) {
        if count > 0 {
            *self = count;
        }
    }
}

impl Count for Option<u64> {
    fn say(&mut self, count: u64) {
        if count > 0 || self.is_none() {
            *self = Some(count);
        }
    }
}

/// Reads one count; false if it is absurd.
fn count(count: &mut impl Count, reader: &mut Reader<'_>) -> Result<bool, Error> {
    let read = token_count(reader)?;
    if let Some(read) = read {
        count.say(read);
    }
    Ok(read.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ReportedUsage {
        read_usage(&mut Reader::new(text.as_bytes(), |_| None).unwrap()).unwrap()
    }

    #[test]
    fn the_cache_is_part_of_the_input() {
        let usage = read(
            r#"{"input_tokens":5,"cache_creation_input_tokens":20,"cache_read_input_tokens":100,
                "cache_creation":{"ephemeral_5m_input_tokens":20},"output_tokens":30,
                "output_tokens_details":{"thinking_tokens":12},"service_tier":"standard"}"#,
        );
        let wanted = Usage {
            input: 125,
            output: 30,
            cached: 100,
            reasoning: 12,
            cache_write: 20,
            ..Usage::NONE
        };
        assert_eq!(usage, ReportedUsage::Counted(wanted));
    }

    #[test]
    fn what_is_written_to_the_cache_by_time() {
        for (told, wanted) in [
            (r#""cache_creation_input_tokens":20"#, (25, 20, 0)),
            (
                r#""cache_creation_input_tokens":20,"cache_creation":null"#,
                (25, 20, 0),
            ),
            (
                r#""cache_creation":{"ephemeral_1h_input_tokens":15,"ephemeral_5m_input_tokens":5},"cache_creation_input_tokens":20"#,
                (25, 5, 15),
            ),
            // The sum is missing, too small, or more than the times tell.
            (
                r#""cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15}"#,
                (25, 5, 15),
            ),
            (
                r#""cache_creation_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":15}"#,
                (20, 0, 15),
            ),
            (
                r#""cache_creation_input_tokens":20,"cache_creation":{"ephemeral_1h_input_tokens":15,"x":[]}"#,
                (25, 5, 15),
            ),
        ] {
            let text = format!(r#"{{"input_tokens":5,{told},"output_tokens":1}}"#);
            let ReportedUsage::Counted(usage) = read(&text) else {
                panic!("{text}")
            };
            let got = (usage.input, usage.cache_write, usage.cache_write_1h);
            assert_eq!(got, wanted, "{text}");
        }
    }

    #[test]
    fn absurd_counts_are_not_believed() {
        for count in ["-1", "1.5", "\"7\"", "1e3", "99999999999999999999", "[]"] {
            for name in [
                "input_tokens",
                "output_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens_details",
            ] {
                let text = format!(r#"{{"{name}":{count}}}"#);
                assert_eq!(read(&text), ReportedUsage::Absurd, "{text}");
            }
        }
        for text in [
            "[1]",
            r#"{"input_tokens":600000000,"cache_read_input_tokens":600000000}"#,
            r#"{"output_tokens_details":{"thinking_tokens":-1},"output_tokens":1}"#,
            r#"{"cache_creation":{"ephemeral_1h_input_tokens":-1},"input_tokens":1}"#,
            r#"{"cache_creation":7,"input_tokens":1}"#,
            r#"{"input_tokens":600000000,"cache_creation":{"ephemeral_1h_input_tokens":600000000}}"#,
        ] {
            assert_eq!(read(text), ReportedUsage::Absurd, "{text}");
        }
    }

    #[test]
    fn nothing_said_is_absent() {
        for text in [
            "null",
            "{}",
            r#"{"service_tier":"standard"}"#,
            r#"{"input_tokens":null,"output_tokens":null}"#,
            r#"{"cache_read_input_tokens":4}"#,
            r#"{"input_tokens":0,"output_tokens":0}"#,
        ] {
            assert_eq!(read(text), ReportedUsage::Absent, "{text}");
        }
        let nulls = r#"{"input_tokens":1,"cache_read_input_tokens":null,"output_tokens":2,"output_tokens_details":null}"#;
        let wanted = Usage {
            input: 1,
            output: 2,
            ..Usage::default()
        };
        assert_eq!(read(nulls), ReportedUsage::Counted(wanted));
    }

    #[test]
    fn an_absurd_member_takes_nothing_along() {
        let mut counts = Counts::default();
        let mut read = |text: &str| {
            let mut reader = Reader::new(text.as_bytes(), |_| None).unwrap();
            (counts.read(&mut reader).unwrap(), counts)
        };
        let (first, before) = read(r#"{"input_tokens":7,"output_tokens":1}"#);
        let (second, after) = read(r#"{"input_tokens":9,"output_tokens":-1}"#);
        assert_eq!((first, second), (Read::Counts, Read::Absurd));
        assert_eq!(before, after);
    }
}
