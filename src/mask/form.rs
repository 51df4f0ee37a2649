/*! What a text is written in. */

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// As people read it.
    Text,
    /// JSON, such as the arguments of a tool.
    Json,
}
