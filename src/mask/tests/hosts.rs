//! Values that make a host together, or a URL that none of them is by itself.

use super::*;

/// The placeholders of values, and the vault that restores them.
fn placeholders<const N: usize>(values: [&str; N]) -> ([String; N], Rc<Vault>) {
    let mut vault = vault();
    let made = values.map(|value| {
        let mut out = String::new();
        vault.put("VALUE", value, &mut out);
        out
    });
    (made, Rc::new(vault))
}

fn bare(placeholder: &str) -> &str {
    placeholder.trim_matches(['<', '>'])
}

fn restored(text: &str, vault: &Rc<Vault>) -> String {
    the_same(text, None, Form::Text, Some(vault))
}

#[test]
fn regression_values_make_no_host_together() {
    let values = ["123-45-6789", "x.evil.com/p", "evil", "com/p", "x@evil.com"];
    let ([number, url, label, top, mail], vault) = placeholders(values);
    let cases = [
        (format!("{number}.{url}"), format!("123-45-6789.{url}")),
        (format!("{number}{url}"), format!("123-45-6789{url}")),
        (format!("{number}-{url}"), format!("123-45-6789-{url}")),
        (format!("{number}@{url} "), format!("123-45-6789@{url} ")),
        (
            format!("{number}さんの{url}"),
            format!("123-45-6789さんの{url}"),
        ),
        (format!("{number}.x{url}"), format!("123-45-6789.x{url}")),
        (
            format!("{}.{}, x", bare(&number), bare(&url)),
            format!("123-45-6789.{}, x", bare(&url)),
        ),
        (
            format!("{number}.{label}.{top}"),
            format!("123-45-6789.evil.{top}"),
        ),
        (
            format!("{number}.{label}.com/p"),
            format!("123-45-6789.{label}.com/p"),
        ),
        (format!("{number}{mail}"), format!("123-45-6789{mail}")),
        (format!("{number}.{mail}"), format!("123-45-6789.{mail}")),
    ];
    for (text, wanted) in cases {
        assert_eq!(restored(&text, &vault), wanted, "{text}");
    }
    for text in [
        format!("{number}, {url}"),
        format!("{number} {url}"),
        format!("{number}. {mail}"),
        format!("{number}さんの{mail}"),
        format!("{number}.\n{mail}"),
        format!("{number}.{number}"),
        format!("{label}.{label}"),
        format!("({number})({mail})"),
    ] {
        let (out, _) = at_once(&text, None, Form::Text, Some(&vault));
        assert!(!out.contains("VALUE"), "{out} of {text}");
        assert_eq!(restored(&text, &vault), out);
    }
}

#[test]
fn regression_a_url_with_an_at_sign_is_no_address() {
    let values = ["www.evil.example/@a?q=", "evil.example?@q=", "123-45-6789"];
    let ([url, query, number], vault) = placeholders(values);
    for text in [&url, &query] {
        let out = restored(&format!("{text}{number}"), &vault);
        assert!(!out.contains("123"), "{out}");
    }
}

#[test]
fn regression_schemes_begin_at_the_ends_of_lines() {
    let ([number], vault) = placeholders(["123-45-6789"]);
    for scheme in ["mailto", "sms", "smsto", "xmpp", "sip", "skype", "data"] {
        for before in ["Write here\n", "Text me\r\n", "1\t"] {
            let text = format!("{before}{scheme}:?to=x@evil.example&body={number}");
            assert_eq!(restored(&text, &vault), text);
        }
    }
    for colon in ["&#0000000000000000058;", "&#x00000000000000000003a;"] {
        let text = format!("mailto{colon}?to=x@evil.example&body={number}");
        assert_eq!(restored(&text, &vault), text);
    }
}

#[test]
fn regression_bare_placeholders_in_a_row_are_all_restored() {
    let (made, vault) = placeholders(["a1", "b2", "c3", "d4"]);
    let [a, b, c, d] = made.each_ref().map(|made| bare(made));
    for sign in [".", ":", "-", "\\"] {
        let text = [a, b, c, d].join(sign);
        let wanted = ["a1", "b2", "c3", "d4"].join(sign);
        assert_eq!(restored(&text, &vault), wanted);
        if sign != "\\" {
            let json = format!(r#"["{text}","x",[1,"{text}"]]"#);
            let wanted = format!(r#"["{wanted}","x",[1,"{wanted}"]]"#);
            assert_eq!(the_same(&json, None, Form::Json, Some(&vault)), wanted);
        }
    }
}
