/*! The guardrails of a file. */

use crate::check::{At, PolicyTree, Source, documents, root, sources};
use std::path::Path;
use tollgate::config::{Guardrail, Tree, guardrails_from_tree};

/// Reads them from a policy, from a file that holds one, or from a document that has
/// nothing but `guardrails`.
///
/// # Errors
/// Every problem, one line each.
pub(super) fn guardrails(path: &Path) -> Result<Vec<Guardrail>, Vec<String>> {
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
    match policies.as_slice() {
        [policy] => compiled(policy),
        [] => Err(vec!["no policy here".to_owned()]),
        several => {
            let message = format!("{} policies here: which one is meant?", several.len());
            Err(vec![message])
        }
    }
}

fn trees(sources: Vec<Source<'_>>) -> Result<Vec<Tree>, Vec<String>> {
    let tree = |source: Source<'_>| match source.policy {
        Ok(PolicyTree { tree, .. }) => Ok(tree.into_owned()),
        Err((at, problem)) => Err(vec![format!("{}: {problem}", at.path)]),
    };
    sources.into_iter().map(tree).collect()
}

fn compiled(tree: &Tree) -> Result<Vec<Guardrail>, Vec<String>> {
    let (guardrails, _) = guardrails_from_tree(tree);
    let guardrails =
        guardrails.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    if guardrails.is_empty() {
        return Err(vec!["the policy has no guardrails".to_owned()]);
    }
    Ok(guardrails)
}
