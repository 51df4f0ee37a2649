use super::*;
use crate::config;
use crate::host::memory::MemoryHost;
use crate::host::{Expect, MetricId, MetricKind};
use proptest::prelude::*;
use std::collections::HashMap;

/// A policy whose model `m` is as given, with `more` at its end (`, "routing": …`).
pub(super) fn policy(model: &str, more: &str) -> Policy {
    let text = format!(
        r#"{{
          "backends": {{"a": {{"cluster": "a", "api": "openai"}}, "b": {{"cluster": "b", "api": "anthropic"}}, "c": {{"cluster": "c", "api": "openai"}}}},
          "models": {{"m": {model}, "light": {{"targets": [{{"backend": "c", "model": "l"}}]}}, "secret": {{"targets": [{{"backend": "c", "model": "s"}}]}}, "auto": {{"rules": true}}, "auto2": {{"rules": true}}}},
          "tenants": {{
            "acme": {{"tier": "gold", "models": ["m", "light", "auto", "auto2"], "spiffe": ["spiffe://mesh/acme"]}},
            "blue": {{"models": ["light", "auto"], "spiffe": ["spiffe://mesh/blue"]}}
          }}{more}{}
        }}"#,
        if more.contains("routing") {
            ""
        } else {
            r#", "routing": [{"use": "light"}]"#
        },
    );
    config::from_plugin_bytes(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}"))
}

pub(super) fn targets_of(policy: &Policy, model: &str) -> Vec<Rc<Target>> {
    match &policy.models[model].resolve {
        Resolve::Targets(targets) => targets.live.targets.clone(),
        Resolve::Rules => Vec::new(),
    }
}

const THREE: &str = r#""targets": [{"backend": "a", "model": "x"}, {"backend": "b", "model": "y"}, {"backend": "c", "model": "z"}]"#;

fn three(strategy: &str) -> Policy {
    policy(&format!(r#"{{"strategy": {strategy}, {THREE}}}"#), "")
}

/// Where a call goes.
#[derive(Debug)]
struct Chosen {
    model: Rc<Model>,
    rule: Option<Rc<Rule>>,
    tries: Vec<Try>,
    shadow: Shadow,
}

/// What shadow rules and targets would have done.
#[derive(Debug)]
struct Shadow {
    rules: Vec<Rc<Rule>>,
    target: Option<Rc<Target>>,
}

fn chosen(
    host: &dyn Host,
    space: &Space,
    policy: &Policy,
    asked: &Asked<'_>,
) -> Result<Chosen, Refusal> {
    let Choice {
        model,
        rule,
        shadow: rules,
    } = choose(policy, asked)?;
    let Ordered { tries, shadow } = order(host, space, policy, asked, &model)?;
    Ok(Chosen {
        model,
        rule,
        tries,
        shadow: Shadow {
            rules,
            target: shadow,
        },
    })
}

/// A caller of `acme`.
struct Caller {
    host: MemoryHost,
    space: Space,
    policy: Policy,
    traits: Traits,
    user: String,
    headers: Vec<(String, String)>,
}

impl Caller {
    fn new(policy: Policy) -> Self {
        Self {
            host: MemoryHost::default(),
            space: Space::new("t"),
            policy,
            traits: Traits::default(),
            user: "ann".to_owned(),
            headers: Vec::new(),
        }
    }

    fn at(&self, ms: u64) -> &Self {
        self.host.set_now((1_000_000_000 + ms) * 1_000_000);
        self
    }

    fn ask_as(&self, tenant: &str, model: &str) -> Result<Chosen, Refusal> {
        let asked = Asked {
            tenant: &self.policy.tenants[tenant],
            user: &self.user,
            model,
            traits: &self.traits,
            headers: &self.headers,
            budget_percent: 0,
        };
        let choice = chosen(&self.host, &self.space, &self.policy, &asked);
        choice.map(|mut choice| {
            claim_probe(&self.host, &self.space, &self.policy, &mut choice.tries);
            choice
        })
    }

    fn ask(&self, model: &str) -> Chosen {
        self.ask_as("acme", model).unwrap()
    }

    /// The backends of the model `m`, in order.
    fn order(&self) -> String {
        names(&self.ask("m"))
    }
}

fn names(choice: &Chosen) -> String {
    let tries = choice.tries.iter();
    tries.map(|it| it.target.backend.name.as_str()).collect()
}

// What targets take

/// `a` takes text, `b` text and images, `c` sound alone, and answers with it.
const MODAL: &str = r#""targets": [
    {"backend": "a", "model": "x", "accepts": "text"},
    {"backend": "b", "model": "y", "accepts": ["text", "image"], "gives": "text"},
    {"backend": "c", "model": "z", "accepts": ["audio", "image"], "gives": ["text", "audio"]}]"#;

#[test]
fn calls_go_to_targets_that_take_what_they_have() {
    let mut caller = Caller::new(policy(&format!("{{{MODAL}}}"), ""));
    let traits = |image, audio, file, audio_output| Traits {
        image,
        audio,
        file,
        audio_output,
        ..Traits::default()
    };
    for (asked, wanted) in [
        (traits(false, false, false, false), "ab"),
        (traits(true, false, false, false), "bc"),
        (traits(false, true, false, false), "c"),
        (traits(true, true, false, false), "c"),
        (traits(true, false, false, true), "c"),
        (traits(false, false, false, true), "a"),
    ] {
        caller.traits = asked;
        assert_eq!(caller.order(), wanted, "{:?}", caller.traits);
    }
    for (asked, told) in [
        (traits(false, false, true, false), "takes files."),
        (traits(true, true, true, false), "takes files."),
    ] {
        caller.traits = asked;
        let refusal = caller.ask_as("acme", "m").unwrap_err();
        assert_eq!(refusal.code, "unsupported_modality");
        assert!(refusal.message.contains(told), "{}", refusal.message);
    }
}

#[test]
fn who_answers_with_sound_but_takes_no_text_is_told_apart() {
    let two = r#"{"targets": [
        {"backend": "a", "model": "x", "accepts": "text", "gives": "text"},
        {"backend": "b", "model": "y", "accepts": "audio", "gives": ["text", "audio"]}]}"#;
    let mut caller = Caller::new(policy(two, ""));
    caller.traits.audio_output = true;
    let refusal = caller.ask_as("acme", "m").unwrap_err();
    assert_eq!(
        refusal.message,
        "No target of the model 'm' that answers with audio takes text. See GET /v1/models."
    );
}

