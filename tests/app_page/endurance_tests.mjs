// What a page must bear: much text, many conversations, hostile text, a server that goes away, a full queue, keys.

import assert from 'node:assert/strict';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';

import {folder} from '../report/browser.mjs';
import {kPayloads, kShort} from './payloads.mjs';
import {answered, closeQuiet, lastAnswer, messageBox, openChat, openPage, overflowing, send} from './page.mjs';
import {startScripted} from './scripted_server.mjs';
import {call} from './server.mjs';

const kFile = {format: 'urial-conversations', version: 1};

async function bringIn(address, conversations) {
    return (await call(address, 'POST', '/v1/import', {...kFile, conversations})).conversations;
}

function messages(list) {
    return list.map((message, i) => ({id: `m${i}`, created: 1000 + i, state: 'done', ...message}));
}

/** A conversation of questions and answers, one under the other. */
function chain(texts) {
    return messages(texts.map((content, i) => ({parent: i ? `m${i - 1}` : null, role: i % 2 ? 'assistant' : 'user', content})));
}

function longAnswer() {
    const paragraph = 'The quick brown fox jumps over the lazy dog, and **so on**, with `code` in between, again and again.\n\n';
    const code = '```python\nfor i in range(10):\n    print(i)\n```\n\n';
    return Array.from({length: 500}, (_, i) => `## Part ${i}\n\n${paragraph.repeat(2)}${i % 10 ? '- one\n- two\n\n' : code}`).join('');
}

