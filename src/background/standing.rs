/*! How the counters in shared data stand to those in the store.

An Envoy that has begun to use a store has an **epoch**: a number higher than that of every
Envoy before it, which it writes into the store before it reads the counters there. Whoever
finds a higher one than its own has been replaced, by a hot restart for instance, and writes
no more. */

use crate::host::Host;
use crate::ledger::{Group, Groups};
use crate::state::{self, Exhausted, Space};

const RECORD: &str = "background/standing";
const VERSION: u8 = 1;

/// How far the counters are what the store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The store has not been asked for all groups yet.
    Loading {
        /// 0 until the store knows of this Envoy.
        epoch: u64,
        /// The groups that have been added to what was counted here.
        done: Groups,
    },
    /// What the store held is in the counters.
    Loaded { epoch: u64 },
    /// Another Envoy has taken the place of this one.
    Replaced { epoch: u64 },
}

impl Standing {
    pub(super) fn read(host: &dyn Host, space: &Space) -> Self {
        let found = host.shared_get(&space.key(RECORD));
        Self::decode(found.as_ref().map(|(bytes, _)| bytes.as_slice()))
    }

    fn decode(bytes: Option<&[u8]>) -> Self {
        let mut words = bytes.map(state::decode_words).into_iter().flatten();
        let mut next = || words.next().unwrap_or(0);
        let (kind, epoch) = (next(), next());
        match kind {
            1 => Self::Loaded { epoch },
            2 => Self::Replaced { epoch },
            _ => Self::Loading {
                epoch,
                done: Groups::from_words([next(), next()]),
            },
        }
    }

    fn encode(self) -> Vec<u8> {
        let (kind, epoch, done) = match self {
            Self::Loading { epoch, done } => (0, epoch, done),
            Self::Loaded { epoch } => (1, epoch, Groups::ALL),
            Self::Replaced { epoch } => (2, epoch, Groups::ALL),
        };
        let [low, high] = done.words();
        state::encode_words(VERSION, [kind, epoch, low, high])
    }

    /// Writes what `change` makes of it.
    fn update(
        host: &dyn Host,
        space: &Space,
        change: impl Fn(Self) -> Self,
    ) -> Result<(), Exhausted> {
        let change = |old: Option<&[u8]>| change(Self::decode(old)).encode();
        state::update(host, &space.key(RECORD), change)
    }

    /// The store knows of this Envoy under this epoch.
    pub(super) fn claimed(host: &dyn Host, space: &Space, epoch: u64) -> Result<(), Exhausted> {
        Self::update(host, space, |old| match old {
            Self::Loading { done, .. } => Self::Loading { epoch, done },
            Self::Loaded { .. } => Self::Loaded { epoch },
            Self::Replaced { .. } => old,
        })
    }

    /// A group has been added to the counters.
    pub(super) fn has_read(host: &dyn Host, space: &Space, group: Group) -> Result<(), Exhausted> {
        Self::update(host, space, |old| match old {
            Self::Loading { epoch, done } => Self::Loading {
                epoch,
                done: done.with(group),
            },
            other => other,
        })
    }

    /// All groups have.
    pub(super) fn loaded(host: &dyn Host, space: &Space) -> Result<(), Exhausted> {
        Self::update(host, space, |old| match old {
            Self::Loading { epoch, .. } => Self::Loaded { epoch },
            other => other,
        })
    }

    /// Another Envoy has a higher epoch.
    pub(super) fn replaced(host: &dyn Host, space: &Space) -> Result<(), Exhausted> {
        Self::update(host, space, |old| match old {
            Self::Loading { epoch, .. } | Self::Loaded { epoch } | Self::Replaced { epoch } => {
                Self::Replaced { epoch }
            }
        })
    }
}

/// Whether counters of an hour or more are what they were before Envoy was started. Under
/// [`crate::config::UntilLoaded::Refuse`], calls that such a limit applies to wait until
/// they are; also false once another Envoy counts in the place of this one. Reads one short
/// record and keeps nothing, since a yes may become a no.
pub fn is_loaded(host: &dyn Host, space: &Space) -> bool {
    matches!(Standing::read(host, space), Standing::Loaded { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    #[test]
    fn each_step_keeps_what_was_known() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        let group = Group::of("ledger/users/99").unwrap();
        let nothing = Groups::default();
        let read = || Standing::read(&host, &space);
        assert_eq!(
            read(),
            Standing::Loading {
                epoch: 0,
                done: nothing
            }
        );
        Standing::claimed(&host, &space, 5).unwrap();
        Standing::has_read(&host, &space, group).unwrap();
        let done = nothing.with(group);
        assert_eq!(read(), Standing::Loading { epoch: 5, done });
        Standing::claimed(&host, &space, 6).unwrap();
        assert_eq!(read(), Standing::Loading { epoch: 6, done });
        assert!(!is_loaded(&host, &space));
        Standing::loaded(&host, &space).unwrap();
        assert!(is_loaded(&host, &space));
        Standing::has_read(&host, &space, group).unwrap();
        assert_eq!(read(), Standing::Loaded { epoch: 6 });
        Standing::replaced(&host, &space).unwrap();
        Standing::claimed(&host, &space, 9).unwrap();
        Standing::loaded(&host, &space).unwrap();
        assert_eq!(read(), Standing::Replaced { epoch: 6 });
        assert!(!is_loaded(&host, &space));
    }
}
