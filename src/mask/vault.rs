/*! Which placeholders stand for which values in one call. */

use super::key::TagKey;
use super::placeholder::{Labels, SIGNS, Tag, label};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::{self, Write as _};

/// Placeholders of one call: filled while its request is masked, read while its answer comes.
pub struct Vault {
    key: TagKey,
    labels: Labels,
    by_tag: HashMap<Tag, Entry>,
    /// How many values each label has.
    numbers: HashMap<String, u32>,
    bytes: usize,
    refused: u64,
    /// Bytes of values that may still be written in the place of placeholders.
    room: Cell<usize>,
}

/// A value, and what stands for it besides its tag.
struct Entry {
    label: String,
    number: u32,
    value: String,
}

impl Vault {
    /// Most values of a call that can be restored.
    pub const MOST_VALUES: usize = 4096;

    /// Most bytes of these values together.
    pub const MOST_BYTES: usize = 1 << 20;

    /// Most bytes of one of them.
    pub const MOST_VALUE: usize = 4096;

    /// Most bytes of values that all texts of a call get by restoring, before JSON escapes
    /// them. Beyond it placeholders stay: an answer that repeats one does not grow without
    /// bound.
    pub const MOST_RESTORED: usize = 1 << 20;

    /// An empty one. Calls with the same key give the same value the same tag.
    pub fn new(key: &TagKey) -> Self {
        Self {
            key: key.clone(),
            labels: Labels::default(),
            by_tag: HashMap::new(),
            numbers: HashMap::new(),
            bytes: 0,
            refused: 0,
            room: Cell::new(Self::MOST_RESTORED),
        }
    }

    /// Whether nothing can be restored.
    pub fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }

    /// Values that can be restored.
    pub fn len(&self) -> usize {
        self.by_tag.len()
    }

    /// How often a value was masked for good since it is too long or the vault was full.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Writes the placeholder of a value of this name, or only the name if the value is too
    /// long or the vault is full.
    pub fn put(&mut self, name: &str, value: &str, out: &mut String) {
        let label = label(name);
        let shown = label.to_ascii_uppercase();
        let fits = value.len() <= Self::MOST_VALUE;
        let tag = fits.then(|| self.tag(&label, value)).flatten();
        let number = tag.and_then(|tag| Some((self.number(tag, label, value)?, tag)));
        // Writing to a string can't fail.
        let _ = match number {
            Some((number, tag)) => {
                let tag = tag.map(char::from);
                let tag: String = tag.iter().collect();
                write!(out, "<{shown}_{number}_{tag}>")
            }
            None => {
                self.refused = self.refused.saturating_add(1);
                write!(out, "<{shown}>")
            }
        };
    }

    /// The value of a placeholder; `None` if the call got all that it may get by restoring.
    pub(super) fn restore(&self, tag: &Tag) -> Option<&str> {
        let value = &self.by_tag.get(tag)?.value;
        let room = self.room.get().checked_sub(value.len())?;
        self.room.set(room);
        Some(value)
    }

    pub(super) const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Whether there is a placeholder of this label, number and tag.
    pub(super) fn has(&self, label: &str, number: u32, tag: &Tag) -> bool {
        let entry = self.by_tag.get(tag);
        entry.is_some_and(|entry| entry.label == label && entry.number == number)
    }

    /// Whether `text` is a placeholder, written as [`Vault::put`] writes it.
    pub fn has_put(&self, text: &str) -> bool {
        let inside = text
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'));
        let parts = inside.and_then(|inside| inside.rsplit_once('_'));
        let Some((front, tag)) = parts else {
            return false;
        };
        let Some((label, number)) = front.rsplit_once('_') else {
            return false;
        };
        let (Ok(tag), Ok(number)) = (Tag::try_from(tag.as_bytes()), number.parse()) else {
            return false;
        };
        self.has(&label.to_ascii_lowercase(), number, &tag)
    }

    /// The tag of a value: its own, or one that no other value has.
    fn tag(&self, label: &str, value: &str) -> Option<Tag> {
        let own = |entry: &Entry| entry.label == label && entry.value == value;
        let tags = (0..=u8::MAX).map(|round| self.hash(label, value, round));
        let mut free = tags.filter(|tag| self.by_tag.get(tag).is_none_or(own));
        free.next()
    }

    fn hash(&self, label: &str, value: &str, round: u8) -> Tag {
        let message = [label.as_bytes(), &[0, round], value.as_bytes()];
        let [a, b, c, d, ..] = self.key.hmac(&message);
        let bits = u32::from_be_bytes([a, b, c, d]);
        let sign = |shift: u32| {
            let index = usize::try_from((bits >> shift) & 31).unwrap_or_default();
            SIGNS.get(index).copied().unwrap_or_default()
        };
        [27, 22, 17, 12, 7, 2].map(sign)
    }

    /// The number of a value, which is kept if it is new; `None` if there is no room.
    fn number(&mut self, tag: Tag, label: String, value: &str) -> Option<u32> {
        if let Some(entry) = self.by_tag.get(&tag) {
            return Some(entry.number);
        }
        let bytes = self.bytes.saturating_add(value.len());
        if self.by_tag.len() >= Self::MOST_VALUES || bytes > Self::MOST_BYTES {
            return None;
        }
        self.bytes = bytes;
        self.labels.add(&label);
        let number = self.numbers.entry(label.clone()).or_default();
        *number = number.saturating_add(1);
        let number = *number;
        let value = value.to_owned();
        self.by_tag.insert(
            tag,
            Entry {
                label,
                number,
                value,
            },
        );
        Some(number)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} values)", self.len())
    }
}
