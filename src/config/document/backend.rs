/*! `backends`. */

use super::super::fields::Node;
use super::super::model::MaxTokensField;
use super::super::problem::Problems;
use super::super::values::{check_name, text};
use super::{Located, Named, choice, named};
use crate::protocols::{Api, Protocol};

/// Fields without which a request means nothing.
const KEPT_FIELDS: [&str; 5] = ["model", "messages", "prompt", "input", "stream"];

pub(in super::super) struct BackendEntry {
    pub(in super::super) cluster: String,
    pub(in super::super) protocol: Protocol,
    pub(in super::super) apis: Option<Located<Vec<Api>>>,
    pub(in super::super) base_path: Option<String>,
    pub(in super::super) authority: Option<String>,
    pub(in super::super) azure_api_version: Option<Located<String>>,
    pub(in super::super) remove_fields: Vec<Located<String>>,
    pub(in super::super) max_tokens_field: Option<Located<MaxTokensField>>,
}

pub(super) fn backends(
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<Vec<Named<BackendEntry>>> {
    named(node, problems, check_name, backend)
}

fn backend(node: &Node<'_>, problems: &mut Problems) -> Option<BackendEntry> {
    let mut fields = node.fields(problems)?;
    let cluster = fields.required("cluster", text, problems);
    let protocol = fields.required("api", protocol, problems);
    let apis = fields.optional("apis", apis, problems);
    let base_path = fields.optional("base_path", base_path, problems);
    let authority = fields.optional("authority", authority, problems);
    let azure_api_version = fields.optional("azure", azure, problems);
    let remove_fields = fields.optional("remove_fields", remove_fields, problems);
    let max_tokens_field = fields.optional("max_tokens_field", located_field, problems);
    fields.finish(problems);
    Some(BackendEntry {
        cluster: cluster?,
        protocol: protocol?,
        apis,
        base_path,
        authority,
        azure_api_version,
        remove_fields: remove_fields.unwrap_or_default(),
        max_tokens_field,
    })
}

fn protocol(node: &Node<'_>, problems: &mut Problems) -> Option<Protocol> {
    let words = [
        ("openai", Protocol::OpenAi),
        ("anthropic", Protocol::Anthropic),
        ("gemini", Protocol::Gemini),
        ("bedrock", Protocol::Bedrock),
    ];
    choice(node, problems, &words)
}

/// The APIs of OpenAI's protocol that it has.
fn apis(node: &Node<'_>, problems: &mut Problems) -> Option<Located<Vec<Api>>> {
    let words = Api::ALL.map(|api| (api.as_str(), api));
    let words = words
        .into_iter()
        .filter(|(_, api)| api.protocol() == Protocol::OpenAi);
    let words: Vec<(&str, Api)> = words.collect();
    let mut apis = Vec::new();
    for element in node.elements(problems)? {
        let Some(api) = choice(&element, problems, &words) else {
            continue;
        };
        if apis.contains(&api) {
            problems.error(&element.path, format!("{:?} stands twice", api.as_str()));
        }
        apis.push(api);
    }
    Some(node.located(apis))
}

/// A path prefix: empty or starting with a slash; a final slash is dropped.
fn base_path(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let Some(path) = node.tree.as_str() else {
        return node.wanted("a path such as /v1", problems);
    };
    let path = path.trim_end_matches('/');
    let allowed = |c: char| c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c);
    let climbs = path.split('/').any(|part| matches!(part, "." | ".."));
    if (path.is_empty() || path.starts_with('/')) && path.chars().all(allowed) && !climbs {
        return Some(path.to_owned());
    }
    problems.error(&node.path, "must be empty or a path such as /v1");
    None
}

fn authority(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let host = text(node, problems)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.chars().all(allowed) {
        return Some(host);
    }
    problems.error(&node.path, "must be a host, with a port if need be");
    None
}

fn azure(node: &Node<'_>, problems: &mut Problems) -> Option<Located<String>> {
    let mut fields = node.fields(problems)?;
    let version = fields.required("api_version", api_version, problems);
    fields.finish(problems);
    Some(node.located(version?))
}

fn api_version(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let version = text(node, problems)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if version.chars().all(allowed) {
        return Some(version);
    }
    problems.error(&node.path, "must be a version such as 2024-10-21");
    None
}

fn remove_fields(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Located<String>>> {
    let mut names: Vec<Located<String>> = Vec::new();
    for element in node.elements(problems)? {
        let Some(name) = text(&element, problems) else {
            continue;
        };
        if KEPT_FIELDS.contains(&name.as_str()) {
            problems.error(&element.path, format!("{name:?} can't be left out"));
        }
        if names.iter().any(|known| known.value == name) {
            problems.error(&element.path, format!("{name:?} stands twice"));
        }
        names.push(element.located(name));
    }
    Some(names)
}

fn located_field(node: &Node<'_>, problems: &mut Problems) -> Option<Located<MaxTokensField>> {
    max_tokens_field(node, problems).map(|field| node.located(field))
}

pub(super) fn max_tokens_field(node: &Node<'_>, problems: &mut Problems) -> Option<MaxTokensField> {
    let words = [
        ("max_tokens", MaxTokensField::MaxTokens),
        ("max_completion_tokens", MaxTokensField::MaxCompletionTokens),
    ];
    choice(node, problems, &words)
}
