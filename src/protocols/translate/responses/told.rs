/*! Which texts of a stream were told. Servers may tell each once more, whole, at any time. */

use crate::protocols::translate::Malformed;

/// Most texts of one kind in one answer: many times what models make.
const MAX_TEXTS: usize = 1024;

/// In the place of an item that was told whole.
const ALL: u64 = u64::MAX;

/// Where a text stands: which item it belongs to, and which of its texts it is.
pub(super) type Place = (u32, u64);

/// The texts of one kind of which something has come.
#[derive(Debug, Default)]
pub(super) struct Told {
    places: Vec<Place>,
    /// Where the last piece stood.
    last: Option<Place>,
}

impl Told {
    /// Where the last piece stood.
    pub(super) const fn last(&self) -> Option<Place> {
        self.last
    }

    /// Whether something of this text has come.
    pub(super) fn has(&self, place: Place) -> bool {
        let (item, _) = place;
        self.places.contains(&place) || self.places.contains(&(item, ALL))
    }

    /// Whether something of this item has come.
    pub(super) fn has_item(&self, item: u32) -> bool {
        self.places.iter().any(|(told, _)| *told == item)
    }

    /// Notes a piece of a text.
    pub(super) fn note(&mut self, place: Place) -> Result<(), Malformed> {
        if self.last == Some(place) {
            return Ok(());
        }
        self.last = Some(place);
        if self.places.contains(&place) {
            return Ok(());
        }
        if self.places.len() >= MAX_TEXTS {
            return Err(Malformed("too many texts"));
        }
        self.places.push(place);
        Ok(())
    }

    /// Notes all texts of an item.
    pub(super) fn note_item(&mut self, item: u32) -> Result<(), Malformed> {
        self.note((item, ALL))
    }
}
