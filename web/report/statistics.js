// The numbers of the report, from the columns of a run. Pure functions; a `subset` is a list of answers of the run.

import {classOf} from './data.js';

const kResamples = 2000;
const kNormal95 = 1.96;
/** Ranks beyond this count as this in the mean base rank, as in the paper's Figure 4. */
export const kRankCap = 50;

/** Mulberry32: small, seeded, the same in every browser and in src/shift/summary.cpp, whose intervals these are. */
function randomNumbers(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** Tokens of each class in one answer. */
export function classCounts(run, answer) {
    const counts = [0, 0, 0];
    const ranks = run.columns.base_rank;
    for (let p = answer.start; p < answer.start + answer.length; ++p) ++counts[classOf(ranks[p])];
    return counts;
}

function percentileInterval(sorted) {
    const at = (q) => sorted[Math.floor(q * (sorted.length - 1) + 0.5)];
    return [at(0.025), at(0.975)];
}

/**
 * Ratios of sums over answers with 95 % percentile bootstrap intervals: answers are drawn, not tokens, because the
 * tokens of one answer are not independent. `rows` are [weight, sum 1, sum 2, ...] per answer.
 */
export function bootstrapRatios(rows, resamples = kResamples) {
    const width = rows.length ? rows[0].length - 1 : 0;
    const totals = new Float64Array(width + 1);
    for (const row of rows) row.forEach((value, i) => totals[i] += value);
    const ratios = [];
    const random = randomNumbers(20231204);
    const samples = Array.from({length: width}, () => new Float64Array(resamples));
    const flat = Float64Array.from(rows.flat());
    const sums = new Float64Array(width + 1);
    for (let r = 0; r < resamples; ++r) {
        sums.fill(0);
        for (let i = 0; i < rows.length; ++i) {
            const row = Math.floor(random() * rows.length) * (width + 1);
            for (let j = 0; j <= width; ++j) sums[j] += flat[row + j];
        }
        for (let j = 0; j < width; ++j) samples[j][r] = sums[0] > 0 ? sums[j + 1] / sums[0] : 0;
    }
    for (let j = 0; j < width; ++j) {
        const [low, high] = percentileInterval(samples[j].sort());
        ratios.push({value: totals[0] > 0 ? totals[j + 1] / totals[0] : NaN, low, high});
    }
    return ratios;
}

/** Whether a position holds the token that ends its answer: the last one, written <...> (src/shift/token_groups.cpp). */
export function endsAnswer(run, answer, position) {
    return position === answer.start + answer.length - 1 && /^<[^ ]+>$/s.test(run.token(position).trim());
}

/** Mean KL(aligned || base) of one answer, without the positions where it is infinite (NaN in the columns); NaN where the
 *  run has none. */
export function meanKl(run, answer) {
    const [finite, sum] = finiteSum(run, answer, 'kl_ab');
    return finite ? sum / finite : NaN;
}

/** How many positions have a finite value, and their sum; without the token that ends the answer if `withEnd` is false. */
function finiteSum(run, answer, column, withEnd = true) {
    let finite = 0;
    let sum = 0;
    const values = run.columns[column];
    if (!values) return [0, 0];
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
        if (Number.isNaN(values[p]) || (!withEnd && endsAnswer(run, answer, p))) continue;
        ++finite;
        sum += values[p];
    }
    return [finite, sum];
}

/** The bounds of a run that has no KL, as means with intervals; null where the KL is known. */
function boundsOf(run, subset) {
    if (!run.isBounded) return null;
    const mean = (column, withEnd = true) => bootstrapRatios(subset.map((answer) => finiteSum(run, answer, column, withEnd)))[0];
    return {kl: mean('kl_ab_lower_bound'), klWithoutEnds: mean('kl_ab_lower_bound', false),
            tvLower: mean('tv_lower_bound'), tvUpper: mean('tv_upper_bound')};
}

/** The headline: shares of the classes, mean KL, self-agreement, near-ties. */
export function summarize(run, subset) {
    const {token, aligned_argmax, base_margin, aligned_margin} = run.columns;
    const rows = [];
    let agreeing = 0;
    const ties = {base: 0, aligned: 0};
    let positions = 0;
    const klRows = [];
    const klRowsWithoutEnds = [];
    let ends = 0;
    for (const answer of subset) {
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            if (aligned_argmax[p] === token[p]) ++agreeing;
            if (base_margin[p] < kNearTie) ++ties.base;
            if (aligned_margin[p] < kNearTie) ++ties.aligned;
        }
        positions += answer.length;
        rows.push([answer.length, ...classCounts(run, answer)]);
        klRows.push(finiteSum(run, answer, 'kl_ab'));
        klRowsWithoutEnds.push(finiteSum(run, answer, 'kl_ab', false));
        if (answer.length && endsAnswer(run, answer, answer.start + answer.length - 1)) ++ends;
    }
    return {
        answers: subset.length,
        positions,
        shares: bootstrapRatios(rows),
        kl: bootstrapRatios(klRows)[0],
        ends,
        klWithoutEnds: bootstrapRatios(klRowsWithoutEnds)[0],
        bounds: boundsOf(run, subset),
        infiniteKl: run.isBounded ? 0 : positions - klRows.reduce((sum, [finite]) => sum + finite, 0),
        selfAgreement: agreeing / positions,
        nearTies: {base: ties.base / positions, aligned: ties.aligned / positions},
    };
}
/** A lead of the first candidate over the second, in nats, below which rounding can turn them around. */
export const kNearTie = 0.05;

