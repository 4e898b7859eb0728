// The page of `urial serve` in Chromium, with the real server and the real default model. Skips as browser.mjs says, and
// where the model is not there (URIAL_REQUIRE_MODEL makes that a failure).

import {writeFile} from 'node:fs/promises';
import path from 'node:path';

import {folder, runTests} from '../report/browser.mjs';
import {chatTests} from './chat_tests.mjs';
import {enduranceTests} from './endurance_tests.mjs';
import {freePort, startServer} from './server.mjs';
import {viewTests} from './view_tests.mjs';

const binary = process.argv[2];
const port = await freePort();
const data = path.join(folder, 'data');
let running = null;

/** The one server of all tests: always at the same address, with the same data. */
const server = {
    address: `http://127.0.0.1:${port}`,
    async start(keys = []) {
        const more = ['--offline'];
        if (keys.length) {
            await writeFile(path.join(folder, 'keys'), keys.join('\n'), {mode: 0o600});
            more.push('--api-key-file', path.join(folder, 'keys'));
        }
        running = await startServer(binary, {port, data, more});
    },
    stop: (signal) => running.stop(signal),
};

try {
    await server.start();
} catch (failure) {
    if (process.env.URIAL_REQUIRE_MODEL || !/not (found|there|downloaded)|offline/i.test(failure.message)) throw failure;
    console.log(`skipped: ${failure.message}`);
    process.exit(77);
}
process.on('exit', () => running.stop('SIGKILL'));
const wanted = process.argv[3] ?? '';  // a part of the names of tests
const all = {...chatTests(server), ...viewTests(server), ...enduranceTests(server)};
await runTests(Object.fromEntries(Object.entries(all).filter(([name]) => name.includes(wanted))));
