/*! Embeddings: texts in, numbers out. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Form, Stand, demo_policy, run};

fn ask(body: &Value) -> Ask {
    Ask::chat(body).path("/v1/embeddings")
}

async fn stand(change: impl FnOnce(&mut Value)) -> Stand {
    let mut policy = demo_policy();
    change(&mut policy);
    Stand::start(Config::gateway().policy(&policy, Form::Struct)).await
}

#[test]
fn numbers_come_back_and_only_the_prompt_counts() {
    run(async {
        let stand = stand(|policy| {
            policy["models"]["smart"]["targets"][0]["price"] = json!({"input": 1, "output": 1000});
            policy["tenants"]["acme"]["limits"] = json!([{"output_tokens": 1, "per": "day"}]);
        })
        .await;
        for format in ["float", "base64"] {
            let body = json!({"model": "smart", "input": ["a b", "c"], "dimensions": 1024,
                "encoding_format": format});
            let ask = ask(&body).mock(&json!({"usage": {"prompt_tokens": 3, "total_tokens": 3}}));
            let (answer, received) = stand.pass(&ask).await;
            assert_eq!(received.line, "POST /v1/embeddings");
            let mut wanted = body.clone();
            wanted["model"] = json!("gpt-5.1");
            assert_eq!(received.json(), wanted);
            let data = &answer.json()["data"];
            assert_eq!(data.as_array().unwrap().len(), 2);
            assert_eq!(data[1]["embedding"].is_string(), format == "base64");
            let record = stand.record(&ask).await;
            for (name, wanted) in [
                ("operation", json!("embeddings")),
                ("usage", json!("reported")),
                ("input_tokens", json!(3)),
                ("output_tokens", json!(0)),
                ("stream", json!(false)),
                ("outcome", json!("ok")),
            ] {
                assert_eq!(record[name], wanted, "{name}");
            }
            // Nothing of an answer is reserved: the limit of output stays as it is.
            let none = self::ask(&body).mock(&json!({"no_usage": true}));
            assert_eq!(stand.send(&none).await.status, 200);
            let record = stand.record(&none).await;
            assert_eq!(record["usage"], "estimated");
            assert_eq!(record["output_tokens"], 0);
        }
    });
}

#[test]
fn what_embeddings_are_of_is_guarded() {
    run(async {
        let stand = stand(|policy| {
            policy["guardrails"] = json!([
                {"name": "pii", "phase": "both", "detect": "personal_data", "action": "mask"},
                {"name": "keys", "phase": "input", "detect": "secrets", "action": "block"},
            ]);
        })
        .await;
        let body = |input: Value| json!({"model": "smart", "input": input});
        let texts = body(json!(["Ask quilliam@zwexford.org", "b"]));
        let (answer, received) = stand.pass(&ask(&texts)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            received.json()["input"],
            json!(["Ask <EMAIL_ADDRESS>", "b"])
        );
        assert_eq!(
            answer.json()["data"][1]["embedding"][2].as_f64(),
            Some(2.0 + 3.0 / 64.0)
        );
        for (input, code) in [
            (json!([1, 2, 3]), "unscannable_request"),
            (json!([[1, 2], [3]]), "unscannable_request"),
            (
                json!("ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS"),
                "content_filter",
            ),
            (json!([]), "invalid_value"),
            (json!(null), "missing_required_parameter"),
        ] {
            let ask = ask(&body(input));
            let answer = stand.send(&ask).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, code));
            assert!(stand.received(&ask).is_empty());
        }
    });
}

#[test]
fn providers_without_embeddings_are_not_asked() {
    run(async {
        let stand = stand(|policy| {
            policy["backends"]["mock"]["apis"] = json!(["chat_completions"]);
        })
        .await;
        let ask = ask(&json!({"model": "smart", "input": "a"}));
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "unsupported_api")
        );
        assert!(stand.received(&ask).is_empty());
    });
}
