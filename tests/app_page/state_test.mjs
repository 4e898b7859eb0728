// The page's state without a browser: actions, threads, documents, prompt files, events. Needs esbuild (`npm ci` in web/).

import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import test, {after} from 'node:test';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
if (!existsSync(path.join(root, 'web/node_modules/esbuild'))) {
    console.log('skipped: no esbuild (npm ci in web/)');
    process.exit(process.env.URIAL_REQUIRE_BROWSER ? 1 : 77);
}
const {build} = await import(pathToFileURL(path.join(root, 'web/node_modules/esbuild/lib/main.js')));
const folder = await mkdtemp(path.join(os.tmpdir(), 'urial-state-'));
after(() => rm(folder, {recursive: true}));

async function load(...names) {
    const contents = names.map((name) => `export * from ${JSON.stringify(`./${name}`)};`).join('\n');
    const outfile = path.join(folder, `${names.join('-').replace(/\W/g, '_')}.mjs`);
    await build({stdin: {contents, resolveDir: path.join(root, 'web/app')}, bundle: true, format: 'esm', platform: 'node', outfile, logLevel: 'error'});
    return import(pathToFileURL(outfile));
}

const {addressOf, childrenOf, editOf, kNoHistory, kStart, leafBelow, leafWithout, makeStore, noted, placeAt, readSettings, redone, reduce, routeOf,
       siblingsOf, subtree, textOf, threadTo, titleOf, undone, withOurs} =
    await load('model/state', 'model/merge', 'model/store', 'model/thread', 'model/document', 'model/settings');
const {chatRequest, readChunk, readEvents, shiftRequest, splitName} = await load('model/requests', 'api/chunks', 'api/events');
const {readPromptSpec, writePromptSpec} = await load('model/prompt_spec');
const {BlockReader} = await load('text/blocks');
const {portionsOf} = await load('model/portions');
const {formatCount, plainText} = await load('../page/text');

test('a file that is too large for one request is sent conversation by conversation', () => {
    const conversations = Array.from({length: 40}, (_, i) => ({id: `c${i}`, title: i === 7 ? 'Long “é”' : `${i}`, messages: [{content: 'é'.repeat(i === 7 ? 3000 : 100)}]}));
    const file = {format: 'urial-conversations', version: 1, conversations};
    const most = 4000;
    const {portions, tooLarge} = portionsOf(JSON.stringify(file), most);
    assert.deepEqual(tooLarge.map(({title, bytes}) => [title, bytes > most]), [['Long “é”', true]]);
    assert.ok(portions.length > 3);
    for (const {text, first, count} of portions) {
        assert.ok(Buffer.byteLength(text) <= most);
        assert.deepEqual(JSON.parse(text), {...file, conversations: conversations.slice(first, first + count)});
    }
    assert.deepEqual(portions.flatMap(({text}) => JSON.parse(text).conversations.map(({id}) => id)), conversations.map(({id}) => id).filter((id) => id !== 'c7'));
    // What fits is sent as it is, and so is what is no list: the server says what is wrong with it.
    for (const small of [JSON.stringify({...file, conversations: conversations.slice(0, 2)}), '{"conversations": 7}', '[]', '7']) {
        assert.deepEqual(portionsOf(small, most).portions.map(({text}) => text), [small]);
    }
    assert.throws(() => portionsOf('no JSON', most));
});

test('counts are grouped by thousands', () => {
    assert.deepEqual([0, 7, 999, 1000, 54321, 1234567, -4000].map(formatCount), ['0', '7', '999', '1,000', '54,321', '1,234,567', '-4,000']);
});

