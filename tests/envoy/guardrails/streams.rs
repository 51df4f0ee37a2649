/*! Streams: what ends them, and what is held when they do. */

use super::{
    CARD, HTTP, MAIL, assert_ended, assert_free_of, assert_untold, blocking, call, filtered,
    pii_out, policy, reasons, said, shared, stand,
};
use serde_json::{Value, json};
use tollgate_tests::{Answer, Ask, Config, Form, Protocol, Speaks, Stand, eventually, run};

/// Text, then a value, then more text than fits into a second.
fn long_text() -> String {
    format!(
        "One two three {MAIL} four five {}",
        "and more of it ".repeat(40)
    )
}

fn assert_blocked(speaks: Speaks, answer: &Answer) {
    assert_eq!(speaks.said(answer, true), "One two three ");
    assert_free_of(&answer.body, &[MAIL, "four five", "and more"]);
    assert_eq!(reasons(speaks, answer, true), [filtered(speaks)]);
    assert_ended(speaks, answer);
}

#[test]
fn a_block_ends_a_stream_as_its_protocol_does() {
    run(async {
        for api in ["openai", "anthropic"] {
            let stand = shared(&json!([blocking()]), api).await;
            for speaks in Speaks::ALL {
                for (round, chars) in [Some(1), Some(3), Some(7), None].into_iter().enumerate() {
                    for piece in [None, Some(190)] {
                        let script = json!({"text": long_text(), "chars": chars, "piece": piece});
                        let ask = speaks
                            .ask(&call("hi", true))
                            .mock(&script)
                            .over(HTTP[round % 2]);
                        let answer = stand.send(&ask).await;
                        assert!(answer.complete, "its provider has a bound");
                        assert_blocked(speaks, &answer);
                        let record = stand.record(&ask).await;
                        assert_eq!(record["outcome"], "guardrail_blocked", "{record}");
                        // As the provider has told it, behind the end.
                        assert_eq!(record["usage"], "reported", "{record}");
                        let wanted = json!([{"name": "stop", "phase": "output", "action": "block",
                            "found": {"EMAIL_ADDRESS": 1}}]);
                        assert_eq!(record["guardrails"], wanted, "{record}");
                        let records = stand.envoy.records().into_iter();
                        let own = records.filter(|line| line["tollgate"]["request_id"] == ask.id);
                        assert_eq!(own.count(), 1);
                    }
                }
            }
            assert_untold(stand, &[MAIL]).await;
        }
    });
}

/// One that asked for usage is told what was used so far.
#[test]
fn a_blocked_stream_reports_its_usage() {
    run(async {
        let stand = shared(&json!([blocking()]), "openai").await;
        let mut body = call("hi", true);
        body["stream_options"] = json!({"include_usage": true});
        let answer = stand
            .send(&Ask::chat(&body).mock(&json!({"text": long_text()})))
            .await;
        assert_blocked(Speaks::OpenAi, &answer);
        let events = answer.events();
        let usage = &events.last().unwrap()["usage"];
        assert!(
            usage["prompt_tokens"].is_u64() && usage["completion_tokens"].is_u64(),
            "{usage}"
        );
    });
}

#[test]
fn a_provider_without_a_bound_is_cut_off() {
    run(async {
        for config in [Config::gateway(), Config::gateway().http2_provider()] {
            let config = config.policy(&policy(&json!([blocking()])), Form::Struct);
            let stand = Stand::start(config).await;
            for http in HTTP {
                let mut body = call("hi", true);
                body.as_object_mut().unwrap().remove("max_tokens");
                let script =
                    json!({"text": long_text(), "events": 2000, "piece": 190, "piece_delay_ms": 5});
                let ask = Ask::chat(&body).mock(&script).over(http);
                let answer = stand.send(&ask).await;
                assert!(!answer.complete, "Envoy can only cut it");
                assert_blocked(Speaks::OpenAi, &answer);
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "guardrail_blocked");
                assert_eq!(
                    (&record["status"], &record["usage"]),
                    (&json!(200), &json!("estimated"))
                );
            }
            eventually("the provider is cut off", 5, async || {
                let streams = stand
                    .envoy
                    .stat("cluster.provider.upstream_rq_tx_reset")
                    .await;
                let closed = "cluster.provider.upstream_cx_destroy_local_with_active_rq";
                (streams + stand.envoy.stat(closed).await == 2).then_some(())
            })
            .await;
        }
    });
}

/// What was reserved for the answer is given back, once.
#[test]
fn a_blocked_stream_is_settled_once() {
    run(async {
        let mut policy = policy(&json!([blocking()]));
        policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
        let stand = stand(&policy).await;
        let usage = json!({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12});
        for _ in 0..4 {
            let script = json!({"text": long_text(), "usage": usage});
            let ask = Ask::chat(&call("hi", true)).mock(&script);
            assert_blocked(Speaks::OpenAi, &stand.send(&ask).await);
            stand.record(&ask).await;
        }
        let totals = stand.totals("smart").await;
        assert_eq!(
            (
                &totals["calls"],
                &totals["input_tokens"],
                &totals["output_tokens"]
            ),
            (&json!(4), &json!(20), &json!(28)),
            "{totals}"
        );
        let ask = Ask::chat(&call("hi", false)).mock(&json!({"status": 500}));
        let left: u64 = stand
            .send(&ask)
            .await
            .header("x-ratelimit-remaining-tokens")
            .parse()
            .unwrap();
        // This call's own reservation: a few tokens of the prompt, and 1,000.
        assert!(
            (1_000_000 - 4 * 12 - 1_100..1_000_000 - 4 * 12 - 1_000).contains(&left),
            "{left}"
        );
    });
}

