//! Windows under load, and clocks that do what they want.

use super::*;
use proptest::prelude::*;

/// A period's length in milliseconds, for windows that slide.
const LENGTHS: [(Period, u64); 3] = [
    (Period::Second, 1_000),
    (Period::Minute, 60_000),
    (Period::Hour, 3_600_000),
];

const LIMIT: u64 = 100;

proptest! {
    #[test]
    fn no_stretch_of_a_periods_length_sees_more_than_the_limit(
        kind in 0..LENGTHS.len(),
        asks in prop::collection::vec((0..400_u64, 1..60_u64, 0..=100_u64, 0..3_usize), 1..80),
    ) {
        let (period, length) = LENGTHS[kind];
        let mut bench = Bench::new();
        let scope = tenant(&[meter(Unit::Tokens, Window::Sliding(period), LIMIT)]);
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        let mut open = Vec::new();
        for (thousandths, tokens, percent, settle_some) in asks {
            bench.now += length * thousandths * 1_000;
            let now_ms = bench.now / 1_000_000;
            if let Ok(granted) = bench.reserve(std::slice::from_ref(&scope), call(tokens, 0)) {
                admitted.push((now_ms, tokens));
                open.push((admitted.len() - 1, granted.reservation, tokens * percent / 100));
            }
            for _ in 0..settle_some.min(open.len()) {
                let (index, reservation, took) = open.remove(0);
                settle(&bench.book(), &reservation, &call(took, 0));
                admitted[index].1 = took;
            }
            let within = admitted.iter().filter(|(at, _)| now_ms - at < length);
            prop_assert!(within.map(|(_, tokens)| tokens).sum::<u64>() <= LIMIT);
        }
    }

    #[test]
    fn a_fixed_window_admits_its_limit_and_no_more(
        asks in prop::collection::vec((0..30_000_u64, 1..60_u64), 1..80),
    ) {
        let mut bench = Bench::new();
        let window = Window::Fixed(Period::Minute);
        let scope = tenant(&[meter(Unit::Tokens, window, LIMIT)]);
        let mut taken = std::collections::HashMap::new();
        for (millis, tokens) in asks {
            bench.now += millis * 1_000_000;
            let taken: &mut u64 = taken.entry(window.bucket(bench.now / 1_000_000)).or_default();
            let granted = bench.reserve(std::slice::from_ref(&scope), call(tokens, 0));
            prop_assert_eq!(granted.is_ok(), *taken + tokens <= LIMIT);
            if granted.is_ok() {
                *taken += tokens;
            }
        }
    }

    /// Steps back and forth by up to four days; then the clock is right again.
    #[test]
    fn no_clock_blocks_for_ever_and_none_gives_anything_twice(
        moves in prop::collection::vec((0..345_600_u64, 1..60_u64, any::<bool>()), 1..60),
    ) {
        let mut bench = Bench::new();
        let scope = tenant(&[
            meter(Unit::Tokens, DAY, LIMIT),
            meter(Unit::Requests, Window::Sliding(Period::Minute), LIMIT),
            meter(Unit::Concurrent, Window::Lease(60_000), LIMIT),
        ]);
        let begun = bench.now;
        let (mut used, mut held) = (0, Vec::new());
        for (seconds, tokens, settles) in moves {
            bench.now = begun + seconds * SECOND;
            if let Ok(granted) = bench.reserve(std::slice::from_ref(&scope), call(tokens, 0)) {
                held.push((granted.reservation, tokens));
            }
            if settles && let Some((reservation, tokens)) = held.pop() {
                settle(&bench.book(), &reservation, &call(tokens, 0));
                used += tokens;
            }
            let all = used + held.iter().map(|(_, tokens)| tokens).sum::<u64>();
            let budget = &scope.budgets(&bench.book())[0];
            prop_assert!(budget.used + budget.reserved <= all);
        }
        // Two days after the latest moment that the clock ever told, nothing counts.
        bench.now = begun + (345_600 + 2 * 86_400) * SECOND;
        for budget in scope.budgets(&bench.book()) {
            prop_assert_eq!((budget.used, budget.reserved), (0, 0));
        }
    }
}

#[test]
fn a_step_back_of_less_than_a_window_forgets_nothing() {
    let mut bench = Bench::new();
    for window in [DAY, Window::Sliding(Period::Minute)] {
        let scope = tenant(&[meter(Unit::Tokens, window, LIMIT)]);
        let granted = bench
            .reserve(std::slice::from_ref(&scope), call(60, 0))
            .unwrap();
        bench.now -= 50 * SECOND;
        assert!(
            bench
                .reserve(std::slice::from_ref(&scope), call(41, 0))
                .is_err()
        );
        settle(&bench.book(), &granted.reservation, &call(50, 0));
        assert_eq!(bench.used(&scope), (50, 0));
    }
}

#[test]
fn a_worker_that_is_lost_costs_its_reservation_until_the_window_ends() {
    let mut bench = Bench::new();
    let scope = tenant(&[
        meter(Unit::Tokens, DAY, LIMIT),
        meter(Unit::Concurrent, Window::Lease(60_000), 1),
    ]);
    bench
        .reserve(std::slice::from_ref(&scope), call(30, 0))
        .unwrap();
    assert_eq!(bench.used(&scope), (0, 30));
    // The slot is back when its lease has ended; the tokens are not.
    bench
        .reserve(std::slice::from_ref(&scope), call(1, 0))
        .unwrap_err();
    bench.now += 70 * SECOND;
    let granted = bench
        .reserve(std::slice::from_ref(&scope), call(70, 0))
        .unwrap();
    settle(&bench.book(), &granted.reservation, &call(70, 0));
    bench
        .reserve(std::slice::from_ref(&scope), call(1, 0))
        .unwrap_err();
    bench.now += 86_400 * SECOND;
    assert_eq!(bench.used(&scope), (0, 0));
}

#[test]
fn a_limit_lowered_below_what_is_used_refuses_until_the_window_ends() {
    let bench = Bench::new();
    let before = tenant(&[meter(Unit::Tokens, DAY, LIMIT)]);
    let after = tenant(&[meter(Unit::Tokens, DAY, 10)]);
    let granted = bench
        .reserve(std::slice::from_ref(&before), call(80, 0))
        .unwrap();
    let refused = exceeded(
        bench
            .reserve(std::slice::from_ref(&after), call(5, 0))
            .unwrap_err(),
    );
    assert_eq!((refused.taken, refused.amount), (80, 10));
    let now_ms = bench.now / 1_000_000;
    assert_eq!(refused.free_ms, Some(DAY.ends_ms(DAY.bucket(now_ms))));
    // A call of the old policy is settled by it, and the new one sees that.
    settle(&bench.book(), &granted.reservation, &call(4, 0));
    bench.reserve(&[after], call(5, 0)).unwrap();
    assert_eq!(bench.used(&before), (4, 5));
}
