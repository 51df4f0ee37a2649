/*! Reading a whole answer. */

use super::{Said, candidate, is_blocked, read_id, read_parts, read_stop, usage};
use crate::protocols::translate::Malformed;
use crate::protocols::translate::hub::{Answer, Stop};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Reads an answer. A prompt that was refused has one without any text.
pub(in super::super) fn read<'a>(body: &Value<'a>) -> Result<Answer<'a>, Malformed> {
    let id = read_id(body);
    let mut thinking = Vec::new();
    let mut text = Vec::new();
    let mut calls = Vec::new();
    let stop = match candidate(body) {
        Some(candidate) => {
            for said in read_parts(candidate, id.as_deref(), 0)? {
                match said {
                    Said::Text(said) => text.push(said),
                    Said::Thinking(said) => thinking.push(said),
                    Said::Call(call) => calls.push(call),
                    Said::Nothing => {}
                }
            }
            read_stop(&candidate.word_at("finishReason")).with_calls(!calls.is_empty())
        }
        None if is_blocked(body) => Stop::Refusal,
        None => return Err(Malformed("no candidates")),
    };
    Ok(Answer {
        id,
        thinking: Text::joined(&thinking),
        text: Text::joined(&text),
        calls,
        stop,
        usage: usage::read(body.get("usageMetadata")),
    })
}
