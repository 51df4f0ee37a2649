use super::*;
use proptest::prelude::*;

const FORM: &str = "--xYz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
    --xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.mp3\"\r\n\
    Content-Type: audio/mpeg\r\n\r\n\r\n-- \x00 ID3\r\n\r\n--xYz\r\n\
    content-disposition:form-data;name=prompt\r\n\r\n\r\n--xYz--\r\n";

fn kind(body: impl AsRef<[u8]>) -> Option<ErrorKind> {
    Form::read(body.as_ref()).err().map(|error| error.kind)
}

fn edited(body: &[u8], edit: impl FnOnce(&Form<'_>, &mut Edits)) -> Vec<u8> {
    let form = Form::read(body).unwrap();
    let mut edits = Edits::default();
    edit(&form, &mut edits);
    let rewrite = edits.apply(body);
    rewrite.map_or_else(|| body.to_vec(), |rewrite| rewrite.whole(body))
}

#[test]
fn parts_as_they_stand() {
    let form = Form::read(FORM.as_bytes()).unwrap();
    for (boundary, is_it) in [("xYz", true), ("xY", false), ("xYz-", false), ("", false)] {
        assert_eq!(begins_with(FORM.as_bytes(), boundary), is_it, "{boundary}");
    }
    let [model, file, prompt] = form.parts() else {
        panic!("{form:?}")
    };
    assert_eq!((model.name, model.text()), ("model", Some("whisper-1")));
    assert_eq!((file.name, file.text()), ("file", None));
    assert_eq!(file.value, b"\r\n-- \x00 ID3\r\n");
    let Some(FileName::Plain(name, span)) = file.file else {
        panic!("{file:?}")
    };
    assert_eq!((name, &FORM[span.start..span.end]), ("a b.mp3", "a b.mp3"));
    assert_eq!((prompt.name, prompt.text()), ("prompt", Some("")));
    assert_eq!(&FORM[model.span.start..model.span.end], "whisper-1");
}

#[test]
fn boundaries_of_content_types() {
    for (content_type, boundary) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        (
            "Multipart/Form-Data; charset=utf-8; Boundary=\"a:b\"",
            Some("a:b"),
        ),
        (
            "multipart/form-data; boundary=abc; charset=\"US-ASCII\";",
            Some("abc"),
        ),
        ("multipart/form-data; boundary=abc; charset=utf-16", None),
        ("multipart/form-data; charset =utf-16; boundary=abc", None),
        ("multipart/form-data; charset= utf-16; boundary=abc", None),
        (
            "multipart/form-data; charset=utf-8; charset=utf-16; boundary=abc",
            None,
        ),
        (
            "multipart/form-data; charset*=utf-8''utf-16; boundary=abc",
            None,
        ),
        (
            "multipart/form-data; boundary=abc; boundary*=utf-8''b",
            None,
        ),
        ("multipart/form-data; boundary*0=abc; boundary=abc", None),
        ("multipart/form-data; boundary=abc; other=b", None),
        (
            "multipart/form-data; x=\"; boundary=b\"; boundary=abc",
            None,
        ),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=\"a b\"", None),
        ("multipart/form-data; boundary=\"a;b\"", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"\"", None),
        ("multipart/form-data; boundary=ä", None),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json; boundary=abc", None),
    ] {
        assert_eq!(of_content_type(content_type), boundary, "{content_type}");
    }
    let long = |length| format!("multipart/form-data; boundary={}", "a".repeat(length));
    assert!(of_content_type(&long(70)).is_some());
    assert!(of_content_type(&long(71)).is_none());
}

