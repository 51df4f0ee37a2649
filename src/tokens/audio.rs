/*! How many bytes a second of sound has, from its head: WAV and MP3. */

use super::data::Head;

/// The most a second of a WAV is taken to have: 48 kHz, two channels, 32 bits. Its head is the
/// caller's word, and may not make a sound shorter than that.
const MOST: u64 = 48_000 * 2 * 4;

/// The least: below telephone's 4 kHz at 8 bits, and what compressed WAVs have.
const LEAST: u64 = 1_000;

/// `None` if the head does not tell.
pub(super) fn bytes_a_second(head: &Head) -> Option<u64> {
    match head.from(0) {
        [b'R', b'I', b'F', b'F', ..] => wav(head),
        [b'I', b'D', b'3', _, _, _, size @ ..] => {
            // The length of the tag has seven bits a byte.
            let size = size.first_chunk::<4>()?;
            let tag = size
                .iter()
                .fold(0_usize, |sum, byte| (sum << 7) | usize::from(byte & 0x7F));
            mp3(head, tag.saturating_add(10))
        }
        _ => mp3(head, 0),
    }
}

/// By how the sound was sampled: `fmt ` comes first in nearly every file, and what it says at
/// fixed places. Of compressed sound only the byte rate says something.
fn wav(head: &Head) -> Option<u64> {
    /// Samples as numbers, and as fractions.
    const PLAIN: [u16; 2] = [1, 3];
    let format = u16::from_le_bytes(head.array(20)?);
    let channels = u16::from_le_bytes(head.array(22)?);
    let samples = u32::from_le_bytes(head.array(24)?);
    let told = u64::from(u32::from_le_bytes(head.array(28)?));
    let bits = u16::from_le_bytes(head.array(34)?);
    let rate = match PLAIN.contains(&format) {
        true => u64::from(samples)
            .saturating_mul(channels.into())
            .saturating_mul(bits.into())
            .div_ceil(8),
        false => told,
    };
    (rate > 0).then(|| rate.clamp(LEAST, MOST))
}

/// By the bit rate of the frame at `offset`, of layer III.
fn mp3(head: &Head, offset: usize) -> Option<u64> {
    /// In kbit/s, by the number in a frame's head; 0 where it says nothing.
    const MPEG_1: [u16; 16] = [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0,
    ];
    const MPEG_2: [u16; 16] = [
        0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0,
    ];
    let [sync, version, rates] = head.array(offset)?;
    if sync != 0xFF || version & 0xE6 != 0xE2 {
        return None;
    }
    let rates_of = if version & 0x18 == 0x18 {
        MPEG_1
    } else {
        MPEG_2
    };
    let rate = rates_of.get(usize::from(rates >> 4)).copied().unwrap_or(0);
    (rate > 0).then(|| u64::from(rate).saturating_mul(125))
}
