/*! What an answer is found by.

The request counts as providers see it: behind the guardrails, with placeholders in the place of
values. So whatever they mask, two callers share an answer only if the provider was asked the same;
each gets the values back that its own request had. */

use super::canonical::{Unhashed, request_digest};
use crate::config::{CacheScope, ModelCache, Tenant};
use crate::protocols::Api;
use crate::sorting::sort_few;
use sha2::{Digest, Sha256};

/// Of what is hashed, and of what is stored.
const VERSION: u8 = 1;

/// Members that shape how the answer is told, and the name that stands for the model.
const LEFT_OUT: [&str; 3] = ["model", "stream", "stream_options"];

/// What is asked, by whom, under which policy.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whose call it is.
    pub tenant: &'a Tenant,
    /// The user; empty if not known.
    pub user: &'a str,
    /// The virtual model that answers.
    pub model: &'a str,
    /// What is kept of it.
    pub cache: &'a ModelCache,
    /// How often everything was purged, and how often this tenant's answers were.
    pub generations: [u64; 2],
    /// The caller's API.
    pub api: Api,
    /// Headers that providers see, in lower case.
    pub headers: &'a [(String, String)],
    /// The request as providers see it, but for the form of their own.
    pub body: &'a [u8],
}

/// What its answer is found by.
///
/// # Errors
/// The body has no canonical form.
pub fn question_digest(question: &Question<'_>) -> Result<[u8; 32], Unhashed> {
    let mut hash = Sha256::new();
    hash.update([VERSION]);
    add_scope(&mut hash, question);
    for generation in question.generations {
        hash.update(generation.to_le_bytes());
    }
    hash.update(question.tenant.guards_shape);
    hash.update(*question.cache.shape);
    add(&mut hash, question.model);
    add(&mut hash, question.api.as_str());
    let mut headers: Vec<_> = question.headers.iter().collect();
    sort_few(&mut headers, &|one, other| one.cmp(other));
    for (name, value) in headers {
        add(&mut hash, name);
        add(&mut hash, value);
    }
    // No header has this name.
    add(&mut hash, "");
    request_digest(question.body, &LEFT_OUT, &mut hash)?;
    Ok(hash.finalize().into())
}

/// Whose share an answer counts in.
pub fn owner(tenant: &Tenant) -> u32 {
    let digest: [u8; 32] = Sha256::digest(tenant.name.as_bytes()).into();
    digest.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

/// Who gets the answer: each kind of scope has a letter, so that none is another's.
fn add_scope(hash: &mut Sha256, question: &Question<'_>) {
    let Question { tenant, user, .. } = question;
    match question.cache.rules.scope {
        CacheScope::User if !user.is_empty() => {
            hash.update(b"u");
            add(hash, &tenant.name);
            add(hash, user);
        }
        CacheScope::User | CacheScope::Tenant => {
            hash.update(b"t");
            add(hash, &tenant.name);
        }
        CacheScope::Tier => {
            hash.update(b"c");
            add(hash, &tenant.tier);
        }
        CacheScope::Global => hash.update(b"g"),
    }
}

fn add(hash: &mut Sha256, text: &str) {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    hash.update(length.to_le_bytes());
    hash.update(text);
}
