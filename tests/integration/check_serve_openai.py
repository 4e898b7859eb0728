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
    folder = context.folder / "serve-openai"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with servers.urial(context.urial, folder, "-m", f"{MODEL}={model}", "--metrics", "--context", "2048",
                       key=KEY) as address:
        problems = clients.run_program([python, servers.HERE / "client_openai.py", address, KEY, MODEL], "Python")
        modules = context.clients() / "node_modules"
        if not shutil.which("node") or not (modules / "openai").exists():
            print("skipped: the JavaScript client is not installed; prepare_clients.sh does it where npm is")
            return problems
        # Node looks for packages beside the program.
        shutil.copy(servers.HERE / "client_openai.mjs", folder)
        (folder / "node_modules").symlink_to(modules)
        return problems + clients.run_program(["node", folder / "client_openai.mjs", address, KEY, MODEL], "JavaScript")
