/*! The compiled policy: immutable, every name resolved, shared by all calls of a VM. */

use super::background::{AlertHook, Store};
use super::cache::Cache;
use super::global::GlobalCharge;
use super::guardrail::Guardrail;
use super::guards::Guards;
use super::limit::Ledger;
use super::model::{Backend, CoolDown, Fallback, Model};
use super::rule::Rules;
use super::stored::Stored;
use super::unscannable::UnscannableRules;
use crate::ledger::limits::Meter;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// Everything that an operator decided.
#[derive(Debug)]
pub struct Policy {
    /// Tells the shared records of this policy from those of others; the plugin's name
    /// unless the document sets one.
    pub namespace: Option<String>,
    /// Virtual models by name.
    pub models: HashMap<String, Rc<Model>>,
    /// Tenants by name.
    pub tenants: HashMap<String, Rc<Tenant>>,
    /// Backends in the order of the document.
    pub backends: Vec<Rc<Backend>>,
    /// How callers prove who they are.
    pub identity: IdentityRules,
    /// Bounds on what is accepted.
    pub limits: Limits,
    /// What happens to paths that Tollgate does not know.
    pub other_paths: OtherPaths,
    /// Which model answers, where callers leave that open.
    pub routing: Rules,
    /// How calls move on to further targets; `None`: they do not.
    pub fallback: Option<Fallback>,
    /// How long a failing target goes last.
    pub cool_down: CoolDown,
    /// What keeps counters while Envoy does not run; `None`: nothing.
    pub store: Option<Store>,
    /// Who is told of alerts; `None`: they are only logged and counted.
    pub alerts: Option<AlertHook>,
    /// What Envoy's rate limit filter is told of calls; `None`: nothing.
    pub global_limits: Option<GlobalCharge>,
    /// Whether something besides the limits of tenants depends on how long prompts are.
    pub counts_prompts: bool,
    /// How usage is counted.
    pub ledger: Ledger,
    /// What is looked for in texts, in the order of the document.
    pub guardrails: Vec<Guardrail>,
    /// What becomes of what guardrails can't read.
    pub unscannable: UnscannableRules,
    /// Where answers are kept to be given again; `None`: nowhere.
    pub cache: Option<Cache>,
    /// What providers may keep for callers; `None`: nothing.
    pub stored: Option<Stored>,
}

/// Who pays: a team, a customer, an application.
#[derive(Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name in the document.
    pub name: String,
    /// Its class of service, `default` unless set.
    pub tier: String,
    /// The virtual models it may use, in the order of the document.
    pub models: Vec<Rc<Model>>,
    /// What it may use.
    pub limits: Rc<[Meter]>,
    /// What each of its users may use.
    pub per_user: Rc<[Meter]>,
    /// What is looked for in its texts.
    pub guards: Guards,
    /// SHA-256 of what guards its texts, where answers are kept.
    pub guards_shape: [u8; 32],
}

/// What a caller may do beyond calling models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Nothing.
    #[default]
    User,
    /// See the usage of the whole tenant.
    Admin,
}

/// From when on a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// Seconds since the Unix epoch.
    pub unix_seconds: u64,
}

/// A key that was handed out, known by its hash only.
#[derive(PartialEq, Eq)]
pub struct Key {
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// What the operator calls it.
    pub label: Option<String>,
    /// The user it stands for.
    pub user: Option<String>,
    /// When it ends; `None`: never.
    pub expires: Option<Expiry>,
    /// What it may do.
    pub role: Role,
    /// Whose it is.
    pub tenant: Rc<Tenant>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("label", &self.label)
            .field("tenant", &self.tenant.name)
            .finish_non_exhaustive()
    }
}

