/*! `detect`, and `entities` beside it. */

use super::super::super::fields::{Fields, Located, Node, Read};
use super::super::super::guardrail::Detect;
use super::super::super::problem::Problems;
use super::super::super::scalars::count;
use super::super::super::suggest::suggest;
use super::super::super::tree::Tree;
use super::super::super::values::references;
use super::super::choice;
use super::scored::Level;
use super::{GuardrailEntry, pattern, request, scored, service, texts};
use crate::classify::Class;
use crate::detect::{Entities, Entity, Group};

/// Most patterns of all guardrails: each takes time with every byte, and memory.
const MOST_PATTERNS: usize = 256;

/// Most phrases of all guardrails.
const MOST_PHRASES: usize = 4_096;

/// Most hosts of a list.
const MOST_HOSTS: usize = 1_024;

/// Words of the system prompt in a row from which on they are no chance: a sentence.
const PROMPT_WORDS: usize = 12;

/// What is looked for may be named by one word.
#[derive(Clone, Copy)]
enum Word {
    Group(Group),
    SystemPrompt,
    Links,
    Class(Class),
}

/// `detect` says what, `entities` beside it which of a group; or one of them alone.
pub(super) fn detect(
    fields: &mut Fields<'_>,
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<Detect> {
    let detect = fields.find("detect");
    let listed = fields.find("entities");
    let level = Level::find(fields);
    match detect {
        None => {
            level.alone(problems);
            match listed {
                Some(listed) => entities(&listed, problems),
                None => {
                    problems.error(&node.path, "must have detect, entities, or both");
                    None
                }
            }
        }
        Some(detect) if matches!(detect.tree, Tree::Map(_)) => {
            alone(listed.as_ref(), problems);
            level.alone(problems);
            one_of(&detect, problems)
        }
        Some(detect) => word(&detect, listed.as_ref(), &level, problems),
    }
}

impl Level<'_> {
    fn alone(&self, problems: &mut Problems) {
        alone(self.sensitivity.as_ref(), problems);
        alone(self.threshold.as_ref(), problems);
    }
}

/// What stands beside a `detect` that it says nothing more of.
fn alone(beside: Option<&Node<'_>>, problems: &mut Problems) {
    if let Some(beside) = beside {
        problems.error(&beside.path, "has no meaning with this detect");
    }
}

fn word(
    node: &Node<'_>,
    listed: Option<&Node<'_>>,
    level: &Level<'_>,
    problems: &mut Problems,
) -> Option<Detect> {
    let words = [
        ("personal_data", Word::Group(Group::Personal)),
        ("secrets", Word::Group(Group::Secret)),
        ("system_prompt", Word::SystemPrompt),
        ("links", Word::Links),
        ("prompt_injection", Word::Class(Class::PromptInjection)),
        ("toxicity", Word::Class(Class::Toxicity)),
    ];
    let word = choice(node, problems, &words)?;
    if !matches!(word, Word::Group(_)) {
        alone(listed, problems);
    }
    if !matches!(word, Word::Class(_)) {
        level.alone(problems);
    }
    let group = match word {
        Word::Group(group) => group,
        Word::SystemPrompt => {
            return Some(Detect::SystemPrompt {
                words: PROMPT_WORDS,
            });
        }
        Word::Links => return Some(Detect::Links(Vec::new())),
        Word::Class(class) => return scored::plain(class, level, problems),
    };
    let entities = match listed {
        Some(listed) => named(&references(listed, problems)?, Some(group), problems)?,
        None => Entities::of(group),
    };
    Some(match group {
        Group::Secret => Detect::Secrets(entities),
        Group::Personal | Group::Other => Detect::PersonalData(entities),
    })
}

/// What can stand in `detect` with more to say.
const KINDS: [(&str, Read<Detect>); 9] = [
    ("entities", entities),
    ("patterns", pattern::patterns),
    ("phrases", phrases),
    ("system_prompt", system_prompt),
    ("links", links),
    ("prompt_injection", scored::prompt_injection),
    ("toxicity", scored::toxicity),
    ("service", service::service),
    ("request", request::request),
];

fn one_of(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let mut fields = node.fields(problems)?;
    let mut written = Vec::new();
    for (kind, read) in KINDS {
        if let Some(node) = fields.find(kind) {
            written.push(read(&node, problems));
        }
    }
    fields.finish(problems);
    if written.len() != 1 {
        let kinds = KINDS.map(|(kind, _)| kind).join(", ");
        problems.error(&node.path, format!("must have exactly one of {kinds}"));
        return None;
    }
    written.pop().flatten()
}

fn entities(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let names = references(node, problems)?;
    named(&names, None, problems).map(Detect::Listed)
}

/// The entities of these names, which must be of `group` if there is one.
fn named(
    names: &[Located<String>],
    group: Option<Group>,
    problems: &mut Problems,
) -> Option<Entities> {
    let mut all = Entities::default();
    let mut complete = true;
    for name in names {
        let entity = Entity::named(&name.value);
        let of_group = |entity: &Entity| group.is_none_or(|group| entity.group() == group);
        let problem = match entity {
            Some(entity) if all.has(entity) => format!("{:?} stands twice", name.value),
            Some(entity) if of_group(&entity) => {
                all = all.and([entity].into_iter().collect());
                continue;
            }
            Some(_) => "is not part of what detect says".to_owned(),
            None => {
                let hint = suggest(&name.value, Entity::ALL.iter().map(|entity| entity.name()));
                format!("no entity {:?}{hint}", name.value)
            }
        };
        problems.error(&name.path, problem);
        complete = false;
    }
    (complete && !all.is_empty()).then_some(all)
}

fn phrases(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    texts(node, MOST_PHRASES, problems).map(Detect::Phrases)
}

/// Fewer than four words are in many answers; more than a thousand are never repeated.
fn system_prompt(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let mut fields = node.fields(problems)?;
    let words = fields.optional("words", prompt_words, problems);
    fields.finish(problems);
    Some(Detect::SystemPrompt {
        words: words.unwrap_or(PROMPT_WORDS),
    })
}

fn prompt_words(node: &Node<'_>, problems: &mut Problems) -> Option<usize> {
    let words = count(node, problems, 4..=1_000)?;
    usize::try_from(words).ok()
}

/// Without `allow`, no host is.
fn links(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let mut fields = node.fields(problems)?;
    let hosts = fields.optional("allow", hosts, problems);
    fields.finish(problems);
    Some(Detect::Links(hosts.unwrap_or_default()))
}

fn hosts(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    match node.tree {
        Tree::List(hosts) if hosts.is_empty() => Some(Vec::new()),
        _ => texts(node, MOST_HOSTS, problems),
    }
}

/// What all guardrails have together is bounded.
pub(super) fn check_counts(node: &Node<'_>, read: &[GuardrailEntry], problems: &mut Problems) {
    let (mut patterns, mut phrases) = (0_usize, 0_usize);
    for entry in read {
        match &entry.guardrail.detect {
            Detect::Patterns(list) => patterns = patterns.saturating_add(list.len()),
            Detect::Phrases(list) => phrases = phrases.saturating_add(list.len()),
            _ => {}
        }
    }
    for (count, most, what) in [
        (patterns, MOST_PATTERNS, "patterns"),
        (phrases, MOST_PHRASES, "phrases"),
    ] {
        if count > most {
            let message = format!("must not have more than {most} {what} together, not {count}");
            problems.error(&node.path, message);
        }
    }
}
