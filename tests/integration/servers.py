"""Model servers for the checks: started, waited for, and ended."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


def request(url, body=None, timeout=600):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
            urllib.request.Request(url, data, {"Content-Type": "application/json"}), timeout=timeout) as reply:
        return json.loads(reply.read())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_ready(url, process, log, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, ValueError):
            request(url, timeout=5)
            return
        time.sleep(1)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"no server at {url}; the end of {log}:\n{tail}")


def run_logged(command, log, seconds, environment=None, folder=None):
    """Runs a program whose output goes to `log`; a failure shows its end."""
    with open(log, "wb") as said:
        done = subprocess.run([str(word) for word in command], stdout=said, stderr=subprocess.STDOUT, timeout=seconds,
                              env={**os.environ, **(environment or {})}, cwd=folder)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}; the end of {log}:\n"
                           f"{log.read_text(errors='replace')[-3000:]}")


@contextlib.contextmanager
def running(command, environment, port, log, seconds, ready="/v1/models"):
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, **environment})
    try:
        wait_until_ready(f"http://127.0.0.1:{port}{ready}", process, log, seconds)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def vllm_environment():
    return {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(os.cpu_count() or 2), "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
            "VLLM_NO_USAGE_STATS": "1"}


def vllm(python, weights, folder):
    """vLLM on the CPU, model "tiny", in BF16."""
    port = free_port()
    command = [python, str(HERE / "serve_vllm.py"), "serve", str(weights), "--served-model-name", "tiny", "--dtype",
               "bfloat16", "--max-model-len", "2048", "--enforce-eager", "--host", "127.0.0.1", "--port", str(port)]
    return running(command, vllm_environment(), port, folder / "vllm.log", 900)


def llama_server(binary, gguf, folder):
    """llama-server with a GGUF file, model "tiny"."""
    port = free_port()
    command = [str(binary), "-m", str(gguf), "--alias", "tiny", "-np", "4", "-kvu", "-c", "8192", "--swa-full",
               "--cache-ram", "0", "--host", "127.0.0.1", "--port", str(port)]
    return running(command, {}, port, folder / "llama-server.log", 120)


def urial(binary, folder, *options, key=None):
    """`urial serve` with these options; /health says when it is ready, as it asks for no key."""
    port = free_port()
    command = [str(binary), "serve", "--port", str(port), "--offline", "--no-data", *map(str, options)]
    environment = {"URIAL_API_KEY": key} if key else {}
    return running(command, environment, port, folder / "urial.log", 300, ready="/health")
