// Means by tag and aspect as a table whose cells are coloured; a cell leads to its items.

import {fill, h, selectOf} from '../page/dom';
import {formatCount} from '../page/text';
import {type Breakdown, type JudgedRun, kBreakdowns, type Measure, type TagGroup} from './data';
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

/** What one run has minus what the other has; nothing here is tested. */
function differenceCell(after: Measure | undefined, before: Measure | undefined, reach: number, label: string, onClick: () => void): HTMLElement {
    if (!after || !before || after.mean === null || before.mean === null) return h('td.heat.empty', null, '');
    const difference = after.mean - before.mean;
    const text = `${difference > 0 ? '+' : ''}${decimal(difference)}`;
    const few = Math.min(after.n ?? 0, before.n ?? 0) < kFewItems;
    const element = h(`td.heat.${difference < 0 ? 'lower' : 'higher'}${few ? '.few' : ''}`, null,
        h('button', {type: 'button', title: `${label}: ${text}; click for the items`, onclick: onClick}, text));
    element.style.setProperty('--heat', (Math.abs(difference) / reach).toFixed(3));
    return element;
}

type OnCell = (runs: readonly JudgedRun[], facet: Breakdown, tag: string, aspect: string) => void;

interface State {
    breakdown: Breakdown;
    run: JudgedRun;
    against: JudgedRun | null;
}

function groupsOf(run: JudgedRun, breakdown: Breakdown): Map<string, TagGroup> {
    return run.result.breakdowns.get(breakdown)!;
}

/** A table of tags and aspects; `cell(tag, aspect)`. */
function mapTable(title: string, tags: readonly string[], aspects: readonly string[], count: ((tag: string) => number) | null,
                  cell: (tag: string, aspect: string) => HTMLElement): HTMLElement {
    return h('div.map', null, h('h3', null, title), h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': `By tag: ${title}`}, h('table.heat-map', null,
        h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'tag'), count ? h('th.number', {scope: 'col', title: 'judgements'}, 'n') : null,
            aspects.map((aspect) => h('th', {scope: 'col'}, aspect)))),
        h('tbody', null, tags.map((tag) => h('tr', null, h('th', {scope: 'row'}, tag), count ? h('td.number', null, formatCount(count(tag))) : null,
            aspects.map((aspect) => cell(tag, aspect))))))));
}

function runMap(run: JudgedRun, {breakdown}: State, range: [number, number], onCell: OnCell): HTMLElement {
    const groups = groupsOf(run, breakdown);
    if (!groups.size) return h('p.nothing', null, `${run.label} has no such tags.`);
    const aspects = [...new Set([...groups.values()].flatMap((group) => [...group.aspects.keys()]))];
    return mapTable(run.label, [...groups.keys()], aspects, (tag) => groups.get(tag)!.n, (tag, aspect) => cellOf(groups.get(tag)!.aspects.get(aspect), {
        withheld: run.result.withheld, range, label: `${tag}, ${aspect}`, onClick: () => onCell([run], breakdown, tag, aspect),
    }));
}

function differenceMap(run: JudgedRun, against: JudgedRun, {breakdown}: State, onCell: OnCell): HTMLElement | null {
    if (run.result.withheld || against.result.withheld) return null;
    const [after, before] = [groupsOf(run, breakdown), groupsOf(against, breakdown)];
    const tags = [...after.keys()].filter((tag) => before.has(tag));
    const aspects = [...new Set(tags.flatMap((tag) => [...after.get(tag)!.aspects.keys()].filter((aspect) => before.get(tag)!.aspects.has(aspect))))];
    if (!aspects.length) return null;
    const valueOf = (tag: string, aspect: string): number => (after.get(tag)!.aspects.get(aspect)?.mean ?? NaN) - (before.get(tag)!.aspects.get(aspect)?.mean ?? NaN);
    const reach = Math.max(0.1, ...tags.flatMap((tag) => aspects.map((aspect) => Math.abs(valueOf(tag, aspect)))).filter((value) => !Number.isNaN(value)));
    return mapTable(`${run.label} minus ${against.label}`, tags, aspects, null, (tag, aspect) =>
        differenceCell(after.get(tag)!.aspects.get(aspect), before.get(tag)!.aspects.get(aspect), reach, `${tag}, ${aspect}`,
                       () => onCell([against, run], breakdown, tag, aspect)));
}

/** `onCell`: a cell was chosen. */
export function makeHeatMap(runs: readonly JudgedRun[], {onCell}: {onCell: OnCell}): HTMLElement | null {
    const breakdowns = kBreakdowns.filter((name) => runs.some((run) => groupsOf(run, name).size));
    if (!breakdowns.length) return null;
    const state: State = {breakdown: breakdowns[0], run: runs[runs.length > 1 ? 1 : 0], against: runs.length > 1 ? runs[0] : null};
    const holder = h('div.maps');
    const legend = h('div.toolbar-note');
    const choose = (change: Partial<State>): void => {
        Object.assign(state, change);
        render();
    };
    const pills = breakdowns.map((name) => h('button.pill', {type: 'button', onclick: () => choose({breakdown: name})}, name));
    const names = runs.map(({label}, i) => [String(i), label] as const);
    const runPicker = selectOf('Run of the heat map', names, (i) => choose({run: runs[Number(i)]}));
    const againstPicker = selectOf('Compared with', [['', 'alone'], ...names.map(([i, label]) => [i, `beside ${label}`] as const)],
                                   (i) => choose({against: i === '' ? null : runs[Number(i)]}));
    runPicker.value = String(runs.indexOf(state.run));
    againstPicker.value = state.against ? String(runs.indexOf(state.against)) : '';

    function render(): void {
        const {run, against, breakdown} = state;
        const range = rangeOf(runs, breakdown);
        pills.forEach((pill, i) => pill.setAttribute('aria-pressed', String(breakdowns[i] === breakdown)));
        fill(legend, legendOf(range));
        fill(holder, against && against !== run ? [runMap(against, state, range, onCell), runMap(run, state, range, onCell), differenceMap(run, against, state, onCell)]
            : runMap(run, state, range, onCell));
    }

    render();
    return h('section', null, h('h2', null, 'Where are they strong and weak?'),
        h('div.card.headline', null, h('div.choices', null, h('div.pills', {role: 'group', 'aria-label': 'Breakdown'}, pills),
            runs.length > 1 ? [runPicker, againstPicker] : null, legend), holder,
          runs.length > 1 ? h('p.note', null, 'Differences by tag are not tested: they show where to look.') : null));
}
