/*! Files and batches that are kept: uploaded, read, removed; a batch is done at once, each of its
lines by the very answers that live calls get, unless a script says what becomes of it. */

use crate::answer::{Request, answer};
use crate::form;
use crate::kept::error;
use crate::script::Script;
use crate::server::Received;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// What a mock keeps.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    made: u64,
    files: HashMap<String, File>,
    batches: HashMap<String, Value>,
}

#[derive(Debug)]
struct File {
    tells: Value,
    content: Bytes,
}

/// Status, type and body.
type Told = (u16, &'static str, Bytes);

impl Files {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// The answer to a request about files or batches; `None`: it is no such request.
    pub(crate) fn about(&self, received: &Received, script: &Script) -> Option<Told> {
        let (method, path) = received.line.split_once(' ')?;
        let path = path.split('?').next()?;
        let mut all = self.all();
        let (status, body) = match path.split_once("/files") {
            Some((_, "")) if method == "POST" => all.upload(received),
            Some((_, "")) => (200, json!({"object": "list", "data": all.listed()})),
            Some((_, rest)) => {
                let rest = rest.strip_prefix('/')?;
                if let (Some(id), "GET") = (rest.strip_suffix("/content"), method)
                    && let Some(file) = all.files.get(id)
                {
                    return Some((200, "application/octet-stream", file.content.clone()));
                }
                all.about_file(method, rest.split('/').next()?)
            }
            None => {
                let (_, rest) = path.split_once("/batches")?;
                match (method, rest.strip_prefix('/')) {
                    ("POST", None) => all.batch(&received.json(), script),
                    (_, None) => (405, error("Method not allowed.", "")),
                    (_, Some(rest)) => all.about_batch(rest, script),
                }
            }
        };
        Some((status, "application/json", body.to_string().into()))
    }
}

impl All {
    fn listed(&self) -> Vec<Value> {
        self.files.values().map(|file| file.tells.clone()).collect()
    }

    /// As OpenAI's are: letters of both cases and digits.
    fn id(&mut self) -> String {
        self.made += 1;
        format!("file-MoCk{:018}", self.made)
    }

    fn upload(&mut self, received: &Received) -> (u16, Value) {
        let content_type = received.header("content-type");
        let form = form::read(content_type, &received.body).unwrap_or_default();
        let content = form::file(content_type, &received.body);
        let (Some(purpose), Some(content)) = (form["purpose"].as_str(), content) else {
            return (400, error("'file' and 'purpose' are required.", ""));
        };
        let name = form["file"]["filename"].as_str().unwrap_or_default();
        (200, self.keep(name, purpose, content.into()))
    }

    fn keep(&mut self, name: &str, purpose: &str, content: Bytes) -> Value {
        let id = self.id();
        let tells = json!({"id": id, "object": "file", "bytes": content.len(),
            "created_at": 1_700_000_000, "filename": name, "purpose": purpose,
            "status": "processed"});
        let file = File {
            tells: tells.clone(),
            content,
        };
        self.files.insert(id, file);
        tells
    }

    fn about_file(&mut self, method: &str, id: &str) -> (u16, Value) {
        let Some(file) = self.files.get(id) else {
            return (404, error(&format!("No such File object: {id}"), ""));
        };
        if method == "GET" {
            return (200, file.tells.clone());
        }
        self.files.remove(id);
        (200, json!({"id": id, "object": "file", "deleted": true}))
    }

    fn batch(&mut self, asked: &Value, script: &Script) -> (u16, Value) {
        let input = asked["input_file_id"].as_str().unwrap_or_default();
        let Some(file) = self.files.get(input) else {
            return (400, error(&format!("No such File object: {input}"), ""));
        };
        let lines = String::from_utf8_lossy(&file.content).into_owned();
        let done: Vec<Value> = lines.lines().map(line).collect();
        let text: Vec<String> = done.iter().map(Value::to_string).collect();
        let output = self.keep("output.jsonl", "batch_output", text.join("\n").into());
        self.made += 1;
        let id = format!("batch_{:032x}", self.made);
        let mut batch = json!({"id": id, "object": "batch", "endpoint": asked["endpoint"],
            "errors": null, "input_file_id": input,
            "completion_window": asked["completion_window"], "status": "completed",
            "output_file_id": output["id"], "error_file_id": null,
            "created_at": 1_700_000_000, "completed_at": 1_700_000_001,
            "request_counts": {"total": done.len(), "completed": done.len(), "failed": 0},
            "usage": usage(&done), "metadata": asked["metadata"]});
        put(&mut batch, script);
        self.batches.insert(id, batch.clone());
        (200, batch)
    }

    fn about_batch(&mut self, rest: &str, script: &Script) -> (u16, Value) {
        let (id, below) = rest.split_once('/').unwrap_or((rest, ""));
        let Some(batch) = self.batches.get_mut(id) else {
            return (404, error(&format!("No such batch: {id}"), ""));
        };
        if below == "cancel" {
            batch["status"] = json!("cancelling");
        }
        put(batch, script);
        (200, batch.clone())
    }
}

/// Puts what a script says into a batch; it may leave out its `usage`.
fn put(batch: &mut Value, script: &Script) {
    let Some(batch) = batch.as_object_mut() else {
        return;
    };
    batch.extend(script.batch.clone());
    if script.no_usage {
        batch.remove("usage");
    }
}

/// What all lines have used, by the names of Responses.
fn usage(lines: &[Value]) -> Value {
    let sum = |names: [&str; 2]| -> u64 {
        let counts = lines.iter().map(|line| {
            let usage = &line["response"]["body"]["usage"];
            names.iter().find_map(|name| usage[*name].as_u64())
        });
        counts.flatten().sum()
    };
    let input = sum(["input_tokens", "prompt_tokens"]);
    let output = sum(["output_tokens", "completion_tokens"]);
    json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + output})
}

/// What becomes of one line of a batch.
fn line(line: &str) -> Value {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    let asked = Request {
        path: line["url"].as_str().unwrap_or_default(),
        body: &line["body"],
        id: "resp_mock",
    };
    let body = answer(&asked, &Script::default()).parts.concat();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    json!({"id": "batch_req_1", "custom_id": line["custom_id"], "error": null,
        "response": {"status_code": 200, "request_id": "r", "body": body}})
}
