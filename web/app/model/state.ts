// The state of the page and how actions change it. Pure: no clock, no network, no document.

import {withOurs} from './merge';
import {leafBelow, newestLeaf, subtree} from './thread';
import type {Conversation, Kind, Listed, Message, Model, Prompt, Settings} from './types';

export type View = Settings['view'];

/** What the address names: a conversation, or a new one that the server does not know yet. */
export type Route = {at: 'start'} | {at: 'new'; view: View} | {at: 'conversation'; id: string};

/** An answer that is being written, as far as it has come. */
export interface Live {
    text: string;
    tokens: number;
    began: number;        // ms, this page's clock
    first: number | null;
    last: number | null;
    lost: boolean;        // the connection, for now
}

export interface Toast {
    id: number;
    text: string;
    kind: 'note' | 'error';
    undo: (() => void) | null;
}

export type Dialog = {name: 'keys'} | {name: 'exact'; conversation: string; message: string} | {name: 'bin'} | null;

export interface State {
    server: 'starting' | 'ready' | 'locked' | 'away';
    models: readonly Model[];
    prompts: readonly Prompt[];
    keeps: boolean;       // conversations survive a restart of the server
    route: Route;
    /** Settings of a conversation that has not begun. */
    draft: Settings | null;
    list: readonly Listed[];
    next: string | null;
    query: string;
    listed: boolean;
    open: ReadonlyMap<string, Conversation>;
    missing: ReadonlySet<string>;
    live: ReadonlyMap<string, Live>;
    toasts: readonly Toast[];
    dialog: Dialog;
    drawer: boolean;      // of a narrow window
}

export const kStart: State = {
    server: 'starting', models: [], prompts: [], keeps: true, route: {at: 'start'}, draft: null, list: [], next: null, query: '',
    listed: false, open: new Map(), missing: new Set(), live: new Map(), toasts: [], dialog: null, drawer: false,
};

export type Action =
    | {do: 'server'; is: State['server']}
    | {do: 'offer'; models: readonly Model[]; prompts: readonly Prompt[]}
    | {do: 'go'; to: Route; draft?: Settings | null}
    | {do: 'draft'; settings: Settings}
    | {do: 'list'; items: readonly Listed[]; next: string | null; query: string; more: boolean}
    | {do: 'query'; query: string}
    | {do: 'conversation'; value: Conversation}
    | {do: 'missing'; id: string}
    | {do: 'forget'; id: string}
    | {do: 'change'; id: string; change: Partial<Pick<Conversation, 'title' | 'settings' | 'kept' | 'current' | 'revision' | 'updated'>>}
    | {do: 'messages'; id: string; messages: readonly Message[]; current?: string}
    | {do: 'gone'; id: string; message: string; current: string | null}
    | {do: 'live'; message: string; live: Live}
    | {do: 'ended'; id: string; message: Message}
    | {do: 'toast'; toast: Toast}
    | {do: 'untoast'; id: number}
    | {do: 'dialog'; dialog: Dialog}
    | {do: 'drawer'; open: boolean};

function withEntry<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value): Map<Key, Value> {
    return new Map(map).set(key, value);
}

function without<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): ReadonlyMap<Key, Value> {
    if (!map.has(key)) return map;
    const copy = new Map(map);
    copy.delete(key);
    return copy;
}

function changeConversation(state: State, id: string, change: (old: Conversation) => Conversation): State {
    const old = state.open.get(id);
    if (!old) return state;
    const value = change(old);
    const list = state.list.map((entry) => entry.id === id ? listedOf(value, entry) : entry);
    return {...state, open: withEntry(state.open, id, value), list};
}

function listedOf(value: Conversation, entry: Listed): Listed {
    if (entry.title === value.title && entry.messages === value.items.size && entry.updated === value.updated) return entry;
    return {...entry, title: value.title, messages: value.items.size, updated: value.updated};
}

