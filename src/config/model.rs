/*! Providers and virtual models of a compiled policy. */

use super::cache::ModelCache;
use super::limit::DefaultOutput;
use super::rule::Modality;
use super::workflow::{Step, StepKind};
use crate::ledger::Price;
use crate::ledger::limits::Meter;
use crate::protocols::translate::translated_into;
use crate::protocols::{Api, Protocol, Traits};
use std::rc::Rc;

/// A provider, or a deployment of one.
#[derive(Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its name in the document.
    pub name: String,
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The APIs of that protocol that it has; never empty.
    pub apis: Vec<Api>,
    /// What stands before the path of an endpoint, without a final slash; `/v1` by
    /// default, `/v1beta` for Gemini, nothing for Azure and Bedrock.
    pub base_path: String,
    /// The `:authority` it is called by; `None` leaves it to Envoy's route.
    pub authority: Option<String>,
    /// Azure OpenAI's `api-version`; its paths name the deployment then.
    pub azure_api_version: Option<String>,
    /// Top-level fields of a request that it does not know; never `model`, `messages`
    /// or `stream`.
    pub remove_fields: Vec<String>,
    /// What it calls the bound on the tokens of an answer.
    pub max_tokens_field: MaxTokensField,
}

impl Backend {
    /// The API by which it is asked what callers ask by `caller`: that one, or the nearest into
    /// which calls are translated. `None`: it has none of them.
    pub fn asked_by(&self, caller: Api) -> Option<Api> {
        let others = translated_into(caller).iter().copied();
        let mut apis = std::iter::once(caller).chain(others);
        apis.find(|api| self.apis.contains(api))
    }
}

/// The context window of a target of which nobody has told it, in tokens.
pub const USUAL_WINDOW: u64 = 128_000;

/// Which field of OpenAI's protocol bounds the tokens of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaxTokensField {
    /// Whichever the caller used.
    #[default]
    AsSent,
    /// `max_tokens`, which most other servers know alone.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's reasoning models demand.
    MaxCompletionTokens,
}

/// A virtual model: what callers ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    /// The name that callers use.
    pub name: String,
    /// What answers.
    pub resolve: Resolve,
    /// The order of its targets.
    pub strategy: Strategy,
    /// How long its calls may take.
    pub timeouts: Timeouts,
    /// Most targets tried for a call, 1 to 10; `None`: as [`Fallback::attempts`] says.
    pub attempts: Option<u32>,
    /// The name that answers tell.
    pub answer_model: AnswerModel,
    /// What all its callers together may use.
    pub limits: Rc<[Meter]>,
    /// The bound on answers of calls that name none; `None`: as the ledger says.
    pub default_output: Option<DefaultOutput>,
    /// Which of its answers are given again; `None`: none.
    pub cache: Option<ModelCache>,
    /// The steps around its calls, in the order in which they are made.
    pub workflow: Vec<Rc<Step>>,
}

impl Model {
    /// Whether its limits or the order of its targets depend on how long prompts are.
    pub fn counts_prompts(&self) -> bool {
        let summarises = |step: &Rc<Step>| step.kind == StepKind::SummariseContext;
        !self.limits.is_empty()
            || self.strategy == Strategy::Cheapest
            || self.workflow.iter().any(summarises)
    }

    /// Its live targets in the order of the document; none in a model that rules resolve.
    pub fn live(&self) -> &[Rc<Target>] {
        match &self.resolve {
            Resolve::Rules => &[],
            Resolve::Targets(targets) => &targets.live.targets,
        }
    }

    /// The first of them.
    pub fn first(&self) -> Option<&Rc<Target>> {
        self.live().first()
    }
}

/// What answers a virtual model.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolve {
    /// Another virtual model, which the routing rules choose.
    Rules,
    /// One of these.
    Targets(Targets),
}

/// The targets of a virtual model.
#[derive(Debug, PartialEq, Eq)]
pub struct Targets {
    /// Those that are called; never empty.
    pub live: Lineup,
    /// With the shadow targets among them, as if all were live; `None` without any.
    pub with_shadow: Option<Lineup>,
}

/// Targets in the order of the document.
#[derive(Debug, PartialEq, Eq)]
pub struct Lineup {
    /// 1 to 64 of them.
    pub targets: Vec<Rc<Target>>,
    /// Which target comes first in each of a round of calls, so that a round splits
    /// exactly by weight; empty unless the strategy is weighted. At most 10 000.
    pub turns: Vec<u16>,
}

/// A model of a backend.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it runs.
    pub backend: Rc<Backend>,
    /// Its name there.
    pub model: String,
    /// Its context window, in tokens, if told.
    pub context: Option<u64>,
    /// Most tokens of an answer, if told.
    pub max_output: Option<u64>,
    /// What it takes in prompts: each of these and no other; `None`: nobody said, so anything.
    pub accepts: Option<Vec<Modality>>,
    /// What its answers may be; `None`: nobody said, so anything.
    pub gives: Option<Vec<Modality>>,
    /// Its share under [`Strategy::Weighted`] and [`Strategy::Sticky`], 1 to 1000.
    pub weight: u32,
    /// What it costs, if told.
    pub price: Option<Price>,
    /// Whether it only counts where it would have been first.
    pub shadow: bool,
    /// `backend/model`: names its shared records.
    pub key: String,
}

