// The page with a server that only acts: one chat whose last answer streams at a given rate, without a model that would
// take the computer's time. For measurements of what the page itself costs.

import {readFile} from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web/dist/');
const kTypes = {html: 'text/html', js: 'text/javascript', css: 'text/css'};
const kWords = ['The', ' quick', ' brown', ' fox', ' jumps', ' over', ' the', ' lazy', ' dog', ',', ' and', ' **so**', ' on', '.'];

/** Tokens of an answer like those that models write: paragraphs, a list now and then, some code. */
export function scriptedTokens(count) {
    const parts = [[...kWords, ...kWords, ...kWords, '\n\n'], ['- one', ' thing', '\n', '- another', '\n\n'], ['```', 'python', '\n', 'print', '(', '1', ')', '\n', '```', '\n\n']];
    const pattern = [parts[0], parts[0], parts[1], parts[0], parts[2]].flat();
    return Array.from({length: count}, (_, i) => pattern[i % pattern.length]);
}

function chatEvent(token) {
    const top = Array.from({length: 10}, (_, i) => ({token: i ? kWords[i] : token, logprob: -0.1 - i, bytes: [116]}));
    return {id: 'x', object: 'chat.completion.chunk', choices: [{index: 0, delta: {content: token}, finish_reason: null, logprobs: {content: [{...top[0], top_logprobs: top}]}}]};
}

const kModel = {id: 'scripted', max_model_len: 8192, urial: {context: 8192, default_prompt: 'urial'}};

/** Resolves to its address and what stops it. `colouring`: of the chat; `before`: messages above the answer. */
export async function startScripted({tokens, perSecond, colouring = 'text', before = []}) {
    const words = scriptedTokens(tokens);
    let ended = false;
    const chain = [...before, 'Say something long.'].map((content, i) => ({id: `m${i}`, parent: i ? `m${i - 1}` : null, role: i % 2 ? 'assistant' : 'user', content, state: 'done', created: i}));
    const answer = () => ({id: 'answer', parent: chain.at(-1).id, role: 'assistant', content: ended ? words.join('') : '', created: 1000, state: ended ? 'done' : 'writing',
                           events: ended ? tokens : 0, answer: {model: 'scripted', path: '/v1/chat/completions', started: 1000, tokens: ended ? tokens : 0}});
    const listed = {id: 'chat', kind: 'chat', title: 'Scripted', created: 0, updated: 1000, revision: 1, deleted: null};
    const replies = {
        '/v1/models': () => ({data: [kModel]}),
        '/v1/prompts': () => ({data: [{id: 'urial', description: ''}]}),
        '/v1/conversations': () => ({data: Array.from({length: 50}, (_, i) => ({...listed, id: i ? `other${i}` : 'chat', messages: 2}))}),
        '/v1/conversations/chat': () => ({...listed, settings: {view: 'chat', colouring}, current: 'answer', messages: [...chain, answer()]}),
        '/v1/conversations/chat/messages/answer': answer,
    };
    const stream = async (response) => {
        response.writeHead(200, {'content-type': 'text/event-stream'});
        const started = Date.now();
        for (let index = 0; index < tokens && !response.destroyed; ++index) {
            response.write(`data: ${JSON.stringify({index, event: chatEvent(words[index])})}\n\n`);
            const wait = started + 1000 * (index + 1) / perSecond - Date.now();
            if (wait > 0) await new Promise((resume) => setTimeout(resume, wait));
        }
        ended = true;
        response.end('data: [DONE]\n\n');
    };
    const server = http.createServer(async (request, response) => {
        const {pathname} = new URL(request.url, 'http://localhost');
        if (pathname.endsWith('/events')) return void stream(response);
        if (replies[pathname]) return void response.setHeader('content-type', 'application/json').end(JSON.stringify(replies[pathname]()));
        const file = pathname === '/' ? 'app.html' : path.basename(pathname);
        const content = await readFile(path.join(dist, file)).catch(() => null);
        response.writeHead(content ? 200 : 404, {'content-type': kTypes[file.split('.').at(-1)] ?? 'text/plain'}).end(content ?? '');
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        address: `http://127.0.0.1:${server.address().port}`,
        stop: () => {
            server.closeAllConnections();
            return new Promise((resolve) => server.close(resolve));
        },
    };
}
