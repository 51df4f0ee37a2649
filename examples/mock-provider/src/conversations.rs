/*! Conversations that are kept: made, read, written into, removed. */

use crate::kept::error;
use serde_json::{Value, json};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(crate) struct Conversations {
    made: u64,
    all: HashMap<String, Conversation>,
}

#[derive(Debug, Default)]
struct Conversation {
    metadata: Value,
    items: Vec<Value>,
}

/// The id of the conversation in a request for a response.
pub(crate) fn named(request: &Value) -> Option<&str> {
    let conversation = &request["conversation"];
    conversation
        .as_str()
        .or_else(|| conversation["id"].as_str())
}

impl Conversations {
    /// Why a response can't be part of the conversation that its request names.
    pub(crate) fn refusal(&self, request: &Value) -> Option<(u16, Value)> {
        let id = named(request)?;
        (!self.all.contains_key(id)).then(|| not_found(id))
    }

    /// Adds items to a conversation; gives them as they are kept.
    pub(crate) fn add(&mut self, id: &str, items: &[Value]) -> Vec<Value> {
        let kept: Vec<Value> = items.iter().map(|item| self.item(item)).collect();
        if let Some(conversation) = self.all.get_mut(id) {
            conversation.items.extend(kept.clone());
        }
        kept
    }

    fn item(&mut self, item: &Value) -> Value {
        self.made += 1;
        let mut item = item.clone();
        item["id"] = json!(format!("msg_{:050x}", self.made));
        item["status"] = json!("completed");
        if item["type"].is_null() {
            item["type"] = json!("message");
        }
        if let Some(text) = item["content"].as_str() {
            item["content"] = json!([{"type": "input_text", "text": text}]);
        }
        item
    }

    /// The answer to a request about conversations; `None`: it is no such request.
    pub(crate) fn about(&mut self, line: &str, body: &Value) -> Option<(u16, Value)> {
        let (method, path) = line.split_once(' ')?;
        let path = path.split(['?', ' ']).next()?;
        let (_, rest) = path.split_once("/conversations")?;
        let segments: Vec<&str> = rest.split('/').skip(1).collect();
        let items = body["items"].as_array().cloned().unwrap_or_default();
        Some(match (method, segments.as_slice()) {
            ("POST", []) => {
                self.made += 1;
                // As long as OpenAI's.
                let id = format!("conv_{:050x}", self.made);
                let conversation = Conversation {
                    metadata: body["metadata"].clone(),
                    items: Vec::new(),
                };
                self.all.insert(id.clone(), conversation);
                self.add(&id, &items);
                (200, self.told(&id))
            }
            (_, [id, ..]) if !self.all.contains_key(*id) => not_found(id),
            ("GET", [id]) => (200, self.told(id)),
            ("POST", [id]) => {
                if let Some(conversation) = self.all.get_mut(*id) {
                    conversation.metadata = body["metadata"].clone();
                }
                (200, self.told(id))
            }
            ("DELETE", [id]) => {
                self.all.remove(*id);
                let gone = json!({"id": id, "object": "conversation.deleted", "deleted": true});
                (200, gone)
            }
            ("POST", [id, "items"]) => (200, list(&self.add(id, &items))),
            ("GET", [id, "items"]) => (200, list(&self.all[*id].items)),
            (method, [id, "items", item]) => {
                let items = &mut self.all.get_mut(*id)?.items;
                let Some(at) = items.iter().position(|known| known["id"] == json!(item)) else {
                    return Some(not_found(item));
                };
                match method {
                    "GET" => (200, items[at].clone()),
                    "DELETE" => {
                        items.remove(at);
                        (200, self.told(id))
                    }
                    _ => (405, error("Method not allowed.", "")),
                }
            }
            _ => (405, error("Method not allowed.", "")),
        })
    }

    fn told(&self, id: &str) -> Value {
        let metadata = self.all.get(id).map(|conversation| &conversation.metadata);
        json!({"id": id, "object": "conversation", "created_at": 1_700_000_000,
            "metadata": metadata})
    }
}

fn list(items: &[Value]) -> Value {
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
    json!({"object": "list", "data": items, "has_more": false,
        "first_id": id(items.first()), "last_id": id(items.last())})
}

fn not_found(id: &str) -> (u16, Value) {
    let message = format!("Conversation with id '{id}' not found.");
    (404, error(&message, ""))
}
