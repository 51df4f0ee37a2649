/*! Passing over text in which nothing can be found, a block at a time.

Nearly all text is words and marks. Each kind of entity needs something rarer: a digit, an at
sign, `://`, a long run of what keys are written in, a quote behind a name. Where one of these
stands, a look around tells whether it can matter; if so, regions are opened from a place
before it at which none can be open. */

use super::chars::{BREAK, Folded, class_of, fold};
use super::context::nearest;
use super::entity::{Entities, Entity};
use super::find::{BARE_TOPS, is_assigned, is_called_birth, is_v6, names_month};
use super::joins;
use super::lanes::{Bits, CHUNK, high_bits, key_bits};
use super::view::{at, before, part, run, run_back};
use super::words::Subject;

/// Shorter text is not worth it.
pub(super) const FEWEST: usize = 16;

/// The fewest bytes of a key without a digit: a prefix and twenty letters in both cases.
const KEY: u32 = 23;

/// The fewest bytes of a value and the sign before it: `:123456` behind `curl -u name`.
const SHORTEST_ASSIGNED: usize = 7;

/// How far back a place is looked for at which no region is open.
const BACK: usize = 128;

/// A part of text that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// No finding begins before, and no region is open here.
    pub(super) upto: usize,
    /// Up to where regions must be opened and judged.
    pub(super) stop: usize,
}

/// Passes over text from `from` on, where no region is open.
pub(super) fn pass(text: &str, from: usize, wanted: Entities) -> Passed {
    let stop = Pass::new(text, from, wanted).stop();
    let upto = if stop == from {
        from
    } else {
        free_before(text, from, stop)
    };
    Passed {
        upto,
        stop: stop.saturating_add(1),
    }
}

/// Whether none of these is in a whole text from `from` on, so far as a look at its bytes tells: far
/// quicker than [`find`](super::find), which finds nothing wherever this holds. A line begins at
/// `from`, and words before it count.
pub fn is_clear(text: &str, from: usize, wanted: Entities) -> bool {
    Pass::new(text, from, wanted).stop() == text.len()
}

struct Pass<'t> {
    text: &'t str,
    bytes: &'t [u8],
    from: usize,
    wanted: Entities,
    /// Up to where digits have been looked at.
    digits: usize,
    /// Up to where a run of what keys are written in has been looked at.
    keys: usize,
    /// Bytes of ASCII without a blank, and capitals, at the end of the chunk before.
    word_run: u32,
    capital_run: u32,
}

