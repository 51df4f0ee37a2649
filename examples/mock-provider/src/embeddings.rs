/*! OpenAI's embeddings: of each text, numbers that follow from its length. */

use crate::answer::{Request, words};
use crate::script::Script;
use serde_json::{Value, json};

const DIMENSIONS: u64 = 8;

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let body = request.body;
    let one = [body["input"].clone()];
    let list = body["input"].as_array().map(Vec::as_slice);
    let list = list.filter(|list| !list.iter().all(Value::is_number));
    let inputs = list.unwrap_or(&one);
    let dimensions = body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    let embedding = |(index, input): (usize, &Value)| {
        json!({"object": "embedding", "index": index,
               "embedding": numbers(body, input.to_string().len(), dimensions)})
    };
    let data: Vec<Value> = inputs.iter().enumerate().map(embedding).collect();
    let mut answer = json!({"object": "list", "data": data, "model": request.model()});
    if !script.no_usage {
        let tokens = words(body);
        let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
        answer["usage"] = script.usage.clone().unwrap_or(usage);
    }
    answer
}

/// A list, or as clients of OpenAI's ask for it by themselves: 32 bits each, in base64.
fn numbers(body: &Value, length: usize, dimensions: u64) -> Value {
    let at = |place: u64| (length as f32) / 64.0 + place as f32;
    let numbers: Vec<f32> = (0..dimensions).map(at).collect();
    if body["encoding_format"] == json!("base64") {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        return json!(base64(&bytes));
    }
    json!(numbers)
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place > three.len() {
                '='
            } else {
                char::from(sign)
            });
        }
    }
    out
}
