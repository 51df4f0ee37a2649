/*! Texts of a request as they are scored: each by itself, and short ones that stand in a row
together. */

use crate::callout::Open;
use crate::config::{Asked, Guards, ScoredRole};
use crate::mask::{Form, Verdict, meant, unescaped};

/// Most texts that judges are asked about one by one; what is open beyond is shown with the last.
const MOST_OPEN: usize = 16;

/// Texts up to so many bytes are also scored together with their neighbours: in a message they
/// are read as one, and each may say too little.
const SHORT: usize = 512;

/// So many bytes are scored together at most.
const MOST_JOINED: usize = 4096;

/// What has been scored so far.
#[derive(Debug)]
pub(super) struct Scoring<'g> {
    guards: &'g Guards,
    open: Vec<Open>,
    row: Option<Row>,
}

/// Short texts of one role that stand in a row.
#[derive(Debug)]
struct Row {
    role: ScoredRole,
    texts: usize,
    joined: String,
    /// The same as it goes on.
    shown: String,
    /// Whether one of them counts by itself.
    counts: bool,
}

impl<'g> Scoring<'g> {
    pub(super) const fn new(guards: &'g Guards) -> Self {
        Self {
            guards,
            open: Vec::new(),
            row: None,
        }
    }

    /// Scores a text of `role`, as it is meant. Judges see it as it goes on: `shown`.
    pub(super) fn add(
        &mut self,
        (text, shown): (&str, &str),
        (role, form): (ScoredRole, Form),
        verdict: &mut Verdict,
    ) {
        if !self.guards.scores(role) {
            self.end_row(verdict);
            return;
        }
        let unescaped = unescaped(text, form);
        let text = &*meant(text, form);
        let goes_on = self.row.as_ref().is_some_and(|row| {
            let length = row.joined.len().saturating_add(text.len());
            row.role == role && text.len() <= SHORT && length <= MOST_JOINED
        });
        if !goes_on {
            self.end_row(verdict);
        }
        let readings = (text, unescaped.as_deref());
        let judgement = self.guards.score_both(readings, role, verdict);
        self.ask(&judgement.open, shown);
        if text.len() > SHORT {
            return;
        }
        let row = self.row.get_or_insert_with(|| Row {
            role,
            texts: 0,
            joined: String::new(),
            shown: String::new(),
            counts: false,
        });
        row.texts = row.texts.saturating_add(1);
        row.counts |= judgement.counts;
        for (joined, text) in [(&mut row.joined, text), (&mut row.shown, shown)] {
            if !joined.is_empty() {
                joined.push('\n');
            }
            joined.push_str(text);
        }
    }

    /// Takes the end of the request; gives what judges have to say something about.
    pub(super) fn end(mut self, verdict: &mut Verdict) -> Vec<Open> {
        self.end_row(verdict);
        self.open
    }

    /// What counts by itself is not counted again.
    fn end_row(&mut self, verdict: &mut Verdict) {
        let Some(row) = self.row.take().filter(|row| row.texts > 1 && !row.counts) else {
            return;
        };
        let judgement = self.guards.score(&row.joined, row.role, verdict);
        self.ask(&judgement.open, &row.shown);
    }

    fn ask(&mut self, guardrails: &[u16], shown: &str) {
        let guards = self.guards;
        for judge in guardrails.iter().filter_map(|index| guards.judge(*index)) {
            self.ask_one(judge, shown);
        }
    }

    fn ask_one(&mut self, judge: &Asked, shown: &str) {
        let full = self.open.len() >= MOST_OPEN;
        let of_judge = |open: &&mut Open| open.judge.guardrail == judge.guardrail;
        match self.open.iter_mut().rev().find(of_judge) {
            Some(last) if full => {
                last.text.push_str("\n\n");
                last.text.push_str(shown);
            }
            _ => self.open.push(Open {
                judge: judge.clone(),
                text: shown.to_owned(),
            }),
        }
    }
}
