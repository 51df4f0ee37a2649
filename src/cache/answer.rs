/*! What is stored of an answer: the document, and what it cost. */

/// The layout.
const VERSION: u8 = 2;

/// An answer as it is stored: whole, in its caller's API, before guardrails have looked at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Tokens of prompt and answer together.
    pub tokens: u64,
    /// What the call cost, in nano-USD; 0 if that is not known.
    pub nano_usd: u64,
    /// When the answer was there, in milliseconds since the Unix epoch.
    pub answered_ms: u64,
    /// The answer's JSON.
    pub document: Vec<u8>,
}

impl Kept {
    /// Bytes that stand before the document.
    pub const HEAD: usize = 25;

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let numbers = [self.tokens, self.nano_usd, self.answered_ms].map(u64::to_le_bytes);
        [&[VERSION], numbers.as_flattened(), &self.document].concat()
    }

    /// From bytes; `None`: they have another layout.
    pub fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<{ Self::HEAD }>()?;
        let (version, numbers) = head.split_first()?;
        let ([tokens, nano_usd, answered_ms], []) = numbers.as_chunks::<8>() else {
            return None;
        };
        let [tokens, nano_usd, answered_ms] =
            [*tokens, *nano_usd, *answered_ms].map(u64::from_le_bytes);
        let good = *version == VERSION;
        bytes.drain(..Self::HEAD);
        good.then_some(Self {
            tokens,
            nano_usd,
            answered_ms,
            document: bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        for document in [&b""[..], b"{}"] {
            let kept = Kept {
                tokens: 13,
                nano_usd: u64::MAX,
                answered_ms: 7,
                document: document.to_vec(),
            };
            let bytes = kept.encode();
            assert_eq!(Kept::decode(bytes.clone()), Some(kept));
            assert_eq!(Kept::decode(bytes[..24].to_vec()), None);
            assert_eq!(Kept::decode([&[1], &bytes[1..]].concat()), None);
        }
    }
}
