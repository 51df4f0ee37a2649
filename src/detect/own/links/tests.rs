use super::super::super::search::testing::{found, found_however_cut};
use super::super::super::{Hosts, Search};
use super::*;
use proptest::prelude::*;

fn search() -> Search {
    Search {
        links: true,
        ..Search::default()
    }
}

#[track_caller]
fn of(text: &str) -> Vec<&str> {
    let hits = found_however_cut(&search(), text);
    hits.iter().map(|hit| &text[hit.1..hit.2]).collect()
}

#[test]
fn targets_that_lead_elsewhere_are_found() {
    for (text, link) in [
        ("see https://evil.com/x.", "https://evil.com/x"),
        ("see (ftp://evil.com)!", "ftp://evil.com"),
        ("wss://evil.com:1/x,", "wss://evil.com:1/x"),
        ("http://2130706433/x y", "http://2130706433/x"),
        ("http://[::1]:80/x] y", "http://[::1]:80/x"),
        ("https:\\\\evil.com", "https:\\\\evil.com"),
        ("https://good.org'.evil.com x", "https://good.org'.evil.com"),
        ("my-app+x://evil.com", "my-app+x://evil.com"),
        ("![x](//evil.com/?q=secret)", "//evil.com/?q=secret"),
        ("![x]( //evil.com/a \"title\")", "//evil.com/a"),
        ("[x](<//evil.com/a b>)", "//evil.com/a b"),
        ("[x](\\\\evil.com)", "\\\\evil.com"),
        ("[x](/\\evil.com)", "/\\evil.com"),
        ("[x](\\/\\/evil.com)", "\\/\\/evil.com"),
        ("[x](//evil.com/(a)b)c", "//evil.com/(a)b"),
        ("[x](data:text/html,hi)", "data:text/html,hi"),
        ("[x](javascript:alert)", "javascript:alert"),
        ("[x](custom:abc)", "custom:abc"),
        ("[x](https\\://evil.com)", "https\\://evil.com"),
        ("[x](https&colon;//evil.com)", "https&colon;//evil.com"),
        ("[x](&#47;&#x2f;evil.com)", "&#47;&#x2f;evil.com"),
        (
            "[x](h&#116;tps&#58;//evil.com)",
            "h&#116;tps&#58;//evil.com",
        ),
        ("[ref]: //evil.com/x\n", "//evil.com/x"),
        ("[ref]:\n  <//evil.com/x>\n", "//evil.com/x"),
        ("<img src=\"//evil.com/x\">", "//evil.com/x"),
        ("<img src='//evil.com/x' alt>", "//evil.com/x"),
        ("<img SRC = //evil.com/x>", "//evil.com/x"),
        ("<a href=\"\n //evil.com\t.org\">", "//evil.com\t.org"),
        ("<a href=\"/\t/evil.com\">", "/\t/evil.com"),
        (
            "<a href=\"https://go\nod.evil.com/\">",
            "https://go\nod.evil.com/",
        ),
        ("<a href=\"java\nscript:x\">", "java\nscript:x"),
        ("<a href=\"&#x2F;/evil.com\">", "&#x2F;/evil.com"),
        ("<img srcset=\"a.png 1x, //evil.com/b 2x\">", "//evil.com/b"),
        ("<meta content=\"0;url=//evil.com\">", "//evil.com"),
        ("<mailto:a@evil.com>", "mailto:a@evil.com"),
        ("a{background:url(//evil.com/x)}", "//evil.com/x"),
        ("a{background:URL( '//evil.com/x' )}", "//evil.com/x"),
        ("@import \"//evil.com/x.css\";", "//evil.com/x.css"),
    ] {
        assert_eq!(of(text), [link], "{text:?}");
    }
}

#[test]
fn regression_zeros_of_references_hide_nothing() {
    let zeros = "0".repeat(80);
    for colon in [format!("&#{zeros}58;"), format!("&#x{zeros}3a;")] {
        let link = format!("https{colon}//evil.com");
        assert_eq!(of(&format!("[x]({link}) y")), [link.as_str()]);
    }
    assert!(of(&format!("[x](a{}#{zeros}58) y", "&a".repeat(4))).is_empty());
}

