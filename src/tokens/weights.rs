/*! What each count of a text is worth in tokens. Written by `scripts/fit.sh`. */

use super::scripts::SCRIPTS;
use super::shapes;

/// One token.
pub(super) const UNIT: u64 = 1024;

/// Of each of `shapes::NAMES`, in their order.
pub(super) const SHAPES: [u64; shapes::SHAPES] = [
    939,  // word after a space, number, signs after a letter or a space
    1098, // capital within a word, spaces in a row, signs elsewhere, tabs; of a number, the space before
    1330, // word elsewhere, line end after no sign
    188,  // word after one sign
    37,   // letter 5 or later of a word
    106,  // letter 9 or later of a word
    135,  // capital after a capital
    620,  // letter j, k or q
    558,  // number of 4 digits or more
    306,  // digit 4 or later of a number
    251,  // sign 3 or later in a row, another than before
];

/// Of each script in its order: every character, those that begin a run, those behind the
/// 4th of a run, those behind the 8th.
#[rustfmt::skip]
pub(super) const RUNS: [[u64; 4]; SCRIPTS] = [
    [0, 838, 0, 0],
    [1223, 230, 885, 0],
    [0, 0, 1608, 0],
    [0, 1223, 4096, 0],
    [1798, 548, 246, 0],
    [36, 1348, 350, 0],
    [163, 1041, 0, 0],
    [154, 1128, 0, 582],
    [406, 157, 0, 0],
    [82, 949, 259, 1084],
    [99, 809, 332, 456],
    [0, 1419, 491, 0],
    [85, 2327, 0, 145],
    [254, 1109, 0, 164],
    [355, 4096, 0, 0],
    [691, 293, 399, 0],
    [469, 0, 179, 72],
    [570, 883, 0, 155],
    [983, 0, 0, 0],
    [688, 0, 657, 0],
    [1677, 99, 0, 0],
    [1221, 0, 730, 0],
    [1487, 0, 248, 0],
    [1981, 0, 530, 0],
    [3741, 390, 96, 0],
    [2190, 0, 0, 0],
];
