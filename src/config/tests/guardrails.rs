/*! `guardrails`. */

use super::*;
use crate::detect::{Entities, Entity, Group};
use crate::mask::Style;

fn guardrails(list: &str) -> (Result<Vec<Guardrail>, Problems>, Problems) {
    let text = format!("{{\"guardrails\": {list}}}");
    let tree = Tree::from_json(text.as_bytes()).unwrap();
    let (read, warnings) = guardrails_from_tree(&tree, None);
    (read.map(|(guardrails, _)| guardrails), warnings)
}

fn one(more: &str) -> Guardrail {
    let (read, _) = guardrails(&format!("[{{\"name\": \"a\", {more}}}]"));
    read.unwrap().remove(0)
}

#[test]
fn guardrails_are_read() {
    let all = one(r#""phase": "both", "detect": "personal_data", "action": "mask""#);
    assert_eq!(
        all.detect,
        Detect::PersonalData(Entities::of(Group::Personal))
    );
    assert_eq!(
        (all.phase, all.action),
        (Phases::Both, Action::Mask(Style::Replace))
    );
    let some =
        one(r#""phase": "input", "detect": "secrets", "entities": ["JWT"], "action": "block""#);
    assert_eq!(
        some.detect,
        Detect::Secrets([Entity::Jwt].into_iter().collect())
    );
    let listed = [Entity::Url, Entity::UsSsn].into_iter().collect();
    for detect in [
        r#""entities": ["URL", "US_SSN"]"#,
        r#""detect": {"entities": ["URL", "US_SSN"]}"#,
    ] {
        let read = one(&format!(
            r#""phase": "output", {detect}, "action": "monitor""#
        ));
        assert_eq!(read.detect, Detect::Listed(listed));
        assert_eq!(
            (read.phase.has(Phase::Input), read.phase.has(Phase::Output)),
            (false, true)
        );
    }
    let kept =
        one(r#""phase": "both", "detect": "secrets", "action": "mask", "mask": "keep_last_4""#);
    assert_eq!(kept.action, Action::Mask(Style::KeepLast4));
    let hashed = one(
        r#""phase": "both", "detect": "secrets", "action": "mask", "mask": {"hash": {"key": "sixteen bytes at least"}}"#,
    );
    assert!(matches!(hashed.action, Action::Mask(Style::Hash(_))));
}

#[test]
fn every_way_to_be_wrong_is_told() {
    let good = r#""phase": "both", "detect": "secrets", "action": "mask""#;
    for (list, wanted) in [
        ("[]", "guardrails: must not be an empty list"),
        (
            "[{}]",
            "guardrails[0].name: is missing\nguardrails[0].phase: is missing\nguardrails[0]: must have detect, entities, or both\nguardrails[0].action: is missing",
        ),
        (
            r#"[{"name": "a", "phase": "both", "detect": "pii", "action": "mask"}]"#,
            "guardrails[0].detect: \"pii\" is none of: personal_data, secrets, system_prompt, links",
        ),
        (
            r#"[{"name": "a", "phase": "both", "detect": "secrets", "entities": ["URL"], "action": "mask"}]"#,
            "guardrails[0].entities[0]: is not part of what detect says",
        ),
        (
            r#"[{"name": "a", "phase": "both", "entities": ["EMAIL_ADDRES"], "action": "mask"}]"#,
            "guardrails[0].entities[0]: no entity \"EMAIL_ADDRES\" (did you mean \"EMAIL_ADDRESS\"?)",
        ),
        (
            r#"[{"name": "a", "phase": "both", "detect": "secrets", "action": "block", "mask": "replace"}]"#,
            "guardrails[0].mask: needs action: mask",
        ),
        (
            r#"[{"name": "a", "phase": "both", "detect": "secrets", "action": "mask", "mask": {"hash": {"key": "my-short-key"}}}]"#,
            "guardrails[0].mask.hash.key: must have 16 to 256 bytes",
        ),
        (
            r#"[{"name": "a", "phase": "both", "detect": {"entities": ["URL"]}, "entities": ["URL"], "action": "mask"}]"#,
            "guardrails[0].entities: has no meaning with this detect",
        ),
        (
            &format!(r#"[{{"name": "a", {good}}}, {{"name": "a", {good}}}]"#),
            "guardrails[1].name: the name \"a\" stands twice",
        ),
        (
            &format!(r#"[{{"name": "a", "fase": 1, {good}}}]"#),
            "guardrails[0].fase: unknown field",
        ),
    ] {
        let told = guardrails(list).0.unwrap_err().to_string();
        assert!(told.starts_with(wanted), "{list}:\n{told}");
        assert!(!told.contains("my-short-key"));
    }
}

#[test]
fn a_policy_with_guardrails_does_not_run() {
    let guarded = with(
        r#""other_paths""#,
        r#""guardrails": [{"name": "a", "phase": "both", "detect": "secrets", "action": "mask"}], "other_paths""#,
    );
    let warning = "warning: other_paths.pass: calls that pass unread pass all guardrails\n";
    assert_eq!(told(&guarded), warning);
    let error = Plugin::from_bytes(guarded.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("guardrails: this version finds and masks in `tollgate scan` only"),
        "{error}"
    );
    assert!(from_plugin_bytes(guarded.as_bytes()).is_err());
    let tree = Tree::from_json(guarded.as_bytes()).unwrap();
    assert_eq!(guardrails_from_tree(&tree, None).0.unwrap().0.len(), 1);
}
