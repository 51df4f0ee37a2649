//! `detect: { request: … }`: rules on requests.

use super::*;
use crate::guardrails::{
    Bounds, Condition, Measure, Name, Number, Parameter, RequestRules, Scalar, SystemRule, Tools,
};

/// [`GOOD`] with these guardrails.
fn guarded(list: &str) -> String {
    with(
        r#""other_paths": {"pass": "plain"}"#,
        &format!(r#""guardrails": {list}"#),
    )
}

fn guardrail(name: &str, more: &str, request: &str) -> String {
    format!(
        r#"{{"name": "{name}", "phase": "input", "action": "block", {more} "detect": {{"request": {request}}}}}"#
    )
}

/// What is told of a policy with this request rule.
fn told_of(request: &str) -> String {
    let text = guarded(&format!("[{}]", guardrail("a", "", request)));
    let told = told(&text).replace("guardrails[0].detect.request.", "");
    told.trim_end().to_owned()
}

fn rules(request: &str) -> RequestRules {
    let text = guarded(&format!("[{}]", guardrail("a", "", request)));
    let policy = from_plugin_bytes(text.as_bytes());
    let policy = policy.map_err(|errors| errors.to_string()).unwrap();
    match &policy.guardrails[0].detect {
        Detect::Request(rules) => RequestRules::clone(rules),
        other => panic!("{other:?}"),
    }
}

fn number(text: &str) -> Number {
    Number::new(text).unwrap()
}

#[test]
fn all_rules_are_read() {
    let read = rules(
        r#"{"models": ["smart"], "bytes": "200KiB", "tokens": 16000, "messages": 100, "images": 0,
        "roles": ["system", "user"], "tools": {"allow": ["search", "get_*"]},
        "system_prompt": {"starts_with": " You are\n"},
        "parameters": {
            "temperature": {"minimum": 0, "maximum": "0.7"},
            "max_tokens": {"maximum": 4096, "required": true},
            "stream": {"enum": [true, null, "low", 1.5]},
            "reasoning.effort": {"enum": ["low"]},
            "logit_bias": false}}"#,
    );
    let bounds = |bounds| Condition::Bounds(bounds);
    let parameter = |path: &str, condition| Parameter {
        path: path.to_owned(),
        condition,
    };
    let wanted = RequestRules {
        models: vec!["smart".to_owned()],
        most: vec![
            (Measure::Bytes, 200 << 10),
            (Measure::Tokens, 16_000),
            (Measure::Messages, 100),
            (Measure::Images, 0),
        ],
        roles: vec!["system".to_owned(), "user".to_owned()],
        tools: Tools::Allow(vec![
            Name::Exact("search".to_owned()),
            Name::Prefix("get_".to_owned()),
        ]),
        system_prompt: SystemRule::StartsWith(" You are\n".to_owned()),
        parameters: vec![
            parameter(
                "temperature",
                bounds(Bounds {
                    minimum: Some(number("0")),
                    maximum: Some(number("0.7")),
                    ..Bounds::default()
                }),
            ),
            parameter(
                "max_tokens",
                bounds(Bounds {
                    required: true,
                    maximum: Some(number("4096")),
                    ..Bounds::default()
                }),
            ),
            parameter(
                "stream",
                bounds(Bounds {
                    one_of: vec![
                        Scalar::Bool(true),
                        Scalar::Null,
                        Scalar::String("low".to_owned()),
                        Scalar::Number(number("1.5")),
                    ],
                    ..Bounds::default()
                }),
            ),
            parameter(
                "reasoning.effort",
                bounds(Bounds {
                    one_of: vec![Scalar::String("low".to_owned())],
                    ..Bounds::default()
                }),
            ),
            parameter("logit_bias", Condition::Absent),
        ],
    };
    assert_eq!(read, wanted);
    for (request, wanted) in [
        (r#"{"tools": false}"#, Tools::None),
        (
            r#"{"tools": {"deny": ["a"]}}"#,
            Tools::Deny(vec![Name::Exact("a".to_owned())]),
        ),
    ] {
        assert_eq!(rules(request).tools, wanted, "{request}");
    }
    for (word, wanted) in [
        ("required", SystemRule::Required),
        ("forbidden", SystemRule::Forbidden),
    ] {
        let request = format!(r#"{{"system_prompt": "{word}"}}"#);
        assert_eq!(rules(&request).system_prompt, wanted);
    }
}

#[test]
fn tenants_have_the_rules_that_are_for_them() {
    let text = guarded(&format!(
        "[{}, {}, {}]",
        guardrail("a", r#""tenants": ["acme"],"#, r#"{"messages": 1}"#),
        r#"{"name": "b", "phase": "both", "detect": "secrets", "action": "mask", "tenants": ["blue"]}"#,
        guardrail("c", "", r#"{"messages": 2}"#),
    ));
    let policy = from_plugin_bytes(text.as_bytes()).unwrap();
    let of = |tenant: &str| {
        let guards = &policy.tenants[tenant].guards;
        let rules = guards.requests.as_ref().unwrap().list();
        let rules = rules.iter().map(|rule| (rule.guardrail, rule.blocks));
        (
            rules.collect::<Vec<_>>(),
            guards.look_at(Phase::Input),
            guards.are_there(),
        )
    };
    assert_eq!(of("acme"), (vec![(0, true), (2, true)], false, true));
    assert_eq!(of("blue"), (vec![(2, true)], true, true));
}

#[test]
fn every_wrong_rule_is_told() {
    for (request, wanted) in [
        (
            "{}",
            "guardrails[0].detect.request: must have a rule, such as messages: 100",
        ),
        (
            r#"{"models": ["smart"]}"#,
            "guardrails[0].detect.request: must have a rule, such as messages: 100",
        ),
        (
            r#"{"models": ["smrt", "smart", "smart"], "messages": 1}"#,
            "models[0]: no model \"smrt\" (did you mean \"smart\"?)\nmodels[2]: \"smart\" stands twice",
        ),
        (
            r#"{"mesages": 1, "bytes": 0, "messages": 0, "images": -1, "tokens": "many"}"#,
            "bytes: must be at least 1 byte\ntokens: must be a whole number from 1 to 1000000000\nmessages: must be a whole number from 1 to 1000000000\nimages: must be a whole number from 0 to 1000000000\nmesages: unknown field (did you mean \"messages\"?)",
        ),
        (
            r#"{"roles": ["user", "sytem", "user"]}"#,
            "roles[1]: \"sytem\" is none of: system, developer, user, assistant, tool, function (did you mean \"system\"?)\nroles[2]: \"user\" stands twice",
        ),
        (
            r#"{"tools": true}"#,
            "tools: must be false, { allow: … } or { deny: … }, not a boolean",
        ),
        (
            r#"{"tools": {"alow": ["a"]}}"#,
            "tools.alow: unknown field (did you mean \"allow\"?)\ntools: must have exactly one of allow, deny",
        ),
        (
            r#"{"tools": {"allow": ["a*b", "c", "c"]}}"#,
            "tools.allow[0]: may have a * at its end only\ntools.allow[2]: stands twice",
        ),
        (
            r#"{"tools": {"allow": ["a"], "deny": ["b"]}}"#,
            "tools: must have exactly one of allow, deny",
        ),
        (
            r#"{"system_prompt": "require"}"#,
            "system_prompt: \"require\" is none of: required, forbidden (did you mean \"required\"?)",
        ),
        (
            r#"{"system_prompt": {"starts_with": " "}}"#,
            "system_prompt.starts_with: must have 1 to 16384 bytes, and not only spaces",
        ),
        (
            r#"{"system_prompt": "required", "roles": ["user"]}"#,
            "roles: no request has a system prompt without the role system or developer",
        ),
        (r#"{"parameters": {}}"#, "parameters: must not be empty"),
        (
            r#"{"parameters": {"a": {}, "b": true, "c": {"maxmum": 1}, "d": {"minimum": "x", "maximum": "1e3"}}}"#,
            "parameters.a: says nothing: write false, or minimum, maximum, enum or required\nparameters.b: must be false, or bounds such as { maximum: 1 }, not a boolean\nparameters.c.maxmum: unknown field (did you mean \"maximum\"?)\nparameters.d.minimum: must be a number such as 4096 or 0.5\nparameters.d.maximum: must be a number such as 4096 or 0.5",
        ),
        (
            r#"{"parameters": {"a": {"minimum": 1.5, "maximum": 1}, "b": {"maximum": 2, "enum": [1, 3, "x", "2"]}, "c": {"enum": [[], 1, 1]}}}"#,
            "parameters.a: minimum must not be larger than maximum\nparameters.b.enum[1]: is no number from minimum to maximum\nparameters.b.enum[2]: is no number from minimum to maximum\nparameters.c.enum[0]: must be a string, a number, a boolean or null, not a list\nparameters.c.enum[2]: 1 stands twice",
        ),
        (
            r#"{"parameters": {"tools": false, "messages.role": false, "a..b": false}}"#,
            "parameters.tools: is no parameter: see tools\nparameters.\"messages.role\": is no parameter: see messages, roles and images\nparameters.\"a..b\": must be a member such as temperature, or reasoning.effort for one inside of another: up to 128 letters, digits and _ - : @ +",
        ),
        (
            r#"{"parameters": {"max_tokens": {"maximum": 1}, "max_completion_tokens": {"maximum": 2}}}"#,
            "parameters.max_completion_tokens: is \"max_tokens\" by another name: write one of them",
        ),
    ] {
        let told = told_of(request);
        assert_eq!(told, wanted, "{request}");
    }
    let wrong = |phase: &str, action: &str| {
        let one = guardrail("a", "", r#"{"messages": 1}"#)
            .replace("\"input\"", phase)
            .replace("\"block\"", action);
        told(&guarded(&format!("[{one}]")))
    };
    assert_eq!(
        wrong("\"both\"", "\"mask\""),
        "guardrails[0].phase: must be input: these rules are about requests\nguardrails[0].action: must be block or monitor: rules on requests find nothing to mask\n"
    );
    assert_eq!(wrong("\"input\"", "\"monitor\""), "");
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    assert_eq!(
        told_of(r#"{"bytes": "20MiB"}"#),
        "warning: bytes: has no effect: limits.body is 20971520 bytes"
    );
    assert_eq!(
        told_of(r#"{"parameters": {"temprature": {"maximum": 1}, "repeat_penalty": false}}"#),
        "warning: parameters.temprature: is no parameter that is known here (did you mean \"temperature\"?)"
    );
    let idle = guardrail(
        "a",
        r#""tenants": ["blue"],"#,
        r#"{"models": ["smart"], "messages": 1}"#,
    );
    assert_eq!(
        told(&guarded(&format!("[{idle}]"))),
        "warning: guardrails[0].detect.request.models: can never act: no tenant that it is for may use these models\n"
    );
    let two = |first: (&str, &str), second: (&str, &str)| {
        let first = guardrail("a", first.0, first.1);
        let second = guardrail("b", second.0, second.1);
        told(&guarded(&format!("[{first}, {second}]")))
    };
    let differ = "warning: guardrails[1]: lets no request pass together with \"a\": see ";
    let demands = r#"{"system_prompt": "required"}"#;
    let forbids = r#"{"system_prompt": "forbidden"}"#;
    for (first, second, what) in [
        (demands, forbids, "system_prompt"),
        (
            r#"{"system_prompt": {"starts_with": "a"}}"#,
            r#"{"system_prompt": {"starts_with": "b"}}"#,
            "system_prompt",
        ),
        (
            r#"{"parameters": {"n": {"required": true}}}"#,
            r#"{"parameters": {"n": false}}"#,
            "parameters.n",
        ),
        (
            r#"{"parameters": {"max_tokens": {"required": true, "minimum": 9}}}"#,
            r#"{"parameters": {"max_output_tokens": {"maximum": 8}}}"#,
            "parameters.max_tokens",
        ),
    ] {
        let wanted = format!("{differ}{what}\n");
        assert_eq!(two(("", first), ("", second)), wanted, "{first} {second}");
        assert_eq!(
            two(
                (r#""tenants": ["acme"],"#, first),
                (r#""tenants": ["blue"],"#, second)
            ),
            ""
        );
    }
    assert_eq!(
        two(("", demands), ("", demands)),
        "warning: guardrails[1]: can never act: \"a\" acts on all that it finds\n"
    );
    let of = |model: &str, rule: &str| format!(r#"{{"models": ["{model}"], {}"#, &rule[1..]);
    let (smart, light) = (of("smart", demands), of("meta/light", forbids));
    assert_eq!(two(("", &smart), ("", &light)), "");
    let bound = r#"{"parameters": {"n": {"maximum": 1}}}"#;
    assert_eq!(
        two(("", bound), ("", r#"{"parameters": {"n": false}}"#)),
        ""
    );
}

#[test]
fn rules_of_documents_without_models_are_read() {
    let text = format!(
        r#"{{"guardrails": [{}]}}"#,
        guardrail("a", "", r#"{"models": ["x"], "messages": 1}"#)
    );
    let tree = Tree::from_json(text.as_bytes()).unwrap();
    let (read, _) = guardrails_from_tree(&tree, None);
    let (guardrails, guards) = read.unwrap();
    assert_eq!(guardrails.len(), 1);
    assert!(guards.requests.is_some() && !guards.look_at(Phase::Input));
}
