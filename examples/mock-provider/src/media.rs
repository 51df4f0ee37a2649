/*! OpenAI's moderations, speech, transcriptions and images, and Anthropic's count of tokens. */

use crate::answer::{Answer, JSON, Request, SSE, pieces, said, words};
use crate::script::Script;
use serde_json::{Value, json};

/// What is asked for beside texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Moderations,
    CountTokens,
    Speech,
    Transcriptions,
    Images,
}

impl Media {
    pub(crate) fn of(path: &str) -> Option<Self> {
        let ends = |end: &str| path.ends_with(end);
        Some(match path {
            _ if ends("/moderations") => Self::Moderations,
            _ if ends("/count_tokens") => Self::CountTokens,
            _ if ends("/audio/speech") => Self::Speech,
            _ if ends("/audio/transcriptions") || ends("/audio/translations") => {
                Self::Transcriptions
            }
            _ if path.contains("/images/") => Self::Images,
            _ => return None,
        })
    }
}

/// The sound of speech, and the pixels of images: not what they seem to be.
const SOUND: &[u8] = b"ID3\x04\0\0sound\0\xFF\xFB\x90\x64";
const PIXELS: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB";

pub(crate) fn streams(media: Media, body: &Value) -> bool {
    match media {
        Media::Speech => body["stream_format"] == "sse",
        Media::Transcriptions | Media::Images => {
            body["stream"] == json!(true) || body["stream"] == "true"
        }
        Media::Moderations | Media::CountTokens => false,
    }
}

pub(crate) fn answer(media: Media, request: &Request<'_>, script: &Script) -> Answer {
    if streams(media, request.body) {
        return Answer {
            status: script.status.unwrap_or(200),
            content_type: SSE,
            parts: events(media, request.body, script),
            preamble: 0,
        };
    }
    let (content_type, body) = match media {
        Media::Speech => ("audio/mpeg", SOUND.to_vec()),
        Media::Transcriptions => transcript(request.body, script),
        _ => (JSON, whole(media, request, script).to_string().into_bytes()),
    };
    Answer {
        status: script.status.unwrap_or(200),
        content_type,
        parts: vec![body],
        preamble: 0,
    }
}

fn whole(media: Media, request: &Request<'_>, script: &Script) -> Value {
    let body = request.body;
    match media {
        Media::Moderations => {
            let inputs = body["input"].as_array().map_or(1, Vec::len);
            let result = json!({"flagged": false, "categories": {"hate": false, "self-harm/intent": false},
                "category_scores": {"hate": 0.01, "self-harm/intent": 0.5},
                "category_applied_input_types": {"hate": ["text"], "self-harm/intent": ["text"]}});
            json!({"id": "modr-mock", "model": request.model(), "results": vec![result; inputs]})
        }
        Media::CountTokens => json!({"input_tokens": words(body)}),
        _ => {
            let count = number(&body["n"]).unwrap_or(1);
            let image = json!({"b64_json": PIXELS, "revised_prompt": said(body, script)});
            let mut answer = json!({"created": 1, "data": vec![image; count]});
            add_usage(&mut answer, body, script, image_usage);
            answer
        }
    }
}

fn number(value: &Value) -> Option<usize> {
    let text = value.as_str().and_then(|text| text.parse().ok());
    text.or_else(|| value.as_u64().and_then(|number| number.try_into().ok()))
}

fn add_usage(answer: &mut Value, body: &Value, script: &Script, usual: fn(&Value) -> Value) {
    if !script.no_usage {
        answer["usage"] = script.usage.clone().unwrap_or_else(|| usual(body));
    }
}

fn image_usage(_: &Value) -> Value {
    json!({"total_tokens": 107, "input_tokens": 7, "output_tokens": 100,
        "input_tokens_details": {"text_tokens": 7, "image_tokens": 0}})
}

fn speech_usage(body: &Value) -> Value {
    let input = words(body);
    json!({"input_tokens": input, "output_tokens": 40, "total_tokens": input + 40})
}

fn transcript_usage(body: &Value) -> Value {
    if body["model"]
        .as_str()
        .is_some_and(|model| model.starts_with("whisper"))
    {
        return json!({"type": "duration", "seconds": 9});
    }
    json!({"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10}})
}

fn transcript(body: &Value, script: &Script) -> (&'static str, Vec<u8>) {
    let text = said(body, script);
    let cue = "00:00:00.000 --> 00:00:02.500";
    let (content_type, answer) = match body["response_format"].as_str() {
        Some("text") => ("text/plain; charset=utf-8", format!("{text}\n")),
        Some("srt") => {
            let cue = cue.replace('.', ",");
            ("text/plain; charset=utf-8", format!("1\n{cue}\n{text}\n\n"))
        }
        Some("vtt") => (
            "text/vtt; charset=utf-8",
            format!("WEBVTT\n\n{cue}\n{text}\n\n"),
        ),
        format => {
            let mut answer = json!({"text": text});
            if format == Some("verbose_json") {
                answer["task"] = json!("transcribe");
                answer["language"] = json!("english");
                answer["duration"] = json!(8.47);
                answer["segments"] = json!([{"id": 0, "start": 0.0, "end": 2.5, "text": text}]);
                let words = text.split_whitespace();
                answer["words"] = words.map(|word| json!({"word": word})).collect();
            }
            add_usage(&mut answer, body, script, transcript_usage);
            (JSON, answer.to_string())
        }
    };
    (content_type, answer.into_bytes())
}

fn events(media: Media, body: &Value, script: &Script) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut last = match media {
        Media::Speech => {
            events
                .extend([0, 1].map(|_| json!({"type": "speech.audio.delta", "audio": "SUQzBAAA"})));
            json!({"type": "speech.audio.done"})
        }
        Media::Transcriptions => {
            let pieces = pieces(body, script);
            let delta = |piece: &String| json!({"type": "transcript.text.delta", "delta": piece});
            events.extend(pieces.iter().map(delta));
            json!({"type": "transcript.text.done", "text": pieces.concat()})
        }
        _ => {
            let kind = match body.get("image") {
                Some(_) => "image_edit",
                None => "image_generation",
            };
            events.push(
                json!({"type": format!("{kind}.partial_image"), "b64_json": PIXELS,
                "partial_image_index": 0, "created_at": 1}),
            );
            json!({"type": format!("{kind}.completed"), "b64_json": PIXELS, "created_at": 1})
        }
    };
    let usual = match media {
        Media::Speech => speech_usage,
        Media::Transcriptions => transcript_usage,
        _ => image_usage,
    };
    add_usage(&mut last, body, script, usual);
    events.push(last);
    let event = |data: &Value| format!("data: {data}\n\n").into_bytes();
    events.iter().map(event).collect()
}
