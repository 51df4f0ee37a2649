/*! A configuration document before it is understood. */

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};
use std::fmt;

/// A document of any format. Maps keep their order and their duplicate keys, so that
/// duplicates can be reported; numbers keep their decimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number in decimal notation.
    Number(String),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Self>),
    /// A map.
    Map(Vec<(String, Self)>),
}

impl Tree {
    /// Reads JSON text.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))
    }

    /// The first member called `key`, if this is a map that has one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The members, if this is a map.
    pub fn as_map(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// SHA-256 of all that it says. Envoy does not keep the order of maps, so it does not
    /// count.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        self.add_to(&mut hash);
        hash.finalize().into()
    }

    fn add_to(&self, hash: &mut Sha256) {
        let mut scalar = |kind: &[u8], text: &str| {
            hash.update(kind);
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        match self {
            Self::Null => hash.update(b"0"),
            Self::Bool(value) => hash.update(if *value { b"t" } else { b"f" }),
            Self::Number(text) => scalar(b"n", text),
            Self::String(text) => scalar(b"s", text),
            Self::List(elements) => {
                hash.update(b"[");
                elements.iter().for_each(|element| element.add_to(hash));
                hash.update(b"]");
            }
            Self::Map(members) => {
                let mut members: Vec<&(String, Self)> = members.iter().collect();
                members.sort_by_key(|(name, _)| name);
                hash.update(b"{");
                for (name, value) in members {
                    Self::String(name.clone()).add_to(hash);
                    value.add_to(hash);
                }
                hash.update(b"}");
            }
        }
    }

    /// What this is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Tree::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(Scalar(key)) = map.next_key()? {
            members.push((key, map.next_value()?));
        }
        Ok(Tree::Map(members))
    }
}

/// A map key: YAML allows any scalar (`429: …`), which is taken as its text.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(TreeVisitor)? {
            Tree::String(text) | Tree::Number(text) => Ok(Self(text)),
            Tree::Bool(value) => Ok(Self(value.to_string())),
            other => Err(de::Error::custom(format!(
                "a key must be a string, not {}",
                other.kind()
            ))),
        }
    }
}
