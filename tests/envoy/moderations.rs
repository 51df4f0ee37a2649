/*! Moderations: texts and images in, scores out, for nothing. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Fleet, Form, Stand, demo_policy, fleet_policy, run};

fn ask(body: &Value) -> Ask {
    Ask::chat(body).path("/v1/moderations")
}

fn image(url: &str) -> Value {
    json!([{"type": "text", "text": "Ask quilliam@zwexford.org"},
        {"type": "image_url", "image_url": {"url": url}}])
}

/// One policy for all: blue is guarded, acme is not and has limits.
fn policy() -> Value {
    let mut policy = demo_policy();
    let moderation = json!({"targets": [{"backend": "mock", "model": "omni-moderation-2024"}]});
    policy["models"]["omni-moderation-latest"] = moderation.clone();
    policy["models"]["dear"] = moderation;
    policy["models"]["dear"]["targets"][0]["price"] =
        json!({"input": 1, "output": 1, "request": 0.002});
    let names = json!(["smart", "light", "omni-moderation-latest", "dear"]);
    policy["tenants"]["acme"]["models"] = names.clone();
    policy["tenants"]["blue"]["models"] = names;
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 100_000, "per": "day"}]);
    policy["guardrails"] = json!([
        {"name": "pii", "phase": "both", "tenants": ["blue"], "detect": "personal_data", "action": "mask"},
        {"name": "keys", "phase": "input", "tenants": ["blue"], "detect": "secrets", "action": "block"},
    ]);
    policy
}

#[test]
fn moderations_go_through_all_rooms() {
    run(async {
        let stand = Stand::start(Config::gateway().policy(&policy(), Form::Struct)).await;
        for (body, cost) in [
            (json!({"input": "one two"}), 0),
            (
                json!({"model": "omni-moderation-latest", "input": ["one", "two"]}),
                0,
            ),
            (
                json!({"model": "dear", "input": image("https://example.com/a.png")}),
                2_000_000,
            ),
        ] {
            let ask = ask(&body);
            let (answer, received) = stand.pass(&ask).await;
            assert_eq!(answer.status, 200);
            assert_eq!(received.line, "POST /v1/moderations");
            let mut wanted = body.clone();
            wanted["model"] = json!("omni-moderation-2024");
            assert_eq!(received.json(), wanted);
            assert_eq!(answer.json()["results"][0]["flagged"], json!(false));
            let record = stand.record(&ask).await;
            for (name, wanted) in [
                ("operation", json!("moderations")),
                ("output_tokens", json!(0)),
                ("outcome", json!("ok")),
            ] {
                assert_eq!(record[name], wanted, "{name}");
            }
            let nano = record["cost_nano_usd"].as_u64().unwrap();
            assert!((cost..cost + 50_000).contains(&nano), "{nano}");
            assert_eq!(cost == 0, nano == 0);
        }
        let free = stand.totals("omni-moderation-latest").await;
        assert_eq!((&free["calls"], &free["unpriced"]), (&json!(2), &json!(0)));

        // What leaves is guarded; the scores come back as they are.
        let guarded = ask(&json!({"input": ["Ask quilliam@zwexford.org"]})).key("demo-blue-key");
        let (answer, received) = stand.pass(&guarded).await;
        assert_eq!(received.json()["input"], json!(["Ask <EMAIL_ADDRESS>"]));
        let scores = &answer.json()["results"][0]["category_scores"];
        assert_eq!(scores["self-harm/intent"], json!(0.5));
        for (input, status, code) in [
            (
                image("https://example.com/a.png"),
                400,
                "unscannable_request",
            ),
            (
                image("data:image/png;base64,AAAA"),
                400,
                "unscannable_request",
            ),
            (
                json!("ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS"),
                400,
                "content_filter",
            ),
            (json!([]), 400, "invalid_value"),
        ] {
            let ask = ask(&json!({"input": input})).key("demo-blue-key");
            let answer = stand.send(&ask).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code));
            assert!(stand.received(&ask).is_empty());
        }
        let unknown = ask(&json!({"model": "none", "input": "a"}));
        assert_eq!(stand.send(&unknown).await.code(), "model_not_found");
        let method = Ask::new("GET", "/v1/moderations").key("demo-acme-key");
        assert_eq!(stand.send(&method).await.status, 405);
        counted_tokens(&stand).await;
    });
}

/// Where the provider is none of Anthropic's, Tollgate counts by itself.
async fn counted_tokens(stand: &Stand) {
    let count = |text: &str| {
        Ask::messages(&json!({"model": "smart", "messages": [{"role": "user", "content": text}]}))
            .path("/v1/messages/count_tokens")
    };
    let short = stand.send(&count("one two three")).await;
    let ask = count(&"one two three ".repeat(100));
    let long = stand.send(&ask).await;
    let tokens = |answer: &tollgate_tests::Answer| answer.json()["input_tokens"].as_u64().unwrap();
    assert!((4..20).contains(&tokens(&short)), "{}", short.text());
    assert!((250..400).contains(&tokens(&long)), "{}", long.text());
    assert!(stand.received(&ask).is_empty());
    let record = stand.record(&ask).await;
    for (name, wanted) in [
        ("operation", json!("count_tokens")),
        ("model", json!("smart")),
        ("outcome", json!("ok")),
        ("input_tokens", json!(0)),
        ("cost_nano_usd", json!(0)),
    ] {
        assert_eq!(record[name], wanted, "{name}");
    }
    let secret =
        count("ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS").header("x-api-key", "demo-blue-key");
    assert_eq!(stand.send(&secret).await.status, 400);
    let foreign =
        Ask::messages(&json!({"model": "x", "messages": [{"role": "user", "content": "a"}]}))
            .path("/v1/messages/count_tokens");
    assert_eq!(stand.send(&foreign).await.status, 404);
}

#[test]
fn backends_moderate_and_count() {
    run(async {
        let mut policy = fleet_policy();
        policy["tenants"]["acme"]["limits"] =
            json!([{"requests": 2, "per": "day"}, {"tokens": 1, "per": "day"}]);
        let fleet = Fleet::start(Config::fallback().policy(&policy, Form::Struct)).await;
        // Of `light` the first target is Anthropic's, of `smart` it is not.
        let count = |model: &str| {
            let text = "quite a long text of several words";
            Ask::messages(&json!({"model": model, "messages": [{"role": "user", "content": text}]}))
                .path("/v1/messages/count_tokens")
        };
        let ask = count("light");
        let answer = fleet.send(&ask).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"input_tokens": 7}))
        );
        let received = fleet.received("b", &ask);
        assert_eq!(received[0].line, "POST /v1/messages/count_tokens");
        assert_eq!(received[0].json()["model"], "claude-sonnet-4-5");
        let record = fleet.record(&ask).await;
        assert_eq!(
            (&record["input_tokens"], &record["usage"]),
            (&json!(0), &json!("reported"))
        );
        let here = count("smart");
        assert_eq!(fleet.send(&here).await.status, 200);
        assert_eq!(fleet.tries(&here).iter().sum::<usize>(), 0);
        // Tokens are not limited for it, requests are: two were made.
        let third = fleet.send(&count("light")).await;
        assert_eq!(
            (third.status, third.code().as_str()),
            (429, "rate_limit_exceeded")
        );
        // Anthropic has no moderations: the first target is passed over.
        let ask = self::ask(&json!({"model": "light", "input": "a"})).key("demo-blue-key");
        assert_eq!(fleet.send(&ask).await.status, 200);
        assert_eq!(fleet.received("a", &ask)[0].line, "POST /v1/moderations");
        assert!(fleet.received("b", &ask).is_empty());
    });
}
