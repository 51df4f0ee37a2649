/*! One try: the filter in front of a provider, as Envoy's callbacks.

Envoy makes a new one for every try. All tries of a call share one head, and the filter
state, where the plan waits and what became of the tries is noted. */

use crate::envoy::{self, Envoy};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;
use tollgate::attempt::{Attempt, Misplaced, OnAttempt, Plan, Tries};
use tollgate::config::Stand;
use tollgate::host::Host;
use tollgate::http::Headers;

/// Where the gateway leaves the plan.
pub(crate) const PLAN: &str = "tollgate.plan";
/// Where tries note what became of them.
pub(crate) const TRIES: &str = "tollgate.tries";

/// Where the first try notes the headers that are no provider's own.
const HEAD: &str = "tollgate.head";

/// A try that may or may not have begun.
pub(crate) struct Backend {
    stand: Rc<Stand>,
    phase: Phase,
    /// Bytes that wait in Envoy's buffer, in the direction that is under way.
    buffered: usize,
}

enum Phase {
    /// No head has come.
    Idle,
    /// The request is held; whether its length was declared.
    Reading(Attempt, bool),
    /// The request is at the provider.
    Sent(Attempt),
    /// Answered here: the try must not be made.
    Refused,
}

impl Backend {
    pub(crate) const fn new(stand: Rc<Stand>) -> Self {
        Self {
            stand,
            phase: Phase::Idle,
            buffered: 0,
        }
    }

    fn begin(&self) -> Result<Attempt, &'static str> {
        let plan = envoy::property(&[PLAN]).and_then(|json| Plan::from_json(&json));
        let plan = plan.ok_or("no plan")?;
        let tries = Tries::from_json(&envoy::property(&[TRIES]).unwrap_or_default());
        let number = envoy::number(&["upstream", "request_attempt_count"]);
        let number = usize::try_from(number).unwrap_or(1).max(1);
        let now = Envoy.now();
        let begun = match self.stand.as_ref() {
            Stand::Named(backend) => Attempt::begin(plan, tries, number, backend, now),
            Stand::ByHost => Attempt::begin_at(plan, tries, number, &host_backend(), now),
        };
        begun.map_err(|misplaced| match misplaced {
            Misplaced::OtherBackend => "the plan names another backend",
            Misplaced::TooLate => "the time for all tries is over",
        })
    }

    fn refuse(&mut self, why: &str) -> Action {
        log::warn!("no try: {why}");
        self.phase = Phase::Refused;
        self.send_http_response(503, Vec::new(), None);
        Action::Pause
    }

    /// The request's body is whole: Envoy holds `self.buffered` bytes of it.
    fn request_is_whole(&mut self) -> Action {
        if !matches!(self.phase, Phase::Reading(..)) {
            return Action::Continue;
        }
        let Phase::Reading(mut attempt, framed) =
            std::mem::replace(&mut self.phase, Phase::Refused)
        else {
            return Action::Continue;
        };
        let body = self.get_http_request_body(0, self.buffered);
        let body = body.unwrap_or_default();
        if body.len() != self.buffered {
            attempt.unsent();
            self.note(&attempt);
            return self.refuse("the body can't be read");
        }
        match attempt.request_body(&body) {
            Ok(fitted) => {
                let rewrite = fitted.rewrite.as_ref();
                if framed {
                    // In any case: an earlier try has left the length of its own body.
                    let length = rewrite.map_or(body.len(), |rewrite| rewrite.length);
                    self.set_http_request_header("content-length", Some(&length.to_string()));
                }
                if let Some(rewrite) = rewrite {
                    self.set_http_request_body(0, rewrite.replaces, &rewrite.prefix);
                }
                self.phase = Phase::Sent(attempt);
                Action::Continue
            }
            // The gateway plans no target whose protocol has no words for the request.
            Err(refusal) => {
                attempt.unsent();
                self.note(&attempt);
                self.refuse(refusal.code)
            }
        }
    }

    fn note(&self, attempt: &Attempt) {
        self.set_property(vec![TRIES], Some(&attempt.tries().to_json()));
    }

    /// Carries out what a try makes of a piece of `size` bytes.
    fn carry_out(&self, action: OnAttempt, size: usize) -> Action {
        match action {
            OnAttempt::Hold => return Action::Pause,
            OnAttempt::Pass => {}
            OnAttempt::Replace(new) => self.set_http_response_body(0, size, &new),
            OnAttempt::Release(edits, body) => {
                envoy::edit_answer(self, &edits);
                if let Some(body) = body.filter(|body| size > 0 || !body.is_empty()) {
                    self.set_http_response_body(0, size, &body);
                }
            }
        }
        Action::Continue
    }

    /// A piece of the answer is in Envoy's buffer, `size` bytes long.
    fn answer_piece(&mut self, size: usize, end: bool) -> Action {
        self.buffered = size;
        if let Phase::Sent(attempt) = &self.phase
            && !end
            && attempt.waits_for_end(size)
        {
            return Action::Pause;
        }
        let piece = (size > 0).then(|| self.get_http_response_body(0, size));
        let piece = piece.flatten().unwrap_or_default();
        let Phase::Sent(attempt) = &mut self.phase else {
            return Action::Continue;
        };
        let held = attempt.holds_answer();
        let action = attempt.answer_data(&piece, end);
        if let (true, Phase::Sent(attempt)) = (held, &self.phase) {
            self.note(attempt);
        }
        self.carry_out(action, size)
    }
}

