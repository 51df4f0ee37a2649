/*! A provider fails, and another one of the same API answers. */

use super::{Api, BOTH};
use serde_json::{Value, json};
use tollgate_tests::{Config, Fleet, Form, Lease, fleet_policy, hasty, run};

/// Two providers of OpenAI's APIs: `smart` tries mock `a` first.
fn policy() -> Value {
    let mut policy = fleet_policy();
    policy["backends"]["anthropic"]["api"] = json!("openai");
    hasty(policy)
}

fn config(policy: &Value) -> Config {
    // A stream that hangs after its first content ends with Envoy's idle limit.
    let config = Config::fallback().policy(policy, Form::Struct);
    config.replace("idle_timeout: 300s", "idle_timeout: 2s")
}

async fn fleet(policy: &Value) -> Lease<Fleet> {
    Fleet::of(config(policy)).await
}

/// Faults of the first provider that move whole answers and streams to the next.
fn faults() -> Vec<Value> {
    let mut faults: Vec<Value> = [500, 503, 529, 401, 404, 429]
        .map(|status| json!({"status": status}))
        .into();
    let named = [
        "reset_before_head",
        "reset_after_head",
        "hang",
        "hang_before_content",
        "empty",
        "garbage",
        "html",
        "error",
    ];
    faults.extend(named.map(|fault| json!({ "fault": fault })));
    faults
}

#[test]
fn the_next_provider_answers() {
    run(async {
        // Rate limits would put a target last for other tests' calls, too, for a moment.
        let fleet = Fleet::start(config(&policy())).await;
        for fault in faults() {
            for api in BOTH {
                for stream in [false, true] {
                    let what = format!("{api:?} stream: {stream} {fault}");
                    let scripts = json!({"a": fault, "b": {"text": "It rains in Köln. "}});
                    let ask = api.ask(&api.body("hi", stream)).mock(&scripts);
                    let answer = fleet.send(&ask).await;
                    assert_eq!(answer.status, 200, "{what}: {:?}", answer.body);
                    assert_eq!(fleet.tries(&ask), [1, 1], "{what}");
                    let said = if stream {
                        api.check(&answer);
                        api.streamed(&answer.events())
                    } else {
                        api.said(&answer.json())
                    };
                    assert_eq!(said, "It rains in Köln. ", "{what}");
                    assert_eq!(answer.header("x-tollgate-attempts"), "2", "{what}");
                    let received = fleet.received("b", &ask).remove(0);
                    assert_eq!(received.path(), api.path());
                    assert_eq!(received.json()["model"], "claude-sonnet-4-5");
                    let record = fleet.record(&ask).await;
                    assert_eq!(record["outcome"], "ok", "{what}");
                    assert_eq!(record["backend"], "anthropic", "{what}");
                }
            }
        }
    });
}

#[test]
fn a_refusal_for_the_requests_sake_stays() {
    run(async {
        let fleet = fleet(&policy()).await;
        for api in BOTH {
            for stream in [false, true] {
                let scripts = json!({"a": {"status": 400, "text": "no such thing"}});
                let ask = api.ask(&api.body("hi", stream)).mock(&scripts);
                let answer = fleet.send(&ask).await;
                assert_eq!((answer.status, fleet.tries(&ask)), (400, vec![1, 0]));
                assert_eq!(answer.json()["error"]["message"], "no such thing");
            }
        }
    });
}

#[test]
fn a_stream_that_fails_later_ends_in_an_error() {
    run(async {
        let fleet = fleet(&policy()).await;
        for api in BOTH {
            for fault in ["end_mid_body", "error_mid_body"] {
                let scripts = json!({"a": {"fault": fault, "text": "It may not end "}});
                let ask = api.ask(&api.body("hi", true)).mock(&scripts);
                let answer = fleet.send(&ask).await;
                assert_eq!((answer.status, fleet.tries(&ask)), (200, vec![1, 0]));
                let last = answer.events().pop().expect("events");
                let error = if last["type"] == "response.failed" {
                    &last["response"]["error"]
                } else {
                    &last["error"]
                };
                assert!(error["message"].is_string(), "{api:?} {fault} {last}");
                let record = fleet.record(&ask).await;
                let wanted = match fault {
                    "end_mid_body" => "upstream_incomplete",
                    _ => "upstream_error",
                };
                assert_eq!(record["outcome"], wanted, "{api:?} {fault}");
            }
        }
    });
}

#[test]
fn an_error_event_of_responses_has_a_type() {
    run(async {
        let fleet = fleet(&policy()).await;
        let scripts = json!({"a": {"fault": "end_mid_body", "text": "It may not end "}});
        let ask = Api::Responses
            .ask(&Api::Responses.body("hi", true))
            .mock(&scripts);
        let answer = fleet.send(&ask).await;
        let last = answer.events().pop().expect("events");
        assert_eq!(last["type"], "error");
        assert_eq!(last["error"]["code"], "upstream_incomplete");
        assert!(answer.text().contains("\nevent: error\ndata: "));
    });
}

#[test]
fn only_targets_that_have_the_api_are_tried() {
    run(async {
        // As it is: `light` has Anthropic's target first.
        let fleet = fleet(&fleet_policy()).await;
        // Responses are translated; completions can't be.
        let api = Api::Completions;
        let mut body = api.body("hi", false);
        body["model"] = json!("light");
        let ask = api.ask(&body);
        let answer = fleet.send(&ask).await;
        assert_eq!((answer.status, fleet.tries(&ask)), (200, vec![1, 0]));
        let ask = api.ask(&body).mock(&json!({"a": {"status": 500}}));
        let answer = fleet.send(&ask).await;
        assert_eq!((answer.status, fleet.tries(&ask)), (500, vec![1, 0]));
        let mut policy = fleet_policy();
        let anthropic = policy["models"]["light"]["targets"][0].clone();
        policy["models"]["light"]["targets"] = json!([anthropic]);
        let fleet = self::fleet(&policy).await;
        let ask = api.ask(&body);
        let answer = fleet.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "unsupported_api")
        );
        assert_eq!(fleet.tries(&ask), [0, 0]);
    });
}

#[test]
fn the_instructions_that_a_response_repeats_do_not_hinder() {
    run(async {
        let fleet = fleet(&policy()).await;
        let mut body = Api::Responses.body("hi", true);
        body["instructions"] = json!("Be brief. ".repeat(4000));
        let scripts = json!({"a": {"fault": "hang_before_content"}});
        let ask = Api::Responses.ask(&body).mock(&scripts);
        let answer = fleet.send(&ask).await;
        assert_eq!((answer.status, fleet.tries(&ask)), (200, vec![1, 1]));
        Api::Responses.check(&answer);
    });
}
