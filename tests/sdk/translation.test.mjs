// The OpenAI client for Node and the Vercel AI SDK, whose models of OpenAI speak Responses, in front
// of providers that have only another API. Runs under tests/envoy/sdk.rs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, isStepCount, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { z } from 'zod';

const { BASE_URL: baseURL, ACME_KEY: apiKey } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const TEXT = 'Hello from the mock provider. ';
const QUESTION = 'How is it in Köln?';
/** Providers without Responses, and those without chat completions. */
const MODELS = ['by-chat', 'by-messages', 'by-gemini', 'by-bedrock'];
const OTHERS = ['by-responses', 'by-messages', 'by-gemini', 'by-bedrock'];

const script = (script) => ({ headers: { 'x-mock': JSON.stringify(script) } });

test('the OpenAI client', async () => {
  for (const model of MODELS) {
    const response = await client.responses.create({ model, input: 'hi' });
    assert.deepEqual([response.output_text, response.status], [TEXT, 'completed']);
    const tools = [{ type: 'function', name: 'weather', strict: false, parameters: { type: 'object', properties: {} } }];
    const streamed = client.responses.stream({ model, input: 'hi', tools }, script({ tools: 2, reasoning: 'Where? ' }));
    const [reasoning, ...calls] = (await streamed.finalResponse()).output;
    assert.equal(reasoning.summary[0].text, 'Where? ');
    assert.deepEqual(calls.map((call) => JSON.parse(call.arguments)), [{ city: 'Köln' }, { city: 'Paris' }]);
  }
});

const weatherFunction = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const cities = (message) => message.tool_calls.map((call) => JSON.parse(call.function.arguments).city);

test('the OpenAI client, chat completions with tools', async () => {
  for (const model of OTHERS) {
    const messages = [{ role: 'user', content: QUESTION }];
    const ask = { model, messages, tools: [weatherFunction] };
    const [asked] = (await client.chat.completions.create(ask, script({ tools: 2 }))).choices;
    assert.deepEqual([asked.finish_reason, cities(asked.message)], ['tool_calls', ['Köln', 'Paris']]);
    const results = asked.message.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '{"rain":true}' }));
    const told = { ...ask, messages: [...messages, asked.message, ...results] };
    const answer = await client.chat.completions.create(told);
    assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], [TEXT, 'stop']);
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
  }
});

test('the OpenAI client, streams of chat completions', async () => {
  for (const model of OTHERS) {
    const ask = { model, messages: [{ role: 'user', content: QUESTION }], tools: [weatherFunction] };
    const calls = client.chat.completions.stream(ask, script({ tools: 2, piece: 7, reasoning: 'Where? ' }));
    const [asked] = (await calls.finalChatCompletion()).choices;
    assert.deepEqual([asked.finish_reason, cities(asked.message)], ['tool_calls', ['Köln', 'Paris']]);
    const said = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } }, script({ piece: 7 }));
    const pieces = [];
    said.on('content', (piece) => pieces.push(piece));
    const { choices, usage } = await said.finalChatCompletion();
    assert.deepEqual([pieces.join(''), choices[0].message.content], [TEXT, TEXT]);
    assert.ok(pieces.length > 1 && usage.completion_tokens > 0);
  }
});

/** The provider asks for the weather until it has been told of it. */
function weather() {
  const asked = [];
  const tools = {
    weather: tool({
      description: 'How the weather is.',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => {
        asked.push(city);
        return { rain: true };
      },
    }),
  };
  let calls = 0;
  const provider = createOpenAI({
    baseURL,
    apiKey,
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      headers.set('x-mock', JSON.stringify(calls++ === 0 ? { tool: true, piece: 9, reasoning: 'Hm. ' } : { piece: 9 }));
      return fetch(url, { ...init, headers });
    },
  });
  return { asked, tools, provider, count: () => calls };
}

test('the Vercel AI SDK, with tools', async () => {
  for (const model of MODELS) {
    const { asked, tools, provider, count } = weather();
    const { text, usage } = await generateText({
      model: provider(model), prompt: QUESTION, tools, stopWhen: isStepCount(3), maxRetries: 0,
    });
    assert.deepEqual([text, asked, count()], [TEXT, ['Köln'], 2]);
    assert.ok(usage.outputTokens > 0);
  }
});

test('the Vercel AI SDK, streaming', async () => {
  for (const model of MODELS) {
    const { asked, tools, provider, count } = weather();
    const result = streamText({
      model: provider(model), prompt: QUESTION, tools, stopWhen: isStepCount(3), maxRetries: 0,
    });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    assert.deepEqual([text, asked, count()], [TEXT, ['Köln'], 2]);
    assert.equal(await result.finishReason, 'stop');
  }
});

test('the Vercel AI SDK, chat completions', async () => {
  for (const model of OTHERS) {
    const whole = weather();
    const settings = { prompt: QUESTION, stopWhen: isStepCount(3), maxRetries: 0 };
    const { text } = await generateText({ ...settings, model: whole.provider.chat(model), tools: whole.tools });
    assert.deepEqual([text, whole.asked, whole.count()], [TEXT, ['Köln'], 2]);
    const parts = weather();
    const streamed = streamText({ ...settings, model: parts.provider.chat(model), tools: parts.tools });
    assert.deepEqual([await streamed.text, parts.asked, parts.count()], [TEXT, ['Köln'], 2]);
    assert.equal(await streamed.finishReason, 'stop');
  }
});
