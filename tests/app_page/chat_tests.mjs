// Chat and its tokens.

import assert from 'node:assert/strict';

import {call} from './server.mjs';
import {answered, ask, closeQuiet, lastAnswer, messageBox, openChat, openPage, send, setSampling} from './page.mjs';

/** The texts of the first tokens of the last answer. */
function tokens(page, count) {
    return lastAnswer(page).evaluate((answer, most) => [...answer.querySelectorAll('.t')].slice(0, most).map((span) => span.textContent), count);
}

export const chatTests = (server) => ({
    async a_first_visit_explains_itself_and_one_click_asks_a_question() {
        const opened = await openPage(server.address);
        const {page} = opened;
        await page.getByRole('heading', {name: /base model/}).waitFor();
        const {painted, interactive} = await page.evaluate(() => ({
            painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
            interactive: performance.getEntriesByType('navigation')[0].domInteractive,
        }));
        console.log(`first paint after ${painted.toFixed(0)} ms, document ready after ${interactive.toFixed(0)} ms`);
        assert.equal(await page.locator('.questions button').count(), 3);
        assert.deepEqual(await page.locator('.meanings .t').evaluateAll((all) => all.map((one) => one.className.split(' ').at(-1))), ['unshifted', 'marginal', 'shifted']);
        await page.locator('.questions button').first().click();
        await page.locator('.message.assistant').waitFor();
        assert.match(page.url(), /#\/c\/[\w-]{22}$/);
        await page.getByRole('button', {name: 'Stop', exact: true}).click();
        await answered(page);
        await closeQuiet(opened);
    },

    async an_address_with_a_question_sends_nothing() {
        const opened = await openPage(server.address, {hash: '?q=hello&send=1#/new/chat?q=hello'});
        await opened.page.waitForLoadState('networkidle');
        assert.equal((await opened.page.locator('.message').count()), 0);
        await closeQuiet(opened);
    },

    async an_answer_streams_and_a_reload_in_the_middle_takes_it_up_again() {
        const opened = await openChat(server.address, {tokens: 160});
        const {page} = opened;
        await send(page, 'How do I start a small herb garden on my balcony?');
        await page.waitForFunction(() => document.querySelector('.message.assistant .markdown')?.textContent.length > 20);
        const before = await lastAnswer(page).locator('.markdown').textContent();
        await page.reload();
        await page.waitForFunction((length) => document.querySelector('.message.assistant .markdown')?.textContent.length > length, before.length);
        const after = await lastAnswer(page).locator('.markdown').textContent();
        assert.ok(after.startsWith(before.trim().slice(0, 15)), `${before} | ${after}`);
        await answered(page);
        assert.match(await lastAnswer(page).locator('.facts-line').textContent(), /\d+ tokens.*tokens a second.*first after.*read/);
        // What is in the page at the end is what the server has.
        const id = page.url().split('/').at(-1);
        const {messages} = await call(server.address, 'GET', `/v1/conversations/${id}`);
        const words = (text) => text.replace(/[^\p{L}]+/gu, ' ').trim();
        assert.equal(words(await lastAnswer(page).locator('.markdown').textContent()), words(messages.at(-1).content));
        await closeQuiet(opened);
    },

    async versions_stand_beside_each_other_and_nothing_is_lost() {
        const opened = await openChat(server.address);
        const {page} = opened;
        await ask(page, 'Name one colour.');
        await setSampling(page, {Temperature: '1.5'});
        await lastAnswer(page).hover();
        await page.getByRole('button', {name: 'Another answer'}).click();
        await page.getByText('2/2').waitFor();
        await answered(page);
        const second = await lastAnswer(page).locator('.markdown').textContent();
        await page.getByRole('button', {name: 'Previous version'}).click();
        await page.getByText('1/2').waitFor();
        await page.getByRole('button', {name: 'Next version'}).click();
        await page.getByText('2/2').waitFor();
        assert.equal(await lastAnswer(page).locator('.markdown').textContent(), second);

        await page.locator('.message.user').hover();
        await page.locator('.message.user').getByRole('button', {name: 'Edit'}).click();
        await page.getByRole('textbox', {name: 'Your message'}).fill('Name one animal.');
        await page.locator('.message-editor').getByRole('button', {name: 'Send'}).click();
        await page.locator('.message.user').getByText('2/2').waitFor();
        await answered(page);
        assert.equal(await page.locator('.message.user .bubble').textContent(), 'Name one animal.');
        await page.reload();
        await page.locator('.message.user').getByText('2/2').waitFor();
        await page.locator('.message.user').getByRole('button', {name: 'Previous version'}).click();
        await page.locator('.message.assistant').getByText('2/2').waitFor();
        assert.equal(await lastAnswer(page).locator('.markdown').textContent(), second);

        await lastAnswer(page).getByRole('button', {name: 'Delete'}).click();
        await page.waitForFunction(() => !document.querySelector('.message.assistant .siblings'));
        await page.getByRole('button', {name: 'Undo'}).click();
        await page.locator('.message.assistant').getByText('2/2').waitFor();
        assert.equal(await lastAnswer(page).locator('.markdown').textContent(), second);
        await closeQuiet(opened);
    },

    async the_exact_text_is_one_click_away_and_settings_are_kept() {
        const opened = await openChat(server.address);
        const {page} = opened;
        await page.getByLabel('Prompt', {exact: true}).selectOption('urial-1');
        await page.getByRole('button', {name: 'Settings of this chat'}).click();
        await page.getByRole('textbox', {name: 'System message'}).fill('You are a gardener.');
        await page.keyboard.press('Escape');
        await ask(page, 'What grows in shade?');
        await lastAnswer(page).hover();
        await page.getByRole('button', {name: 'Exact text that the model got'}).click();
        const exact = await page.locator('pre.exact').textContent();
        assert.ok(exact.includes('You are a gardener.') && exact.trimEnd().endsWith('```') && exact.includes('What grows in shade?'), exact.slice(-200));
        assert.match(await page.locator('dialog .tokens-line').textContent(), /\d{3,} tokens/);
        await page.keyboard.press('Escape');
        await page.reload();
        await page.locator('.message.assistant').waitFor();
        assert.equal(await page.getByLabel('Prompt', {exact: true}).inputValue(), 'urial-1');
        // Other settings are for other answers.
        await page.getByLabel('Prompt', {exact: true}).selectOption('raw');
        await lastAnswer(page).hover();
        await page.getByRole('button', {name: 'Exact text that the model got'}).click();
        assert.equal(await page.locator('pre.exact').textContent(), exact);
        assert.equal(await page.locator('dialog .finding').count(), 0);
        await page.keyboard.press('Escape');
        await page.getByLabel('Prompt', {exact: true}).selectOption('urial-1');
        await page.waitForTimeout(600);  // settings are kept when they have not changed for a moment
        const id = page.url().split('/').at(-1);
        const {settings} = await call(server.address, 'GET', `/v1/conversations/${id}`);
        assert.equal(settings.voice.system, 'You are a gardener.');
        assert.equal(settings.sampling.max_tokens, 24);
        await closeQuiet(opened);
    },

    async an_exact_text_that_cannot_be_given_says_why() {
        const chain = (id, details) => ({id, kind: 'chat', title: id, settings: {}, messages: [
            {id: 'm0', parent: null, role: 'user', content: 'Why?'}, {id: 'm1', parent: 'm0', role: 'assistant', content: 'So.', details}]});
        const {conversations} = await call(server.address, 'POST', '/v1/import', {format: 'urial-conversations', version: 1, conversations: [
            chain('gone', {voice: {model: 'gemma-3-270m', prompt: 'was-here', system: ''}}), chain('old', {})]});
        const opened = await openPage(server.address, {expects: ['404']});
        const {page} = opened;
        for (const [id, says] of [[conversations[0], /The prompt “was-here”.*not there any more/], [conversations[1], /does not say under which settings/]]) {
            await page.goto(`${server.address}/#/c/${id}`);
            await page.locator(`.list li.open a[href$="${id}"]`).waitFor();
            await lastAnswer(page).hover();
            await page.getByRole('button', {name: 'Exact text that the model got'}).click();
            assert.match(await page.locator('dialog .finding').textContent(), says);
            await page.keyboard.press('Escape');
        }
        await closeQuiet(opened);
    },

    async another_token_begins_a_branch_that_goes_on_from_it() {
        const opened = await openChat(server.address);
        const {page} = opened;
        await ask(page, 'What is a good name for a cat?');
        await page.getByRole('button', {name: 'Probabilities'}).click();
        await lastAnswer(page).locator('.t').nth(6).waitFor();
        const kept = await tokens(page, 5);
        await lastAnswer(page).locator('.t').nth(5).click();
        const choice = page.locator('.inspector button.choose').first();
        const chosen = (await choice.textContent()).replaceAll('␣', ' ').trim();
        await choice.click();
        await page.getByText('2/2').waitFor();
        await answered(page);
        const branch = await tokens(page, 6);
        assert.deepEqual(branch.slice(0, 5), kept);
        assert.equal(branch[5].trim(), chosen);
        await page.getByRole('button', {name: 'Text', exact: true}).click();
        const text = await lastAnswer(page).locator('.markdown').textContent();
        assert.ok(text.replace(/\s+/g, '').startsWith([...kept, chosen].join('').replace(/[\s↵]+/g, '').slice(0, 12)), text);
        // The tokens are there again after a reload, those of the old answer too.
        await page.getByRole('button', {name: 'Probabilities'}).click();
        await page.reload();
        await lastAnswer(page).locator('.t').nth(8).waitFor();
        assert.deepEqual(await tokens(page, 6), branch);
        await closeQuiet(opened);
    },

    async shift_colours_an_answer_while_it_comes_and_the_keyboard_walks_it() {
        const opened = await openChat(server.address, {tokens: 40});
        const {page} = opened;
        await page.getByRole('button', {name: 'Shift'}).click();
        assert.match(await page.getByLabel('Base').inputValue(), /@zero-shot$/);
        await send(page, 'Why is the sky blue?');
        await page.waitForFunction(() => document.querySelector('.writing .t'));
        await answered(page);
        const classes = await lastAnswer(page).locator('.t').evaluateAll((all) => all.map((one) => one.className.split(' ')[1]));
        assert.equal(classes.length, 40);
        assert.ok(classes.every((name) => ['unshifted', 'marginal', 'shifted'].includes(name)));
        assert.ok(classes.includes('shifted') && classes.includes('unshifted'), classes.join());

        await lastAnswer(page).locator('.t').first().focus();
        await page.keyboard.press('ArrowRight');
        await page.locator('.inspector .where', {hasText: 'token 2 of 40'}).waitFor();
        await page.keyboard.press('n');
        const at = await page.evaluate(() => document.activeElement.className);
        assert.match(at, /shifted/);
        await page.keyboard.press('Enter');
        await page.locator('.inspector.pinned').waitFor();
        const names = await page.locator('.inspector .tops thead th').allTextContents();
        assert.deepEqual(names, ['zero-shot', 'urial']);
        assert.match(await page.locator('.inspector').textContent(), /KL\(aligned ‖ base\)/);
        await page.keyboard.press('Escape');
        assert.equal(await page.locator('.inspector.pinned').count(), 0);

        await lastAnswer(page).locator('.t').nth(3).click();
        await page.locator('.inspector button.choose').first().click();
        await page.getByText('2/2').waitFor();
        await answered(page);
        await lastAnswer(page).locator('.t').nth(4).waitFor();
        await closeQuiet(opened);
    },

    async an_answer_of_a_chat_can_be_compared_afterwards() {
        const opened = await openChat(server.address, {tokens: 12});
        const {page} = opened;
        await ask(page, 'Name three fruits.');
        await page.getByRole('button', {name: 'Shift'}).click();
        await lastAnswer(page).locator('.t').nth(5).waitFor();
        await page.waitForFunction(() => !document.querySelector('.message.assistant .note'));
        await lastAnswer(page).locator('.t').nth(2).hover();
        assert.equal(await page.locator('.inspector .tops.mirror').count(), 1);
        await closeQuiet(opened);
    },

    async two_tabs_show_the_same() {
        const first = await openChat(server.address, {tokens: 60});
        await ask(first.page, 'Say hello.');
        const second = await openPage(server.address, {context: first.context, hash: new URL(first.page.url()).hash});
        await second.page.locator('.message.assistant').waitFor();
        await send(first.page, 'And now in another way.');
        await second.page.locator('.message.user', {hasText: 'another way'}).waitFor();
        await second.page.locator('.message.assistant').nth(1).waitFor();
        await answered(first.page, 2);
        await answered(second.page, 2);
        assert.equal(await lastAnswer(second.page).locator('.markdown').textContent(), await lastAnswer(first.page).locator('.markdown').textContent());
        await first.page.getByRole('button', {name: 'This conversation'}).click();
        await first.page.getByRole('menuitem', {name: 'Rename'}).click();
        await first.page.getByRole('textbox', {name: 'Title'}).fill('Greetings');
        await first.page.keyboard.press('Enter');
        await second.page.getByRole('heading', {name: 'Greetings'}).waitFor();
        await closeQuiet({...second, context: {close: () => second.page.close()}});
        await closeQuiet(first);
    },

    async settings_that_two_browsers_change_both_hold() {
        const first = await openChat(server.address, {tokens: 4, expects: ['409']});
        await ask(first.page, 'Say hello.');
        const {hash} = new URL(first.page.url());
        const second = await openPage(server.address, {hash, expects: ['409']});
        await second.page.locator('.message.assistant').waitFor();
        const settings = async () => (await call(server.address, 'GET', `/v1/conversations/${hash.split('/').at(-1)}`)).settings;
        const until = async (holds) => {
            for (let i = 0; i < 100 && !holds(await settings()); ++i) await new Promise((resume) => setTimeout(resume, 50));
        };
        await setSampling(first.page, {Temperature: '1.25'});
        await until(({sampling}) => sampling.temperature === 1.25);
        await second.page.getByLabel('Prompt', {exact: true}).selectOption('raw');
        await until(({voice}) => voice.prompt === 'raw');
        const kept = await settings();
        assert.deepEqual([kept.sampling.temperature, kept.voice.prompt], [1.25, 'raw']);
        // The second browser shows what the first one had changed.
        await second.page.getByRole('button', {name: 'Settings of this chat'}).click();
        assert.equal(await second.page.getByLabel('Temperature', {exact: true}).inputValue(), '1.25');
        assert.equal(await second.page.getByLabel('Longest answer', {exact: true}).inputValue(), '4');
        await closeQuiet(second);
        await closeQuiet(first);
    },

    async a_conversation_is_found_saved_deleted_and_put_back() {
        const opened = await openChat(server.address, {tokens: 4});
        const {page} = opened;
        await ask(page, 'Tell me of the zyzzyva beetle.');
        await page.keyboard.press('Escape');
        await page.getByRole('heading', {level: 1}).click();
        await page.keyboard.press('/');
        await page.getByRole('searchbox', {name: 'Search conversations'}).fill('zyzzyv');
        await page.waitForFunction(() => document.querySelectorAll('.list li').length === 1);
        const save = async (label) => {
            await page.getByRole('button', {name: 'This conversation'}).click();
            const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', {name: label}).click()]);
            const chunks = [];
            for await (const chunk of await download.createReadStream()) chunks.push(chunk);
            return {name: download.suggestedFilename(), text: Buffer.concat(chunks).toString()};
        };
        const markdown = await save('Save as Markdown');
        assert.match(markdown.name, /zyzzyva.*\.md$/);
        assert.match(markdown.text, /Tell me of the zyzzyva beetle/);
        const json = await save('Save as JSON');
        assert.equal(JSON.parse(json.text).conversations[0].messages.length, 2);

        await page.getByRole('button', {name: 'This conversation'}).click();
        await page.getByRole('menuitem', {name: 'Delete'}).click();
        await page.waitForFunction(() => document.querySelectorAll('.list li').length === 0);
        await page.getByRole('button', {name: 'Bin'}).click();
        await page.locator('.bin-list li', {hasText: 'zyzzyva'}).getByRole('button', {name: 'Put back'}).click();
        await page.keyboard.press('Escape');
        await page.waitForFunction(() => document.querySelectorAll('.list li').length === 1);

        await page.locator('input[type=file]').first().setInputFiles({name: 'c.json', mimeType: 'application/json', buffer: Buffer.from(json.text)});
        await page.waitForFunction(() => document.querySelectorAll('.list li').length === 2);
        await page.locator('.message.user', {hasText: 'zyzzyva'}).waitFor();
        await page.locator('input[type=file]').first().setInputFiles({name: 'c.json', mimeType: 'application/json', buffer: Buffer.from('no JSON')});
        await page.getByText('c.json is not JSON').waitFor();
        await closeQuiet(opened);
    },

    async everything_in_a_chat_is_done_by_keyboard_alone() {
        const opened = await openPage(server.address);
        const {page} = opened;
        await page.getByRole('heading', {name: /base model/}).waitFor();
        await page.keyboard.press('Alt+c');
        await page.waitForFunction(() => document.activeElement?.id === 'message-box');
        await page.keyboard.type('Say one word.');
        await page.keyboard.press('Enter');
        await page.locator('.message.assistant').waitFor();
        await page.waitForFunction(() => document.querySelector('.message.assistant .markdown')?.textContent);
        await page.keyboard.press('Escape');
        await answered(page);
        const reach = async (name, key = 'Shift+Tab') => {
            for (let i = 0; i < 80; ++i) {
                await page.keyboard.press(key);
                if (await page.evaluate((wanted) => (document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent) === wanted, name)) return;
            }
            throw new Error(`${name} cannot be reached`);
        };
        await reach('Another answer');
        await page.keyboard.press('Enter');
        await page.getByText('2/2').waitFor();
        await page.waitForFunction(() => document.querySelector('.message.assistant .markdown')?.textContent);
        await page.keyboard.press('Escape');
        await answered(page);
        await reach('Probabilities');
        await page.keyboard.press('Enter');
        await page.locator('.t').first().waitFor();
        await page.evaluate(() => document.activeElement.blur());
        await page.keyboard.press('m');
        await page.waitForFunction(() => document.activeElement?.id === 'message-box');
        await page.keyboard.press('Shift+Enter');
        assert.equal(await messageBox(page).inputValue(), '\n');
        await page.evaluate(() => document.activeElement.blur());
        await page.keyboard.press('?');
        await page.getByRole('dialog').waitFor();
        await page.keyboard.press('Escape');
        assert.equal(await page.getByRole('dialog').count(), 0);
        await closeQuiet(opened);
    },
});
