/*! A text read as it is written, and with the escapes of JSON in it undone: `ada\u0040example.org`
in JSON that somebody has pasted says an address, and so does `b@\u0065xample.org`.

Both readings are looked at, since a backslash may also be just that: in paths, in passwords. They
are one up to the first escape, where the finder of the first is copied, and again from where
nothing that is to be found depends on an escape any more. */

use super::json::{Escape, escape, escaped};
use crate::bytes::{Set, find};
use crate::detect::{Entities, Finder, Hit, Part, REACH, Search, What, is_clear};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;

/// Most backslashes before a sign that are read as one escape: strings three deep in strings.
const DEEPEST: usize = 8;

/// Most text that is read at once, in bytes: of each of its escapes up to 80 bytes are kept
/// meanwhile.
const PIECE: usize = 64 * 1024;

/// Most escapes of a text whose second reading is looked at before it is read.
const MOST_ESCAPES: usize = 4096;

/// Code points in which the words stand that count for a finding behind them: twice [`REACH`], which
/// leaves room for the beginning of the first.
const WORDS: usize = 2 * REACH;

/// How much text is read in both readings behind an escape before it is seen whether they are one
/// again, in bytes: more than the words before a finding that it depends on.
const STEP: usize = 192;

/// Least text without an escape that is worth reading once: a text in many pieces takes longer.
const GAP: usize = 1024;

const BACKSLASH: Set = Set::of([b'\\', b'\\']);

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reading {
    AsWritten,
    /// With escapes undone.
    Undone,
}

/// Something that was found, by its place in the text as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) hit: Hit,
    pub(super) reading: Reading,
}

/// Looks for things in a text that comes in pieces.
#[derive(Debug)]
pub(super) struct Readings {
    written: Finder,
    hits: Vec<Hit>,
    /// Those that begin within an escape, and where it ends.
    within: Vec<(Hit, usize)>,
    undone: Option<Box<Undone>>,
    /// What may be the beginning of an escape: nobody has looked at it yet.
    pending: String,
    /// Bytes that have been looked at.
    length: usize,
}

/// The second reading, by its own places: bytes of what it says.
#[derive(Debug)]
struct Undone {
    finder: Finder,
    hits: Vec<Hit>,
    /// Up to where the first reading had found all when the second began.
    from: usize,
    /// Where what is said is written: from each of these on byte by byte, up to the next.
    places: VecDeque<Place>,
    /// The end of what has come.
    end: Place,
    /// Behind the last escape.
    escaped: Place,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    said: usize,
    written: usize,
}

/// An escape, by its place in a piece.
#[derive(Debug)]
struct Spelled {
    start: usize,
    end: usize,
    c: char,
}

/// What was found, whatever its score: both readings may score the same sentence.
pub(super) const fn kind(what: What) -> What {
    match what {
        What::Class(class, _) => What::Class(class, 0),
        other => other,
    }
}

impl Reading {
    /// What `text` says.
    pub(super) fn of(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::AsWritten => Cow::Borrowed(text),
            Self::Undone => undone(text),
        }
    }

    /// `text`, which stands for what was found, as this reading has to have it.
    pub(super) fn write(self, text: &str, out: &mut String) {
        match self {
            Self::AsWritten => out.push_str(text),
            Self::Undone => escaped(text, out),
        }
    }
}

impl Found {
    /// What it is looked at after: what goes on an earlier one comes first, then the longest.
    fn order(&self) -> (usize, What, bool, Reverse<usize>, Reading) {
        let hit = self.hit;
        let fresh = hit.part != Part::Next;
        (hit.start, hit.what, fresh, Reverse(hit.end), self.reading)
    }
}

/// What of a search is to be looked for in a whole text: no personal data and no secrets, where
/// either reading shows at a look that it has none.
pub(super) fn worth_it<'s>(search: &'s Search, text: &str) -> Cow<'s, Search> {
    let wanted = search.entities;
    if wanted.is_empty() || !is_clear(text, 0, wanted) || !is_clear_undone(text, wanted) {
        return Cow::Borrowed(search);
    }
    Cow::Owned(search.without_entities())
}

