/*! What each count of a text is worth in tokens. Written by `scripts/fit.sh`. */

use super::scripts::SCRIPTS;
use super::shapes;

/// One token.
pub(super) const UNIT: u64 = 1024;

/// Of each of `shapes::NAMES`, in their order.
pub(super) const SHAPES: [u64; shapes::SHAPES] = [
    928,  // word after a space
    248,  // word after one sign
    1363, // word elsewhere
    1145, // capital within a word
    35,   // letter 5 or later
    94,   // letter 9 or later
    0,    // letter 13 or later
    130,  // capital after a capital
    600,  // j, k, q
    62,   // v to z
    877,  // number
    1147, // number after a space
    612,  // number of 4 digits or more
    308,  // digit 4 or later
    1154, // spaces in a row
    113,  // space after a sign
    1478, // line end after no sign
    1099, // tabs
    859,  // signs after a letter or space
    1088, // signs elsewhere
    286,  // sign 3 or later, another than before
];

/// Of each script in its order: every character, those that begin a run, those behind the
/// 4th of a run, those behind the 8th.
#[rustfmt::skip]
pub(super) const RUNS: [[u64; 4]; SCRIPTS] = [
    [0, 868, 0, 0],
    [1232, 218, 940, 0],
    [0, 0, 1657, 0],
    [0, 1241, 4096, 0],
    [1791, 539, 264, 0],
    [30, 1361, 356, 0],
    [165, 1014, 0, 0],
    [147, 1161, 0, 584],
    [403, 164, 0, 0],
    [70, 979, 275, 1075],
    [105, 789, 321, 458],
    [0, 1410, 492, 0],
    [78, 2349, 0, 156],
    [247, 1157, 0, 170],
    [354, 4096, 0, 0],
    [701, 249, 394, 0],
    [470, 0, 187, 65],
    [579, 849, 0, 141],
    [970, 0, 0, 0],
    [696, 0, 627, 0],
    [1684, 30, 0, 0],
    [1217, 0, 732, 0],
    [1483, 0, 256, 0],
    [1968, 0, 546, 0],
    [3738, 393, 96, 0],
    [2192, 0, 0, 0],
];
