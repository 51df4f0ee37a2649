"""Answers that the gateway makes or writes anew, held against what the providers publish: translated
ones (`light` is Anthropic's, `smart` OpenAI's), those that the cache tells again, errors and lists of
models. What a provider says in the caller's own API passes as it is, and is not looked at."""

import json
import urllib.error
import urllib.request

import pytest
import shapes

from conftest import ACME, BASE_URL, WEATHER

SCHEMA = WEATHER["function"]["parameters"]

# Path, model, body, schema of a whole answer, and of an event.
TRANSLATED = {
    "chat": (
        "/chat/completions",
        {"model": "light", "tools": [WEATHER]},
        ("openai", "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"),
    ),
    "responses": (
        "/responses",
        {"model": "light", "store": False, "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}]},
        ("openai", "Response", "ResponseStreamEvent"),
    ),
    "messages": (
        "/messages",
        {"model": "smart", "max_tokens": 50, "tools": [{"name": "weather", "input_schema": SCHEMA}]},
        ("anthropic", "Message", "MessageStreamEvent"),
    ),
}
APIS = pytest.mark.parametrize("api", TRANSLATED)


def call(path, body=None, headers=(), key=ACME):
    """Status, headers and body of a call."""
    data = None if body is None else json.dumps(body).encode()
    told = {"authorization": f"Bearer {key}", "content-type": "application/json", **dict(headers)}
    request = urllib.request.Request(BASE_URL + path, data=data, headers=told)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def events(body):
    data = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(one) for one in data if one != "[DONE]"]


def asked(api, name, **more):
    """A call that no other test makes."""
    path, body, schemas = TRANSLATED[api]
    said = {"role": "user", "content": name}
    body = body | ({"input": [said]} if api == "responses" else {"messages": [said]})
    return path, body | more, schemas


def whole_is_fit(api, name, script=None, cache=None, **more):
    path, body, (provider, whole, _) = asked(api, name, **more)
    status, headers, answer = call(path, body, {"x-mock": json.dumps(script)} if script else {})
    assert status == 200, answer
    if cache:
        assert headers["x-cache"] == cache
    shapes.check(provider, whole, json.loads(answer))


def stream_is_fit(api, name, script=None, cache=None, **more):
    more |= {"stream_options": {"include_usage": True}} if api == "chat" else {}
    path, body, (provider, _, event) = asked(api, name, stream=True, **more)
    status, headers, answer = call(path, body, {"x-mock": json.dumps(script)} if script else {})
    assert status == 200, answer
    if cache:
        assert headers["x-cache"] == cache
    told = events(answer)
    assert len(told) > 2
    for one in told:
        # The description leaves out what its own text tells of pings.
        if one != {"type": "ping"}:
            shapes.check(provider, event, one)


@APIS
@pytest.mark.parametrize("script", [{}, {"tool": True}])
def test_translated_answers(api, script):
    whole_is_fit(api, f"whole {api} {script}", script)
    stream_is_fit(api, f"stream {api} {script}", script)


def until_stored(api, name):
    """Waits until an answer can be given again."""
    path, body, _ = asked(api, name)
    for _ in range(1000):
        status, _, answer = call(path, body, {"cache-control": "only-if-cached"})
        if status == 200:
            return
    raise AssertionError(answer)


@APIS
def test_answers_that_are_given_again(api):
    whole_is_fit(api, f"again {api}", cache="MISS")
    until_stored(api, f"again {api}")
    stream_is_fit(api, f"again {api}", cache="HIT")
    stream_is_fit(api, f"later {api}", cache="MISS")
    until_stored(api, f"later {api}")
    whole_is_fit(api, f"later {api}", cache="HIT")


@APIS
def test_errors(api):
    path, body, (provider, _, _) = asked(api, "errors")
    for status, key, change, script in [
        (401, "wrong", {}, {}),
        (404, ACME, {"model": "nobody"}, {}),
        (400, ACME, {"stream": 1}, {}),
        (400, ACME, {}, {"status": 400}),
    ]:
        found, _, answer = call(path, body | change, {"x-mock": json.dumps(script)}, key)
        assert found == status, answer
        error = json.loads(answer)
        if provider == "anthropic":
            # The code, which Anthropic has not, is told beside the rest.
            error["error"].pop("code", None)
            error["error"].pop("param", None)
        shapes.check(provider, "ErrorResponse", error)


def test_lists_of_models():
    status, _, answer = call("/models")
    assert status == 200
    # What the gateway tells beside OpenAI's members.
    own = ("input_modalities", "output_modalities", "context_window", "max_output_tokens", "limits")
    models = json.loads(answer)
    assert models["data"]
    for model in models["data"]:
        for name in own:
            model.pop(name, None)
    shapes.check("openai", "ListModelsResponse", models)
    status, _, answer = call("/models", headers={"anthropic-version": "2023-06-01"})
    models = json.loads(answer)
    assert status == 200 and models["data"]
    for name in ("type", "id", "display_name", "created_at"):
        assert models["data"][0][name], models
