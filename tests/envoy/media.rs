/*! Sound and images: speech, transcriptions, images, in JSON and in forms. */

use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Config, Fleet, Form, Stand, demo_policy, fleet_policy, run};

const MAIL: &str = "quilliam@zwexford.org";
const SECRET: &str = "ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS";

/// A form; `name@file` is a file.
fn form(path: &str, parts: &[(&str, &str)]) -> Ask {
    let part = |(name, value): &(&str, &str)| {
        let (name, file) = match name.split_once('@') {
            Some((name, file)) => (name, format!("; filename=\"{file}\"")),
            None => (*name, String::new()),
        };
        format!("--bnd\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    let body = parts.iter().map(part).collect::<String>() + "--bnd--\r\n";
    Ask::chat(&Value::Null)
        .path(path)
        .header("content-type", "multipart/form-data; boundary=bnd")
        .body(body)
}

fn transcription(parts: &[(&str, &str)]) -> Ask {
    let parts = [&[("model", "hears"), ("file@a.mp3", "sound")], parts].concat();
    form("/v1/audio/transcriptions", &parts)
}

fn speech(body: &Value) -> Ask {
    Ask::chat(body).path("/v1/audio/speech")
}

fn image(body: &Value) -> Ask {
    Ask::chat(body).path("/v1/images/generations")
}

/// One policy for all: acme has limits and no guardrails; blue has guardrails, and lets media in
/// and out.
fn policy() -> Value {
    let mut policy = demo_policy();
    let target = |model: &str, price: Value| json!({"targets": [{"backend": "mock", "model": model, "price": price}]});
    for (name, model, price) in [
        ("hears", "whisper-1", json!({"second": 0.0001})),
        (
            "listens",
            "gpt-4o-transcribe",
            json!({"input": 2.5, "output": 10, "audio_input": 6}),
        ),
        ("speaks", "tts-1", json!({"characters": 15})),
        (
            "says",
            "gpt-4o-mini-tts",
            json!({"input": 0.6, "output": 12}),
        ),
        (
            "paints",
            "gpt-image-1",
            json!({"input": 5, "image_input": 10, "output": 40}),
        ),
        ("dall-e-2", "dall-e-2", json!({"image": 0.02})),
    ] {
        policy["models"][name] = target(model, price);
        for tenant in ["acme", "blue"] {
            let models = &mut policy["tenants"][tenant]["models"];
            models.as_array_mut().unwrap().push(json!(name));
        }
    }
    policy["default_price"] = json!({"input": 1, "output": 1});
    policy["tenants"]["acme"]["limits"] =
        json!([{"usd": 1, "per": "day"}, {"tokens": 1_000_000, "per": "day"}]);
    policy["guardrails"] = json!([
        {"name": "pii", "phase": "both", "tenants": ["blue"], "detect": "personal_data", "action": "mask"},
        {"name": "keys", "phase": "both", "tenants": ["blue"], "detect": "secrets", "action": "block"},
    ]);
    policy["unscannable"] = json!("pass");
    policy["limits"] = json!({"body": "1MiB"});
    policy
}

async fn stand(policy: &Value) -> Stand {
    // Envoy's own limit stays above.
    Stand::start(Config::gateway().policy(policy, Form::Struct)).await
}

async fn recorded(stand: &Stand, ask: &Ask, wanted: &[(&str, Value)]) {
    let record = stand.record(ask).await;
    for (name, wanted) in wanted {
        assert_eq!(&record[*name], wanted, "{name} of {record}");
    }
}

#[test]
fn sound_and_images_go_through_all_rooms() {
    run(async {
        let stand = stand(&policy()).await;
        spoken(&stand).await;
        transcribed(&stand).await;
        painted(&stand).await;
        guarded(&stand).await;
        refused(&stand).await;
        let totals = stand.totals("speaks").await;
        assert_eq!(
            (&totals["characters"], &totals["unpriced"]),
            (&json!(13), &json!(0))
        );
    });
}

async fn spoken(stand: &Stand) {
    // Thirteen characters, seventeen bytes.
    let ask = speech(&json!({"model": "speaks", "input": "Grüße, Köln —", "voice": "alloy"}));
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "audio/mpeg")
    );
    assert!(answer.body.starts_with(b"ID3"));
    assert_eq!(received.line, "POST /v1/audio/speech");
    assert_eq!(received.json()["model"], "tts-1");
    let wanted = [
        ("operation", json!("speech")),
        ("characters", json!(13)),
        ("cost_nano_usd", json!(13 * 15_000)),
        ("usage", json!("estimated")),
        ("outcome", json!("ok")),
    ];
    recorded(stand, &ask, &wanted).await;
    let ask = speech(
        &json!({"model": "says", "input": "one two", "voice": "alloy", "stream_format": "sse"}),
    );
    let (answer, _) = stand.pass(&ask).await;
    assert_eq!(answer.events().last().unwrap()["type"], "speech.audio.done");
    let wanted = [
        ("stream", json!(true)),
        ("usage", json!("reported")),
        ("output_tokens", json!(40)),
        ("cost_nano_usd", json!(2 * 600 + 40 * 12_000)),
        ("outcome", json!("ok")),
    ];
    recorded(stand, &ask, &wanted).await;
}