/// All keys, found by their hash.
#[derive(Default)]
pub struct KeyRing {
    by_prefix: HashMap<[u8; 8], Vec<Rc<Key>>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl KeyRing {
    /// Adds a key; hands it back if one with the same hash is there.
    ///
    /// # Errors
    /// The key that was there first.
    pub fn add(&mut self, key: Key) -> Result<(), Rc<Key>> {
        if let Some(known) = self.find(&key.digest) {
            return Err(known);
        }
        self.by_prefix
            .entry(prefix(&key.digest))
            .or_default()
            .push(Rc::new(key));
        Ok(())
    }

    /// The key with this hash.
    ///
    /// Time depends on the hash of what was presented alone, and a hash says nothing
    /// about the key that has it, so a caller who measures learns nothing; the final
    /// comparison looks at all 32 bytes whatever they are.
    pub fn find(&self, digest: &[u8; 32]) -> Option<Rc<Key>> {
        let candidates = self.by_prefix.get(&prefix(digest))?;
        candidates
            .iter()
            .find(|key| same(&key.digest, digest))
            .cloned()
    }

    /// Every key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.by_prefix.values().flatten().map(Rc::as_ref)
    }
}

fn prefix(digest: &[u8; 32]) -> [u8; 8] {
    digest.first_chunk().copied().unwrap_or_default()
}

fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(difference) == 0
}

/// How callers prove who they are.
#[derive(Debug, Default)]
pub struct IdentityRules {
    /// Keys in `authorization` or `x-api-key`.
    pub keys: KeyRing,
    /// Values that SDKs insist on sending and that count as no key.
    pub placeholder_keys: Vec<String>,
    /// Claims that Envoy's `jwt_authn` has verified.
    pub jwt: Option<JwtRule>,
    /// SPIFFE ids of workloads, the first match wins.
    pub spiffe: Vec<(SpiffePattern, Rc<Tenant>)>,
    /// Hops that may name the tenant in a header.
    pub hops: Vec<Hop>,
    /// All tenants, for hops to name.
    pub tenants: HashMap<String, Rc<Tenant>>,
}

impl IdentityRules {
    /// The tenant that a trusted hop calls `name`.
    pub fn tenant_of_hop(&self, name: &str) -> Option<&Rc<Tenant>> {
        self.tenants.get(name)
    }

    /// Whether `header` (lower case) is one that hops speak through: it is removed
    /// from every request, whoever sent it.
    pub fn is_hop_header(&self, header: &str) -> bool {
        self.hops
            .iter()
            .any(|hop| hop.tenant_header == header || hop.user_header.as_deref() == Some(header))
    }
}

/// Where the claims of a verified token are and what they mean.
#[derive(Debug)]
pub struct JwtRule {
    /// `payload_in_metadata` of the jwt_authn provider.
    pub payload: String,
    /// Path of the claim that names the tenant.
    pub tenant_claim: Vec<String>,
    /// Path of the claim that names the user.
    pub user_claim: Vec<String>,
    /// Claim values to tenants.
    pub tenants: HashMap<String, Rc<Tenant>>,
}

/// A SPIFFE id, or all ids below one (`spiffe://mesh/ns/chat/*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpiffePattern {
    /// This id alone.
    Exact(String),
    /// Every id that starts so; ends in a slash.
    Below(String),
}

impl SpiffePattern {
    /// Whether `id` is one of those meant.
    pub fn matches(&self, id: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == id,
            Self::Below(prefix) => id.len() > prefix.len() && id.starts_with(prefix),
        }
    }
}

/// A hop that is trusted to say for whom it calls.
#[derive(Debug)]
pub struct Hop {
    /// How the hop is recognised.
    pub from: HopFrom,
    /// The header that names the tenant, lower case.
    pub tenant_header: String,
    /// The header that names the user, lower case.
    pub user_header: Option<String>,
}

/// How a trusted hop is recognised.
#[derive(Debug, PartialEq, Eq)]
pub enum HopFrom {
    /// By the id in its client certificate.
    Spiffe(SpiffePattern),
    /// By the filter chain of the listener that it comes in on.
    FilterChain(String),
}

/// Bounds on what is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest request body, in bytes after decoding.
    pub body: u64,
    /// Most request bytes held at once for one tenant, per worker.
    pub held_per_tenant: u64,
}

impl Default for Limits {
    /// 20 MiB a body: what a coding agent with images sends stays below; 256 MiB held
    /// a tenant, a dozen such bodies at once.
    fn default() -> Self {
        Self {
            body: 20 << 20,
            held_per_tenant: 256 << 20,
        }
    }
}

/// What happens to a path that Tollgate does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OtherPaths {
    /// 404 in the caller's protocol.
    #[default]
    Refuse,
    /// Authenticated callers reach this backend; nothing in the body is inspected.
    Pass(Rc<Backend>),
}
