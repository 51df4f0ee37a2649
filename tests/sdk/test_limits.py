"""Both clients where a limit is reached: what they raise, and whether they try again."""

import os

import anthropic
import openai
import pytest

from conftest import ACME, BASE_URL, BLUE, HI

ROOT = BASE_URL.removesuffix("/v1")


def ask(client, **more):
    return client.chat.completions.with_raw_response.create(model="smart", messages=HI, **more)


def test_openai_is_told_what_is_left_and_then_to_wait():
    with openai.OpenAI(base_url=BASE_URL, api_key=ACME, max_retries=0) as client:
        for left in ["1", "0"]:
            answer = ask(client, max_tokens=5)
            assert answer.headers["x-ratelimit-limit-requests"] == "2"
            assert answer.headers["x-ratelimit-remaining-requests"] == left
            assert answer.parse().choices[0].finish_reason == "stop"
        with pytest.raises(openai.RateLimitError) as raised:
            ask(client, max_tokens=5)
    error = raised.value
    assert (error.status_code, error.code, error.type) == (429, "rate_limit_exceeded", "rate_limit_error")
    assert 1 <= int(error.response.headers["retry-after"]) <= 3900
    assert "requests per hour" in error.message


def test_a_spent_budget_is_not_tried_again():
    seen = []
    hooks = {"response": [lambda response: seen.append(response.status_code)]}
    http = openai.DefaultHttpxClient(event_hooks=hooks)
    with openai.OpenAI(base_url=BASE_URL, api_key=BLUE, max_retries=3, http_client=http) as client:
        with pytest.raises(openai.RateLimitError) as raised:
            client.chat.completions.create(model="light", messages=HI, max_tokens=100000)
    assert (raised.value.code, raised.value.type) == ("insufficient_quota", "insufficient_quota")
    assert seen == [429]


def test_anthropic_is_told_in_its_own_words():
    key = os.environ["ADMIN_KEY"]
    with anthropic.Anthropic(base_url=ROOT, api_key=key, max_retries=0) as client:
        message = {"model": "smart", "max_tokens": 5, "messages": HI}
        for left in ["1", "0"]:
            answer = client.messages.with_raw_response.create(**message)
            assert answer.headers["anthropic-ratelimit-requests-remaining"] == left
        with pytest.raises(anthropic.RateLimitError) as raised:
            client.messages.create(**message)
    assert raised.value.body["error"]["type"] == "rate_limit_error"
    assert int(raised.value.response.headers["retry-after"]) >= 1
