/*! Streams that end at a limit: their callers have a whole answer, their providers stop. */

use serde_json::{Value, json};
use tollgate_tests::{
    Answer, Ask, Config, Form, Protocol, Stand, demo_policy, eventually, run, stopping,
};

/// Two thousand words in pieces of about an event: ten seconds, if nobody ends it.
fn long() -> Value {
    json!({"events": 2000, "piece": 190, "piece_delay_ms": 5})
}

fn chat(max_tokens: Option<u64>) -> Value {
    let mut body = json!({"model": "smart", "stream": true,
        "messages": [{"role": "user", "content": "Tell me something."}]});
    if let Some(most) = max_tokens {
        body["max_tokens"] = json!(most);
    }
    body
}

fn config() -> Config {
    Config::gateway().policy(&stopping(demo_policy()), Form::Struct)
}

/// The data of a stream's events that are JSON.
fn events(answer: &Answer) -> Vec<Value> {
    let lines = answer.text();
    let data = lines.lines().filter_map(|line| line.strip_prefix("data: "));
    let data = data.filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
        .collect()
}

/// Sends until what earlier calls took no longer counts.
async fn admitted(stand: &Stand, ask: impl Fn() -> Ask) -> (Ask, Answer) {
    eventually("the call is admitted", 15, async || {
        let ask = ask();
        let answer = stand.send(&ask).await;
        (answer.status != 429).then_some((ask, answer))
    })
    .await
}

/// How many requests were cut at the provider: streams of HTTP/2, connections of HTTP/1.
async fn cuts(stand: &Stand) -> u64 {
    let stat = |name: &str| format!("cluster.provider.{name}");
    let streams = stand.envoy.stat(&stat("upstream_rq_tx_reset")).await;
    let closed = stat("upstream_cx_destroy_local_with_active_rq");
    streams + stand.envoy.stat(&closed).await
}

#[test]
fn a_provider_without_a_bound_is_cut_off() {
    run(async {
        for config in [config(), config().http2_provider()] {
            let stand = Stand::start(config).await;
            for (round, protocol) in (1..).zip([Protocol::Http1, Protocol::Http2]) {
                let ask = || Ask::chat(&chat(None)).mock(&long()).over(protocol);
                let (ask, answer) = admitted(&stand, ask).await;
                assert!(
                    answer.text().ends_with("\n\ndata: [DONE]\n\n"),
                    "{}",
                    answer.text()
                );
                assert!(!answer.complete, "Envoy can only cut it");
                let events = events(&answer);
                let (last, before) = events.split_last().unwrap();
                assert_eq!(last["choices"][0]["finish_reason"], "length");
                assert_eq!(last["id"], before[0]["id"]);
                // 8 tokens are 32 bytes; more is never granted.
                assert!((5..=20).contains(&before.len()), "{}", before.len());
                let record = stand.record(&ask).await;
                assert_eq!(record["outcome"], "budget_exhausted");
                assert_eq!(
                    (&record["status"], &record["usage"]),
                    (&json!(200), &json!("estimated"))
                );
                assert!(
                    (9..=20).contains(&record["output_tokens"].as_u64().unwrap()),
                    "{record}"
                );
                // The request is off the provider's connection long before its answer ends.
                eventually("the provider is cut off", 5, async || {
                    (cuts(&stand).await == round).then_some(())
                })
                .await;
            }
        }
    });
}

#[test]
fn a_provider_with_a_bound_comes_to_its_end() {
    run(async {
        let stand = Stand::start(config()).await;
        let script = json!({"events": 100, "piece": 190, "piece_delay_ms": 2});
        let messages = json!({"model": "smart", "stream": true, "max_tokens": 8,
            "messages": [{"role": "user", "content": "Tell me something."}]});
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let ask = || Ask::chat(&chat(Some(8))).mock(&script).over(protocol);
            let (ask, answer) = admitted(&stand, ask).await;
            assert!(answer.complete && answer.text().ends_with("\n\ndata: [DONE]\n\n"));
            let events = events(&answer);
            assert_eq!(
                events.last().unwrap()["choices"][0]["finish_reason"],
                "length"
            );
            assert!(events.len() < 20, "{}", events.len());
            let record = stand.record(&ask).await;
            assert_eq!(record["outcome"], "budget_exhausted");
            // As the provider has told it, behind the end.
            assert_eq!(
                (&record["usage"], &record["output_tokens"]),
                (&json!("reported"), &json!(100))
            );

            let ask = || Ask::messages(&messages).mock(&script).over(protocol);
            let (ask, answer) = admitted(&stand, ask).await;
            assert!(answer.complete, "{}", answer.text());
            let events = self::events(&answer);
            let kinds: Vec<&str> = events
                .iter()
                .filter_map(|event| event["type"].as_str())
                .collect();
            let ends = ["content_block_stop", "message_delta", "message_stop"];
            assert!(kinds.ends_with(&ends) && kinds.len() < 20, "{kinds:?}");
            let delta = &events[events.len() - 2];
            assert_eq!(delta["delta"]["stop_reason"], "max_tokens");
            let record = stand.record(&ask).await;
            assert_eq!(
                (&record["outcome"], &record["output_tokens"]),
                (&json!("budget_exhausted"), &json!(100))
            );
        }
        assert_eq!(cuts(&stand).await, 0);
    });
}

#[test]
fn a_stream_that_ends_with_the_piece_that_passes_the_limit_needs_no_cut() {
    run(async {
        let stand = Stand::start(config()).await;
        let script = json!({"events": 40});
        let (ask, answer) = admitted(&stand, || Ask::chat(&chat(None)).mock(&script)).await;
        assert!(answer.complete && answer.text().ends_with("\n\ndata: [DONE]\n\n"));
        assert_eq!(
            events(&answer).last().unwrap()["choices"][0]["finish_reason"],
            "length"
        );
        let record = stand.record(&ask).await;
        assert_eq!(
            (&record["outcome"], &record["usage"]),
            (&json!("budget_exhausted"), &json!("reported"))
        );
    });
}

#[test]
fn without_the_option_a_stream_goes_on() {
    run(async {
        let mut policy = stopping(demo_policy());
        policy["ledger"]["stop_at_limit"] = json!(false);
        let stand = Stand::start(Config::gateway().policy(&policy, Form::Struct)).await;
        let ask = Ask::chat(&chat(None)).mock(&json!({"events": 100}));
        let answer = stand.send(&ask).await;
        assert!(answer.complete && events(&answer).len() > 100);
        assert_eq!(stand.record(&ask).await["outcome"], "ok");
    });
}
