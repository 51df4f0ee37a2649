//! The protocol under every order of steps: other workers' steps run inside of a worker's,
//! before any of its reads and writes.

use super::*;
use crate::host::{Conflict, Expect, Host, MetricId, MetricKind};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

const TENANT_TOKENS: u64 = 100;
const USER_TOKENS: u64 = 60;
const CALLS: u64 = 5;
const WORKERS: usize = 4;
const USERS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Action {
    Reserve {
        user: usize,
        tokens: u64,
    },
    /// In percent of what was reserved.
    Settle {
        which: usize,
        percent: u64,
    },
    Undo {
        which: usize,
    },
    /// The worker is lost with this call.
    Abandon {
        which: usize,
    },
}

#[derive(Debug, Clone, Copy)]
struct Step {
    worker: usize,
    /// Runs inside of the steps before it, after so many of their reads and writes; if they
    /// have no more of them, when they are over.
    after: u8,
    action: Action,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => (0..USERS, 1..45_u64).prop_map(|(user, tokens)| Action::Reserve { user, tokens }),
        3 => (0..9_usize, 0..150_u64).prop_map(|(which, percent)| Action::Settle { which, percent }),
        1 => (0..9_usize).prop_map(|which| Action::Undo { which }),
        1 => (0..9_usize).prop_map(|which| Action::Abandon { which }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let step = (0..WORKERS, 0..5_u8, any_action());
    step.prop_map(|(worker, after, action)| Step {
        worker,
        after,
        action,
    })
}

/// A call that was let through.
struct Admitted {
    user: usize,
    tokens: u64,
    reservation: Reservation,
}

/// What is true, whatever the records say.
#[derive(Default)]
struct Truth {
    /// By worker.
    held: [Vec<Admitted>; WORKERS],
    /// By user: tokens of calls that are not over, lost ones among them.
    reserved: [u64; USERS],
    /// By user: tokens of settled calls.
    used: [u64; USERS],
    /// Calls that are not over.
    calls: u64,
    /// Calls that were settled.
    settled: u64,
    /// Tokens that were used beyond reservations.
    beyond: u64,
}

impl Truth {
    fn over(&mut self, call: &Admitted, took: u64) {
        self.reserved[call.user] -= call.tokens;
        self.used[call.user] += took;
        self.calls -= 1;
        self.beyond += took.saturating_sub(call.tokens);
    }

    fn check_limits(&self) {
        let users = self.reserved.iter().zip(&self.used);
        let taken: Vec<u64> = users.map(|(reserved, used)| reserved + used).collect();
        assert!(taken.iter().sum::<u64>() <= TENANT_TOKENS + self.beyond);
        assert!(taken.iter().max() <= Some(&(USER_TOKENS + self.beyond)));
        assert!(self.calls <= CALLS);
    }
}

struct Race {
    memory: MemoryHost,
    space: Space,
    shard_bytes: u64,
    steps: RefCell<VecDeque<Step>>,
    busy: [Cell<bool>; WORKERS],
    conflicts: Cell<u32>,
    truth: RefCell<Truth>,
    tenant: Scope,
    users: [Scope; USERS],
}

impl Host for Race {
    fn now(&self) -> Instant {
        Instant(1_000_000 * SECOND)
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.others();
        self.memory.shared_get(key)
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        self.others();
        let written = self.memory.shared_set(key, value, expect);
        let lost = u32::from(written.is_err());
        self.conflicts.set(self.conflicts.get() + lost);
        written
    }

    fn metric(&self, _: MetricKind, _: &str) -> MetricId {
        MetricId(0)
    }

    fn record(&self, _: MetricId, _: u64) {}
}

impl Race {
    fn new(steps: Vec<Step>, shard_bytes: u64) -> Self {
        let tenant = tenant(&[
            meter(Unit::Tokens, DAY, TENANT_TOKENS),
            meter(Unit::Concurrent, Window::Lease(60_000), CALLS),
            meter(Unit::Requests, Window::Sliding(Period::Minute), 1_000),
        ]);
        let users = names_of_one_shard::<USERS>().map(|name| {
            let meters = [meter(Unit::Tokens, DAY, USER_TOKENS)];
            user(&name, &meters)
        });
        Self {
            memory: MemoryHost::default(),
            space: Space::new("t"),
            shard_bytes,
            steps: RefCell::new(steps.into()),
            busy: Default::default(),
            conflicts: Cell::default(),
            truth: RefCell::default(),
            tenant,
            users,
        }
    }

    fn book(&self) -> Book<'_> {
        Book {
            host: self,
            space: &self.space,
            shard_bytes: self.shard_bytes,
            now: self.now(),
        }
    }

    fn run(&self) {
        while let Some(step) = self.pop(|_| true) {
            self.step(step);
        }
    }

    /// Lets other workers go on, in the midst of somebody's step.
    fn others(&self) {
        while let Some(step) = self.pop(|step| step.after == 0 && !self.busy[step.worker].get()) {
            self.step(step);
        }
        if let Some(next) = self.steps.borrow_mut().front_mut() {
            next.after = next.after.saturating_sub(1);
        }
    }

