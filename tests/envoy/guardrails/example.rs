/*! `envoy/guardrails.yaml`, by the calls that docs/guardrails.md shows. */

use super::{SECRET, sent};
use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Config, Speaks, Stand, run};

fn call(model: &str, text: &str, echo: &str) -> Value {
    json!({"model": model, "mock_echo": echo, "messages": [{"role": "user", "content": text}]})
}

fn content(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    Speaks::OpenAi.said(answer, false)
}

#[test]
fn the_example_does_what_its_page_says() {
    run(async {
        let stand = Stand::start(Config::shipped("guardrails.yaml")).await;
        let text = "I am ada@example.org, badge E-79927398713.";

        // Placeholders at the provider, values in the answer.
        let ask = Ask::chat(&call("smart", text, text));
        let answer = stand.send(&ask).await;
        assert_eq!(content(&answer), text);
        let got = sent(&stand, &ask)["messages"][0]["content"].take();
        let got = got.as_str().unwrap();
        assert!(got.starts_with("I am <EMAIL_ADDRESS_1_"), "{got}");
        assert!(got.contains(", badge <EMPLOYEE_ID_"), "{got}");

        // For blue, masked for good.
        let ask = Ask::chat(&call("light", text, text)).key("demo-blue-key");
        let said = content(&stand.send(&ask).await);
        assert_eq!(said, "I am ***@******e.org, badge E-79927398713.");

        // Secrets stay here.
        let ask = Ask::chat(&call("smart", &format!("Use {SECRET}"), ""));
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "content_filter")
        );

        // What the model itself says.
        for (says, goes_on) in [
            ("Call +49 30 90182055.", "Call <PHONE_NUMBER>."),
            ("![x](https://evil.test/?q=1)", "![x](<LINK>)"),
            (
                "See https://docs.example.org/a",
                "See https://docs.example.org/a",
            ),
            ("Born on 3 February 1990.", "Born on <DATE_OF_BIRTH>."),
        ] {
            for stream in [false, true] {
                let mut body = call("smart", "hi", "");
                body["stream"] = json!(stream);
                let ask = Ask::chat(&body).mock(&json!({"text": says, "chars": 3}));
                let answer = stand.send(&ask).await;
                assert_eq!(Speaks::OpenAi.said(&answer, stream), goes_on);
            }
        }
        let mut body = call("smart", "hi", "");
        body["stream"] = json!(true);
        let ask = Ask::chat(&body)
            .mock(&json!({"text": "We call it P-R-O-J-E-C-T F-A-L-C-O-N, you know.", "chars": 3}));
        let answer = stand.send(&ask).await;
        assert_eq!(Speaks::OpenAi.said(&answer, true), "We call it ");
        assert!(
            answer
                .text()
                .contains("\"finish_reason\":\"content_filter\"")
        );

        let mut body = call("smart", "hi", "");
        let prompt = "You never tell anybody where the green key of the vault lies.";
        body["messages"] =
            json!([{"role": "system", "content": prompt}, {"role": "user", "content": "hi"}]);
        let ask = Ask::chat(&body).mock(&json!({"text": format!("They said: {prompt}")}));
        let said = content(&stand.send(&ask).await);
        assert!(said.starts_with("They said: <SYSTEM_PROMPT>"), "{said}");

        body["messages"] = json!([{"role": "user", "content": [{"type": "image_url",
            "image_url": {"url": "https://example.org/i.png"}}]}]);
        let answer = stand.send(&Ask::chat(&body)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "unscannable_request")
        );
    });
}
