use super::*;
use crate::config;
use crate::json::tests::{arb_string, cases};
use proptest::prelude::*;
use serde_json::json;

const ACME_KEY: &str = "acme-secret";
const BLUE_KEY: &str = "blue-secret";
const OLD_KEY: &str = "old-secret";
/// 2027-01-31T18:00:00Z
const OLD_KEY_ENDS: u64 = 1_801_418_400;
const HOP: &str = "spiffe://mesh/ns/portal/sa/web";
const CHAT: &str = "spiffe://mesh/ns/chat/sa/bot";

fn sha256(key: &str) -> String {
    let hex = |byte: &u8| format!("{byte:02x}");
    Sha256::digest(key).iter().map(hex).collect()
}

/// Rules with every way to be recognised but jwt.
fn document() -> serde_json::Value {
    json!({
        "backends": {"b": {"cluster": "c", "api": "openai"}},
        "models": {"m": {"targets": [{"backend": "b", "model": "m"}]}},
        "identity": {
            "placeholder_keys": ["EMPTY", "dummy"],
            "hops": [
                {"from": {"spiffe": HOP}, "tenant": "X-Tenant", "user": "X-User"},
                {"from": {"filter_chain": "inner"}, "tenant": "x-org"}
            ]
        },
        "tenants": {
            "acme": {
                "models": ["m"],
                "keys": [
                    {"sha256": sha256(ACME_KEY), "label": "ci", "user": "ann", "role": "admin"},
                    {"sha256": sha256(OLD_KEY), "expires": "2027-01-31T18:00:00Z"}
                ],
                "spiffe": ["spiffe://mesh/ns/chat/*"]
            },
            "blue": {
                "models": ["m"],
                "keys": [{"sha256": sha256(BLUE_KEY)}],
                "spiffe": ["spiffe://mesh/ns/blue/sa/only"]
            }
        }
    })
}

fn rules(document: &serde_json::Value) -> IdentityRules {
    let policy = config::from_plugin_bytes(document.to_string().as_bytes());
    policy
        .map_err(|problems| problems.to_string())
        .unwrap()
        .identity
}

fn plain() -> IdentityRules {
    rules(&document())
}

fn with_jwt() -> IdentityRules {
    let mut document = document();
    document["identity"]["jwt"] =
        json!({"payload_in_metadata": "jwt", "tenant": "org.name", "user": "email"});
    document["tenants"]["acme"]["jwt"] = json!(["Acme Inc.", "acme"]);
    document["tenants"]["blue"]["jwt"] = json!(["blue"]);
    rules(&document)
}

#[derive(Default)]
struct FakePeer<'a> {
    spiffe: Option<&'a str>,
    chain: Option<&'a str>,
    /// Claims of the token called `jwt`.
    claims: &'a [(&'a str, &'a str)],
}

impl Peer for FakePeer<'_> {
    fn spiffe_id(&self) -> Option<String> {
        self.spiffe.map(str::to_owned)
    }

    fn filter_chain(&self) -> Option<String> {
        self.chain.map(str::to_owned)
    }

    fn has_jwt(&self, payload: &str) -> bool {
        assert_eq!(payload, "jwt");
        !self.claims.is_empty()
    }

    fn jwt_claim(&self, _payload: &str, path: &[String]) -> Claim {
        let claim = self.claims.iter().find(|(name, _)| *name == path.join("."));
        match claim {
            Some((_, "")) => Claim::Unfit,
            Some((_, text)) => Claim::Text((*text).to_owned()),
            None => Claim::Absent,
        }
    }
}

const STRANGER: FakePeer<'static> = FakePeer {
    spiffe: None,
    chain: None,
    claims: &[],
};

fn from(spiffe: &str) -> FakePeer<'_> {
    FakePeer {
        spiffe: Some(spiffe),
        ..STRANGER
    }
}

fn on_chain(chain: &str) -> FakePeer<'_> {
    FakePeer {
        chain: Some(chain),
        ..STRANGER
    }
}

fn with_claims<'a>(claims: &'a [(&'a str, &'a str)]) -> FakePeer<'a> {
    FakePeer { claims, ..STRANGER }
}

