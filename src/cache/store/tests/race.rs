//! Every order of steps: other workers' steps run inside of a worker's, before any of its reads
//! and writes.

use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::VecDeque;

const WORKERS: usize = 4;
const QUESTIONS: u64 = 5;

#[derive(Debug, Clone, Copy)]
enum Action {
    Put {
        of: u64,
        length: usize,
        owner: u32,
    },
    Get {
        of: u64,
    },
    /// The clock goes on.
    Wait {
        millis: u64,
    },
}

#[derive(Debug, Clone, Copy)]
struct Step {
    worker: usize,
    /// Runs inside of the steps before it, after so many of their reads and writes.
    after: u8,
    action: Action,
}

fn any_action() -> impl Strategy<Value = Action> {
    let length = prop_oneof![0..2_000_usize, 16_000..60_000_usize, 70_000..130_000_usize];
    prop_oneof![
        5 => (0..QUESTIONS, length, 0..3_u32)
            .prop_map(|(of, length, owner)| Action::Put { of, length, owner }),
        5 => (0..QUESTIONS).prop_map(|of| Action::Get { of }),
        1 => (0..40_000_u64).prop_map(|millis| Action::Wait { millis }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let step = (0..WORKERS, 0..12_u8, any_action());
    step.prop_map(|(worker, after, action)| Step {
        worker,
        after,
        action,
    })
}

struct Race {
    memory: MemoryHost,
    store: Store,
    steps: RefCell<VecDeque<Step>>,
    busy: [Cell<bool>; WORKERS],
    now_ms: Cell<u64>,
    /// What was ever put, whole.
    put: RefCell<Vec<(u64, Vec<u8>)>>,
    stored: Cell<u32>,
    found: Cell<u32>,
}

impl Host for Race {
    fn now(&self) -> Instant {
        Instant(self.now_ms.get() * 1_000_000)
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.others();
        self.memory.shared_get(key)
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        self.others();
        self.memory.shared_set(key, value, expect)
    }

    fn metric(&self, _: MetricKind, _: &str) -> MetricId {
        MetricId(0)
    }

    fn record(&self, _: MetricId, _: u64) {}
}

impl Race {
    /// Lets other workers go on, if it is their turn.
    fn others(&self) {
        let due = {
            let mut steps = self.steps.borrow_mut();
            match steps.front_mut() {
                Some(step) if step.after > 0 => {
                    step.after -= 1;
                    None
                }
                Some(step) if self.busy[step.worker].get() => None,
                Some(_) => steps.pop_front(),
                None => None,
            }
        };
        if let Some(step) = due {
            self.run(step);
        }
    }

    fn run(&self, step: Step) {
        self.busy[step.worker].set(true);
        match step.action {
            Action::Wait { millis } => self.now_ms.set(self.now_ms.get() + millis),
            Action::Put { of, length, owner } => self.put(of, length, owner),
            Action::Get { of } => {
                let found = get(&self.store, self, of, self.now_ms.get());
                if let Some(found) = found {
                    let put = self.put.borrow();
                    assert!(put.contains(&(of, found)), "what was found was put, whole");
                    self.found.set(self.found.get() + 1);
                }
            }
        }
        self.busy[step.worker].set(false);
    }

    fn put(&self, of: u64, length: usize, owner: u32) {
        let bytes = {
            let mut put = self.put.borrow_mut();
            let bytes = payload(of, put.len() as u64, length);
            put.push((of, bytes.clone()));
            bytes
        };
        let now_ms = self.now_ms.get();
        let digest = digest(of);
        let one = Put {
            owner,
            asked_ms: now_ms,
            now_ms,
            ..put(digest, &bytes)
        };
        if self.store.put(self, &one).is_ok() {
            self.stored.set(self.stored.get() + 1);
        }
    }
}

/// Runs all steps; how many answers were stored and found.
fn race(steps: Vec<Step>) -> (u32, u32) {
    let race = Race {
        memory: MemoryHost::default(),
        // One segment of each class, in which all meet.
        store: store(2 * 524_288, 1 << 17),
        steps: RefCell::new(steps.into()),
        busy: Default::default(),
        now_ms: Cell::new(START_MS),
        put: RefCell::default(),
        stored: Cell::new(0),
        found: Cell::new(0),
    };
    loop {
        let next = race.steps.borrow_mut().pop_front();
        let Some(step) = next else { break };
        race.run(step);
        let idle = race.busy.iter().all(|busy| !busy.get());
        assert!(idle);
        check(&race.store, &race.memory);
        let (names, bytes) = race.memory.shared_size();
        assert!(bytes + 112 * names <= 2 * 524_288, "{bytes}");
    }
    // Whoever comes alone afterwards stores and finds.
    race.now_ms.set(race.now_ms.get() + 60_000);
    race.put(0, 1_000, 0);
    let last = race.put.borrow().last().cloned().unwrap();
    let found = get(&race.store, &race, 0, race.now_ms.get());
    assert_eq!(found, Some(last.1));
    (race.stored.get(), race.found.get())
}

proptest! {
    #[test]
    fn in_any_order_what_is_found_is_whole(
        steps in proptest::collection::vec(any_step(), 1..60),
    ) {
        race(steps);
    }
}

#[test]
fn two_that_store_the_same_at_once_leave_one_whole() {
    let put = |worker, after, length| Step {
        worker,
        after,
        action: Action::Put {
            of: 1,
            length,
            owner: 1,
        },
    };
    let (mut stored, mut found) = (0, 0);
    for after in 0..12 {
        for length in [100, 50_000, 100_000] {
            let get = Step {
                worker: 2,
                after: 3,
                action: Action::Get { of: 1 },
            };
            let both = race(vec![put(0, 0, length), put(1, after, 40_000), get]);
            stored += both.0;
            found += both.1;
        }
    }
    assert!(stored > 36 && found > 0, "{stored} {found}");
}
