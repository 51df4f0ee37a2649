/*! How far the estimates of `src/tokens` are off: `eval_tokens FILE`, for `make eval`.

FILE is JSON Lines of `text`, its exact count `o200k`, and `category`. */
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tool of developers: it may stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;
use tollgate::tokens::Tally;

struct Row {
    text: String,
    category: String,
    exact: f64,
    estimate: f64,
}

impl Row {
    /// The part of the exact count by which the estimate is off.
    fn error(&self) -> f64 {
        (self.estimate - self.exact).abs() / self.exact
    }
}

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let rows = read(&std::fs::read_to_string(path).unwrap());
    println!(
        "| texts | number | median error | 90th percentile | 95th percentile | sum of estimates |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let all: Vec<&Row> = rows.iter().collect();
    line("all", &all);
    let long = |row: &&&Row| row.exact >= 20.0;
    line(
        "of 20 tokens or more",
        &all.iter().filter(long).copied().collect::<Vec<_>>(),
    );
    line(
        "of fewer",
        &all.iter()
            .filter(|row| !long(row))
            .copied()
            .collect::<Vec<_>>(),
    );
    for by in [family as fn(&str) -> &str, |category| category] {
        println!("| | | | | | |");
        let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            groups.entry(by(&row.category)).or_default().push(row);
        }
        for (name, rows) in groups {
            line(name, &rows);
        }
    }
    println!();
    speed("ASCII", &rows, |row| row.text.is_ascii());
    speed("not ASCII", &rows, |row| !row.text.is_ascii());
    speed("lang_French", &rows, |row| row.category == "lang_French");
    speed("lang_Chinese", &rows, |row| row.category == "lang_Chinese");
}

fn read(text: &str) -> Vec<Row> {
    let rows = text.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = row["text"].as_str().unwrap().to_owned();
        let mut tally = Tally::default();
        tally.add(text.as_bytes());
        Row {
            text,
            category: row["category"].as_str().unwrap().to_owned(),
            exact: row["o200k"].as_f64().unwrap(),
            estimate: tally.tokens() as f64,
        }
    });
    rows.filter(|row| row.exact > 0.0).collect()
}

fn family(category: &str) -> &str {
    match category.split('_').next().unwrap() {
        "lang" => "other languages",
        "en" | "email" => "English",
        "code" => "code",
        "json" => "JSON",
        "encoded" | "edge" | "unicode" | "emoji" => "odd (encoded, emoji, naughty strings)",
        _ => "Markdown, tables, TOML",
    }
}

fn line(name: &str, rows: &[&Row]) {
    let mut errors: Vec<f64> = rows.iter().map(|row| row.error()).collect();
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| 100.0 * errors[((errors.len() - 1) as f64 * share).round() as usize];
    let exact: f64 = rows.iter().map(|row| row.exact).sum();
    let estimate: f64 = rows.iter().map(|row| row.estimate).sum();
    println!(
        "| {name} | {} | {:.1} % | {:.1} % | {:.1} % | {:+.1} % |",
        rows.len(),
        at(0.5),
        at(0.9),
        at(0.95),
        100.0 * (estimate / exact - 1.0),
    );
}

/// Prints how long a KB takes, native, in texts of 64 KB.
fn speed(name: &str, rows: &[Row], is: impl Fn(&Row) -> bool) {
    let texts: Vec<&str> = rows
        .iter()
        .filter(|row| is(row))
        .map(|row| row.text.as_str())
        .collect();
    let whole = texts.join("\n").repeat(40);
    let quoted = serde_json::to_string(&whole).unwrap();
    let time = |text: &[u8], add: fn(&mut Tally, &[u8])| {
        let best = (0..7).map(|_| {
            let begin = Instant::now();
            for piece in text.chunks(65_536) {
                let mut tally = Tally::default();
                add(&mut tally, black_box(piece));
                black_box(tally.tokens());
            }
            begin.elapsed()
        });
        1e6 * best.min().unwrap().as_secs_f64() * 1024.0 / text.len() as f64
    };
    println!(
        "{name}: {:.2} µs per KB, {:.2} as JSON with escapes",
        time(whole.as_bytes(), Tally::add),
        time(quoted.as_bytes(), Tally::add_json),
    );
}
