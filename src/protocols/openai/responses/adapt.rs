/*! Making a request for a response fit a provider. */

use super::{ResponsesRequest, Store};
use crate::json::{Edits, Rewrite, quote};
use crate::protocols::openai::Adapt;

/// Fields that stay whatever a provider is said not to know.
const KEPT: [&str; 3] = ["model", "input", "stream"];
const LIMIT: &str = "max_output_tokens";

impl ResponsesRequest<'_> {
    /// The edits that make the request fit a provider. `None` if nothing has to change. The API
    /// has one field for the length of the answer, and tells usage in any case:
    /// `max_tokens_field` and `ask_usage` are not for it.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        let removes = |name: &str| {
            let listed = adapt.remove_fields.iter().any(|field| field == name);
            listed && !KEPT.contains(&name)
        };
        let mut edits = Edits::default();
        if self.model != adapt.model {
            edits.replace(self.model_span, quote(adapt.model));
        }
        if !adapt.store && !removes("store") {
            self.forget(&mut edits);
        }
        let limit = (!removes(LIMIT)).then_some(self.max_output_tokens);
        let fills = limit.is_some_and(|limit| limit.fit(LIMIT, adapt, &self.members, &mut edits));
        let gone = |name: &str| removes(name) || (fills && name == LIMIT);
        self.members.remove(&mut edits, gone);
        for item in &self.foreign {
            edits.replace(*item, String::new());
        }
        edits.apply(body)
    }

    /// The provider keeps nothing: whoever has the account's key could read it.
    fn forget(&self, edits: &mut Edits) {
        match self.store {
            Store::Absent => self.members.insert(edits, "\"store\":false"),
            Store::Yes(span) => edits.replace(span, "false".to_owned()),
            Store::No => {}
        }
    }
}
