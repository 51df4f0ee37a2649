/*! Bodies of `multipart/form-data`, as JSON: of each file its name, type and size. */

use serde_json::{Map, Value, json};

/// `None`: it is no form that ends as it should.
pub(crate) fn read(content_type: &str, body: &[u8]) -> Option<Value> {
    let (_, boundary) = content_type.split_once("boundary=")?;
    let delimiter = format!("\r\n--{}", boundary.trim_matches('"'));
    let body = [b"\r\n", body].concat();
    let mut parts = split(&body, delimiter.as_bytes());
    let last = parts.pop()?;
    let mut form = Map::new();
    for part in parts.get(1..)? {
        let at = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..at]).ok()?;
        let value = &part[at + 4..];
        let name = parameter(head, "name")?;
        let value = match parameter(head, "filename") {
            Some(filename) => json!({"filename": filename, "size": value.len(),
                "sum": value.iter().map(|byte| u64::from(*byte)).sum::<u64>()}),
            None => json!(std::str::from_utf8(value).ok()?),
        };
        form.insert(name, value);
    }
    last.starts_with(b"--").then_some(Value::Object(form))
}

/// What the file of a form holds.
pub(crate) fn file(content_type: &str, body: &[u8]) -> Option<Vec<u8>> {
    let (_, boundary) = content_type.split_once("boundary=")?;
    let delimiter = format!("\r\n--{}", boundary.trim_matches('"'));
    let body = [b"\r\n", body].concat();
    let mut parts = split(&body, delimiter.as_bytes()).into_iter();
    parts.find_map(|part| {
        let at = find(part, b"\r\n\r\n")?;
        parameter(std::str::from_utf8(&part[..at]).ok()?, "filename")?;
        Some(part[at + 4..].to_vec())
    })
}

fn parameter(head: &str, name: &str) -> Option<String> {
    let (_, rest) = head.split_once(&format!("; {name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn split<'b>(mut bytes: &'b [u8], by: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(bytes, by) {
        parts.push(&bytes[..at]);
        bytes = &bytes[at + by.len()..];
    }
    parts.push(bytes);
    parts
}
