#!/usr/bin/env python3
"""`urial serve` beside other servers: one load, conversations, and multiple choice, in one run.

    bench/serving.py --model MODEL.gguf --prompt PREFIX.txt --queries Q.jsonl [--llama-bin DIR]
                     [--server 'NAME=URL=COMMAND'] [--rounds 3] [--bench-serve 'vllm bench serve ... --tokenizer DIR']

Every client sends the whole prompt as plain text, so that a server has to find the shared beginning by itself. Each
server is started anew, gets its first load from all clients at once (the worst first token of it is what a user sees on a
server that was just started), then the same load --rounds times. --turns times the second turn of a long conversation,
with `--no-sharing` beside it; --choices scores endings of five-shot contexts by echo and log-probabilities, as
lm-evaluation-harness does, on the servers that can. Start nothing else meanwhile.
"""

import concurrent.futures
import json
import pathlib
import random
import shlex
import statistics
import sys
import tempfile
import time
import urllib.request

import load
import measure

URIAL_PORT = 8096
URIAL_URL = f"http://127.0.0.1:{URIAL_PORT}"


def arguments():
    parser = measure.argument_parser(__doc__, rounds=3)
    load.add_arguments(parser)
    parser.add_argument("--bench-serve", help="'vllm bench serve' with the options that name the tokenizer: the same load "
                                              "from a program that we did not write")
    parser.add_argument("--turns", action="store_true")
    parser.add_argument("--choices", type=int, default=0, metavar="N", help="so many questions with four endings")
    return parser.parse_args()


def urial_server(args, *extra):
    return "urial serve", URIAL_URL, [str(args.urial), "-q", "serve", "--no-data", "-m", args.model, "--parallel",
                                      str(args.concurrency), "--port", str(URIAL_PORT), *extra]


def servers_of(args):
    yield urial_server(args)
    yield from load.peers(args)


def say(*what):
    print(*what, file=sys.stderr, flush=True)


def milliseconds(values):
    return f"{1000 * statistics.median(values):.0f} / {1000 * load.percentile(values, 0.99):.0f}"


