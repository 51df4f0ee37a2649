/*! Responses that nobody waits for, and batches. The call that makes one is charged what it has
reserved; what that took in truth is known when it is over, and takes the place of the charge when
it is read first, over all workers. */

use super::answer::Seen;
use super::ask::Ask;
use super::batches::BatchCall;
use super::budget::{Scopes, busy};
use super::finish::Outcome;
use super::refusing::too_many_open;
use super::stored::{Keeping, Named};
use super::{Call, Gateway};
use crate::attempt::Tries;
use crate::config::{Model, Target};
use crate::host::Host;
use crate::identity::Caller;
use crate::ledger::limits::{self, Amounts, Counted};
use crate::ledger::{
    Bill, Charge, Cost, Full, Lost, Passed, Price, Settlement, Slot, Totals, Usage,
};
use crate::protocols::Refusal;
use crate::protocols::openai::BatchUsage;
use crate::state::Exhausted;
use crate::wrapped::{Mark, number_of};
use std::rc::Rc;

/// How long the charge of a response can be corrected, in milliseconds: a day.
const RESPONSE_LASTS_MS: u64 = 24 * 60 * 60 * 1000;

/// The same of a batch, which takes a day itself: three.
pub(super) const BATCH_LASTS_MS: u64 = 3 * RESPONSE_LASTS_MS;

/// The name of the limit that calls run into whose tenant has too many charges open.
pub(super) const OPEN: &str = "open_charges";

/// What a call has to do with charges that are not final.
#[derive(Debug)]
pub(super) enum Later {
    /// Nothing.
    Never,
    /// Its own is one, of what has this number.
    Leaves(u64, Charge),
    /// It has read what that took in truth.
    Tells(u64, Took),
    /// It has read some of it, or an end that does not tell; whether it has ended.
    Passes(u64, Passed, bool),
}

/// How often a charge is raised that others change meanwhile.
const MOST_RAISES: u32 = 8;

/// What something took in truth.
#[derive(Debug, Clone, Copy)]
pub(super) enum Took {
    Response(Usage),
    /// It has failed, and tells no more: what of it has passed.
    Failed(Passed),
    Batch(BatchUsage),
}

impl Took {
    /// An error costs nothing, but for the text that came before it.
    fn usage(&self, charge: &Charge) -> Usage {
        match self {
            Self::Response(usage) | Self::Batch(BatchUsage { usage, .. }) => *usage,
            Self::Failed(passed) => match charge.passed.and(*passed).tokens() {
                0 => Usage::NONE,
                output => Usage {
                    input: charge.input,
                    output,
                    ..Usage::NONE
                },
            },
        }
    }
}

impl Keeping {
    /// Whether what was seen of the answer is not what it will have been.
    pub(super) const fn waits(&self, seen: &Seen) -> bool {
        self.is_background() && !seen.tells_all() && !seen.never_began()
    }

    /// Whether it makes a response that nobody need wait for.
    const fn is_background(&self) -> bool {
        matches!(
            self,
            Self::Makes {
                background: true,
                ..
            }
        )
    }

    /// Whether a response in the background has come to nothing: an error costs nothing, but for
    /// the text that came before it.
    pub(super) fn came_to_nothing(&self, ask: &Ask, seen: &Seen) -> bool {
        let has_failed = seen.failed || seen.never_began();
        let is_untold = seen.usage.is_none() && ask.passed_tokens(seen) == 0;
        self.is_background() && has_failed && is_untold
    }
}

impl Seen {
    /// Whether the answer tells what its response took in all. One that was cancelled took
    /// something, whether that is told or not.
    const fn tells_all(&self) -> bool {
        let is_told = self.usage.is_some() || self.failed || !self.error;
        (self.over || self.done) && is_told
    }

    /// Whether the response or the batch is known to be over. Behind an error, the end of a stream is
    /// that of the stream alone.
    const fn is_over(&self) -> bool {
        self.over || (self.done && !self.error)
    }

    /// Whether a stream told of an error in the place of a response in the background. Behind its
    /// id, an error may be the stream's alone.
    const fn never_began(&self) -> bool {
        self.error && !self.incomplete && self.response.is_none()
    }

    /// What the response took in truth, if that is told.
    fn took(&self) -> Option<Took> {
        let failed = || self.failed.then(|| Took::Failed(self.passed()));
        let took = self.usage.map(Took::Response).or_else(failed);
        took.filter(|_| self.tells_all())
    }
}

