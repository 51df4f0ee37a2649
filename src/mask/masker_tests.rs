/*! However a text is cut, the same is masked. */

use super::super::Style;
use super::{Masked, Masker, Masks, mask};
use crate::detect::{Entities, Entity, Finding, Part};
use proptest::prelude::*;
use std::rc::Rc;

fn all() -> Rc<Masks> {
    Rc::new(Masks {
        wanted: Entities::all(),
        styles: vec![(Entities::all(), Style::Replace)],
    })
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

fn texts() -> Vec<String> {
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
    ];
    texts
        .map(str::to_owned)
        .into_iter()
        .chain(long_secrets())
        .collect()
}

/// Findings in parts, put together.
fn whole(found: Vec<Finding>) -> Vec<Finding> {
    let mut whole: Vec<Finding> = Vec::new();
    for part in found {
        match whole.last_mut() {
            Some(last) if part.part == Part::Next => last.end = part.end,
            _ => whole.push(part),
        }
    }
    whole
}

fn in_pieces<'t>(pieces: impl IntoIterator<Item = &'t str>, masks: &Rc<Masks>) -> Masked {
    let mut masker = Masker::new(Rc::clone(masks));
    let mut all = Masked::default();
    let mut add = |part: Masked| {
        all.text.push_str(&part.text);
        all.found.extend(part.found);
    };
    for piece in pieces {
        add(masker.push(piece));
    }
    add(masker.finish());
    all.found = whole(all.found);
    all
}

fn at_once(text: &str, masks: &Rc<Masks>) -> Masked {
    let mut masked = mask(text, Rc::clone(masks));
    masked.found = whole(masked.found);
    masked
}

#[test]
fn a_text_cut_anywhere_is_masked_the_same() {
    let masks = all();
    for text in texts() {
        let wanted = at_once(&text, &masks);
        let step = (text.len() / 400).max(1);
        let cuts = (0..=text.len()).step_by(step);
        for cut in cuts.filter(|cut| text.is_char_boundary(*cut)) {
            let (a, b) = text.split_at(cut);
            assert_eq!(in_pieces([a, b], &masks), wanted, "{cut} of {text:?}");
        }
        let mut buffer = [0; 4];
        let mut masker = Masker::new(Rc::clone(&masks));
        let mut one_by_one = String::new();
        for c in text.chars() {
            one_by_one.push_str(&masker.push(c.encode_utf8(&mut buffer)).text);
        }
        one_by_one.push_str(&masker.finish().text);
        assert_eq!(one_by_one, wanted.text, "{text:?}");
    }
}

#[test]
fn what_is_found_is_masked_and_the_rest_is_as_it_was() {
    let masks = all();
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
    for (text, wanted) in cases {
        assert_eq!(mask(text, Rc::clone(&masks)).text, wanted);
    }
    let long = long_secrets();
    let text = |index: usize| mask(&long[index], Rc::clone(&masks)).text;
    assert_eq!(text(0), "a <PRIVATE_KEY> b");
    assert_eq!(text(1), "a <PRIVATE_KEY>");
    assert!(text(2).ends_with(" the text goes on"), "{}", text(2));
    assert_eq!(text(3), "a <JWT> b <EMAIL_ADDRESS>");
}

#[test]
fn entities_without_a_style_are_found_and_stay() {
    let masks = Rc::new(Masks {
        wanted: Entities::all(),
        styles: vec![(
            [Entity::EmailAddress].into_iter().collect(),
            Style::KeepLast4,
        )],
    });
    let masked = mask("ada@example.org from 10.0.0.1", masks);
    assert_eq!(masked.text, "***@******e.org from 10.0.0.1");
    assert_eq!(masked.found.len(), 2);
}

#[test]
fn prose_is_hardly_held() {
    let text = "A gateway reads what passes, and it should not be felt: words go on as they come. ";
    let mut masker = Masker::new(all());
    let mut most = 0;
    for word in text.split_inclusive(' ') {
        masker.push(word);
        most = most.max(masker.held());
    }
    assert_eq!(most, 0);
}

#[test]
fn what_is_held_is_bounded() {
    for text in long_secrets() {
        let mut masker = Masker::new(all());
        for c in text.chars() {
            masker.push(&c.to_string());
            assert!(
                masker.held() <= crate::detect::LONGEST_REGION + 4,
                "{}",
                masker.held()
            );
        }
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let seeds: Vec<String> = texts()
        .into_iter()
        .filter(|text| text.len() < 200)
        .collect();
    let fragments = prop_oneof![
        6 => (proptest::sample::select(seeds), any::<u16>(), any::<u16>()).prop_map(|(text, a, b)| {
            let chars: Vec<char> = text.chars().collect();
            let [a, b] = [a, b].map(|place| usize::from(place) % (chars.len() + 1));
            chars[a.min(b)..a.max(b)].iter().collect()
        }),
        2 => "[0-9 ()+./:@-]{0,24}",
        2 => "[a-zA-Z0-9@._=:\"' -]{0,16}",
        1 => "\\PC{0,6}",
        1 => Just("\u{200b}".to_owned()),
    ];
    proptest::collection::vec(fragments, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_pieces_is_masked_the_same(
        text in pieces(),
        cuts in proptest::collection::vec(any::<u16>(), 0..10),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) % (text.len() + 1)).collect();
        places.retain(|place| text.is_char_boundary(*place));
        places.sort_unstable();
        let mut cut = Vec::new();
        let mut from = 0;
        for place in places {
            cut.push(&text[from..place]);
            from = place;
        }
        cut.push(&text[from..]);
        let masks = all();
        let wanted = at_once(&text, &masks);
        prop_assert_eq!(in_pieces(cut, &masks), wanted);
    }

    #[test]
    fn findings_are_in_order_and_apart(text in pieces()) {
        let found = crate::detect::find(&text, Entities::all());
        let mut from = 0;
        for finding in found {
            prop_assert!(from <= finding.start && finding.start < finding.end && finding.end <= text.len());
            prop_assert!(text.is_char_boundary(finding.start) && text.is_char_boundary(finding.end));
            from = finding.end;
        }
    }
}
