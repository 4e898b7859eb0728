"""`urial batch` through `vllm run-batch`: the same questions as check_generate.py, exported with the tokenizer of the model
here, imported, and compared with the model in this process: answers may part only at a near tie. The token ids of every
prompt must be those that were exported, and a live run must find nothing left to ask."""

import json
import os
import pathlib
import shutil
import subprocess

import check_generate
import servers

HERE = pathlib.Path(__file__).resolve().parent
OPTIONS = ("-p", "urial", "--max-tokens", check_generate.MAX_TOKENS)


def run_batch(python, weights, folder, requests, results):
    """`vllm run-batch`, without AMX as serve_vllm.py says; what it says goes into a file."""
    command = [python, str(HERE / "serve_vllm.py"), "run-batch", "-i", requests, "-o", results, "--model", weights,
               "--served-model-name", "tiny", "--dtype", "bfloat16", "--max-model-len", "2048", "--enforce-eager",
               "--trust-request-chat-template"]
    with open(folder / "run-batch.log", "wb") as log:
        subprocess.run([str(word) for word in command], check=True, stdout=log, stderr=subprocess.STDOUT, timeout=3600,
                       env={**os.environ, **servers.vllm_environment()})


def run(context):
    python, weights = context.vllm_python(), context.safetensors()
    folder = context.folder / "batch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    requests, results, answers = (folder / name for name in ("requests.jsonl", "results.jsonl", "answers.jsonl"))
    context.run_urial("batch", "export", "generate", "-i", context.questions, "-o", requests, "-m", "tiny",
                      "--tokenizer", context.bf16_model(), *OPTIONS)
    run_batch(python, weights, folder, requests, results)
    counts = json.loads(context.run_urial("--json", "batch", "import", results, "--requests", requests, "-o", answers))
    print(f"imported: {counts}")
    problems = [f"{name} is {counts[name]}" for name in
                ("failed", "other_prompt", "prompt_not_compared", "missing", "repeated", "foreign", "unreadable")
                if counts[name] != 0]
    imported = check_generate.records(answers)
    here = check_generate.generate(context, context.bf16_model(), folder / "here.jsonl")
    with servers.vllm(python, weights, folder) as address:
        def text_of(ids):
            return servers.request(f"{address}/detokenize", {"model": "tiny", "tokens": ids})["prompt"]
        problems += check_generate.compare("vllm run-batch, BF16", here, imported, text_of)
        before = answers.read_bytes()
        context.run_urial("generate", "-i", context.questions, "-o", answers, "-m", f"{address}/v1#tiny", *OPTIONS)
        if answers.read_bytes() != before:
            problems.append("a live run did not take the imported answers for its own")
    return problems
