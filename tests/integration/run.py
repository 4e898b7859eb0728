#!/usr/bin/env python3
"""Checks urial against real model servers: run.py URIAL FOLDER [CHECK...].

Needs VLLM_PYTHON (the python of the environment that prepare.sh makes), LLAMA_SERVER (the binary), CLIENTS (the folder that
prepare_clients.sh makes), or nothing: without them the checks that want them are skipped, and say so. FOLDER keeps the
converted models. Every file check_*.py is one check: its run(context) prints what it measured and returns what is wrong,
a list of sentences.
"""

import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77


class Skip(Exception):
    pass


class Context:
    def __init__(self, urial, folder):
        self.urial = str(pathlib.Path(urial).resolve())
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.questions = HERE / "questions.jsonl"

    def new_folder(self, name):
        """Of a check's own files; what an earlier run has left goes."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def run_urial(self, *arguments):
        done = subprocess.run([self.urial, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"urial {' '.join(map(str, arguments))}: exit status {done.returncode}\n{done.stderr}")
        return done.stdout

    def quantised_model(self):
        """The file of the default model, Q4_K_M."""
        self.run_urial("pull", "gemma-3-270m")
        return pathlib.Path(json.loads(self.run_urial("models", "show", "gemma-3-270m", "--json"))["path"])

    def bf16_model(self):
        path = self.folder / "bf16.gguf"
        if not path.exists():
            self.run_urial("convert", "gemma-3-270m", "--type", "bf16", "-o", path)
        return path

    def f32_model(self):
        """The weights of safetensors(), exactly."""
        path = self.folder / "f32.gguf"
        if not path.exists():
            self.run_urial("convert", self.bf16_model(), "--type", "f32", "-o", path)
        return path

    def vllm_python(self):
        python = os.environ.get("VLLM_PYTHON")
        if not python:
            raise Skip("VLLM_PYTHON is not set; tests/integration/prepare.sh makes what it names")
        return python

    def safetensors(self):
        folder = self.folder / "safetensors"
        if not (folder / "tokenizer.json").exists():
            subprocess.run([self.vllm_python(), HERE / "to_safetensors.py", self.quantised_model(), folder], check=True)
        return folder

    def llama_server(self):
        binary = os.environ.get("LLAMA_SERVER")
        if not binary:
            raise Skip("LLAMA_SERVER is not set; it names the binary, of the same llama.cpp as urial's engine at best")
        return binary

    def clients(self):
        """The folder of the environment that prepare_clients.sh makes."""
        folder = os.environ.get("CLIENTS")
        if not folder:
            raise Skip("CLIENTS is not set; tests/integration/prepare_clients.sh makes the folder that it names")
        return pathlib.Path(folder).resolve()

    def has_javascript_client(self, folder):
        """Whether OpenAI's client is there for programs in this folder: Node looks for packages beside the program."""
        modules = self.clients() / "node_modules"
        if not shutil.which("node") or not (modules / "openai").exists():
            print("skipped: the JavaScript client is not installed; prepare_clients.sh does it where npm is")
            return False
        (folder / "node_modules").symlink_to(modules)
        return True

    def clients_python(self, *packages):
        """The python of that environment, which must have these packages."""
        python = self.clients() / "bin" / "python"
        for package in packages:
            done = subprocess.run([python, "-c", f"import importlib.metadata as m; print(m.version('{package}'))"],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise Skip(f"{package} is not in CLIENTS={self.clients()}; tests/integration/prepare_clients.sh installs it")
            print(f"{package} {done.stdout.strip()}")
        return python


def main(urial, folder, *names):
    sys.path.insert(0, str(HERE))
    sys.modules["run"] = sys.modules["__main__"]
    context = Context(urial, folder)
    names = names or sorted(path.stem.removeprefix("check_") for path in HERE.glob("check_*.py"))
    failed, ran = 0, 0
    for name in names:
        print(f"== {name}", flush=True)
        try:
            problems = importlib.import_module(f"check_{name}").run(context)
        except Skip as reason:
            print(f"skipped: {reason}")
            continue
        ran += 1
        for problem in problems:
            print(f"WRONG: {problem}")
        failed += bool(problems)
    if failed:
        return 1
    return 0 if ran else SKIPPED


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
