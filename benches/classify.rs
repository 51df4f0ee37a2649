//! What it costs to score text for injection and toxicity, natively.

#![allow(clippy::print_stdout, reason = "it is a report")]

use std::hint::black_box;
use std::time::{Duration, Instant};
use tollgate::classify::score;

const LENGTH: usize = 32 * 1024;
/// How long each text is measured; the best round counts, since others may want the processor.
const MEASURED: Duration = Duration::from_millis(300);

const TEXTS: [(&str, &str); 4] = [
    (
        "prose",
        "The keeper of the lighthouse wrote every evening what the sea had been like, and which \
         ships had passed; nobody will read it, he used to say, but he did not stop.\n",
    ),
    (
        "code",
        "fn next(&mut self) -> Option<(usize, char)> {\n    let n = self.iter.len();\n    \
         match self.iter.next() { None => None, Some(c) => Some((n, c)) }\n}\n",
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

fn main() {
    println!("µs a KB");
    for (name, unit) in TEXTS {
        let text = unit.repeat(LENGTH.div_ceil(unit.len()));
        let mut best = Duration::MAX;
        let begin = Instant::now();
        while begin.elapsed() < MEASURED {
            let round = Instant::now();
            black_box(score(black_box(&text)));
            best = best.min(round.elapsed());
        }
        let kib = text.len() as f64 / 1024.0;
        println!("{name:10} {:8.2}", best.as_secs_f64() * 1e6 / kib);
    }
}
