// What people do: each function changes the state, tells the server, and says so where that fails.

import {complain, store, toast} from './app';
import {api, ApiError, forgetKey, isAway, type NewAnswer, type NewMessage, storeKey, type WireConversation} from './api/client';
import {follow} from './api/follow';
import {inherited, ownLog} from './api/tokens';
import {readSettings, kindOf, usualSettings} from './model/settings';
import {addressOf, currentOf, type Live, type Route, routeOf, type State} from './model/state';
import {leafBelow, leafWithout, siblingsOf, titleOf} from './model/thread';
import type {Conversation, Listed, Message, Settings} from './model/types';

const kPage = 50;  // conversations in one reply

// Other tabs

const channel = new BroadcastChannel('urial');

function tellTabs(id: string): void {
    channel.postMessage({id});
}

channel.onmessage = (event: MessageEvent<{id?: unknown}>) => {
    const id = event.data?.id;
    void refreshList();
    if (typeof id === 'string' && store.get().open.has(id)) void load(id);
};

// Conversations

function conversationOf(wire: WireConversation): Conversation {
    const items = new Map(wire.wireMessages.map((message) => [message.id, message]));
    const settings = readSettings(wire.kind, wire.settings, store.get());
    return {...wire, items, settings, kept: settings};
}

/** Changes that this page makes: how many are under way, how many there were, and how many of them the revision counts. */
interface Changes {
    running: number;
    count: number;
    read: number;
}

const changes = new Map<string, Changes>();

function changesOf(id: string): Changes {
    let own = changes.get(id);
    if (!own) changes.set(id, own = {running: 0, count: 0, read: 0});
    return own;
}

/** Runs a change of a conversation, so that a reply from before it is not taken for the state after it. */
export async function changing<Result>(id: string, run: () => Promise<Result>): Promise<Result> {
    const own = changesOf(id);
    ++own.running;
    ++own.count;
    try {
        return await run();
    } finally {
        --own.running;
    }
}

const kChangePause = 30;  // ms

/** The conversation as the server has it while this page changes nothing. */
async function getSettled(id: string): Promise<WireConversation> {
    const own = changesOf(id);
    for (;;) {
        const {count} = own;
        const wire = await api.conversation(id);
        if (own.running === 0 && own.count === count) {
            own.read = count;
            return wire;
        }
        await new Promise((resume) => setTimeout(resume, kChangePause));
    }
}

const loading = new Map<string, Promise<void>>();

/** Gets a conversation anew, and takes up the answers that are being written. */
export function load(id: string): Promise<void> {
    const running = loading.get(id);
    if (running) return running;
    const load = getSettled(id).then((wire) => {
        store.dispatch({do: 'conversation', value: conversationOf(wire)});
        for (const message of wire.wireMessages) if (message.state === 'writing') takeUp(id, message);
    }, (failure: unknown) => {
        if (failure instanceof ApiError && failure.status === 404) store.dispatch({do: 'missing', id});
        else report(failure);
    }).finally(() => loading.delete(id));
    loading.set(id, load);
    return load;
}

/** A server that is away is waited for; a missing key is asked for; anything else is shown. */
export function report(failure: unknown): void {
    if (failure instanceof ApiError && failure.status === 401) {
        store.dispatch({do: 'server', is: 'locked'});
    } else if (isAway(failure)) {
        if (store.get().server === 'ready') store.dispatch({do: 'server', is: 'away'});
        void reach();
    } else {
        complain(failure);
    }
}

let listing = new AbortController();

/** What was asked for before it is not waited for. */
export async function refreshList(): Promise<void> {
    const {query} = store.get();
    listing.abort();
    const own = listing = new AbortController();
    try {
        const {items, next} = await api.list({q: query, limit: kPage}, own.signal);
        store.dispatch({do: 'list', items, next, query, more: false});
    } catch (failure) {
        if (!own.signal.aborted) report(failure);
    }
}

export async function moreOfList(): Promise<void> {
    const {query, next} = store.get();
    if (!next) return;
    try {
        const reply = await api.list({q: query, limit: kPage, cursor: next});
        store.dispatch({do: 'list', items: reply.items, next: reply.next, query, more: true});
    } catch (failure) {
        report(failure);
    }
}

const kSearchPause = 25;  // ms
let searchTimer = 0;

export function search(query: string): void {
    store.dispatch({do: 'query', query});
    clearTimeout(searchTimer);
    searchTimer = window.setTimeout(() => void refreshList(), kSearchPause);
}

// The server

let reaching: Promise<void> | null = null;

/** Asks until the server answers. */
export function reach(): Promise<void> {
    reaching ??= (async () => {
        for (let pause = 300;; pause = Math.min(2 * pause, 4000)) {
            try {
                const [models, prompts] = await Promise.all([api.models(), api.prompts()]);
                store.dispatch({do: 'offer', models, prompts});
                return;
            } catch (failure) {
                if (failure instanceof ApiError && failure.status === 401) return store.dispatch({do: 'server', is: 'locked'});
                if (!isAway(failure)) complain(failure);
                if (store.get().server === 'ready') store.dispatch({do: 'server', is: 'away'});
                await new Promise((resume) => setTimeout(resume, pause));
            }
        }
    })().finally(() => { reaching = null; });
    return reaching;
}

