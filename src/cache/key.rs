/*! What an answer is found by.

The request counts as providers see it: behind the guardrails, with placeholders in the place of
values. So whatever they mask, two callers share an answer only if the provider was asked the same;
each gets the values back that its own request had. */

use super::canonical::{Unhashed, request_digest};
use super::semantic::{Asked, Marks};
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
    /// The generations of the policy, of everybody's answers and of this tenant's.
    pub generations: [u64; 3],
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
    let mut hash = surroundings(question);
    request_digest(question.body, &LEFT_OUT, &mut hash)?;
    Ok(hash.finalize().into())
}

/// What questions are found by that may be the same in other words: all but the words of this one
/// is alike. `None`: it is nothing that could be said in other words.
pub fn group_digest(question: &Question<'_>) -> Option<(String, [u8; 32])> {
    let asked = Asked::of(question.api, question.body)?;
    let marks = Marks::of(&asked.question)?;
    let mut hash = surroundings(question);
    // In the place of a request, which is never so short.
    hash.update(b"group");
    hash.update(marks.0);
    asked.add_rest(question.body, &LEFT_OUT, &mut hash).ok()?;
    Some((asked.question.into_owned(), hash.finalize().into()))
}

/// All that counts beside the body.
fn surroundings(question: &Question<'_>) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update([VERSION]);
    add_scope(&mut hash, question);
    for generation in question.generations {
        hash.update(generation.to_le_bytes());
    }
    let [_, _, own] = question.generations;
    if own > 0 {
        // Else those who have purged as often would get each other's, of before the purge.
        add(&mut hash, &question.tenant.name);
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
    hash
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Policy, from_plugin_bytes};
    use serde_json::json;
    use std::collections::BTreeSet;

    fn policy(scope: &str) -> Policy {
        let tenant =
            |tier: &str| json!({"models": ["m"], "tier": tier, "spiffe": ["spiffe://a/b"]});
        let mut document = json!({
            "backends": {"b": {"cluster": "c", "api": "openai"}},
            "models": {"m": {"targets": [{"backend": "b", "model": "x"}]}},
            "tenants": {"a": tenant("gold"), "ab": tenant("gold"), "gold": tenant("a")},
            "cache": {"scope": scope, "cross_tenant": true},
        });
        for (name, id) in [("ab", "c"), ("gold", "d")] {
            document["tenants"][name]["spiffe"] = json!([format!("spiffe://a/{id}")]);
        }
        from_plugin_bytes(document.to_string().as_bytes()).unwrap()
    }

    fn question<'a>(policy: &'a Policy, tenant: &str, user: &'a str) -> Question<'a> {
        Question {
            tenant: &policy.tenants[tenant],
            user,
            model: "m",
            cache: policy.models["m"].cache.as_ref().unwrap(),
            generations: [0, 0, 0],
            api: Api::ChatCompletions,
            headers: &[],
            body: br#"{"x":1}"#,
        }
    }

    #[test]
    fn nobody_is_taken_for_somebody_else() {
        // Names that run into each other, and kinds of scopes with the same names.
        let callers = [
            ("a", ""),
            ("a", "bc"),
            ("ab", "c"),
            ("ab", ""),
            ("gold", ""),
            ("gold", "a"),
        ];
        let mut all = BTreeSet::new();
        for (scope, groups) in [("user", 6), ("tenant", 3), ("tier", 2), ("global", 1)] {
            let policy = policy(scope);
            let digests = callers
                .map(|(tenant, user)| question_digest(&question(&policy, tenant, user)).unwrap());
            assert_eq!(BTreeSet::from(digests).len(), groups, "{scope}");
            all.extend(digests);
        }
        // A tenant's answers are those of its callers without a user, and nobody else's.
        assert_eq!(all.len(), 6 + 2 + 1);
    }

    #[test]
    fn who_has_purged_as_often_is_still_somebody_else() {
        let policy = policy("global");
        let digest = |tenant, generations| {
            let question = question(&policy, tenant, "");
            question_digest(&Question {
                generations,
                ..question
            })
            .unwrap()
        };
        for own in [1, 2] {
            assert_ne!(digest("a", [0, 0, own]), digest("ab", [0, 0, own]));
        }
        // A purge of all is the same for all.
        for all in [[1, 0, 0], [0, 1, 0]] {
            assert_eq!(digest("a", all), digest("ab", all));
        }
    }

    #[test]
    fn each_part_counts_and_what_is_left_out_does_not() {
        let policy = policy("user");
        let plain = question(&policy, "a", "u");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [pair("a", "b"), pair("c", "d")];
        let turned = [pair("c", "d"), pair("a", "b")];
        let split = [pair("a", "bc"), pair("", "d")];
        let with = |headers| Question { headers, ..plain };
        let of_body = |body| Question { body, ..plain };
        let digest = |question: Question<'_>| question_digest(&question).unwrap();
        let others = [
            Question {
                model: "n",
                ..plain
            },
            Question { user: "v", ..plain },
            Question {
                generations: [1, 0, 0],
                ..plain
            },
            Question {
                generations: [0, 1, 0],
                ..plain
            },
            Question {
                generations: [0, 0, 1],
                ..plain
            },
            Question {
                api: Api::Completions,
                ..plain
            },
            of_body(br#"{"x":2}"#),
            of_body(br#"{"x":1,"y":null}"#),
            with(&headers),
            with(&split),
        ];
        let digests = others.map(digest);
        assert_eq!(BTreeSet::from(digests).len(), others.len());
        assert!(!digests.contains(&digest(plain)));
        assert_eq!(digest(with(&headers)), digest(with(&turned)));
        for body in [
            &br#"{"stream":true,"x":1}"#[..],
            br#"{ "x": 1,"model":"z"}"#,
        ] {
            assert_eq!(digest(of_body(body)), digest(plain));
        }
        assert!(question_digest(&of_body(b"{")).is_err());
    }
}
