/*! What a model would say, by the API that the path asks for. */

use crate::media::{self, Media};
use crate::script::{Fault, Script};
use crate::{bedrock, chat, completions, embeddings, gemini, messages, responses};
use serde_json::{Value, json};

/// The body of an answer, and what goes before it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// Pieces that belong together: events of a stream, or the one body.
    pub(crate) parts: Vec<Vec<u8>>,
    /// How many parts come before content.
    pub(crate) preamble: usize,
}

/// A request to the mock.
pub(crate) struct Request<'r> {
    pub(crate) path: &'r str,
    pub(crate) body: &'r Value,
    /// The id of a response.
    pub(crate) id: &'r str,
}

/// The events of a stream, and how many of them come before content.
pub(crate) struct Events {
    pub(crate) all: Vec<Vec<u8>>,
    pub(crate) preamble: usize,
}

/// How a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Chat,
    Completions,
    Responses,
    Embeddings,
    Messages,
    Gemini,
    Bedrock,
}

impl Api {
    /// The API at `path`.
    pub(crate) fn of(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        if path.ends_with("/messages") || path.ends_with("/messages/count_tokens") {
            Self::Messages
        } else if gemini::is_at(path) {
            Self::Gemini
        } else if bedrock::is_at(path) {
            Self::Bedrock
        } else if path.ends_with("/responses") {
            Self::Responses
        } else if path.ends_with("/embeddings") {
            Self::Embeddings
        } else if path.ends_with("/completions") && !path.ends_with("/chat/completions") {
            Self::Completions
        } else {
            Self::Chat
        }
    }
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const SSE: &str = "text/event-stream; charset=utf-8";

const TEXT: &str = "Hello from the mock provider. ";
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head>\
    <body><h1>Bad gateway</h1></body></html>\n";
const BROKEN: &str = "{\"id\":\"mock\",\"choices\":[{\"del";

impl Request<'_> {
    fn streams(&self) -> bool {
        match Media::of(self.bare()) {
            Some(media) => media::streams(media, self.body),
            None if gemini::is_at(self.path) => gemini::streams(self.path),
            None if bedrock::is_at(self.path) => bedrock::streams(self.path),
            None => self.body["stream"] == json!(true) && Api::of(self.path) != Api::Embeddings,
        }
    }

    fn bare(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The model asked for; Azure's, Gemini's and Bedrock's stand in the path.
    pub(crate) fn model(&self) -> Value {
        if gemini::is_at(self.path) {
            return gemini::model(self.path).into();
        }
        if bedrock::is_at(self.path) {
            return bedrock::model(self.path).into();
        }
        let after = self.path.split_once("/openai/deployments/");
        let deployment = after.and_then(|(_, rest)| rest.split('/').next());
        deployment.map_or_else(|| self.body["model"].clone(), Value::from)
    }
}

/// What `script` makes of an answer to `request`.
pub(crate) fn answer(request: &Request<'_>, script: &Script) -> Answer {
    let api = Api::of(request.path);
    if let Some(body) = &script.body {
        return written(body, script);
    }
    match script.fault {
        Some(Fault::Html) => page(script),
        Some(Fault::Garbage) => garbage(request, script),
        Some(Fault::Error) => error_under_200(api, request, script),
        _ => match script.status.filter(|status| *status >= 400) {
            Some(status) => one(status, JSON, error(api, status, request.body, script)),
            None => good(api, request, script),
        },
    }
}

fn good(api: Api, request: &Request<'_>, script: &Script) -> Answer {
    let status = script.status.unwrap_or(200);
    if let Some(media) = Media::of(request.bare()) {
        return media::answer(media, request, script);
    }
    if !request.streams() {
        let body = match api {
            Api::Chat => chat::whole(request, script),
            Api::Completions => completions::whole(request, script),
            Api::Responses => responses::whole(request, script),
            Api::Embeddings => embeddings::whole(request, script),
            Api::Messages => messages::whole(request, script),
            Api::Gemini => gemini::whole(request, script),
            Api::Bedrock => bedrock::whole(request, script),
        };
        return one(status, JSON, body.to_string());
    }
    let Events { mut all, preamble } = match api {
        // Of embeddings there are none.
        Api::Chat | Api::Embeddings => chat::stream(request, script),
        Api::Completions => completions::stream(request, script),
        Api::Responses => responses::stream(request, script),
        Api::Messages => messages::stream(request, script),
        Api::Gemini => gemini::stream(request, script),
        Api::Bedrock => bedrock::stream(request, script),
    };
    if script.fault == Some(Fault::ErrorMidBody) {
        all.truncate(all.len() / 2);
        all.push(error_event(api, request.body, script));
    }
    Answer {
        status,
        content_type: stream_type(api),
        parts: all,
        preamble,
    }
}

const fn stream_type(api: Api) -> &'static str {
    match api {
        Api::Bedrock => bedrock::STREAM,
        _ => SSE,
    }
}