async function arrive(): Promise<void> {
    const listed = refreshList();
    await reach();
    if (store.get().server !== 'ready') return;
    show(routeOf(location.hash));
    await listed;
    if (!store.get().listed) await refreshList();  // the server was away at first
}

export async function unlock(key: string, remember: boolean): Promise<void> {
    storeKey(key, remember);
    store.dispatch({do: 'server', is: 'starting'});
    await arrive();
    if (store.get().server === 'locked') {
        forgetKey();
        toast('The server does not accept this key.', {kind: 'error'});
    }
}

function show(route: Route, isFresh = false): void {
    const draft = route.at === 'new' ? usualSettings(route.view, store.get()) : null;
    store.dispatch({do: 'go', to: route, draft});
    if (route.at === 'conversation' && !isFresh) void load(route.id);
}

/** `isFresh`: the conversation has just been made here. */
export function go(route: Route, {replace = false, isFresh = false} = {}): void {
    const address = addressOf(route);
    if (address !== location.hash) history[replace ? 'replaceState' : 'pushState'](null, '', address);
    show(route, isFresh);
}

export function startPage(): void {
    addEventListener('hashchange', () => show(routeOf(location.hash)));
    addEventListener('popstate', () => show(routeOf(location.hash)));
    addEventListener('focus', () => {
        if (store.get().server === 'locked') return;
        void refreshList();
        const open = currentOf(store.get());
        if (open) void load(open.id);
    });
    addEventListener('pagehide', () => flushSettings());
    void arrive();
}

// Answers that are being written

const followed = new Map<string, AbortController>();

export function takeUp(id: string, message: Message): void {
    if (followed.has(message.id)) return;
    const aborter = new AbortController();
    followed.set(message.id, aborter);
    const log = ownLog(message.id);
    log.clear();
    log.become('coming');
    const beginning = message.details.from ? message.details.from.characters + (message.details.from.chosen?.length ?? 0) : 0;
    let live: Live = {text: message.content.slice(0, beginning), tokens: 0, began: Date.now(), first: null, last: null, lost: false};
    const tell = (change: Partial<Live>): void => {
        live = {...live, ...change};
        store.dispatch({do: 'live', message: message.id, live});
    };
    tell({});
    void (async () => {
        const items = store.get().open.get(id)?.items ?? new Map<string, Message>();
        log.add(await inherited(id, items, message));
        await follow(id, message.id, {
            signal: aborter.signal,
            onLost: (lost) => { if (lost !== live.lost) tell({lost}); },
            onChunk: ({text, positions}) => {
                const now = Date.now();
                log.add(positions);
                tell({text: live.text + text, tokens: live.tokens + (positions.length || (text ? 1 : 0)), first: live.first ?? now, last: now});
            },
        });
        followed.delete(message.id);
        if (!aborter.signal.aborted) await settle(id, message.id);
    })();
}

/** The end of an answer, as the server has it. */
async function settle(id: string, message: string): Promise<void> {
    try {
        const ended = await api.message(id, message);
        ++changesOf(id).count;
        const log = ownLog(message);
        log.settle(ended.content);
        log.become('whole');
        store.dispatch({do: 'ended', id, message: ended});
        tellTabs(id);
        void refreshList();
    } catch (failure) {
        if (failure instanceof ApiError && failure.status === 404) await load(id);
        else report(failure);
    }
}

export async function stop(message: string): Promise<void> {
    const id = idOfRoute();
    if (id) await api.stop(id, message).catch(report);
}

// A conversation is made when something is said in it

function idOfRoute(): string | null {
    const {route} = store.get();
    return route.at === 'conversation' ? route.id : null;
}

/** The settings that count now: of the conversation that is open, or of the one that is not begun. */
export function settingsNow(state: State = store.get()): Settings | null {
    return currentOf(state)?.settings ?? (state.route.at === 'new' ? state.draft : null);
}

/** The open conversation; a new one is made with this title. */
export async function ensure(title: string): Promise<Conversation> {
    const open = currentOf(store.get());
    if (open) return open;
    const settings = settingsNow();
    if (!settings) throw new Error('This conversation is not loaded yet.');
    return begin(settings, title);
}

/** Makes a conversation and shows it. */
export async function begin(settings: Settings, title: string): Promise<Conversation> {
    const made = conversationOf(await api.create(kindOf(settings), title, settings));
    store.dispatch({do: 'conversation', value: made});
    go({at: 'conversation', id: made.id}, {replace: store.get().route.at === 'new', isFresh: true});
    tellTabs(made.id);
    return store.get().open.get(made.id) ?? made;
}

/** Shows the new messages; the first or last of them becomes what is read. */
async function put(id: string, made: Message[], current: string | undefined): Promise<Message[]> {
    store.dispatch({do: 'messages', id, messages: made, ...(current === undefined ? {} : {current})});
    for (const message of made) if (message.state === 'writing') takeUp(id, message);
    if (current !== undefined) await api.change(id, {current});
    return made;
}

