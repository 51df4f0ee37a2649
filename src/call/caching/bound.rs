/*! Whether an answer that was cut ended where its caller wanted it to. */

use crate::ledger::Settlement;
use crate::protocols::Traits;
use crate::routing;

/// Where an answer may be cut, and be a whole one all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// Nowhere: the caller has set no bound, or one that a target lowers.
    Foreign,
    /// At so many tokens, those of all answers asked for together.
    Callers(u64),
}

impl Bound {
    pub(super) fn of(asked: &Traits, targets: &[routing::Try]) -> Self {
        let Some(each) = asked.max_output else {
            return Self::Foreign;
        };
        let keeps = |planned: &routing::Try| {
            let most = planned.target.max_output;
            most.is_none_or(|most| each <= most)
        };
        if targets.iter().all(keeps) {
            Self::Callers(each.saturating_mul(asked.answers))
        } else {
            Self::Foreign
        }
    }

    /// Whether an answer that was cut was cut here. Providers use the same words where the
    /// context window ends, so what they report has to be as much as was asked for.
    pub(super) const fn is_end(self, settlement: Settlement) -> bool {
        match (self, settlement) {
            (Self::Callers(most), Settlement::Reported(usage)) => usage.output >= most,
            (Self::Callers(_), _) => true,
            (Self::Foreign, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Usage;

    #[test]
    fn ends_at_the_callers_bound() {
        let reported = |output| {
            Settlement::Reported(Usage {
                output,
                ..Usage::NONE
            })
        };
        for (bound, settlement, is_end) in [
            (Bound::Callers(9), reported(8), false),
            (Bound::Callers(9), reported(9), true),
            (Bound::Callers(9), reported(10), true),
            (Bound::Callers(9), Settlement::Estimated(Usage::NONE), true),
            (Bound::Foreign, reported(9), false),
            (Bound::Foreign, Settlement::Estimated(Usage::NONE), false),
        ] {
            assert_eq!(bound.is_end(settlement), is_end, "{bound:?} {settlement:?}");
        }
    }
}
