//! Many users in a fixed amount of memory.

use super::*;

const HOUR: Window = Window::Sliding(Period::Hour);

fn book_of<'b>(bench: &'b Bench, shard_bytes: u64) -> Book<'b> {
    Book {
        shard_bytes,
        ..bench.book()
    }
}

fn shard_sizes(bench: &Bench) -> Vec<usize> {
    let size = |shard| {
        let key = bench.space.key(&format!("{}{shard}", place::USERS));
        bench
            .host
            .shared_get(&key)
            .map_or(0, |(bytes, _)| bytes.len())
    };
    (0..SHARDS).map(size).collect()
}

#[test]
fn a_million_users_take_a_fixed_amount_of_memory() {
    /// Of each shard: 1 MiB in all.
    const BYTES: u64 = 256;
    /// Version byte, and the record of those who came too late.
    const BESIDES: usize = 1 + 80;
    let mut bench = Bench::new();
    let meters: Rc<[Meter]> = Rc::from([meter(Unit::Tokens, DAY, 1_000)]);
    let scope = |number: u32| Scope {
        holder: Holder::User {
            tenant: "acme".to_owned(),
            name: format!("user-{number}"),
        },
        meters: Rc::clone(&meters),
    };
    let mut own = Vec::new();
    for number in 0..1_000_000 {
        let asked = reserve(
            &book_of(&bench, BYTES),
            vec![scope(number)],
            "m",
            &call(1, 0),
        );
        // Who shares a record may be refused, and is not let through uncounted.
        if let Ok(granted) = asked
            && !granted.crowded
        {
            own.push(number);
        }
    }
    let sizes = shard_sizes(&bench);
    let most = usize::try_from(BYTES).unwrap() + BESIDES;
    assert!(
        sizes.iter().all(|size| *size <= most),
        "{:?}",
        sizes.iter().max()
    );
    assert!(own.len() > 4096, "{}", own.len());
    // Those who came first are still counted alone.
    for number in own.iter().step_by(97) {
        let budget = &scope(*number).budgets(&book_of(&bench, BYTES))[0];
        assert_eq!(budget.reserved, 1);
    }
    // When their windows are over, there is room for others.
    bench.now += 86_400 * SECOND;
    let late = reserve(
        &book_of(&bench, BYTES),
        vec![scope(1_000_001)],
        "m",
        &call(1, 0),
    );
    assert!(!late.unwrap().crowded);
}

#[test]
fn users_spread_evenly_over_the_shards() {
    const EACH: u32 = 10;
    let mut counts = vec![0_u32; usize::from(SHARDS)];
    for number in 0..u32::from(SHARDS) * EACH {
        counts[usize::from(User::of("acme", &number.to_string()).shard)] += 1;
    }
    let deviation = |count: &u32| f64::from((i64::from(*count) - i64::from(EACH)).pow(2) as i32);
    let chi_squared = counts.iter().map(deviation).sum::<f64>() / f64::from(EACH);
    // 4095 degrees of freedom: 4095 on average, with a standard deviation of 90.
    assert!((3_735.0..4_455.0).contains(&chi_squared), "{chi_squared}");
}

#[test]
fn users_of_different_tenants_are_different() {
    assert_ne!(User::of("a", "b"), User::of("ab", ""));
    assert_ne!(User::of("a", "b"), User::of("b", "b"));
}

#[test]
fn regression_a_tenant_of_many_users_leaves_room_in_the_shared_record_of_others() {
    let bench = Bench::new();
    let book = book_of(&bench, 0);
    let of = |tenant: &str| Scope {
        holder: Holder::User {
            tenant: tenant.to_owned(),
            name: "ada".to_owned(),
        },
        meters: Rc::from([meter(Unit::Tokens, DAY, 100)]),
    };
    let granted = reserve(&book, vec![of("acme")], "m", &call(100, 0)).unwrap();
    assert!(granted.crowded);
    // Whatever shard it is in: the same one, if the tenant's name says so.
    let same = (0..).map(|n| format!("tenant-{n}"));
    let shard = User::of("acme", "ada").shard;
    let same = same
        .into_iter()
        .find(|name| User::of(name, "ada").shard == shard);
    reserve(&book, vec![of(&same.unwrap())], "m", &call(100, 0)).unwrap();
}

