use super::*;
use serde_json::{Value, json};

const TOLD: EndUsage = EndUsage {
    usage: Usage {
        input: 12,
        output: 7,
        cached: 2,
        reasoning: 1,
        ..Usage::NONE
    },
    prompt_told: false,
    asked: false,
};

fn ending(events: &[Value]) -> Ending {
    let mut ending = Ending::new(None);
    for event in events {
        ending.note(event.to_string().as_bytes());
    }
    ending
}

/// The data of events, each of which names its type twice.
fn data(events: &str) -> Vec<Value> {
    let events = events.split_terminator("\n\n");
    let data = events.map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name.strip_prefix("event: ").unwrap());
        data
    });
    data.collect()
}

fn ended(ending: &Ending, reason: EndReason) -> Value {
    let events = String::from_utf8(ending.events(reason, &TOLD)).unwrap();
    let [event] = data(&events).try_into().unwrap();
    event
}

fn created(number: u64) -> Value {
    json!({"type": "response.created", "sequence_number": number, "response":
        {"id": "resp_1", "object": "response", "created_at": 17, "model": "gpt-5.1", "output": [], "usage": null}})
}

fn added(number: u64, output: u32) -> Value {
    json!({"type": "response.output_item.added", "sequence_number": number, "output_index": output,
        "item": {"id": format!("msg_{output}"), "type": "message", "content": []}})
}

fn delta(number: u64, output: u32) -> Value {
    json!({"type": "response.output_text.delta", "sequence_number": number, "output_index": output,
        "item_id": format!("msg_{output}"), "content_index": 0, "delta": "x"})
}

#[test]
fn a_response_is_ended_where_it_stands() {
    for (events, number) in [
        (vec![created(0)], 1),
        (vec![created(0), added(1, 0), delta(2, 0)], 3),
        (vec![created(7), added(9, 0), delta(12, 0)], 13),
    ] {
        let ending = ending(&events);
        assert!(ending.is_open());
        for (reason, word) in [
            (EndReason::Length, "max_output_tokens"),
            (EndReason::Content, "content_filter"),
        ] {
            let wanted = json!({"type": "response.incomplete", "sequence_number": number, "response": {
                "id": "resp_1", "created_at": 17, "model": "gpt-5.1", "object": "response",
                "status": "incomplete", "error": null, "incomplete_details": {"reason": word},
                "instructions": null, "metadata": {}, "output": [], "parallel_tool_calls": true,
                "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
                "usage": {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 2},
                    "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 1},
                    "total_tokens": 19}}});
            assert_eq!(ended(&ending, reason), wanted);
        }
    }
}

