/*! `GET /v1/models` as Anthropic's API answers it. */

use serde_json::{Value, json};

/// One virtual model. Tollgate knows no date of creation; the API reference has the epoch
/// for such.
pub fn model_entry(name: &str) -> Value {
    json!({
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    })
}

/// The list of virtual models, by their entries, on one page whatever page was asked for.
pub fn model_list(entries: Vec<Value>) -> Value {
    let id = |entry: Option<&Value>| entry.and_then(|entry| entry.get("id")).cloned();
    json!({
        "has_more": false,
        "first_id": id(entries.first()),
        "last_id": id(entries.last()),
        "data": entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let list = model_list(["a", "b"].map(model_entry).to_vec());
        assert_eq!(list["data"][1], model_entry("b"));
        assert_eq!(
            (&list["first_id"], &list["last_id"]),
            (&json!("a"), &json!("b"))
        );
        let empty = json!({"data": [], "has_more": false, "first_id": null, "last_id": null});
        assert_eq!(model_list(Vec::new()), empty);
    }
}
