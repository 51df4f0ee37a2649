use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Number, Value, json};

/// What is found is told, and then kept as a named test; no file is written.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A source of small decisions, so that one text can be written in many ways.
pub(crate) struct Tape {
    bytes: Vec<u8>,
    at: usize,
}

impl Tape {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// A number below `choices`; always 0 on an empty tape.
    fn pick(&mut self, choices: u8) -> u8 {
        let byte = self.bytes.get(self.at % self.bytes.len().max(1));
        self.at += 1;
        byte.map_or(0, |byte| byte % choices)
    }
}

pub(crate) fn arb_tape() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

pub(crate) fn arb_string() -> impl Strategy<Value = String> + Clone {
    let odd = proptest::sample::select(vec!['"', '\\', '/', '\n', '\0', '\u{7f}', 'é', '😀', 's']);
    vec(prop_oneof![odd, any::<char>()], 0..8).prop_map(|chars| chars.into_iter().collect())
}

/// Any value; keys of objects come from `keys`.
pub(crate) fn arb_value(
    keys: impl Strategy<Value = String> + Clone + 'static,
) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 64.0)),
        arb_string().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let members = vec((keys.clone(), inner.clone()), 0..5);
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Writes a value with the white space and escapes that the tape wants; keys without
/// escapes if they are `plain`.
pub(crate) fn render(value: &Value, tape: &mut Tape, plain: bool) -> String {
    let mut out = space(tape);
    match value {
        Value::Array(list) => {
            let list: Vec<_> = list.iter().map(|v| render(v, tape, plain)).collect();
            out += &format!("[{}{}]", space(tape), list.join(","));
        }
        Value::Object(map) => {
            let member = |(key, value): (&String, &Value)| {
                let key = if plain {
                    quote(key)
                } else {
                    render_string(key, tape)
                };
                let before = space(tape);
                format!("{before}{key}{before}:{}", render(value, tape, plain))
            };
            let members: Vec<_> = map.iter().map(member).collect();
            out += &format!("{{{}{}}}", space(tape), members.join(","));
        }
        Value::String(text) => out += &render_string(text, tape),
        other => out += &other.to_string(),
    }
    out + &space(tape)
}

fn space(tape: &mut Tape) -> String {
    ["", "", " ", "\n", "\r\n\t"][usize::from(tape.pick(5))].to_owned()
}

fn render_string(text: &str, tape: &mut Tape) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let short = match c {
            '"' | '\\' | '/' => Some(c),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            '\n' => Some('n'),
            '\r' => Some('r'),
            '\t' => Some('t'),
            _ => None,
        };
        match (tape.pick(4), short) {
            (0, Some(short)) => out.extend(['\\', short]),
            (1 | 2, _) if !matches!(c, '\0'..' ' | '"' | '\\') => out.push(c),
            (pick, _) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out += &if pick == 3 {
                        format!("\\u{unit:04x}")
                    } else {
                        format!("\\u{unit:04X}")
                    };
                }
            }
        }
    }
    out + "\""
}

