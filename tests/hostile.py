#!/usr/bin/env python3
"""Gives the real binary files and replies that are broken or mean harm, and watches what it does: no death by a signal, no
hang, less than 1 GB of memory, and an error rather than a success where the input cannot be what it should be.

    python3 tests/hostile.py build/urial            # all inputs and all judges, some minutes
    python3 tests/hostile.py build/urial --short    # every thirteenth input, for the tests
    python3 tests/hostile.py build/urial --only gzip --verbose

With URIAL_SANITIZED set the memory is not looked at: a sanitizer takes more than the program.
"""

import argparse
import concurrent.futures
import functools
import gzip
import io
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

MOST_SECONDS = 90  # of a machine that does other work too
MOST_BYTES = 1 << 30
DEPTH = 100_000


@functools.cache
def packed(part, times):
    bytes_ = io.BytesIO()
    with gzip.open(bytes_, "wb") as file:
        for _ in range(times):
            file.write(part)
    return bytes_.getvalue()


def bomb(path, part, times):
    path.write_bytes(packed(part, times))


def many_keys(count=150_000):
    return b"{" + b",".join(b'"k%d":0' % i for i in range(count)) + b"}"


def json_contents():
    """name, bytes (or a function that makes the file at a path)"""
    deep = b"[" * DEPTH + b"]" * DEPTH
    yield "empty", b""
    yield "byte order mark alone", b"\xef\xbb\xbf"
    yield "NULs", bytes(100_000)
    yield "not UTF-8", b'[{"instruction":"\xff\xfe","output":"\xc0\xaf"}]'
    yield "deep arrays", deep
    yield "deep arrays that never close", b"[" * 5_000_000
    yield "deep objects", b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
    yield "deep in a field", b'[{"instruction":"a","output":"b","x":' + deep + b"}]"
    yield "150,000 keys", many_keys()
    yield "150,000 keys in a list", b"[" + many_keys() + b"]"
    yield "one key 300,000 times", b'[{"instruction":"a","output":"b"' + b',"id":1' * 300_000 + b"}]"
    yield "one text of 70 MB", b'[{"instruction":"' + b"a" * 70_000_000 + b'"}]'
    yield "ten million empty lists", b"[" + b"[]," * 10_000_000 + b"[]]"
    yield "ten million lines", b"1\n" * 10_000_000
    yield "numbers beyond all numbers", b'[{"id":1e999999,"instruction":"a","output":"b"}]'
    yield "a number of ten million digits", b'[{"id":' + b"9" * 10_000_000 + b"}]"
    yield "wrong types", json.dumps(
        [{"id": [1], "instruction": {"a": 1}, "output": [[]], "messages": 5, "format": 7, "version": {}, "identity": []}]
    ).encode()
    yield "an object of wrong types", json.dumps(
        {"format": 7, "identity": [], "judges": 5, "finished": {}, "rubrics": 1, "records": "x", "version": [], "id": {}}
    ).encode()
    yield "a scalar", b"5"
    yield "a half surrogate", b'[{"instruction":"\\ud800","output":"\\udc00"}]'
    yield "cut off", b'[{"instruction":"a","output":"b"},{"instr'
    yield "gzip bomb of spaces", lambda path: bomb(path, b" " * (1 << 20), 3000)
    yield "gzip bomb of one text", lambda path: bomb(path, b'["' + b"a" * (1 << 20), 3000)
    yield "gzip bomb of brackets", lambda path: bomb(path, b"[" * (1 << 20), 3000)
    yield "gzip cut off", gzip.compress(b'[{"instruction":"a"}]' * 1000)[:-30]
    yield "gzip of gzip", gzip.compress(gzip.compress(b"[]"))
    yield "a device", lambda path: path.symlink_to("/dev/zero")
    yield "the empty device", lambda path: path.symlink_to("/dev/null")
    yield "a folder", lambda path: path.mkdir()
    yield "a link to nothing", lambda path: path.symlink_to("nothing-here")
    yield "a link to itself", lambda path: path.symlink_to(path.name)
    yield "no permission", lambda path: (path.write_bytes(b"[]"), path.chmod(0))


