/*! A provider fails, and the next one answers: every fault, in every pairing of what the
caller and the providers speak, whole and streamed.

Mock `a` stands behind backend `openai`, mock `b` behind `anthropic`; model `smart` tries `a`
first, `light` tries `b` first. */

use serde_json::{Value, json};
use std::time::Duration;
use tollgate_tests::{
    Answer, Ask, Config, Fleet, Form, Speaks, eventually, fleet_policy, hasty, run,
};

/// The models, with the mock and the backend of their two targets.
const MODELS: [(&str, [(&str, &str); 2]); 2] = [
    ("smart", [("a", "openai"), ("b", "anthropic")]),
    ("light", [("b", "anthropic"), ("a", "openai")]),
];

const SAID: &str = "It rains in Köln. ";

fn call(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream,
           "messages": [{"role": "user", "content": "How is the weather?"}]})
}

/// What the caller sees of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// A good answer of the next provider.
    Next,
    /// A good answer of the first provider.
    First,
    /// An error with this status, after one try.
    Error(u16),
    /// A stream that ends in an error.
    ErrorAtTheEnd,
    /// A stream that breaks.
    Break,
}

/// Faults of the first provider, and what is seen of whole answers and of streams.
fn faults() -> Vec<(Value, Sees, Sees)> {
    use Sees::{Break, Error, ErrorAtTheEnd, First, Next};
    let moves = |script: Value| (script, Next, Next);
    let mut faults: Vec<_> = [500, 502, 503, 504, 529, 401, 403, 404, 408, 429]
        .map(|status| moves(json!({"status": status})))
        .into();
    faults.extend(
        [
            ("retry-after", "7"),
            ("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT"),
            ("retry-after-ms", "70"),
            ("x-ratelimit-reset-requests", "6m0s"),
            ("anthropic-ratelimit-tokens-reset", "2099-10-21T07:28:00Z"),
            ("retry-after", "garbage"),
            // OpenAI sends it too; it is for clients.
            ("x-should-retry", "false"),
            ("x-tollgate-internal-retry", "no"),
        ]
        .map(|(name, value)| moves(json!({"status": 429, "headers": {name: value}}))),
    );
    let always = [
        "reset_before_head",
        "reset_after_head",
        "hang",
        "hang_after_head",
        "hang_before_content",
        "empty",
        "garbage",
        "html",
        "error",
    ];
    faults.extend(always.map(|fault| moves(json!({ "fault": fault }))));
    faults.extend([
        moves(json!({"status": 502, "fault": "html"})),
        (json!({"status": 400}), Error(400), Error(400)),
        (json!({"fault": "reset_mid_body"}), Next, Break),
        (json!({"fault": "hang_mid_body"}), Next, Break),
        (json!({"fault": "end_mid_body"}), Next, ErrorAtTheEnd),
        (json!({"fault": "error_mid_body"}), First, ErrorAtTheEnd),
        (json!({"piece": 9, "piece_delay_ms": 1}), First, First),
        (json!({"delay_ms": 100}), First, First),
        (json!({}), First, First),
    ]);
    faults
}

fn fleet_config(policy: &Value) -> Config {
    Config::fallback().policy(policy, Form::Struct)
}

#[test]
fn every_fault_in_every_pairing() {
    run(async {
        // A stream that hangs after its first content ends with Envoy's idle limit.
        let config =
            fleet_config(&hasty(fleet_policy())).replace("idle_timeout: 300s", "idle_timeout: 2s");
        let fleet = Fleet::start(config).await;
        for (fault, whole, streamed) in faults() {
            for caller in Speaks::ALL {
                for (model, targets) in MODELS {
                    for (stream, sees) in [(false, whole), (true, streamed)] {
                        let fault = fault.clone();
                        check_fault(&fleet, caller, model, targets, stream, fault, sees).await;
                    }
                }
            }
        }
    });
}

