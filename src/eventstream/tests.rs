use super::*;
use proptest::prelude::*;

/// A message with text headers.
pub(crate) fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (name, value) in headers {
        raw.push(name.len() as u8);
        raw.extend(name.bytes());
        raw.push(7);
        raw.extend((value.len() as u16).to_be_bytes());
        raw.extend(value.bytes());
    }
    framed(&raw, payload)
}

fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = PRELUDE + headers.len() + payload.len() + TRAILER;
    let mut out = Vec::new();
    out.extend((total as u32).to_be_bytes());
    out.extend((headers.len() as u32).to_be_bytes());
    out.extend(crc32(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload);
    out.extend(crc32(&out).to_be_bytes());
    out
}

/// What a decoder makes of pieces: names and payloads, and whether the stream is broken.
fn decoded(pieces: &[&[u8]]) -> (Vec<(String, Vec<u8>)>, bool) {
    let mut decoder = Decoder::default();
    let mut all = Vec::new();
    let mut broken = false;
    for piece in pieces {
        let mut take = |message: &Message<'_>| {
            all.push((
                message.header(":event-type").to_owned(),
                message.payload.to_vec(),
            ));
        };
        broken |= decoder.push(piece, &mut take).is_err();
    }
    (all, broken)
}

fn some() -> Vec<u8> {
    let first = message(&[(":event-type", "one"), (":content-type", "x")], b"{}");
    let second = message(&[(":message-type", "event"), (":event-type", "two")], b"");
    [first, second, message(&[], "Grüße".as_bytes())].concat()
}

fn wanted() -> Vec<(String, Vec<u8>)> {
    [("one", "{}"), ("two", ""), ("", "Grüße")]
        .map(|(name, payload)| (name.to_owned(), payload.as_bytes().to_vec()))
        .to_vec()
}

/// From the AWS SDKs' test suites: a message without headers and payload, one with a payload, and
/// one with an integer among its headers.
#[test]
fn known_messages() {
    let empty = [
        0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xC2, 0x48, 0xEB, 0x7D, 0x98, 0xC8, 0xFF,
    ];
    assert_eq!(message(&[], b""), empty);
    assert_eq!(
        decoded(&[&empty]),
        (vec![(String::new(), Vec::new())], false)
    );
    let mut payload = vec![0, 0, 0, 0x1D, 0, 0, 0, 0, 0xFD, 0x52, 0x8C, 0x5A];
    payload.extend(b"{'foo':'bar'}");
    payload.extend([0xC3, 0x65, 0x39, 0x36]);
    assert_eq!(message(&[], b"{'foo':'bar'}"), payload);
    assert!(!decoded(&[&payload]).1);
}

#[test]
fn messages_are_the_same_wherever_they_are_cut() {
    let all = some();
    assert_eq!(decoded(&[&all]), (wanted(), false));
    for at in 0..=all.len() {
        let (one, two) = all.split_at(at);
        assert_eq!(decoded(&[one, two]), (wanted(), false), "{at}");
    }
    let single: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(decoded(&single), (wanted(), false));
}

#[test]
fn headers_of_all_types_are_passed_over() {
    let values: [(u8, &[u8]); 10] = [
        (0, b""),
        (1, b""),
        (2, b"1"),
        (3, b"12"),
        (4, b"1234"),
        (5, b"12345678"),
        (6, b"\0\x03abc"),
        (7, b"\0\x04text"),
        (8, b"12345678"),
        (9, b"0123456789abcdef"),
    ];
    let mut headers = Vec::new();
    for (kind, value) in values {
        headers.extend([1, b'a' + kind, kind]);
        headers.extend(value);
        // Each alone, too.
        let alone = [&[1, b'a', kind][..], value].concat();
        assert!(!decoded(&[&framed(&alone, b"x")]).1, "{kind}");
        let (cut, _) = alone.split_at(alone.len() - 1);
        assert!(decoded(&[&framed(cut, b"x")]).1, "{kind}");
    }
    headers.extend(b"\x0B:event-type\x07\0\x03end");
    let (all, broken) = decoded(&[&framed(&headers, b"x")]);
    assert_eq!(
        (all, broken),
        (vec![("end".to_owned(), b"x".to_vec())], false)
    );
    // A type that nobody knows, and a text that is none.
    assert!(decoded(&[&framed(b"\x01a\x0A", b"")]).1);
    assert!(decoded(&[&framed(b"\x01a\x07\0\x01\xFF", b"")]).1);
}

#[test]
fn any_flipped_bit_breaks_the_stream_there() {
    let all = some();
    for bit in 0..all.len() * 8 {
        let mut bad = all.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let (said, broken) = decoded(&[&bad]);
        assert!(broken, "{bit}");
        assert_eq!(said, wanted()[..said.len()], "{bit}");
        // Nothing more is taken.
        assert_eq!(decoded(&[&bad, &some()]).0, said, "{bit}");
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_at_once() {
    let prelude = |total: u32, headers: u32| {
        let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        out.extend(crc32(&out).to_be_bytes());
        out
    };
    let most = MAX_MESSAGE as u32;
    for (total, headers, bad) in [
        (most, 0, false),
        (most + 1, 0, true),
        (u32::MAX, 0, true),
        (15, 0, true),
        (0, 0, true),
        (16, 1, true),
        (20, 4, false),
        (20, u32::MAX, true),
    ] {
        let (said, broken) = decoded(&[&prelude(total, headers)]);
        assert_eq!((said.len(), broken), (0, bad), "{total} {headers}");
    }
    let long = message(&[], &vec![b'x'; MAX_MESSAGE - PRELUDE - TRAILER]);
    assert_eq!(decoded(&[&long]).0.len(), 1);
}

#[test]
fn what_is_left_is_known() {
    let mut decoder = Decoder::default();
    let all = some();
    let (most, last) = all.split_at(all.len() - 1);
    decoder.push(most, &mut |_| {}).unwrap();
    assert!(decoder.is_within());
    decoder.push(last, &mut |_| {}).unwrap();
    assert!(!decoder.is_within());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), headers in prop::collection::vec(any::<u8>(), 0..60)) {
        decoded(&[&bytes]);
        // With right sums, what is inside is read.
        let framed = framed(&headers, &bytes);
        let (said, broken) = decoded(&[&framed]);
        prop_assert_eq!(said.len(), usize::from(!broken));
    }
}
