/*! Keys that have ended, or soon will: the calls that use them get 401. */

use super::findings::Findings;
use super::policy::{Compiled, WrittenKey};
use std::fmt::Write;
use tollgate::config::{Key, Severity};

const DAY: u64 = 86_400;

/// How early a key's end is told.
const NOTICE: u64 = 14 * DAY;

/// Warns of keys that end before `now` (seconds since 1970) and some days.
pub(super) fn warn_of_ends(compiled: &Compiled, now: u64, findings: &mut Findings) {
    for key in compiled.policy.identity.keys.iter() {
        let Some(message) = message(key, now) else {
            continue;
        };
        let written = written(key, &compiled.places.ends);
        let (path, date) = written.map_or(("tenants", ""), |it| (&it.path, &it.expires));
        let message = format!("{message} ({date})");
        findings.add(compiled.places.finding(path, message, Severity::Warning));
    }
}

/// Says whose key it is, never its digest.
fn message(key: &Key, now: u64) -> Option<String> {
    let left = key.expires?.unix_seconds.saturating_sub(now);
    let state = match left {
        0 => "has expired",
        soon if soon <= NOTICE => "expires within 14 days",
        _ => return None,
    };
    let label = match &key.label {
        Some(label) => format!("key {label:?}"),
        None => "a key without label".to_owned(),
    };
    let tenant = &key.tenant.name;
    Some(format!("{label} of tenant {tenant:?} {state}"))
}

/// The key as it stands in the document.
fn written<'w>(key: &Key, written: &'w [WrittenKey]) -> Option<&'w WrittenKey> {
    let digest = key.digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    written.iter().find(|key| key.sha256 == digest)
}
