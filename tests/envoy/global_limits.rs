/*! Budgets over many Envoys: Envoy's rate limit filter, and behind it a real engine with a real
store. */

use rate_limit_service::{Asked, Limit, Service};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;
use tollgate_tests::{Answer, Ask, Config, Release, Speaks, Stand, eventually, run};

/// The tokens of a tenant, of all Envoys together.
const TOKENS: Limit = Limit {
    domain: "tollgate",
    when: "unit == 'tokens'",
    each: "tenant",
    most: 10_000,
    seconds: 3600,
};

/// The shipped file, which takes estimates. A machine that is busy with tests gets more time.
fn by_estimate(service: &Service) -> Config {
    let port = format!("port_value: {}", service.port());
    Config::shipped("global-limits.yaml")
        .replace("port_value: 8081", &port)
        .replace(
            "timeout: 0.25s\n              #",
            "timeout: 10s\n              #",
        )
}

/// The variant of docs/limits-global.md for services that cannot take back.
fn by_use(service: &Service) -> Config {
    const UNDER: &str = "                  - actions: *tokens_of_tenant
                    apply_on_stream_done: true
                    hits_addend: { format: \"%FILTER_STATE(wasm.tollgate.limit.under:PLAIN)%\", is_negative_hits: true }\n";
    by_estimate(service)
        .replace("charge: estimate, refund_refused: true", "charge: actual")
        .replace(
            "format: \"%FILTER_STATE(wasm.tollgate.limit.estimate:PLAIN)%\"",
            "number: 0",
        )
        .replace("wasm.tollgate.limit.over", "wasm.tollgate.limit.tokens")
        .replace(UNDER, "")
}

/// A call whose prompt is estimated at 10 tokens: 3 of text, 7 around it.
fn call(max_tokens: u64) -> Value {
    json!({"model": "smart", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "12345678"}]})
}

/// What the provider says that a call used.
fn usage(prompt: u64, answer: u64) -> Value {
    json!({"usage": {"prompt_tokens": prompt, "completion_tokens": answer}})
}

/// Waits until the service has counted so much for tenant acme.
async fn used(service: &Service, tokens: u64) {
    let mut last = None;
    let counted = eventually("the service has counted", 5, async || {
        last = Some(service.used(&TOKENS, "acme").await);
        (last == Some(tokens)).then_some(())
    });
    let counted = tokio::time::timeout(Duration::from_secs(4), counted).await;
    assert!(counted.is_ok(), "{last:?} instead of {tokens}");
}

fn asked(hits: u64, negative: bool) -> Asked {
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Asked {
        entries: vec![entry("unit", "tokens"), entry("tenant", "acme")],
        hits: Some(hits),
        negative,
    }
}

#[test]
fn a_call_takes_its_estimate_and_is_put_right_at_its_end() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stand = Stand::start(by_estimate(&service)).await;
        // Each with what the provider says, and what is used by then.
        for (said, over, under, sum) in [
            (usage(11, 5), 0, 94, 16),
            (usage(10, 100), 0, 0, 126),
            (usage(200, 300), 390, 0, 626),
        ] {
            let before = service.asked().len();
            let answer = stand.send(&Ask::chat(&call(100)).mock(&said)).await;
            assert_eq!(answer.status, 200);
            used(&service, sum).await;
            let wanted = [asked(110, false), asked(over, false), asked(under, true)];
            let new = eventually("the service is told all", 5, async || {
                let new = service.asked().split_off(before);
                (new.len() >= wanted.len()).then_some(new)
            })
            .await;
            assert_eq!(new, wanted, "{said}");
        }
        let before = service.asked().len();
        for (ask, status) in [
            (Ask::chat(&call(100)).key("nobody's"), 401),
            (Ask::new("GET", "/v1/unknown").key("demo-acme-key"), 404),
            (Ask::new("GET", "/v1/models").key("demo-acme-key"), 200),
            (Ask::chat_bytes("{"), 400),
        ] {
            assert_eq!(stand.send(&ask).await.status, status);
            stand.envoy.record(&ask.id).await;
        }
        assert_eq!(
            service.asked().len(),
            before,
            "answers of Tollgate cost nothing"
        );
    });
}

