/*! What calls cost, in every pairing of what the caller and the provider speak: in the record,
in the totals of the tenant, in the metrics. */

use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Fleet, Form, Speaks, eventually, fleet_policy, hasty, run};

/// The models, with the mock and the backend that answer first.
const MODELS: [(&str, &str, &str); 2] = [("smart", "a", "openai"), ("light", "b", "anthropic")];

fn call(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream,
           "messages": [{"role": "user", "content": "How is the weather?"}]})
}

/// Both providers have prices; a million tokens of each kind cost another amount of USD.
fn priced() -> Value {
    let mut policy = fleet_policy();
    let openai = json!({"input": 2, "cached_input": "0.5", "output": 8, "reasoning": 9, "audio_input": 40,
        "audio_output": 80, "image_input": 5, "request": "0.000000007"});
    let anthropic = json!({"input": 3, "cached_input": 0.3, "cache_write": 3.75, "output": 15});
    for (model, first, second) in [
        ("smart", &openai, &anthropic),
        ("light", &anthropic, &openai),
    ] {
        let targets = &mut policy["models"][model]["targets"];
        targets[0]["price"] = first.clone();
        targets[1]["price"] = second.clone();
    }
    policy
}

async fn fleet(policy: &Value) -> Fleet {
    Fleet::start(Config::fallback().policy(policy, Form::Struct)).await
}

