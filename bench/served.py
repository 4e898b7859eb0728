#!/usr/bin/env python3
"""How much of a server's throughput does `urial generate` get, and what does it need of the CPU beside the server?

    bench/served.py --address http://127.0.0.1:8000 --model NAME --weights FOLDER --vllm vllm [--parallel 16] [--rounds 3]
    bench/served.py --paced 200

Against a vLLM server: urial and `vllm bench serve` in turn, with the same questions in the same order as chat messages,
greedy, and as many of them under way; answers end where the model ends them, or after --max-tokens. urial counts from the
start of its process to its end, bench serve from its first request to its last answer. With --paced against a server of
this script that streams so many tokens a second, one in each event: only urial's CPU is looked at.
"""

import asyncio
import json
import pathlib
import statistics
import sys
import tempfile
import threading

import measure

QUESTIONS = measure.URIAL.parent.parent / "tests" / "integration" / "questions.jsonl"


def arguments():
    parser = measure.argument_parser(__doc__, rounds=3)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--model", default="tiny", help="as the server names it")
    parser.add_argument("--weights", help="where vllm finds its tokenizer")
    parser.add_argument("--vllm", default="vllm", help="the program, or a command")
    parser.add_argument("--questions", type=pathlib.Path, default=QUESTIONS)
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--paced", type=float, help="tokens a second of a server that this script starts")
    return parser.parse_args()


def run_urial(args, address, folder):
    """(tokens, seconds, CPU seconds)"""
    output = folder / "answers.jsonl"
    done = measure.run([str(args.urial), "-q", "generate", "-i", str(args.questions), "-o", str(output), "--overwrite",
                        "-m", f"{address}/v1#{args.model}", "-p", "chat", "--max-tokens", str(args.max_tokens),
                        "--parallel", str(args.parallel)])
    tokens = sum(json.loads(line)["completion_tokens"] for line in output.read_text().splitlines())
    return tokens, done.seconds, done.cpu_seconds


def run_bench(args, folder):
    """(tokens, seconds, CPU seconds): the first two as bench serve says them, the last of its whole process."""
    questions = [json.loads(line)["instruction"] for line in args.questions.read_text().splitlines()]
    dataset = folder / "prompts.jsonl"
    dataset.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in questions))
    done = measure.run([*args.vllm.split(), "bench", "serve", "--backend", "openai-chat", "--base-url", args.address,
                        "--endpoint", "/v1/chat/completions", "--model", args.model, "--tokenizer", args.weights,
                        "--dataset-name", "custom", "--dataset-path", str(dataset), "--disable-shuffle",
                        "--skip-chat-template", "--custom-output-len", str(args.max_tokens), "--num-prompts",
                        str(len(questions)), "--max-concurrency", str(args.parallel), "--temperature", "0",
                        "--disable-tqdm", "--save-result", "--result-dir", str(folder), "--result-filename", "bench.json"])
    result = json.loads((folder / "bench.json").read_text())
    if result["completed"] != len(questions):
        sys.exit(f"bench serve completed {result['completed']} of {len(questions)} requests")
    return result["total_output_tokens"], result["duration"], done.cpu_seconds


class PacedServer:
    """Says as many tokens as it is asked for, `rate` of them a second, shared by `parallel` answers."""

    def __init__(self, rate, parallel):
        self.pause = parallel / rate
        self.port = None
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait()

    async def serve(self, ready):
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def connection(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
                body = json.loads(await reader.readexactly(length[0])) if length else {}
                target = head.split()[1].decode()
                if target.endswith("/chat/completions"):
                    await self.stream(writer, body)
                else:
                    known = {"/v1/models": {"data": [{"id": "tiny", "owned_by": "vllm"}]}, "/version": {"version": "0"}}
                    self.reply(writer, json.dumps(known.get(target, {})).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    @staticmethod
    def reply(writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" %
                     (len(body), body))

    async def stream(self, writer, body):
        def send(event):
            data = b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n"
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))

        def event(delta, reason=None):
            return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny",
                    "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}

        tokens = body.get("max_tokens") or body["max_completion_tokens"]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        due = asyncio.get_running_loop().time()
        for _ in range(tokens):
            due += self.pause
            await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
            send(event({"content": " word"}))
        send(event({}, "length"))
        send({"id": "chatcmpl-1", "model": "tiny", "choices": [],
              "usage": {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens}})
        send(b"[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def row(name, runs):
    rates = [tokens / seconds for tokens, seconds, _ in runs]
    cores = [100 * cpu / seconds for _, seconds, cpu in runs]
    return (name, f"{statistics.median(rates):.1f}", f"{min(rates):.1f} to {max(rates):.1f}",
            str(statistics.median(tokens for tokens, _, _ in runs)), f"{statistics.median(cores):.1f} %")


HEADER = ("", "tokens/s", "single runs", "tokens", "CPU of the client")


def main():
    args = arguments()
    print(f"{measure.cpu_name()}; {args.parallel} requests at a time\n")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if args.paced:
            address = f"http://127.0.0.1:{PacedServer(args.paced, args.parallel).port}"
            runs = [run_urial(args, address, folder) for _ in range(args.rounds)]
            measure.table([row("urial generate", runs)], HEADER)
            return
        run_urial(args, args.address, folder)  # to warm the server
        urial, bench = [], []
        for round_number in range(args.rounds):
            for turn in (0, 1) if round_number % 2 == 0 else (1, 0):
                if turn == 0:
                    urial.append(run_urial(args, args.address, folder))
                else:
                    bench.append(run_bench(args, folder))
                print((urial, bench)[turn][-1], file=sys.stderr, flush=True)
        measure.table([row("urial generate", urial), row("vllm bench serve", bench)], HEADER)
        ratios = [(u[0] / u[1]) / (b[0] / b[1]) for u, b in zip(urial, bench)]
        print(f"\nurial / bench serve, median of the rounds: {statistics.median(ratios):.3f} "
              f"({min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
