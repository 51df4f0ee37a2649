/*! `POST /v1/moderations`: OpenAI's, and those that speak like it. It judges; the call is
refused or goes on as a whole, so which text is meant does not matter. */

use super::Findings;
use super::reading::{self, Unfit, document, keep};
use crate::config::Moderation;
use crate::json::{Reader, quote};

/// Most inputs of a question. Texts that stand side by side share one where there are more:
/// OpenAI's service takes 32.
const MAX_INPUTS: usize = 32;

/// Length up to which texts share an input in any case, in bytes: OpenAI advises no more
/// than 2,000 characters.
const INPUT: usize = 2000;

pub(super) fn question(settings: &Moderation, texts: &[String]) -> String {
    let inputs: Vec<String> = inputs(texts).iter().map(|input| quote(input)).collect();
    let inputs = inputs.join(",");
    match &settings.model {
        Some(model) => format!(r#"{{"model":{},"input":[{inputs}]}}"#, quote(model)),
        None => format!(r#"{{"input":[{inputs}]}}"#),
    }
}

/// The texts, put together where they are many.
fn inputs(texts: &[String]) -> Vec<String> {
    let total: usize = texts.iter().map(String::len).sum();
    // Two inputs side by side are longer than one may be, or they would be one.
    let longest = total
        .saturating_mul(2)
        .div_ceil(MAX_INPUTS.saturating_sub(1))
        .max(INPUT);
    let mut inputs: Vec<String> = Vec::new();
    for text in texts {
        match inputs.last_mut() {
            Some(last) if last.len().saturating_add(text.len()) <= longest => {
                last.push_str("\n\n");
                last.push_str(text);
            }
            _ => inputs.push(text.clone()),
        }
    }
    inputs
}

pub(super) fn findings(settings: &Moderation, texts: &[String], body: &[u8]) -> Option<Findings> {
    let mut findings = Findings::default();
    let count = document(body, |reader| {
        let mut count = None;
        reader.object(|reader, key| {
            if key.value() == "results" {
                count = Some(results(settings, reader, &mut findings)?);
            } else {
                reader.skip()?;
            }
            Ok::<_, Unfit>(())
        })?;
        Ok(count)
    })?;
    (count == Some(inputs(texts).len())).then_some(findings)
}

fn results(
    settings: &Moderation,
    reader: &mut Reader<'_>,
    findings: &mut Findings,
) -> Result<usize, Unfit> {
    let mut count = 0_usize;
    reader.array(|reader| {
        count = count.saturating_add(1);
        result(settings, reader, findings)
    })?;
    Ok(count)
}

/// Reads what is said of one input.
fn result(
    settings: &Moderation,
    reader: &mut Reader<'_>,
    findings: &mut Findings,
) -> Result<(), Unfit> {
    let counts = |name: &str| {
        settings.categories.is_empty() || settings.categories.iter().any(|it| it == name)
    };
    let mut flagged = None;
    let (mut named, mut scored) = (None, None);
    reader.object(|reader, key| {
        match &*key.value() {
            "flagged" => flagged = Some(reader.boolean()?),
            "categories" => {
                named = Some(categories(reader, &counts, &mut |reader| {
                    Ok(reader.boolean()?)
                })?)
            }
            "category_scores" => {
                let over = &mut |reader: &mut Reader<'_>| {
                    let score = reading::score(reader)?;
                    Ok(settings.threshold.is_some_and(|least| score >= least))
                };
                scored = Some(categories(reader, &counts, over)?);
            }
            _ => drop(reader.skip()?),
        }
        Ok::<_, Unfit>(())
    })?;
    let of_all = settings.threshold.is_none() && settings.categories.is_empty();
    let found = match settings.threshold {
        Some(_) => scored.ok_or(Unfit)?,
        None if of_all => named.unwrap_or_default(),
        None => named.ok_or(Unfit)?,
    };
    let flagged = flagged.ok_or(Unfit)?;
    findings.flagged |= !found.is_empty() || (flagged && of_all);
    found
        .iter()
        .for_each(|name| keep(&mut findings.reasons, name));
    Ok(())
}

/// The categories of an object that count and for which `holds`. A `null` stands for none.
fn categories(
    reader: &mut Reader<'_>,
    counts: &dyn Fn(&str) -> bool,
    holds: &mut dyn FnMut(&mut Reader<'_>) -> Result<bool, Unfit>,
) -> Result<Vec<String>, Unfit> {
    let mut found = Vec::new();
    reader.object(|reader, key| {
        if !reading::null(reader)? && holds(reader)? && counts(&key.value()) {
            found.push(key.value().into_owned());
        }
        Ok::<_, Unfit>(())
    })?;
    Ok(found)
}
