/*! Fits the weights of `src/tokens`: `fit_tokens CORPUS >src/tokens/weights.rs`.

CORPUS is what `scripts/fit/corpus.mjs` writes. The fit is of least relative error, without
negative weights: more text never comes to fewer tokens. What each kind of text comes to
if the fit has seen none of it goes to stderr. `scripts/fit.sh` runs both. */
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tool of developers: it may stop at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use tollgate::tokens::Tally;

/// One token in the weights.
const UNIT: f64 = 1024.0;

/// Below so many tokens, a text's error is taken as if it had so many.
const FLOOR: f64 = 8.0;

/// Languages that are asked in most; the others together must not outweigh them.
const MAJOR: [&str; 29] = [
    "ar", "bn", "cs", "de", "el", "es", "fa", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl",
    "pl", "pt", "pt_BR", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh_Hans", "zh_Hant", "en",
];

/// No count is worth more tokens, however rare: a character has 4 bytes at most.
const MOST: f64 = 4.0;

struct Row {
    kind: String,
    features: Vec<f64>,
    tokens: f64,
    weight: f64,
}

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let rows = read(&std::fs::read_to_string(path).unwrap());
    let weights = fit(&rows.iter().collect::<Vec<_>>());
    print(&weights);
    left_out(&rows);
}

fn read(text: &str) -> Vec<Row> {
    let rows = text.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut tally = Tally::default();
        tally.add(row["text"].as_str().unwrap().as_bytes());
        let group = row["group"].as_str().unwrap();
        Row {
            kind: kind(group),
            features: tally
                .features()
                .into_iter()
                .map(|count| count as f64)
                .collect(),
            tokens: row["tokens"].as_f64().unwrap(),
            weight: weight(group),
        }
    });
    rows.collect()
}

/// Texts of one kind are left out together.
fn kind(group: &str) -> String {
    let (first, second) = group.split_once('/').unwrap_or((group, ""));
    match first {
        "django" => format!("language {second}"),
        "code" | "json" | "odd" | "unicode" => first.to_owned(),
        _ if second.is_empty() || second == "joined" => first.to_owned(),
        _ => format!("{first} {second}"),
    }
}

fn weight(group: &str) -> f64 {
    match group.split_once('/') {
        Some(("django", locale)) if MAJOR.contains(&locale) => 1.0,
        Some(("django", _)) => 0.15,
        Some(("unicode", _)) => 0.3,
        // Lists of slang and curses, which nobody writes whole texts of.
        _ if group.starts_with("lex_") || group.starts_with("tox_rustrict") => 0.1,
        _ => 1.0,
    }
}

/// Least squares of relative errors, of which large ones count by their size only, as in
/// least absolute deviations: each round weighs a text by its error in the last.
fn fit(rows: &[&Row]) -> Vec<f64> {
    let mut scales: Vec<f64> = rows.iter().map(|row| row.weight).collect();
    let mut weights = vec![0.0; Tally::FEATURES];
    for _ in 0..8 {
        weights = least_squares(rows, &scales, weights);
        for (scale, row) in scales.iter_mut().zip(rows) {
            *scale = row.weight / error(row, &weights, FLOOR).max(0.03);
        }
    }
    weights
}

fn error(row: &Row, weights: &[f64], floor: f64) -> f64 {
    (dot(&row.features, weights) - row.tokens).abs() / row.tokens.max(floor)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Coordinate descent on the normal equations, no weight below zero.
fn least_squares(rows: &[&Row], scales: &[f64], mut weights: Vec<f64>) -> Vec<f64> {
    let size = weights.len();
    let mut matrix = vec![vec![0.0; size]; size];
    let mut target = vec![0.0; size];
    for (row, scale) in rows.iter().zip(scales) {
        let scale = scale / row.tokens.max(FLOOR).powi(2);
        let there = (0..size).filter(|index| row.features[*index] > 0.0);
        let there: Vec<usize> = there.collect();
        for &i in &there {
            target[i] += scale * row.features[i] * row.tokens;
            for &j in &there {
                matrix[i][j] += scale * row.features[i] * row.features[j];
            }
        }
    }
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] = row[i].mul_add(1.0001, 1e-9);
    }
    for _ in 0..4000 {
        let mut moved = 0.0_f64;
        for i in 0..size {
            let old = weights[i];
            let slope = target[i] - dot(&matrix[i], &weights);
            weights[i] = (old + slope / matrix[i][i]).clamp(0.0, MOST);
            moved = moved.max((weights[i] - old).abs());
        }
        if moved < 1e-6 {
            break;
        }
    }
    weights
}

/// Prints what becomes of each kind of text if the fit knows the others only.
fn left_out(rows: &[Row]) {
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    // Languages of which there is little, and single sources of prompts, go together.
    let mut lots: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let alone = |kind: &str| matches!(kind, "code" | "json" | "odd" | "unicode" | "markdown");
    for (index, kind) in kinds.into_iter().enumerate() {
        let lot = if alone(kind) {
            1000 + index
        } else {
            index % 12
        };
        lots.entry(lot).or_default().push(kind);
    }
    let mut all = Vec::new();
    for kinds in lots.values() {
        let (out, known): (Vec<&Row>, Vec<&Row>) = rows
            .iter()
            .partition(|row| kinds.contains(&row.kind.as_str()));
        let weights = fit(&known);
        let errors = out.iter().filter(|row| row.tokens >= 20.0);
        let errors: Vec<f64> = errors.map(|row| error(row, &weights, 1.0)).collect();
        eprintln!("{}: {}", kinds.join(", "), summary(errors.clone()));
        all.extend(errors);
    }
    eprintln!("each kind left out: {}", summary(all));
}

fn summary(mut errors: Vec<f64>) -> String {
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| 100.0 * errors[((errors.len() - 1) as f64 * share) as usize];
    format!(
        "{} texts, median {:.1} %, 95th percentile {:.1} %",
        errors.len(),
        at(0.5),
        at(0.95)
    )
}

fn print(weights: &[f64]) {
    let units = |weight: &f64| format!("{:.0}", weight * UNIT);
    let (shapes, runs) = weights.split_at(Tally::names().len());
    println!("/*! What each count of a text is worth in tokens. Written by `scripts/fit.sh`. */\n");
    println!("use super::scripts::SCRIPTS;\nuse super::shapes;\n");
    println!("/// One token.\npub(super) const UNIT: u128 = {UNIT};\n");
    println!("/// Of each of `shapes::NAMES`, in their order.");
    println!("pub(super) const SHAPES: [u64; shapes::SHAPES] = [");
    for (weight, name) in shapes.iter().zip(Tally::names()) {
        println!("    {}, // {name}", units(weight));
    }
    println!(
        "];\n\n/// Of each script in its order: every character, those that begin a run, those behind the"
    );
    println!("/// 4th of a run, those behind the 8th.");
    println!("#[rustfmt::skip]\npub(super) const RUNS: [[u64; 4]; SCRIPTS] = [");
    for run in runs.chunks(4) {
        println!(
            "    [{}],",
            run.iter().map(units).collect::<Vec<_>>().join(", ")
        );
    }
    println!("];");
}
