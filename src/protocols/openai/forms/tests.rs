use super::*;
use crate::protocols::Request;
use crate::protocols::texts::{
    answer_texts, blocked_answer, event_texts, request_texts, rest_events,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn form(parts: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        let (name, file) = match name.split_once('@') {
            Some((name, file)) => (name, format!("; filename=\"{file}\"")),
            None => (*name, String::new()),
        };
        format!("--bnd\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--bnd--\r\n"
}

const SOUND_FILE: (&str, &str) = ("file@mail to ann@zwexford.org.mp3", "sound");

fn request(api: Api, body: &str) -> FormRequest<'_> {
    read_form(api, body.as_bytes(), Prompt::default()).unwrap()
}

fn code(api: Api, body: &str) -> (&'static str, Option<String>) {
    let refusal = read_form(api, body.as_bytes(), Prompt::default()).unwrap_err();
    (refusal.code, refusal.param)
}

#[test]
fn what_is_asked_for() {
    let long = "x".repeat(80_000);
    let body = form(&[
        ("file@a", &long),
        ("model", "m"),
        ("prompt", "abc"),
        ("stream", "true"),
    ]);
    let FormRequest { model, traits, .. } = request(Api::Transcriptions, &body);
    assert_eq!(model, "m");
    assert_eq!(
        (traits.stream, traits.audio, traits.seconds),
        (true, true, 80)
    );
    assert_eq!((traits.text.bytes(), traits.media.audio), (3, 800));
    assert_eq!((traits.max_output, traits.images), (Some(320), 0));
    // What sound does not have is nothing of it.
    for field in [("n", "x"), ("n", "7"), ("quality", "high")] {
        let body = form(&[SOUND_FILE, ("model", "m"), field]);
        let FormRequest { traits, .. } = request(Api::Transcriptions, &body);
        assert_eq!((traits.images, traits.media_output), (0, 0), "{field:?}");
    }
    let images = [
        ("image[]@a", "1"),
        ("image[]@b", "2"),
        ("mask@c", "3"),
        ("prompt", "p"),
        ("n", "2"),
        ("quality", "low"),
    ];
    let body = form(&images);
    let FormRequest { model, traits, .. } = request(Api::ImageEdits, &body);
    assert_eq!(model, "dall-e-2");
    assert_eq!(
        (traits.image, traits.images, traits.media.image),
        (true, 2, 3 * 1536)
    );
    assert_eq!((traits.max_output, traits.media_output), (Some(816), 816));
}

#[test]
fn wrong_forms_are_refused_with_their_field() {
    use Api::{ImageEdits, Transcriptions};
    let good = ("model", "m");
    let missing = "missing_required_parameter";
    for (api, parts, wanted, param) in [
        (Transcriptions, vec![SOUND_FILE], missing, Some("model")),
        (Transcriptions, vec![good], missing, Some("file")),
        (
            Transcriptions,
            vec![good, ("file", "text")],
            "invalid_value",
            Some("file"),
        ),
        (
            Transcriptions,
            vec![good, ("file@a", "")],
            "invalid_value",
            Some("file"),
        ),
        (
            Transcriptions,
            vec![("model", ""), SOUND_FILE],
            "invalid_value",
            Some("model"),
        ),
        (
            Transcriptions,
            vec![("model@a", "m"), SOUND_FILE],
            "invalid_value",
            Some("model"),
        ),
        (
            Transcriptions,
            vec![("Model", "m"), SOUND_FILE],
            "invalid_value",
            Some("model"),
        ),
        (
            Transcriptions,
            vec![good, good, SOUND_FILE],
            "duplicate_key",
            None,
        ),
        (
            Transcriptions,
            vec![good, SOUND_FILE, ("FILE@b", "x")],
            "duplicate_key",
            None,
        ),
        (
            Transcriptions,
            vec![good, SOUND_FILE, ("stream", "maybe")],
            "invalid_value",
            Some("stream"),
        ),
        (ImageEdits, vec![("prompt", "p")], missing, Some("image")),
        (
            ImageEdits,
            vec![("image@a", "")],
            "invalid_value",
            Some("image"),
        ),
        (
            ImageEdits,
            vec![("image@a", "x"), ("n", "0")],
            "invalid_value",
            Some("n"),
        ),
        (
            ImageEdits,
            vec![("image@a", "x"), ("n", "11")],
            "invalid_value",
            Some("n"),
        ),
        (
            ImageEdits,
            vec![("image@a", "x"), ("n", "1e1")],
            "invalid_value",
            Some("n"),
        ),
        (ImageEdits, vec![("a b", "x")], "invalid_multipart", None),
    ] {
        let told = code(api, &form(&parts));
        assert_eq!(told, (wanted, param.map(str::to_owned)), "{parts:?}");
    }
    assert_eq!(code(Transcriptions, "").0, "empty_body");
    assert_eq!(code(Transcriptions, "{}").0, "invalid_multipart");
    let bytes = form(&[good, SOUND_FILE, ("prompt", "?")]).replace('?', "\u{1}");
    let mut bytes = bytes.into_bytes();
    let at = bytes.iter().position(|byte| *byte == 1).unwrap();
    bytes[at] = 0xFF;
    let refusal = read_form(Transcriptions, &bytes, Prompt::default()).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.param.as_deref()),
        ("invalid_value", Some("prompt"))
    );
}