test('what cannot be seen is spelt out, and joiners stay where they join', async () => {
    const table = JSON.parse(await readFile(path.join(root, 'tests/base/invisible_characters.json'), 'utf8'));
    for (const [name, text, shown] of table.cases) assert.equal(plainText(text), shown, name);
    const points = new Map();
    for (const kind of ['always', 'joiners', 'selectors', 'scripts', 'symbols', 'ideographs']) {
        const all = new Set();
        for (const range of table[kind]) {
            const [first, last = first] = range.split('-').map((digits) => parseInt(digits, 16));
            for (let point = first; point <= last; ++point) all.add(point);
        }
        points.set(kind, all);
    }
    const is = (kind, point) => points.get(kind).has(point) && !points.get('always').has(point);
    // Every character of the planes that have any, and some of the others.
    const step = (point) => point < 0x1ffff || (point >= 0xdffff && point < 0xe1000) ? 1 : 241;
    for (let point = 0xa0; point <= 0x10ffff; point += step(point)) {
        if (point >= 0xd800 && point <= 0xdfff) continue;
        const character = String.fromCodePoint(point);
        const stays = (text) => plainText(text) === text;
        const hidden = ['always', 'joiners', 'selectors'].some((kind) => points.get(kind).has(point));
        if (stays(`a${character}b`) === hidden) assert.fail(`U+${point.toString(16)} alone`);
        if (hidden) continue;
        if (stays(`${character}\u200c`) !== is('scripts', point)) assert.fail(`U+${point.toString(16)} before a non-joiner`);
        if (stays(`${character}\u200d${character}`) !== (is('scripts', point) || is('symbols', point))) assert.fail(`U+${point.toString(16)} around a joiner`);
        if (stays(`${character}\ufe0f`) !== ['scripts', 'symbols', 'ideographs'].some((kind) => is(kind, point))) assert.fail(`U+${point.toString(16)} before a selector`);
    }
});

let created = 0;
function message(id, parent, more = {}) {
    return {id, parent, role: 'user', content: id, created: ++created, state: 'done', error: null, details: {}, answer: null, ...more};
}
function mapOf(...messages) {
    return new Map(messages.map((one) => [one.id, one]));
}
function conversation(items, more = {}) {
    const settings = readSettings('chat', {}, kStart);
    return {id: 'c', kind: 'chat', title: 't', created: 0, updated: 0, revision: 1, deleted: null, messages: items.size, current: null,
            settings, kept: settings, items, ...more};
}

/** Numbers that look random and are the same each time. */
function makeRandom(seed) {
    return () => {
        seed = (seed * 1664525 + 1013904223) % 2 ** 32;
        return seed / 2 ** 32;
    };
}

test('watchers are called once for many actions, and not where nothing changed', () => {
    const waiting = [];
    const store = makeStore(kStart, reduce, (run) => waiting.push(run));
    assert.deepEqual(store.get(), kStart);
    let calls = 0;
    store.watch(() => ++calls);
    store.dispatch({do: 'server', is: 'starting'});
    assert.equal(waiting.length, 0);
    store.dispatch({do: 'server', is: 'ready'});
    store.dispatch({do: 'drawer', open: true});
    assert.equal(waiting.length, 2);
    waiting.forEach((run) => run());
    assert.equal(calls, 1);
    assert.equal(store.get().drawer, true);
});

test('an address names a conversation or a new one and never anything else', () => {
    for (const route of [{at: 'start'}, {at: 'new', view: 'write'}, {at: 'conversation', id: 'aB-_9'}]) assert.deepEqual(routeOf(addressOf(route)), route);
    for (const hostile of ['#/c/', '#/c/../../x', '#/new/__proto__', '#/new/constructor', '#/c/a?q=send', '#?q=hello', '#/c/<img>', `#/c/${'x'.repeat(65)}`]) {
        assert.deepEqual(routeOf(hostile), {at: 'start'}, hostile);
    }
});

test('a reply to an earlier search does not replace the list', () => {
    let state = reduce(kStart, {do: 'query', query: 'new'});
    const entry = {id: 'a', kind: 'chat', title: '', created: 0, updated: 0, revision: 1, deleted: null, messages: 0};
    state = reduce(state, {do: 'list', items: [entry], next: null, query: 'old', more: false});
    assert.equal(state.list.length, 0);
    state = reduce(state, {do: 'list', items: [entry], next: 'x', query: 'new', more: false});
    assert.equal(state.list.length, 1);
    state = reduce(state, {do: 'list', items: [entry, {...entry, id: 'b'}], next: null, query: 'new', more: true});
    assert.deepEqual(state.list.map(({id}) => id), ['a', 'b']);
});

test('a thread ends at its leaf, siblings are of one kind, a circle ends', () => {
    const items = mapOf(message('q', null), message('a1', 'q', {role: 'assistant'}), message('a2', 'q', {role: 'assistant'}), message('q2', 'a1'));
    assert.deepEqual(threadTo(items, 'q2').map(({id}) => id), ['q', 'a1', 'q2']);
    assert.deepEqual(siblingsOf(items, items.get('a1')).map(({id}) => id), ['a1', 'a2']);
    assert.equal(leafBelow(items, 'a1'), 'q2');
    assert.equal(leafBelow(items, 'q'), 'a2');
    assert.deepEqual([...subtree(items, 'a1')].sort(), ['a1', 'q2']);
    assert.equal(leafWithout(items, items.get('a2')), 'q2');
    assert.equal(leafWithout(items, items.get('q2')), 'a1');
    assert.ok(threadTo(mapOf(message('x', 'y'), message('y', 'x')), 'x').length <= 2);
});

