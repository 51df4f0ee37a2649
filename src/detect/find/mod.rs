/*! Finders: from a closed region to candidates. Those of identity numbers are rows of
`identity`; the others are functions, one file each. */

mod assigned;
mod birth;
mod card;
mod crypto;
mod email;
mod iban;
mod identity;
mod issuers;
mod network;
mod number;
mod phone;
mod template;
mod token;
mod url;

pub(super) use assigned::{LONGEST as LONGEST_VALUE, is_assigned};
pub(super) use birth::{is_called_birth, names_month};
pub(super) use iban::begins as begins_iban;
pub use identity::{IDENTITIES, Identity};
pub(super) use network::is_v6;
pub(super) use url::BARE_TOPS;

use super::chars::{AT, COLON, DIGIT, DOT, LETTER, class_of};
use super::context::{Context, left, reach};
use super::entity::{Entities, Entity};
use super::view::{View, part, run, run_back};
use super::words::{Hit, Subject, scan};
use std::cell::OnceCell;

/// All words that count, but those of identity numbers, which are in their rows.
pub(super) static LISTS: &[(Subject, &[&str])] = &[
    (Subject::PHONE, phone::PHONE),
    (Subject::NO_PHONE, phone::OTHER),
    (Subject::CARD, &card::WORDS),
    (Subject::ACCOUNT, &number::ACCOUNT),
    (Subject::RECORD, &number::RECORD),
    (Subject::SWIFT, &number::SWIFT),
    (Subject::BIRTH, &birth::WORDS),
    (Subject::VERSION, &network::VERSIONS),
    (Subject::IPV6, &network::V6),
];

/// A closed region and what stands before it.
#[derive(Debug)]
pub(super) struct Region<'t> {
    /// All text that is known up to the region's end.
    pub(super) text: &'t str,
    /// Where in it the region begins.
    pub(super) start: usize,
    /// The region, folded.
    pub(super) view: View<'t>,
    /// Whether it is what stands in quotes behind a name such as `password =`.
    pub(super) quoted: bool,
    /// The words before it and in it, once they are asked for.
    hits: OnceCell<Vec<Hit>>,
}

impl<'t> Region<'t> {
    /// What begins at `start` and ends with `text`.
    pub(super) fn new(text: &'t str, start: usize, quoted: bool) -> Self {
        let view = View::of(text.get(start..).unwrap_or_default());
        let hits = OnceCell::new();
        Self {
            text,
            start,
            view,
            quoted,
            hits,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.view.bytes
    }

    /// Whether a word about `subject` stands before the region or in it.
    pub(super) fn speaks_of(&self, subject: Subject) -> bool {
        self.hits().iter().any(|hit| hit.is_about(subject))
    }

    fn hits(&self) -> &[Hit] {
        self.hits.get_or_init(|| {
            let from = reach(self.text, self.start);
            let mut hits = Vec::new();
            scan(self.text.as_bytes(), from, self.text.len(), |hit| {
                hits.push(hit);
            });
            hits
        })
    }

    /// What stands before the folded byte `index`.
    pub(super) fn context(&self, index: usize) -> Context<'_> {
        Context::new(self.text, self.place(index), self.hits())
    }

    /// The text before the folded byte `index`, as far as words count.
    pub(super) fn left(&self, index: usize) -> &[u8] {
        left(self.text, self.place(index))
    }

    fn place(&self, index: usize) -> usize {
        self.start.saturating_add(self.view.start(index))
    }
}

/// Something that may be an entity: `start..end` of the folded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) entity: Entity,
    pub(super) start: usize,
    pub(super) end: usize,
    /// How sure it is: the higher one wins where two overlap.
    pub(super) weight: Weight,
}

/// Why a candidate is believed, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// It looks so.
    Form,
    /// The words before it say so.
    Words,
    /// Its check digits or its grammar say so.
    Checked,
    /// Both do.
    CheckedAndWords,
    /// It encloses what else was found.
    Enclosing,
    /// It opens something.
    Secret,
}

/// A finder, and what a region must have for it to look.
struct Finder {
    finds: &'static [Entity],
    /// All these classes must be there.
    classes: u8,
    digits: usize,
    find: fn(&Region<'_>, &mut Vec<Candidate>),
}

static FINDERS: &[Finder] = &[
    Finder {
        finds: &[Entity::EmailAddress],
        classes: AT | DOT,
        digits: 0,
        find: email::find,
    },
    Finder {
        finds: &[Entity::Url, Entity::ConnectionString],
        classes: LETTER | DOT,
        digits: 0,
        find: url::find,
    },
    Finder {
        finds: &[Entity::ConnectionString],
        classes: LETTER | COLON | AT,
        digits: 0,
        find: url::find_credentials,
    },
    Finder {
        finds: &[Entity::IpAddress],
        classes: DIGIT | DOT,
        digits: 4,
        find: network::find_v4,
    },
    Finder {
        finds: &[Entity::IpAddress],
        classes: COLON,
        digits: 0,
        find: network::find_v6,
    },
    Finder {
        finds: &[Entity::MacAddress],
        classes: 0,
        digits: 0,
        find: network::find_mac,
    },
    Finder {
        finds: &[Entity::CreditCard],
        classes: DIGIT,
        digits: 12,
        find: card::find,
    },
    Finder {
        finds: &[Entity::IbanCode],
        classes: DIGIT | LETTER,
        digits: 8,
        find: iban::find,
    },
    Finder {
        finds: &[Entity::PhoneNumber],
        classes: DIGIT,
        digits: 6,
        find: phone::find,
    },
    Finder {
        finds: &[Entity::Crypto],
        classes: DIGIT | LETTER,
        digits: 1,
        find: crypto::find,
    },
    Finder {
        finds: &[Entity::DateOfBirth],
        classes: DIGIT,
        digits: 3,
        find: birth::find,
    },
    Finder {
        finds: &[Entity::UsBankNumber, Entity::MedicalRecordNumber],
        classes: DIGIT,
        digits: 5,
        find: number::find_called,
    },
    Finder {
        finds: &[Entity::SwiftBic],
        classes: LETTER,
        digits: 0,
        find: number::find_swift,
    },
    Finder {
        finds: &[Entity::ApiKey, Entity::Jwt],
        classes: LETTER,
        digits: 0,
        find: token::find,
    },
    Finder {
        finds: &[Entity::SecretValue],
        classes: 0,
        digits: 0,
        find: assigned::find,
    },
];

/// All candidates of the entities that are wanted.
pub(super) fn candidates(region: &Region<'_>, wanted: Entities) -> Vec<Candidate> {
    let (classes, digits) = region.view.classes();
    let mut found = Vec::new();
    for finder in FINDERS {
        let fits = classes & finder.classes == finder.classes && digits >= finder.digits;
        if fits && finder.finds.iter().any(|entity| wanted.has(*entity)) {
            (finder.find)(region, &mut found);
        }
    }
    if digits >= identity::FEWEST_DIGITS {
        identity::find(region, wanted, &mut found);
    }
    found.retain(|candidate| wanted.has(candidate.entity));
    found
}

/// Whether a region is a word of prose with its marks, as nearly every one is: nothing can
/// be found in it.
pub(super) fn is_prose(bytes: &[u8]) -> bool {
    let start = run(bytes, 0, |byte| b"(*".contains(&byte));
    let end = run_back(bytes, bytes.len(), |byte| b".!?:)*".contains(&byte));
    let word = part(bytes, start, end);
    !word.is_empty()
        && word.len() < token::SHORTEST
        && word.iter().all(|byte| class_of(*byte) == LETTER)
        && !number::may_be_swift(word)
}
