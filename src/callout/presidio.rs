/*! Presidio's analyzer: `POST /analyze`.

It is asked about all texts as one, with an empty line between them: lists of texts are
understood by newer versions only. Places are code points, `end` excluded. */

use super::Findings;
use super::marks::{Mark, Named, in_bytes, merged};
use super::reading::{self, Unfit, document};
use crate::config::{Presidio, Score};
use crate::json::{Reader, quote};
use std::fmt::Write as _;

/// What stands between texts: no name and no number goes over it.
const BETWEEN: &str = "\n\n";

/// What a value is called that the service has no name for.
const NAMELESS: &str = "VALUE";

pub(super) fn question(settings: &Presidio, texts: &[String]) -> String {
    let text = quote(&texts.join(BETWEEN));
    let language = quote(&settings.language);
    let mut body = format!(r#"{{"text":{text},"language":{language}"#);
    if let Some(threshold) = settings.threshold {
        // Writing to a string can't fail.
        let _ = write!(body, r#","score_threshold":{threshold}"#);
    }
    if !settings.entities.is_empty() {
        let names: Vec<String> = settings.entities.iter().map(|name| quote(name)).collect();
        let _ = write!(body, r#","entities":[{}]"#, names.join(","));
    }
    body.push('}');
    body
}

pub(super) fn findings(texts: &[String], body: &[u8]) -> Option<Findings> {
    let hits = document(body, |reader| {
        let mut hits = Vec::new();
        reader.array(|reader| {
            hits.push(hit(reader)?);
            Ok::<_, Unfit>(())
        })?;
        Ok(hits)
    })?;
    Some(Findings {
        values: in_bytes(texts, divided(texts, hits)?)?,
        ..Findings::default()
    })
}

/// Reads a value in the text made of all.
fn hit(reader: &mut Reader<'_>) -> Result<Mark<Named>, Unfit> {
    let (mut start, mut end, mut name) = (None, None, None);
    let mut score = Score::default();
    reader.object(|reader, key| {
        match &*key.value() {
            "start" => start = Some(reading::whole(reader)?),
            "end" => end = Some(reading::whole(reader)?),
            "entity_type" => name = Some(reading::name(reader, &['_'])?),
            "score" => score = reading::score(reader)?,
            _ => drop(reader.skip()?),
        }
        Ok::<_, Unfit>(())
    })?;
    let mut name = name.ok_or(Unfit)?;
    if name.is_empty() {
        NAMELESS.clone_into(&mut name);
    }
    let (start, end) = start
        .zip(end)
        .filter(|(start, end)| start < end)
        .ok_or(Unfit)?;
    Ok(Mark {
        text: 0,
        start,
        end,
        what: Named { name, score },
    })
}

/// Values in the text made of all, as values in each. `None` if one ends behind all.
fn divided(texts: &[String], hits: Vec<Mark<Named>>) -> Option<Vec<Mark<Named>>> {
    let mut ends = Vec::with_capacity(texts.len());
    let mut point = 0_usize;
    for text in texts {
        let start = point;
        point = point.saturating_add(text.chars().count());
        ends.push((start, point));
        point = point.saturating_add(BETWEEN.len());
    }
    let whole = ends.last().map_or(0, |(_, end)| *end);
    let mut marks = Vec::new();
    // Merged first: values over many texts, many times, would be very many.
    for hit in merged(hits, |what| what.score) {
        if hit.end > whole {
            return None;
        }
        let first = ends.partition_point(|(_, end)| *end <= hit.start);
        let reached = ends.iter().enumerate().skip(first);
        for (text, (start, end)) in reached.take_while(|(_, (start, _))| *start < hit.end) {
            marks.push(Mark {
                text,
                start: hit.start.saturating_sub(*start),
                end: hit.end.min(*end).saturating_sub(*start),
                ..hit.clone()
            });
        }
    }
    Some(marks)
}
