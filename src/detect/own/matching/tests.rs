use super::super::super::search::testing::{found, found_however_cut};
use super::super::super::{Check, Pattern, Search};
use super::*;
use proptest::prelude::*;

fn pattern(regex: &str) -> Pattern {
    Pattern {
        name: String::from("P"),
        regex: regex.to_owned(),
        check: None,
        context: Vec::new(),
        max_length: 64,
    }
}

fn patterns(list: &[&str]) -> Rc<Patterns> {
    Rc::new(Patterns::new(list.iter().map(|regex| pattern(regex)).collect()).unwrap())
}

fn search(patterns: Rc<Patterns>) -> Search {
    Search {
        patterns: Some(patterns),
        ..Search::default()
    }
}

/// What one pattern finds, however the text is cut.
#[track_caller]
fn of(one: Pattern, text: &str) -> Vec<&str> {
    let search = search(Rc::new(Patterns::new(vec![one]).unwrap()));
    let hits = found_however_cut(&search, text);
    hits.iter().map(|hit| &text[hit.1..hit.2]).collect()
}

#[test]
fn the_leftmost_and_longest_is_found() {
    for (regex, text, hits) in [
        (
            r"E-\d{6}",
            "E-123456, E-12345 xE-1234567",
            vec!["E-123456", "E-123456"],
        ),
        (
            r"\bE-\d{6}\b",
            "E-123456 E-1234567 xE-123456 éE-123456",
            vec!["E-123456"; 2],
        ),
        (r"a|ab|abc", "abcab", vec!["abc", "ab"]),
        (r"a+?", "aaa b a", vec!["aaa", "a"]),
        (
            r"(?i)geheim[aä]kte\d",
            "GEHEIMÄKTE1 GeheimAkte2 geheimäkte3",
            vec!["GeheimAkte2", "geheimäkte3"],
        ),
        (r"(?i)[a-c]x|é", "BX é É Ax dx", vec!["BX", "é", "Ax"]),
        (r"\D\D", "é1ñü2", vec!["ñü"]),
        (r"[^\d\s]{2}", "é1 ñü한2", vec!["ñü"]),
        (r".", "é한", vec!["é", "한"]),
        (r"^a", "aba", vec!["a"]),
        (r"(?m)^a$", "a\nba\na", vec!["a", "a"]),
        (r"a$", "aba", vec!["a"]),
        (r"\d*", "a12b3", vec!["12", "3"]),
        (r"비밀-[0-9]+", "이 비밀-42는", vec!["비밀-42"]),
        (r"ab(cd)?", "abcab abcd", vec!["ab", "ab", "abcd"]),
        (r"(?x) a b # comment", "ab a b", vec!["ab"]),
        (r"[[:upper:]]{2}", "ab AB", vec!["AB"]),
        (r"(?i:[[:upper:]]{2}) x", "ab x AB x", vec!["ab x", "AB x"]),
        (r"[\w&&[^a]]b", "ab bb", vec!["bb"]),
    ] {
        assert_eq!(of(pattern(regex), text), hits, "{regex}");
    }
}

#[test]
fn nothing_is_longer_than_the_longest_match() {
    let short = |regex| Pattern {
        max_length: 4,
        ..pattern(regex)
    };
    assert_eq!(of(short(r"\d+"), "1234567890"), ["1234", "5678", "90"]);
    assert!(of(short(r"\b\d+\b"), "1234567890").is_empty());
    assert_eq!(of(short(r"\d+x"), "1234567890x"), ["890x"]);
    assert_eq!(of(short(r"\d{4}"), "12345"), ["1234"]);
    assert_eq!(of(short(r"\b\d{4}\b"), "1234 12345"), ["1234"]);
}

#[test]
fn check_digits_and_words_to_the_left_count() {
    let card = Pattern {
        check: Some(Check::Luhn),
        ..pattern(r"M\d{4}-?\d{4}")
    };
    assert_eq!(
        of(card, "M1234-5674 M1234-5675 M12345674"),
        ["M1234-5674", "M12345674"]
    );
    let badge = Pattern {
        context: vec![String::from("Badge"), String::from("출입증")],
        ..pattern(r"\d{4}")
    };
    assert_eq!(of(badge.clone(), "1111 BADGE: 2222"), ["2222"]);
    assert_eq!(of(badge.clone(), "출입증 3333"), ["3333"]);
    let far = format!("badge {} 4444", "é".repeat(64));
    assert!(of(badge, &far).is_empty());
}

#[test]
fn a_wrong_check_digit_lets_the_next_place_begin() {
    let digits = Pattern {
        check: Some(Check::Luhn),
        ..pattern(r"\d{4}")
    };
    assert_eq!(of(digits, "91230"), ["1230"]);
}

/// One pattern does not hide another: each may belong to a guardrail of its own.
#[test]
fn each_pattern_is_looked_for_by_itself() {
    let search = search(patterns(&[r"\d+", r"\d{4}-\d{4}", r"4-5"]));
    let hits = found_however_cut(&search, "1234-5678");
    let pattern = What::Pattern;
    assert_eq!(
        hits,
        [
            (pattern(0), 0, 4),
            (pattern(1), 0, 9),
            (pattern(2), 3, 6),
            (pattern(0), 5, 9)
        ]
    );
}

