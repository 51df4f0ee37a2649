/*! How well the classifiers tell what is labelled, with the weights in this repository:
`eval_scores injection|toxicity FOLDER`, for `make eval`. They were trained on rows of the same
sources, so figures of unseen texts are those of `make train` (docs/classifiers.md).

FOLDER has JSON Lines of `text`, `label` and `source`. */
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool of developers: it may stop at the first surprise"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;
use tollgate::classify::{Class, Sensitivity, score};

const SENSITIVITIES: [Sensitivity; 3] = [Sensitivity::Low, Sensitivity::Medium, Sensitivity::High];

struct Row {
    source: String,
    bad: bool,
    text: String,
}

/// Rows, and how many reach each sensitivity.
#[derive(Clone, Copy, Default)]
struct Count {
    rows: u32,
    flagged: [u32; 3],
}

impl Count {
    fn add(&mut self, score: u16) {
        self.rows += 1;
        for (count, sensitivity) in self.flagged.iter_mut().zip(SENSITIVITIES) {
            *count += u32::from(score >= sensitivity.threshold());
        }
    }

    fn line(&self, name: &str, label: &str) {
        let part = |count: u32| 100.0 * f64::from(count) / f64::from(self.rows.max(1));
        let [low, medium, high] = self.flagged.map(part);
        let rows = self.rows;
        println!("| {name} | {label} | {rows} | {low:.1} | {medium:.1} | {high:.1} |");
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (part, folder) = (words.next().unwrap(), words.next().unwrap());
    let (class, prefixes, bad): (_, &[&str], _) = match part.as_str() {
        "injection" => (Class::PromptInjection, &["inj_", "ben_"], "attack"),
        _ => (Class::Toxicity, &["tox_", "ben_"], "toxic"),
    };
    let rows = rows(&folder, prefixes, bad);
    let began = Instant::now();
    let scores: Vec<u16> = rows
        .iter()
        .map(|row| class.of(&score(&row.text)).0)
        .collect();
    let nanos = began.elapsed().as_nanos();
    let mut sources: BTreeMap<(&str, bool), Count> = BTreeMap::new();
    let mut all = [Count::default(); 2];
    for (row, score) in rows.iter().zip(&scores) {
        let source = sources.entry((&row.source, row.bad)).or_default();
        source.add(*score);
        all[usize::from(row.bad)].add(*score);
    }
    println!("\n| source | label | rows | low % | medium % | high % |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let label = |is_bad: bool| if is_bad { bad } else { "clean" };
    for ((source, is_bad), count) in &sources {
        count.line(source, label(*is_bad));
    }
    all[1].line("together", bad);
    all[0].line("together", "clean");
    let bytes: usize = rows.iter().map(|row| row.text.len()).sum();
    let each = nanos * 1024 / u128::try_from(bytes.max(1)).unwrap();
    println!(
        "\n{} rows, {}.{:03} µs a KB (both classifiers)",
        rows.len(),
        each / 1000,
        each % 1000
    );
}

/// Rows of files with these prefixes, of the labels that say whether a text is bad.
fn rows(folder: &str, prefixes: &[&str], bad: &str) -> Vec<Row> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    names.sort();
    let mut rows = Vec::new();
    for name in names {
        let file = name.file_stem().unwrap().to_string_lossy().into_owned();
        if !prefixes.iter().any(|prefix| file.starts_with(prefix)) {
            continue;
        }
        for line in fs::read_to_string(&name).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let label = row["label"].as_str().unwrap_or_default();
            if label != bad && !["benign", "nontoxic"].contains(&label) {
                continue;
            }
            rows.push(Row {
                source: file.clone(),
                bad: label == bad,
                text: row["text"].as_str().unwrap().to_owned(),
            });
        }
    }
    rows
}
