// Charts as SVG without a library. Colours are set as attributes, so that a saved file keeps them; a view draws its
// charts again when the theme changes.

import {showTip} from './chart_card';
import {append, type Child} from './dom';
import {colour, cueOf} from './palette';
import {plainText} from './text';

const kNamespace = 'http://www.w3.org/2000/svg';

/** s('line', {x1: 0, ...}, children): an SVG element; texts become text nodes. */
export function s<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes?: Record<string, string | number | null | undefined> | null, ...children: Child[]): SVGElementTagNameMap[Tag] {
    const element = document.createElementNS(kNamespace, tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value !== null && value !== undefined) element.setAttribute(name, String(value));
    }
    return append(element, children);
}

export function chart(width: number, height: number, description: string, ...children: Child[]): SVGSVGElement {
    return s('svg', {xmlns: kNamespace, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': plainText(description),
                     'font-family': 'system-ui, sans-serif', 'font-size': 12.5, fill: colour('ink')}, ...children);
}

/** Shows `text` while the pointer is over the element. */
export function withTip<E extends SVGElement>(element: E, text: string): E {
    element.addEventListener('pointerenter', (event) => showTip(event, text));
    element.addEventListener('pointerleave', (event) => showTip(event, null));
    return element;
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1, dash: string | null = null): SVGLineElement {
    return s('line', {x1, y1, x2, y2, stroke, 'stroke-width': width, 'stroke-dasharray': dash, 'stroke-linecap': 'round'});
}

export function text(x: number, y: number, anchor: 'start' | 'middle' | 'end', content: string | number, fill = colour('ink')): SVGTextElement {
    return s('text', {x, y, 'text-anchor': anchor, fill}, content);
}

const kShapes: readonly ((x: number, y: number, r: number) => string)[] = [
    (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    (x, y, r) => `M${x},${y - 1.25 * r}l${1.2 * r},${2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x},${y - 1.35 * r}l${1.35 * r},${1.35 * r}l${-1.35 * r},${1.35 * r}l${-1.35 * r},${-1.35 * r}Z`,
    (x, y, r) => `M${x},${y + 1.25 * r}l${1.2 * r},${-2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x - r},${y - r / 3}h${2 * r}v${r * .66}h${-2 * r}Z`,
];

/** The mark of run `index`: with its colour another one for each. */
export function mark(x: number, y: number, index: number, fill: string, radius = 4): SVGPathElement {
    return s('path', {d: kShapes[cueOf(index)](x, y, radius), fill, stroke: colour('surface'), 'stroke-width': 1});
}