#[test]
fn regression_what_one_target_takes_is_not_told_as_taken_by_none() {
    let three = r#"{"targets": [
        {"backend": "a", "model": "x", "accepts": "text", "gives": "text"},
        {"backend": "b", "model": "y", "accepts": ["text", "image", "file"], "gives": "text"},
        {"backend": "c", "model": "z", "accepts": "audio", "gives": ["text", "audio"]}]}"#;
    let mut caller = Caller::new(policy(three, ""));
    for (image, audio, file, audio_output, told) in [
        (
            true,
            true,
            false,
            false,
            "No single target of the model 'm' takes images and audio in one call.",
        ),
        (
            false,
            true,
            true,
            false,
            "No single target of the model 'm' takes audio and files in one call.",
        ),
        (
            true,
            false,
            false,
            true,
            "No target of the model 'm' that answers with audio takes images.",
        ),
    ] {
        caller.traits = Traits {
            image,
            audio,
            file,
            audio_output,
            ..Traits::default()
        };
        let refusal = caller.ask_as("acme", "m").unwrap_err();
        assert_eq!(refusal.message, format!("{told} See GET /v1/models."));
    }
    let mute = r#"{"targets": [{"backend": "c", "model": "z", "gives": "audio"}]}"#;
    let mut caller = Caller::new(policy(mute, ""));
    caller.traits = Traits::default();
    assert_eq!(
        caller.ask_as("acme", "m").unwrap_err().message,
        "No target of the model 'm' answers with text. See GET /v1/models."
    );
}

#[test]
fn one_target_that_does_not_take_it_is_refused_as_well() {
    let one =
        r#"{"targets": [{"backend": "a", "model": "x", "accepts": "text", "gives": "text"}]}"#;
    let mut caller = Caller::new(policy(one, ""));
    assert_eq!(caller.ask("m").tries[0].health, Health::Alone);
    caller.traits.image = true;
    let refusal = caller.ask_as("acme", "m").unwrap_err();
    assert_eq!(
        refusal.message,
        "No target of the model 'm' takes images. See GET /v1/models."
    );
    caller.traits = Traits {
        audio_output: true,
        ..Traits::default()
    };
    let refusal = caller.ask_as("acme", "m").unwrap_err();
    assert!(
        refusal.message.contains("answers with audio."),
        "{}",
        refusal.message
    );
}

#[test]
fn regression_images_go_to_targets_that_give_them() {
    let models = r#"{"targets": [{"backend": "a", "model": "x", "gives": "text"},
        {"backend": "b", "model": "y", "gives": ["text", "image"]},
        {"backend": "c", "model": "z", "gives": "audio"}]}"#;
    let mut caller = Caller::new(policy(models, ""));
    for (images, max_output, wanted) in [
        (1, Some(6240), "b"),
        (2, Some(0), "b"),
        // Embeddings and moderations are numbers.
        (0, Some(0), "abc"),
        (0, Some(1), "ab"),
        (0, None, "ab"),
    ] {
        caller.traits = Traits {
            images,
            max_output,
            ..Traits::default()
        };
        assert_eq!(caller.order(), wanted, "{images} {max_output:?}");
    }
    let one = r#"{"targets": [{"backend": "a", "model": "x", "gives": "text"}]}"#;
    let mut caller = Caller::new(policy(one, ""));
    caller.traits.images = 1;
    let refusal = caller.ask_as("acme", "m").unwrap_err();
    assert!(
        refusal.message.contains("answers with images."),
        "{}",
        refusal.message
    );
}

