/*! `POST /v1/chat/completions` of a server that runs Llama Guard, or a model that answers like
it: `safe`, or `unsafe` and on the next line the codes of the categories (`S1,S10`). */

use super::reading::keep;
use super::{Asker, Findings, chat};
use crate::config::{LlamaGuard, Phase};
use crate::json::quote;

/// Longest verdict that is asked for, in tokens: `unsafe` and all 14 codes take about 60.
const VERDICT: u8 = 100;

/// What stands in the caller's place where an answer is judged: the model judges the last turn,
/// and wants one before it.
const UNSHOWN: &str = "(not shown)";

pub(super) fn question(settings: &LlamaGuard, asker: Asker<'_>, texts: &[String]) -> String {
    let model = quote(&settings.model);
    let said = quote(&texts.join("\n\n"));
    let turns = match asker.phase {
        Phase::Input => format!(r#"{{"role":"user","content":{said}}}"#),
        Phase::Output => format!(
            r#"{{"role":"user","content":{}}},{{"role":"assistant","content":{said}}}"#,
            quote(UNSHOWN)
        ),
    };
    format!(
        r#"{{"model":{model},"messages":[{turns}],"temperature":0,"max_tokens":{VERDICT},"stream":false}}"#
    )
}

pub(super) fn findings(settings: &LlamaGuard, body: &[u8]) -> Option<Findings> {
    verdict(settings, &chat::said(body)?.text?)
}

/// Reads a verdict; `None` if it is none. An unsafe one that names no category counts whatever
/// categories do.
fn verdict(settings: &LlamaGuard, said: &str) -> Option<Findings> {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut findings = Findings::default();
    match lines.next()? {
        word if word.eq_ignore_ascii_case("safe") => return Some(findings),
        word if word.eq_ignore_ascii_case("unsafe") => {}
        _ => return None,
    }
    let codes = lines.next().unwrap_or_default().split(',').map(str::trim);
    let codes: Vec<&str> = codes.filter(|code| !code.is_empty()).collect();
    let counts = |code: &str| {
        let mut categories = settings.categories.iter();
        settings.categories.is_empty() || categories.any(|it| it.eq_ignore_ascii_case(code))
    };
    // Codes are a letter and a number; whatever else stands there names no category.
    let is_code = |code: &&str| {
        let digits = code.strip_prefix(['S', 's', 'O', 'o']);
        digits
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()))
    };
    findings.flagged = codes.is_empty() || !codes.iter().all(is_code);
    for code in codes.into_iter().filter(|code| counts(code)) {
        findings.flagged = true;
        keep(&mut findings.reasons, code);
    }
    Some(findings)
}
