/*! An event that is too long to wait for: it goes on as it comes, and what matters of it is read
on the way. */

use crate::json::Capture;
use crate::sse;

/// An event of which the end is still to come.
#[derive(Debug)]
pub(super) struct LongEvent {
    /// Of Responses, the usage stands in the response that the event is about.
    capture: Capture,
    /// Whether a line of data is still open.
    in_data: bool,
}

const WANTED: [&str; 4] = ["type", "sequence_number", "usage", "error"];
const RESPONSE: &str = "response";
const IN_RESPONSE: [&str; 1] = ["usage"];

impl LongEvent {
    /// An event that begins so.
    pub(super) fn begin(front: &[u8]) -> Self {
        let mut long = Self {
            capture: Capture::with_inside(&WANTED, (RESPONSE, &IN_RESPONSE)),
            in_data: false,
        };
        long.lines(front);
        long
    }

    /// What comes behind that.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if !self.in_data {
            return self.lines(piece);
        }
        let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (line, rest) = piece.split_at(end.unwrap_or(piece.len()));
        self.capture.push(line);
        if !rest.is_empty() {
            self.lines(rest);
        }
    }

    fn lines(&mut self, lines: &[u8]) {
        if let Some(data) = sse::data(lines) {
            self.capture.push(&data);
        }
        let last = lines.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next();
        self.in_data = last.is_some_and(|line| line.starts_with(b"data"));
    }

    /// Its data without all that is long, as JSON; `None`: it has not come to its end.
    pub(super) fn data(&self) -> Option<Vec<u8>> {
        if !self.capture.is_whole() {
            return None;
        }
        let members = |names: &'static [&'static str], value: &dyn Fn(&str) -> Option<Vec<u8>>| {
            let member = |name: &&str| {
                let value = value(name)?;
                Some([format!("\"{name}\":").as_bytes(), &value].concat())
            };
            names
                .iter()
                .filter_map(member)
                .collect::<Vec<_>>()
                .join(&b","[..])
        };
        let inside = members(&IN_RESPONSE, &|name| {
            self.capture.value_inside(name).map(<[u8]>::to_vec)
        });
        let own = members(&WANTED, &|name| {
            self.capture.value(name).map(<[u8]>::to_vec)
        });
        let mut all = vec![own];
        if !inside.is_empty() {
            all.push([b"\"response\":{".as_slice(), &inside, b"}"].concat());
        }
        all.retain(|member| !member.is_empty());
        Some([b"{".as_slice(), &all.join(&b","[..]), b"}"].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_read_however_it_is_cut() {
        let event = r#"event: response.completed
data: {"type":"response.completed","response":{"id":"r","output":["usage",{"usage":1}],"usage":{"input_tokens":1,"output_tokens":2}},"sequence_number":7}

"#;
        let wanted = r#"{"type":"response.completed","sequence_number":7,"response":{"usage":{"input_tokens":1,"output_tokens":2}}}"#;
        let data = event.find("data: {").unwrap() + 7;
        for event in [event.to_owned(), event.replace('\n', "\r\n")] {
            for cut in data..event.len() {
                let (front, rest) = event.as_bytes().split_at(cut);
                for size in [1, 5, rest.len()] {
                    let mut long = LongEvent::begin(front);
                    rest.chunks(size).for_each(|piece| long.push(piece));
                    let data = long.data().expect("it is whole");
                    assert_eq!(String::from_utf8(data).unwrap(), wanted, "{cut}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_end_says_nothing() {
        let long = LongEvent::begin(br#"data: {"type":"response.completed","response":{}"#);
        assert_eq!(long.data(), None);
        for (text, wanted) in [
            ("data: {}", "{}"),
            (
                r#"data: {"usage":{"a":1},"choices":[]}"#,
                r#"{"usage":{"a":1}}"#,
            ),
        ] {
            let data = LongEvent::begin(text.as_bytes()).data();
            assert_eq!(data.as_deref(), Some(wanted.as_bytes()), "{text}");
        }
    }
}
