/*! Finding as text comes.

Text is cut into *regions* by rules that look at what has come, and at most at one character
more. A region is judged when it is closed, with the words before it. So what is found
does not depend on the pieces in which text came. */

use super::Finding;
use super::chars::{BREAK, Folded, class_of, fold};
use super::context::reach;
use super::entity::{Entities, Entity, Group};
use super::find::{LONGEST_VALUE, Region, is_assigned, is_called_birth, is_prose};
use super::joins;
use super::judge::judge;
use super::long::{Long, Step};
use super::quick;
use super::view::{View, before, find, is_word};

/// Longest region, in bytes. What may still become a finding at the bound is kept, the rest
/// of the region is settled.
pub const LONGEST_REGION: usize = 2048;

/// What is kept of a region at its bound: more than the longest entity that is no secret.
const KEPT: usize = 320;

/// Text that nothing needs any more is dropped once there is so much, in bytes.
const DROPPED: usize = 1024;

/// Finds entities in text that comes in pieces; holds at most [`LONGEST_REGION`] bytes,
/// [`REACH`](super::REACH) code points and a KiB besides the piece that it was given.
#[derive(Debug, Clone)]
pub struct Scanner {
    wanted: Entities,
    /// Words before, and what is not settled.
    text: String,
    /// Offset of `text` in all text, in bytes.
    base: usize,
    /// How far `text` has been read.
    at: usize,
    state: State,
    /// The bytes of the open region, folded.
    folded: Vec<u8>,
}

#[derive(Debug, Clone)]
enum State {
    Between,
    Open(Open),
    /// Within a secret that is longer than a region.
    Long {
        from: usize,
        long: Long,
    },
}

/// An open region: `start..end` of the text.
#[derive(Debug, Clone, Copy)]
struct Open {
    start: usize,
    end: usize,
    kind: Kind,
    /// Whether a space has come, and it is not known if the region goes on behind it.
    gap: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// Opened by this quotation mark.
    Quoted(u8),
}

impl Scanner {
    /// One that looks for `wanted`.
    pub const fn new(wanted: Entities) -> Self {
        Self {
            wanted,
            text: String::new(),
            base: 0,
            at: 0,
            state: State::Between,
            folded: Vec::new(),
        }
    }

    /// Takes the next piece; adds what is found by it.
    pub fn push(&mut self, piece: &str, found: &mut Vec<Finding>) {
        self.text.push_str(piece);
        self.read(found);
        self.say_long(found);
        self.forget();
    }

    /// Takes the end of the text; adds what is found by it.
    pub fn finish(&mut self, found: &mut Vec<Finding>) {
        if let State::Open(open) = self.state {
            self.close(open, found);
        }
        self.read(found);
        self.say_long(found);
        self.state = State::Between;
    }

    /// Up to where all is found that ever will be, in bytes of all text.
    pub const fn settled(&self) -> usize {
        let within = match self.state {
            State::Open(open) => open.start,
            State::Between | State::Long { .. } => self.at,
        };
        self.base.saturating_add(within)
    }

    /// In bytes of all text: what will be found depends on nothing before it. (Words count up to
    /// [`REACH`](super::REACH) code points to the left; as many more leave room for the beginning
    /// of such a word.)
    pub(super) fn depends_from(&self) -> usize {
        match self.state {
            State::Between => {
                let words = reach(&self.text, self.at);
                self.base.saturating_add(reach(&self.text, words))
            }
            State::Open(_) | State::Long { .. } => 0,
        }
    }

    fn read(&mut self, found: &mut Vec<Finding>) {
        // Up to where regions are opened and judged before text is passed over again.
        let mut stop = 0;
        loop {
            if matches!(self.state, State::Between) && self.at >= stop {
                stop = self.pass();
            }
            let Some((folded, width)) = self.next() else {
                return;
            };
            let next = self.at.saturating_add(width);
            match &mut self.state {
                State::Between => {
                    if let Folded::Byte(byte) = folded {
                        self.open(byte, next);
                    }
                    self.at = next;
                }
                State::Open(_) => {
                    self.go_on(folded, next, found);
                    self.skip_word();
                }
                State::Long { long, .. } => match long.step(folded) {
                    Step::Within => self.at = next,
                    Step::Last => {
                        self.at = next;
                        self.end_long(found);
                    }
                    Step::Behind => self.end_long(found),
                },
            }
        }
    }

