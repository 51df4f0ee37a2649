/*! A document as chunks. */

use super::call::{CUSTOM, FUNCTION, Kind};
use super::message::TEXTS;
use super::{HEAD, MAX_CHOICES, Shape, logprobs};
use crate::protocols::replay::parts::{Member, get, inside, is_nothing, items, members, text};
use crate::protocols::replay::write::{Events, compact, object, pieces};

/// See [`super::super::as_stream`].
pub(in crate::protocols::replay) fn as_stream(
    shape: Shape,
    whole: &str,
    include_usage: bool,
) -> Option<String> {
    let whole = compact(whole)?;
    let document = members(&whole)?;
    if get(&document, "error").is_some() {
        return None;
    }
    let mut writer = Writer {
        shape,
        head: head(&document, shape),
        others: object(|others| others.members(others_of(&document))),
        usage: include_usage.then(|| get(&document, "usage")),
        events: Events::new(whole.len(), 2),
    };
    let mut count = 0_usize;
    items(get(&document, "choices")?, |json| {
        let choice = Choice::read(json, count, shape)?;
        count = count.saturating_add(1);
        writer.choice(&choice)
    })?;
    if count == 0 || count > MAX_CHOICES {
        return None;
    }
    writer.end();
    writer.events.finish()
}

/// The members that each chunk has.
fn head<'d>(document: &'d [Member<'_>], shape: Shape) -> Vec<(&'d str, &'d str)> {
    let object = [("object", shape.chunk())].into_iter();
    let known = document.iter().map(|(name, value)| (name.as_ref(), *value));
    let known = known.filter(|(name, _)| HEAD.contains(name));
    object.chain(known).collect()
}

/// The members that one chunk has.
fn others_of<'d>(document: &'d [Member<'_>]) -> impl Iterator<Item = (&'d str, &'d str)> {
    let known = |name: &str| HEAD.contains(&name) || matches!(name, "object" | "choices" | "usage");
    let members = document.iter().map(|(name, value)| (name.as_ref(), *value));
    members.filter(move |(name, _)| !known(name))
}

struct Writer<'d> {
    shape: Shape,
    head: Vec<(&'d str, &'d str)>,
    /// An object of what the first chunk has besides.
    others: String,
    /// What is reported at the end, if a report was asked for.
    usage: Option<Option<&'d str>>,
    events: Events,
}

/// A choice of a document.
struct Choice<'d> {
    index: u64,
    /// The message, or the text.
    says: &'d str,
    /// `Text` only.
    reasoning: &'d str,
    logprobs: Vec<String>,
    finish_reason: &'d str,
    others: Vec<Member<'d>>,
}

impl<'d> Choice<'d> {
    fn read(json: &'d str, place: usize, shape: Shape) -> Option<Self> {
        let members = members(json)?;
        let place = u64::try_from(place).ok()?;
        let index = get(&members, "index").map_or(Some(place), |index| index.parse().ok())?;
        let finish_reason = get(&members, "finish_reason")?;
        if index != place || is_nothing(inside(finish_reason).map(|_| finish_reason)?) {
            return None;
        }
        let (says, reasoning) = match shape {
            Shape::Chat => (get(&members, "message")?, ""),
            Shape::Text => (
                inside(get(&members, "text")?)?,
                get(&members, "reasoning").map_or(Some(""), inside)?,
            ),
        };
        let parts = get(&members, "logprobs").map_or(Some(Vec::new()), logprobs::parts)?;
        let known = |name: &str| match name {
            "index" | "finish_reason" | "logprobs" => true,
            "message" => shape == Shape::Chat,
            "text" | "reasoning" => shape == Shape::Text,
            _ => false,
        };
        let mut others = members;
        others.retain(|(name, _)| !known(name));
        // The form of a chunk, or of the other API.
        let odd = |(name, _): &Member<'_>| matches!(name.as_ref(), "delta" | "message" | "text");
        if others.iter().any(odd) {
            return None;
        }
        Some(Self {
            index,
            says,
            reasoning,
            logprobs: parts,
            finish_reason,
            others,
        })
    }
}

