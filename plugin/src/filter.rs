/*! One HTTP call: Envoy's callbacks as events of the core, the core's actions as host
calls.

Envoy's model (1.40): while a body is paused its callback sees everything buffered so far,
otherwise only the new piece. The end may come in the head, in a body callback (perhaps an
empty one), or in the trailers; after a reset there is only `on_log`. */

use crate::backend::PLAN;
use crate::callouts::{answer, dispatch};
use crate::envoy::{self, Envoy};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;
use tollgate::call::{
    Call, End, FilterState, Gateway, OnAnswer, OnAnswered, OnBody, OnData, OnHead, Outgoing,
    account_headers,
};
use tollgate::callout::MAX_ANSWER;
use tollgate::host::Host;
use tollgate::http::{Callout, Headers};
use tollgate::protocols::Reply;

/// The decision record's key in filter state; formatters know it as
/// `wasm.tollgate.record`.
const RECORD: &str = "tollgate.record";

/// The same as a member of the access log's object: `,"tollgate":{…}`. Without a record there is
/// none, and the line is JSON all the same.
const LOG: &str = "tollgate.log";

/// A call of a configured plugin.
pub(crate) struct Filter {
    call: Call,
    /// Bytes that wait in Envoy's buffer, in the direction that is under way.
    buffered: usize,
    /// Callouts that are not answered yet: Envoy's numbers and the core's.
    asked: Vec<(u32, u64)>,
}

/// What becomes of what Envoy holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// It waits, or was answered in its place.
    Stays,
    Request,
    Answer,
}

impl Filter {
    pub(crate) fn new(gateway: &Rc<Gateway>) -> Self {
        Self {
            call: Call::new(Rc::clone(gateway), Envoy.now()),
            buffered: 0,
            asked: Vec::new(),
        }
    }

    fn send_on(&mut self, outgoing: &Outgoing) {
        for callout in &outgoing.asks {
            // Nothing waits for an answer: one that was not asked for does not come.
            if let Some(number) = dispatch(callout) {
                self.asked.push((number, callout.token));
            }
        }
        envoy::edit_request(self, &outgoing.edits);
        if let Some(plan) = &outgoing.plan {
            self.set_property(vec![PLAN], Some(plan));
        }
        self.tell_limits(&outgoing.limits);
        // Replaces the front of the held body; what lies behind is not copied again.
        if let Some(rewrite) = &outgoing.rewrite {
            self.set_http_request_body(0, rewrite.replaces, &rewrite.prefix);
        }
    }

    /// For Envoy's rate limit filter, which reads it at the start and after `on_log`.
    fn tell_limits(&self, state: &FilterState) {
        for (key, value) in state {
            self.set_property(vec![*key], Some(value.as_bytes()));
        }
    }

    fn reply(&self, reply: &Reply) -> Action {
        let headers = reply.headers.iter();
        let headers = headers.map(|(name, value)| (*name, value.as_str()));
        self.send_http_response(
            u32::from(reply.status),
            headers.collect(),
            Some(&reply.body),
        );
        Action::Pause
    }

    /// The request's body is whole: Envoy holds `self.buffered` bytes of it.
    fn request_is_whole(&mut self) -> Action {
        let body = self.get_http_request_body(0, self.buffered);
        let body = body.unwrap_or_default();
        let on = self.call.request_body(&Envoy, &body, self.buffered);
        self.on_body(on)
    }

    fn on_body(&mut self, on: OnBody) -> Action {
        match on {
            OnBody::Forward(outgoing) => {
                self.send_on(&outgoing);
                Action::Continue
            }
            OnBody::Reply(reply) => self.reply(&reply),
            OnBody::Ask(callouts) => self.ask(&callouts),
        }
    }

    /// Asks services. Envoy may take none of the callouts: then it is known at once what
    /// becomes of the body.
    fn ask(&mut self, callouts: &[Callout]) -> Action {
        let mut held = Held::Stays;
        for callout in callouts {
            // Once one that can't be made has ended the call, nobody needs the others.
            let sent = self.call.waits_for_services().then(|| dispatch(callout));
            match sent.flatten() {
                Some(number) => self.asked.push((number, callout.token)),
                None if held == Held::Stays => {
                    let on = self.call.service_answered(&Envoy, callout.token, None);
                    held = self.on_answered(on);
                }
                None => {}
            }
        }
        match held {
            Held::Stays => Action::Pause,
            Held::Request | Held::Answer => Action::Continue,
        }
    }

    fn on_answered(&mut self, on: OnAnswered) -> Held {
        let (action, goes_on) = match on {
            OnAnswered::Wait => return Held::Stays,
            OnAnswered::Request(on) => (self.on_body(on), Held::Request),
            OnAnswered::Answer(on) => (self.on_data(on, self.buffered), Held::Answer),
        };
        if action == Action::Continue {
            goes_on
        } else {
            Held::Stays
        }
    }

    /// A piece of the answer is in Envoy's buffer, `size` bytes long.
    fn answer_piece(&mut self, size: usize, end: bool) -> Action {
        self.buffered = size;
        if !end && self.call.waits_for_end(size) {
            return Action::Pause;
        }
        // The last callback is often empty.
        let piece = (size > 0).then(|| self.get_http_response_body(0, size));
        let piece = piece.flatten().unwrap_or_default();
        let on = self.call.answer_data(&Envoy, &piece, end);
        self.on_data(on, size)
    }