test('what is deleted goes with all below it, and the leaf that is shown is one that stays', () => {
    const items = mapOf(message('q', null), message('a1', 'q'), message('q2', 'a1'), message('a2', 'q'));
    let state = reduce(kStart, {do: 'conversation', value: conversation(items, {current: 'q2'})});
    state = reduce(state, {do: 'gone', id: 'c', message: 'a1', current: 'a2'});
    assert.deepEqual([...state.open.get('c').items.keys()], ['q', 'a2']);
    assert.equal(state.open.get('c').current, 'a2');
});

test('a conversation whose leaf is gone shows its newest, and answers that have ended are not live', () => {
    const items = mapOf(message('q', null), message('a', 'q', {role: 'assistant'}));
    let state = reduce(kStart, {do: 'live', message: 'a', live: {text: 'x', tokens: 1, began: 0, first: 0, last: 0, lost: false}});
    state = reduce(state, {do: 'conversation', value: conversation(items, {current: 'gone'})});
    assert.equal(state.open.get('c').current, 'a');
    assert.equal(state.live.size, 0);
});

test('changes of settings in two places are joined, value by value', () => {
    const before = {voice: {model: 'm', prompt: 'urial', spec: 'x'}, columns: [{prompt: 'a'}, {prompt: 'b'}], sampling: {temperature: 0.7, stop: ['x']}};
    const change = (edit) => {
        const copy = structuredClone(before);
        edit(copy);
        return copy;
    };
    const ours = change((all) => {
        all.sampling.temperature = 0;
        all.columns[0].prompt = 'ours';
        delete all.voice.spec;
    });
    const theirs = change((all) => {
        all.voice.prompt = 'raw';
        all.columns[1].prompt = 'theirs';
        all.sampling.stop.push('y');
    });
    assert.deepEqual(withOurs(before, ours, theirs), {voice: {model: 'm', prompt: 'raw'}, columns: [{prompt: 'ours'}, {prompt: 'theirs'}],
                                                       sampling: {temperature: 0, stop: ['x', 'y']}});
    assert.equal(withOurs(before, structuredClone(before), theirs), theirs);
    assert.deepEqual(withOurs(before, change((all) => all.columns.pop()), theirs).columns, [{prompt: 'a'}]);
    assert.equal(withOurs(before, change((all) => { all.voice.prompt = 'mine'; }), theirs).voice.prompt, 'mine');
});

test('a conversation that is read again keeps the settings that were changed here and not sent yet', () => {
    const first = conversation(mapOf());
    let state = reduce(kStart, {do: 'conversation', value: first});
    state = reduce(state, {do: 'change', id: 'c', change: {settings: {...first.settings, colouring: 'own'}}});
    const theirs = {...first.settings, voice: {model: 'm', prompt: 'raw', system: ''}};
    state = reduce(state, {do: 'conversation', value: conversation(mapOf(), {settings: theirs, kept: theirs, revision: 2})});
    const {settings, kept, revision} = state.open.get('c');
    assert.deepEqual([settings.colouring, settings.voice.prompt, kept.colouring, revision], ['own', 'raw', 'text', 2]);
});

test('settings of any shape become settings that can be used', () => {
    const offer = {models: [{name: 'm', description: '', context: 1, usesAdapters: false, defaultPrompt: 'urial'}], prompts: []};
    for (const kind of ['chat', 'text', 'prompt']) {
        for (const broken of [null, 7, [], 'x', {view: 'compare'}, {sampling: {temperature: 'hot', stop: [1, '', 'a'], max_tokens: -1}}, {columns: [null, 3]}, {voice: {model: []}}]) {
            const settings = readSettings(kind, broken, offer);
            assert.ok(settings.sampling.temperature >= 0 && settings.sampling.max_tokens >= 1);
            assert.ok(settings.sampling.stop.every((stop) => typeof stop === 'string' && stop !== ''));
            assert.deepEqual(readSettings(kind, JSON.parse(JSON.stringify(settings)), offer), settings);
        }
    }
});