/// Whether none of these is in the second reading of a text that looks clear in the first: where
/// no escape is near, they are one.
///
/// Of a text with very many escapes it is not told: they would take many times its memory.
fn is_clear_undone(text: &str, wanted: Entities) -> bool {
    let Some(escapes) = few_escapes(text) else {
        return false;
    };
    let mut rest = escapes.as_slice();
    while let Some(first) = rest.first() {
        let start = line_start(text, first.start);
        let (end, count) = lines_end(text, rest);
        let (here, later) = rest.split_at_checked(count.max(1)).unwrap_or((rest, &[]));
        let from = words_start(text, start);
        let near = text.get(from..end).unwrap_or_default();
        let said = undo(near, &moved(here, from), |_, _| {});
        if !is_clear(&said, start.saturating_sub(from), wanted) {
            return false;
        }
        rest = later;
    }
    true
}

/// The escapes of a text, if they are few.
fn few_escapes(text: &str) -> Option<Vec<Spelled>> {
    let (escapes, _) = first_spelled(text, MOST_ESCAPES.saturating_add(1));
    (escapes.len() <= MOST_ESCAPES).then_some(escapes)
}

/// Where the line begins that `place` is in.
fn line_start(text: &str, place: usize) -> usize {
    let front = text.as_bytes().get(..place).unwrap_or_default();
    let end = front.iter().rposition(|byte| *byte == b'\n');
    end.map_or(0, |end| end.saturating_add(1))
}

/// How far the first of these escapes, and those not far behind it, change what may be found: up
/// to the end of a line, since nothing goes on behind it but the words that count for what comes.
/// And how many escapes these are.
fn lines_end(text: &str, escapes: &[Spelled]) -> (usize, usize) {
    const LINE: Set = Set::of([b'\n'; 2]);
    let (mut end, mut count) = (0, 0_usize);
    for escape in escapes {
        if count > 0 && escape.start >= end {
            break;
        }
        count = count.saturating_add(1);
        let near = escape.end..text.len().min(escape.end.saturating_add(WORDS));
        let words = escape.end.saturating_add(length_of_words(text, near));
        if words <= end {
            continue;
        }
        let behind = text.as_bytes().get(words..).unwrap_or_default();
        let line = find(behind, LINE).map(|line| words.saturating_add(line).saturating_add(1));
        end = line.unwrap_or(text.len());
    }
    (end, count)
}

/// Where the words begin that count at `place`, or before it.
fn words_start(text: &str, place: usize) -> usize {
    let near = place.saturating_sub(WORDS)..place;
    let mut start = place.saturating_sub(length_of_words(text, near));
    while !text.is_char_boundary(start) {
        start = start.saturating_sub(1);
    }
    start
}

/// Bytes that as many code points as [`WORDS`] take at most, the first or last bytes of which are
/// `near`.
fn length_of_words(text: &str, near: Range<usize>) -> usize {
    let is_ascii = text.as_bytes().get(near).is_some_and(<[u8]>::is_ascii);
    if is_ascii { WORDS } else { WORDS * 4 }
}

impl Readings {
    pub(super) fn new(search: &Search) -> Self {
        Self {
            written: Finder::new(search),
            hits: Vec::new(),
            within: Vec::new(),
            undone: None,
            pending: String::new(),
            length: 0,
        }
    }

