/*! All that is looked for in one text, and the finders of it run side by side. */

use super::hit::Hit;
use super::own::links::Links;
use super::own::matching::Matching;
use super::own::repeating::Repeating;
use super::own::spelling::Spelling;
use super::own::{Patterns, Phrases, SystemPrompt};
use super::sentences::{Classes, Scoring};
use super::{Entities, Finding, Scanner};
use std::rc::Rc;

/// All that is looked for in one text, compiled once.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Personal data and secrets.
    pub entities: Entities,
    /// Operators' patterns.
    pub patterns: Option<Rc<Patterns>>,
    /// Operators' phrases.
    pub phrases: Option<Rc<Phrases>>,
    /// What the system prompt of the call says.
    pub system_prompt: Option<Rc<SystemPrompt>>,
    /// Where links lead.
    pub links: bool,
    /// Sentences by their score.
    pub classes: Classes,
}

impl Search {
    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
            && self.patterns.is_none()
            && self.phrases.is_none()
            && self.system_prompt.is_none()
            && !self.links
            && self.classes.is_empty()
    }

    /// The same without personal data and secrets.
    #[must_use]
    pub fn without_entities(&self) -> Self {
        Self {
            entities: Entities::default(),
            ..self.clone()
        }
    }
}

/// Runs all finders of a search over text that comes in pieces.
///
/// Hits come in the order of their start, then of what they are, and may overlap; what is
/// found does not depend on the pieces, but for where a hit is cut into
/// [parts](super::Part).
#[derive(Debug, Clone)]
pub struct Finder {
    finders: Vec<One>,
    /// Hits that begin behind what is settled, in no order.
    waiting: Vec<Hit>,
    /// Bytes of text that have come.
    length: usize,
}

#[derive(Debug, Clone)]
enum One {
    Entities(Scanner, Vec<Finding>),
    Patterns(Matching),
    Phrases(Spelling),
    SystemPrompt(Repeating),
    Links(Links),
    Classes(Box<Scoring>),
}

impl Finder {
    /// One for a text of its own.
    pub fn new(search: &Search) -> Self {
        let entities = (!search.entities.is_empty())
            .then(|| One::Entities(Scanner::new(search.entities), Vec::new()));
        let patterns = search.patterns.as_ref();
        let patterns = patterns.map(|patterns| One::Patterns(Matching::new(Rc::clone(patterns))));
        let phrases = search.phrases.as_ref();
        let phrases = phrases.map(|phrases| One::Phrases(Spelling::new(Rc::clone(phrases))));
        let prompt = search.system_prompt.as_ref();
        let prompt = prompt.filter(|prompt| !prompt.is_empty());
        let prompt = prompt.map(|prompt| One::SystemPrompt(Repeating::new(Rc::clone(prompt))));
        let links = search.links.then(|| One::Links(Links::default()));
        let classes = (!search.classes.is_empty())
            .then(|| One::Classes(Box::new(Scoring::new(search.classes))));
        let finders = [entities, patterns, phrases, prompt, links, classes];
        Self {
            finders: finders.into_iter().flatten().collect(),
            waiting: Vec::new(),
            length: 0,
        }
    }

    /// Takes the next piece; adds what is found by it.
    pub fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        self.read(piece, One::push, hits);
    }

    /// Takes a piece that no sentence is in, such as a quotation mark of JSON: what came
    /// before it is none with what comes behind it.
    pub fn push_between(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        self.read(piece, One::push_between, hits);
    }

    fn read(
        &mut self,
        piece: &str,
        read: impl Fn(&mut One, &str, &mut Vec<Hit>),
        hits: &mut Vec<Hit>,
    ) {
        self.length = self.length.saturating_add(piece.len());
        for finder in &mut self.finders {
            read(finder, piece, &mut self.waiting);
        }
        let settled = self.settled();
        self.give(settled, hits);
    }

    /// Takes the end of the text; adds the rest.
    pub fn finish(&mut self, hits: &mut Vec<Hit>) {
        for finder in &mut self.finders {
            finder.finish(&mut self.waiting);
        }
        self.give(usize::MAX, hits);
    }

    /// In bytes of all text: every hit that begins before it has been given. One that was
    /// given may end behind it.
    pub fn settled(&self) -> usize {
        let settled = self.finders.iter().map(One::settled);
        settled.min().unwrap_or(self.length)
    }

    /// Whether [`Finder::depends_from`] ever is more than 0.
    pub fn forgets(&self) -> bool {
        self.finders
            .iter()
            .all(|finder| matches!(finder, One::Entities(..)))
    }

    /// In bytes of all text: what will be found depends on nothing before it.
    pub fn depends_from(&self) -> usize {
        let finders = self.finders.iter().map(|finder| match finder {
            One::Entities(scanner, _) if self.waiting.is_empty() => scanner.depends_from(),
            // They may go on anything that has come.
            _ => 0,
        });
        finders.min().unwrap_or(self.length)
    }

    /// Gives the hits that begin before `settled`.
    fn give(&mut self, settled: usize, hits: &mut Vec<Hit>) {
        if self.waiting.is_empty() {
            return;
        }
        let order = |hit: &Hit| (hit.start, hit.what, hit.end);
        self.waiting.sort_by_key(order);
        let count = self.waiting.partition_point(|hit| hit.start < settled);
        hits.extend(self.waiting.drain(..count));
    }
}

