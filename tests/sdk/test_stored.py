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


def test_a_response_in_the_background(client, blue):
    made = client.responses.create(**ASK, background=True)
    assert (made.status, made.usage) == ("queued", None)
    statuses = []
    while not statuses or statuses[-1] not in ("completed", "failed"):
        assert len(statuses) < 5
        read = client.responses.retrieve(made.id)
        statuses.append(read.status)
        assert read.id == made.id
    assert statuses == ["in_progress", "completed"] and read.output_text == TEXT
    other = client.responses.create(**ASK, background=True)
    with pytest.raises(openai.NotFoundError):
        blue.responses.cancel(other.id)
    assert client.responses.cancel(other.id).status == "cancelled"


def test_a_stream_in_the_background_goes_on(client):
    stream = client.responses.create(**ASK, background=True, stream=True)
    first = next(iter(stream))
    stream.close()
    with client.responses.retrieve(first.response.id, stream=True, starting_after=0) as rest:
        events = list(rest)
    assert events[0].sequence_number == 1
    assert events[-1].type == "response.completed"
    assert events[-1].response.id == first.response.id
    assert events[-1].response.output_text == TEXT


def message(text):
    return {"type": "message", "role": "user", "content": text}


def test_a_conversation(client, blue):
    made = client.conversations.create(items=[message("hi")], metadata={"topic": "x"})
    assert made.object == "conversation" and made.metadata == {"topic": "x"}
    assert client.conversations.retrieve(made.id).id == made.id
    changed = client.conversations.update(made.id, metadata={"topic": "y"})
    assert (changed.id, changed.metadata) == (made.id, {"topic": "y"})
    response = client.responses.create(**ASK, conversation=made.id)
    assert response.conversation.id == made.id and response.output_text == TEXT
    with client.responses.stream(**ASK, conversation={"id": made.id}) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().conversation.id == made.id
    added = client.conversations.items.create(made.id, items=[message("more")])
    (item,) = added.data
    items = list(client.conversations.items.list(made.id))
    assert len(items) == 6 and items[-1].id == item.id
    one = client.conversations.items.retrieve(item.id, conversation_id=made.id)
    assert one.content[0].text == "more"
    for refused in (
        lambda: blue.conversations.retrieve(made.id),
        lambda: blue.conversations.items.list(made.id),
        lambda: blue.responses.create(**ASK, conversation=made.id),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            refused()
        assert error.value.code == "conversation_not_found"
    assert client.conversations.items.delete(item.id, conversation_id=made.id).id == made.id
    deleted = client.conversations.delete(made.id)
    assert deleted.id == made.id and deleted.deleted
    with pytest.raises(openai.NotFoundError) as error:
        client.responses.create(**ASK, conversation=made.id)
    assert (error.value.code, error.value.param) == ("conversation_not_found", "conversation")


def test_a_conversation_has_files(client, blue):
    file = client.files.create(file=("notes.txt", b"some notes"), purpose="user_data")
    items = [{"role": "user", "content": [{"type": "input_file", "file_id": file.id}]}]
    made = client.conversations.create(items=items)
    (item,) = client.conversations.items.create(made.id, items=items).data
    assert item.content[0].type == "input_file"
    with pytest.raises(openai.NotFoundError) as error:
        blue.conversations.create(items=items)
    assert error.value.param == "items[0].content[0].file_id"


async def test_asynchronous(async_client):
    made = await async_client.responses.create(**ASK)
    read = await async_client.responses.retrieve(made.id)
    assert read.output_text == TEXT
