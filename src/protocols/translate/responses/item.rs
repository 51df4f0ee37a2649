/*! An item of a response that streams. */

use super::output::{Kind, Said, item};
use crate::protocols::translate::nesting::Nesting;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer as Json;

/// It, and how far it has come.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) what: What,
    /// All that was said, escaped.
    pub(super) said: String,
    pub(super) open: bool,
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

    pub(super) fn write_whole(&self, json: &mut Json<'_>) {
        let said = Said::Whole(&Text::around(&self.said));
        item(self.what.kind(), &self.id, said, json);
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
