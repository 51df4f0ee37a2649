/*! What was sent, and where. */

use super::Passage;
use super::budget::Held;
use crate::attempt::{Attempt, Came, Tries, Try, Why};
use crate::config::{Backend, Model, Rule, Target};
use crate::ledger::{Bill, Cost, Price, Settlement, Usage};
use crate::protocols::{Api, Tariff, Traits};
use crate::routing;
use crate::tokens::media::SOUND_TOKENS;
use std::rc::Rc;

/// A request that was sent on.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) route: Route,
    pub(super) traits: Traits,
    /// Whether the report of usage is kept from the caller, who did not ask for it.
    pub(super) strip_usage: bool,
    pub(super) adapter: Adapter,
    /// To be settled when the call is over.
    pub(super) held: Held,
    /// How many tries were taken into account for the health of their targets.
    pub(super) learned: usize,
}

#[derive(Debug)]
pub(super) enum Route {
    /// To the targets of a virtual model.
    Model(Routed),
    /// Past all inspection, because the policy says so.
    Pass(Rc<Backend>),
}

/// Where a call goes.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) model: Rc<Model>,
    /// In the order of the tries; never empty.
    pub(super) targets: Vec<routing::Try>,
    /// The rule that decided, if one did.
    pub(super) rule: Option<Rc<Rule>>,
    /// Fields that are left out for providers that are asked by another API than the caller's.
    pub(super) dropped: Vec<(Api, Vec<&'static str>)>,
}

/// Who makes the request fit its provider.
#[derive(Debug)]
pub(super) enum Adapter {
    /// The gateway, for one provider.
    Gateway(Box<Attempt>),
    /// A filter in front of each provider.
    Backends,
}

impl Ask {
    /// What is known of the tries by now.
    pub(super) fn tries(&self, passage: &dyn Passage) -> Tries {
        match &self.adapter {
            Adapter::Gateway(attempt) => attempt.tries().clone(),
            Adapter::Backends => Tries::from_json(&passage.tries()),
        }
    }

    /// What was planned of a try.
    pub(super) fn planned(&self, tried: &Try) -> Option<&routing::Try> {
        match &self.route {
            Route::Model(routed) => routed.targets.get(tried.target),
            Route::Pass(_) => None,
        }
    }

    /// The target of the latest try, or of the first that is to come.
    pub(super) fn latest_target(&self, tries: &Tries) -> Option<&Rc<Target>> {
        match &self.route {
            Route::Model(routed) => {
                let latest = tries.0.last().map_or(0, |tried| tried.target);
                routed.targets.get(latest).map(|planned| &planned.target)
            }
            Route::Pass(_) => None,
        }
    }

    /// The name of the backend of the latest try.
    pub(super) fn latest_backend(&self, tries: &Tries) -> &str {
        match &self.route {
            Route::Model(_) => self
                .latest_target(tries)
                .map_or("", |target| target.backend.name.as_str()),
            Route::Pass(backend) => &backend.name,
        }
    }

    /// The name of the virtual model, empty if there is none.
    pub(super) fn model(&self) -> String {
        match &self.route {
            Route::Model(routed) => routed.model.name.clone(),
            Route::Pass(_) => String::new(),
        }
    }

    /// The virtual model, if there is one.
    pub(super) fn virtual_model(&self) -> Option<Rc<Model>> {
        match &self.route {
            Route::Model(routed) => Some(Rc::clone(&routed.model)),
            Route::Pass(_) => None,
        }
    }

    /// The name of the rule that decided, empty if none did.
    pub(super) fn rule(&self) -> &str {
        match &self.route {
            Route::Model(routed) => routed.rule.as_ref().map_or("", |rule| &rule.name),
            Route::Pass(_) => "",
        }
    }

    /// Tokens of the prompt: as they were reserved, or estimated anew.
    fn prompt_tokens(&self) -> u64 {
        match self.held.prompt {
            0 => self.traits.prompt_tokens(),
            reserved => reserved,
        }
    }

    /// What the prompt takes, estimated, each part as the kind that it may be charged as.
    pub(super) fn prompt_usage(&self) -> Usage {
        if self.traits.tariff == Tariff::Never {
            return Usage::NONE;
        }
        let (traits, input) = (&self.traits, self.prompt_tokens());
        let media = traits.media.tokens();
        Usage {
            input,
            audio_input: traits.media.audio.min(input),
            image_input: traits.media.image.min(input),
            cache_write: if traits.cache {
                input.saturating_sub(media)
            } else {
                0
            },
            seconds: traits.seconds,
            characters: traits.characters,
            ..Usage::NONE
        }
    }

