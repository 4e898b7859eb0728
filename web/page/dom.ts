// Elements without markup: every text that comes from a model or a file goes in as a text node, so that it can never
// become an element, an attribute or a script; and what nobody could see in it is spelt out.

import {plainText} from './text';

export type Child = Node | string | number | boolean | null | undefined | readonly Child[];

type Attribute = string | number | boolean | null | undefined;
type Handlers = {[Name in keyof HTMLElementEventMap as `on${Name}`]?: (event: HTMLElementEventMap[Name]) => void};
export type Properties = Handlers & {[attribute: string]: Attribute | ((event: never) => void)};

type TagOf<Selector extends string> = Selector extends `${infer Tag}.${string}` ? Tag : Selector;
export type ElementOf<Selector extends string> =
    TagOf<Selector> extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[TagOf<Selector>] : HTMLElement;

// Their texts are seen.
const kShownAttributes = new Set(['title', 'aria-label', 'placeholder', 'label', 'data-of']);

/** h('p.note', {title: 'x', onclick: f}, 'text', child): an element; strings become text nodes, null is left out. */
export function h<Selector extends string>(selector: Selector, properties?: Properties | null, ...children: Child[]): ElementOf<Selector> {
    const [tag, ...classes] = selector.split('.');
    const element = document.createElement(tag || 'div');
    if (classes.length) element.className = classes.join(' ');
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
        else if (name === 'value' || name === 'checked') Object.assign(element, {[name]: value});
        else element.setAttribute(name, value === true ? '' : kShownAttributes.has(name) ? plainText(String(value)) : String(value));
    }
    return append(element, children) as ElementOf<Selector>;
}

export function append<Parent extends Element>(element: Parent, children: readonly Child[]): Parent {
    for (const child of children) {
        if (child === null || child === undefined || typeof child === 'boolean') continue;
        if (Array.isArray(child)) append(element, child);
        else element.append(child instanceof Node ? child : document.createTextNode(plainText(String(child))));
    }
    return element;
}

/** Replaces what is in the element. */
export function fill<Parent extends Element>(element: Parent, ...children: Child[]): Parent {
    element.replaceChildren();
    return append(element, children);
}

/** A choice from a list of [value, title]. */
export function selectOf(label: string, options: readonly (readonly [string, string])[], onChange: (value: string) => void): HTMLSelectElement {
    const select = h('select', {'aria-label': label, onchange: () => onChange(select.value)},
        options.map(([value, title]) => h('option', {value}, title)));
    return select;
}

/** Texts, and a mark element around every occurrence of `wanted` (letters' case does not matter). */
export function markedText(text: string, wanted: string): Child[] {
    const plain = plainText(text);
    const nodes: Child[] = [];
    const lower = plain.toLowerCase();
    let from = 0;
    // A lower-case text can have another length ("İ"): then positions do not fit, and nothing is marked.
    if (wanted && lower.length === plain.length) {
        const sought = plainText(wanted).toLowerCase();
        for (let found; (found = lower.indexOf(sought, from)) >= 0; from = found + sought.length) {
            nodes.push(plain.slice(from, found), h('mark', null, plain.slice(found, found + sought.length)));
        }
    }
    nodes.push(plain.slice(from));
    return nodes;
}

const kTypingMs = 0;

/** A field of words; keys that come at once are heard once. */
export function searchField(label: string, onWords: (words: string) => void): HTMLInputElement {
    let typing = 0;
    const field = h('input', {type: 'search', placeholder: label, 'aria-label': label, oninput: () => {
        clearTimeout(typing);
        typing = window.setTimeout(() => onWords(field.value), kTypingMs);
    }});
    return field;
}
