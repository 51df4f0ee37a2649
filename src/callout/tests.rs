use super::*;
use crate::config::{Action, Asked, FailureMode, LlamaGuard, Moderation, Presidio, Score};
use crate::mask::Form;
use crate::protocols::texts::{Site, all_texts};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::rc::Rc;

fn service(kind: ServiceKind) -> Service {
    Service {
        cluster: "guard".to_owned(),
        authority: "guard.internal".to_owned(),
        path: kind.path().to_owned(),
        kind,
        timeout_ms: 500,
        failure_mode: FailureMode::Closed,
    }
}

fn presidio() -> Service {
    service(ServiceKind::Presidio(Presidio {
        language: "en".to_owned(),
        entities: Vec::new(),
        threshold: None,
    }))
}

fn moderation(categories: &[&str], threshold: Option<u16>) -> Service {
    service(ServiceKind::OpenAiModeration(Moderation {
        model: None,
        categories: categories.iter().map(|&name| name.to_owned()).collect(),
        threshold: threshold.and_then(Score::new),
    }))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

const ASKER: Asker<'_> = Asker {
    guardrail: "names",
    phase: Phase::Input,
    token: 7,
};

fn asked(service: &Service, about: &[&str]) -> Value {
    let callout = question(service, ASKER, &texts(about)).unwrap();
    serde_json::from_slice(&callout.body).unwrap()
}

fn says(service: &Service, about: &[&str], body: &str) -> Result<Findings, Failure> {
    let answer = Answer {
        status: 200,
        body: body.as_bytes().to_vec(),
    };
    findings(service, &texts(about), &answer)
}

fn value(text: usize, start: usize, end: usize, name: &str) -> Found {
    Found {
        text,
        start,
        end,
        name: name.to_owned(),
    }
}

#[test]
fn a_callout_goes_where_the_policy_says() {
    let callout = question(&presidio(), ASKER, &texts(&["a"])).unwrap();
    let wanted = Callout {
        token: 7,
        cluster: "guard".to_owned(),
        method: "POST",
        headers: vec![("content-type", "application/json")],
        authority: "guard.internal".to_owned(),
        path: "/analyze".to_owned(),
        body: br#"{"text":"a","language":"en"}"#.to_vec(),
        timeout_ms: 500,
    };
    assert_eq!(callout, wanted);
    let callout = question(&moderation(&[], None), ASKER, &texts(&["a"])).unwrap();
    assert_eq!(callout.path, "/v1/moderations");
}

#[test]
fn too_much_text_is_not_asked_about() {
    let half = "x".repeat(MAX_ASKED / 2);
    for service in [
        presidio(),
        moderation(&[], None),
        service(ServiceKind::Generic),
    ] {
        assert!(question(&service, ASKER, &texts(&[&half, &half])).is_ok());
        let more = question(&service, ASKER, &texts(&[&half, &half, "x"]));
        assert_eq!(more, Err(Failure::TooLong));
    }
}

#[test]
fn presidio_is_asked_about_all_texts_as_one() {
    let mut service = presidio();
    let body = asked(&service, &["Zoë said:\n\"hi\"", "😀"]);
    let wanted = json!({"text": "Zoë said:\n\"hi\"\n\n😀", "language": "en"});
    assert_eq!(body, wanted);
    service.kind = ServiceKind::Presidio(Presidio {
        language: "de".to_owned(),
        entities: texts(&["PERSON", "LOCATION"]),
        threshold: Score::new(350),
    });
    let wanted = json!({"text": "x", "language": "de", "score_threshold": 0.35,
        "entities": ["PERSON", "LOCATION"]});
    assert_eq!(asked(&service, &["x"]), wanted);
}

