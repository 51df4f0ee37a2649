/*! Requests that Tollgate makes by itself, through Envoy's clusters.

Envoy makes them for the root context, whoever asks (1.40): one whose call has ended meanwhile
is not cancelled, and its answer goes nowhere. */

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};
use std::time::Duration;
use tollgate::http::{Answer, Callout};

/// Makes a request; gives Envoy's number of it, or `None` if Envoy does not take it.
pub(crate) fn dispatch(callout: &Callout) -> Option<u32> {
    let mut headers = vec![
        (":method", callout.method),
        (":path", callout.path.as_str()),
        (":authority", callout.authority.as_str()),
    ];
    headers.extend(callout.headers.iter().copied());
    let body = (!callout.body.is_empty()).then_some(callout.body.as_slice());
    let timeout = Duration::from_millis(callout.timeout_ms);
    hostcalls::dispatch_http_call(&callout.cluster, headers, body, Vec::new(), timeout).ok()
}

/// The answer that is there, with `size` bytes of body, of which `most` are wanted.
pub(crate) fn answer(size: usize, most: usize) -> Answer {
    let status = hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status");
    let status = status.ok().flatten();
    let status = status.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok());
    // One byte too many tells that there are too many.
    let size = size.min(most.saturating_add(1));
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size);
    Answer {
        status: status.unwrap_or(0),
        body: body.ok().flatten().unwrap_or_default(),
    }
}
