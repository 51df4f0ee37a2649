"""The OpenAI client on files that are kept: by ids of the gateway's."""

import openai
import pytest

from conftest import TEXT


@pytest.fixture
def made(client):
    return client.files.create(file=("notes.txt", b"some notes"), purpose="user_data")


def test_a_file_is_uploaded_read_and_removed(client, made):
    assert (made.filename, made.bytes, made.purpose) == ("notes.txt", 10, "user_data")
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == b"some notes"
    removed = client.files.delete(made.id)
    assert removed.id == made.id and removed.deleted
    with pytest.raises(openai.NotFoundError) as error:
        client.files.retrieve(made.id)
    assert error.value.code == "file_not_found"


def test_requests_name_it(client, made):
    part = {"type": "file", "file": {"file_id": made.id}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]
    said = client.chat.completions.create(model="smart", messages=messages)
    assert said.choices[0].message.content == TEXT
    part = {"type": "input_file", "file_id": made.id}
    said = client.responses.create(model="light", input=[{"role": "user", "content": [part]}])
    assert said.output_text == TEXT


def test_another_tenant_finds_nothing(client, blue, made):
    part = {"type": "input_file", "file_id": made.id}
    for refused in (
        lambda: blue.files.retrieve(made.id),
        lambda: blue.files.content(made.id),
        lambda: blue.files.delete(made.id),
        lambda: blue.responses.create(model="smart", input=[{"role": "user", "content": [part]}]),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            refused()
        assert error.value.code == "file_not_found"
    assert client.files.retrieve(made.id).id == made.id


def test_what_is_removed_is_not_found_in_requests_either(client, made):
    lines = b'{"custom_id":"1","method":"POST","url":"/v1/embeddings","body":{"model":"smart","input":"a"}}'
    file = client.files.create(file=("requests.jsonl", lines), purpose="batch")
    client.files.delete(file.id)
    with pytest.raises(openai.NotFoundError) as error:
        client.batches.create(
            input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
        )
    assert (error.value.code, error.value.param) == ("file_not_found", "input_file_id")


def test_nothing_is_listed(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.files.list()
    assert error.value.code == "no_lists"


async def test_asynchronous(async_client, made):
    assert (await async_client.files.retrieve(made.id)).id == made.id
