/*! Placeholders as models write them: in another case, with other signs between the words,
without brackets or with those of HTML and Markdown, and in any pieces. */

use super::host_ahead::{HostAhead, HostsAhead};
use super::url::UrlWatch;
use super::vault::Vault;
use crate::bytes::{BLOCK, any_of, first_bit};
use std::collections::VecDeque;

/// Signs of a tag: 30 bits.
pub(super) const TAG: usize = 6;

/// What tells a placeholder of ours from any other text, in capitals.
pub(super) type Tag = [u8; TAG];

/// Signs of tags: Crockford's base 32, which has none that look alike.
pub(super) const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Most signs between two words, as in `\_`.
const WIDEST_GAP: u8 = 3;

/// Most digits of a placeholder's number.
const MOST_DIGITS: u8 = 5;

/// Longest label, in bytes.
const LONGEST_LABEL: usize = 64;

/// Names that placeholders can have, sorted.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels {
    labels: Vec<String>,
    /// Bits of the bytes that one begins with.
    firsts: u128,
    /// Whether every name is one.
    any: bool,
}

/// All names: which ones a service finds is not known before.
pub(super) static ANY_LABEL: Labels = Labels {
    labels: Vec::new(),
    firsts: (0x3ff << b'0') | (0x3ff_ffff << b'a'),
    any: true,
};

/// The name of something as placeholders have it: lower case, and `_` between words.
pub(super) fn label(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut label = words.join("_").to_ascii_lowercase();
    label.truncate(LONGEST_LABEL);
    if label.is_empty() {
        label.push_str("value");
    }
    label
}

impl Labels {
    pub(super) fn add(&mut self, name: &str) {
        let label = label(name);
        if let Err(place) = self.labels.binary_search(&label) {
            self.firsts |= label.bytes().next().map_or(0, bit);
            self.labels.insert(place, label);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.labels.is_empty() && !self.any
    }

    fn all(&self) -> Prefix {
        Prefix {
            first: 0,
            last: self.labels.len(),
            read: 0,
        }
    }

    /// Those of a prefix that go on with `byte`.
    fn narrow(&self, prefix: Prefix, byte: u8) -> Option<Prefix> {
        if self.any {
            let read = prefix.read.saturating_add(1);
            return (read <= LONGEST_LABEL).then_some(Prefix { read, ..prefix });
        }
        let labels = self.labels.get(prefix.first..prefix.last)?;
        let next = |label: &String| label.as_bytes().get(prefix.read).copied();
        let before = labels.partition_point(|label| next(label) < Some(byte));
        let upto = labels.partition_point(|label| next(label) <= Some(byte));
        (before < upto).then(|| Prefix {
            first: prefix.first.saturating_add(before),
            last: prefix.first.saturating_add(upto),
            read: prefix.read.saturating_add(1),
        })
    }

    /// The label that is just this prefix.
    fn exact(&self, prefix: Prefix) -> Option<usize> {
        if self.any {
            return Some(usize::MAX);
        }
        let label = self.labels.get(prefix.first)?;
        (label.len() == prefix.read).then_some(prefix.first)
    }

    fn get(&self, index: usize) -> &str {
        self.labels.get(index).map_or("", String::as_str)
    }
}

const fn bit(byte: u8) -> u128 {
    if byte.is_ascii() { 1 << byte } else { 0 }
}

/// Labels that begin alike.
#[derive(Debug, Clone, Copy)]
struct Prefix {
    first: usize,
    last: usize,
    read: usize,
}

/// A placeholder, by its place in all text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) tag: Tag,
    /// Whether it is part of a URL, where nothing is restored.
    pub(super) in_url: bool,
}

