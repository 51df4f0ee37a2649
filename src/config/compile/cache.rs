/*! `cache`: what each model keeps, and what tells its answers from those of other policies. */

use super::super::cache::{Cache, CacheRules, CacheScope, ModelCache};
use super::super::document::{
    CacheEntry, CacheRulesEntry, GuardrailEntry, ModelCacheEntry, Named, RuleEntry, StoredEntry,
    TenantEntry,
};
use super::super::fields::Located;
use super::super::model::{AnswerModel, Backend, MaxTokensField, Model, Resolve, Target};
use super::super::problem::Problems;
use super::super::suggest::suggest;
use super::super::unscannable::{UnscannableRules, Unscanned};
use super::Names;
use crate::protocols::Api;
use crate::sorting::sort_few;
use sha2::{Digest, Sha256};
use std::ops::RangeInclusive;
use std::rc::Rc;

/// Less is no cache worth its names; more would be as many names as a record can't manage.
const MEMORY_BOUNDS: RangeInclusive<u64> = (4 << 20)..=(1 << 30);
const ENTRY_BOUNDS: RangeInclusive<u64> = (1 << 10)..=(2 << 20);
/// One answer has at most this part of the memory.
const LARGEST_PART: u64 = 16;
const MEMORY: u64 = 64 << 20;
const MAX_ENTRY: u64 = 256 << 10;

pub(super) fn cache(
    entry: &CacheEntry,
    tenants: &[Named<TenantEntry>],
    problems: &mut Problems,
) -> Cache {
    let memory = entry.memory.as_ref().map_or(MEMORY, |it| it.value);
    if let Some(written) = &entry.memory
        && !MEMORY_BOUNDS.contains(&memory)
    {
        problems.error(&written.path, "must be between 4MiB and 1GiB");
    }
    let part = memory.checked_div(LARGEST_PART).unwrap_or(0);
    let max_entry = entry.max_entry.as_ref();
    let longest = max_entry.map_or_else(|| MAX_ENTRY.min(part), |it| it.value);
    if let Some(written) = max_entry {
        if !ENTRY_BOUNDS.contains(&longest) {
            problems.error(&written.path, "must be between 1KiB and 2MiB");
        } else if longest > part {
            problems.error(&written.path, "must not be more than a sixteenth of memory");
        }
    }
    Cache {
        memory,
        max_entry: longest,
        generation: entry.generation,
        purge_all: purge_all(entry, tenants, problems),
        store: entry.store.clone(),
        embeddings: entry.embeddings.clone(),
    }
}

fn purge_all(
    entry: &CacheEntry,
    tenants: &[Named<TenantEntry>],
    problems: &mut Problems,
) -> Vec<String> {
    let known = || tenants.iter().map(|tenant| tenant.name.as_str());
    for name in &entry.purge_all {
        if !known().any(|known| known == name.value) {
            let hint = suggest(&name.value, known());
            problems.error(&name.path, format!("no tenant {:?}{hint}", name.value));
        }
    }
    let names = entry.purge_all.iter();
    names.map(|name| name.value.clone()).collect()
}

/// What a model keeps; `None`: nothing.
pub(super) fn of_model(
    above: Option<&CacheEntry>,
    own: Option<ModelCacheEntry>,
    problems: &mut Problems,
) -> Option<CacheRules> {
    let own = match own {
        Some(ModelCacheEntry::Off) => return None,
        Some(ModelCacheEntry::Rules(own)) => Some(own),
        None => None,
    };
    let Some(above) = above else {
        if let Some(own) = own {
            problems.error(&own.path, "needs cache at the top of the document");
        }
        return None;
    };
    check_scope(above, &above.rules, problems);
    check_similar(above, &above.rules, problems);
    let rules = overlaid(CacheRules::default(), &above.rules);
    Some(match own {
        None => rules,
        Some(own) => {
            check_scope(above, &own.value, problems);
            check_similar(above, &own.value, problems);
            overlaid(rules, &own.value)
        }
    })
}

fn overlaid(below: CacheRules, entry: &CacheRulesEntry) -> CacheRules {
    CacheRules {
        ttl_ms: entry.ttl.unwrap_or(below.ttl_ms),
        scope: entry.scope.as_ref().map_or(below.scope, |it| it.value),
        deterministic: entry.deterministic.unwrap_or(below.deterministic),
        tools: entry.tools.unwrap_or(below.tools),
        media: entry.media.unwrap_or(below.media),
        similar: entry.similar.as_ref().map(|it| it.value).or(below.similar),
    }
}

fn check_scope(above: &CacheEntry, entry: &CacheRulesEntry, problems: &mut Problems) {
    let Some(scope) = &entry.scope else { return };
    let crosses = matches!(scope.value, CacheScope::Tier | CacheScope::Global);
    if crosses && !above.cross_tenant {
        let message = format!(
            "gives answers to other tenants, who see that somebody has asked: set {}.cross_tenant: true if that may be",
            above.path
        );
        problems.error_once(&scope.path, message);
    }
}

fn check_similar(above: &CacheEntry, entry: &CacheRulesEntry, problems: &mut Problems) {
    if let Some(similar) = &entry.similar
        && above.embeddings.is_none()
    {
        let message = format!("needs {}.embeddings", above.path);
        problems.error_once(&similar.path, message);
    }
}

