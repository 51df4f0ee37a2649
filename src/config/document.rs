/*! The document as written: typed and checked field by field, names not yet resolved. */

mod backend;
mod background;
mod cache;
mod global;
mod guardrail;
mod limit;
mod model;
mod price;
mod retry;
mod rule;
mod stored;
mod unscannable;
mod workflow;

pub(super) use backend::BackendEntry;
pub(super) use cache::{CacheEntry, CacheRulesEntry, ModelCacheEntry};
pub(super) use guardrail::{GuardrailEntry, guardrails};
pub(super) use limit::{LedgerEntry, LimitEntry, OutputEntry, PerEntry, TierEntry};
pub(super) use model::{ModelEntry, TargetEntry, TargetsEntry, TimeoutsEntry};
pub(super) use retry::CoolDownEntry;
pub(super) use rule::RuleEntry;
pub(super) use stored::StoredEntry;

use super::background::AlertHook;
use super::fields::{Located, Node};
use super::global::GlobalCharge;
use super::model::Fallback;
use super::policy::{Expiry, Role, SpiffePattern};
use super::problem::Problems;
use super::suggest::suggest;
use super::tree::Tree;
use super::unscannable::UnscannableRules;
use super::values::{
    check_name, claim, expiry, header_name, name, reference, references, sha256, size, text,
};
use crate::ledger::Price;

pub(super) struct Document {
    pub(super) namespace: Option<String>,
    pub(super) backends: Vec<Named<BackendEntry>>,
    pub(super) models: Vec<Named<ModelEntry>>,
    /// Of targets that have none of their own.
    pub(super) default_price: Option<Price>,
    pub(super) tenants: Vec<Named<TenantEntry>>,
    pub(super) tiers: Vec<Named<TierEntry>>,
    pub(super) ledger: LedgerEntry,
    pub(super) identity: IdentityEntry,
    pub(super) limits: LimitsEntry,
    pub(super) other_paths: OtherPathsEntry,
    /// `None` for a rule that could not be read.
    pub(super) routing: Vec<Option<RuleEntry>>,
    pub(super) fallback: Option<Fallback>,
    pub(super) cool_down: CoolDownEntry,
    pub(super) guardrails: Vec<GuardrailEntry>,
    pub(super) unscannable: Option<Located<UnscannableRules>>,
    pub(super) alerts: Option<AlertHook>,
    pub(super) global_limits: Option<GlobalCharge>,
    pub(super) cache: Option<CacheEntry>,
    pub(super) stored: Option<Located<StoredEntry>>,
}

#[derive(Default)]
pub(super) struct LimitsEntry {
    pub(super) body: Option<Located<u64>>,
    pub(super) held_per_tenant: Option<Located<u64>>,
}

/// An entry under a name; `None` if it could not be read, so that references to the
/// name are not reported as dangling on top.
pub(super) struct Named<T> {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) entry: Option<T>,
}

pub(super) struct TenantEntry {
    pub(super) tier: Option<String>,
    pub(super) models: Vec<Located<String>>,
    /// `None` if there are none; those that could not be read are left out.
    pub(super) keys: Option<Vec<KeyEntry>>,
    pub(super) jwt: Option<Vec<Located<String>>>,
    pub(super) spiffe: Vec<Located<SpiffePattern>>,
    /// `None`: as the tier says.
    pub(super) limits: Option<Vec<LimitEntry>>,
    pub(super) per_user: Option<Vec<LimitEntry>>,
}

pub(super) struct KeyEntry {
    pub(super) digest: Located<[u8; 32]>,
    pub(super) label: Option<String>,
    pub(super) user: Option<String>,
    pub(super) expires: Option<Expiry>,
    pub(super) role: Role,
}

#[derive(Default)]
pub(super) struct IdentityEntry {
    pub(super) placeholder_keys: Vec<Located<String>>,
    pub(super) jwt: Option<JwtEntry>,
    /// Whether there is a `jwt`, even one that could not be read.
    pub(super) has_jwt: bool,
    pub(super) hops: Vec<HopEntry>,
}

pub(super) struct JwtEntry {
    pub(super) payload: String,
    pub(super) tenant_claim: String,
    pub(super) user_claim: Option<String>,
}

pub(super) struct HopEntry {
    pub(super) from: HopFromEntry,
    pub(super) tenant: String,
    pub(super) user: Option<String>,
}

pub(super) enum HopFromEntry {
    Spiffe(SpiffePattern),
    FilterChain(String),
}

#[derive(Default)]
pub(super) enum OtherPathsEntry {
    #[default]
    Refuse,
    Pass(Located<String>),
}