    /// What becomes of the answer's body, of which `size` bytes are in Envoy's buffer.
    fn on_data(&mut self, on: OnData, size: usize) -> Action {
        match on {
            OnData::Pass => Action::Continue,
            OnData::Replace(new) => {
                self.set_http_response_body(0, size, &new);
                Action::Continue
            }
            OnData::Hold => Action::Pause,
            OnData::Release(edits, new) => {
                envoy::edit_answer(self, &edits);
                self.set_http_response_body(0, size, &new);
                Action::Continue
            }
            OnData::Reply(reply) => self.reply(&reply),
            OnData::Ask(callouts) => self.ask(&callouts),
            OnData::Reset => {
                // Envoy does it after this callback.
                self.reset_http_response();
                Action::Pause
            }
        }
    }
}

impl Context for Filter {
    /// A service has answered. (Never called for a call that has ended.)
    fn on_http_call_response(&mut self, number: u32, _headers: usize, size: usize, _: usize) {
        let place = self.asked.iter().position(|(known, _)| *known == number);
        let Some(place) = place else { return };
        let (_, token) = self.asked.swap_remove(place);
        let answer = answer(size, MAX_ANSWER);
        let on = self.call.service_answered(&Envoy, token, Some(&answer));
        match self.on_answered(on) {
            Held::Stays => {}
            Held::Request => self.resume_http_request(),
            Held::Answer => self.resume_http_response(),
        }
    }
}

impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        let headers = self.get_http_request_headers_bytes();
        #[cfg(feature = "panic-on-request")]
        panic_if_asked(&headers);
        let action = self
            .call
            .request_head(&Envoy, Headers(&headers), &Envoy, end);
        match action {
            OnHead::Hold => Action::Pause,
            OnHead::Forward(outgoing) => {
                self.send_on(&outgoing);
                Action::Continue
            }
            OnHead::Reply(reply) => self.reply(&reply),
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if self.call.passes_request() {
            return Action::Continue;
        }
        if !self.call.reads_request() {
            // Nothing passes that nobody decided on.
            return Action::Pause;
        }
        self.buffered = size;
        if let Some(reply) = self.call.request_grows(size) {
            return self.reply(&reply);
        }
        if end {
            self.request_is_whole()
        } else {
            Action::Pause
        }
    }

    /// Trailers end the body. None of them is a provider's business: they are the
    /// decompressor's, or somebody's attempt to smuggle headers.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        for (name, _) in self.get_http_request_trailers_bytes() {
            self.remove_http_request_trailer(&name);
        }
        if self.call.reads_request() {
            self.request_is_whole()
        } else {
            Action::Continue
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        let headers = self.get_http_response_headers_bytes();
        self.buffered = 0;
        let action = self
            .call
            .answer_head(&Envoy, Headers(&headers), end, &Envoy);
        match action {
            OnAnswer::Own => Action::Continue,
            OnAnswer::Forward(edits) => {
                envoy::edit_answer(self, &edits);
                Action::Continue
            }
            OnAnswer::Hold(edits) => {
                envoy::edit_answer(self, &edits);
                Action::Pause
            }
            OnAnswer::Reply(reply) => self.reply(&reply),
        }
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if self.call.reads_answer() {
            self.answer_piece(size, end)
        } else {
            Action::Continue
        }
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        // After no body at all nothing can be written any more.
        let action = if self.call.holds_answer() && self.buffered > 0 {
            self.answer_piece(self.buffered, true)
        } else {
            Action::Continue
        };
        self.call.answer_trailers(&Envoy);
        let trailers = self.get_http_response_trailers_bytes();
        for name in account_headers(Headers(&trailers)) {
            self.remove_http_response_trailer(&name);
        }
        action
    }

    fn on_log(&mut self) {
        let end = || End {
            status: u16::try_from(envoy::number(&["response", "code"])).unwrap_or(0),
            details: envoy::text(&["response", "code_details"]).unwrap_or_default(),
            request_id: envoy::text(&["request", "id"]).unwrap_or_default(),
        };
        if let Some(record) = self.call.finish(&Envoy, &Envoy, end) {
            self.set_property(vec![RECORD], Some(&record));
            let member = [br#","tollgate":"#.as_slice(), &record].concat();
            self.set_property(vec![LOG], Some(&member));
        }
        if let Some(callout) = self.call.last_ask(&Envoy) {
            // Nobody is told whether it came there.
            let _number = dispatch(&callout);
        }
        let charges = self.call.charges();
        self.tell_limits(&charges);
    }
}

/// A call of a plugin that has no policy: Envoy refuses to start such a plugin, so this
/// is never reached; if it is, nothing passes.
pub(crate) struct Closed;

impl Context for Closed {}

impl HttpContext for Closed {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.send_http_response(503, Vec::new(), None);
        Action::Pause
    }
}

#[cfg(feature = "panic-on-request")]
#[allow(clippy::panic)]
fn panic_if_asked(headers: &[(String, Vec<u8>)]) {
    if headers.iter().any(|(name, _)| name == "x-test-panic") {
        panic!("asked for by a test");
    }
}
