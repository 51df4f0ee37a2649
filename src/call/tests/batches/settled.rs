//! What a batch has really used takes the place of what it was charged.

use super::*;
use crate::ledger::{MOST_OPEN, Slot};

const HOUR: u64 = 3_600_000;

/// `smart` costs 1, 0.1 and 2 dollars for a million tokens, and half of that in batches.
fn charged() -> Value {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] =
        json!([{"tokens": 1_000, "per": "day"}, {"usd": "1", "per": "day"}]);
    policy["tenants"]["acme"]["per_user"] = json!([{"output_tokens": 600, "per": "day"}]);
    policy["models"]["smart"]["targets"][1]["price"] =
        json!({"input": 1, "cached_input": 0.1, "output": 2});
    policy["default_price"] = json!({"input": 1, "output": 2});
    policy
}

/// Makes a batch of two lines; returns its id, and what it is charged.
fn made(bench: &Bench) -> (String, [u64; 3]) {
    let two = [chat_line("1", "hi"), chat_line("2", "hi")];
    let file = uploaded(bench, &lines(&two));
    let mut run = bench.run();
    make(&mut run, USER, &create(&file)).unwrap();
    run.answer("200", JSON);
    let told = replaced(run.data(&state("validating", None, None), true));
    let record = run.done();
    says(&record, json!({"usage": "estimated", "output_tokens": 200}));
    let numbers = ["input_tokens", "output_tokens", "cost_nano_usd"];
    let numbers = numbers.map(|name| record[name].as_u64().unwrap());
    assert_eq!(numbers[2], (numbers[0] * 1_000 + 200 * 2_000) / 2);
    (told["id"].as_str().unwrap().to_owned(), numbers)
}

fn state(status: &str, usage: Option<Value>, completed: Option<u64>) -> String {
    let mut state = json!({"id": "batch_0a0b", "object": "batch", "status": status});
    if let Some(usage) = usage {
        state["usage"] = usage;
    }
    if let Some(completed) = completed {
        state["request_counts"] = json!({"total": 2, "completed": completed, "failed": 0});
    }
    state.to_string()
}

fn counts(output: u64) -> Option<Value> {
    Some(
        json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 9 + output}),
    )
}

fn over(output: u64) -> String {
    state("completed", counts(output), Some(2))
}

fn asking<'b>(bench: &'b Bench, key: (&str, &str), id: &str, answer: &str) -> Run<'b> {
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[key], true));
    run.answer("200", JSON);
    assert_eq!(replaced(run.data(answer, true))["id"], id);
    run
}

/// Reads a batch; a call that reads is charged nothing, whatever it settles.
fn read(bench: &Bench, key: (&str, &str), id: &str, answer: &str) {
    says(
        &asking(bench, key, id, answer).done(),
        json!({"operation": "batches_retrieve", "input_tokens": 0, "output_tokens": 0,
            "cost_nano_usd": 0, "outcome": "ok"}),
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

fn totals(bench: &Bench) -> Totals {
    Totals::read(&bench.host, &bench.gateway.space, "acme", "smart")
}

fn lost(bench: &Bench) -> u64 {
    bench
        .counted("tollgate.settlements_lost_total", &[])
        .iter()
        .sum()
}

/// (5 × 1 + 4 × 0.1 + 3 × 2) µUSD, and half of that.
const TOOK: [u64; 3] = [12, 5_700, 3];

#[test]
fn it_stays_until_the_batch_is_over_and_tells() {
    let bench = Bench::of(&charged());
    let (id, [input, output, cost]) = made(&bench);
    let before = [input + output, cost, output];
    assert_eq!(used(&bench), before);
    // What is under way may say what it likes; who tells nothing, or nonsense, changes nothing.
    for answer in [
        state("validating", None, Some(0)),
        state("in_progress", counts(3), Some(1)),
        state("finalizing", counts(3), Some(2)),
        state("cancelling", counts(3), Some(2)),
        state("completed", None, Some(2)),
        state("completed", None, None),
        state("completed", Some(Value::Null), Some(1)),
        state("completed", Some(json!("x")), Some(0)),
        state("completed", Some(json!({"input_tokens": -1})), Some(0)),
        state(
            "completed",
            Some(json!({"input_tokens": 0, "output_tokens": 0})),
            Some(2),
        ),
        state("expired", None, Some(1)),
        state("new", counts(3), Some(0)),
    ] {
        read(&bench, USER, &id, &answer);
        assert_eq!(used(&bench), before, "{answer}");
        assert_eq!(bench.totals("acme", "smart"), [1, 1, 0, 0, input, output]);
    }
    for answer in [over(3), over(3), over(90), state("failed", None, Some(0))] {
        read(&bench, USER, &id, &answer);
        assert_eq!(used(&bench), TOOK);
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 3]);
        let totals = totals(&bench);
        assert_eq!(
            (
                totals.cost_nano_usd,
                totals.usage.cached,
                totals.usage.reasoning
            ),
            (TOOK[1], 4, 1)
        );
    }
    assert_eq!(lost(&bench), 0);
}