/// What may become a placeholder.
#[derive(Debug, Clone, Copy)]
struct Thread {
    start: usize,
    /// Whether it began with a bracket.
    opened: bool,
    /// What was read before it.
    url: UrlWatch,
    /// What the placeholder before it has read up to here, if that may be one host with it.
    before: Option<HostAhead>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Within this, of which so much has come.
    Opening(&'static [u8], usize),
    Label(Prefix, u8),
    Number(Name, u8, u8),
    Tag(Name, Tag, usize),
    /// All but the closing bracket, of which so much has come.
    Closing(Name, Tag, usize, &'static [u8], usize),
    Found(Name, Tag, usize),
    /// It counts, unless what follows makes a host of it.
    Counts(Tag, usize, HostsAhead),
    /// It is known whether it is part of a URL.
    Known(Tag, usize, bool),
    Dead,
}

/// What stands before the tag.
#[derive(Debug, Clone, Copy)]
struct Name {
    label: usize,
    number: u32,
}

/// Finds placeholders in text that comes in pieces. What is not settled is at most as long
/// as a placeholder can be.
#[derive(Debug)]
pub(super) struct Spotter {
    /// In the order of their start.
    threads: Vec<Thread>,
    /// The text since there are any, and where it begins.
    open: Vec<u8>,
    kept_from: usize,
    at: usize,
    previous: u8,
    url: UrlWatch,
    /// From where on that has to read.
    url_from: usize,
}

/// Which placeholders there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<'k> {
    /// All that have such a label.
    All(&'k Labels),
    /// Those that stand for something.
    In(&'k Vault),
}

impl<'k> Known<'k> {
    pub(super) const fn labels(self) -> &'k Labels {
        match self {
            Self::All(labels) => labels,
            Self::In(vault) => vault.labels(),
        }
    }

    fn has(self, name: Name, tag: &Tag) -> bool {
        match self {
            Self::All(_) => true,
            Self::In(vault) => vault.has(vault.labels().get(name.label), name.number, tag),
        }
    }
}

/// Whether a placeholder can be in a text: there is a number, and behind a gap what may be a
/// tag. Far quicker than to look for it.
pub(super) fn may_be_in(text: &str) -> bool {
    /// Each gap has one of the first three, or stands behind a bracket.
    const MARKS: [u8; 5] = *b"_-\\<&";
    let bytes = text.as_bytes();
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
    let mut base = 0_usize;
    for block in blocks.iter().chain([&last]) {
        let mut hits = any_of(MARKS, block);
        while hits != 0 {
            let at = base.saturating_add(first_bit(hits));
            hits &= hits.wrapping_sub(1);
            if is_near(bytes, at) {
                return true;
            }
        }
        base = base.saturating_add(BLOCK);
    }
    false
}

/// Whether the sign at `at` is the gap between a number and a tag, or a bracket that may have
/// both behind it.
fn is_near(bytes: &[u8], at: usize) -> bool {
    let (before, from) = bytes.split_at_checked(at).unwrap_or_default();
    if let [b'<' | b'&', ..] = from {
        return is_opened(from);
    }
    let widest = usize::from(WIDEST_GAP);
    let mut before = before.iter().rev().take(widest);
    let digit = before.find(|byte| !is_gap(**byte));
    digit.is_some_and(u8::is_ascii_digit) && is_tag(from)
}

/// Whether there may be a placeholder behind a bracket.
fn is_opened(text: &[u8]) -> bool {
    /// Bytes of the longest label with its gaps, and of its number.
    const REACH: usize = 256;
    // `<` or `&lt;`.
    let bracket = if text.first() == Some(&b'&') { 4 } else { 1 };
    let inside = text.get(bracket..).unwrap_or_default();
    let label = |byte: &&u8| byte.is_ascii_alphanumeric() || is_gap(**byte);
    let length = inside.iter().take(REACH).take_while(label).count();
    let mut inside = inside.get(..length).unwrap_or_default();
    while let [digit, rest @ ..] = inside {
        let gap = rest.first().is_some_and(|byte| is_gap(*byte));
        if digit.is_ascii_digit() && gap && is_tag(rest) {
            return true;
        }
        inside = rest;
    }
    false
}

/// Whether a text begins with a gap and what may be a tag.
fn is_tag(text: &[u8]) -> bool {
    let most = usize::from(WIDEST_GAP).saturating_add(1);
    let signs = text.iter().take(most);
    let gap = signs.take_while(|byte| is_gap(**byte)).count();
    let tag = text.get(gap..gap.saturating_add(TAG)).unwrap_or_default();
    let is_sign = |byte: &u8| SIGNS.contains(&byte.to_ascii_uppercase());
    gap <= usize::from(WIDEST_GAP) && tag.len() == TAG && tag.iter().all(is_sign)
}

/// Signs that can be between words of a placeholder.
const fn is_gap(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'\\' | b' ')
}

impl Spotter {
    pub(super) const fn new() -> Self {
        Self {
            threads: Vec::new(),
            open: Vec::new(),
            kept_from: 0,
            at: 0,
            previous: b' ',
            url: UrlWatch::new(),
            url_from: 0,
        }
    }

