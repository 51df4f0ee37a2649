use super::*;
use crate::config;
use crate::host::memory::MemoryHost;
use crate::identity::Claim;
use crate::json::tests::cases;
use crate::ledger::Totals;
use crate::telemetry::series_name;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use sha2::{Digest, Sha256};

const START: u64 = 1_700_000_000_000_000_000;
const MILLI: u64 = 1_000_000;
/// 11 bytes of text: 3 tokens if nobody counts them.
const BODY: &str = r#"{"model":"smart","messages":[{"role":"user","content":"PROMPT text"}]}"#;
const STREAMED: &str =
    r#"{"model":"smart","messages":[{"role":"user","content":"PROMPT text"}],"stream":true}"#;
const ANSWER: &str = r#"{"choices":[{"message":{"content":"ANSWER"}}],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;
const DELTA: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"ANSWER..\"}}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const SSE: &[(&str, &str)] = &[("content-type", "text/event-stream")];

const CHAT: &str = "/v1/chat/completions";
const ADMIN: (&str, &str) = ("authorization", "Bearer admin-secret");
const USER: (&str, &str) = ("x-api-key", "user-secret");

fn policy() -> Value {
    let key = |key: &str, label: &str, role: &str| {
        let digest = Sha256::digest(key);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"sha256": hex, "label": label, "user": label, "role": role})
    };
    json!({
        "backends": {
            "far": {"cluster": "far-cluster", "api": "openai", "base_path": "/api/v1", "authority": "api.far.com"},
            "near": {"cluster": "near-cluster", "api": "openai"}
        },
        "models": {
            "smart": {"targets": [{"backend": "far", "model": "gpt \"5\""}]},
            "same": {"targets": [{"backend": "near", "model": "same"}]},
            "hidden": {"targets": [{"backend": "near", "model": "x"}]}
        },
        "tenants": {
            "acme": {
                "tier": "premium", "models": ["smart", "same"],
                "keys": [key("admin-secret", "root", "admin"), key("user-secret", "ci", "user")]
            },
            "blue": {"models": ["hidden"], "keys": [key("blue-secret", "b", "user")]}
        },
        "identity": {"hops": [{"from": {"filter_chain": "inner"}, "tenant": "X-Org", "user": "X-User"}]},
        "limits": {"body": 1000, "held_per_tenant": 1500}
    })
}

/// What Envoy knows on the way: the details, no tries of filters in front of providers.
struct Way<'d>(&'d str);

impl Passage for Way<'_> {
    fn details(&self) -> String {
        self.0.to_owned()
    }

    fn tries(&self) -> Vec<u8> {
        Vec::new()
    }
}

struct Nobody;

impl Peer for Nobody {
    fn spiffe_id(&self) -> Option<String> {
        None
    }
    fn filter_chain(&self) -> Option<String> {
        None
    }
    fn has_jwt(&self, _: &str) -> bool {
        false
    }

    fn jwt_claim(&self, _: &str, _: &[String]) -> Claim {
        Claim::Absent
    }
}

/// A gateway and the host it runs on.
struct Bench {
    host: MemoryHost,
    gateway: Rc<Gateway>,
}

/// One call under test.
struct Run<'b> {
    bench: &'b Bench,
    call: Call,
}

type List<'a> = &'a [(&'a str, &'a str)];

fn headers(lists: &[List<'_>]) -> Vec<(String, Vec<u8>)> {
    let all = lists.iter().copied().flatten();
    all.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

impl Bench {
    fn new() -> Self {
        Self::of(&policy())
    }

    fn of(policy: &Value) -> Self {
        let policy = config::from_plugin_bytes(policy.to_string().as_bytes());
        let policy = policy.map_err(|problems| problems.to_string()).unwrap();
        let bench = Self {
            host: MemoryHost::default(),
            gateway: Rc::new(Gateway::new(policy, "test")),
        };
        bench.host.set_now(START);
        bench
    }

    fn passing_other_paths() -> Self {
        let mut policy = policy();
        policy["other_paths"] = json!({"pass": "far"});
        Self::of(&policy)
    }

    fn after(&self, millis: u64) {
        self.host.set_now(START + millis * MILLI);
    }

    fn run(&self) -> Run<'_> {
        Run {
            bench: self,
            call: Call::new(Rc::clone(&self.gateway), self.host.now()),
        }
    }

    /// A chat call whose body has not come.
    fn reading(&self) -> Run<'_> {
        let mut run = self.run();
        assert_eq!(run.head("POST", CHAT, &[USER], false), OnHead::Hold);
        run
    }

    /// A chat call that is at the provider.
    fn sent(&self, body: &str) -> Run<'_> {
        let mut run = self.reading();
        assert!(matches!(run.body(body), OnBody::Forward(..)));
        run
    }

    /// A chat call whose answer is coming.
    fn answering(&self, body: &str, list: List<'_>) -> Run<'_> {
        let mut run = self.sent(body);
        assert!(matches!(run.answer("200", list), OnAnswer::Forward(_)));
        run
    }

    /// Calls, estimated, failed, local, input and output of a tenant's model.
    fn totals(&self, tenant: &str, model: &str) -> [u64; 6] {
        let t = Totals::read(&self.host, &self.gateway.space, tenant, model);
        [
            t.calls,
            t.estimated,
            t.failed,
            t.local,
            t.usage.input,
            t.usage.output,
        ]
    }

    fn all_totals(&self) -> Vec<[u64; 6]> {
        let models = ["smart", "same", "hidden", "-", ""];
        let tenants = ["acme", "blue", ""].into_iter();
        tenants
            .flat_map(|tenant| models.map(|model| self.totals(tenant, model)))
            .collect()
    }

    fn counted(&self, name: &str, labels: &[(&str, &str)]) -> Vec<u64> {
        self.host.recorded(&series_name(name, labels))
    }
}

