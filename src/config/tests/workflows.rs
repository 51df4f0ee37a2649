//! `workflow` of models.

use super::*;
use crate::config::{MaxTokensField, OnError, StepKind};

const STEPPED: &str = r#"{
  "backends": {"a": {"cluster": "a", "api": "openai"}},
  "models": {
    "m": {
      "targets": [{"backend": "a", "model": "x", "accepts": "text", "gives": "text", "context": 9000}],
      "workflow": {
        "summarise_context": {"cluster": "s", "model": "sum", "keep": 6, "context": 100000, "max_tokens_field": "max_completion_tokens"},
        "describe_images": {"cluster": "v", "model": "eye", "authority": "api.v", "path": "/x", "max_output": 300, "timeout": "9s", "prompt": "Look.",
          "on_error": "fallback", "fallback": {"cluster": "w", "model": "eye2", "price": {"input": 3, "output": 3}}},
        "transcribe_audio": {"cluster": "t", "model": "ear", "on_error": "skip"},
        "speak": {"cluster": "m", "model": "voice", "max_characters": 900, "on_error":"skip"},
        "moderate": {"cluster": "j", "categories": ["violence"], "threshold": 0.5}
      }
    }
  },
  "default_price": {"input": 1, "output": 1},
  "tenants": {"acme": {"models": ["m"], "spiffe": ["spiffe://mesh/acme"]}}
}"#;

#[test]
fn steps_are_read() {
    assert_eq!(told(STEPPED), "");
    let policy = from_plugin_bytes(STEPPED.as_bytes()).unwrap();
    let steps = &policy.models["m"].workflow;
    let kinds: Vec<StepKind> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, StepKind::ALL);
    assert!(policy.counts_prompts);
    let [judge, eye, ear, sum, mouth] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(judge.asked.path, "/v1/moderations");
    assert_eq!(mouth.asked.path, "/v1/audio/speech");
    assert_eq!(
        (mouth.max_characters, &mouth.on_error),
        (900, &OnError::Skip)
    );
    assert_eq!(judge.asked.price.unwrap(), crate::ledger::Price::flat(0, 0));
    assert_eq!(
        (judge.moderation.categories.len(), judge.max_output),
        (1, 0)
    );
    assert_eq!(
        (eye.asked.authority.as_str(), eye.asked.path.as_str()),
        ("api.v", "/x")
    );
    assert_eq!((eye.asked.timeout_ms, eye.max_output), (9_000, 300));
    assert_eq!(eye.prompt, "Look.");
    let asked: Vec<&str> = eye.models().map(|model| model.model.as_str()).collect();
    assert_eq!(asked, ["eye", "eye2"]);
    let prices = eye.models().map(|model| model.price.unwrap().input);
    assert_eq!(prices.collect::<Vec<_>>(), [1_000_000, 3_000_000]);
    assert_eq!(
        (&ear.on_error, ear.asked.timeout_ms),
        (&OnError::Skip, 30_000)
    );
    assert_eq!((sum.keep, sum.asked.context), (6, Some(100_000)));
    assert_eq!(
        sum.asked.max_tokens_field,
        MaxTokensField::MaxCompletionTokens
    );
    assert_eq!(eye.asked.max_tokens_field, MaxTokensField::MaxTokens);
}