/// The whole text as the reader understands it.
fn read(text: &[u8], watched: Watched) -> Result<Value, Error> {
    let mut reader = Reader::new(text, watched)?;
    let value = read_value(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

fn read_value(reader: &mut Reader<'_>) -> Result<Value, Error> {
    Ok(match reader.kind()? {
        Kind::Object => {
            let mut map = serde_json::Map::new();
            reader.object(|reader, key| {
                map.insert(key.value().into_owned(), read_value(reader)?);
                Ok::<(), Error>(())
            })?;
            Value::Object(map)
        }
        Kind::Array => {
            let mut list = Vec::new();
            reader.array(|reader| {
                list.push(read_value(reader)?);
                Ok::<(), Error>(())
            })?;
            Value::Array(list)
        }
        Kind::String => Value::from(reader.string()?.value()),
        Kind::Number => {
            serde_json::from_str::<Number>(reader.number()?).map_or(Value::Null, Value::Number)
        }
        Kind::Bool => Value::from(reader.boolean()?),
        Kind::Null => reader.skip().map(|_| Value::Null)?,
    })
}

fn skip(text: &[u8], watched: Watched) -> Result<(), Error> {
    let mut reader = Reader::new(text, watched)?;
    reader.skip()?;
    reader.finish()
}

fn strict(text: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::new(text, watched)?;
    reader.object_strict(|reader, _| reader.skip().map(drop))?;
    reader.finish()
}

const fn unwatched(_: &[u8]) -> Option<(&'static str, u8)> {
    None
}

fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    match key {
        b"model" => Some(("model", 0)),
        b"messages" => Some(("messages", 1)),
        b"key" => Some(("key", 63)),
        _ => None,
    }
}

/// Our verdict on a text is `serde_json`'s, but for the rules that are ours.
fn check_against_serde(text: &[u8]) -> Result<(), TestCaseError> {
    let ours = read(text, unwatched);
    prop_assert_eq!(skip(text, unwatched), ours.clone().map(drop));
    match (ours, serde_json::from_slice::<Value>(text)) {
        (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
        (Ok(_), Err(error)) => {
            prop_assert!(error.to_string().contains("out of range"), "{}", error);
        }
        (Err(error), Ok(_)) => {
            prop_assert_eq!(error.kind(), ErrorKind::TooDeep, "{}", error);
        }
        (Err(error), Err(_)) => prop_assert!(error.offset() <= text.len()),
    }
    Ok(())
}

/// Bytes that matter to a JSON parser, and some that should not.
fn arb_json_like() -> impl Strategy<Value = Vec<u8>> {
    const TOKENS: [&[u8]; 40] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\"",
        b":",
        b",",
        b"\\",
        b"\\u",
        b"\\ud83d",
        b"\\ude00",
        b"\\n",
        b"\\x",
        b"\"a\"",
        b"\"model\":",
        b"{\"a\":",
        b"[1,",
        b"0",
        b"1",
        b"-",
        b"+",
        b".",
        b"e",
        b"E5",
        b"1e999",
        b"-0",
        b"00",
        b"true",
        b"false",
        b"null",
        b"nul",
        b" ",
        b"\n",
        b"\x0b",
        b"\0",
        b"\x7f",
        b"\xC3\xA9",
        b"\xED\xA0\x80",
        b"\xEF\xBB\xBF",
    ];
    vec(proptest::sample::select(TOKENS.to_vec()), 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn valid_json_has_the_value_that_serde_json_sees(
        value in arb_value(arb_string()),
        tape in arb_tape(),
    ) {
        let text = render(&value, &mut Tape::new(tape), false);
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value.clone());
        prop_assert_eq!(read(text.as_bytes(), unwatched), Ok(value));
        prop_assert_eq!(skip(text.as_bytes(), unwatched), Ok(()));
    }

    #[test]
    fn broken_json_is_judged_as_by_serde_json(
        value in arb_value(arb_string()),
        tape in arb_tape(),
        at in any::<prop::sample::Index>(),
        until in any::<prop::sample::Index>(),
        with in prop_oneof![arb_json_like(), Just(Vec::new())],
    ) {
        let mut text = render(&value, &mut Tape::new(tape), false).into_bytes();
        let (start, end) = (at.index(text.len() + 1), until.index(text.len() + 1));
        // Either a cut somewhere in the middle, or a small wound.
        let end = if start <= end { end } else { (start + 1).min(text.len()) };
        text.splice(start..end, with);
        check_against_serde(&text)?;
    }

    #[test]
    fn token_soup_is_judged_as_by_serde_json(text in arb_json_like()) {
        check_against_serde(&text)?;
    }

    #[test]
    fn arbitrary_bytes_are_judged_as_by_serde_json(text in vec(any::<u8>(), 0..24)) {
        check_against_serde(&text)?;
        check_against_serde(&[b"\"", text.as_slice(), b"\""].concat())?;
    }

    #[test]
    fn every_cut_of_valid_json_is_an_error(value in arb_value(arb_string()), tape in arb_tape()) {
        let text = render(&value, &mut Tape::new(tape), false);
        let whole = text.trim_end_matches([' ', '\n', '\r', '\t']);
        if !value.is_number() {
            for cut in 0..whole.len() {
                prop_assert!(read(&whole.as_bytes()[..cut], unwatched).is_err(), "{}", cut);
            }
        }
    }

    #[test]
    fn quoting_is_read_back(text in arb_string()) {
        prop_assert_eq!(read(quote(&text).as_bytes(), unwatched), Ok(Value::from(text)));
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    use ErrorKind as E;
    let table: [(&[u8], ErrorKind, usize); 44] = [
        (b"", E::Empty, 0),
        (b" \n\t\r", E::Empty, 4),
        (b"\xEF\xBB\xBF{}", E::ByteOrderMark, 0),
        (b"x", E::Unexpected, 0),
        (b"\x0b1", E::Unexpected, 0),
        (b"{\"a\" 1}", E::Unexpected, 5),
        (b"{a:1}", E::Unexpected, 1),
        (b"{,}", E::Unexpected, 1),
        (b"{\"a\":1,}", E::Unexpected, 7),
        (b"[1,]", E::Unexpected, 3),
        (b"[1 2]", E::Unexpected, 3),
        (b"[1}", E::Unexpected, 2),
        (b"[01]", E::Unexpected, 2),
        (b"[+1]", E::Unexpected, 1),
        (b"[-]", E::Unexpected, 2),
        (b"[.5]", E::Unexpected, 1),
        (b"[1.]", E::Unexpected, 3),
        (b"[1e]", E::Unexpected, 3),
        (b"[0x1]", E::Unexpected, 2),
        (b"nulL", E::Unexpected, 3),
        (b"truE", E::Unexpected, 3),
        (b"NaN", E::Unexpected, 0),
        (b"'a'", E::Unexpected, 0),
        (b"\"\\x\"", E::Unexpected, 2),
        (b"\"\\u00g0\"", E::Unexpected, 5),
        (b"// c\n1", E::Unexpected, 0),
        (b"{", E::Truncated, 1),
        (b"[1", E::Truncated, 2),
        (b"\"a", E::Truncated, 2),
        (b"\"a\\", E::Truncated, 3),
        (b"\"\\u12", E::Truncated, 5),
        (b"-", E::Truncated, 1),
        (b"1e", E::Truncated, 2),
        (b"tru", E::Truncated, 3),
        (b"1 1", E::TrailingData, 2),
        (b"{}\0", E::TrailingData, 2),
        (b"01", E::TrailingData, 1),
        (b"\"a\nb\"", E::ControlCharacter, 2),
        (b"\"\0\"", E::ControlCharacter, 1),
        (b"\"\\ud800\"", E::LoneSurrogate, 2),
        (b"\"\\ude00\\ud83d\"", E::LoneSurrogate, 2),
        (b"\"\\ud83d\\u0041\"", E::LoneSurrogate, 2),
        (b"\"ab\xC3\"", E::NotUtf8, 3),
        // A surrogate in UTF-8 is none either.
        (b"\"\xED\xA0\x80\"", E::NotUtf8, 1),
    ];
    for (text, kind, offset) in table {
        let error = read(text, unwatched).unwrap_err();
        let name = String::from_utf8_lossy(text);
        assert_eq!((error.kind(), error.offset()), (kind, offset), "{name}");
        assert_eq!(skip(text, unwatched), Err(error), "{name}");
    }
}

#[test]
fn error_messages_hold_nothing_of_the_text() {
    for text in ["[SECRET]", "{\"SECRET\" 1}", "\"SECRET\\x\"", "\"SECRET"] {
        let message = read(text.as_bytes(), unwatched).unwrap_err().to_string();
        assert!(!message.contains("SECRET"), "{message}");
    }
}

#[test]
fn nesting_ends_at_the_bound() {
    let most = usize::try_from(Reader::MAX_DEPTH).unwrap();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(read(nested(most).as_bytes(), unwatched).is_ok());
        let error = read(nested(most + 1).as_bytes(), unwatched).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooDeep);
        assert_eq!(error.offset(), open.len() * most + 1);
    }
    let wide = format!("[{}[]]", "[],".repeat(1000));
    assert!(
        read(wide.as_bytes(), unwatched).is_ok(),
        "width is no depth"
    );
    // A hundred thousand brackets must not cost stack.
    assert!(read("[".repeat(100_000).as_bytes(), unwatched).is_err());
}

