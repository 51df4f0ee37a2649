/*! `models`. */

use super::super::fields::{Fields, Node};
use super::super::model::{AnswerModel, StickyBy, Strategy};
use super::super::problem::Problems;
use super::super::rule::Modality;
use super::super::scalars::{duration, flag, one_or_more, small_count, tokens};
use super::super::tree::Tree;
use super::super::values::{check_model_name, header_name, reference, text};
use super::super::workflow::Step;
use super::cache::model_cache;
use super::price::price;
use super::rule::modality;
use super::workflow::workflow;
use super::{LimitEntry, Located, ModelCacheEntry, Named, OutputEntry, choice, limit, named};
use crate::ledger::Price;

pub(in super::super) enum ModelEntry {
    Rules,
    Targets(Box<TargetsEntry>),
}

pub(in super::super) struct TargetsEntry {
    pub(in super::super) targets: Vec<TargetEntry>,
    pub(in super::super) strategy: Strategy,
    pub(in super::super) timeouts: TimeoutsEntry,
    pub(in super::super) attempts: Option<u32>,
    pub(in super::super) answer_model: Option<AnswerModel>,
    pub(in super::super) limits: Vec<LimitEntry>,
    pub(in super::super) default_output: Option<OutputEntry>,
    pub(in super::super) cache: Option<ModelCacheEntry>,
    pub(in super::super) workflow: Option<Located<Vec<Step>>>,
}

pub(in super::super) struct TargetEntry {
    pub(in super::super) path: String,
    pub(in super::super) backend: Located<String>,
    pub(in super::super) model: Located<String>,
    pub(in super::super) context: Option<u64>,
    pub(in super::super) max_output: Option<Located<u64>>,
    pub(in super::super) accepts: Option<Vec<Modality>>,
    pub(in super::super) gives: Option<Vec<Modality>>,
    pub(in super::super) weight: Option<Located<u32>>,
    pub(in super::super) price: Option<Price>,
    pub(in super::super) shadow: bool,
}

/// In milliseconds.
#[derive(Default)]
pub(in super::super) struct TimeoutsEntry {
    pub(in super::super) first_token: Option<Located<u64>>,
    pub(in super::super) whole: Option<Located<u64>>,
    pub(in super::super) total: Option<Located<u64>>,
}

