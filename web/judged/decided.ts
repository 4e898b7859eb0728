// Which differences are decided: one rule, used wherever the page shows a difference. Pure functions.

import type {Difference, RunDifference} from './data';

export const kLevel = 0.05;

/** p-values corrected by Holm's rule for their number, in their order; null stays null and does not count. */
export function holm(values: readonly (number | null)[]): (number | null)[] {
    const order = values.flatMap((p, i) => p === null ? [] : [{p, i}]).sort((a, b) => a.p - b.p);
    const corrected: (number | null)[] = values.map(() => null);
    let running = 0;
    order.forEach(({p, i}, rank) => {
        running = Math.max(running, Math.min(1, p * (order.length - rank)));
        corrected[i] = running;
    });
    return corrected;
}

/** A difference with the p-value that decides. */
export interface Judged {
    run: string;
    against: string;
    aspect: string;
    difference: Difference & {mean: number};
    p: number | null;
    decided: boolean;
}

/**
 * All differences that are shown. Where the run states the family of its comparisons, its corrected p-values decide;
 * otherwise all differences of the page are the family. A difference without a p-value is not decided.
 */
export function judgeDifferences(differences: readonly RunDifference[]): {rows: Judged[]; isStated: boolean} {
    const shown = differences.flatMap(({run, against, aspects}) => [...aspects].flatMap(([aspect, difference]) =>
        difference.mean === null ? [] : [{run, against, aspect, difference: {...difference, mean: difference.mean}}]));
    const isStated = shown.some(({difference}) => typeof difference.p_holm === 'number');
    const corrected = isStated ? shown.map(({difference}) => difference.p_holm ?? null) : holm(shown.map(({difference}) => difference.p_value));
    return {isStated, rows: shown.map((row, i) => {
        const p = corrected[i] ?? null;
        return {...row, p, decided: p !== null && p < kLevel};
    })};
}
