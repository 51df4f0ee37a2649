/*! Reading `usageMetadata`. */

use crate::ledger::Usage as Counts;
use crate::protocols::translate::hub::Usage;
use crate::protocols::translate::tree::Value;

/// Reads it as Tollgate settles by it: what can't be is not told.
pub(super) fn read(usage: Option<&Value<'_>>) -> Usage {
    usage.and_then(counts).map_or(Usage::Untold, Usage::Told)
}

/// Google counts thoughts apart from the answer, and what its tools say apart from the prompt;
/// what its cache holds is part of the prompt.
fn counts(usage: &Value<'_>) -> Option<Counts> {
    let prompt = count(usage, "promptTokenCount")?;
    let answer = count(usage, "candidatesTokenCount")?;
    let thoughts = count(usage, "thoughtsTokenCount")?;
    let input = prompt.saturating_add(count(usage, "toolUsePromptTokenCount")?);
    let output = answer.saturating_add(thoughts);
    // A total above both holds something that is told nowhere else; generated is the dearer guess.
    let total = count(usage, "totalTokenCount")?;
    let untold = total.saturating_sub(input.saturating_add(output));
    let counts = Counts {
        input,
        output: output.saturating_add(untold),
        cached: count(usage, "cachedContentTokenCount")?,
        reasoning: thoughts,
        audio_input: of(usage, "promptTokensDetails", "AUDIO")?,
        image_input: of(usage, "promptTokensDetails", "IMAGE")?,
        audio_output: of(usage, "candidatesTokensDetails", "AUDIO")?,
        ..Counts::NONE
    };
    let counts = counts.with_parts_inside();
    let told = counts.input > 0 || counts.output > 0;
    (told && counts.is_believable()).then_some(counts)
}

/// One count; nothing told is zero.
fn count(holder: &Value<'_>, name: &str) -> Option<u64> {
    let count = match holder.get(name) {
        Some(count) => count.as_count()?,
        None => 0,
    };
    (count <= Counts::MAX_TOKENS).then_some(count)
}

/// What is told of one modality.
fn of(usage: &Value<'_>, details: &str, modality: &str) -> Option<u64> {
    let details = usage.get(details).map_or(&[][..], Value::list).iter();
    let mut of_it = details.filter(|detail| detail.word_at("modality") == modality);
    of_it
        .next()
        .map_or(Some(0), |detail| count(detail, "tokenCount"))
}
