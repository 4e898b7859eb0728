#!/usr/bin/env python3
"""Token-distribution shift side by side: urial, other programs that score the same answers, llama-perplexity.

    bench/shift.py --model F32.gguf --lora ADAPTER.gguf --answers ANSWERS.jsonl [--limit N] [--rounds 3]
                   [--command 'NAME=COMMAND'] [--perplexity DIR --text FILE]

ANSWERS has base_prompt_ids, aligned_prompt_ids and answer_ids (docs/shift.md). urial runs with all of its measures and
is measured twice: from the start of the process to its end, and without loading, as programs of --command measure
themselves (they print a JSON object with tokens_per_s). llama-perplexity scores one text under both models through a
file of logits; its rate is that of both runs together, and it scores half of the tokens that it reads. Rounds take
turns; medians are printed. Start nothing else meanwhile.
"""

import pathlib
import statistics
import tempfile

import measure

CHUNK_TOKENS = 512


def arguments():
    parser = measure.argument_parser(__doc__, rounds=3)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--lora", required=True, help="the adapter that makes it the aligned model, as a GGUF file")
    parser.add_argument("--answers", required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--command", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--perplexity", type=pathlib.Path, help="folder of llama-perplexity")
    parser.add_argument("--text", help="what llama-perplexity reads")
    parser.add_argument("--chunks", type=int, default=10, help="of 512 tokens, for llama-perplexity")
    return parser.parse_args()


def urial_run(args):
    """(positions a second of the whole process, without loading, peak bytes)"""
    with tempfile.TemporaryDirectory() as folder:
        limit = ["--limit", str(args.limit)] if args.limit else []
        done = measure.run([str(args.urial), "shift", "--base", args.model, "--aligned", args.model, "--aligned-lora",
                            args.lora, "--answers", args.answers, "-o", f"{folder}/run", *limit])
    positions, rate = measure.rate_of(done)
    return positions / done.seconds, rate, done.peak_bytes


def perplexity(args):
    """Scored positions a second of the two runs that llama-perplexity needs, loading and the file of logits included."""
    with tempfile.TemporaryDirectory() as folder:
        common = [str(args.perplexity / "llama-perplexity"), "-m", args.model, "-c", str(CHUNK_TOKENS), "--chunks",
                  str(args.chunks), "--kl-divergence-base", f"{folder}/logits"]
        base = measure.run([*common, "-f", args.text])
        aligned = measure.run([*common, "--kl-divergence", "--lora", args.lora])
    return args.chunks * CHUNK_TOKENS / 2 / (base.seconds + aligned.seconds)


def main():
    args = arguments()
    urial_run(args)  # reads the file into memory for all that follow
    others = {name: command for name, command in (text.split("=", 1) for text in args.command)}
    whole, running, peaks = [], [], []
    rates = {name: [] for name in others}
    read_by_perplexity = []
    for _ in range(args.rounds):
        rate, without_loading, peak = urial_run(args)
        whole.append(rate)
        running.append(without_loading)
        peaks.append(peak)
        for name, command in others.items():
            if name.endswith("(once)") and rates[name]:
                continue
            rates[name].append(measure.run(command).json()["tokens_per_s"])
        if args.perplexity:
            read_by_perplexity.append(perplexity(args))
    ours = statistics.median(running)
    rows = [("urial, all measures, without loading", f"{ours:.1f}", ""),
            ("urial, start of the process to its end", f"{statistics.median(whole):.1f}", "")]
    for name, found in rates.items():
        rows.append((name, f"{statistics.median(found):.2f}", f"{ours / statistics.median(found):.2f}"))
    if args.perplexity:
        rate = statistics.median(read_by_perplexity)
        rows.append(("llama-perplexity --kl-divergence, both runs", f"{rate:.1f}",
                     f"{statistics.median(whole) / rate:.2f} (whole process)"))
    print(f"{measure.cpu_name()}\n")
    measure.table(rows, ("", "positions/s", "urial is so many times as fast"))
    print(f"\npeak resident memory of urial: {max(peaks) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
