/*! `stored`. */

use super::super::fields::Node;
use super::super::problem::Problems;
use super::super::scalars::{share, small_count, tokens};
use super::super::stored::{Batches, Conversations};
use super::super::values::reference;
use super::Located;
use super::guardrail::key;
use crate::wrapped::Secrets;

/// Most secrets at once: each more is another hash for each id that comes.
const MOST_SECRETS: usize = 4;

/// More lines fit into no body.
const MOST_LINES: u32 = 1_000_000;

/// What providers may keep.
pub(in super::super) struct StoredEntry {
    pub(in super::super) secrets: Secrets,
    pub(in super::super) conversations: Option<Conversations>,
    pub(in super::super) files: Option<Located<String>>,
    pub(in super::super) batches: Option<Located<Batches>>,
}

pub(super) fn stored(node: &Node<'_>, problems: &mut Problems) -> Option<Located<StoredEntry>> {
    let mut fields = node.fields(problems)?;
    let secrets = fields.required("secrets", secrets, problems);
    let conversations = fields.optional("conversations", conversations, problems);
    let files = fields.optional("files", reference, problems);
    let batches = fields.optional("batches", batches, problems);
    fields.finish(problems);
    Some(node.located(StoredEntry {
        secrets: secrets?,
        conversations,
        files,
        batches,
    }))
}

fn batches(node: &Node<'_>, problems: &mut Problems) -> Option<Located<Batches>> {
    let mut fields = node.fields(problems)?;
    let usual = Batches::default();
    let lines =
        |node: &Node<'_>, problems: &mut Problems| small_count(node, problems, 1..=MOST_LINES);
    let batches = Batches {
        lines: fields
            .optional("lines", lines, problems)
            .unwrap_or(usual.lines),
        price: fields
            .optional("price", share, problems)
            .unwrap_or(usual.price),
    };
    fields.finish(problems);
    Some(node.located(batches))
}

fn conversations(node: &Node<'_>, problems: &mut Problems) -> Option<Conversations> {
    let mut fields = node.fields(problems)?;
    let backend = fields.required("backend", reference, problems);
    let tokens = fields.optional("tokens", tokens, problems);
    fields.finish(problems);
    Some(Conversations {
        backend: backend?.value,
        tokens: tokens.map(|tokens| tokens.value),
    })
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
