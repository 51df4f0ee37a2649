/*! Services that guardrails ask: a request waits for what they say of its texts, as a whole
answer does, and then goes on as they leave it. */

use super::answer::OnData;
use super::caching::ASIDE;
use super::refusing;
use super::sending::{Guarded, Pending, Purpose};
use super::{Call, Gateway, OnBody, Phase, side};
use crate::callout::{Findings, Open, Questions, Ruling, Texts};
use crate::config::{self, Asked, Guards, Unscanned};
use crate::detect::SystemPrompt;
use crate::host::Host;
use crate::http::{Answer, Callout};
use crate::json::Rewrite;
use crate::mask::{Placeholders, Vault};
use crate::protocols::texts::Found;
use crate::protocols::{Api, Refusal, Request};
use crate::tokens::Prompt;
use std::rc::Rc;

/// A request that services are asked about.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) pending: Pending,
    inspected: Inspected,
    /// The body as guardrails in this process have left it.
    body: Vec<u8>,
    changed: Option<Rewrite>,
    questions: Questions,
}

/// What guardrails in this process have learned of a request.
#[derive(Debug, Default)]
pub(super) struct Inspected {
    pub(super) vault: Option<Vault>,
    pub(super) system_prompt: Option<SystemPrompt>,
    /// Whether the text of the answer shall be JSON.
    pub(super) asks_for_json: bool,
    /// Texts that scores leave open.
    pub(super) open: Vec<Open>,
}

/// What becomes of what waits for services.
#[derive(Debug, PartialEq, Eq)]
pub enum OnAnswered {
    /// It goes on waiting, or nothing waits any more.
    Wait,
    /// The request goes on so.
    Request(OnBody),
    /// The answer goes on so.
    Answer(OnData),
}

impl Call {
    /// Asks services about a request that guardrails in this process let pass; without any it
    /// is sent on.
    pub(super) fn ask_services(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        (body, changed): (&[u8], Option<Rewrite>),
        mut inspected: Inspected,
    ) -> OnBody {
        let tenant = Rc::clone(&pending.caller.tenant);
        let services = &tenant.guards.input_services;
        let texts = match services.is_empty() {
            true => Texts::default(),
            false => texts_in(&pending.purpose, self.api, body),
        };
        let open = std::mem::take(&mut inspected.open);
        if texts.is_empty() && open.is_empty() {
            let guarded = Guarded {
                pending,
                inspected,
                changed,
            };
            return self.send(host, guarded, body);
        }
        let refused = match pending.purpose.asks_model() {
            true => self.refused_stream(host, body, &tenant.guards),
            false => None,
        };
        if let Some(refusal) = refused.or_else(|| self.refused_media(host, &tenant.guards)) {
            return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
        }
        let (questions, callouts) = self.questions(host, services, (texts, open));
        let asking = Asking {
            pending,
            inspected,
            body: body.to_vec(),
            changed,
            questions,
        };
        if callouts.is_empty() {
            return self.ruled(host, asking);
        }
        self.phase = Phase::Asking(Box::new(asking));
        OnBody::Ask(callouts)
    }

    /// Asks `services` about texts of a request, and judges about those that are open.
    pub(super) fn questions(
        &self,
        host: &dyn Host,
        services: &[Asked],
        about: (Texts, Vec<Open>),
    ) -> (Questions, Vec<Callout>) {
        let name = |index| refusing::name(&self.gateway.policy, index);
        let known = |judge: &Asked, text: &str| {
            let remembered = self.gateway.remembered.borrow();
            remembered.of(judge, text, || host.now())
        };
        Questions::ask(services, about, config::Phase::Input, name, known)
    }

    /// Takes what a service has said of a request.
    pub(super) fn hear(
        gateway: &Gateway,
        host: &dyn Host,
        questions: &mut Questions,
        (token, answer): (u64, Option<&Answer>),
    ) {
        let learned = |judge: &Asked, text: &str, findings: &Findings| {
            let mut remembered = gateway.remembered.borrow_mut();
            remembered.keep(judge, text, findings, || host.now());
        };
        questions.answered(token, answer, learned);
    }

    /// Why a request is refused by what services have said, if it is.
    pub(super) fn ruled_out(&mut self, questions: &Questions) -> Option<Refusal> {
        let reports = questions.reports(config::Phase::Input);
        self.guarding.services.extend(reports);
        let policy = &self.gateway.policy;
        match questions.ruling() {
            Ruling::Block(guardrail) => Some(refusing::blocked_request(policy, guardrail)),
            Ruling::Fail(guardrail) => Some(refusing::unavailable(policy, guardrail)),
            Ruling::Wait | Ruling::Pass => None,
        }
    }

