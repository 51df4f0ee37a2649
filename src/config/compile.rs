/*! From the document to the policy: names resolved, contradictions found. */

mod background;
mod cache;
mod guardrail;
mod limit;
mod model;
mod rule;
mod stored;
mod turns;
mod workflow;

use super::document::{
    Document, HopEntry, HopFromEntry, IdentityEntry, JwtEntry, KeyEntry, LimitsEntry, Named,
    OtherPathsEntry, StoredEntry, TenantEntry,
};
use super::fields::Located;
use super::guards::Guards;
use super::limit::Ledger;
use super::model::{Backend, Model};
use super::policy::{
    Hop, HopFrom, IdentityRules, JwtRule, Key, KeyRing, Limits, OtherPaths, Policy, SpiffePattern,
    Tenant,
};
use super::problem::Problems;
use super::suggest::suggest;
use crate::ledger::limits::Unit;
use crate::protocols::Api;
use limit::check_prices;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::rc::Rc;

/// Largest `limits.body`, in bytes: Envoy and the VM each hold a copy.
const MAX_BODY: u64 = 256 << 20;

/// Named things, with the names of those that could not be read.
struct Names<T> {
    kind: &'static str,
    known: Vec<String>,
    /// Where each of the known ones stands.
    paths: Vec<String>,
    built: HashMap<String, Rc<T>>,
}

impl<T> Names<T> {
    fn build<E>(
        kind: &'static str,
        entries: Vec<Named<E>>,
        mut build: impl FnMut(String, &str, E) -> Option<T>,
    ) -> Self {
        let mut names = Self {
            kind,
            known: Vec::new(),
            paths: Vec::new(),
            built: HashMap::new(),
        };
        for Named { name, path, entry } in entries {
            let built = entry.and_then(|entry| build(name.clone(), &path, entry));
            names.known.push(name.clone());
            names.paths.push(path);
            if let Some(built) = built {
                names.built.insert(name, Rc::new(built));
            }
        }
        names
    }

    /// What `wanted` names; a name that nothing has is a problem.
    fn resolve(&self, wanted: &Located<String>, problems: &mut Problems) -> Option<Rc<T>> {
        let name = &wanted.value;
        if !self.known.contains(name) {
            let hint = suggest(name, self.known.iter().map(String::as_str));
            let message = format!("no {} {name:?}{hint}", self.kind);
            problems.error(&wanted.path, message);
        }
        self.built.get(name).cloned()
    }
}

/// SHA-256 of what guards a tenant.
type ShapeOf<'a> = dyn Fn(&str) -> [u8; 32] + 'a;

pub(super) use guardrail::Compiler;

/// `digest` is that of the document as it is written.
pub(super) fn compile(document: Document, digest: &[u8], problems: &mut Problems) -> Policy {
    let limits = limits(&document.limits, problems);
    let ledger = limit::ledger(&document.ledger, problems);
    let cool_down = model::cool_down(&document.cool_down, problems);
    let backends = Names::build("backend", document.backends, |name, _, entry| {
        Some(model::backend(name, entry, problems))
    });
    let default_price = document.default_price;
    let models = Names::build("model", document.models, |name, path, mut entry| {
        model::price_targets(&mut entry, default_price);
        let above = document.cache.as_ref();
        model::model(name, path, entry, (&backends, above), problems)
    });
    let tiers = limit::Tiers::new(document.tiers, &document.tenants, problems);
    let other_paths = match &document.other_paths {
        OtherPathsEntry::Refuse => OtherPaths::Refuse,
        OtherPathsEntry::Pass(name) => backends
            .resolve(name, problems)
            .map_or(OtherPaths::Refuse, OtherPaths::Pass),
    };
    let mut identity = IdentityRules::default();
    let mut claims = HashMap::new();
    guardrail::check_tenants(&document.guardrails, &document.tenants, problems);
    let known = || models.known.iter().map(String::as_str);
    guardrail::check_requests(&document.guardrails, known, &limits, problems);
    let mut guards = Compiler::new(&document.guardrails, digest, problems);
    let unscannable = document.unscannable.as_ref().map(|rules| rules.value);
    let guards_shape = |tenant: &str| match &document.cache {
        Some(_) => cache::tenant_shape(tenant, &document.guardrails, unscannable.as_ref()),
        None => [0; 32],
    };
    let kept = document.cache.as_ref();
    let kept = kept.map(|entry| cache::cache(entry, &document.tenants, problems));
    let tenants = tenants(
        document.tenants,
        &document.identity,
        (&models, &tiers, &ledger),
        (&mut guards, &guards_shape),
        &mut identity,
        &mut claims,
        problems,
    );
    guardrail::warn_of_idle(&document.guardrails, &tenants, problems);
    finish_identity(&mut identity, document.identity, claims, &tenants, problems);
    check_prices(&models, &tenants, problems);
    let stored = document.stored.as_ref();
    let conversations = stored.and_then(|stored| stored.value.conversations.as_ref());
    limit::warn_of_small(&models, &tenants, (&ledger, conversations), problems);
    limit::check_bounds(&backends, &models, &tenants, problems);
    let global = document.global_limits.is_some();
    workflow::check_panels(&models, (&limits, global), &tenants, problems);
    if stored.is_some() {
        workflow::warn_of_kept(&models, problems);
    }
    warn_of_passing(&document.other_paths, &tenants, problems);
    refuse_bare_ids(&document.stored, &document.other_paths, problems);
    check_conversations(&document.stored, &backends, problems);
    cache::warn_of_kept(&document.stored, &models, problems);
    guardrail::warn(
        (
            &document.guardrails,
            &document.unscannable,
            &document.other_paths,
        ),
        problems,
    );
    cache::warn(
        document.cache.as_ref(),
        &document.routing,
        &models,
        problems,
    );
    let routing = rule::rules(document.routing, &models, &tenants, problems);
    let policy = Policy {
        counts_prompts: document.global_limits.is_some()
            || models.built.values().any(|model| model.counts_prompts())
            || routing.count_prompts(),
        namespace: document.namespace,
        models: models.built,
        tenants,
        backends: in_order(&backends),
        identity,
        limits,
        other_paths,
        routing,
        fallback: document.fallback,
        cool_down,
        store: document.ledger.store,
        alerts: document.alerts,
        global_limits: document.global_limits,
        ledger,
        guardrails: guardrail::guardrails(document.guardrails),
        unscannable: document
            .unscannable
            .map(|rules| rules.value)
            .unwrap_or_default(),
        cache: kept,
        stored: stored::stored(document.stored, &backends, problems),
    };
    background::warn_of_loss(&policy, problems);
    policy
}

