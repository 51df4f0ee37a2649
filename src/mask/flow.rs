/*! What goes on of a text, and what stands in the place of the rest.

A *cover* is a part of the text that does not go on: all or a part of what was found. Covers
that overlap are one, so nothing of any goes on. */

use super::channel::Form;
use super::guards::{Act, Guards};
use super::held::{Held, LONGEST_BARE};
use super::placeholder::Mark;
use super::readings::{Found, Reading, kind};
use super::style::Style;
use super::vault::Vault;
use super::verdict::Verdict;
use crate::detect::{Hit, Part, What};
use std::collections::VecDeque;

/// The name in placeholders that stand for text that looks like one.
pub(super) const LOOKALIKE: &str = "PLACEHOLDER";

/// What to do with placeholders.
#[derive(Debug)]
pub(super) enum Use<'v> {
    Make(&'v mut Vault),
    Restore(&'v Vault),
    Nothing,
}

/// Text on its way, and what was found in it.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) held: Held,
    /// Found, and not judged; in the order of their start.
    pub(super) hits: VecDeque<Found>,
    /// Placeholders ahead, in their order.
    pub(super) marks: VecDeque<Mark>,
    /// In the order of their start.
    covers: VecDeque<Cover>,
    /// What became of the last finding in parts, by what was found.
    longs: Vec<Long>,
    /// Up to where something was found, by its kind and reading.
    upto: Vec<(What, Reading, usize)>,
    end: End,
    /// Whether anything did not go on as it was.
    pub(super) changed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The text goes on.
    Open,
    /// Up to here.
    Blocked(usize),
}

#[derive(Debug, Clone)]
struct Cover {
    start: usize,
    end: usize,
    length: Length,
    name: Name,
    reading: Reading,
    act: Mask,
}

/// A finding in parts.
#[derive(Debug, Clone)]
struct Long {
    what: What,
    reading: Reading,
    fate: Fate,
    /// Whether it was found in both readings, and this is the second.
    again: bool,
}

/// Whether the end of what was found is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known,
    /// Its end is not waited for.
    Long,
    /// It goes on a long one before it.
    Next,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Of(What),
    Lookalike,
}

#[derive(Debug, Clone)]
enum Mask {
    Restore,
    Style(Style),
}

/// What becomes of a finding.
#[derive(Debug, Clone)]
enum Fate {
    /// No rule is about it.
    Unknown,
    Pass,
    Mask(Mask),
    /// By this guardrail.
    Block(u16),
}

impl Flow {
    pub(super) fn new(form: Form) -> Self {
        Self {
            held: Held::new(form),
            hits: VecDeque::new(),
            marks: VecDeque::new(),
            covers: VecDeque::new(),
            longs: Vec::new(),
            upto: Vec::new(),
            end: End::Open,
            changed: false,
        }
    }

    /// Lets go on what is settled: before `settled` all hits and marks are known.
    pub(super) fn settle(
        &mut self,
        settled: usize,
        guards: Option<&Guards>,
        places: &mut Use<'_>,
        verdict: &mut Verdict,
    ) -> String {
        let makes = matches!(places, Use::Make(_));
        if let Some(guards) = guards {
            self.judge(settled, guards, makes, verdict);
        }
        if makes {
            self.cover_lookalikes(settled);
        }
        let limit = match self.end {
            End::Open => settled,
            End::Blocked(start) => start.min(settled),
        };
        let limit = self.held.limit(limit);
        let mut out = String::new();
        while self.go_on(limit, guards, places, &mut out) {}
        if self.end != End::Open {
            self.changed = true;
        }
        self.held.forget();
        out
    }

    /// Lets go on all that is left: everything in it is known.
    pub(super) fn end(
        &mut self,
        guards: Option<&Guards>,
        places: &mut Use<'_>,
        verdict: &mut Verdict,
    ) -> String {
        let mut out = self.settle(self.held.end(), guards, places, verdict);
        // In pieces, nothing is written behind a block.
        if self.end == End::Open {
            self.held.close(&mut out);
        }
        out
    }

    fn judge(&mut self, settled: usize, guards: &Guards, makes: bool, verdict: &mut Verdict) {
        while let Some(found) = self.hits.front().copied() {
            let hit = found.hit;
            if hit.start >= settled || self.end != End::Open {
                return;
            }
            self.hits.pop_front();
            if makes {
                self.cover_lookalikes(hit.start.saturating_add(1));
            }
            if !self.is_in_placeholder(hit) {
                self.judge_one(found, guards, makes, verdict);
            }
        }
    }

    /// Placeholders of ours are no findings; what a long one goes on with is part of it.
    fn is_in_placeholder(&self, hit: Hit) -> bool {
        if hit.part == Part::Next {
            return false;
        }
        let behind = self.marks.partition_point(|mark| mark.start <= hit.start);
        let mark = behind
            .checked_sub(1)
            .and_then(|index| self.marks.get(index));
        mark.is_some_and(|mark| hit.end <= mark.end)
    }