test('a title is one line of at most 60 characters', () => {
    assert.equal(titleOf('  a\tb \nsecond'), 'a b');
    assert.equal([...titleOf('😀'.repeat(100))].length, 60);
    assert.ok(!/[\ud800-\udfff]/u.test(titleOf('😀'.repeat(100))));
});

test('typing changes the last own piece, and anything else begins a branch', () => {
    const own = message('own', null, {role: 'text', content: 'Once '});
    const made = message('made', 'own', {role: 'text', content: 'upon a time', answer: {tokens: 3}});
    const items = mapOf(own, made);
    const pieces = [own, made];
    assert.deepEqual(editOf(items, pieces, 'Once upon a time'), {do: 'nothing'});
    assert.deepEqual(editOf(items, pieces, 'Once upon a time there'), {do: 'branch', parent: 'made', content: ' there'});
    assert.deepEqual(editOf(items, pieces, 'Once upon a'), {do: 'branch', parent: 'own', content: 'upon a', from: {message: 'made', characters: 6}});
    assert.deepEqual(editOf(items, pieces, 'Ones upon a time'), {do: 'branch', parent: null, content: 'Ones upon a time', from: {message: 'own', characters: 2}});
    assert.deepEqual(editOf(mapOf(own), [own], 'Once more'), {do: 'rewrite', piece: 'own', content: 'Once more'});
});

test('a place to generate at is the end of a piece, or cuts one', () => {
    const a = message('a', null, {role: 'text', content: 'abc'});
    const b = message('b', 'a', {role: 'text', content: 'def', answer: {tokens: 1}});
    const items = mapOf(a, b);
    assert.deepEqual(placeAt(items, [a, b], 6), {place: {at: 'piece', piece: 'b'}, before: 'abcdef', after: ''});
    assert.deepEqual(placeAt(items, [a, b], 3).place, {at: 'piece', piece: 'a'});
    assert.deepEqual(placeAt(items, [a, b], 0).place, {at: 'piece', piece: null});
    assert.deepEqual(placeAt(items, [a, b], 5).place, {at: 'cut', piece: 'b', own: false, parent: 'a', head: 'de'});
    assert.equal(placeAt(mapOf(a), [a], 1).place.own, true);
});

test('after any edits the text is what was typed, nothing generated is lost, and undo leads back to the beginning and redo to the end', () => {
    const random = makeRandom(7);
    for (let round = 0; round < 40; ++round) {
        const items = new Map();
        let leaf = null;
        let history = kNoHistory;
        let ids = 0;
        const texts = [''];
        const apply = (steps) => {
            for (const step of steps) {
                if (step.of === 'leaf') leaf = step.is;
                else items.set(step.piece, {...items.get(step.piece), content: step.is});
            }
        };
        const generated = new Map();
        for (let i = 0; i < 25; ++i) {
            const pieces = threadTo(items, leaf);
            const text = textOf(pieces);
            let steps = [];
            if (random() < 0.3) {
                const id = `m${++ids}`;
                items.set(id, message(id, leaf, {role: 'text', content: ' so', answer: {tokens: 1}}));
                generated.set(id, ' so');
                steps = [{of: 'leaf', was: leaf, is: id}];
            } else {
                const at = Math.floor(random() * (text.length + 1));
                const typed = random() < 0.4 ? text.slice(0, at) + text.slice(at + 2) : text.slice(0, at) + 'x😀'.slice(0, random() < 0.5 ? 1 : 3) + text.slice(at);
                const edit = editOf(items, pieces, typed);
                if (edit.do === 'rewrite') {
                    assert.ok(!generated.has(edit.piece));
                    steps = [{of: 'content', piece: edit.piece, was: items.get(edit.piece).content, is: edit.content}];
                } else if (edit.do === 'branch') {
                    const id = `m${++ids}`;
                    items.set(id, message(id, edit.parent, {role: 'text', content: edit.content, details: edit.from ? {from: edit.from} : {}}));
                    steps = [{of: 'leaf', was: leaf, is: id}];
                }
                if (steps.length) {
                    apply(steps);
                    assert.equal(textOf(threadTo(items, leaf)), typed);
                }
            }
            if (!steps.length) continue;
            apply(steps);
            history = noted(history, steps, i * 10000);
            texts.push(textOf(threadTo(items, leaf)));
        }
        for (const [id, content] of generated) assert.equal(items.get(id).content, content);
        const end = texts.at(-1);
        for (let back = texts.length - 2; back >= 0; --back) {
            const one = undone(history);
            history = one.history;
            apply(one.steps);
            assert.equal(textOf(threadTo(items, leaf)), texts[back]);
        }
        assert.equal(undone(history), null);
        for (let one; (one = redone(history));) {
            history = one.history;
            apply(one.steps);
        }
        assert.equal(textOf(threadTo(items, leaf)), end);
    }
});

