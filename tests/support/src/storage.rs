/*! The engine's counters in Redis: a number each, which ends with its window. */

use async_trait::async_trait;
use limitador::counter::Counter;
use limitador::limit::Limit;
use limitador::storage::{AsyncCounterStorage, Authorization, StorageErr};
use redis::Script;
use redis::aio::MultiplexedConnection;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Adds to a counter; its first hit begins its window.
const ADD: &str = "
    local used = redis.call('incrby', KEYS[1], ARGV[1])
    redis.call('expire', KEYS[1], ARGV[2], 'NX')
    return used";

/// Takes back, and never below zero. What is not there (any more) stays so.
const REFUND: &str = "
    local used = tonumber(redis.call('get', KEYS[1]) or '0')
    local less = math.min(used, tonumber(ARGV[1]))
    if less > 0 then redis.call('decrby', KEYS[1], less) end
    return less";

/// A connection to Redis.
#[derive(Clone)]
pub(crate) struct Storage {
    redis: MultiplexedConnection,
}

impl Storage {
    pub(crate) async fn open(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a URL");
        let redis = client.get_multiplexed_async_connection().await;
        Self {
            redis: redis.expect("a Redis"),
        }
    }

    /// Takes hits back, for which the engine has no word.
    pub(crate) async fn refund(&self, counter: &Counter, hits: u64) {
        let script = Script::new(REFUND);
        let mut call = script.key(key(counter));
        let refunded = call.arg(hits).invoke_async(&mut self.redis.clone()).await;
        let _: u64 = refunded.expect("refunded");
    }

    /// What was used of a counter, and how long its window still is.
    pub(crate) async fn read(&self, counter: &Counter) -> (u64, Option<Duration>) {
        let mut pipe = redis::pipe();
        pipe.get(key(counter)).pttl(key(counter));
        let read = pipe.query_async(&mut self.redis.clone()).await;
        let (used, left): (Option<u64>, i64) = read.expect("read");
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        (used.unwrap_or(0), left)
    }
}

/// The counter in the engine's own words, which are the same for the same limit and values.
fn key(counter: &Counter) -> String {
    let limit = serde_json::to_string(counter.limit()).expect("JSON");
    format!("{limit} {:?}", counter.set_variables())
}

#[async_trait]
impl AsyncCounterStorage for Storage {
    async fn is_within_limits(&self, counter: &Counter, delta: u64) -> Result<bool, StorageErr> {
        let (used, _) = self.read(counter).await;
        Ok(used.saturating_add(delta) <= counter.max_value())
    }

    async fn update_counter(&self, counter: &Counter, delta: u64) -> Result<(), StorageErr> {
        let script = Script::new(ADD);
        let mut call = script.key(key(counter));
        call.arg(delta).arg(counter.window().as_secs());
        let used = call.invoke_async(&mut self.redis.clone()).await;
        let _: u64 = used.expect("counted");
        Ok(())
    }

    async fn check<'a>(
        &self,
        counters: &mut Vec<Counter>,
        delta: u64,
    ) -> Result<Authorization, StorageErr> {
        let mut verdict = Authorization::Ok;
        for counter in counters {
            let (used, left) = self.read(counter).await;
            counter.set_remaining(counter.max_value().saturating_sub(used));
            counter.set_expires_in(left.unwrap_or(counter.window()));
            if used.saturating_add(delta) > counter.max_value() {
                verdict = Authorization::Limited(counter.limit().name().map(str::to_owned));
            }
        }
        Ok(verdict)
    }

    async fn check_and_update<'a>(
        &self,
        counters: &mut Vec<Counter>,
        delta: u64,
    ) -> Result<Authorization, StorageErr> {
        let verdict = self.check(counters, delta).await?;
        if matches!(verdict, Authorization::Ok) {
            for counter in counters.iter() {
                self.update_counter(counter, delta).await?;
            }
        }
        Ok(verdict)
    }

    /// Redis knows keys, not whose they are; nobody here asks.
    async fn get_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<HashSet<Counter>, StorageErr> {
        panic!("never asked for")
    }

    async fn delete_counters(&self, _: &HashSet<Arc<Limit>>) -> Result<(), StorageErr> {
        panic!("never asked for")
    }

    async fn clear(&self) -> Result<(), StorageErr> {
        panic!("never asked for")
    }
}
