/*! How many tokens a prompt comes to, before anybody has counted them.

There is no vocabulary here: text is counted by the shapes that tokenizers cut it at
([`Tally`]), other media by the rules that providers publish. */

mod escapes;
mod masks;
mod scripts;
mod shapes;
mod tally;
mod weights;

pub use tally::{Stream, Tally};
