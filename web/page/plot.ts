// What the charts share: numbers for axes, legends, labels that do not collide, patterns.

import type {Child} from './dom';
import {colour, cueOf} from './palette';
import {line, mark, s, text} from './svg';

export const kFontSize = 12.5;          // px, of everything in a chart
const kCharacterWidth = 0.56 * kFontSize;

/** About as wide as the text is drawn, in px. */
export function textWidth(content: string): number {
    return content.length * kCharacterWidth;
}

export function shortened(content: string, width: number): string {
    const most = Math.max(3, Math.floor(width / kCharacterWidth));
    return content.length <= most ? content : `${content.slice(0, most - 1)}…`;
}

/** Round numbers from 0 to at least `most`, about `count` of them. */
export function niceTicks(most: number, count = 4): number[] {
    if (!(most > 0)) return [0, 1];
    const raw = most / count;
    const magnitude = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= raw)!;
    return Array.from({length: Math.ceil(most / step - 1e-9) + 1}, (_, i) => Number((i * step).toPrecision(12)));
}

/** Moves heights apart until neighbours are `gap` apart, inside [low, high] where that is possible; in the given order. */
export function spreadApart(wanted: readonly number[], gap: number, [low, high]: readonly [number, number]): number[] {
    const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
    const placed = [...wanted];
    order.forEach((i, rank) => { placed[i] = Math.max(placed[i], rank ? placed[order[rank - 1]] + gap : low); });
    for (let rank = order.length - 1, limit = high; rank >= 0; --rank, limit -= gap) placed[order[rank]] = Math.min(placed[order[rank]], limit);
    return placed;
}

export interface LegendEntry {
    label: string;
    index: number;
    fill: string;
    dash: string;
}

/** Names with their samples in rows of at most `width`; `sample(entry, x, y)` draws 28 px. */
export function legendRows(entries: readonly LegendEntry[], x: number, y: number, width: number,
                           sample: (entry: LegendEntry, x: number, y: number) => Child): {element: SVGGElement; height: number} {
    let [left, top] = [x, y];
    const parts = entries.map((entry) => {
        const label = shortened(entry.label, Math.min(230, width - 40));
        const needed = 36 + textWidth(label) + 16;
        if (left > x && left + needed > x + width) [left, top] = [x, top + 20];
        const part = [sample(entry, left, top), text(left + 36, top + 4, 'start', label)];
        left += needed;
        return part;
    });
    return {element: s('g', null, parts), height: top - y + 20};
}

export function lineSample({index, fill, dash}: LegendEntry, x: number, y: number): Child {
    return [line(x, y, x + 28, y, fill, 2, dash), mark(x + 14, y, index, fill)];
}

// A second cue beside colour: plain, stripes one way, the other way, dots, bars, a grid.
const kPatterns: readonly ((ink: string) => Child)[] = [
    () => null,
    (ink) => s('path', {d: 'M-2,2l4,-4M0,8l8,-8M6,10l4,-4', stroke: ink, 'stroke-width': 2.4}),
    (ink) => s('circle', {cx: 4, cy: 4, r: 1.9, fill: ink}),
    (ink) => s('path', {d: 'M0,4h8', stroke: ink, 'stroke-width': 2.6}),
    (ink) => s('path', {d: 'M-2,6l4,4M0,0l8,8M6,-2l4,4', stroke: ink, 'stroke-width': 2.4}),
    (ink) => s('path', {d: 'M0,4h8M4,0v8', stroke: ink, 'stroke-width': 1.8}),
];

let patterns = 0;

/** A fill that differs by pattern and colour: its definition, and the value of a fill attribute. */
export function patternFill(index: number, fill: string): {definition: Child; value: string} {
    const drawn = kPatterns[cueOf(index)](colour('surface'));
    if (!drawn) return {definition: null, value: fill};
    const id = `pattern-${++patterns}`;
    return {definition: s('pattern', {id, width: 8, height: 8, patternUnits: 'userSpaceOnUse'}, s('rect', {width: 8, height: 8, fill}), drawn),
            value: `url(#${id})`};
}
