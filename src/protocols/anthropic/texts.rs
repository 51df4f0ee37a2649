/*! Where text stands in messages. */

mod request;
mod rest;
mod said;

pub(in crate::protocols) use request::request;
pub(in crate::protocols) use rest::{blocked, rest};
pub(in crate::protocols) use said::{answer, event};

use crate::json::Kind;
use crate::protocols::texts::Member;

/// Members of blocks, and of what stands in blocks, that are part of the structure.
fn known(key: &str, kind: Kind) -> Member {
    match (key, kind) {
        (
            "type" | "name" | "tool_name" | "server_name" | "cache_control" | "error_code"
            | "is_error" | "media_type",
            _,
        ) => Member::Name,
        ("id" | "tool_use_id" | "file_id" | "caller" | "retrieved_at", _) => Member::Id,
        ("data" | "signature", Kind::String) => Member::Encoded,
        _ if key.starts_with("encrypted_") => Member::Encoded,
        _ => Member::Text,
    }
}
