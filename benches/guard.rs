//! What guardrails cost a call, natively: `make bench-guard`. With DATA=folder, also what they
//! hold back of real texts.
//!
//! Each figure is the time of a call with guardrails less that of the same call without: all
//! personal data and secrets are masked both ways, and requests get placeholders. The host is
//! a map; in Envoy, WebAssembly is slower.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a report for developers: it may stop at the first surprise"
)]

mod support;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::rc::Rc;
use support::MapHost;
use tollgate::call::{Call, End, Gateway, OnBody, OnData, OnHead, Passage};
use tollgate::config::{self, Tree};
use tollgate::host::Host;
use tollgate::http::Headers;
use tollgate::identity::{Claim, Peer};
use tollgate::mask::{Channel, Form, Guards, Placeholders, Vault, Verdict, whole};

/// The quickest call counts: others may want the processor, too.
const ROUNDS: u32 = 15;
/// Time of a round, in seconds.
const ROUND: f64 = 0.02;
/// Pieces of text in a stream.
const EVENTS: usize = 200;

fn main() {
    let plain = gateway(&json!([]));
    let guarded = gateway(&json!([
        {"name": "in", "phase": "input", "detect": "personal_data", "action": "mask", "restore": true},
        {"name": "keys-in", "phase": "input", "detect": "secrets", "action": "mask", "restore": true},
        {"name": "out", "phase": "output", "detect": "personal_data", "action": "mask"},
        {"name": "keys-out", "phase": "output", "detect": "secrets", "action": "mask"},
    ]));
    println!("| | without, µs | guardrails, µs | a unit |\n| --- | ---: | ---: | ---: |");
    for (kind, personal) in [("clean", false), ("with findings", true)] {
        for size in [1_000, 20_000, 200_000] {
            let body = request(size, personal, false);
            let [base, all] = both(&plain, &guarded, |gateway| ask(gateway, &body));
            let name = format!("request, {} KB, {kind}", size / 1000);
            row(&name, base, all, size as f64 / 1000.0, "KB");
        }
        for size in [1_000, 20_000] {
            let answer = answer(size, personal);
            let piece = [answer.as_bytes()];
            let [base, all] = answers(&plain, &guarded, JSON, &piece);
            let name = format!("whole answer, {} KB, {kind}", size / 1000);
            row(&name, base, all, size as f64 / 1000.0, "KB");
        }
        let events = stream(personal);
        let one_by_one: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
        let [base, all] = answers(&plain, &guarded, SSE, &one_by_one);
        row(
            &format!("stream, {kind}"),
            base,
            all,
            events.len() as f64,
            "event",
        );
    }
    if let Ok(folder) = std::env::var("DATA") {
        held_back(&guarded, &folder);
    }
}

fn row(name: &str, base: f64, all: f64, units: f64, unit: &str) {
    let each = (all - base) / units;
    println!(
        "| {name} | {base:.2} | {:.2} | {each:.3} a {unit} |",
        all - base
    );
}

// Calls

const JSON: &str = "application/json";
const SSE: &str = "text/event-stream";

fn gateway(guardrails: &Value) -> Rc<Gateway> {
    let digest: String = Sha256::digest("key")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut policy = json!({
        "backends": {"mock": {"cluster": "provider", "api": "openai"}},
        "models": {"smart": {"targets": [{"backend": "mock", "model": "gpt-5.1"}]}},
        "tenants": {"acme": {"models": ["smart"], "keys": [{"sha256": digest, "label": "k"}]}},
    });
    if !guardrails.as_array().unwrap().is_empty() {
        policy["guardrails"] = guardrails.clone();
    }
    let tree = Tree::from_json(policy.to_string().as_bytes()).unwrap();
    let policy = config::from_tree(&tree).0;
    let policy = policy.unwrap_or_else(|problems| panic!("{problems}"));
    Rc::new(Gateway::new(policy, "bench"))
}

/// Nobody that Envoy knows, on a straight way.
struct Stranger;

impl Peer for Stranger {
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

impl Passage for Stranger {
    fn details(&self) -> String {
        "via_upstream".to_owned()
    }

