/*! What operators ask of requests, and all of it that one tenant's requests have to keep. */

use super::condition::Condition;
use super::members::Members;
use super::shape::Shape;
use super::verdict::Verdict;
use super::walk;
use crate::json::Error;
use crate::protocols::Api;
use std::rc::Rc;

/// What one guardrail asks of requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestRules {
    /// The virtual models asked for that it is about; empty: all.
    pub models: Vec<String>,
    /// The most that is allowed of what is measured.
    pub most: Vec<(Measure, u64)>,
    /// The roles that may speak; empty: any.
    pub roles: Vec<String>,
    /// The tools that may be offered.
    pub tools: Tools,
    /// What the system prompt has to be.
    pub system_prompt: SystemRule,
    /// What other members may be.
    pub parameters: Vec<Parameter>,
}

/// What is measured of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The body, decoded.
    Bytes,
    /// The prompt, estimated.
    Tokens,
    /// Messages.
    Messages,
    /// Images in messages, those in results of tools included.
    Images,
}

/// Which tools may be offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tools {
    /// Any.
    #[default]
    Any,
    /// None.
    None,
    /// These.
    Allow(Vec<Name>),
    /// Others than these.
    Deny(Vec<Name>),
}

/// A name, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// This one.
    Exact(String),
    /// Every one that begins so.
    Prefix(String),
}

/// What the system prompt has to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SystemRule {
    /// Anything.
    #[default]
    Any,
    /// There, and not blank.
    Required,
    /// There, in front of all messages, and beginning so.
    StartsWith(String),
    /// Not there.
    Forbidden,
}

/// A member of a request, by its path from the outermost object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// With dots between the names of members.
    pub path: String,
    /// What it may be.
    pub condition: Condition,
}

/// A guardrail that asks something of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its index in the policy.
    pub guardrail: u16,
    /// Its name.
    pub name: String,
    /// Whether it refuses what breaks it, or only counts.
    pub blocks: bool,
    /// What it asks.
    pub asks: Rc<RequestRules>,
}

/// All that one tenant's requests have to keep, compiled with the policy.
#[derive(Debug)]
pub struct Rules {
    list: Vec<Rule>,
    members: Members,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bytes, Self::Tokens, Self::Messages, Self::Images];

    /// Its name in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Tokens => "tokens",
            Self::Messages => "messages",
            Self::Images => "images",
        }
    }
}

impl Name {
    /// Whether `name` is one of those meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

impl Tools {
    /// Whether a tool may be offered of which these are the names.
    pub(super) fn allow(&self, names: &[&str]) -> bool {
        let listed = |list: &[Name], name: &str| list.iter().any(|one| one.matches(name));
        match self {
            Self::Any => true,
            Self::None => false,
            Self::Allow(list) => !names.is_empty() && names.iter().all(|name| listed(list, name)),
            Self::Deny(list) => !names.is_empty() && !names.iter().any(|name| listed(list, name)),
        }
    }
}

impl RequestRules {
    /// Whether it is about requests for `model`.
    pub fn is_about(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|name| name == model)
    }

    /// Whether it asks nothing.
    pub fn is_empty(&self) -> bool {
        self.most.is_empty()
            && self.roles.is_empty()
            && self.tools == Tools::Any
            && self.system_prompt == SystemRule::Any
            && self.parameters.is_empty()
    }
}

impl Rules {
    /// In the order of the policy: the first that is broken and blocks is told.
    pub fn new(list: Vec<Rule>) -> Self {
        let mut members = Members::default();
        for (rule, one) in list.iter().enumerate() {
            for (parameter, asked) in one.asks.parameters.iter().enumerate() {
                members.add(&asked.path, (rule, parameter));
            }
        }
        Self { list, members }
    }

    /// The rules.
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    pub(super) const fn members(&self) -> &Members {
        &self.members
    }

    pub(super) fn condition(&self, (rule, parameter): (usize, usize)) -> Option<&Condition> {
        let asked = self.list.get(rule)?.asks.parameters.get(parameter)?;
        Some(&asked.condition)
    }

    /// Reads a request in one pass. `tokens` says what its prompt comes to, and is asked at most once; `None`
    /// if that can't be said.
    ///
    /// # Errors
    /// The body is no JSON object.
    pub fn judge(
        &self,
        api: Api,
        body: &[u8],
        tokens: impl FnOnce() -> Option<u64>,
    ) -> Result<Verdict, Error> {
        self.judge_fields(api, (body, body.len()), tokens)
    }

    /// As [`Rules::judge`], of a form: its fields as JSON, and how many bytes it has itself.
    ///
    /// # Errors
    /// The same.
    pub fn judge_fields(
        &self,
        api: Api,
        (fields, bytes): (&[u8], usize),
        tokens: impl FnOnce() -> Option<u64>,
    ) -> Result<Verdict, Error> {
        let mut tally = walk::read(self, api, fields)?;
        tally.bytes = bytes;
        Ok(Verdict::of(self, Shape::of(api), &tally, tokens))
    }
}
