//! Names of what a provider keeps for the whole account: those of another tenant open nothing, wherever
//! they stand.

use super::*;
use crate::wrapped::{Kind, Mark, Secrets, Thing};

const SECRET: &str = "a secret of 20 bytes";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=bnd");

fn keeping() -> Value {
    let mut policy = policy();
    policy["stored"] = json!({"secrets": [SECRET], "files": "far", "batches": {"price": 0.5},
        "conversations": {"backend": "far"}});
    policy["limits"] = json!({"body": 100_000, "held_per_tenant": 200_000});
    policy
}

fn upload(bytes: &str) -> String {
    format!(
        "--bnd\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--bnd\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{bytes}\r\n--bnd--\r\n"
    )
}

/// What is sent of a call: `Err` has status, code, `param` and message.
type Sent = Result<String, (u16, String, String, String)>;

fn post(policy: &Value, path: &str, header: (&str, &str), body: &str) -> Sent {
    let bench = Bench::of(policy);
    let mut run = bench.run();
    assert_eq!(run.head("POST", path, &[USER, header], false), OnHead::Hold);
    match run.body(body) {
        OnBody::Forward(outgoing) => {
            let new = outgoing.rewrite.map(|new| new.whole(body.as_bytes()));
            let new = new.unwrap_or_else(|| body.as_bytes().to_vec());
            Ok(String::from_utf8(new).unwrap())
        }
        OnBody::Reply(reply) => {
            let error: Value = serde_json::from_slice(&reply.body).unwrap();
            let said = |name: &str| error["error"][name].as_str().unwrap_or_default().to_owned();
            Err((reply.status, said("code"), said("param"), said("message")))
        }
        other => panic!("{other:?}"),
    }
}

fn json_of_call(path: &str, body: &Value) -> Sent {
    let kind = ("content-type", "application/json");
    post(&keeping(), path, kind, &body.to_string())
}

fn line(url: &str, body: &Value) -> Sent {
    let line = json!({"custom_id": "1", "method": "POST", "url": url, "body": body});
    post(&keeping(), "/v1/files", FORM, &upload(&line.to_string()))
}

/// It is refused and its place told: live, in a line of a batch, and in a conversation.
fn no_item(item: &Value, place: &str) {
    let hi = json!({"role": "user", "content": "hi"});
    let body = json!({"model": "smart", "store": false, "input": [hi, item]});
    let wanted = |list: &str| {
        (
            400,
            "unsupported_parameter".to_owned(),
            format!("{list}[1]{place}"),
        )
    };
    let refused = |sent: Sent| {
        let (status, code, param, _) = sent.expect_err(&item.to_string());
        (status, code, param)
    };
    assert_eq!(
        refused(json_of_call(RESPONSES, &body)),
        wanted("input"),
        "{item}"
    );
    let (status, code, _, message) = line(RESPONSES, &body).expect_err(&item.to_string());
    assert_eq!(
        (status, code.as_str()),
        (400, "unsupported_parameter"),
        "{item}"
    );
    assert!(message.starts_with("Line 1 (1): '"), "{message}");
    assert!(message.contains(&format!("input[1]{place}'")), "{message}");
    let body = json!({"items": [hi, item]});
    for path in ["/v1/conversations", "/v1/conversations/CONV/items"] {
        let path = path.replace("CONV", &conversation());
        assert_eq!(
            refused(json_of_call(&path, &body)),
            wanted("items"),
            "{item}"
        );
    }
}

fn conversation() -> String {
    wrapped(Kind::Conversation, "conv_0a", &[])
}

fn wrapped(kind: Kind, id: &str, more: &[u8]) -> String {
    let thing = Thing {
        kind,
        id: id.to_owned(),
        backend: Mark::of("far"),
        tokens: 0,
    };
    let secrets = Secrets::new(&[SECRET.to_owned()]);
    secrets.wrap_with("acme", &thing, more).unwrap()
}