    /// Takes the next piece; adds what is found by it.
    pub(super) fn push(&mut self, piece: &str, found: &mut VecDeque<Found>) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (next, behind) = split(rest);
            self.take(next, found);
            self.give(found, false);
            rest = behind;
        }
    }

    fn take(&mut self, piece: &str, found: &mut VecDeque<Found>) {
        if self.pending.is_empty() {
            let read = self.read(piece, found);
            self.pending.push_str(piece.get(read..).unwrap_or_default());
        } else {
            let mut text = std::mem::take(&mut self.pending);
            text.push_str(piece);
            let read = self.read(&text, found);
            text.drain(..read);
            self.pending = text;
        }
    }

    /// Takes a piece that no sentence and no escape is in: both end before it.
    pub(super) fn push_between(&mut self, piece: &str, found: &mut VecDeque<Found>) {
        let rest = std::mem::take(&mut self.pending);
        self.look(&rest, &[]);
        self.length = self.length.saturating_add(piece.len());
        self.written.push_between(piece, &mut self.hits);
        if let Some(undone) = &mut self.undone {
            undone.push_between(piece);
        }
        self.give(found, false);
    }

    /// Takes the end of the text; adds the rest.
    pub(super) fn finish(&mut self, found: &mut VecDeque<Found>) {
        let rest = std::mem::take(&mut self.pending);
        self.look(&rest, &[]);
        self.written.finish(&mut self.hits);
        if let Some(undone) = &mut self.undone {
            undone.finder.finish(&mut undone.hits);
        }
        self.give(found, true);
    }

    /// Up to where all is known, in bytes of the text.
    pub(super) fn settled(&self) -> usize {
        let settled = self.written.settled();
        let Some(undone) = &self.undone else {
            return settled;
        };
        let within = self.within.iter().map(|(hit, _)| hit.start).min();
        let settled = settled.min(undone.settled());
        within.map_or(settled, |within| within.min(settled))
    }

    /// Reads up to what may be the beginning of an escape.
    fn read(&mut self, text: &str, found: &mut VecDeque<Found>) -> usize {
        let (escapes, read) = spelled(text);
        let mut rest = text.get(..read).unwrap_or_default();
        let (mut escapes, mut at) = (escapes.as_slice(), 0);
        while !rest.is_empty() {
            let (length, within) = match (&self.undone, escapes.first()) {
                (None, None) => (rest.len(), 0),
                (None, Some(first)) => (first.start.saturating_sub(at), 0),
                (Some(_), _) if !self.written.forgets() => (rest.len(), escapes.len()),
                (Some(_), _) => step(rest, at, escapes),
            };
            let (next, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            let (here, later) = escapes.split_at_checked(within).unwrap_or_default();
            self.look(next, &moved(here, at));
            (rest, escapes) = (behind, later);
            at = at.saturating_add(next.len());
            match self.undone {
                Some(_) => self.rejoin(found),
                None if !rest.is_empty() => {
                    let undone = Undone::new(self.written.clone(), self.length);
                    self.undone = Some(Box::new(undone));
                }
                None => {}
            }
        }
        read
    }

    /// Goes on with one reading where both will find the same.
    fn rejoin(&mut self, found: &mut VecDeque<Found>) {
        let differ = self.undone.as_ref().is_none_or(|undone| {
            self.written.depends_from() < undone.escaped.written
                || undone.finder.depends_from() < undone.escaped.said
        });
        if differ {
            return;
        }
        self.give(found, false);
        if self.within.is_empty() {
            self.undone = None;
        }
    }

    fn look(&mut self, text: &str, escapes: &[Spelled]) {
        self.length = self.length.saturating_add(text.len());
        self.written.push(text, &mut self.hits);
        if let Some(undone) = &mut self.undone {
            undone.push(text, escapes);
        }
    }

    /// Gives what was found, in order.
    fn give(&mut self, found: &mut VecDeque<Found>, finished: bool) {
        let as_written = |hit| Found {
            hit,
            reading: Reading::AsWritten,
        };
        let Some(undone) = &mut self.undone else {
            found.extend(self.hits.drain(..).map(as_written));
            return;
        };
        let given = found.len();
        for hit in self.hits.drain(..) {
            match undone.escape_around(&hit) {
                Some(end) if hit.part != Part::Next => self.within.push((hit, end)),
                _ => found.push_back(as_written(hit)),
            }
        }
        undone.give(found);
        sort(found, given);
        let settled = undone.settled();
        let given = found.len();
        let mut known = Vec::new();
        self.within.retain(|(hit, end)| {
            let is_known = finished || *end < settled;
            if is_known {
                known.push(as_written(behind_escape(*hit, *end, found)));
            }
            !is_known
        });
        found.extend(known);
        sort(found, given);
        let settled = self.settled();
        if let Some(undone) = &mut self.undone {
            undone.forget(settled);
        }
    }
}

/// The text that is read at once, and the rest.
fn split(text: &str) -> (&str, &str) {
    // A character has four bytes at most.
    let mut ends = (0..4).map(|less| PIECE.saturating_sub(less));
    let parts = ends.find_map(|end| text.split_at_checked(end));
    parts.unwrap_or((text, ""))
}

/// Sorts what was found, of which the first `known` are in order.
fn sort(found: &mut VecDeque<Found>, known: usize) {
    let added = found.iter().skip(known);
    let Some(first) = added.map(|added| added.hit.start).min() else {
        return;
    };
    let from = found.partition_point(|found| found.hit.start < first);
    if let Some(unsorted) = found.make_contiguous().get_mut(from..) {
        unsorted.sort_by_key(Found::order);
    }
}

