"""The Anthropic clients, in front of a provider that speaks OpenAI's protocol."""

import anthropic
import pytest

from conftest import ACME, BASE_URL, BLUE, HI, TEXT, WEATHER

# The client adds /v1 itself.
HOST = BASE_URL.removesuffix("/v1")
ASK = {"model": "smart", "max_tokens": 10, "messages": HI}
TOOL = {"name": "weather", "input_schema": WEATHER["function"]["parameters"]}


@pytest.fixture
def claude():
    with anthropic.Anthropic(base_url=HOST, api_key=ACME, max_retries=0) as client:
        yield client


def assert_shape(error, kind, code):
    body = error.body
    assert (body["type"], body["error"]["type"], body["error"]["code"]) == ("error", kind, code)
    assert body["error"]["message"]
    assert error.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("credentials", [{"api_key": ACME}, {"auth_token": ACME}])
def test_a_message(call, credentials):
    with anthropic.Anthropic(base_url=HOST, **credentials) as client:
        message = client.messages.create(**ASK, extra_headers=call())
    assert (message.role, message.stop_reason) == ("assistant", "end_turn")
    assert [block.text for block in message.content] == [TEXT]
    assert message.usage.output_tokens == 5


@pytest.mark.parametrize("credentials", [{"api_key": "wrong"}, {"auth_token": "wrong"}])
def test_a_wrong_key(refused, credentials):
    with anthropic.Anthropic(base_url=HOST, **credentials) as client:
        with pytest.raises(anthropic.AuthenticationError) as error:
            client.messages.create(**ASK, extra_headers=refused("invalid_api_key"))
    assert_shape(error.value, "authentication_error", "invalid_api_key")


def test_the_stream_helper(call):
    with anthropic.Anthropic(base_url=HOST, api_key=ACME) as client:
        with client.messages.stream(**ASK, extra_headers=call()) as stream:
            assert "".join(stream.text_stream) == TEXT
            assert stream.get_final_message().stop_reason == "end_turn"


async def test_the_asynchronous_client(call, refused):
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key=ACME) as client:
        message = await client.messages.create(**ASK, extra_headers=call())
        assert [block.text for block in message.content] == [TEXT]
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key="wrong") as client:
        with pytest.raises(anthropic.AuthenticationError) as error:
            await client.messages.create(**ASK, extra_headers=refused("invalid_api_key"))
        assert_shape(error.value, "authentication_error", "invalid_api_key")


