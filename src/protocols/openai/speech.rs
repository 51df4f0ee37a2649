/*! `POST /v1/audio/speech`: the request, by span. Its answer is sound. */

use super::plain::{self, PlainRequest, Shape};
use crate::json::{Error, Kind, Reader};
use crate::ledger::Usage;
use crate::protocols::reading::{Stop, field};
use crate::protocols::shared::skip_named;
use crate::protocols::texts::{Found, Origin, walk_request};
use crate::protocols::{Refusal, Traits};
use crate::tokens::Prompt;

const SPEECH: Shape = Shape {
    watched,
    needed: "input",
    usual_model: None,
    member,
};

fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"model" => ("model", 0),
        b"input" => ("input", 1),
        b"instructions" => ("instructions", 2),
        b"stream_format" => ("stream_format", 3),
        b"voice" => ("voice", 4),
        b"response_format" => ("response_format", 5),
        b"speed" => ("speed", 6),
        _ => return None,
    })
}

/// Reads a request for speech in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_speech(body: &[u8], text: Prompt) -> Result<PlainRequest<'_>, Refusal> {
    let traits = Traits {
        text,
        audio_output: true,
        ..Traits::default()
    };
    let mut request = plain::read(&SPEECH, body, traits)?;
    let traits = &mut request.traits;
    traits.media_output = traits.media_output.div_ceil(2);
    traits.max_output = Some(traits.media_output);
    Ok(request)
}

/// Half tokens of sound that a character comes to. By OpenAI's prices a minute has 1,250 tokens.
/// Speakers say some 14 letters a second; of characters that are a syllable each, some 5, as
/// Mandarin has it (Pellegrino, Coupé and Marsico 2011); digits are words.
const fn half_tokens(character: char) -> u64 {
    match character {
        '0'..='9'
        | '\u{2E80}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => 8,
        _ => 3,
    }
}

/// What it takes to read a text aloud, estimated: no provider tells.
pub fn speech_usage(text: &str) -> Usage {
    let mut prompt = Prompt::by_length();
    prompt.add(text.as_bytes());
    let (mut characters, mut halves) = (0_u64, 0_u64);
    for character in text.chars() {
        characters = characters.saturating_add(1);
        halves = halves.saturating_add(half_tokens(character));
    }
    let output = halves.div_ceil(2);
    Usage {
        input: prompt.tokens(),
        output,
        audio_output: output,
        characters,
        ..Usage::NONE
    }
}

fn member(traits: &mut Traits, reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    match (name, reader.kind()?) {
        ("input", Kind::String) => {
            let text = reader.string()?;
            traits.text.add_json(text.raw());
            for character in text.value().chars() {
                traits.characters = traits.characters.saturating_add(1);
                let more = half_tokens(character);
                traits.media_output = traits.media_output.saturating_add(more);
            }
            Ok(())
        }
        ("input", _) => field("input", "must be a string"),
        ("instructions", _) => traits.add_text(reader),
        ("stream_format", Kind::String) => {
            traits.stream = reader.string()?.value() == "sse";
            Ok(())
        }
        ("stream_format", kind) if kind != Kind::Null => field("stream_format", "must be a string"),
        // One that the account has made; those of the API go by their names.
        ("voice", Kind::Object) => {
            traits.name_kept("voice");
            reader.skip().map(drop).map_err(Stop::from)
        }
        _ => skip_named(reader, name),
    }
}

/// Where text stands in such requests.
pub(in crate::protocols) fn texts<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, |walk, reader, key| {
        match key.value().as_ref() {
            "input" => walk.strings(reader, Origin::User),
            "instructions" => walk.strings(reader, Origin::System),
            "response_format" | "speed" | "stream_format" | "voice" => walk.names(reader),
            _ => walk.unknown(reader, key, Origin::Other),
        }
    })
}
