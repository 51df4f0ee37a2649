//! Responses in the background: charged when they are made, settled when they are read.

use super::*;

const BACKGROUND: &str =
    r#"{"model":"smart","input":"hi","background":true,"max_output_tokens":500}"#;

const GONE: &str = "downstream_remote_disconnect";

fn charged() -> Value {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] =
        json!([{"tokens": 1_000, "per": "day"}, {"usd": "1", "per": "day"}]);
    policy["tenants"]["acme"]["per_user"] = json!([{"output_tokens": 600, "per": "day"}]);
    policy["models"]["smart"]["targets"][0]["price"] = json!({"input": 1, "output": 10});
    policy["default_price"] = json!({"input": 1, "output": 10});
    policy
}

fn counts() -> Value {
    json!({"input_tokens": 9, "output_tokens": 4, "total_tokens": 13})
}

fn state(status: &str, usage: &Value) -> String {
    json!({"id": "resp_0a", "object": "response", "status": status, "background": true,
        "output": [], "usage": usage})
    .to_string()
}

/// Makes a response in the background; returns its id and the record.
fn queued(bench: &Bench) -> (String, Value) {
    let mut run = bench.run();
    let sent = send(&mut run, USER, BACKGROUND).unwrap();
    assert_eq!(sent["background"], true);
    run.answer("200", JSON);
    let told = replaced(run.data(&state("queued", &Value::Null), true));
    (told["id"].as_str().unwrap().to_owned(), run.done())
}

/// Reads a response; a call that reads is charged nothing, whatever it settles.
fn read(bench: &Bench, key: (&str, &str), id: &str, answer: &str) {
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[key], true));
    run.answer("200", JSON);
    assert_eq!(replaced(run.data(answer, true))["id"], id);
    says(
        &run.done(),
        json!({"input_tokens": 0, "output_tokens": 0, "cost_nano_usd": 0, "outcome": "ok"}),
    );
}

/// What is used of limits: tokens and nano-USD of the tenant, tokens of the answer of the user.
fn used(bench: &Bench) -> [u64; 3] {
    let page = |key| {
        let mut run = bench.run();
        let page = json_of(run.head("GET", "/tollgate/usage", &[key], true));
        let _ = run.done();
        page
    };
    let (tenant, user) = (page(ADMIN), page(USER));
    let limits = &tenant["limits"];
    [
        &limits[0]["used"],
        &limits[1]["used_nano_usd"],
        &user["per_user"][0]["used"],
    ]
    .map(|used| used.as_u64().unwrap())
}

const TOOK: [u64; 3] = [13, 9 * 1_000 + 4 * 10_000, 4];

#[test]
fn what_is_reserved_is_charged_until_the_response_is_read() {
    let bench = Bench::of(&charged());
    let (id, record) = queued(&bench);
    let input = record["input_tokens"].as_u64().unwrap();
    let cost = input * 1_000 + 5_000_000;
    says(
        &record,
        json!({"usage": "estimated", "output_tokens": 500, "outcome": "ok", "cost_nano_usd": cost}),
    );
    assert_eq!(bench.totals("acme", "smart"), [1, 1, 0, 0, input, 500]);
    let before = used(&bench);
    assert_eq!(before, [input + 500, cost, 500]);
    // While it is under way nothing changes, whatever is told; nor by what tells nothing.
    let counting = json!({"input_tokens": 1, "output_tokens": 1});
    for (status, usage) in [
        ("queued", &Value::Null),
        ("in_progress", &counting),
        ("cancelled", &Value::Null),
    ] {
        read(&bench, USER, &id, &state(status, usage));
        assert_eq!(used(&bench), before, "{status}");
    }
    for _ in 0..3 {
        read(&bench, USER, &id, &state("completed", &counts()));
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
        assert_eq!(used(&bench), TOOK);
    }
    let totals = Totals::read(&bench.host, &bench.gateway.space, "acme", "smart");
    assert_eq!(totals.cost_nano_usd, TOOK[1]);
}

