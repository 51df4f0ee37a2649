/*! What differs between Bedrock's models, told by their names.

Sources: Amazon Bedrock's guide, "Prompt caching for faster model inference" (models, fields and times)
and "Citations API and PDF support for Claude models"; Anthropic's page "PDF support" (Converse). What
the guide leaves out was met by others: points in tools and behind results of Nova's (LibreChat#13838,
aws-samples/bedrock-engineer#71), any points of Nova 2's (zeroclaw#8720), points behind documents that
are no PDF (strands-agents/harness-sdk#1966), the time (earendil-works/pi#1570, archestra#5696), and
citations in results (boto3#4648). */

/// Whose a model is, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's: has words of its own for thinking.
    Claude,
    /// Amazon's.
    Nova,
    /// Another's, or hidden behind the name of a profile.
    Other,
}

/// A model, as far as its name tells what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) family: Family,
    points: Points,
    /// Whether points may last for an hour.
    pub(super) knows_hour: bool,
    /// Whether it looks at the pages of a PDF, if it may cite it; it gets the text alone otherwise.
    pub(super) sees_pages: bool,
}

/// Where points may stand up to which prompts are cached. Elsewhere they are answered with 400 or 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Points {
    Nowhere,
    BehindTexts,
    Anywhere,
}

/// What a point would stand behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    Text,
    /// A document that is no PDF. Converse makes a text of it, and no point can stand behind that.
    Extract,
    /// A tool, a call, a result, an image or a PDF.
    Other,
}

/// Claude models that know no points. Of 3.5 Sonnet, the second knows them for the accounts that were
/// in the preview only.
const POINTLESS: [&str; 8] = [
    "claude-v1",
    "claude-v2",
    "claude-2",
    "claude-instant",
    "claude-3-opus",
    "claude-3-sonnet",
    "claude-3-haiku",
    "claude-3-5-sonnet",
];

/// Nova models that know them: not those of the second generation.
const NOVAS: [&str; 4] = ["nova-micro", "nova-lite", "nova-pro", "nova-premier"];

/// Models that know an hour: those for which Amazon says so.
const HOURS: [&str; 3] = ["opus-4-5", "sonnet-4-5", "haiku-4-5"];

/// Claude models that know no citations.
const CITELESS: [&str; 9] = [
    "claude-v1",
    "claude-v2",
    "claude-2",
    "claude-instant",
    "claude-3-opus",
    "claude-3-sonnet",
    "claude-3-haiku",
    "claude-3-5-haiku",
    "claude-3-5-sonnet-20240620",
];

impl Model {
    pub(super) fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase().replace('.', "-");
        let is_of = |names: &[&str]| names.iter().any(|known| name.contains(known));
        let family = if name.contains("claude") {
            Family::Claude
        } else if name.contains("nova") {
            Family::Nova
        } else {
            Family::Other
        };
        let claude = family == Family::Claude;
        let points = match family {
            Family::Claude if !is_of(&POINTLESS) => Points::Anywhere,
            Family::Nova if is_of(&NOVAS) => Points::BehindTexts,
            _ => Points::Nowhere,
        };
        Self {
            family,
            points,
            knows_hour: claude && is_of(&HOURS),
            sees_pages: claude && !is_of(&CITELESS),
        }
    }

    /// Whether it knows results that have failed (`ToolResultBlock`).
    pub(super) const fn knows_failures(self) -> bool {
        matches!(self.family, Family::Claude | Family::Nova)
    }

    pub(super) const fn takes_point(self, behind: Spot) -> bool {
        match self.points {
            Points::Nowhere => false,
            Points::BehindTexts => matches!(behind, Spot::Text),
            Points::Anywhere => !matches!(behind, Spot::Extract),
        }
    }
}
