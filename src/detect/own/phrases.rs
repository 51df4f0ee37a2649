/*! Operators' phrases, compiled with the policy: an automaton over folded letters
(A. V. Aho, M. J. Corasick, 1975), with where gaps may stand beside it. */

use super::fold::{NONE, Sign, is_glued, sign};

/// Most letters of a phrase.
pub(super) const LONGEST: usize = 128;

/// Fewest letters of a phrase; in scripts that say much with a letter one less.
const SHORTEST: usize = 3;

/// Most phrases.
const MOST: usize = 4096;

/// Most letters of all phrases together.
const MOST_LETTERS: usize = 1 << 16;

/// Operators' phrases, compiled once with the policy.
///
/// Case, marks, invisible characters, and letters that look alike (full-width, Cyrillic,
/// Greek, digits for letters) count for nothing. What is no letter may stand in any number
/// up to 64, or not at all, where it stands in the phrase; or else between all letters. A
/// match begins and ends where words do.
#[derive(Debug)]
pub struct Phrases {
    nodes: Vec<Node>,
    count: usize,
    /// Which ASCII letters, folded, phrases begin with: a bit each.
    first: u128,
}

/// A front of phrases.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// In the order of the letters.
    children: Vec<(char, u32)>,
    /// The longest other front that this one ends with.
    pub(super) fail: u32,
    pub(super) depth: usize,
    /// Where phrases of this front have gaps: bit 0 before its last letter, bit 1 before the
    /// one before, and so on.
    pub(super) gaps: u128,
    /// Whether a phrase of this front has a gap behind it.
    pub(super) gap_behind: bool,
    pub(super) ends: Vec<End>,
    /// Whether a phrase ends here or at a front that this one ends with.
    pub(super) has_ends: bool,
}

/// The end of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) phrase: u16,
    pub(super) gaps: u128,
}

/// A letter, and whether a gap stands before it.
type Letter = (char, bool);

