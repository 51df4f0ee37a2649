/*! However a text is cut, the same goes on; what a model makes of placeholders is restored,
and nothing else. */

use super::{
    Act, Channel, Form, Guards, Matches, Placeholders, Rule, Style, TagKey, Vault, Verdict,
    host_ahead, whole,
};
use crate::detect::{Entities, Entity, Hosts, Pattern, Patterns, Search, SystemPrompt, What};
use proptest::prelude::*;
use std::rc::Rc;

mod escapes;
mod hosts;
mod sentences;

fn rule(guardrail: u16, matches: Matches, act: Act) -> Rule {
    Rule {
        guardrail,
        matches,
        act,
    }
}

fn entities(act: Act) -> Vec<Rule> {
    vec![rule(0, Matches::Entities(Entities::all()), act)]
}

fn guards_of(rules: Vec<Rule>, patterns: &[(&str, &str)]) -> Rc<Guards> {
    let pattern = |(name, regex): &(&str, &str)| Pattern {
        name: (*name).to_owned(),
        regex: (*regex).to_owned(),
        check: None,
        context: Vec::new(),
        max_length: 64,
    };
    let patterns: Vec<Pattern> = patterns.iter().map(pattern).collect();
    let search = Search {
        entities: Entities::all(),
        patterns: (!patterns.is_empty()).then(|| Rc::new(Patterns::new(patterns).unwrap())),
        ..Search::default()
    };
    Rc::new(Guards::new(search, rules))
}

fn guards(act: Act) -> Rc<Guards> {
    guards_of(entities(act), &[])
}

fn vault() -> Vault {
    Vault::new(&TagKey::new(b"a key of the tests"))
}

/// What goes on of a text in these pieces, and what of it was said.
fn in_pieces<'t>(
    pieces: impl IntoIterator<Item = &'t str>,
    guards: Option<&Rc<Guards>>,
    form: Form,
    vault: Option<&Rc<Vault>>,
) -> (String, Verdict) {
    let mut verdict = Verdict::with_places();
    let mut channel = Channel::new(guards.cloned(), form, vault.cloned());
    let mut out = String::new();
    for piece in pieces {
        out.push_str(&channel.push(piece, &mut verdict));
    }
    out.push_str(&channel.finish(&mut verdict));
    assert!(verdict.blocked().is_some() || channel.held() == 0);
    (out, verdict)
}

fn at_once(
    text: &str,
    guards: Option<&Rc<Guards>>,
    form: Form,
    vault: Option<&Rc<Vault>>,
) -> (String, Verdict) {
    let mut verdict = Verdict::with_places();
    let placeholders = vault.map_or(Placeholders::Off, Placeholders::Restore);
    let out = whole(text, guards, form, placeholders, &mut verdict);
    (out.unwrap_or_else(|| text.to_owned()), verdict)
}

fn said(verdict: &Verdict) -> String {
    let found: Vec<_> = verdict.found().collect();
    let mut places = verdict.places().to_vec();
    // How far what began before a block goes on behind it may not be known in pieces.
    if let (Some(_), Some((last, before))) = (verdict.blocked(), places.split_last_mut()) {
        for place in before {
            place.end = place.end.min(last.start);
        }
    }
    format!("{found:?} {:?} {places:?}", verdict.blocked())
}

fn by_char(text: &str) -> Vec<&str> {
    text.split_inclusive(|_: char| true).collect()
}

/// The same, however it is cut: in two anywhere, and in single characters.
fn the_same(
    text: &str,
    guards: Option<&Rc<Guards>>,
    form: Form,
    vault: Option<&Rc<Vault>>,
) -> String {
    let (wanted, verdict) = at_once(text, guards, form, vault);
    let verdict = said(&verdict).replace("First", "Whole");
    let step = (text.len() / 100).max(1);
    let cuts = (0..=text.len())
        .step_by(step)
        .filter(|cut| text.is_char_boundary(*cut));
    let pieces = cuts.map(|cut| vec![&text[..cut], &text[cut..]]);
    for pieces in pieces.chain([by_char(text)]) {
        let (out, found) = in_pieces(pieces.iter().copied(), guards, form, vault);
        assert_eq!(out, wanted, "{} of {text:?}", pieces[0].len());
        assert_eq!(
            said(&found).replace("First", "Whole"),
            verdict,
            "{} of {text:?}",
            pieces[0].len()
        );
    }
    wanted
}

/// A text as the provider sees it, and the vault that restores it.
fn made(text: &str, guards: &Rc<Guards>, form: Form) -> (String, Rc<Vault>) {
    let mut vault = vault();
    let out = whole(
        text,
        Some(guards),
        form,
        Placeholders::Make(&mut vault),
        &mut Verdict::default(),
    );
    (out.unwrap_or_else(|| text.to_owned()), Rc::new(vault))
}

/// Secrets end at the first byte that they can't have, or at this many bytes of text.
fn long_secrets() -> Vec<String> {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7".to_owned();
    let key = |end: &str| {
        let body = format!("{line}\n").repeat(60);
        format!("a -----BEGIN RSA PRIVATE KEY-----\n{body}{end} b")
    };
    vec![
        key("-----END RSA PRIVATE KEY-----"),
        key(""),
        "-----BEGIN PRIVATE KEY----- is how a private key begins, and the text goes on".to_owned(),
        format!(
            "a eyJhbGciOiJIUzI1NiJ9.eyJ{} b c@d.org",
            "aZ09".repeat(1000)
        ),
        format!("{} c@d.org", "x1".repeat(3000)),
        format!("{}c@d.org", "x1/".repeat(1500)),
        "1 ".repeat(3000),
        "é".repeat(2500),
    ]
}

