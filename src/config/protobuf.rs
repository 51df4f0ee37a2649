/*! `google.protobuf.Struct` from its wire bytes: how Envoy hands over a plugin
configuration that was written as plain YAML.

Field numbers are those of `google/protobuf/struct.proto`. */

use super::Tree;
use std::collections::BTreeMap;

/// Deepest nesting that is read; protobuf's own default limit.
const MAX_DEPTH: u32 = 100;

enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// Decodes a `Struct`; `None` if the bytes are none (JSON text never is one).
pub fn decode_struct(bytes: &[u8]) -> Option<Tree> {
    if bytes.is_empty() {
        return None;
    }
    decode_fields(bytes, MAX_DEPTH)
}

fn decode_fields(mut bytes: &[u8], depth: u32) -> Option<Tree> {
    let depth = depth.checked_sub(1)?;
    // A protobuf map has no order of its own.
    let mut members: BTreeMap<(String, usize), Tree> = BTreeMap::new();
    while !bytes.is_empty() {
        let (1, Field::Bytes(entry)) = next_field(&mut bytes)? else {
            return None;
        };
        let (name, value) = decode_entry(entry, depth)?;
        members.insert((name, members.len()), value);
    }
    let members = members.into_iter().map(|((name, _), value)| (name, value));
    Some(Tree::Map(members.collect()))
}

fn decode_entry(mut bytes: &[u8], depth: u32) -> Option<(String, Tree)> {
    let mut key = String::new();
    let mut value = Tree::Null;
    while !bytes.is_empty() {
        match next_field(&mut bytes)? {
            (1, Field::Bytes(text)) => key = std::str::from_utf8(text).ok()?.to_owned(),
            (2, Field::Bytes(inner)) => value = decode_value(inner, depth)?,
            _ => return None,
        }
    }
    Some((key, value))
}

fn decode_value(mut bytes: &[u8], depth: u32) -> Option<Tree> {
    let mut value = Tree::Null;
    while !bytes.is_empty() {
        value = match next_field(&mut bytes)? {
            (1, Field::Varint(_)) => Tree::Null,
            (2, Field::Fixed64(raw)) => Tree::Number(f64::from_le_bytes(raw).to_string()),
            (3, Field::Bytes(text)) => Tree::String(std::str::from_utf8(text).ok()?.to_owned()),
            (4, Field::Varint(flag)) => Tree::Bool(flag != 0),
            (5, Field::Bytes(inner)) => decode_fields(inner, depth)?,
            (6, Field::Bytes(inner)) => decode_list(inner, depth)?,
            _ => return None,
        };
    }
    Some(value)
}

fn decode_list(mut bytes: &[u8], depth: u32) -> Option<Tree> {
    let depth = depth.checked_sub(1)?;
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (1, Field::Bytes(inner)) = next_field(&mut bytes)? else {
            return None;
        };
        elements.push(decode_value(inner, depth)?);
    }
    Some(Tree::List(elements))
}

fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let tag = varint(bytes)?;
    let field = match tag & 7 {
        0 => Field::Varint(varint(bytes)?),
        1 => {
            let (raw, rest) = bytes.split_first_chunk::<8>()?;
            *bytes = rest;
            Field::Fixed64(*raw)
        }
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            let (content, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Field::Bytes(content)
        }
        _ => return None,
    };
    Some((tag >> 3, field))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes as protobuf would, to have something to decode.
    fn encode(tree: &Tree) -> Vec<u8> {
        fn bytes(tag: u8, content: &[u8]) -> Vec<u8> {
            let mut out = vec![tag << 3 | 2];
            let mut length = content.len();
            while length >= 128 {
                out.push(u8::try_from(length & 127).unwrap() | 128);
                length >>= 7;
            }
            out.push(u8::try_from(length).unwrap());
            [out, content.to_vec()].concat()
        }
        match tree {
            Tree::Null => vec![8, 0],
            Tree::Bool(flag) => vec![4 << 3, u8::from(*flag)],
            Tree::Number(text) => {
                let raw = text.parse::<f64>().unwrap().to_le_bytes();
                [vec![2 << 3 | 1], raw.to_vec()].concat()
            }
            Tree::String(text) => bytes(3, text.as_bytes()),
            Tree::List(list) => bytes(
                6,
                &list
                    .iter()
                    .flat_map(|t| bytes(1, &encode(t)))
                    .collect::<Vec<_>>(),
            ),
            Tree::Map(_) => bytes(5, &encode_struct(tree)),
        }
        .to_vec()
    }

    fn encode_struct(tree: &Tree) -> Vec<u8> {
        let Tree::Map(members) = tree else { panic!() };
        let entry = |key: &String, value: &Tree| {
            let mut inner = vec![1 << 3 | 2, u8::try_from(key.len()).unwrap()];
            inner.extend(key.as_bytes());
            let value = encode(value);
            inner.push(2 << 3 | 2);
            let mut length = value.len();
            while length >= 128 {
                inner.push(u8::try_from(length & 127).unwrap() | 128);
                length >>= 7;
            }
            inner.push(u8::try_from(length).unwrap());
            inner.extend(value);
            let mut out = vec![1 << 3 | 2];
            let mut length = inner.len();
            while length >= 128 {
                out.push(u8::try_from(length & 127).unwrap() | 128);
                length >>= 7;
            }
            out.push(u8::try_from(length).unwrap());
            [out, inner].concat()
        };
        members.iter().flat_map(|(k, v)| entry(k, v)).collect()
    }

    fn sample() -> Tree {
        Tree::from_json(
            br#"{"a":null,"b":true,"c":12,"d":"x","e":[1,"two",{"f":[]}],"g":{"h":0.125}}"#,
        )
        .unwrap()
    }

    #[test]
    fn round_trips_every_kind() {
        assert_eq!(decode_struct(&encode_struct(&sample())), Some(sample()));
    }

    #[test]
    fn a_cut_struct_is_none_or_smaller_but_never_a_panic() {
        let bytes = encode_struct(&sample());
        for cut in 0..bytes.len() {
            assert_ne!(decode_struct(&bytes[..cut]), Some(sample()), "{cut}");
        }
    }

    #[test]
    fn json_text_is_no_struct() {
        for text in [
            "{}",
            "\n{\"backends\":{}}",
            " {}",
            "",
            "\n\n{\"tenants\": {\"acme\": 1}}",
        ] {
            assert_eq!(decode_struct(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let mut tree = Tree::Null;
        for _ in 0..200 {
            tree = Tree::Map(vec![("a".into(), tree)]);
        }
        assert_eq!(decode_struct(&encode_struct(&tree)), None);
    }
}
