//! What it costs to look for everything, natively: `make bench-detect`.
//!
//! Texts are made here: prose, code, JSON, encoded data, and some that are made to cost much.

#![allow(clippy::print_stdout, reason = "it is a report")]

use std::hint::black_box;
use std::time::{Duration, Instant};
use tollgate::detect::{Entities, Scanner, find};

/// Bytes of a text.
const LENGTH: usize = 32 * 1024;
/// How long each text is measured; the best round counts, since others may want the processor.
const MEASURED: Duration = Duration::from_millis(200);

const PROSE: &str = "The keeper of the lighthouse wrote every evening what the sea had been like, \
    and which ships had passed; \"nobody will read it\", he used to say, but he didn't stop. In \
    the winter of 1911 he counted 37 of them, well-known ones among them.\n";
const CODE: &str = "fn next(&mut self) -> Option<(usize, char)> {\n    let pre_len = self.iter.len();\n    \
    match self.iter.next() {\n        None => None,\n        Some(ch) if ch == '\\n' => Some((0, ch)),\n        \
    Some(ch) => self.count.get(&ch).copied().map(|n| (n + 1, ch)), // see std::str\n    }\n}\n";
const JSON: &str = "{\"id\": 790417, \"name\": \"item 12\", \"price\": 19.95, \"tags\": [\"a\", \"b\"], \
    \"created_at\": \"2024-03-17T12:00:00Z\", \"active\": true, \"text\": \"A short text\"},\n";
const PII: &str = "Write to ada@example.org, card 4111 1111 1111 1111, or call (555) 010-9988 \
    about the order of last week.\n";

fn main() {
    println!("µs a KB");
    for (name, text) in texts() {
        let took = measure(|| {
            black_box(find(black_box(&text), Entities::all()));
        });
        println!("{name:22} {:8.2}", per_kib(took, text.len()));
    }
    println!("µs a text of 140 bytes");
    for (name, unit) in [("prose", PROSE), ("personal data", PII)] {
        let text = filled(unit, 140);
        let took = measure(|| {
            for _ in 0..100 {
                black_box(find(black_box(&text), Entities::all()));
            }
        });
        println!("{name:22} {:8.2}", took / 100.0);
    }
    println!("ns a piece of 4 bytes");
    for (name, unit) in [("prose", PROSE), ("code", CODE), ("JSON", JSON)] {
        let text = filled(unit, LENGTH);
        let took = measure(|| in_pieces(&text));
        println!("{name:22} {:8.0}", per_kib(took, text.len()) * 4.0 / 1.024);
    }
}

fn texts() -> Vec<(&'static str, String)> {
    let made = [
        ("prose", PROSE),
        ("code", CODE),
        ("JSON", JSON),
        ("personal data", PII),
        ("one digit a number", "1 2 3 4 5 6 7 8 9 "),
        ("two digits a number", "12 85 43 70 96 31 "),
        ("nine digits a number", "912345678 "),
        ("dates", "1/1/90 2/3/91 "),
        ("social security", "123-45-6789 "),
        ("cards", "4111 1111 1111 1112 "),
        ("IPv4", "1.1.1.1 "),
        ("MAC", "ab:cd:ef:ab:cd:e1-"),
        ("IBAN", "DE12-AD12-"),
        ("hyphens", "-"),
        ("headers of keys", "-----BEGIN "),
        ("beginnings of tokens", "ey-glpat-sk-1"),
        ("names of secrets", "key=1a"),
        ("passwords in quotes", "password: 'ab1 "),
        ("hosts", "a@b.1.1.1.1.1.1.1."),
        ("URLs", "a://a:b@"),
        ("full-width digits", "１２ ３ "),
    ];
    let mut texts: Vec<(&str, String)> = made
        .into_iter()
        .map(|(name, unit)| (name, filled(unit, LENGTH)))
        .collect();
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    texts.push(("base64", random(letters)));
    texts.push(("digits", random(b"0123456789")));
    texts
}

fn filled(unit: &str, length: usize) -> String {
    let mut text = unit.repeat(length.div_ceil(unit.len()));
    while text.len() > length {
        text.pop();
    }
    text
}

fn random(letters: &[u8]) -> String {
    let mut state = 99_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let count = u64::try_from(letters.len()).unwrap_or(1);
        let place =
            usize::try_from(state.checked_rem(count).unwrap_or_default()).unwrap_or_default();
        letters.get(place).copied().map_or('a', char::from)
    };
    (0..LENGTH).map(next).collect()
}

fn in_pieces(text: &str) {
    let mut scanner = Scanner::new(Entities::all());
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cut = (4..rest.len()).find(|cut| rest.is_char_boundary(*cut));
        let (piece, after) = rest.split_at(cut.unwrap_or(rest.len()));
        scanner.push(piece, &mut found);
        rest = after;
    }
    scanner.finish(&mut found);
    black_box(found);
}

/// Microseconds of the best round.
fn measure(mut round: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut best = Duration::MAX;
    while begun.elapsed() < MEASURED {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e6
}

fn per_kib(micros: f64, bytes: usize) -> f64 {
    micros * 1024.0 / f64::from(u32::try_from(bytes).unwrap_or(u32::MAX))
}
