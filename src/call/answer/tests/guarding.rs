//! Streams and whole answers that guardrails look at, cut everywhere.

use super::*;
use crate::call::answer::guarding::total;
use crate::config;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) const MAIL: &str = "quilliam@zwexford.org";

/// A call whose findings are kept.
pub(super) struct Watched {
    policy: Rc<config::Policy>,
    verdict: Verdict,
    pub(super) unscanned: Vec<bool>,
}

impl Context for Watched {
    fn now(&self) -> Instant {
        Instant(1)
    }

    fn passed(&mut self, _output: u64) -> bool {
        false
    }

    fn room(&self) -> u64 {
        u64::MAX
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }

    fn heard(&mut self, _questions: &Questions) {
        panic!("no service is asked")
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn unscanned(&mut self, passed: bool) {
        self.unscanned.push(passed);
    }

    fn blocked(&mut self) -> Refusal {
        crate::call::refusing::blocked_answer(&self.policy, &self.verdict)
    }
}

/// A policy with one guardrail over answers.
fn policy(action: &'static str) -> Rc<config::Policy> {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<&'static str, Rc<config::Policy>>> = RefCell::default();
    }
    // To compile one takes longer than to use it.
    KNOWN.with_borrow_mut(|known| {
        let policy = known
            .entry(action)
            .or_insert_with(|| Rc::new(compiled(action)));
        Rc::clone(policy)
    })
}

fn compiled(action: &str) -> config::Policy {
    let policy = json!({
        "backends": {"far": {"cluster": "far", "api": "openai"}},
        "models": {"smart": {"targets": [{"backend": "far", "model": "m"}]}},
        "tenants": {"acme": {"models": ["smart"], "keys": [{"sha256": "0".repeat(64)}]}},
        "guardrails": [{"name": "out", "phase": "output", "detect": "personal_data", "action": action}],
    });
    let policy = config::from_plugin_bytes(policy.to_string().as_bytes());
    policy.map_err(|problems| problems.to_string()).unwrap()
}

/// The context of answers of a case.
pub(super) fn watched(case: Case) -> impl Context {
    Watched {
        policy: policy(case.action),
        verdict: Verdict::default(),
        unscanned: Vec::new(),
    }
}

#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) api: Api,
    pub(super) action: &'static str,
    pub(super) passes_unread: bool,
    pub(super) is_json: bool,
    pub(super) longest: usize,
}

pub(super) const OPENAI: Case = Case {
    api: Api::ChatCompletions,
    action: "mask",
    passes_unread: false,
    is_json: false,
    longest: 100_000,
};

const ANTHROPIC: Case = Case {
    api: Api::Messages,
    ..OPENAI
};

const COMPLETIONS: Case = Case {
    api: Api::Completions,
    ..OPENAI
};

pub(super) const RESPONSES: Case = Case {
    api: Api::Responses,
    ..OPENAI
};

impl Case {
    pub(super) fn reading(self) -> Reading {
        let policy = policy(self.action);
        let guards = policy.tenants["acme"].guards.output.clone();
        Reading {
            ids: None,
            api: self.api,
            strip_usage: false,
            judges_end: true,
            model: None,
            stop: Stop::Possible {
                prompt: 1,
                bounded: true,
            },
            guard: Some(Guard {
                guards,
                services: Rc::new([]),
                vault: None,
                longest: self.longest,
                passes_unread: self.passes_unread,
                is_json: self.is_json,
                lines: None,
            }),
        }
    }

    fn reader(self, content_type: &str) -> AnswerReader {
        AnswerReader::new(self.reading(), 200, content_type)
    }

