/*! A response as events. */

use super::item;
use crate::protocols::replay::parts::{Member, get, inside, items, members, text_of};
use crate::protocols::replay::write::{Events, Object, compact, object};

/// Most items of a response.
const MAX_ITEMS: usize = 1024;

/// See [`super::super::as_stream`].
pub(in crate::protocols::replay) fn as_stream(whole: &str) -> Option<String> {
    let whole = compact(whole)?;
    let response = members(&whole)?;
    let last = match text_of(&response, "status").as_ref() {
        "completed" => "response.completed",
        "incomplete" => "response.incomplete",
        _ => return None,
    };
    if get(&response, "error").is_some() {
        return None;
    }
    let mut writer = Writer {
        number: 0,
        events: Events::new(whole.len(), 4),
    };
    let first = begun(&response);
    for name in ["response.created", "response.in_progress"] {
        writer.event(name, |event| event.member("response", &first));
    }
    let mut index = 0_usize;
    items(get(&response, "output")?, |json| {
        if index >= MAX_ITEMS {
            return None;
        }
        item::tell(json, index, &mut writer)?;
        index = index.saturating_add(1);
        Some(())
    })?;
    writer.event(last, |event| event.member("response", &whole));
    writer.events.finish()
}

/// The response before anything was said.
fn begun(response: &[Member<'_>]) -> String {
    object(|out| {
        for (name, value) in response {
            let value = match name.as_ref() {
                "status" => "\"in_progress\"",
                "output" => "[]",
                "usage" | "incomplete_details" | "completed_at" => "null",
                // Some servers join the texts here.
                "output_text" if inside(value).is_some() => "\"\"",
                _ => value,
            };
            out.member(name, value);
        }
    })
}

/// Writes events, which are numbered.
pub(super) struct Writer {
    number: u64,
    events: Events,
}

impl Writer {
    pub(super) fn event(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        let number = self.number.to_string();
        self.number = self.number.saturating_add(1);
        self.events.event(name, |event| {
            event.text("type", name);
            event.member("sequence_number", &number);
            write(event);
        });
    }
}
