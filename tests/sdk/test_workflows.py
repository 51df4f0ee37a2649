"""Models of several kinds behind one name, and steps around calls, as the clients see them: whoever
sees says "a cat"."""

import anthropic
import pytest

from conftest import ACME, BASE_URL, TEXT, text_of

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}
SEEN = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]


@pytest.fixture
def claude():
    with anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=ACME, max_retries=0) as client:
        yield client


def test_an_image_is_shown_to_a_model_that_knows_text_alone(client):
    answer = client.chat.completions.create(model="reader", messages=SEEN, max_tokens=50)
    assert answer.choices[0].message.content.startswith(TEXT.strip())
    assert answer.model == "writer"
    chunks = client.chat.completions.create(model="reader", messages=SEEN, stream=True)
    assert text_of(chunks)


def test_the_same_by_responses(client):
    content = [{"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}]
    answer = client.responses.create(model="reader", input=[{"role": "user", "content": content}])
    assert answer.output_text


def test_the_same_by_messages(claude):
    source = {"type": "base64", "media_type": "image/png", "data": "AA=="}
    content = [{"type": "image", "source": source}]
    answer = claude.messages.create(model="reader", max_tokens=50, messages=[{"role": "user", "content": content}])
    assert answer.content[0].text


def test_callers_need_not_know_which_model_sees(client):
    answer = client.chat.completions.create(model="assistant", messages=SEEN)
    assert answer.model == "seer"
    answer = client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "hi"}])
    assert answer.model == "writer"


def test_models_tell_what_they_take(client, claude):
    models = {model.id: model for model in client.models.list()}
    assert models["assistant"].input_modalities == ["text", "image", "audio", "file"]
    # What steps make texts of is taken too.
    assert models["reader"].input_modalities == ["text", "image", "audio"]
    told = claude.models.retrieve("assistant")
    assert (told.max_input_tokens, told.max_tokens) == (128000, 8000)
