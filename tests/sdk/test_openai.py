"""The synchronous OpenAI client."""

import json

import httpx2
import openai
import pytest
from pydantic import BaseModel

from conftest import ACME, BASE_URL, HI, TEXT, WEATHER, arguments_of, reasons_of, text_of

UNICODE = "naïve 語 🦀 \u202eabc\u0000\u2028 \U0010ffff \\ud83e \"{}\"\r\n\t"

LIMITED = {
    "status": 429,
    "headers": {"retry-after-ms": "1", "retry-after": "7"},
    "body": json.dumps({"error": {"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}}),
}


def failing_once(request):
    """Lets only the first try of a call meet its script."""
    if request.headers["x-stainless-retry-count"] != "0":
        request.headers.pop("x-mock", None)


def test_chat(client, ask, call):
    completion = client.chat.completions.create(**ask, extra_headers=call())
    choice = completion.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", TEXT, "stop")
    assert (completion.object, completion.model) == ("chat.completion", "gpt-5.1")
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + 5


def test_a_stream_has_no_chunk_that_was_not_asked_for(client, ask, call):
    for options in [{}, {"stream_options": {"include_usage": False}}, {"stream_options": {}}]:
        with client.chat.completions.create(**ask, **options, stream=True, extra_headers=call()) as stream:
            chunks = list(stream)
        assert text_of(chunks) == TEXT and reasons_of(chunks) == ["stop"]
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_a_stream_ends_in_usage_if_asked_for(client, ask, call):
    ask["stream_options"] = {"include_usage": True}
    script = {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
    *chunks, last = client.chat.completions.create(**ask, stream=True, extra_headers=call(script))
    assert text_of(chunks) == TEXT and reasons_of(chunks) == ["stop"]
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert (last.choices, last.usage.prompt_tokens, last.usage.total_tokens) == ([], 7, 10)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_in_pieces_is_the_same(client, ask, call, size):
    script = {"piece": size, "text": "naïve 語 🦀"}
    # The client closes at [DONE], perhaps before the last byte: either end is right.
    headers = call(script, requests=1, outcomes=None)
    chunks = list(client.chat.completions.create(**ask, stream=True, extra_headers=headers))
    assert text_of(chunks) == script["text"] and reasons_of(chunks) == ["stop"]


def test_a_tool_call(client, ask, call):
    script = {"tool": True}
    completion = client.chat.completions.create(**ask, tools=[WEATHER], extra_headers=call(script))
    choice = completion.choices[0]
    (tool,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert (tool.id, tool.function.name) == ("call_1", "weather")
    assert json.loads(tool.function.arguments) == {"city": "Köln"}
    # The conversation goes on with the answer of the tool.
    messages = [*HI, choice.message, {"role": "tool", "tool_call_id": tool.id, "content": "rain"}]
    completion = client.chat.completions.create(model="smart", messages=messages, extra_headers=call())
    assert completion.choices[0].message.content == TEXT


def test_streamed_tool_calls_of_several_choices(client, ask, call):
    headers = call({"tool": True, "piece": 5}, requests=1, outcomes=None)
    chunks = list(client.chat.completions.create(**ask, n=3, tools=[WEATHER], stream=True, extra_headers=headers))
    for index in range(3):
        assert json.loads(arguments_of(chunks, index)) == {"city": "Köln"}
    assert reasons_of(chunks) == ["tool_calls"] * 3


def test_three_streamed_choices(client, ask, call):
    chunks = list(client.chat.completions.create(**ask, n=3, stream=True, extra_headers=call()))
    assert [text_of(chunks, index) for index in range(4)] == [TEXT, TEXT, TEXT, ""]
    assert reasons_of(chunks) == ["stop"] * 3


def test_the_stream_helper(client, ask, call):
    ask["stream_options"] = {"include_usage": True}
    with client.chat.completions.stream(**ask, extra_headers=call()) as stream:
        events = list(stream)
        completion = stream.get_final_completion()
    deltas = "".join(event.delta for event in events if event.type == "content.delta")
    assert deltas == TEXT == completion.choices[0].message.content
    assert completion.usage.completion_tokens == 5


def test_the_stream_helper_with_tools(client, ask, call):
    with client.chat.completions.stream(**ask, tools=[WEATHER], extra_headers=call({"tool": True})) as stream:
        (done,) = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert (done.name, done.parsed_arguments) == ("weather", {"city": "Köln"})


def test_structured_output(client, ask, call):
    class Place(BaseModel):
        city: str

    script = {"text": '{"city":"Köln"}'}
    completion = client.chat.completions.parse(**ask, response_format=Place, extra_headers=call(script))
    assert completion.choices[0].message.parsed == Place(city="Köln")


def test_unicode(client, ask, call):
    ask["messages"] = [{"role": "user", "content": [{"type": "text", "text": UNICODE}]}]
    ask["extra_body"] = {"mock_echo": UNICODE}
    completion = client.chat.completions.create(**ask, extra_headers=call())
    assert completion.choices[0].message.content == UNICODE
    chunks = client.chat.completions.create(**ask, stream=True, extra_headers=call())
    assert text_of(chunks) == UNICODE


def test_a_prompt_of_two_megabytes(client, call):
    words = 2_000_000 // len("lorem ")
    messages = [{"role": "user", "content": "lorem " * words}]
    ask = {"model": "smart", "messages": messages}
    completion = client.chat.completions.create(**ask, extra_headers=call())
    assert completion.usage.prompt_tokens >= words
    ask["stream_options"] = {"include_usage": True}
    *chunks, last = client.chat.completions.create(**ask, stream=True, extra_headers=call())
    assert text_of(chunks) == TEXT and last.usage.prompt_tokens >= words


def test_models(client, blue):
    models = list(client.models.list())
    assert [(model.id, model.object) for model in models] == [("smart", "model"), ("light", "model")]
    assert [model.id for model in blue.models.list()] == ["light"]
    assert client.models.retrieve("light").model_dump() == models[1].model_dump()


def test_models_that_are_not_there(client, blue, refused):
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("gpt-9", extra_headers=refused("model_not_found"))
    assert error.value.code == "model_not_found"
    with pytest.raises(openai.PermissionDeniedError) as error:
        blue.models.retrieve("smart", extra_headers=refused("model_not_allowed"))
    assert error.value.code == "model_not_allowed"


@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_key(ask, refused, stream):
    # With the default number of retries: it makes none.
    with openai.OpenAI(base_url=BASE_URL, api_key="wrong") as client:
        with pytest.raises(openai.AuthenticationError) as error:
            client.chat.completions.create(**ask, stream=stream, extra_headers=refused("invalid_api_key"))
    error = error.value
    assert (error.status_code, error.code, error.type) == (401, "invalid_api_key", "authentication_error")
    assert error.response.headers["x-should-retry"] == "false"
    assert error.message and "wrong" not in error.message


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model(client, refused, stream):
    with pytest.raises(openai.NotFoundError) as error:
        client.chat.completions.create(
            model="gpt-9", messages=HI, stream=stream, extra_headers=refused("model_not_found")
        )
    assert (error.value.code, error.value.type) == ("model_not_found", "invalid_request_error")


def test_a_model_of_another_tenant(blue, ask, refused):
    with pytest.raises(openai.PermissionDeniedError) as error:
        blue.chat.completions.create(**ask, extra_headers=refused("model_not_allowed"))
    assert (error.value.code, error.value.type) == ("model_not_allowed", "permission_error")


def test_an_endpoint_that_is_not_served(client, refused):
    with pytest.raises(openai.NotFoundError) as error:
        options = {"headers": refused("unknown_endpoint")}
        client.post("/rerank", cast_to=object, body={}, options=options)
    assert error.value.code == "unknown_endpoint"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": "hi"}, "invalid_value", "messages"),
        ({"messages": [7]}, "invalid_value", "messages[0]"),
        ({"messages": [{"role": "user", "content": 7}]}, "invalid_value", "messages[0].content"),
        ({"messages": [{"content": "hi"}]}, "missing_required_parameter", "messages[0].role"),
        ({"model": 7}, "invalid_value", "model"),
        ({"model": ""}, "invalid_value", "model"),
        ({"n": "two"}, "invalid_value", "n"),
        ({"max_tokens": "many"}, "invalid_value", "max_tokens"),
        ({"max_completion_tokens": [1]}, "invalid_value", "max_completion_tokens"),
        ({"extra_body": {"stream": "yes"}}, "invalid_value", "stream"),
        ({"stream": True, "stream_options": []}, "invalid_value", "stream_options"),
        (
            {"stream": True, "stream_options": {"include_usage": 1}},
            "invalid_value",
            "stream_options.include_usage",
        ),
    ],
)
def test_wrong_types(client, ask, refused, change, code, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(**{**ask, **change}, extra_headers=refused(code))
    error = error.value
    assert (error.code, error.param, error.type) == (code, param, "invalid_request_error")


@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_rate_limit(client, ask, call, stream):
    headers = call(LIMITED, outcomes=["upstream_error"])
    with pytest.raises(openai.RateLimitError) as error:
        client.chat.completions.create(**ask, stream=stream, extra_headers=headers)
    error = error.value
    assert (error.code, error.response.headers["retry-after"]) == ("rate_limit_exceeded", "7")
    assert error.body["message"] == "slow down"


def test_a_retry_that_fails_too(client, ask, call):
    headers = call(LIMITED, outcomes=["upstream_error"] * 2)
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=1).chat.completions.create(**ask, extra_headers=headers)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (LIMITED, "upstream_error"),
        ({"status": 500, "headers": {"retry-after-ms": "1"}, "body": "oops"}, "upstream_error"),
        # Told by the gateway, as worth a retry.
        ({"fault": "reset_before_head"}, None),
    ],
)
def test_a_retry_that_succeeds(ask, call, stream, script, outcome):
    # What a broken connection is called in the record is not this test's affair.
    outcomes = [outcome, "ok"] if outcome else None
    headers = call(script, requests=2, outcomes=outcomes)
    http = openai.DefaultHttpxClient(event_hooks={"request": [failing_once]})
    with openai.OpenAI(base_url=BASE_URL, api_key=ACME, max_retries=1, http_client=http) as client:
        answer = client.chat.completions.create(**ask, stream=stream, extra_headers=headers)
        text = text_of(answer) if stream else answer.choices[0].message.content
    assert text == TEXT


def test_the_provider_cannot_ask_for_retries(client, ask, call):
    script = {"status": 400, "headers": {"x-should-retry": "true"}, "body": '{"error":{"message":"no"}}'}
    headers = call(script, outcomes=["upstream_error"])
    with pytest.raises(openai.BadRequestError):
        client.with_options(max_retries=2).chat.completions.create(**ask, extra_headers=headers)


@pytest.mark.parametrize("status", [401, 403])
def test_the_gateways_own_credentials_are_refused(client, ask, call, status):
    script = {"status": status, "body": '{"error":{"message":"Incorrect API key: sk-proj-1234567890"}}'}
    # A 502 that says it is not worth a retry: one request.
    headers = call(script, outcomes=["upstream_auth"])
    with pytest.raises(openai.InternalServerError) as error:
        client.with_options(max_retries=2).chat.completions.create(**ask, extra_headers=headers)
    error = error.value
    assert (error.status_code, error.code) == (502, "upstream_auth")
    assert error.response.headers["x-should-retry"] == "false"
    assert "sk-proj" not in str(error)


def test_an_answer_that_breaks_off(client, ask, call):
    headers = call({"fault": "reset_mid_body"}, outcomes=["upstream_reset"])
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**ask, extra_headers=headers)


