/*! Responses that nobody waits for, and batches. The call that makes one is charged what it has
reserved; what that took in truth is known when it is over, and takes the place of the charge when
it is read first, over all workers. */

use super::Call;
use super::answer::Seen;
use super::ask::Ask;
use super::batches::BatchCall;
use super::budget::Scopes;
use super::finish::Outcome;
use super::stored::{Keeping, Named};
use crate::attempt::Tries;
use crate::config::{Model, Target};
use crate::host::Host;
use crate::identity::Caller;
use crate::ledger::limits::{self, Amounts, Holder};
use crate::ledger::{Bill, Charge, Lost, Price, Settlement, Totals, Usage};
use crate::protocols::openai::BatchUsage;
use crate::wrapped::{Mark, number_of};
use std::rc::Rc;

/// How long the charge of a response can be corrected, in milliseconds: a day.
const RESPONSE_LASTS_MS: u64 = 24 * 60 * 60 * 1000;

/// The same of a batch, which takes a day itself: three.
const BATCH_LASTS_MS: u64 = 3 * RESPONSE_LASTS_MS;

/// What a call has to do with charges that are not final.
#[derive(Debug)]
pub(super) enum Later {
    /// Nothing.
    Never,
    /// Its own is one, of what has this number.
    Leaves(u64, Charge),
    /// It has read what that took in truth.
    Tells(u64, Took),
}

/// What something took in truth.
#[derive(Debug, Clone, Copy)]
pub(super) enum Took {
    Response(Usage),
    Batch(BatchUsage),
}