fn short_texts() -> Vec<String> {
    let texts = [
        "",
        "Plain prose has nothing in it, whatever it says.",
        "Mail ada@example.org, bob.b+c@mail.example.co.uk. Or: x@y, a@b.",
        "Call me on +44 20 7946 0958 or (555) 010-9988 x 12, phone: 2 345 678.",
        "Card 4111 1111 1111 1111 4012-8888-8888-1881, 5555555555554444!",
        "IBAN DE89 3704 0044 0532 0130 00 and GB29NWBK60161331926819.",
        "SSN 219-09-9990, NINO AB 12 34 56 C, 900101-1234567, CPF 111.444.777-35",
        "I was born on June 15, 1991 and she on 3rd of May 1980. dob 1970-01-02",
        "10.0.0.1 fe80::1%eth0 2001:db8::/32 00:1A:2b:3C:4d:5E aabb.ccdd.eeff",
        "postgres://u:p4ss@db.example.org:5432/x https://a.example.org/?q=(b).",
        "api_key = \"sk_live_4eC39HqLyjWDarjtT1zdp7dc\" password: 'm y;{p4}ss' x",
        "token=ghp_16C7e42F292c6912E7710c838347Ae178B4a, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln",
        "전화번호: 010-1234-5678입니다. ４１１１１１１１１１１１１１１１ a\u{200b}d\u{200b}a@example.org\u{200b}",
        "4\u{200b}111 11\u{ad}11\u{a0}1111\u{2009}1111 müller@straße.de ９９",
        "\"password\":\"\\\"x1y2z3w4\\\"\"\n\"\"''``\"a",
        "-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04f\\n-----END EC PRIVATE KEY-----, x",
        r#"{"to":"ada\u0040example.org","n":-4111111111111111,"ok":true,"tel":"+44 20 7946\u00200958"}"#,
        r#"[4111111111111111, "a\ud83d\ude00b@example.org", "phone: 2\n345 678", null]"#,
        r#"{"password":"x1\"y2z3w4\\","bob@example.org":{"url":"https:\/\/u:p4ss@h.example\/"}}"#,
        "<EMAIL_ADDRESS_1_K7Q2XM> and EMAIL ADDRESS 1 K7Q2XM, &lt;phone\\_number-2_ABCDEF&gt;",
    ];
    texts.map(str::to_owned).to_vec()
}

fn texts() -> Vec<String> {
    short_texts().into_iter().chain(long_secrets()).collect()
}

#[test]
fn a_text_cut_anywhere_is_masked_the_same() {
    let keep = guards(Act::Mask(Style::KeepLast4));
    let replace = guards(Act::Mask(Style::Replace));
    for text in texts() {
        for guards in [&keep, &replace] {
            the_same(&text, Some(guards), Form::Text, None);
            the_same(&text, Some(guards), Form::Json, None);
        }
    }
}

#[test]
fn what_is_found_is_masked_and_the_rest_is_as_it_was() {
    let replace = guards(Act::Mask(Style::Replace));
    let cases = [
        ("Mail ada@example.org.", "Mail <EMAIL_ADDRESS>."),
        ("phone: 2 345 678, x", "phone: <PHONE_NUMBER>, x"),
        (
            "４１１１ 1111 1111 11\u{200b}11\u{200b}!",
            "<CREDIT_CARD>\u{200b}!",
        ),
        (
            "password = \"m{{h}o)p$x e1\";",
            "password = \"<SECRET_VALUE>\";",
        ),
        ("müller@straße.de한", "<EMAIL_ADDRESS>한"),
    ];
    let masked = |text: &str| at_once(text, Some(&replace), Form::Text, None).0;
    for (text, wanted) in cases {
        assert_eq!(masked(text), wanted);
    }
    let long = long_secrets();
    assert_eq!(masked(&long[0]), "a <PRIVATE_KEY> b");
    assert_eq!(masked(&long[1]), "a <PRIVATE_KEY>");
    assert!(masked(&long[2]).ends_with(" the text goes on"));
    assert_eq!(masked(&long[3]), "a <JWT> b <EMAIL_ADDRESS>");
}

#[test]
fn a_whole_text_without_findings_is_not_copied() {
    let mut verdict = Verdict::default();
    let replace = guards(Act::Mask(Style::Replace));
    let text = "Nothing in here.";
    assert_eq!(
        whole(
            text,
            Some(&replace),
            Form::Text,
            Placeholders::Off,
            &mut verdict
        ),
        None
    );
    assert_eq!(
        whole(text, None, Form::Json, Placeholders::Off, &mut verdict),
        None
    );
    let monitor = guards(Act::Monitor);
    let text = "ada@example.org";
    assert_eq!(
        whole(
            text,
            Some(&monitor),
            Form::Text,
            Placeholders::Off,
            &mut verdict
        ),
        None
    );
    let found: Vec<_> = verdict.found().collect();
    assert_eq!(found, [(0, What::Entity(Entity::EmailAddress), 1)]);
    assert_eq!(verdict.blocked(), None);
}

