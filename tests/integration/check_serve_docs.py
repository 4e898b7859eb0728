"""The Python and JavaScript examples of docs/server.md, as they stand there but for the port."""

import re
import urllib.parse

import clients
import servers

PAGE = servers.HERE.parent.parent / "docs" / "server.md"
ADDRESS = "127.0.0.1:8080"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run(context):
    python = context.clients_python("openai")
    folder = context.new_folder("serve-docs")
    programs = [("Python", [python], "py", blocks("python"))]
    if context.has_javascript_client(folder):
        programs.append(("JavaScript", ["node"], "mjs", blocks("js")))
    problems = []
    with servers.urial(context.urial, folder, "-m", "gemma-3-270m") as address:
        for name, command, suffix, texts in programs:
            if not texts:
                problems.append(f"{PAGE.name} has no {name}")
            for number, text in enumerate(texts):
                program = folder / f"{number}.{suffix}"
                program.write_text(text.replace(ADDRESS, urllib.parse.urlparse(address).netloc))
                problems += clients.run_program([*command, program], name)
    return problems
