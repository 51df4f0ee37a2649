/*! The whole gateway: every feature through real Envoy. */

mod answers;
mod attempts;
mod chain;
mod chat;
mod fallback;
mod faults;
mod identity;
mod policy;
mod refusals;
mod run_script;
mod sdk;
mod settlement;
mod shipped;
mod telemetry;
