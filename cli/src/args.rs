/*! The command line: words to a [`Command`]. */

use crate::scan::Scan;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tollgate::config::{Phase, suggestion};

const HELP: &str = "\
Tollgate's tool: checks what an operator writes before Envoy reads it, and estimates tokens.

Usage: tollgate COMMAND

Commands:
  check FILE…           check policies, Envoy files and Istio manifests
  estimate --model M    estimate the tokens of texts
  scan                  try the guardrails of a policy on texts

Options:
  -h, --help     print this, or after a command its own help
  -V, --version  print the version
";

const CHECK_HELP: &str = "\
Checks policies, and how Envoy is set up around them.

Usage: tollgate check FILE…

A FILE is YAML or JSON: a policy, an Envoy file whose Wasm filters hold policies, or
Istio's WasmPlugin or EnvoyFilter. Each problem is one line:

  FILE: PATH: MESSAGE            an error
  FILE: warning: PATH: MESSAGE   works, but probably not as meant

A file without errors ends with FILE: ok (N backends, N models, N tenants).

Exit status: 0 if no file has errors, 1 if one has, 2 for a wrong command line.
";

const SCAN_HELP: &str = "\
Says what the guardrails of a policy would do to texts.

Usage: tollgate scan --config FILE --phase input|output [--tenant NAME] [--stream-chunks N] <TEXTS

TEXTS are JSON Lines {\"id\", \"text\"}, with \"system\" if an answer may repeat a system
prompt, and with \"role\" if a text of a request is not the user's: system or developer,
assistant, tool. For each, one line is written:

  {\"id\", \"action\", \"guardrails\": [{\"name\", \"verdict\", \"score\", \"reason\"}],
   \"findings\": [{\"entity\", \"start\", \"end\"}], \"text\"}

Offsets are in Unicode code points of the given text, the end exclusive; \"text\" is what
would go on, null if it is blocked. Guardrails that ask a service are left out.

Options:
  --config FILE        a policy, a file that holds one, or only guardrails: in YAML or JSON
  --phase PHASE        input (what callers send) or output (what models answer)
  --tenant NAME        those guardrails that are for this tenant; by default all, whomever
                       they are for
  --stream-chunks N    texts come in pieces of N code points, as in a stream

Exit status: 0 if all lines were scanned, 1 if the policy or a line is wrong, 2 for a wrong
command line.
";

const ESTIMATE_HELP: &str = "\
Estimates how many tokens texts come to, as the gateway does before it sends a call.

Usage: tollgate estimate --model M <TEXTS

Reads JSON Lines {\"id\",\"text\"} and writes {\"id\",\"tokens\"} for each. M may be any name:
the estimate is the same for all models. (The gateway corrects it by what each reports.)

Exit status: 0 if all lines were read, 1 if one is wrong, 2 for a wrong command line.
";

/// What the user asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// To be told something.
    Say(String),
    /// To have these files checked.
    Check(Vec<PathBuf>),
    /// To have texts scanned.
    Scan(Scan),
    /// To have the tokens of the texts on stdin estimated.
    Estimate {
        /// For this model.
        model: String,
    },
}

/// Understands the words after the program's name.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn read(words: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut words = words;
    let Some(first) = words.next() else {
        return Err("a command is missing".to_owned());
    };
    match first.to_string_lossy().as_ref() {
        "-h" | "--help" => Ok(Command::Say(HELP.to_owned())),
        "-V" | "--version" => Ok(Command::Say(version())),
        "check" => check(words),
        "scan" => scan(words),
        "estimate" => estimate(words),
        option if option.starts_with('-') => Err(format!("unknown option {option:?}")),
        other => {
            let hint = suggestion(other, ["check", "estimate", "scan"]);
            Err(format!("unknown command {other:?}{hint}"))
        }
    }
}

fn version() -> String {
    format!("tollgate {}\n", env!("CARGO_PKG_VERSION"))
}

fn check(words: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut files = Vec::new();
    let mut only_files = false;
    for word in words {
        match word.to_string_lossy().as_ref() {
            "--" if !only_files => only_files = true,
            "-h" | "--help" if !only_files => return Ok(Command::Say(CHECK_HELP.to_owned())),
            option if option.starts_with('-') && !only_files => {
                return Err(format!("check: unknown option {option:?}"));
            }
            _ => files.push(PathBuf::from(word)),
        }
    }
    if files.is_empty() {
        return Err("check: a FILE is missing".to_owned());
    }
    Ok(Command::Check(files))
}

fn scan(mut words: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let (mut config, mut phase, mut tenant, mut stream_chunks) = (None, None, None, None);
    while let Some(word) = words.next() {
        let option = word.to_string_lossy();
        if matches!(option.as_ref(), "-h" | "--help") {
            return Ok(Command::Say(SCAN_HELP.to_owned()));
        }
        let mut value = || words.next().ok_or(format!("scan: {option} needs a value"));
        match option.as_ref() {
            "--config" => config = Some(PathBuf::from(value()?)),
            "--phase" => phase = Some(self::phase(&value()?.to_string_lossy())?),
            "--tenant" => tenant = Some(value()?.to_string_lossy().into_owned()),
            "--stream-chunks" => stream_chunks = Some(points(&value()?.to_string_lossy())?),
            other => return Err(format!("scan: unknown option {other:?}")),
        }
    }
    Ok(Command::Scan(Scan {
        config: config.ok_or("scan: --config FILE is missing")?,
        phase: phase.ok_or("scan: --phase input|output is missing")?,
        tenant,
        stream_chunks,
    }))
}

fn phase(word: &str) -> Result<Phase, String> {
    match word {
        "input" => Ok(Phase::Input),
        "output" => Ok(Phase::Output),
        _ => Err(format!(
            "scan: --phase must be input or output, not {word:?}"
        )),
    }
}

fn points(word: &str) -> Result<NonZeroUsize, String> {
    let wrong = |_| format!("scan: --stream-chunks must be a number from 1 on, not {word:?}");
    word.parse().map_err(wrong)
}

fn estimate(words: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut model = None;
    while let Some(word) = words.next() {
        match (word.as_str(), word.strip_prefix("--model=")) {
            ("-h" | "--help", _) => return Ok(Command::Say(ESTIMATE_HELP.to_owned())),
            ("--model", _) => model = words.next(),
            (_, Some(name)) => model = Some(name.to_owned()),
            _ => return Err(format!("estimate: {word:?} is not understood")),
        }
    }
    let model = model.filter(|name| !name.is_empty());
    let model = model.ok_or("estimate: --model needs a name")?;
    Ok(Command::Estimate { model })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(words: &[&str]) -> Result<Command, String> {
        read(words.iter().map(OsString::from))
    }

    #[test]
    fn estimate_needs_a_model() {
        let wanted = Ok(Command::Estimate {
            model: "m".to_owned(),
        });
        assert_eq!(read_all(&["estimate", "--model", "m"]), wanted);
        assert_eq!(read_all(&["estimate", "--model=m"]), wanted);
        for words in [
            &["estimate"][..],
            &["estimate", "--model"],
            &["estimate", "--model="],
            &["estimate", "--model", "m", "file"],
            &["estimate", "--modle", "m"],
        ] {
            assert!(
                read_all(words).unwrap_err().starts_with("estimate: "),
                "{words:?}"
            );
        }
        let help = read_all(&["estimate", "--help"]);
        assert!(matches!(help, Ok(Command::Say(text)) if text.contains("--model")));
        assert!(read_all(&["estimat"]).unwrap_err().contains("estimate"));
    }
}