def bench_serve(args, url, prompts):
    """Output tokens a second as `vllm bench serve` counts them."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = pathlib.Path(folder) / "prompts.jsonl"
        dataset.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
        measure.run([*shlex.split(args.bench_serve), "--backend", "openai", "--base-url", url, "--endpoint",
                     "/v1/completions", "--model", load.model_of(url), "--dataset-name", "custom", "--dataset-path",
                     str(dataset), "--disable-shuffle", "--skip-chat-template", "--custom-output-len", str(args.max_tokens), "--num-prompts",
                     str(len(prompts)), "--max-concurrency", str(args.concurrency), "--temperature", "0",
                     "--ignore-eos", "--disable-tqdm", "--save-result", "--result-dir", folder, "--result-filename",
                     "bench.json"])
        result = json.loads((pathlib.Path(folder) / "bench.json").read_text())
    if result["completed"] != len(prompts):
        sys.exit(f"bench serve completed {result['completed']} of {len(prompts)} requests")
    return result


def compare_loads(args):
    prompts = load.constant_prompts(args.prompt, args.queries, args.n)
    first_rows, rows, bench_rows = [], [], []
    for name, url, command in servers_of(args):
        server = measure.Server(command, url + "/health")
        try:
            first = load.run(url, prompts[:args.concurrency], args.concurrency, args.max_tokens)
            loads = [load.run(url, prompts, args.concurrency, args.max_tokens, ignore_eos=True)
                     for _ in range(args.rounds)]
            bench = bench_serve(args, url, prompts) if args.bench_serve else None
            resident = measure.resident_bytes(server.process.pid)
        finally:
            server.stop()
        say(name, round(max(first.firsts), 2), [round(each.rate, 1) for each in loads], resident)
        rates = [each.rate for each in loads]
        rows.append((name, f"{statistics.median(rates):.1f}", f"{min(rates):.1f} to {max(rates):.1f}",
                     milliseconds([first for each in loads for first in each.firsts]),
                     milliseconds([gap for each in loads for gap in each.gaps]), f"{resident / 1e6:.0f}"))
        first_rows.append((name, f"{max(first.firsts):.2f}", f"{first.rate:.1f}"))
        if bench:
            bench_rows.append((name, f"{bench['output_throughput']:.1f}",
                               f"{bench['median_ttft_ms']:.0f} / {bench['p99_ttft_ms']:.0f}",
                               f"{bench['median_itl_ms']:.0f} / {bench['p99_itl_ms']:.0f}"))
    print(f"{args.n} requests, {args.concurrency} at a time, {args.max_tokens} tokens each\n")
    measure.table(rows, ("", "tokens/s", "single loads", "first token, median / p99 (ms)",
                         "between tokens, median / p99 (ms)", "resident (MB)"))
    print(f"\nFirst load after the start, {args.concurrency} clients at once, answers end as they end\n")
    measure.table(first_rows, ("", "worst first token (s)", "tokens/s"))
    if bench_rows:
        print("\n`vllm bench serve` of the same prompts\n")
        measure.table(bench_rows, ("", "tokens/s", "first token, median / p99 (ms)",
                                   "between tokens, median / p99 (ms)"))


def second_turn(url, texts):
    """Seconds to the first token of the second turn of a new conversation whose first turn was these long."""
    body = {"model": load.model_of(url), "max_tokens": 16, "temperature": 0}
    messages = [{"role": "user", "content": texts[0]}]
    load.stream(url, "/v1/chat/completions", {**body, "messages": messages})
    messages += [{"role": "assistant", "content": texts[1]}, {"role": "user", "content": texts[2]}]
    load.stream(url, "/v1/chat/completions", {**body, "messages": messages, "max_tokens": 1})
    messages += [{"role": "assistant", "content": texts[3]}, {"role": "user", "content": texts[4]}]
    return load.stream(url, "/v1/chat/completions", {**body, "messages": messages}).first


def compare_turns(args):
    """A conversation of about 1,500 tokens: its beginning is one long message of instructions."""
    texts = load.questions(args.queries, 1000)
    random.Random(1).shuffle(texts)
    rows = []
    for name, extra in (("urial serve", []), ("urial serve --no-sharing", ["--no-sharing"])):
        _, url, command = urial_server(args, *extra)
        server = measure.Server(command, url + "/health")
        try:
            firsts = []
            for turn in range(args.rounds + 1):
                some = texts[turn * 60:(turn + 1) * 60]
                long_message = " ".join(some)[:4500]
                firsts.append(second_turn(url, [long_message, some[0][:600], some[1][:200], some[2][:600], some[3][:200]]))
            firsts = firsts[1:]
        finally:
            server.stop()
        rows.append((name, f"{statistics.median(firsts):.3f}", f"{min(firsts):.3f} to {max(firsts):.3f}"))
    print("\nA later turn of a conversation of about 1,500 tokens\n")
    measure.table(rows, ("", "first token (s)", "single conversations"))


def choices(args):
    """(context, four endings): the beginning of an instruction behind five whole ones; the endings are those of four
    instructions."""
    texts = [text for text in load.questions(args.queries, 1000) if 12 <= len(text.split()) <= 60]
    random.Random(2).shuffle(texts)
    shots = "".join(f"Instruction: {text}\n\n" for text in texts[:5])
    halves = [(" ".join(words[:len(words) // 2]), " " + " ".join(words[len(words) // 2:]))
              for words in (text.split() for text in texts[5:])]
    for i in range(args.choices):
        context, right = halves[i % len(halves)]
        others = [halves[(i + step) % len(halves)][1] for step in (1, 2, 3)]
        yield f"{shots}Instruction: {context}", [right, *others]


def score(url, model, context, ending):
    body = {"model": model, "prompt": context + ending, "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True,
            "seed": 1234}
    request = urllib.request.Request(url + "/v1/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=3600) as reply:
        logprobs = json.load(reply)["choices"][0]["logprobs"]
    begin = next(i for i, offset in enumerate(logprobs["text_offset"]) if offset >= len(context))
    return sum(logprobs["token_logprobs"][begin:-1])


def compare_choices(args):
    rows, sums = [], {}
    requests = [(context, ending) for context, endings in choices(args) for ending in endings]
    for name, url, command in servers_of(args):
        if name == "llama-server":
            continue  # it has no echo
        server = measure.Server(command, url + "/health")
        try:
            model = load.model_of(url)
            score(url, model, *requests[0])
            start = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(args.concurrency) as pool:
                sums[name] = list(pool.map(lambda each: score(url, model, *each), requests))
            seconds = time.monotonic() - start
        finally:
            server.stop()
        say(name, seconds)
        right = sum(max(range(4), key=lambda k: sums[name][i + k]) == 0 for i in range(0, len(requests), 4))
        differences = [abs(a - b) for a, b in zip(sums[name], sums["urial serve"])]
        rows.append((name, f"{len(requests) / seconds:.1f}", f"{right} of {args.choices}",
                     f"{statistics.median(differences):.3f} / {max(differences):.3f}"))
    print(f"\n{len(requests)} endings of {args.choices} five-shot questions, {args.concurrency} at a time\n")
    measure.table(rows, ("", "requests/s", "right", "log-likelihood against urial's, median / largest difference"))


def main():
    args = arguments()
    print(f"{measure.cpu_name()}; {pathlib.Path(args.model).name}\n")
    if args.n:
        compare_loads(args)
    if args.turns:
        compare_turns(args)
    if args.choices:
        compare_choices(args)


if __name__ == "__main__":
    main()
