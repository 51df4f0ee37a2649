/*! Whether JSON that comes in pieces is whole. */

/// Follows the brackets of a JSON object that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: u64,
    within: Within,
    whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Within {
    #[default]
    Structure,
    String,
    Escape,
}

impl Nesting {
    /// Whether the object has ended.
    pub(super) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, text: &str) {
        for byte in text.bytes() {
            self.within = match (self.within, byte) {
                (Within::Structure, b'"') | (Within::Escape, _) => Within::String,
                (Within::String, b'"') => Within::Structure,
                (Within::String, b'\\') => Within::Escape,
                (Within::Structure, b'{' | b'[') => {
                    self.depth = self.depth.saturating_add(1);
                    Within::Structure
                }
                (Within::Structure, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    self.whole |= self.depth == 0;
                    Within::Structure
                }
                (within, _) => within,
            };
        }
    }
}
