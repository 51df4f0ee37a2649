/*! Gateways that tests share: a start costs some seconds, for Envoy compiles the module. */

use crate::config::Config;
use crate::fleet::Fleet;
use crate::stand::Stand;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// What can be shared by tests that look at their own calls only.
pub trait Start: Sized + Send + Sync + 'static {
    /// Starts one.
    fn start(config: Config) -> impl Future<Output = Self>;
    /// What Envoy has logged.
    fn log(&self) -> String;
    /// Those that run.
    fn pool() -> &'static Pool<Self>;
}

type Slot<T> = Arc<OnceCell<T>>;

/// The last ones that were asked for, by configuration; the freshest comes last.
#[derive(Debug)]
pub struct Pool<T>(Mutex<Vec<(String, Slot<T>)>>);

/// How many are kept for tests to come.
const KEPT: usize = 6;

static STANDS: Pool<Stand> = Pool(Mutex::new(Vec::new()));
static FLEETS: Pool<Fleet> = Pool(Mutex::new(Vec::new()));

impl<T> Pool<T> {
    /// The one with this configuration, and what is not kept any longer.
    fn slot(&self, config: &Config) -> (Slot<T>, Vec<Slot<T>>) {
        let mut slots = self.0.lock().expect("nobody panics here");
        let at = slots.iter().position(|(known, _)| *known == config.0);
        let slot = at.map_or_else(
            || (config.0.clone(), Slot::default()),
            |at| slots.remove(at),
        );
        slots.push(slot.clone());
        let over = slots.len().saturating_sub(KEPT);
        let old = slots.drain(..over).map(|(_, slot)| slot).collect();
        (slot.1, old)
    }
}

/// A gateway that other tests use, too; prints Envoy's log if the test that holds it fails.
#[derive(Debug)]
pub struct Lease<T: Start>(Slot<T>);

impl<T: Start> Lease<T> {
    pub(crate) async fn of(config: Config) -> Self {
        let (slot, old) = T::pool().slot(&config);
        // Its end is awaited; others need not wait for it.
        drop(tokio::task::spawn_blocking(move || drop(old)));
        slot.get_or_init(|| T::start(config)).await;
        Self(slot)
    }
}

impl<T: Start> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.get().expect("it was started")
    }
}

impl<T: Start> Drop for Lease<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(50).collect();
            eprintln!("--- the end of Envoy's log (shared by tests) ---");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Start for Stand {
    fn start(config: Config) -> impl Future<Output = Self> {
        Self::start(config)
    }

    fn log(&self) -> String {
        self.envoy.log()
    }

    fn pool() -> &'static Pool<Self> {
        &STANDS
    }
}

impl Start for Fleet {
    fn start(config: Config) -> impl Future<Output = Self> {
        Self::start(config)
    }

    fn log(&self) -> String {
        self.envoy.log()
    }

    fn pool() -> &'static Pool<Self> {
        &FLEETS
    }
}
