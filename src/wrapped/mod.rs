/*! Ids of what providers keep, as callers know them.

All tenants share the operator's account at a provider, where whoever knows the id of something
can read it. So callers get another one: the provider's inside, with what a later call of it has
to know, and over all of it and the tenant's name a hash that nobody can make without the
operator's secret. One that was made for another tenant, or by nobody, opens nothing.

An id is a prefix that clients know, then in base64 (RFC 4648, section 5, without padding): 16
bytes of the hash, the layout, four bytes of tokens, four bytes for the backend, what else was to be
said behind its length in one byte, if anything was, and the provider's id. */

use crate::hmac::Hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;
use std::rc::Rc;

/// Bytes of the hash that are kept: 128 bits, as RFC 2104 asks at least.
const TAG: usize = 16;

/// The layout, to which the next two are added.
const LAYOUT: u8 = 0x10;
/// The provider's id begins with the prefix, which is left out.
const PREFIXED: u8 = 1;
/// The rest of it is written in hexadecimal digits, of which a byte holds two.
const HEX: u8 = 2;
/// More was to be said.
const MORE: u8 = 4;

/// In front of what is hashed: nothing else that a secret may ever sign looks so.
const PURPOSE: &[u8] = b"tollgate id\0";

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A response.
    Response,
    /// A conversation.
    Conversation,
    /// A file.
    File,
    /// A batch.
    Batch,
}

impl Kind {
    /// What its ids begin with; clients look at it.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Response => "resp_",
            Self::Conversation => "conv_",
            Self::File => "file-",
            Self::Batch => "batch_",
        }
    }
}

/// What stands for the name of a backend: names are too long for ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; 4]);

impl Mark {
    /// The bytes that stand for it, as ids hold them.
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// That of the backend called `name`.
    pub fn of(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name).into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// A number that stands for all `parts` in their order.
pub fn number_of(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// Something that a provider keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// The provider's id.
    pub id: String,
    /// The backend that keeps it.
    pub backend: Mark,
    /// How many tokens it brings into a prompt that names it, as far as was known when the id
    /// was made; no more than 2^32 - 1 are told.
    pub tokens: u64,
}

/// What makes ids, and opens them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Rc<[Hmac]>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Longest id that is made, in bytes: what is longer, guardrails do not take for an id. It
    /// has room for 67 bytes of a provider's, or for 134 hexadecimal digits; OpenAI's have 50
    /// of these.
    pub const LONGEST: usize = 128;

    /// The first of `secrets` makes ids, each of them opens them.
    pub fn new(secrets: &[String]) -> Self {
        Self(
            secrets
                .iter()
                .map(|key| Hmac::new(key.as_bytes()))
                .collect(),
        )
    }

    /// The id by which callers of `tenant` know a thing. `None` for one that no path could hold,
    /// or that is too long.
    pub fn wrap(&self, tenant: &str, thing: &Thing) -> Option<String> {
        self.wrap_with(tenant, thing, &[])
    }

    /// As [`Secrets::wrap`], with `more` that a later call has to know.
    pub fn wrap_with(&self, tenant: &str, thing: &Thing, more: &[u8]) -> Option<String> {
        let secret = self.0.first()?;
        if !is_id(&thing.id) {
            return None;
        }
        let (layout, id) = packed(thing.kind, &thing.id);
        let tokens = u32::try_from(thing.tokens).unwrap_or(u32::MAX);
        let flag = if more.is_empty() { 0 } else { MORE };
        let mut body = vec![layout | flag];
        body.extend_from_slice(&tokens.to_le_bytes());
        body.extend_from_slice(&thing.backend.0);
        if !more.is_empty() {
            body.push(u8::try_from(more.len()).ok()?);
            body.extend_from_slice(more);
        }
        body.extend_from_slice(&id);
        let mut bytes = tag(secret, tenant, thing.kind, &body).to_vec();
        bytes.append(&mut body);
        let prefix = thing.kind.prefix();
        let wrapped = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
        (wrapped.len() <= Self::LONGEST).then_some(wrapped)
    }