#[test]
fn all_rules_count_and_the_strictest_decides() {
    let email = || Matches::Entities([Entity::EmailAddress].into_iter().collect());
    let all = || Matches::Entities(Entities::all());
    let rules = vec![
        rule(3, all(), Act::Monitor),
        rule(1, email(), Act::Mask(Style::KeepLast4)),
        rule(2, all(), Act::Mask(Style::Replace)),
    ];
    let guards = guards_of(rules.clone(), &[]);
    let (out, verdict) = at_once(
        "ada@example.org from 10.0.0.1, bob@example.org",
        Some(&guards),
        Form::Text,
        None,
    );
    assert_eq!(out, "***@******e.org from <IP_ADDRESS>, ***@******e.org");
    let found: Vec<_> = verdict.found().collect();
    let [mail, ip] = [Entity::EmailAddress, Entity::IpAddress].map(What::Entity);
    assert_eq!(
        found,
        [
            (3, mail, 2),
            (1, mail, 2),
            (2, mail, 2),
            (3, ip, 1),
            (2, ip, 1)
        ]
    );
    assert_eq!(verdict.places().len(), 3);

    let mut rules = rules;
    rules.push(rule(4, email(), Act::Block));
    let guards = guards_of(rules, &[]);
    let text = "10.0.0.1 is ada@example.org and 10.0.0.2";
    assert_eq!(
        the_same(text, Some(&guards), Form::Text, None),
        "<IP_ADDRESS> is "
    );
    assert_eq!(
        at_once(text, Some(&guards), Form::Text, None).1.blocked(),
        Some(4)
    );
}

/// The host of a long link stands in its first part only.
#[test]
fn links_are_judged_by_their_host() {
    let hosts = Hosts::new(vec!["good.example".to_owned()]).unwrap();
    let rules = vec![rule(
        0,
        Matches::Links(Rc::new(hosts)),
        Act::Mask(Style::Replace),
    )];
    let search = Search {
        links: true,
        ..Search::default()
    };
    let guards = Rc::new(Guards::new(search, rules));
    let path = "x1".repeat(4000);
    let text = format!("See https://good.example/{path} or https://evil.example/{path} now");
    let wanted = format!("See https://good.example/{path} or <LINK> now");
    assert_eq!(the_same(&text, Some(&guards), Form::Text, None), wanted);
    let (_, verdict) = in_pieces(by_char(&text), Some(&guards), Form::Text, None);
    assert_eq!(verdict.found().collect::<Vec<_>>(), [(0, What::Link, 1)]);
    assert_eq!(verdict.places().len(), 1);
}

#[test]
fn the_system_prompt_is_known_by_its_call() {
    let rules = vec![rule(0, Matches::SystemPrompt { words: 4 }, Act::Block)];
    let guards = Guards::new(Search::default(), rules);
    assert_eq!(guards.prompt_words(), Some(4));
    let mut prompt = SystemPrompt::new(4);
    prompt.add("You are the clerk of Example Bank.");
    let guards = Rc::new(guards.for_prompt(Rc::new(prompt)));
    let text = "I was told: you are THE clerk, so there.";
    assert_eq!(
        the_same(text, Some(&guards), Form::Text, None),
        "I was told: "
    );
}

#[test]
fn after_a_block_no_channel_says_anything() {
    let guards = guards(Act::Block);
    let mut verdict = Verdict::default();
    let mut one = Channel::new(Some(Rc::clone(&guards)), Form::Text, None);
    let mut other = Channel::new(Some(Rc::clone(&guards)), Form::Text, None);
    assert_eq!(other.push("it was at ", &mut verdict), "it was at ");
    assert_eq!(one.push("to ada@exam", &mut verdict), "to ");
    assert_eq!(one.push("ple.org and", &mut verdict), "");
    assert_eq!(verdict.blocked(), Some(0));
    assert_eq!(other.push("home", &mut verdict), "");
    assert_eq!(one.finish(&mut verdict) + &other.finish(&mut verdict), "");
    let after = whole(
        "x",
        Some(&guards),
        Form::Text,
        Placeholders::Off,
        &mut verdict,
    );
    assert_eq!(after.as_deref(), Some(""));
}

#[test]
fn nothing_of_findings_that_overlap_goes_on() {
    let rules = vec![
        rule(0, Matches::Patterns(0..1), Act::Mask(Style::KeepLast4)),
        rule(
            1,
            Matches::Entities(Entities::all()),
            Act::Mask(Style::Replace),
        ),
        rule(2, Matches::Patterns(1..2), Act::Block),
        rule(3, Matches::Patterns(2..3), Act::Monitor),
    ];
    let guards = guards_of(
        rules,
        &[("TO", "to: ada-*"), ("STOP", "org-x"), ("AT", "@e")],
    );
    let masked = |text: &str| the_same(text, Some(&guards), Form::Text, None);
    assert_eq!(masked("to: ada@example.org"), "**: ***@******e.org");
    assert_eq!(
        masked("a to: ada b@example.org"),
        "a **: *da <EMAIL_ADDRESS>"
    );
    assert_eq!(masked("a to: ada@example.org-x b"), "a ");
    assert_eq!(masked("a@eb to: adz"), "a@eb to: adz");
    let key = &long_secrets()[0].replace("a -----", "to: ada-----");
    assert_eq!(masked(key), "<TO> b");
}