/// In millionths of a USD, each call's rounded up.
#[test]
fn a_budget_of_money() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let mut config = by_estimate(&service).replace(
            "{ backend: mock, model: gpt-5.1 }",
            "{ backend: mock, model: gpt-5.1, price: { input: 1.25, output: 10 } }",
        );
        for key in ["estimate", "over", "under"] {
            let tokens = format!("tollgate.limit.{key}");
            config = config.replace(&tokens, &format!("tollgate.limit.cost_{key}"));
        }
        let stand = Stand::start(config).await;
        // 10 tokens of prompt and 100 of answer at most: 12.5 + 1000.
        let ask = Ask::chat(&call(100)).mock(&usage(11, 5));
        assert_eq!(stand.send(&ask).await.status, 200);
        // 13.75 + 50
        used(&service, 64).await;
        assert_eq!(service.asked()[0], asked(1013, false));
        let dear = Ask::chat(&call(1000));
        assert_eq!(stand.send(&dear).await.code(), "rate_limit_exceeded");
        used(&service, 64).await;
    });
}

#[test]
fn however_a_call_ends_the_service_has_what_it_used() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stand = Stand::start(by_estimate(&service)).await;
        let mut streamed = call(100);
        streamed["stream"] = json!(true);
        let mut sum = 0;
        for (ask, adds) in [
            (Ask::chat(&streamed).mock(&usage(11, 5)), 16),
            (Ask::chat(&call(100)).mock(&json!({"status": 500})), 0),
            // Nobody said what was used: the prompt is charged as estimated.
            (
                Ask::chat(&call(100)).mock(&json!({"fault": "reset_before_head"})),
                10,
            ),
        ] {
            drop(ask.try_send(stand.envoy.port()).await);
            sum += adds;
            used(&service, sum).await;
            let record = stand.record(&ask).await;
            let told = ["input_tokens", "output_tokens"].map(|name| record[name].as_u64().unwrap());
            assert_eq!(told.iter().sum::<u64>(), adds, "{record}");
        }
        // A caller who leaves while the provider works.
        let ask = Ask::chat(&call(100)).mock(&json!({"fault": "hang"}));
        let (port, waiting) = (stand.envoy.port(), ask.clone());
        let task = tokio::spawn(async move { waiting.try_send(port).await });
        eventually("the provider has the call", 10, async || {
            (!stand.received(&ask).is_empty()).then_some(())
        })
        .await;
        assert_eq!(service.used(&TOKENS, "acme").await, sum + 110);
        task.abort();
        used(&service, sum + 10).await;
    });
}

/// Sends the calls to both Envoys in turn, all at once.
async fn at_once(stands: &[Stand; 2], calls: usize, ask: impl Fn() -> Ask) -> Vec<Answer> {
    let mut running = JoinSet::new();
    for port in stands
        .iter()
        .map(|stand| stand.envoy.port())
        .cycle()
        .take(calls)
    {
        let ask = ask();
        running.spawn(async move { ask.send(port).await });
    }
    running.join_all().await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

#[test]
fn two_envoys_share_a_budget_that_holds_to_the_token() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stands = [
            Stand::start(by_estimate(&service)).await,
            Stand::start(by_estimate(&service)).await,
        ];
        // 9 calls of 1010 tokens fit, however many come at once.
        let ask = || Ask::chat(&call(1000)).mock(&usage(10, 1000));
        let answers = at_once(&stands, 60, ask).await;
        assert_eq!((count(&answers, 200), count(&answers, 429)), (9, 51));
        let received = |stand: &Stand| stand.mock.received(|_| true).len();
        assert_eq!(stands.iter().map(received).sum::<usize>(), 9);
        // What was refused was taken for a moment, and is given back.
        used(&service, 9 * 1010).await;
        // What is left is there for a call that fits, at either Envoy, and for no other.
        let fits = Ask::chat(&call(900)).mock(&usage(2, 0));
        assert_eq!(stands[0].send(&fits).await.status, 200);
        used(&service, 9 * 1010 + 2).await;
        assert_eq!(stands[1].send(&fits).await.status, 429);
        used(&service, 9 * 1010 + 2).await;
        // Another tenant has a budget of its own.
        let other = json!({"model": "light", "max_tokens": 1000, "messages": [{"role": "user", "content": "hi"}]});
        let other = Ask::chat(&other).key("demo-blue-key");
        assert_eq!(stands[1].send(&other).await.status, 200);
    });
}

