/*! Answers of messages: one event of a stream. */

use super::usage::{Counts, Read};
use crate::json::{Error, Kind, Reader, Span};
use crate::protocols::ReportedUsage;
use crate::protocols::event::{Event, Progress, unwatched};
use crate::tokens::Stream;

/// Reads the data of one event of a stream; `counts` is what earlier ones said.
///
/// # Errors
/// The data is no JSON.
pub fn read_event(data: &[u8], counts: &mut Counts, said: &mut Stream) -> Result<Event, Error> {
    let mut reader = Reader::new(data, unwatched)?;
    let mut event = Event::NOTHING;
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(event);
    }
    // The type may stand behind what it is the type of: so members are read for all types.
    let mut draft = Draft::default();
    let mut new = *counts;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("type", Kind::String) => draft.kind = EventType::of(&reader.string()?.value()),
            ("message", Kind::Object) => draft.message(reader, &mut new)?,
            ("usage", _) => draft.usage = new.read(reader)?,
            ("delta" | "content_block", Kind::Object) => {
                generated(reader, &mut event, said)?;
            }
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    event.progress = match draft.kind {
        EventType::Stop => Progress::Ended,
        EventType::Error => Progress::Failed,
        EventType::Start | EventType::Delta | EventType::Other => Progress::Goes,
    };
    if draft.kind == EventType::Start {
        event.model = draft.model;
        new.forget_output();
    }
    if matches!(draft.kind, EventType::Start | EventType::Delta) {
        *counts = new;
        event.usage = match draft.usage {
            Read::Absent => ReportedUsage::Absent,
            Read::Absurd => ReportedUsage::Absurd,
            Read::Counts => counts.so_far(),
        };
    }
    Ok(event)
}

/// The types of events that matter here; `ping` and those of content blocks do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventType {
    /// `message_start`
    Start,
    /// `message_delta`
    Delta,
    /// `message_stop`
    Stop,
    /// `error`
    Error,
    Other,
}

impl EventType {
    fn of(name: &str) -> Self {
        match name {
            "message_start" => Self::Start,
            "message_delta" => Self::Delta,
            "message_stop" => Self::Stop,
            "error" => Self::Error,
            _ => Self::Other,
        }
    }
}

struct Draft {
    kind: EventType,
    usage: Read,
    model: Option<Span>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            kind: EventType::Other,
            usage: Read::Absent,
            model: None,
        }
    }
}

impl Draft {
    fn message(&mut self, reader: &mut Reader<'_>, counts: &mut Counts) -> Result<(), Error> {
        reader.object(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("model", Kind::String) => self.model = Some(reader.string()?.span()),
                ("usage", _) => self.usage = counts.read(reader)?,
                _ => drop(reader.skip()?),
            }
            Ok(())
        })
    }
}