impl Ask {
    /// What a call is charged whose answer is not there yet: what it has reserved, or what has
    /// passed, if that is more.
    pub(super) fn background_usage(&self, seen: &Seen) -> Usage {
        let extension = self.held.extension.as_ref();
        let reserved = extension.map_or(self.held.answer, |extension| extension.reserved());
        Usage {
            input: self.prompt_usage().input,
            output: reserved.max(self.passed_tokens(seen)),
            ..Usage::NONE
        }
    }

    /// Tokens of the answer that have passed. A whole one in the background says nothing yet.
    fn passed_tokens(&self, seen: &Seen) -> u64 {
        match self.traits.stream {
            true => seen.output_tokens(),
            false => 0,
        }
    }
}

/// The number of what a backend keeps, by its own id.
fn number_at(backend: Mark, id: &str) -> u64 {
    number_of(&[&backend.bytes(), id.as_bytes()])
}

fn number_named(named: &Named) -> u64 {
    number_at(named.thing.backend, &named.thing.id)
}

/// Whose places are taken, as of other limits.
pub(super) const fn holder_of(full: &Full) -> &'static str {
    if full.of_user { "user" } else { "tenant" }
}

fn name_number(name: &str) -> u64 {
    number_of(&[name.as_bytes()])
}

/// What a call was charged, and what that costs in nano-USD.
const fn charged(charge: &Charge) -> (Usage, u64) {
    let usage = Usage {
        input: charge.input,
        output: charge.output,
        ..Usage::NONE
    };
    (usage, charge.nano_usd)
}

const fn amounts((usage, nano_usd): (Usage, u64)) -> Amounts {
    Amounts {
        requests: 0,
        input: usage.input,
        output: usage.output,
        nano_usd,
    }
}

impl Call {
    /// What the end of a call has to do with charges that are not final.
    pub(super) fn later(&self, ask: &Ask, tries: &Tries, seen: &Seen) -> Later {
        let is_over = seen.is_over();
        let tells = |named, took| Later::Tells(number_named(named), took);
        let later = match &self.keeping {
            Keeping::Reads(named) => Some(match seen.took() {
                Some(took) => tells(named, took),
                None => Later::Passes(number_named(named), seen.passed(), is_over),
            }),
            Keeping::Batch(BatchCall::Names(named, _)) if is_over => Some(match seen.batch {
                Some(batch) => tells(named, Took::Batch(batch)),
                None => Later::Passes(number_named(named), Passed::default(), true),
            }),
            Keeping::Makes { .. } if self.keeping.waits(seen) => self.leaves(ask, tries, seen),
            Keeping::Batch(BatchCall::Makes(_)) => self.leaves(ask, tries, seen),
            _ => None,
        };
        later.unwrap_or(Later::Never)
    }

    fn leaves(&self, ask: &Ask, tries: &Tries, seen: &Seen) -> Option<Later> {
        let id = seen.response.as_ref()?;
        let number = number_at(Mark::of(ask.latest_backend(tries)), id);
        let charge = match &self.keeping {
            Keeping::Batch(BatchCall::Makes(making)) => {
                let of = (making.model.name.as_str(), &*making.target);
                self.charge(ask, of, (making.work.usage(), making.work.cost))
            }
            _ => {
                let usage = ask.background_usage(seen);
                let cost = ask.cost(Settlement::Estimated(usage), tries, &[]);
                let (model, target) = (ask.model(), ask.latest_target(tries)?);
                Charge {
                    passed: match ask.traits.stream {
                        true => seen.passed(),
                        false => Passed::default(),
                    },
                    ..self.charge(ask, (&model, target), (usage, cost))
                }
            }
        };
        let over = seen.is_over();
        Some(Later::Leaves(number, Charge { over, ..charge }))
    }

    /// The charge of this call as it is settled: where it counts is known only then.
    fn charge(
        &self,
        ask: &Ask,
        (model, target): (&str, &Target),
        (usage, cost): (Usage, Cost),
    ) -> Charge {
        let at_ms = match ask.held.at_ms {
            // Nothing was reserved.
            0 => self.started.unix_millis(),
            at_ms => at_ms,
        };
        Charge {
            at_ms,
            until_ms: self.slot.as_ref().map_or(0, |(_, slot)| slot.until_ms),
            user: self.slot.as_ref().map_or(0, |(_, slot)| slot.user),
            input: usage.input,
            output: usage.output,
            nano_usd: cost.nano_usd(),
            priced: !cost.is_unpriced(),
            model: name_number(model),
            target: name_number(&target.key),
            passed: Passed::default(),
            over: false,
            counted: Counted::default(),
        }
    }

