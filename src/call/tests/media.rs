//! Calls that bring or make something else than texts, and those that only count.

use super::*;

const COUNT: (&str, &str) = (
    "/v1/messages/count_tokens",
    r#"{"model":"smart","messages":[{"role":"user","content":"one two three"}]}"#,
);
const BOUNDARY: (&str, &str) = ("content-type", "multipart/form-data; boundary=b");

fn form(fields: &str) -> String {
    let file =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nsound\r\n";
    let model = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmart\r\n";
    format!("{file}{model}{fields}--b--")
}

fn asked<'b>(bench: &'b Bench, (path, body): (&str, &str), list: List<'_>) -> (Run<'b>, OnBody) {
    let mut run = bench.run();
    let list = [&[USER], list].concat();
    assert_eq!(run.head("POST", path, &list, false), OnHead::Hold, "{path}");
    let on = run.body(body);
    (run, on)
}

/// What a call holds of its limits.
fn held(run: &Run<'_>) -> (u64, u64) {
    let Phase::Sent { ask, .. } = &run.call.phase else {
        panic!("{:?}", run.call.phase)
    };
    (ask.held.prompt, ask.held.answer)
}

#[test]
fn tokens_are_counted_here_for_providers_that_cannot() {
    let mut policy = policy();
    policy["backends"]["far"]["api"] = json!("openai");
    policy["tenants"]["acme"]["limits"] =
        json!([{"requests": 2, "per": "day"}, {"tokens": 1, "per": "day"}]);
    let bench = Bench::of(&policy);
    for _ in 0..2 {
        let (run, on) = asked(&bench, COUNT, &[]);
        let OnBody::Reply(reply) = on else {
            panic!("{on:?}")
        };
        assert_eq!(reply.status, 200);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let tokens = body["input_tokens"].as_u64().unwrap();
        assert!((3..20).contains(&tokens), "{tokens}");
        let record = run.finish(200, "");
        assert_eq!(
            (&record["outcome"], &record["usage"]),
            (&json!("ok"), &json!("none"))
        );
        assert_eq!(
            (&record["model"], &record["input_tokens"]),
            (&json!("smart"), &json!(0))
        );
    }
    let (_, on) = asked(&bench, COUNT, &[]);
    assert_eq!(refused_body(&on), (429, "rate_limit_exceeded".to_owned()));
}

#[test]
fn media_are_reserved_by_what_is_paid_for() {
    let mut policy = policy();
    policy["tenants"]["acme"]["limits"] = json!([{"usd": "0.001", "per": "day"}]);
    // Dollars are counted of what has a price.
    policy["tenants"]["acme"]["models"] = json!(["smart"]);
    policy["models"]["smart"]["targets"][0]["price"] =
        json!({"second": 0.0001, "characters": 15, "image": 0.02});
    policy["models"]["same"]["targets"][0]["price"] = json!({"input": 1, "output": 1});
    let bench = Bench::of(&policy);
    let speech = |characters: usize| {
        json!({"model": "smart", "voice": "a", "input": "é".repeat(characters)}).to_string()
    };
    let (run, on) = asked(&bench, ("/v1/audio/speech", &speech(60)), JSON);
    assert!(matches!(on, OnBody::Forward(_)));
    assert_eq!(held(&run).1, 90);
    // The rest is 0.0001 USD: seven characters have no room, a second of sound has.
    let (_, on) = asked(&bench, ("/v1/audio/speech", &speech(7)), JSON);
    assert_eq!(refused_body(&on).0, 429);
    let (_run, on) = asked(&bench, ("/v1/audio/transcriptions", &form("")), &[BOUNDARY]);
    assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
    let image = r#"{"model":"smart","prompt":"a"}"#;
    let (_, on) = asked(&bench, ("/v1/images/generations", image), JSON);
    assert_eq!(refused_body(&on).0, 429);
}