#[test]
fn what_presidio_finds_is_divided_among_the_texts() {
    let about = ["Zoë 😀 Ann", "Bob", "last Eve"];
    // Code points of "Zoë 😀 Ann\n\nBob\n\nlast Eve".
    let hit = |start: usize, end: usize, name: &str, score: f64| json!({"start": start, "end": end, "entity_type": name, "score": score, "analysis_explanation": null});
    let hits = json!([
        hit(16, 24, "ALL", 0.2),
        hit(0, 3, "PERSON", 0.85),
        hit(6, 14, "PERSON", 0.85),
        hit(21, 24, "PERSON", 1.0),
        hit(3, 4, "per>son", 0.01),
        hit(9, 11, "GAP", 0.5),
    ]);
    let found = says(&presidio(), &about, &hits.to_string()).unwrap();
    let wanted = vec![
        value(0, 0, 4, "PERSON"),
        value(0, 4, 5, "per_son"),
        value(0, 10, 13, "PERSON"),
        value(1, 0, 3, "PERSON"),
        value(2, 0, 8, "ALL"),
    ];
    assert_eq!(found.values, wanted);
    assert!(!found.flagged);
    assert_eq!(
        says(&presidio(), &about, "[]").unwrap(),
        Findings::default()
    );
}

#[test]
fn a_presidio_that_makes_no_sense_is_not_believed() {
    let bad = [
        "",
        "null",
        "{}",
        "[",
        "[] []",
        "[null]",
        "[{}]",
        r#"{"error":"No text provided"}"#,
        r#"[{"start":0,"end":1,"score":1}]"#,
        r#"[{"start":0,"entity_type":"A","score":1}]"#,
        r#"[{"start":1,"end":1,"entity_type":"A","score":1}]"#,
        r#"[{"start":2,"end":1,"entity_type":"A","score":1}]"#,
        r#"[{"start":-1,"end":1,"entity_type":"A","score":1}]"#,
        r#"[{"start":0.5,"end":1,"entity_type":"A","score":1}]"#,
        r#"[{"start":0,"end":4,"entity_type":"A","score":1}]"#,
        r#"[{"start":0,"end":99999999999999999999999,"entity_type":"A","score":1}]"#,
        r#"[{"start":0,"end":1,"entity_type":7,"score":1}]"#,
        r#"[{"start":0,"end":1,"entity_type":"A","score":"high"}]"#,
        "[[{\"start\":0,\"end\":1,\"entity_type\":\"A\",\"score\":1}]]",
        "<html>502 Bad Gateway</html>",
    ];
    for body in bad {
        assert_eq!(
            says(&presidio(), &["abc"], body),
            Err(Failure::Unreadable),
            "{body}"
        );
    }
    // A name is a matter of taste; the value is what counts.
    let nameless = r#"[{"start":0,"end":1,"entity_type":"<>","score":1}]"#;
    let found = says(&presidio(), &["abc"], nameless).unwrap();
    assert_eq!(found.values, [value(0, 0, 1, "VALUE")]);
}

#[test]
fn only_good_answers_are_read() {
    let about = texts(&["abc"]);
    let cases = [
        (200, Ok(())),
        (204, Ok(())),
        (302, Err(Failure::Status(302))),
        (400, Err(Failure::Status(400))),
        (500, Err(Failure::Status(500))),
        (503, Err(Failure::Status(503))),
        (504, Err(Failure::Timeout)),
        (0, Err(Failure::Status(0))),
    ];
    for (status, wanted) in cases {
        let body = b"[]".to_vec();
        let found = findings(&presidio(), &about, &Answer { status, body });
        assert_eq!(found.map(|_| ()), wanted, "{status}");
    }
    let mut body = vec![b' '; MAX_ANSWER - 2];
    body.extend_from_slice(b"[]");
    let answer = |body| Answer { status: 200, body };
    assert!(findings(&presidio(), &about, &answer(body.clone())).is_ok());
    body.push(b' ');
    let found = findings(&presidio(), &about, &answer(body));
    assert_eq!(found, Err(Failure::Unreadable));
}

