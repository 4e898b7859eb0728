// The first view: the table of scores with its charts, what differs between runs, by task and topic, pairs, MT-bench.

import {chartCard, type ChartCard} from '../page/chart_card';
import {type Child, h} from '../page/dom';
import {kClasses} from '../page/position';
import type {View} from '../page/shell';
import {counted, formatCount, formatPercent} from '../page/text';
import {currentTheme} from '../page/theme';
import {differenceLine, dots, type Point, radar, type Series} from './charts';
import type {Breakdown, Colours, JudgedRun, Measure, RunDifference} from './data';
import {type Judged, judgeDifferences, kLevel} from './decided';
import {makeHeatMap} from './heat_map';
import {decimal, measureCell, scoresTable} from './numbers';
import {agreementSection, billSection, mtBenchSection, pairSection} from './other_tables';

/** What draw() fills again for another theme. */
interface Drawn {
    element: HTMLElement;
    draw(): void;
}

const kFewestAxes = 3;
const kBenchScale: [number, number] = [1, 10];

function aspectsOf(runs: readonly JudgedRun[]): string[] {
    return [...new Set(runs.flatMap((run) => [...(run.result.aspects?.keys() ?? [])]))];
}

function scoreTable(runs: readonly JudgedRun[]): HTMLElement {
    const aspects = aspectsOf(runs);
    const rows = runs.map(({label, result}) => h('tr', null,
        h('th', {scope: 'row'}, label, h('small', null, counted(result.records, 'judgement'))),
        aspects.map((aspect) => measureCell(result.aspects?.get(aspect), result.withheld)),
        measureCell({mean: result.avg, ci95: result.avg_ci95}, result.withheld),
        h('td.number', null, decimal(result.len, 0)),
        h('td.number', {title: `${result.refused} of them refused by the judge`}, `${formatCount(result.unscored)}`,
          h('small', null, `of ${formatCount(result.verdicts)}`))));
    return scoresTable('Scores', ['Run'], [...aspects, 'average', 'words', 'unscored'], rows);
}

/** A value of one run on one axis; undefined or without a mean: withheld or missing. */
type ValueOf<Run> = (run: Run, name: string) => Measure | undefined;

function pointOf(label: string, name: string, value: Measure | undefined): Point | null {
    if (!value || value.mean === null) return null;
    const {mean, ci95, n} = value;
    const interval = ci95 ? `, 95 %: ${ci95[0].toFixed(2)} to ${ci95[1].toFixed(2)}` : '';
    return {mean, ci95, tip: `${label} · ${name}\n${mean.toFixed(2)}${interval}${n ? `\n${counted(n, 'answer')}` : ''}`};
}

function seriesOf<Run extends {label: string; index?: number}>(runs: readonly Run[], names: readonly string[], valueOf: ValueOf<Run>): Series[] {
    return runs.map((run, i) => ({label: run.label, index: run.index ?? i, values: names.map((name) => pointOf(run.label, name, valueOf(run, name)))}))
        .filter(({values}) => values.some((value) => value !== null));
}

function scoreCharts<Run extends {label: string; index?: number}>(runs: readonly Run[], axes: readonly string[], valueOf: ValueOf<Run>,
    {name, title, scale: [low, high]}: {name: string; title: string; scale: [number, number]}): Drawn | null {
    const series = seriesOf(runs, axes, valueOf);
    if (!series.length) return null;
    const drawn: ChartCard[] = [];
    const add = (title: string, kind: string, make: typeof radar): HTMLElement => {
        const chart = chartCard(title, `${kind}-${name}`, (width) => make(axes, series, {low, high, theme: currentTheme(), width}));
        drawn.push(chart);
        return chart.card;
    };
    const element = h('div.charts.scores-charts', null,
        axes.length >= kFewestAxes ? add('Profile', 'radar', radar) : null,
        add(title, 'means', dots));
    return {element, draw: () => drawn.forEach((chart) => chart.draw())};
}

function formatP(value: number | null | undefined): string {
    if (value === undefined || value === null) return '–';
    return value < 0.001 ? '< 0.001' : value.toFixed(3);
}

function verdictOf({run, against, difference, decided}: Judged): HTMLElement {
    if (!decided) return h('span.undecided', null, 'open');
    return h('b', {title: `p below ${kLevel} after correction`}, `${difference.mean > 0 ? run : against} higher`);
}

