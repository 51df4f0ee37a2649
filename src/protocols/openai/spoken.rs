/*! Chat completions that answer with sound, where the model itself gives none: what is asked, and the
sound in the answer.

Source: OpenAI's API reference, "Chat completions" (`modalities`, `audio`) and "Create speech". */

use super::chat::wants_sound;
use crate::json::{Edits, Error, Kind, Reader, Rewrite, Span, quote};
use crate::protocols::Refusal;
use crate::protocols::members::Members;
use crate::protocols::reading::{Stop, field};

/// Longest name of a voice, in bytes.
const MAX_VOICE: usize = 64;

/// Formats of sound by their names in chat completions, and in requests for speech.
const FORMATS: [(&str, &str); 6] = [
    ("wav", "wav"),
    ("aac", "aac"),
    ("mp3", "mp3"),
    ("flac", "flac"),
    ("opus", "opus"),
    ("pcm16", "pcm"),
];

/// How an answer shall be read aloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// The voice's name.
    pub name: String,
    /// The format of the sound, by its name in requests for speech.
    pub format: &'static str,
}

/// The voice that a chat completion is asked to answer with, and the change that makes it ask for
/// text; `None`: it asks for no sound.
///
/// # Errors
/// A 400: it does not say how, as OpenAI demands it.
pub fn voice(body: &[u8]) -> Result<Option<(Voice, Rewrite)>, Refusal> {
    read_voice(body).map_err(Refusal::from)
}

fn read_voice(body: &[u8]) -> Result<Option<(Voice, Rewrite)>, Stop> {
    let (mut sound, mut asked) = (false, None);
    let members = Members::read(
        body,
        |_| None,
        |reader, key| match (&*key.value(), reader.kind()?) {
            ("modalities", _) => {
                sound = wants_sound(reader)?.unwrap_or(false);
                Ok(())
            }
            ("audio", Kind::Object) => {
                asked = Some(audio(reader)?);
                Ok(())
            }
            _ => reader.skip().map(drop).map_err(Stop::from),
        },
    )?;
    let voice = match asked {
        Some(voice) if sound => voice,
        None if sound => return field("audio", "must say how, where modalities has 'audio'"),
        _ => return Ok(None),
    };
    let mut edits = Edits::default();
    members.remove(&mut edits, |name| matches!(name, "modalities" | "audio"));
    Ok(edits.apply(body).map(|rewrite| (voice, rewrite)))
}

fn audio(reader: &mut Reader<'_>) -> Result<Voice, Stop> {
    let (mut name, mut format) = (None, None);
    reader.object_strict(|reader, key| {
        let place = match &*key.value() {
            "voice" => &mut name,
            "format" => &mut format,
            _ => return reader.skip().map(drop).map_err(Stop::from),
        };
        *place = match reader.kind()? {
            Kind::String => Some(reader.string()?.value().into_owned()),
            _ => return field(format!("audio.{}", key.value()), "must be a string"),
        };
        Ok(())
    })?;
    let fits = |name: &String| !name.is_empty() && name.len() <= MAX_VOICE;
    let Some(name) = name.filter(fits) else {
        return field("audio.voice", "must be a name of 1 to 64 bytes");
    };
    let known = FORMATS
        .iter()
        .find(|(told, _)| Some(*told) == format.as_deref());
    match known {
        Some((_, format)) => Ok(Voice { name, format }),
        None => field("audio.format", "must be wav, aac, mp3, flac, opus or pcm16"),
    }
}

/// The text of an answer that can be read aloud.
#[derive(Debug, PartialEq, Eq)]
pub struct Aloud {
    /// What it says.
    pub text: String,
    content: Span,
    audio: Option<Span>,
}

/// The text of a whole chat completion; `None`: there is nothing to be read aloud, such as where a
/// tool is called.
pub fn aloud(body: &[u8]) -> Option<Aloud> {
    let mut all = Vec::new();
    let mut reader = Reader::new(body, |_| None).ok()?;
    let read = reader.object(|reader, key| match (&*key.value(), reader.kind()?) {
        ("choices", Kind::Array) => reader.array(|reader| {
            all.push(choice(reader)?);
            Ok::<_, Error>(())
        }),
        _ => reader.skip().map(drop),
    });
    read.ok()?;
    // Other answers than the only one can't have been asked for.
    match <[Option<Aloud>; 1]>::try_from(all) {
        Ok([aloud]) => aloud.filter(|aloud| !aloud.text.trim().is_empty()),
        Err(_) => None,
    }
}

