/*! What is counted of a text: how its bytes stand to each other.

The kinds follow how tokenizers of the o200k family cut text before they look anything up:
a word takes the space or sign before it along, digits go by threes, signs and line ends
stand in runs of their own. */

use super::masks::{BLOCK, Masks, leads, masks, same};
use super::scripts::{SCRIPTS, Script};

/// How many counts there are of ASCII text.
pub(super) const SHAPES: usize = 11;

/// What each of the first counts is, in their order. The first three are of pieces that
/// come to nearly as many tokens as there are pieces.
pub(super) const NAMES: [&str; SHAPES] = [
    "word after a space, number, signs after a letter or a space",
    "capital within a word, spaces in a row, signs elsewhere, tabs; of a number, the space before",
    "word elsewhere, line end after no sign",
    "word after one sign",
    "letter 5 or later of a word",
    "letter 9 or later of a word",
    "capital after a capital",
    "letter j, k or q",
    "number of 4 digits or more",
    "digit 4 or later of a number",
    "sign 3 or later in a row, another than before",
];

/// What is counted of the characters of one script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Run {
    /// All of them.
    pub(super) characters: u64,
    /// Those that no other of the same script stands right before.
    pub(super) starts: u64,
    /// Those that at least 4 others stand right before.
    pub(super) late: u64,
    /// Those that at least 8 others stand right before.
    pub(super) later: u64,
}

/// All counts of some text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    pub(super) shapes: [u64; SHAPES],
    pub(super) runs: [Run; SCRIPTS],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            bytes: 0,
            shapes: [0; SHAPES],
            runs: [Run::default(); SCRIPTS],
        }
    }
}

impl Counts {
    /// Adds the counts of other text.
    pub(super) fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        for (sum, more) in self.shapes.iter_mut().zip(other.shapes) {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in self.runs.iter_mut().zip(other.runs) {
            sum.characters = sum.characters.saturating_add(more.characters);
            sum.starts = sum.starts.saturating_add(more.starts);
            sum.late = sum.late.saturating_add(more.late);
            sum.later = sum.later.saturating_add(more.later);
        }
    }
}

/// The masks of the block before, as far as the next one asks for them.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    letter: u64,
    upper: u64,
    digit: u64,
    space: u64,
    tab: u64,
    line: u64,
    sign: u64,
    second_letter: u64,
    third_letter: u64,
    fifth_letter: u64,
    second_digit: u64,
    fourth_digit: u64,
}

/// Reads one text, block by block.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    before: Before,
    /// The byte before the block.
    last: u8,
    /// Letters beyond ASCII whose bytes reach into the next block.
    spill: u64,
    script: Script,
    /// So many characters of `script` stand right before.
    length: u64,
    /// The run is broken unless the next character begins here, counted from the block.
    next: usize,
}

/// `mask` moved up by `by` bytes, with what `before` had in the block before.
macro_rules! back {
    ($mask:expr, $before:expr, $by:literal) => {
        ($mask << $by) | ($before >> (64 - $by))
    };
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            before: Before::default(),
            last: 0,
            spill: 0,
            script: Script::Other,
            length: 0,
            next: usize::MAX,
        }
    }
}

/// Bytes that must follow a block for all its characters to be whole.
pub(super) const AHEAD: usize = 3;

impl Scan {
    /// Counts whole blocks at the front of `text`, and returns how many bytes that were.
    /// What is left has to come again, followed by more, or go to [`Scan::last`].
    pub(super) fn blocks(&mut self, counts: &mut Counts, text: &[u8]) -> usize {
        let whole = text.len().saturating_sub(AHEAD);
        let (blocks, _) = text.get(..whole).unwrap_or_default().as_chunks::<BLOCK>();
        let mut at = 0_usize;
        for block in blocks {
            let after = text.get(at.saturating_add(BLOCK)..).unwrap_or_default();
            self.block(counts, block, after, u64::MAX);
            at = at.saturating_add(BLOCK);
        }
        counts.bytes = counts.bytes.wrapping_add(count_bytes(at));
        at
    }

