/*! What guardrails do in a call: to its request, before anything else is decided about it, and
what its answer will go through. */

use super::answer::Guard;
use super::asking::Inspected;
use super::refusing::{blocked_request, request_too_long, unscannable_name, unscannable_request};
use super::scoring::Scoring;
use super::sending::Pending;
use super::{Call, OnBody, rules};
use crate::bytes::{self, Set};
use crate::callout::{Failure, Report};
use crate::config::{
    Action, Guards, Phase, Policy, Score, ScoredRole, Tenant, UnscannableRules, Unscanned,
};
use crate::detect::SystemPrompt;
use crate::guardrails;
use crate::host::Host;
use crate::json::{Edits, Rewrite};
use crate::mask::{self, Form, Placeholders, Vault, Verdict};
use crate::protocols::texts::{Found, InputText, Origin, Unscannable, request_texts};
use crate::protocols::{Api, ErrorKind, Refusal, Request};
use crate::telemetry::GuardrailRecord;
use crate::tokens::Prompt;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What guardrails know of one call.
#[derive(Debug, Default)]
pub(super) struct Guarding {
    /// What they have found in the request.
    pub(super) input: Verdict,
    /// What they have found in the answer.
    pub(super) output: Verdict,
    /// Which rules on requests it breaks.
    pub(super) request: guardrails::Verdict,
    /// What services have said.
    pub(super) services: Vec<Report>,
    /// What the answer goes through; `None`: it passes.
    pub(super) answer: Option<Guard>,
    /// Whether something of the answer passed that could not be inspected.
    pub(super) passed_unread: bool,
}

impl Guarding {
    /// What was found, for the record.
    pub(super) fn report<'p>(
        &self,
        policy: &'p Policy,
        tenant: &Tenant,
    ) -> Vec<GuardrailRecord<'p>> {
        let mut report = rules::report(&self.request, policy);
        for (phase, verdict) in [(Phase::Input, &self.input), (Phase::Output, &self.output)] {
            if let Some(guards) = tenant.guards.of(phase) {
                add_found(&mut report, policy, (phase, guards), verdict);
            }
            let of_phase = |said: &&Report| said.phase == phase;
            let services = self.services.iter().filter(of_phase);
            report.extend(services.filter_map(|said| of_service(policy, said)));
        }
        report
    }
}

/// What a service has said; `None`: nothing worth a record.
fn of_service<'p>(policy: &'p Policy, said: &Report) -> Option<GuardrailRecord<'p>> {
    if said.found.is_empty() && said.failure.is_none() {
        return None;
    }
    let guardrail = policy.guardrails.get(usize::from(said.guardrail))?;
    Some(GuardrailRecord {
        name: &guardrail.name,
        phase: said.phase.as_str(),
        action: guardrail.action.name(),
        found: said.found.clone(),
        score: None,
        view: None,
        by_service: true,
        failure: said.failure.map(Failure::code),
    })
}

/// Adds what was found in one phase, by guardrail.
fn add_found<'p>(
    report: &mut Vec<GuardrailRecord<'p>>,
    policy: &'p Policy,
    (phase, guards): (Phase, &mask::Guards),
    verdict: &Verdict,
) {
    for (index, what, count) in verdict.found() {
        let Some(guardrail) = policy.guardrails.get(usize::from(index)) else {
            continue;
        };
        let name = guardrail.name.as_str();
        let mut known = report.iter_mut();
        let known = known.find(|known| known.name == name && known.phase == phase.as_str());
        let entity = guards.name(what).to_owned();
        let worst = verdict.worst(index);
        match known {
            Some(known) => {
                let before = known.found.entry(entity).or_default();
                *before = before.saturating_add(count);
            }
            None => report.push(GuardrailRecord {
                name,
                phase: phase.as_str(),
                action: guardrail.action.name(),
                found: BTreeMap::from([(entity, count)]),
                score: worst.and_then(|worst| Score::new(worst.score)),
                view: worst.map(|worst| worst.view.as_str()),
                by_service: false,
                failure: None,
            }),
        }
    }
}

