#!/usr/bin/env python3
"""By how much does the mean KL of one shift run differ from that of another, over the same answers?

    bench/paired_kl.py RUN OTHER

Prints the mean of KL(aligned || base) in RUN minus that in OTHER (run folders of `urial shift`), in nats over all
positions, with the 95 % percentile interval of 2,000 bootstrap samples of whole answers; then the same without the tokens
that end answers. Both runs must hold the same answers, token by token, with finite KL.
"""

import json
import pathlib
import random
import sys

SAMPLES = 2000


def load(folder):
    with open(pathlib.Path(folder) / "records.jsonl", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return {str(record["id"]): record for record in records if "error" not in record}


def ends_answer(record, position):
    piece = record["pieces"][position].strip()
    last = position + 1 == len(record["pieces"])
    return last and len(piece) > 2 and piece[0] == "<" and piece[-1] == ">" and " " not in piece


def difference(record, other, with_ends):
    """Sum of the differences over one answer's positions, and how many they are."""
    if record["answer_ids"] != other["answer_ids"]:
        sys.exit(f"answer {record['id']} has other tokens in the two runs")
    chosen = [i for i in range(len(record["kl_ab"])) if with_ends or not ends_answer(record, i)]
    return sum(record["kl_ab"][i] - other["kl_ab"][i] for i in chosen), len(chosen)


def interval(rows):
    draw = random.Random(20231204)
    ratios = []
    for _ in range(SAMPLES):
        sample = draw.choices(rows, k=len(rows))
        ratios.append(sum(total for total, _ in sample) / sum(count for _, count in sample))
    ratios.sort()
    return ratios[round(0.025 * (SAMPLES - 1))], ratios[round(0.975 * (SAMPLES - 1))]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    run, other = load(sys.argv[1]), load(sys.argv[2])
    if run.keys() != other.keys():
        sys.exit("the runs hold other answers")
    for with_ends, text in ((True, "all positions"), (False, "without ends")):
        rows = [difference(run[id], other[id], with_ends) for id in run]
        low, high = interval(rows)
        mean = sum(total for total, _ in rows) / sum(count for _, count in rows)
        print(f"{text}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]")


if __name__ == "__main__":
    main()
