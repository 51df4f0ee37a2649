/*! Which groups of records wait to be saved, for all workers to see.

A group is taken up before its records are read and let go when the store has them, so a
change in between marks it anew, and what a dying machine had taken up is taken up again. */

use crate::host::Host;
use crate::ledger::{Group, Groups};
use crate::state::{self, Exhausted, Space};
use std::cell::Cell;

const RECORD: &str = "background/marks";
const VERSION: u8 = 1;

#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    /// Changed since they were last taken up.
    changed: Groups,
    /// Being saved.
    taken: Groups,
}

impl Marks {
    fn decode(bytes: Option<&[u8]>) -> Self {
        let mut words = bytes.map(state::decode_words).into_iter().flatten();
        let mut next = || words.next().unwrap_or(0);
        let mut groups = || Groups::from_words([next(), next()]);
        Self {
            changed: groups(),
            taken: groups(),
        }
    }

    fn encode(self) -> Vec<u8> {
        let words = [self.changed, self.taken].map(Groups::words);
        state::encode_words(VERSION, words.into_iter().flatten())
    }
}

fn update(
    host: &dyn Host,
    space: &Space,
    change: impl Fn(Marks) -> Marks,
) -> Result<(), Exhausted> {
    let change = |old: Option<&[u8]>| change(Marks::decode(old)).encode();
    state::update(host, &space.key(RECORD), change)
}

/// Marks groups as changed.
pub(super) fn add(host: &dyn Host, space: &Space, groups: Groups) -> Result<(), Exhausted> {
    update(host, space, |marks| Marks {
        changed: marks.changed.and(groups),
        ..marks
    })
}

/// Whether anything waits.
pub(super) fn any(host: &dyn Host, space: &Space) -> bool {
    let found = host.shared_get(&space.key(RECORD));
    let marks = Marks::decode(found.as_ref().map(|(bytes, _)| bytes.as_slice()));
    !marks.changed.and(marks.taken).is_empty()
}

/// Takes up all that waits. Only the machine that saves may do this, and only when it is
/// not saving.
pub(super) fn take(host: &dyn Host, space: &Space) -> Result<Groups, Exhausted> {
    let taken = Cell::new(Groups::default());
    update(host, space, |marks| {
        taken.set(marks.changed.and(marks.taken));
        Marks {
            changed: Groups::default(),
            taken: taken.get(),
        }
    })?;
    Ok(taken.get())
}

/// The store has what was taken up of `group`.
pub(super) fn saved(host: &dyn Host, space: &Space, group: Group) -> Result<(), Exhausted> {
    update(host, space, |marks| Marks {
        taken: marks.taken.without(group),
        ..marks
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    #[test]
    fn nothing_is_let_go_before_it_is_saved() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        let [a, b] = ["ledger/users/0", "ledger/users/64"].map(|name| Group::of(name).unwrap());
        let [just_a, both] = [Groups::default().with(a), Groups::default().with(a).with(b)];
        assert!(!any(&host, &space));
        add(&host, &space, just_a).unwrap();
        assert_eq!(take(&host, &space), Ok(just_a));
        assert!(any(&host, &space), "taken, not saved");
        // Changed again while it is on its way.
        add(&host, &space, both).unwrap();
        saved(&host, &space, a).unwrap();
        assert_eq!(take(&host, &space), Ok(both));
        // The machine that had taken it has died.
        assert_eq!(take(&host, &space), Ok(both));
        saved(&host, &space, a).unwrap();
        saved(&host, &space, b).unwrap();
        assert!(!any(&host, &space));
    }
}