#[test]
fn a_watched_key_may_stand_once_per_object_at_every_depth() {
    use ErrorKind::DuplicateKey;
    for (inner, verdict) in [
        (r#"{"model":1,"model":1}"#, Err(DuplicateKey("model"))),
        (r#"{"model":1,"mod\u0065l":1}"#, Err(DuplicateKey("model"))),
        (r#"{"\u006dodel":1,"model":1}"#, Err(DuplicateKey("model"))),
        (
            r#"{"key":1,"x":{},"k\u0065\u0079":1}"#,
            Err(DuplicateKey("key")),
        ),
        (r#"{"model":1,"messages":1,"key":1}"#, Ok(())),
        (r#"{"model":{"model":{"model":1}}}"#, Ok(())),
        (r#"[{"model":1},{"model":1}]"#, Ok(())),
        (r#"{"x":1,"x":1,"":1,"":1}"#, Ok(())),
        (r#"{"model":1,"Model":1,"model ":1,"mode":1}"#, Ok(())),
    ] {
        for depth in [0, 1, 7, 90] {
            for (open, close) in [("[", "]"), ("{\"y\":", "}"), ("{\"model\":", "}")] {
                let text = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
                let got = skip(text.as_bytes(), watched).map_err(|error| error.kind());
                assert_eq!(got, verdict, "{text}");
            }
        }
    }
}

#[test]
fn case_variants_are_refused_in_strict_objects_only() {
    use ErrorKind::CaseVariant;
    for (key, verdict) in [
        ("Model", Err(CaseVariant("model"))),
        ("MODEL", Err(CaseVariant("model"))),
        (r"\u004dodel", Err(CaseVariant("model"))),
        ("me\u{17F}\u{17F}ages", Err(CaseVariant("messages"))),
        (r"mes\u017fageS", Err(CaseVariant("messages"))),
        ("\u{212A}ey", Err(CaseVariant("key"))),
        (r"\u212aEY", Err(CaseVariant("key"))),
        ("model", Ok(())),
        ("modèl", Ok(())),
        ("m\u{3BF}del", Ok(())),
        ("models", Ok(())),
        ("Other", Ok(())),
        ("", Ok(())),
    ] {
        let text = format!("{{\"{key}\":1}}");
        let got = strict(text.as_bytes()).map_err(|error| error.kind());
        assert_eq!(got, verdict, "{key}");
        assert_eq!(skip(text.as_bytes(), watched), Ok(()), "{key}");
        let inside = format!("{{\"a\":{text},\"b\":[{text}]}}");
        assert_eq!(strict(inside.as_bytes()), Ok(()), "{key} below");
        let after = format!("{{\"a\":{{}},\"{key}\":1}}");
        let got = strict(after.as_bytes()).map_err(|error| error.kind());
        assert_eq!(got, verdict, "{key} after a free object");
    }
}

#[test]
fn spans_are_those_of_the_original_text() {
    let text = r#" { "a" : "x\"é" , "b":[1, 2 ] }"#;
    let mut reader = Reader::new(text.as_bytes(), unwatched).unwrap();
    let mut spans = Vec::new();
    reader
        .object(|reader, _| {
            spans.push(match reader.kind()? {
                Kind::String => reader.string()?.span(),
                _ => reader.skip()?,
            });
            Ok::<(), Error>(())
        })
        .unwrap();
    let found: Vec<_> = spans.iter().map(|s| &text[s.start..s.end]).collect();
    assert_eq!(found, [r#""x\"é""#, "[1, 2 ]"]);
}

// Edits

#[test]
fn no_edits_are_no_rewrite() {
    assert_eq!(Edits::default().apply(b"abc"), None);
}

#[test]
fn edits_at_the_borders() {
    let mut edits = Edits::default();
    edits.insert(3, ">".to_owned());
    edits.replace(Span { start: 0, end: 0 }, "<".to_owned());
    edits.replace(Span { start: 1, end: 2 }, String::new());
    let rewrite = edits.apply(b"abc").unwrap();
    assert_eq!((rewrite.replaces, rewrite.length), (3, 4));
    assert_eq!(rewrite.prefix, b"<ac>");
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_rewrite_is_what_replacing_one_by_one_gives(
        text in vec(any::<u8>(), 0..60),
        points in vec(any::<prop::sample::Index>(), 2..12),
        texts in vec(arb_string(), 6),
        backwards in any::<bool>(),
    ) {
        let mut points: Vec<_> = points.iter().map(|p| p.index(text.len() + 1)).collect();
        points.sort_unstable();
        let (pairs, _) = points.as_chunks::<2>();
        let mut spans: Vec<_> = pairs.iter().map(|&[start, end]| Span { start, end }).collect();
        spans.dedup();
        let mut naive = text.clone();
        for (span, with) in spans.iter().zip(&texts).rev() {
            naive.splice(span.start..span.end, with.bytes());
        }
        let mut list: Vec<_> = spans.iter().zip(&texts).collect();
        if backwards {
            list.reverse();
        }
        let mut edits = Edits::default();
        for (span, with) in list {
            edits.replace(*span, with.clone());
        }
        let rewrite = edits.apply(&text).unwrap();
        prop_assert_eq!(rewrite.replaces, spans.last().unwrap().end);
        prop_assert_eq!(rewrite.length, naive.len());
        let rest = &text[rewrite.replaces..];
        prop_assert_eq!([rewrite.prefix.as_slice(), rest].concat(), naive);
    }
}

// Capture

const WANTED: [&str; 3] = ["usage", "id", "é"];

/// The wanted members, parsed, after a text came in the given pieces.
fn captured<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Option<Value>> {
    let mut capture = Capture::new(&WANTED);
    pieces.into_iter().for_each(|piece| capture.push(piece));
    let value = |name: &&str| Some(serde_json::from_slice(capture.value(name)?).unwrap());
    WANTED.iter().map(value).collect()
}

fn arb_key() -> impl Strategy<Value = String> + Clone {
    let known = vec![
        "usage", "usage", "id", "é", "x", "", "usag", "usages", "Usage", "a\"b", "\\",
    ];
    let long = "usage".repeat(30);
    prop_oneof![
        9 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => Just(long),
    ]
}

fn arb_object() -> impl Strategy<Value = Value> {
    let members = vec((arb_key(), arb_value(arb_key())), 0..6);
    members.prop_map(|members| Value::Object(members.into_iter().collect()))
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn captured_members_do_not_depend_on_the_cuts(
        object in arb_object(),
        tape in arb_tape(),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let text = render(&object, &mut Tape::new(tape), true);
        let text = text.as_bytes();
        let wanted: Vec<_> = WANTED.iter().map(|name| object.get(name).cloned()).collect();
        for cut in 0..=text.len() {
            let (front, back) = text.split_at(cut);
            prop_assert_eq!(&captured([front, back]), &wanted, "cut at {}", cut);
        }
        for size in 1..4 {
            prop_assert_eq!(&captured(text.chunks(size)), &wanted, "pieces of {}", size);
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(&captured(pieces), &wanted);
    }

    #[test]
    fn members_of_an_object_inside_are_captured(
        outer in arb_object(),
        inner in arb_object(),
        tape in arb_tape(),
    ) {
        let mut object = outer;
        object["in"] = inner.clone();
        let text = render(&object, &mut Tape::new(tape), true);
        let text = text.trim_ascii().as_bytes();
        let get = |value: Option<&[u8]>| -> Option<Value> { Some(serde_json::from_slice(value?).unwrap()) };
        for size in [1, 2, 3, 7, text.len().max(1)] {
            let mut capture = Capture::with_inside(&WANTED, ("in", &WANTED));
            for piece in text.chunks(size) {
                prop_assert!(!capture.is_whole());
                capture.push(piece);
            }
            prop_assert!(capture.is_whole());
            for name in WANTED {
                prop_assert_eq!(get(capture.value(name)), object.get(name).cloned());
                prop_assert_eq!(get(capture.value_inside(name)), inner.get(name).cloned());
            }
        }
    }

    #[test]
    fn junk_is_captured_within_bounds_and_alike_for_all_cuts(
        junk in prop_oneof![vec(any::<u8>(), 0..40), arb_json_like()],
    ) {
        let text = [b"{\"usage\":".as_slice(), &junk].concat();
        let raw = |pieces: &[&[u8]]| {
            let mut capture = Capture::new(&WANTED);
            pieces.iter().for_each(|piece| capture.push(piece));
            WANTED.map(|name| capture.value(name).map(<[u8]>::to_vec))
        };
        for text in [&text, &junk] {
            let whole = raw(&[text]);
            for cut in 0..=text.len() {
                let (front, back) = text.split_at(cut);
                prop_assert_eq!(&raw(&[front, back]), &whole);
            }
        }
    }
}

#[test]
fn lists_of_numbers_alone_are_passed_over() {
    let passes = |text: &str| {
        let mut reader = Reader::new(text.as_bytes(), |_| None).unwrap();
        reader.passes_numbers().then(|| reader.rest().len())
    };
    let long = format!("[{}]x", ["-0.0625", " 1e-9"].repeat(40).join(","));
    for (text, left) in [("[]", 0), ("[1]", 0), ("[ 1,\n-2.5E+3 ],", 1), (&long, 1)] {
        assert_eq!(passes(text), Some(left), "{text}");
    }
    let others = [
        "1",
        "[",
        "[1",
        "[1,\"2\"]",
        "[[1]]",
        "[{}]",
        "[1}",
        "[true]",
        "[1,null]",
    ];
    for text in others
        .iter()
        .copied()
        .chain([long.replace("1e-9", "1a9").as_str()])
    {
        assert_eq!(passes(text), None, "{text}");
    }
}

#[test]
fn members_behind_lists_of_numbers_are_captured_at_every_cut() {
    let numbers: Vec<i32> = (-20..20).collect();
    let data = json!([{"embedding": numbers, "of": "a]\"}"}, numbers]);
    let object = json!({"data": data, "usage": {"n": numbers}});
    let text = object.to_string();
    let wanted: Vec<_> = WANTED.iter().map(|it| object.get(it).cloned()).collect();
    assert!(wanted.iter().any(Option::is_some));
    for cut in 0..=text.len() {
        let (front, back) = text.as_bytes().split_at(cut);
        assert_eq!(captured([front, back]), wanted, "cut at {cut}");
    }
}

#[test]
fn only_the_members_of_one_object_are_captured() {
    for text in [
        "",
        "null",
        "1",
        "\"usage\"",
        "[{\"usage\":1}]",
        "{\"a\":{\"usage\":1}}",
        "{\"a\":[\"usage\",1]}",
        "{\"a\":\"usage\"}",
        "{} {\"usage\":1}",
        "{\"usage\":1",
        "{\"us\\u0061ge\":1}",
        "{\"a\":\"{\\\"usage\\\":1}\"}",
    ] {
        assert_eq!(captured([text.as_bytes()]), [None, None, None], "{text}");
    }
}

#[test]
fn the_last_of_two_members_counts() {
    let text = br#"{"usage":1,"usage":{"a":2}}"#;
    assert_eq!(
        captured([text.as_slice()])[0],
        Some(serde_json::json!({"a": 2}))
    );
}

#[test]
fn a_value_beyond_the_bound_is_not_kept() {
    for (length, kept) in [
        (Capture::MAX_VALUE, true),
        (Capture::MAX_VALUE + 1, false),
        (1_000_000, false),
    ] {
        let long = "a".repeat(length - 2);
        let text = format!(r#"{{"usage":"{long}","other":"{long}","id":7}}"#);
        for size in [1000, 4096, text.len()] {
            let found = captured(text.as_bytes().chunks(size));
            assert_eq!(found[0].is_some(), kept, "{length} in pieces of {size}");
            assert_eq!(found[1], Some(Value::from(7)), "what follows is found");
        }
    }
}

proptest! {
    #[test]
    fn quotes_as_serde_does(value in any::<String>(), control in 0..0x80_u8) {
        for value in [value.clone(), format!("{value}{}{value}", char::from(control))] {
            prop_assert_eq!(quote(&value), Value::from(value.as_str()).to_string());
        }
    }

    #[test]
    fn two_rewrites_are_one(
        text in "[a-z]{0,40}",
        cuts in proptest::collection::vec((0..40_usize, 0..6_usize, "[A-Z]{0,5}"), 2),
    ) {
        let edit = |text: &[u8], (start, length, with): &(usize, usize, String)| {
            let start = (*start).min(text.len());
            let end = (start + length).min(text.len());
            let mut edits = Edits::default();
            edits.replace(Span { start, end }, with.clone());
            edits.apply(text).unwrap()
        };
        let first = edit(text.as_bytes(), &cuts[0]);
        let between = first.whole(text.as_bytes());
        let second = edit(&between, &cuts[1]);
        let wanted = second.whole(&between);
        let both = first.and(Some(second));
        prop_assert_eq!(both.whole(text.as_bytes()), wanted.clone());
        prop_assert_eq!(both.length, wanted.len());
    }
}
