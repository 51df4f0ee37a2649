/*! Texts through the guardrails of one phase. */

use super::Given;
use super::verdict::{Found, OfGuardrail, Verdict};
use std::num::NonZeroUsize;
use std::rc::Rc;
use tollgate::config::{Guardrail, Guards, Phase};
use tollgate::detect::SystemPrompt;
use tollgate::mask::{self, Act, Channel, Form, Placeholders, Rule, TagKey, Vault};

/// What guards texts of one phase.
pub(super) struct Judge {
    /// With their indexes in the policy.
    guardrails: Vec<(u16, Guardrail)>,
    guards: Option<Rc<mask::Guards>>,
    restore: Option<TagKey>,
    /// Texts come in pieces of so many code points; `None`: in one.
    pieces: Option<NonZeroUsize>,
}

impl Judge {
    pub(super) fn new(
        phase: Phase,
        guardrails: Vec<(u16, Guardrail)>,
        guards: &Guards,
        pieces: Option<NonZeroUsize>,
    ) -> Self {
        Self {
            guardrails,
            guards: guards.of(phase).cloned(),
            restore: guards.restore.clone().filter(|_| phase == Phase::Input),
            pieces,
        }
    }

    pub(super) fn judge(&self, given: Given) -> Verdict {
        let Given { id, text, system } = given;
        let Some(guards) = &self.guards else {
            return Verdict::new(
                id,
                self.guardrails(&mask::Verdict::default()),
                Vec::new(),
                text,
            );
        };
        let guards = with_prompt(guards, system.as_deref());
        let mut found = mask::Verdict::with_places();
        let masked = self.through(&text, &guards, &mut found);
        if found.blocked().is_some() {
            // Nothing behind a block is looked at; here it is to be seen all the same.
            found = mask::Verdict::with_places();
            self.through(&text, &Rc::new(counting(&guards)), &mut found);
        }
        let places = Found::all(&text, &guards, found.places());
        Verdict::new(id, self.guardrails(&found), places, masked)
    }

    fn guardrails(&self, found: &mask::Verdict) -> Vec<OfGuardrail> {
        let one = |(index, guardrail): &(u16, Guardrail)| {
            let hit = found.found().any(|(by, ..)| by == *index);
            OfGuardrail::new(guardrail, hit)
        };
        self.guardrails.iter().map(one).collect()
    }

    /// The text that goes on.
    fn through(&self, text: &str, guards: &Rc<mask::Guards>, found: &mut mask::Verdict) -> String {
        match (self.pieces, &self.restore) {
            // A request is whole before it is masked, however it came.
            (_, Some(key)) => {
                let mut vault = Vault::new(key);
                whole(text, guards, Placeholders::Make(&mut vault), found)
            }
            (None, None) => whole(text, guards, Placeholders::Off, found),
            (Some(points), None) => in_pieces(text, points, guards, found),
        }
    }
}

fn whole(
    text: &str,
    guards: &Rc<mask::Guards>,
    placeholders: Placeholders<'_>,
    found: &mut mask::Verdict,
) -> String {
    mask::whole(text, Some(guards), Form::Text, placeholders, found)
        .unwrap_or_else(|| text.to_owned())
}

fn in_pieces(
    text: &str,
    points: NonZeroUsize,
    guards: &Rc<mask::Guards>,
    found: &mut mask::Verdict,
) -> String {
    let mut channel = Channel::new(Some(Rc::clone(guards)), Form::Text, None);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(points.get());
        let end = end.map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        masked.push_str(&channel.push(piece, found));
        rest = after;
    }
    masked.push_str(&channel.finish(found));
    masked
}

/// The guards of an answer to this system prompt.
fn with_prompt(guards: &Rc<mask::Guards>, system: Option<&str>) -> Rc<mask::Guards> {
    let Some((words, system)) = guards.prompt_words().zip(system) else {
        return Rc::clone(guards);
    };
    let mut prompt = SystemPrompt::new(words);
    prompt.add(system);
    Rc::new(guards.for_prompt(Rc::new(prompt)))
}

/// The same, but whatever they find only counts.
fn counting(guards: &mask::Guards) -> mask::Guards {
    let rules = guards.rules().iter().map(|rule| Rule {
        act: Act::Monitor,
        ..rule.clone()
    });
    mask::Guards::new(guards.search().clone(), rules.collect())
}