def test_a_stream_that_breaks_off(client, ask, call):
    headers = call({"fault": "reset_mid_body"}, outcomes=["upstream_reset"])
    chunks = []
    with pytest.raises(openai.APIConnectionError):
        chunks.extend(client.chat.completions.create(**ask, stream=True, extra_headers=headers))
    assert reasons_of(chunks) == []


def test_an_error_in_a_stream(client, ask, call):
    chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    error = {"error": {"message": "limit of org-AbCdEf123456", "code": "rate_limit_exceeded"}}
    script = {"body": f"data: {json.dumps(chunk)}\n\ndata: {json.dumps(error)}\n\n"}
    chunks = []
    with pytest.raises(openai.APIError) as raised:
        headers = call(script, requests=1, outcomes=None)
        for chunk in client.chat.completions.create(**ask, stream=True, extra_headers=headers):
            chunks.append(chunk)
    assert (text_of(chunks), raised.value.message) == ("a", "limit of org-************")
    assert raised.value.code == "rate_limit_exceeded"


def test_headers_tell_nothing_of_the_operators_account(client, ask, call):
    hidden = {
        "openai-organization": "org-x",
        "openai-project": "proj_x",
        "set-cookie": "__cf_bm=1",
        "x-ratelimit-remaining-tokens": "5",
    }
    kept = {"openai-processing-ms": "12", "x-request-id": "req_1"}
    for stream in [False, True]:
        headers = call({"headers": hidden | kept})
        raw = client.chat.completions.with_raw_response.create(**ask, stream=stream, extra_headers=headers)
        assert not set(hidden) & set(raw.headers) and raw.headers["openai-processing-ms"] == "12"
        assert not [name for name in raw.headers if name.startswith(("x-envoy-", "x-tollgate-internal-"))]
        assert raw.headers["x-tollgate-backend"] == "mock"
        answer = raw.parse()
        text = text_of(answer) if stream else answer.choices[0].message.content
        assert (text, raw.request_id) == (TEXT, "req_1")


