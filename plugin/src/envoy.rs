/*! Envoy as the core's host. Every host call that the SDK would answer with a panic is
wrapped here once. */

use crate::backend::TRIES;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::HttpContext;
use proxy_wasm::types::MetricType;
use std::time::UNIX_EPOCH;
use tollgate::call::Passage;
use tollgate::host::{Conflict, Expect, Host, Instant, MetricId, MetricKind};
use tollgate::http::HeaderEdits;
use tollgate::identity::{Claim, Peer};

/// A compare-and-swap value that no record has: with it, a write succeeds only if the
/// key is new (0 would write unconditionally).
const CAS_ABSENT: u32 = u32::MAX;

/// The Envoy that runs this module.
pub(crate) struct Envoy;

impl Host for Envoy {
    fn now(&self) -> Instant {
        let nanos = hostcalls::get_current_time()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .and_then(|since| u64::try_from(since.as_nanos()).ok());
        Instant(nanos.unwrap_or(0))
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let (value, cas) = hostcalls::get_shared_data(key).ok()?;
        Some((value.unwrap_or_default(), cas?))
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        let cas = match expect {
            Expect::Absent => CAS_ABSENT,
            Expect::Version(version) => version,
        };
        hostcalls::set_shared_data(key, Some(value), Some(cas)).map_err(|_| Conflict)
    }

    fn metric(&self, kind: MetricKind, name: &str) -> MetricId {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Histogram => MetricType::Histogram,
        };
        MetricId(hostcalls::define_metric(kind, name).unwrap_or(u32::MAX))
    }

    fn record(&self, metric: MetricId, value: u64) {
        // Envoy keeps the kind in the two lowest bits of an id: 0 is a counter.
        const KIND: u32 = 3;
        let result = if metric.0 & KIND == 0 {
            hostcalls::increment_metric(metric.0, i64::try_from(value).unwrap_or(i64::MAX))
        } else {
            hostcalls::record_metric(metric.0, value)
        };
        if result.is_err() {
            log::error!("metric {} was not recorded", metric.0);
        }
    }
}

impl Passage for Envoy {
    fn details(&self) -> String {
        text(&["response", "code_details"]).unwrap_or_default()
    }

    fn tries(&self) -> Vec<u8> {
        property(&[TRIES]).unwrap_or_default()
    }
}

impl Peer for Envoy {
    fn spiffe_id(&self) -> Option<String> {
        text(&["connection", "uri_san_peer_certificate"])
    }

    fn filter_chain(&self) -> Option<String> {
        text(&["xds", "filter_chain_name"])
    }

    fn has_jwt(&self, payload: &str) -> bool {
        // A map with maps in it cannot be handed over, but it is there.
        !matches!(hostcalls::get_property(jwt_path(payload, &[])), Ok(None))
    }

    /// Envoy hands over strings as they are; numbers as 8 bytes, booleans as one, lists and
    /// maps with their lengths in front: nearly always bytes that no text has.
    fn jwt_claim(&self, payload: &str, path: &[String]) -> Claim {
        let bytes = match hostcalls::get_property(jwt_path(payload, path)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Claim::Absent,
            Err(_) => return Claim::Unfit,
        };
        match String::from_utf8(bytes) {
            Ok(text) if !text.is_empty() && !text.contains(char::is_control) => Claim::Text(text),
            _ => Claim::Unfit,
        }
    }
}

fn jwt_path<'p>(payload: &'p str, claim: &'p [String]) -> Vec<&'p str> {
    let base = [
        "metadata",
        "filter_metadata",
        "envoy.filters.http.jwt_authn",
        payload,
    ];
    base.into_iter()
        .chain(claim.iter().map(String::as_str))
        .collect()
}

/// A property; `None` if there is none.
pub(crate) fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok()?
}

/// A property as text; `None` if there is none or it is empty.
pub(crate) fn text(path: &[&str]) -> Option<String> {
    String::from_utf8(property(path)?)
        .ok()
        .filter(|text| !text.is_empty())
}

/// A whole-number property, 0 if there is none.
pub(crate) fn number(path: &[&str]) -> i64 {
    let raw = property(path).and_then(|bytes| bytes.first_chunk::<8>().copied());
    raw.map_or(0, i64::from_le_bytes)
}

/// Edits the head of a request; removals first.
pub(crate) fn edit_request(call: &dyn HttpContext, edits: &HeaderEdits) {
    for name in &edits.remove {
        call.remove_http_request_header(name);
    }
    for (name, value) in &edits.set {
        call.set_http_request_header(name, Some(value));
    }
}

/// Edits the head of an answer; removals first.
pub(crate) fn edit_answer(call: &dyn HttpContext, edits: &HeaderEdits) {
    for name in &edits.remove {
        call.remove_http_response_header(name);
    }
    for (name, value) in &edits.set {
        call.set_http_response_header(name, Some(value));
    }
}