def toml_contents():
    yield "empty", b""
    yield "NULs", bytes(100_000)
    yield "not UTF-8", b'name = "\xff"'
    yield "a key of 100,000 parts", b"a." * DEPTH + b"a = 1"
    yield "a quoted key of 100,000 parts", b'"a".' * DEPTH + b"a = 1"
    yield "a table of 100,000 parts", b"[" + b"a." * DEPTH + b"a]"
    yield "a list of tables of 100,000 parts", b"[[" + b"a." * DEPTH + b"a]]"
    yield "deep lists", b"a = " + b"[" * DEPTH + b"]" * DEPTH
    yield "deep tables", b"a = " + b"{a=" * DEPTH + b"1" + b"}" * DEPTH
    yield "100,000 keys", b"\n".join(b"k%d = 1" % i for i in range(100_000))
    yield "one key of a megabyte", b"a" * 1_000_000 + b" = 1"
    yield "a text of 50 MB", b'name = "' + b"a" * 50_000_000 + b'"'
    yield "wrong types", b"name = 5\nversion = []\nmodel = { a = 1 }\nexample = 3\nkind = 1979-05-27\nprices = 1\nlora = [[1]]"
    yield "a text that never ends", b'name = """' + b'"" ' * 1_000_000
    yield "escapes that are none", b'name = "\\q\\u12"'
    yield "a device", lambda path: path.symlink_to("/dev/zero")
    yield "a folder", lambda path: path.mkdir()
    yield "a link to itself", lambda path: path.symlink_to(path.name)


def write(path, content):
    if callable(content):
        content(path)
    else:
        # A last line without an end counts as torn, and is cut off unread.
        path.write_bytes(content + (b"\n" if path.suffix == ".jsonl" else b""))


def run_folder(folder, name, content):
    """A run whose other files are fine."""
    run = folder / "run"
    run.mkdir()
    if name != "manifest.json":
        (run / "manifest.json").write_text('{"format": "urial.shift/1", "identity": {}}')
    else:
        (run / "records.jsonl").write_text("")
    write(run / name, content)


def judge_folder(folder, name, content):
    run = folder / "run"
    run.mkdir()
    if name != "manifest.json":
        (run / "manifest.json").write_text('{"format": "urial.eval/1", "judges": [], "finished": "now"}')
    (folder / "answers.jsonl").write_text('{"id": "1", "instruction": "a", "output": "b", "generator": "m"}\n')
    write(run / name, content)


def input_cases(port):
    """name, prepare(folder), arguments. The judge refuses the key, which ends a run at once."""
    judge = ["--judge", f"http://127.0.0.1:{port}/v1#m", "--timeout", "1"]
    for name, content in json_contents():
        def put(folder, content=content):
            write(folder / "in.json", content)

        yield f"generate -i: {name}", put, ["generate", "-m", "none.gguf", "-i", "in.json", "-o", "out.jsonl"]
        yield f"shift --answers: {name}", put, ["shift", "--base", "none.gguf", "--aligned", "none.gguf", "--answers", "in.json", "-o", "out"]
        yield f"judge score: {name}", put, ["judge", "score", "in.json", *judge, "-o", "out", "--dry-run"]
        yield f"judge import: {name}", put, ["judge", "import", "in.json", "-o", "out"]
        yield f"judge rubric import: {name}", put, ["judge", "rubric", "import", "in.json"]
        yield f"prompt render --turns: {name}", put, ["prompt", "render", "urial", "--query", "q", "--turns", "in.json"]
        for file in ("manifest.json", "records.jsonl"):
            yield f"report, {file}: {name}", lambda folder, file=file, content=content: run_folder(folder, file, content), ["report", "run"]
        for file in ("manifest.json", "records.jsonl", "raw.jsonl", "ledger.jsonl"):
            yield (f"judge score into a run, {file}: {name}",
                   lambda folder, file=file, content=content: judge_folder(folder, file, content),
                   ["judge", "score", "answers.jsonl", *judge, "-o", "run"])
    for name, content in toml_contents():
        def settings(folder, content=content):
            write(folder / "urial.toml", content)

        def put_toml(folder, content=content):
            (folder / "in.json").write_text('{"instruction": "a", "output": "b", "generator": "m"}\n')
            write(folder / "in.toml", content)

        yield f"urial.toml: {name}", settings, ["config", "show"]
        yield f"prompt check: {name}", put_toml, ["prompt", "check", "in.toml"]
        yield f"judge show: {name}", put_toml, ["judge", "show", "in.toml"]
        yield f"judge --prices: {name}", put_toml, ["judge", "score", "in.json", *judge, "--prices", "in.toml", "-o", "out", "--dry-run"]


