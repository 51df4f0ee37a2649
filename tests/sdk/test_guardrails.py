"""Guardrails: what comes back masked, restored or blocked is what both clients' own parsers
put together, streamed as whole. Both clients with both providers: `smart` is OpenAI's, `light`
Anthropic's."""

import json
import re

import anthropic
import openai
import pytest

from conftest import ACME, BASE_URL, WEATHER, arguments_of, reasons_of, text_of

MAIL = "quilliam@zwexford.org"
OTHER = "drusilla@kwolek.org"
SECRET = "ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS"
ASK = [{"role": "user", "content": f"I am {MAIL}."}]
SAYS = f"Dear friend, write to {OTHER}, \"soon\".\nBye"
MASKED = SAYS.replace(OTHER, "<EMAIL_ADDRESS>")
# Personal data in answers is masked, a secret ends them.
BLOCKED = f"It is so: {SECRET} and more " + "of it " * 50
TOOL = {"name": "weather", "input_schema": WEATHER["function"]["parameters"]}
MODELS = pytest.mark.parametrize("model", ["smart", "light"])
CHARS = pytest.mark.parametrize("chars", [1, 3, 7, None])
# OpenAI's other APIs: no other provider has them.
RESPONSE = {"model": "smart", "input": ASK[0]["content"]}
COMPLETION = {"model": "smart", "prompt": ASK[0]["content"]}


@pytest.fixture
def claude():
    with anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=ACME, max_retries=0) as client:
        yield client


def masks(chars=None, **more):
    return {"text": SAYS, "chars": chars, **more}


@MODELS
def test_whole_answers(client, call, model):
    answer = client.chat.completions.create(model=model, messages=ASK, extra_headers=call(masks()))
    assert answer.choices[0].message.content == MASKED
    assert answer.choices[0].finish_reason == "stop"


@MODELS
def test_whole_messages(claude, call, model):
    ask = {"model": model, "max_tokens": 100, "messages": ASK}
    message = claude.messages.create(**ask, extra_headers=call(masks()))
    assert [block.text for block in message.content] == [MASKED]
    assert message.stop_reason == "end_turn"


@MODELS
@CHARS
def test_chunks(client, call, model, chars):
    ask = {"model": model, "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**ask, extra_headers=call(masks(chars, piece=41))))
    assert text_of(chunks) == MASKED and reasons_of(chunks) == ["stop"]
    assert chunks[-1].usage.total_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


@MODELS
@CHARS
def test_the_stream_helper(client, call, model, chars):
    headers = call(masks(chars))
    with client.chat.completions.stream(model=model, messages=ASK, extra_headers=headers) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        message = stream.get_final_completion().choices[0].message
    assert "".join(deltas) == message.content == MASKED


@MODELS
@CHARS
async def test_the_asynchronous_stream_helper(async_client, call, model, chars):
    headers = call(masks(chars))
    async with async_client.chat.completions.stream(model=model, messages=ASK, extra_headers=headers) as stream:
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
        completion = await stream.get_final_completion()
    assert "".join(deltas) == completion.choices[0].message.content == MASKED


@MODELS
@CHARS
def test_messages(claude, call, model, chars):
    ask = {"model": model, "max_tokens": 100, "messages": ASK}
    with claude.messages.stream(**ask, extra_headers=call(masks(chars, piece=41))) as stream:
        parts = list(stream.text_stream)
        message = stream.get_final_message()
    assert "".join(parts) == message.content[-1].text == MASKED
    assert message.stop_reason == "end_turn"


@MODELS
async def test_asynchronous_messages(call, model):
    host = BASE_URL.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=host, api_key=ACME, max_retries=0) as claude:
        ask = {"model": model, "max_tokens": 100, "messages": ASK}
        async with claude.messages.stream(**ask, extra_headers=call(masks(3))) as stream:
            parts = [text async for text in stream.text_stream]
            message = await stream.get_final_message()
    assert "".join(parts) == message.content[0].text == MASKED


def test_thoughts(claude, call):
    ask = {"model": "light", "max_tokens": 100, "messages": ASK}
    script = masks(3, reasoning=f"He means {OTHER} I think")
    with claude.messages.stream(**ask, extra_headers=call(script)) as stream:
        thinking, text = stream.get_final_message().content
    assert thinking.thinking == "He means <EMAIL_ADDRESS> I think" and not thinking.signature
    assert text.text == MASKED
    script = masks(3, reasoning="He means well I think")
    with claude.messages.stream(**ask, extra_headers=call(script)) as stream:
        thinking, text = stream.get_final_message().content
    assert thinking.thinking == "He means well I think" and thinking.signature


