"""Load on an OpenAI-compatible completions server: many clients at once, each answer read as it comes."""

import concurrent.futures
import dataclasses
import http.client
import json
import pathlib
import time
import urllib.parse
import urllib.request

STOPS = ["```", "# Query"]
LLAMA_PORT = 8097


@dataclasses.dataclass
class Answer:
    tokens: int  # that the server counts
    first: float  # seconds from the request to the first text
    gaps: list  # seconds between one event with text and the next


@dataclasses.dataclass
class Load:
    seconds: float  # from the first request to the last answer
    answers: list

    @property
    def rate(self):
        return sum(answer.tokens for answer in self.answers) / self.seconds

    @property
    def firsts(self):
        return [answer.first for answer in self.answers]

    @property
    def gaps(self):
        return [gap for answer in self.answers for gap in answer.gaps]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def questions(path, count):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["instruction"] for line in lines][:count]


def constant_prompts(prefix, queries, count):
    """Each client sends the whole prompt of the original authors as plain text."""
    text = pathlib.Path(prefix).read_text(encoding="utf-8")
    return [f"{text}\n# Query:\n```\n{query}\n```\n\n# Answer:\n```\n" for query in questions(queries, count)]


def model_of(url):
    with urllib.request.urlopen(url + "/v1/models", timeout=60) as reply:
        return json.load(reply)["data"][0]["id"]


def stream(url, path, body):
    """Sends one streamed request; the text of chat and of legacy completions counts alike."""
    address = urllib.parse.urlparse(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=3600)
    body = {**body, "stream": True, "stream_options": {"include_usage": True}}
    start = time.monotonic()
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    if reply.status != 200:
        raise SystemExit(f"{url}{path}: {reply.status} {reply.read()[:500]!r}")
    times, usage = [], {}
    for line in reply:
        if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
            continue
        event = json.loads(line[6:])
        choice = (event.get("choices") or [{}])[0]
        if choice.get("text") or (choice.get("delta") or {}).get("content"):
            times.append(time.monotonic())
        usage = event.get("usage") or usage
    connection.close()
    first = times[0] if times else time.monotonic()
    return Answer(usage["completion_tokens"], first - start, [b - a for a, b in zip(times, times[1:])])


def run(url, prompts, concurrency, max_tokens, ignore_eos=False):
    """All prompts, so many at a time, greedily; answers end as the prompt's form says, or all after max_tokens."""
    model = model_of(url)
    ends = {"ignore_eos": True} if ignore_eos else {"stop": STOPS}

    def complete(prompt):
        return stream(url, "/v1/completions", {"model": model, "prompt": prompt, "max_tokens": max_tokens,
                                               "temperature": 0, "cache_prompt": True, **ends})

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        answers = list(pool.map(complete, prompts))
    return Load(time.monotonic() - start, answers)


def add_arguments(parser):
    """What a comparison of servers under the original authors' prompt needs to know; peers() reads the last two."""
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--prompt", required=True, help="a prompt file of the original authors")
    parser.add_argument("--queries", required=True, help="JSON lines with an instruction each")
    parser.add_argument("--n", type=int, default=48, help="queries of a load (serving.py: 0 passes it over)")
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--concurrency", type=int, default=16, help="requests at a time to a server")
    parser.add_argument("--llama-bin", type=pathlib.Path, help="folder of llama.cpp's programs")
    parser.add_argument("--server", action="append", default=[], metavar="NAME=URL=COMMAND",
                        help="another OpenAI-compatible server, started by COMMAND, up when URL/health answers")


def peers(args):
    """(name, address, command) of each server to compare with."""
    if args.llama_bin:
        yield llama_server(args.llama_bin, args.model)
    yield from map(named_server, args.server)


def llama_server(folder, model):
    """(name, address, command) of llama-server as it is fastest with one long beginning in all requests."""
    return ("llama-server", f"http://127.0.0.1:{LLAMA_PORT}",
            [str(folder / "llama-server"), "-m", model, "-np", "16", "-kvu", "-c", "20480", "--swa-full", "-fa", "on",
             "--cache-ram", "0", "--host", "127.0.0.1", "--port", str(LLAMA_PORT)])


def named_server(text):
    """The same of NAME=URL=COMMAND."""
    name, url, command = text.split("=", 2)
    return name, url, ["/bin/sh", "-c", command]
