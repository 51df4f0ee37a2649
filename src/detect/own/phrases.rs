/*! Operators' phrases, found in any spelling. */

/// Operators' phrases, compiled once with the policy.
#[derive(Debug)]
pub struct Phrases {}

impl Phrases {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// The index of each that is wrong, and why.
    pub fn new(_list: &[String]) -> Result<Self, Vec<(usize, String)>> {
        Ok(Self {})
    }
}
