//! `workflow` of models.

use super::*;
use crate::config::{MaxTokensField, OnError, StepKind};

const STEPPED: &str = r#"{
  "backends": {"a": {"cluster": "a", "api": "openai"}},
  "models": {
    "m": {
      "targets": [{"backend": "a", "model": "x", "accepts": "text", "context": 9000}],
      "workflow": {
        "summarise_context": {"cluster": "s", "model": "sum", "keep": 6, "context": 100000, "max_tokens_field": "max_completion_tokens"},
        "describe_images": {"cluster": "v", "model": "eye", "authority": "api.v", "path": "/x", "max_output": 300, "timeout": "9s", "prompt": "Look.",
          "on_error": "fallback", "fallback": {"cluster": "w", "model": "eye2", "price": {"input": 3, "output": 3}}},
        "transcribe_audio": {"cluster": "t", "model": "ear", "on_error": "skip"},
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
    let [judge, eye, ear, sum] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(judge.asked.path, "/v1/moderations");
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