impl Took {
    const fn usage(&self) -> Usage {
        match self {
            Self::Response(usage) | Self::Batch(BatchUsage { usage, .. }) => *usage,
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

    /// Whether a stream told of an error in the place of a response in the background. Behind its
    /// id, an error may be the stream's alone.
    const fn never_began(&self) -> bool {
        self.error && !self.incomplete && self.response.is_none()
    }

    /// What the response took in truth, if that is told.
    fn took(&self) -> Option<Usage> {
        let failed = self.failed.then_some(Usage::NONE);
        self.usage.or(failed).filter(|_| self.tells_all())
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

fn name_number(name: &str) -> u64 {
    number_of(&[name.as_bytes()])
}

const fn amounts(usage: &Usage, nano_usd: u64) -> Amounts {
    Amounts {
        requests: 0,
        input: usage.input,
        output: usage.output,
        nano_usd,
    }
}

impl Call {
    /// What the end of a call has to do with charges that are not final.
    pub(super) fn later(
        &self,
        caller: Option<&Caller>,
        ask: &Ask,
        tries: &Tries,
        seen: &Seen,
    ) -> Later {
        let is_over = seen.over || seen.done;
        let tells = |named, took| Later::Tells(number_named(named), took);
        let later = match &self.keeping {
            Keeping::Reads(named) => seen.took().map(|usage| tells(named, Took::Response(usage))),
            Keeping::Batch(BatchCall::Names(named, _)) if is_over => {
                seen.batch.map(|batch| tells(named, Took::Batch(batch)))
            }
            Keeping::Makes { .. } if self.keeping.waits(seen) => {
                self.leaves(caller, ask, tries, seen)
            }
            Keeping::Batch(BatchCall::Makes(_)) => self.leaves(caller, ask, tries, seen),
            _ => None,
        };
        later.unwrap_or(Later::Never)
    }

    fn leaves(
        &self,
        caller: Option<&Caller>,
        ask: &Ask,
        tries: &Tries,
        seen: &Seen,
    ) -> Option<Later> {
        let id = seen.response.as_ref()?;
        let number = number_at(Mark::of(ask.latest_backend(tries)), id);
        let charge = match &self.keeping {
            Keeping::Batch(BatchCall::Makes(making)) => {
                let of = (making.model.name.as_str(), &*making.target);
                let charged = (making.work.usage(), making.work.cost.nano_usd());
                self.charge(caller?, ask, of, charged, BATCH_LASTS_MS)
            }
            _ => {
                let usage = ask.background_usage(seen);
                let cost = ask.cost(Settlement::Estimated(usage), tries, &[]);
                let (model, target) = (ask.model(), ask.latest_target(tries)?);
                let charged = (usage, cost.nano_usd());
                self.charge(caller?, ask, (&model, target), charged, RESPONSE_LASTS_MS)
            }
        };
        Some(Later::Leaves(number, charge))
    }

    fn charge(
        &self,
        caller: &Caller,
        ask: &Ask,
        (model, target): (&str, &Target),
        (usage, nano_usd): (Usage, u64),
        lasts_ms: u64,
    ) -> Charge {
        let at_ms = match ask.held.at_ms {
            // Nothing was reserved.
            0 => self.started.unix_millis(),
            at_ms => at_ms,
        };
        Charge {
            at_ms,
            until_ms: at_ms.saturating_add(lasts_ms),
            input: usage.input,
            output: usage.output,
            nano_usd,
            model: name_number(model),
            target: name_number(&target.key),
            user: name_number(&caller.user),
        }
    }

    /// Leaves the charge of a call open, or closes that of another: once, over all workers. The
    /// call itself is settled by now.
    pub(super) fn settle_later(&self, host: &dyn Host, outcome: &Outcome) {
        let Some(caller) = outcome.caller() else {
            return;
        };
        let (space, tenant) = (&self.gateway.space, caller.tenant.name.as_str());
        let done = match &outcome.later {
            Later::Never => Ok(()),
            Later::Leaves(id, charge) => charge.leave(host, space, (tenant, *id), host.now()),
            Later::Tells(id, took) => {
                let charge = Charge::take(host, space, (tenant, *id), host.now());
                charge.map(|charge| {
                    if let Some(charge) = charge {
                        self.correct(host, caller, &charge, took);
                    }
                })
            }
        };
        if done == Err(Lost) {
            self.count_lost(host, 1);
        }
    }

    /// Puts what something took in the place of what was charged for it.
    fn correct(&self, host: &dyn Host, caller: &Caller, charge: &Charge, took: &Took) {
        // What the policy has no more keeps its charge.
        let Some((model, price)) = self.priced(charge) else {
            return self.count_lost(host, 1);
        };
        let before = Usage {
            input: charge.input,
            output: charge.output,
            ..Usage::NONE
        };
        let nano_usd = self.cost_of(price.as_ref(), took);
        let took = took.usage();
        let same_user = name_number(&caller.user) == charge.user;
        let mut scopes = Scopes::of(caller, Some(&model)).list;
        scopes.retain(|scope| same_user || !matches!(scope.holder, Holder::User { .. }));
        let corrected = limits::correct(
            &self.book(host),
            (&scopes, &model.name),
            charge.at_ms,
            &amounts(&before, charge.nano_usd),
            &amounts(&took, nano_usd),
        );
        self.note_changes(host, corrected.long_records.iter().map(String::as_str));
        self.count_lost(host, corrected.lost);
        let whose = (caller.tenant.name.as_str(), model.name.as_str());
        let (before, after) = ((before, charge.nano_usd), (took, nano_usd));
        if Totals::correct(host, &self.gateway.space, whose, before, after).is_err() {
            self.count_lost(host, 1);
        }
    }

    fn cost_of(&self, price: Option<&Price>, took: &Took) -> u64 {
        let mut bill = Bill::default();
        match took {
            Took::Response(usage) => {
                bill.answer(price, usage);
                bill.cost().nano_usd()
            }
            Took::Batch(BatchUsage { usage, answers }) => {
                bill.answers(price, usage, *answers);
                let stored = self.gateway.policy.stored.as_ref();
                let batches = stored.and_then(|stored| stored.batches);
                batches.unwrap_or_default().cost(bill.cost().nano_usd())
            }
        }
    }

    /// The virtual model that was charged, and the price of its target.
    fn priced(&self, charge: &Charge) -> Option<(Rc<Model>, Option<Price>)> {
        let mut models = self.gateway.policy.models.values();
        let model = models.find(|model| name_number(&model.name) == charge.model)?;
        let mut targets = model.live().iter();
        let target = targets.find(|target| name_number(&target.key) == charge.target)?;
        Some((Rc::clone(model), target.price))
    }
}
