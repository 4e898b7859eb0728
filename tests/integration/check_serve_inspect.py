"""Inspect's providers `openai-api` and `openai-api-completions` against `urial serve` with a model in F32: messages as they
are and under an in-context prompt, and texts with the log-probabilities of their tokens. Every sample is answered without an
error, with usage and, where asked for, log-probabilities; what the model certainly continues is scored as right."""

import json

import servers

TASKS = {"continued": "openai-api/urial/gemma@raw", "asked": "openai-api/urial/gemma",
         "scored": "openai-api-completions/urial/gemma"}


def evaluate(clients, folder, task, model, address):
    logs = folder / task
    command = [clients / "bin" / "inspect", "eval", f"{servers.HERE / 'inspect_task.py'}@{task}", "--model",
               model, "--log-dir", logs, "--log-format", "json", "--display", "plain",
               "--max-retries", "0"]
    environment = {"URIAL_API_KEY": "none", "URIAL_BASE_URL": f"{address}/v1",
                   "XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
    servers.run_logged(command, folder / f"{task}.log", 900, environment, folder)
    found = list(logs.glob("*.json"))
    if len(found) != 1:
        raise RuntimeError(f"inspect has written {len(found)} logs to {logs}")
    return json.loads(found[0].read_text())


def problems_of(task, log):
    if log["status"] != "success":
        return [f"{task}: {log['status']}: {log.get('error')}"]
    problems, right = [], 0
    for sample in log["samples"]:
        output = sample["output"]
        right += sample["scores"]["includes"]["value"] == "C"
        if not output["completion"].strip() or output["usage"]["output_tokens"] < 1:
            problems.append(f"{task}: {sample['input']!r} has no answer: {output}")
        if task == "continued":
            scores = (output["choices"][0]["logprobs"] or {"content": []})["content"]
            if not scores or any(len(entry["top_logprobs"]) != 3 for entry in scores):
                problems.append(f"{task}: {sample['input']!r} has the log-probabilities {scores}")
        if task == "scored":
            scores = (output["choices"][0]["prompt_logprobs"] or {"content": []})["content"]
            # All tokens but a BOS, which has no log-probability.
            if "".join(entry["token"] for entry in scores) != sample["input"]:
                problems.append(f"{task}: {sample['input']!r} has the tokens {[entry['token'] for entry in scores]}")
    if task != "asked" and right != len(log["samples"]):
        problems.append(f"{task}: {[sample['output']['completion'] for sample in log['samples']]} are not all right")
    print(f"{task}: {len(log['samples'])} samples, {right} right: "
          f"{[sample['output']['completion'] for sample in log['samples']]}")
    return problems


def run(context):
    clients = context.clients()
    context.clients_python("inspect_ai", "openai")
    folder = context.new_folder("serve-inspect")
    problems = []
    with servers.urial(context.urial, folder, "-m", f"gemma={context.f32_model()}", "--context", "2048") as address:
        for task, model in TASKS.items():
            problems += problems_of(task, evaluate(clients, folder, task, model, address))
    return problems
