use super::*;
use proptest::prelude::*;

fn tally(text: &str) -> Tally {
    let mut tally = Tally::default();
    tally.add(text.as_bytes());
    tally
}

fn shape(text: &str, name: &str) -> u64 {
    let index = NAMES.iter().position(|known| *known == name).unwrap();
    tally(text).counts.shapes[index]
}

#[test]
fn shapes_are_counted_by_how_bytes_stand_to_each_other() {
    let [first, second, third] = [NAMES[0], NAMES[1], NAMES[2]];
    for (name, text, wanted) in [
        (first, "one two  three\nfour", 2),
        (first, "1 22\t333b", 3),
        (first, "a.b (c) ...", 4),
        (second, "camelCaseHTTPServer Word", 2),
        (second, "a b  c      d", 2),
        (second, "a\t\tb\tc", 2),
        (second, "1 22 a333b 4", 2),
        (second, "1.a(\n+", 2),
        (third, "one two\nthree 4four ((five", 4 + 1),
        (third, "a\nb.\nc\r\n\n", 3 + 2),
        ("word after one sign", "a.bc ((de \"fg", 1),
        ("letter 5 or later of a word", "four fiver sixsix", 3),
        ("letter 5 or later of a word", "fiveCamel", 1),
        ("letter 9 or later of a word", "abcdefgh abcdefghij", 2),
        ("capital after a capital", "HTTP Ab A", 3),
        ("letter j, k or q", "jkq JKQ abc *+1", 6),
        ("number of 4 digits or more", "123 1234 12345678 ", 2),
        ("digit 4 or later of a number", "123 1234 12345678 ", 6),
        (NAMES[10], "--- --> ]]}", 2),
    ] {
        assert_eq!(shape(text, name), wanted, "{name}: {text:?}");
        // It does not matter where in a block a text stands.
        let begin = shape(&format!("\n{text}"), name);
        for front in 1..130 {
            let moved = format!("{}{text}", "\n".repeat(front));
            assert_eq!(shape(&moved, name), begin, "{name}: {front} {text:?}");
        }
    }
}

#[test]
fn characters_are_counted_by_script_and_place_in_their_run() {
    let at = |text: &str, script: crate::tokens::scripts::Script| {
        tally(text).counts.runs[script.index()]
    };
    use crate::tokens::scripts::Script;
    let runs = at("Привет, мир", Script::Cyrillic);
    assert_eq!(
        (runs.characters, runs.starts, runs.late, runs.later),
        (9, 2, 2, 0)
    );
    let runs = at("漢字かな漢字", Script::Han);
    assert_eq!((runs.characters, runs.starts), (4, 2));
    for front in 0..140 {
        let text = format!("{}ไทยไทยไทยไท", "a".repeat(front));
        let runs = at(&text, Script::Thai);
        assert_eq!(
            (runs.characters, runs.starts, runs.late, runs.later),
            (11, 1, 7, 3),
            "{front}"
        );
        // Letters of one word, wherever a block ends.
        let text = format!("{} éàü", " ".repeat(front));
        assert_eq!(shape(&text, NAMES[0]), 1, "{front}");
    }
}

#[test]
fn an_estimate_is_between_one_token_and_one_a_byte() {
    assert_eq!(tally("").tokens(), 0);
    assert!(tally("").is_empty());
    for text in ["a", " ", "\n", "\u{0}", "é", "😀", "漢"] {
        let tokens = tally(text).tokens();
        assert!(
            (1..=u64::try_from(text.len()).unwrap()).contains(&tokens),
            "{text:?} {tokens}"
        );
    }
    let huge = Tally {
        counts: Box::new(Counts {
            bytes: u64::MAX,
            shapes: [u64::MAX; SHAPES],
            ..Counts::default()
        }),
    };
    assert_eq!(huge.tokens(), u64::MAX);
    let mut sum = huge.clone();
    sum.add_tally(&huge);
    assert_eq!(sum, huge);
}

#[test]
fn estimates_are_near_the_exact_counts() {
    // Counts by o200k_base. A sentence of one's own may be far off; all of them are not.
    let (mut sum, mut exact_sum) = (0, 0);
    for (text, exact) in include!("../exact.in") {
        let tokens = tally(text).tokens();
        assert!(
            tokens.abs_diff(exact) * 100 <= exact * 45,
            "{text:?}: {tokens}, not {exact}"
        );
        sum += tokens;
        exact_sum += exact;
    }
    assert!(
        sum.abs_diff(exact_sum) * 100 <= exact_sum * 10,
        "{sum}, not {exact_sum}"
    );
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z ]{0,40}",
        "[ -~\\n\\t]{0,40}",
        "[àéßłđơắ]{1,4}",
        "[а-я]{1,12}",
        "[漢字かなไทย한국]{1,30}",
        "[\u{200b}😀𝐀\u{e0041}–]{1,5}",
        "\\PC{0,20}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_counted(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut tally = Tally::default();
        tally.add(&bytes);
        tally.add_json(&bytes);
        prop_assert!(tally.tokens() <= tally.bytes());
    }

    #[test]
    fn json_counts_as_what_it_stands_for(text in texts()) {
        let quoted = serde_json::to_string(&text).unwrap();
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        for raw in [&quoted.as_bytes()[1..quoted.len() - 1], escaped.as_bytes()] {
            let mut json = Tally::default();
            json.add_json(raw);
            prop_assert_eq!(&json, &tally(&text));
        }
    }

    #[test]
    fn a_stream_counts_as_its_text_wherever_it_is_cut(text in texts(), times in 1_usize..60, size in 1_usize..5000) {
        let text = text.repeat(times);
        let mut stream = Stream::default();
        for piece in text.as_bytes().chunks(size) {
            stream.push(piece);
        }
        prop_assert_eq!(stream.tally(), tally(&text));
    }

    #[test]
    fn tallies_add_up(one in texts(), other in texts()) {
        let mut sum = tally(&one);
        sum.add(other.as_bytes());
        let mut both = tally(&one);
        both.add_tally(&tally(&other));
        prop_assert_eq!(&sum, &both);
        prop_assert_eq!(sum.bytes(), u64::try_from(one.len() + other.len()).unwrap());
    }
}
