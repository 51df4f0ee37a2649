/*! Limits: those that count the same thing in the same window share a counter. */

use super::super::document::{
    LedgerEntry, LimitEntry, Named, OutputEntry, PerEntry, TenantEntry, TierEntry,
};
use super::super::fields::member_path;
use super::super::limit::{DefaultOutput, Ledger};
use super::super::model::{Backend, MaxTokensField, Model, Resolve, USUAL_WINDOW};
use super::super::policy::Tenant;
use super::super::problem::Problems;
use super::super::stored::Conversations;
use super::super::suggest::suggest;
use super::Names;
use crate::ledger::limits::{Limit, Meter, SHARDS, Unit, Window, place_bytes, record_bytes};
use crate::sorting::sort_few;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::rc::Rc;

/// The limits of tiers.
pub(super) struct Tiers {
    entries: HashMap<String, TierEntry>,
    none: TierEntry,
}

impl Tiers {
    pub(super) fn new(
        entries: Vec<Named<TierEntry>>,
        tenants: &[Named<TenantEntry>],
        problems: &mut Problems,
    ) -> Self {
        let tiers = tenants.iter().filter_map(|tenant| tenant.entry.as_ref());
        let tiers = tiers.map(|entry| entry.tier.as_deref().unwrap_or("default"));
        let used: Vec<&str> = tiers.collect();
        for tenant in tenants {
            let tier = tenant
                .entry
                .as_ref()
                .and_then(|entry| entry.tier.as_deref());
            let known = || entries.iter().map(|tier| tier.name.as_str());
            let Some(tier) = tier.filter(|tier| known().all(|name| name != *tier)) else {
                continue;
            };
            let hint = suggest(tier, known());
            if !hint.is_empty() {
                let path = format!("{}.tier", tenant.path);
                problems.warning(path, format!("tiers has no {tier:?}{hint}"));
            }
        }
        let mut built = HashMap::new();
        for Named { name, path, entry } in entries {
            if !used.contains(&name.as_str()) {
                problems.warning(path, "no tenant is of this tier");
            }
            built.extend(entry.map(|entry| (name, entry)));
        }
        Self {
            entries: built,
            none: TierEntry::default(),
        }
    }

    pub(super) fn entry(&self, tier: &str) -> &TierEntry {
        self.entries.get(tier).unwrap_or(&self.none)
    }
}

/// Most bytes of a tenant's or model's record, which is written anew twice for every call.
const MAX_RECORD: u64 = 16_384;

/// Least users with windows in each part of `user_memory`: of fewer, many share a window.
const FEW_USERS: u64 = 4;

/// The meters of a tenant.
pub(super) fn meters(
    entries: &[LimitEntry],
    models: &Names<Model>,
    problems: &mut Problems,
) -> Rc<[Meter]> {
    let meters = resolved(entries, models, problems);
    check_record(entries, &meters, problems);
    meters
}

/// The meters of a tenant's users.
pub(super) fn user_meters(
    entries: &[LimitEntry],
    models: &Names<Model>,
    ledger: &Ledger,
    problems: &mut Problems,
) -> Rc<[Meter]> {
    let meters = resolved(entries, models, problems);
    check_places(entries, &meters, ledger, problems);
    meters
}

fn resolved(entries: &[LimitEntry], models: &Names<Model>, problems: &mut Problems) -> Rc<[Meter]> {
    for entry in entries {
        for (index, wanted) in entry.models.iter().enumerate() {
            let before = entry.models.iter().take(index);
            if before
                .map(|model| &model.value)
                .any(|name| *name == wanted.value)
            {
                problems.error(&wanted.path, format!("{:?} stands twice", wanted.value));
            }
        }
    }
    for wanted in entries.iter().flat_map(|entry| &entry.models) {
        let model = models.resolve(wanted, problems);
        if model.is_some_and(|model| model.resolve == Resolve::Rules) {
            let message = "rules resolve that one: name the models that they choose, which is what is counted";
            problems.error(&wanted.path, message);
        }
    }
    for entry in entries {
        warn_of_lease(entry, models, problems);
    }
    build(entries, problems)
}

