//! What is known long after a call was settled.

use super::*;

const MINUTE: Window = Window::Sliding(Period::Minute);

/// When a call was charged, and where.
type Charged = (u64, Counted);

/// A call that was charged 100 and 60 tokens at the bench's time.
fn charge(bench: &Bench, scope: &Scope) -> Charged {
    charge_in(&bench.book(), scope)
}

fn charge_in(book: &Book<'_>, scope: &Scope) -> Charged {
    let granted = reserve(book, vec![scope.clone()], "smart", &call(100, 60)).unwrap();
    let settled = settle(book, &granted.reservation, &call(100, 60));
    let counted = granted.reservation.counted(&settled.lost_parts);
    (book.now_ms(), counted)
}

fn correct_to(bench: &Bench, scope: &Scope, charged: &Charged, took: &Amounts) -> Corrected {
    correct_in(&bench.book(), scope, charged, took)
}

fn correct_in(
    book: &Book<'_>,
    scope: &Scope,
    (at_ms, counted): &Charged,
    took: &Amounts,
) -> Corrected {
    let scopes = std::slice::from_ref(scope);
    correct(book, (scopes, counted), *at_ms, &call(100, 60), took)
}

#[test]
fn in_its_window_a_call_counts_what_it_took() {
    for window in [DAY, MINUTE] {
        for took in [call(9, 4), call(100, 60), call(500, 400), call(0, 0)] {
            let bench = Bench::new();
            let units = [Unit::Tokens, Unit::NanoUsd, Unit::Requests];
            let meters = units.map(|unit| meter(unit, window, 1_000_000));
            let scope = tenant(&meters);
            let charged = charge(&bench, &scope);
            let corrected = correct_to(&bench, &scope, &charged, &took);
            let long = window.is_long().then(|| scope.record());
            assert_eq!(corrected.long_records, Vec::from_iter(long));
            assert_eq!(corrected.lost, 0);
            let budgets = scope.budgets(&bench.book());
            let used: Vec<u64> = budgets.iter().map(|budget| budget.used).collect();
            // It was one call, and stays one.
            assert_eq!(
                used,
                [took.of(Unit::Tokens), took.nano_usd, 1],
                "{window:?}"
            );
        }
    }
}

#[test]
fn behind_its_window_only_what_it_took_beyond_its_charge_counts() {
    let mut bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1_000_000)]);
    let charged = charge(&bench, &scope);
    bench.now += 86_400 * SECOND;
    let own = charge(&bench, &scope);
    assert_ne!(own.0, charged.0);
    correct_to(&bench, &scope, &charged, &call(9, 4));
    assert_eq!(bench.used(&scope), (160, 0));
    correct_to(&bench, &scope, &charged, &call(100, 70));
    assert_eq!(bench.used(&scope), (170, 0));
}

#[test]
fn limits_that_do_not_count_the_model_stay() {
    let bench = Bench::new();
    let mut other = meter(Unit::Tokens, DAY, 1_000_000);
    other.models = vec!["other".to_owned()];
    let scope = tenant(&[other]);
    let charged = charge(&bench, &scope);
    assert_eq!(charged.1, Counted::default());
    let corrected = correct_to(&bench, &scope, &charged, &call(500, 500));
    assert_eq!(corrected, Corrected::default());
    assert_eq!(bench.used(&scope), (0, 0));
}

#[test]
fn a_correction_that_loses_every_round_is_told() {
    let bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1_000_000)]);
    let charged = charge(&bench, &scope);
    bench.host.conflict_next(crate::state::MAX_TRIES);
    assert_eq!(correct_to(&bench, &scope, &charged, &call(9, 4)).lost, 1);
    assert_eq!(bench.used(&scope), (160, 0));
    bench.host.conflict_next(3);
    assert_eq!(correct_to(&bench, &scope, &charged, &call(9, 4)).lost, 0);
    assert_eq!(bench.used(&scope), (13, 0));
}

#[test]
fn regression_what_was_never_counted_is_not_taken_away() {
    let bench = Bench::new();
    let old = meter(Unit::OutputTokens, DAY, 1_000_000);
    let charged = charge(&bench, &tenant(std::slice::from_ref(&old)));
    // A reload adds a limit, which counts another call.
    let both = tenant(&[old, meter(Unit::Tokens, DAY, 1_000_000)]);
    charge(&bench, &both);
    correct_to(&bench, &both, &charged, &call(9, 4));
    let budgets = both.budgets(&bench.book());
    let used: Vec<u64> = budgets.iter().map(|budget| budget.used).collect();
    assert_eq!(used, [64, 160]);
    // One that was let through uncounted changes nothing.
    let uncounted = (bench.book().now_ms(), Counted::default());
    for took in [call(0, 0), call(900, 900)] {
        let corrected = correct_to(&bench, &both, &uncounted, &took);
        assert_eq!(corrected, Corrected::default());
    }
}

#[test]
fn regression_what_was_lost_when_it_was_settled_is_not_taken_away() {
    let bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1_000_000)]);
    let granted = bench
        .reserve(std::slice::from_ref(&scope), call(100, 60))
        .unwrap();
    bench.host.conflict_next(crate::state::MAX_TRIES);
    let settled = settle(&bench.book(), &granted.reservation, &call(100, 60));
    assert_eq!((settled.lost, &*settled.lost_parts), (1, &[0][..]));
    let counted = granted.reservation.counted(&settled.lost_parts);
    assert_eq!(counted, Counted::default());
    charge(&bench, &scope);
    let charged = (bench.book().now_ms(), counted);
    correct_to(&bench, &scope, &charged, &call(0, 0));
    assert_eq!(bench.used(&scope), (160, 160));
}

