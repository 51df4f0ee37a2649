/*! How well `src/detect` finds what is labelled: `eval_guardrails personal|secrets FOLDER`,
for `make eval`.

FOLDER has `pii_*.jsonl`, `sec_*.jsonl` and `ben_*.jsonl`: JSON Lines of `text`, `spans`
(offsets in code points), `scope` (the only types that the labels speak of) and `label`.
With EVAL_MISSES=1, what was missed or found wrongly is printed too. */
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a tool of developers: it may stop at the first surprise"
)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;
use tollgate::detect::{Entities, Entity, Group, Search, find};
use tollgate::mask::{Act, Channel, Form, Guards, Matches, Rule, Style, Verdict};

/// What labels of every source are about.
const STRUCTURED: [&str; 9] = [
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "IP_ADDRESS",
    "US_SSN",
    "URL",
    "CRYPTO",
    "MAC_ADDRESS",
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    kind: String,
    start: usize,
    end: usize,
}

struct Row {
    source: String,
    text: String,
    spans: Vec<Span>,
    scope: Option<Vec<String>>,
    labelled: bool,
}

/// Right, found wrongly, missed; and right to the code point.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    right: u32,
    wrong: u32,
    missed: u32,
    exact: u32,
}

impl Score {
    fn line(&self, name: &str) {
        let of = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
        let (found, labelled) = (self.right + self.wrong, self.right + self.missed);
        let f1 = |right: u32| 2.0 * f64::from(right) / f64::from((found + labelled).max(1));
        println!(
            "| {name} | {labelled} | {:.3} | {:.3} | {:.3} | {:.3} |",
            of(self.right, found),
            of(self.right, labelled),
            f1(self.right),
            f1(self.exact),
        );
    }

    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
        self.exact += other.exact;
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (part, folder) = (words.next().unwrap(), words.next().unwrap());
    let prompts = rows(&folder, "ben_");
    if part == "personal" {
        personal(&rows(&folder, "pii_"), &prompts);
    } else {
        secrets(&rows(&folder, "sec_"), &prompts);
    }
}

fn rows(folder: &str, prefix: &str) -> Vec<Row> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    names.sort();
    let wanted = |name: &&std::path::PathBuf| {
        name.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(prefix)
    };
    let texts = names
        .iter()
        .filter(wanted)
        .map(|name| fs::read_to_string(name).unwrap());
    let rows = texts.flat_map(|text| text.lines().map(row).collect::<Vec<_>>());
    rows.collect()
}

fn row(line: &str) -> Row {
    let row: Value = serde_json::from_str(line).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |key: &str| row[key].as_array().cloned().unwrap_or_default();
    let offset = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let span = |span: &Value| Span {
        kind: text(&span["type"]),
        start: offset(&span["start"]),
        end: offset(&span["end"]),
    };
    Row {
        source: text(&row["source"]),
        text: text(&row["text"]),
        spans: list("spans").iter().map(span).collect(),
        scope: row
            .get("scope")
            .map(|_| list("scope").iter().map(text).collect()),
        labelled: row["label"] == "pii",
    }
}

fn found(text: &str, wanted: Entities) -> Vec<Span> {
    let points = |upto: usize| text[..upto].chars().count();
    let span = |finding: tollgate::detect::Finding| Span {
        kind: finding.entity.name().to_owned(),
        start: points(finding.start),
        end: points(finding.end),
    };
    find(text, wanted).into_iter().map(span).collect()
}

/// Whether two spans share at least half of the longer one.
fn same(a: &Span, b: &Span) -> bool {
    let shared = a.end.min(b.end).saturating_sub(a.start.max(b.start));
    let longer = (a.end - a.start).max(b.end - b.start);
    a.kind == b.kind && 2 * shared >= longer && shared > 0
}

