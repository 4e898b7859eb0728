"""`urial generate -m URL` against the same model in this process: 40 questions under the prompt urial. Answers may part
only at a near tie, where the two best tokens of the model here are closer than 0.25 nats."""

import json
import os.path
import shutil

import servers

MAX_TOKENS = 48


def records(path):
    with open(path) as lines:
        return {record["id"]: record for record in map(json.loads, lines)}


def parting(record, other, text_of):
    """The position of the first token that the other answer does not have; None where there is none."""
    if record["output"] == other:
        return None
    common = len(os.path.commonprefix([record["output"], other]))
    ids = record["token_ids"]
    for count in range(1, len(ids) + 1):
        if len(text_of(ids[:count])) > common:
            return count - 1
    return len(ids)


def compare(name, here, there, text_of):
    gaps, problems = [], []
    for key, record in here.items():
        position = parting(record, there[key]["output"], text_of)
        if position is None:
            continue
        near = dict(map(tuple, record.get("near_ties", [])))
        if position in near:
            gaps.append(near[position])
        else:
            problems.append(f"{name}: answer {key} parts at token {position}, which is no near tie")
    print(f"{name}: {len(here) - len(gaps) - len(problems)} of {len(here)} answers are the same; {len(gaps)} part at a "
          f"near tie (widest {max(gaps, default=0):.3f} nats), {len(problems)} elsewhere")
    return problems


def generate(context, model, output):
    context.run_urial("generate", "-i", context.questions, "-o", output, "-m", model, "-p", "urial", "--max-tokens",
                      MAX_TOKENS, *(() if "#" in str(model) else ("--token-ids", "--arithmetic", "engine")))
    return records(output)


def run(context):
    python, weights = context.vllm_python(), context.safetensors()
    folder = context.folder / "generate"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    here = generate(context, context.bf16_model(), folder / "here.jsonl")
    with servers.vllm(python, weights, folder) as address:
        there = generate(context, f"{address}/v1#tiny", folder / "vllm.jsonl")

        def text_of(ids):
            return servers.request(f"{address}/detokenize", {"model": "tiny", "tokens": ids})["prompt"]
        return compare("vLLM, BF16", here, there, text_of)
