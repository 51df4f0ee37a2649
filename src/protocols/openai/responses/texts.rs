/*! Where text stands in responses: requests, whole answers, events. */

mod blocked;
mod item;
mod request;
mod said;

pub(in crate::protocols) use blocked::blocked;
pub(in crate::protocols) use request::request;
pub(in crate::protocols) use said::{answer, event};

use crate::json::Kind;
use crate::protocols::texts::Member;

/// Members of items, and of what stands in them, that are part of the structure.
fn known(key: &str, kind: Kind) -> Member {
    match (key, kind) {
        (
            "id"
            | "item_id"
            | "call_id"
            | "caller_id"
            | "file_id"
            | "container_id"
            | "response_id"
            | "approval_request_id"
            | "fingerprint",
            _,
        ) => Member::Id,
        (
            "type" | "status" | "role" | "phase" | "name" | "namespace" | "server_label"
            | "execution" | "detail" | "format" | "output_format" | "background" | "quality"
            | "size" | "usage" | "svg_usage" | "outcome",
            _,
        ) => Member::Name,
        (
            "index" | "start_index" | "end_index" | "timeout_ms" | "max_output_length" | "x" | "y"
            | "scroll_x" | "scroll_y" | "score",
            Kind::Number,
        ) => Member::Name,
        ("encrypted_content" | "b64_json", _) => Member::Encoded,
        // A URL that is no data URL is a text.
        ("url" | "image_url" | "file_url" | "file_data", _) => Member::Url,
        _ => Member::Text,
    }
}
