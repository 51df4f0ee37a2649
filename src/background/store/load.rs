/*! Reading the store: each group of records is added once to what was counted here.

The lease is renewed before a group is added and the group is crossed off right after, in
one go. A machine that dies in between leaves it to be added twice: too much, never too
little. */

use super::super::outbox::Outbox;
use super::super::snapshot::{Snapshot, Unreadable};
use super::super::standing::Standing;
use super::super::{Context, Errand};
use super::object::Fetched;
use super::{Stage, Step, Store};
use crate::host::Instant;
use crate::http::Answer;
use crate::ledger::limits::durable;
use crate::ledger::{Group, Groups};
use crate::state::{self, Exhausted};
use std::collections::VecDeque;

/// Most objects read at once.
const AT_ONCE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Load {
    queue: VecDeque<Group>,
    under_way: usize,
    /// Records that were added.
    records: usize,
    /// Objects that can't be read.
    unreadable: usize,
    /// When the oldest of the objects was written, in milliseconds.
    oldest_ms: Option<u64>,
}

impl Load {
    /// Of the groups that are not `done`.
    pub(super) fn of(done: Groups) -> Self {
        Self {
            queue: Group::all().filter(|group| !done.has(*group)).collect(),
            ..Self::default()
        }
    }
}

impl Store {
    /// Asks for more objects; ends the round after the last.
    pub(super) fn load_more(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>) {
        while let Some(group) = self.next_to_load() {
            self.get(cx, out, Step::Load(group), &group.name());
        }
        if let Stage::Loading(load) = &self.stage
            && load.under_way == 0
        {
            self.all_asked(cx);
        }
    }

    fn next_to_load(&mut self) -> Option<Group> {
        let Stage::Loading(load) = &mut self.stage else {
            return None;
        };
        if load.under_way >= AT_ONCE {
            return None;
        }
        let group = load.queue.pop_front()?;
        load.under_way = load.under_way.saturating_add(1);
        Some(group)
    }

    /// An object has come, or not.
    pub(super) fn read(
        &mut self,
        cx: &Context<'_>,
        out: &mut Outbox<Errand>,
        group: Group,
        answer: Option<&Answer>,
    ) {
        let name = group.name();
        let snapshot = match self.objects.fetched(answer, &name) {
            Fetched::Nothing => None,
            Fetched::Snapshot(snapshot) if belongs(&snapshot, group) => Some(snapshot),
            Fetched::Snapshot(_) => return self.skip(cx, out, group, Unreadable::Misplaced),
            Fetched::Unreadable(why) => return self.skip(cx, out, group, why),
            Fetched::Failed(why) => return self.failed(cx, &why),
        };
        let added = snapshot
            .as_ref()
            .map_or(Ok(0), |it| self.add(cx, group, it));
        let Ok(added) = added else {
            return self.failed(cx, "shared data is too busy");
        };
        if Standing::has_read(cx.host, cx.space, group).is_err() {
            return self.failed(cx, "shared data is too busy");
        }
        if let Stage::Loading(load) = &mut self.stage {
            load.under_way = load.under_way.saturating_sub(1);
            load.records = load.records.saturating_add(added);
            let written = snapshot.map(|it| it.written_ms);
            load.oldest_ms = load.oldest_ms.into_iter().chain(written).min();
        }
        self.load_more(cx, out);
    }

    /// An object can't be used.
    fn skip(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>, group: Group, why: Unreadable) {
        let standing = Standing::read(cx.host, cx.space);
        self.tell_unreadable(cx, &group.name(), why);
        let ignored = self.may_ignore(standing);
        if ignored && Standing::has_read(cx.host, cx.space, group).is_err() {
            return self.failed(cx, "shared data is too busy");
        }
        if let Stage::Loading(load) = &mut self.stage {
            load.under_way = load.under_way.saturating_sub(1);
            load.unreadable = load.unreadable.saturating_add(usize::from(!ignored));
        }
        self.load_more(cx, out);
    }

    /// Adds what was saved to what was counted here; the number of records. If that fails, the
    /// group is read again, and the records that were added already are added twice.
    fn add(&self, cx: &Context<'_>, group: Group, snapshot: &Snapshot) -> Result<usize, Exhausted> {
        let now = Instant(cx.now.saturating_mul(1_000_000));
        for (name, saved) in &snapshot.records {
            let merge = |current: Option<&[u8]>| durable::merge(name, current, saved, now);
            state::update(cx.host, &cx.space.key(name), merge)?;
        }
        // Saved again under this Envoy's epoch.
        self.dirty.mark(group);
        Ok(snapshot.records.len())
    }

    /// Nothing is left to be asked for.
    fn all_asked(&mut self, cx: &Context<'_>) {
        let Stage::Loading(load) = &self.stage else {
            return;
        };
        let age_s = load.oldest_ms.map_or(0, |at| cx.now.saturating_sub(at)) / 1_000;
        let (records, unreadable) = (load.records, load.unreadable);
        if unreadable > 0 {
            let standing = Standing::read(cx.host, cx.space);
            return self.retry_later(cx, standing);
        }
        if Standing::loaded(cx.host, cx.space).is_err() {
            return self.failed(cx, "shared data is too busy");
        }
        log::info!("ledger.store: {records} records loaded, saved up to {age_s} s ago");
        self.stop();
        self.all_is_well();
        self.next_round = cx.now;
    }
}

/// Whether every record of an object is of its group: whoever can write into the store must
/// not write anywhere else.
fn belongs(snapshot: &Snapshot, group: Group) -> bool {
    let mut names = snapshot.records.iter().map(|(name, _)| name);
    names.all(|name| Group::of(name) == Some(group))
}
