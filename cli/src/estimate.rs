/*! `tollgate estimate`: how many tokens texts come to, by the gateway's own estimator. */

use std::io::{self, BufRead, Write};
use tollgate::json::{Error, Kind, Reader, Text};
use tollgate::tokens::Tally;

/// Reads JSON Lines of `id` and `text`, and writes one of `id` and `tokens` for each. Other
/// members are passed over, and so are empty lines. Ends at the first line that is no such
/// object.
///
/// # Errors
/// Reading or writing fails; or a line is not as it should be: that is of kind
/// [`io::ErrorKind::InvalidData`], and tells the number of the line, never its text.
pub(crate) fn lines(input: impl BufRead, output: &mut impl Write) -> io::Result<()> {
    for (number, line) in (1_u64..).zip(input.split(b'\n')) {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (id, tokens) = estimate(&line).map_err(|problem| {
            let message = format!("line {number}: {problem}");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        output.write_all(b"{\"id\":")?;
        output.write_all(id)?;
        writeln!(output, ",\"tokens\":{tokens}}}")?;
    }
    Ok(())
}

/// The `id` of a line as it stands there, and the tokens of its `text`.
fn estimate(line: &[u8]) -> Result<(&[u8], u64), String> {
    let (id, text) = members(line).map_err(|error| error.to_string())?;
    let text = text.ok_or("\"text\" is missing or no string")?;
    let mut tally = Tally::default();
    tally.add_json(text.raw());
    Ok((id.ok_or("\"id\" is missing")?, tally.tokens()))
}

type Members<'a> = (Option<&'a [u8]>, Option<Text<'a>>);

fn members(line: &[u8]) -> Result<Members<'_>, Error> {
    let mut reader = Reader::new(line, watched)?;
    let (mut id, mut text) = (None, None);
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("id", _) => {
                let span = reader.skip()?;
                id = line.get(span.start..span.end);
            }
            ("text", Kind::String) => text = Some(reader.string()?),
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    Ok((id, text))
}

/// Of two, nobody could say which is meant.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    match key {
        b"id" => Some(("id", 0)),
        b"text" => Some(("text", 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &str) -> (String, Option<String>) {
        let mut output = Vec::new();
        let ended = lines(input.as_bytes(), &mut output);
        let problem = ended.err().map(|error| error.to_string());
        (String::from_utf8(output).unwrap(), problem)
    }

    #[test]
    fn one_line_for_each() {
        let input = "{\"id\":\"a\",\"text\":\"Hello, how are you today?\",\"label\":[1]}\n\n\
            {\"text\":\"\",\"id\":7}\r\n{\"id\":{\"x\":\"é\"},\"text\":\"caf\\u00e9\"}";
        let wanted = "{\"id\":\"a\",\"tokens\":7}\n{\"id\":7,\"tokens\":0}\n\
            {\"id\":{\"x\":\"é\"},\"tokens\":2}\n";
        assert_eq!(run(input), (wanted.to_owned(), None));
        assert_eq!(run(""), (String::new(), None));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_ends_it() {
        let good = "{\"id\":1,\"text\":\"a\"}";
        for (bad, problem) in [
            ("{\"id\":1}", "\"text\" is missing or no string"),
            (
                "{\"id\":1,\"text\":null}",
                "\"text\" is missing or no string",
            ),
            ("{\"text\":\"secret\"}", "\"id\" is missing"),
            ("{\"text\":\"a\",\"text\":\"b\"}", "stands twice"),
            ("secret", "line 3: "),
            ("{\"id\":1,\"text\":\"a\"} x", "line 3: "),
            ("[]", "line 3: "),
        ] {
            let (output, told) = run(&format!("{good}\n\n{bad}\n{good}\n"));
            assert_eq!(output.lines().count(), 1, "{bad}");
            let told = told.expect(bad);
            assert!(
                told.starts_with("line 3: ") && told.contains(problem),
                "{told}"
            );
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
