"""`urial batch` through `vllm run-batch`: the same questions as check_generate.py, exported with the tokenizer of the model
here, imported, and compared with the model in this process: answers may part only at a near tie. The token ids of every
prompt must be those that were exported, and a live run must find nothing left to ask. Likewise the answers of
check_shift.py, whose tokens both sides score."""

import json
import pathlib

import check_generate
import check_shift
import servers

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = ("failed", "other_prompt", "prompt_not_compared", "missing", "repeated", "foreign", "unreadable")
OPTIONS = ("-p", "urial", "--max-tokens", check_generate.MAX_TOKENS)


def run_batch(python, weights, folder, requests, results):
    """`vllm run-batch`, without AMX as serve_vllm.py says; what it says goes into a file."""
    command = [python, str(HERE / "serve_vllm.py"), "run-batch", "-i", requests, "-o", results, "--model", weights,
               "--served-model-name", "tiny", "--dtype", "bfloat16", "--max-model-len", "2048", "--enforce-eager",
               "--trust-request-chat-template"]
    servers.run_logged(command, folder / f"{results.stem}.log", 3600, servers.vllm_environment())


def export_questions(context, model, requests):
    context.run_urial("batch", "export", "generate", "-i", context.questions, "-o", requests, "-m", "tiny",
                      "--tokenizer", model, *OPTIONS)


def import_all(context, results, requests, output, allowed=()):
    """Imports and returns what is wrong with the results."""
    counts = json.loads(context.run_urial("--json", "batch", "import", *results, "--requests", requests, "-o", output))
    print(f"imported: {counts}")
    return [f"{name} is {counts[name]}" for name in FAULTS if counts[name] != 0 and name not in allowed]


def run_generation(context, python, weights, folder):
    requests, results, answers = (folder / name for name in ("requests.jsonl", "results.jsonl", "answers.jsonl"))
    model = context.bf16_model()
    export_questions(context, model, requests)
    run_batch(python, weights, folder, requests, results)
    problems = import_all(context, [results], requests, answers)
    here = check_generate.generate(context, model, folder / "here.jsonl")
    with servers.vllm(python, weights, folder) as address:
        problems += check_generate.compare(context, "vllm run-batch, BF16", model, here, check_generate.records(answers),
                                           check_generate.text_on_vllm(address), folder)
        before = answers.read_bytes()
        context.run_urial("generate", "-i", context.questions, "-o", answers, "-m", f"{address}/v1#tiny", *OPTIONS)
        if answers.read_bytes() != before:
            problems.append("a live run did not take the imported answers for its own")
    return problems


def run_shift(context, python, weights, folder):
    model = context.bf16_model()
    here, answers = check_shift.answers_here(context, model, folder)
    requests, imported = folder / "shift.jsonl", folder / "shift"
    context.run_urial("batch", "export", "shift", "--answers", answers, "-o", requests, "--base", "tiny", "--aligned",
                      "tiny", "--tokenizer", model, *check_shift.PROMPTS)
    results = []
    for side in ("base", "aligned"):
        results.append(folder / f"shift.{side}.results.jsonl")
        run_batch(python, weights, folder, folder / f"shift.{side}.jsonl", results[-1])
    # Both sides have the same model, and so the same eight requests about its vocabulary.
    problems = import_all(context, results, requests, imported, allowed=("repeated",))
    problems += check_shift.compare("vllm run-batch", here, check_shift.records(imported))
    with servers.vllm(python, weights, folder) as address:
        before = (imported / "records.jsonl").read_bytes()
        served = f"{address}/v1#tiny"
        context.run_urial("shift", "--answers", answers, "-o", imported, "--base", served, "--aligned", served,
                          *check_shift.PROMPTS)
        if (imported / "records.jsonl").read_bytes() != before:
            problems.append("a live shift run did not take the imported records for its own")
    return problems


def run(context):
    python, weights = context.vllm_python(), context.safetensors()
    folder = context.new_folder("batch")
    return run_generation(context, python, weights, folder) + run_shift(context, python, weights, folder)
