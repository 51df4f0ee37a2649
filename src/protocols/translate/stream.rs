/*! A stream in one API, told in another, event by event. */

use super::hub::{Event, Stop, Usage};
use super::{
    About, ChatApi, Malformed, ProviderApi, anthropic, bedrock, gemini, openai, read_json,
    responses,
};

/// Translates the events of one answer. Feed it the data of each event, framed by
/// [`crate::sse::Framer`]; it writes whole events. What the protocols keep for the end
/// (stop reason, usage) is told once the provider's stream is over.
#[derive(Debug)]
pub struct Stream {
    reader: Reader,
    writer: Writer,
    phase: Phase,
    model: String,
    created: u64,
    id: String,
    usage: Usage,
    /// Whether the answer has tool calls.
    calls: bool,
}

#[derive(Debug)]
enum Reader {
    Completions(openai::Reader),
    Responses(responses::Reader),
    Messages(anthropic::Reader),
    GenerateContent(gemini::Reader),
    Converse(bedrock::Reader),
}

#[derive(Debug)]
enum Writer {
    Completions(openai::Writer),
    Responses(responses::Writer),
    Messages(anthropic::Writer),
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of the answer has come.
    Waiting,
    Answering,
    /// The reason for the end is known, its terminal event is still to come.
    Stopped(Stop<'static>),
    /// The terminal event is written.
    Ended,
    /// An error is written, or was returned, or the provider ended without a reason.
    Failed,
}

impl Stream {
    /// A stream of a provider that is asked by `from`, for a caller who asks by `to`.
    pub fn new(from: ProviderApi, to: ChatApi, about: &About<'_>) -> Self {
        Self {
            reader: match from {
                ProviderApi::Chat(ChatApi::Completions) => Reader::Completions(Default::default()),
                ProviderApi::Chat(ChatApi::Responses) => Reader::Responses(Default::default()),
                ProviderApi::Chat(ChatApi::Messages) => Reader::Messages(Default::default()),
                ProviderApi::GenerateContent => Reader::GenerateContent(Default::default()),
                ProviderApi::Converse => Reader::Converse(Default::default()),
            },
            writer: match to {
                ChatApi::Completions => Writer::Completions(openai::Writer::default()),
                ChatApi::Responses => Writer::Responses(responses::Writer::default()),
                ChatApi::Messages => Writer::Messages(anthropic::Writer::default()),
            },
            phase: Phase::Waiting,
            model: about.model.to_owned(),
            created: about.created,
            id: about.id.to_owned(),
            usage: Usage::Untold,
            calls: false,
        }
    }

    /// Takes the data of one event and writes what it says as whole events to the end of
    /// `out`: none, one or several. After the terminal event or an error, nothing more is
    /// written.
    ///
    /// # Errors
    /// The data is nothing that the provider's protocol knows. `out` may have events that
    /// were good; the stream writes no more.
    pub fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.is_over() {
            return Ok(());
        }
        let result = self.take(data, out);
        if result.is_err() {
            self.phase = Phase::Failed;
        }
        result
    }

    /// Ends the stream after the provider's has ended; whether it has come to its proper
    /// end. If only the terminal event was missing, it is written. If more is missing,
    /// nothing is: the caller has to be told of an error.
    pub fn end(&mut self, out: &mut Vec<u8>) -> bool {
        if let Phase::Stopped(stop) = &self.phase {
            let stop = stop.clone();
            self.phase = Phase::Ended;
            self.finish(stop, out);
        }
        self.phase == Phase::Ended
    }

    /// Whether the terminal event, or an error, is written: what follows is not looked at.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::Failed)
    }

    fn take(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        if data.trim_ascii() == b"[DONE]" {
            match &self.reader {
                Reader::Completions(reader) => reader.done()?,
                // Some servers send it behind the last event, which ends the stream.
                Reader::Responses(_) => {}
                Reader::Messages(_) | Reader::GenerateContent(_) | Reader::Converse(_) => {
                    return Err(Malformed("not JSON"));
                }
            }
            return self.apply(Event::Done, out);
        }
        let value = read_json(data)?;
        let mut events = Vec::new();
        match &mut self.reader {
            Reader::Completions(reader) => reader.read(&value, &mut events)?,
            Reader::Responses(reader) => reader.read(&value, &mut events)?,
            Reader::Messages(reader) => reader.read(&value, &mut events)?,
            Reader::GenerateContent(reader) => reader.read(&value, &mut events)?,
            Reader::Converse(reader) => reader.read(&value, &mut events)?,
        }
        events
            .into_iter()
            .try_for_each(|event| self.apply(event, out))
    }

    fn apply(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match event {
            _ if matches!(self.phase, Phase::Ended | Phase::Failed) => {}
            Event::Start { id } => self.start(id, out),
            Event::Usage(usage) => self.usage = usage,
            Event::Stop(stop) => {
                self.start(None, out);
                self.phase = Phase::Stopped(stop.into_owned());
            }
            Event::Fault(fault) => {
                fault.event(self.to(), self.next_number(), out);
                self.phase = Phase::Failed;
            }
            Event::Done if self.phase == Phase::Waiting => {
                return Err(Malformed("a stream without an answer"));
            }
            Event::Done => {
                // Without a reason, the answer may have been cut.
                if !self.end(out) {
                    self.phase = Phase::Failed;
                }
            }
            event => return self.generated(&event, out),
        }
        Ok(())
    }

    /// The API of the caller.
    pub const fn to(&self) -> ChatApi {
        match self.writer {
            Writer::Completions(_) => ChatApi::Completions,
            Writer::Responses(_) => ChatApi::Responses,
            Writer::Messages(_) => ChatApi::Messages,
        }
    }

    /// The number of the next event, where the caller's have one.
    pub const fn next_number(&self) -> u64 {
        match &self.writer {
            Writer::Responses(writer) => writer.next_number(),
            Writer::Completions(_) | Writer::Messages(_) => 0,
        }
    }

    /// Writes the first event, once.
    fn start(&mut self, id: Option<String>, out: &mut Vec<u8>) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.phase = Phase::Answering;
        let about = about(&self.model, self.created, &self.id);
        match &mut self.writer {
            Writer::Completions(writer) => writer.start(id, &about, out),
            Writer::Responses(writer) => writer.start(id, &about, out),
            Writer::Messages(writer) => writer.start(id, &about, out),
        }
    }

    fn generated(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.start(None, out);
        self.calls |= matches!(event, Event::Call { .. });
        let about = about(&self.model, self.created, &self.id);
        match &mut self.writer {
            Writer::Completions(writer) => {
                writer.write(event, &about, out);
                Ok(())
            }
            Writer::Responses(writer) => writer.write(event, &about, out),
            Writer::Messages(writer) => writer.write(event, &about, out),
        }
    }

    fn finish(&mut self, stop: Stop<'static>, out: &mut Vec<u8>) {
        let stop = stop.with_calls(self.calls);
        let about = about(&self.model, self.created, &self.id);
        match &mut self.writer {
            Writer::Completions(writer) => writer.finish(&stop, &self.usage, &about, out),
            Writer::Responses(writer) => writer.finish(&stop, &self.usage, &about, out),
            Writer::Messages(writer) => writer.finish(&stop, &self.usage, out),
        }
    }
}

/// Free of `self`, so that the writer can be borrowed beside it.
const fn about<'a>(model: &'a str, created: u64, id: &'a str) -> About<'a> {
    About { model, created, id }
}
