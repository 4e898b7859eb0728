// client_openai.mjs ADDRESS KEY MODEL: uses a server through OpenAI's client for JavaScript.

import OpenAI from "openai";

const [address, key, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "Name three colours of the rainbow." }];
const prompt = "The capital of France is Paris. The capital of Italy is";

function expect(condition, problem) {
  if (!condition) console.log(`WRONG: ${problem}`);
}

/** The call must be refused by this class, with these properties. */
async function refused(kind, call, expected = {}) {
  try {
    await call();
  } catch (failure) {
    expect(failure instanceof kind, `${failure.constructor.name} in the place of ${kind.name}: ${failure.message}`);
    for (const [name, value] of Object.entries(expected)) {
      expect(failure[name] === value, `${kind.name}.${name} is ${failure[name]}, not ${value}`);
    }
    return;
  }
  console.log(`WRONG: no ${kind.name} was thrown`);
}

async function running() {
  const reply = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  return Number(/^urial_requests_running (\d+)/m.exec(await reply.text())[1]);
}

async function checkModels() {
  const names = [];
  for await (const entry of client.models.list()) names.push(entry.id);
  expect(names.includes(model), `${model} is not among ${names}`);
  expect((await client.models.retrieve(`${model}@raw`)).id === `${model}@raw`, "a model has another name");
}

async function checkChat() {
  const options = { model, messages, temperature: 0, max_tokens: 200, stop: "." };
  const whole = await client.chat.completions.create({ ...options, logprobs: true, top_logprobs: 2 });
  const text = whole.choices[0].message.content;
  const scores = whole.choices[0].logprobs.content;
  expect(text.length > 0 && whole.choices[0].finish_reason === "stop", `the answer is ${text}`);
  expect(scores.length > 0 && scores.every((entry) => entry.top_logprobs.length === 2), "no two best tokens");
  let streamed = "";
  let chunks = 0;
  let usage = null;
  const stream = await client.chat.completions.create({ ...options, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    chunks += 1;
    streamed += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  expect(streamed === text, `a stream says ${streamed}, a whole answer ${text}`);
  expect(usage?.total_tokens === whole.usage.total_tokens, "a stream has another usage");
  const helper = client.chat.completions.stream({ ...options, n: 2 });
  let deltas = "";
  helper.on("chunk", (chunk) => (deltas += chunk.choices[0]?.index === 0 ? chunk.choices[0].delta.content ?? "" : ""));
  const final = await helper.finalChatCompletion();
  expect(final.choices.length === 2 && final.choices.every((choice) => choice.message.content === text),
         `stream() gathers ${JSON.stringify(final.choices)}`);
  expect(deltas === text, `stream() has the pieces ${deltas}`);
  console.log(`chat: ${JSON.stringify(text)}, ${chunks} chunks and stream() say the same`);
}

async function checkCompletions() {
  const options = { model, prompt, max_tokens: 8, temperature: 0, logprobs: 3 };
  const choice = (await client.completions.create({ ...options, echo: true })).choices[0];
  expect(choice.text.startsWith(prompt) && choice.text.includes("Rome"), `the text is ${choice.text}`);
  const { tokens, text_offset: offsets } = choice.logprobs;
  expect(tokens.every((token, i) => choice.text.startsWith(token, offsets[i])), "tokens do not stand at their offsets");
  let streamed = "";
  for await (const piece of await client.completions.create({ ...options, stream: true })) streamed += piece.choices[0].text;
  expect(prompt + streamed === choice.text, `a stream says ${streamed}`);
  const several = await client.completions.create({ model, prompt: [prompt, "One, two,"], max_tokens: 2, n: 2, seed: 1 });
  expect(several.choices.map((entry) => entry.index).join() === "0,1,2,3", "prompts x n are not numbered in order");
  console.log(`completions: ${JSON.stringify(streamed)}, ${tokens.length} entries with the echo`);
}

async function checkErrors() {
  const chat = (options) => () => client.chat.completions.create({ model, messages, ...options });
  await refused(OpenAI.BadRequestError, chat({ temperature: -1 }), { param: "temperature", code: "invalid_value" });
  await refused(OpenAI.NotFoundError, chat({ model: "none" }), { code: "model_not_found" });
  const long = { model, prompt: "word ".repeat(3000) };
  await refused(OpenAI.BadRequestError, () => client.completions.create(long), { code: "context_length_exceeded" });
  const stranger = new OpenAI({ baseURL: `${address}/v1`, apiKey: "not-the-key", maxRetries: 0 });
  await refused(OpenAI.AuthenticationError, () => stranger.models.list(), { status: 401 });
  console.log("errors: BadRequestError, NotFoundError and AuthenticationError with codes and fields");
}

async function checkStructured() {
  const schema = { type: "object", properties: { name: { type: "string", maxLength: 20 }, age: { type: "integer" } },
                   required: ["name", "age"], additionalProperties: false };
  const reply = await client.chat.completions.create({
    model, messages: [{ role: "user", content: "Anna is 30. Say it as JSON." }], max_tokens: 80, temperature: 0,
    response_format: { type: "json_schema", json_schema: { name: "person", schema, strict: true } },
  });
  const person = JSON.parse(reply.choices[0].message.content);
  expect(Object.keys(person).sort().join() === "age,name" && Number.isInteger(person.age), JSON.stringify(person));
  console.log(`structured: ${JSON.stringify(person)}`);
}

async function checkCancellation() {
  const before = await running();
  const begin = performance.now();
  const ids = Array.from({ length: 512 }, (_, i) => ((5003 * i) % 50000) + 1000);
  await client.completions.create({ model, prompt: ids, max_tokens: 1 });
  const step = (performance.now() - begin) / 1000;
  const stream = await client.chat.completions.create(
    { model, messages, max_tokens: 1000, stream: true, n: 4, ignore_eos: true });
  let count = 0;
  for await (const chunk of stream) {
    if (chunk && (count += 1) === 10) break;
  }
  stream.controller.abort();
  const start = performance.now();
  while ((await running()) > before && performance.now() - start < 30000) await new Promise((go) => setTimeout(go, 20));
  const seconds = (performance.now() - start) / 1000;
  expect(seconds < 1 + step, `a stream that was left is freed after ${seconds.toFixed(2)} s`);
  console.log(`cancellation: places are free after ${seconds.toFixed(2)} s`);
}

console.log(`Node ${process.version}`);
await checkModels();
await checkChat();
await checkCompletions();
await checkErrors();
await checkStructured();
await checkCancellation();
