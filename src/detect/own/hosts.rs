/*! Hosts that links may lead to.

Whether a link may be followed is decided by where *any* reader of it would go: browsers (the
URL standard of WHATWG), older parsers (RFC 3986), and renderers of Markdown, which differ.
What they would read differently is not allowed. */

/// Longest user, host and port together, in bytes.
const LONGEST: usize = 300;

/// Schemes whose authority is a host that is asked.
const SCHEMES: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];

/// Hosts that links may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    exact: Vec<String>,
    /// What names below begin behind, with its dot: `.example.org`.
    below: Vec<String>,
}

impl Hosts {
    /// Of `example.org`, which is this host, and `*.example.org`, which are those below it.
    /// Names of other scripts are given as they are sent, `xn--…`.
    ///
    /// # Errors
    ///
    /// The index of each that is neither, and what is wrong with it.
    pub fn new(list: Vec<String>) -> Result<Self, Vec<(usize, String)>> {
        let mut problems = Vec::new();
        let (mut exact, mut below) = (Vec::new(), Vec::new());
        for (index, one) in list.into_iter().enumerate() {
            let host = one.to_ascii_lowercase();
            match host.strip_prefix("*.") {
                Some(name) if is_name(name) => below.push(format!(".{name}")),
                None if is_name(&host) || is_v6(&host) => exact.push(host),
                _ => problems.push((index, problem(&one))),
            }
        }
        if problems.is_empty() {
            Ok(Self { exact, below })
        } else {
            Err(problems)
        }
    }

    /// Whether `url`, as it stands in a text, leads to one of them.
    pub fn allow(&self, url: &str) -> bool {
        // Browsers drop these wherever they stand.
        let url: String = url
            .chars()
            .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
            .collect();
        host(url.trim()).is_some_and(|host| self.has(&host))
    }

    fn has(&self, host: &str) -> bool {
        let is_below = |name: &String| {
            let front = host.strip_suffix(name.as_str());
            front.is_some_and(is_name)
        };
        self.exact.iter().any(|exact| exact == host) || self.below.iter().any(is_below)
    }
}

fn problem(host: &str) -> String {
    format!(
        "{host:?} is no host such as example.org or *.example.org, without scheme, port or path"
    )
}

/// Labels of letters, digits, hyphens and underscores between single dots.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_of_label);
    name.split('.').all(is_label)
}

