// Masked, restored and blocked streams, with OpenAI's Node client.
import assert from 'node:assert/strict';
import test from 'node:test';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.ACME_KEY, maxRetries: 0 });
const mail = 'quilliam@zwexford.org';
const other = 'drusilla@kwolek.org';
const secret = 'ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS';
const ask = { model: 'smart', max_tokens: 100, messages: [{ role: 'user', content: `I am ${mail}.` }] };
const tools = [{ type: 'function', function: { name: 'send', parameters: { type: 'object', properties: { to: { type: 'string' } } } } }];
const headers = (script) => ({ headers: { 'x-mock': JSON.stringify(script) } });

test('a stream is masked', async () => {
  for (const chars of [1, 3, 7]) {
    const script = { text: `Write to ${other}, soon.`, chars, piece: 37 };
    const stream = client.chat.completions.stream(ask, headers(script));
    let deltas = '';
    stream.on('content', (delta) => (deltas += delta));
    const completion = await stream.finalChatCompletion();
    assert.equal(completion.choices[0].message.content, 'Write to <EMAIL_ADDRESS>, soon.');
    assert.equal(deltas, 'Write to <EMAIL_ADDRESS>, soon.');
    assert.equal(completion.choices[0].finish_reason, 'stop');
  }
});

test('values come back in tool calls', async () => {
  for (const chars of [1, 3, 7]) {
    const body = { ...ask, tools, mock_arguments: JSON.stringify({ to: `"${mail}"\n` }) };
    const stream = client.chat.completions.stream(body, headers({ tools: 2, chars }));
    const completion = await stream.finalChatCompletion();
    const calls = completion.choices[0].message.tool_calls;
    assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), [{ to: `"${mail}"\n` }, { to: `"${mail}"\n` }]);
    assert.equal(completion.choices[0].finish_reason, 'tool_calls');
  }
});

test('what the model made up is masked in tool calls', async () => {
  const chunk = (delta, reason = null) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
  const text = JSON.stringify({ to: other, card: 4111111111111111 });
  const head = { role: 'assistant', content: null, tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'send', arguments: '' } }] };
  const parts = [...text].map((letter) => chunk({ tool_calls: [{ index: 0, function: { arguments: letter } }] }));
  const body = [chunk(head), ...parts, chunk({}, 'tool_calls'), 'data: [DONE]\n\n'].join('');
  const stream = client.chat.completions.stream({ ...ask, tools }, headers({ body }));
  const completion = await stream.finalChatCompletion();
  const [call] = completion.choices[0].message.tool_calls;
  assert.deepEqual(JSON.parse(call.function.arguments), { to: '<EMAIL_ADDRESS>', card: '<CREDIT_CARD>' });
});

test('a block ends a stream', async () => {
  for (const chars of [1, 3, 7]) {
    const script = { text: `It is so: ${secret} ${'and more '.repeat(30)}`, chars };
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }, headers(script))) chunks.push(chunk);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    assert.equal(choices.map((choice) => choice.delta.content ?? '').join(''), 'It is so: ');
    assert.deepEqual(choices.map((choice) => choice.finish_reason).filter(Boolean), ['content_filter']);
  }
});

test('a blocked request is an error', async () => {
  const messages = [{ role: 'user', content: `It is ${secret}` }];
  await assert.rejects(client.chat.completions.create({ ...ask, messages }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, 'content_filter');
    assert.ok(!JSON.stringify(error).includes('ghp_'));
    return true;
  });
});

test('a response is masked', async () => {
  for (const chars of [1, 3, 7]) {
    const stream = client.responses.stream({ model: 'smart', input: 'hi' }, headers({ text: `To ${other}, soon`, chars }));
    const response = await stream.finalResponse();
    assert.equal(response.output_text, 'To <EMAIL_ADDRESS>, soon');
  }
});

test('values come back in responses', async () => {
  for (const chars of [1, 3, 7]) {
    const body = { model: 'smart', input: `I am ${mail}.`, mock_echo: `To ${mail}, and soon!` };
    const stream = client.responses.stream(body, headers({ chars, piece: 37 }));
    let deltas = '';
    stream.on('response.output_text.delta', (event) => (deltas += event.delta));
    const response = await stream.finalResponse();
    assert.equal(response.output_text, `To ${mail}, and soon!`);
    assert.equal(deltas, response.output_text);
  }
});

test('a block ends responses and completions', async () => {
  for (const chars of [1, 3, 7]) {
    const script = { text: `It is so: ${secret} ${'and more '.repeat(30)}`, chars };
    const said = { stream: true, model: 'smart' };
    const events = [];
    const response = { ...said, input: 'hi', max_output_tokens: 100 };
    for await (const event of await client.responses.create(response, headers(script))) events.push(event);
    const deltas = events.filter((event) => event.type === 'response.output_text.delta');
    assert.equal(deltas.map((event) => event.delta).join(''), 'It is so: ');
    assert.equal(events.at(-1).type, 'response.incomplete');
    assert.equal(events.at(-1).response.incomplete_details.reason, 'content_filter');
    const chunks = [];
    const completion = { ...said, prompt: 'hi', max_tokens: 100 };
    for await (const chunk of await client.completions.create(completion, headers(script))) chunks.push(chunk);
    assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), 'It is so: ');
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'content_filter');
  }
});
