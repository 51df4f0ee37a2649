/*! Guardrails that count only. */

use super::{HTTP, MAIL, SECRET, assert_untold, call, counted, metrics, policy, sent, stand};
use serde_json::json;
use tollgate_tests::{Speaks, run};

#[test]
fn monitors_change_nothing_and_count() {
    run(async {
        let rules = json!([
            {"name": "watch", "phase": "both", "detect": "personal_data", "action": "monitor"},
            {"name": "secrets", "phase": "both", "detect": "secrets", "action": "monitor"},
        ]);
        let stand = stand(&policy(&rules)).await;
        let mut calls = 0;
        for speaks in Speaks::ALL {
            for http in HTTP {
                for stream in [false, true] {
                    calls += 1;
                    let text = format!("I am {MAIL}, my token is {SECRET}.");
                    let script = json!({"text": text, "chars": 7});
                    let ask = speaks.ask(&call(&text, stream)).mock(&script).over(http);
                    let answer = stand.send(&ask).await;
                    assert_eq!(answer.status, 200);
                    assert_eq!(speaks.said(&answer, stream), text);
                    assert!(sent(&stand, &ask).to_string().contains(&text));
                    let record = stand.record(&ask).await;
                    assert_eq!(record["outcome"], "ok");
                    let found = record["guardrails"].as_array().unwrap();
                    let told: Vec<String> = found
                        .iter()
                        .map(|one| {
                            format!("{} {} {}", one["phase"], one["name"], one["action"])
                                .replace('"', "")
                        })
                        .collect();
                    assert_eq!(
                        told,
                        [
                            "input watch monitor",
                            "input secrets monitor",
                            "output watch monitor",
                            "output secrets monitor"
                        ],
                        "{record}"
                    );
                    for one in found {
                        if one["name"] == "watch" {
                            assert_eq!(one["found"], json!({"EMAIL_ADDRESS": 1}), "{record}");
                        }
                    }
                }
            }
        }
        let page = metrics(&stand).await;
        for phase in ["input", "output"] {
            let line = counted("watch", phase, "EMAIL_ADDRESS", "monitor", calls);
            assert!(page.contains(&line), "{line}{page}");
        }
        assert_untold(&stand, &[MAIL, SECRET]).await;
    });
}

/// Guardrails about the same: all count, the strongest decides.
#[test]
fn guardrails_over_the_same_text() {
    run(async {
        let rules = json!([
            {"name": "watch", "phase": "output", "entities": ["EMAIL_ADDRESS"], "action": "monitor"},
            {"name": "first", "phase": "output", "entities": ["EMAIL_ADDRESS"], "action": "mask", "mask": "keep_last_4"},
            {"name": "second", "phase": "output", "detect": "personal_data", "action": "mask"},
        ]);
        let stand = stand(&policy(&rules)).await;
        for speaks in Speaks::ALL {
            for stream in [false, true] {
                let script = json!({"text": format!("I am {MAIL}."), "chars": 3});
                let ask = speaks.ask(&call("hi", stream)).mock(&script);
                let answer = stand.send(&ask).await;
                let said = speaks.said(&answer, stream);
                assert!(said.ends_with(".org.") && !said.contains("quill"), "{said}");
                let record = stand.record(&ask).await;
                let found = record["guardrails"].as_array().unwrap();
                let names: Vec<&str> = found
                    .iter()
                    .map(|one| one["name"].as_str().unwrap())
                    .collect();
                assert_eq!(names, ["watch", "first", "second"]);
            }
        }
    });
}
