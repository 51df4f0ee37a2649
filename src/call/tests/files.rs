//! Files that providers keep, and the ids by which callers know them.

use super::*;
use crate::tokens::media;
use crate::wrapped::{Kind, Mark, Secrets, Thing};

const PATH: &str = "/v1/files";
const SECRET: &str = "a secret of 20 bytes";
const BLUE: (&str, &str) = ("x-api-key", "blue-secret");
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=bnd");
const TELLS: &str =
    r#"{"id":"file-AbC1","object":"file","bytes":4,"filename":"a.txt","purpose":"user_data"}"#;

fn keeping() -> Value {
    let mut policy = policy();
    policy["stored"] = json!({"secrets": [SECRET], "files": "far"});
    policy["tenants"]["blue"]["models"] = json!(["hidden", "smart"]);
    policy["limits"] = json!({"body": 100_000, "held_per_tenant": 200_000});
    policy
}

fn guarded(guardrail: Value) -> Value {
    let mut policy = keeping();
    policy["guardrails"] = json!([guardrail]);
    policy
}

fn masking() -> Value {
    guarded(json!({"name": "pii", "phase": "both", "detect": "personal_data", "action": "mask"}))
}

fn upload(file: &str) -> String {
    form_of("user_data", file)
}

fn form_of(purpose: &str, file: &str) -> String {
    format!(
        "--bnd\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--bnd\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
         {file}\r\n--bnd--\r\n"
    )
}

fn secrets() -> Secrets {
    Secrets::new(&[SECRET.to_owned()])
}

fn thing(backend: &str) -> Thing {
    Thing {
        kind: Kind::File,
        id: "file-AbC1".to_owned(),
        backend: Mark::of(backend),
        tokens: 6_000,
    }
}

fn told(tenant: &str, backend: &str) -> String {
    secrets().wrap(tenant, &thing(backend)).unwrap()
}

/// What becomes of an upload: what the provider gets.
fn sent(run: &mut Run<'_>, body: &str) -> Result<(Outgoing, String), (u16, String)> {
    assert_eq!(run.head("POST", PATH, &[USER, FORM], false), OnHead::Hold);
    match run.body(body) {
        OnBody::Forward(mut outgoing) => {
            let rewrite = outgoing.rewrite.take();
            let new = rewrite.map(|rewrite| rewrite.whole(body.as_bytes()));
            let new = new.unwrap_or_else(|| body.as_bytes().to_vec());
            Ok((outgoing, String::from_utf8(new).unwrap()))
        }
        other => Err(refused_body(&other)),
    }
}

fn path_of(edits: &HeaderEdits) -> &str {
    let mut set = edits.set.iter();
    let path = set.find(|(name, _)| *name == ":path");
    &path.unwrap().1
}

fn replaced(on: OnData) -> Value {
    let OnData::Replace(new) = on else {
        panic!("{on:?}")
    };
    serde_json::from_slice(&new).unwrap()
}

#[test]
fn an_upload_passes_as_it_is_and_has_an_id_of_ours() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 10, "per": "day"}]);
    let bench = Bench::of(&policy);
    let body = upload("text");
    let mut run = bench.run();
    let (outgoing, new) = sent(&mut run, &body).unwrap();
    assert_eq!(new, body);
    assert_eq!(path_of(&outgoing.edits), "/api/v1/files");
    let size = u64::try_from(body.len()).unwrap();
    run.call.request_grows(body.len());
    assert!(run.call.passes_request());
    // As long as the provider reads it, it is held.
    assert!(bench.gateway.held.bytes("acme") <= size);
    assert!(matches!(run.answer("200", JSON), OnAnswer::Hold(_)));
    let (front, _) = TELLS.split_at(20);
    assert_eq!(run.data(front, false), OnData::Hold);
    let answer = replaced(run.data(TELLS, true));
    let id = answer["id"].as_str().unwrap();
    let opened = secrets().open("acme", Kind::File, id).unwrap();
    assert_eq!(
        opened,
        Thing {
            tokens: media::file_of(4),
            ..thing("far")
        }
    );
    assert_eq!(answer["filename"], "a.txt");
    says(
        &run.done(),
        json!({"operation": "files_create", "status": 200, "outcome": "ok", "input_tokens": 0,
            "output_tokens": 0, "cost_nano_usd": 0, "backend": "far"}),
    );
}