    /// Passes over text in which nothing can be found; up to where it must not be tried again.
    fn pass(&mut self) -> usize {
        if self.text.len().saturating_sub(self.at) < quick::FEWEST {
            return self.at;
        }
        let passed = quick::pass(&self.text, self.at, self.wanted);
        self.at = passed.upto;
        passed.stop
    }

    fn next(&self) -> Option<(Folded, usize)> {
        let byte = *self.text.as_bytes().get(self.at)?;
        if byte.is_ascii() {
            return Some((Folded::Byte(byte), 1));
        }
        let c = self.text.get(self.at..)?.chars().next()?;
        Some((fold(c), c.len_utf8()))
    }

    /// Opens a region at a byte that one can begin with.
    fn open(&mut self, byte: u8, end: usize) {
        let quote = before(self.text.as_bytes(), self.at);
        let in_quotes = b"\"'`".contains(&quote)
            && byte != quote
            && !byte.is_ascii_whitespace()
            && is_assigned(&self.text, self.at);
        let kind = if in_quotes {
            Kind::Quoted(quote)
        } else if class_of(byte) != BREAK {
            Kind::Word
        } else {
            return;
        };
        self.state = State::Open(Open {
            start: self.at,
            end,
            kind,
            gap: false,
        });
        self.folded.clear();
        self.folded.push(byte);
    }

    fn go_on(&mut self, folded: Folded, next: usize, found: &mut Vec<Finding>) {
        let State::Open(mut open) = self.state else {
            return;
        };
        let goes_on = match (folded, open.kind) {
            // Invisible: counts if the region goes on behind it.
            (Folded::Nothing, _) => {
                self.at = next;
                self.bound(open, found);
                return;
            }
            (Folded::Byte(byte), Kind::Quoted(quote)) => {
                let long = next.saturating_sub(open.start) > LONGEST_VALUE;
                byte != quote && byte != b'\n' && !long
            }
            (Folded::Byte(byte), Kind::Word) if open.gap => {
                joins::over_space(&self.folded, byte, || self.is_birth(open))
            }
            (Folded::Byte(b' '), Kind::Word) => {
                open.gap = joins::may_go_on(&self.folded);
                open.gap
            }
            (Folded::Byte(b','), Kind::Word) => {
                joins::over_comma(&self.folded, || self.is_birth(open))
            }
            (Folded::Byte(byte), Kind::Word) => class_of(byte) != BREAK,
        };
        if !goes_on {
            let ended_by_quote = folded
                == Folded::Byte(match open.kind {
                    Kind::Quoted(quote) => quote,
                    Kind::Word => 0,
                });
            if !ended_by_quote {
                open.kind = Kind::Word;
            }
            self.close(open, found);
            return;
        }
        let is_gap = folded == Folded::Byte(b' ') && open.kind == Kind::Word;
        self.at = next;
        if is_gap {
            self.state = State::Open(open);
            return;
        }
        self.take(open, folded);
        open.gap = false;
        open.end = next;
        self.state = State::Open(open);
        if folded == Folded::Byte(b'-') && joins::is_key_header(&self.folded) {
            self.close(open, found);
        } else {
            self.bound(open, found);
        }
    }

