"""schemathesis on the description that `urial serve` gives of itself: requests that it allows and requests that it does not,
100 and more for each operation. No answer may be a server error, or have a status, a type, a header or a body that the
description does not have, and what it does not allow must be refused. (What it allows may be refused: a conversation that
begins with an answer is no matter of types.)"""

import json
import os
import subprocess

import servers

ADAPTER = servers.HERE.parent.parent / "models" / "gemma3-270m-chat-lora.gguf"
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection", "unsupported_method", "allow_header_conformance")
EXAMPLES = 100


def counts_of(report):
    """By operation: requests by status."""
    counts = {}
    with open(report) as lines:
        for event in map(json.loads, lines):
            recorder = event.get("ScenarioFinished", {}).get("recorder")
            if not recorder:
                continue
            for interaction in recorder.get("interactions", {}).values():
                response = interaction.get("response")
                status = response["status_code"] if response else "none"
                of_operation = counts.setdefault(recorder["label"], {})
                of_operation[status] = of_operation.get(status, 0) + 1
    return counts


def run(context):
    python = context.clients_python("schemathesis")
    context.quantised_model()
    folder = context.new_folder("serve-schemathesis")
    report, log = folder / "report.ndjson", folder / "schemathesis.log"
    with servers.urial(context.urial, folder, "-m", "base=gemma-3-270m", "-m", "aligned=base", "--lora",
                       f"aligned={ADAPTER}", "-p", "zero-shot", "--context", "512", "--metrics") as address:
        command = [python.parent / "st", "run", f"{address}/openapi.json", "--mode", "all", "--max-examples", EXAMPLES,
                   "--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS), "--workers", "4", "--seed", "1",
                   "--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "120", "--report",
                   "ndjson", "--report-ndjson-path", report, "--no-color"]
        with open(log, "wb") as said:
            done = subprocess.run([str(word) for word in command], stdout=said, stderr=subprocess.STDOUT, timeout=3600,
                                  cwd=folder,
                                  env={**os.environ, "SCHEMATHESIS_HOOKS": str(servers.HERE / "schemathesis_hooks.py"),
                                       "PYTHONPATH": str(servers.HERE)})
    for label, counts in counts_of(report).items():
        print(f"{label}: {counts}")
    if done.returncode == 0:
        return []
    return [f"schemathesis ended with {done.returncode}; the end of {log}:\n{log.read_text(errors='replace')[-4000:]}"]
