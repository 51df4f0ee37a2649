/*! A chain of providers (`envoy/chain.yaml`), on the oldest Envoy that can do it and on the
current one; and one provider on the oldest of all.

Envoy 1.36 is too old for a chain: it crashes when a retry is asked for at the end of an
answer, as Tollgate does of one that it can't read.

Mock `a` stands behind backend `openai`, mock `b` behind `anthropic`; the chain's order is
`a`, `b`. */

use mock_provider::Received;
use serde_json::{Value, json};
use tollgate_tests::{
    Answer, Ask, Config, Fleet, Form, Release, Speaks, Stand, fleet_policy, hasty, run,
};

const SAID: &str = "It rains in Köln. ";

fn call(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream,
           "messages": [{"role": "user", "content": "How is the weather?"}]})
}

/// A policy of the chain, whose targets are those of `fleet_policy`.
fn chain_policy() -> Value {
    let mut policy = fleet_policy();
    for backend in ["openai", "anthropic"] {
        policy["backends"][backend]["cluster"] = json!("openai-anthropic");
    }
    // The chain has one order.
    policy["models"].as_object_mut().unwrap().remove("light");
    for tenant in ["acme", "blue"] {
        policy["tenants"][tenant]["models"] = json!(["smart"]);
    }
    hasty(policy)
}

fn chain() -> Config {
    Config::shipped("chain.yaml").policy(&chain_policy(), Form::Struct)
}

/// A provider whose name nobody knows, in place of mock `a`.
fn unresolvable(config: Config) -> Config {
    config
        .replace(
            "  - name: openai\n    type: STATIC\n",
            "  - name: openai\n    type: STRICT_DNS\n",
        )
        .replace(
            "address: 127.0.0.1, port_value: 8001",
            "address: nowhere.invalid, port_value: 8001",
        )
}

fn told(answer: &Answer) -> [&str; 3] {
    ["attempts", "backend", "model"].map(|name| answer.header(&format!("x-tollgate-{name}")))
}

const FIRST: [&str; 3] = ["1", "openai", "gpt-5.1"];
const SECOND: [&str; 3] = ["2", "anthropic", "claude-sonnet-4-5"];

/// What makes the first provider's try fail.
fn faults() -> Vec<Value> {
    let mut faults = [500, 502, 503, 529, 401, 404, 429]
        .map(|status| json!({ "status": status }))
        .to_vec();
    let ways = [
        "reset_before_head",
        "reset_after_head",
        "hang",
        "hang_after_head",
        "hang_before_content",
        "garbage",
        "html",
        "empty",
        "error",
    ];
    faults.extend(ways.map(|fault| json!({ "fault": fault })));
    faults
}

async fn check_fallback(fleet: &Fleet, release: Release) {
    for caller in Speaks::ALL {
        for stream in [false, true] {
            for fault in faults() {
                let what = format!("{release:?} {caller:?} stream: {stream} {fault}");
                let mut fault = fault;
                fault["text"] = json!("not this");
                let scripts = json!({"a": fault, "b": {"text": SAID}});
                let ask = caller.ask(&call("smart", stream)).mock(&scripts);
                let answer = fleet.send(&ask).await;
                let what = format!("{what}: {} {:?}", answer.status, answer.body);
                assert!(answer.status == 200 && answer.complete, "{what}");
                assert_eq!(caller.said(&answer, stream), SAID, "{what}");
                assert_eq!(fleet.tries(&ask), [1, 1], "{what}");
                assert_eq!(told(&answer), SECOND, "{what}");
                check_own(fleet, &ask);
            }
        }
    }
}

/// Each provider got what is its own, and nothing of the other's or the caller's.
fn check_own(fleet: &Fleet, ask: &Ask) {
    let openai = fleet.received("a", ask).remove(0);
    assert_eq!(openai.line, "POST /v1/chat/completions");
    assert_eq!(openai.authority, "openai.provider");
    assert_eq!(openai.json()["model"], "gpt-5.1");
    check_keys(&openai, "authorization", "Bearer openai-demo-key");
    assert_eq!(openai.header("anthropic-version"), "");
    let anthropic = fleet.received("b", ask);
    let Some(anthropic) = anthropic.first() else {
        return;
    };
    assert_eq!(anthropic.line, "POST /v1/messages");
    assert_eq!(anthropic.authority, "anthropic.provider");
    assert_eq!(anthropic.json()["model"], "claude-sonnet-4-5");
    check_keys(anthropic, "x-api-key", "anthropic-demo-key");
    assert_ne!(anthropic.header("anthropic-version"), "");
}

/// The one key that a provider got, and that nothing private came with it.
fn check_keys(received: &Received, name: &str, key: &str) {
    let all: Vec<_> = received.headers.get_all(name).iter().collect();
    assert_eq!(all, [key]);
    let mut headers = received.headers.clone();
    headers.remove(name);
    let rest = format!("{headers:?}");
    for private in ["demo-", "x-tollgate-", "x-envoy-", "mine", "api-key"] {
        assert!(!rest.contains(private), "{private}: {rest}");
    }
}

async fn check_good_calls(fleet: &Fleet) {
    for caller in Speaks::ALL {
        for stream in [false, true] {
            let ask = caller
                .ask(&call("smart", stream))
                .mock(&json!({ "text": SAID }))
                .header("x-tollgate-internal-credential-openai", "mine")
                .header("x-tollgate-internal-credential-anthropic", "mine")
                .header("x-envoy-max-retries", "9");
            let answer = fleet.send(&ask).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            assert_eq!(caller.said(&answer, stream), SAID);
            assert_eq!(fleet.tries(&ask), [1, 0]);
            assert_eq!(told(&answer), FIRST);
            check_own(fleet, &ask);
            let record = fleet.record(&ask).await;
            assert_eq!(record["outcome"], "ok", "{record}");
            assert_eq!(record["backend"], "openai", "{record}");
        }
    }
}

