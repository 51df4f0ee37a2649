/*! Words that two askings of one question may differ in.

Whatever is not listed has to be the same in both: names, numbers, what shall be done, with what and
without what, and negations in any language. A word is listed only where the question stays the
same without it; embeddings, which tell opposites and names of one kind badly apart, decide the
rest. */

/// A language, by its light words: those that ask, point and help, sorted.
struct Language {
    name: &'static str,
    light: &'static [&'static str],
}

const LANGUAGES: [Language; 7] = [
    Language {
        name: "en",
        light: &[
            "a",
            "able",
            "about",
            "an",
            "any",
            "are",
            "as",
            "at",
            "be",
            "by",
            "can",
            "could",
            "define",
            "describe",
            "do",
            "does",
            "doing",
            "explain",
            "for",
            "get",
            "getting",
            "give",
            "go",
            "going",
            "has",
            "have",
            "having",
            "hello",
            "help",
            "hey",
            "hi",
            "how",
            "i",
            "in",
            "is",
            "it",
            "its",
            "kindly",
            "know",
            "let",
            "like",
            "looking",
            "may",
            "me",
            "mean",
            "meaning",
            "might",
            "mine",
            "my",
            "myself",
            "need",
            "of",
            "ok",
            "okay",
            "on",
            "our",
            "please",
            "possible",
            "process",
            "question",
            "say",
            "show",
            "so",
            "some",
            "tell",
            "thank",
            "thanks",
            "that",
            "the",
            "then",
            "there",
            "these",
            "this",
            "those",
            "to",
            "try",
            "trying",
            "understand",
            "us",
            "using",
            "want",
            "way",
            "we",
            "what",
            "whether",
            "which",
            "will",
            "with",
            "wonder",
            "wondering",
            "work",
            "works",
            "would",
            "you",
        ],
    },
    Language {
        name: "de",
        light: &[
            "am",
            "an",
            "bitte",
            "dann",
            "das",
            "dass",
            "deinen",
            "dem",
            "den",
            "denn",
            "der",
            "des",
            "die",
            "dieser",
            "du",
            "eigentlich",
            "ein",
            "eine",
            "einem",
            "einen",
            "einer",
            "eines",
            "erklär",
            "erkläre",
            "erklären",
            "es",
            "euch",
            "eure",
            "gerne",
            "habe",
            "haben",
            "habt",
            "hallo",
            "hat",
            "heißt",
            "ich",
            "ihr",
            "ihre",
            "ihren",
            "im",
            "in",
            "ist",
            "kann",
            "kannst",
            "können",
            "könnt",
            "könnte",
            "mal",
            "man",
            "mein",
            "meine",
            "meinem",
            "meinen",
            "meiner",
            "mich",
            "mir",
            "möchte",
            "möglich",
            "sag",
            "sagen",
            "sie",
            "sind",
            "so",
            "uns",
            "unser",
            "von",
            "was",
            "weiß",
            "welche",
            "welcher",
            "welches",
            "wie",
            "will",
            "wir",
            "wissen",
            "würde",
            "zu",
            "zum",
            "zur",
        ],
    },
    Language {
        name: "fr",
        light: &[
            "au",
            "aux",
            "avez",
            "bonjour",
            "ce",
            "cela",
            "ces",
            "cette",
            "comment",
            "de",
            "des",
            "dire",
            "dis",
            "dites",
            "du",
            "elle",
            "en",
            "est",
            "explique",
            "expliquer",
            "expliquez",
            "faire",
            "fait",
            "faut",
            "il",
            "ils",
            "je",
            "la",
            "le",
            "les",
            "ma",
            "me",
            "merci",
            "mes",
            "moi",
            "mon",
            "nos",
            "notre",
            "nous",
            "on",
            "ont",
            "peut",
            "peux",
            "plaît",
            "pourriez",
            "pouvez",
            "pouvoir",
            "puis",
            "que",
            "quel",
            "quelle",
            "quelles",
            "quels",
            "qui",
            "quoi",
            "sont",
            "svp",
            "ta",
            "te",
            "tes",
            "ton",
            "tu",
            "un",
            "une",
            "veux",
            "vos",
            "votre",
            "voudrais",
            "vous",
            "à",
        ],
    },
    Language {
        name: "es",
        light: &[
            "a",
            "al",
            "como",
            "cuál",
            "cuáles",
            "cómo",
            "de",
            "decir",
            "decirme",
            "del",
            "dime",
            "el",
            "en",
            "es",
            "esta",
            "este",
            "está",
            "están",
            "explica",
            "explicar",
            "explícame",
            "favor",
            "gracias",
            "hacer",
            "hago",
            "hay",
            "hola",
            "la",
            "las",
            "le",
            "lo",
            "los",
            "me",
            "mi",
            "mis",
            "necesito",
            "nos",
            "nuestro",
            "para",
            "podría",
            "por",
            "puede",
            "puedes",
            "puedo",
            "que",
            "quiero",
            "qué",
            "se",
            "son",
            "su",
            "sus",
            "te",
            "tengo",
            "tu",
            "tus",
            "un",
            "una",
            "unas",
            "unos",
        ],
    },
    Language {
        name: "pt",
        light: &[
            "a", "ao", "as", "como", "da", "das", "de", "diga", "do", "dos", "em", "essa", "esse",
            "esta", "este", "estou", "está", "explicar", "explique", "favor", "faz", "fazer",
            "faço", "meu", "meus", "minha", "minhas", "o", "obrigado", "olá", "os", "para", "pode",
            "poderia", "posso", "preciso", "quais", "qual", "que", "quero", "seu", "seus", "sua",
            "suas", "são", "um", "uma", "você", "à", "é",
        ],
    },
    Language {
        name: "it",
        light: &[
            "a", "ad", "al", "alla", "che", "ci", "ciao", "come", "cos", "cosa", "da", "dei",
            "del", "della", "di", "dimmi", "dire", "faccio", "fare", "favore", "gli", "grazie",
            "ho", "i", "il", "in", "io", "la", "le", "lo", "mi", "mia", "mie", "miei", "mio",
            "per", "posso", "potrebbe", "potrei", "potresti", "puoi", "può", "qual", "quale",
            "quali", "questa", "questo", "si", "sono", "spiega", "spiegami", "spiegare", "tu",
            "tua", "tuo", "un", "una", "uno", "voglio", "vorrei", "è",
        ],
    },
    Language {
        name: "nl",
        light: &[
            "aan",
            "alstublieft",
            "ben",
            "bij",
            "dat",
            "de",
            "deze",
            "die",
            "dit",
            "doe",
            "doen",
            "een",
            "er",
            "graag",
            "hallo",
            "heb",
            "hebben",
            "heeft",
            "het",
            "hij",
            "hoe",
            "ik",
            "in",
            "is",
            "je",
            "jij",
            "jouw",
            "jullie",
            "kan",
            "kun",
            "kunnen",
            "kunt",
            "leg",
            "me",
            "mij",
            "mijn",
            "moet",
            "mogelijk",
            "om",
            "ons",
            "onze",
            "op",
            "te",
            "u",
            "uitleggen",
            "uw",
            "van",
            "vertel",
            "voor",
            "wat",
            "we",
            "welke",
            "wij",
            "wil",
            "zijn",
            "zou",
        ],
    },
];