fn score(row: &Row, found: &[Span], kind: &str) -> Score {
    let of_kind = |spans: &[Span]| -> Vec<Span> {
        spans
            .iter()
            .filter(|span| span.kind == kind)
            .cloned()
            .collect()
    };
    let labelled = of_kind(&row.spans);
    let mut left = of_kind(found);
    // A URL inside an e-mail address is its domain.
    let in_mail = |span: &Span| {
        let mut mails = row
            .spans
            .iter()
            .filter(|other| other.kind == "EMAIL_ADDRESS");
        kind == "URL" && mails.any(|mail| mail.start <= span.start && span.end <= mail.end)
    };
    left.retain(|span| !in_mail(span));
    let mut score = Score::default();
    for span in &labelled {
        if let Some(place) = left.iter().position(|found| same(span, found)) {
            score.right += 1;
            score.exact += u32::from(left[place] == *span);
            left.remove(place);
        } else {
            score.missed += 1;
            tell("missed", row, span);
        }
    }
    for span in &left {
        score.wrong += 1;
        tell("wrong", row, span);
    }
    score
}

fn tell(what: &str, row: &Row, span: &Span) {
    if std::env::var_os("EVAL_MISSES").is_none() {
        return;
    }
    let chars: Vec<char> = row.text.chars().collect();
    let text = |range: std::ops::Range<usize>| chars[range].iter().collect::<String>();
    let before = text(span.start.saturating_sub(30)..span.start);
    let after = text(span.end..(span.end + 12).min(chars.len()));
    let span_text = text(span.start..span.end);
    println!(
        "{what} {} {} {before:?} [{span_text}] {after:?}",
        row.source, span.kind
    );
}