impl Run<'_> {
    fn head(&mut self, method: &str, path: &str, list: List<'_>, end: bool) -> OnHead {
        let first = [(":method", method), (":path", path)];
        let headers = headers(&[&first, list]);
        self.call
            .request_head(&self.bench.host, Headers(&headers), &Nobody, end)
    }

    fn body(&mut self, body: &str) -> OnBody {
        self.call
            .request_body(&self.bench.host, body.as_bytes(), body.len())
    }

    /// A provider's head.
    fn answer(&mut self, status: &str, list: List<'_>) -> OnAnswer {
        self.head_of_answer(status, list, "via_upstream")
    }

    /// An answer that Envoy made.
    fn envoy(&mut self, status: &str, details: &str) -> OnAnswer {
        self.head_of_answer(status, &[], details)
    }

    fn head_of_answer(&mut self, status: &str, list: List<'_>, details: &str) -> OnAnswer {
        let headers = headers(&[&[(":status", status)], list]);
        self.call
            .answer_head(&self.bench.host, Headers(&headers), false, &Way(details))
    }

    fn data(&mut self, piece: &str, end: bool) -> OnData {
        self.call
            .answer_data(&self.bench.host, piece.as_bytes(), end)
    }

    /// The call's end: settles once, whatever is tried; returns the record.
    fn finish(mut self, status: u16, details: &str) -> Value {
        let before: u64 = self.bench.all_totals().iter().map(|totals| totals[0]).sum();
        let end = || End {
            status,
            details: details.to_owned(),
            request_id: "late".to_owned(),
        };
        let record = self
            .call
            .finish(&self.bench.host, &Way(""), end)
            .expect("the first finish settles");
        let totals = self.bench.all_totals();
        for _ in 0..2 {
            assert_eq!(
                self.call
                    .finish(&self.bench.host, &Way(""), || panic!("asked twice")),
                None
            );
        }
        assert_eq!(self.bench.all_totals(), totals, "settled once");
        let record = String::from_utf8(record).unwrap();
        for text in ["secret", "PROMPT", "ANSWER"] {
            // The name of what is found is no text of the call.
            let record = record.replace("PROMPT_INJECTION", "");
            assert!(!record.contains(text), "{record}");
        }
        let record: Value = serde_json::from_str(&record).unwrap();
        let known = u64::from(record["tenant"] != "");
        let after: u64 = totals.iter().map(|totals| totals[0]).sum();
        assert_eq!(after, before + known, "strangers have no totals");
        let [tenant, model, backend, outcome] = ["tenant", "model", "backend", "outcome"]
            .map(|name| (name, record[name].as_str().unwrap()));
        let counted = self
            .bench
            .counted("tollgate.calls_total", &[tenant, model, backend, outcome]);
        assert!(
            !counted.is_empty() && counted.iter().all(|by| *by == 1),
            "{record}"
        );
        record
    }

    /// As [`Run::finish`], for calls whose end Envoy is not asked about.
    fn done(self) -> Value {
        self.finish(0, "must not matter")
    }
}

/// Checks members of a record.
fn says(record: &Value, wanted: Value) {
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name} in {record}");
    }
}

fn status_and_code(reply: &Reply) -> (u16, String) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let code = body["error"]["code"].as_str().unwrap_or("ok");
    for text in ["secret", "PROMPT", "ANSWER"] {
        assert!(!String::from_utf8_lossy(&reply.body).contains(text));
    }
    (reply.status, code.to_owned())
}

fn refused_head(head: &OnHead) -> (u16, String) {
    let OnHead::Reply(reply) = head else {
        panic!("{head:?}")
    };
    status_and_code(reply)
}