function differenceRow(row: Judged, isFirst: boolean, span: number, reach: number): HTMLElement {
    const {run, against, aspect, difference, p} = row;
    return h('tr', null,
        isFirst ? h('th', {scope: 'rowgroup', rowspan: span}, run, h('small', null, `minus ${against}`)) : null,
        h('th.aspect', {scope: 'row'}, aspect),
        h('td.line', null, differenceLine(row, reach)),
        h('td.number', null, h('b', null, `${difference.mean > 0 ? '+' : ''}${decimal(difference.mean)}`),
          difference.ci95 ? h('small', null, `${decimal(difference.ci95[0])} to ${decimal(difference.ci95[1])}`) : null),
        h('td.decision', null, verdictOf(row)),
        h('td.number', null, formatP(p)),
        h('td.number', null, formatP(difference.p_value)),
        h('td.number', null, formatCount(difference.n)),
        h('td.number', null, formatCount(difference.unpaired)));
}

function differenceTable(differences: readonly RunDifference[]): Drawn {
    const {rows, isStated} = judgeDifferences(differences);
    const reach = Math.max(0.1, ...rows.flatMap(({difference: {mean, ci95}}) => [mean, ...(ci95 ?? [])].map(Math.abs)));
    const body = h('tbody');
    const isSamePair = (a: Judged, b: Judged | undefined): boolean => a.run === b?.run && a.against === b.against;
    const draw = (): void => body.replaceChildren(...rows.map((row, i) =>
        differenceRow(row, !isSamePair(row, rows[i - 1]), rows.filter((other) => isSamePair(row, other)).length, reach)));
    const numbers = ['p, corrected', 'p', 'items', 'unpaired'];
    const element = h('section', null, h('h2', null, 'What differs between the runs?'),
        h('div.card.headline', null,
            h('p.note', null, `Paired by item, over the items that both runs scored. A difference is decided if its p, corrected by Holm’s rule for the number ` +
              `of comparisons, is below ${kLevel}: then the disc is filled and the run is named. The comparisons that count are `,
              isStated ? 'those that were stated together beforehand.' : `the ${rows.length} of this table.`),
            h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Differences between runs'}, h('table.differences', null,
                h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'Runs'), h('th', {scope: 'col'}, 'aspect'),
                    h('th', {scope: 'col'}, `from −${reach.toFixed(1)} to +${reach.toFixed(1)}`), h('th.number', {scope: 'col'}, 'difference'), h('th', {scope: 'col'}, 'decided'),
                    numbers.map((name) => h('th.number', {scope: 'col'}, name)))), body))));
    return {element, draw};
}

function warnings(runs: readonly JudgedRun[]): HTMLElement | null {
    const lines = runs.flatMap(({label, result}) => {
        const own: string[] = [];
        if (result.isOriginal) own.push('counted as the original authors did: “N/A” is 5.0, an item counts for its last tag, breakdowns look at helpfulness alone.');
        if (result.withheld) {
            own.push('more than 5 % of the verdicts of an aspect could not be read: no means are shown. --allow-unscored shows them.');
        } else if (result.unscored) {
            own.push(`${formatCount(result.unscored)} of ${formatCount(result.verdicts)} verdicts could not be read (${formatCount(result.refused)} refusals); means leave them out.`);
        }
        const parts = [...[...(result.winRates?.values() ?? [])].flatMap((rates) => [...rates.values()]), ...(result.mtBench?.values() ?? [])];
        if (parts.some(({withheld}) => withheld)) own.push('more than 5 % of the verdicts could not be read: no rates and means are shown. --allow-unscored shows them.');
        if (result.steering) own.push(`${formatCount(result.steering)} ${result.winRates ? 'pairs of answers' : 'answers'} look as if they tried to steer the judge; no score was changed for it.`);
        return own.map((text) => h('li', null, `${label}: ${text}`));
    });
    return lines.length ? h('ul.warnings', {'aria-label': 'Warnings'}, lines) : null;
}