    fn judge_one(&mut self, found: Found, guards: &Guards, makes: bool, verdict: &mut Verdict) {
        let hit = found.hit;
        let Long { fate, again, .. } = match self.goes_on(found) {
            Some(long) => long,
            None => self.fresh(found, guards, makes, verdict),
        };
        if !matches!(fate, Fate::Unknown) {
            self.note(found);
            if !again {
                verdict.place(hit);
            }
        }
        match fate {
            Fate::Block(guardrail) => {
                verdict.block(guardrail);
                self.end = End::Blocked(hit.start);
            }
            Fate::Mask(mask) => self.cover(found, &mask),
            Fate::Pass | Fate::Unknown => {}
        }
    }

    fn note(&mut self, Found { hit, reading }: Found) {
        let mut known = self.upto.iter_mut();
        match known.find(|upto| (kind(upto.0), upto.1) == (kind(hit.what), reading)) {
            Some(upto) if upto.2 < hit.end => (upto.0, upto.2) = (hit.what, hit.end),
            Some(_) => {}
            None => self.upto.push((hit.what, reading, hit.end)),
        }
    }

    /// The finding that this one goes on. One of the second reading may have begun before the
    /// first escape, in both.
    fn goes_on(&self, Found { hit, reading }: Found) -> Option<Long> {
        if hit.part != Part::Next {
            return None;
        }
        let mut longs = self.longs.iter().filter(|long| long.what == hit.what);
        let own = longs.clone().find(|long| long.reading == reading);
        let begun = own.or_else(|| longs.next())?;
        Some(Long {
            again: begun.again || begun.reading != reading,
            ..begun.clone()
        })
    }

    /// A finding, or the first part of one.
    fn fresh(&mut self, found: Found, guards: &Guards, makes: bool, verdict: &mut Verdict) -> Long {
        let Found { hit, reading } = found;
        let both = |upto: &&(What, Reading, usize)| {
            kind(upto.0) == kind(hit.what) && upto.1 != reading && upto.2 > hit.start
        };
        let other = self.upto.iter().find(both).map(|upto| upto.0);
        let long = Long {
            what: hit.what,
            reading,
            fate: self.fate(found, guards, makes, (other, verdict)),
            again: other.is_some(),
        };
        if hit.part == Part::First {
            self.longs
                .retain(|long| (long.what, long.reading) != (hit.what, reading));
            self.longs.push(long.clone());
        }
        long
    }

    /// What the rules do with a finding; of one in parts the first tells. Each counts it once,
    /// however it was read: not if it was about what the `other` reading has found.
    fn fate(
        &self,
        Found { hit, reading }: Found,
        guards: &Guards,
        makes: bool,
        (other, verdict): (Option<What>, &mut Verdict),
    ) -> Fate {
        let mut fate = Fate::Unknown;
        let text = reading.of(self.held.text(hit.start, hit.end));
        for rule in guards.about(hit.what, &text) {
            let guardrail = rule.guardrail;
            if other.is_some_and(|other| rule.matches.has(other, &text)) {
                verdict.count_again(guardrail, hit.what);
            } else {
                verdict.count(guardrail, hit.what);
            }
            fate = match (fate, &rule.act) {
                (Fate::Block(first), _) => Fate::Block(first),
                (_, Act::Block) => Fate::Block(guardrail),
                (Fate::Mask(first), _) => Fate::Mask(first),
                (_, Act::Mask(style)) => Fate::Mask(Mask::Style(style.clone())),
                (_, Act::Restore) if makes => Fate::Mask(Mask::Restore),
                (_, Act::Restore) => Fate::Mask(Mask::Style(Style::Replace)),
                (_, Act::Monitor) => Fate::Pass,
            };
        }
        fate
    }

    /// A finding ends with the value that it is in; what is behind is another. A sentence is
    /// not masked in the name of a member: of several, one would be left.
    fn cover(&mut self, Found { hit, reading }: Found, act: &Mask) {
        let keys = !matches!(hit.what, What::Class(..));
        let literals = self.held.literals(hit.start..hit.end).into_iter();
        for literal in literals.filter(|literal| keys || !literal.key) {
            let length = match hit.part {
                Part::Whole => Length::Known,
                Part::Next if !literal.first => Length::Next,
                Part::First | Part::Next => Length::Long,
            };
            self.insert(Cover {
                start: literal.start,
                end: literal.end,
                length,
                name: Name::Of(hit.what),
                reading,
                act: act.clone(),
            });
        }
    }

    fn insert(&mut self, cover: Cover) {
        let index = self
            .covers
            .partition_point(|other| other.start <= cover.start);
        self.covers.insert(index, cover);
    }

    /// What looks like a placeholder is put behind one of its own, so that it can't be
    /// restored to anything else.
    fn cover_lookalikes(&mut self, before: usize) {
        while let Some(mark) = self
            .marks
            .front()
            .copied()
            .filter(|mark| mark.start < before)
        {
            self.marks.pop_front();
            self.insert(Cover {
                start: mark.start,
                end: mark.end,
                length: Length::Known,
                name: Name::Lookalike,
                reading: Reading::AsWritten,
                act: Mask::Restore,
            });
        }
    }

