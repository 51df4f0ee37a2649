/*! Where text stands in chat completions. */

mod head;
mod request;
mod rest;
mod said;

pub(in crate::protocols) use request::request;
pub(in crate::protocols) use rest::{blocked, rest};
pub(in crate::protocols) use said::{answer, event};

use crate::json::Kind;
use crate::protocols::texts::Member;

/// Members of what a model has said, in requests and in answers.
fn known(key: &str, _: Kind) -> Member {
    match key {
        "id" | "file_id" => Member::Id,
        "type" | "index" | "format" | "cache_control" => Member::Name,
        "data" | "signature" | "thought_signature" | "encrypted_content" => Member::Encoded,
        // A URL that is no data URL is a text.
        "url" | "image_url" => Member::Url,
        _ => Member::Text,
    }
}
