"""The OpenAI client on batches: files of requests, made, read and ended by ids of the gateway's."""

import json

import openai
import pytest

from conftest import HI, TEXT

CHAT = "/v1/chat/completions"


def line(name, **more):
    body = {"model": "smart", "messages": HI, "max_tokens": 10, **more}
    return json.dumps({"custom_id": name, "method": "POST", "url": CHAT, "body": body})


@pytest.fixture
def made(client):
    lines = "\n".join([line("one"), line("two")]).encode()
    file = client.files.create(file=("requests.jsonl", lines), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    assert batch.input_file_id == file.id
    return batch


def test_a_batch_is_made_read_and_ended(client, made):
    batch = client.batches.retrieve(made.id)
    assert batch == made and batch.status == "completed" and batch.request_counts.total == 2
    lines = client.files.content(batch.output_file_id).text.splitlines()
    answers = {line["custom_id"]: line["response"]["body"] for line in map(json.loads, lines)}
    assert answers.keys() == {"one", "two"}
    assert all(answer["choices"][0]["message"]["content"] == TEXT for answer in answers.values())
    assert client.batches.cancel(made.id).status == "cancelling"


def test_another_tenant_finds_nothing(client, blue, made):
    for refused, code in (
        (lambda: blue.batches.retrieve(made.id), "batch_not_found"),
        (lambda: blue.batches.cancel(made.id), "batch_not_found"),
        (lambda: blue.files.content(made.output_file_id), "file_not_found"),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            refused()
        assert error.value.code == code
    with pytest.raises(openai.NotFoundError) as error:
        client.batches.list()
    assert error.value.code == "no_lists"


def test_no_two_lines_have_one_name(client):
    lines = "\n".join([line("one"), line("two"), line("one")]).encode()
    with pytest.raises(openai.BadRequestError) as error:
        client.files.create(file=("requests.jsonl", lines), purpose="batch")
    assert error.value.code == "duplicate_custom_id" and "line 1" in error.value.message


def test_a_bad_line_is_named(client):
    lines = "\n".join([line("one"), line("two", stream=True)]).encode()
    with pytest.raises(openai.BadRequestError) as error:
        client.files.create(file=("requests.jsonl", lines), purpose="batch")
    assert "Line 2 (two)" in error.value.message
