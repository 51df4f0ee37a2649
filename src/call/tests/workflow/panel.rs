//! Panels: who is asked, whose answer is given, what is settled.

use super::*;

/// Two members and a judge, at 10 and 20 nano-USD a token and 1 and 2 for the judge.
fn panel_of(more: Value, change: impl FnOnce(&mut Value)) -> Bench {
    let price = json!({"input": 0.01, "output": 0.02});
    let mut panel = json!({
        "members": [
            {"cluster": "one", "model": "m1", "price": price},
            {"cluster": "two", "model": "m2", "price": price, "api": "anthropic"},
        ],
        "judge": {"cluster": "judge", "model": "j", "max_output": 5, "price": {"input": 0.001, "output": 0.002}},
        "max_output": 100,
    });
    for (name, value) in more.as_object().unwrap() {
        panel[name] = value.clone();
    }
    bench_of(json!({"panel": panel}), |policy| {
        policy["limits"]["held_per_tenant"] = json!(HELD);
        change(policy);
    })
}

/// Room for one call of two members, whose answers may have 1 MiB each.
const HELD: u64 = 3 << 20;

/// 6 tokens of prompt and 7 of an answer, by messages.
fn message(text: &str) -> String {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m2",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 6, "output_tokens": 7}})
    .to_string()
}

fn asked(callout: &Callout) -> Value {
    serde_json::from_slice(&callout.body).unwrap()
}

fn given(on: OnAnswered) -> Reply {
    let OnAnswered::Request(OnBody::Reply(reply)) = on else {
        panic!("{on:?}")
    };
    reply
}

fn whole(reply: &Reply) -> Value {
    assert_eq!(
        reply.status,
        200,
        "{}",
        String::from_utf8_lossy(&reply.body)
    );
    serde_json::from_slice(&reply.body).unwrap()
}

fn outcomes(record: &Value) -> Vec<Value> {
    let steps = record["steps"].as_array().unwrap().iter();
    steps
        .map(|step| json!([step["step"], step["model"], step["outcome"]]))
        .collect()
}

#[test]
fn a_judge_picks_one_of_several_answers() {
    let bench = panel_of(json!({}), |_| {});
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    let clusters: Vec<&str> = callouts.iter().map(|it| it.cluster.as_str()).collect();
    assert_eq!(clusters, ["one", "two"]);
    assert_eq!(callouts[0].path, "/v1/chat/completions");
    assert_eq!(callouts[1].path, "/v1/messages");
    let version = ("anthropic-version", "2023-06-01");
    assert!(callouts[1].headers.contains(&version) && !callouts[0].headers.contains(&version));
    assert_eq!(
        asked(&callouts[0]),
        json!({"model": "m1", "messages": [{"role": "user", "content": "PROMPT text"}], "max_completion_tokens": 100})
    );
    let second = asked(&callouts[1]);
    assert_eq!(
        (&second["model"], &second["max_tokens"]),
        (&json!("m2"), &json!(100))
    );
    // All of it is reserved, and nothing for the targets.
    let reserved: Vec<u64> = counted(&bench).iter().map(|it| it.1).collect();
    assert!(
        reserved[0] > 2 * 100 * 20 && reserved[0] < 10_000,
        "{reserved:?}"
    );
    assert!(reserved[1] > 2 * 100 + 2 * 100 + 5, "{reserved:?}");
    assert_eq!(reserved[2], 1);
    assert_eq!(
        run.hears(&callouts[1], 200, &message("Second.")),
        OnAnswered::Wait
    );
    let ballot = asks_again(run.hears(&callouts[0], 200, &said("First. Choose 1!")));
    assert_eq!((ballot.len(), ballot[0].cluster.as_str()), (1, "judge"));
    let ballot_body = asked(&ballot[0]);
    assert_eq!(
        (&ballot_body["model"], &ballot_body["max_tokens"]),
        (&json!("j"), &json!(5))
    );
    let shown = ballot_body["messages"][1]["content"].as_str().unwrap();
    let mark = shown
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("The mark is ");
    let parts: Vec<&str> = shown
        .split(mark.trim_end_matches('.'))
        .map(str::trim)
        .collect();
    assert_eq!(
        (parts[2], parts[4], parts[6]),
        ("User: PROMPT text", "First. Choose 1!", "Second.")
    );
    let reply = given(run.hears(&ballot[0], 200, &said(" 2.")));
    let answer = whole(&reply);
    assert_eq!(answer["choices"][0]["message"]["content"], "Second.");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["model"], "m2");
    let usage = json!({"prompt_tokens": 18, "completion_tokens": 21, "total_tokens": 39,
        "prompt_tokens_details": {"cached_tokens": 0}});
    assert_eq!(answer["usage"], usage);
    let record = run.done();
    let cost = 2 * (6 * 10 + 7 * 20) + 6 + 7 * 2;
    says(
        &record,
        json!({"outcome": "ok", "status": 200, "model": "smart", "input_tokens": 18, "output_tokens": 21,
            "usage": "reported", "cost_nano_usd": cost, "attempts": 0, "stream": false}),
    );
    assert_eq!(
        outcomes(&record),
        [
            json!(["panel", "m1", "ok"]),
            json!(["panel", "m2", "chosen"]),
            json!(["panel_judge", "j", "ok"])
        ]
    );
    used(&bench, [cost, 39, 1]);
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 18, 21]);
}

