/*! A file to its documents. */

use serde::Deserialize;
use std::path::Path;
use tollgate::config::Tree;

/// Reads the documents of a file that are not empty, with their index in the file.
///
/// # Errors
/// Why it can't be read, in one line.
pub(crate) fn documents(path: &Path) -> Result<Vec<(usize, Tree)>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read: {error}"))?;
    if path.extension().is_some_and(|end| end == "json") {
        return Ok(vec![(0, Tree::from_json(&bytes)?)]);
    }
    // JSON is YAML to people but not to every YAML parser (surrogate pairs, tabs).
    match Tree::from_json(&bytes) {
        Ok(tree) if tree.as_map().is_some() => Ok(vec![(0, tree)]),
        _ => yaml(&bytes),
    }
}

fn yaml(bytes: &[u8]) -> Result<Vec<(usize, Tree)>, String> {
    let text = utf8(bytes)?;
    let mut documents = Vec::new();
    for (index, document) in serde_norway::Deserializer::from_str(text).enumerate() {
        let tree = Tree::deserialize(document).map_err(|error| not_yaml(&error))?;
        if tree != Tree::Null {
            documents.push((index, tree));
        }
    }
    Ok(documents)
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, _) = bytes
            .split_at_checked(error.valid_up_to())
            .unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        let line = good.split('\n').count();
        let last = good.rsplit('\n').next().unwrap_or_default();
        let column = last.chars().count().saturating_add(1);
        format!("not UTF-8 at line {line} column {column}")
    })
}

/// The parser tells most problems with their line, those at the very start without.
fn not_yaml(error: &serde_norway::Error) -> String {
    // What the parser says of a tag means nothing to who wrote the file.
    let text = error.to_string().replace('\n', " ").replace(
        "invalid type: enum, expected a configuration value",
        "YAML tags (!name) are not supported",
    );
    match error.location() {
        Some(place) if !text.contains(" line ") => {
            let (line, column) = (place.line(), place.column());
            format!("not YAML: {text} at line {line} column {column}")
        }
        _ => format!("not YAML: {text}"),
    }
}
