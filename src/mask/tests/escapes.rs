//! Escapes of JSON in texts that are none: JSON that somebody has pasted.

use super::*;

fn masked(text: &str, style: Style) -> String {
    the_same(text, Some(&guards(Act::Mask(style))), Form::Text, None)
}

#[test]
fn regression_escapes_in_plain_text_hide_nothing() {
    let cases = [
        (
            r#"{"mail":"jo\u0040example.org"} please"#,
            r#"{"mail":"<EMAIL_ADDRESS>"} please"#,
        ),
        (
            r#"Say {"a":"x\nada@example.org\n\"y\""}"#,
            r#"Say {"a":"x\n<EMAIL_ADDRESS>\n\"y\""}"#,
        ),
        (
            r#"{\"a\":\"\nada\\u0040example.org\"}"#,
            r#"{\"a\":\"\n<EMAIL_ADDRESS>\"}"#,
        ),
        (r"\\\\u0061da\\\\u0040example.org", "<EMAIL_ADDRESS>"),
        (r"card:\n4111111111111111\t", r"card:\n<CREDIT_CARD>\t"),
        (
            r"card \u0034111111111111\u0031\uff11\u0031 x",
            "card <CREDIT_CARD> x",
        ),
        (r"call +1 212 \u0035550123 now", "call <PHONE_NUMBER> now"),
        (
            r"pass\u0077ord = aX9\u00239kQzv4",
            r"pass\u0077ord = <SECRET_VALUE>",
        ),
        (
            r"\ud83d\ude00ada\u0040example.org",
            r"\ud83d\ude00<EMAIL_ADDRESS>",
        ),
        (r"ada\u0040example.org\", r"<EMAIL_ADDRESS>\"),
        (r"ada\u0040example.org\u00", r"<EMAIL_ADDRESS>\u00"),
    ];
    for (text, wanted) in cases {
        assert_eq!(masked(text, Style::Replace), wanted, "{text}");
    }
}

#[test]
fn regression_pairs_are_read_the_same_however_they_are_cut() {
    let smile = guards_of(
        vec![rule(0, Matches::Patterns(0..1), Act::Mask(Style::Replace))],
        &[("SMILE", "\u{1f600}[a-z]+")],
    );
    for depth in 1..=8 {
        let slash = "\\".repeat(depth);
        let masked = |text: &str| the_same(text, Some(&smile), Form::Text, None);
        let pair = format!("x {slash}ud83d{slash}ude00");
        assert_eq!(masked(&format!("{pair}ada.")), "x <SMILE>.", "{depth}");
        // With one backslash less or more it is no second half.
        let half = format!("x {slash}ud83d{}", "\\".repeat(depth - 1));
        for behind in ["", "a", "ude00ada", r"\\ude00ada", "😀a", "\\"] {
            let text = format!("{half}{behind}");
            assert_eq!(masked(&text), text.replace("😀a", "<SMILE>"));
        }
    }
}

#[test]
fn backslashes_of_prose_are_none() {
    let texts = [
        r"C:\users\new\table\report.txt",
        r"\\server\backup\folder\2024-01-01",
        r"\nabla \times \beta + \frac{a}{b} \rightarrow \ubar",
        r"\b\d{3}-\d{2}-\d{4}\b matches \u and \u00g0",
        r"print('a\n\tb\\n')",
        r"version:\n1.2.3.4",
        "\\",
        "a \\\\\\\\\\\\\\\\\\\\\\\\n b",
    ];
    for text in texts {
        assert_eq!(masked(text, Style::Replace), text);
    }
}

#[test]
fn what_is_found_as_written_stays_found() {
    let cases = [
        (
            r"postgres://ada:p\new\u0041x@db.example.org/x y",
            "<CONNECTION_STRING> y",
        ),
        (r"CORP\nada@example.org", r"CORP\n<EMAIL_ADDRESS>"),
    ];
    for (text, wanted) in cases {
        assert_eq!(masked(text, Style::Replace), wanted, "{text}");
    }
}

#[test]
fn what_both_readings_find_counts_once() {
    let replace = guards(Act::Mask(Style::Replace));
    for (text, wanted) in [
        (r"a\nb bob@example.org c", 1),
        (r"CORP\nada@example.org", 1),
        (r"b@example.org\u002ecom x@example.org", 2),
        (r"\n4111111111111111 4111111111111111", 2),
    ] {
        the_same(text, Some(&replace), Form::Text, None);
        let (_, verdict) = at_once(text, Some(&replace), Form::Text, None);
        let counts: u64 = verdict.found().map(|(_, _, count)| count).sum();
        assert_eq!(
            (counts, verdict.places().len()),
            (wanted, wanted as usize),
            "{text}"
        );
    }
}

#[test]
fn masks_show_what_is_meant_and_stay_within_their_string() {
    let cases = [
        (
            r#"{"a":"ada\u0040example.org"}"#,
            r#"{"a":"***@******e.org"}"#,
        ),
        (
            r#"{"a":"password = 'a\"b\\u0021Xk39\/v'"}"#,
            r#"{"a":"password = '*\"*!**39/v'"}"#,
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(masked(text, Style::KeepLast4), wanted, "{text}");
    }
    let key = || super::super::HashKey::new(String::from("key of 16 bytes.")).unwrap();
    let [plain, escaped] = ["ada@example.org", r"\u0061da\u0040example.org"]
        .map(|text| masked(text, Style::Hash(key())));
    assert_eq!(plain, escaped);
}

#[test]
fn what_is_meant_is_restored() {
    let restore = guards(Act::Restore);
    let (sent, vault) = made(
        r#"{"a":"ada\u0040example.org","b":"ada@example.org"}"#,
        &restore,
        Form::Text,
    );
    let name = sent.split('"').nth(3).unwrap();
    assert_eq!(sent, format!(r#"{{"a":"{name}","b":"{name}"}}"#));
    let answer = format!("Write to {name}.");
    let (out, _) = in_pieces(by_char(&answer), None, Form::Text, Some(&vault));
    assert_eq!(out, "Write to ada@example.org.");
}

#[test]
fn strings_in_arguments_of_tools_may_be_json_themselves() {
    let replace = guards(Act::Mask(Style::Replace));
    let text = r#"{"body":"{\"to\":\"ada\\u0040example.org\"}"}"#;
    let wanted = r#"{"body":"{\"to\":\"<EMAIL_ADDRESS>\"}"}"#;
    assert_eq!(the_same(text, Some(&replace), Form::Json, None), wanted);
}

#[test]
fn long_secrets_are_masked_once_in_both_readings() {
    let line = r"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n";
    let key = format!(
        r#"{{"key":"-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n"}} and ada\u0040example.org"#,
        line.repeat(90)
    );
    let out = masked(&key, Style::Replace);
    assert_eq!(out.matches("<PRIVATE_KEY>").count(), 1, "{out}");
    assert!(!out.contains("MIIE"), "{out}");
    assert!(out.ends_with(r#"\n"} and <EMAIL_ADDRESS>"#), "{out}");
    let (_, verdict) = at_once(&key, Some(&guards(Act::Monitor)), Form::Text, None);
    let counts: Vec<u64> = verdict.found().map(|(_, _, count)| count).collect();
    assert_eq!(counts, [1, 1]);
}

#[test]
fn what_is_held_for_an_escape_is_bounded() {
    let replace = guards(Act::Mask(Style::Replace));
    let mut channel = Channel::new(Some(replace), Form::Text, None);
    let mut verdict = Verdict::default();
    let mut most = 0;
    for piece in [r"\u0061", r"\\u0041", r"\", r"\\", r"\u00"].repeat(4000) {
        channel.push(piece, &mut verdict);
        most = most.max(channel.held());
    }
    assert!(most < 24 * 1024, "{most}");
    let mut channel = Channel::new(Some(guards(Act::Monitor)), Form::Text, None);
    channel.push("\\u12", &mut verdict);
    assert_eq!(channel.held(), 4);
    channel.push("x. ", &mut verdict);
    assert_eq!(channel.held(), 0);
}

/// What begins within an escape was once looked for among all that had been found: if it took
/// the square of their number, this would not end.
#[test]
fn regression_findings_behind_escapes_are_not_looked_for_among_all() {
    const LINES: usize = 200_000;
    let monitor = guards(Act::Monitor);
    let text = r"\na@b.co ".repeat(LINES);
    let mut verdict = Verdict::default();
    let off = Placeholders::Off;
    let out = whole(&text, Some(&monitor), Form::Text, off, &mut verdict);
    let counts: u64 = verdict.found().map(|(_, _, count)| count).sum();
    assert_eq!((out, counts), (None, LINES as u64));
}
