/*! Operators' patterns, compiled with the policy. */

use super::super::context;
use super::super::view::{at, before};
use super::Check;
use super::regex::read;
use super::table::Table;

/// Longest match that a pattern may have, in bytes.
pub const LONGEST_MATCH: usize = 256;

/// Longest match if the operator says nothing, in bytes.
pub const USUAL_MATCH: usize = 64;

/// Most patterns.
const MOST: usize = 256;

/// Most memory of all their automata, in bytes.
const LARGEST: usize = 4 << 20;

/// What an operator writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Its name in masks and records.
    pub name: String,
    /// A regular expression in the syntax of the crate `regex`; `\d`, `\w`, `\s`, `\b` and
    /// `(?i)` know ASCII only.
    pub regex: String,
    /// Its check digits.
    pub check: Option<Check>,
    /// If there are any, one of these words must stand at most
    /// [`REACH`](crate::detect::REACH) code points to the left.
    pub context: Vec<String>,
    /// Longest match, in bytes, at most [`LONGEST_MATCH`]; usually [`USUAL_MATCH`].
    pub max_length: usize,
}

/// Operators' patterns, compiled once with the policy.
///
/// Each is looked for by itself: its leftmost match, of those that begin there the longest
/// of at most `max_length` bytes, and on behind it. If that one has wrong check digits, none
/// begins there.
#[derive(Debug)]
pub struct Patterns {
    compiled: Vec<Compiled>,
    /// By byte, the patterns whose matches can begin with it.
    by_first: Vec<Vec<u16>>,
}

#[derive(Debug)]
pub(super) struct Compiled {
    name: String,
    pub(super) table: Table,
    pub(super) max_length: usize,
    check: Option<Check>,
    /// In lower case.
    context: Vec<String>,
}

impl Patterns {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// The index of each that is wrong, and why.
    pub fn new(list: Vec<Pattern>) -> Result<Self, Vec<(usize, String)>> {
        let mut problems = Vec::new();
        let mut compiled = Vec::new();
        let mut size: usize = 0;
        for (index, pattern) in list.into_iter().enumerate() {
            match Compiled::of(pattern) {
                Ok(one) => {
                    size = size.saturating_add(one.table.size());
                    compiled.push(one);
                }
                Err(problem) => problems.push((index, problem)),
            }
            if index >= MOST || size > LARGEST {
                let problem = "the patterns up to this one are too many, or too large";
                problems.push((index, problem.to_owned()));
                break;
            }
        }
        if problems.is_empty() {
            Ok(Self::of(compiled))
        } else {
            Err(problems)
        }
    }

    fn of(compiled: Vec<Compiled>) -> Self {
        let begin = |byte| {
            let all = compiled.iter().zip(0..);
            let begin = all.filter(|(one, _)| one.table.begins(byte));
            begin.map(|(_, index)| index).collect()
        };
        Self {
            by_first: (0..=u8::MAX).map(begin).collect(),
            compiled,
        }
    }

    /// The name of a pattern; empty if there is none with this index.
    pub fn name(&self, index: u16) -> &str {
        self.get(index).map_or("", |pattern| &pattern.name)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.compiled.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    pub(super) fn get(&self, index: u16) -> Option<&Compiled> {
        self.compiled.get(usize::from(index))
    }

    /// Those whose matches can begin with `byte`.
    #[inline]
    pub(super) fn that_begin(&self, byte: u8) -> &[u16] {
        let patterns = self.by_first.get(usize::from(byte));
        patterns.map_or(&[], Vec::as_slice)
    }
}

impl Compiled {
    fn of(pattern: Pattern) -> Result<Self, String> {
        if !(1..=LONGEST_MATCH).contains(&pattern.max_length) {
            return Err(format!("max_length must be 1 to {LONGEST_MATCH} bytes"));
        }
        let hir = read(&pattern.regex)?;
        let properties = hir.properties();
        if properties.maximum_len() == Some(0) {
            return Err(String::from("it matches no character"));
        }
        if properties.minimum_len() > Some(pattern.max_length) {
            return Err(format!(
                "its matches are longer than max_length, {} bytes",
                pattern.max_length
            ));
        }
        let context = pattern.context.iter();
        let words: Vec<_> = context.map(|word| word.to_ascii_lowercase()).collect();
        if words.iter().any(|word| word.trim().is_empty()) {
            return Err(String::from("a word of its context is empty"));
        }
        Ok(Self {
            table: Table::new(&hir)?,
            name: pattern.name,
            max_length: pattern.max_length,
            check: pattern.check,
            context: words,
        })
    }

    /// Whether what stands around `start..end` of the text, and the check digits in it, say
    /// that it is a match.
    pub(super) fn accepts(&self, text: &str, start: usize, end: usize) -> bool {
        let value = text.get(start..end).unwrap_or_default();
        self.check.is_none_or(|check| check.holds(value)) && self.is_called(text, start)
    }

    fn is_called(&self, text: &str, start: usize) -> bool {
        if self.context.is_empty() {
            return true;
        }
        let left = context::left(text, start);
        self.context
            .iter()
            .any(|word| has_word(left, word.as_bytes()))
    }
}
/// Longest word that must stand alone, in ASCII letters; a longer one may be part of another
/// (`phone` of `telephone`).
const ALONE: usize = 4;

/// Whether `word`, ASCII in lower case, is in the text, in any case.
fn has_word(text: &[u8], word: &[u8]) -> bool {
    let short = word.is_ascii() && word.len() <= ALONE;
    let alone = |start: usize| {
        let end = start.saturating_add(word.len());
        !before(text, start).is_ascii_alphabetic() && !at(text, end).is_ascii_alphabetic()
    };
    let places = text.windows(word.len().max(1)).enumerate();
    let mut found = places.filter(|(_, here)| here.eq_ignore_ascii_case(word));
    found.any(|(start, _)| !short || alone(start))
}
