/*! `tollgate scan`: what a policy's guardrails would do to texts, one JSON line each. */

mod policy;
mod verdict;

use serde::Deserialize;
use std::io::{self, BufRead, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tollgate::config::Phase;
use verdict::Guards;

/// What to scan, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) config: PathBuf,
    pub(crate) phase: Phase,
    /// Texts come in pieces of so many code points; `None`: in one.
    pub(crate) stream_chunks: Option<NonZeroUsize>,
}

/// A line of the input; what else it has is left out.
#[derive(Debug, Deserialize)]
struct Given {
    id: serde_json::Value,
    text: String,
}

/// Scans the lines of `input`; problems go to `complain`. Whether there were none.
///
/// # Errors
/// When `input` can't be read or `out` can't be written.
pub(crate) fn lines(
    scan: &Scan,
    input: impl BufRead,
    out: &mut impl Write,
    mut complain: impl FnMut(&str),
) -> io::Result<bool> {
    let guards = match policy::guardrails(&scan.config) {
        Ok(guardrails) => Guards::new(guardrails, scan.phase),
        Err(problems) => {
            let file = scan.config.display();
            problems
                .iter()
                .for_each(|problem| complain(&format!("{file}: {problem}")));
            return Ok(false);
        }
    };
    let mut all_good = true;
    for (index, line) in input.split(b'\n').enumerate() {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Given>(&line) {
            Ok(given) => {
                let verdict = guards.judge(given.id, &given.text, scan.stream_chunks);
                serde_json::to_writer(&mut *out, &verdict)?;
                out.write_all(b"\n")?;
            }
            Err(error) => {
                // What the parser says repeats nothing of a text but the kind of a value.
                let number = index.saturating_add(1);
                complain(&format!(
                    "line {number}: not {{\"id\", \"text\"}}: {:?} at column {}",
                    error.classify(),
                    error.column()
                ));
                all_good = false;
            }
        }
    }
    Ok(all_good)
}
