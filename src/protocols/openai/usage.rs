/*! `usage` of chat completions, completions, embeddings, and responses, which has other names. */

use crate::json::{Error, Kind, Reader};
use crate::ledger::Usage;
use crate::protocols::ReportedUsage;
use crate::protocols::usage::token_count;

#[derive(Default)]
struct Counts {
    usage: Usage,
    /// Prompt and answer together.
    total: u64,
    /// Prompt tokens written to a cache, for whatever time.
    written: u64,
    counted: bool,
    absurd: bool,
}

/// Reads the value of a `usage` member. The reader stands before the value.
///
/// # Errors
/// The JSON is broken.
pub fn read_usage(reader: &mut Reader<'_>) -> Result<ReportedUsage, Error> {
    read_named(reader, &CHAT)
}

/// Reads the value of the `usage` member of a response. The reader stands before the value.
///
/// # Errors
/// The JSON is broken.
pub fn read_response_usage(reader: &mut Reader<'_>) -> Result<ReportedUsage, Error> {
    read_named(reader, &RESPONSES)
}

/// Names of the counts: of the prompt, of the answer, and of the parts of both.
type Names = [&'static str; 4];

const CHAT: Names = [
    "prompt_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
];

const RESPONSES: Names = [
    "input_tokens",
    "output_tokens",
    "input_tokens_details",
    "output_tokens_details",
];

fn read_named(reader: &mut Reader<'_>, names: &Names) -> Result<ReportedUsage, Error> {
    let [input, output, input_details, output_details] = *names;
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
        name if name == input => counts.main(reader, |counts| &mut counts.usage.input),
        name if name == output => counts.main(reader, |counts| &mut counts.usage.output),
        "total_tokens" => counts.total(reader),
        name if name == input_details => counts.details(reader, of_prompt),
        name if name == output_details => counts.details(reader, of_answer),
        // Transcripts have the former, or tell seconds instead of tokens.
        "input_token_details" => counts.details(reader, of_prompt),
        "seconds" => counts.seconds(reader),
        _ => reader.skip().map(drop),
    })?;
    Ok(counts.verdict())
}

/// Where a count goes.
type Field = fn(&mut Counts) -> &mut u64;

/// The parts of a prompt. OpenAI tells no time for which a cache is written; in translated
/// answers Anthropic's own words tell it.
fn of_prompt(name: &str) -> Option<Field> {
    Some(match name {
        "cached_tokens" => |counts| &mut counts.usage.cached,
        "cache_write_tokens" => |counts| &mut counts.written,
        "ephemeral_1h_input_tokens" => |counts| &mut counts.usage.cache_write_1h,
        "audio_tokens" => |counts| &mut counts.usage.audio_input,
        "image_tokens" => |counts| &mut counts.usage.image_input,
        _ => return None,
    })
}

fn of_answer(name: &str) -> Option<Field> {
    Some(match name {
        "reasoning_tokens" => |counts| &mut counts.usage.reasoning,
        "audio_tokens" => |counts| &mut counts.usage.audio_output,
        _ => return None,
    })
}

impl Counts {
    fn main(&mut self, reader: &mut Reader<'_>, field: Field) -> Result<(), Error> {
        self.counted = true;
        self.count(reader, field)
    }

    /// What nothing is charged by alone: nonsense is passed over.
    fn total(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        self.total = token_count(reader)?.unwrap_or(0);
        Ok(())
    }

    fn seconds(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        match whole_seconds(reader)? {
            Some(seconds) => {
                self.counted = true;
                self.usage.seconds = seconds;
            }
            None => self.absurd = true,
        }
        Ok(())
    }

