/*! `guardrails` and `unscannable`. */

mod scored;

use super::*;
use crate::detect::{Check, Entities, Entity, Group, Pattern};
use crate::mask::{Act, Matches, Style};

fn read(list: &str) -> (Result<(Vec<Guardrail>, Guards), Problems>, Problems) {
    let text = format!("{{\"guardrails\": {list}}}");
    guardrails_from_tree(&Tree::from_json(text.as_bytes()).unwrap(), None)
}

fn one(more: &str) -> Guardrail {
    let (read, _) = read(&format!("[{{\"name\": \"a\", {more}}}]"));
    read.map_err(|errors| errors.to_string())
        .unwrap()
        .0
        .remove(0)
}

/// What is wrong with a list of guardrails.
fn errors(list: &str) -> String {
    let errors = read(list).0.map(|_| ());
    errors
        .err()
        .map_or_else(String::new, |errors| errors.to_string())
}

/// [`GOOD`] with these guardrails, and more.
fn guarded(list: &str, more: &str) -> String {
    with(
        r#""other_paths": {"pass": "plain"}"#,
        &format!(r#""guardrails": {list} {more}"#),
    )
}

fn policy(list: &str) -> Policy {
    let tree = Tree::from_json(guarded(list, "").as_bytes()).unwrap();
    from_tree(&tree)
        .0
        .map_err(|errors| errors.to_string())
        .unwrap()
}

#[test]
fn entities_are_read() {
    let all = one(r#""phase": "both", "detect": "personal_data", "action": "mask""#);
    assert_eq!(
        all.detect,
        Detect::PersonalData(Entities::of(Group::Personal))
    );
    assert_eq!(
        (all.phase, all.action, all.tenants),
        (Phases::Both, Action::Mask(Style::Replace), None)
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
}

#[test]
fn ways_to_mask_are_read() {
    let of = |phase: &str, more: &str| {
        one(&format!(
            r#""phase": "{phase}", "detect": "secrets", "action": "mask", {more}"#
        ))
        .action
    };
    let kept = Action::Mask(Style::KeepLast4);
    assert_eq!(of("both", r#""mask": "keep_last_4""#), kept);
    assert_eq!(
        of("both", r#""mask": "keep_last_4", "restore": false"#),
        kept
    );
    let hashed = of(
        "output",
        r#""mask": {"hash": {"key": "sixteen bytes at least"}}"#,
    );
    assert!(matches!(hashed, Action::Mask(Style::Hash(_))));
    let restored = Action::Restore(Style::Replace);
    assert_eq!(of("input", r#""restore": true"#), restored);
    let key = r#""restore": {"key": "sixteen bytes at least"}"#;
    assert_eq!(of("both", key), restored);
    assert_eq!(
        of("both", r#""restore": true, "mask": "keep_last_4""#),
        Action::Restore(Style::KeepLast4)
    );
}

#[test]
fn what_operators_add_is_read() {
    let pattern = one(
        r#""phase": "both", "action": "mask", "detect": {"patterns": [{"name": "EMPLOYEE_ID",
        "regex": "E-\\d{6}", "check": "luhn", "context": ["badge", "staff no"], "max_length": "12"}]}"#,
    );
    let wanted = Pattern {
        name: "EMPLOYEE_ID".to_owned(),
        regex: r"E-\d{6}".to_owned(),
        check: Some(Check::Luhn),
        context: vec!["badge".to_owned(), "staff no".to_owned()],
        max_length: 12,
    };
    assert_eq!(pattern.detect, Detect::Patterns(vec![wanted]));
    let phrases = one(
        r#""phase": "both", "action": "block", "detect": {"phrases": ["Project Falcon", "Falke"]}"#,
    );
    let wanted = ["Project Falcon", "Falke"].map(str::to_owned).to_vec();
    assert_eq!(phrases.detect, Detect::Phrases(wanted));
    for (detect, wanted) in [
        (r#""system_prompt""#, Detect::SystemPrompt { words: 12 }),
        (
            r#"{"system_prompt": {}}"#,
            Detect::SystemPrompt { words: 12 },
        ),
        (
            r#"{"system_prompt": {"words": 20}}"#,
            Detect::SystemPrompt { words: 20 },
        ),
        (r#""links""#, Detect::Links(Vec::new())),
        (r#"{"links": {}}"#, Detect::Links(Vec::new())),
        (r#"{"links": {"allow": []}}"#, Detect::Links(Vec::new())),
        (
            r#"{"links": {"allow": ["*.example.org"]}}"#,
            Detect::Links(vec!["*.example.org".to_owned()]),
        ),
    ] {
        let read = one(&format!(
            r#""phase": "output", "action": "block", "detect": {detect}"#
        ));
        assert_eq!(read.detect, wanted, "{detect}");
    }
}

fn service(action: &str, service: &str, more: &str) -> Service {
    let read = one(&format!(
        r#""phase": "input", "action": "{action}", "detect": {{"service": {service}}} {more}"#
    ));
    match read.detect {
        Detect::Service(service) => Rc::unwrap_or_clone(service),
        other => panic!("{other:?}"),
    }
}

#[test]
fn services_are_read() {
    let usual = service("mask", r#"{"cluster": "presidio", "kind": "presidio"}"#, "");
    let presidio = |language: &str, entities: &[&str], threshold| {
        ServiceKind::Presidio(Presidio {
            language: language.to_owned(),
            entities: entities.iter().map(|&name| name.to_owned()).collect(),
            threshold,
        })
    };
    let wanted = Service {
        cluster: "presidio".to_owned(),
        authority: "presidio".to_owned(),
        path: "/analyze".to_owned(),
        kind: presidio("en", &[], None),
        timeout_ms: 2_000,
        failure_mode: FailureMode::Closed,
    };
    assert_eq!(usual, wanted);
    let all = service(
        "mask",
        r#"{"cluster": "c", "kind": "presidio", "authority": "a:80", "path": "/x/analyze?y=1", "timeout": "500ms",
        "language": "de", "entities": ["PERSON", "LOCATION"], "threshold": "0.35"}"#,
        r#", "failure_mode": "open""#,
    );
    let wanted = Service {
        cluster: "c".to_owned(),
        authority: "a:80".to_owned(),
        path: "/x/analyze?y=1".to_owned(),
        kind: presidio("de", &["PERSON", "LOCATION"], Score::new(350)),
        timeout_ms: 500,
        failure_mode: FailureMode::Open,
    };
    assert_eq!(all, wanted);
    let moderation = service(
        "block",
        r#"{"cluster": "c", "kind": "openai_moderation", "model": "omni", "categories": ["hate"], "threshold": 0.5}"#,
        "",
    );
    let kind = ServiceKind::OpenAiModeration(Moderation {
        model: Some("omni".to_owned()),
        categories: vec!["hate".to_owned()],
        threshold: Score::new(500),
    });
    assert_eq!(
        (moderation.kind, moderation.path.as_str()),
        (kind, "/v1/moderations")
    );
    let guard = service(
        "block",
        r#"{"cluster": "c", "kind": "llama_guard", "model": "guard-3", "categories": ["S1"]}"#,
        "",
    );
    let kind = ServiceKind::LlamaGuard(LlamaGuard {
        model: "guard-3".to_owned(),
        categories: vec!["S1".to_owned()],
    });
    assert_eq!(
        (guard.kind, guard.path.as_str()),
        (kind, "/v1/chat/completions")
    );
    let counting = service("monitor", r#"{"cluster": "c", "kind": "generic"}"#, "");
    assert_eq!(
        (counting.kind, counting.failure_mode),
        (ServiceKind::Generic, FailureMode::Open)
    );
}

#[test]
fn every_way_to_be_wrong_is_told() {
    for (list, wanted) in [
        ("[]", "guardrails: must not be an empty list"),
        (
            "[{}]",
            "guardrails[0].name: is missing\nguardrails[0].phase: is missing\nguardrails[0]: must have detect, entities, or both\nguardrails[0].action: is missing",
        ),
        (
            r#"[{"name": "a", "fase": 1, "phase": "both", "detect": "secrets", "action": "mask"}]"#,
            "guardrails[0].fase: unknown field",
        ),
        (
            r#"[{"name": "a", "phase": "both", "detect": "secrets", "action": "mask"}, {"name": "a", "phase": "both", "detect": "personal_data", "action": "mask"}]"#,
            "guardrails[1].name: the name \"a\" stands twice",
        ),
    ] {
        let told = errors(list);
        assert!(told.starts_with(wanted), "{list}:\n{told}");
    }
}

/// What is told of one guardrail with this in it.
fn told_of(more: &str) -> String {
    let told = errors(&format!("[{{\"name\": \"a\", {more}}}]"));
    let told = told
        .replace("guardrails[0].", "")
        .replace("guardrails[0]", "");
    told.trim_end().to_owned()
}

#[test]
fn every_wrong_detect_is_told() {
    for (detect, wanted) in [
        (
            r#""pii""#,
            "detect: \"pii\" is none of: personal_data, secrets, system_prompt, links, prompt_injection, toxicity",
        ),
        (
            r#""secret""#,
            "detect: \"secret\" is none of: personal_data, secrets, system_prompt, links, prompt_injection, toxicity (did you mean \"secrets\"?)",
        ),
        (
            r#""secrets", "entities": ["URL"]"#,
            "entities[0]: is not part of what detect says",
        ),
        (
            r#""secrets", "entities": ["JWT", "JWT"]"#,
            "entities[1]: \"JWT\" stands twice",
        ),
        (
            r#"{"entities": ["EMAIL_ADDRES"]}"#,
            "detect.entities[0]: no entity \"EMAIL_ADDRES\" (did you mean \"EMAIL_ADDRESS\"?)",
        ),
        (
            r#"{"entities": ["URL"]}, "entities": ["URL"]"#,
            "entities: has no meaning with this detect",
        ),
        (
            r#""links", "entities": ["URL"]"#,
            "entities: has no meaning with this detect",
        ),
        (
            "{}",
            "detect: must have exactly one of entities, patterns, phrases, system_prompt, links, prompt_injection, toxicity, service, request",
        ),
        (
            r#"{"phrases": ["some words"], "links": {}}"#,
            "detect: must have exactly one of entities, patterns, phrases, system_prompt, links, prompt_injection, toxicity, service, request",
        ),
        (
            r#"{"frases": ["some words"]}"#,
            "detect.frases: unknown field (did you mean \"phrases\"?)\ndetect: must have exactly one of entities, patterns, phrases, system_prompt, links, prompt_injection, toxicity, service, request",
        ),
        (
            r#"{"phrases": []}"#,
            "detect.phrases: must not be an empty list",
        ),
        (
            r#"{"phrases": ["some words", "some words", 1]}"#,
            "detect.phrases[1]: \"some words\" stands twice\ndetect.phrases[2]: must be a string, not a number",
        ),
        (
            r#"{"system_prompt": {"words": 3}}"#,
            "detect.system_prompt.words: must be a whole number from 4 to 1000",
        ),
        (
            r#"{"links": {"allowed": []}}"#,
            "detect.links.allowed: unknown field (did you mean \"allow\"?)",
        ),
    ] {
        let told = told_of(&format!(
            r#""phase": "output", "action": "block", "detect": {detect}"#
        ));
        assert_eq!(told, wanted, "{detect}");
    }
    for detect in ["system_prompt", "links"] {
        for phase in ["input", "both"] {
            let told = told_of(&format!(
                r#""phase": "{phase}", "action": "block", "detect": "{detect}""#
            ));
            assert!(told.starts_with("phase: must be output: "), "{told}");
        }
    }
}

#[test]
fn every_wrong_pattern_is_told() {
    let name = "must be a name such as EMPLOYEE_ID: up to 64 capital letters, digits and single _ between them";
    for (pattern, wanted) in [
        ("{}", "name: is missing\ndetect.patterns[0].regex: is missing".to_owned()),
        (r#"{"name": "Id", "regex": "a"}"#, format!("name: {name}")),
        (r#"{"name": "1A", "regex": "a"}"#, format!("name: {name}")),
        (r#"{"name": "A__B", "regex": "a"}"#, format!("name: {name}")),
        (r#"{"name": "A_", "regex": "a"}"#, format!("name: {name}")),
        (
            r#"{"name": "US_SSN", "regex": "a"}"#,
            "name: \"US_SSN\" is found without a pattern: masks would not tell them apart".to_owned(),
        ),
        (
            r#"{"name": "PHRASE", "regex": "a"}"#,
            "name: \"PHRASE\" is found without a pattern: masks would not tell them apart".to_owned(),
        ),
        (
            r#"{"name": "A", "regex": 6}"#,
            "regex: must be a regular expression in quotes, not a number".to_owned(),
        ),
        (r#"{"name": "A", "regex": ""}"#, "regex: must have 1 to 1024 bytes".to_owned()),
        (
            r#"{"name": "A", "regex": "a", "check": "lun"}"#,
            "check: \"lun\" is none of: luhn, mod97, iban, mod11, mod11_10, verhoeff (did you mean \"luhn\"?)".to_owned(),
        ),
        (
            r#"{"name": "A", "regex": "a", "max_length": 257}"#,
            "max_length: must be a whole number from 1 to 256".to_owned(),
        ),
        (
            r#"{"name": "A", "regex": "a", "context": ["x", "x"]}"#,
            "context[1]: \"x\" stands twice".to_owned(),
        ),
        (
            r#"{"name": "A", "regex": "a"}, {"name": "A", "regex": "a"}"#,
            "\"A\" stands twice".to_owned(),
        ),
    ] {
        let told = told_of(&format!(
            r#""phase": "both", "action": "mask", "detect": {{"patterns": [{pattern}]}}"#
        ));
        let told = told.replacen("detect.patterns[0].", "", 1).replacen("detect.patterns[1].name: ", "", 1);
        assert_eq!(told, wanted, "{pattern}");
    }
    let regex = told_of(
        r#""phase": "both", "action": "mask", "detect": {"patterns": [{"name": "A", "regex": "a"}, {"name": "B", "regex": "(a"}]}"#,
    );
    assert!(regex.starts_with("detect.patterns[1]: "), "{regex}");
    assert_eq!(
        regex.lines().count(),
        1,
        "once, not for each phase:\n{regex}"
    );
}

#[test]
fn what_can_not_be_compiled_is_told_where_it_stands() {
    for (detect, place) in [
        (
            r#"{"links": {"allow": ["example.org", "https://example.org"]}}"#,
            "detect.links.allow[1]: ",
        ),
        (
            r#"{"phrases": ["some words", "ab"]}"#,
            "detect.phrases[1]: ",
        ),
        (
            r#"{"patterns": [{"name": "A", "regex": "a"}, {"name": "B", "regex": "a**b("}]}"#,
            "detect.patterns[1]: ",
        ),
        (
            r#"{"patterns": [{"name": "A", "regex": "a{9}", "max_length": 8}]}"#,
            "detect.patterns[0]: ",
        ),
    ] {
        let told = told_of(&format!(
            r#""phase": "output", "action": "block", "detect": {detect}"#
        ));
        assert!(
            told.starts_with(place) && told.lines().count() == 1,
            "{detect}:\n{told}"
        );
    }
}

#[test]
fn a_pattern_is_the_same_wherever_it_stands() {
    let list = |regex: &str| {
        format!(
            r#"[{{"name": "a", "phase": "input", "action": "mask", "detect": {{"patterns": [{{"name": "A", "regex": "a+b"}}]}}}},
                {{"name": "b", "phase": "output", "action": "block", "detect": {{"patterns": [{{"name": "A", "regex": "{regex}"}}]}}}}]"#
        )
    };
    assert_eq!(errors(&list("a+b")), "");
    assert_eq!(
        errors(&list("b")),
        "guardrails[1].detect.patterns[0].name: \"A\" is another pattern in a guardrail before\n"
    );
}

#[test]
fn every_wrong_action_is_told() {
    for (more, wanted) in [
        (
            r#""phase": "both", "action": "maks""#,
            "action: \"maks\" is none of: mask, monitor, block (did you mean \"mask\"?)",
        ),
        (
            r#""phase": "both", "action": "block", "mask": "replace""#,
            "mask: needs action: mask",
        ),
        (
            r#""phase": "both", "action": "mask", "mask": {"hash": {"key": "my-short-key"}}"#,
            "mask.hash.key: must have 16 to 256 bytes",
        ),
        (
            r#""phase": "input", "action": "mask", "restore": {"key": "my-short-key"}"#,
            "restore.key: must have 16 to 256 bytes",
        ),
        (
            r#""phase": "input", "action": "mask", "restore": "my-short-key""#,
            "restore: must be true, false, or key: with a string, not a string",
        ),
        (
            r#""phase": "input", "action": "block", "restore": true"#,
            "restore: needs action: mask",
        ),
        (
            r#""phase": "both", "action": "monitor", "restore": true"#,
            "restore: needs action: mask",
        ),
        (
            r#""phase": "output", "action": "mask", "restore": true"#,
            "restore: needs phase: input or both: what stands in requests is put back",
        ),
        (
            r#""phase": "input", "action": "mask", "restore": true, "mask": "replace""#,
            "mask: has no meaning with restore and phase: input, where placeholders stand for values",
        ),
        (
            r#""phase": "input", "action": "mask", "failure_mode": "open""#,
            "failure_mode: needs a service or a judge in detect: nothing else can fail",
        ),
    ] {
        let told = told_of(&format!(r#""detect": "secrets", {more}"#));
        assert_eq!(told, wanted, "{more}");
        assert!(!told.contains("my-short-key"));
    }
}

#[test]
fn every_wrong_service_is_told() {
    for (service, more, wanted) in [
        (
            "{}",
            r#""action": "block""#,
            "cluster: is missing\ndetect.service.kind: is missing",
        ),
        (
            r#"{"cluster": "c", "kind": "presido"}"#,
            r#""action": "block""#,
            "kind: \"presido\" is none of: presidio, openai_moderation, llama_guard, generic (did you mean \"presidio\"?)",
        ),
        (
            r#"{"cluster": "c", "kind": "generic", "language": "en"}"#,
            r#""action": "block""#,
            "language: has no meaning with this kind",
        ),
        (
            r#"{"cluster": "c", "kind": "presidio", "categories": ["a"], "model": "m"}"#,
            r#""action": "block""#,
            "model: has no meaning with this kind\ndetect.service.categories: has no meaning with this kind",
        ),
        (
            r#"{"cluster": "c", "kind": "presidio", "threshold": 1.5}"#,
            r#""action": "block""#,
            "threshold: must be a number from 0 to 1 with up to 3 decimals",
        ),
        (
            r#"{"cluster": "c", "kind": "presidio", "timeout": "1ms"}"#,
            r#""action": "block""#,
            "timeout: must be between 50ms and 1m",
        ),
        (
            r#"{"cluster": "c", "kind": "generic", "path": "x"}"#,
            r#""action": "block""#,
            "path: must be a path such as /hooks/budget",
        ),
        (
            r#"{"cluster": "c", "kind": "llama_guard"}"#,
            r#""action": "block""#,
            "model: is missing",
        ),
        (
            r#"{"cluster": "c", "kind": "llama_guard", "model": "m", "threshold": 0.5}"#,
            r#""action": "block""#,
            "threshold: has no meaning with this kind",
        ),
        (
            r#"{"cluster": "c", "kind": "llama_guard", "model": "m"}"#,
            r#""action": "mask""#,
            "action: must be block or monitor: this service does not say what to mask",
        ),
        (
            r#"{"cluster": "c", "kind": "openai_moderation"}"#,
            r#""action": "mask""#,
            "action: must be block or monitor: this service does not say what to mask",
        ),
        (
            r#"{"cluster": "c", "kind": "openai_moderation"}"#,
            r#""action": "mask", "restore": true"#,
            "action: must be block or monitor: this service does not say what to mask",
        ),
        (
            r#"{"cluster": "c", "kind": "presidio"}"#,
            r#""action": "monitor", "failure_mode": "closed""#,
            "failure_mode: must be open with action: monitor, which refuses nothing",
        ),
    ] {
        let told = told_of(&format!(
            r#""phase": "input", "detect": {{"service": {service}}}, {more}"#
        ));
        assert_eq!(told.replacen("detect.service.", "", 1), wanted, "{service}");
    }
}

#[test]
fn numbers_are_bounded() {
    let guardrail = |index: usize, detect: &str| {
        format!(
            r#"{{"name": "g{index}", "phase": "output", "action": "monitor", "detect": {detect}}}"#
        )
    };
    let many = |count: usize, detect: &dyn Fn(usize) -> String| {
        let list: Vec<String> = (0..count)
            .map(|index| guardrail(index, &detect(index)))
            .collect();
        errors(&format!("[{}]", list.join(",")))
    };
    let secrets = |_| "\"secrets\"".to_owned();
    assert_eq!(many(64, &secrets), "");
    assert_eq!(
        many(65, &secrets),
        "guardrails: must not have more than 64 guardrails\n"
    );
    let patterns = |count: usize| {
        move |guardrail: usize| {
            let one = |index| {
                format!(r#"{{"name": "P{guardrail}X{index}", "regex": "{guardrail}a{index}"}}"#)
            };
            let list: Vec<String> = (0..count).map(one).collect();
            format!(r#"{{"patterns": [{}]}}"#, list.join(","))
        }
    };
    assert_eq!(many(2, &patterns(128)), "");
    let told = many(3, &patterns(86));
    assert!(
        told.starts_with("guardrails: must not have more than 256 patterns together, not 258\n"),
        "{told}"
    );
    let phrases = |count: usize| {
        move |guardrail: usize| {
            let one = |index| format!(r#""codename {guardrail} of {index}""#);
            let list: Vec<String> = (0..count).map(one).collect();
            format!(r#"{{"phrases": [{}]}}"#, list.join(","))
        }
    };
    assert_eq!(many(2, &phrases(2_048)), "");
    let told = many(2, &phrases(2_049));
    assert!(
        told.starts_with(
            "guardrails: must not have more than 4096 phrases together, not 4098
"
        ),
        "{told}"
    );
    let hosts: Vec<String> = (0..1_025)
        .map(|index| format!(r#""h{index}.example.org""#))
        .collect();
    let told = many(1, &|_| {
        format!(r#"{{"links": {{"allow": [{}]}}}}"#, hosts.join(","))
    });
    assert_eq!(
        told,
        "guardrails[0].detect.links.allow: must not have more than 1024\n"
    );
}

#[test]
fn tenants_that_guardrails_name_must_be_there() {
    let list = r#"[{"name": "a", "phase": "both", "tenants": ["acme", "blu", "acme"], "detect": "secrets", "action": "block"},
        {"name": "b", "phase": "both", "tenants": [], "detect": "secrets", "action": "block"}]"#;
    let told = told(&guarded(list, ""));
    let wanted = "guardrails[1].tenants: must not be an empty list\n\
        guardrails[0].tenants[1]: no tenant \"blu\" (did you mean \"blue\"?)\n\
        guardrails[0].tenants[2]: \"acme\" stands twice\n";
    assert!(told.starts_with(wanted), "{told}");
}

const SETS: &str = r#"[
    {"name": "all", "phase": "both", "detect": "secrets", "action": "mask"},
    {"name": "acme", "phase": "input", "tenants": ["acme"], "detect": {"phrases": ["Project Falcon"]}, "action": "block"},
    {"name": "asked", "phase": "both", "tenants": ["blue"], "detect": {"service": {"cluster": "c", "kind": "generic"}}, "action": "block"},
    {"name": "back", "phase": "both", "tenants": ["blue"], "detect": "personal_data", "action": "mask", "restore": true}
]"#;

#[test]
fn tenants_with_the_same_guardrails_share_them() {
    let policy = policy(SETS);
    let [acme, blue] = ["acme", "blue"].map(|name| &policy.tenants[name].guards);
    let rules = |guards: &Guards, phase| -> Vec<(u16, Act)> {
        let rules = guards.of(phase).unwrap().rules().iter();
        rules
            .map(|rule| (rule.guardrail, rule.act.clone()))
            .collect()
    };
    let mask = || Act::Mask(Style::Replace);
    assert_eq!(rules(acme, Phase::Input), [(0, mask()), (1, Act::Block)]);
    assert_eq!(rules(acme, Phase::Output), [(0, mask())]);
    assert_eq!(rules(blue, Phase::Input), [(0, mask()), (3, Act::Restore)]);
    assert_eq!(rules(blue, Phase::Output), [(0, mask()), (3, mask())]);
    let indexes = |asked: &[Asked]| {
        asked
            .iter()
            .map(|asked| asked.guardrail)
            .collect::<Vec<_>>()
    };
    for phase in [Phase::Input, Phase::Output] {
        assert!(acme.services(phase).is_empty());
        assert_eq!(indexes(blue.services(phase)), [2]);
    }
    assert_eq!(
        (acme.restore.is_some(), blue.restore.is_some()),
        (false, true)
    );
    assert_ne!(acme, blue);

    let everybody = r#"[{"name": "all", "phase": "both", "detect": "secrets", "action": "mask"}]"#;
    let policy = self::policy(everybody);
    let [acme, blue] = ["acme", "blue"].map(|name| &policy.tenants[name].guards);
    for phase in [Phase::Input, Phase::Output] {
        assert!(Rc::ptr_eq(acme.of(phase).unwrap(), blue.of(phase).unwrap()));
        assert!(acme.look_at(phase));
    }
    assert_eq!(acme, blue);
    let none = from_plugin_bytes(GOOD.as_bytes()).unwrap();
    let acme = &none.tenants["acme"].guards;
    assert!(!acme.look_at(Phase::Input) && !acme.look_at(Phase::Output));
}

#[test]
fn what_two_guardrails_look_for_is_compiled_once() {
    let one = |name: &str, words: &str, action: &str| {
        format!(
            r#"{{"name": "{name}", "phase": "input", "action": "{action}", "detect": {{{words}}}}}"#
        )
    };
    let pattern = |name: &str| format!(r#"{{"name": "{name}", "regex": "{name}-[0-9]{{4}}"}}"#);
    let patterns = |names: &[&str]| {
        let list: Vec<String> = names.iter().map(|name| pattern(name)).collect();
        format!(r#""patterns": [{}]"#, list.join(","))
    };
    let list = [
        one("a", &patterns(&["A", "B"]), "monitor"),
        one("b", &patterns(&["B", "C"]), "mask"),
        one("c", &patterns(&["C", "A"]), "monitor"),
        one("d", r#""phrases": ["one word", "two words"]"#, "monitor"),
        one("e", r#""phrases": ["two words"]"#, "block"),
    ];
    let policy = policy(&format!("[{}]", list.join(",")));
    let guards = policy.tenants["acme"].guards.input.clone().unwrap();
    let rules: Vec<(u16, Matches)> = guards
        .rules()
        .iter()
        .map(|rule| (rule.guardrail, rule.matches.clone()))
        .collect();
    let wanted = [
        (0, Matches::Patterns(0..2)),
        (1, Matches::Patterns(1..3)),
        (2, Matches::Patterns(2..3)),
        (2, Matches::Patterns(0..1)),
        (3, Matches::Phrases(0..2)),
        (4, Matches::Phrases(1..2)),
    ];
    assert_eq!(rules, wanted);
    let patterns = guards.search().patterns.clone().unwrap();
    assert_eq!(
        [0, 1, 2, 3].map(|index| patterns.name(index).to_owned()),
        ["A", "B", "C", ""]
    );
}

#[test]
fn placeholders_are_made_with_a_key_of_the_tenant() {
    let keys = |more: &str, name: &str| {
        let list = format!(
            r#"[{{"name": "{name}", "phase": "input", "detect": "secrets", "action": "mask", "restore": {more}}}]"#
        );
        let policy = policy(&list);
        ["acme", "blue"].map(|name| policy.tenants[name].guards.restore.clone().unwrap())
    };
    let [acme, blue] = keys("true", "a");
    assert!(acme != blue);
    assert!(keys("true", "a") == [acme.clone(), blue]);
    assert!(keys("true", "b")[0] != acme, "another document");
    let key = r#"{"key": "sixteen bytes at least"}"#;
    assert!(
        keys(key, "a") == keys(key, "b"),
        "the document does not count"
    );
    assert!(keys(key, "a")[0] != acme);

    let two = |other: &str| {
        format!(
            r#"[{{"name": "a", "phase": "input", "detect": "secrets", "action": "mask", "restore": {key}}},
                {{"name": "b", "phase": "input", "detect": "personal_data", "action": "mask", "restore": {other}}}]"#
        )
    };
    assert_eq!(errors(&two("true")), "");
    assert_eq!(errors(&two(key)), "");
    assert_eq!(
        errors(&two(r#"{"key": "another key of 16 bytes"}"#)),
        "guardrails[1].restore.key: must be the same as guardrails[0].restore.key: there is one for all\n"
    );
}

#[test]
fn the_system_prompt_is_looked_for_in_one_way() {
    let list = |tenant: &str, words: u32| {
        format!(
            r#"[{{"name": "a", "phase": "output", "tenants": ["acme"], "action": "monitor", "detect": {{"system_prompt": {{"words": 8}}}}}},
                {{"name": "b", "phase": "output", "tenants": ["{tenant}"], "action": "block", "detect": {{"system_prompt": {{"words": {words}}}}}}}]"#
        )
    };
    assert_eq!(told(&guarded(&list("acme", 8), "")), "");
    assert_eq!(told(&guarded(&list("blue", 12), "")), "");
    assert_eq!(
        told(&guarded(&list("acme", 12), "")),
        "guardrails[1].detect: another guardrail of the same tenant has another number of words\n"
    );
    let policy = policy(&list("blue", 12));
    let words = |name: &str| policy.tenants[name].guards.output.as_ref()?.prompt_words();
    assert_eq!((words("acme"), words("blue")), (Some(8), Some(12)));
}

#[test]
fn unscannable_is_read() {
    let guard = r#"[{"name": "a", "phase": "both", "detect": "secrets", "action": "mask"}]"#;
    let rules = |written: &str| {
        let text = guarded(guard, &format!(r#", "unscannable": {written}"#));
        assert_eq!(told(&text), "");
        from_tree(&Tree::from_json(text.as_bytes()).unwrap())
            .0
            .unwrap()
            .unscannable
    };
    let refuse = UnscannableRules::default();
    assert_eq!(policy(guard).unscannable, refuse);
    assert_eq!(rules(r#""refuse""#), refuse);
    let pass = UnscannableRules::all(Unscanned::Pass);
    assert_eq!(rules(r#""pass""#), pass);
    let media = UnscannableRules {
        media: Unscanned::Pass,
        ..refuse
    };
    assert_eq!(rules(r#"{"media": "pass", "remote": "refuse"}"#), media);
    let others = UnscannableRules {
        media: Unscanned::Refuse,
        ..pass
    };
    assert_eq!(
        rules(r#"{"remote": "pass", "tools": "pass", "answers": "pass", "paths": "pass"}"#),
        others
    );
    for (written, wanted) in [
        (
            r#""pas""#,
            "unscannable: \"pas\" is none of: refuse, pass (did you mean \"pass\"?)\n",
        ),
        (
            r#"{"medea": "pass"}"#,
            "unscannable.medea: unknown field (did you mean \"media\"?)\n",
        ),
        ("true", "unscannable: must be a string, not a boolean\n"),
    ] {
        assert_eq!(
            told(&guarded(guard, &format!(r#", "unscannable": {written}"#))),
            wanted
        );
    }
    let alone = with(
        r#""other_paths": {"pass": "plain"}"#,
        r#""unscannable": "pass""#,
    );
    assert_eq!(
        told(&alone),
        "warning: unscannable: has no effect without guardrails\n"
    );
}

#[test]
fn calls_that_pass_unread_pass_all_guardrails() {
    let guard = r#"[{"name": "a", "phase": "both", "detect": "secrets", "action": "mask"}]"#;
    let text = guarded(guard, r#", "other_paths": {"pass": "plain"}"#);
    let wanted = "warning: other_paths.pass: calls that pass unread pass all guardrails\n";
    assert_eq!(told(&text), wanted);
}

#[test]
fn guardrails_that_can_never_act_are_told() {
    let one = |name: &str, more: &str| format!(r#"{{"name": "{name}", {more}}}"#);
    let both = r#""phase": "both""#;
    let secrets = r#""detect": "secrets""#;
    let jwt = r#""entities": ["JWT"]"#;
    for (first, second, wanted) in [
        // (first, second, the useless one)
        (
            format!(r#"{both}, {secrets}, "action": "mask""#),
            format!(r#"{both}, {jwt}, "action": "mask""#),
            Some("b"),
        ),
        (
            format!(r#"{both}, {jwt}, "action": "mask""#),
            format!(r#"{both}, {secrets}, "action": "mask""#),
            None,
        ),
        (
            format!(r#"{both}, {jwt}, "action": "mask""#),
            format!(r#"{both}, {secrets}, "action": "block""#),
            Some("a"),
        ),
        (
            format!(r#"{both}, {secrets}, "action": "block""#),
            format!(r#"{both}, {jwt}, "action": "block""#),
            Some("b"),
        ),
        (
            format!(r#"{both}, {secrets}, "action": "block""#),
            format!(r#"{both}, {jwt}, "action": "monitor""#),
            None,
        ),
        (
            format!(r#"{both}, {secrets}, "action": "monitor""#),
            format!(r#"{both}, {jwt}, "action": "mask""#),
            None,
        ),
        (
            format!(r#""phase": "input", {secrets}, "action": "mask""#),
            format!(r#"{both}, {jwt}, "action": "mask""#),
            None,
        ),
        (
            format!(r#""tenants": ["acme"], {both}, {secrets}, "action": "mask""#),
            format!(r#"{both}, {jwt}, "action": "mask""#),
            None,
        ),
        (
            format!(r#"{both}, {secrets}, "action": "mask""#),
            format!(
                r#""tenants": ["acme"], "phase": "input", {jwt}, "action": "mask", "restore": true"#
            ),
            Some("b"),
        ),
        (
            format!(r#"{both}, "detect": {{"phrases": ["some words"]}}, "action": "block""#),
            format!(r#"{both}, "detect": {{"phrases": ["some words"]}}, "action": "mask""#),
            Some("b"),
        ),
        (
            format!(r#"{both}, "detect": {{"phrases": ["some words"]}}, "action": "block""#),
            format!(r#"{both}, "detect": {{"phrases": ["other words"]}}, "action": "mask""#),
            None,
        ),
    ] {
        let list = format!("[{}, {}]", one("a", &first), one("b", &second));
        let wanted = match wanted {
            Some("a") => "warning: guardrails[0]: can never act: \"b\" acts on all that it finds\n",
            Some(_) => "warning: guardrails[1]: can never act: \"a\" acts on all that it finds\n",
            None => "",
        };
        assert_eq!(told(&guarded(&list, "")), wanted, "{list}");
    }
    let parts = [
        one(
            "a",
            r#""phase": "both", "detect": "secrets", "action": "mask""#,
        ),
        one(
            "b",
            r#""phase": "both", "detect": "personal_data", "action": "mask""#,
        ),
        one(
            "c",
            r#""phase": "both", "entities": ["JWT", "US_SSN"], "action": "mask""#,
        ),
    ];
    let told = told(&guarded(&format!("[{}]", parts.join(",")), ""));
    assert!(
        told.starts_with("warning: guardrails[2]: can never act: "),
        "{told}"
    );
}

#[test]
fn a_document_may_have_nothing_but_guardrails() {
    let read = |text: &str, tenant: Option<&str>| {
        guardrails_from_tree(&Tree::from_json(text.as_bytes()).unwrap(), tenant).0
    };
    let alone = format!(r#"{{"guardrails": {SETS}, "unscannable": "pass"}}"#);
    let rules = |guards: &Guards| {
        guards
            .input
            .as_ref()
            .map_or(0, |guards| guards.rules().len())
    };
    let (guardrails, all) = read(&alone, None).unwrap();
    assert_eq!((guardrails.len(), rules(&all)), (4, 3));
    assert_eq!(rules(&read(&alone, Some("acme")).unwrap().1), 2);
    assert_eq!(rules(&read(&alone, Some("whoever")).unwrap().1), 1);
    let whole = guarded(SETS, "");
    assert_eq!(rules(&read(&whole, None).unwrap().1), 3);
    assert_eq!(rules(&read(&whole, Some("blue")).unwrap().1), 2);
    let unknown = read(&whole, Some("blu"))
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert_eq!(
        unknown,
        "tenants: no tenant \"blu\" (did you mean \"blue\"?)\n"
    );
    let wrong = read(&whole.replace("\"c\", \"kind\"", "\"c\", \"kin\""), None);
    assert!(wrong.is_err());
}

#[test]
fn a_filter_takes_a_policy_with_guardrails() {
    let guarded = guarded(SETS, "");
    assert_eq!(told(&guarded), "");
    let plugin = Plugin::from_bytes(guarded.as_bytes()).map(|_| ());
    let policy = from_plugin_bytes(guarded.as_bytes()).map(|_| ());
    for read in [plugin, policy] {
        assert_eq!(read.map_err(|errors| errors.to_string()), Ok(()));
    }
}

#[test]
fn too_many_sets_of_patterns_are_refused() {
    // Seven guardrails, and tenants with every choice of them.
    let guardrail = |index: u32, tenants: &str| {
        format!(
            r#"{{"name": "g{index}", "phase": "input", "action": "block", "tenants": [{tenants}],
            "detect": {{"patterns": [{{"name": "P{index}", "regex": "p{index}"}}]}}}}"#
        )
    };
    let policy = |tenants: u32| {
        let list: Vec<String> = (0..7)
            .map(|bit| {
                let of = (1..=tenants).filter(|tenant| tenant >> bit & 1 == 1);
                let names: Vec<String> = of.map(|tenant| format!("\"t{tenant}\"")).collect();
                guardrail(bit, &names.join(","))
            })
            .collect();
        let tenants: Vec<String> = (1..=tenants)
            .map(|tenant| {
                format!(r#""t{tenant}": {{"models": ["meta/light"], "jwt": ["t{tenant}"]}},"#)
            })
            .collect();
        guarded(&format!("[{}]", list.join(",")), "").replacen(
            r#""tenants": {"#,
            &format!(r#""tenants": {{{}"#, tenants.join("")),
            1,
        )
    };
    assert_eq!(told(&policy(64)), "");
    assert_eq!(
        told(&policy(65)),
        "guardrails: must not give tenants more than 64 different sets of patterns: let more of them be for all\n"
    );
}
