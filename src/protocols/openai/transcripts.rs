/*! What is heard in sound: where text stands in transcripts. Beside JSON there are text, SRT and
VTT: they are one text, with whatever stands between its lines. */

use super::answer::DONE;
use crate::json::{Error, ErrorKind, Kind, Span, quote};
use crate::mask::Form;
use crate::protocols::texts::{
    AnswerTexts, ChannelKey, ChannelKind, Ends, EventTexts, Member, Said, Site, Speech,
    answer_reader, unknown, unless_null,
};

pub(in crate::protocols) fn answer_texts(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return plain(body);
    }
    let mut reader = answer_reader(body)?;
    let mut texts = AnswerTexts::default();
    let mut speech = Speech::default();
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("text", Kind::String) => speech.piece(reader, ChannelKind::Text, unknown)?,
            // They say the text again, in parts of which each alone says nothing.
            ("segments" | "words" | "logprobs", Kind::Array) => {
                texts.tokens.extend(unless_null(reader)?);
            }
            ("task" | "language" | "duration" | "usage", _) => {
                speech.member(reader, Member::Name)?;
            }
            _ => speech.unknown(reader, key)?,
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    texts.said = speech.said;
    Ok(texts)
}

fn plain(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let text = std::str::from_utf8(body);
    let text = text.map_err(|error| Error::new(ErrorKind::Unexpected, error.valid_up_to()))?;
    let span = Span {
        start: 0,
        end: body.len(),
    };
    let said = Said {
        channel: Some(TEXT),
        repeated: false,
        echo: false,
        text: Site::Plain { text, span },
        form: Form::Text,
    };
    Ok(AnswerTexts {
        said: vec![said],
        ..AnswerTexts::default()
    })
}

const TEXT: ChannelKey = ChannelKey {
    part: 0,
    kind: ChannelKind::Text,
    index: 0,
};

pub(in crate::protocols) fn event_texts(data: &[u8]) -> Result<EventTexts<'_>, Error> {
    let mut texts = EventTexts::default();
    if data.trim_ascii_end() == DONE {
        return Ok(texts);
    }
    let mut reader = answer_reader(data)?;
    let mut speech = Speech::default();
    if reader.kind()? != Kind::Object {
        speech.own(&mut reader, unknown)?;
        reader.finish()?;
        texts.said = speech.said;
        return Ok(texts);
    }
    let (mut done, mut whole) = (false, None);
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("type", Kind::String) => {
                let kind = reader.string()?;
                done = kind.value() == "transcript.text.done";
                if !matches!(
                    kind.value().as_ref(),
                    "transcript.text.done" | "transcript.text.delta" | "transcript.text.segment"
                ) {
                    // Read again as what is not known.
                    speech.said.extend(own(Site::String(kind)));
                }
            }
            ("delta", Kind::String) => speech.piece(reader, ChannelKind::Text, unknown)?,
            ("text", Kind::String) => {
                let mark = speech.mark();
                speech.piece(reader, ChannelKind::Text, unknown)?;
                whole = Some(mark);
            }
            ("logprobs", Kind::Array) => texts.removed.extend(unless_null(reader)?),
            ("usage", _) => speech.member(reader, Member::Name)?,
            ("id", _) => speech.member(reader, Member::Id)?,
            _ => speech.unknown(reader, key)?,
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    match whole {
        Some(mark) if done => {
            let behind = speech
                .said
                .split_off(mark.saturating_add(1).min(speech.said.len()));
            speech.repeat(mark);
            speech.said.extend(behind);
        }
        // The text of a segment is one of its own. It says again what deltas have said, in
        // parts of which each alone says nothing.
        Some(mark) => {
            if let Some(said) = speech.said.get_mut(mark) {
                said.channel = None;
                texts.removed.push(said.text.span());
            }
        }
        None => {}
    }
    texts.said = speech.said;
    if done {
        texts.ends = Ends::All;
    }
    Ok(texts)
}

fn own(text: Site<'_>) -> Option<Said<'_>> {
    let is_name =
        matches!(text, Site::String(text) if crate::protocols::texts::is_name(text.raw()));
    (!is_name).then_some(Said {
        channel: None,
        repeated: false,
        echo: false,
        text,
        form: Form::Text,
    })
}

/// What stands between the times of a cue of SRT and VTT.
const ARROW: &str = "-->";

/// What the cues of SRT or VTT say together; `None`: there are none.
pub fn cue_text(transcript: &str) -> Option<String> {
    let is_time = |line: &&str| line.contains(ARROW);
    let mut lines = transcript.lines().map(str::trim).peekable();
    lines.clone().any(|line| is_time(&line)).then_some(())?;
    let mut text = String::new();
    while let Some(line) = lines.next() {
        // A line before times is the number or the name of a cue.
        let is_name = lines.peek().is_some_and(is_time);
        if line.is_empty() || is_name || is_time(&line) || line == "WEBVTT" {
            continue;
        }
        text.push_str(line);
        text.push(' ');
    }
    Some(text)
}

/// When the last cue of SRT or VTT ends, in seconds, rounded up, by the end of the transcript.
pub fn last_end(tail: &[u8]) -> Option<u64> {
    let tail = String::from_utf8_lossy(tail);
    let mut ends = tail.lines().rev().filter_map(|line| {
        let (_, end) = line.split_once(ARROW)?;
        time(end.split_whitespace().next()?)
    });
    ends.next()
}

/// `01:02:03,004` of SRT, `02:03.004` of VTT.
fn time(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once([',', '.'])?;
    let mut seconds = u64::from(fraction.parse::<u16>().ok()? > 0);
    let mut unit = 1_u64;
    for number in whole.rsplit(':') {
        let number = u64::from(number.parse::<u16>().ok()?);
        seconds = seconds.saturating_add(number.saturating_mul(unit));
        unit = unit.saturating_mul(60);
    }
    (unit <= 60 * 60 * 60).then_some(seconds)
}

/// Events that bring what was held.
pub(in crate::protocols) fn rest(rest: &[(ChannelKey, String)]) -> String {
    let event = |(_, text): &(ChannelKey, String)| {
        let text = quote(text);
        format!("data: {{\"type\":\"transcript.text.delta\",\"delta\":{text}}}\n\n")
    };
    rest.iter().map(event).collect()
}

/// The answer of which not all may be told.
pub(in crate::protocols) fn blocked(body: &[u8], kept: &[(u32, String)]) -> String {
    let text: String = kept.iter().map(|(_, text)| text.as_str()).collect();
    match body.trim_ascii_start().starts_with(b"{") {
        true => format!("{{\"text\":{}}}", quote(&text)),
        false => text,
    }
}
