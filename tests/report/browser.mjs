// What the browser tests share: Chromium, a folder for their files, a page that reports every noise, a runner. Exit
// status 77 (skipped) where Node's packages (`npm ci` in web/) or Chromium are missing, unless URIAL_REQUIRE_BROWSER is set.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

const kArguments = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync'];

function skip(why) {
    console.log(`skipped: ${why}`);
    process.exit(process.env.URIAL_REQUIRE_BROWSER ? 1 : 77);
}

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web/');
const chromiumPath = [process.env.URIAL_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .find((candidate) => candidate && existsSync(candidate));
if (!chromiumPath) skip('no Chromium (Debian: apt-get install chromium)');
if (!existsSync(path.join(web, 'node_modules/playwright-core'))) skip('no playwright-core (npm ci in web/)');
const require = createRequire(path.join(web, 'package.json'));
const {chromium} = require('playwright-core');

export const folder = await mkdtemp(path.join(os.tmpdir(), 'urial-report-'));
export const browser = await chromium.launch({executablePath: chromiumPath, args: kArguments});

/** Runs the binary that the test was started with. */
export function urial(...args) {
    execFileSync(process.argv[2], args, {stdio: 'inherit'});
}

/** The module of a TypeScript file under web/, for tests of what needs no page. */
export async function importWeb(file) {
    const outfile = path.join(folder, `${file.replaceAll('/', '_')}.mjs`);
    await require('esbuild').build({entryPoints: [path.join(web, file)], bundle: true, format: 'esm', outfile, logLevel: 'error'});
    return import(pathToFileURL(outfile).href);
}

/** Opens a report; whatever the console, the page or the network say beyond the file itself is collected in `noise`. */
export async function openReport(html, {isDrawn = () => true, address = '', ...options} = {}) {
    const page = await browser.newPage({viewport: {width: 1400, height: 900}, ...options});
    const noise = [];
    page.on('console', (message) => noise.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (failure) => noise.push(`error: ${failure.message}`));
    page.on('dialog', (dialog) => { noise.push('a dialog'); dialog.dismiss(); });
    page.on('request', (request) => { if (request.url().split('#')[0] !== pathToFileURL(html).href) noise.push(`request: ${request.url()}`); });
    const started = Date.now();
    await page.goto(pathToFileURL(html).href + address);
    await page.waitForFunction(() => document.documentElement.dataset.ready);
    await page.waitForFunction(isDrawn);
    return {page, noise, loadMs: Date.now() - started};
}

const axe = existsSync(path.join(web, 'node_modules/axe-core/axe.min.js')) ? await readFile(path.join(web, 'node_modules/axe-core/axe.min.js'), 'utf8') : null;

/** What axe-core finds on the page as it is, every details element opened: one line a rule. */
export async function accessFindings(page) {
    assert.ok(axe, 'no axe-core (npm ci in web/)');
    await page.evaluate(axe);
    return page.evaluate(async () => {
        document.querySelectorAll('details:not(.filters)').forEach((details) => { details.open = true; });
        const {violations} = await axe.run(document, {resultTypes: ['violations']});
        return violations.map(({id, impact, nodes}) => `${id} (${impact}): ${nodes.length} times, first ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary.slice(0, 300)}`);
    });
}

/** What reaches beyond the window's right side without lying in something that scrolls. */
export function overflowing(page) {
    return page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        const found = [...document.querySelectorAll('#app *')].filter((element) => element.offsetParent && element.getBoundingClientRect().right > width + 1 &&
            !element.closest('.scroll, .tabs, .verdicts, pre')).slice(0, 3).map((element) => `${element.tagName}.${element.className}`);
        return document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth} px wide`, ...found] : found;
    });
}

// Guards against a page that freezes; how fast it is (well below 3 s on an idle machine) is printed, not tested.
export const kMostLoadMs = 20000;
export const kMostWaitMs = 5000;

/** Scrolls through the page in 30 jumps: the ms of the slowest. */
export function slowestJump(page) {
    return page.evaluate(async () => {
        let worst = 0;
        for (let i = 1; i <= 30; ++i) {
            const started = performance.now();
            scrollTo(0, document.documentElement.scrollHeight * i / 30);
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            worst = Math.max(worst, performance.now() - started);
        }
        return worst;
    });
}

/** Runs every test (or those whose name contains the second argument), prints what happened, and ends the process. */
export async function runTests(tests) {
    let failed = 0;
    for (const [name, test] of Object.entries(tests)) {
        if (process.argv[3] && !name.includes(process.argv[3])) continue;
        const started = Date.now();
        try {
            await test();
            console.log(`ok: ${name} (${Date.now() - started} ms)`);
        } catch (failure) {
            ++failed;
            console.log(`FAILED: ${name}\n${failure.stack}`);
        }
    }
    await browser.close();
    await rm(folder, {recursive: true});
    process.exit(failed ? 1 : 0);
}
