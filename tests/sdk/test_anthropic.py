"""The Anthropic clients, in front of a provider that speaks OpenAI's protocol."""

import anthropic
import pytest

from conftest import ACME, BASE_URL, HI, TEXT

# The client adds /v1 itself.
HOST = BASE_URL.removesuffix("/v1")
ASK = {"model": "smart", "max_tokens": 10, "messages": HI}


def assert_shape(error, kind, code):
    body = error.body
    assert (body["type"], body["error"]["type"], body["error"]["code"]) == ("error", kind, code)
    assert body["error"]["message"]
    assert error.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("credentials", [{"api_key": ACME}, {"auth_token": ACME}])
def test_a_message(call, credentials):
    with anthropic.Anthropic(base_url=HOST, **credentials) as client:
        message = client.messages.create(**ASK, extra_headers=call())
    assert (message.role, message.stop_reason) == ("assistant", "end_turn")
    assert [block.text for block in message.content] == [TEXT]
    assert message.usage.output_tokens == 5


@pytest.mark.parametrize("credentials", [{"api_key": "wrong"}, {"auth_token": "wrong"}])
def test_a_wrong_key(refused, credentials):
    with anthropic.Anthropic(base_url=HOST, **credentials) as client:
        with pytest.raises(anthropic.AuthenticationError) as error:
            client.messages.create(**ASK, extra_headers=refused("invalid_api_key"))
    assert_shape(error.value, "authentication_error", "invalid_api_key")


def test_the_stream_helper(call):
    with anthropic.Anthropic(base_url=HOST, api_key=ACME) as client:
        with client.messages.stream(**ASK, extra_headers=call()) as stream:
            assert "".join(stream.text_stream) == TEXT
            assert stream.get_final_message().stop_reason == "end_turn"


async def test_the_asynchronous_client(call, refused):
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key=ACME) as client:
        message = await client.messages.create(**ASK, extra_headers=call())
        assert [block.text for block in message.content] == [TEXT]
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key="wrong") as client:
        with pytest.raises(anthropic.AuthenticationError) as error:
            await client.messages.create(**ASK, extra_headers=refused("invalid_api_key"))
        assert_shape(error.value, "authentication_error", "invalid_api_key")
