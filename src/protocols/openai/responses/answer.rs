/*! One event of a response that streams. */

use super::pieces::EventType;
use crate::json::{Error, Kind, Reader};
use crate::protocols::event::{Broken, Event, Progress, Reasoning, unwatched};
use crate::protocols::openai::answer::DONE;
use crate::protocols::openai::usage::read_response_usage;
use crate::protocols::texts::{ChannelKind, peek};
use crate::tokens::Stream;

/// Reads the data of one event of a stream. Its last event is `response.completed` or one in its
/// place; some servers send `[DONE]` behind it.
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
    let [name] = peek(&reader, ["type"]);
    let kind = EventType::of(&name);
    event.progress = match kind {
        EventType::Ends => Progress::Ended,
        EventType::Fails => Progress::Failed,
        _ => Progress::Goes,
    };
    event.broken = match name.as_ref() {
        "response.failed" => Broken::Failed,
        "response.cancelled" => Broken::Cancelled,
        _ => Broken::No,
    };
    if matches!(kind, EventType::Piece(pieces) if pieces.kind == ChannelKind::Reasoning) {
        event.reasoning = Reasoning::Told;
    }
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("item", Kind::Object) if kind == EventType::ItemBegins => {
                let [item] = peek(reader, ["type"]);
                if item == "reasoning" {
                    event.reasoning = Reasoning::Begins;
                }
                reader.skip()?;
            }
            ("delta", _) if kind != EventType::Sound => generated(reader, &mut event, said)?,
            ("response", Kind::Object) => response(reader, &mut event)?,
            ("sequence_number", Kind::Number) => event.number = reader.number()?.parse().ok(),
            // Of what is no event of a response.
            ("error", own) => {
                if own != Kind::Null {
                    event.progress = Progress::Failed;
                }
                reader.skip()?;
            }
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    Ok(event)
}

fn response(reader: &mut Reader<'_>, event: &mut Event) -> Result<(), Error> {
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("usage", _) => event.usage = read_response_usage(reader)?,
            ("model", Kind::String) => event.model = Some(reader.string()?.span()),
            _ => drop(reader.skip()?),
        }
        Ok(())
    })
}

/// Counts a piece of text, or those of an object, as a shell's output is one.
fn generated(reader: &mut Reader<'_>, event: &mut Event, said: &mut Stream) -> Result<(), Error> {
    match reader.kind()? {
        Kind::String => {
            event.say(&reader.string()?, said);
            Ok(())
        }
        Kind::Object => reader.object(|reader, _| generated(reader, event, said)),
        _ => reader.skip().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Usage;
    use crate::protocols::ReportedUsage;

    fn read(text: &str) -> Event {
        read_event(text.as_bytes(), &mut Stream::default()).expect(text)
    }

    #[test]
    fn pieces_of_text() {
        for (name, bytes) in [
            ("response.output_text.delta", 5),
            ("response.refusal.delta", 5),
            ("response.reasoning_text.delta", 5),
            ("response.reasoning_summary_text.delta", 5),
            ("response.function_call_arguments.delta", 5),
            ("response.mcp_call_arguments.delta", 5),
            ("response.custom_tool_call_input.delta", 5),
            ("response.code_interpreter_call_code.delta", 5),
            ("response.audio.transcript.delta", 5),
            ("response.something.new.delta", 5),
            ("response.audio.delta", 0),
        ] {
            let text = format!(
                r#"{{"type":"{name}","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"hello","logprobs":[{{"token":"hello"}}],"obfuscation":"abc"}}"#
            );
            let event = read(&text);
            let reasoning = match name {
                "response.reasoning_text.delta" => Reasoning::Told,
                _ => Reasoning::None,
            };
            let wanted = Event {
                text_bytes: bytes,
                reasoning,
                text: event.text,
                number: Some(3),
                ..Event::NOTHING
            };
            assert_eq!(event, wanted, "{name}");
            assert_eq!(event.text.is_some(), bytes > 0, "{name}");
        }
        let shell = r#"{"type":"response.shell_call_output_content.delta","delta":{"stdout":"ab","stderr":"c"}}"#;
        assert_eq!(read(shell).text_bytes, 3);
        let mut said = Stream::default();
        read_event(
            br#"{"delta":"a\nb","type":"response.output_text.delta"}"#,
            &mut said,
        )
        .unwrap();
        assert_eq!(said.bytes(), 3);
        // Whole texts have been told before.
        for text in [
            r#"{"type":"response.output_text.done","text":"hello"}"#,
            r#"{"type":"response.output_item.done","item":{"content":[{"text":"hello"}]}}"#,
        ] {
            assert_eq!(read(text), Event::NOTHING, "{text}");
        }
    }

    #[test]
    fn how_far_a_stream_has_come() {
        for (text, progress) in [
            (
                r#"{"type":"response.created","response":{}}"#,
                Progress::Goes,
            ),
            (r#"{"type":"response.output_item.done"}"#, Progress::Goes),
            (r#"{"type":"response.completed"}"#, Progress::Ended),
            (
                r#"{"response":{},"type":"response.completed"}"#,
                Progress::Ended,
            ),
            (r#"{"type":"response.incomplete"}"#, Progress::Ended),
            (r#"{"type":"response.failed"}"#, Progress::Failed),
            (r#"{"type":"error","message":"m"}"#, Progress::Failed),
            (r#"{"error":{"message":"m"}}"#, Progress::Failed),
            (
                r#"{"type":"response.created","error":null}"#,
                Progress::Goes,
            ),
            ("[]", Progress::Goes),
            ("{}", Progress::Goes),
            ("[DONE]", Progress::Ended),
        ] {
            assert_eq!(read(text).progress, progress, "{text}");
        }
        for text in ["[DONE", "", r#"{"type":"response.completed"}}"#] {
            assert!(read_event(text.as_bytes(), &mut Stream::default()).is_err());
        }
    }

    #[test]
    fn the_model_and_the_usage() {
        let text = r#"{"type":"response.completed","response":{"id":"resp_1","model":"gpt","usage":{"input_tokens":2,"input_tokens_details":{"cached_tokens":1},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":5}}}"#;
        let event = read(text);
        let model = event.model.unwrap();
        assert_eq!(&text[model.start..model.end], "\"gpt\"");
        let usage = Usage {
            input: 2,
            cached: 1,
            output: 3,
            reasoning: 2,
            ..Usage::default()
        };
        assert_eq!(event.usage, ReportedUsage::Counted(usage));
        assert!(!event.only_usage);
        let none = read(r#"{"type":"response.created","response":{"model":"m","usage":null}}"#);
        assert_eq!(none.usage, ReportedUsage::Absent);
        assert!(none.model.is_some());
    }
}