/// What a refused caller is told.
fn message(on: &OnBody) -> String {
    let OnBody::Reply(reply) = on else {
        panic!("{on:?}")
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

fn refused_body(body: &OnBody) -> (u16, String) {
    let OnBody::Reply(reply) = body else {
        panic!("{body:?}")
    };
    status_and_code(reply)
}

fn refused_answer(answer: &OnAnswer) -> (u16, String) {
    let OnAnswer::Reply(reply) = answer else {
        panic!("{answer:?}")
    };
    status_and_code(reply)
}

fn forwarded(head: OnHead) -> HeaderEdits {
    let OnHead::Forward(edits) = head else {
        panic!("{head:?}")
    };
    edits.edits
}

fn json_of(head: OnHead) -> Value {
    let OnHead::Reply(reply) = head else {
        panic!("{head:?}")
    };
    assert_eq!(reply.status, 200);
    serde_json::from_slice(&reply.body).unwrap()
}

// The good way

#[test]
fn a_whole_answer() {
    let bench = Bench::new();
    let mut run = bench.answering(BODY, JSON);
    assert!(run.call.reads_answer() && !run.call.holds_answer());
    bench.after(30);
    assert_eq!(run.data(&ANSWER[..40], false), OnData::Pass);
    assert_eq!(run.data(&ANSWER[40..], true), OnData::Pass);
    says(
        &run.done(),
        json!({
            "tenant": "acme", "tier": "premium", "user": "ci", "via": "key", "key_label": "ci",
            "operation": "chat", "model": "smart", "backend": "far", "target_model": "gpt \"5\"",
            "stream": false, "status": 200, "outcome": "ok", "usage": "reported",
            "input_tokens": 9, "output_tokens": 4, "cached_tokens": 0, "reasoning_tokens": 0,
            "time_to_first_token_ms": null, "duration_ms": 30,
        }),
    );
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
    let [tenant, model, backend] = [("tenant", "acme"), ("model", "smart"), ("backend", "far")];
    let table: [(&str, List<'_>, &[u64]); 6] = [
        (
            "gen_ai.server.request.duration_ms",
            &[tenant, model, backend],
            &[30],
        ),
        (
            "gen_ai.client.token.usage",
            &[tenant, model, ("type", "input")],
            &[9],
        ),
        (
            "gen_ai.client.token.usage",
            &[tenant, model, ("type", "output")],
            &[4],
        ),
        (
            "tollgate.tokens_total",
            &[tenant, model, ("type", "output")],
            &[4],
        ),
        (
            "tollgate.tokens_total",
            &[tenant, model, ("type", "cached")],
            &[],
        ),
        (
            "gen_ai.server.time_to_first_token_ms",
            &[tenant, model, backend],
            &[],
        ),
    ];
    for (name, labels, values) in table {
        assert_eq!(bench.counted(name, labels), values, "{name}");
    }
}

#[test]
fn a_stream() {
    let bench = Bench::new();
    let mut run = bench.answering(STREAMED, SSE);
    bench.after(5);
    run.data(
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        false,
    );
    bench.after(20);
    assert_eq!(run.data(DELTA, false), OnData::Pass);
    bench.after(50);
    assert_eq!(
        run.data(USAGE, false),
        OnData::Replace(Vec::new()),
        "nobody asked for it"
    );
    assert_eq!(run.data("data: [DONE]\n\n", true), OnData::Pass);
    says(
        &run.done(),
        json!({"stream": true, "outcome": "ok", "usage": "reported", "input_tokens": 9,
            "output_tokens": 4, "time_to_first_token_ms": 20, "duration_ms": 50}),
    );
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
    let labels = [("tenant", "acme"), ("model", "smart"), ("backend", "far")];
    assert_eq!(
        bench.counted("gen_ai.server.time_to_first_token_ms", &labels),
        [20]
    );
}

#[test]
fn usage_stays_in_the_stream_of_a_caller_who_asked() {
    let bench = Bench::new();
    let body = STREAMED.replace("true}", r#"true,"stream_options":{"include_usage":true}}"#);
    let mut run = bench.answering(&body, SSE);
    assert_eq!(run.data(USAGE, false), OnData::Pass);
    assert_eq!(run.data("data: [DONE]\n\n", true), OnData::Pass);
    says(&run.done(), json!({"usage": "reported", "input_tokens": 9}));
}

#[test]
fn what_is_not_reported_is_estimated() {
    let stream = DELTA.to_owned() + "data: [DONE]\n\n";
    for (body, list, answer, output) in [
        (STREAMED, SSE, stream.as_str(), 3),
        (BODY, JSON, r#"{"choices":[],"usage":null}"#, 9),
        (BODY, JSON, "", 0),
        (BODY, &[("content-type", "text/plain")], "12345", 2),
        (BODY, &[], "1234", 2),
    ] {
        let bench = Bench::new();
        let mut run = bench.answering(body, list);
        run.data(answer, true);
        says(
            &run.done(),
            json!({"outcome": "ok", "usage": "estimated", "input_tokens": 10, "output_tokens": output}),
        );
        assert_eq!(bench.totals("acme", "smart"), [1, 1, 0, 0, 10, output]);
        let labels = [("tenant", "acme"), ("model", "smart")];
        assert_eq!(
            bench.counted("tollgate.usage_estimated_total", &labels),
            [1]
        );
    }
}

#[test]
fn regression_a_client_that_hangs_up_at_done_has_had_its_answer() {
    let bench = Bench::new();
    let mut run = bench.answering(STREAMED, SSE);
    run.data(DELTA, false);
    run.data("data: [DONE]\n\n", false);
    let record = run.finish(200, "downstream_remote_disconnect");
    says(&record, json!({"outcome": "ok"}));
}

#[test]
fn an_answer_may_end_with_its_head_or_in_trailers() {
    let bench = Bench::new();
    let mut run = bench.sent(BODY);
    let head = headers(&[&[(":status", "200")], JSON]);
    let answer = run
        .call
        .answer_head(&bench.host, Headers(&head), true, &Way(""));
    assert!(matches!(answer, OnAnswer::Forward(_)));
    says(
        &run.done(),
        json!({"outcome": "ok", "usage": "estimated", "output_tokens": 0}),
    );

    let mut run = bench.answering(BODY, JSON);
    run.data(ANSWER, false);
    run.call.answer_trailers(&bench.host);
    says(&run.done(), json!({"outcome": "ok", "usage": "reported"}));
    let dropped = || bench.counted("tollgate.unfinished_events_dropped_total", &[]);
    assert!(dropped().is_empty());

    let mut run = bench.answering(STREAMED, SSE);
    run.data(&(DELTA.to_owned() + "data: x"), false);
    run.call.answer_trailers(&bench.host);
    says(
        &run.done(),
        json!({"outcome": "upstream_incomplete", "usage": "estimated"}),
    );
    assert_eq!(dropped(), [1]);
}

#[test]
fn a_stream_that_ends_early_becomes_an_error() {
    let bench = Bench::new();
    let mut run = bench.answering(STREAMED, SSE);
    assert_eq!(run.data(DELTA, false), OnData::Pass);
    let OnData::Replace(end) = run.data("", true) else {
        panic!()
    };
    let end = String::from_utf8(end).unwrap();
    let error: Value = serde_json::from_str(end.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "upstream_incomplete");
    says(
        &run.done(),
        json!({"status": 200, "outcome": "upstream_incomplete", "usage": "estimated",
            "input_tokens": 10, "output_tokens": 3}),
    );
}

#[test]
fn ways_add_up_in_the_totals() {
    let bench = Bench::new();
    let mut run = bench.answering(BODY, JSON);
    run.data(ANSWER, true);
    run.done();
    bench.sent(BODY).finish(0, "downstream_remote_disconnect");
    let mut run = bench.sent(BODY);
    run.envoy("503", "no_healthy_upstream");
    run.done();
    bench.reading().finish(0, "downstream_remote_disconnect");
    assert_eq!(bench.totals("acme", "smart"), [3, 1, 1, 0, 19, 4]);
    assert_eq!(bench.totals("acme", "-"), [1, 0, 0, 1, 0, 0]);
}

// Cut on the way

#[test]
fn calls_that_are_cut() {
    type Start = fn(&Bench) -> Run<'_>;
    let half: Start = |bench| {
        let mut run = bench.answering(STREAMED, SSE);
        run.data(&(DELTA.to_owned() + "data: {\"choices\":[{\"del"), false);
        run
    };
    let counted: Start = |bench| {
        let mut run = bench.answering(STREAMED, SSE);
        run.data(&(DELTA.to_owned() + USAGE), false);
        run
    };
    let error: Start = |bench| {
        let mut run = bench.sent(BODY);
        assert!(matches!(run.answer("500", JSON), OnAnswer::Hold(_)));
        run.data("{\"err", false);
        run
    };
    let gone = "downstream_remote_disconnect";
    let reset = "upstream_reset_after_response_started{remote_reset}";
    let table: [(Start, &str, &str, [u64; 6]); 11] = [
        (
            |bench| bench.sent(BODY),
            gone,
            "client_closed",
            [1, 1, 0, 0, 10, 0],
        ),
        (
            |bench| bench.sent(BODY),
            "",
            "client_closed",
            [1, 1, 0, 0, 10, 0],
        ),
        (
            |bench| bench.answering(BODY, JSON),
            gone,
            "client_closed",
            [1, 1, 0, 0, 10, 0],
        ),
        (half, gone, "client_closed", [1, 1, 0, 0, 10, 3]),
        (half, reset, "upstream_reset", [1, 1, 0, 0, 10, 3]),
        (half, "stream_idle_timeout", "timeout", [1, 1, 0, 0, 10, 3]),
        (counted, gone, "client_closed", [1, 0, 0, 0, 9, 4]),
        (counted, reset, "upstream_reset", [1, 0, 0, 0, 9, 4]),
        (error, gone, "client_closed", [1, 0, 1, 0, 0, 0]),
        (error, reset, "upstream_reset", [1, 0, 1, 0, 0, 0]),
        (
            |bench| bench.sent(BODY),
            reset,
            "upstream_reset",
            [1, 1, 0, 0, 10, 0],
        ),
    ];
    for (start, details, outcome, totals) in table {
        let bench = Bench::new();
        let record = start(&bench).finish(0, details);
        says(
            &record,
            json!({"outcome": outcome, "model": "smart", "backend": "far"}),
        );
        assert_eq!(bench.totals("acme", "smart"), totals, "{details}");
    }
}

#[test]
fn calls_that_end_before_their_body() {
    for (status, details, outcome) in [
        (0, "", "client_closed"),
        (0, "downstream_remote_disconnect", "client_closed"),
        (408, "stream_idle_timeout", "rejected"),
    ] {
        let bench = Bench::new();
        let record = bench.reading().finish(status, details);
        says(
            &record,
            json!({"tenant": "acme", "model": "", "status": status, "outcome": outcome}),
        );
        assert_eq!(bench.totals("acme", "-"), [1, 0, 0, 1, 0, 0]);
        let record = bench.run().finish(status, details);
        says(
            &record,
            json!({"tenant": "", "operation": "none", "outcome": outcome}),
        );
    }
}

// Refused by us

#[test]
fn refused_at_the_head() {
    let bench = Bench::new();
    let json = ("content-type", "application/json");
    let long_length = ("content-length", "1001");
    let table: [(&str, &str, List<'_>, u16, &str, &str); 15] = [
        ("POST", CHAT, &[], 401, "missing_credentials", ""),
        (
            "POST",
            CHAT,
            &[("x-api-key", "wrong-secret")],
            401,
            "invalid_api_key",
            "",
        ),
        (
            "GET",
            "/v1/models",
            &[("x-api-key", "wrong-secret")],
            401,
            "invalid_api_key",
            "",
        ),
        ("GET", "/nothing", &[], 401, "missing_credentials", ""),
        ("GET", CHAT, &[USER], 405, "method_not_allowed", "acme"),
        (
            "POST",
            "/v1/models",
            &[USER],
            405,
            "method_not_allowed",
            "acme",
        ),
        (
            "POST",
            CHAT,
            &[USER, ("content-type", "text/plain")],
            415,
            "unsupported_media_type",
            "acme",
        ),
        (
            "POST",
            CHAT,
            &[USER, ("content-encoding", "br")],
            415,
            "unsupported_content_encoding",
            "acme",
        ),
        (
            "POST",
            CHAT,
            &[USER, json, long_length],
            413,
            "request_too_large",
            "acme",
        ),
        (
            "POST",
            "/v1/rerank",
            &[USER],
            404,
            "unknown_endpoint",
            "acme",
        ),
        (
            "POST",
            "/v1/chat/completions/",
            &[USER],
            404,
            "unknown_endpoint",
            "acme",
        ),
        (
            "GET",
            "/v1/models/nothing",
            &[USER],
            404,
            "model_not_found",
            "acme",
        ),
        (
            "GET",
            "/v1/models/hidden",
            &[USER],
            403,
            "model_not_allowed",
            "acme",
        ),
        (
            "POST",
            "/tollgate/limits/usd/reset",
            &[USER],
            403,
            "admin_only",
            "acme",
        ),
        ("", "", &[USER], 404, "unknown_endpoint", "acme"),
    ];
    for (method, path, list, status, code, tenant) in table {
        let mut run = bench.run();
        let head = run.head(method, path, list, false);
        assert_eq!(
            refused_head(&head),
            (status, code.to_owned()),
            "{method} {path}"
        );
        assert!(!run.call.reads_request() && !run.call.reads_answer());
        assert_eq!(
            run.envoy(&status.to_string(), ""),
            OnAnswer::Own,
            "our own answer passes"
        );
        assert_eq!(run.data("x", true), OnData::Pass);
        says(
            &run.done(),
            json!({"tenant": tenant, "status": status, "outcome": code, "usage": "none", "backend": ""}),
        );
    }
    assert_eq!(bench.totals("acme", "-"), [11, 0, 0, 11, 0, 0]);
}

#[test]
fn good_heads_are_held() {
    for list in [
        &[USER] as List<'_>,
        &[ADMIN],
        &[USER, ("content-length", "1000")],
        &[USER, ("content-encoding", "identity")],
        &[USER, ("content-type", "application/json; charset=utf-8")],
    ] {
        let bench = Bench::new();
        let mut run = bench.run();
        assert_eq!(run.head("POST", CHAT, list, false), OnHead::Hold);
        assert!(run.call.reads_request());
    }
    let bench = Bench::new();
    let mut run = bench.run();
    let head = run.head("POST", CHAT, &[USER], true);
    assert_eq!(
        refused_head(&head),
        (400, "empty_body".to_owned()),
        "no body at all"
    );
    says(&run.done(), json!({"outcome": "empty_body", "status": 400}));
}

#[test]
fn refused_at_the_body() {
    for (body, status, code, model) in [
        ("", 400, "empty_body", ""),
        ("{PROMPT", 400, "invalid_json", ""),
        (r#"{"model":1}"#, 400, "invalid_value", ""),
        (&BODY.replace("smart", "other"), 404, "model_not_found", ""),
        (
            &BODY.replace("smart", "hidden"),
            403,
            "model_not_allowed",
            "hidden",
        ),
        (&BODY.replace("smart", "SMART"), 404, "model_not_found", ""),
    ] {
        let bench = Bench::new();
        let mut run = bench.reading();
        assert_eq!(refused_body(&run.body(body)), (status, code.to_owned()));
        let record = run.done();
        says(
            &record,
            json!({"tenant": "acme", "model": model, "status": status, "outcome": code}),
        );
        let model = if model.is_empty() { "-" } else { model };
        assert_eq!(bench.totals("acme", model), [1, 0, 0, 1, 0, 0]);
    }
}

#[test]
fn a_model_that_does_not_exist_becomes_no_label() {
    let bench = Bench::new();
    let mut run = bench.reading();
    run.body(&BODY.replace("smart", "made-up-by-client"));
    let record = run.done().to_string();
    assert!(!record.contains("made-up"), "{record}");
}

#[test]
fn bodies_over_the_limit_are_refused() {
    let bench = Bench::new();
    let mut run = bench.reading();
    assert_eq!(run.call.request_grows(1000), None);
    let reply = run.call.request_grows(1001).unwrap();
    assert_eq!(
        status_and_code(&reply),
        (413, "request_too_large".to_owned())
    );
    assert_eq!(run.call.request_grows(2000), None, "refused once");
    says(
        &run.done(),
        json!({"status": 413, "outcome": "request_too_large", "tenant": "acme"}),
    );
}

#[test]
fn a_tenant_may_hold_so_many_bytes_and_gets_them_back() {
    let bench = Bench::new();
    let mut first = bench.reading();
    assert_eq!(first.call.request_grows(800), None);
    let mut second = bench.reading();
    assert_eq!(second.call.request_grows(700), None);
    let reply = second.call.request_grows(701).unwrap();
    assert_eq!(
        status_and_code(&reply),
        (429, "too_many_bytes_held".to_owned())
    );
    assert!(reply.headers.contains(&("retry-after", "1".to_owned())));
    assert!(
        reply
            .headers
            .contains(&("x-should-retry", "true".to_owned()))
    );
    says(
        &second.done(),
        json!({"status": 429, "outcome": "too_many_bytes_held"}),
    );

    let ends: [fn(Run<'_>); 4] = [
        |run| drop(run.finish(0, "downstream_remote_disconnect")),
        |mut run| drop(run.body(BODY)),
        |mut run| drop(run.body("broken")),
        |run| drop(run.call),
    ];
    for end in ends {
        let mut run = bench.reading();
        assert_eq!(
            run.call.request_grows(700),
            None,
            "the refused call holds nothing"
        );
        end(run);
    }
    assert!(
        bench.reading().call.request_grows(701).is_some(),
        "the first still holds its bytes"
    );
}

// Answered by us

#[test]
fn models_are_those_of_the_tenant() {
    let bench = Bench::new();
    let mut run = bench.run();
    let list = json_of(run.head("GET", "/v1/models?x=1", &[USER], true));
    let entry = |id| json!({"id": id, "object": "model", "created": 0, "owned_by": "tollgate"});
    assert_eq!(
        list,
        json!({"object": "list", "data": [entry("smart"), entry("same")]})
    );
    says(
        &run.done(),
        json!({"operation": "models", "outcome": "ok", "usage": "none", "status": 200}),
    );
    let mut run = bench.run();
    assert_eq!(
        json_of(run.head("GET", "/v1/models/same", &[USER], true)),
        entry("same")
    );
    run.done();
    assert_eq!(bench.totals("acme", "-"), [2, 0, 0, 2, 0, 0]);
}

#[test]
fn models_tell_what_they_take_and_are_limited_to() {
    let mut policy = policy();
    policy["models"]["smart"] = json!({
        "limits": [{"requests": 9, "per": "minute"}],
        "targets": [
            {"backend": "far", "model": "a", "accepts": ["text"], "gives": "text", "context": 8000, "price": {"input": 1, "output": 1}},
            {"backend": "near", "model": "b", "accepts": ["image", "text"], "context": 9000, "max_output": 70, "price": {"input": 1, "output": 1}}
        ]
    });
    policy["models"]["same"]["targets"][0]["accepts"] = json!("audio");
    policy["models"]["same"]["targets"][0]["price"] = json!({"input": 1, "output": 1});
    policy["models"]["auto"] = json!({"rules": true});
    policy["tenants"]["acme"]["models"] = json!(["smart", "same", "auto"]);
    policy["tenants"]["acme"]["limits"] =
        json!([{"usd": 1.5, "per": "day"}, {"concurrent": 3, "shadow": true}]);
    policy["tenants"]["acme"]["per_user"] =
        json!([{"tokens": 50, "per": "hour", "models": ["smart"]}]);
    policy["routing"] = json!([
        {"when": {"model": "auto", "tier": "other"}, "use": "hidden", "shadow": true},
        {"when": {"model": "auto", "modality": "audio"}, "use": "same"},
        {"when": {"model": "auto"}, "use": "smart"}]);
    let bench = Bench::of(&policy);
    let get = |headers| json_of(bench.run().head("GET", "/v1/models", headers, true));
    let list = get(&[USER])["data"].clone();
    let user = json!({"of": "user", "name": "tokens/hour/smart", "unit": "tokens", "limit": 50, "per": "hour"});
    let smart = json!({"id": "smart", "object": "model", "created": 0, "owned_by": "tollgate",
        "input_modalities": ["text", "image"], "context_window": 9000, "max_output_tokens": 70,
        "limits": [user]});
    assert_eq!(list[0], smart);
    assert_eq!(list[1]["input_modalities"], json!(["audio"]));
    assert_eq!(list[1].get("limits"), None);
    // What rules may choose.
    assert_eq!(
        list[2]["input_modalities"],
        json!(["text", "image", "audio"])
    );
    assert_eq!(list[2]["context_window"], 9000);
    let admins = get(&[ADMIN, ("anthropic-version", "2023-06-01")])["data"][0].clone();
    assert_eq!(
        (&admins["max_input_tokens"], &admins["max_tokens"]),
        (&json!(9000), &json!(70))
    );
    let limits = admins["limits"].as_array().unwrap();
    let told = limits
        .iter()
        .map(|it| (it["of"].clone(), it["limit"].clone()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (json!("user"), json!(50)),
            (json!("tenant"), json!("1.5")),
            (json!("model"), json!(9))
        ]
    );
}

#[test]
fn models_have_the_shape_of_the_callers_protocol() {
    let bench = Bench::new();
    let list = &[USER, ("anthropic-version", "2023-06-01")];
    let models = json_of(bench.run().head("GET", "/v1/models", list, true));
    assert_eq!(
        (&models["first_id"], &models["last_id"], &models["has_more"]),
        (&json!("smart"), &json!("same"), &json!(false))
    );
    let entry = json_of(bench.run().head("GET", "/v1/models/same", list, true));
    assert_eq!(entry, models["data"][1]);
    assert_eq!(
        (&entry["type"], &entry["id"]),
        (&json!("model"), &json!("same"))
    );
}

// What a provider says

#[test]
fn a_providers_refusal_of_our_key_is_not_the_callers() {
    for status in ["401", "403"] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        let answer = run.answer(status, &[("www-authenticate", "Bearer")]);
        assert_eq!(refused_answer(&answer), (502, "upstream_auth".to_owned()));
        let OnAnswer::Reply(reply) = answer else {
            panic!()
        };
        assert!(
            reply
                .headers
                .contains(&("x-should-retry", "false".to_owned()))
        );
        assert_eq!(run.answer("502", JSON), OnAnswer::Own);
        says(
            &run.done(),
            json!({"status": 502, "outcome": "upstream_auth", "usage": "none", "backend": "far"}),
        );
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 1, 0, 0, 0]);
    }
}

#[test]
fn an_encoded_answer_is_not_passed_but_was_paid_for() {
    for (status, usage, totals) in [
        ("200", "estimated", [1, 1, 0, 0, 10, 0]),
        ("500", "none", [1, 0, 1, 0, 0, 0]),
    ] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        let answer = run.answer(status, &[("content-encoding", "gzip")]);
        assert_eq!(
            refused_answer(&answer),
            (502, "upstream_encoding".to_owned())
        );
        says(
            &run.done(),
            json!({"status": 502, "outcome": "upstream_encoding", "usage": usage}),
        );
        assert_eq!(bench.totals("acme", "smart"), totals);
    }
    let bench = Bench::new();
    let mut run = bench.sent(BODY);
    let answer = run.answer("200", &[("content-encoding", "identity")]);
    assert!(matches!(answer, OnAnswer::Forward(_)));
}

#[test]
fn a_providers_error_passes_without_its_account() {
    for status in ["400", "404", "429", "500", "529"] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        let list = [
            ("content-type", "application/json"),
            ("openai-organization", "org-1"),
            ("content-length", "40"),
        ];
        let OnAnswer::Hold(edits) = run.answer(status, &list) else {
            panic!()
        };
        assert_eq!(edits.remove, ["openai-organization"]);
        assert!(run.call.holds_answer());
        assert_eq!(run.data("{\"error\":", false), OnData::Hold);
        let OnData::Replace(body) = run.data("{\"error\":\"org-abcDEF123456\"}", true) else {
            panic!()
        };
        assert_eq!(body, b"{\"error\":\"org-************\"}");
        assert!(!run.call.holds_answer());
        let status: u16 = status.parse().unwrap();
        says(
            &run.done(),
            json!({"status": status, "outcome": "upstream_error", "usage": "none"}),
        );
        assert_eq!(bench.totals("acme", "smart"), [1, 0, 1, 0, 0, 0]);
    }
}

#[test]
fn an_error_held_until_trailers_is_read() {
    let bench = Bench::new();
    let mut run = bench.sent(BODY);
    run.answer("500", JSON);
    assert_eq!(run.data("org-abcDEF123456", false), OnData::Hold);
    // As the plugin does it.
    assert!(run.call.holds_answer());
    assert_eq!(
        run.data("org-abcDEF123456", true),
        OnData::Replace(b"org-************".to_vec())
    );
    run.call.answer_trailers(&bench.host);
    says(
        &run.done(),
        json!({"status": 500, "outcome": "upstream_error"}),
    );
}

#[test]
fn regression_a_replaced_error_body_has_no_old_content_length() {
    for (length, replaced) in [("65536", false), ("65537", true), ("junk", false)] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        match run.answer("500", &[("content-length", length)]) {
            OnAnswer::Hold(edits) => assert!(!replaced && edits.remove.is_empty(), "{length}"),
            OnAnswer::Reply(reply) => assert!(replaced && reply.status == 500, "{length}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn heads_of_good_answers_lose_the_account_and_streams_their_length() {
    let list = |kind| {
        [
            ("content-type", kind),
            ("content-length", "9"),
            ("set-cookie", "a"),
            ("x-envoy-x", "b"),
            ("x-id", "c"),
        ]
    };
    for (kind, removed) in [
        ("application/json", &["set-cookie", "x-envoy-x"] as &[&str]),
        (
            "text/event-stream",
            &["set-cookie", "x-envoy-x", "content-length"],
        ),
        ("audio/mpeg", &["set-cookie", "x-envoy-x"]),
    ] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        let OnAnswer::Forward(edits) = run.answer("200", &list(kind)) else {
            panic!()
        };
        assert_eq!(edits.remove, removed, "{kind}");
        let told = [
            ("x-tollgate-backend", "far"),
            ("x-tollgate-attempts", "1"),
            ("x-tollgate-model", "gpt \"5\""),
        ];
        assert_eq!(
            edits.set,
            told.map(|(name, value)| (name, value.to_owned()))
        );
    }
}

// What Envoy says

#[test]
fn envoys_errors_speak_the_callers_protocol() {
    const FAILED: [u64; 6] = [1, 0, 1, 0, 0, 0];
    const MAYBE: [u64; 6] = [1, 1, 0, 0, 10, 0];
    let reset = |reason: &str| format!("upstream_reset_before_response_started{{{reason}}}");
    for (status, details, told, code, totals) in [
        (
            "503",
            reset("connection_failure"),
            503,
            "upstream_unavailable",
            FAILED,
        ),
        (
            "503",
            reset("connection_failure|TLS_error"),
            503,
            "upstream_unavailable",
            FAILED,
        ),
        (
            "503",
            reset("overflow"),
            503,
            "upstream_unavailable",
            FAILED,
        ),
        (
            "503",
            "no_healthy_upstream".to_owned(),
            503,
            "upstream_unavailable",
            FAILED,
        ),
        (
            "503",
            "cluster_not_found".to_owned(),
            503,
            "upstream_unavailable",
            FAILED,
        ),
        ("404", "route_not_found".to_owned(), 404, "rejected", FAILED),
        (
            "413",
            "request_payload_too_large".to_owned(),
            413,
            "request_too_large",
            FAILED,
        ),
        (
            "503",
            reset("connection_termination"),
            503,
            "upstream_unavailable",
            MAYBE,
        ),
        (
            "502",
            reset("protocol_error"),
            502,
            "upstream_unavailable",
            MAYBE,
        ),
        (
            "504",
            "upstream_response_timeout".to_owned(),
            504,
            "upstream_timeout",
            MAYBE,
        ),
        (
            "504",
            "upstream_per_try_timeout".to_owned(),
            504,
            "upstream_timeout",
            MAYBE,
        ),
        ("500", String::new(), 500, "upstream_unavailable", FAILED),
    ] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        let answer = run.envoy(status, &details);
        assert_eq!(
            refused_answer(&answer),
            (told, code.to_owned()),
            "{details}"
        );
        says(
            &run.done(),
            json!({"status": told, "outcome": code, "backend": "far"}),
        );
        assert_eq!(bench.totals("acme", "smart"), totals, "{details}");
    }
}

#[test]
fn regression_a_call_that_a_rate_limit_refused_was_never_sent() {
    for (details, totals) in [
        ("request_rate_limited", [1, 0, 0, 1, 0, 0]),
        ("local_rate_limited", [1, 0, 1, 0, 0, 0]),
    ] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        let answer = run.envoy("429", details);
        assert_eq!(
            refused_answer(&answer),
            (429, "rate_limit_exceeded".to_owned())
        );
        run.done();
        assert_eq!(bench.totals("acme", "smart"), totals, "{details}");
    }
}

#[test]
fn regression_the_record_has_the_status_that_was_told() {
    for (status, told) in [("431", 400), ("408", 408), ("505", 500), ("504", 504)] {
        let bench = Bench::new();
        let mut run = bench.sent(BODY);
        assert_eq!(refused_answer(&run.envoy(status, "some_filter")).0, told);
        says(&run.done(), json!({"status": told}));
    }
}

#[test]
fn envoy_may_refuse_while_the_body_is_read() {
    let bench = Bench::new();
    let mut run = bench.reading();
    let answer = run.envoy("413", "request_payload_too_large");
    assert_eq!(
        refused_answer(&answer),
        (413, "request_too_large".to_owned())
    );
    says(
        &run.done(),
        json!({"tenant": "acme", "status": 413, "outcome": "request_too_large"}),
    );
    assert_eq!(bench.totals("acme", "-"), [1, 0, 0, 1, 0, 0]);
}

#[test]
fn a_call_that_an_earlier_filter_answered_has_a_record_and_no_totals() {
    let bench = Bench::new();
    let mut run = bench.run();
    assert_eq!(
        run.envoy("401", "jwt_authn_access_denied{x}"),
        OnAnswer::Own
    );
    says(
        &run.finish(401, "jwt_authn_access_denied{x}"),
        json!({"tenant": "", "operation": "none", "status": 401, "outcome": "rejected"}),
    );
    assert!(bench.all_totals().iter().all(|totals| totals[0] == 0));
}

#[test]
fn errors_have_the_shape_of_the_callers_protocol() {
    let shape = |reply: &Reply| {
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        (body["type"].clone(), body["error"]["type"].clone())
    };
    for (path, list, anthropic) in [
        (CHAT, &[] as List<'_>, false),
        (CHAT, &[("anthropic-version", "2023-06-01")], false),
        ("/v1/models", &[("anthropic-version", "2023-06-01")], true),
        ("/v1/models", &[], false),
        ("/v1/messages?beta=true", &[], true),
    ] {
        let bench = Bench::new();
        let OnHead::Reply(reply) = bench.run().head("POST", path, list, false) else {
            panic!()
        };
        let wanted = if anthropic {
            json!("error")
        } else {
            Value::Null
        };
        assert_eq!(
            shape(&reply),
            (wanted.clone(), json!("authentication_error"))
        );
    }
}

// Heads of requests

const FOREIGN: List<'static> = &[
    ("accept-encoding", "gzip"),
    ("authorization", "Bearer user-secret"),
    ("cookie", "a"),
    ("forwarded", "a"),
    ("openai-organization", "a"),
    ("openai-project", "a"),
    ("proxy-authorization", "a"),
    ("via", "a"),
    ("x-api-key", "user-secret"),
    ("x-envoy-retry-on", "5xx"),
    ("x-envoy-max-retries", "10"),
    ("x-envoy-max-retries", "11"),
    ("x-forwarded-client-cert", "a"),
    ("x-forwarded-for", "a"),
    ("x-forwarded-host", "a"),
    ("x-org", "blue"),
    ("x-real-ip", "a"),
    ("x-tollgate-cache", "a"),
    ("x-tollgate-internal-cluster", "evil"),
    ("x-user", "eve"),
];

const OWN: List<'static> = &[
    ("content-type", "application/json"),
    ("x-request-id", "req-1"),
    ("traceparent", "00-1"),
    ("openai-beta", "a"),
    ("user-agent", "a"),
    ("x-envoyish", "a"),
    ("accept", "a"),
];

fn foreign_names() -> Vec<&'static str> {
    let mut names: Vec<_> = FOREIGN.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn with_beta(mut names: Vec<&'static str>) -> Vec<&'static str> {
    names.push("openai-beta");
    names.sort_unstable();
    names
}

#[test]
fn a_request_takes_nothing_of_the_callers_along() {
    let bench = Bench::new();
    let mut run = bench.run();
    run.head(
        "POST",
        "/v1/chat/completions?a=b",
        &[FOREIGN, OWN].concat(),
        false,
    );
    let OnBody::Forward(Outgoing { edits, rewrite, .. }) = run.body(BODY) else {
        panic!()
    };
    let mut removed = edits.remove;
    removed.sort();
    // Headers of a protocol are set again where the provider speaks it.
    assert_eq!(removed, with_beta(foreign_names()));
    assert_eq!(
        edits.set,
        [
            (":path", "/api/v1/chat/completions".to_owned()),
            (":authority", "api.far.com".to_owned()),
            ("openai-beta", "a".to_owned()),
            (CLUSTER_HEADER, "far-cluster".to_owned()),
        ]
    );
    let rewrite = rewrite.unwrap();
    assert_eq!(rewrite.prefix, br#"{"model":"gpt \"5\"""#);
    run.answer("200", JSON);
    run.data(ANSWER, true);
    says(
        &run.done(),
        json!({"request_id": "req-1", "tenant": "acme"}),
    );
}

#[test]
fn content_length_is_set_where_it_was_and_changes() {
    let other = BODY.replace("smart", "same");
    for (list, body, changes) in [
        (&[USER, ("content-length", "9")] as List<'_>, BODY, true),
        (&[USER], BODY, false),
        (&[USER, ("transfer-encoding", "chunked")], BODY, false),
        (&[USER, ("content-length", "9")], other.as_str(), false),
    ] {
        let bench = Bench::new();
        let mut run = bench.run();
        run.head("POST", CHAT, list, false);
        let OnBody::Forward(Outgoing { edits, rewrite, .. }) = run.body(body) else {
            panic!()
        };
        let wanted = rewrite
            .as_ref()
            .filter(|_| changes)
            .map(|rewrite| rewrite.length.to_string());
        let set = edits.set.iter().find(|(name, _)| *name == "content-length");
        assert_eq!(set.map(|(_, value)| value.clone()), wanted, "{list:?}");
        assert_eq!(rewrite.is_some(), body == BODY);
        assert!(!edits.remove.contains(&"content-length".to_owned()));
        // A second body has nobody who decided on it.
        assert!(matches!(run.body(body), OnBody::Reply(reply) if reply.status == 500));
    }
}

#[test]
fn a_request_id_is_kept_short() {
    let bench = Bench::new();
    for (id, kept) in [
        ("é".repeat(100), "é".repeat(64)),
        (String::new(), String::new()),
    ] {
        let mut run = bench.run();
        run.head("GET", "/v1/models", &[USER, ("x-request-id", &id)], true);
        says(&run.done(), json!({"request_id": kept}));
    }
    says(&bench.run().finish(0, ""), json!({"request_id": "late"}));
}

// Other paths

#[test]
fn other_paths_pass_if_the_policy_says_so() {
    let bench = Bench::passing_other_paths();
    let mut run = bench.run();
    let edits = forwarded(run.head("POST", "/v1/rerank?x=1", &[FOREIGN, OWN].concat(), false));
    let mut removed = edits.remove;
    removed.sort();
    assert_eq!(removed, with_beta(foreign_names()));
    assert_eq!(
        edits.set,
        [
            (":path", "/api/v1/rerank?x=1".to_owned()),
            (":authority", "api.far.com".to_owned()),
            ("openai-beta", "a".to_owned()),
            (CLUSTER_HEADER, "far-cluster".to_owned()),
        ]
    );
    assert!(!run.call.reads_request());
    assert!(matches!(run.answer("200", JSON), OnAnswer::Forward(_)));
    assert_eq!(run.data(ANSWER, true), OnData::Pass);
    says(
        &run.done(),
        json!({"operation": "other", "model": "", "backend": "far", "target_model": "",
            "outcome": "ok", "usage": "reported", "input_tokens": 9}),
    );
    assert_eq!(bench.totals("acme", "-"), [1, 0, 0, 0, 9, 4]);
}

#[test]
fn other_paths_need_a_caller_and_stay_below_v1() {
    let bench = Bench::passing_other_paths();
    let strange = refused_head(&bench.run().head("GET", "/v1/files", &[], true));
    assert_eq!(strange, (401, "missing_credentials".to_owned()));
    for path in [
        "/v1/../admin",
        "/v1//x",
        "/admin",
        "/v1",
        "/v1/",
        "/v1/%2e%2e/x",
        "/v2/files",
        "/v1/./x",
    ] {
        let refused = refused_head(&bench.run().head("GET", path, &[USER], true));
        assert_eq!(refused, (404, "unknown_endpoint".to_owned()), "{path}");
    }
    let mut run = bench.run();
    forwarded(run.head("DELETE", "/v1/files/a-b_c.1", &[USER], true));
    assert_eq!(
        refused_answer(&run.answer("401", &[])),
        (502, "upstream_auth".to_owned())
    );
    says(
        &run.done(),
        json!({"outcome": "upstream_auth", "backend": "far"}),
    );
    assert_eq!(bench.totals("acme", "-"), [1, 0, 1, 0, 0, 0]);
}

// Settling

#[test]
fn a_settlement_that_is_lost_is_counted() {
    let bench = Bench::new();
    let mut run = bench.answering(BODY, JSON);
    run.data(ANSWER, true);
    bench.host.conflict_next(crate::state::MAX_TRIES);
    assert!(
        run.call
            .finish(&bench.host, &Way(""), || panic!())
            .is_some()
    );
    assert_eq!(bench.counted("tollgate.settlements_lost_total", &[]), [1]);
    assert_eq!(bench.totals("acme", "smart"), [0; 6]);
}

#[test]
fn settling_wins_against_other_workers() {
    let bench = Bench::new();
    let mut run = bench.answering(BODY, JSON);
    run.data(ANSWER, true);
    bench.host.conflict_next(50);
    run.done();
    assert_eq!(bench.totals("acme", "smart"), [1, 0, 0, 0, 9, 4]);
}

#[test]
fn a_clock_that_steps_back_is_no_harm() {
    let bench = Bench::new();
    let mut run = bench.answering(STREAMED, SSE);
    bench.host.set_now(1);
    run.data(DELTA, true);
    says(
        &run.done(),
        json!({"duration_ms": 0, "time_to_first_token_ms": 0}),
    );
}

/// Anything that Envoy may call, in any order.
#[derive(Debug, Clone)]
enum Event {
    Head(&'static str, &'static str, bool),
    Grows(usize),
    Body(&'static str),
    Answer(&'static str, &'static str, bool),
    Data(&'static str, bool),
    Trailers,
}

fn arb_event() -> impl Strategy<Value = Event> {
    let pick = proptest::sample::select::<&'static str>;
    let paths = pick(vec![
        CHAT,
        "/v1/models",
        "/tollgate/usage",
        "/tollgate/limits/usd/day/top-up",
        "/v1/files",
        "/",
    ]);
    let keys = pick(vec!["user-secret", "admin-secret", "wrong-secret"]);
    let bodies = pick(vec![BODY, STREAMED, "", "{"]);
    let statuses = pick(vec!["200", "401", "500", "503", "", "junk"]);
    let kinds = pick(vec!["application/json", "text/event-stream", "text/plain"]);
    let pieces = pick(vec![
        ANSWER,
        DELTA,
        USAGE,
        "",
        "data: {\"error\":\"sk-abcdefghij\"}",
    ]);
    prop_oneof![
        (paths, keys, any::<bool>()).prop_map(|(path, key, end)| Event::Head(path, key, end)),
        (0..2000_usize).prop_map(Event::Grows),
        bodies.prop_map(Event::Body),
        (statuses, kinds, any::<bool>()).prop_map(|(s, k, end)| Event::Answer(s, k, end)),
        (pieces, any::<bool>()).prop_map(|(piece, end)| Event::Data(piece, end)),
        Just(Event::Trailers),
    ]
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_order_of_events_settles_once(
        events in proptest::collection::vec(arb_event(), 0..8),
        in_order in any::<bool>(),
        status in proptest::sample::select(vec![0, 200, 503]),
    ) {
        let mut policy = policy();
        policy["other_paths"] = json!({"pass": "far"});
        policy["cache"] = json!({"memory": "4MiB"});
        let bench = Bench::of(&policy);
        let mut run = if in_order { bench.sent(STREAMED) } else { bench.run() };
        for event in events {
            match event {
                // A head comes once.
                Event::Head(path, key, end) if matches!(run.call.phase, Phase::Idle) => {
                    let method = if path == CHAT { "POST" } else { "GET" };
                    run.head(method, path, &[("x-api-key", key)], end);
                }
                Event::Head(..) => {}
                Event::Grows(total) => drop(run.call.request_grows(total)),
                Event::Body(body) => drop(run.body(body)),
                Event::Answer(status, kind, true) => {
                    run.answer(status, &[("content-type", kind)]);
                }
                Event::Answer(status, kind, false) => {
                    run.head_of_answer(status, &[("content-type", kind)], "local");
                }
                Event::Data(piece, end) => drop(run.data(piece, end)),
                Event::Trailers => run.call.answer_trailers(&bench.host),
            }
        }
        run.finish(status, "x");
    }
}

mod apis;
mod asking;
mod batches;
mod caching;
mod costs;
mod files;
mod foreign;
mod fuzz;
mod global;
mod guarding;
mod hidden;
mod media;
mod origin;
mod plan;
mod rules;
mod scoring;
mod shared;
mod stop;
mod stored;
mod usage;
mod workflow;
