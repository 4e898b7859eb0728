// The tree of a conversation's messages. A thread is the way from a root to a leaf.

import type {Message} from './types';

export type Items = ReadonlyMap<string, Message>;

/** In the order in which they were made: those of one millisecond stand in the order of the server's list. */
export function childrenOf(items: Items, parent: string | null): Message[] {
    const found: Message[] = [];
    for (const message of items.values()) if (message.parent === parent) found.push(message);
    return found.sort((a, b) => a.created - b.created);
}

/** From the root to this message; empty where it is not known. */
export function threadTo(items: Items, leaf: string | null): Message[] {
    const thread: Message[] = [];
    const seen = new Set<string>();
    for (let at = leaf; at !== null && !seen.has(at);) {
        seen.add(at);
        const message = items.get(at);
        if (!message) break;
        thread.push(message);
        at = message.parent;
    }
    return thread.reverse();
}

/** Messages that stand where this one stands, itself among them. */
export function siblingsOf(items: Items, message: Message): Message[] {
    return childrenOf(items, message.parent).filter(({role}) => (role === 'user') === (message.role === 'user'));
}

/** Down from here, always to the newest child. */
export function leafBelow(items: Items, from: string): string {
    const newest = new Map<string, Message>();
    for (const message of items.values()) {
        if (message.parent === null) continue;
        const other = newest.get(message.parent);
        if (!other || message.created >= other.created) newest.set(message.parent, message);
    }
    let at = from;
    for (let next; (next = newest.get(at)); at = next.id);
    return at;
}

/** The message and all below it. */
export function subtree(items: Items, root: string): Set<string> {
    const inside = new Set([root]);
    for (let grew = true; grew;) {
        grew = false;
        for (const {id, parent} of items.values()) {
            if (parent === null || !inside.has(parent) || inside.has(id)) continue;
            inside.add(id);
            grew = true;
        }
    }
    return inside;
}

/** What is shown where `current` names nothing: the newest leaf. */
export function newestLeaf(items: Items): string | null {
    let newest: Message | null = null;
    for (const message of items.values()) if (!newest || message.created > newest.created) newest = message;
    return newest && leafBelow(items, newest.id);
}

/** What is shown when a message and all below it go: a neighbour's leaf, or its parent. */
export function leafWithout(items: Items, gone: Message): string | null {
    const siblings = siblingsOf(items, gone);
    const at = siblings.findIndex(({id}) => id === gone.id);
    const neighbour = siblings[at - 1] ?? siblings[at + 1];
    return neighbour ? leafBelow(items, neighbour.id) : gone.parent;
}

export function titleOf(text: string): string {
    const line = text.trim().split('\n', 1)[0]!.replace(/\s+/g, ' ').trim();
    const characters = [...line];
    return characters.length > 60 ? `${characters.slice(0, 59).join('')}…` : line;
}
