/*! What a model has said, where it is told again as a whole: at the end of parts of a stream, and in
a response that is read. */

use crate::json::{Error, Kind, Reader};
use crate::protocols::event::unwatched;
use crate::protocols::texts::peek;

/// How it is told again: each of them tells all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// A text by itself.
    Text,
    /// The part that it stands in.
    Part,
    /// The item that this stands in.
    Item,
}

/// Names of texts that a model has generated.
const SAID: [&str; 6] = [
    "arguments",
    "code",
    "input",
    "refusal",
    "text",
    "transcript",
];

/// Shows the texts, as JSON has them between its quotes, that the data of an event tells again.
pub fn told_again(data: &[u8], show: &mut dyn FnMut(Again, &[u8])) {
    // What can't be read to its end has told what stands before that.
    let _ = read_event(data, show);
}

/// The same of a response, or of the front of one.
pub fn told_whole(body: &[u8], show: &mut dyn FnMut(Again, &[u8])) {
    let read = Reader::new(body, unwatched).and_then(|mut reader| {
        reader.object(|reader, key| match key.value().as_ref() {
            "output" => texts(reader, &mut |text| show(Again::Item, text)),
            _ => reader.skip().map(drop),
        })
    });
    let _ = read;
}

fn read_event(data: &[u8], show: &mut dyn FnMut(Again, &[u8])) -> Result<(), Error> {
    let mut reader = Reader::new(data, unwatched)?;
    if reader.kind()? != Kind::Object {
        return Ok(());
    }
    let [name] = peek(&reader, ["type"]);
    let again = match name.as_ref() {
        "response.output_item.done" => Again::Item,
        "response.content_part.done" | "response.reasoning_summary_part.done" => Again::Part,
        name if name.ends_with(".done") => Again::Text,
        _ => return Ok(()),
    };
    texts(&mut reader, &mut |text| show(again, text))
}

fn texts(reader: &mut Reader<'_>, show: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| {
            let is_said = SAID.contains(&key.value().as_ref());
            match reader.kind()? {
                Kind::String if is_said => {
                    show(reader.string()?.raw());
                    Ok(())
                }
                _ => texts(reader, show),
            }
        }),
        Kind::Array => reader.array(|reader| texts(reader, show)),
        _ => reader.skip().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(read: impl FnOnce(&mut dyn FnMut(Again, &[u8]))) -> Vec<(Again, String)> {
        let mut all = Vec::new();
        read(&mut |again, text| {
            all.push((again, String::from_utf8(text.to_vec()).unwrap()));
        });
        all
    }

    #[test]
    fn texts_at_the_end_of_what_they_stand_in() {
        for (data, again, texts) in [
            (
                r#"{"type":"response.output_text.done","item_id":"m","text":"a\n"}"#,
                Again::Text,
                &["a\\n"][..],
            ),
            (
                r#"{"arguments":"{}","type":"response.function_call_arguments.done"}"#,
                Again::Text,
                &["{}"],
            ),
            (
                r#"{"type":"response.content_part.done","part":{"type":"output_text","text":"a"}}"#,
                Again::Part,
                &["a"],
            ),
            (
                r#"{"type":"response.output_item.done","item":{"id":"m","content":[{"text":"a","annotations":[]},{"refusal":"b"}]}}"#,
                Again::Item,
                &["a", "b"],
            ),
            (
                r#"{"type":"response.output_text.delta","text":"a","delta":"b"}"#,
                Again::Item,
                &[],
            ),
            ("[DONE]", Again::Item, &[]),
            ("{", Again::Item, &[]),
        ] {
            let wanted: Vec<_> = texts
                .iter()
                .map(|text| (again, (*text).to_owned()))
                .collect();
            assert_eq!(
                shown(|show| told_again(data.as_bytes(), show)),
                wanted,
                "{data}"
            );
        }
    }

    #[test]
    fn texts_of_a_response() {
        let body = r#"{"instructions":"no","tools":[{"text":"no"}],"output":[{"summary":[{"text":"a"}]},{"content":[{"text":"b"}]}],"text":{"format":{}}}"#;
        let wanted = ["a", "b"].map(|text| (Again::Item, text.to_owned()));
        assert_eq!(shown(|show| told_whole(body.as_bytes(), show)), wanted);
        // Of its front, what is there.
        let cut = body.split_once("\"b").unwrap().0;
        assert_eq!(shown(|show| told_whole(cut.as_bytes(), show)), wanted[..1]);
    }
}
