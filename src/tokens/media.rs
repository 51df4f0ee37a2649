/*! What images, sounds and files come to in tokens, by the rules that providers publish.

Which model will answer is not known here, so where rules of one provider differ by model,
the dearer one counts; what was estimated too high comes back with the settlement. */

use super::data::{self, Head};
use super::image::Size;

/// Tokens of what is no text, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Media {
    /// Of images.
    pub image: u64,
    /// Of sounds.
    pub audio: u64,
    /// Of files.
    pub file: u64,
}

impl Media {
    /// All of them.
    pub const fn tokens(&self) -> u64 {
        let images = self.image.saturating_add(self.audio);
        images.saturating_add(self.file)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.tokens() == 0
    }
}

/// An image at OpenAI's, given by its `url`, a data URL or another, and its `detail`.
///
/// In low detail, 85 tokens. Otherwise 85, and 170 for each tile of 512 pixels, after the
/// image was shrunk into 2048 × 2048 and then to a shorter side of 768; or, with newer
/// models, 1 for each patch of 32 pixels, at most 1,536: the more of both. An image whose
/// size is not known counts as a large one.
pub fn openai_image(url: &[u8], detail: &[u8]) -> u64 {
    const LARGEST: u64 = 1536;
    if detail == b"low" {
        return 85;
    }
    let size = data::of_url(url).and_then(|base64| Size::of(&Head::of(base64)));
    size.map_or(LARGEST, |size| {
        let tiles = size.within(2048, 2048).shorter_side(768).squares(512);
        let tiles = tiles.saturating_mul(170).saturating_add(85);
        tiles.max(size.squares(32).min(LARGEST))
    })
}

/// An image at Anthropic's, given in base64, or elsewhere: a token for each 750 pixels,
/// after it was shrunk to a longer side of 1,568 pixels; about 1,600 at most.
pub fn anthropic_image(base64: Option<&[u8]>) -> u64 {
    const LARGEST: u64 = 1600;
    let size = base64.and_then(|base64| Size::of(&Head::of(base64)));
    size.map_or(LARGEST, |size| {
        let pixels = size.within(1568, 1568).pixels();
        pixels.div_ceil(750).clamp(1, LARGEST)
    })
}

/// A second of MP3 whose head does not tell: 64 kbit/s, rather low for speech.
const BYTES_A_SECOND: u64 = 8_000;

/// A second of sound in a container that is not read: Opus and AAC of speech have 8 kbit/s and
/// more. What was reserved too much comes back where a provider tells how long it was.
const LEAST_A_SECOND: u64 = 1_000;

/// Tokens of a second of sound, as OpenAI counts them.
pub const SOUND_TOKENS: u64 = 10;

/// Tokens of a second of sound, as Gemini counts them (guide "Audio understanding").
const GEMINIS_SOUND_TOKENS: u64 = 32;

/// What sound of so many [tokens](SOUND_TOKENS) takes more at Gemini's.
pub const fn sound_beyond(tokens: u64) -> u64 {
    let more = GEMINIS_SOUND_TOKENS.saturating_sub(SOUND_TOKENS);
    tokens.saturating_mul(more).div_ceil(SOUND_TOKENS)
}

/// Sound in base64: 10 tokens a second, as OpenAI counts it.
pub fn audio(base64: &[u8]) -> u64 {
    let rate = super::audio::bytes_a_second(&Head::of(base64)).unwrap_or(BYTES_A_SECOND);
    let tenths = data::length(base64).saturating_mul(SOUND_TOKENS);
    tenths.div_ceil(rate.max(1))
}

/// As [`seconds`], of sound in base64.
pub fn audio_seconds(base64: &[u8]) -> u64 {
    audio(base64).div_ceil(10)
}

/// How long sound is, in seconds, rounded up, where nobody tells: by what its head says of
/// a second, else as if compressed as far as speech can be.
pub fn seconds(sound: &[u8]) -> u64 {
    let rate = super::audio::bytes_a_second(&Head::of_bytes(sound)).unwrap_or(LEAST_A_SECOND);
    let length = u64::try_from(sound.len()).unwrap_or(u64::MAX);
    length.div_ceil(rate.max(1))
}

/// A file such as a PDF, in base64 or elsewhere. Anthropic tells of 1,500 to 3,000 tokens a
/// page, and takes up to 100 pages. How many there are cannot be seen: a page is taken to have
/// 50,000 bytes, and a file that lies elsewhere 10 pages.
pub fn file(base64: Option<&[u8]>) -> u64 {
    match base64 {
        Some(base64) => file_of(data::length(base64)),
        None => PAGE.saturating_mul(10),
    }
}

/// A page of a file, in tokens.
const PAGE: u64 = 3000;

