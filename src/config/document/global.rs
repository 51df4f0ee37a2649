/*! `global_limits`. */

use super::super::fields::Node;
use super::super::global::GlobalCharge;
use super::super::problem::Problems;
use super::choice;

pub(super) fn global_limits(node: &Node<'_>, problems: &mut Problems) -> Option<GlobalCharge> {
    let mut fields = node.fields(problems)?;
    let charge = fields.optional("charge", charge, problems);
    fields.finish(problems);
    Some(charge.unwrap_or_default())
}

fn charge(node: &Node<'_>, problems: &mut Problems) -> Option<GlobalCharge> {
    let words = [
        ("actual", GlobalCharge::Actual),
        ("estimate", GlobalCharge::Estimate),
    ];
    choice(node, problems, &words)
}
