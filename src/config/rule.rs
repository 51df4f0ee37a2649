/*! Routing rules of a compiled policy. */

use super::model::Model;
use crate::protocols::Traits;
use std::rc::Rc;

/// All rules, in order, and what they have to know of a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The first that matches decides.
    pub list: Vec<Rc<Rule>>,
    /// Headers that rules and sticky strategies look at, lower case, each once.
    pub headers: Vec<String>,
    /// Whether one of them asks how much of a budget is used.
    pub look_at_budgets: bool,
}

impl Rules {
    /// Whether one of them asks how long the prompt is.
    pub fn count_prompts(&self) -> bool {
        let mut conditions = self.list.iter().flat_map(|rule| &rule.when);
        conditions.any(|condition| matches!(condition, Condition::PromptTokens(_)))
    }
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, `rule-` and its index unless it has one.
    pub name: String,
    /// All of these must hold.
    pub when: Vec<Condition>,
    /// The model it chooses; always one with targets.
    pub model: Rc<Model>,
    /// Whether it applies to models that have targets of their own too.
    pub overrides: bool,
    /// Whether it only counts.
    pub shadow: bool,
    /// Whether answers may come from the cache, and go there.
    pub cache: bool,
}

/// What a rule asks of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The model asked for is one of these.
    Model(Vec<Pattern>),
    /// The tenant is one of these.
    Tenant(Vec<String>),
    /// The tenant's tier is one of these.
    Tier(Vec<String>),
    /// The user is one of these.
    User(Vec<String>),
    /// Each of these headers, lower case, is as said.
    Headers(Vec<(String, HeaderIs)>),
    /// The answer is streamed, or not.
    Stream(bool),
    /// The estimate of the prompt, in tokens.
    PromptTokens(Range),
    /// The bound on the answer that the caller sent, in tokens; never holds without one.
    MaxOutput(Range),
    /// Tools are offered, or not.
    Tools(bool),
    /// So many percent of one of the caller's dollar budgets are taken, or more.
    BudgetUsedOver(u8),
    /// One of these is in the prompt.
    Modality(Vec<Modality>),
}

/// What a header must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderIs {
    /// There, whatever it says; or not there.
    Present(bool),
    /// One of these.
    OneOf(Vec<Pattern>),
}

/// A text, or all that begin with one (`gpt-*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This one alone.
    Exact(String),
    /// Every one that begins so.
    Prefix(String),
}

impl Pattern {
    /// Whether `text` is one of those meant.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Prefix(prefix) => text.starts_with(prefix),
        }
    }

    /// Whether it means everything that `other` means.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(exact)) => self.matches(exact),
            (Self::Prefix(short), Self::Prefix(long)) => long.starts_with(short),
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }
}

/// Numbers between two bounds, neither included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Holds above this one.
    pub over: Option<u64>,
    /// Holds below this one.
    pub under: Option<u64>,
}

impl Range {
    /// Whether `number` is between the bounds.
    pub fn has(self, number: u64) -> bool {
        self.over.is_none_or(|over| number > over) && self.under.is_none_or(|under| number < under)
    }

    /// Whether every number of `other` is in this one too.
    pub fn covers(self, other: Self) -> bool {
        let above = self
            .over
            .is_none_or(|mine| other.over.is_some_and(|theirs| theirs >= mine));
        let below = self
            .under
            .is_none_or(|mine| other.under.is_some_and(|theirs| theirs <= mine));
        above && below
    }
}

/// What a prompt is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    /// Text and nothing else.
    Text,
    /// An image.
    Image,
    /// Sound.
    Audio,
    /// A file.
    File,
}

impl Modality {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Text, Self::Image, Self::Audio, Self::File];

    /// Its word in policies and in lists of models.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    /// What the prompt of a request is made of.
    pub fn of(traits: &Traits) -> Vec<Self> {
        let has = |one: &Self| one.is_in(traits);
        Self::ALL.into_iter().filter(has).collect()
    }

    /// Whether it is in the prompt.
    pub const fn is_in(self, traits: &Traits) -> bool {
        match self {
            Self::Text => !traits.image && !traits.audio && !traits.file,
            Self::Image => traits.image,
            Self::Audio => traits.audio,
            Self::File => traits.file,
        }
    }
}

impl Condition {
    /// Whether this one holds wherever `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        fn all_in<T: PartialEq>(mine: &[T], theirs: &[T]) -> bool {
            theirs.iter().all(|one| mine.contains(one))
        }
        match (self, other) {
            (Self::Model(mine), Self::Model(theirs)) => patterns_cover(mine, theirs),
            (Self::Tenant(mine), Self::Tenant(theirs))
            | (Self::Tier(mine), Self::Tier(theirs))
            | (Self::User(mine), Self::User(theirs)) => all_in(mine, theirs),
            (Self::Headers(mine), Self::Headers(theirs)) => mine
                .iter()
                .all(|one| theirs.iter().any(|other| header_covers(one, other))),
            (Self::PromptTokens(mine), Self::PromptTokens(theirs))
            | (Self::MaxOutput(mine), Self::MaxOutput(theirs)) => mine.covers(*theirs),
            (Self::BudgetUsedOver(mine), Self::BudgetUsedOver(theirs)) => mine <= theirs,
            (Self::Modality(mine), Self::Modality(theirs)) => all_in(mine, theirs),
            _ => self == other,
        }
    }
}

fn patterns_cover(mine: &[Pattern], theirs: &[Pattern]) -> bool {
    theirs
        .iter()
        .all(|other| mine.iter().any(|one| one.covers(other)))
}

fn header_covers(mine: &(String, HeaderIs), theirs: &(String, HeaderIs)) -> bool {
    mine.0 == theirs.0
        && match (&mine.1, &theirs.1) {
            (HeaderIs::OneOf(mine), HeaderIs::OneOf(theirs)) => patterns_cover(mine, theirs),
            (HeaderIs::Present(true), HeaderIs::OneOf(_)) => true,
            (mine, theirs) => mine == theirs,
        }
}
