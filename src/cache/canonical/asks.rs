/*! What a cache has to know of a request beside its digest. */

use crate::json::{Error, Kind, Reader};
use crate::protocols::texts::{Found, Unscannable, request_texts};
use crate::protocols::{Api, Traits};

/// What a request asks for, as far as it matters to a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks {
    /// Whether the answer shall be a stream.
    pub stream: bool,
    /// Whether the temperature is 0: asked again, the model would say nearly the same.
    pub deterministic: bool,
    /// Whether tools are offered.
    pub tools: bool,
    /// Whether there is an image, a sound or a file.
    pub media: bool,
    /// How many answers are asked for, at least 1.
    pub answers: u64,
    /// Why the answer is for this call alone, if it is.
    pub once: Option<Once>,
}

/// Why the answer of a request is for one call alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Once {
    /// The provider shall keep the answer, or work on in the background: asked again, it would
    /// do so again.
    SideEffect,
    /// It goes on with what the provider has kept, or which it fetches: that may be another by
    /// now, or gone.
    Refers,
    /// The provider runs tools, which look things up or do things.
    ProviderTools,
    /// The answer may be sound, whose id expires.
    Sound,
}

impl Once {
    /// Its name in metrics and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SideEffect => "side_effect",
            Self::Refers => "refers",
            Self::ProviderTools => "provider_tools",
            Self::Sound => "sound",
        }
    }
}

impl Asks {
    /// Reads a body that [`crate::protocols::Request::read`] has accepted; `traits` is what that
    /// has found.
    ///
    /// # Errors
    /// The body is no JSON.
    pub fn read(api: Api, body: &[u8], traits: &Traits) -> Result<Self, Error> {
        let mut asks = Self {
            stream: traits.stream,
            // The same text has the same embedding, and the same scores.
            deterministic: matches!(api, Api::Embeddings | Api::Moderations),
            tools: traits.tools,
            media: traits.image || traits.audio || traits.file,
            answers: traits.answers,
            once: traits.audio_output.then_some(Once::Sound),
        };
        asks.members(api, body)?;
        request_texts(api, body, &mut |found| match found {
            Found::Unscannable(Unscannable::Tools) => asks.once = Some(Once::ProviderTools),
            Found::Unscannable(Unscannable::Remote | Unscannable::Stored) => {
                asks.note(Once::Refers)
            }
            _ => {}
        })?;
        Ok(asks)
    }

    fn note(&mut self, once: Once) {
        self.once = self.once.or(Some(once));
    }

    fn members(&mut self, api: Api, body: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(body, |_| None)?;
        if reader.kind()? != Kind::Object {
            return Ok(());
        }
        reader.object(|reader, key| {
            let name = key.value();
            match (name.as_ref(), reader.kind()?) {
                ("temperature", Kind::Number) => self.deterministic = is_zero(reader.number()?),
                (name, _) => {
                    if let Some(once) = once(api, name)
                        && reader.says_something()?
                    {
                        self.note(once);
                    }
                    reader.skip()?;
                }
            }
            Ok::<(), Error>(())
        })
    }
}

/// Why a request with this member may be for one call alone. `store` of a response says nothing
/// here: without `stored` in the policy Tollgate lets providers store none, and with it those
/// that are kept never come here.
fn once(api: Api, name: &str) -> Option<Once> {
    match (api, name) {
        (Api::ChatCompletions, "store") | (_, "background") => Some(Once::SideEffect),
        (
            _,
            "previous_response_id"
            | "conversation"
            | "conversation_id"
            | "session_id"
            | "thread_id",
        ) => Some(Once::Refers),
        _ => None,
    }
}

