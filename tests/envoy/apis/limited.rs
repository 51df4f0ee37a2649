/*! Limits: what is reserved for a call, what it used, and streams that end there. */

use super::{Api, BOTH};
use serde_json::{Value, json};
use tollgate_tests::{
    Answer, Ask, Config, Form, Protocol, Stand, demo_policy, eventually, run, stopping,
};

/// A gateway with this limit for tenant acme.
async fn limited(limit: Value) -> Stand {
    let mut policy = demo_policy();
    policy["tenants"]["acme"]["limits"] = json!([limit]);
    Stand::start(Config::gateway().policy(&policy, Form::Struct)).await
}

#[test]
fn what_a_call_may_take_is_reserved() {
    run(async {
        let stand = limited(json!({"output_tokens": 1000, "per": "hour"})).await;
        for api in BOTH {
            let with = |tokens: u64| {
                let mut body = api.body("hi", false);
                body[api.bound()] = json!(tokens);
                body
            };
            let ask = api.ask(&with(1001));
            let answer = stand.send(&ask).await;
            assert_eq!(answer.status, 429, "{api:?} {:?}", answer.body);
            assert!(stand.received(&ask).is_empty());
            let ask = api.ask(&with(900));
            assert_eq!(stand.send(&ask).await.status, 200, "{api:?}");
            // Five tokens are settled in its place.
            let ask = api.ask(&with(900));
            assert_eq!(stand.send(&ask).await.status, 200, "{api:?}");
        }
        let mut body = Api::Completions.body("hi", false);
        body["max_tokens"] = json!(100);
        for (name, value) in [
            ("n", json!(11)),
            ("best_of", json!(11)),
            ("prompt", json!(vec!["hi"; 11])),
        ] {
            let mut body = body.clone();
            body[name] = value;
            let answer = stand.send(&Ask::completion(&body)).await;
            assert_eq!(answer.status, 429, "{name}");
        }
        body["n"] = json!(9);
        assert_eq!(stand.send(&Ask::completion(&body)).await.status, 200);
    });
}

#[test]
fn callers_without_a_bound_get_one() {
    run(async {
        let mut policy = demo_policy();
        policy["tenants"]["acme"]["limits"] = json!([{"output_tokens": 1000, "per": "hour"}]);
        policy["ledger"] = json!({"default_output": 77});
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        for api in BOTH {
            let (answer, received) = stand.pass(&api.ask(&api.body("hi", true))).await;
            assert_eq!(answer.status, 200);
            // Completions have a default of their own, which is less.
            let wanted = match api {
                Api::Completions => 16,
                Api::Responses => 77,
            };
            assert_eq!(received.json()[api.bound()], wanted);
        }
    });
}

/// Sends until what earlier calls took no longer counts.
async fn admitted(stand: &Stand, ask: impl Fn() -> Ask) -> (Ask, Answer) {
    eventually("the call is admitted", 15, async || {
        let ask = ask();
        let answer = stand.send(&ask).await;
        (answer.status != 429).then_some((ask, answer))
    })
    .await
}

/// Why a stream has ended, in its own words.
fn reason(api: Api, answer: &Answer) -> Value {
    let mut events = answer.events();
    let last = events.pop().expect("events");
    match api {
        Api::Completions => last["choices"][0]["finish_reason"].clone(),
        Api::Responses => last["response"]["incomplete_details"]["reason"].clone(),
    }
}

#[test]
fn a_stream_ends_at_the_limit() {
    run(async {
        let policy = stopping(demo_policy());
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        for (api, word) in [
            (Api::Completions, "length"),
            (Api::Responses, "max_output_tokens"),
        ] {
            for (bound, protocol) in [(None, Protocol::Http1), (Some(8), Protocol::Http2)] {
                let mut body = api.body("Tell me something.", true);
                if let Some(bound) = bound {
                    body[api.bound()] = json!(bound);
                }
                let events = if bound.is_some() { 100 } else { 2000 };
                let script = json!({"events": events, "piece": 190, "piece_delay_ms": 2});
                let ask = || api.ask(&body).mock(&script).over(protocol);
                let (ask, answer) = admitted(&stand, ask).await;
                assert_eq!(answer.complete, bound.is_some(), "Envoy can only cut it");
                api.check(&answer);
                assert_eq!(reason(api, &answer), word);
                let said = api.streamed(&answer.events());
                assert!((10..200).contains(&said.len()), "{said}");
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "budget_exhausted");
                let (usage, tokens) = (&record["usage"], record["output_tokens"].as_u64());
                match bound {
                    // As the provider has told it, behind the end.
                    Some(_) => assert_eq!((usage, tokens), (&json!("reported"), Some(100))),
                    None => {
                        assert_eq!(usage, "estimated");
                        assert!((9..=30).contains(&tokens.unwrap_or(0)), "{record}");
                    }
                }
            }
        }
    });
}

#[test]
fn streams_without_usage_are_estimated() {
    run(async {
        let stand = Stand::shared().await;
        for api in BOTH {
            for stream in [false, true] {
                let ask = api
                    .ask(&api.body("hi", stream))
                    .mock(&json!({"no_usage": true}));
                assert_eq!(stand.send(&ask).await.status, 200);
                let record = stand.record(&ask).await;
                assert_eq!(record["usage"], "estimated", "{api:?} {stream}");
                if stream {
                    let tokens = record["output_tokens"].as_u64().unwrap_or(0);
                    assert!((5..=9).contains(&tokens), "{record}");
                }
            }
        }
    });
}
