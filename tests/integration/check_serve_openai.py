"""OpenAI's clients for Python and JavaScript against `urial serve` with a key: chat, streams and their helpers, legacy
completions, log-probabilities, choices, errors, structured answers, and that a stream which is left frees its place. The
model is in F32, so that what is asked twice gets the same answer however it is batched."""

import shutil

import clients
import servers

KEY = "a-key-of-the-integration-checks-0123456789"
MODEL = "gemma"


def run(context):
    python = context.clients_python("openai")
    model = context.f32_model()
    folder = context.new_folder("serve-openai")
    with servers.urial(context.urial, folder, "-m", f"{MODEL}={model}", "--metrics", "--context", "2048",
                       key=KEY) as address:
        problems = clients.run_program([python, servers.HERE / "client_openai.py", address, KEY, MODEL], "Python")
        if not context.has_javascript_client(folder):
            return problems
        shutil.copy(servers.HERE / "client_openai.mjs", folder)
        return problems + clients.run_program(["node", folder / "client_openai.mjs", address, KEY, MODEL], "JavaScript")