#[test]
fn what_is_not_forgiven() {
    use ErrorKind::*;
    let part = |head: &str| format!("--b\r\n{head}\r\n\r\nv\r\n--b--");
    let named = |more: &str| part(&format!("Content-Disposition: form-data; name=\"a\"{more}"));
    let two = |one: &str, other: &str| {
        let head = |name: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nv\r\n")
        };
        format!("{}{}--b--", head(one), head(other))
    };
    for (body, wanted) in [
        (named(""), None),
        (named("") + "\r\n", None),
        (named("; filename=\"\""), None),
        (named("; filename=\"a\\\"b;c\""), None),
        (named("; filename*=UTF-8''%e2%82%ac"), None),
        // Servers differ in which of both they take.
        (named("; filename=\"a\"; filename*=UTF-8''b"), Some(Head)),
        (named("\r\nX-Other: 1"), None),
        (named("\r\nContent-Type: text/plain; charset=UTF-8"), None),
        (named("\r\nContent-Type: audio/webm; codecs=\"opus\""), None),
        (
            named("\r\nContent-Type: text/plain; charset =utf-16"),
            Some(Head),
        ),
        (
            named("\r\nContent-Type: text/plain; charset= utf-16"),
            Some(Head),
        ),
        (
            named("\r\nContent-Type: text/plain; charset*=''utf-16"),
            Some(Head),
        ),
        (
            named("\r\nContent-Type: text/plain charset=utf-16"),
            Some(Head),
        ),
        (
            named("\r\nContent-Type: text/plain; charset=utf-8; charset=utf-16"),
            Some(Head),
        ),
        (two("_charset_", "b"), Some(Nested)),
        (named("\r\nContent-Transfer-Encoding: binary"), None),
        (two("a[]", "a[]"), None),
        (two("a", "b"), None),
        (two("a", "a"), Some(Duplicate)),
        (two("a", "A"), Some(Duplicate)),
        (two("a[]", "A[]"), Some(Duplicate)),
        (String::new(), Some(Empty)),
        ("--b--\r\n".into(), Some(Head)),
        ("--b--".into(), Some(NoBoundary)),
        ("x\r\n".to_owned() + &named(""), Some(NoBoundary)),
        ("\r\n".to_owned() + &named(""), Some(NoBoundary)),
        (named("").replace("\r\n", "\n"), Some(NoBoundary)),
        (named("").replace("--b\r\n", "--b \r\n"), Some(NoBoundary)),
        (named("").replace("--b--", "--b"), Some(StrayBoundary)),
        (named("").replace("--b--", "--b-"), Some(StrayBoundary)),
        (named("").replace("--b--", "--c--"), Some(Unfinished)),
        (named("").replace("v\r\n--b", "v\n--b"), Some(StrayBoundary)),
        (
            named("").replace("v\r\n--b", "v--b\r\n--b"),
            Some(StrayBoundary),
        ),
        (named("").replace("v\r\n--b", "--b"), Some(StrayBoundary)),
        (named("") + "x", Some(Trailing)),
        (named("") + "\r\n--b--", Some(Trailing)),
        (part("Content-Type: text/plain"), Some(Head)),
        (part("Content-Disposition: form-data"), Some(Head)),
        (
            part("Content-Disposition: attachment; name=\"a\""),
            Some(Head),
        ),
        (
            part("Content-Disposition: form-data; name=\"\""),
            Some(Head),
        ),
        (
            part("Content-Disposition: form-data; name=\"a\\\"b\""),
            Some(Head),
        ),
        (
            part("Content-Disposition: form-data; name=\"a%22\""),
            Some(Head),
        ),
        (part("Content-Disposition: form-data; name=\"a"), Some(Head)),
        (named("; name=\"b\""), Some(Head)),
        (named("; filename=\"a\"; filename=\"b\""), Some(Head)),
        (named("; other=b"), Some(Head)),
        (named(" x"), Some(Head)),
        (
            named("\r\nContent-Disposition: form-data; name=\"b\""),
            Some(Head),
        ),
        (named("\r\n folded"), Some(Head)),
        (named("\r\nX : 1"), Some(Head)),
        (named("\r\nX: \0"), Some(Head)),
        (named("\r\nX: a\rb"), Some(Head)),
        (named("\r\nX: a\nb"), Some(Head)),
        (
            named(&format!("\r\nX: {}", "a".repeat(MAX_HEAD))),
            Some(Head),
        ),
        (
            named("\r\nContent-Type: multipart/mixed; boundary=c"),
            Some(Nested),
        ),
        (named("\r\nContent-Type: message/rfc822"), Some(Nested)),
        (
            named("\r\nContent-Type: text/plain; charset=utf-7"),
            Some(Nested),
        ),
        (named("\r\nContent-Transfer-Encoding: base64"), Some(Nested)),
        (named("\r\nContent-Encoding: gzip"), Some(Nested)),
    ] {
        assert_eq!(kind(&body), wanted, "{body:?}");
    }
}

#[test]
fn parts_are_bounded() {
    let form = |parts: usize| {
        let part = "--b\r\nContent-Disposition: form-data; name=\"a[]\"\r\n\r\nv\r\n";
        part.repeat(parts) + "--b--"
    };
    assert_eq!(kind(form(MAX_PARTS)), None);
    assert_eq!(kind(form(MAX_PARTS + 1)), Some(ErrorKind::TooMany));
}

