// The OpenAI client for Node. Runs under tests/envoy/sdk.rs, which starts the gateway and
// gives its address and the demo's keys in the environment.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import OpenAI from 'openai';

const { BASE_URL: baseURL, ACME_KEY, BLUE_KEY, CALLS } = process.env;
const client = new OpenAI({ baseURL, apiKey: ACME_KEY, maxRetries: 0 });
const TEXT = 'Hello from the mock provider. ';
const ASK = { model: 'smart', messages: [{ role: 'user', content: 'hi' }] };
const WEATHER = { type: 'function', function: { name: 'weather', parameters: {} } };
const LIMITED = {
  status: 429,
  headers: { 'retry-after-ms': '1', 'retry-after': '7' },
  body: JSON.stringify({ error: { message: 'slow down', code: 'rate_limit_exceeded' } }),
};

let number = 0;

/** The options of one call; sdk.rs checks afterwards what the provider got of it. */
function call(script = {}, outcomes = ['ok'], requests = outcomes.length) {
  const id = `node-${number++}`;
  appendFileSync(CALLS, `${JSON.stringify({ id, requests, outcomes })}\n`);
  return { headers: { 'x-request-id': id, 'x-mock': JSON.stringify(script) } };
}

/** A call that the gateway refuses: the provider gets nothing. */
const refused = (code) => call({}, [code], 0);

const create = (body, options) => client.chat.completions.create({ ...ASK, ...body }, options);

async function collect(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}

const deltas = (chunks, index) =>
  chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index);

const textOf = (chunks, index = 0) =>
  deltas(chunks, index).map((choice) => choice.delta.content ?? '').join('');

async function raised(promise, type) {
  const error = await promise.then(() => assert.fail('no error'), (error) => error);
  assert.ok(error instanceof type, `${error?.stack}`);
  return error;
}

test('chat', async () => {
  const completion = await create({}, call());
  assert.equal(completion.choices[0].message.content, TEXT);
  assert.equal(completion.usage.completion_tokens, 5);
});

test('a stream has no chunk that was not asked for', async () => {
  const chunks = await collect(create({ stream: true }, call()));
  assert.equal(textOf(chunks), TEXT);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.ok(chunks.every((chunk) => chunk.choices.length && !chunk.usage));
});

test('a stream ends in usage if asked for', async () => {
  const body = { stream: true, stream_options: { include_usage: true } };
  const chunks = await collect(create(body, call()));
  const last = chunks.pop();
  assert.deepEqual([last.choices, last.usage.completion_tokens], [[], 5]);
  assert.equal(textOf(chunks), TEXT);
  assert.ok(chunks.every((chunk) => chunk.choices.length && !chunk.usage));
});

test('unicode in pieces', async () => {
  const text = 'naïve 語 🦀 \u2028 "{}"\r\n';
  const body = { stream: true, mock_echo: text };
  for (const piece of [1, 7]) {
    const options = call({ piece });
    assert.equal(textOf(await collect(create(body, options))), text);
  }
  const completion = await create({ mock_echo: text }, call());
  assert.equal(completion.choices[0].message.content, text);
});

test('a prompt of two megabytes', async () => {
  const words = 350_000;
  const messages = [{ role: 'user', content: 'lorem '.repeat(words) }];
  const completion = await create({ messages }, call());
  assert.ok(completion.usage.prompt_tokens >= words);
});

test('a tool call', async () => {
  const completion = await create({ tools: [WEATHER] }, call({ tool: true }));
  const [tool] = completion.choices[0].message.tool_calls;
  assert.equal(tool.function.name, 'weather');
  assert.deepEqual(JSON.parse(tool.function.arguments), { city: 'Köln' });
});

test('streamed tool calls of three choices', async () => {
  const body = { n: 3, tools: [WEATHER], stream: true };
  const chunks = await collect(create(body, call({ tool: true })));
  for (const index of [0, 1, 2]) {
    const parts = deltas(chunks, index).flatMap((choice) => choice.delta.tool_calls ?? []);
    const text = parts.map((part) => part.function.arguments).join('');
    assert.deepEqual(JSON.parse(text), { city: 'Köln' });
  }
});

test('the stream helper', async () => {
  const stream = client.chat.completions.stream({ ...ASK, tools: [WEATHER] }, call({ tool: true }));
  const completion = await stream.finalChatCompletion();
  const [tool] = completion.choices[0].message.tool_calls;
  assert.deepEqual(JSON.parse(tool.function.arguments), { city: 'Köln' });
});

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['smart', 'light']);
  assert.equal((await client.models.retrieve('smart')).id, 'smart');
});

