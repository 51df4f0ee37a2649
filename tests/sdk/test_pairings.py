"""Both clients against both kinds of provider: model `smart` is OpenAI's, `light` Anthropic's.
Where the first provider fails, the other one answers: the client does not notice."""

import json

import anthropic
import openai
import pytest

from conftest import ACME, BASE_URL, HI, WEATHER, text_of

TEXT = "It rains in Köln. "
CITIES = ["Köln", "Paris"]
MODELS = [("smart", "a", "openai"), ("light", "b", "anthropic")]
OTHER = {"openai": "anthropic", "anthropic": "openai"}
TOOL = {
    "name": "weather",
    "description": "How the weather is.",
    "input_schema": WEATHER["function"]["parameters"],
}


@pytest.fixture(params=MODELS, ids=[model for model, *_ in MODELS])
def first(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["first", "fallback"])
def pairing(request, first):
    """The model, the headers of a call for a script, and the backend that answers."""
    model, mock, backend = first
    fails = request.param

    def headers(**script):
        scripts = {name: script for name in "ab"}
        if fails:
            scripts[mock] = {"status": 503}
        return {"x-mock": json.dumps(scripts)}

    return model, headers, OTHER[backend] if fails else backend


@pytest.fixture(scope="session")
def openai_client():
    with openai.OpenAI(base_url=BASE_URL, api_key=ACME, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client():
    host = BASE_URL.removesuffix("/v1")
    with anthropic.Anthropic(base_url=host, api_key=ACME, max_retries=0) as client:
        yield client


def test_openai_chat(openai_client, pairing):
    model, headers, backend = pairing
    raw = openai_client.chat.completions.with_raw_response.create(
        model=model, messages=HI, extra_headers=headers(text=TEXT)
    )
    completion = raw.parse()
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", TEXT, "stop")
    assert raw.headers["x-tollgate-backend"] == backend
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert usage.prompt_tokens_details.cached_tokens == 1


def test_openai_stream(openai_client, pairing):
    model, headers, _ = pairing
    stream = openai_client.chat.completions.create(
        model=model,
        messages=HI,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=headers(text=TEXT),
    )
    *chunks, last = stream
    assert text_of(chunks) == TEXT
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == ["stop"]
    assert last.choices == [] and last.usage.completion_tokens == 4
    # Nobody who did not ask hears of it.
    plain = openai_client.chat.completions.create(
        model=model, messages=HI, stream=True, extra_headers=headers(text=TEXT)
    )
    assert all(chunk.usage is None and chunk.choices for chunk in plain)


@pytest.mark.parametrize("count", [1, 2])
def test_openai_tools(openai_client, pairing, count):
    model, headers, _ = pairing
    ask = {"model": model, "messages": HI, "tools": [WEATHER]}
    completion = openai_client.chat.completions.create(**ask, extra_headers=headers(tools=count))
    (choice,) = completion.choices
    calls = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["weather"] * count
    assert [json.loads(call.function.arguments)["city"] for call in calls] == CITIES[:count]
    assert len({call.id for call in calls}) == count
    # The conversation goes on with what the tools say.
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
    messages = [*HI, choice.message, *results]
    completion = openai_client.chat.completions.create(
        model=model, messages=messages, tools=[WEATHER], extra_headers=headers(text=TEXT)
    )
    assert completion.choices[0].message.content == TEXT


@pytest.mark.parametrize("count", [1, 2])
def test_openai_streamed_tools(openai_client, pairing, count):
    model, headers, _ = pairing
    with openai_client.chat.completions.stream(
        model=model, messages=HI, tools=[WEATHER], extra_headers=headers(tools=count)
    ) as stream:
        completion = stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert [call.function.parsed_arguments for call in calls] == [{"city": city} for city in CITIES[:count]]
    assert completion.choices[0].finish_reason == "tool_calls"


def test_anthropic_message(anthropic_client, pairing):
    model, headers, backend = pairing
    raw = anthropic_client.messages.with_raw_response.create(
        model=model, max_tokens=100, system="Be brief.", messages=HI, extra_headers=headers(text=TEXT)
    )
    message = raw.parse()
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert [block.text for block in message.content] == [TEXT]
    assert raw.headers["x-tollgate-backend"] == backend
    assert message.usage.output_tokens == 4 and message.usage.input_tokens > 0
    assert message.usage.cache_read_input_tokens == 1


def test_anthropic_stream(anthropic_client, pairing):
    model, headers, _ = pairing
    with anthropic_client.messages.stream(
        model=model, max_tokens=100, messages=HI, extra_headers=headers(text=TEXT)
    ) as stream:
        assert "".join(stream.text_stream) == TEXT
        message = stream.get_final_message()
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 4


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("streamed", [False, True])
def test_anthropic_tools(anthropic_client, pairing, count, streamed):
    model, headers, _ = pairing
    ask = {"model": model, "max_tokens": 100, "messages": HI, "tools": [TOOL]}
    if streamed:
        with anthropic_client.messages.stream(**ask, extra_headers=headers(tools=count)) as stream:
            message = stream.get_final_message()
    else:
        message = anthropic_client.messages.create(**ask, extra_headers=headers(tools=count))
    calls = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    assert [call.name for call in calls] == ["weather"] * count
    assert [call.input for call in calls] == [{"city": city} for city in CITIES[:count]]
    # The conversation goes on with what the tools say.
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"} for call in calls]
    content = [block.model_dump(include={"type", "id", "name", "input"}) for block in calls]
    messages = [*HI, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
    message = anthropic_client.messages.create(
        **{**ask, "messages": messages}, extra_headers=headers(text=TEXT)
    )
    assert [block.text for block in message.content] == [TEXT]


def test_errors_are_the_callers(openai_client, anthropic_client, first):
    model, mock, _ = first
    fails = {"x-mock": json.dumps({mock: {"status": 400, "text": "no"}})}
    with pytest.raises(openai.BadRequestError) as error:
        openai_client.chat.completions.create(model=model, messages=HI, extra_headers=fails)
    assert error.value.body["type"] == "invalid_request_error"
    with pytest.raises(anthropic.BadRequestError) as error:
        anthropic_client.messages.create(model=model, max_tokens=9, messages=HI, extra_headers=fails)
    assert error.value.body["error"]["type"] == "invalid_request_error"
