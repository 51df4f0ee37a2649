/*! The events of messages. */

mod block;
mod stream;

pub(super) use stream::as_stream;

use super::Room;
use super::parts::{Fields, get, is_nothing, members, text_of};
use super::write::object;
use block::Block;

/// Most blocks of a message.
const MAX_BLOCKS: usize = 1024;

/// Bytes that a block takes beside its text, about.
const OVERHEAD: usize = 256;

/// What the events of a stream have told so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    stage: Stage,
    /// The message's members, but its content and its usage.
    message: Fields,
    usage: Fields,
    /// All but the last have ended.
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Before,
    /// Between two blocks.
    Between,
    /// In the last block.
    Block,
    /// It is known why the model stopped.
    Stopped,
    Done,
}

impl Events {
    pub(super) fn event(&mut self, data: &str, room: &mut Room) -> Option<()> {
        if data.trim_ascii().is_empty() {
            return Some(());
        }
        let event = members(data)?;
        let index = || get(&event, "index")?.parse::<usize>().ok();
        let last = self.blocks.len().checked_sub(1);
        match (text_of(&event, "type").as_ref(), self.stage) {
            ("ping", _) => {}
            ("message_start", Stage::Before) => {
                self.start(get(&event, "message")?, room)?;
                self.stage = Stage::Between;
            }
            ("content_block_start", Stage::Between) if index()? == self.blocks.len() => {
                if self.blocks.len() >= MAX_BLOCKS {
                    return None;
                }
                room.take(OVERHEAD)?;
                let block = Block::begin(get(&event, "content_block")?, room)?;
                self.blocks.push(block);
                self.stage = Stage::Block;
            }
            ("content_block_delta", Stage::Block) if index() == last => {
                let block = self.blocks.last_mut()?;
                block.delta(get(&event, "delta")?, room)?;
            }
            ("content_block_stop", Stage::Block) if index() == last => self.stage = Stage::Between,
            ("message_delta", Stage::Between | Stage::Stopped) => {
                for (name, value) in &event {
                    self.change(name, value, room)?;
                }
                self.stage = Stage::Stopped;
            }
            ("message_stop", Stage::Stopped) => self.stage = Stage::Done,
            // An error, an event out of its order, or one that nothing is known of.
            _ => return None,
        }
        Some(())
    }

    fn start(&mut self, message: &str, room: &mut Room) -> Option<()> {
        for (name, value) in members(message)? {
            match (name.as_ref(), value) {
                ("usage", usage) => self.add_usage(usage, room)?,
                ("content", content) => {
                    let inside = super::parts::inside_list(content)?;
                    inside.is_empty().then_some(())?;
                }
                (name, value) => self.message.set(name, value, room)?,
            }
        }
        Some(())
    }

    /// A member of `message_delta`: what the message has instead by now.
    fn change(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        match (name, value) {
            ("type", _) => {}
            ("usage", usage) => self.add_usage(usage, room)?,
            ("delta", delta) => {
                for (name, value) in members(delta)? {
                    if matches!(name.as_ref(), "content" | "usage" | "id" | "type" | "role") {
                        return None;
                    }
                    self.message.set(&name, value, room)?;
                }
            }
            ("context_management", value) => self.message.set(name, value, room)?,
            _ => return None,
        }
        Some(())
    }

    /// The counts of one report are those so far: they stand in the place of earlier ones.
    fn add_usage(&mut self, usage: &str, room: &mut Room) -> Option<()> {
        for (name, value) in members(usage)? {
            if value != "null" || self.usage.get(&name).is_none() {
                self.usage.set(&name, value, room)?;
            }
        }
        Some(())
    }

    /// The document, if the stream came to its end.
    pub(super) fn finish(self) -> Option<String> {
        let reason = self.message.get("stop_reason")?;
        if self.stage != Stage::Done || is_nothing(reason) {
            return None;
        }
        let blocks = self.blocks.iter().map(Block::document);
        let content: Vec<String> = blocks.collect::<Option<_>>()?;
        Some(object(|message| {
            message.members(self.message.iter());
            message.list("content", &content.join(","));
            message.member("usage", &object(|usage| usage.members(self.usage.iter())));
        }))
    }
}