#[test]
fn bytes_of_an_upload_are_held() {
    let bench = Bench::of(&keeping());
    let mut run = bench.run();
    run.head("POST", PATH, &[USER, FORM], false);
    let body = upload(&"x".repeat(90_000));
    assert!(run.call.request_grows(body.len()).is_none());
    assert!(matches!(run.body(&body), OnBody::Forward(_)));
    let size = u64::try_from(body.len()).unwrap();
    assert_eq!(bench.gateway.held.bytes("acme"), size);
    run.answer("200", JSON);
    assert_eq!(bench.gateway.held.bytes("acme"), 0);
    // What is longer than a body may be is no file either.
    let mut run = bench.run();
    run.head("POST", PATH, &[USER, FORM], false);
    let reply = run.call.request_grows(100_001).unwrap();
    assert_eq!(reply.status, 413);
}

#[test]
fn bad_uploads_are_refused() {
    let bench = Bench::of(&keeping());
    let good = upload("text");
    for (body, wanted) in [
        (String::new(), (400, "empty_body")),
        ("--bnd\r\n".to_owned(), (400, "invalid_multipart")),
        (good.replace("--bnd", "--other"), (400, "invalid_multipart")),
        (
            good.replace("name=\"file\"", "name=\"fil\""),
            (400, "invalid_value"),
        ),
        (form_of("fine-tune", "x"), (400, "invalid_value")),
        (form_of("batch", "x"), (400, "invalid_value")),
        (upload(""), (400, "invalid_value")),
    ] {
        let mut run = bench.run();
        let (status, code) = sent(&mut run, &body).unwrap_err();
        assert_eq!((status, code.as_str()), wanted, "{body}");
        says(
            &run.done(),
            json!({"operation": "files_create", "outcome": code}),
        );
    }
    let mut run = bench.run();
    let json = ("content-type", "application/json");
    let on = run.head("POST", PATH, &[USER, json], false);
    assert_eq!(refused_head(&on).0, 415);
}

#[test]
fn text_in_files_goes_through_guardrails() {
    let bench = Bench::of(&masking());
    for (file, wanted) in [
        ("mail ann@zwexford.org", "mail <EMAIL_ADDRESS>"),
        (
            "{\"to\":\"ann\\u0040zwexford.org\"}",
            "{\"to\":\"<EMAIL_ADDRESS>\"}",
        ),
        (
            "{\"to\":\"bob\"}\n{\"to\":\"ann\\u0040zwexford.org\"}\n",
            "{\"to\":\"bob\"}\n{\"to\":\"<EMAIL_ADDRESS>\"}\n",
        ),
        ("nothing", "nothing"),
    ] {
        let mut run = bench.run();
        let (outgoing, new) = sent(&mut run, &upload(file)).unwrap();
        assert_eq!(new, upload(wanted));
        assert_eq!(path_of(&outgoing.edits), "/api/v1/files");
        run.answer("200", JSON);
        let answer = replaced(run.data(TELLS, true));
        assert!(answer["id"].as_str().unwrap().len() > 40);
        run.done();
    }
    let mut run = bench.run();
    let refused = sent(&mut run, &upload("%PDF-1.7")).unwrap_err();
    assert_eq!(refused, (400, "unscannable_request".to_owned()));
    let kind = [("kind", "media"), ("action", "refuse")];
    assert_eq!(bench.counted("tollgate.unscannable_total", &kind), [1]);

    let block = json!({"name": "words", "phase": "input", "detect": {"phrases": ["falcon"]}, "action": "block"});
    let bench = Bench::of(&guarded(block));
    let mut run = bench.run();
    let refused = sent(&mut run, &upload("the falcon flies")).unwrap_err();
    assert_eq!(refused, (400, "content_filter".to_owned()));
    run.done();
}

#[test]
fn rules_on_requests_are_not_about_files() {
    let rule = json!({"name": "small", "phase": "input", "detect": {"request": {"bytes": 10}}, "action": "block"});
    let bench = Bench::of(&guarded(rule));
    let mut run = bench.run();
    assert!(sent(&mut run, &upload("text")).is_ok());
}