async fn check_fault(
    fleet: &Fleet,
    caller: Speaks,
    model: &str,
    targets: [(&str, &str); 2],
    stream: bool,
    fault: Value,
    sees: Sees,
) {
    let what = format!("{caller:?} {model} stream: {stream} {fault}");
    let [(first, first_backend), (second, second_backend)] = targets;
    let mut script = fault;
    // Errors tell it as their message.
    script["text"] = json!(SAID);
    let scripts = json!({first: script, second: {"text": SAID}});
    let ask = caller.ask(&call(model, stream)).mock(&scripts);
    let answer = fleet.send(&ask).await;
    let what = format!("{what}: {} {:?}", answer.status, answer.body);
    let tries = ["a", "b"].map(|mock| {
        let moved = sees == Sees::Next;
        usize::from(mock == first || (moved && mock == second))
    });
    assert_eq!(fleet.tries(&ask), tries, "{what}");
    let (status, complete) = match sees {
        Sees::Error(status) => (status, true),
        Sees::Break => (200, false),
        _ => (200, true),
    };
    assert_eq!(
        (answer.status, answer.complete),
        (status, complete),
        "{what}"
    );
    let (attempts, backend) = match sees {
        Sees::Next => ("2", second_backend),
        _ => ("1", first_backend),
    };
    assert_eq!(answer.header("x-tollgate-attempts"), attempts, "{what}");
    assert_eq!(answer.header("x-tollgate-backend"), backend, "{what}");
    let internal = |name: &str| name.starts_with("x-tollgate-internal-");
    let leaked = answer.headers.keys().find(|name| internal(name.as_str()));
    assert_eq!(leaked, None, "{what}");
    match sees {
        Sees::Next | Sees::First => assert_eq!(caller.said(&answer, stream), SAID, "{what}"),
        Sees::Error(_) => assert!(caller.is_error(&answer.json()), "{what}"),
        Sees::ErrorAtTheEnd => {
            let events = answer.events();
            let errors = events.iter().filter(|event| caller.is_error(event));
            assert_eq!(errors.count(), 1, "{what}");
            let last = events.last().expect("events");
            assert!(caller.is_error(last), "{what}");
        }
        Sees::Break => assert!(!said_so_far(caller, &answer).is_empty(), "{what}"),
    }
    // Whatever there is of a cool-down ends with a success.
    let good = fleet.send(&caller.ask(&call(model, false))).await;
    assert_eq!(good.status, 200, "after {what}");
}

/// The text of a stream that broke: its last event may be cut.
fn said_so_far(caller: Speaks, answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let place = match caller {
        Speaks::OpenAi => "/choices/0/delta/content",
        Speaks::Anthropic => "/delta/text",
    };
    let text = |event: Value| event.pointer(place)?.as_str().map(str::to_owned);
    events.filter_map(text).collect()
}

/// Both providers get the call, and each only what is its own.
#[test]
fn nothing_of_one_provider_reaches_the_other() {
    run(async {
        let fleet = Fleet::of(fleet_config(&fleet_policy())).await;
        for caller in Speaks::ALL {
            for (model, [(first, _), (second, _)]) in MODELS {
                for fault in [
                    json!({"status": 500}),
                    json!({"fault": "reset_before_head"}),
                    json!({"fault": "garbage"}),
                ] {
                    let ask = caller
                        .ask(&call(model, false))
                        .mock(&json!({first: fault, second: {}}))
                        .header("openai-organization", "org-of-the-caller")
                        .header("anthropic-dangerous-direct-browser-access", "true")
                        .header("api-key", "key-of-the-caller")
                        .header("x-envoy-max-retries", "9")
                        .header("x-tollgate-internal-plan", "bm9uZQ==")
                        .header("x-tollgate-internal-retry", "1")
                        .header("x-tollgate-internal-credential-openai", "mine");
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{:?}", answer.body);
                    assert_eq!(fleet.tries(&ask), [1, 1]);
                    check_openai(&fleet, &ask);
                    check_anthropic(&fleet, &ask);
                }
            }
        }
    });
}