/// The first thing that a model says is a value: there is a stream, and it ends.
#[test]
fn a_block_may_come_at_once() {
    run(async {
        for api in ["openai", "anthropic"] {
            let stand = shared(&json!([blocking()]), api).await;
            for speaks in Speaks::ALL {
                for (text, chars) in [
                    (MAIL.to_owned(), 3),
                    (format!("{MAIL} is it"), 100),
                    (format!("It is {MAIL}"), 1),
                ] {
                    let ask = speaks
                        .ask(&call("hi", true))
                        .mock(&json!({"text": text, "chars": chars}));
                    let answer = stand.send(&ask).await;
                    let what = format!("{api} {speaks:?} {text} {}", answer.text());
                    assert_eq!(reasons(speaks, &answer, true), [filtered(speaks)], "{what}");
                    assert_free_of(&answer.body, &[MAIL]);
                    assert_ended(speaks, &answer);
                    assert!(answer.complete);
                    assert_eq!(stand.record(&ask).await["outcome"], "guardrail_blocked");
                }
            }
        }
    });
}

/// Several choices end together: nothing of any goes on behind a block.
#[test]
fn a_block_in_one_choice_ends_all() {
    run(async {
        let stand = shared(&json!([blocking()]), "openai").await;
        let event = |index: usize, delta: &str| {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": index, "delta": {"content": delta}, "finish_reason": null}]});
            format!("data: {chunk}\n\n")
        };
        let body: String = [
            event(0, "left "),
            event(1, "right "),
            event(0, &format!("{MAIL} ")),
            event(1, "too late "),
            event(0, "too late "),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat();
        let mut ask = call("hi", true);
        ask["n"] = json!(2);
        let answer = stand
            .send(&Ask::chat(&ask).mock(&json!({"body": body})))
            .await;
        let said = said(Speaks::OpenAi, &answer, true);
        assert_eq!(
            (said["0 content"].as_str(), said["1 content"].as_str()),
            ("left ", "right ")
        );
        assert_eq!(
            reasons(Speaks::OpenAi, &answer, true),
            ["content_filter"; 2]
        );
        assert_free_of(&answer.body, &[MAIL, "too late"]);
        assert_ended(Speaks::OpenAi, &answer);
    });
}

/// A stream that its provider does not end: what could still have become a finding is not
/// given, what could not is.
#[test]
fn held_text_is_lost_with_its_stream() {
    run(async {
        let stand = stand(&policy(&json!([pii_out()]))).await;
        let event = |delta: &str| {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"content": delta}, "finish_reason": null}]});
            format!("data: {chunk}\n\n")
        };
        let front = [event("Good. "), event("It is quilliam@zwex")].concat();
        let padding = format!(": {}\n\n", "x".repeat(front.len() - 4));
        for (script, complete) in [
            (json!({"body": front}), true),
            (json!({"body": front, "trailers": {"x-end": "1"}}), true),
            // The second half of the body never comes.
            (
                json!({"body": format!("{front}{padding}"), "fault": "reset_mid_body"}),
                false,
            ),
            (
                json!({"body": format!("{front}{padding}"), "fault": "end_mid_body"}),
                true,
            ),
        ] {
            for http in HTTP {
                let ask = Ask::chat(&call("hi", true)).mock(&script).over(http);
                let answer = stand.send(&ask).await;
                assert_eq!(answer.complete, complete, "{script}");
                assert_free_of(&answer.body, &["quilliam@zwex"]);
                let text = Speaks::OpenAi.said(&answer, true);
                assert!(
                    text.starts_with("Good. ") && "Good. It is ".starts_with(&text),
                    "{text}"
                );
                assert_ne!(stand.record(&ask).await["outcome"], "ok");
            }
        }
        let page = super::metrics(&stand).await;
        let dropped = page
            .lines()
            .find(|line| line.starts_with("tollgate_held_text_dropped_total"));
        assert!(
            dropped.is_some_and(|line| line.ends_with(" 8")),
            "{dropped:?}"
        );
    });
}

/// Trailers behind a good end change nothing.
#[test]
fn a_stream_may_end_in_trailers() {
    run(async {
        let config = Config::gateway().http2_provider();
        let config = config.policy(&policy(&json!([pii_out()])), Form::Struct);
        let http2 = Stand::start(config).await;
        let openai = shared(&json!([pii_out()]), "openai").await;
        let anthropic = shared(&json!([pii_out()]), "anthropic").await;
        for stand in [&http2, openai, anthropic] {
            for speaks in Speaks::ALL {
                for http in HTTP {
                    let script = json!({"text": format!("I am {MAIL}"), "chars": 3,
                        "trailers": {"x-end": "1"}});
                    let ask = speaks.ask(&call("hi", true)).mock(&script).over(http);
                    let answer = stand.send(&ask).await;
                    assert_eq!(speaks.said(&answer, true), "I am <EMAIL_ADDRESS>");
                    assert_ended(speaks, &answer);
                    if http == Protocol::Http2 && std::ptr::eq(stand, &http2) {
                        assert_eq!(answer.trailers.get("x-end").unwrap(), "1");
                    }
                }
            }
        }
    });
}