impl<'t> Pass<'t> {
    fn new(text: &'t str, from: usize, wanted: Entities) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            from,
            wanted,
            digits: from,
            keys: from,
            word_run: 0,
            capital_run: 0,
        }
    }

    /// Where something begins that may matter.
    fn stop(&mut self) -> usize {
        let quoted = self.from.checked_sub(1);
        if quoted.is_some_and(|quote| is_quote(at(self.bytes, quote)) && self.opens(quote)) {
            return self.from;
        }
        let rest = self.bytes.get(self.from..).unwrap_or_default();
        let (chunks, tail) = rest.as_chunks::<CHUNK>();
        let mut start = self.from;
        for chunk in chunks {
            if let Some(stop) = self.stop_in(start, chunk) {
                return stop;
            }
            start = start.saturating_add(CHUNK);
        }
        let mut last = [b';'; CHUNK];
        for (place, byte) in last.iter_mut().zip(tail) {
            *place = *byte;
        }
        let stop = self.stop_in(start, &last);
        stop.unwrap_or(self.bytes.len())
    }

    fn stop_in(&mut self, start: usize, chunk: &[u8; CHUNK]) -> Option<usize> {
        let bits = Bits::of(chunk);
        let [high, others] = match bits.high {
            true => high_bits(chunk),
            false => [0; 2],
        };
        let word = !(bits.blank | high);
        let keys = match starts_of_key(word, &mut self.word_run) {
            0 => 0,
            _ => self.keys_in(start, chunk),
        };
        let capitals = starts_of_eight(bits.capital, &mut self.capital_run);
        // What the first byte of the next chunk is, nobody knows.
        let joints = bits.joint & !(bits.blank >> 1);
        let mut places = keys | capitals | bits.sign | joints | others;
        while places != 0 {
            let offset = places.trailing_zeros();
            places &= places.wrapping_sub(1);
            let place = start.saturating_add(usize::try_from(offset).unwrap_or_default());
            // Runs are rare.
            let has = |bits: u64| bits != 0 && (bits >> offset) & 1 == 1;
            let matters = (has(keys) && self.is_key(place))
                || (has(capitals) && self.is_swift(place))
                || self.matters(place);
            if matters {
                return Some(place);
            }
        }
        None
    }

    /// Where long runs of what keys are written in begin, or go on.
    fn keys_in(&self, start: usize, chunk: &[u8; CHUNK]) -> u64 {
        let least = usize::try_from(KEY).unwrap_or_default();
        let from = self.from.max(start.saturating_sub(least));
        let length = start.saturating_sub(from);
        let first = run_back(part(self.bytes, from, start), length, is_key_byte);
        let mut before = u32::try_from(length.saturating_sub(first)).unwrap_or(KEY);
        starts_of_key(key_bits(chunk), &mut before)
    }

    fn matters(&mut self, place: usize) -> bool {
        match at(self.bytes, place) {
            b'0'..=b'9' => self.is_number(place),
            b'@' => {
                let left = before(self.bytes, place);
                left.is_ascii_alphanumeric() || !left.is_ascii() || b"._%+-".contains(&left)
            }
            b':' => self.is_address(place),
            b'.' if !self.is_followed_by_word(place) => false,
            b'.' => self.is_host(place),
            b'-' => self.is_key_header(place) || self.is_mac(place, b'-'),
            b'"' | b'\'' | b'`' => self.opens(place),
            0xc0.. => self.is_other(place),
            _ => false,
        }
    }

    /// Whether what a secret may be assigned to stands before this quote.
    fn opens(&self, quote: usize) -> bool {
        // Most close something: a letter stands before them that ends no `is`.
        let closes = |byte: u8| byte.is_ascii_alphanumeric() && byte | 0x20 != b's';
        let next = at(self.bytes, quote.saturating_add(1));
        next != at(self.bytes, quote)
            && !next.is_ascii_whitespace()
            && !closes(before(self.bytes, quote))
            && is_assigned(self.text, quote.saturating_add(1))
    }

    /// Whether a long run without a digit may be a key: letters in both cases, or parts of a
    /// token between full stops.
    fn is_key(&mut self, place: usize) -> bool {
        if place < self.keys {
            return false;
        }
        let start = self.back(place, is_key_byte);
        let (mut capitals, mut stops) = (0_usize, 0_usize);
        self.keys = start;
        for byte in self.bytes.get(start..).unwrap_or_default() {
            if !is_key_byte(*byte) {
                break;
            }
            capitals = capitals.saturating_add(usize::from(byte.is_ascii_uppercase()));
            stops = stops.saturating_add(usize::from(*byte == b'.'));
            let long = self.keys.saturating_sub(start) > 57 && stops > 0;
            let token = *byte == b'.' && self.text.get(self.keys..).is_some_and(is_token_part);
            if capitals > 5 || long || token {
                return true;
            }
            self.keys = self.keys.saturating_add(1);
        }
        false
    }

    /// The start of the run that ends at `place`, but not before the text that is looked at.
    fn back(&self, place: usize, of: impl Fn(u8) -> bool) -> usize {
        let start = run_back(
            part(self.bytes, self.from, place),
            place.saturating_sub(self.from),
            of,
        );
        self.from.saturating_add(start)
    }

    fn is_swift(&self, place: usize) -> bool {
        let start = self.back(place, |byte| byte.is_ascii_alphanumeric());
        let end = run(self.bytes, place, |byte| byte.is_ascii_alphanumeric());
        matches!(end.saturating_sub(start), 8 | 11)
            && self.wanted.has(Entity::SwiftBic)
            && nearest(self.text, start, usize::MAX, Subject::SWIFT).is_some()
    }

    /// Whether a word with this digit in it can be more than a short number or a name.
    fn is_number(&mut self, place: usize) -> bool {
        if place < self.digits {
            return false;
        }
        let of_word = |byte| class_of(byte) != BREAK && byte.is_ascii();
        let start = self.back(place, of_word);
        let end = run(self.bytes, place, of_word);
        self.digits = end;
        let word = part(self.bytes, start, end);
        !is_plain(word, self.wanted)
            || !self.is_free(start, end)
            || follows_link(self.bytes, self.from, start)
            || self.is_joined(word, start, end)
            || (word.len() >= 8 && is_assigned(self.text, start))
    }

    /// Whether only what ends every region stands on both sides of a word.
    fn is_free(&self, start: usize, end: usize) -> bool {
        let front = self.text.get(..start).unwrap_or_default();
        let rest = self.text.get(end..).unwrap_or_default();
        let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii() || is_break(c));
        ends(front.chars().next_back()) && ends(rest.chars().next()) && !rest.is_empty()
    }

    /// Whether a region goes on over the space behind a word.
    fn is_joined(&self, word: &[u8], start: usize, end: usize) -> bool {
        if at(self.bytes, end) != b' ' {
            return false;
        }
        let rest = self.text.get(end.saturating_add(1)..).unwrap_or_default();
        let Some(next) = rest.chars().next() else {
            return true;
        };
        let Folded::Byte(next) = fold(next) else {
            return true;
        };
        let is_birth = || is_called_birth(self.text, start);
        joins::may_go_on(word) && joins::over_space(word, next, is_birth)
    }

    /// Whether a colon may be part of a URL or of an address.
    fn is_address(&self, colon: usize) -> bool {
        let next = at(self.bytes, colon.saturating_add(1));
        if !next.is_ascii_hexdigit() && !matches!(next, b':' | b'/') {
            return false;
        }
        if part(self.bytes, colon, colon.saturating_add(3)) == b"://" {
            return true;
        }
        let start = self.back(colon, is_v6);
        let end = run(self.bytes, colon, is_v6);
        // A full stop at its end is none of it.
        let end = run_back(self.bytes, end, |byte| byte == b'.');
        let address = part(self.bytes, start, end);
        let colons = address.iter().filter(|byte| **byte == b':').count();
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let free = !word(before(self.bytes, start)) && !word(at(self.bytes, end));
        colons > 1 && (free || address.len() > 16)
    }

    /// Whether a full stop may be part of a host's name or of a hardware address.
    fn is_host(&self, dot: usize) -> bool {
        let name = part(self.bytes, dot.saturating_add(1), dot.saturating_add(4));
        let known = BARE_TOPS.iter().any(|top| top.eq_ignore_ascii_case(name));
        let ends = !at(self.bytes, dot.saturating_add(4)).is_ascii_alphanumeric();
        let www = part(self.bytes, dot.saturating_sub(3), dot).eq_ignore_ascii_case(b"www");
        self.wanted.has(Entity::Url) && ((known && ends) || www) || self.is_mac(dot, b'.')
    }

    /// Whether hexadecimal digits stand around a sign as in hardware addresses.
    fn is_mac(&self, place: usize, sign: u8) -> bool {
        let of = |byte: u8| byte == sign || byte.is_ascii_hexdigit();
        let group = if sign == b'.' { 5 } else { 3 };
        if at(self.bytes, place.saturating_add(group)) != sign {
            return false;
        }
        let start = self.back(place, of);
        let end = run(self.bytes, place, of);
        end.saturating_sub(start) > 13
    }

    fn is_followed_by_word(&self, place: usize) -> bool {
        let next = at(self.bytes, place.saturating_add(1));
        next.is_ascii_alphanumeric() || next == b'-'
    }

    fn is_key_header(&self, dash: usize) -> bool {
        if at(self.bytes, dash.saturating_add(1)) != b'B' {
            return false;
        }
        let start = self.back(dash, |byte| byte == b'-');
        let end = run(self.bytes, dash, |byte| byte == b'-');
        end.saturating_sub(start) > 4 && part(self.bytes, end, end.saturating_add(5)) == b"BEGIN"
    }

    /// Whether a character that is not ASCII counts as one of those that matter.
    fn is_other(&self, place: usize) -> bool {
        let rest = self.text.get(place..).unwrap_or_default();
        let mut chars = rest.chars();
        match chars.next().map(fold) {
            Some(Folded::Byte(b'-')) => {
                // Of a hardware address, or of the header of a key.
                let rest = chars.as_str().as_bytes();
                let near = part(rest, 0, 3);
                rest.starts_with(b"BEGIN") || !near.is_ascii() || near.contains(&b'-')
            }
            Some(Folded::Byte(byte)) => byte != b' ' && byte.is_ascii() && byte != BREAK,
            _ => true,
        }
    }
}

