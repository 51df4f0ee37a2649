/*! Where something stands in a text, as errors say it: `input[0].content[1].file_id`. */

use super::error::Error;
use super::reader::{Kind, Reader};

/// The path of the value that begins at `offset`. `None`: none does, or a key on the way is not
/// spelled as members of APIs are, and might be anything.
///
/// The text is read again for it: only who refuses a request needs to know.
pub fn path_at(text: &[u8], offset: usize) -> Option<String> {
    let mut reader = Reader::new(text, |_| None).ok()?;
    let mut path = Vec::new();
    match walk(&mut reader, offset, &mut path) {
        Err(Stop::Found) => written(&path),
        Ok(()) | Err(Stop::Broken) => None,
    }
}

/// One step on the way to a value.
enum Step {
    Key(String),
    Index(usize),
}

/// Why the walk ends.
enum Stop {
    Found,
    Broken,
}

impl From<Error> for Stop {
    fn from(_: Error) -> Self {
        Self::Broken
    }
}

fn walk(reader: &mut Reader<'_>, offset: usize, path: &mut Vec<Step>) -> Result<(), Stop> {
    if reader.offset() == offset {
        return Err(Stop::Found);
    }
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| {
            path.push(Step::Key(key.value().into_owned()));
            walk(reader, offset, path)?;
            path.pop();
            Ok(())
        }),
        Kind::Array => {
            let mut index = 0_usize;
            reader.array(|reader| {
                path.push(Step::Index(index));
                walk(reader, offset, path)?;
                path.pop();
                index = index.saturating_add(1);
                Ok(())
            })
        }
        _ => reader.skip().map(drop).map_err(Stop::from),
    }
}

fn written(path: &[Step]) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let mut out = String::new();
    for step in path {
        match step {
            Step::Index(index) => out.push_str(&format!("[{index}]")),
            Step::Key(key) if key.bytes().all(plain) => {
                let dot = if out.is_empty() { "" } else { "." };
                out.push_str(dot);
                out.push_str(key);
            }
            Step::Key(_) => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_paths() {
        let text = r#" {"a": 1, "input" : [7, {"content":["x", {"file_id": "y"}]}], "No text": {"a": "z"}}"#;
        for (value, path) in [
            ("1,", Some("a")),
            ("7", Some("input[0]")),
            ("\"x\"", Some("input[1].content[0]")),
            ("\"y\"", Some("input[1].content[1].file_id")),
            ("\"z\"", None),
            ("}", None),
        ] {
            let offset = text.find(value).unwrap();
            assert_eq!(path_at(text.as_bytes(), offset).as_deref(), path, "{value}");
        }
        for text in ["", "{", "[1", "7"] {
            assert_eq!(path_at(text.as_bytes(), 9), None, "{text}");
        }
    }
}
