/*! Backends, models and their targets. */

use super::super::document::{
    BackendEntry, CacheEntry, CoolDownEntry, ModelEntry, TargetEntry, TargetsEntry, TimeoutsEntry,
};
use super::super::fields::Located;
use super::super::model::{
    AnswerModel, Backend, CoolDown, Lineup, MaxTokensField, Model, Resolve, Strategy, Target,
    Targets, Timeouts,
};
use super::super::problem::Problems;
use super::turns::turns;
use super::{Names, cache, limit, workflow};
use crate::config::Modality;
use crate::ledger::Price;
use crate::protocols::{Api, Protocol};
use std::rc::Rc;

/// Where Azure's paths begin; its own part of them follows.
const AZURE_BASE_PATH: &str = "";

pub(super) fn backend(name: String, entry: BackendEntry, problems: &mut Problems) -> Backend {
    check_openai_only(&entry, problems);
    check_removed(&entry, problems);
    let default_path = match (&entry.azure_api_version, entry.protocol) {
        (Some(_), _) => AZURE_BASE_PATH,
        (None, Protocol::Gemini) => "/v1beta",
        (None, Protocol::Bedrock) => "",
        (None, Protocol::OpenAi | Protocol::Anthropic) => "/v1",
    };
    let removed = entry.remove_fields.into_iter();
    Backend {
        name,
        cluster: entry.cluster,
        apis: match entry.apis {
            Some(apis) => apis.value,
            None => all_apis(entry.protocol),
        },
        protocol: entry.protocol,
        base_path: entry.base_path.unwrap_or_else(|| default_path.to_owned()),
        authority: entry.authority,
        azure_api_version: entry.azure_api_version.map(|version| version.value),
        remove_fields: removed.map(|field| field.value).collect(),
        max_tokens_field: entry
            .max_tokens_field
            .map(|field| field.value)
            .unwrap_or_default(),
    }
}

fn all_apis(protocol: Protocol) -> Vec<Api> {
    let apis = Api::ALL
        .into_iter()
        .chain([Api::GenerateContent, Api::Converse]);
    apis.filter(|api| api.protocol() == protocol).collect()
}

/// The variants of OpenAI's protocol mean nothing in another one.
fn check_openai_only(entry: &BackendEntry, problems: &mut Problems) {
    if entry.protocol == Protocol::OpenAi {
        return;
    }
    let removed = entry.remove_fields.first();
    let paths = [
        entry.apis.as_ref().map(|it| &it.path),
        entry.azure_api_version.as_ref().map(|it| &it.path),
        removed.map(|it| &it.path),
        entry.max_tokens_field.as_ref().map(|it| &it.path),
    ];
    for path in paths.into_iter().flatten() {
        problems.error(path, "needs api: openai");
    }
}

/// A field can't be both removed and the one to be used.
fn check_removed(entry: &BackendEntry, problems: &mut Problems) {
    let used = match entry.max_tokens_field.as_ref().map(|field| field.value) {
        Some(MaxTokensField::MaxTokens) => "max_tokens",
        Some(MaxTokensField::MaxCompletionTokens) => "max_completion_tokens",
        Some(MaxTokensField::AsSent) | None => return,
    };
    if let Some(field) = entry.remove_fields.iter().find(|field| field.value == used) {
        problems.error(&field.path, "is what max_tokens_field says to use");
    }
}

/// Targets without a price of their own have the default one.
pub(super) fn price_targets(entry: &mut ModelEntry, default_price: Option<Price>) {
    if let ModelEntry::Targets(entry) = entry {
        for target in &mut entry.targets {
            target.price = target.price.or(default_price);
        }
        let steps = entry.workflow.iter_mut().flat_map(|steps| &mut steps.value);
        steps.for_each(|step| step.price(default_price));
    }
}

pub(super) fn model(
    name: String,
    path: &str,
    entry: ModelEntry,
    (backends, above): (&Names<Backend>, Option<&CacheEntry>),
    problems: &mut Problems,
) -> Option<Model> {
    match entry {
        ModelEntry::Rules => Some(Model {
            name,
            resolve: Resolve::Rules,
            strategy: Strategy::default(),
            timeouts: Timeouts::default(),
            attempts: None,
            answer_model: Default::default(),
            limits: Rc::from([]),
            default_output: None,
            cache: None,
            workflow: Vec::new(),
        }),
        ModelEntry::Targets(entry) => with_targets(name, path, *entry, (backends, above), problems),
    }
}

