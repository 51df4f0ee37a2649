/*! Cutting a question into words and signs. */

/// A word, a number or a sign, as far as it can carry meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// In lower case.
    pub(super) text: String,
    /// Whether it is spelled as names and abbreviations are: with a capital where no sentence
    /// begins.
    pub(super) named: bool,
    /// Whether the next one belongs to it: `'s` stood between them.
    pub(super) owns: bool,
    /// Whether a comma follows.
    pub(super) pause: bool,
}

/// The tokens of a text, in their order. Marks between sentences, brackets and quotation marks
/// are none.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut walk = Walk {
        tokens: Vec::new(),
        begins: true,
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = word_length(rest);
        let (word, behind) = if length == 0 {
            walk.sign(first, rest);
            rest.split_at_checked(first.len_utf8()).unwrap_or_default()
        } else {
            rest.split_at_checked(length).unwrap_or_default()
        };
        if length > 0 {
            walk.word(word);
        }
        rest = behind;
    }
    walk.tokens
}

/// Bytes of the word that a text begins with: letters and digits, with an apostrophe between
/// letters and a point or a comma between digits. Scripts that put no space between words have
/// words of one sign each.
fn word_length(text: &str) -> usize {
    let mut length = 0_usize;
    let mut before: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let joins = match (before, c, next) {
            (Some(before), '\'' | '’', Some(next)) => {
                before.is_alphabetic() && next.is_alphabetic()
            }
            (Some(before), '.' | ',', Some(next)) => {
                before.is_ascii_digit() && next.is_ascii_digit()
            }
            _ => is_letter(c),
        };
        if !joins || (before.is_some() && (is_dense(c) || before.is_some_and(is_dense))) {
            break;
        }
        length = length.saturating_add(c.len_utf8());
        before = Some(c);
    }
    length
}

/// Letters, digits, and what stands above or below letters.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{300}'..='\u{36F}' | '\u{64B}'..='\u{65F}' | '\u{900}'..='\u{DFF}')
}

/// Letters of scripts that put no space between words.
const fn is_dense(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// What stands before or behind an apostrophe without meaning by itself, in English, French and
/// Italian. `n'` is none of them.
const CLITICS: [&str; 13] = [
    "c", "d", "dell", "j", "l", "ll", "m", "nell", "qu", "re", "s", "t", "ve",
];

struct Walk {
    tokens: Vec<Token>,
    /// Whether a sentence begins here.
    begins: bool,
}

impl Walk {
    fn word(&mut self, word: &str) {
        let mut chars = word.chars();
        let capital = chars.next().is_some_and(char::is_uppercase);
        let capitals = capital && word.len() > 1 && chars.all(|c| !c.is_lowercase());
        let named = capitals || (capital && !self.begins);
        self.begins = false;
        let text = word.to_lowercase().replace('’', "'");
        if let Some(front) = text.strip_suffix("n't") {
            // can't and won't lose a letter.
            let front = match front {
                "ca" => "can",
                "wo" => "will",
                front => front,
            };
            self.push(front, false);
            self.push("not", false);
        } else if let Some(front) = text.strip_suffix("'s") {
            self.push(front, named);
            if let Some(last) = self.tokens.last_mut() {
                last.owns = true;
            }
        } else {
            // `l'Espagne`, `I'm`, `we'll`: two words, of which one says little.
            let parts = text.split('\'');
            let alone = !text.contains('\'');
            for part in parts.filter(|part| alone || !CLITICS.contains(part)) {
                self.push(part, named);
            }
        }
    }

    fn push(&mut self, text: &str, named: bool) {
        self.tokens.push(Token {
            text: text.to_owned(),
            named,
            owns: false,
            pause: false,
        });
    }

    /// What is no letter; `from` begins with it.
    fn sign(&mut self, sign: char, from: &str) {
        match sign {
            '.' | '!' | '?' | ':' | '\n' | '…' | '。' | '！' | '？' | '¿' | '¡' => {
                self.begins = true
            }
            '"' | '“' | '„' | '«' | '(' | '[' => self.begins |= self.tokens.is_empty(),
            // Between words, and not before a number or by itself, it is a hyphen.
            '-' if !is_minus(from) => {}
            ',' => {
                if let Some(last) = self.tokens.last_mut() {
                    last.pause = true;
                }
            }
            sign if is_mark(sign) => {}
            sign => self.push(sign.encode_utf8(&mut [0; 4]), false),
        }
    }
}

/// Whether the `-` that a text begins with is a sign: of a number, or between two.
fn is_minus(from: &str) -> bool {
    let behind = from.chars().nth(1);
    behind.is_none_or(|next| next.is_ascii_digit() || next.is_whitespace())
}

/// Marks that say nothing by themselves.
fn is_mark(sign: char) -> bool {
    let ascii = matches!(sign, ';' | '\'' | '`' | ')' | ']');
    let other = matches!(sign, '’' | '‘' | '”' | '»' | '\u{2010}'..='\u{2015}' | '\u{2000}'..='\u{200F}'
        | '\u{2028}'..='\u{202F}' | '\u{3000}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '，' | '；' | '：'
        | '（' | '）' | '،' | '؟' | '؛' | '\u{FE0F}');
    ascii || other || sign.is_whitespace() || sign.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_and_signs() {
        for (text, wanted) in [
            ("", vec![]),
            ("How do I, please?", vec!["how", "do", "i", "please"]),
            (
                "Ubuntu 22.04, 1,000.5 or 3.",
                vec!["ubuntu", "22.04", "1,000.5", "or", "3"],
            ),
            (
                "17 + 25 - 4 = -3%",
                vec!["17", "+", "25", "-", "4", "=", "-", "3", "%"],
            ),
            ("C++ and C#", vec!["c", "+", "+", "and", "c", "#"]),
            ("right-align", vec!["right", "align"]),
            (
                "doesn't can't won’t isn't",
                vec!["does", "not", "can", "not", "will", "not", "is", "not"],
            ),
            ("l'Espagne n'est I'm", vec!["espagne", "n", "est", "i"]),
            ("'good' \"day\" “x”", vec!["good", "day", "x"]),
            ("東京の天気？", vec!["東", "京", "の", "天", "気"]),
            ("iPhone东京", vec!["iphone", "东", "京"]),
            ("हिन्दी कहाँ", vec!["हिन्दी", "कहाँ"]),
            ("ok 😀 √2", vec!["ok", "😀", "√", "2"]),
        ] {
            assert_eq!(texts(text), wanted, "{text}");
        }
    }

    #[test]
    fn capitals_and_owners() {
        let named = |text: &str| {
            let named = tokens(text).into_iter().filter(|token| token.named);
            named.map(|token| token.text).collect::<Vec<_>>()
        };
        assert_eq!(named("In May it is. The US? IT may"), ["may", "us", "it"]);
        assert_eq!(named("\"The end\" of Rome"), ["rome"]);
        let owners = tokens("Microsoft's CEO, what's");
        let owners = owners.iter().map(|token| (token.text.as_str(), token.owns));
        assert_eq!(
            owners.collect::<Vec<_>>(),
            [("microsoft", true), ("ceo", false), ("what", true)]
        );
    }

    proptest! {
        #[test]
        fn nothing_but_marks_is_lost(text in "\\PC{0,40}") {
            let letters = |text: &str| -> String {
                text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
            };
            // What an apostrophe joins is written in another way.
            let text = text.replace(['\'', '’'], " ");
            let all: String = tokens(&text).into_iter().map(|token| token.text).collect();
            prop_assert_eq!(letters(&all), letters(&text));
        }
    }
}