    /// Takes the next piece; adds the placeholders that it completes.
    pub(super) fn push(&mut self, piece: &str, known: Known<'_>, marks: &mut VecDeque<Mark>) {
        let labels = known.labels();
        for byte in piece.bytes() {
            self.begin(byte, labels);
            let next = self.at.saturating_add(1);
            if self.threads.is_empty() {
                self.open.clear();
            } else {
                if self.open.is_empty() {
                    self.kept_from = self.at;
                }
                self.open.push(byte);
                self.step(byte, labels);
                if labels.any {
                    self.end_labels();
                }
                self.resolve(known, marks);
                self.forget();
            }
            if self.at >= self.url_from {
                self.url.step(byte);
            }
            self.previous = byte;
            self.at = next;
        }
    }

    /// Drops text that no thread asks for.
    fn forget(&mut self) {
        /// More than a placeholder and what makes a host of it have.
        const MOST: usize = 1024;
        let Some(first) = self.threads.first() else {
            self.open.clear();
            return;
        };
        if self.open.len() > MOST {
            let gone = first.start.saturating_sub(self.kept_from);
            self.open.drain(..gone.min(self.open.len()));
            self.kept_from = self.kept_from.saturating_add(gone);
        }
    }

    /// Takes the end of the text, or of a part of it that no placeholder reaches over.
    pub(super) fn finish(&mut self, known: Known<'_>, marks: &mut VecDeque<Mark>) {
        for thread in &mut self.threads {
            thread.state = match thread.state {
                State::Closing(name, tag, end, ..) => State::Found(name, tag, end),
                State::Counts(tag, end, host) => State::Known(tag, end, host.ends()),
                found @ (State::Found(..) | State::Known(..)) => found,
                _ => State::Dead,
            };
        }
        self.resolve(known, marks);
        // What was found behind a placeholder is known only when that is: one each time.
        while !self.threads.is_empty() {
            for thread in &mut self.threads {
                if let State::Counts(tag, end, host) = thread.state {
                    thread.state = State::Known(tag, end, host.ends());
                }
            }
            self.resolve(known, marks);
        }
        self.open.clear();
    }

    /// Passes over `bytes` that separate texts.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
        self.previous = b' ';
        self.url = UrlWatch::of_literal();
    }

    /// Up to where all placeholders are known, in bytes of all text.
    pub(super) fn settled(&self) -> usize {
        self.threads.first().map_or(self.at, |thread| thread.start)
    }

    fn begin(&mut self, byte: u8, labels: &Labels) {
        let byte = byte.to_ascii_lowercase();
        let bracket = match byte {
            b'<' => Some(&b"<"[..]),
            b'\\' => Some(&b"\\<"[..]),
            b'&' => Some(&b"&lt;"[..]),
            _ => None,
        };
        let bare = labels.firsts & bit(byte) != 0
            && !self.previous.is_ascii_alphanumeric()
            && !(labels.any && self.has_bare_label());
        let state = match bracket {
            Some(bracket) => State::Opening(bracket, 0),
            None if bare => State::Label(labels.all(), 0),
            None => return,
        };
        self.threads.push(Thread {
            start: self.at,
            opened: bracket.is_some(),
            url: self.url,
            before: self.threads.first().and_then(|thread| thread.state.host()),
            state,
        });
    }

    /// Whether a name without a bracket has begun: where all are names, one that begins within
    /// it is a part of it.
    fn has_bare_label(&self) -> bool {
        let mut threads = self.threads.iter();
        threads.any(|thread| !thread.opened && matches!(thread.state, State::Label(..)))
    }

    /// No name goes on behind a placeholder that it is in.
    fn end_labels(&mut self) {
        let found = |thread: &Thread| matches!(thread.state, State::Found(..));
        if self.threads.iter().any(found) {
            let label = |thread: &Thread| matches!(thread.state, State::Label(..));
            self.threads.retain(|thread| !label(thread));
        }
    }

    fn step(&mut self, byte: u8, labels: &Labels) {
        let mut index = 0;
        while let Some(thread) = self.threads.get_mut(index) {
            let fork = thread.fork(byte, labels);
            thread.state = thread.next(byte, self.at, labels);
            index = index.saturating_add(1);
            if let Some(fork) = fork {
                self.threads.insert(index, fork);
                index = index.saturating_add(1);
            }
        }
        let alive = |thread: &Thread| !matches!(thread.state, State::Dead);
        self.threads.retain(alive);
    }

