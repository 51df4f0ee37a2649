/*! Writing the events of a stream. The last one has the whole response, so all of it is kept.

Calls may come side by side: each is an item of its own, and events say to which they belong.
Text and thinking are over when anything else comes, a call when its arguments are whole. */

use super::item::{Item, What};
use super::output::{Progress, State, item_id, last_event, part, response};
use crate::protocols::translate::hub::{Event, Stop, Usage};
use crate::protocols::translate::nesting::Nesting;
use crate::protocols::translate::openai::words::call_id;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::{self, Writer as Json};
use crate::protocols::translate::{About, MAX_HELD, Malformed};

/// Writes events.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    /// The response's id, without its prefix.
    id: String,
    /// The number of the next event.
    number: u64,
    /// The output so far.
    items: Vec<Item>,
    calls: usize,
    /// Bytes that are kept.
    held: usize,
}

impl Writer {
    /// The number of the next event.
    pub(in super::super) const fn next_number(&self) -> u64 {
        self.number
    }

    /// The first events.
    pub(in super::super) fn start(
        &mut self,
        id: Option<String>,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) {
        self.id = id.unwrap_or_else(|| about.id.to_owned());
        for name in ["response.created", "response.in_progress"] {
            self.response(name, about, State::InProgress, out);
        }
    }

