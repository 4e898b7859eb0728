#!/usr/bin/env python3
"""What do clients that drip, idle and never read do to `urial serve`, and does it need more memory with time?

    bench/serve_abuse.py [--seconds 60] [--requests 10000] [-m gemma-3-270m]

Starts the server and measures the time to its first answer on /health. Then for --seconds: 64 clients that drip a
header byte by byte, 64 that are idle, 16 that ask for streams and never read, all of whom come back when they are
disconnected, and 4 healthy ones that stream answers; /health is asked meanwhile. At last --requests small requests, 8 at
a time, with the server's resident memory before and after. Clients have loopback addresses of their own (127.0.0.x), as
there may be 64 connections of one address. Linux only.
"""

import argparse
import asyncio
import json
import pathlib
import signal
import socket
import subprocess
import time

import load
import measure


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urial", type=pathlib.Path, default=measure.URIAL)
    parser.add_argument("-m", "--model", default="gemma-3-270m")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=10_000)
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    """Connections to the server from one loopback address."""

    def __init__(self, port, address):
        self.port, self.address = port, address

    async def connect(self, receive_bytes=None):
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        sock.bind((self.address, 0))
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return await asyncio.open_connection(sock=sock)

    def request(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        if data:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        return head.encode() + b"\r\n" + data

    async def ask(self, reader, writer, method, path, body=None):
        """(status, body) on a connection that stays."""
        writer.write(self.request(method, path, body))
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        if b"chunked" in head:
            return status, await reader.readuntil(b"\r\n0\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return status, await reader.readexactly(length)


async def again_and_again(client, misbehave, counts):
    """Until it is cancelled; counts how often the server has put an end to it."""
    while True:
        writer = None
        try:
            reader, writer = await client.connect(receive_bytes=4096)
            await misbehave(client, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            if writer:
                writer.transport.abort()
        counts["disconnected"] += 1
        await asyncio.sleep(0.05)


async def drip(client, reader, writer):
    writer.write(client.request("GET", "/health")[:-2] + b"X-Slow: ")
    while not reader.at_eof():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.5)


async def idle(_client, reader, _writer):
    await reader.read()


async def never_read(client, _reader, writer):
    sock = writer.transport.get_extra_info("socket")
    writer.transport.pause_reading()
    body = {"prompt": "Once upon a time", "max_tokens": 100, "ignore_eos": True, "stream": True, "logprobs": 100}
    writer.write(client.request("POST", "/v1/completions", body))
    while True:  # the connection's state, without reading from it
        await asyncio.sleep(0.5)
        state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if state != 1:
            return


async def stream_answers(client, end, results):
    reader, writer = await client.connect()
    body = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64, "stream": True}
    while time.monotonic() < end:
        status, answer = await client.ask(reader, writer, "POST", "/v1/chat/completions", body)
        results.append(status == 200 and b"[DONE]" in answer)
    writer.close()


async def ask_health(client, end, times):
    while time.monotonic() < end:
        begin = time.monotonic()
        reader, writer = await client.connect()
        status, _ = await client.ask(reader, writer, "GET", "/health")
        assert status == 200, status
        times.append(time.monotonic() - begin)
        writer.close()
        await asyncio.sleep(0.1)


async def abuse(port, seconds):
    counts = {"drip": {"disconnected": 0}, "idle": {"disconnected": 0}, "never read": {"disconnected": 0}}
    tasks = []
    for name, misbehave, count, address in (("drip", drip, 64, "127.0.0.2"), ("idle", idle, 64, "127.0.0.3"),
                                            ("never read", never_read, 16, "127.0.0.4")):
        for _ in range(count):
            client = Client(port, address)
            tasks.append(asyncio.create_task(again_and_again(client, misbehave, counts[name])))
    await asyncio.sleep(1)
    end = time.monotonic() + seconds
    times, results = [], []
    healthy = [stream_answers(Client(port, "127.0.0.5"), end, results) for _ in range(4)]
    await asyncio.gather(ask_health(Client(port, "127.0.0.1"), end, times), *healthy)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(f"/health beside them, {len(times)} times: p50 {load.percentile(times, .5) * 1e3:.1f} ms, "
          f"p99 {load.percentile(times, .99) * 1e3:.1f} ms, longest {max(times) * 1e3:.1f} ms")
    print(f"healthy streams: {sum(results)} of {len(results)} finished; disconnected meanwhile: "
          + ", ".join(f"{name} {count['disconnected']}" for name, count in counts.items()))


async def small_requests(port, count):
    left = iter(range(count))

    async def some():
        client = Client(port, "127.0.0.1")
        reader, writer = await client.connect()
        for i in left:
            body = {"prompt": f"Number {i} is", "max_tokens": 1, "logprobs": 1, "echo": True}
            status, answer = await client.ask(reader, writer, "POST", "/v1/completions", body)
            assert status == 200, answer
        writer.close()

    await asyncio.gather(*(some() for _ in range(8)))


def wait_until_ready(port, begin):
    first = None
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(f"GET /health HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                status = connection.recv(100).split()[1]
            first = first or time.monotonic() - begin
            if status == b"200":
                return first, time.monotonic() - begin
        except ConnectionRefusedError:
            pass
        time.sleep(0.002)


def main():
    args = arguments()
    port = free_port()
    begin = time.monotonic()
    server = subprocess.Popen([args.urial, "-q", "serve", "--no-data", "-m", args.model, "--port", str(port)])
    try:
        first, ready = wait_until_ready(port, begin)
        print(f"/health answers {first * 1e3:.0f} ms after the start; the model is ready after {ready:.2f} s")
        asyncio.run(abuse(port, args.seconds))
        warm = args.requests // 10
        asyncio.run(small_requests(port, warm))
        before = measure.resident_bytes(server.pid) / 1e6
        begin = time.monotonic()
        asyncio.run(small_requests(port, args.requests))
        seconds = time.monotonic() - begin
        print(f"{args.requests} small requests behind {warm} others: {args.requests / seconds:.0f} a second, resident "
              f"{before:.1f} MB before and {measure.resident_bytes(server.pid) / 1e6:.1f} MB after")
    finally:
        server.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        code = server.wait(60)
        print(f"SIGTERM: ended with {code} after {time.monotonic() - begin:.2f} s")


if __name__ == "__main__":
    main()