pub(super) fn models(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Named<ModelEntry>>> {
    named(node, problems, check_model_name, model)
}

fn model(node: &Node<'_>, problems: &mut Problems) -> Option<ModelEntry> {
    let mut fields = node.fields(problems)?;
    let entry = match fields.optional("rules", flag, problems) {
        Some(true) => {
            refuse_targets(&mut fields, problems);
            Some(ModelEntry::Rules)
        }
        _ => with_targets(&mut fields, problems)
            .map(Box::new)
            .map(ModelEntry::Targets),
    };
    fields.finish(problems);
    entry
}

/// What a model of rules has belongs to the models that they choose.
fn refuse_targets(fields: &mut Fields<'_>, problems: &mut Problems) {
    for name in [
        "targets",
        "strategy",
        "timeouts",
        "attempts",
        "answer_model",
        "limits",
        "default_output",
        "cache",
        "workflow",
    ] {
        if let Some(node) = fields.find(name) {
            problems.error(&node.path, "has no meaning with rules: true");
        }
    }
}

fn with_targets(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<TargetsEntry> {
    let targets = fields.required("targets", targets, problems);
    let strategy = fields.optional("strategy", strategy, problems);
    let timeouts = fields.optional("timeouts", timeouts, problems);
    let attempts = fields.optional("attempts", attempts, problems);
    let answer_model = fields.optional("answer_model", answer_model, problems);
    let limits = fields.optional("limits", limit::limits, problems);
    let default_output = fields.optional("default_output", limit::output, problems);
    let cache = fields.optional("cache", model_cache, problems);
    let workflow = fields.optional("workflow", workflow, problems);
    Some(TargetsEntry {
        targets: targets?,
        strategy: strategy.unwrap_or_default(),
        timeouts: timeouts.unwrap_or_default(),
        attempts,
        answer_model,
        limits: limits.unwrap_or_default(),
        default_output,
        cache,
        workflow,
    })
}

/// How many targets a call may try: Envoy's plan of a call has to fit into a header.
pub(super) fn attempts(node: &Node<'_>, problems: &mut Problems) -> Option<u32> {
    small_count(node, problems, 1..=10)
}

fn answer_model(node: &Node<'_>, problems: &mut Problems) -> Option<AnswerModel> {
    let words = [
        ("provider", AnswerModel::Provider),
        ("virtual", AnswerModel::Virtual),
    ];
    choice(node, problems, &words)
}

fn strategy(node: &Node<'_>, problems: &mut Problems) -> Option<Strategy> {
    if let Tree::Map(_) = node.tree {
        let mut fields = node.fields(problems)?;
        let sticky = fields.required("sticky", sticky, problems);
        fields.finish(problems);
        return sticky.map(Strategy::Sticky);
    }
    let Tree::String(word) = node.tree else {
        return node.wanted("a strategy", problems);
    };
    if word == "sticky" {
        problems.error(&node.path, "needs a key: write { sticky: { by: user } }");
        return None;
    }
    let words = [
        ("priority", Strategy::Priority),
        ("weighted", Strategy::Weighted),
        ("cheapest", Strategy::Cheapest),
        ("fastest", Strategy::Fastest),
    ];
    choice(node, problems, &words)
}

fn sticky(node: &Node<'_>, problems: &mut Problems) -> Option<StickyBy> {
    let mut fields = node.fields(problems)?;
    let by = fields.required("by", sticky_by, problems);
    fields.finish(problems);
    by
}

fn sticky_by(node: &Node<'_>, problems: &mut Problems) -> Option<StickyBy> {
    match node.tree {
        Tree::Map(_) => {
            let mut fields = node.fields(problems)?;
            let header = fields.required("header", header_name, problems);
            fields.finish(problems);
            header.map(StickyBy::Header)
        }
        Tree::String(word) if word == "user" => Some(StickyBy::User),
        Tree::String(word) if word == "tenant" => Some(StickyBy::Tenant),
        _ => {
            problems.error(&node.path, "must be user, tenant, or { header: NAME }");
            None
        }
    }
}

fn timeouts(node: &Node<'_>, problems: &mut Problems) -> Option<TimeoutsEntry> {
    let mut fields = node.fields(problems)?;
    let entry = TimeoutsEntry {
        first_token: fields.optional("first_token", duration, problems),
        whole: fields.optional("whole", duration, problems),
        total: fields.optional("total", duration, problems),
    };
    fields.finish(problems);
    Some(entry)
}

fn targets(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<TargetEntry>> {
    let elements = node.elements(problems)?;
    if elements.len() > 64 {
        problems.error(&node.path, "must not have more than 64 targets");
    }
    let read = |element: &Node<'_>| target(element, problems);
    Some(elements.iter().filter_map(read).collect())
}

fn target(node: &Node<'_>, problems: &mut Problems) -> Option<TargetEntry> {
    let mut fields = node.fields(problems)?;
    let backend = fields.required("backend", reference, problems);
    let model = fields.required("model", located_text, problems);
    let context = fields.optional("context", tokens, problems);
    let max_output = fields.optional("max_output", tokens, problems);
    let accepts = fields.optional("accepts", accepts, problems);
    let gives = fields.optional("gives", gives, problems);
    let weight = fields.optional("weight", weight, problems);
    let price = fields.optional("price", price, problems);
    let shadow = fields.optional("shadow", flag, problems);
    fields.finish(problems);
    Some(TargetEntry {
        path: node.path.clone(),
        backend: backend?,
        model: model?,
        context: context.map(|context| context.value),
        max_output,
        accepts,
        gives,
        weight,
        price,
        shadow: shadow.unwrap_or(false),
    })
}

fn accepts(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Modality>> {
    one_or_more(node, problems, modality)
}

fn gives(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Modality>> {
    one_or_more(node, problems, given)
}

fn given(node: &Node<'_>, problems: &mut Problems) -> Option<Modality> {
    let words = [
        ("text", Modality::Text),
        ("audio", Modality::Audio),
        ("image", Modality::Image),
    ];
    choice(node, problems, &words)
}

fn located_text(node: &Node<'_>, problems: &mut Problems) -> Option<Located<String>> {
    text(node, problems).map(|text| node.located(text))
}

fn weight(node: &Node<'_>, problems: &mut Problems) -> Option<Located<u32>> {
    let weight = small_count(node, problems, 1..=1000)?;
    Some(node.located(weight))
}
