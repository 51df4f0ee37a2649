/*! Steps that can never be made, or would be made in vain. */

use super::super::fields::Located;
use super::super::model::{Model, Target};
use super::super::problem::Problems;
use super::super::rule::Modality;
use super::super::workflow::{Step, StepKind};

pub(super) fn check(steps: &Located<Vec<Step>>, model: &Model, problems: &mut Problems) {
    let targets = model.live();
    let takes = |target: &Target, one: Modality| {
        let known = target.accepts.as_deref();
        known.is_none_or(|known| known.contains(&one))
    };
    for step in &steps.value {
        let path = format!("{}.{}", steps.path, step.kind.as_str());
        let all_told = targets.iter().all(|target| target.context.is_some());
        if step.kind == StepKind::SummariseContext && !all_told {
            let message = "never made: a target has no context, so that any prompt fits";
            problems.error(&path, message);
        }
        let Some(medium) = step.kind.makes_text_of() else {
            continue;
        };
        if let Some(target) = targets.iter().find(|target| takes(target, medium)) {
            let message = format!(
                "never made: {} takes them itself; say with accepts what it takes",
                target.key
            );
            problems.error(path, message);
        }
    }
}