    /// Lets the next part go on; whether there may be more.
    fn go_on(
        &mut self,
        limit: usize,
        guards: Option<&Guards>,
        places: &mut Use<'_>,
        out: &mut String,
    ) -> bool {
        self.pass();
        let cover = self.covers.front().map(|cover| cover.start);
        let mark = self.marks.front().copied();
        let (cover, mark) = (
            cover.filter(|start| *start < limit),
            mark.filter(|mark| mark.start < limit),
        );
        match (cover, mark) {
            (Some(start), Some(mark)) if start < mark.end => {
                if mark.start < start {
                    self.marks.pop_front();
                    return true;
                }
                self.mask(limit, guards, places, out)
            }
            (_, Some(mark)) => self.restore(mark, limit, places, out),
            (Some(_), None) => self.mask(limit, guards, places, out),
            (None, None) => {
                let next = self.next_change();
                self.held.copy(limit, next, out);
                false
            }
        }
    }

    /// Passes over covers that go on what was masked, and placeholders that were masked.
    fn pass(&mut self) {
        let mut at = self.held.at();
        while let Some(cover) = self.covers.front() {
            let goes_on = cover.length == Length::Next && cover.start == at;
            if cover.start >= at && !goes_on {
                break;
            }
            at = at.max(cover.end);
            self.covers.pop_front();
        }
        self.held.skip(at);
        while self.marks.front().is_some_and(|mark| mark.start < at) {
            self.marks.pop_front();
        }
    }

    /// Where the text is next replaced, as far as that is known and decides what becomes of a
    /// bare value before.
    fn next_change(&self) -> usize {
        let cover = self.covers.front().map(|cover| cover.start);
        let near = self
            .marks
            .front()
            .map_or(0, |mark| mark.start)
            .saturating_add(LONGEST_BARE);
        let mut marks = self.marks.iter().take_while(|mark| mark.start < near);
        let mark = marks.find(|mark| !mark.in_url).map(|mark| mark.start);
        cover.into_iter().chain(mark).min().unwrap_or(usize::MAX)
    }

    fn restore(
        &mut self,
        mark: Mark,
        limit: usize,
        places: &mut Use<'_>,
        out: &mut String,
    ) -> bool {
        if mark.end > limit {
            if self.end != End::Open {
                self.marks.pop_front();
                return true;
            }
            self.held.copy(mark.start, self.next_change(), out);
            return false;
        }
        let next = self.next_change();
        self.held.copy(mark.start, next, out);
        let value = match places {
            Use::Restore(vault) if !mark.in_url => vault.restore(&mark.tag),
            _ => None,
        };
        if let Some(value) = value {
            self.held.replace(mark.end, value, out);
            self.changed = true;
        } else {
            self.held.copy(mark.end, next, out);
        }
        self.marks.pop_front();
        true
    }

    /// Masks the covers that overlap the first one, if all of them are known.
    fn mask(
        &mut self,
        limit: usize,
        guards: Option<&Guards>,
        places: &mut Use<'_>,
        out: &mut String,
    ) -> bool {
        let Some(group) = self.group() else {
            return false;
        };
        let next = self.next_change();
        self.held.copy(group.start, next, out);
        if group.end > limit && group.length == Length::Known {
            return false;
        }
        let name = match (group.name, guards) {
            (Name::Of(what), Some(guards)) => guards.name(what),
            _ => LOOKALIKE,
        };
        let text = self.stands_for(&group, name, places);
        self.held.replace(group.end, &text, out);
        self.changed = true;
        true
    }

    /// What goes on in the place of a group.
    fn stands_for(&self, group: &Cover, name: &str, places: &mut Use<'_>) -> String {
        let mut text = String::new();
        let written = self.held.text(group.start, group.end);
        let value = group.reading.of(written);
        match (&group.act, places) {
            (Mask::Restore, Use::Make(vault)) => {
                // What needs escapes again is put back as it was.
                let mut again = String::new();
                group.reading.write(&value, &mut again);
                let value = if again == value { &value } else { written };
                vault.put(name, value, &mut text);
            }
            (Mask::Style(style), _) if group.length == Length::Known => {
                let mut mask = String::new();
                style.write(name, &value, &mut mask);
                group.reading.write(&mask, &mut text);
            }
            // Of a long one the end may not be known: there is nothing to keep or to hash.
            _ => Style::Replace.write(name, &value, &mut text),
        }
        text
    }

    /// The first cover with those that overlap it. What is masked for good stays so.
    fn group(&self) -> Option<Cover> {
        let mut covers = self.covers.iter();
        let mut group = covers.next()?.clone();
        for cover in covers {
            if cover.start >= group.end {
                break;
            }
            group.end = group.end.max(cover.end);
            group.reading = group.reading.max(cover.reading);
            if cover.length != Length::Known {
                group.length = Length::Long;
            }
            if let (Mask::Restore, Mask::Style(_)) = (&group.act, &cover.act) {
                group.act = cover.act.clone();
                group.name = cover.name;
            }
        }
        Some(group)
    }
}
