/*! The output of a batch that no guardrail looks at: it passes line by line, what stands in the place
of answers without the operator's account. */

use super::OnData;
use crate::json::Span;
use crate::protocols::openai::{BatchOutcome, batch_outcomes};
use crate::protocols::redact_account;

/// Longest line that is held, in bytes. A longer one is an answer: what providers say of errors is
/// short.
const MAX_LINE: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(in crate::call) struct LinesReader {
    /// What has come of a line.
    line: Vec<u8>,
    /// Whether its front has gone on.
    is_long: bool,
    /// Bytes that are still to come, if the head has said how many there are.
    left: Option<u64>,
}

impl LinesReader {
    /// The answer has so many bytes. Behind the last of them trailers may come, and then nothing can
    /// be sent any more.
    pub(super) const fn expect(&mut self, length: Option<u64>) {
        self.left = length;
    }

    /// What goes on has the length of what has come.
    pub(super) fn data(&mut self, piece: &[u8], end: bool) -> OnData {
        let came = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(came));
        let end = end || self.left == Some(0);
        let mut out = Vec::with_capacity(self.line.len().saturating_add(piece.len()));
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.finish(&mut out);
                self.is_long = false;
            }
        }
        self.is_long |= self.line.len() > MAX_LINE;
        if end || self.is_long {
            self.finish(&mut out);
        }
        OnData::Replace(out)
    }

    /// Bytes that wait for the end of their line.
    pub(super) const fn waiting(&self) -> usize {
        self.line.len()
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.is_long {
            free(&mut self.line);
        }
        out.append(&mut self.line);
    }
}

/// Takes the account out of what is no answer in a line.
fn free(line: &mut [u8]) {
    let Ok(outcomes) = batch_outcomes(line) else {
        redact_account(line);
        return;
    };
    for outcome in outcomes {
        if let BatchOutcome::Other(Span { start, end }) = outcome {
            redact_account(line.get_mut(start..end).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: &str = r#"{"id":"b","custom_id":"user-1234567890","response":{"status_code":429,"body":{"error":{"message":"Limit in organization org-1234567890abc"}}},"error":null}"#;
    const ANSWER: &str = r#"{"id":"b","custom_id":"1","response":{"status_code":200,"body":{"text":"org-1234567890abc"}},"error":null}"#;

    fn read(pieces: &[&[u8]]) -> Vec<u8> {
        let mut reader = LinesReader::default();
        let mut out = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let OnData::Replace(new) = reader.data(piece, index + 1 == pieces.len()) else {
                panic!()
            };
            out.extend(new);
        }
        assert_eq!(reader.waiting(), 0);
        out
    }

    #[test]
    fn errors_lose_the_account_over_every_cut() {
        let broken = "{ org-1234567890abc\n";
        let file = format!("{ERROR}\n{ANSWER}\n\n{broken}{ERROR}");
        let hidden = "org-*************";
        let error = ERROR.replace("org-1234567890abc", hidden);
        let broken = broken.replace("org-1234567890abc", hidden);
        let wanted = format!("{error}\n{ANSWER}\n\n{broken}{error}");
        for cut in 0..=file.len() {
            let (front, back) = file.as_bytes().split_at(cut);
            let told = read(&[front, back]);
            assert_eq!(String::from_utf8(told).unwrap(), wanted, "{cut}");
        }
    }

    #[test]
    fn regression_the_last_line_goes_on_before_trailers() {
        let file = format!("{ANSWER}\n{ERROR}");
        let length = u64::try_from(file.len()).unwrap();
        for cut in 0..file.len() {
            let (front, back) = file.as_bytes().split_at(cut);
            let mut reader = LinesReader::default();
            reader.expect(Some(length));
            reader.data(front, false);
            reader.data(back, false);
            assert_eq!(reader.waiting(), 0, "{cut}");
        }
    }

    #[test]
    fn long_lines_are_not_held() {
        let long = "a".repeat(MAX_LINE + 1);
        let mut reader = LinesReader::default();
        assert_eq!(
            reader.data(long.as_bytes(), false),
            OnData::Replace(long.clone().into_bytes())
        );
        // The rest of it is no line of its own; the next one is.
        let rest = format!("b org-1234567890abc\n{ERROR}\n{{");
        let wanted = rest.replace(
            "organization org-1234567890abc",
            "organization org-*************",
        );
        let wanted = wanted.strip_suffix('{').unwrap();
        assert_eq!(
            reader.data(rest.as_bytes(), false),
            OnData::Replace(wanted.as_bytes().to_vec())
        );
        assert_eq!(reader.waiting(), 1);
    }
}
