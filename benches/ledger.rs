//! What it costs to reserve and to settle, natively: `make bench-ledger`.
//!
//! One worker, no other in its way; the host is a map. The figures are those of the protocol:
//! reading, changing and writing the records, not of Envoy's shared data.

#![allow(clippy::print_stdout, reason = "it is a report")]

mod support;

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use support::MapHost;
use tollgate::host::Host;
use tollgate::ledger::limits::{
    Amounts, Book, Holder, Limit, Meter, Period, Scope, Unit, User, Window, reserve, settle,
};
use tollgate::state::Space;

/// Calls of a round.
const CALLS: u32 = 5_000;
/// The best one counts: others may want the processor, too.
const ROUNDS: u32 = 12;

fn main() {
    println!("reserve + settle, µs per call and bytes of the record");
    for limits in [1, 8, 64] {
        let meters = meters(limits);
        let scopes = [Scope {
            holder: Holder::Tenant("acme".to_owned()),
            meters,
        }];
        let host = MapHost::default();
        let took = measure(&host, || scopes.to_vec());
        println!("tenant, {limits:2} limits: {took:6.2} {:6}", largest(&host));
    }
    let meters = meters(1);
    let host = MapHost::default();
    let names = of_one_shard(400);
    let next = RefCell::new(names.iter().cycle());
    let took = measure(&host, || {
        let name = next.borrow_mut().next().cloned().unwrap_or_default();
        vec![user(name, &meters)]
    });
    println!("user, full shard:  {took:6.2} {:6}", largest(&host));
}

/// Microseconds of one reserve and settle.
fn measure(host: &MapHost, scopes: impl Fn() -> Vec<Scope>) -> f64 {
    let space = Space::new("bench");
    let wants = Amounts {
        requests: 1,
        input: 1_000,
        output: 4_000,
        nano_usd: 50_000,
    };
    let took = Amounts {
        output: 300,
        ..wants
    };
    let round = |_: u32| {
        // 8 milliseconds a call: all buckets of a sliding minute are in use.
        host.now.set(host.now.get().saturating_add(8_000_000));
        let book = Book {
            host,
            space: &space,
            shard_bytes: 4096,
            now: host.now(),
        };
        if let Ok(granted) = reserve(&book, scopes(), "smart", &wants) {
            black_box(settle(&book, &granted.reservation, &took));
        }
    };
    let best = (0..ROUNDS).map(|_| {
        let begun = std::time::Instant::now();
        (0..CALLS).for_each(round);
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
    });
    best.fold(f64::INFINITY, f64::min)
}

/// So many limits: windows of all kinds, all units.
fn meters(count: u32) -> Rc<[Meter]> {
    let units = [
        Unit::Tokens,
        Unit::Requests,
        Unit::NanoUsd,
        Unit::InputTokens,
    ];
    let windows = [
        Window::Sliding(Period::Minute),
        Window::Fixed(Period::Day),
        Window::Sliding(Period::Hour),
        Window::Fixed(Period::Month),
    ];
    let kinds = units.into_iter().cycle().zip(windows.into_iter().cycle());
    let meter = |(id, (unit, window)): (u32, (Unit, Window))| Meter {
        id,
        unit,
        window,
        models: Vec::new(),
        limits: vec![Limit {
            name: format!("limit-{id}"),
            amount: 1_000_000_000_000,
            shadow: false,
            alert_at: Vec::new(),
        }],
    };
    (0..count).zip(kinds).map(meter).collect()
}

fn user(name: String, meters: &Rc<[Meter]>) -> Scope {
    Scope {
        holder: Holder::User {
            tenant: "acme".to_owned(),
            name,
        },
        meters: Rc::clone(meters),
    }
}

/// Names of users in one shard.
fn of_one_shard(count: usize) -> Vec<String> {
    let names = (0_u32..).map(|number| format!("user-{number}"));
    let shard = |name: &String| User::of("acme", name).shard == 0;
    names.filter(shard).take(count).collect()
}

/// The longest record, in bytes.
fn largest(host: &MapHost) -> usize {
    let shared = host.shared.borrow();
    let sizes = shared.values().map(|(bytes, _)| bytes.len());
    sizes.max().unwrap_or(0)
}
