/*! The core of Tollgate: everything that decides, nothing that does I/O.

Rooms, lowest first; each knows only those before it:

- [`bytes`], `date`, `hmac`, `sorting`, [`http`], [`host`]: searching, days, heads, and what the core needs from outside
- [`json`], [`sse`], [`eventstream`]: text by span and by event, with no idea of AI
- [`wrapped`]: ids of what providers keep, as callers know them
- `lookalikes`: characters that look like others
- [`detect`], [`mask`]: personal data and secrets, found and masked as text comes
- [`classify`]: prompt injection and toxicity, scored as text comes
- [`state`]: records that all workers share
- [`tokens`]: estimates of tokens
- [`ledger`]: usage and totals
- [`protocols`]: what callers and providers say
- [`guardrails`]: rules on requests as such
- [`config`]: what an operator writes, compiled into a policy
- [`identity`], [`routing`]: who, and where to
- [`callout`]: services that guardrails ask
- [`cache`]: answers that were given before
- [`telemetry`]: metrics and the decision record
- [`background`]: what is done beside calls: counters kept in a store, alerts sent
- [`attempt`]: one try at one provider
- [`call`]: one call from first byte to settlement

`docs/architecture.md` tells a call's way through them. */

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::string_slice
    )
)]

pub mod attempt;
pub mod background;
pub mod bytes;
pub mod cache;
pub mod call;
pub mod callout;
pub mod classify;
pub mod config;
mod date;
pub mod detect;
pub mod eventstream;
pub mod guardrails;
mod hmac;
pub mod host;
pub mod http;
pub mod identity;
pub mod json;
pub mod ledger;
mod lookalikes;
pub mod mask;
pub mod multipart;
pub mod protocols;
pub mod routing;
mod sorting;
pub mod sse;
pub mod state;
pub mod telemetry;
pub mod tokens;
pub mod wrapped;
