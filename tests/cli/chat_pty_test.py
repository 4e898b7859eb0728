#!/usr/bin/env python3
"""A conversation at a real terminal (a pseudo one) with the real model: typing, Ctrl-C, paste, leaving.

    chat_pty_test.py URIAL_BINARY

Skips (exit status 77) where the default model is not on this disk, unless URIAL_REQUIRE_MODEL is set.
"""

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
PATIENCE_SECONDS = 120
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Conversation:
    """The program on a pseudo terminal, and everything that it has shown."""

    def __init__(self, command, environment):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execve(command[0], command, environment)
        self.shown = b""
        self.seen = 0

    def type(self, text):
        os.write(self.terminal, text.encode())

    def expect(self, pattern):
        """Waits until new output matches, and returns what came up to the end of the match."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            match = re.search(pattern.encode(), self.shown[self.seen:])
            if match:
                text = self.shown[self.seen:self.seen + match.end()]
                self.seen += match.end()
                return text.decode(errors="replace")
            if time.monotonic() > end:
                raise AssertionError(f"no /{pattern}/ in {self.shown[self.seen:]!r}\nall of it: {self.shown!r}")
            if select.select([self.terminal], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.terminal, 65536)
                except OSError as failure:
                    raise AssertionError(f"it ended while /{pattern}/ was awaited: {self.shown!r}") from failure
                self.shown = ESCAPES.sub(b"", self.shown)

    def exit_code(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.process, signal.SIGKILL)
        raise AssertionError("it did not end")


def find_model(binary):
    found = subprocess.run([binary, "pull", "--offline", "gemma-3-270m"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    if os.environ.get("URIAL_REQUIRE_MODEL"):
        sys.exit(f"the model is required here: {found.stderr}")
    print(f"skipped: {found.stderr}")
    sys.exit(SKIPPED)


def converse(binary, model, home):
    environment = {"PATH": os.environ["PATH"], "HOME": home, "TERM": "xterm", "LANG": "C.UTF-8"}
    command = [binary, "chat", "--raw", "-m", model, "--max-tokens", "2000"]
    chat = Conversation(command, environment)

    chat.expect(r"/help lists the\s+commands")
    chat.expect(r"> ")

    # Ctrl-C stops an answer that would go on for long, and only the answer.
    chat.type("Count: 1 2 3 4 5 6 7 8 9 10 11 12\r")
    chat.expect(r"13 14")
    chat.type("\x03")
    chat.expect(r"\(stopped\)")
    chat.expect(r"> ")

    # The conversation goes on. What is typed before the prompt is there, the terminal echoes by itself.
    chat.type("/set max_tokens 8\r")
    chat.expect(r"max_tokens is 8")
    chat.expect(r"> ")
    chat.type("Gr\u00fc\u00dfe: 1 2 3 4\r")
    chat.expect(r"cut after 8 tokens")
    chat.expect(r"> ")
    chat.type("/undo\r")
    chat.expect("taken back: Gr\u00fc\u00dfe: 1 2 3 4")
    chat.expect(r"> ")

    # Pasted lines are one message.
    chat.type("\x1b[200~first line\rsecond line\r\x1b[201~")
    chat.type("\r")
    chat.expect(r"cut after 8 tokens|empty answer")
    chat.expect(r"> ")
    chat.type("/undo\r")
    chat.expect(r"taken back: first line\r\nsecond line")
    chat.expect(r"> ")

    # A typed line is dropped by Ctrl-C; at an empty prompt the second one leaves.
    chat.type("never sent")
    chat.expect(r"never sent")
    chat.type("\x03")
    chat.expect(r"> ")
    chat.type("\x03")
    chat.expect(r"Ctrl-C again")
    chat.expect(r"> ")
    chat.type("\x03")
    code = chat.exit_code()
    assert code == 0, f"exit status {code}"

    history = os.path.join(home, ".local/state/urial/history")
    mode = stat.S_IMODE(os.stat(history).st_mode)
    assert mode == 0o600, f"{history} has mode {mode:o}"


def main():
    binary = sys.argv[1]
    model = find_model(binary)
    with tempfile.TemporaryDirectory() as home:
        converse(binary, model, home)


if __name__ == "__main__":
    main()
