/*! Placeholders as models write them. */

/// Signs of a tag: 30 bits.
pub(super) const TAG: usize = 6;

/// What tells a placeholder of ours from any other text, in capitals.
pub(super) type Tag = [u8; TAG];

/// Names that placeholders can have: lower case, `_` between words; sorted.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels(Vec<String>);

impl Labels {
    pub(super) fn add(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        if let Err(place) = self.0.binary_search(&name) {
            self.0.insert(place, name);
        }
    }
}