async fn transcribed(stand: &Stand) {
    for (more, kind, text) in [
        (vec![], "application/json", "{\"text\""),
        (
            vec![("response_format", "text")],
            "text/plain; charset=utf-8",
            "Hello",
        ),
        (
            vec![("response_format", "srt")],
            "text/plain; charset=utf-8",
            "1\n00:00",
        ),
        (
            vec![("response_format", "vtt")],
            "text/vtt; charset=utf-8",
            "WEBVTT",
        ),
        (
            vec![("response_format", "verbose_json")],
            "application/json",
            "{",
        ),
    ] {
        let ask = transcription(&more);
        let (answer, received) = stand.pass(&ask).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert!(answer.text().starts_with(text), "{}", answer.text());
        assert_eq!(received.line, "POST /v1/audio/transcriptions");
        let sent = received.json();
        assert_eq!(sent["model"], "whisper-1");
        assert_eq!(
            sent["file"],
            json!({"filename": "a.mp3", "size": 5, "sum": 553})
        );
        let seconds = match text {
            // By the file: nothing is told.
            "Hello" => 1,
            // By the end of the last cue.
            "1\n00:00" | "WEBVTT" => 3,
            _ => 9,
        };
        let wanted = [
            ("operation", json!("transcriptions")),
            ("audio_seconds", json!(seconds)),
            ("cost_nano_usd", json!(seconds * 100_000)),
        ];
        recorded(stand, &ask, &wanted).await;
    }
    // Nothing is told of usage, but how long it was: tokens are estimated.
    let ask =
        transcription(&[("response_format", "verbose_json")]).mock(&json!({"no_usage": true}));
    stand.pass(&ask).await;
    recorded(
        stand,
        &ask,
        &[("audio_seconds", json!(9)), ("usage", json!("estimated"))],
    )
    .await;
    // The model stands behind the file, and the answer is a stream.
    let ask = form(
        "/v1/audio/transcriptions",
        &[
            ("file@a.mp3", "\r\n--sound\0"),
            ("stream", "true"),
            ("model", "listens"),
        ],
    );
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(received.json()["model"], "gpt-4o-transcribe");
    assert_eq!(received.json()["file"]["size"], 10);
    assert_eq!(
        answer.events().last().unwrap()["type"],
        "transcript.text.done"
    );
    let wanted = [
        ("input_tokens", json!(14)),
        ("audio_input_tokens", json!(10)),
        ("output_tokens", json!(5)),
        ("cost_nano_usd", json!(4 * 2_500 + 10 * 6_000 + 5 * 10_000)),
        ("stream", json!(true)),
        ("outcome", json!("ok")),
    ];
    recorded(stand, &ask, &wanted).await;
    let translation = form(
        "/v1/audio/translations",
        &[("model", "hears"), ("file@a.mp3", "sound")],
    );
    let (answer, received) = stand.pass(&translation).await;
    assert_eq!(
        (answer.status, received.line.as_str()),
        (200, "POST /v1/audio/translations")
    );
}