#[test]
fn moderation_is_asked_about_few_inputs() {
    assert_eq!(
        asked(&moderation(&[], None), &["a"]),
        json!({"input": ["a"]})
    );
    let mut named = moderation(&[], None);
    named.kind = ServiceKind::OpenAiModeration(Moderation {
        model: Some("omni-moderation-latest".to_owned()),
        categories: Vec::new(),
        threshold: None,
    });
    let wanted = json!({"model": "omni-moderation-latest", "input": ["a"]});
    assert_eq!(asked(&named, &["a"]), wanted);
    for (count, length) in [
        (1, 500_000),
        (100, 10),
        (100, 1_000),
        (400, 2_400),
        (33, 2_000),
    ] {
        let long = "x".repeat(length);
        let all = vec![long.as_str(); count];
        let body = asked(&moderation(&[], None), &all);
        let inputs = body["input"].as_array().unwrap();
        assert!((1..=32).contains(&inputs.len()), "{count} of {length}");
        let letters = |text: &Value| text.as_str().unwrap().matches('x').count();
        assert_eq!(inputs.iter().map(letters).sum::<usize>(), count * length);
    }
}

fn judged(flagged: bool, categories: Value, scores: Value) -> String {
    json!({"id": "modr-1", "model": "m", "results": [{"flagged": flagged,
        "categories": categories, "category_scores": scores}]})
    .to_string()
}

#[test]
fn moderation_flags() {
    let clean = json!({"violence": false, "self-harm/intent": false});
    let violent = json!({"violence": true, "self-harm/intent": false, "illicit": null});
    let scores = json!({"violence": 0.7, "self-harm/intent": 1.2e-5, "illicit": null});
    let case = |service: &Service, flagged, categories: &Value| {
        let body = judged(flagged, categories.clone(), scores.clone());
        let found = says(service, &["abc"], &body).unwrap();
        (found.flagged, found.reasons)
    };
    let yes = (true, texts(&["violence"]));
    let no = (false, Vec::new());
    let any = moderation(&[], None);
    assert_eq!(case(&any, false, &clean), no);
    assert_eq!(case(&any, true, &violent), yes);
    assert_eq!(case(&any, true, &clean), (true, Vec::new()));
    let one = moderation(&["self-harm/intent"], None);
    assert_eq!(case(&one, true, &violent), no);
    let other = moderation(&["violence"], None);
    assert_eq!(case(&other, true, &violent), yes);
    for (least, wanted) in [(700, &yes), (701, &no)] {
        assert_eq!(&case(&moderation(&[], Some(least)), false, &clean), wanted);
    }
    let unasked = moderation(&["self-harm/intent"], Some(1));
    assert_eq!(case(&unasked, true, &violent), no);
}

#[test]
fn a_moderation_that_makes_no_sense_is_not_believed() {
    let none = json!({});
    let twice = r#"{"results":[{"flagged":false},{"flagged":false}]}"#;
    let bad = [
        "{}",
        "[]",
        r#"{"results":[]}"#,
        r#"{"results":[{}]}"#,
        r#"{"results":[{"flagged":null}]}"#,
        r#"{"results":[{"flagged":"no"}]}"#,
        r#"{"results":[{"flagged":true,"categories":{"a":1}}]}"#,
        r#"{"results":{"flagged":true}}"#,
        r#"{"error":{"message":"x"}}"#,
        twice,
    ];
    for body in bad {
        let found = says(&moderation(&[], None), &["abc"], body);
        assert_eq!(found, Err(Failure::Unreadable), "{body}");
    }
    let flagged = r#"{"results":[{"flagged":true}]}"#;
    assert!(
        says(&moderation(&[], None), &["abc"], flagged)
            .unwrap()
            .flagged
    );
    // What it takes to judge is missing.
    for service in [moderation(&["a"], None), moderation(&[], Some(5))] {
        assert_eq!(says(&service, &["abc"], flagged), Err(Failure::Unreadable));
    }
    let empty = judged(false, none.clone(), none);
    let found = says(&moderation(&["a"], Some(5)), &["abc"], &empty);
    assert_eq!(found, Ok(Findings::default()));
}