fn with_targets(
    name: String,
    path: &str,
    entry: TargetsEntry,
    (backends, above): (&Names<Backend>, Option<&CacheEntry>),
    problems: &mut Problems,
) -> Option<Model> {
    check_strategy(&entry, problems);
    let TargetsEntry {
        targets: written,
        strategy,
        timeouts,
        attempts,
        answer_model,
        limits,
        default_output,
        cache,
        workflow,
    } = entry;
    let count = written.len();
    let targets: Vec<Rc<Target>> = written
        .into_iter()
        .filter_map(|entry| target(entry, backends, problems).map(Rc::new))
        .collect();
    check_chains(&targets, path, problems);
    let answer_model = answer_model.unwrap_or_else(|| answer_model_of(&targets));
    // Of a target that was not understood, nothing more is told.
    let whole = targets.len() == count;
    let live = targets.iter().filter(|target| !target.shadow);
    let live: Vec<Rc<Target>> = live.cloned().collect();
    if whole && count > 0 && live.is_empty() {
        problems.error(
            format!("{path}.targets"),
            "at least one target must not be a shadow",
        );
    }
    let with_shadow = (live.len() < targets.len()).then_some(targets);
    let cache = cache::of_model(above, cache, problems);
    let mut lineup = |targets| lineup(targets, &strategy, path, problems);
    let mut model = Model {
        name,
        resolve: Resolve::Targets(Targets {
            live: lineup(live),
            with_shadow: with_shadow.map(lineup),
        }),
        strategy,
        timeouts: self::timeouts(&timeouts, problems),
        attempts,
        answer_model,
        limits: limit::model_meters(&limits, problems),
        default_output: default_output.map(limit::default_output),
        cache: None,
        workflow: Vec::new(),
    };
    if let Some(steps) = workflow.filter(|_| whole) {
        workflow::check(&steps, &model, problems);
        model.workflow = steps.value.into_iter().map(Rc::new).collect();
    }
    model.cache = cache.map(|rules| cache::with_shape(rules, &model));
    Some(model).filter(|model| whole && model.first().is_some())
}