    fn details(
        &mut self,
        reader: &mut Reader<'_>,
        fields: fn(&str) -> Option<Field>,
    ) -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return reader.skip().map(drop);
        }
        reader.object(|reader, key| {
            let name = key.value();
            match fields(&name) {
                Some(field) if reader.kind()? != Kind::Null => self.count(reader, field),
                _ if name == "cache_creation" => self.details(reader, fields),
                _ => reader.skip().map(drop),
            }
        })
    }

    fn count(&mut self, reader: &mut Reader<'_>, field: Field) -> Result<(), Error> {
        match token_count(reader)? {
            Some(count) => *field(self) = count,
            None => self.absurd = true,
        }
        Ok(())
    }

    fn verdict(mut self) -> ReportedUsage {
        if self.absurd {
            return ReportedUsage::Absurd;
        }
        if !self.counted {
            return ReportedUsage::Absent;
        }
        self.usage.cache_write = self.written.saturating_sub(self.usage.cache_write_1h);
        self.add_untold();
        let usage = self.usage.with_parts_inside();
        if usage.is_believable() {
            ReportedUsage::Counted(usage)
        } else {
            ReportedUsage::Absurd
        }
    }

    /// A total above prompt and answer holds what some servers count in neither: reasoning
    /// (xAI, Gemini, the latter without telling how much) or what their cache holds. The
    /// latter can be recognised; all else was generated, which is the dearer guess.
    fn add_untold(&mut self) {
        let usage = &mut self.usage;
        let told = usage.input.saturating_add(usage.output);
        let untold = self.total.saturating_sub(told);
        let kept = usage.cached.saturating_add(usage.written());
        if untold == kept && untold != usage.reasoning {
            usage.input = usage.input.saturating_add(untold);
        } else {
            usage.output = usage.output.saturating_add(untold);
        }
    }
}

