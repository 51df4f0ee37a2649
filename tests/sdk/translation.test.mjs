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
const MODELS = ['by-chat', 'by-messages', 'by-gemini'];

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
      model: provider(model), prompt: 'How is it in Köln?', tools, stopWhen: isStepCount(3), maxRetries: 0,
    });
    assert.deepEqual([text, asked, count()], [TEXT, ['Köln'], 2]);
    assert.ok(usage.outputTokens > 0);
  }
});

test('the Vercel AI SDK, streaming', async () => {
  for (const model of MODELS) {
    const { asked, tools, provider, count } = weather();
    const result = streamText({
      model: provider(model), prompt: 'How is it in Köln?', tools, stopWhen: isStepCount(3), maxRetries: 0,
    });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    assert.deepEqual([text, asked, count()], [TEXT, ['Köln'], 2]);
    assert.equal(await result.finishReason, 'stop');
  }
});

test('the Vercel AI SDK, chat completions by Responses', async () => {
  const { asked, tools, provider } = weather();
  const { text } = await generateText({
    model: provider.chat('by-responses'), prompt: 'How is it in Köln?', tools, stopWhen: isStepCount(3), maxRetries: 0,
  });
  assert.deepEqual([text, asked], [TEXT, ['Köln']]);
});
