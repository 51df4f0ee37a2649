use super::super::alerts::{MAX_QUEUE, raise};
use super::*;
use serde_json::{Value, json};

const HOOK: &str = r#""alerts": {"cluster": "hooks", "authority": "hooks.test", "path": "/budget?k=1", "timeout": "2s"}"#;

fn crossed(limit: &str, percent: u8) -> Crossed {
    Crossed {
        holder: Holder::Tenant("acme".to_owned()),
        limit: limit.to_owned(),
        unit: Unit::NanoUsd,
        percent,
        used: 41_000_000_000,
        amount: 50_000_000_000,
        begins_ms: NOON_MS - 43_200_000,
        ends_ms: NOON_MS + 43_200_000,
    }
}

impl Envoy {
    fn raise(&self, crossed: &Crossed) {
        let metrics = Metrics::default();
        raise(&self.host, &metrics, &self.policy, &self.space, crossed);
    }

    fn count(&self, name: &str) -> u64 {
        self.host.recorded(name).iter().sum()
    }
}

fn limits(posts: &[Callout]) -> Vec<String> {
    let limit = |post: &Callout| {
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        body["limit"].as_str().unwrap().to_owned()
    };
    posts.iter().map(limit).collect()
}

#[test]
fn an_alert_is_sent_once_by_one_of_all_machines() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, HOOK, 4);
    envoy.raise(&crossed("usd per day", 80));
    envoy.raise(&crossed("usd per day", 80));
    world.run(&mut envoy, 60_000);
    let posts = world.take("POST");
    assert_eq!(posts.len(), 1);
    let post = &posts[0];
    assert_eq!(
        (post.cluster.as_str(), post.authority.as_str()),
        ("hooks", "hooks.test")
    );
    assert_eq!(
        (post.path.as_str(), post.timeout_ms),
        ("/budget?k=1", 2_000)
    );
    assert_eq!(post.headers, [("content-type", "application/json")]);
    let mut body: Value = serde_json::from_slice(&post.body).unwrap();
    let id = body["id"].take();
    assert_eq!(id.as_str().unwrap().len(), 16);
    body.as_object_mut().unwrap().remove("id");
    let expected = json!({
        "type": "budget_alert", "namespace": "gateway", "scope": "tenant", "name": "acme",
        "limit": "usd per day", "percent": 80, "used": 41_000_000_000_u64,
        "amount": 50_000_000_000_u64, "unit": "nano_usd",
        "window_start": NOON_MS / 1000 - 43_200, "window_end": NOON_MS / 1000 + 43_200,
    });
    assert_eq!(body, expected);
    assert_eq!(envoy.count("tollgate.alerts_sent_total"), 1);
    assert_eq!(
        envoy.count("tollgate.alerts_total;kind=tenant;;name=acme;"),
        2
    );
}

#[test]
fn ids_tell_apart_what_is_another_alert() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, HOOK, 1);
    let first = crossed("a", 50);
    let later = Crossed {
        begins_ms: first.begins_ms + 1,
        ..first.clone()
    };
    let model = Crossed {
        holder: Holder::Model("acme".to_owned()),
        ..first.clone()
    };
    let user = |name: &str| Crossed {
        holder: Holder::User {
            tenant: "acme".to_owned(),
            name: name.to_owned(),
        },
        ..first.clone()
    };
    for alert in [
        &first,
        &later,
        &model,
        &user("ann"),
        &user("bob"),
        &crossed("a", 80),
        &crossed("b", 50),
    ] {
        envoy.raise(alert);
    }
    world.run(&mut envoy, 60_000);
    let posts = world.take("POST");
    assert_eq!(posts.len(), 7);
    assert!(posts.iter().all(|post| {
        let body = String::from_utf8(post.body.clone()).unwrap();
        !body.contains("ann") && !body.contains("bob")
    }));
}

