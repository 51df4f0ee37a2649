"""Models of several kinds behind one name, and steps around calls, as the clients see them: whoever
sees says "a cat"."""

import base64
import json

import anthropic
import pytest
import shapes

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
    # What is read aloud is given.
    assert models["reader"].output_modalities == ["text", "audio"]
    told = claude.models.retrieve("assistant")
    assert (told.max_input_tokens, told.max_tokens) == (128000, 8000)


def test_a_judge_picks_one_of_several_answers(client, claude):
    why = [{"role": "user", "content": "Why?"}]
    answer = client.chat.completions.create(model="council", messages=why, max_tokens=50)
    assert answer.choices[0].message.content == "from the second"
    chunks = client.chat.completions.create(model="council", messages=why, stream=True)
    assert text_of(chunks) == "from the second"
    assert client.responses.create(model="council", input="Why?").output_text == "from the second"
    message = claude.messages.create(model="council", max_tokens=50, messages=why)
    assert message.content[0].text == "from the second"
    with claude.messages.stream(model="council", max_tokens=50, messages=why) as stream:
        assert stream.get_final_text() == "from the second"


def test_an_answer_is_read_aloud(client):
    answer = client.chat.completions.create(
        model="reader",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
        messages=[{"role": "user", "content": "hi"}],
    )
    message = answer.choices[0].message
    assert message.content is None
    assert base64.b64decode(message.audio.data) == b"sound"
    assert message.audio.transcript.startswith(TEXT.strip())
    assert message.audio.id.startswith("audio_")


def told(answer):
    """The JSON of an answer, as it came."""
    return answer.http_response.json()


def test_shapes_of_what_steps_answer(client, claude):
    why = [{"role": "user", "content": "Why?"}]
    raw = client.chat.completions.with_raw_response.create
    answer = raw(model="council", messages=why)
    shapes.check("openai", "CreateChatCompletionResponse", told(answer))
    options = {"include_usage": True}
    chunks = raw(model="council", messages=why, stream=True, stream_options=options)
    lines = chunks.http_response.read().decode().splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert len(events) > 2
    for event in events:
        shapes.check("openai", "CreateChatCompletionStreamResponse", event)
    answer = client.responses.with_raw_response.create(model="council", input="Why?")
    shapes.check("openai", "Response", told(answer))
    answer = claude.messages.with_raw_response.create(model="council", max_tokens=50, messages=why)
    shapes.check("anthropic", "Message", told(answer))
    audio = {"voice": "alloy", "format": "wav"}
    spoken = told(raw(model="reader", modalities=["text", "audio"], audio=audio, messages=why))
    # The provider behind it leaves this out.
    spoken["choices"][0]["message"]["refusal"] = None
    shapes.check("openai", "CreateChatCompletionResponse", spoken)
