/*! Budgets over many Envoys: Envoy's rate limit filter, a real engine and a real store behind
it. */

use rate_limit_service::{Limit, Service};
use serde_json::{Value, json};
use tollgate_tests::{Ask, Config, Stand, eventually, run};

/// A budget of each tenant.
const TOKENS: Limit = Limit {
    domain: "tollgate",
    when: "unit == 'tokens'",
    each: "tenant",
    most: 10_000,
    seconds: 3600,
};

fn config(service: &Service) -> Config {
    let port = format!("port_value: {}", service.port());
    Config::shipped("global-limits.yaml").replace("port_value: 8081", &port)
}

fn call(max_tokens: u64) -> Value {
    json!({"model": "smart", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "12345678"}]})
}

fn uses(prompt: u64, answer: u64) -> Value {
    json!({"usage": {"prompt_tokens": prompt, "completion_tokens": answer}})
}

#[test]
fn probe() {
    run(async {
        let service = Service::start(&[TOKENS]).await;
        let stand = Stand::start(config(&service)).await;
        let ask = Ask::chat(&call(100)).mock(&uses(11, 5));
        let answer = stand.send(&ask).await;
        println!("{} {:?} {}", answer.status, answer.headers, answer.text());
        println!("401 {}", stand.send(&Ask::chat(&call(100)).key("no")).await.status);
        println!("404 {}", stand.send(&Ask::new("GET", "/v1/xx").key("demo-acme-key")).await.status);
        println!("models {}", stand.send(&Ask::new("GET", "/v1/models").key("demo-acme-key")).await.status);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        println!("{:#?} used {}", service.asked(), service.used(&TOKENS, "acme").await);
        let ask = Ask::chat(&call(20000)).mock(&uses(11, 5));
        let answer = stand.send(&ask).await;
        println!("{} {:?} {}", answer.status, answer.headers, answer.text());
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        println!("{:#?} used {}", service.asked(), service.used(&TOKENS, "acme").await);
        println!("{}", stand.record(&ask).await);
        let ask = Ask::chat(&call(2_000_000_000)).mock(&uses(11, 5));
        let answer = stand.send(&ask).await;
        println!("{} {:?} {}", answer.status, answer.headers, answer.text());
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        println!("{:#?} used {}", service.asked().last(), service.used(&TOKENS, "acme").await);
        println!("{}", stand.envoy.log());
        let other = Stand::start(config(&service).replace("%FILTER_STATE(wasm.tollgate.limit.estimate:PLAIN)%", "%REQ(x-hits)%")).await;
        for hits in ["1000000000", "1000000001", "5000000000", "1.5", "-1", "", "x"] {
            let before = service.asked().len();
            let status = other.send(&Ask::chat(&call(1)).header("x-hits", hits)).await.status;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let asked = service.asked();
            let new: Vec<_> = asked[before..].iter().map(|a| (a.hits, a.negative)).collect();
            println!("HITS {hits}: {status} {new:?} {}", service.used(&TOKENS, "acme").await);
        }
        println!("{}", other.envoy.log());
        drop(service);
        let ask = Ask::chat(&call(20000)).mock(&uses(11, 5));
        let answer = stand.send(&ask).await;
        println!("{} {:?} {}", answer.status, answer.headers, answer.text());
        println!("{}", stand.record(&ask).await);
        println!("{}", stand.envoy.records().last().unwrap());
    });
}