/// Where runs of so many bits begin, or go on that began before; `before` is how many were
/// set at the end of the chunk before.
#[inline]
fn starts(bits: u64, runs: u64, least: u32, before: &mut u32) -> u64 {
    let first = bits.trailing_ones();
    let goes_on = *before > 0 && first > 0 && before.saturating_add(first) >= least;
    *before = if bits == u64::MAX {
        least
    } else {
        bits.leading_ones()
    };
    (runs & !(runs << 1)) | u64::from(goes_on)
}

#[inline]
fn starts_of_eight(bits: u64, before: &mut u32) -> u64 {
    let two = bits & (bits >> 1);
    let four = two & (two >> 2);
    starts(bits, four & (four >> 4), 8, before)
}

#[inline]
fn starts_of_key(bits: u64, before: &mut u32) -> u64 {
    let two = bits & (bits >> 1);
    let four = two & (two >> 2);
    let eight = four & (four >> 4);
    let sixteen = eight & (eight >> 8);
    starts(bits, sixteen & (eight >> 15), KEY, before)
}

fn is_token_part(rest: &str) -> bool {
    rest.starts_with(".ey")
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

const fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'..=b'/' | b'_' | b'=' | b'~')
}

fn is_break(c: char) -> bool {
    fold(c) == Folded::Byte(BREAK)
}