    fn tries(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// A call that is at the provider; the seconds that its body took.
fn sent(gateway: &Rc<Gateway>, host: &MapHost, body: &str) -> (Call, f64) {
    let head = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("authorization", "Bearer key"),
        ("content-type", JSON),
    ];
    let head = head.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let mut call = Call::new(Rc::clone(gateway), host.now());
    let held = call.request_head(host, Headers(&head), &Stranger, false);
    assert_eq!(held, OnHead::Hold);
    let begun = std::time::Instant::now();
    let on = call.request_body(host, body.as_bytes(), body.len());
    let took = begun.elapsed().as_secs_f64();
    assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
    (call, took)
}

fn end(mut call: Call, host: &MapHost) {
    let end = || End {
        status: 200,
        details: String::new(),
        request_id: String::new(),
    };
    assert!(call.finish(host, &Stranger, end).is_some());
}

/// Seconds that the body of a request takes.
fn ask(gateway: &Rc<Gateway>, body: &str) -> f64 {
    let host = MapHost::default();
    let (call, took) = sent(gateway, &host, body);
    end(call, &host);
    took
}

/// Seconds that the body of an answer takes.
fn listen(gateway: &Rc<Gateway>, body: &str, kind: &str, pieces: &[&[u8]]) -> f64 {
    let host = MapHost::default();
    let (mut call, _) = sent(gateway, &host, body);
    let head = [(":status", "200"), ("content-type", kind)];
    let head = head.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    call.answer_head(&host, Headers(&head), false, &Stranger);
    let begun = std::time::Instant::now();
    for (index, piece) in pieces.iter().enumerate() {
        let on = call.answer_data(&host, piece, index + 1 == pieces.len());
        assert!(matches!(on, OnData::Pass | OnData::Replace(_)), "{on:?}");
    }
    let took = begun.elapsed().as_secs_f64();
    end(call, &host);
    took
}

fn answers(plain: &Rc<Gateway>, guarded: &Rc<Gateway>, kind: &str, pieces: &[&[u8]]) -> [f64; 2] {
    let body = request(1_000, true, kind == SSE);
    both(plain, guarded, |gateway| {
        listen(gateway, &body, kind, pieces)
    })
}

/// Microseconds of `run` for both gateways, by turns.
fn both(plain: &Rc<Gateway>, guarded: &Rc<Gateway>, run: impl Fn(&Rc<Gateway>) -> f64) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        for (best, gateway) in best.iter_mut().zip([plain, guarded]) {
            let begun = std::time::Instant::now();
            while begun.elapsed().as_secs_f64() < ROUND {
                *best = best.min(run(gateway) * 1e6);
            }
        }
    }
    best
}

// Texts

const SENTENCES: [&str; 8] = [
    "The deploy of the billing service is done, and the queue has drained since. ",
    "Please summarise what changed between the two releases, with one example each. ",
    "If the \"retry\" budget of a client is spent, the next call fails at once.\n",
    "Version 2.14.1 of the reader needs 350 MB for 12000 rows, which is too much. ",
    "In the end, nobody knew why the table had two columns of the same name. ",
    "```python\nfor row in rows[:10]:\n    total += row.get(\"amount\", 0)\n```\n",
    "It starts at 10:30 on 2026-03-01, so that Europe can join. ",
    "What would you leave out if the page had to fit on a phone? ",
];
const PERSONAL: [&str; 4] = [
    "Write to ada.example@example.org about it. ",
    "The card is 4111 1111 1111 1111, as before. ",
    "Her phone number is +1 415 555 0132. ",
    "Pay to DE89 3704 0044 0532 0130 00, please. ",
];

/// Text of `size` bytes; `personal`: a finding in each 500 bytes or so.
fn text(size: usize, personal: bool) -> String {
    let mut text = String::new();
    for index in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(SENTENCES[index * 5 % 8]);
        if personal && index % 6 == 5 {
            text.push_str(PERSONAL[index / 6 % 4]);
        }
    }
    text.truncate(size);
    text
}

fn request(size: usize, personal: bool, stream: bool) -> String {
    let text = text(size - 100, personal);
    let messages: Vec<_> = text.as_bytes().chunks(2_000).collect();
    let messages: Vec<_> = messages
        .iter()
        .map(|part| json!({"role": "user", "content": String::from_utf8_lossy(part)}))
        .collect();
    json!({"model": "smart", "messages": messages, "stream": stream}).to_string()
}

fn answer(size: usize, personal: bool) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null, "message":
            {"role": "assistant", "content": text(size - 300, personal), "refusal": null}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 200, "total_tokens": 209},
    })
    .to_string()
}

/// As models send them: a piece is a token.
fn stream(personal: bool) -> Vec<String> {
    let chunk = |delta: Value, reason: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": "m", "choices": [{"index": 0, "delta": delta, "logprobs": null,
            "finish_reason": reason}],
        });
        format!("data: {chunk}\n\n")
    };
    let text = text(EVENTS * 5, personal);
    let mut events = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    let pieces = pieces(&text).into_iter().take(EVENTS);
    events.extend(pieces.map(|piece| chunk(json!({"content": piece}), Value::Null)));
    events.push(chunk(json!({}), json!("stop")));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// A text in pieces such as tokens are: a word with the space before it, at most 6 bytes and
