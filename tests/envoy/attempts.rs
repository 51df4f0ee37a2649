/*! What tries of one call leave to each other. */

use serde_json::json;
use tollgate_tests::{Ask, Config, Fleet, Form, fleet_policy, run};

fn hello() -> serde_json::Value {
    json!({"model": "smart", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
}

/// Tries share one head: whatever a filter behind Tollgate's puts there for one provider
/// must be gone for the next, whatever its name, and so must the host.
#[test]
fn regression_any_header_and_the_host_of_a_provider_stay_with_it() {
    run(async {
        let mut policy = fleet_policy();
        for backend in ["openai", "anthropic"] {
            policy["backends"][backend]
                .as_object_mut()
                .unwrap()
                .remove("authority");
        }
        policy["backends"]["openai"]["authority"] = json!("openai.provider");
        let config = Config::fallback()
            .policy(&policy, Form::Struct)
            .replace("header: authorization", "header: x-vendor-secret");
        let fleet = Fleet::start(config).await;
        let ask = Ask::chat(&hello())
            .header("x-mine", "1")
            .mock(&json!({"a": {"status": 500}}));
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let first = fleet.received("a", &ask).remove(0);
        assert_eq!(first.header("x-vendor-secret"), "Bearer openai-demo-key");
        assert_eq!(first.authority, "openai.provider");
        let second = fleet.received("b", &ask).remove(0);
        assert_eq!(second.header("x-vendor-secret"), "");
        assert_eq!(second.authority, "gateway.test");
        assert_eq!(second.header("x-api-key"), "anthropic-demo-key");
        assert_eq!(second.header("x-mine"), "1");
    });
}

/// A first try that changes the body sets its length; the next one has another body.
#[test]
fn regression_a_body_that_fits_as_it_is_has_its_own_length_after_another_was_sent() {
    run(async {
        let mut policy = fleet_policy();
        policy["backends"]["anthropic"]["api"] = json!("openai");
        policy["models"]["smart"]["targets"] = json!([
            {"backend": "openai", "model": "a-name-that-is-much-longer"},
            {"backend": "anthropic", "model": "smart"},
        ]);
        let config = Config::fallback().policy(&policy, Form::Struct);
        let fleet = Fleet::start(config).await;
        let body = hello();
        for _ in 0..3 {
            let ask = Ask::chat(&body).mock(&json!({"a": {"status": 500}}));
            let answer = fleet.send(&ask).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            let received = fleet.received("b", &ask).remove(0);
            assert_eq!(received.body, body.to_string().as_bytes());
            let length = body.to_string().len().to_string();
            assert_eq!(received.header("content-length"), length);
        }
    });
}
