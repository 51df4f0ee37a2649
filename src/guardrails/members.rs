/*! Which members of requests rules are about, as a tree that is followed while a request is read. */

use super::condition::{Fault, Judged, Value};
use super::rules::Rules;
use crate::json::{Error, Key, Kind, Reader};
use std::collections::BTreeMap;

/// The longest answer by all its names: OpenAI's former and present, Anthropic's former and
/// present, that of Responses. A bound on one of them that another name steps over would be none.
const LONGEST_ANSWER: [&str; 4] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens_to_sample",
];

/// All names of what `path` names.
pub fn spellings(path: &str) -> Vec<&str> {
    match LONGEST_ANSWER.contains(&path) {
        true => LONGEST_ANSWER.to_vec(),
        false => vec![path],
    }
}

/// A rule, and a parameter of it.
type Check = (usize, usize);

/// The members of an object that rules are about.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<Member>);

#[derive(Debug)]
struct Member {
    name: String,
    /// From the outermost object.
    path: String,
    /// What is asked of its value.
    checks: Vec<Check>,
    inside: Members,
}

/// What was read of the members of one request.
#[derive(Debug, Default)]
pub(super) struct Seen<'r> {
    /// By path: those that stood somewhere.
    paths: Vec<&'r str>,
    /// What came of checks; a fault stays.
    checks: BTreeMap<Check, (Judged, &'r str)>,
}

impl Members {
    /// Adds what a check is about, in all its spellings.
    pub(super) fn add(&mut self, path: &str, check: Check) {
        for path in spellings(path) {
            let mut members = &mut *self;
            let mut names = path.split('.').peekable();
            let mut before = String::new();
            while let Some(name) = names.next() {
                if !before.is_empty() {
                    before.push('.');
                }
                before.push_str(name);
                let Some(member) = members.named(name, &before) else {
                    break;
                };
                if names.peek().is_none() {
                    member.checks.push(check);
                }
                members = &mut member.inside;
            }
        }
    }

    fn named(&mut self, name: &str, path: &str) -> Option<&mut Member> {
        let place = self.0.iter().position(|member| member.name == name);
        let place = place.unwrap_or_else(|| {
            self.0.push(Member {
                name: name.to_owned(),
                path: path.to_owned(),
                checks: Vec::new(),
                inside: Self::default(),
            });
            self.0.len().saturating_sub(1)
        });
        self.0.get_mut(place)
    }

    /// Reads the value of a member of this object.
    pub(super) fn read<'r, 'a>(
        &'r self,
        reader: &mut Reader<'a>,
        key: &Key<'a>,
        rules: &'r Rules,
        seen: &mut Seen<'r>,
    ) -> Result<(), Error> {
        let name = key.value();
        for member in self.0.iter().filter(|member| member.name != name) {
            if is_case_variant(&member.name, &name) {
                member.blame(seen);
            }
        }
        match self.0.iter().find(|member| member.name == name) {
            Some(member) => member.read(reader, rules, seen),
            None => reader.skip().map(drop),
        }
    }
}

impl Member {
    fn read<'r>(
        &'r self,
        reader: &mut Reader<'_>,
        rules: &'r Rules,
        seen: &mut Seen<'r>,
    ) -> Result<(), Error> {
        if seen.paths.contains(&self.path.as_str()) {
            self.blame(seen);
            return reader.skip().map(drop);
        }
        seen.paths.push(&self.path);
        let value = match reader.kind()? {
            Kind::Object if !self.inside.0.is_empty() => {
                reader.object(|reader, key| self.inside.read(reader, key, rules, seen))?;
                Value::Other
            }
            _ => Value::read(reader)?,
        };
        for check in &self.checks {
            if let Some(condition) = rules.condition(*check) {
                seen.note(*check, condition.judge(&value), &self.path);
            }
        }
        Ok(())
    }

    /// What it is can't be said: another parser would read another one.
    fn blame<'r>(&'r self, seen: &mut Seen<'r>) {
        for check in &self.checks {
            seen.note(*check, Judged::Bad(Fault::Ambiguous), &self.path);
        }
        for member in &self.inside.0 {
            member.blame(seen);
        }
    }
}

impl<'r> Seen<'r> {
    fn note(&mut self, check: Check, judged: Judged, path: &'r str) {
        let known = self.checks.entry(check).or_insert((judged, path));
        match (known.0, judged) {
            (Judged::Bad(_), _) | (Judged::Good, Judged::Absent) => {}
            _ => *known = (judged, path),
        }
    }

    /// What is wrong with what `check` is about, and where it stood; `None`: nothing, or it
    /// was not there.
    pub(super) fn fault(&self, check: Check) -> Option<(Fault, &'r str)> {
        match self.checks.get(&check)? {
            (Judged::Bad(fault), path) => Some((*fault, path)),
            _ => None,
        }
    }

    /// Whether what `check` is about was there.
    pub(super) fn has(&self, check: Check) -> bool {
        let judged = self.checks.get(&check).map(|(judged, _)| *judged);
        !matches!(judged, None | Some(Judged::Absent))
    }
}

/// Whether some parsers take `other` for `name`: Go's `encoding/json` ignores case, and knows
/// two letters beyond ASCII for it.
pub(super) fn is_case_variant(name: &str, other: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name != other && name.chars().map(fold).eq(other.chars().map(fold))
}
