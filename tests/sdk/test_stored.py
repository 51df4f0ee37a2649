"""The OpenAI client on responses that are kept: by ids of the gateway's."""

import openai
import pytest

from conftest import TEXT

ASK = {"model": "smart", "input": "hi"}


def test_a_conversation_goes_on_by_its_last_response(client):
    first = client.responses.create(**ASK)
    second = client.responses.create(**ASK, previous_response_id=first.id)
    assert second.previous_response_id == first.id != second.id
    assert second.output_text == TEXT and second.usage.output_tokens == 5


def test_a_response_is_read_and_removed(client):
    made = client.responses.create(**ASK)
    read = client.responses.retrieve(made.id)
    assert read == made
    (item,) = client.responses.input_items.list(made.id).data
    assert item.content[0].text == "hi"
    assert client.responses.delete(made.id) is None
    with pytest.raises(openai.NotFoundError) as error:
        client.responses.retrieve(made.id)
    assert error.value.code == "response_not_found"


def test_a_streamed_response_is_gone_on_from(client):
    with client.responses.stream(**ASK) as stream:
        events = list(stream)
        made = stream.get_final_response()
    assert {event.response.id for event in events if hasattr(event, "response")} == {made.id}
    second = client.responses.create(**ASK, previous_response_id=made.id)
    assert second.previous_response_id == made.id


def test_another_tenant_finds_nothing(client, blue):
    made = client.responses.create(**ASK)
    for refused in (
        lambda: blue.responses.retrieve(made.id),
        lambda: blue.responses.delete(made.id),
        lambda: blue.responses.cancel(made.id),
        lambda: blue.responses.input_items.list(made.id),
        lambda: blue.responses.create(**ASK, previous_response_id=made.id),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            refused()
        assert error.value.code == "response_not_found"
    assert client.responses.retrieve(made.id).id == made.id


async def test_asynchronous(async_client):
    made = await async_client.responses.create(**ASK)
    read = await async_client.responses.retrieve(made.id)
    assert read.output_text == TEXT