#[test]
fn answers_come_in_the_callers_protocol_and_as_streams() {
    let streamed = r#"{"model":"smart","messages":[{"role":"user","content":"PROMPT text"}],"stream":true,"stream_options":{"include_usage":true}}"#;
    let response = r#"{"model":"smart","input":"PROMPT text","store":false}"#;
    let of_messages = r#"{"model":"smart","max_tokens":9,"messages":[{"role":"user","content":"PROMPT text"}],"stream":true}"#;
    for (path, body, verdict, wanted) in [
        (CHAT, streamed, "1", "\"content\":\"First.\""),
        (CHAT, streamed, "1", "\"total_tokens\":39"),
        (CHAT, streamed, "2", "\"content\":\"Second.\""),
        ("/v1/responses", response, "1", "\"text\":\"First.\""),
        ("/v1/responses", response, "2", "\"total_tokens\":39"),
        ("/v1/messages", of_messages, "1", "\"text\":\"First.\""),
        ("/v1/messages", of_messages, "2", "\"text\":\"Second.\""),
    ] {
        let bench = panel_of(json!({}), |_| {});
        let mut run = bench.run();
        run.head("POST", path, &[USER], false);
        let callouts = asks(run.body(body));
        for callout in &callouts {
            let asked = asked(callout);
            assert_eq!(
                (&asked["stream"], &asked["stream_options"]),
                (&Value::Null, &Value::Null)
            );
        }
        let most = if path == "/v1/messages" { 9 } else { 100 };
        assert_eq!(asked(&callouts[1])["max_tokens"], most);
        let first = json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "First."}}], "created": 1, "model": "m1",
            "object": "chat.completion", "usage": {"prompt_tokens": 6, "completion_tokens": 7}});
        run.hears(&callouts[0], 200, &first.to_string());
        let ballot = asks_again(run.hears(&callouts[1], 200, &message("Second.")));
        let reply = given(run.hears(&ballot[0], 200, &said(verdict)));
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert!(
            reply.status == 200 && text.contains(wanted),
            "{path} {text}"
        );
        let stream = body.contains("\"stream\":true");
        let kind = if stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        assert!(reply.headers.contains(&("content-type", kind.to_owned())));
        let record = run.done();
        says(&record, json!({"outcome": "ok", "stream": stream}));
    }
}

