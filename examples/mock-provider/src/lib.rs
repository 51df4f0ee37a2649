/*! A provider that does what each request tells it to.

It speaks OpenAI's chat completions over HTTP/1.1 and HTTP/2 and answers sensibly by itself.
The header `x-mock` holds a [`Script`] as JSON that changes how: status, headers, delays,
chunks, faults. What it received is kept and can be asked for. */

mod answer;
mod script;
mod server;

pub use script::{Fault, Script};
pub use server::{Mock, Received};