    /// Takes a place for the charge that a call of this kind leaves open: without one, nobody could
    /// put right what it is charged.
    ///
    /// # Errors
    /// 429 if the tenant or the user has too many of them, 503 if nobody can say.
    pub(super) fn take_slot(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        lasts_ms: u64,
    ) -> Result<(), Refusal> {
        let Gateway {
            space,
            policy,
            metrics,
            ..
        } = &*self.gateway;
        let (tenant, now) = (caller.tenant.name.as_str(), host.now());
        let slot = Slot {
            until_ms: now.unix_millis().saturating_add(lasts_ms),
            user: match &*caller.user {
                "" => 0,
                user => name_number(user),
            },
        };
        match slot.take(host, space, tenant, now) {
            Ok(Ok(slot)) => {
                self.slot = Some((tenant.to_owned(), slot));
                Ok(())
            }
            Ok(Err(full)) => {
                metrics.limited(host, tenant, holder_of(&full), OPEN);
                Err(too_many_open(&full, now))
            }
            Err(Exhausted) if policy.ledger.admit_when_busy => Ok(()),
            Err(Exhausted) => Err(busy()),
        }
    }

    /// Takes the place of a response in the background, if the call makes one.
    ///
    /// # Errors
    /// As of [`Call::take_slot`].
    pub(super) fn take_slot_in_background(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
    ) -> Result<(), Refusal> {
        match self.keeping.is_background() {
            true => self.take_slot(host, caller, RESPONSE_LASTS_MS),
            false => Ok(()),
        }
    }

    /// Leaves the charge of a call open, raises that of another, or closes it: once, over all
    /// workers. The call itself is settled by now, and counts where `counted` says.
    pub(super) fn settle_later(
        &mut self,
        host: &dyn Host,
        outcome: &mut Outcome,
        counted: impl FnOnce(&Outcome) -> Counted,
    ) {
        let slot = self.slot.take();
        let later = std::mem::replace(&mut outcome.later, Later::Never);
        let done = match (later, outcome.caller(), &slot) {
            (Later::Leaves(id, charge), Some(_), Some((tenant, _))) => {
                let counted = counted(outcome);
                let charge = Charge { counted, ..charge };
                let space = &self.gateway.space;
                match charge.leave(host, space, (tenant, id), host.now()) {
                    Ok(()) if !charge.over => return,
                    done => done,
                }
            }
            // It was let through uncounted.
            (Later::Leaves(..), ..) => Err(Lost),
            (Later::Tells(id, took), Some(caller), _) => self.tells(host, caller, id, &took),
            (Later::Passes(id, passed, over), Some(caller), _) => {
                self.passes(host, caller, id, (passed, over))
            }
            _ => Ok(()),
        };
        if done == Err(Lost) {
            self.count_lost(host, 1);
        }
        if let Some((tenant, slot)) = slot {
            slot.give_back(host, &self.gateway.space, &tenant, host.now());
        }
    }

    /// Closes the charge of what has told what it took.
    fn tells(&self, host: &dyn Host, caller: &Caller, id: u64, took: &Took) -> Result<(), Lost> {
        let (space, tenant) = (&self.gateway.space, caller.tenant.name.as_str());
        let taken = Charge::take(host, space, (tenant, id), host.now())?;
        if let Some(charge) = taken {
            if !charge.over {
                charge.slot().give_back(host, space, tenant, host.now());
            }
            self.correct(host, caller, &charge, took);
        }
        Ok(())
    }

    /// Puts what something took in the place of what was charged for it.
    fn correct(&self, host: &dyn Host, caller: &Caller, charge: &Charge, took: &Took) {
        // What the policy has no more keeps its charge.
        let Some((model, price)) = self.priced(charge) else {
            return self.count_lost(host, 1);
        };
        let usage = took.usage(charge);
        let after = (usage, self.cost_of(price.as_ref(), (took, usage)));
        self.correct_limits(host, (caller, &model), charge, after);
        let whose = (caller.tenant.name.as_str(), model.name.as_str());
        let space = &self.gateway.space;
        if Totals::correct(host, space, whose, charged(charge), after).is_err() {
            self.count_lost(host, 1);
        }
    }

