/*! Where a call goes: from the model asked for to an order of targets.

The rules may choose another model (`rules`), its strategy ranks the targets (`order`,
`sticky`, `speed`), and those that cool down go last (`cooldown`). */

pub mod cooldown;
mod order;
mod reset;
mod rules;
pub mod speed;
mod sticky;
mod turns;

pub use reset::{reset_after, reset_hint};

use crate::config::{Modality, Model, Policy, Resolve, Rule, Target, Tenant};
use crate::host::{Host, Instant};
use crate::protocols::{ErrorKind, Refusal, Traits};
use crate::state::Space;
use cooldown::Health;
use order::Orderer;
pub use order::{EXPECTED_OUTPUT, Ordered};
use rules::Verdict;
use std::cell::OnceCell;
use std::rc::Rc;

/// Longest model name that is repeated in an error message, in characters.
const MAX_ECHO: usize = 64;

/// What is known of a call when its targets are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who pays.
    pub tenant: &'a Tenant,
    /// Who calls; empty if nobody said.
    pub user: &'a str,
    /// The model asked for.
    pub model: &'a str,
    /// What the request asks of a model.
    pub traits: &'a Traits,
    /// The headers that the policy's [`crate::config::Rules::headers`] names, lower case.
    pub headers: &'a [(String, String)],
    /// How much of the caller's dollar budgets is taken, in percent, of the one of which least
    /// is left; only if [`crate::config::Rules::look_at_budgets`].
    pub budget_percent: u64,
}

impl<'a> Asked<'a> {
    fn headers(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }
}

/// Which model answers a call.
#[derive(Debug)]
pub struct Choice {
    /// The one asked for, or the one that a rule chose.
    pub model: Rc<Model>,
    /// The rule that chose the model.
    pub rule: Option<Rc<Rule>>,
    /// Shadow rules that would have chosen the model, each if it alone were live.
    pub shadow: Vec<Rc<Rule>>,
}

/// A target in the order of tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Where it goes.
    pub target: Rc<Target>,
    /// How the call finds it; [`cooldown::succeeded`] wants to know.
    pub health: Health,
}

/// Chooses the model of a call.
///
/// # Errors
/// As [`find_model`], for the model asked for and for the one that a rule chose; 400
/// `no_route` if the model is left to rules and none applies.
pub fn choose(policy: &Policy, asked: &Asked<'_>) -> Result<Choice, Refusal> {
    let named = find_model(policy, asked.tenant, asked.model)?;
    let Verdict { rule, shadow } = rules::judge(&policy.routing, &named, asked);
    let model = match &rule {
        Some(rule) => allowed(asked.tenant, &rule.model)?,
        None => named,
    };
    match model.resolve {
        Resolve::Rules => Err(no_route(&model)),
        Resolve::Targets(_) => Ok(Choice {
            model,
            rule,
            shadow,
        }),
    }
}

/// The live targets of `model` that can serve a call, in the order in which they are to be tried,
/// see also [`claim_probe`].
///
/// # Errors
/// 400 `unsupported_modality` if there are none.
pub fn order(
    host: &dyn Host,
    space: &Space,
    policy: &Policy,
    asked: &Asked<'_>,
    model: &Model,
) -> Result<Ordered, Refusal> {
    let Resolve::Targets(targets) = &model.resolve else {
        return Err(no_route(model));
    };
    let orderer = Orderer {
        host,
        space,
        rules: &policy.cool_down,
        asked,
        clock: OnceCell::new(),
    };
    let ordered = orderer.order(model, targets);
    if ordered.tries.is_empty() {
        return Err(unsupported_modality(model, asked.traits));
    }
    Ok(ordered)
}

/// Lets the call find out about its first target, if that one's cool-down is over and no other
/// call does. Only what is tried first is found out about, so this comes last, when it is
/// known which targets are left. A target that another call has claimed goes last.
pub fn claim_probe(host: &dyn Host, space: &Space, policy: &Policy, tries: &mut [Try]) {
    // Each round settles one target.
    while let Some(first) = tries.first_mut().filter(|it| it.health == Health::Due) {
        let (rules, target) = (&policy.cool_down, Rc::clone(&first.target));
        first.health = cooldown::claim(host, space, rules, &target, host.now());
        if first.health == Health::Cooling {
            tries.rotate_left(1);
        }
    }
}

