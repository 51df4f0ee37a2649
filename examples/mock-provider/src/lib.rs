/*! A provider that does what each request tells it to.

It speaks OpenAI's chat completions, completions (`…/completions`), Responses
(`…/responses`), moderations, sound and images, Azure's paths of them, files and batches, Anthropic's messages (`…/messages`) and Gemini's `generateContent` (`…:generateContent`), Bedrock's Converse (`…/converse`), over HTTP/1.1 and HTTP/2, and answers sensibly by itself. The header
`x-mock` holds a [`Script`] as JSON that changes how: status, headers, delays, chunks,
faults. Where several mocks get one request, it holds a script for each by the mock's name:
`{"a": {"status": 500}, "b": {}}`. What a mock received is kept and can be asked for. */

mod amazon;
mod answer;
mod bedrock;
mod canned;
mod chat;
mod completions;
mod conversations;
mod embeddings;
mod files;
mod form;
mod gemini;
mod kept;
mod media;
mod messages;
mod play;
mod responses;
mod script;
mod server;

pub use script::{Fault, Script};
pub use server::{Hold, Mock, Received};
