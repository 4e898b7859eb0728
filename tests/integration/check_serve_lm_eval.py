"""lm-evaluation-harness against `urial serve` with a model in F32: 20 questions with four endings each, read through
`local-completions` with the tokenizer of the model's Hugging Face files, with the server's and as strings, and through the
backend `gguf`. The log-likelihoods must be those of transformers in float32, for the same tokens, to 0.01 nats, and whether
an ending is the greedy one likewise, where that is no near tie. The server's tokenizer is never asked for a BOS: that way is
taken twice, as it is (without one), and with "<bos>" as the task's description, where the harness finds out for itself that
the server has a tokenizer. Without a BOS Gemma is not itself: its keys and values are so large that keeping them in half
precision, as the server does, moves a log-likelihood by 0.01 nats in transformers too, ten times as much as with one."""

import json
import subprocess

import servers

TOLERANCE_NATS = 0.01
TOLERANCE_WITHOUT_BOS_NATS = 0.05
TASK = """task: urial_choice{name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {questions}
test_split: test
output_type: multiple_choice
description: "{description}"
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_choice: endings
doc_to_target: answer
metric_list:
  - metric: acc
"""


def write_task(folder, name, description):
    (folder / f"choice{name}.yaml").write_text(
        TASK.format(name=name, description=description, questions=servers.HERE / "multiple_choice.jsonl"))
    return f"urial_choice{name}"


def evaluate(clients, folder, name, model, task, arguments):
    """By context and ending: log-likelihood and whether it is greedy."""
    output = folder / name
    command = [clients / "bin" / "lm_eval", "--model", model, "--tasks", task, "--include_path", folder, "--log_samples",
               "--output_path", output, "--model_args", ",".join(f"{key}={value}" for key, value in arguments.items())]
    environment = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    servers.run_logged(command, folder / f"{name}.log", 1800, environment)
    found = {}
    for path in output.rglob("samples_*.jsonl"):
        for sample in map(json.loads, path.read_text().splitlines()):
            for asked, ((logp, is_greedy),) in zip(sample["arguments"].values(), sample["resps"]):
                found[asked["arg_0"], asked["arg_1"]] = (float(logp), str(is_greedy) == "True")
    return found


def reference(python, weights, pairs, folder):
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps({"context": context, "continuation": ending, "bos": bos}) + "\n"
                            for context, ending, bos in pairs))
    done = subprocess.run([python, servers.HERE / "lm_eval_reference.py", weights, path], capture_output=True, text=True,
                          timeout=1800)
    if done.returncode != 0:
        raise RuntimeError(f"lm_eval_reference.py ended with {done.returncode}: {done.stderr[-2000:]}")
    return dict(zip(pairs, map(json.loads, done.stdout.splitlines()), strict=True))


def compare(name, found, expected):
    problems, widest, ties = [], 0, 0
    for key, (logp, is_greedy) in found.items():
        tolerance = TOLERANCE_NATS if key[2] else TOLERANCE_WITHOUT_BOS_NATS
        difference = abs(logp - expected[key]["logp"])
        widest = max(widest, difference)
        if difference > tolerance:
            problems.append(f"{name}: {key} has {logp}, in transformers {expected[key]['logp']}")
        if is_greedy != expected[key]["is_greedy"]:
            if expected[key]["margin"] > tolerance:
                problems.append(f"{name}: {key} is greedy: {is_greedy}, in transformers {expected[key]['is_greedy']}")
            else:
                ties += 1
    greedy = sum(is_greedy for _, is_greedy in found.values())
    print(f"{name}: {len(found)} log-likelihoods, {greedy} greedy, widest difference {widest:.5f} nats, {ties} near ties")
    return problems


def run(context):
    clients, python, weights = context.clients(), context.vllm_python(), context.safetensors()
    context.clients_python("lm_eval", "transformers")
    folder = context.new_folder("serve-lm-eval")
    plain, with_bos = write_task(folder, "", ""), write_task(folder, "_bos", "<bos>")
    found = {}
    with servers.urial(context.urial, folder, "-m", f"gemma={context.f32_model()}", "--context", "1024") as address:
        local = {"model": "gemma", "base_url": f"{address}/v1/completions"}
        local_files = {**local, "tokenizer_backend": "huggingface", "tokenizer": weights}
        remote = {**local, "tokenizer_backend": "remote"}
        ways = {
            "huggingface": ("local-completions", plain, {**local_files, "add_bos_token": True}),
            "huggingface-batched": ("local-completions", plain, {**local_files, "add_bos_token": True, "num_concurrent": 4}),
            "remote": ("local-completions", plain, remote),
            "remote-bos": ("local-completions", with_bos, local),
            "strings": ("local-completions", plain, {**local_files, "tokenized_requests": False}),
            "remote-strings": ("local-completions", plain, {**remote, "tokenized_requests": False}),
            "gguf": ("gguf", plain, {"base_url": address}),
        }
        for name, (model, task, arguments) in ways.items():
            asked = evaluate(clients, folder, name, model, task, arguments)
            # What stands in front of the text when the model reads it.
            bos = name != "remote"
            found[name] = {(text.removeprefix("<bos>"), ending, bos): pair for (text, ending), pair in asked.items()}
    pairs = sorted({key for asked in found.values() for key in asked})
    expected = reference(python, weights, pairs, folder)
    problems = []
    for name, asked in found.items():
        if len(asked) != 80:
            problems.append(f"{name}: {len(asked)} log-likelihoods of 80")
        problems += compare(name, asked, expected)
    return problems
