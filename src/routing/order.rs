/*! The order in which a model's targets are tried. */

use super::cooldown::{self, Health};
use super::{Asked, Try, speed, sticky, turns};
use crate::config::{CoolDown, Lineup, Model, Strategy, Target, Targets};
use crate::host::{Host, Instant};
use crate::ledger::Price;
use crate::sorting::sort_few;
use crate::state::Space;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::rc::Rc;

/// Tokens of an answer for which the caller sets no bound: a page.
pub const EXPECTED_OUTPUT: u64 = 500;

/// Under `fastest`, one call in so many goes first to the target measured longest ago.
const EXPLORE: u64 = 20;

/// What all parts of an ordering look at.
pub(super) struct Orderer<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) space: &'a Space,
    pub(super) rules: &'a CoolDown,
    pub(super) asked: &'a Asked<'a>,
    pub(super) clock: OnceCell<Instant>,
}

/// The targets of a call.
#[derive(Debug)]
pub struct Ordered {
    /// Those that are live and can serve it, in order.
    pub tries: Vec<Try>,
    /// The shadow target that would have been first if all were live.
    pub shadow: Option<Rc<Target>>,
}

impl Orderer<'_> {
    pub(super) fn order(&self, model: &Model, targets: &Targets) -> Ordered {
        let turn = self.turn(model, targets);
        let tries = self.live(model, &targets.live, turn);
        let shadow = targets
            .with_shadow
            .as_ref()
            .and_then(|all| self.shadow(model, all, turn, &tries));
        Ordered { tries, shadow }
    }

    /// The number of this call, for strategies that go by it.
    fn turn(&self, model: &Model, targets: &Targets) -> u64 {
        let counts = matches!(model.strategy, Strategy::Weighted | Strategy::Fastest);
        let alone = targets.live.targets.len() < 2 && targets.with_shadow.is_none();
        if counts && !alone {
            turns::next(self.host, self.space, model, self.now())
        } else {
            0
        }
    }

    fn live(&self, model: &Model, lineup: &Lineup, turn: u64) -> Vec<Try> {
        if let [only] = lineup.targets.as_slice()
            && self.can_serve(only)
        {
            // There is nothing to choose, so nothing is read.
            return vec![Try {
                target: Rc::clone(only),
                health: Health::Alone,
            }];
        }
        let tries: Vec<Try> = self
            .rank(model, lineup, turn)
            .into_iter()
            .map(|target| Try {
                health: cooldown::look(self.host, self.space, self.rules, &target, self.now()),
                target,
            })
            .collect();
        let tries = tries.into_iter();
        let classed = tries.map(|it| (self.class(&it.target, it.health), it));
        let mut classed: Vec<_> = classed.collect();
        sort_few(&mut classed, &|(a, _), (b, _)| a.cmp(b));
        classed.into_iter().map(|(_, it)| it).collect()
    }

    /// Asked for only where there is something to choose: it is a host call.
    fn now(&self) -> Instant {
        *self.clock.get_or_init(|| self.host.now())
    }

    /// The shadow target that would be first if all were live.
    fn shadow(&self, model: &Model, all: &Lineup, turn: u64, live: &[Try]) -> Option<Rc<Target>> {
        let health = |target: &Rc<Target>| {
            let known = live.iter().find(|it| Rc::ptr_eq(&it.target, target));
            known.map_or(Health::Well, |it| it.health)
        };
        let ranked = self.rank(model, all, turn).into_iter();
        let first = ranked.min_by_key(|target| self.class(target, health(target)));
        first.filter(|target| target.shadow)
    }

    /// Targets that cool down go last, and before them those that the call does not fit.
    fn class(&self, target: &Target, health: Health) -> (bool, bool) {
        (health == Health::Cooling, !self.fits(target))
    }

    /// Whether prompt and answer fit into the window, as far as is known.
    fn fits(&self, target: &Target) -> bool {
        let traits = self.asked.traits;
        let answer = traits.max_output.unwrap_or(0);
        let needed = traits.prompt_tokens().saturating_add(answer);
        target.context.is_none_or(|window| needed <= window)
            && target.max_output.is_none_or(|most| answer <= most)
    }

    fn can_serve(&self, target: &Target) -> bool {
        target.can_serve(self.asked.traits)
    }

    /// Those that can serve the call, by the strategy alone; ties are in the order of the
    /// document.
    fn rank(&self, model: &Model, lineup: &Lineup, turn: u64) -> Vec<Rc<Target>> {
        let able = lineup
            .targets
            .iter()
            .filter(|target| self.can_serve(target));
        let mut ranked: Vec<Rc<Target>> = able.cloned().collect();
        match &model.strategy {
            Strategy::Priority => {}
            Strategy::Weighted => {
                let first = self.whose_turn(lineup, turn);
                let is_first = |target: &Rc<Target>| Some(&target.key) == first.map(|it| &it.key);
                if let Some(first) = ranked.iter().position(is_first) {
                    to_front(&mut ranked, first);
                }
            }
            Strategy::Cheapest => {
                let costs = ranked
                    .into_iter()
                    .map(|target| (self.cost(&target), target));
                let mut costs: Vec<_> = costs.collect();
                sort_few(&mut costs, &|(a, _), (b, _)| a.cmp(b));
                ranked = costs.into_iter().map(|(_, target)| target).collect();
            }
            Strategy::Fastest => self.by_speed(&mut ranked, turn),
            Strategy::Sticky(by) => {
                let scores = sticky::scores(by, self.asked, &ranked);
                let mut scored: Vec<_> = scores.into_iter().zip(ranked).collect();
                sort_few(&mut scored, &|(a, _), (b, _)| b.total_cmp(a));
                ranked = scored.into_iter().map(|(_, target)| target).collect();
            }
        }
        ranked
    }

    /// Whose turn it is. The turns of those that can't serve the call are nobody's: the others
    /// keep their shares.
    fn whose_turn<'l>(&self, lineup: &'l Lineup, turn: u64) -> Option<&'l Rc<Target>> {
        let targets = lineup.turns.iter();
        let targets = targets.filter_map(|index| lineup.targets.get(usize::from(*index)));
        let able = || targets.clone().filter(|target| self.can_serve(target));
        let round = u64::try_from(able().count()).ok()?;
        able().nth(usize::try_from(turn.checked_rem(round)?).ok()?)
    }

    /// Tokens of all answers asked for: the caller's bound, which is what a call may cost.
    fn output_tokens(&self) -> u64 {
        let traits = self.asked.traits;
        let each = traits.max_output.unwrap_or(EXPECTED_OUTPUT);
        each.saturating_mul(traits.answers.max(1))
    }

    /// In pico-USD, by the same arithmetic that budgets reserve by; what has no price counts
    /// as dearer than all that have one.
    fn cost(&self, target: &Target) -> u128 {
        let traits = self.asked.traits;
        let (input, output) = (traits.prompt_tokens(), self.output_tokens());
        let most = |price: Price| price.at_most(input, output, traits.kinds());
        target.price.map_or(u128::MAX, most)
    }

    /// Those never measured first, so that they are; shadow targets, which never can be,
    /// last.
    fn by_speed(&self, ranked: &mut Vec<Rc<Target>>, turn: u64) {
        let tokens = self.output_tokens();
        let known = ranked.drain(..).map(|target| {
            let speed = speed::read(self.host, self.space, &target);
            let expected = match &speed {
                Some(speed) => speed.predict(tokens, self.now()),
                None if target.shadow => u64::MAX,
                None => 0,
            };
            (expected, speed, target)
        });
        let mut known: Vec<_> = known.collect();
        sort_few(&mut known, &|(a, ..), (b, ..)| a.cmp(b));
        let live = known.iter().enumerate().filter(|(_, (.., it))| !it.shadow);
        let oldest = live
            .map(|(index, (_, speed, _))| (speed.map(|it| it.measured_at), index))
            .min_by_key(|(measured_at, index)| (*measured_at, Reverse(*index)));
        // Of several never measured, the last: the first of them is where calls go anyway.
        let explores = turn.checked_rem(EXPLORE) == Some(EXPLORE - 1);
        ranked.extend(known.into_iter().map(|(.., target)| target));
        if let Some((_, index)) = oldest.filter(|_| explores) {
            to_front(ranked, index);
        }
    }
}

/// Moves one to the front; the others keep their order.
fn to_front(ranked: &mut [Rc<Target>], index: usize) {
    if let Some(part) = ranked.get_mut(..=index) {
        part.rotate_right(1);
    }
}