#[test]
fn the_generic_contract() {
    let generic = service(ServiceKind::Generic);
    let wanted = json!({"guardrail": "names", "phase": "input", "texts": ["Zoë\n", "b"]});
    assert_eq!(asked(&generic, &["Zoë\n", "b"]), wanted);
    let cases = [
        (json!({"flagged": false}), Findings::default()),
        (
            json!({"flagged": true, "reasons": ["off topic", "off topic", "x/y-z.0", "", "<>"]}),
            Findings {
                flagged: true,
                reasons: texts(&["off_topic", "x/y-z.0"]),
                ..Findings::default()
            },
        ),
        (
            json!({"flagged": false, "model": {"a": [1]}, "values": [
                {"text": 1, "start": 1, "end": 3, "name": "CODE", "why": 1},
                {"text": 0, "start": 2, "end": 3, "name": "N"}]}),
            Findings {
                values: vec![value(0, 2, 4, "N"), value(1, 1, 3, "CODE")],
                ..Findings::default()
            },
        ),
    ];
    for (body, wanted) in cases {
        assert_eq!(
            says(&generic, &["Zoë", "abc"], &body.to_string()),
            Ok(wanted)
        );
    }
    let bad = [
        "{}",
        "true",
        r#"{"flagged":"no"}"#,
        r#"{"flagged":false,"values":[{}]}"#,
        r#"{"flagged":false,"values":[{"text":0,"start":0,"end":1}]}"#,
        r#"{"flagged":false,"values":[{"text":0,"start":0,"end":1,"name":"<>"}]}"#,
        r#"{"flagged":false,"values":[{"text":2,"start":0,"end":1,"name":"A"}]}"#,
        r#"{"flagged":false,"values":[{"text":0,"start":0,"end":4,"name":"A"}]}"#,
        r#"{"flagged":false,"values":[{"start":0,"end":1,"name":"A"}]}"#,
        r#"{"flagged":false,"values":{}}"#,
        r#"{"flagged":false,"reasons":[1]}"#,
    ];
    for body in bad {
        let found = says(&generic, &["Zoë", "abc"], body);
        assert_eq!(found, Err(Failure::Unreadable), "{body}");
    }
}

#[test]
fn few_reasons_are_kept_and_none_is_long() {
    let reasons: Vec<String> = (0..99).map(|n| format!("r{n}{}", "x".repeat(99))).collect();
    let body = json!({"flagged": true, "reasons": reasons}).to_string();
    let found = says(&service(ServiceKind::Generic), &["a"], &body).unwrap();
    assert_eq!(found.reasons.len(), 16);
    assert!(found.reasons.iter().all(|reason| reason.len() == 64));
}

/// A body of these strings; `true`: they should be JSON.
fn body(strings: &[(&str, bool)]) -> (String, Texts) {
    let quoted = strings.iter().map(|(text, _)| crate::json::quote(text));
    let body = format!("[{}]", quoted.collect::<Vec<_>>().join(","));
    let mut texts = Texts::default();
    let sites = all_texts(body.as_bytes()).unwrap();
    for (site, (_, is_json)) in sites.iter().zip(strings) {
        texts.add(site, if *is_json { Form::Json } else { Form::Text });
    }
    (body, texts)
}

/// The body's strings after these values are replaced by their names in brackets.
fn masked(body: &str, texts: &Texts, values: &[Found]) -> Vec<String> {
    let write = |name: &str, value: &str, out: &mut String| {
        assert!(!value.is_empty());
        out.push_str(&format!("<{name}>"));
    };
    let masks = values.iter().map(|found| Mask {
        found,
        write: &write,
    });
    let edits = texts.edits(&masks.collect::<Vec<_>>());
    let new = match edits.apply(body.as_bytes()) {
        Some(rewrite) => rewrite.whole(body.as_bytes()),
        None => body.as_bytes().to_vec(),
    };
    serde_json::from_slice(&new).unwrap()
}

