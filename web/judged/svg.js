// Charts as SVG without a library. Colours are set as attributes, so that a saved file keeps them; a view draws its
// charts again when the theme changes.

import {append} from '../page/dom.js';
import {colour} from '../page/palette.js';
import {showTip} from '../page/chart_card.js';

const kNamespace = 'http://www.w3.org/2000/svg';

/** s('line', {x1: 0, ...}, children): an SVG element; texts become text nodes. */
export function s(tag, attributes, ...children) {
    const element = document.createElementNS(kNamespace, tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value !== null && value !== undefined) element.setAttribute(name, String(value));
    }
    return append(element, children);
}

export function chart(width, height, description, ...children) {
    return s('svg', {xmlns: kNamespace, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': description,
                     'font-family': 'system-ui, sans-serif', 'font-size': 12.5, fill: colour('ink')}, ...children);
}

/** Shows `text` while the pointer is over the element. */
export function withTip(element, text) {
    element.addEventListener('pointerenter', (event) => showTip(event, null, text));
    element.addEventListener('pointerleave', (event) => showTip(event, null, null));
    return element;
}

export function line(x1, y1, x2, y2, stroke, width = 1, dash = null) {
    return s('line', {x1, y1, x2, y2, stroke, 'stroke-width': width, 'stroke-dasharray': dash, 'stroke-linecap': 'round'});
}

export function text(x, y, anchor, content, fill = colour('ink')) {
    return s('text', {x, y, 'text-anchor': anchor, fill}, content);
}

const kShapes = [
    (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    (x, y, r) => `M${x},${y - 1.25 * r}l${1.2 * r},${2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x},${y - 1.35 * r}l${1.35 * r},${1.35 * r}l${-1.35 * r},${1.35 * r}l${-1.35 * r},${-1.35 * r}Z`,
    (x, y, r) => `M${x},${y + 1.25 * r}l${1.2 * r},${-2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x - r},${y - r / 3}h${2 * r}v${r * .66}h${-2 * r}Z`,
];

/** The mark of run `index`: another shape for each. */
export function mark(x, y, index, fill, radius = 4) {
    return s('path', {d: kShapes[index % kShapes.length](x, y, radius), fill, stroke: colour('surface'), 'stroke-width': 1});
}

/** Names of runs with their lines and marks, one under the other. */
export function legend(x, y, entries) {
    return entries.map(({label, index, fill, dash}, i) => [
        line(x, y + 20 * i, x + 30, y + 20 * i, fill, 2, dash), mark(x + 15, y + 20 * i, index, fill),
        text(x + 38, y + 20 * i + 4, 'start', label.length > 34 ? `${label.slice(0, 33)}…` : label)]);
}
