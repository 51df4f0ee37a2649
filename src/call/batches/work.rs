/*! What the requests of a batch come to, as the id of their file says. */

use crate::config::{Batches, Model, Target};
use crate::ledger::limits::Amounts;
use crate::ledger::{Cost, Price, Usage};
use crate::protocols::Api;
use crate::protocols::openai::BATCH_APIS;
use crate::wrapped::Mark;
use std::rc::Rc;

/// What the requests of a file come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call) struct Work {
    /// What all of them ask by.
    pub(super) api: Api,
    /// Stands for their virtual model, its target, and what that costs.
    pub(super) target: [u8; 4],
    /// Tokens of all prompts, estimated.
    pub(super) input: u64,
    /// Tokens that all answers can have.
    pub(super) output: u64,
    /// What that costs.
    pub(in crate::call) cost: Cost,
}

impl Work {
    /// For the id of a file: the API, and whether something has no price, in one byte.
    pub(in crate::call) fn to_bytes(self) -> Vec<u8> {
        let place = BATCH_APIS.iter().position(|api| *api == self.api);
        let place = u8::try_from(place.unwrap_or_default()).unwrap_or_default();
        let flag = if self.cost.is_unpriced() { UNPRICED } else { 0 };
        let numbers = [self.input, self.output, self.cost.nano_usd()];
        let numbers = numbers.map(u64::to_le_bytes);
        [&[place | flag][..], &self.target, numbers.as_flattened()].concat()
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let (&target, rest) = rest.split_first_chunk()?;
        let (numbers, []) = rest.as_chunks() else {
            return None;
        };
        let [input, output, nano] = numbers else {
            return None;
        };
        let [input, output, nano] = [input, output, nano].map(|bytes| u64::from_le_bytes(*bytes));
        Some(Self {
            api: *BATCH_APIS.get(usize::from(first & !UNPRICED))?,
            target,
            input,
            output,
            cost: match first & UNPRICED {
                0 => Cost::Known(nano),
                _ => Cost::Unpriced(nano),
            },
        })
    }

    /// The API of the answers in a file, of which the id says what a batch's says of its output.
    pub(in crate::call) fn output_of(bytes: &[u8]) -> Option<Api> {
        let [first] = bytes else { return None };
        BATCH_APIS.get(usize::from(first & !UNPRICED)).copied()
    }

    /// The target of `model` that works on it; `None`: it is another model's, there no more, or
    /// has another price by now.
    pub(super) fn target_in<'m>(
        &self,
        model: &'m Model,
        batches: &Batches,
    ) -> Option<&'m Rc<Target>> {
        let mut targets = model.live().iter();
        targets.find(|target| mark_of(model, target, batches) == self.target)
    }

    /// To be reserved.
    pub(super) const fn amounts(&self) -> Amounts {
        Amounts {
            requests: 1,
            input: self.input,
            output: self.output,
            nano_usd: self.cost.nano_usd(),
        }
    }

    /// As a call's.
    pub(in crate::call) const fn usage(&self) -> Usage {
        Usage {
            input: self.input,
            output: self.output,
            ..Usage::NONE
        }
    }
}

const UNPRICED: u8 = 0x80;

/// What stands in ids for a target of a model, and for what batches cost there.
pub(super) fn mark_of(model: &Model, target: &Target, batches: &Batches) -> [u8; 4] {
    let (name, key, part) = (&model.name, &target.key, batches.price);
    let price = target.price.as_ref().map(Price::numbers);
    Mark::of(&format!("{name}\0{key}\0{price:?}\0{part}")).bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_comes_to_comes_back() {
        for api in BATCH_APIS {
            for cost in [Cost::Known(7), Cost::Unpriced(u64::MAX), Cost::FREE] {
                let work = Work {
                    api,
                    target: [1, 2, 3, 4],
                    input: u64::MAX,
                    output: 9,
                    cost,
                };
                let bytes = work.to_bytes();
                assert_eq!(bytes.len(), 29);
                assert_eq!(Work::of_bytes(&bytes), Some(work));
                assert_eq!(Work::of_bytes(&bytes[1..]), None);
                assert_eq!(Work::of_bytes(&[&bytes[..], &[0]].concat()), None);
                let unknown = [&[4], &bytes[1..]].concat();
                assert_eq!(Work::of_bytes(&unknown), None);
            }
        }
        assert_eq!(Work::of_bytes(&[]), None);
        assert_eq!(Work::output_of(&[0x83]), Some(BATCH_APIS[3]));
        for bytes in [&[][..], &[4], &[0, 0]] {
            assert_eq!(Work::output_of(bytes), None);
        }
    }
}