test('typing without a pause is undone at once, with a pause it is not', () => {
    const type = (was, is) => [{of: 'content', piece: 'p', was, is}];
    let history = noted(noted(kNoHistory, type('', 'a'), 0), type('a', 'ab'), 500);
    assert.deepEqual(undone(history).steps, [{of: 'content', piece: 'p', was: 'ab', is: ''}]);
    history = noted(history, type('ab', 'abc'), 9000);
    assert.deepEqual(undone(history).steps, [{of: 'content', piece: 'p', was: 'abc', is: 'ab'}]);
});

test('the built-in prompts are read, written and read again as they were', async () => {
    const prompts = path.join(root, 'prompts');
    for (const name of (await readdir(prompts)).filter((file) => file.endsWith('.toml'))) {
        const spec = readPromptSpec(await readFile(path.join(prompts, name), 'utf8'));
        assert.equal(spec.name, name.replace('.toml', ''));
        assert.deepEqual(readPromptSpec(writePromptSpec(spec)), spec);
    }
});

test('any text survives in a prompt file, and what is no TOML is refused with its line', () => {
    const random = makeRandom(3);
    const parts = ['"', '""', '"""', '\\', '\n', '\r', '\t', '\u0000', '\u007f', 'é', '😀', ' ', '#', "'", "'''", ']', '= ', '\u2028', 'a'];
    for (let i = 0; i < 300; ++i) {
        const text = Array.from({length: 12}, () => parts[Math.floor(random() * parts.length)]).join('');
        const spec = readPromptSpec('name = "n"\n[style]\nquery = "Q"\nanswer = "A"\nfenced = true\n[[example]]\nquery = "q"\nanswer = "a"\n');
        spec.preamble = text;
        spec.stop = [text];
        spec.examples[0].turns[0].answer = text;
        const again = readPromptSpec(writePromptSpec(spec));
        assert.equal(again.preamble, text);
        assert.deepEqual(again, spec);
    }
    for (const [broken, line] of [['name = "a', 1], ['a = 1\nname', 2], ['x = [1', 1], ['name = "a"\nname = "b"', 2], ['a = "\\q"', 1], ['[a', 1], ['a = "b" c', 1]]) {
        assert.throws(() => readPromptSpec(broken), new RegExp(`line ${line}: `), broken);
    }
});

test('names such as __proto__ in a prompt file are names', () => {
    const spec = readPromptSpec('name = "n"\n__proto__ = "x"\nconstructor = 1\n');
    assert.equal(({}).polluted, undefined);
    assert.deepEqual(Object.keys(spec.rest).sort(), ['__proto__', 'constructor']);
    assert.match(writePromptSpec(spec), /__proto__ = "x"/);
});

test('events are read whole however they are cut', async () => {
    const bytes = new TextEncoder().encode('data: {"a":"é😀"}\n\n: ping\n\ndata: one\r\n\r\nevent: x\ndata: two\ndata: lines\n\ndata: [DONE]\n\n');
    for (const size of [1, 2, 3, 7, 1000]) {
        const body = new ReadableStream({start(controller) {
            for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
            controller.close();
        }});
        const read = [];
        for await (const event of readEvents(body)) read.push(event);
        assert.deepEqual(read, ['{"a":"é😀"}', 'one', 'two\nlines', '[DONE]']);
    }
});

