/*! Steps of workflows: what a model is asked, what that may use, and what its answer says. */

use super::reading::{Unfit, document};
use super::{Failure, Findings, MAX_ANSWER, chat, moderation, speech};
use crate::config::{MaxTokensField, Step, StepKind, StepModel};
use crate::http::{Answer, Callout};
use crate::json::{Kind, quote};
use crate::ledger::{Kinds, Usage};
use crate::protocols::{Api, Medium, ReportedUsage};
use crate::tokens::{Prompt, framing, media};

/// Longest text that is taken of an answer, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// What a step is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// An image or a sound.
    Medium(Medium),
    /// What was said in older turns.
    Turns(String),
    /// The texts of a request.
    Texts(Vec<String>),
}

impl Work {
    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Medium(Medium::Image { url, .. }) => url.len(),
            Self::Medium(Medium::Sound { data, .. }) => data.len(),
            Self::Turns(text) => text.len(),
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

/// What a step has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Made {
    /// A text.
    Text(String),
    /// What a service thinks of the texts.
    Findings(Findings),
}

/// What a step has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUsage {
    /// As the provider said.
    Reported(Usage),
    /// As nobody said.
    Estimated(Usage),
}

/// The request of a step.
///
/// # Errors
/// [`Failure::TooLong`] if it does not fit into the model's window, [`Failure::Unreadable`] if
/// what is to be sent is not what it says it is.
pub fn step_request(
    step: &Step,
    asked: &StepModel,
    work: &Work,
    token: u64,
) -> Result<Callout, Failure> {
    let needed = most(step, work);
    let needed = needed.input.saturating_add(needed.output);
    if asked.context.is_some_and(|window| needed > window) {
        return Err(Failure::TooLong);
    }
    let (content_type, body) = match work {
        Work::Medium(Medium::Sound { data, format }) => {
            speech::question(&asked.model, data, format).ok_or(Failure::Unreadable)?
        }
        Work::Medium(Medium::Image { url, detail }) => {
            (JSON, talk(step, asked, &image(&step.prompt, url, detail)))
        }
        Work::Turns(text) => (JSON, talk(step, asked, &turns(&step.prompt, text))),
        Work::Texts(texts) => (
            JSON,
            moderation::question(&step.moderation, texts).into_bytes(),
        ),
    };
    Ok(Callout {
        token,
        cluster: asked.cluster.clone(),
        method: "POST",
        authority: asked.authority.clone(),
        path: asked.path.clone(),
        headers: vec![("content-type", content_type)],
        body,
        timeout_ms: asked.timeout_ms,
    })
}

const JSON: &str = "application/json";

