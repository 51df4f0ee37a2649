/*! What everything that looks at URLs has to agree on: which schemes carry text away, and which
character references of HTML hide what makes a URL one. */

/// Schemes that carry text away, or code in.
pub const SCHEMES: [&str; 25] = [
    "blob",
    "data",
    "file",
    "ftp",
    "ftps",
    "gopher",
    "http",
    "https",
    "intent",
    "javascript",
    "ldap",
    "mailto",
    "sftp",
    "sip",
    "sips",
    "skype",
    "smb",
    "sms",
    "smsto",
    "ssh",
    "tel",
    "vbscript",
    "ws",
    "wss",
    "xmpp",
];

/// Longest character reference that is read, in bytes, from `&` on.
pub const LONGEST_REFERENCE: usize = 16;

/// Names of references to signs that URLs are made of.
const NAMED: [(&str, u8); 14] = [
    ("Tab", b'\t'),
    ("NewLine", b'\n'),
    ("num", b'#'),
    ("period", b'.'),
    ("sol", b'/'),
    ("colon", b':'),
    ("quest", b'?'),
    ("commat", b'@'),
    ("bsol", b'\\'),
    ("equals", b'='),
    ("lpar", b'('),
    ("rpar", b')'),
    ("lsqb", b'['),
    ("rsqb", b']'),
];

/// What stands behind the `&` of a character reference of HTML, without its semicolon: the sign
/// of ASCII that it means. Names in any case: some readers take them so.
pub fn reference(name: &[u8]) -> Option<u8> {
    if let Some(digits) = name.strip_prefix(b"#") {
        return numbered(digits);
    }
    let is = |known: &&(&str, u8)| known.0.as_bytes().eq_ignore_ascii_case(name);
    NAMED.iter().find(is).map(|(_, sign)| *sign)
}

fn numbered(digits: &[u8]) -> Option<u8> {
    let (digits, base) = match digits.split_first() {
        Some((b'x' | b'X', hex)) => (hex, 16),
        _ => (digits, 10),
    };
    let plain = digits.iter().all(u8::is_ascii_alphanumeric);
    let digits = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    let code = u8::from_str_radix(digits, base).ok()?;
    code.is_ascii().then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_mean_signs() {
        for (name, sign) in [
            ("colon", Some(b':')),
            ("Sol", Some(b'/')),
            ("NewLine", Some(b'\n')),
            ("#58", Some(b':')),
            ("#0000058", Some(b':')),
            ("#x3A", Some(b':')),
            ("#X002f", Some(b'/')),
            ("#x1f600", None),
            ("#200", None),
            ("#", None),
            ("#+58", None),
            ("amp", None),
            ("", None),
        ] {
            assert_eq!(reference(name.as_bytes()), sign, "{name}");
        }
    }
}