const fn is_of_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_v6(host: &str) -> bool {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// The host that every reader would find, in lower case.
fn host(url: &str) -> Option<String> {
    let (rest, is_bare) = behind_scheme(url)?;
    let end = rest.find(['/', '?', '#']);
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    // Readers differ about which of several signs ends the user, and whether a backslash is
    // a slash; percent signs and character references are decoded by some.
    let is_plain =
        !authority.contains(['\\', '%', '&', '<', '>', '^', '|']) && authority.len() <= LONGEST;
    let mut parts = authority.rsplitn(2, '@');
    let place = parts.next().filter(|_| is_plain)?;
    // Without `//`, what stands before the sign may be a scheme.
    if parts
        .next()
        .is_some_and(|user| is_bare || user.contains('@'))
    {
        return None;
    }
    let place = if end.is_none() { trimmed(place) } else { place };
    without_port(place)
}

/// What follows `scheme://`, `//`, or nothing, and whether it is nothing.
fn behind_scheme(url: &str) -> Option<(&str, bool)> {
    let (rest, is_bare) = match url.split_once("//") {
        Some(("", rest)) => (rest, false),
        Some((front, rest)) if front.ends_with(':') => {
            let scheme = front
                .strip_suffix(':')
                .unwrap_or(front)
                .to_ascii_lowercase();
            SCHEMES
                .contains(&scheme.as_str())
                .then_some((rest, false))?
        }
        _ => (url, true),
    };
    (!rest.starts_with('/')).then_some((rest, is_bare))
}

/// Without the marks of the sentence around it.
fn trimmed(place: &str) -> &str {
    place.trim_end_matches(|c: char| {
        matches!(
            c,
            '.' | ','
                | ';'
                | ':'
                | '!'
                | '?'
                | '\''
                | '"'
                | ')'
                | '}'
                | '*'
                | '_'
                | '~'
                | '…'
                | '。'
                | '、'
                | '，'
        )
    })
}

/// The name or address of `host:port`, in lower case; one dot behind it is the same name.
fn without_port(place: &str) -> Option<String> {
    let is_v6 = place.starts_with('[');
    let end = if is_v6 {
        place.find(']')?.saturating_add(1)
    } else {
        let other = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        place.find(other).unwrap_or(place.len())
    };
    let (host, rest) = place.split_at_checked(end)?;
    let port = rest.strip_prefix(':').unwrap_or_default();
    let digits = port
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(port.len());
    let behind = if port.is_empty() {
        rest
    } else {
        port.get(digits..)?
    };
    if digits > 5 || !is_harmless(behind.strip_prefix(':').unwrap_or(behind)) {
        return None;
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (is_v6 || is_name(&host)).then_some(host)
}

/// Whether what stands right behind a host leaves it what it is, read as part of it or not:
/// text that begins with a mark, or a letter of a script that is written without spaces,
/// and in which nothing could be a dot.
fn is_harmless(behind: &str) -> bool {
    let marks = [
        '\'', '"', ')', ']', '}', ',', ';', '*', '=', '+', '!', '~', '(',
    ];
    let begins = behind.chars().next().is_none_or(|c| {
        marks.contains(&c)
            || matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
    });
    let is_dot = |c: char| matches!(c, '.' | '。' | '．' | '｡' | '․' | ':' | '@');
    let plain = |c: char| {
        c.is_ascii()
            || matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
    };
    begins && !behind.contains(is_dot) && behind.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> Hosts {
        Hosts::new(list.iter().map(|host| (*host).to_owned()).collect()).unwrap()
    }

    #[test]
    fn links_to_hosts_of_the_list_are_allowed() {
        let hosts = hosts(&[
            "good.org",
            "*.Example.com",
            "[2001:db8::1]",
            "127.0.0.1",
            "xn--mller-kva.de",
        ]);
        for url in [
            "https://good.org",
            "https://good.org/",
            "HTTPS://GOOD.ORG/Path?x=//evil.com@y#z",
            "http://good.org:8443/x",
            "https://good.org.",
            "https://good.org./x",
            "https://user@good.org/x",
            "https://user:pass@good.org/x",
            "//good.org/x",
            "wss://good.org/socket",
            "good.org/path",
            "good.org:8080/path",
            "https://good.org, ",
            "https://good.org).",
            "https://good.org')+x",
            "https://good.org에서",
            "https://good.org:",
            "https://a.example.com/x",
            "https://a.b-c.example.com",
            "http://[2001:db8::1]:80/x",
            "http://127.0.0.1:9000/",
            "https://xn--mller-kva.de/",
            "https://good.org?x=a.b",
            "https://good.org#a.b",
            "ht\ntps://go\tod.org/",
        ] {
            assert!(hosts.allow(url), "{url:?}");
        }
    }

    #[test]
    fn no_trick_leads_elsewhere() {
        let hosts = hosts(&["good.org", "*.example.com", "[::1]", "good.co"]);
        for url in [
            "",
            "https://",
            "//",
            "https:///",
            "https://evil.com",
            "https://good.org.evil.com",
            "https://evilgood.org",
            "https://www.good.org",
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://evil.com/.example.com",
            "https://evil.com?.example.com",
            "https://evil.com#good.org",
            // The user of another host.
            "https://good.org@evil.com",
            "https://good.org:443@evil.com/",
            "https://good.org%40evil.com",
            "https://evil.com@good.org@evil.com",
            "https://a@b@good.org",
            "good.org@evil.com",
            "//good.org@evil.com/x",
            // Backslashes.
            "https:\\\\evil.com",
            "https:\\\\evil.com\\good.org",
            "https://evil.com\\@good.org",
            "https://good.org\\.evil.com",
            "https://good.org\\@evil.com",
            "\\\\evil.com",
            "/\\evil.com",
            // Slashes.
            "//evil.com",
            "///evil.com",
            "https:/evil.com",
            "https:evil.com",
            "https:///good.org",
            "https:good.org",
            "/good.org",
            "http:/good.org//good.org",
            // What is decoded.
            "https://evil%2ecom",
            "https://good.org%2eevil.com",
            "https://good.org%00.evil.com",
            "https://%67ood.org",
            "https://good.org&period;evil.com",
            "https://good.org&#46;evil.com",
            "https&colon;//good.org",
            // What browsers drop.
            "https://good.org\t.evil.com",
            "https://good.org\n.evil.com",
            "https://good.org\r\n.evil.com/",
            // Dots and letters of other scripts.
            "https://good.org。evil.com",
            "https://good.org．evil.com",
            "https://good.org｡evil.com",
            "https://ｇｏｏｄ.org.evil.com",
            "https://ｅvil.com",
            "https://gооd.org",
            "https://good.org\u{200b}.evil.com",
            "https://good.org\u{ad}.evil.com",
            "https://good.co\u{24dc}",
            "https://good.co\u{1d426}",
            "https://good.coм",
            "https://evil.com／.example.com",
            "https://evil.com？.example.com",
            "https://evil.com＃.example.com",
            "https://evil.c℀.example.com",
            "https://evil。x.example.com",
            // What some read as part of the name.
            "https://good.org'.evil.com",
            "https://good.org).evil.com",
            "https://good.org,evil.com",
            "https://good.org;x.evil.com",
            "https://good.org*.evil.com/",
            "https://good.org .evil.com",
            "https://good.org|.evil.com",
            // Ports that are none.
            "https://good.org:80.evil.com",
            "https://good.org:8a@evil.com",
            "https://good.org:000000000080",
            // Addresses.
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::2]/",
            "http://[::1].evil.com/",
            "http://[::1]@evil.com/",
            "http://[::1",
            "http://[::ffff:1.2.3.4]/",
            // What is no host at all.
            "data:text/html,good.org",
            "data://good.org/x",
            "javascript://good.org/%0aalert(1)",
            "javascript:alert(1)",
            "mailto:a@good.org",
            "blob:https://good.org/1",
            "file://good.org/etc",
            "tel:123",
            "/path",
            "x/y//good.org",
            "?x",
            "#x",
            "..",
            "https://..",
        ] {
            assert!(!hosts.allow(url), "{url:?}");
        }
        let long = format!("https://good.org;{}@evil.com", "a".repeat(3000));
        assert!(!hosts.allow(&long));
        assert!(!hosts.allow(&long[..2000]));
        assert!(!Hosts::new(Vec::new()).unwrap().allow("https://good.org"));
    }

    #[test]
    fn what_is_no_host_is_told() {
        for host in [
            "",
            "*",
            "*.",
            "https://good.org",
            "good.org/x",
            "good.org:80",
            "a..b",
            ".a",
            "a.*.b",
            "**.a",
            "mü.de",
            "a b",
            "user@good.org",
            "[::1",
            "[x]",
            "good.org.",
        ] {
            let list = vec![String::from("good.org"), String::from(host)];
            let problems = Hosts::new(list).unwrap_err();
            assert_eq!(problems.len(), 1, "{host}");
            assert_eq!(problems[0].0, 1);
        }
    }
}
