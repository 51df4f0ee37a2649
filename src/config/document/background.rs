/*! `ledger.store` and `alerts`. Both are complete in themselves: nothing in them names
another part of the document. */

use super::super::background::{AlertHook, Store, UntilLoaded};
use super::super::fields::{Fields, Node};
use super::super::problem::Problems;
use super::super::scalars::duration;
use super::super::values::text;
use super::{Located, choice};
use std::ops::RangeInclusive;

const STORE_PATH: &str = "/tollgate";
const EVERY_MS: u64 = 5_000;
/// A round reads one object and writes those that changed: more often than each second, a
/// store would do little else.
const EVERY_BOUNDS: RangeInclusive<u64> = 1_000..=600_000;
const STORE_TIMEOUT_MS: u64 = 2_000;
const ALERT_TIMEOUT_MS: u64 = 5_000;
const TIMEOUT_BOUNDS: RangeInclusive<u64> = 50..=60_000;

pub(super) fn store(node: &Node<'_>, problems: &mut Problems) -> Option<Store> {
    let mut fields = node.fields(problems)?;
    let cluster = fields.required("cluster", text, problems);
    let authority = fields.optional("authority", authority, problems);
    let path = fields.optional("path", store_path, problems);
    let every = fields.optional("every", duration, problems);
    let every = bounded(every, &EVERY_BOUNDS, "must be between 1s and 10m", problems);
    let timeout = timeout(&mut fields, problems);
    let until_loaded = fields.optional("until_loaded", until_loaded, problems);
    fields.finish(problems);
    let cluster = cluster?;
    Some(Store {
        authority: authority.unwrap_or_else(|| cluster.clone()),
        cluster,
        path: path.unwrap_or_else(|| STORE_PATH.to_owned()),
        every_ms: every.unwrap_or(EVERY_MS),
        timeout_ms: timeout.unwrap_or(STORE_TIMEOUT_MS),
        until_loaded: until_loaded.unwrap_or_default(),
    })
}

pub(super) fn alerts(node: &Node<'_>, problems: &mut Problems) -> Option<AlertHook> {
    let mut fields = node.fields(problems)?;
    let cluster = fields.required("cluster", text, problems);
    let authority = fields.optional("authority", authority, problems);
    let path = fields.required("path", path, problems);
    let timeout = timeout(&mut fields, problems);
    fields.finish(problems);
    let cluster = cluster?;
    Some(AlertHook {
        authority: authority.unwrap_or_else(|| cluster.clone()),
        cluster,
        path: path?,
        timeout_ms: timeout.unwrap_or(ALERT_TIMEOUT_MS),
    })
}

pub(super) fn timeout(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u64> {
    let timeout = fields.optional("timeout", duration, problems);
    let wanted = "must be between 50ms and 1m";
    bounded(timeout, &TIMEOUT_BOUNDS, wanted, problems)
}

fn bounded(
    written: Option<Located<u64>>,
    bounds: &RangeInclusive<u64>,
    wanted: &str,
    problems: &mut Problems,
) -> Option<u64> {
    let written = written?;
    if !bounds.contains(&written.value) {
        problems.error(&written.path, wanted);
    }
    Some(written.value)
}

fn until_loaded(node: &Node<'_>, problems: &mut Problems) -> Option<UntilLoaded> {
    let words = [
        ("refuse", UntilLoaded::Refuse),
        ("admit", UntilLoaded::Admit),
    ];
    choice(node, problems, &words)
}

/// A host, perhaps with a port.
pub(super) fn authority(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let authority = text(node, problems)?;
    if authority.chars().all(|c| c.is_ascii_graphic() && c != '/') {
        return Some(authority);
    }
    problems.error(&node.path, "must be a host such as store.internal:8080");
    None
}

/// A path, perhaps with a query. It may hold a secret, so it is not told.
pub(super) fn path(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let path = text(node, problems)?;
    let plain = |c: char| c.is_ascii_graphic() && c != '#';
    if path.starts_with('/') && path.chars().all(plain) {
        return Some(path);
    }
    problems.error(&node.path, "must be a path such as /hooks/budget");
    None
}

/// A path to which more is added; a final slash is dropped.
fn store_path(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let path = path(node, problems)?;
    if path.contains('?') {
        problems.error(&node.path, "must have no query: names are added to it");
        return None;
    }
    Some(path.trim_end_matches('/').to_owned())
}