/// The virtual model that a tenant asks for.
///
/// # Errors
/// 404 if there is none of this name, 403 if the tenant may not use it.
pub fn find_model(policy: &Policy, tenant: &Tenant, name: &str) -> Result<Rc<Model>, Refusal> {
    if let Some(model) = policy.models.get(name) {
        return allowed(tenant, model);
    }
    let short: String = name.chars().take(MAX_ECHO).collect();
    let message = format!("The model '{short}' does not exist. See GET /v1/models.");
    let refusal = Refusal::new(ErrorKind::NotFound, "model_not_found", message);
    Err(refusal.at("model"))
}

fn allowed(tenant: &Tenant, model: &Rc<Model>) -> Result<Rc<Model>, Refusal> {
    if tenant.models.iter().any(|known| Rc::ptr_eq(known, model)) {
        return Ok(Rc::clone(model));
    }
    let message = format!(
        "Tenant '{}' may not use the model '{}'. See GET /v1/models.",
        tenant.name, model.name
    );
    let refusal = Refusal::new(ErrorKind::Permission, "model_not_allowed", message);
    Err(refusal.at("model"))
}

/// 400: the call's model is left to rules, and none applies.
pub fn no_route(model: &Model) -> Refusal {
    let message = format!("No routing rule applies to this call of '{}'.", model.name);
    Refusal::new(ErrorKind::Invalid, "no_route", message).at("model")
}

/// 400: no target of the model takes the prompt, or gives the answer, as it is.
pub fn unsupported_modality(model: &Model, traits: &Traits) -> Refusal {
    let (name, lack) = (&model.name, lack_of(model, traits));
    let message = match lack {
        Lack::Answer(kind) => format!("No target of the model '{name}' answers with {kind}."),
        Lack::Nobody { who, takes } => {
            format!("No target of the model '{name}' {who}takes {takes}.")
        }
        Lack::Together { who, takes } => {
            format!("No single target of the model '{name}' {who}takes {takes} in one call.")
        }
    };
    let message = format!("{message} See GET /v1/models.");
    Refusal::new(ErrorKind::Invalid, "unsupported_modality", message).at("model")
}

/// What the targets of a model can't do.
enum Lack {
    /// None gives such an answer.
    Answer(&'static str),
    /// Of those that give the answer, none takes this.
    Nobody { who: &'static str, takes: String },
    /// Of those that give the answer, some take each of these, but none takes all.
    Together { who: &'static str, takes: String },
}

fn lack_of(model: &Model, traits: &Traits) -> Lack {
    let (kind, who) = match traits {
        Traits {
            audio_output: true, ..
        } => ("audio", "that answers with audio "),
        Traits { images: 1.., .. } => ("images", "that answers with images "),
        _ => ("text", ""),
    };
    let targets = model.live().iter();
    // Those that give the answer could be asked otherwise.
    let giving = targets.filter(|target| target.gives_answer(traits));
    let lacking: Vec<Vec<Modality>> = giving.map(|target| target.lacks(traits)).collect();
    if lacking.is_empty() {
        return Lack::Answer(kind);
    }
    let all = Modality::ALL.into_iter();
    let nobody = all.filter(|one| lacking.iter().all(|lacks| lacks.contains(one)));
    let nobody: Vec<_> = nobody.collect();
    if !nobody.is_empty() {
        let takes = told(&nobody);
        return Lack::Nobody { who, takes };
    }
    let all = Modality::ALL.into_iter();
    let some = all.filter(|one| lacking.iter().any(|lacks| lacks.contains(one)));
    let takes = told(&some.collect::<Vec<_>>());
    Lack::Together { who, takes }
}

fn told(modalities: &[Modality]) -> String {
    let words = modalities.iter().map(|one| match one {
        Modality::Text => "text",
        Modality::Image => "images",
        Modality::Audio => "audio",
        Modality::File => "files",
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// Milliseconds since the Unix epoch.
const fn millis(moment: Instant) -> u64 {
    moment.unix_millis()
}

#[cfg(test)]
mod tests;