export function reduce(state: State, action: Action): State {
    switch (action.do) {
        case 'server': return state.server === action.is ? state : {...state, server: action.is};
        case 'offer': return {...state, models: action.models, prompts: action.prompts, server: 'ready'};
        case 'go': return {...state, route: action.to, drawer: false, dialog: null, draft: action.draft === undefined ? state.draft : action.draft};
        case 'draft': return {...state, draft: action.settings};
        case 'list': {
            if (action.query !== state.query) return state;  // an answer to what nobody asks any more
            const known = new Set(action.items.map(({id}) => id));
            const items = action.more ? [...state.list.filter(({id}) => !known.has(id)), ...action.items] : action.items;
            return {...state, list: items, next: action.next, listed: true};
        }
        case 'query': return {...state, query: action.query};
        case 'conversation': {
            const {value} = action;
            const current = value.current && value.items.has(value.current) ? value.current : newestLeaf(value.items);
            const live = new Map(state.live);
            for (const message of value.items.values()) if (message.state !== 'writing') live.delete(message.id);
            const list = state.list.map((entry) => entry.id === value.id ? listedOf(value, entry) : entry);
            const old = state.open.get(value.id);
            // What was changed here and is not kept yet stays.
            const settings = old ? withOurs(old.kept, old.settings, value.settings) : value.settings;
            return {...state, open: withEntry(state.open, value.id, {...value, current, settings}), live, list};
        }
        case 'missing': return {...state, open: without(state.open, action.id), missing: new Set([...state.missing, action.id])};
        case 'forget': return {...state, open: without(state.open, action.id), list: state.list.filter(({id}) => id !== action.id)};
        case 'change': return changeConversation(state, action.id, (old) => ({...old, ...action.change}));
        case 'messages':
            return changeConversation(state, action.id, (old) => {
                const items = new Map(old.items);
                for (const message of action.messages) items.set(message.id, message);
                return {...old, items, current: action.current ?? old.current};
            });
        case 'gone':
            return changeConversation(state, action.id, (old) => {
                const gone = subtree(old.items, action.message);
                const items = new Map([...old.items].filter(([id]) => !gone.has(id)));
                const {current} = action;
                return {...old, items, current: current === null ? null : leafBelow(items, current)};
            });
        case 'live': return {...state, live: withEntry(state.live, action.message, action.live)};
        case 'ended': {
            const next = changeConversation(state, action.id,
                                            (old) => old.items.has(action.message.id)
                                                ? {...old, items: withEntry(old.items, action.message.id, action.message)} : old);
            return {...next, live: without(state.live, action.message.id)};
        }
        case 'toast': {
            const {toast} = action;
            if (state.toasts.some(({id}) => id === toast.id)) return {...state, toasts: state.toasts.map((other) => other.id === toast.id ? toast : other)};
            const others = state.toasts.filter(({text}) => text !== toast.text);
            return {...state, toasts: [...others.slice(-3), toast]};
        }
        case 'untoast': return {...state, toasts: state.toasts.filter(({id}) => id !== action.id)};
        case 'dialog': return {...state, dialog: action.dialog};
        case 'drawer': return {...state, drawer: action.open};
    }
}

/** "#/c/ID", "#/new/write"; whatever else is the start. An address never sends anything. */
export function routeOf(hash: string): Route {
    const [, place, rest] = hash.split('/');
    if (place === 'c' && rest && /^[A-Za-z0-9_-]{1,64}$/.test(rest)) return {at: 'conversation', id: rest};
    if (place === 'new' && (rest === 'chat' || rest === 'compare' || rest === 'write' || rest === 'workshop')) return {at: 'new', view: rest};
    return {at: 'start'};
}

export function addressOf(route: Route): string {
    if (route.at === 'conversation') return `#/c/${route.id}`;
    return route.at === 'new' ? `#/new/${route.view}` : '#/';
}

export const kKindOfView: Record<View, Kind> = {chat: 'chat', compare: 'chat', write: 'text', workshop: 'prompt'};

export function currentOf(state: State): Conversation | null {
    return state.route.at === 'conversation' ? state.open.get(state.route.id) ?? null : null;
}