/// Seconds, rounded up; `None` if they are absurd.
pub fn whole_seconds(reader: &mut Reader<'_>) -> Result<Option<u64>, Error> {
    if reader.kind()? != Kind::Number {
        reader.skip()?;
        return Ok(None);
    }
    let number = reader.number()?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let plain = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = whole.parse::<u64>().ok().filter(|_| plain);
    let more = u64::from(fraction.bytes().any(|byte| byte != b'0'));
    let seconds = seconds.map(|seconds| seconds.saturating_add(more));
    Ok(seconds.filter(|seconds| *seconds <= Usage::MAX_TOKENS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ReportedUsage {
        read_usage(&mut Reader::new(text.as_bytes(), |_| None).unwrap()).unwrap()
    }

    fn counted(text: &str) -> Usage {
        match read(text) {
            ReportedUsage::Counted(usage) => usage,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn reads_all_counts() {
        let usage = counted(
            r#"{"prompt_tokens":190,"completion_tokens":30,"total_tokens":220,
                "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":5,"image_tokens":6,"text_tokens":179,
                    "cache_write_tokens":10,"cache_creation":{"ephemeral_5m_input_tokens":7,"ephemeral_1h_input_tokens":3}},
                "completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":8,"accepted_prediction_tokens":1}}"#,
        );
        let wanted = Usage {
            input: 190,
            output: 30,
            cached: 4,
            reasoning: 3,
            cache_write: 7,
            cache_write_1h: 3,
            audio_input: 5,
            audio_output: 8,
            image_input: 6,
            ..Usage::NONE
        };
        assert_eq!(usage, wanted);
    }

    #[test]
    fn a_total_tells_what_is_told_nowhere_else() {
        let of = |text: &str| {
            let usage = counted(text);
            (usage.input, usage.output)
        };
        for (text, wanted) in [
            // xAI: reasoning beside the answer.
            (
                r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":274,"completion_tokens_details":{"reasoning_tokens":233}}"#,
                (32, 242),
            ),
            // The same, without the total.
            (
                r#"{"prompt_tokens":32,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":233}}"#,
                (32, 242),
            ),
            // Gemini: thoughts in the total alone.
            (
                r#"{"prompt_tokens":20,"completion_tokens":198,"total_tokens":623}"#,
                (20, 603),
            ),
            (
                r#"{"prompt_tokens":21,"completion_tokens":0,"total_tokens":81,"completion_tokens_details":{"reasoning_tokens":60}}"#,
                (21, 60),
            ),
            // The cache beside the prompt.
            (
                r#"{"prompt_tokens":500,"completion_tokens":10,"total_tokens":710,"prompt_tokens_details":{"cached_tokens":200}}"#,
                (700, 10),
            ),
            // Embeddings; totals that are too small, or none.
            (r#"{"prompt_tokens":8,"total_tokens":8}"#, (8, 0)),
            (
                r#"{"prompt_tokens":8,"completion_tokens":3,"total_tokens":1}"#,
                (8, 3),
            ),
            (
                r#"{"prompt_tokens":8,"completion_tokens":3,"total_tokens":-1}"#,
                (8, 3),
            ),
            (
                r#"{"prompt_tokens":8,"completion_tokens":3,"total_tokens":null}"#,
                (8, 3),
            ),
        ] {
            assert_eq!(of(text), wanted, "{text}");
        }
    }

    #[test]
    fn parts_beyond_their_whole_never_make_a_call_cheaper() {
        let usage = counted(
            r#"{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":300}}"#,
        );
        assert_eq!((usage.input, usage.cached), (400, 300));
        let beyond = r#"{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":1000000000}}"#;
        assert_eq!(read(beyond), ReportedUsage::Absurd);
    }

    #[test]
    fn responses_have_other_names() {
        let text = r#"{"input_tokens":8,"input_tokens_details":{"cached_tokens":5,"cache_write_tokens":1},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":12,"prompt_tokens":99}"#;
        let mut reader = Reader::new(text.as_bytes(), |_| None).unwrap();
        let wanted = Usage {
            input: 8,
            cached: 5,
            cache_write: 1,
            output: 4,
            reasoning: 3,
            ..Usage::default()
        };
        let usage = read_response_usage(&mut reader).unwrap();
        assert_eq!(usage, ReportedUsage::Counted(wanted));
        assert_eq!(read(r#"{"input_tokens":8}"#), ReportedUsage::Absent);
        for text in [
            r#"{"input_tokens":-1}"#,
            r#"{"input_tokens":1,"output_tokens_details":{"reasoning_tokens":"a"}}"#,
        ] {
            let mut reader = Reader::new(text.as_bytes(), |_| None).unwrap();
            assert_eq!(
                read_response_usage(&mut reader).unwrap(),
                ReportedUsage::Absurd,
                "{text}"
            );
        }
    }

    #[test]
    fn transcripts_tell_tokens_or_seconds() {
        let of = |text: &str| {
            read_response_usage(&mut Reader::new(text.as_bytes(), |_| None).unwrap()).unwrap()
        };
        let tokens = Usage {
            input: 14,
            audio_input: 10,
            output: 45,
            ..Usage::NONE
        };
        let text = r#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}"#;
        assert_eq!(of(text), ReportedUsage::Counted(tokens));
        for (seconds, wanted) in [("9", 9), ("8.47", 9), ("8.0", 8), ("0.2", 1)] {
            let wanted = Usage {
                seconds: wanted,
                ..Usage::NONE
            };
            let text = format!(r#"{{"type":"duration","seconds":{seconds}}}"#);
            assert_eq!(of(&text), ReportedUsage::Counted(wanted), "{seconds}");
        }
        for seconds in [
            "-1",
            "1e3",
            "\"9\"",
            "null",
            "1000000001",
            "99999999999999999999",
        ] {
            let text = format!(r#"{{"type":"duration","seconds":{seconds}}}"#);
            assert_eq!(of(&text), ReportedUsage::Absurd, "{seconds}");
        }
    }

    #[test]
    fn absurd_counts_are_not_believed() {
        for count in ["-1", "1.5", "\"7\"", "1e3", "99999999999999999999", "[]"] {
            let text = format!(r#"{{"prompt_tokens":{count},"completion_tokens":1}}"#);
            assert_eq!(read(&text), ReportedUsage::Absurd, "{count}");
        }
        for name in [
            "cached_tokens",
            "audio_tokens",
            "image_tokens",
            "cache_write_tokens",
        ] {
            let text = format!(r#"{{"prompt_tokens":9,"prompt_tokens_details":{{"{name}":-1}}}}"#);
            assert_eq!(read(&text), ReportedUsage::Absurd, "{name}");
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
