/*! `detect: { service: … }`, and `failure_mode` beside it. */

use super::super::super::fields::{Fields, Node};
use super::super::super::guardrail::{Action, Detect};
use super::super::super::problem::Problems;
use super::super::super::scalars::share;
use super::super::super::service::{
    FailureMode, LlamaGuard, Moderation, Presidio, Score, Service, ServiceKind,
};
use super::super::super::values::text;
use super::super::{background, choice};
use super::texts;
use std::rc::Rc;

/// As long as an answer is waited for unless said otherwise, in milliseconds.
const TIMEOUT_MS: u64 = 2_000;

/// Most names of a list: more than any service knows.
const MOST_NAMES: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Presidio,
    Moderation,
    LlamaGuard,
    Generic,
}

pub(super) fn service(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    read(node, problems).map(|service| Detect::Service(Rc::new(service)))
}

/// A service by itself.
pub(super) fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Service> {
    let mut fields = node.fields(problems)?;
    let cluster = fields.required("cluster", text, problems);
    let kind = fields.required("kind", kind, problems);
    let authority = fields.optional("authority", background::authority, problems);
    let path = fields.optional("path", background::path, problems);
    let timeout = background::timeout(&mut fields, problems);
    if kind == Some(Kind::LlamaGuard) && fields.find("model").is_none() {
        problems.error(format!("{}.model", node.path), "is missing");
    }
    let kind = kind_fields(&mut fields, kind, problems);
    fields.finish(problems);
    let (cluster, kind) = (cluster?, kind?);
    Some(Service {
        authority: authority.unwrap_or_else(|| cluster.clone()),
        cluster,
        path: path.unwrap_or_else(|| kind.path().to_owned()),
        kind,
        timeout_ms: timeout.unwrap_or(TIMEOUT_MS),
        failure_mode: FailureMode::default(),
    })
}

fn kind(node: &Node<'_>, problems: &mut Problems) -> Option<Kind> {
    let words = [
        ("presidio", Kind::Presidio),
        ("openai_moderation", Kind::Moderation),
        ("llama_guard", Kind::LlamaGuard),
        ("generic", Kind::Generic),
    ];
    choice(node, problems, &words)
}

/// The fields that only some kinds have.
fn kind_fields(
    fields: &mut Fields<'_>,
    kind: Option<Kind>,
    problems: &mut Problems,
) -> Option<ServiceKind> {
    const PRESIDIO: &[Kind] = &[Kind::Presidio];
    const JUDGES: &[Kind] = &[Kind::Moderation, Kind::LlamaGuard];
    let mut of = |name, kinds: &[Kind]| {
        let node = fields.find(name)?;
        let kind = kind?;
        if !kinds.contains(&kind) {
            problems.error(&node.path, "has no meaning with this kind");
            return None;
        }
        Some(node)
    };
    let language = of("language", PRESIDIO);
    let entities = of("entities", PRESIDIO);
    let model = of("model", JUDGES);
    let categories = of("categories", JUDGES);
    let threshold = of("threshold", &[Kind::Presidio, Kind::Moderation]);
    let mut names = |node: Option<Node<'_>>| {
        node.and_then(|node| texts(&node, MOST_NAMES, problems))
            .unwrap_or_default()
    };
    let (entities, categories) = (names(entities), names(categories));
    let mut word = |node: Option<Node<'_>>| node.and_then(|node| text(&node, problems));
    let (language, model) = (word(language), word(model));
    let threshold = threshold.and_then(|node| share(&node, problems));
    let threshold = threshold.and_then(Score::new);
    Some(match kind? {
        Kind::Presidio => ServiceKind::Presidio(Presidio {
            language: language.unwrap_or_else(|| "en".to_owned()),
            entities,
            threshold,
        }),
        Kind::Moderation => ServiceKind::OpenAiModeration(Moderation {
            model,
            categories,
            threshold,
        }),
        Kind::LlamaGuard => ServiceKind::LlamaGuard(LlamaGuard {
            model: model?,
            categories,
        }),
        Kind::Generic => ServiceKind::Generic,
    })
}

/// `failure_mode` stands beside `action`, but only services fail. What only counts refuses
/// nothing.
pub(super) fn with_failure_mode(
    (detect, action): (Option<Detect>, Option<&Action>),
    node: Option<&Node<'_>>,
    problems: &mut Problems,
) -> Option<Detect> {
    let asks = detect
        .as_ref()
        .is_some_and(|detect| detect.service().is_some());
    if asks && action == Some(&Action::Monitor) {
        return counting(detect, node, problems);
    }
    let Some(node) = node else { return detect };
    let mode = failure_mode(node, problems);
    if !asks && detect.is_some() {
        let message = "needs a service or a judge in detect: nothing else can fail";
        problems.error(&node.path, message);
        return detect;
    }
    Some(with_mode(detect?, mode?))
}

fn failure_mode(node: &Node<'_>, problems: &mut Problems) -> Option<FailureMode> {
    let words = [FailureMode::Closed, FailureMode::Open].map(|mode| (mode.name(), mode));
    choice(node, problems, &words)
}

fn with_mode(detect: Detect, failure_mode: FailureMode) -> Detect {
    let with = |service: Rc<Service>| {
        Rc::new(Service {
            failure_mode,
            ..Rc::unwrap_or_clone(service)
        })
    };
    match detect {
        Detect::Service(service) => Detect::Service(with(service)),
        Detect::Scored(mut scoring) => {
            scoring.judge = scoring.judge.map(|judge| {
                let mut judge = Rc::unwrap_or_clone(judge);
                judge.service = with(judge.service);
                Rc::new(judge)
            });
            Detect::Scored(scoring)
        }
        other => other,
    }
}

/// With `monitor` a service that fails is no reason to refuse anything.
fn counting(
    detect: Option<Detect>,
    node: Option<&Node<'_>>,
    problems: &mut Problems,
) -> Option<Detect> {
    if let Some(node) = node
        && failure_mode(node, problems) == Some(FailureMode::Closed)
    {
        problems.error(
            &node.path,
            "must be open with action: monitor, which refuses nothing",
        );
    }
    Some(with_mode(detect?, FailureMode::Open))
}

/// What judges whole texts says nothing of where in them something stands.
pub(super) fn check_action(
    node: &Node<'_>,
    detect: &Detect,
    action: &Action,
    problems: &mut Problems,
) {
    let Detect::Service(service) = detect else {
        return;
    };
    let masks = matches!(action, Action::Mask(_) | Action::Restore(_));
    if masks && !service.kind.finds_values() {
        let message = "must be block or monitor: this service does not say what to mask";
        problems.error(format!("{}.action", node.path), message);
    }
}