export async function addMessages(id: string, messages: NewMessage[], current = true): Promise<Message[]> {
    const made = await changing(id, async () => {
        const added = await api.addMessages(id, messages);
        return put(id, added, current ? added.at(-1)?.id : undefined);
    });
    tellTabs(id);
    return made;
}

export async function ask(id: string, answer: NewAnswer, current = true): Promise<Message[]> {
    const made = await changing(id, async () => {
        const asked = await api.answer(id, answer);
        return put(id, asked, current ? asked[0]?.id : undefined);
    });
    tellTabs(id);
    void refreshList();
    return made;
}

// Changes of a conversation

export async function setCurrent(id: string, current: string | null): Promise<void> {
    store.dispatch({do: 'change', id, change: {current}});
    await changing(id, () => api.change(id, {current})).catch(report);
    tellTabs(id);
}

export async function showSibling(conversation: Conversation, message: Message, step: 1 | -1): Promise<void> {
    const siblings = siblingsOf(conversation.items, message);
    const wanted = siblings[siblings.findIndex(({id}) => id === message.id) + step];
    if (wanted) await setCurrent(conversation.id, leafBelow(conversation.items, wanted.id));
}

export async function rename(id: string, title: string): Promise<void> {
    const clean = titleOf(title);
    if (!clean) return;
    store.dispatch({do: 'change', id, change: {title: clean}});
    await changing(id, () => api.change(id, {title: clean})).catch(report);
    tellTabs(id);
    void refreshList();
}

const waitingSettings = new Map<string, number>();  // timers
const kSettingsPause = 400;  // ms
const kMostConflicts = 4;

/** Shown at once, kept when they have not changed for a moment. */
export function setSettings(settings: Settings): void {
    const open = currentOf(store.get());
    if (!open) {
        store.dispatch({do: 'draft', settings});
        return;
    }
    store.dispatch({do: 'change', id: open.id, change: {settings}});
    clearTimeout(waitingSettings.get(open.id));
    waitingSettings.set(open.id, window.setTimeout(() => void keepSettings(open.id), kSettingsPause));
}

/** Sends what has changed here; what others have changed meanwhile is read first, and stays. A page that is left has no time for that. */
async function keepSettings(id: string, isLeft = false): Promise<void> {
    clearTimeout(waitingSettings.get(id));
    waitingSettings.delete(id);
    const own = changesOf(id);
    for (let conflicts = 0;; ++conflicts) {
        const isKnown = own.read === own.count;
        if (!isKnown && !isLeft) await load(id);
        const open = store.get().open.get(id);
        if (!open || open.settings === open.kept) return;
        const {settings, revision} = open;
        try {
            const {revision: now} = await changing(id, () => api.change(id, isKnown || !isLeft ? {settings, revision} : {settings}));
            own.read = own.count;
            store.dispatch({do: 'change', id, change: {kept: settings, revision: Number(now)}});
            return tellTabs(id);
        } catch (failure) {
            if (!(failure instanceof ApiError) || failure.status !== 409 || conflicts === kMostConflicts) return report(failure);
            ++own.count;
        }
    }
}

function flushSettings(): void {
    for (const id of [...waitingSettings.keys()]) void keepSettings(id, true);
}

export async function removeMessage(conversation: Conversation, message: Message): Promise<void> {
    const {id} = conversation;
    const was = conversation.current;
    store.dispatch({do: 'gone', id, message: message.id, current: leafWithout(conversation.items, message)});
    try {
        await forgetMessage(id, message.id);
        tellTabs(id);
        toast('The message is deleted.', {undo: () => void restoreMessage(id, message.id, was)});
    } catch (failure) {
        report(failure);
        await load(id);
    }
}

/** Tells the server that a message that is no longer shown is gone, and what is shown instead. */
export function forgetMessage(id: string, message: string): Promise<unknown> {
    return changing(id, async () => {
        await api.removeMessage(id, message);
        await api.change(id, {current: store.get().open.get(id)?.current ?? null});
    });
}

export async function restoreMessage(id: string, message: string, current: string | null): Promise<void> {
    try {
        await changing(id, async () => {
            await api.changeMessage(id, message, {deleted: false});
            await api.change(id, {current});
        });
    } catch (failure) {
        report(failure);
    }
    await load(id);
    tellTabs(id);
}

export async function removeConversation(listed: Pick<Listed, 'id' | 'title'>): Promise<void> {
    const {id} = listed;
    try {
        await api.remove(id);
    } catch (failure) {
        return report(failure);
    }
    store.dispatch({do: 'forget', id});
    if (idOfRoute() === id) go({at: 'start'}, {replace: true});
    tellTabs(id);
    toast(`“${listed.title || 'Untitled'}” is in the bin.`, {undo: () => void restoreConversation(id, true)});
}

export async function restoreConversation(id: string, andShow = false): Promise<void> {
    await api.change(id, {deleted: false}).catch(report);
    await refreshList();
    tellTabs(id);
    if (andShow) go({at: 'conversation', id});
}
