/*! What the tries of a call teach, and what of them is told. */

use super::Call;
use super::ask::{Adapter, Ask, Route};
use super::limited;
use crate::attempt::{Attempt, Came, Tries, Try, Why};
use crate::config::{AnswerModel, Strategy};
use crate::host::{Host, Instant};
use crate::protocols::Api;
use crate::routing::cooldown;
use crate::routing::speed::{self, Sample};

impl Call {
    /// Takes finished tries into account, each once. The latest one counts as finished if
    /// `last` says so.
    pub(super) fn learn(&self, host: &dyn Host, ask: &mut Ask, tries: &Tries, last: bool) {
        let finished = match tries.0.last() {
            Some(latest) if latest.came == Came::Sent && !last => tries.0.len().saturating_sub(1),
            _ => tries.0.len(),
        };
        let news = tries.0.iter().take(finished).skip(ask.learned);
        for tried in news {
            self.learn_try(host, ask, tried);
        }
        ask.learned = ask.learned.max(finished);
    }

    fn learn_try(&self, host: &dyn Host, ask: &Ask, tried: &Try) {
        let Some(planned) = ask.planned(tried) else {
            return;
        };
        let gateway = &self.gateway;
        let (space, rules) = (&gateway.space, &gateway.policy.cool_down);
        let metrics = &gateway.metrics;
        if planned.health == cooldown::Health::Alone && tried.came == Came::Answered {
            // Nothing was at stake, and calls are counted anyway.
            return;
        }
        metrics.tried(host, &planned.target.backend.name, tried.came.as_str());
        if tried.came == Came::Answered && planned.health != cooldown::Health::Probing {
            // Whether it answers to the end is seen at the end.
            return;
        }
        let now = host.now();
        let noted = match Health::of(&tried.came) {
            Health::Works => cooldown::succeeded(host, space, planned, now),
            Health::Fails => cooldown::failed(host, space, rules, planned, now),
            Health::Limits(until) => {
                cooldown::rate_limited(host, space, rules, planned, until, now)
            }
        };
        if noted.is_err() {
            metrics.event(host, "tollgate.health_notes_lost_total");
        }
    }

    /// How the answer of the latest try ended: a target that breaks off has failed, too.
    pub(super) fn learn_end(&self, host: &dyn Host, ask: &Ask, tries: &Tries, broke_off: bool) {
        let answered = tries
            .0
            .last()
            .filter(|latest| latest.came == Came::Answered);
        let Some(planned) = answered.and_then(|latest| ask.planned(latest)) else {
            return;
        };
        let gateway = &self.gateway;
        let (space, rules) = (&gateway.space, &gateway.policy.cool_down);
        let noted = if broke_off {
            cooldown::failed(host, space, rules, planned, host.now())
        } else if matches!(
            planned.health,
            cooldown::Health::Noted | cooldown::Health::Due
        ) {
            cooldown::succeeded(host, space, planned, host.now())
        } else {
            Ok(())
        };
        if noted.is_err() {
            gateway
                .metrics
                .event(host, "tollgate.health_notes_lost_total");
        }
    }

    /// How quick the target was that answered, for the strategy that asks for it.
    pub(super) fn learn_speed(
        &self,
        host: &dyn Host,
        ask: &Ask,
        tries: &Tries,
        first_text: Option<Instant>,
        output_tokens: u64,
    ) {
        let (Route::Model(routed), Some(latest)) = (&ask.route, tries.0.last()) else {
            return;
        };
        if routed.model.strategy != Strategy::Fastest {
            return;
        }
        let Some(planned) = ask.planned(latest) else {
            return;
        };
        let now = host.now();
        let began = Instant(latest.began);
        let sample = match first_text.filter(|_| ask.traits.stream) {
            Some(first) => Sample::Stream {
                first_token_ms: first.millis_since(began),
                generation_ms: now.millis_since(first),
                output_tokens,
            },
            None => Sample::Whole {
                ms: now.millis_since(began),
                output_tokens,
            },
        };
        let gateway = &self.gateway;
        let space = &gateway.space;
        if speed::learned(host, space, &planned.target, sample, now).is_err() {
            gateway
                .metrics
                .event(host, "tollgate.health_notes_lost_total");
        }
    }
}

/// What a try says of its target.
enum Health {
    Works,
    Fails,
    /// It takes no more for now; until when, if it told.
    Limits(Option<Instant>),
}

