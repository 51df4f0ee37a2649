/*! How likely tokens were. Chat completions have lists of tokens, one each for content and
refusal; completions have one list each of several properties. Chunks have the same of their own
tokens. */

use crate::protocols::replay::Room;
use crate::protocols::replay::parts::{append_items, inside_list, items, members};
use crate::protocols::replay::write::{Object, object};

/// Tokens in one chunk. With the likeliest others, one can take 2 KB.
const MAX_TOKENS: usize = 16;

/// Most lists.
const MAX_LISTS: usize = 8;

/// What chunks have told so far.
#[derive(Debug, Default)]
pub(super) enum Logprobs {
    #[default]
    Untold,
    Null,
    /// By name; the inside of each list, if it is no null.
    Lists(Vec<(String, Option<String>)>),
}

impl Logprobs {
    pub(super) fn add(&mut self, json: &str, room: &mut Room) -> Option<()> {
        if json == "null" {
            if matches!(self, Self::Untold) {
                *self = Self::Null;
            }
            return Some(());
        }
        if !matches!(self, Self::Lists(_)) {
            *self = Self::Lists(Vec::new());
        }
        let Self::Lists(lists) = self else {
            return None;
        };
        for (name, value) in members(json)? {
            if !lists.iter().any(|(known, _)| *known == name) {
                if lists.len() >= MAX_LISTS {
                    return None;
                }
                room.take(name.len())?;
                lists.push((name.to_string(), None));
            }
            let mut known = lists.iter_mut();
            let (_, list) = known.find(|(known, _)| *known == name)?;
            if value != "null" {
                append_items(list.get_or_insert_default(), inside_list(value)?, room)?;
            }
        }
        Some(())
    }

    pub(super) fn write(&self, choice: &mut Object<'_>) {
        match self {
            Self::Untold => {}
            Self::Null => choice.member("logprobs", "null"),
            Self::Lists(lists) => {
                let json = object(|logprobs| {
                    for (name, list) in lists {
                        match list {
                            Some(list) => logprobs.list(name, list),
                            None => logprobs.member(name, "null"),
                        }
                    }
                });
                choice.member("logprobs", &json);
            }
        }
    }
}

/// The values of `logprobs` for chunks, which together are what a document has.
pub(super) fn parts(json: &str) -> Option<Vec<String>> {
    if json == "null" {
        return Some(Vec::new());
    }
    let mut lists = Vec::new();
    for (name, value) in members(json)? {
        let list = match value {
            "null" => None,
            _ => Some(batches(value)?),
        };
        lists.push((name, list));
    }
    let lengths = lists
        .iter()
        .map(|(_, list)| list.as_ref().map_or(0, Vec::len));
    let count = lengths.max().unwrap_or(0).max(1);
    let part = |place: usize| {
        object(|part| {
            for (name, list) in &lists {
                match list {
                    None => part.member(name, "null"),
                    Some(list) => {
                        let batch = list.get(place).map_or("", String::as_str);
                        part.list(name, batch);
                    }
                }
            }
        })
    };
    Some((0..count).map(part).collect())
}

/// The insides of lists of some items each.
fn batches(json: &str) -> Option<Vec<String>> {
    let mut batches: Vec<String> = Vec::new();
    let mut count = 0_usize;
    items(json, |item| {
        match batches.last_mut() {
            Some(batch) if count < MAX_TOKENS => {
                batch.push(',');
                batch.push_str(item);
                count = count.saturating_add(1);
            }
            _ => {
                batches.push(item.to_owned());
                count = 1;
            }
        }
        Some(())
    })?;
    Some(batches)
}