#[test]
fn a_part_of_a_form_is_no_form() {
    let body = FORM.as_bytes();
    // The line end behind the last boundary may be missing.
    let whole = [body.len(), body.len() - 2];
    for end in 0..body.len() {
        assert_eq!(
            Form::read(&body[..end]).is_ok(),
            whole.contains(&end),
            "{end}"
        );
    }
}

#[test]
fn edits_leave_the_rest_as_it_is() {
    let body = FORM.as_bytes();
    let new = edited(body, |form, edits| {
        let model = form.part_named("model").unwrap();
        form.replace(edits, model, "gpt-4o-transcribe".to_owned());
        form.remove(edits, |name| name == "prompt");
        form.insert(edits, "stream", "true");
    });
    let wanted = FORM.replace("whisper-1", "gpt-4o-transcribe");
    let (front, _) = wanted.split_once("--xYz\r\ncontent-").unwrap();
    let stream = "--xYz\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n";
    assert_eq!(
        String::from_utf8(new).unwrap(),
        format!("{stream}{front}--xYz--\r\n")
    );
}

fn form_of(parts: &[(String, Option<String>, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, value) in parts {
        let file = file.as_ref().map(|file| format!("; filename=\"{file}\""));
        let file = file.unwrap_or_default();
        let head =
            format!("--bOuNd\r\nContent-Disposition: form-data; name=\"{name}[]\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend(b"--bOuNd--\r\n");
    body
}

fn arb_parts() -> impl Strategy<Value = Vec<(String, Option<String>, Vec<u8>)>> {
    let part = (
        "[a-z_]{1,8}",
        proptest::option::of("[ -!#-\\[\\]-~äß]{0,12}"),
        proptest::collection::vec(
            prop_oneof![Just(b'-'), Just(b'\r'), Just(b'\n'), any::<u8>()],
            0..40,
        ),
    );
    proptest::collection::vec(part, 1..8)
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(prop_oneof![
        Just(b"--b".to_vec()), Just(b"\r\n".to_vec()), Just(b"\"".to_vec()), Just(b";".to_vec()),
        Just(b"Content-Disposition: form-data; name=\"a\"".to_vec()), Just(b"; filename".to_vec()),
        Just(b"=".to_vec()), Just(b"--".to_vec()), any::<u8>().prop_map(|byte| vec![byte])], 0..40)) {
        for body in [bytes.concat(), [b"--b\r\n".to_vec(), bytes.concat()].concat()] {
            if let Ok(form) = Form::read(&body) {
                // What was read stands there.
                for part in form.parts() {
                    prop_assert_eq!(&body[part.span.start..part.span.end], part.value);
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read(parts in arb_parts()) {
        let body = form_of(&parts);
        let form = Form::read(&body).unwrap();
        prop_assert_eq!(form.parts().len(), parts.len());
        for (part, (name, file, value)) in form.parts().iter().zip(&parts) {
            prop_assert_eq!(part.name, format!("{name}[]"));
            prop_assert_eq!(part.value, value);
            let read = part.file.map(|file| match file {
                FileName::Plain(name, _) => name.to_owned(),
                FileName::Encoded => panic!("it is in quotes"),
            });
            prop_assert_eq!(&read, file);
        }
    }

    #[test]
    fn an_edit_changes_what_was_asked(parts in arb_parts(), at in any::<prop::sample::Index>(), value in "[a-z \r\n]{0,30}") {
        let body = form_of(&parts);
        let at = at.index(parts.len());
        let new = edited(&body, |form, edits| {
            form.replace(edits, &form.parts()[at], value.clone());
            form.insert(edits, "model", "m");
        });
        let form = Form::read(&new).unwrap();
        prop_assert_eq!(form.part_named("model").unwrap().value, b"m");
        for (index, (part, (_, _, before))) in form.parts()[1..].iter().zip(&parts).enumerate() {
            let wanted = if index == at { value.as_bytes() } else { before };
            prop_assert_eq!(part.value, wanted);
        }
        let gone = format!("{}[]", parts[at].0);
        let fewer = edited(&body, |form, edits| form.remove(edits, |name| name == gone));
        let left: Vec<_> = parts.iter().filter(|(name, ..)| format!("{name}[]") != gone).cloned().collect();
        if !left.is_empty() {
            prop_assert_eq!(fewer, form_of(&left));
        }
    }
}