#[test]
fn values_are_masked_where_they_stand() {
    let (body, texts) = body(&[("Zoë and \"Bob\"", false), (" \n.", false), ("Eve", false)]);
    assert_eq!(texts.asked(), ["Zoë and \"Bob\"", "Eve"]);
    let untouched = ["Zoë and \"Bob\"", " \n.", "Eve"];
    assert_eq!(masked(&body, &texts, &[]), untouched);
    let values = [
        value(0, 10, 13, "B"),
        value(1, 0, 3, "E"),
        value(0, 0, 4, "Z"),
    ];
    let wanted = ["<Z> and \"<B>\"", " \n.", "<E>"];
    assert_eq!(masked(&body, &texts, &values), wanted);
    // Of two services that find the same.
    let values = [
        value(0, 0, 4, "Z"),
        value(0, 2, 8, "LONG"),
        value(1, 0, 3, "E"),
        value(1, 0, 3, "F"),
    ];
    let wanted = ["<LONG> \"Bob\"", " \n.", "<E>"];
    assert_eq!(masked(&body, &texts, &values), wanted);
}

#[test]
fn json_in_a_string_is_taken_apart_and_stays_json() {
    let arguments =
        r#"{"to": ["Zo\u00eb\n", 2125550199, true, null], "Bob": {"n": -1.5e3, "s": "--"}}"#;
    let (body, texts) = body(&[("before Eve", false), (arguments, true), ("{broken", true)]);
    let wanted = [
        "before Eve",
        "to",
        "Zoë\n",
        "2125550199",
        "Bob",
        "n",
        "-1.5e3",
        "s",
        "{broken",
    ];
    assert_eq!(texts.asked(), wanted);
    let values = [
        value(0, 7, 10, "E"),
        value(2, 0, 4, "Z"),
        value(3, 0, 10, "PHONE"),
        value(4, 0, 3, "B"),
        value(8, 1, 7, "X"),
    ];
    let wanted = [
        "before <E>",
        r#"{"to": ["<Z>\n", "<PHONE>", true, null], "<B>": {"n": -1.5e3, "s": "--"}}"#,
        "{<X>",
    ];
    assert_eq!(masked(&body, &texts, &values), wanted);
    let touched = masked(&body, &texts, &[value(0, 0, 6, "A")]);
    assert_eq!(touched[1], arguments, "not a byte of it changes");
}

