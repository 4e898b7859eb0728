"""What the side-by-side benchmarks share: running a command, its wall time and peak memory, medians, a table."""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


URIAL = pathlib.Path(__file__).resolve().parent.parent / "build" / "urial"


def argument_parser(description, rounds):
    """With --urial and --rounds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urial", type=pathlib.Path, default=URIAL)
    parser.add_argument("--rounds", type=int, default=rounds)
    return parser


@dataclasses.dataclass
class Run:
    seconds: float  # from the start of the process to its end
    peak_bytes: int  # resident memory
    cpu_seconds: float  # of all of its threads
    out: str
    err: str

    def json(self):
        """The last line of standard output that is a JSON object."""
        lines = [line for line in self.out.splitlines() if line.startswith("{")]
        if not lines:
            sys.exit(f"no JSON object in:\n{self.out}{self.err[-2000:]}")
        return json.loads(lines[-1])


def rate_of(done):
    """What urial says that a run wrote or analysed, without loading: (tokens or positions, the same a second)."""
    found = re.search(r"; (\d+) (?:tokens|positions) in .*\(([\d.]+) a second\)", done.err)
    if not found:
        sys.exit(f"urial says nothing of its rate:\n{done.err}")
    return int(found[1]), float(found[2])


def run(command, environment=None):
    """Runs a list of arguments, or a shell line; a failure ends the benchmark."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.monotonic()
        process = subprocess.Popen(command, shell=isinstance(command, str), stdout=out, stderr=err, text=True,
                                   stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        if status != 0:
            sys.exit(f"{command} ended with {os.waitstatus_to_exitcode(status)}:\n{err.read()[-2000:]}")
        return Run(seconds, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, out.read(), err.read())


def first_byte(command):
    """Seconds from the start of the process to the first byte on its standard output."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        got = os.read(process.stdout.fileno(), 1)
        seconds = time.monotonic() - start
        process.kill()
    if not got:
        sys.exit(f"{command} printed nothing")
    return seconds


class Server:
    """A server process that is up when its health address answers, or says that it knows no such address."""

    def __init__(self, command, health, patience=600):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        end = time.monotonic() + patience
        while True:
            try:
                with urllib.request.urlopen(health, timeout=5):
                    return
            except (urllib.error.URLError, OSError) as failure:
                if getattr(failure, "code", None) == 404:
                    return
                if self.process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    sys.exit(f"{command[0]} does not answer at {health}")
                time.sleep(0.2)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()


def resident_bytes(pid):
    """Of a process and its children, now."""
    total = 0
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if int(status.parent.name) == pid or int(fields["PPid"]) == pid:
            total += int(fields.get("VmRSS", "0 kB").split()[0]) * 1024
    return total


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else "unknown"


def table(rows, header):
    """A Markdown table of texts."""
    print("| " + " | ".join(header) + " |")
    print("|" + " --- |" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
