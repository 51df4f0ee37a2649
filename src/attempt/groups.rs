/*! The header by which Envoy learns the order of clusters.

`header_to_metadata` decodes it, the cluster specifier `priority_group` reads the list from
metadata: a `google.protobuf.Value` in base64, a list of
`{name: x, clusters: [{cluster_name: x, weight: 1}]}`. */

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The header; `header_to_metadata` removes it.
pub const PLAN_HEADER: &str = "x-tollgate-internal-plan";

// Field numbers of google/protobuf/struct.proto.
const VALUE_NUMBER: u8 = 2;
const VALUE_STRING: u8 = 3;
const VALUE_STRUCT: u8 = 5;
const VALUE_LIST: u8 = 6;
const STRUCT_FIELDS: u8 = 1;
const ENTRY_KEY: u8 = 1;
const ENTRY_VALUE: u8 = 2;
const LIST_VALUES: u8 = 1;

/// The header's value for these clusters, in this order.
pub fn priority_groups<'c>(clusters: impl Iterator<Item = &'c str>) -> String {
    let groups: Vec<Vec<u8>> = clusters.map(group).collect();
    STANDARD.encode(list(&groups))
}

fn group(cluster: &str) -> Vec<u8> {
    let member = record(&[("cluster_name", string(cluster)), ("weight", number(1.0))]);
    record(&[("clusters", list(&[member])), ("name", string(cluster))])
}

fn record(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut record = Vec::new();
    for (name, value) in fields {
        let mut entry = field(ENTRY_KEY, name.as_bytes());
        entry.extend(field(ENTRY_VALUE, value));
        record.extend(field(STRUCT_FIELDS, &entry));
    }
    field(VALUE_STRUCT, &record)
}

fn list(values: &[Vec<u8>]) -> Vec<u8> {
    let values = values.iter().flat_map(|value| field(LIST_VALUES, value));
    field(VALUE_LIST, &values.collect::<Vec<u8>>())
}

fn string(text: &str) -> Vec<u8> {
    field(VALUE_STRING, text.as_bytes())
}

fn number(value: f64) -> Vec<u8> {
    const FIXED_64: u8 = 1;
    let mut out = vec![(VALUE_NUMBER << 3) | FIXED_64];
    out.extend(value.to_le_bytes());
    out
}

/// A field with its length in front.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    const LENGTH_DELIMITED: u8 = 2;
    let mut out = vec![(tag << 3) | LENGTH_DELIMITED];
    let mut length = bytes.len();
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            out.push(low & 0x7F);
            break;
        }
        out.push(low | 0x80);
    }
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_groups() {
        // Made with Google's own protobuf library for Python.
        assert_eq!(
            priority_groups(["B"].into_iter()),
            "Mk8KTSpLCjwKCGNsdXN0ZXJzEjAyLgosKioKEwoMY2x1c3Rlcl9uYW1lEgMaAUIKEwoGd2VpZ2h0EgkRAAAAAAAA8D8KCwoEbmFtZRIDGgFC"
        );
    }

    #[test]
    fn long_names_have_long_lengths() {
        let name = "x".repeat(200);
        let bytes = STANDARD
            .decode(priority_groups([name.as_str()].into_iter()))
            .unwrap();
        let (tag, rest) = bytes.split_first().unwrap();
        assert_eq!(*tag, (VALUE_LIST << 3) | 2);
        let length = usize::from(rest[0] & 0x7F) | usize::from(rest[1]) << 7;
        assert_eq!(length, rest.len() - 2);
    }
}
