// The charts of the overview: curves by position and histograms, one series a run.

import {chartCard, type ChartCard} from '../page/chart_card';
import type {Child} from '../page/dom';
import {colour, runColour, runDash} from '../page/palette';
import {type LegendEntry, legendRows, lineSample, niceTicks, patternFill, spreadApart, textWidth} from '../page/plot';
import {chart, line, mark, s, text, withTip} from '../page/svg';
import {formatCount, formatPercent} from '../page/text';
import {currentTheme} from '../page/theme';
import type {Answer, Run} from './data';
import {type Bin, type CurvePoint, histogram, kEdges, kRankCap, type Metric, positionCurve} from './statistics';

const kPlotHeight = 190;
const kLeft = 46;
const kTop = 12;
const kBelow = 40;  // px under a plot: numbers and title of its axis

interface ChartKind {
    metric: Metric;
    title: string;
    axis: string;
    format(value: number): string;
}

const decimals = (digits: number) => (value: number): string => value.toFixed(digits);
const wholePercent = (value: number): string => `${Math.round(100 * value)} %`;

const kKlCurve: ChartKind = {metric: 'kl', title: 'Distance from the base model', axis: 'mean KL without ends, nats', format: decimals(2)};
const kKlBoundCurve: ChartKind = {metric: 'klBound', title: 'Least distance from the base model',
                                  axis: 'lower bound of the mean KL without ends, nats', format: decimals(2)};
const kCurves: readonly ChartKind[] = [
    {metric: 'rank', title: 'Base rank of the aligned token', axis: `mean base rank (≤ ${kRankCap})`, format: decimals(0)},
    {metric: 'probability', title: 'What the base model gives it', axis: 'mean base probability', format: wholePercent},
];
const kKlBars: ChartKind = {metric: 'kl', title: 'KL of one position', axis: 'KL(aligned ‖ base), nats', format: wholePercent};
const kKlBoundBars: ChartKind = {metric: 'klBound', title: 'Lower bound of the KL of one position',
                                 axis: 'lower bound of KL(aligned ‖ base), nats', format: wholePercent};
const kRankBars: ChartKind = {metric: 'rank', title: 'Base ranks', axis: 'base rank of the token', format: wholePercent};
const kProbabilityBars: ChartKind = {metric: 'probability', title: 'Base probabilities', axis: 'base probability of the token', format: wholePercent};

function entryOf(run: Run): LegendEntry {
    return {label: run.label, index: run.index, fill: runColour(currentTheme(), run.index), dash: runDash(run.index).join(' ')};
}

/** Horizontal lines with their numbers, and the axis' title above them. */
function gridOf(ticks: readonly number[], y: (value: number) => number, right: number, {axis, format}: ChartKind | {axis: string; format: ChartKind['format']}): Child {
    return [text(0, kTop, 'start', axis, colour('muted')), ticks.map((tick) => [
        line(kLeft, y(tick), right, y(tick), colour('line')), text(kLeft - 7, y(tick) + 4, 'end', format(tick), colour('muted'))])];
}

interface Curve extends LegendEntry {
    points: CurvePoint[];
}

function curvesOf(runs: readonly Run[], subsets: readonly (readonly Answer[])[], metric: Metric): Curve[] {
    return runs.map((run, i) => ({...entryOf(run), points: positionCurve(run, subsets[i], metric)})).filter(({points}) => points.length);
}

function tipOf({label}: LegendEntry, {first, last, mean, low, high, answers}: CurvePoint): string {
    return `${label} · position ${first === last ? first : `${first}–${last}`}\nmean ${mean.toFixed(3)} (95 %: ${low.toFixed(3)} to ${high.toFixed(3)})\n` +
        `${formatCount(answers)} answers`;
}

/** Few enough ticks not to collide, at positions that a reader expects. */
function positionTicks(longest: number, logarithmic: boolean): number[] {
    if (logarithmic) return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((tick) => tick <= longest);
    return niceTicks(longest, 5).filter((tick) => tick > 0 && tick <= longest);
}

