/*! What names things that a provider keeps, where nothing here opens the name.

All tenants share the operator's account, so what is named could be another tenant's. It is looked for
by the key that holds the name, at any depth: providers add kinds of items and tools faster than they
could be listed. Free-form objects, whose keys are the caller's own, name nothing. */

use super::Traits;
use super::reading::Stop;
use crate::json::{Key, Kind, Reader, fold};
use crate::tokens::Prompt;

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where the API says which keys there are.
    Known,
    /// In what a tool works on or in, where the key `id` alone is a name, too.
    Settings,
    /// Where any key may stand.
    Free,
}

impl Place {
    fn below(self, key: &str) -> Self {
        match key {
            _ if self == Self::Free => Self::Free,
            // Schemas and their examples, also as other servers name them, arguments, and maps of the
            // caller's.
            "parameters"
            | "input_schema"
            | "output_schema"
            | "schema"
            | "input_examples"
            | "guided_json"
            | "json_schema"
            | "structured_outputs"
            | "properties"
            | "$defs"
            | "arguments"
            | "metadata"
            | "client_metadata"
            | "_meta"
            | "headers"
            | "env"
            | "attributes"
            | "chat_template_kwargs" => Self::Free,
            // What a model has said of its sources, sent back: nothing is opened by it.
            "annotations" | "results" => Self::Free,
            // Claude Code sends on by itself which message was the last: nobody else knows its name,
            // and what is told of it is whether a prompt was cached.
            "diagnostics" => Self::Free,
            "container" | "environment" | "input_image_mask" => Self::Settings,
            _ => self,
        }
    }

    /// What is named under a key by a value of this kind, if it is a name.
    fn name(self, key: &str, kind: Kind) -> Option<&'static str> {
        if self == Self::Free || kind == Kind::Null {
            return None;
        }
        // Some parsers take keys in any case.
        let other_case = |byte: u8| byte.is_ascii_uppercase() || !byte.is_ascii();
        let lower = key.bytes().any(other_case).then(|| fold(key));
        match lower.as_deref().unwrap_or(key) {
            "container" if kind != Kind::Object => Some("container"),
            "id" if self == Self::Settings => Some("id"),
            "skills" if self == Self::Settings => Some("skills"),
            key => always(key),
        }
    }
}

/// Keys that hold names wherever they stand.
fn always(key: &str) -> Option<&'static str> {
    const NAMES: [&str; 22] = [
        // OpenAI's; the first and that of skills Anthropic's, too.
        "file_id",
        "file_ids",
        "vector_store_id",
        "vector_store_ids",
        "container_id",
        "skill_id",
        "tunnel_id",
        "previous_response_id",
        "comparison_response_id",
        // Anthropic's: what it has cached of another call's prompt, or all of another call.
        "previous_message_id",
        // xAI's, Gemini's.
        "collection_ids",
        "file_search_store_names",
        "cached_content",
        "cachedcontent",
        // Azure's: what the operator's identity may read. Foundry's: agents, connections, indexes and
        // memories of the operator's project, and how a tool gets the operator's own token.
        "data_sources",
        "datasources",
        "agent_reference",
        "project_connection_id",
        "connection_id",
        "index_asset_id",
        "memory_store_name",
        "security_scheme",
    ];
    NAMES.into_iter().find(|name| *name == key)
}

/// Consumes the value of a member, unless it names what a provider keeps, or something in it does.
pub(super) fn skip_member(reader: &mut Reader<'_>, key: &Key<'_>) -> Result<(), Stop> {
    skip_named(reader, &key.value())
}

/// As [`skip_member`], of a member whose key is `name`.
pub(super) fn skip_named(reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    member(reader, name, Place::Known, None)
}

impl Traits {
    /// As [`skip_member`], and counts the strings of the value, at any depth.
    pub(super) fn add_member(
        &mut self,
        reader: &mut Reader<'_>,
        key: &Key<'_>,
    ) -> Result<(), Stop> {
        member(reader, &key.value(), Place::Known, Some(&mut self.text))
    }

    /// Notes that something at `path` names what a provider keeps and what can't be opened here.
    pub(super) fn name_kept(&mut self, path: &'static str) {
        // Whatever counts files as what is kept counts it, too.
        self.stored_file = true;
        self.stored_other.get_or_insert(path);
    }
}

fn member(
    reader: &mut Reader<'_>,
    key: &str,
    place: Place,
    text: Option<&mut Prompt>,
) -> Result<(), Stop> {
    match place.name(key, reader.kind()?) {
        Some(name) => Err(Stop::Named {
            name,
            offset: reader.offset(),
        }),
        None => value(reader, place.below(key), text),
    }
}

