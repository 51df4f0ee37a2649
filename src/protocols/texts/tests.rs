use super::*;
use crate::json::Edits;
use crate::json::tests::{Tape, arb_string, arb_tape, arb_value, cases, render};
use proptest::prelude::*;
use serde_json::{Value, json};

mod anthropic;
mod completions;
mod hidden;
mod openai;
mod responses;

/// What is found in a request, a line each: the origin and the text, or `!` and what is none.
/// JSON has `json` before it.
fn found(api: Api, body: &Value) -> Vec<String> {
    let body = body.to_string();
    let mut lines = Vec::new();
    request_texts(api, body.as_bytes(), &mut |found| {
        lines.push(match found {
            Found::Text(input) => {
                let json = if input.form == Form::Json {
                    "json "
                } else {
                    ""
                };
                format!("{:?} {json}{}", input.origin, input.text.value())
            }
            Found::Unscannable(what) => format!("!{what:?}"),
            Found::AsksForJson => "json!".to_owned(),
        });
    })
    .unwrap();
    lines
}

/// What was said, a line each: `part Kind index`, or `own`, and the text.
fn lines(said: &[Said<'_>]) -> Vec<String> {
    let line = |said: &Said<'_>| {
        let json = if said.form == Form::Json { "json " } else { "" };
        let value = said.text.value();
        match said.channel {
            Some(ChannelKey { part, kind, index }) => {
                format!("{part} {kind:?} {index} {json}{value}")
            }
            None => format!("own {json}{value}"),
        }
    };
    said.iter().map(line).collect()
}

fn answered(api: Api, body: &Value) -> Vec<String> {
    lines(&answer_texts(api, body.to_string().as_bytes()).unwrap().said)
}

/// The texts of an event, and what ends with it.
fn event(api: Api, data: &Value) -> (Vec<String>, Ends) {
    let data = data.to_string();
    let texts = event_texts(api, data.as_bytes()).unwrap();
    (lines(&texts.said), texts.ends)
}
