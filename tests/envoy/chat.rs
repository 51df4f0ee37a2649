/*! Good calls: what reaches the provider, and what comes back. */

use serde_json::{Value, json};
use std::io::Write;
use tollgate_tests::{Ask, Config, Protocol, Stand, run};

fn hello() -> Value {
    json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]})
}

fn streamed() -> Value {
    json!({"model": "smart", "stream": true, "messages": [{"role": "user", "content": "hi"}]})
}

#[test]
fn a_whole_answer_passes() {
    run(async {
        let stand = Stand::shared().await;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let ask = Ask::chat(&hello()).over(protocol);
            let (answer, received) = stand.pass(&ask).await;
            assert_eq!((answer.status, answer.complete), (200, true));
            assert_eq!(answer.json()["choices"][0]["message"]["role"], "assistant");
            assert_eq!(received.line, "POST /v1/chat/completions");
            assert_eq!(received.authority, "mock.provider");
        }
    });
}

#[test]
fn the_body_changes_only_where_it_must() {
    run(async {
        let stand = Stand::shared().await;
        let body = "{ \"x_unknown\" : [1.0e2, \"\\u00e9\\/\"],\n \"model\":\"smart\" , \"messages\":[{\"role\":\"user\",\"content\":\"hi\"}], \"metadata\":{\"a\": 1} } ";
        let (_, received) = stand.pass(&Ask::chat_bytes(body)).await;
        let wanted = body.replace("\"smart\"", "\"gpt-5.1\"");
        assert_eq!(received.body, wanted);
        assert_eq!(received.headers["content-length"], wanted.len().to_string());
    });
}

/// Strings are searched sixteen bytes at a time, by other code in wasm than natively:
/// every special byte at every place of two blocks.
#[test]
fn special_bytes_are_seen_at_every_place() {
    run(async {
        let stand = Stand::shared().await;
        let call = |text: &str| {
            format!(
                r#"{{"model":"smart","x":"{text}","messages":[{{"role":"user","content":"hi"}}]}}"#
            )
        };
        let good = [
            "\\n",
            "\\\\",
            "\\\"",
            "\\u00e9",
            "é",
            "語",
            "\\ud83d\\ude00",
            "\u{7f}",
        ];
        let bad = ["\u{1f}", "\n", "\0", "\\x", "\\ud83d", "\\u12g4"];
        for place in 0..32 {
            let (before, after) = ("a".repeat(place), "b".repeat(31 - place));
            let text: Vec<String> = good.iter().map(|s| format!("{before}{s}{after}")).collect();
            let ask = Ask::chat_bytes(call(&text.concat()));
            assert_eq!(stand.send(&ask).await.status, 200, "{place}");
            for special in bad {
                let ask = Ask::chat_bytes(call(&format!("{before}{special}{after}")));
                let answer = stand.send(&ask).await;
                assert_eq!(answer.code(), "invalid_json", "{special:?} at {place}");
            }
        }
    });
}

#[test]
fn a_model_at_the_end_of_a_long_body_is_replaced_too() {
    run(async {
        let stand = Stand::shared().await;
        let text = "lorem ipsum ".repeat(300_000);
        let body = format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}],\"model\":\"smart\"}}"
        );
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let ask = Ask::chat_bytes(body.clone()).over(protocol);
            let (answer, received) = stand.pass(&ask).await;
            assert_eq!(answer.status, 200);
            assert_eq!(received.body, body.replace("\"smart\"", "\"gpt-5.1\""));
        }
    });
}

#[test]
fn every_form_of_stream_options_asks_for_usage() {
    run(async {
        let stand = Stand::shared().await;
        let mut whole = streamed();
        for (options, asked) in [
            (None, false),
            (Some(json!(null)), false),
            (Some(json!({})), false),
            (Some(json!({"include_usage": false})), false),
            (Some(json!({"include_usage": null})), false),
            (Some(json!({"include_usage": true, "other": 1})), true),
        ] {
            if let Some(options) = &options {
                whole["stream_options"] = options.clone();
            }
            let (answer, received) = stand.pass(&Ask::chat(&whole)).await;
            let sent: Value = serde_json::from_slice(&received.body).unwrap();
            assert_eq!(sent["stream_options"]["include_usage"], true, "{options:?}");
            let events = answer.events();
            let reported = events.iter().any(|event| event["usage"].is_object());
            assert_eq!(reported, asked, "{options:?}");
            assert!(answer.text().ends_with("data: [DONE]\n\n"));
        }
    });
}

