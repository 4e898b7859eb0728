// How long does a large report take: to be written, to be ready, to scroll, to be searched?
//
//   node bench/report_page.mjs build/urial [ROUNDS]      (after `npm ci` in web/; needs Chromium)
//
// Two synthetic runs of 2,000 answers of 200 tokens. Written: the whole process, medians of ROUNDS (3). Ready: from opening
// the file to the first view; what stands behind it in the file is read meanwhile. A step: 120 pixels, to the next picture.
// A search: a key in the field, to the picture that shows the answers which are left. Start nothing else meanwhile.

import {statSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

import {browser, folder, urial} from '../tests/report/browser.mjs';
import {writeSyntheticRun} from '../tests/report/synthetic_run.mjs';

const kAnswers = 2000;
const kTokens = 200;
const kSteps = 300;
const kSearches = ['water', 'question 13:', 'However', 'question 7', 'important', 'nothing says this', 'question 1999:'];

const rounds = Number(process.argv[3] ?? 3);
const sorted = (values) => [...values].sort((a, b) => a - b);
const at = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(share * values.length))];
const ms = (value) => `${value.toFixed(0)} ms`;

/** The page, and the milliseconds until its first view was there. */
async function open(html) {
    const page = await browser.newPage({viewport: {width: 1400, height: 900}});
    await page.addInitScript(() => {
        const timer = setInterval(() => {
            if (!document.documentElement?.dataset.ready) return;
            clearInterval(timer);
            globalThis.readyMs = performance.now();
        }, 5);
    });
    await page.goto(pathToFileURL(html).href, {waitUntil: 'commit'});
    await page.waitForFunction(() => document.documentElement.dataset.complete);
    return {page, readyMs: await page.evaluate(() => globalThis.readyMs)};
}

/** Milliseconds of each step. */
function scroll(page) {
    return page.evaluate(async (steps) => {
        const next = () => new Promise((done) => requestAnimationFrame(done));
        const frames = [];
        let before = await next();
        for (let i = 0; i < steps; ++i) {
            scrollBy(0, 120);
            const now = await next();
            frames.push(now - before);
            before = now;
        }
        return frames;
    }, kSteps);
}

/** Milliseconds until the list has changed and is drawn. */
function search(page, words) {
    return page.evaluate(async (text) => {
        const field = document.querySelector('input[placeholder^="Search"]');
        const changed = new Promise((done) => {
            const watch = new MutationObserver(() => {
                watch.disconnect();
                done();
            });
            watch.observe(document.querySelector('.answers'), {childList: true, subtree: true});
        });
        const started = performance.now();
        field.value = text;
        field.dispatchEvent(new Event('input', {bubbles: true}));
        await changed;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return performance.now() - started;
    }, words);
}

try {
    const runs = [];
    for (const seed of [1, 2]) {
        runs.push(path.join(folder, `run-${seed}`));
        await writeSyntheticRun(runs.at(-1), {answers: kAnswers, tokens: kTokens, seed, drift: seed / 2});
    }
    const html = path.join(folder, 'report.html');
    const written = [];
    for (let i = 0; i < rounds; ++i) {
        const started = performance.now();
        urial('-q', 'report', ...runs, '--html', html);
        written.push(performance.now() - started);
    }
    console.log(`written in ${ms(at(written, 0.5))} (${written.map(ms).join(', ')}), ${(statSync(html).size / 1e6).toFixed(0)} MB`);
    const ready = [];
    for (let i = 0; i < rounds; ++i) {
        const {page, readyMs} = await open(html);
        ready.push(readyMs);
        if (i + 1 < rounds) {
            await page.close();
            continue;
        }
        await page.click('#tab-answers');
        await page.waitForSelector('.tokens > .t');
        const frames = await scroll(page);
        console.log(`ready after ${ms(at(ready, 0.5))} (${ready.map(ms).join(', ')})`);
        console.log(`a step of a scroll: median ${ms(at(frames, 0.5))}, p95 ${ms(at(frames, 0.95))}, at most ${ms(Math.max(...frames))}`);
        await page.evaluate(() => scrollTo(0, 0));
        const searches = [];
        for (const words of kSearches) searches.push(await search(page, words));
        console.log(`a search: median ${ms(at(searches, 0.5))}, at most ${ms(Math.max(...searches))}`);
    }
} finally {
    await browser.close();
}