function provenance(runs: readonly JudgedRun[]): HTMLElement {
    return h('section.provenance', null, h('h2', null, 'How this was made'),
        runs.filter((run) => run.records.some(({judge}) => judge)).map((run) => h('details.card', null,
            h('summary', null, `${run.label}: judges ${[...new Set(run.records.map((record) => record.judge))].join(', ')}; rubrics ` +
                [...new Set(run.records.map((record) => `${record.rubric} ${record.rubric_version}`.trim()))].join(', ')),
            h('pre', {tabindex: 0}, JSON.stringify(run.manifest, null, 2)))),
        h('details.card', null, h('summary', null, 'What the numbers mean'), h('dl.glossary', null,
            h('dt', null, 'intervals'), h('dd', null, '95 %, percentile bootstrap over items, 10,000 resamples; items with the same instruction are drawn together.'),
            h('dt', null, 'unscored'), h('dd', null, 'The judge’s reply, or one value of it, could not be read under the strict rules. It counts nowhere. “Not applicable” is read, and is no number.'),
            h('dt', null, 'p'), h('dd', null, 'The share of random sign flips of whole items that give a difference at least as large.'),
            h('dt', null, 'p, corrected'), h('dd', null, 'p corrected by Holm’s rule for the number of comparisons: those stated together beforehand, otherwise all that the page shows.'),
            h('dt', null, 'decided'), h('dd', null, 'The corrected p is below 0.05. The interval is that of one difference alone and decides nothing.'),
            h('dt', null, 'pairs'), h('dd', null, 'Both orders are asked. Orders that disagree are a tie and a flip. Length-controlled: the win rate if both answers were equally long.'))));
}

/** What pairs of models found in the answers: a bar of the three classes each. */
function shiftSection(colours: readonly Colours[]): HTMLElement | null {
    if (!colours.length) return null;
    const bar = (pair: Colours): HTMLElement => h('div.shift-bar', {role: 'img', 'aria-label': kClasses.map((kind) => `${kind} ${formatPercent(pair[kind])}`).join(', ')},
        kClasses.map((kind) => {
            const part = h(`span.part.${kind}`);
            part.style.width = `${100 * pair[kind]}%`;
            return part;
        }));
    return h('section', null, h('h2', null, 'What would the base model have written?'), h('div.card.headline', null,
        h('p.note', null, 'Tokens of the aligned answers by their rank in the base model’s distribution: unshifted (1), marginal (2 or 3), shifted (beyond).'),
        h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Shares of the classes'}, h('table.scores', null,
            h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'Answers of'), h('th', {scope: 'col'}, 'read under'), h('th', {scope: 'col'}, 'classes'),
                [...kClasses, 'KL, nats'].map((name) => h('th.number', {scope: 'col'}, name)))),
            h('tbody', null, colours.map((pair) => h('tr', null, h('th', {scope: 'row'}, pair.run), h('td', null, pair.base),
                h('td.bar-cell', null, bar(pair)), kClasses.map((kind) => h('td.number', null, formatPercent(pair[kind]))),
                h('td.number', null, pair.kl === null ? '–' : pair.kl.toFixed(3)))))))));
}

interface OverviewOptions {
    differences: readonly RunDifference[];
    colours: readonly Colours[];
    /** A cell of the heat map was chosen. */
    onCell(runs: readonly JudgedRun[], facet: Breakdown, tag: string, aspect: string): void;
}

export function makeOverview(runs: readonly JudgedRun[], {differences, colours, onCell}: OverviewOptions): View {
    const scored = runs.filter((run) => run.result.aspects);
    const drawn: Drawn[] = [];
    const keep = (part: Drawn | null): HTMLElement | null => {
        if (!part) return null;
        drawn.push(part);
        return part.element;
    };
    const sections: Child[] = [warnings(runs)];
    if (scored.length) {
        const scale: [number, number] = [Math.min(...scored.map((run) => run.scale[0])), Math.max(...scored.map((run) => run.scale[1]))];
        sections.push(h('section', null, h('h2', null, 'How good are the answers?'), h('div.card.headline', null, scoreTable(scored)),
            keep(scoreCharts(scored, aspectsOf(scored), ({result}, name) => result.withheld ? undefined : result.aspects?.get(name),
                             {name: 'aspects', title: 'Means and 95 % intervals', scale}))));
        const compared = differences.filter(({aspects}) => [...aspects.values()].some(({n}) => n > 0));
        if (compared.length) sections.push(keep(differenceTable(compared)));
        sections.push(makeHeatMap(scored, {onCell}));
    }
    sections.push(keep(pairSection(runs)), mtBenchSection(runs, (entries, categories) => keep(scoreCharts(entries, categories,
        ({table}, name) => table.categories.get(name), {name: 'categories', title: 'Means by category', scale: kBenchScale}))));
    sections.push(shiftSection(colours), agreementSection(runs), billSection(runs));
    const element = h('div.overview', null, sections, provenance(runs));
    return {title: 'Overview', element, draw: () => drawn.forEach((part) => part.draw())};
}