async fn painted(stand: &Stand) {
    let ask = image(&json!({"model": "paints", "prompt": "a cat", "n": 2}));
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        received.json(),
        json!({"model": "gpt-image-1", "prompt": "a cat", "n": 2})
    );
    let wanted = [
        ("operation", json!("image_generations")),
        ("images", json!(2)),
        ("output_tokens", json!(100)),
        ("cost_nano_usd", json!(7 * 5_000 + 100 * 40_000)),
        ("usage", json!("reported")),
    ];
    recorded(stand, &ask, &wanted).await;
    let ask = image(&json!({"model": "paints", "prompt": "a cat", "stream": true}));
    let (answer, _) = stand.pass(&ask).await;
    assert_eq!(
        answer.events().last().unwrap()["type"],
        "image_generation.completed"
    );
    recorded(
        stand,
        &ask,
        &[("output_tokens", json!(100)), ("outcome", json!("ok"))],
    )
    .await;
    // Without a model the API's own is meant.
    let ask = form(
        "/v1/images/variations",
        &[("image@a.png", "png"), ("n", "3")],
    )
    .mock(&json!({"no_usage": true}));
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 3);
    assert_eq!(received.json()["model"], "dall-e-2");
    recorded(
        stand,
        &ask,
        &[("images", json!(3)), ("cost_nano_usd", json!(60_000_000))],
    )
    .await;
    let parts = [
        ("prompt", "a cat"),
        ("image[]@a.png", "one"),
        ("image[]@b.png", "two"),
        ("mask@m.png", "m"),
        ("model", "paints"),
    ];
    let ask = form("/v1/images/edits", &parts);
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(
        (answer.status, &received.json()["mask"]["size"]),
        (200, &json!(1))
    );
    recorded(
        stand,
        &ask,
        &[("operation", json!("image_edits")), ("images", json!(1))],
    )
    .await;
}