fn choice(reader: &mut Reader<'_>) -> Result<Option<Aloud>, Error> {
    let (mut content, mut audio) = (None, None);
    reader.object(|reader, key| match (&*key.value(), reader.kind()?) {
        ("message", Kind::Object) => {
            reader.object(|reader, key| match (&*key.value(), reader.kind()?) {
                ("content", Kind::String) => {
                    let text = reader.string()?;
                    content = Some((text.value().into_owned(), text.span()));
                    Ok(())
                }
                ("audio", _) => {
                    audio = Some(reader.skip()?);
                    Ok(())
                }
                _ => reader.skip().map(drop),
            })
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(content.map(|(text, content)| Aloud {
        text,
        content,
        audio,
    }))
}

/// A sound, as it stands in an answer.
#[derive(Debug, Clone, Copy)]
pub struct Sound<'a> {
    /// Its id.
    pub id: &'a str,
    /// In base64.
    pub data: &'a str,
    /// Until when it may be named by its id, in Unix seconds.
    pub expires_at: u64,
}

/// The answer with `sound` in the place of its text, which is its transcript.
pub fn with_sound(body: &[u8], aloud: &Aloud, sound: &Sound<'_>) -> Vec<u8> {
    let Sound {
        id,
        data,
        expires_at,
    } = *sound;
    let (id, transcript) = (quote(id), quote(&aloud.text));
    let audio = format!(
        r#"{{"id":{id},"data":"{data}","transcript":{transcript},"expires_at":{expires_at}}}"#
    );
    let mut edits = Edits::default();
    match aloud.audio {
        Some(span) => {
            edits.replace(aloud.content, "null".to_owned());
            edits.replace(span, audio);
        }
        None => edits.replace(aloud.content, format!(r#"null,"audio":{audio}"#)),
    }
    match edits.apply(body) {
        Some(rewrite) => rewrite.whole(body),
        None => body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_voice_is_asked_for() {
        let body = r#"{"model":"m","modalities":["text","audio"],"audio":{"voice":"alloy","format":"pcm16"},"messages":[]}"#;
        let (voice, rewrite) = voice(body.as_bytes()).unwrap().unwrap();
        assert_eq!((voice.name.as_str(), voice.format), ("alloy", "pcm"));
        let left = rewrite.whole(body.as_bytes());
        assert_eq!(left, br#"{"model":"m","messages":[]}"#);
        for other in [
            r#"{"model":"m"}"#,
            r#"{"model":"m","modalities":["text"],"audio":{"voice":"alloy","format":"wav"}}"#,
        ] {
            assert_eq!(super::voice(other.as_bytes()), Ok(None), "{other}");
        }
        for how in ["", r#","audio":null"#] {
            let body = format!(r#"{{"model":"m","modalities":["text","audio"]{how}}}"#);
            let refused = super::voice(body.as_bytes()).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("audio"), "{body}");
        }
    }

    #[test]
    fn a_voice_that_is_none_is_refused() {
        for (audio, wanted) in [
            (json!({}), "audio.voice"),
            (json!({"voice": "", "format": "wav"}), "audio.voice"),
            (
                json!({"voice": "x".repeat(65), "format": "wav"}),
                "audio.voice",
            ),
            (
                json!({"voice": {"id": "v"}, "format": "wav"}),
                "audio.voice",
            ),
            (json!({"voice": "alloy"}), "audio.format"),
            (json!({"voice": "alloy", "format": "pcm"}), "audio.format"),
            (json!({"voice": "alloy", "format": 1}), "audio.format"),
        ] {
            let body = json!({"modalities": ["audio"], "audio": audio}).to_string();
            let refusal = voice(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some(wanted), "{body}");
        }
    }

    #[test]
    fn a_sound_stands_in_the_place_of_its_text() {
        let sound = Sound {
            id: "audio_1",
            data: "QUJD",
            expires_at: 7,
        };
        for message in [
            json!({"role": "assistant", "content": "It's \"here\".", "refusal": null}),
            json!({"audio": null, "role": "assistant", "content": "It's \"here\"."}),
        ] {
            let body =
                json!({"id": "c", "choices": [{"index": 0, "message": message}], "usage": {}});
            let body = body.to_string();
            let aloud = aloud(body.as_bytes()).unwrap();
            assert_eq!(aloud.text, "It's \"here\".");
            let new = with_sound(body.as_bytes(), &aloud, &sound);
            assert_eq!(
                String::from_utf8_lossy(&new).matches("\"audio\"").count(),
                1
            );
            let new: Value = serde_json::from_slice(&new).unwrap();
            let message = &new["choices"][0]["message"];
            assert_eq!(message["content"], Value::Null);
            let wanted = json!({"id": "audio_1", "data": "QUJD", "transcript": "It's \"here\".", "expires_at": 7});
            assert_eq!(message["audio"], wanted);
        }
    }

    #[test]
    fn what_says_nothing_is_not_read_aloud() {
        let choice = |content: Value| json!({"message": {"content": content}});
        for choices in [
            json!([]),
            json!([choice(json!(null))]),
            json!([choice(json!(" "))]),
            json!([choice(json!("a")), choice(json!("b"))]),
            json!([{"message": {"tool_calls": []}}]),
            json!([{"text": "x"}]),
            json!("x"),
        ] {
            let body = json!({"choices": choices}).to_string();
            assert_eq!(aloud(body.as_bytes()), None, "{body}");
        }
        assert_eq!(aloud(b"{"), None);
    }
}