impl Target {
    /// What a request has, or wants, that this target does not take, or give.
    pub fn lacks(&self, traits: &Traits) -> Vec<Modality> {
        let missing = |known: &Option<Vec<Modality>>, wanted: Vec<Modality>| {
            let known = known.as_deref();
            let lacks = |one: &Modality| known.is_some_and(|known| !known.contains(one));
            wanted.into_iter().filter(lacks).collect::<Vec<_>>()
        };
        let mut lacks = missing(&self.accepts, Modality::of(traits));
        lacks.extend(missing(&self.gives, answer_of(traits)));
        lacks
    }

    /// Whether it may answer with sound, for which no translation has words.
    pub fn gives_sound(&self) -> bool {
        let known = self.gives.as_deref();
        known.is_none_or(|known| known.contains(&Modality::Audio))
            && self.backend.apis.contains(&Api::ChatCompletions)
    }

    /// Whether it gives what a request wants, whatever it takes.
    pub fn gives_answer(&self, traits: &Traits) -> bool {
        let known = self.gives.as_deref();
        let gives = |one: &Modality| known.is_none_or(|known| known.contains(one));
        answer_of(traits).iter().all(gives)
    }

    /// Whether it takes what the request has, and gives what it wants.
    pub fn can_serve(&self, traits: &Traits) -> bool {
        self.lacks(traits).is_empty()
    }
}

/// What the answer is made of. Numbers, of embeddings and moderations, are nothing of that.
fn answer_of(traits: &Traits) -> Vec<Modality> {
    match traits {
        Traits {
            audio_output: true, ..
        } => vec![Modality::Audio],
        Traits { images: 1.., .. } => vec![Modality::Image],
        Traits {
            max_output: Some(0),
            ..
        } => Vec::new(),
        _ => vec![Modality::Text],
    }
}

/// The order in which targets are tried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Strategy {
    /// That of the document.
    #[default]
    Priority,
    /// First places are dealt out by weight, exactly in each round of calls.
    Weighted,
    /// The lowest price of the call first.
    Cheapest,
    /// The quickest by what was measured first.
    Fastest,
    /// Calls with the same key keep to the same target.
    Sticky(StickyBy),
}

/// What calls have in common that keep to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StickyBy {
    /// The user.
    User,
    /// The tenant.
    Tenant,
    /// The value of this header, lower case.
    Header(String),
}

/// How long a call may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A try of a streamed call, until its first content.
    pub first_token_ms: u64,
    /// A try of any other call, until the answer is whole.
    pub whole_ms: u64,
    /// All tries together.
    pub total_ms: u64,
}

impl Timeouts {
    /// What is left of them so many milliseconds after the call began; `None`: nothing.
    pub fn after(self, millis: u64) -> Option<Self> {
        let total_ms = self.total_ms.saturating_sub(millis);
        (total_ms > 0).then(|| Self {
            first_token_ms: self.first_token_ms.min(total_ms),
            whole_ms: self.whole_ms.min(total_ms),
            total_ms,
        })
    }
}

impl Default for Timeouts {
    /// First content in 60 s: models think for long before they say anything. A whole
    /// answer in 300 s: Envoy's own idle limits end there. Altogether 600 s: so long
    /// OpenAI's and Anthropic's clients wait.
    fn default() -> Self {
        Self {
            first_token_ms: 60_000,
            whole_ms: 300_000,
            total_ms: 600_000,
        }
    }
}

/// The name of the model in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerModel {
    /// The provider's.
    #[default]
    Provider,
    /// The virtual model's.
    Virtual,
}

/// How calls move on to further targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// Most targets tried for a call, 1 to 10; 3 by default.
    pub attempts: u32,
    /// Whether a provider's refusal for its content policy is a reason.
    pub content_policy: bool,
}

/// How long a failing target goes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoolDown {
    /// After a 429 that names no time, in milliseconds.
    pub rate_limited_ms: u64,
    /// Consecutive failures that begin a cool-down.
    pub failures: u32,
    /// The first one, in milliseconds; each further one is twice as long.
    pub base_ms: u64,
    /// The longest, whatever a provider tells, in milliseconds.
    pub max_ms: u64,
}

impl Default for CoolDown {
    /// Three failures are no coincidence; 5 s let a restart pass; 5 min bound the wait
    /// for a provider that is back. 10 s for a 429: most windows are a minute that is
    /// refilled steadily.
    fn default() -> Self {
        Self {
            rate_limited_ms: 10_000,
            failures: 3,
            base_ms: 5_000,
            max_ms: 300_000,
        }
    }
}
