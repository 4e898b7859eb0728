#!/usr/bin/env python3
"""What does an answer that `urial serve` writes into a conversation cost beside a plain stream, and how long does a search take?

    bench/conversations.py --model MODEL [--concurrency 4] [--max-tokens 128] [--rounds 5] [--conversations 1000]

In each round the same questions are asked of one server in three ways: as plain streams; as answers of conversations that
somebody follows; as answers that nobody follows (looked at every 20 ms). Every answer has so many tokens, with lists of the ten
most likely ones. Then a thousand conversations are imported, and searched. Start nothing else meanwhile.
"""

import concurrent.futures
import http.client
import json
import random
import statistics
import tempfile
import time

import measure

PORT = 8098
URL = f"http://127.0.0.1:{PORT}"
WORDS = "sky blue light answer model base token why how water river stone green city night small large known".split()


def arguments():
    parser = measure.argument_parser(__doc__, rounds=5)
    parser.add_argument("--model", required=True)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--conversations", type=int, default=1000)
    return parser.parse_args()


def ask(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=600)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    if reply.status != 200:
        raise SystemExit(f"{method} {path}: {reply.status} {text[:500]!r}")
    return text


def question(args, number):
    return {"messages": [{"role": "user", "content": f"Question {number}: why is the sky blue?"}], "ignore_eos": True,
            "temperature": 0, "max_tokens": args.max_tokens, "logprobs": True, "top_logprobs": 10}


def plain(args, number):
    ask("POST", "/v1/chat/completions", {**question(args, number), "stream": True,
                                         "stream_options": {"include_usage": True, "continuous_usage_stats": True}})


def begin(args, number):
    conversation = json.loads(ask("POST", "/v1/conversations", {}))["id"]
    begun = json.loads(ask("POST", f"/v1/conversations/{conversation}/answers", {"request": question(args, number)}))
    return f"/v1/conversations/{conversation}/messages/{begun['messages'][0]['id']}"


def followed(args, number):
    ask("GET", begin(args, number) + "/events")


def unwatched(args, number):
    path = begin(args, number)
    while json.loads(ask("GET", path))["state"] == "writing":
        time.sleep(0.02)


def rate(args, way):
    """Tokens a second of all clients together."""
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.concurrency) as pool:
        list(pool.map(lambda number: way(args, number), range(args.concurrency)))
    return args.concurrency * args.max_tokens / (time.monotonic() - start)


def import_conversations(count):
    chance = random.Random(1)
    say = lambda length: " ".join(chance.choices(WORDS, k=length))
    for begin_at in range(0, count, 100):
        conversations = [
            {"kind": "chat", "title": f"{say(4)} {number}",
             "messages": [{"id": str(i), "parent": str(i - 1) if i else None, "role": "assistant" if i % 2 else "user",
                           "content": f"{say(120 if i % 2 else 12)} unique{number}x{i}"} for i in range(10)]}
            for number in range(begin_at, min(begin_at + 100, count))]
        ask("POST", "/v1/import", {"format": "urial-conversations", "conversations": conversations})


def searches(count):
    for what, query in {"a rare word": "unique{}x3", "two common words": "sky+blue", "a beginning": "uniq", "the list": ""}.items():
        times = []
        for _ in range(30):
            start = time.monotonic()
            ask("GET", "/v1/conversations?q=" + query.format(random.randrange(count)))
            times.append(1000 * (time.monotonic() - start))
        yield [what, f"{statistics.median(times):.1f}", f"{max(times):.1f}"]


def main():
    args = arguments()
    ways = {"plain stream": plain, "conversation, followed": followed, "conversation, nobody follows": unwatched}
    rates = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        command = [str(args.urial), "-q", "serve", "-m", args.model, "--port", str(PORT), "--data", folder]
        server = measure.Server(command, URL + "/health")
        try:
            for way in ways.values():
                rate(args, way)
            for _ in range(args.rounds):
                for name, way in ways.items():
                    rates[name].append(rate(args, way))
            measure.table([[name, f"{statistics.median(values):.1f}", f"{min(values):.1f} to {max(values):.1f}"]
                           for name, values in rates.items()], ["", "tokens a second", "of the rounds"])
            import_conversations(args.conversations)
            print()
            measure.table(list(searches(args.conversations)), ["search", "ms, median", "ms, most"])
        finally:
            server.stop()


if __name__ == "__main__":
    main()