impl Call {
    /// Guardrails look at a request; it goes on as they leave it.
    pub(super) fn guard(&mut self, host: &dyn Host, pending: Pending, body: &[u8]) -> OnBody {
        let tenant = Rc::clone(&pending.caller.tenant);
        let ruled = match pending.purpose.asks_model() {
            true => self.keep_rules(&tenant, body),
            false => None,
        };
        if let Some(refusal) = ruled {
            return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
        }
        let mut walk = Walk::new(&tenant.guards);
        if walk.is_needed(body) {
            let purpose = &pending.purpose;
            let read = purpose.texts(self.api, body, &mut |found| walk.take(found));
            if read.is_err() {
                let refusal = unreadable(self.api, body);
                return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
            }
        }
        let Walk {
            edits,
            mut verdict,
            scoring,
            vault,
            system_prompt,
            mut unscannable,
            stored,
            asks_for_json,
            ..
        } = walk;
        if stored > 0 && self.knows_files(body, stored) {
            unscannable.retain(|kind| *kind != Unscannable::Stored);
        }
        let inspected = Inspected {
            vault,
            system_prompt,
            asks_for_json,
            open: scoring.end(&mut verdict),
        };
        if inspected
            .system_prompt
            .as_ref()
            .is_some_and(SystemPrompt::is_cut)
        {
            self.gateway
                .metrics
                .unscannable(host, "system_prompt", true);
        }
        self.guarding.input = verdict;
        let refusal = self.unscanned(host, &unscannable).or_else(|| {
            let guardrail = self.guarding.input.blocked()?;
            Some(blocked_request(&self.gateway.policy, guardrail))
        });
        if let Some(refusal) = refusal {
            return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
        }
        let Some(rewrite) = edits.apply(body) else {
            return self.ask_services(host, pending, (body, None), inspected);
        };
        if let Some(refusal) = self.too_long_now(rewrite.length) {
            return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
        }
        let new = rewrite.whole(body);
        self.ask_services(host, pending, (&new, Some(rewrite)), inspected)
    }

    /// Guardrails look at one of many requests in a body: how they change it.
    pub(super) fn guard_line(
        &mut self,
        host: &dyn Host,
        guards: &Guards,
        api: Api,
        body: &[u8],
    ) -> Result<Option<Rewrite>, Refusal> {
        let mut walk = Walk::new(guards);
        if walk.is_needed(body) && request_texts(api, body, &mut |found| walk.take(found)).is_err()
        {
            return Err(unreadable(api, body));
        }
        let Walk {
            edits,
            mut verdict,
            scoring,
            unscannable,
            ..
        } = walk;
        let open = scoring.end(&mut verdict);
        self.guarding.input.add(&verdict);
        if let Some(refusal) = self.unscanned(host, &unscannable) {
            return Err(refusal);
        }
        if let Some(guardrail) = self.guarding.input.blocked() {
            return Err(blocked_request(&self.gateway.policy, guardrail));
        }
        if !open.is_empty() {
            self.uninspected(host)?;
        }
        Ok(edits.apply(body))
    }

    /// Guardrails look at a text that a step has made; gives it as they leave it. Placeholders
    /// that stand in it for values of this call stay.
    pub(super) fn guard_piece(
        &mut self,
        guards: &Guards,
        inspected: &mut Inspected,
        text: &str,
    ) -> Result<String, Refusal> {
        if !guards.look_at(Phase::Input) && inspected.vault.is_none() {
            return Ok(text.to_owned());
        }
        let verdict = &mut self.guarding.input;
        let mut shown = String::with_capacity(text.len());
        for piece in pieces(text, inspected.vault.as_ref()) {
            let piece = match piece {
                Piece::Placeholder(known) => {
                    shown.push('<');
                    shown.push_str(known);
                    continue;
                }
                Piece::Text(piece) => piece,
            };
            let placeholders = match &mut inspected.vault {
                Some(vault) => Placeholders::Make(vault),
                None => Placeholders::Off,
            };
            let guards = guards.input.as_ref();
            let new = mask::whole(&piece, guards, Form::Text, placeholders, verdict);
            shown.push_str(new.as_deref().unwrap_or(&piece));
        }
        let mut scoring = Scoring::new(guards);
        scoring.add((text, &shown), (ScoredRole::User, Form::Text), verdict);
        let open = scoring.end(verdict);
        inspected.open.extend(open);
        match self.guarding.input.blocked() {
            Some(guardrail) => Err(blocked_request(&self.gateway.policy, guardrail)),
            None => Ok(shown),
        }
    }

