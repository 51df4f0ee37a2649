/*! What a block looks like, whatever it says. */

use super::hash::seeded;

/// What a block looks like, whatever it says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    letters: u32,
    pub(super) digits: u32,
    upper: u32,
    foreign: u32,
}

impl Shape {
    pub(super) fn letter(&mut self, c: char, folded: u32) {
        if (48..=57).contains(&folded) {
            self.digits = self.digits.saturating_add(1);
            return;
        }
        self.letters = self.letters.saturating_add(1);
        self.upper = self.upper.saturating_add(u32::from(c.is_ascii_uppercase()));
        self.foreign = self.foreign.saturating_add(u32::from(folded >= 128));
    }

    pub(super) fn ascii(&mut self, letters: &[u8]) {
        let count = |is: fn(&u8) -> bool| {
            let n = letters.iter().filter(|c| is(c)).count();
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        let digits = count(u8::is_ascii_digit);
        let all = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        self.digits = self.digits.saturating_add(digits);
        self.letters = self.letters.saturating_add(all.saturating_sub(digits));
        self.upper = self.upper.saturating_add(count(u8::is_ascii_uppercase));
    }

    pub(super) fn alone(&mut self) {
        self.letters = self.letters.saturating_add(1);
        self.foreign = self.foreign.saturating_add(1);
    }

    pub(super) fn buckets(self, words: u32) -> [usize; 4] {
        let total = self.letters.saturating_add(self.digits).saturating_add(1);
        let part = |n: u32, of: u32| n.saturating_mul(of).checked_div(total).unwrap_or(0);
        [
            seeded(20, &[part(self.upper, 8)]),
            seeded(21, &[part(self.digits, 8)]),
            seeded(22, &[part(self.foreign, 4)]),
            seeded(23, &[u32::BITS.saturating_sub(words.leading_zeros())]),
        ]
    }
}
