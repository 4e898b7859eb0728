// Elements without markup: every text that comes from a model or a file goes in as a text node, so that it can never
// become an element, an attribute or a script.

/** h('p.note', {title: 'x', onclick: f}, 'text', child): an element; strings become text nodes, null is left out. */
export function h(selector, properties, ...children) {
    const [tag, ...classes] = selector.split('.');
    const element = document.createElement(tag || 'div');
    if (classes.length) element.className = classes.join(' ');
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else if (name === 'value' || name === 'checked') element[name] = value;
        else element.setAttribute(name, value === true ? '' : String(value));
    }
    append(element, children);
    return element;
}

export function append(element, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
}

const kInvisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

function codePoint(character) {
    return `‹${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}›`;
}

/** A token as a label: spaces, line breaks and characters that nobody can see are made visible. */
export function visibleToken(text) {
    if (text === '') return '∅';
    return text.replace(/^ +| +$/g, (spaces) => '␣'.repeat(spaces.length))
        .replace(/\n/g, '↵')
        .replace(/\t/g, '⇥')
        .replace(kInvisible, codePoint);
}

/** A token inside running text: line breaks stay and are marked; direction overrides and their like are spelt out. */
export function runningToken(text) {
    return text.replace(/\n/g, '↵\n').replace(kInvisible, codePoint);
}

export function formatCount(value) {
    return value.toLocaleString('en-US');
}

/** 0.1234 -> "12.3 %"; a probability too small for a decimal keeps its power of ten. */
export function formatPercent(value, digits = 1) {
    if (!Number.isFinite(value)) return '–';
    const percent = 100 * value;
    if (percent > 0 && percent < 0.5 * 10 ** -digits) {
        return percent < 1e-4 ? `${percent.toExponential(0)} %` : `${Number(percent.toPrecision(1))} %`;
    }
    return `${percent.toFixed(digits)} %`;
}

export function formatNumber(value, digits = 3) {
    if (!Number.isFinite(value)) return '–';
    if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toExponential(1);
    return value.toFixed(digits);
}

/** Running text: what cannot be seen is spelt out, line breaks and tabs stay. */
export function plainText(text) {
    return text.replace(kInvisible, codePoint);
}

/** Text nodes, and a mark element around every occurrence of `wanted` (letters' case does not matter). */
export function markedText(text, wanted) {
    const plain = plainText(text);
    const nodes = [];
    const lower = plain.toLowerCase();
    let from = 0;
    // A lower-case text can have another length ("İ"): then positions do not fit, and nothing is marked.
    if (wanted && lower.length === plain.length) {
        for (let found; (found = lower.indexOf(wanted.toLowerCase(), from)) >= 0; from = found + wanted.length) {
            nodes.push(plain.slice(from, found), h('mark', null, plain.slice(found, found + wanted.length)));
        }
    }
    nodes.push(plain.slice(from));
    return nodes;
}
