"""The same as check_generate.py with llama-server, the default model in Q4_K_M and the engine's own arithmetic."""

import shutil

import servers
from check_generate import compare, generate


def run(context):
    binary, model = context.llama_server(), context.quantised_model()
    folder = context.folder / "generate-llama-server"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    here = generate(context, model, folder / "here.jsonl")
    with servers.llama_server(binary, model, folder) as address:
        there = generate(context, f"{address}/v1#tiny", folder / "llama-server.jsonl")

        def text_of(ids):
            return servers.request(f"{address}/detokenize", {"tokens": ids})["content"]
        return compare(context, "llama-server, Q4_K_M", model, here, there, text_of, folder)
