/*! What the system prompt of a call says, to be found in its answer. */

/// What the system prompt of a call says.
#[derive(Debug)]
pub struct SystemPrompt {
    words: usize,
}

impl SystemPrompt {
    /// One that counts `words` words in a row as repeated.
    pub const fn new(words: usize) -> Self {
        Self { words }
    }

    /// Adds a text of it.
    pub fn add(&mut self, _text: &str) {}

    /// Whether nothing of it could be found.
    pub const fn is_empty(&self) -> bool {
        self.words > 0
    }
}