/// A finding that begins within an escape, the second reading being known up to its `end`. If
/// the same begins there, the escape is no part of it: in `\nada@example.org`, say. What was
/// `found` is in order.
fn behind_escape(hit: Hit, end: usize, found: &VecDeque<Found>) -> Hit {
    let place = |other: &Found| (other.hit.start, kind(other.hit.what));
    let same = (end, kind(hit.what));
    let begun = found.partition_point(|other| place(other) < same);
    let mut same = found
        .iter()
        .skip(begun)
        .take_while(|other| place(other) == same);
    let is_fresh = |other: &Found| other.reading == Reading::Undone && other.hit.part != Part::Next;
    if end < hit.end && same.any(is_fresh) {
        return Hit { start: end, ..hit };
    }
    hit
}

impl Undone {
    /// It goes on from `finder`, which has read all text before the escape at `from`.
    fn new(finder: Finder, from: usize) -> Self {
        let begin = Place {
            said: from,
            written: from,
        };
        Self {
            from: finder.settled(),
            finder,
            hits: Vec::new(),
            places: VecDeque::new(),
            end: begin,
            escaped: begin,
        }
    }

    fn push(&mut self, text: &str, escapes: &[Spelled]) {
        if escapes.is_empty() {
            self.finder.push(text, &mut self.hits);
            self.end = self.end.behind(text.len(), text.len());
            return;
        }
        let (begin, mut end) = (self.end, self.end);
        let said = undo(text, escapes, |said, written| {
            end = begin.behind(said, written);
            self.places.push_back(end);
        });
        self.escaped = end;
        self.finder.push(&said, &mut self.hits);
        self.end = begin.behind(said.len(), text.len());
    }

    fn push_between(&mut self, text: &str) {
        self.finder.push_between(text, &mut self.hits);
        self.end = self.end.behind(text.len(), text.len());
    }

    fn settled(&self) -> usize {
        self.written(self.finder.settled())
    }

    /// Where in the text a place of what is said is.
    fn written(&self, said: usize) -> usize {
        if said >= self.end.said {
            return self.end.written;
        }
        let behind = self.places.partition_point(|place| place.said <= said);
        let last = behind.checked_sub(1).and_then(|at| self.places.get(at));
        last.map_or(said, |last| {
            let beyond = said.saturating_sub(last.said);
            last.written.saturating_add(beyond)
        })
    }

    /// Gives what was found, but for what the first reading has given before.
    fn give(&mut self, found: &mut VecDeque<Found>) {
        let mut hits = std::mem::take(&mut self.hits);
        for mut hit in hits.drain(..) {
            [hit.start, hit.end] = [hit.start, hit.end].map(|said| self.written(said));
            if hit.end > self.from {
                let reading = Reading::Undone;
                found.push_back(Found { hit, reading });
            }
        }
        self.hits = hits;
    }

    /// Where the escape ends that a finding begins within. A sentence may begin with all of it, as
    /// the line before it ends; a value that does so may be written so.
    fn escape_around(&self, hit: &Hit) -> Option<usize> {
        let written = hit.start;
        let is_sentence = matches!(hit.what, What::Class(..));
        let behind = self.places.partition_point(|place| {
            place.written < written || (is_sentence && place.written == written)
        });
        let before = behind.checked_sub(1)?;
        let mut end = self.escape_at(before).filter(|end| *end > written)?;
        let mut next = before.saturating_add(2);
        let follows = |at: usize, end: usize| {
            let place = self.places.get(at)?;
            self.escape_at(at).filter(|_| place.written == end)
        };
        while let Some(behind) = follows(next, end).filter(|_| is_sentence) {
            end = behind;
            next = next.saturating_add(2);
        }
        Some(end)
    }

    /// Where the escape ends that the place `at` is the beginning of, if it is one.
    fn escape_at(&self, at: usize) -> Option<usize> {
        let [from, to] = [at, at.saturating_add(1)].map(|at| self.places.get(at));
        let (from, to) = (from?, to?);
        let length = |from: usize, to: usize| to.saturating_sub(from);
        let is_escape = length(from.written, to.written) != length(from.said, to.said);
        is_escape.then_some(to.written)
    }

    /// Drops the places that nobody asks for: before `settled`, in bytes of the text.
    fn forget(&mut self, settled: usize) {
        while self
            .places
            .get(1)
            .is_some_and(|next| next.written <= settled)
        {
            self.places.pop_front();
        }
    }
}

