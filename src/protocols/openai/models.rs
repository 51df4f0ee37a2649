/*! `GET /v1/models`. */

use serde_json::{Value, json};

/// One virtual model as the API describes models. Tollgate knows no date of creation:
/// 0, as other gateways say.
pub fn model_entry(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "tollgate"})
}

/// The list of virtual models, by their entries.
pub fn model_list(entries: Vec<Value>) -> Value {
    json!({"object": "list", "data": entries})
}
