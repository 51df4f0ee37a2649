/*! Responses that are kept: they can be gone on from, read, removed. */

use crate::conversations::{Conversations, named};
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
    conversations: Conversations,
}

#[derive(Debug)]
struct Entry {
    response: Value,
    input: Value,
    /// The events of its stream.
    events: Vec<Vec<u8>>,
    /// How often it is still told to be under way.
    waits: u32,
}

/// A response in the state `status`, with nothing to tell yet.
fn under_way(response: &Value, status: &str) -> Value {
    let mut response = response.clone();
    response["status"] = json!(status);
    response["output"] = json!([]);
    response["usage"] = Value::Null;
    response
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

    /// Keeps the response to a request; what is told at once of one in the background.
    pub(crate) fn keep(
        &self,
        mut response: Value,
        events: Vec<Vec<u8>>,
        request: &Value,
    ) -> Option<Value> {
        let background = request["background"] == json!(true);
        response["background"] = json!(background);
        let told = (background && request["stream"] != json!(true))
            .then(|| under_way(&response, "queued"));
        let id = response["id"].as_str().unwrap_or_default().to_owned();
        let input = match &request["input"] {
            Value::String(text) => json!([{"id": "msg_input", "type": "message", "role": "user",
                "status": "completed", "content": [{"type": "input_text", "text": text}]}]),
            items => items.clone(),
        };
        if let Some(id) = named(request) {
            let said = [&input, &response["output"]];
            let said = said.into_iter().filter_map(Value::as_array).flatten();
            let said: Vec<Value> = said.cloned().collect();
            self.all().conversations.add(id, &said);
        }
        let entry = Entry {
            response,
            input,
            events,
            waits: u32::from(background),
        };
        self.all().responses.insert(id, entry);
        told
    }

    /// The events of a response that is read as a stream; `None`: it is no such request.
    pub(crate) fn events(&self, line: &str) -> Option<Vec<u8>> {
        let path = line.strip_prefix("GET ")?;
        let (path, query) = path.split_once('?')?;
        let (_, id) = path.split_once("/responses/")?;
        let query: Vec<&str> = query.split([' ', '&']).collect();
        if !query.contains(&"stream=true") {
            return None;
        }
        let after = query
            .iter()
            .find_map(|member| member.strip_prefix("starting_after=")?.parse().ok());
        let first = after.map_or(0, |number: usize| number + 1);
        let mut all = self.all();
        let entry = all.responses.get_mut(id)?;
        entry.waits = 0;
        Some(entry.events.get(first..)?.concat())
    }

    /// Why a request can't go on from where it wants to.
    pub(crate) fn refusal(&self, body: &Value) -> Option<(u16, Value)> {
        let refused = self.all().conversations.refusal(body);
        if refused.is_some() {
            return refused;
        }
        let id = body["previous_response_id"].as_str()?;
        let known = self.all().responses.contains_key(id);
        (!known).then(|| {
            let message = format!("Previous response with id '{id}' not found.");
            (400, error(&message, "previous_response_not_found"))
        })
    }

    /// The answer to a request about one that is kept; `None`: it is no such request.
    pub(crate) fn about(&self, line: &str, body: &Value) -> Option<(u16, Value)> {
        if let Some(answer) = self.all().conversations.about(line, body) {
            return Some(answer);
        }
        let (method, path) = line.split_once(' ')?;
        let path = path.split('?').next()?;
        let (_, rest) = path.split_once("/responses/")?;
        let (id, below) = rest.split_once('/').unwrap_or((rest, ""));
        let mut all = self.all();
        let Some(entry) = all.responses.get_mut(id) else {
            let message = format!("Response with id '{id}' not found.");
            return Some((404, error(&message, "")));
        };
        Some(match (method, below) {
            ("GET", "") if entry.waits > 0 => {
                entry.waits -= 1;
                (200, under_way(&entry.response, "in_progress"))
            }
            ("GET", "") => (200, entry.response.clone()),
            ("POST", "cancel") if entry.response["background"] == json!(true) => {
                entry.waits = 0;
                entry.response = under_way(&entry.response, "cancelled");
                (200, entry.response.clone())
            }
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

pub(crate) fn error(message: &str, code: &str) -> Value {
    let code = Some(code).filter(|code| !code.is_empty());
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null,
        "code": code}})
}
