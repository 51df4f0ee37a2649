/*! The texts that events of a response bring in pieces. Each kind has an event for a piece,
`….delta`, and one that says the whole text again, `….done`. */

use crate::protocols::texts::ChannelKind;

/// Texts of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pieces {
    /// What the types of its events begin with.
    pub(super) event: &'static str,
    pub(super) kind: ChannelKind,
    /// The member that tells which text of its item it is; none: an item has one only.
    pub(super) index: Option<&'static str>,
    /// The member of its last event that has the whole text.
    pub(super) whole: &'static str,
}

const fn pieces(
    event: &'static str,
    kind: ChannelKind,
    index: Option<&'static str>,
    whole: &'static str,
) -> Pieces {
    Pieces {
        event,
        kind,
        index,
        whole,
    }
}

const CONTENT: Option<&str> = Some("content_index");

/// All kinds. `response.shell_call_output_content` brings two, in an object.
const ALL: [Pieces; 13] = [
    pieces("response.output_text", ChannelKind::Text, CONTENT, "text"),
    pieces("response.refusal", ChannelKind::Refusal, CONTENT, "refusal"),
    pieces(
        "response.reasoning_text",
        ChannelKind::Reasoning,
        CONTENT,
        "text",
    ),
    pieces(
        "response.reasoning_summary_text",
        ChannelKind::ReasoningSummary,
        Some("summary_index"),
        "text",
    ),
    pieces(
        "response.function_call_arguments",
        ChannelKind::Arguments,
        None,
        "arguments",
    ),
    pieces(
        "response.mcp_call_arguments",
        ChannelKind::McpArguments,
        None,
        "arguments",
    ),
    pieces(
        "response.custom_tool_call_input",
        ChannelKind::CustomInput,
        None,
        "input",
    ),
    pieces(
        "response.code_interpreter_call_code",
        ChannelKind::Code,
        None,
        "code",
    ),
    pieces(
        "response.shell_call_command",
        ChannelKind::Command,
        Some("command_index"),
        "command",
    ),
    pieces(
        SHELL_OUTPUT,
        ChannelKind::Output,
        Some("command_index"),
        "output",
    ),
    pieces(
        SHELL_OUTPUT,
        ChannelKind::Errors,
        Some("command_index"),
        "output",
    ),
    pieces(
        "response.apply_patch_call_operation_diff",
        ChannelKind::Patch,
        None,
        "diff",
    ),
    pieces(
        "response.audio.transcript",
        ChannelKind::Transcript,
        None,
        "transcript",
    ),
];

const SHELL_OUTPUT: &str = "response.shell_call_output_content";

impl Pieces {
    /// The kind whose events begin so.
    pub(super) fn of_event(event: &str) -> Option<Self> {
        ALL.into_iter().find(|pieces| pieces.event == event)
    }

    /// The events that bring texts of `kind`. What none brings goes on as what the model says.
    pub(super) fn of_kind(kind: ChannelKind) -> Self {
        let [text, ..] = ALL;
        ALL.into_iter()
            .find(|pieces| pieces.kind == kind)
            .unwrap_or(text)
    }
}

/// Parts from here on are of items that servers tell by their id alone, as llama.cpp does.
const BY_ID: u32 = 1 << 31;

/// The part that an item is: its place in the output, or a number by its id (FNV-1a). If two ids
/// come to the same, text of one can go on with the other's.
pub(in crate::protocols) fn part(place: Option<u32>, id: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    match place {
        Some(place) => place,
        None if id.is_empty() => 0,
        None => id.iter().fold(0x811c_9dc5, step) | BY_ID,
    }
}

/// The place of an item in the output; `None`: its server tells none.
pub(in crate::protocols) const fn place(part: u32) -> Option<u32> {
    if part < BY_ID { Some(part) } else { None }
}

/// What stands between the quotes of a string.
pub(super) fn unquoted(json: &[u8]) -> &[u8] {
    let inside = json.get(1..json.len().saturating_sub(1));
    inside.unwrap_or_default()
}

/// What an event is, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventType {
    /// `response.created` and what else tells of a response that has no end yet.
    Begins,
    /// `response.completed`, `response.incomplete`
    Ends,
    /// `response.failed`, `error`
    Fails,
    /// `response.output_item.added`
    ItemBegins,
    /// `response.output_item.done`
    ItemEnds,
    /// A content or a summary of an item begins.
    PartBegins,
    /// It ends.
    PartEnds,
    /// More of a text.
    Piece(Pieces),
    /// A text begins, which only commands tell of by themselves.
    PieceBegins(Pieces),
    /// A text, whole.
    PieceEnds(Pieces),
    /// Sound in base64.
    Sound,
    /// More of something that nothing is known of.
    UnknownPiece,
    /// Another one.
    Other,
}

impl EventType {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "response.created" | "response.in_progress" | "response.queued" => Self::Begins,
            "response.completed" | "response.incomplete" => Self::Ends,
            "response.failed" | "response.cancelled" | "error" => Self::Fails,
            "response.output_item.added" => Self::ItemBegins,
            "response.output_item.done" => Self::ItemEnds,
            // The last is vLLM's.
            "response.content_part.added"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_part.added" => Self::PartBegins,
            "response.content_part.done"
            | "response.reasoning_summary_part.done"
            | "response.reasoning_part.done" => Self::PartEnds,
            "response.audio.delta" => Self::Sound,
            _ => Self::of_text(name),
        }
    }

    fn of_text(name: &str) -> Self {
        let Some((event, what)) = name.rsplit_once('.') else {
            return Self::Other;
        };
        match (Pieces::of_event(event), what) {
            (Some(pieces), "delta") => Self::Piece(pieces),
            (Some(pieces), "done") => Self::PieceEnds(pieces),
            (Some(pieces), "added") => Self::PieceBegins(pieces),
            (None, "delta") => Self::UnknownPiece,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        assert_eq!(part(Some(3), b"msg_1"), 3);
        assert_eq!(part(None, b""), 0);
        let [one, two] = [b"msg_1", b"msg_2"].map(|id| part(None, id));
        assert!(one != two && place(one).is_none() && place(two).is_none());
        assert_eq!((part(None, b"msg_1"), place(3)), (one, Some(3)));
        assert_eq!(unquoted(b"\"a\""), b"a");
        assert_eq!(unquoted(b""), b"");
    }

    #[test]
    fn types() {
        for (name, wanted) in [
            ("response.created", EventType::Begins),
            ("response.completed", EventType::Ends),
            ("response.incomplete", EventType::Ends),
            ("response.failed", EventType::Fails),
            ("error", EventType::Fails),
            ("response.content_part.added", EventType::PartBegins),
            ("response.reasoning_summary_part.done", EventType::PartEnds),
            ("response.audio.delta", EventType::Sound),
            ("response.audio.done", EventType::Other),
            ("response.something.delta", EventType::UnknownPiece),
            ("response.something.done", EventType::Other),
            ("response.output_text.annotation.added", EventType::Other),
            ("", EventType::Other),
        ] {
            assert_eq!(EventType::of(name), wanted, "{name}");
        }
        for pieces in ALL {
            let name = |what: &str| format!("{}.{what}", pieces.event);
            let of = Pieces::of_event(pieces.event).unwrap();
            assert_eq!(EventType::of(&name("delta")), EventType::Piece(of));
            assert_eq!(EventType::of(&name("done")), EventType::PieceEnds(of));
            assert_eq!(Pieces::of_kind(pieces.kind), pieces);
        }
        assert_eq!(
            Pieces::of_kind(ChannelKind::Compaction).kind,
            ChannelKind::Text
        );
    }
}