function drawCurves(curves: readonly Curve[], kind: ChartKind, logarithmic: boolean, width: number): SVGSVGElement {
    const several = curves.length > 1;
    // Names stand at the ends of their lines where there is room, otherwise in a legend.
    const room = Math.max(...curves.map(({label}) => textWidth(label))) + 28;
    const isDirect = several && room <= width * 0.27;
    const right = width - (isDirect ? room : 12);
    const key = several && !isDirect ? legendRows(curves, kLeft, kTop + 26, right - kLeft, lineSample) : null;
    const top = kTop + 22 + (key?.height ?? 0);
    const bottom = top + kPlotHeight;
    const longest = Math.max(2, ...curves.flatMap(({points}) => points.map(({position}) => position)));
    const ticks = niceTicks(Math.max(...curves.flatMap(({points}) => points.map(({high}) => high)), 0));
    const scale = logarithmic ? Math.log : (value: number) => value - 1;
    const x = (position: number): number => kLeft + (right - kLeft) * scale(position) / scale(longest);
    const y = (value: number): number => bottom - (bottom - top) * value / ticks[ticks.length - 1];
    const path = (places: readonly [number, number][]): string => places.map(([px, py], i) => `${i ? 'L' : 'M'}${px.toFixed(1)},${py.toFixed(1)}`).join('');
    const bands = curves.map(({points, fill}) => s('path', {fill, 'fill-opacity': .16,
        d: `${path(points.map((point) => [x(point.position), y(point.low)]))}L${path([...points].reverse().map((point) => [x(point.position), y(point.high)])).slice(1)}Z`}));
    const lines = curves.map(({points, fill, dash}) => s('path', {d: path(points.map((point) => [x(point.position), y(point.mean)])), fill: 'none', stroke: fill,
        'stroke-width': 2.25, 'stroke-dasharray': dash, 'stroke-linejoin': 'round'}));
    const hovers = curves.map((curve) => curve.points.map((point) =>
        withTip(s('circle', {cx: x(point.position), cy: y(point.mean), r: 8, fill: 'transparent'}), tipOf(curve, point))));
    const ends = curves.map(({points}) => points[points.length - 1]);
    const heights = spreadApart(ends.map(({mean}) => y(mean)), 15, [top, bottom]);
    const labels = isDirect ? curves.map(({label, index, fill}, i) => [
        line(x(ends[i].position) + 4, y(ends[i].mean), right + 8, heights[i], fill, .7), mark(right + 13, heights[i], index, fill, 4),
        text(right + 21, heights[i] + 4, 'start', label)]) : null;
    const positions = positionTicks(longest, logarithmic).map((tick) => text(x(tick), bottom + 17, 'middle', tick, colour('muted')));
    const description = `${kind.axis} by position in the answer. ${curves.map(({label, points}) =>
        `${label}: ${kind.format(points[0].mean)} at the start, ${kind.format(points[points.length - 1].mean)} at position ${points[points.length - 1].last}`).join('; ')}`;
    return chart(width, bottom + kBelow, description, gridOf(ticks, y, right, kind), key?.element, bands, lines, labels, positions,
                 text((kLeft + right) / 2, bottom + 35, 'middle', 'position in the answer', colour('muted')), hovers);
}

interface Bars extends LegendEntry {
    bins: Bin[];
}

const kRankClasses = ['unshifted', 'marginal', 'marginal', 'shifted', 'shifted', 'shifted', 'shifted'];

/** One run's base ranks wear the colours of the classes they fall in; otherwise the run's own. */
function barFills(series: readonly Bars[], metric: Metric): {definition: Child; value: string}[][] {
    if (series.length === 1 && metric === 'rank') {
        return [kRankClasses.map((name) => name === 'marginal' ? patternFill(1, colour(name)) : patternFill(0, colour(name)))];
    }
    return series.map(({index, fill, bins}) => {
        const pattern = patternFill(index, fill);
        return bins.map((_, i) => i ? {definition: null, value: pattern.value} : pattern);
    });
}

