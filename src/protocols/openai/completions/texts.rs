/*! Where text stands in completions. Their answers and chunks are read as those of chat
completions are. */

use crate::json::{Error, Key, Kind, Reader, quote};
use crate::protocols::openai::texts::head::Head;
use crate::protocols::texts::{
    ChannelKey, ChannelKind, Found, Origin, Unscannable, Walk, walk_request,
};

pub(in crate::protocols) fn request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, member)
}

fn member<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
) -> Result<(), Error> {
    match (key.value().as_ref(), reader.kind()?) {
        ("prompt", _) => prompts(walk, reader),
        ("suffix", _) => walk.strings(reader, Origin::User),
        // What stands for a prompt at vLLM.
        ("prompt_embeds", kind) => {
            if kind != Kind::Null {
                walk.unscannable(Unscannable::Tokens);
            }
            reader.skip().map(drop)
        }
        ("response_format", _) => walk.format(reader),
        (name, _) if is_structural(name) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

/// Texts, or tokens, which can't be read without the model's vocabulary.
pub(in crate::protocols::openai) fn prompts<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
) -> Result<(), Error> {
    if reader.kind()? != Kind::Array {
        return walk.strings(reader, Origin::User);
    }
    let mut has_tokens = false;
    reader.array(|reader| match reader.kind()? {
        Kind::Number => {
            has_tokens = true;
            reader.skip().map(drop)
        }
        _ => prompts(walk, reader),
    })?;
    if has_tokens {
        walk.unscannable(Unscannable::Tokens);
    }
    Ok(())
}

fn is_structural(name: &str) -> bool {
    matches!(
        name,
        // Numbers with many digits may be what they say.
        "seed"
            | "temperature"
            | "top_p"
            | "top_k"
            | "n"
            | "best_of"
            | "max_tokens"
            | "logprobs"
            | "echo"
            | "stream_options"
            | "logit_bias"
            | "service_tier"
    )
}

/// Chunks that bring what was held.
pub(in crate::protocols) fn rest(data: &[u8], rest: &[(ChannelKey, String)]) -> String {
    let head = Head::of(data);
    let members = head.members(data);
    // Where a report was asked for, every chunk has the member.
    let usage = head.usage(data).map_or("", |_| ",\"usage\":null");
    let chunk = |(ChannelKey { part, kind, .. }, text): &(ChannelKey, String)| {
        let text = quote(text);
        let says = match kind {
            // OpenRouter's.
            ChannelKind::Reasoning => format!("\"text\":\"\",\"reasoning\":{text}"),
            _ => format!("\"text\":{text}"),
        };
        format!(
            "data: {{{members}\"object\":\"text_completion\",\"choices\":[{{\"index\":{part},{says},\"logprobs\":null,\"finish_reason\":null}}]{usage}}}\n\n"
        )
    };
    rest.iter().map(chunk).collect()
}

/// The answer of which not all may be told.
pub(in crate::protocols) fn blocked(body: &[u8], kept: &[(u32, String)]) -> String {
    let head = Head::of(body);
    let choice = |choice: &u32| {
        let of_choice = kept.iter().filter(|(part, _)| part == choice);
        let text: String = of_choice.map(|(_, text)| text.as_str()).collect();
        format!(
            r#"{{"index":{choice},"text":{},"logprobs":null,"finish_reason":"content_filter"}}"#,
            quote(&text)
        )
    };
    let choices: Vec<String> = head.choices.iter().map(choice).collect();
    let usage = head.usage(body).map(|usage| format!(",\"usage\":{usage}"));
    format!(
        r#"{{{}"object":"text_completion","choices":[{}]{}}}"#,
        head.members(body),
        choices.join(","),
        usage.unwrap_or_default()
    )
}
