/*! Several machines of one or more Envoys, a store and a webhook, all in memory. */

mod alerts;
mod store;

use super::*;
use crate::config::{Tree, from_tree};
use crate::host::memory::MemoryHost;
use crate::ledger::limits::{
    Amounts, Book, Crossed, Holder, Limit, Meter, Period, Scope, Unit, Window, reserve, settle,
};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Noon of a day in 2026, so that no test comes near the end of a window.
const NOON_MS: u64 = 1_795_348_800_000;

fn policy(extra: &str) -> Policy {
    let text = format!(
        r#"{{
        "backends": {{"a": {{"cluster": "a", "api": "openai"}}}},
        "models": {{"smart": {{"targets": [{{"backend": "a", "model": "m"}}]}}}},
        "tenants": {{
          "acme": {{"models": ["smart"], "keys": [{{"sha256": "{}"}}]}},
          "blue": {{"models": ["smart"], "keys": [{{"sha256": "{}"}}]}}
        }},
        {extra}
    }}"#,
        "1".repeat(64),
        "2".repeat(64)
    );
    let tree = Tree::from_json(text.as_bytes()).unwrap();
    from_tree(&tree).0.unwrap()
}

/// What the servers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// Every request gets this status.
    Status(u16),
    /// Envoy does not take requests.
    Unknown,
    /// Answers never come.
    Silent,
}

/// A store and a webhook.
struct World {
    objects: RefCell<BTreeMap<String, Vec<u8>>>,
    mood: Mood,
    now: u64,
    /// Every request, in order.
    seen: RefCell<Vec<Callout>>,
}

impl World {
    fn new() -> Self {
        Self {
            objects: RefCell::default(),
            mood: Mood::Well,
            now: NOON_MS,
            seen: RefCell::default(),
        }
    }

    fn serve(&self, callout: &Callout) -> Option<Answer> {
        let answer = |status, body: &[u8]| {
            Some(Answer {
                status,
                body: body.to_vec(),
            })
        };
        self.seen.borrow_mut().push(callout.clone());
        match (self.mood, callout.method) {
            (Mood::Unknown | Mood::Silent, _) => None,
            (Mood::Status(status), _) => answer(status, b"no"),
            (Mood::Well, "PUT") => {
                let mut objects = self.objects.borrow_mut();
                objects.insert(callout.path.clone(), callout.body.clone());
                answer(201, b"")
            }
            (Mood::Well, "GET") => match self.objects.borrow().get(&callout.path) {
                Some(body) => answer(200, body),
                None => answer(404, b"not found"),
            },
            (Mood::Well, _) => answer(204, b""),
        }
    }

    /// Requests with this method since the last time.
    fn take(&self, method: &str) -> Vec<Callout> {
        let seen = self.seen.take();
        seen.into_iter().filter(|it| it.method == method).collect()
    }

    /// Lets every machine of an Envoy tick for some time.
    fn run(&mut self, envoy: &mut Envoy, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            self.now += TICK_MS;
            envoy.tick(self);
        }
    }
}

/// One Envoy.
struct Envoy {
    host: MemoryHost,
    space: Space,
    policy: Policy,
    machines: Vec<Machine>,
}

struct Machine {
    background: Background,
    dirty: Rc<Dirty>,
}

impl Envoy {
    fn start(world: &World, extra: &str, machines: usize) -> Self {
        let mut envoy = Self {
            host: MemoryHost::default(),
            space: Space::new("gateway"),
            policy: policy(extra),
            machines: Vec::new(),
        };
        envoy.host.set_now(world.now * 1_000_000);
        for _ in 0..machines {
            envoy.add_machine();
        }
        envoy
    }

    fn add_machine(&mut self) {
        let dirty = Rc::default();
        let background = Background::new(&self.host, &self.policy, &self.space, &dirty);
        let background = background.expect("there is work");
        self.machines.push(Machine { background, dirty });
    }

    fn tick(&mut self, world: &World) {
        self.host.set_now(world.now * 1_000_000);
        for machine in &mut self.machines {
            let mut callouts = machine.background.tick(&self.host);
            while let Some(callout) = callouts.pop() {
                let answer = world.serve(&callout);
                if answer.is_none() && world.mood == Mood::Silent {
                    continue;
                }
                let more = machine
                    .background
                    .answered(&self.host, callout.token, answer.as_ref());
                callouts.extend(more);
            }
        }
    }

    fn book(&self) -> Book<'_> {
        Book {
            host: &self.host,
            space: &self.space,
            shard_bytes: 4096,
            now: self.host.now(),
        }
    }

    /// A call of `scope` on a machine, settled at once.
    fn call(&self, machine: usize, scope: &Scope, record: &str) {
        let amounts = Amounts {
            requests: 1,
            ..Amounts::default()
        };
        let granted = reserve(&self.book(), vec![scope.clone()], "smart", &amounts).unwrap();
        settle(&self.book(), &granted.reservation, &amounts);
        self.machines[machine].dirty.note(record);
    }

    fn acme(&self, machine: usize) {
        self.call(machine, &tenant("acme"), "ledger/tenant/acme");
    }

    fn used(&self, scope: &Scope) -> u64 {
        scope.budgets(&self.book())[0].used
    }

    fn is_loaded(&self) -> bool {
        is_loaded(&self.host, &self.space)
    }
}

fn requests_a_day() -> Meter {
    let limit = Limit {
        name: "calls".to_owned(),
        amount: 1_000_000,
        shadow: false,
        alert_at: Vec::new(),
    };
    Meter {
        id: 1,
        unit: Unit::Requests,
        window: Window::Fixed(Period::Day),
        models: Vec::new(),
        limits: vec![limit],
    }
}

fn tenant(name: &str) -> Scope {
    Scope {
        holder: Holder::Tenant(name.to_owned()),
        meters: Rc::from([requests_a_day()]),
    }
}

fn user(name: &str) -> (Scope, String) {
    let scope = Scope {
        holder: Holder::User {
            tenant: "acme".to_owned(),
            name: name.to_owned(),
        },
        meters: Rc::from([requests_a_day()]),
    };
    let shard = crate::ledger::limits::User::of("acme", name).shard;
    (scope, format!("ledger/users/{shard}"))
}