    fn pop(&self, when: impl Fn(&Step) -> bool) -> Option<Step> {
        let mut steps = self.steps.borrow_mut();
        let runs = steps.front().is_some_and(when);
        runs.then(|| steps.pop_front()).flatten()
    }

    fn step(&self, step: Step) {
        self.busy[step.worker].set(true);
        match step.action {
            Action::Reserve { user, tokens } => self.reserve(step.worker, user, tokens),
            Action::Settle { which, percent } => self.over(step.worker, which, Some(percent)),
            Action::Undo { which } => self.over(step.worker, which, None),
            Action::Abandon { which } => {
                // Its tokens and its slot stay taken.
                self.take(step.worker, which);
            }
        }
        self.busy[step.worker].set(false);
        self.truth.borrow().check_limits();
    }

    fn take(&self, worker: usize, which: usize) -> Option<Admitted> {
        let held = &mut self.truth.borrow_mut().held[worker];
        (which < held.len()).then(|| held.swap_remove(which))
    }

    fn reserve(&self, worker: usize, user: usize, tokens: u64) {
        let scopes = vec![self.tenant.clone(), self.users[user].clone()];
        match reserve(&self.book(), scopes, "smart", &call(tokens, 0)) {
            Ok(granted) => {
                let mut truth = self.truth.borrow_mut();
                truth.reserved[user] += tokens;
                truth.calls += 1;
                truth.held[worker].push(Admitted {
                    user,
                    tokens,
                    reservation: granted.reservation,
                });
            }
            Err(denied) => assert_eq!(exceeded(denied).traces.lost, 0),
        }
    }

    fn over(&self, worker: usize, which: usize, percent: Option<u64>) {
        let Some(call_over) = self.take(worker, which) else {
            return;
        };
        let took = call_over.tokens * percent.unwrap_or(0) / 100;
        let amounts = match percent {
            Some(_) => call(took, 0),
            None => Amounts::default(),
        };
        // What it gives back may be had by others from its first write on.
        let mut truth = self.truth.borrow_mut();
        truth.settled += u64::from(percent.is_some());
        truth.over(&call_over, took);
        drop(truth);
        let settled = settle(&self.book(), &call_over.reservation, &amounts);
        assert_eq!(settled.lost, 0);
    }

    /// Nothing is under way: the records say what is true.
    fn check_records(&self) {
        let truth = self.truth.borrow();
        let (used, reserved) = (truth.used.iter().sum(), truth.reserved.iter().sum());
        let budgets = self.tenant.budgets(&self.book());
        let found = budgets.iter().map(|budget| (budget.used, budget.reserved));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                (used, reserved),
                (0, truth.calls),
                (truth.settled, truth.calls)
            ]
        );
        for (user, scope) in self.users.iter().enumerate() {
            let budget = &scope.budgets(&self.book())[0];
            let wanted = match self.shard_bytes {
                0 => (used, reserved),
                _ => (truth.used[user], truth.reserved[user]),
            };
            assert_eq!((budget.used, budget.reserved), wanted);
        }
    }

    /// What is left can be had, to the last token, and no more.
    fn check_room(&self) {
        let budget = &self.tenant.budgets(&self.book())[0];
        let left = TENANT_TOKENS.saturating_sub(budget.used + budget.reserved);
        let room = tenant(&[meter(Unit::Tokens, DAY, TENANT_TOKENS)]);
        let ask = |tokens| reserve(&self.book(), vec![room.clone()], "smart", &call(tokens, 0));
        assert!(ask(left + 1).is_err());
        assert!(left == 0 || ask(left).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_the_order_nothing_is_lost_doubled_or_overspent(
        steps in prop::collection::vec(any_step(), 1..60),
        crowded in prop::bool::weighted(0.2),
    ) {
        let race = Race::new(steps, if crowded { 0 } else { 4096 });
        race.run();
        race.check_records();
        for worker in 0..WORKERS {
            for which in (0..9).rev() {
                race.over(worker, which, Some(100));
            }
        }
        race.check_records();
        race.check_room();
    }
}

/// The test above is worth something only if steps really get in each other's way.
#[test]
fn steps_inside_of_steps_cause_conflicts() {
    let step = |worker, after, tokens| Step {
        worker,
        after,
        action: Action::Reserve { user: 0, tokens },
    };
    // Each begins before the first write of the one before it, which has looked at the user and
    // at the tenant.
    let steps = vec![step(0, 0, 40), step(1, 2, 50), step(2, 2, 30)];
    let race = Race::new(steps, 4096);
    race.run();
    race.check_records();
    let truth = race.truth.borrow();
    let held = truth.held.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(race.conflicts.get(), 2);
    // The innermost is first; the user's 60 tokens have room for it and none of the others.
    assert_eq!((held, truth.reserved[0]), (vec![0, 0, 1, 0], 30));
}
