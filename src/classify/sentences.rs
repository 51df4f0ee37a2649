/*! A stream of text, scored sentence by sentence. */

use std::ops::Range;

use super::{Scores, reader::Scorer, says_something};

/// Words after which a sentence without an end ends at the next space.
const MOST_WORDS: u32 = 64;

/// Bytes after which a sentence ends wherever it is.
const MOST_BYTES: usize = 1024;

/// One sentence of a stream, and how it scores by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Where it stands, in bytes from the beginning of the stream, with the space after it.
    pub range: Range<usize>,
    /// The same without the space around it; empty if there is nothing else.
    pub said: Range<usize>,
    /// Plain only: encodings are not looked into.
    pub scores: Scores,
}

/// Cuts a stream into sentences of at most some 1 KiB, the same however it comes in pieces. What was
/// pushed and is in no sentence yet is what a guard has to hold back.
#[derive(Debug, Clone, Default)]
pub struct Sentences {
    scorer: Scorer,
    begin: usize,
    said: Range<usize>,
    /// Whether there is a word in it.
    speaks: bool,
    at: usize,
    state: State,
}

/// What the last character was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Within,
    /// A full stop or the like: the sentence ends if no letter follows at once.
    Stopped,
    /// The space after a sentence: it belongs to it.
    Spaced,
}

impl Sentences {
    /// More of the stream; `found` gets each sentence that has ended.
    pub fn push(&mut self, text: &str, mut found: impl FnMut(Sentence)) {
        for c in text.chars() {
            if self.ends_before(c) {
                found(self.cut());
            }
            self.state = self.after(c);
            self.scorer.read(c);
            let end = self.at.saturating_add(c.len_utf8());
            self.speaks |= says_something(c);
            if !c.is_whitespace() {
                if self.said.is_empty() {
                    self.said.start = self.at;
                }
                self.said.end = end;
            }
            self.at = end;
        }
    }

    /// The end of the stream: the last sentence, if there is one.
    pub fn end(&mut self) -> Option<Sentence> {
        let last = (self.at > self.begin).then(|| self.cut());
        *self = Sentences::default();
        last
    }

    /// Where the first sentence begins that has not ended yet, in bytes.
    #[must_use]
    pub fn settled(&self) -> usize {
        self.begin
    }

    fn ends_before(&self, c: char) -> bool {
        let long = self.at.saturating_sub(self.begin) >= MOST_BYTES;
        match self.state {
            State::Within => long,
            State::Stopped => long || (!c.is_whitespace() && !follows_a_stop(c)),
            State::Spaced => long || !c.is_whitespace(),
        }
    }

    fn after(&self, c: char) -> State {
        if c == '\n' {
            return State::Spaced;
        }
        if c.is_whitespace() {
            return match self.state {
                State::Within if self.scorer.words_so_far() < MOST_WORDS => State::Within,
                _ => State::Spaced,
            };
        }
        match c {
            '.' | '!' | '?' | '。' | '！' | '？' | '।' | '؟' => State::Stopped,
            _ if self.state == State::Stopped && closes(c) => State::Stopped,
            _ => State::Within,
        }
    }

    fn cut(&mut self) -> Sentence {
        let range = self.begin..self.at;
        self.begin = self.at;
        self.state = State::Within;
        let said = std::mem::replace(&mut self.said, self.at..self.at);
        Sentence {
            range,
            said,
            scores: match std::mem::take(&mut self.speaks) {
                true => self.scorer.end(),
                false => {
                    self.scorer = Scorer::default();
                    Scores::default()
                }
            },
        }
    }
}

/// What may follow a full stop without the sentence ending: 3.5, example.com, "...", `e.g.`.
fn follows_a_stop(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '.' | '!' | '?' | '/' | '_' | '-' | ',' | ';' | ':')
        || closes(c)
}

fn closes(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(pieces: &[&str]) -> Vec<Sentence> {
        let mut all = Vec::new();
        let mut stream = Sentences::default();
        for piece in pieces {
            stream.push(piece, |sentence| all.push(sentence));
        }
        all.extend(stream.end());
        assert!(stream.end().is_none());
        all
    }

    fn texts(text: &str) -> Vec<&str> {
        let cut = |s: &Sentence| {
            let all = text.get(s.range.clone()).unwrap();
            assert_eq!(text.get(s.said.clone()).unwrap(), all.trim());
            all
        };
        sentences(&[text]).iter().map(cut).collect()
    }

    #[test]
    fn sentences_end_where_they_do() {
        for (text, expected) in [
            ("", vec![]),
            ("One", vec!["One"]),
            ("One. Two", vec!["One. ", "Two"]),
            ("One.  \n\nTwo!", vec!["One.  \n\n", "Two!"]),
            (
                "See example.com, version 3.5. Then?",
                vec!["See example.com, version 3.5. ", "Then?"],
            ),
            (
                "He said \"no.\" Then he left",
                vec!["He said \"no.\" ", "Then he left"],
            ),
            ("Wait... what?! No", vec!["Wait... ", "what?! ", "No"]),
            ("第一句。第二句！", vec!["第一句。", "第二句！"]),
            ("पहला। दूसरा", vec!["पहला। ", "दूसरा"]),
            ("- a\n- b", vec!["- a\n", "- b"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn sentences_are_bounded() {
        for unit in ["x", "word ", "é", "a.b"] {
            let text = unit.repeat(5000);
            let all = sentences(&[&text]);
            let longest = all.iter().map(|s| s.range.len()).max().unwrap();
            assert!(longest <= MOST_BYTES + 4, "{unit} {longest}");
            let ends: Vec<usize> = all.iter().map(|s| s.range.end).collect();
            let begins: Vec<usize> = all.iter().map(|s| s.range.start).collect();
            assert_eq!(begins.first(), Some(&0));
            assert_eq!(begins.get(1..), ends.get(..ends.len() - 1));
            assert_eq!(ends.last(), Some(&text.len()));
        }
    }

    #[test]
    fn any_cut_finds_the_same() {
        let text = "You are kind. Ihr Idioten!  Go to 3.5 km... \"Yes.\" 你好。再见？ Wörter, \n\n and so on";
        let whole = sentences(&[text]);
        for (cut, _) in text.char_indices() {
            let (a, b) = text.split_at(cut);
            assert_eq!(sentences(&[a, b]), whole);
        }
        let each: Vec<String> = text.chars().map(String::from).collect();
        let each: Vec<&str> = each.iter().map(String::as_str).collect();
        assert_eq!(sentences(&each), whole);
    }

    #[test]
    fn a_sentence_scores_as_it_does_alone() {
        let mut stream = Sentences::default();
        let mut found = Vec::new();
        stream.push(
            "The sea was calm. You stupid idiot, shut up! Then it",
            |s| found.push(s),
        );
        assert_eq!(stream.settled(), found.last().unwrap().range.end);
        let toxicity: Vec<u16> = found.iter().map(|s| s.scores.toxicity).collect();
        let [calm, rude] = toxicity[..] else {
            panic!("{toxicity:?}")
        };
        assert!(rude > calm);
        let mut alone = Scorer::default();
        alone.push("You stupid idiot, shut up! ");
        assert_eq!(alone.end().toxicity, rude);
    }
}