/// Whether a JSON number is 0, by its digits before the exponent.
fn is_zero(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::Request;
    use crate::tokens::Prompt;
    use serde_json::{Value, json};

    fn asks(api: Api, body: &Value) -> Asks {
        let body = body.to_string();
        let request = Request::read(api, body.as_bytes(), Prompt::by_length()).unwrap();
        Asks::read(api, body.as_bytes(), request.traits()).unwrap()
    }

    /// A good request of the API with one more member.
    fn with(api: Api, name: &str, value: Value) -> Value {
        let mut body = match api {
            Api::Completions => json!({"model": "m", "prompt": "hi"}),
            Api::Responses => json!({"model": "m", "input": "hi"}),
            _ => json!({"model": "m", "max_tokens": 9,
                        "messages": [{"role": "user", "content": "hi"}]}),
        };
        body[name] = value;
        body
    }

    #[test]
    fn a_plain_request() {
        for api in Api::OF_TEXT {
            let wanted = Asks {
                stream: false,
                deterministic: false,
                tools: false,
                media: false,
                answers: 1,
                once: None,
            };
            assert_eq!(asks(api, &with(api, "user", json!("ann"))), wanted);
            let stream = asks(api, &with(api, "stream", json!(true)));
            assert_eq!(
                stream,
                Asks {
                    stream: true,
                    ..wanted
                }
            );
        }
    }

    #[test]
    fn temperature_zero_however_it_is_written() {
        for api in Api::OF_TEXT {
            for (number, zero) in [
                ("0", true),
                ("0.0", true),
                ("-0.00", true),
                ("0e5", true),
                ("0.0E-9", true),
                ("1e-9", false),
                ("0.01", false),
                ("1", false),
                ("10", false),
            ] {
                let body = with(api, "user", json!("x")).to_string();
                let body = body.replace("\"x\"", &format!("\"x\",\"temperature\":{number}"));
                let asks = Asks::read(api, body.as_bytes(), &Traits::default()).unwrap();
                assert_eq!(asks.deterministic, zero, "{number}");
            }
            let none = asks(api, &with(api, "temperature", Value::Null));
            assert!(!none.deterministic);
        }
    }

    #[test]
    fn tools_and_media() {
        let function = json!([{"type": "function", "function": {"name": "f"}}]);
        for (api, name, value) in [
            (Api::ChatCompletions, "tools", function),
            (Api::ChatCompletions, "functions", json!([{"name": "f"}])),
            (
                Api::Responses,
                "tools",
                json!([{"type": "function", "name": "f"}]),
            ),
            (
                Api::Messages,
                "tools",
                json!([{"name": "f", "input_schema": {}}]),
            ),
        ] {
            let asks = asks(api, &with(api, name, value));
            assert!(asks.tools && asks.once.is_none(), "{name}");
        }
        let image =
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
        let messages = json!([{"role": "user", "content": [image]}]);
        let chat = asks(
            Api::ChatCompletions,
            &with(Api::ChatCompletions, "messages", messages),
        );
        assert!(chat.media && chat.once.is_none());
        let two = asks(Api::Completions, &with(Api::Completions, "n", json!(2)));
        assert_eq!(two.answers, 2);
    }

    #[test]
    fn what_is_for_one_call_alone() {
        let chat = Api::ChatCompletions;
        let at = |url: &str| json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]);
        let file =
            json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]);
        let source = json!([{"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}]);
        let upload =
            json!([{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]);
        let remote = json!([{"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a"}]}]);
        let said = json!([{"role": "assistant", "audio": {"id": "audio_1"}}, {"role": "user", "content": "?"}]);
        for (api, name, value, once) in [
            (chat, "store", json!(true), Some(Once::SideEffect)),
            (chat, "store", json!(false), None),
            (chat, "store", Value::Null, None),
            (
                chat,
                "web_search_options",
                json!({}),
                Some(Once::ProviderTools),
            ),
            (chat, "mcp_servers", json!([]), None),
            (
                chat,
                "audio",
                json!({"voice": "a", "format": "wav"}),
                Some(Once::Sound),
            ),
            (
                chat,
                "messages",
                at("https://example.com/a.png"),
                Some(Once::Refers),
            ),
            (chat, "messages", file, Some(Once::Refers)),
            (chat, "messages", said, Some(Once::Refers)),
            (chat, "conversation_id", json!("c"), Some(Once::Refers)),
            (chat, "session_id", json!("s"), Some(Once::Refers)),
            // What is stored is Tollgate's affair, and that is nothing.
            (Api::Responses, "store", json!(true), None),
            (Api::Responses, "background", json!(false), None),
            (
                Api::Responses,
                "tools",
                json!([{"type": "web_search"}]),
                Some(Once::ProviderTools),
            ),
            (
                Api::Responses,
                "tools",
                json!([{"type": "mcp", "server_label": "s", "server_url": "https://example.com"}]),
                Some(Once::ProviderTools),
            ),
            (Api::Responses, "input", remote, Some(Once::Refers)),
            (Api::Messages, "messages", source, Some(Once::Refers)),
            (Api::Messages, "messages", upload, Some(Once::Refers)),
            (
                Api::Messages,
                "container",
                json!("c"),
                Some(Once::ProviderTools),
            ),
            (
                Api::Messages,
                "mcp_servers",
                json!([{"type": "url", "url": "https://example.com", "name": "n"}]),
                Some(Once::ProviderTools),
            ),
            (
                Api::Messages,
                "tools",
                json!([{"type": "web_search_20250305", "name": "web_search"}]),
                Some(Once::ProviderTools),
            ),
            (
                Api::Messages,
                "tools",
                json!([{"type": "bash_20250124", "name": "bash"}]),
                None,
            ),
            (Api::Completions, "store", json!(true), None),
        ] {
            let body = with(api, name, value);
            assert_eq!(asks(api, &body).once, once, "{body}");
        }
    }
}