export const enduranceTests = (server) => ({
    async an_answer_of_20000_tokens_scrolls_and_typing_beside_it_is_quick() {
        const [id] = await bringIn(server.address, [{id: 'long', kind: 'chat', title: 'Long', settings: {}, messages: chain(['Write a book.', longAnswer()])}]);
        const opened = await openPage(server.address, {hash: `#/c/${id}`});
        const {page} = opened;
        await page.getByText('Part 499').waitFor();
        const {frames, typing} = await page.evaluate(async () => {
            const scroller = document.querySelector('.scroller-frame .scroller');
            const next = () => new Promise((done) => requestAnimationFrame(done));
            const frames = [];
            for (let i = 0, before = await next(); i < 60; ++i) {
                scroller.scrollTop = scroller.scrollHeight * (1 - i / 60);
                const now = await next();
                frames.push(now - before);
                before = now;
            }
            const area = document.querySelector('#message-box');
            const typing = [];
            for (const letter of 'typing is quick') {
                const started = performance.now();
                area.value += letter;
                area.dispatchEvent(new InputEvent('input', {bubbles: true}));
                await next();
                await next();
                typing.push(performance.now() - started);
            }
            return {frames: frames.sort((a, b) => a - b), typing: typing.sort((a, b) => a - b)};
        });
        const p95 = frames[Math.floor(0.95 * frames.length)];
        console.log(`20,000 tokens: frame of a scroll ${frames[30].toFixed(1)} ms, p95 ${p95.toFixed(1)} ms; a key, to the second picture, ${typing[7].toFixed(1)} ms, at most ${typing.at(-1).toFixed(1)} ms`);
        // What is laid out only where it is seen is looked at for every picture: there must not be much of it.
        const watched = await page.evaluate(() => [...document.querySelectorAll('.markdown *')].filter((element) => getComputedStyle(element).contentVisibility === 'auto').length);
        assert.ok(watched > 20 && watched < 300, String(watched));
        // Guards against a page that freezes; the figures are printed.
        assert.ok(p95 < 500 && typing.at(-1) < 1000);
        await closeQuiet(opened);
    },

    async what_streams_is_drawn_a_few_times_a_second_and_costs_little() {
        for (const [colouring, text] of [['text', '.markdown'], ['own', '.tokens']]) {
            const tokens = 300;
            const scripted = await startScripted({tokens, perSecond: 60, colouring});
            const opened = await openPage(scripted.address, {hash: '#/c/chat'});
            const {page} = opened;
            const session = await page.context().newCDPSession(page);
            await session.send('Performance.enable');
            const busy = async () => (await session.send('Performance.getMetrics')).metrics.find(({name}) => name === 'TaskDuration').value;
            await page.waitForFunction((selector) => document.querySelector(`.message.assistant ${selector}`)?.textContent, text);
            const before = await busy();
            const {draws, seconds} = await page.evaluate(() => new Promise((done) => {
                const started = performance.now();
                let draws = 0;
                let isCounted = false;  // of one picture
                const watch = new MutationObserver(() => {
                    if (!isCounted) ++draws;
                    isCounted = true;
                    requestAnimationFrame(() => { isCounted = false; });
                    if (!document.querySelector('.writing')) done({draws, seconds: (performance.now() - started) / 1000});
                });
                watch.observe(document.querySelector('#app'), {subtree: true, childList: true, characterData: true, attributes: true});
            }));
            const share = 100 * (await busy() - before) / seconds;
            console.log(`streaming 60 tokens a second (${colouring}): ${(draws / seconds).toFixed(1)} draws a second, ${share.toFixed(1)} % of a core for the page's thread`);
            assert.ok(draws / seconds < 16 && draws > 20, `${draws} draws in ${seconds} s`);
            assert.equal(await lastAnswer(page).locator(text).evaluate((element) => element.textContent.replace(/\W/g, '').length > 500), true);
            await closeQuiet(opened);
            await scripted.stop();
        }
    },

    async a_thousand_conversations_are_listed_and_searched() {
        const many = Array.from({length: 1000}, (_, i) => ({id: `many${i}`, kind: 'chat', title: `Conversation ${i}`, settings: {}, updated: 1000 + i,
                                                            messages: chain([`Question number ${i} about ${i % 7 ? 'rain' : 'quokkas'}`, `Answer ${i}`])}));
        await bringIn(server.address, many);
        const opened = await openPage(server.address);
        const {page} = opened;
        await page.locator('.list li').nth(49).waitFor();
        await page.locator('.list').evaluate((list) => { list.scrollTop = list.scrollHeight; });
        await page.locator('.list li').nth(60).waitFor();
        // Key by key: only the last search is drawn, and those before it are not waited for.
        const took = await page.evaluate(() => new Promise((done) => {
            const box = document.querySelector('#search-box');
            const list = document.querySelector('.list');
            let pressed = 0;
            const watch = new MutationObserver(() => {
                if (list.querySelectorAll('li').length !== 11) return;  // 99, 990 to 999
                watch.disconnect();
                const drawn = performance.now();
                requestAnimationFrame(() => setTimeout(() => done({list: drawn - pressed, picture: performance.now() - pressed})));
            });
            watch.observe(list, {subtree: true, childList: true, characterData: true});
            [...'conversation 99'].forEach((_, i, letters) => setTimeout(() => {
                box.value = letters.slice(0, i + 1).join('');
                pressed = performance.now();
                box.dispatchEvent(new InputEvent('input', {bubbles: true}));
            }, 40 * i));
        }));
        await page.getByRole('searchbox', {name: 'Search conversations'}).fill('quokk');
        await page.waitForFunction(() => document.querySelector('.list .snippet')?.textContent.includes('quokkas'));
        console.log(`search among 1,000 conversations: ${took.list.toFixed(0)} ms from the last key to the list, ${took.picture.toFixed(0)} ms to its picture`);
        // What nobody waits for any more is given up.
        const given = [];
        page.on('requestfailed', (request) => given.push(request.url()));
        await page.route('**/v1/conversations?q=*', async (route) => {
            await new Promise((resume) => setTimeout(resume, 300));
            await route.continue().catch(() => undefined);
        });
        await page.getByRole('searchbox', {name: 'Search conversations'}).fill('');
        await page.getByRole('searchbox', {name: 'Search conversations'}).pressSequentially('qu2', {delay: 80});
        await page.getByText('Nothing is found.').waitFor();
        assert.deepEqual(given.map((url) => new URL(url).searchParams.get('q')), ['q', 'qu']);
        await page.unroute('**/v1/conversations?q=*');
        await page.getByRole('searchbox', {name: 'Search conversations'}).fill('nothing has these words');
        await page.getByText('Nothing is found.').waitFor();
        await closeQuiet(opened);
    },

    async a_file_larger_than_a_request_is_imported_in_portions_and_what_is_too_large_alone_is_named() {
        const opened = await openPage(server.address);
        const {page} = opened;
        const requests = [];
        page.on('request', (request) => { if (request.url().endsWith('/v1/import')) requests.push(request.postDataBuffer()?.length ?? 0); });
        const large = (id, megabytes) => ({id, kind: 'chat', title: `The ${id}`, settings: {}, messages: chain(Array.from({length: 8 * megabytes}, () => 'word '.repeat(2 ** 17 / 5)))});
        const file = path.join(folder, 'all.json');
        await writeFile(file, JSON.stringify({...kFile, conversations: [large('first', 12), large('second', 12), large('third', 34), large('fourth', 12)]}));
        await page.locator('input[type=file]').first().setInputFiles(file);
        await page.getByText('of 3 conversations are imported …').waitFor();
        await page.getByText('3 conversations imported.').waitFor();
        await page.getByText(/“The third” is not imported: it has 3[45] MiB/).waitFor();
        assert.equal(requests.length, 2);
        const {data} = await call(server.address, 'GET', '/v1/conversations?q=The');
        assert.deepEqual(data.map(({title}) => title).filter((title) => /^The (first|second|third|fourth)$/.test(title)).sort(), ['The first', 'The fourth', 'The second']);
        for (const {id, title} of data) if (title.startsWith('The ')) await call(server.address, 'DELETE', `/v1/conversations/${id}?forever=true`);
        await closeQuiet(opened);
    },

    async hostile_text_stays_text_in_every_field() {
        const settings = {voice: {model: kShort[0], prompt: kShort[1], system: kShort[2]}, shift: {base: kShort[3], aligned: kShort[4]}, sampling: {stop: kShort.slice(0, 16)}};
        const columns = kShort.slice(0, 6).map((text) => ({model: text, prompt: text, system: text}));
        const pieces = messages(kPayloads.map((content, i) => ({parent: i ? `m${i - 1}` : null, role: 'text', content})));
        const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u009f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
        const spec = `name = ${quoted(kShort[0])}\ndescription = ${quoted(kShort[1])}\npreamble = ${quoted(kPayloads.join('\n').slice(0, 20000))}\n` +
            `[style]\nquery = ${quoted('Q<b>')}\nanswer = ${quoted('A<i>')}\nfenced = true\n` +
            kShort.slice(0, 20).map((text) => `[[example]]\nquery = ${quoted(text)}\nanswer = ${quoted(text)}\n`).join('');
        const failed = kShort.map((text, i) => ({parent: 'm0', role: 'assistant', content: text, state: 'failed', error: text, details: {column: i % 6, label: text}}));
        const ids = await bringIn(server.address, [
            ...kShort.map((title, i) => ({id: `title${i}`, kind: ['chat', 'text', 'prompt'][i % 3], title, settings: {}, updated: Date.now() + i, messages: chain([title])})),
            {id: 'h-chat', kind: 'chat', title: kShort[0], settings, messages: chain(kPayloads)},
            {id: 'h-errors', kind: 'chat', title: kShort[1], settings, messages: messages([{parent: null, role: 'user', content: kShort[0]}, ...failed])},
            {id: 'h-compare', kind: 'chat', title: kShort[2], settings: {view: 'compare', columns}, messages: messages([{parent: null, role: 'user', content: kShort[0]}, ...failed])},
            {id: 'h-text', kind: 'text', title: kShort[3], settings: {model: kShort[5]}, messages: pieces},
            {id: 'h-prompt', kind: 'prompt', title: kShort[4], settings: {spec, model: kShort[6], rival: columns[0]}, messages: []},
        ]);
        const expects = ['the server responded with a status of'];
        const opened = await openPage(server.address, {expects});
        const {page} = opened;
        const check = async (where) => {
            assert.equal(await page.evaluate(() => window.hit), undefined, where);
            assert.deepEqual(await overflowing(page), [], where);
            const elements = await page.evaluate(() => [...document.querySelectorAll('script, iframe, object, embed, link, base, form, img, video, audio, meta, style')]
                .filter((element) => element.closest('main') && !element.matches('form.composer, form.message-editor')).map(({outerHTML}) => outerHTML.slice(0, 80)));
            assert.deepEqual(elements, [], where);
            const links = await page.evaluate(() => [...document.querySelectorAll('main a[href]')].filter((link) =>
                !/^(https?:|mailto:)/.test(link.href) || !link.relList.contains('noopener') || link.target !== '_blank').map(({outerHTML}) => outerHTML.slice(0, 120)));
            assert.deepEqual(links.filter((link) => !link.includes('class="skip"')), [], where);
            const hidden = await page.evaluate(() => /[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u3164]/.test([...document.querySelectorAll('main *:not(.copy, .copy *, .area-height)')].map((element) => [...element.childNodes].filter((node) => node.nodeType === 3).map(({data}) => data).join('')).join('') + document.querySelector('.sidebar').innerText + document.title));
            assert.equal(hidden, false, `invisible characters, ${where}`);
        };
        await page.locator('.list li').nth(10).waitFor();
        await check('list');
        const [chat, errors, compare, text, prompt] = ids.slice(-5);
        await page.goto(`${server.address}/#/c/${chat}`);
        await page.locator('.message').nth(kPayloads.length - 1).waitFor({state: 'attached'});
        await check('chat');
        await page.getByRole('button', {name: 'Settings of this chat'}).click();
        await check('settings');
        await page.keyboard.press('Escape');
        await page.goto(`${server.address}/#/c/${errors}`);
        await page.locator('.failure').waitFor();
        await check('errors');
        await page.getByRole('button', {name: 'Shift'}).click();
        await page.locator('.colour-bar select').first().waitFor();
        await check('shift');
        await page.goto(`${server.address}/#/c/${compare}`);
        await page.locator('.cell').nth(5).waitFor();
        await check('side by side');
        await page.goto(`${server.address}/#/c/${text}`);
        await page.waitForFunction(() => document.querySelector('.paper textarea')?.value.length > 1000);
        await page.getByText('The whole tree').click();
        await page.getByRole('treeitem').first().waitFor();
        await check('write');
        await page.goto(`${server.address}/#/c/${prompt}`);
        await page.getByLabel('Query of example 20').waitFor({state: 'attached'});
        await check('prompt');
        await page.getByRole('button', {name: 'File', exact: true}).click();
        await check('prompt file');
        await closeQuiet(opened);
    },

    async hostile_tokens_stay_text() {
        // No model writes these: the events are the test's own, everything else is the server's.
        const [id] = await bringIn(server.address, [{id: 'h-tokens', kind: 'chat', title: 'Tokens', settings: {colouring: 'own'}, messages: messages([
            {parent: null, role: 'user', content: 'x'},
            {parent: 'm0', role: 'assistant', content: kShort.join(''), answer: {model: 'm', path: '/v1/chat/completions', started: 1, tokens: kShort.length}}])}]);
        const opened = await openPage(server.address);
        const {page} = opened;
        await page.route('**/events?from=0', (route) => route.fulfill({contentType: 'text/event-stream', body: kShort.map((token, index) => `data: ${JSON.stringify({index, event: {
            choices: [{index: 0, delta: {content: token}, logprobs: {content: [{token, logprob: -1, bytes: [], top_logprobs: kShort.slice(0, 12).map((text) => ({token: text, logprob: -2, bytes: []}))}]}}]}})}\n\n`).join('') + 'data: [DONE]\n\n'}));
        await page.goto(`${server.address}/#/c/${id}`);
        await page.locator('.message .t').nth(kShort.length - 1).waitFor({state: 'attached'});
        assert.equal(await page.locator('.message .t').count(), kShort.length);
        for (let i = 0; i < kShort.length; i += 9) await page.locator('.message .t').nth(i).focus();
        await page.locator('.inspector.filled').waitFor();
        assert.equal(await page.evaluate(() => window.hit), undefined);
        assert.deepEqual(await overflowing(page), []);
        assert.equal(await page.locator('main :is(script, img, svg[onload], iframe)').count(), 0);
        await closeQuiet(opened);
    },

    async a_full_queue_is_said_and_asked_again() {
        const opened = await openChat(server.address, {tokens: 8, expects: ['429']});
        const {page} = opened;
        const {id} = await call(server.address, 'POST', '/v1/conversations', {kind: 'chat', title: 'Many'});
        const running = [];
        const request = {messages: [{role: 'user', content: 'Count to a thousand.'}], max_tokens: 2000, ignore_eos: true, stop: null};
        try {
            for (;;) running.push(...(await call(server.address, 'POST', `/v1/conversations/${id}/answers`, {parent: null, path: '/v1/completions', count: 8,
                                                                                                      request: {prompt: 'One, two, three,', max_tokens: request.max_tokens, ignore_eos: true}})).messages);
        } catch (failure) {
            assert.match(failure.message, /429/);
        }
        await send(page, 'Is there room?');
        await page.getByText(/Trying again/).waitFor();
        assert.equal(await page.locator('.message.assistant').count(), 0);
        for (const message of running) await call(server.address, 'POST', `/v1/conversations/${id}/messages/${message.id}/stop`, {});
        await answered(page, 1);
        assert.ok((await lastAnswer(page).locator('.markdown').textContent()).length > 0);
        await call(server.address, 'DELETE', `/v1/conversations/${id}?forever=true`);
        await closeQuiet(opened);
    },

    async a_server_that_is_killed_and_comes_back_has_the_text_so_far() {
        const opened = await openChat(server.address, {tokens: 900, expects: ['ERR_CONNECTION', 'Failed to load resource', 'ERR_INCOMPLETE', 'ERR_EMPTY']});
        const {page} = opened;
        await send(page, 'Tell me a very long story.');
        await page.waitForFunction(() => document.querySelector('.message.assistant .markdown')?.textContent.length > 30);
        await page.waitForTimeout(1500);  // what is older than a second is in the database
        await server.stop('SIGKILL');
        await page.getByText('connection lost, trying again').waitFor();
        await messageBox(page).fill('still here');
        await server.start();
        await answered(page, 1);
        assert.match(await lastAnswer(page).locator('.facts-line').textContent(), /stopped/);
        assert.ok((await lastAnswer(page).locator('.markdown').textContent()).length > 30);
        assert.equal(await messageBox(page).inputValue(), 'still here');
        await page.reload();
        await page.locator('.message.assistant').waitFor();
        assert.equal(await messageBox(page).inputValue(), 'still here');
        await closeQuiet(opened);
    },

    async with_keys_the_page_asks_for_one_and_each_key_has_its_own() {
        const [one, two] = ['k'.repeat(32) + '1', 'k'.repeat(32) + '2'];
        await server.stop();
        await server.start([one, two]);
        const opened = await openPage(server.address, {expects: ['401', '404']});
        const {page} = opened;
        const unlock = async (key, remember = false) => {
            await page.getByLabel('Key', {exact: true}).fill(key);
            if (remember) await page.getByRole('checkbox').check();
            await page.getByRole('button', {name: 'Go on'}).click();
        };
        await page.getByRole('heading', {name: 'This server asks for a key'}).waitFor();
        assert.equal(await page.getByLabel('Key', {exact: true}).getAttribute('type'), 'password');
        await unlock('wrong');
        await page.getByText('does not accept this key').waitFor();
        await unlock(one);
        await page.getByRole('heading', {name: /base model/}).waitFor();
        await page.waitForFunction(() => document.querySelector('.list .note'));  // nobody else's
        await page.getByRole('button', {name: 'Chat', exact: true}).first().click();
        await send(page, 'Say yes.');
        await page.getByRole('button', {name: 'Stop', exact: true}).click();
        await answered(page);
        assert.equal(await page.evaluate(() => localStorage.length), 0);
        await page.reload();
        await page.locator('.message.assistant').waitFor();
        await page.evaluate(() => sessionStorage.clear());
        await page.reload();
        await unlock(two, true);
        await page.getByRole('heading', {name: 'This conversation is not here'}).waitFor();
        assert.equal(await page.locator('.list li').count(), 0);
        await closeQuiet(opened);
    },
});
