// Means by tag and aspect as a table whose cells are coloured; a cell leads to its items.

import {fill, h} from '../page/dom';
import {formatCount} from '../page/text';
import {type Breakdown, type JudgedRun, kBreakdowns, type Measure} from './data';
import {decimal} from './numbers';

const kFewItems = 10;  // below this a mean says little

interface CellOptions {
    withheld: boolean;
    range: [number, number];
    label: string;
    onClick(): void;
}

/** The range of all means of a breakdown, in half steps, so that runs share one scale of colours. */
function rangeOf(runs: readonly JudgedRun[], breakdown: Breakdown): [number, number] {
    const means = runs.flatMap(({result}) => result.withheld ? []
        : [...result.breakdowns.get(breakdown)!.values()].flatMap(({aspects}) => [...aspects.values()].map(({mean}) => mean)))
        .filter((mean) => mean !== null);
    if (!means.length) return [0, 1];
    const low = Math.floor(2 * Math.min(...means)) / 2;
    return [low, Math.max(low + 0.5, Math.ceil(2 * Math.max(...means)) / 2)];
}

function cellOf(cell: Measure | undefined, {withheld, range: [low, high], label, onClick}: CellOptions): HTMLElement {
    if (!cell) return h('td.heat.empty', null, '');
    if (withheld) return h('td.heat.empty', null, h('i.withheld', null, 'withheld'));
    if (cell.mean === null) return h('td.heat.empty', {title: 'No verdict here is a number'}, '–');
    const share = (cell.mean - low) / (high - low);
    const interval = cell.ci95 ? `, 95 %: ${decimal(cell.ci95[0])} to ${decimal(cell.ci95[1])}` : '';
    const button = h('button', {type: 'button', title: `${label}: ${decimal(cell.mean)}${interval}, ${formatCount(cell.n ?? 0)} answers; click for the items`, onclick: onClick},
        decimal(cell.mean), h('small', null, cell.ci95 ? `±${decimal((cell.ci95[1] - cell.ci95[0]) / 2)}` : ''));
    const element = h(`td.heat${(cell.n ?? 0) < kFewItems ? '.few' : ''}`, null, button);
    element.style.setProperty('--heat', share.toFixed(3));
    return element;
}

function legendOf([low, high]: [number, number]): HTMLElement {
    return h('span.heat-legend', null, decimal(low, 1), h('span.ramp', {'aria-hidden': 'true'}), decimal(high, 1),
             h('small', null, ` ± half of the 95 % interval; in italics: fewer than ${kFewItems} answers`));
}

/** `onCell`: a cell was chosen. */
export function makeHeatMap(runs: readonly JudgedRun[],
                            {onCell}: {onCell(run: JudgedRun, facet: Breakdown, tag: string, aspect: string): void}): HTMLElement | null {
    const breakdowns = kBreakdowns.filter((name) => runs.some(({result}) => result.breakdowns.get(name)!.size));
    if (!breakdowns.length) return null;
    const state = {breakdown: breakdowns[0], run: runs[0]};
    const holder = h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Means by tag'});
    const legend = h('div.toolbar-note');

    function pillsOf<T>(label: string, entries: readonly (readonly [T, string])[], isChosen: (value: T) => boolean, choose: (value: T) => void): HTMLElement {
        const pills = entries.map(([value, title]) => {
            const pill = h('button.pill', {type: 'button', 'aria-pressed': String(isChosen(value)), onclick: () => {
                choose(value);
                for (const other of pills) other.setAttribute('aria-pressed', String(other === pill));
                render();
            }}, title);
            return pill;
        });
        return h('div.pills', {role: 'group', 'aria-label': label}, pills);
    }

    function render(): void {
        const {run, breakdown} = state;
        const groups = [...run.result.breakdowns.get(breakdown)!];
        const aspects = [...new Set(groups.flatMap(([, group]) => [...group.aspects.keys()]))];
        const range = rangeOf(runs, breakdown);
        fill(legend, legendOf(range));
        fill(holder, groups.length ? h('table.heat-map', null,
            h('thead', null, h('tr', null, h('th', {scope: 'col'}, breakdown), h('th.number', {scope: 'col', title: 'judgements'}, 'n'),
                aspects.map((aspect) => h('th', {scope: 'col'}, aspect)))),
            h('tbody', null, groups.map(([tag, group]) => h('tr', null, h('th', {scope: 'row'}, tag), h('td.number', null, formatCount(group.n)),
                aspects.map((aspect) => cellOf(group.aspects.get(aspect), {
                    withheld: run.result.withheld, range, label: `${tag}, ${aspect}`, onClick: () => onCell(run, breakdown, tag, aspect),
                })))))) : h('p.nothing', null, 'This run has no such tags.'));
    }

    render();
    return h('section', null, h('h2', null, 'Where are they strong and weak?'),
        h('div.card.headline', null, h('div.choices', null,
            pillsOf('Breakdown', breakdowns.map((name) => [name, name] as const), (name) => name === state.breakdown, (name) => { state.breakdown = name; }),
            runs.length > 1 ? pillsOf('Run', runs.map((run) => [run, run.label] as const), (run) => run === state.run, (run) => { state.run = run; }) : null,
            legend), holder));
}
