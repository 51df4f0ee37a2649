//! How long answers last: purges, and policies that change.

use super::*;

fn global(policy: &mut Value) {
    policy["cache"]["scope"] = json!("global");
    policy["cache"]["cross_tenant"] = json!(true);
    policy["tenants"]["blue"]["keys"][0]["role"] = json!("admin");
}

#[test]
fn a_purge_does_not_lead_to_what_another_tenant_asked_before() {
    let bench = bench(global);
    assert_eq!(purge(&bench, BLUE, "").0, 200);
    bench.answered(&chat("PROMPT"), &[BLUE], &answer("old", "stop"));
    bench.after(60_000);
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
    assert_eq!(purge(&bench, ADMIN, "").0, 200);
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
    assert!(!bench.misses(&chat("PROMPT"), &[BLUE]));
}

#[test]
fn a_shorter_ttl_holds_for_what_is_stored() {
    let ttl = |ttl: &'static str| move |policy: &mut Value| policy["cache"]["ttl"] = json!(ttl);
    let bench = bench(ttl("1h"));
    bench.answered(&chat("PROMPT"), &[USER], &answer("old", "stop"));
    let bench = reloaded(bench, ttl("1m"));
    bench.after(60_000);
    assert!(!bench.misses(&chat("PROMPT"), &[USER]));
    bench.after(60_001);
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
    // A longer one does not bring it back once its own has ended.
    let bench = reloaded(bench, ttl("2h"));
    assert!(!bench.misses(&chat("PROMPT"), &[USER]));
    bench.after(3_600_000 + 1);
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
}

#[test]
fn the_order_of_targets_shapes_no_answer() {
    let targets = |names: [&str; 2]| {
        let price = json!({"input": "1", "output": "2"});
        let all = names.map(|name| json!({"backend": "far", "model": name, "price": price}));
        move |policy: &mut Value| policy["models"]["smart"]["targets"] = json!(all)
    };
    let bench = bench(targets(["far", "near"]));
    bench.answered(&chat("PROMPT"), &[USER], &answer("x", "stop"));
    let bench = reloaded(bench, targets(["near", "far"]));
    assert!(!bench.misses(&chat("PROMPT"), &[USER]));
    let bench = reloaded(bench, targets(["near", "nearer"]));
    assert!(bench.misses(&chat("PROMPT"), &[USER]));
}
