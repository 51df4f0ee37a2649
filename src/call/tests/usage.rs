//! The usage page, top-up and reset.

use super::*;

const PAGE: &str = "/tollgate/usage";

fn limited() -> Value {
    let mut policy = policy();
    for model in ["smart", "same"] {
        policy["models"][model]["targets"][0]["price"] = json!({"input": 1, "output": 2});
    }
    policy["models"]["smart"]["limits"] = json!([{"requests": 7, "per": "day"}]);
    policy["tenants"]["acme"]["limits"] = json!([
        {"usd": 50, "per": "day"},
        {"tokens": 100_000, "per": "minute", "models": ["smart"], "shadow": true},
        {"concurrent": 20},
    ]);
    policy["tenants"]["acme"]["per_user"] = json!([{"tokens": 20_000, "per": "hour"}]);
    policy
}

fn page(bench: &Bench, key: (&str, &str)) -> Value {
    json_of(bench.run().head("GET", PAGE, &[key], true))
}

fn call_once(bench: &Bench) {
    let mut run = bench.answering(BODY, JSON);
    run.data(ANSWER, true);
    run.done();
}

/// Its answer, and the record's reason.
fn change(bench: &Bench, path: &str, body: &'static str) -> (Result<Value, (u16, String)>, String) {
    let mut run = bench.run();
    assert_eq!(run.head("POST", path, &[ADMIN], false), OnHead::Hold);
    let OnBody::Reply(reply) = run.body(body) else {
        panic!("it went on")
    };
    let answer = match reply.status {
        200 => Ok(serde_json::from_slice(&reply.body).unwrap()),
        _ => Err(status_and_code(&reply)),
    };
    let record = run.done();
    let reason = record["reason"].as_str().unwrap_or_default().to_owned();
    (answer, reason)
}

#[test]
fn admins_see_the_whole_tenant() {
    let bench = Bench::new();
    call_once(&bench);
    let mut run = bench.run();
    let usage = json_of(run.head("GET", PAGE, &[ADMIN], true));
    let zero = json!({"calls": 0, "estimated": 0, "failed": 0, "local": 0, "input_tokens": 0,
        "output_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0, "cache_write_tokens": 0,
        "cache_write_1h_tokens": 0, "audio_input_tokens": 0, "audio_output_tokens": 0,
        "image_input_tokens": 0, "audio_seconds": 0, "characters": 0, "images": 0, "cost_usd": "0", "cost_nano_usd": 0, "unpriced": 0});
    let mut smart = zero.clone();
    for (name, value) in [
        ("calls", 1),
        ("input_tokens", 9),
        ("output_tokens", 4),
        ("unpriced", 1),
    ] {
        smart[name] = json!(value);
    }
    let wanted = json!({
        "object": "tollgate.usage", "tenant": "acme", "user": "root",
        "per_user": [], "limits": [], "model_limits": {},
        "models": {"smart": smart, "same": zero, "-": zero},
    });
    assert_eq!(usage, wanted);
    says(
        &run.done(),
        json!({"operation": "usage", "outcome": "ok", "key_label": "root"}),
    );
}

#[test]
fn limits_are_shown_as_they_stand() {
    let bench = Bench::of(&limited());
    call_once(&bench);
    let sent = bench.sent(BODY);
    let usage = page(&bench, ADMIN);
    let [usd, tokens, concurrent] = [0, 1, 2].map(|index| usage["limits"][index].clone());
    // 9 tokens of the prompt at 1 USD and 4 of the answer at 2 USD a million.
    says(
        &usd,
        json!({"name": "usd/day", "unit": "usd", "per": "day", "limit": "50",
            "limit_nano_usd": 50_000_000_000_u64, "used": "0.000017", "used_nano_usd": 17_000,
            "topped_up": "0", "shadow": false, "resets_at": "2023-11-15T00:00:00Z"}),
    );
    let reserved = usd["reserved_nano_usd"].as_u64().unwrap();
    assert!(reserved > 0);
    assert_eq!(
        usd["remaining_nano_usd"],
        50_000_000_000 - 17_000 - reserved
    );
    says(
        &tokens,
        json!({"name": "tokens/minute/smart", "models": ["smart"], "shadow": true, "used": 13}),
    );
    says(
        &concurrent,
        json!({"used": 0, "reserved": 1, "limit": 20, "remaining": 19}),
    );
    assert!(concurrent.get("resets_at").is_none());
    assert_eq!(usage["model_limits"]["smart"][0]["used"], 1);
    drop(sent);
}

