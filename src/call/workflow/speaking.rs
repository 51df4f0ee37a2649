/*! An answer that is read aloud: its targets are asked for text, which guardrails look at, and a
service makes the sound that the caller has asked for. */

use super::super::Call;
use super::planning::{amounts, step_of};
use super::refusing::{failed, timed_out};
use super::steps::Steps;
use super::{TOKENS, number_of};
use crate::callout::{Failure, Made, Work, heard, step_request};
use crate::config::{Model, OnError, Step, StepKind, Timeouts};
use crate::host::{Host, Instant};
use crate::http::{Answer, Callout};
use crate::json::Rewrite;
use crate::ledger::Usage;
use crate::ledger::limits::Amounts;
use crate::protocols::openai::{Voice, voice};
use crate::protocols::{Api, ErrorKind, Refusal, Request, Traits};
use std::rc::Rc;

/// Most characters that a token of an answer is taken for.
const CHARACTERS: u64 = 8;

/// Most tokens that `speech_usage` takes a character for: as text, and as sound.
const TEXT_TOKENS: u64 = 1;
const SOUND_TOKENS: u64 = 4;

/// How the answer of a call is read aloud.
#[derive(Debug)]
pub(in crate::call) struct Speech {
    step: Rc<Step>,
    voice: Voice,
    /// When the call began, and how long it may take.
    started: Instant,
    timeouts: Timeouts,
    /// How many of the step's models were asked.
    asked: usize,
    /// The latest question, and the number of its attempt.
    latest: Option<(Work, usize)>,
}

/// What becomes of a text that is to be read aloud.
#[derive(Debug)]
pub(in crate::call) enum Spoken {
    /// Somebody is asked.
    Asks(Callout),
    /// This is the sound.
    Sound(Vec<u8>),
    /// It stays a text.
    Text,
    /// The call fails.
    Fails(Refusal),
}

impl Call {
    /// Takes the wish for sound out of a call whose model gives text alone and has a service that
    /// reads it aloud: the change of its body, if there is one.
    pub(in crate::call) fn take_voice(
        &mut self,
        (request, body): (&Request<'_>, &[u8]),
        model: &Model,
    ) -> Result<Option<Rewrite>, Refusal> {
        let Traits {
            stream,
            answers,
            audio_output,
            ..
        } = request.traits();
        let asks = self.api == Api::ChatCompletions && *audio_output;
        let step = step_of(model, StepKind::Speak).filter(|_| asks);
        let gives_sound = || model.live().iter().any(|target| target.gives_sound());
        let Some(step) = step.filter(|_| !gives_sound()) else {
            return Ok(None);
        };
        if *stream || *answers > 1 {
            return Err(whole_alone(model, if *stream { "stream" } else { "n" }));
        }
        Ok(voice(body)?.map(|(voice, rewrite)| {
            self.steps.speech = Some(Box::new(Speech {
                step: Rc::clone(step),
                voice,
                started: self.started,
                timeouts: model.timeouts,
                asked: 0,
                latest: None,
            }));
            rewrite
        }))
    }
}

fn whole_alone(model: &Model, param: &str) -> Refusal {
    let message = format!(
        "Sound of the model '{}' comes with one whole answer alone, not with '{param}'.",
        model.name
    );
    Refusal::new(ErrorKind::Invalid, "unsupported_modality", message).at(param)
}

impl Steps {
    /// Whether the answer is to be read aloud.
    pub(in crate::call) const fn speaks(&self) -> bool {
        self.speech.is_some()
    }

    /// What that may take.
    pub(in crate::call) fn speech_amounts(&self, traits: &Traits) -> Amounts {
        let Some(speech) = &self.speech else {
            return Amounts::NONE;
        };
        let step = &speech.step;
        let bound = traits.max_output.unwrap_or(u64::MAX);
        let characters = bound.saturating_mul(CHARACTERS).min(step.max_characters);
        let output = characters.saturating_mul(SOUND_TOKENS);
        let most = Usage {
            input: characters.saturating_mul(TEXT_TOKENS),
            output,
            audio_output: output,
            characters,
            ..Usage::NONE
        };
        let work = Work::Speech(String::new(), speech.voice.clone());
        amounts(step, &work, most)
    }