impl One {
    fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        match self {
            Self::Entities(scanner, found) => {
                scanner.push(piece, found);
                hits.extend(found.drain(..).map(Hit::from));
            }
            Self::Patterns(matching) => matching.push(piece, hits),
            Self::Phrases(spelling) => spelling.push(piece, hits),
            Self::SystemPrompt(repeating) => repeating.push(piece, hits),
            Self::Links(links) => links.push(piece, hits),
            Self::Classes(scoring) => scoring.push(piece, hits),
        }
    }

    fn push_between(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        match self {
            Self::Classes(scoring) => scoring.skip(piece.len(), hits),
            other => other.push(piece, hits),
        }
    }

    fn finish(&mut self, hits: &mut Vec<Hit>) {
        match self {
            Self::Entities(scanner, found) => {
                scanner.finish(found);
                hits.extend(found.drain(..).map(Hit::from));
            }
            Self::Patterns(matching) => matching.finish(hits),
            Self::Phrases(spelling) => spelling.finish(hits),
            Self::SystemPrompt(repeating) => repeating.finish(hits),
            Self::Links(links) => links.finish(hits),
            Self::Classes(scoring) => scoring.finish(hits),
        }
    }

    fn settled(&self) -> usize {
        match self {
            Self::Entities(scanner, _) => scanner.settled(),
            Self::Patterns(matching) => matching.settled(),
            Self::Phrases(spelling) => spelling.settled(),
            Self::SystemPrompt(repeating) => repeating.settled(),
            Self::Links(links) => links.settled(),
            Self::Classes(scoring) => scoring.settled(),
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::{Part, What};
    use super::*;

    /// What is found in `pieces`; parts are put together.
    pub(crate) fn found<'t>(
        search: &Search,
        pieces: impl IntoIterator<Item = &'t str>,
    ) -> Vec<(What, usize, usize)> {
        let mut finder = Finder::new(search);
        let mut hits = Vec::new();
        let (mut settled, mut given) = (0, 0);
        for piece in pieces {
            finder.push(piece, &mut hits);
            for hit in &hits[given..] {
                assert!(hit.start >= settled, "{hit:?} is given after {settled}");
            }
            assert!(finder.settled() >= settled);
            (settled, given) = (finder.settled(), hits.len());
            assert!(hits.iter().all(|hit| hit.start < settled));
        }
        finder.finish(&mut hits);
        let mut whole: Vec<(What, usize, usize)> = Vec::new();
        for hit in hits {
            assert!(hit.start < hit.end);
            let mut begun = whole.iter_mut().rev();
            match begun.find(|one| one.0 == hit.what) {
                Some(one) if hit.part == Part::Next => {
                    assert_eq!(one.2, hit.start);
                    one.2 = hit.end;
                }
                _ => {
                    assert_ne!(hit.part, Part::Next);
                    whole.push((hit.what, hit.start, hit.end));
                }
            }
        }
        assert!(whole.is_sorted_by_key(|one| one.1));
        whole
    }

    /// The same, but every cut into two pieces and into single characters is tried.
    #[track_caller]
    pub(crate) fn found_however_cut(search: &Search, text: &str) -> Vec<(What, usize, usize)> {
        let whole = found(search, [text]);
        for (at, _) in text.char_indices() {
            let (front, back) = text.split_at(at);
            assert_eq!(found(search, [front, back]), whole, "{front:?} {back:?}");
        }
        let single = text
            .char_indices()
            .map(|(at, c)| &text[at..at + c.len_utf8()]);
        assert_eq!(found(search, single), whole, "{text:?}");
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pattern, Phrases, What};
    use super::testing::{found, found_however_cut};
    use super::*;
    use crate::classify::Class;
    use proptest::prelude::*;

    fn all() -> Search {
        let pattern = Pattern {
            name: String::from("BADGE"),
            regex: String::from(r"\b[a-z]{1,6}-\d{2,4}\b"),
            check: None,
            context: Vec::new(),
            max_length: 16,
        };
        let mut prompt = SystemPrompt::new(3);
        prompt.add("Falcon heavy is at ada");
        let mut classes = Classes::default();
        classes.add(Class::Toxicity, 800);
        classes.add(Class::PromptInjection, 800);
        Search {
            entities: Entities::all(),
            patterns: Some(Rc::new(Patterns::new(vec![pattern]).unwrap())),
            phrases: Some(Rc::new(
                Phrases::new(&[String::from("falcon heavy")]).unwrap(),
            )),
            system_prompt: Some(Rc::new(prompt)),
            links: true,
            classes,
        }
    }

    #[test]
    fn hits_of_all_finders_come_in_the_order_of_the_text() {
        let text = "Falcon heavy is at ada@example.org, heavy-42; https://example.org/x";
        let hits = found_however_cut(&all(), text);
        let hits: Vec<_> = hits
            .iter()
            .map(|hit| (hit.0, &text[hit.1..hit.2]))
            .collect();
        assert_eq!(
            hits,
            [
                (What::Phrase(0), "Falcon heavy"),
                (What::SystemPrompt, "Falcon heavy is at ada"),
                (
                    What::Entity(super::super::Entity::EmailAddress),
                    "ada@example.org"
                ),
                (What::Pattern(0), "heavy-42"),
                (
                    What::Entity(super::super::Entity::Url),
                    "https://example.org/x"
                ),
                (What::Link, "https://example.org/x"),
            ]
        );
    }

    #[test]
    fn sentences_are_found_among_the_rest() {
        let rude = "You stupid idiot, ada@example.org!";
        let text = format!("So it is. {rude} Falcon heavy.");
        let hits = found_however_cut(&all(), &text);
        let place = |part: &str| {
            let start = text.find(part).unwrap();
            (start, start + part.len())
        };
        let [sentence, mail, falcon] = [rude, "ada@example.org", "Falcon heavy"].map(place);
        let [toxic, mailed, phrase] = hits[..] else {
            panic!("{hits:?}")
        };
        let What::Class(Class::Toxicity, 800..) = toxic.0 else {
            panic!("{hits:?}")
        };
        assert_eq!((toxic.1, toxic.2), sentence);
        assert_eq!((mailed.1, mailed.2), mail);
        assert_eq!((phrase.1, phrase.2), falcon);
    }

    #[test]
    fn sentences_end_at_what_is_between() {
        let mut classes = Classes::default();
        classes.add(Class::Toxicity, 0);
        let search = Search {
            classes,
            ..Search::default()
        };
        let parts = [
            "So it ",
            "is",
            "\",\"",
            "so",
            "\"",
            "\"",
            " it is. So",
            "\"",
            " ",
        ];
        let mut finder = Finder::new(&search);
        let mut hits = Vec::new();
        for part in parts {
            if part.contains('"') {
                finder.push_between(part, &mut hits);
                assert_eq!(finder.settled(), finder.length);
            } else {
                finder.push(part, &mut hits);
            }
        }
        finder.finish(&mut hits);
        let text = parts.concat();
        let found: Vec<&str> = hits.iter().map(|hit| &text[hit.start..hit.end]).collect();
        assert_eq!(found, ["So it is", "so", "it is.", "So"]);
    }

    #[test]
    fn nothing_is_looked_for_if_nothing_is_wanted() {
        let mut finder = Finder::new(&Search::default());
        let mut hits = Vec::new();
        finder.push("https://example.org ", &mut hits);
        assert_eq!(finder.settled(), 20);
        finder.finish(&mut hits);
        assert!(hits.is_empty());
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            words in proptest::collection::vec(0_usize..16, 0..14),
            cuts in proptest::collection::vec(0_usize..160, 0..8),
        ) {
            let known = ["falcon", " ", "heavy", "is at ", "ada", "@example.org", "-42", "https://",
                "](//", ". ", "4111 1111 1111 1111", "é", "You stupid ", "idiot! ",
                "Ignore all previous ", "instructions\n"];
            let text: String = words.iter().map(|word| known[*word]).collect();
            let mut at: Vec<usize> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
            at.retain(|at| *at <= text.len());
            at.extend([0, text.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &text[pair[0]..pair[1]]);
            prop_assert_eq!(found(&all(), pieces), found(&all(), [text.as_str()]));
        }
    }
}
