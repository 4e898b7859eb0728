// The charts of the overview: curves by position and histograms, one series a run.

import {chartCard, showTip} from '../page/chart_card';
import {colour, runColour, runDash, type Theme} from '../page/palette';
import {plainText} from '../page/text';
import type {Answer, Run} from './data';
import {histogram, kHistograms, kRankCap, type Metric, positionCurve} from './statistics';

/** What charts.js gives (web/charts). */
declare const urialCharts: {
    draw(element: HTMLElement, specification: object, onTooltip: (event: MouseEvent, value: unknown) => void): Promise<ChartView>;
};
interface ChartView {
    finalize(): void;
    toSVG(): Promise<string>;
}

export interface ChartOptions {
    subsets: readonly (readonly Answer[])[];
    logarithmic: boolean;
    theme: Theme;
}

interface ChartKind {
    metric: Metric;
    title: string;
    axis: string;
    format?: string;
}

function config(): object {
    const ink = colour('ink');
    const muted = colour('muted');
    const font = 'system-ui, sans-serif';
    return {
        background: 'transparent',
        font,
        view: {stroke: null},
        axis: {
            labelColor: muted, titleColor: muted, titleFontWeight: 'normal', titleFontSize: 12, labelFontSize: 11.5,
            gridColor: colour('line'), domainColor: colour('line'), tickColor: colour('line'), labelPadding: 5,
            titlePadding: 8,
        },
        legend: {labelColor: ink, labelFontSize: 12, title: null, orient: 'top', symbolStrokeWidth: 2.5, labelLimit: 260},
        text: {color: ink},
    };
}

/** A label without what a charting library could stumble over. */
function nameOf(run: Run): string {
    return plainText(run.label);
}

function runScale(runs: readonly Run[], theme: Theme): object {
    return {domain: runs.map(nameOf), range: runs.map((_, i) => runColour(theme, i))};
}

function series(runs: readonly Run[], theme: Theme): {color: object; strokeDash: object} {
    const legend = runs.length > 1 ? {symbolType: 'stroke', symbolSize: 350, symbolOpacity: 1} : null;
    return {
        color: {field: 'run', type: 'nominal', scale: runScale(runs, theme), legend},
        strokeDash: {
            field: 'run', type: 'nominal', legend,
            scale: {domain: runs.map(nameOf), range: runs.map((_, i) => runDash(i))},
        },
    };
}

function base(values: readonly object[], description: string): object {
    return {
        $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
        description,
        width: 'container',
        height: 210,
        autosize: {type: 'fit', contains: 'padding'},
        data: {values},
        config: config(),
    };
}

const kKlCurve: ChartKind = {metric: 'kl', title: 'Distance from the base model', axis: 'mean KL without ends, nats', format: '.2f'};
const kKlBoundCurve: ChartKind = {metric: 'klBound', title: 'Least distance from the base model',
                       axis: 'lower bound of the mean KL without ends, nats', format: '.2f'};
const kCurves: ChartKind[] = [
    {metric: 'rank', title: 'Base rank of the aligned token', axis: `mean base rank (≤ ${kRankCap})`, format: '.1f'},
    {metric: 'probability', title: 'What the base model gives it', axis: 'mean base probability', format: '.0%'},
];

/** Few enough ticks not to collide, at positions that a reader expects. */
function positionTicks(longest: number): number[] {
    return [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].filter((tick) => tick <= longest);
}

function curveSpecification(runs: readonly Run[], {metric, axis, format}: ChartKind, options: ChartOptions): object {
    const values = runs.flatMap((run, i) => positionCurve(run, options.subsets[i], metric).map((point) => ({
        run: nameOf(run), position: point.position, mean: point.mean, low: point.low, high: point.high,
        tip: [`${nameOf(run)} · position ${point.first === point.last ? point.first : `${point.first}–${point.last}`}`,
              `mean ${point.mean.toFixed(3)} (95 %: ${point.low.toFixed(3)} to ${point.high.toFixed(3)})`,
              `${point.answers} answers`].join('\n'),
    })));
    const longest = Math.max(1, ...values.map((point) => point.position));
    const x = {
        field: 'position', type: 'quantitative', title: 'position in the answer',
        scale: {nice: false, domain: [1, longest], ...(options.logarithmic ? {type: 'log'} : {type: 'linear', zero: false})},
        axis: {grid: false, ...(options.logarithmic ? {values: positionTicks(longest), format: 'd'} : {tickCount: 6})},
    };
    const y = {type: 'quantitative', title: axis, axis: {format, tickCount: 5}, scale: {zero: true}};
    const encoding = series(runs, options.theme);
    return {
        ...base(values, `${axis} by position in the answer`),
        layer: [
            {
                mark: {type: 'area', opacity: 0.2, clip: true},
                encoding: {x, y: {...y, field: 'low'}, y2: {field: 'high'}, color: encoding.color},
            },
            {mark: {type: 'line', strokeWidth: 2.25}, encoding: {x, y: {...y, field: 'mean'}, ...encoding}},
            {
                mark: {type: 'point', filled: true, size: 130, opacity: 0},
                encoding: {x, y: {...y, field: 'mean'}, tooltip: {field: 'tip', type: 'nominal'}},
            },
        ],
    };
}

