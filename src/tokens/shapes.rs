/*! What is counted of a text: how its bytes stand to each other.

The kinds follow how tokenizers of the o200k family cut text before they look anything up:
a word takes the space or sign before it along, digits go by threes, signs and line ends
stand in runs of their own. */

use super::masks::{BLOCK, Masks, leads, masks};
use super::scripts::{SCRIPTS, Script};

/// How many counts there are of ASCII text.
pub(super) const SHAPES: usize = 21;

/// What each of [`Tally`]'s first counts is, in their order.
pub(super) const NAMES: [&str; SHAPES] = [
    "word after a space",
    "word after one sign",
    "word elsewhere",
    "capital within a word",
    "letter 5 or later",
    "letter 9 or later",
    "letter 13 or later",
    "capital after a capital",
    "j, k, q",
    "v to z",
    "number",
    "number after a space",
    "number of 4 digits or more",
    "digit 4 or later",
    "spaces in a row",
    "space after a sign",
    "line end after no sign",
    "tabs",
    "signs after a letter or space",
    "signs elsewhere",
    "sign 3 or later, another than before",
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
    lower: u64,
    sign: u64,
    space: u64,
    digit: u64,
    line: u64,
    tab: u64,
    second_digit: u64,
    fourth_digit: u64,
    inner: [u64; 3],
    upper: u64,
    second_space: u64,
    second_sign: u64,
}

/// Reads one text, block by block.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    before: Before,
    block: [u8; BLOCK],
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
            block: [0; BLOCK],
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
        let masks = masks(block, &self.block);
        let mut letter = masks.letter | self.spill;
        self.spill = 0;
        if masks.high == 0 {
            self.next = usize::MAX;
        } else {
            letter |= self.characters(counts, block, after);
        }
        self.ascii(&mut counts.shapes, &masks, letter, valid);
        self.block = *block;
    }

    /// Counts the characters beyond ASCII; returns which bytes belong to Latin letters.
    fn characters(&mut self, counts: &mut Counts, block: &[u8; BLOCK], after: &[u8]) -> u64 {
        let mut latin = 0;
        let mut leads = leads(block);
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
    fn ascii(&mut self, shapes: &mut [u64; SHAPES], masks: &Masks, letter: u64, valid: u64) {
        let before = self.before;
        let Masks {
            digit,
            space,
            tab,
            line,
            ..
        } = *masks;
        let sign = !(masks.letter | digit | space | tab | line | masks.high) & valid;
        let upper = masks.upper & masks.letter;
        let lower = letter & !upper;

        let after_space = back!(space, before.space, 1);
        let after_sign = back!(sign, before.sign, 1);
        let after_letter = back!(letter, before.letter, 1);
        let word = letter & !after_letter;
        let one_sign = after_sign & !back!(sign | space, before.sign | before.space, 2);
        let hump = upper & back!(lower, before.lower, 1);
        // Letters that stand in one piece with the letter before, then with so many more.
        let second = after_letter & letter & !hump;
        let third = second & back!(second, before.inner[0], 1);
        let fifth = third & back!(third, before.inner[1], 2);
        let ninth = fifth & back!(fifth, before.inner[2], 4);
        let thirteenth = ninth & back!(fifth, before.inner[2], 8);
        let second_space = space & after_space;
        let second_sign = sign & after_sign;
        let after_second_sign = back!(second_sign, before.second_sign, 1);
        let first_sign = sign & !after_sign;
        let beside = first_sign & (after_letter | after_space);

        let mut add = |index: usize, mask: u64| {
            if let Some(count) = shapes.get_mut(index) {
                *count = count.wrapping_add(u64::from(mask.count_ones()));
            }
        };
        add(0, word & after_space);
        add(1, word & one_sign);
        add(2, word & !after_space & !one_sign);
        add(3, hump);
        add(4, fifth);
        add(5, ninth);
        add(6, thirteenth);
        add(7, upper & back!(upper, before.upper, 1));
        add(8, masks.jkq & masks.letter);
        add(9, masks.v_to_z & masks.letter);
        add(
            14,
            second_space & !back!(second_space, before.second_space, 1),
        );
        add(15, space & after_sign);
        add(18, beside);
        add(19, first_sign & !beside);
        add(20, second_sign & after_second_sign & !masks.same);
        let mut second_digit = 0;
        let mut fourth_digit = 0;
        if digit != 0 {
            let after_digit = back!(digit, before.digit, 1);
            let number = digit & !after_digit;
            second_digit = digit & after_digit;
            fourth_digit = second_digit & back!(second_digit, before.second_digit, 2);
            add(10, number);
            add(11, number & after_space);
            add(
                12,
                fourth_digit & !back!(fourth_digit, before.fourth_digit, 1),
            );
            add(13, fourth_digit);
        }
        if (line | tab) != 0 {
            add(16, line & !back!(line, before.line, 1) & !after_sign);
            add(17, tab & !back!(tab, before.tab, 1));
        }
        self.before = Before {
            letter,
            lower,
            sign,
            space,
            digit,
            line,
            tab,
            second_digit,
            fourth_digit,
            inner: [second, third, fifth],
            upper,
            second_space,
            second_sign,
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
