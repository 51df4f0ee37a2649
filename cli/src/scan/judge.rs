/*! Texts through the guardrails of one phase. */

use super::verdict::{Found, OfGuardrail, Verdict};
use super::{Given, Role};
use std::num::NonZeroUsize;
use std::rc::Rc;
use tollgate::classify::{self, Scores, Sentences};
use tollgate::config::{Action, Detect, Guardrail, Guards, Phase, ScoredRole};
use tollgate::detect::SystemPrompt;
use tollgate::mask::{self, Act, Channel, Form, Placeholders, Rule, TagKey, Vault};

/// What guards texts of one phase.
pub(super) struct Judge {
    /// With their indexes in the policy.
    guardrails: Vec<(u16, Guardrail)>,
    all: Guards,
    phase: Phase,
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
            all: guards.clone(),
            phase,
            restore: guards.restore.clone().filter(|_| phase == Phase::Input),
            pieces,
        }
    }

    pub(super) fn judge(&self, given: Given) -> Verdict {
        let Given {
            id,
            text,
            system,
            role,
        } = given;
        let guards = self.guards(role).cloned().unwrap_or_default();
        let guards = with_prompt(&guards, system.as_deref());
        let mut found = mask::Verdict::with_places();
        let masked = self.through(&text, &guards, &mut found);
        if found.blocked().is_some() {
            // Nothing behind a block is looked at; here it is to be seen all the same.
            found = mask::Verdict::with_places();
            self.through(&text, &Rc::new(counting(&guards)), &mut found);
        }
        if self.phase == Phase::Input {
            let meant = mask::meant(&text, Form::Text);
            let unescaped = mask::unescaped(&text, Form::Text);
            let readings = (&*meant, unescaped.as_deref());
            self.all.score_both(readings, role.into(), &mut found);
        }
        let places = Found::all(&text, &guards, found.places());
        Verdict::new(id, self.guardrails(&text, &found), places, masked)
    }

    fn guards(&self, role: Role) -> Option<&Rc<mask::Guards>> {
        match (self.phase, role) {
            (Phase::Input, Role::System | Role::Assistant) => self.all.input_unscored.as_ref(),
            (phase, _) => self.all.of(phase),
        }
    }

    fn guardrails(&self, text: &str, found: &mask::Verdict) -> Vec<OfGuardrail> {
        let one = |(index, guardrail): &(u16, Guardrail)| {
            let hit = found.found().any(|(by, ..)| by == *index);
            match &guardrail.detect {
                Detect::Scored(scoring) => {
                    let scores = self.scores(text, &guardrail.action);
                    OfGuardrail::scored(guardrail, hit, scoring.class.of(&scores))
                }
                _ => OfGuardrail::new(guardrail, hit),
            }
        };
        self.guardrails.iter().map(one).collect()
    }

    /// What a text scores, high or low, as a guardrail with this action scores it in this phase.
    fn scores(&self, text: &str, action: &Action) -> Scores {
        if self.phase == Phase::Input && !matches!(action, Action::Mask(_)) {
            let scores = classify::score(&mask::meant(text, Form::Text));
            let other = mask::unescaped(text, Form::Text);
            return other.map_or(scores, |other| scores.worse(classify::score(&other)));
        }
        let mut worst = Scores::default();
        let mut sentences = Sentences::default();
        sentences.push(text, |sentence| worst = worst.worse(sentence.scores));
        let last = sentences.end();
        last.map_or(worst, |sentence| worst.worse(sentence.scores))
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

impl From<Role> for ScoredRole {
    fn from(role: Role) -> Self {
        match role {
            Role::System => Self::System,
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
            Role::Tool => Self::Tool,
        }
    }
}