impl Place {
    const fn behind(self, said: usize, written: usize) -> Self {
        Self {
            said: self.said.saturating_add(said),
            written: self.written.saturating_add(written),
        }
    }
}

/// `text` without its escapes.
pub(super) fn undone(text: &str) -> Cow<'_, str> {
    let (escapes, _) = spelled(text);
    if escapes.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(undo(text, &escapes, |_, _| {}))
}

/// `text` without its escapes; `places` is told where each begins and where it ends, as what is
/// said and as it is written.
fn undo(text: &str, escapes: &[Spelled], mut places: impl FnMut(usize, usize)) -> String {
    let mut said = String::with_capacity(text.len());
    let mut copied = 0;
    for escape in escapes {
        said.push_str(text.get(copied..escape.start).unwrap_or_default());
        places(said.len(), escape.start);
        said.push(escape.c);
        places(said.len(), escape.end);
        copied = escape.end;
    }
    said.push_str(text.get(copied..).unwrap_or_default());
    said
}

/// The escapes of `text`, and where one begins whose end has not come.
fn spelled(text: &str) -> (Vec<Spelled>, usize) {
    first_spelled(text, usize::MAX)
}

/// The same up to so many of them, and how far was read.
fn first_spelled(text: &str, most: usize) -> (Vec<Spelled>, usize) {
    let mut escapes = Vec::new();
    let mut at = 0;
    while escapes.len() < most {
        let rest = text.get(at..).unwrap_or_default();
        let Some(ahead) = find(rest.as_bytes(), BACKSLASH) else {
            return (escapes, text.len());
        };
        let start = at.saturating_add(ahead);
        at = match spelling(rest.get(ahead..).unwrap_or_default()) {
            Escape::Known(c, length) => {
                let end = start.saturating_add(length);
                escapes.push(Spelled { start, end, c });
                end
            }
            Escape::Unknown => start.saturating_add(1),
            Escape::Open => return (escapes, start),
        };
    }
    (escapes, at)
}

/// Reads the escape that `text` begins with, as it is written in strings within strings: each
/// of its backslashes is as many of them.
fn spelling(text: &str) -> Escape {
    let backslashes = text.bytes().take_while(|byte| *byte == b'\\');
    let depth = backslashes.take(DEEPEST.saturating_add(1)).count();
    if depth > DEEPEST {
        return Escape::Unknown;
    }
    let more = depth.saturating_sub(1);
    let sign = text.as_bytes().get(depth);
    let unit = text.split_at_checked(depth.saturating_add(5));
    let Some((unit, behind)) = unit.filter(|_| more > 0 && sign == Some(&b'u')) else {
        return longer(escape(text.get(more..).unwrap_or_default()), more);
    };
    let mut plain = String::from(unit.get(more..).unwrap_or_default());
    plain.extend(second(behind, depth).chars().take(6));
    match escape(&plain) {
        Escape::Known(c, 12) => Escape::Known(c, more.saturating_mul(2).saturating_add(12)),
        escape => longer(escape, more),
    }
}

/// What follows the first half of a pair, with one backslash if it has `depth` of them; nothing,
/// as long as more of them may come.
fn second(behind: &str, depth: usize) -> &str {
    let backslashes = behind.bytes().take_while(|byte| *byte == b'\\');
    let backslashes = backslashes.take(depth).count();
    match behind.get(depth.saturating_sub(1)..) {
        Some(second) if backslashes == depth => second,
        _ if backslashes == behind.len() => "",
        _ => " ",
    }
}

fn longer(escape: Escape, more: usize) -> Escape {
    match escape {
        Escape::Known(c, length) => Escape::Known(c, length.saturating_add(more)),
        escape => escape,
    }
}

/// How much of `rest`, which begins at `at`, is read in both readings at once: up to a step
/// behind the escapes that have less than a gap between them. And how many escapes are in it.
fn step(rest: &str, at: usize, escapes: &[Spelled]) -> (usize, usize) {
    let (mut end, mut count) = (at, 0_usize);
    for escape in escapes {
        if escape.start.saturating_sub(end) >= GAP {
            break;
        }
        end = escape.end;
        count = count.saturating_add(1);
    }
    let mut length = end.saturating_sub(at).saturating_add(STEP);
    if rest.len() < length.saturating_add(GAP) && count == escapes.len() {
        return (rest.len(), count);
    }
    while length < rest.len() && !rest.is_char_boundary(length) {
        length = length.saturating_add(1);
    }
    (length.min(rest.len()), count)
}