#[test]
fn regression_calls_settled_late_do_not_make_a_shard_grow() {
    const BYTES: u64 = 512;
    let mut bench = Bench::new();
    let second = meter(Unit::Tokens, Window::Fixed(Period::Second), 1_000);
    let names: [String; 60] = names_of_one_shard();
    let shard = usize::from(User::of("acme", &names[0]).shard);
    let mut held = Vec::new();
    for name in &names {
        let scope = user(name, std::slice::from_ref(&second));
        let granted = reserve(&book_of(&bench, BYTES), vec![scope], "m", &call(1, 0)).unwrap();
        assert!(!granted.crowded);
        held.push(granted.reservation);
        bench.now += 2 * SECOND;
    }
    for reservation in &held {
        // Beyond the reservation, and after its window: it has to be counted somewhere.
        settle(&book_of(&bench, BYTES), reservation, &call(3, 0));
    }
    let size = shard_sizes(&bench)[shard];
    assert!(size <= usize::try_from(BYTES).unwrap() + 80, "{size}");
}

#[test]
fn a_users_record_stays_within_what_was_promised() {
    let mut bench = Bench::new();
    let scope = user("ada", &[meter(Unit::Tokens, HOUR, 100_000)]);
    let promised = scope.meters[0].most_bytes() + 13;
    for _ in 0..200 {
        bench.now += 47 * SECOND;
        if let Ok(granted) = bench.reserve(std::slice::from_ref(&scope), call(9_000, 0)) {
            settle(&bench.book(), &granted.reservation, &call(5_000, 0));
        }
        adjust(&bench.book(), &scope, "tokens-limit", Adjustment::TopUp(1)).unwrap();
        let size = shard_sizes(&bench).into_iter().max().unwrap();
        assert!(size <= 1 + promised, "{size} > {promised}");
    }
}

#[test]
fn who_was_counted_with_others_has_not_the_whole_limit_again_when_there_is_room() {
    /// Room for one record of one day or second.
    const BYTES: u64 = 60;
    let mut bench = Bench::new();
    let [first, ada, eve] = names_of_one_shard();
    let second = meter(Unit::Tokens, Window::Fixed(Period::Second), 1_000);
    let of = |name: &str| user(name, &[meter(Unit::Requests, DAY, 10)]);
    let take = |bench: &Bench, scope: Scope, wants| {
        let granted = reserve(&book_of(bench, BYTES), vec![scope], "m", &wants)?;
        settle(&book_of(bench, BYTES), &granted.reservation, &wants);
        Ok::<_, Denied>(granted.crowded)
    };
    assert_eq!(take(&bench, user(&first, &[second]), call(1, 0)), Ok(false));
    for _ in 0..10 {
        assert_eq!(take(&bench, of(&ada), call(1, 0)), Ok(true));
    }
    take(&bench, of(&eve), call(1, 0)).unwrap_err();
    bench.now += 2 * SECOND;
    let refused = exceeded(take(&bench, of(&ada), call(1, 0)).unwrap_err());
    assert_eq!((refused.taken, refused.amount), (10, 10));
    assert_eq!(of(&ada).budgets(&book_of(&bench, BYTES))[0].used, 10);
    // Nobody can say what of it was hers.
    take(&bench, of(&eve), call(1, 0)).unwrap_err();
    bench.now += 86_400 * SECOND;
    for _ in 0..10 {
        assert_eq!(take(&bench, of(&ada), call(1, 0)), Ok(false));
    }
    take(&bench, of(&ada), call(1, 0)).unwrap_err();
}

#[test]
fn a_record_of_ones_own_goes_on_from_the_shared_one() {
    const BYTES: u64 = 60;
    let mut bench = Bench::new();
    let [first, ada] = names_of_one_shard();
    let second = meter(Unit::Tokens, Window::Fixed(Period::Second), 1_000);
    let day = user(&ada, &[meter(Unit::Requests, DAY, 10)]);
    let ask = |bench: &Bench, scope: &Scope| {
        let book = book_of(bench, BYTES);
        reserve(&book, vec![scope.clone()], "m", &call(1, 0)).unwrap()
    };
    ask(&bench, &user(&first, &[second]));
    let before = ask(&bench, &day);
    assert!(before.crowded);
    bench.now += 2 * SECOND;
    let after = ask(&bench, &day);
    assert!(!after.crowded);
    let left = |bench: &Bench| {
        let budget = day.budgets(&book_of(bench, BYTES)).remove(0);
        (budget.used, budget.reserved)
    };
    assert_eq!(left(&bench), (0, 2));
    settle(&book_of(&bench, BYTES), &after.reservation, &call(1, 0));
    assert_eq!(left(&bench), (1, 1));
    // It is settled where it was reserved.
    settle(&book_of(&bench, BYTES), &before.reservation, &call(1, 0));
    assert_eq!(left(&bench), (1, 1));
}
