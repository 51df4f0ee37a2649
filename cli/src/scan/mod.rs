/*! `tollgate scan`: what a policy's guardrails would do to texts, one JSON line each. */

mod judge;
mod policy;
mod verdict;

use serde::Deserialize;
use std::io::{self, BufRead, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tollgate::config::Phase;

/// What to scan, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) config: PathBuf,
    pub(crate) phase: Phase,
    /// Whose guardrails; `None`: those of all tenants.
    pub(crate) tenant: Option<String>,
    /// Texts come in pieces of so many code points; `None`: in one.
    pub(crate) stream_chunks: Option<NonZeroUsize>,
}

/// A line of the input; what else it has is left out.
#[derive(Debug, Deserialize)]
struct Given {
    id: serde_json::Value,
    text: String,
    /// The system prompt of the call that it belongs to.
    system: Option<String>,
    /// Who says it, in a request.
    #[serde(default)]
    role: Role,
}

/// Who says a text of a request, as chats name it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    #[serde(alias = "developer")]
    System,
    #[default]
    User,
    Assistant,
    Tool,
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
    let file = scan.config.display();
    let mut tell = |lines: Vec<String>| {
        let lines = lines.iter();
        lines.for_each(|line| complain(&format!("{file}: {line}")));
    };
    let judge = match policy::judge(scan) {
        Ok((judge, notes)) => {
            tell(notes);
            judge
        }
        Err(problems) => {
            tell(problems);
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
                serde_json::to_writer(&mut *out, &judge.judge(given))?;
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
