/*! `usage` of chat completions and embeddings. */

use crate::json::{Error, Kind, Reader};
use crate::ledger::Usage;
use crate::protocols::ReportedUsage;
use crate::protocols::usage::token_count;

#[derive(Default)]
struct Counts {
    usage: Usage,
    counted: bool,
    absurd: bool,
}

/// Reads the value of a `usage` member. The reader stands before the value.
///
/// # Errors
/// The JSON is broken.
pub fn read_usage(reader: &mut Reader<'_>) -> Result<ReportedUsage, Error> {
    if reader.kind()? != Kind::Object {
        let absent = reader.kind()? == Kind::Null;
        reader.skip()?;
        return Ok(if absent {
            ReportedUsage::Absent
        } else {
            ReportedUsage::Absurd
        });
    }
    let mut counts = Counts::default();
    reader.object(|reader, key| match key.value().as_ref() {
        "prompt_tokens" => counts.main(reader, |usage| &mut usage.input),
        "completion_tokens" => counts.main(reader, |usage| &mut usage.output),
        "prompt_tokens_details" => {
            counts.detail(reader, "cached_tokens", |usage| &mut usage.cached)
        }
        "completion_tokens_details" => {
            counts.detail(reader, "reasoning_tokens", |usage| &mut usage.reasoning)
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(counts.verdict())
}

impl Counts {
    fn main(
        &mut self,
        reader: &mut Reader<'_>,
        field: fn(&mut Usage) -> &mut u64,
    ) -> Result<(), Error> {
        self.counted = true;
        self.count(reader, field)
    }

    fn detail(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        field: fn(&mut Usage) -> &mut u64,
    ) -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return reader.skip().map(drop);
        }
        reader.object(|reader, key| {
            if key.value() == name && reader.kind()? != Kind::Null {
                self.count(reader, field)
            } else {
                reader.skip().map(drop)
            }
        })
    }

    fn count(
        &mut self,
        reader: &mut Reader<'_>,
        field: fn(&mut Usage) -> &mut u64,
    ) -> Result<(), Error> {
        match token_count(reader)? {
            Some(count) => *field(&mut self.usage) = count,
            None => self.absurd = true,
        }
        Ok(())
    }

    const fn verdict(self) -> ReportedUsage {
        if self.absurd {
            ReportedUsage::Absurd
        } else if self.counted {
            ReportedUsage::Counted(self.usage)
        } else {
            ReportedUsage::Absent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ReportedUsage {
        read_usage(&mut Reader::new(text.as_bytes(), |_| None).unwrap()).unwrap()
    }

    #[test]
    fn reads_all_counts() {
        let usage = read(
            r#"{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
                "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
                "completion_tokens_details":{"reasoning_tokens":3}}"#,
        );
        let wanted = Usage {
            input: 19,
            output: 10,
            cached: 4,
            reasoning: 3,
        };
        assert_eq!(usage, ReportedUsage::Counted(wanted));
    }

    #[test]
    fn absurd_counts_are_not_believed() {
        for count in ["-1", "1.5", "\"7\"", "1e3", "99999999999999999999", "[]"] {
            let text = format!(r#"{{"prompt_tokens":{count},"completion_tokens":1}}"#);
            assert_eq!(read(&text), ReportedUsage::Absurd, "{count}");
        }
        assert_eq!(read("[1]"), ReportedUsage::Absurd);
    }

    #[test]
    fn nothing_said_is_absent() {
        for text in ["null", "{}", r#"{"total_tokens":3}"#] {
            assert_eq!(read(text), ReportedUsage::Absent, "{text}");
        }
        let details = r#"{"prompt_tokens":1,"prompt_tokens_details":null}"#;
        assert!(matches!(read(details), ReportedUsage::Counted(_)));
    }
}
