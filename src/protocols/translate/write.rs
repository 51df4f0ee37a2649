/*! Writing JSON, and events that hold it, front to back. */

use super::text::Text;

/// Writes values after each other; commas come by themselves.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Writer<'o> {
    /// Writes at the end of `out`.
    pub(super) const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A value ends in a letter, a digit, a quote or a closing bracket; after anything
    /// else none stands in front.
    fn separate(&mut self) {
        if let Some(b'"' | b'}' | b']' | b'0'..=b'9' | b'a'..=b'z') = self.out.last() {
            self.out.push(b',');
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// JSON that is there already.
    pub(super) fn raw(&mut self, json: &str) {
        self.separate();
        self.push(json);
    }

    /// `{`
    pub(super) fn open(&mut self) {
        self.raw("{");
    }

    /// `}`
    pub(super) fn close(&mut self) {
        self.push("}");
    }

    /// `[`
    pub(super) fn open_list(&mut self) {
        self.raw("[");
    }

    /// `]`
    pub(super) fn close_list(&mut self) {
        self.push("]");
    }

    /// The name of a member; needs no escapes.
    pub(super) fn key(&mut self, name: &'static str) {
        self.separate();
        self.push("\"");
        self.push(name);
        self.push("\":");
    }

    /// A member whose JSON is there already.
    pub(super) fn raw_member(&mut self, name: &'static str, json: &str) {
        self.key(name);
        self.push(json);
    }

    /// A text member.
    pub(super) fn text_member(&mut self, name: &'static str, text: &Text<'_>) {
        self.raw_member(name, text.literal());
    }

    /// A string member.
    pub(super) fn member(&mut self, name: &'static str, value: &str) {
        self.raw_member(name, &crate::json::quote(value));
    }

    /// A string member in pieces that need no escapes.
    pub(super) fn pieces(&mut self, name: &'static str, pieces: &[&str]) {
        self.key(name);
        self.push("\"");
        pieces.iter().for_each(|piece| self.push(piece));
        self.push("\"");
    }

    /// A number member.
    pub(super) fn count(&mut self, name: &'static str, value: u64) {
        self.raw_member(name, &value.to_string());
    }

    /// Number members, of the counts that are not zero.
    pub(super) fn rare_counts(&mut self, counts: &[(&'static str, u64)]) {
        let some = counts.iter().filter(|(_, count)| *count > 0);
        some.for_each(|(name, count)| self.count(name, *count));
    }

    /// The same in an object member, if there are any.
    pub(super) fn rare_counts_in(&mut self, name: &'static str, counts: &[(&'static str, u64)]) {
        if counts.iter().any(|(_, count)| *count > 0) {
            self.open_member(name);
            self.rare_counts(counts);
            self.close();
        }
    }

    /// An object member, to be closed.
    pub(super) fn open_member(&mut self, name: &'static str) {
        self.raw_member(name, "{");
    }

    /// An array member, to be closed.
    pub(super) fn open_list_member(&mut self, name: &'static str) {
        self.raw_member(name, "[");
    }
}

/// Writes one event of a stream. `name` is its `event:` line, which OpenAI's have not.
pub(super) fn event(out: &mut Vec<u8>, name: &str, data: impl FnOnce(&mut Writer<'_>)) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    let mut writer = Writer::new(out);
    writer.open();
    data(&mut writer);
    writer.close();
    out.extend_from_slice(b"\n\n");
}
