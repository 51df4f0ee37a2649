/*! Saving: the groups that have changed, each as one object. */

use super::super::outbox::Outbox;
use super::super::snapshot::Snapshot;
use super::super::{Context, Errand, marks};
use super::object::stored;
use super::{Stage, Step, Store};
use crate::host::Instant;
use crate::http::Answer;
use crate::ledger::Group;
use crate::ledger::limits::durable;
use crate::state::Exhausted;
use std::collections::VecDeque;

/// Most objects written at once: each is put together when it is its turn, so a worker does
/// not stand still for all of them.
const AT_ONCE: usize = 4;

#[derive(Debug)]
pub(super) struct Save {
    epoch: u64,
    queue: VecDeque<Group>,
    under_way: usize,
}

impl Store {
    /// Begins to write what has changed.
    pub(super) fn save(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>, epoch: u64) {
        let Ok(groups) = marks::take(cx.host, cx.space) else {
            return self.failed(cx, "shared data is too busy");
        };
        self.stage = Stage::Saving(Save {
            epoch,
            queue: groups.iter().collect(),
            under_way: 0,
        });
        self.save_more(cx, out);
    }

    /// Writes more objects; ends the round after the last.
    pub(super) fn save_more(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>) {
        while let Some((group, epoch)) = self.next_to_save() {
            let name = group.name();
            let snapshot = self.snapshot(cx, group, epoch);
            match snapshot.encode(self.objects.namespace(), &name) {
                Some(body) => self.put(cx, out, Step::Save(group), &name, body),
                None => {
                    if self.pass_over(cx, group).is_err() {
                        return self.failed(cx, "shared data is too busy");
                    }
                }
            }
        }
        if let Stage::Saving(save) = &self.stage
            && save.under_way == 0
        {
            self.stop();
        }
    }

    /// An object is too long: it is let go until it changes, and told of once until it fits.
    fn pass_over(&mut self, cx: &Context<'_>, group: Group) -> Result<(), Exhausted> {
        marks::saved(cx.host, cx.space, group)?;
        self.under_way(|count| count.saturating_sub(1));
        cx.metrics
            .event(cx.host, "tollgate.store_save_failures_total");
        if !self.too_long.has(group) {
            self.too_long = self.too_long.with(group);
            let name = group.name();
            log::error!("ledger.store: object {name} would be too long: it is not saved");
        }
        Ok(())
    }

    fn next_to_save(&mut self) -> Option<(Group, u64)> {
        let Stage::Saving(save) = &mut self.stage else {
            return None;
        };
        if save.under_way >= AT_ONCE {
            return None;
        }
        let group = save.queue.pop_front()?;
        save.under_way = save.under_way.saturating_add(1);
        Some((group, save.epoch))
    }

    fn under_way(&mut self, change: impl Fn(usize) -> usize) {
        if let Stage::Saving(save) = &mut self.stage {
            save.under_way = change(save.under_way);
        }
    }

    /// What is worth saving of a group now.
    fn snapshot(&self, cx: &Context<'_>, group: Group, epoch: u64) -> Snapshot {
        let now = Instant(cx.now.saturating_mul(1_000_000));
        let records = group.records(&self.objects.limits).into_iter();
        let records = records.filter_map(|name| {
            let (bytes, _) = cx.host.shared_get(&cx.space.key(&name))?;
            let saved = durable::snapshot(&name, &bytes, now)?;
            Some((name, saved))
        });
        Snapshot {
            epoch,
            written_ms: cx.now,
            records: records.collect(),
        }
    }

    /// An object has been written, or not.
    pub(super) fn written(
        &mut self,
        cx: &Context<'_>,
        out: &mut Outbox<Errand>,
        group: Group,
        answer: Option<&Answer>,
    ) {
        // What was taken up and is not let go is taken up again in the next round.
        if let Err(why) = stored(answer) {
            return self.failed(cx, &why);
        }
        if marks::saved(cx.host, cx.space, group).is_err() {
            return self.failed(cx, "shared data is too busy");
        }
        self.too_long = self.too_long.without(group);
        cx.metrics.event(cx.host, "tollgate.store_saves_total");
        self.under_way(|count| count.saturating_sub(1));
        self.all_is_well();
        self.save_more(cx, out);
    }
}
