// How numbers look in tables. What is withheld or missing says so.

import {type Child, h} from '../page/dom';
import {formatCount} from '../page/text';
import type {Interval, Measure} from './data';

export function decimal(value: number | null | undefined, digits = 2): string {
    return value === null || value === undefined ? '–' : value.toFixed(digits).replace('-', '−');
}

/** A table cell with a number and its interval, [low, high] or null; `note` below. */
export function estimateCell(value: number | null | undefined, ci95: Interval | null | undefined, note: Child = null): HTMLElement {
    return h('td.number', null, h('b', null, decimal(value)),
             ci95 ? h('small', null, `${decimal(ci95[0])} – ${decimal(ci95[1])}`) : null, note);
}

/** A table of runs: columns of texts, columns of numbers, rows as elements. */
export function scoresTable(title: string, texts: readonly string[], numbers: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
    return h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': title}, h('table.scores', null,
        h('thead', null, h('tr', null, texts.map((name) => h('th', {scope: 'col'}, name)),
            numbers.map((name) => h('th.number', {scope: 'col'}, name)))),
        h('tbody', null, rows)));
}

/** A table cell with a mean, its interval and what could not be read. `value`: {mean, ci95, n, unscored} or undefined. */
export function measureCell(value: Measure | undefined, withheld: boolean): HTMLElement {
    if (!value) return h('td.number', null, '');
    if (withheld) return h('td.number', null, h('i.withheld', {title: 'More than 5 % of the verdicts could not be read'}, 'withheld'), unreadNote(value));
    return estimateCell(value.mean, value.ci95, unreadNote(value));
}

function unreadNote({n, unscored, not_applicable}: Measure): HTMLElement | null {
    const parts = [unscored ? `${formatCount(unscored)} unscored` : '', not_applicable ? `${formatCount(not_applicable)} N/A` : ''].filter(Boolean);
    return parts.length ? h('small', {title: n === undefined ? null : `${formatCount(n)} counted`}, parts.join(', ')) : null;
}

export function percent(share: number | null | undefined, digits = 1): string {
    return share === null || share === undefined ? '–' : `${(100 * share).toFixed(digits)} %`;
}
