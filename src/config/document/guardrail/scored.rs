/*! `detect: prompt_injection` and `detect: toxicity`, with `sensitivity` beside them or more to
say in a map. */

use super::super::super::fields::{Fields, Node};
use super::super::super::guardrail::{Action, Detect, Phases};
use super::super::super::problem::Problems;
use super::super::super::scalars::{duration, share};
use super::super::super::scoring::{Judge, Roles, ScoredRole, Scoring};
use super::super::super::service::{Service, ServiceKind};
use super::super::super::tree::Tree;
use super::super::{Located, choice};
use super::service;
use crate::classify::{Class, Sensitivity};
use std::rc::Rc;

/// So much lower is the least score of what tools have answered, in thousandths: whoever wrote it
/// was not asked to.
const STRICTER: u16 = 100;

/// How long judges' verdicts are kept, in milliseconds: while a conversation goes on, all of it
/// comes again with each call.
const REMEMBER_MS: u64 = 600_000;

/// From which score on texts count.
pub(super) struct Level<'a> {
    pub(super) sensitivity: Option<Node<'a>>,
    pub(super) threshold: Option<Node<'a>>,
}

impl<'a> Level<'a> {
    pub(super) fn find(fields: &mut Fields<'a>) -> Self {
        Self {
            sensitivity: fields.find("sensitivity"),
            threshold: fields.find("threshold"),
        }
    }
}

/// With nothing more to say than from which score on it counts.
pub(super) fn plain(class: Class, level: &Level<'_>, problems: &mut Problems) -> Option<Detect> {
    let least = least(level, Sensitivity::Medium, problems)?;
    Some(Detect::Scored(usual(class, least)))
}

/// Nothing that scores nothing counts.
const fn stricter(least: u16) -> u16 {
    match least.saturating_sub(STRICTER) {
        0 => 1,
        least => least,
    }
}

const fn usual(class: Class, least: u16) -> Scoring {
    Scoring {
        class,
        least,
        least_of_tools: stricter(least),
        roles: Roles::USUAL,
        by_role: false,
        judge: None,
    }
}

pub(super) fn prompt_injection(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    scored(Class::PromptInjection, node, problems)
}

pub(super) fn toxicity(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    scored(Class::Toxicity, node, problems)
}

fn scored(class: Class, node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let mut fields = node.fields(problems)?;
    let least = least(&Level::find(&mut fields), Sensitivity::Medium, problems);
    let of_tools = fields.optional("tool_results", level, problems);
    let roles = fields.optional("roles", roles, problems);
    let judge = fields.optional("judge", judge, problems);
    let by_role = of_tools.is_some() || roles.is_some();
    fields.finish(problems);
    let mut scoring = usual(class, least?);
    scoring.least_of_tools = of_tools.unwrap_or(scoring.least_of_tools);
    scoring.roles = roles.unwrap_or(Roles::USUAL);
    if let Some(judge) = judge {
        if judge.value.from >= scoring.least.min(scoring.least_of_tools) {
            let message =
                "must be below what counts, of users and of tools: nothing else is unsure";
            problems.error(&judge.path, message);
        }
        scoring.judge = Some(Rc::new(judge.value));
    }
    scoring.by_role = by_role;
    Some(Detect::Scored(scoring))
}

/// `sensitivity` or `threshold`, or what is usual; `None`: what stands there is wrong.
fn least(level: &Level<'_>, usual: Sensitivity, problems: &mut Problems) -> Option<u16> {
    match (&level.sensitivity, &level.threshold) {
        (None, None) => Some(usual.threshold()),
        (Some(node), None) => sensitivity(node, problems),
        (None, Some(node)) => score(node, problems),
        (Some(_), Some(node)) => {
            problems.error(&node.path, "has no meaning beside sensitivity");
            None
        }
    }
}

fn sensitivity(node: &Node<'_>, problems: &mut Problems) -> Option<u16> {
    let words = [
        ("low", Sensitivity::Low),
        ("medium", Sensitivity::Medium),
        ("high", Sensitivity::High),
    ];
    choice(node, problems, &words).map(Sensitivity::threshold)
}

/// A sensitivity by its name, or a score.
fn level(node: &Node<'_>, problems: &mut Problems) -> Option<u16> {
    match node.tree {
        Tree::Number(_) => score(node, problems),
        Tree::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            score(node, problems)
        }
        _ => sensitivity(node, problems),
    }
}

/// A score; at none, every text would count.
fn score(node: &Node<'_>, problems: &mut Problems) -> Option<u16> {
    let score = share(node, problems)?;
    if score == 0 {
        problems.error(&node.path, "must be above 0: every text scores that");
        return None;
    }
    Some(score)
}

fn roles(node: &Node<'_>, problems: &mut Problems) -> Option<Roles> {
    let words = ScoredRole::ALL.map(|role| (role.name(), role));
    let mut roles: Vec<ScoredRole> = Vec::new();
    let mut complete = true;
    for element in node.elements(problems)? {
        match choice(&element, problems, &words) {
            Some(role) if roles.contains(&role) => {
                let message = format!("{:?} stands twice", role.name());
                problems.error(&element.path, message);
            }
            Some(role) => roles.push(role),
            None => complete = false,
        }
    }
    complete.then(|| roles.into_iter().collect())
}

fn judge(node: &Node<'_>, problems: &mut Problems) -> Option<Located<Judge>> {
    let mut fields = node.fields(problems)?;
    let from = least(&Level::find(&mut fields), Sensitivity::High, problems);
    let service = fields.required("service", judging, problems);
    let remember = fields.optional("remember", duration, problems);
    fields.finish(problems);
    Some(node.located(Judge {
        from: from?,
        service: service?,
        remember_ms: remember.map_or(REMEMBER_MS, |time| time.value),
    }))
}

fn judging(node: &Node<'_>, problems: &mut Problems) -> Option<Rc<Service>> {
    let service = service::read(node, problems)?;
    if matches!(service.kind, ServiceKind::Presidio(_)) {
        let message = "must be openai_moderation, llama_guard or generic: this one does not judge";
        problems.error(format!("{}.kind", node.path), message);
    }
    Some(Rc::new(service))
}

/// What scores can't decide.
pub(super) fn check(
    (node, phase): (&Node<'_>, &Located<Phases>),
    detect: &Detect,
    action: &Action,
    problems: &mut Problems,
) {
    let Detect::Scored(scoring) = detect else {
        return;
    };
    if scoring.class == Class::PromptInjection && phase.value != Phases::Input {
        let message = "must be input: answers inject nothing";
        problems.error(&phase.path, message);
    }
    if matches!(action, Action::Restore(_)) {
        let message = "has no meaning here: what is masked does not come back";
        problems.error(format!("{}.restore", node.path), message);
    }
    let masks = matches!(action, Action::Mask(_));
    if scoring.by_role && (masks || phase.value == Phases::Output) {
        let message = "roles and tool_results need whole requests: phase: input or both, and action: block or monitor";
        problems.error(
            format!("{}.detect.{}", node.path, scoring.class.word()),
            message,
        );
    }
    if scoring.judge.is_some() && (masks || phase.value != Phases::Input) {
        let message = "needs phase: input and action: block or monitor: it judges whole requests";
        problems.error(
            format!("{}.detect.{}.judge", node.path, scoring.class.word()),
            message,
        );
    }
}
