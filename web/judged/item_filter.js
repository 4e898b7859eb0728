// Which items the browser shows, and in which order. Pure functions over the items of data.js.

import {outcomeOf, readVerdict} from './data.js';

export const kFacets = ['task', 'topic', 'source', 'difficulty'];

/** The scores of an aspect (empty: of all aspects) in some records. */
function scoresOf(records, aspect) {
    const scores = [];
    for (const record of records) {
        for (const [name, raw] of Object.entries(record.verdicts)) {
            if ((!aspect || name === aspect) && 'score' in raw) scores.push(raw.score);
        }
    }
    return scores;
}

function mean(values) {
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
}

/** Highest minus lowest; 0 for fewer than two. */
function spread(values) {
    const numbers = values.filter((value) => !Number.isNaN(value));
    return numbers.length > 1 ? Math.max(...numbers) - Math.min(...numbers) : 0;
}

function aspectsOf(item, aspect) {
    if (aspect) return [aspect];
    return [...new Set(item.of.flatMap((own) => own.records.flatMap((record) => Object.keys(record.verdicts))))];
}

/** The largest gap between two runs on one aspect; the sum of all gaps decides between equals. */
function runDisagreement(item, aspect) {
    const gaps = aspectsOf(item, aspect).map((name) => spread(item.of.map((own) => mean(scoresOf(own.records, name)))));
    return Math.max(0, ...gaps) + gaps.reduce((sum, gap) => sum + gap, 0) / 1000;
}

/** The same between judges of one answer; a comparison that its orders or judges decide differently counts one step. */
function judgeDisagreement(item, aspect) {
    let most = 0;
    let sum = 0;
    const see = (gap) => { most = Math.max(most, gap); sum += gap; };
    for (const own of item.of) {
        for (const name of aspectsOf(item, aspect)) {
            for (const column of own.answers) {
                const turns = new Set(column.records.map((record) => record.turn));
                for (const turn of turns) see(spread(scoresOf(column.records.filter((record) => record.turn === turn), name)));
            }
            const outcomes = new Set(own.comparisons.map((comparison) => outcomeOf(comparison, name)).filter((x) => x !== null));
            if (outcomes.has('flip') || outcomes.size > 1) see(1);
        }
    }
    return most + sum / 1000;
}

function everyScore(item, aspect) {
    return mean(item.of.flatMap((own) => scoresOf(own.records, aspect)));
}

function longest(item) {
    return Math.max(0, ...item.of.flatMap((own) => own.records.map((record) => Math.max(record.answer.output.length, record.other?.output.length ?? 0))));
}

/** name -> [title, value, direction]. Items without a value (NaN) come last. */
export const kOrders = {
    runs: ['runs disagree most', runDisagreement, -1],
    judges: ['judges or orders disagree most', judgeDisagreement, -1],
    lowest: ['lowest scores first', everyScore, 1],
    highest: ['highest scores first', everyScore, -1],
    longest: ['longest answers first', longest, -1],
};

/** Whether several judges, or both orders, spoke about one answer somewhere. */
export function hasSeveralJudges(items) {
    return items.some((item) => item.of.some((own) =>
        own.comparisons.some((comparison) => comparison.orders.length > 1) ||
        own.answers.some((column) => new Set(column.records.map((record) => record.judge)).size > 1)));
}

/** name -> [title, test of one verdict]; "flip" looks at whole comparisons. */
export function makeConditions(runs) {
    const scores = new Set(runs.flatMap((run) => scoresOf(run.records, '')));
    const conditions = {};
    for (const score of [...scores].sort((a, b) => b - a)) conditions[`=${score}`] = [`score ${score}`, (verdict) => verdict.value === score && verdict.kind === 'score'];
    if (scores.size > 2) conditions.low = ['score 2 or lower', (verdict) => verdict.kind === 'score' && verdict.value <= 2];
    const kinds = new Set(runs.flatMap((run) => run.records.flatMap((record) => Object.values(record.verdicts).map((raw) => readVerdict(raw).kind))));
    if (kinds.has('preference')) {
        conditions.flip = ['flips with the order', null];
        conditions.tie = ['tie', (verdict) => verdict.kind === 'preference' && verdict.value === 'tie'];
    }
    if (kinds.has('not_applicable')) conditions.not_applicable = ['not applicable', (verdict) => verdict.kind === 'not_applicable'];
    if (kinds.has('unscored')) conditions.unscored = ['unscored', (verdict) => verdict.kind === 'unscored'];
    return conditions;
}

function fulfils(own, name, test, aspect) {
    if (name === 'flip') {
        return own.comparisons.some((comparison) => [...comparison.orders[0].verdicts.keys()]
            .some((other) => (!aspect || other === aspect) && outcomeOf(comparison, other) === 'flip'));
    }
    return own.records.some((record) => Object.entries(record.verdicts)
        .some(([other, raw]) => (!aspect || other === aspect) && test(readVerdict(raw))));
}

function mentions(item, text, shown) {
    if (item.instruction.toLowerCase().includes(text)) return true;
    return shown.some((run) => item.of[run.index].records.some((record) =>
        [record.answer.output, record.other?.output ?? '', ...(record.answer.follow_ups ?? []), ...Object.values(record.verdicts).map((raw) => readVerdict(raw).reason)]
            .some((part) => part.toLowerCase().includes(text))));
}

/**
 * `wanted`: {text, tags: {task, topic, source, difficulty}, aspect, condition, id, order}; `shown`: the runs whose
 * verdicts and answers count.
 */
export function selectItems(items, wanted, shown, conditions) {
    const text = wanted.text.toLowerCase();
    const chosen = items.filter((item) => {
        if (wanted.id !== null && item.id !== wanted.id) return false;
        if (kFacets.some((facet) => wanted.tags[facet] && !item.tags[facet].includes(wanted.tags[facet]))) return false;
        if (!shown.some((run) => item.of[run.index].records.length)) return false;
        if (wanted.condition) {
            const test = conditions[wanted.condition][1];
            if (!shown.some((run) => fulfils(item.of[run.index], wanted.condition, test, wanted.aspect))) return false;
        }
        return !text || mentions(item, text, shown);
    });
    const order = kOrders[wanted.order];
    if (!order) return chosen;
    const [, value, direction] = order;
    const values = new Map(chosen.map((item) => {
        const of = shown.map((run) => item.of[run.index]);
        const number = value({...item, of}, wanted.aspect);
        return [item, Number.isNaN(number) ? Infinity : direction * number];
    }));
    return chosen.sort((a, b) => values.get(a) - values.get(b) || 0);
}

/** [[tag, items that carry it]] of a facet, most frequent first. */
export function facetCounts(items, facet) {
    const counts = new Map();
    for (const item of items) for (const tag of item.tags[facet]) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
}
