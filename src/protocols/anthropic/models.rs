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

/// The list of virtual models, on one page whatever page was asked for.
pub fn model_list<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let names: Vec<&str> = names.collect();
    let data: Vec<Value> = names.iter().map(|name| model_entry(name)).collect();
    json!({
        "data": data,
        "has_more": false,
        "first_id": names.first(),
        "last_id": names.last(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let list = model_list(["a", "b"].into_iter());
        assert_eq!(list["data"][1], model_entry("b"));
        assert_eq!(
            (&list["first_id"], &list["last_id"]),
            (&json!("a"), &json!("b"))
        );
        let empty = json!({"data": [], "has_more": false, "first_id": null, "last_id": null});
        assert_eq!(model_list([].into_iter()), empty);
    }
}
