// The charts of the overview: curves by position and histograms, one series a run.

import {chartCard, showTip} from '../page/chart_card.js';
import {colour, kDashes, kRunColours} from '../page/palette.js';
import {histogram, kHistograms, kRankCap, positionCurve} from './statistics.js';

function config() {
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

function runScale(runs, theme) {
    return {domain: runs.map((run) => run.label), range: runs.map((run, i) => kRunColours[theme][i % 6])};
}

function series(runs, theme) {
    const legend = runs.length > 1 ? {symbolType: 'stroke', symbolSize: 350, symbolOpacity: 1} : null;
    return {
        color: {field: 'run', type: 'nominal', scale: runScale(runs, theme), legend},
        strokeDash: {
            field: 'run', type: 'nominal', legend,
            scale: {domain: runs.map((run) => run.label), range: runs.map((run, i) => kDashes[i % 6])},
        },
    };
}

function base(values, description) {
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

const kKlCurve = {metric: 'kl', title: 'Distance from the base model', axis: 'mean KL without ends, nats', format: '.2f'};
const kKlBoundCurve = {metric: 'klBound', title: 'Least distance from the base model',
                       axis: 'lower bound of the mean KL without ends, nats', format: '.2f'};
const kCurves = [
    {metric: 'rank', title: 'Base rank of the aligned token', axis: `mean base rank (≤ ${kRankCap})`, format: '.1f'},
    {metric: 'probability', title: 'What the base model gives it', axis: 'mean base probability', format: '.0%'},
];

/** Few enough ticks not to collide, at positions that a reader expects. */
function positionTicks(longest) {
    return [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].filter((tick) => tick <= longest);
}

export function curveSpecification(runs, subsets, {metric, axis, format}, options) {
    const values = runs.flatMap((run, i) => positionCurve(run, subsets[i], metric).map((point) => ({
        run: run.label, position: point.position, mean: point.mean, low: point.low, high: point.high,
        tip: [`${run.label} · position ${point.first === point.last ? point.first : `${point.first}–${point.last}`}`,
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

const kKlBars = {metric: 'kl', title: 'KL of one position', axis: 'KL(aligned ‖ base), nats'};
const kKlBoundBars = {metric: 'klBound', title: 'Lower bound of the KL of one position', axis: 'lower bound of KL(aligned ‖ base), nats'};
const kBars = [
    {metric: 'rank', title: 'Base ranks', axis: 'base rank of the token'},
    {metric: 'probability', title: 'Base probabilities', axis: 'base probability of the token, up to %'},
];

/** One run's base ranks wear the colours of the classes they fall in. */
function barColour(runs, metric, theme) {
    if (runs.length > 1) return {field: 'run', type: 'nominal', scale: runScale(runs, theme), legend: {}};
    if (metric !== 'rank') return {value: kRunColours[theme][0]};
    const classes = ['unshifted', 'marginal', 'marginal', 'shifted', 'shifted', 'shifted', 'shifted'];
    return {
        field: 'label', type: 'nominal', legend: null,
        scale: {domain: kHistograms.rank.map(([label]) => label), range: classes.map(colour)},
    };
}

export function histogramSpecification(runs, subsets, {metric, axis}, options) {
    const values = runs.flatMap((run, i) => histogram(run, subsets[i], metric).map((bin) => ({
        ...bin, run: run.label,
        tip: `${run.label}\n${axis}: ${bin.label}\n${(100 * bin.share).toFixed(2)} % of positions (${bin.count})`,
    })));
    return {
        ...base(values, `share of positions by ${axis}`),
        mark: {type: 'bar', cornerRadiusEnd: 2},
        encoding: {
            x: {field: 'label', type: 'ordinal', sort: {field: 'order'}, title: axis, axis: {labelAngle: 0, labelOverlap: true}},
            xOffset: runs.length > 1 ? {field: 'run', type: 'nominal', sort: runs.map((run) => run.label)} : undefined,
            y: {field: 'share', type: 'quantitative', title: 'share of positions', axis: {format: '.0%', tickCount: 5}},
            color: barColour(runs, metric, options.theme),
            tooltip: {field: 'tip', type: 'nominal'},
        },
    };
}

/** The charts as elements; `draw(options)` fills them: {subsets, logarithmic, theme}. Runs whose KL is not known have a
 *  chart of its lower bound instead; where there are both kinds, both are shown. */
export function makeCharts(runs) {
    const bounded = runs.filter((run) => run.isBounded).length;
    const divergences = (exact, bound) => [...(bounded < runs.length ? [exact] : []), ...(bounded ? [bound] : [])];
    const curves = [...divergences(kKlCurve, kKlBoundCurve), ...kCurves];
    const bars = [kBars[0], ...divergences(kKlBars, kKlBoundBars), kBars[1]];
    const charts = [
        ...curves.map((chart) => ({...chart, make: curveSpecification})),
        ...bars.map((chart) => ({...chart, make: histogramSpecification})),
    ];
    for (const chart of charts) Object.assign(chart, chartCard(chart.title, `${chart.make === curveSpecification ? 'curve' : 'histogram'}-${chart.metric}`,
        () => chart.card.view.toSVG()));
    return {
        curves: charts.slice(0, curves.length).map((chart) => chart.card),
        histograms: charts.slice(curves.length).map((chart) => chart.card),
        async draw(options) {
            for (const chart of charts) {
                chart.card.view?.finalize();
                chart.card.view = await urialCharts.draw(chart.holder, chart.make(runs, options.subsets, chart, options), showTip);
            }
        },
    };
}
