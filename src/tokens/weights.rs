/*! What each count of a text is worth in tokens. Written by `scripts/fit.sh`. */

use super::scripts::SCRIPTS;
use super::shapes;

/// One token.
pub(super) const UNIT: u128 = 1024;

/// Of each of `shapes::NAMES`, in their order.
pub(super) const SHAPES: [u64; shapes::SHAPES] = [
    957,  // word after a space, number, signs after a letter or a space
    1092, // capital within a word, spaces in a row, signs elsewhere, tabs; of a number, the space before
    1274, // word elsewhere, line end after no sign
    220,  // word after one sign
    26,   // letter 5 or later of a word
    116,  // letter 9 or later of a word
    135,  // capital after a capital
    554,  // letter j, k or q
    578,  // number of 4 digits or more
    305,  // digit 4 or later of a number
    289,  // sign 3 or later in a row, another than before
];

/// Of each script in its order: every character, those that begin a run, those behind the
/// 4th of a run, those behind the 8th.
#[rustfmt::skip]
pub(super) const RUNS: [[u64; 4]; SCRIPTS] = [
    [0, 867, 0, 0],
    [1270, 238, 781, 0],
    [0, 0, 1620, 0],
    [0, 1262, 4096, 0],
    [1584, 1521, 408, 0],
    [38, 1337, 352, 0],
    [148, 1121, 0, 0],
    [88, 1474, 0, 704],
    [417, 108, 0, 0],
    [43, 1070, 315, 1071],
    [97, 816, 335, 456],
    [0, 1420, 491, 0],
    [85, 2325, 0, 145],
    [399, 0, 0, 20],
    [356, 4096, 0, 0],
    [667, 345, 454, 0],
    [488, 17, 125, 184],
    [573, 603, 0, 168],
    [1065, 0, 0, 0],
    [678, 0, 694, 0],
    [1683, 102, 0, 0],
    [1621, 0, 225, 0],
    [1514, 0, 205, 0],
    [1985, 7, 521, 0],
    [3804, 277, 28, 0],
    [2197, 0, 0, 0],
];
