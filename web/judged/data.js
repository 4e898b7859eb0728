// Judged runs out of the page's data blocks (docs/report.md): per run the computed numbers and every record. Items of
// several runs belong together when id and instruction are equal. Pure functions but for loadRuns().

import {parseBlock} from '../page/blocks.js';

export async function loadRuns(header) {
    return Promise.all(header.runs.map(async (run, index) => {
        const records = await parseBlock(`run-${index}-records`);
        return {...run, index, records, highest: highestOf(records)};
    }));
}

/** [{base, run, unshifted, marginal, shifted, kl, answers: {id: [[class 1 to 3, text]]}}]: what pairs of models found. */
export async function loadColours(header) {
    return Promise.all((header.colours ?? []).map(async (colours, index) => ({...colours, answers: await parseBlock(`colours-${index}`)})));
}

const kTops = [5, 10];

/** The top of the scale: the rubrics' scales begin at 1 and end at 5 or 10; which, the scores say. */
function highestOf(records) {
    let highest = 0;
    for (const {verdicts} of records) for (const verdict of Object.values(verdicts)) highest = Math.max(highest, verdict.score ?? 0);
    return kTops.find((top) => top >= highest) ?? Math.ceil(highest);
}

/** {kind: 'score' | 'preference' | 'labels' | 'not_applicable' | 'unscored', value, reason}. */
export function readVerdict(verdict) {
    const kind = ['score', 'preference', 'labels', 'not_applicable', 'unscored'].find((name) => name in verdict);
    return {kind, value: verdict[kind], reason: verdict.reason ?? verdict.raw ?? ''};
}

/** One column of a card: what one generator answered in one run, and all that was said about it. */
function answersOf(records) {
    const columns = new Map();
    for (const record of records) {
        if (record.other) continue;
        const key = record.answer.generator;
        if (!columns.has(key)) columns.set(key, {generator: key, answer: record.answer, records: []});
        columns.get(key).records.push(record);
    }
    return [...columns.values()];
}

/**
 * Records about the same two generators, seen from the first one: `orders` are {record, verdicts: Map(aspect ->
 * {choice: 'first' | 'second' | 'tie' | null, reason, verdict})}.
 */
function comparisonsOf(records) {
    const comparisons = new Map();
    for (const record of records) {
        if (!record.other) continue;
        const names = [record.answer.generator, record.other.generator];
        const key = JSON.stringify([[...names].sort(), record.judge, record.rubric, record.turn]);
        if (!comparisons.has(key)) comparisons.set(key, {first: record.answer, second: record.other, record, orders: []});
        const comparison = comparisons.get(key);
        const straight = record.answer.generator === comparison.first.generator;
        const verdicts = new Map(Object.entries(record.verdicts).map(([aspect, raw]) => {
            const verdict = readVerdict(raw);
            const choice = verdict.kind !== 'preference' ? null
                : verdict.value === 'tie' ? 'tie' : (verdict.value === 'A') === straight ? 'first' : 'second';
            return [aspect, {choice, reason: verdict.reason, verdict}];
        }));
        comparison.orders.push({record, straight, verdicts});
    }
    return [...comparisons.values()];
}

/** The outcome of an aspect: 'first', 'second', 'tie', 'flip' (the orders disagree) or null (one was not read). */
export function outcomeOf(comparison, aspect) {
    const choices = comparison.orders.map((order) => order.verdicts.get(aspect)?.choice ?? null);
    if (choices.includes(null)) return null;
    return choices.every((choice) => choice === choices[0]) ? choices[0] : 'flip';
}

/** [{id, instruction, follow_ups, references, tags: {task, topic, source, difficulty}, of: per run {records, answers, comparisons}}] */
export function pairItems(runs) {
    const items = new Map();
    for (const run of runs) {
        for (const record of run.records) {
            const key = JSON.stringify([record.id, record.instruction]);
            if (!items.has(key)) items.set(key, newItem(record, runs.length));
            items.get(key).of[run.index].records.push(record);
        }
    }
    for (const item of items.values()) {
        for (const own of item.of) {
            own.answers = answersOf(own.records);
            own.comparisons = comparisonsOf(own.records);
        }
    }
    return [...items.values()];
}

function newItem(record, runs) {
    const list = (value) => value === undefined ? [] : [value].flat();
    return {
        id: record.id, instruction: record.instruction, follow_ups: list(record.follow_ups), references: list(record.references),
        tags: {task: list(record.task), topic: list(record.topic), source: list(record.dataset),
               difficulty: list(record.difficulty), category: list(record.category)},
        of: Array.from({length: runs}, () => ({records: [], answers: [], comparisons: []})),
    };
}

/** Names of aspects in order of appearance. */
export function aspectNames(runs) {
    const names = new Set();
    for (const run of runs) {
        for (const record of run.records) for (const name of Object.keys(record.verdicts)) names.add(name);
    }
    return [...names];
}
