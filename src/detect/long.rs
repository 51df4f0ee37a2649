/*! Secrets that are longer than a region: all of them counts, up to what ends them. */

use super::Part;
use super::chars::Folded;
use super::entity::Entity;

/// Short words in a row that no key has: prose has begun.
const PROSE: u8 = 6;

/// The shortest line of a key that is not its last.
const LINE: u16 = 16;

/// Where a character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Within,
    /// It is the last one within.
    Last,
    /// It is the first one behind.
    Behind,
}

/// A secret that has begun and not ended.
#[derive(Debug, Clone)]
pub(super) struct Long {
    entity: Entity,
    /// Whether a part of it has been said.
    said: bool,
    end: End,
}

#[derive(Debug, Clone)]
enum End {
    /// The first byte that no token has.
    Token,
    /// `-----END … -----`.
    Key(Footer),
}

/// How much of the footer has come.
#[derive(Debug, Clone, Default)]
struct Footer {
    /// Bytes of `-----END` in a row; from 8 on the footer has begun, and each hyphen that
    /// follows counts.
    matched: u8,
    /// Bytes of the word that is coming.
    word: u16,
    short_words: u8,
}

impl Long {
    pub(super) const fn token(entity: Entity) -> Self {
        Self {
            entity,
            said: false,
            end: End::Token,
        }
    }

    /// A private key whose header has come.
    pub(super) fn key() -> Self {
        Self {
            entity: Entity::PrivateKey,
            said: false,
            end: End::Key(Footer::default()),
        }
    }

    pub(super) const fn entity(&self) -> Entity {
        self.entity
    }

    pub(super) const fn part(&self) -> Part {
        if self.said { Part::Next } else { Part::First }
    }

    pub(super) const fn begin(&mut self) {
        self.said = true;
    }

    pub(super) fn step(&mut self, folded: Folded) -> Step {
        let Folded::Byte(byte) = folded else {
            return Step::Within;
        };
        match &mut self.end {
            End::Token if byte.is_ascii_alphanumeric() || b"_-.=~+/%".contains(&byte) => {
                Step::Within
            }
            End::Token => Step::Behind,
            End::Key(footer) => footer.step(byte),
        }
    }
}

impl Footer {
    fn step(&mut self, byte: u8) -> Step {
        self.matched = match (self.matched, byte) {
            (0..=4, b'-') => self.matched.saturating_add(1),
            (5, b'-') => 5,
            (5, b'E') | (6, b'N') | (7, b'D') => self.matched.saturating_add(1),
            (8..=11, b'-') => self.matched.saturating_add(1),
            (12.., b'-') => return Step::Last,
            (8.., b'\n' | 0) => 0,
            (8.., _) => 8,
            _ => 0,
        };
        self.count_words(byte);
        if self.short_words > PROSE {
            Step::Behind
        } else {
            Step::Within
        }
    }

    fn count_words(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() || byte == 0 {
            self.short_words = match self.word {
                0 => self.short_words,
                1..LINE => self.short_words.saturating_add(1),
                _ => 0,
            };
            self.word = 0;
        } else {
            self.word = self.word.saturating_add(1);
        }
    }
}
