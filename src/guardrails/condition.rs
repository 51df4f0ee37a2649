/*! What may stand in one member of a request. */

use super::decimal::compare;
use crate::json::{Error, Kind, Reader, Text};
use std::cmp::Ordering;
use std::fmt;

/// What may stand in a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: it must not be there.
    Absent,
    /// What these say.
    Bounds(Bounds),
}

/// Conditions by the words of JSON schemas. All of them have to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Whether it has to be there.
    pub required: bool,
    /// The least number, included.
    pub minimum: Option<Number>,
    /// The largest number, included.
    pub maximum: Option<Number>,
    /// All that it may be; empty: anything.
    pub one_of: Vec<Scalar>,
}

/// A number of a policy: digits, with a sign or a point if need be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(String);

/// A value of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string. One that spells a number stands for the number too: Envoy's YAML hands
    /// fractions on as strings.
    String(String),
}

/// What stands in a member of a request.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Text<'a>),
    /// An object or an array.
    Other,
}

/// What a condition says of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// It counts as not there: null does.
    Absent,
    Good,
    Bad(Fault),
}

/// What is wrong with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Unwanted,
    Missing,
    NoNumber,
    TooSmall,
    TooLarge,
    NotListed,
    /// It stands twice, or beside one that some parsers take for it.
    Ambiguous,
}

impl Number {
    /// Longest, in bytes.
    const LONGEST: usize = 64;

    /// Reads a number; `None` if it is none, or written with an exponent.
    pub fn new(text: &str) -> Option<Self> {
        let plain = text.len() <= Self::LONGEST && !text.contains(['e', 'E']);
        (plain && compare(text, text).is_some()).then(|| Self(text.to_owned()))
    }

    /// Whether it is larger than `other`.
    pub fn is_above(&self, other: &Self) -> bool {
        compare(&self.0, &other.0) == Some(Ordering::Greater)
    }

    fn order(&self, number: &str) -> Option<Ordering> {
        compare(number, &self.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar {
    fn is(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(wanted), Value::Bool(found)) => wanted == found,
            (Self::Number(wanted), Value::Number(found)) => {
                wanted.order(found) == Some(Ordering::Equal)
            }
            (Self::String(wanted), Value::String(found)) => *wanted == found.value(),
            (Self::String(wanted), Value::Number(found)) => {
                compare(found, wanted) == Some(Ordering::Equal)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::String(text) => f.write_str(text),
        }
    }
}

impl<'a> Value<'a> {
    /// Reads a value that is neither object nor array; these are skipped.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(match reader.kind()? {
            Kind::Bool => Self::Bool(reader.boolean()?),
            Kind::Number => Self::Number(reader.number()?),
            Kind::String => Self::String(reader.string()?),
            Kind::Null => {
                reader.skip()?;
                Self::Null
            }
            Kind::Object | Kind::Array => {
                reader.skip()?;
                Self::Other
            }
        })
    }
}

impl Condition {
    pub(super) fn judge(&self, value: &Value<'_>) -> Judged {
        match (self, value) {
            (Self::Absent, Value::Null) => Judged::Absent,
            (Self::Absent, _) => Judged::Bad(Fault::Unwanted),
            (Self::Bounds(bounds), value) => bounds.judge(value),
        }
    }

    /// Whether it has to be there.
    pub const fn is_required(&self) -> bool {
        matches!(self, Self::Bounds(Bounds { required: true, .. }))
    }

    /// What a member with this fault should be, for people.
    pub(super) fn wanted(&self, fault: Fault) -> String {
        let bounds = match self {
            Self::Absent => return "not to be there".to_owned(),
            Self::Bounds(bounds) => bounds,
        };
        match (fault, &bounds.minimum, &bounds.maximum) {
            (Fault::TooSmall, Some(least), _) => format!("to be at least {least}"),
            (Fault::TooLarge, _, Some(most)) => format!("to be at most {most}"),
            (Fault::NoNumber, ..) => "to be a number".to_owned(),
            (Fault::NotListed, ..) => bounds.wanted_of_list(),
            (Fault::Ambiguous, ..) => "to be there once, in this spelling".to_owned(),
            _ => "to be there".to_owned(),
        }
    }
}

impl Bounds {
    fn judge(&self, value: &Value<'_>) -> Judged {
        let is_listed = self.one_of.iter().any(|scalar| scalar.is(value));
        match value {
            Value::Null if is_listed => return Judged::Good,
            Value::Null => return Judged::Absent,
            _ if !self.one_of.is_empty() && !is_listed => return Judged::Bad(Fault::NotListed),
            _ => {}
        }
        match value {
            _ if self.minimum.is_none() && self.maximum.is_none() => Judged::Good,
            Value::Number(number) => self.judge_number(number),
            _ => Judged::Bad(Fault::NoNumber),
        }
    }

    fn judge_number(&self, number: &str) -> Judged {
        let order = |bound: &Option<Number>| bound.as_ref().and_then(|bound| bound.order(number));
        if order(&self.minimum) == Some(Ordering::Less) {
            return Judged::Bad(Fault::TooSmall);
        }
        if order(&self.maximum) == Some(Ordering::Greater) {
            return Judged::Bad(Fault::TooLarge);
        }
        Judged::Good
    }

    fn wanted_of_list(&self) -> String {
        /// More is no help.
        const LONGEST: usize = 200;
        let listed: Vec<String> = self.one_of.iter().map(Scalar::to_string).collect();
        let listed = listed.join(", ");
        match listed.len() <= LONGEST {
            true => format!("to be one of: {listed}"),
            false => "to be one of those in its list".to_owned(),
        }
    }
}