#[test]
fn a_file_is_read_and_removed_where_it_is_kept() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"requests": 3, "per": "day"}]);
    let bench = Bench::of(&policy);
    // The backend of new files may be another one by now.
    let id = told("acme", "near");
    for (method, below, operation) in [
        ("GET", "", "files_retrieve"),
        ("GET", "/content", "files_content"),
        ("DELETE", "", "files_delete"),
    ] {
        let mut run = bench.run();
        let head = run.head(
            method,
            &format!("{PATH}/{id}{below}?a=1&key=k"),
            &[USER],
            true,
        );
        let edits = forwarded(head);
        assert_eq!(path_of(&edits), format!("/v1/files/file-AbC1{below}?a=1"));
        match below {
            "" => {
                run.answer("200", JSON);
                assert_eq!(replaced(run.data(TELLS, true))["id"], id);
            }
            // Of what it holds nothing is changed.
            _ => {
                run.answer("200", JSON);
                assert_eq!(run.data(TELLS, true), OnData::Pass);
            }
        }
        says(
            &run.done(),
            json!({"operation": operation, "status": 200, "outcome": "ok", "input_tokens": 0,
                "cost_nano_usd": 0, "backend": "near"}),
        );
    }
    let mut run = bench.run();
    let on = run.head("GET", &format!("{PATH}/{id}"), &[USER], true);
    assert_eq!(refused_head(&on).0, 429);
}

#[test]
fn what_the_provider_does_not_have_is_not_found_and_errors_tell_the_callers_id() {
    let bench = Bench::of(&keeping());
    let id = told("acme", "far");
    for below in ["", "/content"] {
        let path = format!("{PATH}/{id}{below}");
        let mut run = bench.run();
        forwarded(run.head("GET", &path, &[USER], true));
        let refused = refused_answer(&run.answer("404", JSON));
        assert_eq!(refused, (404, "file_not_found".to_owned()));
        run.finish(404, "via_upstream");
        let mut run = bench.run();
        forwarded(run.head("GET", &path, &[USER], true));
        run.answer("400", JSON);
        let error = r#"{"error":{"message":"file-AbC1 (file-AbC12) may not be read"}}"#;
        let error = replaced(run.data(error, true));
        assert_eq!(
            error["error"]["message"],
            format!("{id} (file-AbC12) may not be read")
        );
    }
}

#[test]
fn an_id_that_is_not_the_tenants_is_not_found() {
    let bench = Bench::of(&keeping());
    let mut forged = told("acme", "far");
    forged.pop();
    let response = Thing {
        kind: Kind::Response,
        ..thing("far")
    };
    let response = secrets().wrap("acme", &response).unwrap();
    let as_file = response.replacen("resp_", "file-", 1);
    for (key, id) in [
        (BLUE, told("acme", "far")),
        (USER, told("blue", "far")),
        (USER, told("acme", "gone")),
        (USER, forged),
        (USER, response),
        (USER, as_file),
        (USER, "file-AbC1".to_owned()),
    ] {
        let wanted = (404, "file_not_found".to_owned());
        for (method, below) in [("GET", ""), ("DELETE", ""), ("GET", "/content")] {
            let mut run = bench.run();
            let on = run.head(method, &format!("{PATH}/{id}{below}"), &[key], true);
            assert_eq!(refused_head(&on), wanted, "{method} {below} {id}");
            run.done();
        }
        if id != told("acme", "gone") {
            for (path, body) in [(CHAT, chat(&id)), (RESPONSES, response_of(&id))] {
                let mut run = bench.run();
                run.head("POST", path, &[key], false);
                assert_eq!(refused_body(&run.body(&body)), wanted, "{path} {id}");
                run.done();
            }
        }
    }
}

