"""`urial generate -m URL` against the same model in this process: 40 questions under the prompt urial. Answers may part
only at a near tie, where the two best tokens of the model here are closer than 0.25 nats: in the run itself, or where its
answers are scored again in precise arithmetic."""

import json
import os.path

import servers

MAX_TOKENS = 48
NEAR_TIE_NATS = 0.25


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


def margins(context, model, answers, folder, arithmetic="auto"):
    """By id: the lead of the best token over the second at every position of these answers."""
    given = folder / f"{arithmetic}.jsonl"
    with open(given, "w") as lines:
        for record in answers:
            lines.write(json.dumps({"id": record["id"], "instruction": record["instruction"],
                                    "answer_ids": record["token_ids"]}) + "\n")
    context.run_urial("shift", "--answers", given, "-o", folder / arithmetic, "--base", model, "--base-prompt", "urial",
                      "--aligned", model, "--aligned-prompt", "urial", "--arithmetic", arithmetic)
    return {key: record["aligned_margin"] for key, record in records(folder / arithmetic / "records.jsonl").items()}


def text_on_vllm(address):
    """The text of token ids, as the server at this address says it."""
    return lambda ids: servers.request(f"{address}/detokenize", {"model": "tiny", "tokens": ids})["prompt"]


def compare(context, name, model, here, there, text_of, folder, limit=NEAR_TIE_NATS):
    """`here`: the records of `model` in this process. `limit`: of a near tie in precise arithmetic, in nats."""
    positions = {key: parting(record, there[key]["output"], text_of) for key, record in here.items()}
    parted = {key: position for key, position in positions.items() if position is not None}
    gaps = {}
    for key, position in parted.items():
        near = dict(map(tuple, here[key].get("near_ties", [])))
        if position in near:
            gaps[key] = near[position]
    of_run = len(gaps)
    rest = [here[key] for key in parted if key not in gaps]
    for key, leads in (margins(context, model, rest, folder) if rest else {}).items():
        if parted[key] < len(leads) and leads[parted[key]] < limit:
            gaps[key] = leads[parted[key]]
    problems = [f"{name}: answer {key} parts at token {position}, which is no near tie"
                for key, position in parted.items() if key not in gaps]
    print(f"{name}: {len(here) - len(parted)} of {len(here)} answers are the same; {of_run} part at a near tie of the "
          f"run, {len(gaps) - of_run} at one in precise arithmetic (widest {max(gaps.values(), default=0):.3f} nats), "
          f"{len(problems)} elsewhere")
    return problems


def generate(context, model, output):
    context.run_urial("generate", "-i", context.questions, "-o", output, "-m", model, "-p", "urial", "--max-tokens",
                      MAX_TOKENS, *(() if "#" in str(model) else ("--token-ids", "--arithmetic", "engine")))
    return records(output)


def run(context):
    python, weights = context.vllm_python(), context.safetensors()
    folder = context.new_folder("generate")
    model = context.bf16_model()
    here = generate(context, model, folder / "here.jsonl")
    with servers.vllm(python, weights, folder) as address:
        there = generate(context, f"{address}/v1#tiny", folder / "vllm.jsonl")
        return compare(context, "vLLM, BF16", model, here, there, text_on_vllm(address), folder)