/// What no provider may get: the caller's keys, Tollgate's and Envoy's own headers.
fn check_private(headers: &str) {
    for private in ["demo-", "of-the-caller", "x-tollgate-", "x-envoy-", "mine"] {
        assert!(!headers.contains(private), "{private}: {headers}");
    }
}

fn check_openai(fleet: &Fleet, ask: &Ask) {
    let received = fleet.received("a", ask).remove(0);
    assert_eq!(received.line, "POST /v1/chat/completions");
    assert_eq!(received.authority, "openai.provider");
    assert_eq!(received.header("authorization"), "Bearer openai-demo-key");
    for other in ["x-api-key", "anthropic-version", "api-key"] {
        assert_eq!(received.header(other), "", "{other}");
    }
    assert_eq!(received.json()["model"], "gpt-5.1");
    let mut headers = received.headers.clone();
    headers.remove("authorization");
    check_private(&format!("{headers:?}"));
    let length = received.header("content-length");
    assert!(["", &received.body.len().to_string()].contains(&length));
}

fn check_anthropic(fleet: &Fleet, ask: &Ask) {
    let received = fleet.received("b", ask).remove(0);
    assert_eq!(received.line, "POST /v1/messages");
    assert_eq!(received.authority, "anthropic.provider");
    assert_eq!(received.header("x-api-key"), "anthropic-demo-key");
    assert_ne!(received.header("anthropic-version"), "");
    for other in ["authorization", "openai-organization", "api-key"] {
        assert_eq!(received.header(other), "", "{other}");
    }
    assert_eq!(received.json()["model"], "claude-sonnet-4-5");
    let mut headers = received.headers.clone();
    headers.remove("x-api-key");
    check_private(&format!("{headers:?}"));
}

#[test]
fn the_caller_is_told_who_has_answered() {
    run(async {
        let fleet = Fleet::of(fleet_config(&fleet_policy())).await;
        for (fault, attempts, backend, model) in [
            (json!({}), "1", "openai", "gpt-5.1"),
            (
                json!({"status": 500}),
                "2",
                "anthropic",
                "claude-sonnet-4-5",
            ),
        ] {
            let ask = Ask::chat(&call("smart", false)).mock(&json!({"a": fault}));
            let answer = fleet.send(&ask).await;
            let told = ["attempts", "backend", "model"]
                .map(|name| answer.header(&format!("x-tollgate-{name}")));
            assert_eq!(told, [attempts, backend, model]);
            assert_eq!(answer.json()["model"], model);
            let record = fleet.record(&ask).await;
            assert_eq!(record["outcome"], "ok", "{record}");
            assert_eq!(record["backend"], backend, "{record}");
            assert_eq!(record["target_model"], model, "{record}");
        }
    });
}

/// What is told when there is nobody left: what the last provider said.
#[test]
fn when_all_fail_the_last_error_is_told() {
    run(async {
        let fleet = Fleet::of(fleet_config(&hasty(fleet_policy()))).await;
        let down = json!({"fault": "reset_before_head"});
        for (a, b, status, code) in [
            (json!({"status": 500}), json!({"status": 503}), 503, None),
            (json!({"status": 503}), json!({"status": 500}), 500, None),
            (down.clone(), json!({"status": 500}), 500, None),
            (
                json!({"status": 401}),
                json!({"status": 403}),
                502,
                Some("upstream_auth"),
            ),
            (
                down.clone(),
                down.clone(),
                503,
                Some("upstream_unavailable"),
            ),
            (
                json!({"fault": "hang"}),
                json!({"fault": "hang"}),
                504,
                Some("upstream_timeout"),
            ),
        ] {
            for stream in [false, true] {
                let what = format!("{a} {b} {stream}");
                let ask = Ask::chat(&call("smart", stream)).mock(&json!({"a": a, "b": b}));
                let answer = fleet.send(&ask).await;
                let what = format!("{what}: {:?}", answer.body);
                assert_eq!(answer.status, status, "{what}");
                assert!(Speaks::OpenAi.is_error(&answer.json()), "{what}");
                if let Some(code) = code {
                    assert_eq!(answer.code(), code, "{what}");
                }
                assert_eq!(fleet.tries(&ask), [1, 1], "{what}");
                assert_eq!(answer.header("x-tollgate-attempts"), "2", "{what}");
                assert_eq!(answer.header("x-tollgate-internal-retry"), "", "{what}");
            }
        }
    });
}

