// Which items the browser shows, and in which order. Pure functions over the items of data.ts.

import {type Breakdown, type Item, type JudgedRecord, type JudgedRun, outcomeOf, type OwnRecords, type Verdict} from './data';

/** The scores of an aspect (empty: of all aspects) in some records. */
export function scoresOf(records: readonly JudgedRecord[], aspect: string): number[] {
    const scores: number[] = [];
    for (const record of records) {
        for (const [name, {score}] of record.verdicts) {
            if ((!aspect || name === aspect) && !Number.isNaN(score)) scores.push(score);
        }
    }
    return scores;
}

export function mean(values: readonly number[]): number {
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
}

/** Highest minus lowest; 0 for fewer than two. */
function spread(values: readonly number[]): number {
    const numbers = values.filter((value) => !Number.isNaN(value));
    return numbers.length > 1 ? Math.max(...numbers) - Math.min(...numbers) : 0;
}

function aspectsOf(item: Item, aspect: string): string[] {
    if (aspect) return [aspect];
    return [...new Set(item.of.flatMap((own) => own.records.flatMap((record) => [...record.verdicts.keys()])))];
}

/** The largest gap between two runs on one aspect; the sum of all gaps decides between equals. */
function runDisagreement(item: Item, aspect: string): number {
    const gaps = aspectsOf(item, aspect).map((name) => spread(item.of.map((own) => mean(scoresOf(own.records, name)))));
    return Math.max(0, ...gaps) + gaps.reduce((sum, gap) => sum + gap, 0) / 1000;
}