def test_the_events_of_a_stream(claude, call):
    events = list(claude.messages.create(**ASK, stream=True, extra_headers=call({"piece": 3})))
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert "".join(e.delta.text for e in events if e.type == "content_block_delta") == TEXT
    last = events[-2]
    assert (last.delta.stop_reason, last.usage.output_tokens) == ("end_turn", 5)


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools(claude, call, streamed):
    ask = {**ASK, "tools": [TOOL], "tool_choice": {"type": "any"}}
    script = {"tools": 2, "reasoning": "I look twice."}
    if streamed:
        with claude.messages.stream(**ask, extra_headers=call(script)) as stream:
            message = stream.get_final_message()
    else:
        message = claude.messages.create(**ask, extra_headers=call(script))
    thought, *calls = message.content
    assert (thought.type, thought.thinking) == ("thinking", "I look twice.")
    assert message.stop_reason == "tool_use"
    assert [(block.type, block.name) for block in calls] == [("tool_use", "weather")] * 2
    assert [block.input for block in calls] == [{"city": "Köln"}, {"city": "Paris"}]
    # The conversation goes on, thoughts and all.
    results = [{"type": "tool_result", "tool_use_id": block.id, "content": "rain"} for block in calls]
    messages = [
        *HI,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
    message = claude.messages.create(**{**ask, "messages": messages}, extra_headers=call())
    assert message.content[0].text == TEXT


def test_a_system_prompt_and_marks_for_the_cache(claude, call):
    mark = {"type": "ephemeral"}
    system = [{"type": "text", "text": "Be brief.", "cache_control": mark}]
    raw = claude.messages.with_raw_response.create(**ASK, system=system, extra_headers=call())
    assert raw.headers["x-tollgate-backend"] == "mock"
    assert "cache_control" in raw.headers["x-tollgate-dropped"]
    usage = raw.parse().usage
    assert usage.cache_read_input_tokens == 1 and usage.input_tokens > 0


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_of_the_provider(claude, call, status, error, kind, stream):
    headers = call({"status": status, "text": "no"}, outcomes=["upstream_error"])
    with pytest.raises(error) as raised:
        claude.messages.create(**ASK, stream=stream, extra_headers=headers)
    body = raised.value.body
    assert (body["type"], body["error"]["type"], body["error"]["message"]) == ("error", kind, "no")


def test_the_client_tries_again_where_it_helps(call):
    with anthropic.Anthropic(base_url=HOST, api_key=ACME, max_retries=1) as client:
        limited = {"status": 429, "headers": {"retry-after-ms": "10"}}
        headers = call(limited, requests=2, outcomes=["upstream_error"] * 2)
        with pytest.raises(anthropic.RateLimitError):
            client.messages.create(**ASK, extra_headers=headers)
        # The operator's key is not the caller's business, and no better the second time.
        headers = call({"status": 401}, requests=1, outcomes=["upstream_auth"])
        with pytest.raises(anthropic.InternalServerError) as raised:
            client.messages.create(**ASK, extra_headers=headers)
        assert raised.value.status_code == 502
        assert_shape(raised.value, "api_error", "upstream_auth")


def test_an_error_in_the_middle_of_a_stream(claude, call):
    script = {"fault": "error_mid_body", "text": "no", "events": 9}
    headers = call(script, outcomes=["upstream_error"])
    with pytest.raises(anthropic.APIStatusError) as raised:
        for _ in claude.messages.create(**ASK, stream=True, extra_headers=headers):
            pass
    assert raised.value.body["error"]["message"] == "no"


def test_refusals(claude, refused):
    cases = [
        ({"model": "gpt-9"}, anthropic.NotFoundError, "not_found_error", "model_not_found"),
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error", "invalid_value"),
        (
            {"extra_body": {"mcp_servers": [{"type": "url", "url": "https://x.test", "name": "x"}]}},
            anthropic.BadRequestError,
            "invalid_request_error",
            "unsupported_by_provider",
        ),
    ]
    for change, error, kind, code in cases:
        with pytest.raises(error) as raised:
            claude.messages.create(**{**ASK, **change}, extra_headers=refused(code))
        assert_shape(raised.value, kind, code)


def test_a_model_of_others(refused):
    with anthropic.Anthropic(base_url=HOST, api_key=BLUE) as client:
        with pytest.raises(anthropic.PermissionDeniedError) as raised:
            client.messages.create(**ASK, extra_headers=refused("model_not_allowed"))
    assert_shape(raised.value, "permission_error", "model_not_allowed")


def test_tokens_are_counted(claude, call):
    count = claude.messages.count_tokens
    # The provider is none of Anthropic's: Tollgate counts by itself.
    headers = lambda: call(requests=0, outcomes=["ok"])
    short = count(model="smart", messages=HI, extra_headers=headers()).input_tokens
    long = [{"role": "user", "content": "one two three " * 50}]
    more = count(model="smart", messages=long, tools=[TOOL], extra_headers=headers()).input_tokens
    assert 0 < short < 20 and 150 < more < 800


def test_models(claude):
    assert [model.id for model in claude.models.list()] == ["smart", "light"]
    assert claude.models.retrieve("light").display_name == "light"


async def test_an_asynchronous_stream(call):
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key=ACME) as client:
        async with client.messages.stream(**ASK, extra_headers=call()) as stream:
            parts = [text async for text in stream.text_stream]
            message = await stream.get_final_message()
    assert "".join(parts) == TEXT and message.usage.output_tokens == 5
