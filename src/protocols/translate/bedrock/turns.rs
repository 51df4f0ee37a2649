/*! The turns of a conversation as Converse takes them: no text is blank, no turn is empty, sides take
turns, and nothing is a call where none may be made. */

use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Choice, Part, Request, Role};
use crate::protocols::translate::openai::said::note_cache;
use crate::protocols::translate::text::Text;

/// What one side says until the other's turn.
#[derive(Debug)]
pub(super) struct Turn<'r> {
    pub(super) role: Role,
    pub(super) pieces: Vec<Piece<'r>>,
}

#[derive(Debug)]
pub(super) enum Piece<'r> {
    /// As the caller has it.
    Said(&'r Block<'r>),
    /// A text in the place of what can't be said.
    Instead(Text<'r>),
}

/// Converse demands a text beside documents; the caller may have none.
const CAPTION: &str = "Attached: a file.";

/// Stands for a blank first turn of the user's, with which a conversation has to begin.
const SILENCE: &str = "(No text.)";

/// Whether calls and results are told as texts. Converse has no word for "none may be called": to
/// leave out the tools is the only one, and then it refuses calls and results.
pub(super) fn tells_calls(request: &Request<'_>) -> bool {
    request.tools.is_empty() || matches!(request.choice, Choice::None)
}

/// The blocks of a list that say something (`ContentBlock`: a text must not be blank).
pub(super) fn spoken<'r>(blocks: &'r [Block<'r>], dropped: &mut Dropped) -> Vec<&'r Block<'r>> {
    let spoken = blocks.iter().filter(|block| {
        let blank = is_blank(block);
        if blank {
            note_cache(block, dropped);
        }
        !blank
    });
    spoken.collect()
}

/// The turns of a request.
pub(super) fn of<'r>(request: &'r Request<'r>, dropped: &mut Dropped) -> Vec<Turn<'r>> {
    let tells = tells_calls(request);
    let mut turns: Vec<Turn<'r>> = Vec::new();
    for turn in &request.turns {
        let spoken = spoken(&turn.blocks, dropped);
        let mut pieces: Vec<_> = match tells {
            true => spoken
                .into_iter()
                .flat_map(|it| told(it, dropped))
                .collect(),
            false => spoken.into_iter().map(Piece::Said).collect(),
        };
        match turns.last_mut() {
            _ if pieces.is_empty() => {}
            Some(last) if last.role == turn.role => last.pieces.append(&mut pieces),
            _ => turns.push(Turn {
                role: turn.role,
                pieces,
            }),
        }
    }
    turns.iter_mut().for_each(caption);
    let begins = request.turns.first().map(|turn| turn.role);
    let left = turns.first().map(|turn| turn.role);
    if (begins, left) == (Some(Role::User), Some(Role::Assistant)) {
        let pieces = vec![Piece::Instead(Text::of(SILENCE))];
        let role = Role::User;
        turns.insert(0, Turn { role, pieces });
    }
    turns
}

pub(super) fn is_blank(block: &Block<'_>) -> bool {
    matches!(&block.part, Part::Text(text) if text.is_blank())
}

/// A block where no calls may stand.
fn told<'r>(block: &'r Block<'r>, dropped: &mut Dropped) -> Vec<Piece<'r>> {
    let (head, content) = match &block.part {
        Part::Call(call) => (told_call(call), &[][..]),
        Part::Result {
            id,
            content,
            failed,
        } => (told_result(id, *failed), content.as_slice()),
        _ => return vec![Piece::Said(block)],
    };
    note_cache(block, dropped);
    let mut texts = vec![Text::of(&head)];
    let mut pieces = Vec::new();
    for block in content {
        match &block.part {
            Part::Text(text) => {
                note_cache(block, dropped);
                texts.push(text.clone());
            }
            _ => pieces.push(Piece::Said(block)),
        }
    }
    pieces.insert(0, Piece::Instead(Text::joined(&texts)));
    pieces
}

fn told_call(call: &Call<'_>) -> String {
    let (name, id, input) = (call.name.value(), call.id.value(), call.input.object());
    format!("[Call of the tool {name}, id {id}]\n{input}")
}

fn told_result(id: &Text<'_>, failed: bool) -> String {
    let id = id.value();
    let how = if failed { ", which failed" } else { "" };
    format!("[Result of the call {id}{how}]\n")
}

/// Gives documents a text where they have none beside them.
fn caption(turn: &mut Turn<'_>) {
    let has = |part: fn(&Part<'_>) -> bool| {
        let mut pieces = turn.pieces.iter();
        pieces.any(|piece| matches!(piece, Piece::Said(block) if part(&block.part)))
    };
    let instead = turn.pieces.iter().any(|it| matches!(it, Piece::Instead(_)));
    let says = instead || has(|part| matches!(part, Part::Text(_)));
    if !says && has(|part| matches!(part, Part::File { .. })) {
        turn.pieces.push(Piece::Instead(Text::of(CAPTION)));
    }
}