/// English words that mean the same where a question is asked, each list after the word that stands
/// for it. Singular and plural are the same anyway.
const SAME: [(&str, &[&str]); 24] = [
    ("begin", &["begins", "start", "starts", "starting"]),
    ("buy", &["buying", "purchase", "purchasing"]),
    ("child", &["children", "kid", "kids"]),
    ("color", &["colour", "colours"]),
    ("delete", &["remove", "removing", "erase", "erasing"]),
    ("differ", &["difference", "differences", "different"]),
    ("end", &["ending", "finish"]),
    ("fast", &["quick", "quickly"]),
    ("faster", &["quicker"]),
    ("film", &["movie", "movies"]),
    ("find", &["found", "locate"]),
    ("fix", &["repair", "repairing"]),
    ("forget", &["forgot", "forgotten"]),
    ("happen", &["occur", "occurs"]),
    ("high", &["height", "tall"]),
    ("kilometer", &["kilometre", "kilometres", "km"]),
    ("picture", &["image", "images", "photo", "photos"]),
    ("ship", &["shipping", "deliver", "delivery"]),
    (
        "suggest",
        &[
            "suggestion",
            "suggestions",
            "recommend",
            "recommendation",
            "recommendations",
        ],
    ),
    (
        "summary",
        &["summaries", "summarize", "summarise", "summarizing"],
    ),
    ("update", &["updating", "change", "changing"]),
    ("vacation", &["holiday", "holidays"]),
    ("who", &["whom"]),
    (
        "write",
        &["wrote", "written", "compose", "composed", "author"],
    ),
];

/// English words for numbers, from 1 on.
const NUMBERS: [&str; 12] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
];

/// Words that only say that a way is wanted, before `way`.
const WAYS: [&str; 6] = ["best", "correct", "easiest", "proper", "right", "simplest"];

