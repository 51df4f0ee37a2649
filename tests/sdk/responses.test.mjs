// Completions and Responses of the OpenAI client for Node. Runs under tests/envoy/sdk.rs.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import OpenAI from 'openai';

const { BASE_URL: baseURL, ACME_KEY, CALLS } = process.env;
const client = new OpenAI({ baseURL, apiKey: ACME_KEY, maxRetries: 0 });
const TEXT = 'Hello from the mock provider. ';
const ASK = { model: 'smart', input: 'hi' };
const TOOL = { type: 'function', name: 'weather', strict: false, parameters: { type: 'object', properties: {} } };

let number = 0;

/** The options of one call; sdk.rs checks afterwards what the provider got of it. */
function call(script = {}, outcomes = ['ok'], requests = outcomes.length) {
  const id = `node-responses-${number++}`;
  appendFileSync(CALLS, `${JSON.stringify({ id, requests, outcomes })}\n`);
  return { headers: { 'x-request-id': id, 'x-mock': JSON.stringify(script) } };
}

async function collect(stream) {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
}

test('completions', async () => {
  const ask = { model: 'smart', prompt: 'hi' };
  const completion = await client.completions.create(ask, call());
  assert.equal(completion.choices[0].text, TEXT);
  assert.equal(completion.usage.completion_tokens, 5);
  const chunks = await collect(client.completions.create({ ...ask, stream: true }, call({ piece: 3 })));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), TEXT);
});

test('a response', async () => {
  const response = await client.responses.create(ASK, call());
  assert.equal(response.output_text, TEXT);
  assert.deepEqual([response.status, response.store], ['completed', false]);
});

test('events', async () => {
  const body = { ...ASK, stream: true, mock_echo: 'naïve 語 🦀' };
  const events = await collect(client.responses.create(body, call({ piece: 3 })));
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), 'naïve 語 🦀');
  assert.equal(events.at(-1).type, 'response.completed');
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
});

test('the stream helper', async () => {
  const response = await client.responses.stream(ASK, call()).finalResponse();
  assert.equal(response.output_text, TEXT);
});

test('tools', async () => {
  const body = { ...ASK, tools: [TOOL] };
  const response = await client.responses.stream(body, call({ tools: 2, reasoning: 'Where? ' })).finalResponse();
  const [reasoning, ...calls] = response.output;
  assert.equal(reasoning.summary[0].text, 'Where? ');
  assert.deepEqual(calls.map((item) => JSON.parse(item.arguments)), [{ city: 'Köln' }, { city: 'Paris' }]);
});

test('an early end is an error', async () => {
  const ends = () => call({ fault: 'end_mid_body' }, ['upstream_incomplete']);
  for (const stream of [
    client.responses.create({ ...ASK, stream: true }, ends()),
    client.completions.create({ model: 'smart', prompt: 'hi', stream: true }, ends()),
  ]) {
    await assert.rejects(collect(stream), (error) => error instanceof OpenAI.APIError);
  }
});

test('what is stored is refused', async () => {
  const ask = { ...ASK, previous_response_id: 'resp_1' };
  await assert.rejects(client.responses.create(ask), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'previous_response_id');
    return true;
  });
  await assert.rejects(client.responses.retrieve('resp_1'), OpenAI.NotFoundError);
});