test('refusals', async () => {
  const stranger = new OpenAI({ baseURL, apiKey: 'wrong' });
  let error = await raised(
    stranger.chat.completions.create(ASK, refused('invalid_api_key')),
    OpenAI.AuthenticationError,
  );
  assert.deepEqual([error.status, error.code, error.type], [401, 'invalid_api_key', 'authentication_error']);
  error = await raised(create({ model: 'gpt-9' }, refused('model_not_found')), OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
  const blue = new OpenAI({ baseURL, apiKey: BLUE_KEY });
  error = await raised(
    blue.chat.completions.create({ ...ASK, stream: true }, refused('model_not_allowed')),
    OpenAI.PermissionDeniedError,
  );
  assert.equal(error.code, 'model_not_allowed');
  error = await raised(create({ messages: 'hi' }, refused('invalid_value')), OpenAI.BadRequestError);
  assert.equal(error.param, 'messages');
  error = await raised(
    client.post('/rerank', { body: {}, ...refused('unknown_endpoint') }),
    OpenAI.NotFoundError,
  );
  assert.equal(error.code, 'unknown_endpoint');
});

test("the provider's rate limit", async () => {
  const error = await raised(create({}, call(LIMITED, ['upstream_error'])), OpenAI.RateLimitError);
  assert.deepEqual([error.code, error.headers.get('retry-after')], ['rate_limit_exceeded', '7']);
});

test('a retry that succeeds', async () => {
  // Lets only the first try meet its script.
  const failingOnce = (url, init) => {
    const headers = new Headers(init.headers);
    if (headers.get('x-stainless-retry-count') !== '0') headers.delete('x-mock');
    return fetch(url, { ...init, headers });
  };
  const options = { baseURL, apiKey: ACME_KEY, maxRetries: 1, fetch: failingOnce };
  const completion = await new OpenAI(options).chat.completions.create(
    ASK,
    call(LIMITED, ['upstream_error', 'ok']),
  );
  assert.equal(completion.choices[0].message.content, TEXT);
});

test("the gateway's own credentials are refused: no retry", async () => {
  const options = { ...call({ status: 401 }, ['upstream_auth']), maxRetries: 2 };
  const error = await raised(create({}, options), OpenAI.InternalServerError);
  assert.deepEqual([error.status, error.code], [502, 'upstream_auth']);
});

test('an answer that breaks off', async () => {
  for (const stream of [false, true]) {
    const options = call({ fault: 'reset_mid_body' }, ['upstream_reset']);
    const read = async () => {
      const answer = await create({ stream }, options);
      if (stream) await collect(answer);
    };
    await raised(read(), Error);
  }
});

test("headers tell nothing of the operator's account", async () => {
  const headers = { 'openai-organization': 'org-x', 'set-cookie': 'a=1', 'openai-processing-ms': '12' };
  const { data, response } = await create({}, call({ headers })).withResponse();
  assert.equal(data.choices[0].message.content, TEXT);
  assert.equal(response.headers.get('openai-organization'), null);
  assert.equal(response.headers.get('set-cookie'), null);
  assert.equal(response.headers.get('openai-processing-ms'), '12');
});

// These would take half a minute.
const slow = () => call({ events: 600, piece: 200, piece_delay_ms: 50 }, ['client_closed']);

test('leaving a stream', async () => {
  for await (const chunk of await create({ stream: true }, slow())) {
    assert.ok(chunk.choices.length);
    break;
  }
});

test('aborting a stream', async () => {
  const stream = await create({ stream: true }, slow());
  for await (const chunk of stream) {
    assert.ok(chunk.choices.length);
    stream.controller.abort();
  }
});

test('aborting a call', async () => {
  const abort = new AbortController();
  const stream = await create({ stream: true }, { ...slow(), signal: abort.signal });
  let chunks = 0;
  for await (const _ of stream) {
    chunks += 1;
    abort.abort();
  }
  assert.ok(chunks > 0);
});

test('twenty streams at once', async () => {
  const one = async (index) => {
    const text = `stream ${index} `.repeat(20);
    const chunks = await collect(create({ stream: true, mock_echo: text }, call({ piece: 150 })));
    assert.equal(textOf(chunks), text);
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => one(index)));
});

test('sound', async () => {
  const file = () => new File([new Uint8Array([73, 68, 51, 13, 10, 45, 45, 0, 255])], 'a b.mp3', { type: 'audio/mpeg' });
  const answer = await client.audio.transcriptions.create({ model: 'smart', file: file() }, call());
  assert.equal(answer.text, TEXT);
  const stream = client.audio.transcriptions.create({ file: file(), model: 'smart', stream: true }, call());
  const events = await collect(stream);
  assert.equal(events.slice(0, -1).map((event) => event.delta).join(''), TEXT);
  assert.equal(events.at(-1).text, TEXT);
  const translation = await client.audio.translations.create({ model: 'smart', file: file() }, call());
  assert.equal(translation.text, TEXT);
  const speech = await client.audio.speech.create({ model: 'smart', voice: 'alloy', input: 'hi' }, call());
  const bytes = Buffer.from(await speech.arrayBuffer());
  assert.equal(bytes.subarray(0, 3).toString(), 'ID3');
});

test('images', async () => {
  const image = () => new File([new Uint8Array([137, 80, 78, 71])], 'a.png', { type: 'image/png' });
  const made = await client.images.generate({ model: 'smart', prompt: 'a cat', n: 2 }, call());
  assert.equal(made.data.length, 2);
  const edit = { model: 'smart', prompt: 'a dog', image: [image(), image()], mask: image() };
  assert.equal((await client.images.edit(edit, call())).data.length, 1);
  const alike = await client.images.createVariation({ model: 'smart', image: image() }, call());
  assert.equal(alike.data.length, 1);
  const [partial, whole] = await collect(client.images.generate({ model: 'smart', prompt: 'a', stream: true }, call()));
  assert.deepEqual([partial.type, whole.type], ['image_generation.partial_image', 'image_generation.completed']);
});

test('moderations', async () => {
  const answer = await client.moderations.create({ model: 'smart', input: 'hi' }, call());
  assert.equal(answer.results[0].flagged, false);
});