/// the rest of a character; signs and groups of three digits alone.
fn pieces(text: &str) -> Vec<&str> {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Letter,
        Digit,
        Sign,
    }
    let class = |c: char| match c {
        c if c.is_alphabetic() => Class::Letter,
        c if c.is_numeric() => Class::Digit,
        _ => Class::Sign,
    };
    let mut pieces = Vec::new();
    let (mut start, mut last) = (0, None);
    for (at, c) in text.char_indices() {
        let class = class(c);
        let most = if class == Class::Digit { 3 } else { 6 };
        let after_space = text[start..at] == *" " && class == Class::Letter;
        let joins = last == Some(class) && at - start < most;
        if at > start && !joins && !after_space {
            pieces.push(&text[start..at]);
            start = at;
        }
        last = Some(class);
    }
    pieces.push(&text[start..]);
    pieces
}

// What is held back

/// Counts of how often each number came.
#[derive(Default)]
struct Distribution(Vec<u64>);

impl Distribution {
    fn add(&mut self, number: usize) {
        if self.0.len() <= number {
            self.0.resize(number + 1, 0);
        }
        self.0[number] += 1;
    }

    fn line(&self, name: &str) {
        let all: u64 = self.0.iter().sum();
        let at = |share: f64| {
            let mut left = (all as f64 * share) as u64;
            let place = self.0.iter().position(|count| {
                let here = left < *count;
                left = left.saturating_sub(*count);
                here
            });
            place.unwrap_or(self.0.len().saturating_sub(1))
        };
        let most = self.0.len().saturating_sub(1);
        let zero = 100.0 * self.0.first().copied().unwrap_or(0) as f64 / all.max(1) as f64;
        println!(
            "| {name} | {} | {} | {} | {most} | {zero:.1} % |",
            at(0.5),
            at(0.9),
            at(0.99)
        );
    }
}

/// What channels hold of real texts that come in pieces.
fn held_back(guarded: &Gateway, folder: &str) {
    let tenant = &guarded.policy.tenants["acme"];
    let guards = tenant.guards.output.as_ref().unwrap();
    let mut vault = Vault::new(tenant.guards.restore.as_ref().unwrap());
    let input = tenant.guards.input.as_ref().unwrap();
    let placeholders = Placeholders::Make(&mut vault);
    whole(
        PERSONAL[0],
        Some(input),
        Form::Text,
        placeholders,
        &mut Verdict::default(),
    );
    assert_eq!(vault.len(), 1);
    for (name, vault) in [
        ("masked", None),
        ("masked and restored", Some(Rc::new(vault))),
    ] {
        println!("\nHeld back, {name}\n");
        println!("| | p50 | p90 | p99 | most | none |\n| --- | ---: | ---: | ---: | ---: | ---: |");
        let mut all = Held::default();
        for text in texts(folder) {
            all.read(guards, vault.as_ref(), &text);
        }
        all.bytes
            .line(&format!("bytes after each of {} events", all.events));
        all.pieces.line("events behind");
        all.first.line(&format!(
            "events until the first text, of {} texts",
            all.texts
        ));
    }
}

#[derive(Default)]
struct Held {
    bytes: Distribution,
    pieces: Distribution,
    first: Distribution,
    texts: u64,
    events: u64,
}

impl Held {
    fn read(&mut self, guards: &Rc<Guards>, vault: Option<&Rc<Vault>>, text: &str) {
        let mut channel = Channel::new(Some(Rc::clone(guards)), Form::Text, vault.cloned());
        let (mut verdict, mut first) = (Verdict::default(), None);
        let pieces = pieces(text);
        for (index, piece) in pieces.iter().enumerate() {
            let out = channel.push(piece, &mut verdict);
            if !out.is_empty() {
                first = first.or(Some(index));
            }
            let held = channel.held();
            let sizes = pieces[..=index].iter().rev().scan(0, |behind, piece| {
                let before = *behind;
                *behind += piece.len();
                (before < held).then_some(())
            });
            self.pieces.add(sizes.count());
            self.bytes.add(held);
        }
        self.first.add(first.unwrap_or(pieces.len()));
        self.texts += 1;
        self.events += pieces.len() as u64;
    }
}

/// The texts of all JSON Lines of a folder.
fn texts(folder: &str) -> Vec<String> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    let read = files.iter().map(|path| fs::read_to_string(path).unwrap());
    let text = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["text"].as_str().unwrap().to_owned()
    };
    let texts = read.flat_map(|file| file.lines().map(text).collect::<Vec<_>>());
    texts.filter(|text| !text.is_empty()).collect()
}