/// Reads the whole document; `None` only if it is no map at all.
pub(super) fn read(tree: &Tree, problems: &mut Problems) -> Option<Document> {
    let mut fields = Node::root(tree).fields(problems)?;
    let document = Document {
        namespace: fields.optional("namespace", name, problems),
        backends: fields
            .required("backends", backend::backends, problems)
            .unwrap_or_default(),
        models: fields
            .required("models", model::models, problems)
            .unwrap_or_default(),
        default_price: fields.optional("default_price", price::price, problems),
        tenants: fields
            .required("tenants", tenants, problems)
            .unwrap_or_default(),
        tiers: fields
            .optional("tiers", limit::tiers, problems)
            .unwrap_or_default(),
        ledger: fields
            .optional("ledger", limit::ledger, problems)
            .unwrap_or_default(),
        identity: fields
            .optional("identity", identity, problems)
            .unwrap_or_default(),
        other_paths: fields
            .optional("other_paths", other_paths, problems)
            .unwrap_or_default(),
        limits: fields
            .optional("limits", limits, problems)
            .unwrap_or_default(),
        routing: fields
            .optional("routing", rule::rules, problems)
            .unwrap_or_default(),
        fallback: fields.optional("fallback", retry::fallback, problems),
        cool_down: fields
            .optional("cool_down", retry::cool_down, problems)
            .unwrap_or_default(),
        guardrails: fields
            .optional("guardrails", guardrails, problems)
            .unwrap_or_default(),
        unscannable: fields.optional("unscannable", unscannable::unscannable, problems),
        alerts: fields.optional("alerts", background::alerts, problems),
        global_limits: fields.optional("global_limits", global::global_limits, problems),
        cache: fields.optional("cache", cache::cache, problems),
        stored: fields.optional("stored", stored::stored, problems),
    };
    fields.finish(problems);
    Some(document)
}

/// The guardrails of a document, `alone` if it must have nothing else than what belongs to
/// them.
pub(super) fn guardrails_alone(
    tree: &Tree,
    alone: bool,
    problems: &mut Problems,
) -> Vec<GuardrailEntry> {
    let Some(mut fields) = Node::root(tree).fields(problems) else {
        return Vec::new();
    };
    let guardrails = fields.optional("guardrails", guardrails, problems);
    if alone {
        fields.optional("unscannable", unscannable::unscannable, problems);
        fields.finish(problems);
    }
    guardrails.unwrap_or_default()
}

fn limits(node: &Node<'_>, problems: &mut Problems) -> Option<LimitsEntry> {
    let mut fields = node.fields(problems)?;
    let entry = LimitsEntry {
        body: fields.optional("body", size, problems),
        held_per_tenant: fields.optional("held_per_tenant", size, problems),
    };
    fields.finish(problems);
    Some(entry)
}

/// A map from names to entries.
fn named<T>(
    node: &Node<'_>,
    problems: &mut Problems,
    check: fn(&str, &str, &mut Problems),
    read: fn(&Node<'_>, &mut Problems) -> Option<T>,
) -> Option<Vec<Named<T>>> {
    let entries = node.entries(problems)?;
    let read_one = |(name, node): (&str, Node<'_>)| {
        check(name, &node.path, problems);
        Named {
            name: name.to_owned(),
            entry: read(&node, problems),
            path: node.path,
        }
    };
    Some(entries.into_iter().map(read_one).collect())
}

/// One of a few words.
fn choice<T: Clone>(node: &Node<'_>, problems: &mut Problems, words: &[(&str, T)]) -> Option<T> {
    let word = text(node, problems)?;
    if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
        return Some(value.clone());
    }
    let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
    let hint = suggest(&word, known.iter().copied());
    let message = format!("{word:?} is none of: {}{hint}", known.join(", "));
    problems.error(&node.path, message);
    None
}

