/*! The response cache. */

use super::*;

fn document(cache: &str, model: &str, rule: &str) -> String {
    format!(
        r#"{{
        "backends": {{"b": {{"cluster": "c", "api": "openai"}}}},
        "models": {{"m": {{"targets": [{{"backend": "b", "model": "x"}}]{model}}}}},
        "tenants": {{"t": {{"models": ["m"], "spiffe": ["spiffe://mesh/t"]}}}},
        "routing": [{{"when": {{"stream": true}}, "use": "m", "override": true{rule}}}]
        {cache}
    }}"#
    )
}

fn kept(cache: &str, model: &str) -> (Cache, Option<CacheRules>) {
    let text = document(&format!(r#", "cache": {cache}"#), model, "");
    assert_eq!(told(&text), "");
    let policy = from_plugin_bytes(text.as_bytes()).unwrap();
    let rules = policy.models["m"].cache.as_ref().map(|cache| cache.rules);
    (policy.cache.unwrap(), rules)
}

#[test]
fn what_is_not_said_has_its_default() {
    let (cache, rules) = kept("{}", "");
    assert_eq!((cache.memory, cache.max_entry), (64 << 20, 256 << 10));
    assert_eq!(rules, Some(CacheRules::default()));
    let (cache, _) = kept(r#"{"memory": "4MiB"}"#, "");
    assert_eq!(cache.max_entry, 256 << 10);
    let (cache, _) = kept(r#"{"memory": "5MiB", "max_entry": "1KiB"}"#, "");
    assert_eq!((cache.memory, cache.max_entry), (5 << 20, 1 << 10));
    let none = from_plugin_bytes(document("", "", "").as_bytes()).unwrap();
    assert!(none.cache.is_none() && none.models["m"].cache.is_none());
}

#[test]
fn a_model_says_what_is_different_for_it() {
    let above = r#"{"ttl": "5m", "scope": "tenant", "tools": true, "purge_all": ["t"]}"#;
    let rules = CacheRules {
        ttl_ms: 300_000,
        scope: CacheScope::Tenant,
        deterministic: false,
        tools: true,
        media: false,
        similar: None,
    };
    let (cache, kept_rules) = kept(above, r#", "cache": true"#);
    assert_eq!(
        (cache.purge_all, kept_rules),
        (vec!["t".to_owned()], Some(rules))
    );
    let own = r#", "cache": {"deterministic": true, "tools": false, "media": true, "ttl": "1s"}"#;
    let wanted = CacheRules {
        ttl_ms: 1_000,
        deterministic: true,
        tools: false,
        media: true,
        similar: None,
        ..rules
    };
    assert_eq!(kept(above, own).1, Some(wanted));
}

#[test]
fn every_way_to_be_wrong_is_told() {
    let needs = "needs cache at the top of the document";
    let crosses = "gives answers to other tenants, who see that somebody has asked: set cache.cross_tenant: true if that may be";
    for (cache, model, rule, problem) in [
        ("1", "", "", "cache: must be a map, not a number".to_owned()),
        (r#"{"memory": "3MiB"}"#, "", "", "cache.memory: must be between 4MiB and 1GiB".to_owned()),
        (r#"{"memory": "2GiB"}"#, "", "", "cache.memory: must be between 4MiB and 1GiB".to_owned()),
        (r#"{"max_entry": "3MiB"}"#, "", "", "cache.max_entry: must be between 1KiB and 2MiB".to_owned()),
        (r#"{"max_entry": "1"}"#, "", "", "cache.max_entry: must be between 1KiB and 2MiB".to_owned()),
        (r#"{"memory": "8MiB", "max_entry": "1MiB"}"#, "", "", "cache.max_entry: must not be more than a sixteenth of memory".to_owned()),
        (r#"{"scope": "users"}"#, "", "", "cache.scope: \"users\" is none of: user, tenant, tier, global (did you mean \"user\"?)".to_owned()),
        (r#"{"scope": "global"}"#, "", "", format!("cache.scope: {crosses}")),
        (r#"{"scope": "tier"}"#, "", "", format!("cache.scope: {crosses}")),
        ("{}", r#", "cache": {"scope": "global"}"#, "", format!("models.m.cache.scope: {crosses}")),
        ("{}", r#", "cache": "no""#, "", "models.m.cache: must be true, false or a map, not a string".to_owned()),
        ("{}", r#", "cache": {"memory": "4MiB"}"#, "", "models.m.cache.memory: unknown field".to_owned()),
        (r#"{"ttl": "0s"}"#, "", "", "cache.ttl: must be between 1ms and 24h".to_owned()),
        (r#"{"generation": -1}"#, "", "", "cache.generation: must be a whole number from 0 to 9007199254740991".to_owned()),
        (r#"{"purge_all": ["u"]}"#, "", "", "cache.purge_all[0]: no tenant \"u\"".to_owned()),
        ("", r#", "cache": {"ttl": "1m"}"#, "", format!("models.m.cache: {needs}")),
        ("", "", r#", "cache": false"#, format!("routing[0].cache: {needs}")),
        ("{}", "", r#", "cache": 0"#, "routing[0].cache: must be true or false, not a number".to_owned()),
        ("{}", r#", "cache": false"#, "", "warning: cache: no model uses it".to_owned()),
    ] {
        let cache = match cache {
            "" => String::new(),
            cache => format!(r#", "cache": {cache}"#),
        };
        let text = document(&cache, model, rule);
        assert_eq!(told(&text), format!("{problem}\n"), "{text}");
    }
}