#[test]
fn users_see_themselves_only() {
    let bench = Bench::of(&limited());
    call_once(&bench);
    let usage = page(&bench, USER);
    let names: Vec<&String> = usage.as_object().unwrap().keys().collect();
    assert_eq!(names, ["object", "per_user", "tenant", "user"]);
    says(&usage, json!({"tenant": "acme", "user": "ci"}));
    says(
        &usage["per_user"][0],
        json!({"name": "tokens/hour", "limit": 20_000, "used": 13, "remaining": 19_987}),
    );
    // Another user's is another one.
    assert_eq!(page(&bench, ADMIN)["per_user"][0]["used"], 0);
}

#[test]
fn the_page_is_read_so_often_in_a_minute() {
    let bench = Bench::new();
    for _ in 0..60 {
        page(&bench, USER);
    }
    let head = bench.run().head("GET", PAGE, &[USER], true);
    assert_eq!(refused_head(&head), (429, "rate_limit_exceeded".to_owned()));
    let OnHead::Reply(reply) = head else { panic!() };
    assert!(reply.headers.iter().any(|(name, _)| *name == "retry-after"));
    // Neither others nor calls are held up by it.
    page(&bench, ADMIN);
    call_once(&bench);
    bench.after(66_000);
    page(&bench, USER);
}

#[test]
fn a_top_up_is_in_the_unit_of_the_limit() {
    let bench = Bench::of(&limited());
    for (path, body, limit, reason) in [
        (
            "/tollgate/limits/usd/day/top-up",
            r#"{"amount": "25.00"}"#,
            json!("75"),
            "usd/day topped up by 25 USD",
        ),
        (
            "/tollgate/limits/usd%2Fday/top-up",
            r#"{"amount": 5}"#,
            json!("80"),
            "usd/day topped up by 5 USD",
        ),
        (
            "/tollgate/limits/tokens/minute/smart/top-up",
            r#"{"amount": "1000"}"#,
            json!(101_000),
            "tokens/minute/smart topped up by 1000",
        ),
        (
            "/tollgate/limits/tokens/hour/top-up",
            r#"{"amount": 1000, "user": "ci"}"#,
            json!(21_000),
            "tokens/hour topped up by 1000 for a user",
        ),
    ] {
        let (answer, why) = change(&bench, path, body);
        let answer = answer.unwrap();
        says(
            &answer,
            json!({"object": "tollgate.limit", "tenant": "acme"}),
        );
        assert_eq!((&answer["limit"]["limit"], why.as_str()), (&limit, reason));
    }
    assert_eq!(page(&bench, ADMIN)["limits"][0]["limit"], "80");
    assert_eq!(page(&bench, ADMIN)["per_user"][0]["limit"], 20_000);
    assert_eq!(page(&bench, USER)["per_user"][0]["limit"], 21_000);
    let labels = [
        ("tenant", "acme"),
        ("limit", "usd/day"),
        ("kind", "limit_top_up"),
    ];
    assert_eq!(
        bench.counted("tollgate.limit_changes_total", &labels),
        [1, 1]
    );
}