function drawBars(series: readonly Bars[], kind: ChartKind, width: number): SVGSVGElement {
    const several = series.length > 1;
    const right = width - 8;
    const fills = barFills(series, kind.metric);
    const key = several ? legendRows(series, kLeft, kTop + 26, right - kLeft, ({index}, x, y) =>
        s('rect', {x: x + 8, y: y - 7, width: 20, height: 13, rx: 2, fill: fills[series.findIndex((one) => one.index === index)][0].value})) : null;
    const top = kTop + 22 + (key?.height ?? 0);
    const bottom = top + kPlotHeight;
    const ticks = niceTicks(Math.max(...series.flatMap(({bins}) => bins.map(({share}) => share))));
    const y = (share: number): number => bottom - (bottom - top) * share / ticks[ticks.length - 1];
    const bins = series[0]?.bins ?? [];
    const group = (right - kLeft) / Math.max(1, bins.length);
    const bar = Math.min(44, group * 0.84 / series.length);
    const everyOther = bins.some(({label}) => textWidth(label) > group - 2) ? 2 : 1;
    const edges = kind.metric === 'rank' ? null : kEdges[kind.metric === 'probability' ? 'probability' : 'kl'];
    const labels = edges?.map((edge, i) => [line(kLeft + group * i, bottom, kLeft + group * i, bottom + 4, colour('muted')),
                                            text(kLeft + group * i, bottom + 17, 'middle', edge, colour('muted'))])
        ?? bins.map(({label}, i) => i % everyOther ? null : text(kLeft + group * (i + 0.5), bottom + 17, 'middle', label, colour('muted')));
    const bars = bins.map((bin, b) => {
        const middle = kLeft + group * (b + 0.5);
        return series.map(({label, bins: own}, i) => {
            const {share, count} = own[b];
            const left = middle + (i - series.length / 2) * bar;
            return withTip(s('g', null,
                s('rect', {x: left, y: top, width: bar, height: bottom - top, fill: 'transparent'}),
                s('rect', {x: left + .5, y: y(share), width: Math.max(1, bar - 1), height: bottom - y(share), rx: 1.5, fill: fills[i][b].value}),
                several || bar < 30 ? null : text(middle, y(share) - 5, 'middle', wholePercent(share), colour('muted'))),
                `${label}\n${kind.axis}: ${bin.label}\n${formatPercent(share, 2)} of positions (${formatCount(count)})`);
        });
    });
    const description = `Share of positions by ${kind.axis}. ${series.map(({label, bins: own}) =>
        `${label}: ${own.map((bin) => `${bin.label}: ${formatPercent(bin.share)}`).join(', ')}`).join('; ')}`;
    return chart(width, bottom + kBelow, description, s('defs', null, fills.flat().map(({definition}) => definition)),
                 gridOf(ticks, y, right, {axis: 'share of positions', format: kind.format}), key?.element, bars, labels,
                 text((kLeft + right) / 2, bottom + 35, 'middle', kind.axis, colour('muted')));
}

/** The charts as elements; draw() fills them, positions on a logarithmic axis or not. Runs whose KL is not known have a
 *  chart of its lower bound instead; where there are both kinds, both are shown. */
export function makeCharts(runs: readonly Run[]): {curves: HTMLElement[]; histograms: HTMLElement[]; draw(logarithmic: boolean): void} {
    const bounded = runs.filter((run) => run.isBounded).length;
    const divergences = (exact: ChartKind, bound: ChartKind): ChartKind[] => [...(bounded < runs.length ? [exact] : []), ...(bounded ? [bound] : [])];
    let isLogarithmic = true;
    const curves = [...divergences(kKlCurve, kKlBoundCurve), ...kCurves].map((kind): ChartCard => {
        let counted: Curve[] | null = null;
        return chartCard(kind.title, `curve-${kind.metric}`, (width) => {
            counted ??= curvesOf(runs, runs.map((run) => run.answers), kind.metric);
            return drawCurves(counted.map((curve) => ({...curve, ...entryOf(runs[curve.index])})), kind, isLogarithmic, width);
        });
    });
    const bars = [kRankBars, ...divergences(kKlBars, kKlBoundBars), kProbabilityBars].map((kind): ChartCard => {
        let counted: {run: Run; bins: Bin[]}[] | null = null;
        return chartCard(kind.title, `histogram-${kind.metric}`, (width) => {
            counted ??= runs.map((run) => ({run, bins: histogram(run, run.answers, kind.metric)})).filter(({bins}) => bins.length);
            return drawBars(counted.map(({run, bins}) => ({...entryOf(run), bins})), kind, width);
        });
    });
    return {
        curves: curves.map(({card}) => card),
        histograms: bars.map(({card}) => card),
        draw(logarithmic) {
            isLogarithmic = logarithmic;
            for (const {draw} of [...curves, ...bars]) draw();
        },
    };
}
