#!/usr/bin/env python3
"""Batch generation side by side: urial, llama-server, llama-batched-bench and whatever else is named, in one run.

    bench/generate.py --model MODEL.gguf --prompt PREFIX.txt --queries Q.jsonl [--llama-bin DIR]
                      [--server 'NAME=URL=COMMAND'] [--command 'NAME=COMMAND'] [--rounds 3]

Everything answers the same instructions under the same constant prefix, greedily. urial runs as a user runs it: from the
start of the process to its end. A server is measured from the first request to the last answer: its first load after
the start is its cold figure, later ones are warm. Rounds take turns (urial, server, urial, ...) so that a noisy minute
hits both sides; medians are printed. A command of --command prints a JSON object with tokens_per_s. Start nothing else
meanwhile: the engine's threads spin, and one busy process halves every figure.
"""

import json
import pathlib
import statistics
import sys
import tempfile

import load
import measure


def arguments():
    parser = measure.argument_parser(__doc__, rounds=3)
    load.add_arguments(parser)
    parser.add_argument("--parallel", type=int, default=48)
    parser.add_argument("--command", action="append", default=[], metavar="NAME=COMMAND")
    return parser.parse_args()


def urial_run(args, *extra):
    """(tokens a second of the whole process, of the run without loading, peak bytes)"""
    with tempfile.TemporaryDirectory() as folder:
        done = measure.run([str(args.urial), "generate", "-q", "--json", "-m", args.model, "-i", args.queries, "--limit",
                            str(args.n), "--prompt", args.prompt, "--form", "current", "--max-tokens",
                            str(args.max_tokens), "-o", f"{folder}/out.jsonl", *extra])
    printed = done.json()
    return printed["tokens"] / done.seconds, printed["tokens_per_second"], done.peak_bytes


def batched_bench(args):
    """Decoding rate of the engine's own benchmark at our width, over a shared prefix of about the same length."""
    done = measure.run([str(args.llama_bin / "llama-batched-bench"), "-m", args.model, "-c", "16384", "-npp", "900", "-ntg",
                        str(args.max_tokens), "-npl", str(args.parallel), "-pps", "-kvu", "-fa", "on", "--output-format", "jsonl"])
    return done.json()["speed_tg"]


def main():
    args = arguments()
    wide = ["--parallel", str(args.parallel)]
    prompts = load.constant_prompts(args.prompt, args.queries, args.n)
    urial_run(args, *wide)  # keeps the snapshot, and reads the file into memory for all that follow
    rates = {"cold": [], "warm": [], "run": []}
    rows = []

    def say(what, rate):
        print(f"{what}: {rate:.1f}", file=sys.stderr, flush=True)

    def ours(cold=False):
        whole, running, _ = urial_run(args, *wide, *(["--no-snapshot"] if cold else []))
        rates["cold" if cold else "warm"].append(whole)
        say("urial, cold" if cold else "urial", whole)
        if not cold:
            rates["run"].append(running)

    for name, url, command in load.peers(args):
        server = measure.Server(command, url + "/health")
        try:
            first = load.run(url, prompts, args.concurrency, args.max_tokens).rate
            say(f"{name}, first", first)
            warm = []
            for _ in range(args.rounds):
                warm.append(load.run(url, prompts, args.concurrency, args.max_tokens).rate)
                say(name, warm[-1])
        finally:
            server.stop()
        for _ in range(args.rounds):
            ours()
        rows.append((name, warm, first))
    for _ in range(args.rounds):
        ours(cold=True)
    ours()

    warm = statistics.median(rates["warm"])
    out = [("urial, prefix from its snapshot", f"{warm:.1f}", ""),
           ("urial, prefix computed (`--no-snapshot`)", f"{statistics.median(rates['cold']):.1f}", ""),
           ("urial, from the first step to the last", f"{statistics.median(rates['run']):.1f}", "")]
    for name, rounds, first in rows:
        middle = statistics.median(rounds)
        out.append((f"{name}, warm", f"{middle:.1f}", f"{warm / middle:.2f}"))
        out.append((f"{name}, first load", f"{first:.1f}", f"{warm / first:.2f}"))
    if args.llama_bin:
        rate = batched_bench(args)
        say("llama-batched-bench", rate)
        out.append((f"llama-batched-bench, decoding only, {args.parallel} sequences", f"{rate:.1f}",
                    f"{statistics.median(rates['run']) / rate:.2f} (first step to last)"))
    for text in args.command:
        name, command = text.split("=", 1)
        rate = measure.run(command).json()["tokens_per_s"]
        say(name, rate)
        out.append((name, f"{rate:.1f}", f"{warm / rate:.2f}"))

    chat = [str(args.urial), "chat", "-m", args.model, "hi"]
    measure.first_byte(chat)
    first_warm = statistics.median([measure.first_byte(chat) for _ in range(7)])
    first_cold = statistics.median([measure.first_byte([*chat, "--no-snapshot"]) for _ in range(5)])
    peak = urial_run(args, "--parallel", "16")[2]

    print(f"{measure.cpu_name()}; {args.n} requests, {args.max_tokens} tokens each at most, {args.parallel} sequences\n")
    measure.table(out, ("", "tokens/s", "urial is so many times as fast"))
    print(f"\nfirst token of a chat: {first_warm:.2f} s with a snapshot, {first_cold:.2f} s without "
          f"({first_cold / first_warm:.1f} times)")
    print(f"peak resident memory at 16 sequences: {peak / 1e6:.0f} MB (model file "
          f"{pathlib.Path(args.model).stat().st_size / 1e6:.0f} MB)")
    print(f"all rates: {json.dumps({key: [round(v, 1) for v in values] for key, values in rates.items()})}")


if __name__ == "__main__":
    main()
