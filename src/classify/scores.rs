/*! What a text scores, and from which score on it is flagged. */

use super::{
    views::View,
    weights::{self, CLASSES},
};

/// How a text scores, 0 to 1000. The scale says how rare such a score is among clean prompts: one of
/// twenty reaches 500, one of a hundred 700, one of a thousand 900; between them it is
/// straight in the log odds. So thresholds keep their meaning when the weights are trained anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scores {
    /// Prompt injection or jailbreak.
    pub injection: u16,
    /// Insults, hate, profanity.
    pub toxicity: u16,
    /// Where the worst of injection was found.
    pub injection_view: View,
    /// Where the worst of toxicity was found.
    pub toxicity_view: View,
}

impl Scores {
    /// The highest score.
    pub const MOST: u16 = 1000;

    /// The worse of each, and where it was found; of equals, `self`.
    #[must_use]
    pub fn worse(self, other: Scores) -> Scores {
        let (injection, injection_view) = if other.injection > self.injection {
            (other.injection, other.injection_view)
        } else {
            (self.injection, self.injection_view)
        };
        let (toxicity, toxicity_view) = if other.toxicity > self.toxicity {
            (other.toxicity, other.toxicity_view)
        } else {
            (self.toxicity, self.toxicity_view)
        };
        Scores {
            injection,
            toxicity,
            injection_view,
            toxicity_view,
        }
    }

    /// The same scores, found in this view of the text.
    pub(super) fn seen_in(self, view: View) -> Scores {
        Scores {
            injection_view: view,
            toxicity_view: view,
            ..self
        }
    }
}

/// How many clean prompts may be flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// One of a thousand.
    Low,
    /// One of a hundred.
    Medium,
    /// One of twenty.
    High,
}

impl Sensitivity {
    /// The score from which on a text is flagged, for injection and toxicity alike.
    #[must_use]
    pub fn threshold(self) -> u16 {
        let [low, medium, high] = MARKS;
        match self {
            Sensitivity::Low => low,
            Sensitivity::Medium => medium,
            Sensitivity::High => high,
        }
    }
}

/// The scores at the thresholds.
const MARKS: [u16; 3] = [900, 700, 500];

/// The worst log odds of a text so far, in 1/1024, and whether words in disguise were among it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odds {
    pub(super) odds: [i32; CLASSES],
    pub(super) respelled: [bool; CLASSES],
}

impl Odds {
    pub(super) fn worse(mut self, other: &Odds) -> Odds {
        for (((odds, view), other), other_view) in self
            .odds
            .iter_mut()
            .zip(&mut self.respelled)
            .zip(other.odds)
            .zip(other.respelled)
        {
            if other > *odds {
                (*odds, *view) = (other, other_view);
            }
        }
        self
    }

    pub(super) fn scores(&self) -> Scores {
        let [injection, toxicity] = self.odds;
        let [of_injection, of_toxicity] = weights::thresholds();
        let [injection_view, toxicity_view] = self.respelled.map(|respelled| {
            if respelled {
                View::Respelled
            } else {
                View::Plain
            }
        });
        Scores {
            injection: scale(injection, of_injection),
            toxicity: scale(toxicity, of_toxicity),
            injection_view,
            toxicity_view,
        }
    }
}

/// The score of log odds: straight lines through the thresholds and their marks, the outer ones
/// going on as steep.
fn scale(odds: i32, thresholds: [i32; 3]) -> u16 {
    let [low, medium, high] = thresholds.map(i64::from);
    let [at_low, at_medium, at_high] = MARKS.map(i64::from);
    let odds = i64::from(odds);
    let (from, mark, to, next) = if odds >= medium {
        (medium, at_medium, low, at_low)
    } else {
        (high, at_high, medium, at_medium)
    };
    let rise = odds
        .saturating_sub(from)
        .saturating_mul(next.saturating_sub(mark));
    let run = to.saturating_sub(from).max(1);
    let score = mark.saturating_add(rise.div_euclid(run));
    u16::try_from(score.clamp(0, i64::from(Scores::MOST))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: [i32; 3] = [3000, 1000, -500];

    #[test]
    fn thresholds_are_at_their_marks() {
        for (odds, score) in [
            (3000, 900),
            (2999, 899),
            (1000, 700),
            (999, 699),
            (-500, 500),
            (-501, 499),
            (2000, 800),
            (4000, 1000),
            (i32::MAX, 1000),
            (-4250, 0),
            (i32::MIN, 0),
        ] {
            assert_eq!(scale(odds, THRESHOLDS), score, "{odds}");
        }
    }

    #[test]
    fn scores_never_fall_as_odds_rise() {
        let scores: Vec<u16> = (-6000..6000).map(|odds| scale(odds, THRESHOLDS)).collect();
        assert!(scores.is_sorted());
        // Thresholds that are equal, or in a wrong order, do not divide by zero.
        for thresholds in [[5, 5, 5], [-5, 0, 5], [i32::MAX, i32::MIN, i32::MAX]] {
            for odds in [i32::MIN, -1, 0, 5, 6, i32::MAX] {
                assert!(scale(odds, thresholds) <= Scores::MOST);
            }
        }
    }

    #[test]
    fn the_worse_of_each_keeps_its_view() {
        let one = Scores {
            injection: 10,
            toxicity: 20,
            injection_view: View::Plain,
            toxicity_view: View::Respelled,
        };
        let other = Scores {
            injection: 11,
            toxicity: 20,
            ..Scores::default()
        }
        .seen_in(View::Base64);
        assert_eq!(
            one.worse(other),
            Scores {
                injection: 11,
                toxicity: 20,
                injection_view: View::Base64,
                toxicity_view: View::Respelled,
            }
        );
    }
}
