/*! Tokens that a request costs beside what stands in it: the marks around messages and
tools.

OpenAI's cookbook counts 3 for each message, its role, 1 more for a name, 3 for the answer
that begins, and 12 to 20 around the definitions of tools. Anthropic documents only what its
tools cost: about 346 for the system prompt that comes with them. */

/// Of one message: its marks and its role.
pub const MESSAGE: u64 = 4;

/// Of the answer that begins.
pub const REQUEST: u64 = 3;

/// Of OpenAI's tools, whatever is defined.
pub const OPENAI_TOOLS: u64 = 12;

/// Of Anthropic's tools, whatever is defined.
pub const ANTHROPIC_TOOLS: u64 = 346;
