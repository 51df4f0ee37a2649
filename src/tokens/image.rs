/*! The size of an image, from its head: PNG, GIF, WebP and JPEG. */

use super::data::Head;

/// In pixels, neither side 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    width: u64,
    height: u64,
}

impl Size {
    fn new(width: impl Into<u64>, height: impl Into<u64>) -> Option<Self> {
        let (width, height) = (width.into(), height.into());
        (width > 0 && height > 0).then_some(Self { width, height })
    }

    /// What the head of an image says; `None` if it says nothing.
    pub(super) fn of(head: &Head) -> Option<Self> {
        match head.from(0) {
            [0x89, b'P', b'N', b'G', ..] => {
                let side = |offset| head.array(offset).map(u32::from_be_bytes);
                Self::new(side(16)?, side(20)?)
            }
            [b'G', b'I', b'F', ..] => {
                let side = |offset| head.array(offset).map(u16::from_le_bytes);
                Self::new(side(6)?, side(8)?)
            }
            [b'R', b'I', b'F', b'F', ..] => webp(head),
            [0xFF, 0xD8, ..] => jpeg(head),
            _ => None,
        }
    }

    pub(super) const fn pixels(self) -> u64 {
        self.width.saturating_mul(self.height)
    }

    /// Shrunk, if need be, to fit.
    pub(super) fn within(self, width: u64, height: u64) -> Self {
        let by_width = self.shrunk(self.width, width);
        by_width.shrunk(by_width.height, height)
    }

    /// Shrunk, if need be, so that the shorter side is `most`.
    pub(super) fn shorter_side(self, most: u64) -> Self {
        self.shrunk(self.width.min(self.height), most)
    }

    /// Shrunk in the proportion that makes `side` at most `most`.
    fn shrunk(self, side: u64, most: u64) -> Self {
        if side <= most {
            return self;
        }
        let scale = |length: u64| {
            let scaled = length.saturating_mul(most).checked_div(side);
            scaled.unwrap_or(0).max(1)
        };
        Self {
            width: scale(self.width),
            height: scale(self.height),
        }
    }

    /// How many squares of so many pixels cover it.
    pub(super) const fn squares(self, pixels: u64) -> u64 {
        let across = self.width.div_ceil(pixels);
        across.saturating_mul(self.height.div_ceil(pixels))
    }
}

/// One of three layouts, named by its first chunk.
fn webp(head: &Head) -> Option<Size> {
    match &head.array::<4>(12)? {
        // One byte of flags, three reserved, then both sides less one.
        b"VP8X" => {
            let side = |offset| {
                let [a, b, c] = head.array(offset)?;
                Some(u32::from_le_bytes([a, b, c, 0]).saturating_add(1))
            };
            Size::new(side(24)?, side(27)?)
        }
        // A frame tag and a start code, then 14 bits each.
        b"VP8 " => {
            let side = |offset| head.array(offset).map(u16::from_le_bytes);
            Size::new(side(26)? & 0x3FFF, side(28)? & 0x3FFF)
        }
        // A signature byte, then 14 bits each, less one.
        b"VP8L" => {
            let bits = u32::from_le_bytes(head.array(21)?);
            let side = |bits: u32| (bits & 0x3FFF).saturating_add(1);
            Size::new(side(bits), side(bits >> 14))
        }
        _ => None,
    }
}

/// Segments, of which the start of a frame holds the size. Each has a marker and a length.
fn jpeg(head: &Head) -> Option<Size> {
    let mut offset = 2_usize;
    // A segment has four bytes at least, so this ends.
    loop {
        let [mark, kind, length @ ..] = head.array::<4>(offset)?;
        if mark != 0xFF {
            return None;
        }
        match kind {
            // Bytes that fill up.
            0xFF => offset = offset.saturating_add(1),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let side = |at: usize| {
                    head.array(offset.saturating_add(at))
                        .map(u16::from_be_bytes)
                };
                return Size::new(side(7)?, side(5)?);
            }
            // Image data, before any size.
            0xDA | 0xD9 => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes(length)).max(2);
                offset = offset.saturating_add(length).saturating_add(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn size(bytes: &[u8]) -> Option<(u64, u64)> {
        let size = Size::of(&Head::of(STANDARD.encode(bytes).as_bytes()))?;
        Some((size.width, size.height))
    }

    #[test]
    fn sizes_stand_in_the_head_of_each_format() {
        let app = [b"\xFF\xE1\xFF\xFF".as_slice(), &[0; 65_533]].concat();
        let frame = b"\xFF\xC2\x00\x11\x08\x01\x02\x03\x04\x03";
        for (name, bytes) in [
            (
                "png",
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x04\0\0\x01\x02\x08".to_vec(),
            ),
            ("gif", b"GIF89a\x04\x03\x02\x01".to_vec()),
            (
                "webp VP8X",
                b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x03\x03\0\x01\x01\0".to_vec(),
            ),
            (
                "webp VP8",
                b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x04\x03\x02\x01".to_vec(),
            ),
            (
                "jpeg",
                [b"\xFF\xD8\xFF\xE0\x00\x04ab\xFF".as_slice(), frame].concat(),
            ),
            (
                "jpeg with a preview",
                [b"\xFF\xD8".as_slice(), &app, frame].concat(),
            ),
        ] {
            let wanted = (0x304, 0x102);
            assert_eq!(size(&bytes), Some(wanted), "{name}");
            for cut in 0..bytes.len().min(20) {
                assert_eq!(size(&bytes[..cut.min(9)]), None, "{name} {cut}");
            }
        }
        let bits = (0x303_u32 | (0x101 << 14)).to_le_bytes();
        let lossless = [b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".as_slice(), &bits].concat();
        assert_eq!(size(&lossless), Some((0x304, 0x102)));
        assert_eq!(size(b"%PDF-1.7"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_size_or_none(
            begin in prop::sample::select(vec![&b"\x89PNG"[..], b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"\xFF\xD8\xFF", b""]),
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Some((width, height)) = size(&[begin, &rest].concat()) {
                prop_assert!(width > 0 && height > 0);
            }
        }
    }
}