#[test]
fn many_calls_at_two_envoys_are_counted_to_the_token() {
    run(async {
        let plenty = Limit {
            most: 100_000_000,
            ..TOKENS
        };
        let service = Service::start(&[plenty]).await;
        let stands = [
            Stand::start(by_estimate(&service)).await,
            Stand::start(by_estimate(&service)).await,
        ];
        let answers = at_once(&stands, 200, || Ask::chat(&call(50)).mock(&usage(11, 6))).await;
        assert_eq!(count(&answers, 200), 200);
        used(&service, 200 * 17).await;
    });
}

#[test]
fn without_estimates_a_budget_is_passed_by_what_is_in_flight() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stands = [
            Stand::start(by_use(&service)).await,
            Stand::start(by_use(&service)).await,
        ];
        // One after the other: the budget is used up (not passed) after ten, so one more goes.
        let one = Ask::chat(&call(1000)).mock(&usage(2, 998));
        for number in 1..=11 {
            let stand = &stands[usize::try_from(number).unwrap() % 2];
            assert_eq!(stand.send(&one).await.status, 200, "{number}");
            used(&service, number * 1000).await;
        }
        for stand in &stands {
            assert_eq!(stand.send(&one).await.status, 429);
        }
        used(&service, 11_000).await;
    });
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stands = [
            Stand::start(by_use(&service)).await,
            Stand::start(by_use(&service)).await,
        ];
        // All at once: nobody has used anything when they start, so all of them go.
        let mut slow = usage(2, 998);
        slow["delay_ms"] = json!(1500);
        let answers = at_once(&stands, 20, || Ask::chat(&call(1000)).mock(&slow)).await;
        assert_eq!(count(&answers, 200), 20);
        used(&service, 20 * 1000).await;
        for stand in &stands {
            assert_eq!(stand.send(&Ask::chat(&call(1))).await.status, 429);
        }
    });
}

#[test]
fn the_oldest_envoy_charges_what_was_used() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stand = Stand::start_release(Release::Oldest, by_use(&service)).await;
        let ask = Ask::chat(&call(100)).mock(&usage(11, 5));
        assert_eq!(stand.send(&ask).await.status, 200);
        used(&service, 16).await;
        let dear = Ask::chat(&call(1)).mock(&usage(11_000, 5));
        assert_eq!(stand.send(&dear).await.status, 200);
        used(&service, 11_021).await;
        assert_eq!(stand.send(&ask).await.code(), "rate_limit_exceeded");
    });
}

/// A call in each protocol of callers.
fn in_each_protocol(max_tokens: u64) -> [(Ask, Speaks); 2] {
    [
        (Ask::chat(&call(max_tokens)), Speaks::OpenAi),
        (Ask::messages(&call(max_tokens)), Speaks::Anthropic),
    ]
}