/// As [`file()`], of one with so many bytes.
pub fn file_of(bytes: u64) -> u64 {
    bytes.div_ceil(50_000).clamp(1, 100).saturating_mul(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn png(width: u32, height: u32) -> String {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(width.to_be_bytes());
        png.extend(height.to_be_bytes());
        STANDARD.encode(png)
    }

    #[test]
    fn gemini_takes_32_tokens_for_a_second_of_sound() {
        for (tokens, all) in [(0, 0), (1, 4), (10, 32), (100, 320)] {
            assert_eq!(tokens + sound_beyond(tokens), all);
        }
        assert_eq!(sound_beyond(u64::MAX), u64::MAX.div_ceil(10));
    }

    #[test]
    fn images_of_openai() {
        for (width, height, wanted) in [
            // The examples of OpenAI's guide, by the dearer of both rules.
            (2048, 4096, 1536),
            (512, 512, 256),
            (1, 1, 255),
            (100, 100, 255),
            (600, 300, 425),
            (1024, 1024, 1024),
            (u32::MAX, u32::MAX, 1536),
            (u32::MAX, 1, 1536),
        ] {
            let url = format!("data:image/png;base64,{}", png(width, height));
            assert_eq!(
                openai_image(url.as_bytes(), b"high"),
                wanted,
                "{width} × {height}"
            );
            assert_eq!(openai_image(url.as_bytes(), b""), wanted);
            assert_eq!(openai_image(url.as_bytes(), b"low"), 85);
        }
        for url in [
            "https://example.com/a.png",
            "data:image/png;base64,AAAA",
            "data:,x",
            "",
        ] {
            assert_eq!(openai_image(url.as_bytes(), b"auto"), 1536, "{url}");
        }
        let escaped = format!(
            "data:image\\/png;base64,{}",
            png(64, 64).replace('/', "\\/")
        );
        assert_eq!(openai_image(escaped.as_bytes(), b""), 255);
    }

    #[test]
    fn images_of_anthropic() {
        for (width, height, wanted) in [
            // From the table of Anthropic's guide: some 54, 1,334 and 1,590.
            (200, 200, 54),
            (1000, 1000, 1334),
            (1092, 1092, 1590),
            (8000, 8000, 1600),
            (0, 0, 1600),
            (1, 1, 1),
        ] {
            let image = png(width, height);
            assert_eq!(
                anthropic_image(Some(image.as_bytes())),
                wanted,
                "{width} × {height}"
            );
        }
        assert_eq!(anthropic_image(None), 1600);
        assert_eq!(anthropic_image(Some(b"!!!!")), 1600);
    }

    #[test]
    fn sounds_by_their_seconds() {
        assert_eq!(audio(&wav(1, 1, 24_000, 48_000, 16)), 30);
        // 128 kbit/s: 16,000 bytes a second, with and without a tag before.
        let mut mp3 = vec![0xFF, 0xFB, 0x90, 0x00];
        mp3.resize(32_000, 0);
        assert_eq!(audio(STANDARD.encode(&mp3).as_bytes()), 20);
        let tagged = [b"ID3\x04\0\0\0\0\0\x05?????".as_slice(), &mp3].concat();
        assert_eq!(audio(STANDARD.encode(&tagged).as_bytes()), 21);
        assert_eq!(audio(STANDARD.encode(vec![7; 8000]).as_bytes()), 10);
        assert_eq!(audio(b""), 0);
    }

    /// A WAV of 144,000 bytes.
    fn wav(format: u16, channels: u16, samples: u32, rate: u32, bits: u16) -> Vec<u8> {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        wav.extend(format.to_le_bytes());
        wav.extend(channels.to_le_bytes());
        wav.extend(samples.to_le_bytes());
        wav.extend(rate.to_le_bytes());
        wav.extend([1, 0]);
        wav.extend(bits.to_le_bytes());
        wav.resize(144_000, 0);
        STANDARD.encode(wav).into_bytes()
    }

    #[test]
    fn a_head_makes_no_sound_shorter_than_it_can_be() {
        // 48 kHz, two channels, 32 bits: 0.375 seconds.
        const SHORTEST: u64 = 4;
        const LONGEST: u64 = 1440;
        for (format, channels, samples, rate, bits, wanted) in [
            // The byte rate says something else than what it is made of.
            (1, 1, 24_000, u32::MAX, 16, 30),
            (3, 2, 48_000, 1, 32, SHORTEST),
            (1, u16::MAX, u32::MAX, u32::MAX, u16::MAX, SHORTEST),
            (1, 1, 1, 1, 1, LONGEST),
            (2, 1, 24_000, u32::MAX, 4, SHORTEST),
            (0x55, 1, 24_000, 8_000, 0, 180),
            (2, 1, 24_000, 1, 4, LONGEST),
            // Says nothing: 64 kbit/s.
            (1, 0, 24_000, 48_000, 16, 180),
            (2, 1, 24_000, 0, 4, 180),
        ] {
            let sound = wav(format, channels, samples, rate, bits);
            assert_eq!(
                audio(&sound),
                wanted,
                "{format} {channels} {samples} {rate} {bits}"
            );
        }
    }

    #[test]
    fn regression_compressed_sound_is_not_taken_for_short() {
        // A minute of Opus of 16 kbit/s in Ogg, and WebM, which no head is read of.
        for head in [&b"OggS\0\x02"[..], b"\x1a\x45\xdf\xa3", b"\xff\xf1\x50"] {
            let mut sound = head.to_vec();
            sound.resize(120_000, 0);
            assert_eq!(seconds(&sound), 120, "{head:?}");
        }
    }

    #[test]
    fn files_by_their_size() {
        assert_eq!(file(None), 30_000);
        assert_eq!(file(Some(b"AAAA")), 3000);
        assert_eq!(file(Some("A".repeat(4_000_000).as_bytes())), 60 * 3000);
    }
}