/// A model and what shapes its answers.
pub(super) fn with_shape(rules: CacheRules, model: &Model) -> ModelCache {
    ModelCache {
        rules,
        shape: Rc::new(model_shape(model)),
    }
}

/// What in the policy shapes the answers of a model. Each field is named, so that a new one has
/// to be decided on: prices, limits, times and the order of the targets do not count.
fn model_shape(model: &Model) -> [u8; 32] {
    let Model {
        name,
        resolve,
        answer_model,
        default_output,
        strategy: _,
        timeouts: _,
        attempts: _,
        limits: _,
        cache: _,
        // Answers to calls with steps are not kept.
        workflow: _,
    } = model;
    let mut hash = Sha256::new();
    add(&mut hash, name);
    hash.update([u8::from(*answer_model == AnswerModel::Virtual)]);
    let bound = default_output.map(|it| (it.tokens, it.soft));
    add_number(&mut hash, bound.map(|(tokens, _)| tokens));
    hash.update([u8::from(bound.is_some_and(|(_, soft)| soft))]);
    if let Resolve::Targets(targets) = resolve {
        let live = targets.live.targets.iter();
        let mut shapes: Vec<[u8; 32]> = live.map(|it| target_shape(it)).collect();
        sort_few(&mut shapes, &|one, other| one.cmp(other));
        hash.update(shapes.as_flattened());
    }
    hash.finalize().into()
}

fn target_shape(target: &Target) -> [u8; 32] {
    let mut hash = Sha256::new();
    add_target(&mut hash, target);
    hash.finalize().into()
}

fn add_target(hash: &mut Sha256, target: &Target) {
    let Target {
        backend,
        model,
        context,
        max_output,
        accepts: _,
        gives: _,
        weight: _,
        price: _,
        shadow: _,
        key: _,
    } = target;
    add(hash, model);
    add_number(hash, *context);
    add_number(hash, *max_output);
    let Backend {
        name,
        cluster,
        protocol,
        apis,
        base_path,
        authority,
        azure_api_version,
        remove_fields,
        max_tokens_field,
    } = &**backend;
    add(hash, name);
    add(hash, cluster);
    add(hash, base_path);
    add(hash, protocol.chat().as_str());
    add_all(hash, apis.iter().map(|api| api.as_str()));
    add_all(hash, authority.iter().map(String::as_str));
    add_all(hash, azure_api_version.iter().map(String::as_str));
    add_all(hash, remove_fields.iter().map(String::as_str));
    hash.update([match max_tokens_field {
        MaxTokensField::AsSent => 0,
        MaxTokensField::MaxTokens => 1,
        MaxTokensField::MaxCompletionTokens => 2,
    }]);
}

/// What guards the texts of a tenant.
pub(super) fn tenant_shape(
    tenant: &str,
    guardrails: &[GuardrailEntry],
    unscannable: Option<&UnscannableRules>,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    for entry in guardrails.iter().filter(|it| it.guardrail.is_for(tenant)) {
        hash.update(entry.digest);
    }
    let UnscannableRules {
        media,
        remote,
        tools,
        answers,
        paths: _,
    } = unscannable.copied().unwrap_or_default();
    hash.update([media, remote, tools, answers].map(|it| u8::from(it == Unscanned::Pass)));
    hash.finalize().into()
}

fn add_all<'t>(hash: &mut Sha256, texts: impl ExactSizeIterator<Item = &'t str>) {
    add_number(hash, u64::try_from(texts.len()).ok());
    texts.for_each(|text| add(hash, text));
}

fn add_number(hash: &mut Sha256, number: Option<u64>) {
    hash.update([u8::from(number.is_some())]);
    hash.update(number.unwrap_or(0).to_le_bytes());
}

fn add(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_le_bytes());
    hash.update(text);
}

/// What is written and probably not meant.
pub(super) fn warn(
    entry: Option<&CacheEntry>,
    rules: &[Option<RuleEntry>],
    models: &Names<Model>,
    problems: &mut Problems,
) {
    let Some(entry) = entry else {
        for cache in rules
            .iter()
            .flatten()
            .filter_map(|rule| rule.cache.as_ref())
        {
            problems.error(&cache.path, "needs cache at the top of the document");
        }
        return;
    };
    let understood = models.built.len() == models.known.len();
    if understood && !models.built.values().any(|model| model.cache.is_some()) {
        problems.warning(&entry.path, "no model uses it");
    }
}

/// Answers that a provider keeps are no other call's, and the API's default is to keep them.
pub(super) fn warn_of_kept(
    stored: &Option<Located<StoredEntry>>,
    models: &Names<Model>,
    problems: &mut Problems,
) {
    let Some(stored) = stored else { return };
    let keeps = |model: &Model| {
        let mut apis = model
            .live()
            .iter()
            .map(|target| target.backend.asked_by(Api::Responses));
        model.cache.is_some() && apis.any(|api| api == Some(Api::Responses))
    };
    if models.built.values().any(|model| keeps(model)) {
        let message = "of Responses, the cache has only answers to calls with store: false";
        problems.warning(&stored.path, message);
    }
}