#[test]
fn rate_limits_of_all_are_told_with_the_first_end() {
    run(async {
        let fleet = Fleet::start(fleet_config(&fleet_policy())).await;
        let limited = |seconds: &str| json!({"status": 429, "headers": {"retry-after": seconds}});
        let scripts = json!({"a": limited("40"), "b": limited("20")});
        let ask = Ask::chat(&call("smart", false)).mock(&scripts);
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 429, "{:?}", answer.body);
        let after: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=20).contains(&after), "{after}");
    });
}

#[test]
fn no_more_tries_than_the_policy_allows() {
    run(async {
        let mut policy = fleet_policy();
        policy["models"]["smart"]["attempts"] = json!(1);
        let fleet = Fleet::start(fleet_config(&policy)).await;
        for (model, tries) in [("smart", [1, 0]), ("light", [1, 1])] {
            let fault = json!({"status": 500});
            let scripts = json!({"a": fault, "b": fault});
            let ask = Ask::chat(&call(model, false)).mock(&scripts);
            assert_eq!(fleet.send(&ask).await.status, 500);
            assert_eq!(fleet.tries(&ask), tries, "{model}");
        }
    });
}

/// Sends this many calls at once.
async fn at_once(fleet: &Fleet, count: usize) -> Vec<Answer> {
    let port = fleet.envoy.port();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..count {
        let stream = number % 2 == 0;
        let ask = Ask::chat(&call("smart", stream)).mock(&json!({"b": {"delay_ms": 100}}));
        calls.spawn(async move { ask.send(port).await });
    }
    calls.join_all().await
}

#[test]
fn sixty_calls_at_once_while_a_provider_is_away_and_when_it_is_back() {
    run(async {
        let mut policy = fleet_policy();
        policy["cool_down"] = json!({"failures": 3, "base": "200ms", "max": "200ms"});
        let fleet = Fleet::start(fleet_config(&policy)).await;
        fleet.mock("a").stop().await;
        for answer in at_once(&fleet, 60).await {
            assert_eq!((answer.status, answer.complete), (200, true));
            assert_eq!(answer.header("x-tollgate-backend"), "anthropic");
        }
        fleet.mock("a").restart().await.expect("its port");
        eventually("the provider is found again", 10, async || {
            let answer = fleet.send(&Ask::chat(&call("smart", false))).await;
            assert_eq!(answer.status, 200);
            (answer.header("x-tollgate-backend") == "openai").then_some(())
        })
        .await;
    });
}

#[test]
fn a_body_of_twenty_megabytes_is_tried_again_whole() {
    run(async {
        let fleet = Fleet::of(fleet_config(&fleet_policy())).await;
        let prompt = "lorem ".repeat(20_000_000 / 6);
        for caller in Speaks::ALL {
            for (model, [(first, _), (second, _)]) in MODELS {
                let mut body = call(model, false);
                body["messages"][0]["content"] = json!(prompt);
                let scripts = json!({first: {"status": 500}, second: {"text": SAID}});
                let ask = caller.ask(&body).mock(&scripts);
                let answer = fleet.send(&ask).await;
                assert_eq!(answer.status, 200, "{:?}", answer.body);
                assert_eq!(caller.said(&answer, false), SAID);
                for mock in [first, second] {
                    let received = fleet.received(mock, &ask).remove(0).json();
                    let content = &received["messages"][0]["content"];
                    let text = content.as_str().or_else(|| content[0]["text"].as_str());
                    assert!(text == Some(prompt.as_str()), "{caller:?} {model} {mock}");
                }
            }
        }
    });
}

