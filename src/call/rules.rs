/*! Rules on requests as such: what breaks them is counted, and refused before anything else
looks at the request. */

use super::Call;
use super::guarding::unreadable;
use super::stored::Keeping;
use crate::config::{Phase, Policy, Tenant};
use crate::guardrails::Verdict;
use crate::protocols::openai::{form_as_json, read_items};
use crate::protocols::{Api, Refusal, Request};
use crate::telemetry::GuardrailRecord;
use crate::tokens::Prompt;

impl Call {
    /// Why a request does not go on, if it breaks a rule that blocks.
    pub(super) fn keep_rules(&mut self, tenant: &Tenant, body: &[u8]) -> Option<Refusal> {
        self.keep_rules_of(self.api, tenant, body)
    }

    /// The same for one of several requests by `api`: what they break is added up.
    pub(super) fn keep_rules_of(
        &mut self,
        api: Api,
        tenant: &Tenant,
        body: &[u8],
    ) -> Option<Refusal> {
        let rules = tenant.guards.requests.as_ref()?;
        let seed = self.started.0;
        let is_of_items = matches!(self.keeping, Keeping::Writes(_));
        let tokens = || {
            let prompt = Prompt::counted(seed);
            // What can't be read is refused later.
            if is_of_items {
                return Some(read_items(body, prompt).ok()?.prompt_tokens());
            }
            let request = Request::read(api, body, prompt).ok()?;
            Some(request.traits().prompt_tokens())
        };
        let fields = match api.is_form() {
            true => form_as_json(body),
            false => None,
        };
        let judged = (fields.as_deref().unwrap_or(body), body.len());
        match rules.judge_fields(api, judged, tokens) {
            Ok(verdict) => {
                self.guarding.request.add_all(verdict);
                self.guarding.request.refusal().cloned()
            }
            Err(_) => Some(unreadable(api, body)),
        }
    }
}

/// What was broken, by guardrail.
pub(super) fn report<'p>(verdict: &Verdict, policy: &'p Policy) -> Vec<GuardrailRecord<'p>> {
    let mut report: Vec<(u16, GuardrailRecord<'p>)> = Vec::new();
    for finding in verdict.found() {
        let found = (finding.what.clone(), finding.count);
        match report.last_mut() {
            Some((known, record)) if *known == finding.guardrail => {
                record.found.extend([found]);
            }
            _ => {
                let guardrail = policy.guardrails.get(usize::from(finding.guardrail));
                report.extend(guardrail.map(|guardrail| {
                    let record = GuardrailRecord {
                        name: &guardrail.name,
                        phase: Phase::Input.as_str(),
                        action: guardrail.action.name(),
                        found: [found].into(),
                        score: None,
                        view: None,
                        by_service: false,
                        failure: None,
                    };
                    (finding.guardrail, record)
                }));
            }
        }
    }
    report.into_iter().map(|(_, record)| record).collect()
}
