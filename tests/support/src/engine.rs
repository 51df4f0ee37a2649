/*! The engine, limitador: which limits a descriptor meets, and whether it is within them. */

use crate::messages::{Code, CurrentLimit, Descriptor, Duration, RateLimitRequest, Status, Unit};
use crate::storage::Storage;
use limitador::AsyncRateLimiter;
use limitador::counter::Counter;
use limitador::limit::{Context, Namespace};
use std::collections::HashMap;
use std::fmt;
use tokio::sync::Mutex;

/// A limit of the service: so many hits in a window, for each value of a descriptor's key.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The `domain` of Envoy's filter.
    pub domain: &'static str,
    /// What descriptors it is for: CEL on their keys.
    pub when: &'static str,
    /// The key of a descriptor whose every value has a counter of its own.
    pub each: &'static str,
    /// Hits.
    pub most: u64,
    /// The length of a window, which begins with its first hit.
    pub seconds: u64,
}

impl Limit {
    fn of_engine(&self) -> limitador::limit::Limit {
        let when = self.when.try_into().expect("CEL");
        let each = self.each.try_into().expect("CEL");
        limitador::limit::Limit::new(self.domain, self.most, self.seconds, [when], [each])
    }
}

/// Limits, and their counters in Redis.
pub(crate) struct Engine {
    limiter: AsyncRateLimiter,
    storage: Storage,
    /// One request at a time: what it adds and how it is judged are one.
    turn: Mutex<()>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    pub(crate) async fn new(url: &str, limits: &[Limit]) -> Self {
        let storage = Storage::open(url).await;
        let limiter = AsyncRateLimiter::new_with_storage(Box::new(storage.clone()));
        for limit in limits {
            assert!(limiter.add_limit(limit.of_engine()), "twice: {limit:?}");
        }
        Self {
            limiter,
            storage,
            turn: Mutex::default(),
        }
    }

    /// Counts and judges each descriptor of a request.
    pub(crate) async fn judge(&self, request: &RateLimitRequest) -> Vec<Status> {
        let _turn = self.turn.lock().await;
        let domain = Namespace::from(request.domain.as_str());
        let mut statuses = Vec::new();
        for descriptor in &request.descriptors {
            statuses.push(self.judge_one(&domain, request, descriptor).await);
        }
        statuses
    }

    async fn judge_one(
        &self,
        domain: &Namespace,
        request: &RateLimitRequest,
        descriptor: &Descriptor,
    ) -> Status {
        let entries = descriptor.entries.iter();
        let entries = entries.map(|entry| (entry.key.clone(), entry.value.clone()));
        let context = Context::from(entries.collect::<HashMap<_, _>>());
        let hits = hits(request, descriptor);
        if descriptor.is_negative_hits {
            for counter in self.counters(domain, &context) {
                self.storage.refund(&counter, hits).await;
            }
        } else if hits > 0 {
            let counted = self.limiter.update_counters(domain, &context, hits).await;
            counted.expect("counted");
        }
        let judged = self.limiter.is_rate_limited(domain, &context, 0).await;
        let judged = judged.expect("judged");
        let over = judged.limited && !descriptor.is_negative_hits;
        let counters = judged.counters.iter();
        let tightest = counters.min_by_key(|counter| counter.remaining());
        Status {
            code: if over { Code::OverLimit } else { Code::Ok }.into(),
            ..tightest.map(told).unwrap_or_default()
        }
    }

    fn counters(&self, domain: &Namespace, context: &Context<'_>) -> Vec<Counter> {
        let limits = self.limiter.get_limits(domain).into_iter();
        let met = limits.filter(|limit| limit.applies(context));
        met.filter_map(|limit| Counter::new(limit, context).expect("resolved"))
            .collect()
    }

    /// What was used of a limit by the holder of `name`.
    pub(crate) async fn used(&self, limit: &Limit, name: &str) -> u64 {
        let named = HashMap::from([(limit.each.to_owned(), name.to_owned())]);
        let counter = Counter::new(limit.of_engine(), &Context::from(named));
        let counter = counter.expect("resolved").expect("a counter");
        self.storage.read(&counter).await.0
    }
}

/// What callers are told of a counter.
fn told(counter: &Counter) -> Status {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Status {
        current_limit: Some(CurrentLimit {
            requests_per_unit: small(counter.max_value()),
            unit: Unit::of(counter.window().as_secs()).into(),
        }),
        limit_remaining: small(counter.remaining().unwrap_or(0)),
        duration_until_reset: counter.expires_in().map(|left| Duration {
            seconds: i64::try_from(left.as_secs()).unwrap_or(0),
        }),
        ..Status::default()
    }
}

/// A descriptor's own number, else the request's; 1 if neither has one.
fn hits(request: &RateLimitRequest, descriptor: &Descriptor) -> u64 {
    let of_request = u64::from(request.hits_addend.max(1));
    descriptor.hits_addend.unwrap_or(of_request)
}