#[test]
fn every_end_settles_it_whoever_tells_that() {
    for (status, usage, completed, wanted) in [
        ("completed", counts(3), Some(2), TOOK),
        ("completed", counts(3), None, TOOK),
        ("failed", None, Some(0), [0, 0, 0]),
        ("failed", Some(Value::Null), Some(0), [0, 0, 0]),
        ("expired", counts(3), Some(1), TOOK),
        ("cancelled", counts(3), Some(1), TOOK),
        ("cancelled", None, Some(0), [0, 0, 0]),
        // More than was thought.
        ("completed", counts(700), Some(2), [709, 702_700, 700]),
    ] {
        for cancels in [false, true] {
            let bench = Bench::of(&charged());
            let (id, _) = made(&bench);
            let answer = state(status, usage.clone(), completed);
            if cancels {
                let mut run = bench.run();
                let path = format!("{PATH}/{id}/cancel");
                forwarded(run.head("POST", &path, &[USER], true));
                run.answer("200", JSON);
                run.data(&answer, true);
                says(&run.done(), json!({"cost_nano_usd": 0, "outcome": "ok"}));
            } else {
                read(&bench, USER, &id, &answer);
            }
            assert_eq!(used(&bench), wanted, "{answer}");
            let totals = totals(&bench);
            assert_eq!((totals.estimated, totals.cost_nano_usd), (0, wanted[1]));
        }
    }
}

#[test]
fn two_workers_settle_it_once() {
    for first in [0, 1] {
        let bench = Bench::of(&charged());
        let (id, _) = made(&bench);
        // Both have the answer before either is over.
        let mut runs = vec![
            asking(&bench, USER, &id, &over(3)),
            asking(&bench, ADMIN, &id, &over(3)),
        ];
        runs.remove(first).done();
        assert_eq!(used(&bench), TOOK);
        runs.remove(0).done();
        assert_eq!(used(&bench), TOOK);
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 3]);
    }
}

#[test]
fn another_user_settles_the_limits_of_the_first_one() {
    let bench = Bench::of(&charged());
    let (id, _) = made(&bench);
    for key in [ADMIN, USER] {
        read(&bench, key, &id, &over(3));
        assert_eq!(used(&bench), TOOK);
    }
}

#[test]
fn two_batches_of_one_file_are_two() {
    let bench = Bench::of(&charged());
    let (id, [input, output, cost]) = made(&bench);
    let file = uploaded(
        &bench,
        &lines(&[chat_line("1", "hi"), chat_line("2", "hi")]),
    );
    let mut run = bench.run();
    make(&mut run, USER, &create(&file)).unwrap();
    run.answer("200", JSON);
    run.data(
        &state("validating", None, None).replace("0a0b", "0a0c"),
        true,
    );
    run.done();
    read(&bench, USER, &id, &over(3));
    let wanted = [TOOK[0] + input + output, TOOK[1] + cost, TOOK[2] + output];
    assert_eq!(used(&bench), wanted);
}

#[test]
fn it_can_be_read_for_three_days_and_where_it_was_made() {
    for (hours, settles) in [(23, true), (71, true), (72, false)] {
        let bench = Bench::of(&charged());
        let (id, [input, output, cost]) = made(&bench);
        bench.after(hours * HOUR);
        read(&bench, USER, &id, &over(3));
        let wanted = match settles {
            true => ([1, 0, 0, 0, 9, 3], TOOK[1]),
            false => ([1, 1, 0, 0, input, output], cost),
        };
        let nano_usd = totals(&bench).cost_nano_usd;
        assert_eq!((bench.totals("acme", "smart"), nano_usd), wanted, "{hours}");
    }
    let bench = Bench::of(&charged());
    let (id, _) = made(&bench);
    let other = Bench::of(&charged());
    read(&other, USER, &id, &over(3));
    assert_eq!(used(&other), [0, 0, 0]);
    assert_eq!(other.totals("acme", "smart"), [0; 6]);
}

