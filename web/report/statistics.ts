// The numbers of the report, from the columns of a run. Pure functions; a `subset` is a list of answers of the run.

import {classIndex} from '../page/position';
import type {Answer, Run, ShiftRun} from './data';

const kResamples = 2000;
const kNormal95 = 1.96;
/** Ranks beyond this count as this in the mean base rank, as in the paper's Figure 4. */
export const kRankCap = 50;

/** Mulberry32: small, seeded, the same in every browser and in src/shift/summary.cpp, whose intervals these are. */
export function randomNumbers(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** Where an answer's positions lie. */
type Span = Pick<Answer, 'start' | 'length'>;

export type Counts = [number, number, number];  // unshifted, marginal, shifted

export interface Ratio {
    value: number;
    low: number;
    high: number;
}

/** Tokens of each class in one answer. */
export function classCounts(run: ShiftRun, answer: Span): Counts {
    const counts: Counts = [0, 0, 0];
    const ranks = run.columns.base_rank;
    for (let p = answer.start; p < answer.start + answer.length; ++p) ++counts[classIndex(ranks[p])];
    return counts;
}

function percentileInterval(sorted: ArrayLike<number>): [number, number] {
    const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1) + 0.5)];
    return [at(0.025), at(0.975)];
}

let drawn: {rows: number; resamples: number; draws: Uint32Array} | null = null;

/** Which rows each resample draws, one resample after the other: always the same for a number of rows. */
function drawsOf(rows: number, resamples: number): Uint32Array {
    if (drawn?.rows !== rows || drawn.resamples !== resamples) {
        const random = randomNumbers(20231204);
        const draws = new Uint32Array(rows * resamples);
        for (let i = 0; i < draws.length; ++i) draws[i] = Math.floor(random() * rows);
        drawn = {rows, resamples, draws};
    }
    return drawn.draws;
}

/** The value of `statistic` for every resample of the rows; it gets the sums of the columns. */
function resampled(rows: readonly (readonly number[])[], resamples: number, values: number, statistic: (sums: Float64Array, j: number) => number): Float64Array[] {
    // Column by column: a short array at random places is read much faster than rows of a long one.
    const columns = rows[0].map((_, j) => Float64Array.from(rows, (row) => row[j]));
    const draws = drawsOf(rows.length, resamples);
    const samples = Array.from({length: values}, () => new Float64Array(resamples));
    const sums = new Float64Array(columns.length);
    for (let r = 0; r < resamples; ++r) {
        columns.forEach((column, j) => { sums[j] = drawnSum(column, draws, r * rows.length); });
        for (let j = 0; j < values; ++j) samples[j][r] = statistic(sums, j);
    }
    return samples;
}

function drawnSum(column: Float64Array, draws: Uint32Array, from: number): number {
    let sum = 0;
    for (let at = from, end = from + column.length; at < end; ++at) sum += column[draws[at]];
    return sum;
}

function sumsOf(rows: readonly (readonly number[])[]): number[] {
    const totals = rows[0].map(() => 0);
    for (const row of rows) row.forEach((value, i) => { totals[i] += value; });
    return totals;
}

/**
 * Ratios of sums over answers with 95 % percentile bootstrap intervals: answers are drawn, not tokens, because the
 * tokens of one answer are not independent. `rows` are [weight, sum 1, sum 2, ...] per answer.
 */
export function bootstrapRatios(rows: readonly (readonly number[])[], resamples = kResamples): Ratio[] {
    if (!rows.length) return [];
    const totals = sumsOf(rows);
    const samples = resampled(rows, resamples, totals.length - 1, (sums, j) => sums[0] > 0 ? sums[j + 1] / sums[0] : 0);
    return samples.map((sample, j) => {
        const [low, high] = percentileInterval(sample.sort());
        return {value: totals[0] > 0 ? totals[j + 1] / totals[0] : NaN, low, high};
    });
}

/**
 * The ratios of `after` minus those of `before` over the same answers, which are drawn together: row i of both is about
 * the same question.
 */
export function bootstrapDifferences(before: readonly (readonly number[])[], after: readonly (readonly number[])[], resamples = kResamples): Ratio[] {
    if (!before.length) return [];
    const width = before[0].length;
    const difference = (sums: ArrayLike<number>, j: number): number => sums[width + j + 1] / sums[width] - sums[j + 1] / sums[0];
    const rows = before.map((row, i) => [...row, ...after[i]]);
    const totals = sumsOf(rows);
    return resampled(rows, resamples, width - 1, difference).map((sample, j) => {
        const [low, high] = percentileInterval(sample.sort());
        return {value: difference(totals, j), low, high};
    });
}

