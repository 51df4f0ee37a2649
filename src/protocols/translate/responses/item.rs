/*! An item of a response that streams. */

use super::output::{Kind, Progress, item};
use crate::protocols::translate::nesting::Nesting;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer as Json;

/// What an item costs beside its texts, in bytes: a bound on how many there may be.
const ITEM: usize = 256;

/// It, and how far it has come.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) what: What,
    /// All that was said, escaped.
    pub(super) said: String,
    pub(super) progress: Progress,
}

/// What it is.
#[derive(Debug)]
pub(super) enum What {
    Reasoning,
    Message,
    Call {
        number: usize,
        id: Text<'static>,
        name: Text<'static>,
        nesting: Nesting,
    },
}

impl Item {
    /// Whether another may follow.
    pub(super) const fn is_over(&self) -> bool {
        match &self.what {
            What::Reasoning | What::Message => true,
            What::Call { nesting, .. } => nesting.is_whole(),
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Open)
    }

    /// Whether it is a call of which no arguments have come.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.what, What::Call { .. }) && self.said.is_empty()
    }

    pub(super) fn write(&self, json: &mut Json<'_>) {
        let text = Text::around(&self.said);
        item(self.what.kind(), &self.id, self.progress, &text, json);
    }

    /// Bytes that are kept of it beside what was said.
    pub(super) fn held(&self) -> usize {
        let names = match &self.what {
            What::Reasoning | What::Message => 0,
            What::Call { id, name, .. } => id.literal().len().saturating_add(name.literal().len()),
        };
        ITEM.saturating_add(self.id.len()).saturating_add(names)
    }
}

impl What {
    pub(super) const fn kind(&self) -> Kind<'_> {
        match self {
            Self::Reasoning => Kind::Reasoning,
            Self::Message => Kind::Message,
            Self::Call { id, name, .. } => Kind::Call { id, name },
        }
    }

    /// What the types of the events of its text begin with.
    pub(super) const fn event(&self) -> &'static str {
        match self {
            Self::Reasoning => "response.reasoning_summary_text",
            Self::Message => "response.output_text",
            Self::Call { .. } => "response.function_call_arguments",
        }
    }

    /// The same of the part that has the text, if there is one, and the member that has the
    /// part's place.
    pub(super) const fn part(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Reasoning => Some(("response.reasoning_summary_part", "summary_index")),
            Self::Message => Some(("response.content_part", "content_index")),
            Self::Call { .. } => None,
        }
    }

    /// Clients demand the list in all events of such a text.
    pub(super) fn logprobs(&self, json: &mut Json<'_>) {
        if matches!(self, Self::Message) {
            json.raw_member("logprobs", "[]");
        }
    }
}