/// Tools that name what is kept, and where they do.
fn tools() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({"type": "file_search", "vector_store_ids": ["vs_victim"]}),
            "vector_store_ids",
        ),
        (
            json!({"type": "code_interpreter", "container": "cntr_victim"}),
            "container",
        ),
        (
            json!({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-victim"]}}),
            "container.file_ids",
        ),
        (
            json!({"type": "shell", "environment": {"type": "container_reference", "container_id": "cntr_victim"}}),
            "environment.container_id",
        ),
        (
            json!({"type": "image_generation", "input_image_mask": {"file_id": "file-victim"}}),
            "input_image_mask.file_id",
        ),
        (
            json!({"type": "mcp", "server_label": "x", "tunnel_id": "tunnel_victim"}),
            "tunnel_id",
        ),
        (
            json!({"type": "namespace", "name": "n", "description": "d", "tools": [
                {"type": "file_search", "vector_store_ids": ["vs_victim"]}]}),
            "tools[0].vector_store_ids",
        ),
    ]
}

#[test]
fn regression_tools_inside_items_name_nothing_that_is_kept() {
    for (tool, place) in tools() {
        for item in [
            json!({"type": "additional_tools", "role": "developer", "tools": [tool]}),
            json!({"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [tool]}),
            json!({"type": "mcp_list_tools", "server_label": "x", "tools": [tool]}),
            json!({"type": "of_tomorrow", "tools": [tool]}),
        ] {
            no_item(&item, &format!(".tools[0].{place}"));
        }
    }
}

#[test]
fn regression_tools_of_a_request_name_nothing_that_is_kept() {
    for (tool, place) in tools() {
        let body = json!({"model": "smart", "store": false, "input": "hi", "tools": [tool]});
        let refused = json_of_call(RESPONSES, &body).unwrap_err();
        assert_eq!(refused.2, format!("tools[0].{place}"), "{tool}");
        assert!(line(RESPONSES, &body).is_err(), "{tool}");
        let body = json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}], "tools": [tool]});
        let refused = json_of_call(CHAT, &body).unwrap_err();
        assert_eq!(refused.1, "unsupported_parameter", "{tool}");
        assert!(line(CHAT, &body).is_err(), "{tool}");
    }
}

#[test]
fn regression_items_name_no_containers_and_no_files_where_none_are_opened() {
    let file = json!({"type": "input_file", "file_id": "file-victim"});
    for (item, place) in [
        (
            json!({"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]},
                "environment": {"type": "container_reference", "container_id": "cntr_victim"}}),
            ".environment.container_id",
        ),
        (
            json!({"type": "code_interpreter_call", "id": "ci_1", "code": "1", "container_id": "cntr_victim",
                "outputs": [], "status": "completed"}),
            ".container_id",
        ),
        (json!({"role": "user", "content": file}), ".content.file_id"),
        (
            json!({"role": "user", "content": [{"file_id": "file-victim"}]}),
            ".content[0].file_id",
        ),
        (
            json!({"role": "user", "content": [{"type": "input_text", "text": "a", "more": [file]}]}),
            ".content[0].more[0].file_id",
        ),
        (
            json!({"role": "user", "content": [{"type": "input_audio", "input_audio": {}, "file_id": "file-victim"}]}),
            ".content[0].file_id",
        ),
        (
            json!({"type": "of_tomorrow", "skill_id": "skill_victim"}),
            ".skill_id",
        ),
    ] {
        no_item(&item, place);
    }
}