#[test]
fn its_refusal_is_told_in_the_callers_protocol() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stand = Stand::start(by_estimate(&service)).await;
        for (ask, speaks) in in_each_protocol(20_000) {
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (429, "rate_limit_exceeded")
            );
            assert!(speaks.is_error(&answer.json()), "{}", answer.text());
            assert_eq!(answer.header("x-should-retry"), "true");
            assert_eq!(answer.header("x-ratelimit-limit"), "10000, 10000;w=3600");
            assert_eq!(answer.header("x-ratelimit-remaining"), "0");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((3500..=3600).contains(&wait), "{wait}");
            let record = stand.record(&ask).await;
            assert_eq!(record["outcome"], "global_limit");
            assert_eq!(
                (&record["status"], &record["usage"]),
                (&json!(429), &json!("none"))
            );
            assert_eq!(
                (&record["tenant"], &record["model"]),
                (&json!("acme"), &json!("smart"))
            );
            assert!(stand.received(&ask).is_empty());
            used(&service, 0).await;
        }
        let totals = stand.totals("smart").await;
        assert_eq!(
            (&totals["local"], &totals["failed"]),
            (&json!(2), &json!(0))
        );
    });
}

#[test]
fn without_the_service_nothing_passes() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stand = Stand::start(by_estimate(&service)).await;
        assert_eq!(stand.send(&Ask::chat(&call(10))).await.status, 200);
        drop(service);
        for (ask, speaks) in in_each_protocol(10) {
            let answer = stand.send(&ask).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (503, "limits_unavailable")
            );
            assert!(speaks.is_error(&answer.json()), "{}", answer.text());
            let record = stand.record(&ask).await;
            assert_eq!(record["outcome"], "global_limit_unavailable");
            assert_eq!(record["usage"], "none");
            assert!(stand.received(&ask).is_empty());
        }
        // What Tollgate answers itself needs no service.
        let list = Ask::new("GET", "/v1/models").key("demo-acme-key");
        assert_eq!(stand.send(&list).await.status, 200);
    });
}

#[test]
fn a_service_that_is_too_slow_is_one_that_does_not_answer() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let config = by_estimate(&service).replace(
            "timeout: 10s\n              #",
            "timeout: 0.1s\n              #",
        );
        let stand = Stand::start(config).await;
        service.delay(Duration::from_secs(5));
        let ask = Ask::chat(&call(10));
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "limits_unavailable")
        );
        assert!(stand.received(&ask).is_empty());
    });
}

/// A descriptor for each name of a call.
#[test]
fn users_are_known_by_their_hash_and_unknown_ones_have_no_descriptor() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let names = ["tier", "model", "user"].map(|name| {
            format!(
                "                    - extension:
                        name: envoy.rate_limit_descriptors.expr
                        typed_config:
                          \"@type\": type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor
                          descriptor_key: {name}
                          text: filter_state[\"wasm.tollgate.limit.{name}\"]\n"
            )
        });
        let first = "                    hits_addend: { format: \"%FILTER_STATE(wasm.tollgate.limit.estimate";
        let config = by_estimate(&service)
            .replace(
                "label: demo }\n                        - { sha256: ac5b",
                "label: demo, user: ann@example.com }\n                        - { sha256: ac5b",
            )
            .replace(first, &(names.concat() + first));
        let stand = Stand::start(config).await;
        assert_eq!(stand.send(&Ask::chat(&call(10))).await.status, 200);
        let asked = service.asked();
        // printf %s ann@example.com | sha256sum | cut -c1-32
        let wanted = [
            ("unit", "tokens"),
            ("tenant", "acme"),
            ("tier", "premium"),
            ("model", "smart"),
            ("user", "71d4f55f72fa128dfb468a1a3901507c"),
        ];
        let wanted = wanted.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(asked[0].entries, wanted);
        // The admin's key names no user.
        let of_users = || {
            let asked = service.asked();
            asked.iter().filter(|one| one.entries.len() == 5).count()
        };
        // Once before the call, twice after it.
        eventually("the service is told all", 5, async || {
            (of_users() == 3).then_some(())
        })
        .await;
        let admin = Ask::chat(&call(10)).key("demo-admin-key");
        assert_eq!(stand.send(&admin).await.status, 200);
        stand.envoy.record(&admin.id).await;
        assert_eq!(of_users(), 3);
    });
}
