// The page of shift runs in a real Chromium: node tests/report/browser_test.mjs URIAL_BINARY.

import assert from 'node:assert/strict';
import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {accessFindings, folder, importWeb, kMostLoadMs, kMostWaitMs, openReport as open, overflowing, runTests, slowestJump, urial} from './browser.mjs';
import {contrast, distance, kKinds, lightness} from './colour_vision.mjs';
import {kHostile, writeSyntheticRun} from './synthetic_run.mjs';

const {bootstrapDifferences, bootstrapRatios, histogram, kHistograms, positionCurve, summarize} = await importWeb('report/statistics.ts');
const {conflictingIds, pairAnswers} = await importWeb('report/answer_filter.ts');
const {runDifferences} = await importWeb('report/run_names.ts');
const {readAddress, writeAddress} = await importWeb('page/address.ts');
const {plainText, runningToken, visibleToken} = await importWeb('page/text.ts');
const {cueOf, kRunColours} = await importWeb('page/palette.ts');

const kMostBytes = 40e6;

async function makeReport(name, runs, ...flags) {
    const folders = [];
    for (const [i, options] of runs.entries()) {
        folders.push(path.join(folder, `${name}-${i}`));
        await writeSyntheticRun(folders[i], options);
    }
    const html = path.join(folder, `${name}.html`);
    urial('report', ...folders, '--html', html, '--quiet', ...flags);
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
        for (const text of await page.locator('.chart svg').allTextContents()) assert.match(text, /plain-0[\s\S]*plain-1|plain-1[\s\S]*plain-0/, 'every chart names both runs');
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
        assert.match(figures, /lower bound of the mean KL[\s\S]*total variation[\s\S]*0\.\d+ to 0\.\d+/);
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
        assert.match(await page.locator('.figures thead').innerText(), /mean KL\(aligned ‖ base\)/);
        const row = page.locator('.figures tbody tr', {hasText: 'mixed-1'}).first();
        assert.equal(await row.locator('td').nth(1).innerText(), '–');
        assert.deepEqual(noise, []);
        await page.close();
    },

    async the_page_says_which_weights_were_used_and_warns_of_quantised_ones() {
        const {page, noise} = await openReport(await makeReport('weights', [{answers: 2}, {answers: 2, weights: 'Q4_K - Medium'}]));
        const rows = await page.locator('.shares tr.own th').allInnerTexts();
        assert.match(rows[0], /weights: F32/);
        assert.match(rows[1], /weights: Q4_K - Medium/);
        assert.match(await page.locator('.differing').innerText(), /base weights: F32 \/ Q4_K - Medium/);
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

    async colours_of_runs_and_classes_are_apart_for_every_eye_and_on_grey_paper() {
        const grounds = {light: '#ffffff', dark: '#1a1e25'};
        for (const [theme, colours] of Object.entries(kRunColours)) {
            for (const [i, one] of colours.entries()) {
                assert.ok(contrast(one, grounds[theme]) >= 3, `${one} on ${theme}`);
                for (const other of colours.slice(0, i)) {
                    assert.ok(Math.abs(lightness(one) - lightness(other)) >= 6, `${one} and ${other} on grey paper`);
                    for (const kind of kKinds) assert.ok(distance(one, other, kind) >= 10, `${one} and ${other}, ${kind}: ${distance(one, other, kind)}`);
                }
            }
        }
        const looks = Array.from({length: 36}, (_, i) => `${i % 6} ${cueOf(i)}`);
        assert.equal(new Set(looks).size, 36, 'a colour and a second cue name a run');
        const css = await readFile(new URL('../../web/page/page.css', import.meta.url), 'utf8');
        for (const block of css.match(/:root[^}]*--unshifted[^}]*}/g)) {
            const classes = ['unshifted', 'marginal', 'shifted'].map((name) => block.match(new RegExp(`--${name}: (#[0-9a-f]{6})`))[1]);
            for (const [i, one] of classes.entries()) {
                for (const other of classes.slice(0, i)) for (const kind of kKinds) assert.ok(distance(one, other, kind) >= 10, `${one} and ${other}, ${kind}`);
            }
        }
    },

    async characters_that_nobody_sees_are_spelt_out() {
        const invisible = [0, 7, 0x0d, 0x7f, 0x85, 0xad, 0x61c, 0x115f, 0x1160, 0x180e, 0x200b, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069,
                           0x3164, 0xfeff, 0xffa0, 0xe0001, 0xe0041, 0xe007f, 0xd800];
        for (const code of invisible) {
            const shown = `‹${code.toString(16).toUpperCase().padStart(4, '0')}›`;
            for (const spell of [plainText, visibleToken, runningToken]) assert.equal(spell(`a${String.fromCodePoint(code)}b`), `a${shown}b`);
        }
        assert.equal(plainText('Zürich 東京 🙂 e\u0301\n\tx'), 'Zürich 東京 🙂 e\u0301\n\tx');
        assert.equal(visibleToken(' \n'), '␣↵');
        assert.equal(runningToken('a\nb'), 'a↵\nb');
    },

    async answers_of_two_runs_pair_by_id_and_question() {
        const answer = (id, instruction) => ({id, instruction, tags: [], start: 0, length: 1});
        const items = pairAnswers([{answers: [answer('1', 'A?'), answer('2', 'B?')]}, {answers: [answer('2', 'B?'), answer('1', 'another')]}]);
        assert.deepEqual(items.map(({id, instruction, of}) => [id, instruction, of.map(Boolean)]),
                         [['1', 'A?', [true, false]], ['2', 'B?', [true, true]], ['1', 'another', [false, true]]]);
        assert.equal(conflictingIds(items), 1);
    },

    async a_paired_difference_draws_both_runs_together() {
        // The second run has one more in every row: the difference of the shares is the same in every resample.
        const before = [[10, 2], [10, 5], [10, 3]];
        const after = before.map(([weight, count]) => [weight, count + 1]);
        const [{value, low, high}] = bootstrapDifferences(before, after);
        for (const x of [value, low, high]) assert.ok(Math.abs(x - 0.1) < 1e-12, String(x));
    },

    async a_bin_of_ranks_holds_what_its_label_says() {
        const ranks = [1, 2, 3, 4, 10, 11, 100, 101, 1000, 1001];
        const run = {columns: {base_rank: ranks, base_logp: ranks, token: ranks}, token: () => 'x', isBounded: false};
        const bins = histogram(run, [{start: 0, length: ranks.length}], 'rank');
        assert.deepEqual(bins.map(({label, count}) => [label, count]),
                         [['1', 1], ['2', 1], ['3', 1], ['4–10', 2], ['11–100', 2], ['101–1k', 2], ['> 1k', 1]]);
        assert.deepEqual(kHistograms.kl.map(([label]) => label), ['0–0.01', '0.01–0.03', '0.03–0.1', '0.1–0.3', '0.3–1', '1–3', '> 3']);
    },

    async runs_are_named_by_what_differs_between_them() {
        const run = (name, sha256) => ({header: {manifest: {identity: {base: {model: {name: 'm'}, prompt: {name, sha256}}}}}});
        assert.deepEqual(runDifferences([run('zero-shot', '1'), run('urial', '2')]), [{what: 'base prompt', values: ['zero-shot', 'urial']}]);
        assert.deepEqual(runDifferences([run('own', 'abcdefghij'), run('own', '0123456789')])[0].values, ['own abcdefgh', 'own 01234567']);
        assert.deepEqual(runDifferences([run('urial', '2'), run('urial', '2')]), []);
    },

    async an_address_is_read_as_it_was_written() {
        const place = {parts: ['a/b?c', '5'], filters: new URLSearchParams({q: 'x & y', tag: 'ü'})};
        const {name, place: read} = readAddress(writeAddress('answers', place));
        assert.deepEqual([name, read.parts, [...read.filters]], ['answers', place.parts, [...place.filters]]);
        assert.deepEqual(readAddress('#answers/%E0%A4%A/3').place.parts, ['3']);
    },

    async addresses_survive_a_reload_and_back_goes_back() {
        const {page, noise} = await openReport(await makeReport('address', [{}, {seed: 5, instructionOf: (id) => `Question ${id % 2 ? id : `${id} of another file`}`}]),
                                               {address: '#answers/7/5', isDrawn: () => true});
        const where = page.locator('.inspector .where');
        await page.waitForSelector('.inspector.pinned');
        assert.match(await where.innerText(), /address-0 · token 5 of/);
        await page.click('.chip');
        await page.waitForFunction(() => document.querySelectorAll('.answers article').length === 40, null, {timeout: 5000});
        assert.match(await page.locator('.conflicts').innerText(), /20 ids stand for different questions/);
        await page.selectOption('select[aria-label="Order"]', 'longest');
        await page.fill('input[placeholder^="Search"]', 'question 13');
        await page.waitForFunction(() => location.hash.includes('q=question'));
        const shown = () => page.locator('.answers article').evaluateAll((cards) => cards.map((card) => card.getAttribute('aria-label')));
        const before = await shown();
        await page.reload();
        await page.waitForSelector('.answers article');
        assert.deepEqual(await shown(), before);
        assert.equal(await page.inputValue('select[aria-label="Order"]'), 'longest');
        await page.click('#tab-tokens');
        await page.click('button.token >> nth=0');
        assert.equal(await page.locator('.chip').count(), 1);
        await page.goBack();
        assert.ok(await page.locator('#view-tokens').isVisible());
        assert.ok(await page.evaluate(() => document.activeElement.matches('button.token')), 'the focus is where it was');
        await page.goBack();
        assert.ok(await page.locator('#view-answers').isVisible());
        assert.deepEqual(await shown(), before);
        assert.deepEqual(noise, []);
        await page.close();
    },

    async every_view_is_accessible_in_both_themes_and_fits_a_phone() {
        const html = await makeReport('access', [{answers: 4, tokens: 40}, {answers: 4, tokens: 40, seed: 3}]);
        for (const colorScheme of ['light', 'dark']) {
            const {page, noise} = await openReport(html, {colorScheme, viewport: {width: 390, height: 800}});
            for (const view of ['overview', 'tokens', 'answers']) {
                await page.click(`#tab-${view}`);
                if (view === 'answers') await page.locator('.tokens > .t.shifted').first().click();
                for (const width of [390, 320]) {
                    await page.setViewportSize({width, height: 800});
                    assert.deepEqual(await overflowing(page), [], `${view} at ${width} px`);
                }
                if (colorScheme === 'light') assert.deepEqual(await accessFindings(page), [], `${view} on a phone`);
                await page.setViewportSize({width: 1400, height: 900});
                assert.deepEqual(await accessFindings(page), [], `${view}, ${colorScheme}`);
            }
            for (const toggle of await page.locator('.toggle').all()) await toggle.click();
            await page.selectOption('select[aria-label="Colour"]', 'kl');
            assert.match(await page.locator('.paint-scale').innerText(), /0\s*3 and more\s*nats of KL/);
            assert.deepEqual(await accessFindings(page), [], `faded and coloured by KL, ${colorScheme}`);
            assert.deepEqual(noise, []);
            await page.close();
        }
    },

    async one_answer_can_be_saved_as_a_picture_and_printed() {
        const {page, noise} = await openReport(await makeReport('saved', [{answers: 3, tokens: 40}]), {colorScheme: 'dark', acceptDownloads: true});
        await page.click('#tab-answers');
        await page.locator('.tokens > .t').first().hover();
        for (const [kind, start] of [['SVG', '<svg'], ['PNG', '\u0089PNG']]) {
            const [file] = await Promise.all([page.waitForEvent('download'), page.locator('.answer .save button', {hasText: kind}).first().click()]);
            assert.equal(file.suggestedFilename(), `answer-0.${kind.toLowerCase()}`);
            assert.ok((await readFile(await file.path(), 'latin1')).startsWith(start));
        }
        await page.emulateMedia({media: 'print'});
        await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
        assert.match(await page.locator('#view-answers .print-only').innerText(), /^3 answers\. About \d+ pages? of A4\.$/);
        assert.equal(await page.locator('.tokens').count(), 3, 'every card is filled');
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
        assert.ok((await page.pdf({format: 'A4'})).length > 10000);
        await page.evaluate(() => dispatchEvent(new Event('afterprint')));
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
        assert.deepEqual(noise.filter((line) => !line.startsWith('request: blob:') && !line.startsWith('request: data:')), []);
        await page.close();
    },

    async hostile_text_stays_text() {
        const {page, noise} = await openReport(await makeReport('hostile', [{hostile: true}, {hostile: true, seed: 2}], '--label', kHostile[6], '--label', '__proto__'));
        assert.match((await page.locator('.chart svg').allTextContents()).join(), /a‹2028›b‹2029›c/, 'the charts are drawn');
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