    /// What goes on of `pieces`, and what is known then.
    pub(super) fn run<'p>(
        self,
        content_type: &str,
        pieces: impl IntoIterator<Item = &'p [u8]>,
    ) -> (String, Seen, Watched) {
        let mut reader = self.reader(content_type);
        let mut seen = Seen::default();
        let mut watched = Watched {
            policy: policy(self.action),
            verdict: Verdict::default(),
            unscanned: Vec::new(),
        };
        let (mut out, mut held) = (Vec::new(), Vec::new());
        let mut pieces = pieces.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            held.extend_from_slice(piece);
            let end = pieces.peek().is_none();
            match reader.data(&mut seen, &held, end, &mut watched) {
                OnData::Pass => out.append(&mut held),
                OnData::Replace(new) => {
                    held.clear();
                    out.extend(new);
                }
                OnData::Reply(reply) => {
                    out.extend(reply.body);
                    break;
                }
                OnData::Hold => {}
                other => panic!("{other:?}"),
            }
        }
        (String::from_utf8(out).unwrap(), seen, watched)
    }

    /// What a stream becomes: the same in every cut, but for the borders of its deltas.
    fn stream(self, text: &str) -> (Vec<String>, Seen, Watched) {
        let bytes = text.as_bytes();
        let whole = self.run(STREAM, [bytes]);
        let said = said(self.api, &whole.0);
        for cut in 0..=bytes.len() {
            let (front, back) = bytes.split_at(cut);
            let (out, seen, _) = self.run(STREAM, [front, back]);
            assert_eq!(self::said(self.api, &out), said, "cut at {cut}");
            assert_eq!(seen.stopped, whole.1.stopped, "cut at {cut}");
        }
        for size in 1..=3 {
            let pieces = bytes.chunks(size).chain([&[] as &[u8]]);
            let (out, ..) = self.run(STREAM, pieces);
            assert_eq!(self::said(self.api, &out), said, "pieces of {size}");
        }
        (said, whole.1, whole.2)
    }
}

/// The texts of a stream, each choice or block by itself, and why it ended.
fn said(api: Api, stream: &str) -> Vec<String> {
    let mut texts = vec![String::new(); 4];
    for line in stream.lines() {
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else {
            continue;
        };
        let event: Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("{stream}"));
        let mut add = |index: &Value, text: &Value| {
            let index = usize::try_from(index.as_u64().unwrap_or(0)).unwrap();
            texts[index].push_str(text.as_str().unwrap_or_default());
        };
        match api {
            Api::Completions => {
                for choice in event["choices"].as_array().into_iter().flatten() {
                    add(&choice["index"], &choice["text"]);
                    add(&json!(3), &choice["finish_reason"]);
                }
            }
            Api::Responses => {
                add(&event["output_index"], &event["delta"]);
                add(
                    &json!(3),
                    &event["response"]["incomplete_details"]["reason"],
                );
            }
            Api::ChatCompletions => {
                for choice in event["choices"].as_array().into_iter().flatten() {
                    add(&choice["index"], &choice["delta"]["content"]);
                    add(&json!(3), &choice["finish_reason"]);
                }
            }
            _ => {
                for kind in ["text", "thinking", "partial_json"] {
                    add(&event["index"], &event["delta"][kind]);
                }
                add(&json!(3), &event["delta"]["stop_reason"]);
            }
        }
        add(&json!(3), &event["error"]["type"]);
    }
    texts.retain(|text| !text.is_empty());
    texts
}

