/*! The response cache of a compiled policy. */

use std::rc::Rc;

/// The greatest number of a generation: the greatest that all that reads JSON reads exactly.
pub const MAX_GENERATION: u64 = (1 << 53) - 1;

/// Where answers are kept, whatever model gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Bytes of shared data that it may take.
    pub memory: u64,
    /// Longest answer that is kept, in bytes.
    pub max_entry: u64,
    /// What everybody's answers count as, beside what purges say: another number purges them, at
    /// each Envoy that has this policy.
    pub generation: u64,
    /// Tenants whose admins may purge the answers of all.
    pub purge_all: Vec<String>,
    /// Where answers of other Envoys are.
    pub store: Option<CacheStore>,
    /// Who tells what questions mean.
    pub embeddings: Option<Embeddings>,
}

/// A key-value store over HTTP that several Envoys have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheStore {
    /// The Envoy cluster that reaches it; no filter of Tollgate's may be in it.
    pub cluster: String,
    /// The `:authority` it is called by.
    pub authority: String,
    /// The path of a `GET`, with `{key}` in it.
    pub path: String,
    /// The path of a `PUT`, with `{key}`, perhaps `{ttl}`: seconds.
    pub put_path: String,
    /// How long an answer may take, in milliseconds, 1 ms to 10 s.
    pub timeout_ms: u64,
}

/// A server that speaks OpenAI's API of embeddings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embeddings {
    /// The Envoy cluster that reaches it; no filter of Tollgate's may be in it.
    pub cluster: String,
    /// The `:authority` it is called by.
    pub authority: String,
    /// The path.
    pub path: String,
    /// The name of the model.
    pub model: String,
    /// How long an answer may take, in milliseconds, 1 ms to 10 s.
    pub timeout_ms: u64,
}

/// Which answers of a model are kept, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheRules {
    /// How long they are given, in milliseconds.
    pub ttl_ms: u64,
    /// Who may get them.
    pub scope: CacheScope,
    /// Whether only requests with temperature 0 count.
    pub deterministic: bool,
    /// Whether requests that offer tools count too.
    pub tools: bool,
    /// Whether requests with images, sounds or files count too.
    pub media: bool,
    /// How alike the embeddings of two questions have to be if the answer to one is to be given to
    /// the other, in thousandths; `None`: only the same question counts.
    pub similar: Option<u16>,
}

impl Default for CacheRules {
    /// An hour, for the user who asked.
    fn default() -> Self {
        Self {
            ttl_ms: 3_600_000,
            scope: CacheScope::default(),
            deterministic: false,
            tools: false,
            media: false,
            similar: None,
        }
    }
}

/// Who gets an answer that somebody else has asked for. That it comes from the cache tells that
/// somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheScope {
    /// The same user; where none is known, the tenant.
    #[default]
    User,
    /// The same tenant.
    Tenant,
    /// Tenants of the same tier.
    Tier,
    /// Everybody.
    Global,
}

/// The cache of a virtual model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCache {
    /// What is kept.
    pub rules: CacheRules,
    /// SHA-256 of what in the policy shapes the model's answers: another policy's are not given
    /// for them.
    pub shape: Rc<[u8; 32]>,
}