    /// Takes what goes on an open region whatever came before it: nearly all bytes.
    fn skip_word(&mut self) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        let room = LONGEST_REGION.saturating_sub(self.at.saturating_sub(open.start));
        if open.gap || open.kind != Kind::Word || room == 0 {
            return;
        }
        let bytes = self.text.as_bytes();
        let upto = self.at.saturating_add(room).min(bytes.len());
        let rest = bytes.get(self.at..upto).unwrap_or_default();
        let plain = |byte: &u8| byte.is_ascii() && *byte != b'-' && class_of(*byte) != BREAK;
        let length = rest
            .iter()
            .position(|byte| !plain(byte))
            .unwrap_or(rest.len());
        if length > 0 {
            self.folded
                .extend_from_slice(rest.get(..length).unwrap_or_default());
            self.at = self.at.saturating_add(length);
            open.end = self.at;
        }
    }

    /// Adds a character to the region, and the spaces before it.
    fn take(&mut self, open: Open, folded: Folded) {
        if open.gap {
            self.folded.push(b' ');
        }
        if let Folded::Byte(byte) = folded {
            self.folded.push(byte);
        }
    }

    fn is_birth(&self, open: Open) -> bool {
        is_called_birth(&self.text, open.start)
    }

    /// Judges a region that is over; reading goes on behind it.
    fn close(&mut self, open: Open, found: &mut Vec<Finding>) {
        self.state = State::Between;
        if let Some(from) = self.key_header(open) {
            self.at = open.end;
            let long = Long::key();
            self.state = State::Long { from, long };
            return;
        }
        for finding in self.judged(open) {
            found.push(finding);
        }
    }

    /// Where in the region a private key begins, if it ends with the header of one.
    fn key_header(&self, open: Open) -> Option<usize> {
        if !self.wanted.has(Entity::PrivateKey) || !joins::is_key_header(&self.folded) {
            return None;
        }
        let begin = find(&self.folded, 0, b"-----BEGIN")?;
        find(&self.folded, begin, b"PRIVATE KEY")?;
        let view = View::of(self.text.get(open.start..open.end).unwrap_or_default());
        Some(open.start.saturating_add(view.start(begin)))
    }

    fn judged(&self, open: Open) -> Vec<Finding> {
        let quoted = open.kind != Kind::Word;
        if !quoted && is_prose(&self.folded) {
            return Vec::new();
        }
        let upto = self.text.get(..open.end).unwrap_or_default();
        let region = Region::new(upto, open.start, quoted);
        let mut findings = judge(&region, self.wanted);
        for finding in &mut findings {
            finding.start = finding.start.saturating_add(self.base);
            finding.end = finding.end.saturating_add(self.base);
        }
        findings
    }

    /// Settles the front of a region that has reached its bound.
    fn bound(&mut self, open: Open, found: &mut Vec<Finding>) {
        if self.at.saturating_sub(open.start) <= LONGEST_REGION {
            return;
        }
        let mut cut = self.cut(open);
        for finding in self.judged(open) {
            let [start, end] = [finding.start, finding.end].map(|at| at.saturating_sub(self.base));
            if end >= open.end && finding.entity.group() == Group::Secret {
                let long = Long::token(finding.entity);
                self.state = State::Long { from: start, long };
                return;
            }
            if start < cut {
                cut = cut.max(end);
                found.push(finding);
            }
        }
        let end = open.end.max(cut);
        self.state = State::Open(Open {
            start: cut,
            end,
            kind: Kind::Word,
            gap: false,
        });
        let kept = View::of(self.text.get(cut..end).unwrap_or_default());
        self.folded.clear();
        self.folded.extend_from_slice(&kept.bytes);
    }

    /// Where a region is cut at its bound: behind a word, if one ends in what is kept.
    fn cut(&self, open: Open) -> usize {
        let bytes = self.text.as_bytes();
        let mut cut = self.at.saturating_sub(KEPT).max(open.start);
        while !self.text.is_char_boundary(cut) {
            cut = cut.saturating_sub(1);
        }
        let rest = bytes.get(cut..open.end).unwrap_or_default();
        let sign = rest
            .iter()
            .position(|byte| byte.is_ascii() && !is_word(*byte));
        cut.saturating_add(sign.unwrap_or(0))
    }

    fn end_long(&mut self, found: &mut Vec<Finding>) {
        self.say_long(found);
        self.state = State::Between;
    }

    /// Says the part of a long secret that has come.
    fn say_long(&mut self, found: &mut Vec<Finding>) {
        let at = self.at;
        let State::Long { from, long } = &mut self.state else {
            return;
        };
        if at > *from {
            found.push(Finding {
                entity: long.entity(),
                start: self.base.saturating_add(*from),
                end: self.base.saturating_add(at),
                part: long.part(),
            });
            *from = at;
            long.begin();
        }
    }

    /// Drops the text that nothing to come can need.
    fn forget(&mut self) {
        let needed = match self.state {
            State::Open(open) => open.start,
            State::Between | State::Long { .. } => self.at,
        };
        if needed < DROPPED {
            return;
        }
        let drop = reach(&self.text, needed);
        self.text.drain(..drop);
        self.base = self.base.saturating_add(drop);
        self.at = self.at.saturating_sub(drop);
        match &mut self.state {
            State::Between => {}
            State::Open(open) => {
                open.start = open.start.saturating_sub(drop);
                open.end = open.end.saturating_sub(drop);
            }
            State::Long { from, .. } => *from = from.saturating_sub(drop),
        }
    }
}