# Where the input may be fine or where there is nothing to refuse.
MAY_SUCCEED = ("empty", "one key 300,000 times", "urial.toml: a folder", "urial.toml: a device", "urial.toml: a link to itself", "report, records.jsonl",
               "judge import", "ledger.jsonl", "raw.jsonl", "no permission")


class Watch:
    def __init__(self, binary, verbose):
        self.binary = str(pathlib.Path(binary).resolve())
        self.verbose = verbose
        self.count = 0
        self.failures = []
        self.most = {"seconds": (0, ""), "bytes": (0, "")}

    def run(self, name, folder, arguments, may_succeed=True, seconds=MOST_SECONDS):
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "no_proxy": "*"}
        for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if variable in os.environ:
                environment[variable] = os.environ[variable]
        begin = time.monotonic()
        with open(folder / ".out", "wb") as out, open(folder / ".err", "wb") as err:
            process = subprocess.Popen([self.binary, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=err, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
            timer = threading.Timer(seconds, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = 0
        taken = time.monotonic() - begin
        peak = usage.ru_maxrss * 1024
        said = (folder / ".err").read_text(errors="replace")
        for key, value in (("seconds", taken), ("bytes", peak)):
            if value > self.most[key][0]:
                self.most[key] = (value, name)
        self.count += 1
        if self.verbose:
            print(f"{taken:6.1f} s {peak / 1e6:7.0f} MB  {name}: {said[:200].strip()}", flush=True)
        if taken >= seconds:
            self.fail(name, f"more than {seconds} s")
        elif os.WIFSIGNALED(status):
            self.fail(name, f"died of {signal.Signals(os.WTERMSIG(status)).name}: {said[-300:]}")
        elif os.WEXITSTATUS(status) >= 125 or "Sanitizer" in said:
            self.fail(name, f"exit status {os.WEXITSTATUS(status)}: {said[-600:]}")
        elif os.WEXITSTATUS(status) == 0 and not may_succeed:
            self.fail(name, "a success")
        elif os.WEXITSTATUS(status) != 0 and not said.strip():
            self.fail(name, "a failure without a word")
        if peak > MOST_BYTES and "URIAL_SANITIZED" not in os.environ:
            self.fail(name, f"{peak / 1e6:.0f} MB of memory")

    def fail(self, name, what):
        self.failures.append(name)
        print(f"FAILED  {name}: {what}", flush=True)


def completion(content):
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                       "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()


def reply(body, status="200 OK", headers=b""):
    return b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: %d\r\n" % len(body) + headers + b"\r\n" + body


def endless(head, part, pause=0.0):
    def play(send):
        send(head)
        while True:
            send(part)
            time.sleep(pause)

    return play


def verdict(score):
    aspects = ("helpfulness", "clarity", "factuality", "depth", "engagement")
    return "{" + ",".join(f'"{aspect}":{{"reason":"r","score":{score}}}' for aspect in aspects) + "}"


def judge_behaviours():
    ok = b"HTTP/1.1 200 OK\r\n"
    chunked = ok + b"Transfer-Encoding: chunked\r\n\r\n"
    fields = b"".join(b"X-%d: y\r\n" % i for i in range(5000))
    # The protocol.
    yield "nothing", b""
    yield "endless headers", endless(ok, fields)
    yield "endless headers of one name", endless(ok, b"X: y\r\n" * 1000)
    yield "one endless header line", endless(ok + b"X: ", b"a" * 10_000)
    yield "one endless status line", endless(b"HTTP/1.1 200 ", b"a" * 10_000)
    yield "endless folded header", endless(ok + b"X: y\r\n", b" folded\r\n" * 100)
    yield "endless continue", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    yield "endless early hints", endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 100)
    yield "endless trailers", endless(chunked + b"2\r\n{}\r\n0\r\n", fields)
    yield "one endless trailer", endless(chunked + b"2\r\n{}\r\n0\r\nX: ", b"a" * 10_000)
    yield "endless body", endless(ok + b"\r\n", b"a" * 100_000)
    yield "endless chunks", endless(chunked, b"1\r\na\r\n" * 10_000)
    yield "an endless chunk", endless(chunked + b"7fffffff\r\n", b"a" * 100_000)
    yield "an endless chunk extension", endless(chunked + b"1;", b"a" * 10_000)
    yield "an endless chunk size", endless(chunked, b"0" * 10_000)
    yield "slow drip of the body", endless(ok + b"\r\n", b" ", 0.1)
    yield "slow drip of headers", endless(ok, b"X: y\r\n", 0.1)
    yield "slow drip of chunks", endless(chunked, b"1\r\n \r\n", 0.1)
    yield "silence", endless(b"", b"", 0.1)
    yield "silence behind the head", endless(ok + b"Content-Length: 5\r\n\r\n", b"", 0.1)
    for length in ("-1", "0", "1000000", "99999999999999999999999", "9223372036854775807", "abc", "5, 6", ""):
        yield f"Content-Length: {length}", ok + f"Content-Length: {length}\r\n\r\n".encode() + completion("x")
    yield "two lengths", ok + b"Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}"
    yield "length and chunks", ok + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    for size in ("zzz", "-1", "ffffffffffffffffffff", "", "0x10", "1 2"):
        yield f"chunk of {size}", chunked + size.encode() + b"\r\n{}\r\n0\r\n\r\n"
    for line in ("HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 abc", "HTTP/1.1 0", "HTTP/1.1 99 x", "HTTP/1.1 1000 x", "HTTP/1.1 -200 x", "HTTP/9.9 200 OK",
                 "HTTP/0.9 200 OK", "HTTP/2 200 OK", "ICY 200 OK", "garbage", "\x00\x00\x00", "{}"):
        yield f"status line {line!r}", line.encode() + b"\r\nContent-Length: 2\r\n\r\n{}"
    for status in ("101 Switching", "204 No Content", "206 Partial", "300 Choices", "302 Found", "304 Same", "307 There", "400 Bad", "401 No", "402 Pay", "404 None",
                   "408 Slow", "418 Teapot", "429 Many", "451 Law", "500 Oops", "503 Busy", "599 Own", "999 Own"):
        yield f"status {status}", reply(b'{"error":{"message":"no"}}', status, b"Location: http://127.0.0.1:1/\r\nRetry-After: 0\r\n")
    yield "redirect to itself", reply(b"", "302 Found", b"Location: /v1/chat/completions\r\n")
    yield "redirect to a file", reply(b"", "302 Found", b"Location: file:///etc/passwd\r\n")
    for wait in ("0", "-5", "abc", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "0.5", "9" * 1000):
        yield f"Retry-After: {wait[:40]}", reply(b"{}", "400 Bad", b"Retry-After: " + wait.encode() + b"\r\n")
    yield "gzip that nobody asked for", reply(gzip.compress(completion(verdict(3))), headers=b"Content-Encoding: gzip\r\n")
    yield "a gzip bomb", reply(gzip.compress(b" " * 100_000_000), headers=b"Content-Encoding: gzip\r\n")
    yield "NULs in headers", reply(completion("x"), headers=b"X: \0\0\r\n\0: y\r\n")
    yield "headers without a colon", reply(completion("x"), headers=b"no colon here\r\n")
    yield "a cookie of 200 kB", reply(completion("x"), headers=b"Set-Cookie: a=" + b"b" * 90_000 + b"\r\n")
    # The body.
    deep = b"[" * DEPTH + b"]" * DEPTH
    for name, body in (("deep", deep), ("deep choices", b'{"choices":' + deep + b"}"), ("150,000 keys", many_keys()), ("NULs", bytes(100_000)),
                       ("not UTF-8", b"\xff\xfe"), ("an array", b"[]"), ("a text", b'"x"'), ("half", b'{"choices":[{"mess'), ("HTML", b"<html>" * 100_000),
                       ("17 MB", b'{"choices":"' + b"a" * 17_000_000 + b'"}'), ("two values", b"{}{}"), ("a bare number", b"1e9999"),
                       ("choices of wrong types", b'{"choices":[[[]]]}'), ("content of wrong types", b'{"choices":[{"message":{"content":{"a":[]}}}]}'),
                       ("usage of wrong types", b'{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":-1,"completion_tokens":1e300}}'),
                       ("an error of wrong types", b'{"error":[[[1]]]}'), ("a million choices", b'{"choices":[' + b"{}," * 1_000_000 + b"{}]}")):
        yield f"body: {name}", reply(body)
        if name in ("deep", "HTML", "NULs", "an error of wrong types"):
            yield f"refusal: {name}", reply(body, "400 Bad")
    # The verdict.
    nested = "[" * 88_000 + "]" * 88_000
    for name, text in (("a score nested 88,000 deep", verdict(nested)), ("an object nested", verdict('{"a":' * 88_000 + "1" + "}" * 88_000)),
                       ("150,000 keys", many_keys().decode()), ("a score of a million digits", verdict("3" * 1_000_000)), ("NaN", verdict("NaN")), ("1e999", verdict("1e999")),
                       ("open brackets", "{" * 5_000_000), ("quotes", '{"' * 3_000_000), ("backslashes", '{"' + "\\" * 5_000_000), ("apostrophes", "\u2019" * 3_000_000),
                       ("control characters", "\x1b[2J" * 1_000_000), ("NULs", "\0" * 1_000_000), ("a half surrogate", verdict('"\\ud800"')), ("thoughts", "<think>" * 1_000_000),
                       ("spaces", " " * 10_000_000), ("right", verdict(3)), ("the key, a million times", "sk-canary-0123456789" * 500_000)):
        yield f"verdict: {name}", reply(completion(text))


class JudgeServer:
    """Plays one behaviour to every connection."""

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.play, args=(connection,), daemon=True).start()

    def play(self, connection):
        with connection:
            try:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65536)
                head, body = received.split(b"\r\n\r\n", 1)
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                while len(body) < length:
                    body += connection.recv(65536)
                if callable(self.behaviour):
                    self.behaviour(connection.sendall)
                else:
                    connection.sendall(self.behaviour)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def watch_inputs(watch, options):
    server = JudgeServer(reply(b"{}", "401 No"))
    for number, (name, prepare, arguments) in enumerate(input_cases(server.port)):
        if options.only not in name or (options.short and number % 13 != 0):
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            prepare(folder)
            watch.run(name, folder, arguments, may_succeed=any(part in name for part in MAY_SUCCEED))
    server.close()