/// What each provider reports, and what that costs in nano-USD.
fn reports() -> [(Value, u64); 2] {
    let openai = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 30, "image_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 10}});
    let of_prompt = 350 * 2_000 + 600 * 500 + 30 * 40_000 + 20 * 5_000;
    let of_answer = 50 * 8_000 + 40 * 9_000 + 10 * 80_000;
    let anthropic = json!({"input_tokens": 50, "cache_read_input_tokens": 4000, "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 70, "output_tokens_details": {"thinking_tokens": 20}});
    // An hour in the cache costs twice as much as the prompt.
    let kept = 4000 * 300 + 100 * 3_750 + 200 * 6_000;
    [
        (openai, of_prompt + of_answer + 7),
        (anthropic, 50 * 3_000 + kept + 70 * 15_000),
    ]
}

/// The sum of a counter over all its labels.
async fn counted(fleet: &Fleet, name: &str, label: &str) -> u64 {
    let page = fleet.envoy.admin("/stats/prometheus").await;
    let lines = page.lines();
    let lines = lines.filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

async fn totals(fleet: &Fleet, model: &str) -> Value {
    let ask = Ask::new("GET", "/tollgate/usage").key("demo-admin-key");
    fleet.send(&ask).await.json()["models"][model].take()
}

#[test]
fn the_cost_is_the_same_in_every_pairing() {
    run(async {
        let fleet = fleet(&priced()).await;
        for ((model, mock, backend), (usage, cost)) in MODELS.into_iter().zip(reports()) {
            let mut calls = 0;
            for caller in Speaks::ALL {
                for stream in [false, true] {
                    let what = format!("{caller:?} {model} stream: {stream}");
                    let script = json!({mock: {"usage": usage}});
                    let mut body = call(model, stream);
                    if caller == Speaks::OpenAi && stream {
                        body["stream_options"] = json!({"include_usage": true});
                    }
                    let ask = caller.ask(&body).mock(&script);
                    assert_eq!(fleet.send(&ask).await.status, 200, "{what}");
                    let record = fleet.record(&ask).await;
                    assert_eq!(record["backend"], backend, "{what}");
                    assert_eq!(record["usage"], "reported", "{what}");
                    assert_eq!(record["cost_nano_usd"], cost, "{what}: {record}");
                    calls += 1;
                }
            }
            let totals = totals(&fleet, model).await;
            assert_eq!(totals["cost_nano_usd"], calls * cost);
            assert_eq!(
                (&totals["calls"], &totals["unpriced"]),
                (&json!(calls), &json!(0))
            );
            let label = format!("gen_ai_provider_name=\"{backend}\"");
            let sum = counted(&fleet, "tollgate_cost_nano_usd_total", &label).await;
            assert_eq!(sum, calls * cost);
        }
        let written = totals(&fleet, "light").await;
        assert_eq!(
            (
                &written["cache_write_tokens"],
                &written["cache_write_1h_tokens"]
            ),
            (&json!(400), &json!(800))
        );
        for (kind, count) in [
            ("cache_write", 4 * 100),
            ("cache_write_1h", 4 * 200),
            ("audio_input", 4 * 30),
            ("audio_output", 4 * 10),
            ("image_input", 4 * 20),
            ("cached", 4 * 600 + 4 * 4000),
        ] {
            let label = format!("gen_ai_token_type=\"{kind}\"");
            let sum = counted(&fleet, "tollgate_tokens_total", &label).await;
            assert_eq!(sum, count, "{kind}");
        }
        assert_eq!(
            counted(&fleet, "tollgate_unpriced_calls_total", "").await,
            0
        );
    });
}

#[test]
fn a_lost_try_is_charged_at_its_own_price() {
    run(async {
        let fleet = fleet(&hasty(priced())).await;
        let [(openai, openai_cost), (anthropic, anthropic_cost)] = reports();
        for (model, lost, answers, usage, cost, of_prompt) in [
            ("smart", "a", "b", anthropic, anthropic_cost, 2_000),
            ("light", "b", "a", openai, openai_cost, 3_000),
        ] {
            for caller in Speaks::ALL {
                for (fault, costs) in [
                    (json!({"fault": "hang"}), true),
                    (json!({"fault": "garbage"}), true),
                    (json!({"status": 500}), false),
                    (json!({"status": 429}), false),
                ] {
                    let what = format!("{caller:?} {model} {fault}");
                    let script = json!({lost: fault, answers: {"usage": usage}});
                    let ask = caller.ask(&call(model, false)).mock(&script);
                    assert_eq!(fleet.send(&ask).await.status, 200, "{what}");
                    let record = fleet.record(&ask).await;
                    assert_eq!(record["attempts"], 2, "{what}");
                    let reported = if answers == "a" { 1000 } else { 4350 };
                    let prompt = record["input_tokens"].as_u64().unwrap() - reported;
                    assert_eq!(prompt > 0, costs, "{what}");
                    let wanted = cost + prompt * of_prompt;
                    assert_eq!(record["cost_nano_usd"], wanted, "{what}");
                }
            }
        }
    });
}

#[test]
fn without_a_price_the_cost_is_unknown_unless_there_is_a_default() {
    run(async {
        let mut policy = priced();
        let targets = &mut policy["models"]["smart"]["targets"];
        targets[0].as_object_mut().unwrap().remove("price");
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 5});
        let ask = || Ask::chat(&call("smart", false)).mock(&json!({"a": {"usage": usage}}));
        let unpriced = fleet(&policy).await;
        let asked = ask();
        unpriced.send(&asked).await;
        let record = unpriced.record(&asked).await;
        assert_eq!(record["input_tokens"], 10);
        assert_eq!(record.get("cost_nano_usd"), None, "{record}");
        assert_eq!(totals(&unpriced, "smart").await["unpriced"], 1);
        let label = "gen_ai_provider_name=\"openai\"";
        eventually("the call is counted", 10, async || {
            let sum = counted(&unpriced, "tollgate_unpriced_calls_total", label).await;
            (sum == 1).then_some(())
        })
        .await;
        policy["default_price"] = json!({"input": 10, "output": 30});
        let priced = fleet(&policy).await;
        let asked = ask();
        priced.send(&asked).await;
        let record = priced.record(&asked).await;
        assert_eq!(record["cost_nano_usd"], 10 * 10_000 + 5 * 30_000);
    });
}

/// Many calls at once, over both workers: the totals are the sum of the records.
#[test]
fn the_totals_cost_what_the_calls_cost() {
    run(async {
        const CALLS: u64 = 400;
        let fleet = fleet(&priced()).await;
        let port = fleet.envoy.port();
        let mut running = tokio::task::JoinSet::new();
        for number in 0..CALLS {
            let usage = json!({"prompt_tokens": number, "completion_tokens": 1});
            let ask =
                Ask::chat(&call("smart", number % 2 == 0)).mock(&json!({"a": {"usage": usage}}));
            running.spawn(async move { assert_eq!(ask.send(port).await.status, 200) });
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        let wanted = CALLS * (CALLS - 1) / 2 * 2_000 + CALLS * (8_000 + 7);
        let settled = eventually("all calls are settled", 10, async || {
            let totals = totals(&fleet, "smart").await;
            (totals["calls"] == CALLS).then_some(totals)
        });
        assert_eq!(settled.await["cost_nano_usd"], wanted);
        let metric = counted(&fleet, "tollgate_cost_nano_usd_total", "").await;
        assert_eq!(metric, wanted);
    });
}