impl Writer<'_> {
    fn choice(&mut self, choice: &Choice<'_>) -> Option<()> {
        let mut logprobs = choice.logprobs.iter();
        let mut chunks = match self.shape {
            Shape::Chat => deltas(choice.says)?,
            Shape::Text => texts(choice),
        };
        // What says content goes first with the tokens of it.
        let nothing = self.nothing();
        for (body, has_tokens) in chunks.drain(..) {
            let tokens = if has_tokens { logprobs.next() } else { None };
            self.chunk(choice, &body, tokens, None);
        }
        for tokens in logprobs {
            self.chunk(choice, &nothing, Some(tokens), None);
        }
        self.chunk(choice, &nothing, None, Some(choice.finish_reason));
        Some(())
    }

    /// What a choice says that says nothing more.
    fn nothing(&self) -> String {
        match self.shape {
            Shape::Chat => "{}".to_owned(),
            Shape::Text => object(|choice| choice.text("text", "")),
        }
    }

    fn chunk(
        &mut self,
        choice: &Choice<'_>,
        body: &str,
        logprobs: Option<&String>,
        finish_reason: Option<&str>,
    ) {
        let shape = self.shape;
        let json = object(|out| {
            out.member("index", &choice.index.to_string());
            match shape {
                Shape::Chat => out.member("delta", body),
                Shape::Text => out.members_of(body),
            }
            out.member("logprobs", logprobs.map_or("null", String::as_str));
            out.member("finish_reason", finish_reason.unwrap_or("null"));
            if finish_reason.is_some() {
                let others = choice.others.iter();
                out.members(others.map(|(name, value)| (name.as_ref(), *value)));
            }
        });
        let usage = self.usage.map(|_| "null");
        self.event(&json, usage);
    }

    fn event(&mut self, choices: &str, usage: Option<&str>) {
        let head = self.head.iter().copied();
        let others = std::mem::take(&mut self.others);
        self.events.event("", |chunk| {
            chunk.members(head);
            chunk.list("choices", choices);
            if let Some(usage) = usage {
                chunk.member("usage", usage);
            }
            chunk.members_of(&others);
        });
    }

    fn end(&mut self) {
        if let Some(Some(usage)) = self.usage {
            self.event("", Some(usage));
        }
        self.events.done();
    }
}

/// What chunks say, and whether tokens go with it.
type Bodies = Vec<(String, bool)>;

fn texts(choice: &Choice<'_>) -> Bodies {
    let reasoning = pieces(choice.reasoning).map(|piece| {
        let body = object(|body| {
            body.text("text", "");
            body.text("reasoning", piece);
        });
        (body, false)
    });
    let said = pieces(choice.says).map(|piece| (object(|body| body.text("text", piece)), true));
    reasoning.chain(said).collect()
}

fn deltas(message: &str) -> Option<Bodies> {
    let members = members(message)?;
    if get(&members, "audio").is_some() {
        return None;
    }
    let mut deltas = vec![(first_delta(&members)?, false)];
    // Thoughts come first.
    for name in ["reasoning", "reasoning_content", "content", "refusal"] {
        let Some(said) = get(&members, name) else {
            continue;
        };
        let is_answer = matches!(name, "content" | "refusal");
        for piece in pieces(inside(said)?) {
            deltas.push((object(|delta| delta.text(name, piece)), is_answer));
        }
    }
    if let Some(calls) = get(&members, "tool_calls") {
        let mut index = 0_usize;
        items(calls, |call| {
            tool_call(call, index, &mut deltas)?;
            index = index.saturating_add(1);
            Some(())
        })?;
    }
    if let Some(call) = get(&members, "function_call") {
        tool(&FUNCTION, call, &mut deltas, &mut |tool| {
            object(|delta| delta.member("function_call", tool))
        })?;
    }
    Some(deltas)
}

/// All but what comes in pieces.
fn first_delta(members: &[Member<'_>]) -> Option<String> {
    text(get(members, "role").unwrap_or("\"assistant\""))?;
    Some(object(|delta| {
        for (name, value) in members {
            match (name.as_ref(), *value) {
                ("tool_calls" | "function_call", _) => {}
                (name, "null") => delta.member(name, "null"),
                ("content", _) => delta.text("content", ""),
                (name, _) if TEXTS.contains(&name) => {}
                (name, value) => delta.member(name, value),
            }
        }
    }))
}

fn tool_call(json: &str, index: usize, deltas: &mut Bodies) -> Option<()> {
    let members = members(json)?;
    let kind = match get(&members, CUSTOM.member) {
        Some(_) => &CUSTOM,
        None => &FUNCTION,
    };
    let rest = members.iter().map(|(name, value)| (name.as_ref(), *value));
    let rest = rest.filter(|(name, _)| *name != "index" && *name != kind.member);
    let mut rest: Vec<(&str, &str)> = rest.collect();
    let index = index.to_string();
    tool(kind, get(&members, kind.member)?, deltas, &mut |tool| {
        let call = object(|call| {
            call.member("index", &index);
            // With the first delta.
            call.members(rest.drain(..));
            call.member(kind.member, tool);
        });
        object(|delta| delta.list("tool_calls", &call))
    })
}

/// A tool without its text, and then this in pieces.
fn tool(
    kind: &Kind,
    json: &str,
    deltas: &mut Bodies,
    delta: &mut dyn FnMut(&str) -> String,
) -> Option<()> {
    let (head, said) = tool_parts(kind, json)?;
    deltas.push((delta(&head), false));
    for piece in pieces(said) {
        let tool = object(|tool| tool.text(kind.text, piece));
        deltas.push((delta(&tool), false));
    }
    Some(())
}

/// A tool without its text, and the inside of this.
fn tool_parts<'d>(kind: &Kind, json: &'d str) -> Option<(String, &'d str)> {
    let members = members(json)?;
    let said = inside(get(&members, kind.text)?)?;
    let head = object(|tool| {
        for (name, value) in &members {
            match name.as_ref() {
                name if name == kind.text => tool.text(name, ""),
                name => tool.member(name, value),
            }
        }
    });
    Some((head, said))
}