    /// What a caller of `tenant` means by an id. `None` unless [`Secrets::wrap`] has made exactly
    /// this one for the tenant, by one of the secrets.
    pub fn open(&self, tenant: &str, kind: Kind, wrapped: &str) -> Option<Thing> {
        self.open_with(tenant, kind, wrapped)
            .map(|(thing, _)| thing)
    }

    /// As [`Secrets::open`], and what else [`Secrets::wrap_with`] was told.
    pub fn open_with(&self, tenant: &str, kind: Kind, wrapped: &str) -> Option<(Thing, Vec<u8>)> {
        if wrapped.len() > Self::LONGEST {
            return None;
        }
        let bytes = wrapped.strip_prefix(kind.prefix())?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
        let (given, body) = bytes.split_first_chunk::<TAG>()?;
        // All secrets are tried, whichever it is.
        let verified = self.0.iter().fold(false, |verified, secret| {
            verified | same(&tag(secret, tenant, kind, body), given)
        });
        if !verified {
            return None;
        }
        let (&layout, rest) = body.split_first()?;
        let (tokens, rest) = rest.split_first_chunk()?;
        let (backend, rest) = rest.split_first_chunk()?;
        let (more, id) = match layout & MORE {
            0 => (&[][..], rest),
            _ => {
                let (&length, rest) = rest.split_first()?;
                rest.split_at_checked(usize::from(length))?
            }
        };
        let thing = Thing {
            kind,
            id: unpacked(kind, layout & !MORE, id)?,
            backend: Mark(*backend),
            tokens: u64::from(u32::from_le_bytes(*tokens)),
        };
        Some((thing, more.to_vec()))
    }
}

fn tag(secret: &Hmac, tenant: &str, kind: Kind, body: &[u8]) -> [u8; TAG] {
    // Names of tenants and prefixes hold no zero bytes.
    let parts = [
        PURPOSE,
        kind.prefix().as_bytes(),
        b"\0",
        tenant.as_bytes(),
        b"\0",
        body,
    ];
    let hash = secret.hash(&parts);
    hash.first_chunk().copied().unwrap_or_default()
}

/// In the same time wherever they differ.
fn same(a: &[u8; TAG], b: &[u8; TAG]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(difference) == 0
}

/// A provider's id in few bytes, and how.
fn packed(kind: Kind, id: &str) -> (u8, Vec<u8>) {
    let (prefixed, rest) = match id.strip_prefix(kind.prefix()) {
        Some(rest) => (LAYOUT | PREFIXED, rest),
        None => (LAYOUT, id),
    };
    let (pairs, odd) = rest.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| byte(*pair)).collect();
    match bytes.filter(|_| odd.is_empty()) {
        Some(bytes) => (prefixed | HEX, bytes),
        None => (prefixed, rest.as_bytes().to_vec()),
    }
}

fn unpacked(kind: Kind, layout: u8, bytes: &[u8]) -> Option<String> {
    if layout & !(PREFIXED | HEX) != LAYOUT {
        return None;
    }
    let prefix = match layout & PREFIXED {
        0 => "",
        _ => kind.prefix(),
    };
    let rest = match layout & HEX {
        0 => String::from_utf8(bytes.to_vec()).ok()?,
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Some(format!("{prefix}{rest}"))
}

/// The byte that two digits write; none for upper case, which would come back as lower.
fn byte(pair: [u8; 2]) -> Option<u8> {
    let lower = pair.iter().all(|digit| !digit.is_ascii_uppercase());
    let text = std::str::from_utf8(&pair).ok().filter(|_| lower)?;
    let digits = pair.iter().all(u8::is_ascii_hexdigit);
    u8::from_str_radix(text, 16).ok().filter(|_| digits)
}

/// Whether a provider's id can be a segment of a path, and nothing else there.
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    !id.is_empty() && id.bytes().all(plain)
}

#[cfg(test)]
mod tests;
