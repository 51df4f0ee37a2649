/*! Texts through their guards. */

use super::guards::Guards;
use super::vault::Vault;
use super::verdict::Verdict;
use std::rc::Rc;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As it stands.
    #[default]
    Text,
    /// As JSON, such as the arguments of a tool call: findings are made with the escapes of
    /// its strings undone, and what is written keeps it valid. Text that is no JSON object,
    /// list or string is read as it stands.
    Json,
}

/// What becomes of placeholders in a whole text.
#[derive(Debug)]
pub enum Placeholders<'v> {
    /// There are none.
    Off,
    /// Made for what is to be restored (requests).
    Make(&'v mut Vault),
    /// Replaced by their values (answers).
    Restore(&'v Rc<Vault>),
}

/// One text that comes in pieces.
#[derive(Debug)]
pub struct Channel {
    guards: Option<Rc<Guards>>,
}

impl Channel {
    /// One for a text of its own; placeholders of `vault` are restored.
    pub fn new(guards: Option<Rc<Guards>>, form: Form, vault: Option<Rc<Vault>>) -> Self {
        let _ = (form, vault);
        Self { guards }
    }

    /// Takes the next piece; gives the text that goes on. After a block nothing does.
    pub fn push(&mut self, piece: &str, verdict: &mut Verdict) -> String {
        let _ = (verdict, &self.guards);
        piece.to_owned()
    }

    /// Takes the end of the text; gives the rest.
    pub fn finish(&mut self, verdict: &mut Verdict) -> String {
        let _ = verdict;
        String::new()
    }

    /// Bytes that wait for what comes.
    pub const fn held(&self) -> usize {
        0
    }
}

/// A whole text: `None` if it goes on as it is. After a block, what is given is the text
/// before what was blocked.
pub fn whole(
    text: &str,
    guards: Option<&Rc<Guards>>,
    form: Form,
    placeholders: Placeholders<'_>,
    verdict: &mut Verdict,
) -> Option<String> {
    let _ = (text, guards, form, placeholders, verdict);
    None
}