/** Whether a position holds the token that ends its answer: the last one, written <...> (src/shift/token_groups.cpp). */
export function endsAnswer(run: ShiftRun, answer: Span, position: number): boolean {
    return position === answer.start + answer.length - 1 && /^<[^ ]+>$/s.test(run.token(position).trim());
}

/** Mean KL(aligned || base) of one answer, without the positions where it is infinite (NaN in the columns); NaN where the
 *  run has none. */
export function meanKl(run: ShiftRun, answer: Span): number {
    const [finite, sum] = finiteSum(run, answer, 'kl_ab');
    return finite ? sum / finite : NaN;
}

type SummedColumn = 'kl_ab' | 'kl_ab_lower_bound' | 'tv_lower_bound' | 'tv_upper_bound';

/** How many positions have a finite value, and their sum; without the token that ends the answer if `withEnd` is false. */
function finiteSum(run: ShiftRun, answer: Span, column: SummedColumn, withEnd = true): [number, number] {
    let finite = 0;
    let sum = 0;
    const values = run.columns[column];
    if (!values) return [0, 0];
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
        const value = values[p];
        if (Number.isNaN(value) || (!withEnd && endsAnswer(run, answer, p))) continue;
        ++finite;
        sum += value;
    }
    return [finite, sum];
}

const kNoRatio: Ratio = {value: NaN, low: NaN, high: NaN};

function meanOf(run: ShiftRun, subset: readonly Span[], column: SummedColumn, withEnd = true): Ratio {
    if (!run.columns[column]) return kNoRatio;
    return bootstrapRatios(subset.map((answer) => finiteSum(run, answer, column, withEnd)))[0] ?? kNoRatio;
}

export interface Bounds {
    kl: Ratio;
    klWithoutEnds: Ratio;
    tvLower: Ratio;
    tvUpper: Ratio;
}

/** The bounds of a run that has no KL, as means with intervals; null where the KL is known. */
function boundsOf(run: ShiftRun, subset: readonly Span[]): Bounds | null {
    if (!run.isBounded) return null;
    return {kl: meanOf(run, subset, 'kl_ab_lower_bound'), klWithoutEnds: meanOf(run, subset, 'kl_ab_lower_bound', false),
            tvLower: meanOf(run, subset, 'tv_lower_bound'), tvUpper: meanOf(run, subset, 'tv_upper_bound')};
}

/** How one run differs from another over the answers that both have. */
export interface PairedDifference {
    answers: number;
    shares: Ratio[];
    kl: Ratio | null;   // null where a run has only bounds
}

/** `after` minus `before`; `pairs` are the answers to the same questions. */
export function pairedDifference(before: ShiftRun, after: ShiftRun, pairs: readonly (readonly [Span, Span])[]): PairedDifference {
    const shareRow = (run: ShiftRun, answer: Span): number[] => [answer.length, ...classCounts(run, answer)];
    return {
        answers: pairs.length,
        shares: bootstrapDifferences(pairs.map(([answer]) => shareRow(before, answer)), pairs.map(([, answer]) => shareRow(after, answer))),
        kl: before.isBounded || after.isBounded ? null : bootstrapDifferences(pairs.map(([answer]) => finiteSum(before, answer, 'kl_ab')),
                                                                              pairs.map(([, answer]) => finiteSum(after, answer, 'kl_ab')))[0],
    };
}

/** A lead of the first candidate over the second, in nats, below which rounding can turn them around. */
export const kNearTie = 0.05;

export interface RunSummary {
    answers: number;
    positions: number;
    shares: Ratio[];       // unshifted, marginal, shifted
    kl: Ratio;             // NaN where only bounds are known
    ends: number;          // answers with a token that ends them
    klWithoutEnds: Ratio;
    bounds: Bounds | null;
    infiniteKl: number;    // positions
    selfAgreement: number;
    nearTies: {base: number; aligned: number};
}

