//! Events that are known by their bytes give the same as if they were read.

use super::guarding::{Case, OPENAI, watched};
use super::*;

/// Pieces of text as JSON has them, some with something to find, some across several.
const PIECES: [&str; 16] = [
    "Hello",
    " there",
    "",
    " quilliam@zwex",
    "ford.org",
    " 4111 1111",
    " 1111 1111",
    "\\n",
    "\\u0041\\ud83d\\ude00",
    "\\\"quoted\\\"",
    "h\u{e9}",
    ".",
    " +1 415",
    " 555 0132",
    "data: {}",
    "\",\"x\":\"",
];

/// Events of each kind around a piece.
fn events(api: Api, shape: u8, piece: &str) -> String {
    let chunk = |choice: &str| {
        format!(
            "data: {{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-x\",\"choices\":[{choice}]}}\n\n"
        )
    };
    let delta = |index: u8, kind: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{{kind}:\"{piece}\"}}}}\n\n"
        )
    };
    match (api, shape) {
        (Api::Messages, 0..=3) => delta(0, "\"type\":\"text_delta\",\"text\""),
        (Api::Messages, 4) => delta(1, "\"type\":\"text_delta\",\"text\""),
        (Api::Messages, 5) => delta(2, "\"type\":\"thinking_delta\",\"thinking\""),
        (Api::Messages, 6) => delta(2, "\"type\":\"signature_delta\",\"signature\""),
        (Api::Messages, 7) => {
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
                .to_owned()
        }
        (Api::Messages, _) => "event: ping\ndata: {\"type\":\"ping\"}\n\n".to_owned(),
        (Api::Completions, 0..=4) => chunk(&format!(
            "{{\"text\":\"{piece}\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}}"
        )),
        (Api::Completions, _) => chunk(&format!(
            "{{\"text\":\"{piece}\",\"index\":1,\"logprobs\":null,\"finish_reason\":null}}"
        )),
        (_, 0..=3) => chunk(&format!(
            "{{\"index\":0,\"delta\":{{\"content\":\"{piece}\"}},\"finish_reason\":null}}"
        )),
        (_, 4) => chunk(&format!(
            "{{\"index\":1,\"delta\":{{\"content\":\"{piece}\"}},\"finish_reason\":null}}"
        )),
        (_, 5) => chunk(&format!(
            "{{\"index\":0,\"delta\":{{\"content\":\"{piece}\",\"reasoning\":\"{piece}\"}}}}"
        )),
        (_, 6) => chunk(&format!(
            "{{\"index\":0,\"delta\":{{\"content\":\"{piece}\"}},\"logprobs\":{{\"content\":[{{\"token\":\"{piece}\"}}]}}}}"
        )),
        (_, 9..=12) => {
            let padding = ["a1B2", "quilliam", "", "4111111111111111"];
            let padding = padding[usize::from(shape) - 9];
            let event = events(api, 0, piece);
            event.replace("]}\n", &format!("],\"obfuscation\":\"{padding}\"}}\n"))
        }
        (_, 13) => chunk(&format!(
            "{{\"index\":0,\"delta\":{{\"content\":\"a\",\"obfuscation\":\"{piece}\"}}}}"
        )),
        (_, 7) => chunk("{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}"),
        (_, _) => format!(
            ": {piece}\nid: 1\n{}",
            chunk("{\"index\":0,\"delta\":{\"content\":\"x\"}}")
        ),
    }
}

/// What goes on of a stream, piece by piece, and what is known of it then.
fn run(case: Case, guarded: bool, model: Option<&str>, stream: &[String], reads: bool) -> String {
    let mut reading = case.reading();
    reading.model = model.map(str::to_owned);
    if !guarded {
        reading.guard = None;
    }
    let mut reader = AnswerReader::new(reading, 200, STREAM);
    let (mut seen, mut context) = (Seen::default(), watched(case));
    let mut out = String::new();
    for event in stream {
        if let (AnswerReader::Stream(reader), true) = (&mut reader, reads) {
            reader.forget();
        }
        match reader.data(&mut seen, event.as_bytes(), false, &mut context) {
            OnData::Pass => out.push_str(event),
            OnData::Replace(new) => out.push_str(std::str::from_utf8(&new).unwrap()),
            OnData::Reset => out.push_str("<reset>"),
            other => panic!("{other:?}"),
        }
    }
    let end = reader.data(&mut seen, b"", true, &mut context);
    format!("{out}{end:?}{seen:?}{:?}", context.verdict())
}

proptest! {
    #[test]
    fn known_events_are_read_right(
        api in 0..3_usize,
        guarded: bool,
        block: bool,
        renamed: bool,
        parts in vec((0..14_u8, 0..PIECES.len()), 0..40),
    ) {
        let api = [Api::ChatCompletions, Api::Completions, Api::Messages][api];
        let action = if block { "block" } else { "mask" };
        let case = Case { api, action, ..OPENAI };
        let model = renamed.then_some("smart");
        let stream: Vec<String> =
            parts.iter().map(|(shape, piece)| events(api, *shape, PIECES[*piece])).collect();
        let known = run(case, guarded, model, &stream, false);
        let read = run(case, guarded, model, &stream, true);
        prop_assert_eq!(known, read);
    }
}

#[test]
fn most_events_of_a_stream_are_known() {
    let event = |piece: &str| events(Api::ChatCompletions, 0, piece);
    let mut reader = super::super::stream::StreamReader::new(OPENAI.reading());
    let (mut seen, mut context) = (Seen::default(), watched(OPENAI));
    assert!(!reader.knows(event("a").as_bytes()));
    reader.data(&mut seen, event("Hello").as_bytes(), false, &mut context);
    for piece in ["a", " b", "\\n", "\\\"", "\u{e9}"] {
        assert!(reader.knows(event(piece).as_bytes()), "{piece}");
    }
    // No piece, no string, or more than it.
    for piece in ["", "\n", "\\x", "\",\"x\":\"", "a\"", "\\"] {
        assert!(!reader.knows(event(piece).as_bytes()), "{piece}");
    }
    let padded = |padding: &str| {
        let event = events(Api::ChatCompletions, 0, "a");
        event.replace("]}\n", &format!("],\"obfuscation\":\"{padding}\"}}\n"))
    };
    assert!(!reader.knows(padded("ab").as_bytes()));
    reader.data(&mut seen, padded("ab").as_bytes(), false, &mut context);
    for padding in ["c", "a1B2c3D4e5F6", ""] {
        assert!(reader.knows(padded(padding).as_bytes()), "{padding}");
    }
    let nested = |padding: &str| {
        let event = events(Api::ChatCompletions, 0, "a");
        let tier = format!("],\"service_tier\":{{\"obfuscation\":\"{padding}\"}}}}\n");
        event.replace("]}\n", &tier)
    };
    for padding in ["a b", "a@b", "a\",\"b\":\"", "\\n"] {
        assert!(!reader.knows(padded(padding).as_bytes()), "{padding}");
    }
    assert!(!reader.knows(event("a").as_bytes()));
    reader.data(&mut seen, event("a").as_bytes(), false, &mut context);
    reader.data(&mut seen, nested("abc").as_bytes(), false, &mut context);
    assert!(reader.knows(nested("abc").as_bytes()));
    assert!(!reader.knows(nested("4111111111111111").as_bytes()));
    reader.data(&mut seen, event("a").as_bytes(), false, &mut context);
    let spaced = event("a").replace("\"content\":", "\"content\": ");
    assert!(!reader.knows(spaced.as_bytes()));
}