/// Where calls pass unread, a caller can name what another has stored by the provider's own id.
fn refuse_bare_ids(
    stored: &Option<Located<StoredEntry>>,
    other_paths: &OtherPathsEntry,
    problems: &mut Problems,
) {
    if let (Some(stored), OtherPathsEntry::Pass(_)) = (stored, other_paths) {
        let message = "needs other_paths: refuse; what passes unread names what anybody has stored";
        problems.error(&stored.path, message);
    }
}

/// Conversations are kept where responses are made.
fn check_conversations(
    stored: &Option<Located<StoredEntry>>,
    backends: &Names<Backend>,
    problems: &mut Problems,
) {
    let stored = stored.as_ref();
    let Some(conversations) = stored.and_then(|stored| stored.value.conversations.as_ref()) else {
        return;
    };
    let wanted = Located {
        value: conversations.backend.clone(),
        path: "stored.conversations.backend".to_owned(),
    };
    let backend = backends.resolve(&wanted, problems);
    if backend.is_some_and(|backend| backend.asked_by(Api::Responses) != Some(Api::Responses)) {
        problems.error(&wanted.path, "does not have the API of Responses");
    }
}

/// What passes unread has no price that anybody knows.
fn warn_of_passing(
    written: &OtherPathsEntry,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    let OtherPathsEntry::Pass(backend) = written else {
        return;
    };
    let mut meters = tenants
        .values()
        .flat_map(|tenant| tenant.limits.iter().chain(tenant.per_user.iter()));
    if meters.any(|meter| meter.unit == Unit::NanoUsd) {
        problems.warning(
            &backend.path,
            "calls that pass unread have no price: limits in usd do not count what they cost",
        );
    }
}

fn in_order(backends: &Names<Backend>) -> Vec<Rc<Backend>> {
    let known = backends.known.iter();
    known
        .filter_map(|name| backends.built.get(name).cloned())
        .collect()
}

fn limits(written: &LimitsEntry, problems: &mut Problems) -> Limits {
    let mut limits = Limits::default();
    if let Some(body) = &written.body {
        limits.body = body.value;
        if !(1..=MAX_BODY).contains(&body.value) {
            problems.error(&body.path, "must be between 1 byte and 256MiB");
        }
    }
    if let Some(held) = &written.held_per_tenant {
        limits.held_per_tenant = held.value;
    }
    if limits.held_per_tenant < limits.body {
        let path = written.held_per_tenant.as_ref().or(written.body.as_ref());
        problems.error(
            path.map_or("limits", |located| &located.path),
            "limits.held_per_tenant must not be smaller than limits.body",
        );
    }
    limits
}

fn tenants(
    entries: Vec<Named<TenantEntry>>,
    identity: &IdentityEntry,
    (models, tiers, ledger): (&Names<Model>, &limit::Tiers, &Ledger),
    (guards, guards_shape): (&mut Compiler<'_>, &ShapeOf<'_>),
    rules: &mut IdentityRules,
    claims: &mut HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) -> HashMap<String, Rc<Tenant>> {
    let mut tenants = HashMap::new();
    for Named { name, path, entry } in entries {
        let Some(entry) = entry else { continue };
        warn_if_unreachable(&path, &entry, identity, problems);
        let guards = (guards.guards(Some(&name), problems), guards_shape(&name));
        let tenant = tenant(&name, &entry, (models, tiers, ledger), guards, problems);
        let tenant = Rc::new(tenant);
        add_keys(
            &mut rules.keys,
            entry.keys.unwrap_or_default(),
            &tenant,
            problems,
        );
        add_claims(claims, entry.jwt, &tenant, identity, problems);
        add_spiffe(rules, entry.spiffe, &tenant, problems);
        tenants.insert(name, tenant);
    }
    tenants
}