/// A call that takes longer than its lease gives its place back while it is under way.
fn warn_of_lease(entry: &LimitEntry, models: &Names<Model>, problems: &mut Problems) {
    let PerEntry::Lease(lease) = entry.per else {
        return;
    };
    let counted = |model: &Model| {
        let mut named = entry.models.iter();
        entry.models.is_empty() || named.any(|named| named.value == model.name)
    };
    let models = models.built.values().filter(|model| counted(model));
    let longest = models.map(|model| model.timeouts.total_ms).max();
    if longest.is_some_and(|longest| longest > lease) {
        problems.warning(
            &entry.path,
            "calls may take longer (timeouts.total) than their lease: their places come back before they end",
        );
    }
}

/// Tokens that calls of a model reserve at least, of such as a unit counts; `None`: nobody knows.
type Least<'a> = dyn Fn(&Model, Unit) -> Option<u64> + 'a;

/// A limit below what calls reserve lets none of them through, ever.
pub(super) fn warn_of_small(
    models: &Names<Model>,
    tenants: &HashMap<String, Rc<Tenant>>,
    (ledger, conversations): (&Ledger, Option<&Conversations>),
    problems: &mut Problems,
) {
    let unbounded = |model: &Model, unit: Unit| {
        matches!(unit, Unit::OutputTokens | Unit::Tokens)
            .then(|| default_answer(model, ledger))
            .flatten()
    };
    each_small(models, tenants, &unbounded, &mut |path, limit, of, _| {
        let message = format!(
            "{limit:?} is less than default_output: calls{of} that set no max_tokens are never let through"
        );
        problems.warning(path, message);
    });
    let Some(conversations) = conversations else {
        return;
    };
    let conversing = |model: &Model, unit: Unit| {
        matches!(unit, Unit::InputTokens | Unit::Tokens)
            .then(|| conversation(model, conversations))
            .flatten()
    };
    each_small(
        models,
        tenants,
        &conversing,
        &mut |path, limit, of, least| {
            let message = format!(
                "{limit:?} is less than the {least} tokens that a conversation is taken to bring into a prompt: calls{of} that belong to one are never let through; set stored.conversations.tokens lower"
            );
            problems.warning(path, message);
        },
    );
}

/// Tells of each list of limits the first one that is too small for calls of a model: where, its
/// name, whose calls, and what they take.
fn each_small(
    models: &Names<Model>,
    tenants: &HashMap<String, Rc<Tenant>>,
    least: &Least<'_>,
    tell: &mut dyn FnMut(String, &str, &str, u64),
) {
    let mut tenants: Vec<_> = tenants.values().collect();
    sort_few(&mut tenants, &|a, b| a.name.cmp(&b.name));
    for tenant in tenants {
        let path = member_path("tenants", &tenant.name);
        for (field, meters) in [("limits", &tenant.limits), ("per_user", &tenant.per_user)] {
            for model in &tenant.models {
                if let Some((limit, least)) = too_small(meters, model, least) {
                    let of = format!(" of {:?}", model.name);
                    tell(format!("{path}.{field}"), limit, &of, least);
                }
            }
        }
    }
    for (name, path) in models.known.iter().zip(&models.paths) {
        let model = models.built.get(name);
        let small = model.and_then(|model| too_small(&model.limits, model, least));
        if let Some((limit, least)) = small {
            tell(format!("{path}.limits"), limit, "", least);
        }
    }
}

/// The first limit that has no room for what calls of a model reserve, and that.
fn too_small<'m>(meters: &'m [Meter], model: &Model, least: &Least<'_>) -> Option<(&'m str, u64)> {
    let mut counted = meters.iter().filter(|meter| meter.counts(&model.name));
    counted.find_map(|meter| {
        let least = least(model, meter.unit)?;
        let mut limits = meter.limits.iter();
        let small = limits.find(|limit| !limit.shadow && limit.amount < least);
        small.map(|limit| (limit.name.as_str(), least))
    })
}

/// The length of answers for which callers set no bound.
fn default_answer(model: &Model, ledger: &Ledger) -> Option<u64> {
    let default = model.default_output.unwrap_or(ledger.default_output).tokens;
    let most = model.live().iter().map(|target| target.max_output);
    let most = most.map(|most| most.unwrap_or(u64::MAX)).max()?;
    Some(default.min(most))
}

/// What a conversation is taken to bring into a prompt, at the least of the model's targets where
/// it is kept.
fn conversation(model: &Model, conversations: &Conversations) -> Option<u64> {
    let targets = model.live().iter();
    let here = targets.filter(|target| target.backend.name == conversations.backend);
    let windows = here.map(|target| target.context.unwrap_or(USUAL_WINDOW));
    let window = windows.min()?;
    Some(conversations.tokens.unwrap_or(u64::MAX).min(window))
}

