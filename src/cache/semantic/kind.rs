/*! What kind of answer a question wants: embeddings hardly tell `Can I get one?` from `How do I get
one?`. */

use super::tokens::Token;
use super::words::Tongue;

/// The kind of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// How something is done or comes about.
    How,
    /// Yes or no.
    Whether,
    /// A thing, a text, an explanation, an action.
    What,
}

/// How one asks how, in the languages that are known.
const HOW: [&str; 9] = [
    "how", "way", "process", "wie", "comment", "cómo", "como", "come", "hoe",
];

/// What comes behind `how` where it is asked for a measure, or behind `wie` for a name.
const MEASURES: [&str; 24] = [
    "big",
    "cold",
    "deep",
    "expensive",
    "far",
    "fast",
    "groß",
    "heavy",
    "heißt",
    "high",
    "hoch",
    "hot",
    "lang",
    "lange",
    "large",
    "late",
    "long",
    "many",
    "much",
    "often",
    "old",
    "soon",
    "tall",
    "viele",
];

/// How English asks what.
const WHAT: [&str; 5] = ["what", "which", "define", "explain", "describe"];

/// Verbs with which English asks for yes or no.
const ASKING: [&str; 12] = [
    "am", "are", "can", "could", "do", "does", "has", "have", "is", "may", "will", "would",
];

/// English verbs of little meaning that make a difference where it is asked for yes or no, or how.
const ACTS: [&str; 9] = [
    "get", "getting", "give", "go", "going", "try", "trying", "work", "works",
];

/// Those that do so only where it is asked for yes or no.
const STATES: [&str; 6] = ["has", "have", "having", "like", "need", "want"];

impl Kind {
    pub(super) fn of(tokens: &[Token], tongue: Tongue) -> Self {
        let texts = || tokens.iter().map(|token| token.text.as_str());
        let mut pairs = texts().zip(texts().skip(1).map(Some).chain([None]));
        let asks_how = |(word, next): (&str, Option<&str>)| {
            let measures = next.is_some_and(|next| MEASURES.contains(&next));
            HOW.contains(&word) && tongue.is_light(word) && !measures
        };
        if pairs.any(asks_how) {
            return Self::How;
        }
        if tongue.is_english() && texts().any(|word| word == "whether") {
            return Self::Whether;
        }
        let mut first = texts();
        let asks = first.next().is_some_and(|word| ASKING.contains(&word));
        // `Can you …` is a request.
        let of_helper =
            first.next() == Some("you") && !texts().any(|word| matches!(word, "do" | "have"));
        let asks_what = texts().any(|word| WHAT.contains(&word));
        if tongue.is_english() && asks && !of_helper && !asks_what {
            return Self::Whether;
        }
        Self::What
    }

    /// A letter that stands for it.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::How => "h",
            Self::Whether => "y",
            Self::What => "w",
        }
    }

    /// Whether a light word of English says something in such a question; `before` is the one
    /// before it.
    pub(super) fn weighs(self, word: &str, before: Option<&str>) -> bool {
        let empty = matches!(before, Some("that" | "this" | "it"));
        match self {
            Self::How => ACTS.contains(&word) && !empty,
            Self::Whether => ACTS.contains(&word) || (STATES.contains(&word) && before.is_some()),
            Self::What => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn kinds() {
        for (question, kind) in [
            ("How do I get a visa?", Kind::How),
            ("What's the best way to get a visa?", Kind::How),
            ("Get a visa, how?", Kind::How),
            ("Can you tell me how it works?", Kind::How),
            ("Explain how Docker works", Kind::How),
            ("How tall is Mount Everest?", Kind::What),
            ("Wie heißt die Hauptstadt?", Kind::What),
            ("Tell me whether I need a visa", Kind::Whether),
            ("What is a visa?", Kind::What),
            ("Can you explain what a visa is?", Kind::What),
            ("Can you give me a recipe?", Kind::What),
            ("Give me a recipe", Kind::What),
            ("Do I need a visa?", Kind::Whether),
            ("Do you have a warranty?", Kind::Whether),
            ("Is it possible to get a refund?", Kind::Whether),
            ("Wie kann ich das ändern?", Kind::How),
            ("Was ist ein Visum?", Kind::What),
            ("¿Cómo hago el visado?", Kind::How),
            ("Comment puis-je le faire ?", Kind::How),
            ("", Kind::What),
        ] {
            let tokens = tokens(question);
            let tongue = Tongue::of(tokens.iter().map(|token| token.text.as_str()));
            assert_eq!(Kind::of(&tokens, tongue), kind, "{question}");
        }
    }
}