#[test]
fn it_is_made_to_fit() {
    let fields = ["prompt".to_owned(), "file".to_owned()];
    let adapt = |remove_fields| Adapt {
        model: "whisper-1",
        remove_fields,
        max_tokens_field: None,
        max_output: None,
        default_output: None,
        ask_usage: true,
        store: false,
    };
    let parts = [("model", "m"), SOUND_FILE, ("prompt", "p")];
    let body = form(&parts);
    let new = request(Api::Transcriptions, &body)
        .adapt(body.as_bytes(), &adapt(&fields))
        .unwrap();
    let new = new.whole(body.as_bytes());
    assert_eq!(
        String::from_utf8(new).unwrap(),
        form(&[("model", "whisper-1"), SOUND_FILE])
    );
    let named = form(&[("model", "whisper-1"), SOUND_FILE]);
    assert_eq!(
        request(Api::Transcriptions, &named).adapt(named.as_bytes(), &adapt(&[])),
        None
    );
    let body = form(&[("image@a", "x")]);
    let new = request(Api::ImageVariations, &body)
        .adapt(body.as_bytes(), &adapt(&[]))
        .unwrap();
    let new = String::from_utf8(new.whole(body.as_bytes())).unwrap();
    assert_eq!(request(Api::ImageVariations, &new).model, "whisper-1");
    assert!(new.ends_with(&body));
}

#[test]
fn texts_stand_in_fields_and_names() {
    let body = form(&[
        ("model", "m"),
        SOUND_FILE,
        ("prompt", "by ann@zwexford.org"),
        ("language", "en"),
        ("temperature", "0.5"),
        ("response_format", "hidden here"),
        ("other", "x"),
    ]);
    let (mut sites, mut unscannable) = (Vec::new(), Vec::new());
    request_texts(
        Api::Transcriptions,
        body.as_bytes(),
        &mut |found| match found {
            Found::Text(text) => sites.push((text.text, text.origin)),
            Found::Unscannable(kind) => unscannable.push(kind),
            Found::AsksForJson => {}
        },
    )
    .unwrap();
    let said: Vec<_> = sites
        .iter()
        .map(|(text, origin)| (text.value().into_owned(), *origin))
        .collect();
    let wanted = [
        ("mail to ann@zwexford.org.mp3", Origin::FileName),
        ("by ann@zwexford.org", Origin::User),
        ("hidden here", Origin::Other),
        ("x", Origin::Other),
    ];
    assert_eq!(said, wanted.map(|(text, origin)| (text.to_owned(), origin)));
    assert_eq!(unscannable, [Unscannable::Media]);
    // What is written is no quote and no boundary.
    let mut edits = Edits::default();
    edits.replace(sites[0].0.span(), sites[0].0.written("a\"b".to_owned()));
    edits.replace(
        sites[1].0.span(),
        sites[1].0.written("x\r\n--bnd--".to_owned()),
    );
    let new = edits.apply(body.as_bytes()).unwrap().whole(body.as_bytes());
    let told = read_form(Api::Transcriptions, &new, Prompt::default()).unwrap_err();
    assert_eq!(told.code, "invalid_multipart");
    let text = String::from_utf8(new).unwrap();
    assert!(text.contains("filename=\"a_b\"") && text.contains("x\n--bnd--\r\n"));
}

#[test]
fn fields_as_json() {
    let body = form(&[
        ("model", "m"),
        SOUND_FILE,
        ("n", "2"),
        ("stream", "True"),
        ("a[]", "x"),
        ("a[]", "True"),
        ("b[]", "7"),
        ("user", "\"1\""),
    ]);
    let json: Value = serde_json::from_slice(&form_as_json(body.as_bytes()).unwrap()).unwrap();
    assert_eq!(
        json,
        json!({"model": "m", "n": 2, "stream": true, "a[]": ["x", true], "b[]": 7, "user": "\"1\""})
    );
    assert_eq!(form_as_json(b"{}"), None);
}