#[test]
fn a_webhook_that_is_down_is_told_when_it_is_up() {
    for mood in [
        Mood::Status(500),
        Mood::Status(404),
        Mood::Status(302),
        Mood::Unknown,
    ] {
        let mut world = World::new();
        world.mood = mood;
        let mut envoy = Envoy::start(&world, HOOK, 2);
        envoy.raise(&crossed("a", 80));
        world.run(&mut envoy, 60_000);
        let tries = world.take("POST").len();
        assert!((5..=7).contains(&tries), "{mood:?}: {tries} in a minute");
        world.mood = Mood::Well;
        world.run(&mut envoy, 300_000);
        assert_eq!(world.take("POST").len(), 1, "{mood:?}");
        assert_eq!(envoy.count("tollgate.alerts_failed_total"), 0);
    }
}

#[test]
fn an_alert_that_nobody_takes_is_given_up_and_counted() {
    let mut world = World::new();
    world.mood = Mood::Status(500);
    let mut envoy = Envoy::start(&world, HOOK, 2);
    envoy.raise(&crossed("a", 80));
    world.run(&mut envoy, 3_600_000);
    assert_eq!(world.take("POST").len(), 12);
    assert_eq!(envoy.count("tollgate.alerts_failed_total"), 1);
    world.mood = Mood::Well;
    world.run(&mut envoy, 600_000);
    assert!(world.seen.borrow().is_empty());
}

#[test]
fn a_queue_that_is_full_loses_the_oldest() {
    let mut world = World::new();
    world.mood = Mood::Silent;
    let mut envoy = Envoy::start(&world, HOOK, 1);
    let name = |n: usize| format!("{n:03} {}", "x".repeat(100));
    (0..100).for_each(|n| envoy.raise(&crossed(&name(n), 80)));
    let (record, _) = envoy.host.shared_get(&envoy.space.key("alerts")).unwrap();
    assert!(record.len() <= MAX_QUEUE, "{}", record.len());
    let lost = envoy.count("tollgate.alerts_failed_total") as usize;
    assert!((70..90).contains(&lost), "{lost}");
    world.mood = Mood::Well;
    world.run(&mut envoy, 60_000);
    let expected: Vec<String> = (lost..100).map(name).collect();
    let mut told = limits(&world.take("POST"));
    told.sort();
    assert_eq!(told, expected);
}

#[test]
fn a_machine_that_dies_leaves_its_alert_to_another() {
    let mut world = World::new();
    world.mood = Mood::Silent;
    let mut envoy = Envoy::start(&world, HOOK, 2);
    envoy.raise(&crossed("a", 80));
    world.run(&mut envoy, TICK_MS);
    assert_eq!(world.take("POST").len(), 1);
    envoy.machines.remove(0);
    world.mood = Mood::Well;
    world.run(&mut envoy, 11_000);
    assert!(world.take("POST").is_empty(), "it may still be under way");
    world.run(&mut envoy, 2_000);
    assert_eq!(world.take("POST").len(), 1);
}

#[test]
fn a_slow_webhook_gets_a_few_at_a_time() {
    let mut world = World::new();
    world.mood = Mood::Silent;
    let mut envoy = Envoy::start(&world, HOOK, 2);
    (0..20).for_each(|n| envoy.raise(&crossed(&format!("l{n}"), 80)));
    world.run(&mut envoy, 5_000);
    assert_eq!(world.take("POST").len(), 8, "four for each machine");
}

#[test]
fn without_a_webhook_alerts_are_counted_only() {
    let world = World::new();
    let store = r#""ledger": {"store": {"cluster": "store"}}"#;
    let envoy = Envoy::start(&world, store, 1);
    envoy.raise(&crossed("a", 80));
    assert_eq!(
        envoy.count("tollgate.alerts_total;kind=tenant;;name=acme;"),
        1
    );
    assert!(envoy.host.shared_get(&envoy.space.key("alerts")).is_none());
}

#[test]
fn a_queue_that_makes_no_sense_is_empty() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, HOOK, 1);
    let key = envoy.space.key("alerts");
    let absent = crate::host::Expect::Absent;
    envoy
        .host
        .shared_set(&key, &[1, 200, 200, 3], absent)
        .unwrap();
    world.run(&mut envoy, 1_000);
    envoy.raise(&crossed(&"é".repeat(300), 80));
    world.run(&mut envoy, 1_000);
    let told = limits(&world.take("POST"));
    assert_eq!(told, ["é".repeat(127)], "cut to what fits");
}
