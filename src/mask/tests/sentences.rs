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
fn names_of_members_count_and_block() {
    let text = r#"{"a":"calm","You stupid idiot, shut up!":1}"#;
    let (_, verdict) = at_once(text, Some(&masking()), Form::Json, None);
    let found: Vec<_> = verdict.found().collect();
    assert_eq!(found, [(1, What::Class(Class::Toxicity, 0), 1)]);
    let block = scoring(vec![toxicity(0, 700, Act::Block)]);
    let out = the_same(text, Some(&block), Form::Json, None);
    assert_eq!(out, r#"{"a":"calm",""#);
}

#[test]
fn guardrails_mask_and_block_from_their_own_scores_on() {
    let rules = vec![
        toxicity(0, 300, Act::Mask(Style::Replace)),
        toxicity(1, 950, Act::Block),
    ];
    let guards = scoring(rules);
    let blocked = |text: &str| at_once(text, Some(&guards), Form::Text, None).1.blocked();
    let mild = (0..).zip(["You are stupid.", "That is a stupid idea.", "Shut up."]);
    for (_, text) in mild {
        let score = crate::classify::score(text).toxicity;
        assert_eq!(blocked(text), (score >= 950).then_some(1), "{text} {score}");
        let out = the_same(text, Some(&guards), Form::Text, None);
        assert_eq!(out == text, score < 300, "{text} {score}");
    }
    let text = format!("It is calm. {RUDE} {RUDE}");
    assert_eq!(
        crate::classify::score(RUDE).toxicity >= 950,
        blocked(&text).is_some()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

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