#[test]
fn another_user_settles_all_but_the_limits_of_the_first_one() {
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    for _ in 0..2 {
        read(&bench, ADMIN, &id, &state("cancelled", &counts()));
        assert_eq!(used(&bench), [TOOK[0], TOOK[1], 500]);
    }
}

#[test]
fn what_took_more_than_was_reserved_is_charged_more() {
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    let usage = json!({"input_tokens": 9, "output_tokens": 700});
    read(&bench, USER, &id, &state("incomplete", &usage));
    assert_eq!(used(&bench), [709, 7_009_000, 700]);
    let refused = send(&mut bench.run(), USER, BACKGROUND).unwrap_err();
    assert_eq!(refused.0, 429);
}

#[test]
fn what_another_envoy_or_another_day_has_charged_stays_charged() {
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    let before = bench.totals("acme", "smart");
    let other = Bench::of(&charged());
    let empty = used(&other);
    read(&other, USER, &id, &state("completed", &counts()));
    assert_eq!(used(&other), empty);
    bench.after(25 * 3_600_000);
    read(&bench, USER, &id, &state("completed", &counts()));
    assert_eq!(bench.totals("acme", "smart"), before);
    assert_eq!(used(&bench), [0, 0, 0]);
}

#[test]
fn what_is_there_at_once_is_settled_at_once() {
    let bench = Bench::of(&charged());
    let mut run = bench.run();
    send(&mut run, USER, BACKGROUND).unwrap();
    run.answer("200", JSON);
    let told = replaced(run.data(&state("completed", &counts()), true));
    says(
        &run.done(),
        json!({"usage": "reported", "input_tokens": 9, "output_tokens": 4}),
    );
    let id = told["id"].as_str().unwrap();
    let more = json!({"input_tokens": 90, "output_tokens": 40});
    read(&bench, USER, id, &state("completed", &more));
    assert_eq!(used(&bench), TOOK);
}

fn event(name: &str, usage: &Value) -> String {
    let response = json!({"id": "resp_0a", "status": "in_progress", "usage": usage});
    let data = json!({"type": name, "response": response});
    format!("event: {name}\ndata: {data}\n\n")
}

