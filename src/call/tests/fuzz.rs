//! Arbitrary requests, answers and cuts through guardrails: `make fuzz`, in short with every
//! test run.
//!
//! Nothing panics; a stream is masked as the whole text is, also as a client joins it that is
//! damaged, and however its bytes are cut;
//! nothing goes on behind a block; what was valid JSON stays valid. Each case follows from its
//! seed alone: `make fuzz SEED=n` runs one again.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it says which case failed, and how many there were"
)]

mod answers;
mod requests;
mod shown;
mod source;
mod streams;

use super::*;
use crate::call::answer::Guard;
use crate::mask::{self, Form, Placeholders, Verdict};
use crate::protocols::Api;
use source::Source;

/// Cases of a run that has no time of its own.
const FEW: u64 = 400;

/// Gateways with different guardrails, and what they never let pass.
struct Fuzz {
    gateways: Vec<Guarded>,
}

struct Guarded {
    bench: Bench,
    /// Whether it may block something.
    blocks: bool,
}

impl Fuzz {
    fn new() -> Self {
        let entities = |name, detect, phase, action: Value| {
            let mut guardrail = json!({"name": name, "phase": phase, "detect": detect});
            let members = guardrail.as_object_mut().unwrap();
            members.extend(action.as_object().unwrap().clone());
            guardrail
        };
        let mask = json!({"action": "mask"});
        let restore = json!({"action": "mask", "restore": true});
        let keep = json!({"action": "mask", "mask": "keep_last_4"});
        let block = json!({"action": "block"});
        let personal = json!("personal_data");
        let patterns = json!({"patterns": [{"name": "STAFF", "regex": "E-[0-9]{6}"}]});
        let phrases = json!({"phrases": ["project nightfall"]});
        let prompt = json!({"system_prompt": {"words": 4}});
        let toxicity = |threshold: f64| json!({"toxicity": {"threshold": threshold}});
        let links = json!({"links": {"allow": ["example.org"]}});
        let all = [
            (
                false,
                json!([
                    entities("in", personal.clone(), "input", restore.clone()),
                    entities("staff", patterns.clone(), "input", restore.clone()),
                    entities("out", personal.clone(), "output", mask.clone()),
                    entities("keys", json!("secrets"), "both", mask.clone()),
                ]),
            ),
            (
                false,
                json!([
                    entities("out", personal.clone(), "output", keep),
                    entities("staff", patterns.clone(), "both", mask.clone()),
                    entities("words", phrases.clone(), "both", mask.clone()),
                    entities("prompt", prompt, "output", mask.clone()),
                    entities("links", links, "output", mask.clone()),
                ]),
            ),
            (
                false,
                json!([
                    entities("in", personal.clone(), "input", restore),
                    entities("out", personal.clone(), "output", mask.clone()),
                    entities("rude", toxicity(0.6), "both", mask),
                    entities(
                        "ruder",
                        toxicity(0.9),
                        "output",
                        json!({"action": "monitor"})
                    ),
                ]),
            ),
            (
                true,
                json!([
                    entities("staff", patterns, "output", block.clone()),
                    entities("words", phrases, "output", block.clone()),
                    entities("rude", toxicity(0.9), "output", block),
                    entities("less", toxicity(0.7), "output", json!({"action": "mask"})),
                    entities("see", personal, "both", json!({"action": "monitor"})),
                ]),
            ),
        ];
        let gateways = all.map(|(blocks, guardrails)| Guarded::new(blocks, guardrails));
        Self {
            gateways: gateways.into(),
        }
    }

    fn case(&self, seed: u64) {
        let mut source = Source::new(seed);
        let guarded = source.one_of(&self.gateways);
        match source.below(10) {
            0 | 1 => requests::written(guarded, &mut source),
            2 => requests::broken(guarded, &mut source),
            3..=5 => streams::written(guarded, &mut source),
            6 | 7 => streams::broken(guarded, &mut source),
            8 => answers::written(guarded, &mut source),
            _ => answers::broken(guarded, &mut source),
        }
    }
}

impl Guarded {
    fn new(blocks: bool, guardrails: Value) -> Self {
        let mut policy = policy();
        policy["guardrails"] = guardrails;
        let counting = json!({"name": "rules", "phase": "input", "action": "monitor", "detect": {"request": {
            "tokens": 1, "messages": 1, "images": 0, "roles": ["user", "system"], "tools": {"deny": ["a*"]},
            "system_prompt": {"starts_with": "You"}, "parameters": {"n": {"maximum": 1}, "metadata.a": false}}}});
        policy["guardrails"].as_array_mut().unwrap().push(counting);
        policy["limits"] = json!({"body": "1MiB"});
        policy["backends"]["deep"] = json!({"cluster": "deep", "api": "anthropic"});
        let target = json!({"backend": "deep", "model": "claude"});
        policy["models"]["same"] = json!({"targets": [target]});
        let bench = Bench::of(&policy);
        Self { bench, blocks }
    }