#[test]
fn lists_other_methods_and_other_paths() {
    let bench = Bench::of(&keeping());
    let id = told("acme", "far");
    for (method, path, status, code) in [
        ("GET", PATH.to_owned(), 404, "no_lists"),
        ("PUT", PATH.to_owned(), 405, "method_not_allowed"),
        ("PUT", format!("{PATH}/{id}"), 405, "method_not_allowed"),
        (
            "POST",
            format!("{PATH}/{id}/content"),
            405,
            "method_not_allowed",
        ),
        ("GET", format!("{PATH}/{id}/more"), 404, "unknown_endpoint"),
        (
            "GET",
            format!("{PATH}/{id}/content/x"),
            404,
            "unknown_endpoint",
        ),
        ("GET", "/v1/filesystem".to_owned(), 404, "unknown_endpoint"),
        ("POST", "/v1/uploads".to_owned(), 404, "unknown_endpoint"),
    ] {
        let mut run = bench.run();
        let on = run.head(method, &path, &[USER], true);
        assert_eq!(
            refused_head(&on),
            (status, code.to_owned()),
            "{method} {path}"
        );
        run.done();
    }
    // Without a backend for them there are none.
    let mut policy = keeping();
    policy["stored"] = json!({"secrets": [SECRET]});
    for policy in [policy, super::policy()] {
        let bench = Bench::of(&policy);
        for (method, path) in [("POST", PATH.to_owned()), ("GET", format!("{PATH}/{id}"))] {
            let mut run = bench.run();
            let on = run.head(method, &path, &[USER, FORM], true);
            assert_eq!(refused_head(&on), (404, "unknown_endpoint".to_owned()));
        }
        let mut run = bench.run();
        run.head("POST", CHAT, &[USER], false);
        let refused = refused_body(&run.body(&chat(&id)));
        assert_eq!(refused, (400, "unsupported_parameter".to_owned()));
    }
}

const RESPONSES: &str = "/v1/responses";

fn chat(id: &str) -> String {
    json!({"model": "smart", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "hi"}, {"type": "file", "file": {"file_id": id}}]}]})
    .to_string()
}

fn response_of(id: &str) -> String {
    json!({"model": "smart", "store": false, "input": [{"role": "user", "content": [
        {"type": "input_text", "text": "hi"}, {"type": "input_file", "file_id": id},
        {"type": "input_image", "file_id": id, "detail": "low"}]}]})
    .to_string()
}

/// What is sent of a request that names a file, and the prompt that is reserved.
fn asked(bench: &Bench, path: &str, body: &str) -> Result<(String, u64), (u16, String)> {
    let mut run = bench.run();
    run.head("POST", path, &[USER], false);
    match run.body(body) {
        OnBody::Forward(outgoing) => {
            let new = outgoing.rewrite.unwrap().whole(body.as_bytes());
            let Phase::Sent { ask, .. } = &run.call.phase else {
                panic!()
            };
            let prompt = ask.held.prompt;
            run.answer("400", JSON);
            let error = r#"{"error":{"message":"file-AbC1 is no PDF"}}"#;
            let error = replaced(run.data(error, true));
            let id = told("acme", "far");
            assert_eq!(error["error"]["message"], format!("{id} is no PDF"));
            run.done();
            Ok((String::from_utf8(new).unwrap(), prompt))
        }
        other => Err(refused_body(&other)),
    }
}

#[test]
fn a_request_names_files_by_ids_of_ours() {
    let mut policy = keeping();
    policy["tenants"]["acme"]["limits"] = json!([{"tokens": 1_000_000, "per": "day"}]);
    let bench = Bench::of(&policy);
    let id = told("acme", "far");
    for (path, of, image) in [
        (CHAT, chat as fn(&str) -> String, 0),
        (RESPONSES, response_of, 85),
    ] {
        let (new, prompt) = asked(&bench, path, &of(&id)).unwrap();
        let new = new.replacen("\"max_completion_tokens\":4096,", "", 1);
        let new = new.replacen("\"max_output_tokens\":4096,", "", 1);
        assert_eq!(
            new,
            of("file-AbC1").replace("\"smart\"", "\"gpt \\\"5\\\"\"")
        );
        // The file as its id says, and few words.
        assert!((6_000 + image..6_060 + image).contains(&prompt), "{prompt}");
    }
    // Where it goes on from a response, too.
    let kept = Thing {
        kind: Kind::Response,
        id: "resp_0a".to_owned(),
        ..thing("far")
    };
    let previous = secrets().wrap("acme", &kept).unwrap();
    let with = |previous: &str, id: &str| {
        let body = response_of(id);
        body.replacen(
            '{',
            &format!("{{\"previous_response_id\":\"{previous}\","),
            1,
        )
    };
    let (new, prompt) = asked(&bench, RESPONSES, &with(&previous, &id)).unwrap();
    assert!(new.contains("\"resp_0a\"") && !new.contains(&id), "{new}");
    assert!((12_085..12_150).contains(&prompt), "{prompt}");
}

