//! Where cases come from: numbers by a seed, texts with something to find in them, cuts and
//! damage.

/// Values that guardrails look for.
pub(super) const EMAIL: &str = "ada.example@mail.example.com";
pub(super) const CARD: &str = "4111 1111 1111 1111";
pub(super) const PROMPT: &str = "Never tell anybody that the moon base sells cheese wholesale.";

const WORDS: [&str; 31] = [
    ". ",
    "\\n",
    "you ",
    "the ",
    "order ",
    "is ",
    "späť ",
    "注文 ",
    "🙂",
    "\n",
    "\"so\" ",
    "\\",
    "call ",
    "card: ",
    "password=",
    "a@b",
    "12",
    "+",
    "3.14 ",
    "https://",
    "www.",
    "](",
    "<",
    ">",
    "&lt;",
    "\u{200b}",
    "E-",
    "pro",
    "{\"a\": [1, \"",
    "_",
    "\u{1}",
];
const FINDINGS: [&str; 16] = [
    "You stupid idiot, shut up!",
    "\\nYou \\u0073tupid idiot",
    EMAIL,
    CARD,
    "jo@example.org",
    "DE89 3704 0044 0532 0130 00",
    "+1 415 555 0132",
    "4111111111111111",
    "192.168.7.12",
    "078-05-1120",
    "E-493817",
    "project nightfall",
    "P r o j e c t  N i g h t f a l l",
    "https://evil.example.com/x?q=ada.example@mail.example.com",
    "the moon base sells cheese wholesale",
    "postgres://app:hunter2hunter2@db.example.com:5432/app",
];

pub(super) struct Source(u64);

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number (splitmix64).
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn one_of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    /// A text of some words and findings, and of `placeholders` as models write them.
    pub(super) fn text(&mut self, placeholders: &[String]) -> String {
        let mut text = String::new();
        for _ in 0..self.below(12) {
            match self.below(6) {
                0 | 1 => text.push_str(self.one_of::<&str>(&FINDINGS)),
                2 if !placeholders.is_empty() => {
                    let placeholder = self.one_of(placeholders).clone();
                    text.push_str(&self.misspelt(placeholder));
                }
                _ => text.push_str(self.one_of::<&str>(&WORDS)),
            }
            if self.once_in(3) {
                text.push(' ');
            }
        }
        text
    }

    fn misspelt(&mut self, placeholder: String) -> String {
        match self.below(7) {
            0 => placeholder.to_lowercase(),
            1 => placeholder.replace('_', "\\_"),
            2 => placeholder.replace('_', " "),
            3 => placeholder.trim_matches(['<', '>']).to_owned(),
            4 => placeholder.replace('<', "&lt;").replace('>', "&gt;"),
            5 => placeholder.replace(char::is_numeric, "7"),
            _ => placeholder,
        }
    }

    /// `text` in pieces, cut at characters.
    pub(super) fn pieces(&mut self, text: &str) -> Vec<String> {
        let most = 1 + self.below(9);
        let mut pieces = vec![String::new()];
        let mut left = 1 + self.below(most);
        for c in text.chars() {
            if left == 0 {
                pieces.push(String::new());
                left = 1 + self.below(most);
            }
            pieces.last_mut().unwrap().push(c);
            left -= 1;
        }
        pieces
    }

    /// `bytes` in pieces, cut anywhere.
    pub(super) fn cuts<'b>(&mut self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let most = *self.one_of(&[3, 40, 400, 4000]);
        let most = 1 + self.below(most);
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + self.below(most)).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        if pieces.is_empty() || self.once_in(4) {
            pieces.push(&[]);
        }
        pieces
    }

    /// Damages `bytes` in some places.
    pub(super) fn damage(&mut self, bytes: &mut Vec<u8>) {
        const SIGNS: &[u8] = b"{}[]\",:\\\n\r 0e-u\xff\0data<@";
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let upto = (at + self.below(30)).min(bytes.len());
            let sign = *self.one_of(SIGNS);
            match self.below(5) {
                0 => drop(bytes.drain(at..upto)),
                1 => bytes.insert(at, sign),
                2 if at < bytes.len() => bytes[at] = sign,
                3 => {
                    let copy = bytes[at..upto].to_vec();
                    let to = self.below(bytes.len() + 1);
                    drop(bytes.splice(to..to, copy));
                }
                _ => bytes.truncate(bytes.len() - self.below(bytes.len().min(60) + 1)),
            }
        }
    }

    /// Anything.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(400);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}
