// The page of shift runs in a real Chromium: node tests/report/browser_test.mjs URIAL_BINARY.

import assert from 'node:assert/strict';
import {stat} from 'node:fs/promises';
import path from 'node:path';
import {folder, importWeb, kMostLoadMs, kMostWaitMs, openReport as open, runTests, slowestJump, urial} from './browser.mjs';
import {kHostile, writeSyntheticRun} from './synthetic_run.mjs';

const {bootstrapRatios, positionCurve, summarize} = await importWeb('report/statistics.ts');

const kMostBytes = 40e6;

async function makeReport(name, runs) {
    const folders = [];
    for (const [i, options] of runs.entries()) {
        folders.push(path.join(folder, `${name}-${i}`));
        await writeSyntheticRun(folders[i], options);
    }
    const html = path.join(folder, `${name}.html`);
    urial('report', ...folders, '--html', html, '--quiet');
    return html;
}

function openReport(html, options) {
    return open(html, {isDrawn: () => document.querySelectorAll('.chart svg').length === 6, ...options});
}

/** Of a page with runs of both kinds. */
function openMixedReport(html) {
    return open(html, {isDrawn: () => document.querySelectorAll('.chart svg').length === 8});
}

const tests = {
    async every_view_opens_without_a_message_or_a_request() {
        const {page, noise} = await openReport(await makeReport('plain', [{}, {seed: 5, drift: 0.5}]));
        assert.equal(await page.locator('.shares tr.own').count(), 2);
        assert.equal(await page.locator('.chart svg .role-legend-label').count(), 6 * 2, 'every chart names both runs');
        assert.match(await page.locator('.shares tbody.paper').innerText(), /2312\.01552[\s\S]*77\.7 %[\s\S]*82\.4 %[\s\S]*82\.2 %/);
        await page.click('text=log positions');
        for (const name of ['tokens', 'answers', 'overview']) {
            await page.click(`#tab-${name}`);
            assert.ok(await page.locator(`#view-${name}`).isVisible());
        }
        await page.click('text=theme: auto');
        await page.click('text=theme: light');
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
        await page.waitForTimeout(300);
        assert.deepEqual(noise, []);
        await page.close();
    },

    // The same rows and numbers are in tests/shift/summary_test.cpp; a third implementation, in Python, gave them.
    async an_interval_is_the_one_of_the_summary() {
        const rows = Array.from({length: 24}, (_, i) => [i % 7 + 3, i * 5 % 4]);
        const [{value, low, high}] = bootstrapRatios(rows);
        for (const [actual, expected] of [[value, 0.2608695652173913], [low, 0.174496644295302], [high, 0.35384615384615387]]) {
            assert.ok(Math.abs(actual - expected) < 1e-15, `${actual} is not ${expected}`);
        }
    },

    async the_tokens_that_end_answers_are_left_out_of_the_kl_curve_and_no_band_is_below_zero() {
        // Two answers of three tokens; the first ends with a control token, the second was cut.
        const tokens = [' a', ' b', '<end_of_turn>', ' a', ' b', '<br>x'];
        const zeros = new Array(6).fill(0);
        const run = {
            token: (p) => tokens[p],
            columns: {kl_ab: [1, 0, 90, 3, 10, 7], base_rank: [1, 2, 90, 1, 4, 9], base_logp: zeros, token: zeros, aligned_argmax: zeros,
                      base_margin: zeros, aligned_margin: zeros},
        };
        const answers = [{start: 0, length: 3}, {start: 3, length: 3}];
        const curve = positionCurve(run, answers, 'kl', 1);
        assert.deepEqual(curve.map((point) => [point.mean, point.answers]), [[2, 2], [5, 2], [7, 1]]);
        assert.equal(curve[1].low, 0, '5 - 1.96 * 5 is below zero');
        assert.deepEqual(positionCurve(run, answers, 'rank', 1).map((point) => point.mean), [1, 3, (50 + 9) / 2]);
        const summary = summarize(run, answers);
        assert.equal(summary.ends, 1);
        assert.equal(summary.kl.value, 111 / 6);
        assert.equal(summary.klWithoutEnds.value, 21 / 5);
    },

    async a_run_that_knows_only_bounds_shows_them_under_their_own_name_and_no_kl() {
        const {page, noise} = await openReport(await makeReport('bounded', [{answers: 20, bounded: true}]));
        const figures = await page.locator('.figures').innerText();
        assert.match(figures, /lower bound of the mean KL/);
        assert.match(figures, /total variation\s+0\.\d+ to 0\.\d+/);
        assert.doesNotMatch(figures, /mean KL\(aligned/);
        const titles = (await page.locator('figcaption').allInnerTexts()).join('\n');
        assert.match(titles, /Least distance from the base model/);
        assert.match(titles, /Lower bound of the KL of one position/);
        assert.doesNotMatch(titles, /^(KL of one position|Distance)/m);
        await page.click('#tab-answers');
        await page.waitForFunction(() => document.documentElement.dataset.complete);
        await page.locator('.tokens > .t').first().hover();
        const facts = await page.locator('.facts').innerText();
        assert.match(facts, /KL lower bound/);
        assert.doesNotMatch(facts, /entropy|Jensen/);
        assert.doesNotMatch(await page.locator('.meta').first().innerText(), /KL/);
        await page.click('#tab-tokens');
        assert.deepEqual(noise, []);
        await page.close();
    },

    async a_run_with_bounds_beside_one_with_a_kl_has_charts_of_its_own() {
        const {page, noise} = await openMixedReport(await makeReport('mixed', [{answers: 20}, {answers: 20, bounded: true}]));
        const titles = (await page.locator('figcaption').allInnerTexts()).join('\n');
        assert.match(titles, /Distance from the base model[\s\S]*Least distance from the base model/);
        const kl = page.locator('.figure', {hasText: 'mean KL(aligned ‖ base)'});
        assert.match(await kl.innerText(), /mixed-1\s*–/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async the_page_says_which_weights_were_used_and_warns_of_quantised_ones() {
        const {page, noise} = await openReport(await makeReport('weights', [{answers: 2}, {answers: 2, weights: 'Q4_K - Medium'}]));
        const rows = await page.locator('.shares tr.own th').allInnerTexts();
        assert.match(rows[0], /weights: F32/);
        assert.match(rows[1], /weights: Q4_K - Medium/);
        assert.deepEqual(await page.locator('.warnings li', {hasText: 'quantised (Q4_K - Medium)'}).count(), 1);
        assert.match(await page.locator('.warnings').innerText(), /weights-1: The weights/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async the_keyboard_alone_shows_and_pins_a_token() {
        const {page, noise} = await openReport(await makeReport('keyboard', [{}]));
        await page.click('#tab-answers');
        await page.waitForFunction(() => document.documentElement.dataset.complete);
        await page.locator('.tokens > .t').first().focus();
        assert.match(await page.locator('.inspector').innerText(), /token 1 of/);
        await page.keyboard.press('ArrowRight');
        assert.match(await page.locator('.inspector').innerText(), /token 2 of/);
        await page.keyboard.press('n');
        assert.equal(await page.locator('.inspector .badge').innerText(), 'shifted');
        assert.match(await page.locator('.inspector .visually-hidden').innerText(), /shifted, base rank \d/);
        assert.ok(await page.locator('.tops tbody tr').count() >= 10);
        assert.equal(await page.locator('.tops tr.answer').count(), 1, 'the answer is among the candidates whatever its rank');
        await page.keyboard.press('Enter');
        const pinned = await page.locator('.inspector .where').innerText();
        await page.locator('.tokens > .t').first().hover();
        assert.equal(await page.locator('.inspector .where').innerText(), pinned, 'a pin holds while the pointer moves');
        await page.keyboard.press('Escape');
        assert.match(await page.locator('.inspector').innerText(), /Point at a token/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async search_legend_and_the_token_table_filter_the_answers() {
        const {page, noise} = await openReport(await makeReport('filter', [{}]));
        await page.click('#tab-answers');
        await page.fill('input[placeholder^="Search"]', 'question 13:');
        await page.waitForFunction(() => document.querySelectorAll('.answers article').length === 1);
        await page.waitForSelector('.answers .instruction:has-text("question 13:")');  // a card is filled once it is near
        await page.fill('input[placeholder^="Search"]', 'nothing says this');
        await page.waitForSelector('text=No answer matches');
        await page.fill('input[placeholder^="Search"]', '');
        await page.waitForFunction(() => document.querySelectorAll('.answers article').length === 20);
        const decoration = () => page.locator('.tokens .shifted').first().evaluate((token) => getComputedStyle(token).textDecorationLine);
        assert.equal(await decoration(), 'underline');
        await page.click('.toggle:has-text("shifted") >> nth=-1');
        assert.equal(await decoration(), 'none');
        await page.click('#tab-tokens');
        await page.click('button.sort:has-text("all")');
        const counts = await page.locator('.sortable tbody td:nth-child(4)').allInnerTexts();
        assert.deepEqual(counts, [...counts].sort((a, b) => Number(b) - Number(a)));
        const times = Number(await page.locator('.sortable tbody tr', {hasText: 'However'}).locator('td').nth(1).innerText());
        await page.click('button.token:has-text("However")');
        const articles = page.locator('.answers article');
        assert.ok(await articles.count() > 0 && await articles.count() <= times);
        for (const text of await page.locator('.answers .hit').allInnerTexts()) assert.equal(text.trim(), 'However');
        await page.click('.chip');
        assert.equal(await articles.count(), 20);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async hostile_text_stays_text() {
        const {page, noise} = await openReport(await makeReport('hostile', [{hostile: true}]));
        await page.click('#tab-answers');
        await page.locator('.tokens > .t.shifted').first().click();
        await page.waitForFunction(() => document.querySelectorAll('.answers article').length === 20);
        assert.ok((await page.locator('.instruction').first().innerText()).startsWith(kHostile[0]));
        await page.click('#tab-tokens');
        const cell = page.locator('button.token', {hasText: kHostile[0]});
        assert.equal(await cell.innerText(), kHostile[0]);
        assert.equal(await page.locator('button.token', {hasText: '‹202E›gnp.exe'}).count(), 1, 'a direction override is spelt out');
        await cell.click();
        await page.click('#tab-overview');
        await page.evaluate(() => document.querySelectorAll('details').forEach((details) => details.open = true));
        assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
        assert.equal(await page.locator('#app img, #app script, #app iframe').count(), 0);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async the_policy_stops_a_foreign_script() {
        const {page, noise} = await openReport(await makeReport('policy', [{answers: 2}]));
        await page.evaluate(() => {
            const script = document.createElement('script');
            script.textContent = 'globalThis.foreign = 1';
            document.body.append(script);
        });
        assert.equal(await page.evaluate(() => globalThis.foreign), undefined);
        assert.ok(noise.some((line) => line.includes('Content Security Policy')));
        await page.close();
    },

    async a_thousand_answers_load_fast_and_scroll() {
        const html = await makeReport('large', [{answers: 1000, tokens: 200}]);
        const {size} = await stat(html);
        assert.ok(size < kMostBytes, `${size} bytes`);
        const {page, noise, loadMs} = await openReport(html);
        await page.waitForFunction(() => document.documentElement.dataset.complete);
        await page.click('#tab-answers');
        await page.waitForSelector('.tokens > .t');
        const slowest = await slowestJump(page);
        const tokens = await page.locator('.tokens > .t').count();
        console.log(`  1,000 answers: ${(size / 1e6).toFixed(1)} MB, all charts drawn after ${loadMs} ms, slowest jump ${slowest.toFixed(0)} ms, ${tokens} tokens in the page`);
        assert.ok(tokens < 20000, `${tokens} token elements at once`);
        assert.ok(loadMs < kMostLoadMs, `${loadMs} ms`);
        assert.ok(slowest < kMostWaitMs, `${slowest} ms for one jump`);
        assert.deepEqual(noise, []);
        await page.close();
    },
};

await runTests(tests);