def watch_judges(watch, options):
    def run(case):
        name, behaviour = f"judge: {case[0]}", case[1]
        if options.only not in name:
            return
        server = JudgeServer(behaviour)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "in.jsonl").write_text('{"id": "1", "instruction": "a", "output": "b", "generator": "m"}\n')
            arguments = ["judge", "score", "in.jsonl", "--judge", f"http://127.0.0.1:{server.port}/v1#m", "--timeout", "2", "-o", "run"]
            # Six retries wait for at most a minute; the second run must get past what the first one left.
            watch.run(name, folder, arguments, seconds=240)
            if options.resume:
                watch.run(f"{name}, again", folder, arguments, seconds=240)
        server.close()

    # They mostly wait.
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(run, judge_behaviours()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--short", action="store_true", help="every thirteenth input, no judges")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--resume", action="store_true", help="each judge's run a second time into the same folder")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    watch = Watch(options.binary, options.verbose)
    watch_inputs(watch, options)
    if not options.short:
        watch_judges(watch, options)
    for key, (value, name) in watch.most.items():
        print(f"most {key}: {value:.1f} ({name})")
    print(f"{watch.count} cases, {len(watch.failures)} failures")
    return 1 if watch.failures else 0


if __name__ == "__main__":
    sys.exit(main())