    /// What an answer has used, with what no provider reports.
    pub(super) fn with_units(&self, usage: Usage) -> Usage {
        let traits = &self.traits;
        Usage {
            seconds: match usage.seconds {
                0 => traits.seconds,
                told => told,
            },
            characters: traits.characters,
            images: traits.images,
            // All that is spoken is sound, whether its provider says so or not.
            audio_output: match traits.characters {
                0 => usage.audio_output,
                _ => usage.output,
            },
            ..usage
        }
    }

    /// What a transcript has used of which its provider tells seconds and no tokens: `seen` are
    /// those that were estimated. `None`: it tells tokens, or nothing has to be added.
    pub(super) fn untold_tokens(&self, told: Usage, seen: Usage) -> Option<Usage> {
        let untold = told.seconds > 0 && told.input == 0 && told.output == 0;
        let all = seen.audio_input;
        let audio = all.min(told.seconds.saturating_mul(SOUND_TOKENS));
        (untold && self.traits.seconds > 0).then(|| Usage {
            input: seen.input.saturating_sub(all).saturating_add(audio),
            audio_input: audio,
            seconds: told.seconds,
            ..seen
        })
    }

    /// What a call took of which nobody saw how long its answer was: its caller left, or its time
    /// was over, while the provider worked on it. That is what was reserved: to charge less
    /// would make such answers cheap. `None` where nothing was reserved, or nobody was at work.
    pub(super) fn unseen(&self, tries: &Tries) -> Option<Usage> {
        let at_work = tries
            .0
            .last()
            .is_some_and(|latest| latest.came == Came::Sent);
        let reserved = self.held.answer > 0 || self.traits.images > 0;
        (at_work && reserved).then(|| {
            self.with_units(Usage {
                output: self.held.answer,
                ..self.prompt_usage()
            })
        })
    }

    /// What the call is settled by: what the answer used, and the prompt for each of the tries
    /// that were `lost`.
    pub(super) fn settlement(&self, answered: Settlement, lost: &[&Try]) -> Settlement {
        let prompts = lost.iter().map(|_| self.prompt_usage());
        let prompts = prompts.fold(Usage::NONE, Usage::plus);
        match answered {
            _ if lost.is_empty() => answered,
            Settlement::Reported(usage) | Settlement::Estimated(usage) => {
                Settlement::Estimated(usage.plus(prompts))
            }
            Settlement::Failed | Settlement::Local => Settlement::Estimated(prompts),
        }
    }

    /// What that costs: the answer at the price of the target that gave it, the prompt of
    /// each lost try at that of its own.
    pub(super) fn cost(&self, answered: Settlement, tries: &Tries, lost: &[&Try]) -> Cost {
        let mut bill = Bill::default();
        if let Settlement::Reported(usage) | Settlement::Estimated(usage) = answered {
            let target = self.latest_target(tries);
            bill.answer(self.price(target), &usage);
        }
        for tried in lost {
            let target = self.planned(tried).map(|planned| &planned.target);
            bill.lost(self.price(target), &self.prompt_usage());
        }
        bill.cost()
    }

    /// What a target charges for such a call.
    fn price<'t>(&self, target: Option<&'t Rc<Target>>) -> Option<&'t Price> {
        const FREE: &Price = &Price::FREE;
        let told = target.and_then(|target| target.price.as_ref());
        match self.traits.tariff {
            Tariff::Tokens => told,
            Tariff::IfPriced => told.or(Some(FREE)),
            Tariff::Never => Some(FREE),
        }
    }
}

/// The tries that a provider may have worked on without saying so.
pub(super) fn lost(tries: &[Try]) -> Vec<&Try> {
    let tries = tries.iter();
    tries.filter(|tried| may_have_cost(&tried.came)).collect()
}

/// Whether a provider may charge for a try that gave no answer: errors are free, what was
/// lost on the way or could not be read is not.
const fn may_have_cost(came: &Came) -> bool {
    match came {
        Came::Sent => true,
        Came::Failed(failure) => matches!(failure.why, Why::Garbage),
        Came::Unsent | Came::Answered => false,
    }
}
