use super::*;
use crate::protocols::texts::InputText;
use serde_json::{Value, json};

fn line() -> Value {
    json!({"custom_id": "one", "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": []}})
}

fn refused(line: &str) -> (&'static str, Option<String>) {
    let refusal = read_batch_line(line.as_bytes()).unwrap_err();
    (refusal.code, refusal.param)
}

#[test]
fn a_line_is_read_by_span() {
    for (url, api) in [
        ("/v1/chat/completions", Api::ChatCompletions),
        ("/v1/completions", Api::Completions),
        ("/v1/embeddings", Api::Embeddings),
        ("/v1/responses", Api::Responses),
    ] {
        let mut line = line();
        line["url"] = json!(url);
        let text = format!(" {line} \r\n");
        let read = read_batch_line(text.as_bytes()).unwrap();
        assert_eq!((read.api, read.name()), (api, Some("one")));
        let body = &text[read.body.start..read.body.end];
        assert_eq!(serde_json::from_str::<Value>(body).unwrap(), line["body"]);
    }
    for (id, name) in [
        ("request-1.a_B", Some("request-1.a_B")),
        ("to ann@zwexford.org", None),
        ("\\u0061", None),
        ("é", None),
        (&"a".repeat(65), None),
    ] {
        let text = line().to_string().replace("\"one\"", &format!("\"{id}\""));
        assert_eq!(
            read_batch_line(text.as_bytes()).unwrap().name(),
            name,
            "{id}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_line() {
    let with = |name: &str, value: Value| {
        let mut line = line();
        line[name] = value;
        line.to_string()
    };
    let without = |name: &str| {
        let mut line = line();
        line.as_object_mut().unwrap().remove(name);
        line.to_string()
    };
    let invalid = |param: &str| ("invalid_value", Some(param.to_owned()));
    let missing = |param: &str| ("missing_required_parameter", Some(param.to_owned()));
    let good = line().to_string();
    for (text, wanted) in [
        (String::new(), ("empty_body", None)),
        ("[]".to_owned(), invalid("body")),
        (good[..good.len() - 1].to_owned(), ("invalid_json", None)),
        (format!("{good}{good}"), ("invalid_json", None)),
        (
            good.replacen('{', "{\"url\":\"/v1/responses\",", 1),
            ("duplicate_key", None),
        ),
        (
            good.replacen('{', "{\"URL\":\"/v1/responses\",", 1),
            ("duplicate_key", None),
        ),
        (without("custom_id"), missing("custom_id")),
        (without("method"), missing("method")),
        (without("url"), missing("url")),
        (without("body"), missing("body")),
        (with("custom_id", json!("")), invalid("custom_id")),
        (with("custom_id", json!(7)), invalid("custom_id")),
        (with("method", json!("GET")), invalid("method")),
        (with("method", json!(null)), invalid("method")),
        (with("url", json!("/v1/moderations")), invalid("url")),
        (with("url", json!("/v1/responses?x")), invalid("url")),
        (with("url", json!(null)), invalid("url")),
        (with("body", json!("{}")), invalid("body")),
        (with("other", json!(1)), invalid("other")),
        (with("an other", json!(1)), invalid("body")),
    ] {
        assert_eq!(refused(&text), wanted, "{text}");
    }
}

#[test]
fn lines_have_places() {
    for (file, wanted) in [
        ("a\nbb\r\nc", vec![(0, "a\n"), (2, "bb\r\n"), (6, "c")]),
        ("a\n\nb\n\n \n", vec![(0, "a\n"), (2, "\n"), (3, "b")]),
        ("\n", vec![]),
        ("", vec![]),
    ] {
        let lines: Vec<(usize, &str)> = batch_lines(file.as_bytes())
            .map(|(at, line)| (at, std::str::from_utf8(line).unwrap()))
            .collect();
        assert_eq!(lines, wanted, "{file:?}");
    }
}

#[test]
fn what_a_line_of_output_says() {
    let said = |line: &str| {
        let all = batch_outcomes(line.as_bytes()).ok()?;
        let text = |span: Span| &line[span.start..span.end];
        let all = all.into_iter().map(|outcome| match outcome {
            Outcome::Answer(span) => format!("answer {}", text(span)),
            Outcome::Other(span) => format!("other {}", text(span)),
        });
        Some(all.collect::<Vec<_>>().join("; "))
    };
    for (line, wanted) in [
        (
            r#"{"id":"b","custom_id":"to ann","response":{"status_code":200,"request_id":"r","body":{"a":1}},"error":null}"#,
            Some(r#"answer {"a":1}"#),
        ),
        (
            r#" {"response":{"body":{"a":1},"status_code":400,"note":"x"},"error":{"message":"no"}}"#,
            Some(r#"other "x"; other {"a":1}; other {"message":"no"}"#),
        ),
        (r#"{"response":{"body":{"a":1}}}"#, Some(r#"other {"a":1}"#)),
        (
            r#"{"response":{"status_code":200,"body":"text"}}"#,
            Some(r#"other "text""#),
        ),
        (r#"{"response":null,"new":[1]}"#, Some("other [1]")),
        (r#"{"response":{},"response":{}}"#, None),
        (r#"{"response":{"body":{},"body":{}}}"#, None),
        (r#"{"response":{}"#, None),
        ("7", None),
        ("", None),
    ] {
        assert_eq!(said(line).as_deref(), wanted, "{line}");
    }
}

#[test]
fn what_a_batch_is_made_of() {
    let body = json!({"input_file_id": "file-1", "endpoint": "/v1/embeddings",
        "completion_window": "24h", "metadata": {"to": "ann"},
        "output_expires_after": {"anchor": "created_at", "seconds": 3600}});
    let text = body.to_string();
    let read = read_batch(text.as_bytes()).unwrap();
    assert_eq!(
        (read.file.value().as_ref(), read.api),
        ("file-1", Api::Embeddings)
    );
    let mut texts = Vec::new();
    batch_texts(text.as_bytes(), &mut |found| match found {
        Found::Text(InputText { text, .. }) => texts.push(text.value().into_owned()),
        other => panic!("{other:?}"),
    })
    .unwrap();
    texts.sort();
    assert_eq!(texts, ["ann"]);
    for (name, value, code) in [
        ("input_file_id", Value::Null, "invalid_value"),
        ("endpoint", json!("/v1/audio/speech"), "invalid_value"),
        ("endpoint", json!(7), "invalid_value"),
    ] {
        let mut body = body.clone();
        body[name] = value;
        let refusal = read_batch(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((refusal.code, refusal.param.as_deref()), (code, Some(name)));
    }
    for name in ["input_file_id", "endpoint"] {
        let mut body = body.clone();
        body.as_object_mut().unwrap().remove(name);
        let refusal = read_batch(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refusal.code, "missing_required_parameter");
    }
}

#[test]
fn regression_members_of_other_servers_batches_are_refused() {
    let body = json!({"input_file_id": "file-1", "endpoint": "/v1/embeddings"});
    for (name, value) in [
        ("input_blob", json!("https://store.example/lines.jsonl")),
        ("output_folder", json!({"url": "https://store.example/out"})),
        ("data_sources", json!([])),
        ("file_id", json!("file-2")),
        ("retention", json!({})),
    ] {
        let mut body = body.clone();
        body[name] = value;
        let refusal = read_batch(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            ("unsupported_parameter", Some(name))
        );
        body[name] = Value::Null;
        assert!(read_batch(body.to_string().as_bytes()).is_ok(), "{name}");
    }
    // What is no name is not told again.
    let mut body = body.clone();
    body["ann@example.org"] = json!("x");
    let refusal = read_batch(body.to_string().as_bytes()).unwrap_err();
    assert!(!refusal.message.contains("ann"), "{}", refusal.message);
}

#[test]
fn what_a_batch_has_used() {
    let usage = r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":12}"#;
    let told = Usage {
        input: 9,
        cached: 4,
        output: 3,
        reasoning: 1,
        ..Usage::NONE
    };
    let none = r#"{"input_tokens":0,"output_tokens":0,"total_tokens":0}"#;
    let counts = |completed: u64| format!(r#"{{"total":5,"completed":{completed},"failed":0}}"#);
    let (two, zero) = (counts(2), counts(0));
    let (two, zero) = (Some(two.as_str()), Some(zero.as_str()));
    for (usage, counts, wanted) in [
        (Some(usage), two, Some((told, 2))),
        (Some(usage), zero, Some((told, 0))),
        (Some(usage), None, Some((told, 1))),
        (Some(usage), Some(r#"{"completed":-1}"#), Some((told, 1))),
        (Some(none), zero, Some((Usage::NONE, 0))),
        (None, zero, Some((Usage::NONE, 0))),
        (Some("null"), zero, Some((Usage::NONE, 0))),
        (Some("{}"), zero, Some((Usage::NONE, 0))),
        (Some(none), two, None),
        (None, two, None),
        (Some("null"), two, None),
        (None, None, None),
        (None, Some("null"), None),
        (None, Some(r#"{"completed":"0"}"#), None),
        (None, Some(r#"{"completed":0"#), None),
        (Some(r#"{"input_tokens":"9"}"#), zero, None),
        (Some(r#"{"input_tokens":9"#), zero, None),
        (Some("7"), zero, None),
    ] {
        let read = batch_usage(usage.map(str::as_bytes), counts.map(str::as_bytes));
        let read = read.map(|read| (read.usage, read.answers));
        assert_eq!(read, wanted, "{usage:?} {counts:?}");
    }
}
