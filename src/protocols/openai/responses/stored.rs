/*! What names things that the provider keeps, beyond the fields of a request: tools, and items
without what they hold. All tenants share the provider's account. */

use super::input::ItemPlace;
use crate::json::{Kind, Reader};
use crate::protocols::event::unwatched;
use crate::protocols::reading::{Stop, unsupported};
use crate::protocols::texts::peek;

/// What ids of reasoning begin with that Tollgate has written from another provider's answer.
pub(in crate::protocols) const OWN_REASONING: &str = "rs_tollgate_";

/// Whether a reference is to such reasoning.
pub(super) fn is_own_reference(reader: &Reader<'_>) -> bool {
    let [id] = peek(reader, ["id"]);
    id.starts_with(OWN_REASONING)
}

/// Refuses tools that work on stored files, vector stores or containers. The list comes next,
/// and stays to be read.
pub(super) fn check_tools(reader: &Reader<'_>) -> Result<(), Stop> {
    let mut ahead = Reader::new(reader.rest(), unwatched)?;
    let mut index = 0_usize;
    ahead.array(|reader| {
        if reader.kind()? == Kind::Object {
            tool(reader, index)?;
        } else {
            reader.skip()?;
        }
        index = index.saturating_add(1);
        Ok(())
    })
}

fn tool(reader: &mut Reader<'_>, index: usize) -> Result<(), Stop> {
    reader.object(|reader, key| {
        let name = key.value();
        let refused = match (name.as_ref(), reader.kind()?) {
            (_, Kind::Null) => false,
            ("vector_store_ids", _) => true,
            ("container", Kind::String) => true,
            ("container" | "environment" | "input_image_mask", Kind::Object) => {
                return settings(reader, &format!("tools[{index}].{name}"));
            }
            _ => false,
        };
        if refused {
            return unsupported(format!("tools[{index}].{name}"));
        }
        reader.skip().map(drop).map_err(Stop::from)
    })
}

/// What a tool of the provider's works on or in.
fn settings(reader: &mut Reader<'_>, path: &str) -> Result<(), Stop> {
    reader.object(|reader, key| {
        let name = key.value();
        let stored = matches!(
            name.as_ref(),
            "file_ids" | "file_id" | "container_id" | "id" | "skills" | "skill_id"
        );
        if stored && reader.kind()? != Kind::Null {
            return unsupported(format!("{path}.{name}"));
        }
        reader.skip().map(drop).map_err(Stop::from)
    })
}

/// Refuses an item that is known by its id alone: the provider would look it up. Reasoning goes
/// on by what is encrypted in it, or by what it says. Whether it is one that Tollgate has written,
/// which no provider knows.
pub(super) fn check_item(reader: &Reader<'_>, kind: &str, at: ItemPlace) -> Result<bool, Stop> {
    let holds: &[&str] = match kind {
        "image_generation_call" => &["result"],
        "reasoning" => &["encrypted_content", "content"],
        _ => return Ok(false),
    };
    let (mut has_id, mut has_content, mut own) = (false, false, false);
    let mut ahead = Reader::new(reader.rest(), unwatched)?;
    ahead.object(|reader, key| {
        let name = key.value();
        let there = reader.kind()? != Kind::Null;
        has_id |= name == "id" && there;
        has_content |= holds.contains(&name.as_ref()) && there;
        if name == "id" && reader.kind()? == Kind::String {
            let ours = reader.string()?.value().starts_with(OWN_REASONING);
            own = ours && kind == "reasoning";
            return Ok(());
        }
        reader.skip().map(drop).map_err(Stop::from)
    })?;
    if has_id && !has_content && !own {
        return unsupported(at.to_string());
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use crate::protocols::openai::read_responses;
    use crate::tokens::Prompt;
    use serde_json::{Value, json};

    fn refused(body: &Value) -> Option<String> {
        let body = body.to_string();
        let read = read_responses(body.as_bytes(), Prompt::by_length());
        read.err().map(|refusal| refusal.code.to_owned())
    }

    #[test]
    fn regression_tools_on_stored_things_are_refused() {
        for tool in [
            json!({"type": "file_search", "vector_store_ids": ["vs_1"]}),
            json!({"type": "code_interpreter", "container": "cntr_1"}),
            json!({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}),
            json!({"type": "shell", "environment": {"type": "container_reference", "container_id": "cntr_1"}}),
            json!({"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}),
        ] {
            let body =
                json!({"model": "m", "input": "hi", "tools": [{"type": "web_search"}, tool]});
            assert_eq!(
                refused(&body).as_deref(),
                Some("unsupported_parameter"),
                "{body}"
            );
        }
        let schema =
            json!({"properties": {"container": {"type": "string"}, "file_id": {"type": "string"}}});
        for tool in [
            json!({"type": "function", "name": "f", "parameters": schema}),
            json!({"type": "code_interpreter", "container": {"type": "auto"}}),
            json!({"type": "file_search", "vector_store_ids": null}),
        ] {
            let body = json!({"model": "m", "input": "hi", "tools": [tool]});
            assert_eq!(refused(&body), None, "{body}");
        }
    }

    #[test]
    fn reasoning_of_another_provider_goes_to_none() {
        let own = r#"{"type":"reasoning","id":"rs_tollgate_1_0","summary":[]}"#;
        let reference = r#"{"type":"item_reference","id":"rs_tollgate_1_0"}"#;
        let other = r#"{"role":"user","content":"a"}"#;
        for (items, wanted) in [
            (vec![own, other], other.to_owned()),
            (vec![other, own], other.to_owned()),
            (vec![reference, other, reference], other.to_owned()),
            (
                vec![own, own, other, own, own, other, own],
                format!("{other} ,\n{other}"),
            ),
            (vec![other, other], format!("{other} ,\n{other}")),
            (vec![own], String::new()),
        ] {
            let body = format!(
                r#"{{"model":"m","store":false,"input":[ {} ]}}"#,
                items.join(" ,\n")
            );
            let read = read_responses(body.as_bytes(), Prompt::by_length()).unwrap();
            let adapt = crate::protocols::openai::Adapt {
                model: "m",
                remove_fields: &[],
                max_tokens_field: None,
                max_output: None,
                default_output: None,
                ask_usage: true,
                store: false,
            };
            let rewrite = read.adapt(body.as_bytes(), &adapt);
            let new = rewrite.map_or(body.clone().into_bytes(), |new| new.whole(body.as_bytes()));
            let new = String::from_utf8(new).unwrap();
            assert_eq!(
                new,
                format!(r#"{{"model":"m","store":false,"input":[ {wanted} ]}}"#)
            );
        }
    }

    #[test]
    fn regression_items_known_by_id_alone_are_refused() {
        for (item, is_refused) in [
            (json!({"type": "image_generation_call", "id": "ig_1"}), true),
            (
                json!({"type": "image_generation_call", "id": "ig_1", "result": null}),
                true,
            ),
            (
                json!({"type": "image_generation_call", "id": "ig_1", "result": "AAAA"}),
                false,
            ),
            (
                json!({"type": "reasoning", "id": "rs_1", "summary": []}),
                true,
            ),
            (
                json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAAA"}),
                false,
            ),
            (
                json!({"type": "reasoning", "id": "rs_1", "summary": [],
                    "content": [{"type": "reasoning_text", "text": "hm"}]}),
                false,
            ),
            (
                json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}),
                false,
            ),
        ] {
            let body = json!({"model": "m", "input": [item]});
            assert_eq!(refused(&body).is_some(), is_refused, "{body}");
        }
    }
}
