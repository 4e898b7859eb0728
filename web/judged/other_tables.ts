// Tables of pairwise and of MT-bench runs, of the judges' agreement and of what was paid.

import {fill, h} from '../page/dom';
import {formatCount} from '../page/text';
import {shareLine} from './charts';
import type {Bill, Interval, JudgedRun, Turns, WinRate} from './data';
import {estimateCell, measureCell, percent, scoresTable} from './numbers';

function outcomeBar(rate: WinRate): HTMLElement {
    const all = rate.wins + rate.ties + rate.losses;
    const bar = h('div.outcomes', {role: 'img', 'aria-label': `${rate.wins} wins, ${rate.ties} ties, ${rate.losses} losses`});
    for (const [name, count] of [['win', rate.wins], ['tie', rate.ties], ['loss', rate.losses]] as const) {
        if (!count) continue;
        const part = h(`span.${name}`, {title: `${name}: ${count}`}, count / all > 0.08 ? formatCount(count) : '');
        part.style.width = `${100 * count / all}%`;
        bar.append(part);
    }
    return bar;
}

function shareCell(share: number | null, ci95: Interval | null): HTMLElement {
    return h('td.number', null, h('b', null, percent(share)),
             ci95 ? h('small', null, `${(100 * ci95[0]).toFixed(1)} – ${(100 * ci95[1]).toFixed(1)}`) : null);
}

function pairRow(generator: string, aspect: string, rate: WinRate): HTMLElement {
    return h('tr', null,
        h('th', {scope: 'row'}, generator), h('td', null, aspect), h('td.bar-cell', null, outcomeBar(rate)),
        h('td.line', null, rate.rate === null ? null : shareLine(rate.rate, rate.ci95)), shareCell(rate.rate, rate.ci95), shareCell(rate.length_controlled, rate.length_controlled_ci95),
        h('td.number', {title: `of ${rate.both_orders} that were asked in both orders`}, formatCount(rate.flips),
          rate.both_orders ? h('small', null, percent(rate.flips / rate.both_orders, 0)) : null),
        h('td.number', null, formatCount(rate.unscored)));
}

function pairTable(winRates: Map<string, Map<string, WinRate>>): HTMLElement {
    // With two generators the second one's row is the mirror of the first one's.
    const rates = [...winRates];
    const shown = rates.length === 2 ? rates.slice(0, 1) : rates;
    return h('table.pairs', null,
        h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'Generator'), h('th', {scope: 'col'}, 'aspect'),
            h('th', {scope: 'col'}, h('span.key.win', null, 'wins'), h('span.key.tie', null, 'ties'), h('span.key.loss', null, 'losses')),
            h('th', {scope: 'col'}, 'win rate from 0 to 100 %, dotted: 50 %'), ['win rate', 'length-controlled', 'flips', 'unscored'].map((name) => h('th.number', {scope: 'col'}, name)))),
        h('tbody', null, shown.flatMap(([generator, aspects]) => [...aspects].map(([aspect, rate]) => pairRow(generator, aspect, rate)))));
}

/** draw() fills the tables, whose lines have the colours of the theme. */
export function pairSection(runs: readonly JudgedRun[]): {element: HTMLElement; draw(): void} | null {
    const paired = runs.flatMap(({label, result: {winRates}}) => winRates ? [{label, winRates}] : []);
    if (!paired.length) return null;
    const holders = paired.map(({label}) => h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': `Wins of ${label}`}));
    const element = h('section', null, h('h2', null, 'Which answer is preferred?'), paired.map(({label, winRates}, i) => {
        const names = [...winRates.keys()];
        return h('div.card.headline', null, h('h3', null, label), names.length === 2 ? h('p.note', null, `${names[0]} against ${names[1]}`) : null, holders[i]);
    }));
    return {element, draw: () => holders.forEach((holder, i) => fill(holder, pairTable(paired[i].winRates)))};
}

/** How far the judges of a jury agree; null where every run has one judge. */
export function agreementSection(runs: readonly JudgedRun[]): HTMLElement | null {
    const rows = runs.flatMap(({label, result}) => [...result.agreement].map(([aspect, {raters, units, alpha, exact}], i, all) =>
        h('tr', null, i === 0 ? h('th', {scope: 'rowgroup', rowspan: all.length}, label) : null,
            h('th.aspect', {scope: 'row'}, aspect), h('td.number', null, formatCount(raters)), h('td.number', null, formatCount(units)),
            estimateCell(alpha.value, alpha.ci95), estimateCell(exact.value, exact.ci95))));
    if (!rows.length) return null;
    return h('section', null, h('h2', null, 'Do the judges agree?'), h('div.card.headline', null,
        h('p.note', null, 'Krippendorff’s alpha: 1 is full agreement, 0 what chance gives. Exact: the share of equal verdicts among all pairs of judges.'),
        scoresTable('Agreement of the judges', ['Run', 'aspect'], ['judges', 'items', 'alpha', 'exact'], rows)));
}

function costText({unpriced, cost_usd: cost}: Bill): string {
    if (unpriced > 0 && cost === 0) return 'not known (no price)';
    return `${unpriced > 0 ? 'at least ' : ''}${cost.toFixed(4)} USD`;
}

/** What was asked and what it cost, failed requests included; null where nothing was asked by us. */
export function billSection(runs: readonly JudgedRun[]): HTMLElement | null {
    const rows = runs.flatMap(({label, result: {bill}}) => bill ? [h('tr', null, h('th', {scope: 'row'}, label),
        [bill.attempts, bill.failed, bill.prompt_tokens, bill.completion_tokens].map((count) => h('td.number', null, formatCount(count))),
        h('td.number', null, costText(bill)))] : []);
    if (!rows.length) return null;
    return h('section', null, h('h2', null, 'What did it cost?'), h('div.card.headline', null,
        scoresTable('Requests and cost', ['Run'], ['requests', 'failed', 'prompt tokens', 'completion tokens', 'cost'], rows)));
}

/** The answers of one generator to MT-bench. */
export interface BenchEntry {
    label: string;
    table: Turns;
}

/** `chartsOf(entries, categories)`: the charts by category as an element. */
export function mtBenchSection(runs: readonly JudgedRun[],
                               chartsOf: (entries: readonly BenchEntry[], categories: readonly string[]) => HTMLElement | null): HTMLElement | null {
    const benched = runs.flatMap(({label, result: {mtBench}}) => mtBench ? [{label, mtBench}] : []);
    const entries = benched.flatMap(({label, mtBench}) => [...mtBench].map(([generator, table]) => ({
        label: benched.length > 1 ? `${label} · ${generator}` : generator, table})));
    if (!entries.length) return null;
    const categories = [...new Set(entries.flatMap(({table}) => [...table.categories.keys()]))];
    const parts = ['turn 1', 'turn 2', 'overall'];
    const rows = entries.map(({label, table}) => h('tr', null, h('th', {scope: 'row'}, label),
        parts.map((name) => measureCell(table.parts.get(name), table.withheld)),
        categories.map((name) => measureCell(table.categories.get(name), table.withheld)), h('td.number', null, formatCount(table.unscored))));
    return h('section', null, h('h2', null, 'MT-bench'),
        h('div.card.headline', null, scoresTable('MT-bench', ['Answers'], [...parts, ...categories, 'unscored'], rows)),
        categories.length ? chartsOf(entries, categories) : null);
}
