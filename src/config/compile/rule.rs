/*! Routing rules: names resolved, rules that can't be reached and models that none
resolves found. */

use super::super::document::RuleEntry;
use super::super::fields::Located;
use super::super::model::{Model, Resolve, StickyBy, Strategy};
use super::super::policy::Tenant;
use super::super::problem::Problems;
use super::super::rule::{Condition, Pattern, Rule, Rules};
use super::super::suggest::suggest;
use super::Names;
use crate::ledger::limits::Unit;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// A rule, and where it stands.
struct Placed {
    path: String,
    rule: Rc<Rule>,
}

pub(super) fn rules(
    entries: Vec<Option<RuleEntry>>,
    models: &Names<Model>,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) -> Rules {
    let count = entries.len();
    let mut placed: Vec<Placed> = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let Some(entry) = entry else { continue };
        check_name(&entry, &placed, problems);
        check_names(&entry.when, models, tenants, problems);
        let path = entry.path.clone();
        if let Some(rule) = rule(index, entry, models, problems) {
            let rule = Rc::new(rule);
            placed.push(Placed { path, rule });
        }
    }
    // What a rule or a model that was not understood would change can't be known.
    if placed.len() == count && models.built.len() == models.known.len() {
        check_reach(&placed, models, problems);
        check_resolved(&placed, models, problems);
        check_allowed(&placed, tenants, problems);
    }
    let list: Vec<Rc<Rule>> = placed.into_iter().map(|placed| placed.rule).collect();
    let asks = |rule: &Rc<Rule>| {
        let mut when = rule.when.iter();
        when.any(|condition| matches!(condition, Condition::BudgetUsedOver(_)))
    };
    Rules {
        look_at_budgets: list.iter().any(asks),
        headers: headers(&list, models),
        list,
    }
}

fn rule(
    index: usize,
    entry: RuleEntry,
    models: &Names<Model>,
    problems: &mut Problems,
) -> Option<Rule> {
    let model = models.resolve(&entry.model, problems)?;
    if model.resolve == Resolve::Rules {
        let message = "rules resolve that one: name a model that has targets";
        problems.error(&entry.model.path, message);
    }
    let conditions = entry.when.into_iter();
    Some(Rule {
        name: entry
            .name
            .map_or_else(|| format!("rule-{index}"), |name| name.value),
        when: conditions.map(|condition| condition.value).collect(),
        model,
        overrides: entry.overrides,
        shadow: entry.shadow,
        cache: entry.cache.is_none_or(|cache| cache.value),
    })
}

fn check_name(entry: &RuleEntry, before: &[Placed], problems: &mut Problems) {
    let Some(name) = &entry.name else { return };
    if before.iter().any(|known| known.rule.name == name.value) {
        problems.error(&name.path, format!("{:?} names another rule", name.value));
    }
}

/// Names in conditions that nothing has: a slip would route silently past the rule.
fn check_names(
    when: &[Located<Condition>],
    models: &Names<Model>,
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    for condition in when {
        let path = &condition.path;
        match &condition.value {
            Condition::Model(patterns) => check_patterns(patterns, path, models, problems),
            Condition::Tenant(names) => {
                let known: BTreeSet<&str> = tenants.keys().map(String::as_str).collect();
                for name in names.iter().filter(|name| !known.contains(name.as_str())) {
                    let hint = suggest(name, known.iter().copied());
                    problems.error(path, format!("no tenant {name:?}{hint}"));
                }
            }
            Condition::Tier(names) => {
                let tiers = tenants.values().map(|tenant| tenant.tier.as_str());
                let known: BTreeSet<&str> = tiers.collect();
                for name in names.iter().filter(|name| !known.contains(name.as_str())) {
                    let hint = suggest(name, known.iter().copied());
                    problems.warning(path, format!("no tenant is of tier {name:?}{hint}"));
                }
            }
            Condition::BudgetUsedOver(_) => check_budgets(path, tenants, problems),
            _ => {}
        }
    }
}

/// Without a budget a rule that looks at one never applies.
fn check_budgets(path: &str, tenants: &HashMap<String, Rc<Tenant>>, problems: &mut Problems) {
    let mut meters = tenants
        .values()
        .flat_map(|tenant| tenant.limits.iter().chain(tenant.per_user.iter()));
    if !meters.any(|meter| meter.unit == Unit::NanoUsd) {
        problems.warning(path, "no tenant and no user has a limit in usd");
    }
}