fn one(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status,
        content_type,
        parts: vec![body.into()],
        preamble: 0,
    }
}

fn written(body: &str, script: &Script) -> Answer {
    let streamed = ["data:", "event:", ":"];
    let streamed = streamed.iter().any(|start| body.starts_with(start));
    let content_type = if streamed { SSE } else { JSON };
    one(script.status.unwrap_or(200), content_type, body)
}

fn page(script: &Script) -> Answer {
    one(script.status.unwrap_or(200), "text/html", PAGE)
}

fn garbage(request: &Request<'_>, script: &Script) -> Answer {
    let status = script.status.unwrap_or(200);
    if request.streams() {
        let kind = stream_type(Api::of(request.path));
        return one(status, kind, format!("data: {BROKEN}\n\n"));
    }
    one(status, JSON, BROKEN)
}

fn error_under_200(api: Api, request: &Request<'_>, script: &Script) -> Answer {
    let status = script.status.unwrap_or(200);
    if request.streams() {
        return one(
            status,
            stream_type(api),
            error_event(api, request.body, script),
        );
    }
    let body = error(api, OVERLOADED, request.body, script);
    one(status, JSON, body)
}

/// The status that an error inside a good answer would have.
const OVERLOADED: u16 = 529;

fn error_event(api: Api, request: &Value, script: &Script) -> Vec<u8> {
    let body = error(api, OVERLOADED, request, script);
    match api {
        Api::Chat | Api::Completions | Api::Embeddings | Api::Gemini => {
            format!("data: {body}\n\n")
        }
        Api::Bedrock => return bedrock::exception(said(request, script)),
        Api::Responses => responses::failed(said(request, script)),
        Api::Messages => format!("event: error\ndata: {body}\n\n"),
    }
    .into_bytes()
}

/// An error's body; its message is what the model would have said.
fn error(api: Api, status: u16, request: &Value, script: &Script) -> String {
    let message = said(request, script);
    let error = match api {
        Api::Chat | Api::Completions | Api::Responses | Api::Embeddings => {
            chat::error(status, message)
        }
        Api::Messages => messages::error(status, message),
        Api::Gemini => gemini::error(status, message),
        Api::Bedrock => bedrock::error(message),
    };
    error.to_string()
}

/// What the model says: the script's text, or `mock_echo` of the request (for texts that
/// are too long for a header).
pub(crate) fn said<'a>(request: &'a Value, script: &'a Script) -> &'a str {
    let echo = request["mock_echo"].as_str();
    let told = request["messages"][0]["content"].as_str();
    // Of a panel, which wants a number.
    let is_judge = told.is_some_and(|told| told.starts_with("You judge answers."));
    let usual = if is_judge { "1" } else { TEXT };
    script.text.as_deref().or(echo).unwrap_or(usual)
}

/// The streamed pieces of the text: its words, repeated or cut to the number asked for.
pub(crate) fn pieces(request: &Value, script: &Script) -> Vec<String> {
    let words = parts(said(request, script), ' ', script);
    let count = script.events.unwrap_or(words.len());
    words.into_iter().cycle().take(count).collect()
}

/// The parts in which a text is streamed: of as many characters as `script` says, or up to
/// each `border`.
pub(crate) fn parts(text: &str, border: char, script: &Script) -> Vec<String> {
    let Some(size) = script.chars else {
        return text.split_inclusive(border).map(str::to_owned).collect();
    };
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(size.max(1)).map(String::from_iter).collect()
}

/// The arguments of the call number `index`: `mock_arguments` of the request, or a city.
pub(crate) fn arguments(request: &Value, index: usize) -> String {
    const CITIES: [&str; 3] = ["Köln", "Paris", "Oslo"];
    let made = || json!({"city": CITIES[index % CITIES.len()]}).to_string();
    let asked = request["mock_arguments"].as_str();
    asked.map_or_else(made, str::to_owned)
}

/// The name of the tool of the call number `index`; `name` finds it in a tool.
pub(crate) fn tool(request: &Value, index: usize, name: impl Fn(&Value) -> &Value) -> Value {
    let tools = request["tools"].as_array();
    let tool = tools.and_then(|tools| tools.get(index % tools.len().max(1)));
    tool.map_or(Value::Null, |tool| name(tool).clone())
}

/// How many words the request's text has: the mock's tokens.
pub(crate) fn words(request: &Value) -> usize {
    let prompt = ["messages", "prompt", "input", "system", "instructions"];
    let said = prompt.iter().map(|field| &request[*field]);
    let said = said.filter(|value| !value.is_null());
    said.map(|value| value.to_string().split_whitespace().count())
        .sum()
}
