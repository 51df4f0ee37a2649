/*! Who is calling: decided from the head of a request alone.

Ways, in order: a verified JWT, a key, a header from a trusted hop, the peer's own
SPIFFE id. A credential that was presented must be good: a bad key never falls through
to what the connection would allow, or a hop's customers could all be the hop. */

use crate::config::{Expiry, Hop, HopFrom, IdentityRules, JwtRule, Key, Role, Tenant};
use crate::host::Instant;
use crate::http::Headers;
use crate::protocols::{ErrorKind, Refusal};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Longest user id, in bytes; it is copied into every record.
pub const MAX_USER: usize = 256;

/// What the host knows of the connection. Asked only for what a policy needs.
pub trait Peer {
    /// The URI SAN of the client's certificate.
    fn spiffe_id(&self) -> Option<String>;
    /// The name of the listener's filter chain.
    fn filter_chain(&self) -> Option<String>;
    /// Whether jwt_authn has verified a token and left its claims under this name.
    fn has_jwt(&self, payload: &str) -> bool;
    /// A claim of that token, by its path.
    fn jwt_claim(&self, payload: &str, path: &[String]) -> Claim;
}

/// A claim of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The token does not have it.
    Absent,
    /// A string.
    Text(String),
    /// Something else than a string of printable text: it names nobody.
    Unfit,
}

/// How a caller was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// By a key.
    Key,
    /// By a verified token.
    Jwt,
    /// By a trusted hop's header.
    Hop,
    /// By its certificate.
    Spiffe,
}

impl Via {
    /// For records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Jwt => "jwt",
            Self::Hop => "hop",
            Self::Spiffe => "spiffe",
        }
    }
}

/// An identified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who pays.
    pub tenant: Rc<Tenant>,
    /// Who asks, within the tenant; empty if not known.
    pub user: String,
    /// The label of the key, empty if there is none.
    pub key_label: String,
    /// What it may do.
    pub role: Role,
    /// How it was recognised.
    pub via: Via,
}

/// Finds out who is calling.
///
/// # Errors
/// A 401 that says which credential is missing or bad, never its value.
pub fn identify(
    rules: &IdentityRules,
    headers: Headers<'_>,
    peer: &dyn Peer,
    now: Instant,
) -> Result<Caller, Refusal> {
    if let Some(rule) = &rules.jwt
        && peer.has_jwt(&rule.payload)
    {
        let caller = by_jwt(rule, peer)?;
        return beside_token(rules, headers, now, caller);
    }
    if let Some(key) = presented_key(rules, headers, |_| false)? {
        return by_key(rules, key, now);
    }
    let spiffe = needs_spiffe(rules).then(|| peer.spiffe_id()).flatten();
    if let Some(caller) = by_hop(rules, headers, peer, spiffe.as_deref())? {
        return Ok(caller);
    }
    let id = spiffe.unwrap_or_default();
    match rules
        .spiffe
        .iter()
        .find(|(pattern, _)| pattern.matches(&id))
    {
        Some((_, tenant)) => caller(tenant, id, Via::Spiffe),
        None => Err(unauthenticated(
            "missing_credentials",
            "No credentials: send a key as 'Authorization: Bearer …' or 'x-api-key'.",
        )),
    }
}

fn unauthenticated(code: &'static str, message: &str) -> Refusal {
    Refusal::new(ErrorKind::Authentication, code, message).header("www-authenticate", "Bearer")
}

fn caller(tenant: &Rc<Tenant>, user: String, via: Via) -> Result<Caller, Refusal> {
    if user.len() > MAX_USER {
        return Err(unauthenticated(
            "invalid_user",
            "The user id is longer than 256 bytes.",
        ));
    }
    Ok(Caller {
        tenant: Rc::clone(tenant),
        user,
        key_label: String::new(),
        role: Role::User,
        via,
    })
}

fn by_jwt(rule: &JwtRule, peer: &dyn Peer) -> Result<Caller, Refusal> {
    let named = match peer.jwt_claim(&rule.payload, &rule.tenant_claim) {
        Claim::Text(name) => rule.tenants.get(&name),
        Claim::Absent | Claim::Unfit => None,
    };
    let Some(tenant) = named else {
        return Err(unauthenticated(
            "unknown_tenant",
            "The token is good, but names no tenant of this gateway.",
        ));
    };
    match peer.jwt_claim(&rule.payload, &rule.user_claim) {
        Claim::Text(user) => caller(tenant, user, Via::Jwt),
        Claim::Absent => caller(tenant, String::new(), Via::Jwt),
        Claim::Unfit => Err(unauthenticated(
            "invalid_user",
            "The token's user is no text.",
        )),
    }
}

