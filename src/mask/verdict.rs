/*! What the guardrails have found in all texts of one call and phase. */

use super::readings::kind;
use crate::classify::{Class, View};
use crate::detect::{Hit, Part, What};

/// Most pairs of guardrail and finding that are told apart; of any others it is only known
/// how many there were.
const MOST_PAIRS: usize = 128;

/// What is known of all texts of one call and phase; of bounded size.
#[derive(Debug, Default)]
pub struct Verdict {
    found: Vec<(u16, What, u64)>,
    others: u64,
    blocked: Option<u16>,
    worst: Vec<Worst>,
    places: Places,
}

/// The highest score that counted for a guardrail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// Index of the guardrail in the policy.
    pub guardrail: u16,
    /// In thousandths.
    pub score: u16,
    /// How the text was read.
    pub view: View,
}

/// Whether it is kept where things were found.
#[derive(Debug, Default)]
enum Places {
    #[default]
    Dropped,
    Kept(Vec<Hit>),
}

impl Verdict {
    /// One that also keeps where things were found, without bound: for tools and tests.
    pub const fn with_places() -> Self {
        Self {
            found: Vec::new(),
            others: 0,
            blocked: None,
            worst: Vec::new(),
            places: Places::Kept(Vec::new()),
        }
    }

    /// How often each guardrail has found what, in order of first appearance.
    pub fn found(&self) -> impl Iterator<Item = (u16, What, u64)> {
        self.found.iter().copied()
    }

    /// Findings beyond the bound of [`Verdict::found`].
    pub const fn others(&self) -> u64 {
        self.others
    }

    /// The guardrail that blocked the call: nothing of any of its texts goes on.
    pub const fn blocked(&self) -> Option<u16> {
        self.blocked
    }

    /// What was found where, in bytes of the text that came (with the escapes of
    /// [`Form::Json`](super::Form) undone), in order of the start within each text. Empty but
    /// of [`Verdict::with_places`].
    pub fn places(&self) -> &[Hit] {
        match &self.places {
            Places::Dropped => &[],
            Places::Kept(hits) => hits,
        }
    }

    /// The highest score that counted for this guardrail.
    pub fn worst(&self, guardrail: u16) -> Option<&Worst> {
        self.worst.iter().find(|worst| worst.guardrail == guardrail)
    }

    /// A text of so many bytes counts as a whole.
    pub fn add_scored(&mut self, worst: Worst, class: Class, length: usize) {
        self.count(worst.guardrail, What::Class(class, worst.score));
        // Over what `count` has noted: the view is known here.
        self.note_worst(worst);
        self.place(Hit {
            what: What::Class(class, worst.score),
            start: 0,
            end: length,
            part: Part::Whole,
        });
    }

    fn note_worst(&mut self, new: Worst) {
        let mut known = self.worst.iter_mut();
        match known.find(|known| known.guardrail == new.guardrail) {
            Some(known) if new.score >= known.score => *known = new,
            Some(_) => {}
            None => self.worst.push(new),
        }
    }

    /// Adds what was found elsewhere; where it was found is not kept.
    pub fn add(&mut self, other: &Self) {
        for (guardrail, what, count) in other.found() {
            self.count_all(guardrail, what, count);
        }
        self.others = self.others.saturating_add(other.others);
        self.blocked = self.blocked.or(other.blocked);
        other.worst.iter().for_each(|worst| self.note_worst(*worst));
    }

    pub(super) fn count(&mut self, guardrail: u16, what: What) {
        self.count_all(guardrail, what, 1);
    }

    /// The same was found in another reading: only its score may be a higher one.
    pub(super) fn count_again(&mut self, guardrail: u16, what: What) {
        if let What::Class(_, score) = what {
            self.note_worst(Worst {
                guardrail,
                score,
                view: View::Plain,
            });
        }
    }

    fn count_all(&mut self, guardrail: u16, what: What, count: u64) {
        self.count_again(guardrail, what);
        let what = kind(what);
        let mut known = self.found.iter_mut();
        if let Some(known) = known.find(|known| (known.0, known.1) == (guardrail, what)) {
            known.2 = known.2.saturating_add(count);
        } else if self.found.len() < MOST_PAIRS {
            self.found.push((guardrail, what, count));
        } else {
            self.others = self.others.saturating_add(count);
        }
    }

    /// Nothing of the call's texts goes on, for this guardrail's sake.
    pub const fn block(&mut self, guardrail: u16) {
        if self.blocked.is_none() {
            self.blocked = Some(guardrail);
        }
    }

    pub(super) fn place(&mut self, hit: Hit) {
        let Places::Kept(hits) = &mut self.places else {
            return;
        };
        let goes_on = |earlier: &&mut Hit| earlier.what == hit.what && earlier.end == hit.start;
        let begun = match hit.part {
            Part::Next => hits.iter_mut().rev().find(goes_on),
            Part::Whole | Part::First => None,
        };
        match begun {
            Some(first) => first.end = hit.end,
            None => hits.push(hit),
        }
    }
}