#[test]
fn a_bare_number_can_be_arguments() {
    let (body, texts) = body(&[("2125550199", true), ("true", true), ("", true)]);
    assert_eq!(texts.asked(), ["2125550199"]);
    let wanted = [r#""<P>""#, "true", ""];
    assert_eq!(masked(&body, &texts, &[value(0, 0, 10, "P")]), wanted);
}

#[test]
fn json_that_stands_for_itself_is_written_back_as_such() {
    let body = r#"{"input": {"to": "Bob", "n": 7}}"#;
    let start = body.find("{\"to").unwrap();
    let json = &body[start..body.len() - 1];
    let span = crate::json::Span {
        start,
        end: start + json.len(),
    };
    let mut texts = Texts::default();
    texts.add(&Site::Json { json, span }, Form::Json);
    assert_eq!(texts.asked(), ["to", "Bob", "n", "7"]);
    let found = value(1, 0, 3, "B");
    let write = |name: &str, _: &str, out: &mut String| out.push_str(name);
    let edits = texts.edits(&[Mask {
        found: &found,
        write: &write,
    }]);
    let new = edits.apply(body.as_bytes()).unwrap().whole(body.as_bytes());
    assert_eq!(new, br#"{"input": {"to": "B", "n": 7}}"#);
}

proptest! {
    /// What Presidio says in code points of the joined text is what it says of each text.
    #[test]
    fn places_survive_the_joining(
        parts in proptest::collection::vec("[aé😀\n]{0,8}", 1..6),
        marks in proptest::collection::vec((0..6_usize, 0..8_usize, 1..8_usize), 0..8),
    ) {
        let points: Vec<usize> = parts.iter().map(|text| text.chars().count()).collect();
        let mut hits = Vec::new();
        let mut wanted = vec![Vec::new(); parts.len()];
        for (text, start, length) in marks {
            let Some(&count) = points.get(text) else { continue };
            if start >= count { continue }
            let end = count.min(start + length);
            let before: usize = points[..text].iter().map(|count| count + 2).sum();
            hits.push(json!({"start": before + start, "end": before + end, "entity_type": "A", "score": 1}));
            wanted[text].extend(start..end);
        }
        let about: Vec<&str> = parts.iter().map(String::as_str).collect();
        let found = says(&presidio(), &about, &Value::from(hits).to_string()).unwrap();
        let mut covered = vec![Vec::new(); parts.len()];
        for value in &found.values {
            let text = &parts[value.text];
            let start = text[..value.start].chars().count();
            covered[value.text].extend(start..start + text[value.start..value.end].chars().count());
        }
        for list in &mut wanted {
            list.sort_unstable();
            list.dedup();
        }
        prop_assert_eq!(covered, wanted);
    }

    /// Whatever comes, nothing panics, and what is believed can be masked.
    #[test]
    fn any_answer_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..64), status in 190..310_u16) {
        let about = texts(&["abc", "é"]);
        for service in [presidio(), moderation(&[], None), service(ServiceKind::Generic)] {
            let found = findings(&service, &about, &Answer { status, body: body.clone() });
            if let Ok(found) = found {
                for value in found.values {
                    prop_assert!(about[value.text].get(value.start..value.end).is_some());
                }
            }
        }
    }

    #[test]
    fn masking_any_values_leaves_json(
        values in proptest::collection::vec((0..4_usize, 0..12_usize, 1..6_usize), 0..8),
    ) {
        let (body, texts) = body(&[("abcdef", false), (r#"{"a": [1.25e3, "x\"y"]}"#, true)]);
        let values: Vec<Found> = values.into_iter().filter_map(|(text, start, length)| {
            let all = texts.asked().get(text)?;
            all.get(start..start + length)?;
            Some(value(text, start, start + length, "V"))
        }).collect();
        let after = masked(&body, &texts, &values);
        prop_assert!(serde_json::from_str::<Value>(&after[1]).is_ok());
        for found in &values {
            let text = &texts.asked()[found.text];
            if values.len() == 1 && found.text == 0 {
                let wanted = format!("{}<V>{}", &text[..found.start], &text[found.end..]);
                prop_assert_eq!(&after[0], &wanted);
            }
        }
    }
}

fn llama_guard(categories: &[&str]) -> Service {
    service(ServiceKind::LlamaGuard(LlamaGuard {
        model: "guard-3".to_owned(),
        categories: texts(categories),
    }))
}

#[test]
fn llama_guard_is_asked_as_a_chat() {
    let turn = |role: &str, content: &str| json!({ "role": role, "content": content });
    let wanted = |messages: Value| {
        json!({
            "model": "guard-3",
            "messages": messages,
            "temperature": 0,
            "max_tokens": 100,
            "stream": false,
        })
    };
    assert_eq!(
        asked(&llama_guard(&[]), &["a\"", "b"]),
        wanted(json!([turn("user", "a\"\n\nb")]))
    );
    let output = Asker {
        phase: Phase::Output,
        ..ASKER
    };
    let callout = question(&llama_guard(&[]), output, &texts(&["a"])).unwrap();
    assert_eq!(callout.path, "/v1/chat/completions");
    assert_eq!(
        serde_json::from_slice::<Value>(&callout.body).unwrap(),
        wanted(json!([turn("user", "(not shown)"), turn("assistant", "a")]))
    );
}

#[test]
fn verdicts_of_llama_guard() {
    let says = |categories: &[&str], said: &str| {
        let body = json!({
            "choices": [
                { "index": 0, "message": { "role": "assistant", "content": said } },
                { "index": 1, "message": { "content": "safe" } },
            ],
        });
        let found = says(&llama_guard(categories), &["a"], &body.to_string());
        found.map(|found| (found.flagged, found.reasons))
    };
    let flagged = |reasons: &[&str]| Ok((true, texts(reasons)));
    assert_eq!(says(&[], "\n\nsafe"), Ok((false, Vec::new())));
    assert_eq!(says(&[], "\n\nunsafe\nS1,S10"), flagged(&["S1", "S10"]));
    assert_eq!(says(&[], "Unsafe"), flagged(&[]));
    assert_eq!(says(&["S1"], "unsafe"), flagged(&[]));
    assert_eq!(says(&["s1"], "unsafe\n S1 , S2"), flagged(&["S1"]));
    assert_eq!(says(&["S9"], "unsafe\nS1"), Ok((false, Vec::new())));
    assert_eq!(says(&["S9"], "unsafe\nbecause of weapons"), flagged(&[]));
    for said in ["", "I think it is safe.", "unsafe S1", "{}"] {
        assert_eq!(says(&[], said), Err(Failure::Unreadable), "{said}");
    }
    for body in [
        "{}",
        r#"{"choices":[]}"#,
        r#"{"choices":[{"message":{"content":null}}]}"#,
        r#"{"error":{"message":"safe"}}"#,
    ] {
        let answer = Answer {
            status: 200,
            body: body.as_bytes().to_vec(),
        };
        let read = findings(&llama_guard(&[]), &texts(&["a"]), &answer);
        assert_eq!(read, Err(Failure::Unreadable), "{body}");
    }
}

/// Whoever may make a text so long that nobody can judge it must not pass by it.
#[test]
fn regression_a_judge_is_not_skipped_by_length() {
    let mut service = service(ServiceKind::Generic);
    service.failure_mode = FailureMode::Open;
    let judge = Asked {
        guardrail: 3,
        service: Rc::new(service),
        action: Action::Block,
        remember_ms: 0,
    };
    let ask = |length: usize| {
        let open = Open {
            judge: judge.clone(),
            text: "a".repeat(length),
        };
        let about = (Texts::default(), vec![open]);
        Questions::ask(&[], about, Phase::Input, |_| "judge", |_, _| None)
    };
    let (questions, callouts) = ask(MAX_ASKED + 1);
    assert!(callouts.is_empty());
    assert_eq!(questions.ruling(), Ruling::Fail(3));
    let (mut questions, callouts) = ask(MAX_ASKED);
    assert_eq!(callouts.len(), 1);
    questions.answered(0, None, |_, _, _| {});
    assert_eq!(questions.ruling(), Ruling::Pass, "it is open otherwise");
}

#[test]
fn regression_masks_in_forms_and_transcripts_are_no_json() {
    use crate::json::Span;
    use crate::protocols::texts::Site;
    let body = "Bob said \"hi\"|of Bob.mp3|1\n00:01 --> 00:02\nBob\n";
    let span = |part: &str| {
        let start = body.find(part).unwrap();
        let end = start + part.len();
        Span { start, end }
    };
    let mut texts = Texts::default();
    let parts: Vec<&str> = body.split('|').collect();
    for (number, text) in parts.iter().copied().enumerate() {
        let span = span(text);
        let site = match number {
            1 => Site::FileName { text, span },
            _ => Site::Plain { text, span },
        };
        texts.add(&site, Form::Text);
    }
    let bob = |number: usize| {
        let start = parts[number].find("Bob").unwrap();
        value(number, start, start + 3, "PERSON")
    };
    let found = [bob(0), bob(1), bob(2)];
    // A file's name has quotes around it.
    let write = |name: &str, _: &str, out: &mut String| out.push_str(&format!("\"{name}\""));
    let masks = found.iter().map(|found| Mask {
        found,
        write: &write,
    });
    let edits = texts.edits(&masks.collect::<Vec<_>>());
    let new = edits.apply(body.as_bytes()).unwrap();
    let new = String::from_utf8(new.whole(body.as_bytes())).unwrap();
    let wanted = "\"PERSON\" said \"hi\"|of _PERSON_.mp3|1\n00:01 --> 00:02\n\"PERSON\"\n";
    assert_eq!(new, wanted);
}
