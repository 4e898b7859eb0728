#!/usr/bin/env python3
"""What it costs to analyse answers while the aligned model writes them, against writing them alone.

    bench/lockstep.py --model MODEL --lora ADAPTER.gguf --input INSTRUCTIONS.jsonl [--parallel 16] [--max-tokens 100]
                      [--arithmetic precise] [--rounds 3]

Both sides write the same answers: the model with the adapter, greedy, under the zero-shot prompt. Of a quantised model
`urial shift` takes precise arithmetic by itself and `urial generate` the fast one; `--arithmetic precise` gives both the
same. Seconds a token, without loading; rounds take turns; medians. Start nothing else meanwhile.
"""

import statistics
import tempfile

import measure


def arguments():
    parser = measure.argument_parser(__doc__, rounds=3)
    parser.add_argument("--model", required=True)
    parser.add_argument("--lora", required=True, help="the adapter that makes it the aligned model, as a GGUF file")
    parser.add_argument("--input", required=True)
    parser.add_argument("--parallel", default="16")
    parser.add_argument("--max-tokens", default="100")
    parser.add_argument("--arithmetic", help="of both sides [each its own]")
    return parser.parse_args()


def run(args, command):
    """(tokens, tokens a second without loading, peak bytes)"""
    with tempfile.TemporaryDirectory() as folder:
        arithmetic = ["--arithmetic", args.arithmetic] if args.arithmetic else []
        done = measure.run([str(args.urial), *command, *arithmetic, "-i", args.input, "-o", f"{folder}/out",
                            "--parallel", args.parallel, "--max-tokens", args.max_tokens])
    return *measure.rate_of(done), done.peak_bytes


def main():
    args = arguments()
    commands = {
        "written": ["generate", "-m", args.model, "--lora", args.lora, "-p", "zero-shot"],
        "written and analysed": ["shift", "--base", args.model, "--aligned", args.model, "--aligned-lora", args.lora,
                                 "--aligned-prompt", "zero-shot"],
    }
    runs = {name: [] for name in commands}
    for _ in range(args.rounds):
        for name, command in commands.items():
            runs[name].append(run(args, command))
    rates = {name: statistics.median(rate for _, rate, _ in of) for name, of in runs.items()}
    print(f"{measure.cpu_name()}\n")
    measure.table([(name, str(of[-1][0]), f"{rates[name]:.1f}", f"{rates['written'] / rates[name]:.2f}",
                    f"{max(peak for _, _, peak in of) / 1e6:.0f}") for name, of in runs.items()],
                  ("", "tokens", "tokens/s", "cost", "peak MB"))


if __name__ == "__main__":
    main()
