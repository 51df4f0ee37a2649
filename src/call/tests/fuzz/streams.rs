//! Streams, as providers send them and damaged.

use super::shown::{Key, Texts};
use super::*;

/// A stream as a provider may send it.
struct Stream {
    /// Bytes of each event.
    events: Vec<Vec<u8>>,
    texts: Texts,
}

/// One text of a stream while it is sent.
struct Sending {
    key: Key,
    pieces: std::vec::IntoIter<String>,
}

pub(super) fn written(guarded: &Guarded, source: &mut Source) {
    let api = *source.one_of(&Api::OF_TEXT);
    let mut asked = guarded.answering(api, true);
    let stream = Stream::of(api, &asked.placeholders, source);
    let bytes = stream.events.concat();
    let out = asked.through(&source.cuts(&bytes));
    let shown = shown::texts(&out);
    let mut blocked = false;
    for (key, text) in &stream.texts {
        let (wanted, blocks) = asked.masked(text, form(*key));
        blocked |= blocks;
        let shown = shown.get(key).map_or("", String::as_str);
        if guarded.blocks {
            assert!(
                wanted.starts_with(shown),
                "{key:?}: {shown:?} of {wanted:?}"
            );
        } else {
            assert_eq!(shown, wanted, "{key:?} of {text:?}");
        }
    }
    assert!(guarded.blocks || !blocked);
    let last = shown::data(&out).pop().unwrap_or_default();
    let end: &[u8] = match api {
        Api::ChatCompletions | Api::Completions => b"[DONE]",
        Api::Responses if blocked => br#"{"type":"response.incomplete","#,
        Api::Responses => br#"{"response":{"#,
        _ => br#"{"type":"message_stop"}"#,
    };
    assert!(last.starts_with(end), "{}", String::from_utf8_lossy(&out));
    let told = String::from_utf8_lossy(&out).contains(match api {
        Api::Messages => "\"refusal\"",
        _ => "\"content_filter\"",
    });
    assert_eq!(told, blocked, "{}", String::from_utf8_lossy(&out));
    asked.settle();
}

/// However the bytes are cut, the same goes on; also of damaged ones.
pub(super) fn broken(guarded: &Guarded, source: &mut Source) {
    let api = *source.one_of(&Api::OF_TEXT);
    let mut asked = guarded.answering(api, true);
    let mut bytes = match source.below(8) {
        0 => source.bytes(),
        _ => {
            let mut stream = Stream::of(api, &asked.placeholders, source);
            stream.mix(source);
            stream.events.concat()
        }
    };
    source.damage(&mut bytes);
    let cut = asked.through(&source.cuts(&bytes));
    let mut again = guarded.answering(api, true);
    let whole = again.through(&[&bytes]);
    let show = String::from_utf8_lossy;
    // Of a CR LF that is cut where the stream is ended the LF is dropped: it says nothing.
    assert_eq!(
        shown::lines(&cut),
        shown::lines(&whole),
        "of {}",
        show(&bytes)
    );
    let valid = |data: &Vec<u8>| {
        data == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
    };
    if shown::data(&bytes).iter().all(valid) {
        let out = shown::data(&whole);
        assert!(
            out.iter().all(valid),
            "{} of {}",
            show(&whole),
            show(&bytes)
        );
    }
    // As a client joins it, it is what a mask of all that was sent leaves, or the front of that.
    let came = shown::joined(&bytes);
    for (key, view) in shown::joined(&whole) {
        let came = came.get(&key).map_or("", String::as_str);
        let (wanted, _) = again.masked(came, form(key));
        // Or of what came before an end, behind which more has come.
        let ends = || {
            let fronts = came.char_indices().map(|(at, _)| &came[..at]);
            let mut masked = fronts.map(|front| again.masked(front, form(key)).0);
            masked.any(|front| front == view)
        };
        assert!(
            wanted.starts_with(&view) || ends(),
            "{key:?}: {view:?} of {wanted:?} of {}\nbecame {}",
            show(&bytes),
            show(&whole)
        );
    }
    asked.settle();
    again.settle();
}

fn form((_, kind, _): Key) -> Form {
    match kind {
        "arguments" | "partial_json" | "response.function_call_arguments" => Form::Json,
        _ => Form::Text,
    }
}

impl Stream {
    fn of(api: Api, placeholders: &[String], source: &mut Source) -> Self {
        let mut stream = Self {
            events: Vec::new(),
            texts: Texts::new(),
        };
        match api {
            Api::ChatCompletions => stream.openai(placeholders, source),
            Api::Completions => stream.completions(placeholders, source),
            Api::Responses => stream.response(placeholders, source),
            _ => stream.anthropic(placeholders, source),
        }
        stream
    }

