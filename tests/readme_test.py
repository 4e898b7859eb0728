#!/usr/bin/env python3
"""Runs what README.md tells a stranger to type.

    readme_test.py URIAL_BINARY

Every fenced sh block below a line `<!-- tested -->` runs in one temporary folder, from top to bottom, with the binary's
folder first on the PATH. What the README shows of the demo must be what the demo still looks like. Skips (exit status
77) where the default model is not on this disk, unless URIAL_REQUIRE_MODEL is set.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
LIMIT_SECONDS = 600
README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
TESTED_BLOCK = re.compile(r"^<!-- tested -->\n+```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DEMO_BLOCK = re.compile(r"^<!-- demo -->\n+```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from machine to machine, or from model file to model file, in the demo's page.
FIXED_LINES = re.compile(r"^(Question: .*|The model alone .*|What to type next)$", re.MULTILINE)


def environment(binary, home):
    """The caller's, without settings of urial's commands; the model stays where it is."""
    cache = os.environ.get("URIAL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "urial")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("URIAL_")}
    kept.update(PATH=os.path.dirname(os.path.abspath(binary)) + os.pathsep + os.environ["PATH"], HOME=home,
                URIAL_CACHE=cache, URIAL_CONFIG_DIR=home, COLUMNS="100")
    return kept


def run(script, surroundings, folder):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=surroundings,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)


def check_model(surroundings, folder):
    found = run("urial pull --offline gemma-3-270m", surroundings, folder)
    if found.returncode == 0:
        return
    if os.environ.get("URIAL_REQUIRE_MODEL"):
        sys.exit(f"the model is required here: {found.stderr}")
    print(f"skipped: {found.stderr}")
    sys.exit(SKIPPED)


def check_blocks(readme, surroundings, folder):
    blocks = TESTED_BLOCK.findall(readme)
    marks = readme.count("<!-- tested -->")
    assert blocks and len(blocks) == marks, f"{marks} marks, but {len(blocks)} sh blocks below one"
    for block in blocks:
        print(block)
        done = run(block, surroundings, folder)
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), f"nothing was printed\n{done.stderr}"


def check_demo(readme, surroundings, folder):
    shown = DEMO_BLOCK.findall(readme)
    assert len(shown) == 1, f"{len(shown)} demo blocks"
    demo = run("urial demo", surroundings, folder)
    assert demo.returncode == 0, demo.stderr
    expected = FIXED_LINES.findall(shown[0])
    assert expected, "the demo block shows no question"
    missing = [line for line in expected if line not in demo.stdout.splitlines()]
    assert not missing, f"README.md shows {missing}, the demo printed:\n{demo.stdout}"


def main():
    readme = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        surroundings = environment(sys.argv[1], folder)
        for name in ("models", "docs"):  # what the commands name by a path from the project's root
            os.symlink(README.parent / name, os.path.join(folder, name))
        check_model(surroundings, folder)
        check_blocks(readme, surroundings, folder)
        check_demo(readme, surroundings, folder)


if __name__ == "__main__":
    main()
