/*! `cache`: of the document, and of a model. */

use super::super::cache::CacheScope;
use super::super::fields::{Fields, Node};
use super::super::problem::Problems;
use super::super::scalars::{duration, flag};
use super::super::tree::Tree;
use super::super::values::{references, size};
use super::{Located, choice};

/// What is kept, and where.
pub(in super::super) struct CacheEntry {
    pub(in super::super) path: String,
    pub(in super::super) rules: CacheRulesEntry,
    pub(in super::super) memory: Option<Located<u64>>,
    pub(in super::super) max_entry: Option<Located<u64>>,
    pub(in super::super) cross_tenant: bool,
    pub(in super::super) purge_all: Vec<Located<String>>,
}

/// What is kept; what is not said is as the level above says.
#[derive(Default)]
pub(in super::super) struct CacheRulesEntry {
    pub(in super::super) ttl: Option<u64>,
    pub(in super::super) scope: Option<Located<CacheScope>>,
    pub(in super::super) deterministic: Option<bool>,
    pub(in super::super) tools: Option<bool>,
    pub(in super::super) media: Option<bool>,
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
        purge_all: fields
            .optional("purge_all", references, problems)
            .unwrap_or_default(),
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

fn rules(fields: &mut Fields<'_>, problems: &mut Problems) -> CacheRulesEntry {
    CacheRulesEntry {
        ttl: fields
            .optional("ttl", duration, problems)
            .map(|ttl| ttl.value),
        scope: fields.optional("scope", scope, problems),
        deterministic: fields.optional("deterministic", flag, problems),
        tools: fields.optional("tools", flag, problems),
        media: fields.optional("media", flag, problems),
    }
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