/// Fields of a provider's requests that are removed must not be the bound that answers are
/// reserved by.
pub(super) fn check_bounds(
    backends: &Names<Backend>,
    models: &Names<Model>,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    let output = |meters: &[Meter]| {
        let mut meters = meters.iter();
        meters.any(|meter| meter.unit.counts_output())
    };
    let counted = models.built.values().any(|model| output(&model.limits))
        || tenants
            .values()
            .any(|tenant| output(&tenant.limits) || output(&tenant.per_user));
    for (name, path) in backends.known.iter().zip(&backends.paths) {
        let Some(backend) = backends.built.get(name).filter(|_| counted) else {
            continue;
        };
        let is_bound =
            |field: &String| ["max_tokens", "max_completion_tokens"].contains(&field.as_str());
        let as_sent = backend.max_tokens_field == MaxTokensField::AsSent;
        if as_sent && backend.remove_fields.iter().any(is_bound) {
            problems.error(
                format!("{path}.remove_fields"),
                "removes the bound that limits reserve answers by: say with max_tokens_field which one the provider knows",
            );
        }
    }
}

/// The path of a list, by that of its first entry.
fn list_path(entries: &[LimitEntry]) -> &str {
    let first = entries.first().map_or("", |entry| entry.path.as_str());
    first.strip_suffix("[0]").unwrap_or(first)
}

fn check_record(entries: &[LimitEntry], meters: &[Meter], problems: &mut Problems) {
    let bytes = record_bytes(meters);
    if bytes > MAX_RECORD {
        let message = format!(
            "so many windows take up to {bytes} bytes, which every call would write: at most \
             {MAX_RECORD} are allowed; have fewer limits, or calendar windows"
        );
        problems.error(list_path(entries), message);
    }
}

fn check_places(
    entries: &[LimitEntry],
    meters: &[Meter],
    ledger: &Ledger,
    problems: &mut Problems,
) {
    let (bytes, part) = (place_bytes(meters), ledger.shard_bytes);
    if meters.is_empty() || bytes.saturating_mul(FEW_USERS) <= part {
        return;
    }
    let path = list_path(entries);
    let takes = format!(
        "a user's windows take up to {bytes} bytes, and each of the {SHARDS} parts of \
         ledger.user_memory has {part}"
    );
    let instead = "raise ledger.user_memory, have fewer limits, or calendar windows";
    if bytes > part {
        problems.error(path, format!("{takes}: {instead}"));
    } else {
        let warning = format!("{takes}: few users have windows of their own; {instead}");
        problems.warning(path, warning);
    }
}

/// The meters of a model, which are about that model alone.
pub(super) fn model_meters(entries: &[LimitEntry], problems: &mut Problems) -> Rc<[Meter]> {
    for other in entries.iter().filter_map(|entry| entry.models.first()) {
        problems.error(
            &other.path,
            "the limits of a model count its own calls only",
        );
    }
    let meters = build(entries, problems);
    check_record(entries, &meters, problems);
    meters
}

fn build(entries: &[LimitEntry], problems: &mut Problems) -> Rc<[Meter]> {
    let mut meters: Vec<Meter> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for entry in entries {
        let limit = Limit {
            name: entry.name.clone().unwrap_or_else(|| default_name(entry)),
            amount: entry.amount,
            shadow: entry.shadow,
            alert_at: entry.alert_at.clone(),
        };
        if names.contains(&limit.name) {
            let message = format!(
                "{:?} is another limit here: give one of them a name",
                limit.name
            );
            problems.error(&entry.path, message);
        }
        names.push(limit.name.clone());
        add(&mut meters, meter(entry), limit, &entry.path, problems);
    }
    Rc::from(meters)
}

fn add(meters: &mut Vec<Meter>, new: Meter, limit: Limit, path: &str, problems: &mut Problems) {
    let known = meters.iter_mut().find(|known| known.id == new.id);
    let Some(known) = known else {
        meters.push(Meter {
            limits: vec![limit],
            ..new
        });
        return;
    };
    let alerts = |limit: &Limit| !limit.alert_at.is_empty();
    if alerts(&limit) && known.limits.iter().any(alerts) {
        let message = "another limit of the same usage has alert_at: one of them is enough";
        problems.error(path, message);
    }
    if (known.unit, known.window) != (new.unit, new.window) || known.models != new.models {
        // Two hashes of 32 bits are alike.
        problems.error(
            path,
            "set reset: 1 here: the counter has the number of another one",
        );
    }
    known.limits.push(limit);
}