    /// The first to have begun counts, unless it comes to nothing.
    fn resolve(&mut self, known: Known<'_>, marks: &mut VecDeque<Mark>) {
        while let Some(&thread) = self.threads.first() {
            let Thread { start, url, .. } = thread;
            let mark = |tag, end, in_url| Mark {
                start,
                end,
                tag,
                in_url,
            };
            match thread.state {
                State::Found(name, tag, end) if known.has(name, &tag) => {
                    self.threads.retain(|thread| thread.start >= end);
                    match known {
                        Known::In(vault) => {
                            let value = vault.value(&tag).unwrap_or_default();
                            if !self.counts(&thread, (tag, end), value) {
                                marks.push_back(mark(tag, end, true));
                            }
                        }
                        Known::All(_) => marks.push_back(mark(tag, end, url.within())),
                    }
                }
                State::Known(tag, end, in_url) => {
                    marks.push_back(mark(tag, end, in_url));
                    self.threads.remove(0);
                }
                State::Found(..) | State::Dead => drop(self.threads.remove(0)),
                _ => return,
            }
        }
    }

    /// A placeholder will be replaced by its value, unless what follows makes a host of it; not
    /// if it is in a URL, or makes a host of one before it. The value is read in its place: it
    /// may be a URL, or begin one.
    fn counts(&mut self, found: &Thread, (tag, end): (Tag, usize), value: &str) -> bool {
        let hosts = HostsAhead::behind(found.before, value);
        let Some(hosts) = hosts.filter(|_| !found.url.within()) else {
            return false;
        };
        let mut after = found.url;
        if value.contains('@') && !value.contains(['/', '\\', '?', '#', ':']) {
            // An address: a slash behind it makes no URL of it.
            after.step(b'>');
        } else {
            value.bytes().for_each(|byte| after.step(byte));
        }
        let base = self.kept_from;
        let mut state = State::Counts(tag, end, hosts);
        for place in end..base.saturating_add(self.open.len()) {
            let threads = self.threads.iter_mut();
            for thread in threads.filter(|thread| thread.start == place) {
                (thread.url, thread.before) = (after, state.host());
            }
            let byte = self.open.get(place.saturating_sub(base));
            let byte = byte.copied().unwrap_or(b' ');
            state = state.ahead(byte);
            // The last byte is read by who has brought it.
            if place < self.at {
                after.step(byte);
            }
        }
        (self.url, self.url_from) = (after, end);
        let thread = Thread {
            opened: false,
            state,
            ..*found
        };
        self.threads.insert(0, thread);
        true
    }
}

impl State {
    /// What has been read behind a placeholder that counts.
    const fn host(self) -> Option<HostAhead> {
        match self {
            Self::Counts(_, _, hosts) => hosts.first(),
            _ => None,
        }
    }

    /// Behind a placeholder that counts.
    fn ahead(self, byte: u8) -> Self {
        match self {
            Self::Counts(tag, end, host) => match host.next(byte) {
                Ok(host) => Self::Counts(tag, end, host),
                Err(in_url) => Self::Known(tag, end, in_url),
            },
            other => other,
        }
    }
}

impl Thread {
    /// Signs that models put in the place of `_`; spaces only where a bracket says what is
    /// meant.
    const fn is_gap(&self, byte: u8) -> bool {
        is_gap(byte) && (self.opened || byte != b' ')
    }

    /// The number may begin where a longer label could go on.
    fn fork(&self, byte: u8, labels: &Labels) -> Option<Self> {
        let State::Label(prefix, 1..) = self.state else {
            return None;
        };
        let label = labels.exact(prefix)?;
        let number = digit(byte)?;
        Some(Self {
            state: State::Number(Name { label, number }, 1, 0),
            ..*self
        })
    }

    fn next(&self, byte: u8, at: usize, labels: &Labels) -> State {
        let gap = |gap: u8| self.is_gap(byte) && gap < WIDEST_GAP;
        match self.state {
            State::Opening(bracket, read) => opening(bracket, read, byte, labels),
            State::Label(prefix, width) if prefix.read > 0 && gap(width) => {
                State::Label(prefix, width.saturating_add(1))
            }
            State::Label(prefix, width) => within_label(prefix, width, byte, labels),
            State::Number(name, digits, width) if gap(width) => {
                State::Number(name, digits, width.saturating_add(1))
            }
            State::Number(name, digits, 0) => within_number(name, digits, byte),
            State::Number(name, ..) => within_tag(name, [0; TAG], 0, byte, at),
            State::Tag(name, tag, read) => within_tag(name, tag, read, byte, at),
            State::Closing(name, tag, end, bracket, read) => {
                self.closing((name, tag, end), bracket, read, byte)
            }
            State::Counts(..) => self.state.ahead(byte),
            State::Found(..) | State::Known(..) | State::Dead => self.state,
        }
    }

