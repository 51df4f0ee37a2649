/*! Reading the events of a stream. */

use super::told::{Place, Told};
use super::{PARAGRAPH, read_call_id, read_id, read_stop, read_usage, reasoning_texts, said_texts};
use crate::protocols::openai::part;
use crate::protocols::translate::Malformed;
use crate::protocols::translate::fault::Fault;
use crate::protocols::translate::hub::Event;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Most tool calls in one answer: many times what models make.
const MAX_CALLS: usize = 1024;

/// Reads events.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    calls: Vec<Slot>,
    texts: Told,
    thoughts: Told,
    refused: bool,
}

/// A call: which item it is, and whether any of its arguments have come.
#[derive(Debug)]
struct Slot {
    item: u32,
    told: bool,
}

impl Reader {
    /// Reads one event. What opens and closes items says nothing that others do not; unknown
    /// events and items of the provider's own tools are passed over.
    pub(in super::super) fn read<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let kind = event.word_at("type");
        match kind.as_str() {
            "response.created" | "response.in_progress" => {
                let response = event.get("response").ok_or(Malformed("no response"))?;
                events.push(Event::Start {
                    id: read_id(response),
                });
            }
            "response.completed" | "response.incomplete" => self.end(event, events)?,
            "response.failed" | "response.cancelled" => {
                let response = event.get("response").unwrap_or(event);
                events.push(Event::Fault(Fault::of_event(response)));
            }
            "error" => events.push(Event::Fault(Fault::of_event(event))),
            "" if event.get("error").is_some() => {
                events.push(Event::Fault(Fault::of_event(event)));
            }
            "response.output_item.added" => {
                if let Some(item) = function_call(event) {
                    self.begin(event, item, events)?;
                }
            }
            "response.output_item.done" => self.item_done(event, events)?,
            "response.function_call_arguments.delta" => {
                self.arguments(event, event.text_at("delta"), events)?;
            }
            "response.function_call_arguments.done" => {
                if !self.slot(event)?.1.told {
                    self.arguments(event, event.text_at("arguments"), events)?;
                }
            }
            kind => self.said(kind, event, events)?,
        }
        Ok(())
    }

    /// Text and thinking.
    fn said<'a>(
        &mut self,
        kind: &str,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let Some((name, end)) = kind.rsplit_once('.') else {
            return Ok(());
        };
        let whole = match name {
            "response.output_text" => "text",
            "response.refusal" => {
                self.refused = true;
                "refusal"
            }
            "response.reasoning_summary_text" | "response.reasoning_text" => "text",
            _ => return Ok(()),
        };
        let thinks = name.starts_with("response.reasoning");
        let place = place(event, name);
        let told = if thinks {
            &mut self.thoughts
        } else {
            &mut self.texts
        };
        let piece = match end {
            "delta" => event.text_at("delta"),
            // A server that sends no pieces tells it whole.
            "done" if !told.has(place) => event.text_at(whole),
            _ => None,
        };
        let Some(piece) = piece.filter(|piece| !piece.is_empty()) else {
            return Ok(());
        };
        let apart = told.last().is_some_and(|last| last != place);
        told.note(place)?;
        if !thinks {
            events.push(Event::Text(piece));
            return Ok(());
        }
        if apart {
            events.push(Event::Thinking(Text::literally(PARAGRAPH)));
        }
        events.push(Event::Thinking(piece));
        Ok(())
    }

    fn begin<'a>(
        &mut self,
        event: &Value<'a>,
        item: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        if self.calls.len() >= MAX_CALLS {
            return Err(Malformed("too many tool calls"));
        }
        self.calls.push(Slot {
            item: item_of(event),
            told: false,
        });
        events.push(Event::Call {
            id: read_call_id(item),
            name: item
                .text_at("name")
                .ok_or(Malformed("a function call without a name"))?,
        });
        Ok(())
    }

    /// What was not told in pieces is told by the whole item.
    fn item_done<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        if let Some(item) = function_call(event) {
            if self.slot(event).is_err() {
                self.begin(event, item, events)?;
            }
            if !self.slot(event)?.1.told {
                self.arguments(event, item.text_at("arguments"), events)?;
            }
        }
        self.texts_done(event, events)
    }

    fn texts_done<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let own = item_of(event);
        let Some(item) = event.get("item") else {
            return Ok(());
        };
        match item.word_at("type").as_str() {
            "reasoning" if !self.thoughts.has_item(own) => {
                for text in reasoning_texts(item) {
                    if self.thoughts.last().is_some() {
                        events.push(Event::Thinking(Text::literally(PARAGRAPH)));
                    }
                    self.thoughts.note_item(own)?;
                    events.push(Event::Thinking(text));
                }
            }
            "message" if !self.texts.has_item(own) => {
                for (text, refusal) in said_texts(item) {
                    self.refused |= refusal;
                    self.texts.note_item(own)?;
                    events.push(Event::Text(text));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn arguments<'a>(
        &mut self,
        event: &Value<'a>,
        text: Option<Text<'a>>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let (call, slot) = self.slot(event)?;
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            slot.told = true;
            events.push(Event::Input { call, text });
        }
        Ok(())
    }

    /// The call that an event belongs to, and its number.
    fn slot(&mut self, event: &Value<'_>) -> Result<(usize, &mut Slot), Malformed> {
        let own = item_of(event);
        let mut slots = self.calls.iter_mut().enumerate();
        slots
            .find(|(_, slot)| slot.item == own)
            .ok_or(Malformed("arguments of no tool call"))
    }

    fn end<'a>(&mut self, event: &Value<'a>, events: &mut Vec<Event<'a>>) -> Result<(), Malformed> {
        let response = event.get("response").ok_or(Malformed("no response"))?;
        events.push(Event::Start {
            id: read_id(response),
        });
        events.push(Event::Usage(read_usage(response)));
        events.push(Event::Stop(read_stop(response, self.refused)));
        events.push(Event::Done);
        Ok(())
    }
}

/// The item of an event, if it is a call.
fn function_call<'v, 'a>(event: &'v Value<'a>) -> Option<&'v Value<'a>> {
    let item = event.get("item")?;
    (item.word_at("type") == "function_call").then_some(item)
}

/// The item that an event is about: by its place in the output, or by its id where a server
/// tells no places.
fn item_of(event: &Value<'_>) -> u32 {
    let index = event.get("output_index").and_then(Value::as_count);
    let index = index.and_then(|index| u32::try_from(index).ok());
    let id = event.text_at("item_id").or_else(|| {
        let item = event.get("item")?;
        item.text_at("id").or_else(|| item.text_at("call_id"))
    });
    let id = id.map(|id| id.value().into_owned());
    part(index, id.unwrap_or_default().as_bytes())
}

/// Where the text of an event stands.
fn place(event: &Value<'_>, name: &str) -> Place {
    let index = ["content_index", "summary_index"];
    let index = index.into_iter().find_map(|name| event.get(name));
    let index = index.and_then(Value::as_count).unwrap_or_default();
    // An item may have summaries and thoughts.
    let apart = u64::from(name == "response.reasoning_text");
    (
        item_of(event),
        index.saturating_mul(2).saturating_add(apart),
    )
}