fn tenant(
    name: &str,
    entry: &TenantEntry,
    (models, tiers, ledger): (&Names<Model>, &limit::Tiers, &Ledger),
    (guards, guards_shape): (Guards, [u8; 32]),
    problems: &mut Problems,
) -> Tenant {
    let mut allowed: Vec<Rc<Model>> = Vec::new();
    for wanted in &entry.models {
        let Some(model) = models.resolve(wanted, problems) else {
            continue;
        };
        if allowed.contains(&model) {
            problems.error(&wanted.path, format!("{:?} stands twice", wanted.value));
        }
        allowed.push(model);
    }
    let tier = entry.tier.clone().unwrap_or_else(|| "default".to_owned());
    let of_tier = tiers.entry(&tier);
    let limits = entry.limits.as_ref().unwrap_or(&of_tier.limits);
    let per_user = entry.per_user.as_ref().unwrap_or(&of_tier.per_user);
    Tenant {
        name: name.to_owned(),
        limits: limit::meters(limits, models, problems),
        per_user: limit::user_meters(per_user, models, ledger, problems),
        models: allowed,
        tier,
        guards,
        guards_shape,
    }
}

fn warn_if_unreachable(
    path: &str,
    entry: &TenantEntry,
    identity: &IdentityEntry,
    problems: &mut Problems,
) {
    let own = entry.keys.is_some() || entry.jwt.is_some() || !entry.spiffe.is_empty();
    if !own && identity.hops.is_empty() {
        problems.warning(
            path,
            "nobody can be this tenant: it has no keys, jwt or spiffe",
        );
    }
}

fn add_keys(
    ring: &mut KeyRing,
    entries: Vec<KeyEntry>,
    tenant: &Rc<Tenant>,
    problems: &mut Problems,
) {
    for entry in entries {
        let added = ring.add(Key {
            digest: entry.digest.value,
            label: entry.label,
            user: entry.user,
            expires: entry.expires,
            role: entry.role,
            tenant: Rc::clone(tenant),
        });
        if let Err(first) = added {
            let owner = &first.tenant.name;
            let message = format!("the same key is listed before, for tenant {owner:?}");
            problems.error(&entry.digest.path, message);
        }
    }
}

fn add_spiffe(
    rules: &mut IdentityRules,
    patterns: Vec<Located<SpiffePattern>>,
    tenant: &Rc<Tenant>,
    problems: &mut Problems,
) {
    for pattern in patterns {
        let before = rules
            .spiffe
            .iter()
            .find(|(known, _)| *known == pattern.value);
        if let Some((_, before)) = before {
            let owner = &before.name;
            let message = format!("the same id is listed before, for tenant {owner:?}");
            problems.error(&pattern.path, message);
        }
        rules.spiffe.push((pattern.value, Rc::clone(tenant)));
    }
}

fn add_claims(
    claims: &mut HashMap<String, Rc<Tenant>>,
    values: Option<Vec<Located<String>>>,
    tenant: &Rc<Tenant>,
    identity: &IdentityEntry,
    problems: &mut Problems,
) {
    for value in values.unwrap_or_default() {
        if !identity.has_jwt {
            problems.error(
                &value.path,
                "needs identity.jwt, which says where claims are",
            );
        }
        let before = claims.insert(value.value, Rc::clone(tenant));
        if let Some(before) = before {
            let owner = &before.name;
            let message = format!("the same claim value is listed before, for tenant {owner:?}");
            problems.error(&value.path, message);
        }
    }
}

fn finish_identity(
    rules: &mut IdentityRules,
    entry: IdentityEntry,
    claims: HashMap<String, Rc<Tenant>>,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    for placeholder in entry.placeholder_keys {
        let digest = Sha256::digest(placeholder.value.as_bytes()).into();
        if rules.keys.find(&digest).is_some() {
            let message = "is a key of a tenant: it would count as none";
            problems.error(&placeholder.path, message);
        }
        rules.placeholder_keys.push(placeholder.value);
    }
    rules.jwt = entry.jwt.map(|jwt| jwt_rule(jwt, claims));
    rules.hops = entry.hops.into_iter().map(hop).collect();
    rules.tenants.clone_from(tenants);
}

fn jwt_rule(entry: JwtEntry, claims: HashMap<String, Rc<Tenant>>) -> JwtRule {
    let claim_path = |dotted: &str| dotted.split('.').map(str::to_owned).collect();
    JwtRule {
        payload: entry.payload,
        tenant_claim: claim_path(&entry.tenant_claim),
        user_claim: claim_path(entry.user_claim.as_deref().unwrap_or("sub")),
        tenants: claims,
    }
}

fn hop(entry: HopEntry) -> Hop {
    Hop {
        from: match entry.from {
            HopFromEntry::Spiffe(pattern) => HopFrom::Spiffe(pattern),
            HopFromEntry::FilterChain(name) => HopFrom::FilterChain(name),
        },
        tenant_header: entry.tenant,
        user_header: entry.user,
    }
}
