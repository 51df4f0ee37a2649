/*! Asking for an embedding: OpenAI's `POST /v1/embeddings`, which most servers of such models
speak. */

use super::vector::{MAX_DIMENSIONS, Vector};
use crate::json::{Error, Kind, Reader, quote};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The body of a request for the embedding of `text`.
pub fn embedding_request(model: &str, text: &str) -> Vec<u8> {
    let [model, text] = [model, text].map(quote);
    format!(r#"{{"model":{model},"input":{text},"encoding_format":"float"}}"#).into_bytes()
}

/// The one embedding of an answer. `None`: there is not exactly one, or it is none.
pub fn read_embedding(body: &[u8]) -> Option<Vector> {
    let mut reader = Reader::new(body, |_| None).ok()?;
    let mut found = Found::Nothing;
    let read = reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("data", Kind::Array) => reader.array(|reader| item(reader, &mut found)),
        _ => reader.skip().map(drop),
    });
    read.ok()?;
    reader.finish().ok()?;
    match found {
        Found::One(floats) => Vector::of(&floats),
        Found::Nothing | Found::Several => None,
    }
}

/// What was found so far.
enum Found {
    Nothing,
    One(Vec<f32>),
    Several,
}

fn item(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return reader.skip().map(drop);
    }
    reader.object(|reader, key| {
        let floats = match (key.value().as_ref(), reader.kind()?) {
            ("embedding", Kind::Array) => numbers(reader)?,
            // Some servers send base64 whatever is asked for.
            ("embedding", Kind::String) => encoded(reader.string()?.raw()),
            _ => return reader.skip().map(drop),
        };
        *found = match found {
            Found::Nothing => Found::One(floats),
            Found::One(_) | Found::Several => Found::Several,
        };
        Ok(())
    })
}

/// Floats, or nothing if there is something else or too much among them.
fn numbers(reader: &mut Reader<'_>) -> Result<Vec<f32>, Error> {
    let mut floats = Vec::new();
    let mut good = true;
    reader.array(|reader| {
        if reader.kind()? != Kind::Number {
            good = false;
            return reader.skip().map(drop);
        }
        let float = reader.number()?.parse();
        good &= floats.len() < MAX_DIMENSIONS;
        match float {
            Ok(float) if good => floats.push(float),
            _ => good = false,
        }
        Ok(())
    })?;
    Ok(if good { floats } else { Vec::new() })
}

/// Floats of four bytes each, the lowest first; nothing if they are none.
fn encoded(base64: &[u8]) -> Vec<f32> {
    let bytes = STANDARD.decode(base64).unwrap_or_default();
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Vec::new();
    }
    floats
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_asked() {
        let body: Value = serde_json::from_slice(&embedding_request("m", "a\n\"é")).unwrap();
        assert_eq!(
            body,
            json!({"model": "m", "input": "a\n\"é", "encoding_format": "float"})
        );
    }

    #[test]
    fn what_is_answered() {
        let read = |body: &Value| read_embedding(body.to_string().as_bytes());
        let one = json!({"object": "list", "model": "m", "usage": {"total_tokens": 1},
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1, 2.5e-1]}]});
        assert_eq!(read(&one), Vector::of(&[0.5, -1.0, 0.25]));
        let bytes: Vec<u8> = [0.5_f32, -1.0]
            .iter()
            .flat_map(|float| float.to_le_bytes())
            .collect();
        let encoded = json!({"data": [{"embedding": STANDARD.encode(&bytes)}]});
        assert_eq!(read(&encoded), Vector::of(&[0.5, -1.0]));
        for body in [
            json!({}),
            json!([]),
            json!({"error": {"message": "m"}}),
            json!({"data": []}),
            json!({"data": [{"embedding": []}]}),
            json!({"data": [{"embedding": [0, 0]}]}),
            json!({"data": [{"embedding": ["1"]}]}),
            json!({"data": [{"embedding": [[1]]}]}),
            json!({"data": [{"embedding": "AAA"}]}),
            json!({"data": [{"embedding": "%"}]}),
            json!({"data": [{"embedding": [1]}, {"embedding": [1]}]}),
            json!({"data": [{"embedding": vec![1; 4097]}]}),
        ] {
            assert_eq!(
                read(&body),
                None,
                "{}",
                &body.to_string()[..body.to_string().len().min(80)]
            );
        }
        assert_eq!(read_embedding(b"{"), None);
        assert_eq!(read_embedding(br#"{"data":[{"embedding":[1e999]}]}"#), None);
    }
}
