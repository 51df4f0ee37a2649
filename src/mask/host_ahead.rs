/*! Whether what stands right behind a placeholder makes it a part of a host, or the user of one:
`<NAME_1_…>.evil.example`, `<NAME_1_…>@evil.example`. Clients make links of those, and names of
hosts are asked for as soon as somebody looks. */

/// Most bytes that a host is followed over: more than names of hosts may have.
const LONGEST: u16 = 256;

/// Longest label of a host, in bytes.
const LONGEST_LABEL: u8 = 63;

/// Reads what follows a placeholder, byte by byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostAhead {
    length: u16,
    /// Whether a full stop or `@` has come: only behind it are labels of their own.
    begun: bool,
    /// Labels that have ended.
    labels: u8,
    /// Length of the label that is being read.
    label: u8,
    /// Whether that has letters only, as top-level domains have.
    letters: bool,
    /// Whether what came before the last full stop is a host.
    was_host: bool,
    /// Whether the last byte was of ASCII: other letters are of no name before `@`.
    ascii: bool,
}

impl HostAhead {
    pub(super) const fn new() -> Self {
        Self {
            length: 0,
            begun: false,
            labels: 0,
            label: 0,
            letters: true,
            was_host: false,
            ascii: true,
        }
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// Nothing more has to be read: whether the placeholder is part of a host.
    pub(super) fn next(self, byte: u8) -> Result<Self, bool> {
        let next = Self {
            length: self.length.saturating_add(1),
            ascii: byte.is_ascii(),
            ..self
        };
        match byte {
            _ if next.length > LONGEST => Err(true),
            // No label goes on for so long, as text without spaces does.
            _ if !self.begun && self.label > LONGEST_LABEL => Err(false),
            // Two in a row.
            b'.' if self.begun && self.label == 0 => Err(self.ends()),
            b'.' => Ok(Self {
                begun: true,
                labels: self.labels.saturating_add(u8::from(self.begun)),
                label: 0,
                letters: true,
                was_host: self.is_host(),
                ..next
            }),
            b'@' => Ok(Self {
                begun: true,
                labels: 0,
                label: 0,
                letters: true,
                was_host: false,
                ..next
            }),
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => Ok(next.longer(true)),
            b'0'..=b'9' | b'-' | b'_' | b'%' | b'+' | b'~' => Ok(next.longer(false)),
            // Behind a port or the name of a user.
            b':' if !self.is_host() => Ok(next.longer(false)),
            b'/' | b'\\' | b'?' | b'#' => Err(self.ends() || (self.begun && self.is_top_level())),
            _ => Err(self.ends()),
        }
    }

    /// Nothing follows: whether the placeholder is part of a host.
    pub(super) const fn ends(self) -> bool {
        if self.label == 0 {
            self.was_host
        } else {
            self.is_host()
        }
    }

    const fn is_host(self) -> bool {
        self.begun && self.labels > 0 && self.is_top_level()
    }

    const fn is_top_level(self) -> bool {
        self.label > 1 && self.letters
    }

    const fn longer(self, letter: bool) -> Self {
        Self {
            label: self.label.saturating_add(1),
            letters: self.letters && letter,
            ..self
        }
    }
}

/// Hosts that a placeholder may be part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostsAhead {
    /// One that a placeholder before it begins.
    joined: Option<HostAhead>,
    /// One that it begins itself.
    own: Option<HostAhead>,
}

impl HostsAhead {
    /// Behind a placeholder with this value; `before` is what one before it has read up to it.
    /// `None`: the value makes a host of that.
    pub(super) fn behind(before: Option<HostAhead>, value: &str) -> Option<Self> {
        let is_address = value.contains('@');
        let mut joined = before.filter(|host| host.ascii || !is_address);
        for byte in value.bytes() {
            joined = after(joined, byte)?;
        }
        Some(Self {
            joined,
            own: Some(HostAhead::new()),
        })
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// As of [`HostAhead::next`].
    pub(super) fn next(self, byte: u8) -> Result<Self, bool> {
        let (Some(joined), Some(own)) = (after(self.joined, byte), after(self.own, byte)) else {
            return Err(true);
        };
        let next = Self { joined, own };
        next.first().map(|_| next).ok_or(false)
    }

    /// Nothing follows: whether the placeholder is part of a host.
    pub(super) fn ends(self) -> bool {
        let mut hosts = [self.joined, self.own].into_iter().flatten();
        hosts.any(HostAhead::ends)
    }

    /// What has been read behind the first placeholder of those that may be one host.
    pub(super) const fn first(self) -> Option<HostAhead> {
        match self.joined {
            Some(joined) => Some(joined),
            None => self.own,
        }
    }
}

/// Behind `byte`, if that has to be read; `None`: it is a host.
fn after(host: Option<HostAhead>, byte: u8) -> Option<Option<HostAhead>> {
    match host.map(|host| host.next(byte)) {
        Some(Ok(next)) => Some(Some(next)),
        Some(Err(true)) => None,
        Some(Err(false)) | None => Some(None),
    }
}

/// Whether a placeholder before `text` is part of a host.
#[cfg(test)]
pub(super) fn is_part(text: &str) -> bool {
    let mut host = HostAhead::new();
    for byte in text.bytes() {
        match host.next(byte) {
            Ok(next) => host = next,
            Err(is_part) => return is_part,
        }
    }
    host.ends()
}

/// Whether the host of a placeholder before `text` may go on with another one.
#[cfg(test)]
pub(super) fn reaches_another(text: &str) -> bool {
    let Some((before, _)) = text.split_once('<') else {
        return false;
    };
    let mut host = Ok(HostAhead::new());
    for byte in before.bytes() {
        host = host.and_then(|host| host.next(byte));
    }
    host.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_what_follows() {
        for text in [
            ".evil.example",
            ".evil.example. And",
            "x-1.evil.example, and",
            "@evil.example",
            "@evil.example/?q=1",
            ":secret@evil.example:8080/",
            ".example/",
            ".example?x",
            ".evil.example:8080/",
            "%20.evil.example ",
            "é.evil.example)",
        ] {
            assert!(is_part(text), "{text}");
        }
        assert!(is_part(&format!(".{}.evil.example", "x".repeat(300))));
        assert!(!is_part(&"ん".repeat(30)));
        for text in [
            "",
            ".",
            ". And so on",
            ".Thanks",
            "...",
            ", evil.example",
            " @evil.example",
            "@home",
            "/path",
            "'s. e.g. this",
            ":8080",
            ": evil.example",
            ".1.2.3",
            "..evil.example",
            "</b>.evil.example",
        ] {
            assert!(!is_part(text), "{text}");
        }
    }
}