fn value(reader: &mut Reader<'_>, place: Place, mut text: Option<&mut Prompt>) -> Result<(), Stop> {
    match (reader.kind()?, &mut text) {
        (Kind::String, Some(text)) => {
            text.add_json(reader.string()?.raw());
            Ok(())
        }
        (Kind::Array | Kind::Object, None) if place == Place::Free => {
            reader.skip().map(drop).map_err(Stop::from)
        }
        (Kind::Array, _) => reader.array(|reader| value(reader, place, text.as_deref_mut())),
        (Kind::Object, _) => {
            reader.object(|reader, key| member(reader, &key.value(), place, text.as_deref_mut()))
        }
        _ => reader.skip().map(drop).map_err(Stop::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::event::unwatched;
    use serde_json::{Value, json};

    type Each<'e> = &'e mut dyn FnMut(&mut Reader<'_>, &Key<'_>) -> Result<(), Stop>;

    fn stopped_by(text: &str, each: Each<'_>) -> Option<&'static str> {
        let mut reader = Reader::new(text.as_bytes(), unwatched).unwrap();
        match reader.object(each) {
            Ok(()) => None,
            Err(Stop::Named { name, .. }) => Some(name),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// The name that is found in an object, whether its text is counted or not.
    fn found(object: &Value) -> Option<&'static str> {
        let text = object.to_string();
        let mut traits = Traits::default();
        let skipped = stopped_by(&text, &mut skip_member);
        let added = stopped_by(&text, &mut |reader, key| traits.add_member(reader, key));
        assert_eq!(skipped, added);
        skipped
    }

    #[test]
    fn names_are_found_at_any_depth() {
        for (object, wanted) in [
            (json!({"file_id": "f"}), "file_id"),
            (json!({"FILE_ID": "f"}), "file_id"),
            (json!({"\u{17f}kill_id": "s"}), "skill_id"),
            (json!({"a": [{"b": [[{"file_ids": []}]]}]}), "file_ids"),
            (
                json!({"a": "b", "vector_store_ids": ["vs"]}),
                "vector_store_ids",
            ),
            (json!({"container": "c"}), "container"),
            (json!({"container": ["c"]}), "container"),
            (json!({"container": {"type": "auto", "id": "c"}}), "id"),
            (
                json!({"container": {"type": "auto", "file_ids": ["f"]}}),
                "file_ids",
            ),
            (
                json!({"environment": {"a": {"container_id": "c"}}}),
                "container_id",
            ),
            (
                json!({"environment": {"skills": [{"skill_id": "s"}]}}),
                "skills",
            ),
            (json!({"input_image_mask": {"file_id": "f"}}), "file_id"),
            (json!({"tunnel_id": "t"}), "tunnel_id"),
            (
                json!({"data_sources": [{"type": "azure_search"}]}),
                "data_sources",
            ),
            (json!({"dataSources": []}), "datasources"),
            (json!({"agent_reference": {"name": "a"}}), "agent_reference"),
            (
                json!({"tools": [{"type": "a", "a": {"project_connection_id": "p"}}]}),
                "project_connection_id",
            ),
            (
                json!({"tools": [{"type": "memory_search", "memory_store_name": "m"}]}),
                "memory_store_name",
            ),
            (
                json!({"tools": [{"type": "azure_ai_search",
                    "azure_ai_search": {"indexes": [{"index_asset_id": "i"}]}}]}),
                "index_asset_id",
            ),
            (
                json!({"tools": [{"type": "openapi", "openapi": {"auth": {"type": "managed_identity",
                    "security_scheme": {"audience": "https://management.azure.com"}}}}]}),
                "security_scheme",
            ),
            (
                json!({"tools": [{"type": "a", "a": {"connections": [{"connection_id": "c"}]}}]}),
                "connection_id",
            ),
            (
                json!({"extra_body": {"google": {"cachedContent": "c"}}}),
                "cachedcontent",
            ),
            (
                json!({"tools": [{"tools": [{"container": "c"}]}]}),
                "container",
            ),
        ] {
            assert_eq!(found(&object), Some(wanted), "{object}");
        }
    }

    #[test]
    fn what_names_nothing_passes() {
        let schema = json!({"properties": {"file_id": {"type": "string"}, "container": "x"}});
        for object in [
            json!({"file_id": null, "container": null, "vector_store_ids": null}),
            json!({"container": {"type": "auto", "memory_limit": "1g"}}),
            json!({"environment": {"type": "local"}, "id": "i", "skills": ["a"]}),
            json!({"environment": "browser"}),
            json!({"function": {"name": "f", "parameters": schema}}),
            json!({"input_schema": schema, "input_examples": [{"file_id": "f"}]}),
            json!({"arguments": {"file_id": "f"}, "metadata": {"file_id": "f"}}),
            json!({"action": {"env": {"container_id": "c"}}}),
            json!({"text": "file_id", "a": ["container_id", {"b": "file_ids"}]}),
            json!({"filename": "f", "file_url": "u", "file_data": "d", "connector_id": "c"}),
        ] {
            assert_eq!(found(&object), None, "{object}");
        }
    }

    #[test]
    fn strings_count_as_text_everywhere() {
        let object = json!({"a": ["bc", {"parameters": {"d": "efg"}, "n": 1}], "h": "i"});
        let text = object.to_string();
        let (mut one, mut other) = (Traits::default(), Traits::default());
        let mut reader = Reader::new(text.as_bytes(), unwatched).unwrap();
        reader
            .object(|reader, key| one.add_member(reader, key))
            .unwrap();
        let mut reader = Reader::new(text.as_bytes(), unwatched).unwrap();
        other.add_text(&mut reader).unwrap();
        assert_eq!((one.text.bytes(), one), (6, other));
    }
}