/** The same between judges of one answer; a comparison that its orders or judges decide differently counts one step. */
function judgeDisagreement(item: Item, aspect: string): number {
    let most = 0;
    let sum = 0;
    const see = (gap: number): void => { most = Math.max(most, gap); sum += gap; };
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

function everyScore(item: Item, aspect: string): number {
    return mean(item.of.flatMap((own) => scoresOf(own.records, aspect)));
}

function longest(item: Item): number {
    return Math.max(0, ...item.of.flatMap((own) => own.records.map((record) => Math.max(record.answer.output.length, record.other?.output.length ?? 0))));
}

type ValueOf = (item: Item, aspect: string) => number;

/** Items without a value (NaN) come last. */
export const kOrders: ReadonlyMap<string, {title: string; value: ValueOf; direction: 1 | -1}> = new Map([
    ['runs', {title: 'runs disagree most', value: runDisagreement, direction: -1}],
    ['judges', {title: 'judges or orders disagree most', value: judgeDisagreement, direction: -1}],
    ['lowest', {title: 'lowest scores first', value: everyScore, direction: 1}],
    ['highest', {title: 'highest scores first', value: everyScore, direction: -1}],
    ['longest', {title: 'longest answers first', value: longest, direction: -1}],
]);

/** Whether several judges, or both orders, spoke about one answer somewhere. */
export function hasSeveralJudges(items: readonly Item[]): boolean {
    return items.some((item) => item.of.some((own) =>
        own.comparisons.some((comparison) => comparison.orders.length > 1) ||
        own.answers.some((column) => new Set(column.records.map((record) => record.judge)).size > 1)));
}

/** `test` looks at one verdict; null: at whole comparisons (those that flip). */
export interface Condition {
    title: string;
    test: ((verdict: Verdict) => boolean) | null;
}

export function makeConditions(runs: readonly JudgedRun[]): Map<string, Condition> {
    const scores = new Set(runs.flatMap((run) => scoresOf(run.records, '')));
    const conditions = new Map<string, Condition>();
    for (const score of [...scores].sort((a, b) => b - a)) conditions.set(`=${score}`, {title: `score ${score}`, test: (verdict) => verdict.score === score});
    if (scores.size > 2) conditions.set('low', {title: 'score 2 or lower', test: (verdict) => verdict.score <= 2});
    const kinds = new Set(runs.flatMap((run) => run.records.flatMap((record) => [...record.verdicts.values()].map(({kind}) => kind))));
    if (kinds.has('preference')) {
        conditions.set('flip', {title: 'flips with the order', test: null});
        conditions.set('tie', {title: 'tie', test: ({kind, text}) => kind === 'preference' && text === 'tie'});
    }
    if (kinds.has('not_applicable')) conditions.set('not_applicable', {title: 'not applicable', test: ({kind}) => kind === 'not_applicable'});
    if (kinds.has('unscored')) conditions.set('unscored', {title: 'unscored', test: ({kind}) => kind === 'unscored'});
    return conditions;
}

function fulfils(own: OwnRecords, {test}: Condition, aspect: string): boolean {
    if (!test) {
        return own.comparisons.some((comparison) => [...comparison.orders[0].choices.keys()]
            .some((other) => (!aspect || other === aspect) && outcomeOf(comparison, other) === 'flip'));
    }
    return own.records.some((record) => [...record.verdicts].some(([other, verdict]) => (!aspect || other === aspect) && test(verdict)));
}

export const kParts: readonly (readonly [string, string])[] = [['', 'everything'], ['questions', 'questions'], ['answers', 'answers'], ['reasons', 'reasons']];

/** The texts of an item in one run, in lower case; made once, since every key that is pressed searches them. */
const searched = new WeakMap<OwnRecords, {answers: string; reasons: string}>();

function searchedText(own: OwnRecords): {answers: string; reasons: string} {
    let text = searched.get(own);
    if (!text) {
        text = {
            answers: own.records.flatMap(({answer, other}) => [answer.output, other?.output ?? '', ...(answer.follow_ups ?? [])]).join('\n').toLowerCase(),
            reasons: own.records.flatMap(({verdicts}) => [...verdicts.values()].map(({reason}) => reason)).join('\n').toLowerCase(),
        };
        searched.set(own, text);
    }
    return text;
}

/** Whether the text stands in the wanted part of an item (all parts where none is named). */
function mentions(item: Item, own: readonly OwnRecords[], text: string, part: string): boolean {
    if ((!part || part === 'questions') && item.instruction.toLowerCase().includes(text)) return true;
    return own.some((one) => {
        const {answers, reasons} = searchedText(one);
        return ((!part || part === 'answers') && answers.includes(text)) || ((!part || part === 'reasons') && reasons.includes(text));
    });
}

export interface Wanted {
    text: string;
    tags: ReadonlyMap<Breakdown, string>;
    aspect: string;
    condition: string;
    id: string | null;
    order: string;
    part: string;   // that the text is searched in; empty: all
}

/** `shown`: the runs whose verdicts and answers count. */
export function selectItems(items: readonly Item[], wanted: Wanted, shown: readonly JudgedRun[], conditions: ReadonlyMap<string, Condition>): Item[] {
    const text = wanted.text.toLowerCase();
    const condition = conditions.get(wanted.condition);
    const chosen = items.filter((item) => {
        const own = shown.map((run) => item.of[run.index]);
        if (wanted.id !== null && item.id !== wanted.id) return false;
        if ([...wanted.tags].some(([facet, tag]) => tag && !item.tags[facet].includes(tag))) return false;
        if (!own.some(({records}) => records.length)) return false;
        if (condition && !own.some((one) => fulfils(one, condition, wanted.aspect))) return false;
        return !text || mentions(item, own, text, wanted.part);
    });
    const order = kOrders.get(wanted.order);
    if (!order) return chosen;
    const values = new Map(chosen.map((item) => {
        const value = order.value({...item, of: shown.map((run) => item.of[run.index])}, wanted.aspect);
        return [item, Number.isNaN(value) ? Infinity : order.direction * value];
    }));
    return chosen.sort((a, b) => values.get(a)! - values.get(b)! || 0);
}

/** [[tag, items that carry it]] of a facet, most frequent first. */
export function facetCounts(items: readonly Item[], facet: Breakdown): [string, number][] {
    const counts = new Map<string, number>();
    for (const item of items) for (const tag of item.tags[facet]) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
}
