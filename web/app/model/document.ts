// A document of Write: a tree of pieces of text, of which one way from the root is shown. Typing changes the last piece
// where that is the writer's own; anywhere else it begins another branch, so that nothing is ever lost.

import {childrenOf, type Items} from './thread';
import type {Message, Origin} from './types';

export function textOf(pieces: readonly Message[]): string {
    return pieces.map(({content}) => content).join('');
}

/** What becomes of an edit. `parent`: of a new piece. */
export type Edit =
    | {do: 'nothing'}
    | {do: 'rewrite'; piece: string; content: string}
    | {do: 'branch'; parent: string | null; content: string; from?: Origin};

function commonStart(a: string, b: string): number {
    const most = Math.min(a.length, b.length);
    let at = 0;
    while (at < most && a[at] === b[at]) ++at;
    // Not between the halves of a pair.
    if (at > 0 && at < most && /[\ud800-\udbff]/.test(a[at - 1]!)) --at;
    return at;
}

function isOwn(items: Items, piece: Message | undefined): piece is Message {
    return piece !== undefined && piece.answer === null && piece.state === 'done' && !piece.details.from && childrenOf(items, piece.id).length === 0;
}

export function editOf(items: Items, pieces: readonly Message[], text: string): Edit {
    const before = textOf(pieces);
    if (before === text) return {do: 'nothing'};
    const common = commonStart(before, text);
    const last = pieces.at(-1);
    const lastStart = before.length - (last?.content.length ?? 0);
    if (isOwn(items, last) && common >= lastStart) return {do: 'rewrite', piece: last.id, content: text.slice(lastStart)};
    if (common === before.length) return {do: 'branch', parent: last?.id ?? null, content: text.slice(common)};
    let start = 0;
    for (const piece of pieces) {
        if (common < start + piece.content.length) {
            const kept = common - start;
            return {do: 'branch', parent: piece.parent, content: text.slice(start), ...(kept ? {from: {message: piece.id, characters: kept}} : {})};
        }
        start += piece.content.length;
    }
    return {do: 'nothing'};
}

/** Where to generate: the piece that ends at the cursor, or what has to be made so that one does. */
export type Place = {at: 'piece'; piece: string | null} | {at: 'cut'; piece: string; own: boolean; parent: string | null; head: string};

export function placeAt(items: Items, pieces: readonly Message[], cursor: number): {place: Place; before: string; after: string} {
    const text = textOf(pieces);
    const before = text.slice(0, cursor);
    const after = text.slice(cursor);
    let start = 0;
    let last: string | null = null;
    for (const piece of pieces) {
        if (cursor <= start && start > 0) break;
        const end = start + piece.content.length;
        if (cursor < end && cursor > start) {
            const own = isOwn(items, piece);
            return {place: {at: 'cut', piece: piece.id, own, parent: piece.parent, head: piece.content.slice(0, cursor - start)}, before, after};
        }
        if (cursor <= start) break;
        last = piece.id;
        start = end;
    }
    return {place: {at: 'piece', piece: last}, before, after};
}

/** What can be undone. `was` and `is` of each: the leaf that is shown, the text of a piece, whether a piece is there. */
export type Step =
    | {of: 'leaf'; was: string | null; is: string | null}
    | {of: 'content'; piece: string; was: string; is: string}
    | {of: 'presence'; piece: string; was: boolean; is: boolean};

/** Steps that are undone together, and when they were made. */
export interface Stride {
    steps: readonly Step[];
    at: number;
}

export interface History {
    past: readonly Stride[];
    future: readonly Stride[];
}

export const kNoHistory: History = {past: [], future: []};
const kMostStrides = 1000;
const kTypingPause = 1200;  // ms

/** Typing without a pause is one stride. */
export function noted(history: History, steps: readonly Step[], at: number): History {
    const last = history.past.at(-1);
    const [step] = steps;
    const [before] = last?.steps.slice(-1) ?? [];
    if (last && step && before && steps.length === 1 && step.of === 'content' && before.of === 'content' && step.piece === before.piece &&
        at - last.at < kTypingPause) {
        const joined = {steps: [...last.steps.slice(0, -1), {...before, is: step.is}], at};
        return {past: [...history.past.slice(0, -1), joined], future: []};
    }
    return {past: [...history.past, {steps, at}].slice(-kMostStrides), future: []};
}

export function reversed(steps: readonly Step[]): Step[] {
    return steps.map((step) => ({...step, was: step.is, is: step.was}) as Step).reverse();
}

/** The steps to take, and the history when they are taken; null where there is nothing to undo. */
export function undone({past, future}: History): {steps: Step[]; history: History} | null {
    const last = past.at(-1);
    return last ? {steps: reversed(last.steps), history: {past: past.slice(0, -1), future: [...future, last]}} : null;
}

export function redone({past, future}: History): {steps: readonly Step[]; history: History} | null {
    const next = future.at(-1);
    return next ? {steps: next.steps, history: {past: [...past, {...next, at: 0}], future: future.slice(0, -1)}} : null;
}
