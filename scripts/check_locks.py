#!/usr/bin/env python3
"""check_locks.py [BUILD]: has clang prove that what a mutex guards is touched by its holders alone (base/mutex.h).

Looks through each source in src/ that includes base/mutex.h, or whose header does. Where headers are is said by
compile_commands.json of a build folder: BUILD, else the first of build, build-dev, build-asan and build-tsan that has
one. Exit status 77: no clang, or no such folder.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILERS = ["clang++-16", "clang++-17", "clang++-18", "clang++-19", "clang++"]
BUILDS = ["build", "build-dev", "build-asan", "build-tsan"]
INCLUDES_LOCKS = '#include "base/mutex.h"'
SETTINGS = re.compile(r"-(?:D|I|isystem)")
PART = re.compile(r"urial_(\w+)\.dir")


def skip(reason):
    print(f"Skipped: {reason}")
    sys.exit(77)


def sources():
    """The sources that use locks."""
    for path in sorted((ROOT / "src").rglob("*.cpp")):
        header = path.with_suffix(".h")
        files = [path, header] if header.exists() else [path]
        if any(INCLUDES_LOCKS in file.read_text(encoding="utf-8") for file in files):
            yield path


def settings_of_parts(database):
    """Of each part, the definitions and include folders that its files are compiled with."""
    parts = {}
    for entry in json.loads(database.read_text(encoding="utf-8")):
        part = PART.search(entry.get("output", "") or entry.get("command", ""))
        if part is None or part.group(1) in parts:
            continue
        words = shlex.split(entry["command"])
        settings = []
        for at, word in enumerate(words):
            if SETTINGS.match(word):
                settings += words[at:at + 2] if word in {"-D", "-I", "-isystem"} else [word]
        parts[part.group(1)] = settings
    return parts


def problems_of(compiler, path, settings):
    command = [compiler, "-fsyntax-only", "-std=c++20", *settings, "-Wno-everything", "-Wthread-safety", "-Werror"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=ROOT)
    return done.stderr if done.returncode else ""


def main():
    compiler = next(filter(shutil.which, COMPILERS), None)
    if compiler is None:
        skip("no clang++ (make test-deps installs it)")
    builds = sys.argv[1:2] or BUILDS
    databases = [ROOT / build / "compile_commands.json" for build in builds]
    database = next((path for path in databases if path.exists()), None)
    if database is None:
        skip(f"no compile_commands.json in {', '.join(builds)}: build once")
    parts = settings_of_parts(database)
    paths = list(sources())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda path: problems_of(compiler, path, parts.get(path.parent.name, [])), paths))
    print("".join(found) or f"{len(paths)} sources use their locks rightly, says {compiler}")
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
