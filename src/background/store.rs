/*! Counters in a store: read at the start, saved in rounds from then on.

At any time one machine does this (a lease). It first asks for the object `owner`, which
holds the epoch of the Envoy that the store belongs to, and only then reads or writes
anything else. */

mod load;
mod object;
mod save;

use super::outbox::{Outbox, Request};
use super::snapshot::{Snapshot, Unreadable};
use super::standing::Standing;
use super::{Context, Errand, lease, marks};
use crate::config::{Store as Settings, UntilLoaded};
use crate::http::Answer;
use crate::ledger::{Dirty, Group, Groups};
use load::Load;
use object::{Fetched, OWNER, Objects};
use save::Save;
use std::rc::Rc;

const LEASE: &str = "background/store-lease";

/// First and longest waits between two attempts to read the store, in milliseconds.
const FIRST_WAIT_MS: u64 = 250;
const LONGEST_WAIT_MS: u64 = 10_000;

/// A request to the store; answers to those of earlier rounds come too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreErrand {
    round: u64,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Owner,
    Claim,
    Load(Group),
    Save(Group),
}

/// What this machine is doing.
#[derive(Debug)]
enum Stage {
    /// Nothing: another machine works, or there is nothing to do.
    Idle,
    /// It has asked whose the store is.
    Asking,
    /// It is telling the store whose it is.
    Claiming { epoch: u64 },
    /// It is reading objects.
    Loading(Load),
    /// It is writing objects.
    Saving(Save),
}

/// The part of one machine in keeping counters.
#[derive(Debug)]
pub(super) struct Store {
    settings: Settings,
    objects: Objects,
    dirty: Rc<Dirty>,
    stage: Stage,
    round: u64,
    /// When the next round may begin, in milliseconds since the Unix epoch.
    next_round: u64,
    /// Consecutive failures to load.
    failures: u32,
    /// What was last told about the store; empty while all is well.
    trouble: String,
    /// Objects that are too long to be saved.
    too_long: Groups,
}

impl Store {
    pub(super) fn new(
        settings: Settings,
        namespace: &str,
        limits: Vec<String>,
        dirty: Rc<Dirty>,
    ) -> Self {
        Self {
            objects: Objects::new(&settings.path, namespace, limits),
            settings,
            dirty,
            stage: Stage::Idle,
            round: 0,
            next_round: 0,
            failures: 0,
            trouble: String::new(),
            too_long: Groups::default(),
        }
    }

    pub(super) fn tick(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>) {
        self.hand_over(cx);
        let standing = Standing::read(cx.host, cx.space);
        let replaced = matches!(standing, Standing::Replaced { .. });
        if replaced || !self.holds(cx) {
            self.stop();
            return;
        }
        match &self.stage {
            Stage::Idle => self.begin(cx, out, standing),
            Stage::Loading(_) => self.load_more(cx, out),
            Stage::Saving(_) => self.save_more(cx, out),
            Stage::Asking | Stage::Claiming { .. } => {}
        }
    }

    /// Tells all workers what this one has changed.
    fn hand_over(&self, cx: &Context<'_>) {
        self.dirty.attend(cx.now);
        super::tell(cx.host, cx.space, &self.dirty);
    }

    fn holds(&self, cx: &Context<'_>) -> bool {
        lease::hold(cx.host, cx.space, LEASE, cx.vm, cx.now)
    }

    /// Leaves everything as it is; answers that still come are not looked at.
    fn stop(&mut self) {
        self.stage = Stage::Idle;
        self.round = self.round.wrapping_add(1);
    }

    fn begin(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>, standing: Standing) {
        // A wait that is longer than any was begun before the clock stepped back.
        let longest = LONGEST_WAIT_MS.max(self.settings.every_ms);
        let waits = cx.now < self.next_round;
        if waits && self.next_round <= cx.now.saturating_add(longest) {
            return;
        }
        if matches!(standing, Standing::Loaded { .. }) {
            if !marks::any(cx.host, cx.space) {
                return;
            }
            self.next_round = cx.now.saturating_add(self.settings.every_ms);
        }
        self.round = self.round.wrapping_add(1);
        self.stage = Stage::Asking;
        self.get(cx, out, Step::Owner, OWNER);
    }

    pub(super) fn answered(
        &mut self,
        cx: &Context<'_>,
        out: &mut Outbox<Errand>,
        errand: StoreErrand,
        answer: Option<&Answer>,
    ) {
        if errand.round != self.round {
            return;
        }
        // Renewed before every change: while this answer is worked on, nobody else works.
        if !self.holds(cx) {
            self.stop();
            return;
        }
        match errand.step {
            Step::Owner => {
                let owner = self.objects.fetched(answer, OWNER);
                self.owner_is(cx, out, owner);
            }
            Step::Claim => self.claimed(cx, out, answer),
            Step::Load(group) => self.read(cx, out, group, answer),
            Step::Save(group) => self.written(cx, out, group, answer),
        }
    }

