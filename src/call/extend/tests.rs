use super::*;
use crate::host::Instant;
use crate::host::memory::MemoryHost;
use crate::ledger::limits::{Holder, Limit, Meter, Period, Unit, Window, settle};
use crate::state::{MAX_TRIES, Space};
use std::rc::Rc;

const DAY: Window = Window::Fixed(Period::Day);
const MINUTE: Window = Window::Sliding(Period::Minute);

fn meter(unit: Unit, window: Window, amount: u64) -> Meter {
    Meter {
        id: 1 + unit as u32,
        unit,
        window,
        models: Vec::new(),
        limits: vec![Limit {
            name: String::new(),
            amount,
            shadow: false,
            alert_at: Vec::new(),
        }],
    }
}

/// A call under way, and what it is counted by.
struct Bench {
    host: MemoryHost,
    space: Space,
    now: u64,
    scopes: Vec<Scope>,
    held: Reservation,
    extension: Extension,
}

fn free() -> Growth {
    Growth {
        prices: Vec::new(),
        kinds: Kinds::default(),
        bounded: false,
    }
}

const BEGIN: u64 = 1_000_000_000_000_000;

impl Bench {
    /// A call that has reserved 10 tokens of its prompt and `output` of the answer.
    fn new(meters: &[Meter], output: u64) -> Self {
        let holders = [
            Holder::Tenant("acme".to_owned()),
            Holder::User {
                tenant: "acme".to_owned(),
                name: "ada".to_owned(),
            },
        ];
        let scopes = holders.map(|holder| Scope {
            holder,
            meters: Rc::from(meters),
        });
        let mut bench = Self {
            host: MemoryHost::default(),
            space: Space::new("t"),
            now: BEGIN,
            extension: Extension::new((scopes.to_vec(), "smart"), free(), output),
            scopes: scopes.to_vec(),
            held: Reservation::default(),
        };
        let wants = bench.amounts(output);
        let granted = limits::reserve(&bench.book(), bench.scopes.clone(), "smart", &wants);
        bench.held = granted.unwrap().reservation;
        bench
    }

    fn amounts(&self, output: u64) -> Amounts {
        Amounts {
            requests: 1,
            input: 10,
            output,
            nano_usd: 0,
        }
    }

    fn book(&self) -> Book<'_> {
        Book {
            host: &self.host,
            space: &self.space,
            shard_bytes: 4096,
            now: Instant(self.now),
        }
    }

    fn passed(&mut self, output: u64) -> bool {
        let book = Book {
            host: &self.host,
            space: &self.space,
            shard_bytes: 4096,
            now: Instant(self.now),
        };
        self.extension.passed(|| book, &mut self.held, output)
    }

    /// What is used and what is reserved, by scope and meter.
    fn counted(&self) -> Vec<(u64, u64)> {
        let budgets = self.scopes.iter().map(|scope| scope.budgets(&self.book()));
        let budgets = budgets.flatten();
        budgets
            .map(|budget| (budget.used, budget.reserved))
            .collect()
    }

    fn settle(&self, output: u64) {
        let settled = settle(&self.book(), &self.held, &self.amounts(output));
        assert_eq!(settled.lost, 0);
    }
}

#[test]
fn within_its_reservation_a_stream_asks_nobody() {
    let mut bench = Bench::new(&[meter(Unit::Tokens, DAY, 110)], 100);
    let book = || -> Book<'static> { panic!("asked") };
    for output in [0, 1, 100] {
        assert!(!bench.extension.passed(book, &mut bench.held, output));
    }
    assert!(bench.passed(101));
    assert!(bench.passed(102), "asked again, and refused again");
    assert_eq!(bench.counted(), [(0, 110), (0, 110)]);
}

#[test]
fn more_is_reserved_in_steps_and_settled_with_the_rest() {
    let meters = [
        meter(Unit::Tokens, DAY, 10_000),
        meter(Unit::Requests, DAY, 1),
        meter(Unit::Concurrent, Window::Lease(60_000), 1),
    ];
    for (first, step) in [(100, 256), (4000, 1000)] {
        let mut bench = Bench::new(&meters, first);
        assert!(!bench.passed(first + 1));
        let reserved = first + 1 + step;
        let of_scope = [(0, 10 + reserved), (0, 1), (0, 1)];
        assert_eq!(bench.counted(), [of_scope, of_scope].concat());
        assert!(!bench.passed(reserved));
        assert_eq!(bench.counted(), [of_scope, of_scope].concat());
        assert!(!bench.passed(reserved + 1));
        bench.settle(reserved + 5);
        let of_scope = [(10 + reserved + 5, 0), (1, 0), (0, 0)];
        assert_eq!(bench.counted(), [of_scope, of_scope].concat());
    }
}

#[test]
fn the_budget_is_used_up_and_not_passed_by_more_than_an_event() {
    let mut bench = Bench::new(&[meter(Unit::Tokens, DAY, 1000)], 100);
    let stopped = (1..).find(|tokens| bench.passed(*tokens)).unwrap();
    // The last step did not fit any more.
    assert!(
        (1000 - 10 - 257..=1000 - 10).contains(&(stopped - 1)),
        "{stopped}"
    );
    bench.settle(stopped);
    assert_eq!(bench.counted()[0], (10 + stopped, 0));
}

#[test]
fn what_was_reserved_later_is_settled_where_it_was_reserved() {
    let mut bench = Bench::new(&[meter(Unit::Tokens, MINUTE, 1000)], 100);
    bench.now += 30_000_000_000;
    assert!(!bench.passed(101));
    bench.settle(200);
    assert_eq!(bench.counted()[0], (210, 0));
    // The first bucket, 110 tokens of it, no longer counts.
    bench.now += 35_000_000_000;
    assert_eq!(bench.counted()[0], (100, 0));
    bench.now += 30_000_000_000;
    assert_eq!(bench.counted()[0], (0, 0));
}

#[test]
fn a_busy_ledger_ends_no_answer() {
    let mut bench = Bench::new(&[meter(Unit::Tokens, DAY, 1000)], 100);
    bench.host.conflict_next(MAX_TRIES);
    assert!(!bench.passed(101));
    assert_eq!(bench.counted(), [(0, 110), (0, 110)]);
    assert!(!bench.passed(102), "asked again");
    assert_eq!(bench.counted(), [(0, 368), (0, 368)]);
}