/** The headline: shares of the classes, mean KL, self-agreement, near-ties. */
export function summarize(run: ShiftRun, subset: readonly Span[]): RunSummary {
    const {token, aligned_argmax, base_margin, aligned_margin} = run.columns;
    let agreeing = 0;
    const ties = {base: 0, aligned: 0};
    let positions = 0;
    let finite = 0;
    let ends = 0;
    for (const answer of subset) {
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            if (aligned_argmax[p] === token[p]) ++agreeing;
            if (base_margin[p] < kNearTie) ++ties.base;
            if (aligned_margin[p] < kNearTie) ++ties.aligned;
        }
        positions += answer.length;
        finite += finiteSum(run, answer, 'kl_ab')[0];
        if (answer.length && endsAnswer(run, answer, answer.start + answer.length - 1)) ++ends;
    }
    const kl = meanOf(run, subset, 'kl_ab');
    return {
        answers: subset.length,
        positions,
        shares: bootstrapRatios(subset.map((answer) => [answer.length, ...classCounts(run, answer)])),
        kl,
        ends,
        klWithoutEnds: ends ? meanOf(run, subset, 'kl_ab', false) : kl,
        bounds: boundsOf(run, subset),
        infiniteKl: run.isBounded ? 0 : positions - finite,
        selfAgreement: agreeing / positions,
        nearTies: {base: ties.base / positions, aligned: ties.aligned / positions},
    };
}

/** Positions 1, 2, 3, ... at first, then wider and wider groups: [first, last], counted from 1. */
export function positionGroups(longest: number): [number, number][] {
    const groups: [number, number][] = [];
    for (let first = 1; first <= longest;) {
        const last = Math.min(longest, Math.max(first, Math.floor(first * 1.18)));
        groups.push([first, last]);
        first = last + 1;
    }
    return groups;
}

export type Metric = 'kl' | 'klBound' | 'rank' | 'probability';

/** What a position counts; NaN: nothing. */
const kMetrics: Record<Metric, (run: ShiftRun, p: number) => number> = {
    kl: ({columns}, p) => columns.kl_ab?.[p] ?? NaN,
    klBound: ({columns}, p) => columns.kl_ab_lower_bound?.[p] ?? NaN,
    rank: ({columns}, p) => Math.min(kRankCap, columns.base_rank[p]),
    // A log-probability that is not finite (NaN here) is that of an impossible token.
    probability: ({columns}, p) => Math.exp(columns.base_logp[p]) || 0,
};

/** Whether the run has the metric at all. */
function hasMetric(run: ShiftRun, metric: Metric): boolean {
    return metric === 'kl' ? !run.isBounded : metric === 'klBound' ? run.isBounded : true;
}

/** What a mean can be; the normal approximation knows no bounds. */
const kBounds: Record<Metric, [number, number]> = {kl: [0, Infinity], klBound: [0, Infinity], rank: [1, kRankCap], probability: [0, 1]};

export interface CurvePoint {
    first: number;     // positions, from 1
    last: number;
    position: number;  // their middle
    mean: number;
    low: number;
    high: number;
    answers: number;
}

/** The mean over an answer's positions from `first` to `last`, counted from 1; NaN where none counts. */
function meanWithin(run: ShiftRun, answer: Span, metric: Metric, first: number, last: number): number {
    const value = kMetrics[metric];
    let total = 0;
    let finite = 0;
    for (let p = answer.start + first - 1; p < answer.start + Math.min(last, answer.length); ++p) {
        const x = value(run, p);
        if (Number.isNaN(x) || (metric.startsWith('kl') && endsAnswer(run, answer, p))) continue;
        total += x;
        ++finite;
    }
    return finite ? total / finite : NaN;
}

/**
 * The mean of a metric by position, with the 95 % interval of the mean over answers. "kl" and "klBound" leave out the
 * tokens that end answers; a run that does not have them has no curve. A group that fewer than `fewest` answers reach is
 * left out: it would be noise.
 */
export function positionCurve(run: ShiftRun, subset: readonly Span[], metric: Metric, fewest = 5): CurvePoint[] {
    const [least, most] = kBounds[metric];
    const longest = subset.reduce((max, answer) => Math.max(max, answer.length), 0);
    const curve: CurvePoint[] = [];
    if (!hasMetric(run, metric)) return curve;
    for (const [first, last] of positionGroups(longest)) {
        let n = 0;
        let sum = 0;
        let squares = 0;
        for (const answer of subset) {
            const mean = meanWithin(run, answer, metric, first, last);
            if (Number.isNaN(mean)) continue;
            ++n;
            sum += mean;
            squares += mean * mean;
        }
        if (n < Math.min(fewest, subset.length) || n === 0) break;
        const mean = sum / n;
        const error = n > 1 ? kNormal95 * Math.sqrt(Math.max(0, squares / n - mean * mean) / (n - 1)) : 0;
        curve.push({first, last, position: (first + last) / 2, mean, low: Math.max(least, mean - error),
                    high: Math.min(most, mean + error), answers: n});
    }
    return curve;
}

