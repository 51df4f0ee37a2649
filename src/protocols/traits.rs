/*! What a request asks of a model, whatever its protocol. */

use crate::json::{Span, Text};
use crate::ledger::Kinds;
use crate::tokens::{Media, Prompt};

/// What providers charge for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tariff {
    /// Its tokens. Without a price it is not known what it costs.
    #[default]
    Tokens,
    /// Nothing, unless a price is told.
    IfPriced,
    /// Nothing. It uses no tokens either.
    Never,
}

/// A file that a request names by an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The id.
    pub id: String,
    /// Where that stands, with its quotes.
    pub span: Span,
    /// The tokens that it was counted as among files; 0: it was not, it is an image.
    pub counted: u64,
}

/// What a request asks of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// Whether the answer shall be a stream.
    pub stream: bool,
    /// The text of the prompt: messages, system prompts, definitions of tools and of what the
    /// answer shall look like.
    pub text: Prompt,
    /// Tokens that messages and tools cost beside their text.
    pub framing: u64,
    /// Tokens that an earlier response, which the provider keeps, brings into the prompt.
    pub context: u64,
    /// Images, sounds and files.
    pub media: Media,
    /// Whether the prompt holds, or will come to hold, what can't be counted: encrypted
    /// reasoning, what tools of the provider's find.
    pub uncounted: bool,
    /// The longest answer asked for, in tokens.
    pub max_output: Option<u64>,
    /// The longest answer where none is asked for, in tokens, if the API itself has a bound.
    pub usual_output: Option<u64>,
    /// How many answers are asked for, at least 1.
    pub answers: u64,
    /// How often the answer says the prompt again.
    pub echoes: u64,
    /// Whether tools are offered.
    pub tools: bool,
    /// Whether there is an image.
    pub image: bool,
    /// Whether there is sound.
    pub audio: bool,
    /// Whether there is a file.
    pub file: bool,
    /// Whether a file is named by the id under which the provider stores it.
    pub stored_file: bool,
    /// Where it names something else that the provider keeps, such as sound of an earlier answer.
    pub stored_other: Option<&'static str>,
    /// Those that OpenAI's APIs name so, in their order.
    pub stored_files: Vec<StoredFile>,
    /// Whether the answer may be sound.
    pub audio_output: bool,
    /// Whether the provider is asked to keep parts of the prompt in its cache.
    pub cache: bool,
    /// What is charged for it.
    pub tariff: Tariff,
    /// Seconds of sound that shall be heard, estimated.
    pub seconds: u64,
    /// Characters that shall be spoken.
    pub characters: u64,
    /// Images that shall be made.
    pub images: u64,
    /// Tokens of an answer that is sound or images, estimated, where its provider tells none.
    pub media_output: u64,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            stream: false,
            text: Prompt::default(),
            framing: 0,
            context: 0,
            media: Media::default(),
            uncounted: false,
            max_output: None,
            usual_output: None,
            answers: 1,
            echoes: 0,
            tools: false,
            image: false,
            audio: false,
            file: false,
            stored_file: false,
            stored_other: None,
            stored_files: Vec::new(),
            audio_output: false,
            cache: false,
            tariff: Tariff::Tokens,
            seconds: 0,
            characters: 0,
            images: 0,
            media_output: 0,
        }
    }
}

impl Traits {
    /// Tokens of the prompt, estimated (`docs/estimates.md`).
    pub fn prompt_tokens(&self) -> u64 {
        let text = self.text.tokens().saturating_add(self.framing);
        text.saturating_add(self.media.tokens())
            .saturating_add(self.context)
    }

    /// Notes a file that is named by `id`, and was counted as so many tokens of a file.
    pub(super) fn name_file(&mut self, id: &Text<'_>, counted: u64) {
        self.stored_file = true;
        self.stored_files.push(StoredFile {
            id: id.value().into_owned(),
            span: id.span(),
            counted,
        });
    }

    /// Counts files again whose tokens are known.
    pub fn recount_files(&mut self, known: &dyn Fn(&str) -> Option<u64>) {
        for named in self.stored_files.iter_mut().filter(|it| it.counted > 0) {
            if let Some(tokens) = known(&named.id) {
                let others = self.media.file.saturating_sub(named.counted);
                self.media.file = others.saturating_add(tokens);
                named.counted = tokens;
            }
        }
    }

    /// What it may be charged for besides text.
    pub const fn kinds(&self) -> Kinds {
        Kinds {
            cache: self.cache,
            audio_input: self.audio,
            audio_output: self.audio_output,
            image: self.image,
            seconds: self.seconds,
            characters: self.characters,
            images: self.images,
        }
    }
}
