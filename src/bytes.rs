/*! Searching bytes a block at a time, in a shape that the compiler turns into vector code. */

const BLOCK: usize = 32;

/// The index of the first byte for which `stop` holds.
///
/// Blocks of 32 bytes are tested without a branch per byte (SSE2 natively,
/// simd128 in wasm); only the block that holds a hit is looked at byte by byte.
#[inline]
pub fn find(haystack: &[u8], stop: impl Fn(u8) -> bool) -> Option<usize> {
    let (blocks, _) = haystack.as_chunks::<BLOCK>();
    let clean = blocks
        .iter()
        .take_while(|block| !block.iter().fold(false, |hit, &byte| hit | stop(byte)))
        .count();
    let start = clean.saturating_mul(BLOCK);
    haystack
        .get(start..)?
        .iter()
        .position(|&byte| stop(byte))
        .map(|offset| start.saturating_add(offset))
}

/// Whether `haystack` holds `needle` (a short, rare one: the first byte decides).
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some(&first) = needle.first() else {
        return true;
    };
    let mut rest = haystack;
    while let Some(at) = find(rest, |byte| byte == first) {
        let Some(tail) = rest.get(at..) else {
            return false;
        };
        if tail.starts_with(needle) {
            return true;
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_hit_at_every_offset() {
        for length in 0..100 {
            for hit in 0..length {
                let mut text = vec![b'a'; length];
                text[hit] = b'"';
                assert_eq!(find(&text, |b| b == b'"'), Some(hit), "{length} {hit}");
            }
            assert_eq!(find(&vec![b'a'; length], |b| b == b'"'), None);
        }
    }

    #[test]
    fn contains_agrees_with_str() {
        for text in ["", "abc", "ababac", "xxabacab", "aaaaaaaaab"] {
            for needle in ["", "a", "abac", "ab", "zz"] {
                assert_eq!(
                    contains(text.as_bytes(), needle.as_bytes()),
                    text.contains(needle),
                    "{text} {needle}"
                );
            }
        }
    }
}
