"""The OpenAI client's completions and Responses, synchronous and not."""

import json

import openai
import pytest
from pydantic import BaseModel

from conftest import TEXT

ASK = {"model": "smart", "input": "hi"}
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def text_of(chunks):
    return "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)


def test_a_completion(client, call):
    completion = client.completions.create(model="smart", prompt="hi", extra_headers=call())
    (choice,) = completion.choices
    assert (choice.text, choice.finish_reason, completion.object) == (TEXT, "stop", "text_completion")
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + 5


def test_several_completions(client, call):
    ask = {"model": "smart", "prompt": ["hi", "ho"], "n": 2}
    completion = client.completions.create(**ask, extra_headers=call())
    assert [choice.index for choice in completion.choices] == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunks_of_a_completion(client, call, size):
    script = {"piece": size, "text": "naïve 語 🦀"}
    ask = {"model": "smart", "prompt": "hi", "stream": True}
    chunks = list(client.completions.create(**ask, extra_headers=call(script, requests=1, outcomes=None)))
    assert text_of(chunks) == script["text"] and chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_of_a_streamed_completion(client, call):
    ask = {"model": "smart", "prompt": "hi", "stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = client.completions.create(**ask, extra_headers=call())
    assert text_of(chunks) == TEXT and (last.choices, last.usage.completion_tokens) == ([], 5)


async def test_asynchronous_completions(async_client, call):
    ask = {"model": "smart", "prompt": "hi", "stream": True}
    stream = await async_client.completions.create(**ask, extra_headers=call())
    assert text_of([chunk async for chunk in stream]) == TEXT


def test_a_response(client, call):
    response = client.responses.create(**ASK, extra_headers=call())
    assert (response.output_text, response.status, response.model) == (TEXT, "completed", "gpt-5.1")
    assert response.usage.total_tokens == response.usage.input_tokens + 5
    assert response.store is False


def test_a_conversation(client, call):
    first = client.responses.create(**ASK, extra_headers=call())
    turns = [{"role": "user", "content": "hi"}, *first.output, {"role": "user", "content": "and?"}]
    second = client.responses.create(model="smart", instructions="Be brief.", input=turns, extra_headers=call())
    assert second.output_text == TEXT


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events(client, call, size):
    script = {"piece": size, "text": "naïve 語 🦀"}
    headers = call(script)
    events = list(client.responses.create(**ASK, stream=True, extra_headers=headers))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == events[-1].response.output_text == script["text"]


def test_the_stream_helper(client, call):
    with client.responses.stream(**ASK, extra_headers=call()) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert snapshots[-1] == response.output_text == TEXT
    assert response.usage.output_tokens == 5


async def test_the_asynchronous_stream_helper(async_client, call):
    async with async_client.responses.stream(**ASK, extra_headers=call()) as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        response = await stream.get_final_response()
    assert "".join(deltas) == response.output_text == TEXT


@pytest.mark.parametrize("stream", [False, True])
def test_tools(client, call, stream):
    ask = {**ASK, "tools": [WEATHER]}
    headers = call({"tools": 2, "reasoning": "Where is it? "})
    if stream:
        with client.responses.stream(**ask, extra_headers=headers) as events:
            response = events.get_final_response()
    else:
        response = client.responses.parse(**ask, extra_headers=headers)
    reasoning, *calls = response.output
    assert reasoning.summary[0].text == "Where is it? "
    assert [tool.parsed_arguments for tool in calls] == [{"city": "Köln"}, {"city": "Paris"}]
    results = [
        {"type": "function_call_output", "call_id": tool.call_id, "output": json.dumps({"rain": True})}
        for tool in calls
    ]
    turns = [{"role": "user", "content": "hi"}, *calls, *results]
    again = client.responses.create(model="smart", input=turns, extra_headers=call())
    assert again.output_text == TEXT


def test_a_parsed_answer(client, call):
    class City(BaseModel):
        name: str

    script = {"text": '{"name": "Köln"}'}
    response = client.responses.parse(**ASK, text_format=City, extra_headers=call(script))
    assert response.output_parsed == City(name="Köln")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ],
)
def test_what_the_provider_would_keep_is_refused(client, call, more, param):
    headers = call(requests=0, outcomes=None)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(**ASK, **more, extra_headers=headers)
    assert raised.value.param == param


def test_stored_responses_are_not_there(client, refused):
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.retrieve("resp_1", extra_headers=refused("unknown_endpoint"))
    assert raised.value.code == "unknown_endpoint"


@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_errors(client, call, stream):
    script = {"status": 429, "headers": {"retry-after": "7"}, "text": "slow down"}
    with pytest.raises(openai.RateLimitError) as raised:
        client.responses.create(**ASK, stream=stream, extra_headers=call(script, outcomes=["upstream_error"]))
    assert raised.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.RateLimitError):
        ask = {"model": "smart", "prompt": "hi", "stream": stream}
        client.completions.create(**ask, extra_headers=call(script, outcomes=["upstream_error"]))


def test_a_stream_that_ends_too_early(client, call):
    headers = call({"fault": "end_mid_body"}, outcomes=["upstream_incomplete"])
    with pytest.raises(openai.APIError) as raised:
        list(client.responses.create(**ASK, stream=True, extra_headers=headers))
    assert raised.value.code == "upstream_incomplete"
    headers = call({"fault": "end_mid_body"}, outcomes=["upstream_incomplete"])
    with pytest.raises(openai.APIError):
        list(client.completions.create(model="smart", prompt="hi", stream=True, extra_headers=headers))


def test_embeddings(client, call):
    answer = client.embeddings.create(model="smart", input=["a", "bc"], dimensions=16, extra_headers=call())
    assert [len(one.embedding) for one in answer.data] == [16, 16]
    assert answer.data[0].embedding[1] == 1 + 3 / 64
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (answer.usage.total_tokens, answer.usage.prompt_tokens)
    floats = client.embeddings.create(model="smart", input="a", encoding_format="float", extra_headers=call())
    assert floats.data[0].embedding[:2] == [3 / 64, 1 + 3 / 64]
