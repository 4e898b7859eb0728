#!/usr/bin/env python3
"""Checks what ARCHITECTURE.md promises of the parts in src/.

A part includes only parts left of it, and of another part only the front headers that the table of ARCHITECTURE.md
names (all of base are); CMake links each part with the parts that it includes, and no other; llama.h has one includer, Boost a few;
texts from outside have one reader each, and locks are those of base/mutex.h.
"""

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
    "logits": {"engine"},
    "generate": {"prompt", "engine", "logits"},
    "remote": {"http", "prompt", "engine", "generate", "retrieve", "shift"},
    "shift": {"prompt", "engine", "logits", "generate"},
    "batch": {"http", "prompt", "engine", "generate", "remote", "shift"},
    "retrieve": {"prompt", "generate", "engine"},
    "eval": {"http", "prompt", "engine", "generate", "shift"},
    "report": {"prompt", "engine", "generate", "shift", "eval"},
    "app": {"http", "models", "prompt", "engine", "generate", "remote", "batch", "shift", "eval", "report", "retrieve"},
    "experiment": {"prompt", "engine", "generate", "shift", "eval", "report", "app"},
    "store": set(),
    "serve": {"models", "prompt", "engine", "generate", "shift", "eval", "report", "app", "store"},
    "terminal": set(),
    "command_line": {"terminal"},
    "cli": {
        "terminal", "command_line", "http", "models", "prompt", "engine", "generate", "shift", "eval", "report", "retrieve", "app", "experiment", "serve",
    },
}
# Headers of libraries, and the part that hides each.
HIDDEN = {"llama.h": "engine", "ggml.h": "engine", "curl/curl.h": "http", "sqlite3.h": "store"}
# The only sources with headers of Boost, which compile slowly.
BOOST_SOURCES = {"connection.h", "connection.cpp", "http_server.cpp"}
UNBOUNDED = re.compile(r"\b(json|ordered_json|Json|toml)::(parse|sax_parse|parse_file)\(")
UNPROVED_LOCK = re.compile(r"\bstd::(\w*mutex|condition_variable\w*|lock_guard|unique_lock|scoped_lock|shared_lock)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
TABLE_ROW = re.compile(r"^\| `src/(\w+)` \|.*\|([^|]*)\|\s*$", re.MULTILINE)
LINKS = re.compile(r"(?:urial_part\(|target_link_libraries\(urial_)(\w+)\s+(?:PUBLIC |PRIVATE )?([^)]*)\)")


def front_headers(architecture):
    """Of each part, from the last column of its row."""
    return {part: set(re.findall(r"`([\w.]+)`", headers)) for part, headers in TABLE_ROW.findall(architecture)}


def linked_parts(cmake):
    """Of each part, the parts that CMakeLists.txt links it with."""
    linked = {}
    for part, libraries in LINKS.findall(re.sub(r"#.*", "", cmake)):
        names = {name for name in re.findall(r"\burial_(\w+)", libraries) if name in ALLOWED}
        linked.setdefault(part, set()).update(names)
    return linked


def sources(source_root):
    """Of each part, its files with their text."""
    parts = {}
    for path in sorted(source_root.rglob("*")):
        if path.suffix in {".h", ".cpp"}:
            parts.setdefault(path.relative_to(source_root).parts[0], {})[path] = path.read_text(encoding="utf-8")
    return parts


def include_violations(part, path, text, fronts):
    for included in INCLUDE.findall(text):
        other, _, header = included.partition("/")
        if HIDDEN.get(included, part) != part:
            yield f"{path}: only {HIDDEN[included]} includes {included}"
        if other == "boost" and (part != "serve" or path.name not in BOOST_SOURCES):
            yield f"{path}: only {', '.join(sorted(BOOST_SOURCES))} of serve include {included}"
        if other not in ALLOWED or other in {part, "base"}:
            continue
        if other not in ALLOWED[part]:
            yield f"{path}: {part} must not include {included}"
        elif header not in fronts.get(other, set()):
            yield f"{path}: {included} is no front header of {other} in ARCHITECTURE.md"
    if path.name not in {"json_reader.cpp", "toml_reader.cpp"} and UNBOUNDED.search(text):
        yield f"{path}: what comes from outside is parsed by base/json_reader.h and base/toml_reader.h, which have limits"
    if path.name != "mutex.h" and (found := UNPROVED_LOCK.search(text)):
        yield f"{path}: {found.group()}: locks are those of base/mutex.h, which clang proves"


def link_violations(part, texts, linked):
    names = {included.split("/")[0] for text in texts for included in INCLUDE.findall(text)}
    included = (names & ALLOWED.keys()) - {part}
    for other in sorted(included - linked):
        yield f"CMakeLists.txt: {part} includes {other} and does not link urial_{other}"
    for other in sorted(linked - included):
        yield f"CMakeLists.txt: {part} links urial_{other} and includes nothing of it"


def violations(root):
    fronts = front_headers((root / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    linked = linked_parts((root / "CMakeLists.txt").read_text(encoding="utf-8"))
    for part, files in sources(root / "src").items():
        if part not in ALLOWED or part not in fronts:
            yield f"src/{part}: this part is not in the table of ARCHITECTURE.md or has no arrows in check_layers.py"
            continue
        for header in sorted(fronts[part]):
            if root / "src" / part / header not in files:
                yield f"ARCHITECTURE.md: names the front header {header} of {part}, which is not there"
        for path, text in files.items():
            yield from include_violations(part, path.relative_to(root), text, fronts)
        yield from link_violations(part, files.values(), linked.get(part, set()))


def main():
    found = list(violations(pathlib.Path(__file__).resolve().parent.parent))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