/// A language that is known, or none.
#[derive(Clone, Copy)]
pub(super) struct Tongue(&'static Language);

impl Tongue {
    /// The language that has most of these words. English unless there are two or more of another.
    pub(super) fn of<'w>(words: impl Iterator<Item = &'w str> + Clone) -> Self {
        let [english, others @ ..] = &LANGUAGES;
        let count = |language: &Language| {
            let words = words.clone();
            words.filter(|word| language.is_light(word)).count()
        };
        let mut best = (english, count(english).max(1));
        for language in others {
            let known = count(language);
            if known > best.1 {
                best = (language, known);
            }
        }
        Self(best.0)
    }

    pub(super) const fn name(self) -> &'static str {
        self.0.name
    }

    pub(super) fn is_light(self, word: &str) -> bool {
        self.0.is_light(word)
    }

    /// Whether `word` says nothing before the next one.
    pub(super) fn is_idle(self, word: &str, next: Option<&str>) -> bool {
        self.is_english() && next == Some("way") && WAYS.contains(&word)
    }

    /// What stands for a word that comes behind `before`.
    pub(super) fn root(self, before: Option<&str>, word: &str) -> String {
        if !self.is_english() {
            return word.to_owned();
        }
        let asks = matches!(before, Some("what" | "which"));
        if asks && matches!(word, "year" | "date") {
            return "when".to_owned();
        }
        if let Some(place) = NUMBERS.iter().position(|number| *number == word) {
            return place.saturating_add(1).to_string();
        }
        let same = SAME.iter().find(|(_, same)| same.contains(&word));
        same.map_or_else(|| stem(word), |(root, _)| stem(root))
    }

    pub(super) fn is_english(self) -> bool {
        self.0.name == "en"
    }
}

impl Language {
    fn is_light(&self, word: &str) -> bool {
        self.light.binary_search(&word).is_ok()
    }
}

/// An English word without the endings that make plurals and forms of verbs. Words of another
/// script or with digits stay.
fn stem(word: &str) -> String {
    // The only one that is no plural, and another word without its ending.
    let plain =
        word.len() > 3 && word != "news" && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if !plain {
        return word.to_owned();
    }
    let word = singular(word);
    // What is `closed` is no more `closing`.
    let bare = word
        .strip_suffix("ing")
        .filter(|bare| bare.len() > 2 && bare.bytes().any(|byte| b"aeiouy".contains(&byte)));
    let bare = bare.map_or(word.as_str(), undoubled);
    bare.strip_suffix('e').unwrap_or(bare).to_owned()
}

fn singular(word: &str) -> String {
    if let Some(front) = word.strip_suffix("ies") {
        return format!("{front}y");
    }
    let sibilant = ["sses", "xes", "ches", "shes"]
        .iter()
        .any(|ending| word.ends_with(ending));
    if sibilant {
        return word.strip_suffix("es").unwrap_or(word).to_owned();
    }
    let kept = ["ss", "us", "is"]
        .iter()
        .any(|ending| word.ends_with(ending));
    let front = word.strip_suffix('s').filter(|_| !kept);
    front.unwrap_or(word).to_owned()
}

/// `runn` is `run`; `sell` stays.
fn undoubled(word: &str) -> &str {
    match word.as_bytes() {
        [.., one, other] if one == other && !b"lsz".contains(one) => {
            word.get(..word.len().saturating_sub(1)).unwrap_or(word)
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for language in &LANGUAGES {
            assert!(language.light.is_sorted(), "{}", language.name);
        }
        let mut all: Vec<&str> = SAME
            .iter()
            .flat_map(|(root, same)| same.iter().chain([root]))
            .copied()
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn languages() {
        for (text, name) in [
            ("how do i reset my password", "en"),
            ("weather london", "en"),
            ("wie setze ich mein passwort zurück", "de"),
            ("quelle est la capitale", "fr"),
            ("cuál es la capital", "es"),
            ("como posso cancelar minha assinatura", "pt"),
            ("come posso annullare il mio", "it"),
            ("hoe kan ik mijn wachtwoord wijzigen", "nl"),
            ("die hard", "en"),
            ("", "en"),
        ] {
            assert_eq!(Tongue::of(text.split(' ')).name(), name, "{text}");
        }
    }

    #[test]
    fn roots() {
        let english = Tongue::of(std::iter::empty());
        for (one, other) in [
            ("passwords", "password"),
            ("cities", "city"),
            ("boxes", "box"),
            ("running", "run"),
            ("sorting", "sort"),
            ("closures", "closure"),
            ("buying", "purchase"),
            ("wrote", "writes"),
            ("three", "3"),
            ("causes", "cause"),
        ] {
            assert_eq!(english.root(None, one), english.root(None, other), "{one}");
        }
        for (one, other) in [
            ("new", "news"),
            ("bus", "bu"),
            ("glass", "glas"),
            ("thing", "th"),
            ("bring", "br"),
            ("red", "r"),
            ("austria", "australia"),
            ("java", "javascript"),
            ("install", "uninstall"),
            ("metformin", "metoprolol"),
            ("first", "last"),
            ("closed", "closing"),
        ] {
            assert_ne!(english.root(None, one), english.root(None, other), "{one}");
        }
    }
}
