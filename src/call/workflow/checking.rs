/*! What steps have made goes through what guards requests before it stands in one. */

use super::super::asking::Inspected;
use super::super::{Call, OnAnswered, OnBody, Phase};
use super::{Job, JobEnd, Stage, Working};
use crate::callout::{Ruling, Texts};
use crate::config::Guards;
use crate::host::Host;
use crate::http::Answer;
use crate::json::{Error, Reader, Text, quote};
use crate::mask::{Form, Placeholders};
use crate::protocols::Refusal;
use crate::protocols::texts::Site;
use std::rc::Rc;

impl Call {
    /// Checks the texts of a round.
    pub(super) fn check_texts(&mut self, host: &dyn Host, mut working: Box<Working>) -> OnBody {
        let tenant = Rc::clone(&working.pending.caller.tenant);
        let guards = &tenant.guards;
        let Working {
            inspected, jobs, ..
        } = &mut *working;
        if let Err(refusal) = self.mask_texts(guards, inspected, jobs) {
            return self.refuse_step(working, &refusal);
        }
        let open = std::mem::take(&mut inspected.open);
        let services = &guards.input_services;
        if services.is_empty() && open.is_empty() {
            return self.put_texts(host, working);
        }
        let document = document(jobs);
        let texts = match services.is_empty() {
            true => Texts::default(),
            false => texts(&document),
        };
        let (questions, callouts) = self.questions(host, services, (texts, open));
        working.stage = Stage::Checking(Box::new(questions), document);
        if callouts.is_empty() {
            return self.checked(host, working);
        }
        self.phase = Phase::Working(working);
        OnBody::Ask(callouts)
    }

    /// Guardrails in this process look at the texts.
    fn mask_texts(
        &mut self,
        guards: &Guards,
        inspected: &mut Inspected,
        jobs: &mut [Job],
    ) -> Result<(), Refusal> {
        for job in jobs {
            if let JobEnd::Text(text) = &mut job.end {
                *text = self.guard_piece(guards, inspected, text)?;
            }
        }
        Ok(())
    }

    /// A service has said something about the texts.
    pub(super) fn check_answered(
        &mut self,
        host: &dyn Host,
        mut working: Box<Working>,
        (token, answer): (u64, Option<&Answer>),
    ) -> OnAnswered {
        if let Stage::Checking(questions, _) = &mut working.stage {
            Self::hear(&self.gateway, host, questions, (token, answer));
            if questions.ruling() == Ruling::Wait {
                self.phase = Phase::Working(working);
                return OnAnswered::Wait;
            }
        }
        OnAnswered::Request(self.checked(host, working))
    }

    /// The services have said enough.
    fn checked(&mut self, host: &dyn Host, mut working: Box<Working>) -> OnBody {
        let stage = std::mem::replace(&mut working.stage, Stage::Asking);
        let Stage::Checking(questions, document) = stage else {
            return self.put_texts(host, working);
        };
        if let Some(refusal) = self.ruled_out(&questions) {
            return self.refuse_step(working, &refusal);
        }
        let edits = questions.edits(match &mut working.inspected.vault {
            Some(vault) => Placeholders::Make(vault),
            None => Placeholders::Off,
        });
        if let Some(rewrite) = edits.apply(document.as_bytes()) {
            let new = rewrite.whole(document.as_bytes());
            let mut masked = strings(&new).into_iter();
            for job in &mut working.jobs {
                if let JobEnd::Text(text) = &mut job.end {
                    *text = masked.next().unwrap_or_default();
                }
            }
        }
        self.put_texts(host, working)
    }
}

/// The texts as a document that services are asked about.
fn document(jobs: &[Job]) -> String {
    let texts = jobs.iter().filter_map(|job| match &job.end {
        JobEnd::Text(text) => Some(quote(text)),
        JobEnd::Waits(_) | JobEnd::Answer(_) | JobEnd::Chose(_) | JobEnd::Over => None,
    });
    let texts: Vec<String> = texts.collect();
    format!("[{}]", texts.join(","))
}

fn texts(document: &str) -> Texts {
    let mut texts = Texts::default();
    read(document.as_bytes(), |text| {
        texts.add(&Site::String(text), Form::Text)
    });
    texts
}

fn strings(document: &[u8]) -> Vec<String> {
    let mut strings = Vec::new();
    read(document, |text| strings.push(text.value().into_owned()));
    strings
}

fn read<'d>(document: &'d [u8], mut each: impl FnMut(Text<'d>)) {
    let mut read = || {
        let mut reader = Reader::new(document, |_| None)?;
        reader.array(|reader| {
            each(reader.string()?);
            Ok::<_, Error>(())
        })
    };
    // It was made here.
    let _read: Result<(), Error> = read();
}