fn moved(escapes: &[Spelled], by: usize) -> Vec<Spelled> {
    let moved = escapes.iter().map(|escape| Spelled {
        start: escape.start.saturating_sub(by),
        end: escape.end.saturating_sub(by),
        c: escape.c,
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Phrases;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::rc::Rc;

    /// Where something is found in a text that comes in pieces, whichever reading has it; and
    /// whether the readings were one again at its end.
    fn found_in(search: &Search, pieces: &[&str]) -> (Vec<(What, usize, usize)>, bool) {
        let mut readings = Readings::new(search);
        let mut found = VecDeque::new();
        for piece in pieces {
            readings.push(piece, &mut found);
        }
        let one = readings.undone.is_none();
        readings.finish(&mut found);
        let hits = found.iter().map(|found| found.hit);
        let mut places: Vec<_> = hits.map(|hit| (hit.what, hit.start, hit.end)).collect();
        places.sort_unstable();
        places.dedup_by(|next, last| {
            let joined = next.0 == last.0 && next.1 <= last.2;
            if joined {
                last.2 = last.2.max(next.2);
            }
            joined
        });
        (places, one)
    }

    fn searches() -> [Search; 2] {
        let entities = Search {
            entities: Entities::all(),
            ..Search::default()
        };
        // Who looks for phrases goes on with both readings: all that has come may matter.
        let phrases = Phrases::new(&[String::from("quxquuxquuz")]).unwrap();
        let never = Search {
            phrases: Some(Rc::new(phrases)),
            ..entities.clone()
        };
        [entities, never]
    }

    #[test]
    fn readings_are_one_again_behind_an_escape() {
        let [search, never] = searches();
        let text = format!("{}\\n{}", "So it is. ".repeat(9), "So it is. ".repeat(160));
        assert!(found_in(&search, &[&text]).1);
        assert!(!found_in(&never, &[&text]).1);
        let mail = r"ada\u0040example.org";
        let text = format!("{mail} {} {mail} bob@example.org", "and so on ".repeat(160));
        let (found, one) = found_in(&search, &[&text]);
        assert_eq!((found.len(), one), (3, false));
    }

    #[test]
    fn regression_what_ends_at_the_first_escape_is_found_in_the_second_reading() {
        let [search, _] = searches();
        // As it is written, the value goes on, and is no number of a telephone.
        let text = r#"{"api_key": "+1 415 555 0132 \n-----BEGIN"#;
        let (found, _) = found_in(&search, &[text]);
        let phone = text.find('+').unwrap();
        assert!(found.iter().any(|found| found.1 == phone), "{found:?}");
    }

    proptest! {
        #[test]
        fn one_reading_finds_what_two_find(
            words in vec((0_usize..24, 1_usize..40), 0..24),
            cut in 0_usize..4000,
        ) {
            let known = [
                "\\n", r"\u0040", "\\\"", "\\", r"a\u0064a@example.org", "ada@example.org ", "so it is ",
                "é", " ", "x", "password = \"", "Hunter2-hunter22\" ", "phone: ", "+1 415 555 0132 ",
                "4111 1111 1111 1111 ", "date of birth ", "1980-04-02 ", "\n", "{\"api_key\": \"",
                "sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8t\"", "-----BEGIN PRIVATE KEY-----\n", "MIIEvQIBADANBg ",
                "-----END PRIVATE KEY-----", "https://example.org/?a=b ",
            ];
            let text: String = words
                .iter()
                .map(|(word, times)| {
                    let times = if matches!(*word, 6..=9) { *times * 8 } else { 1 };
                    known[*word].repeat(times)
                })
                .collect();
            let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
            let (front, back) = text.split_at(cut.unwrap());
            let [search, never] = searches();
            let wanted = found_in(&never, &[&text]).0;
            prop_assert_eq!(&found_in(&search, &[&text]).0, &wanted);
            prop_assert_eq!(&found_in(&search, &[front, back]).0, &wanted);
        }
    }

    proptest! {
        #[test]
        fn what_looks_clear_near_escapes_is_clear(
            words in vec((0_usize..30, 1_usize..30), 0..24),
        ) {
            let known = [
                "\\n", r"\u0040", "\\\"", "\\", r"a\u0064a", "@example", "so it is ", "é ", " ", "x", "\n",
                "password = ", "\"", "Hunter2-hunter22", "phone: ", "+1 415", " 555 0132 ", "4111 1111 ",
                "1111 1111 ", "date of birth ", "1980-04-02 ", "\n", "word\n", "{\"api_key\": ", "한글 ",
                "-----BEGIN ", "swift ", "DEUTDEFF", "https:", r"\/\/",
            ];
            let text: String = words
                .iter()
                .map(|(word, times)| {
                    let times = if matches!(*word, 6..=10 | 21 | 24) { *times } else { 1 };
                    known[*word].repeat(times)
                })
                .collect();
            let all = Entities::all();
            let [_, never] = searches();
            if is_clear(&text, 0, all) {
                let clear = is_clear_undone(&text, all);
                prop_assert_eq!(clear, is_clear(&undone(&text), 0, all));
                prop_assert!(!clear || found_in(&never, &[&text]).0.is_empty());
            }
        }
    }

    #[test]
    fn a_finding_by_an_escape_is_seen_wherever_it_stands() {
        let all = Entities::all();
        let is_clear = |text: &str| is_clear(text, 0, all) && is_clear_undone(text, all);
        for front in 0..600 {
            let words = "so it is ".repeat(70).split_at(front).0.to_owned();
            let foreign: String = "é it is ".repeat(90).chars().take(front).collect();
            for words in [words, foreign] {
                let text = format!("{words}\nada\\u0040example.org ");
                assert!(!is_clear(&text), "{text}");
                let text = format!("\\n{words}\n\\\"ada\\n and so\\\" on\n");
                assert!(is_clear(&text), "{text}");
            }
        }
        // The name is written otherwise, and the value stands in the next line.
        assert!(!is_clear("pass\\u0077ord:\n\"x7Kp!q2Z\"\n"));
        assert!(is_clear("pass\\nord:\n\"xKp!qZ\"\n"));
    }

    #[test]
    fn regression_a_look_at_a_long_text_keeps_few_escapes() {
        for escape in [r"\n", r"é\n", r"\\u0041"] {
            let text = escape.repeat(1024 * 1024 / escape.len());
            assert!(few_escapes(&text).is_none(), "{escape}");
            let text = format!(
                "{}{}",
                escape.repeat(MOST_ESCAPES),
                "so it is ".repeat(20_000)
            );
            let escapes = few_escapes(&text).unwrap();
            assert!(escapes.len() == MOST_ESCAPES && escapes.capacity() <= 4 * MOST_ESCAPES);
        }
        // Cut within an escape.
        for front in PIECE - 14..PIECE + 2 {
            let text = format!("{}\\u0041 \\n and so on", "x".repeat(front));
            let places = |escapes: &[Spelled]| -> Vec<(usize, usize, char)> {
                escapes
                    .iter()
                    .map(|one| (one.start, one.end, one.c))
                    .collect()
            };
            assert_eq!(
                places(&few_escapes(&text).unwrap()),
                places(&spelled(&text).0),
                "{front}"
            );
        }
    }

    #[test]
    fn regression_of_a_long_text_few_escapes_are_kept() {
        let search = Search {
            entities: Entities::all(),
            ..Search::default()
        };
        for escape in [r"\n", r"é\n", r"\\u0041"] {
            let text = escape.repeat(1024 * 1024 / escape.len());
            let mut readings = Readings::new(&search);
            let mut found = VecDeque::new();
            readings.push(&text, &mut found);
            let undone = readings.undone.as_ref().unwrap();
            assert!(undone.places.capacity() <= 4 * PIECE, "{escape}");
            assert!(readings.pending.len() < 16, "{escape}");
            assert_eq!(readings.length + readings.pending.len(), text.len());
            readings.finish(&mut found);
            assert!(found.is_empty(), "{escape}");
        }
    }

    #[test]
    fn texts_are_split_between_characters() {
        for text in ["a", "é", "한", "😀"] {
            let text = text.repeat(PIECE);
            for front in 0..4 {
                let text = format!("{}{text}", "x".repeat(front));
                let (next, behind) = split(&text);
                assert_eq!(format!("{next}{behind}"), text);
                assert!((PIECE - 3..=PIECE).contains(&next.len()));
            }
        }
        assert_eq!(split("é"), ("é", ""));
        let short = "a".repeat(PIECE - 2);
        assert_eq!(split(&short), (short.as_str(), ""));
    }
}