#[test]
fn links_within_links_are_found() {
    for (text, links) in [
        (
            "[https://good.org](//evil.com/x)",
            vec!["https://good.org", "//evil.com/x"],
        ),
        (
            "[a](https://good.org/(![x](//evil.com/d)",
            vec!["https://good.org/(![x](", "//evil.com/d"],
        ),
        (
            "[a](https://good.org/<img src=//evil.com>)",
            vec!["https://good.org/", "//evil.com"],
        ),
        (
            "<a href=\"https://good.org/<img src=//evil.com>",
            vec!["https://good.org/<img src=", "//evil.com"],
        ),
        (
            "https://good.org,https://evil.com",
            vec!["https://good.org,", "https://evil.com"],
        ),
        (
            "https://good.org/?to=https://evil.com/",
            vec!["https://good.org/?to=", "https://evil.com/"],
        ),
        (
            "[a](//good.org)[b](//evil.com)",
            vec!["//good.org", "//evil.com"],
        ),
    ] {
        assert_eq!(of(text), links, "{text:?}");
    }
}

#[test]
fn what_stays_within_the_site_is_none() {
    for text in [
        "plain text, with a: colon; and/or slashes // like these",
        "it has https:// in it, and http://",
        "[x](/path/y) ![y](img.png) [z](#a:b) [r]: a/b:c [q](?a:b)",
        "array[i](x) a[0]: 7, a = b; c=d/e // comment",
        "<a href=\"/x\" class='y:z'> </a> <br/> <xs:element> a < b",
        "std::vec::Vec, C++ 12:30, a&b=c&#39;d",
        "<p title=\"Bob&#39;s\">",
        "url(x.png) 'it' \"is\"",
        "= // comment",
    ] {
        assert_eq!(of(text), [""; 0], "{text:?}");
    }
}

#[test]
fn hosts_judge_what_is_found() {
    let hosts = Hosts::new(vec![String::from("good.org")]).unwrap();
    for (text, allowed) in [
        ("see https://good.org/x, and ", true),
        ("(https://good.org).", true),
        ("'https://good.org/x'", true),
        ("[x](//good.org/x)", true),
        ("<img src=\"//good.org/x\">", true),
        ("https://good.org에서", true),
        ("https://good.org'.evil.com", false),
        ("https://good.org).evil.com", false),
        ("https://good.org@evil.com", false),
        ("<a href=\"https://good.org\t.evil.com\">", false),
        ("[x](https://good.org\\.evil.com)", false),
        ("[x](https://good.org&period;evil.com)", false),
        ("[x](data:,)", false),
    ] {
        let links = of(text);
        assert!(!links.is_empty(), "{text:?}");
        assert_eq!(
            links.iter().all(|link| hosts.allow(link)),
            allowed,
            "{text:?}"
        );
    }
}

#[test]
fn a_long_link_goes_on_in_parts() {
    let text = format!("x https://evil.com/{}. y", "a.".repeat(4000));
    let pieces = || text.char_indices().map(|(at, _)| &text[at..=at]);
    let end = text.len() - 4;
    assert_eq!(found(&search(), pieces()), [(What::Link, 2, end)]);
    let mut links = Links::default();
    let mut hits = Vec::new();
    for (piece, at) in pieces().zip(0..) {
        links.push(piece, &mut hits);
        assert!(at - links.settled().min(at) <= LONGEST + 1);
    }
    assert_eq!(hits[0].part, Part::First);
    assert_eq!(hits[1].part, Part::Next);
}

#[test]
fn text_is_held_only_while_a_link_can_come() {
    for (text, upto) in [
        ("plain text ", 11),
        ("plain text htt", 11),
        ("plain text https:", 11),
        ("plain text https: ", 18),
        ("https://evil.com/", 0),
        ("https://evil.com/ ", 18),
        ("[x](", 4),
        ("[x](/", 4),
        ("[x](/a", 5),
        ("x = ", 4),
    ] {
        let mut links = Links::default();
        links.push(text, &mut Vec::new());
        assert_eq!(links.settled(), upto, "{text:?}");
    }
    for unit in ["a", "/", ".", "=", "](", "&#47", "https://", "\""] {
        let mut links = Links::default();
        let text = unit.repeat(10_000 / unit.len());
        for at in 0..text.len() {
            links.push(&text[at..=at], &mut Vec::new());
            assert!(
                at - links.settled().min(at) <= LONGEST + LONGEST_MARKS,
                "{unit} {at}"
            );
        }
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        parts in proptest::collection::vec(0_usize..22, 0..16),
        cuts in proptest::collection::vec(0_usize..120, 0..6),
    ) {
        let all = ["https:", "//", "evil.com", "/", "\\", "](", "]:", "<", ">", "\"", "'", "=", " ",
            "&#47;", "data:", "(", ")", ".", "a", "[", "\n", "한"];
        let text: String = parts.iter().map(|part| all[*part]).collect();
        let mut at: Vec<usize> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
        at.retain(|at| *at <= text.len());
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        let whole = found(&search(), [text.as_str()]);
        prop_assert_eq!(found(&search(), pieces), whole);
    }
}