#[test]
fn transcripts_are_texts() {
    let body = json!({"task": "transcribe", "language": "english", "duration": 8.4, "text": "by ann",
        "segments": [{"id": 0, "text": "by"}], "words": [{"word": "ann"}], "note": "t wo",
        "usage": {"type": "duration", "seconds": 9}});
    let body = body.to_string();
    let texts = answer_texts(Api::Transcriptions, body.as_bytes()).unwrap();
    let mut said: Vec<_> = texts.said.iter().map(|said| said.text.value()).collect();
    said.sort();
    assert_eq!(said, ["by ann", "t wo"]);
    assert_eq!(texts.tokens.len(), 2);
    let srt = "1\n00:00:00,000 --> 00:00:02,500\nby ann\n\n";
    let texts = answer_texts(Api::Translations, srt.as_bytes()).unwrap();
    assert_eq!(texts.said[0].text.value(), srt);
    assert!(answer_texts(Api::Translations, b"\xFF").is_err());
    let kept = [(0, "by".to_owned())];
    assert_eq!(
        blocked_answer(Api::Transcriptions, body.as_bytes(), &kept),
        br#"{"text":"by"}"#
    );
    assert_eq!(
        blocked_answer(Api::Transcriptions, srt.as_bytes(), &kept),
        b"by"
    );
}

#[test]
fn transcripts_come_in_pieces() {
    let channels = |data: &str| {
        let texts = event_texts(Api::Transcriptions, data.as_bytes()).unwrap();
        let said = texts.said.iter();
        let said = said.map(|said| {
            (
                said.text.value().into_owned(),
                said.channel.is_some(),
                said.repeated,
            )
        });
        (
            said.collect::<Vec<_>>(),
            texts.removed.len(),
            texts.ends != Default::default(),
        )
    };
    let of = |text: &str, piece, repeated| vec![(text.to_owned(), piece, repeated)];
    let delta = r#"{"type":"transcript.text.delta","delta":"by a","logprobs":[{"token":"by"}]}"#;
    assert_eq!(channels(delta), (of("by a", true, false), 1, false));
    let done = r#"{"text":"by ann","type":"transcript.text.done","usage":{"input_tokens":1}}"#;
    assert_eq!(channels(done), (of("by ann", true, true), 0, true));
    let segment = r#"{"type":"transcript.text.segment","id":"seg_1","start":0.1,"text":"by ann"}"#;
    assert_eq!(channels(segment), (of("by ann", false, false), 1, false));
    assert_eq!(channels("[DONE]"), (Vec::new(), 0, false));
    let key = event_texts(Api::Transcriptions, delta.as_bytes())
        .unwrap()
        .said[0]
        .channel
        .unwrap();
    let rest = rest_events(Api::Transcriptions, b"{}", &[(key, "\"n".to_owned())]);
    let wanted = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"\\\"n\"}\n\n";
    assert_eq!(String::from_utf8(rest).unwrap(), wanted);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let body = [form(&[SOUND_FILE]).as_bytes(), &bytes].concat();
        for api in Api::ALL.into_iter().filter(|api| api.is_form()) {
            for body in [&bytes, &body] {
                let _ = Request::read(api, body, Prompt::default());
                let _ = request_texts(api, body, &mut |_| ());
                let _ = answer_texts(api, body);
                let _ = event_texts(api, body);
                let _ = form_as_json(body);
            }
        }
    }
}

#[test]
fn cues_of_transcripts() {
    use crate::protocols::openai::{cue_text, last_end};
    let srt =
        "1\n00:00:00,000 --> 00:00:02,000\none 2\n3\n\n2\n00:00:02,000 --> 01:00:02,001\nthree\n";
    assert_eq!(cue_text(srt).as_deref(), Some("one 2 3 three "));
    assert_eq!(last_end(srt.as_bytes()), Some(3603));
    let vtt = "WEBVTT\r\n\r\n00:00.000 --> 01:01.000 align:start\r\n7 --> x\r\n";
    assert_eq!(last_end(vtt.as_bytes()), Some(61));
    assert_eq!(cue_text("one\n\ntwo"), None);
    for none in [
        "",
        "one",
        "a --> b",
        "1 --> 2",
        "--> 1:1:1:1.0",
        "--> 99999:00.0",
        "--> ,",
    ] {
        assert_eq!(last_end(none.as_bytes()), None, "{none}");
    }
}
