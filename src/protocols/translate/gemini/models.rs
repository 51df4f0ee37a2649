/*! What differs between Gemini's models, told by their names. */

/// How a model is told how much to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinks {
    /// It knows no thinking, and refuses the word.
    Never,
    /// By tokens (2.5).
    ByBudget,
    /// By levels (3 and later).
    ByLevel,
    /// Its name tells nothing, such as that of an endpoint of one's own on Vertex AI.
    Unknown,
}

/// Models that know no thinking.
const THOUGHTLESS: [&str; 4] = ["gemini-1", "gemini-2-0", "gemma", "learnlm"];

impl Thinks {
    pub(super) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase().replace('.', "-");
        if THOUGHTLESS.iter().any(|name| model.contains(name)) {
            Self::Never
        } else if model.contains("gemini-2-5") {
            Self::ByBudget
        } else if is_later(&model) {
            Self::ByLevel
        } else {
            Self::Unknown
        }
    }
}

/// Whether a name tells of the third generation or a later one, or of the newest there is.
fn is_later(model: &str) -> bool {
    let generation = |rest: &str| rest.starts_with(|c: char| ('3'..='9').contains(&c));
    let mut rest = model.split("gemini-").skip(1);
    rest.any(|rest| generation(rest) || rest.ends_with("-latest"))
}

/// Whether a model knows penalties for words that are there already: those from 2.5 on answer 400
/// ("Penalty is not enabled for this model").
pub(super) fn knows_penalties(model: &str) -> bool {
    !matches!(Thinks::of(model), Thinks::ByBudget | Thinks::ByLevel)
}

/// Whether a model refuses to go on with calls that it has not signed (3 and later).
pub(super) fn wants_signatures(model: &str) -> bool {
    Thinks::of(model) == Thinks::ByLevel
}

/// Whether a model is one of the large ones, which can't be kept from thinking.
pub(super) fn is_pro(model: &str) -> bool {
    model.to_ascii_lowercase().contains("-pro")
}

/// Whether it has a level of thinking below `low`.
pub(super) fn knows_minimal(model: &str) -> bool {
    model.to_ascii_lowercase().contains("flash")
}

/// Whether it has a level of thinking between `low` and `high`: the first of the third
/// generation has none.
pub(super) fn knows_medium(model: &str) -> bool {
    !model.to_ascii_lowercase().contains("gemini-3-pro")
}

/// Whether it answers with images, asked for or not, that are paid for. Not all of these models can be
/// asked for text alone (`responseModalities`): some answer 400 then.
pub(super) fn draws(model: &str) -> bool {
    model.to_ascii_lowercase().contains("-image")
}