fn openai(deltas: &[(u32, &str)], reasons: &[(u32, &str)]) -> String {
    let chunk = |index: u32, delta: Value, reason: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk",
            "choices": [{"index": index, "delta": delta, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    let deltas = deltas
        .iter()
        .map(|(index, text)| chunk(*index, json!({"content": text}), Value::Null));
    let reasons = reasons
        .iter()
        .map(|(index, reason)| chunk(*index, json!({}), json!(reason)));
    let end = ["data: [DONE]\n\n".to_owned()];
    deltas.chain(reasons).chain(end).collect()
}

fn completions(deltas: &[(u32, &str)], reasons: &[(u32, &str)]) -> String {
    let chunk = |index: u32, text: &str, reason: Value| {
        let chunk = json!({"id": "c", "object": "text_completion",
            "choices": [{"index": index, "text": text, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    let deltas = deltas.iter();
    let deltas = deltas.map(|(index, text)| chunk(*index, text, Value::Null));
    let reasons = reasons.iter();
    let reasons = reasons.map(|(index, reason)| chunk(*index, "", json!(reason)));
    let end = ["data: [DONE]\n\n".to_owned()];
    deltas.chain(reasons).chain(end).collect()
}

/// A response of one message, whose text is said again in all events that do so.
fn response(texts: &[&str]) -> String {
    response_of(texts, &texts.concat())
}

/// One that brings `texts` in pieces, and says `whole` again.
pub(super) fn response_of(texts: &[&str], whole: &str) -> String {
    let (mut events, mut number) = (String::new(), 0);
    let mut push = |mut event: Value| {
        event["sequence_number"] = json!(number);
        number += 1;
        events.push_str(&format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        ));
    };
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
    let item = |content: &[Value]| json!({"id": "msg_1", "type": "message", "role": "assistant", "content": content});
    let response = |output: &[Value]| {
        json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "m",
        "instructions": format!("Ask {MAIL}."), "output": output})
    };
    let place = |name: &str, members: Value| {
        let mut event = members;
        event["type"] = json!(name);
        event["item_id"] = json!("msg_1");
        event["output_index"] = json!(0);
        event["content_index"] = json!(0);
        event
    };
    push(json!({"type": "response.created", "response": response(&[])}));
    push(place(
        "response.output_item.added",
        json!({"item": item(&[])}),
    ));
    push(place(
        "response.content_part.added",
        json!({"part": part("")}),
    ));
    for text in texts {
        let tokens = json!([{"token": text, "logprob": -0.1, "top_logprobs": []}]);
        push(place(
            "response.output_text.delta",
            json!({"delta": text, "logprobs": tokens}),
        ));
    }
    push(place(
        "response.output_text.done",
        json!({"text": whole, "logprobs": []}),
    ));
    push(place(
        "response.content_part.done",
        json!({"part": part(whole)}),
    ));
    let item = item(&[part(whole)]);
    push(place("response.output_item.done", json!({"item": item})));
    push(json!({"type": "response.completed", "response": response(&[item])}));
    events
}

fn anthropic(texts: &[&str]) -> String {
    let event = |event: Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    };
    let delta = |text: &&str| {
        event(json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": text}}))
    };
    let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
        "usage": {"input_tokens": 1, "output_tokens": 1}});
    let start = [
        event(json!({"type": "message_start", "message": message})),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
    ];
    let end = [
        event(json!({"type": "content_block_stop", "index": 0})),
        event(
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        ),
        event(json!({"type": "message_stop"})),
    ];
    start
        .into_iter()
        .chain(texts.iter().map(delta))
        .chain(end)
        .collect()
}

#[test]
fn a_finding_over_events_is_masked_wherever_bytes_are_cut() {
    let parts = ["I am \"quil", "liam@", "zwexford", ".org", "\". And ", MAIL];
    let wanted = "I am \"<EMAIL_ADDRESS>\". And <EMAIL_ADDRESS>";
    let deltas: Vec<(u32, &str)> = parts.iter().map(|part| (0, *part)).collect();
    let (said, ..) = OPENAI.stream(&openai(&deltas, &[(0, "stop")]));
    assert_eq!(said, [wanted, "stop"]);
    let (said, ..) = ANTHROPIC.stream(&anthropic(&parts));
    assert_eq!(said, [wanted, "end_turn"]);
    let (said, ..) = COMPLETIONS.stream(&completions(&deltas, &[(0, "stop")]));
    assert_eq!(said, [wanted, "stop"]);
    let (said, _, watched) = RESPONSES.stream(&response(&parts));
    assert_eq!(said, [wanted]);
    let found: u64 = watched.verdict.found().map(|(_, _, count)| count).sum();
    assert_eq!(found, 2, "what is said again counts once");
}

#[test]
fn a_response_that_is_masked_stays_one() {
    let parts = [
        "I am quil",
        "liam@zwexford",
        ".org and",
        " quilliam@",
        "zwexford.org",
    ];
    let wanted = "I am <EMAIL_ADDRESS> and <EMAIL_ADDRESS>";
    let (out, ..) = RESPONSES.run(STREAM, [response(&parts).as_bytes()]);
    let events: Vec<Value> = out
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let mut order = vec![
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
    ];
    // One more for what was held.
    order.extend(["response.output_text.delta"; 6]);
    order.extend([
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]);
    assert_eq!(names, order);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    for event in &events[3..9] {
        assert_eq!(
            (&event["item_id"], &event["logprobs"]),
            (&json!("msg_1"), &json!([]))
        );
    }
    assert_eq!(events[9]["text"], wanted);
    assert_eq!(events[10]["part"]["text"], wanted);
    assert_eq!(events[11]["item"]["content"][0]["text"], wanted);
    let last = &events[12]["response"];
    assert_eq!(last["output"][0]["content"][0]["text"], wanted);
    // The request's own text is none of the answer's.
    for response in [last, &events[0]["response"]] {
        assert_eq!(response["instructions"], format!("Ask {MAIL}."));
    }
}

#[test]
fn regression_json_that_is_said_again_is_masked_as_its_pieces_are() {
    let case = Case {
        is_json: true,
        ..RESPONSES
    };
    let parts = [r#"{"card":41111111"#, r#"11111111,"ok":1}"#];
    let wanted = r#"{"card":"<CREDIT_CARD>","ok":1}"#;
    let stream = response(&parts);
    let (out, ..) = case.run(STREAM, [stream.as_bytes()]);
    assert_eq!(said(Api::Responses, &out), [wanted]);
    let events: Vec<Value> = out
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let [.., text, part, item, last] = &events[..] else {
        panic!("{out}")
    };
    assert_eq!(text["text"], wanted);
    assert_eq!(part["part"]["text"], wanted);
    assert_eq!(item["item"]["content"][0]["text"], wanted);
    let output = &last["response"]["output"];
    assert_eq!(output[0]["content"][0]["text"], wanted);
}

#[test]
fn what_a_response_says_only_whole_is_masked_and_counted() {
    let stream = response_of(&[], &format!("I am {MAIL}!"));
    let (out, _, watched) = RESPONSES.run(STREAM, [stream.as_bytes()]);
    assert_eq!(out.matches("I am <EMAIL_ADDRESS>!").count(), 4, "{out}");
    assert!(!out.contains(&format!("I am {MAIL}")), "{out}");
    assert!(watched.verdict.found().count() > 0);
    let block = Case {
        action: "block",
        ..RESPONSES
    };
    let (out, seen, _) = block.run(STREAM, [stream.as_bytes()]);
    assert!(!out.contains("I am"), "{out}");
    assert!(out.contains("\"content_filter\""), "{out}");
    assert_eq!(seen.stopped, Stopped::Blocked);
}

/// Such an event ends no text: it goes on, as the last one.
#[test]
fn regression_items_are_told_by_their_place_or_by_their_id() {
    let (front, back) = MAIL.split_at(9);
    let piece = |place: Option<u32>, text: &str| {
        let mut event = json!({"type": "response.output_text.delta", "item_id": "msg_1", "content_index": 0, "delta": text});
        if let Some(place) = place {
            event["output_index"] = json!(place);
        }
        format!("data: {event}\n\n")
    };
    for [one, two] in [[Some(0), None], [None, Some(0)]] {
        let stream = piece(one, front) + &piece(two, back);
        let (out, seen, _) = RESPONSES.run(STREAM, [stream.as_bytes()]);
        assert_eq!(seen.stopped, Stopped::Unscannable, "{out}");
        let alike = piece(one, front) + &piece(one, back) + "data: [DONE]\n\n";
        let (out, seen, _) = RESPONSES.run(STREAM, [alike.as_bytes()]);
        assert_eq!(seen.stopped, Stopped::No);
        assert!(
            out.contains("<EMAIL_ADDRESS>") && !out.contains(back),
            "{out}"
        );
    }
}

#[test]
fn regression_what_goes_on_unread_is_numbered_like_the_rest() {
    let case = Case {
        passes_unread: true,
        ..RESPONSES
    };
    let piece = |number: u32, name: &str, members: Value| {
        let mut event =
            json!({"type": name, "sequence_number": number, "output_index": 0, "content_index": 0});
        event
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        format!("event: {name}\ndata: {event}\n\n")
    };
    let stream = [
        piece(
            0,
            "response.output_text.delta",
            json!({"delta": "Ask quilliam@zwexford"}),
        ),
        piece(
            1,
            "response.output_text.done",
            json!({"text": "Ask quilliam@zwexford"}),
        ),
        // Nobody knows to what it belongs.
        piece(2, "response.unheard_of.delta", json!({"delta": ["a"]})),
        piece(3, "response.completed", json!({"response": {"id": "r"}})),
    ];
    let (out, _, watched) = case.run(STREAM, [stream.concat().as_bytes()]);
    assert_eq!(watched.unscanned, [true]);
    let data = out.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(events.len(), 5);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    assert_eq!(events[3]["delta"], json!(["a"]));
}

#[test]
fn regression_ids_of_tokens_give_nothing_away() {
    let text = format!("Ask {MAIL} now.");
    let message =
        |text: &str| json!([{"type": "raw_message_tokens", "message": text, "tokens": [9906, 11]}]);
    let response = |text: &str| {
        json!({"id": "r", "object": "response", "input_messages": message("Who?"),
            "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
            "output_messages": message(text)})
    };
    let tokens = |response: &Value| {
        ["input_messages", "output_messages"].map(|name| response[name][0]["tokens"].clone())
    };
    let (out, ..) = RESPONSES.run("application/json", [response(&text).to_string().as_bytes()]);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(tokens(&out), [json!([]), json!([])]);
    assert_eq!(
        out["output_messages"][0]["message"],
        "Ask <EMAIL_ADDRESS> now."
    );
    // What is found nowhere stays as it is.
    let clean = response("Hello.").to_string();
    assert_eq!(
        RESPONSES.run("application/json", [clean.as_bytes()]).0,
        clean
    );
    // In a stream, what is found later is not known.
    let end = json!({"type": "response.completed", "response": response("Hello.")});
    let stream = format!("event: response.completed\ndata: {end}\n\n");
    let (out, ..) = RESPONSES.run(STREAM, [stream.as_bytes()]);
    let (_, data) = out.split_once("data: ").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(tokens(&data["response"]), [json!([]), json!([])]);
}

/// Events of one item's reasoning: pieces by their index, `None` for the end of what came.
fn reasoning(pieces: &[(u32, Option<&str>)]) -> String {
    let mut events = String::new();
    let mut push = |name: &str, index: u32, member: &str, text: &str| {
        let event = json!({"type": name, "item_id": "rs_1", "output_index": 0,
            "content_index": index, member: text});
        events.push_str(&format!("event: {name}\ndata: {event}\n\n"));
    };
    let mut so_far = String::new();
    for (index, piece) in pieces {
        match piece {
            Some(text) => {
                so_far.push_str(text);
                push("response.reasoning_text.delta", *index, "delta", text);
            }
            None => {
                let text = std::mem::take(&mut so_far);
                push("response.reasoning_text.done", *index, "text", &text);
            }
        }
    }
    let end = json!({"type": "response.completed", "response": {"id": "resp_1"}});
    events + &format!("event: response.completed\ndata: {end}\n\n")
}

#[test]
fn regression_reasoning_with_two_contents_goes_on() {
    let stream = reasoning(&[
        (0, Some("I ask quilliam@zwex")),
        (0, Some("ford.org or quil")),
        (0, None),
        (1, Some("liam. Then ")),
        (1, Some(MAIL)),
        (1, None),
    ]);
    let (told, seen, watched) = RESPONSES.stream(&stream);
    assert_eq!(
        told,
        ["I ask <EMAIL_ADDRESS> or quilliam. Then <EMAIL_ADDRESS>"]
    );
    assert_eq!((seen.stopped, watched.unscanned), (Stopped::No, vec![]));
    let (out, ..) = RESPONSES.run(STREAM, [stream.as_bytes()]);
    let pieces = out.lines().filter_map(|line| line.strip_prefix("data: "));
    let pieces = pieces.map(|data| serde_json::from_str::<Value>(data).unwrap());
    for piece in pieces.filter(|piece| piece["type"] == "response.reasoning_text.done") {
        let text = piece["text"].as_str().unwrap();
        assert!(!text.contains(MAIL), "{text}");
    }
    assert_eq!(total(&watched.verdict), 2);
}

#[test]
fn reasoning_is_one_text_up_to_its_end_whatever_its_index() {
    // As vLLM sends it.
    let (front, back) = MAIL.split_at(9);
    let pieces = [
        (7, Some("I ask ")),
        (8, Some(front)),
        (9, Some(back)),
        (9, None),
    ];
    let (told, _, watched) = RESPONSES.stream(&reasoning(&pieces));
    assert_eq!(told, ["I ask <EMAIL_ADDRESS>"]);
    assert_eq!(total(&watched.verdict), 1);
    // More of what has ended: clients may join it.
    for index in [0, 8, 9] {
        let more = [(9, Some(front)), (9, None), (index, Some(back))];
        let (_, seen, _) = RESPONSES.run(STREAM, [reasoning(&more).as_bytes()]);
        assert_eq!(seen.stopped, Stopped::Unscannable, "{index}");
    }
}

#[test]
fn regression_behind_a_block_nothing_that_is_said_again_goes_on() {
    let case = Case {
        action: "block",
        ..RESPONSES
    };
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let text = format!("It is {MAIL}.");
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant",
        "content": [part("Good day."), part(&text), part("He is at home.")]});
    let event = json!({"type": "response.in_progress", "sequence_number": 0,
        "response": {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [item]}});
    let stream = format!("event: response.in_progress\ndata: {event}\n\n");
    let (out, seen, _) = case.run(STREAM, [stream.as_bytes()]);
    assert!(out.contains("Good day.") && out.contains("It is "), "{out}");
    assert!(
        !out.contains("quilliam") && !out.contains("at home"),
        "{out}"
    );
    assert_eq!(seen.stopped, Stopped::Blocked);
}

#[test]
fn choices_are_texts_of_their_own() {
    let deltas = [
        (0, "a quilliam"),
        (1, "b quilliam"),
        (0, "@zwexford.org"),
        (1, " said"),
        (0, "!"),
    ];
    let (said, ..) = OPENAI.stream(&openai(&deltas, &[(1, "stop"), (0, "stop")]));
    assert_eq!(said, ["a <EMAIL_ADDRESS>!", "b quilliam said", "stopstop"]);
}

#[test]
fn a_block_is_the_end_wherever_bytes_are_cut() {
    let blocks = |case: Case| Case {
        action: "block",
        ..case
    };
    let parts = ["So ", "it is quilliam", "@zwexford.org", ", he", " said"];
    let deltas: Vec<(u32, &str)> = parts.iter().map(|part| (0, *part)).collect();
    let (said, seen, watched) = blocks(OPENAI).stream(&openai(&deltas, &[(0, "stop")]));
    assert_eq!(said, ["So it is ", "content_filter"]);
    assert_eq!(seen.stopped, Stopped::Blocked);
    assert_eq!(watched.verdict.blocked(), Some(0));
    let (said, seen, _) = blocks(ANTHROPIC).stream(&anthropic(&parts));
    assert_eq!(said, ["So it is ", "refusal"]);
    assert_eq!(seen.stopped, Stopped::Blocked);
    let (said, seen, _) = blocks(COMPLETIONS).stream(&completions(&deltas, &[(0, "stop")]));
    assert_eq!(said, ["So it is ", "content_filter"]);
    assert_eq!(seen.stopped, Stopped::Blocked);
    let (said, seen, _) = blocks(RESPONSES).stream(&response(&parts));
    assert_eq!(said, ["So it is ", "content_filter"]);
    assert_eq!(seen.stopped, Stopped::Blocked);
}

#[test]
fn what_stands_beside_the_data_is_looked_at() {
    let data = openai(&[(0, "Good day ")], &[(0, "stop")]);
    for (beside, goes_on) in [
        (format!(": {MAIL}\n\n"), "\n"),
        (format!("id: {MAIL}\n"), ""),
        (format!("event: {MAIL}\r\n"), ""),
        (": keep alive\n\n".to_owned(), ": keep alive\n\n"),
        (
            "event: completion.chunk\nid: 7\n".to_owned(),
            "event: completion.chunk\nid: 7\n",
        ),
    ] {
        let stream = format!("{beside}{data}");
        let (out, seen, _) = OPENAI.run(STREAM, [stream.as_bytes()]);
        assert_eq!(out, format!("{goes_on}{data}"), "{beside}");
        assert_eq!(seen.stopped, Stopped::No);
    }
    let block = Case {
        action: "block",
        ..OPENAI
    };
    let first = openai(&[(0, "Good day ")], &[]).replace("data: [DONE]\n\n", "");
    for beside in [format!(": {MAIL}\n\n"), format!("id: {MAIL}\n")] {
        let stream = format!("{first}{beside}{data}");
        let (out, seen, _) = block.run(STREAM, [stream.as_bytes()]);
        assert!(!out.contains(MAIL), "{out}");
        assert_eq!(
            said(Api::ChatCompletions, &out)[1],
            "content_filter",
            "{out}"
        );
        assert_eq!(seen.stopped, Stopped::Blocked);
    }
}

#[test]
fn what_cant_be_read_ends_a_stream_or_passes_and_is_counted_once() {
    let first = openai(&[(0, "Good day ")], &[]).replace("data: [DONE]\n\n", "");
    let broken = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{MAIL}\n\n");
    let stream = format!("{first}{broken}{broken}data: [DONE]\n\n");
    let (out, seen, watched) = OPENAI.run(STREAM, [stream.as_bytes()]);
    assert!(out.starts_with(&first) && !out.contains(MAIL), "{out}");
    assert!(out.contains("unscannable_answer"), "{out}");
    assert_eq!(
        (seen.stopped, watched.unscanned),
        (Stopped::Unscannable, vec![false])
    );
    let passing = Case {
        passes_unread: true,
        ..OPENAI
    };
    let (out, seen, watched) = passing.run(STREAM, [stream.as_bytes()]);
    assert!(out.contains(&broken), "{out}");
    assert_eq!((seen.stopped, watched.unscanned), (Stopped::No, vec![true]));
}

#[test]
fn text_that_is_held_is_not_given_at_a_sudden_end() {
    let stream = openai(&[(0, "Good. It is quilliam@zwex")], &[]).replace("data: [DONE]\n\n", "");
    let (out, seen, _) = OPENAI.run(STREAM, [stream.as_bytes(), b""]);
    assert!(!out.contains("quilliam"), "{out}");
    assert_eq!(said(Api::ChatCompletions, &out)[0], "Good. It is ");
    assert_eq!(
        (seen.held_back, seen.incomplete),
        ("quilliam@zwex".len(), true)
    );
}

#[test]
fn whole_answers_are_held_masked_and_bounded() {
    let answer = |text: &str| {
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": text},
            "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
        .to_string()
    };
    let text = answer(&format!("I am {MAIL}."));
    for cut in 0..=text.len() {
        let (front, back) = text.as_bytes().split_at(cut);
        let (out, seen, _) = OPENAI.run("application/json", [front, back]);
        assert_eq!(out, answer("I am <EMAIL_ADDRESS>."));
        assert_eq!(seen.usage.map(|usage| usage.output), Some(2));
    }
    // Too long as it comes, and by its masks.
    for (long, counted) in [
        ("x".repeat(100_000), vec![false]),
        ("ab@cd.org ".repeat(8_000), vec![]),
    ] {
        let text = answer(&long);
        let (out, seen, watched) = OPENAI.run("application/json", [text.as_bytes(), b""]);
        assert!(
            out.len() < 500 && out.contains("answer_too_long"),
            "{}",
            out.len()
        );
        assert_eq!(
            (seen.stopped, watched.unscanned),
            (Stopped::Refused(502, "answer_too_long"), counted)
        );
    }
}

/// Text of a choice or a block that has ended may be the rest of a finding whose front is gone.
#[test]
fn text_behind_its_end_does_not_go_on() {
    let chunk = |text: &str, reason: &str| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": reason});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let event = |event: Value| format!("data: {event}\n\n");
    let delta = |text: &str| {
        event(json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": text}}))
    };
    let stop = event(json!({"type": "content_block_stop", "index": 0}));
    let all = event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
    let reasons = [chunk("quilliam@", "stop"), chunk("zwexford.org ", "stop")];
    let late = [
        (OPENAI, reasons.concat()),
        (
            ANTHROPIC,
            [delta("quilliam@"), stop, delta("zwexford.org ")].concat(),
        ),
        (
            ANTHROPIC,
            [delta("quilliam@"), all, delta("zwexford.org ")].concat(),
        ),
    ];
    for (case, stream) in late {
        let (said, seen, watched) = case.stream(&stream);
        assert_eq!(said[0], "quilliam@", "{stream}");
        assert!(!said.concat().contains("zwexford"), "{said:?}");
        assert_eq!(
            (seen.stopped, watched.unscanned),
            (Stopped::Unscannable, vec![false])
        );
    }
    // Servers repeat an empty text.
    let empty = [chunk("Good day", "stop"), chunk("", "stop")].concat();
    let stream = format!("{empty}data: [DONE]\n\n");
    let (out, seen, _) = OPENAI.run(STREAM, [stream.as_bytes()]);
    assert_eq!((out, seen.stopped), (stream, Stopped::No));
}

#[test]
fn a_report_of_usage_ends_no_text() {
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    let front = openai(&[(0, "quilliam@")], &[]).replace("data: [DONE]\n\n", "");
    let back = openai(&[(0, "zwexford.org.")], &[(0, "stop")]);
    let (said, seen, _) = OPENAI.stream(&format!("{front}{usage}{back}"));
    assert_eq!(said, ["<EMAIL_ADDRESS>.", "stop"]);
    assert_eq!(seen.stopped, Stopped::No);
}

const TRANSCRIPTS: Case = Case {
    api: Api::Transcriptions,
    ..OPENAI
};

#[test]
fn regression_segments_do_not_tell_what_deltas_mask() {
    let event = |event: Value| format!("data: {event}\n\n");
    let delta = event(json!({"type": "transcript.text.delta", "delta": format!("by {MAIL} ")}));
    let segment = |text: &str| {
        event(json!({"type": "transcript.text.segment", "id": "s", "speaker": "A", "text": text}))
    };
    let done = event(json!({"type": "transcript.text.done", "text": format!("by {MAIL} ")}));
    // The second part is nothing by itself.
    let stream = format!(
        "{delta}{}{}{done}",
        segment("by quilliam"),
        segment("@zwexford.org")
    );
    let (out, ..) = TRANSCRIPTS.run(STREAM, [stream.as_bytes()]);
    assert!(
        !out.contains("quilliam") && !out.contains("zwexford"),
        "{out}"
    );
    assert_eq!(out.matches(r#""text":"""#).count(), 2, "{out}");
    assert!(out.contains(r#""speaker":"A""#), "{out}");
    let monitor = Case {
        action: "monitor",
        ..TRANSCRIPTS
    };
    let (out, ..) = monitor.run(STREAM, [stream.as_bytes()]);
    assert_eq!(out, stream);
}

#[test]
fn regression_a_value_across_cues_is_found() {
    let cues = |one: &str, other: &str| {
        format!(
            "1\n00:00:00,000 --> 00:00:02,000\n{one}\n\n2\n00:00:02,000 --> 00:00:04,000\n{other}\n"
        )
    };
    let split = cues("my card is 4111 1111", "1111 1111, thanks");
    let (out, _, watched) = TRANSCRIPTS.run("text/plain", [split.as_bytes()]);
    assert!(!out.contains("4111"), "{out}");
    assert_eq!(watched.unscanned, [false]);
    for action in ["monitor", "mask"] {
        let case = Case {
            action,
            passes_unread: action == "mask",
            ..TRANSCRIPTS
        };
        let (out, ..) = case.run("text/plain", [split.as_bytes()]);
        assert_eq!(out, split, "{action}");
    }
    let (out, _, watched) = TRANSCRIPTS.run("text/plain", [cues("by", MAIL).as_bytes()]);
    assert!(!out.contains(MAIL) && out.contains("00:00:04,000"), "{out}");
    assert!(watched.unscanned.is_empty());
}
