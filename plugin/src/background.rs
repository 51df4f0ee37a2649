/*! Requests that the gateway makes by itself, between ticks and answers of Envoy's. */

use crate::callouts::{answer, dispatch};
use crate::envoy::Envoy;
use proxy_wasm::hostcalls;
use std::collections::HashMap;
use std::time::Duration;
use tollgate::background::{Background, MAX_OBJECT, TICK_MS};
use tollgate::http::Callout;

/// The first tick comes at once: after a start, calls may wait for what it brings about.
const FIRST_TICK_MS: u64 = 10;

/// The background work of one root context.
pub(crate) struct Clerk {
    background: Background,
    ticked: bool,
    /// The core's tokens by Envoy's.
    tokens: HashMap<u32, u64>,
}

impl Clerk {
    /// Takes up the work, and asks Envoy for ticks.
    pub(crate) fn start(background: Background) -> Self {
        ask_for_ticks(FIRST_TICK_MS);
        Self {
            background,
            ticked: false,
            tokens: HashMap::new(),
        }
    }

    pub(crate) fn tick(&mut self) {
        if !self.ticked {
            self.ticked = true;
            ask_for_ticks(TICK_MS);
        }
        let callouts = self.background.tick(&Envoy);
        self.make(callouts);
    }

    /// An answer is there, with `size` bytes of body.
    pub(crate) fn answered(&mut self, token: u32, size: usize) {
        let Some(token) = self.tokens.remove(&token) else {
            return;
        };
        let answer = answer(size, MAX_OBJECT);
        let callouts = self.background.answered(&Envoy, token, Some(&answer));
        self.make(callouts);
    }

    /// Makes requests. What Envoy does not take counts as failed, and may lead to others.
    fn make(&mut self, callouts: Vec<Callout>) {
        let mut waiting = callouts;
        while let Some(callout) = waiting.pop() {
            match dispatch(&callout) {
                Some(token) => {
                    self.tokens.insert(token, callout.token);
                }
                None => {
                    let more = self.background.answered(&Envoy, callout.token, None);
                    waiting.extend(more);
                }
            }
        }
    }
}

fn ask_for_ticks(period_ms: u64) {
    if hostcalls::set_tick_period(Duration::from_millis(period_ms)).is_err() {
        log::error!("Envoy gives no ticks: nothing is saved, nobody is told of alerts");
    }
}