#[test]
fn a_transcript_is_settled_by_what_is_told() {
    let bench = Bench::of(&policy());
    let told = json!({"text": "hi", "usage": {"type": "duration", "seconds": 3}}).to_string();
    let long = json!({"text": "hi", "duration": 7.2}).to_string();
    let tokens =
        json!({"text": "hi", "usage": {"input_tokens": 5, "output_tokens": 2}}).to_string();
    let cues = "1\n00:00:00,000 --> 00:01:04,500\nhi\n";
    let plain = &[("content-type", "text/plain")][..];
    for (list, answer, source, seconds) in [
        (JSON, tokens.as_str(), "reported", 1),
        // Tokens are not told: they are estimated.
        (JSON, told.as_str(), "estimated", 3),
        (JSON, long.as_str(), "estimated", 8),
        (plain, cues, "estimated", 65),
        (plain, "hi\n", "estimated", 1),
    ] {
        let body = form("");
        let (mut run, on) = asked(&bench, ("/v1/audio/transcriptions", &body), &[BOUNDARY]);
        let OnBody::Forward(outgoing) = on else {
            panic!("{on:?}")
        };
        let new = outgoing.rewrite.unwrap().whole(body.as_bytes());
        let new = String::from_utf8(new).unwrap();
        assert!(
            new.contains("\r\n\r\nsound\r\n") && !new.contains("smart"),
            "{new}"
        );
        run.answer("200", list);
        assert_eq!(run.data(answer, true), OnData::Pass);
        let record = run.finish(200, "via_upstream");
        let said = (
            &record["usage"],
            &record["audio_seconds"],
            &record["outcome"],
        );
        assert_eq!(said, (&json!(source), &json!(seconds), &json!("ok")));
    }
}

#[test]
fn a_form_has_the_boundary_of_its_head() {
    let bench = Bench::of(&policy());
    let other = ("content-type", "multipart/form-data; boundary=bb");
    for (list, body, code) in [
        (&[other][..], form(""), "invalid_multipart"),
        (&[BOUNDARY][..], String::new(), "empty_body"),
        (&[BOUNDARY][..], form("x"), "invalid_multipart"),
    ] {
        let (_, on) = asked(&bench, ("/v1/audio/transcriptions", &body), list);
        assert_eq!(refused_body(&on), (400, code.to_owned()));
    }
}

/// As [`policy`], with this price of its model.
fn priced(price: Value) -> Bench {
    let mut policy = policy();
    policy["tenants"]["acme"]["limits"] = json!([{"usd": 1, "per": "day"}]);
    policy["default_price"] = json!({"input": 1, "output": 1});
    policy["models"]["smart"]["targets"][0]["price"] = price;
    Bench::of(&policy)
}

#[test]
fn regression_told_seconds_do_not_make_tokens_free() {
    let bench = priced(json!({"input": 1, "output": 2}));
    let body = form("");
    let (mut run, _) = asked(&bench, ("/v1/audio/transcriptions", &body), &[BOUNDARY]);
    run.answer("200", JSON);
    let told = json!({"text": "one two three", "duration": 0.5}).to_string();
    assert_eq!(run.data(&told, true), OnData::Pass);
    let record = run.finish(200, "via_upstream");
    let count = |name: &str| record[name].as_u64().unwrap();
    assert_eq!(count("audio_seconds"), 1);
    assert_eq!(count("input_tokens"), 10, "{record}");
    let output = count("output_tokens");
    assert!((3..20).contains(&output), "{record}");
    assert_eq!(count("cost_nano_usd"), 10_000 + output * 2_000);
}

#[test]
fn regression_images_without_tokens_are_paid_by_callers_who_leave() {
    for quality in ["standard", "hd", "low"] {
        let bench = priced(json!({"input": 0, "output": 0, "image": 0.02}));
        let body = json!({"model": "smart", "prompt": "a", "n": 2, "quality": quality}).to_string();
        let (run, on) = asked(&bench, ("/v1/images/generations", &body), JSON);
        assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
        let record = run.finish(0, "downstream_remote_disconnect");
        assert_eq!(
            (&record["images"], &record["cost_nano_usd"]),
            (&json!(2), &json!(40_000_000)),
            "{quality}"
        );
    }
}

#[test]
fn regression_speech_is_sound_in_streams_too() {
    let bench = priced(json!({"input": 1, "output": 1, "audio_output": 12}));
    let body = json!({"model": "smart", "voice": "a", "input": "hi", "stream_format": "sse"});
    let (mut run, _) = asked(&bench, ("/v1/audio/speech", &body.to_string()), JSON);
    run.answer("200", &[("content-type", "text/event-stream")]);
    let usage = json!({"input_tokens": 3, "output_tokens": 10, "total_tokens": 13});
    let done = json!({"type": "speech.audio.done", "usage": usage});
    run.data(&format!("data: {done}\n\n"), true);
    let record = run.finish(200, "via_upstream");
    assert_eq!(record["usage"], "reported");
    assert_eq!(record["cost_nano_usd"], 3_000 + 120_000);
}

