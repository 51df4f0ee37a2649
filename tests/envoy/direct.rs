/*! One provider that speaks another protocol than the caller, without a filter in front of it:
the gateway translates by itself. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Form, Lease, Speaks, Stand, demo_policy, run};

const SAID: &str = "It rains in Köln. ";

/// A policy whose provider speaks what `caller` does not.
fn policy(caller: Speaks) -> Value {
    let mut policy = demo_policy();
    policy["backends"]["mock"]["api"] = json!(match caller {
        Speaks::OpenAi => "anthropic",
        Speaks::Anthropic => "openai",
    });
    policy
}

async fn stand(caller: Speaks) -> Lease<Stand> {
    Stand::of(Config::gateway().policy(&policy(caller), Form::Struct)).await
}

fn call(stream: bool) -> Value {
    json!({"model": "smart", "max_tokens": 100, "stream": stream,
           "messages": [{"role": "user", "content": "hi"}]})
}

const fn line(caller: Speaks) -> &'static str {
    match caller {
        Speaks::OpenAi => "POST /v1/messages",
        Speaks::Anthropic => "POST /v1/chat/completions",
    }
}

#[test]
fn answers_come_in_the_callers_protocol() {
    run(async {
        for caller in Speaks::ALL {
            let stand = stand(caller).await;
            for stream in [false, true] {
                let ask = caller.ask(&call(stream)).mock(&json!({"text": SAID}));
                let (answer, received) = stand.pass(&ask).await;
                assert_eq!((answer.status, answer.complete), (200, true));
                assert_eq!(caller.said(&answer, stream), SAID);
                assert_eq!(received.line, line(caller));
                assert_eq!(received.authority, "mock.provider");
                assert_eq!(received.json()["model"], "gpt-5.1");
                for key in ["authorization", "x-api-key"] {
                    assert_eq!(received.header(key), "", "{key}");
                }
                let told = ["backend", "model", "attempts"]
                    .map(|name| answer.header(&format!("x-tollgate-{name}")));
                assert_eq!(told, ["mock", "gpt-5.1", "1"]);
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "ok");
                assert_eq!(record["usage"], "reported");
            }
        }
    });
}

#[test]
fn a_stream_cut_at_every_byte_is_the_same() {
    run(async {
        for caller in Speaks::ALL {
            let stand = stand(caller).await;
            let ask = |cut: usize| {
                let script = json!({"text": "Köln ", "tools": 2, "reasoning": "hm", "cut": cut});
                let mut body = call(true);
                body["tools"] = match caller {
                    Speaks::OpenAi => {
                        json!([{"type": "function", "function": {"name": "f", "parameters": {}}}])
                    }
                    Speaks::Anthropic => json!([{"name": "f", "input_schema": {"type": "object"}}]),
                };
                // Its id stands in the answer.
                caller
                    .ask(&body)
                    .header("x-request-id", "always")
                    .mock(&script)
            };
            let clean = |text: &str| {
                // When the answer was made.
                let parts = text.split("\"created\":");
                let parts = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
                parts.collect::<String>()
            };
            let whole = stand.send(&ask(0)).await;
            assert_eq!((whole.status, whole.complete), (200, true));
            let whole = clean(whole.text());
            let length = 3000;
            for cut in (1..length).step_by(7) {
                let answer = stand.send(&ask(cut)).await;
                assert_eq!(clean(answer.text()), whole, "{caller:?} {cut}");
            }
            let mut dripped = json!({"text": "Köln ", "tools": 2, "reasoning": "hm"});
            dripped["piece"] = json!(1);
            let answer = stand.send(&ask(0).mock(&dripped)).await;
            assert_eq!(clean(answer.text()), whole, "{caller:?} by bytes");
        }
    });
}

#[test]
fn every_fault_becomes_an_error_of_the_callers_protocol() {
    run(async {
        for caller in Speaks::ALL {
            let stand = stand(caller).await;
            for (script, status, code) in [
                (json!({"status": 400}), 400, None),
                (
                    json!({"status": 429, "headers": {"retry-after": "7"}}),
                    429,
                    None,
                ),
                (json!({"status": 500}), 500, None),
                (json!({"status": 503}), 503, None),
                (json!({"status": 401}), 502, Some("upstream_auth")),
                (json!({"status": 403}), 502, Some("upstream_auth")),
                (
                    json!({"status": 302, "headers": {"location": "http://x.test"}}),
                    502,
                    Some("upstream_redirect"),
                ),
                (
                    json!({"fault": "garbage"}),
                    502,
                    Some("upstream_invalid_answer"),
                ),
                (
                    json!({"fault": "html"}),
                    502,
                    Some("upstream_invalid_answer"),
                ),
                (
                    json!({"fault": "empty"}),
                    502,
                    Some("upstream_invalid_answer"),
                ),
                (json!({"status": 500, "fault": "html"}), 500, None),
                (
                    json!({"fault": "reset_before_head"}),
                    503,
                    Some("upstream_unavailable"),
                ),
            ] {
                for stream in [false, true] {
                    let ask = caller.ask(&call(stream)).mock(&script);
                    let answer = stand.send(&ask).await;
                    let what = format!(
                        "{caller:?} {stream} {script}: {} {:?}",
                        answer.status, answer.body
                    );
                    assert_eq!((answer.status, answer.complete), (status, true), "{what}");
                    assert!(caller.is_error(&answer.json()), "{what}");
                    assert_eq!(answer.header("content-type"), "application/json", "{what}");
                    if let Some(code) = code {
                        assert_eq!(answer.code(), code, "{what}");
                    }
                    let internal = |name: &str| name.starts_with("x-tollgate-internal-");
                    let leaked = answer.headers.keys().find(|name| internal(name.as_str()));
                    assert_eq!(leaked, None, "{what}");
                    let worth = ["false", "true"][usize::from(matches!(status, 429 | 500 | 503))];
                    assert_eq!(answer.header("x-should-retry"), worth, "{what}");
                    assert_eq!(answer.header("x-tollgate-attempts"), "1", "{what}");
                    assert_eq!(stand.record(&ask).await["status"], status, "{what}");
                }
            }
        }
    });
}

#[test]
fn a_limited_call_is_told_when_to_come_back() {
    run(async {
        for caller in Speaks::ALL {
            let stand = stand(caller).await;
            let script = json!({"status": 429, "headers": {"retry-after": "7"}});
            let answer = stand.send(&caller.ask(&call(false)).mock(&script)).await;
            let after: u64 = answer.header("retry-after").parse().expect("seconds");
            assert!((6..=7).contains(&after), "{after}");
        }
    });
}

#[test]
fn streams_that_fail_on_the_way_end_in_an_error() {
    run(async {
        for caller in Speaks::ALL {
            let stand = stand(caller).await;
            for (fault, outcome) in [
                ("end_mid_body", "upstream_incomplete"),
                ("error_mid_body", "upstream_error"),
            ] {
                let script = json!({"fault": fault, "text": SAID, "events": 20});
                let ask = caller.ask(&call(true)).mock(&script);
                let answer = stand.send(&ask).await;
                let what = format!("{caller:?} {fault}: {:?}", answer.body);
                assert_eq!((answer.status, answer.complete), (200, true), "{what}");
                let events = answer.events();
                assert!(caller.is_error(events.last().expect("events")), "{what}");
                let errors = events.iter().filter(|event| caller.is_error(event));
                assert_eq!(errors.count(), 1, "{what}");
                assert!(caller.said(&answer, true).starts_with("It "), "{what}");
                assert_eq!(stand.record(&ask).await["outcome"], outcome, "{what}");
            }
            let script = json!({"fault": "reset_mid_body", "text": SAID, "events": 20});
            let ask = caller.ask(&call(true)).mock(&script);
            let answer = stand.send(&ask).await;
            assert!(!answer.complete, "{caller:?}: {:?}", answer.body);
            let record = stand.record(&ask).await;
            assert_eq!(record["outcome"], "upstream_reset", "{record}");
            assert_eq!(record["usage"], "estimated", "{record}");
        }
    });
}

/// Over HTTP/2 an answer may end in trailers, behind which no body can be written.
#[test]
fn answers_that_end_in_trailers() {
    run(async {
        for caller in Speaks::ALL {
            let config = Config::gateway().policy(&policy(caller), Form::Struct);
            let stand = Stand::start(config.http2_provider()).await;
            for (status, stream) in [(200, false), (200, true), (500, false), (429, true)] {
                let trailers = json!({"x-checksum": "1", "x-ratelimit-limit-requests": "9"});
                let script = json!({"status": status, "text": SAID, "trailers": trailers});
                let ask = caller.ask(&call(stream)).mock(&script);
                let answer = stand.send(&ask).await;
                let what = format!("{caller:?} {status} {stream}: {:?}", answer.body);
                assert_eq!((answer.status, answer.complete), (status, true), "{what}");
                if status == 200 {
                    assert_eq!(caller.said(&answer, stream), SAID, "{what}");
                } else {
                    assert!(caller.is_error(&answer.json()), "{what}");
                }
                assert!(!answer.trailers.contains_key("x-ratelimit-limit-requests"));
            }
        }
    });
}

#[test]
fn what_cannot_be_said_is_refused_before_it_is_sent() {
    run(async {
        for (caller, field, value, param) in [
            (Speaks::OpenAi, "n", json!(2), "n"),
            (
                Speaks::OpenAi,
                "functions",
                json!([{"name": "f"}]),
                "functions",
            ),
            (
                Speaks::Anthropic,
                "mcp_servers",
                json!([{"type": "url", "url": "http://x.test", "name": "x"}]),
                "mcp_servers",
            ),
        ] {
            let stand = stand(caller).await;
            let mut body = call(false);
            body[field] = value;
            let ask: Ask = caller.ask(&body);
            let answer = stand.send(&ask).await;
            let error = answer.json()["error"].take();
            assert_eq!(answer.status, 400, "{error}");
            assert_eq!(error["code"], "unsupported_by_provider", "{error}");
            let message = error["message"].as_str().unwrap_or_default();
            assert!(message.contains(param), "{error}");
            assert!(stand.received(&ask).is_empty());
            assert_eq!(
                stand.record(&ask).await["outcome"],
                "unsupported_by_provider"
            );
        }
    });
}

/// Envoy cannot ask Tollgate again once an answer has begun: the words are its own.
#[test]
fn a_provider_that_breaks_off_while_its_answer_is_held() {
    run(async {
        for caller in Speaks::ALL {
            let stand = stand(caller).await;
            for stream in [false, true] {
                let script = json!({"fault": "reset_after_head"});
                let ask = caller.ask(&call(stream)).mock(&script);
                let answer = stand.send(&ask).await;
                assert!(matches!(answer.status, 502 | 503), "{}", answer.status);
                assert_eq!(answer.header("content-type"), "text/plain");
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "upstream_reset", "{record}");
                assert_eq!(record["status"], answer.status, "{record}");
                assert_eq!(record["usage"], "estimated", "{record}");
            }
        }
    });
}