/// Whether a word with digits in it is too short and simple for every finder, whatever the
/// words before it, but a secret's name.
fn is_plain(word: &[u8], wanted: Entities) -> bool {
    let count = |of: fn(&u8) -> bool| word.iter().filter(|byte| of(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let signs = count(|byte| b":.-/".contains(byte));
    // What may be a secret that is assigned to a name.
    let sign = word.iter().position(|byte| b"=:@".contains(byte));
    let assigned = sign.map_or(0, |sign| word.len().saturating_sub(sign));
    let swift = wanted.has(Entity::SwiftBic) && count(u8::is_ascii_uppercase) > 5;
    word.len() < 16
        && digits < 5
        && signs < 2
        && (digits < 4 || word.len() < 10)
        && assigned < SHORTEST_ASSIGNED
        && (word.len() < 7 || !swift)
        && !word.contains(&b'@')
}

/// Whether the word before the space before `place` may go on to what stands there, though it
/// has no digit: a month, `of`, two capitals.
fn follows_link(bytes: &[u8], from: usize, place: usize) -> bool {
    if before(bytes, place) != b' ' || place <= from {
        return false;
    }
    let end = place.saturating_sub(1);
    let of_word = |byte: u8| byte != b' ' && byte != b'\n';
    let start = run_back(bytes, end, of_word).max(from);
    let word = part(bytes, start, end);
    let mut names = word.split(|byte| !byte.is_ascii_alphabetic());
    names.any(|name| {
        name == b"of"
            || (name.len() == 2 && name.iter().all(u8::is_ascii_uppercase))
            || names_month(name)
    })
}

/// The last place from `from` up to `stop` at which no region is open, whatever comes.
fn free_before(text: &str, from: usize, stop: usize) -> usize {
    let bytes = text.as_bytes();
    let least = from.saturating_add(1).max(stop.saturating_sub(BACK));
    let mut places = (least..=stop).rev();
    let is_free = |place: &usize| match before(bytes, *place) {
        b'\n' | b';' | b'"' | b'\'' | b'`' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'|' => true,
        b' ' => {
            let end = place.saturating_sub(1);
            let last = text
                .get(from..end)
                .and_then(|word| word.chars().next_back());
            !matches!(
                last.map(fold),
                None | Some(Folded::Nothing | Folded::Byte(b')' | b'-' | b'/' | b'+'))
            ) && !follows_link(bytes, from, *place)
        }
        _ => false,
    };
    places.find(is_free).unwrap_or(from)
}
