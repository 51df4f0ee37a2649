"""Nothing that the provider keeps for one tenant can be named by another, wherever the clients' types have a
name: each such property is decided here. One that a new client brings is undecided, and fails."""

import functools
import json
import re
import urllib.error
import urllib.request

import pytest
from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_count_tokens_params as beta_count_params
from anthropic.types.beta import message_create_params as beta_message_params
from openai.types import batch_create_params, completion_create_params, embedding_create_params
from openai.types import image_generate_params, moderation_create_params
from openai.types.audio import speech_create_params
from openai.types.beta import response_create_params as beta_response_params
from openai.types.chat import completion_create_params as chat_params
from openai.types.conversations import conversation_create_params, conversation_update_params
from openai.types.responses import response_create_params

import names
from conftest import ACME, BASE_URL

# Path, what a request has besides, and its types.
CALLS = {
    "/chat/completions": ({"model": "smart", "messages": []}, [chat_params.CompletionCreateParams]),
    "/completions": ({"model": "smart", "prompt": "hi"}, [completion_create_params.CompletionCreateParams]),
    "/responses": (
        {"model": "smart", "input": "hi"},
        [response_create_params.ResponseCreateParams, beta_response_params.ResponseCreateParams],
    ),
    "/conversations": (
        {},
        [conversation_create_params.ConversationCreateParams, conversation_update_params.ConversationUpdateParams],
    ),
    "/embeddings": ({"model": "smart", "input": "hi"}, [embedding_create_params.EmbeddingCreateParams]),
    "/moderations": ({"model": "smart", "input": "hi"}, [moderation_create_params.ModerationCreateParams]),
    "/audio/speech": ({"model": "smart", "input": "hi"}, [speech_create_params.SpeechCreateParams]),
    "/images/generations": ({"model": "smart", "prompt": "hi"}, [image_generate_params.ImageGenerateParams]),
    "/batches": (
        {"endpoint": "/v1/chat/completions", "completion_window": "24h"},
        [batch_create_params.BatchCreateParams],
    ),
    "/messages": (
        {"model": "smart", "max_tokens": 9, "messages": []},
        [message_create_params.MessageCreateParams, beta_message_params.MessageCreateParams],
    ),
    "/messages/count_tokens": (
        {"model": "smart", "messages": []},
        [message_count_tokens_params.MessageCountTokensParams, beta_count_params.MessageCountTokensParams],
    ),
}

# They open what is the tenant's own, and nothing else: 404, with this code.
OPENED = {
    r"(input|items)\[\]<(message|agent_message)>\.content\[\]<input_(file|image)>\.file_id": "file_not_found",
    r"(input|items)\[\]<\w+_output>\.output\[\]<input_(file|image)>\.file_id": "file_not_found",
    r"(input|items)\[\]<computer_call_output>\.output<computer_screenshot>\.file_id": "file_not_found",
    r"messages\[\]\.content\[\]<file>\.file\.file_id": "file_not_found",
    r"input_file_id": "file_not_found",
    r"previous_response_id": "response_not_found",
    r"conversation(\.id)?": "conversation_not_found",
}

# They are refused, whatever they name.
REFUSED = [
    r"(?!.*(annotations|results)\[\])(.*\.)?(file_ids?|vector_store_ids|container_id|tunnel_id|skill_id)",
    r".*tools\[\].*\.container",
    r".*environment<\w+>\.skills",
    r"prompt(\..*)?",
    r"background_options\.continuation_id",
    r"prompt_cache_options\.comparison_response_id",
    r"container(\.id|\.skills)?",
    r"thread",
    r"thread<\w+>\.previous_message_id",
    r"(audio\.)?voice(\.id)?",
    r"messages\[\]\.audio\.id",
]

