/*! Which placeholders stand for which values in one call. */

use super::key::TagKey;
use super::placeholder::{Labels, Tag};
use std::collections::HashMap;
use std::fmt;

/// Most values of a call that can be restored.
pub const MOST_VALUES: usize = 4096;

/// Most bytes of all values together.
pub const MOST_BYTES: usize = 1 << 20;

/// Signs of tags: Crockford's base 32, which has none that look alike.
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Placeholders of one call: filled while its request is masked, read while its answer comes.
pub struct Vault {
    key: TagKey,
    labels: Labels,
    by_tag: HashMap<Tag, Entry>,
    /// How many values each label has.
    numbers: HashMap<String, u32>,
    bytes: usize,
    refused: u64,
}

/// A value and what stands for it.
struct Entry {
    label: String,
    number: u32,
    value: String,
}

impl Vault {
    /// An empty one. Calls with the same key give the same value the same tag.
    pub fn new(key: &TagKey) -> Self {
        Self {
            key: key.clone(),
            labels: Labels::default(),
            by_tag: HashMap::new(),
            numbers: HashMap::new(),
            bytes: 0,
            refused: 0,
        }
    }

    /// Writes the placeholder of a value of this name, or only the name if the vault is
    /// full.
    pub fn put(&mut self, name: &str, value: &str, out: &mut String) {
        let _ = value;
        out.push_str(name);
    }

    /// Whether nothing can be restored.
    pub fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }

    /// Values that can be restored.
    pub fn len(&self) -> usize {
        self.by_tag.len()
    }

    /// Values that were masked for good since the vault was full, each time one came.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} values)", self.len())
    }
}