/// Whatever fails: not more tries than targets, and the last error is told.
async fn check_all_fail(fleet: &Fleet) {
    for stream in [false, true] {
        for (a, b, status) in [
            (json!({"status": 500}), json!({"status": 503}), 503),
            (json!({"status": 429}), json!({"status": 500}), 500),
            (json!({"fault": "hang"}), json!({"fault": "hang"}), 504),
            (
                json!({"fault": "reset_before_head"}),
                json!({"fault": "reset_before_head"}),
                503,
            ),
        ] {
            let ask = Ask::chat(&call("smart", stream)).mock(&json!({"a": a, "b": b}));
            let answer = fleet.send(&ask).await;
            let what = format!("{a} {b} {stream}: {:?}", answer.body);
            assert_eq!(answer.status, status, "{what}");
            assert_eq!(fleet.tries(&ask), [1, 1], "{what}");
            assert_eq!(answer.header("x-tollgate-attempts"), "2", "{what}");
            assert!(answer.json()["error"]["message"].is_string(), "{what}");
        }
    }
}

/// The first provider is away, then back.
async fn check_refused(fleet: &Fleet) {
    let ask = || Ask::chat(&call("smart", false)).mock(&json!({ "text": SAID }));
    fleet.mock("a").stop().await;
    for _ in 0..3 {
        let ask = ask();
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(fleet.tries(&ask), [0, 1]);
        assert_eq!(told(&answer), SECOND);
    }
    fleet.mock("a").restart().await.unwrap();
    let answer = fleet.send(&ask()).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(told(&answer), FIRST);
}

fn falls_back(release: Release) {
    run(async {
        let fleet = Fleet::start_release(release, chain()).await;
        check_good_calls(&fleet).await;
        check_fallback(&fleet, release).await;
        check_all_fail(&fleet).await;
        check_refused(&fleet).await;
    });
}

#[test]
fn a_chain_falls_back() {
    falls_back(Release::Current);
}

#[test]
fn a_chain_falls_back_on_an_old_envoy() {
    falls_back(Release::Old);
}

/// Envoy leaves it out: the first try goes to the second provider, by its own entry of the
/// plan.
#[test]
fn a_chain_skips_a_provider_whose_name_does_not_resolve() {
    for release in [Release::Current, Release::Old] {
        run(async {
            let fleet = Fleet::start_release(release, unresolvable(chain())).await;
            for caller in Speaks::ALL {
                for stream in [false, true] {
                    let ask = caller
                        .ask(&call("smart", stream))
                        .mock(&json!({ "text": SAID }));
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{release:?} {:?}", answer.body);
                    assert_eq!(caller.said(&answer, stream), SAID);
                    assert_eq!(fleet.tries(&ask), [0, 1]);
                    assert_eq!(told(&answer)[1..], SECOND[1..]);
                    let received = fleet.received("b", &ask).remove(0);
                    check_keys(&received, "x-api-key", "anthropic-demo-key");
                }
            }
        });
    }
}

/// The shipped policy, with its own time limits.
#[test]
fn the_shipped_chain_falls_back_for_both_models() {
    for release in [Release::Current, Release::Old] {
        run(async {
            let fleet = Fleet::start_release(release, Config::shipped("chain.yaml")).await;
            for model in ["smart", "light"] {
                let ask = Ask::chat(&call(model, false)).mock(&json!({"a": {"status": 500}}));
                let answer = fleet.send(&ask).await;
                assert_eq!(answer.status, 200, "{model}: {:?}", answer.body);
                assert_eq!(fleet.tries(&ask), [1, 1], "{model}");
                assert_eq!(told(&answer)[..2], SECOND[..2], "{model}");
            }
        });
    }
}

/// One provider needs no more than the gateway filter.
#[test]
fn one_provider_on_the_oldest_envoy() {
    run(async {
        let stand = Stand::start_release(Release::Oldest, Config::gateway()).await;
        for caller in Speaks::ALL {
            for stream in [false, true] {
                let ask = caller
                    .ask(&call("smart", stream))
                    .mock(&json!({ "text": SAID }));
                let (answer, received) = stand.pass(&ask).await;
                assert_eq!(answer.status, 200, "{:?}", answer.body);
                assert_eq!(caller.said(&answer, stream), SAID);
                assert_eq!(received.line, "POST /v1/chat/completions");
                assert_eq!(received.json()["model"], "gpt-5.1");
                let headers = format!("{:?}", received.headers);
                assert!(!headers.contains("demo-acme-key"), "{headers}");
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "ok", "{record}");
            }
        }
        let models = Ask::new("GET", "/v1/models").key("demo-blue-key");
        let models = stand.send(&models).await.json();
        assert_eq!(models["data"][0]["id"], "light", "{models}");
        let stranger = Ask::chat(&call("smart", false)).key("nobodys-key");
        let answer = stand.send(&stranger).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_api_key")
        );
        assert_eq!(stand.totals("smart").await["calls"], 4);
        let metrics = stand.envoy.admin("/stats/prometheus").await;
        let found = metrics.lines().find(|line| {
            line.starts_with("tollgate_calls_total{tenant=\"acme\"") && line.ends_with("} 4")
        });
        assert!(found.is_some(), "{metrics}");
    });
}