    /// Whose the store is has been told.
    fn owner_is(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>, owner: Fetched) {
        let standing = Standing::read(cx.host, cx.space);
        let ours = match standing {
            Standing::Loading { epoch, .. }
            | Standing::Loaded { epoch }
            | Standing::Replaced { epoch } => epoch,
        };
        let theirs = match owner {
            Fetched::Nothing => 0,
            Fetched::Snapshot(snapshot) => snapshot.epoch,
            Fetched::Unreadable(why) if self.may_ignore(standing) => {
                self.tell_unreadable(cx, OWNER, why);
                0
            }
            Fetched::Unreadable(why) => {
                self.tell_unreadable(cx, OWNER, why);
                return self.retry_later(cx, standing);
            }
            Fetched::Failed(why) => return self.failed(cx, &why),
        };
        match standing {
            _ if ours != 0 && theirs > ours => self.replaced(cx),
            _ if ours != 0 && theirs == ours => self.go_on(cx, out),
            Standing::Loaded { .. } => {
                // The store is another than before, or has lost what it had.
                let marked = marks::add(cx.host, cx.space, Groups::ALL);
                match marked {
                    Ok(()) => self.claim(cx, out, ours),
                    Err(_) => self.failed(cx, "shared data is too busy"),
                }
            }
            _ if ours != 0 => self.claim(cx, out, ours),
            // The clock may be behind that of the Envoy before.
            _ => self.claim(cx, out, cx.host.now().0.max(theirs.saturating_add(1))),
        }
    }

    /// Whether what can't be read counts as nothing: the operator prefers calls that are
    /// counted from zero to calls that are refused.
    fn may_ignore(&self, standing: Standing) -> bool {
        let loading = matches!(standing, Standing::Loading { .. });
        loading && self.settings.until_loaded == UntilLoaded::Admit
    }

    fn claim(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>, epoch: u64) {
        let owner = Snapshot {
            epoch,
            written_ms: cx.now,
            records: Vec::new(),
        };
        if let Some(body) = owner.encode(self.objects.namespace(), OWNER) {
            self.stage = Stage::Claiming { epoch };
            self.put(cx, out, Step::Claim, OWNER, body);
        }
    }

    fn claimed(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>, answer: Option<&Answer>) {
        let Stage::Claiming { epoch } = self.stage else {
            return;
        };
        if let Err(why) = object::stored(answer) {
            return self.failed(cx, &why);
        }
        match Standing::claimed(cx.host, cx.space, epoch) {
            Ok(()) => self.go_on(cx, out),
            Err(_) => self.failed(cx, "shared data is too busy"),
        }
    }

    /// The store is ours.
    fn go_on(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>) {
        match Standing::read(cx.host, cx.space) {
            Standing::Loading { done, .. } => {
                self.stage = Stage::Loading(Load::of(done));
                self.load_more(cx, out);
            }
            Standing::Loaded { epoch } => self.save(cx, out, epoch),
            Standing::Replaced { .. } => self.stop(),
        }
    }

    fn replaced(&mut self, cx: &Context<'_>) {
        if Standing::replaced(cx.host, cx.space).is_ok() {
            cx.metrics.event(cx.host, "tollgate.store_replaced_total");
            log::error!(
                "ledger.store: another Envoy has taken over the store: this one saves nothing \
                 more (each Envoy needs a path of its own)"
            );
        }
        self.stop();
    }

    fn get(&self, cx: &Context<'_>, out: &mut Outbox<Errand>, step: Step, object: &str) {
        self.send(cx, out, step, "GET", object, Vec::new());
    }

    fn put(
        &self,
        cx: &Context<'_>,
        out: &mut Outbox<Errand>,
        step: Step,
        object: &str,
        body: Vec<u8>,
    ) {
        self.send(cx, out, step, "PUT", object, body);
    }

    fn send(
        &self,
        cx: &Context<'_>,
        out: &mut Outbox<Errand>,
        step: Step,
        method: &'static str,
        object: &str,
        body: Vec<u8>,
    ) {
        let round = self.round;
        let request = Request {
            cluster: self.settings.cluster.clone(),
            authority: self.settings.authority.clone(),
            method,
            path: self.objects.path(object),
            content_type: "application/octet-stream",
            body,
            timeout_ms: self.settings.timeout_ms,
        };
        out.send(Errand::Store(StoreErrand { round, step }), request, cx.now);
    }

    /// The store does not do what it should: this round is over.
    fn failed(&mut self, cx: &Context<'_>, why: &str) {
        let standing = Standing::read(cx.host, cx.space);
        let (event, what) = match standing {
            Standing::Loading { .. } => ("tollgate.store_load_failures_total", "read"),
            _ => ("tollgate.store_save_failures_total", "written"),
        };
        cx.metrics.event(cx.host, event);
        let cluster = &self.settings.cluster;
        self.tell(format!(
            "ledger.store: cluster {cluster:?} can't be {what}, trying on: {why}"
        ));
        self.retry_later(cx, standing);
    }

    /// Saving keeps its pace, whatever happens: each round asks for one object first.
    fn retry_later(&mut self, cx: &Context<'_>, standing: Standing) {
        self.stop();
        if matches!(standing, Standing::Loading { .. }) {
            let wait = FIRST_WAIT_MS.saturating_mul(1 << self.failures.min(10));
            self.failures = self.failures.saturating_add(1);
            self.next_round = cx.now.saturating_add(wait.min(LONGEST_WAIT_MS));
        }
    }

    fn tell_unreadable(&mut self, cx: &Context<'_>, object: &str, why: Unreadable) {
        cx.metrics.event(cx.host, "tollgate.store_unreadable_total");
        let standing = Standing::read(cx.host, cx.space);
        let then = if self.may_ignore(standing) {
            "it counts as nothing and is going to be overwritten"
        } else {
            "it is left alone: restore or remove it"
        };
        self.tell(format!("ledger.store: object {object} is {why}; {then}"));
    }

    /// Logs each trouble once, not once a round.
    fn tell(&mut self, trouble: String) {
        if trouble != self.trouble {
            log::error!("{trouble}");
            self.trouble = trouble;
        }
    }

    fn all_is_well(&mut self) {
        self.failures = 0;
        if !std::mem::take(&mut self.trouble).is_empty() {
            log::info!("ledger.store works again");
        }
    }
}
