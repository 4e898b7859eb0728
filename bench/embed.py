#!/usr/bin/env python3
"""How much faster is `urial embed` than sentence-transformers on this CPU, and how alike are the vectors?

    python3 bench/embed.py [--urial build/urial] [--model all-mpnet-base-v2] [--encoder all-mpnet-base-v2] [FILE...]

Takes texts of 1 to 384 tokens out of the files (default: docs/), has both sides encode them in turn, and prints texts
per second of the whole command or call without loading, and the largest 1 - cosine. --model is a folder or name that sentence-transformers loads. Needs sentence-transformers; set
ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 where AMX is announced and cannot be used.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import torch
from sentence_transformers import SentenceTransformer

ROOT = pathlib.Path(__file__).resolve().parent.parent


def texts_of(files, tokenizer, count, most=384):
    words = " ".join(path.read_text(encoding="utf-8") for path in files).split()
    chosen, texts = random.Random(7), ["?", "Ça coûte 12 €, n'est-ce pas?", "東京は日本の首都です。", "😀 party", "한국어"]
    while len(texts) < count:
        wanted = max(1, most * len(texts) // count)
        begin = chosen.randrange(len(words) - most)
        text = " ".join(words[begin : begin + wanted])
        offsets = tokenizer(text, truncation=True, max_length=wanted + 2, return_offsets_mapping=True)["offset_mapping"]
        texts.append(" ".join(text[: max(end for _, end in offsets)].split()))
    return texts


def run_urial(program, encoder, texts, threads):
    """Vectors, and seconds without loading (those of a run with one short text)."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (texts[:1], texts):
            path = pathlib.Path(folder) / "texts.jsonl"
            path.write_text("".join(json.dumps({"text": text}) + "\n" for text in part), encoding="utf-8")
            begin = time.perf_counter()
            command = [program, "embed", "-q", "-e", encoder, "-t", str(threads), "-i", str(path)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds.append(time.perf_counter() - begin)
    return [json.loads(line)["embedding"] for line in output.splitlines()], seconds[1] - seconds[0]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--urial", default=str(ROOT / "build" / "urial"))
    arguments.add_argument("--model", default="sentence-transformers/all-mpnet-base-v2")
    arguments.add_argument("--encoder", default="all-mpnet-base-v2")
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    arguments.add_argument("--texts", type=int, default=200)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("files", nargs="*", type=pathlib.Path)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    model = SentenceTransformer(options.model, device="cpu")
    texts = texts_of(options.files or sorted((ROOT / "docs").glob("*.md")), model.tokenizer, options.texts)
    model.encode(texts[:8])
    ours, theirs = [], []
    for _ in range(options.runs):
        begin = time.perf_counter()
        expected = model.encode(texts, convert_to_tensor=True).double()
        theirs.append(time.perf_counter() - begin)
        vectors, seconds = run_urial(options.urial, options.encoder, texts, options.threads)
        ours.append(seconds)
    cosine = (torch.tensor(vectors, dtype=torch.float64) * expected).sum(1) / expected.norm(dim=1)
    for name, seconds in (("sentence-transformers", theirs), ("urial embed", ours)):
        rates = [len(texts) / s for s in seconds]
        print(f"{name:22} {statistics.median(rates):7.2f} texts/s ({min(rates):.2f} to {max(rates):.2f})")
    print(f"ratio of the medians   {statistics.median(theirs) / statistics.median(ours):7.2f}")
    print(f"largest 1 - cosine     {(1 - cosine).max():9.2e} over {len(texts)} texts")


main()