#[test]
fn a_reset_needs_no_body() {
    let bench = Bench::of(&limited());
    call_once(&bench);
    let mut run = bench.run();
    let reset = json_of(run.head("POST", "/tollgate/limits/usd/day/reset", &[ADMIN], true));
    assert_eq!(reset["limit"]["used_nano_usd"], 0);
    says(
        &run.done(),
        json!({"operation": "limit_reset", "status": 200, "model": ""}),
    );
    let path = "/tollgate/limits/tokens/hour/reset";
    let (answer, _) = change(&bench, path, r#"{"user": "ci"}"#);
    assert_eq!(answer.unwrap()["user"], "ci");
    assert_eq!(page(&bench, USER)["per_user"][0]["used"], 0);
    assert_eq!(page(&bench, ADMIN)["limits"][1]["used"], 13);
}

#[test]
fn bad_changes_change_nothing() {
    let bench = Bench::of(&limited());
    let limits = |page: Value| [page["limits"].clone(), page["per_user"].clone()];
    let before = limits(page(&bench, ADMIN));
    let (usd, tokens) = (
        "/tollgate/limits/usd/day/top-up",
        "/tollgate/limits/tokens/hour/top-up",
    );
    for (path, body, status, code) in [
        (usd, "", 400, "invalid_value"),
        (usd, "{", 400, "invalid_value"),
        (usd, "[]", 400, "invalid_value"),
        (usd, r#"{"amount": 0}"#, 400, "invalid_value"),
        (usd, r#"{"amount": -1}"#, 400, "invalid_value"),
        (usd, r#"{"amount": 2.5}"#, 400, "invalid_value"),
        (usd, r#"{"amount": "1e3"}"#, 400, "invalid_value"),
        (usd, r#"{"amount": "0.0000000001"}"#, 400, "invalid_value"),
        (usd, r#"{"amount": 1, "amount": 2}"#, 400, "invalid_value"),
        (usd, r#"{"amount": 1, "until": 2}"#, 400, "invalid_value"),
        (
            usd,
            r#"{"amount": 1, "user": "ci"}"#,
            404,
            "limit_not_found",
        ),
        (
            usd,
            r#"{"amount": 1, "user": "a\nb"}"#,
            400,
            "invalid_value",
        ),
        (tokens, r#"{"amount": 1}"#, 404, "limit_not_found"),
        (
            tokens,
            r#"{"amount": "1.0", "user": "ci"}"#,
            400,
            "invalid_value",
        ),
        (
            tokens,
            r#"{"amount": "+1", "user": "ci"}"#,
            400,
            "invalid_value",
        ),
        (
            tokens,
            r#"{"amount": 18446744073709551615, "user": "ci"}"#,
            400,
            "invalid_value",
        ),
        (
            "/tollgate/limits/usd/day/reset",
            r#"{"amount": 1}"#,
            400,
            "invalid_value",
        ),
        (
            "/tollgate/limits/concurrent/reset",
            "",
            400,
            "limit_without_window",
        ),
        ("/tollgate/limits/%FF/reset", "", 404, "limit_not_found"),
        // Another tenant's affair.
        (
            "/tollgate/limits/requests/day/reset",
            "",
            404,
            "limit_not_found",
        ),
    ] {
        let (answer, reason) = change(&bench, path, body);
        assert_eq!(answer, Err((status, code.to_owned())), "{path} {body}");
        assert_eq!(reason, "", "{path} {body}");
    }
    assert_eq!(limits(page(&bench, ADMIN)), before);
    let mut run = bench.run();
    assert_eq!(run.head("POST", usd, &[ADMIN], false), OnHead::Hold);
    bench.host.conflict_next(crate::state::MAX_TRIES);
    let OnBody::Reply(reply) = run.body(r#"{"amount": 1}"#) else {
        panic!("it went on")
    };
    assert_eq!(status_and_code(&reply), (503, "ledger_busy".to_owned()));
}

#[test]
fn changes_of_limits_are_limited_as_looks_at_the_page_are() {
    let bench = Bench::of(&limited());
    let reset = |bench: &Bench| {
        let mut run = bench.run();
        run.head("POST", "/tollgate/limits/usd/day/reset", &[ADMIN], false)
    };
    for _ in 0..600 {
        assert_eq!(reset(&bench), OnHead::Hold);
    }
    let OnHead::Reply(reply) = reset(&bench) else {
        panic!("it went on")
    };
    assert_eq!(reply.status, 429);
}