def test_the_clients_own_options_do_not_disturb(ask, call):
    options = {"organization": "org-mine", "project": "proj_mine", "default_query": {"api-version": "1"}}
    with openai.OpenAI(base_url=BASE_URL, api_key=ACME, max_retries=0, **options) as client:
        completion = client.chat.completions.create(**ask, user="u", seed=1, store=True, extra_headers=call())
    assert completion.choices[0].message.content == TEXT


def test_one_connection_serves_many_calls(ask, call, refused):
    # Refusals, errors and streams between them leave its framing right.
    limits = httpx2.Limits(max_connections=1)
    http = openai.DefaultHttpxClient(limits=limits)
    with openai.OpenAI(base_url=BASE_URL, api_key=ACME, max_retries=0, http_client=http) as client:
        for _ in range(5):
            with pytest.raises(openai.BadRequestError):
                client.chat.completions.create(model="smart", messages=[], extra_headers=refused("invalid_value"))
            with pytest.raises(openai.RateLimitError):
                client.chat.completions.create(**ask, extra_headers=call(LIMITED, outcomes=["upstream_error"]))
            assert text_of(client.chat.completions.create(**ask, stream=True, extra_headers=call())) == TEXT
            answer = client.chat.completions.create(**ask, extra_headers=call())
            assert answer.choices[0].message.content == TEXT