async fn guarded(stand: &Stand) {
    let said = json!({"text": format!("Ask {MAIL} now")});
    let blue = |ask: Ask| ask.key("demo-blue-key").mock(&said);
    // Prompts and names of files on the way in, transcripts on the way out.
    let file = format!("{MAIL}.mp3");
    let sound = format!("file@{file}");
    let prompt = format!("by {MAIL}");
    let parts = [
        ("model", "hears"),
        (sound.as_str(), "sound"),
        ("prompt", prompt.as_str()),
    ];
    let ask = blue(form("/v1/audio/transcriptions", &parts));
    let (answer, received) = stand.pass(&ask).await;
    let sent = received.json();
    assert_eq!(sent["prompt"], "by <EMAIL_ADDRESS>");
    assert_eq!(
        (&sent["file"]["size"], &sent["file"]["sum"]),
        (&json!(5), &json!(553))
    );
    assert!(!sent.to_string().contains(MAIL), "{sent}");
    assert_eq!(answer.json()["text"], "Ask <EMAIL_ADDRESS> now");
    for format in ["text", "srt", "vtt", "verbose_json"] {
        let ask = blue(transcription(&[("response_format", format)]));
        let (answer, _) = stand.pass(&ask).await;
        assert!(
            answer.text().contains("Ask <EMAIL_ADDRESS> now"),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("zwexford"), "{}", answer.text());
        assert_eq!(
            answer.text().contains("00:00:00"),
            ["srt", "vtt"].contains(&format)
        );
    }
    let ask = form(
        "/v1/audio/transcriptions",
        &[
            ("model", "listens"),
            ("file@a.mp3", "sound"),
            ("stream", "true"),
        ],
    );
    let pieces = json!({"text": format!("Ask {MAIL} now"), "chars": 3});
    let ask = ask.key("demo-blue-key").mock(&pieces);
    let (answer, _) = stand.pass(&ask).await;
    let events = answer.events();
    let deltas: String = events
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(deltas, "Ask <EMAIL_ADDRESS> now");
    assert_eq!(events.last().unwrap()["text"], "Ask <EMAIL_ADDRESS> now");
    // A secret blocks: of a transcript nothing is told behind it.
    let secret = json!({"text": format!("It is {SECRET}.")});
    let ask = transcription(&[]).key("demo-blue-key").mock(&secret);
    let (answer, _) = stand.pass(&ask).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.text().contains(SECRET));
    recorded(stand, &ask, &[("outcome", json!("guardrail_blocked"))]).await;
    for ask in [
        blue(speech(
            &json!({"model": "speaks", "input": SECRET, "voice": "a"}),
        )),
        blue(image(&json!({"model": "paints", "prompt": SECRET}))),
        blue(transcription(&[("prompt", SECRET)])),
        blue(form(
            "/v1/images/edits",
            &[("image@a.png", "x"), ("prompt", SECRET)],
        )),
    ] {
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "content_filter")
        );
        assert!(stand.received(&ask).is_empty());
    }
    let ask = blue(speech(
        &json!({"model": "speaks", "input": MAIL, "voice": "a"}),
    ));
    let (_, received) = stand.pass(&ask).await;
    assert_eq!(received.json()["input"], "<EMAIL_ADDRESS>");
    let ask = blue(image(&json!({"model": "paints", "prompt": MAIL})));
    let (answer, received) = stand.pass(&ask).await;
    assert_eq!(received.json()["prompt"], "<EMAIL_ADDRESS>");
    let image = &answer.json()["data"][0];
    assert_eq!(image["revised_prompt"], "Ask <EMAIL_ADDRESS> now");
    assert!(image["b64_json"].as_str().unwrap().starts_with("iVBOR"));
}

async fn refused(stand: &Stand) {
    let told = |answer: &Answer| (answer.status, answer.code());
    let multipart = "multipart/form-data; boundary=bnd";
    let good = || transcription(&[]);
    let with_type = |kind: &str| good().header("content-type", kind);
    let raw = |body: &str| good().body(body.to_owned());
    for (ask, status, code) in [
        (with_type("application/json"), 415, "unsupported_media_type"),
        (
            with_type("multipart/form-data"),
            415,
            "unsupported_media_type",
        ),
        (
            with_type("multipart/mixed; boundary=bnd"),
            415,
            "unsupported_media_type",
        ),
        (
            good().without("content-type"),
            415,
            "unsupported_media_type",
        ),
        (
            with_type("multipart/form-data; boundary=other"),
            400,
            "invalid_multipart",
        ),
        (raw(""), 400, "empty_body"),
        (raw("--bnd\r\nbroken"), 400, "invalid_multipart"),
        (raw("--bnd--\r\n"), 400, "invalid_multipart"),
        (transcription(&[("model", "hears")]), 400, "duplicate_key"),
        (transcription(&[("file@b", "")]), 400, "duplicate_key"),
        (
            form(
                "/v1/audio/transcriptions",
                &[("model", "hears"), ("file@a", "")],
            ),
            400,
            "invalid_value",
        ),
        (
            form(
                "/v1/audio/transcriptions",
                &[("model", "none"), ("file@a", "x")],
            ),
            404,
            "model_not_found",
        ),
        (
            speech(&json!({"model": "speaks"})),
            400,
            "missing_required_parameter",
        ),
        (
            speech(&json!({"model": "speaks", "input": "a"})).header("content-type", multipart),
            415,
            "unsupported_media_type",
        ),
        (
            image(&json!({"model": "paints", "prompt": "a", "n": 0})),
            400,
            "invalid_value",
        ),
    ] {
        let answer = stand.send(&ask).await;
        assert_eq!(
            told(&answer),
            (status, code.to_owned()),
            "{}",
            answer.text()
        );
        assert!(stand.received(&ask).is_empty());
    }
    // 25 MB are what OpenAI takes: here `limits.body` says less.
    let long = "x".repeat(25_000_000);
    let ask = form(
        "/v1/audio/transcriptions",
        &[("model", "hears"), ("file@a.mp3", &long)],
    );
    let answer = stand.send(&ask).await;
    assert_eq!(told(&answer), (413, "request_too_large".to_owned()));
    assert!(answer.text().contains("1048576 bytes"), "{}", answer.text());
    assert!(stand.received(&ask).is_empty());
    // What comes is no sound.
    let ask = speech(&json!({"model": "speaks", "input": "a", "voice": "a"}))
        .mock(&json!({"status": 500}));
    assert_eq!(stand.send(&ask).await.status, 500);
}