/// Two users of one shard with room for one: `first` has it.
fn crowded(bench: &Bench) -> (Book<'_>, [Scope; 2]) {
    let [first, ada] = names_of_one_shard();
    let second = meter(Unit::Tokens, Window::Fixed(Period::Second), 1_000);
    let book = Book {
        shard_bytes: 70,
        ..bench.book()
    };
    let day = user(&ada, &[meter(Unit::Tokens, DAY, 1_000_000)]);
    (book, [user(&first, &[second]), day])
}

#[test]
fn regression_a_user_who_has_moved_is_corrected_where_the_call_was_counted() {
    for (took, shared, own) in [
        // The own record has begun with what the shared one counted.
        (call(9, 4), 13, 160 + 160),
        (call(100, 100), 200, 160 + 160),
    ] {
        let mut bench = Bench::new();
        let (book, [first, ada]) = crowded(&bench);
        reserve(&book, vec![first.clone()], "smart", &call(1, 0)).unwrap();
        let charged = charge_in(&book, &ada);
        bench.now += 2 * SECOND;
        let (book, _) = crowded(&bench);
        // Now there is room.
        charge_in(&book, &ada);
        assert_eq!(ada.budgets(&book)[0].used, 160 + 160);
        assert_eq!(correct_in(&book, &ada, &charged, &took).lost, 0);
        assert_eq!(ada.budgets(&book)[0].used, own, "{took:?}");
        let Holder::User { name, .. } = &ada.holder else {
            panic!()
        };
        let place = Place::of_user(User::of("acme", name).shared());
        let counter = place.read(&book, |record| record.find(ada.meters[0].id));
        assert_eq!(counter.unwrap().used(), shared, "{took:?}");
    }
}

#[test]
fn a_user_is_corrected_whoever_reads() {
    let mut bench = Bench::new();
    let meters = [meter(Unit::Tokens, DAY, 1_000_000)];
    let (ada, eve) = (user("ada", &meters), user("eve", &meters));
    let charged = charge(&bench, &ada);
    charge(&bench, &eve);
    let corrected = correct_to(&bench, &eve, &charged, &call(9, 4));
    assert_eq!(corrected.long_records, [ada.record()]);
    assert_eq!((bench.used(&ada), bench.used(&eve)), ((13, 0), (160, 0)));
    // Where nothing of hers counts any more, what it took beyond its charge does.
    bench.now += 86_400 * SECOND;
    charge(&bench, &eve);
    let place = ada.place();
    place
        .change(&bench.book(), &ada.meters, |_, _| Ok::<_, ()>(()))
        .unwrap()
        .unwrap();
    correct_to(&bench, &eve, &charged, &call(9, 4));
    assert_eq!(bench.used(&ada), (0, 0));
    correct_to(&bench, &eve, &charged, &call(100, 70));
    assert_eq!((bench.used(&ada), bench.used(&eve)), ((10, 0), (160, 0)));
}

#[test]
fn regression_a_correction_upwards_raises_alerts() {
    let bench = Bench::new();
    let mut alerting = meter(Unit::Tokens, DAY, 1_000);
    alerting.limits[0].alert_at = vec![50, 80];
    let scope = tenant(std::slice::from_ref(&alerting));
    let charged = charge(&bench, &scope);
    let crossed = |took| {
        let corrected = correct_to(&bench, &scope, &charged, &took);
        let crossed = corrected.crossed.into_iter();
        crossed
            .map(|crossed| (crossed.holder, crossed.percent, crossed.used))
            .collect::<Vec<_>>()
    };
    assert!(crossed(call(9, 4)).is_empty());
    assert_eq!(crossed(call(1_000, 60)), [(scope.holder.clone(), 80, 913)]);
    assert!(crossed(call(100, 61)).is_empty());
    // Of a user who is not the one that reads, no name is known.
    let (ada, eve) = ["ada", "eve"]
        .map(|name| user(name, &[alerting.clone()]))
        .into();
    let charged = charge(&bench, &ada);
    let by_eve = correct_to(&bench, &eve, &charged, &call(400, 160));
    assert!(by_eve.crossed.is_empty());
    let by_ada = correct_to(&bench, &ada, &charged, &call(101, 60));
    let raised: Vec<_> = by_ada
        .crossed
        .iter()
        .map(|it| (it.percent, it.used))
        .collect();
    assert_eq!(raised, [(50, 561)]);
}

#[test]
fn a_charge_that_is_raised_while_another_worker_closes_it_counts_what_it_took() {
    let bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1_000_000)]);
    let (at_ms, counted) = charge(&bench, &scope);
    let put = |before: &Amounts, after: &Amounts| {
        let scopes = (std::slice::from_ref(&scope), &counted);
        correct(&bench.book(), scopes, at_ms, before, after);
    };
    let raised = call(100, 260);
    put(&call(100, 60), &raised);
    put(&call(100, 60), &call(9, 4));
    // Who has raised it finds it closed.
    put(&raised, &call(100, 60));
    assert_eq!(bench.used(&scope), (13, 0));
}
