/*! Repeated questions: answers that were given before, and may be given again.

- [`canonical`]: when two requests are the same
- [`key`](question_digest): what else an answer depends on, and who may get it
- [`Wish`]: what callers say of it
- [`Collector`]: an answer, gathered while it passes
- [`Kept`]: what is stored of it
- [`remote`]: answers in a store beyond this Envoy
- [`purge`]: what was stored before is none any more
- [`semantic`]: when two questions mean the same
- [`store`]: where it lies */

mod answer;
pub mod canonical;
mod collect;
mod key;
pub mod purge;
pub mod remote;
pub mod semantic;
pub mod store;
mod wish;

pub use answer::Kept;
pub use collect::{Collector, Uncollected};
pub use key::{Question, group_digest, owner, question_digest};
pub use wish::{Wish, only_if_cached};