impl Phrases {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// The index of each that is wrong, and why.
    pub fn new(list: &[String]) -> Result<Self, Vec<(usize, String)>> {
        let mut problems = Vec::new();
        let mut phrases = Self {
            nodes: vec![Node::default()],
            count: list.len(),
            first: 0,
        };
        for (index, phrase) in list.iter().enumerate() {
            let number = u16::try_from(index).ok().filter(|_| index < MOST);
            let Some(number) = number.filter(|_| phrases.nodes.len() <= MOST_LETTERS) else {
                problems.push((index, String::from("these are too many phrases")));
                break;
            };
            match check(&letters(phrase)) {
                Ok(()) => spellings(phrase).for_each(|phrase| phrases.add(number, &phrase)),
                Err(problem) => problems.push((index, problem)),
            }
        }
        if problems.is_empty() {
            phrases.link();
            phrases.first = phrases.first_letters();
            Ok(phrases)
        } else {
            Err(problems)
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, phrase: u16, letters: &[Letter]) {
        let mut node = 0;
        let mut gaps: u128 = 0;
        for (index, (letter, gap)) in letters.iter().enumerate() {
            node = self.child_or_new(node, *letter);
            gaps = (gaps << 1) | u128::from(*gap);
            let gap_behind = letters
                .get(index.saturating_add(1))
                .is_some_and(|next| next.1);
            if let Some(node) = self.node_mut(node) {
                node.gaps |= gaps;
                node.gap_behind |= gap_behind;
            }
        }
        let end = End { phrase, gaps };
        if let Some(node) = self.node_mut(node).filter(|node| !node.ends.contains(&end)) {
            node.ends.push(end);
        }
    }

    fn child_or_new(&mut self, node: u32, letter: char) -> u32 {
        if let Some(child) = self.child(node, letter) {
            return child;
        }
        let child = u32::try_from(self.nodes.len()).unwrap_or(0);
        let mut depth: usize = 0;
        if let Some(parent) = self.node_mut(node) {
            depth = parent.depth.saturating_add(1);
            let place = parent.children.partition_point(|one| one.0 < letter);
            parent.children.insert(place, (letter, child));
        }
        self.nodes.push(Node {
            depth,
            ..Node::default()
        });
        child
    }

    fn first_letters(&self) -> u128 {
        let children = self.node(0).map_or(&[][..], |node| &node.children);
        let letters = children.iter().map(|child| u32::from(child.0));
        letters
            .filter(|letter| *letter < 128)
            .fold(0, |all, letter| all | (1 << letter))
    }

    /// Whether a phrase begins with this ASCII letter, folded.
    pub(super) const fn begin_with(&self, letter: u8) -> bool {
        letter < 128 && (self.first >> letter) & 1 == 1
    }

    /// Finds for each front the longest other one that it ends with, shorter ones first.
    fn link(&mut self) {
        let mut level = vec![0];
        while !level.is_empty() {
            let mut next = Vec::new();
            for parent in level {
                let children = self.node(parent).map(|node| node.children.clone());
                for (letter, child) in children.unwrap_or_default() {
                    let fail = if parent == 0 {
                        0
                    } else {
                        self.next(
                            self.node(parent).map_or(0, |node| node.fail),
                            letter,
                            &mut 0,
                        )
                    };
                    let ends = self.node(fail).is_some_and(|node| node.has_ends);
                    if let Some(child) = self.node_mut(child) {
                        child.fail = fail;
                        child.has_ends = ends || !child.ends.is_empty();
                    }
                    next.push(child);
                }
            }
            level = next;
        }
    }

    /// The longest front that `node` and then `letter` end with; 0 is that of no letters.
    /// Adds the steps that it takes.
    pub(super) fn next(&self, mut node: u32, letter: char, steps: &mut usize) -> u32 {
        loop {
            *steps = steps.saturating_add(1);
            match self.child(node, letter) {
                Some(child) => return child,
                None if node == 0 => return 0,
                None => node = self.node(node).map_or(0, |node| node.fail),
            }
        }
    }

    fn child(&self, node: u32, letter: char) -> Option<u32> {
        let children = &self.node(node)?.children;
        let place = children.binary_search_by_key(&letter, |one| one.0).ok()?;
        children.get(place).map(|one| one.1)
    }

    pub(super) fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(node).ok()?)
    }

    fn node_mut(&mut self, node: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(node).ok()?)
    }
}

impl Node {
    pub(super) const fn grows(&self) -> bool {
        !self.children.is_empty()
    }
}

fn check(letters: &[Letter]) -> Result<(), String> {
    let glued = letters.iter().any(|letter| is_glued(letter.0));
    let fewest = SHORTEST.saturating_sub(usize::from(glued));
    if letters.len() < fewest {
        return Err(format!(
            "a phrase must have at least {fewest} letters or digits"
        ));
    }
    if letters.len() > LONGEST {
        return Err(format!("a phrase must have at most {LONGEST} letters"));
    }
    Ok(())
}

fn letters(phrase: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut gap = false;
    for c in phrase.chars() {
        match sign(c) {
            Sign::Letters(signs) => {
                for letter in signs.into_iter().filter(|letter| *letter != NONE) {
                    letters.push((letter, gap && !letters.is_empty()));
                    gap = false;
                }
            }
            Sign::Gap => gap = true,
            Sign::Nothing => {}
        }
    }
    letters
}

/// The phrase as it is, and in both cases: some Greek letters look like other Latin ones in
/// the other case.
fn spellings(phrase: &str) -> impl Iterator<Item = Vec<Letter>> {
    let is_greek = |c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}');
    let others = phrase.contains(is_greek).then(|| {
        let others = [phrase.to_uppercase(), phrase.to_lowercase(), titled(phrase)];
        others.map(|other| letters(&other))
    });
    let one = std::iter::once(letters(phrase));
    one.chain(others.into_iter().flatten())
        .filter(|letters| letters.len() <= LONGEST)
}

fn titled(phrase: &str) -> String {
    let words = phrase.split_inclusive(char::is_whitespace).map(|word| {
        let mut chars = word.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        first.chain(chars.flat_map(char::to_lowercase)).collect()
    });
    words.collect::<Vec<String>>().concat()
}