fn tenants(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Named<TenantEntry>>> {
    named(node, problems, check_name, tenant)
}

fn tenant(node: &Node<'_>, problems: &mut Problems) -> Option<TenantEntry> {
    let mut fields = node.fields(problems)?;
    let tier = fields.optional("tier", name, problems);
    let models = fields.required("models", references, problems);
    let keys = fields.optional("keys", keys, problems);
    let jwt = fields.optional("jwt", references, problems);
    let spiffe = fields.optional("spiffe", spiffe_list, problems);
    let limits = fields.optional("limits", limit::limits, problems);
    let per_user = fields.optional("per_user", limit::limits, problems);
    fields.finish(problems);
    Some(TenantEntry {
        tier,
        models: models?,
        keys,
        jwt,
        spiffe: spiffe.unwrap_or_default(),
        limits,
        per_user,
    })
}

fn keys(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<KeyEntry>> {
    let elements = node.elements(problems)?;
    let read = |element: &Node<'_>| key(element, problems);
    Some(elements.iter().filter_map(read).collect())
}

fn key(node: &Node<'_>, problems: &mut Problems) -> Option<KeyEntry> {
    let mut fields = node.fields(problems)?;
    let digest = fields.required("sha256", sha256, problems);
    let label = fields.optional("label", text, problems);
    let user = fields.optional("user", text, problems);
    let expires = fields.optional("expires", expiry, problems);
    let role = fields.optional("role", role, problems);
    fields.finish(problems);
    Some(KeyEntry {
        digest: digest?,
        label,
        user,
        expires,
        role: role.unwrap_or_default(),
    })
}

fn role(node: &Node<'_>, problems: &mut Problems) -> Option<Role> {
    choice(
        node,
        problems,
        &[("user", Role::User), ("admin", Role::Admin)],
    )
}

fn spiffe_list(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Located<SpiffePattern>>> {
    let elements = node.elements(problems)?;
    let read = |element: &Node<'_>| {
        let pattern = spiffe(element, problems)?;
        Some(element.located(pattern))
    };
    Some(elements.iter().filter_map(read).collect())
}

fn spiffe(node: &Node<'_>, problems: &mut Problems) -> Option<SpiffePattern> {
    let id = text(node, problems)?;
    let below = id.strip_suffix('*');
    let fixed = below.unwrap_or(&id);
    let named = fixed.strip_prefix("spiffe://").is_some_and(|rest| {
        let (domain, path) = rest.split_once('/').unwrap_or((rest, ""));
        !domain.is_empty()
            && !rest.contains('*')
            && (below.is_none() || rest.ends_with('/'))
            && (below.is_some() || !path.is_empty())
    });
    if !named {
        let wanted =
            "must be a SPIFFE id (spiffe://domain/path), or one that ends in /* for all below it";
        problems.error(&node.path, wanted);
        return None;
    }
    Some(match below {
        Some(prefix) => SpiffePattern::Below(prefix.to_owned()),
        None => SpiffePattern::Exact(id),
    })
}

fn identity(node: &Node<'_>, problems: &mut Problems) -> Option<IdentityEntry> {
    let mut fields = node.fields(problems)?;
    let entry = IdentityEntry {
        placeholder_keys: fields
            .optional("placeholder_keys", references, problems)
            .unwrap_or_default(),
        has_jwt: fields.find("jwt").is_some(),
        jwt: fields.optional("jwt", jwt, problems),
        hops: fields.optional("hops", hops, problems).unwrap_or_default(),
    };
    fields.finish(problems);
    Some(entry)
}

fn jwt(node: &Node<'_>, problems: &mut Problems) -> Option<JwtEntry> {
    let mut fields = node.fields(problems)?;
    let payload = fields.required("payload_in_metadata", text, problems);
    let tenant_claim = fields.required("tenant", claim, problems);
    let user_claim = fields.optional("user", claim, problems);
    fields.finish(problems);
    Some(JwtEntry {
        payload: payload?,
        tenant_claim: tenant_claim?,
        user_claim,
    })
}

fn hops(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<HopEntry>> {
    let elements = node.elements(problems)?;
    let read = |element: &Node<'_>| hop(element, problems);
    Some(elements.iter().filter_map(read).collect())
}

fn hop(node: &Node<'_>, problems: &mut Problems) -> Option<HopEntry> {
    let mut fields = node.fields(problems)?;
    let from = fields.required("from", hop_from, problems);
    let tenant = fields.required("tenant", header_name, problems);
    let user = fields.optional("user", header_name, problems);
    fields.finish(problems);
    Some(HopEntry {
        from: from?,
        tenant: tenant?,
        user,
    })
}

fn hop_from(node: &Node<'_>, problems: &mut Problems) -> Option<HopFromEntry> {
    let mut fields = node.fields(problems)?;
    let spiffe = fields.find("spiffe");
    let chain = fields.find("filter_chain");
    fields.finish(problems);
    match (spiffe, chain) {
        (Some(node), None) => self::spiffe(&node, problems).map(HopFromEntry::Spiffe),
        (None, Some(node)) => text(&node, problems).map(HopFromEntry::FilterChain),
        _ => {
            problems.error(&node.path, "must have either spiffe or filter_chain");
            None
        }
    }
}

fn other_paths(node: &Node<'_>, problems: &mut Problems) -> Option<OtherPathsEntry> {
    match node.tree {
        Tree::String(word) if word == "refuse" => Some(OtherPathsEntry::Refuse),
        Tree::Map(_) => {
            let mut fields = node.fields(problems)?;
            let backend = fields.required("pass", reference, problems);
            fields.finish(problems);
            backend.map(OtherPathsEntry::Pass)
        }
        _ => node.wanted("refuse, or pass: with the name of a backend", problems),
    }
}
