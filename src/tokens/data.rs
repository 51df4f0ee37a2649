/*! Bytes in base64, of which the front is decoded: enough to see what they are. */

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Bytes of base64 that are looked at: in photographs, the size stands behind their
/// preview, which has up to 64 KiB.
const LOOKED_AT: usize = 96 * 1024;

/// Padding may be there or not, and bits behind the last byte do not matter.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The front of some data.
#[derive(Debug, Default)]
pub(super) struct Head(Vec<u8>);

impl Head {
    /// Of what `base64` says, as it stands in JSON; empty if it is none.
    pub(super) fn of(base64: &[u8]) -> Self {
        let front = base64.get(..LOOKED_AT).unwrap_or(base64);
        // JSON allows `\/` for `/`.
        let mut front: Vec<u8> = front
            .iter()
            .copied()
            .filter(|byte| *byte != b'\\')
            .collect();
        while front.last() == Some(&b'=') {
            front.pop();
        }
        if front.len() % 4 == 1 {
            front.pop();
        }
        Self(ENGINE.decode(front).unwrap_or_default())
    }

    /// Of what is not encoded.
    pub(super) fn of_bytes(data: &[u8]) -> Self {
        /// Tags with pictures are rarely longer.
        const LOOKED_AT: usize = 64 * 1024;
        Self(data.get(..LOOKED_AT).unwrap_or(data).to_vec())
    }

    /// What follows `offset`.
    pub(super) fn from(&self, offset: usize) -> &[u8] {
        self.0.get(offset..).unwrap_or_default()
    }

    /// `N` bytes at `offset`.
    pub(super) fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.from(offset).first_chunk().copied()
    }
}

/// How many bytes `base64` stands for.
pub(super) fn length(base64: &[u8]) -> u64 {
    let padding = base64.iter().rev().take_while(|byte| **byte == b'=');
    let length = base64.len().saturating_sub(padding.count());
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    length.saturating_mul(3) / 4
}

/// The data of a data URL in base64, as it stands in JSON.
pub(super) fn of_url(url: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b";base64,";
    let begin = url.get(..5)?;
    if !begin.eq_ignore_ascii_case(b"data:") {
        return None;
    }
    // Media types with their parameters are short.
    let front = url.get(..256).unwrap_or(url);
    let at = front.windows(MARK.len()).position(|part| part == MARK)?;
    url.get(at.saturating_add(MARK.len())..)
}
