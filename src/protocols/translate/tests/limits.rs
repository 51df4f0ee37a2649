use super::*;
use serde_json::json;

#[test]
fn what_is_dropped_is_listed() {
    let openai = [
        (json!({"frequency_penalty": 1}), "frequency_penalty"),
        (json!({"presence_penalty": 1}), "presence_penalty"),
        (json!({"seed": 7}), "seed"),
        (json!({"store": true}), "store"),
        (json!({"metadata": {"a": "b"}}), "metadata"),
        (
            json!({"prediction": {"type": "content", "content": "x"}}),
            "prediction",
        ),
        (json!({"prompt_cache_key": "k"}), "prompt_cache_key"),
        (json!({"verbosity": "low"}), "verbosity"),
        (json!({"service_tier": "flex"}), "service_tier"),
        (json!({"something": 1, "else": 2}), "other"),
        (
            json!({"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}),
            "messages.name",
        ),
        (
            json!({"messages": [{"role": "user", "content": "Hi", "x": 1}]}),
            "messages.other",
        ),
        (
            json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "a", "reasoning_content": "r"}]}),
            "messages.reasoning_content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b", "detail": "low"}}]}]}),
            "messages.content.image_url.detail",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}]}),
            "messages.content.other",
        ),
        (
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}),
            "position of system messages",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "x": 1}}]}),
            "tools.other",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {}}}}),
            "response_format.json_schema.description",
        ),
    ];
    for (more, wanted) in openai {
        let (_, dropped) = told(OpenAi, Anthropic, &hi_openai(&more));
        assert_eq!(dropped, [wanted], "{more}");
    }
    let anthropic = [
        (json!({"top_k": 4}), "top_k"),
        (
            json!({"context_management": {"edits": []}}),
            "context_management",
        ),
        (
            json!({"cache_control": {"type": "ephemeral"}}),
            "cache_control",
        ),
        (json!({"something": 1}), "other"),
        (
            json!({"metadata": {"user_id": "u", "x": 1}}),
            "metadata.other",
        ),
        (json!({"output_config": {"x": 1}}), "output_config.other"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "citations": [], "x": null}]}]}),
            "messages.content.citations",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "document", "context": "c", "source": {"type": "text", "data": "d"}}]}]}),
            "messages.content.context",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "document", "title": "t", "source": {"type": "text", "data": "d"}}]}]}),
            "messages.content.title",
        ),
        (
            json!({"tools": [{"name": "f", "input_schema": {}, "input_examples": []}]}),
            "tools.other",
        ),
        (
            json!({"tools": [{"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}}]}),
            "cache_control",
        ),
    ];
    for (more, wanted) in anthropic {
        let (_, dropped) = told(Anthropic, OpenAi, &hi_anthropic(&more));
        assert_eq!(dropped, [wanted], "{more}");
    }
}

#[test]
fn what_cannot_be_said_is_refused_by_its_name() {
    let user = |part: Json| json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, part]}]});
    let openai = [
        (json!({"n": 2}), "n"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"logit_bias": {"50256": -100}}), "logit_bias"),
        (json!({"modalities": ["text", "audio"]}), "modalities[1]"),
        (json!({"audio": {"voice": "x"}}), "audio"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"functions": []}), "functions"),
        (json!({"function_call": "auto"}), "function_call"),
        (
            json!({"response_format": {"type": "json_object"}}),
            "response_format.type",
        ),
        (
            json!({"response_format": {"type": "grammar"}}),
            "response_format.type",
        ),
        (json!({"reasoning_effort": "immense"}), "reasoning_effort"),
        (json!({"stop": ["a", "\n"]}), "stop[1]"),
        (
            json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
            "tools[0].type",
        ),
        (
            json!({"tool_choice": {"type": "allowed_tools"}}),
            "tool_choice.type",
        ),
        (
            json!({"messages": [{"role": "system", "content": "alone"}]}),
            "messages",
        ),
        (
            json!({"messages": [{"role": "function", "name": "f", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}),
            "messages[0].audio",
        ),
        (
            json!({"messages": [{"role": "assistant", "function_call": {}}]}),
            "messages[0].function_call",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"type": "custom"}]}]}),
            "messages[0].tool_calls[0].type",
        ),
        (
            json!({"messages": [{"role": "tool", "tool_call_id": "a", "content": [{"type": "image_url"}]}]}),
            "messages[0].content[0].type",
        ),
        (
            user(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})),
            "messages[0].content[1]",
        ),
        (
            user(json!({"type": "file", "file": {"file_id": "f"}})),
            "messages[0].content[1].file.file_id",
        ),
        (
            user(json!({"type": "file", "file": {"file_data": "data:text/plain;base64,AA=="}})),
            "messages[0].content[1]",
        ),
        (
            user(json!({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AA=="}})),
            "messages[0].content[1]",
        ),
        (
            user(json!({"type": "image_url", "image_url": {"url": "http://a/b.png"}})),
            "messages[0].content[1]",
        ),
    ];
    for (more, param) in openai {
        let refusal = refused(OpenAi, Anthropic, &hi_openai(&more));
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            ("unsupported_by_provider", Some(param)),
            "{more}"
        );
        assert_eq!(refusal.kind.status(), 400);
        assert!(
            refusal.message.starts_with(&format!("'{param}' ")),
            "{}",
            refusal.message
        );
    }
    let anthropic = [
        (json!({"mcp_servers": [{"name": "x"}]}), "mcp_servers"),
        (json!({"container": "c"}), "container"),
        (
            json!({"stop_sequences": ["a", "b", "c", "d", "e"]}),
            "stop_sequences",
        ),
        (json!({"service_tier": "gold"}), "service_tier"),
        (json!({"thinking": {"type": "deep"}}), "thinking.type"),
        (
            json!({"output_config": {"effort": "immense"}}),
            "output_config.effort",
        ),
        (
            json!({"output_config": {"format": {"type": "xml"}}}),
            "output_config.format.type",
        ),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            "tools[0].type",
        ),
        (json!({"tool_choice": {"type": "some"}}), "tool_choice.type"),
        (json!({"system": [{"type": "image"}]}), "system[0].type"),
        (
            json!({"messages": [{"role": "system", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]}),
            "messages[0].content[0].type",
        ),
        (
            user(json!({"type": "search_result"})),
            "messages[0].content[1].type",
        ),
        (
            user(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            "messages[0].content[1].source.type",
        ),
        (
            user(json!({"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}})),
            "messages[0].content[1]",
        ),
        (
            user(json!({"type": "document", "source": {"type": "content", "content": []}})),
            "messages[0].content[1].source.type",
        ),
        (
            user(
                json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "search_result"}]}),
            ),
            "messages[0].content[1].content[0].type",
        ),
        (
            user(
                json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}}]}),
            ),
            "messages[0].content[1]",
        ),
    ];
    for (more, param) in anthropic {
        let refusal = refused(Anthropic, OpenAi, &hi_anthropic(&more));
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            ("unsupported_by_provider", Some(param)),
            "{more}"
        );
    }
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    let cases = [
        (OpenAi, json!([]), "body", "invalid_value"),
        (OpenAi, json!({}), "messages", "missing_required_parameter"),
        (
            OpenAi,
            json!({"messages": "x"}),
            "messages",
            "invalid_value",
        ),
        (
            OpenAi,
            json!({"messages": [1]}),
            "messages[0].role",
            "missing_required_parameter",
        ),
        (
            OpenAi,
            json!({"messages": [{"role": "user", "content": 1}]}),
            "messages[0].content",
            "invalid_value",
        ),
        (
            OpenAi,
            json!({"messages": [], "max_tokens": 1.5}),
            "max_tokens",
            "invalid_value",
        ),
        (
            OpenAi,
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages[0].tool_call_id",
            "missing_required_parameter",
        ),
        (
            OpenAi,
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,raw"}}]}]}),
            "messages[0].content[0].image_url.url",
            "invalid_value",
        ),
        (
            OpenAi,
            json!({"messages": [], "tools": [{"type": "function", "function": {}}]}),
            "tools[0].function.name",
            "missing_required_parameter",
        ),
        (
            Anthropic,
            json!({"messages": [], "tools": [{"name": "f"}]}),
            "tools[0].input_schema",
            "missing_required_parameter",
        ),
        (
            Anthropic,
            json!({"messages": [{"role": "user"}]}),
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            Anthropic,
            json!({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]}]}),
            "messages[0].content[0].input",
            "invalid_value",
        ),
        (
            Anthropic,
            json!({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a\"b"}}]}]}),
            "messages[0].content[0].source.data",
            "invalid_value",
        ),
    ];
    for (from, body, param, code) in cases {
        let to = if from == OpenAi { Anthropic } else { OpenAi };
        let refusal = refused(from, to, &body);
        assert_eq!(
            (refusal.param.as_deref(), refusal.code),
            (Some(param), code),
            "{body}"
        );
    }
    let refusal = request(OpenAi, Anthropic.into(), b"{", &target()).unwrap_err();
    assert_eq!((refusal.code, refusal.param), ("invalid_json", None));
}
