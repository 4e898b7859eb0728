#!/usr/bin/env python3
"""Runs what README.md and the pages in docs/ tell a stranger to type.

    readme_test.py URIAL_BINARY

Every fenced sh block below a line `<!-- tested -->` runs, those of a page in one temporary folder from top to bottom, with
the binary's folder first on the PATH. Blocks below `<!-- tested with MODEL -->` need another model than the default one
and are passed over, visibly, where it is not on this disk. Of all other commands that the pages show, marked or not, the
options must exist. What the README shows of the demo must be what the demo still looks like, and links between the
pages must lead somewhere. Skips (exit status 77) where the default model is not on this disk, unless
URIAL_REQUIRE_MODEL is set.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
LIMIT_SECONDS = 600
ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
TESTED_MARK = re.compile(r"^<!-- tested( with \S+)? -->$", re.MULTILINE)
TESTED_BLOCK = re.compile(r"^<!-- tested(?: with (\S+))? -->\n+```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^(?:    |.*[|;] *)?urial ((?:.*\\\n)*.*)$", re.MULTILINE)
OPTION = re.compile(r"(?<=\s)(--[a-z][a-z-]*|-[a-zA-Z])(?=[\s=,]|$)")
# Words of a command that has subcommands.
DEPTHS = {"judge": 2, "prompt": 2, "config": 2, "models": 2, "batch": 4}
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
DEMO_BLOCK = re.compile(r"^<!-- demo -->\n+```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from machine to machine, or from model file to model file, in the demo's page.
FIXED_LINES = re.compile(r"^(Question: .*|The model alone .*|What to type next)$", re.MULTILINE)


def environment(binary, home):
    """The caller's, without settings of urial's commands; the model stays where it is."""
    cache = os.environ.get("URIAL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "urial")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("URIAL_")}
    kept.update(PATH=os.path.dirname(os.path.abspath(binary)) + os.pathsep + os.environ["PATH"], HOME=home,
                URIAL_CACHE=cache, URIAL_CONFIG_DIR=home, URIAL_DATA=home, COLUMNS="100")
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


def check_blocks(page, surroundings):
    text = page.read_text(encoding="utf-8")
    blocks = TESTED_BLOCK.findall(text)
    marks = len(TESTED_MARK.findall(text))
    assert len(blocks) == marks, f"{page.name}: {marks} marks, but {len(blocks)} sh blocks below one"
    assert blocks or page != README, f"{page.name}: no tested block"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("models", "docs"):  # what the commands name by a path from the project's root
            os.symlink(ROOT / name, os.path.join(folder, name))
        for model, block in blocks:
            if model and run(f"urial pull --offline {model}", surroundings, folder).returncode != 0:
                print(f"{page.name}: passed over, {model} is not on this disk:\n{block}")
                continue
            print(f"{page.name}:\n{block}", flush=True)
            done = run(block, surroundings, folder)
            assert done.returncode == 0, f"{page.name}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip(), f"{page.name}: nothing was printed\n{done.stderr}"


def anchors(page):
    """The names by which GitHub links to a page's headings."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links():
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name) if name else page
            assert target.exists(), f"{page.name} links to {link}: there is no such file"
            if anchor:
                assert anchor in anchors(target), f"{page.name} links to {link}: there is no such heading"


def check_demo(readme, surroundings, folder):
    shown = DEMO_BLOCK.findall(readme)
    assert len(shown) == 1, f"{len(shown)} demo blocks"
    demo = run("urial demo", surroundings, folder)
    assert demo.returncode == 0, demo.stderr
    expected = FIXED_LINES.findall(shown[0])
    assert expected, "the demo block shows no question"
    missing = [line for line in expected if line not in demo.stdout.splitlines()]
    assert not missing, f"README.md shows {missing}, the demo printed:\n{demo.stdout}"


def commands(page):
    """What stands behind `urial` in the page's indented and fenced blocks, without comments."""
    for command in COMMAND.findall(page.read_text(encoding="utf-8")):
        yield re.sub(r"\\\n", " ", re.split(r"\s\s+[^-\s]|\s#|[|;<>]", re.sub(r"\\\n\s*", " ", command))[0])


def check_options(surroundings, folder):
    helps = {}

    def help_of(words):
        if words not in helps:
            done = run(" ".join(["urial", *words, "--help"]), surroundings, folder)
            helps[words] = done.stdout if done.returncode == 0 else None
        return helps[words]

    for page in PAGES:
        for command in commands(page):
            words = re.match(r"(?:[a-z][a-z-]*(?:\s+|$))*", command).group().split()
            path = tuple(words[:DEPTHS.get(words[0], 1)]) if words else ()
            text = help_of(path) or help_of(path[:-1]) or help_of(path[:1])
            if text is None:
                continue  # a sentence that begins with our name
            for option in OPTION.findall(command):
                known = re.compile(r"(?<![\w-])" + re.escape(option) + r"(?![\w-])")
                assert known.search(text + help_of(())), f"{page.name}: urial {command}: there is no {option}"


def main():
    check_links()
    with tempfile.TemporaryDirectory() as home:
        surroundings = environment(sys.argv[1], home)
        check_options(surroundings, home)
        check_model(surroundings, home)
        for page in PAGES:
            check_blocks(page, surroundings)
        check_demo(README.read_text(encoding="utf-8"), surroundings, home)


if __name__ == "__main__":
    main()
