"""The asynchronous OpenAI client."""

import asyncio
import json

import openai
import pytest

from conftest import ACME, BASE_URL, HI, TEXT, WEATHER, arguments_of, reasons_of, text_of


async def collect(stream):
    return [chunk async for chunk in await stream]


async def test_chat(async_client, ask, call):
    completion = await async_client.chat.completions.create(**ask, extra_headers=call())
    assert completion.choices[0].message.content == TEXT
    assert completion.usage.completion_tokens == 5


async def test_a_stream(async_client, ask, call):
    chunks = await collect(async_client.chat.completions.create(**ask, stream=True, extra_headers=call()))
    assert text_of(chunks) == TEXT and reasons_of(chunks) == ["stop"]
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


async def test_a_stream_with_usage(async_client, ask, call):
    ask["stream_options"] = {"include_usage": True}
    *chunks, last = await collect(async_client.chat.completions.create(**ask, stream=True, extra_headers=call()))
    assert text_of(chunks) == TEXT and all(chunk.choices for chunk in chunks)
    assert (last.choices, last.usage.completion_tokens) == ([], 5)


async def test_streamed_tool_calls(async_client, ask, call):
    headers = call({"tool": True})
    ask |= {"tools": [WEATHER], "n": 3}
    chunks = await collect(async_client.chat.completions.create(**ask, stream=True, extra_headers=headers))
    for index in range(3):
        assert json.loads(arguments_of(chunks, index)) == {"city": "Köln"}


async def test_the_stream_helper(async_client, ask, call):
    async with async_client.chat.completions.stream(**ask, extra_headers=call()) as stream:
        completion = await stream.get_final_completion()
    assert completion.choices[0].message.content == TEXT


async def test_fifty_streams_at_once(async_client, ask, call):
    async def one(number):
        text = f"stream {number} " * 20
        ask_one = {**ask, "extra_body": {"mock_echo": text}}
        # Pieces of a chunk each, so that the streams run side by side.
        headers = call({"piece": 150, "piece_delay_ms": 1}, requests=1, outcomes=None)
        chunks = await collect(
            async_client.chat.completions.create(**ask_one, stream=True, extra_headers=headers)
        )
        assert text_of(chunks) == text and reasons_of(chunks) == ["stop"]

    await asyncio.gather(*(one(number) for number in range(50)))


async def test_models(async_client, refused):
    assert [model.id async for model in async_client.models.list()] == ["smart", "light"]
    assert (await async_client.models.retrieve("smart")).id == "smart"
    with pytest.raises(openai.NotFoundError):
        await async_client.models.retrieve("gpt-9", extra_headers=refused("model_not_found"))


async def test_errors(async_client, ask, call, refused):
    create = async_client.chat.completions.create
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key="wrong") as stranger:
        with pytest.raises(openai.AuthenticationError) as error:
            await stranger.chat.completions.create(**ask, extra_headers=refused("invalid_api_key"))
        assert error.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as error:
        await create(model="gpt-9", messages=HI, extra_headers=refused("model_not_found"))
    assert error.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as error:
        await create(model="smart", messages=[], extra_headers=refused("invalid_value"))
    assert error.value.param == "messages"
    script = {"status": 429, "headers": {"retry-after": "7"}, "body": '{"error":{"message":"slow down"}}'}
    with pytest.raises(openai.RateLimitError) as error:
        await create(**ask, stream=True, extra_headers=call(script, outcomes=["upstream_error"]))
    assert error.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.InternalServerError) as error:
        patient = async_client.with_options(max_retries=2)
        headers = call({"status": 401}, outcomes=["upstream_auth"])
        await patient.chat.completions.create(**ask, extra_headers=headers)
    assert error.value.code == "upstream_auth"


async def test_retries(ask, call):
    async def failing_once(request):
        if request.headers["x-stainless-retry-count"] != "0":
            request.headers.pop("x-mock", None)

    script = {"status": 503, "headers": {"retry-after-ms": "1"}, "body": "busy"}
    http = openai.DefaultAsyncHttpxClient(event_hooks={"request": [failing_once]})
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=ACME, max_retries=1, http_client=http) as client:
        headers = call(script, outcomes=["upstream_error", "ok"])
        chunks = await collect(client.chat.completions.create(**ask, stream=True, extra_headers=headers))
    assert text_of(chunks) == TEXT


async def test_a_stream_that_breaks_off(async_client, ask, call):
    headers = call({"fault": "reset_mid_body"}, outcomes=["upstream_reset"])
    with pytest.raises(openai.APIConnectionError):
        await collect(async_client.chat.completions.create(**ask, stream=True, extra_headers=headers))


async def test_leaving_a_stream(async_client, ask, call):
    headers = call({"events": 600, "piece": 200, "piece_delay_ms": 50}, outcomes=["client_closed"])
    async with await async_client.chat.completions.create(**ask, stream=True, extra_headers=headers) as stream:
        async for chunk in stream:
            assert chunk.choices
            break


async def test_a_cancelled_call(async_client, ask, call):
    first = asyncio.Event()

    async def read(headers):
        stream = await async_client.chat.completions.create(**ask, stream=True, extra_headers=headers)
        async for _ in stream:
            first.set()

    headers = call({"events": 600, "piece": 200, "piece_delay_ms": 50}, outcomes=["client_closed"])
    task = asyncio.create_task(read(headers))
    started = asyncio.create_task(first.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_client_does_not_wait_for_ever(async_client, ask, call):
    headers = call({"fault": "hang"}, outcomes=["client_closed"])
    with pytest.raises(openai.APITimeoutError):
        await async_client.with_options(timeout=1).chat.completions.create(**ask, extra_headers=headers)


async def test_sound_and_images(async_client, call):
    client = async_client
    hear = {"model": "smart", "file": ("a.mp3", b"ID3 sound", "audio/mpeg")}
    assert (await client.audio.transcriptions.create(**hear, extra_headers=call())).text == TEXT
    stream = await client.audio.transcriptions.create(**hear, stream=True, extra_headers=call())
    events = [event async for event in stream]
    assert events[-1].text == TEXT
    spoken = await client.audio.speech.create(model="smart", voice="alloy", input="hi", extra_headers=call())
    assert spoken.content.startswith(b"ID3")
    made = await client.images.generate(model="smart", prompt="a cat", extra_headers=call())
    assert len(made.data) == 1
    scores = await client.moderations.create(model="smart", input="hi", extra_headers=call())
    assert not scores.results[0].flagged