type Outcome = Result<(String, String, &'static str), &'static str>;

/// Tenant, user and way of the caller, or the code of the refusal.
fn who_at(
    rules: &IdentityRules,
    headers: &[(&str, &[u8])],
    peer: &FakePeer<'_>,
    now: Instant,
) -> Outcome {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
        .collect();
    match identify(rules, Headers(&headers), peer, now) {
        Ok(caller) => Ok((caller.tenant.name.clone(), caller.user, caller.via.as_str())),
        Err(refusal) => {
            assert_eq!(refusal.kind.status(), 401);
            assert!(!format!("{refusal:?}").contains("secret"), "{refusal:?}");
            Err(refusal.code)
        }
    }
}

fn who(rules: &IdentityRules, headers: &[(&str, &str)], peer: &FakePeer<'_>) -> Outcome {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    who_at(rules, &headers, peer, Instant(0))
}

fn is(tenant: &str, user: &str, via: &'static str) -> Outcome {
    Ok((tenant.to_owned(), user.to_owned(), via))
}

fn check(rules: &IdentityRules, peer: &FakePeer<'_>, table: &[(&[(&str, &str)], Outcome)]) {
    for (headers, wanted) in table {
        assert_eq!(who(rules, headers, peer), *wanted, "{headers:?}");
    }
}

#[test]
fn by_key() {
    let acme = is("acme", "ann", "key");
    let bad = Err("unsupported_authorization");
    check(
        &plain(),
        &STRANGER,
        &[
            (&[], Err("missing_credentials")),
            (&[("authorization", "Bearer acme-secret")], acme.clone()),
            (&[("authorization", "bEARER acme-secret")], acme.clone()),
            (
                &[("authorization", "  Bearer   acme-secret ")],
                acme.clone(),
            ),
            (&[("x-api-key", "acme-secret")], acme.clone()),
            (&[("x-api-key", " acme-secret ")], acme.clone()),
            (&[("x-api-key", "blue-secret")], is("blue", "", "key")),
            (
                &[("authorization", "Bearer wrong-secret")],
                Err("invalid_api_key"),
            ),
            (&[("x-api-key", "wrong-secret")], Err("invalid_api_key")),
            (&[("x-api-key", "ACME-SECRET")], Err("invalid_api_key")),
            (&[("x-api-key", "")], Err("invalid_api_key")),
            (&[("x-api-key", &sha256(ACME_KEY))], Err("invalid_api_key")),
            (&[("authorization", "Basic YTpzZWNyZXQ=")], bad.clone()),
            (&[("authorization", "acme-secret")], bad.clone()),
            (&[("authorization", "Beareracme-secret")], bad.clone()),
            (&[("authorization", "Bearer")], bad.clone()),
            (&[("authorization", "Bearer ")], bad.clone()),
            (&[("authorization", "")], bad.clone()),
            (
                &[("authorization", "Basic x"), ("x-api-key", "acme-secret")],
                bad.clone(),
            ),
            // Cookies and the like are no credentials.
            (&[("cookie", "key=acme-secret")], Err("missing_credentials")),
            (
                &[("proxy-authorization", "Bearer acme-secret")],
                Err("missing_credentials"),
            ),
        ],
    );
}

#[test]
fn two_keys_must_be_the_same() {
    let conflict = Err("conflicting_credentials");
    let acme = is("acme", "ann", "key");
    let bearer = ("authorization", "Bearer acme-secret");
    let key = ("x-api-key", "acme-secret");
    check(
        &plain(),
        &STRANGER,
        &[
            (&[bearer, key], acme.clone()),
            (&[bearer, bearer], acme.clone()),
            (&[key, key], acme.clone()),
            (&[bearer, ("x-api-key", "blue-secret")], conflict.clone()),
            (&[bearer, ("x-api-key", "wrong-secret")], conflict.clone()),
            (&[bearer, ("x-api-key", "")], conflict.clone()),
            (&[key, ("x-api-key", "blue-secret")], conflict.clone()),
            (
                &[bearer, ("authorization", "Bearer blue-secret")],
                conflict.clone(),
            ),
            (
                &[bearer, ("authorization", "Basic x")],
                Err("unsupported_authorization"),
            ),
        ],
    );
}

#[test]
fn placeholders_count_as_no_key() {
    let acme = is("acme", "ann", "key");
    let rules = plain();
    let table: [(&[(&str, &str)], Outcome); 6] = [
        (
            &[("authorization", "Bearer EMPTY")],
            Err("missing_credentials"),
        ),
        (&[("x-api-key", "dummy")], Err("missing_credentials")),
        (&[("x-api-key", "Dummy")], Err("invalid_api_key")),
        (
            &[
                ("authorization", "Bearer EMPTY"),
                ("x-api-key", "acme-secret"),
            ],
            acme.clone(),
        ),
        (
            &[
                ("x-api-key", "dummy"),
                ("authorization", "Bearer acme-secret"),
            ],
            acme.clone(),
        ),
        (
            &[("x-api-key", "dummy"), ("authorization", "Bearer EMPTY")],
            Err("missing_credentials"),
        ),
    ];
    check(&rules, &STRANGER, &table);
    let bearer = [("authorization", "Bearer EMPTY")];
    assert_eq!(
        who(&rules, &bearer, &from(CHAT)),
        is("acme", CHAT, "spiffe")
    );
}

#[test]
fn a_key_ends_with_its_second() {
    for (nanos, wanted) in [
        (0, Err("expired_api_key")),
        (1, is("acme", "", "key")),
        (OLD_KEY_ENDS * 1_000_000_000 - 1, is("acme", "", "key")),
        (OLD_KEY_ENDS * 1_000_000_000, Err("expired_api_key")),
        (u64::MAX, Err("expired_api_key")),
    ] {
        let headers = [("x-api-key", OLD_KEY.as_bytes())];
        assert_eq!(
            who_at(&plain(), &headers, &STRANGER, Instant(nanos)),
            wanted,
            "{nanos}"
        );
        let headers = [("x-api-key", ACME_KEY.as_bytes())];
        let acme = who_at(&plain(), &headers, &STRANGER, Instant(nanos));
        assert_eq!(
            acme,
            is("acme", "ann", "key"),
            "a key without an end has none"
        );
    }
}

#[test]
fn what_a_key_says_of_its_holder() {
    let headers = [("x-api-key".to_owned(), ACME_KEY.as_bytes().to_vec())];
    let caller = identify(&plain(), Headers(&headers), &STRANGER, Instant(0)).unwrap();
    assert_eq!(
        (caller.key_label.as_str(), caller.role),
        ("ci", Role::Admin)
    );
    let headers = [("x-api-key".to_owned(), BLUE_KEY.as_bytes().to_vec())];
    let caller = identify(&plain(), Headers(&headers), &STRANGER, Instant(0)).unwrap();
    assert_eq!((caller.key_label.as_str(), caller.role), ("", Role::User));
    assert!(!format!("{:?}", plain()).contains(&sha256(ACME_KEY)[..8]));
}

#[test]
fn a_bad_key_never_falls_through_to_the_connection() {
    let rules = plain();
    for peer in [from(HOP), from(CHAT), on_chain("inner")] {
        for (key, code) in [
            ("Bearer wrong-secret", "invalid_api_key"),
            ("Basic x", "unsupported_authorization"),
        ] {
            let headers = [
                ("authorization", key),
                ("x-tenant", "acme"),
                ("x-org", "acme"),
            ];
            assert_eq!(who(&rules, &headers, &peer), Err(code));
        }
    }
}

#[test]
fn by_certificate() {
    for (id, wanted) in [
        (CHAT, is("acme", CHAT, "spiffe")),
        (
            "spiffe://mesh/ns/blue/sa/only",
            is("blue", "spiffe://mesh/ns/blue/sa/only", "spiffe"),
        ),
        ("spiffe://mesh/ns/chat/", Err("missing_credentials")),
        ("spiffe://mesh/ns/chat", Err("missing_credentials")),
        (
            "spiffe://mesh/ns/chatter/sa/bot",
            Err("missing_credentials"),
        ),
        ("spiffe://other/ns/chat/sa/bot", Err("missing_credentials")),
        ("spiffe://mesh/ns/blue/sa/only/", Err("missing_credentials")),
        ("", Err("missing_credentials")),
        (
            &format!("spiffe://mesh/ns/chat/{}", "a".repeat(MAX_USER)),
            Err("invalid_user"),
        ),
    ] {
        assert_eq!(who(&plain(), &[], &from(id)), wanted, "{id}");
    }
    let key = [("x-api-key", BLUE_KEY)];
    assert_eq!(
        who(&plain(), &key, &from(CHAT)),
        is("blue", "", "key"),
        "a key comes first"
    );
}

#[test]
fn by_a_trusted_hop() {
    let long = "u".repeat(MAX_USER + 1);
    let unknown = Err("unknown_tenant");
    check(
        &plain(),
        &from(HOP),
        &[
            (
                &[("x-tenant", "acme"), ("x-user", "bob")],
                is("acme", "bob", "hop"),
            ),
            (&[("x-tenant", " blue ")], is("blue", "", "hop")),
            (
                &[("x-tenant", "acme"), ("x-user", &long[1..])],
                is("acme", &long[1..], "hop"),
            ),
            (
                &[("x-tenant", "acme"), ("x-user", &long)],
                Err("invalid_user"),
            ),
            (&[("x-tenant", "ACME")], unknown.clone()),
            (&[("x-tenant", "nobody")], unknown.clone()),
            (&[("x-tenant", "")], unknown.clone()),
            (
                &[("x-tenant", "acme"), ("x-tenant", "acme")],
                unknown.clone(),
            ),
            (
                &[("x-tenant", "acme"), ("x-tenant", "blue")],
                unknown.clone(),
            ),
            (
                &[("x-tenant", "acme"), ("x-api-key", BLUE_KEY)],
                is("blue", "", "key"),
            ),
            // This hop speaks through another header, and is no tenant itself.
            (&[("x-org", "acme")], Err("missing_credentials")),
            (&[("x-user", "bob")], Err("missing_credentials")),
        ],
    );
    let org = [("x-org", "acme"), ("x-user", "bob")];
    assert_eq!(
        who(&plain(), &org, &on_chain("inner")),
        is("acme", "", "hop")
    );
    let binary: [(&str, &[u8]); 1] = [("x-tenant", b"acme\xff")];
    assert_eq!(
        who_at(&plain(), &binary, &from(HOP), Instant(0)),
        Err("unknown_tenant")
    );
}

#[test]
fn a_hop_header_from_anybody_else_is_ignored() {
    let headers = [("x-tenant", "blue"), ("x-org", "blue"), ("x-user", "eve")];
    for peer in [
        STRANGER,
        from("spiffe://mesh/ns/portal/sa/webb"),
        on_chain("outer"),
        on_chain(""),
    ] {
        assert_eq!(who(&plain(), &headers, &peer), Err("missing_credentials"));
    }
    assert_eq!(
        who(&plain(), &headers, &from(CHAT)),
        is("acme", CHAT, "spiffe")
    );
    let with_key = [headers.as_slice(), &[("x-api-key", ACME_KEY)]].concat();
    assert_eq!(
        who(&plain(), &with_key, &STRANGER),
        is("acme", "ann", "key")
    );
}

#[test]
fn regression_a_hop_names_one_user_or_none() {
    for (users, wanted) in [
        (&[b"bob".as_slice()] as &[&[u8]], is("acme", "bob", "hop")),
        (&[], is("acme", "", "hop")),
        (&[b"", b"bob"], Err("invalid_user")),
        (&[b"eve", b"bob"], Err("invalid_user")),
        (&[b"bob\xff"], Err("invalid_user")),
    ] {
        let mut headers: Vec<(&str, &[u8])> = vec![("x-tenant", b"acme")];
        headers.extend(users.iter().map(|user| ("x-user", *user)));
        assert_eq!(
            who_at(&plain(), &headers, &from(HOP), Instant(0)),
            wanted,
            "{users:?}"
        );
    }
}

#[test]
fn by_verified_token() {
    let long = "u".repeat(MAX_USER + 1);
    for (claims, wanted) in [
        (
            &[("org.name", "Acme Inc."), ("email", "a@b")] as &[_],
            is("acme", "a@b", "jwt"),
        ),
        (&[("org.name", "blue")], is("blue", "", "jwt")),
        (&[("org.name", "acme")], is("acme", "", "jwt")),
        (&[("org.name", "acme inc.")], Err("unknown_tenant")),
        (&[("org.name", "")], Err("unknown_tenant")),
        (
            &[("org.name", "acme"), ("email", &long)],
            Err("invalid_user"),
        ),
        (&[("org", "acme"), ("name", "acme")], Err("unknown_tenant")),
        (&[("email", "a@b")], Err("unknown_tenant")),
        (&[("org.name", "acme"), ("email", "")], Err("invalid_user")),
    ] {
        assert_eq!(
            who(&with_jwt(), &[], &with_claims(claims)),
            wanted,
            "{claims:?}"
        );
    }
}

#[test]
fn a_verified_token_comes_before_all_else() {
    let claims = [("org.name", "blue"), ("email", "a@b")];
    let peer = FakePeer {
        spiffe: Some(HOP),
        chain: Some("inner"),
        claims: &claims,
    };
    let headers = [
        ("authorization", "Bearer eyJ.secret.x"),
        ("x-tenant", "acme"),
        ("x-org", "acme"),
    ];
    assert_eq!(who(&with_jwt(), &headers, &peer), is("blue", "a@b", "jwt"));
    let unknown = FakePeer {
        claims: &[("org.name", "nobody")],
        ..peer
    };
    let headers = [("x-api-key", ACME_KEY), ("x-tenant", "acme")];
    assert_eq!(who(&with_jwt(), &headers, &unknown), Err("unknown_tenant"));
}

#[test]
fn a_key_beside_a_verified_token_must_be_good_and_of_the_same_tenant() {
    let token = ("authorization", "Bearer eyJ.secret.x");
    let acme = with_claims(&[("org.name", "acme")]);
    let blue = with_claims(&[("org.name", "blue")]);
    let good = [token, ("x-api-key", ACME_KEY)];
    assert_eq!(who(&with_jwt(), &good, &acme), is("acme", "", "jwt"));
    assert_eq!(who(&with_jwt(), &good[1..], &acme), is("acme", "", "jwt"));
    for headers in [&good[..], &good[1..]] {
        assert_eq!(
            who(&with_jwt(), headers, &blue),
            Err("conflicting_credentials")
        );
    }
    let bad = [token, ("x-api-key", "wrong")];
    for headers in [&bad[..], &bad[1..]] {
        assert_eq!(who(&with_jwt(), headers, &acme), Err("invalid_api_key"));
    }
}

#[test]
fn regression_a_bad_key_beside_a_token_is_seen_in_either_header() {
    let acme = with_claims(&[("org.name", "acme")]);
    let headers = [
        ("authorization", "Bearer wrong"),
        ("x-api-key", "eyJ.secret.x"),
    ];
    assert_eq!(who(&with_jwt(), &headers, &acme), Err("invalid_api_key"));
}

#[test]
fn a_token_that_nobody_verified_is_a_bad_key() {
    let headers = [("authorization", "Bearer eyJ.secret.x")];
    assert_eq!(
        who(&with_jwt(), &headers, &STRANGER),
        Err("invalid_api_key")
    );
    let claims = [("org.name", "acme")];
    let no_rule = who(&plain(), &[], &with_claims(&claims));
    assert_eq!(
        no_rule,
        Err("missing_credentials"),
        "claims count only with a rule"
    );
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_other_key_opens_and_none_is_told(key in arb_string(), bearer in any::<bool>()) {
        let key = format!("{key}secret");
        let headers = if bearer {
            [("authorization", format!("Bearer {key}"))]
        } else {
            [("x-api-key", key)]
        };
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        prop_assert_eq!(who(&plain(), &headers, &from(HOP)), Err("invalid_api_key"));
    }
}
