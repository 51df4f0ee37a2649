"""Answers that are given again: the clients read them as they read a provider's, whole and in
streams, whichever came first. Both clients with both providers: `smart` is OpenAI's, `light`
Anthropic's."""

import time

import anthropic
import openai
import pytest

from conftest import ACME, BASE_URL, WEATHER, reasons_of, text_of

TOOL = {"name": "weather", "input_schema": WEATHER["function"]["parameters"]}
MODELS = pytest.mark.parametrize("model", ["smart", "light"])
FIRST = pytest.mark.parametrize("streams_first", [False, True])


@pytest.fixture
def claude():
    with anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=ACME, max_retries=0) as client:
        yield client


def question(request):
    """One that no other test asks."""
    return [{"role": "user", "content": request.node.name}]


def settled(create, ask):
    """Waits until the answer is stored: that is when its call has ended, a moment after the client has it."""
    only = {"extra_headers": {"cache-control": "only-if-cached"}}
    deadline = time.monotonic() + 10
    while True:
        try:
            return create(**ask | only)
        except (openai.APIStatusError, anthropic.APIStatusError) as error:
            assert error.status_code == 504 and error.body, error
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def raw(create, **ask):
    """What a call gives, and what the cache says of it."""
    answer = create(**ask)
    return answer.parse(), answer.headers.get("x-cache"), answer.headers.get("age")


def chat(client, ask, stream):
    """The text, the reasons, the ids of tool calls, and the usage of an answer."""
    create = client.chat.completions.with_raw_response.create
    if not stream:
        answer, cache, age = raw(create, **ask)
        (choice,) = answer.choices
        calls = [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or []]
        return (choice.message.content or "", [choice.finish_reason], calls, answer.usage.total_tokens), cache, age
    options = {"include_usage": True}
    chunks, cache, age = raw(create, **ask, stream=True, stream_options=options)
    *chunks, last = chunks
    assert last.choices == [] and len({chunk.id for chunk in chunks}) == 1
    calls = {}
    for call in (call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []):
        name, arguments = calls.get(call.index, ("", ""))
        calls[call.index] = (name + (call.function.name or ""), arguments + (call.function.arguments or ""))
    return (text_of(chunks), reasons_of(chunks), list(calls.values()), last.usage.total_tokens), cache, age


@MODELS
@FIRST
def test_chat(client, call, request, model, streams_first):
    ask = {"model": model, "messages": question(request), "max_tokens": 100, "extra_headers": call()}
    first, cache, age = chat(client, ask, streams_first)
    assert (cache, age) == ("MISS", None) and first[0]
    settled(client.chat.completions.create, ask)
    for stream in [False, True, False]:
        again, cache, age = chat(client, ask, stream)
        assert (again, cache) == (first, "HIT") and int(age) < 60


@MODELS
@FIRST
def test_tool_calls(client, call, request, model, streams_first):
    ask = {"model": model, "messages": question(request), "max_tokens": 100, "tools": [WEATHER]}
    ask["extra_headers"] = call({"tools": 3})
    first, cache, _ = chat(client, ask, streams_first)
    assert cache == "MISS" and len(first[2]) == 3
    settled(client.chat.completions.create, ask)
    for stream in [False, True]:
        again, cache, _ = chat(client, ask, stream)
        assert (again, cache) == (first, "HIT")


@MODELS
def test_no_usage_for_those_who_did_not_ask(client, call, request, model):
    ask = {"model": model, "messages": question(request), "extra_headers": call()}
    first = list(client.chat.completions.create(**ask, stream=True))
    settled(client.chat.completions.create, ask)
    again = list(client.chat.completions.create(**ask, stream=True))
    assert text_of(again) == text_of(first) and all(chunk.usage is None for chunk in again)


@MODELS
@FIRST
def test_messages(claude, call, request, model, streams_first):
    ask = {"model": model, "messages": question(request), "max_tokens": 100, "tools": [TOOL], "extra_headers": call()}

    def told(stream):
        if not stream:
            return claude.messages.create(**ask)
        with claude.messages.stream(**ask) as events:
            return events.get_final_message()

    def means(message):
        blocks = [block.model_dump(exclude_none=True) for block in message.content]
        return blocks, message.stop_reason, message.usage.output_tokens, message.id, message.model

    first = told(streams_first)
    settled(claude.messages.create, ask)
    for stream in [False, True, False]:
        assert means(told(stream)) == means(first)
    answer = claude.messages.with_raw_response.create(**ask)
    assert answer.headers["x-cache"] == "HIT"


@FIRST
def test_responses(client, call, request, streams_first):
    ask = {"model": "smart", "input": request.node.name, "extra_headers": call()}

    def told(stream):
        if not stream:
            return client.responses.create(**ask)
        with client.responses.stream(**ask) as events:
            return events.get_final_response()

    first = told(streams_first)
    settled(client.responses.create, ask)
    for stream in [False, True, False]:
        again = told(stream)
        assert (again.id, again.output_text, again.usage.total_tokens) == (first.id, first.output_text, first.usage.total_tokens)
    assert client.responses.with_raw_response.create(**ask).headers["x-cache"] == "HIT"


@FIRST
def test_completions(client, call, request, streams_first):
    ask = {"model": "smart", "prompt": request.node.name, "extra_headers": call()}

    def told(stream):
        answer = client.completions.create(**ask, stream=stream)
        return "".join(chunk.choices[0].text for chunk in answer if chunk.choices) if stream else answer.choices[0].text

    first = told(streams_first)
    settled(client.completions.create, ask)
    assert [told(stream) for stream in [False, True, False]] == [first] * 3
    assert client.completions.with_raw_response.create(**ask).headers["x-cache"] == "HIT"


def test_a_slip_is_told(client, refused):
    headers = {**refused("invalid_value"), "x-tollgate-cache": "off"}
    with pytest.raises(openai.BadRequestError) as told:
        client.chat.completions.create(model="smart", messages=[{"role": "user", "content": "x"}], extra_headers=headers)
    assert told.value.code == "invalid_value"


def test_only_what_is_there(client, claude, refused, request):
    headers = refused("not_cached") | {"cache-control": "only-if-cached"}
    ask = {"model": "smart", "messages": question(request), "max_tokens": 100, "extra_headers": headers}
    with pytest.raises(openai.APIStatusError) as told:
        client.with_options(max_retries=2).chat.completions.create(**ask)
    assert (told.value.status_code, told.value.code) == (504, "not_cached")
    ask["extra_headers"] = refused("not_cached") | {"cache-control": "only-if-cached"}
    with pytest.raises(anthropic.APIStatusError) as told:
        claude.messages.create(**ask)
    assert told.value.status_code == 504 and told.value.body["error"]["type"] == "timeout_error"