    /// Settles what the answer will go through.
    pub(super) fn guard_answer(&mut self, tenant: &Tenant, inspected: Inspected) {
        self.guarding.answer = answer_guard(&self.gateway.policy, tenant, inspected);
    }

    /// Refuses a request that has become longer, in bytes, than Envoy could hold.
    pub(super) fn too_long_now(&self, length: usize) -> Option<Refusal> {
        let most = self.gateway.policy.limits.body;
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        (length > most).then(|| request_too_long(most))
    }

    /// Counts what could not be looked at; refuses the call if the policy wants that.
    fn unscanned(&self, host: &dyn Host, kinds: &[Unscannable]) -> Option<Refusal> {
        let (policy, metrics) = (&self.gateway.policy, &self.gateway.metrics);
        let mut refused = None;
        for kind in kinds {
            let rule = rule_of(&policy.unscannable, *kind);
            metrics.unscannable(host, unscannable_name(*kind), rule == Unscanned::Pass);
            if rule == Unscanned::Refuse {
                refused = refused.or(Some(*kind));
            }
        }
        refused.map(unscannable_request)
    }
}

/// The walk over the texts of a request.
struct Walk<'g> {
    guards: &'g Guards,
    edits: Edits,
    verdict: Verdict,
    scoring: Scoring<'g>,
    vault: Option<Vault>,
    system_prompt: Option<SystemPrompt>,
    /// Each once.
    unscannable: Vec<Unscannable>,
    /// Files that are named by their ids.
    stored: usize,
    asks_for_json: bool,
}

impl<'g> Walk<'g> {
    fn new(guards: &'g Guards) -> Self {
        let output = guards.output.as_ref();
        let words = output.and_then(|guards| guards.prompt_words());
        Self {
            edits: Edits::default(),
            verdict: Verdict::default(),
            scoring: Scoring::new(guards),
            vault: vault(guards),
            system_prompt: words.map(SystemPrompt::new),
            unscannable: Vec::new(),
            stored: 0,
            asks_for_json: false,
            guards,
        }
    }

    fn is_needed(&self, body: &[u8]) -> bool {
        self.guards.look_at(Phase::Input)
            || self.system_prompt.is_some()
            || (self.guards.look_at(Phase::Output) && mentions_json(body))
    }

    fn take(&mut self, found: Found<'_>) {
        match found {
            Found::Text(text) => self.text(&text),
            Found::AsksForJson => self.asks_for_json = true,
            Found::Unscannable(kind) => {
                if kind == Unscannable::Stored {
                    self.stored = self.stored.saturating_add(1);
                }
                let guarded = self.guards.look_at(Phase::Input);
                if guarded && !self.unscannable.contains(&kind) {
                    self.unscannable.push(kind);
                }
            }
        }
    }

    fn text(&mut self, input: &InputText<'_>) {
        let value = input.text.value();
        // What looks like a placeholder is told from ours even if nothing is looked for here.
        let placeholders = match &mut self.vault {
            Some(vault) => Placeholders::Make(vault),
            None => Placeholders::Off,
        };
        let role = scored_role(input.origin);
        let guards = match role {
            Some(ScoredRole::User | ScoredRole::Tool) => self.guards.input.as_ref(),
            _ => self.guards.input_unscored.as_ref(),
        };
        let verdict = &mut self.verdict;
        let new = mask::whole(&value, guards, input.form, placeholders, verdict);
        if let Some(role) = role {
            let shown = new.as_deref().unwrap_or(&value);
            let whose = (role, input.form);
            self.scoring.add((&value, shown), whose, verdict);
        }
        if let (Origin::System, Some(prompt)) = (input.origin, &mut self.system_prompt) {
            prompt.add(new.as_deref().unwrap_or(&value));
        }
        if let Some(new) = new {
            self.edits
                .replace(input.text.span(), input.text.written(new));
        }
    }
}

