/*! Which model and which target a call gets: rules, strategies, shadows. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Fleet, Form, Speaks, eventually, fleet_policy, run};

async fn fleet(policy: &Value) -> Fleet {
    Fleet::start(Config::fallback().policy(policy, Form::Struct)).await
}

fn call(model: &str) -> Value {
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]})
}

/// `call`, with some fields changed.
fn with(model: &str, fields: &Value) -> Value {
    let mut body = call(model);
    for (name, value) in fields.as_object().expect("fields") {
        body[name] = value.clone();
    }
    body
}

/// Rules by their names; each sends its calls to a model that is called like it.
fn rules() -> Vec<(&'static str, Value)> {
    let many = json!({"over": 1000});
    vec![
        (
            "moved",
            json!({"model": "smart", "headers": {"x-move": true}}),
        ),
        (
            "use-case",
            json!({"model": "auto", "headers": {"x-use-case": ["batch", "bulk-*"]}}),
        ),
        ("picture", json!({"model": "auto", "modality": "image"})),
        ("sound", json!({"model": "auto", "modality": "audio"})),
        ("paper", json!({"model": "auto", "modality": "file"})),
        ("tools", json!({"model": "auto", "tools": true})),
        ("long", json!({"model": "auto", "prompt_tokens": many})),
        (
            "brief",
            json!({"model": "auto", "max_output": {"under": 10}}),
        ),
        ("stream", json!({"model": "auto", "stream": true})),
        ("ann", json!({"model": "auto", "user": "ann"})),
        ("blue", json!({"model": "auto", "tenant": "blue"})),
        ("premium", json!({"model": "auto", "tier": "premium"})),
        ("prefix", json!({"model": "gpt-*"})),
        ("closed", json!({"model": "locked"})),
        ("sometimes", json!({"model": "rare", "stream": true})),
    ]
}

fn rules_policy() -> Value {
    let mut policy = fleet_policy();
    let mut routing = Vec::new();
    let mut names = vec!["smart", "auto", "gpt-9", "gpt-10", "locked", "rare"];
    for model in &names[1..] {
        policy["models"][*model] = json!({"rules": true});
    }
    for (name, when) in rules() {
        let target = json!({"backend": "openai", "model": format!("for-{name}")});
        policy["models"][name] = json!({"targets": [target]});
        let overrides = name == "moved";
        routing.push(json!({"name": name, "when": when, "use": name, "override": overrides}));
        if name != "closed" {
            names.push(name);
        }
    }
    // In front, and without effect.
    let shadows = [
        json!({"name": "shadow-of-all", "when": {"model": "auto"}, "use": "blue", "shadow": true}),
        json!({"name": "shadow-of-none", "when": {"tier": "gold"}, "use": "blue", "shadow": true}),
    ];
    routing.splice(0..0, shadows);
    policy["routing"] = routing.into();
    let tenants = &mut policy["tenants"];
    tenants["acme"]["models"] = json!(names);
    tenants["acme"]["keys"][1]["user"] = json!("ann");
    tenants["blue"]["models"] = json!(["auto", "blue"]);
    policy
}

/// Calls with the rule that decides.
fn ruled() -> Vec<(Ask, &'static str)> {
    let auto = |fields: &Value| Ask::chat(&with("auto", fields));
    let part = |part: Value| auto(&json!({"messages": [{"role": "user", "content": [part]}]}));
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}});
    let paper = json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}});
    let tool = json!({"type": "function", "function": {"name": "look", "parameters": {}}});
    let long = |words: usize| json!([{"role": "user", "content": "word ".repeat(words)}]);
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    let picture_block = json!({"type": "image", "source": source});
    let tool_block = json!({"name": "look", "input_schema": {"type": "object"}});
    let header = |value: &str| auto(&json!({})).header("x-use-case", value);
    let message = |fields: &Value| Ask::messages(&with("auto", fields));
    vec![
        (header("batch"), "use-case"),
        (header("bulk-7"), "use-case"),
        (header("Batch"), "premium"),
        (
            header("other").add_header("x-use-case", "batch"),
            "use-case",
        ),
        (part(picture), "picture"),
        (part(sound), "sound"),
        (part(paper), "paper"),
        (auto(&json!({"tools": [tool]})), "tools"),
        (auto(&json!({"tools": []})), "premium"),
        (auto(&json!({"messages": long(1200)})), "long"),
        (auto(&json!({"messages": long(900)})), "premium"),
        (auto(&json!({"max_tokens": 9})), "brief"),
        (
            auto(&json!({"max_completion_tokens": 9, "max_tokens": null})),
            "brief",
        ),
        (auto(&json!({"max_tokens": 10})), "premium"),
        (auto(&json!({"max_tokens": null})), "premium"),
        (auto(&json!({"stream": true})), "stream"),
        (auto(&json!({"stream": true, "max_tokens": 9})), "brief"),
        (auto(&json!({})).key("demo-admin-key"), "ann"),
        (auto(&json!({})).key("demo-blue-key"), "blue"),
        (auto(&json!({})), "premium"),
        // Anthropic's callers.
        (
            message(&json!({"messages": [{"role": "user", "content": [picture_block]}]})),
            "picture",
        ),
        (message(&json!({"tools": [tool_block]})), "tools"),
        (message(&json!({"messages": long(1200)})), "long"),
        (message(&json!({"system": "word ".repeat(1200)})), "long"),
        (message(&json!({"max_tokens": 9})), "brief"),
        (message(&json!({"stream": true})), "stream"),
        (
            message(&json!({})).header("x-use-case", "batch"),
            "use-case",
        ),
        (
            message(&json!({})).header("x-api-key", "demo-blue-key"),
            "blue",
        ),
        (message(&json!({})), "premium"),
        // By the name asked for.
        (Ask::chat(&call("gpt-9")), "prefix"),
        (Ask::chat(&call("gpt-10")), "prefix"),
        (
            Ask::chat(&with("rare", &json!({"stream": true}))),
            "sometimes",
        ),
        // A model with targets is left alone, but for rules that override.
        (Ask::chat(&call("smart")), ""),
        (Ask::chat(&call("smart")).header("x-move", ""), "moved"),
        (Ask::chat(&call("blue")).header("x-use-case", "batch"), ""),
    ]
}

#[test]
fn the_first_rule_that_holds_chooses_the_model() {
    run(async {
        let fleet = fleet(&rules_policy()).await;
        for (number, (ask, rule)) in ruled().into_iter().enumerate() {
            let answer = fleet.send(&ask).await;
            let what = format!("{number} {rule}: {:?}", answer.body);
            assert_eq!(answer.status, 200, "{what}");
            let received = fleet.received("a", &ask);
            assert_eq!(received.len(), 1, "{what}");
            let record = fleet.record(&ask).await;
            if rule.is_empty() {
                assert!(record.get("rule").is_none(), "{what} {record}");
                continue;
            }
            let model = format!("for-{rule}");
            assert_eq!(received[0].json()["model"], model, "{what}");
            assert_eq!(answer.header("x-tollgate-model"), model, "{what}");
            let recorded = ["rule", "model", "target_model"].map(|field| &record[field]);
            assert_eq!(recorded, [rule, rule, &model], "{what}");
        }
    });
}

#[test]
fn calls_that_no_rule_or_no_tenant_allows_are_refused() {
    run(async {
        let fleet = fleet(&rules_policy()).await;
        for (model, key, status, code) in [
            ("rare", "demo-acme-key", 400, "no_route"),
            // The rule holds, the tenant may not use what it chooses.
            ("locked", "demo-acme-key", 403, "model_not_allowed"),
            // The tenant may not use what it asks for.
            ("gpt-9", "demo-blue-key", 403, "model_not_allowed"),
            ("closed", "demo-acme-key", 403, "model_not_allowed"),
            ("gpt-11", "demo-acme-key", 404, "model_not_found"),
        ] {
            for caller in Speaks::ALL {
                let header = match caller {
                    Speaks::OpenAi => ("authorization", format!("Bearer {key}")),
                    Speaks::Anthropic => ("x-api-key", key.to_owned()),
                };
                let ask = caller.ask(&call(model)).header(header.0, &header.1);
                let answer = fleet.send(&ask).await;
                assert!(caller.is_error(&answer.json()), "{model}");
                assert_eq!((answer.status, answer.code().as_str()), (status, code));
                assert_eq!(answer.header("x-should-retry"), "false");
                assert_eq!(fleet.tries(&ask), [0, 0], "{model}");
                assert_eq!(fleet.record(&ask).await["outcome"], code);
            }
        }
    });
}

#[test]
fn shadows_change_nothing_and_are_counted() {
    run(async {
        let mut policy = rules_policy();
        policy["models"]["smart"]["targets"][0]["shadow"] = json!(true);
        let fleet = fleet(&policy).await;
        for _ in 0..3 {
            fleet.send(&Ask::chat(&call("auto"))).await;
            let ask = Ask::chat(&call("smart"));
            assert_eq!(fleet.send(&ask).await.status, 200);
            assert_eq!(fleet.tries(&ask), [0, 1], "a shadow is never called");
        }
        let page = fleet.envoy.admin("/stats/prometheus").await;
        for wanted in [
            r#"{kind="rule",name="shadow-of-all"} 3"#,
            r#"{kind="target",name="openai/gpt-5.1"} 3"#,
        ] {
            let wanted = format!("tollgate_shadow_total{wanted}");
            assert!(page.contains(&wanted), "{wanted}: {page}");
        }
        assert!(!page.contains("shadow-of-none"));
    });
}

#[test]
fn every_try_is_recorded_and_counted() {
    run(async {
        let fleet = fleet(&fleet_policy()).await;
        let script = json!({"b": {"status": 429}});
        let ask = Ask::chat(&call("light")).mock(&script);
        assert_eq!(fleet.send(&ask).await.status, 200);
        let record = fleet.record(&ask).await;
        let wanted = json!([
            {"backend": "anthropic", "model": "claude-sonnet-4-5", "outcome": "rate_limited"},
            {"backend": "openai", "model": "gpt-5.1", "outcome": "answered"},
        ]);
        assert_eq!(record["tries"], wanted, "{record}");
        assert_eq!(record["attempts"], 2, "{record}");
        assert_eq!(record["backend"], "openai", "{record}");
        let ask = Ask::chat(&call("smart"));
        fleet.send(&ask).await;
        let record = fleet.record(&ask).await;
        assert_eq!(record["attempts"], 1, "{record}");
        assert_eq!(record.get("tries"), None, "{record}");
        let page = fleet.envoy.admin("/stats/prometheus").await;
        for wanted in [
            r#"{gen_ai_provider_name="anthropic",outcome="rate_limited"} 1"#,
            r#"{gen_ai_provider_name="openai",outcome="answered"} 2"#,
        ] {
            let wanted = format!("tollgate_tries_total{wanted}");
            assert!(page.contains(&wanted), "{wanted}: {page}");
        }
    });
}

/// `smart` over both providers, by `strategy`.
fn strategy(strategy: &Value) -> Value {
    let mut policy = fleet_policy();
    policy["models"]["smart"]["strategy"] = strategy.clone();
    policy
}

/// Makes these calls at once; how many of them came to each provider.
async fn at_once(fleet: &Fleet, asks: Vec<Ask>) -> Vec<usize> {
    let port = fleet.envoy.port();
    let mut calls = tokio::task::JoinSet::new();
    for ask in asks.clone() {
        calls.spawn(async move { ask.send(port).await.status });
    }
    let statuses = calls.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let tries = asks.iter().map(|ask| fleet.tries(ask));
    tries.fold(vec![0, 0], |sum, tries| {
        sum.iter().zip(tries).map(|(a, b)| a + b).collect()
    })
}

#[test]
fn weights_divide_calls_exactly_over_all_workers() {
    run(async {
        let mut policy = strategy(&json!("weighted"));
        policy["models"]["smart"]["targets"][0]["weight"] = json!(75);
        policy["models"]["smart"]["targets"][1]["weight"] = json!(25);
        let fleet = fleet(&policy).await;
        let asks = (0..40).map(|_| Ask::chat(&call("smart"))).collect();
        assert_eq!(at_once(&fleet, asks).await, [30, 10]);
    });
}

#[test]
fn a_session_keeps_to_its_provider() {
    run(async {
        let fleet = fleet(&strategy(
            &json!({"sticky": {"by": {"header": "x-session-id"}}}),
        ))
        .await;
        let mut homes = [0, 0];
        for session in 0..30 {
            let name = session.to_string();
            let ask = || Ask::chat(&call("smart")).header("x-session-id", &name);
            let found = at_once(&fleet, vec![ask(), ask(), ask()]).await;
            assert!(found == [3, 0] || found == [0, 3], "{session}: {found:?}");
            homes[usize::from(found[0] == 0)] += 1;
        }
        // The hash is the same in each run.
        assert!(homes.iter().all(|home| *home >= 8), "{homes:?}");
        let asks = (0..6).map(|_| Ask::chat(&call("smart"))).collect();
        let found = at_once(&fleet, asks).await;
        assert!(
            found == [6, 0] || found == [0, 6],
            "without the header: {found:?}"
        );
    });
}

#[test]
fn a_user_keeps_to_their_provider() {
    run(async {
        let mut policy = strategy(&json!({"sticky": {"by": "user"}}));
        let keys = [("demo-acme-key", 0, "ann"), ("demo-admin-key", 1, "bob")];
        for (_, index, user) in keys {
            policy["tenants"]["acme"]["keys"][index]["user"] = json!(user);
        }
        let fleet = fleet(&policy).await;
        for (key, _, user) in keys {
            let asks = (0..8).map(|number| {
                let session = number.to_string();
                let caller = Speaks::ALL[number % 2];
                let ask = caller.ask(&call("smart")).without("x-api-key").key(key);
                ask.header("x-session-id", &session)
            });
            let found = at_once(&fleet, asks.collect()).await;
            assert!(found == [8, 0] || found == [0, 8], "{user}: {found:?}");
        }
    });
}

#[test]
fn the_cheapest_goes_first() {
    run(async {
        let mut policy = strategy(&json!("cheapest"));
        let targets = &mut policy["models"]["smart"]["targets"];
        targets[0]["price"] = json!({"input": 10, "output": "1"});
        targets[1]["price"] = json!({"input": "1", "output": 10});
        let fleet = fleet(&policy).await;
        let long = json!([{"role": "user", "content": "word ".repeat(1000)}]);
        for (fields, tries) in [
            (json!({"max_tokens": 1000}), [1, 0]),
            (json!({"messages": long, "max_tokens": 10}), [0, 1]),
        ] {
            for caller in Speaks::ALL {
                let ask = caller.ask(&with("smart", &fields));
                assert_eq!(fleet.send(&ask).await.status, 200);
                assert_eq!(fleet.tries(&ask), tries, "{fields}");
            }
        }
    });
}

#[test]
fn the_fastest_goes_first_and_one_that_recovers_is_found() {
    run(async {
        let fleet = fleet(&strategy(&json!("fastest"))).await;
        let slow = |millis: u64| {
            let script = json!({"delay_ms": millis});
            serde_json::from_value(script).expect("a script")
        };
        fleet.mock("a").set_default(slow(400));
        fleet.mock("b").set_default(slow(100));
        let ask = || Ask::chat(&call("smart"));
        // Each is measured once, then the fast one is asked.
        let mut found = Vec::new();
        for _ in 0..12 {
            let ask = ask();
            assert_eq!(fleet.send(&ask).await.status, 200);
            found.push(fleet.tries(&ask));
        }
        let fast = found.iter().filter(|tries| **tries == [0, 1]).count();
        assert!(fast >= 10 && found[11] == [0, 1], "{found:?}");
        fleet.mock("a").set_default(slow(0));
        eventually("the recovered provider is found", 60, async || {
            let asks = (0..10).map(|_| ask()).collect();
            // One in twenty looks at the other.
            (at_once(&fleet, asks).await[0] >= 9).then_some(())
        })
        .await;
    });
}

/// A target that is too small for a call is tried behind those that fit.
#[test]
fn small_windows_go_later() {
    run(async {
        let mut policy = fleet_policy();
        let target = &mut policy["models"]["smart"]["targets"][0];
        target["context"] = json!(1000);
        target["max_output"] = json!(500);
        let fleet = fleet(&policy).await;
        let long = json!([{"role": "user", "content": "word ".repeat(1200)}]);
        for (fields, tries) in [
            (json!({}), [1, 0]),
            (json!({"messages": long, "max_tokens": 1}), [0, 1]),
            (json!({"max_tokens": 501}), [0, 1]),
        ] {
            let ask = Ask::chat(&with("smart", &fields));
            assert_eq!(fleet.send(&ask).await.status, 200);
            assert_eq!(fleet.tries(&ask), tries, "{fields}");
        }
    });
}
