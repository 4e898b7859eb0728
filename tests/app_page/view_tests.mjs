// Side by side, write, prompts; how each view looks to axe-core and in narrow windows.

import assert from 'node:assert/strict';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';

import {folder, urial} from '../report/browser.mjs';
import {call} from './server.mjs';
import {checkAccess, closeQuiet, kPhone, lastAnswer, messageBox, openChat, openPage, overflowing, send, ask, setSampling} from './page.mjs';

const shownText = (page) => page.getByRole('textbox', {name: 'Text', exact: true});

async function written(page) {
    await page.waitForFunction(() => !document.querySelector('.write-editor textarea').readOnly && !document.querySelector('.continuation [aria-label="Stop"]'));
}

async function openText(address, count, tokens) {
    const opened = await openPage(address, {hash: '#/new/write'});
    const {page} = opened;
    await page.getByLabel('Ways', {exact: true}).selectOption(String(count));
    await page.getByLabel('Tokens', {exact: true}).fill(String(tokens));
    await page.getByLabel('Tokens', {exact: true}).blur();
    return opened;
}

/** Shows the chat's first leaf as text again. */
let resetChat = null;

/** One conversation of each kind, with answers. */
async function makeOneOfEach(address) {
    const sampling = {temperature: 0, max_tokens: 12};
    const chat = await openChat(address, {tokens: 12});
    await ask(chat.page, 'Write a list in Markdown, with code.');
    const [id] = [chat.page.url().split('/').at(-1)];
    await chat.context.close();
    const content = '# Title\n\nText with `code` and [a link](https://example.org/).\n\n```python\ndef f():\n    return "x"  # note\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n- one\n- two';
    await call(address, 'POST', `/v1/conversations/${id}/messages`, {messages: [{parent: null, role: 'user', content: 'Show all.'}, {parent: 'previous', role: 'assistant', content}]});
    const model = (await call(address, 'GET', '/v1/models')).data[0].id;
    const compare = await call(address, 'POST', '/v1/conversations', {kind: 'chat', title: 'Columns', settings: {view: 'compare', sampling, columns: [
        {model, prompt: 'raw', system: ''}, {model, prompt: 'urial', system: ''}]}});
    const [question] = (await call(address, 'POST', `/v1/conversations/${compare.id}/messages`, {messages: [{parent: null, role: 'user', content: 'Why?'}]})).messages;
    await call(address, 'POST', `/v1/conversations/${compare.id}/messages`, {messages: [0, 1].map((column) => ({parent: question.id, role: 'assistant', content, details: {column, label: `c${column}`}}))});
    const text = await call(address, 'POST', '/v1/conversations', {kind: 'text', title: 'A text', settings: {sampling}});
    const [root] = (await call(address, 'POST', `/v1/conversations/${text.id}/messages`, {messages: [{parent: null, role: 'text', content: 'Once upon a time'}]})).messages;
    await call(address, 'POST', `/v1/conversations/${text.id}/answers`, {parent: root.id, path: '/v1/completions', count: 2, request: {model, prompt: 'Once upon a time', ...sampling, logprobs: 10}});
    const {spec} = await call(address, 'GET', '/v1/prompts/urial-1');
    const prompt = await call(address, 'POST', '/v1/conversations', {kind: 'prompt', title: 'A prompt', settings: {spec, model, sampling}});
    const {settings, current} = await call(address, 'GET', `/v1/conversations/${id}`);
    resetChat = () => call(address, 'PATCH', `/v1/conversations/${id}`, {settings, current});
    return {chat: id, compare: compare.id, text: text.id, prompt: prompt.id};
}