#[test]
fn there_is_nothing_to_end_before_and_after_a_response() {
    let of = |name: &str| json!({"type": name, "response": {"id": "resp_1"}});
    for events in [
        vec![],
        vec![json!([])],
        vec![json!({"type": "ping"})],
        vec![created(0), of("response.completed")],
        vec![created(0), of("response.incomplete"), delta(3, 0)],
        vec![created(0), of("response.failed")],
        vec![created(0), json!({"type": "error", "message": "m"})],
    ] {
        assert!(!ending(&events).is_open(), "{events:?}");
    }
    let mut cut = Ending::new(None);
    cut.note(br#"{"type":"response.created","response":{"#);
    assert!(!cut.is_open());
    cut.note(b"[DONE]");
    assert!(!cut.is_open());
    // Servers that do not tell of the beginning.
    assert!(ending(&[delta(0, 0)]).is_open());
}

#[test]
fn the_head_is_the_streams() {
    let mut renamed = Ending::new(Some("smart \"one\""));
    renamed.note(created(0).to_string().as_bytes());
    assert_eq!(
        ended(&renamed, EndReason::Length)["response"]["model"],
        json!("smart \"one\"")
    );
    let mut hostile = created(0);
    hostile["response"]["id"] = json!("ada@example.org");
    hostile["response"]["created_at"] = json!("Ada Lovelace");
    hostile["response"]["model"] = json!("x".repeat(1000));
    let mut good = created(1);
    good["type"] = json!("response.in_progress");
    let event = ended(&ending(&[hostile.clone()]), EndReason::Length);
    let head = ["id", "created_at", "model"].map(|name| event["response"][name].clone());
    assert_eq!(head, [json!(""), json!(0), json!("")]);
    let event = ended(&ending(&[hostile, good]), EndReason::Length);
    assert_eq!(event["response"]["id"], "resp_1");
}

fn key(part: u32, kind: ChannelKind, index: u32) -> ChannelKey {
    ChannelKey { part, kind, index }
}

/// What `event` becomes, as it is told, with `rest` before it.
fn told(ending: &mut Ending, event: &Value, rest: &[(ChannelKey, String)]) -> (Vec<Value>, Value) {
    let text = event.to_string();
    let before = match rest {
        [] => String::new(),
        rest => ending.rest(text.as_bytes(), rest),
    };
    let mut edits = Edits::default();
    ending.renumber(text.as_bytes(), &mut edits);
    ending.note(text.as_bytes());
    let new = edits.apply(text.as_bytes());
    let new = new.map_or(text.clone().into_bytes(), |new| new.whole(text.as_bytes()));
    (data(&before), serde_json::from_slice(&new).unwrap())
}

#[test]
fn numbers_go_up_through_all_that_is_added() {
    for (first, step) in [(0, 1), (5, 1), (0, 3)] {
        let mut ending = Ending::new(None);
        let mut numbers = Vec::new();
        let text = |part| (key(part, ChannelKind::Text, 0), "a".to_owned());
        for (place, rest) in [
            vec![],
            vec![],
            vec![text(0), text(1)],
            vec![],
            vec![text(0)],
            vec![],
        ]
        .into_iter()
        .enumerate()
        {
            let number = first + step * place as u64;
            let event = if place == 0 {
                created(number)
            } else {
                delta(number, 0)
            };
            let (before, event) = told(&mut ending, &event, &rest);
            assert_eq!(before.len(), rest.len());
            numbers.extend(
                before
                    .iter()
                    .map(|event| event["sequence_number"].as_u64().unwrap()),
            );
            numbers.push(event["sequence_number"].as_u64().unwrap());
        }
        // Behind the last event, as where a limit ends a stream.
        let last = delta(first + step * 5, 0).to_string();
        let behind = ending.rest(last.as_bytes(), &[text(0)]);
        numbers.push(data(&behind)[0]["sequence_number"].as_u64().unwrap());
        let end = ended(&ending, EndReason::Length);
        numbers.push(end["sequence_number"].as_u64().unwrap());
        assert_eq!(numbers.len(), 11);
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        if step == 1 {
            let wanted: Vec<u64> = (first..first + 11).collect();
            assert_eq!(numbers, wanted);
        }
    }
}

#[test]
fn without_numbers_there_are_none() {
    let mut event = delta(0, 0);
    event.as_object_mut().unwrap().remove("sequence_number");
    let mut ending = Ending::new(None);
    let rest = [(key(0, ChannelKind::Text, 0), "a".to_owned())];
    let (before, after) = told(&mut ending, &event, &rest);
    assert_eq!(before[0].get("sequence_number"), None);
    assert_eq!(after, event);
    assert_eq!(
        ended(&ending, EndReason::Length).get("sequence_number"),
        None
    );
}

#[test]
fn each_text_has_its_event() {
    let mut ending = ending(&[created(0), added(1, 2)]);
    for (kind, wanted) in [
        (
            ChannelKind::Text,
            json!({"type": "response.output_text.delta", "content_index": 3, "delta": "a\"b", "logprobs": []}),
        ),
        (
            ChannelKind::Refusal,
            json!({"type": "response.refusal.delta", "content_index": 3, "delta": "a\"b"}),
        ),
        (
            ChannelKind::Reasoning,
            json!({"type": "response.reasoning_text.delta", "content_index": 3, "delta": "a\"b"}),
        ),
        (
            ChannelKind::ReasoningSummary,
            json!({"type": "response.reasoning_summary_text.delta", "summary_index": 3, "delta": "a\"b"}),
        ),
        (
            ChannelKind::Arguments,
            json!({"type": "response.function_call_arguments.delta", "delta": "a\"b"}),
        ),
        (
            ChannelKind::McpArguments,
            json!({"type": "response.mcp_call_arguments.delta", "delta": "a\"b"}),
        ),
        (
            ChannelKind::CustomInput,
            json!({"type": "response.custom_tool_call_input.delta", "delta": "a\"b"}),
        ),
        (
            ChannelKind::Code,
            json!({"type": "response.code_interpreter_call_code.delta", "delta": "a\"b"}),
        ),
        (
            ChannelKind::Command,
            json!({"type": "response.shell_call_command.delta", "command_index": 3, "delta": "a\"b"}),
        ),
        (
            ChannelKind::Output,
            json!({"type": "response.shell_call_output_content.delta", "command_index": 3, "delta": {"stdout": "a\"b"}}),
        ),
        (
            ChannelKind::Errors,
            json!({"type": "response.shell_call_output_content.delta", "command_index": 3, "delta": {"stderr": "a\"b"}}),
        ),
    ] {
        let number = ending.last.unwrap() + 1;
        let mut wanted = wanted;
        wanted["sequence_number"] = json!(number);
        wanted["item_id"] = json!("msg_2");
        wanted["output_index"] = json!(2);
        let rest = [(key(2, kind, 3), "a\"b".to_owned())];
        assert_eq!(data(&ending.rest(b"{}", &rest)), [wanted]);
    }
}

#[test]
fn items_are_followed_from_their_beginning_to_their_end() {
    let id = |ending: &mut Ending, part: u32| {
        let rest = [(key(part, ChannelKind::Text, 0), "a".to_owned())];
        data(&ending.rest(b"[DONE]", &rest))[0]["item_id"].clone()
    };
    let done =
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": "msg_0"}});
    let mut hostile = added(3, 4);
    hostile["item"]["id"] = json!("ada@example.org");
    let mut ending = ending(&[created(0), added(1, 0), added(2, 1), hostile, delta(4, 3)]);
    assert_eq!(id(&mut ending, 0), "msg_0");
    assert_eq!(id(&mut ending, 1), "msg_1");
    assert_eq!(id(&mut ending, 3), "msg_3");
    assert_eq!(id(&mut ending, 4), "");
    ending.note(done.to_string().as_bytes());
    assert_eq!(id(&mut ending, 0), "");
    for output in 0..1000 {
        ending.note(added(u64::from(output), output).to_string().as_bytes());
    }
    assert_eq!(ending.items.len(), MAX_OPEN);
}

#[test]
fn items_may_be_told_by_their_ids_alone() {
    let of = |name: &str, members: Value| {
        let mut event = members;
        event["type"] = json!(name);
        event
    };
    let mut ending = ending(&[
        of(
            "response.output_item.added",
            json!({"item": {"id": "msg_1", "type": "message"}}),
        ),
        of(
            "response.output_item.added",
            json!({"item": {"call_id": "fc_2", "type": "function_call"}}),
        ),
        of(
            "response.output_text.delta",
            json!({"item_id": "msg_1", "delta": "a"}),
        ),
    ]);
    for (id, kind) in [
        ("msg_1", ChannelKind::Text),
        ("fc_2", ChannelKind::Arguments),
    ] {
        let rest = [(key(part(None, id.as_bytes()), kind, 0), "a".to_owned())];
        let [event] = data(&ending.rest(b"{}", &rest)).try_into().unwrap();
        assert_eq!(event["item_id"], id);
        assert_eq!(event.get("output_index"), None);
    }
}