fn personal(rows: &[Row], prompts: &[Row]) {
    let wanted = Entities::of(Group::Personal).and(Entities::of(Group::Other));
    let mut by_kind: BTreeMap<&str, Score> = BTreeMap::new();
    let mut by_source: BTreeMap<&str, Score> = BTreeMap::new();
    for row in rows {
        let found = found(&row.text, wanted);
        for entity in Entity::ALL {
            let kind = entity.name();
            let own = row.spans.iter().any(|span| span.kind == kind);
            let spoken_of = match &row.scope {
                Some(scope) => scope.iter().any(|in_scope| in_scope == kind),
                None => STRUCTURED.contains(&kind) || own,
            };
            if !spoken_of {
                continue;
            }
            let score = score(row, &found, kind);
            by_kind.entry(kind).or_default().add(score);
            if STRUCTURED.contains(&kind) {
                by_source.entry(&row.source).or_default().add(score);
            }
        }
    }
    println!("| entity | labelled | precision | recall | F1 | F1 to the code point |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut all = Score::default();
    for kind in STRUCTURED {
        let score = by_kind.get(kind).copied().unwrap_or_default();
        all.add(score);
        score.line(kind);
    }
    all.line("**these together**");
    let others = by_kind
        .iter()
        .filter(|(kind, _)| !STRUCTURED.contains(kind));
    others.for_each(|(kind, score)| score.line(kind));
    println!(
        "\n| source (the first nine entities) | labelled | precision | recall | F1 | F1 to the code point |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    by_source
        .iter()
        .for_each(|(source, score)| score.line(source));
    println!();
    false_alarms(prompts, wanted);
    time("These texts", rows, wanted);
    time("Clean prompts", prompts, wanted);
    held("Clean prompts", prompts, wanted);
}

fn secrets(rows: &[Row], prompts: &[Row]) {
    let wanted = Entities::of(Group::Secret);
    println!(
        "| source | texts with a secret | found | texts without one of their rule | alarms there |"
    );
    println!("| --- | --- | --- | --- | --- |");
    let mut by_source: BTreeMap<&str, [u32; 4]> = BTreeMap::new();
    for row in rows {
        let counts = by_source.entry(&row.source).or_default();
        let hit = !find(&row.text, wanted).is_empty();
        let column = if row.labelled { 0 } else { 2 };
        counts[column] += 1;
        counts[column + 1] += u32::from(hit);
        if hit != row.labelled && std::env::var_os("EVAL_MISSES").is_some() {
            let what = if hit { "wrong" } else { "missed" };
            println!(
                "{what} {} {:?}",
                row.source,
                row.text.chars().take(150).collect::<String>()
            );
        }
    }
    for (source, [labelled, hits, clean, alarms]) in &by_source {
        let percent = |part: u32, whole: u32| 100.0 * f64::from(part) / f64::from(whole.max(1));
        println!(
            "| {source} | {labelled} | {:.1} % | {clean} | {:.1} % |",
            percent(*hits, *labelled),
            percent(*alarms, *clean)
        );
    }
    println!();
    by_negatives(&by_source, prompts, wanted);
    println!();
    false_alarms(prompts, wanted);
    time("These texts", rows, wanted);
    time("Clean prompts", prompts, wanted);
}

/// Whole texts as right or wrong. Negatives: the clean prompts, which hold no secret; and with them
/// the texts of these files that are clean for their own rule, of which many hold another.
fn by_negatives(by_source: &BTreeMap<&str, [u32; 4]>, prompts: &[Row], wanted: Entities) {
    let alarm = |row: &&Row| !find(&row.text, wanted).is_empty();
    let in_prompts = u32::try_from(prompts.iter().filter(alarm).count()).unwrap();
    println!("| source | texts | negatives | precision | recall | F1 |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let line = |name: &str, [labelled, hits, clean, alarms]: [u32; 4]| {
        let prompts = u32::try_from(prompts.len()).unwrap();
        for (negatives, count, wrong) in [
            ("clean prompts", prompts, in_prompts),
            ("and its own", prompts + clean, in_prompts + alarms),
        ] {
            let [right, labelled, wrong] = [hits, labelled, wrong].map(f64::from);
            println!(
                "| {name} | {labelled} | {count} {negatives} | {:.3} | {:.3} | {:.3} |",
                right / (right + wrong).max(1.0),
                right / labelled.max(1.0),
                2.0 * right / (labelled + right + wrong).max(1.0),
            );
        }
    };
    let mut all = [0; 4];
    for (source, counts) in by_source {
        line(source, *counts);
        all.iter_mut()
            .zip(counts)
            .for_each(|(all, count)| *all += count);
    }
    line("**together**", all);
    println!();
}

fn false_alarms(prompts: &[Row], wanted: Entities) {
    let mut alarms = 0;
    for row in prompts {
        let found = found(&row.text, wanted);
        alarms += usize::from(!found.is_empty());
        found.iter().for_each(|span| tell("alarm", row, span));
    }
    let part = 100.0 * alarms as f64 / prompts.len() as f64;
    println!(
        "Clean prompts in which something is found: {alarms} of {} ({part:.2} %).",
        prompts.len()
    );
}

/// Bytes that wait, after each piece of four code points: about what a token is.
fn held(name: &str, rows: &[Row], wanted: Entities) {
    let search = Search {
        entities: wanted,
        ..Search::default()
    };
    let rule = Rule {
        guardrail: 0,
        matches: Matches::Entities(wanted),
        act: Act::Mask(Style::Replace),
    };
    let guards = Rc::new(Guards::new(search, vec![rule]));
    let mut held = Vec::new();
    for row in rows {
        let mut channel = Channel::new(Some(Rc::clone(&guards)), Form::Text, None);
        let mut verdict = Verdict::default();
        let chars: Vec<char> = row.text.chars().collect();
        for piece in chars.chunks(4) {
            channel.push(&piece.iter().collect::<String>(), &mut verdict);
            held.push(channel.held());
        }
    }
    held.sort_unstable();
    let at = |percent: usize| held[(held.len() - 1) * percent / 100];
    println!(
        "{name}: {} bytes held at the median, {} at the 99th percentile, {} at most.",
        at(50),
        at(99),
        at(100)
    );
}

fn time(name: &str, rows: &[Row], wanted: Entities) {
    let bytes: usize = rows.iter().map(|row| row.text.len()).sum();
    let begin = Instant::now();
    const ROUNDS: usize = 5;
    for _ in 0..ROUNDS {
        rows.iter()
            .for_each(|row| drop(black_box(find(&row.text, wanted))));
    }
    let micros = begin.elapsed().as_secs_f64() * 1e6 / ROUNDS as f64;
    println!(
        "{name}: {:.2} µs a text, {:.2} µs a KB.",
        micros / rows.len() as f64,
        micros / (bytes as f64 / 1024.0)
    );
}
