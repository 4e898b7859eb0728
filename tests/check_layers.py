#!/usr/bin/env python3
"""Checks the arrows of ARCHITECTURE.md against the includes: a part includes only parts left of it, llama.h has one includer, and texts from outside one reader."""

import pathlib
import re
import sys

# What each part may include beside itself and base.
ALLOWED = {
    "base": set(),
    "http": set(),
    "models": {"http"},
    "prompt": set(),
    "engine": set(),
    "generate": {"prompt", "engine"},
    "shift": {"prompt", "engine", "generate"},
    "eval": {"http", "prompt", "engine", "generate", "shift"},
    "report": {"prompt", "engine", "generate", "shift", "eval"},
    "serve": {"models", "prompt", "engine", "generate", "shift", "eval", "report"},
    "cli": {"http", "models", "prompt", "engine", "generate", "shift", "eval", "report", "serve"},
}
UNBOUNDED = re.compile(r"\b(json|ordered_json|Json|toml)::(parse|sax_parse|parse_file)\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def violations(source_root):
    for path in sorted(source_root.rglob("*")):
        if path.suffix not in {".h", ".cpp"}:
            continue
        part = path.relative_to(source_root).parts[0]
        if part not in ALLOWED:
            yield f"{path}: the part {part} is not in ARCHITECTURE.md"
            continue
        for included in INCLUDE.findall(path.read_text(encoding="utf-8")):
            other = included.split("/")[0]
            if other in ALLOWED and other != part and other != "base" and other not in ALLOWED[part]:
                yield f"{path}: {part} must not include {included}"
            if included in {"llama.h", "ggml.h"} and part != "engine":
                yield f"{path}: only engine includes {included}"
        if path.name not in {"json_reader.cpp", "toml_reader.cpp"} and UNBOUNDED.search(path.read_text(encoding="utf-8")):
            yield f"{path}: what comes from outside is parsed by base/json_reader.h and base/toml_reader.h, which have limits"


def main():
    source_root = pathlib.Path(__file__).resolve().parent.parent / "src"
    found = list(violations(source_root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
