/*! Making a chat request fit a provider that speaks OpenAI's protocol, or nearly so. */

use super::ChatRequest;
use crate::json::{Edits, Rewrite, quote};
use crate::protocols::openai::StreamOptions;
use crate::protocols::openai::fields::Limit;

/// What a provider wants to be different.
#[derive(Debug, Clone, Copy)]
pub struct Adapt<'a> {
    /// Its name for the model.
    pub model: &'a str,
    /// Top-level fields that it does not know. `model`, `messages` and `stream` stay even so.
    pub remove_fields: &'a [String],
    /// Which of `max_tokens` and `max_completion_tokens` it knows; `None` if the caller's
    /// will do. It decides over both, whatever `remove_fields` says.
    pub max_tokens_field: Option<&'static str>,
    /// Most output tokens that the target can write; a larger bound of the caller's becomes
    /// this. `None` leaves all bounds.
    pub max_output: Option<u64>,
    /// The bound of callers who have none, in tokens; `None`: they may go without.
    pub default_output: Option<u64>,
    /// Whether streams shall report usage, unless `stream_options` is removed.
    pub ask_usage: bool,
    /// Whether it may keep a response; otherwise it is told not to.
    pub store: bool,
}

const KEPT: [&str; 3] = ["model", "messages", "stream"];
const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

impl Adapt<'_> {
    fn removes(&self, name: &str) -> bool {
        let decided = self.max_tokens_field.is_some() && LIMITS.contains(&name);
        let listed = self.remove_fields.iter().any(|field| field == name);
        listed && !decided && !KEPT.contains(&name)
    }
}

/// What becomes of the field for the length of the answer that a provider does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LimitEdit {
    Nothing,
    /// The first takes the second's name.
    Rename(&'static str, &'static str),
    /// The same, and a null of that name goes.
    Replace(&'static str, &'static str),
    /// It goes: the other one is there.
    Remove(&'static str),
}

impl ChatRequest<'_> {
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

    /// The edits that make the request fit a provider. `None` if nothing has to change.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        let mut edits = Edits::default();
        if self.model != adapt.model {
            edits.replace(self.model_span, quote(adapt.model));
        }
        if self.traits.stream && adapt.ask_usage && !adapt.removes("stream_options") {
            self.stream_options.ask_for_usage(&self.members, &mut edits);
        }
        // The provider keeps nothing: no call can read it, and whoever has the account's key could.
        if let Some(span) = self.store.filter(|_| !adapt.removes("store")) {
            edits.replace(span, "false".to_owned());
        }
        let fills = self.fills(adapt, &mut edits);
        let limit = match fills {
            true => LimitEdit::Nothing,
            false => self.limit_edit(adapt.max_tokens_field),
        };
        if let LimitEdit::Rename(from, to) | LimitEdit::Replace(from, to) = limit {
            self.members.rename(&mut edits, from, to);
        }
        let gone = match limit {
            LimitEdit::Replace(_, name) | LimitEdit::Remove(name) => Some(name),
            LimitEdit::Nothing | LimitEdit::Rename(..) => None,
        };
        let gone = |name: &str| {
            // One of them was written in front.
            let emptied = fills && LIMITS.contains(&name);
            // OpenAI refuses it where nothing is kept.
            let unkept = name == "metadata" && self.store.is_some();
            Some(name) == gone || emptied || unkept || adapt.removes(name)
        };
        if let Some(most) = adapt.max_output {
            self.bound(most, gone, &mut edits);
        }
        self.members.remove(&mut edits, gone);
        edits.apply(body)
    }

    /// Sets a bound where the caller has none; whether it did.
    fn fills(&self, adapt: &Adapt<'_>, edits: &mut Edits) -> bool {
        let [_, new] = LIMITS;
        // OpenAI's reasoning models know this one alone, and most other servers both.
        let name = adapt.max_tokens_field.unwrap_or(new);
        let asked = self
            .max_tokens
            .tokens()
            .or(self.max_completion_tokens.tokens());
        match adapt.default_output {
            Some(tokens) if asked.is_none() && !adapt.removes(name) => {
                self.members.insert(edits, &format!("\"{name}\":{tokens}"));
                true
            }
            _ => false,
        }
    }

    /// Lowers the bounds that stay.
    fn bound(&self, most: u64, gone: impl Fn(&str) -> bool, edits: &mut Edits) {
        let limits = [self.max_tokens, self.max_completion_tokens];
        for (name, limit) in LIMITS.into_iter().zip(limits) {
            if let Limit::Tokens { count, span } = limit
                && count > most
                && !gone(name)
            {
                edits.replace(span, most.to_string());
            }
        }
    }

    fn limit_edit(&self, wanted: Option<&'static str>) -> LimitEdit {
        let [old, new] = LIMITS;
        let (from, to, other, own) = match wanted {
            Some(name) if name == old => (new, old, self.max_completion_tokens, self.max_tokens),
            Some(name) if name == new => (old, new, self.max_tokens, self.max_completion_tokens),
            _ => return LimitEdit::Nothing,
        };
        match (other, own) {
            (Limit::Absent, _) => LimitEdit::Nothing,
            (_, Limit::Absent) => LimitEdit::Rename(from, to),
            (Limit::Tokens { .. }, Limit::Null) => LimitEdit::Replace(from, to),
            (_, Limit::Null | Limit::Tokens { .. }) => LimitEdit::Remove(from),
        }
    }
}
