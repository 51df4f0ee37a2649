/*! `GET /v1/models`: what each virtual model takes, gives and is limited to, beside what the
protocols say of models. */

use super::{Call, OnHead, endpoint, limited};
use crate::config::{Condition, Modality, Model, Policy, Resolve, Role, Rule, StepKind, Target};
use crate::identity::Caller;
use crate::ledger::limits::{Meter, Unit};
use crate::protocols::{Protocol, Reply, anthropic, openai};
use crate::routing;
use serde_json::{Map, Value, json};
use std::rc::Rc;

impl Call {
    pub(super) fn all_models(&mut self, caller: Caller) -> OnHead {
        let models = caller.tenant.models.iter();
        let entries: Vec<Value> = models.map(|model| self.entry(&caller, model)).collect();
        let list = match self.api.protocol() {
            Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => openai::model_list(entries),
            Protocol::Anthropic => anthropic::model_list(entries),
        };
        let reply = Reply::json(200, &list);
        OnHead::Reply(self.answer(caller, reply))
    }

    pub(super) fn one_model(&mut self, caller: Caller, name: &str) -> OnHead {
        let name = endpoint::decode_segment(name).unwrap_or_default();
        match routing::find_model(&self.gateway.policy, &caller.tenant, &name) {
            Ok(model) => {
                let reply = Reply::json(200, &self.entry(&caller, &model));
                OnHead::Reply(self.answer(caller, reply))
            }
            Err(refusal) => OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    fn entry(&self, caller: &Caller, model: &Rc<Model>) -> Value {
        let mut entry = match self.api.protocol() {
            Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => {
                openai::model_entry(&model.name)
            }
            Protocol::Anthropic => anthropic::model_entry(&model.name),
        };
        let Some(members) = entry.as_object_mut() else {
            return entry;
        };
        let answering = answering(&self.gateway.policy, caller, model);
        let targets = answering.iter().flat_map(|model| model.live());
        let targets: Vec<&Target> = targets.map(Rc::as_ref).collect();
        self.add_sizes(members, &targets);
        let steps = answering.iter().flat_map(|model| &model.workflow);
        let made: Vec<Modality> = steps
            .clone()
            .filter_map(|step| step.kind.makes_text_of())
            .collect();
        add_modalities(members, "input_modalities", (&targets, &made), |it| {
            &it.accepts
        });
        let mut steps = steps;
        let spoken: &[Modality] = match steps.any(|step| step.kind == StepKind::Speak) {
            true => &[Modality::Audio],
            false => &[],
        };
        add_modalities(members, "output_modalities", (&targets, spoken), |it| {
            &it.gives
        });
        let limits = limits(caller, model);
        if !limits.is_empty() {
            members.insert("limits".to_owned(), Value::Array(limits));
        }
        entry
    }

    /// The largest window and the longest answer of any target: a call that is too large for
    /// one is tried at another.
    fn add_sizes(&self, members: &mut Map<String, Value>, targets: &[&Target]) {
        let context = targets.iter().filter_map(|target| target.context).max();
        let output = targets.iter().filter_map(|target| target.max_output).max();
        let mut add = |name: &str, value: Option<u64>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        };
        if self.api.protocol() == Protocol::Anthropic {
            add("max_input_tokens", context);
            add("max_tokens", output);
        }
        add("context_window", context);
        add("max_output_tokens", output);
    }
}

/// What answers calls of a model: itself, or what rules may choose in its place and the tenant
/// may use.
fn answering(policy: &Policy, caller: &Caller, model: &Rc<Model>) -> Vec<Rc<Model>> {
    if model.resolve != Resolve::Rules {
        return vec![Rc::clone(model)];
    }
    let may_apply = |rule: &&Rc<Rule>| {
        let mut when = rule.when.iter();
        !rule.shadow
            && when.all(|condition| match condition {
                Condition::Model(patterns) => patterns.iter().any(|it| it.matches(&model.name)),
                Condition::Tenant(names) => names.contains(&caller.tenant.name),
                Condition::Tier(tiers) => tiers.contains(&caller.tenant.tier),
                _ => true,
            })
    };
    let chosen = policy.routing.list.iter().filter(may_apply);
    let chosen = chosen.map(|rule| Rc::clone(&rule.model));
    let allowed = |it: &Rc<Model>| caller.tenant.models.iter().any(|one| Rc::ptr_eq(one, it));
    chosen.filter(allowed).collect()
}

/// What any of the targets takes or gives, or steps make texts of; nothing where a target does
/// not say.
fn add_modalities(
    members: &mut Map<String, Value>,
    name: &str,
    (targets, made): (&[&Target], &[Modality]),
    of: fn(&Target) -> &Option<Vec<Modality>>,
) {
    let told: Option<Vec<&Vec<Modality>>> = targets.iter().map(|it| of(it).as_ref()).collect();
    let Some(told) = told.filter(|told| !told.is_empty()) else {
        return;
    };
    let any = |one: &Modality| made.contains(one) || told.iter().any(|list| list.contains(one));
    let words = Modality::ALL.into_iter().filter(any);
    members.insert(name.to_owned(), words.map(Modality::as_str).collect());
}

/// The limits that count the caller's calls of the model, as far as the usage page shows them:
/// the tenant's and the model's to admins.
fn limits(caller: &Caller, model: &Model) -> Vec<Value> {
    let tenant = &caller.tenant;
    let mut scopes = vec![("user", &tenant.per_user)];
    if caller.role == Role::Admin {
        scopes.extend([("tenant", &tenant.limits), ("model", &model.limits)]);
    }
    let scopes = scopes.into_iter();
    let meters = scopes.flat_map(|(holder, meters)| meters.iter().map(move |it| (holder, it)));
    let counting = meters.filter(|(_, meter)| meter.counts(&model.name));
    counting
        .flat_map(|(holder, meter)| of_meter(holder, meter))
        .collect()
}

fn of_meter(holder: &'static str, meter: &Meter) -> impl Iterator<Item = Value> {
    let live = meter.limits.iter().filter(|limit| !limit.shadow);
    live.map(move |limit| {
        let amount = match meter.unit {
            Unit::NanoUsd => json!(limited::usd(limit.amount)),
            _ => json!(limit.amount),
        };
        let mut entry = Map::new();
        let mut add = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        add("of", json!(holder));
        add("name", json!(limit.name));
        add("unit", json!(meter.unit.as_str()));
        add("limit", amount);
        if let Some(period) = meter.window.period() {
            add("per", json!(period.as_str()));
        }
        Value::Object(entry)
    })
}
