/*! Counts of tokens as providers report them. */

use super::{Api, anthropic, openai};
use crate::json::{Error, Kind, Reader};
use crate::ledger::Usage;

/// What a provider said about usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedUsage {
    /// `null` or without counts.
    Absent,
    /// Counts that can't be: negative, fractional, no numbers, or beyond
    /// [`Usage::MAX_TOKENS`].
    Absurd,
    /// Counts of the prompt; those of the answer are still to come.
    Prompt(Usage),
    /// Counts of the whole call.
    Counted(Usage),
}

impl ReportedUsage {
    /// Reads the value of the `usage` member of a whole answer. The reader stands before it.
    ///
    /// # Errors
    /// The JSON is broken.
    pub fn read(api: Api, reader: &mut Reader<'_>) -> Result<Self, Error> {
        match api {
            Api::ChatCompletions | Api::Completions | Api::Embeddings | Api::Moderations => {
                openai::read_usage(reader)
            }
            Api::Messages | Api::CountTokens => anthropic::read_usage(reader),
            // Sound and images have the names of Responses.
            _ => openai::read_response_usage(reader),
        }
    }
}

/// Reads one count; `None` if it is absurd.
pub(super) fn token_count(reader: &mut Reader<'_>) -> Result<Option<u64>, Error> {
    if reader.kind()? != Kind::Number {
        reader.skip()?;
        return Ok(None);
    }
    let count = reader.number()?.parse::<u64>().ok();
    Ok(count.filter(|count| *count <= Usage::MAX_TOKENS))
}