    fn openai(&mut self, placeholders: &[String], source: &mut Source) {
        let parts = 1 + source.below(2) as u64;
        for part in 0..parts {
            self.push_choice(
                part,
                json!({"role": "assistant", "content": ""}),
                Value::Null,
                source,
            );
        }
        let mut sending = Vec::new();
        for part in 0..parts {
            for key in [
                (part, "reasoning_content", 0),
                (part, "content", 0),
                (part, "arguments", 0),
                (part, "arguments", 1),
            ] {
                sending.extend(self.sending(key, placeholders, source));
            }
        }
        while !sending.is_empty() {
            let index = source.below(sending.len());
            let Sending { key, pieces } = &mut sending[index];
            let (part, kind, call) = *key;
            match pieces.next() {
                None => drop(sending.remove(index)),
                Some(piece) if kind == "arguments" => {
                    let call = json!({"index": call, "function": {"arguments": piece}});
                    self.push_choice(part, json!({"tool_calls": [call]}), Value::Null, source);
                }
                Some(piece) => self.push_choice(part, json!({kind: piece}), Value::Null, source),
            }
        }
        // Some servers forget it.
        let told = !source.once_in(8);
        for part in (0..parts).filter(|_| told) {
            self.push_choice(part, json!({}), json!("stop"), source);
        }
        if source.once_in(2) {
            let usage = json!({"prompt_tokens": 9, "completion_tokens": 4});
            let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1,
                "model": "m", "choices": [], "usage": usage});
            self.push(&chunk.to_string(), None, source);
        }
        self.push("[DONE]", None, source);
    }

    fn completions(&mut self, placeholders: &[String], source: &mut Source) {
        let parts = 1 + source.below(3) as u64;
        let mut sending = Vec::new();
        for part in 0..parts {
            sending.extend(self.sending((part, "text", 0), placeholders, source));
        }
        while !sending.is_empty() {
            let index = source.below(sending.len());
            let Sending { key, pieces } = &mut sending[index];
            match pieces.next() {
                None => drop(sending.remove(index)),
                Some(piece) => {
                    let tokens = json!({"tokens": [piece], "token_logprobs": [-0.1]});
                    let choice = json!({"index": key.0, "text": piece, "logprobs": tokens,
                        "finish_reason": null});
                    self.push_completion(choice, source);
                }
            }
        }
        for part in 0..parts {
            let choice =
                json!({"index": part, "text": "", "logprobs": null, "finish_reason": "stop"});
            self.push_completion(choice, source);
        }
        self.push("[DONE]", None, source);
    }

    fn push_completion(&mut self, choice: Value, source: &mut Source) {
        let chunk = json!({"id": "c", "object": "text_completion", "created": 1, "model": "m",
            "choices": [choice]});
        self.push(&chunk.to_string(), None, source);
    }

    fn response(&mut self, placeholders: &[String], source: &mut Source) {
        let response = |status: &str, output: &[Value]| {
            json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "m",
                "status": status, "instructions": source::PROMPT, "output": output})
        };
        let begun = response("in_progress", &[]);
        self.push_numbered(
            json!({"type": "response.created", "response": begun}),
            source,
        );
        let mut output = Vec::new();
        for part in 0..source.below(4) as u64 {
            let kind = *source.one_of(&shown::KINDS);
            output.push(self.item(part, kind, placeholders, source));
        }
        let whole = response("completed", &output);
        self.push_numbered(
            json!({"type": "response.completed", "response": whole}),
            source,
        );
    }

    /// One item of a response; what it is as a whole.
    fn item(
        &mut self,
        part: u64,
        kind: &'static str,
        placeholders: &[String],
        source: &mut Source,
    ) -> Value {
        let id = format!("item_{part}");
        let (mut item, list, one, index) = match kind {
            "response.output_text" => (
                json!({"type": "message", "role": "assistant", "content": []}),
                "content",
                json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []}),
                "content_index",
            ),
            "response.reasoning_summary_text" => (
                json!({"type": "reasoning", "summary": []}),
                "summary",
                json!({"type": "summary_text", "text": ""}),
                "summary_index",
            ),
            _ => (
                json!({"type": "function_call", "call_id": "c", "name": "n", "arguments": ""}),
                "",
                Value::Null,
                "call_index",
            ),
        };
        item["id"] = json!(id);
        let event = |what: &str, place: u64, members: Value| {
            let mut event =
                json!({"type": what, "item_id": id, "output_index": part, index: place});
            for (name, value) in members.as_object().unwrap() {
                event[name] = value.clone();
            }
            event
        };
        self.push_numbered(
            event("response.output_item.added", 0, json!({"item": item})),
            source,
        );
        let texts = if list.is_empty() {
            1
        } else {
            source.below(3) as u64
        };
        for place in 0..texts {
            let name = match list {
                "content" => "response.content_part",
                _ => "response.reasoning_summary_part",
            };
            let sending = self.sending((part, kind, place), placeholders, source);
            let mut pieces = sending.map(|sending| sending.pieces).unwrap_or_default();
            let mut text = String::new();
            if !list.is_empty() {
                let mut one = one.clone();
                if source.once_in(5) {
                    text = pieces.next().unwrap_or_default();
                    one["text"] = json!(text);
                }
                let begins = event(&format!("{name}.added"), place, json!({"part": one}));
                self.push_numbered(begins, source);
            }
            for piece in pieces {
                text.push_str(&piece);
                let piece = event(&format!("{kind}.delta"), place, json!({"delta": piece}));
                self.push_numbered(piece, source);
            }
            let whole = if list.is_empty() { "arguments" } else { "text" };
            // Some servers leave them out.
            if !source.once_in(6) {
                let ends = event(&format!("{kind}.done"), place, json!({whole: text}));
                self.push_numbered(ends, source);
            }
            if list.is_empty() {
                item["arguments"] = json!(text);
                continue;
            }
            let mut one = one.clone();
            one["text"] = json!(text);
            if !source.once_in(6) {
                let ends = event(&format!("{name}.done"), place, json!({"part": one}));
                self.push_numbered(ends, source);
            }
            item[list].as_array_mut().unwrap().push(one);
        }
        if !source.once_in(6) {
            let ends = event("response.output_item.done", 0, json!({"item": item}));
            self.push_numbered(ends, source);
        }
        item
    }

    fn push_numbered(&mut self, mut event: Value, source: &mut Source) {
        event["sequence_number"] = json!(self.events.len());
        self.push_event(&event, source);
    }

    fn push_choice(&mut self, part: u64, delta: Value, reason: Value, source: &mut Source) {
        let choice = json!({"index": part, "delta": delta, "finish_reason": reason});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1,
            "model": "m", "choices": [choice]});
        self.push(&chunk.to_string(), None, source);
    }

    fn anthropic(&mut self, placeholders: &[String], source: &mut Source) {
        let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "c",
            "content": [], "stop_reason": null, "usage": {"input_tokens": 1, "output_tokens": 1}});
        self.push_event(
            &json!({"type": "message_start", "message": message}),
            source,
        );
        for part in 0..source.below(4) as u64 {
            let (kind, delta, block) = *source.one_of(&[
                ("text", "text_delta", "text"),
                ("thinking", "thinking_delta", "thinking"),
                ("partial_json", "input_json_delta", "tool_use"),
            ]);
            let block = match block {
                "tool_use" => json!({"type": block, "id": "t", "name": "n", "input": {}}),
                _ => json!({"type": block, block: ""}),
            };
            let start =
                json!({"type": "content_block_start", "index": part, "content_block": block});
            self.push_event(&start, source);
            if let Some(sending) = self.sending((part, kind, 0), placeholders, source) {
                for piece in sending.pieces {
                    let delta = json!({"type": delta, kind: piece});
                    let event =
                        json!({"type": "content_block_delta", "index": part, "delta": delta});
                    self.push_event(&event, source);
                }
            }
            self.push_event(
                &json!({"type": "content_block_stop", "index": part}),
                source,
            );
        }
        let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
        let usage = json!({"output_tokens": 5});
        self.push_event(
            &json!({"type": "message_delta", "delta": delta, "usage": usage}),
            source,
        );
        self.push_event(&json!({"type": "message_stop"}), source);
    }

    /// Makes up a text.
    fn sending(
        &mut self,
        key: Key,
        placeholders: &[String],
        source: &mut Source,
    ) -> Option<Sending> {
        if source.once_in(3) {
            return None;
        }
        let text = source.text(placeholders);
        let text = match form(key) {
            Form::Json if !source.once_in(4) => {
                json!({"to": text, "n": [1, 4_111_111_111_111_111_u64]}).to_string()
            }
            _ => text,
        };
        let pieces = source.pieces(&text).into_iter();
        self.texts.insert(key, text);
        Some(Sending { key, pieces })
    }

    fn push_event(&mut self, event: &Value, source: &mut Source) {
        self.push(&event.to_string(), event["type"].as_str(), source);
    }

    /// Adds an event in one of the ways that SSE can be written.
    fn push(&mut self, data: &str, name: Option<&str>, source: &mut Source) {
        let end = *source.one_of(&["\n", "\n", "\n", "\r\n", "\r"]);
        let space = *source.one_of(&[" ", " ", ""]);
        let mut event = String::new();
        if source.once_in(20) {
            event.push_str(&format!(": ping{end}"));
        }
        if let Some(name) = name {
            event.push_str(&format!("event: {name}{end}"));
        }
        event.push_str(&format!("data:{space}{data}{end}{end}"));
        self.events.push(event.into_bytes());
    }

    /// Leaves events out, doubles them, changes their order, and damages one of them such that
    /// it stays JSON.
    fn mix(&mut self, source: &mut Source) {
        for _ in 0..source.below(3) {
            let (from, to) = (
                source.below(self.events.len()),
                source.below(self.events.len()),
            );
            match source.below(4) {
                0 => self.events.swap(from, to),
                1 => drop(self.events.remove(from)),
                2 => self.events.insert(to, self.events[from].clone()),
                _ => {
                    let old =
                        *source.one_of(&["\"index\":0", "null", "\"delta\"", "\"m\"", "\"\""]);
                    let new = *source.one_of(&[
                        "\"index\":4294967296",
                        "{}",
                        "[]",
                        "\"x\":1,\"x\"",
                        "\"a@b.example.com\"",
                        "1e99",
                    ]);
                    let text = String::from_utf8_lossy(&self.events[from]).replacen(old, new, 1);
                    self.events[from] = text.into_bytes();
                }
            }
            if self.events.is_empty() {
                return;
            }
        }
    }
}