#[test]
fn a_provider_that_fails_goes_last_for_a_while() {
    run(async {
        let mut policy = fleet_policy();
        policy["cool_down"] = json!({"failures": 2, "base": "1s", "max": "3s"});
        let fleet = Fleet::start(fleet_config(&policy)).await;
        let failing = || Ask::chat(&call("smart", false)).mock(&json!({"a": {"status": 500}}));
        for _ in 0..2 {
            let ask = failing();
            assert_eq!(fleet.send(&ask).await.status, 200);
            assert_eq!(fleet.tries(&ask), [1, 1]);
        }
        let ask = failing();
        let answer = fleet.send(&ask).await;
        assert_eq!(fleet.tries(&ask), [0, 1], "it has failed twice");
        assert_eq!(answer.header("x-tollgate-attempts"), "1");
        // It goes last, but it is there.
        let scripts = json!({"b": {"status": 500}});
        let ask = Ask::chat(&call("smart", false)).mock(&scripts);
        assert_eq!(fleet.send(&ask).await.status, 200);
        assert_eq!(fleet.tries(&ask), [1, 1]);
        comes_back(&fleet).await;
    });
}

/// Waits until a call goes to the first provider at once.
async fn comes_back(fleet: &Fleet) {
    eventually("the provider is first again", 10, async || {
        let ask = Ask::chat(&call("smart", false));
        assert_eq!(fleet.send(&ask).await.status, 200);
        (fleet.tries(&ask) == [1, 0]).then_some(())
    })
    .await;
}

#[test]
fn a_rate_limit_lasts_as_long_as_the_provider_says() {
    run(async {
        let mut policy = fleet_policy();
        policy["cool_down"] = json!({"rate_limited": "100ms", "base": "100ms", "max": "1h"});
        let fleet = Fleet::start(fleet_config(&policy)).await;
        for (headers, seconds) in [
            (json!({"retry-after": "2"}), 2),
            (json!({"retry-after-ms": "2000"}), 2),
            (json!({}), 0),
        ] {
            let limited = json!({"a": {"status": 429, "headers": headers}});
            let ask = Ask::chat(&call("smart", false)).mock(&limited);
            assert_eq!(fleet.send(&ask).await.status, 200);
            assert_eq!(fleet.tries(&ask), [1, 1]);
            if seconds > 0 {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let ask = Ask::chat(&call("smart", false));
                fleet.send(&ask).await;
                assert_eq!(fleet.tries(&ask), [0, 1], "{headers}");
            }
            comes_back(&fleet).await;
        }
    });
}

#[test]
fn a_name_that_does_not_resolve() {
    run(async {
        let config = fleet_config(&fleet_policy()).replace(
            "type: STATIC\n    # Time limits",
            "type: STRICT_DNS\n    # Time limits",
        );
        let config = config.replace(
            "address: 127.0.0.1, port_value: 8001",
            "address: no-such-host.invalid, port_value: 80",
        );
        // Without the port of `a`, the harness would start no mock: `b` becomes the first.
        let config = config.replace("port_value: 8002", "port_value: 8001");
        let fleet = Fleet::start(config).await;
        for stream in [false, true] {
            let answer = fleet.send(&Ask::chat(&call("smart", stream))).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            assert_eq!(answer.header("x-tollgate-backend"), "anthropic");
            assert_eq!(answer.header("x-tollgate-attempts"), "2");
        }
    });
}

#[test]
fn an_ejected_host() {
    run(async {
        let detection = "common_lb_config: { healthy_panic_threshold: { value: 0 } }\n    \
            outlier_detection: { consecutive_5xx: 1, interval: 0.1s, base_ejection_time: 60s, max_ejection_percent: 100 }\n    \
            # Time limits";
        let config = fleet_config(&fleet_policy()).replace("# Time limits", detection);
        let fleet = Fleet::start(config).await;
        let failing = Ask::chat(&call("smart", false)).mock(&json!({"a": {"status": 500}}));
        assert_eq!(fleet.send(&failing).await.status, 200);
        eventually("the host is ejected", 10, async || {
            let ask = Ask::chat(&call("smart", false));
            let answer = fleet.send(&ask).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            (fleet.tries(&ask) == [0, 1]).then_some(())
        })
        .await;
        for _ in 0..10 {
            let answer = fleet.send(&Ask::chat(&call("smart", false))).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
        }
    });
}

