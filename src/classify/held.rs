/*! A few characters in a row. */

/// Up to `N` characters, and how many there were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<const N: usize> {
    pub(super) held: [u32; N],
    pub(super) length: usize,
}

impl<const N: usize> Held<N> {
    pub(super) const NONE: Self = Held {
        held: [0; N],
        length: 0,
    };

    pub(super) fn push(&mut self, c: u32) {
        if let Some(place) = self.held.get_mut(self.length) {
            *place = c;
        }
        self.length = self.length.saturating_add(1);
    }

    /// More of them, `length` in all, of which the first are here.
    pub(super) fn extend(&mut self, first: &[u32], length: usize) {
        let whole = self.length.saturating_add(length);
        first.iter().for_each(|c| self.push(*c));
        self.length = whole;
    }

    pub(super) fn get(&self) -> &[u32] {
        self.held.get(..self.length.min(N)).unwrap_or(&[])
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }
}