#[test]
fn backends_hear_and_speak() {
    run(async {
        let mut policy = fleet_policy();
        policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
        policy["guardrails"] = json!([
            {"name": "pii", "phase": "output", "tenants": ["blue"], "detect": "personal_data", "action": "mask"},
        ]);
        policy["models"]["smart"]["targets"] = json!([
            {"backend": "openai", "model": "first-model", "price": {"second": 0.0001, "characters": 15}},
        ]);
        let fleet = Fleet::start(Config::fallback().policy(&policy, Form::Struct)).await;
        let parts = [("file@a.mp3", "sound"), ("model", "smart")];
        let ask = form("/v1/audio/transcriptions", &parts);
        let answer = fleet.send(&ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received = fleet.received("a", &ask);
        assert_eq!(received[0].json()["model"], "first-model");
        assert_eq!(received[0].json()["file"]["sum"], 553);
        let text = form(
            "/v1/audio/translations",
            &[parts[0], parts[1], ("response_format", "srt")],
        );
        assert!(fleet.send(&text).await.text().starts_with("1\n00:00"));
        let spoken = speech(&json!({"model": "smart", "input": "one", "voice": "a"}));
        let answer = fleet.send(&spoken).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "audio/mpeg")
        );
        let record = fleet.record(&spoken).await;
        assert_eq!(
            (&record["cost_nano_usd"], &record["outcome"]),
            (&json!(45_000), &json!("ok"))
        );
        let streamed = speech(
            &json!({"model": "smart", "input": "one", "voice": "a", "stream_format": "sse"}),
        );
        assert_eq!(fleet.send(&streamed).await.events().len(), 3);
        let painted = image(&json!({"model": "smart", "prompt": "a"}));
        assert_eq!(
            fleet.send(&painted).await.json()["data"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        // A page is no sound.
        let page = speech(&json!({"model": "smart", "input": "one", "voice": "a"}))
            .mock(&json!({"headers": {"content-type": "text/html"}, "body": "<html>"}));
        assert_eq!(fleet.send(&page).await.code(), "upstream_invalid_answer");
        // Where answers have to be inspected, sound and images are not asked for.
        for ask in [
            speech(&json!({"model": "light", "input": "a", "voice": "a"})),
            image(&json!({"model": "light", "prompt": "a"})),
            form(
                "/v1/images/variations",
                &[("model", "light"), ("image@a", "x")],
            ),
        ] {
            let ask = ask.key("demo-blue-key");
            let answer = fleet.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "unscannable_request")
            );
            assert_eq!(fleet.tries(&ask).iter().sum::<usize>(), 0);
        }
        // Anthropic has none of it: the target after it is asked.
        let ask = form("/v1/audio/transcriptions", &[("model", "light"), parts[0]]);
        assert_eq!(fleet.send(&ask).await.status, 200);
        assert_eq!(fleet.tries(&ask).iter().sum::<usize>(), 1);
    });
}
