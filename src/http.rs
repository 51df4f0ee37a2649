/*! Requests and answers as HTTP sees them: heads in, edits and replies out;
and the requests that Tollgate makes itself. */

/// Headers as the host gives them: lower-case names, values of any bytes, pseudo-headers
/// first.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(pub &'a [(String, Vec<u8>)]);

impl<'a> Headers<'a> {
    /// All values of a header.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The first value of a header, if it is text.
    pub fn text(self, name: &str) -> Option<&'a str> {
        let value = self.all(name).next()?;
        std::str::from_utf8(value).ok()
    }

    /// Whether the header is there.
    pub fn has(self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Whether the body is encoded in any way.
    pub fn encoded(self) -> bool {
        self.all("content-encoding")
            .any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"))
    }

    /// Names of all headers for which `matches` holds, each once.
    pub fn names(self, matches: impl Fn(&str) -> bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in self.0 {
            if matches(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// Changes to a head; removals first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// Headers to remove.
    pub remove: Vec<String>,
    /// Headers to set, replacing any value they have.
    pub set: Vec<(&'static str, String)>,
}

/// A request of Tollgate's own, to be made to a cluster of Envoy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callout {
    /// Whoever asked is told its answer by this.
    pub token: u64,
    /// The cluster; no filter of Tollgate's may be in it.
    pub cluster: String,
    /// Its method.
    pub method: &'static str,
    /// Its `:authority`.
    pub authority: String,
    /// Its path.
    pub path: String,
    /// Its headers beside those.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Its body; empty for a `GET`.
    pub body: Vec<u8>,
    /// How long the answer may take, in milliseconds.
    pub timeout_ms: u64,
}

/// What a [`Callout`] was answered with. Envoy's own errors come as 503 and 504.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body; of one that is longer than its reader takes, at least one byte more than
    /// that.
    pub body: Vec<u8>,
}