    /// Counts the rest of a text.
    pub(super) fn last(mut self, counts: &mut Counts, text: &[u8]) {
        let done = self.blocks(counts, text);
        let mut rest = text.get(done..).unwrap_or_default();
        counts.bytes = counts.bytes.wrapping_add(count_bytes(rest.len()));
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rest.len().min(BLOCK));
            rest = after;
            let mut block = [0; BLOCK];
            block
                .iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            let missing = BLOCK.saturating_sub(chunk.len());
            let valid = u32::try_from(missing).map_or(0, |missing| u64::MAX >> missing);
            self.block(counts, &block, after, valid);
        }
    }

    #[inline]
    fn block(&mut self, counts: &mut Counts, block: &[u8; BLOCK], after: &[u8], valid: u64) {
        let masks = masks(block);
        let mut letter = masks.letter | self.spill;
        self.spill = 0;
        if masks.high == 0 {
            self.next = usize::MAX;
        } else {
            letter |= self.characters(counts, block, masks.high, after);
        }
        self.ascii(&mut counts.shapes, block, &masks, letter, valid);
        let [.., last] = *block;
        self.last = last;
    }

    /// Counts the characters beyond ASCII, of which there is one; returns which bytes belong to Latin letters.
    fn characters(
        &mut self,
        counts: &mut Counts,
        block: &[u8; BLOCK],
        high: u64,
        after: &[u8],
    ) -> u64 {
        let mut latin = 0;
        let mut leads = leads(block, high);
        while leads != 0 {
            let at = usize::try_from(leads.trailing_zeros()).unwrap_or(0);
            leads &= leads.wrapping_sub(1);
            let byte = |offset: usize| {
                let at = at.wrapping_add(offset);
                let found = block.get(at);
                let found = found.or_else(|| after.get(at.wrapping_sub(BLOCK)));
                found.copied().unwrap_or(0)
            };
            let lead = byte(0);
            let script = Script::of(lead, byte(1), byte(2));
            let length = length(lead);
            if let Some(run) = counts.runs.get_mut(script.index()) {
                self.character(run, script, at);
            }
            self.next = at.wrapping_add(length);
            if script.is_latin() {
                let bytes = (1_u128 << length).wrapping_sub(1) << at;
                latin |= low(bytes);
                self.spill |= low(bytes >> 64);
            }
        }
        // Where it is compared next, the block after this one is counted from.
        self.next = self.next.checked_sub(BLOCK).unwrap_or(usize::MAX);
        latin
    }

    #[inline]
    fn character(&mut self, run: &mut Run, script: Script, at: usize) {
        let goes_on = self.next == at && self.script == script;
        self.length = if goes_on {
            self.length.wrapping_add(1)
        } else {
            0
        };
        self.script = script;
        run.characters = run.characters.wrapping_add(1);
        run.starts = run.starts.wrapping_add(u64::from(!goes_on));
        run.late = run.late.wrapping_add(u64::from(self.length >= 4));
        run.later = run.later.wrapping_add(u64::from(self.length >= 8));
    }

    #[inline]
    fn ascii(
        &mut self,
        shapes: &mut [u64; SHAPES],
        block: &[u8; BLOCK],
        masks: &Masks,
        letter: u64,
        valid: u64,
    ) {
        let before = self.before;
        let Masks { digit, space, .. } = *masks;
        let (tab, line) = masks.tab_and_line(block);
        let sign = !(masks.letter | digit | space | tab | line | masks.high) & valid;
        let upper = masks.upper & masks.letter;

        let after_letter = back!(letter, before.letter, 1);
        let after_space = back!(space, before.space, 1);
        let after_sign = back!(sign, before.sign, 1);
        let after_upper = back!(upper, before.upper, 1);

        let word = letter & !after_letter;
        let hump = upper & after_letter & !after_upper;
        // Letters that stand in one piece with the letter before, then with so many more.
        let second = letter & after_letter & !hump;
        let third = second & back!(second, before.second_letter, 1);
        let fifth = third & back!(third, before.third_letter, 2);
        let ninth = fifth & back!(fifth, before.fifth_letter, 4);
        let one_sign = after_sign & !back!(sign | space, before.sign | before.space, 2);

        let first_sign = sign & !after_sign;
        let beside = first_sign & (after_letter | after_space);
        let spaces = space & after_space & !back!(space, before.space, 2);
        let lines = line & !back!(line, before.line, 1) & !after_sign;
        let tabs = tab & !back!(tab, before.tab, 1);
        let number = digit & !back!(digit, before.digit, 1);

        let mut add = |index: usize, mask: u64| {
            if let Some(count) = shapes.get_mut(index) {
                *count = count.wrapping_add(u64::from(mask.count_ones()));
            }
        };
        let far_word = word & !after_space & !one_sign;
        let far_sign = first_sign & !beside;
        add(0, (word & after_space) | number | beside);
        add(1, hump | spaces | far_sign | tabs | (number & after_space));
        add(2, far_word | lines);
        add(3, word & one_sign);
        add(4, fifth);
        add(5, ninth);
        add(6, upper & after_upper);
        add(7, masks.jkq & masks.letter);
        let (mut second_digit, mut fourth_digit) = (0, 0);
        if digit != 0 {
            second_digit = digit & back!(digit, before.digit, 1);
            fourth_digit = second_digit & back!(second_digit, before.second_digit, 2);
            add(
                8,
                fourth_digit & !back!(fourth_digit, before.fourth_digit, 1),
            );
            add(9, fourth_digit);
        }
        let third_sign = sign & after_sign & back!(sign, before.sign, 2);
        if third_sign != 0 {
            add(10, third_sign & !same(block, self.last));
        }
        self.before = Before {
            letter,
            upper,
            digit,
            space,
            tab,
            line,
            sign,
            second_letter: second,
            third_letter: third,
            fifth_letter: fifth,
            second_digit,
            fourth_digit,
        };
    }
}

/// The low half.
#[inline]
fn low(mask: u128) -> u64 {
    u64::try_from(mask & u128::from(u64::MAX)).unwrap_or(0)
}

/// How many bytes a character has that begins with `lead`.
#[inline]
const fn length(lead: u8) -> usize {
    match lead {
        0xF0.. => 4,
        0xE0.. => 3,
        _ => 2,
    }
}

fn count_bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
