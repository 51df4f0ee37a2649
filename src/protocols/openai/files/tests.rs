use super::*;

fn form(parts: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        let (name, file) = match name.split_once('@') {
            Some((name, file)) => (name, format!("; filename=\"{file}\"")),
            None => (*name, String::new()),
        };
        format!("--bnd\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--bnd--\r\n"
}

const FILE: (&str, &str) = ("file@a.txt", "text");

#[test]
fn what_is_read() {
    for (purpose, wanted) in [
        ("assistants", FilePurpose::Input),
        ("user_data", FilePurpose::Input),
        ("vision", FilePurpose::Input),
        ("batch", FilePurpose::Batch),
    ] {
        let body = form(&[
            ("purpose", purpose),
            FILE,
            ("expires_after[anchor]", "created_at"),
        ]);
        let upload = read_upload(body.as_bytes()).unwrap();
        assert_eq!((upload.purpose, upload.file), (wanted, &b"text"[..]));
        assert_eq!(&body[upload.span.start..upload.span.end], "text");
    }
}

#[test]
fn what_is_refused() {
    let purpose = ("purpose", "user_data");
    for (parts, code, param) in [
        (&[][..], "invalid_multipart", None),
        (&[purpose], "missing_required_parameter", Some("file")),
        (&[FILE], "missing_required_parameter", Some("purpose")),
        (
            &[FILE, ("purpose", "fine-tune")],
            "invalid_value",
            Some("purpose"),
        ),
        (&[FILE, ("purpose", "")], "invalid_value", Some("purpose")),
        (
            &[FILE, ("Purpose", "batch")],
            "invalid_value",
            Some("purpose"),
        ),
        (
            &[FILE, ("purpose@p", "batch")],
            "invalid_value",
            Some("body"),
        ),
        (&[FILE, purpose, purpose], "duplicate_key", None),
        (&[FILE, FILE, purpose], "duplicate_key", None),
        (
            &[FILE, ("file2@b", "x"), purpose],
            "invalid_value",
            Some("body"),
        ),
        (&[("FILE@a", "x"), purpose], "invalid_value", Some("file")),
        (&[("file", "x"), purpose], "invalid_value", Some("file")),
        (&[("file@a", ""), purpose], "invalid_value", Some("file")),
    ] {
        let body = form(parts);
        let refusal = read_upload(body.as_bytes()).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            (code, param),
            "{parts:?}"
        );
    }
    let mut bytes = form(&[FILE, purpose, ("x", "#")]).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'#').unwrap();
    bytes[at] = 0xFF;
    assert_eq!(
        read_upload(&bytes).unwrap_err().param.as_deref(),
        Some("body")
    );
}

#[test]
fn every_cut_of_a_form_is_refused() {
    let body = form(&[("purpose", "user_data"), FILE]);
    for at in 0..body.len() - 2 {
        assert!(read_upload(&body.as_bytes()[..at]).is_err(), "{at}");
    }
}

/// The texts of an upload: how each is read, and what it says; `!` is what can't be read.
fn texts(body: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    upload_texts(body, &mut |found| match found {
        Found::Text(InputText { text, origin, form }) => {
            let span = text.span();
            let value = text.value().into_owned();
            assert_eq!(&body[span.start..span.end], value.as_bytes());
            texts.push(format!("{origin:?} {form:?} {value}"));
        }
        Found::Unscannable(kind) => texts.push(format!("!{kind:?}")),
        other @ Found::AsksForJson => panic!("{other:?}"),
    })
    .unwrap();
    texts
}

#[test]
fn files_of_text_are_read() {
    for (file, wanted) in [
        ("a\r\nb", vec!["User Text a\r\nb"]),
        ("\u{FEFF}é", vec!["User Text \u{FEFF}é"]),
        ("{\"a\":\n1}", vec!["User Json {\"a\":\n1}"]),
        (" [1]", vec!["User Json  [1]"]),
        (
            "{\"a\":1}\n{\"b\":2}",
            vec!["User Json {\"a\":1}", "User Json {\"b\":2}"],
        ),
        (
            "{}\r\n\r\n1\r\n",
            vec!["User Json {}", "User Json ", "User Json 1"],
        ),
        ("{}\nno", vec!["User Json {}\nno"]),
        ("a\0b", vec!["!Media"]),
        ("x%PDF-1.7 all in letters", vec!["!Media"]),
    ] {
        let body = form(&[("purpose", "user_data"), ("file@a", file)]);
        let wanted: Vec<String> = ["FileName Text a"]
            .iter()
            .chain(&wanted)
            .map(|text| (*text).to_owned())
            .collect();
        assert_eq!(texts(body.as_bytes()), wanted, "{file:?}");
    }
    let mut bytes = form(&[("purpose", "user_data"), ("file@a", "#")]).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'#').unwrap();
    bytes[at] = 0xFF;
    assert_eq!(texts(&bytes), ["FileName Text a", "!Media"]);
}

#[test]
fn fields_are_texts_unless_they_are_spelled_as_names() {
    let body = form(&[
        ("purpose", "vision"),
        ("expires_after[seconds]", "3600"),
        ("note", "to ann"),
        FILE,
    ]);
    assert_eq!(
        texts(body.as_bytes()),
        ["Other Text to ann", "FileName Text a.txt", "User Text text"]
    );
    let requests = form(&[("purpose", "batch"), FILE]);
    assert_eq!(texts(requests.as_bytes()), ["FileName Text a.txt"]);
    let encoded = body.replace("; filename=\"a.txt\"", "; filename*=UTF-8''a%40b");
    assert_eq!(
        texts(encoded.as_bytes()),
        ["Other Text to ann", "!Media", "User Text text"]
    );
}

#[test]
fn ids_of_objects_and_of_nothing_in_them() {
    let text = r#"{"id":"batch_1","object":"batch","input_file_id":"file-1","metadata":{"id":"x"},"output_file_id":null,"error_file_id":"file-2","filename":"id"}"#;
    let mut ids = Vec::new();
    object_ids(text.as_bytes(), &mut |name, id| {
        ids.push(format!("{name} {}", id.value()));
    });
    assert_eq!(
        ids,
        ["id batch_1", "input_file_id file-1", "error_file_id file-2"]
    );
    for text in ["", "[]", "{\"id\":7}", "{\"id\""] {
        object_ids(text.as_bytes(), &mut |name, _| panic!("{name} in {text}"));
    }
}