#[test]
fn steps_that_can_not_be_are_told() {
    let path = "models.m.workflow";
    for (old, new, wanted) in [
        (
            r#""cluster": "v", "#,
            "",
            "describe_images.cluster: is missing",
        ),
        (
            r#""model": "eye", "#,
            "",
            "describe_images.model: is missing",
        ),
        (
            r#""model": "ear""#,
            r#""model": "ear", "prompt": "x""#,
            "transcribe_audio.prompt: ",
        ),
        (
            r#""keep": 6"#,
            r#""keep": 0"#,
            "summarise_context.keep: must be",
        ),
        (
            r#""max_output": 300"#,
            r#""max_output": 20000"#,
            "describe_images.max_output: must be between 1 and 16384",
        ),
        (
            r#""timeout": "9s""#,
            r#""timeout": "6m""#,
            "describe_images.timeout: must be between 50ms and 5m",
        ),
        (
            r#""on_error": "skip""#,
            r#""on_error": "fallback""#,
            "transcribe_audio.fallback: is missing",
        ),
        (
            r#""on_error": "fallback", "#,
            r#""on_error": "skip", "#,
            "describe_images.fallback: needs on_error: fallback",
        ),
        (
            r#""on_error": "skip""#,
            r#""on_error": "ignore""#,
            "transcribe_audio.on_error: \"ignore\" is none of",
        ),
        (
            r#""cluster": "j""#,
            r#""cluster": "j", "price": {"input": 1, "output": 0}"#,
            "moderate.price: moderations tell no tokens",
        ),
        (
            r#""moderate": {"#,
            r#""moderates": {"#,
            "moderates: unknown field",
        ),
        (
            r#""max_characters": 900"#,
            r#""max_characters": 5000"#,
            "speak.max_characters: must be",
        ),
        (
            r#""gives": "text", "#,
            "",
            "speak: never made: a/x answers with sound itself",
        ),
        (
            r#""accepts": "text", "#,
            "",
            "describe_images: never made: a/x takes them itself",
        ),
        (
            r#""accepts": "text""#,
            r#""accepts": ["text", "audio"]"#,
            "transcribe_audio: never made",
        ),
        (
            r#", "context": 9000"#,
            "",
            "summarise_context: never made: a target has no context",
        ),
    ] {
        assert!(STEPPED.contains(old), "{old}");
        let told = told(&STEPPED.replacen(old, new, 1));
        assert!(told.contains(&format!("{path}.{wanted}")), "{new}: {told}");
    }
    let rules = STEPPED.replacen(r#""targets": ["#, r#""rules": true, "targets": ["#, 1);
    assert!(told(&rules).contains("models.m.workflow: has no meaning with rules: true"));
    let empty = r#""workflow": {}"#;
    let (front, _) = STEPPED.split_once(r#""workflow""#).unwrap();
    let (_, end) = STEPPED.split_once(r#"  "default_price""#).unwrap();
    let text = format!("{front}{empty}}}}}, \"default_price\"{end}");
    assert!(
        told(&text).contains("models.m.workflow: must have a step"),
        "{}",
        told(&text)
    );
    let limited = STEPPED
        .replace(r#""default_price": {"input": 1, "output": 1},"#, "")
        .replace(
            r#""context": 9000}"#,
            r#""context": 9000, "price": {"input": 1, "output": 1}}"#,
        )
        .replace(
            r#""spiffe": ["#,
            r#""limits": [{"usd": 1, "per": "day"}], "spiffe": ["#,
        );
    assert!(
        told(&limited).contains("the step describe_images has no price"),
        "{}",
        told(&limited)
    );
}

const PANEL: &str = r#"{
  "backends": {"a": {"cluster": "a", "api": "openai"}},
  "models": {
    "m": {
      "targets": [{"backend": "a", "model": "x"}],
      "workflow": {"panel": {
        "members": [{"cluster": "p", "model": "one", "timeout": "9s", "price": {"input": 3, "output": 3}},
          {"cluster": "q", "model": "two", "api": "anthropic", "max_tokens_field": "max_tokens"}],
        "judge": {"cluster": "j", "model": "judge", "max_output": 9, "context": 8000},
        "min": 2, "max_output": 700, "on_error": "fallback", "fallback": {"cluster": "k", "model": "judge2"}
      }}
    }
  },
  "default_price": {"input": 1, "output": 1},
  "tenants": {"acme": {"models": ["m"], "spiffe": ["spiffe://mesh/acme"]}}
}"#;

#[test]
fn panels_are_read() {
    assert_eq!(told(PANEL), "");
    let policy = from_plugin_bytes(PANEL.as_bytes()).unwrap();
    let steps = &policy.models["m"].workflow;
    let [one, two, judge] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(
        (one.kind, judge.kind),
        (StepKind::Panel, StepKind::PanelJudge)
    );
    assert_eq!(
        (one.asked.timeout_ms, two.asked.timeout_ms),
        (9_000, 120_000)
    );
    assert_eq!((one.max_output, judge.max_output, judge.min), (700, 9, 2));
    assert_eq!(one.asked.path, "/v1/chat/completions");
    assert_eq!(two.asked.path, "/v1/messages");
    assert_eq!(one.asked.max_tokens_field, MaxTokensField::AsSent);
    assert_eq!(judge.asked.max_tokens_field, MaxTokensField::MaxTokens);
    let prices = [one, two].map(|step| step.asked.price.unwrap().input);
    assert_eq!(prices, [3_000_000, 1_000_000]);
    let judges: Vec<&str> = judge.models().map(|model| model.model.as_str()).collect();
    assert_eq!(judges, ["judge", "judge2"]);
    assert!(judge.prompt.contains("number"));
}

#[test]
fn panels_that_can_not_be_are_told() {
    for (old, new, wanted) in [
        (r#""min": 2"#, r#""min": 3"#, "panel.min: must be"),
        (
            r#""max_output": 700"#,
            r#""max_output": 0"#,
            "panel.max_output: must be",
        ),
        (
            r#""api": "anthropic""#,
            r#""api": "x""#,
            "panel.members[1].api: \"x\" is none of",
        ),
        (
            r#""model": "one", "#,
            "",
            "panel.members[0].model: is missing",
        ),
        (r#""cluster": "j", "#, "", "panel.judge.cluster: is missing"),
        (
            r#""cluster": "j""#,
            r#""cluster": "j", "api": "openai""#,
            "panel.judge.api: unknown field",
        ),
        (
            r#""on_error": "fallback", "#,
            "",
            "panel.fallback: needs on_error: fallback",
        ),
        (
            r#",
          {"cluster": "q", "model": "two", "api": "anthropic", "max_tokens_field": "max_tokens"}"#,
            "",
            "panel.members: must have 2 to 5 members",
        ),
    ] {
        let text = PANEL.replace(old, new);
        assert_ne!(text, PANEL, "{old}");
        let told = told(&text);
        assert!(
            told.contains(&format!("models.m.workflow.{wanted}")),
            "{wanted}: {told}"
        );
    }
    let unpriced = PANEL.replace(r#""default_price": {"input": 1, "output": 1},"#, "");
    let limited = unpriced.replace(
        r#""models": ["m"], "#,
        r#""models": ["m"], "limits": [{"usd": 1, "per": "day"}], "#,
    );
    let told = told(&limited);
    assert!(told.contains("the step panel_judge has no price"), "{told}");
}

#[test]
fn regression_panels_that_global_limits_do_not_count_are_told() {
    let path = "models.m.workflow.panel";
    let global = PANEL.replacen('{', r#"{"global_limits": {},"#, 1);
    let bare = "nothing else limits tenant \"acme\" here";
    assert!(told(&global).contains(&format!("{path}: global_limits do not count")));
    assert!(told(&global).contains(bare) && !told(&global).starts_with("warning"));
    let limit = r#"[{"requests": 9, "per": "minute"}]"#;
    for (old, new, enough) in [
        (
            r#""models": ["m"]"#,
            format!(r#""models": ["m"], "limits": {limit}"#),
            true,
        ),
        (
            r#""models": ["m"]"#,
            format!(r#""models": ["m"], "per_user": {limit}"#),
            true,
        ),
        (r#""m": {"#, format!(r#""m": {{"limits": {limit}, "#), true),
    ] {
        let text = global.replacen(old, &new, 1);
        assert_ne!(text, global, "{old}");
        let told = told(&text);
        let warning = format!("warning: {path}: global_limits do not count");
        assert_eq!(told.starts_with(&warning), enough, "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn regression_panels_for_which_there_is_never_room_are_told() {
    for (held, enough) in [("2MiB", false), ("3MiB", true)] {
        let limits = format!(r#"{{"limits": {{"body": "1MiB", "held_per_tenant": "{held}"}},"#);
        let told = told(&PANEL.replacen('{', &limits, 1));
        let wanted =
            "models.m.workflow.panel: needs a limits.held_per_tenant of more than 2097152 bytes";
        assert_eq!(told.contains(wanted), !enough, "{told}");
        assert_eq!(told.is_empty(), enough, "{told}");
    }
}

#[test]
fn regression_targets_whose_api_has_no_sound_do_not_answer_with_it() {
    let silent = STEPPED.replacen(r#""gives": "text", "#, "", 1);
    let backend = r#""api": "openai""#;
    for other in [
        r#""api": "gemini""#,
        r#""api": "bedrock""#,
        r#""api": "anthropic""#,
        r#""api": "openai", "apis": ["responses"]"#,
    ] {
        assert_eq!(told(&silent.replacen(backend, other, 1)), "", "{other}");
        // Whatever is said of them.
        let said = STEPPED.replacen(r#""gives": "text""#, r#""gives": ["text", "audio"]"#, 1);
        assert_eq!(told(&said.replacen(backend, other, 1)), "", "{other}");
    }
    assert!(told(&silent).contains("a/x answers with sound itself"));
}

#[test]
fn what_a_panel_does_not_answer_beside_stored_is_told() {
    let stored = r#""stored": {"secrets": ["one of 16 bytes."]}, "default_price""#;
    let text = PANEL.replacen(r#""default_price""#, stored, 1);
    assert_eq!(
        told(&text),
        "warning: models.m.workflow.panel: with stored, the targets answer calls of Responses that do not say store: false, and no panel does\n"
    );
    assert_eq!(told(&STEPPED.replacen(r#""default_price""#, stored, 1)), "");
}