#[test]
fn stream_options_without_stream_are_left_alone() {
    run(async {
        let stand = Stand::shared().await;
        let mut body = hello();
        body["stream"] = json!(false);
        let (_, received) = stand.pass(&Ask::chat(&body)).await;
        let sent: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(sent["stream_options"], Value::Null);
    });
}

#[test]
fn tools_and_several_choices_stream() {
    run(async {
        let stand = Stand::shared().await;
        let mut body = streamed();
        body["n"] = json!(3);
        body["tools"] =
            json!([{"type": "function", "function": {"name": "weather", "parameters": {}}}]);
        let ask = Ask::chat(&body).mock(&json!({"tool": true, "piece": 7}));
        let events = stand.send(&ask).await.events();
        for index in 0..3 {
            let arguments: String = events
                .iter()
                .filter(|event| event["choices"][0]["index"] == index)
                .filter_map(|event| {
                    event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
                })
                .collect();
            assert_eq!(arguments, "{\"city\":\"Köln\"}");
        }
    });
}

/// One stream, cut in two at every byte: what the caller gets and what is counted never
/// changes.
async fn cut_everywhere(stand: &Stand, protocol: Protocol, trailers: &Value, asks: bool) {
    let mut body = streamed();
    if asks {
        body["stream_options"] = json!({"include_usage": true});
    }
    let script = |cut: usize| {
        json!({"text": "naïve 語", "usage": {"prompt_tokens": 7, "completion_tokens": 3},
               "cut": cut, "trailers": trailers})
    };
    let whole = stand.send(&Ask::chat(&body).mock(&script(0))).await;
    assert!(whole.complete && whole.text().contains("語"));
    let length = whole.body.len() + if asks { 0 } else { 200 };
    let mut asks = Vec::new();
    for cut in 1..=length {
        let ask = Ask::chat(&body).mock(&script(cut)).over(protocol);
        asks.push(async move {
            let answer = stand.send(&ask).await;
            (cut, answer)
        });
    }
    // A few at a time: all at once would only measure the machine.
    while !asks.is_empty() {
        let batch = asks.split_off(asks.len().saturating_sub(16));
        let mut running = Vec::new();
        for ask in batch {
            running.push(ask);
        }
        for (cut, answer) in join(running).await {
            assert!(answer.complete, "cut at {cut}");
            assert_eq!(answer.body, whole.body, "cut at {cut}");
        }
    }
}

/// Runs futures side by side.
async fn join<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut slots: Vec<_> = futures.into_iter().map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|context| {
        let mut done = true;
        for (future, slot) in &mut slots {
            if slot.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *slot = Some(value),
                    std::task::Poll::Pending => done = false,
                }
            }
        }
        if done {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    slots.into_iter().filter_map(|(_, slot)| slot).collect()
}

#[test]
fn a_stream_cut_at_every_byte_is_the_same() {
    run(async {
        let stand = Stand::shared().await;
        cut_everywhere(&stand, Protocol::Http1, &json!({}), false).await;
        cut_everywhere(&stand, Protocol::Http2, &json!({}), true).await;
    });
}

#[test]
fn a_stream_cut_at_every_byte_that_ends_in_trailers_is_the_same() {
    run(async {
        let stand = Stand::of(Config::gateway().http2_provider()).await;
        let trailers = json!({"x-provider-trailer": "1"});
        cut_everywhere(&stand, Protocol::Http2, &trailers, false).await;
        let before = stand.totals("smart").await;
        let ask = Ask::chat(&streamed())
            .mock(&json!({"trailers": trailers}))
            .over(Protocol::Http2);
        let answer = stand.send(&ask).await;
        assert_eq!(answer.trailers["x-provider-trailer"], "1");
        assert_eq!(stand.record(&ask).await["usage"], "reported");
        assert_eq!(before["estimated"], 0, "every cut stream was counted");
    });
}

#[test]
fn a_whole_answer_that_ends_in_trailers_is_counted() {
    run(async {
        let stand = Stand::of(Config::gateway().http2_provider()).await;
        let script = json!({"piece": 11, "trailers": {"x-provider-trailer": "1"},
                            "usage": {"prompt_tokens": 7, "completion_tokens": 3}});
        let ask = Ask::chat(&hello()).mock(&script).over(Protocol::Http2);
        let answer = stand.send(&ask).await;
        assert_eq!(answer.json()["usage"]["prompt_tokens"], 7);
        assert_eq!(stand.record(&ask).await["input_tokens"], 7);
    });
}