#[test]
fn regression_characters_that_are_syllables_are_reserved_as_such() {
    let bench = priced(json!({"input": 1, "output": 1}));
    for (input, tokens) in [("aé", 3), ("漢字かな", 16), ("한국", 8), ("42 a", 11)] {
        let body = json!({"model": "smart", "voice": "a", "input": input}).to_string();
        let (run, _) = asked(&bench, ("/v1/audio/speech", &body), JSON);
        assert_eq!(held(&run).1, tokens, "{input}");
        run.finish(503, "upstream_reset_before_response_started");
    }
}

#[test]
fn regression_media_are_refused_before_services_are_asked() {
    let service = json!({"cluster": "judge", "kind": "generic", "path": "/judge"});
    let mut policy = policy();
    policy["guardrails"] = json!([
        {"name": "asked", "phase": "input", "detect": {"service": service}, "action": "mask"},
        {"name": "data", "phase": "output", "detect": "personal_data", "action": "mask"}]);
    let bench = Bench::of(&policy);
    let body = json!({"model": "smart", "voice": "a", "input": "hello"}).to_string();
    let (_, on) = asked(&bench, ("/v1/audio/speech", &body), JSON);
    assert_eq!(refused_body(&on), (400, "unscannable_request".to_owned()));
    // The same is asked about where the answer is text.
    let (_, on) = asked(&bench, ("/v1/chat/completions", BODY), JSON);
    assert!(matches!(on, OnBody::Ask(_)), "{on:?}");
}

/// Gemini counts 32 tokens a second of sound, OpenAI 10.
#[test]
fn regression_sound_for_gemini_is_reserved_as_it_counts() {
    // 8,000 bytes a second.
    let data = "QUJD".repeat(80_000 / 3 + 1);
    let sound = json!({"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}});
    let body = json!({"model": "smart", "max_completion_tokens": 9, "messages": [{"role": "user", "content": [sound]}]});
    let of = |targets: Value| {
        let mut policy = policy();
        policy["backends"]["google"] = json!({"cluster": "google", "api": "gemini"});
        policy["models"]["smart"]["targets"] = targets;
        policy["tenants"]["acme"]["limits"] = json!([{"tokens": 9_000, "per": "day"}]);
        policy["limits"] = json!({"body": 200_000, "held_per_tenant": 400_000});
        let bench = Bench::of(&policy);
        let (run, on) = asked(&bench, (CHAT, &body.to_string()), &[]);
        assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
        held(&run).0
    };
    let openai = json!({"backend": "far", "model": "a"});
    let gemini = json!({"backend": "google", "model": "gemini-3-flash"});
    let (less, more) = (of(json!([openai])), of(json!([gemini])));
    assert!((100..120).contains(&less), "{less}");
    // Each of its 101 tokens is 3.2, rounded up.
    assert_eq!(more - less, 101 * 22 / 10 + 1);
}

#[test]
fn regression_who_names_no_model_is_told_which_one_is_meant() {
    let named = r#"{"model":"dall-e-2","prompt":"a cat"}"#;
    let absent = "The model 'dall-e-2' does not exist. See GET /v1/models.";
    let bench = Bench::new();
    let (_, on) = asked(&bench, ("/v1/images/generations", named), &[]);
    assert_eq!(message(&on), absent);
    let form =
        "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nx\r\n--b--";
    for (ask, list, model) in [
        (
            ("/v1/images/generations", r#"{"prompt":"a cat"}"#),
            &[][..],
            "dall-e-2",
        ),
        (("/v1/images/variations", form), &[BOUNDARY][..], "dall-e-2"),
        (
            ("/v1/moderations", r#"{"input":"a cat"}"#),
            &[][..],
            "omni-moderation-latest",
        ),
    ] {
        let (_, on) = asked(&bench, ask, list);
        assert_eq!(refused_body(&on), (404, "model_not_found".to_owned()));
        let told = format!(
            "The request has no 'model', by which '{model}' is meant. \
             The model '{model}' does not exist. See GET /v1/models."
        );
        assert_eq!(message(&on), told);
    }
}
