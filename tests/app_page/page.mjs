// What the tests of the page share: a page that reports every noise, and the gestures that they are made of.

import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {browser} from '../report/browser.mjs';

const require = createRequire(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web/package.json'));

export const kWaitMs = 30000;  // of a gesture; a guard, not a measurement
export const kDesk = {viewport: {width: 1400, height: 900}};
export const kPhone = {viewport: {width: 390, height: 844}, isMobile: true, hasTouch: true, deviceScaleFactor: 2};

const kPageFiles = ['/', '/app.js', '/app.css', '/highlight.js'];

/**
 * Opens the page in a context of its own. `noise`: what the console, the policy or the network say beyond the page's
 * own files and the API; replies that a test provokes are named in `expects`.
 */
export async function openPage(address, {hash = '', expects = [], context, ...options} = {}) {
    const own = context ?? await browser.newContext({...kDesk, reducedMotion: 'no-preference', acceptDownloads: true, ...options});
    const page = await own.newPage();
    page.setDefaultTimeout(kWaitMs);
    const noise = [];
    page.on('console', (message) => {
        if (!expects.some((expected) => message.text().includes(expected))) noise.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (failure) => noise.push(`error: ${failure.stack}`));
    page.on('dialog', (dialog) => { noise.push('a dialog'); void dialog.dismiss(); });
    page.on('popup', () => noise.push('a window'));
    page.on('request', (request) => {
        const url = new URL(request.url());
        if (url.protocol === 'data:' || url.protocol === 'blob:') return;
        if (url.origin !== address || !(kPageFiles.includes(url.pathname) || url.pathname.startsWith('/v1/'))) noise.push(`request: ${request.url()}`);
    });
    await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    await page.goto(`${address}/${hash}`);
    return {page, noise, context: own};
}

export async function closeQuiet({page, noise, context}) {
    await page.waitForTimeout(50);
    assert.deepEqual(noise, []);
    await context.close();
}

export const messageBox = (page) => page.getByRole('textbox', {name: 'Message'});

/** Begins a chat whose answers are short and always the same. */
export async function openChat(address, options = {}) {
    const opened = await openPage(address, {hash: '#/new/chat', ...options});
    await setSampling(opened.page, {'Temperature': '0', 'Longest answer': String(options.tokens ?? 24)});
    return opened;
}

export async function setSampling(page, values, opener = 'Settings of this chat') {
    await page.getByRole('button', {name: opener}).click();
    for (const [label, value] of Object.entries(values)) {
        await page.getByLabel(label, {exact: true}).fill(value);
        await page.getByLabel(label, {exact: true}).blur();
    }
    await page.keyboard.press('Escape');
}

export async function send(page, text) {
    await messageBox(page).fill(text);
    await page.getByRole('button', {name: 'Send'}).click();
}

export async function answered(page, count = 1) {
    await page.waitForFunction((wanted) => document.querySelectorAll('.message.assistant').length >= wanted && !document.querySelector('.writing'), count);
}

export async function ask(page, text) {
    const before = await page.locator('.message.assistant').count();
    await send(page, text);
    await answered(page, before + 1);
}

export const lastAnswer = (page) => page.locator('.message.assistant').last();

/** Every rule of axe-core, on the page as it is now. */
export async function checkAccess(page, where) {
    if (!await page.evaluate(() => 'axe' in window)) {
        // The policy of the page lets no script in; the debugger may.
        const session = await page.context().newCDPSession(page);
        const {readFileSync} = await import('node:fs');
        await session.send('Runtime.evaluate', {expression: readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')});
        await session.detach();
    }
    const found = await page.evaluate(async () => {
        const {violations} = await window.axe.run(document, {resultTypes: ['violations']});
        return violations.map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({html, failureSummary}) => `${html.slice(0, 140)} (${failureSummary.split('\n')[1] ?? ''})`).join('; ')}`);
    });
    assert.deepEqual(found, [], where);
}

/** What reaches beyond the window sideways and cannot be scrolled to where it is. */
export function overflowing(page) {
    return page.evaluate(() => {
        const scrolls = (element) => {
            for (let at = element.parentElement; at; at = at.parentElement) {
                if (/auto|scroll|hidden|clip/.test(getComputedStyle(at).overflowX) && at !== document.body && at.getBoundingClientRect().right <= innerWidth + 1) return true;
            }
            return false;
        };
        const wide = [...document.querySelectorAll('main *, dialog *')].filter((element) => {
            const {right, width} = element.getBoundingClientRect();
            return width > 0 && right > innerWidth + 1 && !scrolls(element);
        });
        const clipped = ['main', '.view', '.thread', '.scroller'].flatMap((name) => [...document.querySelectorAll(name)])
            .filter((element) => element.scrollWidth > element.clientWidth + 1);
        return [...wide, ...clipped].slice(0, 5).map((element) => `${element.tagName}.${element.className}`);
    });
}
