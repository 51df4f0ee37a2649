/*! Tollgate's own contract with services, for all that speak nothing else.

Asked: `{"guardrail": "names", "phase": "input", "texts": ["…", …]}`. Answered:
`{"flagged": false, "reasons": ["…"], "values": [{"text": 0, "start": 3, "end": 8, "name":
"PERSON"}]}`; only `flagged` is required. Places are code points, `end` excluded. */

use super::marks::{Mark, Named, in_bytes};
use super::reading::{self, Unfit, document, keep};
use super::{Asker, Findings};
use crate::config::{Phase, Score};
use crate::json::{Reader, quote};

pub(super) fn question(asker: Asker<'_>, texts: &[String]) -> String {
    let phase = match asker.phase {
        Phase::Input => "input",
        Phase::Output => "output",
    };
    let guardrail = quote(asker.guardrail);
    let texts: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    let texts = texts.join(",");
    format!(r#"{{"guardrail":{guardrail},"phase":"{phase}","texts":[{texts}]}}"#)
}

pub(super) fn findings(texts: &[String], body: &[u8]) -> Option<Findings> {
    let mut marks = Vec::new();
    let mut reasons = Vec::new();
    let flagged = document(body, |reader| {
        let mut flagged = None;
        reader.object(|reader, key| {
            match &*key.value() {
                "flagged" => flagged = Some(reader.boolean()?),
                "reasons" => reader.array(|reader| {
                    keep(&mut reasons, &reader.string()?.value());
                    Ok::<_, Unfit>(())
                })?,
                "values" => reader.array(|reader| {
                    marks.push(value(reader)?);
                    Ok::<_, Unfit>(())
                })?,
                _ => drop(reader.skip()?),
            }
            Ok::<_, Unfit>(())
        })?;
        flagged.ok_or(Unfit)
    })?;
    Some(Findings {
        values: in_bytes(texts, marks)?,
        flagged,
        reasons,
    })
}

fn value(reader: &mut Reader<'_>) -> Result<Mark<Named>, Unfit> {
    let (mut text, mut start, mut end, mut name) = (None, None, None, None);
    reader.object(|reader, key| {
        match &*key.value() {
            "text" => text = Some(reading::whole(reader)?),
            "start" => start = Some(reading::whole(reader)?),
            "end" => end = Some(reading::whole(reader)?),
            "name" => name = Some(reading::name(reader, &['_'])?),
            _ => drop(reader.skip()?),
        }
        Ok::<_, Unfit>(())
    })?;
    let (start, end) = start
        .zip(end)
        .filter(|(start, end)| start < end)
        .ok_or(Unfit)?;
    Ok(Mark {
        text: text.ok_or(Unfit)?,
        start,
        end,
        what: Named {
            name: name.filter(|name| !name.is_empty()).ok_or(Unfit)?,
            score: Score::default(),
        },
    })
}
