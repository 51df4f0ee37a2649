/*! The command line: words to a [`Command`]. */

use std::ffi::OsString;
use std::path::PathBuf;
use tollgate::config::suggestion;

const HELP: &str = "\
Tollgate's tool: checks what an operator writes before Envoy reads it.

Usage: tollgate COMMAND

Commands:
  check FILE…    check policies, Envoy files and Istio manifests

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

/// What the user asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// To be told something.
    Say(String),
    /// To have these files checked.
    Check(Vec<PathBuf>),
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
        option if option.starts_with('-') => Err(format!("unknown option {option:?}")),
        other => {
            let hint = suggestion(other, ["check"]);
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