#[test]
fn good_items_and_tools_pass() {
    let schema = json!({"type": "object", "properties": {"file_id": {"type": "string"},
        "container": {"type": "string"}, "vector_store_ids": {"type": "array"}}});
    let function = json!({"type": "function", "name": "f", "parameters": schema});
    let tools = json!([function, {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "namespace", "name": "n", "description": "d", "tools": [function]},
        {"type": "mcp", "server_label": "x", "connector_id": "connector_gmail", "authorization": "a"}]);
    for item in [
        json!({"type": "additional_tools", "role": "developer", "tools": tools}),
        json!({"type": "tool_search_output", "call_id": "c", "tools": tools}),
        json!({"type": "tool_search_call", "call_id": "c", "arguments": {"file_id": "f"}}),
        json!({"type": "mcp_list_tools", "server_label": "x", "tools": [{"name": "f", "input_schema": schema}]}),
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"file_id\":\"f\"}"}),
        json!({"type": "function_call_output", "call_id": "c", "output": "{\"container_id\":\"c\"}"}),
        json!({"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}, "environment": {"type": "local"}}),
        json!({"type": "local_shell_call", "call_id": "c", "action": {"env": {"container_id": "c"}}}),
        json!({"role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": [
            {"type": "url_citation", "url": "https://a.example", "title": "t", "start_index": 0, "end_index": 1}]}]}),
        // What agents send back of earlier answers: nothing is opened by it.
        json!({"role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": [
            {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1"}]}]}),
        json!({"type": "file_search_call", "id": "fs_1", "queries": [], "status": "completed",
            "results": [{"file_id": "file-1", "text": "a"}]}),
        json!({"role": "user", "content": [{"type": "input_file", "file_id": null, "file_data": "data:;base64,AAAA"}]}),
    ] {
        let body = json!({"model": "smart", "store": false, "input": [item], "tools": tools, "metadata": {"file_id": "f"}});
        for sent in [
            json_of_call(RESPONSES, &body),
            line(RESPONSES, &body),
            json_of_call("/v1/conversations", &json!({"items": [item]})),
        ] {
            assert!(sent.is_ok(), "{item} {sent:?}");
        }
    }
}

#[test]
fn regression_chat_names_nothing_that_is_kept() {
    let hi = json!({"role": "user", "content": "hi"});
    let part = |part: Value| json!([{"role": "user", "content": [part]}]);
    for (body, place) in [
        (
            json!({"messages": part(json!({"type": "input_file", "file_id": "file-victim"}))}),
            "messages[0].content[0].file_id",
        ),
        (
            json!({"messages": part(json!({"type": "image_file", "image_file": {"file_id": "file-victim"}}))}),
            "messages[0].content[0].image_file.file_id",
        ),
        (
            json!({"messages": part(json!({"type": "file", "file": {"File_Id": "file-victim"}}))}),
            "file_id",
        ),
        (
            json!({"messages": [{"role": "user", "content": "hi", "attachments": [{"file_id": "file-victim"}]}]}),
            "messages[0].attachments[0].file_id",
        ),
        (
            json!({"messages": [hi], "extra_body": {"google": {"cached_content": "cachedContents/victim"}}}),
            "extra_body.google.cached_content",
        ),
        (
            json!({"messages": [hi], "container": "container_victim"}),
            "container",
        ),
        (
            json!({"messages": [hi], "previous_response_id": "resp_victim"}),
            "previous_response_id",
        ),
        (
            json!({"messages": [hi], "modalities": ["text", "audio"], "audio": {"format": "wav", "voice": {"id": "voice_victim"}}}),
            "audio.voice",
        ),
    ] {
        let mut body = body;
        body["model"] = json!("smart");
        let (status, code, param, _) = json_of_call(CHAT, &body).unwrap_err();
        assert_eq!(
            (status, code.as_str(), param.as_str()),
            (400, "unsupported_parameter", place)
        );
        let (_, code, _, message) = line(CHAT, &body).unwrap_err();
        assert_eq!(code, "unsupported_parameter");
        assert!(message.contains(&format!("{place}'")), "{message} {place}");
    }
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": {"file_id": "f"}}});
    let body = json!({"model": "smart", "metadata": {"file_id": "f"}, "audio": {"voice": "alloy", "format": "wav"},
        "messages": [hi, {"role": "assistant", "tool_calls": [call]}]});
    assert!(json_of_call(CHAT, &body).is_ok());
}

#[test]
fn regression_messages_name_no_container_and_no_custom_skill() {
    let mut policy = keeping();
    policy["backends"]["near"]["api"] = json!("anthropic");
    policy["models"]["smart"]["targets"][0]["backend"] = json!("near");
    let ask = |policy: &Value, members: &Value, path: &str| {
        let mut body = json!({"model": "smart", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        post(
            policy,
            path,
            ("content-type", "application/json"),
            &body.to_string(),
        )
    };
    let skill = |kind: &str| json!({"type": kind, "skill_id": "pptx", "version": "latest"});
    for (members, said) in [
        (json!({"container": "container_victim"}), "'container'"),
        (
            json!({"container": {"id": "container_victim"}}),
            "'container.id'",
        ),
        (
            json!({"container": {"skills": [skill("anthropic"), skill("custom")]}}),
            "'container.skills'",
        ),
        (
            json!({"container": {"skills": [{"skill_id": "skill_victim"}]}}),
            "'container.skills'",
        ),
        (
            json!({"container": {"skills": ["skill_victim"]}}),
            "'container.skills'",
        ),
        (
            json!({"thread": {"type": "continue", "previous_message_id": "msg_victim"}}),
            "'thread'",
        ),
        (json!({"thread": {"type": "create"}}), "'thread'"),
        (
            json!({"container": {"more": {"skill_id": "skill_victim"}}}),
            "'container.more.skill_id'",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image", "source": [
            {"type": "file", "file_id": "file_victim"}]}]}]}),
            "'messages[0].content[0].source[0].file_id'",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image", "source":
            {"type": "file", "file": {"file_id": "file_victim"}}}]}]}),
            "'messages[0].content[0].source.file.file_id'",
        ),
        (
            json!({"tools": [{"type": "of_tomorrow", "name": "n", "container_id": "c"}]}),
            "'tools[0].container_id'",
        ),
    ] {
        for path in [MESSAGES, "/v1/messages/count_tokens"] {
            let (status, _, _, message) =
                ask(&policy, &members, path).expect_err(&members.to_string());
            assert_eq!(status, 400);
            assert!(message.contains(said), "{message} {said}");
        }
    }
    for members in [
        json!({"container": null, "thread": null, "diagnostics": {"previous_message_id": null}}),
        // Claude Code's, from its second turn on.
        json!({"diagnostics": {"previous_message_id": "msg_own"}}),
        json!({"container": {"id": null, "skills": [skill("anthropic")]}}),
        json!({"messages": [{"role": "assistant", "content": [
            {"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "f", "container_id": "c"}}]}]}),
        json!({"tools": [{"name": "n", "input_schema": {"properties": {"file_id": {}}}, "input_examples": [{"file_id": "f"}]}]}),
    ] {
        let sent = ask(&policy, &members, MESSAGES);
        assert!(sent.is_ok(), "{members} {sent:?}");
    }
    // Where callers may store files, for all others to see, ids pass.
    let mut open = policy.clone();
    open.as_object_mut().unwrap().remove("stored");
    open["other_paths"] = json!({"pass": "far"});
    let members = json!({"container": {"id": "container_own", "skills": [skill("custom")]}});
    assert!(ask(&open, &members, MESSAGES).is_ok());
}

#[test]
fn regression_speech_and_forms_name_nothing_that_is_kept() {
    let speech = |voice: Value| {
        let body = json!({"model": "smart", "input": "hi", "voice": voice});
        json_of_call("/v1/audio/speech", &body)
    };
    assert_eq!(
        speech(json!({"id": "voice_victim"})).unwrap_err().2,
        "voice"
    );
    assert!(speech(json!("alloy")).is_ok());
    let edit = |name: &str| {
        let body = format!(
            "--bnd\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nhi\r\n--bnd\r\n\
             Content-Disposition: form-data; name=\"model\"\r\n\r\nsmart\r\n--bnd\r\n\
             Content-Disposition: form-data; name=\"{name}\"\r\n\r\nx\r\n--bnd\r\n\
             Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\nAAAA\r\n--bnd--\r\n"
        );
        post(&keeping(), "/v1/images/edits", FORM, &body)
    };
    assert_eq!(edit("images[0][file_id]").unwrap_err().2, "file_id");
    assert_eq!(edit("mask.FILE_ID").unwrap_err().2, "file_id");
    assert!(edit("background").is_ok());
}

#[test]
fn regression_files_of_batches_are_no_parts_of_prompts() {
    let part =
        |id: &str| json!([{"role": "user", "content": [{"type": "input_file", "file_id": id}]}]);
    // As a batch tells its output, and an upload of requests its own.
    for more in [&[0][..], &[7; 29]] {
        let id = wrapped(Kind::File, "file-AbC1", more);
        let said = "must not be a file of a batch: it can be read, and removed.";
        for (path, body, place) in [
            (
                RESPONSES,
                json!({"model": "smart", "input": part(&id)}),
                "input[0].content[0].file_id",
            ),
            (
                "/v1/conversations",
                json!({"items": part(&id)}),
                "items[0].content[0].file_id",
            ),
            (
                CHAT,
                json!({"model": "smart", "messages": [{"role": "user", "content": [
                    {"type": "file", "file": {"file_id": id}}]}]}),
                "messages[0].content[0].file.file_id",
            ),
        ] {
            let (status, code, param, message) = json_of_call(path, &body).unwrap_err();
            assert_eq!(
                (status, code.as_str(), param.as_str()),
                (400, "invalid_value", place)
            );
            assert_eq!(message, format!("'{place}' {said}"));
        }
        for (method, below) in [("GET", "/content"), ("GET", ""), ("DELETE", "")] {
            let bench = Bench::of(&keeping());
            let mut run = bench.run();
            forwarded(run.head(method, &format!("/v1/files/{id}{below}"), &[USER], true));
        }
    }
    let id = wrapped(Kind::File, "file-AbC1", &[]);
    let body = json!({"model": "smart", "input": part(&id)});
    assert!(
        json_of_call(RESPONSES, &body)
            .unwrap()
            .contains("\"file-AbC1\"")
    );
}

#[test]
fn regression_chat_completions_are_not_kept() {
    let body = |store: Value| {
        json!({"model": "smart", "store": store, "metadata": {"a": "b"}, "max_tokens": 9,
            "messages": [{"role": "user", "content": "hi"}]})
    };
    let own = json!({"a": "b"});
    // OpenAI takes metadata only of what it keeps.
    for (said, wanted, metadata) in [
        (json!(true), json!(false), Value::Null),
        (json!(false), json!(false), own.clone()),
        (Value::Null, Value::Null, own),
    ] {
        let sent: Value =
            serde_json::from_str(&json_of_call(CHAT, &body(said.clone())).unwrap()).unwrap();
        assert_eq!((&sent["store"], &sent["metadata"]), (&wanted, &metadata));
        let sent = line(CHAT, &body(said)).unwrap();
        assert!(sent.contains(&format!("\"store\":{wanted}")), "{sent}");
        let stays = sent.contains("\"metadata\":{\"a\":\"b\"}");
        assert_eq!(stays, !metadata.is_null(), "{sent}");
    }
    for said in [json!("true"), json!(1)] {
        let refused = json_of_call(CHAT, &body(said)).unwrap_err();
        assert_eq!(
            (refused.1.as_str(), refused.2.as_str()),
            ("invalid_value", "store")
        );
    }
}

#[test]
fn regression_no_body_of_any_path_names_what_the_account_keeps() {
    let input = json!({"model": "smart", "input": "hi"});
    let prompt = json!({"model": "smart", "prompt": "hi"});
    for (path, whole) in [
        ("/v1/completions", &prompt),
        ("/v1/images/generations", &prompt),
        ("/v1/embeddings", &input),
        ("/v1/moderations", &input),
        ("/v1/audio/speech", &input),
        (RESPONSES, &input),
    ] {
        for (name, value, place) in [
            ("file_id", json!("file-victim"), "file_id"),
            ("container", json!("cntr_victim"), "container"),
            (
                "reference",
                json!([{"file_ids": ["f"]}]),
                "reference[0].file_ids",
            ),
            (
                "data_sources",
                json!([{"type": "azure_search"}]),
                "data_sources",
            ),
            ("agent_reference", json!({"name": "a"}), "agent_reference"),
            (
                "a",
                json!({"project_connection_id": "p"}),
                "a.project_connection_id",
            ),
            ("memory_store_name", json!("m"), "memory_store_name"),
        ] {
            let mut body = whole.clone();
            body[name] = value;
            let (status, code, param, _) = json_of_call(path, &body).unwrap_err();
            assert_eq!(
                (status, &*code),
                (400, "unsupported_parameter"),
                "{path} {name}"
            );
            assert_eq!(param, place, "{path} {name}");
        }
    }
    // In a part of what is judged, and what is no name.
    let parts =
        json!({"model": "smart", "input": [{"type": "text", "text": "hi", "file_id": "f"}]});
    let refused = json_of_call("/v1/moderations", &parts).unwrap_err();
    assert_eq!(refused.2, "input[0].file_id");
    let agent =
        json!({"model": "smart", "input": "hi", "agent": {"name": "a", "type": "agent_reference"}});
    assert_eq!(json_of_call(RESPONSES, &agent).unwrap_err().2, "agent");
    let harmless = json!({"model": "smart", "input": "hi", "file_id": null, "user": "container"});
    assert!(
        !matches!(json_of_call("/v1/embeddings", &harmless), Err((_, code, ..)) if code == "unsupported_parameter")
    );
}
