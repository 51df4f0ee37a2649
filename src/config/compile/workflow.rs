/*! Steps that can never be made, or would be made in vain. */

use super::super::fields::Located;
use super::super::model::{Model, Target};
use super::super::policy::{Limits, Tenant};
use super::super::problem::Problems;
use super::super::rule::Modality;
use super::super::workflow::{MAX_CANDIDATE, Step, StepKind};
use super::Names;
use std::collections::HashMap;
use std::rc::Rc;

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
        let mut speaking = targets.iter().filter(|_| step.kind == StepKind::Speak);
        if let Some(target) = speaking.find(|target| target.gives_sound()) {
            let message = format!(
                "never made: {} answers with sound itself; say with gives what it gives",
                target.key
            );
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

/// Panels that `held_per_tenant` never lets begin, and what `global` limits do not count.
pub(super) fn check_panels(
    models: &Names<Model>,
    (limits, global): (&Limits, bool),
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    for (name, path) in models.known.iter().zip(&models.paths) {
        let Some(model) = models.built.get(name) else {
            continue;
        };
        let steps = model.workflow.iter();
        let members = steps.filter(|step| step.kind == StepKind::Panel).count();
        if members == 0 {
            continue;
        }
        let path = format!("{path}.workflow.panel");
        let least = u64::try_from(members.saturating_mul(MAX_CANDIDATE)).unwrap_or(u64::MAX);
        if limits.held_per_tenant <= least {
            let message = format!(
                "needs a limits.held_per_tenant of more than {least} bytes, which its members may answer"
            );
            problems.error(&path, message);
        }
        if global {
            check_limited(model, path, tenants, problems);
        }
    }
}

/// Calls that a provider is to keep are not a panel's, and the API's default is to keep them.
pub(super) fn warn_of_kept(models: &Names<Model>, problems: &mut Problems) {
    for (name, path) in models.known.iter().zip(&models.paths) {
        let model = models.built.get(name);
        let mut steps = model.into_iter().flat_map(|model| &model.workflow);
        if steps.any(|step| step.kind == StepKind::Panel) {
            let message = "with stored, the targets answer calls of Responses that do not say store: false, and no panel does";
            problems.warning(format!("{path}.workflow.panel"), message);
        }
    }
}

/// Envoy's rate limit filter is asked when a call is sent on, which one of a panel never is.
fn check_limited(
    model: &Model,
    path: String,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    let name = &model.name;
    let bare = |tenant: &&Rc<Tenant>| {
        let allowed = tenant.models.iter().any(|known| known.name == *name);
        let all = [&tenant.limits, &tenant.per_user, &model.limits];
        let mut meters = all.into_iter().flat_map(|meters| meters.iter());
        allowed && !meters.any(|meter| meter.counts(name))
    };
    match tenants.values().filter(bare).map(|tenant| &tenant.name).min() {
        Some(tenant) => {
            let message = format!(
                "global_limits do not count calls that a panel answers, and nothing else limits tenant {tenant:?} here: give it or the model limits"
            );
            problems.error(path, message);
        }
        None => problems.warning(
            path,
            "global_limits do not count calls that a panel answers; limits of tenants and models do",
        ),
    }
}
