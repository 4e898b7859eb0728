// Which answers the third view shows, and in which order. Pure functions over runs.

import {classIndex} from '../page/position';
import type {Answer, Run} from './data';
import {answerKey, classCounts, meanKl} from './statistics';

/** One question with the answer of each run; null where a run has none. */
export interface Item {
    id: string;
    instruction: string;
    tags: string[];
    of: (Answer | null)[];
}

/** Answers of all runs by id and instruction, in the order of the first run that has them. */
export function pairAnswers(runs: readonly Run[]): Item[] {
    const items = new Map<string, Item>();
    runs.forEach((run, r) => {
        for (const answer of run.answers) {
            const key = answerKey(answer);
            let item = items.get(key);
            if (!item) {
                item = {id: answer.id, instruction: answer.instruction, tags: answer.tags, of: runs.map(() => null)};
                items.set(key, item);
            }
            item.of[r] = answer;
        }
    });
    return [...items.values()];
}

/** How many ids stand for different questions in different runs. */
export function conflictingIds(items: readonly Item[]): number {
    const seen = new Map<string, number>();
    for (const item of items) seen.set(item.id, (seen.get(item.id) ?? 0) + 1);
    return [...seen.values()].filter((count) => count > 1).length;
}

type ValueOf = (run: Run, answer: Answer) => number;

/** The mean of a value over an item's answers. */
function valueOf(item: Item, runs: readonly Run[], value: ValueOf): number {
    let sum = 0;
    let n = 0;
    item.of.forEach((answer, r) => {
        if (!answer?.length) return;
        const x = value(runs[r], answer);
        if (Number.isNaN(x)) return;
        sum += x;
        ++n;
    });
    return n ? sum / n : NaN;
}

const shiftedShare: ValueOf = (run, answer) => classCounts(run, answer)[2] / answer.length;

const kOrders = new Map<string, {title: string; value: ValueOf; direction: 1 | -1; needsKl?: boolean}>([
    ['most-shifted', {title: 'most shifted first', value: shiftedShare, direction: -1}],
    ['least-shifted', {title: 'least shifted first', value: shiftedShare, direction: 1}],
    ['highest-kl', {title: 'highest mean KL first', value: meanKl, direction: -1, needsKl: true}],
    ['lowest-kl', {title: 'lowest mean KL first', value: meanKl, direction: 1, needsKl: true}],
    ['longest', {title: 'longest first', value: (_run, answer) => answer.length, direction: -1}],
]);

/** The order in which a run's records were written is the one in which answers were finished. */
export function orderChoices(hasKl: boolean): [string, string][] {
    return [['', 'as they were finished'],
            ...[...kOrders].filter(([, order]) => hasKl || !order.needsKl).map(([name, {title}]): [string, string] => [name, title])];
}

/** Whether the token with this text is shifted somewhere in the answer. */
function hasShifted(run: Run, answer: Answer, text: string): boolean {
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
        if (classIndex(run.columns.base_rank[p]) === 2 && run.token(p) === text) return true;
    }
    return false;
}

export interface Wanted {
    text: string;
    tag: string;
    token: {run: Run; text: string} | null;
    id: string | null;
    order: string;
}

export function selectAnswers(runs: readonly Run[], items: readonly Item[], wanted: Wanted): Item[] {
    const text = wanted.text.toLowerCase();
    const chosen = items.filter((item) => {
        if (wanted.id !== null && item.id !== wanted.id) return false;
        if (wanted.tag && !item.tags.includes(wanted.tag)) return false;
        if (wanted.token) {
            const answer = item.of[wanted.token.run.index];
            if (!answer || !hasShifted(wanted.token.run, answer, wanted.token.text)) return false;
        }
        if (!text || item.instruction.toLowerCase().includes(text)) return true;
        return item.of.some((answer, r) => answer && runs[r].lowerText(answer).includes(text));
    });
    const order = kOrders.get(wanted.order);
    if (!order) return chosen;
    const values = new Map(chosen.map((item) => {
        const value = valueOf(item, runs, order.value);
        return [item, Number.isNaN(value) ? Infinity : order.direction * value];
    }));
    return chosen.sort((a, b) => values.get(a)! - values.get(b)! || 0);
}

/** Positions of the answer, from 0, that overlap an occurrence of `text`. */
export function searchHits(run: Run, answer: Answer, text: string): Set<number> {
    const hits = new Set<number>();
    if (!text) return hits;
    const wanted = text.toLowerCase();
    const starts: number[] = [];
    let whole = '';
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
        starts.push(whole.length);
        whole += run.token(p).toLowerCase();
    }
    let at = 0;
    for (let found = whole.indexOf(wanted); found >= 0; found = whole.indexOf(wanted, found + wanted.length)) {
        while (at + 1 < starts.length && starts[at + 1] <= found) ++at;
        for (let i = at; i < starts.length && starts[i] < found + wanted.length; ++i) hits.add(i);
    }
    return hits;
}