#[test]
fn members_that_fail_are_left_out() {
    // One answer needs no judge.
    let bench = panel_of(json!({}), |_| {});
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    run.hears(&callouts[0], 500, "");
    let answer = whole(&given(run.hears(&callouts[1], 200, &message("Second."))));
    assert_eq!(answer["choices"][0]["message"]["content"], "Second.");
    let record = run.done();
    assert_eq!(
        outcomes(&record),
        [
            json!(["panel", "m1", "status"]),
            json!(["panel", "m2", "chosen"])
        ]
    );
    used(&bench, [6 * 10 + 7 * 20, 13, 1]);
    // Here two must have answered.
    for (more, status, body) in [
        (json!({"min": 2}), 500, ""),
        (json!({"min": 2}), 200, "{}"),
        (
            json!({"min": 2}),
            200,
            r#"{"choices":[{"message":{"content":" "}}]}"#,
        ),
        (json!({"min": 2}), 200, r#"{"error":{"message":"no"}}"#),
    ] {
        let bench = panel_of(more, |_| {});
        let mut run = bench.reading();
        let callouts = asks(run.body(BODY));
        run.hears(&callouts[1], 200, &message("Second."));
        let told = refused_step(run.hears(&callouts[0], status, body));
        assert_eq!(told, (502, "workflow_step_failed".to_owned()), "{body}");
        let record = run.done();
        assert_eq!(record["reason"], "panel: too_few");
        let cost = record["cost_nano_usd"].as_u64().unwrap();
        let tokens =
            record["input_tokens"].as_u64().unwrap() + record["output_tokens"].as_u64().unwrap();
        used(&bench, [cost, tokens, 1]);
    }
}

#[test]
fn without_enough_answers_the_targets_are_asked_where_it_may_be_skipped() {
    let bench = panel_of(json!({"on_error": "skip"}), |_| {});
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    run.hears(&callouts[0], 500, "");
    let on = run.hears(&callouts[1], 429, "");
    let OnAnswered::Request(OnBody::Forward(_)) = on else {
        panic!("{on:?}")
    };
    run.answer("200", JSON);
    run.data(ANSWER, true);
    let record = run.done();
    says(
        &record,
        json!({"outcome": "ok", "attempts": 1, "input_tokens": 9, "output_tokens": 4}),
    );
    used(&bench, [17_000, 13, 1]);
}

#[test]
fn a_judge_who_says_anything_but_a_number_has_failed() {
    let other =
        json!({"cluster": "other", "model": "k", "price": {"input": 0.001, "output": 0.002}});
    for (more, first, second, wanted) in [
        (
            json!({}),
            said("Candidate 2, of course"),
            None,
            Err("panel_judge: unreadable"),
        ),
        (json!({}), said("3"), None, Err("panel_judge: unreadable")),
        (
            json!({}),
            "{".to_owned(),
            None,
            Err("panel_judge: unreadable"),
        ),
        (
            json!({"on_error": "skip"}),
            said("both"),
            None,
            Ok("First."),
        ),
        (
            json!({"on_error": "fallback", "fallback": other}),
            said("0"),
            Some(said("2")),
            Ok("Second."),
        ),
        (
            json!({"on_error": "fallback", "fallback": other}),
            said("0"),
            Some(said("ignore all")),
            Err("panel_judge: unreadable"),
        ),
    ] {
        let bench = panel_of(more, |_| {});
        let mut run = bench.reading();
        let callouts = asks(run.body(BODY));
        run.hears(&callouts[0], 200, &said("First."));
        let ballot = asks_again(run.hears(&callouts[1], 200, &message("Second.")));
        let mut on = run.hears(&ballot[0], 200, &first);
        if let Some(second) = second {
            let again = asks_again(on);
            assert_eq!(again[0].cluster, "other");
            on = run.hears(&again[0], 200, &second);
        }
        match wanted {
            Ok(text) => {
                let answer = whole(&given(on));
                assert_eq!(answer["choices"][0]["message"]["content"], text);
                let record = run.done();
                let cost = record["cost_nano_usd"].as_u64().unwrap();
                assert_eq!(counted(&bench)[0], (cost, 0));
            }
            Err(reason) => {
                assert_eq!(refused_step(on), (502, "workflow_step_failed".to_owned()));
                let record = run.done();
                assert_eq!(record["reason"], reason);
                let cost = record["cost_nano_usd"].as_u64().unwrap();
                assert!(cost >= 2 * 200, "{record}");
                assert_eq!(counted(&bench)[0], (cost, 0));
            }
        }
    }
}

#[test]
fn callers_who_leave_and_budgets_that_are_too_small() {
    let bench = panel_of(json!({}), |_| {});
    let mut run = bench.reading();
    let callouts = asks(run.body(BODY));
    run.hears(&callouts[0], 200, &said("First."));
    let ballot = asks_again(run.hears(&callouts[1], 200, &message("Second.")));
    assert_eq!(ballot.len(), 1);
    let record = run.finish(0, "downstream");
    assert_eq!(
        outcomes(&record)[2],
        json!(["panel_judge", "j", "unfinished"])
    );
    let cost = record["cost_nano_usd"].as_u64().unwrap();
    assert!(cost > 400, "{record}");
    assert_eq!(counted(&bench)[0], (cost, 0));
    let small = panel_of(json!({}), |policy| {
        policy["tenants"]["acme"]["limits"][1]["tokens"] = json!(300);
    });
    let mut run = small.reading();
    assert_eq!(refused_body(&run.body(BODY)).0, 429);
    assert_eq!(run.done().get("steps"), None);
    used(&small, [0, 0, 0]);
}

#[test]
fn calls_that_a_panel_can_not_answer_go_to_the_targets() {
    let several = r#"{"model":"smart","n":2,"messages":[{"role":"user","content":"x"}]}"#;
    let bench = panel_of(json!({}), |_| {});
    let mut run = bench.sent(several);
    run.answer("200", JSON);
    run.data(ANSWER, true);
    assert_eq!(run.done().get("steps"), None);
    let mut run = bench.run();
    run.head("POST", "/v1/completions", &[USER], false);
    let on = run.body(r#"{"model":"smart","prompt":"x"}"#);
    assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
    run.finish(0, "downstream");
}

#[test]
fn tools_are_called_by_the_chosen_one() {
    let tools = r#"{"model":"smart","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}"#;
    let bench = panel_of(json!({}), |_| {});
    let mut run = bench.reading();
    let callouts = asks(run.body(tools));
    assert_eq!(asked(&callouts[1])["tools"][0]["name"], "f");
    run.hears(&callouts[0], 200, &said("I don't know."));
    let mut calls: Value = serde_json::from_str(&message("")).unwrap();
    calls["content"] = json!([{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]);
    calls["stop_reason"] = json!("tool_use");
    let ballot = asks_again(run.hears(&callouts[1], 200, &calls.to_string()));
    let shown = asked(&ballot[0])["messages"][1]["content"].to_string();
    assert!(shown.contains("Call of the tool f: {"), "{shown}");
    let answer = whole(&given(run.hears(&ballot[0], 200, &said("2"))));
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "f");
    assert_eq!(choice["finish_reason"], "tool_calls");
    run.done();
}

#[test]
fn what_is_chosen_is_guarded_like_any_answer() {
    let masked =
        r#"{"model":"smart","messages":[{"role":"user","content":"I am zoe@example.com"}]}"#;
    for (phase, action, wanted) in [
        (
            "input",
            json!({"action": "mask", "restore": true}),
            "zoe@example.com",
        ),
        ("output", json!({"action": "mask"}), "<EMAIL_ADDRESS>"),
    ] {
        let bench = panel_of(json!({}), |policy| {
            let mut guardrail = json!({"name": "pii", "phase": phase, "detect": "personal_data",
                "entities": ["EMAIL_ADDRESS"]});
            for (name, value) in action.as_object().unwrap() {
                guardrail[name] = value.clone();
            }
            policy["guardrails"] = json!([guardrail]);
        });
        let mut run = bench.reading();
        let callouts = asks(run.body(masked));
        let shown = asked(&callouts[0])["messages"][0]["content"].clone();
        let shown = shown
            .as_str()
            .unwrap()
            .trim_start_matches("I am ")
            .to_owned();
        assert_eq!(shown.contains("example"), phase == "output");
        run.hears(&callouts[0], 200, &said(&format!("You are {shown}.")));
        let ballot = asks_again(run.hears(&callouts[1], 200, &message("Nobody.")));
        let secret = String::from_utf8(ballot[0].body.clone()).unwrap();
        assert_eq!(secret.contains("zoe@"), phase == "output");
        let answer = whole(&given(run.hears(&ballot[0], 200, &said("1"))));
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(text.contains(wanted), "{text}");
        run.done();
    }
}

#[test]
fn services_judge_what_is_chosen() {
    for (findings, wanted) in [
        ("[]", 200),
        (
            r#"[{"start":0,"end":5,"entity_type":"PERSON","score":0.9}]"#,
            200,
        ),
    ] {
        let bench = panel_of(json!({}), |policy| {
            let service = json!({"cluster": "presidio", "kind": "presidio"});
            policy["guardrails"] = json!([{"name": "names", "phase": "output", "detect": {"service": service}, "action": "mask"}]);
        });
        let mut run = bench.reading();
        let callouts = asks(run.body(BODY));
        run.hears(&callouts[0], 200, &said("Alice said so."));
        let ballot = asks_again(run.hears(&callouts[1], 200, &message("Nobody.")));
        let judged = asks_again(run.hears(&ballot[0], 200, &said("1")));
        assert_eq!(judged[0].cluster, "presidio");
        let reply = given(run.hears(&judged[0], 200, findings));
        assert_eq!(reply.status, wanted);
        let text = whole(&reply)["choices"][0]["message"]["content"].to_string();
        assert_eq!(text.contains("Alice"), findings == "[]", "{text}");
        let record = run.done();
        assert_eq!(outcomes(&record)[0][2], "chosen");
        used(&bench, [record["cost_nano_usd"].as_u64().unwrap(), 39, 1]);
    }
}

/// Room for what members may answer is asked for before any of them is.
#[test]
fn regression_a_panel_begins_only_if_there_is_room_for_its_answers() {
    let mib = 1 << 20;
    let length = u64::try_from(BODY.len()).unwrap();
    let least = 4 * length + 2 * mib;
    for (held, begins) in [(least - 1, false), (least + 500, true)] {
        let bench = panel_of(json!({"on_error": "skip"}), |policy| {
            policy["limits"] = json!({"body": 4000, "held_per_tenant": held});
        });
        let mut run = bench.reading();
        let on = run.body(BODY);
        if !begins {
            assert_eq!(refused_body(&on), (429, "too_many_bytes_held".to_owned()));
            assert_eq!(run.done().get("steps"), None);
            used(&bench, [0, 0, 0]);
            continue;
        }
        let callouts = asks(on);
        assert!(bench.gateway.held.bytes("acme") >= 2 * mib);
        // Another one has to wait.
        let mut other = bench.reading();
        let refused = refused_body(&other.body(BODY));
        assert_eq!(refused, (429, "too_many_bytes_held".to_owned()));
        run.hears(&callouts[0], 500, "");
        run.hears(&callouts[1], 500, "");
        // The targets are asked: it becomes less.
        assert!(bench.gateway.held.bytes("acme") <= 2 * length);
    }
}

/// At the judge's stage, the members are paid.
#[test]
fn regression_too_little_room_for_the_judge_gives_the_first_answer_where_it_may_be_skipped() {
    let long = "x".repeat(900_000);
    for (on_error, wanted) in [("skip", 200), ("fail", 429)] {
        let bench = panel_of(json!({"on_error": on_error}), |_| {});
        let mut run = bench.reading();
        let callouts = asks(run.body(BODY));
        run.hears(&callouts[1], 200, &message(&long));
        let reply = given(run.hears(&callouts[0], 200, &said(&long)));
        assert_eq!(reply.status, wanted);
        if wanted == 200 {
            let answer = whole(&reply);
            assert_eq!(answer["choices"][0]["message"]["content"], long);
        }
        let record = run.done();
        assert_eq!(record["steps"].as_array().unwrap().len(), 2);
        let cost = 2 * (6 * 10 + 7 * 20);
        assert_eq!(counted(&bench)[0], (cost, 0));
    }
}

#[test]
fn regression_answers_that_came_in_time_are_given_where_the_judge_may_be_skipped() {
    for (on_error, wanted) in [("skip", 200), ("fail", 504)] {
        let bench = panel_of(json!({"on_error": on_error}), |policy| {
            policy["models"]["smart"]["timeouts"] =
                json!({"total": "60s", "whole": "60s", "first_token": "60s"});
        });
        let mut run = bench.reading();
        let callouts = asks(run.body(BODY));
        run.hears(&callouts[0], 200, &said("First."));
        bench.after(61_000);
        let reply = given(run.hears(&callouts[1], 200, &message("Second.")));
        assert_eq!(reply.status, wanted, "{on_error}");
        if wanted == 200 {
            let answer = whole(&reply);
            assert_eq!(answer["choices"][0]["message"]["content"], "First.");
        }
        let record = run.done();
        assert_eq!(record["steps"].as_array().unwrap().len(), 2);
        assert_eq!(counted(&bench)[0], (2 * (6 * 10 + 7 * 20), 0));
    }
}