impl Health {
    fn of(came: &Came) -> Self {
        match came {
            Came::Answered => Self::Works,
            Came::Sent | Came::Unsent => Self::Fails,
            Came::Failed(failure) if failure.why == Why::RateLimited => {
                Self::Limits(failure.until.map(Instant))
            }
            Came::Failed(failure) if failure.why.blames_target() => Self::Fails,
            // It works: the request was at fault.
            Came::Failed(_) => Self::Works,
        }
    }
}

impl Ask {
    /// What the caller is told of the way that the call took.
    pub(super) fn told(&self, tries: &Tries, caller: Api) -> Vec<(&'static str, String)> {
        let mut told = vec![
            ("x-tollgate-backend", self.latest_backend(tries).to_owned()),
            ("x-tollgate-attempts", tries.0.len().max(1).to_string()),
        ];
        if let (Route::Model(routed), Some(target)) = (&self.route, self.latest_target(tries)) {
            let name = match routed.model.answer_model {
                AnswerModel::Virtual => &routed.model.name,
                AnswerModel::Provider => &target.model,
            };
            told.push(("x-tollgate-model", name.clone()));
        }
        let standings = limited::headers(&self.held.standings, caller.protocol(), self.held.at_ms);
        told.extend(standings);
        let dropped = self.dropped(tries, caller);
        if !dropped.is_empty() {
            told.push(("x-tollgate-dropped", dropped.join(", ")));
        }
        told
    }

    /// Whether the latest target is asked by another API than the caller's.
    pub(super) fn latest_is_foreign(&self, tries: &Tries, caller: Api) -> bool {
        let latest = self.latest_target(tries);
        latest.is_some_and(|target| target.backend.asked_by(caller) != Some(caller))
    }

    /// Fields of the request that were left out for the latest target.
    pub(super) fn dropped(&self, tries: &Tries, caller: Api) -> &[&'static str] {
        let (Route::Model(routed), Some(target)) = (&self.route, self.latest_target(tries)) else {
            return &[];
        };
        let asked_by = target.backend.asked_by(caller);
        let mut dropped = routed.dropped.iter();
        let dropped = dropped.find(|(api, _)| Some(*api) == asked_by && *api != caller);
        dropped.map_or(&[], |(_, names)| names)
    }

    /// In how many seconds a call can succeed, if all its targets have said when they take
    /// requests again.
    pub(super) fn retry_after(tries: &Tries, now: Instant) -> Option<u64> {
        const SECOND: u64 = 1_000_000_000;
        let until = tries.0.iter().map(|tried| match &tried.came {
            Came::Failed(failure) => failure.until,
            _ => None,
        });
        let until: Option<Vec<u64>> = until.collect();
        let first = until?.into_iter().min()?;
        Some(first.saturating_sub(now.0).div_ceil(SECOND).max(1))
    }

    /// The gateway's own try, if it reads the answer of a provider that speaks another
    /// protocol.
    pub(super) fn foreign(&mut self) -> Option<&mut Attempt> {
        match &mut self.adapter {
            Adapter::Gateway(attempt) if attempt.is_foreign() => Some(attempt),
            _ => None,
        }
    }

    /// Whether the gateway itself translates the answer.
    pub(super) fn is_foreign(&self) -> bool {
        match &self.adapter {
            Adapter::Gateway(attempt) => attempt.is_foreign(),
            Adapter::Backends => false,
        }
    }

    /// See [`Attempt::waits_for_end`].
    pub(super) fn waits_for_end(&self, size: usize) -> bool {
        match &self.adapter {
            Adapter::Gateway(attempt) => attempt.waits_for_end(size),
            Adapter::Backends => false,
        }
    }

    /// The gateway's own tries.
    pub(super) fn own_tries(&self) -> Tries {
        match &self.adapter {
            Adapter::Gateway(attempt) => attempt.tries().clone(),
            Adapter::Backends => Tries::default(),
        }
    }

    /// Takes back the gateway's own try: the call did not come so far.
    pub(super) fn untried(&mut self) {
        if let Adapter::Gateway(attempt) = &mut self.adapter {
            attempt.take_back();
        }
    }

    /// Takes note that the gateway's own try never reached its provider.
    pub(super) fn unsent(&mut self) {
        if let Adapter::Gateway(attempt) = &mut self.adapter {
            attempt.unsent();
        }
    }
}