/// The backend that the endpoint's metadata names.
fn host_backend() -> String {
    let path = [
        "xds",
        "upstream_host_metadata",
        "filter_metadata",
        "tollgate",
        "backend",
    ];
    envoy::text(&path).unwrap_or_default()
}

impl Context for Backend {
    /// Comes for every try, before the next one begins. A try that was never sent has
    /// no connection.
    fn on_done(&mut self) -> bool {
        // A connection of the pool may be there already when the injector finds no key.
        let details = || envoy::text(&["response", "code_details"]).unwrap_or_default();
        let sent = || {
            envoy::text(&["upstream", "local_address"]).is_some()
                && !details().contains("credential")
        };
        match &mut self.phase {
            Phase::Sent(_) if sent() => return true,
            Phase::Sent(attempt) | Phase::Reading(attempt, _) => attempt.unsent(),
            Phase::Idle | Phase::Refused => return true,
        }
        if let Phase::Sent(attempt) | Phase::Reading(attempt, _) = &self.phase {
            self.note(attempt);
        }
        true
    }
}

impl HttpContext for Backend {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        let attempt = match self.begin() {
            Ok(attempt) => attempt,
            Err(why) => return self.refuse(why),
        };
        let headers = self.get_http_request_headers_bytes();
        let headers = Headers(&headers);
        if let Some(kept) = attempt.head_to_keep(headers) {
            self.set_property(vec![HEAD], Some(&kept));
        }
        let again = attempt.tries().0.len() > 1;
        let kept = again.then(|| envoy::property(&[HEAD])).flatten();
        let edits = attempt.request_head(headers, kept.as_deref());
        envoy::edit_request(self, &edits);
        self.note(&attempt);
        if end || attempt.is_opaque() {
            self.phase = Phase::Sent(attempt);
            return Action::Continue;
        }
        self.phase = Phase::Reading(attempt, headers.has("content-length"));
        Action::Pause
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        match self.phase {
            Phase::Sent(_) => return Action::Continue,
            // Nothing passes that nobody decided on.
            Phase::Idle | Phase::Refused => return Action::Pause,
            Phase::Reading(..) => {}
        }
        self.buffered = size;
        if end {
            self.request_is_whole()
        } else {
            Action::Pause
        }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.request_is_whole()
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        self.buffered = 0;
        let Phase::Sent(attempt) = &mut self.phase else {
            return Action::Continue;
        };
        let headers = hostcall_headers();
        let action = attempt.answer_head(Headers(&headers), end, Envoy.now());
        if let (false, Phase::Sent(attempt)) = (action == OnAttempt::Hold, &self.phase) {
            self.note(attempt);
        }
        self.carry_out(action, 0)
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        match &self.phase {
            Phase::Sent(attempt) if attempt.reads_answer() => self.answer_piece(size, end),
            _ => Action::Continue,
        }
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        match &mut self.phase {
            Phase::Sent(attempt) if attempt.holds_answer() && self.buffered == 0 => {
                // Trailers after no body: nothing can be written any more.
                let action = attempt.answer_without_body();
                if let Phase::Sent(attempt) = &self.phase {
                    self.note(attempt);
                }
                self.carry_out(action, 0);
            }
            Phase::Sent(attempt) if attempt.holds_answer() => {
                self.answer_piece(self.buffered, true);
            }
            _ => {}
        }
        Action::Continue
    }
}

fn hostcall_headers() -> Vec<(String, Vec<u8>)> {
    use proxy_wasm::hostcalls::get_map_bytes;
    use proxy_wasm::types::MapType;
    get_map_bytes(MapType::HttpResponseHeaders).unwrap_or_default()
}