    /// Raises the charge of what has passed in part, if that is more, and leaves it open: else who
    /// hangs up before the end would have it for less. What is `over` and has not told what it took
    /// may never tell it: it gives its place back, and can be put right as long as there is room.
    fn passes(
        &self,
        host: &dyn Host,
        caller: &Caller,
        id: u64,
        (passed, over): (Passed, bool),
    ) -> Result<(), Lost> {
        if passed.tokens() == 0 && !over {
            return Ok(());
        }
        let (space, whose) = (&self.gateway.space, (caller.tenant.name.as_str(), id));
        for _ in 0..MOST_RAISES {
            let Some(charge) = Charge::see(host, space, whose, host.now()) else {
                return Ok(());
            };
            let (model, new) = self.raised(&charge, (passed, over));
            if new == charge {
                return Ok(());
            }
            // Only who has put it there counts it: what was counted before could not be taken back
            // once its window is over.
            if charge.replace(&new, host, space, whose, host.now())? {
                if let Some(model) = model {
                    self.charge_anew(host, (caller, &model), &charge, &new);
                }
                if new.over && !charge.over {
                    charge.slot().give_back(host, space, whose.0, host.now());
                }
                return Ok(());
            }
        }
        Err(Lost)
    }

    /// The charge with what has passed, and its model. What the policy has no more keeps its charge.
    fn raised(
        &self,
        charge: &Charge,
        (passed, over): (Passed, bool),
    ) -> (Option<Rc<Model>>, Charge) {
        let mut new = charge.clone();
        new.over |= over;
        let Some((model, price)) = self.priced(charge) else {
            return (None, new);
        };
        new.passed = charge.passed.and(passed);
        if new.passed.tokens() > charge.output {
            new.output = new.passed.tokens();
            let (usage, _) = charged(&new);
            let cost = self.cost_of(price.as_ref(), (&Took::Response(usage), usage));
            new.nano_usd = cost.max(charge.nano_usd);
        }
        (Some(model), new)
    }

    /// Puts another charge in the place of one, in limits and totals.
    fn charge_anew(
        &self,
        host: &dyn Host,
        (caller, model): (&Caller, &Model),
        before: &Charge,
        new: &Charge,
    ) {
        let after = charged(new);
        if charged(before) == after {
            return;
        }
        self.correct_limits(host, (caller, model), before, after);
        let whose = (caller.tenant.name.as_str(), model.name.as_str());
        let space = &self.gateway.space;
        if Totals::estimate_anew(host, space, whose, charged(before), after).is_err() {
            self.count_lost(host, 1);
        }
    }

    fn correct_limits(
        &self,
        host: &dyn Host,
        (caller, model): (&Caller, &Model),
        charge: &Charge,
        after: (Usage, u64),
    ) {
        let scopes = Scopes::of(caller, Some(model)).list;
        let corrected = limits::correct(
            &self.book(host),
            (&scopes, &charge.counted),
            charge.at_ms,
            &amounts(charged(charge)),
            &amounts(after),
        );
        self.note_changes(host, corrected.long_records.iter().map(String::as_str));
        self.count_lost(host, corrected.lost);
        self.raise(host, &corrected.crossed);
    }

    fn cost_of(&self, price: Option<&Price>, (took, usage): (&Took, Usage)) -> u64 {
        let mut bill = Bill::default();
        match took {
            // Nor does a request that came to nothing.
            Took::Failed(_) if usage == Usage::NONE => 0,
            Took::Response(_) | Took::Failed(_) => {
                bill.answer(price, &usage);
                bill.cost().nano_usd()
            }
            Took::Batch(BatchUsage { answers, .. }) => {
                bill.answers(price, &usage, *answers);
                let stored = self.gateway.policy.stored.as_ref();
                let batches = stored.and_then(|stored| stored.batches);
                batches.unwrap_or_default().cost(bill.cost().nano_usd())
            }
        }
    }

    /// The virtual model that was charged, and the price of its target; `None`: that is there no
    /// more, or has no price any more: nobody can say what it took, and that is not nothing.
    fn priced(&self, charge: &Charge) -> Option<(Rc<Model>, Option<Price>)> {
        let mut models = self.gateway.policy.models.values();
        let model = models.find(|model| name_number(&model.name) == charge.model)?;
        let mut targets = model.live().iter();
        let target = targets.find(|target| name_number(&target.key) == charge.target)?;
        let is_known = target.price.is_some() || !charge.priced;
        is_known.then(|| (Rc::clone(model), target.price))
    }
}