/// A prompt that is too long for one model may fit the next.
#[test]
fn a_longer_window_is_tried() {
    run(async {
        let mut policy = fleet_policy();
        policy["models"]["smart"]["targets"][0]["context"] = json!(1000);
        policy["models"]["smart"]["targets"][1]["context"] = json!(100_000);
        policy["models"]["light"]["targets"][0]["context"] = json!(100_000);
        policy["models"]["light"]["targets"][1]["context"] = json!(1000);
        let fleet = Fleet::start(fleet_config(&policy)).await;
        let openai = json!({"error": {"message": "too long", "type": "invalid_request_error",
            "param": "messages", "code": "context_length_exceeded"}});
        let anthropic = json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 210000 tokens > 200000 maximum"}});
        let scripts = json!({
            "a": {"status": 400, "body": openai.to_string()},
            "b": {"text": SAID},
        });
        let ask = Ask::chat(&call("smart", false)).mock(&scripts);
        assert_eq!(fleet.send(&ask).await.status, 200);
        assert_eq!(fleet.tries(&ask), [1, 1]);
        let scripts = json!({"b": {"status": 400, "body": anthropic.to_string()}});
        let ask = Ask::chat(&call("light", false)).mock(&scripts);
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 400, "no target has a larger window");
        assert_eq!(fleet.tries(&ask), [0, 1]);
        assert!(Speaks::OpenAi.is_error(&answer.json()));
    });
}

/// A caller that goes away ends the tries.
#[test]
fn nobody_is_asked_for_a_caller_who_has_gone() {
    run(async {
        let fleet = Fleet::of(fleet_config(&hasty(fleet_policy()))).await;
        let ask = Ask::chat(&call("smart", false)).mock(&json!({"a": {"fault": "hang"}}));
        let sent = tokio::time::timeout(Duration::from_millis(200), fleet.send(&ask)).await;
        assert!(sent.is_err(), "it hangs");
        let record = fleet.record(&ask).await;
        assert_eq!(record["outcome"], "client_closed", "{record}");
        // Longer than a try may take.
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        assert_eq!(fleet.tries(&ask), [1, 0]);
    });
}

/// The second recipe, for Envoys that have no order of their own for each call.
#[test]
fn a_chain() {
    run(async {
        let mut policy = hasty(fleet_policy());
        for backend in ["openai", "anthropic"] {
            policy["backends"][backend]["cluster"] = json!("openai-anthropic");
        }
        let config = Config::shipped("chain.yaml").policy(&policy, Form::Struct);
        let fleet = Fleet::start(config).await;
        for caller in Speaks::ALL {
            for stream in [false, true] {
                for (fault, tries) in [
                    (json!({"text": SAID}), [1, 0]),
                    (json!({"status": 500}), [1, 1]),
                    (json!({"fault": "reset_before_head"}), [1, 1]),
                    (json!({"fault": "hang"}), [1, 1]),
                    (json!({"fault": "html"}), [1, 1]),
                ] {
                    let scripts = json!({"a": fault, "b": {"text": SAID}});
                    let ask = caller.ask(&call("smart", stream)).mock(&scripts);
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{fault}: {:?}", answer.body);
                    assert_eq!(caller.said(&answer, stream), SAID, "{fault}");
                    assert_eq!(fleet.tries(&ask), tries, "{fault}");
                    check_openai(&fleet, &ask);
                    if tries == [1, 1] {
                        check_anthropic(&fleet, &ask);
                    }
                }
            }
        }
        fleet.mock("a").stop().await;
        let answer = fleet.send(&Ask::chat(&call("smart", false))).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(answer.header("x-tollgate-backend"), "anthropic");
    });
}