/// Whether two lists name the same, in whatever order.
fn alike(one: &Option<Vec<Modality>>, other: &Option<Vec<Modality>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Modality::ALL
            .iter()
            .all(|it| one.contains(it) == other.contains(it)),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Behind one cluster of several backends, that cluster's own order decides: a call comes to each
/// of them, whatever it takes.
fn check_chains(targets: &[Rc<Target>], path: &str, problems: &mut Problems) {
    let differ = |one: &Rc<Target>, other: &Rc<Target>| {
        let (a, b) = (&one.backend, &other.backend);
        let chained = a.name != b.name && a.cluster == b.cluster;
        chained && !(alike(&one.accepts, &other.accepts) && alike(&one.gives, &other.gives))
    };
    let mut pairs = targets.iter().enumerate();
    let clash = pairs.find_map(|(index, one)| {
        let mut others = targets.iter().skip(index);
        others.find(|other| differ(one, other))
    });
    if let Some(target) = clash {
        let cluster = &target.backend.cluster;
        let message = format!(
            "the targets behind cluster {cluster:?} must have the same accepts and gives: its own order decides"
        );
        problems.error(format!("{path}.targets"), message);
    }
}

fn lineup(
    targets: Vec<Rc<Target>>,
    strategy: &Strategy,
    path: &str,
    problems: &mut Problems,
) -> Lineup {
    let mut turns = Vec::new();
    if *strategy == Strategy::Weighted {
        let weights: Vec<u32> = targets.iter().map(|target| target.weight).collect();
        match self::turns(&weights) {
            Some(round) => turns = round,
            None => problems.error(
                format!("{path}.targets"),
                "the weights, in lowest terms, add up to more than 10000",
            ),
        }
    }
    Lineup { targets, turns }
}

/// Whose name for the model answers tell if the policy does not say. Amazon's names of resources
/// and Google's have the operator's account in them.
fn answer_model_of(targets: &[Rc<Target>]) -> AnswerModel {
    let tells_account = |model: &str| model.starts_with("arn:") || model.contains("projects/");
    match targets.iter().any(|target| tells_account(&target.model)) {
        true => AnswerModel::Virtual,
        false => AnswerModel::default(),
    }
}

/// Fields that the strategy does not look at, and those that it misses.
fn check_strategy(entry: &TargetsEntry, problems: &mut Problems) {
    let weighs = matches!(entry.strategy, Strategy::Weighted | Strategy::Sticky(_));
    for target in &entry.targets {
        if let Some(weight) = target.weight.as_ref().filter(|_| !weighs) {
            problems.error(&weight.path, "needs strategy weighted or sticky");
        }
        if entry.strategy == Strategy::Cheapest && target.price.is_none() {
            problems.warning(&target.path, "has no price: it comes after those with one");
        }
    }
}

fn target(
    entry: TargetEntry,
    backends: &Names<Backend>,
    problems: &mut Problems,
) -> Option<Target> {
    if let (Some(context), Some(max_output)) = (entry.context, &entry.max_output)
        && max_output.value > context
    {
        problems.error(&max_output.path, "must not be larger than context");
    }
    let backend = backends.resolve(&entry.backend, problems)?;
    check_deployment(&backend, &entry.model, problems);
    Some(Target {
        key: format!("{}/{}", backend.name, entry.model.value),
        backend,
        model: entry.model.value,
        context: entry.context,
        max_output: entry.max_output.map(|it| it.value),
        accepts: entry.accepts,
        gives: entry.gives,
        weight: entry.weight.map_or(1, |it| it.value),
        price: entry.price,
        shadow: entry.shadow,
    })
}

/// Azure's deployments and the models of Gemini and Bedrock stand in the path.
fn check_deployment(backend: &Backend, model: &Located<String>, problems: &mut Problems) {
    let mut segments = model.value.split('/');
    if backend.protocol == Protocol::Gemini && segments.any(|it| matches!(it, "" | "." | "..")) {
        problems.error(&model.path, "can't stand in a path");
    }
    // Of Bedrock's it is one segment, slashes and all.
    if backend.protocol == Protocol::Bedrock && matches!(model.value.as_str(), "." | "..") {
        problems.error(&model.path, "can't stand in a path");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let climbs = matches!(model.value.as_str(), "." | "..");
    if backend.azure_api_version.is_some() && (climbs || !model.value.chars().all(allowed)) {
        problems.error(
            &model.path,
            "a deployment's name has letters, digits and - . _ ~",
        );
    }
}

/// What is not told is as long as by default, but no longer than all tries together.
fn timeouts(entry: &TimeoutsEntry, problems: &mut Problems) -> Timeouts {
    let default = Timeouts::default();
    let total = value(&entry.total, default.total_ms);
    for one in [&entry.first_token, &entry.whole].into_iter().flatten() {
        if one.value > total {
            problems.error(&one.path, "must not be longer than total (10m by default)");
        }
    }
    Timeouts {
        first_token_ms: value(&entry.first_token, default.first_token_ms.min(total)),
        whole_ms: value(&entry.whole, default.whole_ms.min(total)),
        total_ms: total,
    }
}

pub(super) fn cool_down(entry: &CoolDownEntry, problems: &mut Problems) -> CoolDown {
    let default = CoolDown::default();
    let max = value(&entry.max, default.max_ms);
    for one in [&entry.rate_limited, &entry.base].into_iter().flatten() {
        if one.value > max {
            let message = match &entry.max {
                Some(_) => "must not be longer than max",
                None => "must not be longer than max (5m by default)",
            };
            problems.error(&one.path, message);
        }
    }
    CoolDown {
        rate_limited_ms: value(&entry.rate_limited, default.rate_limited_ms.min(max)),
        failures: entry.failures.unwrap_or(default.failures),
        base_ms: value(&entry.base, default.base_ms.min(max)),
        max_ms: max,
    }
}

fn value(written: &Option<Located<u64>>, default: u64) -> u64 {
    written.as_ref().map_or(default, |it| it.value)
}