#[test]
fn request_trailers_end_the_body_and_go_nowhere() {
    run(async {
        let stand = Stand::of(Config::gateway().http2_provider()).await;
        let ask = Ask::chat(&hello())
            .trailer("x-tollgate-internal-cluster", "elsewhere")
            .over(Protocol::Http2);
        let (answer, received) = stand.pass(&ask).await;
        assert_eq!(answer.status, 200);
        assert!(received.trailers.is_empty(), "{:?}", received.trailers);
        let sent: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(sent["model"], "gpt-5.1");
    });
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn brotli(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &text[..], &mut out, &parameters).unwrap();
    out
}

/// Text that shrinks about as prose does.
fn prose(length: usize) -> String {
    let words = [
        "river",
        "of",
        "seventeen",
        "lamps",
        "and",
        "a",
        "quiet",
        "engine",
        "turns",
    ];
    let mut state = 1_u32;
    let mut text = String::new();
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(words[(state >> 16) as usize % words.len()]);
        text.push(' ');
    }
    text
}

#[test]
fn compressed_requests_are_read() {
    run(async {
        let plain = Stand::shared().await;
        let http2 = Stand::of(Config::gateway().http2_provider()).await;
        let mut body = hello();
        body["messages"][0]["content"] = json!(prose(1_500_000));
        let text = body.to_string();
        for (encoding, packed) in [
            ("gzip", gzip(text.as_bytes())),
            ("br", brotli(text.as_bytes())),
        ] {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let ask = Ask::chat_bytes(packed.clone())
                    .header("content-encoding", encoding)
                    .over(protocol);
                for stand in [&*plain, &http2] {
                    let (answer, received) = stand.pass(&ask).await;
                    assert_eq!(answer.status, 200, "{encoding}");
                    assert_eq!(received.body, text.replace("\"smart\"", "\"gpt-5.1\""));
                    assert!(!received.headers.contains_key("content-encoding"));
                    assert!(received.trailers.is_empty(), "{:?}", received.trailers);
                }
            }
        }
    });
}

#[test]
fn a_decompressed_body_over_the_cap_is_refused() {
    run(async {
        let stand = Stand::shared().await;
        let ask = Ask::chat_bytes(gzip(&vec![b' '; 64 << 20])).header("content-encoding", "gzip");
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "request_too_large")
        );
        assert!(stand.received(&ask).is_empty());
        // Envoy stops a brotli body that grows more than a hundredfold; what is left of
        // it is no JSON.
        let ask = Ask::chat_bytes(brotli(&vec![b' '; 64 << 20])).header("content-encoding", "br");
        let answer = stand.send(&ask).await;
        assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
        assert!(stand.received(&ask).is_empty());
    });
}

#[test]
fn providers_are_never_asked_for_an_encoded_answer() {
    run(async {
        let stand = Stand::shared().await;
        let ask = Ask::chat(&hello()).header("accept-encoding", "gzip, br");
        let (_, received) = stand.pass(&ask).await;
        assert!(!received.headers.contains_key("accept-encoding"));
    });
}

#[test]
fn a_twenty_megabyte_body_passes() {
    run(async {
        let stand = Stand::shared().await;
        let mut body = hello();
        body["messages"][0]["content"] = json!("x".repeat((20 << 20) - 200));
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let (answer, received) = stand.pass(&Ask::chat(&body).over(protocol)).await;
            assert_eq!(answer.status, 200);
            assert_eq!(received.body.len(), body.to_string().len() + 2);
        }
    });
}

#[test]
fn models_are_listed_as_the_tenant_may_use_them() {
    run(async {
        let stand = Stand::shared().await;
        let list = async |key: &str| {
            let answer = stand.send(&Ask::new("GET", "/v1/models").key(key)).await;
            let models = answer.json()["data"].as_array().cloned().unwrap();
            models
                .iter()
                .map(|model| model["id"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(list("demo-acme-key").await, ["smart", "light"]);
        assert_eq!(list("demo-blue-key").await, ["light"]);
        for (key, status) in [("demo-acme-key", 200), ("demo-blue-key", 403)] {
            let ask = Ask::new("GET", "/v1/models/smart").key(key);
            assert_eq!(stand.send(&ask).await.status, status);
        }
    });
}
