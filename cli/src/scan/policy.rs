/*! The guardrails of a file. */

use super::Scan;
use super::judge::Judge;
use crate::check::{At, PolicyTree, Source, documents, root, sources};
use std::path::Path;
use tollgate::config::{Detect, Guardrail, Tree, guardrails_from_tree};

/// Reads the guardrails that `scan` is about, from a policy, from a file that holds one, or
/// from a document that has nothing but `guardrails`. The second part is what is to be
/// known of them.
///
/// # Errors
/// Every problem, one line each.
pub(super) fn judge(scan: &Scan) -> Result<(Judge, Vec<String>), Vec<String>> {
    let tree = only_policy(&scan.config)?;
    let tenant = scan.tenant.as_deref();
    let (read, _) = guardrails_from_tree(&tree, tenant);
    let (guardrails, guards) =
        read.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    if guardrails.is_empty() {
        return Err(vec!["the policy has no guardrails".to_owned()]);
    }
    let mut guardrails: Vec<(u16, Guardrail)> = (0..).zip(guardrails).collect();
    guardrails.retain(|(_, guardrail)| {
        guardrail.phase.has(scan.phase) && tenant.is_none_or(|name| guardrail.is_for(name))
    });
    let notes = notes(&mut guardrails, scan);
    let judge = Judge::new(scan.phase, guardrails, &guards, scan.stream_chunks);
    Ok((judge, notes))
}

/// Leaves out what can't be tried here, and says so.
fn notes(guardrails: &mut Vec<(u16, Guardrail)>, scan: &Scan) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(tenant) = scan.tenant.as_ref().filter(|_| guardrails.is_empty()) {
        let message = format!("no guardrail looks at texts of tenant {tenant:?} in this phase");
        notes.push(message);
    }
    let asks = |(_, guardrail): &(u16, Guardrail)| matches!(guardrail.detect, Detect::Service(_));
    let unsure = |(_, guardrail): &&(u16, Guardrail)| {
        !matches!(guardrail.detect, Detect::Service(_)) && guardrail.detect.service().is_some()
    };
    let judged: Vec<&str> = guardrails
        .iter()
        .filter(unsure)
        .map(|(_, guardrail)| guardrail.name.as_str())
        .collect();
    if !judged.is_empty() {
        let names = judged.join(", ");
        notes.push(format!("no judge is asked here, by scores alone: {names}"));
    }
    let asking: Vec<&str> = guardrails
        .iter()
        .filter(|one| asks(one))
        .map(|(_, guardrail)| guardrail.name.as_str())
        .collect();
    if !asking.is_empty() {
        let names = asking.join(", ");
        notes.push(format!("left out, since no service is asked here: {names}"));
    }
    guardrails.retain(|one| !asks(one));
    let texts = |(_, guardrail): &(u16, Guardrail)| !matches!(guardrail.detect, Detect::Request(_));
    if !guardrails.iter().all(texts) {
        notes.push("rules on requests are left out: only texts are tried here".to_owned());
    }
    guardrails.retain(texts);
    notes
}

fn only_policy(path: &Path) -> Result<Tree, Vec<String>> {
    let documents = documents(path).map_err(|problem| vec![problem])?;
    let roots: Vec<At<'_>> = documents
        .iter()
        .map(|(index, tree)| root(*index, tree, documents.len() > 1))
        .collect();
    let mut policies = Vec::new();
    for root in &roots {
        if root.tree.get("guardrails").is_some() {
            policies.push(root.tree.clone());
        } else {
            policies.extend(trees(sources(root))?);
        }
    }
    match policies.len() {
        0 | 1 => policies
            .pop()
            .ok_or_else(|| vec!["no policy here".to_owned()]),
        several => Err(vec![format!(
            "{several} policies here: which one is meant?"
        )]),
    }
}

fn trees(sources: Vec<Source<'_>>) -> Result<Vec<Tree>, Vec<String>> {
    let tree = |source: Source<'_>| match source.policy {
        Ok(PolicyTree { tree, .. }) => Ok(tree.into_owned()),
        Err((at, problem)) => Err(vec![format!("{}: {problem}", at.path)]),
    };
    sources.into_iter().map(tree).collect()
}
