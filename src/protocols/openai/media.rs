/*! Events of sound, transcripts and images. */

use super::answer::DONE;
use super::usage::read_response_usage;
use crate::json::{Error, Kind, Reader};
use crate::protocols::event::{Event, Progress, unwatched};
use crate::tokens::Stream;

/// Reads the data of one event of a stream. Its type ends in `.done` or `.completed` where the
/// answer is whole; nothing need follow.
///
/// # Errors
/// The data is neither JSON nor `[DONE]`.
pub fn read_media_event(data: &[u8], said: &mut Stream) -> Result<Event, Error> {
    let mut event = Event::NOTHING;
    if data.trim_ascii_end() == DONE {
        return Ok(event);
    }
    let mut reader = Reader::new(data, unwatched)?;
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(event);
    }
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("type", Kind::String) => match reader.string()?.value().as_ref() {
                "error" => event.progress = Progress::Failed,
                kind if kind.ends_with(".done") || kind.ends_with(".completed") => {
                    event.progress = Progress::Ended;
                }
                _ => {}
            },
            ("error", kind) => {
                if kind != Kind::Null {
                    event.progress = Progress::Failed;
                }
                reader.skip()?;
            }
            ("delta", Kind::String) => event.say(&reader.string()?, said),
            ("usage", _) => event.usage = read_response_usage(reader)?,
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    Ok(event)
}