test('chunks of the three kinds become text and positions', () => {
    const top = [{token: ' a', logprob: -0.5, bytes: []}, {token: ' b', logprob: -1.5, bytes: []}];
    const chat = readChunk({choices: [{delta: {content: ' b'}, logprobs: {content: [{token: ' b', logprob: -1.5, bytes: [], top_logprobs: top}]}}]});
    assert.equal(chat.text, ' b');
    assert.equal(chat.positions[0].base.rank, 2);
    const missing = readChunk({choices: [{delta: {content: 'z'}, logprobs: {content: [{token: 'z', logprob: -9999, bytes: [], top_logprobs: top}]}}]});
    assert.equal(missing.positions[0].base.rank, null);
    assert.equal(missing.positions[0].base.logp, -Infinity);
    const legacy = readChunk({choices: [{text: 'x', logprobs: {tokens: ['x'], token_logprobs: [-3], top_logprobs: [{y: -0.1, x: -3}]}}]});
    assert.deepEqual(legacy.positions[0].base.top.map(({text}) => text), ['y', 'x']);
    const side = {rank: 5, logprob: -4, entropy: 1, top_logprobs: [{id: 9, token: 'q', logprob: -0.2}]};
    const shift = readChunk({token: {id: 3, token: ' s', kl_ab: 1, kl_ba: 2, js: 0.1, tv: 0.2, base: side, aligned: {...side, rank: 1}}});
    assert.equal(shift.text, ' s');
    assert.equal(shift.positions[0].aligned.rank, 1);
    assert.equal(readChunk({error: {message: 'no'}}).error, 'no');
    assert.deepEqual(readChunk({usage: {}, choices: []}), {text: '', positions: [], error: null});
});

test('a request goes on with what is given, and a system message stands first', () => {
    const thread = [message('q', null, {content: 'Why?'})];
    const voice = {model: 'm', prompt: 'urial', system: 'Be brief.'};
    const sampling = {temperature: 0, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_tokens: 9, seed: null, stop: []};
    const {path: where, request} = chatRequest(thread, voice, sampling, 'Because');
    assert.equal(where, '/v1/chat/completions');
    assert.deepEqual(request.messages.map(({role}) => role), ['system', 'user', 'assistant']);
    assert.equal(request.continue_final_message, true);
    assert.equal(request.model, 'm@urial');
    assert.ok(!('seed' in request) && !('top_k' in request));
    assert.equal(chatRequest(thread, {...voice, spec: 'name = "x"'}, sampling).request.prompt_spec, 'name = "x"');
    assert.ok(!('temperature' in shiftRequest(thread, {base: 'a', aligned: 'b'}, '', sampling).request));
    assert.deepEqual(splitName('a@b@urial', [{name: 'a@b'}, {name: 'a'}]), {model: 'a@b', prompt: 'urial'});
});

test('Markdown that grows gives the blocks of the whole', () => {
    const text = '# Title\n\nA *paragraph* of text.\nwith two lines\n\n1. one\n\n   more\n2. two\n   - a\n   - b\n\n```js\nlet a = 1;\n\n\nlet b;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\nlast\n====\n\nend';
    const whole = new BlockReader().read(text, false).map(({token}) => token);
    const reader = new BlockReader();
    for (let at = 1; at < text.length; ++at) {
        const grown = reader.read(text.slice(0, at), true).map(({token}) => token.raw).join('');
        // marked adds a line break behind some unfinished items.
        assert.equal(grown.replace(/\s/g, ''), text.slice(0, at).replace(/\s/g, ''));
    }
    assert.deepEqual(reader.read(text, false).map(({token}) => [token.type, token.raw]), whole.map(({type, raw}) => [type, raw]));
});

test('Markdown made to be slow is read in time', () => {
    const hostile = ['['.repeat(50000), '*a '.repeat(30000), '> '.repeat(5000), '- '.repeat(5000), '`'.repeat(60000), '<'.repeat(50000), '![a]('.repeat(20000),
                     '| '.repeat(30000), '\\'.repeat(60000), '~~~\n'.repeat(20000), `${'a'.repeat(300)}\n`.repeat(300), '[a]: b\n'.repeat(20000), '_*'.repeat(30000),
                     '&#x'.repeat(30000), `${' '.repeat(60000)}x`, '1. '.repeat(5000), '(<'.repeat(30000), '**a'.repeat(20000), 'a\n'.repeat(40000), '* a\n'.repeat(10000),
                     '<!--'.repeat(20000), 'http://'.repeat(20000), 'a@b.'.repeat(20000), `${'\t'.repeat(3000)}a\n`.repeat(20)];
    for (const text of hostile) {
        const started = performance.now();
        const blocks = new BlockReader().read(text, false);
        const ms = performance.now() - started;
        assert.ok(blocks.length > 0);
        // A guard against minutes, not a measurement.
        assert.ok(ms < 3000, `${JSON.stringify(text.slice(0, 20))}: ${ms.toFixed(0)} ms`);
    }
});

test('children stand in the order in which they were made', () => {
    const items = mapOf(message('b', null, {created: 5}), message('a', null, {created: 5}), message('c', null, {created: 1}));
    assert.deepEqual(childrenOf(items, null).map(({id}) => id), ['c', 'b', 'a']);
});
