//! Sentences that count for a class: what is masked, and how often it counts.

use super::*;
use crate::classify::Class;
use crate::detect::Classes;

const RUDE: &str = "You stupid idiot, shut up!";

fn toxicity(guardrail: u16, least: u16, act: Act) -> Rule {
    let class = Class::Toxicity;
    rule(guardrail, Matches::Class { class, least }, act)
}

/// Guards with rules on sentences and on personal data.
fn scoring(rules: Vec<Rule>) -> Rc<Guards> {
    let mut classes = Classes::default();
    for rule in &rules {
        if let Matches::Class { class, least } = rule.matches {
            classes.add(class, least);
        }
    }
    let search = Search {
        entities: Entities::all(),
        classes,
        ..Search::default()
    };
    Rc::new(Guards::new(search, rules))
}

fn masking() -> Rc<Guards> {
    let mut rules = entities(Act::Mask(Style::Replace));
    rules.push(toxicity(1, 700, Act::Mask(Style::Replace)));
    scoring(rules)
}

#[test]
fn a_sentence_is_masked_and_its_neighbours_are_not() {
    let masking = masking();
    let cases = [
        (
            format!("The sea was calm. {RUDE} It is at ada@example.org."),
            "The sea was calm. <TOXICITY> It is at <EMAIL_ADDRESS>.",
        ),
        (format!("{RUDE}\n- calm"), "<TOXICITY>\n- calm"),
        (
            format!("{RUDE} {RUDE} Then he left"),
            "<TOXICITY> <TOXICITY> Then he left",
        ),
        (
            format!(
                "{} It is at ada@example.org.",
                RUDE.replace("idiot", "idiot b@example.org")
            ),
            "<TOXICITY> It is at <EMAIL_ADDRESS>.",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(the_same(&text, Some(&masking), Form::Text, None), wanted);
        assert_eq!(the_same(&text, Some(&masking), Form::Json, None), wanted);
    }
}

#[test]
fn regression_a_sentence_in_json_leaves_keys_and_neighbours() {
    let masking = masking();
    let cases = [
        (
            r#"{"name":"Ann","comment":"You stupid idiot, shut up!"}"#,
            r#"{"name":"Ann","comment":"<TOXICITY>"}"#,
        ),
        (
            r#"{"name":"Ann","comment":"You stupid idiot"}"#,
            r#"{"name":"Ann","comment":"<TOXICITY>"}"#,
        ),
        (
            r#"{"a":["calm","You stupid idiot, shut up","kind"],"n":[1,2,null],"b":""}"#,
            r#"{"a":["calm","<TOXICITY>","kind"],"n":[1,2,null],"b":""}"#,
        ),
        (
            r#"{"a":"It is calm.\nYou \u0073tupid idiot, shut up!\nSo \"it\" is."}"#,
            r#"{"a":"It is calm.\n<TOXICITY>\nSo \"it\" is."}"#,
        ),
        // In a string within a string: as it is written, the sentence begins with the escape.
        (
            r#"{"a":"It is calm.\\nYou \\u0073tupid idiot, shut up!\\nSo it is.","b":"kind\\","c":"\\"}"#,
            r#"{"a":"It is calm.\\n<TOXICITY>\\nSo it is.","b":"kind\\","c":"\\"}"#,
        ),
        (
            r#"{"You stupid idiot, shut up!":"ada@example.org","ada@example.org":"calm"}"#,
            r#"{"You stupid idiot, shut up!":"<EMAIL_ADDRESS>","<EMAIL_ADDRESS>":"calm"}"#,
        ),
        ("\"You stupid idiot, shut up!\"", "\"<TOXICITY>\""),
    ];
    for (text, wanted) in cases {
        assert_eq!(the_same(text, Some(&masking), Form::Json, None), wanted);
    }
    // What is no JSON may begin as it does.
    let text = "[Note] You stupid idiot, shut up!";
    let out = the_same(text, Some(&masking), Form::Json, None);
    assert!(
        !out.contains("stupid") && out.contains("<TOXICITY>"),
        "{out}"
    );
}

#[test]
fn regression_an_escape_before_a_sentence_stays() {
    let masking = masking();
    for (text, wanted) in [
        (
            format!(r"It is calm.\n{RUDE}\nSo it is."),
            r"It is calm.\n<TOXICITY>\nSo it is.",
        ),
        (
            format!(r"It is calm.\n\n{RUDE}\nSo it is."),
            r"It is calm.\n\n<TOXICITY>\nSo it is.",
        ),
        (format!(r"\t{RUDE}"), r"\t<TOXICITY>"),
        (
            format!(r"It is calm.\u000a{RUDE} So it is."),
            r"It is calm.\u000a<TOXICITY> So it is.",
        ),
    ] {
        assert_eq!(the_same(&text, Some(&masking), Form::Text, None), wanted);
        assert_eq!(counted(&text, &masking).len(), 1, "{text}");
    }
}

#[test]
fn names_of_members_count_and_block() {
    let text = r#"{"a":"calm","You stupid idiot, shut up!":1}"#;
    let (_, verdict) = at_once(text, Some(&masking()), Form::Json, None);
    let found: Vec<_> = verdict.found().collect();
    assert_eq!(found, [(1, What::Class(Class::Toxicity, 0), 1)]);
    let block = scoring(vec![toxicity(0, 700, Act::Block)]);
    let out = the_same(text, Some(&block), Form::Json, None);
    assert_eq!(out, r#"{"a":"calm",""#);
}

/// How often each guardrail has counted, and its worst score.
fn counted(text: &str, guards: &Rc<Guards>) -> Vec<(u16, u64, u16)> {
    let (_, verdict) = at_once(text, Some(guards), Form::Text, None);
    let found = verdict.found().map(|(guardrail, what, count)| {
        assert_eq!(what, What::Class(Class::Toxicity, 0));
        (guardrail, count, verdict.worst(guardrail).unwrap().score)
    });
    found.collect()
}

#[test]
fn what_both_readings_find_counts_once_for_each_guardrail() {
    let all = scoring(vec![toxicity(0, 1, Act::Monitor)]);
    // The score differs: as it is written, `dumb` is no word of it.
    let text = r"What a \u0064umb idea it is, my friend, that we go there. It is calm.";
    the_same(text, Some(&all), Form::Text, None);
    let mut finder = super::super::readings::Readings::new(all.search());
    let mut found = std::collections::VecDeque::new();
    finder.push(text, &mut found);
    finder.finish(&mut found);
    let scores: Vec<u16> = found
        .iter()
        .filter(|found| found.hit.start == 0)
        .filter_map(|found| match found.hit.what {
            What::Class(_, score) => Some(score),
            _ => None,
        })
        .collect();
    let [low, high] = scores[..] else {
        panic!("{scores:?}")
    };
    assert!(low < high, "{scores:?}");
    assert_eq!(counted(text, &all), [(0, 2, high)]);
    // One guardrail would count both, one the second only.
    let two = [
        toxicity(0, low, Act::Monitor),
        toxicity(1, high, Act::Monitor),
        toxicity(2, 1000, Act::Monitor),
    ];
    let text = text.trim_end_matches(" It is calm.");
    let wanted = vec![(0, 1, high), (1, 1, high)];
    assert_eq!(counted(text, &scoring(two.to_vec())), wanted);
}

#[test]
fn guardrails_mask_and_block_from_their_own_scores_on() {
    let rules = vec![
        toxicity(0, 600, Act::Mask(Style::Replace)),
        toxicity(1, 950, Act::Block),
    ];
    let guards = scoring(rules);
    assert!(crate::classify::score(RUDE).toxicity >= 950);
    assert!(crate::classify::score("It is calm.").toxicity < 600);
    let blocked = |text: &str| at_once(text, Some(&guards), Form::Text, None).1.blocked();
    for text in [
        "You are stupid.",
        "That is a stupid idea.",
        "Shut up.",
        "It is calm.",
        RUDE,
    ] {
        let score = crate::classify::score(text).toxicity;
        assert_eq!(blocked(text), (score >= 950).then_some(1), "{text} {score}");
        let out = the_same(text, Some(&guards), Form::Text, None);
        assert_eq!(out == text, score < 600, "{text} {score}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sentences_in_any_pieces_go_on_the_same(
        parts in proptest::collection::vec(proptest::sample::select(parts()), 0..14),
        cuts in proptest::collection::vec(any::<u16>(), 0..10),
        json in any::<bool>(),
    ) {
        let form = if json { Form::Json } else { Form::Text };
        let text = format!("{}{}", if json { "{" } else { "" }, parts.concat());
        let mut rules = entities(Act::Mask(Style::KeepLast4));
        rules.extend([
            toxicity(1, 250, Act::Monitor),
            toxicity(2, 500, Act::Mask(Style::Replace)),
            toxicity(3, 995, Act::Block),
        ]);
        let guards = scoring(rules);
        let (wanted, verdict) = at_once(&text, Some(&guards), form, None);
        let (out, found) = in_pieces(cut(&text, &cuts), Some(&guards), form, None);
        prop_assert_eq!(&out, &wanted);
        prop_assert_eq!(said(&found), said(&verdict));
    }

    /// Keys stay, and so does every value that nothing is found in.
    #[test]
    fn members_without_rude_sentences_stay(
        members in proptest::collection::vec(("[a-z]{1,8}", proptest::sample::select(VALUES.to_vec())), 0..6),
    ) {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let written: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let text = format!("{{{}}}", written.join(","));
        let (out, _) = at_once(&text, Some(&masking()), Form::Json, None);
        let mut wanted = value(&text);
        for (_, member) in wanted.as_object_mut().unwrap() {
            if member.to_string().contains("stupid") {
                *member = serde_json::Value::from("<TOXICITY>");
            }
        }
        prop_assert_eq!(value(&out), wanted);
    }
}

const VALUES: [&str; 8] = [
    "\"It is calm\"",
    "12",
    "null",
    "\"You stupid idiot, shut up!\"",
    "\"You \\u0073tupid idiot, shut up\"",
    "\"\"",
    "[\"kind\",\"so it is\"]",
    "\"a \\\\\"",
];

fn parts() -> Vec<&'static str> {
    vec![
        RUDE,
        "You stupid ",
        "idiot",
        "\\u0069diot",
        " shut up",
        "It is calm",
        ". ",
        "! ",
        "\n",
        "\\n",
        "\\\\n",
        "\\",
        "\"",
        "\\\"",
        "\":\"",
        "\",\"",
        "{\"a\":\"",
        "[",
        "]",
        "}",
        "12",
        "ada@example.org",
        "ada\\u0040example.org",
        "é",
    ]
}