#[test]
fn weights_hold_among_those_that_take_it() {
    let weighed = r#"{"strategy": "weighted", "targets": [
        {"backend": "a", "model": "x", "accepts": "text", "weight": 2},
        {"backend": "b", "model": "y", "weight": 1},
        {"backend": "c", "model": "z", "weight": 1}]}"#;
    let mut caller = Caller::new(policy(weighed, ""));
    caller.traits.image = true;
    let firsts: String = (0..8).map(|_| caller.order().remove(0)).collect();
    assert_eq!(firsts.matches('b').count(), 4, "{firsts}");
    assert_eq!(firsts.matches('c').count(), 4, "{firsts}");
    caller.traits.image = false;
    let firsts: String = (0..8).map(|_| caller.order().remove(0)).collect();
    assert_eq!(firsts.matches('a').count(), 4, "{firsts}");
}

#[test]
fn shadows_count_only_what_they_take() {
    let shadowed = r#"{"targets": [
        {"backend": "a", "model": "x", "accepts": "text", "shadow": true},
        {"backend": "b", "model": "y"}]}"#;
    let mut caller = Caller::new(policy(shadowed, ""));
    assert!(caller.ask("m").shadow.target.is_some());
    caller.traits.image = true;
    assert!(caller.ask("m").shadow.target.is_none());
}

// Which model

#[test]
fn a_model_with_targets_is_kept_unless_a_rule_overrides() {
    let rules = r#", "routing": [
        {"when": {"model": "m"}, "use": "light"},
        {"when": {"stream": true}, "use": "light", "override": true, "name": "cheap"},
        {"use": "m"}]"#;
    let mut caller = Caller::new(policy(&format!("{{{THREE}}}"), rules));
    let choice = caller.ask("m");
    assert_eq!(
        (choice.model.name.as_str(), choice.rule.is_none()),
        ("m", true)
    );
    let choice = caller.ask("auto");
    assert_eq!(choice.model.name, "m");
    assert_eq!(choice.rule.unwrap().name, "rule-2");
    caller.traits.stream = true;
    for asked in ["m", "auto", "light"] {
        let choice = caller.ask(asked);
        assert_eq!(choice.model.name, "light", "{asked}");
        assert_eq!(choice.rule.unwrap().name, "cheap", "{asked}");
    }
}

#[test]
fn both_names_have_to_be_allowed() {
    let rules = r#", "routing": [{"when": {"user": "eve"}, "use": "secret"}, {"use": "m"}]"#;
    let mut caller = Caller::new(policy(&format!("{{{THREE}}}"), rules));
    for (tenant, model, code) in [
        ("acme", "gpt", "model_not_found"),
        ("acme", "secret", "model_not_allowed"),
        ("blue", "m", "model_not_allowed"),
        ("blue", "auto2", "model_not_allowed"),
        // The rule's model is none of the tenant's.
        ("blue", "auto", "model_not_allowed"),
    ] {
        let refusal = caller.ask_as(tenant, model).unwrap_err();
        assert_eq!(refusal.code, code, "{tenant} {model}");
        assert_eq!(refusal.param.as_deref(), Some("model"));
    }
    assert_eq!(caller.ask_as("blue", "light").unwrap().model.name, "light");
    caller.user = "eve".to_owned();
    assert_eq!(
        caller.ask_as("acme", "auto").unwrap_err().code,
        "model_not_allowed"
    );
}

#[test]
fn without_a_rule_there_is_no_route() {
    let rules = r#", "routing": [{"when": {"user": "bob"}, "use": "light"}]"#;
    let mut caller = Caller::new(policy(&format!("{{{THREE}}}"), rules));
    let refusal = caller.ask_as("acme", "auto").unwrap_err();
    assert_eq!(
        (refusal.code, refusal.kind),
        ("no_route", ErrorKind::Invalid)
    );
    caller.user = "bob".to_owned();
    assert_eq!(caller.ask("auto").model.name, "light");
}

