use super::*;

fn split(text: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut framer = Framer::default();
    let mut events: Vec<Vec<u8>> = Vec::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&text.len()]) {
        let joined = framer.join(&text[start..end]);
        let mut walk = joined.events();
        let before = events.concat().len();
        events.extend(walk.by_ref().map(<[u8]>::to_vec));
        let whole = events.concat().len() - before;
        let place = walk.place();
        assert_eq!(framer.keep(joined, whole, place), None);
        start = end;
    }
    (events, framer.take_rest())
}

#[test]
fn every_line_ending_and_every_cut_gives_the_same_data() {
    for ending in ["\n", "\r\n", "\r"] {
        let text = [
            "data: one",
            "",
            ": comment",
            "",
            "event: x",
            "data:two",
            "data: three",
            "",
            "data: é",
            "",
            "",
        ]
        .join(ending);
        let (whole, _) = split(text.as_bytes(), &[]);
        let wanted: Vec<_> = whole.iter().filter_map(|event| data(event)).collect();
        assert_eq!(
            wanted,
            [b"one".as_slice(), b"two\nthree", "é".as_bytes()],
            "{ending:?}"
        );
        for first in 0..text.len() {
            for second in first..text.len() {
                let (events, rest) = split(text.as_bytes(), &[first, second]);
                let got: Vec<_> = events.iter().filter_map(|event| data(event)).collect();
                assert_eq!(got, wanted, "{ending:?} {first} {second}");
                let joined: Vec<u8> = events.concat().into_iter().chain(rest).collect();
                assert_eq!(joined, text.as_bytes(), "no byte is lost");
            }
        }
    }
}

#[test]
fn an_unfinished_event_is_the_rest() {
    let (events, rest) = split(b"data: a\n\ndata: b\n", &[3]);
    assert_eq!(events, [b"data: a\n\n"]);
    assert_eq!(rest, b"data: b\n");
}

#[test]
fn fields_that_only_start_with_data_are_no_data() {
    assert_eq!(data(b"database: x\n\n"), None);
    assert_eq!(data(b"data\n\n").as_deref(), Some(b"".as_slice()));
    assert_eq!(
        data(b"\xEF\xBB\xBFdata: x\n\n").as_deref(),
        Some(b"x".as_slice())
    );
}

#[test]
fn data_is_replaced_and_other_lines_stay() {
    for ending in ["\n", "\r\n", "\r"] {
        for (event, wanted) in [
            ("data:one||", "data: NEW||"),
            (
                "event: x|data: one|data: two|id: 1||",
                "event: x|data: NEW|id: 1||",
            ),
            (": c|data|", ": c|data: NEW|"),
            ("data: unfinished", "data: NEW"),
            ("\u{FEFF}data: x||", "data: NEW||"),
            (": no data||", ": no data||"),
            ("", ""),
        ] {
            let event = event.replace('|', ending);
            let new = with_data(event.as_bytes(), b"NEW");
            assert_eq!(String::from_utf8(new).unwrap(), wanted.replace('|', ending));
        }
        let event = format!("data: x{ending}{ending}");
        let new = with_data(event.as_bytes(), b"{\n1}");
        assert_eq!(data(&new).as_deref(), Some(b"{\n1}".as_slice()));
    }
    assert_eq!(with_data(b"data: x", b"1\n2"), b"data: 1\ndata: 2");
}

#[test]
fn an_overlong_event_is_handed_out() {
    let mut framer = Framer::default();
    let piece = vec![b'a'; Framer::MAX_EVENT];
    let joined = framer.join(&piece);
    assert_eq!(framer.keep(joined, 0, Place::default()), None);
    let joined = framer.join(b"a");
    assert_eq!(
        framer.keep(joined, 0, Place::default()).unwrap().len(),
        piece.len() + 1
    );
    assert!(framer.take_rest().is_empty());
}
