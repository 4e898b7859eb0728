"""client_openai.py ADDRESS KEY MODEL: uses a server through OpenAI's client for Python."""

import asyncio
import json
import sys
import time
import urllib.request

import openai
import pydantic

address, key, model = sys.argv[1:]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
QUESTION = [{"role": "user", "content": "Name three colours of the rainbow."}]
CONTINUED = "The capital of France is Paris. The capital of Italy is"


def expect(condition, problem):
    if not condition:
        print(f"WRONG: {problem}")


def refused(kind, call, **expected):
    """The call must raise this class, with these attributes."""
    try:
        call()
    except kind as failure:
        for name, value in expected.items():
            expect(getattr(failure, name) == value, f"{kind.__name__}.{name} is {getattr(failure, name)}, not {value}")
        return
    except openai.OpenAIError as failure:
        print(f"WRONG: {type(failure).__name__} in the place of {kind.__name__}: {failure}")
        return
    print(f"WRONG: no {kind.__name__} was raised")


def metrics():
    request = urllib.request.Request(f"{address}/metrics", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request) as reply:
        lines = reply.read().decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line and not line.startswith("#")}


def seconds_until_free(running):
    """Until no sequence is under way that was not before."""
    start = time.monotonic()
    while time.monotonic() - start < 30:
        if metrics()["urial_requests_running"] <= running:
            return time.monotonic() - start
        time.sleep(0.02)
    return float("inf")


def check_models():
    names = [entry.id for entry in client.models.list()]
    expect(model in names and f"{model}@raw" in names, f"{model} is not among the models {names}")
    expect(client.models.retrieve(f"{model}@raw").id == f"{model}@raw", "a model is found under another name")
    refused(openai.NotFoundError, lambda: client.models.retrieve("none"), code="model_not_found")


def chat(**options):
    return client.chat.completions.create(model=model, messages=QUESTION, temperature=0, **options)


def check_chat():
    whole = chat(max_tokens=40)
    text = whole.choices[0].message.content
    expect(text and whole.choices[0].message.role == "assistant", "an empty answer")
    expect(whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens, "usage does not add up")
    chunks = list(chat(max_tokens=40, stream=True, stream_options={"include_usage": True}))
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    expect(streamed == text, f"a stream says {streamed!r}, a whole answer {text!r}")
    expect(chunks[0].choices[0].delta.role == "assistant" and chunks[0].choices[0].delta.content,
           "the first chunk is without role or text")
    expect(chunks[-1].usage == whole.usage, f"usage {chunks[-1].usage}, of the whole answer {whole.usage}")
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    expect(ends == [whole.choices[0].finish_reason], f"ends {ends}, of the whole answer {whole.choices[0].finish_reason}")
    print(f"chat: {text[:60]!r}..., {len(chunks)} chunks say the same")


def check_stream_helper():
    # The helper refuses answers that were cut.
    options = dict(max_tokens=200, stop=".", n=2, logprobs=True, top_logprobs=2)
    whole = chat(**options)
    texts = [choice.message.content for choice in whole.choices]
    events = {}
    with client.chat.completions.stream(model=model, messages=QUESTION, temperature=0, **options) as stream:
        for event in stream:
            events[event.type] = events.get(event.type, 0) + 1
        final = stream.get_final_completion()
    expect([choice.message.content for choice in final.choices] == texts, "stream() gathers another text")
    # Of the choices after the first one the helper itself counts the first token twice (openai 3.57).
    count = len(final.choices[0].logprobs.content)
    expect(count == len(whole.choices[0].logprobs.content), f"stream() gathers {count} log-probabilities")
    for kind in ("content.delta", "content.done", "logprobs.content.delta"):
        expect(events.get(kind), f"stream() has no event {kind}")
    print(f"stream() with n 2: {events}")


def check_chat_scores():
    choice = chat(max_tokens=24, logprobs=True, top_logprobs=5).choices[0]
    scores = choice.logprobs.content
    text = b"".join(bytes(entry.bytes) for entry in scores).decode()
    expect(text.strip() == choice.message.content.strip(),
           f"the bytes of the tokens are {text!r}, the answer {choice.message.content!r}")
    for entry in scores:
        top = [(other.token, other.logprob) for other in entry.top_logprobs]
        expect(len(top) == 5 and top == sorted(top, key=lambda pair: -pair[1]), f"{top} are not the best five in order")
        expect((entry.token, entry.logprob) == top[0], f"a greedy answer takes {entry.token!r}, not {top[0]}")
    print(f"log-probabilities of chat: {len(scores)} tokens, each with its best 5")


