/*! The whole gateway: every feature through real Envoy. */

mod alerts;
mod answers;
mod attempts;
mod chain;
mod chat;
mod costs;
mod direct;
mod durable;
mod fallback;
mod faults;
mod fitting;
mod global_limits;
mod identity;
mod limits;
mod messages;
mod policy;
mod refusals;
mod routing;
mod run_script;
mod sdk;
mod settlement;
mod shipped;
mod soak;
mod stop;
mod telemetry;
mod usage;
