/*! Making a request for completions fit a provider. */

use super::CompletionRequest;
use crate::json::{Edits, Rewrite, quote};
use crate::protocols::openai::{Adapt, StreamOptions};

/// Fields that stay whatever a provider is said not to know.
const KEPT: [&str; 3] = ["model", "prompt", "stream"];
const LIMIT: &str = "max_tokens";

impl CompletionRequest<'_> {
    /// Whether the caller asked for usage in the stream.
    pub const fn asks_for_usage(&self) -> bool {
        matches!(
            self.stream_options,
            StreamOptions::Says {
                include_usage: true,
                ..
            }
        )
    }

    /// The edits that make the request fit a provider. `None` if nothing has to change. The API
    /// has one field for the length of the answer: `max_tokens_field` is not for it.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        let removes = |name: &str| {
            let listed = adapt.remove_fields.iter().any(|field| field == name);
            listed && !KEPT.contains(&name)
        };
        let mut edits = Edits::default();
        if self.model != adapt.model {
            edits.replace(self.model_span, quote(adapt.model));
        }
        if self.traits.stream && adapt.ask_usage && !removes("stream_options") {
            self.stream_options.ask_for_usage(&self.members, &mut edits);
        }
        let limit = (!removes(LIMIT)).then_some(self.max_tokens);
        let fills = limit.is_some_and(|limit| limit.fit(LIMIT, adapt, &self.members, &mut edits));
        let gone = |name: &str| removes(name) || (fills && name == LIMIT);
        self.members.remove(&mut edits, gone);
        edits.apply(body)
    }
}
