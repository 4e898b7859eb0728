#!/usr/bin/env python3
"""Whether two runs over the same items, on two devices say, agree.

    bench/agreement.py ranks RUN RUN [--least 0.994]   two run folders of `urial shift` with the same answers
    bench/agreement.py answers A.jsonl B.jsonl         two outputs of `urial generate --token-ids`

Of ranks: the share of equal ones over all positions, of equal classes, and the largest difference of a KL. Of answers:
how many are equal, and whether the others first differ where one of the two runs has recorded a near tie. Prints one
JSON object; ends with 1 where too few ranks are equal, or an answer differs elsewhere.
"""

import argparse
import json
import pathlib
import sys


def records(path):
    with open(path, encoding="utf-8") as lines:
        return {json.dumps(record["id"]): record for record in map(json.loads, lines)}


def shift_class(rank):
    return min(rank, 2) if rank < 4 else 4  # 1 unshifted, 2 marginal, 4 shifted


def compare_ranks(args):
    first, second = (records(pathlib.Path(run) / "records.jsonl") for run in (args.first, args.second))
    if first.keys() != second.keys():
        sys.exit(f"other items: {len(first)} and {len(second)}")
    positions = equal = classes = 0
    largest = 0.0
    for key, one in first.items():
        other = second[key]
        if "error" in one or "error" in other:
            sys.exit(f"item {key} failed: {one.get('error')} {other.get('error')}")
        if one["answer_ids"] != other["answer_ids"]:
            sys.exit(f"item {key} has other tokens")
        for a, b, kl_a, kl_b in zip(one["base_rank"], other["base_rank"], one["kl_ab"], other["kl_ab"]):
            positions += 1
            equal += a == b
            classes += shift_class(a) == shift_class(b)
            largest = max(largest, abs(kl_a - kl_b))
    if positions == 0:
        sys.exit("no positions to compare")
    share = equal / positions
    print(json.dumps({"positions": positions, "equal_ranks": round(share, 5), "equal_classes": round(classes / positions, 5),
                      "largest_kl_difference": round(largest, 5)}))
    return share >= args.least


def compare_answers(args):
    first, second = records(args.first), records(args.second)
    if first.keys() != second.keys():
        sys.exit(f"other items: {len(first)} and {len(second)}")
    equal = at_ties = elsewhere = 0
    for key, one in first.items():
        other = second[key]
        a, b = one["token_ids"], other["token_ids"]
        if a == b:
            equal += 1
            continue
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        ties = {tie[0] for record in (one, other) for tie in record.get("near_ties", [])}
        at_ties += at in ties
        elsewhere += at not in ties
    print(json.dumps({"answers": len(first), "equal": equal, "differ_at_near_ties": at_ties, "differ_elsewhere": elsewhere}))
    return elsewhere == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    for name, compare in (("ranks", compare_ranks), ("answers", compare_answers)):
        kind = kinds.add_parser(name)
        kind.add_argument("first")
        kind.add_argument("second")
        kind.set_defaults(compare=compare)
        if name == "ranks":
            kind.add_argument("--least", type=float, default=0.994)
    args = parser.parse_args()
    return 0 if args.compare(args) else 1


if __name__ == "__main__":
    sys.exit(main())
