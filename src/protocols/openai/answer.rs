/*! Answers of chat completions: one chunk of a stream. */

use super::usage::{ReportedUsage, read_usage};
use crate::json::{Error, Kind, Reader};

/// What one streamed chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Whether `choices` is an empty array: the chunk that only reports usage.
    pub no_choices: bool,
    /// Its usage.
    pub usage: ReportedUsage,
    /// Bytes of generated text: content, refusal, reasoning, tool arguments.
    pub text_bytes: u64,
    /// Whether it is an error instead of a chunk.
    pub error: bool,
}

/// Duplicates in an answer are the provider's affair: nothing is watched.
const fn unwatched(_: &[u8]) -> Option<(&'static str, u8)> {
    None
}

/// Reads the data of one event of a stream.
///
/// # Errors
/// The data is no JSON.
pub fn read_chunk(data: &[u8]) -> Result<Chunk, Error> {
    let mut reader = Reader::new(data, unwatched)?;
    let mut chunk = Chunk {
        no_choices: false,
        usage: ReportedUsage::Absent,
        text_bytes: 0,
        error: false,
    };
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(chunk);
    }
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("choices", Kind::Array) => {
                chunk.no_choices = true;
                reader.array(|reader| {
                    chunk.no_choices = false;
                    choice(reader, &mut chunk.text_bytes)
                })?;
            }
            ("usage", _) => chunk.usage = read_usage(reader)?,
            ("error", kind) => {
                chunk.error = kind != Kind::Null;
                reader.skip()?;
            }
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    Ok(chunk)
}

fn choice(reader: &mut Reader<'_>, text_bytes: &mut u64) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return reader.skip().map(drop);
    }
    reader.object(|reader, key| match key.value().as_ref() {
        "delta" => generated(reader, text_bytes),
        _ => reader.skip().map(drop),
    })
}

/// Counts the strings of a delta that a model has generated, at any depth.
fn generated(reader: &mut Reader<'_>, text_bytes: &mut u64) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("role" | "id" | "type", _) => reader.skip().map(drop),
            (_, Kind::String) => {
                let length = u64::try_from(reader.string()?.len()).unwrap_or(u64::MAX);
                *text_bytes = text_bytes.saturating_add(length);
                Ok(())
            }
            _ => generated(reader, text_bytes),
        }),
        Kind::Array => reader.array(|reader| generated(reader, text_bytes)),
        _ => reader.skip().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Usage;

    #[test]
    fn a_content_chunk() {
        let chunk = read_chunk(
            br#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}],"usage":null}"#,
        )
        .unwrap();
        assert_eq!((chunk.no_choices, chunk.text_bytes), (false, 5));
        assert_eq!(chunk.usage, ReportedUsage::Absent);
    }

    #[test]
    fn tool_arguments_and_reasoning_count_as_text() {
        let chunk = read_chunk(
            br#"{"choices":[{"delta":{"reasoning_content":"abc","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
        )
        .unwrap();
        assert_eq!(chunk.text_bytes, 6);
    }

    #[test]
    fn the_usage_chunk() {
        let chunk =
            read_chunk(br#"{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#)
                .unwrap();
        assert!(chunk.no_choices);
        let usage = Usage {
            input: 2,
            output: 3,
            ..Usage::default()
        };
        assert_eq!(chunk.usage, ReportedUsage::Counted(usage));
    }

    #[test]
    fn an_error_is_told_apart() {
        assert!(read_chunk(br#"{"error":{"message":"x"}}"#).unwrap().error);
        assert!(!read_chunk(br#"{"error":null}"#).unwrap().error);
        assert!(read_chunk(b"[DONE]").is_err());
    }
}
