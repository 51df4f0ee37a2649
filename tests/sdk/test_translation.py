"""Both clients in front of providers that have only another API than the one they speak: models
`by-chat`, `by-responses`, `by-messages` and `by-gemini`."""

import json

import anthropic
import openai
import pytest
import test_shapes
from pydantic import BaseModel

from conftest import ACME, BASE_URL, HI, TEXT, WEATHER

OTHERS = ["by-chat", "by-messages", "by-gemini"]
NEITHER = ["by-responses", "by-gemini"]
RESPONSES_TOOL = {"type": "function", **WEATHER["function"]}
MESSAGES_TOOL = {"name": "weather", "input_schema": WEATHER["function"]["parameters"]}


def script(**script):
    return {"x-mock": json.dumps(script)}


def strictly(value):
    """Checks an answer of the client against its own types: it builds them without a look."""
    type(value).model_validate(value.model_dump(), strict=False)


@pytest.fixture(scope="module")
def claude():
    host = BASE_URL.removesuffix("/v1")
    with anthropic.Anthropic(base_url=host, api_key=ACME, max_retries=0) as client:
        yield client


@pytest.fixture(params=OTHERS)
def ask(request):
    return {"model": request.param, "input": "hi"}


def test_a_response(client, ask):
    response = client.responses.create(**ask, extra_headers=script(reasoning="Hm. "))
    reasoning, message = response.output
    assert (response.output_text, response.status, response.store) == (TEXT, "completed", False)
    assert (reasoning.summary[0].text, message.role) == ("Hm. ", "assistant")
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > usage.output_tokens > 0
    assert usage.input_tokens_details.cached_tokens == 1
    strictly(response)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_of_a_response(client, ask, size):
    text = "naïve 語 🦀"
    headers = script(piece=size, text=text, reasoning="Well. ")
    events = list(client.responses.create(**ask, stream=True, extra_headers=headers))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == events[-1].response.output_text == text
    thoughts = [event.delta for event in events if event.type == "response.reasoning_summary_text.delta"]
    assert "".join(thoughts) == "Well. "
    begun = [event.item.id for event in events if event.type == "response.output_item.added"]
    assert begun == [item.id for item in events[-1].response.output]
    for event in events:
        strictly(event)


@pytest.mark.parametrize("stream", [False, True])
def test_tools_of_a_response(client, ask, stream):
    headers = script(tools=2)
    if stream:
        with client.responses.stream(**ask, tools=[RESPONSES_TOOL], extra_headers=headers) as events:
            response = events.get_final_response()
    else:
        response = client.responses.parse(**ask, tools=[RESPONSES_TOOL], extra_headers=headers)
    assert [call.parsed_arguments for call in response.output] == [{"city": "Köln"}, {"city": "Paris"}]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps({"rain": True})}
        for call in response.output
    ]
    turns = [*HI, *response.output, *results]
    again = client.responses.create(model=ask["model"], input=turns, tools=[RESPONSES_TOOL])
    assert again.output_text == TEXT


def test_a_conversation_goes_on(client, ask):
    first = client.responses.create(**ask, extra_headers=script(reasoning="Hm. "))
    turns = [*HI, *first.output, {"role": "user", "content": "and?"}]
    raw = client.responses.with_raw_response.create(model=ask["model"], input=turns, instructions="Be brief.")
    assert raw.parse().output_text == TEXT
    assert raw.headers["x-tollgate-dropped"] == "input.reasoning"


def test_a_parsed_response(client, ask):
    class City(BaseModel):
        name: str

    headers = script(text='{"name": "Köln"}')
    response = client.responses.parse(**ask, text_format=City, extra_headers=headers)
    assert response.output_parsed == City(name="Köln")


def test_an_incomplete_response(client, ask):
    stop = {"by-chat": "length", "by-messages": "max_tokens", "by-gemini": "MAX_TOKENS"}[ask["model"]]
    response = client.responses.create(**ask, extra_headers=script(stop=stop))
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    *_, last = client.responses.create(**ask, stream=True, extra_headers=script(stop=stop))
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", "max_output_tokens")


def test_errors_of_responses(client, ask):
    with pytest.raises(openai.RateLimitError) as raised:
        client.responses.create(**ask, extra_headers=script(status=429, text="slow down"))
    assert raised.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.APIError):
        list(client.responses.create(**ask, stream=True, extra_headers=script(fault="error_mid_body", events=20)))
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(**ask, store=True)
    assert (raised.value.param, raised.value.code) == ("store", "unsupported_by_provider")


@test_shapes.APIS
@pytest.mark.parametrize("tool", [False, True])
def test_what_gemini_says_has_the_shapes_of_others(api, tool):
    test_shapes.whole_is_fit(api, f"whole {tool}", {"tool": tool}, model="by-gemini")
    test_shapes.stream_is_fit(api, f"stream {tool}", {"tool": tool}, model="by-gemini")


@pytest.mark.parametrize("model", NEITHER)
@pytest.mark.parametrize("stream", [False, True])
def test_chat_by_others(client, model, stream):
    ask = {"model": model, "messages": HI, "tools": [WEATHER]}
    headers = script(tools=2, reasoning="Hm. ")
    if stream:
        with client.chat.completions.stream(**ask, extra_headers=headers) as events:
            completion = events.get_final_completion()
    else:
        completion = client.chat.completions.create(**ask, extra_headers=headers)
        assert completion.usage.completion_tokens > 0
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Köln"}, {"city": "Paris"}]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
    turns = [*HI, choice.message.model_dump(exclude_none=True), *results]
    again = client.chat.completions.create(model=model, messages=turns, tools=[WEATHER])
    assert again.choices[0].message.content == TEXT
    strictly(again)


@pytest.mark.parametrize("model", NEITHER)
@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_by_others(claude, model, stream):
    ask = {"model": model, "max_tokens": 100, "messages": HI, "tools": [MESSAGES_TOOL]}
    headers = script(tools=1, reasoning="Hm. ")
    if stream:
        with claude.messages.stream(**ask, extra_headers=headers) as events:
            message = events.get_final_message()
    else:
        message = claude.messages.create(**ask, extra_headers=headers)
    thinking, call = message.content
    assert (thinking.thinking, call.input, message.stop_reason) == ("Hm. ", {"city": "Köln"}, "tool_use")
    assert message.usage.output_tokens > 0
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    turns = [*HI, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    again = claude.messages.create(**{**ask, "messages": turns})
    assert again.content[0].text == TEXT


@pytest.mark.parametrize("model", NEITHER)
def test_errors_of_others(client, claude, model):
    headers = script(status=429, text="slow down")
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=model, messages=HI, extra_headers=headers)
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(model=model, max_tokens=9, messages=HI, extra_headers=headers)
    headers = script(fault="error_mid_body", events=20)
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=model, messages=HI, stream=True, extra_headers=headers))
    with pytest.raises(anthropic.APIStatusError):
        list(claude.messages.create(model=model, max_tokens=9, messages=HI, stream=True, extra_headers=headers))
