// `urial serve` for the tests of its page: started on a free port, with a data folder, stopped, started again.

import {spawn} from 'node:child_process';
import net from 'node:net';

const kMostStartMs = 120000;

export async function freePort() {
    const probe = net.createServer();
    await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const {port} = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    return port;
}

/** Resolves when the server answers. `port`: kept where it is started again, so that pages find it. */
export async function startServer(binary, {port, data, more = [], env = {}}) {
    const child = spawn(binary, ['serve', '-m', 'gemma-3-270m', '-p', 'urial', '--port', String(port), '--data', data, ...more],
                        {stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, ...env}});
    let said = '';
    child.stdout.on('data', (text) => { said += text; });
    child.stderr.on('data', (text) => { said += text; });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const address = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + kMostStartMs;
    while (!await fetch(`${address}/health`).then((response) => response.ok, () => false)) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not start: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return {
        address,
        async stop(signal = 'SIGTERM') {
            child.kill(signal);
            await ended;
        },
    };
}

/** A request of the test itself; throws what the server says. */
export async function call(address, method, route, body, headers = {}) {
    const response = await fetch(address + route, {method, headers: {'content-type': 'application/json', ...headers},
                                                   ...(body === undefined ? {} : {body: JSON.stringify(body)})});
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
}
