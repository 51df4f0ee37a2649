/*! `global_limits`. */

use super::super::fields::Node;
use super::super::global::GlobalCharge;
use super::super::problem::Problems;
use super::super::scalars::flag;
use super::choice;

pub(super) fn global_limits(node: &Node<'_>, problems: &mut Problems) -> Option<GlobalCharge> {
    let mut fields = node.fields(problems)?;
    let by = fields.optional("charge", charge, problems);
    let refund = fields.find("refund_refused");
    let refund_refused = refund.as_ref().and_then(|node| flag(node, problems));
    fields.finish(problems);
    match by.unwrap_or_default() {
        GlobalCharge::Actual => {
            let needless = "needs charge: estimate; without one, nothing is taken beforehand";
            refund.inspect(|node| problems.error(&node.path, needless));
            Some(GlobalCharge::Actual)
        }
        GlobalCharge::Estimate { .. } => Some(GlobalCharge::Estimate {
            refund_refused: refund_refused.unwrap_or(false),
        }),
    }
}

fn charge(node: &Node<'_>, problems: &mut Problems) -> Option<GlobalCharge> {
    let words = [
        ("actual", GlobalCharge::Actual),
        (
            "estimate",
            GlobalCharge::Estimate {
                refund_refused: false,
            },
        ),
    ];
    choice(node, problems, &words)
}
