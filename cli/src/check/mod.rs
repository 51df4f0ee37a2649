/*! `tollgate check`: every problem of every file, one line each.

A file becomes documents (`read`), a document the policies in it (`sources`), and each of
those findings: its own (`policy`), and those of the Envoy or Istio file around it
(`envoy`, `istio`). */

mod at;
mod duplicates;
mod envoy;
mod findings;
mod istio;
mod keys;
mod paths;
mod policy;
mod read;
mod sources;
mod wasm;

pub(crate) use at::At;
pub(crate) use read::documents;
pub(crate) use sources::{PolicyTree, Source, sources};

use at::Position;
use findings::Findings;
use policy::{Compiled, compile};
use sources::Held;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tollgate::config::Tree;

const NO_POLICY: &str = "no policy here: neither backends, models and tenants at the top, nor a \
    Wasm filter named tollgate or with such a configuration, nor an Istio WasmPlugin or EnvoyFilter \
    that has one";

const GUARDRAILS_ONLY: &str = "no policy here, only guardrails, which are a part of one: put them into a \
    policy, beside backends, models and tenants, or try them by tollgate scan --config FILE";

/// Checks `files` and writes what is wrong with them to `out`; whether all are good.
///
/// # Errors
/// When `out` can't be written.
pub(crate) fn files(files: &[PathBuf], out: &mut impl Write) -> io::Result<bool> {
    let mut all_good = true;
    for path in files {
        all_good &= file(path, out)?;
    }
    Ok(all_good)
}

fn file(path: &Path, out: &mut impl Write) -> io::Result<bool> {
    let name = path.display();
    let mut findings = Findings::default();
    let policies = match read::documents(path) {
        Ok(documents) => check(&documents, &mut findings),
        Err(problem) => {
            findings.error_of_file(problem);
            Vec::new()
        }
    };
    let good = !findings.has_errors();
    for finding in findings.in_order() {
        writeln!(out, "{name}: {finding}")?;
    }
    if good {
        policies
            .iter()
            .try_for_each(|policy| writeln!(out, "{name}: {}", policy.summary()))?;
    }
    Ok(good)
}

/// Checks all documents of a file; hands back the policies that compile.
fn check(documents: &[(usize, Tree)], findings: &mut Findings) -> Vec<Compiled> {
    let several = documents.len() > 1;
    let roots: Vec<At<'_>> = documents
        .iter()
        .map(|(index, tree)| root(*index, tree, several))
        .collect();
    let held: Vec<(&At<'_>, Vec<Source<'_>>)> =
        roots.iter().map(|root| (root, sources(root))).collect();
    let names = sources::scopes(held.iter().flat_map(|(_, sources)| sources));
    if names.is_empty() {
        let parts = roots.iter().any(|root| root.member("guardrails").is_some());
        findings.error_of_file(if parts { GUARDRAILS_ONLY } else { NO_POLICY });
    }
    let mut names = names.into_iter();
    let mut policies = Vec::new();
    for (root, sources) in &held {
        duplicates::report(root, sources, findings);
        let named = sources.iter().zip(names.by_ref());
        let compiled: Vec<Option<Compiled>> = named
            .map(|(source, scope)| check_source(root, source, scope, findings))
            .collect();
        envoy::check_together(root, &groups(sources, &compiled), findings);
        policies.extend(compiled.into_iter().flatten());
    }
    policies
}

/// The Envoy filters of a document, by policy.
fn groups<'s, 't>(
    sources: &'s [Source<'t>],
    compiled: &'s [Option<Compiled>],
) -> Vec<envoy::Group<'s, 't>> {
    let pairs = sources.iter().zip(compiled);
    let group = |(source, compiled): (&'s Source<'t>, &'s Option<Compiled>)| match &source.held {
        Held::Filters(filters) => Some(envoy::Group {
            filters,
            compiled: compiled.as_ref(),
        }),
        Held::Alone | Held::Plugin(_) => None,
    };
    pairs.filter_map(group).collect()
}

/// Where a file has several documents, paths begin with the document's index: `[1].spec`.
pub(crate) fn root(index: usize, tree: &Tree, several: bool) -> At<'_> {
    let path = if several {
        format!("[{index}]")
    } else {
        String::new()
    };
    At::root(path, Position::from([index]), tree)
}

fn check_source(
    root: &At<'_>,
    source: &Source<'_>,
    scope: String,
    findings: &mut Findings,
) -> Option<Compiled> {
    let compiled = match &source.policy {
        Ok(policy) => compile(policy, scope, findings),
        Err((at, problem)) => {
            findings.error(at, problem);
            None
        }
    };
    if let (Some(compiled), Ok(policy)) = (&compiled, &source.policy) {
        keys::warn_of_ends(compiled, unix_now(), findings);
        paths::warn(policy, compiled, findings);
    }
    match &source.held {
        Held::Alone => {}
        Held::Filters(filters) => envoy::check(root, filters, compiled.as_ref(), findings),
        Held::Plugin(spec) => istio::check_plugin(spec, findings),
    }
    compiled
}

/// A clock before 1970 finds no key expired: a warning less, not a wrong one.
fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