type Bins = readonly (readonly [label: string, upper: number])[];

/** Bins between consecutive edges; beyond the last one there is another if `isOpen`. */
function between(edges: readonly number[], isOpen: boolean): Bins {
    const bins = edges.slice(1).map((upper, i): [string, number] => [`${edges[i]}–${upper}`, upper]);
    return isOpen ? [...bins, [`> ${edges[edges.length - 1]}`, Infinity]] : [...bins.slice(0, -1), [bins[bins.length - 1][0], Infinity]];
}

/** Where bins of numbers meet; ranks are whole numbers, their bins have names. */
export const kEdges: Record<'kl' | 'probability', readonly number[]> = {
    kl: [0, 0.01, 0.03, 0.1, 0.3, 1, 3], probability: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
};

/** Bins are [label, upper bound, which belongs to it]; the last bound is Infinity. */
export const kHistograms: Record<'rank' | 'kl' | 'probability', Bins> = {
    rank: [['1', 1], ['2', 2], ['3', 3], ['4–10', 10], ['11–100', 100], ['101–1k', 1000], ['> 1k', Infinity]],
    kl: between(kEdges.kl, true),
    probability: between(kEdges.probability, false),
};

export interface Bin {
    label: string;
    share: number;
    count: number;
}

export function histogram(run: ShiftRun, subset: readonly Span[], metric: Metric): Bin[] {
    const value = metric === 'rank' ? ({columns}: ShiftRun, p: number) => columns.base_rank[p] : kMetrics[metric];
    const bins = kHistograms[metric === 'klBound' ? 'kl' : metric];
    if (!hasMetric(run, metric)) return [];
    const counts = bins.map(() => 0);
    let total = 0;
    for (const answer of subset) {
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            const x = value(run, p);
            ++counts[Number.isNaN(x) ? bins.length - 1 : bins.findIndex(([, upper]) => x <= upper)];
            ++total;
        }
    }
    return bins.map(([label], i) => ({label, share: total ? counts[i] / total : 0, count: counts[i]}));
}

export interface TokenRow {
    text: string;
    count: number;
    marginal: number;
    shifted: number;
    share: number;  // of its occurrences that are shifted
    kl: number;
    instead: {text: string; times: number}[];
}

/** One row per token text: how often, how often of each class, mean KL, and what the base model would rather say. */
export function tokenTable(run: ShiftRun, subset: readonly Span[]): TokenRow[] {
    const {token, base_rank, base_argmax, kl_ab} = run.columns;
    const rows = new Map<string, {text: string; count: number; classes: Counts; kl: number; finite: number; instead: Map<number, number>}>();
    for (const answer of subset) {
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            const text = run.tokens[token[p]];
            let row = rows.get(text);
            if (!row) rows.set(text, row = {text, count: 0, classes: [0, 0, 0], kl: 0, finite: 0, instead: new Map()});
            const kind = classIndex(base_rank[p]);
            const kl = kl_ab?.[p] ?? NaN;
            ++row.count;
            ++row.classes[kind];
            if (!Number.isNaN(kl)) {
                row.kl += kl;
                ++row.finite;
            }
            if (kind === 2) row.instead.set(base_argmax[p], (row.instead.get(base_argmax[p]) ?? 0) + 1);
        }
    }
    return [...rows.values()].map((row) => ({
        text: row.text,
        count: row.count,
        marginal: row.classes[1],
        shifted: row.classes[2],
        share: row.classes[2] / row.count,
        kl: row.finite ? row.kl / row.finite : NaN,
        instead: [...row.instead].sort((a, b) => b[1] - a[1]).slice(0, 3)
            .map(([index, times]) => ({text: run.tokens[index], times})),
    }));
}

/** What makes two answers of different runs answers to the same question. */
export function answerKey({id, instruction}: Pick<Answer, 'id' | 'instruction'>): string {
    return JSON.stringify([id, instruction]);
}

/** The tags of the answers with the number of answers that carry each, most frequent first. */
export function tagCounts(runs: readonly Run[]): [string, number][] {
    const counts = new Map<string, number>();
    const seen = new Set<string>();
    for (const run of runs) {
        for (const answer of run.answers) {
            const key = answerKey(answer);
            if (seen.has(key)) continue;
            seen.add(key);
            for (const tag of answer.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
        }
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
}