export const viewTests = (server) => {
    let made = null;
    const oneOfEach = async () => made ??= await makeOneOfEach(server.address);
    return {
        async one_question_goes_to_several_columns_and_one_of_them_is_kept() {
            const opened = await openPage(server.address, {hash: '#/new/compare'});
            const {page} = opened;
            await setSampling(page, {'Longest answer': '12'}, 'Sampling');
            assert.deepEqual(await page.getByLabel('Prompt', {exact: true}).evaluateAll((all) => all.map(({value}) => value)), ['raw', 'zero-shot', 'urial']);
            await page.getByRole('button', {name: 'Remove column 2'}).click();
            await send(page, 'How do I make a cup of tea?');
            await page.waitForFunction(() => document.querySelectorAll('article.cell').length === 2 && !document.querySelector('.writing'));
            const facts = await page.locator('.cell header .facts-line').allTextContents();
            assert.match(facts[0], /\d+ words?.*s/);
            assert.match(facts[1], /of the first|as long as the first/);
            const tops = await page.locator('.cell').evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().top));
            assert.equal(tops[0], tops[1]);
            const kept = await page.locator('.cell').nth(1).locator('.markdown').textContent();
            await page.locator('.cell').nth(1).getByRole('button', {name: 'Keep this one'}).click();
            await page.locator('.message.assistant').waitFor();
            assert.equal(await lastAnswer(page).locator('.markdown').textContent(), kept);
            assert.equal(await page.getByLabel('Prompt', {exact: true}).inputValue(), 'urial');
            await page.goBack();
            await page.locator('.cell').nth(1).waitFor();
            await page.reload();
            await page.locator('.cell').nth(1).waitFor();
            await closeQuiet(opened);
        },

        async a_text_goes_on_in_several_ways_and_everything_can_be_undone() {
            const opened = await openText(server.address, 2, 6);
            const {page} = opened;
            const begun = 'The old lighthouse keeper climbed the stairs and';
            await shownText(page).fill(begun);
            await page.keyboard.press('Control+Enter');
            await page.locator('.continuation').nth(1).waitFor();
            await written(page);
            const first = await shownText(page).inputValue();
            assert.ok(first.startsWith(begun) && first.length > begun.length);
            await page.waitForFunction(() => document.querySelectorAll('.copy .t').length >= 5);
            // The copy below the text has the same text, so that its colours stand where the words are.
            assert.equal(await page.locator('.copy').evaluate((copy) => copy.textContent), `${first}\n`);
            const heights = await page.evaluate(() => [document.querySelector('.copy').offsetHeight, document.querySelector('.paper textarea').scrollHeight]);
            assert.ok(heights[1] <= heights[0] + 1, heights.join());

            await page.locator('.copy .t').nth(1).waitFor();
            const box = await page.locator('.copy .t').nth(1).boundingBox();
            await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
            await page.locator('.inspector.filled').waitFor();
            assert.match(await page.locator('.inspector').textContent(), /probability/);

            await shownText(page).focus();
            await page.keyboard.press('Alt+ArrowRight');
            await page.waitForFunction((before) => document.querySelector('.paper textarea').value !== before, first);
            await page.keyboard.press('Control+z');
            await page.waitForFunction((before) => document.querySelector('.paper textarea').value === before, first);
            await page.keyboard.press('Control+z');
            await page.waitForFunction((before) => document.querySelector('.paper textarea').value === before, begun);
            await page.keyboard.press('Control+Shift+z');
            await page.waitForFunction((before) => document.querySelector('.paper textarea').value === before, first);

            // Typing in what was generated keeps the old way.
            await page.keyboard.press('Control+End');
            await page.keyboard.type(' typed');
            await page.waitForTimeout(800);
            await page.reload();
            await page.waitForFunction((wanted) => document.querySelector('.paper textarea')?.value === wanted, `${first} typed`);
            await closeQuiet(opened);
        },

        async another_candidate_of_a_text_is_one_key_away() {
            const opened = await openText(server.address, 1, 6);
            const {page} = opened;
            await shownText(page).fill('My favourite animal is the');
            await page.keyboard.press('Control+Enter');
            await page.waitForFunction(() => document.querySelectorAll('.copy .t').length >= 5);
            await written(page);
            const before = await shownText(page).inputValue();
            await shownText(page).evaluate((area) => area.setSelectionRange(28, 28));
            await page.keyboard.press('ArrowRight');
            await page.locator('.inspector.filled').waitFor();
            const isFirst = await page.locator('.inspector tr.answer').evaluate((row) => row.rowIndex === 1);
            await page.keyboard.press(isFirst ? 'Alt+2' : 'Alt+1');
            await page.waitForFunction((old) => document.querySelector('.paper textarea').value !== old, before);
            await written(page);
            assert.ok((await shownText(page).inputValue()).startsWith('My favourite animal is the'));
            await page.keyboard.press('Control+z');
            await page.waitForFunction((old) => document.querySelector('.paper textarea').value === old, before);
            await page.getByText('The whole tree').click();
            await page.getByRole('treeitem').first().focus();
            await page.keyboard.press('End');
            assert.ok(await page.evaluate(() => document.activeElement.getAttribute('aria-level')) >= 2);
            await closeQuiet(opened);
        },

        async text_behind_the_cursor_stays_behind_what_is_generated() {
            const opened = await openText(server.address, 1, 4);
            const {page} = opened;
            await shownText(page).fill('One. Three.');
            await shownText(page).evaluate((area) => area.setSelectionRange(4, 4));
            await page.keyboard.press('Control+Enter');
            await page.waitForFunction(() => document.querySelector('.paper textarea').value.length > 'One. Three.'.length);
            await written(page);
            const text = await shownText(page).inputValue();
            assert.ok(text.startsWith('One.') && text.endsWith(' Three.'), text);
            await page.keyboard.press('Control+z');
            await page.waitForFunction(() => document.querySelector('.paper textarea').value === 'One. Three.');
            await closeQuiet(opened);
        },

        async a_prompt_is_taken_apart_rebuilt_tried_and_saved_as_a_file_that_urial_takes() {
            const opened = await openPage(server.address, {hash: '#/new/workshop'});
            const {page} = opened;
            await page.getByLabel('Begin with').selectOption('urial');
            await page.getByLabel('Query of example 3').waitFor();
            await page.waitForFunction(() => /\d{3,}.* tokens/.test(document.querySelector('.tokens-line')?.textContent ?? ''));
            const last = await page.getByLabel('Query of example 3').inputValue();
            await page.getByRole('button', {name: 'Move example 3 up'}).click();
            assert.equal(await page.getByLabel('Query of example 2').inputValue(), last);
            await page.getByRole('button', {name: 'Remove example 3'}).click();
            await page.getByRole('button', {name: 'Add an example'}).click();
            await page.getByLabel('Query of example 3').fill('What is "TOML"?');
            await page.getByLabel('Answer of example 3').fill('Hello! It is a format:\n\n```toml\na = """b"""\n```\n\nThat is all \\o/');
            await page.getByLabel('Name', {exact: true}).fill('my prompt');
            await page.waitForFunction(() => document.querySelector('pre.exact')?.textContent.includes('That is all'));
            const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Save as a file for --prompt'}).click()]);
            assert.equal(download.suggestedFilename(), 'my-prompt.toml');
            const file = path.join(folder, 'my-prompt.toml');
            await download.saveAs(file);
            urial('prompt', 'render', file, '--query', 'Why?');

            await page.getByRole('button', {name: 'File', exact: true}).click();
            await page.getByRole('textbox', {name: 'Prompt file'}).fill('name = "x');
            await page.getByText('The file cannot be read').waitFor();
            const broken = path.join(folder, 'other.toml');
            await writeFile(broken, 'name = "other"\npreamble = "Answer.\\n"\n[style]\nquery = "Q"\nanswer = "A"\nfenced = true\n');
            await page.locator('input[accept*=".toml"]').setInputFiles(broken);
            await page.getByLabel('Preamble').waitFor();
            await page.getByRole('button', {name: 'Try it'}).click();
            await send(page, 'Say hello.');
            await page.waitForFunction(() => document.querySelectorAll('article.cell').length === 2);
            await page.getByRole('button', {name: 'Stop', exact: true}).click();
            await page.waitForFunction(() => !document.querySelector('.writing'));
            await page.getByRole('button', {name: 'Use in a chat'}).click();
            await page.getByRole('heading', {name: 'Chat under other'}).waitFor();
            assert.match(await page.getByLabel('Prompt', {exact: true}).locator('option:checked').textContent(), /other \(yours\)/);
            await closeQuiet(opened);
        },

        async axe_finds_nothing_in_any_view_in_both_themes() {
            const ids = await oneOfEach();
            for (const colorScheme of ['light', 'dark']) {
                await resetChat();
                const opened = await openPage(server.address, {colorScheme});
                const {page} = opened;
                await page.getByRole('heading', {name: /base model/}).waitFor();
                await checkAccess(page, `start, ${colorScheme}`);
                await page.goto(`${server.address}/#/c/${ids.chat}`);
                await page.locator('.hljs-keyword').first().waitFor();
                await checkAccess(page, `chat, ${colorScheme}`);
                await page.locator('.message.user').getByRole('button', {name: 'Previous version'}).click();
                await page.getByRole('button', {name: 'Probabilities'}).click();
                await page.locator('.message .t').nth(2).click();
                await page.locator('.inspector.pinned').waitFor();
                await checkAccess(page, `tokens, ${colorScheme}`);
                await page.getByRole('button', {name: 'This conversation'}).click();
                await checkAccess(page, `menu, ${colorScheme}`);
                await page.keyboard.press('Escape');
                await page.getByRole('button', {name: 'Settings of this chat'}).click();
                await checkAccess(page, `settings, ${colorScheme}`);
                await page.keyboard.press('Escape');
                await page.getByRole('button', {name: 'Exact text that the model got'}).click();
                await page.locator('pre.exact').waitFor();
                await checkAccess(page, `exact text, ${colorScheme}`);
                await page.keyboard.press('Escape');
                await page.goto(`${server.address}/#/c/${ids.compare}`);
                await page.locator('.cell').nth(1).waitFor();
                await checkAccess(page, `side by side, ${colorScheme}`);
                await page.goto(`${server.address}/#/c/${ids.text}`);
                await page.locator('.copy .t').first().waitFor();
                await page.getByText('The whole tree').click();
                await checkAccess(page, `write, ${colorScheme}`);
                await page.goto(`${server.address}/#/c/${ids.prompt}`);
                await page.locator('pre.exact').waitFor();
                await checkAccess(page, `prompt, ${colorScheme}`);
                for (const side of ['Try it', 'File']) {
                    await page.getByRole('button', {name: side, exact: true}).click();
                    await checkAccess(page, `prompt, ${side}, ${colorScheme}`);
                }
                await page.getByRole('button', {name: 'Keys'}).click();
                await checkAccess(page, `keys, ${colorScheme}`);
                await closeQuiet(opened);
            }
        },

        async nothing_is_cut_off_on_a_phone_at_320_px_and_at_200_percent() {
            const ids = await oneOfEach();
            const windows = {phone: kPhone, narrow: {viewport: {width: 320, height: 640}}, zoomed: {viewport: {width: 700, height: 450}, deviceScaleFactor: 2}};
            for (const [name, options] of Object.entries(windows)) {
                await resetChat();
                const opened = await openPage(server.address, {colorScheme: 'dark', ...options});
                const {page} = opened;
                await page.getByRole('heading', {name: /base model/}).waitFor();
                assert.deepEqual(await overflowing(page), [], `start, ${name}`);
                for (const [kind, id] of Object.entries(ids)) {
                    await page.goto(`${server.address}/#/c/${id}`);
                    await page.locator({chat: '.message.assistant', compare: '.cell', text: '.copy .t', prompt: 'pre.exact'}[kind]).first().waitFor();
                    assert.deepEqual(await overflowing(page), [], `${kind}, ${name}`);
                }
                if (name === 'phone') {
                    await checkAccess(page, 'prompt on a phone');
                    await page.getByRole('button', {name: 'Open the list'}).tap();
                    await page.locator('.list a').first().waitFor();
                    await page.waitForFunction(() => document.querySelector('.sidebar').getBoundingClientRect().left === 0);
                    await checkAccess(page, 'list on a phone');
                    await page.locator(`.list a[href="#/c/${ids.chat}"]`).tap();
                    await page.locator('.message.assistant').first().waitFor();
                    await page.getByRole('button', {name: 'Previous version'}).tap();
                    await page.getByRole('button', {name: 'Probabilities'}).tap();
                    await page.locator('.message .t').nth(2).tap();
                    await page.locator('.inspector.filled').waitFor();
                    await page.waitForTimeout(100);
                    const [token, panel] = await page.evaluate(() => ['.t.pin', '.inspector'].map((one) => document.querySelector(one).getBoundingClientRect().toJSON()));
                    assert.ok(token.bottom <= panel.top + 1, 'the panel covers its token');
                    await checkAccess(page, 'tokens on a phone');
                }
                await closeQuiet(opened);
            }
        },

        async with_forced_colours_everything_is_told_apart_by_something_else_too() {
            const ids = await oneOfEach();
            await resetChat();
            const opened = await openPage(server.address, {forcedColors: 'active'});
            const {page} = opened;
            const styles = (selector, names) => page.locator(selector).evaluateAll((all, wanted) => all.map((element) => wanted.map((name) => getComputedStyle(element)[name]).join(' ')), names);
            const line = ['textDecorationLine', 'textDecorationStyle', 'fontWeight'];
            await page.locator('.meanings .t').nth(2).waitFor();
            assert.equal(new Set(await styles('.meanings .t', line)).size, 3, 'the classes of tokens');
            await messageBox(page).focus();
            assert.match((await styles('.composer .area', ['outlineStyle', 'outlineWidth']))[0], /^solid [1-9]/, 'the focus in the box');

            await page.goto(`${server.address}/#/c/${ids.chat}`);
            await page.locator('.list li.open').waitFor();
            assert.match((await styles('.list li.open a', ['outlineStyle']))[0], /solid/, 'the chosen conversation');
            assert.equal((await styles('.list li:not(.open) a', ['outlineStyle']))[0], 'none');
            await page.locator('.message.user').getByRole('button', {name: 'Previous version'}).click();
            await page.getByRole('button', {name: 'Probabilities'}).click();
            await lastAnswer(page).locator('.t').nth(3).click();
            await lastAnswer(page).locator('.t').nth(1).hover();
            const [plain, looked, pinned] = await Promise.all(['.message .t:not(.looked, .pin, :focus)', '.message .t.looked:not(.pin)', '.message .t.pin']
                .map(async (selector) => (await styles(selector, ['outlineStyle', 'outlineWidth']))[0]));
            assert.equal(new Set([plain, looked, pinned]).size, 3, [plain, looked, pinned].join());
            const fill = await styles('.inspector .meter .fill', ['backgroundColor']);
            assert.notEqual(fill[0], (await styles('.inspector .meter', ['backgroundColor']))[0], 'the bars of candidates');

            await page.goto(`${server.address}/#/c/${ids.compare}`);
            await page.locator('.cell .length-bar span').first().waitFor();
            assert.notEqual((await styles('.cell .length-bar span', ['backgroundColor']))[0], (await styles('.cell .length-bar', ['backgroundColor']))[0], 'the bars of lengths');
            await page.goto(`${server.address}/#/c/${ids.text}`);
            await page.locator('.copy .t').first().waitFor();
            assert.equal((await styles('.copy', ['color']))[0], 'rgba(0, 0, 0, 0)', 'the copy below a text stays unseen');
            await shownText(page).focus();
            assert.match((await styles('.paper', ['outlineStyle']))[0], /solid/, 'the focus in a text');
            await closeQuiet(opened);
        },

        async who_wants_no_motion_sees_none() {
            const opened = await openPage(server.address, {hash: '#/new/chat', reducedMotion: 'reduce'});
            await opened.page.locator('.composer').waitFor();
            const moving = await opened.page.evaluate(() => [...document.querySelectorAll('*')].filter((element) => {
                const {animationName, transitionDuration} = getComputedStyle(element);
                return animationName !== 'none' || transitionDuration.split(', ').some((duration) => duration !== '0s');
            }).length);
            assert.equal(moving, 0);
            await messageBox(opened.page).waitFor();
            await closeQuiet(opened);
        },
    };
};
