// One event of an answer: the text that it adds, and its tokens as positions.

import type {Entry, Position, Side} from '../../page/position';

export interface Chunk {
    text: string;
    positions: Position[];
    error: string | null;
}

type Json = Record<string, unknown>;

const kNever = -9999;  // stands for minus infinity on the wire

/** Numbers for texts: chat and completions name their candidates by text alone. */
const numbers = new Map<string, number>();

function numberOf(text: string): number {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, number = numbers.size);
    return number;
}

function logpOf(value: unknown): number {
    return typeof value === 'number' ? (value <= kNever ? -Infinity : value) : NaN;
}

function own(token: number, text: string, logp: number, top: Entry[] | null): Position {
    const place = top ? top.findIndex((entry) => entry.token === token) : -1;
    const base: Side = {rank: place < 0 ? null : place + 1, logp, entropy: null, top};
    return {token, text, base, aligned: null, kl: null, klReverse: null, js: null, tv: null, bounds: null};
}

function chatPosition(json: Json): Position {
    const text = String(json.token);
    const top = Array.isArray(json.top_logprobs)
        ? (json.top_logprobs as Json[]).map((entry) => ({token: numberOf(String(entry.token)), text: String(entry.token), logp: logpOf(entry.logprob)}))
        : null;
    return own(numberOf(text), text, logpOf(json.logprob), top?.length ? top : null);
}

function legacyPositions(json: Json): Position[] {
    const tokens = (json.tokens ?? []) as string[];
    const tops = (json.top_logprobs ?? []) as (Record<string, number> | null)[];
    return tokens.map((text, i) => {
        const entries = Object.entries(tops[i] ?? {}).map(([name, logp]) => ({token: numberOf(name), text: name, logp: logpOf(logp)}));
        entries.sort((a, b) => b.logp - a.logp);
        const position = own(numberOf(text), text, logpOf((json.token_logprobs as unknown[])?.[i]), entries.length ? entries : null);
        // The token itself is always listed, as the last where it is not among the most likely.
        if (position.base.rank === entries.length && entries.length > kListed) position.base.rank = null;
        return position;
    });
}

const kListed = 10;

function sideOf(json: Json): Side {
    const top = ((json.top_logprobs ?? []) as Json[]).map(
        (entry) => ({token: Number(entry.id), text: String(entry.token), logp: logpOf(entry.logprob)}));
    return {rank: Number(json.rank), logp: logpOf(json.logprob), entropy: Number(json.entropy), top};
}

function shiftPosition(json: Json): Position {
    return {token: Number(json.id), text: String(json.token), base: sideOf(json.base as Json), aligned: sideOf(json.aligned as Json),
            kl: Number(json.kl_ab), klReverse: Number(json.kl_ba), js: Number(json.js), tv: Number(json.tv), bounds: null};
}

export function readChunk(json: Json): Chunk {
    const error = (json.error as Json | undefined)?.message;
    if (error !== undefined) return {text: '', positions: [], error: String(error)};
    if (json.token) {
        const position = shiftPosition(json.token as Json);
        return {text: wordsOf(position.text), positions: [position], error: null};
    }
    const choice = (json.choices as Json[] | undefined)?.[0];
    if (!choice) return {text: '', positions: [], error: null};
    const logprobs = choice.logprobs as Json | null | undefined;
    const content = logprobs?.content as Json[] | undefined;
    const positions = content ? content.map(chatPosition) : logprobs?.tokens ? legacyPositions(logprobs) : [];
    const text = (choice.delta as Json | undefined)?.content ?? choice.text ?? '';
    return {text: String(text), positions, error: null};
}

/** A token that is a part of a character cannot be continued from as a text. */
export function isPartOfCharacter(text: string): boolean {
    return /^bytes:(\\x[0-9a-f]{2})+$/.test(text);
}

function wordsOf(text: string): string {
    return isPartOfCharacter(text) ? '\ufffd' : text;
}
