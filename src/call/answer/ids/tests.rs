use super::*;
use serde_json::{Value, json};

const SECRET: &str = "a secret of 20 bytes";

fn ids(kept: bool) -> Ids {
    Ids {
        secrets: Secrets::new(&[SECRET.to_owned()]),
        tenant: "acme".to_owned(),
        backend: Mark::of("far"),
        tokens: 4_200,
        kind: Kind::Response,
        kept,
        more: Vec::new(),
        background: false,
        reads: false,
        own: None,
        known: vec![Known {
            kind: Kind::Response,
            own: "resp_0".to_owned(),
            told: "resp_told".to_owned(),
            place: "previous_response_id",
        }],
    }
}

fn opened(id: &Value) -> Option<(String, u64)> {
    let secrets = Secrets::new(&[SECRET.to_owned()]);
    let thing = secrets.open("acme", Kind::Response, id.as_str().unwrap_or_default());
    thing.map(|thing| (thing.id, thing.tokens))
}

fn response(usage: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "previous_response_id": "resp_0",
        "output": [{"id": "msg_1", "content": [{"type": "output_text", "text": "\"id\":\"resp_1\""}]}],
        "usage": usage})
}

#[test]
fn a_whole_answer_tells_ids_of_ours_and_nothing_else_changes() {
    let usage = json!({"input_tokens": 7, "output_tokens": 3, "total_tokens": 10});
    for (usage, tokens) in [(usage, 10), (Value::Null, 4_200), (json!("x"), 4_200)] {
        let before = response(&usage);
        let new = ids(true).whole(before.to_string().as_bytes()).unwrap();
        let mut new: Value = serde_json::from_slice(&new).unwrap();
        let own = std::mem::replace(&mut new["id"], json!("resp_1"));
        assert_eq!(opened(&own), Some(("resp_1".to_owned(), tokens)));
        assert_eq!(new["previous_response_id"], "resp_told");
        new["previous_response_id"] = json!("resp_0");
        assert_eq!(new, before);
    }
}

#[test]
fn what_is_not_kept_has_no_id_of_ours() {
    let new = ids(false).whole(response(&json!(null)).to_string().as_bytes());
    let new: Value = serde_json::from_slice(&new.unwrap()).unwrap();
    assert_eq!(
        (&new["id"], &new["previous_response_id"]),
        (&json!("resp_1"), &json!("resp_told"))
    );
    assert_eq!(ids(false).whole(br#"{"id":"resp_1"}"#), None);
    assert_eq!(ids(true).whole(b"no json"), None);
    // No path could hold it.
    assert_eq!(ids(true).whole(br#"{"id":"a/b"}"#), None);
}

#[test]
fn all_events_tell_the_same_id() {
    let mut told = Vec::new();
    for (name, lines) in [
        ("response.created", "event: response.created\n"),
        ("response.in_progress", ": hi\r\nid: 1\r\n"),
        ("response.completed", ""),
    ] {
        let data = json!({"type": name, "response": response(&json!({"input_tokens": 1, "output_tokens": 1}))});
        let event = format!("{lines}data: {data}\n\n");
        let new = String::from_utf8(
            ids(true)
                .event(event.as_bytes(), &mut Seen::default())
                .unwrap(),
        )
        .unwrap();
        let data = new
            .strip_prefix(lines)
            .unwrap()
            .strip_prefix("data: ")
            .unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["response"]["previous_response_id"], "resp_told");
        told.push(data["response"]["id"].clone());
    }
    assert_eq!(opened(&told[0]), Some(("resp_1".to_owned(), 4_200)));
    assert!(told.iter().all(|id| *id == told[0]));
    // Of an event in two lines, and of one whose end is missing.
    let lines =
        "data: {\"type\":\"response.completed\",\ndata: \"response\":{\"id\":\"resp_1\"}}\n\n";
    let new = ids(true)
        .event(lines.as_bytes(), &mut Seen::default())
        .unwrap();
    assert!(
        String::from_utf8(new)
            .unwrap()
            .contains(told[0].as_str().unwrap())
    );
    let front = "data: {\"response\":{\"id\":\"resp_1\",\"output\":[\"abc";
    let new = ids(true)
        .event(front.as_bytes(), &mut Seen::default())
        .unwrap();
    let new = String::from_utf8(new).unwrap();
    assert!(new.contains(told[0].as_str().unwrap()) && new.ends_with("\"output\":[\"abc"));
    for event in [
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\\"response\\\":{\\\"id\\\":\"}\n\n",
        "data: {\"type\":\"x\",\"id\":\"resp_1\"}\n\n",
        "data: [DONE]\n\n",
        ": keep-alive\n\n",
        "",
    ] {
        assert_eq!(
            ids(true).event(event.as_bytes(), &mut Seen::default()),
            None,
            "{event}"
        );
    }
}

#[test]
fn errors_name_the_response_as_its_own_events_did() {
    let mut ids = Ids {
        background: true,
        ..ids(true)
    };
    let mut seen = Seen::default();
    let error = br#"{"type":"error","message":"Response resp_1 of resp_0 failed, not resp_12."}"#;
    let told = |text: Vec<u8>| String::from_utf8(text).unwrap();
    let before = told(ids.error(error).unwrap());
    assert!(
        before.contains("Response resp_1 of resp_told failed"),
        "{before}"
    );
    let event = br#"data: {"type":"response.created","response":{"id":"resp_1"}}"#;
    let first = told(ids.event(event, &mut seen).unwrap());
    let (_, own) = first.split_once(r#""id":""#).unwrap();
    let (own, _) = own.split_once('"').unwrap();
    let after = told(ids.error(error).unwrap());
    assert!(
        after.contains(&format!("Response {own} of resp_told failed, not resp_12.")),
        "{after}"
    );
    assert_eq!(seen.response.as_deref(), Some("resp_1"));
    // What has no id of ours is not taken note of.
    let mut unkept = Ids { kept: false, ..ids };
    unkept.own = None;
    for text in [&br#"{"id":"resp_1"}"#[..], br#"{"id":""}"#, b"{}"] {
        unkept.note(text, false, &mut seen);
        assert_eq!(unkept.own, None);
    }
}