    /// Has a text read aloud.
    pub(in crate::call) fn read_aloud(&mut self, host: &dyn Host, text: &str) -> Spoken {
        let Some(speech) = &self.speech else {
            return Spoken::Text;
        };
        let work = Work::Speech(text.to_owned(), speech.voice.clone());
        self.ask_speech(host, work, None)
    }

    /// Takes an answer; `None`: it is to another question.
    pub(in crate::call) fn sounded(
        &mut self,
        host: &dyn Host,
        token: u64,
        answer: Option<&Answer>,
    ) -> Option<Spoken> {
        let speech = self.speech.as_mut()?;
        let (work, number) = speech.latest.take()?;
        if number_of(token) != Some(number) {
            speech.latest = Some((work, number));
            return None;
        }
        let (made, used) = heard(&speech.step, &work, answer);
        self.ended(number, &made, used, host.now());
        Some(match made {
            Ok(Made::Sound(sound)) => {
                // It may be too long for the answer.
                let speech = self.speech.as_mut()?;
                speech.latest = Some((work, number));
                Spoken::Sound(sound)
            }
            Ok(_) => self.ask_speech(host, work, Some(Failure::Unreadable)),
            Err(why) => self.ask_speech(host, work, Some(why)),
        })
    }

    /// The sound is too long to be used: who has made it has failed.
    pub(in crate::call) fn unspoken(&mut self, host: &dyn Host) -> Spoken {
        let latest = self.speech.as_mut().and_then(|speech| speech.latest.take());
        let Some((work, number)) = latest else {
            return Spoken::Text;
        };
        self.unused(number, Failure::TooLong);
        self.ask_speech(host, work, Some(Failure::TooLong))
    }

    /// An answer that nobody can be asked to read aloud, and what becomes of it for that reason.
    pub(in crate::call) fn unsaid(&self, why: Failure) -> Spoken {
        match &self.speech {
            Some(speech) if speech.step.on_error != OnError::Skip => {
                Spoken::Fails(failed(&speech.step, why))
            }
            _ => Spoken::Text,
        }
    }

    /// Asks the next model of the step, as far as there are some and there is time.
    fn ask_speech(&mut self, host: &dyn Host, work: Work, mut why: Option<Failure>) -> Spoken {
        let Some(mut speech) = self.speech.take() else {
            return Spoken::Text;
        };
        let step = Rc::clone(&speech.step);
        let mut on = None;
        while let Some(asked) = step.models().nth(speech.asked) {
            let now = host.now();
            let left = speech.timeouts.after(now.millis_since(speech.started));
            let Some(Timeouts { total_ms, .. }) = left else {
                let fails = step.on_error != OnError::Skip;
                on = fails.then(|| Spoken::Fails(timed_out()));
                break;
            };
            let number = self.begin(&step, speech.asked, &work, now);
            let token = TOKENS.saturating_add(u64::try_from(number).unwrap_or(0));
            speech.asked = speech.asked.saturating_add(1);
            match step_request(&step, asked, &work, token) {
                Ok(callout) => {
                    let timeout_ms = callout.timeout_ms.min(total_ms);
                    on = Some(Spoken::Asks(Callout {
                        timeout_ms,
                        ..callout
                    }));
                    speech.latest = Some((work, number));
                    break;
                }
                Err(failure) => {
                    self.unsent(number, failure);
                    why = Some(failure);
                }
            }
        }
        self.speech = Some(speech);
        on.unwrap_or_else(|| match (&step.on_error, why) {
            (OnError::Skip, _) | (_, None) => Spoken::Text,
            (OnError::Fail | OnError::Fallback(_), Some(why)) => Spoken::Fails(failed(&step, why)),
        })
    }
}