/** Positions 1, 2, 3, ... at first, then wider and wider groups: [first, last], counted from 1. */
export function positionGroups(longest) {
    const groups = [];
    for (let first = 1; first <= longest;) {
        const last = Math.min(longest, Math.max(first, Math.floor(first * 1.18)));
        groups.push([first, last]);
        first = last + 1;
    }
    return groups;
}

const kMetrics = {
    kl: (columns, p) => columns.kl_ab[p],
    klBound: (columns, p) => columns.kl_ab_lower_bound[p],
    rank: (columns, p) => Math.min(kRankCap, columns.base_rank[p]),
    // A log-probability that is not finite (NaN here) is that of an impossible token.
    probability: (columns, p) => Math.exp(columns.base_logp[p]) || 0,
};

/** Whether the run has the metric at all. */
function hasMetric(run, metric) {
    return metric === 'kl' ? !run.isBounded : metric === 'klBound' ? run.isBounded : true;
}

/** What a mean can be; the normal approximation knows no bounds. */
const kBounds = {kl: [0, Infinity], klBound: [0, Infinity], rank: [1, kRankCap], probability: [0, 1]};

/**
 * The mean of "kl", "klBound", "rank" or "probability" by position, with the 95 % interval of the mean over answers. "kl"
 * and "klBound" leave out the tokens that end answers; a run that does not have them has no curve. A group that fewer than `fewest` answers reach is left out: it would be noise.
 */
export function positionCurve(run, subset, metric, fewest = 5) {
    const value = kMetrics[metric];
    const [least, most] = kBounds[metric];
    const longest = subset.reduce((most, answer) => Math.max(most, answer.length), 0);
    const curve = [];
    if (!hasMetric(run, metric)) return curve;
    for (const [first, last] of positionGroups(longest)) {
        let n = 0;
        let sum = 0;
        let squares = 0;
        for (const answer of subset) {
            const end = Math.min(last, answer.length);
            if (end < first) continue;
            let total = 0;
            let finite = 0;
            for (let i = first; i <= end; ++i) {
                const x = value(run.columns, answer.start + i - 1);
                if (Number.isNaN(x) || (metric.startsWith('kl') && endsAnswer(run, answer, answer.start + i - 1))) continue;
                total += x;
                ++finite;
            }
            if (!finite) continue;
            const mean = total / finite;
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

/** Bins are [label, upper bound]; the last bound is Infinity. */
export const kHistograms = {
    rank: [['1', 1], ['2', 2], ['3', 3], ['≤ 10', 10], ['≤ 100', 100], ['≤ 1k', 1000], ['> 1k', Infinity]],
    kl: [['≤ 0.01', 0.01], ['≤ 0.03', 0.03], ['≤ 0.1', 0.1], ['≤ 0.3', 0.3], ['≤ 1', 1], ['≤ 3', 3], ['> 3', Infinity]],
    probability: [['10', 0.1], ['20', 0.2], ['30', 0.3], ['40', 0.4], ['50', 0.5], ['60', 0.6], ['70', 0.7], ['80', 0.8],
                  ['90', 0.9], ['100', Infinity]],
};

export function histogram(run, subset, metric) {
    const value = metric === 'rank' ? (columns, p) => columns.base_rank[p] : kMetrics[metric];
    const bins = kHistograms[metric === 'klBound' ? 'kl' : metric];
    if (!hasMetric(run, metric)) return [];
    const counts = new Array(bins.length).fill(0);
    let total = 0;
    for (const answer of subset) {
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            const x = value(run.columns, p);
            ++counts[Number.isNaN(x) ? bins.length - 1 : bins.findIndex(([, upper]) => x <= upper)];
            ++total;
        }
    }
    return bins.map(([label], i) => ({label, order: i, share: total ? counts[i] / total : 0, count: counts[i]}));
}

/** One row per token text: how often, how often of each class, mean KL, and what the base model would rather say. */
export function tokenTable(run, subset) {
    const {token, base_rank, base_argmax, kl_ab} = run.columns;
    const rows = new Map();
    for (const answer of subset) {
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            const text = run.tokens[token[p]];
            let row = rows.get(text);
            if (!row) rows.set(text, row = {text, count: 0, classes: [0, 0, 0], kl: 0, finite: 0, instead: new Map()});
            const kind = classOf(base_rank[p]);
            ++row.count;
            ++row.classes[kind];
            if (kl_ab && !Number.isNaN(kl_ab[p])) {
                row.kl += kl_ab[p];
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

/** The tags of the answers with the number of answers that carry each, most frequent first. */
export function tagCounts(runs) {
    const counts = new Map();
    const seen = new Set();
    for (const run of runs) {
        for (const answer of run.answers) {
            if (seen.has(answer.id)) continue;
            seen.add(answer.id);
            for (const tag of answer.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
        }
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
}
