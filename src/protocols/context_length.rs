/*! Whether an error says that a prompt does not fit into the context window: one list for
the choice of the next target and for translated errors. */

/// Codes of OpenAI and of servers that speak its protocol.
const CODES: [&str; 2] = ["context_length_exceeded", "string_above_max_length"];

/// Parts of messages, in lower case: Anthropic has no code for it, and servers such as
/// vLLM only say it in words, and so do the models at Amazon Bedrock, each in its own.
const WORDS: [&str; 10] = [
    "context window",
    "exceed context limit",
    "exceeds the context",
    "exceeds the maximum number of tokens",
    "input is too long",
    "input tokens exceeded",
    "maximum context length",
    "prompt is too long",
    "too many input tokens",
    "too many total text bytes",
];

/// Whether an error means that the prompt is too long for the model: by one of its `codes`
/// (`code`, `type`, …), or by its message in any case. A message tells it only of a request
/// that was refused as wrong: look at the status first.
pub fn is_context_length<'a>(codes: impl IntoIterator<Item = &'a str>, message: &str) -> bool {
    if codes.into_iter().any(|code| CODES.contains(&code)) {
        return true;
    }
    let message = message.to_ascii_lowercase();
    WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_code_or_by_words() {
        for (codes, message) in [
            (&["context_length_exceeded"][..], ""),
            (&["invalid_request_error", "string_above_max_length"], ""),
            (&[], "Prompt is too long: 210000 tokens > 200000 maximum"),
            (
                &[],
                "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
            ),
            (
                &["400"],
                "This model's maximum context length is 8192 tokens.",
            ),
            (&[], "Input is too long for requested model."),
            (
                &[],
                "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
            ),
            (&[], "Too many input tokens. Max input tokens: 300000"),
            (&[], "The request has too many total text bytes: 9 > 8"),
            (&[], "Your input exceeds the context window of this model."),
            (
                &["INVALID_ARGUMENT"],
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
        ] {
            assert!(
                is_context_length(codes.iter().copied(), message),
                "{codes:?} {message}"
            );
        }
        for (codes, message) in [
            (&["invalid_request_error"][..], "temperature is too high"),
            (&["request_too_large"], "Request exceeds the maximum size"),
            (&["CONTEXT_LENGTH_EXCEEDED", ""], ""),
        ] {
            assert!(
                !is_context_length(codes.iter().copied(), message),
                "{codes:?} {message}"
            );
        }
    }
}
