/*! What callers are told of steps that end their call. */

use crate::callout::{Failure, Findings};
use crate::config::{Step, StepKind};
use crate::protocols::{ErrorKind, Refusal};

pub(super) fn failed(step: &Step, why: Failure) -> Refusal {
    failed_by(step.kind, why.code())
}

/// A panel of which too few members have answered.
pub(super) fn too_few() -> Refusal {
    failed_by(StepKind::Panel, "too_few")
}

fn failed_by(step: StepKind, why: &str) -> Refusal {
    let step = step.as_str();
    let message = format!("The step '{step}' of this model's workflow has failed.");
    let mut refusal = Refusal::new(ErrorKind::BadGateway, "workflow_step_failed", message);
    refusal.detail = format!("{step}: {why}");
    refusal
}

pub(super) fn flagged(step: &Step, findings: &Findings) -> Refusal {
    let message = "The request is refused by the moderation of this model.";
    let mut refusal = Refusal::new(ErrorKind::Invalid, "content_filter", message);
    let reasons = findings.reasons.join(",");
    refusal.detail = format!("{}: {reasons}", step.kind.as_str());
    refusal
}

pub(in crate::call) fn timed_out() -> Refusal {
    let message = "The steps of this model's workflow have taken all the time that its calls have.";
    Refusal::new(ErrorKind::Timeout, "upstream_timeout", message)
}

pub(super) fn too_long() -> Refusal {
    let message =
        "With what steps have made of it, the request is longer than this gateway accepts.";
    Refusal::new(ErrorKind::TooLarge, "request_too_large", message)
}