def test_leaving_a_stream(client, ask, call):
    # It would take half a minute.
    headers = call({"events": 600, "piece": 200, "piece_delay_ms": 50}, outcomes=["client_closed"])
    with client.chat.completions.create(**ask, stream=True, extra_headers=headers) as stream:
        for _ in range(3):
            assert next(stream).choices
    # Others go on.
    assert client.chat.completions.create(**ask, extra_headers=call()).choices


@pytest.mark.parametrize(("fault", "stream"), [("hang", False), ("hang", True), ("hang_mid_body", False)])
def test_the_client_does_not_wait_for_ever(client, ask, call, fault, stream):
    headers = call({"fault": fault}, outcomes=["client_closed"])
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=1).chat.completions.create(**ask, stream=stream, extra_headers=headers)


def test_the_client_does_not_wait_for_ever_in_a_stream(client, ask, call):
    headers = call({"fault": "hang_mid_body"}, outcomes=["client_closed"])
    with pytest.raises(openai.APITimeoutError):
        list(client.with_options(timeout=1).chat.completions.create(**ask, stream=True, extra_headers=headers))


SOUND = ("a b.mp3", b"ID3\x04 \r\n--sound\x00\xff", "audio/mpeg")
IMAGE = ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")


def test_moderations(client, call):
    answer = client.moderations.create(model="smart", input=["a", "b"], extra_headers=call())
    assert [result.flagged for result in answer.results] == [False, False]
    assert answer.results[0].category_scores.self_harm_intent == 0.5


def test_speech(client, call):
    say = {"model": "smart", "voice": "alloy", "input": "hello"}
    assert client.audio.speech.create(**say, extra_headers=call()).content.startswith(b"ID3")
    with client.audio.speech.with_streaming_response.create(**say, extra_headers=call()) as answer:
        assert b"".join(answer.iter_bytes()).startswith(b"ID3")


# The clients warn of translations and variations.
@pytest.mark.filterwarnings("ignore:deprecated")
def test_transcriptions(client, call):
    hear = {"model": "smart", "file": SOUND}
    answer = client.audio.transcriptions.create(**hear, prompt="naïve 語", extra_headers=call())
    assert (answer.text, answer.usage.type, answer.usage.input_tokens) == (TEXT, "tokens", 14)
    text = client.audio.transcriptions.create(**hear, response_format="text", extra_headers=call())
    assert text.strip() == TEXT.strip()
    whole = client.audio.transcriptions.create(
        **hear, response_format="verbose_json", timestamp_granularities=["word", "segment"], extra_headers=call()
    )
    assert (whole.duration, len(whole.words), whole.segments[0].text) == (8.47, 5, TEXT)
    events = list(client.audio.transcriptions.create(**hear, stream=True, extra_headers=call()))
    assert "".join(event.delta for event in events[:-1]) == TEXT
    assert (events[-1].type, events[-1].text) == ("transcript.text.done", TEXT)
    assert client.audio.translations.create(**hear, extra_headers=call()).text == TEXT


# The clients warn of translations and variations.
@pytest.mark.filterwarnings("ignore:deprecated")
def test_images(client, call):
    made = client.images.generate(model="smart", prompt="a cat", n=2, extra_headers=call())
    assert (len(made.data), made.usage.output_tokens) == (2, 100)
    events = list(client.images.generate(model="smart", prompt="a cat", stream=True, extra_headers=call()))
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"]
    edited = client.images.edit(
        model="smart", prompt="a dog", image=[IMAGE, IMAGE], mask=IMAGE, extra_headers=call()
    )
    assert edited.data[0].b64_json == made.data[0].b64_json
    alike = client.images.create_variation(model="smart", image=IMAGE, n=3, extra_headers=call())
    assert len(alike.data) == 3


def test_an_empty_file(client, refused):
    with pytest.raises(openai.BadRequestError) as error:
        client.audio.transcriptions.create(
            model="smart", file=("a.mp3", b""), extra_headers=refused("invalid_value")
        )
    assert (error.value.code, error.value.param) == ("invalid_value", "file")