#[test]
fn json_stays_valid_and_findings_stay_in_their_values() {
    let replace = guards(Act::Mask(Style::Replace));
    let keep = guards(Act::Mask(Style::KeepLast4));
    let cases = [
        (
            r#"{"to":"ada\u0040example.org"}"#,
            r#"{"to":"<EMAIL_ADDRESS>"}"#,
        ),
        (r#"{"n":4111111111111111}"#, r#"{"n":"<CREDIT_CARD>"}"#),
        (r#"[ 4111111111111111 , 1 ]"#, r#"[ "<CREDIT_CARD>" , 1 ]"#),
        (r#"{"ada@example.org":true}"#, r#"{"<EMAIL_ADDRESS>":true}"#),
        (r#"{"a":"\n\u00e9\/"}"#, r#"{"a":"\n\u00e9\/"}"#),
        (
            r#"{"a":"x\nada@example.org\n\"y\""}"#,
            r#"{"a":"x\n<EMAIL_ADDRESS>\n\"y\""}"#,
        ),
        ("4111111111111111", "<CREDIT_CARD>"),
        ("mail ada@example.org", "mail <EMAIL_ADDRESS>"),
        (r#"{"a":"ada@example.org"#, r#"{"a":"<EMAIL_ADDRESS>"#),
    ];
    for (text, wanted) in cases {
        assert_eq!(the_same(text, Some(&replace), Form::Json, None), wanted);
    }
    let text = r#"{"password":"x1\u0021y2\\z3w4"}"#;
    let out = the_same(text, Some(&keep), Form::Json, None);
    assert!(
        serde_json::from_str::<serde_json::Value>(&out).is_ok(),
        "{out}"
    );
    assert!(!out.contains("x1"), "{out}");
    for text in short_texts() {
        for guards in [&replace, &keep] {
            let valid = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
            let out = at_once(&text, Some(guards), Form::Json, None).0;
            let object = text.starts_with(['{', '[']);
            assert!(!object || valid(&text) == valid(&out), "{out}");
        }
    }
}

#[test]
fn findings_over_several_values_are_cut() {
    let rules = vec![rule(0, Matches::Patterns(0..1), Act::Mask(Style::Replace))];
    let guards = guards_of(rules, &[("PAIR", r#"x1[",:a-z\[\] ]*[0-9]+9"#)]);
    let cases = [
        (r#"["a x1","b",1239]"#, r#"["a <PAIR>","<PAIR>","<PAIR>"]"#),
        (r#"["a x1","",45,1239, 7]"#, r#"["a x1","",45,1239, 7]"#),
        (r#"{"x1":239.5}"#, r#"{"<PAIR>":"<PAIR>.5"}"#),
    ];
    for (text, wanted) in cases {
        assert_eq!(the_same(text, Some(&guards), Form::Json, None), wanted);
    }
    // A private key that never ends reaches over the values behind it.
    let all = self::guards(Act::Mask(Style::Replace));
    let text = r#"{"k":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7","l":"x"}"#;
    let out = the_same(text, Some(&all), Form::Json, None);
    assert!(out.starts_with(r#"{"k":"<PRIVATE_KEY>","#), "{out}");
    assert!(
        serde_json::from_str::<serde_json::Value>(&out).is_ok(),
        "{out}"
    );
}

#[test]
fn long_numbers_are_not_held_for_ever() {
    let replace = guards(Act::Mask(Style::Replace));
    let text = format!("[{},4111111111111111]", "1".repeat(5000));
    let out = the_same(&text, Some(&replace), Form::Json, None);
    assert!(out.ends_with(",\"<CREDIT_CARD>\"]"), "{out}");
    let rules = vec![rule(0, Matches::Patterns(0..1), Act::Mask(Style::Replace))];
    let guards = guards_of(rules, &[("N", "77")]);
    let zeros = "1".repeat(600);
    let text = format!("[{zeros}77{zeros},77]");
    let wanted = format!("[{zeros}0{zeros},\"<N>\"]");
    assert_eq!(the_same(&text, Some(&guards), Form::Json, None), wanted);
}

#[test]
fn placeholders_say_name_number_and_tag() {
    let guards = guards(Act::Restore);
    let text = "ada@example.org, bob@example.org, 10.0.0.1, ada@example.org";
    let (out, vault) = made(text, &guards, Form::Text);
    let words: Vec<&str> = out.split(", ").collect();
    assert!(
        words[0].starts_with("<EMAIL_ADDRESS_1_") && words[0].len() == 24,
        "{out}"
    );
    assert!(words[1].starts_with("<EMAIL_ADDRESS_2_"), "{out}");
    assert!(words[2].starts_with("<IP_ADDRESS_1_"), "{out}");
    assert_eq!(words[0], words[3]);
    assert_eq!(vault.len(), 3);
    // The next call, other values first: the same tag.
    let (again, _) = made("bob@example.org, ada@example.org", &guards, Form::Text);
    assert!(again.contains(&words[0][words[0].len() - 7..]), "{again}");
    let mut other = Vault::new(&TagKey::new(b"another key"));
    let mut verdict = Verdict::default();
    let out = whole(
        text,
        Some(&guards),
        Form::Text,
        Placeholders::Make(&mut other),
        &mut verdict,
    );
    assert!(!out.unwrap().contains(words[0]));
}

#[test]
fn the_same_value_under_two_names_has_two_placeholders() {
    let rules = vec![rule(0, Matches::Patterns(0..2), Act::Restore)];
    let guards = guards_of(
        rules,
        &[("ROOM", "room [0-9]+"), ("SEAT-no", "seat [0-9]+")],
    );
    let mut vault = vault();
    let mut out = String::new();
    vault.put("ROOM", "7", &mut out);
    vault.put("SEAT-no", "7", &mut out);
    vault.put("ROOM", "7", &mut out);
    assert_eq!(vault.len(), 2);
    let (text, vault) = made("in room 12 on seat 3", &guards, Form::Text);
    assert!(text.contains("<SEAT_NO_1_"), "{text}");
    assert_eq!(
        at_once(&text, None, Form::Text, Some(&Rc::clone(&vault))).0,
        "in room 12 on seat 3"
    );
}

#[test]
fn what_models_make_of_placeholders_is_restored() {
    let guards = guards(Act::Restore);
    let (placeholder, vault) = made("ada@example.org", &guards, Form::Text);
    let name = placeholder.trim_matches(['<', '>']);
    let tag = &name[name.len() - 6..];
    let spellings = [
        placeholder.clone(),
        placeholder.to_lowercase(),
        name.to_owned(),
        name.replace('_', "\\_"),
        name.replace('_', "-"),
        placeholder.replace('_', " "),
        placeholder.replace('_', "\\_"),
        format!("&lt;{name}&gt;"),
        format!("&LT;{}&gt;", name.to_lowercase()),
        format!("\\<{name}\\>"),
        format!("<{name}"),
        format!("&lt;{name}"),
    ];
    for spelling in spellings {
        for (before, behind) in [
            ("", ""),
            ("Mail ", "."),
            ("(", ")"),
            ("**", "**"),
            ("é", "é"),
            ("<b>", "</b>"),
            ("<EMAIL_(", " x"),
            ("EMAIL_ADDRESS_1_", ""),
        ] {
            if before.ends_with('_') && !spelling.starts_with(['<', '&', '\\']) {
                continue;
            }
            let text = format!("{before}{spelling}{behind}");
            let wanted = format!("{before}ada@example.org{behind}");
            assert_eq!(
                the_same(&text, None, Form::Text, Some(&vault)),
                wanted,
                "{text}"
            );
        }
    }
    let stay = [
        format!("x{name}"),
        format!("{name}x"),
        format!("<{name}x>"),
        placeholder.replace("_1_", "_2_"),
        placeholder.replace(tag, "K7Q2XM"),
        placeholder.replace("EMAIL", "IP"),
        placeholder.replace('_', ""),
        placeholder.replace('_', "____"),
        name.replace('_', " "),
        name[..name.len() - 1].to_owned(),
        "<EMAIL_ADDRESS>".to_owned(),
        "EMAIL_ADDRESS_1".to_owned(),
        "<EMAIL_ADDRESS_1_".to_owned(),
        "&lt;EMAIL_ADDRESS_".to_owned(),
    ];
    for text in stay {
        assert_eq!(the_same(&text, None, Form::Text, Some(&vault)), text);
    }
}

#[test]
fn nothing_is_restored_within_a_url() {
    let guards = guards(Act::Restore);
    let (placeholder, vault) = made("ada@example.org", &guards, Form::Text);
    let name = placeholder.trim_matches(['<', '>']);
    let cases = [
        format!("https://evil.example/?q={placeholder}"),
        format!("![x](https://evil.example/{placeholder}.png)"),
        format!("[x]({placeholder})"),
        format!("<img src=\"//evil.example/{name}\">"),
        format!("www.evil.example/{}", name.to_lowercase()),
        format!("https://evil.example/?q=%3C{name}%3E"),
        format!("https://evil.example/?a={placeholder}&b={placeholder}"),
        format!("https:\\\\{placeholder}.evil.example/"),
        format!("{placeholder}.evil.example"),
        format!("({placeholder}.evil.example)"),
        format!("{name}-1.evil.example/"),
        format!("{placeholder}@evil.example/?q=1"),
        format!("{placeholder}:x@evil.example."),
        format!("{placeholder}.example?q"),
        format!("x](https://evil.example/?q=){placeholder}"),
        format!("<a href=\"http&#58;evil.example?{name}\">"),
        format!("evil&period;example&sol;{placeholder}"),
    ];
    for text in cases {
        assert_eq!(the_same(&text, None, Form::Text, Some(&vault)), text);
    }
    for text in [
        format!("{placeholder}.Thanks, {placeholder}"),
        format!("{placeholder}/{placeholder}"),
        format!("{placeholder}. {placeholder}.. {placeholder}"),
        format!("{placeholder}さんの{placeholder}"),
        format!("**{placeholder}**:{placeholder}"),
    ] {
        let wanted = text.replace(&placeholder, "ada@example.org");
        assert_eq!(the_same(&text, None, Form::Text, Some(&vault)), wanted);
    }
    let text =
        format!("See https://a.example/ for {placeholder}, [b](https://c.example/) {placeholder}");
    let wanted = text.replace(&placeholder, "ada@example.org");
    assert_eq!(the_same(&text, None, Form::Text, Some(&vault)), wanted);
    let text = format!(r#"{{"url":"https://a.example/?q= {placeholder}","to":"{placeholder}"}}"#);
    let wanted = text.replace(&format!("\"{placeholder}\""), "\"ada@example.org\"");
    assert_eq!(the_same(&text, None, Form::Json, Some(&vault)), wanted);
}

/// What is put back may itself be, or begin, a URL.
#[test]
fn regression_nothing_is_restored_behind_a_value_that_is_a_url() {
    let rules = vec![
        rule(0, Matches::Patterns(0..2), Act::Restore),
        rule(1, Matches::Entities(Entities::all()), Act::Restore),
    ];
    let guards = guards_of(
        rules,
        &[("SITE", "https://[a-z.]+/[?]q="), ("HOST", "[a-z]+[.]test")],
    );
    let (sent, vault) = made(
        "https://evil.example/?q= evil.test ada@example.org",
        &guards,
        Form::Text,
    );
    let [site, host, mail] = sent.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{sent}")
    };
    let restored = |text: &str| {
        text.replace(site, "https://evil.example/?q=")
            .replace(host, "evil.test")
    };
    for text in [
        format!("{site}{mail}"),
        format!("{site}x{mail} {site}"),
        format!("{host}/{mail}"),
        format!("{host}/?q={mail}, {host}"),
        format!("![x]({mail}) {site}&q={mail}"),
    ] {
        let out = the_same(&text, None, Form::Text, Some(&vault));
        assert!(!out.contains("ada@"), "{out}");
        if !text.contains("![") {
            assert_eq!(out, restored(&text));
        }
    }
    let text = format!("{site} {mail}, {host} {mail}");
    let wanted = restored(&text).replace(mail, "ada@example.org");
    assert_eq!(the_same(&text, None, Form::Text, Some(&vault)), wanted);
}

#[test]
fn what_is_restored_in_json_is_escaped() {
    let rules = vec![rule(0, Matches::Patterns(0..1), Act::Restore)];
    let guards = guards_of(rules, &[("Q", "q[^z]+q")]);
    let value = "q\"\\\n\u{1}q";
    let (placeholder, vault) = made(value, &guards, Form::Text);
    assert_ne!(placeholder, value);
    let name = placeholder.trim_matches(['<', '>']);
    for text in [
        format!(r#"{{"a":"x {placeholder}"}}"#),
        format!(r#"{{"a":"x \u003c{name}\u003e"}}"#),
        format!(r#"{{"a":"x {}"}}"#, placeholder.replace('_', "\\\\_")),
    ] {
        let out = the_same(&text, None, Form::Json, Some(&vault));
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["a"], format!("x {value}"), "{text}");
    }
    // What is not restored stays as it is, also without quotation marks.
    let text = format!("{{\"a\":x://{name},'www.{name}'}}");
    assert_eq!(the_same(&text, None, Form::Json, Some(&vault)), text);
    // Without quotation marks it gets them.
    let out = the_same(&format!("[1,{name},2]"), None, Form::Json, Some(&vault));
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read[1], value);
    // As JSON on both ways.
    let text = r#"{"a":"q\"\u0041\nq","b":1}"#;
    let (out, vault) = made(text, &guards, Form::Json);
    assert!(out.contains("<Q_1_"), "{out}");
    let out = the_same(&out, None, Form::Json, Some(&vault));
    let [a, b] = [text, &out].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(a, b);
}

#[test]
fn restored_values_and_placeholders_are_not_masked() {
    let restore = guards(Act::Restore);
    let block = guards_of(
        vec![
            rule(
                0,
                Matches::Entities(Entities::all()),
                Act::Mask(Style::Replace),
            ),
            rule(1, Matches::Patterns(0..1), Act::Block),
        ],
        &[("TAGGED", "[A-Z]+_1_[A-Z0-9]+")],
    );
    let (out, vault) = made("password: x1y2z3w4, ada@example.org", &restore, Form::Text);
    assert!(out.contains("SECRET_VALUE_1_"), "{out}");
    let answer = format!("{out}; not bob@example.org");
    let wanted = "password: x1y2z3w4, ada@example.org; not <EMAIL_ADDRESS>";
    assert_eq!(
        the_same(&answer, Some(&block), Form::Text, Some(&vault)),
        wanted
    );
    // What is found around a placeholder takes it along.
    let text = format!(
        "https://u:p4ss@h.example/{} x",
        out.split(' ').next_back().unwrap()
    );
    assert!(!the_same(&text, Some(&restore), Form::Text, Some(&vault)).contains('@'));
}

#[test]
fn what_looks_like_a_placeholder_comes_back_as_it_was() {
    let guards = guards(Act::Restore);
    let (real, _) = made("ada@example.org", &guards, Form::Text);
    let name = real.trim_matches(['<', '>']).to_owned();
    for lookalike in [
        real.clone(),
        name.clone(),
        real.to_lowercase(),
        real.replace('_', " "),
        format!("&lt;{name}&gt;"),
        "<PLACEHOLDER_1_K7Q2XM>".to_owned(),
    ] {
        let text = format!("mail ada@example.org, not {lookalike}!");
        let (out, vault) = made(&text, &guards, Form::Text);
        let sent = out.split("not ").nth(1).unwrap();
        assert!(sent.starts_with("<PLACEHOLDER_1_"), "{out}");
        assert_ne!(sent, "<PLACEHOLDER_1_K7Q2XM>!");
        assert_eq!(the_same(&out, None, Form::Text, Some(&vault)), text);
    }
    for text in [
        "credit card 2 ending in 4",
        "The EMAIL_ADDRESS_1 field",
        "PHONE_NUMBER_1_IOUL00",
    ] {
        assert_eq!(made(text, &guards, Form::Text).0, text);
    }
}

#[test]
fn a_full_vault_masks_for_good() {
    let mut vault = vault();
    let mut out = String::new();
    for index in 0..Vault::MOST_VALUES {
        vault.put("N", &index.to_string(), &mut out);
    }
    assert_eq!((vault.len(), vault.refused()), (Vault::MOST_VALUES, 0));
    out.clear();
    vault.put("N", "one more", &mut out);
    assert_eq!((out.as_str(), vault.refused()), ("<N>", 1));
    out.clear();
    vault.put("N", "17", &mut out);
    assert!(out.starts_with("<N_18_"), "{out}");
    let mut vault = self::vault();
    out.clear();
    let values = Vault::MOST_BYTES / Vault::MOST_VALUE;
    for index in 0..values {
        vault.put(
            "N",
            &format!("{index:0>width$}", width = Vault::MOST_VALUE),
            &mut out,
        );
    }
    assert_eq!((vault.len(), vault.refused()), (values, 0));
    vault.put("N", "y", &mut out);
    assert_eq!((vault.len(), vault.refused()), (values, 1));
    assert!(out.ends_with("<N>"), "{out}");
}

#[test]
fn a_long_value_is_masked_for_good() {
    let mut vault = vault();
    let mut out = String::new();
    vault.put("N", &"x".repeat(Vault::MOST_VALUE + 1), &mut out);
    assert_eq!((out.as_str(), vault.len(), vault.refused()), ("<N>", 0, 1));
    vault.put("N", &"x".repeat(Vault::MOST_VALUE), &mut out);
    assert_eq!((vault.len(), vault.refused()), (1, 1));
    let guards = guards(Act::Restore);
    let (out, vault) = made(&long_secrets()[3], &guards, Form::Text);
    assert!(out.starts_with("a <JWT_1_") && vault.len() == 2, "{out}");
    let (out, vault) = made(
        &long_secrets()[3].replace("aZ09", "aZ0912"),
        &guards,
        Form::Text,
    );
    assert!(out.starts_with("a <JWT> b <EMAIL_ADDRESS_1_"), "{out}");
    assert_eq!((vault.len(), vault.refused()), (1, 1));
}

/// Over all texts of a call: beyond the bound placeholders stay.
#[test]
fn what_is_restored_is_bounded() {
    for form in [Form::Text, Form::Json] {
        let mut vault = vault();
        let mut placeholder = String::new();
        vault.put("N", &"x".repeat(Vault::MOST_VALUE), &mut placeholder);
        let vault = Rc::new(vault);
        let most = Vault::MOST_RESTORED / Vault::MOST_VALUE;
        let text = format!("[\"{}\"]", format!("{placeholder} ").repeat(most - 1));
        let (out, _) = in_pieces(by_char(&text), None, form, Some(&vault));
        assert!(!out.contains(&placeholder));
        let (out, _) = at_once(&text, None, form, Some(&vault));
        assert_eq!(out.matches(&placeholder).count(), most - 2);
        assert_eq!(out.matches('x').count(), Vault::MOST_VALUE);
        let (out, _) = in_pieces(by_char(&text), None, form, Some(&vault));
        assert_eq!(out, text);
    }
}

#[test]
fn prose_is_hardly_held() {
    let text = "A gateway reads what passes, and it should not be felt: words go on as they come. ";
    let mut channel = Channel::new(Some(guards(Act::Mask(Style::Replace))), Form::Text, None);
    let mut verdict = Verdict::default();
    for word in text.split_inclusive(' ') {
        assert_eq!(channel.push(word, &mut verdict), word);
        assert_eq!(channel.held(), 0);
    }
    let (_, vault) = made("ada@example.org", &guards(Act::Restore), Form::Text);
    let mut channel = Channel::new(None, Form::Text, Some(vault));
    for word in text.split_inclusive(' ') {
        channel.push(word, &mut verdict);
        assert_eq!(channel.held(), 0);
    }
}

#[test]
fn what_is_held_is_bounded() {
    let (_, vault) = made("ada@example.org", &guards(Act::Restore), Form::Text);
    for text in long_secrets() {
        for form in [Form::Text, Form::Json] {
            let guards = guards(Act::Mask(Style::Replace));
            let mut channel = Channel::new(Some(guards), form, Some(Rc::clone(&vault)));
            let mut verdict = Verdict::default();
            for piece in by_char(&format!("[\"{text}")) {
                channel.push(piece, &mut verdict);
                assert!(
                    channel.held() <= crate::detect::LONGEST_REGION + 600,
                    "{}",
                    channel.held()
                );
            }
        }
    }
}

/// However a long secret is cut, a placeholder within it goes with it.
#[test]
fn placeholders_in_long_secrets_are_masked_with_them() {
    let (real, vault) = made("ada@example.org", &guards(Act::Restore), Form::Text);
    let replace = guards(Act::Mask(Style::Replace));
    let name = real.trim_matches(['<', '>']);
    for before in [
        "a------BEGIN EC PRIVATE KEY-----",
        "a -----BEGIN EC PRIVATE KEY-----\\n",
        "a -----BEGIN EC PRIVATE KEY-----\nMHcC",
    ] {
        for placeholder in [&real, name] {
            let text = format!("{before}{placeholder}");
            let out = the_same(&text, Some(&replace), Form::Text, Some(&vault));
            assert!(!out.contains("ada@example.org"), "{out} of {text}");
            the_same(&text, Some(&mixed()), Form::Text, Some(&vault));
            the_same(
                &format!("{text}\n{text} x"),
                Some(&replace),
                Form::Text,
                Some(&vault),
            );
            the_same(
                &format!("[\"{text}\"]"),
                Some(&replace),
                Form::Json,
                Some(&vault),
            );
        }
    }
}

/// Texts that are made to keep much undecided.
#[test]
fn hostile_texts_go_on_the_same_in_pieces() {
    let restore = guards(Act::Restore);
    let (real, vault) = made("ada@example.org", &restore, Form::Text);
    let texts = [
        real.repeat(200),
        format!("https://{}", real.repeat(200)),
        "<".repeat(3750),
        "&lt;".repeat(1000),
        "EMAIL_ADDRESS_1_".repeat(300),
        "<EMAIL_ADDRESS_1_ABCDEF".repeat(200),
        "](".repeat(2000),
        "\\".repeat(3750),
        format!("[\"{}", "\\u0041".repeat(625)),
        format!("[{}", "\"a\",1,".repeat(500)),
        format!("[{}", "\"a@b.org\",".repeat(300)),
        format!("[{}", "1".repeat(3750)),
    ];
    for text in &texts {
        for form in [Form::Text, Form::Json] {
            made(text, &restore, form);
            let whole = at_once(text, Some(&restore), form, Some(&vault));
            let pieces = text
                .as_bytes()
                .chunks(7)
                .map(|piece| std::str::from_utf8(piece).unwrap());
            let cut = in_pieces(pieces, Some(&restore), form, Some(&vault));
            assert_eq!((cut.0, said(&cut.1)), (whole.0, said(&whole.1)));
        }
    }
}

/// Texts of parts that mean something to the finders, in any order, and placeholders.
fn pieces() -> impl Strategy<Value = String> {
    let (real, _) = made("ada@example.org", &guards(Act::Restore), Form::Text);
    let mut seeds: Vec<String> = short_texts();
    let parts = [
        "\"",
        "\\",
        "\\u0040",
        "{\"a\":",
        "[",
        ",",
        "}",
        "https://",
        "](",
        " ",
        "<",
        "_",
        "&lt;",
        "\\n",
        "\\\"",
        "\\/",
        "\\\\\\u0040",
        "ada\\u0040example.org",
        "\\u0034111 1111 1111 1111",
        "\\ud83d\\ude00",
    ];
    seeds.extend(parts.map(str::to_owned));
    let real = prop_oneof![
        Just(real.clone()),
        Just(real.to_lowercase()),
        Just(real.replace('_', " "))
    ];
    let fragments = prop_oneof![
        6 => (proptest::sample::select(seeds), any::<u16>(), any::<u16>()).prop_map(|(text, a, b)| {
            let chars: Vec<char> = text.chars().collect();
            let [a, b] = [a, b].map(|place| usize::from(place) % (chars.len() + 1));
            chars[a.min(b)..a.max(b)].iter().collect()
        }),
        3 => real,
        2 => "[0-9 ()+./:@-]{0,24}",
        1 => "[(:,'\\[\\]]{0,3}",
        2 => "[a-zA-Z0-9@._=:\"' -]{0,16}",
        1 => "\\PC{0,6}",
        1 => Just("\u{200b}".to_owned()),
    ];
    proptest::collection::vec(fragments, 0..12).prop_map(|parts| parts.concat())
}

fn cut<'t>(text: &'t str, cuts: &[u16]) -> Vec<&'t str> {
    let mut places: Vec<usize> = cuts
        .iter()
        .map(|cut| usize::from(*cut) % (text.len() + 1))
        .collect();
    places.retain(|place| text.is_char_boundary(*place));
    places.extend([0, text.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|ends| &text[ends[0]..ends[1]])
        .collect()
}

/// Rules of all kinds that overlap.
fn mixed() -> Rc<Guards> {
    let rules = vec![
        rule(0, Matches::Patterns(0..1), Act::Mask(Style::KeepLast4)),
        rule(
            1,
            Matches::Entities(Entities::all()),
            Act::Mask(Style::Replace),
        ),
        rule(2, Matches::Patterns(1..2), Act::Block),
        rule(3, Matches::Patterns(2..3), Act::Monitor),
    ];
    guards_of(
        rules,
        &[
            ("DOT", r"[a-z]+\.[a-z ]+\w"),
            ("STOP", "11 [0-9]1|rg[,.] "),
            ("AT", "@e"),
        ],
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_pieces_goes_on_the_same(
        text in pieces(),
        cuts in proptest::collection::vec(any::<u16>(), 0..10),
        json in any::<bool>(),
    ) {
        let form = if json { Form::Json } else { Form::Text };
        let (_, vault) = made("ada@example.org", &guards(Act::Restore), Form::Text);
        let mixed = mixed();
        for guards in [Some(&mixed), None] {
            let (wanted, verdict) = at_once(&text, guards, form, Some(&vault));
            let (out, found) = in_pieces(cut(&text, &cuts), guards, form, Some(&vault));
            prop_assert_eq!(&out, &wanted);
            prop_assert_eq!(said(&found), said(&verdict));
        }
    }

    #[test]
    fn what_is_masked_is_restored(text in pieces(), cuts in proptest::collection::vec(any::<u16>(), 0..10)) {
        let restore = guards(Act::Restore);
        // No URLs.
        let text = text.replace(['/', '\\', ']', '?', '#'], "|").replace([':', 'w', 'W'], ";");
        let (sent, vault) = made(&text, &restore, Form::Text);
        let mut behind = sent.match_indices('>').map(|(at, _)| &sent[at + 1..]);
        prop_assume!(!behind.any(|text| host_ahead::is_part(text) || host_ahead::reaches_another(text)));
        let (out, _) = in_pieces(cut(&sent, &cuts), None, Form::Text, Some(&vault));
        prop_assert_eq!(out, text);
    }

    #[test]
    fn json_is_masked_to_json(parts in proptest::collection::vec(("\\PC{0,12}|[0-9]{16}|4111111111111111|a@b\\.org", any::<bool>()), 0..6), keep in any::<bool>()) {
        let values = parts.iter().map(|(text, number)| match text.parse::<u64>() {
            Ok(parsed) if *number => serde_json::Value::from(parsed),
            _ => serde_json::Value::from(text.as_str()),
        });
        let text = serde_json::Value::from(values.collect::<Vec<_>>()).to_string();
        let guards = guards(Act::Mask(if keep { Style::KeepLast4 } else { Style::Replace }));
        let (out, _) = at_once(&text, Some(&guards), Form::Json, None);
        let read: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(read.len(), parts.len());
        let (again, _) = at_once(&text, None, Form::Json, None);
        prop_assert_eq!(again, text);
    }
}