#[test]
fn every_condition() {
    let long = Traits {
        framing: 1_000,
        ..Traits::default()
    };
    let bounded = |most| Traits {
        max_output: Some(most),
        ..Traits::default()
    };
    let with = |change: fn(&mut Traits)| {
        let mut traits = Traits::default();
        change(&mut traits);
        traits
    };
    let image = with(|it| it.image = true);
    type Row<'a> = (&'a str, &'a Traits, &'a [(&'a str, &'a str)], bool);
    let table: &[Row<'_>] = &[
        (r#"{"model": "auto"}"#, &long, &[], true),
        (r#"{"model": "auto2"}"#, &long, &[], false),
        (r#"{"model": ["m", "au*"]}"#, &long, &[], true),
        (r#"{"tenant": "acme"}"#, &long, &[], true),
        (r#"{"tenant": ["blue"]}"#, &long, &[], false),
        (r#"{"tier": ["default", "gold"]}"#, &long, &[], true),
        (r#"{"tier": "default"}"#, &long, &[], false),
        (r#"{"user": "ann"}"#, &long, &[], true),
        (r#"{"user": ["bob", "an"]}"#, &long, &[], false),
        (r#"{"stream": true}"#, &long, &[], false),
        (r#"{"stream": false}"#, &long, &[], true),
        (r#"{"tools": true}"#, &with(|it| it.tools = true), &[], true),
        (r#"{"tools": true}"#, &long, &[], false),
        (r#"{"prompt_tokens": {"over": 999}}"#, &long, &[], true),
        (r#"{"prompt_tokens": {"over": 1000}}"#, &long, &[], false),
        (r#"{"prompt_tokens": {"under": 1000}}"#, &long, &[], false),
        (
            r#"{"prompt_tokens": {"over": 999, "under": 1001}}"#,
            &long,
            &[],
            true,
        ),
        (r#"{"max_output": {"over": 99}}"#, &bounded(100), &[], true),
        (
            r#"{"max_output": {"under": 99}}"#,
            &bounded(100),
            &[],
            false,
        ),
        (r#"{"max_output": {"under": 99}}"#, &long, &[], false),
        (r#"{"modality": "text"}"#, &long, &[], true),
        (r#"{"modality": "text"}"#, &image, &[], false),
        (r#"{"modality": "image"}"#, &image, &[], true),
        (r#"{"modality": ["audio", "file"]}"#, &image, &[], false),
        (
            r#"{"modality": ["audio", "file"]}"#,
            &with(|it| it.file = true),
            &[],
            true,
        ),
        (
            r#"{"modality": "audio"}"#,
            &with(|it| it.audio = true),
            &[],
            true,
        ),
        (
            r#"{"headers": {"X-Use": "batch"}}"#,
            &long,
            &[("x-use", "batch")],
            true,
        ),
        (
            r#"{"headers": {"x-use": "batch"}}"#,
            &long,
            &[("x-use", "live"), ("x-use", "batch")],
            true,
        ),
        (
            r#"{"headers": {"x-use": "batch"}}"#,
            &long,
            &[("x-use", "Batch")],
            false,
        ),
        (r#"{"headers": {"x-use": "batch"}}"#, &long, &[], false),
        (
            r#"{"headers": {"x-use": ["live", "bat*"]}}"#,
            &long,
            &[("x-use", "batch")],
            true,
        ),
        (
            r#"{"headers": {"x-use": true}}"#,
            &long,
            &[("x-use", "")],
            true,
        ),
        (
            r#"{"headers": {"x-use": true}}"#,
            &long,
            &[("x-other", "")],
            false,
        ),
        (r#"{"headers": {"x-use": false}}"#, &long, &[], true),
        (
            r#"{"headers": {"x-use": false}}"#,
            &long,
            &[("x-use", "a")],
            false,
        ),
        (
            r#"{"headers": {"x-use": "a", "x-b": "c"}}"#,
            &long,
            &[("x-use", "a")],
            false,
        ),
        (
            r#"{"stream": false, "user": "ann", "tier": "gold"}"#,
            &long,
            &[],
            true,
        ),
        (
            r#"{"stream": false, "user": "bob", "tier": "gold"}"#,
            &long,
            &[],
            false,
        ),
    ];
    for (when, traits, headers, matches) in table {
        let rules = format!(r#", "routing": [{{"when": {when}, "use": "m"}}, {{"use": "light"}}]"#);
        let mut caller = Caller::new(policy(&format!("{{{THREE}}}"), &rules));
        caller.traits = (*traits).clone();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        caller.headers = headers.iter().map(owned).collect();
        let wanted = if *matches { "m" } else { "light" };
        assert_eq!(
            caller.ask("auto").model.name,
            wanted,
            "{when} {traits:?} {headers:?}"
        );
    }
}

#[test]
fn shadow_rules_only_count() {
    let rules = r#", "routing": [
        {"name": "one", "when": {"stream": false}, "use": "m", "shadow": true},
        {"name": "two", "when": {"stream": true}, "use": "m", "shadow": true},
        {"name": "three", "use": "light", "shadow": true, "override": true},
        {"name": "real", "when": {"model": "auto*"}, "use": "light"},
        {"name": "late", "use": "m", "shadow": true}]"#;
    let caller = Caller::new(policy(&format!("{{{THREE}}}"), rules));
    let shadows = |choice: &Chosen| -> Vec<String> {
        choice
            .shadow
            .rules
            .iter()
            .map(|rule| rule.name.clone())
            .collect()
    };
    let choice = caller.ask("auto");
    assert_eq!(
        (choice.model.name.as_str(), names(&choice).as_str()),
        ("light", "c")
    );
    assert_eq!(choice.rule.as_ref().unwrap().name, "real");
    assert_eq!(shadows(&choice), ["one", "three"]);
    let choice = caller.ask("m");
    assert!(choice.rule.is_none());
    assert_eq!(shadows(&choice), ["three"], "of a model with targets");
}

// Which order

#[test]
fn priority_is_the_order_of_the_document() {
    let caller = Caller::new(three(r#""priority""#));
    assert_eq!(caller.order(), "abc");
    assert_eq!(caller.ask("light").tries.len(), 1);
}

#[test]
fn a_target_too_small_for_the_call_comes_later() {
    let model = r#"{"targets": [{"backend": "a", "model": "x", "context": 1000}, {"backend": "b", "model": "y", "max_output": 100}, {"backend": "c", "model": "z", "context": 5000}]}"#;
    for (bytes, max_output, wanted) in [
        (0, None, "abc"),
        (4_000, None, "abc"),
        (4_001, None, "bca"),
        (3_600, Some(100), "abc"),
        (3_604, Some(100), "bca"),
        (0, Some(101), "acb"),
        (80_000, Some(101), "abc"),
        (80_000, None, "bac"),
        (u64::MAX, Some(u64::MAX), "abc"),
    ] {
        let mut caller = Caller::new(policy(model, ""));
        caller.traits = Traits {
            framing: u64::div_ceil(bytes, 4),
            max_output,
            ..Traits::default()
        };
        assert_eq!(caller.order(), wanted, "{bytes} {max_output:?}");
    }
}

#[test]
fn weights_split_first_places_exactly() {
    let model = r#"{"strategy": "weighted", "targets": [{"backend": "a", "model": "x", "weight": 5}, {"backend": "b", "model": "y", "weight": 3}, {"backend": "c", "model": "z", "weight": 2}]}"#;
    let caller = Caller::new(policy(model, ""));
    for round in 0..7 {
        let mut firsts: HashMap<char, u32> = HashMap::new();
        for call in 0..10 {
            if call % 3 == 0 {
                caller.host.conflict_next(2);
            }
            let order = caller.order();
            let first = order.chars().next().unwrap();
            *firsts.entry(first).or_default() += 1;
            let rest: String = "abc".chars().filter(|name| *name != first).collect();
            assert_eq!(&order[1..], rest, "the rest as in the document");
        }
        assert_eq!(firsts, [('a', 5), ('b', 3), ('c', 2)].into(), "{round}");
    }
}

#[test]
fn a_turn_that_can_not_be_counted_is_drawn_by_the_clock() {
    let model = r#"{"strategy": "weighted", "targets": [{"backend": "a", "model": "x"}, {"backend": "b", "model": "y"}]}"#;
    let caller = Caller::new(policy(model, ""));
    let mut firsts = Vec::new();
    for micros in 0..4 {
        caller.host.set_now(micros * 1_000);
        caller.host.conflict_next(crate::state::MAX_TRIES);
        firsts.push(caller.order());
    }
    assert_eq!(firsts, ["ab", "ba", "ab", "ba"]);
}

#[test]
fn the_cheapest_depends_on_the_call() {
    // Per million tokens: a is cheap to ask, b is cheap to hear, c has no price.
    let model = r#"{"strategy": "cheapest", "targets": [{"backend": "c", "model": "z"}, {"backend": "a", "model": "x", "price": {"input": 1, "output": 20}}, {"backend": "b", "model": "y", "price": {"input": "2.000001", "output": 5}}]}"#;
    for (prompt, max_output, answers, wanted) in [
        (10_000, Some(10), 1, "abc"),
        (10_000, Some(1_000), 1, "bac"),
        (10_000, Some(100), 10, "bac"),
        (10_000, None, 1, "abc"),
        (5_000, None, 1, "bac"),
        (0, Some(0), 1, "abc"),
        (u64::MAX / 8, Some(u64::MAX), u64::MAX, "bac"),
    ] {
        let mut caller = Caller::new(policy(model, ""));
        caller.traits = Traits {
            framing: prompt,
            max_output,
            answers,
            ..Traits::default()
        };
        assert_eq!(caller.order(), wanted, "{prompt} {max_output:?} {answers}");
    }
}

fn sticky_policy(by: &str, targets: &str) -> Policy {
    policy(
        &format!(r#"{{"strategy": {{"sticky": {{"by": {by}}}}}, "targets": [{targets}]}}"#),
        "",
    )
}

const WEIGHED: [&str; 3] = [
    r#"{"backend": "a", "model": "x", "weight": 6}"#,
    r#"{"backend": "b", "model": "y", "weight": 3}"#,
    r#"{"backend": "c", "model": "z", "weight": 1}"#,
];

/// Where each of many users goes.
fn of_users(policy: Policy, users: u32) -> Vec<String> {
    let mut caller = Caller::new(policy);
    (0..users)
        .map(|user| {
            caller.user = format!("user-{user}");
            caller.order()
        })
        .collect()
}

#[test]
fn sticky_calls_keep_to_their_target_and_shares_follow_the_weights() {
    let orders = of_users(sticky_policy(r#""user""#, &WEIGHED.join(",")), 10_000);
    let again = of_users(sticky_policy(r#""user""#, &WEIGHED.join(",")), 10_000);
    assert_eq!(orders, again, "on any worker, after any restart");
    let known = ["bac", "acb", "abc", "acb", "bac", "abc", "cba", "abc"];
    assert_eq!(
        orders[..8],
        known,
        "of any version: a change moves every session"
    );
    for (name, share) in [("a", 6_000), ("b", 3_000), ("c", 1_000)] {
        let count = orders
            .iter()
            .filter(|order| order.starts_with(name))
            .count();
        // Four standard deviations of a binomial distribution.
        assert!(count.abs_diff(share) < 200, "{name}: {count}");
    }
    // Of those whose first is away, the others take shares by their weights: 3 to 1.
    let of_a: Vec<_> = orders
        .iter()
        .filter(|order| order.starts_with('a'))
        .collect();
    let second = of_a.iter().filter(|order| order.starts_with("ab")).count();
    assert!(
        (second * 4).abs_diff(of_a.len() * 3) < 600,
        "{second} of {}",
        of_a.len()
    );
}

#[test]
fn a_target_that_goes_moves_only_those_it_had() {
    let all = of_users(sticky_policy(r#""user""#, &WEIGHED.join(",")), 2_000);
    let two = of_users(sticky_policy(r#""user""#, &WEIGHED[..2].join(",")), 2_000);
    for (all, two) in all.iter().zip(&two) {
        assert_eq!(&all.replace('c', ""), two);
    }
}

#[test]
fn what_is_sticky() {
    let orders = |by: &str, callers: &[(&str, Option<&str>)]| -> Vec<String> {
        let mut caller = Caller::new(sticky_policy(by, &WEIGHED.join(",")));
        let of = |(user, session): &(&str, Option<&str>)| {
            caller.user = (*user).to_owned();
            caller.headers = session
                .iter()
                .map(|value| ("x-session".to_owned(), (*value).to_owned()))
                .collect();
            caller.order()
        };
        callers.iter().map(of).collect()
    };
    let many: Vec<String> = (0..60).map(|it| format!("id-{it}")).collect();
    let varied = |orders: &[String]| orders.iter().any(|order| *order != orders[0]);
    let users: Vec<_> = many.iter().map(|it| (it.as_str(), None)).collect();
    let sessions: Vec<_> = many.iter().map(|it| ("ann", Some(it.as_str()))).collect();
    let nobody: Vec<_> = many.iter().map(|it| ("", Some(it.as_str()))).collect();
    let header = r#"{"header": "X-Session"}"#;
    assert!(varied(&orders(r#""user""#, &users)));
    assert!(!varied(&orders(r#""user""#, &sessions)));
    assert!(
        !varied(&orders(r#""user""#, &nobody)),
        "no user leaves the tenant"
    );
    assert!(!varied(&orders(r#""tenant""#, &users)));
    assert!(varied(&orders(header, &sessions)));
    assert_eq!(orders(header, &sessions), orders(header, &nobody));
    assert_eq!(
        orders(header, &users),
        orders(r#""user""#, &users),
        "no header leaves the user"
    );
    let empty = [("ann", Some("")), ("ann", None)];
    assert!(!varied(&orders(header, &empty)));
}

// What was learned

fn stream(first_token_ms: u64, generation_ms: u64, output_tokens: u64) -> speed::Sample {
    speed::Sample::Stream {
        first_token_ms,
        generation_ms,
        output_tokens,
    }
}

impl Caller {
    fn learn(&self, index: usize, sample: speed::Sample) {
        let target = &targets_of(&self.policy, "m")[index];
        speed::learned(&self.host, &self.space, target, sample, self.host.now()).unwrap();
    }

    fn first(&self) -> char {
        self.order().chars().next().unwrap()
    }
}

#[test]
fn the_fastest_goes_first_once_all_were_measured() {
    let mut caller = Caller::new(three(r#""fastest""#));
    caller.at(0);
    assert_eq!(caller.order(), "abc");
    caller.learn(0, stream(900, 1_000, 101));
    assert_eq!(caller.order(), "bca", "those that nobody has measured");
    caller.learn(1, stream(300, 4_000, 101));
    caller.learn(2, stream(600, 2_000, 101));
    // Of ten tokens the first decides, of a thousand the others.
    caller.traits.max_output = Some(10);
    assert_eq!(caller.order(), "bca");
    caller.traits.max_output = Some(1_000);
    assert_eq!(caller.order(), "acb");
}

#[test]
fn a_slow_target_that_recovers_is_found_again() {
    let caller = Caller::new(three(r#""fastest""#));
    caller.at(0);
    caller.learn(0, stream(5_000, 5_000, 101));
    caller.learn(1, stream(500, 1_000, 101));
    caller.learn(2, stream(600, 1_000, 101));
    let mut by_a = 0;
    for call in 0..1_000_u64 {
        caller.at(call * 100);
        match caller.first() {
            // It is quick now.
            'a' => {
                by_a += 1;
                caller.learn(0, stream(100, 200, 101));
            }
            'b' => caller.learn(1, stream(500, 1_000, 101)),
            _ => caller.learn(2, stream(600, 1_000, 101)),
        }
    }
    assert!(by_a > 500, "{by_a}");
    assert_eq!(caller.first(), 'a');
}

#[test]
fn one_call_in_twenty_explores_the_target_measured_longest_ago() {
    let caller = Caller::new(three(r#""fastest""#));
    for (index, ms) in [(1, 0), (2, 10), (0, 20)] {
        caller.at(ms);
        let first = if index == 0 { 100 } else { 1_000 };
        caller.learn(index, stream(first, 0, 1));
    }
    caller.at(30);
    let firsts: String = (0..60).map(|_| caller.first()).collect();
    assert_eq!(firsts, format!("{0}b{0}b{0}b", "a".repeat(19)));
}

#[test]
fn what_was_measured_fades() {
    let caller = Caller::new(three(r#""fastest""#));
    caller.at(0);
    caller.learn(0, stream(2_000, 0, 1));
    for (ms, wanted) in [(1, 'b'), (290_000, 'b'), (310_000, 'a')] {
        caller.at(ms);
        caller.learn(1, stream(1_000, 0, 1));
        caller.learn(2, stream(3_000, 0, 1));
        assert_eq!(caller.first(), wanted, "{ms}");
    }
}

#[test]
fn answers_that_come_whole_are_learned_from_too() {
    let caller = Caller::new(three(r#""fastest""#));
    caller.at(0);
    caller.learn(
        0,
        speed::Sample::Whole {
            ms: 4_000,
            output_tokens: 100,
        },
    );
    caller.learn(
        1,
        speed::Sample::Whole {
            ms: 4_000,
            output_tokens: 400,
        },
    );
    caller.learn(
        2,
        speed::Sample::Whole {
            ms: 9_000,
            output_tokens: 100,
        },
    );
    assert_eq!(caller.order(), "bac");
}

proptest! {
    #[test]
    fn no_sample_panics_or_hides_a_target(
        samples in proptest::collection::vec((0_usize..3, any::<bool>(), any::<u64>(), any::<u64>(), 0_u64..5), 0..12),
        now in any::<u64>(),
        max_output in proptest::option::of(any::<u64>()),
    ) {
        let mut caller = Caller::new(three(r#""fastest""#));
        caller.traits.max_output = max_output;
        for (index, whole, ms, other, output_tokens) in samples {
            caller.host.set_now(now ^ other);
            caller.learn(index, match whole {
                true => speed::Sample::Whole { ms, output_tokens },
                false => stream(ms, other, output_tokens),
            });
        }
        let mut order: Vec<char> = caller.order().chars().collect();
        order.sort_unstable();
        prop_assert_eq!(order, ['a', 'b', 'c']);
    }
}

// Cool-down

impl Caller {
    fn tried(&self, choice: &Chosen, backend: &str) -> Try {
        let mut tries = choice.tries.iter();
        tries
            .find(|it| it.target.backend.name == backend)
            .cloned()
            .unwrap()
    }

    fn fail(&self, backend: &str, times: u32) {
        let choice = self.ask("m");
        let tried = self.tried(&choice, backend);
        for _ in 0..times {
            let rules = &self.policy.cool_down;
            cooldown::failed(&self.host, &self.space, rules, &tried, self.host.now()).unwrap();
        }
    }
}

#[test]
fn a_target_that_cools_down_goes_last_and_never_away() {
    for strategy in ["priority", "weighted", "cheapest"] {
        let caller = Caller::new(three(&format!("\"{strategy}\"")));
        caller.at(0);
        caller.fail("a", 3);
        for _ in 0..6 {
            let order = caller.order();
            assert!(
                order.len() == 3 && order.ends_with('a'),
                "{strategy}: {order}"
            );
        }
        caller.fail("b", 3);
        caller.fail("c", 3);
        assert_eq!(caller.order().len(), 3, "{strategy}");
    }
    let caller = Caller::new(three(r#""priority""#));
    caller.at(0);
    for backend in ["c", "b", "a"] {
        caller.fail(backend, 3);
    }
    assert_eq!(caller.order(), "abc", "if all cool down, as if none did");
}

#[test]
fn a_cooled_target_goes_behind_one_that_is_too_small() {
    let model = r#"{"targets": [{"backend": "a", "model": "x"}, {"backend": "b", "model": "y", "context": 10}, {"backend": "c", "model": "z"}]}"#;
    let mut caller = Caller::new(policy(model, ""));
    caller.at(0);
    caller.fail("a", 3);
    caller.traits.framing = 250;
    assert_eq!(caller.order(), "cba");
}

#[test]
fn one_call_probes_and_its_success_brings_the_target_back() {
    let caller = Caller::new(three(r#""priority""#));
    caller.at(0);
    caller.fail("a", 3);
    assert_eq!(caller.at(4_999).order(), "bca");
    caller.at(5_000);
    let probe = caller.ask("m");
    assert_eq!(names(&probe), "abc");
    assert_eq!(probe.tries[0].health, Health::Probing);
    for _ in 0..5 {
        assert_eq!(caller.order(), "bca", "while one call probes");
    }
    let now = caller.host.now();
    cooldown::succeeded(&caller.host, &caller.space, &probe.tries[0], now).unwrap();
    let choice = caller.ask("m");
    assert_eq!(names(&choice), "abc");
    assert_eq!(choice.tries[0].health, Health::Well);
}

/// A probe was once claimed by calls that tried the target second, so never: it stayed away.
#[test]
fn regression_only_a_call_that_tries_a_target_first_takes_its_probe() {
    let caller = Caller::new(three(r#""priority""#));
    caller.at(0).fail("b", 3);
    caller.at(5_000);
    for _ in 0..5 {
        let choice = caller.ask("m");
        assert_eq!(names(&choice), "abc");
        assert_eq!(choice.tries[1].health, Health::Due);
    }
    caller.fail("a", 3);
    let choice = caller.ask("m");
    assert_eq!(names(&choice), "bca");
    assert_eq!(choice.tries[0].health, Health::Probing);
    assert_eq!(caller.order(), "cab", "one probe at a time");
}

#[test]
fn sticky_calls_move_to_their_next_target_and_back() {
    let mut caller = Caller::new(sticky_policy(r#""user""#, &WEIGHED.join(",")));
    caller.at(0);
    caller.user = "bob".to_owned();
    let before = caller.order();
    let (first, rest) = before.split_at(1);
    caller.fail(first, 3);
    assert_eq!(caller.order(), format!("{rest}{first}"));
    assert_eq!(caller.at(5_000).order(), before, "the probe");
}

#[test]
fn a_model_with_a_single_target_touches_no_shared_record() {
    /// A host without shared data.
    struct Deaf;
    impl Host for Deaf {
        fn now(&self) -> Instant {
            Instant(0)
        }
        fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
            panic!("{key}")
        }
        fn shared_set(&self, key: &str, _: &[u8], _: Expect) -> Result<(), crate::host::Conflict> {
            panic!("{key}")
        }
        fn metric(&self, _: MetricKind, name: &str) -> MetricId {
            panic!("{name}")
        }
        fn record(&self, _: MetricId, _: u64) {}
    }
    for strategy in ["priority", "weighted", "cheapest", "fastest"] {
        let model = format!(
            r#"{{"strategy": "{strategy}", "targets": [{{"backend": "a", "model": "x", "price": {{"input": 1, "output": 1}}}}]}}"#
        );
        let caller = Caller::new(policy(&model, ""));
        let asked = Asked {
            tenant: &caller.policy.tenants["acme"],
            user: "",
            model: "m",
            traits: &caller.traits,
            headers: &[],
            budget_percent: 0,
        };
        let choice = chosen(&Deaf, &caller.space, &caller.policy, &asked).unwrap();
        assert_eq!(choice.tries[0].health, Health::Alone, "{strategy}");
    }
}

#[test]
fn healthy_targets_are_read_and_never_written() {
    let caller = Caller::new(three(r#""priority""#));
    caller.host.conflict_next(1);
    let choice = caller.ask("m");
    for tried in &choice.tries {
        cooldown::succeeded(&caller.host, &caller.space, tried, Instant(0)).unwrap();
    }
    // A write would have used the conflict up.
    let tried = &choice.tries[0];
    let key = caller.space.key("probe");
    assert!(
        caller.host.shared_set(&key, b"", Expect::Absent).is_err(),
        "{tried:?}"
    );
}

// Shadow targets

#[test]
fn shadow_targets_only_count() {
    let shadowed = |strategy: &str| {
        let model = format!(
            r#"{{"strategy": "{strategy}", "targets": [
                {{"backend": "a", "model": "new", "shadow": true, "price": {{"input": 1, "output": 1}}}},
                {{"backend": "b", "model": "y", "price": {{"input": 2, "output": 2}}}},
                {{"backend": "c", "model": "z", "price": {{"input": 3, "output": 3}}}}]}}"#
        );
        Caller::new(policy(&model, ""))
    };
    let shadow = |choice: &Chosen| choice.shadow.target.as_ref().map(|it| it.key.clone());
    for strategy in ["priority", "cheapest"] {
        let choice = shadowed(strategy).ask("m");
        assert_eq!(
            (names(&choice).as_str(), shadow(&choice)),
            ("bc", Some("a/new".to_owned()))
        );
    }
    let caller = shadowed("weighted");
    let choices: Vec<_> = (0..6).map(|_| caller.ask("m")).collect();
    let orders: Vec<_> = choices.iter().map(names).collect();
    assert_eq!(orders, ["bc", "cb", "bc", "cb", "bc", "cb"]);
    let shadows: Vec<_> = choices.iter().map(|it| shadow(it).is_some()).collect();
    assert_eq!(shadows, [true, false, false, true, false, false]);
    let choice = shadowed("fastest").ask("m");
    assert_eq!(shadow(&choice), None, "nobody measures it");
}

#[test]
fn a_shadow_beside_a_single_target() {
    let model = r#"{"targets": [{"backend": "a", "model": "x"}, {"backend": "b", "model": "y", "shadow": true}]}"#;
    let mut caller = Caller::new(policy(model, ""));
    assert!(caller.ask("m").shadow.target.is_none());
    let model = model.replace(r#""model": "x""#, r#""model": "x", "context": 5"#);
    caller.policy = policy(&model, "");
    caller.traits.framing = 250;
    let choice = caller.ask("m");
    assert_eq!(names(&choice), "a");
    assert_eq!(choice.shadow.target.unwrap().key, "b/y");
}
