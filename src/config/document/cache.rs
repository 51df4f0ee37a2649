/*! `cache`: of the document, and of a model. */

use super::super::cache::{CacheScope, CacheStore, Embeddings, MAX_GENERATION};
use super::super::fields::{Fields, Node};
use super::super::problem::Problems;
use super::super::scalars::{count, duration, flag, share};
use super::super::tree::Tree;
use super::super::values::{references, size, text};
use super::background::{authority, path};
use super::{Located, choice};
use std::ops::RangeInclusive;

const TIMEOUT_BOUNDS: RangeInclusive<u64> = 1..=10_000;
/// A provider takes seconds; nobody should notice a store that is down.
const STORE_TIMEOUT_MS: u64 = 50;
/// A small model on a processor takes some milliseconds.
const EMBEDDINGS_TIMEOUT_MS: u64 = 250;

/// What is kept, and where.
pub(in super::super) struct CacheEntry {
    pub(in super::super) path: String,
    pub(in super::super) rules: CacheRulesEntry,
    pub(in super::super) memory: Option<Located<u64>>,
    pub(in super::super) max_entry: Option<Located<u64>>,
    pub(in super::super) cross_tenant: bool,
    pub(in super::super) generation: u64,
    pub(in super::super) purge_all: Vec<Located<String>>,
    pub(in super::super) store: Option<CacheStore>,
    pub(in super::super) embeddings: Option<Embeddings>,
}

/// What is kept; what is not said is as the level above says.
#[derive(Default)]
pub(in super::super) struct CacheRulesEntry {
    pub(in super::super) ttl: Option<u64>,
    pub(in super::super) scope: Option<Located<CacheScope>>,
    pub(in super::super) deterministic: Option<bool>,
    pub(in super::super) tools: Option<bool>,
    pub(in super::super) media: Option<bool>,
    pub(in super::super) similar: Option<Located<u16>>,
}

/// What a model says of the cache.
pub(in super::super) enum ModelCacheEntry {
    /// Nothing of it is kept.
    Off,
    /// This is.
    Rules(Located<CacheRulesEntry>),
}

pub(super) fn cache(node: &Node<'_>, problems: &mut Problems) -> Option<CacheEntry> {
    let mut fields = node.fields(problems)?;
    let entry = CacheEntry {
        path: node.path.clone(),
        memory: fields.optional("memory", size, problems),
        max_entry: fields.optional("max_entry", size, problems),
        cross_tenant: fields
            .optional("cross_tenant", flag, problems)
            .unwrap_or(false),
        generation: fields
            .optional("generation", generation, problems)
            .unwrap_or(0),
        purge_all: fields
            .optional("purge_all", references, problems)
            .unwrap_or_default(),
        store: fields.optional("store", store, problems),
        embeddings: fields.optional("embeddings", embeddings, problems),
        rules: rules(&mut fields, problems),
    };
    fields.finish(problems);
    Some(entry)
}

pub(super) fn model_cache(node: &Node<'_>, problems: &mut Problems) -> Option<ModelCacheEntry> {
    match node.tree {
        Tree::Bool(false) => Some(ModelCacheEntry::Off),
        Tree::Bool(true) => {
            let rules = CacheRulesEntry::default();
            Some(ModelCacheEntry::Rules(node.located(rules)))
        }
        Tree::Map(_) => {
            let mut fields = node.fields(problems)?;
            let rules = rules(&mut fields, problems);
            fields.finish(problems);
            Some(ModelCacheEntry::Rules(node.located(rules)))
        }
        _ => node.wanted("true, false or a map", problems),
    }
}

fn generation(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    count(node, problems, 0..=MAX_GENERATION)
}

fn rules(fields: &mut Fields<'_>, problems: &mut Problems) -> CacheRulesEntry {
    CacheRulesEntry {
        ttl: fields
            .optional("ttl", duration, problems)
            .map(|ttl| ttl.value),
        scope: fields.optional("scope", scope, problems),
        deterministic: fields.optional("deterministic", flag, problems),
        tools: fields.optional("tools", flag, problems),
        media: fields.optional("media", flag, problems),
        similar: fields.optional("similar", similar, problems),
    }
}

fn store(node: &Node<'_>, problems: &mut Problems) -> Option<CacheStore> {
    let mut fields = node.fields(problems)?;
    let cluster = fields.required("cluster", text, problems);
    let authority = fields.optional("authority", authority, problems);
    let path = fields.required("path", pattern, problems);
    let put_path = fields.optional("put_path", pattern, problems);
    let timeout_ms = timeout(&mut fields, problems).unwrap_or(STORE_TIMEOUT_MS);
    fields.finish(problems);
    let (cluster, path) = (cluster?, path?);
    Some(CacheStore {
        authority: authority.unwrap_or_else(|| cluster.clone()),
        cluster,
        put_path: put_path.unwrap_or_else(|| path.clone()),
        path,
        timeout_ms,
    })
}

/// A path with a place for the key.
fn pattern(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let path = path(node, problems)?;
    if path.contains("{key}") {
        return Some(path);
    }
    problems.error(&node.path, "must have {key} in it, such as /cache/{key}");
    None
}

fn embeddings(node: &Node<'_>, problems: &mut Problems) -> Option<Embeddings> {
    let mut fields = node.fields(problems)?;
    let cluster = fields.required("cluster", text, problems);
    let authority = fields.optional("authority", authority, problems);
    let path = fields.optional("path", path, problems);
    let model = fields.required("model", text, problems);
    let timeout_ms = timeout(&mut fields, problems).unwrap_or(EMBEDDINGS_TIMEOUT_MS);
    fields.finish(problems);
    let (cluster, model) = (cluster?, model?);
    Some(Embeddings {
        authority: authority.unwrap_or_else(|| cluster.clone()),
        cluster,
        path: path.unwrap_or_else(|| "/v1/embeddings".to_owned()),
        model,
        timeout_ms,
    })
}

fn timeout(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u64> {
    let timeout = fields.optional("timeout", duration, problems)?;
    if !TIMEOUT_BOUNDS.contains(&timeout.value) {
        problems.error(&timeout.path, "must be between 1ms and 10s");
    }
    Some(timeout.value)
}

/// Of unlike questions, too, embeddings are alike to a half or more.
fn similar(node: &Node<'_>, problems: &mut Problems) -> Option<Located<u16>> {
    let share = share(node, problems)?;
    if !(500..=1_000).contains(&share) {
        problems.error(&node.path, "must be between 0.5 and 1");
    }
    Some(node.located(share))
}

fn scope(node: &Node<'_>, problems: &mut Problems) -> Option<Located<CacheScope>> {
    let words = [
        ("user", CacheScope::User),
        ("tenant", CacheScope::Tenant),
        ("tier", CacheScope::Tier),
        ("global", CacheScope::Global),
    ];
    choice(node, problems, &words).map(|scope| node.located(scope))
}
