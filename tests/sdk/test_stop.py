"""Streams that end at a limit: the clients come to their end without an error. Both clients
with both providers: `smart` is OpenAI's, `light` Anthropic's."""

import time

import anthropic
import openai
import pytest

from conftest import ACME, BASE_URL, HI, WEATHER, reasons_of, text_of

LONG = {"events": 400, "piece": 190, "piece_delay_ms": 1}
TOOL = {"name": "weather", "input_schema": WEATHER["function"]["parameters"]}
MODELS = pytest.mark.parametrize("model", ["smart", "light"])


@pytest.fixture(autouse=True)
def rest():
    """What earlier tests used no longer counts."""
    time.sleep(1.5)


@pytest.fixture
def claude():
    with anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=ACME, max_retries=0) as client:
        yield client


def short(text):
    return 0 < len(text) < 200


@MODELS
@pytest.mark.parametrize("bound", [{}, {"max_tokens": 8}])
def test_chunks(client, call, model, bound):
    ask = {"model": model, "messages": HI, **bound}
    chunks = list(client.chat.completions.create(**ask, stream=True, extra_headers=call(LONG)))
    assert short(text_of(chunks)) and reasons_of(chunks) == ["length"]
    assert len({chunk.id for chunk in chunks}) == 1 and all(chunk.usage is None for chunk in chunks)


@MODELS
def test_usage(client, call, model):
    options = {"include_usage": True}
    ask = {"model": model, "messages": HI, "stream": True, "stream_options": options}
    *chunks, last = client.chat.completions.create(**ask, extra_headers=call(LONG))
    assert short(text_of(chunks)) and reasons_of(chunks) == ["length"]
    assert last.choices == [] and 8 < last.usage.completion_tokens < 30
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


@MODELS
def test_tool_calls(client, call, model):
    ask = {"model": model, "messages": HI, "tools": [WEATHER], "stream": True}
    chunks = list(client.chat.completions.create(**ask, extra_headers=call({"tools": 9, "piece": 50})))
    calls = [t for chunk in chunks for choice in chunk.choices for t in choice.delta.tool_calls or []]
    assert calls and reasons_of(chunks) == ["length"]
    assert len({call.index for call in calls}) < 9


@MODELS
def test_the_stream_helper(client, call, model):
    with client.chat.completions.stream(model=model, messages=HI, extra_headers=call(LONG)) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        choice = stream.current_completion_snapshot.choices[0]
        assert choice.finish_reason == "length" and short(choice.message.content)
        assert "".join(deltas) == choice.message.content
        # The helper's word for every answer that its length has ended.
        with pytest.raises(openai.LengthFinishReasonError):
            stream.get_final_completion()


@MODELS
async def test_asynchronous_chunks(async_client, call, model):
    ask = {"model": model, "messages": HI, "stream": True}
    stream = await async_client.chat.completions.create(**ask, extra_headers=call(LONG))
    chunks = [chunk async for chunk in stream]
    assert short(text_of(chunks)) and reasons_of(chunks) == ["length"]


@MODELS
def test_events(claude, call, model):
    ask = {"model": model, "max_tokens": 8, "messages": HI, "stream": True}
    script = {**LONG, "reasoning": "hm "}
    events = list(claude.messages.create(**ask, extra_headers=call(script)))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 2
    assert events[-2].delta.stop_reason == "max_tokens"
    assert 8 < events[-2].usage.output_tokens < 30


@MODELS
def test_a_thought_that_ends(claude, call, model):
    ask = {"model": model, "max_tokens": 8, "messages": HI}
    script = {"reasoning": "I look for it. " * 100, "piece": 190}
    with claude.messages.stream(**ask, extra_headers=call(script)) as stream:
        message = stream.get_final_message()
    (block,) = message.content
    assert block.type == "thinking" and short(block.thinking)
    assert message.stop_reason == "max_tokens"


@MODELS
def test_tools(claude, call, model):
    ask = {"model": model, "max_tokens": 8, "messages": HI, "tools": [TOOL]}
    with claude.messages.stream(**ask, extra_headers=call({"tools": 9, "piece": 50})) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "max_tokens" and 0 < len(message.content) < 9


@MODELS
async def test_asynchronous_events(call, model):
    host = BASE_URL.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=host, api_key=ACME, max_retries=0) as claude:
        ask = {"model": model, "max_tokens": 8, "messages": HI}
        async with claude.messages.stream(**ask, extra_headers=call(LONG)) as stream:
            parts = [text async for text in stream.text_stream]
            message = await stream.get_final_message()
    assert short("".join(parts)) and message.stop_reason == "max_tokens"


@pytest.mark.parametrize("bound", [{}, {"max_tokens": 8}])
def test_completions(client, call, bound):
    ask = {"model": "smart", "prompt": "hi", "stream": True, **bound}
    chunks = list(client.completions.create(**ask, extra_headers=call(LONG)))
    assert short("".join(chunk.choices[0].text for chunk in chunks))
    assert chunks[-1].choices[0].finish_reason == "length"


def check_response(events):
    last = events[-1]
    assert (last.type, last.response.status) == ("response.incomplete", "incomplete")
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.id == events[0].response.id
    assert 8 < last.response.usage.output_tokens < 30
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert short("".join(deltas))
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))


def test_responses(client, call):
    ask = {"model": "smart", "input": "hi", "max_output_tokens": 8}
    check_response(list(client.responses.create(**ask, stream=True, extra_headers=call(LONG))))


def test_the_stream_helper_of_responses(client, call):
    ask = {"model": "smart", "input": "hi", "max_output_tokens": 8}
    with client.responses.stream(**ask, extra_headers=call(LONG)) as stream:
        check_response(list(stream))


async def test_asynchronous_responses(async_client, call):
    ask = {"model": "smart", "input": "hi", "max_output_tokens": 8, "stream": True}
    stream = await async_client.responses.create(**ask, extra_headers=call(LONG))
    check_response([event async for event in stream])


def test_what_nothing_is_left_for_is_refused(client):
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="smart", messages=HI, max_tokens=256)