    /// The callout with this token was answered; `None`: Envoy did not make it.
    pub fn service_answered(
        &mut self,
        host: &dyn Host,
        token: u64,
        answer: Option<&Answer>,
    ) -> OnAnswered {
        if token == ASIDE {
            self.embedded_aside(host, answer);
            return OnAnswered::Wait;
        }
        match &mut self.phase {
            Phase::Asking(asking) => {
                let questions = &mut asking.questions;
                Self::hear(&self.gateway, host, questions, (token, answer));
                if asking.questions.ruling() == Ruling::Wait {
                    return OnAnswered::Wait;
                }
            }
            Phase::Answering { .. } => return self.answer_asked(host, token, answer),
            Phase::Working(_) => return self.step_answered(host, token, answer),
            Phase::Recalling(_) => return self.recalled(host, token, answer),
            Phase::Replaying(_) => return self.replay_asked(host, token, answer),
            _ => {
                if answer.is_none() {
                    // Another one that could not be asked has ended the call.
                    self.step_unsent(token);
                }
                return OnAnswered::Wait;
            }
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Asking(asking) => OnAnswered::Request(self.ruled(host, *asking)),
            other => {
                self.phase = other;
                OnAnswered::Wait
            }
        }
    }

    /// The services have said enough of a request.
    fn ruled(&mut self, host: &dyn Host, asking: Asking) -> OnBody {
        let Asking {
            pending,
            mut inspected,
            body,
            changed,
            questions,
        } = asking;
        if let Some(refusal) = self.ruled_out(&questions) {
            return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
        }
        let edits = questions.edits(match &mut inspected.vault {
            Some(vault) => Placeholders::Make(vault),
            None => Placeholders::Off,
        });
        let Some(rewrite) = edits.apply(&body) else {
            let guarded = Guarded {
                pending,
                inspected,
                changed,
            };
            return self.send(host, guarded, &body);
        };
        if let Some(refusal) = self.too_long_now(rewrite.length) {
            return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
        }
        let new = rewrite.whole(&body);
        let rewrite = match changed {
            Some(changed) => changed.and(Some(rewrite)),
            None => rewrite,
        };
        let guarded = Guarded {
            pending,
            inspected,
            changed: Some(rewrite),
        };
        self.send(host, guarded, &new)
    }

    /// A service has said something about the answer.
    fn answer_asked(&mut self, host: &dyn Host, token: u64, answer: Option<&Answer>) -> OnAnswered {
        let Phase::Answering {
            ask, reader, seen, ..
        } = &mut self.phase
        else {
            return OnAnswered::Wait;
        };
        let mut side = side(
            host,
            &self.gateway,
            ask,
            (&mut self.guarding, &mut self.steps),
            &self.request_id,
        );
        let Some(on) = reader.answered(seen, token, answer, &mut side) else {
            return OnAnswered::Wait;
        };
        match (on, self.released.take()) {
            (OnData::Hold, released) => {
                self.released = released;
                OnAnswered::Wait
            }
            (OnData::Ask(callouts), released) => {
                self.released = released;
                OnAnswered::Answer(OnData::Ask(callouts))
            }
            (OnData::Replace(new), Some(edits)) => {
                OnAnswered::Answer(super::provider::release(edits, new))
            }
            (on, _) => OnAnswered::Answer(on),
        }
    }

    /// What will be refused for the stream that it asks for is so before anybody is asked about
    /// it. One that passes is counted when it is sent.
    fn refused_stream(&self, host: &dyn Host, body: &[u8], guards: &Guards) -> Option<Refusal> {
        let passes = self.gateway.policy.unscannable.answers == Unscanned::Pass;
        if passes || guards.output_services.is_empty() {
            return None;
        }
        match Request::read(self.api, body, Prompt::default()) {
            Ok(request) => self.unjudged_stream(host, guards, request.traits().stream),
            Err(refusal) => Some(refusal),
        }
    }

    /// The same for the media that it asks for.
    fn refused_media(&self, host: &dyn Host, guards: &Guards) -> Option<Refusal> {
        let passes = self.gateway.policy.unscannable.answers == Unscanned::Pass;
        (!passes).then(|| self.unread_media(host, guards)).flatten()
    }

    /// Refuses what asks for a stream where services have to judge answers: they judge whole
    /// ones.
    pub(super) fn unjudged_stream(
        &self,
        host: &dyn Host,
        guards: &Guards,
        stream: bool,
    ) -> Option<Refusal> {
        if !stream || guards.output_services.is_empty() {
            return None;
        }
        let passes = self.gateway.policy.unscannable.answers == Unscanned::Pass;
        self.gateway.metrics.unscannable(host, "streams", passes);
        if passes {
            return None;
        }
        Some(refusing::unjudged_stream())
    }

    /// Refuses to ask for sound or images where answers have to be inspected: nothing can be
    /// looked for in them.
    pub(super) fn unread_media(&self, host: &dyn Host, guards: &Guards) -> Option<Refusal> {
        if !self.api.makes_media() || !guards.look_at(config::Phase::Output) {
            return None;
        }
        let passes = self.gateway.policy.unscannable.answers == Unscanned::Pass;
        self.gateway.metrics.unscannable(host, "answers", passes);
        (!passes).then(refusing::unread_media)
    }
}

/// The texts of a request. (A body that can't be read was refused before.)
pub(super) fn texts_of(api: Api, body: &[u8]) -> Texts {
    texts_in(&Purpose::Call, api, body)
}

fn texts_in(purpose: &Purpose, api: Api, body: &[u8]) -> Texts {
    let mut texts = Texts::default();
    let read = purpose.texts(api, body, &mut |found| {
        if let Found::Text(text) = found {
            texts.add(&text.text, text.form);
        }
    });
    read.map(|()| texts).unwrap_or_default()
}
