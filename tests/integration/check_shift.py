"""`urial shift` with both models on vLLM, and with one of them there, against both in this process: the same weights in
BF16, the same answers, the prompt zero-shot against the prompt urial."""

import json
import statistics

import servers

ITEMS = 8
MAX_TOKENS = 48
PROMPTS = ("--base-prompt", "zero-shot", "--aligned-prompt", "urial")
# BF16 has 8 bits: two implementations round sums differently. Measured at 768 positions of both sides: 0.95 of the ranks
# and 0.98 of the classes equal, the median difference of a log-probability 0.013 nats, the largest 0.15.
LEAST_EQUAL_RANKS = 0.9
LEAST_EQUAL_CLASSES = 0.95
MOST_MEDIAN_NATS = 0.05
# By which a bound of one arithmetic may pass the KL of the other: nats, and a part of the KL. Measured: 0.11 nats at a KL
# of 4.3, 0.06 elsewhere.
ROUNDING_NATS = 0.1
ROUNDING_PART = 0.05
ROUNDING_TV = 0.05


def records(folder):
    with open(folder / "records.jsonl") as lines:
        found = {record["id"]: record for record in map(json.loads, lines)}
    failed = [record["error"] for record in found.values() if "error" in record]
    if failed:
        raise RuntimeError(f"{folder}: {failed[0]}")
    return found


def class_of(rank):
    return 0 if rank <= 1 else 1 if rank <= 3 else 2


def is_tied(record, side, position):
    """Another listed token has the same log-probability as the answer's."""
    token, logp = record["answer_ids"][position], record[f"{side}_logp"][position]
    return any(other != token and abs(value - logp) < 1e-4 for other, value in record[f"{side}_top"][position])


def compare(name, here, there):
    ranks = classes = untied = untied_ranks = positions = 0
    differences, beyond, kl, bound, outside = [], [], [], [], 0
    for key, exact in here.items():
        served = there[key]
        if exact["answer_ids"] != served["answer_ids"]:
            return [f"{name}: item {key} has other tokens"]
        for side in ("base", "aligned"):
            for p in range(len(exact["answer_ids"])):
                a, b = exact[f"{side}_rank"][p], served[f"{side}_rank"][p]
                positions += 1
                ranks += a == b
                classes += class_of(a) == class_of(b)
                if not is_tied(served, side, p):
                    untied += 1
                    untied_ranks += a == b
                differences.append(abs(exact[f"{side}_logp"][p] - served[f"{side}_logp"][p]))
        kl += exact["kl_ab"]
        bound += served["kl_ab_lower_bound"]
        pairs = zip(served["kl_ab_lower_bound"], exact["kl_ab"])
        beyond += [(low - whole, whole) for low, whole in pairs if low > whole]
        outside += sum(not low - ROUNDING_TV <= tv <= high + ROUNDING_TV for tv, low, high in
                       zip(exact["tv"], served["tv_lower_bound"], served["tv_upper_bound"]))
    most_beyond, at_kl = max(beyond, default=(0, 0))
    wrong = [pair for pair in beyond if pair[0] > ROUNDING_NATS + ROUNDING_PART * pair[1]]
    median = statistics.median(differences)
    print(f"{name}: {positions} positions of both sides; equal ranks {ranks / positions:.3f} (without ties "
          f"{untied_ranks / untied:.3f}, {positions - untied} tied), equal classes {classes / positions:.3f}; "
          f"log-probabilities differ by {median:.3f} nats (median), {max(differences):.2f} (most)")
    print(f"{name}: mean KL {statistics.mean(kl):.3f}, mean lower bound {statistics.mean(bound):.3f}; the bound passes "
          f"the KL of the other arithmetic by {most_beyond:.3f} nats at most (KL {at_kl:.2f}); total variation outside "
          f"its bounds: {outside}")
    problems = []
    if ranks / positions < LEAST_EQUAL_RANKS:
        problems.append(f"{name}: only {ranks / positions:.3f} of the ranks are equal")
    if classes / positions < LEAST_EQUAL_CLASSES:
        problems.append(f"{name}: only {classes / positions:.3f} of the classes are equal")
    if median > MOST_MEDIAN_NATS:
        problems.append(f"{name}: log-probabilities differ by {median:.3f} nats")
    for excess, whole in wrong:
        problems.append(f"{name}: a lower bound is {excess:.3f} nats above the KL of {whole:.3f}")
    if outside:
        problems.append(f"{name}: {outside} total variation distances lie outside their bounds")
    return problems


def answers_here(context, model, folder):
    """The records of the model in this process, and a file of the answers that it wrote."""
    context.run_urial("shift", "-i", context.questions, "--limit", ITEMS, "-o", folder / "here", "--base", model,
                      "--aligned", model, *PROMPTS, "--max-tokens", MAX_TOKENS)
    here = records(folder / "here")
    answers = folder / "answers.jsonl"
    with open(answers, "w") as lines:
        for record in here.values():
            lines.write(json.dumps({key: record[key] for key in ("id", "instruction", "answer_ids")}) + "\n")
    return here, answers


def run(context):
    python, weights, model = context.vllm_python(), context.safetensors(), context.bf16_model()
    folder = context.new_folder("shift")
    prompts = [*PROMPTS, "--max-tokens", MAX_TOKENS]
    here, answers = answers_here(context, model, folder)
    problems = []
    with servers.vllm(python, weights, folder) as address:
        served = f"{address}/v1#tiny"
        for name, base, aligned in (("both on vLLM", served, served), ("base on vLLM", served, model),
                                    ("aligned on vLLM", model, served)):
            out = folder / name.replace(" ", "-")
            context.run_urial("shift", "--answers", answers, "-o", out, "--base", base, "--aligned", aligned, *prompts)
            problems += compare(name, here, records(out))
        context.run_urial("shift", "-i", context.questions, "--limit", 2, "-o", folder / "written", "--base", served,
                          "--aligned", served, *prompts)
        agreeing = [rank == 1 for record in records(folder / "written").values() for rank in record["aligned_rank"]]
        print(f"answers that vLLM writes: {sum(agreeing)} of {len(agreeing)} tokens are its own first choice again")
        if sum(agreeing) < 0.9 * len(agreeing):
            problems.append("what vLLM writes greedily is not what it scores best")
    return problems
