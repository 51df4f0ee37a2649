/*! The events of responses. The last of them has the whole response. */

mod item;
mod stream;

pub(super) use stream::as_stream;

use super::Room;
use super::parts::{get, items, members, text_of};

/// What the events of a stream have told so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// How many items have ended.
    items: usize,
    /// The whole response.
    whole: Option<String>,
}

impl Events {
    pub(super) fn event(&mut self, data: &str, room: &mut Room) -> Option<()> {
        let data = data.trim_ascii();
        if data.is_empty() || (data == "[DONE]" && self.whole.is_some()) {
            return Some(());
        }
        let event = members(data)?;
        if self.whole.is_some() || get(&event, "error").is_some() {
            return None;
        }
        match text_of(&event, "type").as_ref() {
            "response.output_item.done" => self.items = self.items.saturating_add(1),
            kind @ ("response.completed" | "response.incomplete") => {
                let response = get(&event, "response")?;
                let status = kind.strip_prefix("response.")?;
                room.take(response.len())?;
                self.check(response, status)?;
                self.whole = Some(response.to_owned());
            }
            "response.failed" | "response.cancelled" | "error" | "" => return None,
            _ => {}
        }
        Some(())
    }

    /// Whether a response is what the events before have told: some servers leave out items.
    fn check(&self, response: &str, status: &str) -> Option<()> {
        let response = members(response)?;
        let mut count = 0_usize;
        items(get(&response, "output")?, |_| {
            count = count.saturating_add(1);
            Some(())
        })?;
        let same = count == self.items && text_of(&response, "status") == status;
        (same && get(&response, "error").is_none()).then_some(())
    }

    /// The document, if the stream came to its end.
    pub(super) fn finish(self) -> Option<String> {
        self.whole
    }
}