def check_completions():
    options = dict(model=model, prompt=CONTINUED, max_tokens=12, temperature=0)
    whole = client.completions.create(**options, logprobs=4)
    choice = whole.choices[0]
    pieces = list(client.completions.create(**options, logprobs=4, stream=True))
    streamed = "".join(piece.choices[0].text for piece in pieces)
    expect(streamed == choice.text, f"a stream says {streamed!r}, a whole answer {choice.text!r}")
    expect("Rome" in choice.text, f"the capital of Italy is{choice.text}")
    scores = choice.logprobs
    for name in ("token_logprobs", "top_logprobs", "text_offset"):
        expect(len(getattr(scores, name)) == len(scores.tokens), f"{name} and tokens differ in length")
    of_stream = [token for piece in pieces if piece.choices[0].logprobs for token in piece.choices[0].logprobs.tokens]
    expect(of_stream == scores.tokens, f"a stream has the tokens {of_stream}, a whole answer {scores.tokens}")
    echoed = client.completions.create(**options, logprobs=4, echo=True).choices[0]
    expect(echoed.text == CONTINUED + choice.text, f"an echo of {echoed.text!r}")
    for token, offset in zip(echoed.logprobs.tokens, echoed.logprobs.text_offset):
        expect(echoed.text[offset:].startswith(token), f"{token!r} does not stand at {offset}")
    for token, logp, top in zip(echoed.logprobs.tokens, echoed.logprobs.token_logprobs, echoed.logprobs.top_logprobs):
        expect(top is None or top[token] == logp, f"{token!r} has {logp} and {top}")
    several = client.completions.create(model=model, prompt=[CONTINUED, "One, two,"], max_tokens=3, n=2, temperature=1,
                                        seed=5)
    expect([entry.index for entry in several.choices] == [0, 1, 2, 3], "prompts x n are not numbered in order")
    print(f"completions: {choice.text!r}, {len(echoed.logprobs.tokens)} entries with the echo")


def check_errors():
    refused(openai.BadRequestError, lambda: chat(max_tokens=-1), param="max_tokens", code="invalid_value")
    refused(openai.BadRequestError, lambda: chat(max_tokens=10 ** 6), param="max_tokens")
    refused(openai.BadRequestError, lambda: client.completions.create(model=model, prompt="word " * 3000),
            code="context_length_exceeded")
    refused(openai.BadRequestError, lambda: chat(tools=[{"type": "function", "function": {"name": "f"}}]),
            code="unsupported_parameter", param="tools")
    refused(openai.NotFoundError, lambda: client.chat.completions.create(model="none", messages=QUESTION),
            code="model_not_found")
    stranger = client.with_options(api_key="not-the-key")
    refused(openai.AuthenticationError, lambda: stranger.models.list(), status_code=401)
    refused(openai.AuthenticationError, lambda: stranger.chat.completions.create(model=model, messages=QUESTION))
    print("errors: BadRequestError, NotFoundError and AuthenticationError with codes and fields")


def check_structured():
    class Person(pydantic.BaseModel):
        name: str
        age: int
        is_tall: bool

    messages = [{"role": "user", "content": "Describe a person as JSON: Anna is 30 years old and tall."}]
    parsed = client.chat.completions.parse(model=model, messages=messages, response_format=Person, max_tokens=100,
                                           temperature=0).choices[0].message.parsed
    expect(parsed is not None, "parse() has nothing")
    listed = client.chat.completions.create(
        model=model, messages=messages, max_tokens=100, temperature=0,
        response_format={"type": "json_schema",
                         "json_schema": {"name": "list", "schema": {"type": "array", "items": {"enum": ["a", "b"]},
                                                                    "minItems": 2, "maxItems": 3}}})
    items = json.loads(listed.choices[0].message.content)
    expect(2 <= len(items) <= 3 and set(items) <= {"a", "b"}, f"{items} is not what the schema allows")
    print(f"structured: {parsed!r}, {items}")


def check_cancellation():
    """A place is free within a step of the engine, of 512 tokens at most."""
    before = metrics()
    start = time.monotonic()
    client.completions.create(model=model, prompt=[(6007 * i) % 50000 + 1000 for i in range(512)], max_tokens=1)
    step = time.monotonic() - start
    stream = client.chat.completions.create(model=model, messages=QUESTION, max_tokens=1000, stream=True, n=4,
                                            extra_body={"ignore_eos": True})
    for taken, _ in enumerate(stream, 1):
        if taken == 10:
            break
    expect(metrics()["urial_requests_running"] == before["urial_requests_running"] + 1, "the stream does not run")
    stream.close()
    waited = seconds_until_free(before["urial_requests_running"])
    expect(waited < 1 + step, f"a stream that was closed is freed after {waited:.2f} s")
    more = metrics()["urial_completion_tokens_total"] - before["urial_completion_tokens_total"] - 1 - taken
    expect(more < 100, f"{more:.0f} of 3990 tokens were written for a stream that was closed")
    expect(metrics()["urial_clients_gone_total"] == before["urial_clients_gone_total"] + 1, "its going is not counted")
    # Before its first token, while the prompt is read.
    impatient = client.with_options(timeout=step / 2)
    prompt = [(7919 * i) % 50000 + 1000 for i in range(1900)]
    refused(openai.APITimeoutError, lambda: impatient.completions.create(model=model, prompt=prompt, max_tokens=100))
    early = seconds_until_free(before["urial_requests_running"])
    expect(early < 1 + step, f"a request that was left while its prompt was read is freed after {early:.2f} s")
    print(f"cancellation: places are free after {waited:.2f} s in a stream ({more:.0f} tokens), {early:.2f} s while the prompt is read (a step "
          f"of 512 tokens: {step:.2f} s)")


async def check_together():
    together = openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
    words = ["red", "green", "blue", "black", "brown", "grey", "pink", "purple"]
    answers = await asyncio.gather(*(together.completions.create(
        model=model, prompt=" ".join([word] * 6), max_tokens=2, temperature=0) for word in words))
    texts = [answer.choices[0].text for answer in answers]
    expect(texts == [f" {word} {word}" for word in words], f"concurrent prompts of {words} go on with {texts}")
    print(f"together: {len(words)} concurrent requests of the asynchronous client have their own answers")


check_models()
check_chat()
check_stream_helper()
check_chat_scores()
check_completions()
check_errors()
check_structured()
check_cancellation()
asyncio.run(check_together())
