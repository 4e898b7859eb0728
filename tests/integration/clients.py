"""Programs that use a server as its clients do: they print what they saw, and "WRONG: ..." for what must not be."""

import subprocess

WRONG = "WRONG: "


def run_program(command, name, environment=None, seconds=900):
    """What is wrong; the rest of its output is passed on."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds,
                          env=environment)
    lines = done.stdout.splitlines()
    for line in lines:
        if not line.startswith(WRONG):
            print(f"{name}: {line}")
    problems = [f"{name}: {line.removeprefix(WRONG)}" for line in lines if line.startswith(WRONG)]
    if done.returncode != 0:
        problems.append(f"{name} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return problems
