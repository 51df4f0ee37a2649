/*! Answers of chat completions and of completions: one chunk of a stream. */

use super::usage::read_usage;
use crate::json::{Error, Kind, Reader};
use crate::protocols::ReportedUsage;
use crate::protocols::event::{Event, Progress, unwatched};
use crate::tokens::Stream;

/// The data of the event that ends a stream.
pub(super) const DONE: &[u8] = b"[DONE]";

/// Reads the data of one event of a stream.
///
/// # Errors
/// The data is neither JSON nor `[DONE]`.
pub fn read_event(data: &[u8], said: &mut Stream) -> Result<Event, Error> {
    let mut event = Event::NOTHING;
    if data.trim_ascii_end() == DONE {
        event.progress = Progress::Ended;
        return Ok(event);
    }
    let mut reader = Reader::new(data, unwatched)?;
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(event);
    }
    let mut no_choices = false;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("choices", Kind::Array) => {
                no_choices = true;
                reader.array(|reader| {
                    no_choices = false;
                    choice(reader, &mut event, said)
                })?;
            }
            ("usage", _) => event.usage = read_usage(reader)?,
            ("model", Kind::String) => event.model = Some(reader.string()?.span()),
            ("error", kind) => {
                if kind != Kind::Null {
                    event.progress = Progress::Failed;
                }
                reader.skip()?;
            }
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    event.only_usage = no_choices && event.usage != ReportedUsage::Absent;
    Ok(event)
}

fn choice(reader: &mut Reader<'_>, event: &mut Event, said: &mut Stream) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return reader.skip().map(drop);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        // The latter stand in choices of completions.
        ("delta", _) | ("text" | "reasoning", Kind::String) => generated(reader, event, said),
        ("finish_reason", Kind::String) => {
            let reason = reader.string()?;
            // Some servers send "" until there is one.
            if !reason.is_empty() && event.progress == Progress::Goes {
                event.progress = Progress::Complete;
            }
            Ok(())
        }
        _ => reader.skip().map(drop),
    })
}

/// Counts the strings of a delta that a model has generated, at any depth.
fn generated(reader: &mut Reader<'_>, event: &mut Event, said: &mut Stream) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("role" | "id" | "type", _) => reader.skip().map(drop),
            _ => generated(reader, event, said),
        }),
        Kind::Array => reader.array(|reader| generated(reader, event, said)),
        Kind::String => {
            event.say(&reader.string()?, said);
            Ok(())
        }
        _ => reader.skip().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Usage;

    fn read(text: &str) -> Event {
        read_event(text.as_bytes(), &mut Stream::default()).expect(text)
    }

    #[test]
    fn a_content_chunk() {
        let text = r#"{"id":"c","model":"gpt","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}],"usage":null}"#;
        let event = read(text);
        let model = event.model.unwrap();
        assert_eq!(&text[model.start..model.end], "\"gpt\"");
        let wanted = Event {
            text_bytes: 5,
            model: event.model,
            text: event.text,
            ..Event::NOTHING
        };
        assert_eq!(event, wanted);
        let said = event.text.unwrap();
        assert_eq!(&text[said.start..said.end], "\"hello\"");
    }

    #[test]
    fn two_texts_are_not_one() {
        let one = read(r#"{"choices":[{"delta":{"content":"","reasoning":"a"}}]}"#);
        assert!(one.text.is_some());
        let two = read(r#"{"choices":[{"delta":{"content":"b","reasoning":"a","x":""}}]}"#);
        assert_eq!(two.text, None);
        let three = read(r#"{"choices":[{"delta":{"content":"b","reasoning":"a","x":"c"}}]}"#);
        assert_eq!(three.text, None);
    }

    #[test]
    fn tool_arguments_and_reasoning_count_as_text() {
        let event = read(
            r#"{"choices":[{"delta":{"reasoning_content":"abc","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
        );
        assert_eq!(event.text_bytes, 6);
    }

    #[test]
    fn a_chunk_of_a_completion() {
        let event = read(
            r#"{"id":"cmpl-1","object":"text_completion","choices":[{"text":"abc","index":0,"logprobs":{"tokens":["abc"]},"finish_reason":null},{"text":"de","index":1,"finish_reason":"length"}]}"#,
        );
        assert_eq!((event.text_bytes, event.progress), (5, Progress::Complete));
        assert!(!event.only_usage);
    }

    #[test]
    fn the_usage_chunk() {
        let event = read(r#"{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#);
        assert!(event.only_usage);
        let usage = Usage {
            input: 2,
            output: 3,
            ..Usage::default()
        };
        assert_eq!(event.usage, ReportedUsage::Counted(usage));
        for text in [
            r#"{"choices":[]}"#,
            r#"{"choices":[],"usage":null}"#,
            r#"{"choices":[{}],"usage":{"prompt_tokens":2}}"#,
            r#"{"usage":{"prompt_tokens":2}}"#,
        ] {
            assert!(!read(text).only_usage, "{text}");
        }
    }

    #[test]
    fn how_far_a_stream_has_come() {
        for (text, progress) in [
            (r#"{"choices":[{"delta":{}}]}"#, Progress::Goes),
            (r#"{"choices":[{"finish_reason":null}]}"#, Progress::Goes),
            (r#"{"choices":[{"finish_reason":""}]}"#, Progress::Goes),
            (
                r#"{"choices":[{"finish_reason":"stop"}]}"#,
                Progress::Complete,
            ),
            (
                r#"{"choices":[{"finish_reason":null},{"finish_reason":"length"}]}"#,
                Progress::Complete,
            ),
            (r#"{"error":{"message":"x"}}"#, Progress::Failed),
            (
                r#"{"error":{},"choices":[{"finish_reason":"error"}]}"#,
                Progress::Failed,
            ),
            (
                r#"{"choices":[{"finish_reason":"stop"}],"error":{}}"#,
                Progress::Failed,
            ),
            (r#"{"error":null}"#, Progress::Goes),
            ("[]", Progress::Goes),
            ("[DONE]", Progress::Ended),
            ("[DONE] ", Progress::Ended),
        ] {
            assert_eq!(read(text).progress, progress, "{text}");
        }
        assert!(read_event(b"[DONE", &mut Stream::default()).is_err());
    }
}