#[test]
fn what_the_policy_has_no_more_keeps_its_charge() {
    let mut gone = charged();
    gone["models"]["smart"]["targets"][1]["model"] = json!("gpt-6");
    let mut other_model = charged();
    let smart = other_model["models"]["smart"].clone();
    other_model["models"]["renamed"] = smart;
    other_model["models"]
        .as_object_mut()
        .unwrap()
        .remove("smart");
    other_model["tenants"]["acme"]["models"] = json!(["renamed"]);
    other_model["tenants"]["blue"]["models"] = json!(["renamed"]);
    for (policy, name) in [(gone, "target"), (other_model, "model")] {
        let mut bench = Bench::of(&charged());
        let (id, [input, output, _]) = made(&bench);
        let policy = config::from_plugin_bytes(policy.to_string().as_bytes());
        let policy = policy.map_err(|problems| problems.to_string()).unwrap();
        bench.gateway = Rc::new(Gateway::new(policy, "test"));
        read(&bench, USER, &id, &over(3));
        assert_eq!(lost(&bench), 1, "{name}");
        let totals = totals(&bench);
        assert_eq!((totals.usage.input, totals.usage.output), (input, output));
        // It is not tried again.
        read(&bench, USER, &id, &over(3));
        assert_eq!(lost(&bench), 1, "{name}");
    }
}

#[test]
fn each_answer_has_its_fee_and_the_sum_is_rounded_up() {
    let mut policy = charged();
    policy["models"]["smart"]["targets"][1]["price"] =
        json!({"input": 0.001, "output": 0.001, "request": 0.000_001});
    policy["stored"]["batches"]["price"] = json!(0.333);
    for (completed, wanted) in [
        // 12 tokens come to 12 nano-USD, and each answer to 1,000; 0.333 of that.
        (Some(2), 670),
        (Some(1), 337),
        (None, 337),
    ] {
        let bench = Bench::of(&policy);
        let file = uploaded(&bench, &chat_line("1", "hi").to_string());
        let mut run = bench.run();
        make(&mut run, USER, &create(&file)).unwrap();
        run.answer("200", JSON);
        let told = replaced(run.data(&state("validating", None, None), true));
        run.done();
        let id = told["id"].as_str().unwrap();
        read(&bench, USER, id, &state("completed", counts(3), completed));
        assert_eq!(totals(&bench).cost_nano_usd, wanted);
    }
}

#[test]
fn a_batch_that_nobody_was_told_of_stays_charged() {
    let bench = Bench::of(&charged());
    let file = uploaded(&bench, &chat_line("1", "hi").to_string());
    let mut run = bench.run();
    make(&mut run, USER, &create(&file)).unwrap();
    says(
        &run.finish(0, "downstream_remote_disconnect"),
        json!({"output_tokens": 100, "outcome": "client_closed"}),
    );
    let before = used(&bench);
    assert_eq!(before[2], 100);
    let thing = Thing {
        kind: Kind::Batch,
        id: "batch_0a0b".to_owned(),
        backend: Mark::of("far"),
        tokens: 0,
    };
    let id = secrets().wrap("acme", &thing).unwrap();
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[USER], true));
    run.answer("200", JSON);
    run.data(&over(3), true);
    run.done();
    assert_eq!(used(&bench), before);
}

/// The id of an uploaded file of one line, whoever adapts requests.
fn uploaded_by(bench: &Bench) -> String {
    let body = form(&chat_line("1", "hi").to_string());
    let mut run = bench.run();
    assert_eq!(run.head("POST", FILES, &[USER, FORM], false), OnHead::Hold);
    assert!(matches!(run.body(&body), OnBody::Forward(_)));
    run.answer("200", JSON);
    let answer = replaced(run.data(FILE, true));
    run.done();
    answer["id"].as_str().unwrap().to_owned()
}