/// A key beside a verified token must be good too, and of the same tenant. A bearer value
/// in the form of a token is the token itself, which jwt_authn may leave there.
fn beside_token(
    rules: &IdentityRules,
    headers: Headers<'_>,
    now: Instant,
    caller: Caller,
) -> Result<Caller, Refusal> {
    let is_token = |key: &[u8]| key.iter().filter(|byte| **byte == b'.').count() == 2;
    let Some(key) = presented_key(rules, headers, is_token)? else {
        return Ok(caller);
    };
    if Rc::ptr_eq(&by_key(rules, key, now)?.tenant, &caller.tenant) {
        return Ok(caller);
    }
    Err(unauthenticated(
        "conflicting_credentials",
        "The token and the key are of different tenants; send one of them.",
    ))
}

/// The key in `authorization` or `x-api-key`, apart from those to `ignore`; two different
/// ones are refused, since one of them is not the caller's.
fn presented_key<'h>(
    rules: &IdentityRules,
    headers: Headers<'h>,
    ignore: impl Fn(&[u8]) -> bool,
) -> Result<Option<&'h [u8]>, Refusal> {
    let mut presented = None;
    let bearers = headers.all("authorization").map(bearer);
    let keys = headers.all("x-api-key").map(|key| Ok(key.trim_ascii()));
    for key in bearers.chain(keys) {
        let key = key?;
        let placeholders = rules.placeholder_keys.iter();
        if ignore(key) || placeholders.clone().any(|known| known.as_bytes() == key) {
            continue;
        }
        if presented.is_some_and(|other| other != key) {
            return Err(unauthenticated(
                "conflicting_credentials",
                "Two different keys were sent; send one.",
            ));
        }
        presented = Some(key);
    }
    Ok(presented)
}

fn bearer(value: &[u8]) -> Result<&[u8], Refusal> {
    let value = value.trim_ascii();
    match value.split_first_chunk::<7>() {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => Ok(key.trim_ascii()),
        _ => Err(unauthenticated(
            "unsupported_authorization",
            "The authorization header must be 'Bearer' and a key.",
        )),
    }
}

fn by_key(rules: &IdentityRules, key: &[u8], now: Instant) -> Result<Caller, Refusal> {
    let digest: [u8; 32] = Sha256::digest(key).into();
    let Some(key) = rules.keys.find(&digest) else {
        return Err(unauthenticated(
            "invalid_api_key",
            "The key is not known to this gateway.",
        ));
    };
    if is_over(key.expires, now) {
        return Err(unauthenticated("expired_api_key", "The key has expired."));
    }
    Ok(holder(&key))
}

/// Whether a key has ended; where the time is not known, every key that can end has.
fn is_over(expires: Option<Expiry>, now: Instant) -> bool {
    let unknown = now == Instant::default();
    expires.is_some_and(|expiry| unknown || now.unix_seconds() >= expiry.unix_seconds)
}

fn holder(key: &Key) -> Caller {
    Caller {
        tenant: Rc::clone(&key.tenant),
        user: key.user.clone().unwrap_or_default(),
        key_label: key.label.clone().unwrap_or_default(),
        role: key.role,
        via: Via::Key,
    }
}

fn needs_spiffe(rules: &IdentityRules) -> bool {
    let hops = rules.hops.iter();
    !rules.spiffe.is_empty()
        || hops
            .clone()
            .any(|hop| matches!(hop.from, HopFrom::Spiffe(_)))
}

/// The tenant that a trusted hop names. A hop that names an unknown one is refused; one
/// that names none is a caller like any other.
fn by_hop(
    rules: &IdentityRules,
    headers: Headers<'_>,
    peer: &dyn Peer,
    spiffe: Option<&str>,
) -> Result<Option<Caller>, Refusal> {
    for hop in &rules.hops {
        let mut names = headers.all(&hop.tenant_header);
        let Some(name) = names.next() else { continue };
        if !is_from(hop, peer, spiffe) {
            continue;
        }
        let tenant = std::str::from_utf8(name)
            .ok()
            .and_then(|name| rules.tenant_of_hop(name.trim()))
            .filter(|_| names.next().is_none());
        let Some(tenant) = tenant else {
            return Err(unauthenticated(
                "unknown_tenant",
                "The calling hop names no tenant of this gateway.",
            ));
        };
        return caller(tenant, hop_user(hop, headers)?, Via::Hop).map(Some);
    }
    Ok(None)
}

/// The user that a trusted hop names. Of two names, one may be the client's.
fn hop_user(hop: &Hop, headers: Headers<'_>) -> Result<String, Refusal> {
    let header = hop.user_header.as_deref().unwrap_or_default();
    let mut users = headers.all(header).map(std::str::from_utf8);
    match (users.next(), users.next()) {
        (None, _) => Ok(String::new()),
        (Some(Ok(user)), None) => Ok(user.to_owned()),
        _ => Err(unauthenticated(
            "invalid_user",
            "The calling hop names more than one user, or one that is no text.",
        )),
    }
}

fn is_from(hop: &Hop, peer: &dyn Peer, spiffe: Option<&str>) -> bool {
    match &hop.from {
        HopFrom::Spiffe(pattern) => spiffe.is_some_and(|id| pattern.matches(id)),
        HopFrom::FilterChain(name) => peer.filter_chain().as_ref() == Some(name),
    }
}

#[cfg(test)]
mod tests;
