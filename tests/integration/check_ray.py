"""The Ray Data pipeline of docs/scale.md, the script as it stands there, with vLLM on the CPU: questions exported with the
tokenizer of the model here, its rows imported, and compared with the model in this process: answers may part only at a near
tie. The token ids of every prompt must be those that were exported."""

import re
import subprocess

import check_batch
import check_generate
import run as runner
import servers

SCALE = servers.HERE.parent.parent / "docs" / "scale.md"


def script_of_docs(folder):
    blocks = re.findall(r"^```python\n(.*?)^```$", SCALE.read_text(), re.MULTILINE | re.DOTALL)
    scripts = [block for block in blocks if "ray.data.llm" in block]
    if len(scripts) != 1:
        raise RuntimeError(f"{SCALE} has {len(scripts)} scripts for Ray Data")
    path = folder / "run_batches.py"
    path.write_text(scripts[0])
    return path


def run_pipeline(python, folder, *arguments):
    command = [python, servers.HERE / "ray_on_cpu.py", script_of_docs(folder), *arguments]
    environment = {**servers.vllm_environment(), "PYTHONPATH": str(servers.HERE / "no_amx"),
                   "RAY_USAGE_STATS_ENABLED": "0"}
    servers.run_logged(command, folder / "ray.log", 3600, environment)


def run(context):
    python, weights = context.vllm_python(), context.safetensors()
    if subprocess.run([python, "-c", "import ray.data.llm"], capture_output=True).returncode != 0:
        raise runner.Skip("Ray Data is not installed there; tests/integration/prepare.sh does it")
    folder = context.new_folder("ray")
    requests, results, answers = (folder / name for name in ("requests.jsonl", "results", "answers.jsonl"))
    model = context.bf16_model()
    check_batch.export_questions(context, model, requests)
    run_pipeline(python, folder, requests, weights, results, 1)
    problems = check_batch.import_all(context, [results], requests, answers)
    here = check_generate.generate(context, model, folder / "here.jsonl")
    with servers.vllm(python, weights, folder) as address:
        problems += check_generate.compare(context, "Ray Data with vLLM, BF16", model, here,
                                           check_generate.records(answers), check_generate.text_on_vllm(address), folder)
    return problems