# They name what stands in the same request, what the caller has made up, or what everybody has.
HARMLESS = [
    # Items and calls of this conversation. Those without what they hold are refused in tests of their own.
    r"(input|items)\[\](<\w+>)?\.id",
    r".*\.(call_id|caller_id|tool_call_id|tool_use_id|tool_id|approval_request_id|tool_references)",
    r"messages\[\]\.(content|tool_calls)\[\]<\w+>\.id",
    r".*safety_checks\[\]\.id",
    # The caller's own browser.
    r".*browser_state>\..*(tab_id|download_id)",
    # Services of others, opened by a token of the caller's.
    r".*<mcp>\.connector_id",
    # What they hold is decided by itself.
    r".*\.environment",
    r"messages\[\]\.content\[\]<file>\.file",
    # Names of agents in this conversation, texts, and how a model goes about it.
    r"(input|items)\[\](<\w+>)?\.agent",
    r"multi_agent",
    r".*\.revised_prompt",
    r"metadata\.user_id",
    # What a model has said of its sources.
    r".*(annotations|results)\[\](<\w+>)?\.(file_id|container_id)",
    # Claude Code's: whether the prompt of that message was cached.
    r"diagnostics\.previous_message_id",
    # Sent as false by the gateway, unless responses are kept for tenants.
    r"store",
    # Headers.
    r"user_profile_id",
    r"workspace_id",
]

# Of servers whose clients type none of it, in any JSON body: Azure's own data, and what Foundry keeps for a project.
OF_OTHERS = {
    "data_sources": [{"type": "azure_search", "parameters": {"authentication": {"type": "system_assigned_managed_identity"}}}],
    "agent_reference": {"type": "agent_reference", "name": "of_another"},
    "project_connection_id": "of_another",
    "memory_store_name": "of_another",
    "index_asset_id": "of_another",
    "security_scheme": {"audience": "https://management.azure.com"},
    "file_id": "of_another",
    "container_id": "of_another",
}

# Here the prompt is what is asked.
TEXT = {("/completions", "prompt"), ("/images/generations", "prompt")}


def matches(patterns, name):
    return [pattern for pattern in patterns if re.fullmatch(pattern, name)]


@functools.cache
def found(path):
    _, types = CALLS[path]
    every = set().union(*(names.properties(one) for one in types))
    named = {names.written(one): one for one in every}
    return {name: one for name, one in named.items() if (path, name) not in TEXT}


def value(name):
    """What names something that another tenant has."""
    if name in ("voice", "prompt"):
        return {"id": "of_another"}
    if name == "thread":
        return {"type": "create"}
    if name == "skills":
        return [{"type": "custom", "skill_id": "of_another"}]
    return ["of_another"] if name.endswith("ids") else "of_another"


def filled(path, more):
    body = {**CALLS[path][0], **more}
    for message in body.get("messages", []):
        message.setdefault("role", "user")
        message.setdefault("content", "hi")
    if body.get("messages") == []:
        body["messages"] = [{"role": "user", "content": "hi"}]
    return body


def sent(path, body):
    headers = {"authorization": f"Bearer {ACME}", "content-type": "application/json"}
    request = urllib.request.Request(BASE_URL + path, data=json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("path", CALLS)
def test_every_name_is_decided(path):
    decided = [*OPENED, *REFUSED, *HARMLESS]
    undecided = [name for name in found(path) if not matches(decided, name)]
    assert not undecided


@pytest.mark.parametrize("path", CALLS)
def test_none_opens_what_another_has(path):
    for name, property in found(path).items():
        opened = matches(OPENED, name)
        if not opened and not matches(REFUSED, name):
            continue
        status, answer = sent(path, filled(path, names.request(property, value(property[-1]))))
        wanted = (404, OPENED[opened[0]]) if opened else (400, "unsupported_parameter")
        code = json.loads(answer)["error"].get("code")
        assert (status, code) == wanted, (path, name, answer)


@pytest.mark.parametrize("name", OF_OTHERS)
@pytest.mark.parametrize("path", CALLS)
def test_names_of_other_servers_are_refused(path, name):
    status, answer = sent(path, filled(path, {name: OF_OTHERS[name]}))
    error = json.loads(answer)["error"]
    # What conversations have besides is not known of any server.
    wanted = "invalid_value" if path == "/conversations" else "unsupported_parameter"
    assert (status, error.get("code")) == (400, wanted), (path, name, answer)


def test_the_walk_finds_what_is_known():
    for path, name in [
        ("/responses", "input[]<additional_tools>.tools[]<file_search>.vector_store_ids"),
        ("/responses", "tools[]<code_interpreter>.container<auto>.file_ids"),
        ("/conversations", "items[]<shell_call>.environment<container_reference>.container_id"),
        ("/messages", "messages[].content[]<tool_result>.content[]<document>.source<file>.file_id"),
        ("/messages", "container.skills[].skill_id"),
        ("/chat/completions", "messages[].content[]<file>.file.file_id"),
    ]:
        assert name in found(path), name