    /// Writes what was generated.
    pub(in super::super) fn write(
        &mut self,
        event: &Event<'_>,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        match event {
            Event::Thinking(text) => self.text(What::Reasoning, text, out),
            Event::Text(text) => self.text(What::Message, text, out),
            Event::Call { id, name } => {
                let number = self.calls;
                self.calls = number.saturating_add(1);
                let what = What::Call {
                    number,
                    id: call_id(id.as_ref(), about, number),
                    name: name.clone().into_owned(),
                    nesting: Nesting::default(),
                };
                self.begin(what, out);
            }
            Event::Input { call, text } => self.input(*call, text, out)?,
            _ => {}
        }
        if self.held > MAX_HELD {
            return Err(Malformed("too long an answer"));
        }
        Ok(())
    }

    /// The end: of all items, and of the response.
    pub(in super::super) fn finish(
        &mut self,
        stop: &Stop<'_>,
        usage: &Usage,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) {
        self.close(|_| true, Progress::at_end(stop), out);
        let mut output = vec![b'['];
        for item in &self.items {
            item.write(&mut Json::new(&mut output));
        }
        output.push(b']');
        let state = State::Ended {
            stop,
            usage,
            output: &String::from_utf8_lossy(&output),
        };
        self.response(last_event(stop), about, state, out);
    }

    fn text(&mut self, what: What, text: &Text<'_>, out: &mut Vec<u8>) {
        let same = |item: &Item| {
            let kinds = (&item.what, &what);
            let same = matches!(
                kinds,
                (What::Message, What::Message) | (What::Reasoning, What::Reasoning)
            );
            item.is_open() && same
        };
        let at = match self.items.iter().rposition(same) {
            Some(at) => at,
            None => self.begin(what, out),
        };
        self.delta(at, text, out);
    }

    fn input(&mut self, call: usize, text: &Text<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let is_call =
            |item: &Item| matches!(item.what, What::Call { number, .. } if number == call);
        let at = self.items.iter().rposition(is_call);
        let at = at.ok_or(Malformed("arguments of no tool call"))?;
        let open = self.items.get(at).is_some_and(Item::is_open);
        if open {
            self.delta(at, text, out);
            return Ok(());
        }
        if text.value().trim().is_empty() {
            return Ok(());
        }
        Err(Malformed(
            "more arguments after those of a tool call were whole",
        ))
    }

    /// Begins an item after those that are over; where it stands.
    fn begin(&mut self, what: What, out: &mut Vec<u8>) -> usize {
        self.close(Item::is_over, Progress::Whole, out);
        let at = self.items.len();
        let item = Item {
            id: item_id(what.kind(), &self.id, at),
            what,
            said: String::new(),
            progress: Progress::Open,
        };
        self.held = self.held.saturating_add(item.held());
        self.whole_item("response.output_item.added", at, &item, out);
        if let Some((event, _)) = item.what.part() {
            let event = format!("{event}.added");
            self.about(&event, at, &item, out, |json| {
                json.open_member("part");
                part(item.what.kind(), &Text::of(""), json);
                json.close();
            });
        }
        self.items.push(item);
        at
    }

    fn delta(&mut self, at: usize, text: &Text<'_>, out: &mut Vec<u8>) {
        let mut items = std::mem::take(&mut self.items);
        if let Some(item) = items.get_mut(at) {
            item.said.push_str(text.inside());
            self.held = self.held.saturating_add(text.inside().len());
            if let What::Call { nesting, .. } = &mut item.what {
                nesting.take(&text.value());
            }
            let event = format!("{}.delta", item.what.event());
            self.about(&event, at, item, out, |json| {
                json.text_member("delta", text);
                item.what.logprobs(json);
            });
        }
        self.items = items;
    }

    /// Ends the open items of which this is true, in their order, with this progress.
    fn close(&mut self, over: fn(&Item) -> bool, progress: Progress, out: &mut Vec<u8>) {
        for at in 0..self.items.len() {
            let open = |item: &&Item| item.is_open() && over(item);
            if self.items.get(at).filter(open).is_some() {
                self.end(at, progress, out);
            }
        }
    }

    fn end(&mut self, at: usize, progress: Progress, out: &mut Vec<u8>) {
        let silent = self.items.get(at).is_some_and(Item::is_silent);
        if silent {
            self.delta(at, &Text::of("{}"), out);
        }
        let mut items = std::mem::take(&mut self.items);
        if let Some(item) = items.get_mut(at) {
            item.progress = progress;
            let text = Text::around(&item.said);
            let event = format!("{}.done", item.what.event());
            self.about(&event, at, item, out, |json| {
                if let What::Call { name, .. } = &item.what {
                    json.text_member("name", name);
                    json.text_member("arguments", &text);
                } else {
                    json.text_member("text", &text);
                }
                item.what.logprobs(json);
            });
            if let Some((event, _)) = item.what.part() {
                let event = format!("{event}.done");
                self.about(&event, at, item, out, |json| {
                    json.open_member("part");
                    part(item.what.kind(), &text, json);
                    json.close();
                });
            }
            self.whole_item("response.output_item.done", at, item, out);
        }
        self.items = items;
    }

    fn response(&mut self, name: &str, about: &About<'_>, state: State<'_>, out: &mut Vec<u8>) {
        let id = std::mem::take(&mut self.id);
        self.event(name, out, &mut |json| {
            json.open_member("response");
            response(&id, about, state, json);
            json.close();
        });
        self.id = id;
    }

    /// An event that has an item.
    fn whole_item(&mut self, name: &str, at: usize, of: &Item, out: &mut Vec<u8>) {
        self.event(name, out, &mut |json| {
            json.count("output_index", u64::try_from(at).unwrap_or(u64::MAX));
            json.key("item");
            of.write(json);
        });
    }

    /// An event about what is in an item.
    fn about(
        &mut self,
        name: &str,
        at: usize,
        of: &Item,
        out: &mut Vec<u8>,
        members: impl Fn(&mut Json<'_>),
    ) {
        self.event(name, out, &mut |json| {
            json.member("item_id", &of.id);
            json.count("output_index", u64::try_from(at).unwrap_or(u64::MAX));
            if let Some((_, index)) = of.what.part() {
                json.count(index, 0);
            }
            members(json);
        });
    }

    fn event(&mut self, name: &str, out: &mut Vec<u8>, members: &mut dyn FnMut(&mut Json<'_>)) {
        let number = self.number;
        self.number = number.saturating_add(1);
        write::event(out, name, |json| {
            json.member("type", name);
            json.count("sequence_number", number);
            members(json);
        });
    }
}
