/*! Finding as text comes.

Text is cut into *regions* by rules that look at what has come, and at most at one character
more. A region is judged when it is closed, with the words before it. So what is found
does not depend on the pieces in which text came. */

use super::Finding;
use super::chars::{BREAK, Folded, class_of, fold};
use super::context::{Context, REACH};
use super::entity::{Entities, Entity, Group};
use super::find::{LONGEST_VALUE, Region, is_assigned, is_prose};
use super::joins;
use super::judge::judge;
use super::long::{Long, Step};
use super::view::{View, at, before, find, is_word, part, run};

/// Longest region, in bytes. What may still become a finding at the bound is kept, the rest
/// of the region is settled.
pub const LONGEST_REGION: usize = 2048;

/// What is kept of a region at its bound: more than the longest entity that is no secret.
const KEPT: usize = 320;

/// Finds entities in text that comes in pieces; holds at most [`LONGEST_REGION`] bytes and
/// [`REACH`] code points besides the piece that it was given.
#[derive(Debug)]
pub struct Scanner {
    wanted: Entities,
    /// Words before, and what is not settled.
    text: String,
    /// Offset of `text` in all text, in bytes.
    base: usize,
    /// How far `text` has been read.
    at: usize,
    state: State,
}

#[derive(Debug)]
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

    fn read(&mut self, found: &mut Vec<Finding>) {
        while let Some((folded, width)) = self.next() {
            let next = self.at.saturating_add(width);
            match &mut self.state {
                State::Between => {
                    if let Folded::Byte(byte) = folded {
                        self.open(byte, next);
                    }
                    self.at = next;
                    self.skip_prose();
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
            && is_assigned(&Context::before(
                self.text.get(..self.at).unwrap_or_default(),
            ));
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
                joins::over_space(&self.bytes_of(open).bytes, byte, || self.context(open))
            }
            (Folded::Byte(b' '), Kind::Word) => {
                open.gap = joins::may_go_on(&self.bytes_of(open).bytes);
                open.gap
            }
            (Folded::Byte(b','), Kind::Word) => {
                joins::over_comma(&self.bytes_of(open).bytes, || self.context(open))
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
        open.gap = false;
        open.end = next;
        self.state = State::Open(open);
        if folded == Folded::Byte(b'-') && joins::is_key_header(&self.bytes_of(open).bytes) {
            self.close(open, found);
        } else {
            self.bound(open, found);
        }
    }

    /// Passes over words between regions that would be judged to be prose, which saves
    /// opening and closing a region for each.
    fn skip_prose(&mut self) {
        let bytes = self.text.as_bytes();
        while matches!(self.state, State::Between) && matches!(before(bytes, self.at), b' ' | b'\n')
        {
            let word = run(bytes, self.at, |byte| byte.is_ascii_alphabetic());
            let end = run(bytes, word, |byte| matches!(byte, b'.' | b'!' | b'?'));
            let word = part(bytes, self.at, end);
            let ends = matches!(at(bytes, end), b' ' | b'\n') && !word.is_empty();
            if !ends || !is_prose(word) || joins::may_go_on(word) {
                return;
            }
            self.at = end.saturating_add(1);
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
            self.at = self.at.saturating_add(length);
            open.end = self.at;
        }
    }

    fn bytes_of(&self, open: Open) -> View<'_> {
        View::of(self.text.get(open.start..open.end).unwrap_or_default())
    }

    fn context(&self, open: Open) -> Context {
        Context::before(self.text.get(..open.start).unwrap_or_default())
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
        let view = self.bytes_of(open);
        let wanted = self.wanted.has(Entity::PrivateKey);
        let begin = find(&view.bytes, 0, b"-----BEGIN").filter(|_| wanted)?;
        let header =
            joins::is_key_header(&view.bytes) && find(&view.bytes, begin, b"PRIVATE KEY").is_some();
        header.then(|| open.start.saturating_add(view.start(begin)))
    }

    fn judged(&self, open: Open) -> Vec<Finding> {
        let upto = self.text.get(..open.end).unwrap_or_default();
        let region = Region {
            text: upto,
            start: open.start,
            view: View::of(upto.get(open.start..).unwrap_or_default()),
            quoted: open.kind != Kind::Word,
        };
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
        self.state = State::Open(Open {
            start: cut,
            end: open.end.max(cut),
            kind: Kind::Word,
            gap: false,
        });
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
        let front = self.text.get(..needed).unwrap_or_default();
        let kept = front.char_indices().rev().nth(REACH.saturating_sub(1));
        let drop = kept.map_or(0, |(start, _)| start);
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
