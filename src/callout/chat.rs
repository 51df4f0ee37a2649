/*! `POST /v1/chat/completions` as services are asked by it, and what a model has said. */

use super::reading::{Unfit, document};
use crate::json::{Kind, Reader};
use crate::protocols::{Api, ReportedUsage};

/// What a model has said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The text of the first choice, if it is one.
    pub(super) text: Option<String>,
    /// What it has used.
    pub(super) usage: ReportedUsage,
}

/// Reads an answer; `None` if it is none.
pub(super) fn said(body: &[u8]) -> Option<Said> {
    document(body, |reader| {
        let mut said = Said {
            text: None,
            usage: ReportedUsage::Absent,
        };
        let mut chose = false;
        reader.object(|reader, key| {
            match (&*key.value(), reader.kind()?) {
                ("choices", Kind::Array) => reader.array(|reader| {
                    chose = true;
                    choice(reader, &mut said.text)
                })?,
                ("usage", Kind::Object) => {
                    said.usage = ReportedUsage::read(Api::ChatCompletions, reader)?;
                }
                _ => drop(reader.skip()?),
            }
            Ok::<_, Unfit>(())
        })?;
        chose.then_some(said).ok_or(Unfit)
    })
}

/// Keeps what the first choice says.
fn choice(reader: &mut Reader<'_>, said: &mut Option<String>) -> Result<(), Unfit> {
    reader.object(|reader, key| {
        match (&*key.value(), reader.kind()?) {
            ("message", Kind::Object) => message(reader, said)?,
            _ => drop(reader.skip()?),
        }
        Ok(())
    })
}

fn message(reader: &mut Reader<'_>, said: &mut Option<String>) -> Result<(), Unfit> {
    reader.object(|reader, key| {
        match (&*key.value(), reader.kind()?) {
            ("content", Kind::String) => {
                let content = reader.string()?.value().into_owned();
                said.get_or_insert(content);
            }
            _ => drop(reader.skip()?),
        }
        Ok(())
    })
}