@CHARS
def test_tool_calls(client, call, chars):
    ask = {"model": "smart", "messages": ASK, "tools": [WEATHER]}
    more = {"mock_arguments": json.dumps({"city": f"for \"{MAIL}\""})}
    script = {"tool": True, "chars": chars}
    with client.chat.completions.stream(**ask, extra_body=more, extra_headers=call(script)) as stream:
        completion = stream.get_final_completion()
    (tool,) = completion.choices[0].message.tool_calls
    # It stood in the request, so it is put back.
    assert json.loads(tool.function.arguments) == {"city": f"for \"{MAIL}\""}
    assert tool.function.parsed_arguments == {"city": f"for \"{MAIL}\""}


@MODELS
def test_arguments_as_they_come(client, call, model):
    ask = {"model": model, "messages": ASK, "tools": [WEATHER], "stream": True}
    chunks = list(client.chat.completions.create(**ask, extra_headers=call({"tool": True, "chars": 2})))
    assert json.loads(arguments_of(chunks)) == {"city": "Köln"}


@MODELS
def test_tool_use(claude, call, model):
    ask = {"model": model, "max_tokens": 100, "messages": ASK, "tools": [TOOL]}
    with claude.messages.stream(**ask, extra_headers=call({"tool": True, "chars": 2})) as stream:
        (block,) = stream.get_final_message().content
    assert block.input == {"city": "Köln"}


@MODELS
@CHARS
def test_a_value_comes_back(client, claude, call, model, chars):
    first = client.chat.completions.with_raw_response.create(
        model="smart", messages=ASK, extra_body={"mock_echo": f"<<{MAIL}>>"}, extra_headers=call()
    )
    assert first.parse().choices[0].message.content == f"<<{MAIL}>>"
    with client.chat.completions.stream(
        model="smart", messages=ASK, extra_body={"mock_echo": f"Hello {MAIL}!"}, extra_headers=call({"chars": chars})
    ) as stream:
        assert stream.get_final_completion().choices[0].message.content == f"Hello {MAIL}!"


@MODELS
@CHARS
def test_a_block_ends_chunks(client, call, model, chars):
    ask = {"model": model, "messages": ASK, "stream": True, "max_tokens": 100}
    script = {"text": BLOCKED, "chars": chars}
    headers = call(script, outcomes=["guardrail_blocked"])
    chunks = list(client.chat.completions.create(**ask, extra_headers=headers))
    assert text_of(chunks) == "It is so: " and reasons_of(chunks) == ["content_filter"]


@MODELS
def test_a_block_ends_the_stream_helper(client, call, model):
    headers = call({"text": BLOCKED, "chars": 3}, outcomes=["guardrail_blocked"])
    ask = {"model": model, "messages": ASK, "max_tokens": 100}
    with client.chat.completions.stream(**ask, extra_headers=headers) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        choice = stream.current_completion_snapshot.choices[0]
        assert choice.finish_reason == "content_filter" and choice.message.content == "It is so: "
        assert "".join(deltas) == choice.message.content
        # The helper's word for every answer that a filter has ended.
        with pytest.raises(openai.ContentFilterFinishReasonError):
            stream.get_final_completion()


@MODELS
@CHARS
def test_a_block_ends_messages(claude, call, model, chars):
    ask = {"model": model, "max_tokens": 100, "messages": ASK}
    headers = call({"text": BLOCKED, "chars": chars}, outcomes=["guardrail_blocked"])
    with claude.messages.stream(**ask, extra_headers=headers) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "refusal"
    assert "".join(block.text for block in message.content) == "It is so: "


@MODELS
def test_a_block_of_a_whole_answer(client, claude, call, model):
    ask = {"model": model, "messages": ASK, "max_tokens": 100}
    headers = call({"text": BLOCKED}, outcomes=["guardrail_blocked"])
    answer = client.chat.completions.create(**ask, extra_headers=headers)
    assert answer.choices[0].finish_reason == "content_filter"
    assert SECRET not in answer.model_dump_json() and answer.usage.total_tokens > 0
    headers = call({"text": BLOCKED}, outcomes=["guardrail_blocked"])
    message = claude.messages.create(**ask, extra_headers=headers)
    assert message.stop_reason == "refusal" and SECRET not in message.model_dump_json()


