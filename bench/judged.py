#!/usr/bin/env python3
"""What tables of judged runs cost: 1,000 records with 10,000 bootstrap draws, and a raw file of 100 MB.

    bench/judged.py [--rounds 5]

The records are random numbers: only time and memory are looked at. Start nothing else meanwhile.
"""

import json
import pathlib
import random
import statistics
import tempfile

import measure

ASPECTS = ["helpfulness", "clarity", "factuality", "depth", "engagement"]
RECORDS = 1000
RAW_BYTES = 100_000_000


def arguments():
    return measure.argument_parser(__doc__, rounds=5).parse_args()


def write_run(folder):
    """A run folder with 5 aspects, and with tags of 7 tasks, 8 topics, 9 sources and 3 levels of difficulty."""
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"format": "urial.eval/1"}))
    draw = random.Random(7)
    with open(folder / "records.jsonl", "w") as out:
        for number in range(RECORDS):
            tasks = sorted({f"task {draw.randrange(7)}", f"task {draw.randrange(7)}"})
            verdicts = {aspect: {"score": draw.randint(1, 5), "reason": "drawn"} for aspect in ASPECTS}
            out.write(json.dumps({
                "id": str(number), "instruction": f"question {number}", "task": tasks,
                "topic": [f"topic {draw.randrange(8)}"], "dataset": f"source {draw.randrange(9)}",
                "difficulty": f"level {draw.randrange(3)}", "answer": {"output": "some words", "generator": "model"},
                "judge": "judge", "rubric": "just-eval", "rubric_version": "1", "turn": 1, "attempts": 1,
                "verdicts": verdicts, "reply": "{}"}) + "\n")


def write_raw(path):
    """Records as the original authors' tool wrote them, with long answers."""
    judgement = json.dumps({aspect: {"reason": "drawn", "score": "4"} for aspect in ASPECTS})
    record = {"input": "Say more.", "output_cand": "x" * 100_000, "generator_cand": "model",
              "eval_config": {"mode": "score_multi", "gpt": "gpt-4", "max_words": -1}, "prompt": "Judge.",
              "result": judgement, "parsed_result": json.loads(judgement)}
    count = RAW_BYTES // len(json.dumps(record)) + 1
    with open(path, "w") as out:  # bit by bit: what this process held would count as the peak of those that it starts
        for number in range(count):
            out.write(("[" if number == 0 else ",\n") + json.dumps({"id": number, **record}))
        out.write("]")
    return count


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_run(folder / "run")
        raw_records = write_raw(folder / "raw.json")
        reports, imports = [], []
        for round_number in range(args.rounds):
            reports.append(measure.run([str(args.urial), "report", str(folder / "run")]))
            imports.append(measure.run([str(args.urial), "judge", "import", str(folder / "raw.json"), "-o",
                                        str(folder / f"imported-{round_number}")]))
        raw_megabytes = (folder / "raw.json").stat().st_size / 1e6
    rows = [(what, f"{statistics.median(run.seconds for run in runs):.2f}",
             f"{max(run.peak_bytes for run in runs) / 1e6:.0f}")
            for what, runs in ((f"report of {RECORDS} records, 10,000 draws", reports),
                               (f"import of {raw_records} raw records, {raw_megabytes:.0f} MB", imports))]
    print(f"{measure.cpu_name()}\n")
    measure.table(rows, ("", "s", "peak MB"))


if __name__ == "__main__":
    main()
