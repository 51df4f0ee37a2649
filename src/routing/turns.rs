/*! The number of each call of a model, counted over all workers. */

use crate::config::Model;
use crate::host::{Host, Instant};
use crate::state::{self, Space};
use std::cell::Cell;

const VERSION: u8 = 1;

/// How many calls of `model` there were before this one.
pub(super) fn next(host: &dyn Host, space: &Space, model: &Model, now: Instant) -> u64 {
    let turn = Cell::new(0);
    let key = space.key(&format!("turn/{}", model.name));
    let counted = state::update(host, &key, |old| {
        let known = old.and_then(|bytes| state::decode_words(bytes).next());
        turn.set(known.unwrap_or(0));
        state::encode_words(VERSION, [turn.get().wrapping_add(1)])
    });
    match counted {
        Ok(()) => turn.get(),
        // All rounds were lost to other workers: any turn will do, but not always the same.
        Err(_) => now.0 / 1_000,
    }
}
