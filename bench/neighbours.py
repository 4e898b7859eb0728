#!/usr/bin/env python3
"""How much of its speed does urial keep beside busy processes?

    bench/neighbours.py [--work generate,engine,one,shift] [--neighbours 0,1,2] [--rounds 5]
                        [--side 'NAME=[BINARY] [VARIABLE=VALUE ...]'] [--model gemma-3-270m]

The peers (--side, may be repeated) are other builds of urial, or the same with environment variables by which OpenMP's
waiting is chosen, such as OMP_WAIT_POLICY=passive. The neighbours are plain loops, one process each, which this script
starts and always ends. A fair scheduler leaves C threads on C cores C / (C + N) of the machine beside N loops.

Works: `generate` (16 answers, --arithmetic packed), `engine` (8 answers, --arithmetic engine), `one` (an answer at a time,
as in a chat, --arithmetic engine), `shift` (16 answers under the default model and with an adapter). Everything takes turns
in every round; printed are medians, the slowest and the fastest run, and the share of the same side's median without
neighbours. What else the machine did meanwhile is printed too, in cores: quote nothing where it is more than 0.05.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import measure

ADAPTER = measure.URIAL.parent.parent / "models" / "gemma3-270m-chat-lora.gguf"
LOOP = "import ctypes, signal\nctypes.CDLL(None).prctl(1, signal.SIGKILL)\nwhile True: pass"  # ends with this script
SUBJECTS = ["bridges", "bread", "the moon", "whales", "chess", "glass", "rivers", "wool", "volcanoes", "paper", "salt", "bees",
            "clocks", "coffee", "maps", "rain"]


def arguments():
    parser = measure.argument_parser(__doc__, rounds=5)
    parser.add_argument("--model", default="gemma-3-270m", help="of all works but shift")
    parser.add_argument("--work", default="generate,engine,one,shift")
    parser.add_argument("--neighbours", default="0,1,2")
    parser.add_argument("--side", action="append", default=[], metavar="NAME=[BINARY] [VARIABLE=VALUE ...]")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=32, help="of each answer, at most")
    return parser.parse_args()


@contextlib.contextmanager
def neighbours(count):
    """That many loops while the body runs; gives a list that has their CPU seconds afterwards."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]
    seconds = []
    try:
        yield seconds
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            usage = os.wait4(loop.pid, 0)[2]
            loop.returncode = -9
            seconds.append(usage.ru_utime + usage.ru_stime)


def busy_seconds():
    """CPU seconds of everything since the machine was started, what a hypervisor took included."""
    with open("/proc/stat", encoding="ascii") as lines:
        user, nice, system, _, _, irq, softirq, steal = map(int, next(lines).split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def command_of(work, binary, args, folder):
    questions = pathlib.Path(folder, "questions.jsonl")
    if not questions.exists():
        questions.write_text("".join(json.dumps({"instruction": f"Tell me about {subject} in detail."}) + "\n"
                                     for subject in SUBJECTS), encoding="utf-8")
    common = ["-i", str(questions), "--max-tokens", str(args.tokens), "-t", str(args.threads), "--overwrite"]
    generate = [binary, "generate", "-m", args.model, *common, "-o", f"{folder}/answers.jsonl"]
    return {
        "generate": [*generate, "--parallel", "16", "--arithmetic", "packed"],
        "engine": [*generate, "--parallel", "8", "--arithmetic", "engine", "--limit", "8"],
        "one": [*generate, "--parallel", "1", "--arithmetic", "engine", "--limit", "3"],
        "shift": [binary, "shift", "--base", "gemma-3-270m", "--aligned", "gemma-3-270m", "--aligned-lora",
                  str(ADAPTER), *common, "-o", f"{folder}/shift"],
    }[work]


def run_beside(count, command, environment):
    """(tokens a second, cores that something else kept busy)"""
    busy, start = busy_seconds(), time.monotonic()
    with neighbours(count) as loops:
        done = measure.run(command, environment)
    others = busy_seconds() - busy - done.cpu_seconds - sum(loops)
    return measure.rate_of(done)[1], max(0, others / (time.monotonic() - start))


def sides_of(args):
    """{name: (binary, environment)}"""
    sides = {"urial": (str(args.urial), {})}
    for text in args.side:
        name, words = text.split("=", 1)
        binaries = [word for word in words.split() if "=" not in word]
        variables = dict(word.split("=", 1) for word in words.split() if "=" in word)
        sides[name] = (binaries[0] if binaries else str(args.urial), variables)
    return sides


def main():
    args = arguments()
    works, counts = args.work.split(","), [int(count) for count in args.neighbours.split(",")]
    sides = sides_of(args)
    rates = {(work, side, count): [] for work in works for side in sides for count in counts}
    others = []
    with tempfile.TemporaryDirectory() as folder:
        for work in works:
            measure.run(command_of(work, str(args.urial), args, folder))  # keeps the snapshot, and reads the files into memory
        for _ in range(args.rounds):
            for (work, side, count), found in rates.items():
                binary, environment = sides[side]
                rate, other = run_beside(count, command_of(work, binary, args, folder), environment)
                found.append(rate)
                others.append(other)
                print(f"{work}, {side}, {count} neighbours: {rate:.1f} (others: {other:.2f} cores)", file=sys.stderr,
                      flush=True)
    cores = len(os.sched_getaffinity(0))
    rows = []
    for (work, side, count), found in rates.items():
        median = statistics.median(found)
        alone = statistics.median(rates[work, side, counts[0]])
        rows.append((work, side, str(count), f"{median:.1f}", f"{min(found):.1f} to {max(found):.1f}",
                     f"{median / alone:.2f}", f"{cores / (cores + count):.2f}"))
    print(f"{measure.cpu_name()}; {args.rounds} rounds; others kept {statistics.median(others):.2f} cores busy, "
          f"{max(others):.2f} at most\n")
    measure.table(rows, ("work", "side", "neighbours", "tokens/s", "range", f"of that beside {counts[0]}", "fair share"))


if __name__ == "__main__":
    main()