fn check_patterns(
    patterns: &[Pattern],
    path: &str,
    models: &Names<Model>,
    problems: &mut Problems,
) {
    for pattern in patterns {
        match pattern {
            Pattern::Exact(name) => {
                let name = Located {
                    value: name.clone(),
                    path: path.to_owned(),
                };
                models.resolve(&name, problems);
            }
            Pattern::Prefix(prefix) => {
                if !models.known.iter().any(|name| pattern.matches(name)) {
                    let message = format!("no model begins with {prefix:?}");
                    problems.warning(path, message);
                }
            }
        }
    }
}

/// Rules that an earlier one always forestalls, or that no model asks.
fn check_reach(placed: &[Placed], models: &Names<Model>, problems: &mut Problems) {
    for (index, Placed { path, rule }) in placed.iter().enumerate() {
        let earlier = placed.iter().take(index);
        let hidden = earlier
            .filter(|earlier| !earlier.rule.shadow)
            .find(|earlier| covers(&earlier.rule, rule));
        if let Some(earlier) = hidden {
            let message = format!(
                "never reached: {} applies to all of its calls",
                earlier.path
            );
            problems.warning(path, message);
        } else if !models.built.values().any(|model| may_apply(rule, model)) {
            let message = "never applies: no model of its calls is resolved by rules; override: true \
                 applies it to models that have targets";
            problems.warning(path, message);
        }
    }
}

/// Whether `earlier` applies wherever `later` would.
fn covers(earlier: &Rule, later: &Rule) -> bool {
    (earlier.overrides || !later.overrides)
        && earlier
            .when
            .iter()
            .all(|mine| later.when.iter().any(|theirs| mine.covers(theirs)))
}

/// Whether calls of `model` may be the rule's.
fn may_apply(rule: &Rule, model: &Model) -> bool {
    (rule.overrides || model.resolve == Resolve::Rules)
        && rule.when.iter().all(|condition| match condition {
            Condition::Model(patterns) => patterns.iter().any(|it| it.matches(&model.name)),
            _ => true,
        })
}

/// Models that wait for a rule, which never comes.
fn check_resolved(placed: &[Placed], models: &Names<Model>, problems: &mut Problems) {
    for (name, path) in models.known.iter().zip(&models.paths) {
        let Some(model) = models.built.get(name) else {
            continue;
        };
        let mut live = placed.iter().filter(|placed| !placed.rule.shadow);
        if model.resolve == Resolve::Rules && !live.any(|it| may_apply(&it.rule, model)) {
            problems.error(path, "no rule of routing resolves it");
        }
    }
}

/// Tenants that a rule would send to a model that they may not use.
fn check_allowed(
    placed: &[Placed],
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    for Placed { path, rule } in placed.iter().filter(|placed| !placed.rule.shadow) {
        let refused = tenants
            .values()
            .filter(|tenant| may_come_from(rule, tenant))
            .filter(|tenant| tenant.models.iter().any(|model| may_apply(rule, model)))
            .filter(|tenant| !tenant.models.iter().any(|it| Rc::ptr_eq(it, &rule.model)))
            .map(|tenant| tenant.name.as_str())
            .min();
        if let Some(tenant) = refused {
            let model = &rule.model.name;
            let message =
                format!("calls of tenant {tenant:?} are refused: it may not use {model:?}");
            problems.warning(path, message);
        }
    }
}

fn may_come_from(rule: &Rule, tenant: &Tenant) -> bool {
    rule.when.iter().all(|condition| match condition {
        Condition::Tenant(names) => names.contains(&tenant.name),
        Condition::Tier(tiers) => tiers.contains(&tenant.tier),
        _ => true,
    })
}

/// Headers that have to be known before a model is chosen.
fn headers(list: &[Rc<Rule>], models: &Names<Model>) -> Vec<String> {
    let of_rules = list.iter().flat_map(|rule| &rule.when);
    let of_rules = of_rules.filter_map(|condition| match condition {
        Condition::Headers(headers) => Some(headers.iter().map(|(name, _)| name)),
        _ => None,
    });
    let of_models = models.built.values();
    let of_models = of_models.filter_map(|model| match &model.strategy {
        Strategy::Sticky(StickyBy::Header(name)) => Some(name),
        _ => None,
    });
    let all: BTreeSet<&String> = of_rules.flatten().chain(of_models).collect();
    all.into_iter().cloned().collect()
}
