/*! Responses that are kept: they can be gone on from, read, removed. */

use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// What a mock keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    made: u64,
    responses: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    response: Value,
    input: Value,
}

/// The id of what is not kept.
pub(crate) const NOT_KEPT: &str = "resp_mock";

impl Kept {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// The id of the response to a request with this `body`.
    pub(crate) fn id(&self, body: &Value) -> String {
        if body["store"] == json!(false) {
            return NOT_KEPT.to_owned();
        }
        let mut all = self.all();
        all.made += 1;
        // As long as OpenAI's.
        format!("resp_{:050x}", all.made)
    }

    /// Keeps the response to a request.
    pub(crate) fn keep(&self, response: Value, request: &Value) {
        let id = response["id"].as_str().unwrap_or_default().to_owned();
        let input = match &request["input"] {
            Value::String(text) => json!([{"id": "msg_input", "type": "message", "role": "user",
                "status": "completed", "content": [{"type": "input_text", "text": text}]}]),
            items => items.clone(),
        };
        self.all().responses.insert(id, Entry { response, input });
    }

    /// Why a request can't go on from where it wants to.
    pub(crate) fn refusal(&self, body: &Value) -> Option<(u16, Value)> {
        let id = body["previous_response_id"].as_str()?;
        let known = self.all().responses.contains_key(id);
        (!known).then(|| {
            let message = format!("Previous response with id '{id}' not found.");
            (400, error(&message, "previous_response_not_found"))
        })
    }

    /// The answer to a request about one that is kept; `None`: it is no such request.
    pub(crate) fn about(&self, line: &str) -> Option<(u16, Value)> {
        let (method, path) = line.split_once(' ')?;
        let path = path.split('?').next()?;
        let (_, rest) = path.split_once("/responses/")?;
        let (id, below) = rest.split_once('/').unwrap_or((rest, ""));
        let mut all = self.all();
        let Some(entry) = all.responses.get(id) else {
            let message = format!("Response with id '{id}' not found.");
            return Some((404, error(&message, "")));
        };
        Some(match (method, below) {
            ("GET", "") => (200, entry.response.clone()),
            ("GET", "input_items") => {
                let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
                let items = entry.input.as_array();
                let ends = items.map(|items| (id(items.first()), id(items.last())));
                let (first, last) = ends.unwrap_or_default();
                let list = json!({"object": "list", "data": entry.input, "has_more": false,
                    "first_id": first, "last_id": last});
                (200, list)
            }
            ("POST", "cancel") => (400, error("Cannot cancel a synchronous response.", "")),
            ("DELETE", "") => {
                all.responses.remove(id);
                (
                    200,
                    json!({"id": id, "object": "response", "deleted": true}),
                )
            }
            _ => (405, error("Method not allowed.", "")),
        })
    }
}

fn error(message: &str, code: &str) -> Value {
    let code = Some(code).filter(|code| !code.is_empty());
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null,
        "code": code}})
}
