// What people do in a document of Write. Every change is noted, so that it can be undone.

import {addMessages, ask, changing, ensure, forgetMessage, load, report, restoreMessage, setCurrent} from './actions';
import {api} from './api/client';
import {store} from './app';
import {editOf, type History, kNoHistory, noted, placeAt, redone, type Step, textOf, undone} from './model/document';
import {textRequest} from './model/requests';
import {currentOf} from './model/state';
import {childrenOf, leafBelow, leafWithout, threadTo, titleOf} from './model/thread';
import type {Conversation, Message, WriteSettings} from './model/types';

const histories = new Map<string, History>();

export function historyOf(id: string | undefined): History {
    return (id !== undefined && histories.get(id)) || kNoHistory;
}

function note(id: string, steps: readonly Step[]): void {
    histories.set(id, noted(historyOf(id), steps, Date.now()));
}

/** Changes of one document are made one after the other. */
let queue: Promise<unknown> = Promise.resolve();

function inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = queue.then(run);
    queue = result.catch(() => undefined);
    return result;
}

function open(): Conversation {
    const conversation = currentOf(store.get());
    if (!conversation) throw new Error('This document is not loaded yet.');
    return conversation;
}

function piecesOf(conversation: Conversation): Message[] {
    return threadTo(conversation.items, conversation.current);
}

async function rewrite(id: string, piece: Message, content: string): Promise<void> {
    store.dispatch({do: 'messages', id, messages: [{...piece, content}]});
    await changing(id, () => api.changeMessage(id, piece.id, {content}));
}

/** What was typed becomes a part of the tree. */
export function keepText(text: string): Promise<void> {
    return inTurn(() => keep(text)).catch(report);
}

async function keep(text: string): Promise<void> {
    if (!currentOf(store.get())) {
        if (text === '') return;
        await ensure(titleOf(text) || 'Untitled');
    }
    const conversation = open();
    const {id, current} = conversation;
    const edit = editOf(conversation.items, piecesOf(conversation), text);
    if (edit.do === 'nothing') return;
    if (edit.do === 'rewrite') {
        const piece = conversation.items.get(edit.piece)!;
        note(id, [{of: 'content', piece: piece.id, was: piece.content, is: edit.content}]);
        await rewrite(id, piece, edit.content);
        return;
    }
    const [made] = await addMessages(id, [{parent: edit.parent, role: 'text', content: edit.content, ...(edit.from ? {details: {from: edit.from}} : {})}]);
    if (made) note(id, [{of: 'leaf', was: current, is: made.id}]);
}

/** Continues at the cursor, in several ways; what stands behind it stays behind each of them. */
export function generate(text: string, cursor: number, settings: WriteSettings): Promise<void> {
    return inTurn(async () => {
        await keep(text);
        const conversation = open();
        const {id, current} = conversation;
        const {place, before, after} = placeAt(conversation.items, piecesOf(conversation), cursor);
        const steps: Step[] = [];
        let parent = place.piece;
        if (place.at === 'cut') {
            const piece = conversation.items.get(place.piece)!;
            if (place.own) {
                steps.push({of: 'content', piece: piece.id, was: piece.content, is: place.head});
                await rewrite(id, piece, place.head);
            } else {
                const [head] = await addMessages(id, [{parent: place.parent, role: 'text', content: place.head,
                                                       details: {from: {message: piece.id, characters: place.head.length}}}], false);
                parent = head?.id ?? null;
            }
        }
        const made = await ask(id, {parent, ...textRequest(before, settings.model, settings.sampling), count: settings.count});
        if (after && made.length) {
            const tails = await addMessages(id, made.map((answer) => ({parent: answer.id, role: 'text' as const, content: after})), false);
            const first = tails.find((tail) => tail.parent === made[0]!.id);
            if (first) await setCurrent(id, first.id);
        }
        note(id, [...steps, {of: 'leaf', was: current, is: store.get().open.get(id)?.current ?? null}]);
    }).catch(report);
}

/** Another candidate in the place of a token of a generated piece, and on from there. */
export function generateFrom(piece: Message, kept: string, chosen: string, before: string, settings: WriteSettings): Promise<void> {
    return inTurn(async () => {
        const {id, current} = open();
        const [made] = await ask(id, {parent: piece.parent, ...textRequest(before + kept + chosen, settings.model, settings.sampling), count: 1,
                                      content: kept + chosen, details: {from: {message: piece.id, characters: kept.length, chosen}}});
        if (made) note(id, [{of: 'leaf', was: current, is: made.id}]);
    }).catch(report);
}

/** Shows the way through this piece. */
export function showPiece(piece: string): Promise<void> {
    return inTurn(async () => {
        const {id, current, items} = open();
        const leaf = leafBelow(items, piece);
        if (leaf === current) return;
        note(id, [{of: 'leaf', was: current, is: leaf}]);
        await setCurrent(id, leaf);
    }).catch(report);
}

/** Shows the way to this piece and no further. */
export function showUpTo(piece: string | null): Promise<void> {
    return inTurn(async () => {
        const {id, current} = open();
        note(id, [{of: 'leaf', was: current, is: piece}]);
        await setCurrent(id, piece);
    }).catch(report);
}

export function removePiece(piece: Message): Promise<void> {
    return inTurn(async () => {
        const {id, current, items} = open();
        const leaf = leafWithout(items, piece);
        const isShown = threadTo(items, current).some((shown) => shown.id === piece.id);
        const next = isShown ? (leaf === null ? null : leafBelow(items, leaf)) : current;
        note(id, [{of: 'presence', piece: piece.id, was: true, is: false}, {of: 'leaf', was: current, is: next}]);
        store.dispatch({do: 'gone', id, message: piece.id, current: next});
        await forgetMessage(id, piece.id);
    }).catch(report);
}

async function take(steps: readonly Step[]): Promise<void> {
    const {id} = open();
    for (const step of steps) {
        if (step.of === 'leaf') {
            await setCurrent(id, step.is);
        } else if (step.of === 'content') {
            const piece = store.get().open.get(id)?.items.get(step.piece);
            if (piece) await rewrite(id, piece, step.is);
        } else if (step.is) {
            await restoreMessage(id, step.piece, open().current);
        } else {
            await changing(id, () => api.removeMessage(id, step.piece));
            await load(id);
        }
    }
}

/** One stride of the history, there or back. */
function walk(way: typeof undone | typeof redone): Promise<void> {
    return inTurn(async () => {
        const next = way(historyOf(open().id));
        if (!next) return;
        histories.set(open().id, next.history);
        await take(next.steps);
    }).catch(report);
}

export function undo(): Promise<void> {
    return walk(undone);
}

export function redo(): Promise<void> {
    return walk(redone);
}

/** The alternatives around the end of what is shown: the children of the last place with several. */
export function continuationsOf(conversation: Conversation | null): Message[] {
    if (!conversation) return [];
    const pieces = piecesOf(conversation);
    for (let at = pieces.length - 1; at >= 0; --at) {
        const siblings = childrenOf(conversation.items, pieces[at]!.parent);
        if (siblings.length > 1) return siblings;
    }
    return [];
}

export function textNow(conversation: Conversation | null): string {
    return conversation ? textOf(piecesOf(conversation)) : '';
}
