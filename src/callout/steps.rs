/*! Steps of workflows: what a model is asked, what that may use, and what its answer says. */

use super::reading::{Unfit, document};
use super::{Failure, Findings, MAX_ANSWER, chat, moderation, panel, speech};
use crate::config::{MAX_CANDIDATE, MaxTokensField, Step, StepKind, StepModel};
use crate::http::{Answer, Callout};
use crate::json::{Kind, quote};
use crate::ledger::{Kinds, Usage};
use crate::protocols::openai::{Voice, speech_usage};
use crate::protocols::translate::{self, ChatApi};
use crate::protocols::{Api, Medium, Protocol, ReportedUsage, anthropic};
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
    /// The request itself, for a member of a panel.
    Question(Box<Question>),
    /// What a judge is shown, and of how many candidates.
    Ballot(String, usize),
    /// A text that is read aloud, and how.
    Speech(String, Voice),
}

/// A request as one model is asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The request, which fits the model.
    pub body: Vec<u8>,
    /// The most that it can use.
    pub most: Usage,
    /// What its tokens may be.
    pub kinds: Kinds,
}

impl Work {
    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Medium(Medium::Image { url, .. }) => url.len(),
            Self::Medium(Medium::Sound { data, .. }) => data.len(),
            Self::Turns(text) | Self::Speech(text, _) => text.len(),
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
            Self::Question(question) => question.body.len(),
            Self::Ballot(text, _) => text.len(),
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
    /// An answer to the call, by the model's own API, and what it says.
    Answer(Vec<u8>, String),
    /// Which candidate is the best, counted from 0.
    Choice(usize),
    /// A sound, in the format that was asked for.
    Sound(Vec<u8>),
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
    if matches!(work, Work::Speech(..)) && most(step, work).characters > step.max_characters {
        return Err(Failure::TooLong);
    }
    let (content_type, body) = match work {
        Work::Medium(Medium::Sound { data, format }) => {
            speech::question(&asked.model, data, format).ok_or(Failure::Unreadable)?
        }
        Work::Medium(Medium::Image { url, detail }) => {
            (JSON, talk(step, asked, &image(&step.prompt, url, detail)))
        }
        Work::Turns(text) | Work::Ballot(text, _) => {
            (JSON, talk(step, asked, &turns(&step.prompt, text)))
        }
        Work::Question(question) => (JSON, question.body.clone()),
        Work::Speech(text, voice) => (JSON, spoken(&asked.model, text, voice)),
        Work::Texts(texts) => (
            JSON,
            moderation::question(&step.moderation, texts).into_bytes(),
        ),
    };
    let mut headers = vec![("content-type", content_type)];
    if asked.api.protocol() == Protocol::Anthropic {
        headers.push(anthropic::VERSION);
    }
    Ok(Callout {
        token,
        cluster: asked.cluster.clone(),
        method: "POST",
        authority: asked.authority.clone(),
        path: asked.path.clone(),
        headers,
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

fn spoken(model: &str, text: &str, voice: &Voice) -> Vec<u8> {
    let (model, text, name) = (quote(model), quote(text), quote(&voice.name));
    let format = voice.format;
    format!(r#"{{"model":{model},"input":{text},"voice":{name},"response_format":"{format}"}}"#)
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
        Work::Turns(said) | Work::Ballot(said, _) => Usage {
            input: text(said),
            ..Usage::NONE
        },
        Work::Texts(_) => Usage::NONE,
        Work::Question(question) => return question.most,
        Work::Speech(text, _) => return speech_usage(text),
    };
    Usage {
        output: step.max_output,
        ..usage
    }
}

/// What its tokens may be, and what is counted beside them, if it uses `most`.
pub const fn kinds(work: &Work, most: &Usage) -> Kinds {
    if let Work::Question(question) = work {
        return question.kinds;
    }
    Kinds {
        cache: false,
        audio_input: matches!(work, Work::Medium(Medium::Sound { .. })),
        audio_output: matches!(work, Work::Speech(..)),
        image: matches!(work, Work::Medium(Medium::Image { .. })),
        characters: most.characters,
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
        StepKind::DescribeImages | StepKind::SummariseContext => talked(&answer.body, unknown),
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
        StepKind::Speak => match answer.body.is_empty() {
            true => (Err(Failure::Unreadable), unknown),
            false => (Ok(Made::Sound(answer.body.clone())), unknown),
        },
        StepKind::Panel => {
            let asked = answer.body.len() <= MAX_CANDIDATE;
            match asked.then(|| answered(step.asked.api, &answer.body)) {
                Some((made, usage)) => (made, reported(usage, unknown)),
                None => (Err(Failure::TooLong), unknown),
            }
        }
        StepKind::PanelJudge => {
            let (made, usage) = talked(&answer.body, unknown);
            let choice = match (made, work) {
                (Ok(Made::Text(verdict)), Work::Ballot(_, candidates)) => {
                    let choice = panel::choice(&verdict, *candidates);
                    choice.map(Made::Choice).ok_or(Failure::Unreadable)
                }
                (made, _) => made.and(Err(Failure::Unreadable)),
            };
            (choice, usage)
        }
    }
}

/// What a model has said that was asked by chat completions.
fn talked(body: &[u8], unknown: StepUsage) -> (Result<Made, Failure>, StepUsage) {
    let (text, usage) = match chat::said(body) {
        Some(said) => (said.text, said.usage),
        None => (None, ReportedUsage::Absent),
    };
    (text_of(text), reported(usage, unknown))
}

/// An answer of a member of a panel; an empty one is none.
fn answered(api: Api, body: &[u8]) -> (Result<Made, Failure>, ReportedUsage) {
    let usage = usage_in(api, body).unwrap_or(ReportedUsage::Absent);
    let chat = ChatApi::of(api).unwrap_or_default();
    let said = translate::said(chat, body).unwrap_or_default();
    let made = match said.trim() {
        "" => Err(Failure::Unreadable),
        _ => Ok(Made::Answer(body.to_vec(), said)),
    };
    (made, usage)
}

fn usage_in(api: Api, body: &[u8]) -> Option<ReportedUsage> {
    document(body, |reader| {
        let mut usage = ReportedUsage::Absent;
        reader.object(|reader, key| {
            match (&*key.value(), reader.kind()?) {
                ("usage", Kind::Object) => usage = ReportedUsage::read(api, reader)?,
                _ => drop(reader.skip()?),
            }
            Ok::<_, Unfit>(())
        })?;
        Ok(usage)
    })
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

const fn reported(usage: ReportedUsage, unknown: StepUsage) -> StepUsage {
    match usage {
        ReportedUsage::Counted(usage) => StepUsage::Reported(usage),
        ReportedUsage::Absent | ReportedUsage::Absurd | ReportedUsage::Prompt(_) => unknown,
    }
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
