"""Rules on requests: both clients get the error that their own parsers know, and the gateway
has sent nothing on."""

import anthropic
import openai
import pytest

from conftest import ACME, BASE_URL, HI, WEATHER

ASK = {"model": "smart", "messages": HI, "max_tokens": 100}
HOT = {"temperature": 1.5}


@pytest.fixture
def claude():
    with anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=ACME, max_retries=0) as client:
        yield client


def test_what_keeps_the_rules(client, claude, call):
    answer = client.chat.completions.create(**ASK, temperature=0.5, tools=[WEATHER], extra_headers=call())
    assert answer.choices[0].finish_reason == "stop"
    message = claude.messages.create(**ASK, extra_body={"temperature": 0.5}, extra_headers=call())
    assert message.stop_reason == "end_turn"


def test_a_parameter(client, claude, refused):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**ASK, temperature=1.5, extra_headers=refused("request_not_allowed"))
    error = raised.value
    assert (error.code, error.param, error.type) == ("request_not_allowed", "temperature", "invalid_request_error")
    assert "'temperature' to be at most 1." in error.message
    with pytest.raises(anthropic.BadRequestError) as raised:
        claude.messages.create(**ASK, extra_body=HOT, extra_headers=refused("request_not_allowed"))
    assert raised.value.body["error"]["type"] == "invalid_request_error"
    assert "'temperature' to be at most 1." in str(raised.value)


def test_a_bound_under_another_name(client, refused):
    ask = {"model": "smart", "messages": HI, "max_completion_tokens": 5000}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**ask, extra_headers=refused("request_not_allowed"))
    assert raised.value.param == "max_completion_tokens"


def test_tools(client, claude, refused):
    tool = {**WEATHER, "function": {**WEATHER["function"], "name": "shell"}}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**ASK, tools=[tool], extra_headers=refused("request_not_allowed"))
    assert raised.value.param == "tools"
    tool = {"name": "shell", "input_schema": {"type": "object"}}
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.create(**ASK, tools=[tool], extra_headers=refused("request_not_allowed"))


def test_too_large_a_request(client, claude, refused):
    ask = {**ASK, "messages": [{"role": "user", "content": "x" * 5000}]}
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(**ask, extra_headers=refused("request_not_allowed"))
    assert (raised.value.status_code, raised.value.code) == (413, "request_not_allowed")
    with pytest.raises(anthropic.RequestTooLargeError):
        claude.messages.create(**ask, extra_headers=refused("request_not_allowed"))