/// Text that can't become a finding is not held: it comes while the provider still speaks.
#[test]
fn a_stream_stays_a_stream() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        let script = json!({"text": format!("Good day to you all, my friends. {MAIL}"),
            "fault": "hang_mid_body", "chars": 4});
        let ask = Ask::chat(&call("hi", true)).mock(&script);
        let port = stand.envoy.port();
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap();
        let body = call("hi", true).to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\n\
            authorization: Bearer demo-acme-key\r\ncontent-type: application/json\r\n\
            x-request-id: {}\r\nx-mock: {script}\r\ncontent-length: {}\r\n\r\n{body}",
            ask.id,
            body.len()
        );
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        let came = tokio::time::timeout(std::time::Duration::from_secs(10), async {
            while !String::from_utf8_lossy(&seen).contains("{\"content\":\"day to \"}") {
                let mut piece = [0; 4096];
                let count = socket.read(&mut piece).await.unwrap();
                seen.extend_from_slice(&piece[..count]);
                assert_ne!(count, 0, "it is still open");
            }
        });
        assert!(came.await.is_ok(), "{}", String::from_utf8_lossy(&seen));
    });
}

/// Values in members of events that only some providers have.
#[test]
fn unusual_events_are_masked_too() {
    run(async {
        let stand = shared(&json!([pii_out()]), "openai").await;
        let event = |delta: Value, logprobs: Value, reason: Value| {
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}]});
            format!("data: {chunk}\n\n")
        };
        let null = Value::Null;
        let tokens =
            json!({"content": [{"token": MAIL, "logprob": -1, "bytes": null, "top_logprobs": []}]});
        let mut body = String::new();
        for member in ["content", "refusal", "reasoning_content", "reasoning"] {
            for part in ["It is quil", "liam@zwex", "ford.org now"] {
                body.push_str(&event(json!({member: part}), tokens.clone(), null.clone()));
            }
        }
        body.push_str(&event(
            json!({"unheard_of": [MAIL], "content": ""}),
            null.clone(),
            null.clone(),
        ));
        // The last text may come with the end.
        body.push_str(&event(
            json!({"content": format!(" {MAIL}")}),
            null.clone(),
            json!("stop"),
        ));
        body.push_str("data: [DONE]\n\n");
        for http in HTTP {
            let ask = Ask::chat(&call("hi", true))
                .mock(&json!({"body": body, "piece": 77}))
                .over(http);
            let answer = stand.send(&ask).await;
            assert_free_of(&answer.body, &[MAIL]);
            let said = said(Speaks::OpenAi, &answer, true);
            let plain = "It is <EMAIL_ADDRESS> now";
            assert_eq!(said["0 refusal"], plain);
            assert_eq!(said["0 reasoning_content"], plain);
            assert_eq!(said["0 content"], format!("{plain} <EMAIL_ADDRESS>"));
            assert_ended(Speaks::OpenAi, &answer);
            assert!(!answer.text().contains("\"token\""), "{}", answer.text());
        }
    });
}

/// The words around a finding come once, and in their order, whatever is held.
#[test]
fn events_keep_their_order() {
    run(async {
        let stand = shared(&json!([pii_out()]), "anthropic").await;
        let script = json!({"text": format!("At the end {CARD}"), "reasoning": format!("It is {MAIL}"), "chars": 5});
        for http in HTTP {
            let answer = stand
                .send(&Ask::messages(&call("hi", true)).mock(&script).over(http))
                .await;
            let events = answer.events();
            let kinds: Vec<&str> = events
                .iter()
                .map(|event| event["type"].as_str().unwrap())
                .collect();
            let mut open = None;
            for (event, kind) in events.iter().zip(&kinds) {
                match *kind {
                    "content_block_start" => assert_eq!(open.replace(event["index"].clone()), None),
                    "content_block_delta" => {
                        assert_eq!(open.as_ref(), Some(&event["index"]), "{kinds:?}")
                    }
                    "content_block_stop" => assert_eq!(open.take().as_ref(), Some(&event["index"])),
                    _ => {}
                }
            }
            assert_eq!(kinds[0], "message_start");
            assert!(
                kinds.ends_with(&["content_block_stop", "message_delta", "message_stop"]),
                "{kinds:?}"
            );
            assert!(
                !answer.text().contains("c2lnbmF0dXJl"),
                "it is not of this thought"
            );
            let said = said(Speaks::Anthropic, &answer, true);
            assert_eq!(said["0 thinking"], "It is <EMAIL_ADDRESS>");
            assert_eq!(said["1 text"], "At the end <CREDIT_CARD>");
        }
    });
}