#[test]
fn a_request_stays_where_its_files_are_kept() {
    let mut policy = keeping();
    policy["models"]["smart"]["targets"] =
        json!([{"backend": "near", "model": "b"}, {"backend": "far", "model": "c"}]);
    let bench = Bench::of(&policy);
    let (new, _) = asked(&bench, CHAT, &chat(&told("acme", "far"))).unwrap();
    assert!(new.contains("\"model\":\"c\""), "{new}");
    let bench = Bench::of(&keeping());
    let elsewhere = asked(&bench, CHAT, &chat(&told("acme", "near"))).unwrap_err();
    assert_eq!(elsewhere, (400, "file_kept_elsewhere".to_owned()));
    // Of several, all have to be there.
    let part = |backend: &str| json!({"type": "file", "file": {"file_id": told("acme", backend)}});
    let body = |parts: Vec<Value>| {
        json!({"model": "smart", "messages": [{"role": "user", "content": parts}]}).to_string()
    };
    let bench = Bench::of(&policy);
    let both = body(vec![part("far"), part("near")]);
    let refused = asked(&bench, CHAT, &both).unwrap_err();
    assert_eq!(refused, (400, "file_kept_elsewhere".to_owned()));
    let many = body(vec![part("far"); 129]);
    let refused = asked(&bench, CHAT, &many).unwrap_err();
    assert_eq!(refused, (400, "invalid_value".to_owned()));
    assert!(asked(&bench, CHAT, &body(vec![part("far"); 128])).is_ok());
}

#[test]
fn files_were_inspected_when_they_came() {
    let bench = Bench::of(&masking());
    let id = told("acme", "far");
    assert!(asked(&bench, CHAT, &chat(&id)).is_ok());
    let (new, _) = asked(
        &bench,
        RESPONSES,
        &response_of(&id).replace("\"hi\"", "\"ann@zwexford.org\""),
    )
    .unwrap();
    assert!(
        new.contains("<EMAIL_ADDRESS>") && new.contains("\"file-AbC1\""),
        "{new}"
    );
    assert_eq!(
        bench.counted(
            "tollgate.unscannable_total",
            &[("kind", "remote"), ("action", "pass")]
        ),
        [0; 0]
    );
    // Errors of the provider's are inspected.
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[USER], true));
    run.answer("400", JSON);
    let error = r#"{"error":{"message":"file-AbC1 is of ann@zwexford.org"}}"#;
    let error = replaced(run.data(error, true));
    let wanted = format!("{id} is of <EMAIL_ADDRESS>");
    assert_eq!(error["error"]["message"], wanted);
    // An id where no file is read from is not one that was opened.
    let strange = chat(&id).replace("\"file_id\"", "\"FILE_ID\"");
    let refused = asked(&bench, CHAT, &strange).unwrap_err();
    assert_eq!(refused, (400, "unscannable_request".to_owned()));
    // What a file holds can't be inspected on its way back.
    let mut run = bench.run();
    let on = run.head("GET", &format!("{PATH}/{id}/content"), &[USER], true);
    assert_eq!(refused_head(&on), (404, "unscannable_path".to_owned()));
    let mut run = bench.run();
    forwarded(run.head("GET", &format!("{PATH}/{id}"), &[USER], true));
}

/// Members of a panel do not have what one provider keeps.
#[test]
fn regression_a_panel_does_not_answer_who_names_files() {
    let mut policy = keeping();
    policy["limits"]["held_per_tenant"] = json!(4 << 20);
    policy["models"]["smart"]["workflow"] = json!({"panel": {
        "members": [{"cluster": "one", "model": "m1"}, {"cluster": "two", "model": "m2"}],
        "judge": {"cluster": "judge", "model": "j"}}});
    let bench = Bench::of(&policy);
    let id = told("acme", "far");
    for (path, body) in [(CHAT, chat(&id)), (RESPONSES, response_of(&id))] {
        let (new, _) = asked(&bench, path, &body).unwrap();
        assert!(new.contains("\"file-AbC1\""), "{new}");
    }
    // By an id of nobody's none is asked, either.
    let refused = asked(&bench, CHAT, &chat("file-AbC1")).unwrap_err();
    assert_eq!(refused, (404, "file_not_found".to_owned()));
    let source = json!({"type": "file", "file_id": id});
    let body = json!({"model": "smart", "max_tokens": 9, "messages": [{"role": "user", "content": [
        {"type": "document", "source": source}]}]});
    let refused = asked(&bench, "/v1/messages", &body.to_string()).unwrap_err();
    assert_eq!(refused, (400, "unsupported_parameter".to_owned()));
    // Others it answers.
    let mut run = bench.run();
    run.head("POST", CHAT, &[USER], false);
    assert!(matches!(run.body(BODY), OnBody::Ask(_)));
}

