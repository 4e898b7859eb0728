// The tokens of answers. They are many and only ever grow, so they stand beside the state: whoever shows them watches.

import type {Position} from '../../page/position';
import {shiftRequest} from '../model/requests';
import type {Message, Shift} from '../model/types';
import {isPartOfCharacter, readChunk} from './chunks';
import {api} from './client';
import {readEvents} from './events';

export class TokenLog {
    readonly positions: Position[] = [];
    /** Where each token begins in the text; -1 where it cannot be said. */
    readonly starts: number[] = [];
    state: 'empty' | 'coming' | 'whole' | 'failed' = 'empty';
    why = '';
    /** Gives up what nobody waits for any more: the server compares one answer at a time. */
    cancel: (() => void) | null = null;
    private end = 0;
    private readonly watchers = new Set<() => void>();

    /** `text`: the answer as far as it is known, in which the tokens are found again. */
    add(list: readonly Position[]): void {
        for (const position of list) {
            this.positions.push(position);
            this.starts.push(this.end);
            this.end += isPartOfCharacter(position.text) ? 0 : position.text.length;
        }
        if (list.length) this.tell();
    }

    /** Finds the tokens again in the whole text: parts of characters have no length of their own. */
    settle(text: string): void {
        let at = 0;
        this.positions.forEach(({text: token}, i) => {
            if (isPartOfCharacter(token)) {
                this.starts[i] = at;
                return;
            }
            const found = text.startsWith(token, at) ? at : text.indexOf(token, at);
            this.starts[i] = found >= 0 && found - at <= 4 ? found : -1;
            if (this.starts[i] >= 0) at = found + token.length;
        });
    }

    become(state: TokenLog['state'], why = ''): void {
        this.state = state;
        this.why = why;
        this.tell();
    }

    clear(): void {
        this.positions.length = this.starts.length = this.end = 0;
        this.tell();
    }

    watch(watcher: () => void): () => void {
        this.watchers.add(watcher);
        return () => this.watchers.delete(watcher);
    }

    private tell(): void {
        for (const watcher of [...this.watchers]) watcher();
    }
}

const logs = new Map<string, TokenLog>();

function logOf(key: string): TokenLog {
    let log = logs.get(key);
    if (!log) logs.set(key, log = new TokenLog());
    return log;
}

/** What an answer's own tokens are kept in, whether or not they are there. */
export function ownLog(message: string): TokenLog {
    return logOf(message);
}

/** The chosen candidate in the place of what stood there. */
function withChoice(position: Position, text: string): Position {
    const top = position.base.top ?? [];
    const place = top.findIndex((entry) => entry.text === text);
    const entry = top[place] ?? position.aligned?.top?.find((candidate) => candidate.text === text);
    const {aligned} = position;
    const theirs = aligned?.top?.findIndex((candidate) => candidate.text === text) ?? -1;
    return {...position, token: entry?.token ?? -1, text,
            base: {...position.base, rank: place < 0 ? null : place + 1, logp: top[place]?.logp ?? NaN},
            aligned: aligned && {...aligned, rank: theirs < 0 ? null : theirs + 1, logp: aligned.top?.[theirs]?.logp ?? NaN}};
}

/** The tokens that a message takes over from the one that it goes on from. */
export async function inherited(conversation: string, items: ReadonlyMap<string, Message>, message: Message, depth = 0): Promise<Position[]> {
    const {from} = message.details;
    const source = from && items.get(from.message);
    if (!from || !source || depth > 50) return [];
    const log = await loadTokens(conversation, items, source, depth + 1);
    const kept = log.positions.filter((_, i) => {
        const start = log.starts[i] ?? -1;
        return start >= 0 && start < from.characters;
    });
    if (from.chosen === undefined) return kept;
    const place = log.starts.indexOf(from.characters);
    const replaced = place < 0 ? undefined : log.positions[place];
    return replaced ? [...kept, withChoice(replaced, from.chosen)] : kept;
}

/** Loads what is not there yet. A message that is being written is filled by whoever follows it. */
export async function loadTokens(conversation: string, items: ReadonlyMap<string, Message>, message: Message, depth = 0): Promise<TokenLog> {
    const log = logOf(message.id);
    if (log.state !== 'empty' || message.state === 'writing') return log;
    log.become('coming');
    try {
        log.add(await inherited(conversation, items, message, depth));
        if (message.answer) await readAll(log, await api.events(conversation, message.id, 0, new AbortController().signal), 'event');
        log.settle(message.content);
        log.become('whole');
    } catch (failure) {
        log.become('failed', failure instanceof Error ? failure.message : String(failure));
    }
    return log;
}

async function readAll(log: TokenLog, response: Response, wrapper: string | null): Promise<void> {
    let waiting: Position[] = [];
    for await (const event of readEvents(response.body!)) {
        if (event === '[DONE]') break;
        const json = JSON.parse(event) as Record<string, unknown>;
        const chunk = readChunk((wrapper === null ? json : json[wrapper] ?? {}) as Record<string, unknown>);
        if (chunk.error !== null) throw new Error(chunk.error);
        waiting.push(...chunk.positions);
        if (waiting.length >= 64) {
            log.add(waiting);
            waiting = [];
        }
    }
    log.add(waiting);
}

/** An answer under two models, whoever wrote it. */
export function scoreLog(message: Message, thread: readonly Message[], shift: Shift, system: string): TokenLog {
    const log = logOf(`${message.id} ${shift.base} ${shift.aligned} ${message.content.length}`);
    if (log.state !== 'empty' || message.state === 'writing' || message.content === '') return log;
    const usual = {temperature: 0, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_tokens: 1, seed: null, stop: []};
    const {request} = shiftRequest(thread, shift, system, usual);
    delete request.max_tokens;
    const aborter = new AbortController();
    log.become('coming');
    log.cancel = () => aborter.abort();
    void api.score({...request, answer: message.content}, aborter.signal)
        .then((response) => readAll(log, response, null))
        .then(() => {
            log.settle(message.content);
            log.become('whole');
        }, (failure: unknown) => {
            if (!aborter.signal.aborted) return log.become('failed', failure instanceof Error ? failure.message : String(failure));
            log.clear();
            log.become('empty');
        })
        .finally(() => { log.cancel = null; });
    return log;
}

/** The answering model's own probabilities, also where two models were compared. */
export function ownPosition(position: Position): Position {
    if (!position.aligned) return position;
    return {...position, base: position.aligned, aligned: null, kl: null, klReverse: null, js: null, tv: null};
}
