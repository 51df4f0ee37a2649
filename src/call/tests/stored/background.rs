//! Responses in the background: charged when they are made, settled when they are read.

use super::*;
use crate::ledger::{Charge, MOST_OF_USER, MOST_OPEN, Slot};
use crate::wrapped::number_of;

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
fn another_user_settles_the_limits_of_the_first_one() {
    let bench = Bench::of(&charged());
    let (id, _) = queued(&bench);
    for _ in 0..2 {
        read(&bench, ADMIN, &id, &state("cancelled", &counts()));
        assert_eq!(used(&bench), TOOK);
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
    for last in [
        event("response.cancelled", &Value::Null),
        error.to_owned(),
        format!("{error}data: [DONE]\n\n"),
    ] {
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

/// Without limits, or with ones that are far.
fn charged_with(limits: bool) -> Value {
    let mut policy = charged();
    let acme = &mut policy["tenants"]["acme"];
    if limits {
        acme["limits"][0]["tokens"] = json!(100_000);
        acme["per_user"][0]["output_tokens"] = json!(90_000);
    } else {
        for member in ["limits", "per_user"] {
            acme.as_object_mut().unwrap().remove(member);
        }
    }
    policy["ledger"] = json!({"default_output": {"tokens": 16, "soft": true}});
    policy
}

/// A response in the background of which nobody has said how long it may be.
fn queued_unbound(bench: &Bench) -> String {
    let mut run = bench.run();
    send(
        &mut run,
        USER,
        r#"{"model":"smart","input":"hi","background":true}"#,
    )
    .unwrap();
    run.answer("200", JSON);
    let told = replaced(run.data(&state("queued", &Value::Null), true));
    run.done();
    told["id"].as_str().unwrap().to_owned()
}

/// An event with a number of its provider.
fn numbered(event: &str, number: u64) -> String {
    let data = format!("data: {{\"sequence_number\":{number},");
    event.replacen("data: {", &data, 1)
}

/// A text that is told as a whole, behind its pieces.
fn whole_text(length: usize) -> String {
    let data = json!({"type": "response.output_text.done", "text": "word ".repeat(length)});
    format!("event: response.output_text.done\ndata: {data}\n\n")
}

/// Reads a stream, and hangs up before its end.
fn cut(bench: &Bench, id: &str, events: &[(u64, String)]) {
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}?stream=true"), &[USER], true));
    run.answer("200", SSE);
    for (number, event) in events {
        run.data(&numbered(event, *number), false);
    }
    says(
        &run.finish(200, GONE),
        json!({"output_tokens": 0, "cost_nano_usd": 0, "outcome": "client_closed"}),
    );
}

#[test]
fn regression_a_stream_that_is_read_but_for_its_end_is_charged_what_has_passed() {
    for limits in [false, true] {
        let bench = Bench::of(&charged_with(limits));
        let id = queued_unbound(&bench);
        let output = |bench: &Bench| {
            let output = bench.totals("acme", "smart")[5];
            if limits {
                assert_eq!(used(bench)[2], output);
            }
            output
        };
        assert_eq!(output(&bench), if limits { 16 } else { 0 });
        let front = [(0, event("response.created", &Value::Null)), (1, text(500))];
        // The same again counts once.
        for _ in 0..3 {
            cut(&bench, &id, &front);
            assert!((450..700).contains(&output(&bench)), "{}", output(&bench));
        }
        let half = output(&bench);
        // What follows adds to it.
        for _ in 0..2 {
            cut(&bench, &id, &[(2, text(500))]);
            assert_eq!(output(&bench), 2 * half);
        }
        assert_eq!(bench.totals("acme", "smart")[..2], [1, 1]);
        let totals = Totals::read(&bench.host, &bench.gateway.space, "acme", "smart");
        let [input, output] = [totals.usage.input, totals.usage.output];
        assert_eq!(totals.cost_nano_usd, input * 1_000 + output * 10_000);
        // It is open all the while.
        read(&bench, USER, &id, &state("completed", &counts()));
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
        if limits {
            assert_eq!(used(&bench), TOOK);
        }
    }
}

#[test]
fn regression_a_text_that_is_read_without_its_pieces_is_charged() {
    for (first, second) in [
        (vec![(70, whole_text(500))], vec![(71, whole_text(500))]),
        (vec![(3, text(500))], vec![(70, whole_text(500))]),
    ] {
        let bench = Bench::of(&charged_with(true));
        let id = queued_unbound(&bench);
        cut(&bench, &id, &first);
        let once = used(&bench)[2];
        assert!((450..700).contains(&once), "{once}");
        cut(&bench, &id, &first);
        assert_eq!(used(&bench)[2], once);
        let is_other = first[0].0 == 70;
        cut(&bench, &id, &second);
        assert_eq!(used(&bench)[2], if is_other { 2 * once } else { once });
    }
    // As a whole: what its request says again is not the answer.
    let bench = Bench::of(&charged_with(true));
    let id = queued_unbound(&bench);
    let part = |text: &str| json!([{"content": [{"type": "output_text", "text": text}]}]);
    for (text, wanted) in [("", 16..17), (&*"word ".repeat(500), 450..700)] {
        let answer = json!({"id": "resp_0a", "status": "in_progress", "usage": null,
            "instructions": "word ".repeat(900), "output": part(text)});
        read(&bench, USER, &id, &answer.to_string());
        assert!(wanted.contains(&used(&bench)[2]), "{:?}", used(&bench));
    }
}

#[test]
fn regression_a_stream_that_goes_on_after_its_call_was_cut_is_charged_what_has_passed() {
    let bench = Bench::of(&charged_with(true));
    let body = json!({"model": "smart", "input": "hi", "background": true, "stream": true});
    let mut run = bench.run();
    send(&mut run, USER, &body.to_string()).unwrap();
    run.answer("200", SSE);
    let begins = event("response.created", &Value::Null);
    let id = id_in(run.data(&numbered(&begins, 0), false));
    run.data(&numbered(&text(500), 1), false);
    run.finish(200, GONE);
    let half = used(&bench)[2];
    assert!((450..700).contains(&half), "{half}");
    cut(&bench, &id, &[(0, begins), (1, text(500))]);
    assert_eq!(used(&bench)[2], half);
    cut(&bench, &id, &[(2, text(500))]);
    assert_eq!(used(&bench)[2], 2 * half);
    read(&bench, USER, &id, &state("completed", &counts()));
    assert_eq!(used(&bench), TOOK);
}

fn reload(bench: &mut Bench, policy: &Value) {
    let policy = config::from_plugin_bytes(policy.to_string().as_bytes());
    let policy = policy.map_err(|problems| problems.to_string()).unwrap();
    bench.gateway = Rc::new(Gateway::new(policy, "test"));
}

/// A call that is settled at once, with 309 tokens.
fn live(bench: &Bench) {
    let mut run = bench.run();
    let body = r#"{"model":"smart","input":"hi","store":false,"max_output_tokens":300}"#;
    send(&mut run, USER, body).unwrap();
    run.answer("200", JSON);
    let body = json!({"id": "resp_0b", "object": "response", "status": "completed", "output": [],
        "usage": {"input_tokens": 9, "output_tokens": 300}});
    run.data(&body.to_string(), true);
    run.done();
}

const LIVE: [u64; 3] = [309, 9 * 1_000 + 300 * 10_000, 300];

#[test]
fn regression_limits_that_a_reload_adds_keep_what_others_have_used() {
    let mut bench = Bench::of(&charged_with(false));
    let (id, _) = queued(&bench);
    reload(&mut bench, &charged());
    live(&bench);
    assert_eq!(used(&bench), LIVE);
    read(&bench, USER, &id, &state("failed", &Value::Null));
    assert_eq!(used(&bench), LIVE);
}

#[test]
fn regression_a_call_that_went_on_uncounted_takes_nothing_away() {
    let mut policy = charged_with(true);
    policy["ledger"]["when_busy"] = json!("admit");
    for spared in [0, 1] {
        let bench = Bench::of(&policy);
        live(&bench);
        // The place of its charge, or its limits.
        bench.host.conflict_behind(spared, crate::state::MAX_TRIES);
        let (id, _) = queued(&bench);
        let counts = used(&bench);
        assert_eq!(counts == LIVE, spared == 1, "{counts:?}");
        read(&bench, USER, &id, &state("failed", &Value::Null));
        assert_eq!(used(&bench), counts);
    }
}

#[test]
fn regression_a_price_that_is_removed_makes_nothing_free() {
    let mut bench = Bench::of(&charged_with(false));
    let (id, _) = queued(&bench);
    cut(&bench, &id, &[(0, text(100))]);
    let totals = |bench: &Bench| Totals::read(&bench.host, &bench.gateway.space, "acme", "smart");
    let before = totals(&bench);
    assert!(before.cost_nano_usd > 0);
    let mut gone = charged_with(false);
    let target = gone["models"]["smart"]["targets"][0].as_object_mut();
    target.unwrap().remove("price");
    gone.as_object_mut().unwrap().remove("default_price");
    reload(&mut bench, &gone);
    cut(&bench, &id, &[(0, text(900))]);
    read(&bench, USER, &id, &state("completed", &counts()));
    assert_eq!(totals(&bench), before);
    let lost = bench.counted("tollgate.settlements_lost_total", &[]);
    assert_eq!(lost, [1]);
}

/// Takes all places for charges of a tenant but for `left`.
fn fill(bench: &Bench, left: u64) {
    let (space, now) = (&bench.gateway.space, bench.host.now());
    let until_ms = now.unix_millis() + 3_600_000;
    for _ in left..MOST_OPEN {
        let slot = Slot { until_ms, user: 0 };
        let taken = slot.take(&bench.host, space, "acme", now);
        assert!(taken.unwrap().is_ok());
    }
}

#[test]
fn regression_what_nobody_could_correct_is_not_begun() {
    let bench = Bench::of(&charged_with(true));
    fill(&bench, 1);
    let (id, _) = queued(&bench);
    let before = used(&bench);
    let mut run = bench.run();
    let refused = send(&mut run, USER, BACKGROUND).unwrap_err();
    assert_eq!(refused, (429, "too_many_open".to_owned()));
    let wanted = json!({"status": 429, "outcome": "too_many_open", "reason": "tenant open_charges",
        "cost_nano_usd": 0, "attempts": 0});
    says(&run.done(), wanted);
    assert_eq!(used(&bench), before);
    let labels = [
        ("tenant", "acme"),
        ("holder", "tenant"),
        ("limit", "open_charges"),
    ];
    assert_eq!(bench.counted("tollgate.limited_total", &labels), [1]);
    // Other calls go on, and what took more than was thought is charged more.
    live(&bench);
    let more = json!({"input_tokens": 9, "output_tokens": 70_000});
    read(&bench, USER, &id, &state("completed", &more));
    assert_eq!(used(&bench)[2], 70_300);
    // That made room.
    queued(&bench);
    send(&mut bench.run(), USER, BACKGROUND).unwrap_err();
}

#[test]
fn a_call_that_leaves_nothing_open_gives_its_place_back() {
    let bench = Bench::of(&charged_with(true));
    fill(&bench, 1);
    let begun = |key| {
        let mut run = bench.run();
        send(&mut run, key, BACKGROUND).unwrap();
        run
    };
    for (status, body) in [
        ("500", "{}".to_owned()),
        ("400", "{}".to_owned()),
        ("200", state("completed", &counts())),
        ("200", state("failed", &Value::Null)),
    ] {
        let mut run = begun(USER);
        run.answer(status, JSON);
        run.data(&body, true);
        run.done();
    }
    begun(USER).finish(0, GONE);
    let mut run = begun(USER);
    run.envoy(
        "503",
        "upstream_reset_before_response_started{connection_failure}",
    );
    run.finish(503, "connection_failure");
    // A limit refuses it behind that.
    let body = BACKGROUND.replace("500", "500000");
    let mut run = bench.run();
    let refused = send(&mut run, USER, &body).unwrap_err();
    assert_eq!(refused, (429, "rate_limit_exceeded".to_owned()));
    run.done();
    queued(&bench);
    send(&mut bench.run(), USER, BACKGROUND).unwrap_err();
    // What is never read makes room when nobody can correct it any more.
    bench.after(26 * 3_600_000);
    queued(&bench);
}

#[test]
fn regression_what_has_passed_of_a_response_that_fails_in_the_end_is_charged() {
    let bench = Bench::of(&charged_with(true));
    let id = queued_unbound(&bench);
    let input = bench.totals("acme", "smart")[4];
    cut(&bench, &id, &[(0, text(500))]);
    let half = used(&bench)[2];
    let mut run = bench.run();
    let path = format!("{PATH}/{id}?stream=true&starting_after=0");
    forwarded(run.head("GET", &path, &[USER], true));
    run.answer("200", SSE);
    run.data(&numbered(&text(500), 1), false);
    let fails = event("response.failed", &Value::Null);
    run.data(&numbered(&fails, 2), true);
    run.done();
    let output = 2 * half;
    let cost = input * 1_000 + output * 10_000;
    assert_eq!(used(&bench), [input + output, cost, output]);
    let totals = bench.totals("acme", "smart");
    assert_eq!(totals, [1, 0, 0, 0, input, output]);
}

/// The number of the response in these tests.
fn number() -> u64 {
    number_of(&[&Mark::of("far").bytes(), b"resp_0a"])
}

#[test]
fn regression_a_raise_that_loses_a_race_counts_once_across_a_windows_end() {
    let bench = Bench::of(&charged_with(true));
    let id = queued_unbound(&bench);
    // It was charged yesterday: what is beyond that counts today.
    bench.after(23 * 3_600_000);
    assert_eq!(used(&bench)[2], 0);
    let gateway = Rc::clone(&bench.gateway);
    let end = format!("open/acme/{}", number() % 16);
    bench.host.before_write(&end, move |host| {
        let (space, whose, now) = (&gateway.space, ("acme", number()), host.now());
        let charge = Charge::see(host, space, whose, now).unwrap();
        let mut new = charge.clone();
        new.passed.pieces = 1;
        let replaced = charge.replace(&new, host, space, whose, now);
        assert_eq!(replaced, Ok(true));
    });
    cut(&bench, &id, &[(1, text(500))]);
    let once = used(&bench)[2];
    assert!((450..700).contains(&once), "{once}");
}

#[test]
fn regression_what_ended_without_telling_its_usage_needs_no_place() {
    let bench = Bench::of(&charged_with(true));
    fill(&bench, 1);
    let (id, _) = queued(&bench);
    let before = used(&bench);
    let is_full = || send(&mut bench.run(), USER, BACKGROUND).is_err();
    for status in ["queued", "in_progress"] {
        read(&bench, USER, &id, &state(status, &Value::Null));
        assert!(is_full(), "{status}");
    }
    for _ in 0..2 {
        read(&bench, USER, &id, &state("cancelled", &Value::Null));
        assert_eq!(used(&bench), before);
    }
    // One place is free, and no more than that.
    let run = begun_with_place(&bench);
    assert!(is_full());
    refused_by_its_provider(run);
    // What is told of it later still counts, once, and frees no other place.
    for _ in 0..2 {
        read(&bench, USER, &id, &state("cancelled", &counts()));
        assert_eq!(used(&bench), TOOK);
    }
    let run = begun_with_place(&bench);
    assert!(is_full());
    refused_by_its_provider(run);
}

#[test]
fn regression_a_stream_that_was_cancelled_without_usage_needs_no_place() {
    let bench = Bench::of(&charged_with(true));
    fill(&bench, 1);
    let cancelled = event("response.cancelled", &Value::Null);
    let (id, _) = told(&bench, &streamed(), &[cancelled], false);
    assert_eq!(used(&bench)[2], 500);
    let run = begun_with_place(&bench);
    send(&mut bench.run(), USER, BACKGROUND).unwrap_err();
    read(&bench, USER, &id, &state("cancelled", &counts()));
    send(&mut bench.run(), USER, BACKGROUND).unwrap_err();
    refused_by_its_provider(run);
    assert_eq!(used(&bench), TOOK);
}

fn refused_by_its_provider(mut run: Run<'_>) {
    run.answer("400", JSON);
    run.data("{}", true);
    run.done();
}

/// A call that has a place, under way.
fn begun_with_place(bench: &Bench) -> Run<'_> {
    let mut run = bench.run();
    send(&mut run, USER, BACKGROUND).unwrap();
    run
}

#[test]
fn regression_no_user_takes_the_places_of_others() {
    let bench = Bench::of(&charged_with(false));
    for _ in 0..MOST_OF_USER {
        queued(&bench);
    }
    let mut run = bench.run();
    assert_eq!(run.head("POST", PATH, &[USER], false), OnHead::Hold);
    let OnBody::Reply(refused) = run.body(BACKGROUND) else {
        panic!()
    };
    assert_eq!(refused.status, 429);
    // A place comes back by itself at the full hour behind its day.
    let day = 24 * 3_600..=25 * 3_600;
    let retry = refused
        .headers
        .iter()
        .find(|(name, _)| *name == "retry-after");
    let seconds: u64 = retry.unwrap().1.parse().unwrap();
    assert!(day.contains(&seconds), "{seconds}");
    says(
        &run.done(),
        json!({"outcome": "too_many_open", "reason": "user open_charges"}),
    );
    let labels = [
        ("tenant", "acme"),
        ("holder", "user"),
        ("limit", "open_charges"),
    ];
    assert_eq!(bench.counted("tollgate.limited_total", &labels), [1]);
    send(&mut bench.run(), ADMIN, BACKGROUND).unwrap();
}
