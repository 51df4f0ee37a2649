//! What it costs to score text for injection and toxicity, natively.

#![allow(clippy::print_stdout, reason = "it is a report")]

use std::hint::black_box;
use std::time::{Duration, Instant};
use tollgate::classify::score;

const LENGTH: usize = 32 * 1024;
/// How long each text is measured; the best round counts, since others may want the processor.
const MEASURED: Duration = Duration::from_millis(300);

const TEXTS: [(&str, &str); 5] = [
    ("prose", include_str!("../docs/guardrails.md")),
    ("code", include_str!("../src/classify/reader.rs")),
    (
        "one sentence",
        "The keeper of the lighthouse wrote every evening what the sea had been like, and which \
         ships had passed; nobody will read it, he used to say, but he did not stop.\n",
    ),
    (
        "Russian",
        "Каждый вечер смотритель маяка записывал, каким было море и кто прошёл мимо.\n",
    ),
    (
        "Chinese",
        "每天晚上，灯塔看守人都会写下大海的样子，以及哪些船经过了。\n",
    ),
];

/// Microseconds a KiB in the best round.
fn measured(text: &str, score_all: impl Fn(&str)) -> f64 {
    let mut best = Duration::MAX;
    let begin = Instant::now();
    while begin.elapsed() < MEASURED {
        let round = Instant::now();
        score_all(black_box(text));
        best = best.min(round.elapsed());
    }
    best.as_secs_f64() * 1e6 / (text.len() as f64 / 1024.0)
}

fn main() {
    println!("µs a KB");
    for (name, unit) in TEXTS {
        let text = unit.repeat(LENGTH.div_ceil(unit.len()));
        let whole = measured(&text, |text| {
            black_box(score(text));
        });
        let by_line = measured(unit, |text| {
            text.lines().for_each(|line| {
                black_box(score(line));
            });
        });
        println!("{name:14} {whole:8.2}  by line {by_line:8.2}");
    }
}
