/*! `tollgate`, the native tool: it finds at a desk, or in a pipeline, what Envoy would
only show in production. */

mod args;
mod check;
mod estimate;
mod scan;

use args::Command;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a wrong command line ends with; problems of a checked file end with 1.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    match args::read(std::env::args_os().skip(1)) {
        Ok(command) => run(command),
        Err(problem) => {
            complain(&format!("{problem}\nTry 'tollgate --help'."));
            ExitCode::from(BAD_USAGE)
        }
    }
}

fn run(command: Command) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match command {
        Command::Say(text) => out.write_all(text.as_bytes()).map(|()| true),
        Command::Check(files) => check::files(&files, &mut out),
        Command::Scan(scan) => scan::lines(&scan, io::stdin().lock(), &mut out, complain),
        // One estimator serves all models: what is theirs is learned in the gateway.
        Command::Estimate { model: _ } => {
            estimate::lines(io::stdin().lock(), &mut io::BufWriter::new(&mut out)).map(|()| true)
        }
    };
    match done.and_then(|good| out.flush().map(|()| good)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("cannot read or write: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes to stderr. Where that fails too there is nobody left to tell.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "tollgate: {message}");
}
