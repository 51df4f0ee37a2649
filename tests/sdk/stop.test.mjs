// Streams that end at a limit, with OpenAI's Node client. It reads behind [DONE] up to the
// end of the body.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.ACME_KEY, maxRetries: 0 });
const ask = { model: 'smart', messages: [{ role: 'user', content: 'hi' }], stream: true };
const long = { events: 400, piece: 190, piece_delay_ms: 2 };

// What earlier tests used no longer counts.
beforeEach(() => sleep(1500));

// The chunks of a stream, and the error that it ends in.
async function read(more) {
  const headers = { 'x-mock': JSON.stringify(long) };
  const chunks = [];
  try {
    for await (const chunk of await client.chat.completions.create({ ...ask, ...more }, { headers })) chunks.push(chunk);
  } catch (error) {
    return { chunks, error };
  }
  return { chunks };
}

function checkEnd(chunks) {
  const reasons = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.finish_reason));
  assert.deepEqual(reasons.filter(Boolean), ['length']);
  assert.equal(reasons.at(-1), 'length');
  assert.ok(chunks.length < 40, String(chunks.length));
}

test('a stream with a bound comes to its end', async () => {
  const { chunks, error } = await read({ max_tokens: 8 });
  assert.equal(error, undefined);
  checkEnd(chunks);
});

test('one without is whole, and then cut', async () => {
  const { chunks, error } = await read({});
  checkEnd(chunks);
  assert.ok(error instanceof Error);
});

test('a response with a bound comes to its end', async () => {
  const headers = { 'x-mock': JSON.stringify(long) };
  const body = { model: 'smart', input: 'hi', stream: true, max_output_tokens: 8 };
  const events = [];
  for await (const event of await client.responses.create(body, { headers })) events.push(event);
  assert.equal(events.at(-1).type, 'response.incomplete');
  assert.equal(events.at(-1).response.incomplete_details.reason, 'max_output_tokens');
  assert.ok(events.length < 40, String(events.length));
});