/// The id in the text of an event.
fn id_in(on: OnData) -> String {
    let OnData::Replace(text) = on else {
        panic!("{on:?}")
    };
    let text = String::from_utf8(text).unwrap();
    let (_, id) = text.split_once(r#""id":""#).unwrap();
    id.split('"').next().unwrap().to_owned()
}

#[test]
fn a_stream_in_the_background_is_settled_by_its_end_or_when_it_is_read() {
    let body = BACKGROUND.replace('}', r#","stream":true}"#);
    for cut in [false, true] {
        let bench = Bench::of(&charged());
        let mut run = bench.run();
        send(&mut run, USER, &body).unwrap();
        run.answer("200", SSE);
        let id = id_in(run.data(&event("response.created", &Value::Null), false));
        if cut {
            says(
                &run.finish(200, GONE),
                json!({"usage": "estimated", "output_tokens": 500, "outcome": "client_closed"}),
            );
            assert_eq!(used(&bench)[2], 500);
        } else {
            assert_eq!(
                id_in(run.data(&event("response.completed", &counts()), true)),
                id
            );
            says(
                &run.done(),
                json!({"usage": "reported", "output_tokens": 4}),
            );
            assert_eq!(used(&bench), TOOK);
        }
        // It goes on as a stream, twice, and is read whole.
        for _ in 0..2 {
            let mut run = bench.run();
            let path = format!("{PATH}/{id}?stream=true&starting_after=0");
            let head = forwarded(run.head("GET", &path, &[USER], true));
            let sent = head.set.iter().find(|(name, _)| *name == ":path");
            assert!(sent.unwrap().1.ends_with("?stream=true&starting_after=0"));
            run.answer("200", SSE);
            let last = event("response.completed", &counts());
            assert_eq!(id_in(run.data(&last, true)), id);
            says(&run.done(), json!({"output_tokens": 0, "outcome": "ok"}));
            assert_eq!(used(&bench), TOOK);
            assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
        }
        read(&bench, USER, &id, &state("completed", &counts()));
        assert_eq!(used(&bench), TOOK);
    }
}

#[test]
fn errors_in_a_stream_name_the_callers_id() {
    let bench = Bench::of(&keeping());
    let mut run = bench.run();
    let body = BACKGROUND.replace('}', r#","stream":true}"#);
    send(&mut run, USER, &body).unwrap();
    run.answer("200", SSE);
    let id = id_in(run.data(&event("response.created", &Value::Null), false));
    let error = "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\
        \"message\":\"Response resp_0a failed.\",\"param\":null,\"sequence_number\":1}\n\n";
    let OnData::Replace(told) = run.data(error, true) else {
        panic!()
    };
    assert_eq!(
        String::from_utf8(told).unwrap(),
        error.replace("resp_0a", &id)
    );
}

#[test]
fn the_background_needs_a_secret_and_a_provider_that_stores() {
    for (policy, body, wanted) in [
        (policy(), BACKGROUND.to_owned(), "unsupported_parameter"),
        (
            keeping(),
            BACKGROUND.replace('}', r#","store":false}"#),
            "invalid_value",
        ),
    ] {
        let bench = Bench::of(&policy);
        let mut run = bench.run();
        let refused = send(&mut run, USER, &body).unwrap_err();
        assert_eq!(refused, (400, wanted.to_owned()));
    }
    let mut policy = keeping();
    policy["backends"]["far"]["apis"] = json!(["chat_completions"]);
    let bench = Bench::of(&policy);
    let refused = send(&mut bench.run(), USER, BACKGROUND).unwrap_err();
    assert_eq!(refused, (400, "unsupported_api".to_owned()));
}

fn streamed() -> String {
    BACKGROUND.replace('}', r#","stream":true}"#)
}

fn text(length: usize) -> String {
    let words = "word ".repeat(length);
    let data = json!({"type": "response.output_text.delta", "delta": words});
    format!("event: response.output_text.delta\ndata: {data}\n\n")
}

/// A stream in the background that tells `events` and ends, or is left by its caller.
fn told(bench: &Bench, body: &str, events: &[String], cut: bool) -> (String, Value) {
    let mut run = bench.run();
    send(&mut run, USER, body).unwrap();
    run.answer("200", SSE);
    let id = id_in(run.data(&event("response.created", &Value::Null), false));
    for event in events {
        run.data(event, false);
    }
    if cut {
        return (id, run.finish(200, GONE));
    }
    run.data("", true);
    (id, run.done())
}

#[test]
fn regression_a_stream_that_fails_is_settled_when_it_is_over() {
    let nothing = [0; 3];
    for (last, wanted) in [
        (event("response.failed", &counts()), TOOK),
        (event("response.cancelled", &counts()), TOOK),
        (event("response.failed", &Value::Null), nothing),
    ] {
        for cut in [false, true] {
            let bench = Bench::of(&charged());
            let (id, _) = told(&bench, &streamed(), std::slice::from_ref(&last), cut);
            assert_eq!(used(&bench), wanted, "{last} {cut}");
            // Nothing of it is open.
            let more = json!({"input_tokens": 90, "output_tokens": 40});
            read(&bench, USER, &id, &state("failed", &more));
            assert_eq!(used(&bench), wanted, "{last} {cut}");
        }
    }
    // What came before counts.
    let bench = Bench::of(&charged());
    let events = [text(50), event("response.failed", &Value::Null)];
    let (_, record) = told(&bench, &streamed(), &events, false);
    let output = record["output_tokens"].as_u64().unwrap();
    assert!((40..80).contains(&output), "{output}");
    assert_eq!(used(&bench)[2], output);
    // What is cancelled took something that is not told; an error may be the stream's alone.
    let error = "event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"m\"}\n\n";
    for last in [event("response.cancelled", &Value::Null), error.to_owned()] {
        let bench = Bench::of(&charged());
        let (id, _) = told(&bench, &streamed(), &[last], false);
        assert_eq!(used(&bench)[2], 500);
        read(&bench, USER, &id, &state("failed", &counts()));
        assert_eq!(used(&bench), TOOK);
    }
    // In the place of a response, it is all.
    let bench = Bench::of(&charged());
    let mut run = bench.run();
    send(&mut run, USER, &streamed()).unwrap();
    run.answer("200", SSE);
    run.data(error, true);
    says(&run.done(), json!({"output_tokens": 0, "cost_nano_usd": 0}));
    assert_eq!(used(&bench), nothing);
}

#[test]
fn regression_a_failed_response_that_is_read_gives_its_charge_back() {
    // Whole, and as a stream.
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    read(&bench, USER, &id, &state("failed", &Value::Null));
    assert_eq!(used(&bench), [0; 3]);
    for (last, usage, wanted) in [
        ("response.failed", Value::Null, [0; 3]),
        ("response.failed", counts(), TOOK),
        ("response.cancelled", counts(), TOOK),
    ] {
        let bench = Bench::of(&charged());
        let (id, _) = queued(&bench);
        let mut run = bench.run();
        let path = format!("{PATH}/{id}?stream=true");
        forwarded(run.head("GET", &path, &[USER], true));
        run.answer("200", SSE);
        run.data(&event(last, &usage), true);
        run.done();
        assert_eq!(used(&bench), wanted, "{last} {usage}");
    }
    // A cancelled one that tells nothing keeps its charge.
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}?stream=true"), &[USER], true));
    run.answer("200", SSE);
    run.data(&event("response.cancelled", &Value::Null), true);
    run.done();
    assert_eq!(used(&bench)[2], 500);
}

#[test]
fn regression_a_stream_in_the_background_is_charged_what_has_passed() {
    let body = json!({"model": "smart", "input": "hi", "background": true, "stream": true});
    for stop_at_limit in [false, true] {
        let mut policy = charged();
        policy["tenants"]["acme"]["limits"][0]["tokens"] = json!(100_000);
        policy["tenants"]["acme"]["per_user"][0]["output_tokens"] = json!(90_000);
        policy["ledger"] = json!({"default_output": {"tokens": 512, "soft": true},
            "stop_at_limit": stop_at_limit});
        let bench = Bench::of(&policy);
        let events = [text(1_000), text(1_000)];
        let (id, record) = told(&bench, &body.to_string(), &events, true);
        let output = record["output_tokens"].as_u64().unwrap();
        assert!((1_800..3_000).contains(&output), "{output}");
        assert_eq!(used(&bench)[2], output);
        assert_eq!(bench.totals("acme", "smart")[5], output);
        // The truth takes the place of all of it.
        read(&bench, USER, &id, &state("completed", &counts()));
        assert_eq!(used(&bench), TOOK);
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
    }
    // Without limits, too.
    let mut policy = charged();
    for member in ["limits", "per_user"] {
        policy["tenants"]["acme"]
            .as_object_mut()
            .unwrap()
            .remove(member);
    }
    let bench = Bench::of(&policy);
    let (id, record) = told(&bench, &body.to_string(), &[text(50)], true);
    let output = record["output_tokens"].as_u64().unwrap();
    assert!((40..80).contains(&output), "{output}");
    read(&bench, USER, &id, &state("completed", &counts()));
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
    // A whole answer has no text yet, whatever it repeats of the request.
    let mut run = bench.run();
    send(&mut run, USER, BACKGROUND).unwrap();
    run.answer("200", JSON);
    run.data(&state("queued", &Value::Null), true);
    says(&run.done(), json!({"output_tokens": 0}));
}

#[test]
fn regression_what_a_failed_response_says_names_no_account() {
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[USER], true));
    run.answer("200", JSON);
    let failed = json!({"id": "resp_0a", "status": "failed", "output": ["org-1234567890abc"],
        "error": {"code": "x", "message": "Limit in organization org-1234567890abc"}});
    let told = replaced(run.data(&failed.to_string(), true));
    assert_eq!(told["id"], id);
    let message = "Limit in organization org-*************";
    assert_eq!(told["error"]["message"], message);
    assert_eq!(told["output"], json!(["org-1234567890abc"]));
}