/// A part of a text that a step has made.
pub(super) enum Piece<'t> {
    /// A placeholder of this call, without the bracket in front.
    Placeholder(&'t str),
    /// Anything else.
    Text(String),
}

/// A text, cut at the placeholders of this call.
pub(super) fn pieces<'t>(text: &'t str, vault: Option<&Vault>) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    for (number, part) in text.split('<').enumerate() {
        let closed = part.find('>').map(|end| end.saturating_add(1));
        let (inside, rest) = part
            .split_at_checked(closed.unwrap_or(0))
            .unwrap_or(("", part));
        let known = vault.is_some_and(|vault| vault.has_put(&format!("<{inside}")));
        if number > 0 && known {
            let before = std::mem::take(&mut plain);
            pieces.push(Piece::Text(before));
            pieces.push(Piece::Placeholder(inside));
            plain.push_str(rest);
            continue;
        }
        if number > 0 {
            plain.push('<');
        }
        plain.push_str(part);
    }
    pieces.push(Piece::Text(plain));
    pieces
}

/// Whether a request may ask for JSON: far quicker than to read it.
fn mentions_json(body: &[u8]) -> bool {
    const UNDERLINE: Set = Set::of([b'_', b'_']);
    let mut rest = body;
    while let Some(at) = bytes::find(rest, UNDERLINE) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or_default();
        let follows = [b"_object".as_slice(), b"_schema"];
        if before.ends_with(b"json") && follows.iter().any(|word| behind.starts_with(word)) {
            return true;
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    false
}

/// What the values of a request are kept in, if any are to be restored.
fn vault(guards: &Guards) -> Option<Vault> {
    let vault = Vault::new(guards.restore.as_ref()?);
    let mut services = guards.input_services.iter();
    if services.any(|asked| matches!(asked.action, Action::Restore(_))) {
        return Some(vault.with_services());
    }
    Some(vault)
}

/// Whose text it is, where that may be scored: names, definitions and the like are not.
const fn scored_role(origin: Origin) -> Option<ScoredRole> {
    Some(match origin {
        Origin::System => ScoredRole::System,
        // What nobody knows is taken for what nobody vouches for.
        Origin::User | Origin::FileName | Origin::Other => ScoredRole::User,
        Origin::Assistant | Origin::Reasoning | Origin::ToolCall => ScoredRole::Assistant,
        Origin::ToolResult => ScoredRole::Tool,
        Origin::Definition | Origin::Url => return None,
    })
}

/// What the answer goes through.
fn answer_guard(policy: &Policy, tenant: &Tenant, inspected: Inspected) -> Option<Guard> {
    let vault = inspected.vault.filter(|vault| !vault.is_empty());
    let vault = vault.map(Rc::new);
    let guarded = tenant.guards.look_at(Phase::Output);
    if vault.is_none() && !guarded {
        return None;
    }
    let guards = tenant.guards.output.as_ref();
    let prompt = inspected.system_prompt.filter(|prompt| !prompt.is_empty());
    let guards = guards.map(|guards| match prompt {
        None => Rc::clone(guards),
        Some(prompt) => Rc::new(guards.for_prompt(Rc::new(prompt))),
    });
    Some(Guard {
        passes_unread: !guarded || policy.unscannable.answers == Unscanned::Pass,
        guards,
        services: Rc::clone(&tenant.guards.output_services),
        vault,
        is_json: inspected.asks_for_json,
        longest: usize::try_from(policy.limits.body).unwrap_or(usize::MAX),
        lines: None,
    })
}

/// Why a request whose texts can't be found is refused.
pub(super) fn unreadable(api: Api, body: &[u8]) -> Refusal {
    let read = Request::read(api, body, Prompt::default());
    read.err().unwrap_or_else(|| {
        let message = "The request can't be inspected.";
        Refusal::new(ErrorKind::Invalid, "unscannable_request", message)
    })
}

const fn rule_of(rules: &UnscannableRules, kind: Unscannable) -> Unscanned {
    match kind {
        Unscannable::Media | Unscannable::Tokens => rules.media,
        Unscannable::Remote | Unscannable::Stored => rules.remote,
        Unscannable::Tools => rules.tools,
    }
}
