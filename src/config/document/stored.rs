/*! `stored`. */

use super::super::fields::Node;
use super::super::problem::Problems;
use super::super::stored::Stored;
use super::Located;
use super::guardrail::key;
use crate::wrapped::Secrets;

/// Most secrets at once: each more is another hash for each id that comes.
const MOST_SECRETS: usize = 4;

pub(super) fn stored(node: &Node<'_>, problems: &mut Problems) -> Option<Located<Stored>> {
    let mut fields = node.fields(problems)?;
    let secrets = fields.required("secrets", secrets, problems);
    fields.finish(problems);
    let stored = Stored { secrets: secrets? };
    Some(node.located(stored))
}

fn secrets(node: &Node<'_>, problems: &mut Problems) -> Option<Secrets> {
    let elements = node.elements(problems)?;
    if !(1..=MOST_SECRETS).contains(&elements.len()) {
        let message = format!("must have 1 to {MOST_SECRETS} secrets, that of new ids first");
        problems.error(&node.path, message);
    }
    let mut known: Vec<String> = Vec::new();
    for element in &elements {
        let secret = key(element, problems)?;
        if known.contains(&secret) {
            problems.error(&element.path, "stands twice");
        }
        known.push(secret);
    }
    Some(Secrets::new(&known))
}