fn talk(step: &Step, asked: &StepModel, messages: &str) -> Vec<u8> {
    let (model, most) = (quote(&asked.model), step.max_output);
    let field = match asked.max_tokens_field {
        MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        MaxTokensField::MaxTokens | MaxTokensField::AsSent => "max_tokens",
    };
    format!(r#"{{"model":{model},"messages":[{messages}],"{field}":{most},"stream":false}}"#)
        .into_bytes()
}

fn image(prompt: &str, url: &str, detail: &str) -> String {
    let detail = match detail {
        "" => String::new(),
        detail => format!(r#","detail":{}"#, quote(detail)),
    };
    let (prompt, url) = (quote(prompt), quote(url));
    format!(
        r#"{{"role":"user","content":[{{"type":"text","text":{prompt}}},{{"type":"image_url","image_url":{{"url":{url}{detail}}}}}]}}"#
    )
}

fn turns(prompt: &str, text: &str) -> String {
    let (prompt, text) = (quote(prompt), quote(text));
    format!(r#"{{"role":"system","content":{prompt}}},{{"role":"user","content":{text}}}"#)
}

/// The most that a step can use.
pub fn most(step: &Step, work: &Work) -> Usage {
    let text = |text: &str| {
        let mut prompt = Prompt::by_length();
        prompt.add(step.prompt.as_bytes());
        prompt.add(text.as_bytes());
        let framing = framing::MESSAGE.saturating_mul(2);
        let tokens = prompt.tokens().saturating_add(framing);
        tokens.saturating_add(framing::REQUEST)
    };
    let usage = match work {
        Work::Medium(Medium::Image { url, detail }) => {
            let image = media::openai_image(url.as_bytes(), detail.as_bytes());
            Usage {
                input: text("").saturating_add(image),
                image_input: image,
                ..Usage::NONE
            }
        }
        Work::Medium(Medium::Sound { data, .. }) => {
            let audio = media::audio(data.as_bytes());
            Usage {
                input: audio,
                audio_input: audio,
                seconds: media::audio_seconds(data.as_bytes()),
                ..Usage::NONE
            }
        }
        Work::Turns(turns) => Usage {
            input: text(turns),
            ..Usage::NONE
        },
        Work::Texts(_) => Usage::NONE,
    };
    Usage {
        output: step.max_output,
        ..usage
    }
}

/// What its tokens may be, and what is counted beside them, if it uses `most`.
pub const fn kinds(work: &Work, most: &Usage) -> Kinds {
    Kinds {
        cache: false,
        audio_input: matches!(work, Work::Medium(Medium::Sound { .. })),
        audio_output: false,
        image: matches!(work, Work::Medium(Medium::Image { .. })),
        characters: 0,
        seconds: most.seconds,
        images: 0,
    }
}

/// What an answer says, and what it took; `None`: Envoy did not make the request. What failed is
/// charged as the most that it can have used, unless nobody was at work, or the provider has
/// refused it.
pub fn heard(
    step: &Step,
    work: &Work,
    answer: Option<&Answer>,
) -> (Result<Made, Failure>, StepUsage) {
    let nothing = StepUsage::Reported(Usage::NONE);
    let unknown = StepUsage::Estimated(most(step, work));
    let Some(answer) = answer else {
        return (Err(Failure::NotSent), nothing);
    };
    match answer.status {
        200..=299 => {}
        504 => return (Err(Failure::Timeout), unknown),
        // Not even a head has come: what was done before the connection broke nobody knows.
        0 => return (Err(Failure::Status(0)), unknown),
        status => return (Err(Failure::Status(status)), nothing),
    }
    if answer.body.len() > MAX_ANSWER {
        return (Err(Failure::TooLong), unknown);
    }
    match step.kind {
        StepKind::Moderate => (judged(step, work, &answer.body), nothing),
        StepKind::DescribeImages | StepKind::SummariseContext => {
            let said = chat::said(&answer.body);
            let usage = said
                .as_ref()
                .map_or(ReportedUsage::Absent, |said| said.usage);
            told(said.and_then(|said| said.text), usage, unknown)
        }
        StepKind::TranscribeAudio => {
            let (text, usage) = transcript(&answer.body).unwrap_or((None, ReportedUsage::Absent));
            let usage = match usage {
                ReportedUsage::Counted(usage) => {
                    heard_sound(usage, text.as_deref(), most(step, work).seconds)
                }
                _ => unknown,
            };
            (text_of(text), usage)
        }
    }
}

/// What a transcript has used: models that are paid by the second tell no tokens, others no
/// seconds.
fn heard_sound(told: Usage, text: Option<&str>, seconds: u64) -> StepUsage {
    let usage = Usage {
        seconds: match told.seconds {
            0 => seconds,
            told => told,
        },
        ..told
    };
    if usage.input > 0 || usage.output > 0 {
        return StepUsage::Reported(usage);
    }
    let mut said = Prompt::by_length();
    said.add(text.unwrap_or_default().as_bytes());
    let output = said.tokens();
    StepUsage::Estimated(Usage { output, ..usage })
}

fn judged(step: &Step, work: &Work, body: &[u8]) -> Result<Made, Failure> {
    let Work::Texts(texts) = work else {
        return Err(Failure::Unreadable);
    };
    let findings = moderation::findings(&step.moderation, texts, body);
    findings.map(Made::Findings).ok_or(Failure::Unreadable)
}

fn told(
    text: Option<String>,
    usage: ReportedUsage,
    unknown: StepUsage,
) -> (Result<Made, Failure>, StepUsage) {
    let usage = match usage {
        ReportedUsage::Counted(usage) => StepUsage::Reported(usage),
        ReportedUsage::Absent | ReportedUsage::Absurd | ReportedUsage::Prompt(_) => unknown,
    };
    (text_of(text), usage)
}

fn text_of(text: Option<String>) -> Result<Made, Failure> {
    match text.map(|text| text.trim().to_owned()) {
        Some(text) if text.len() > MAX_TEXT => Err(Failure::TooLong),
        Some(text) if !text.is_empty() => Ok(Made::Text(text)),
        _ => Err(Failure::Unreadable),
    }
}

/// `{"text": …}`, with `usage` where the model counts tokens.
fn transcript(body: &[u8]) -> Option<(Option<String>, ReportedUsage)> {
    document(body, |reader| {
        let (mut text, mut usage) = (None, ReportedUsage::Absent);
        reader.object(|reader, key| {
            match (&*key.value(), reader.kind()?) {
                ("text", Kind::String) => text = Some(reader.string()?.value().into_owned()),
                ("usage", Kind::Object) => usage = ReportedUsage::read(Api::Responses, reader)?,
                _ => drop(reader.skip()?),
            }
            Ok::<_, Unfit>(())
        })?;
        Ok((text, usage))
    })
}

impl StepUsage {
    /// The counts, whoever knows them.
    pub const fn counts(self) -> Usage {
        match self {
            Self::Reported(usage) | Self::Estimated(usage) => usage,
        }
    }
}