    /// A call at the provider whose request was `body`, with what was sent on.
    fn sent(&self, path: &str, body: &str) -> Option<(Run<'_>, String)> {
        let mut run = self.bench.run();
        let list: List<'_> = &[USER, ("anthropic-version", "2023-06-01")];
        let list = if path == "/v1/messages" {
            list
        } else {
            &list[..1]
        };
        assert_eq!(run.head("POST", path, list, false), OnHead::Hold);
        let on = run.body(body);
        let OnBody::Forward(outgoing) = on else {
            return None;
        };
        let new = outgoing
            .rewrite
            .map(|rewrite| rewrite.whole(body.as_bytes()));
        let new = new.map_or_else(|| body.to_owned(), |new| String::from_utf8(new).unwrap());
        Some((run, new))
    }

    /// A call at the provider.
    fn asked(&self, api: Api, stream: bool) -> Asked<'_> {
        let text = format!("Ask {} or {}, not E-493817.", source::EMAIL, source::CARD);
        let user = json!({"role": "user", "content": text});
        let (path, body) = match api {
            Api::ChatCompletions => (
                CHAT,
                json!({"model": "smart", "stream": stream, "messages": [
                    {"role": "system", "content": source::PROMPT}, user]}),
            ),
            Api::Completions => (
                "/v1/completions",
                json!({"model": "smart", "stream": stream, "prompt": text}),
            ),
            Api::Responses => (
                "/v1/responses",
                json!({"model": "smart", "stream": stream, "instructions": source::PROMPT,
                    "input": [user]}),
            ),
            Api::Embeddings => ("/v1/embeddings", json!({"model": "smart", "input": text})),
            Api::Moderations => ("/v1/moderations", json!({"model": "smart", "input": text})),
            _ => (
                "/v1/messages",
                json!({"model": "same", "max_tokens": 9, "stream": stream,
                    "system": source::PROMPT, "messages": [user]}),
            ),
        };
        let (run, new) = self.sent(path, &body.to_string()).unwrap();
        let names = new.split('<').skip(1);
        let names = names.filter_map(|part| part.split_once('>'));
        Asked {
            placeholders: names.map(|(name, _)| format!("<{name}>")).collect(),
            guard: run.call.guarding.answer.clone(),
            run,
        }
    }

    /// A call whose answer is coming.
    fn answering(&self, api: Api, stream: bool) -> Asked<'_> {
        let mut asked = self.asked(api, stream);
        asked.run.answer("200", if stream { SSE } else { JSON });
        asked
    }
}

/// A call whose request has gone on.
struct Asked<'b> {
    run: Run<'b>,
    /// What stands for values of the request.
    placeholders: Vec<String>,
    /// What its answer goes through.
    guard: Option<Guard>,
}

impl Asked<'_> {
    /// What the answer makes of a whole text of its own, and whether it is blocked.
    fn masked(&self, text: &str, form: Form) -> (String, bool) {
        let Some(guard) = &self.guard else {
            return (text.to_owned(), false);
        };
        let mut verdict = Verdict::default();
        let placeholders = match &guard.vault {
            Some(vault) => Placeholders::Restore(vault),
            None => Placeholders::Off,
        };
        let new = mask::whole(
            text,
            guard.guards.as_ref(),
            form,
            placeholders,
            &mut verdict,
        );
        (
            new.unwrap_or_else(|| text.to_owned()),
            verdict.blocked().is_some(),
        )
    }

    /// Lets an answer through.
    fn through(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        through(&mut self.run, pieces)
    }

    fn settle(self) {
        settle(self.run);
    }
}

/// The call is settled once.
fn settle(mut run: Run<'_>) {
    let end = || End {
        status: 200,
        details: String::new(),
        request_id: String::new(),
    };
    let host = &run.bench.host;
    assert!(run.call.finish(host, &Way(""), end).is_some());
    assert!(run.call.finish(host, &Way(""), end).is_none());
}

/// Lets an answer through, piece by piece; what is held comes again.
fn through(run: &mut Run<'_>, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut out, mut held) = (Vec::new(), Vec::new());
    for (index, piece) in pieces.iter().enumerate() {
        held.extend_from_slice(piece);
        let end = index + 1 == pieces.len();
        match run.call.answer_data(&run.bench.host, &held, end) {
            OnData::Pass => out.append(&mut held),
            OnData::Replace(new) | OnData::Release(_, new) => {
                held.clear();
                out.extend(new);
            }
            OnData::Hold => assert!(!end, "the end of an answer is held"),
            OnData::Reply(reply) => {
                out.extend(reply.body);
                break;
            }
            OnData::Reset => break,
            OnData::Ask(callouts) => panic!("no service is configured: {callouts:?}"),
        }
    }
    out
}

/// Tells the seed of a case that panics.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again: make fuzz SEED={}", self.0);
        }
    }
}

#[test]
fn guardrails_keep_what_they_promise() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let fuzz = Fuzz::new();
    let run = |seed| {
        let _told = Told(seed);
        fuzz.case(seed);
    };
    match (number("FUZZ_SEED"), number("FUZZ_SECONDS")) {
        (Some(seed), _) => run(seed),
        (None, None) => (0..FEW).for_each(run),
        (None, Some(seconds)) => {
            let begun = std::time::SystemTime::now();
            let since = begun.duration_since(std::time::UNIX_EPOCH).unwrap();
            let first = since.as_secs() << 24;
            let time = std::time::Duration::from_secs(seconds);
            let goes_on = |_: &u64| begun.elapsed().unwrap_or_default() < time;
            let cases = (first..).take_while(goes_on).map(run).count();
            println!("{cases} cases from seed {first} on");
        }
    }
}
