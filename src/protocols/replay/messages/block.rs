/*! One block of a message's content. */

use crate::protocols::replay::Room;
use crate::protocols::replay::parts::{
    Fields, append, append_items, get, inside, inside_list, is_json, members, text, text_of,
};
use crate::protocols::replay::write::object;

/// A block and what its deltas have told so far.
#[derive(Debug)]
pub(super) struct Block {
    /// The members that no delta tells of.
    fields: Fields,
    told: Told,
}

#[derive(Debug)]
enum Told {
    Text {
        /// The inside of its JSON.
        text: String,
        /// The inside of the list, if there is one.
        citations: Option<String>,
    },
    Thinking {
        thinking: String,
        signature: Option<String>,
    },
    /// A call of a tool.
    Input {
        /// What it began with, as JSON.
        first: String,
        /// The inside of the text that is the JSON.
        pieces: String,
    },
    /// It comes whole.
    Whole,
}

/// Whether a block of this type has an input, which comes in pieces.
pub(super) fn has_input(kind: &str) -> bool {
    kind.ends_with("tool_use")
}

impl Block {
    pub(super) fn begin(json: &str, room: &mut Room) -> Option<Self> {
        let block = members(json)?;
        let string = |name: &str| get(&block, name).map_or(Some(""), inside);
        let told = match text_of(&block, "type").as_ref() {
            "" => return None,
            "text" => Told::Text {
                text: string("text")?.to_owned(),
                citations: match get(&block, "citations") {
                    Some(list) => Some(inside_list(list)?.to_owned()),
                    None => None,
                },
            },
            "thinking" => Told::Thinking {
                thinking: string("thinking")?.to_owned(),
                signature: match get(&block, "signature") {
                    Some(signature) => Some(inside(signature)?.to_owned()),
                    None => None,
                },
            },
            kind if has_input(kind) => Told::Input {
                first: get(&block, "input").unwrap_or("{}").to_owned(),
                pieces: String::new(),
            },
            _ => Told::Whole,
        };
        room.take(json.len())?;
        let mut fields = Fields::default();
        for (name, value) in &block {
            // Null stays: it is no list that could grow.
            if !told.tells(name) || *value == "null" {
                fields.set(name, value, room)?;
            }
        }
        Some(Self { fields, told })
    }

    pub(super) fn delta(&mut self, json: &str, room: &mut Room) -> Option<()> {
        let delta = members(json)?;
        let string = |name: &str| inside(get(&delta, name)?);
        // The type and one more.
        if delta.len() != 2 {
            return None;
        }
        match (text_of(&delta, "type").as_ref(), &mut self.told) {
            ("text_delta", Told::Text { text, .. }) => append(text, string("text")?, room),
            ("citations_delta", Told::Text { citations, .. }) => {
                let list = citations.get_or_insert_default();
                append_items(list, get(&delta, "citation")?, room)
            }
            ("thinking_delta", Told::Thinking { thinking, .. }) => {
                append(thinking, string("thinking")?, room)
            }
            ("signature_delta", Told::Thinking { signature, .. }) => {
                let known = signature.get_or_insert_default();
                known.is_empty().then_some(())?;
                append(known, string("signature")?, room)
            }
            ("input_json_delta", Told::Input { pieces, .. }) => {
                append(pieces, string("partial_json")?, room)
            }
            _ => None,
        }
    }

    /// The block as a message has it. `None`: its input is no JSON.
    pub(super) fn document(&self) -> Option<String> {
        let input = match &self.told {
            Told::Input { first, pieces } => input(first, pieces)?,
            _ => String::new(),
        };
        Some(object(|block| {
            let known = self.fields.iter();
            block.members(known.filter(|(name, _)| !self.told.has(name)));
            match &self.told {
                Told::Text { text, citations } => {
                    block.text("text", text);
                    if let Some(citations) = citations {
                        block.list("citations", citations);
                    }
                }
                Told::Thinking {
                    thinking,
                    signature,
                } => {
                    block.text("thinking", thinking);
                    if let Some(signature) = signature {
                        block.text("signature", signature);
                    }
                }
                Told::Input { .. } => block.member("input", &input),
                Told::Whole => {}
            }
        }))
    }
}

impl Told {
    /// Whether deltas tell of this member.
    fn tells(&self, name: &str) -> bool {
        match self {
            Self::Text { .. } => matches!(name, "text" | "citations"),
            Self::Thinking { .. } => matches!(name, "thinking" | "signature"),
            Self::Input { .. } => name == "input",
            Self::Whole => false,
        }
    }

    /// Whether this member was told.
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Text { citations, .. } if name == "citations" => citations.is_some(),
            Self::Thinking { signature, .. } if name == "signature" => signature.is_some(),
            told => told.tells(name),
        }
    }
}

/// The input of a call: JSON in pieces, or what it began with if there are none.
fn input(first: &str, pieces: &str) -> Option<String> {
    let quoted = format!("\"{pieces}\"");
    let said = text(&quoted)?;
    let json = match said.trim_ascii() {
        "" => first,
        json => json,
    };
    (json.starts_with('{') && is_json(json)).then(|| json.to_owned())
}