/// Counts what a model has generated in a delta or in a block that begins: text, thinking,
/// the names and inputs of tools.
fn generated(reader: &mut Reader<'_>, event: &mut Event, said: &mut Stream) -> Result<(), Error> {
    reader.object(|reader, key| {
        let generated = matches!(
            key.value().as_ref(),
            "text" | "thinking" | "partial_json" | "name"
        );
        if !generated || reader.kind()? != Kind::String {
            return reader.skip().map(drop);
        }
        event.say(&reader.string()?, said);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Usage;

    fn read(text: &str) -> Event {
        read_event(
            text.as_bytes(),
            &mut Counts::default(),
            &mut Stream::default(),
        )
        .expect(text)
    }

    #[test]
    fn how_far_a_stream_has_come() {
        for (text, progress) in [
            (r#"{"type":"ping"}"#, Progress::Goes),
            (r#"{"type":"message_start","message":{}}"#, Progress::Goes),
            (
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
                Progress::Goes,
            ),
            (r#"{"type":"message_stop"}"#, Progress::Ended),
            (
                r#"{"error":{"type":"overloaded_error"},"type":"error"}"#,
                Progress::Failed,
            ),
            (r#"{"x":{"type":"message_stop"}}"#, Progress::Goes),
            ("[]", Progress::Goes),
        ] {
            assert_eq!(read(text).progress, progress, "{text}");
        }
        for text in ["", "[DONE]", "{", r#"{"type":"ping"} x"#] {
            assert!(
                read_event(
                    text.as_bytes(),
                    &mut Counts::default(),
                    &mut Stream::default()
                )
                .is_err()
            );
        }
    }

    #[test]
    fn what_a_model_says_is_counted() {
        for (text, bytes) in [
            (
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}"#,
                5,
            ),
            (
                r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#,
                2,
            ),
            (
                r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#,
                4,
            ),
            (
                r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"AAAA"}}"#,
                0,
            ),
            (
                r#"{"type":"content_block_start","content_block":{"type":"tool_use","id":"toolu_1","name":"get","input":{}}}"#,
                3,
            ),
            (
                r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#,
                0,
            ),
            (
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null}}"#,
                0,
            ),
        ] {
            assert_eq!(read(text).text_bytes, bytes, "{text}");
        }
    }

    #[test]
    fn usage_is_cumulative_over_a_stream() {
        let start = r#"{"message":{"model":"claude","usage":{"input_tokens":5,"cache_read_input_tokens":10,"output_tokens":1}},"type":"message_start"}"#;
        let prompt = Usage {
            input: 15,
            cached: 10,
            ..Usage::default()
        };
        for (delta, wanted) in [
            (
                r#"{"output_tokens":8}"#,
                Some(Usage {
                    output: 8,
                    ..prompt
                }),
            ),
            (
                r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":8}"#,
                Some(Usage {
                    output: 8,
                    ..prompt
                }),
            ),
            (
                r#"{"input_tokens":7,"cache_creation_input_tokens":2,"output_tokens":8,"output_tokens_details":{"thinking_tokens":6}}"#,
                Some(Usage {
                    input: 19,
                    output: 8,
                    cached: 10,
                    reasoning: 6,
                    cache_write: 2,
                    ..Usage::NONE
                }),
            ),
            (
                r#"{"input_tokens":3,"output_tokens":8}"#,
                Some(Usage {
                    input: 13,
                    output: 8,
                    ..prompt
                }),
            ),
            (r#"{"output_tokens":-8}"#, None),
        ] {
            let mut counts = Counts::default();
            let event = read_event(start.as_bytes(), &mut counts, &mut Stream::default()).unwrap();
            assert_eq!(event.usage, ReportedUsage::Prompt(prompt));
            let span = event.model.unwrap();
            assert_eq!(&start[span.start..span.end], "\"claude\"");
            let text = format!(r#"{{"usage":{delta},"type":"message_delta"}}"#);
            let event = read_event(text.as_bytes(), &mut counts, &mut Stream::default()).unwrap();
            let wanted = wanted.map_or(ReportedUsage::Absurd, ReportedUsage::Counted);
            assert_eq!(event.usage, wanted, "{delta}");
        }
    }

    #[test]
    fn regression_zeros_alone_are_no_usage() {
        let zeros = r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}"#;
        let mut counts = Counts::default();
        for (text, wanted) in [
            (
                format!(r#"{{"type":"message_start","message":{{"usage":{zeros}}}}}"#),
                ReportedUsage::Absent,
            ),
            (
                format!(r#"{{"type":"message_delta","usage":{zeros}}}"#),
                ReportedUsage::Absent,
            ),
            (
                r#"{"type":"message_delta","usage":{"input_tokens":3,"output_tokens":0}}"#
                    .to_owned(),
                ReportedUsage::Counted(Usage {
                    input: 3,
                    ..Usage::default()
                }),
            ),
        ] {
            let event = read_event(text.as_bytes(), &mut counts, &mut Stream::default()).unwrap();
            assert_eq!(event.usage, wanted, "{text}");
        }
    }

    #[test]
    fn usage_elsewhere_is_not_the_answers() {
        let mut counts = Counts::default();
        let text = r#"{"type":"ping","usage":{"input_tokens":5,"output_tokens":1}}"#;
        let event = read_event(text.as_bytes(), &mut counts, &mut Stream::default()).unwrap();
        assert_eq!(
            (event.usage, counts),
            (ReportedUsage::Absent, Counts::default())
        );
        let text = r#"{"type":"message_delta","usage":{"output_tokens":1}}"#;
        let event = read_event(text.as_bytes(), &mut counts, &mut Stream::default()).unwrap();
        assert_eq!(
            event.usage,
            ReportedUsage::Absent,
            "without the prompt it is not the whole"
        );
    }
}