/// Status, code and `param` of a refusal.
fn blamed(reply: &Reply) -> (u16, String, Value) {
    let (status, code) = status_and_code(reply);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (status, code, body["error"]["param"].clone())
}

#[test]
fn regression_a_file_that_the_provider_has_no_more_is_not_found() {
    let bench = Bench::of(&keeping());
    let error = json!({"error": {"message": "No such File object: file-AbC1",
        "type": "invalid_request_error", "param": null, "code": null}});
    for (path, body) in [
        (CHAT, chat(&told("acme", "far"))),
        (RESPONSES, response_of(&told("acme", "far"))),
    ] {
        for status in ["400", "404"] {
            let mut run = bench.run();
            run.head("POST", path, &[USER], false);
            assert!(matches!(run.body(&body), OnBody::Forward(_)));
            run.answer(status, JSON);
            let OnData::Reply(reply) = run.data(&error.to_string(), true) else {
                panic!("{path} {status}")
            };
            let wanted = (404, "file_not_found".to_owned(), json!("file_id"));
            assert_eq!(blamed(&reply), wanted);
            says(&run.done(), json!({"input_tokens": 0, "cost_nano_usd": 0}));
        }
    }
}

#[test]
fn regression_refusals_about_files_name_their_place() {
    let mut policy = keeping();
    policy["models"]["smart"]["targets"] =
        json!([{"backend": "near", "model": "b"}, {"backend": "far", "model": "c"}]);
    let bench = Bench::of(&policy);
    let refused = |bench: &Bench, path: &str, body: &str| {
        let mut run = bench.run();
        run.head("POST", path, &[USER], false);
        match run.body(body) {
            OnBody::Reply(reply) => blamed(&reply),
            other => panic!("{other:?}"),
        }
    };
    let in_chat = "messages[0].content[1].file.file_id";
    let in_response = "input[0].content[1].file_id";
    let unknown = told("blue", "far");
    for (path, body, place) in [
        (CHAT, chat(&unknown), in_chat),
        (RESPONSES, response_of(&unknown), in_response),
    ] {
        let wanted = (404, "file_not_found".to_owned(), json!(place));
        assert_eq!(refused(&bench, path, &body), wanted);
    }
    let part = |id: &str| json!({"type": "file", "file": {"file_id": id}});
    let here = told("acme", "far");
    let with = |parts: Vec<Value>| {
        json!({"model": "smart", "messages": [{"role": "user", "content": parts}]}).to_string()
    };
    let mut many = vec![part(&here); 128];
    many.push(part(&here));
    let told = refused(&bench, CHAT, &with(many));
    let place = json!("messages[0].content[128].file.file_id");
    assert_eq!(told, (400, "invalid_value".to_owned(), place));
    let parts = vec![part(&here), part(&super::files::told("acme", "near"))];
    let told = refused(&bench, CHAT, &with(parts));
    let place = json!("messages[0].content[1].file.file_id");
    assert_eq!(told, (400, "file_kept_elsewhere".to_owned(), place));
    // Where no files are kept.
    let bench = Bench::of(&super::policy());
    for (path, body, place) in [
        (CHAT, chat(&unknown), in_chat),
        (RESPONSES, response_of(&unknown), in_response),
    ] {
        let wanted = (400, "unsupported_parameter".to_owned(), json!(place));
        assert_eq!(refused(&bench, path, &body), wanted);
    }
    let number = response_of("x").replacen("\"file_id\":\"x\"", "\"file_id\":7", 1);
    let wanted = (400, "invalid_value".to_owned(), json!(in_response));
    assert_eq!(refused(&bench, RESPONSES, &number), wanted);
}
