"""What the tests share. They run under tests/envoy/sdk.rs, which starts the gateway and
gives its address and the demo's keys in the environment."""

import itertools
import json
import os

import openai
import pytest

BASE_URL = os.environ["BASE_URL"]
ACME = os.environ["ACME_KEY"]
BLUE = os.environ["BLUE_KEY"]

HI = [{"role": "user", "content": "hi"}]
TEXT = "Hello from the mock provider. "
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}

_number = itertools.count()


@pytest.fixture
def call(request):
    """Makes the extra headers of one call: `script` tells the mock provider what to do.

    After the run, sdk.rs checks that the provider got the call `requests` times and that
    the gateway's records of it have these `outcomes` (in any order; None: not checked).
    """

    def headers(script=None, *, requests=None, outcomes=("ok",)):
        name = request.node.originalname
        # Several files use one gateway. Records have 64 characters of an id.
        parts = [part.removeprefix("test_") for part in (request.node.path.stem, name)]
        call = {"id": f"{'-'.join(parts)}-{next(_number)}", "requests": requests, "outcomes": outcomes}
        if requests is None:
            call["requests"] = len(outcomes or [None])
        with open(os.environ["CALLS"], "a") as calls:
            calls.write(json.dumps(call) + "\n")
        script = {"x-mock": json.dumps(script)} if script else {}
        return {"x-request-id": call["id"], **script}

    return headers


@pytest.fixture
def refused(call):
    """The headers of a call that the gateway refuses: the provider gets nothing."""
    return lambda code: call(requests=0, outcomes=[code])


@pytest.fixture(scope="session")
def client():
    with openai.OpenAI(base_url=BASE_URL, api_key=ACME, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def blue():
    with openai.OpenAI(base_url=BASE_URL, api_key=BLUE, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client():
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=ACME, max_retries=0) as client:
        yield client


@pytest.fixture
def ask():
    """The parameters of a small chat call."""
    return {"model": "smart", "messages": HI}


def text_of(chunks, index=0):
    """The text of one choice of a stream."""
    choices = (choice for chunk in chunks for choice in chunk.choices)
    return "".join(c.delta.content or "" for c in choices if c.index == index)


def arguments_of(chunks, index=0):
    """The re-assembled arguments of the tool call of one choice."""
    choices = (choice for chunk in chunks for choice in chunk.choices)
    calls = (t for c in choices if c.index == index for t in c.delta.tool_calls or [])
    return "".join(call.function.arguments or "" for call in calls)


def reasons_of(chunks):
    """Why each choice ended, in order of choices."""
    choices = (choice for chunk in chunks for choice in chunk.choices)
    return [reason for _, reason in sorted((c.index, c.finish_reason) for c in choices if c.finish_reason)]
