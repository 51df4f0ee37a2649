"""LangChain's models through the gateway: a chat with tools, whole and streamed, by each of the APIs.
It runs in an environment of its own (tests/langchain/requirements.txt)."""

import asyncio

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from conftest import ACME, BASE_URL, TEXT

ASKED = HumanMessage("What is the weather in Köln?")


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"rain in {city}"


def openai(**more):
    return ChatOpenAI(model="smart", base_url=BASE_URL, api_key=ACME, max_retries=0, **more)


def completions():
    return openai(use_responses_api=False, stream_usage=True)


def responses():
    return openai(use_responses_api=True)


def messages():
    url = BASE_URL.removesuffix("/v1")
    return ChatAnthropic(model="smart", base_url=url, api_key=ACME, max_retries=0, max_tokens=100)


MODELS = pytest.mark.parametrize("model", [completions, responses, messages])


def whole(model, said, headers):
    return model.invoke(said, extra_headers=headers)


def streamed(model, said, headers):
    chunks = list(model.stream(said, extra_headers=headers))
    assert len(chunks) > 1
    answer = chunks[0]
    for chunk in chunks[1:]:
        answer = answer + chunk
    return answer


WAYS = pytest.mark.parametrize("ask", [whole, streamed])


@MODELS
@WAYS
def test_a_chat(model, ask, call):
    answer = ask(model(), [ASKED], call())
    assert answer.text.startswith(TEXT.strip())
    usage = answer.usage_metadata
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@MODELS
@WAYS
def test_a_chat_with_a_tool(model, ask, call):
    helped = model().bind_tools([weather])
    calls = ask(helped, [ASKED], call({"tool": True}))
    (called,) = calls.tool_calls
    assert (called["name"], called["args"]) == ("weather", {"city": "Köln"})
    result = weather.invoke(called)
    assert isinstance(result, ToolMessage) and result.content == "rain in Köln"
    answer = ask(helped, [ASKED, calls, result], call())
    assert answer.text.startswith(TEXT.strip()) and not answer.tool_calls


@MODELS
def test_an_error_is_told(model, refused):
    with pytest.raises(Exception, match="does not exist") as error:
        model().bind(model="nobody").invoke([ASKED], extra_headers=refused("model_not_found"))
    assert error.value.status_code == 404


async def all_streams(call):
    for model in (completions(), responses(), messages()):
        chunks = [chunk async for chunk in model.astream([ASKED], extra_headers=call())]
        assert "".join(chunk.text for chunk in chunks).startswith(TEXT.strip())


def test_asynchronous_streams(call):
    # In one loop: LangChain keeps connections for all models of a process.
    asyncio.run(all_streams(call))
