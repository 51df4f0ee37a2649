"""The Anthropic clients: `/v1/messages` is not served yet, and says so in their protocol."""

import anthropic
import pytest

from conftest import ACME, BASE_URL, HI

# The client adds /v1 itself.
HOST = BASE_URL.removesuffix("/v1")
ASK = {"model": "smart", "max_tokens": 10, "messages": HI}


def assert_shape(error, kind, code):
    body = error.body
    assert (body["type"], body["error"]["type"], body["error"]["code"]) == ("error", kind, code)
    assert body["error"]["message"]
    assert error.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("credentials", [{"api_key": ACME}, {"auth_token": ACME}])
@pytest.mark.parametrize("stream", [False, True])
def test_messages_are_not_served(refused, credentials, stream):
    # With the default number of retries: it makes none.
    with anthropic.Anthropic(base_url=HOST, **credentials) as client:
        with pytest.raises(anthropic.NotFoundError) as error:
            client.messages.create(**ASK, stream=stream, extra_headers=refused("unknown_endpoint"))
    assert_shape(error.value, "not_found_error", "unknown_endpoint")


@pytest.mark.parametrize("credentials", [{"api_key": "wrong"}, {"auth_token": "wrong"}])
def test_a_wrong_key(refused, credentials):
    with anthropic.Anthropic(base_url=HOST, **credentials) as client:
        with pytest.raises(anthropic.AuthenticationError) as error:
            client.messages.create(**ASK, extra_headers=refused("invalid_api_key"))
    assert_shape(error.value, "authentication_error", "invalid_api_key")


def test_the_stream_helper(refused):
    with anthropic.Anthropic(base_url=HOST, api_key=ACME) as client:
        with pytest.raises(anthropic.NotFoundError) as error:
            with client.messages.stream(**ASK, extra_headers=refused("unknown_endpoint")):
                pass
    assert_shape(error.value, "not_found_error", "unknown_endpoint")


async def test_the_asynchronous_client(refused):
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key=ACME) as client:
        with pytest.raises(anthropic.NotFoundError) as error:
            await client.messages.create(**ASK, extra_headers=refused("unknown_endpoint"))
        assert_shape(error.value, "not_found_error", "unknown_endpoint")
    async with anthropic.AsyncAnthropic(base_url=HOST, api_key="wrong") as client:
        with pytest.raises(anthropic.AuthenticationError) as error:
            await client.messages.create(**ASK, extra_headers=refused("invalid_api_key"))
        assert_shape(error.value, "authentication_error", "invalid_api_key")