#[track_caller]
fn settled(regex: &str, text: &str) -> usize {
    let mut matching = Matching::new(patterns(&[regex]));
    matching.push(text, &mut Vec::new());
    matching.settled()
}

#[test]
fn text_is_held_only_while_a_match_can_grow() {
    assert_eq!(settled(r"E-\d{6}", "plain text, 17 E"), 15);
    assert_eq!(settled(r"E-\d{6}", "plain E-12 text"), 15);
    assert_eq!(settled(r"E-\d{6}", "an E-123456"), 11);
    assert_eq!(settled(r"E-\d{6}\b", "an E-123456"), 3);
    assert_eq!(settled(r"\d+", "an 12"), 3);
    assert_eq!(settled(r"\bab", "xa"), 2);
}

#[test]
fn what_is_wrong_is_told() {
    let problem = |one: Pattern| Patterns::new(vec![pattern("x"), one]).unwrap_err();
    for (regex, message) in [
        ("(", "unclosed group"),
        (r"\p{L}", "Unicode"),
        (r"[\p{L}]", "Unicode"),
        ("(?-u:.)", "flag u"),
        ("^", "no character"),
        ("(a|b)*a(a|b){24}", "too large"),
        ("a{300}", "longer than max_length"),
        (r"\xFF{999}{999}{999}", "longer than max_length"),
        (r"(\w{900}|){900}", "too large"),
    ] {
        let problems = problem(pattern(regex));
        assert_eq!(problems.len(), 1, "{regex}");
        assert_eq!(problems[0].0, 1);
        assert!(
            problems[0].1.contains(message),
            "{regex}: {}",
            problems[0].1
        );
    }
    problem(Pattern {
        max_length: 257,
        ..pattern("x")
    });
    problem(Pattern {
        max_length: 0,
        ..pattern("x")
    });
    problem(Pattern {
        context: vec![String::from(" ")],
        ..pattern("x")
    });
    let deep = format!("{}x{}", "(".repeat(100), ")".repeat(100));
    problem(pattern(&deep));
    let many = Patterns::new(vec![pattern("x"); 257]).unwrap_err();
    assert_eq!(many[0].0, 256);
}

/// At most the longest match and one step for each byte and pattern, whatever the text.
#[test]
fn steps_are_bounded_by_the_length() {
    let list = [
        r"\w+@x",
        r"(a|b)*a(a|b){8}c",
        r".{0,40}secret",
        r"\d{3,}\b",
        "[ab]+c",
    ];
    let list = list.map(|regex| Pattern {
        max_length: 256,
        check: Some(Check::Luhn),
        ..pattern(regex)
    });
    let compiled = Rc::new(Patterns::new(list.to_vec()).unwrap());
    for unit in ["a", "ab", "aab", "1", "secre", "a@", "é", "aaaaaaab "] {
        let text = unit.repeat(4096 / unit.len());
        for size in [1, 7, 4096] {
            let mut matching = Matching::new(Rc::clone(&compiled));
            let mut hits = Vec::new();
            for piece in text.chars().collect::<Vec<_>>().chunks(size) {
                matching.push(&piece.iter().collect::<String>(), &mut hits);
                assert!(matching.text.len() <= KEPT + 4 * REACH + 257 + 4 * size);
            }
            matching.finish(&mut hits);
            let bound = text.len() * (1 + list.len() * 258);
            assert!(matching.steps <= bound, "{unit}: {}", matching.steps);
        }
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        text in "[ab1 é-]{0,80}",
        cuts in proptest::collection::vec(0_usize..80, 0..6),
        which in 0_usize..8,
    ) {
        let lists: [&[&str]; 8] = [
            &["a+b", "b1"], &[r"\ba.*?1"], &[r"(a|b)*1\b", "é+"], &[r"a{2,5}-?b", r"\d"],
            &[r".{1,9}1"], &[r"(?m)^a|b$"], &[r"\B-", r"-\b"], &["a[^1]{0,70}1"],
        ];
        let search = search(patterns(lists[which]));
        let mut at: Vec<usize> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(found(&search, pieces), found(&search, [text.as_str()]));
    }

    /// The same as trying every start and end by themselves.
    #[test]
    fn it_is_what_the_rule_says(text in "[ab1-]{0,24}", which in 0_usize..5) {
        let regex = ["a+b", "(a|b)*1", "a[b1]?-", r"[ab]{2,4}", "b.*b"][which];
        let one = Pattern { max_length: 6, ..pattern(regex) };
        let whole = Patterns::new(vec![Pattern { regex: format!("^(?:{regex})$"), ..one.clone() }]).unwrap();
        let whole = search(Rc::new(whole));
        let mut expected = Vec::new();
        let mut from = 0;
        while from < text.len() {
            let ends = (from + 1..=text.len().min(from + 6)).rev();
            let is_match = |end: &usize| found(&whole, [&text[from..*end]]) == [(What::Pattern(0), 0, *end - from)];
            match ends.into_iter().find(is_match) {
                Some(end) => { expected.push(&text[from..end]); from = end; }
                None => from += 1,
            }
        }
        prop_assert_eq!(of(one, &text), expected);
    }
}
