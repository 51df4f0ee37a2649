/*! How many tokens a prompt comes to, before anybody has counted them.

There is no vocabulary here: text is counted by the shapes that tokenizers cut it at
([`Tally`]), other media by the rules that providers publish. */

mod audio;
pub mod correction;
mod cut;
mod data;
mod escapes;
pub mod framing;
mod image;
mod masks;
pub mod media;
mod prompt;
mod scripts;
mod shapes;
mod tally;
mod weights;

pub use media::Media;
pub use prompt::Prompt;
pub use tally::{Stream, Tally};