#[test]
fn regression_an_error_that_leaves_open_whether_a_batch_was_made_is_charged() {
    for (status, is_open) in [
        ("500", true),
        ("502", true),
        ("503", true),
        ("504", true),
        ("408", true),
        ("400", false),
        ("401", false),
        ("404", false),
        ("409", false),
        ("429", false),
    ] {
        for fallback in [false, true] {
            let mut policy = charged();
            if fallback {
                policy["fallback"] = json!({});
            }
            let bench = Bench::of(&policy);
            let file = uploaded_by(&bench);
            let mut run = bench.run();
            assert_eq!(run.head("POST", PATH, &[USER], false), OnHead::Hold);
            assert!(matches!(run.body(&create(&file)), OnBody::Forward(_)));
            let on = run.answer(status, JSON);
            if let OnAnswer::Forward(edits) | OnAnswer::Hold(edits) = on {
                // Clients would make it again by themselves.
                let worth = ("x-should-retry", "true".to_owned());
                assert!(
                    !is_open || !edits.set.contains(&worth),
                    "{status} {fallback}"
                );
                run.data(r#"{"error":{"message":"x"}}"#, true);
            }
            let record = run.done();
            let output = if is_open { 100 } else { 0 };
            assert_eq!(record["output_tokens"], output, "{status} {fallback}");
            assert_eq!(record["cost_nano_usd"] != 0, is_open, "{status} {fallback}");
            assert_eq!(used(&bench)[2], output, "{status} {fallback}");
        }
    }
}

#[test]
fn regression_a_batch_that_comes_out_dearer_raises_alerts() {
    let mut policy = charged();
    policy["tenants"]["acme"]["limits"][0]["alert_at"] = json!(["50%", "80%"]);
    let bench = Bench::of(&policy);
    let (id, _) = made(&bench);
    let labels = [("kind", "tenant"), ("name", "acme")];
    let alerts = || bench.counted("tollgate.alerts_total", &labels);
    assert!(alerts().is_empty());
    for _ in 0..2 {
        read(&bench, USER, &id, &over(900));
        assert_eq!(alerts(), [1]);
    }
}

#[test]
fn regression_a_batch_that_no_rate_limit_service_can_count_is_refused() {
    let mut policy = keeping();
    let acme = policy["tenants"]["acme"].as_object_mut();
    acme.unwrap().remove("limits");
    for (global, tokens, wanted) in [
        (false, 1_000_000_001_u64, Ok(())),
        (true, 900_000_000, Ok(())),
        (
            true,
            1_000_000_001,
            Err((400, "batch_too_large".to_owned())),
        ),
    ] {
        if global {
            policy["global_limits"] = json!({});
        }
        let bench = Bench::of(&policy);
        let mut line = chat_line("1", "hi");
        line["body"]["max_tokens"] = json!(tokens);
        let file = uploaded(&bench, &line.to_string());
        let mut run = bench.run();
        let made = make(&mut run, USER, &create(&file)).map(drop);
        assert_eq!(made, wanted, "{global} {tokens}");
    }
}

#[test]
fn regression_a_batch_that_nobody_could_correct_is_not_made() {
    let bench = Bench::of(&charged());
    let file = uploaded(&bench, &chat_line("1", "hi").to_string());
    let now = bench.host.now();
    let until_ms = now.unix_millis() + HOUR;
    for _ in 0..MOST_OPEN {
        let slot = Slot { until_ms, user: 0 };
        let taken = slot.take(&bench.host, &bench.gateway.space, "acme", now);
        assert!(taken.unwrap().is_ok());
    }
    let mut run = bench.run();
    let refused = make(&mut run, USER, &create(&file)).unwrap_err();
    assert_eq!(refused, (429, "too_many_open".to_owned()));
    run.done();
    assert_eq!(used(&bench), [0, 0, 0]);
}

#[test]
fn regression_a_batch_that_ended_without_usage_needs_no_place() {
    let bench = Bench::of(&charged());
    let (id, [input, output, cost]) = made(&bench);
    let slots = bench.gateway.space.key("open/acme/slots");
    let places = || bench.host.shared_get(&slots).unwrap().0.len() / 24;
    assert_eq!(places(), 1);
    read(&bench, USER, &id, &state("in_progress", None, Some(1)));
    assert_eq!(places(), 1);
    for _ in 0..2 {
        read(&bench, USER, &id, &state("completed", None, Some(2)));
        assert_eq!(places(), 0);
        assert_eq!(used(&bench), [input + output, cost, output]);
    }
    // A provider that tells it later after all.
    for _ in 0..2 {
        read(&bench, USER, &id, &over(3));
        assert_eq!(used(&bench), TOOK);
    }
}