    fn closing(
        &self,
        (name, tag, end): (Name, Tag, usize),
        bracket: &'static [u8],
        read: usize,
        byte: u8,
    ) -> State {
        let bracket = match byte {
            _ if read > 0 => bracket,
            _ if byte.is_ascii_alphanumeric() => return State::Dead,
            b'>' if self.opened => b">",
            b'\\' if self.opened => b"\\>",
            b'&' if self.opened => b"&gt;",
            _ => return State::Found(name, tag, end),
        };
        let read = read.saturating_add(1);
        let expected = bracket.get(read.saturating_sub(1)).copied();
        if expected != Some(byte.to_ascii_lowercase()) {
            State::Found(name, tag, end)
        } else if read == bracket.len() {
            State::Found(name, tag, end.saturating_add(read))
        } else {
            State::Closing(name, tag, end, bracket, read)
        }
    }
}

fn opening(bracket: &'static [u8], read: usize, byte: u8, labels: &Labels) -> State {
    if bracket.get(read) != Some(&byte.to_ascii_lowercase()) {
        return State::Dead;
    }
    match read.saturating_add(1) {
        read if read == bracket.len() => State::Label(labels.all(), 0),
        read => State::Opening(bracket, read),
    }
}

fn within_label(prefix: Prefix, width: u8, byte: u8, labels: &Labels) -> State {
    if !byte.is_ascii_alphanumeric() {
        return State::Dead;
    }
    let prefix = match width {
        0 => Some(prefix),
        _ => labels.narrow(prefix, b'_'),
    };
    let prefix = prefix.and_then(|prefix| labels.narrow(prefix, byte.to_ascii_lowercase()));
    prefix.map_or(State::Dead, |prefix| State::Label(prefix, 0))
}

fn within_number(name: Name, digits: u8, byte: u8) -> State {
    match digit(byte) {
        Some(digit) if digits < MOST_DIGITS => {
            let number = name.number.saturating_mul(10).saturating_add(digit);
            State::Number(Name { number, ..name }, digits.saturating_add(1), 0)
        }
        _ => State::Dead,
    }
}

fn within_tag(name: Name, mut tag: Tag, read: usize, byte: u8, at: usize) -> State {
    let byte = byte.to_ascii_uppercase();
    let Some(place) = tag.get_mut(read).filter(|_| SIGNS.contains(&byte)) else {
        return State::Dead;
    };
    *place = byte;
    match read.saturating_add(1) {
        TAG => State::Closing(name, tag, at.saturating_add(1), b"", 0),
        read => State::Tag(name, tag, read),
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_gaps_are_not_read_again_and_again() {
        // If it took the square of the length, this would not end.
        for sign in ["-", "_", "\\", "1-", "- ", "<-", "&lt;_"] {
            let text = sign.repeat((1 << 20) / sign.len());
            assert!(!may_be_in(&text), "{sign}");
        }
        for text in [
            "A1_ABCDEF",
            "A1-__ABCDEF",
            "A 1 \\_ABCDEF",
            "<A 1 ABCDEF",
            "-_-1-A23456-",
        ] {
            assert!(may_be_in(text), "{text}");
        }
        for text in ["1ABCDEF", "1_ABCDE", "1_ABCDEU", "x_ABCDEF"] {
            assert!(!may_be_in(text), "{text}");
        }
    }

    #[test]
    fn regression_what_is_kept_is_bounded() {
        let mut vault = Vault::new(&crate::mask::TagKey::new(b"a key of the tests"));
        let mut placeholder = String::new();
        vault.put("EMAIL_ADDRESS", "ada@example.org", &mut placeholder);
        let known = [Known::In(&vault), Known::All(&ANY_LABEL)];
        let units = [
            "<",
            "&",
            "\\",
            "e ",
            "e",
            "email_",
            "<email ",
            &placeholder,
            "x.",
            "&lt;",
        ];
        for known in known {
            for unit in units {
                let mut spotter = Spotter::new();
                let mut marks = VecDeque::new();
                for _ in 0..20_000 {
                    spotter.push(unit, known, &mut marks);
                    assert!(spotter.open.len() <= 1200, "{unit}");
                    assert!(spotter.threads.len() <= 400, "{unit}");
                    assert!(spotter.at - spotter.settled() <= 1200, "{unit}");
                }
                let kept = spotter.kept_from + spotter.open.len();
                assert!(spotter.open.is_empty() || kept == spotter.at);
            }
        }
    }
}
