//! `prompt_injection` and `toxicity`.

use super::*;
use crate::classify::Class;

fn scoring(detect: &str) -> Scoring {
    let read = one(&format!(
        r#""phase": "input", "action": "block", "detect": {detect}"#
    ));
    let Detect::Scored(scoring) = read.detect else {
        panic!("{:?}", read.detect)
    };
    scoring
}

fn usual(class: Class, least: u16) -> Scoring {
    Scoring {
        class,
        least,
        least_of_tools: least - 100,
        roles: Roles::USUAL,
        by_role: false,
        judge: None,
    }
}

#[test]
fn scores_are_read() {
    let (injection, toxicity) = (Class::PromptInjection, Class::Toxicity);
    for (detect, wanted) in [
        (r#""prompt_injection""#, usual(injection, 700)),
        (r#""toxicity", "sensitivity": "low""#, usual(toxicity, 900)),
        (r#""toxicity", "threshold": 0.85"#, usual(toxicity, 850)),
        (r#"{"toxicity": {}}"#, usual(toxicity, 700)),
        (
            r#"{"prompt_injection": {"sensitivity": "high"}}"#,
            usual(injection, 500),
        ),
        (
            r#"{"prompt_injection": {"threshold": 0.85, "tool_results": "high", "roles": ["system", "tool"]}}"#,
            Scoring {
                by_role: true,
                least_of_tools: 500,
                roles: [ScoredRole::System, ScoredRole::Tool].into_iter().collect(),
                ..usual(injection, 850)
            },
        ),
        (
            r#"{"prompt_injection": {"tool_results": 0.65}}"#,
            Scoring {
                by_role: true,
                least_of_tools: 650,
                ..usual(injection, 700)
            },
        ),
    ] {
        assert_eq!(scoring(detect), wanted, "{detect}");
    }
}

const JUDGE: &str = r#"{"prompt_injection": {"sensitivity": "low", "judge": {"threshold": 0.6, "remember": "1m",
    "service": {"cluster": "c", "kind": "generic"}}}}"#;

#[test]
fn judges_are_read() {
    let judge = scoring(JUDGE).judge.unwrap();
    assert_eq!((judge.from, judge.remember_ms), (600, 60_000));
    assert_eq!(judge.service.kind, ServiceKind::Generic);
    assert_eq!(judge.service.failure_mode, FailureMode::Closed);
    let short = r#"{"toxicity": {"judge": {"service": {"cluster": "c", "kind": "generic"}}}}"#;
    let judge = scoring(&format!(r#"{short}, "failure_mode": "open""#))
        .judge
        .unwrap();
    assert_eq!((judge.from, judge.remember_ms), (500, 600_000));
    assert_eq!(judge.service.failure_mode, FailureMode::Open);
    // What only counts refuses nothing.
    let counting = one(&format!(
        r#""phase": "input", "action": "monitor", "detect": {short}"#
    ));
    let service = counting.detect.service().unwrap();
    assert_eq!(service.failure_mode, FailureMode::Open);
}

#[test]
fn every_wrong_score_is_told() {
    let judge = |more: &str| {
        format!(
            r#""phase": "input", "action": "block", "detect": {{"toxicity": {{"judge": {more}}}}}"#
        )
    };
    let generic = r#""service": {"cluster": "c", "kind": "generic"}"#;
    for (more, wanted) in [
        (
            r#""phase": "both", "action": "block", "detect": "prompt_injection""#.to_owned(),
            "phase: must be input: answers inject nothing",
        ),
        (
            r#""phase": "input", "action": "block", "detect": "toxicity", "sensitivity": "meduim""#.to_owned(),
            "sensitivity: \"meduim\" is none of: low, medium, high (did you mean \"medium\"?)",
        ),
        (
            r#""phase": "input", "action": "block", "detect": "secrets", "sensitivity": "low""#.to_owned(),
            "sensitivity: has no meaning with this detect",
        ),
        (
            r#""phase": "input", "action": "block", "detect": "secrets", "threshold": 0.5"#.to_owned(),
            "threshold: has no meaning with this detect",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {}}, "threshold": 0.5"#.to_owned(),
            "threshold: has no meaning with this detect",
        ),
        (
            r#""phase": "input", "action": "block", "detect": "toxicity", "sensitivity": "low", "threshold": 0.5"#.to_owned(),
            "threshold: has no meaning beside sensitivity",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {}}, "sensitivity": "low""#.to_owned(),
            "sensitivity: has no meaning with this detect",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {"sensitivity": "low", "threshold": 0.5}}"#.to_owned(),
            "detect.toxicity.threshold: has no meaning beside sensitivity",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {"threshold": 2}}"#.to_owned(),
            "detect.toxicity.threshold: must be a number from 0 to 1 with up to 3 decimals",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {"roles": ["usr"]}}"#.to_owned(),
            "detect.toxicity.roles[0]: \"usr\" is none of: system, user, assistant, tool (did you mean \"user\"?)",
        ),
        (
            r#""phase": "input", "action": "mask", "restore": true, "detect": "toxicity""#.to_owned(),
            "restore: has no meaning here: what is masked does not come back",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {"threshold": 0}}"#.to_owned(),
            "detect.toxicity.threshold: must be above 0: every text scores that",
        ),
        (
            r#""phase": "input", "action": "block", "detect": {"toxicity": {"roles": ["user", "user"]}}"#.to_owned(),
            "detect.toxicity.roles[1]: \"user\" stands twice",
        ),
        (
            r#""phase": "input", "action": "mask", "detect": {"toxicity": {"tool_results": 0.5}}"#.to_owned(),
            "detect.toxicity: roles and tool_results need whole requests: phase: input or both, and action: block or monitor",
        ),
        (
            r#""phase": "output", "action": "block", "detect": {"toxicity": {"roles": ["user"]}}"#.to_owned(),
            "detect.toxicity: roles and tool_results need whole requests: phase: input or both, and action: block or monitor",
        ),
        (
            judge(&format!(r#"{{"threshold": 0.65, {generic}}}"#)),
            "detect.toxicity.judge: must be below what counts, of users and of tools: nothing else is unsure",
        ),
        (
            judge(r#"{}"#),
            "detect.toxicity.judge.service: is missing",
        ),
        (
            judge(&format!(r#"{{"threshold": 0.7, {generic}}}"#)),
            "detect.toxicity.judge: must be below what counts, of users and of tools: nothing else is unsure",
        ),
        (
            judge(&format!(r#"{{"remember": "25h", {generic}}}"#)),
            "detect.toxicity.judge.remember: must be between 1ms and 24h",
        ),
        (
            judge(r#"{"service": {"cluster": "c", "kind": "presidio"}}"#),
            "detect.toxicity.judge.service.kind: must be openai_moderation, llama_guard or generic: this one does not judge",
        ),
        (
            format!(r#""phase": "both", "action": "block", "detect": {{"toxicity": {{"judge": {{{generic}}}}}}}"#),
            "detect.toxicity.judge: needs phase: input and action: block or monitor: it judges whole requests",
        ),
    ] {
        assert_eq!(told_of(&more), wanted, "{more}");
    }
}

#[test]
fn requests_are_scored_whole_and_answers_by_sentence() {
    let list = format!(
        r#"[
        {{"name": "injection", "phase": "input", "detect": {JUDGE}, "action": "block"}},
        {{"name": "rude", "phase": "both", "detect": "toxicity", "action": "monitor"}},
        {{"name": "very-rude", "phase": "both", "detect": "toxicity", "sensitivity": "low", "action": "mask"}}
    ]"#
    );
    let policy = policy(&list);
    let guards = &policy.tenants["acme"].guards;
    let scored: Vec<u16> = guards
        .scored
        .iter()
        .map(|scored| scored.guardrail)
        .collect();
    assert_eq!(scored, [0, 1]);
    let judges = guards.judges.iter();
    let judges: Vec<(u16, u64)> = judges
        .map(|asked| (asked.guardrail, asked.remember_ms))
        .collect();
    assert_eq!(judges, [(0, 60_000)]);
    let by_sentence = |guards: &Option<Rc<crate::mask::Guards>>| -> Vec<(u16, Matches)> {
        let rules = guards.as_ref().unwrap().rules().iter();
        rules
            .map(|rule| (rule.guardrail, rule.matches.clone()))
            .collect()
    };
    let toxic = |least| Matches::Class {
        class: Class::Toxicity,
        least,
    };
    assert_eq!(by_sentence(&guards.input), [(2, toxic(900))]);
    assert!(guards.input_unscored.is_none());
    assert_eq!(
        by_sentence(&guards.output),
        [(1, toxic(700)), (2, toxic(900))]
    );
}
