// The page of judged runs in a real Chromium: node tests/report/judged_browser_test.mjs URIAL_BINARY.

import assert from 'node:assert/strict';
import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {accessFindings, folder, importWeb, kMostLoadMs, kMostWaitMs, openReport, overflowing, runTests, slowestJump, urial} from './browser.mjs';
import {syntheticQuestion, writeJudgedRun} from './synthetic_judged_run.mjs';
import {kHostile, writeSyntheticRun} from './synthetic_run.mjs';

const {holm, judgeDifferences} = await importWeb('judged/decided.ts');

const kLetters = 'abcdef';

/** The page of synthetic runs; the second one drifts upwards where nothing else is said. */
async function makePage(name, runs, ...flags) {
    const folders = runs.map((_, i) => path.join(folder, `${name}-${kLetters[i]}`));
    for (const [i, options] of runs.entries()) await writeJudgedRun(folders[i], {seed: i + 1, drift: i, ...options});
    const html = path.join(folder, `${name}.html`);
    urial('report', ...folders, '--html', html, '--quiet', ...flags);
    return {html, folders};
}

async function recordsOf(run) {
    return (await readFile(path.join(run, 'records.jsonl'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
}

async function openItems(page) {
    await page.click('#tab-items');
    await page.waitForSelector('.verdicts');
}

const shownCount = async (page) => Number((await page.locator('.items-view .status').innerText()).match(/^\d+/)[0]);
const ids = (page) => page.locator('.answers article').evaluateAll((cards) => cards.map((card) => card.getAttribute('aria-label').replace('Item ', '')));

const tests = {
    async every_view_opens_without_a_message_or_a_request() {
        const {html} = await makePage('plain', [{}, {}, {kind: 'pairwise'}, {kind: 'mt-bench'}]);
        const {page, noise} = await openReport(html);
        assert.equal(await page.locator('.scores-charts .chart svg').count(), 4, 'radar and dots of scores and of categories');
        assert.equal(await page.locator('.pairs tbody tr').count(), 2);
        assert.ok(await page.locator('.differences tbody tr').count() >= 5);
        await openItems(page);
        await page.click('text=theme: auto');
        await page.click('text=theme: light');
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
        await page.click('#tab-overview');
        await page.hover('.scores-charts svg path');
        assert.match(await page.locator('.chart-tip').innerText(), /\d\.\d\d, 95 %/);
        await page.waitForTimeout(200);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async the_table_shows_the_means_of_the_records() {
        const {html, folders} = await makePage('means', [{}, {unscored: 0.02, items: 300}]);
        const {page, noise} = await openReport(html);
        for (const [i, run] of folders.entries()) {
            const scores = (await recordsOf(run)).map((record) => record.verdicts.clarity.score).filter((score) => score !== undefined);
            const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
            const shown = await page.locator('.scores tbody tr').nth(i).locator('td').nth(1).locator('b').innerText();
            assert.ok(Math.abs(Number(shown) - mean) <= 0.0051, `${shown}, ${mean}`);
        }
        assert.deepEqual(noise, []);
        await page.close();
    },

    async a_jury_shows_its_agreement_and_a_bill_what_was_paid() {
        const bill = {attempts: 61, failed: 1, unsettled: 0, prompt_tokens: 12345, completion_tokens: 678, cost_usd: 0.25, unpriced: 2};
        const {html, folders} = await makePage('jury', [{judges: 2, bill}, {}]);
        const judgements = await recordsOf(folders[0]);
        const pairs = judgements.filter((_, i) => i % 2 === 0).map((record, i) => [record, judgements[2 * i + 1]].map(({verdicts}) => verdicts.depth.score));
        const equal = pairs.filter(([a, b]) => a === b).length / pairs.length;
        const {page, noise} = await openReport(html);
        const rows = page.locator('section:has-text("Do the judges agree?") tbody tr');
        assert.equal(await rows.count(), 5, 'the run with one judge has no row');
        const depth = rows.filter({hasText: 'depth'});
        assert.equal(await depth.locator('td').nth(3).locator('b').innerText(), equal.toFixed(2));
        const paid = await page.locator('section:has(h2:text-is("What did it cost?")) tbody').innerText();
        assert.match(paid, /jury-a\s+61\s+1\s+12.345\s+678\s+at least 0\.2500 USD$/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async withheld_numbers_are_shown_as_withheld() {
        const {html} = await makePage('withheld', [{}, {unscored: 0.3}]);
        const {page, noise} = await openReport(html);
        const row = page.locator('.scores tbody tr').nth(1);
        assert.equal(await row.locator('.withheld').count(), 6, 'five aspects and the average');
        assert.doesNotMatch(await row.innerText(), /\d\.\d\d/);
        assert.match(await page.locator('.warnings').innerText(), /could not be read: no means are shown/);
        assert.equal(await page.locator('.scores-charts svg').first().locator('polygon[fill-opacity]').count(), 1, 'only one run is drawn');
        assert.doesNotMatch(await page.locator('.map:has-text("withheld-b") .heat-map tbody').innerText(), /\d\.\d\d/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async filters_search_and_order_choose_the_items() {
        const {html, folders} = await makePage('filter', [{}, {}]);
        const runs = await Promise.all(folders.map(recordsOf));
        const {page, noise} = await openReport(html);
        await openItems(page);
        await page.click('.filters > summary');
        assert.equal(await shownCount(page), 30);
        await page.selectOption('select[aria-label="task"]', 'math');
        assert.equal(await shownCount(page), runs[0].filter((record) => record.task.includes('math')).length);
        await page.selectOption('select[aria-label="task"]', '');
        await page.selectOption('select[aria-label="Aspect"]', 'depth');
        await page.selectOption('select[aria-label="Verdict"]', '=2');
        const wanted = runs[0].filter((record, i) => [record, runs[1][i]].some(({verdicts}) => verdicts.depth.score === 2)).map(({id}) => id);
        assert.deepEqual(await ids(page), wanted);
        assert.deepEqual(await page.locator('.chip').allInnerTexts(), ['aspect: depth ✕', 'score 2 ✕']);
        assert.equal(await page.locator('.score-bar[aria-pressed="true"]').innerText(), '2');
        await page.locator('.score-bar[aria-pressed="true"]').click();
        assert.equal(await shownCount(page), 30);
        await page.selectOption('select[aria-label="Order"]', 'runs');
        const gap = (id) => Math.abs(runs[0][id].verdicts.depth.score - runs[1][id].verdicts.depth.score);
        const gaps = (await ids(page)).map((id) => gap(Number(id)));
        assert.deepEqual(gaps, [...gaps].sort((a, b) => b - a));
        await page.fill('input[type="search"]', 'question 13:');
        await page.waitForFunction(() => document.querySelectorAll('.answers article').length === 1);
        assert.equal(await page.locator('.instruction mark').innerText(), 'question 13:');
        await page.click('.filters > summary');
        await page.selectOption('select[aria-label="Search in"]', 'reasons');
        await page.waitForSelector('text=No item matches');
        await page.fill('input[type="search"]', 'The tone fits');
        const isReason = ({verdicts}) => Object.values(verdicts).some(({reason}) => reason.includes('The tone fits'));
        const expected = runs[0].filter((record, i) => isReason(record) || isReason(runs[1][i])).length;
        await page.waitForFunction((count) => document.querySelectorAll('.answers article').length === count, expected);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async runs_differ_in_the_histogram_of_scores_by_pattern_and_by_name_too() {
        const {html} = await makePage('histogram', [{}, {}, {}]);
        for (const forcedColors of ['none', 'active']) {
            const {page, noise} = await openReport(html, {forcedColors});
            await openItems(page);
            const fills = await page.locator('.bar-names svg > rect').evaluateAll((all) => all.map((rect) => rect.getAttribute('fill').replace(/url.*/, () =>
                document.querySelector(rect.getAttribute('fill').slice(4, -1)).innerHTML.replace(/^<rect[^>]*>(<\/rect>)?/, ''))));
            assert.equal(new Set(fills).size, 3, fills.join());
            assert.ok(fills.slice(1).every((fill) => /path|circle/.test(fill)), fills.join());
            assert.equal(new Set(await page.locator('.bar-names span').allInnerTexts()).size, 3);
            const [first, second] = await page.locator('.score-bar').first().locator('svg > rect').evaluateAll((all) => all.map((rect) => rect.getAttribute('fill')));
            assert.ok(!first.startsWith('url') && second.startsWith('url'));
            assert.deepEqual(noise, []);
            await page.close();
        }
    },

    async a_cell_of_the_heat_map_leads_to_its_items_worst_first() {
        const {html, folders} = await makePage('heat', [{}, {}]);
        const {page, noise} = await openReport(html);
        const map = (name) => page.locator('.map', {has: page.locator(`h3:text-is("${name}")`)}).locator('tbody tr', {hasText: 'writing'}).locator('button').nth(3);
        const [first, second, difference] = await Promise.all(['heat-a', 'heat-b', 'heat-b minus heat-a'].map((name) => map(name).innerText()));
        assert.ok(Math.abs(parseFloat(second) - parseFloat(first) - parseFloat(difference.replace('−', '-'))) < 0.011, `${first}, ${second}, ${difference}`);
        await map('heat-a').click();
        assert.deepEqual(await page.locator('.pill[aria-pressed="true"]').locator('visible=true').allInnerTexts(), ['heat-a'], 'only the run of the cell');
        const scores = Object.fromEntries((await recordsOf(folders[0])).filter((record) => record.task.includes('writing'))
            .map((record) => [record.id, record.verdicts.depth.score]));
        const shown = (await ids(page)).map((id) => scores[id]);
        assert.equal(shown.length, Object.keys(scores).length);
        assert.deepEqual(shown, [...shown].sort((a, b) => a - b));
        assert.deepEqual(noise, []);
        await page.close();
    },

    async a_difference_is_decided_by_its_corrected_p_alone() {
        assert.deepEqual(holm([0.01, null, 0.04, 0.03]).map((p) => p === null ? null : Number(p.toFixed(3))), [0.03, null, 0.06, 0.06]);
        const aspects = new Map([['a', {mean: 0.5, ci95: [0.1, 0.9], p_value: 0.03}], ['b', {mean: 0.4, ci95: [-0.1, 0.9], p_value: 0.001}],
                                 ['c', {mean: null, ci95: null, p_value: null}]]);
        const judge = (of) => judgeDifferences([{run: 'x', against: 'y', aspects: of}]).rows.map(({aspect, decided}) => [aspect, decided]);
        assert.deepEqual(judge(aspects), [['a', true], ['b', true]]);
        const stated = new Map([...aspects].map(([name, difference]) => [name, {...difference, p_holm: difference.p_value === null ? null : 0.2}]));
        assert.deepEqual(judge(stated), [['a', false], ['b', false]], 'the interval decides nothing');
    },

    async names_that_objects_have_and_scores_outside_the_scale_are_shown() {
        const aspects = ['constructor', '__proto__', 'toString'];
        const {html} = await makePage('names', [{aspects, outside: [12, 0]}, {}], '--label', '__proto__', '--label', 'hasOwnProperty');
        const {page, noise} = await openReport(html, {address: '#constructor/1'});
        assert.ok(await page.locator('#view-overview').isVisible());
        const heads = await page.locator('.scores thead th').allInnerTexts();
        for (const name of aspects) assert.ok(heads.includes(name), `${name}: ${heads}`);
        const box = await page.locator('.scores-charts svg').last().boundingBox();
        for (const mark of await page.locator('.scores-charts svg').last().locator('path').all()) {
            const {x, width} = await mark.boundingBox();
            assert.ok(x >= box.x - 1 && x + width <= box.x + box.width + 1, 'a mark outside its chart');
        }
        await page.evaluate(() => { location.hash = '#items/1'; });
        await page.waitForSelector('.verdicts');
        assert.deepEqual(await ids(page), ['1']);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async every_view_is_accessible_in_both_themes_and_fits_a_phone() {
        const {html} = await makePage('access', [{items: 4}, {items: 4}, {kind: 'pairwise', items: 4}, {kind: 'mt-bench', items: 4}]);
        for (const colorScheme of ['light', 'dark']) {
            const {page, noise} = await openReport(html, {colorScheme, viewport: {width: 390, height: 800}});
            for (const view of ['overview', 'items']) {
                await page.click(`#tab-${view}`);
                for (const width of [390, 320]) {
                    await page.setViewportSize({width, height: 800});
                    assert.deepEqual(await overflowing(page), [], `${view} at ${width} px`);
                }
                if (colorScheme === 'light') assert.deepEqual(await accessFindings(page), [], `${view} on a phone`);
                await page.setViewportSize({width: 1400, height: 900});
                if (view === 'items') await page.click('.filters > summary');
                assert.deepEqual(await accessFindings(page), [], `${view}, ${colorScheme}`);
            }
            assert.deepEqual(noise, []);
            await page.close();
        }
    },

    async pairs_show_what_each_order_said() {
        const {html, folders} = await makePage('pairs', [{kind: 'pairwise', items: 60}]);
        const records = await recordsOf(folders[0]);
        const {page, noise} = await openReport(html);
        const flipped = new Set(records.filter((record, i) => i % 2 === 0).filter((record, i) => {
            const [a, b] = [record, records[2 * i + 1]].map(({verdicts}) => verdicts.overall.preference);
            return a !== {A: 'B', B: 'A', tie: 'tie'}[b];
        }).map(({id}) => id));
        assert.match(await page.locator('.pairs tbody tr').first().locator('td').nth(5).innerText(), new RegExp(`^${flipped.size}\\b`));
        await openItems(page);
        await page.click('.filters > summary');
        await page.selectOption('select[aria-label="Aspect"]', 'overall');
        await page.selectOption('select[aria-label="Verdict"]', 'flip');
        assert.deepEqual(await ids(page), [...flipped]);
        const card = page.locator('.answers article').first();
        assert.match(await card.locator('.aspect-row').first().innerText(), /tie: flips with the order[\s\S]*model first:[\s\S]*other model first:/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async a_jury_is_shown_judge_by_judge() {
        const {html} = await makePage('jury', [{judges: 3}]);
        const {page, noise} = await openReport(html);
        await openItems(page);
        await page.selectOption('select[aria-label="Order"]', 'judges');
        await page.waitForSelector('.reading');
        const row = await page.locator('.aspect-row').first().innerText();
        for (const judge of ['judge-1', 'judge-2', 'judge-3']) assert.ok(row.includes(judge), row);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async the_keyboard_alone_walks_through_tabs_filters_and_replies() {
        const {html} = await makePage('keyboard', [{}, {}]);
        const {page, noise} = await openReport(html);
        await page.locator('#tab-overview').focus();
        await page.keyboard.press('ArrowRight');
        await page.waitForSelector('.verdicts');
        const reached = new Set();
        for (let i = 0; i < 30; ++i) {
            await page.keyboard.press('Tab');
            reached.add(await page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.className || document.activeElement.tagName));
        }
        for (const name of ['quiet', 'Order', 'pill', 'score-bar', 'Answer', 'SUMMARY']) assert.ok(reached.has(name), `${name}: ${[...reached]}`);
        await page.locator('.verdicts summary').first().focus();
        await page.keyboard.press('Enter');
        assert.match(await page.locator('.verdicts details[open] pre').innerText(), /"helpfulness"/);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async hostile_text_stays_text() {
        const {html} = await makePage('hostile', [{hostile: true}, {hostile: true, unscored: 0.04}, {hostile: true, kind: 'pairwise'}],
                                      '--allow-unscored', '--title', kHostile[0], '--label', kHostile[1], '--label', kHostile[2], '--label', kHostile[7]);
        const {page, noise} = await openReport(html);
        assert.equal(await page.locator('h1').innerText(), kHostile[0]);
        await page.evaluate(() => document.querySelectorAll('details').forEach((details) => details.open = true));
        await openItems(page);
        const card = page.locator('.answers article').first();
        assert.ok((await card.locator('.instruction').innerText()).startsWith(kHostile[0]));
        assert.ok((await card.locator('.answer-text').first().innerText()).startsWith(kHostile[0]));
        assert.ok((await card.locator('.reason').first().innerText()).startsWith(kHostile[0]));
        await page.fill('input[type="search"]', '<script>');
        await page.waitForSelector('mark');
        await page.evaluate(() => document.querySelectorAll('details').forEach((details) => details.open = true));
        await page.fill('input[type="search"]', 'question 7:');
        await page.waitForFunction(() => document.querySelectorAll('.answers article').length === 1);
        assert.match(await page.locator('.answer-text').first().innerText(), /^‹202E›gnp\.exe/, 'a direction override is spelt out');
        assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
        assert.equal(await page.locator('#app img, #app script, #app iframe').count(), 0);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async an_item_links_to_its_answer_in_the_page_of_shift_runs() {
        const shift = path.join(folder, 'shift run');
        await writeSyntheticRun(shift, {answers: 20, tokens: 20, instructionOf: (id) => id === 14 ? 'Another question' : syntheticQuestion(id)});
        const shiftHtml = path.join(folder, 'the shift #1.html');
        urial('report', shift, '--html', shiftHtml, '--quiet');
        const {html} = await makePage('linked', [{items: 25}], '--shift-html', shiftHtml);
        const {page} = await openReport(html, {address: '#items/13'});
        await page.waitForSelector('a.shift');
        assert.deepEqual(await ids(page), ['13']);
        await page.click('.chip');
        await page.fill('input[type="search"]', 'question 22:');
        await page.waitForSelector('.instruction:has-text("question 22:")');
        assert.equal(await page.locator('a.shift').count(), 0, 'the other page has no such answer');
        await page.fill('input[type="search"]', 'question 14:');
        await page.waitForSelector('.instruction:has-text("question 14:")');
        assert.equal(await page.locator('a.shift').count(), 0, 'the other page has another question of this id');
        await page.fill('input[type="search"]', 'question 13:');
        await page.waitForSelector('a.shift');
        await page.click('a.shift');
        await page.waitForSelector('.answers .instruction:has-text("question 13:")');
        assert.equal(await page.locator('.answers article').count(), 1);
        await page.click('.chip');
        assert.equal(await page.locator('.answers article').count(), 20);
        await page.close();
    },

    async a_thousand_items_of_three_runs_load_fast_and_scroll() {
        const {html} = await makePage('large', [{}, {}, {}].map(() => ({items: 1000, sentences: 40})));
        const {size} = await stat(html);
        const {page, noise, loadMs} = await openReport(html);
        await openItems(page);
        const slowest = await slowestJump(page);
        const started = Date.now();
        await page.selectOption('select[aria-label="Order"]', 'runs');
        const sortMs = Date.now() - started;
        const elements = await page.evaluate(() => document.querySelectorAll('*').length);
        console.log(`  3 x 1,000 items: ${(size / 1e6).toFixed(1)} MB, shown after ${loadMs} ms, slowest jump ${slowest.toFixed(0)} ms, sorted in ${sortMs} ms, ${elements} elements`);
        assert.ok(elements < 20000, `${elements} elements at once`);
        assert.ok(loadMs < kMostLoadMs, `${loadMs} ms`);
        assert.ok(slowest < kMostWaitMs, `${slowest} ms for one jump`);
        assert.ok(sortMs < kMostWaitMs, `${sortMs} ms to sort`);
        assert.deepEqual(noise, []);
        await page.close();
    },
};

await runTests(tests);
