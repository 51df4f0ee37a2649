//! Where the figures of refused calls come from.

use super::*;

const CHATS: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

fn limited(limit: Value) -> Bench {
    let mut policy = policy();
    policy["ledger"] = json!({"default_output": {"tokens": 4096}});
    for model in ["smart", "same"] {
        policy["models"][model]["targets"][0]["price"] = json!({"input": 1, "output": 1000});
    }
    policy["tenants"]["acme"]["limits"] = json!([limit]);
    Bench::of(&policy)
}

fn refused(bench: &Bench, path: &str, more: &str) -> String {
    let mut run = bench.run();
    assert_eq!(run.head("POST", path, &[USER], false), OnHead::Hold);
    let on = run.body(&format!(r#"{{"model":"smart",{more}}}"#));
    assert_eq!(refused_body(&on).0, 429);
    run.done();
    message(&on)
}

#[test]
fn regression_a_refused_call_is_told_what_its_answer_takes() {
    for (path, more, word) in [
        (
            "/v1/chat/completions",
            CHATS,
            "4096 for the answer (set max_completion_tokens to take less).",
        ),
        (
            "/v1/responses",
            r#""input":"hi""#,
            "4096 for the answer (set max_output_tokens to take less).",
        ),
        (
            "/v1/completions",
            r#""prompt":"hi","max_tokens":5000"#,
            "5000 for the answer (a lower bound takes less).",
        ),
        (
            "/v1/chat/completions",
            r#""max_tokens":5000,"messages":[{"role":"user","content":"hi"}]"#,
            "5000 for the answer (a lower bound takes less).",
        ),
        (
            "/v1/messages",
            r#""max_tokens":5000,"messages":[{"role":"user","content":"hi"}]"#,
            "5000 for the answer (a lower bound takes less).",
        ),
    ] {
        for (limit, begin) in [
            (
                json!({"tokens": 1000, "per": "day"}),
                "The limit of tenant 'acme' is 1000 tokens per day; this call may need ",
            ),
            (
                json!({"output_tokens": 1000, "per": "day"}),
                "The limit of tenant 'acme' is 1000 output tokens per day; this call may need ",
            ),
            (
                json!({"usd": 1, "per": "day"}),
                "The budget of tenant 'acme' leaves no room for this call.",
            ),
        ] {
            let told = refused(&limited(limit), path, more);
            assert!(told.starts_with(begin), "{told}");
            let end = format!(" Tokens counted in: {word}");
            assert!(told.ends_with(&end), "{told}");
        }
        // What has nothing to do with the answer says nothing of it.
        let bench = limited(json!({"input_tokens": 1, "per": "day"}));
        let told = refused(&bench, path, more);
        assert!(told.ends_with(", which is more than that."), "{told}");
    }
}

#[test]
fn of_requests_nothing_is_counted_in() {
    let bench = limited(json!({"requests": 1, "per": "day"}));
    let mut run = bench.run();
    run.head("POST", CHAT, &[USER], false);
    run.body(&format!(r#"{{"model":"smart",{CHATS}}}"#));
    let told = refused(&bench, CHAT, CHATS);
    assert!(!told.contains("counted in"), "{told}");
    run.done();
}