@MODELS
def test_a_blocked_request(client, claude, refused, model):
    ask = {"model": model, "messages": [{"role": "user", "content": f"It is {SECRET}"}], "max_tokens": 100}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**ask, extra_headers=refused("content_filter"))
    assert raised.value.code == "content_filter" and not re.search("ghp_", str(raised.value))
    with pytest.raises(anthropic.BadRequestError) as raised:
        claude.messages.create(**ask, extra_headers=refused("content_filter"))
    assert not re.search("ghp_", str(raised.value))


@CHARS
def test_completions(client, call, chars):
    answer = client.completions.create(**COMPLETION, extra_headers=call(masks()))
    assert answer.choices[0].text == MASKED
    headers = call(masks(chars, piece=41))
    chunks = list(client.completions.create(**COMPLETION, stream=True, extra_headers=headers))
    assert "".join(chunk.choices[0].text for chunk in chunks) == MASKED
    assert chunks[-1].choices[0].finish_reason == "stop"


@CHARS
def test_a_block_ends_completions(client, call, chars):
    ask = {**COMPLETION, "max_tokens": 100}
    blocked = ["guardrail_blocked"]
    (choice,) = client.completions.create(**ask, extra_headers=call({"text": BLOCKED}, outcomes=blocked)).choices
    assert choice.finish_reason == "content_filter" and "ghp_" not in choice.text
    headers = call({"text": BLOCKED, "chars": chars}, outcomes=blocked)
    chunks = list(client.completions.create(**ask, stream=True, extra_headers=headers))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "It is so: "
    assert chunks[-1].choices[0].finish_reason == "content_filter"


def test_whole_responses(client, call):
    response = client.responses.create(**RESPONSE, extra_headers=call(masks()))
    assert response.output_text == MASKED and OTHER not in response.model_dump_json()


@CHARS
def test_responses(client, call, chars):
    headers = call(masks(chars, piece=41, reasoning=f"He means {OTHER} I think "))
    with client.responses.stream(**RESPONSE, extra_headers=headers) as stream:
        events = list(stream)
        response = stream.get_final_response()
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    (done,) = [event for event in events if event.type == "response.output_text.done"]
    assert "".join(event.delta for event in deltas) == MASKED
    assert deltas[-1].snapshot == done.text == response.output_text == MASKED
    assert response.output[0].summary[0].text == "He means <EMAIL_ADDRESS> I think "
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(events)))
    # Helpers' events warn if they are dumped.
    assert not [event for event in events if OTHER in repr(event)]


@CHARS
async def test_asynchronous_responses(async_client, call, chars):
    ask = {**RESPONSE, "extra_body": {"mock_echo": f"Hello {MAIL}!"}}
    async with async_client.responses.stream(**ask, extra_headers=call({"chars": chars} if chars else {})) as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        response = await stream.get_final_response()
    assert "".join(deltas) == response.output_text == f"Hello {MAIL}!"


@CHARS
def test_tools_of_responses(client, call, chars):
    tool = {"type": "function", **WEATHER["function"]}
    more = {"mock_arguments": json.dumps({"city": f"for \"{MAIL}\""})}
    script = {"tool": True, "chars": chars}
    ask = {**RESPONSE, "tools": [tool], "extra_body": more}
    with client.responses.stream(**ask, extra_headers=call(script)) as stream:
        deltas = [event for event in stream if event.type == "response.function_call_arguments.delta"]
        response = stream.get_final_response()
    (item,) = response.output
    assert item.parsed_arguments == {"city": f"for \"{MAIL}\""}
    assert deltas[-1].snapshot == item.arguments == "".join(event.delta for event in deltas)


@CHARS
def test_a_block_ends_responses(client, call, chars):
    blocked = ["guardrail_blocked"]
    ask = {**RESPONSE, "max_output_tokens": 100}
    response = client.responses.create(**ask, extra_headers=call({"text": BLOCKED}, outcomes=blocked))
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "content_filter")
    assert "ghp_" not in response.model_dump_json() and response.usage.total_tokens > 0
    headers = call({"text": BLOCKED, "chars": chars}, outcomes=blocked)
    with client.responses.stream(**ask, extra_headers=headers) as stream:
        events = list(stream)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "It is so: "
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "content_filter"
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))


def test_blocked_requests_of_the_other_apis(client, refused):
    for create, name in [(client.responses.create, "input"), (client.completions.create, "prompt")]:
        with pytest.raises(openai.BadRequestError) as raised:
            create(model="smart", **{name: f"It is {SECRET}"}, extra_headers=refused("content_filter"))
        assert raised.value.code == "content_filter" and "ghp_" not in str(raised.value)
