/*! JSON by span: one strict pass over borrowed bytes, and edits on the original text.

What was not changed is never re-serialised, so unknown fields survive byte for byte.
The reader refuses whatever two parsers might read differently: duplicate keys that
Tollgate reads, lone surrogates, a byte order mark, trailing data. */

mod capture;
mod edit;
mod error;
mod place;
mod reader;
mod strings;
mod text;

pub use capture::Capture;
pub use edit::{Edits, Rewrite};
pub use error::{Error, ErrorKind};
pub use place::path_at;
pub use reader::{Key, Kind, Reader, Watched};
pub use text::{Span, Text, quote};

#[cfg(test)]
pub(crate) mod tests;