fn meter(entry: &LimitEntry) -> Meter {
    let window = match entry.per {
        PerEntry::Period {
            period,
            sliding: true,
        } => Window::Sliding(period),
        PerEntry::Period {
            period,
            sliding: false,
        } => Window::Fixed(period),
        PerEntry::Lease(millis) => Window::Lease(millis),
    };
    let models = entry.models.iter().map(|model| model.value.clone());
    let mut models: Vec<String> = models.collect();
    models.sort_unstable();
    models.dedup();
    Meter {
        id: id(entry.unit, window, &models, entry.reset),
        unit: entry.unit,
        window,
        models,
        limits: Vec::new(),
    }
}

/// The number of a counter: what it counts, and nothing that an operator may change without
/// beginning anew.
fn id(unit: Unit, window: Window, models: &[String], reset: u64) -> u32 {
    let kind = match window {
        Window::Fixed(period) => format!("fixed {}", period.as_str()),
        Window::Sliding(period) => format!("sliding {}", period.as_str()),
        Window::Lease(millis) => format!("lease {millis}"),
    };
    let text = format!("{} {kind} {} {reset}", unit.as_str(), models.join(" "));
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest
        .first_chunk::<4>()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// `tokens/minute`, `concurrent`, `usd/day/smart`.
fn default_name(entry: &LimitEntry) -> String {
    let mut name = entry.unit.as_str().to_owned();
    if let PerEntry::Period { period, .. } = entry.per {
        name = format!("{name}/{}", period.as_str());
    }
    for model in &entry.models {
        name = format!("{name}/{}", model.value);
    }
    name
}

pub(super) fn ledger(entry: &LedgerEntry, problems: &mut Problems) -> Ledger {
    let default = Ledger::default();
    let shard_bytes = entry.user_memory.as_ref().map(|memory| {
        let bytes = memory.value.checked_div(u64::from(SHARDS)).unwrap_or(0);
        if !(256..=16_384).contains(&bytes) {
            problems.error(&memory.path, "must be between 1MiB and 64MiB");
        }
        bytes
    });
    Ledger {
        shard_bytes: shard_bytes.unwrap_or(default.shard_bytes),
        default_output: entry
            .default_output
            .map_or(default.default_output, default_output),
        admit_when_busy: entry.admit_when_busy,
        stop_at_limit: entry.stop_at_limit,
    }
}

pub(super) const fn default_output(entry: OutputEntry) -> DefaultOutput {
    DefaultOutput {
        tokens: entry.tokens,
        soft: entry.soft,
    }
}

/// Every target whose calls a limit in dollars counts must have a price.
pub(super) fn check_prices(
    models: &Names<Model>,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    let money = |meters: &[Meter], model: &str| {
        let mut meters = meters.iter();
        meters.any(|meter| meter.unit == Unit::NanoUsd && meter.counts(model))
    };
    for (name, path) in models.known.iter().zip(&models.paths) {
        let Some(model) = models.built.get(name) else {
            continue;
        };
        let limited = money(&model.limits, name)
            || tenants.values().any(|tenant| {
                let allowed = tenant.models.iter().any(|known| known.name == *name);
                allowed && (money(&tenant.limits, name) || money(&tenant.per_user, name))
            });
        if limited {
            check_model_prices(model, path, problems);
        }
    }
}

fn check_model_prices(model: &Model, path: &str, problems: &mut Problems) {
    let Resolve::Targets(targets) = &model.resolve else {
        return;
    };
    for target in targets
        .live
        .targets
        .iter()
        .filter(|target| target.price.is_none())
    {
        let message = format!(
            "{} has no price, and a limit in usd counts its calls: give it a price, or set default_price",
            target.key
        );
        problems.error(path, message);
    }
    for step in &model.workflow {
        if step.models().any(|asked| asked.price.is_none()) {
            let message = format!(
                "the step {} has no price, and a limit in usd counts its calls: give it a price, or set default_price",
                step.kind.as_str()
            );
            problems.error(path, message);
        }
    }
}