const kKlBars: ChartKind = {metric: 'kl', title: 'KL of one position', axis: 'KL(aligned ‖ base), nats'};
const kKlBoundBars: ChartKind = {metric: 'klBound', title: 'Lower bound of the KL of one position', axis: 'lower bound of KL(aligned ‖ base), nats'};
const kBars: ChartKind[] = [
    {metric: 'rank', title: 'Base ranks', axis: 'base rank of the token'},
    {metric: 'probability', title: 'Base probabilities', axis: 'base probability of the token, up to %'},
];

/** One run's base ranks wear the colours of the classes they fall in. */
function barColour(runs: readonly Run[], metric: Metric, theme: Theme): object {
    if (runs.length > 1) return {field: 'run', type: 'nominal', scale: runScale(runs, theme), legend: {}};
    if (metric !== 'rank') return {value: runColour(theme, 0)};
    const classes = ['unshifted', 'marginal', 'marginal', 'shifted', 'shifted', 'shifted', 'shifted'];
    return {
        field: 'label', type: 'nominal', legend: null,
        scale: {domain: kHistograms.rank.map(([label]) => label), range: classes.map(colour)},
    };
}

function histogramSpecification(runs: readonly Run[], {metric, axis}: ChartKind, options: ChartOptions): object {
    const values = runs.flatMap((run, i) => histogram(run, options.subsets[i], metric).map((bin, order) => ({
        ...bin, order, run: nameOf(run),
        tip: `${nameOf(run)}\n${axis}: ${bin.label}\n${(100 * bin.share).toFixed(2)} % of positions (${bin.count})`,
    })));
    return {
        ...base(values, `share of positions by ${axis}`),
        mark: {type: 'bar', cornerRadiusEnd: 2},
        encoding: {
            x: {field: 'label', type: 'ordinal', sort: {field: 'order'}, title: axis, axis: {labelAngle: 0, labelOverlap: true}},
            xOffset: runs.length > 1 ? {field: 'run', type: 'nominal', sort: runs.map(nameOf)} : undefined,
            y: {field: 'share', type: 'quantitative', title: 'share of positions', axis: {format: '.0%', tickCount: 5}},
            color: barColour(runs, metric, options.theme),
            tooltip: {field: 'tip', type: 'nominal'},
        },
    };
}

/** The charts as elements; `draw()` fills them. Runs whose KL is not known have a chart of its lower bound instead; where
 *  there are both kinds, both are shown. */
export function makeCharts(runs: readonly Run[]): {curves: HTMLElement[]; histograms: HTMLElement[]; draw(options: ChartOptions): Promise<void>} {
    const bounded = runs.filter((run) => run.isBounded).length;
    const divergences = (exact: ChartKind, bound: ChartKind): ChartKind[] => [...(bounded < runs.length ? [exact] : []), ...(bounded ? [bound] : [])];
    const framed = (kind: ChartKind, name: string, make: typeof curveSpecification) => {
        const chart = {kind, make, view: null as ChartView | null};
        return Object.assign(chart, chartCard(kind.title, `${name}-${kind.metric}`, () => chart.view?.toSVG() ?? ''));
    };
    const curves = [...divergences(kKlCurve, kKlBoundCurve), ...kCurves].map((kind) => framed(kind, 'curve', curveSpecification));
    const bars = [kBars[0], ...divergences(kKlBars, kKlBoundBars), kBars[1]].map((kind) => framed(kind, 'histogram', histogramSpecification));
    return {
        curves: curves.map(({card}) => card),
        histograms: bars.map(({card}) => card),
        async draw(options) {
            for (const chart of [...curves, ...bars]) {
                chart.view?.finalize();
                chart.view = await urialCharts.draw(chart.holder, chart.make(runs, chart.kind, options), showTip);
            }
        },
    };
}
